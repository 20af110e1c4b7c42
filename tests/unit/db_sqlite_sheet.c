/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the sheet of SQLite tells beside the rows: which other process has the file, how large the table is. */
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
has(struct buf *list, const char *what)
{
	if (strstr(buf_str(list), what) == NULL)
		fail_msg("%s is not in %s", what, buf_str(list));
}

static void
sheet(struct bench *b, const char *sql)
{
	if (bench_sheet(b, sql) != 0)
		fail_msg("%s: %s", sql, b->e.text);
}

/* Another process with the file open, and what it has run; it waits there until it is ended. */
static pid_t
other(const struct shop *s, const char *sql)
{
	int ready[2];
	char c = 0;
	pid_t pid;

	assert_int_equal(pipe(ready), 0);
	pid = fork();
	if (pid == 0) {
		sqlite3 *db;

		prctl(PR_SET_PDEATHSIG, SIGKILL);
		prctl(PR_SET_NAME, "ni\x1b[2Jghtly");
		if (sqlite3_open(s->path, &db) != SQLITE_OK || sqlite3_exec(db, sql, NULL, NULL, NULL) != SQLITE_OK)
			_exit(1);
		if (write(ready[1], "x", 1) != 1)
			_exit(1);
		for (;;)
			pause();
	}
	close(ready[1]);
	assert_int_equal(read(ready[0], &c, 1), 1);
	close(ready[0]);
	return pid;
}

static void
end(pid_t pid)
{
	int status;

	kill(pid, SIGKILL);
	assert_int_equal(waitpid(pid, &status, 0), pid);
}

static const char update[] = "UPDATE orders SET total = 0 WHERE id = 10";

static void
nobody_in_the_way_is_said_of_a_table_of_known_size(void **state)
{
	struct fixture *f = *state;

	bench_open(&f->b, &f->shop.target);
	sheet(&f->b, update);
	assert_string_equal(f->b.sheet.sight, "all");
	assert_int_equal(f->b.sheet.holders, 0);
	assert_string_equal(f->b.sheet.rollback, "yes");
	assert_string_equal(buf_str(&f->b.sheet.takes), "[\"RESERVED, then EXCLUSIVE on the file\"]");
	assert_int_equal(f->b.sheet.table_rows, -1);
	assert_true(f->b.sheet.table_bytes >= 4096 && f->b.sheet.table_bytes % 512 == 0);
	shop_exec(&f->shop, "ANALYZE");
	sheet(&f->b, update);
	assert_int_equal(f->b.sheet.table_rows, 4);
	assert_int_equal(bench_run(&f->b, update, 1, false), 0);
	assert_int_equal(f->b.r.end, DB_COMMITTED);
}

static void
another_process_is_told_with_what_it_has(void **state)
{
	struct fixture *f = *state;
	struct digest ground;
	char text[80];
	pid_t pid;

	bench_open(&f->b, &f->shop.target);
	sheet(&f->b, update);
	ground = f->b.sheet.ground;
	pid = other(&f->shop, "BEGIN IMMEDIATE");
	sheet(&f->b, update);
	assert_int_equal(f->b.sheet.blocking, 1);
	snprintf(text, sizeof text, "\"backend\":\"process %ld\"", (long)pid);
	has(&f->b.sheet.locks, text);
	has(&f->b.sheet.locks, "\"mode\":\"RESERVED\"");
	has(&f->b.sheet.locks, "ni\\u001B[2Jghtly");
	assert_true(digest_equal(&ground, &f->b.sheet.ground));
	end(pid);
	pid = other(&f->shop, "BEGIN; SELECT * FROM orders");
	sheet(&f->b, update);
	assert_int_equal(f->b.sheet.holders, 1);
	assert_int_equal(f->b.sheet.blocking, 0);
	has(&f->b.sheet.locks, "\"mode\":\"SHARED\"");
	end(pid);
	sheet(&f->b, update);
	assert_int_equal(f->b.sheet.holders, 0);
	pid = other(&f->shop, "BEGIN EXCLUSIVE");
	assert_int_equal(bench_sheet(&f->b, update), ERR_STATEMENT);
	snprintf(text, sizeof text, "process %ld has EXCLUSIVE on the file (uid ", (long)pid);
	if (strstr(f->b.e.text, text) == NULL)
		fail_msg("%s", f->b.e.text);
	end(pid);
	/* and the session goes on */
	sheet(&f->b, update);
	assert_int_equal(bench_run(&f->b, update, 1, false), 0);
	assert_int_equal(f->b.r.end, DB_COMMITTED);
}

static void
with_a_wal_readers_are_in_nobodys_way(void **state)
{
	struct fixture *f = *state;
	pid_t pid;

	shop_exec(&f->shop, "PRAGMA journal_mode = WAL");
	pid = other(&f->shop, "BEGIN; SELECT * FROM orders");
	bench_open(&f->b, &f->shop.target);
	sheet(&f->b, update);
	assert_string_equal(f->b.sheet.sight, "all");
	assert_int_equal(f->b.sheet.holders, 0);
	end(pid);
	pid = other(&f->shop, "BEGIN IMMEDIATE");
	sheet(&f->b, update);
	assert_int_equal(f->b.sheet.blocking, 1);
	has(&f->b.sheet.locks, "\"mode\":\"WRITE\"");
	end(pid);
	sheet(&f->b, update);
	assert_int_equal(f->b.sheet.holders, 0);
}

static void
what_cannot_be_counted_is_guessed_or_not_known(void **state)
{
	struct fixture *f = *state;

	bench_open(&f->b, &f->shop.target);
	sheet(&f->b, "INSERT OR IGNORE INTO audit SELECT 'x' FROM orders");
	assert_string_equal(f->b.sheet.how, "explain");
	assert_true(f->b.sheet.estimate > 0);
	assert_false(f->b.sheet.count_known);
	has(&f->b.sheet.note, "the guess is of the rows that it goes through");
	sheet(&f->b, "INSERT OR IGNORE INTO audit VALUES ('x')");
	assert_string_equal(f->b.sheet.how, "unknown");
	assert_true(f->b.sheet.estimate < 0);
	has(&f->b.sheet.note, "EXPLAIN gives no number either");
}

static void
an_instead_of_trigger_is_named(void **state)
{
	struct fixture *f = *state;

	shop_exec(&f->shop, "CREATE VIEW open AS SELECT id, total FROM orders; CREATE TRIGGER swallow INSTEAD OF UPDATE ON open"
	    " BEGIN UPDATE orders SET state = new.total WHERE id = new.id; END");
	bench_open(&f->b, &f->shop.target);
	sheet(&f->b, "UPDATE open SET total = 0 WHERE id = 10");
	has(&f->b.sheet.triggers, "\"swallow\"");
	has(&f->b.sheet.triggers, "\"orders_audit\"");
	assert_true((f->b.sheet.dangers & SQL_DANGER_BIT(SQL_DANGER_TRIGGER)) != 0);
	assert_false(f->b.sheet.count_known);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(nobody_in_the_way_is_said_of_a_table_of_known_size, setup, teardown),
		cmocka_unit_test_setup_teardown(another_process_is_told_with_what_it_has, setup, teardown),
		cmocka_unit_test_setup_teardown(with_a_wal_readers_are_in_nobodys_way, setup, teardown),
		cmocka_unit_test_setup_teardown(what_cannot_be_counted_is_guessed_or_not_known, setup, teardown),
		cmocka_unit_test_setup_teardown(an_instead_of_trigger_is_named, setup, teardown),
	};

	return cmocka_run_group_tests_name("db sheet, SQLite", tests, NULL, NULL);
}
