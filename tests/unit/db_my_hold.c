/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A change that is held: who waits for it, what may happen to it meanwhile, and what is kept in the end. */
#include "config.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <cmocka.h>

#include "twokey/base/clock.h"
#include "twokey/base/must.h"

#include "db_my.h"

enum { DEADLINE_MS = 30000 };

static const char open_ones[] = "UPDATE orders SET total = 0 WHERE state = 'open'";

static void
swap_rows(void)
{
	my_shop_sql("UPDATE orders SET state = 'x' WHERE id = 12; UPDATE orders SET state = 'open' WHERE id = 13");
}

static void
rows_that_moved_are_kept_when_holding_says_so(void **state)
{
	struct my_shop *s = *state;

	s->b.hold = bench_keep;
	assert_int_equal(bench_sheet(&s->b, open_ones), 0);
	swap_rows();
	assert_int_equal(bench_run(&s->b, open_ones, 3, false), 0);
	assert_int_equal(s->b.r.end, DB_COMMITTED);
	assert_int_equal(s->b.nheld, 1);
	assert_true(s->b.held_moved);
	assert_int_equal(s->b.held_affected, 3);
	assert_string_equal(s->b.held_effects, "[{\"table\":\"orders\",\"inserted\":0,\"updated\":3,\"deleted\":0}]");
	assert_string_equal(my_shop_sql("SELECT sum(total) FROM orders"), "9");
	assert_int_equal(bench_sheet(&s->b, open_ones), 0);
	my_shop_sql("UPDATE orders SET state = 'x' WHERE id = 13");
	assert_int_equal(bench_run(&s->b, open_ones, 9, true), 0);
	assert_int_equal(s->b.r.end, DB_COMMITTED);
	assert_true(s->b.held_moved);
	assert_int_equal(s->b.held_affected, 2);
	assert_int_equal(s->b.point.affected, 2);
	assert_int_equal(bench_do(&s->b, open_ones, 0), 0);
	assert_int_equal(s->b.r.end, DB_COMMITTED);
	assert_int_equal(s->b.nheld, 1);
	assert_false(s->b.held_moved);
}

static void
rows_that_moved_are_taken_back_when_holding_says_so(void **state)
{
	struct my_shop *s = *state;

	s->b.hold = bench_take_back;
	assert_int_equal(bench_sheet(&s->b, open_ones), 0);
	swap_rows();
	assert_int_equal(bench_run(&s->b, open_ones, 3, false), 0);
	assert_int_equal(s->b.r.end, DB_ROLLEDBACK);
	assert_string_equal(s->b.r.code, "denied");
	assert_string_equal(buf_str(&s->b.r.text), "not this one");
	assert_true(s->b.held_moved);
	assert_int_equal(s->b.asked, 0);
	assert_string_equal(my_shop_sql("SELECT sum(total) FROM orders"), "22");
	assert_string_equal(bench_rows(&s->b, "SELECT @@in_transaction, @@tx_read_only"), "1|1\n");
	assert_int_equal(bench_sheet(&s->b, open_ones), 0);
	my_shop_sql("UPDATE orders SET state = 'open'");
	assert_int_equal(bench_run(&s->b, open_ones, 3, false), 0);
	assert_string_equal(s->b.r.code, "count");
	assert_int_equal(s->b.nheld, 0);
	s->b.hold = NULL;
	assert_int_equal(bench_sheet(&s->b, open_ones), 0);
	swap_rows();
	assert_int_equal(bench_run(&s->b, open_ones, 4, true), 0);
	assert_string_equal(s->b.r.code, "keys");
}

/* Others, each in a thread of its own: their library has no way to send and not to wait. */
struct other {
	MYSQL *m;
	const char *sql;
	pthread_t thread;
};
static struct other others[4];
static struct db_waiting last;
static int last_ret;

static void *
send_sql(void *other)
{
	struct other *o = other;

	(void)mysql_query(o->m, o->sql);
	mysql_close(o->m);
	mysql_thread_end();
	return NULL;
}

