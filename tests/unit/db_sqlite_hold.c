/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A change of several parts, and one that is held. */
#include "config.h"

#include <setjmp.h>
#include <sqlite3.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "twokey/base/clock.h"

#include "db_bench.h"
#include "db_shop.h"

struct fixture {
	struct shop shop;
	struct bench b;
};

static const char open_ones[] = "UPDATE orders SET total = 0 WHERE state = 'open'";

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

static void
swap_rows(const struct fixture *f)
{
	shop_exec(&f->shop, "UPDATE orders SET state = 'x' WHERE id = 12; UPDATE orders SET state = 'open' WHERE id = 13");
}

static void
rows_that_moved_are_kept_when_holding_says_so(void **state)
{
	struct fixture *f = *state;

	f->b.hold = bench_keep;
	assert_int_equal(bench_sheet(&f->b, open_ones), 0);
	swap_rows(f);
	assert_int_equal(bench_run(&f->b, open_ones, 3, false), 0);
	assert_int_equal(f->b.r.end, DB_COMMITTED);
	assert_int_equal(f->b.nheld, 1);
	assert_true(f->b.held_moved);
	assert_int_equal(f->b.held_affected, 3);
	assert_string_equal(f->b.held_effects, "[{\"table\":\"orders\",\"inserted\":0,\"updated\":3,\"deleted\":0}]");
	assert_string_equal(bench_rows(&f->b, "SELECT sum(total) FROM orders"), "9\n");
	assert_int_equal(bench_do(&f->b, open_ones, 0), 0);
	assert_int_equal(f->b.r.end, DB_COMMITTED);
	assert_false(f->b.held_moved);
}

static void
rows_that_moved_are_taken_back_when_holding_says_so(void **state)
{
	struct fixture *f = *state;
	struct digest before, after;

	f->b.hold = bench_take_back;
	assert_int_equal(bench_sheet(&f->b, open_ones), 0);
	swap_rows(f);
	before = shop_digest(&f->shop);
	assert_int_equal(bench_run(&f->b, open_ones, 3, false), 0);
	assert_int_equal(f->b.r.end, DB_ROLLEDBACK);
	assert_string_equal(f->b.r.code, "denied");
	assert_string_equal(buf_str(&f->b.r.text), "not this one");
	assert_true(f->b.held_moved);
	assert_int_equal(f->b.asked, 0);
	after = shop_digest(&f->shop);
	assert_true(digest_equal(&before, &after));
}

static struct db_waiting last;
static int last_ret;
static bool answer;

/* Others read meanwhile, and cannot write. */
static bool
others_read(struct bench *b)
{
	struct fixture *f = b->ctx;
	sqlite3 *db;

	last_ret = b->d->waiting(b->c, &last, &b->e);
	assert_int_equal(sqlite3_open(f->shop.path, &db), SQLITE_OK);
	assert_int_equal(sqlite3_exec(db, "SELECT count(*) FROM items", NULL, NULL, NULL), SQLITE_OK);
	assert_int_equal(sqlite3_exec(db, "DELETE FROM items", NULL, NULL, NULL), SQLITE_BUSY);
	assert_int_equal(sqlite3_close(db), SQLITE_OK);
	return answer;
}

static void
nobody_can_be_seen_waiting(void **state)
{
	struct fixture *f = *state;

	answer = true;
	f->b.hold = others_read;
	assert_int_equal(bench_do(&f->b, "DELETE FROM items", 0), 0);
	assert_int_equal(f->b.r.end, DB_COMMITTED);
	assert_int_equal(last_ret, ERR_UNSUPPORTED);
	assert_int_equal(last.n, 0);
	assert_non_null(strstr(f->b.e.text, "SQLite"));
}

static bool
moved_away(struct bench *b)
{
	struct fixture *f = b->ctx;
	char to[128];

	snprintf(to, sizeof to, "%s/gone.db", f->shop.folder);
	assert_int_equal(rename(f->shop.path, to), 0);
	shop_fill(&f->shop);
	last_ret = b->d->waiting(b->c, &last, &b->e);
	return answer;
}

static void
a_file_that_is_replaced_while_held_is_not_written(void **state)
{
	struct fixture *f = *state;

	answer = true;
	f->b.hold = moved_away;
	assert_int_equal(bench_do(&f->b, "DELETE FROM items", 0), 0);
	assert_int_equal(last_ret, ERR_DATABASE);
	assert_int_equal(f->b.r.end, DB_FAILED);
	assert_string_equal(f->b.r.code, "lost");
	assert_int_equal(f->b.asked, 0);
	assert_int_equal(bench_read(&f->b, "SELECT 1"), ERR_DATABASE);
	bench_close(&f->b);
	bench_open(&f->b, &f->shop.target);
	assert_string_equal(bench_rows(&f->b, "SELECT count(*) FROM items"), "3\n");
}

