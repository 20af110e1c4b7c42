/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Attacks on the guard by names, operators, casts, domains, ranges and what the planner runs. Each attack is first run by the superuser without any
 * guard and must really run the function that raises "ran"; the guard must stop it before. */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "db_pg.h"

enum { READS = 40 };

/* What is to be seen of a read. */
enum seen {
	RUNS,	/* it would run the function: it must be stopped */
	WARY,	/* it would not, and is stopped all the same: nothing tells it from one that would */
	FREE	/* it would not, and must not be stopped */
};

struct try {
	enum seen seen;
	const char *sql;
};

struct world {
	const char *make;
	struct try tries[READS];
};

#define EVIL(name, args, returns) "CREATE FUNCTION public." name "(" args ") RETURNS " returns \
	" LANGUAGE plpgsql AS $$BEGIN RAISE EXCEPTION 'ran'; END$$;"

static const struct world worlds[] = {
	{ EVIL("bad", "text", "bool")
	  "CREATE DOMAIN mail_kind AS text; CREATE DOMAIN crate AS mail_kind; CREATE DOMAIN \"odd\"\"name\" AS mail_kind;"
	  "CREATE TYPE parcel AS (a int, b mail_kind); CREATE TYPE truck AS (parcels parcel[]);"
	  "CREATE TYPE stretch_range AS RANGE (subtype = mail_kind); CREATE DOMAIN away.\"Kind\" AS mail_kind;"
	  "CREATE TABLE tagged (id int, tags mail_kind[], k mail_kind); INSERT INTO tagged VALUES (1, '{a}', 'b');"
	  "CREATE TABLE away.boxes (id int, p parcel); INSERT INTO away.boxes VALUES (1, '(1,a)');"
	  "CREATE TABLE \"Far\" (r stretch_range); INSERT INTO \"Far\" VALUES ('[a,b]');"
	  "CREATE VIEW seen AS SELECT id, (name::text)::mail_kind::text AS n FROM customers; CREATE VIEW again AS SELECT * FROM seen;"
	  "CREATE VIEW plain AS SELECT id, name FROM customers;"
	  "CREATE DOMAIN address AS text CHECK (value ~ '@'); CREATE TABLE people (a address); INSERT INTO people VALUES ('a@b');"
	  "ALTER DOMAIN mail_kind ADD CONSTRAINT k CHECK (bad(value)) NOT VALID", {
		{ FREE, "SELECT 1" }, { FREE, "SELECT id::text, '7'::int, CAST(id AS text), date '2020-01-01' FROM customers" },
		{ FREE, "SELECT to_json(c), row_to_json(c) FROM customers c" }, { FREE, "SELECT json_agg(o) FROM orders o" },
		{ FREE, "SELECT x.a FROM json_to_record('{\"a\": 1}') AS x(a int)" }, { FREE, "SELECT 'a@b'::address" },
		{ FREE, "SELECT array_agg(a), max(a) FROM people" }, { FREE, "SELECT * FROM plain WHERE id::text = '1'" },
		{ RUNS, "SELECT 'x'::mail_kind" }, { RUNS, "SELECT CAST('x' AS mail_kind)" }, { RUNS, "SELECT mail_kind 'x'" },
		{ RUNS, "SELECT NULL::Mail_Kind" }, { RUNS, "SELECT 'x'::public.\"mail_kind\"" },
		{ RUNS, "SELECT '{x}'::mail_kind[]" }, { RUNS, "SELECT ARRAY['x']::mail_kind[]" }, { RUNS, "SELECT '(1,x)'::parcel" },
		{ RUNS, "SELECT ROW(1, 'x')::parcel" }, { RUNS, "SELECT 'x'::crate" }, { RUNS, "SELECT 'x'::\"odd\"\"name\"" },
		{ RUNS, "SELECT '(\"{\"\"(1,x)\"\"}\")'::truck" }, { RUNS, "SELECT U&'x'::U&\"mail\\005fkind\"" },
		{ RUNS, "SELECT 'x'::away.\"Kind\"" }, { RUNS, "SELECT stretch_range '[x,y]'" }, { RUNS, "SELECT stretch_multirange '{[x,y]}'" },
		{ RUNS, "SELECT json_populate_record(NULL::parcel, '{\"b\": \"x\"}')" },
		{ RUNS, "SELECT jsonb_populate_recordset(NULL::truck, '[{\"parcels\": [{\"b\": \"x\"}]}]')" },
		{ RUNS, "SELECT * FROM json_to_record('{\"a\": \"x\"}') AS x(a mail_kind)" },
		{ RUNS, "SELECT * FROM xmltable('/r' PASSING '<r>x</r>' COLUMNS a mail_kind PATH '.')" },
		{ RUNS, "SELECT array_append(tags, 'x') FROM tagged" }, { RUNS, "SELECT tags || '{x}' FROM tagged" },
		{ RUNS, "SELECT json_populate_record(t, '{\"k\": \"x\"}') FROM tagged t" },
		{ RUNS, "SELECT NULL::tagged FROM json_populate_recordset(NULL::tagged, '[{\"k\": \"x\"}]')" },
		{ RUNS, "SELECT json_populate_record(p, '{\"b\": \"x\"}') FROM away.boxes" },
		{ RUNS, "SELECT r = '[x,y]' FROM \"Far\"" }, { RUNS, "SELECT range_agg(r) @> '{[x,y]}' FROM \"Far\"" },
		{ RUNS, "SELECT n FROM seen" }, { RUNS, "SELECT n FROM again" },
		{ RUNS, "SELECT array_append(t.tags, 'x') FROM (TABLE tagged) t" },
		{ WARY, "SELECT id FROM tagged" }, { RUNS, "SELECT lag(k, 1, 'x') OVER () FROM tagged" } } },
	{ EVIL("same", "text, text", "bool")
	  "CREATE OPERATOR public.=== (LEFTARG = text, RIGHTARG = text, FUNCTION = public.same);"
	  "CREATE DOMAIN picky AS text CHECK (value === 'x'); CREATE DOMAIN locks AS int CHECK (pg_advisory_lock(value) IS NOT NULL);"
	  "CREATE DOMAIN outside AS text CHECK ((value::picky) IS NOT NULL); CREATE DOMAIN \"EUR\" AS int CHECK (value > 0)", {
		{ FREE, "SELECT 1::text" }, { FREE, "SELECT 1::\"EUR\"" }, { FREE, "SELECT a, b FROM (VALUES (1, 'k')) AS v(a, b)" },
		{ RUNS, "SELECT 'x'::picky" }, { RUNS, "SELECT 'x'::outside" }, { WARY, "SELECT 7::locks" } } },
	/* built-in functions that read a value of a type by its number */
	{ EVIL("bad", "text", "bool") "CREATE DOMAIN mail_kind AS text CHECK (bad(value)); CREATE TYPE parcel AS (a int, b mail_kind);"
	  "DO $$BEGIN EXECUTE format('CREATE DOMAIN sly AS text CHECK (record_in(textout(''(1,'' || value || '')''), %s, -1)"
	  " IS NOT NULL)', 'parcel'::regtype::oid); END$$;"
	  "CREATE DOMAIN shy AS text CHECK (value <> ''); CREATE TABLE shop (s shy)", {
		{ FREE, "SELECT s::text FROM shop" }, { RUNS, "SELECT 'x'::sly" } } },
	/* a check that looks for a cast to json by itself */
	{ "CREATE TYPE mood AS ENUM ('sad', 'glad'); CREATE TYPE page AS (a int, m mood);"
	  EVIL("in_json", "mood", "json") "CREATE DOMAIN odd AS int; CREATE TABLE odds (o odd[]); INSERT INTO odds VALUES ('{1}');"
	  "ALTER DOMAIN odd ADD CHECK (to_json(ROW(value, 'sad')::page) IS NOT NULL) NOT VALID;"
	  "CREATE CAST (mood AS json) WITH FUNCTION in_json(mood);", {
		{ RUNS, "SELECT array_append(o, '2') FROM odds" }, { FREE, "SELECT id::text FROM customers" } } },
	{ "CREATE TYPE mood AS ENUM ('sad', 'glad'); CREATE TYPE page AS (a int, m mood); CREATE DOMAIN inner_mood AS mood;"
	  "CREATE TABLE diary (id int, m mood, ms mood[], g page); INSERT INTO diary VALUES (1, 'sad', '{glad}', '(1,sad)');"
	  "CREATE VIEW days AS SELECT m FROM diary; CREATE TABLE sub () INHERITS (diary);"
	  EVIL("number", "mood", "int") "CREATE CAST (mood AS int) WITH FUNCTION number(mood) AS IMPLICIT;"
	  EVIL("mood_of", "int", "mood") "CREATE CAST (int AS mood) WITH FUNCTION mood_of(int) AS IMPLICIT", {
		{ FREE, "SELECT count(*) FROM customers" }, { FREE, "SELECT id::text, total + 1 FROM orders WHERE id = 10" },
		{ FREE, "SELECT to_json(o) FROM orders o" }, { FREE, "SELECT upper(name) FROM loud" },
		{ FREE, "SELECT 1 UNION SELECT 2" }, { FREE, "SELECT abs(id), ROW(id, name) FROM customers" },
		{ RUNS, "SELECT m + 1 FROM diary" }, { RUNS, "SELECT abs(m) FROM days" }, { RUNS, "SELECT m::int FROM diary" },
		{ RUNS, "SELECT ms::int[] FROM diary" }, { RUNS, "SELECT ms[1] * 2 FROM diary" }, { RUNS, "SELECT (g).m + 1 FROM diary" },
		{ RUNS, "SELECT abs(x) FROM (SELECT unnest(ms) FROM diary) y(x)" }, { RUNS, "SELECT 'sad'::mood + 1" },
		{ RUNS, "SELECT 'sad'::inner_mood + 1" }, { RUNS, "SELECT abs(x) FROM unnest(enum_range(NULL::mood)) x" },
		{ RUNS, "SELECT abs('sad'::U&\"\\006dood\")" }, { RUNS, "SELECT ROW(1, 1)::page" }, { RUNS, "SELECT (ARRAY[1])::mood[]" },
		{ RUNS, "SELECT x.m + 1 FROM json_to_record('{\"m\": \"sad\"}') AS x(m mood)" },
		{ RUNS, "SELECT ('{1,2}'::int[])[m] FROM diary" }, { RUNS, "SELECT repeat('x', m) FROM diary" },
		{ RUNS, "SELECT (json_populate_record(NULL::page, '{\"m\": \"sad\"}')).m + 1" },
		{ WARY, "SELECT id FROM diary" } } },
	{ "CREATE TYPE mood AS ENUM ('sad', 'glad'); CREATE TABLE diary (id int, m mood); INSERT INTO diary VALUES (1, 'sad');"
	  EVIL("number", "mood", "int") "CREATE CAST (mood AS int) WITH FUNCTION number(mood);"
	  EVIL("in_json", "mood", "json") "CREATE CAST (mood AS json) WITH FUNCTION in_json(mood);"
	  "CREATE VIEW days AS SELECT to_json(d) AS j FROM diary d; CREATE VIEW rows AS SELECT id FROM diary", {
		{ FREE, "SELECT id, m FROM diary WHERE m = 'sad' ORDER BY m" }, { FREE, "SELECT abs(id) FROM diary" },
		{ FREE, "SELECT to_json(c), id::text FROM customers c" },
		{ RUNS, "SELECT m::int FROM diary" }, { RUNS, "SELECT CAST(m AS int) FROM diary" }, { RUNS, "SELECT to_json(m) FROM diary" },
		{ RUNS, "SELECT jsonb_agg(d) FROM diary d" }, { RUNS, "SELECT d.to_json FROM diary d" },
		{ RUNS, "SELECT d.U&\"to\\005fjson\" FROM diary d" }, { RUNS, "SELECT d.\"row_to_json\" FROM diary d" },
		{ RUNS, "SELECT row_to_json(d) FROM diary d" }, { RUNS, "SELECT json_build_object('a', m) FROM diary" },
		{ RUNS, "SELECT * FROM days" }, { WARY, "SELECT * FROM rows" }, { WARY, "SELECT id::text FROM diary" } } },
	{ "CREATE TYPE mood AS ENUM ('sad', 'glad'); CREATE TABLE diary (id int, m mood); INSERT INTO diary VALUES (1, 'sad');"
	  EVIL("yes", "mood", "bool") "CREATE CAST (mood AS bool) WITH FUNCTION yes(mood) AS ASSIGNMENT;"
	  EVIL("many", "mood", "int8") "CREATE CAST (mood AS int8) WITH FUNCTION many(mood) AS ASSIGNMENT", {
		{ FREE, "SELECT name FROM customers WHERE id > 1 AND NOT (id = 3)" },
		{ RUNS, "SELECT 1 FROM diary WHERE m" }, { RUNS, "SELECT NOT m FROM diary" },
		{ RUNS, "SELECT id FROM customers LIMIT (SELECT m FROM diary)" }, { RUNS, "SELECT 1 WHERE 'sad'::mood" } } },
	{ EVIL("leak", "text", "int") "CREATE CAST (customers AS text) WITH INOUT AS IMPLICIT", {
		{ FREE, "SELECT name FROM customers" }, { FREE, "SELECT c.name FROM customers c" },
		{ RUNS, "SELECT c.leak FROM customers c" }, { RUNS, "SELECT (c).\"leak\" FROM customers c" } } },
	{ EVIL("leak", "VARIADIC customers[]", "int"), {
		{ RUNS, "SELECT c.leak FROM customers c" } } },
	{ EVIL("\"le\"\"Ak\"", "customers", "int"), {
		{ FREE, "SELECT c.name FROM customers c" }, { RUNS, "SELECT c.\"le\"\"Ak\" FROM customers c" } } },
	{ EVIL("turn", "point", "int") "CREATE CAST (point AS int) WITH FUNCTION turn(point) AS IMPLICIT", {
		{ RUNS, "SELECT abs(point '(1,1)')" }, { WARY, "SELECT 1" } } },
	/* the planner itself runs what is immutable and has only constants before it */
	{ "CREATE FUNCTION ok(int) RETURNS int IMMUTABLE LANGUAGE plpgsql AS $$BEGIN RETURN $1; END$$;"
	  "CREATE TABLE t (a int, b text); CREATE INDEX ON t ((a + ok(1))); CREATE TABLE h (a int); CREATE INDEX ON h (a) WHERE a > ok(ok(2));"
	  "CREATE TABLE p (a int) PARTITION BY RANGE (a); CREATE TABLE p1 PARTITION OF p (CHECK (a > ok(-1))) DEFAULT;"
	  "CREATE TABLE e (a int, b int) PARTITION BY RANGE ((a + ok(1))); CREATE TABLE e1 PARTITION OF e DEFAULT;"
	  "CREATE TABLE s (a int, b int); CREATE STATISTICS st ON (a + ok(1)), b FROM s; ANALYZE s; CREATE VIEW v AS SELECT b FROM t;"
	  "CREATE TABLE legit (a int CHECK (ok(a) > 7), b int); CREATE INDEX ON legit (ok(a)); CREATE INDEX ON legit (ok(abs(a))) WHERE ok(b) > 1;"
	  "CREATE OR REPLACE FUNCTION ok(int) RETURNS int IMMUTABLE LANGUAGE plpgsql AS $$BEGIN RAISE EXCEPTION 'ran'; END$$", {
		{ FREE, "SELECT a FROM legit WHERE a = 1" }, { FREE, "SELECT count(*) FROM customers" },
		{ RUNS, "SELECT b FROM t WHERE a = 1" }, { RUNS, "SELECT b FROM v" }, { RUNS, "SELECT 1 FROM h WHERE a = 1" },
		{ RUNS, "SELECT a FROM p WHERE a = 1" }, { RUNS, "SELECT a FROM e WHERE a = 1" }, { RUNS, "SELECT a FROM s WHERE a = 1" },
		{ WARY, "SELECT a FROM p1" } } },
	{ "CREATE FUNCTION apart(int, int) RETURNS float8 IMMUTABLE LANGUAGE plpgsql AS $$BEGIN RETURN 1; END$$;"
	  "CREATE TYPE span AS RANGE (subtype = int, subtype_diff = apart);"
	  "CREATE TABLE spans (s span); INSERT INTO spans SELECT span(i, i + 9) FROM generate_series(1, 500) i; ANALYZE spans;"
	  "CREATE OR REPLACE FUNCTION apart(int, int) RETURNS float8 IMMUTABLE LANGUAGE plpgsql AS $$BEGIN RAISE EXCEPTION 'ran'; END$$", {
		{ FREE, "SELECT int4range(1, 2) && '[1,3)'" }, { RUNS, "SELECT 1 FROM spans WHERE s && '[3,50)'" } } },
	/* value.name calls a function of one argument, of any type */
	{ EVIL("leak", "text", "text") EVIL("total", "int", "int") EVIL("\"Odd\"\"x\"", "text", "text") EVIL("name", "text", "text")
	  "CREATE TYPE addr AS (street text, city text); CREATE TABLE p (a addr, tags text[]); INSERT INTO p VALUES ('(x,y)', '{a}')", {
		{ FREE, "SELECT o.total, count(*) FROM orders o GROUP BY 1" }, { FREE, "SELECT (a).city, (p.a).street, p.tags[1] FROM p" },
		{ FREE, "SELECT \"c\".\"name\", public.customers.name FROM customers c, public.customers" }, { FREE, "SELECT leak.total FROM orders leak" },
		{ RUNS, "SELECT (name).leak FROM customers" }, { RUNS, "SELECT ('x'::text).leak" }, { RUNS, "SELECT (c.name) . \"leak\" FROM customers c" },
		{ RUNS, "SELECT (name)./* . */leak FROM customers" }, { RUNS, "SELECT (name).--\n leak FROM customers" },
		{ RUNS, "SELECT (name)/**/.LEAK FROM customers" }, { RUNS, "SELECT (name).U&\"le\\0061k\" FROM customers" },
		{ RUNS, "SELECT (id).total FROM customers" }, { RUNS, "SELECT (tags)[1].leak FROM p" }, { RUNS, "SELECT (a).city.leak FROM p" },
		{ RUNS, "SELECT (a).\"city\".leak FROM p" }, { RUNS, "SELECT (a). city .leak FROM p" }, { RUNS, "SELECT (name).\"Odd\"\"x\" FROM customers" },
		{ RUNS, "SELECT x.total FROM generate_series(1, 2) x" }, { RUNS, "SELECT generate_series.total FROM generate_series(1, 2)" },
		{ RUNS, "SELECT x.leak FROM current_user x" }, { RUNS, "SELECT x.leak FROM CAST('a' AS text) AS x" },
		{ RUNS, "SELECT x.leak FROM orders o JOIN LATERAL unnest(ARRAY['a']) x ON true" },
		{ RUNS, "SELECT x.leak FROM ROWS FROM (unnest(ARRAY['a'])) x" }, { RUNS, "SELECT upper(name) FROM customers ORDER BY (upper(name)).leak" },
		{ RUNS, "SELECT (WITH q AS (SELECT 'a'::text) SELECT * FROM q).leak" } } },
	/* the server's own name of !=; the operator that the planner puts in the place of another */
	{ EVIL("differ", "varchar, varchar", "bool") "CREATE OPERATOR public.<> (LEFTARG = varchar, RIGHTARG = varchar, FUNCTION = differ);", {
		{ RUNS, "SELECT 1 FROM customers WHERE name != 'x'" }, { FREE, "SELECT 1 FROM customers WHERE name = 'x'" } } },
	{ "CREATE FUNCTION away.hit(int, int) RETURNS bool IMMUTABLE LANGUAGE plpgsql AS $$BEGIN RAISE EXCEPTION 'ran'; END$$;"
	  "CREATE OPERATOR public.&& (LEFTARG = int, RIGHTARG = int, FUNCTION = int4ne, RESTRICT = neqsel, NEGATOR = OPERATOR(away.!!!));"
	  "CREATE OPERATOR away.!!! (LEFTARG = int, RIGHTARG = int, FUNCTION = away.hit, NEGATOR = OPERATOR(public.&&));"
	  "CREATE DOMAIN calm AS int CHECK (NOT (value OPERATOR(public.&&) 1)); CREATE DOMAIN ease AS int CHECK (value > 0);"
	  "INSERT INTO nokey SELECT 1 FROM generate_series(1, 1000); ANALYZE nokey; CREATE VIEW v AS SELECT a FROM nokey WHERE a && 1", {
		{ RUNS, "SELECT a FROM nokey WHERE a && 1" }, { RUNS, "SELECT a FROM nokey WHERE NOT (a && 1)" }, { RUNS, "SELECT 3::calm" },
		{ RUNS, "SELECT a FROM v" }, { FREE, "SELECT a FROM nokey WHERE a = 1" }, { FREE, "SELECT 3::ease" } } },
	/* built-in functions in SQL cast to text: quote_literal, and || with any type */
	{ "CREATE TYPE mood AS ENUM ('sad', 'glad'); CREATE TABLE diary (id int, m mood); INSERT INTO diary VALUES (1, 'sad');"
	  "CREATE FUNCTION in_text(mood) RETURNS text IMMUTABLE STRICT LANGUAGE plpgsql AS $$BEGIN RETURN ''; END$$; CREATE CAST (mood AS text) WITH FUNCTION in_text(mood);"
	  "CREATE TABLE kept (a int CHECK (a > 0 OR quote_literal('sad'::mood) = '')); CREATE TABLE kept1 () INHERITS (kept);"
	  "CREATE OR REPLACE FUNCTION in_text(mood) RETURNS text IMMUTABLE STRICT LANGUAGE plpgsql AS $$BEGIN RAISE EXCEPTION 'ran'; END$$", {
		{ RUNS, "SELECT 'a' || m FROM diary" }, { RUNS, "SELECT m || name FROM diary, customers" }, { RUNS, "SELECT quote_literal(m) FROM diary" },
		{ RUNS, "SELECT quote_nullable(m) FROM diary" }, { RUNS, "SELECT a FROM kept WHERE a = 7" }, { FREE, "SELECT id, concat(m) FROM diary" },
		{ FREE, "SELECT name || email FROM customers" } } },
	/* what takes the place of a call: the text of a function in SQL; the function of an operator with the table's values */
	{ "CREATE FUNCTION ok(int) RETURNS int IMMUTABLE LANGUAGE plpgsql AS $$BEGIN RETURN $1; END$$;"
	  "CREATE FUNCTION same(int, int) RETURNS bool IMMUTABLE LANGUAGE plpgsql AS $$BEGIN RETURN $1 = $2; END$$;"
	  "CREATE OPERATOR public.&& (LEFTARG = int, RIGHTARG = int, FUNCTION = same, RESTRICT = eqsel);"
	  "CREATE FUNCTION plain(int) RETURNS int IMMUTABLE LANGUAGE sql AS 'SELECT $1'; CREATE FUNCTION fixed(int) RETURNS int IMMUTABLE"
	  " LANGUAGE sql SET search_path = pg_catalog AS 'SELECT $1'; CREATE FUNCTION loose(int) RETURNS bool LANGUAGE sql AS 'SELECT true';"
	  "CREATE TABLE t (a int); INSERT INTO t SELECT 1 FROM generate_series(1, 1000); CREATE INDEX ON t ((plain(a)));"
	  "CREATE TABLE f (a int); CREATE INDEX ON f ((fixed(a))); CREATE TABLE k (a int CHECK (loose(a))); CREATE TABLE k1 () INHERITS (k);"
	  "CREATE TABLE s (a int, b int); INSERT INTO s SELECT i, i FROM generate_series(1, 1000) i;"
	  "CREATE STATISTICS st ON (a > 3 OR 1 && 2), b FROM s; ANALYZE s; CREATE TABLE w (a int, b int); CREATE INDEX ON w (b) WHERE a && 7 OR a > 1;"
	  "INSERT INTO w SELECT i % 9, i FROM generate_series(1, 1000) i; ANALYZE w;"
	  "CREATE TABLE n (a int, b int); CREATE INDEX ON n (ok(CASE WHEN a IS NULL AND false THEN a ELSE 1 END)); CREATE TABLE n2 (a int);"
	  "CREATE INDEX ON n2 (ok(mod(a, NULL))); CREATE TABLE e (a int) PARTITION BY RANGE ((a + ok(1)));"
	  "CREATE TABLE e1 PARTITION OF e FOR VALUES FROM (1) TO (9); ALTER ROLE ben SET constraint_exclusion = on;"
	  "CREATE OR REPLACE FUNCTION plain(int) RETURNS int IMMUTABLE LANGUAGE sql AS 'SELECT $1 + ok(1)';"
	  "CREATE OR REPLACE FUNCTION loose(int) RETURNS bool LANGUAGE sql AS 'SELECT $1 > ok(1)';"
	  "CREATE OR REPLACE FUNCTION ok(int) RETURNS int IMMUTABLE LANGUAGE plpgsql AS $$BEGIN RAISE EXCEPTION 'ran'; END$$;"
	  "CREATE OR REPLACE FUNCTION same(int, int) RETURNS bool IMMUTABLE LANGUAGE plpgsql AS $$BEGIN RAISE EXCEPTION 'ran'; END$$", {
		{ RUNS, "SELECT a FROM t WHERE a = 1" }, { FREE, "SELECT a FROM f WHERE a = 1" }, { RUNS, "SELECT a FROM k WHERE a = 1" },
		{ RUNS, "SELECT a FROM s WHERE a = 1" }, { RUNS, "SELECT a FROM w WHERE a > 5 AND b = 1" }, { RUNS, "SELECT b FROM n WHERE a = 1" },
		{ RUNS, "SELECT a FROM n2 WHERE a = 1" }, { WARY, "SELECT a FROM e1 WHERE a = 1" }, { FREE, "SELECT id FROM customers WHERE id = 1" } } },
	/* anyarray: columns of catalogues hold values of types that nobody names */
	{ "CREATE TYPE mood AS ENUM ('sad', 'glad'); CREATE TABLE diary (id int); INSERT INTO diary SELECT i FROM generate_series(1, 99) i;"
	  "ALTER TABLE diary ADD m mood DEFAULT 'sad'; ANALYZE diary; CREATE VIEW stats AS SELECT to_jsonb(s) FROM pg_stats s;"
	  "CREATE VIEW cols AS SELECT row_to_json(a) FROM pg_attribute a; CREATE VIEW plain AS SELECT name FROM customers;"
	  EVIL("in_json", "mood", "json") "CREATE CAST (mood AS json) WITH FUNCTION in_json(mood)", {
		{ RUNS, "SELECT row_to_json(a) FROM pg_attribute a" }, { RUNS, "SELECT to_json(attmissingval) FROM pg_catalog.pg_attribute" },
		{ RUNS, "SELECT jsonb_agg(s) FROM pg_stats s" }, { RUNS, "SELECT * FROM stats" }, { RUNS, "SELECT * FROM cols" },
		{ FREE, "SELECT relname FROM pg_class" }, { FREE, "SELECT * FROM plain" }, { FREE, "SELECT to_json(c) FROM customers c" } } },
	/* a function of C that runs the SQL in its argument */
	{ "CREATE EXTENSION tablefunc; CREATE FUNCTION away.hit() RETURNS text LANGUAGE plpgsql AS $$BEGIN RAISE EXCEPTION 'ran'; END$$;"
	  "CREATE OPERATOR public.~ (RIGHTARG = text, FUNCTION = crosstab2)", {
		{ RUNS, "SELECT ~ 'SELECT ''a''::text, ''b''::text, away.hit()'::text" }, { WARY, "SELECT ~ 1" } } },
};

