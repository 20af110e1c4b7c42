/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"
#include "sql/verb.h"

#include <string.h>

#define BIT(d) SQL_DANGER_BIT(SQL_DANGER_##d)

static const struct verb verbs[] = {
	{ KW_SELECT, ON_ALL, SQL_CLASS_READ, stmt_query, NULL, 0, false },
	{ KW_WITH, ON_ALL, SQL_CLASS_READ, stmt_query, NULL, 0, false },
	{ KW_VALUES, ON_ALL, SQL_CLASS_READ, stmt_query, NULL, 0, false },
	{ KW_TABLE, ON_P | ON_MY, SQL_CLASS_READ, stmt_query, NULL, 0, false },
	{ KW_INSERT, ON_ALL, SQL_CLASS_READ, stmt_query, NULL, 0, false },
	{ KW_UPDATE, ON_ALL, SQL_CLASS_READ, stmt_query, NULL, 0, false },
	{ KW_DELETE, ON_ALL, SQL_CLASS_READ, stmt_query, NULL, 0, false },
	{ KW_MERGE, ON_P, SQL_CLASS_READ, stmt_query, NULL, 0, false },
	{ KW_REPLACE, ON_L | ON_M, SQL_CLASS_READ, stmt_query, NULL, 0, false },
	{ KW_EXPLAIN, ON_P | ON_L, SQL_CLASS_READ, stmt_explain, NULL, 0, false },
	{ KW_SHOW, ON_P, SQL_CLASS_READ, stmt_show, NULL, 0, false },
	{ KW_COPY, ON_P, SQL_CLASS_READ, stmt_copy, NULL, 0, false },
	{ KW_PREPARE, ON_P, SQL_CLASS_SESSION, stmt_prepare, "it prepares a statement", 0, false },
	{ KW_DECLARE, ON_P, SQL_CLASS_SESSION, stmt_declare, "it opens a cursor", 0, false },
	{ KW_FETCH, ON_P, SQL_CLASS_CALL, stmt_fetch, "it runs the query of a cursor that is not in the text", 0, true },
	{ KW_MOVE, ON_P, SQL_CLASS_CALL, NULL, "it runs the query of a cursor that is not in the text", 0, true },
	{ KW_CLOSE, ON_P, SQL_CLASS_SESSION, NULL, "it closes a cursor", 0, false },
	{ KW_DEALLOCATE, ON_P, SQL_CLASS_SESSION, stmt_deallocate, "it forgets a prepared statement", 0, false },
	{ KW_EXECUTE, ON_P, SQL_CLASS_CALL, stmt_expr, "it runs a prepared statement that is not in the text", 0, true },
	{ KW_CALL, ON_P, SQL_CLASS_CALL, stmt_expr, "it runs a procedure whose effect is not known", 0, true },
	{ KW_DO, ON_P, SQL_CLASS_CALL, NULL, "it runs code whose effect is not known", 0, true },
	{ KW_SET, ON_P, SQL_CLASS_SESSION, stmt_set, "it changes a setting of this connection", 0, false },
	{ KW_RESET, ON_P, SQL_CLASS_SESSION, stmt_reset, "it changes a setting of this connection", 0, false },
	{ KW_DISCARD, ON_P, SQL_CLASS_ADMIN, NULL, "it forgets the settings of this connection", 0, true },
	{ KW_LISTEN, ON_P, SQL_CLASS_SESSION, NULL, "it listens for notices of other sessions", 0, false },
	{ KW_UNLISTEN, ON_P, SQL_CLASS_SESSION, NULL, "it stops listening", 0, false },
	{ KW_NOTIFY, ON_P, SQL_CLASS_ADMIN, NULL, "it sends a notice to other sessions", 0, false },
	{ KW_LOAD, ON_P, SQL_CLASS_ADMIN, NULL, "it loads code into the server", 0, true },
	{ KW_BEGIN, ON_P | ON_L, SQL_CLASS_TCL, stmt_tcl, "it begins a transaction", 0, false },
	{ KW_START, ON_P, SQL_CLASS_TCL, stmt_tcl, "it begins a transaction", 0, false },
	{ KW_COMMIT, ON_P | ON_L, SQL_CLASS_TCL, stmt_tcl, "it ends a transaction", 0, true },
	{ KW_END, ON_P | ON_L, SQL_CLASS_TCL, stmt_tcl, "it ends a transaction", 0, true },
	{ KW_ROLLBACK, ON_P | ON_L, SQL_CLASS_TCL, stmt_tcl, "it undoes a transaction", 0, true },
	{ KW_ABORT, ON_P, SQL_CLASS_TCL, stmt_tcl, "it undoes a transaction", 0, true },
	{ KW_SAVEPOINT, ON_P | ON_L, SQL_CLASS_TCL, stmt_tcl, "it sets a savepoint", 0, false },
	{ KW_RELEASE, ON_P | ON_L, SQL_CLASS_TCL, stmt_tcl, "it releases a savepoint", 0, false },
	{ KW_CREATE, ON_P | ON_L, SQL_CLASS_DDL, stmt_create, "it creates or replaces an object", 0, false },
	{ KW_ALTER, ON_P | ON_L, SQL_CLASS_DDL, stmt_alter, "it changes the definition of an object", 0, false },
	{ KW_DROP, ON_P | ON_L, SQL_CLASS_DDL, stmt_drop, "it drops an object", BIT(DROP), false },
	{ KW_TRUNCATE, ON_P, SQL_CLASS_WRITE, stmt_truncate, "it empties whole tables", BIT(TRUNCATE) | BIT(TABLE_LOCK), false },
	{ KW_COMMENT, ON_P, SQL_CLASS_DDL, NULL, "it changes the description of an object", 0, false },
	{ KW_SECURITY, ON_P, SQL_CLASS_DCL, NULL, "it changes a security label", 0, false },
	{ KW_IMPORT, ON_P, SQL_CLASS_DDL, NULL, "it creates foreign tables", 0, false },
	{ KW_REFRESH, ON_P, SQL_CLASS_WRITE, stmt_tables, "it fills a materialized view again", BIT(TABLE_LOCK), false },
	{ KW_GRANT, ON_P, SQL_CLASS_DCL, stmt_grant, "it changes what users may do", 0, false },
	{ KW_REVOKE, ON_P, SQL_CLASS_DCL, stmt_grant, "it changes what users may do", 0, false },
	{ KW_REASSIGN, ON_P, SQL_CLASS_DCL, NULL, "it changes who owns objects", 0, false },
	{ KW_LOCK, ON_P, SQL_CLASS_ADMIN, stmt_lock, "it locks whole tables for others", BIT(TABLE_LOCK), false },
	{ KW_VACUUM, ON_L, SQL_CLASS_READ, stmt_vacuum, NULL, BIT(NO_ROLLBACK), true },
	{ KW_VACUUM, ON_P, SQL_CLASS_ADMIN, NULL, "it rewrites or cleans tables", BIT(NO_ROLLBACK), true },
	{ KW_ANALYZE, ON_P | ON_L, SQL_CLASS_ADMIN, NULL, "it renews the planner's statistics", 0, false },
	{ KW_ANALYSE, ON_P, SQL_CLASS_ADMIN, NULL, "it renews the planner's statistics", 0, false },
	{ KW_CLUSTER, ON_P, SQL_CLASS_ADMIN, NULL, "it rewrites tables", BIT(TABLE_LOCK), false },
	{ KW_REINDEX, ON_P | ON_L, SQL_CLASS_ADMIN, NULL, "it rebuilds indexes", BIT(TABLE_LOCK), false },
	{ KW_CHECKPOINT, ON_P, SQL_CLASS_ADMIN, NULL, "it makes the server write out everything", 0, true },
	{ KW_EXPLAIN, ON_M, SQL_CLASS_READ, stmt_explain_mysql, NULL, 0, false },
	{ KW_DESCRIBE, ON_M, SQL_CLASS_READ, stmt_explain_mysql, NULL, 0, false },
	{ KW_DESC, ON_M, SQL_CLASS_READ, stmt_explain_mysql, NULL, 0, false },
	{ KW_ANALYZE, ON_M, SQL_CLASS_READ, stmt_analyze_mysql, NULL, 0, false },
	{ KW_SHOW, ON_M, SQL_CLASS_READ, stmt_show_mysql, NULL, 0, false },
	{ KW_HELP, ON_M, SQL_CLASS_READ, stmt_fetch, NULL, 0, false },
	{ KW_CHECKSUM, ON_M, SQL_CLASS_READ, stmt_fetch, NULL, 0, false },
	{ KW_HANDLER, ON_M, SQL_CLASS_READ, stmt_handler, NULL, 0, false },
	{ KW_DO, ON_M, SQL_CLASS_READ, stmt_do, NULL, 0, false },
	{ KW_SET, ON_M, SQL_CLASS_READ, stmt_set_mysql, NULL, 0, false },
	{ KW_USE, ON_M, SQL_CLASS_ADMIN, NULL, "it changes the database that names without one mean", 0, false },
	{ KW_CALL, ON_M, SQL_CLASS_CALL, stmt_expr, "it runs a procedure whose effect is not known", 0, true },
	{ KW_PREPARE, ON_M, SQL_CLASS_CALL, NULL, "it prepares a statement that stands in a string or variable", 0, true },
	{ KW_EXECUTE, ON_M, SQL_CLASS_CALL, NULL, "it runs a statement that is not in the text", 0, true },
	{ KW_DEALLOCATE, ON_M, SQL_CLASS_SESSION, NULL, "it forgets a prepared statement", 0, false },
	{ KW_BEGIN, ON_M, SQL_CLASS_TCL, stmt_begin_mysql, "it begins a transaction", BIT(IMPLICIT_COMMIT), false },
	{ KW_START, ON_M, SQL_CLASS_TCL, stmt_start_mysql, "it begins a transaction", BIT(IMPLICIT_COMMIT), false },
	{ KW_COMMIT, ON_M, SQL_CLASS_TCL, stmt_tcl, "it ends a transaction", 0, true },
	{ KW_ROLLBACK, ON_M, SQL_CLASS_TCL, stmt_tcl, "it undoes a transaction", 0, true },
	{ KW_SAVEPOINT, ON_M, SQL_CLASS_TCL, stmt_tcl, "it sets a savepoint", 0, false },
	{ KW_RELEASE, ON_M, SQL_CLASS_TCL, stmt_tcl, "it releases a savepoint", 0, false },
	{ KW_XA, ON_M, SQL_CLASS_READ, stmt_xa, NULL, 0, false },
	{ KW_LOCK, ON_M, SQL_CLASS_ADMIN, NULL, "it locks whole tables for others", BIT(TABLE_LOCK) | BIT(IMPLICIT_COMMIT), true },
	{ KW_UNLOCK, ON_M, SQL_CLASS_SESSION, NULL, "it gives up the locks of this connection", BIT(IMPLICIT_COMMIT), true },
	{ KW_FLUSH, ON_M, SQL_CLASS_ADMIN, NULL, "it closes or renews things of the server", BIT(IMPLICIT_COMMIT), true },
	{ KW_RESET, ON_M, SQL_CLASS_ADMIN, NULL, "it clears things of the server", BIT(IMPLICIT_COMMIT), true },
	{ KW_KILL, ON_M, SQL_CLASS_ADMIN, NULL, "it ends other sessions or their statements", 0, true },
	{ KW_SHUTDOWN, ON_M, SQL_CLASS_ADMIN, NULL, "it stops the server", 0, true },
	{ KW_RESTART, ON_MY, SQL_CLASS_ADMIN, NULL, "it restarts the server", 0, true },
	{ KW_PURGE, ON_M, SQL_CLASS_ADMIN, NULL, "it deletes logs of the server", 0, true },
	{ KW_CHANGE, ON_M, SQL_CLASS_ADMIN, NULL, "it changes replication", BIT(IMPLICIT_COMMIT), true },
	{ KW_STOP, ON_M, SQL_CLASS_ADMIN, NULL, "it stops replication", BIT(IMPLICIT_COMMIT), true },
	{ KW_INSTALL, ON_M, SQL_CLASS_ADMIN, NULL, "it loads code into the server", BIT(IMPLICIT_COMMIT), true },
	{ KW_UNINSTALL, ON_M, SQL_CLASS_ADMIN, NULL, "it unloads code of the server", BIT(IMPLICIT_COMMIT), true },
	{ KW_CACHE, ON_M, SQL_CLASS_ADMIN, NULL, "it steers the index cache", BIT(IMPLICIT_COMMIT), true },
	{ KW_LOAD, ON_M, SQL_CLASS_READ, stmt_load, NULL, 0, false },
	{ KW_CHECK, ON_M, SQL_CLASS_ADMIN, NULL, "it checks tables, may mark them, and commits what was done before", BIT(TABLE_LOCK) | BIT(IMPLICIT_COMMIT), true },
	{ KW_OPTIMIZE, ON_M, SQL_CLASS_ADMIN, NULL, "it rewrites tables", BIT(TABLE_LOCK) | BIT(IMPLICIT_COMMIT), true },
	{ KW_REPAIR, ON_M, SQL_CLASS_ADMIN, NULL, "it rewrites tables", BIT(TABLE_LOCK) | BIT(IMPLICIT_COMMIT), true },
	{ KW_BACKUP, ON_M, SQL_CLASS_ADMIN, NULL, "it locks the server for a backup", 0, true },
	{ KW_BINLOG, ON_M, SQL_CLASS_ADMIN, NULL, "it applies changes from a log", 0, true },
	{ KW_IMPORT, ON_MY, SQL_CLASS_FILE, NULL, "it takes tables from files of the server", BIT(IMPLICIT_COMMIT), true },
	{ KW_TRUNCATE, ON_M, SQL_CLASS_WRITE, stmt_truncate, "it empties whole tables", BIT(TRUNCATE) | BIT(IMPLICIT_COMMIT) | BIT(TABLE_LOCK), true },
	{ KW_RENAME, ON_M, SQL_CLASS_DDL, stmt_rename, "it renames tables", BIT(IMPLICIT_COMMIT), true },
	{ KW_CREATE, ON_M, SQL_CLASS_READ, stmt_create_mysql, NULL, 0, false },
	{ KW_ALTER, ON_M, SQL_CLASS_READ, stmt_alter_mysql, NULL, 0, false },
	{ KW_DROP, ON_M, SQL_CLASS_READ, stmt_drop_mysql, NULL, 0, false },
	{ KW_GRANT, ON_M, SQL_CLASS_DCL, NULL, "it changes what users may do", BIT(IMPLICIT_COMMIT), true },
	{ KW_REVOKE, ON_M, SQL_CLASS_DCL, NULL, "it changes what users may do", BIT(IMPLICIT_COMMIT), true },
	{ KW_SIGNAL, ON_M, SQL_CLASS_SESSION, NULL, "it raises an error on purpose", 0, false },
	{ KW_RESIGNAL, ON_M, SQL_CLASS_SESSION, NULL, "it raises an error on purpose", 0, false },
	{ KW_GET, ON_M, SQL_CLASS_SESSION, stmt_expr, "it keeps diagnostics in variables", 0, false },
	{ KW_IF, ON_M, SQL_CLASS_CALL, NULL, "it runs a block of statements", 0, true },
	{ KW_CASE, ON_M, SQL_CLASS_CALL, NULL, "it runs a block of statements", 0, true },
	{ KW_LOOP, ON_M, SQL_CLASS_CALL, NULL, "it runs a block of statements", 0, true },
	{ KW_WHILE, ON_M, SQL_CLASS_CALL, NULL, "it runs a block of statements", 0, true },
	{ KW_REPEAT, ON_M, SQL_CLASS_CALL, NULL, "it runs a block of statements", 0, true },
	{ KW_FOR, ON_M, SQL_CLASS_CALL, NULL, "it runs a block of statements", 0, true },
	{ KW_DECLARE, ON_M, SQL_CLASS_CALL, NULL, "it runs a block of statements", 0, true },
	{ KW_PRAGMA, ON_L, SQL_CLASS_READ, stmt_pragma, NULL, 0, false },
	{ KW_ATTACH, ON_L, SQL_CLASS_FILE, NULL, "it opens or creates another database file", 0, true },
	{ KW_DETACH, ON_L, SQL_CLASS_SESSION, NULL, "it closes an attached database", 0, true },
};

