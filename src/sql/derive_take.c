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
	return err_set(e, ERR_UNSUPPORTED, "%s", why);
}

bool
derive_ends_clause(const struct ctx *c)
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

		if (depth == 0 && ((comma_ends && t->tok == TOK_COMMA) || t->tok == TOK_CLOSE || derive_ends_clause(c)))
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

/* [[d.]t.]column =; PostgreSQL would mean a field of a column by the dot. False: none stands here. */
static bool
take_column(struct ctx *c, struct set_item *item)
{
	unsigned k = 0;

	while (c->d->at_vars && k < 4 && ctx_is_name(c, ctx_ahead(c, k)) && ctx_ahead(c, k + 1)->tok == TOK_DOT)
		k += 2;
	if (!ctx_is_name(c, ctx_ahead(c, k))
	    || (!ctx_is_op(c, ctx_ahead(c, k + 1), "=") && !(c->d->at_vars && ctx_is_op(c, ctx_ahead(c, k + 1), ":="))))
		return false;
	if (k == 4)
		item->schema = *ctx_ahead(c, 0);
	if (k > 0)
		item->table = *ctx_ahead(c, k - 2);
	item->column = *ctx_ahead(c, k);
	item->name = (struct sql_span){ cur(c)->off, item->column.off + item->column.len - cur(c)->off };
	for (k += 2; k > 0; k--)
		ctx_step(c);
	return true;
}

int
derive_take_sets(struct ctx *c, struct parts *p, struct err *e)
{
	if (!ctx_skip_kw(c, KW_SET))
		return derive_refuse(e, "it has a part before SET that twokey does not follow");
	for (;;) {
		struct set_item *item = &p->sets[p->nsets];

		if (p->nsets == DERIVE_SETS)
			return derive_refuse(e, "it sets too many columns");
		if (!take_column(c, item))
			p->no_sample = "the new values are not set column by column";
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

bool
derive_skip_parens(struct ctx *c)
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
		if (cur(c)->tok == TOK_OPEN && !derive_skip_parens(c))
			return derive_refuse(e, "its WITH cannot be read");
		if (!ctx_skip_kw(c, KW_AS))
			return derive_refuse(e, "its WITH cannot be read");
		ctx_skip_kw(c, KW_NOT);
		ctx_skip_kw(c, KW_MATERIALIZED);
		if (!derive_skip_parens(c))
			return derive_refuse(e, "its WITH cannot be read");
		if (cur(c)->tok != TOK_COMMA)
			break;
		ctx_step(c);
	}
	p->with = (struct sql_span){ from, c->prev.off + c->prev.len - from };
	return 0;
}

bool
derive_is_same(const struct ctx *c, const struct sql_token *a, const struct sql_token *b)
{
	char one[256], other[256];
	size_t n = ctx_fold_into(c, a, one, sizeof(one), false);

	return ctx_fold_into(c, b, other, sizeof(other), false) == n && strncasecmp(one, other, n) == 0;
}

bool
derive_is_hidden(const struct ctx *c, const struct parts *p, const struct sql_token *table)
{
	for (unsigned i = 0; i < p->nctes; i++)
		if (derive_is_same(c, &p->ctes[i], table))
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
	if (t->tok != TOK_WORD || is_kw(t, KW_SET) || derive_ends_clause(c))
		return false;
	return c->d->engine != SQL_SQLITE;
}

