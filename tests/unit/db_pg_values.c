/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Values of PostgreSQL arrive exactly, whatever they are; what is said beside them too; memory stays bounded. */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <cmocka.h>

#include "db_pg.h"

static const struct {
	const char *sql, *row, *columns;
} exact[] = {
	{ "SELECT NULL, ''::text, 'NULL'", "~||NULL\n", "?column? text,text text,?column? text," },
	{ "SELECT '\\x'::bytea, '\\x00ff27'::bytea, NULL::bytea", "x''|x'00ff27'|~\n", NULL },
	{ "SELECT ARRAY[1,NULL,3], ARRAY['a,b','\"c\"',NULL,''], '{{1,2},{3,4}}'::int[]",
	    "{1,NULL,3}|{\"a,b\",\"\\\"c\\\"\",NULL,\"\"}|{{1,2},{3,4}}\n", "array integer[],array text[],int4 integer[]," },
	{ "SELECT '{\"a\" : [1, 2.50]}'::json, '{\"b\":1, \"a\":1.50}'::jsonb, 'null'::json",
	    "{\"a\" : [1, 2.50]}|{\"a\": 1.50, \"b\": 1}|null\n", "json json,jsonb jsonb,json json," },
	{ "SELECT 'NaN'::numeric, 'Infinity'::float8, '-Infinity'::float8, '-0'::float8, 0.1::float4 + 0.2::float8",
	    "NaN|Infinity|-Infinity|-0|0.30000000149011613\n", NULL },
	{ "SELECT 9223372036854775807, -9223372036854775808, 1e-20::numeric, 4.9e-324::float8",
	    "9223372036854775807|-9223372036854775808|0.00000000000000000001|5e-324\n", NULL },
	{ "SELECT timestamptz '2026-03-29 01:30:00+01', timestamptz 'infinity', date '-infinity', date '0044-03-15 BC'",
	    "2026-03-29 00:30:00+00|infinity|-infinity|0044-03-15 BC\n",
	    "timestamptz timestamp with time zone,timestamptz timestamp with time zone,date date,date date," },
	{ "SELECT timestamptz '2026-03-29 01:30:00+01' AT TIME ZONE 'Asia/Kathmandu', time '24:00', interval '-1 mon 2 day'",
	    "2026-03-29 06:15:00|24:00:00|-1 mons +2 days\n", NULL },
	{ "SELECT 1 AS a, 2 AS a, 3 AS \"A\", 4 AS \"\"\"\"", "1|2|3|4\n", "a integer,a integer,A integer,\" integer," },
	{ "SELECT ROW(1, NULL, 'x y'), '[1,5)'::int4range, 'a=>b'::text, '1.2.3.4/24'::inet, true, B'101'",
	    "(1,,\"x y\")|[1,5)|a=>b|1.2.3.4/24|t|101\n", NULL },
	{ "SELECT E'tab\\there\\nline', E'\\u00e4\\U0001F600', '\\n'", "tab\there\nline|\xc3\xa4\xf0\x9f\x98\x80|\\n\n", NULL },
};

static void
values_arrive_as_the_server_writes_them(void **state)
{
	struct pg_shop *s = *state;

	pg_shop_sql("ALTER ROLE ben SET timezone = 'UTC'");
	bench_close(&s->b);
	bench_open(&s->b, &s->target);
	for (size_t i = 0; i < sizeof exact / sizeof *exact; i++) {
		assert_string_equal(bench_rows(&s->b, exact[i].sql), exact[i].row);
		if (exact[i].columns != NULL)
			assert_string_equal(buf_str(&s->b.columns), exact[i].columns);
	}
	pg_shop_sql("ALTER ROLE ben RESET timezone");
}

static void
a_number_of_a_thousand_digits_keeps_each(void **state)
{
	struct pg_shop *s = *state;
	char sql[1200] = "SELECT ", want[1100];

	for (size_t i = 0; i < 1000; i++)
		want[i] = (char)('1' + i % 9);
	memcpy(want + 1000, ".5\n", 4);
	memcpy(sql + 7, want, 1002);
	memcpy(sql + 7 + 1002, "::numeric", 10);
	assert_string_equal(bench_rows(&s->b, sql), want);
}

static void
no_columns_is_not_no_rows(void **state)
{
	struct pg_shop *s = *state;

	assert_string_equal(bench_rows(&s->b, "SELECT FROM customers"), "\n\n\n\n");
	assert_int_equal(s->b.r.rows, 4);
	assert_string_equal(bench_rows(&s->b, "SELECT id FROM customers WHERE false"), "");
	assert_int_equal(s->b.ncolumns, 1);
}

