/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "twokey/base/secret.h"

#include "db_pg.h"

static void
a_read_hands_on_columns_and_rows(void **state)
{
	struct pg_shop *s = *state;

	assert_string_equal(bench_rows(&s->b, "SELECT id, name, email FROM customers ORDER BY id LIMIT 2"),
	    "1|Ada|a@example.com\n2|Bob|~\n");
	assert_string_equal(buf_str(&s->b.columns), "id integer,name character varying,email text,");
	assert_string_equal(buf_str(&s->b.r.own), "[\"pg.begin-read\",\"pg.guard\",\"pg.rollback\"]");
	assert_int_equal(s->b.r.rows, 2);
}

static void
cells_of_every_kind_arrive_as_they_are(void **state)
{
	struct pg_shop *s = *state;

	assert_string_equal(bench_rows(&s->b, "SELECT '\\x00ff'::bytea, NULL, 1.5, 7, true, '' AS \"a\"\"b;--\""),
	    "x'00ff'|~|1.5|7|t|\n");
	assert_non_null(strstr(buf_str(&s->b.columns), "a\"b;--"));
	assert_int_equal(bench_read(&s->b, "SELECT FROM customers"), 0);
	assert_int_equal(s->b.r.end, DB_DONE);
	assert_int_equal(s->b.ncolumns, 0);
	assert_int_equal(s->b.nrows, 4);
	assert_int_equal(bench_read(&s->b, "SELECT repeat('x', 5000000)"), 0);
	assert_int_equal(buf_len(&s->b.rows), 5000001);
	assert_string_equal(bench_rows(&s->b, "VALUES (1), (2)"), "1\n2\n");
	assert_string_equal(bench_rows(&s->b, "SHOW server_encoding"), "UTF8\n");
	assert_int_equal(bench_read(&s->b, "EXPLAIN DELETE FROM customers"), 0);
	assert_int_equal(s->b.r.end, DB_DONE);
}

/* Everything that a leak could have changed. */
static char *
traces(void)
{
	return strdup(pg_shop_sql(
	    "SELECT concat_ws(' ', (SELECT string_agg(c::text, ';' ORDER BY id) FROM customers c),"
	    " (SELECT count(*) FROM audit), (SELECT string_agg(o::text, ';' ORDER BY id) FROM orders o),"
	    " (SELECT count(*) FROM pg_class), (SELECT count(*) FROM pg_proc), (SELECT count(*) FROM pg_largeobject_metadata),"
	    " (SELECT last_value || is_called::text FROM numbers),"
	    " (SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' OR (mode = 'AccessExclusiveLock' AND pid <> pg_backend_pid())),"
	    " (SELECT count(*) FROM pg_prepared_xacts), (SELECT string_agg(rolname, ',') FROM pg_roles WHERE rolsuper),"
	    " (SELECT relacl::text FROM pg_class WHERE relname = 'orders'))"));
}

