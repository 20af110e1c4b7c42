/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The wall of SQLite: an authorizer that knows what it lets through, and nothing else. */
#include "config.h"

#include "sqlite.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "twokey/base/err.h"

static const char *const harmless[] = {
#define FN(name) name,
#include "db/sqlite_fn.def"
#undef FN
};

/* Only tell something when no argument stands there; the list of what the engine has is in pragma_list. */
static const char *const pragmas_bare[] = {
	"analysis_limit", "application_id", "auto_vacuum", "automatic_index", "busy_timeout", "cache_size",
	"cache_spill", "cell_size_check", "checkpoint_fullfsync", "count_changes", "data_version",
	"default_cache_size", "defer_foreign_keys", "empty_result_callbacks", "encoding", "foreign_keys",
	"freelist_count", "full_column_names", "fullfsync", "hard_heap_limit", "ignore_check_constraints",
	"journal_size_limit", "legacy_alter_table", "legacy_file_format", "locking_mode", "max_page_count",
	"mmap_size", "page_count", "page_size", "query_only", "read_uncommitted", "recursive_triggers",
	"reverse_unordered_selects", "schema_version", "secure_delete", "short_column_names", "soft_heap_limit",
	"synchronous", "temp_store", "temp_store_directory", "threads", "trusted_schema", "user_version",
	"wal_autocheckpoint", "writable_schema",
};
/* Only tell something, with the name of a table or index or without. */
static const char *const pragmas_named[] = {
	"collation_list", "compile_options", "database_list", "foreign_key_check", "foreign_key_list",
	"function_list", "index_info", "index_list", "index_xinfo", "integrity_check", "module_list", "pragma_list",
	"quick_check", "stats", "table_info", "table_list", "table_xinfo",
};
/* Change something only when they run; all others do it already when they are prepared, EXPLAIN or not. */
static const char *const pragmas_late[] = {
	"application_id", "incremental_vacuum", "journal_mode", "schema_version", "user_version", "wal_checkpoint",
};

static bool
among(const char *const *names, size_t n, const char *name)
{
	for (size_t i = 0; i < n; i++)
		if (strcasecmp(names[i], name) == 0)
			return true;
	return false;
}

static bool
pragma_reads(const char *name, const char *arg)
{
	return among(pragmas_named, sizeof pragmas_named / sizeof *pragmas_named, name) ||
	    (arg == NULL && among(pragmas_bare, sizeof pragmas_bare / sizeof *pragmas_bare, name));
}

static bool
reads(int action, const char *a, const char *b)
{
	switch (action) {
	case SQLITE_SELECT:
	case SQLITE_READ:
	case SQLITE_RECURSIVE:
		return true;
	case SQLITE_FUNCTION:
		return b != NULL && among(harmless, sizeof harmless / sizeof *harmless, b);
	case SQLITE_PRAGMA:
		return a != NULL && pragma_reads(a, b);
	default:
		return false;
	}
}

/* Rows of ordinary tables; never the schema table itself. */
static bool
writes(int action, const char *a)
{
	return (action == SQLITE_INSERT || action == SQLITE_UPDATE || action == SQLITE_DELETE) && a != NULL &&
	    strncasecmp(a, "sqlite_", 7) != 0;
}

/* A table-valued pragma declares its columns when it is prepared, which the engine reports as an UPDATE of its
 * schema table. It writes nothing: these walls stand on a read-only or DEFENSIVE handle, and a statement that is not
 * sqlite3_stmt_readonly never steps here. */
static bool
declares(int action, const char *a)
{
	return action == SQLITE_UPDATE && a != NULL && strcmp(a, "sqlite_master") == 0;
}

/* What EXPLAIN may compile: what would act only when it ran, in this database. Functions stay on their list, besides
 * the engine's own behind ALTER TABLE, which nobody can call. */
