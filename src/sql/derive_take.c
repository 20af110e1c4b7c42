/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Takes an UPDATE or DELETE apart; refuses whatever is not known to be told faithfully by a SELECT. */
#include "config.h"
#include "sql/derive_parts.h"

#include <string.h>
#include <strings.h>

#include "twokey/base/err.h"

int
derive_refuse(struct err *e, const char *why)
{
	return err_set(e, ERR_UNSUPPORTED, "cannot tell beforehand which rows it touches: %s", why);
}

/* Words that end an expression where it stands in UPDATE or DELETE. */
static bool
ends_clause(const struct ctx *c)
{
	const struct sql_token *t = cur(c);

	if (c->prev.tok == TOK_DOT)
		return false;
	switch (t->tok == TOK_WORD ? (int)t->kw : KW_NO) {
	case KW_FROM:
		return !is_kw(&c->prev, KW_DISTINCT);
	case KW_WHERE: case KW_RETURNING: case KW_ORDER: case KW_LIMIT: case KW_USING:
	case KW_OFFSET: case KW_GROUP: case KW_HAVING: case KW_UNION: case KW_EXCEPT: case KW_INTERSECT:
	case KW_FOR: case KW_FETCH: case KW_WINDOW: case KW_INTO:
		return true;
	default:
		return false;
	}
}

