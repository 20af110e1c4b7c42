/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The rows that an INSERT adds: how many it names itself, or the query that gives them. */
#include "config.h"
#include "twokey/sql/derive.h"

#include <inttypes.h>
#include <stdlib.h>

#include "twokey/base/buf.h"
#include "twokey/base/err.h"
#include "twokey/base/must.h"

#include "sql/derive_parts.h"

struct added {
	uint64_t rows;			/* named by VALUES or SET; 0: those of the query */
	struct sql_span query;
	struct sql_token columns[DERIVE_SETS];
	size_t ncolumns;		/* 0: not listed, or not by plain names */
	bool limited;			/* a part of the query takes some of its rows */
	bool instead;			/* a row that is there may be kept, changed or replaced instead */
};

static bool
is_clause(const struct ctx *c, enum sql_kw kw)
{
	return c->prev.tok != TOK_DOT && is_kw(cur(c), kw);
}

/* ( a, b ): what is no plain name leaves the list empty. */
static void
take_columns(struct ctx *c, struct added *a)
{
	bool is_list = c->prev.tok != TOK_DOT && !is_kw(&c->prev, KW_PARTITION), begins = false;
	unsigned depth = 0;

	a->ncolumns = 0;
	do {
		const struct sql_token *t = cur(c);

		if (t->tok == TOK_OPEN) {
			is_list = is_list && depth == 0;
			depth++;
		} else if (t->tok == TOK_CLOSE) {
			depth--;
		} else if (begins && a->ncolumns < DERIVE_SETS && (t->tok == TOK_WORD || t->tok == TOK_NAME)) {
			a->columns[a->ncolumns++] = *t;
		} else if (t->tok != TOK_COMMA) {
			is_list = false;
		}
		begins = t->tok == TOK_OPEN || t->tok == TOK_COMMA;
		ctx_step(c);
	} while (depth > 0 && !at_end(c));
	if (!is_list)
		a->ncolumns = 0;
}

/* Behind the rows: only what does not change which rows are added. */
static void
take_end(struct ctx *c, struct added *a)
{
	a->instead = a->instead || (!at_end(c) && !is_kw(cur(c), KW_RETURNING));
}

static int
take_values(struct ctx *c, struct added *a, struct err *e)
{
	do {
		ctx_step(c);
		if (!derive_skip_parens(c))
			return derive_refuse(e, "its rows cannot be read");
		a->rows++;
	} while (cur(c)->tok == TOK_COMMA);
	take_end(c, a);
	return 0;
}

/* MariaDB, MySQL: SET a = 1, b = 2. */
static int
take_set(struct ctx *c, struct added *a)
{
	a->rows = 1;
	while (!at_end(c) && !is_clause(c, KW_RETURNING) && !is_clause(c, KW_ON))
		if (!derive_skip_parens(c))
			ctx_step(c);
	take_end(c, a);
	return 0;
}

static bool
is_query(const struct ctx *c)
{
	return is_clause(c, KW_SELECT) || is_clause(c, KW_WITH);
}

/* What may stand behind the query and is none of it. */
static bool
ends_query(struct ctx *c)
{
	const struct sql_token *next = ctx_ahead(c, 1);

	return is_clause(c, KW_RETURNING) ||
	    (is_clause(c, KW_ON) && (is_kw(next, KW_DUPLICATE) || ctx_tok_is(c, next, "conflict")));
}

static int
take_query(struct ctx *c, struct added *a, struct err *e)
{
	unsigned depth = 0;

	a->query = (struct sql_span){ cur(c)->off, 0 };
	while (!at_end(c) && (depth > 0 || !ends_query(c))) {
		if (cur(c)->tok == TOK_OPEN)
			depth++;
		else if (cur(c)->tok == TOK_CLOSE && depth-- == 0)
			return derive_refuse(e, "its query cannot be read");
		a->limited = a->limited || is_clause(c, KW_LIMIT) || is_clause(c, KW_FETCH);
		ctx_step(c);
		a->query.len = c->prev.off + c->prev.len - a->query.off;
	}
	if (a->query.len == 0 || depth > 0)
		return derive_refuse(e, "its query cannot be read");
	take_end(c, a);
	return 0;
}

