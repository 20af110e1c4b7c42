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

#include "db_pg.h"

#define AS_SHOWN UINT64_MAX

static void
all_parts_are_kept_and_their_effects_added_up(void **state)
{
	static const struct bench_part parts[] = {
		{ "UPDATE orders SET total = total + 1 WHERE id = 10", AS_SHOWN, false },
		{ "UPDATE orders SET total = total + 1 WHERE id IN (10, 11)", AS_SHOWN, false },
		{ "DELETE FROM items WHERE order_id = 10", AS_SHOWN, false },
		{ "INSERT INTO customers VALUES (9, 'x')", 1, false },
		{ "UPDATE customers SET name = 'y' WHERE id = 9", 1, false },	/* made by the part before it */
		{ NULL, 0, false },
	};
	struct pg_shop *s = *state;

	s->b.hold = bench_keep;
	bench_set(&s->b, parts);
	assert_int_equal(s->b.set[4].matched, 0);
	assert_int_equal(bench_set_run(&s->b), 0);
	if (s->b.r.end != DB_COMMITTED)
		print_error("%s %s\n", s->b.r.code, buf_str(&s->b.r.text));
	assert_int_equal(s->b.r.end, DB_COMMITTED);
	assert_int_equal(s->b.r.rows, 7);
	assert_int_equal(s->b.held_affected, 7);
	assert_true(s->b.held_moved);
	assert_int_equal(s->b.nheld, 1);
	assert_int_equal(s->b.asked, 1);
	assert_false(s->b.set[1].moved);	/* the same rows, which the part before it changed */
	assert_int_equal(s->b.set[1].touched, 2);
	assert_true(s->b.set[4].moved);
	assert_string_equal(s->b.set[4].differs, "0 when it was shown, 1 (9) now");
	assert_string_equal(s->b.held_effects, "[{\"table\":\"audit\",\"inserted\":3,\"updated\":0,\"deleted\":0},"
	    "{\"table\":\"customers\",\"inserted\":1,\"updated\":1,\"deleted\":0},"
	    "{\"table\":\"items\",\"inserted\":0,\"updated\":0,\"deleted\":2},"
	    "{\"table\":\"orders\",\"inserted\":0,\"updated\":3,\"deleted\":0}]");
	assert_string_equal(pg_shop_sql("SELECT concat(sum(total), ' ', (SELECT name FROM customers WHERE id = 9)) FROM orders"), "25 y");
}

static void
sixteen_parts_are_one_change(void **state)
{
	struct pg_shop *s = *state;
	struct bench_part parts[17];

	for (int i = 0; i < 16; i++)
		parts[i] = (struct bench_part){ "UPDATE orders SET total = total + 1 WHERE id = 10", AS_SHOWN, false };
	parts[16] = (struct bench_part){ NULL, 0, false };
	bench_set(&s->b, parts);
	assert_int_equal(bench_set_run(&s->b), 0);
	assert_int_equal(s->b.r.end, DB_COMMITTED);
	assert_int_equal(s->b.r.rows, 16);
	assert_string_equal(pg_shop_sql("SELECT total FROM orders WHERE id = 10"), "21");
}

struct refusal {
	struct bench_part parts[5];
	const char *between;	/* by another connection between sheets and run */
	enum db_end end;
	const char *code;
	const char *word;	/* in the text; NULL: any */
	bool sent;		/* the first part was */
	const char *trigger;	/* what updating items sets off; NULL: nothing */
};