unsigned
engine_bit(enum sql_engine engine)
{
	switch (engine) {
	case SQL_POSTGRES:
		return ON_P;
	case SQL_SQLITE:
		return ON_L;
	case SQL_MARIADB:
		return ON_MARIA;
	case SQL_MYSQL:
		return ON_MY;
	case SQL_ENGINES:
		break;
	}
	return 0;
}

const struct verb *
verb_find(enum sql_kw kw, enum sql_engine engine)
{
	unsigned bit = engine_bit(engine);

	for (size_t i = 0; i < sizeof(verbs) / sizeof(verbs[0]); i++)
		if (verbs[i].kw == kw && (verbs[i].engines & bit))
			return &verbs[i];
	return NULL;
}

void
verb_add(struct ctx *c, const struct sql_token *t)
{
	size_t len = strlen(c->verb);
	const char *p = ctx_text(c, t);

	if (t->tok != TOK_WORD || t->len + 2 > sizeof(c->verb) - len)
		return;
	if (len > 0)
		c->verb[len++] = ' ';
	for (size_t i = 0; i < t->len; i++)
		c->verb[len++] = p[i] >= 'a' && p[i] <= 'z' ? (char)(p[i] - 32) : p[i];
	c->verb[len] = '\0';
}

void
verb_set(struct ctx *c, const char *words)
{
	size_t n = strlen(words);

	if (n >= sizeof(c->verb))
		n = sizeof(c->verb) - 1;
	memcpy(c->verb, words, n);
	c->verb[n] = '\0';
}