static unsigned long
send_one(unsigned i, const char *sql)
{
	others[i] = (struct other){ .m = mariadb_server_connect(my_shop_server_of(), "shop"), .sql = sql };
	assert_non_null(others[i].m);
	must(pthread_create(&others[i].thread, NULL, send_sql, &others[i]) == 0);
	return mysql_thread_id(others[i].m);
}

static void
join_others(void)
{
	for (size_t i = 0; i < sizeof others / sizeof *others && others[i].m != NULL; i++)
		pthread_join(others[i].thread, NULL);
	memset(others, 0, sizeof others);
}

static bool
until(struct bench *b, unsigned n)
{
	struct timespec cache = { 0, 150 * 1000 * 1000 };	/* what is read more often InnoDB does not renew */
	int64_t end = clock_mono_ms() + DEADLINE_MS;

	do {
		nanosleep(&cache, NULL);
		last_ret = b->d->waiting(b->c, &last, &b->e);
	} while (last_ret == 0 && last.n != n && clock_mono_ms() < end);
	if (last_ret != 0)
		print_error("%s\n", b->e.text);
	return last_ret == 0 && last.n == n;
}

static bool
two_for_a_row(struct bench *b)
{
	char want[60];

	assert_true(until(b, 0));
	assert_string_equal(last.who, "");
	snprintf(want, sizeof want, "connection %lu of root (localhost)", send_one(0, "UPDATE items SET what = 'a' WHERE order_id = 11"));
	assert_true(until(b, 1));
	assert_string_equal(last.who, want);
	(void)send_one(1, "UPDATE items SET what = 'b' WHERE order_id = 11");
	assert_true(until(b, 2));
	assert_string_equal(last.who, want);
	return true;
}

static void
those_who_wait_for_a_row_are_seen(void **state)
{
	struct my_shop *s = *state;

	s->b.hold = two_for_a_row;
	assert_int_equal(bench_do(&s->b, "UPDATE items SET what = 'q' WHERE order_id = 11", 0), 0);
	join_others();
	assert_int_equal(s->b.r.end, DB_COMMITTED);
	assert_non_null(strstr(buf_str(&s->b.r.own), "\"my.waiting-mariadb\""));
}

static bool
two_for_the_table(struct bench *b)
{
	(void)send_one(0, "ALTER TABLE items ADD COLUMN z int");
	assert_true(until(b, 1));
	(void)send_one(1, "SELECT count(*) FROM items");
	assert_true(until(b, 2));
	return false;
}

static void
those_who_wait_for_the_table_are_seen(void **state)
{
	struct my_shop *s = *state;

	s->b.hold = two_for_the_table;
	assert_int_equal(bench_do(&s->b, "UPDATE items SET what = 'q' WHERE order_id = 11", 0), 0);
	assert_int_equal(s->b.r.end, DB_ROLLEDBACK);
	assert_string_equal(s->b.r.code, "denied");
	join_others();
	assert_string_equal(my_shop_sql("SELECT count(*) FROM items WHERE what = 'q'"), "0");
}

static bool
nobody_is_seen(struct bench *b)
{
	last_ret = b->d->waiting(b->c, &last, &b->e);
	return true;
}

static void
without_the_right_it_says_which_one(void **state)
{
	struct my_shop *s = *state;

	my_shop_sql("REVOKE PROCESS ON *.* FROM ben@localhost");
	bench_close(&s->b);
	bench_open(&s->b, &s->target);
	s->b.hold = nobody_is_seen;
	assert_int_equal(bench_do(&s->b, "DELETE FROM items", 0), 0);
	my_shop_sql("GRANT PROCESS ON *.* TO ben@localhost");
	assert_int_equal(last_ret, ERR_UNSUPPORTED);
	assert_non_null(strstr(s->b.e.text, "PROCESS"));
	assert_int_equal(s->b.r.end, DB_COMMITTED);
}

