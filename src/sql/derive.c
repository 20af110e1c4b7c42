/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What an UPDATE or DELETE of one table would touch, as a SELECT made of its own parts. The result is
 * classified again: only a plain read without volatile functions is handed out. */
#include "config.h"
#include "twokey/sql/derive.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "twokey/base/buf.h"
#include "twokey/base/err.h"
#include "twokey/base/must.h"

#include "sql/ctx.h"

enum { DERIVE_SETS = SQL_COLUMNS_MAX };

struct set_item {
	struct sql_token column;
	struct sql_span value;
};

struct parts {
	bool is_update;
	bool only;
	struct sql_span table;
	struct set_item sets[DERIVE_SETS];
	size_t nsets;
	const char *no_sample;	/* why new values cannot be told */
	bool has_where;
	struct sql_span where;
};

struct work {
	struct ctx c;
	struct sql_facts facts;
	struct parts p;
};

static int
refuse(struct err *e, const char *why)
{
	return err_set(e, ERR_UNSUPPORTED, "cannot tell beforehand which rows it touches: %s", why);
}

/* Words that end an expression where it stands in UPDATE or DELETE. */
static bool
ends_clause(const struct sql_token *t)
{
	switch (t->tok == TOK_WORD ? (int)t->kw : KW_NO) {
	case KW_WHERE: case KW_RETURNING: case KW_FROM: case KW_ORDER: case KW_LIMIT: case KW_USING:
	case KW_OFFSET: case KW_GROUP: case KW_HAVING: case KW_UNION: case KW_EXCEPT: case KW_INTERSECT:
	case KW_FOR: case KW_FETCH: case KW_WINDOW: case KW_INTO:
		return true;
	default:
		return false;
	}
}

static bool
is_distinct_from(const struct ctx *c)
{
	return is_kw(cur(c), KW_FROM) && is_kw(&c->prev, KW_DISTINCT);
}

/* The text of an expression up to a comma (when asked) or a word that ends it. */
static struct sql_span
take_expression(struct ctx *c, bool comma_ends)
{
	struct sql_span s = { cur(c)->off, 0 };
	unsigned depth = 0;

	while (!at_end(c)) {
		const struct sql_token *t = cur(c);

		if (depth == 0 && ((comma_ends && t->tok == TOK_COMMA) || t->tok == TOK_CLOSE
		    || (ends_clause(t) && !is_distinct_from(c))))
			break;
		if (t->tok == TOK_OPEN)
			depth++;
		else if (t->tok == TOK_CLOSE)
			depth--;
		s.len = t->off + t->len - s.off;
		ctx_step(c);
	}
	return s;
}

static int
take_sets(struct ctx *c, struct parts *p, struct err *e)
{
	if (!ctx_skip_kw(c, KW_SET))
		return refuse(e, "the table has an alias or more than one table is meant");
	for (;;) {
		struct set_item *item = &p->sets[p->nsets];

		if (p->nsets == DERIVE_SETS)
			return refuse(e, "it sets too many columns");
		item->column = *cur(c);
		if (!ctx_is_name(c, cur(c)) || !ctx_is_op(c, ctx_ahead(c, 1), "=")) {
			p->no_sample = "the new values are not set column by column";
		} else {
			ctx_step(c);
			ctx_step(c);
		}
		item->value = take_expression(c, true);
		if (item->value.len == 0)
			return refuse(e, "its SET cannot be read");
		if (item->value.len == 7 && strncasecmp(c->text + item->value.off, "default", 7) == 0)
			p->no_sample = "a new value is the default of the column";
		p->nsets++;
		if (cur(c)->tok != TOK_COMMA)
			return 0;
		ctx_step(c);
	}
}

static int
take_target(struct ctx *c, struct parts *p, struct err *e)
{
	struct name nm;
	size_t from;

	p->only = ctx_skip_kw(c, KW_ONLY);
	from = cur(c)->off;
	if (!ctx_take_name(c, &nm) || nm.wildcard || nm.too_long)
		return refuse(e, "its table cannot be read");
	p->table = (struct sql_span){ from, nm.end - from };
	return 0;
}

static int
take_parts(struct ctx *c, struct parts *p, struct err *e)
{
	int rc;

	p->is_update = is_kw(cur(c), KW_UPDATE);
	if (!p->is_update && !is_kw(cur(c), KW_DELETE))
		return refuse(e, "only a plain UPDATE or DELETE of one table can be told");
	ctx_step(c);
	if (!p->is_update && !ctx_skip_kw(c, KW_FROM))
		return refuse(e, "its table cannot be read");
	if (p->is_update && (is_kw(cur(c), KW_OR) || is_kw(cur(c), KW_IGNORE) || is_kw(cur(c), KW_LOW_PRIORITY)))
		return refuse(e, "rows that conflict are treated in their own way");
	rc = take_target(c, p, e);
	if (rc == 0 && p->is_update)
		rc = take_sets(c, p, e);
	if (rc != 0)
		return rc;
	if (ctx_skip_kw(c, KW_WHERE)) {
		if (is_kw(cur(c), KW_CURRENT) && is_kw(ctx_ahead(c, 1), KW_OF))
			return refuse(e, "it means the row of a cursor");
		p->has_where = true;
		p->where = take_expression(c, false);
		if (p->where.len == 0)
			return refuse(e, "its WHERE cannot be read");
	}
	if (is_kw(cur(c), KW_RETURNING))
		return 0;
	while (cur(c)->tok == TOK_STOP)
		ctx_step(c);
	if (cur(c)->tok != TOK_END)
		return refuse(e, "it has an alias, another table, ORDER BY, LIMIT or the like");
	return 0;
}

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

