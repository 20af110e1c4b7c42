/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A change that is held: who waits for it, what may happen to it meanwhile, and what is kept in the end. */
#include "config.h"

#include <libpq-fe.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "twokey/base/clock.h"

#include "db_pg.h"

enum { DEADLINE_MS = 30000 };

static const char open_ones[] = "UPDATE orders SET total = 0 WHERE state = 'open'";

static void
swap_rows(void)
{
	pg_shop_sql("UPDATE orders SET state = 'x' WHERE id = 12; UPDATE orders SET state = 'open' WHERE id = 13");
}

static void
rows_that_moved_are_kept_when_holding_says_so(void **state)
{
	struct pg_shop *s = *state;

	s->b.hold = bench_keep;
	assert_int_equal(bench_sheet(&s->b, open_ones), 0);
	swap_rows();
	assert_int_equal(bench_run(&s->b, open_ones, 3, false), 0);
	assert_int_equal(s->b.r.end, DB_COMMITTED);
	assert_int_equal(s->b.nheld, 1);
	assert_true(s->b.held_moved);
	assert_int_equal(s->b.held_affected, 3);
	assert_string_equal(s->b.held_effects, buf_str(&s->b.r.effects));
	assert_non_null(strstr(s->b.held_effects, "{\"table\":\"orders\",\"inserted\":0,\"updated\":3,\"deleted\":0}"));
	assert_string_equal(pg_shop_sql("SELECT sum(total) FROM orders"), "9");
	/* fewer than shown, within "at most" */
	assert_int_equal(bench_sheet(&s->b, open_ones), 0);
	pg_shop_sql("UPDATE orders SET state = 'x' WHERE id = 13");
	assert_int_equal(bench_run(&s->b, open_ones, 9, true), 0);
	assert_int_equal(s->b.r.end, DB_COMMITTED);
	assert_true(s->b.held_moved);
	assert_int_equal(s->b.held_affected, 2);
	assert_int_equal(s->b.point.affected, 2);
	/* the same rows: it is held as well, but nothing moved */
	assert_int_equal(bench_do(&s->b, open_ones, 0), 0);
	assert_int_equal(s->b.r.end, DB_COMMITTED);
	assert_int_equal(s->b.nheld, 1);
	assert_false(s->b.held_moved);
}

static void
rows_that_moved_are_taken_back_when_holding_says_so(void **state)
{
	struct pg_shop *s = *state;

	s->b.hold = bench_take_back;
	assert_int_equal(bench_sheet(&s->b, open_ones), 0);
	swap_rows();
	assert_int_equal(bench_run(&s->b, open_ones, 3, false), 0);
	assert_int_equal(s->b.r.end, DB_ROLLEDBACK);
	assert_string_equal(s->b.r.code, "denied");
	assert_string_equal(buf_str(&s->b.r.text), "not this one");
	assert_true(s->b.held_moved);
	assert_int_equal(s->b.asked, 0);
	assert_string_equal(pg_shop_sql("SELECT sum(total) FROM orders"), "22");
	assert_string_equal(bench_rows(&s->b, "SELECT count(*) FROM audit"), "2\n");
	/* outside of the bound nobody is asked */
	assert_int_equal(bench_sheet(&s->b, open_ones), 0);
	pg_shop_sql("UPDATE orders SET state = 'open'");
	assert_int_equal(bench_run(&s->b, open_ones, 3, false), 0);
	assert_string_equal(s->b.r.code, "count");
	assert_int_equal(s->b.nheld, 0);
	/* and with none that holds it is as ever */
	s->b.hold = NULL;
	assert_int_equal(bench_sheet(&s->b, open_ones), 0);
	swap_rows();
	assert_int_equal(bench_run(&s->b, open_ones, 4, true), 0);
	assert_string_equal(s->b.r.code, "keys");
}

static PGconn *waiters[4];
static struct db_waiting last;
static int last_ret;

static PGconn *
other_session(const struct pg_shop *s, const char *name)
{
	const char *keys[] = { "host", "dbname", "user", "application_name", NULL };
	const char *values[] = { s->target.socket, "shop", pg_server_user(pg_shop_server_of()), name, NULL };
	PGconn *c = PQconnectdbParams(keys, values, 0);

	assert_int_equal(PQstatus(c), CONNECTION_OK);
	return c;
}

