/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include <glob.h>
#include <setjmp.h>
#include <sqlite3.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

#include "db_bench.h"
#include "db_shop.h"

struct fixture {
	struct shop shop;
	struct bench b;
};

static int
setup(void **state)
{
	struct fixture *f = calloc(1, sizeof *f);

	shop_make(&f->shop);
	bench_open(&f->b, &f->shop.target);
	*state = f;
	return 0;
}

static int
teardown(void **state)
{
	struct fixture *f = *state;

	bench_close(&f->b);
	shop_remove(&f->shop);
	free(f);
	return 0;
}

static void
a_read_hands_on_columns_and_rows(void **state)
{
	struct fixture *f = *state;

	assert_string_equal(bench_rows(&f->b, "SELECT id, name, email FROM customers ORDER BY id LIMIT 2"),
	    "1|Ada|a@example.com\n2|Bob|~\n");
	assert_string_equal(buf_str(&f->b.columns), "id INTEGER,name TEXT,email TEXT,");
	assert_int_equal(f->b.r.rows, 2);
	assert_true(f->b.r.ms >= 0);
}

static void
cells_of_every_kind_arrive_as_they_are(void **state)
{
	struct fixture *f = *state;

	assert_string_equal(bench_rows(&f->b, "SELECT x'00ff', NULL, 1.5, 7, 'a' || char(27), '' AS \"a\"\"b;--\""),
	    "x'00ff'|~|1.5|7|a\033|\n");
	assert_non_null(strstr(buf_str(&f->b.columns), "a\"b;--"));
	assert_string_equal(bench_rows(&f->b, "SELECT length(hex(zeroblob(2000000)))"), "4000000\n");
	assert_string_equal(bench_rows(&f->b, "SELECT count(*) FROM loud_customers"), "4\n");
}

/* What leaks out of SQLite's read-only modes: whatever the classifier said of it, the wall alone must hold. */
static void
no_leak_of_the_wall_changes_anything(void **state)
{
	static const char *const leaks[] = {
		"INSERT INTO customers VALUES (9, 'x', NULL)", "UPDATE customers SET name = 'x'", "DELETE FROM customers",
		"REPLACE INTO customers VALUES (1, 'x', NULL)", "UPDATE sqlite_master SET sql = ''",
		"UPDATE sqlite_schema SET sql = 'x'", "WITH x AS (SELECT 1) UPDATE sqlite_master SET name = 'y'", "CREATE TABLE t (a)", "CREATE TEMP TABLE t (a)",
		"CREATE TEMP TABLE t AS SELECT 1", "CREATE TEMP TRIGGER g AFTER INSERT ON customers BEGIN SELECT 1; END",
		"CREATE TEMP VIEW v AS SELECT 1", "CREATE VIRTUAL TABLE temp.t USING fts5(a)",
		"DROP TABLE orders", "ALTER TABLE orders ADD COLUMN z", "VACUUM", "VACUUM INTO 'leak1'", "ANALYZE", "REINDEX",
		"ATTACH 'leak2' AS x", "ATTACH 'file:leak3?mode=rwc' AS x", "ATTACH ':memory:' AS x", "DETACH main",
		"BEGIN", "BEGIN IMMEDIATE", "COMMIT", "ROLLBACK", "SAVEPOINT a", "RELEASE a",
		"PRAGMA query_only=0", "PRAGMA query_only('')", "PRAGMA foreign_keys=0", "PRAGMA writable_schema=1",
		"PRAGMA temp_store_directory='/tmp'", "PRAGMA optimize", "PRAGMA incremental_vacuum",
		"PRAGMA journal_mode", "PRAGMA journal_mode=WAL", "PRAGMA user_version=7", "PRAGMA wal_checkpoint",
		"PRAGMA locking_mode=EXCLUSIVE", "PRAGMA trusted_schema=1", "PRAGMA cache_spill=0",
		"SELECT * FROM pragma_writable_schema(1)", "SELECT * FROM pragma_journal_mode('wal')",
		"SELECT * FROM pragma_optimize",
		"SELECT load_extension('/tmp/none.so')", "SELECT fts3_tokenizer('simple')", "SELECT writefile('leak4', 'x')",
		"SELECT readfile('/etc/passwd')", "SELECT 1; DELETE FROM customers", "SELECT 1; SELECT 2", "SELECT 1;; x",
		"EXPLAIN SELECT 1; DELETE FROM customers", "EXPLAIN PRAGMA query_only=0", "EXPLAIN PRAGMA writable_schema=1",
		"EXPLAIN PRAGMA foreign_keys=0", "EXPLAIN QUERY PLAN PRAGMA trusted_schema=1", "EXPLAIN PRAGMA busy_timeout=0",
		"EXPLAIN PRAGMA auto_vacuum=2", "EXPLAIN SELECT load_extension('/tmp/none.so')", "EXPLAIN SELECT sqlite_attach('leak5', 'x')",
		"EXPLAIN SELECT 1; PRAGMA user_version=7", "EXPLAIN SELECT 1; ATTACH 'leak6' AS x",
		"EXPLAIN ATTACH 'leak7' AS x", "EXPLAIN DETACH main", "", " -- nothing", "WITH x AS (SELECT 1) DELETE FROM customers",
	};
	struct fixture *f = *state;
	struct digest before = shop_digest(&f->shop);
	glob_t g;

	assert_int_equal(chdir(f->shop.folder), 0);	/* files would come to be here */
	for (size_t i = 0; i < sizeof leaks / sizeof *leaks; i++) {
		struct digest after;
		int ret = bench_read(&f->b, leaks[i]);

		if (ret != ERR_WALL && !(ret == 0 && f->b.r.end == DB_FAILED))
			print_error("not stopped: %s (%d)\n", leaks[i], ret);
		assert_true(ret == ERR_WALL || (ret == 0 && f->b.r.end == DB_FAILED));
		after = shop_digest(&f->shop);
		assert_true(digest_equal(&before, &after));
		assert_string_equal(bench_rows(&f->b, "SELECT count(*) FROM customers"), "4\n");
	}
	assert_int_equal(glob("leak*", 0, NULL, &g), GLOB_NOMATCH);
	assert_int_equal(chdir("/"), 0);
}

