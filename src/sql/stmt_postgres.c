/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Statements with a form of their own: EXPLAIN, COPY, PREPARE, cursors, transactions. */
#include "config.h"
#include "sql/verb.h"

#include <string.h>
#include <strings.h>

void
stmt_query(struct ctx *c)
{
	bool outer = c->verb[0] == '\0';

	ctx_walk(c, WALK_QUERY);
	if (outer && (c->verb[0] == '\0' || strcmp(c->verb, "SELECT") == 0 || strcmp(c->verb, "VALUES") == 0
	    || strcmp(c->verb, "TABLE") == 0)) {
		c->f->returns_rows = true;
		if (c->verb[0] == '\0')
			verb_set(c, "SELECT");
	}
}

void
stmt_expr(struct ctx *c)
{
	c->f->returns_rows = true;
	/* the name before the arguments is told by the class already */
	if (ctx_is_name(c, cur(c)) && ctx_ahead(c, 1)->tok != TOK_DOT)
		ctx_step(c);
	ctx_walk(c, WALK_EXPR);
}

static bool
is_off(const struct ctx *c, const struct sql_token *t)
{
	const char *p = ctx_text(c, t);
	size_t n = t->len;

	if (t->tok == TOK_STRING && n >= 2 && p[0] == '\'') {
		p++;
		n -= 2;
	} else if (t->tok != TOK_WORD && t->tok != TOK_NUMBER) {
		return false;
	}
	return (n == 3 && strncasecmp(p, "off", 3) == 0) || (n == 5 && strncasecmp(p, "false", 5) == 0)
	    || (n == 1 && p[0] == '0');
}

static bool
names_analyze(const struct ctx *c, const struct sql_token *t)
{
	char name[16];
	size_t n;

	if (t->tok != TOK_WORD && t->tok != TOK_NAME)
		return false;
	n = ctx_fold_into(c, t, name, sizeof(name), false);
	return n == 7 && (memcmp(name, "analyze", 7) == 0 || memcmp(name, "analyse", 7) == 0);
}

/* (ANALYZE, VERBOSE off, ...): true when the statement will run. */
static bool
explain_options(struct ctx *c)
{
	bool analyze = false;

	ctx_step(c);
	while (!at_end(c) && cur(c)->tok != TOK_CLOSE) {
		if (names_analyze(c, cur(c)) && !is_off(c, ctx_ahead(c, 1)))
			analyze = true;
		while (!at_end(c) && cur(c)->tok != TOK_COMMA && cur(c)->tok != TOK_CLOSE)
			ctx_step(c);
		if (cur(c)->tok == TOK_COMMA)
			ctx_step(c);
	}
	if (!at_end(c))
		ctx_step(c);
	return analyze;
}

/* What EXPLAIN only plans. */
static void
planned(struct ctx *c)
{
	const struct sql_token *t = cur(c);

	c->quiet = true;
	switch (t->tok == TOK_WORD ? (int)t->kw : t->tok == TOK_OPEN ? KW_SELECT : KW_NO) {
	case KW_SELECT: case KW_WITH: case KW_VALUES: case KW_TABLE: case KW_INSERT: case KW_UPDATE:
	case KW_DELETE: case KW_MERGE:
		ctx_walk(c, WALK_QUERY);
		return;
	case KW_CREATE: case KW_DECLARE:
		if (t->kw == KW_CREATE) {
			stmt_as_query(c);
		} else {
			while (!at_end(c) && !is_kw(cur(c), KW_FOR))
				ctx_step(c);
			ctx_skip_kw(c, KW_FOR);
			ctx_walk(c, WALK_QUERY);
		}
		return;
	case KW_EXECUTE:
		c->quiet = false;	/* its arguments are computed */
		ctx_step(c);
		ctx_step(c);
		ctx_walk(c, WALK_EXPR);
		return;
	default:
		ctx_raise(c, SQL_CLASS_UNKNOWN, "EXPLAIN of this cannot be read");
	}
}

