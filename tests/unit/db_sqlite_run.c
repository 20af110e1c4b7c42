/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include <setjmp.h>
#include <signal.h>
#include <sqlite3.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
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
	f->b.ctx = f;
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

static bool
dangerous(const struct bench *b, enum sql_danger d)
{
	return (b->sheet.dangers & SQL_DANGER_BIT(d)) != 0;
}

static void
the_sheet_counts_and_shows_before_and_after(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(bench_sheet(&f->b, "UPDATE orders SET total = total + 1 WHERE state = 'open'"), 0);
	assert_string_equal(f->b.sheet.how, "derived");
	assert_true(f->b.sheet.count_known);
	assert_int_equal(f->b.sheet.count, 3);
	assert_int_equal(f->b.nrows, 3);
	assert_string_equal(buf_str(&f->b.rows), "10|5|6\n11|7|8\n12|9|10\n");
	assert_true(buf_len(&f->b.sheet.derived) > 0);
	assert_int_equal(buf_len(&f->b.sheet.triggers), 0);
	assert_false(dangerous(&f->b, SQL_DANGER_TRIGGER));
	assert_int_equal(strncmp(buf_str(&f->b.sheet.undo), "none: ", 6), 0);
	assert_int_equal(f->b.sheet.table_rows, -1);
}

static void
the_sheet_names_triggers_and_cascades(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(bench_sheet(&f->b, "UPDATE orders SET state = 'x' WHERE id = 10"), 0);
	assert_string_equal(buf_str(&f->b.sheet.triggers), "[\"orders_audit\"]");
	assert_non_null(strstr(buf_str(&f->b.sheet.note), "triggers may make others"));
	assert_true(dangerous(&f->b, SQL_DANGER_TRIGGER));
	assert_int_equal(bench_sheet(&f->b, "DELETE FROM customers WHERE id = 1"), 0);
	assert_string_equal(buf_str(&f->b.sheet.cascades), "[\"items(order_id) of orders: on delete cascade\","
	    "\"orders(customer_id) of customers: on delete cascade\"]");
	assert_true(dangerous(&f->b, SQL_DANGER_CASCADE));
}

static void
rows_that_are_added_are_counted_before(void **state)
{
	struct fixture *f = *state;

	bench_adds(&f->b, "INSERT INTO audit VALUES ('x'), ('y')", 2, "", "");
	bench_adds(&f->b, "INSERT INTO audit (what) SELECT state FROM orders WHERE id < 12", 2, "what (new) ", "open\nopen\n");
	bench_adds(&f->b, "INSERT INTO audit (what) SELECT state FROM orders WHERE id > 100", 0, "", "");
}

static void
what_cannot_be_counted_is_said(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(bench_sheet(&f->b, "INSERT OR IGNORE INTO audit VALUES ('x')"), 0);
	assert_string_equal(f->b.sheet.how, "unknown");
	assert_false(f->b.sheet.count_known);
	assert_true(dangerous(&f->b, SQL_DANGER_COUNT_UNKNOWN));
	assert_true(buf_len(&f->b.sheet.note) > 0);
	assert_int_equal(bench_sheet(&f->b, "UPDATE loud_customers SET name = 'x'"), ERR_STATEMENT);
	assert_int_equal(bench_sheet(&f->b, "UPDATE nowhere SET a = 1"), ERR_STATEMENT);
	assert_non_null(strstr(f->b.e.text, "nowhere"));
}

