/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Changes of several parts: all or nothing, and no part makes another one do what was not shown. */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "db_my.h"

#define AS_SHOWN UINT64_MAX

static void
all_parts_are_kept_and_their_effects_added_up(void **state)
{
	static const struct bench_part parts[] = {
		{ "UPDATE orders SET total = total + 1 WHERE id = 10", AS_SHOWN, false },
		{ "UPDATE shop.orders SET total = total + 1 WHERE id IN (10, 11)", AS_SHOWN, false },
		{ "DELETE FROM items WHERE order_id = 10", AS_SHOWN, false },
		{ "INSERT INTO customers VALUES (9, 'x', '')", 1, false },
		{ "UPDATE customers SET name = 'y' WHERE id = 9", 1, false },	/* made by the part before it */
		{ NULL, 0, false },
	};
	struct my_shop *s = *state;

	s->b.hold = bench_keep;
	bench_set(&s->b, parts);
	assert_int_equal(s->b.set[4].matched, 0);
	assert_int_equal(bench_set_run(&s->b), 0);
	if (s->b.r.end != DB_COMMITTED)
		print_error("%s %s\n", s->b.r.code, buf_str(&s->b.r.text));
	assert_int_equal(s->b.r.end, DB_COMMITTED);
	assert_int_equal(s->b.r.rows, 7);
	assert_int_equal(s->b.held_affected, 7);
	assert_false(s->b.held_moved);
	assert_int_equal(s->b.nheld, 1);
	assert_int_equal(s->b.asked, 1);
	assert_int_equal(s->b.set[1].touched, 2);
	assert_string_equal(s->b.held_effects, "[{\"table\":\"orders\",\"inserted\":0,\"updated\":3,\"deleted\":0},"
	    "{\"table\":\"items\",\"inserted\":0,\"updated\":0,\"deleted\":2},"
	    "{\"table\":\"customers\",\"inserted\":1,\"updated\":1,\"deleted\":0}]");
	assert_string_equal(my_shop_sql("SELECT concat(sum(total), ' ', (SELECT name FROM customers WHERE id = 9)) FROM orders"), "25 y");
}

static void
sixteen_parts_are_one_change(void **state)
{
	struct my_shop *s = *state;
	struct bench_part parts[17];

	for (int i = 0; i < 16; i++)
		parts[i] = (struct bench_part){ "UPDATE orders SET total = total + 1 WHERE id = 10", AS_SHOWN, false };
	parts[16] = (struct bench_part){ NULL, 0, false };
	bench_set(&s->b, parts);
	assert_int_equal(bench_set_run(&s->b), 0);
	assert_int_equal(s->b.r.end, DB_COMMITTED);
	assert_int_equal(s->b.r.rows, 16);
	assert_string_equal(my_shop_sql("SELECT total FROM orders WHERE id = 10"), "21");
}

struct refusal {
	struct bench_part parts[4];
	const char *between;	/* by another connection between sheets and run */
	enum db_end end;
	const char *code;
	const char *word;	/* in the text; NULL: any */
	bool sent;		/* the first part was: its number is gone although it was taken back */
	const char *trigger;	/* what updating items sets off; NULL: nothing */
};

#define FIRST { "INSERT INTO counted (a) VALUES (1)", 1, false }