/* Asks until so many wait. */
static bool
until(struct bench *b, unsigned n)
{
	int64_t end = clock_mono_ms() + DEADLINE_MS;

	do {
		last_ret = b->d->waiting(b->c, &last, &b->e);
	} while (last_ret == 0 && last.n != n && clock_mono_ms() < end);
	if (last_ret != 0)
		print_error("%s\n", b->e.text);
	return last_ret == 0 && last.n == n;
}

static void
send_one(struct bench *b, unsigned i, const char *name, const char *sql)
{
	waiters[i] = other_session(b->ctx, name);
	assert_int_equal(PQsendQuery(waiters[i], sql), 1);
}

static bool
two_for_a_row(struct bench *b)
{
	char want[40];

	assert_true(until(b, 0));
	assert_string_equal(last.who, "");
	assert_string_equal(pg_shop_sql("SELECT count(*) FROM pg_stat_activity WHERE usename = 'ben'"), "2");
	send_one(b, 0, "first\033", "UPDATE items SET what = 'a' WHERE order_id = 11");
	assert_true(until(b, 1));
	snprintf(want, sizeof want, "process %d of ", PQbackendPID(waiters[0]));
	assert_int_equal(strncmp(last.who, want, strlen(want)), 0);
	assert_non_null(strstr(last.who, "(first"));
	assert_null(strchr(last.who, '\033'));
	/* it waits for the first one, and by that for us */
	send_one(b, 1, "second", "UPDATE items SET what = 'b' WHERE order_id = 11");
	assert_true(until(b, 2));
	assert_int_equal(strncmp(last.who, want, strlen(want)), 0);
	/* one that waits for somebody else is nobody's concern */
	waiters[2] = other_session(b->ctx, "lock");
	PQclear(PQexec(waiters[2], "BEGIN; LOCK TABLE nokey"));
	send_one(b, 3, "third", "SELECT * FROM nokey");
	while (strcmp(pg_shop_sql("SELECT count(*) FROM pg_locks WHERE NOT granted AND relation = 'nokey'::regclass"), "1") != 0)
		;
	assert_true(until(b, 2));
	return true;
}

static void
drop_waiters(void)
{
	for (size_t i = 0; i < sizeof waiters / sizeof *waiters; i++) {
		PQfinish(waiters[i]);
		waiters[i] = NULL;
	}
}

static void
those_who_wait_for_a_row_are_seen(void **state)
{
	struct pg_shop *s = *state;

	s->b.hold = two_for_a_row;
	assert_int_equal(bench_do(&s->b, "UPDATE items SET what = 'q' WHERE order_id = 11", 0), 0);
	drop_waiters();
	assert_int_equal(s->b.r.end, DB_COMMITTED);
	assert_non_null(strstr(buf_str(&s->b.r.own), "\"pg.waiting\""));
	/* the second connection ended with the run */
	while (strcmp(pg_shop_sql("SELECT count(*) FROM pg_stat_activity WHERE usename = 'ben'"), "1") != 0)
		;
}

static bool
two_for_the_table(struct bench *b)
{
	send_one(b, 0, "ddl", "ALTER TABLE items ADD COLUMN z int");
	assert_true(until(b, 1));
	send_one(b, 1, "reader", "SELECT * FROM items");
	assert_true(until(b, 2));
	assert_non_null(strstr(last.who, "(ddl)"));
	return false;
}

static void
those_who_wait_for_the_table_are_seen(void **state)
{
	struct pg_shop *s = *state;

	s->b.hold = two_for_the_table;
	assert_int_equal(bench_do(&s->b, "UPDATE items SET what = 'q' WHERE order_id = 11", 0), 0);
	assert_int_equal(s->b.r.end, DB_ROLLEDBACK);
	drop_waiters();
	assert_string_equal(pg_shop_sql("SELECT count(*) FROM items WHERE what = 'q'"), "0");
}

static bool
nobody_is_seen(struct bench *b)
{
	last_ret = b->d->waiting(b->c, &last, &b->e);
	assert_int_equal(b->d->waiting(b->c, &last, &b->e), last_ret);
	return true;
}

static void
without_a_second_connection_it_says_what_is_missing(void **state)
{
	struct pg_shop *s = *state;

	s->b.hold = nobody_is_seen;
	pg_shop_sql("ALTER ROLE ben CONNECTION LIMIT 1");
	assert_int_equal(bench_do(&s->b, "DELETE FROM items", 0), 0);
	pg_shop_sql("ALTER ROLE ben CONNECTION LIMIT -1");
	assert_int_equal(last_ret, ERR_UNSUPPORTED);
	assert_non_null(strstr(s->b.e.text, "too many connections"));
	assert_non_null(strstr(s->b.e.text, "one more"));
	assert_int_equal(s->b.r.end, DB_COMMITTED);
}

