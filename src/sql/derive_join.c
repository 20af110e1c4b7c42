/* SPDX-License-Identifier: GPL-3.0-or-later */
/* MariaDB and MySQL: which one of the tables of a join an UPDATE or DELETE writes. The list of tables reads the
 * same in a SELECT; whatever in it is not known is refused. */
#include "config.h"
#include "sql/derive_parts.h"

#include "twokey/base/err.h"

static const char portion[] = "FOR means a portion of time or another time";

/* Words that change nothing of what is touched. */
static int
take_modifiers(struct ctx *c, const struct parts *p, struct err *e)
{
	while (is_kw(cur(c), KW_LOW_PRIORITY) || (!p->is_update && is_kw(cur(c), KW_QUICK)))
		ctx_step(c);
	if (is_kw(cur(c), KW_IGNORE))
		return derive_refuse(e, "IGNORE passes over rows that cannot be written");
	if (!p->is_update && is_kw(cur(c), KW_HISTORY))
		return derive_refuse(e, "it deletes what rows were once");
	return 0;
}

/* Behind a table without AS: anything but a word that goes on with the list. */
static bool
is_bare_alias(const struct ctx *c)
{
	return cur(c)->tok == TOK_NAME || (cur(c)->tok == TOK_WORD && cur(c)->kw == KW_NO);
}

/* USE, FORCE, IGNORE INDEX [FOR ...] (...) */
static bool
take_hint(struct ctx *c)
{
	ctx_step(c);
	ctx_step(c);
	if (ctx_skip_kw(c, KW_FOR)) {
		ctx_step(c);
		ctx_skip_kw(c, KW_BY);
	}
	return derive_skip_parens(c);
}

static bool
is_hint(struct ctx *c)
{
	const struct sql_token *next = ctx_ahead(c, 1);

	return (is_kw(cur(c), KW_USE) || is_kw(cur(c), KW_FORCE) || is_kw(cur(c), KW_IGNORE))
	    && (is_kw(next, KW_INDEX) || is_kw(next, KW_KEY));
}

/* What may stand behind a table, query or function of the list. */
static int
take_item_tail(struct ctx *c, struct list_item *item, struct err *e)
{
	if (is_kw(cur(c), KW_FOR))
		return derive_refuse(e, portion);
	if (is_kw(cur(c), KW_AS) || is_bare_alias(c)) {
		ctx_skip_kw(c, KW_AS);
		if (cur(c)->tok != TOK_WORD && cur(c)->tok != TOK_NAME)
			return derive_refuse(e, "the alias of a table cannot be read");
		item->alias = *cur(c);
		item->call = (struct sql_span){ cur(c)->off, cur(c)->len };
		ctx_step(c);
	}
	while (is_hint(c))
		if (!take_hint(c))
			return derive_refuse(e, "its list of tables cannot be read");
	return is_kw(cur(c), KW_FOR) ? derive_refuse(e, portion) : 0;
}

static int
take_item(struct ctx *c, struct parts *p, struct err *e)
{
	struct list_item *item = &p->items[p->nitems];
	struct name nm;

	if (p->nitems == DERIVE_ITEMS)
		return derive_refuse(e, "it has too many tables");
	p->nitems++;
	if (cur(c)->tok == TOK_OPEN) {
		derive_skip_parens(c);
		return take_item_tail(c, item, e);
	}
	if (!ctx_take_name(c, &nm) || nm.wildcard || nm.too_long || nm.nparts > 2)
		return derive_refuse(e, "its list of tables cannot be read");
	if (derive_skip_parens(c))
		return take_item_tail(c, item, e);	/* JSON_TABLE */
	item->table = nm.part[nm.nparts - 1];
	if (nm.nparts == 2)
		item->schema = nm.part[0];
	item->call = (struct sql_span){ nm.part[0].off, nm.end - nm.part[0].off };
	if (ctx_skip_kw(c, KW_PARTITION) && !derive_skip_parens(c))
		return derive_refuse(e, "its PARTITION cannot be read");
	return take_item_tail(c, item, e);
}

static bool
is_query(struct ctx *c)
{
	const struct sql_token *next = ctx_ahead(c, 1);

	return is_kw(next, KW_SELECT) || is_kw(next, KW_WITH) || is_kw(next, KW_VALUES) || is_kw(next, KW_TABLE);
}

/* One step over what is no table: a condition, JOIN, a parenthesis. *table: one must come now. False: the
 * list ends here. */