/* What leaks out of PostgreSQL's READ ONLY, sent as if the classifier took it for a read: the connection alone must hold. */
static void
no_leak_of_the_wall_changes_anything(void **state)
{
	static const char *const leaks[] = {
		"INSERT INTO customers VALUES (9, 'x')", "UPDATE customers SET name = 'x'", "DELETE FROM customers",
		"TRUNCATE audit", "CREATE TABLE t (a int)", "CREATE TEMP TABLE t (a int)", "DROP TABLE audit",
		"GRANT SELECT ON orders TO public", "SELECT nextval('numbers')", "SELECT setval('numbers', 77)",
		"SELECT * FROM customers FOR UPDATE", "SELECT * FROM customers FOR SHARE", "COPY customers FROM STDIN",
		"COPY customers TO STDOUT", "COPY (SELECT 1) TO PROGRAM 'true'", "EXPLAIN ANALYZE DELETE FROM customers",
		"WITH x AS (DELETE FROM customers RETURNING *) SELECT * FROM x", "SELECT lo_create(0)", "SELECT lo_creat(-1)",
		"NOTIFY a", "LISTEN a", "SELECT pg_notify('a', 'b')",
		"LOCK TABLE customers", "LOCK TABLE customers IN SHARE MODE", "VACUUM", "ANALYZE customers", "REINDEX TABLE customers",
		"SELECT set_config('transaction_read_only', 'off', false)", "SET transaction_read_only = off",
		"SET default_transaction_read_only = off", "DISCARD ALL", "SET SESSION AUTHORIZATION DEFAULT", "RESET ALL",
		"BEGIN", "COMMIT", "ROLLBACK", "COMMIT AND CHAIN", "SET TRANSACTION READ WRITE", "SAVEPOINT a",
		"SET SESSION CHARACTERISTICS AS TRANSACTION READ WRITE", "PREPARE x AS DELETE FROM customers",
		"DEALLOCATE ALL", "DO $$ BEGIN COMMIT; INSERT INTO audit VALUES ('x'); END $$",
		"DO $$ BEGIN INSERT INTO audit VALUES ('x'); END $$", "SELECT 1; INSERT INTO audit VALUES ('x')",
		"SELECT 1; COMMIT; INSERT INTO audit VALUES ('x')", "CALL nothere()", "SELECT txid_current()",
		"SELECT note_change()", "SELECT query_to_xml('delete from customers', true, true, '')",
		"SELECT pg_read_file('/etc/passwd')", "SELECT pg_switch_wal()", "CHECKPOINT", "LOAD 'x'", "ALTER SYSTEM SET a = 1",
		"DECLARE a CURSOR WITH HOLD FOR SELECT 1", "FETCH 1 FROM a",
	};
	struct pg_shop *s = *state;
	char *before = traces(), *after;

	for (size_t i = 0; i < sizeof leaks / sizeof *leaks; i++) {
		int ret;

		s->b.blind = true;
		ret = bench_read(&s->b, leaks[i]);
		s->b.blind = false;
		if (ret == ERR_DATABASE) {	/* the session ended: begin another */
			bench_close(&s->b);
			bench_open(&s->b, &s->target);
		}
		after = traces();
		if (strcmp(before, after) != 0)
			print_error("not stopped: %s (%d): %s\n", leaks[i], ret, after);
		assert_string_equal(before, after);
		free(after);
		assert_string_equal(bench_rows(&s->b, "SELECT count(*) FROM customers"), "4\n");
		assert_string_equal(bench_rows(&s->b, "SHOW default_transaction_read_only"), "on\n");
	}
	free(before);
}

static void
what_is_no_read_is_not_even_sent(void **state)
{
	static const char *const texts[] = { "SELECT pg_advisory_lock(1)", "PREPARE TRANSACTION 'x'", "SELECT nothere()",
		"SELECT pg_try_advisory_lock(1)", "COMMIT", "DISCARD ALL", "SELECT pg_terminate_backend(1)" };
	struct pg_shop *s = *state;

	for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
		int ret = bench_read(&s->b, texts[i]);

		if (ret != ERR_WALL)
			print_error("sent: %s, %s\n", texts[i], sql_class_name(s->b.facts->class));
		assert_int_equal(ret, ERR_WALL);
		assert_int_equal(buf_len(&s->b.r.own), 0);
	}
}