static const struct refusal refusals[] = {
	/* a later one fails, or breaks its bound */
	{ { FIRST, { "UPDATE orders SET state = 'bad' WHERE id = 10", 1, false } }, NULL, DB_FAILED, "23000", NULL, true, NULL },
	{ { FIRST, { "UPDATE orders SET total = 0 WHERE id < 12", 1, true } }, NULL, DB_ROLLEDBACK, "count", NULL, true, NULL },
	{ { FIRST, { "INSERT INTO customers VALUES (77, 'x', ''), (1, 'y', '')", 2, false } }, NULL, DB_FAILED, "23000", NULL, true, NULL },
	{ { FIRST, { "UPDATE orders SET state = 'longer than ten' WHERE id = 10", 1, false } }, NULL, DB_FAILED, "22001", NULL, true, NULL },
	/* rows that the one before it made match */
	{ { FIRST, { "UPDATE orders SET state = 'x' WHERE id = 13", 1, false }, { "UPDATE orders SET total = 0 WHERE state = 'x'", AS_SHOWN, false } },
	  NULL, DB_ROLLEDBACK, "count", NULL, true, NULL },
	/* all are compared before the first one is sent */
	{ { FIRST, { "UPDATE items SET what = 'q'", AS_SHOWN, false } }, "DELETE FROM items WHERE order_id = 11", DB_ROLLEDBACK, "count",
	  NULL, false, NULL },
	{ { FIRST, { "UPDATE items SET what = 'q'", 9, true } }, "DELETE FROM items WHERE order_id = 11", DB_ROLLEDBACK, "keys", NULL, false,
	  NULL },
	{ { FIRST, { "UPDATE orders SET total = 0 WHERE id = 10", 1, false } }, "CREATE TRIGGER late BEFORE UPDATE ON orders FOR EACH ROW"
	  " SET @a = 1", DB_ROLLEDBACK, "bind", "late", false, NULL },
	{ { FIRST, { "DELETE FROM flat WHERE id = 1", AS_SHOWN, false } }, NULL, DB_FAILED, "wall", "MyISAM", false, NULL },
	/* a variable that one part sets and another one may read, by itself or in a trigger */
	{ { FIRST, { "UPDATE items SET what = (@who := 'mallory')", AS_SHOWN, false }, { "UPDATE customers SET name = @who WHERE id = 1", 1, false } },
	  NULL, DB_ROLLEDBACK, "bind", "who", true, NULL },
	{ { FIRST, { "UPDATE items SET what = 'q'", AS_SHOWN, false }, { "UPDATE customers SET name = 'x' WHERE id = 1", 1, false } },
	  NULL, DB_ROLLEDBACK, "bind", "who", true, "SET @who = 'mallory'" },
	{ { FIRST, { "UPDATE items SET what = 'q'", AS_SHOWN, false }, { "UPDATE customers SET name = 'x' WHERE id = 1", 1, false } },
	  NULL, DB_ROLLEDBACK, "bind", "time_zone", true, "SET SESSION time_zone = '+05:00'" },
};

static char *
rows_now(void)
{
	return strdup(my_shop_sql("SELECT concat_ws(' ', (SELECT group_concat(concat_ws('/', id, name) ORDER BY id) FROM customers),"
	    " (SELECT group_concat(concat_ws('/', order_id, line, what) ORDER BY order_id, line) FROM items),"
	    " (SELECT group_concat(concat_ws('/', id, state, total) ORDER BY id) FROM orders),"
	    " (SELECT count(*) FROM audit), (SELECT count(*) FROM counted), (SELECT sum(a * id) FROM flat))"));
}

static void
run_one(const struct refusal *t)
{
	char *before, *after;
	void *own = NULL;
	struct my_shop *s;

	assert_int_equal(my_shop_setup(&own), 0);
	s = own;
	s->b.hold = strcmp(t->code, "keys") == 0 ? NULL : bench_keep;
	my_shop_sql("CREATE TABLE counted (id int PRIMARY KEY AUTO_INCREMENT, a int)");
	if (t->trigger != NULL) {
		char sql[200];

		snprintf(sql, sizeof sql, "CREATE TRIGGER calls BEFORE UPDATE ON items FOR EACH ROW %s", t->trigger);
		my_shop_sql(sql);
	}
	bench_set(&s->b, t->parts);
	if (t->between != NULL)
		my_shop_sql(t->between);
	before = rows_now();
	assert_int_equal(bench_set_run(&s->b), 0);
	if (s->b.r.end != t->end || strcmp(s->b.r.code, t->code) != 0)
		print_error("%s / %s %s: %d %s %s\n", t->parts[0].sql, t->parts[1].sql, t->trigger != NULL ? t->trigger : "", s->b.r.end, s->b.r.code, buf_str(&s->b.r.text));
	assert_int_equal(s->b.r.end, t->end);
	assert_string_equal(s->b.r.code, t->code);
	if (t->word != NULL && strstr(buf_str(&s->b.r.text), t->word) == NULL)
		fail_msg("no \"%s\" in: %s", t->word, buf_str(&s->b.r.text));
	assert_int_equal(s->b.nheld, 0);
	assert_int_equal(s->b.asked, 0);
	after = rows_now();
	assert_string_equal(before, after);
	assert_string_equal(my_shop_sql("SHOW TABLE STATUS LIKE 'counted'; SELECT auto_increment FROM information_schema.tables"
	    " WHERE table_schema = 'shop' AND table_name = 'counted'"), t->sent ? "2" : "1");
	free(before);
	free(after);
	my_shop_teardown(&own);
}

static void
what_is_not_as_allowed_takes_everything_back(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof refusals / sizeof *refusals; i++)
		run_one(&refusals[i]);
}

