/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Questions about definitions on a real PostgreSQL. */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include <libpq-fe.h>

#include "db_pg.h"

static const char *
ask(struct pg_shop *s, enum db_subject what, const char *name)
{
	int ret = bench_describe(&s->b, what, name);

	if (ret != 0 || s->b.r.end == DB_FAILED)
		print_error("%s: %s%s\n", name, s->b.e.text, buf_str(&s->b.r.text));
	assert_int_equal(ret, 0);
	assert_int_equal(s->b.r.end, DB_DONE);
	return buf_str(&s->b.rows);
}

/* What is said when nothing is found. */
static const char *
refused(struct pg_shop *s, const char *name)
{
	assert_int_equal(bench_describe(&s->b, DB_SUBJECT_TABLE, name), 0);
	assert_int_equal(s->b.r.end, DB_FAILED);
	return buf_str(&s->b.r.text);
}

static void
has(const char *rows, const char *line)
{
	if (strstr(rows, line) == NULL)
		fail_msg("no \"%s\" in:\n%s", line, rows);
}

static void
a_table_is_told_with_everything_that_hangs_on_it(void **state)
{
	struct pg_shop *s = *state;
	const char *rows;

	pg_shop_sql("ALTER TABLE orders ADD COLUMN n bigint GENERATED ALWAYS AS IDENTITY,"
	    " ADD COLUMN twice int GENERATED ALWAYS AS (total * 2) STORED, ADD COLUMN at timestamptz DEFAULT now() NOT NULL;"
	    "CREATE INDEX orders_total ON orders (total DESC) WHERE state = 'open';"
	    "CREATE RULE quiet AS ON DELETE TO orders WHERE false DO INSTEAD NOTHING;"
	    "ALTER TABLE orders ENABLE ROW LEVEL SECURITY; ALTER TABLE orders FORCE ROW LEVEL SECURITY;"
	    "CREATE POLICY mine ON orders FOR SELECT TO ben USING (total > 0);"
	    "CREATE TRIGGER \"odd TRIGGER name\" BEFORE INSERT ON orders FOR EACH ROW EXECUTE FUNCTION note_change();"
	    "ALTER TABLE orders DISABLE TRIGGER \"odd TRIGGER name\"");
	rows = ask(s, DB_SUBJECT_TABLE, "orders");
	assert_string_equal(buf_str(&s->b.columns), "what text,name text,definition text,");
	has(rows, "table|public.orders|owner postgres, about 4 rows, ");
	has(rows, "column|id|integer not null\n");
	has(rows, "column|n|bigint not null generated always as identity\n");
	has(rows, "column|twice|integer generated always as ((total * 2)) stored\n");
	has(rows, "column|at|timestamp with time zone not null default now()\n");
	has(rows, "primary key|orders_pkey|PRIMARY KEY (id)\n");
	has(rows, "check|orders_state_check|CHECK (state <> 'bad'::text)\n");
	has(rows, "index|orders_total|btree (total DESC) WHERE (state = 'open'::text), 16 kB\n");
	has(rows, "foreign key|orders_customer|FOREIGN KEY (customer_id) REFERENCES customers(id) ON DELETE CASCADE\n");
	has(rows, "referenced by|items_order|TABLE items FOREIGN KEY (order_id) REFERENCES orders(id) ON DELETE CASCADE\n");
	has(rows, "trigger|orders_audit|AFTER UPDATE ON orders FOR EACH ROW EXECUTE FUNCTION note_change()\n");
	has(rows, "trigger|odd TRIGGER name|BEFORE INSERT ON orders FOR EACH ROW EXECUTE FUNCTION note_change(), disabled\n");
	has(rows, "rule|quiet|CREATE RULE quiet AS");
	has(rows, "row security||on, for the owner too\n");
	has(rows, "policy|mine|for select to ben using ((total > 0))\n");
	assert_string_equal(buf_str(&s->b.r.own),
	    "[\"pg.begin-read\",\"pg.find\",\"pg.table\",\"pg.partitions\",\"pg.rollback\"]");
}

static void
partitions_views_and_parents_are_told(void **state)
{
	struct pg_shop *s = *state;
	const char *rows;

	pg_shop_sql("CREATE TABLE events (at date NOT NULL, what text) PARTITION BY RANGE (at);"
	    "CREATE TABLE events_2026 PARTITION OF events FOR VALUES FROM ('2026-01-01') TO ('2027-01-01');"
	    "CREATE TABLE kid (extra int) INHERITS (audit)");
	rows = ask(s, DB_SUBJECT_TABLE, "events");
	has(rows, "partitioned table|public.events|");
	has(rows, "partition key||RANGE (at)\n");
	has(rows, "partition|events_2026|FOR VALUES FROM ('2026-01-01') TO ('2027-01-01')\n");
	has(ask(s, DB_SUBJECT_TABLE, "public.events_2026"), "partition of|events|FOR VALUES FROM");
	has(ask(s, DB_SUBJECT_TABLE, "audit"), "child table|kid|\n");
	has(ask(s, DB_SUBJECT_TABLE, "kid"), "inherits|audit|\n");
	has(ask(s, DB_SUBJECT_TABLE, "loud"), "query||");
	has(ask(s, DB_SUBJECT_TABLE, "numbers"), "sequence|public.numbers|");
	has(ask(s, DB_SUBJECT_TABLE, "orders_pkey"), "index|orders_pkey|unique btree (id), ");
}