static void
copy_is_stopped_with_what_to_type_instead(void **state)
{
	static const struct { const char *sql, *says; } tries[] = {
		{ "COPY customers TO STDOUT", "; type SELECT * FROM \"customers\"" },
		{ "/* a */ copy/*(*/ public.\"Od\"\"d\" (id) TO STDOUT CSV", "; type SELECT * FROM \"public\".\"Od\"\"d\"" },
		{ "COPY (SELECT id FROM customers) TO STDOUT", "; type the query that stands in its parentheses, " },
		{ "copy--\n(VALUES (1)) to stdout (format csv)", "; type the query that stands in its parentheses, " },
	};
	struct pg_shop *s = *state;

	for (size_t i = 0; i < sizeof tries / sizeof *tries; i++) {
		assert_int_equal(bench_read(&s->b, tries[i].sql), ERR_WALL);
		assert_int_equal(s->b.facts->class, SQL_CLASS_READ);
		assert_non_null(strstr(s->b.facts->why, "type the SELECT"));
		if (strstr(s->b.e.text, tries[i].says) == NULL)
			print_error("%s: %s\n", tries[i].sql, s->b.e.text);
		assert_non_null(strstr(s->b.e.text, tries[i].says));
		assert_int_equal(buf_len(&s->b.r.own), 0);
	}
	assert_int_equal(bench_sheet(&s->b, "COPY customers FROM STDIN"), ERR_WALL);
	assert_non_null(strstr(s->b.e.text, "INSERT"));
}

static void
a_statement_that_ends_the_transaction_ends_the_session(void **state)
{
	struct pg_shop *s = *state;

	assert_int_equal(bench_read(&s->b, "COMMIT"), ERR_WALL);
	s->b.blind = true;
	assert_int_equal(bench_read(&s->b, "COMMIT"), ERR_DATABASE);
	assert_int_equal(bench_read(&s->b, "SELECT 1"), ERR_DATABASE);
}

struct shadow {
	const char *make;	/* by a user who may create in public */
	const char *sql;
	int ret;
};

static const struct shadow shadows[] = {
	{ "CREATE FUNCTION public.upper(varchar) RETURNS text LANGUAGE sql AS 'select ''x''::text'",
	  "SELECT upper(name) FROM customers", ERR_WALL },
	{ "CREATE FUNCTION public.upper(varchar) RETURNS text LANGUAGE sql AS 'select ''x''::text'",
	  "SELECT lower(name) FROM customers WHERE id = 9", 0 },
	{ "CREATE FUNCTION public.upper(varchar) RETURNS text LANGUAGE sql AS 'select ''x''::text'",
	  "SELECT pg_catalog.upper(name) FROM customers WHERE id = 9", 0 },
	{ "CREATE FUNCTION public.same(varchar, int) RETURNS bool LANGUAGE sql AS 'select true';"
	  "CREATE OPERATOR public.= (LEFTARG = varchar, RIGHTARG = int, FUNCTION = public.same)",
	  "SELECT 1 FROM customers WHERE name = id", ERR_WALL },
	{ "CREATE OPERATOR public.<<< (LEFTARG = int, RIGHTARG = int, FUNCTION = pg_advisory_xact_lock)",
	  "SELECT 1 <<< 2", ERR_WALL },
	{ "CREATE AGGREGATE public.max(varchar) (SFUNC = textcat, STYPE = text)",
	  "SELECT max(name) FROM customers", ERR_WALL },
	{ "CREATE FUNCTION public.to_int(customers) RETURNS int LANGUAGE sql AS 'select 1';"
	  "CREATE CAST (customers AS int) WITH FUNCTION public.to_int(customers)",
	  "SELECT c::int FROM customers c", ERR_WALL },
	{ "CREATE FUNCTION public.to_int(customers) RETURNS int LANGUAGE sql AS 'select 1';"
	  "CREATE CAST (customers AS int) WITH FUNCTION public.to_int(customers) AS IMPLICIT",
	  "SELECT c + 1 FROM customers c", ERR_WALL },
	{ "CREATE FUNCTION public.leak(customers) RETURNS int LANGUAGE sql AS 'select 1'",
	  "SELECT c.leak FROM customers c", ERR_WALL },
	{ "CREATE FUNCTION public.leak(customers) RETURNS int LANGUAGE sql AS 'select 1'",
	  "SELECT c.U&\"le\\0061k\" FROM customers c", ERR_WALL },
	{ "CREATE FUNCTION public.leak(customers) RETURNS int LANGUAGE sql AS 'select 1'",
	  "SELECT c.name FROM customers c WHERE id = 9", 0 },
	{ "CREATE FUNCTION public.bad(text) RETURNS bool LANGUAGE sql AS 'select true';"
	  "CREATE DOMAIN public.d AS text CHECK (public.bad(value))", "SELECT 'x'::d", ERR_WALL },
	{ "CREATE FUNCTION public.bad(text) RETURNS bool LANGUAGE sql AS 'select true';"
	  "CREATE VIEW v AS SELECT * FROM customers WHERE public.bad(name)", "SELECT * FROM v", ERR_WALL },
	{ "CREATE FUNCTION public.upper(varchar) RETURNS text LANGUAGE sql AS 'select ''x''::text';"
	  "CREATE VIEW v AS SELECT upper(name) FROM customers; CREATE VIEW w AS SELECT * FROM v", "SELECT * FROM w", ERR_WALL },
	{ "CREATE VIEW v AS SELECT pg_try_advisory_lock(1)", "SELECT * FROM v", ERR_WALL },
	{ "CREATE VIEW v AS SELECT lo_create(0)", "SELECT * FROM v", ERR_WALL },
	{ "CREATE VIEW v AS SELECT id FROM customers WHERE id = 9", "SELECT * FROM v", 0 },
	{ "CREATE MATERIALIZED VIEW v AS SELECT id FROM customers WHERE id = 9", "SELECT * FROM v", 0 },
	{ "CREATE FUNCTION public.bad(text) RETURNS bool LANGUAGE sql AS 'select true';"
	  "ALTER TABLE customers ENABLE ROW LEVEL SECURITY; CREATE POLICY p ON customers USING (public.bad(name));"
	  , "SELECT * FROM customers", ERR_WALL },
	{ "ALTER TABLE customers ENABLE ROW LEVEL SECURITY; CREATE POLICY p ON customers USING (id > 9)",
	  "SELECT * FROM customers", 0 },
	{ "ALTER TABLE customers ENABLE ROW LEVEL SECURITY; CREATE POLICY p ON customers USING (pg_try_advisory_lock(id))",
	  "SELECT * FROM customers", ERR_WALL },
	{ "CREATE FOREIGN DATA WRAPPER none; CREATE SERVER none FOREIGN DATA WRAPPER none;"
	  "CREATE FOREIGN TABLE far (a int) SERVER none; GRANT SELECT ON far TO ben", "SELECT * FROM far", ERR_WALL },
	{ "CREATE FOREIGN DATA WRAPPER none; CREATE SERVER none FOREIGN DATA WRAPPER none;"
	  "CREATE TABLE parted (a int) PARTITION BY LIST (a);"
	  "CREATE FOREIGN TABLE far PARTITION OF parted DEFAULT SERVER none", "SELECT * FROM parted", ERR_WALL },
};