static bool
step_between(struct ctx *c, struct parts *p, unsigned *nest, bool *table)
{
	const struct sql_token *t = cur(c);
	bool word = t->tok == TOK_WORD && c->prev.tok != TOK_DOT;

	if (at_end(c) || (t->tok == TOK_CLOSE && *nest == 0))
		return false;
	if (word && (is_kw(t, KW_SET) || (derive_ends_clause(c) && !is_kw(t, KW_USING))))
		return false;
	if (t->tok == TOK_OPEN)
		return derive_skip_parens(c);
	if (t->tok == TOK_CLOSE)
		--*nest;
	*table = t->tok == TOK_COMMA || (word && (is_kw(t, KW_JOIN) || is_kw(t, KW_STRAIGHT_JOIN)));
	p->outer = p->outer || (word && (is_kw(t, KW_LEFT) || is_kw(t, KW_RIGHT)));
	ctx_step(c);
	return true;
}

/* The tables up to SET or WHERE. */
static int
take_tables(struct ctx *c, struct parts *p, struct err *e)
{
	size_t from = cur(c)->off;
	unsigned nest = 0;
	bool table = true;
	int rc = 0;

	do {
		for (; table && cur(c)->tok == TOK_OPEN && !is_query(c); nest++)
			ctx_step(c);
		if (table)
			rc = take_item(c, p, e);
		table = false;
	} while (rc == 0 && step_between(c, p, &nest, &table));
	if (rc == 0 && (nest > 0 || table))
		rc = derive_refuse(e, "its list of tables cannot be read");
	p->table = (struct sql_span){ from, c->prev.off + c->prev.len - from };
	return rc;
}

/* The one item that a qualifier means; NULL: none, or it cannot be told which. */
static const struct list_item *
find_item(const struct ctx *c, const struct parts *p, const struct sql_token *schema, const struct sql_token *table)
{
	const struct list_item *found = NULL;

	for (size_t i = 0; i < p->nitems; i++) {
		const struct list_item *item = &p->items[i];
		const struct sql_token *call = item->alias.len > 0 ? &item->alias : &item->table;

		if (call->len == 0 || !derive_is_same(c, call, table))
			continue;
		if (found != NULL)
			return NULL;
		found = item;
	}
	if (found == NULL || found->table.len == 0 || (schema->len > 0 && found->alias.len > 0))
		return NULL;
	if (schema->len > 0 && found->schema.len > 0 && !derive_is_same(c, schema, &found->schema))
		return NULL;
	return found;
}

/* The table of the list that is written is known. */
static int
aim(struct ctx *c, struct parts *p, const struct list_item *item, struct err *e)
{
	if (item == NULL)
		return derive_refuse(e, "it is not plain which of its tables is written");
	if (item->schema.len == 0 && derive_is_hidden(c, p, &item->table))
		return derive_refuse(e, "a query of its WITH has the name of the table");
	p->call = item->call;
	p->written = item->table;
	p->joined = p->nitems > 1;
	return 0;
}

static int
take_update(struct ctx *c, struct parts *p, struct err *e)
{
	const struct list_item *item = NULL;
	int rc = take_tables(c, p, e);

	if (rc == 0)
		rc = derive_take_sets(c, p, e);
	if (rc != 0)
		return rc;
	if (p->nitems == 1)
		return aim(c, p, p->items[0].table.len > 0 ? &p->items[0] : NULL, e);
	for (size_t i = 0; i < p->nsets; i++) {
		const struct set_item *set = &p->sets[i];
		const struct list_item *one = find_item(c, p, &set->schema, &set->table);

		if (set->table.len == 0)
			return derive_refuse(e, "a column that is set does not name its table");
		if (item != NULL && one != NULL && one != item)
			return derive_refuse(e, "it changes rows of more than one table");
		if (one == NULL)
			return aim(c, p, NULL, e);
		item = one;
	}
	return aim(c, p, item, e);
}

/* DELETE t FROM tables, DELETE FROM t USING tables, DELETE FROM t; t may be t.* in the first two. */
static int
take_delete(struct ctx *c, struct parts *p, struct err *e)
{
	static const struct sql_token none;
	bool from = ctx_skip_kw(c, KW_FROM);
	struct name nm;
	int rc;

	if (!ctx_take_name(c, &nm) || nm.too_long || nm.nparts > 2)
		return derive_refuse(e, "its table cannot be read");
	if (cur(c)->tok == TOK_COMMA)
		return derive_refuse(e, "it deletes rows of more than one table");
	if (from && is_kw(cur(c), KW_FOR))
		return derive_refuse(e, portion);
	if (from && !nm.wildcard && !is_kw(cur(c), KW_USING))
		return derive_take_alias(c, p, &nm, e);
	if (!ctx_skip_kw(c, from ? KW_USING : KW_FROM))
		return derive_refuse(e, "its table cannot be read");
	rc = take_tables(c, p, e);
	return rc != 0 ? rc : aim(c, p, find_item(c, p, nm.nparts == 2 ? &nm.part[0] : &none, &nm.part[nm.nparts - 1]), e);
}

int
derive_take_join(struct ctx *c, struct parts *p, struct err *e)
{
	int rc = take_modifiers(c, p, e);

	if (rc != 0)
		return rc;
	return p->is_update ? take_update(c, p, e) : take_delete(c, p, e);
}