static void
unknown(struct ctx *c, const char *reason)
{
	ctx_danger(c, SQL_DANGER_UNREADABLE);
	ctx_raise(c, SQL_CLASS_UNKNOWN, reason);
	c->may_commit = false;
	ctx_skip_rest(c);
}

static void
run(struct ctx *c, const struct verb *v)
{
	if (v->handle != stmt_query) {
		verb_add(c, cur(c));
		ctx_step(c);
	}
	if (v->reason != NULL)
		ctx_raise(c, v->class, v->reason);
	c->dangers |= v->dangers;
	if (v->stays)
		c->may_commit = false;
	if (v->handle != NULL)
		v->handle(c);
	ctx_skip_rest(c);
}

void
verb_inner(struct ctx *c)
{
	const struct sql_token *t = cur(c);
	const struct verb *v;

	if (t->tok == TOK_OPEN) {
		stmt_query(c);
		ctx_skip_rest(c);
		return;
	}
	v = t->tok == TOK_WORD && t->kw != KW_NO ? verb_find(t->kw, c->d->engine) : NULL;
	if (v == NULL) {
		if (t->tok == TOK_WORD && c->verb[0] == '\0')
			verb_add(c, t);
		unknown(c, "twokey does not know what its first word does");
		return;
	}
	run(c, v);
}

void
ctx_statement(struct ctx *c)
{
	c->class = SQL_CLASS_READ;
	c->reason = NULL;
	c->reason_name = (struct sql_str){ NULL, 0 };
	c->verb[0] = '\0';
	c->quiet = c->dormant = c->in_copy = false;
	c->may_commit = true;
	c->where = SQL_WHERE_NONE_NEEDED;
	c->opened = 0;
	c->nctes = c->ntargets = 0;
	c->in_targets = false;
	c->start = cur(c)->off;
	verb_inner(c);
}
