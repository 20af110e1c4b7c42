/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>
#include <sqlite3.h>

#include "twokey/base/buf.h"
#include "twokey/base/digest.h"
#include "twokey/base/err.h"

#include "main/demo_shop.h"

static char path[64];
static sqlite3 *db;

static int
make_shop(void **state)
{
	char dir[] = "/tmp/twokey-shop-XXXXXX";
	struct err e = { .text = "" };

	(void)state;
	if (!mkdtemp(dir))
		return -1;
	snprintf(path, sizeof(path), "%s/shop.db", dir);
	if (demo_shop_write(path, &e) != 0) {
		fprintf(stderr, "%s\n", e.text);
		return -1;
	}
	return sqlite3_open(path, &db) == SQLITE_OK ? 0 : -1;
}

static int
drop_shop(void **state)
{
	(void)state;
	sqlite3_close(db);
	unlink(path);
	*strrchr(path, '/') = '\0';
	return rmdir(path);
}

/* The first value of a query. */
static const char *
value(const char *sql)
{
	static char text[256];
	sqlite3_stmt *st = NULL;

	if (sqlite3_prepare_v2(db, sql, -1, &st, NULL) != SQLITE_OK || sqlite3_step(st) != SQLITE_ROW)
		fail_msg("%s: %s", sql, sqlite3_errmsg(db));
	snprintf(text, sizeof(text), "%s", (const char *)sqlite3_column_text(st, 0));
	sqlite3_finalize(st);
	return text;
}

static void
is_the_same_every_time(void **state)
{
	struct buf a, b;

	(void)state;
	buf_init(&a, 1 << 23);
	buf_init(&b, 1 << 23);
	demo_shop_sql(&a);
	demo_shop_sql(&b);
	assert_false(buf_over(&a));
	assert_true(buf_len(&a) == buf_len(&b) && memcmp(buf_data(&a), buf_data(&b), buf_len(&a)) == 0);
	buf_fini(&a);
	buf_fini(&b);
}

static void
has_some_thousand_rows_that_belong_together(void **state)
{
	static const char *const rows[][2] = {
		{ "SELECT count(*) FROM customers", "400" },
		{ "SELECT count(*) FROM orders", "2000" },
		{ "SELECT count(*) BETWEEN 4500 AND 5500 FROM order_items", "1" },
		{ "SELECT count(*) BETWEEN 1300 AND 1700 FROM payments", "1" },
		{ "SELECT count(*) FROM pragma_foreign_key_check", "0" },
		{ "SELECT count(*) FROM orders o WHERE abs(total - (SELECT sum(quantity * price) FROM order_items"
		    " WHERE order_id = o.id)) > 0.001", "0" },
		{ "SELECT count(DISTINCT status) FROM orders", "4" },
		{ "SELECT count(*) FROM orders_log", "0" },
		{ "PRAGMA integrity_check", "ok" }
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (strcmp(value(rows[i][0]), rows[i][1]) != 0)
			fail_msg("%s: %s", rows[i][0], value(rows[i][0]));
}

/* The console's coach line names this order. */
static void
has_the_order_that_the_coach_speaks_of(void **state)
{
	(void)state;
	assert_string_equal(value("SELECT status || ' ' || total FROM orders WHERE id = 17"), "new 22.19");
	assert_string_equal(value("SELECT count(*) FROM payments WHERE order_id = 17"), "1");
}

static void
has_a_note_that_would_move_a_careless_terminal(void **state)
{
	(void)state;
	assert_string_equal(value("SELECT count(*) FROM orders WHERE instr(note, char(27)) AND instr(note, char(8238))"), "1");
}

static void
writes_a_log_by_trigger_and_deletes_by_cascade(void **state)
{
	(void)state;
	sqlite3_exec(db, "PRAGMA foreign_keys = ON; BEGIN; UPDATE orders SET status = 'paid' WHERE id = 17;"
	    " DELETE FROM orders WHERE id = 17 AND 0", NULL, NULL, NULL);
	assert_string_equal(value("SELECT order_id || old_status || new_status FROM orders_log"), "17newpaid");
	assert_int_equal(sqlite3_exec(db, "DELETE FROM payments", NULL, NULL, NULL), SQLITE_CONSTRAINT);
	assert_int_equal(sqlite3_exec(db, "DELETE FROM orders WHERE id = 17", NULL, NULL, NULL), SQLITE_CONSTRAINT);
	assert_int_equal(sqlite3_exec(db, "DELETE FROM orders WHERE id NOT IN (SELECT order_id FROM payments)", NULL, NULL,
	    NULL), SQLITE_OK);
	assert_string_equal(value("SELECT count(*) FROM order_items WHERE order_id NOT IN (SELECT id FROM orders)"), "0");
	sqlite3_exec(db, "ROLLBACK", NULL, NULL, NULL);
}

static void
is_private_and_never_written_over(void **state)
{
	struct stat st;
	struct err e;

	(void)state;
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	assert_int_equal(demo_shop_write(path, &e), ERR_EXISTS);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(is_the_same_every_time),
		cmocka_unit_test(has_some_thousand_rows_that_belong_together),
		cmocka_unit_test(has_the_order_that_the_coach_speaks_of),
		cmocka_unit_test(has_a_note_that_would_move_a_careless_terminal),
		cmocka_unit_test(writes_a_log_by_trigger_and_deletes_by_cascade),
		cmocka_unit_test(is_private_and_never_written_over)
	};

	return cmocka_run_group_tests(tests, make_shop, drop_shop);
}
