/* SPDX-License-Identifier: GPL-3.0-or-later */
/* SET of MariaDB and MySQL: several targets, each judged by itself. */
#include "config.h"
#include "sql/verb.h"

#include <string.h>

static const char power[] = "it changes a setting with power over what twokey relies on";
static const char variable[] = "it sets a variable of this connection";

/* @@session.name or name: its last part. */
static void
judge_name(struct ctx *c, const char *p, size_t n)
{
	const char *dot = memrchr(p, '.', n);

	if (dot != NULL) {
		n -= (size_t)(dot + 1 - p);
		p = dot + 1;
	}
	if (setting_class(c->d->engine, p, n) == SQL_CLASS_SESSION)
		ctx_raise(c, SQL_CLASS_SESSION, "it changes a setting of this connection");
	else
		ctx_raise(c, SQL_CLASS_ADMIN, power);
}

static bool
begins_with(const char *p, size_t n, const char *word)
{
	size_t len = strlen(word);

	if (n < len)
		return false;
	for (size_t i = 0; i < len; i++)
		if ((p[i] | 0x20) != word[i])
			return false;
	return true;
}

static void
target_variable(struct ctx *c, const struct sql_token *t)
{
	const char *p = ctx_text(c, t);

	if (t->len < 2 || p[1] != '@') {
		ctx_raise(c, SQL_CLASS_SESSION, variable);
		return;
	}
	if (begins_with(p + 2, t->len - 2, "global.") || begins_with(p + 2, t->len - 2, "persist"))
		ctx_raise(c, SQL_CLASS_ADMIN, "it changes a setting of the whole server");
	else
		judge_name(c, p + 2, t->len - 2);
}

/* The word of a target, then what follows it. */
static void
target_word(struct ctx *c, const struct sql_token *t, const struct sql_token *next)
{
	switch (t->tok == TOK_WORD ? (int)t->kw : KW_NO) {
	case KW_GLOBAL: case KW_PERSIST: case KW_PERSIST_ONLY:
		ctx_raise(c, SQL_CLASS_ADMIN, "it changes a setting of the whole server");
		return;
	case KW_SESSION: case KW_LOCAL:
		if (next->tok != TOK_WORD && next->tok != TOK_NAME)
			ctx_raise(c, SQL_CLASS_ADMIN, power);
		else if (is_kw(next, KW_TRANSACTION))
			ctx_raise(c, SQL_CLASS_ADMIN, "it changes what transactions may do");
		else
			judge_name(c, ctx_text(c, next), next->len);
		return;
	case KW_PASSWORD: case KW_ROLE: case KW_DEFAULT:
		ctx_raise(c, SQL_CLASS_DCL, "it changes passwords or roles");
		return;
	case KW_TRANSACTION:
		ctx_raise(c, SQL_CLASS_ADMIN, "it changes what transactions may do");
		return;
	case KW_NAMES: case KW_CHARACTER: case KW_CHARSET: case KW_RESOURCE:
		ctx_raise(c, SQL_CLASS_ADMIN, power);
		return;
	default:
		break;
	}
	if (next->tok == TOK_DOT)
		ctx_raise(c, SQL_CLASS_ADMIN, power);
	else
		judge_name(c, ctx_text(c, t), t->len);
}

static void
next_token(struct sql_lexer *lx, struct sql_token *t)
{
	do
		lex_next(lx, t);
	while (t->tok == TOK_SPACE || t->tok == TOK_COMMENT || t->tok == TOK_EXEC);
}

/* A second look over the text, for the targets only. */
static void
judge_targets(struct ctx *c)
{
	struct sql_lexer lx = c->lx;
	struct sql_token t;
	struct sql_token next;
	unsigned depth = 0;
	bool begins = true;

	lx.pos = cur(c)->off;
	lx.exec = 1;	/* whether the SET stands in an executed comment does not matter here */
	next_token(&lx, &t);
	while (t.tok != TOK_END && t.tok != TOK_SEMI) {
		next_token(&lx, &next);
		if (begins && t.tok == TOK_VAR)
			target_variable(c, &t);
		else if (begins && (t.tok == TOK_WORD || t.tok == TOK_NAME))
			target_word(c, &t, &next);
		else if (begins)
			ctx_raise(c, SQL_CLASS_UNKNOWN, "its SET cannot be read");
		if (t.tok == TOK_OPEN)
			depth++;
		else if (t.tok == TOK_CLOSE && depth > 0)
			depth--;
		begins = t.tok == TOK_COMMA && depth == 0;
		t = next;
	}
}

/* SET STATEMENT a = 1, b = 2 FOR statement */
static void
for_statement(struct ctx *c)
{
	bool begins = true;

	ctx_step(c);
	for (; !at_end(c) && !is_kw(cur(c), KW_FOR); ctx_step(c)) {
		if (begins && (cur(c)->tok != TOK_WORD
		    || setting_class(c->d->engine, ctx_text(c, cur(c)), cur(c)->len) != SQL_CLASS_SESSION))
			ctx_raise(c, SQL_CLASS_ADMIN, power);
		if (cur(c)->tok == TOK_OPEN)
			ctx_raise(c, SQL_CLASS_CALL, "a setting in it is computed");
		begins = cur(c)->tok == TOK_COMMA;
	}
	if (!ctx_skip_kw(c, KW_FOR)) {
		ctx_raise(c, SQL_CLASS_UNKNOWN, "its SET cannot be read");
		return;
	}
	c->verb[0] = '\0';
	verb_inner(c);
}

void
stmt_set_mysql(struct ctx *c)
{
	if (at_end(c)) {
		ctx_raise(c, SQL_CLASS_UNKNOWN, "its SET cannot be read");
		return;
	}
	if (is_kw(cur(c), KW_STATEMENT) && c->d->engine == SQL_MARIADB) {
		for_statement(c);
		return;
	}
	judge_targets(c);
	ctx_walk(c, WALK_EXPR);
}
