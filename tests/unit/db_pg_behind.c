/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The author of the schema as an attacker: what code behind a change may do to the connection, to what is told of the change,
 * and to the next one. */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "db_pg.h"

/* What happens when a statement changes a table. */
static void
trigger(const char *when, const char *table, const char *each, const char *does)
{
	char sql[2048];
	int n = snprintf(sql, sizeof sql, "CREATE OR REPLACE FUNCTION on_%s() RETURNS trigger LANGUAGE plpgsql AS $t$BEGIN %s; RETURN NULL;"
	    " END$t$; CREATE TRIGGER set_off AFTER %s ON %s FOR EACH %s EXECUTE FUNCTION on_%s()", table, does, when, table, each, table);

	assert_true(n > 0 && (size_t)n < sizeof sql);
	pg_shop_sql(sql);
}

/* Statements under the names of ours would tell of no effects, of no triggers, and clear every read. */
static void
no_statement_takes_the_place_of_ours(void **state)
{
	struct pg_shop *s = *state;

	trigger("UPDATE", "items", "STATEMENT", "EXECUTE 'DEALLOCATE ALL';"
	    "EXECUTE 'PREPARE \"pg.touched 0\" AS SELECT 1, 2, 3, 4, 5 WHERE false';"
	    "EXECUTE 'PREPARE \"pg.sets-off 0\" (oid, int, name[]) AS SELECT 1, 2 WHERE $1 IS NULL';"
	    "EXECUTE 'PREPARE twokey_guard (text[], text[], name[], name[], bool, text[], text, text[], text[], bool) AS SELECT 1'");
	pg_shop_sql("CREATE FUNCTION leak() RETURNS int LANGUAGE sql AS 'SELECT 1 FROM pg_advisory_lock(77)'");
	s->b.hold = bench_keep;
	assert_int_equal(bench_do(&s->b, "UPDATE items SET what = 'q'", 0), 0);
	assert_int_equal(s->b.r.end, DB_FAILED);
	assert_string_equal(s->b.r.code, "wall");
	assert_non_null(strstr(buf_str(&s->b.r.text), "prepares statements"));
	assert_int_equal(s->b.nheld, 0);
	assert_int_equal(bench_sheet(&s->b, "UPDATE orders SET total = 1 WHERE id = 10"), 0);
	assert_string_equal(buf_str(&s->b.sheet.triggers), "[\"orders_audit\"]");
	s->b.blind = s->b.nameless = true;
	assert_int_equal(bench_read(&s->b, "SELECT leak()"), 0);
	s->b.nameless = false;
	assert_int_equal(bench_read(&s->b, "SELECT leak()"), ERR_WALL);
	s->b.blind = false;
	assert_int_equal(bench_do(&s->b, "UPDATE orders SET total = 1 WHERE id = 10", 0), 0);
	assert_int_equal(s->b.r.end, DB_COMMITTED);
	assert_non_null(strstr(s->b.held_effects, "\"orders\""));
}

/* An operator of others behind a search_path of others counts no rows. */
static void
no_operator_takes_the_place_of_ours(void **state)
{
	struct pg_shop *s = *state;

	pg_shop_sql("CREATE SCHEMA other; GRANT ALL ON SCHEMA other TO ben;"
	    "CREATE FUNCTION other.never(bigint, bigint) RETURNS bool IMMUTABLE LANGUAGE sql AS 'SELECT false';"
	    "CREATE OPERATOR other.<> (LEFTARG = bigint, RIGHTARG = bigint, FUNCTION = other.never)");
	trigger("UPDATE", "items", "STATEMENT", "DELETE FROM nokey; PERFORM set_config('search_path', 'other, pg_catalog', true)");
	s->b.hold = bench_take_back;
	assert_int_equal(bench_do(&s->b, "UPDATE items SET what = 'q'", 0), 0);
	assert_string_equal(s->b.held_effects, "[{\"table\":\"items\",\"inserted\":0,\"updated\":3,\"deleted\":0},"
	    "{\"table\":\"nokey\",\"inserted\":0,\"updated\":0,\"deleted\":2}]");
}