static const struct refusal refusals[] = {
	/* a later one fails, breaks its bound, or makes a key wrong that is looked at in the end */
	{ { { "INSERT INTO nokey VALUES (nextval('numbers'))", 1, false }, { "UPDATE orders SET state = 'bad' WHERE id = 10", 1, false } },
	  NULL, DB_FAILED, "23514", NULL, true, NULL },
	{ { { "INSERT INTO nokey VALUES (nextval('numbers'))", 1, false }, { "UPDATE orders SET total = 0 WHERE id < 12", 1, true } },
	  NULL, DB_ROLLEDBACK, "count", NULL, true, NULL },
	{ { { "INSERT INTO nokey VALUES (nextval('numbers'))", 1, false }, { "DELETE FROM orders WHERE id = 13", 1, false } },
	  NULL, DB_FAILED, "23503", NULL, true, NULL },
	/* rows that the one before it made match */
	{ { { "UPDATE orders SET state = concat('x', nextval('numbers')) WHERE id = 13", 1, false },
	    { "UPDATE orders SET total = 0 WHERE state LIKE 'x%'", AS_SHOWN, false } }, NULL, DB_ROLLEDBACK, "count", NULL, true, NULL },
	/* all are compared before the first one is sent */
	{ { { "INSERT INTO nokey VALUES (nextval('numbers'))", 1, false }, { "UPDATE items SET what = 'q'", AS_SHOWN, false } },
	  "DELETE FROM items WHERE order_id = 11", DB_ROLLEDBACK, "count", NULL, false, NULL },
	{ { { "INSERT INTO nokey VALUES (nextval('numbers'))", 1, false }, { "UPDATE items SET what = 'q'", 9, true } },
	  "DELETE FROM items WHERE order_id = 11", DB_ROLLEDBACK, "keys", NULL, false, NULL },
	{ { { "INSERT INTO nokey VALUES (nextval('numbers'))", 1, false }, { "UPDATE orders SET total = 0 WHERE id = 10", 1, false } },
	  "ALTER TABLE orders DISABLE TRIGGER orders_audit", DB_ROLLEDBACK, "bind", "orders_audit", false, NULL },
	{ { { "INSERT INTO nokey VALUES (nextval('numbers'))", 1, false },
	    { "DELETE FROM customers WHERE lower(name) = 'di'", AS_SHOWN, false } },
	  "CREATE FUNCTION public.lower(varchar) RETURNS text LANGUAGE sql AS 'select ''di''::text'", DB_ROLLEDBACK, "bind", "lower", false, NULL },
	/* one part makes another one mean something else */
	{ { { "CREATE TRIGGER late BEFORE UPDATE ON items FOR EACH ROW EXECUTE FUNCTION note_change()", 0, false },
	    { "UPDATE items SET what = 'q'", AS_SHOWN, false } }, NULL, DB_ROLLEDBACK, "bind", "late", false, NULL },
	{ { { "CREATE TEMP TABLE items (what text)", 0, false }, { "UPDATE items SET what = 'q'", 9, true } }, NULL,
	  DB_ROLLEDBACK, "bind", NULL, false, NULL },
	/* by a trigger that was there and does not say so */
	{ { { "UPDATE items SET what = 'q'", AS_SHOWN, false }, { "UPDATE customers SET name = 'x' WHERE id = 1", 1, false } },
	  NULL, DB_ROLLEDBACK, "bind", "setting work_mem", false, "PERFORM set_config(''work_mem'', ''5MB'', true)" },
	{ { { "UPDATE items SET what = 'q'", AS_SHOWN, false }, { "UPDATE customers SET name = 'x' WHERE id = 1", 1, false } },
	  NULL, DB_ROLLEDBACK, "bind", "setting role", false, "SET LOCAL ROLE other" },
	{ { { "UPDATE items SET what = 'q'", AS_SHOWN, false }, { "UPDATE customers SET name = 'x' WHERE id = 1", 1, false } },
	  NULL, DB_ROLLEDBACK, "bind", "setting search_path", false, "SET LOCAL search_path = pg_temp, public" },
	{ { { "UPDATE items SET what = 'q'", AS_SHOWN, false }, { "DELETE FROM customers WHERE lower(name) = 'di'", AS_SHOWN, false } },
	  NULL, DB_ROLLEDBACK, "bind", "lower", false, "CREATE OR REPLACE FUNCTION public.lower(varchar) RETURNS text LANGUAGE sql AS"
	  " $f$select ''di''::text$f$" },
	{ { { "UPDATE items SET what = 'q'", AS_SHOWN, false }, { "UPDATE orders SET total = 0 WHERE id = 10", AS_SHOWN, false } },
	  NULL, DB_ROLLEDBACK, "bind", "late", false, "IF NOT EXISTS (SELECT FROM pg_trigger WHERE tgname = ''late'') THEN"
	  " CREATE TRIGGER late BEFORE UPDATE ON orders FOR EACH ROW EXECUTE FUNCTION note_change(); END IF" },
};

static char *
rows_now(void)
{
	return strdup(pg_shop_sql("SELECT concat_ws(' ', (SELECT string_agg(xmin::text, ',' ORDER BY ctid) FROM customers),"
	    " (SELECT string_agg(xmin::text, ',' ORDER BY ctid) FROM items), (SELECT count(*) FROM audit),"
	    " (SELECT count(*) FROM nokey), (SELECT string_agg(xmin::text, ',' ORDER BY ctid) FROM orders))"));
}