static int
take_added(struct ctx *c, struct added *a, struct err *e)
{
	bool maria = c->d->at_vars;

	a->instead = is_kw(cur(c), KW_REPLACE);
	if (!a->instead && !is_kw(cur(c), KW_INSERT))
		return derive_refuse(e, "it adds no rows");
	for (ctx_step(c); !at_end(c) && !is_query(c);) {
		if (is_clause(c, KW_VALUES) || (maria && is_clause(c, KW_VALUE)))
			return take_values(c, a, e);
		if (maria && is_clause(c, KW_SET))
			return take_set(c, a);
		if (is_clause(c, KW_DEFAULT) && is_kw(ctx_ahead(c, 1), KW_VALUES)) {
			ctx_step(c);
			ctx_step(c);
			a->rows = 1;
			take_end(c, a);
			return 0;
		}
		a->instead = a->instead || is_clause(c, KW_IGNORE) || is_clause(c, KW_OR);
		if (cur(c)->tok == TOK_OPEN)
			take_columns(c, a);
		else
			ctx_step(c);
	}
	return take_query(c, a, e);
}

static void
put_query(struct buf *out, const struct ctx *c, const struct added *a)
{
	buf_putc(out, '(');
	buf_put(out, c->text + a->query.off, a->query.len);
	buf_putc(out, ')');
}

static void
put_columns(struct buf *out, const struct ctx *c, const struct added *a)
{
	for (size_t i = 0; i < a->ncolumns; i++) {
		buf_puts(out, i > 0 ? ", " : "");
		derive_put_column(out, c, &a->columns[i], "");
	}
}

static void
put_new(struct buf *out, const struct ctx *c, const struct added *a, const struct sql_derive_want *want)
{
	for (size_t i = 0; i < a->ncolumns; i++) {
		const char *type = derive_stored(c, &a->columns[i], want);

		buf_puts(out, i > 0 ? ", " : "");
		buf_puts(out, type != NULL ? "CAST(" : "");
		derive_put_column(out, c, &a->columns[i], "");
		if (type != NULL)
			buf_putf(out, " AS %s)", type);
		buf_puts(out, " AS ");
		derive_put_column(out, c, &a->columns[i], " (new)");
	}
	if (a->ncolumns == 0)
		buf_putc(out, '*');
}

static void
put_select(struct buf *out, const struct ctx *c, const struct added *a, const struct sql_derive_want *want)
{
	bool sample = want->kind == SQL_DERIVE_SAMPLE;

	if (a->rows > 0) {
		buf_putf(out, "SELECT %" PRIu64, a->rows);
		return;
	}
	if (a->ncolumns > 0) {
		buf_puts(out, "WITH twokey_added (");
		put_columns(out, c, a);
		buf_puts(out, ") AS ");
		put_query(out, c, a);
		buf_putc(out, ' ');
	}
	buf_puts(out, sample ? "SELECT " : "SELECT count(*)");
	if (sample)
		put_new(out, c, a, want);
	buf_puts(out, " FROM ");
	if (a->ncolumns == 0)
		put_query(out, c, a);
	buf_puts(out, a->ncolumns > 0 ? "twokey_added" : " AS twokey_added");
	if (sample)
		buf_putf(out, " LIMIT %u", want->limit);
}

/* Why what is wanted of it cannot be told, or NULL. */
static const char *
find_why(const struct ctx *c, const struct added *a, enum sql_derived kind)
{
	if (kind == SQL_DERIVE_SOURCE)
		return a->rows > 0 ? "it adds rows of its own, not of a query" : NULL;
	if (a->instead)
		return "a row that is there already may be kept, changed or replaced instead";
	if (kind == SQL_DERIVE_KEYS)
		return "a row that is added has no key yet";
	if (kind == SQL_DERIVE_SAMPLE && a->rows > 0)
		return "the statement itself names the new rows";
	if (kind == SQL_DERIVE_SAMPLE && a->limited)
		return "LIMIT may take any of them";
	/* a query with two columns of one name is no table there */
	if (c->d->at_vars && a->rows == 0 && a->ncolumns == 0)
		return "it does not list the columns that its query fills";
	return NULL;
}

int
derive_added(struct ctx *c, const struct sql_derive_want *want, struct buf *out, struct err *e)
{
	struct added *a = must_zalloc(sizeof *a);
	int rc = take_added(c, a, e);
	const char *why = rc == 0 ? find_why(c, a, want->kind) : NULL;

	if (why != NULL)
		rc = derive_refuse(e, why);
	else if (rc == 0 && want->kind == SQL_DERIVE_SOURCE)
		buf_put(out, c->text + a->query.off, a->query.len);
	else if (rc == 0)
		put_select(out, c, a, want);
	free(a);
	return rc;
}