static void
explain_sqlite(struct ctx *c)
{
	const struct sql_token *t;

	if (is_kw(cur(c), KW_QUERY)) {
		verb_add(c, cur(c));
		ctx_step(c);
		ctx_skip_kw(c, KW_PLAN);
	}
	t = cur(c);
	c->quiet = true;
	/* some pragmas act while they are prepared, so even EXPLAIN runs them */
	if (is_kw(t, KW_PRAGMA) || is_kw(t, KW_ATTACH)) {
		verb_inner(c);
		return;
	}
	if (t->tok != TOK_WORD || t->kw == KW_NO || verb_find(t->kw, SQL_SQLITE) == NULL) {
		ctx_raise(c, SQL_CLASS_UNKNOWN, "EXPLAIN of this cannot be read");
		return;
	}
	if (verb_find(t->kw, SQL_SQLITE)->handle == stmt_query)
		ctx_walk(c, WALK_QUERY);
	else
		ctx_skip_rest(c);
}

void
stmt_explain(struct ctx *c)
{
	bool analyze = false;

	c->f->returns_rows = true;
	if (c->d->engine == SQL_SQLITE) {
		explain_sqlite(c);
		return;
	}
	if (cur(c)->tok == TOK_OPEN && !is_kw(ctx_ahead(c, 1), KW_SELECT) && !is_kw(ctx_ahead(c, 1), KW_WITH)
	    && !is_kw(ctx_ahead(c, 1), KW_VALUES) && !is_kw(ctx_ahead(c, 1), KW_TABLE)
	    && ctx_ahead(c, 1)->tok != TOK_OPEN) {
		analyze = explain_options(c);
	} else {
		while (is_kw(cur(c), KW_ANALYZE) || is_kw(cur(c), KW_ANALYSE) || is_kw(cur(c), KW_VERBOSE)) {
			if (!is_kw(cur(c), KW_VERBOSE))
				analyze = true;
			ctx_step(c);
		}
	}
	if (!analyze) {
		planned(c);
		return;
	}
	verb_set(c, "EXPLAIN ANALYZE");
	verb_inner(c);
}

/* COPY ... TO or FROM: where to. */
static void
copy_end(struct ctx *c, bool in)
{
	const struct sql_token *t = cur(c);

	if (is_kw(t, KW_PROGRAM) && ctx_ahead(c, 1)->tok == TOK_STRING) {
		c->may_commit = false;
		ctx_raise(c, SQL_CLASS_FILE, "it runs a program on the server");
	} else if (t->tok == TOK_STRING) {
		c->may_commit = in;
		ctx_raise(c, SQL_CLASS_FILE, in ? "it reads a file of the server into a table"
		    : "it writes to a file of the server");
	} else if (!(in ? is_kw(t, KW_STDIN) : is_kw(t, KW_STDOUT)) && !is_kw(t, KW_STDIN)
	    && !is_kw(t, KW_STDOUT)) {
		ctx_raise(c, SQL_CLASS_UNKNOWN, "its COPY cannot be read");
	} else if (!in && c->class == SQL_CLASS_READ) {
		c->reason = "it only reads, but no driver of twokey runs COPY: type the SELECT";
	}
	ctx_skip_rest(c);
}

void
stmt_copy(struct ctx *c)
{
	struct name nm;
	unsigned columns;
	bool in;
	int i;

	ctx_skip_kw(c, KW_BINARY);
	if (cur(c)->tok == TOK_OPEN) {
		c->in_copy = true;
		ctx_walk(c, WALK_QUERY);
		c->in_copy = false;
		verb_set(c, "COPY");
		if (ctx_skip_kw(c, KW_TO))
			copy_end(c, false);
		else
			ctx_raise(c, SQL_CLASS_UNKNOWN, "its COPY cannot be read");
		return;
	}
	if (!ctx_take_name(c, &nm)) {
		ctx_raise(c, SQL_CLASS_UNKNOWN, "its COPY cannot be read");
		return;
	}
	columns = 0;
	while (cur(c)->tok == TOK_OPEN || (columns > 0 && cur(c)->tok != TOK_CLOSE && !at_end(c))) {
		if (columns++ > 0 && ctx_is_name(c, cur(c)))
			ctx_note_column(c, cur(c));
		ctx_step(c);
	}
	if (columns > 0 && cur(c)->tok == TOK_CLOSE)
		ctx_step(c);
	in = is_kw(cur(c), KW_FROM);
	i = ctx_note_table(c, &nm, in ? SQL_USE_WRITE : SQL_USE_READ);
	if (in)
		ctx_raise_name(c, SQL_CLASS_WRITE, "it adds rows to %",
		    i >= 0 ? c->f->tables[i].name : (struct sql_str){ NULL, 0 });
	else
		c->f->ncolumns = 0;
	if (!in && !is_kw(cur(c), KW_TO)) {
		ctx_raise(c, SQL_CLASS_UNKNOWN, "its COPY cannot be read");
		return;
	}
	ctx_step(c);
	copy_end(c, in);
}