static void
run_one(const struct refusal *t)
{
	char *before, *after;
	void *own = NULL;
	struct pg_shop *s;

	assert_int_equal(pg_shop_setup(&own), 0);
	s = own;
	s->b.hold = strcmp(t->code, "keys") == 0 ? NULL : bench_keep;
	pg_shop_sql("CREATE FUNCTION changed() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN new; END'; ALTER FUNCTION changed OWNER TO ben;"
	    "CREATE TRIGGER calls BEFORE UPDATE ON items FOR EACH ROW EXECUTE FUNCTION changed()");
	pg_shop_sql("DO $$ BEGIN CREATE ROLE other; GRANT other TO ben; EXCEPTION WHEN duplicate_object THEN NULL; END $$;"
	    "GRANT ALL ON ALL TABLES IN SCHEMA public TO other");
	if (t->trigger != NULL) {
		char sql[300];

		snprintf(sql, sizeof sql, "CREATE OR REPLACE FUNCTION changed() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN %s; RETURN new; END'",
		    t->trigger);
		pg_shop_sql(sql);
	}
	bench_set(&s->b, t->parts);
	if (t->between != NULL)
		pg_shop_sql(t->between);
	before = rows_now();
	assert_int_equal(bench_set_run(&s->b), 0);
	if (s->b.r.end != t->end || strcmp(s->b.r.code, t->code) != 0)
		print_error("%s / %s: %d %s %s\n", t->parts[0].sql, t->parts[1].sql, s->b.r.end, s->b.r.code, buf_str(&s->b.r.text));
	assert_int_equal(s->b.r.end, t->end);
	assert_string_equal(s->b.r.code, t->code);
	if (t->word != NULL && strstr(buf_str(&s->b.r.text), t->word) == NULL)
		fail_msg("no \"%s\" in: %s", t->word, buf_str(&s->b.r.text));
	assert_int_equal(s->b.nheld, 0);
	assert_int_equal(s->b.asked, 0);
	after = rows_now();
	assert_string_equal(before, after);
	assert_string_equal(pg_shop_sql("SELECT is_called FROM numbers"), t->sent ? "t" : "f");
	free(before);
	free(after);
	assert_string_equal(bench_rows(&s->b, "SELECT current_user"), "ben\n");
	pg_shop_teardown(&own);
}

static void
what_is_not_as_allowed_takes_everything_back(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof refusals / sizeof *refusals; i++)
		run_one(&refusals[i]);
}

/* What ends a transaction, or a part of it, would keep what others did. */
static void
what_is_no_change_of_its_own_is_no_part(void **state)
{
	static const char *const texts[] = { "COMMIT", "ROLLBACK", "SAVEPOINT a", "ROLLBACK TO SAVEPOINT a", "PREPARE TRANSACTION 'a'",
		"SET LOCAL row_security = off", "SET LOCAL ROLE other", "DO $$ BEGIN COMMIT; END $$", "SELECT 1", "LOCK TABLE items",
		"UPDATE orders SET total = 1; COMMIT", "VACUUM items", "" };
	struct pg_shop *s = *state;

	for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
		struct bench_part parts[] = { { "UPDATE items SET what = 'q'", AS_SHOWN, false }, { "UPDATE items SET what = 'r'", 3, false },
			{ NULL, 0, false } };

		bench_set(&s->b, parts);
		sql_classify((struct sql_facts *)(uintptr_t)s->b.set[1].facts, &s->b.info.sql, texts[i], strlen(texts[i]));
		s->b.set[1].statement = (struct db_statement){ DB_SQL, texts[i], strlen(texts[i]) };
		if (bench_set_run(&s->b) != ERR_WALL)
			fail_msg("not stopped: %s", texts[i]);
		assert_string_equal(pg_shop_sql("SELECT count(*) FROM items WHERE what = 'q'"), "0");
	}
}

/* Of a single statement it is told on the sheet; of several the one that cannot be cleared refuses them all. */
static void
a_part_that_cannot_be_cleared_refuses_all(void **state)
{
	static const struct bench_part parts[] = {
		{ "INSERT INTO nokey VALUES (nextval('numbers'))", 1, false },
		{ "DELETE FROM customers WHERE upper(name) = 'DI'", 1, true },
		{ NULL, 0, false },
	};
	struct pg_shop *s = *state;

	pg_shop_sql("CREATE FUNCTION public.upper(varchar) RETURNS text LANGUAGE sql AS 'select ''x''::text'");
	bench_set(&s->b, parts);
	assert_int_equal(bench_set_run(&s->b), 0);
	assert_int_equal(s->b.r.end, DB_ROLLEDBACK);
	assert_string_equal(s->b.r.code, "bind");
	assert_non_null(strstr(buf_str(&s->b.r.text), "upper"));
	assert_string_equal(pg_shop_sql("SELECT is_called FROM numbers"), "f");
}