/* False, with a word why, when it is not as the table says. */
static bool
holds(struct pg_shop *s, const struct world *w, const struct try *t)
{
	char *bare = pg_server_sql(pg_shop_server_of(), "shop", t->sql);
	bool ran = strncmp(bare, "error:", 6) == 0 && strstr(bare, " ran\n") != NULL, ok;
	int ret;

	s->b.blind = true;
	ret = bench_read(&s->b, t->sql);
	ok = ran == (t->seen == RUNS);
	if (t->seen == FREE)
		ok = ok && ret == 0 && s->b.r.end == DB_DONE;
	else
		ok = ok && ret == ERR_WALL && s->b.nrows == 0;
	if (!ok)
		print_error("%.50s... / %s\n  bare: %s\n  read: %d %s %s\n", w->make, t->sql, bare, ret, s->b.e.text,
		    buf_str(&s->b.r.text));
	free(bare);
	return ok;
}

static void
code_behind_types_never_runs_and_the_rest_is_let_through(void **state)
{
	size_t bad = 0;

	(void)state;
	for (size_t i = 0; i < sizeof worlds / sizeof *worlds; i++) {
		void *own = NULL;

		assert_int_equal(pg_shop_setup(&own), 0);
		pg_shop_sql("CREATE SCHEMA away");
		pg_shop_sql(worlds[i].make);
		pg_shop_sql("GRANT USAGE ON SCHEMA away TO ben; GRANT SELECT ON ALL TABLES IN SCHEMA public, away TO ben");
		for (const struct try *t = worlds[i].tries; t < worlds[i].tries + READS && t->sql != NULL; t++)
			bad += holds(own, &worlds[i], t) ? 0 : 1;
		pg_shop_teardown(&own);
	}
	assert_int_equal(bad, 0);
}

