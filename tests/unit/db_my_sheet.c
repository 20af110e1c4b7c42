/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the sheet of MariaDB tells beside the rows: locks of others as far as the account sees them, size, rollback. */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <cmocka.h>

#include "twokey/base/clock.h"

#include "db_my.h"

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

/* Another person at the same database. */
static MYSQL *
other(const char *sql)
{
	MYSQL *m = mariadb_server_connect(my_shop_server_of(), "shop");

	assert_non_null(m);
	while (*sql != '\0') {
		size_t n = strcspn(sql, ";");

		if (mysql_real_query(m, sql, n) != 0)
			fail_msg("%s: %s", sql, mysql_error(m));
		mysql_free_result(mysql_store_result(m));
		sql += n + (sql[n] == ';');
	}
	return m;
}

static void
reopen(struct my_shop *s, const char *sql)
{
	bench_close(&s->b);
	my_shop_sql(sql);
	bench_open(&s->b, &s->target);
}

/* The server makes its list of transactions anew only when nobody has read it for 0.1 s. */
static void
sheet_until(struct bench *b, const char *sql, const char *what)
{
	int64_t until = clock_mono_ms() + 30000;

	do {
		nanosleep(&(struct timespec){ 0, 150000000L }, NULL);
		sheet(b, sql);
	} while (strstr(buf_str(&b->sheet.locks), what) == NULL && clock_mono_ms() < until);
	has(&b->sheet.locks, what);
}

static const char update[] = "UPDATE orders SET total = 0 WHERE id = 10";

static void
without_rights_it_says_that_it_sees_nothing(void **state)
{
	struct my_shop *s = *state;
	MYSQL *m = other("BEGIN;UPDATE orders SET total = 1 WHERE id = 10");

	for (int i = 0; i < 2; i++) {	/* the second time nothing is asked that was refused */
		sheet(&s->b, update);
		assert_string_equal(s->b.sheet.sight, "none");
		assert_int_equal(s->b.sheet.holders, 0);
		has(&s->b.sheet.note, "whose locks it meets is not seen: that takes the right PROCESS, or the plugin");
		assert_int_equal(strstr(buf_str(&s->b.sheet.own), "my.locks") != NULL, i == 0);
	}
	assert_string_equal(buf_str(&s->b.sheet.takes), "[\"SHARED_WRITE on orders\"]");
	assert_true(s->b.sheet.table_bytes > 0);
	mysql_close(m);
	bench_run(&s->b, update, 1, false);
	assert_int_equal(s->b.r.end, DB_COMMITTED);
}

static void
the_right_process_tells_transactions(void **state)
{
	struct my_shop *s = *state;
	MYSQL *m = other("BEGIN;UPDATE orders SET total = 1 WHERE id = 10"), *idle = other("BEGIN;SELECT * FROM orders");

	reopen(s, "GRANT PROCESS ON *.* TO ben@localhost");
	sheet_until(&s->b, update, "\"rows\":");
	assert_string_equal(s->b.sheet.sight, "part");
	assert_int_equal(s->b.sheet.holders, 1);
	assert_int_equal(s->b.sheet.blocking, 0);
	has(&s->b.sheet.locks, "\"user\":\"root@localhost\"");
	has(&s->b.sheet.note, "plugin metadata_lock_info");
	reopen(s, "REVOKE PROCESS ON *.* FROM ben@localhost");
	mysql_close(m);
	mysql_close(idle);
}

