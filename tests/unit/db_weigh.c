/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What a read would cost, on a real PostgreSQL: small reads pay no trip, large ones are seen behind every name. */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "db_pg.h"

enum { MIB = 1024 * 1024, LARGE = 4 * MIB };

/* 200 000 rows, about 8 MiB, with an index; a view over it, one over that, partitions. */
static void
make_large(void)
{
	pg_shop_sql("CREATE TABLE log (id int PRIMARY KEY, who int, what text);"
	    "INSERT INTO log SELECT n, n % 1000, 'something' FROM generate_series(1, 200000) n;"
	    "CREATE VIEW seen AS SELECT * FROM log; CREATE VIEW seen_again AS SELECT id FROM seen;"
	    "CREATE SCHEMA other; CREATE TABLE other.orders AS SELECT n AS id FROM generate_series(1, 300000) n;"
	    "CREATE TABLE parts (id int, what text) PARTITION BY RANGE (id);"
	    "CREATE TABLE parts_1 PARTITION OF parts FOR VALUES FROM (0) TO (100000);"
	    "CREATE TABLE parts_2 PARTITION OF parts FOR VALUES FROM (100000) TO (300000);"
	    "INSERT INTO parts SELECT n, 'something' FROM generate_series(1, 200000 - 1) n;"
	    "GRANT USAGE ON SCHEMA other TO ben;"
	    "GRANT SELECT ON ALL TABLES IN SCHEMA public TO ben; GRANT SELECT ON ALL TABLES IN SCHEMA other TO ben");
	pg_shop_sql("VACUUM ANALYZE");
}

static const struct db_weight *
weigh(struct pg_shop *s, const char *sql, double rows)
{
	int ret = bench_weigh(&s->b, sql, LARGE, rows);

	if (ret != 0)
		print_error("%s: %s\n", sql, s->b.e.text);
	assert_int_equal(ret, 0);
	return &s->b.w;
}

static void
about(const struct db_weight *w, const char *table, double rows)
{
	if (strcmp(w->table, table) != 0 || w->rows < rows * 0.8 || w->rows > rows * 1.25)
		fail_msg("%s with %.0f rows instead of %s with about %.0f", w->table, w->rows, table, rows);
}

static void
a_small_read_pays_one_trip_a_minute(void **state)
{
	struct pg_shop *s = *state;
	const struct db_weight *w;

	make_large();
	w = weigh(s, "SELECT * FROM customers", 1);
	assert_false(w->over);
	assert_string_equal(w->own, "[\"pg.begin-read\",\"pg.sizes\",\"pg.rollback\"]");
	for (int i = 0; i < 3; i++) {
		w = weigh(s, i == 0 ? "SELECT 1" : "SELECT * FROM customers c JOIN notes n ON n.order_id = c.id", 1);
		assert_false(w->over);
		assert_string_equal(w->own, "");
		assert_true(w->rows == 0);
	}
}

static void
rows_gone_through_are_counted_not_rows_returned(void **state)
{
	struct pg_shop *s = *state;

	make_large();
	about(weigh(s, "SELECT * FROM log", 100000), "public.log", 200000);
	assert_true(s->b.w.over);
	assert_true(s->b.w.table_bytes > LARGE);
	assert_string_equal(s->b.w.own, "[\"pg.explain\",\"pg.begin-read\",\"pg.guard\",\"pg.rollback\"]");
	about(weigh(s, "SELECT * FROM log WHERE what = 'nothing'", 100000), "public.log", 200000);
	about(weigh(s, "SELECT count(*) FROM log WHERE upper(what) LIKE '%X' GROUP BY who ORDER BY 1", 100000), "public.log", 200000);
	about(weigh(s, "SELECT * FROM log WHERE id = 7", 100000), "public.log", 1);
	assert_false(s->b.w.over);
	about(weigh(s, "SELECT * FROM log WHERE id BETWEEN 1 AND 5000", 100000), "public.log", 5000);
	about(weigh(s, "SELECT * FROM log LIMIT 100", 100000), "public.log", 100);
	about(weigh(s, "SELECT * FROM log ORDER BY what LIMIT 1", 100000), "public.log", 200000);
	about(weigh(s, "SELECT * FROM customers WHERE id NOT IN (SELECT who FROM log)", 100000), "public.log", 200000);
	assert_true(weigh(s, "SELECT (SELECT count(*) FROM log l WHERE l.who = c.id) FROM customers c", 100000)->over);
	assert_true(weigh(s, "SELECT * FROM log a, log b", 1e9)->over);
	assert_true(weigh(s, "SELECT * FROM log a JOIN log b ON a.who < b.who", 1e9)->over);
	assert_true(weigh(s, "EXPLAIN ANALYZE SELECT * FROM log", 1e12)->over);
	assert_false(weigh(s, "EXPLAIN SELECT * FROM log", 1)->over);
	assert_false(weigh(s, "SELECT nothing FROM log", 1)->over);	/* the server refuses it anyway */
	about(weigh(s, "(SELECT id FROM log) UNION ALL (SELECT id FROM parts_1) ;  -- so", 1e6), "public.log", 300000);
}

