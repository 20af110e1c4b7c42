/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Statements of MariaDB and MySQL with a form of their own. */
#include "config.h"
#include "sql/verb.h"

#include <string.h>

static bool
begins_query(const struct sql_token *t)
{
	switch (t->tok == TOK_WORD ? (int)t->kw : t->tok == TOK_OPEN ? KW_SELECT : KW_NO) {
	case KW_SELECT: case KW_WITH: case KW_VALUES: case KW_INSERT: case KW_UPDATE: case KW_DELETE:
	case KW_REPLACE:
		return true;
	default:
		return false;
	}
}

/* EXTENDED, PARTITIONS, FORMAT = JSON */
static void
explain_options(struct ctx *c)
{
	for (;;) {
		if (is_kw(cur(c), KW_EXTENDED) || is_kw(cur(c), KW_PARTITIONS)) {
			if (ctx_ahead(c, 1)->tok == TOK_STOP || ctx_ahead(c, 1)->tok == TOK_END)
				return;
			ctx_step(c);
		} else if (is_kw(cur(c), KW_FORMAT) && ctx_is_op(c, ctx_ahead(c, 1), "=")) {
			ctx_step(c);
			ctx_step(c);
			ctx_step(c);
		} else {
			return;
		}
	}
}

void
stmt_explain_mysql(struct ctx *c)
{
	struct name nm;
	bool analyze = false;

	c->f->returns_rows = true;
	explain_options(c);
	if (is_kw(cur(c), KW_ANALYZE)) {
		analyze = true;
		ctx_step(c);
		explain_options(c);
	}
	if (is_kw(cur(c), KW_FOR) && is_kw(ctx_ahead(c, 1), KW_CONNECTION)) {
		ctx_walk(c, WALK_EXPR);
		return;
	}
	if (is_kw(cur(c), KW_INTO)) {
		ctx_raise(c, SQL_CLASS_SESSION, "it keeps its result in a variable of this connection");
		ctx_step(c);
		ctx_step(c);
	}
	if (analyze) {
		verb_set(c, "EXPLAIN ANALYZE");
		verb_inner(c);
		return;
	}
	if (begins_query(cur(c)) || is_kw(cur(c), KW_TABLE)) {
		c->quiet = true;
		ctx_walk(c, WALK_QUERY);
	} else if (ctx_take_name(c, &nm)) {
		ctx_note_table(c, &nm, SQL_USE_READ);
		ctx_skip_rest(c);
	} else {
		ctx_raise(c, SQL_CLASS_UNKNOWN, "EXPLAIN of this cannot be read");
	}
}

/* ANALYZE TABLE renews statistics; MariaDB's ANALYZE of a statement runs it. */
void
stmt_analyze_mysql(struct ctx *c)
{
	c->f->returns_rows = true;
	explain_options(c);
	if (begins_query(cur(c)) && c->d->engine == SQL_MARIADB) {
		verb_inner(c);
		return;
	}
	c->may_commit = false;
	ctx_danger(c, SQL_DANGER_IMPLICIT_COMMIT);
	ctx_raise(c, SQL_CLASS_ADMIN, "it renews the statistics of tables");
}

void
stmt_show_mysql(struct ctx *c)
{
	c->f->returns_rows = true;
	while (!at_end(c) && !is_kw(cur(c), KW_WHERE) && !is_kw(cur(c), KW_FOR)) {
		if (is_kw(cur(c), KW_ANALYZE) || is_kw(cur(c), KW_INTO))
			ctx_raise(c, SQL_CLASS_UNKNOWN, "its SHOW cannot be read");
		ctx_step(c);
	}
	ctx_walk(c, WALK_EXPR);
}

/* HANDLER t OPEN, READ, CLOSE */
void
stmt_handler(struct ctx *c)
{
	struct name nm;

	if (!ctx_take_name(c, &nm)) {
		ctx_raise(c, SQL_CLASS_UNKNOWN, "its HANDLER cannot be read");
		return;
	}
	ctx_note_table(c, &nm, SQL_USE_READ);
	if (is_kw(cur(c), KW_OPEN) || is_kw(cur(c), KW_CLOSE)) {
		ctx_raise(c, SQL_CLASS_SESSION, "it opens or closes a handle on a table");
		return;
	}
	if (!is_kw(cur(c), KW_READ)) {
		ctx_raise(c, SQL_CLASS_UNKNOWN, "its HANDLER cannot be read");
		return;
	}
	c->f->returns_rows = true;
	ctx_step(c);
	ctx_walk(c, WALK_EXPR);
}

void
stmt_begin_mysql(struct ctx *c)
{
	ctx_skip_kw(c, KW_WORK);
	if (at_end(c))
		return;
	ctx_raise(c, SQL_CLASS_CALL, "it runs a block of statements");
	c->may_commit = false;
}

void
stmt_start_mysql(struct ctx *c)
{
	if (is_kw(cur(c), KW_TRANSACTION)) {
		verb_add(c, cur(c));
		return;
	}
	ctx_raise(c, SQL_CLASS_ADMIN, "it starts replication");
	c->may_commit = false;
}

void
stmt_xa(struct ctx *c)
{
	if (is_kw(cur(c), KW_RECOVER)) {
		c->f->returns_rows = true;
		return;
	}
	c->may_commit = false;
	ctx_raise(c, SQL_CLASS_ADMIN, "it begins, leaves or ends a transaction that any session may end");
}

void
stmt_load(struct ctx *c)
{
	struct name nm;

	c->may_commit = false;
	if (is_kw(cur(c), KW_INDEX)) {
		ctx_raise(c, SQL_CLASS_ADMIN, "it steers the index cache");
		return;
	}
	ctx_raise(c, SQL_CLASS_FILE, "it reads a file into a table");
	while (!at_end(c) && !(is_kw(cur(c), KW_INTO) && is_kw(ctx_ahead(c, 1), KW_TABLE)))
		ctx_step(c);
	if (at_end(c))
		return;
	ctx_step(c);
	ctx_step(c);
	if (ctx_take_name(c, &nm))
		ctx_note_table(c, &nm, SQL_USE_WRITE);
}

/* RENAME TABLE a TO b, c TO d; RENAME USER */
void
stmt_rename(struct ctx *c)
{
	struct name nm;

	verb_add(c, cur(c));
	if (is_kw(cur(c), KW_USER)) {
		ctx_raise(c, SQL_CLASS_DCL, "it renames users");
		return;
	}
	ctx_step(c);
	stmt_skip_exists(c);
	while (ctx_take_name(c, &nm)) {
		ctx_note_table(c, &nm, SQL_USE_WRITE);
		while (!at_end(c) && !is_kw(cur(c), KW_TO))
			ctx_step(c);
		ctx_skip_kw(c, KW_TO);
		if (ctx_take_name(c, &nm))
			ctx_note_table(c, &nm, SQL_USE_WRITE);
		if (cur(c)->tok != TOK_COMMA)
			break;
		ctx_step(c);
	}
}

void
stmt_do(struct ctx *c)
{
	ctx_walk(c, WALK_EXPR);
}