static void
explain_of_a_write_explains_and_writes_nothing(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(bench_read(&f->b, "EXPLAIN DELETE FROM customers"), 0);
	assert_int_equal(f->b.r.end, DB_DONE);
	assert_true(f->b.nrows > 3);
	assert_string_equal(bench_rows(&f->b, "SELECT count(*) FROM customers"), "4\n");
}

/* EXPLAIN compiles and does not run: nothing comes to be, also not in the connection. */
static void
explain_of_anything_explains_and_does_nothing(void **state)
{
	static const char *const texts[] = {
		"EXPLAIN UPDATE customers SET name = 'x'", "EXPLAIN QUERY PLAN DELETE FROM customers WHERE id = 1",
		"EXPLAIN INSERT INTO orders SELECT * FROM orders", "EXPLAIN CREATE TABLE t (a)", "EXPLAIN CREATE TEMP TABLE t (a)",
		"EXPLAIN CREATE TABLE t AS SELECT * FROM customers", "EXPLAIN CREATE INDEX i ON customers (name)",
		"EXPLAIN CREATE VIEW v AS SELECT 1", "EXPLAIN CREATE VIRTUAL TABLE f USING fts5(a)",
		"EXPLAIN CREATE TRIGGER g AFTER INSERT ON customers BEGIN DELETE FROM orders; END",
		"EXPLAIN DROP TABLE orders", "EXPLAIN QUERY PLAN DROP VIEW loud_customers", "EXPLAIN ALTER TABLE orders RENAME TO o",
		"EXPLAIN ALTER TABLE orders ADD COLUMN z", "EXPLAIN ALTER TABLE customers RENAME COLUMN name TO n",
		"EXPLAIN VACUUM", "EXPLAIN VACUUM INTO 'leak1'", "EXPLAIN ANALYZE", "EXPLAIN REINDEX",
		"EXPLAIN BEGIN IMMEDIATE", "EXPLAIN COMMIT", "EXPLAIN SAVEPOINT a", "EXPLAIN RELEASE a",
		"EXPLAIN PRAGMA user_version", "EXPLAIN PRAGMA user_version=7", "EXPLAIN PRAGMA journal_mode=WAL",
		"EXPLAIN QUERY PLAN PRAGMA wal_checkpoint", "EXPLAIN SELECT upper(name) FROM customers",
	};
	struct fixture *f = *state;
	struct digest before = shop_digest(&f->shop);
	glob_t g;

	assert_int_equal(chdir(f->shop.folder), 0);
	for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
		struct digest after;
		int ret = bench_read(&f->b, texts[i]);

		if (ret != 0 || f->b.r.end != DB_DONE || f->b.facts->class != SQL_CLASS_READ)
			print_error("%s: %d %s%s (%s)\n", texts[i], ret, f->b.e.text, buf_str(&f->b.r.text), f->b.facts->why);
		assert_int_equal(f->b.facts->class, SQL_CLASS_READ);
		assert_int_equal(ret, 0);
		assert_int_equal(f->b.r.end, DB_DONE);
		after = shop_digest(&f->shop);
		assert_true(digest_equal(&before, &after));
		assert_string_equal(bench_rows(&f->b, "SELECT count(*) FROM customers"), "4\n");
		assert_string_equal(bench_rows(&f->b, "SELECT count(*) FROM sqlite_temp_schema"), "0\n");
	}
	assert_int_equal(glob("leak*", 0, NULL, &g), GLOB_NOMATCH);
	assert_int_equal(chdir("/"), 0);
}

