/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Changes of definitions and TRUNCATE on a real PostgreSQL: sheet, binding, run. */
#include "config.h"

#include <libpq-fe.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "db_pg.h"

static void
own_tables(void)
{
	pg_shop_sql("ALTER TABLE items OWNER TO ben; ALTER TABLE orders OWNER TO ben; ALTER TABLE customers OWNER TO ben;"
	    "ALTER TABLE notes OWNER TO ben; ALTER VIEW loud OWNER TO ben; ALTER VIEW louder OWNER TO ben");
}

static void
does(struct pg_shop *s, const char *sql)
{
	s->b.wants_commit = true;
	if (bench_do(&s->b, sql, 0) != 0)
		fail_msg("%s: %s", sql, s->b.e.text);
	if (s->b.r.end != DB_COMMITTED)
		fail_msg("%s: %s: %s", sql, s->b.r.code, buf_str(&s->b.r.text));
	assert_int_equal(s->b.asked, 1);
}

static void
shows(struct pg_shop *s, const char *sql, const char *depends, const char *note)
{
	if (bench_sheet(&s->b, sql) != 0)
		fail_msg("%s: %s", sql, s->b.e.text);
	assert_string_equal(s->b.sheet.how, "definition");
	assert_string_equal(buf_len(&s->b.sheet.depends) > 0 ? buf_str(&s->b.sheet.depends) : "", depends);
	if (strstr(buf_str(&s->b.sheet.note), note) == NULL)
		fail_msg("%s: %s", sql, buf_str(&s->b.sheet.note));
	assert_true(s->b.sheet.count_known);
	assert_int_equal(s->b.sheet.count, 0);
}

static void
the_sheet_names_what_depends_on_the_object(void **state)
{
	struct pg_shop *s = *state;

	own_tables();
	shows(s, "DROP TABLE customers", "[\"constraint orders_customer on table orders\",\"view loud\",\"view louder\"]", "it is the table customers;");
	shows(s, "ALTER TABLE orders ADD COLUMN day date", "[\"constraint items_order on table items\","
	    "\"constraint notes_order_id_fkey on table notes\",\"trigger orders_audit on table orders\"]", "its size, with its indexes: ");
	shows(s, "DROP VIEW loud", "[\"view louder\"]", "it is the view loud;");
	shows(s, "CREATE TABLE things (id int)", "", "there is no object of that name");
	shows(s, "CREATE INDEX things_of ON items (line)", "", "it is the table items;");
	shows(s, "TRUNCATE items", "", "it is the table items;");
	assert_int_equal(bench_sheet(&s->b, "DROP TABLE items, notes"), ERR_STATEMENT);
	assert_int_equal(bench_sheet(&s->b, "ALTER TABLE items ADD COLUMN"), ERR_STATEMENT);
}

static void
definitions_are_changed_in_a_transaction(void **state)
{
	struct pg_shop *s = *state;

	own_tables();
	does(s, "CREATE TABLE things (id int PRIMARY KEY, name text)");
	does(s, "ALTER TABLE things ADD COLUMN day date NOT NULL DEFAULT '2026-01-01'");
	does(s, "CREATE INDEX things_day ON things (day)");
	does(s, "CREATE VIEW days AS SELECT day FROM things");
	does(s, "CREATE TABLE copy AS SELECT * FROM orders");
	does(s, "ALTER INDEX things_day RENAME TO things_by_day");
	does(s, "DROP INDEX things_by_day");
	does(s, "CREATE SEQUENCE ticks");
	does(s, "ALTER SEQUENCE ticks RESTART WITH 7");
	does(s, "DROP VIEW days");
	does(s, "TRUNCATE copy");
	assert_string_equal(pg_shop_sql("SELECT count(*) FROM copy"), "0");
	does(s, "DROP TABLE copy");
	assert_string_equal(pg_shop_sql("SELECT count(*) FROM pg_class WHERE relname IN ('copy', 'days', 'things_by_day')"), "0");
	assert_string_equal(pg_shop_sql("SELECT count(*) FROM pg_attribute WHERE attrelid = 'things'::regclass AND attname = 'day'"), "1");
	assert_true(s->b.point.xid[0] != '\0');
}