static bool
cancelled(struct bench *b)
{
	struct canceller *k = canceller_start(b);
	int64_t end = clock_mono_ms() + 20;

	while (clock_mono_ms() < end)
		(void)b->d->waiting(b->c, &last, &b->e);
	canceller_stop(k);
	b->d->cancel(b->c);
	return answer;
}

static void
a_cancel_while_held_breaks_nothing(void **state)
{
	struct fixture *f = *state;

	f->b.hold = cancelled;
	for (int i = 0; i < 6; i++) {
		answer = i % 2 == 1;
		assert_int_equal(bench_do(&f->b, "DELETE FROM items", 0), 0);
		assert_int_equal(f->b.r.end, DB_ROLLEDBACK);
		assert_string_equal(f->b.r.code, answer ? "cancelled" : "denied");
		assert_int_equal(f->b.asked, 0);
		assert_string_equal(bench_rows(&f->b, "SELECT count(*) FROM items"), "3\n");
	}
}

static bool
longer_than_a_statement(struct bench *b)
{
	int64_t end = clock_mono_ms() + 400;

	while (clock_mono_ms() < end)
		(void)b->d->waiting(b->c, &last, &b->e);
	return true;
}

static void
the_limits_of_statements_are_no_limits_of_a_hold(void **state)
{
	struct fixture *f = *state;

	bench_close(&f->b);
	f->shop.target.statement_timeout_ms = 200;
	bench_open(&f->b, &f->shop.target);
	f->b.hold = longer_than_a_statement;
	assert_int_equal(bench_do(&f->b, "UPDATE items SET what = 'q'", 0), 0);
	assert_int_equal(f->b.r.end, DB_COMMITTED);
}

#define AS_SHOWN UINT64_MAX

static void
all_parts_are_kept_and_their_effects_added_up(void **state)
{
	static const struct bench_part parts[] = {
		{ "UPDATE orders SET total = total + 1 WHERE id = 10", AS_SHOWN, false },
		{ "UPDATE orders SET state = 'x' WHERE id IN (10, 11)", AS_SHOWN, false },
		{ "DELETE FROM items WHERE order_id = 10", AS_SHOWN, false },
		{ "INSERT INTO customers VALUES (9, 'x', '')", 1, false },
		{ "UPDATE customers SET name = 'y' WHERE id = 9", 1, false },
		{ "DELETE FROM orders WHERE id = 13", AS_SHOWN, false },	/* a key that the next one mends */
		{ "DELETE FROM notes WHERE order_id = 13", AS_SHOWN, false },
		{ NULL, 0, false },
	};
	struct fixture *f = *state;

	f->b.hold = bench_keep;
	bench_set(&f->b, parts);
	assert_int_equal(bench_set_run(&f->b), 0);
	if (f->b.r.end != DB_COMMITTED)
		print_error("%s %s\n", f->b.r.code, buf_str(&f->b.r.text));
	assert_int_equal(f->b.r.end, DB_COMMITTED);
	assert_int_equal(f->b.r.rows, 9);
	assert_int_equal(f->b.held_affected, 9);
	assert_int_equal(f->b.nheld, 1);
	assert_int_equal(f->b.set[1].touched, 2);
	assert_false(f->b.set[1].moved);
	assert_true(f->b.set[4].moved);
	assert_string_equal(f->b.set[4].differs, "0 when it was shown, 1 (9) now");
	assert_string_equal(f->b.held_effects, "[{\"table\":\"orders\",\"inserted\":0,\"updated\":3,\"deleted\":1},"
	    "{\"table\":\"audit\",\"inserted\":2,\"updated\":0,\"deleted\":0},"
	    "{\"table\":\"items\",\"inserted\":0,\"updated\":0,\"deleted\":2},"
	    "{\"table\":\"customers\",\"inserted\":1,\"updated\":1,\"deleted\":0},"
	    "{\"table\":\"notes\",\"inserted\":0,\"updated\":0,\"deleted\":1}]");
}

struct refusal {
	struct bench_part parts[4];
	const char *between;
	enum db_end end;
	const char *code;
};

#define FIRST { "INSERT INTO audit VALUES ('a')", 1, false }

