/* SPDX-License-Identifier: GPL-3.0-or-later */
/* MariaDB and MySQL: UPDATE a JOIN b SET b.x = 1 writes b only; the qualifiers in SET tell. */
#include "config.h"
#include "sql/walk.h"

#include <string.h>

void
walk_update_begin(struct walker *w)
{
	if (w->c->d->at_vars && w->c->ntargets == 0)
		w->c->in_targets = true;
}

/* Is the table here one of those that an UPDATE may write? */
bool
walk_update_lists(const struct walker *w)
{
	return w->c->in_targets && (w->top->dml == DML_UPDATE || w->top->dml == DML_NONE);
}

/* The table stands in the list; its alias is behind the cursor or at it. */
void
walk_update_table(struct walker *w, const struct name *nm)
{
	struct ctx *c = w->c;
	int table = ctx_note_table(c, nm, 0);
	const struct sql_token *t = is_kw(cur(c), KW_AS) ? ctx_ahead(c, 1) : cur(c);
	struct target *target;

	if (table < 0)
		return;
	if (c->ntargets == CTX_TARGETS) {
		ctx_danger(c, SQL_DANGER_LIST_CUT);
		c->f->tables[table].use |= SQL_USE_WRITE;
		return;
	}
	target = &c->targets[c->ntargets++];
	target->table = table;
	target->written = false;
	target->alias = c->f->tables[table].name;
	if (ctx_is_name(c, t) && !(t->tok == TOK_WORD && t->kw != KW_NO))
		target->alias = ctx_fold_name(c, t, false);
}

/* A column that is set: of the table it names, of any when it names none that is known. */
void
walk_update_column(struct walker *w, const struct name *nm)
{
	struct ctx *c = w->c;
	size_t mark = c->f->names_len;
	struct sql_str table = { NULL, 0 };
	bool found = false;

	if (nm->nparts > 1)
		table = ctx_fold_name(c, &nm->part[nm->nparts - 2], false);
	for (unsigned i = 0; i < c->ntargets; i++)
		if (table.n > 0 && ctx_str_same(c->targets[i].alias, table))
			c->targets[i].written = found = true;
	for (unsigned i = 0; i < c->ntargets && !found; i++)
		c->targets[i].written = true;
	c->f->names_len = mark;
}

void
walk_update_end(struct ctx *c)
{
	bool any = false;

	for (unsigned i = 0; i < c->ntargets; i++)
		any = any || c->targets[i].written;
	for (unsigned i = 0; i < c->ntargets; i++) {
		struct target *t = &c->targets[i];

		c->f->tables[t->table].use |= t->written || !any ? SQL_USE_WRITE : SQL_USE_READ;
		if ((t->written || !any) && c->reason_name.n == 0 && c->class == SQL_CLASS_WRITE)
			c->reason_name = c->f->tables[t->table].name;
	}
	c->ntargets = 0;
	c->in_targets = false;
}