static void
the_connection_is_what_it_was(void **state)
{
	struct pg_shop *s = *state;

	pg_shop_sql("DO $$ BEGIN CREATE ROLE other; EXCEPTION WHEN duplicate_object THEN NULL; END $$; GRANT other TO ben");
	trigger("UPDATE", "items", "STATEMENT", "PERFORM set_config('client_encoding', 'SJIS', false),"
	    " set_config('standard_conforming_strings', 'off', false), set_config('search_path', 'pg_temp, pg_catalog', false),"
	    " set_config('default_transaction_read_only', 'off', false), set_config('statement_timeout', '0', false),"
	    " set_config('shop.who', 'mallory', false), set_config('role', 'other', false), pg_advisory_lock(77); LISTEN news;"
	    " EXECUTE 'DECLARE c CURSOR WITH HOLD FOR SELECT 1'");
	for (int kept = 0; kept < 2; kept++) {
		s->b.hold = kept == 1 ? bench_keep : bench_take_back;
		assert_int_equal(bench_do(&s->b, "UPDATE items SET what = 'q'", 0), 0);
		assert_int_equal(s->b.r.end, kept == 1 ? DB_COMMITTED : DB_ROLLEDBACK);
		assert_string_equal(pg_shop_sql("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'"), "0");
		assert_string_equal(bench_rows(&s->b, "SELECT current_user, current_setting('client_encoding'),"
		    " current_setting('standard_conforming_strings'), current_setting('search_path'), current_setting('shop.who'),"
		    " current_setting('default_transaction_read_only'), current_setting('statement_timeout'), (SELECT count(*) FROM pg_cursors WHERE name <> '')"),
		    "ben|UTF8|on|\"$user\", public||on|30s|0\n");
	}
}

/* TRUNCATE begins the counts of a table anew: so what is put off again and again could hide behind the same counts. */
static void
nothing_is_put_off_behind_the_counts(void **state)
{
	struct pg_shop *s = *state;

	pg_shop_sql("CREATE TABLE late (n int); CREATE TABLE again (n int); GRANT ALL ON late, again TO ben; ALTER TABLE late OWNER TO ben;"
	    "CREATE FUNCTION on_late() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN SET CONSTRAINTS ALL DEFERRED;"
	    " IF new.n = 0 THEN INSERT INTO again VALUES (1); ELSE DELETE FROM nokey; END IF; RETURN NULL; END$$;"
	    "CREATE FUNCTION on_again() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN SET CONSTRAINTS ALL DEFERRED;"
	    " TRUNCATE late; INSERT INTO late VALUES (1); RETURN NULL; END$$;"
	    "CREATE CONSTRAINT TRIGGER a AFTER INSERT ON late DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION on_late();"
	    "CREATE CONSTRAINT TRIGGER b AFTER INSERT ON again DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION on_again()");
	trigger("UPDATE", "items", "STATEMENT", "INSERT INTO late VALUES (0)");
	s->b.hold = bench_keep;
	assert_int_equal(bench_do(&s->b, "UPDATE items SET what = 'q'", 0), 0);
	assert_string_equal(s->b.r.code, "wall");
	assert_int_equal(s->b.nheld, 0);
	assert_string_equal(pg_shop_sql("SELECT count(*) FROM nokey"), "2");
}

static void
what_no_count_tells_is_named(void **state)
{
	struct pg_shop *s = *state;

	pg_shop_sql("CREATE TABLE victim (n int); INSERT INTO victim VALUES (1); ALTER TABLE victim OWNER TO ben");
	trigger("UPDATE", "items", "STATEMENT", "TRUNCATE victim; GRANT SELECT ON victim TO PUBLIC");
	s->b.hold = bench_keep;
	assert_int_equal(bench_do(&s->b, "UPDATE items SET what = 'q'", 0), 0);
	assert_int_equal(s->b.r.end, DB_COMMITTED);
	assert_non_null(strstr(s->b.held_effects, "\"(definitions)\",\"inserted\":0,\"updated\":2"));
	assert_non_null(strstr(s->b.r.unseen, "no count of rows tells: victim"));
	/* a change of definitions is what it says */
	assert_int_equal(bench_do(&s->b, "ALTER TABLE victim ADD COLUMN z int", 0), 0);
	assert_int_equal(s->b.r.end, DB_COMMITTED);
	assert_string_equal(buf_str(&s->b.r.effects), "[]");
	assert_string_equal(s->b.r.unseen, "");
}