static void
what_shadows_or_hides_code_is_stopped_before_it_runs(void **state)
{
	struct pg_shop *s;

	(void)state;
	for (size_t i = 0; i < sizeof shadows / sizeof *shadows; i++) {
		void *own = NULL;
		int ret;

		assert_int_equal(pg_shop_setup(&own), 0);
		s = own;
		pg_shop_sql(shadows[i].make);
		pg_shop_sql("GRANT SELECT ON ALL TABLES IN SCHEMA public TO ben");
		s->b.blind = true;
		ret = bench_read(&s->b, shadows[i].sql);
		if (ret != shadows[i].ret || (ret == 0 && s->b.r.end != DB_DONE))
			print_error("%s / %s: %d %s %s\n", shadows[i].make, shadows[i].sql, ret, s->b.e.text,
			    buf_str(&s->b.r.text));
		assert_int_equal(ret, shadows[i].ret);
		assert_int_equal(s->b.nrows, 0);
		assert_int_not_equal(bench_read(&s->b, "SELECT 1"), ERR_DATABASE);
		pg_shop_teardown(&own);
	}
}

static void
a_harmless_view_is_cleared_once_and_again_when_it_changes(void **state)
{
	struct pg_shop *s = *state;

	assert_int_equal(bench_read(&s->b, "SELECT name FROM louder WHERE id = 1"), 0);
	assert_string_equal(buf_str(&s->b.rows), "ADA\n");
	assert_non_null(strstr(buf_str(&s->b.r.own), "pg.view"));
	assert_int_equal(bench_read(&s->b, "SELECT name FROM louder WHERE id = 1"), 0);
	assert_null(strstr(buf_str(&s->b.r.own), "pg.view"));
	pg_shop_sql("CREATE OR REPLACE VIEW loud AS SELECT id, upper(name) || lo_create(0) AS name FROM customers");
	assert_int_equal(bench_read(&s->b, "SELECT name FROM louder WHERE id = 1"), ERR_WALL);
	assert_non_null(strstr(s->b.e.text, "loud"));
	assert_string_equal(pg_shop_sql("SELECT count(*) FROM pg_largeobject_metadata"), "0");
	assert_int_equal(bench_read(&s->b, "SELECT count(*) FROM pg_stat_activity"), 0);
	assert_int_equal(s->b.r.end, DB_DONE);
	assert_int_equal(bench_read(&s->b, "SELECT count(*) FROM information_schema.tables"), 0);
	assert_int_equal(s->b.r.end, DB_DONE);
}