/* Whom a change waits for is seen while it waits, by who has the right; it gives up by its limit. */
static void
who_is_waited_for_is_named(void **state)
{
	struct my_shop *s = *state;
	MYSQL *other = mariadb_server_connect(my_shop_server_of(), "shop");
	char who[64];

	assert_non_null(other);
	assert_int_equal(mysql_query(other, "SET autocommit = 0"), 0);
	assert_int_equal(mysql_query(other, "UPDATE items SET what = 'mine' WHERE order_id = 11"), 0);
	assert_int_equal(bench_sheet(&s->b, "UPDATE items SET what = 'q'"), 0);
	assert_int_equal(bench_run(&s->b, "UPDATE items SET what = 'q'", 3, false), 0);
	assert_int_equal(s->b.r.end, DB_ROLLEDBACK);
	assert_string_equal(s->b.r.code, "conflict");
	snprintf(who, sizeof who, "it waited for connection %lu of ", mysql_thread_id(other));
	if (strstr(buf_str(&s->b.r.text), who) == NULL)
		fail_msg("\"%s\" is not in: %s", who, buf_str(&s->b.r.text));
	mysql_close(other);
}

static bool kill_answer;

static bool
killed(struct bench *b)
{
	char sql[160];

	assert_true(until(b, 0));
	/* the older one of the two */
	strcpy(sql, my_shop_sql("SELECT min(id) FROM information_schema.PROCESSLIST WHERE user = 'ben'"));
	memmove(sql + 5, sql, strlen(sql) + 1);
	memcpy(sql, "KILL ", 5);
	my_shop_sql(sql);
	while (strcmp(my_shop_sql("SELECT count(*) FROM information_schema.PROCESSLIST WHERE user = 'ben'"), "1") != 0)
		;
	last_ret = b->d->waiting(b->c, &last, &b->e);
	return kill_answer;
}

static void
a_change_whose_connection_is_killed_is_lost(void **state)
{
	struct my_shop *s = *state;

	for (int i = 0; i < 2; i++) {
		kill_answer = i == 1;
		s->b.hold = killed;
		assert_int_equal(bench_do(&s->b, "DELETE FROM items", 0), 0);
		assert_int_equal(last_ret, ERR_DATABASE);
		assert_int_equal(s->b.r.end, DB_FAILED);
		assert_string_equal(s->b.r.code, "lost");
		assert_int_equal(s->b.asked, 0);
		assert_string_equal(my_shop_sql("SELECT count(*) FROM items"), "3");
		assert_int_equal(bench_read(&s->b, "SELECT 1"), ERR_DATABASE);
		bench_close(&s->b);
		bench_open(&s->b, &s->target);
		s->b.ctx = s;
	}
}

static bool cancel_answer;

static bool
cancelled(struct bench *b)
{
	struct canceller *k = canceller_start(b);

	for (int i = 0; i < 3; i++)
		assert_true(until(b, 0));
	canceller_stop(k);
	b->d->cancel(b->c);
	return cancel_answer;
}

static void
a_cancel_while_held_breaks_nothing(void **state)
{
	struct my_shop *s = *state;

	s->b.hold = cancelled;
	for (int i = 0; i < 6; i++) {
		cancel_answer = i % 2 == 1;
		assert_int_equal(bench_do(&s->b, "DELETE FROM items", 0), 0);
		assert_int_equal(s->b.r.end, DB_ROLLEDBACK);
		assert_string_equal(s->b.r.code, cancel_answer ? "cancelled" : "denied");
		assert_int_equal(s->b.asked, 0);
		assert_string_equal(bench_rows(&s->b, "SELECT count(*) FROM items"), "3\n");
	}
}

static bool
cancelled_once(struct bench *b)
{
	b->d->cancel(b->c);
	return false;
}

