/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Definitions and costs of reads in a file of SQLite. */
#include "config.h"

#include <setjmp.h>
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

static const char *
ask(struct fixture *f, enum db_subject what, const char *name)
{
	int ret = bench_describe(&f->b, what, name);

	if (ret != 0 || f->b.r.end == DB_FAILED)
		print_error("%s: %s%s\n", name, f->b.e.text, buf_str(&f->b.r.text));
	assert_int_equal(ret, 0);
	assert_int_equal(f->b.r.end, DB_DONE);
	return buf_str(&f->b.rows);
}

static const char *
refused(struct fixture *f, const char *name)
{
	assert_int_equal(bench_describe(&f->b, DB_SUBJECT_TABLE, name), 0);
	assert_int_equal(f->b.r.end, DB_FAILED);
	return buf_str(&f->b.r.text);
}

static void
has(const char *rows, const char *line)
{
	if (strstr(rows, line) == NULL)
		fail_msg("no \"%s\" in:\n%s", line, rows);
}

static void
a_table_is_told_with_everything_that_hangs_on_it(void **state)
{
	struct fixture *f = *state;
	const char *rows;

	shop_exec(&f->shop, "CREATE UNIQUE INDEX orders_total ON orders (total DESC, state) WHERE state = 'open';"
	    "CREATE TABLE more (a INTEGER PRIMARY KEY, b TEXT UNIQUE DEFAULT 'x', c INT AS (a + 1) STORED) STRICT");
	rows = ask(f, DB_SUBJECT_TABLE, "Orders");
	has(rows, "table|orders|\n");
	has(rows, "column|customer_id|INTEGER\n");
	has(rows, "primary key||id\n");
	has(rows, "index|orders_total|unique (total DESC, state) WHERE state = 'open'\n");
	has(rows, "foreign key||(customer_id) references customers (id) on delete cascade\n");
	has(rows, "referenced by|items|(order_id) on delete cascade\n");
	has(rows, "referenced by|notes|(order_id)\n");
	has(rows, "trigger|orders_audit|CREATE TRIGGER orders_audit AFTER UPDATE OF state");
	has(rows, "as created||CREATE TABLE orders");
	has(rows, "CHECK (state <> 'bad')");
	rows = ask(f, DB_SUBJECT_TABLE, "main.\"more\"");
	has(rows, "table|more|strict\n");
	has(rows, "column|b|TEXT default 'x'\n");
	has(rows, "column|c|INT generated, stored\n");
	has(rows, "unique|sqlite_autoindex_more_1|(b)\n");
	has(ask(f, DB_SUBJECT_TABLE, "items"), "table|items|without rowid\n");
	has(ask(f, DB_SUBJECT_TABLE, "loud_customers"), "view|loud_customers|\n");
	has(ask(f, DB_SUBJECT_TABLE, "[customers]"), "column|name|TEXT not null\n");
	has(refused(f, "ordres"), "is it orders?");
	has(refused(f, "other.orders"), "there is no table");
	has(refused(f, "'; DROP TABLE orders; --"), "there is no table");
	has(refused(f, ""), "not a name");
	assert_string_equal(buf_str(&f->b.r.own), "[\"sqlite.begin-read\",\"sqlite.rollback\"]");
}

static void
lists_are_of_what_is_in_the_file(void **state)
{
	struct fixture *f = *state;
	const char *rows = ask(f, DB_SUBJECT_TABLES, "");

	has(rows, "orders|table|~\n");
	has(rows, "loud_customers|view|~\n");
	shop_exec(&f->shop, "CREATE INDEX c ON orders (customer_id); ANALYZE");
	rows = ask(f, DB_SUBJECT_TABLES, "ORD");
	assert_string_equal(rows, "orders|table|4\n");
	has(ask(f, DB_SUBJECT_NAMES, ""), "table|orders|main\n");
	has(buf_str(&f->b.rows), "column|customer_id|orders\n");
	assert_string_equal(ask(f, DB_SUBJECT_FUNCTIONS, ""), "");
	f->b.max = (struct db_limits){ 2, 0 };
	assert_int_equal(bench_describe(&f->b, DB_SUBJECT_TABLE, "orders"), 0);
	assert_int_equal(f->b.r.end, DB_CUT);
	assert_int_equal(f->b.nrows, 2);
}

static const struct db_weight *
weigh(struct fixture *f, const char *sql, double rows)
{
	int ret = bench_weigh(&f->b, sql, 1024 * 1024, rows);

	if (ret != 0)
		print_error("%s: %s\n", sql, f->b.e.text);
	assert_int_equal(ret, 0);
	return &f->b.w;
}

static void
about(const struct db_weight *w, double rows)
{
	if (w->rows < rows * 0.9 || w->rows > rows * 1.1)
		fail_msg("%.0f rows instead of about %.0f", w->rows, rows);
}

static void
what_is_scanned_is_weighed(void **state)
{
	struct fixture *f = *state;

	assert_false(weigh(f, "SELECT * FROM orders", 1)->over);
	assert_true(f->b.w.rows == 0);
	shop_exec(&f->shop, "CREATE TABLE log (id INTEGER PRIMARY KEY, who INT, what TEXT);"
	    "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 50000)"
	    " INSERT INTO log SELECT i, i % 500, 'something that takes room' FROM n; CREATE INDEX log_who ON log (who)");
	about(weigh(f, "SELECT * FROM log WHERE what = 'x'", 10000), 50000);
	assert_true(f->b.w.over);
	assert_string_equal(f->b.w.table, "log");
	about(weigh(f, "SELECT * FROM log l WHERE what LIKE '%x'", 10000), 50000);
	about(weigh(f, "SELECT * FROM log WHERE id = 7", 10000), 1);
	about(weigh(f, "SELECT * FROM customers", 10000), 4);
	about(weigh(f, "SELECT * FROM log LIMIT 10", 10000), 1000);
	about(weigh(f, "SELECT count(*) FROM log LIMIT 10", 10000), 50000);
	about(weigh(f, "SELECT * FROM log WHERE who = 1", 10000), 5000);
	about(weigh(f, "SELECT (SELECT max(what) FROM log) FROM customers", 10000), 50004);
	assert_true(weigh(f, "SELECT * FROM log a, log b", 1e9)->over);
	assert_true(weigh(f, "WITH x AS (SELECT * FROM log) SELECT count(*) FROM x", 10000)->over);
	shop_exec(&f->shop, "ANALYZE");
	about(weigh(f, "SELECT * FROM log WHERE who = 1", 10000), 100);
	about(weigh(f, "SELECT * FROM log a JOIN log b ON b.id = a.who WHERE a.what = 'x'", 1e6), 100000);
	assert_false(weigh(f, "EXPLAIN SELECT * FROM log", 1)->over);
	assert_false(weigh(f, "SELECT nothing FROM log", 1)->over);
	assert_int_equal(bench_weigh(&f->b, "SELECT load_extension('x') FROM log", 1024, 1), ERR_WALL);
	assert_string_equal(bench_rows(&f->b, "SELECT count(*) FROM log"), "50000\n");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
#define ONE(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
		ONE(a_table_is_told_with_everything_that_hangs_on_it),
		ONE(lists_are_of_what_is_in_the_file),
		ONE(what_is_scanned_is_weighed),
#undef ONE
	};

	return cmocka_run_group_tests_name("db_sqlite_describe", tests, NULL, NULL);
}