static void
what_commits_by_itself_is_no_part(void **state)
{
	static const char *const texts[] = { "COMMIT", "ROLLBACK", "SAVEPOINT a", "ROLLBACK TO SAVEPOINT a", "TRUNCATE orders",
		"CREATE TEMPORARY TABLE t (a int)", "ALTER TABLE orders ADD COLUMN z int", "SET @a = 1", "SET autocommit = 1", "CALL p()",
		"UPDATE orders SET total = 1; COMMIT", "LOCK TABLES items WRITE", "SELECT 1", "DO 1" };
	struct my_shop *s = *state;

	for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
		struct bench_part parts[] = { { "UPDATE items SET what = 'q'", AS_SHOWN, false }, { "UPDATE items SET what = 'r'", 3, false },
			{ NULL, 0, false } };

		bench_set(&s->b, parts);
		sql_classify((struct sql_facts *)(uintptr_t)s->b.set[1].facts, &s->b.info.sql, texts[i], strlen(texts[i]));
		s->b.set[1].statement = (struct db_statement){ DB_SQL, texts[i], strlen(texts[i]) };
		if (bench_set_run(&s->b) != ERR_WALL)
			fail_msg("not stopped: %s", texts[i]);
		assert_string_equal(my_shop_sql("SELECT count(*) FROM items WHERE what = 'q'"), "0");
	}
}

/* The rows of a later part are locked before the first one runs: the number of the first one is not spent. */
static void
rows_of_all_parts_are_locked_first(void **state)
{
	static const struct bench_part parts[] = { FIRST, { "UPDATE items SET what = 'q'", AS_SHOWN, false }, { NULL, 0, false } };
	struct my_shop *s = *state;
	MYSQL *other = mariadb_server_connect(my_shop_server_of(), "shop");

	my_shop_sql("CREATE TABLE counted (id int PRIMARY KEY AUTO_INCREMENT, a int)");
	bench_set(&s->b, parts);
	assert_int_equal(mysql_query(other, "BEGIN"), 0);
	assert_int_equal(mysql_query(other, "UPDATE items SET what = 'mine' WHERE order_id = 11"), 0);
	assert_int_equal(bench_set_run(&s->b), 0);
	mysql_close(other);
	assert_int_equal(s->b.r.end, DB_ROLLEDBACK);
	assert_string_equal(s->b.r.code, "conflict");
	assert_string_equal(my_shop_sql("SELECT auto_increment FROM information_schema.tables WHERE table_schema = 'shop'"
	    " AND table_name = 'counted'"), "1");
}

/* A number that the server gave is no variable: what goes together is often written so. */
static void
a_part_may_use_the_number_that_one_before_it_got(void **state)
{
	static const struct bench_part parts[] = { FIRST, { "INSERT INTO audit VALUES (last_insert_id())", 1, false }, { NULL, 0, false } };
	struct my_shop *s = *state;

	my_shop_sql("CREATE TABLE counted (id int PRIMARY KEY AUTO_INCREMENT, a int) AUTO_INCREMENT = 41");
	bench_set(&s->b, parts);
	assert_int_equal(bench_set_run(&s->b), 0);
	assert_int_equal(s->b.r.end, DB_COMMITTED);
	assert_string_equal(my_shop_sql("SELECT what FROM audit"), "41");
}

static void
one_moved_part_moves_the_change(void **state)
{
	static const struct bench_part parts[] = {
		{ "UPDATE customers SET name = 'x' WHERE id = 1", AS_SHOWN, false },
		{ "UPDATE items SET what = 'q'", 9, true },
		{ NULL, 0, false },
	};
	struct my_shop *s = *state;

	s->b.hold = bench_keep;
	bench_set(&s->b, parts);
	my_shop_sql("DELETE FROM items WHERE order_id = 11");
	assert_int_equal(bench_set_run(&s->b), 0);
	assert_int_equal(s->b.r.end, DB_COMMITTED);
	assert_true(s->b.held_moved);
	assert_false(s->b.set[0].moved);
	assert_true(s->b.set[1].moved);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, my_shop_setup, my_shop_teardown)
		T(all_parts_are_kept_and_their_effects_added_up),
		T(sixteen_parts_are_one_change),
		cmocka_unit_test(what_is_not_as_allowed_takes_everything_back),
		T(what_commits_by_itself_is_no_part),
		T(rows_of_all_parts_are_locked_first),
		T(a_part_may_use_the_number_that_one_before_it_got),
		T(one_moved_part_moves_the_change),
	};

	return cmocka_run_group_tests_name("db my set", tests, my_shop_server, my_shop_server_end);
}