/* With quotes of their own. Passes without proof where the server's German messages are not installed. */
static void
the_guard_is_understood_in_other_languages(void **state)
{
	struct pg_shop *s = *state;

	pg_shop_sql("ALTER ROLE ben SET lc_messages = 'C.utf8'; CREATE FUNCTION own() RETURNS int LANGUAGE sql AS 'SELECT 1';"
	    "CREATE VIEW owned AS SELECT own(); GRANT SELECT ON owned TO ben");
	bench_close(&s->b);
	bench_open(&s->b, &s->target);
	pg_shop_sql("ALTER ROLE ben RESET lc_messages");
	assert_int_equal(bench_read(&s->b, "SELECT name FROM louder"), 0);
	assert_int_equal(s->b.r.end, DB_DONE);
	assert_int_equal(bench_read(&s->b, "SELECT * FROM owned"), ERR_WALL);
	assert_string_equal(s->b.e.text, "the wall stopped it: the user-defined function own() would run");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(code_behind_types_never_runs_and_the_rest_is_let_through),
		cmocka_unit_test_setup_teardown(the_guard_is_understood_in_other_languages, pg_shop_setup, pg_shop_teardown),
	};

	setenv("LANGUAGE", "de", 1);	/* the server's, for roles whose lc_messages is not C */
	return cmocka_run_group_tests_name("db pg guard", tests, pg_shop_server, pg_shop_server_end);
}