/* A trigger wrote to a table that keeps its rows: a cancel must not hide that. */
static void
a_cancel_does_not_hide_what_stays(void **state)
{
	struct my_shop *s = *state;

	my_shop_sql("ALTER TABLE audit ENGINE=MyISAM");
	s->b.hold = cancelled_once;
	assert_int_equal(bench_do(&s->b, "UPDATE orders SET total = 0 WHERE id = 10", 0), 0);
	assert_int_equal(s->b.r.end, DB_FAILED);
	assert_string_equal(s->b.r.code, "partial");
}

static bool
longer_than_a_statement(struct bench *b)
{
	int64_t end = clock_mono_ms() + 1500;

	while (clock_mono_ms() < end)
		assert_true(until(b, 0));
	return true;
}

static void
the_limits_of_statements_are_no_limits_of_a_hold(void **state)
{
	struct my_shop *s = *state;

	assert_string_equal(bench_rows(&s->b, "SELECT @@idle_write_transaction_timeout"), "90\n");
	bench_close(&s->b);
	s->target.statement_timeout_ms = 1000;
	s->target.hold_ms = 150 * 1000;
	bench_open(&s->b, &s->target);
	s->b.ctx = s;
	assert_string_equal(bench_rows(&s->b, "SELECT @@idle_write_transaction_timeout"), "180\n");
	s->b.hold = longer_than_a_statement;
	assert_int_equal(bench_do(&s->b, "DELETE FROM items", 0), 0);
	assert_int_equal(s->b.r.end, DB_COMMITTED);
}

static const struct {
	const char *sql;
	bool inexact;
} inexact[] = {
	{ "UPDATE orders SET total = 1 WHERE id = 10", false },
	{ "DELETE FROM items", false },
	{ "INSERT INTO audit VALUES ('x')", false },
	{ "INSERT IGNORE INTO customers VALUES (1, 'x', '')", false },
	{ "REPLACE INTO customers VALUES (1, 'x', '')", true },
	{ "INSERT INTO customers VALUES (1, 'x', '') ON/**/DUPLICATE KEY/**/UPDATE name = 'y'", true },
	{ "UPDATE orders o JOIN items i ON i.order_id = o.id SET o.total = 1, i.what = 'x'", true },
	{ "DELETE o, i FROM orders o JOIN items i ON i.order_id = o.id WHERE o.id = 10", true },
	{ "DELETE i FROM orders o JOIN items i ON i.order_id = o.id WHERE o.id = 10", false },
	{ "UPDATE named SET name = 'x' WHERE id = 1", true },
	{ "UPDATE customers SET name = replace(name, 'a', 'b') WHERE id = 1", false },
};

static void
the_sheet_says_where_counts_do_not_tell(void **state)
{
	struct my_shop *s = *state;

	my_shop_sql("CREATE VIEW named AS SELECT id, name FROM customers");
	for (size_t i = 0; i < sizeof inexact / sizeof *inexact; i++) {
		if (bench_sheet(&s->b, inexact[i].sql) != 0)
			fail_msg("%s: %s", inexact[i].sql, s->b.e.text);
		if (s->b.sheet.inexact != inexact[i].inexact)
			fail_msg("%s", inexact[i].sql);
	}
}