static void
keys_and_bind_follow_the_rows_and_the_schema(void **state)
{
	static const char sql[] = "UPDATE orders SET total = 0 WHERE state = 'open'";
	struct fixture *f = *state;
	struct digest keys, bind;

	assert_int_equal(bench_sheet(&f->b, sql), 0);
	keys = f->b.sheet.keys;
	bind = f->b.sheet.bind;
	assert_int_equal(bench_sheet(&f->b, sql), 0);
	assert_true(digest_equal(&keys, &f->b.sheet.keys));
	assert_true(digest_equal(&bind, &f->b.sheet.bind));
	shop_exec(&f->shop, "ALTER TABLE customers ADD COLUMN z");
	assert_int_equal(bench_sheet(&f->b, sql), 0);
	assert_true(digest_equal(&keys, &f->b.sheet.keys));
	assert_false(digest_equal(&bind, &f->b.sheet.bind));
	shop_exec(&f->shop, "UPDATE orders SET state = 'open' WHERE id = 13; UPDATE orders SET state = 'x' WHERE id = 12");
	assert_int_equal(bench_sheet(&f->b, sql), 0);
	assert_int_equal(f->b.sheet.count, 3);
	assert_false(digest_equal(&keys, &f->b.sheet.keys));
}

static void
an_allowed_write_is_committed_with_its_effects(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(bench_do(&f->b, "UPDATE orders SET state = 'sent' WHERE id IN (10, 11)", 0), 0);
	assert_int_equal(f->b.r.end, DB_COMMITTED);
	assert_int_equal(f->b.r.rows, 2);
	assert_int_equal(f->b.asked, 1);
	assert_int_equal(f->b.point.affected, 2);
	assert_string_equal(buf_str(&f->b.r.effects), "[{\"table\":\"orders\",\"inserted\":0,\"updated\":2,\"deleted\":0},"
	    "{\"table\":\"audit\",\"inserted\":2,\"updated\":0,\"deleted\":0}]");
	assert_non_null(strstr(buf_str(&f->b.r.own), "\"sqlite.commit\""));
	assert_string_equal(bench_rows(&f->b, "SELECT count(*) FROM orders WHERE state = 'sent'"), "2\n");
}

static void
a_cascade_is_told_as_an_effect(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(bench_do(&f->b, "DELETE FROM customers WHERE id = 1", 0), 0);
	assert_int_equal(f->b.r.end, DB_COMMITTED);
	assert_int_equal(f->b.r.rows, 1);
	assert_non_null(strstr(buf_str(&f->b.r.effects), "\"items\",\"inserted\":0,\"updated\":0,\"deleted\":3"));
	assert_string_equal(bench_rows(&f->b, "SELECT count(*) FROM items"), "0\n");
}

struct refusal {
	const char *sql;
	const char *between;	/* run by another connection between sheet and run */
	uint64_t rows;		/* bound, 0: the count of the sheet */
	bool at_most;
	enum db_end end;
	const char *code;
};

