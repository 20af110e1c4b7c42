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
			if (ahead(c, 1)->tok == TOK_STOP || ahead(c, 1)->tok == TOK_END)
				return;
			step(c);
		} else if (is_kw(cur(c), KW_FORMAT) && is_op(c, ahead(c, 1), "=")) {
			step(c);
			step(c);
			step(c);
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
		step(c);
		explain_options(c);
	}
	if (is_kw(cur(c), KW_FOR) && is_kw(ahead(c, 1), KW_CONNECTION)) {
		skip_rest(c);
		return;
	}
	if (is_kw(cur(c), KW_INTO)) {
		raise(c, SQL_CLASS_SESSION, "it keeps its result in a variable of this connection");
		step(c);
		step(c);
	}
	if (analyze) {
		verb_set(c, "EXPLAIN ANALYZE");
		verb_inner(c);
		return;
	}
	if (begins_query(cur(c)) || is_kw(cur(c), KW_TABLE)) {
		c->quiet = true;
		walk(c, WALK_QUERY);
	} else if (take_name(c, &nm)) {
		note_table(c, &nm, SQL_USE_READ);
		skip_rest(c);
	} else {
		raise(c, SQL_CLASS_UNKNOWN, "EXPLAIN of this cannot be read");
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
	danger(c, SQL_DANGER_IMPLICIT_COMMIT);
	raise(c, SQL_CLASS_ADMIN, "it renews the statistics of tables");
}

void
stmt_show_mysql(struct ctx *c)
{
	c->f->returns_rows = true;
	while (!at_end(c) && !is_kw(cur(c), KW_WHERE)) {
		if (is_kw(cur(c), KW_ANALYZE) || is_kw(cur(c), KW_INTO))
			raise(c, SQL_CLASS_UNKNOWN, "its SHOW cannot be read");
		step(c);
	}
	walk(c, WALK_EXPR);
}

/* HANDLER t OPEN, READ, CLOSE */
void
stmt_handler(struct ctx *c)
{
	struct name nm;

	if (!take_name(c, &nm)) {
		raise(c, SQL_CLASS_UNKNOWN, "its HANDLER cannot be read");
		return;
	}
	note_table(c, &nm, SQL_USE_READ);
	if (is_kw(cur(c), KW_OPEN) || is_kw(cur(c), KW_CLOSE)) {
		raise(c, SQL_CLASS_SESSION, "it opens or closes a handle on a table");
		return;
	}
	if (!is_kw(cur(c), KW_READ)) {
		raise(c, SQL_CLASS_UNKNOWN, "its HANDLER cannot be read");
		return;
	}
	c->f->returns_rows = true;
	step(c);
	walk(c, WALK_EXPR);
}

void
stmt_begin_mysql(struct ctx *c)
{
	if (is_kw(cur(c), KW_WORK) || at_end(c))
		return;
	raise(c, SQL_CLASS_CALL, "it runs a block of statements");
	c->may_commit = false;
}

void
stmt_start_mysql(struct ctx *c)
{
	if (is_kw(cur(c), KW_TRANSACTION)) {
		verb_add(c, cur(c));
		return;
	}
	raise(c, SQL_CLASS_ADMIN, "it starts replication");
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
	raise(c, SQL_CLASS_ADMIN, "it begins, leaves or ends a transaction that any session may end");
}

void
stmt_load(struct ctx *c)
{
	struct name nm;

	c->may_commit = false;
	if (is_kw(cur(c), KW_INDEX)) {
		raise(c, SQL_CLASS_ADMIN, "it steers the index cache");
		return;
	}
	raise(c, SQL_CLASS_FILE, "it reads a file into a table");
	while (!at_end(c) && !(is_kw(cur(c), KW_INTO) && is_kw(ahead(c, 1), KW_TABLE)))
		step(c);
	if (at_end(c))
		return;
	step(c);
	step(c);
	if (take_name(c, &nm))
		note_table(c, &nm, SQL_USE_WRITE);
}

/* RENAME TABLE a TO b, c TO d; RENAME USER */
void
stmt_rename(struct ctx *c)
{
	struct name nm;

	verb_add(c, cur(c));
	if (is_kw(cur(c), KW_USER)) {
		raise(c, SQL_CLASS_DCL, "it renames users");
		return;
	}
	step(c);
	stmt_skip_exists(c);
	while (take_name(c, &nm)) {
		note_table(c, &nm, SQL_USE_WRITE);
		while (!at_end(c) && !is_kw(cur(c), KW_TO))
			step(c);
		skip_kw(c, KW_TO);
		if (take_name(c, &nm))
			note_table(c, &nm, SQL_USE_WRITE);
		if (cur(c)->tok != TOK_COMMA)
			break;
		step(c);
	}
}

void
stmt_do(struct ctx *c)
{
	walk(c, WALK_EXPR);
}

/* CHECK TABLE looks; FOR UPGRADE changes. */
void
stmt_check(struct ctx *c)
{
	c->f->returns_rows = true;
	for (; !at_end(c); step(c))
		if (is_kw(cur(c), KW_FOR))
			raise(c, SQL_CLASS_ADMIN, "it checks tables and may change them");
}