static void
an_error_tells_its_place_and_code(void **state)
{
	struct pg_shop *s = *state;

	assert_int_equal(bench_read(&s->b, "SELECT '\xc3\xa4', nothere FROM customers"), 0);
	assert_int_equal(s->b.r.end, DB_FAILED);
	assert_string_equal(s->b.r.code, "42703");
	assert_int_equal(s->b.r.position, 14);
	assert_non_null(strstr(buf_str(&s->b.r.text), "nothere"));
	assert_string_equal(bench_rows(&s->b, "SELECT 1"), "1\n");
	assert_int_equal(bench_read(&s->b, "SELECT 1/(id - 2) FROM customers ORDER BY id"), 0);
	assert_string_equal(s->b.r.code, "22012");
	assert_int_equal(bench_read(&s->b, "SELECT repeat('x', 1000000)::int"), 0);
	assert_string_equal(s->b.r.code, "22P02");
	assert_true(buf_len(&s->b.r.text) > 1000 && buf_len(&s->b.r.text) < 100000);
	s->b.blind = true;
	assert_int_equal(bench_read(&s->b, "SELEC 1"), 0);
	assert_string_equal(s->b.r.code, "42601");
}

static void
a_result_is_cut_at_each_limit(void **state)
{
	struct pg_shop *s = *state;

	s->b.max.rows = 10;
	assert_int_equal(bench_read(&s->b, "SELECT * FROM generate_series(1, 10000000)"), 0);
	assert_int_equal(s->b.r.end, DB_CUT);
	assert_int_equal(s->b.nrows, 10);
	assert_int_equal(s->b.r.rows, 10);
	assert_int_equal(bench_read(&s->b, "SELECT * FROM generate_series(1, 10)"), 0);
	assert_int_equal(s->b.r.end, DB_DONE);
	s->b.max.rows = 0;
	s->b.max.bytes = 20;
	assert_int_equal(bench_read(&s->b, "SELECT * FROM generate_series(1, 10000000)"), 0);
	assert_int_equal(s->b.r.end, DB_CUT);
	s->b.max.bytes = 0;
	s->b.stop_after = 3;
	for (int i = 0; i < 20; i++) {
		assert_int_equal(bench_read(&s->b, "SELECT * FROM generate_series(1, 100000)"), 0);
		assert_int_equal(s->b.r.end, DB_CUT);
		assert_int_equal(s->b.nrows, 3);
	}
}

static void
a_cancel_stops_what_runs_and_nothing_later(void **state)
{
	struct pg_shop *s = *state;
	struct canceller *k;

	s->b.d->cancel(s->b.c);
	assert_string_equal(bench_rows(&s->b, "SELECT 1"), "1\n");
	for (int i = 0; i < 5; i++) {
		k = canceller_start(&s->b);
		assert_int_equal(bench_read(&s->b, "SELECT count(*) FROM generate_series(1, 1000000000000)"), 0);
		canceller_stop(k);
		assert_int_equal(s->b.r.end, DB_FAILED);
		assert_string_equal(s->b.r.code, "57014");
		assert_string_equal(bench_rows(&s->b, "SELECT 1"), "1\n");
	}
}