/* A setting of one's own is in no list of the server: what it decides in a policy or trigger could not be compared. */
static void
a_part_may_not_set_what_a_later_one_reads(void **state)
{
	static const struct bench_part parts[] = {
		{ "UPDATE orders SET total = length(set_config('shop.who', 'mallory', true)) WHERE id = 10", 1, false },
		{ "UPDATE customers SET name = current_setting('shop.who', true) WHERE id = 1", 1, false },
		{ NULL, 0, false },
	};
	struct pg_shop *s = *state;

	bench_set(&s->b, parts);
	assert_int_equal(bench_set_run(&s->b), ERR_WALL);
	assert_non_null(strstr(s->b.e.text, "set_config"));
	assert_string_equal(pg_shop_sql("SELECT name FROM customers WHERE id = 1"), "Ada");
}

/* The key is broken by one part and mended by the next. */
static void
deferred_constraints_are_looked_at_in_the_end(void **state)
{
	static const struct bench_part parts[] = {
		{ "DELETE FROM orders WHERE id = 13", AS_SHOWN, false },
		{ "DELETE FROM notes WHERE order_id = 13", AS_SHOWN, false },
		{ NULL, 0, false },
	};
	struct pg_shop *s = *state;

	s->b.hold = bench_keep;
	bench_set(&s->b, parts);
	assert_int_equal(bench_set_run(&s->b), 0);
	assert_int_equal(s->b.r.end, DB_COMMITTED);
	assert_int_equal(s->b.nheld, 1);
}

static void
one_moved_part_moves_the_change(void **state)
{
	static const struct bench_part parts[] = {
		{ "UPDATE customers SET name = 'x' WHERE id = 1", AS_SHOWN, false },
		{ "UPDATE items SET what = 'q'", 9, true },
		{ NULL, 0, false },
	};
	struct pg_shop *s = *state;

	s->b.hold = bench_keep;
	bench_set(&s->b, parts);
	pg_shop_sql("DELETE FROM items WHERE order_id = 11");
	assert_int_equal(bench_set_run(&s->b), 0);
	assert_int_equal(s->b.r.end, DB_COMMITTED);
	assert_true(s->b.held_moved);
	assert_false(s->b.set[0].moved);
	assert_true(s->b.set[1].moved);
}

/* What the server has prepared of ours it may be told to forget, and nobody gets under its name. */
static void
names_of_prepared_statements_are_no_way_in(void **state)
{
	struct pg_shop *s = *state;

	s->b.blind = true;
	(void)bench_read(&s->b, "PREPARE \"pg.definitions 0\" AS SELECT 'work_mem', '1'");
	s->b.blind = false;
	assert_int_not_equal(bench_sheet(&s->b, "DELETE FROM items"), 0);
	s->b.blind = true;
	(void)bench_read(&s->b, "DEALLOCATE ALL");
	s->b.blind = false;
	assert_int_equal(bench_do(&s->b, "DELETE FROM items WHERE line = 1", 0), 0);
	assert_int_equal(s->b.r.end, DB_COMMITTED);
	s->b.blind = true;
	(void)bench_read(&s->b, "DEALLOCATE \"pg.settings 1\"");
	s->b.blind = false;
	assert_int_equal(bench_do(&s->b, "DELETE FROM items", 0), 0);
	assert_int_equal(s->b.r.end, DB_COMMITTED);
	pg_shop_sql("ALTER TABLE items ADD COLUMN z int; ALTER TABLE orders ADD COLUMN z int");
	assert_int_equal(bench_do(&s->b, "UPDATE orders SET z = 1 WHERE id = 10", 0), 0);
	assert_int_equal(s->b.r.end, DB_COMMITTED);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, pg_shop_setup, pg_shop_teardown)
		T(all_parts_are_kept_and_their_effects_added_up),
		T(sixteen_parts_are_one_change),
		cmocka_unit_test(what_is_not_as_allowed_takes_everything_back),
		T(what_is_no_change_of_its_own_is_no_part),
		T(a_part_that_cannot_be_cleared_refuses_all),
		T(a_part_may_not_set_what_a_later_one_reads),
		T(deferred_constraints_are_looked_at_in_the_end),
		T(one_moved_part_moves_the_change),
		T(names_of_prepared_statements_are_no_way_in),
	};

	return cmocka_run_group_tests_name("db pg set", tests, pg_shop_server, pg_shop_server_end);
}