/* The session's default is to read only, before and after. */
static void
what_is_refused_or_not_on_record_leaves_nothing(void **state)
{
	struct pg_shop *s = *state;

	own_tables();
	s->b.wants_commit = false;
	assert_int_equal(bench_do(&s->b, "DROP TABLE items", 0), 0);
	assert_int_equal(s->b.r.end, DB_ROLLEDBACK);
	assert_string_equal(s->b.r.code, "refused");
	s->b.wants_commit = true;
	assert_int_equal(bench_do(&s->b, "DROP TABLE customers", 0), 0);	/* others depend on it */
	assert_int_equal(s->b.r.end, DB_FAILED);
	assert_string_equal(s->b.r.code, "2BP01");
	assert_string_equal(pg_shop_sql("SELECT count(*) FROM pg_class WHERE relname IN ('items', 'customers')"), "2");
}

static void
another_definition_than_the_shown_one_rolls_back(void **state)
{
	static const char *const meanwhile[] = { "ALTER TABLE items ADD COLUMN more text", "CREATE INDEX late ON items (line)",
		"CREATE VIEW newer AS SELECT line FROM items", "DROP TABLE items; CREATE TABLE items (line int); ALTER TABLE items OWNER TO ben" };
	struct pg_shop *s = *state;

	own_tables();
	for (size_t i = 0; i < sizeof meanwhile / sizeof meanwhile[0]; i++) {
		assert_int_equal(bench_sheet(&s->b, i == 3 ? "TRUNCATE items" : "DROP TABLE items CASCADE"), 0);
		if (i == 3)
			pg_shop_sql("DROP VIEW newer");
		pg_shop_sql(meanwhile[i]);
		s->b.wants_commit = true;
		assert_int_equal(bench_run(&s->b, i == 3 ? "TRUNCATE items" : "DROP TABLE items CASCADE", 0, false), 0);
		assert_int_equal(s->b.r.end, DB_ROLLEDBACK);
		assert_string_equal(s->b.r.code, "bind");
		assert_int_equal(s->b.asked, 0);
	}
	assert_string_equal(pg_shop_sql("SELECT count(*) FROM pg_class WHERE relname = 'items'"), "1");
}

static void
an_event_trigger_is_named_and_bound(void **state)
{
	struct pg_shop *s = *state;

	own_tables();
	pg_shop_sql("CREATE FUNCTION watch() RETURNS event_trigger LANGUAGE plpgsql AS 'BEGIN END';"
	    "CREATE EVENT TRIGGER watcher ON ddl_command_end EXECUTE FUNCTION watch()");
	shows(s, "ALTER TABLE items ADD COLUMN day date", "", "it is the table items;");
	assert_string_equal(buf_str(&s->b.sheet.triggers), "[\"watcher (event trigger at ddl_command_end)\"]");
	assert_true(s->b.sheet.dangers & SQL_DANGER_BIT(SQL_DANGER_TRIGGER));
	pg_shop_sql("CREATE OR REPLACE FUNCTION watch() RETURNS event_trigger LANGUAGE plpgsql AS 'BEGIN RAISE NOTICE ''x''; END'");
	s->b.wants_commit = true;
	assert_int_equal(bench_run(&s->b, "ALTER TABLE items ADD COLUMN day date", 0, false), 0);
	assert_string_equal(s->b.r.code, "bind");
	pg_shop_sql("DROP EVENT TRIGGER watcher");
}

static PGconn *
other_connection(void)
{
	static const char *const keys[] = { "host", "dbname", "user", NULL };
	const char *values[] = { pg_server_socket(pg_shop_server_of()), "shop", "ben", NULL };
	PGconn *c = PQconnectdbParams(keys, values, 0);

	assert_int_equal(PQstatus(c), CONNECTION_OK);
	return c;
}

static void
a_table_that_others_hold_is_a_conflict(void **state)
{
	struct pg_shop *s = *state;
	PGconn *other = other_connection();

	own_tables();
	PQclear(PQexec(other, "BEGIN; LOCK TABLE items IN ACCESS SHARE MODE"));
	assert_int_equal(bench_sheet(&s->b, "DROP TABLE items"), 0);
	s->b.wants_commit = true;
	assert_int_equal(bench_run(&s->b, "DROP TABLE items", 0, false), 0);
	assert_int_equal(s->b.r.end, DB_ROLLEDBACK);
	assert_string_equal(s->b.r.code, "conflict");
	PQfinish(other);
}