/* Of every pragma that the engine has: what is called a read is one, again and again. */
static void
a_pragma_that_is_called_a_read_passes_and_changes_nothing(void **state)
{
	static const struct { const char *before, *after; } forms[] = { { "PRAGMA ", "" }, { "PRAGMA main.", "" },
		{ "EXPLAIN PRAGMA ", "" }, { "PRAGMA ", "(customers)" }, { "PRAGMA ", "=2" }, { "EXPLAIN PRAGMA ", "=2" },
		{ "EXPLAIN QUERY PLAN PRAGMA ", "(1)" } };
	struct fixture *f = *state;
	struct digest before = shop_digest(&f->shop), after;
	char *names = strdup(bench_rows(&f->b, "SELECT name FROM pragma_pragma_list ORDER BY name")), *save = NULL;
	size_t reads = 0;

	for (char *name = strtok_r(names, "\n", &save); name != NULL; name = strtok_r(NULL, "\n", &save))
		for (size_t i = 0; i < sizeof forms / sizeof *forms; i++) {
			char sql[120], tell[120], *was, *is;
			int ret;

			snprintf(sql, sizeof sql, "%s%s%s", forms[i].before, name, forms[i].after);
			snprintf(tell, sizeof tell, "PRAGMA %s", name);
			was = bench_read(&f->b, tell) == 0 ? strdup(buf_str(&f->b.rows)) : strdup("");
			ret = bench_read(&f->b, sql);
			if ((ret == ERR_WALL) != (f->b.facts->class != SQL_CLASS_READ))
				print_error("%s: %s, %d %s\n", sql, sql_class_name(f->b.facts->class), ret, f->b.e.text);
			assert_int_equal(ret == ERR_WALL, f->b.facts->class != SQL_CLASS_READ);
			reads += ret == 0;
			is = bench_read(&f->b, tell) == 0 ? strdup(buf_str(&f->b.rows)) : strdup("");
			assert_string_equal(was, is);
			free(was);
			free(is);
		}
	assert_true(reads > 100);
	free(names);
	after = shop_digest(&f->shop);
	assert_true(digest_equal(&before, &after));
}

static void
harmless_pragmas_are_read(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(bench_read(&f->b, "PRAGMA table_info(customers)"), 0);
	assert_int_equal(f->b.nrows, 3);
	assert_string_equal(bench_rows(&f->b, "SELECT name FROM pragma_table_info('orders') WHERE pk"), "id\n");
	assert_string_equal(bench_rows(&f->b, "PRAGMA foreign_keys"), "1\n");
}

static void
an_error_tells_its_place_and_code(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(bench_read(&f->b, "SELECT nothere FROM customers"), 0);
	assert_int_equal(f->b.r.end, DB_FAILED);
	assert_string_equal(f->b.r.code, "SQLITE_ERROR");
	assert_int_equal(f->b.r.position, 8);
	assert_non_null(strstr(buf_str(&f->b.r.text), "nothere"));
}

static void
a_result_is_cut_at_each_limit(void **state)
{
	static const char series[] = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 100) SELECT i FROM n";
	struct fixture *f = *state;

	f->b.max.rows = 10;
	assert_int_equal(bench_read(&f->b, series), 0);
	assert_int_equal(f->b.r.end, DB_CUT);
	assert_int_equal(f->b.nrows, 10);
	f->b.max.rows = 100;
	assert_int_equal(bench_read(&f->b, series), 0);
	assert_int_equal(f->b.r.end, DB_DONE);
	f->b.max.bytes = 20;
	assert_int_equal(bench_read(&f->b, series), 0);
	assert_int_equal(f->b.r.end, DB_CUT);
	assert_true(f->b.nrows < 12);
	f->b.max.bytes = 0;
	f->b.stop_after = 3;
	assert_int_equal(bench_read(&f->b, series), 0);
	assert_int_equal(f->b.r.end, DB_CUT);
	assert_int_equal(f->b.nrows, 3);
}

static void
a_cancel_stops_what_runs_and_nothing_later(void **state)
{
	struct fixture *f = *state;
	struct canceller *k;

	f->b.d->cancel(f->b.c);
	assert_string_equal(bench_rows(&f->b, "SELECT 1"), "1\n");
	k = canceller_start(&f->b);
	assert_int_equal(bench_read(&f->b,
	    "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n"), 0);
	canceller_stop(k);
	assert_int_equal(f->b.r.end, DB_FAILED);
	assert_string_equal(f->b.r.code, "SQLITE_INTERRUPT");
	assert_string_equal(bench_rows(&f->b, "SELECT 1"), "1\n");
}