static void
put_keys(struct buf *out, const struct ctx *c, const struct sql_derive_want *want)
{
	for (size_t i = 0; i < want->nkeys; i++) {
		if (i > 0)
			buf_puts(out, ", ");
		put_quoted(out, c, want->keys[i], strlen(want->keys[i]), "");
	}
}

static void
put_sample(struct buf *out, const struct ctx *c, const struct parts *p)
{
	char name[256];

	buf_puts(out, ", ");
	if (!p->is_update) {
		if (c->d->at_vars) {
			put_span(out, c->text, p->table);
			buf_putc(out, '.');
		}
		buf_putc(out, '*');
		return;
	}
	for (size_t i = 0; i < p->nsets; i++) {
		const struct sql_token *t = &p->sets[i].column;
		size_t n = ctx_fold_into(c, t, name, sizeof(name), false);

		if (i > 0)
			buf_puts(out, ", ");
		buf_put(out, ctx_text(c, t), t->len);
		buf_puts(out, ", (");
		put_span(out, c->text, p->sets[i].value);
		buf_puts(out, ") AS ");
		put_quoted(out, c, name, n, " (new)");
	}
}

static void
put_select(struct buf *out, const struct ctx *c, const struct parts *p, const struct sql_derive_want *want)
{
	buf_puts(out, "SELECT ");
	if (want->kind == SQL_DERIVE_COUNT)
		buf_puts(out, "count(*)");
	else
		put_keys(out, c, want);
	if (want->kind == SQL_DERIVE_SAMPLE)
		put_sample(out, c, p);
	buf_puts(out, p->only ? " FROM ONLY " : " FROM ");
	put_span(out, c->text, p->table);
	if (p->has_where) {
		buf_puts(out, " WHERE (");
		put_span(out, c->text, p->where);
		buf_puts(out, ")");
	}
	if (want->kind == SQL_DERIVE_COUNT)
		return;
	buf_puts(out, " ORDER BY ");
	put_keys(out, c, want);
	if (want->kind == SQL_DERIVE_SAMPLE)
		buf_putf(out, " LIMIT %u", want->limit);
}

/* MariaDB and MySQL set from left to right: a later value sees what was set before it. */
static bool
uses_earlier(struct ctx *c, const struct parts *p)
{
	for (size_t i = 1; i < p->nsets; i++) {
		struct sql_lexer lx;
		struct sql_token t;

		lex_init(&lx, c->set, c->text, p->sets[i].value.off + p->sets[i].value.len);
		lx.pos = p->sets[i].value.off;
		for (lex_next(&lx, &t); t.tok != TOK_END; lex_next(&lx, &t))
			if (t.tok == TOK_WORD || t.tok == TOK_NAME)
				return true;
	}
	return false;
}

/* The statement as a whole and what is wanted of it. */
static int
check(struct work *w, const struct sql_settings *set, const char *sql, size_t n,
    const struct sql_derive_want *want, struct err *e)
{
	const uint64_t blocked = SQL_DANGER_BIT(SQL_DANGER_EXEC_COMMENT) | SQL_DANGER_BIT(SQL_DANGER_UNREADABLE)
	    | SQL_DANGER_BIT(SQL_DANGER_DEEP) | SQL_DANGER_BIT(SQL_DANGER_MULTI);

	sql_classify(&w->facts, set, sql, n);
	if (w->facts.statements != 1 || (w->facts.dangers & blocked) || w->facts.class == SQL_CLASS_UNKNOWN)
		return refuse(e, "it is not one statement that can be read");
	if (want->kind != SQL_DERIVE_COUNT && want->nkeys == 0)
		return refuse(e, "the table has no key that tells its rows apart");
	return 0;
}

static int
judge(struct work *w, const struct sql_settings *set, struct buf *made, struct err *e)
{
	sql_classify(&w->facts, set, buf_data(made), buf_len(made));
	if (buf_over(made))
		return refuse(e, "it is too long");
	if (w->facts.dangers & SQL_DANGER_BIT(SQL_DANGER_VOLATILE))
		return refuse(e, "a function in it answers differently each time");
	if (w->facts.dangers & SQL_DANGER_BIT(SQL_DANGER_UNKNOWN_FUNCTION))
		return refuse(e, "a function in it is not known to twokey");
	if (w->facts.class != SQL_CLASS_READ || w->facts.statements != 1)
		return refuse(e, "a part of it has an effect of its own");
	return 0;
}

int
sql_derive(const struct sql_settings *set, const char *sql, size_t n,
    const struct sql_derive_want *want, struct buf *out, struct err *e)
{
	struct work *w = must_zalloc(sizeof(*w));
	struct buf made;
	int rc = check(w, set, sql, n, want, e);

	buf_init(&made, out->max);
	if (rc == 0) {
		ctx_begin(&w->c, &w->facts, set, sql, n);
		while (cur(&w->c)->tok == TOK_STOP)
			ctx_step(&w->c);
		rc = take_parts(&w->c, &w->p, e);
	}
	if (rc == 0 && want->kind == SQL_DERIVE_SAMPLE && w->p.is_update) {
		if (w->p.no_sample == NULL && w->c.d->at_vars && uses_earlier(&w->c, &w->p))
			w->p.no_sample = "a new value may use what was set before it";
		if (w->p.no_sample != NULL)
			rc = refuse(e, w->p.no_sample);
	}
	if (rc == 0) {
		put_select(&made, &w->c, &w->p, want);
		rc = judge(w, set, &made, e);
	}
	if (rc == 0)
		buf_put(out, buf_data(&made), buf_len(&made));
	buf_fini(&made);
	free(w);
	return rc;
}
