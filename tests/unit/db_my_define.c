/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Changes of definitions and TRUNCATE on a real MariaDB: they commit by themselves. */
#include "config.h"

#include <mysql.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <cmocka.h>

#include "db_my.h"

static void
does(struct my_shop *s, const char *sql)
{
	s->b.wants_commit = s->b.at_once = true;
	if (bench_do(&s->b, sql, 0) != 0)
		fail_msg("%s: %s", sql, s->b.e.text);
	if (s->b.r.end != DB_COMMITTED)
		fail_msg("%s: %s: %s", sql, s->b.r.code, buf_str(&s->b.r.text));
	assert_int_equal(s->b.asked, 1);
	assert_string_equal(bench_rows(&s->b, "SELECT @@session.tx_read_only"), "1\n");
}

static void
definitions_change_at_once_and_the_wall_stands_again(void **state)
{
	struct my_shop *s = *state;

	does(s, "CREATE TABLE things (id int PRIMARY KEY, name text)");
	assert_string_equal(s->b.sheet.how, "definition");
	assert_non_null(strstr(buf_str(&s->b.sheet.note), "no object of that name"));
	assert_non_null(strstr(buf_str(&s->b.sheet.note), "commits by itself"));
	does(s, "ALTER TABLE things ADD COLUMN day date");
	assert_non_null(strstr(buf_str(&s->b.sheet.note), "it is the table or view things"));
	does(s, "CREATE INDEX things_day ON things (day)");
	does(s, "CREATE VIEW days AS SELECT day FROM things");
	assert_int_equal(bench_sheet(&s->b, "DROP TABLE things"), 0);
	assert_string_equal(buf_str(&s->b.sheet.depends), "[\"view days, whose text has the name\"]");
	does(s, "DROP VIEW days");
	does(s, "TRUNCATE items");
	assert_string_equal(my_shop_sql("SELECT count(*) FROM items"), "0");
	does(s, "DROP INDEX things_day ON things");
	does(s, "DROP TABLE things");
	assert_string_equal(my_shop_sql("SELECT count(*) FROM information_schema.TABLES WHERE TABLE_NAME IN ('things', 'days')"), "0");
	assert_int_equal(bench_do(&s->b, "UPDATE orders SET total = 6 WHERE id = 10", 1), 0);
	assert_int_equal(s->b.r.end, DB_COMMITTED);
}

static void
what_depends_is_named(void **state)
{
	struct my_shop *s = *state;

	assert_int_equal(bench_sheet(&s->b, "ALTER TABLE orders ADD COLUMN day date"), 0);
	assert_string_equal(buf_str(&s->b.sheet.depends), "[\"foreign key items_order of table items\",\"trigger orders_audit\"]");
	assert_int_equal(buf_len(&s->b.sheet.triggers), 0);
	assert_string_equal(s->b.sheet.rollback, "statement");
	assert_int_equal(bench_sheet(&s->b, "DROP TRIGGER orders_audit"), ERR_STATEMENT);
}

static void
nothing_is_sent_that_is_not_as_shown_or_not_on_record(void **state)
{
	struct my_shop *s = *state;

	assert_int_equal(bench_sheet(&s->b, "DROP TABLE items"), 0);
	my_shop_sql("ALTER TABLE items ADD COLUMN more text");
	s->b.wants_commit = s->b.at_once = true;
	assert_int_equal(bench_run(&s->b, "DROP TABLE items", 0, false), 0);
	assert_int_equal(s->b.r.end, DB_ROLLEDBACK);
	assert_string_equal(s->b.r.code, "bind");
	assert_int_equal(s->b.asked, 0);
	s->b.wants_commit = false;
	assert_int_equal(bench_do(&s->b, "DROP TABLE items", 0), 0);
	assert_int_equal(s->b.r.end, DB_ROLLEDBACK);
	assert_string_equal(s->b.r.code, "refused");
	assert_int_equal(s->b.asked, 1);
	assert_string_equal(my_shop_sql("SELECT count(*) FROM items"), "3");
}

static void
an_error_says_that_something_may_stay(void **state)
{
	struct my_shop *s = *state;

	s->b.wants_commit = s->b.at_once = true;
	assert_int_equal(bench_do(&s->b, "DROP TABLE customers", 0), 0);	/* a foreign key needs it */
	assert_int_equal(s->b.r.end, DB_FAILED);
	assert_string_equal(s->b.r.code, "partial");
	assert_non_null(strstr(buf_str(&s->b.r.text), "may stay"));
	assert_string_equal(my_shop_sql("SELECT count(*) FROM customers"), "4");
	assert_string_equal(bench_rows(&s->b, "SELECT @@session.tx_read_only"), "1\n");
}