static void
a_statement_ends_at_its_time_limit(void **state)
{
	struct pg_shop *s = *state;

	bench_close(&s->b);
	s->target.statement_timeout_ms = 500;
	bench_open(&s->b, &s->target);
	assert_int_equal(bench_read(&s->b, "SELECT count(*) FROM generate_series(1, 1000000000000)"), 0);
	assert_string_equal(s->b.r.code, "57014");
	assert_string_equal(bench_rows(&s->b, "SELECT 1"), "1\n");
}

static void
a_lost_connection_ends_the_session(void **state)
{
	struct pg_shop *s = *state;

	pg_shop_sql("SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE usename = 'ben'");
	assert_int_equal(bench_read(&s->b, "SELECT 1"), ERR_DATABASE);
	assert_int_equal(bench_read(&s->b, "SELECT 1"), ERR_DATABASE);
	assert_int_equal(bench_sheet(&s->b, "DELETE FROM orders"), ERR_DATABASE);
	assert_int_equal(bench_run(&s->b, "DELETE FROM orders", 1, true), ERR_DATABASE);
}

static void
what_was_found_at_connect_is_told(void **state)
{
	struct pg_shop *s = *state;

	assert_int_equal(strncmp(s->b.info.version, "PostgreSQL 1", 12), 0);
	assert_string_equal(s->b.info.database, "shop");
	assert_string_equal(s->b.info.role, "ben");
	assert_int_equal(strncmp(s->b.info.identity, "system ", 7), 0);
	assert_true(s->b.info.caps & CAP_BIT(CAP_READ_WALL));
	assert_string_equal(pg_shop_sql("SELECT application_name FROM pg_stat_activity WHERE usename = 'ben'"), "twokey s1");
	assert_string_equal(bench_rows(&s->b, "SELECT current_setting('statement_timeout')"), "30s\n");
	assert_int_equal(strncmp(pg_shop_sql("SHOW server_version"), s->b.info.release, strlen(s->b.info.release)), 0);
	assert_null(strchr(s->b.info.release, '.'));
	assert_int_equal(s->b.info.standing, DB_PRIMARY);
	assert_int_equal(s->b.info.lag_ms, -1);
	assert_string_equal(s->b.info.source, "");
	assert_false(s->b.info.encrypted);
}

static void
the_servers_people_see_ticket_and_session(void **state)
{
	static const char asked[] = "SELECT application_name FROM pg_stat_activity WHERE usename = 'ben'";
	struct pg_shop *s = *state;
	struct db_target t = s->target;

	bench_close(&s->b);
	t.ticket = "MFX-1234";
	bench_open(&s->b, &t);
	assert_string_equal(pg_shop_sql(asked), "twokey MFX-1234 s1");
	bench_close(&s->b);
	t.tag = "s-20260608-140312-0123456789abcdef";
	t.ticket = "A-TICKET-WITH-A-NAME-THAT-IS-TOO-LONG'; DROP";
	bench_open(&s->b, &t);
	assert_string_equal(pg_shop_sql(asked), "twokey A-TICKET-WITH-A-NAME- s-20260608-140312-0123456789abcdef");
}

