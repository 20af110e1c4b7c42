/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What a statement that writes one table would touch or add, as a SELECT made of its own parts. The result is
 * classified again: only a plain read without volatile functions is handed out. */
#include "config.h"
#include "twokey/sql/derive.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "twokey/base/buf.h"
#include "twokey/base/err.h"
#include "twokey/base/must.h"

#include "sql/derive_parts.h"

struct work {
	struct ctx c;
	struct sql_facts facts;
	struct parts p;
};

static void
put_span(struct buf *out, const char *sql, struct sql_span s)
{
	buf_put(out, sql + s.off, s.len);
}

static void
put_quoted(struct buf *out, const struct ctx *c, const char *p, size_t n, const char *after)
{
	char mark = c->d->at_vars ? '`' : '"';

	buf_putc(out, mark);
	for (size_t i = 0; i < n; i++) {
		if (p[i] == mark)
			buf_putc(out, mark);
		buf_putc(out, p[i]);
	}
	buf_puts(out, after);
	buf_putc(out, mark);
}

void
derive_put_column(struct buf *out, const struct ctx *c, const struct sql_token *column, const char *after)
{
	char name[256];

	put_quoted(out, c, name, ctx_fold_into(c, column, name, sizeof(name), false), after);
}

static void
put_key(struct buf *out, const struct ctx *c, const struct parts *p, const char *key)
{
	if (p->joined) {
		put_span(out, c->text, p->call);
		buf_putc(out, '.');
	}
	put_quoted(out, c, key, strlen(key), "");
}

static void
put_keys(struct buf *out, const struct ctx *c, const struct parts *p, const struct sql_derive_want *want)
{
	for (size_t i = 0; i < want->nkeys; i++) {
		if (i > 0)
			buf_puts(out, ", ");
		put_key(out, c, p, want->keys[i]);
	}
}

const char *
derive_stored(const struct ctx *c, const struct sql_token *column, const struct sql_derive_want *want)
{
	char name[256];
	size_t n = ctx_fold_into(c, column, name, sizeof(name), false);

	for (size_t i = 0; i < want->nstored; i++)
		if (strlen(want->stored[i].column) == n && strncasecmp(want->stored[i].column, name, n) == 0)
			return want->stored[i].type;
	return NULL;
}

/* The new value of a column. */
static void
put_value(struct buf *out, const struct ctx *c, const struct set_item *set, const struct sql_derive_want *want)
{
	const char *type = derive_stored(c, &set->column, want);

	buf_puts(out, type != NULL ? "CAST((" : "(");
	put_span(out, c->text, set->value);
	buf_putc(out, ')');
	if (type != NULL)
		buf_putf(out, " AS %s)", type);
}

static void
put_sample(struct buf *out, const struct ctx *c, const struct parts *p, const struct sql_derive_want *want)
{
	buf_puts(out, ", ");
	if (!p->is_update) {
		if (c->d->at_vars) {
			put_span(out, c->text, p->call);
			buf_putc(out, '.');
		}
		buf_putc(out, '*');
		return;
	}
	for (size_t i = 0; i < p->nsets; i++) {
		if (i > 0)
			buf_puts(out, ", ");
		put_span(out, c->text, p->sets[i].name);
		buf_puts(out, ", ");
		put_value(out, c, &p->sets[i], want);
		buf_puts(out, " AS ");
		derive_put_column(out, c, &p->sets[i].column, " (new)");
	}
}

/* The rows of the one table. Each counts once, however many rows of other tables it is joined with. */
static void
put_from(struct buf *out, const struct ctx *c, const struct parts *p)
{
	buf_puts(out, p->only ? " FROM ONLY " : " FROM ");
	put_span(out, c->text, p->table);
	if (p->list.len > 0) {
		buf_puts(out, " WHERE EXISTS (SELECT 1 FROM ");
		put_span(out, c->text, p->list);
	}
	if (p->where.len > 0) {
		buf_puts(out, " WHERE (");
		put_span(out, c->text, p->where);
		buf_puts(out, ")");
	}
	if (p->list.len > 0)
		buf_puts(out, ")");
}

static void
put_count(struct buf *out, const struct ctx *c, const struct parts *p, const struct sql_derive_want *want)
{
	if (p->joined) {
		/* of a row that an outer join makes up the key is NULL, which is not counted */
		buf_puts(out, "SELECT count(DISTINCT ");
		put_keys(out, c, p, want);
		buf_putc(out, ')');
		put_from(out, c, p);
		return;
	}
	buf_puts(out, "SELECT count(*)");
	if (p->limit.len > 0)
		buf_puts(out, " FROM (SELECT 1");
	put_from(out, c, p);
	if (p->limit.len > 0) {
		buf_puts(out, " LIMIT ");
		put_span(out, c->text, p->limit);
		buf_puts(out, ") AS limited");
	}
}