static const struct refusal refusals[] = {
	{ { FIRST, { "UPDATE orders SET state = 'bad' WHERE id = 10", 1, false } }, NULL, DB_FAILED, "SQLITE_CONSTRAINT" },
	{ { FIRST, { "INSERT OR ROLLBACK INTO customers VALUES (1, 'x', '')", 1, false } }, NULL, DB_FAILED, "SQLITE_CONSTRAINT" },
	{ { FIRST, { "INSERT OR FAIL INTO customers VALUES (77, 'x', ''), (1, 'x', '')", 2, false } }, NULL, DB_FAILED, "SQLITE_CONSTRAINT" },
	{ { FIRST, { "DELETE FROM orders WHERE id = 13", 1, false } }, NULL, DB_FAILED, "SQLITE_CONSTRAINT" },
	{ { FIRST, { "UPDATE orders SET total = 0 WHERE id < 12", 1, true } }, NULL, DB_ROLLEDBACK, "count" },
	{ { { "UPDATE orders SET state = 'x' WHERE id = 13", 1, false }, { "UPDATE orders SET total = 0 WHERE state = 'x'", AS_SHOWN, false } },
	  NULL, DB_ROLLEDBACK, "count" },
	{ { FIRST, { "UPDATE items SET what = 'q'", AS_SHOWN, false } }, "DELETE FROM items WHERE order_id = 11", DB_ROLLEDBACK, "count" },
	{ { FIRST, { "UPDATE items SET what = 'q'", 1, false } }, "CREATE TRIGGER late AFTER UPDATE ON items BEGIN DELETE FROM audit; END",
	  DB_ROLLEDBACK, "bind" },
	{ { FIRST, { "COMMIT", 0, false } }, NULL, DB_ROLLEDBACK, "bind" },
	{ { FIRST, { "ROLLBACK", 0, false } }, NULL, DB_ROLLEDBACK, "bind" },
	{ { FIRST, { "SAVEPOINT a", 0, false } }, NULL, DB_ROLLEDBACK, "bind" },
	{ { { "CREATE TEMP TABLE items (what)", 0, false }, { "UPDATE items SET what = 'q'", 3, false } }, NULL, DB_ROLLEDBACK, "bind" },
	{ { { "PRAGMA foreign_keys = 0", 0, false }, { "DELETE FROM customers", 4, false } }, NULL, DB_ROLLEDBACK, "bind" },
};

/* Those that have no sheet are put in behind it, as if another one had been shown for them. */
static void
make_set(struct bench *b, const struct refusal *t)
{
	struct bench_part parts[4] = { t->parts[0], t->parts[1], { NULL, 0, false } };

	for (size_t i = 0; i < 2; i++)
		if (bench_sheet(b, parts[i].sql) != 0)
			parts[i].sql = "DELETE FROM nothing_like_it WHERE 0";
	bench_set(b, parts);
	for (size_t i = 0; i < 2; i++) {
		sql_classify((struct sql_facts *)(uintptr_t)b->set[i].facts, &b->info.sql, t->parts[i].sql, strlen(t->parts[i].sql));
		b->set[i].statement = (struct db_statement){ DB_SQL, t->parts[i].sql, strlen(t->parts[i].sql) };
	}
}

static void
what_is_not_as_allowed_takes_everything_back(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof refusals / sizeof *refusals; i++) {
		const struct refusal *t = &refusals[i];
		struct digest before, after;
		struct fixture *f;
		void *own = NULL;

		assert_int_equal(setup(&own), 0);
		f = own;
		shop_exec(&f->shop, "CREATE TABLE nothing_like_it (a)");
		f->b.hold = bench_keep;
		make_set(&f->b, t);
		if (t->between != NULL)
			shop_exec(&f->shop, t->between);
		before = shop_digest(&f->shop);
		assert_int_equal(bench_set_run(&f->b), 0);
		if (f->b.r.end != t->end || strcmp(f->b.r.code, t->code) != 0)
			print_error("%s / %s: %d %s %s\n", t->parts[0].sql, t->parts[1].sql, f->b.r.end, f->b.r.code, buf_str(&f->b.r.text));
		assert_int_equal(f->b.r.end, t->end);
		assert_string_equal(f->b.r.code, t->code);
		assert_int_equal(f->b.nheld, 0);
		assert_int_equal(f->b.asked, 0);
		after = shop_digest(&f->shop);
		assert_true(digest_equal(&before, &after));
		teardown(&own);
	}
}

static const struct {
	const char *sql;
	bool inexact;
} inexact[] = {
	{ "UPDATE orders SET total = 1 WHERE id = 10", false },
	{ "DELETE FROM items", false },
	{ "INSERT INTO audit VALUES ('x')", false },
	{ "INSERT INTO customers VALUES (1, 'x', '') ON CONFLICT DO NOTHING", false },
	{ "INSERT INTO customers VALUES (1, 'x', '') ON CONFLICT (id) DO UPDATE SET name = 'y'", true },
	{ "REPLACE INTO customers VALUES (1, 'x', '')", true },
	{ "INSERT OR/**/REPLACE INTO customers VALUES (1, 'x', '')", true },
	{ "UPDATE OR REPLACE customers SET id = 2 WHERE id = 1", true },
	{ "UPDATE customers SET name = replace (name, 'a', 'b') WHERE id = 1", false },
	{ "INSERT INTO pushy VALUES (1)", true },
	{ "DELETE FROM pushy", false },
	{ "UPDATE orders SET total = 1 WHERE EXISTS (SELECT 1 FROM orders e WHERE e.total = orders.id)", true },
	{ "UPDATE main.orders AS o SET total = (SELECT count(*) FROM Orders e WHERE e.total > o.total)", true },
	{ "WITH c AS (SELECT id FROM orders) UPDATE orders SET total = 1 WHERE id IN (SELECT id FROM c)", true },
	{ "UPDATE orders SET total = 1 WHERE EXISTS (SELECT 1 FROM seen_orders e WHERE e.total = orders.id)", true },
	{ "UPDATE orders SET total = 1 WHERE id IN (SELECT order_id FROM items)", false },
	{ "DELETE FROM orders WHERE id IN (SELECT total FROM orders)", true },
	{ "DELETE FROM orders WHERE id IN (SELECT order_id FROM items)", false },
	{ "UPDATE loud_customers SET name = 'x' WHERE id = 1", true },
};

