/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Second opinion: libpg_query on the PostgreSQL corpus. Same boundaries, same verb, same tables written,
 * or the difference stands in the list below. Built by sql_differ.sh where libpg_query is installed. */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>
#include <pg_query.h>

#include "twokey/sql/facts.h"
#include "twokey/sql/split.h"

static const struct sql_settings set = { .engine = SQL_POSTGRES };
static struct sql_facts f;
static size_t rows, statements, bad;

/* A node of the tree and the verbs that it may have here, each a beginning. */
static const struct {
	const char *node, *verbs;
} verbs[] = {
	{ "SelectStmt", "SELECT|VALUES|TABLE" }, { "InsertStmt", "INSERT" }, { "UpdateStmt", "UPDATE" },
	{ "DeleteStmt", "DELETE" }, { "MergeStmt", "MERGE" }, { "CopyStmt", "COPY" }, { "ExplainStmt", "EXPLAIN" },
	{ "VariableSetStmt", "SET|RESET" }, { "VariableShowStmt", "SHOW" }, { "PrepareStmt", "PREPARE" },
	{ "ExecuteStmt", "EXECUTE" }, { "DeallocateStmt", "DEALLOCATE" }, { "DeclareCursorStmt", "DECLARE" },
	{ "FetchStmt", "FETCH|MOVE" }, { "ClosePortalStmt", "CLOSE" }, { "TruncateStmt", "TRUNCATE" },
	{ "LockStmt", "LOCK" }, { "VacuumStmt", "VACUUM|ANALYZE|ANALYSE" }, { "DoStmt", "DO" }, { "CallStmt", "CALL" },
	{ "CreateTableAsStmt", "CREATE" }, { "CreateStmt", "CREATE" }, { "ViewStmt", "CREATE" }, { "IndexStmt", "CREATE" },
	{ "CreateFunctionStmt", "CREATE" }, { "CreateTrigStmt", "CREATE" }, { "RuleStmt", "CREATE" },
	{ "CreateSchemaStmt", "CREATE" }, { "CreateSeqStmt", "CREATE" }, { "CreateRoleStmt", "CREATE" },
	{ "AlterTableStmt", "ALTER" }, { "RenameStmt", "ALTER" }, { "AlterRoleStmt", "ALTER" }, { "AlterSeqStmt", "ALTER" },
	{ "DropStmt", "DROP" }, { "DropRoleStmt", "DROP" }, { "GrantStmt", "GRANT|REVOKE" },
	{ "GrantRoleStmt", "GRANT|REVOKE" }, { "CommentStmt", "COMMENT" }, { "ReindexStmt", "REINDEX" },
	{ "ClusterStmt", "CLUSTER" }, { "NotifyStmt", "NOTIFY" }, { "ListenStmt", "LISTEN" },
	{ "RefreshMatViewStmt", "REFRESH" }, { "DiscardStmt", "DISCARD" }, { "LoadStmt", "LOAD" },
	{ "TransactionStmt", "BEGIN|START|COMMIT|END|ROLLBACK|ABORT|SAVEPOINT|RELEASE|PREPARE" },
};

/* Differences that are meant, by the text they stand in. */
static const struct {
	const char *part, *reason;
} meant[] = {
	{ "CREATE MATERIALIZED VIEW mvtest_tvm AS", "EXPLAIN of CREATE ... AS plans only: no table is written" },
	{ "CREATE MATERIALIZED VIEW mvtest_tvvm AS", "EXPLAIN of CREATE ... AS plans only: no table is written" },
	{ "create table parallel_write as execute", "EXPLAIN of CREATE ... AS plans only: no table is written" },
};

static bool
is_meant(const char *sql)
{
	for (size_t i = 0; i < sizeof(meant) / sizeof(meant[0]); i++)
		if (strstr(sql, meant[i].part) != NULL)
			return true;
	return false;
}

static void
differs(const char *what, const char *sql, const char *theirs, const char *ours)
{
	if (is_meant(sql))
		return;
	if (bad++ < 40)
		printf("# %s: theirs %s, ours %s: %.300s\n", what, theirs, ours, sql);
}

struct names {
	char text[64][160];
	size_t n;
};

static void
add(struct names *names, const char *schema, const char *name)
{
	char text[160];

	snprintf(text, sizeof(text), "%s%s%s", schema ? schema : "", schema ? "." : "", name);
	for (size_t i = 0; i < names->n; i++)
		if (strcmp(names->text[i], text) == 0)
			return;
	if (names->n < 64)
		strcpy(names->text[names->n++], text);
}

static void
add_relation(struct names *names, const json_t *rel)
{
	const char *name = json_string_value(json_object_get(rel, "relname"));

	if (name != NULL)
		add(names, json_string_value(json_object_get(rel, "schemaname")), name);
}

/* Every relation that INSERT, UPDATE, DELETE, MERGE or INTO means. */
static void
collect(struct names *names, const char *key, const json_t *v)
{
	const char *k;
	json_t *child;
	size_t i;

	if (json_is_array(v))
		json_array_foreach(v, i, child)
			collect(names, "", child);
	if (!json_is_object(v))
		return;
	if (!strcmp(key, "InsertStmt") || !strcmp(key, "UpdateStmt") || !strcmp(key, "DeleteStmt")
	    || !strcmp(key, "MergeStmt"))
		add_relation(names, json_object_get(v, "relation"));
	if (!strcmp(key, "into") || !strcmp(key, "intoClause"))
		add_relation(names, json_object_get(v, "rel"));
	json_object_foreach((json_t *)v, k, child)
		collect(names, k, child);
}

