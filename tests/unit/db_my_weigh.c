/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What a read would cost, on a real MariaDB: small reads pay no trip, large ones are seen behind every name. */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "twokey/base/err.h"

#include "db_my.h"

enum { MIB = 1024 * 1024, LARGE = 4 * MIB };

/* 200 000 rows, about 8 MiB, with an index; a view over it, one over that, partitions. */
static void
make_large(void)
{
	my_shop_sql("DROP DATABASE IF EXISTS other; CREATE DATABASE other; GRANT SELECT, SHOW VIEW ON other.* TO ben@localhost;"
	    "CREATE TABLE log (id int PRIMARY KEY, who int, what varchar(30), KEY (who));"
	    "INSERT INTO log SELECT seq, seq % 1000, 'something' FROM seq_1_to_200000;"
	    "CREATE VIEW seen AS SELECT * FROM log l; CREATE VIEW seen_again AS SELECT id FROM seen;"
	    "CREATE TABLE other.orders (id int); INSERT INTO other.orders SELECT seq FROM seq_1_to_300000;"
	    "CREATE VIEW other.far AS SELECT 1 AS one; CREATE VIEW small AS SELECT * FROM customers;"
	    "CREATE TABLE parts (id int PRIMARY KEY, what varchar(30)) PARTITION BY RANGE (id)"
	    " (PARTITION a VALUES LESS THAN (100000), PARTITION b VALUES LESS THAN (300000));"
	    "INSERT INTO parts SELECT seq, 'something' FROM seq_1_to_199999;"
	    "ANALYZE TABLE log, parts, other.orders");
}

static const struct db_weight *
weigh(struct my_shop *s, const char *sql, double rows)
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
	struct my_shop *s = *state;
	const struct db_weight *w;

	make_large();
	w = weigh(s, "SELECT * FROM customers", 1);
	assert_false(w->over);
	assert_string_equal(w->own, "[\"my.sizes\",\"my.next-read\"]");
	for (int i = 0; i < 3; i++) {
		w = weigh(s, i == 0 ? "SELECT 1" : "SELECT * FROM customers c JOIN orders o ON o.customer_id = c.id", 1);
		assert_false(w->over);
		assert_string_equal(w->own, "");
		assert_true(w->rows == 0);
	}
	assert_false(weigh(s, "SHOW COLUMNS FROM log", 1)->over);
	assert_false(weigh(s, "DESC log", 1)->over);
	assert_string_equal(s->b.w.own, "");
}