static void
names_are_read_as_typed(void **state)
{
	struct pg_shop *s = *state;

	pg_shop_sql("CREATE SCHEMA other; CREATE SCHEMA third; CREATE TABLE other.far (a int); CREATE TABLE third.far (b int);"
	    "CREATE TABLE other.alone (a int); CREATE TABLE \"Odd.\"\"Name\" (a int)");
	has(ask(s, DB_SUBJECT_TABLE, "ORDERS"), "table|public.orders|");
	has(ask(s, DB_SUBJECT_TABLE, "\"orders\""), "table|public.orders|");
	has(ask(s, DB_SUBJECT_TABLE, "Public.Orders"), "table|public.orders|");
	has(ask(s, DB_SUBJECT_TABLE, "\"Odd.\"\"Name\""), "table|public.\"Odd.\"\"Name\"|");
	has(ask(s, DB_SUBJECT_TABLE, "other.far"), "column|a|integer\n");
	has(ask(s, DB_SUBJECT_TABLE, "alone"), "table|other.alone|");
	has(refused(s, "far"), "more than one far; say which: other.far, third.far");
	has(refused(s, "ordres"), "is it public.orders?");
	has(refused(s, "other.alnoe"), "is it other.alone?");
	has(refused(s, "zzzzzzzz"), "ask for the tables");
	has(refused(s, "\"ORDERS\""), "is it public.orders?");
	has(refused(s, ""), "not a name");
	has(refused(s, "a.b.c"), "not a name");
	has(refused(s, "\"open"), "not a name");
	has(refused(s, "orders'; DROP TABLE orders; --"), "there is no table");
	has(ask(s, DB_SUBJECT_TABLE, "orders"), "table|public.orders|");
}

static void
lists_are_of_what_users_made(void **state)
{
	struct pg_shop *s = *state;
	const char *rows;

	pg_shop_sql("CREATE FUNCTION add(a int, b int DEFAULT 2) RETURNS int LANGUAGE sql IMMUTABLE AS 'SELECT a + b';"
	    "CREATE PROCEDURE tidy() LANGUAGE sql SECURITY DEFINER AS 'SELECT 1';"
	    "CREATE AGGREGATE total(int) (SFUNC = int4pl, STYPE = int)");
	rows = ask(s, DB_SUBJECT_TABLES, "");
	assert_string_equal(buf_str(&s->b.columns), "name text,what text,rows bigint,size text,owner text,");
	has(rows, "public.orders|table|4|8192 bytes|postgres\n");
	has(rows, "public.customers|table|~|");
	has(rows, "public.loud|view|~|~|postgres\n");
	has(rows, "public.numbers|sequence|");
	assert_null(strstr(rows, "pg_catalog"));
	rows = ask(s, DB_SUBJECT_TABLES, "order");
	has(rows, "public.orders|");
	assert_null(strstr(rows, "customers"));
	rows = ask(s, DB_SUBJECT_FUNCTIONS, "");
	has(rows, "public.add|a integer, b integer DEFAULT 2|integer|immutable, sql\n");
	has(rows, "public.note_change||trigger|trigger, volatile, plpgsql\n");
	has(rows, "public.tidy|||procedure, volatile, sql, security definer\n");
	has(rows, "public.total|integer|integer|aggregate, immutable, internal\n");
	rows = ask(s, DB_SUBJECT_NAMES, "");
	has(rows, "table|orders|public\n");
	has(rows, "function|add|public\n");
	has(rows, "column|customer_id|public.orders\n");
	assert_true(strstr(rows, "column|") > strstr(rows, "table|orders"));
}

static void
an_answer_keeps_its_limits_and_its_wall(void **state)
{
	struct pg_shop *s = *state;

	s->b.max = (struct db_limits){ 3, 0 };
	assert_int_equal(bench_describe(&s->b, DB_SUBJECT_TABLE, "orders"), 0);
	assert_int_equal(s->b.r.end, DB_CUT);
	assert_int_equal(s->b.nrows, 3);
	assert_int_equal(s->b.r.rows, 3);
	s->b.max = (struct db_limits){ 0 };
	assert_string_equal(bench_rows(&s->b, "SELECT count(*) FROM customers"), "4\n");
}