static bool
has(const struct names *names, const char *text)
{
	for (size_t i = 0; i < names->n; i++)
		if (strcmp(names->text[i], text) == 0)
			return true;
	return false;
}

static void
compare_tables(const char *sql, const json_t *stmt)
{
	struct names theirs = { .n = 0 };
	struct names ours = { .n = 0 };

	collect(&theirs, "", stmt);
	for (size_t i = 0; i < f.ntables; i++) {
		char schema[160], name[160];

		if (!(f.tables[i].use & SQL_USE_WRITE))
			continue;
		snprintf(schema, sizeof(schema), "%.*s", (int)f.tables[i].schema.n, f.tables[i].schema.n ? f.tables[i].schema.p : "");
		snprintf(name, sizeof(name), "%.*s", (int)f.tables[i].name.n, f.tables[i].name.p);
		add(&ours, schema[0] ? schema : NULL, name);
	}
	for (size_t i = 0; i < theirs.n; i++)
		if (!has(&ours, theirs.text[i]))
			differs("table written", sql, theirs.text[i], ours.n ? ours.text[0] : "none");
	for (size_t i = 0; i < ours.n; i++)
		if (!has(&theirs, ours.text[i]))
			differs("table written", sql, theirs.n ? theirs.text[0] : "none", ours.text[i]);
}

static void
compare_verb(const char *sql, const char *node)
{
	for (size_t i = 0; i < sizeof(verbs) / sizeof(verbs[0]); i++) {
		const char *p = verbs[i].verbs;

		if (strcmp(verbs[i].node, node) != 0)
			continue;
		while (p != NULL) {
			size_t n = strcspn(p, "|");

			if (strncmp(f.verb, p, n) == 0)
				return;
			p = p[n] ? p + n + 1 : NULL;
		}
		differs("verb", sql, node, f.verb);
	}
}

static bool
writes_rows(const char *node)
{
	static const char *const nodes[] = { "SelectStmt", "InsertStmt", "UpdateStmt", "DeleteStmt", "MergeStmt",
	    "ExplainStmt", "PrepareStmt", "DeclareCursorStmt" };

	for (size_t i = 0; i < sizeof(nodes) / sizeof(nodes[0]); i++)
		if (strcmp(nodes[i], node) == 0)
			return true;
	return false;
}

/* One parsed statement against the piece that the splitter gives. */
static size_t
compare(const char *sql, const json_t *stmt, size_t from)
{
	size_t n = strlen(sql);
	size_t loc = (size_t)json_integer_value(json_object_get(stmt, "stmt_location"));
	size_t len = (size_t)json_integer_value(json_object_get(stmt, "stmt_len"));
	size_t end = len == 0 ? n : loc + len;
	const json_t *node = json_object_get(stmt, "stmt");
	const char *name = json_object_iter_key(json_object_iter((json_t *)node));
	struct sql_piece piece;

	do {
		if (!sql_split_next(&set, sql, n, from, &piece)) {
			differs("boundary", sql, "more statements", "the end");
			return n;
		}
		from = piece.all.off + piece.all.len;
	} while (piece.text.len == 0);
	statements++;
	if (piece.text.off < loc || piece.text.off + piece.text.len > end)
		differs("boundary", sql, "elsewhere", "here");
	sql_classify(&f, &set, sql + piece.text.off, piece.text.len);
	compare_verb(sql, name);
	if (writes_rows(name))
		compare_tables(sql, node);
	return from;
}

static void
compare_text(const char *sql)
{
	PgQueryParseResult r;
	json_t *tree;
	json_t *stmt;
	size_t i;
	size_t from = 0;
	struct sql_piece piece;

	if (strlen(sql) > 20000)
		return;
	r = pg_query_parse(sql);
	if (r.error == NULL && (tree = json_loads(r.parse_tree, 0, NULL)) != NULL) {
		rows++;
		json_array_foreach(json_object_get(tree, "stmts"), i, stmt)
			from = compare(sql, stmt, from);
		while (sql_split_next(&set, sql, strlen(sql), from, &piece)) {
			if (piece.text.len > 0)
				differs("boundary", sql, "the end", "more statements");
			from = piece.all.off + piece.all.len;
		}
		json_decref(tree);
	}
	pg_query_free_parse_result(r);
}

int
main(int argc, char **argv)
{
	FILE *in = argc == 2 ? fopen(argv[1], "r") : NULL;
	char *line = NULL;
	size_t room = 0;
	char pair[65536] = "";

	if (in == NULL) {
		printf("1..0 # SKIP no corpus beside the source tree\n");
		return 0;
	}
	while (getline(&line, &room, in) > 0) {
		json_t *row = json_loads(line, 0, NULL);
		const char *sql = json_string_value(json_object_get(row, "sql"));

		if (sql != NULL && json_object_get(row, "scs") == NULL) {
			compare_text(sql);
			/* and two in one text */
			if (strlen(pair) + strlen(sql) < 20000 && strlen(pair) > 0) {
				strcat(pair, "\n;");
				strcat(pair, sql);
				compare_text(pair);
			}
			snprintf(pair, sizeof(pair), "%s", strlen(sql) < 10000 && strstr(sql, "--") == NULL ? sql : "");
		}
		json_decref(row);
	}
	printf("# %zu texts, %zu statements, %zu differences that are not in the list\n", rows, statements, bad);
	printf("%s 1 - same boundaries, verbs and tables written as libpg_query\n1..1\n", bad ? "not ok" : "ok");
	free(line);
	fclose(in);
	return bad != 0;
}