/* A database without an encoding gives bytes that are no UTF-8: they arrive as they are, and the names too. */
static void
bytes_without_an_encoding_are_not_changed(void **state)
{
	struct pg_shop *s = *state;
	struct db_target t = s->target;
	struct bench raw;

	free(pg_server_sql(pg_shop_server_of(), "postgres", "DROP DATABASE IF EXISTS raw"));
	free(pg_server_sql(pg_shop_server_of(), "postgres",
	    "CREATE DATABASE raw TEMPLATE template0 ENCODING 'SQL_ASCII' LOCALE 'C'"));
	free(pg_server_sql(pg_shop_server_of(), "raw", "CREATE TABLE t (a text); INSERT INTO t VALUES (E'caf\\xe9'), (E'\\xff\\xfe');"
	    "GRANT SELECT ON t TO ben"));
	t.database = "raw";
	bench_open(&raw, &t);
	assert_string_equal(bench_rows(&raw, "SELECT a FROM t"), "caf\xe9\n\xff\xfe\n");
	assert_int_equal(bench_read(&raw, "SELECT a::int FROM t"), 0);
	assert_int_equal(raw.r.end, DB_FAILED);
	assert_string_equal(raw.r.code, "22P02");
	bench_close(&raw);
	free(pg_server_sql(pg_shop_server_of(), "postgres", "DROP DATABASE raw"));
}

static long
most_memory_kib(void)
{
	struct rusage u;

	getrusage(RUSAGE_SELF, &u);
	return u.ru_maxrss;
}

/* The row that reaches the limit is handed on; libpq holds it whole, so one row is what bounds memory. */
static void
a_field_of_200_megabytes_costs_its_size_and_not_more(void **state)
{
	struct pg_shop *s = *state;
	long before;

	s->b.max = (struct db_limits){ 1000, 1024 * 1024 };
	s->b.stop_after = 0;
	before = most_memory_kib();
	assert_int_equal(bench_read(&s->b, "SELECT repeat('x', 200 * 1024 * 1024) FROM generate_series(1, 50)"), 0);
	assert_int_equal(s->b.r.end, DB_CUT);
	assert_int_equal(s->b.nrows, 1);
	print_message("# a field of 200 MiB, 50 rows: memory grew by %ld MiB\n", (most_memory_kib() - before) / 1024);
	/* one row in the buffer of the connection (which doubles) and one as a result */
	assert_true(most_memory_kib() - before < 1300 * 1024);
	assert_string_equal(bench_rows(&s->b, "SELECT 1"), "1\n");
}

static void
what_the_server_says_beside_a_result_is_kept(void **state)
{
	struct pg_shop *s = *state;

	pg_shop_sql("CREATE OR REPLACE FUNCTION note_change() RETURNS trigger LANGUAGE plpgsql AS"
	    " $$BEGIN RAISE NOTICE 'changed %', new.id USING DETAIL = 'more'; RAISE WARNING 'beware'; RETURN new; END$$");
	assert_int_equal(bench_do(&s->b, "UPDATE orders SET state = 'x' WHERE id = 10", 1), 0);
	assert_int_equal(s->b.r.end, DB_COMMITTED);
	assert_string_equal(buf_str(&s->b.r.notices), "NOTICE: changed 10\nDETAIL: more\nWARNING: beware");
	assert_string_equal(bench_rows(&s->b, "SELECT 1"), "1\n");
	assert_int_equal(buf_len(&s->b.r.notices), 0);
	pg_shop_sql("CREATE OR REPLACE FUNCTION note_change() RETURNS trigger LANGUAGE plpgsql AS"
	    " $$BEGIN FOR i IN 1..1000 LOOP RAISE NOTICE '%', repeat('n', 100); END LOOP; RETURN new; END$$");
	assert_int_equal(bench_do(&s->b, "UPDATE orders SET state = 'y' WHERE id = 10", 1), 0);
	assert_true(buf_len(&s->b.r.notices) > 15 * 1024 && buf_len(&s->b.r.notices) <= 16 * 1024);
	assert_non_null(strstr(buf_str(&s->b.r.notices), "\n(more was said than is kept)"));
	assert_false(buf_over(&s->b.r.notices));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
#define ONE(test) cmocka_unit_test_setup_teardown(test, pg_shop_setup, pg_shop_teardown)
		ONE(values_arrive_as_the_server_writes_them),
		ONE(a_number_of_a_thousand_digits_keeps_each),
		ONE(no_columns_is_not_no_rows),
		ONE(bytes_without_an_encoding_are_not_changed),
		ONE(a_field_of_200_megabytes_costs_its_size_and_not_more),
		ONE(what_the_server_says_beside_a_result_is_kept),
#undef ONE
	};

	return cmocka_run_group_tests_name("db_pg_values", tests, pg_shop_server, pg_shop_server_end);
}