static void
a_locked_table_makes_no_list_wait(void **state)
{
	struct pg_shop *s = *state;
	char where[300];
	PGconn *other;

	snprintf(where, sizeof where, "host=%s port=5432 dbname=shop user=%s", pg_server_socket(pg_shop_server_of()),
	    pg_server_user(pg_shop_server_of()));
	other = PQconnectdb(where);
	PQclear(PQexec(other, "BEGIN"));
	PQclear(PQexec(other, "LOCK TABLE orders; REINDEX INDEX customers_pkey"));
	assert_int_equal(PQtransactionStatus(other), PQTRANS_INTRANS);
	has(ask(s, DB_SUBJECT_TABLES, ""), "public.orders|table|4|8192 bytes|postgres\n");
	has(ask(s, DB_SUBJECT_NAMES, ""), "table|orders|public\n");
	PQfinish(other);
}

/* An operator of a user that fits better than a built-in one must not be asked. */
static void
nothing_of_a_users_runs(void **state)
{
	struct pg_shop *s = *state;

	pg_shop_sql("CREATE FUNCTION trap(name, text) RETURNS bool LANGUAGE plpgsql AS"
	    " $$BEGIN RAISE EXCEPTION 'trapped'; END$$;"
	    "CREATE FUNCTION trap(text, name) RETURNS bool LANGUAGE plpgsql AS $$BEGIN RAISE EXCEPTION 'trapped'; END$$;"
	    "CREATE FUNCTION trap(oid, int) RETURNS bool LANGUAGE plpgsql AS $$BEGIN RAISE EXCEPTION 'trapped'; END$$;"
	    "CREATE FUNCTION trap(int, bigint) RETURNS bool LANGUAGE plpgsql AS $$BEGIN RAISE EXCEPTION 'trapped'; END$$;"
	    "CREATE FUNCTION trap(\"char\", text) RETURNS bool LANGUAGE plpgsql AS $$BEGIN RAISE EXCEPTION 'trapped'; END$$;"
	    "CREATE FUNCTION trapped(text, name) RETURNS text LANGUAGE plpgsql AS $$BEGIN RAISE EXCEPTION 'trapped'; END$$;"
	    "CREATE FUNCTION trapped(name, text) RETURNS text LANGUAGE plpgsql AS $$BEGIN RAISE EXCEPTION 'trapped'; END$$;"
	    "CREATE OPERATOR = (FUNCTION = trap, LEFTARG = name, RIGHTARG = text);"
	    "CREATE OPERATOR = (FUNCTION = trap, LEFTARG = text, RIGHTARG = name);"
	    "CREATE OPERATOR >= (FUNCTION = trap, LEFTARG = oid, RIGHTARG = int);"
	    "CREATE OPERATOR > (FUNCTION = trap, LEFTARG = int, RIGHTARG = bigint);"
	    "CREATE OPERATOR = (FUNCTION = trap, LEFTARG = \"char\", RIGHTARG = text);"
	    "CREATE OPERATOR <> (FUNCTION = trap, LEFTARG = name, RIGHTARG = text);"
	    "CREATE OPERATOR || (FUNCTION = trapped, LEFTARG = text, RIGHTARG = name);"
	    "CREATE OPERATOR || (FUNCTION = trapped, LEFTARG = name, RIGHTARG = text);"
	    /* pg_attribute keeps the default of a column that came later, in the user's type */
	    "CREATE TYPE mood AS ENUM ('sad', 'glad'); ALTER TABLE orders ADD m mood DEFAULT 'sad';"
	    "CREATE FUNCTION trapped(mood) RETURNS json LANGUAGE plpgsql AS $$BEGIN RAISE EXCEPTION 'trapped'; END$$;"
	    "CREATE CAST (mood AS json) WITH FUNCTION trapped(mood)");
	for (int i = 0; i < DB_SUBJECTS; i++)
		(void)ask(s, (enum db_subject)i, "orders");
	has(refused(s, "ordres"), "is it public.orders?");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
#define ONE(test) cmocka_unit_test_setup_teardown(test, pg_shop_setup, pg_shop_teardown)
		ONE(a_table_is_told_with_everything_that_hangs_on_it),
		ONE(partitions_views_and_parents_are_told),
		ONE(names_are_read_as_typed),
		ONE(lists_are_of_what_users_made),
		ONE(an_answer_keeps_its_limits_and_its_wall),
		ONE(a_locked_table_makes_no_list_wait),
		ONE(nothing_of_a_users_runs),
#undef ONE
	};

	return cmocka_run_group_tests_name("db_describe", tests, pg_shop_server, pg_shop_server_end);
}