static bool
compiles(int action, const char *a, const char *b)
{
	switch (action) {
	case SQLITE_PRAGMA:
		return a != NULL && (pragma_reads(a, b) ||
		    among(pragmas_late, sizeof pragmas_late / sizeof *pragmas_late, a));
	case SQLITE_FUNCTION:
		return reads(action, a, b) || (b != NULL && strncmp(b, "sqlite_", 7) == 0);
	case SQLITE_CREATE_INDEX: case SQLITE_CREATE_TABLE: case SQLITE_CREATE_TEMP_INDEX:
	case SQLITE_CREATE_TEMP_TABLE: case SQLITE_CREATE_TEMP_TRIGGER: case SQLITE_CREATE_TEMP_VIEW:
	case SQLITE_CREATE_TRIGGER: case SQLITE_CREATE_VIEW: case SQLITE_CREATE_VTABLE:
	case SQLITE_DROP_INDEX: case SQLITE_DROP_TABLE: case SQLITE_DROP_TEMP_INDEX: case SQLITE_DROP_TEMP_TABLE:
	case SQLITE_DROP_TEMP_TRIGGER: case SQLITE_DROP_TEMP_VIEW: case SQLITE_DROP_TRIGGER: case SQLITE_DROP_VIEW:
	case SQLITE_DROP_VTABLE: case SQLITE_ALTER_TABLE: case SQLITE_ANALYZE: case SQLITE_REINDEX:
	case SQLITE_TRANSACTION: case SQLITE_SAVEPOINT: case SQLITE_INSERT: case SQLITE_UPDATE: case SQLITE_DELETE:
		return true;
	default:
		return reads(action, a, b);
	}
}

/* What a change of definitions does in this database when it runs: no virtual tables (code of modules), nothing temporary, and of
 * the pragmas those that only tell, which the engine itself asks. */
static bool
defines(int action, const char *a, const char *b)
{
	switch (action) {
	case SQLITE_CREATE_INDEX: case SQLITE_CREATE_TABLE: case SQLITE_CREATE_TRIGGER: case SQLITE_CREATE_VIEW:
	case SQLITE_DROP_INDEX: case SQLITE_DROP_TABLE: case SQLITE_DROP_TRIGGER: case SQLITE_DROP_VIEW:
	case SQLITE_ALTER_TABLE: case SQLITE_REINDEX: case SQLITE_INSERT: case SQLITE_UPDATE: case SQLITE_DELETE:
		return true;
	case SQLITE_FUNCTION:
		return compiles(action, a, b);
	default:
		return reads(action, a, b);
	}
}

static bool
lets(const struct db_conn *c, int action, const char *a, const char *b)
{
	switch (c->gate.wall) {
	case SQLITE_WALL_READ:
		return reads(action, a, b) || declares(action, a);
	case SQLITE_WALL_EXPLAIN:
		return compiles(action, a, b);
	case SQLITE_WALL_WRITE:
		return reads(action, a, b) || writes(action, a);
	case SQLITE_WALL_DEFINE:
		return defines(action, a, b);
	case SQLITE_WALL_OWN:
		return reads(action, a, b) || declares(action, a) || action == SQLITE_TRANSACTION;
	}
	return false;
}

static const char *
action_name(int action)
{
	switch (action) {
	case SQLITE_FUNCTION: return "the function";
	case SQLITE_PRAGMA: return "PRAGMA";
	case SQLITE_ATTACH: return "ATTACH";
	case SQLITE_DETACH: return "DETACH";
	case SQLITE_TRANSACTION: return "transaction control:";
	case SQLITE_SAVEPOINT: return "SAVEPOINT";
	case SQLITE_INSERT: return "INSERT into";
	case SQLITE_UPDATE: return "UPDATE of";
	case SQLITE_DELETE: return "DELETE from";
	default: return "a change of the schema:";
	}
}

int
sqlite_authorize(void *conn, int action, const char *a, const char *b, const char *db, const char *by)
{
	struct db_conn *c = conn;

	(void)db;
	if (by != NULL && c->gate.triggers != NULL) {
		buf_puts(c->gate.triggers, by);
		buf_putc(c->gate.triggers, '\0');
	}
	if (lets(c, action, a, b))
		return SQLITE_OK;
	if (c->gate.denied[0] == '\0')
		snprintf(c->gate.denied, sizeof c->gate.denied, "%s %s", action_name(action),
		    action == SQLITE_FUNCTION ? (b != NULL ? b : "") : (a != NULL ? a : ""));
	return SQLITE_DENY;
}

