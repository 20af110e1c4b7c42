/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Which semicolon ends a statement: PostgreSQL as psql sees it, SQLite as sqlite3_complete() sees it,
 * MariaDB and MySQL as the server's own grammar sees bodies. */
#include "config.h"
#include "sql/ctx.h"

#include <string.h>

void
ender_init(struct ender *e, enum sql_engine engine)
{
	memset(e, 0, sizeof(*e));
	e->engine = engine;
	e->fresh = true;
	e->stop_paren = engine == SQL_POSTGRES;
}

static char
psql_letter(enum sql_kw kw)
{
	if (kw == KW_CREATE)
		return 'c';
	if (kw == KW_FUNCTION)
		return 'f';
	if (kw == KW_PROCEDURE)
		return 'p';
	if (kw == KW_OR)
		return 'o';
	return kw == KW_REPLACE ? 'r' : '\0';
}

/* CREATE [OR REPLACE] FUNCTION or PROCEDURE, by the first four words. */
static void
postgres_word(struct ender *e, const struct sql_token *t)
{
	if (e->words < sizeof(e->first)) {
		e->first[e->words] = psql_letter(t->kw);
		e->words++;
		e->watch = e->first[0] == 'c'
		    && (e->first[1] == 'f' || e->first[1] == 'p'
		    || (e->first[1] == 'o' && e->first[2] == 'r'
		    && (e->first[3] == 'f' || e->first[3] == 'p')));
	}
	if (!e->watch || e->paren > 0)
		return;
	if (t->kw == KW_BEGIN)
		e->depth++;
	else if (t->kw == KW_CASE && e->depth > 0)
		e->depth++;
	else if (t->kw == KW_END && e->depth > 0)
		e->depth--;
}

static bool
postgres_feed(struct ender *e, const struct sql_token *t)
{
	switch ((int)t->tok) {
	case TOK_OPEN:
		e->paren++;
		return false;
	case TOK_CLOSE:
		if (e->paren > 0)
			e->paren--;
		return false;
	case TOK_WORD:
		if (e->watch || e->words < sizeof(e->first))
			postgres_word(e, t);
		return false;
	case TOK_SEMI:
		return e->paren == 0 && e->depth == 0;
	default:
		return false;
	}
}

/* CREATE [TEMP] TRIGGER ... ; END ; */
static bool
sqlite_feed(struct ender *e, const struct sql_token *t)
{
	bool semi = t->tok == TOK_SEMI;
	bool end = semi && (!e->body || (e->last == KW_END && e->last_tok == TOK_SEMI));

	if (t->tok == TOK_WORD && e->words < 5 && !e->body) {
		if (e->words == 0 && t->kw == KW_EXPLAIN)
			return false;
		if (e->words == 0)
			e->watch = t->kw == KW_CREATE;
		else if (e->watch && t->kw == KW_TRIGGER)
			e->body = true;
		else if (e->watch && t->kw != KW_TEMP && t->kw != KW_TEMPORARY && t->kw != KW_QUERY
		    && t->kw != KW_PLAN)
			e->watch = false;
		if (t->kw != KW_QUERY && t->kw != KW_PLAN)
			e->words++;
	}
	if (e->body) {
		/* last_tok: what stood before END */
		e->last_tok = t->kw == KW_END ? (e->last == KW_NO && e->statement ? TOK_SEMI : TOK_WORD) : TOK_BAD;
		e->last = t->tok == TOK_WORD && t->kw == KW_END ? KW_END : KW_NO;
		e->statement = semi;
	}
	return end;
}

static bool
opens_block(enum sql_kw kw)
{
	return kw == KW_BEGIN || kw == KW_CASE || kw == KW_IF || kw == KW_LOOP || kw == KW_WHILE
	    || kw == KW_REPEAT || kw == KW_FOR;
}

static bool
statement_may_follow(enum sql_kw kw)
{
	return kw == KW_THEN || kw == KW_ELSE || kw == KW_DO || kw == KW_BEGIN || kw == KW_LOOP
	    || kw == KW_REPEAT;
}

/* In a body: blocks are counted; END IF and the like close one. */
static void
mysql_body(struct ender *e, const struct sql_token *t)
{
	if (t->kw == KW_END && t->tok == TOK_WORD) {
		if (e->depth > 0)
			e->depth--;
	} else if (t->tok == TOK_WORD && e->last != KW_END && opens_block(t->kw)
	    && (t->kw == KW_CASE || t->kw == KW_BEGIN || e->statement)) {
		e->depth++;
	}
	e->statement = t->tok == TOK_SEMI || (t->tok == TOK_WORD && e->last != KW_END && statement_may_follow(t->kw))
	    || (t->tok == TOK_OP && t->len == 1 && e->last_tok == TOK_WORD && e->statement);
	e->last = t->tok == TOK_WORD ? t->kw : KW_NO;
	e->last_tok = t->tok;
}

static bool
mysql_feed(struct ender *e, const struct sql_token *t)
{
	if (t->tok == TOK_EXEC)
		return false;
	if (e->body) {
		if (t->tok == TOK_SEMI && e->depth == 0)
			return true;
		mysql_body(e, t);
		return false;
	}
	if (t->tok == TOK_SEMI)
		return true;
	if (e->words == 0 && t->tok == TOK_WORD) {
		e->watch = t->kw == KW_CREATE || t->kw == KW_ALTER;
		if (t->kw == KW_IF || t->kw == KW_CASE || t->kw == KW_LOOP || t->kw == KW_WHILE
		    || t->kw == KW_REPEAT || t->kw == KW_FOR) {
			e->body = true;
			e->statement = true;
			mysql_body(e, t);
		}
	}
	if (e->words == 1 && e->last == KW_BEGIN && t->kw == KW_NOT) {
		e->body = true;
		e->depth = 1;
	}
	if (e->watch && (t->kw == KW_PROCEDURE || t->kw == KW_FUNCTION || t->kw == KW_TRIGGER
	    || t->kw == KW_EVENT || t->kw == KW_PACKAGE))
		e->body = true;
	/* a table may have columns named like these */
	if (t->kw == KW_TABLE || t->kw == KW_VIEW || t->kw == KW_INDEX || t->kw == KW_DATABASE
	    || t->kw == KW_SCHEMA || t->kw == KW_SEQUENCE)
		e->watch = false;
	if (t->tok == TOK_OP && e->words == 1 && e->last == KW_NO) {
		e->body = true;
		e->statement = true;
	}
	e->last = t->tok == TOK_WORD ? t->kw : KW_NO;
	e->words++;
	return false;
}

bool
ender_feed(struct ender *e, const struct sql_token *t)
{
	bool end;

	if (e->fresh && t->tok == TOK_SEMI)
		return true;
	e->fresh = false;
	if (e->engine == SQL_POSTGRES)
		end = postgres_feed(e, t);
	else if (e->engine == SQL_SQLITE)
		end = sqlite_feed(e, t);
	else
		end = mysql_feed(e, t);
	if (end)
		ender_init(e, e->engine);
	return end;
}
