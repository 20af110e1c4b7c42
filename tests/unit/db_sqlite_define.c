/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Changes of definitions on SQLite: sheet, binding, run; and what is let through to do it. */
#include "config.h"

#include <setjmp.h>
#include <sqlite3.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
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
elsewhere(struct fixture *f, const char *sql)
{
	sqlite3 *db;

	assert_int_equal(sqlite3_open(f->shop.target.file, &db), SQLITE_OK);
	if (sqlite3_exec(db, sql, NULL, NULL, NULL) != SQLITE_OK)
		fail_msg("%s: %s", sql, sqlite3_errmsg(db));
	sqlite3_close(db);
}

static void
does(struct fixture *f, const char *sql)
{
	f->b.wants_commit = true;
	if (bench_do(&f->b, sql, 0) != 0)
		fail_msg("%s: %s", sql, f->b.e.text);
	if (f->b.r.end != DB_COMMITTED)
		fail_msg("%s: %s: %s", sql, f->b.r.code, buf_str(&f->b.r.text));
	assert_int_equal(f->b.asked, 1);
}

static void
definitions_are_changed_in_a_transaction(void **state)
{
	struct fixture *f = *state;

	does(f, "CREATE TABLE memos(id INTEGER PRIMARY KEY, text TEXT)");
	assert_string_equal(f->b.sheet.how, "definition");
	assert_non_null(strstr(buf_str(&f->b.sheet.note), "no object of that name"));
	does(f, "ALTER TABLE memos ADD COLUMN day TEXT");
	does(f, "CREATE INDEX memos_day ON memos(day)");
	does(f, "CREATE VIEW days AS SELECT day FROM memos");
	does(f, "CREATE TRIGGER memos_new AFTER INSERT ON memos BEGIN DELETE FROM memos WHERE id < new.id - 9; END");
	assert_int_equal(bench_sheet(&f->b, "ALTER TABLE memos DROP COLUMN text"), 0);
	assert_string_equal(buf_str(&f->b.sheet.depends), "[\"index memos_day\",\"trigger memos_new\",\"view days, whose text has the name\"]");
	assert_non_null(strstr(buf_str(&f->b.sheet.note), "it is the table memos; the SHA-256"));
	assert_true(f->b.sheet.count_known);
	does(f, "ALTER TABLE memos DROP COLUMN text");
	does(f, "ALTER TABLE memos RENAME TO remarks");
	does(f, "CREATE TABLE copy AS SELECT * FROM remarks");
	does(f, "DROP INDEX memos_day");
	assert_non_null(strstr(buf_str(&f->b.sheet.note), "it is the index memos_day"));
	does(f, "DROP TABLE copy");
	assert_string_equal(bench_rows(&f->b, "SELECT count(*) FROM sqlite_schema WHERE name IN ('copy', 'memos', 'memos_day')"), "0\n");
	assert_string_equal(bench_rows(&f->b, "SELECT count(*) FROM sqlite_schema WHERE name = 'remarks'"), "1\n");
}

static void
another_definition_than_the_shown_one_rolls_back(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(bench_sheet(&f->b, "DROP TABLE items"), 0);
	elsewhere(f, "ALTER TABLE items ADD COLUMN more TEXT");
	f->b.wants_commit = true;
	assert_int_equal(bench_run(&f->b, "DROP TABLE items", 0, false), 0);
	assert_int_equal(f->b.r.end, DB_ROLLEDBACK);
	assert_string_equal(f->b.r.code, "bind");
	assert_int_equal(f->b.asked, 0);
	assert_string_equal(bench_rows(&f->b, "SELECT count(*) FROM sqlite_schema WHERE name = 'items'"), "1\n");
}

static void
without_the_record_it_is_taken_back(void **state)
{
	struct fixture *f = *state;

	f->b.wants_commit = false;
	assert_int_equal(bench_do(&f->b, "DROP TABLE items", 0), 0);
	assert_int_equal(f->b.r.end, DB_ROLLEDBACK);
	assert_string_equal(f->b.r.code, "refused");
	assert_string_equal(bench_rows(&f->b, "SELECT count(*) FROM sqlite_schema WHERE name = 'items'"), "1\n");
}

/* What the statement is not about stays closed: another file, modules, temporary things, settings. */
static void
only_definitions_of_this_file_are_let_through(void **state)
{
	static const char *const no[] = { "CREATE VIRTUAL TABLE v USING fts5(x)", "CREATE TEMP TABLE t(x)", "CREATE TEMP VIEW w AS SELECT 1",
		"CREATE TABLE t AS SELECT load_extension('x')" };
	struct fixture *f = *state;

	f->b.wants_commit = true;
	for (size_t i = 0; i < sizeof no / sizeof no[0]; i++) {
		if (bench_sheet(&f->b, no[i]) == 0)
			fail_msg("%s was let through", no[i]);
		assert_int_equal(bench_run(&f->b, no[i], 0, false), 0);
		assert_int_not_equal(f->b.r.end, DB_COMMITTED);
		assert_int_equal(f->b.asked, 0);
	}
	assert_int_not_equal(bench_sheet(&f->b, "CREATE TABLE orders(id int)"), 0);	/* the engine refuses it already */
	assert_int_equal(f->b.e.code, ERR_STATEMENT);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(definitions_are_changed_in_a_transaction, setup, teardown),
		cmocka_unit_test_setup_teardown(another_definition_than_the_shown_one_rolls_back, setup, teardown),
		cmocka_unit_test_setup_teardown(without_the_record_it_is_taken_back, setup, teardown),
		cmocka_unit_test_setup_teardown(only_definitions_of_this_file_are_let_through, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
