/* SPDX-License-Identifier: GPL-3.0-or-later */
/* SQLite as oracle: its file is the same to the last byte, and no other file came to be. */
#include "config.h"

#include "oracle.h"

#include <dirent.h>
#include <setjmp.h>
#include <sqlite3.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "lib/folder.h"
#include "twokey/base/clock.h"

struct world {
	char folder[64];
	char file[96];
	sqlite3 *db;
	int64_t end_ms;
};

static const char tables[] =
	"CREATE TABLE trap (what TEXT);"
	"CREATE TABLE t (a INTEGER PRIMARY KEY, b TEXT); INSERT INTO t VALUES (1, 'x'), (2, 'y');"
	"CREATE TABLE u (a, b); INSERT INTO u VALUES (1, 'u');"
	"CREATE TABLE secret (a, password); INSERT INTO secret VALUES (1, 'x');"
	"CREATE VIEW v_trap AS SELECT * FROM t;"
	"CREATE TRIGGER t_insert AFTER INSERT ON t BEGIN INSERT INTO trap VALUES ('insert'); END;"
	"CREATE TRIGGER t_delete AFTER DELETE ON t BEGIN INSERT INTO trap VALUES ('delete'); END;"
	"CREATE TRIGGER v_insert INSTEAD OF INSERT ON v_trap BEGIN INSERT INTO trap VALUES ('view'); END;"
	"CREATE TABLE counted (a INTEGER PRIMARY KEY AUTOINCREMENT); INSERT INTO counted VALUES (7);";

static const char hostile_tables[] =
	"CREATE TABLE \"delete\" (a); INSERT INTO \"delete\" VALUES (1);"
	"CREATE VIRTUAL TABLE f3 USING fts3(x); INSERT INTO f3 VALUES ('one two');"
	"CREATE VIRTUAL TABLE f5 USING fts5(x); INSERT INTO f5 VALUES ('one two');"
	"CREATE VIRTUAL TABLE r USING rtree(id, a, b); INSERT INTO r VALUES (1, 0, 1);";

static int
is_late(void *ctx)
{
	const struct world *w = ctx;

	return clock_mono_ms() > w->end_ms;
}

static void
empty_folder(const struct world *w)
{
	DIR *dir = opendir(w->folder);
	const struct dirent *entry;

	assert_non_null(dir);
	while ((entry = readdir(dir)) != NULL) {
		char path[400];

		snprintf(path, sizeof path, "%s/%s", w->folder, entry->d_name);
		if (entry->d_name[0] != '.')
			assert_int_equal(unlink(path), 0);
	}
	closedir(dir);
}

static void
run(struct world *w, const char *sql)
{
	w->end_ms = clock_mono_ms() + 1000;
	if (sqlite3_exec(w->db, sql, NULL, NULL, NULL) != SQLITE_OK)
		fail_msg("%s: %s", sql, sqlite3_errmsg(w->db));
}

static void
begin(void *ctx, const char *modes, bool hostile)
{
	struct world *w = ctx;

	(void)modes;
	sqlite3_close_v2(w->db);
	empty_folder(w);
	assert_int_equal(sqlite3_open(w->file, &w->db), SQLITE_OK);
	sqlite3_progress_handler(w->db, 10000, is_late, w);
	run(w, "PRAGMA journal_mode = MEMORY; PRAGMA synchronous = OFF");
	run(w, tables);
	if (hostile)
		run(w, hostile_tables);
}

static void
make(void *ctx, const char *sql, size_t n)
{
	struct world *w = ctx;
	sqlite3_stmt *st = NULL;

	w->end_ms = clock_mono_ms() + 300;
	if (sqlite3_prepare_v2(w->db, sql, (int)n, &st, NULL) == SQLITE_OK)
		while (sqlite3_step(st) == SQLITE_ROW)
			continue;
	sqlite3_finalize(st);
}