/* The text of an expression up to a comma (when asked) or a word that ends it. */
static struct sql_span
take_expression(struct ctx *c, bool comma_ends)
{
	struct sql_span s = { cur(c)->off, 0 };
	unsigned depth = 0;

	while (!at_end(c)) {
		const struct sql_token *t = cur(c);

		if (depth == 0 && ((comma_ends && t->tok == TOK_COMMA) || t->tok == TOK_CLOSE || ends_clause(c)))
			break;
		if (t->tok == TOK_OPEN || t->tok == TOK_LBRACKET)
			depth++;
		else if (t->tok == TOK_CLOSE || (t->tok == TOK_RBRACKET && depth > 0))
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
		return derive_refuse(e, "more than one table is meant, or it has a part that twokey does not follow");
	for (;;) {
		struct set_item *item = &p->sets[p->nsets];

		if (p->nsets == DERIVE_SETS)
			return derive_refuse(e, "it sets too many columns");
		item->column = *cur(c);
		if (!ctx_is_name(c, cur(c)) || !ctx_is_op(c, ctx_ahead(c, 1), "=")) {
			p->no_sample = "the new values are not set column by column";
		} else {
			ctx_step(c);
			ctx_step(c);
		}
		item->value = take_expression(c, true);
		if (item->value.len == 0)
			return derive_refuse(e, "its SET cannot be read");
		if (item->value.len == 7 && strncasecmp(c->text + item->value.off, "default", 7) == 0)
			p->no_sample = "a new value is the default of the column";
		p->nsets++;
		if (cur(c)->tok != TOK_COMMA)
			return 0;
		ctx_step(c);
	}
}

/* Over "( ... )"; false when none stands here. */
static bool
skip_parens(struct ctx *c)
{
	unsigned depth = 0;

	if (cur(c)->tok != TOK_OPEN)
		return false;
	do {
		if (at_end(c))
			return false;
		if (cur(c)->tok == TOK_OPEN)
			depth++;
		else if (cur(c)->tok == TOK_CLOSE)
			depth--;
		ctx_step(c);
	} while (depth > 0);
	return true;
}

/* WITH [RECURSIVE] name [(columns)] AS [[NOT] MATERIALIZED] ( ... ), ... */
static int
take_with(struct ctx *c, struct parts *p, struct err *e)
{
	size_t from = cur(c)->off;

	if (!ctx_skip_kw(c, KW_WITH))
		return 0;
	ctx_skip_kw(c, KW_RECURSIVE);
	for (;;) {
		if (p->nctes == CTX_CTES || (cur(c)->tok != TOK_WORD && cur(c)->tok != TOK_NAME))
			return derive_refuse(e, "its WITH cannot be read");
		p->ctes[p->nctes++] = *cur(c);
		ctx_step(c);
		if (cur(c)->tok == TOK_OPEN && !skip_parens(c))
			return derive_refuse(e, "its WITH cannot be read");
		if (!ctx_skip_kw(c, KW_AS))
			return derive_refuse(e, "its WITH cannot be read");
		ctx_skip_kw(c, KW_NOT);
		ctx_skip_kw(c, KW_MATERIALIZED);
		if (!skip_parens(c))
			return derive_refuse(e, "its WITH cannot be read");
		if (cur(c)->tok != TOK_COMMA)
			break;
		ctx_step(c);
	}
	p->with = (struct sql_span){ from, c->prev.off + c->prev.len - from };
	return 0;
}

/* A table that is written is never one of WITH, but in a SELECT it would be. */
static bool
is_hidden(const struct ctx *c, const struct parts *p, const struct name *nm)
{
	char table[256], cte[256];
	size_t n = ctx_fold_into(c, &nm->part[nm->nparts - 1], table, sizeof(table), false);

	for (unsigned i = 0; nm->nparts == 1 && i < p->nctes; i++)
		if (ctx_fold_into(c, &p->ctes[i], cte, sizeof(cte), false) == n && strncasecmp(table, cte, n) == 0)
			return true;
	return false;
}

/* [AS] alias; SQLite knows it with AS only. */
static bool
is_alias(struct ctx *c)
{
	const struct sql_token *t = cur(c);

	if (t->tok == TOK_NAME)
		return c->d->engine != SQL_SQLITE;
	if (t->tok != TOK_WORD || is_kw(t, KW_SET) || ends_clause(c))
		return false;
	return c->d->engine != SQL_SQLITE;
}

static int
take_target(struct ctx *c, struct parts *p, struct err *e)
{
	struct name nm;
	size_t from;

	p->only = c->d->engine == SQL_POSTGRES && ctx_skip_kw(c, KW_ONLY);
	from = cur(c)->off;
	if (!ctx_take_name(c, &nm) || nm.wildcard || nm.too_long)
		return derive_refuse(e, "its table cannot be read");
	if (is_hidden(c, p, &nm))
		return derive_refuse(e, "a query of its WITH has the name of the table");
	p->table = p->call = (struct sql_span){ from, nm.end - from };
	if (ctx_skip_kw(c, KW_AS)) {
		if (cur(c)->tok != TOK_WORD && cur(c)->tok != TOK_NAME)
			return derive_refuse(e, "the alias of its table cannot be read");
	} else if (!is_alias(c)) {
		return 0;
	}
	p->call = (struct sql_span){ cur(c)->off, cur(c)->len };
	p->table.len = p->call.off + p->call.len - from;
	ctx_step(c);
	return 0;
}

static bool
is_rowid(const struct ctx *c, const struct sql_token *t)
{
	static const char *const names[] = { "rowid", "_rowid_", "oid" };
	char name[16];
	size_t n = ctx_fold_into(c, t, name, sizeof(name), false);

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (strlen(names[i]) == n && memcmp(names[i], name, n) == 0)
			return true;
	return false;
}

/* SQLite puts the written table in front of the list, in the same join. These words would mean it too;
 * a row number without a table, and a text in double quotes in a subquery, may mean another thing in
 * the SELECT. */
static bool
is_odd(const struct ctx *c, struct sql_span s, bool tables)
{
	struct sql_lexer lx;
	struct sql_token t;
	bool dotted = false;
	unsigned depth = 0;

	lex_init(&lx, c->set, c->text, s.off + s.len);
	lx.pos = s.off;
	for (lex_next(&lx, &t); t.tok != TOK_END; lex_next(&lx, &t)) {
		if (t.tok == TOK_SPACE || t.tok == TOK_COMMENT)
			continue;
		if (tables && (is_kw(&t, KW_USING) || is_kw(&t, KW_NATURAL) || is_kw(&t, KW_RIGHT) || is_kw(&t, KW_FULL)))
			return true;
		if (!dotted && (t.tok == TOK_WORD || t.tok == TOK_NAME) && is_rowid(c, &t))
			return true;
		depth += t.tok == TOK_OPEN;
		depth -= t.tok == TOK_CLOSE && depth > 0;
		if (tables && depth > 0 && (t.flags & TOKF_DOUBLE))
			return true;
		dotted = t.tok == TOK_DOT;
	}
	return false;
}

/* The tables of FROM or USING, up to WHERE or RETURNING. */
static int
take_list(struct ctx *c, struct parts *p, struct err *e)
{
	unsigned depth = 0;

	if (p->is_update ? c->d->at_vars || !ctx_skip_kw(c, KW_FROM)
	    : c->d->engine != SQL_POSTGRES || !ctx_skip_kw(c, KW_USING))
		return 0;
	p->list.off = cur(c)->off;
	for (; !at_end(c); ctx_step(c)) {
		const struct sql_token *t = cur(c);

		if (depth == 0 && (t->tok == TOK_CLOSE || (ends_clause(c) && !is_kw(t, KW_USING))))
			break;
		if (t->tok == TOK_OPEN)
			depth++;
		else if (t->tok == TOK_CLOSE)
			depth--;
		p->list.len = t->off + t->len - p->list.off;
	}
	return p->list.len > 0 ? 0 : derive_refuse(e, "its list of tables cannot be read");
}

static int
take_where(struct ctx *c, struct parts *p, struct err *e)
{
	if (!ctx_skip_kw(c, KW_WHERE))
		return 0;
	if (is_kw(cur(c), KW_CURRENT) && is_kw(ctx_ahead(c, 1), KW_OF))
		return derive_refuse(e, "it means the row of a cursor");
	p->where = take_expression(c, false);
	return p->where.len > 0 ? 0 : derive_refuse(e, "its WHERE cannot be read");
}

/* MariaDB, MySQL: ORDER BY alone changes nothing of what is touched; LIMIT tells how many at most. */
static void
take_order(struct ctx *c, struct parts *p)
{
	if (!c->d->at_vars)
		return;
	if (is_kw(cur(c), KW_ORDER) && is_kw(ctx_ahead(c, 1), KW_BY)) {
		ctx_step(c);
		ctx_step(c);
		take_expression(c, false);
	}
	if (is_kw(cur(c), KW_LIMIT) && ctx_ahead(c, 1)->tok == TOK_NUMBER) {
		ctx_step(c);
		p->limit = (struct sql_span){ cur(c)->off, cur(c)->len };
		ctx_step(c);
	}
}

static int
take_verb(struct ctx *c, struct parts *p, struct err *e)
{
	p->is_update = is_kw(cur(c), KW_UPDATE);
	if (!p->is_update && !is_kw(cur(c), KW_DELETE))
		return derive_refuse(e, "only a plain UPDATE or DELETE can be told");
	ctx_step(c);
	if (!p->is_update && !ctx_skip_kw(c, KW_FROM))
		return derive_refuse(e, "its table cannot be read");
	if (p->is_update && (is_kw(cur(c), KW_OR) || is_kw(cur(c), KW_IGNORE) || is_kw(cur(c), KW_LOW_PRIORITY)))
		return derive_refuse(e, "rows that conflict are treated in their own way");
	return 0;
}

int
derive_take(struct ctx *c, struct parts *p, struct err *e)
{
	int rc = take_with(c, p, e);

	if (rc == 0)
		rc = take_verb(c, p, e);
	if (rc == 0)
		rc = take_target(c, p, e);
	if (rc == 0 && p->is_update)
		rc = take_sets(c, p, e);
	if (rc == 0)
		rc = take_list(c, p, e);
	if (rc == 0)
		rc = take_where(c, p, e);
	if (rc == 0 && c->d->engine == SQL_SQLITE && p->list.len > 0
	    && (is_odd(c, p->list, true) || is_odd(c, p->where, false)))
		rc = derive_refuse(e, "a word in it may mean another thing in a SELECT of its parts");
	if (rc != 0)
		return rc;
	take_order(c, p);
	if (is_kw(cur(c), KW_RETURNING))
		return 0;
	while (cur(c)->tok == TOK_STOP)
		ctx_step(c);
	if (cur(c)->tok != TOK_END)
		return derive_refuse(e, "it has another table, ORDER BY, LIMIT or the like");
	return 0;
}