/* Code that no trigger names: it is told, and bound like one. */
static const struct {
	const char *made;	/* the function f deletes other rows */
	const char *sql;
	const char *told;	/* among the triggers, or the rules */
} told[] = {
	{ "CREATE TABLE t (id int PRIMARY KEY, n int DEFAULT f(1))", "INSERT INTO t VALUES (2)", "f(), called by a check, default or index" },
	{ "CREATE TABLE t (id int PRIMARY KEY, n int CHECK (f(n) > 0))", "UPDATE t SET n = 2 WHERE id = 1", "f(), called by" },
	{ "CREATE OPERATOR === (LEFTARG = int, RIGHTARG = int, FUNCTION = same); CREATE TABLE t (id int PRIMARY KEY, n int CHECK (n === 2))",
	  "UPDATE t SET n = 2 WHERE id = 1", "same(), called by" },
	{ "CREATE DOMAIN d AS int CHECK (f(value) > 0); CREATE TABLE t (id int PRIMARY KEY, n d)", "UPDATE t SET n = 2 WHERE id = 1", "f(), called by" },
	{ "CREATE TABLE t (id int, n int, PRIMARY KEY (id, n)) PARTITION BY LIST (n); CREATE TABLE t0 PARTITION OF t DEFAULT;"
	  "CREATE TABLE t2 PARTITION OF t FOR VALUES IN (2); CREATE TRIGGER moved_here AFTER INSERT ON t2 FOR EACH ROW EXECUTE FUNCTION g()",
	  "UPDATE t SET n = 2 WHERE id = 1", "moved_here on t2" },
	{ "CREATE TABLE t (id int PRIMARY KEY, n int); CREATE TABLE child (id int REFERENCES t ON DELETE CASCADE);"
	  "CREATE RULE besides AS ON DELETE TO child DO ALSO DELETE FROM items", "DELETE FROM t WHERE id = 1", "besides on child" },
	{ "CREATE TABLE t (id int PRIMARY KEY, n int)", "CREATE INDEX i ON t (f(n))", "f(), a function whose name is in it" },
	{ "CREATE TABLE t (id int PRIMARY KEY, n int)", "ALTER TABLE t ALTER COLUMN n TYPE int USING \"f\"(n)", "f(), a function" },
	{ "CREATE TABLE t (id int PRIMARY KEY, n int CHECK (f(n) > 0))", "ALTER TABLE t ALTER COLUMN n TYPE bigint", "f(), called by" },
};

static void
code_that_runs_is_on_the_sheet(void **state)
{
	struct pg_shop *s = *state;

	pg_shop_sql("CREATE FUNCTION f(int) RETURNS int LANGUAGE plpgsql AS $$BEGIN DELETE FROM items; RETURN 1; END$$;"
	    "CREATE FUNCTION g() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN DELETE FROM items; RETURN NULL; END$$;"
	    "CREATE FUNCTION same(int, int) RETURNS bool LANGUAGE sql AS 'SELECT f($1) = 1'");
	for (size_t i = 0; i < sizeof told / sizeof *told; i++) {
		pg_shop_sql(told[i].made);
		pg_shop_sql("INSERT INTO t VALUES (1, 1); ALTER TABLE t OWNER TO ben; GRANT ALL ON ALL TABLES IN SCHEMA public TO ben");
		if (bench_sheet(&s->b, told[i].sql) != 0)
			fail_msg("%s: %s", told[i].sql, s->b.e.text);
		if (strstr(buf_str(&s->b.sheet.triggers), told[i].told) == NULL && strstr(buf_str(&s->b.sheet.rules), told[i].told) == NULL)
			fail_msg("%s: not told: %s %s", told[i].made, buf_str(&s->b.sheet.triggers), buf_str(&s->b.sheet.rules));
		pg_shop_sql("DELETE FROM items; CREATE OR REPLACE FUNCTION f(int) RETURNS int LANGUAGE plpgsql AS"
		    " $$BEGIN DELETE FROM nokey; RETURN 1; END$$");
		assert_int_equal(bench_run(&s->b, told[i].sql, 1, false), 0);
		assert_string_equal(s->b.r.code, "bind");
		pg_shop_sql("DROP TABLE IF EXISTS child; DROP TABLE t");
	}
}