static void
finish(void *ctx)
{
	static const char *const names[] = { "t1", "t2", "t3", "t4", "t5", "t6", "t7", "t0", "test1", "collate2t1", "uu" };
	static const char *const columns[] = { "b", "c", "d", "e", "f", "x", "y", "z", "r", "id", "i", "n", "w" };
	char sql[128];

	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		snprintf(sql, sizeof sql, "CREATE TABLE IF NOT EXISTS %s (a)", names[i]);
		make(ctx, sql, strlen(sql));
		for (size_t k = 0; i < 4 && k < sizeof columns / sizeof *columns; k++) {
			snprintf(sql, sizeof sql, "ALTER TABLE %s ADD COLUMN %s", names[i], columns[k]);
			make(ctx, sql, strlen(sql));
		}
		snprintf(sql, sizeof sql, "INSERT INTO %s (a) VALUES (1), (2)", names[i]);
		make(ctx, sql, strlen(sql));
	}
}

static void
target(void *ctx, struct db_target *t)
{
	const struct world *w = ctx;

	t->file = w->file;
}

static void
look_at(void *ctx, struct buf *out)
{
	const struct world *w = ctx;

	oracle_files(out, w->folder, true, NULL);
}

static const char *const session[] = {
	"SELECT name FROM temp.sqlite_schema", "PRAGMA database_list", "PRAGMA foreign_keys", "PRAGMA recursive_triggers",
	"PRAGMA ignore_check_constraints", "PRAGMA data_version", "PRAGMA encoding", "SELECT 'a' LIKE 'A'", NULL
};

/* What EXPLAIN explains may write: it is not run. */
static bool
tried(const struct sql_facts *f, const char *why)
{
	return strncmp(f->verb, "EXPLAIN", 7) != 0 && (strstr(why, "would write") != NULL ||
	    strstr(why, "readonly database") != NULL || strstr(why, "INSERT into") != NULL ||
	    strstr(why, "UPDATE of") != NULL || strstr(why, "DELETE from") != NULL || strstr(why, "schema") != NULL);
}

static struct oracle_engine engine = {
	.engine = SQL_SQLITE, .begin = begin, .make = make, .target = target, .look = look_at, .finish = finish,
	.batch = 20, .session = session, .tried = tried
};

static void
a_write_around_the_driver_is_found(void **state)
{
	static const char *const writes[] = { "INSERT INTO u VALUES (9, 'z')", "UPDATE u SET b = 'v'", "DELETE FROM t",
	    "CREATE TABLE other (a)", "PRAGMA user_version = 7", "VACUUM INTO 'copy.db'", "CREATE INDEX i ON u (a)" };

	oracle_self_check(&engine, *state, writes, sizeof writes / sizeof *writes);
}

static void
hostile_reads_change_nothing(void **state)
{
	struct oracle o;

	oracle_init(&o, &engine, *state);
	oracle_golden(&o);
	oracle_run(&o);
	oracle_judge(&o, 50);
	oracle_fini(&o);
}

static void
reads_of_the_corpus_change_nothing(void **state)
{
	struct oracle o;

	oracle_init(&o, &engine, *state);
	if (oracle_corpus(&o, "sqlite")) {
		oracle_run(&o);
		oracle_judge(&o, 50);
	}
	oracle_fini(&o);
	if (o.count.rows == 0) {
		print_message("no corpus beside the source tree: ../shared/corpus/sqlite.jsonl\n");
		skip();
	}
}

static int
setup(void **state)
{
	struct world *w = calloc(1, sizeof *w);

	test_folder(w->folder, sizeof w->folder, "oracle");
	if (mkdtemp(w->folder) == NULL || chdir(w->folder) != 0)	/* files would come to be here */
		return -1;
	snprintf(w->file, sizeof w->file, "%s/world.db", w->folder);
	engine.driver = db_driver_find(SQL_SQLITE);
	*state = w;
	return 0;
}

static int
teardown(void **state)
{
	struct world *w = *state;

	sqlite3_close_v2(w->db);
	empty_folder(w);
	if (chdir("/") != 0 || rmdir(w->folder) != 0)
		return -1;
	free(w);
	return 0;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_write_around_the_driver_is_found),
		cmocka_unit_test(hostile_reads_change_nothing),
		cmocka_unit_test(reads_of_the_corpus_change_nothing),
	};

	return cmocka_run_group_tests_name("oracle: sqlite", tests, setup, teardown);
}