/* The broker's own prepared statements guard each read: nobody may drop or replace them. */
static void
own_name(struct ctx *c)
{
	char name[64];
	size_t n = ctx_is_name(c, cur(c)) ? ctx_fold_into(c, cur(c), name, sizeof(name), false) : 0;

	if (n == 0 || is_kw(cur(c), KW_ALL) || (n >= 6 && memcmp(name, "twokey", 6) == 0))
		ctx_raise(c, SQL_CLASS_ADMIN, "it drops or replaces statements that twokey relies on");
}

/* DEALLOCATE [PREPARE] x or ALL */
void
stmt_deallocate(struct ctx *c)
{
	if (is_kw(cur(c), KW_PREPARE) && ctx_is_name(c, ctx_ahead(c, 1)))
		ctx_step(c);
	own_name(c);
}

/* PREPARE x [(types)] AS statement; PREPARE TRANSACTION 'x' */
void
stmt_prepare(struct ctx *c)
{
	own_name(c);
	if (is_kw(cur(c), KW_TRANSACTION) && ctx_ahead(c, 1)->tok == TOK_STRING) {
		verb_add(c, cur(c));
		ctx_raise(c, SQL_CLASS_ADMIN, "it leaves a transaction, with its locks, to whoever ends it");
		return;
	}
	while (!at_end(c) && !is_kw(cur(c), KW_AS))
		ctx_step(c);
	if (!ctx_skip_kw(c, KW_AS)) {
		ctx_raise(c, SQL_CLASS_UNKNOWN, "its PREPARE cannot be read");
		return;
	}
	verb_inner(c);
	verb_set(c, "PREPARE");
}

void
stmt_declare(struct ctx *c)
{
	while (!at_end(c) && !is_kw(cur(c), KW_FOR))
		ctx_step(c);
	if (!ctx_skip_kw(c, KW_FOR)) {
		ctx_raise(c, SQL_CLASS_UNKNOWN, "its cursor cannot be read");
		return;
	}
	ctx_walk(c, WALK_QUERY);
}

void
stmt_fetch(struct ctx *c)
{
	c->f->returns_rows = true;
}

void
stmt_show(struct ctx *c)
{
	c->f->returns_rows = true;
	/* SHOW name, SHOW ALL, SHOW TIME ZONE and the like: names only */
	for (; !at_end(c); ctx_step(c))
		if (cur(c)->tok != TOK_WORD && cur(c)->tok != TOK_NAME && cur(c)->tok != TOK_DOT)
			ctx_raise(c, SQL_CLASS_UNKNOWN, "its SHOW cannot be read");
}

/* COMMIT PREPARED and ROLLBACK PREPARED end what another session began. */
void
stmt_tcl(struct ctx *c)
{
	if (is_kw(cur(c), KW_PREPARED)) {
		verb_add(c, cur(c));
		ctx_raise(c, SQL_CLASS_ADMIN, "it ends a prepared transaction of any session");
	} else if (is_kw(cur(c), KW_IMMEDIATE) || is_kw(cur(c), KW_EXCLUSIVE)) {
		ctx_danger(c, SQL_DANGER_TABLE_LOCK);
		ctx_raise(c, SQL_CLASS_WRITE, "it takes the lock of the whole database for writing");
	} else if (is_kw(cur(c), KW_TO) || is_kw(cur(c), KW_TRANSACTION)) {
		verb_add(c, cur(c));
	}
	for (; !at_end(c); ctx_step(c))
		if (cur(c)->tok == TOK_OPEN)
			ctx_raise(c, SQL_CLASS_UNKNOWN, "its transaction control cannot be read");
}

void
stmt_vacuum(struct ctx *c)
{
	for (; !at_end(c); ctx_step(c))
		if (is_kw(cur(c), KW_INTO))
			ctx_raise(c, SQL_CLASS_FILE, "it writes a copy of the database to a file");
	if (c->class < SQL_CLASS_FILE)
		ctx_raise(c, SQL_CLASS_ADMIN, "it rewrites the database");
}