static void
the_sheet_says_where_counts_do_not_tell(void **state)
{
	struct fixture *s = *state;

	shop_exec(&s->shop, "CREATE TABLE pushy (a INTEGER PRIMARY KEY ON CONFLICT REPLACE); INSERT INTO pushy VALUES (1);"
	    "CREATE VIEW seen_orders AS SELECT * FROM orders;"
	    "CREATE TRIGGER instead INSTEAD OF UPDATE ON loud_customers BEGIN INSERT INTO audit VALUES (new.id); END");
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
	{ "REPLACE INTO items VALUES (10, 1, 'q'), (12, 1, 'w')", 2, "{\"table\":\"items\",\"inserted\":2,\"updated\":0,\"deleted\":1}" },
	{ "INSERT OR REPLACE INTO items VALUES (10, 1, 'q'), (12, 1, 'w')", 2, "{\"table\":\"items\",\"inserted\":2,\"updated\":0,\"deleted\":1}" },
	{ "UPDATE OR REPLACE items SET line = 2 WHERE order_id = 10 AND line = 1", 1, "{\"table\":\"items\",\"inserted\":0,\"updated\":1,\"deleted\":1}" },
	{ "INSERT INTO customers VALUES (1, 'x', ''), (9, 'y', '') ON CONFLICT (id) DO UPDATE SET name = 'z'", 2, "{\"table\":\"customers\",\"inserted\":1,\"updated\":1,\"deleted\":0}" },
	{ "INSERT INTO pushy VALUES (1), (2)", 2, "{\"table\":\"pushy\",\"inserted\":2,\"updated\":0,\"deleted\":1}" },
	{ "UPDATE loud_customers SET name = 'x' WHERE id < 3", 0, "{\"table\":\"audit\",\"inserted\":2,\"updated\":0,\"deleted\":0}" },
};

static void
a_bound_is_one_of_the_engines_count(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof counted / sizeof *counted; i++) {
		void *own = NULL;
		struct fixture *s;

		assert_int_equal(setup(&own), 0);
		s = own;
		s->b.hold = bench_keep;
		shop_exec(&s->shop, "CREATE TABLE pushy (a INTEGER PRIMARY KEY ON CONFLICT REPLACE); INSERT INTO pushy VALUES (1);"
	    "CREATE TRIGGER instead INSTEAD OF UPDATE ON loud_customers BEGIN INSERT INTO audit VALUES (new.id); END");
		assert_int_equal(bench_sheet(&s->b, counted[i].sql), 0);
		assert_true(s->b.sheet.inexact);
		assert_int_equal(bench_run(&s->b, counted[i].sql, counted[i].rows + 1, false), 0);
		assert_string_equal(s->b.r.code, "count");
		assert_int_equal(bench_run(&s->b, counted[i].sql, counted[i].rows, false), 0);
		if (s->b.r.end != DB_COMMITTED || strstr(s->b.held_effects, counted[i].effect) == NULL)
			fail_msg("%s: %s %s %s", counted[i].sql, s->b.r.code, buf_str(&s->b.r.text), s->b.held_effects);
		teardown(&own);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
		T(rows_that_moved_are_kept_when_holding_says_so),
		T(rows_that_moved_are_taken_back_when_holding_says_so),
		T(nobody_can_be_seen_waiting),
		T(a_file_that_is_replaced_while_held_is_not_written),
		T(a_cancel_while_held_breaks_nothing),
		T(the_limits_of_statements_are_no_limits_of_a_hold),
		T(the_sheet_says_where_counts_do_not_tell),
		cmocka_unit_test(a_bound_is_one_of_the_engines_count),
		T(all_parts_are_kept_and_their_effects_added_up),
		cmocka_unit_test(what_is_not_as_allowed_takes_everything_back),
	};

	return cmocka_run_group_tests_name("db sqlite hold", tests, NULL, NULL);
}