/* The bound is one of what the engine counts, and the effects say what was done. */
static const struct {
	const char *sql;
	uint64_t rows;
	const char *effect;
} counted[] = {
	{ "REPLACE INTO items VALUES (10, 1, 'q'), (12, 1, 'w')", 3, "{\"table\":\"items\",\"inserted\":2,\"updated\":0,\"deleted\":1}" },
	{ "REPLACE INTO items VALUES (12, 1, 'w')", 1, "{\"table\":\"items\",\"inserted\":1,\"updated\":0,\"deleted\":0}" },
	{ "INSERT INTO customers VALUES (1, 'x', ''), (9, 'n', '') ON DUPLICATE KEY UPDATE name = 'y'", 3, "{\"table\":\"customers\",\"inserted\":1,\"updated\":1,\"deleted\":0}" },
	{ "INSERT INTO customers VALUES (9, 'n', '') ON DUPLICATE KEY UPDATE name = 'y'", 1, "{\"table\":\"customers\",\"inserted\":1,\"updated\":0,\"deleted\":0}" },
	{ "INSERT INTO items VALUES (10, 1, 'x'), (10, 2, 'q'), (12, 1, 'w') ON DUPLICATE KEY UPDATE what = VALUES(what)", 4, "{\"table\":\"items\",\"inserted\":1,\"updated\":1,\"deleted\":0}" },
	{ "INSERT INTO items SELECT 10, line, 'q' FROM items WHERE order_id = 11 ON DUPLICATE KEY UPDATE what = 'u'", 2, "{\"table\":\"items\",\"inserted\":0,\"updated\":1,\"deleted\":0}" },
	{ "INSERT INTO items VALUES (10, 1, 'q') ON DUPLICATE KEY UPDATE what = 'ignore'", 2, "{\"table\":\"items\",\"inserted\":0,\"updated\":1,\"deleted\":0}" },
	{ "INSERT IGNORE INTO items VALUES (99, 1, 'q') ON DUPLICATE KEY UPDATE what = 'u'", 0, "{\"table\":\"items\",\"inserted\":0,\"updated\":0,\"deleted\":0}" },
	{ "UPDATE named SET name = 'x' WHERE id < 3", 2, "{\"table\":\"named\",\"inserted\":0,\"updated\":2,\"deleted\":0}" },
	{ "DELETE o, i FROM orders o JOIN items i ON i.order_id = o.id WHERE i.order_id = 11", 1,
	  "{\"table\":\"(several tables)\",\"inserted\":0,\"updated\":0,\"deleted\":1}" },	/* the key took the other one along */
};

static void
a_bound_is_one_of_the_engines_count(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof counted / sizeof *counted; i++) {
		void *own = NULL;
		struct my_shop *s;

		assert_int_equal(my_shop_setup(&own), 0);
		s = own;
		s->b.hold = bench_keep;
		my_shop_sql("CREATE VIEW named AS SELECT id, name FROM customers");
		assert_int_equal(bench_sheet(&s->b, counted[i].sql), 0);
		assert_true(s->b.sheet.inexact);
		assert_int_equal(bench_run(&s->b, counted[i].sql, counted[i].rows + 1, false), 0);
		assert_string_equal(s->b.r.code, "count");
		assert_int_equal(bench_run(&s->b, counted[i].sql, counted[i].rows, false), 0);
		if (s->b.r.end != DB_COMMITTED || strstr(s->b.held_effects, counted[i].effect) == NULL)
			fail_msg("%s: %s %s %s", counted[i].sql, s->b.r.code, buf_str(&s->b.r.text), s->b.held_effects);
		my_shop_teardown(&own);
	}
}

static int
server(void **state)
{
	if (my_shop_server(state) != 0)
		return -1;
	free(mariadb_server_sql(my_shop_server_of(), NULL, "GRANT PROCESS ON *.* TO ben@localhost"));
	return 0;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, my_shop_setup, my_shop_teardown)
		T(rows_that_moved_are_kept_when_holding_says_so),
		T(rows_that_moved_are_taken_back_when_holding_says_so),
		T(those_who_wait_for_a_row_are_seen),
		T(those_who_wait_for_the_table_are_seen),
		T(without_the_right_it_says_which_one),
		T(who_is_waited_for_is_named),
		T(a_change_whose_connection_is_killed_is_lost),
		T(a_cancel_while_held_breaks_nothing),
		T(a_cancel_does_not_hide_what_stays),
		T(the_limits_of_statements_are_no_limits_of_a_hold),
		T(the_sheet_says_where_counts_do_not_tell),
		cmocka_unit_test(a_bound_is_one_of_the_engines_count),
	};

	return cmocka_run_group_tests_name("db my hold", tests, server, my_shop_server_end);
}