/* What stands behind the first statement must be nothing: blanks, comments, semicolons. */
static bool
nothing_left(sqlite3 *db, const char *p, const char *end)
{
	while (p < end) {
		sqlite3_stmt *more = NULL;
		const char *next = p;
		int rc = sqlite3_prepare_v3(db, p, (int)(end - p), 0, &more, &next);

		sqlite3_finalize(more);
		if (rc != SQLITE_OK || more != NULL)
			return false;
		if (next <= p)
			break;
		p = next;
	}
	return true;
}

static int
judge(const struct db_conn *c, sqlite3_stmt *st, struct err *e)
{
	switch (c->gate.wall) {
	case SQLITE_WALL_READ:
		if (sqlite3_stmt_readonly(st))
			return 0;
		break;
	case SQLITE_WALL_EXPLAIN:
		if (sqlite3_stmt_isexplain(st) != 0)
			return 0;
		break;
	case SQLITE_WALL_WRITE:
	case SQLITE_WALL_DEFINE:
		if (sqlite3_stmt_isexplain(st) == 0)
			return 0;
		break;
	case SQLITE_WALL_OWN:
		return 0;
	}
	return err_set(e, ERR_WALL, "the wall stopped it: SQLite says that the statement would write");
}

int
sqlite_prepare(struct db_conn *c, sqlite3 *db, enum sqlite_wall wall, const struct db_statement *s,
    sqlite3_stmt **out, struct err *e)
{
	const char *tail = NULL;
	int rc, ret = 0;

	*out = NULL;
	if (s->language != DB_SQL || s->n > 1024 * 1024 || memchr(s->bytes, '\0', s->n) != NULL)
		return err_set(e, ERR_WALL, "the wall stopped it: not SQL text, over 1 MiB, or with a zero byte in it");
	c->gate.wall = wall;
	c->gate.denied[0] = '\0';
	rc = sqlite3_prepare_v3(db, s->bytes, (int)s->n, 0, out, &tail);
	if (rc == SQLITE_AUTH || c->gate.denied[0] != '\0')
		ret = err_set(e, ERR_WALL, "the wall stopped it: %s is not let through here", c->gate.denied);
	else if (rc != SQLITE_OK)
		return err_set(e, ERR_STATEMENT, "the database refused the statement");
	else if (*out == NULL)
		ret = err_set(e, ERR_WALL, "the wall stopped it: there is no statement in the text");
	else if (!nothing_left(db, tail, s->bytes + s->n))
		ret = err_set(e, ERR_WALL, "the wall stopped it: one statement at a time; there is more in the text");
	else
		ret = judge(c, *out, e);
	if (ret != 0) {
		sqlite3_finalize(*out);
		*out = NULL;
	}
	return ret;
}

const char *
sqlite_code(int rc)
{
	static const struct { int rc; const char *name; } codes[] = {
		{ SQLITE_ERROR, "SQLITE_ERROR" }, { SQLITE_INTERNAL, "SQLITE_INTERNAL" },
		{ SQLITE_PERM, "SQLITE_PERM" }, { SQLITE_ABORT, "SQLITE_ABORT" }, { SQLITE_BUSY, "SQLITE_BUSY" },
		{ SQLITE_LOCKED, "SQLITE_LOCKED" }, { SQLITE_NOMEM, "SQLITE_NOMEM" },
		{ SQLITE_READONLY, "SQLITE_READONLY" }, { SQLITE_INTERRUPT, "SQLITE_INTERRUPT" },
		{ SQLITE_IOERR, "SQLITE_IOERR" }, { SQLITE_CORRUPT, "SQLITE_CORRUPT" },
		{ SQLITE_FULL, "SQLITE_FULL" }, { SQLITE_CANTOPEN, "SQLITE_CANTOPEN" },
		{ SQLITE_SCHEMA, "SQLITE_SCHEMA" }, { SQLITE_TOOBIG, "SQLITE_TOOBIG" },
		{ SQLITE_CONSTRAINT, "SQLITE_CONSTRAINT" }, { SQLITE_MISMATCH, "SQLITE_MISMATCH" },
		{ SQLITE_AUTH, "SQLITE_AUTH" }, { SQLITE_RANGE, "SQLITE_RANGE" }, { SQLITE_NOTADB, "SQLITE_NOTADB" },
	};

	for (size_t i = 0; i < sizeof codes / sizeof *codes; i++)
		if (codes[i].rc == (rc & 0xff))
			return codes[i].name;
	return "SQLITE";
}