static unsigned
indexes(void)
{
	return (unsigned)strtoul(pg_shop_sql("SELECT count(*) FROM pg_index WHERE indrelid = 'items'::regclass"), NULL, 10);
}

/* Between the look and the commit nobody else changes the definition; rows are read meanwhile. */
static void
others_change_it(struct bench *b)
{
	PGconn *other = other_connection();
	PGresult *res;

	(void)b;
	PQclear(PQexec(other, "SET lock_timeout = '100ms'"));
	res = PQexec(other, "CREATE STATISTICS late ON order_id, line FROM items");
	assert_int_equal(PQresultStatus(res), PGRES_FATAL_ERROR);
	PQclear(res);
	PQfinish(other);
}

static void
a_definition_is_kept_from_the_look_on(void **state)
{
	struct pg_shop *s = *state;

	own_tables();
	s->b.meanwhile = others_change_it;
	does(s, "CREATE INDEX items_line ON items (line)");
	assert_non_null(strstr(buf_str(&s->b.r.own), "pg.lock"));
	s->b.meanwhile = NULL;
}

/* CREATE INDEX CONCURRENTLY: on record first; denied and failed are told as they are. */
static void
what_no_transaction_takes_runs_outside_of_one(void **state)
{
	static const char sql[] = "CREATE INDEX CONCURRENTLY items_line ON items (line)";
	struct pg_shop *s = *state;
	unsigned before;

	own_tables();
	before = indexes();
	s->b.wants_commit = true;
	assert_int_equal(bench_do(&s->b, sql, 0), 0);
	assert_string_equal(s->b.r.code, "wall");	/* not on the strict path */
	assert_int_equal(indexes(), before);
	s->b.at_once = true;
	s->b.wants_commit = false;
	assert_int_equal(bench_do(&s->b, sql, 0), 0);
	assert_int_equal(s->b.r.end, DB_ROLLEDBACK);
	assert_string_equal(s->b.r.code, "refused");
	assert_int_equal(indexes(), before);
	does(s, sql);
	assert_string_equal(s->b.point.xid, "");
	assert_int_equal(indexes(), before + 1);
	assert_string_equal(bench_rows(&s->b, "SELECT current_setting('default_transaction_read_only')"), "on\n");
	assert_int_equal(bench_do(&s->b, "DELETE FROM items WHERE line = 1", 0), 0);
	does(s, "DROP INDEX CONCURRENTLY items_line");
	pg_shop_sql("INSERT INTO items SELECT 10, 77 FROM generate_series(1, 1) ON CONFLICT DO NOTHING; ALTER TABLE items DROP CONSTRAINT"
	    " IF EXISTS items_pkey; INSERT INTO items SELECT 10, 77 FROM generate_series(1, 2)");
	s->b.wants_commit = true;
	assert_int_equal(bench_do(&s->b, "CREATE UNIQUE INDEX CONCURRENTLY items_once ON items (line)", 0), 0);
	assert_int_equal(s->b.r.end, DB_FAILED);
	assert_string_equal(s->b.r.code, "partial");
	if (strstr(buf_str(&s->b.r.text), "invalid indexes of the table now: items_once") == NULL)
		fail_msg("%s", buf_str(&s->b.r.text));
	assert_string_equal(bench_rows(&s->b, "SELECT current_setting('default_transaction_read_only')"), "on\n");
}

int
main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, pg_shop_setup, pg_shop_teardown)
	const struct CMUnitTest tests[] = {
		T(the_sheet_names_what_depends_on_the_object),
		T(definitions_are_changed_in_a_transaction),
		T(what_is_refused_or_not_on_record_leaves_nothing),
		T(another_definition_than_the_shown_one_rolls_back),
		T(an_event_trigger_is_named_and_bound),
		T(a_table_that_others_hold_is_a_conflict),
		T(a_definition_is_kept_from_the_look_on),
		T(what_no_transaction_takes_runs_outside_of_one),
	};

	return cmocka_run_group_tests(tests, pg_shop_server, pg_shop_server_end);
}
