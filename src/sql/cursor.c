/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"
#include "sql/ctx.h"

#include <string.h>

/* The next token that means something. */
static void
fetch(struct ctx *c, struct sql_token *t)
{
	for (;;) {
		lex_next(&c->lx, t);
		if (t->tok == TOK_EXEC) {
			c->dangers |= SQL_DANGER_BIT(SQL_DANGER_EXEC_COMMENT);
			continue;
		}
		if (t->tok == TOK_COMMENT) {
			if (t->flags & TOKF_SKIPPED)
				c->dangers |= SQL_DANGER_BIT(SQL_DANGER_EXEC_COMMENT);
			if (!(t->flags & TOKF_HINT))
				continue;
			t->tok = TOK_BAD;
		} else if (t->tok == TOK_SPACE) {
			continue;
		}
		break;
	}
	if (t->tok == TOK_END && c->lx.exec) {
		t->tok = TOK_BAD;	/* an executed comment that is not closed */
		c->lx.exec = 0;
	}
	if (t->flags & TOKF_OPEN)
		t->tok = TOK_BAD;
	if (ender_feed(&c->ender, t) && t->tok == TOK_SEMI)
		t->tok = TOK_STOP;
}

void
ctx_begin(struct ctx *c, struct sql_facts *f, const struct sql_settings *set, const char *sql, size_t n)
{
	c->f = f;
	c->set = set;
	c->text = sql;
	c->n = n;
	lex_init(&c->lx, set, sql, n);
	c->d = c->lx.dialect;
	ender_init(&c->ender, set->engine);
	c->head = 0;
	c->filled = 0;
	c->dangers = 0;
	memset(&c->prev, 0, sizeof(c->prev));
	c->prev2 = c->prev;
	fetch(c, &c->ring[0]);
	c->filled = 1;
}

const struct sql_token *
ctx_ahead(struct ctx *c, unsigned k)
{
	while (c->filled <= k) {
		fetch(c, &c->ring[(c->head + c->filled) % CTX_AHEAD]);
		c->filled++;
	}
	return &c->ring[(c->head + k) % CTX_AHEAD];
}

void
ctx_step(struct ctx *c)
{
	c->prev2 = c->prev;
	c->prev = c->ring[c->head];
	if (c->prev.kw == KW_UESCAPE && c->prev2.tok == TOK_NAME)
		ctx_raise(c, SQL_CLASS_UNKNOWN, "a name in it has escapes of its own");
	if (c->prev.tok == TOK_BAD) {
		ctx_danger(c, SQL_DANGER_UNREADABLE);
		ctx_raise(c, SQL_CLASS_UNKNOWN, "a part of it cannot be read as SQL of this engine");
	}
	if (c->filled == 1) {
		fetch(c, &c->ring[c->head]);
		return;
	}
	c->head = (c->head + 1) % CTX_AHEAD;
	c->filled--;
}

const char *
ctx_text(const struct ctx *c, const struct sql_token *t)
{
	return c->text + t->off;
}

bool
ctx_is_op(const struct ctx *c, const struct sql_token *t, const char *op)
{
	return t->tok == TOK_OP && t->len == strlen(op) && memcmp(ctx_text(c, t), op, t->len) == 0;
}

bool
ctx_tok_is(const struct ctx *c, const struct sql_token *t, const char *lower)
{
	const char *p = ctx_text(c, t);

	if (t->tok != TOK_WORD || t->len != strlen(lower))
		return false;
	for (size_t i = 0; i < t->len; i++) {
		char ch = p[i] >= 'A' && p[i] <= 'Z' ? (char)(p[i] + 32) : p[i];

		if (ch != lower[i])
			return false;
	}
	return true;
}

bool
ctx_skip_kw(struct ctx *c, enum sql_kw kw)
{
	if (!is_kw(cur(c), kw))
		return false;
	ctx_step(c);
	return true;
}

void
ctx_skip_rest(struct ctx *c)
{
	while (!at_end(c))
		ctx_step(c);
}

bool
ctx_is_name(const struct ctx *c, const struct sql_token *t)
{
	if (t->tok == TOK_WORD || t->tok == TOK_NAME)
		return true;
	/* 't' is a table for SQLite where a name must stand */
	return t->tok == TOK_STRING && c->d->engine == SQL_SQLITE;
}

bool
ctx_take_name(struct ctx *c, struct name *nm)
{
	nm->nparts = 0;
	nm->wildcard = nm->too_long = false;
	if (!ctx_is_name(c, cur(c)))
		return false;
	for (;;) {
		if (nm->nparts == CTX_PARTS) {
			nm->too_long = true;
			nm->part[CTX_PARTS - 1] = *cur(c);
		} else {
			nm->part[nm->nparts++] = *cur(c);
		}
		nm->end = cur(c)->off + cur(c)->len;
		if (ctx_ahead(c, 1)->tok != TOK_DOT)
			break;
		ctx_step(c);
		if (!ctx_is_name(c, ctx_ahead(c, 1))) {
			nm->wildcard = true;
			break;
		}
		ctx_step(c);
	}
	ctx_step(c);
	if (nm->wildcard && ctx_is_op(c, cur(c), "*"))
		ctx_step(c);
	return true;
}