/* Is the number of the statement's LIMIT greater? */
static bool
is_over(const struct ctx *c, struct sql_span number, unsigned max)
{
	uint64_t v = 0;

	for (size_t i = 0; i < number.len && v <= max; i++)
		v = v * 10 + (uint64_t)(c->text[number.off + i] - '0');
	return v > max;
}

/* With LIMIT the order of the statement tells which rows, so it stays. */
static void
put_order(struct buf *out, const struct ctx *c, const struct parts *p, const struct sql_derive_want *want)
{
	bool limited = p->limit.len > 0;

	buf_puts(out, " ORDER BY ");
	if (limited)
		put_span(out, c->text, p->order);
	else
		put_keys(out, c, p, want);
	if (want->kind == SQL_DERIVE_SAMPLE && (!limited || is_over(c, p->limit, want->limit))) {
		buf_putf(out, " LIMIT %u", want->limit);
	} else if (limited) {
		buf_puts(out, " LIMIT ");
		put_span(out, c->text, p->limit);
	}
}

static void
put_select(struct buf *out, const struct ctx *c, const struct parts *p, const struct sql_derive_want *want)
{
	if (p->with.len > 0) {
		put_span(out, c->text, p->with);
		buf_putc(out, ' ');
	}
	if (want->kind == SQL_DERIVE_COUNT) {
		put_count(out, c, p, want);
		return;
	}
	buf_puts(out, p->joined ? "SELECT DISTINCT " : "SELECT ");
	put_keys(out, c, p, want);
	if (want->kind == SQL_DERIVE_SAMPLE)
		put_sample(out, c, p, want);
	put_from(out, c, p);
	if (p->joined && p->outer) {
		buf_puts(out, p->where.len > 0 ? " AND " : " WHERE ");
		put_key(out, c, p, want->keys[0]);
		buf_puts(out, " IS NOT NULL");
	}
	put_order(out, c, p, want);
}

/* What was read and what is wanted go together. */
static int
fits(const struct work *w, const struct sql_derive_want *want, struct err *e)
{
	const char *why = NULL;

	if (want->kind != SQL_DERIVE_COUNT && want->nkeys == 0)
		why = "the table has no key that tells its rows apart";
	else if (w->p.joined && want->nkeys == 0)
		why = "the table has no key, and a join may meet a row more than once";
	else if (w->p.joined && !derive_agrees(&w->c, &w->p, &w->facts))
		why = "it is not plain which of its tables is written";
	else if (want->kind != SQL_DERIVE_COUNT && w->p.limit.len > 0 && !derive_order_is_total(&w->c, &w->p, want))
		why = "LIMIT may take any of them";
	else if (want->kind == SQL_DERIVE_SAMPLE)
		why = derive_no_sample(&w->c, &w->p, want);
	return why == NULL ? 0 : derive_refuse(e, why);
}

/* The statement as a whole and what is wanted of it. */
static int
check(struct work *w, const struct sql_settings *set, const char *sql, size_t n, struct err *e)
{
	const uint64_t blocked = SQL_DANGER_BIT(SQL_DANGER_UNREADABLE) | SQL_DANGER_BIT(SQL_DANGER_DEEP)
	    | SQL_DANGER_BIT(SQL_DANGER_MULTI);

	sql_classify(&w->facts, set, sql, n);
	if (w->facts.dangers & SQL_DANGER_BIT(SQL_DANGER_EXEC_COMMENT))
		return derive_refuse(e, "servers differ on whether a comment in it is executed");
	if (w->facts.statements != 1 || (w->facts.dangers & blocked) || w->facts.class == SQL_CLASS_UNKNOWN)
		return derive_refuse(e, "it is not one statement that can be read");
	return 0;
}

/* Of an UPDATE or DELETE. */
static int
derive_touched(struct work *w, const struct sql_derive_want *want, struct buf *out, struct err *e)
{
	int rc = derive_take(&w->c, &w->p, e);

	if (rc == 0)
		rc = fits(w, want, e);
	if (rc == 0)
		put_select(out, &w->c, &w->p, want);
	return rc;
}

int
sql_derive(const struct sql_settings *set, const char *sql, size_t n,
    const struct sql_derive_want *want, struct buf *out, struct err *e)
{
	struct work *w = must_zalloc(sizeof(*w));
	struct buf made;
	int rc = check(w, set, sql, n, e);

	buf_init(&made, out->max);
	if (rc == 0) {
		ctx_begin(&w->c, &w->facts, set, sql, n);
		while (cur(&w->c)->tok == TOK_STOP)
			ctx_step(&w->c);
		if (want->kind == SQL_DERIVE_SOURCE || is_kw(cur(&w->c), KW_INSERT) || is_kw(cur(&w->c), KW_REPLACE))
			rc = derive_added(&w->c, want, &made, e);
		else
			rc = derive_touched(w, want, &made, e);
	}
	if (rc == 0)
		rc = derive_judge(&w->facts, set, &made, e);
	if (rc == 0)
		buf_put(out, buf_data(&made), buf_len(&made));
	buf_fini(&made);
	free(w);
	return rc;
}