static void
a_target_that_would_be_unsafe_is_refused(void **state)
{
	struct pg_shop *s = *state;
	struct db_target t = s->target;
	struct db_info info;
	struct err e;

	t.tls = DB_TLS_REQUIRE;
	assert_null(s->b.d->open(&t, &info, &e));
	assert_int_equal(e.code, ERR_CONFIG);
	assert_non_null(strstr(e.text, "Unix socket"));
	t.tls = DB_TLS_VERIFY_FULL;
	t.socket = NULL;
	t.host = "db.example.com";
	assert_null(s->b.d->open(&t, &info, &e));
	assert_non_null(strstr(e.text, "authority"));
	t = s->target;
	pg_shop_sql("CREATE FUNCTION note() RETURNS bool LANGUAGE sql AS 'INSERT INTO public.audit VALUES (''ran''); SELECT true';"
	    "CREATE FUNCTION note(text, text) RETURNS bool LANGUAGE sql AS 'SELECT public.note()';"
	    "CREATE FUNCTION note(oid, oid) RETURNS bool LANGUAGE sql AS 'SELECT public.note()';"
	    "CREATE OPERATOR public.= (LEFTARG = text, RIGHTARG = text, FUNCTION = note);"
	    "CREATE OPERATOR public.~~ (LEFTARG = text, RIGHTARG = text, FUNCTION = note);"
	    "CREATE OPERATOR public.= (LEFTARG = oid, RIGHTARG = oid, FUNCTION = note)");
	pg_shop_sql("ALTER ROLE ben IN DATABASE shop SET search_path = public, pg_catalog");
	assert_null(s->b.d->open(&t, &info, &e));
	pg_shop_sql("ALTER ROLE ben IN DATABASE shop RESET search_path");
	assert_non_null(strstr(e.text, "search_path"));
	assert_string_equal(pg_shop_sql("SELECT count(*) FROM audit"), "0");	/* nor did anything of it run at connect */
}

static void
no_environment_and_no_secret_shows(void **state)
{
	static const char word[] = "hunter-word-4711";
	struct pg_shop *s = *state;
	struct db_target t = s->target;
	struct secret *password = secret_create(word, strlen(word));
	struct db_info info;
	struct err e;

	setenv("PGOPTIONS", "-c statement_timeout=7", 1);
	setenv("PGHOST", "/nowhere", 1);
	setenv("PGSERVICE", "nosuch", 1);
	bench_close(&s->b);
	bench_open(&s->b, &s->target);
	assert_string_equal(bench_rows(&s->b, "SELECT current_setting('statement_timeout')"), "30s\n");
	t.password = password;
	t.user = "nobody-there";
	assert_null(s->b.d->open(&t, &info, &e));
	assert_int_equal(e.code, ERR_UNREACHABLE);
	assert_null(strstr(e.text, word));
	t.user = word;	/* the server will quote it */
	assert_null(s->b.d->open(&t, &info, &e));
	assert_null(strstr(e.text, word));
	t.database = "host=/nowhere password=hunter-word-4711";	/* not to be read as a connection string */
	t.user = "ben";
	assert_null(s->b.d->open(&t, &info, &e));
	assert_null(strstr(e.text, word));
	assert_null(strstr(e.text, "socket \"/nowhere"));
	secret_free(password);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, pg_shop_setup, pg_shop_teardown)
		T(a_read_hands_on_columns_and_rows),
		T(cells_of_every_kind_arrive_as_they_are),
		T(no_leak_of_the_wall_changes_anything),
		T(what_is_no_read_is_not_even_sent),
		T(copy_is_stopped_with_what_to_type_instead),
		T(a_statement_that_ends_the_transaction_ends_the_session),
		cmocka_unit_test(what_shadows_or_hides_code_is_stopped_before_it_runs),
		T(a_harmless_view_is_cleared_once_and_again_when_it_changes),
		T(an_error_tells_its_place_and_code),
		T(a_result_is_cut_at_each_limit),
		T(a_cancel_stops_what_runs_and_nothing_later),
		T(a_statement_ends_at_its_time_limit),
		T(a_lost_connection_ends_the_session),
		T(what_was_found_at_connect_is_told),
		T(the_servers_people_see_ticket_and_session),
		T(a_target_that_would_be_unsafe_is_refused),
		T(no_environment_and_no_secret_shows),
	};

	return cmocka_run_group_tests_name("db pg read", tests, pg_shop_server, pg_shop_server_end);
}