static const struct refusal refusals[] = {
	{ "UPDATE orders SET total = 0 WHERE id < 12", NULL, 3, false, DB_ROLLEDBACK, "count" },
	{ "UPDATE orders SET total = 0 WHERE id < 12", NULL, 1, true, DB_ROLLEDBACK, "count" },
	{ "INSERT INTO audit SELECT 'x' FROM orders", NULL, 3, false, DB_ROLLEDBACK, "count" },
	{ "UPDATE orders SET total = 0 WHERE state = 'open'",
	  "UPDATE orders SET state = 'x' WHERE id = 12; UPDATE orders SET state = 'open' WHERE id = 13", 0, false,
	  DB_ROLLEDBACK, "keys" },
	{ "UPDATE orders SET total = 0 WHERE state = 'open'", "UPDATE orders SET state = 'x' WHERE id = 12", 0, false,
	  DB_ROLLEDBACK, "count" },
	{ "UPDATE orders SET total = 0 WHERE state = 'open'", "UPDATE orders SET state = 'x' WHERE id = 12", 9, true,
	  DB_ROLLEDBACK, "keys" },
	/* the same rows, and they do not look as they were shown */
	{ "UPDATE orders SET total = total + 1 WHERE id = 12", "UPDATE orders SET total = 50 WHERE id = 12", 0, false, DB_ROLLEDBACK, "keys" },
	{ "UPDATE orders SET total = (SELECT max(id) FROM customers) WHERE id = 12", "INSERT INTO customers VALUES (50, 'x', '')", 0, false,
	  DB_ROLLEDBACK, "keys" },
	{ "DELETE FROM orders WHERE id = 12", "UPDATE orders SET total = 50 WHERE id = 12", 0, false, DB_ROLLEDBACK, "keys" },
	{ "UPDATE orders SET total = 0 WHERE id = 10",
	  "CREATE TRIGGER late AFTER UPDATE ON orders BEGIN DELETE FROM audit; END", 0, false, DB_ROLLEDBACK, "bind" },
	{ "UPDATE orders SET total = 0 WHERE id = 10", "ALTER TABLE orders ADD COLUMN z", 0, false, DB_ROLLEDBACK, "bind" },
	{ "UPDATE orders SET total = 0 WHERE id = 10", "DROP TABLE items; DROP TABLE notes; DROP TABLE orders", 0, false,
	  DB_ROLLEDBACK, "bind" },
	{ "INSERT INTO audit VALUES ('x')", "PRAGMA user_version = 7", 1, false, DB_ROLLEDBACK, "bind" },
	{ "UPDATE orders SET state = 'bad' WHERE id = 10", NULL, 0, false, DB_FAILED, "SQLITE_CONSTRAINT" },
	{ "DELETE FROM orders WHERE id = 13", NULL, 0, false, DB_FAILED, "SQLITE_CONSTRAINT" },
};

static void
what_is_not_as_allowed_is_rolled_back(void **state)
{
	struct fixture *f = *state;

	for (size_t i = 0; i < sizeof refusals / sizeof *refusals; i++) {
		const struct refusal *t = &refusals[i];
		struct digest before, after;

		assert_int_equal(bench_sheet(&f->b, t->sql), 0);
		if (t->between != NULL)
			shop_exec(&f->shop, t->between);
		before = shop_digest(&f->shop);
		assert_int_equal(bench_run(&f->b, t->sql, t->rows > 0 ? t->rows : f->b.sheet.count, t->at_most), 0);
		if (f->b.r.end != t->end || strcmp(f->b.r.code, t->code) != 0)
			print_error("%s / %s: %d %s %s\n", t->sql, t->between ? t->between : "", f->b.r.end, f->b.r.code,
			    buf_str(&f->b.r.text));
		assert_int_equal(f->b.r.end, t->end);
		assert_string_equal(f->b.r.code, t->code);
		assert_true(buf_len(&f->b.r.text) > 0);
		assert_int_equal(f->b.asked, 0);
		after = shop_digest(&f->shop);
		assert_true(digest_equal(&before, &after));
		bench_close(&f->b);
		shop_remove(&f->shop);
		shop_make(&f->shop);
		bench_open(&f->b, &f->shop.target);
	}
}

static void
a_write_cannot_do_more_than_change_rows(void **state)
{
	static const char *const texts[] = {
		"COMMIT", "CREATE TABLE t (a)", "DROP TABLE audit", "ATTACH '/tmp/x.db' AS x", "PRAGMA foreign_keys=0",
		"VACUUM", "UPDATE sqlite_schema SET sql = ''", "SAVEPOINT a", "UPDATE orders SET total = 1; COMMIT",
		"INSERT INTO audit VALUES (load_extension('x'))", "",
	};
	struct fixture *f = *state;
	struct digest before = shop_digest(&f->shop), after;

	for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
		assert_int_equal(bench_run(&f->b, texts[i], 100, true), 0);
		assert_true(f->b.r.end == DB_FAILED || f->b.r.end == DB_ROLLEDBACK);
		assert_int_equal(f->b.asked, 0);
	}
	after = shop_digest(&f->shop);
	assert_true(digest_equal(&before, &after));
}

