/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The query whose rows an INSERT or REPLACE adds, as it stands in the statement. */
#include "config.h"
#include "twokey/sql/derive.h"

#include <stdlib.h>

#include "twokey/base/buf.h"
#include "twokey/base/err.h"
#include "twokey/base/must.h"

#include "sql/derive_parts.h"

static bool
is_query(const struct ctx *c)
{
	return c->prev.tok != TOK_DOT && (is_kw(cur(c), KW_SELECT) || is_kw(cur(c), KW_WITH));
}

/* What may stand behind the query and is none of it. */
static bool
ends_query(struct ctx *c)
{
	const struct sql_token *next = ctx_ahead(c, 1);

	if (c->prev.tok == TOK_DOT)
		return false;
	return is_kw(cur(c), KW_RETURNING) ||
	    (is_kw(cur(c), KW_ON) && (is_kw(next, KW_DUPLICATE) || ctx_tok_is(c, next, "conflict")));
}

static int
take_query(struct ctx *c, struct sql_span *query, struct err *e)
{
	if (!is_kw(cur(c), KW_INSERT) && !is_kw(cur(c), KW_REPLACE))
		return derive_refuse(e, "it adds no rows of a query");
	while (!at_end(c) && !is_query(c)) {
		if (c->prev.tok != TOK_DOT && (is_kw(cur(c), KW_VALUES) || is_kw(cur(c), KW_VALUE) || is_kw(cur(c), KW_SET)))
			return derive_refuse(e, "it adds rows of its own, not of a query");
		if (!derive_skip_parens(c))
			ctx_step(c);
	}
	*query = (struct sql_span){ cur(c)->off, 0 };
	while (!at_end(c) && !ends_query(c)) {
		if (!derive_skip_parens(c))
			ctx_step(c);
		query->len = c->prev.off + c->prev.len - query->off;
	}
	return query->len > 0 ? 0 : derive_refuse(e, "its query cannot be read");
}

int
sql_derive_source(const struct sql_settings *set, const char *sql, size_t n, struct buf *out, struct err *e)
{
	struct {
		struct ctx c;
		struct sql_facts facts;
	} *w = must_zalloc(sizeof(*w));
	struct sql_span query = { 0, 0 };
	struct buf made;
	int rc;

	buf_init(&made, out->max);
	sql_classify(&w->facts, set, sql, n);
	if (w->facts.statements != 1 || w->facts.class != SQL_CLASS_WRITE ||
	    (w->facts.dangers & (SQL_DANGER_BIT(SQL_DANGER_EXEC_COMMENT) | SQL_DANGER_BIT(SQL_DANGER_DEEP))) != 0) {
		rc = derive_refuse(e, "it is not one statement that can be read");
	} else {
		ctx_begin(&w->c, &w->facts, set, sql, n);
		while (cur(&w->c)->tok == TOK_STOP)
			ctx_step(&w->c);
		rc = take_query(&w->c, &query, e);
	}
	if (rc == 0) {
		buf_put(&made, sql + query.off, query.len);
		rc = derive_judge(&w->facts, set, &made, e);
	}
	if (rc == 0)
		buf_put(out, buf_data(&made), buf_len(&made));
	buf_fini(&made);
	free(w);
	return rc;
}
