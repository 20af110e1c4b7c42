/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What a set of changes would touch, statement by statement. */
#include "config.h"

#include "sheet_priv.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "twokey/base/buf.h"
#include "twokey/base/json.h"
#include "twokey/base/must.h"
#include "twokey/console/model.h"

#include "lay.h"
#include "set_parts.h"

/* "UPDATE orders", as the text itself says it; true for an UPDATE. */
static bool
put_what(const struct model *m, const struct model_entry *e, const struct set_part *p, struct buf *out)
{
	struct sql_settings set = { .engine = SQL_SQLITE };
	struct sql_facts *f = must_alloc(sizeof *f);
	const struct sql_table *t;
	bool update;

	sql_engine_parse(model_header(m)->engine, &set.engine);
	sql_classify(f, &set, e->sql + p->text.off, p->text.len);
	t = sql_written_table(f);
	buf_puts(out, f->verb);
	if (t != NULL)
		buf_putf(out, " %.*s%s%.*s", (int)t->schema.n, t->schema.p, t->schema.n > 0 ? "." : "", (int)t->name.n, t->name.p);
	if (f->where == SQL_WHERE_ABSENT || f->where == SQL_WHERE_TRUE)
		buf_puts(out, "   !!  EVERY ROW");
	update = strcmp(f->verb, "UPDATE") == 0;
	free(f);
	return update;
}

static void
lay_part(struct lay *l, const struct model *m, const struct model_entry *e, size_t i, bool apart)
{
	size_t n = set_size(e);
	struct set_part p;
	struct buf b;
	bool fits, update = false;

	set_part(m, e, i, &p);
	fits = p.count < 0 || p.wanted < 0 || (p.most ? p.count <= p.wanted : p.count == p.wanted);
	buf_init(&b, 4096);
	buf_putf(&b, "  %zu of %zu  ", i + 1, n);
	if (apart) {
		update = put_what(m, e, &p, &b);
		buf_putf(&b, "   (line %zu)", p.line);
	}
	lay_line(l, SCREEN_STRONG, "%s", buf_str(&b));
	buf_reset(&b);
	if (p.wanted >= 0)
		buf_putf(&b, "    %s expects %s%" PRId64 " row%s", e->by, p.most ? "at most " : "", p.wanted, p.wanted == 1 ? "" : "s");
	else
		buf_putf(&b, "    %s named no count", e->by);
	if (e->sheet == NULL)
		;
	else if (p.count >= 0)
		buf_putf(&b, "; matching rows now: %" PRId64 "%s", p.count, fits ? "" : "   !!  that does not fit");
	else
		buf_puts(&b, "; matching rows: not known before it runs");
	lay_line(l, !fits ? SCREEN_BAD : p.wanted < 0 && p.count < 0 ? SCREEN_WARN : SCREEN_PLAIN, "%s", buf_str(&b));
	buf_fini(&b);
	if (e->sheet != NULL && e->sample != NULL)
		sheet_sample_rows(l, json_array_get(json_object_get(e->sample, "parts"), i), p.count, update);
}

void
set_effect(struct lay *l, const struct model *m, const struct model_entry *e)
{
	bool apart = set_is_told_apart(m, e), most;
	int64_t rows;

	lay_rule(l, SCREEN_RULE, "EFFECT: all of it in one transaction, or nothing", "");
	lay_line(l, SCREEN_STRONG, "  CHANGE SET of %zu statement%s   table%s %s", set_size(e),
	    set_size(e) == 1 ? "" : "s", strchr(e->table, '+') != NULL ? "s" : "", e->table[0] != '\0' ? e->table : "?");
	if (!apart)
		lay_line(l, SCREEN_BAD, "  !!  the text cannot be told apart into its %zu statements here: judge by the bytes above",
		    set_size(e));
	for (size_t i = 0; i < set_size(e); i++)
		lay_part(l, m, e, i, apart);
	if (e->sheet != NULL && e->sample == NULL)
		lay_line(l, SCREEN_WARN, "  the samples of rows are not in this copy");
	if (set_total(e, &most, &rows))
		lay_line(l, SCREEN_STRONG, "  all together: %s%" PRId64 " row%s; a statement that touches another number takes all of "
		    "it back", most ? "at most " : "", rows, rows == 1 ? "" : "s");
	else
		lay_line(l, SCREEN_WARN, "  all together: not known%s", e->sheet == NULL ? " before the sheet is there" : "");
	if (e->sheet == NULL)
		lay_line(l, SCREEN_WARN, "  the sheet is being made: the database is asked what it would touch");
	else if (e->note != NULL && e->note[0] != '\0')
		lay_text(l, SCREEN_PLAIN, "  note: ", "    ", e->note, strlen(e->note), LAY_WORDS);
	if (e->derived != NULL && e->derived[0] != '\0')
		lay_text(l, SCREEN_DIM, "  read with: ", "    ", e->derived, strlen(e->derived), LAY_EXACT);
}