static void
without_its_record_nothing_is_committed(void **state)
{
	struct fixture *f = *state;

	f->b.wants_commit = false;
	assert_int_equal(bench_do(&f->b, "DELETE FROM items", 0), 0);
	assert_int_equal(f->b.asked, 1);
	assert_int_equal(f->b.r.end, DB_ROLLEDBACK);
	assert_string_equal(bench_rows(&f->b, "SELECT count(*) FROM items"), "3\n");
}

/* Another process has it, and is named. */
static void
who_is_waited_for_is_named(void **state)
{
	struct fixture *f = *state;
	char who[64];
	int ready[2];
	sqlite3 *db;
	pid_t pid;

	assert_int_equal(bench_sheet(&f->b, "DELETE FROM items"), 0);
	assert_int_equal(pipe(ready), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (sqlite3_open(f->shop.path, &db) == SQLITE_OK && sqlite3_exec(db, "BEGIN IMMEDIATE", NULL, NULL, NULL) == SQLITE_OK)
			(void)!write(ready[1], "x", 1);
		for (;;)
			(void)pause();
	}
	assert_int_equal(read(ready[0], who, 1), 1);
	assert_int_equal(bench_run(&f->b, "DELETE FROM items", 3, false), 0);
	assert_int_equal(f->b.r.end, DB_ROLLEDBACK);
	assert_string_equal(f->b.r.code, "conflict");
	snprintf(who, sizeof who, "it waited for process %ld ", (long)pid);
	if (strstr(buf_str(&f->b.r.text), who) == NULL)
		fail_msg("\"%s\" is not in: %s", who, buf_str(&f->b.r.text));
	(void)kill(pid, SIGKILL);
	(void)waitpid(pid, NULL, 0);
	(void)close(ready[0]);
	(void)close(ready[1]);
}

static void
a_lock_of_others_is_a_conflict(void **state)
{
	struct fixture *f = *state;
	sqlite3 *db;

	assert_int_equal(bench_sheet(&f->b, "DELETE FROM items"), 0);
	assert_int_equal(sqlite3_open(f->shop.path, &db), SQLITE_OK);
	assert_int_equal(sqlite3_exec(db, "BEGIN IMMEDIATE", NULL, NULL, NULL), SQLITE_OK);
	assert_int_equal(bench_run(&f->b, "DELETE FROM items", 3, false), 0);
	assert_int_equal(f->b.r.end, DB_ROLLEDBACK);
	assert_string_equal(f->b.r.code, "conflict");
	sqlite3_close(db);
	assert_int_equal(bench_run(&f->b, "DELETE FROM items", 3, false), 0);
	assert_int_equal(f->b.r.end, DB_COMMITTED);
}

static void
a_cancel_rolls_back(void **state)
{
	static const char sql[] = "UPDATE orders SET total = 0 WHERE id = 10";
	struct fixture *f = *state;
	struct digest before, after;
	struct canceller *k;

	shop_exec(&f->shop, "CREATE TRIGGER slow AFTER UPDATE ON orders BEGIN INSERT INTO audit"
	    " SELECT (WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n); END");
	before = shop_digest(&f->shop);
	assert_int_equal(bench_sheet(&f->b, sql), 0);
	k = canceller_start(&f->b);
	assert_int_equal(bench_run(&f->b, sql, 1, false), 0);
	canceller_stop(k);
	assert_int_equal(f->b.r.end, DB_ROLLEDBACK);
	assert_string_equal(f->b.r.code, "cancelled");
	after = shop_digest(&f->shop);
	assert_true(digest_equal(&before, &after));
}

static void
cancel_now(struct bench *b)
{
	b->d->cancel(b->c);
}

static void
a_cancel_at_the_commit_point_still_rolls_back(void **state)
{
	struct fixture *f = *state;

	f->b.meanwhile = cancel_now;
	assert_int_equal(bench_do(&f->b, "DELETE FROM items", 0), 0);
	assert_int_equal(f->b.r.end, DB_ROLLEDBACK);
	assert_string_equal(f->b.r.code, "cancelled");
	f->b.meanwhile = NULL;
	assert_string_equal(bench_rows(&f->b, "SELECT count(*) FROM items"), "3\n");
}