static void
a_statement_ends_at_its_time_limit(void **state)
{
	struct fixture *f = *state;

	bench_close(&f->b);
	f->shop.target.statement_timeout_ms = 300;
	bench_open(&f->b, &f->shop.target);
	assert_int_equal(bench_read(&f->b,
	    "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n"), 0);
	assert_string_equal(f->b.r.code, "SQLITE_INTERRUPT");
	assert_non_null(strstr(buf_str(&f->b.r.text), "time limit"));
}

static void
a_replaced_file_ends_the_session(void **state)
{
	struct fixture *f = *state;
	char other[128];

	snprintf(other, sizeof other, "%s/other", f->shop.folder);
	assert_int_equal(rename(f->shop.path, other), 0);
	assert_int_equal(bench_read(&f->b, "SELECT 1"), ERR_DATABASE);
	shop_fill(&f->shop);
	assert_int_equal(bench_read(&f->b, "SELECT 1"), ERR_DATABASE);
	assert_int_equal(bench_sheet(&f->b, "DELETE FROM orders"), ERR_DATABASE);
	assert_int_equal(bench_run(&f->b, "DELETE FROM orders", 1, true), ERR_DATABASE);
}

static void
what_is_no_database_is_refused_with_a_sentence(void **state)
{
	struct fixture *f = *state;
	struct db_target t = f->shop.target;
	struct db_info info;
	struct err e;
	char path[128];
	FILE *file;

	snprintf(path, sizeof path, "%s/text", f->shop.folder);
	file = fopen(path, "w");
	assert_true(fputs("this is no database, but a text that is long enough to be read as one", file) >= 0);
	fclose(file);
	t.file = path;
	assert_null(f->b.d->open(&t, &info, &e));
	assert_int_equal(e.code, ERR_UNREACHABLE);
	t.file = "/tmp/nowhere/at/all";
	assert_null(f->b.d->open(&t, &info, &e));
	assert_non_null(strstr(e.text, "/tmp/nowhere/at/all"));
}

static void
a_journal_left_by_a_killed_writer_is_rolled_back_at_open(void **state)
{
	struct fixture *f = *state;

	bench_close(&f->b);
	shop_kill_writer(&f->shop, "UPDATE customers SET name = 'half'");
	bench_open(&f->b, &f->shop.target);
	assert_string_equal(bench_rows(&f->b, "SELECT count(*) FROM customers WHERE name = 'half'"), "0\n");
}

static void
the_file_is_told_as_what_it_is(void **state)
{
	struct fixture *f = *state;
	int major = 0, minor = 0;

	assert_int_equal(sscanf(f->b.info.release, "%d.%d", &major, &minor), 2);
	assert_int_equal(sqlite3_libversion_number() / 1000, major * 1000 + minor);
	assert_int_equal(f->b.info.standing, DB_PRIMARY);
	assert_int_equal(f->b.info.lag_ms, -1);
	assert_string_equal(f->b.info.source, "");
	assert_false(f->b.info.encrypted);
}

static void
own_statements_are_listed_and_named(void **state)
{
	size_t n;
	const struct db_own *own = db_own_statements(SQL_SQLITE, &n);

	(void)state;
	assert_true(n > 5);
	for (size_t i = 0; i < n; i++)
		assert_int_equal(strncmp(own[i].name, "sqlite.", 7), 0);
	assert_null(db_own_statements(SQL_ENGINES, &n));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
		T(a_read_hands_on_columns_and_rows),
		T(cells_of_every_kind_arrive_as_they_are),
		T(no_leak_of_the_wall_changes_anything),
		T(explain_of_a_write_explains_and_writes_nothing),
		T(explain_of_anything_explains_and_does_nothing),
		T(a_pragma_that_is_called_a_read_passes_and_changes_nothing),
		T(harmless_pragmas_are_read),
		T(an_error_tells_its_place_and_code),
		T(a_result_is_cut_at_each_limit),
		T(a_cancel_stops_what_runs_and_nothing_later),
		T(a_statement_ends_at_its_time_limit),
		T(a_replaced_file_ends_the_session),
		T(what_is_no_database_is_refused_with_a_sentence),
		T(a_journal_left_by_a_killed_writer_is_rolled_back_at_open),
		T(the_file_is_told_as_what_it_is),
		T(own_statements_are_listed_and_named),
	};

	return cmocka_run_group_tests_name("db sqlite read", tests, NULL, NULL);
}