static void
rows_gone_through_are_counted_not_rows_returned(void **state)
{
	struct my_shop *s = *state;

	make_large();
	about(weigh(s, "SELECT * FROM log", 100000), "shop.log", 200000);
	assert_true(s->b.w.over);
	assert_true(s->b.w.table_bytes > LARGE);
	assert_string_equal(s->b.w.own, "[\"my.sizes\",\"my.relation\",\"my.view\",\"my.prepare\",\"my.explain-mariadb\","
	    "\"my.next-read\"]");
	about(weigh(s, "SELECT * FROM log WHERE what = 'nothing'", 100000), "shop.log", 200000);
	about(weigh(s, "SELECT count(*) FROM log WHERE upper(what) LIKE '%X' GROUP BY who ORDER BY 1", 100000), "shop.log", 200000);
	about(weigh(s, "SELECT * FROM log WHERE id = 7", 100000), "shop.log", 1);
	assert_false(s->b.w.over);
	assert_false(weigh(s, "SELECT * FROM log WHERE id BETWEEN 1 AND 5000", 20000)->over);	/* a guess of the engine */
	about(weigh(s, "SELECT * FROM log LIMIT 100", 100000), "shop.log", 10000);
	about(weigh(s, "SELECT * FROM log WHERE what = 'nothing' LIMIT 1", 100000), "shop.log", 200000);
	about(weigh(s, "SELECT * FROM log ORDER BY what LIMIT 1", 100000), "shop.log", 200000);
	about(weigh(s, "SELECT * FROM log ORDER BY id DESC LIMIT 3", 100000), "shop.log", 3);
	about(weigh(s, "SELECT * FROM (SELECT who, count(*) AS n FROM log GROUP BY who) x WHERE n > 3", 100000), "shop.log", 200000);
	about(weigh(s, "(SELECT id FROM log) UNION ALL (SELECT id FROM parts) ;  -- so", 1e6), "shop.log", 400000);
	assert_true(weigh(s, "SELECT (SELECT count(*) FROM log l WHERE l.what = c.name) FROM customers c", 700000)->over);
	assert_false(weigh(s, "SELECT (SELECT count(*) FROM log l WHERE l.what = c.name) FROM customers c", 900000)->over);
	assert_true(weigh(s, "SELECT * FROM log a, log b", 1e9)->over);
	assert_true(weigh(s, "SELECT * FROM log a JOIN log b ON a.who < b.who", 1e9)->over);
	assert_true(weigh(s, "ANALYZE SELECT * FROM log", 1e12)->over);
	assert_true(weigh(s, "SET STATEMENT sort_buffer_size = 100000 FOR SELECT * FROM log", 1e12)->over);
	assert_false(weigh(s, "EXPLAIN SELECT * FROM log", 1)->over);
	assert_false(weigh(s, "SELECT nothing FROM log", 1)->over);	/* the server refuses it anyway */
	assert_false(weigh(s, "SELECT max(id), min(id) FROM log", 1)->over);
	assert_string_equal(bench_rows(&s->b, "SELECT @@in_transaction, @@tx_read_only, DATABASE()"), "1|1|shop\n");
}

static void
a_large_table_is_seen_behind_every_name(void **state)
{
	struct my_shop *s = *state;

	make_large();
	about(weigh(s, "SELECT * FROM seen_again", 1e5), "shop.log", 200000);
	about(weigh(s, "SELECT * FROM shop.seen", 1e5), "shop.log", 200000);
	about(weigh(s, "WITH x AS (SELECT * FROM `log`) SELECT count(*) FROM x", 1e5), "shop.log", 200000);
	about(weigh(s, "SELECT * FROM parts", 1e5), "shop.parts", 200000);
	about(weigh(s, "SELECT * FROM other.orders", 1e5), "other.orders", 300000);
	weigh(s, "SELECT * FROM orders", 1e6);
	assert_string_equal(s->b.w.table, "");
	weigh(s, "SELECT * FROM small", 1);
	assert_string_equal(s->b.w.table, "");
	assert_false(s->b.w.over);
}

static void
planning_stands_behind_the_guard_too(void **state)
{
	struct my_shop *s = *state;

	make_large();
	my_shop_sql("CREATE FUNCTION one() RETURNS int BEGIN SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'it ran'; RETURN 1; END;");
	my_shop_sql("CREATE VIEW runs AS SELECT * FROM log WHERE id = one()");
	assert_int_equal(bench_weigh(&s->b, "SELECT * FROM runs", LARGE, 1), ERR_WALL);
	assert_non_null(strstr(s->b.e.text, "one"));
	assert_string_equal(bench_rows(&s->b, "SELECT @@in_transaction"), "1\n");
}

static void
without_a_guard_nothing_is_asked(void **state)
{
	struct my_shop *s = *state;

	assert_int_equal(bench_weigh(&s->b, "SELECT * FROM orders", 0, 1), 0);
	assert_false(s->b.w.over);
	assert_string_equal(s->b.w.own, "");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
#define ONE(test) cmocka_unit_test_setup_teardown(test, my_shop_setup, my_shop_teardown)
		ONE(a_small_read_pays_one_trip_a_minute),
		ONE(rows_gone_through_are_counted_not_rows_returned),
		ONE(a_large_table_is_seen_behind_every_name),
		ONE(planning_stands_behind_the_guard_too),
		ONE(without_a_guard_nothing_is_asked),
#undef ONE
	};

	return cmocka_run_group_tests_name("db_my_weigh", tests, my_shop_server, my_shop_server_end);
}