/* A table without transactions: only on the strict path, on record first, and what it did is told. */
static void
rows_that_stay_are_told(void **state)
{
	static const char sql[] = "UPDATE flat SET a = a + 1";
	struct my_shop *s = *state;

	s->b.wants_commit = true;
	assert_int_equal(bench_do(&s->b, sql, 0), 0);
	assert_true(s->b.sheet.dangers & SQL_DANGER_BIT(SQL_DANGER_NO_ROLLBACK));
	assert_int_equal(s->b.r.end, DB_FAILED);
	assert_string_equal(s->b.r.code, "wall");
	s->b.at_once = true;
	s->b.wants_commit = false;
	assert_int_equal(bench_do(&s->b, sql, 0), 0);
	assert_int_equal(s->b.r.end, DB_ROLLEDBACK);
	assert_string_equal(s->b.r.code, "refused");
	assert_string_equal(my_shop_sql("SELECT sum(a) FROM flat"), "2");
	s->b.wants_commit = true;
	assert_int_equal(bench_do(&s->b, sql, 0), 0);
	if (s->b.r.end != DB_COMMITTED)
		fail_msg("%s: %s", s->b.r.code, buf_str(&s->b.r.text));
	assert_int_equal(s->b.r.rows, 2);
	assert_string_equal(my_shop_sql("SELECT sum(a) FROM flat"), "4");
	assert_int_equal(bench_do(&s->b, "INSERT INTO flat SELECT id + 10, a FROM flat", 1), 0);
	assert_int_equal(s->b.r.end, DB_FAILED);
	assert_string_equal(s->b.r.code, "partial");
	assert_non_null(strstr(buf_str(&s->b.r.text), "2 rows were touched, 1 was allowed"));
	assert_non_null(strstr(buf_str(&s->b.r.text), "stay changed"));
	assert_int_equal(bench_do(&s->b, "INSERT INTO flat VALUES (40, 1), (1, 1)", 2), 0);
	assert_int_equal(s->b.r.end, DB_FAILED);
	assert_string_equal(s->b.r.code, "partial");
	assert_string_equal(my_shop_sql("SELECT count(*) FROM flat WHERE id = 40"), "1");
	assert_string_equal(bench_rows(&s->b, "SELECT @@session.tx_read_only"), "1\n");
	s->b.at_once = false;
}

static bool
never_asked(struct bench *b)
{
	(void)b;
	fail_msg("nothing that stays at once is held");
	return true;
}

/* There is no hold where nothing can be taken back: other rows, or rows that look otherwise, are not changed. */
static void
rows_that_stay_are_those_that_were_shown(void **state)
{
	static const char *const meanwhile[] = { "UPDATE flat SET a = 7 WHERE id = 1; UPDATE flat SET id = 5 WHERE id = 2",
	    "UPDATE flat SET a = 8 WHERE id = 1" };
	struct my_shop *s = *state;

	s->b.wants_commit = s->b.at_once = true;
	s->b.hold = never_asked;
	for (size_t i = 0; i < sizeof meanwhile / sizeof *meanwhile; i++) {
		assert_int_equal(bench_sheet(&s->b, "UPDATE flat SET a = a + 100"), 0);
		my_shop_sql(meanwhile[i]);
		assert_int_equal(bench_run(&s->b, "UPDATE flat SET a = a + 100", 2, false), 0);
		assert_int_equal(s->b.r.end, DB_ROLLEDBACK);
		assert_string_equal(s->b.r.code, "keys");
		assert_int_equal(s->b.asked, 0);
		assert_string_equal(my_shop_sql("SELECT max(a) < 100 FROM flat"), "1");
	}
	s->b.at_once = false;
	s->b.hold = NULL;
}

/* It waits for a lock when its connection is taken away: whether it ran, nobody is told. */
static void *
take_away(void *bench)
{
	struct bench *b = bench;
	char text[120];

	for (int i = 0; i < 300; i++) {
		char *got = mariadb_server_sql(my_shop_server_of(), NULL,
		    "SELECT count(*) FROM information_schema.PROCESSLIST WHERE INFO LIKE 'DROP TABLE items%' AND STATE LIKE 'Waiting%'");
		bool waits = strcmp(got, "1") == 0;

		free(got);
		if (waits)
			break;
		nanosleep(&(struct timespec){ 0, 10 * 1000 * 1000 }, NULL);
	}
	snprintf(text, sizeof text, "KILL CONNECTION %lld", (long long)b->point.backend);
	free(mariadb_server_sql(my_shop_server_of(), NULL, text));
	return NULL;
}

static pthread_t taker;

static void
begin_taking(struct bench *b)
{
	assert_int_equal(pthread_create(&taker, NULL, take_away, b), 0);
}

static void
a_connection_that_is_lost_leaves_it_unknown(void **state)
{
	struct my_shop *s = *state;
	MYSQL *other = mysql_init(NULL);

	assert_non_null(mysql_real_connect(other, NULL, "ben", "sesame-77", "shop", 0, mariadb_server_socket(my_shop_server_of()), 0));
	assert_int_equal(bench_sheet(&s->b, "DROP TABLE items"), 0);
	s->b.wants_commit = s->b.at_once = true;
	s->b.meanwhile = begin_taking;
	assert_int_equal(mysql_query(other, "START TRANSACTION"), 0);
	assert_int_equal(mysql_query(other, "SELECT * FROM items"), 0);
	mysql_free_result(mysql_store_result(other));
	assert_int_equal(bench_run(&s->b, "DROP TABLE items", 0, false), 0);
	assert_int_equal(s->b.r.end, DB_UNKNOWN);
	assert_string_equal(s->b.r.code, "lost");
	assert_int_equal(pthread_join(taker, NULL), 0);
	s->b.meanwhile = NULL;
	mysql_close(other);
}

int
main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, my_shop_setup, my_shop_teardown)
	const struct CMUnitTest tests[] = {
		T(definitions_change_at_once_and_the_wall_stands_again),
		T(what_depends_is_named),
		T(nothing_is_sent_that_is_not_as_shown_or_not_on_record),
		T(an_error_says_that_something_may_stay),
		T(rows_that_stay_are_told),
		T(rows_that_stay_are_those_that_were_shown),
		T(a_connection_that_is_lost_leaves_it_unknown),
	};

	return cmocka_run_group_tests(tests, my_shop_server, my_shop_server_end);
}