static void
the_plugin_tells_tables(void **state)
{
	struct my_shop *s = *state;
	struct digest ground;
	MYSQL *m, *flat, *elsewhere;

	sheet(&s->b, update);
	ground = s->b.sheet.ground;
	m = other("BEGIN;UPDATE orders SET total = 1 WHERE id = 11");
	flat = other("LOCK TABLES flat READ");
	elsewhere = other("BEGIN;UPDATE nokey SET a = 3");
	reopen(s, "INSTALL SONAME 'metadata_lock_info'");
	sheet(&s->b, update);
	assert_string_equal(s->b.sheet.sight, "part");
	assert_int_equal(s->b.sheet.holders, 1);
	assert_int_equal(s->b.sheet.blocking, 0);
	has(&s->b.sheet.locks, "\"on\":\"orders\",\"mode\":\"SHARED_WRITE\"");
	has(&s->b.sheet.note, "without the right PROCESS");
	assert_true(digest_equal(&ground, &s->b.sheet.ground));
	sheet(&s->b, "UPDATE flat SET a = 2");
	assert_int_equal(s->b.sheet.holders, 1);
	has(&s->b.sheet.locks, "\"on\":\"flat\",\"mode\":\"SHARED_READ\"");
	assert_string_equal(s->b.sheet.rollback, "engine");
	has(&s->b.sheet.takes, "WRITE, the whole table, on flat");
	sheet(&s->b, "DELETE FROM items WHERE order_id = 10");
	assert_int_equal(s->b.sheet.holders, 0);
	assert_string_equal(s->b.sheet.rollback, "yes");
	reopen(s, "GRANT PROCESS ON *.* TO ben@localhost");
	sheet_until(&s->b, update, "\"rows\":");
	assert_string_equal(s->b.sheet.sight, "all");
	assert_int_equal(s->b.sheet.holders, 1);
	has(&s->b.sheet.locks, "\"state\":\"idle\"");
	assert_string_equal(s->b.sheet.rollback, "triggers");
	mysql_close(m);
	mysql_close(elsewhere);
	mysql_close(flat);
	m = other("LOCK TABLES orders READ");
	sheet(&s->b, update);
	assert_int_equal(s->b.sheet.blocking, 1);
	assert_int_equal(s->b.sheet.count, 1);
	has(&s->b.sheet.locks, "\"on\":\"orders\",\"mode\":\"SHARED_READ_ONLY\"");
	mysql_close(m);
	m = other("LOCK TABLES orders WRITE");
	assert_int_not_equal(bench_sheet(&s->b, update), 0);
	if (strstr(s->b.e.text, " has SHARED_NO_READ_WRITE on orders (root@localhost") == NULL)
		fail_msg("%s", s->b.e.text);
	mysql_close(m);
	m = other("FLUSH TABLES WITH READ LOCK");
	sheet(&s->b, update);
	assert_int_equal(s->b.sheet.blocking, 1);
	has(&s->b.sheet.locks, "the whole server");
	mysql_close(m);
	sheet(&s->b, update);
	assert_int_equal(s->b.sheet.holders, 0);
	bench_run(&s->b, update, 1, false);
	assert_int_equal(s->b.r.end, DB_COMMITTED);
	reopen(s, "REVOKE PROCESS ON *.* FROM ben@localhost; UNINSTALL SONAME 'metadata_lock_info'");
}

static void
hostile_names_stay_names(void **state)
{
	struct my_shop *s = *state;
	MYSQL *m;

	my_shop_sql("CREATE TABLE `or\x1b[2J\xe2\x80\xae'ders` (id int PRIMARY KEY)");
	reopen(s, "INSTALL SONAME 'metadata_lock_info'; GRANT PROCESS ON *.* TO ben@localhost");
	m = other("BEGIN;SELECT * FROM `or\x1b[2J\xe2\x80\xae'ders` FOR UPDATE;INSERT INTO `or\x1b[2J\xe2\x80\xae'ders` VALUES (5)");
	sheet(&s->b, "DELETE FROM `or\x1b[2J\xe2\x80\xae'ders` WHERE id = 5");
	assert_string_equal(s->b.sheet.sight, "all");
	assert_int_equal(s->b.sheet.holders, 1);
	assert_null(strchr(buf_str(&s->b.sheet.takes), '\x1b'));
	assert_null(strchr(buf_str(&s->b.sheet.locks), '\x1b'));
	has(&s->b.sheet.locks, "or\\u001B[2J");
	mysql_close(m);
	reopen(s, "REVOKE PROCESS ON *.* FROM ben@localhost; UNINSTALL SONAME 'metadata_lock_info'");
}

static void
rows_that_are_added_are_counted_before(void **state)
{
	struct my_shop *s = *state;

	bench_adds(&s->b, "INSERT INTO audit VALUES ('x'), ('y')", 2, "", "");
	bench_adds(&s->b, "INSERT INTO audit (what) SELECT state FROM orders WHERE id < 12", 2, "what (new) ", "open\nopen\n");
	bench_adds(&s->b, "INSERT INTO audit SET what = 'z'", 1, "", "");
	bench_adds(&s->b, "INSERT INTO audit (what) SELECT state FROM orders WHERE id > 100", 0, "", "");
}

static void
what_cannot_be_counted_is_said(void **state)
{
	struct my_shop *s = *state;

	assert_int_equal(bench_sheet(&s->b, "INSERT INTO audit SELECT 'x' FROM orders"), 0);
	assert_string_equal(s->b.sheet.how, "explain");
	assert_false(s->b.sheet.count_known);
	assert_true((s->b.sheet.dangers & SQL_DANGER_BIT(SQL_DANGER_COUNT_UNKNOWN)) != 0);
	assert_true(buf_len(&s->b.sheet.note) > 0);
	assert_int_equal(bench_sheet(&s->b, "DELETE FROM nokey"), 0);
	assert_true(s->b.sheet.count_known);
	assert_int_equal(s->b.sheet.count, 2);
	assert_non_null(strstr(buf_str(&s->b.sheet.note), "primary key"));
	assert_int_equal(bench_sheet(&s->b, "UPDATE orders SET total = 1 ORDER BY id LIMIT 2"), 0);
	assert_int_equal(s->b.sheet.count, 2);
	assert_int_equal(bench_sheet(&s->b, "DELETE FROM loud WHERE id = 1"), 0);
	assert_false(s->b.sheet.count_known);
	assert_int_equal(bench_sheet(&s->b, "UPDATE orders SET nothere = 1 WHERE id = 10"), ERR_STATEMENT);
	assert_int_equal(bench_sheet(&s->b, "UPDATE orders SET total = 1 WHERE nothere = 1"), ERR_STATEMENT);
	assert_non_null(strstr(s->b.e.text, "nothere"));
	assert_int_equal(bench_sheet(&s->b, "UPDATE nothere SET a = 1"), ERR_STATEMENT);
	assert_int_equal(bench_sheet(&s->b, "DELETE FROM orders WHERE id = 13"), 0);
	assert_int_equal(bench_sheet(&s->b, "DELETE FROM customers WHERE name = 0"), 0);
	assert_non_null(strstr(buf_str(&s->b.sheet.note), "Truncated incorrect"));
}