static void
the_outcome_is_proven_or_unknown(void **state)
{
	struct fixture *f = *state;
	const char *is;

	f->b.wants_commit = false;
	assert_int_equal(bench_do(&f->b, "DELETE FROM items", 0), 0);
	assert_int_equal(f->b.d->outcome(f->b.c, &f->b.point, &is, &f->b.e), 0);
	assert_string_equal(is, "aborted");
	f->b.wants_commit = true;
	assert_int_equal(bench_do(&f->b, "DELETE FROM items", 0), 0);
	assert_int_equal(f->b.r.end, DB_COMMITTED);
	assert_int_equal(f->b.d->outcome(f->b.c, &f->b.point, &is, &f->b.e), 0);
	assert_string_equal(is, "unknown");
}

static void
a_file_with_a_wal_is_read_and_written(void **state)
{
	struct fixture *f = *state;
	const char *is;

	shop_exec(&f->shop, "PRAGMA journal_mode = WAL");
	bench_close(&f->b);
	bench_open(&f->b, &f->shop.target);
	assert_int_equal(bench_do(&f->b, "DELETE FROM items WHERE order_id = 10", 0), 0);
	assert_int_equal(f->b.r.end, DB_COMMITTED);
	assert_string_equal(bench_rows(&f->b, "SELECT count(*) FROM items"), "1\n");
	assert_int_equal(f->b.d->outcome(f->b.c, &f->b.point, &is, &f->b.e), 0);
	assert_string_equal(is, "unknown");
}

static void
hostile_names_are_only_names(void **state)
{
	struct fixture *f = *state;

	shop_exec(&f->shop, "CREATE TABLE \"ev\"\"il; DROP TABLE audit; --\" (\"k'\"\"; --\" INTEGER PRIMARY KEY, \"rowid\", v);"
	    "INSERT INTO \"ev\"\"il; DROP TABLE audit; --\" VALUES (1, 1, 1), (2, 2, 2);"
	    "CREATE TABLE plain (rowid, a); INSERT INTO plain VALUES (7, 7), (7, 7)");
	assert_int_equal(bench_do(&f->b, "UPDATE \"ev\"\"il; DROP TABLE audit; --\" SET v = 3 WHERE \"k'\"\"; --\" = 1", 0), 0);
	assert_int_equal(f->b.sheet.count, 1);
	assert_int_equal(f->b.r.end, DB_COMMITTED);
	assert_int_equal(bench_sheet(&f->b, "DELETE FROM plain"), 0);
	assert_int_equal(f->b.sheet.count, 2);
	assert_string_equal(buf_str(&f->b.rows), "1|7|7\n2|7|7\n");
	assert_string_equal(bench_rows(&f->b, "SELECT count(*) FROM audit"), "0\n");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
		T(the_sheet_counts_and_shows_before_and_after),
		T(the_sheet_names_triggers_and_cascades),
		T(rows_that_are_added_are_counted_before),
		T(what_cannot_be_counted_is_said),
		T(keys_and_bind_follow_the_rows_and_the_schema),
		T(an_allowed_write_is_committed_with_its_effects),
		T(a_cascade_is_told_as_an_effect),
		T(what_is_not_as_allowed_is_rolled_back),
		T(a_write_cannot_do_more_than_change_rows),
		T(without_its_record_nothing_is_committed),
		T(a_lock_of_others_is_a_conflict),
		T(who_is_waited_for_is_named),
		T(a_cancel_rolls_back),
		T(a_cancel_at_the_commit_point_still_rolls_back),
		T(the_outcome_is_proven_or_unknown),
		T(a_file_with_a_wal_is_read_and_written),
		T(hostile_names_are_only_names),
	};

	return cmocka_run_group_tests_name("db sqlite run", tests, NULL, NULL);
}