int
derive_take_alias(struct ctx *c, struct parts *p, const struct name *nm, struct err *e)
{
	size_t from = nm->part[0].off;

	if (nm->nparts == 1 && derive_is_hidden(c, p, &nm->part[0]))
		return derive_refuse(e, "a query of its WITH has the name of the table");
	p->table = p->call = (struct sql_span){ from, nm->end - from };
	if (c->d->at_vars && ctx_skip_kw(c, KW_PARTITION)) {
		if (!derive_skip_parens(c))
			return derive_refuse(e, "its PARTITION cannot be read");
		p->table.len = c->prev.off + c->prev.len - from;
	}
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

/* PostgreSQL, SQLite */
static int
take_target(struct ctx *c, struct parts *p, struct err *e)
{
	struct name nm;

	if (!p->is_update && !ctx_skip_kw(c, KW_FROM))
		return derive_refuse(e, "its table cannot be read");
	if (p->is_update && is_kw(cur(c), KW_OR))
		return derive_refuse(e, "rows that conflict are treated in their own way");
	p->only = c->d->engine == SQL_POSTGRES && ctx_skip_kw(c, KW_ONLY);
	if (!ctx_take_name(c, &nm) || nm.wildcard || nm.too_long)
		return derive_refuse(e, "its table cannot be read");
	return derive_take_alias(c, p, &nm, e);
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

		if (depth == 0 && (t->tok == TOK_CLOSE || (derive_ends_clause(c) && !is_kw(t, KW_USING))))
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

static bool
is_whole_number(const struct ctx *c, const struct sql_token *t)
{
	for (size_t i = 0; i < t->len; i++)
		if (ctx_text(c, t)[i] < '0' || ctx_text(c, t)[i] > '9')
			return false;
	return t->tok == TOK_NUMBER;
}

/* ORDER BY alone changes nothing of what is touched; LIMIT tells how many at most. */
static int
take_order(struct ctx *c, struct parts *p, struct err *e)
{
	if (is_kw(cur(c), KW_ORDER) && is_kw(ctx_ahead(c, 1), KW_BY)) {
		ctx_step(c);
		ctx_step(c);
		p->order = take_expression(c, false);
	}
	if (is_kw(cur(c), KW_LIMIT) && is_whole_number(c, ctx_ahead(c, 1))) {
		ctx_step(c);
		p->limit = (struct sql_span){ cur(c)->off, cur(c)->len };
		ctx_step(c);
	}
	if (p->limit.len > 0 && (p->joined || p->list.len > 0))
		return derive_refuse(e, "LIMIT may take any rows of the join");
	return 0;
}

/* What stands behind WHERE. PostgreSQL: RETURNING ends the statement; SQLite: ORDER BY and LIMIT follow it. */
static int
take_tail(struct ctx *c, struct parts *p, struct err *e)
{
	int rc = 0;

	if (c->d->engine == SQL_SQLITE && ctx_skip_kw(c, KW_RETURNING))
		take_expression(c, false);
	if (c->d->engine != SQL_POSTGRES)
		rc = take_order(c, p, e);
	if (rc != 0 || (c->d->engine == SQL_POSTGRES && is_kw(cur(c), KW_RETURNING)))
		return rc;
	if (is_kw(cur(c), KW_RETURNING))
		return derive_refuse(e, "what RETURNING works out while rows are deleted is not followed");
	while (cur(c)->tok == TOK_STOP)
		ctx_step(c);
	if (cur(c)->tok != TOK_END)
		return derive_refuse(e, "it has another table, ORDER BY, LIMIT or the like");
	return 0;
}

static int
take_verb(struct ctx *c, struct parts *p, struct err *e)
{
	p->is_update = is_kw(cur(c), KW_UPDATE);
	if (!p->is_update && !is_kw(cur(c), KW_DELETE))
		return derive_refuse(e, "only a plain UPDATE or DELETE can be told");
	ctx_step(c);
	return c->d->at_vars ? derive_take_join(c, p, e) : take_target(c, p, e);
}

int
derive_take(struct ctx *c, struct parts *p, struct err *e)
{
	int rc = take_with(c, p, e);

	if (rc == 0)
		rc = take_verb(c, p, e);
	if (rc == 0 && p->is_update && p->nsets == 0)
		rc = derive_take_sets(c, p, e);
	if (rc == 0)
		rc = take_list(c, p, e);
	if (rc == 0)
		rc = take_where(c, p, e);
	if (rc == 0 && c->d->engine == SQL_SQLITE && p->list.len > 0
	    && (is_odd(c, p->list, true) || is_odd(c, p->where, false)))
		rc = derive_refuse(e, "a word in it may mean another thing in a SELECT of its parts");
	return rc == 0 ? take_tail(c, p, e) : rc;
}