/* The rows are found by a SELECT and changed by another statement: what knows the one from the other could show this row and
 * change that one. */
static void
what_may_answer_otherwise_is_not_counted(void **state)
{
	static const char *const from[] = { "pick", "deep", "(SELECT 10 AS id FROM pg_locks WHERE mode = 'RowExclusiveLock' LIMIT 1)",
		"(SELECT 10 AS id FROM pg_cursors WHERE statement LIKE 'DELETE%')", "drawn", "(SELECT 10 AS id WHERE statement_timestamp() > now())",
		"(SELECT 10 AS id WHERE pg_current_xact_id_if_assigned() IS NULL)", "guarded" };
	struct pg_shop *s = *state;
	char sql[300];

	pg_shop_sql("CREATE VIEW pick AS SELECT CASE WHEN current_query() LIKE 'DELETE%' THEN 11 ELSE 10 END AS id; CREATE VIEW deep AS"
	    " SELECT id FROM pick; CREATE VIEW drawn AS SELECT id FROM orders TABLESAMPLE BERNOULLI (50); CREATE VIEW plain AS SELECT id FROM"
	    " orders; CREATE TABLE guarded (id int PRIMARY KEY); INSERT INTO guarded VALUES (10), (11); ALTER TABLE guarded ENABLE ROW LEVEL"
	    " SECURITY; CREATE POLICY p ON guarded USING (id = CASE WHEN current_query() LIKE 'DELETE%' THEN 11 ELSE 10 END);"
	    "GRANT SELECT, DELETE ON pick, deep, drawn, plain, guarded TO ben");
	for (size_t i = 0; i < sizeof from / sizeof *from; i++) {
		snprintf(sql, sizeof sql, "DELETE FROM items WHERE line = 1 AND order_id IN (SELECT id FROM %s AS x)", from[i]);
		if (bench_sheet(&s->b, sql) != 0)
			fail_msg("%s: %s", sql, s->b.e.text);
		if (s->b.sheet.count_known || strstr(buf_str(&s->b.sheet.note), "it is not known how many rows it touches") == NULL)
			fail_msg("%s: %s", sql, buf_str(&s->b.sheet.note));
	}
	assert_int_equal(bench_sheet(&s->b, "DELETE FROM guarded WHERE id > 1"), 0);
	assert_false(s->b.sheet.count_known);
	assert_int_equal(bench_sheet(&s->b, "DELETE FROM items WHERE line = 1 AND order_id IN (SELECT id FROM plain)"), 0);
	assert_true(s->b.sheet.count_known);
	assert_int_equal(s->b.sheet.count, 2);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, pg_shop_setup, pg_shop_teardown)
		T(no_statement_takes_the_place_of_ours),
		T(no_operator_takes_the_place_of_ours),
		T(the_connection_is_what_it_was),
		T(nothing_is_put_off_behind_the_counts),
		T(what_no_count_tells_is_named),
		T(code_that_runs_is_on_the_sheet),
		T(what_may_answer_otherwise_is_not_counted),
	};

	return cmocka_run_group_tests_name("db pg behind", tests, pg_shop_server, pg_shop_server_end);
}