static void
what_cannot_be_counted_is_guessed_or_not_known(void **state)
{
	struct my_shop *s = *state;

	sheet(&s->b, "INSERT IGNORE INTO audit SELECT 'x' FROM orders");
	assert_string_equal(s->b.sheet.how, "explain");
	assert_true(s->b.sheet.estimate >= 1 && s->b.sheet.estimate < 100);
	assert_false(s->b.sheet.count_known);
	sheet(&s->b, "INSERT IGNORE INTO audit VALUES ('x')");
	assert_string_equal(s->b.sheet.how, "unknown");
	has(&s->b.sheet.note, "EXPLAIN does not tell it either");
}

static void
definitions_cannot_be_taken_back(void **state)
{
	struct my_shop *s = *state;

	sheet(&s->b, "TRUNCATE TABLE items");
	assert_string_equal(s->b.sheet.rollback, "statement");
	has(&s->b.sheet.takes, "up to EXCLUSIVE on items");
	sheet(&s->b, "ALTER TABLE items ADD COLUMN x int");
	assert_string_equal(s->b.sheet.rollback, "statement");
	my_shop_sql("CREATE VIEW thin AS SELECT id, total FROM orders");
	sheet(&s->b, "UPDATE thin SET total = 0 WHERE id = 10");
	assert_string_equal(s->b.sheet.rollback, "triggers");
	has(&s->b.sheet.takes, "SHARED_WRITE on orders");
}

/* What comes to be in a column is what its type makes of the value: a number of cents, a whole one, a day. */
static void
a_new_value_is_told_as_it_is_stored(void **state)
{
	static const char sql[] = "UPDATE priced SET price = 11.8965, whole = 2.5, day = '2026-02-03 00:00:00' WHERE id = 1";
	struct my_shop *s = *state;

	my_shop_sql("CREATE TABLE priced (id int PRIMARY KEY, price numeric(8,2), whole int, day date); INSERT INTO priced VALUES"
	    " (1, 10.30, 1, '2026-01-01')");
	assert_int_equal(bench_do(&s->b, sql, 0), 0);
	assert_int_equal(s->b.r.end, DB_COMMITTED);
	assert_int_equal(bench_sheet(&s->b, sql), 0);
	assert_string_equal(buf_str(&s->b.rows), "1|11.90|11.90|3|2.5|2026-02-03|2026-02-03\n");
	my_shop_sql("CREATE TRIGGER rounds BEFORE UPDATE ON priced FOR EACH ROW SET NEW.whole = 7");
	assert_int_equal(bench_sheet(&s->b, sql), 0);
	assert_non_null(strstr(buf_str(&s->b.sheet.note), "triggers may make others"));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_new_value_is_told_as_it_is_stored, my_shop_setup, my_shop_teardown),
		cmocka_unit_test_setup_teardown(without_rights_it_says_that_it_sees_nothing, my_shop_setup, my_shop_teardown),
		cmocka_unit_test_setup_teardown(the_right_process_tells_transactions, my_shop_setup, my_shop_teardown),
		cmocka_unit_test_setup_teardown(the_plugin_tells_tables, my_shop_setup, my_shop_teardown),
		cmocka_unit_test_setup_teardown(hostile_names_stay_names, my_shop_setup, my_shop_teardown),
		cmocka_unit_test_setup_teardown(rows_that_are_added_are_counted_before, my_shop_setup, my_shop_teardown),
		cmocka_unit_test_setup_teardown(what_cannot_be_counted_is_said, my_shop_setup, my_shop_teardown),
		cmocka_unit_test_setup_teardown(what_cannot_be_counted_is_guessed_or_not_known, my_shop_setup, my_shop_teardown),
		cmocka_unit_test_setup_teardown(definitions_cannot_be_taken_back, my_shop_setup, my_shop_teardown),
	};

	return cmocka_run_group_tests_name("db sheet, MariaDB", tests, my_shop_server, my_shop_server_end);
}
