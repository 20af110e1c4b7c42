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
	{ KW_FETCH, ON_P, SQL_CLASS_SESSION, stmt_fetch, "it moves a cursor", 0, false },
	{ KW_MOVE, ON_P, SQL_CLASS_SESSION, NULL, "it moves a cursor", 0, false },
	{ KW_CLOSE, ON_P, SQL_CLASS_SESSION, NULL, "it closes a cursor", 0, false },
	{ KW_DEALLOCATE, ON_P, SQL_CLASS_SESSION, NULL, "it forgets a prepared statement", 0, false },
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
	{ KW_VACUUM, ON_P | ON_L, SQL_CLASS_ADMIN, stmt_vacuum, "it rewrites or cleans tables", BIT(NO_ROLLBACK), true },
	{ KW_ANALYZE, ON_P | ON_L, SQL_CLASS_ADMIN, NULL, "it renews the planner's statistics", 0, false },
	{ KW_ANALYSE, ON_P, SQL_CLASS_ADMIN, NULL, "it renews the planner's statistics", 0, false },
	{ KW_CLUSTER, ON_P, SQL_CLASS_ADMIN, NULL, "it rewrites tables", BIT(TABLE_LOCK), false },
	{ KW_REINDEX, ON_P | ON_L, SQL_CLASS_ADMIN, NULL, "it rebuilds indexes", BIT(TABLE_LOCK), false },
	{ KW_CHECKPOINT, ON_P, SQL_CLASS_ADMIN, NULL, "it makes the server write out everything", 0, true },
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
	const char *p = tok_text(c, t);

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
	danger(c, SQL_DANGER_UNREADABLE);
	raise(c, SQL_CLASS_UNKNOWN, reason);
	c->may_commit = false;
	skip_rest(c);
}

static void
run(struct ctx *c, const struct verb *v)
{
	if (v->handle != stmt_query) {
		verb_add(c, cur(c));
		step(c);
	}
	if (v->reason != NULL)
		raise(c, v->class, v->reason);
	c->dangers |= v->dangers;
	if (v->stays)
		c->may_commit = false;
	if (v->handle != NULL)
		v->handle(c);
	skip_rest(c);
}

void
verb_inner(struct ctx *c)
{
	const struct sql_token *t = cur(c);
	const struct verb *v;

	if (t->tok == TOK_OPEN) {
		stmt_query(c);
		skip_rest(c);
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
statement(struct ctx *c)
{
	c->class = SQL_CLASS_READ;
	c->reason = NULL;
	c->reason_name = (struct sql_str){ NULL, 0 };
	c->verb[0] = '\0';
	c->quiet = c->dormant = c->in_copy = false;
	c->may_commit = true;
	c->where = SQL_WHERE_NONE_NEEDED;
	c->opened = 0;
	c->nctes = c->naliases = 0;
	c->start = cur(c)->off;
	verb_inner(c);
}