static void
a_large_table_is_seen_behind_every_name(void **state)
{
	struct pg_shop *s = *state;

	make_large();
	about(weigh(s, "SELECT * FROM seen_again", 1e5), "public.log", 200000);
	about(weigh(s, "SELECT * FROM public.seen", 1e5), "public.log", 200000);
	about(weigh(s, "WITH x AS (SELECT * FROM \"log\") SELECT count(*) FROM x", 1e5), "public.log", 200000);
	about(weigh(s, "TABLE parts", 1e5), "public.parts", 200000);
	about(weigh(s, "SELECT * FROM other.orders", 1e5), "other.orders", 300000);
	/* unqualified: the name is large in some schema, so the plan is asked; it then tells */
	weigh(s, "SELECT * FROM orders", 1e6);
	assert_string_equal(s->b.w.table, "other.orders");
	weigh(s, "SELECT * FROM public.orders", 1e6);
	assert_string_equal(s->b.w.table, "");
	pg_shop_sql("ALTER TABLE notes ENABLE ROW LEVEL SECURITY;"
	    "CREATE POLICY p ON notes USING (EXISTS (SELECT FROM log WHERE log.who = order_id))");
	bench_close(&s->b);
	bench_open(&s->b, &s->target);
	weigh(s, "SELECT * FROM notes", 1e5);
	assert_string_equal(s->b.w.table, "public.log");
}

static void
a_table_that_was_never_counted_is_over(void **state)
{
	struct pg_shop *s = *state;

	pg_shop_sql("CREATE TABLE fresh (a int) WITH (autovacuum_enabled = off);"
	    "INSERT INTO fresh SELECT generate_series(1, 300000); GRANT SELECT ON fresh TO ben");
	assert_true(weigh(s, "SELECT * FROM fresh WHERE a < 0", 200000)->over);
}

static void
planning_stands_behind_the_guard_too(void **state)
{
	struct pg_shop *s = *state;

	make_large();
	pg_shop_sql("CREATE FUNCTION lower(varchar) RETURNS text LANGUAGE plpgsql IMMUTABLE AS"
	    " $$BEGIN RAISE EXCEPTION 'it ran'; END$$");
	assert_int_equal(bench_weigh(&s->b, "SELECT * FROM log WHERE lower('x'::varchar) = what", LARGE, 1), ERR_WALL);
	assert_non_null(strstr(s->b.e.text, "user-defined function"));
}

static void
without_a_guard_nothing_is_asked(void **state)
{
	struct pg_shop *s = *state;

	assert_int_equal(bench_weigh(&s->b, "SELECT * FROM orders", 0, 1), 0);
	assert_false(s->b.w.over);
	assert_string_equal(s->b.w.own, "");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
#define ONE(test) cmocka_unit_test_setup_teardown(test, pg_shop_setup, pg_shop_teardown)
		ONE(a_small_read_pays_one_trip_a_minute),
		ONE(rows_gone_through_are_counted_not_rows_returned),
		ONE(a_large_table_is_seen_behind_every_name),
		ONE(a_table_that_was_never_counted_is_over),
		ONE(planning_stands_behind_the_guard_too),
		ONE(without_a_guard_nothing_is_asked),
#undef ONE
	};

	return cmocka_run_group_tests_name("db_weigh", tests, pg_shop_server, pg_shop_server_end);
}