static bool
killed_before_the_answer(struct bench *b)
{
	assert_true(until(b, 0));
	pg_shop_sql("SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE usename = 'ben'"
	    " AND state = 'idle in transaction'");
	last_ret = b->d->waiting(b->c, &last, &b->e);
	return false;
}

static bool
killed_and_kept(struct bench *b)
{
	(void)killed_before_the_answer(b);
	return true;
}

static void
a_change_whose_connection_is_killed_is_lost(void **state)
{
	struct pg_shop *s = *state;

	for (int i = 0; i < 2; i++) {
		s->b.hold = i == 0 ? killed_before_the_answer : killed_and_kept;
		assert_int_equal(bench_do(&s->b, "DELETE FROM items", 0), 0);
		assert_int_equal(last_ret, ERR_DATABASE);
		assert_int_equal(s->b.r.end, DB_FAILED);
		assert_string_equal(s->b.r.code, "lost");
		assert_int_equal(s->b.asked, 0);
		assert_string_equal(pg_shop_sql("SELECT count(*) FROM items"), "3");
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

	for (int i = 0; i < 20; i++)
		assert_true(until(b, 0));
	canceller_stop(k);
	b->d->cancel(b->c);
	return cancel_answer;
}

static void
a_cancel_while_held_breaks_nothing(void **state)
{
	struct pg_shop *s = *state;

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
longer_than_a_statement(struct bench *b)
{
	int64_t end = clock_mono_ms() + 700;

	while (clock_mono_ms() < end)
		assert_true(until(b, 0));
	return true;
}

static void
the_limits_of_statements_are_no_limits_of_a_hold(void **state)
{
	struct pg_shop *s = *state;

	assert_string_equal(bench_rows(&s->b, "SELECT current_setting('idle_in_transaction_session_timeout')"), "90s\n");
	bench_close(&s->b);
	s->target.statement_timeout_ms = 500;
	s->target.lock_timeout_ms = 200;
	s->target.hold_ms = 150 * 1000;
	bench_open(&s->b, &s->target);
	s->b.ctx = s;
	assert_string_equal(bench_rows(&s->b, "SELECT current_setting('idle_in_transaction_session_timeout')"), "3min\n");
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
	{ "INSERT INTO customers VALUES (1, 'x') ON CONFLICT DO NOTHING", false },
	{ "INSERT INTO customers VALUES (1, 'x') ON/**/CONFLICT (id) DO/**/UPDATE SET name = 'y'", true },
	{ "WITH a AS (SELECT 1) UPDATE orders SET total = 1 WHERE id = 10", false },
	{ "WITH a AS (DELETE FROM items RETURNING what) INSERT INTO audit SELECT what FROM a", true },
	{ "WITH a AS (DELETE FROM items WHERE line = 1) DELETE FROM items WHERE line = 2", true },
	{ "MERGE INTO customers c USING items i ON c.id = i.line WHEN MATCHED THEN UPDATE SET name = i.what", true },
	{ "UPDATE named SET name = 'x' WHERE id = 1", true },
	{ "UPDATE loud SET name = 'x' WHERE id = 1", true },
	{ "TRUNCATE items", false },
	{ "CREATE TABLE t (a int)", false },
	{ "DELETE FROM ruled", true },
	{ "UPDATE customers SET name = replace(name, 'a', 'b') WHERE id = 1", false },
};

static void
the_sheet_says_where_counts_do_not_tell(void **state)
{
	struct pg_shop *s = *state;

	pg_shop_sql("CREATE VIEW named AS SELECT id, name FROM customers; CREATE TABLE ruled (a int); GRANT ALL ON named, ruled TO ben;"
	    "CREATE RULE gone AS ON DELETE TO ruled DO ALSO DELETE FROM audit; CREATE FUNCTION by_view() RETURNS trigger LANGUAGE plpgsql AS"
	    " $$BEGIN INSERT INTO audit VALUES ('v'); RETURN new; END$$;"
	    "CREATE TRIGGER instead INSTEAD OF UPDATE ON loud FOR EACH ROW EXECUTE FUNCTION by_view()");
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
	{ "INSERT INTO customers VALUES (1, 'x'), (9, 'y') ON CONFLICT (id) DO UPDATE SET name = 'z'", 2, "{\"table\":\"customers\",\"inserted\":1,\"updated\":1,\"deleted\":0}" },
	{ "INSERT INTO customers VALUES (1, 'x'), (9, 'y') ON CONFLICT (id) DO UPDATE SET name = 'z' WHERE customers.id > 4", 1, "{\"table\":\"customers\",\"inserted\":1,\"updated\":0,\"deleted\":0}" },
	{ "WITH a AS (DELETE FROM items RETURNING what) INSERT INTO audit SELECT what FROM a WHERE what = 'x'", 1, "{\"table\":\"items\",\"inserted\":0,\"updated\":0,\"deleted\":3}" },
	{ "MERGE INTO customers c USING (VALUES (1), (2), (9)) v(id) ON c.id = v.id WHEN MATCHED AND c.id = 1 THEN UPDATE SET name = 'm' WHEN MATCHED THEN DELETE WHEN NOT MATCHED THEN INSERT VALUES (v.id, 'n')", 3, "{\"table\":\"customers\",\"inserted\":1,\"updated\":1,\"deleted\":1}" },
	{ "UPDATE loud SET name = 'x' WHERE id < 3", 2, "{\"table\":\"audit\",\"inserted\":2,\"updated\":0,\"deleted\":0}" },
	{ "UPDATE named SET name = 'x' WHERE id < 3", 2, "{\"table\":\"customers\",\"inserted\":0,\"updated\":2,\"deleted\":0}" },
};

static void
a_bound_is_one_of_the_engines_count(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof counted / sizeof *counted; i++) {
		void *own = NULL;
		struct pg_shop *s;

		assert_int_equal(pg_shop_setup(&own), 0);
		s = own;
		s->b.hold = bench_keep;
		pg_shop_sql("CREATE VIEW named AS SELECT id, name FROM customers; CREATE TABLE ruled (a int); GRANT ALL ON named, ruled TO ben;"
	    "CREATE RULE gone AS ON DELETE TO ruled DO ALSO DELETE FROM audit; CREATE FUNCTION by_view() RETURNS trigger LANGUAGE plpgsql AS"
	    " $$BEGIN INSERT INTO audit VALUES ('v'); RETURN new; END$$;"
	    "CREATE TRIGGER instead INSTEAD OF UPDATE ON loud FOR EACH ROW EXECUTE FUNCTION by_view()");
		assert_int_equal(bench_sheet(&s->b, counted[i].sql), 0);
		assert_true(s->b.sheet.inexact);
		assert_int_equal(bench_run(&s->b, counted[i].sql, counted[i].rows + 1, false), 0);
		assert_string_equal(s->b.r.code, "count");
		assert_int_equal(bench_run(&s->b, counted[i].sql, counted[i].rows, false), 0);
		if (s->b.r.end != DB_COMMITTED || strstr(s->b.held_effects, counted[i].effect) == NULL)
			fail_msg("%s: %s %s %s", counted[i].sql, s->b.r.code, buf_str(&s->b.r.text), s->b.held_effects);
		pg_shop_teardown(&own);
	}
}

/* However many tables it changes: the effects are told in a line of bounded length, and nothing is left out of the sum. */
static void
effects_on_many_tables_are_summed(void **state)
{
	struct pg_shop *s = *state;

	pg_shop_sql("CREATE TABLE wide (n int, a int) PARTITION BY LIST (n); DO $$BEGIN FOR i IN 1..100 LOOP"
	    " EXECUTE format('CREATE TABLE wide_%s PARTITION OF wide FOR VALUES IN (%s)', i, i); END LOOP; END$$;"
	    "INSERT INTO wide SELECT i, 0 FROM generate_series(1, 100) i; GRANT ALL ON wide TO ben");
	s->b.hold = bench_keep;
	assert_int_equal(bench_do(&s->b, "UPDATE wide SET a = 1 WHERE n > 0", 0), 0);
	if (s->b.r.end != DB_COMMITTED)
		fail_msg("%s", buf_str(&s->b.r.text));
	assert_non_null(strstr(buf_str(&s->b.r.effects), "{\"table\":\"(other tables)\",\"inserted\":0,\"updated\":37,\"deleted\":0}"));
}

/* A trigger puts off what it sets off until COMMIT, and that again: whoever keeps it has seen all of it. */
static void
what_is_put_off_until_commit_is_seen_before(void **state)
{
	struct pg_shop *s = *state;

	pg_shop_sql("CREATE TABLE late (n int); CREATE TABLE later (n int); CREATE TABLE latest (n int); INSERT INTO latest VALUES (1), (2);"
	    "CREATE FUNCTION off() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$BEGIN SET CONSTRAINTS ALL DEFERRED;"
	    " IF tg_table_name = 'orders' THEN INSERT INTO late VALUES (1); ELSIF tg_table_name = 'late' THEN INSERT INTO later VALUES (1);"
	    " ELSE DELETE FROM latest; END IF; RETURN NULL; END$$;"
	    "CREATE CONSTRAINT TRIGGER a AFTER UPDATE ON orders DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION off();"
	    "CREATE CONSTRAINT TRIGGER b AFTER INSERT ON late DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION off();"
	    "CREATE CONSTRAINT TRIGGER c AFTER INSERT ON later DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION off()");
	s->b.hold = bench_keep;
	assert_int_equal(bench_do(&s->b, "UPDATE orders SET total = 1 WHERE id = 12", 0), 0);
	if (s->b.r.end != DB_COMMITTED)
		fail_msg("%s", buf_str(&s->b.r.text));
	assert_string_equal(pg_shop_sql("SELECT count(*) FROM latest"), "0");
	assert_non_null(strstr(s->b.held_effects, "{\"table\":\"latest\",\"inserted\":0,\"updated\":0,\"deleted\":2}"));
	/* without end it is not kept */
	pg_shop_sql("CREATE FUNCTION on_and_on() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$BEGIN SET CONSTRAINTS ALL DEFERRED;"
	    " UPDATE late SET n = n + 1; RETURN NULL; END$$;"
	    "CREATE CONSTRAINT TRIGGER d AFTER UPDATE ON late DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION on_and_on()");
	pg_shop_sql("GRANT ALL ON late TO ben");
	assert_int_equal(bench_do(&s->b, "UPDATE late SET n = 7", 0), 0);
	assert_int_not_equal(s->b.r.end, DB_COMMITTED);
	assert_string_equal(pg_shop_sql("SELECT n FROM late"), "1");
}

/* A server or an account may have the counts switched off: then what was not counted is not told as nothing. */
static void
what_is_not_counted_is_not_told_as_nothing(void **state)
{
	struct pg_shop *s = *state;

	pg_shop_sql("CREATE FUNCTION empties() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN DELETE FROM nokey; RETURN NULL; END$$;"
	    "CREATE TRIGGER a AFTER UPDATE ON items FOR EACH STATEMENT EXECUTE FUNCTION empties();"
	    "ALTER ROLE ben SET track_counts = off");
	bench_close(&s->b);
	bench_open(&s->b, &s->target);
	pg_shop_sql("ALTER ROLE ben RESET track_counts");
	s->b.hold = bench_take_back;
	assert_int_equal(bench_do(&s->b, "UPDATE items SET what = 'q'", 0), 0);
	assert_int_equal(s->b.r.end, DB_ROLLEDBACK);
	assert_int_equal(s->b.nheld, 1);
	assert_string_equal(s->b.held_effects, "[]");
	assert_non_null(strstr(s->b.r.unseen, "track_counts is off"));
	/* and whether a trigger puts off more is seen by the counts alone */
	pg_shop_sql("CREATE CONSTRAINT TRIGGER late AFTER DELETE ON nokey DEFERRABLE INITIALLY DEFERRED FOR EACH ROW"
	    " EXECUTE FUNCTION empties()");
	assert_int_equal(bench_do(&s->b, "UPDATE items SET what = 'q'", 0), 0);
	assert_string_equal(s->b.r.code, "wall");
	assert_int_equal(s->b.nheld, 0);
	assert_non_null(strstr(buf_str(&s->b.r.text), "track_counts"));
	assert_string_equal(pg_shop_sql("SELECT count(*) FROM nokey"), "2");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, pg_shop_setup, pg_shop_teardown)
		T(rows_that_moved_are_kept_when_holding_says_so),
		T(rows_that_moved_are_taken_back_when_holding_says_so),
		T(those_who_wait_for_a_row_are_seen),
		T(those_who_wait_for_the_table_are_seen),
		T(without_a_second_connection_it_says_what_is_missing),
		T(a_change_whose_connection_is_killed_is_lost),
		T(a_cancel_while_held_breaks_nothing),
		T(the_limits_of_statements_are_no_limits_of_a_hold),
		T(the_sheet_says_where_counts_do_not_tell),
		T(effects_on_many_tables_are_summed),
		T(what_is_put_off_until_commit_is_seen_before),
		T(what_is_not_counted_is_not_told_as_nothing),
		cmocka_unit_test(a_bound_is_one_of_the_engines_count),
	};

	return cmocka_run_group_tests_name("db pg hold", tests, pg_shop_server, pg_shop_server_end);
}
