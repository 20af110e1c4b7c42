/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Does MariaDB touch the rows that the derived SELECT names? Joins of every kind, on a real server. */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "twokey/base/buf.h"
#include "twokey/base/err.h"
#include "twokey/sql/derive.h"

#include "lib/derive_cases.h"
#include "lib/mariadb.h"

enum { SEEDS = 3, IDS = 64 };

static struct mariadb_server *server;
static MYSQL *db;

/* t(id, a, b, n) is written; n is 0 before. u(a, v), v(k, w) have duplicates and NULLs and no key. */
static const struct {
	const char *text;
	const char *call;	/* the written table */
	const char *k;		/* a column of another */
} lists[] = {
	{ "t", "t", "3" },
	{ "t AS x", "x", "2" },
	{ "t IGNORE INDEX (PRIMARY)", "t", "1" },
	{ "t PARTITION (p0, p2) AS x", "x", "2" },
	{ "t JOIN u ON t.a = u.a", "t", "u.v" },
	{ "t, u", "t", "u.v" },
	{ "u, t FORCE INDEX FOR JOIN (PRIMARY), v", "t", "v.w" },
	{ "t INNER JOIN u USING (a)", "t", "u.v" },
	{ "t NATURAL LEFT JOIN u", "t", "u.v" },
	{ "u NATURAL RIGHT JOIN t AS x", "x", "u.v" },
	{ "t LEFT JOIN u ON t.a = u.a", "t", "u.v" },
	{ "u LEFT JOIN t ON t.a = u.a", "t", "u.v" },
	{ "t RIGHT JOIN u ON t.a = u.a AND t.b > 1", "t", "u.a" },
	{ "t AS x JOIN t AS y ON x.a = y.b", "x", "y.a" },
	{ "t AS y LEFT JOIN t AS x ON x.a = y.b AND x.id <> y.id", "x", "y.a" },
	{ "t AS x STRAIGHT_JOIN t", "t", "x.b" },
	{ "(t JOIN u ON t.a = u.a) LEFT JOIN v ON u.v = v.k", "t", "v.w" },
	{ "u LEFT JOIN (t JOIN v ON t.b = v.k) ON u.a = t.a", "t", "u.v" },
	{ "u LEFT JOIN (v LEFT JOIN t AS `x y` ON `x y`.b = v.k) ON u.v = v.w", "`x y`", "u.v" },
	{ "t CROSS JOIN u LEFT JOIN v ON v.k = t.a AND (v.w = u.v OR v.w IS NULL)", "t", "v.w" },
	{ "t JOIN (SELECT a, count(*) AS c FROM u GROUP BY a) AS d ON d.a <=> t.a", "t", "d.c" },
	{ "(SELECT DISTINCT v AS a FROM u WHERE v IS NOT NULL) d LEFT JOIN t AS x USING (a)", "x", "d.a" },
	{ "shop.t JOIN shop.u ON shop.t.a < shop.u.a", "shop.t", "u.v" },
	{ "t JOIN JSON_TABLE('[1, 2, 2, null, 5]', '$[*]' COLUMNS (j INT PATH '$')) AS j ON j.j = t.a", "t", "j.j" },
};

/* "#": the list of tables, "@": the written one, "%": the condition */
static const char *const verbs[] = {
	"UPDATE # SET @.n = 7%",
	"UPDATE LOW_PRIORITY # SET @.n = @.n + 1, @.b = NULL%",
	"UPDATE # SET @.a = 3, @.b = 2, @.n := 9%",
	"DELETE @ FROM #%",
	"DELETE LOW_PRIORITY QUICK FROM @.* USING #%",
};

/* "@": the written table, "#": a column of another */
static const char *const conditions[] = {
	"", "@.a = #", "@.b < #", "NOT (@.b = #)", "# IS NULL", "@.a IS NULL AND # IS NULL", "@.b <=> #",
	"@.a = # OR @.b = 1 -- or so\n", "@.a IN (SELECT k FROM v)", "@.b NOT IN (SELECT w FROM v)",
	"EXISTS (SELECT 1 FROM v WHERE v.k = @.a AND v.w = #)", "@.id > 3 AND # > 0",
	"@.a = (SELECT max(v.k) FROM v WHERE v.k <= #)", "@.id IN (SELECT max(z.id) FROM t AS z GROUP BY z.a)",
	"EXISTS (SELECT 1 FROM t AS z WHERE z.a = @.a AND z.id < @.id)", "@.b = (SELECT min(z.b) FROM t AS z)",
};

enum {
	LISTS = sizeof(lists) / sizeof(lists[0]),
	VERBS = sizeof(verbs) / sizeof(verbs[0]),
	CONDITIONS = sizeof(conditions) / sizeof(conditions[0]),
	CASES = LISTS * VERBS * CONDITIONS
};

static void
make_case(size_t i, char *out, size_t n)
{
	size_t list = i % LISTS;
	const char *condition = conditions[i / LISTS / VERBS];
	char where[256] = "";

	if (condition[0] != '\0')
		derive_add(where, sizeof(where), " WHERE ", "", "");
	derive_add(where, sizeof(where), condition, lists[list].call, lists[list].k);
	out[0] = '\0';
	derive_add(out, n, verbs[i / LISTS % VERBS], lists[list].call, lists[list].text);
	out[strlen(out) - 1] = '\0';	/* % */
	strncat(out, where, n - strlen(out) - 1);
}

static void
run(const char *sql)
{
	if (mysql_query(db, sql) != 0)
		fail_msg("%s: %s", sql, mysql_error(db));
}

static MYSQL_RES *
query(const char *sql)
{
	MYSQL_RES *res;

	run(sql);
	res = mysql_store_result(db);
	if (res == NULL)
		fail_msg("%s: %s", sql, mysql_error(db));
	return res;
}

static uint64_t
bit(const char *id)
{
	return UINT64_C(1) << strtoul(id, NULL, 10);
}

/* The rows that are there and what n they have. */
static uint64_t
look(int *n)
{
	MYSQL_RES *res = query("SELECT id, n FROM t");
	MYSQL_ROW row;
	uint64_t there = 0;

	memset(n, 0, IDS * sizeof(*n));
	while ((row = mysql_fetch_row(res)) != NULL) {
		there |= bit(row[0]);
		n[strtoul(row[0], NULL, 10)] = atoi(row[1]);
	}
	mysql_free_result(res);
	return there;
}

/* The derived SELECT's result, with a text behind it; NULL: refused. */
static MYSQL_RES *
ask_with(const char *sql, enum sql_derived kind, const char *more, struct err *e)
{
	static const char *const keys[] = { "id" };
	struct sql_settings settings = { .engine = SQL_MARIADB };
	struct sql_derive_want want = { .kind = kind, .keys = keys, .nkeys = 1, .limit = 5 };
	MYSQL_RES *res = NULL;
	struct buf select;

	buf_init(&select, 65536);
	if (sql_derive(&settings, sql, strlen(sql), &want, &select, e) == 0) {
		buf_puts(&select, more);
		res = query(buf_str(&select));
	}
	buf_fini(&select);
	return res;
}

static MYSQL_RES *
ask(const char *sql, enum sql_derived kind, struct err *e)
{
	return ask_with(sql, kind, "", e);
}

struct told {
	uint64_t keys;
	size_t nkeys;
	size_t count;
	bool with_keys;
};

static bool
tell(const char *sql, struct told *told, struct err *e)
{
	MYSQL_RES *res = ask(sql, SQL_DERIVE_COUNT, e);
	MYSQL_ROW row;

	memset(told, 0, sizeof(*told));
	if (res == NULL)
		return false;
	row = mysql_fetch_row(res);
	told->count = strtoul(row[0], NULL, 10);
	mysql_free_result(res);
	res = ask(sql, SQL_DERIVE_KEYS, e);
	told->with_keys = res != NULL;
	while (res != NULL && (row = mysql_fetch_row(res)) != NULL) {
		if (row[0] == NULL)
			fail_msg("%s: a row without a key", sql);
		told->keys |= bit(row[0]);
		told->nkeys++;
	}
	mysql_free_result(res);
	/* rows are locked by the same text before the statement runs */
	if (told->with_keys) {
		res = ask_with(sql, SQL_DERIVE_KEYS, " FOR UPDATE", e);
		assert_int_equal(mysql_num_rows(res), told->nkeys);
		mysql_free_result(res);
	}
	return true;
}

static int
find_new(MYSQL_RES *res)
{
	for (unsigned i = 0; i < mysql_num_fields(res); i++)
		if (strcmp(mysql_fetch_field_direct(res, i)->name, "n (new)") == 0)
			return (int)i;
	return -1;
}

/* The sample: rows that are touched, each once, with the values that they get. */
static void
compare_sample(const char *sql, MYSQL_RES *res, uint64_t touched, const int *after)
{
	size_t rows = (size_t)mysql_num_rows(res), all = (size_t)__builtin_popcountll(touched);
	int new = find_new(res);
	uint64_t seen = 0;
	MYSQL_ROW row;

	if (rows != (all < 5 ? all : 5))
		fail_msg("%s: a sample of %zu rows of %zu", sql, rows, all);
	while ((row = mysql_fetch_row(res)) != NULL) {
		if (!(bit(row[0]) & touched & ~seen))
			fail_msg("%s: row %s is sampled", sql, row[0]);
		seen |= bit(row[0]);
		if (new >= 0 && atoi(row[new]) != after[strtoul(row[0], NULL, 10)])
			fail_msg("%s: row %s gets another value than %s", sql, row[0], row[new]);
	}
}

enum outcome { TOLD, NOT_DERIVED, NOT_RUN };

static enum outcome
compare_in_transaction(const char *sql, struct err *e)
{
	int before[IDS], after[IDS];
	uint64_t touched = look(before), left;
	enum outcome outcome = NOT_RUN;
	struct told told;
	MYSQL_RES *sample;

	if (!tell(sql, &told, e))
		return NOT_DERIVED;
	sample = ask(sql, SQL_DERIVE_SAMPLE, NULL);
	if (mysql_query(db, sql) == 0) {
		size_t affected = (size_t)mysql_affected_rows(db);

		left = look(after);
		for (int i = 0; i < IDS; i++)
			if ((left & UINT64_C(1) << i) && before[i] == after[i])
				touched &= ~(UINT64_C(1) << i);
		if (told.count != affected || (told.with_keys && (told.keys != touched || told.nkeys != affected)))
			fail_msg("%s: %zu counted, %zu keys %jx; touched %zu: %jx", sql, told.count, told.nkeys,
			    (uintmax_t)told.keys, affected, (uintmax_t)touched);
		if (sample != NULL)
			compare_sample(sql, sample, touched, after);
		outcome = TOLD;
	}
	mysql_free_result(sample);
	return outcome;
}

static enum outcome
compare(const char *sql, struct err *e)
{
	enum outcome outcome;

	run("START TRANSACTION");
	outcome = compare_in_transaction(sql, e);
	if (outcome == NOT_RUN)
		err_set(e, ERR_STATEMENT, "%s", mysql_error(db));
	run("ROLLBACK");
	return outcome;
}

static void
server_sql(const char *sql)
{
	char *got = mariadb_server_sql(server, "shop", sql);

	if (strncmp(got, "error", 5) == 0)
		fail_msg("%s: %s", sql, got);
	free(got);
}

static void
make_tables(unsigned seed)
{
	char rows[8192] = "INSERT INTO t VALUES (0, 1, 2), (1, NULL, 3)";

	run("ROLLBACK");	/* a test that failed left its locks */
	server_sql("CREATE OR REPLACE TABLE t (id INT PRIMARY KEY, a INT, b INT) PARTITION BY HASH (id) PARTITIONS 3;"
	    "CREATE OR REPLACE TABLE u (a INT, v INT); CREATE OR REPLACE TABLE v (k INT, w INT)");
	if (seed > 0)		/* the first time u and v are empty */
		derive_rows(seed, rows, sizeof(rows));
	server_sql(rows);
	server_sql("ALTER TABLE t ADD n INT NOT NULL DEFAULT 0");
}

static void
the_derived_rows_are_those_that_mariadb_touches(void **state)
{
	size_t told = 0, not_run = 0;
	char text[1024];
	struct err e;

	(void)state;
	for (unsigned seed = 0; seed < SEEDS; seed++) {
		make_tables(seed);
		for (size_t i = 0; i < CASES; i++) {
			make_case(i, text, sizeof(text));
			switch (compare(text, &e)) {
			case TOLD:
				told++;
				break;
			case NOT_DERIVED:
				fail_msg("%s: %s", text, e.text);
				break;
			case NOT_RUN:
				if (getenv("TWOKEY_SHOW") != NULL)
					print_message("# %s: %s\n", text, e.text);
				not_run++;
				break;
			}
		}
	}
	print_message("# %zu statements compared, %zu the server refused\n", told, not_run);
	assert_true(told > 1000 * SEEDS);
}

/* What the generated ones do not have: modifiers, LIMIT, comments, names of schemas. */
static void
odd_statements_are_told_as_well(void **state)
{
	static const char *const rows[] = {
		"UPDATE t SET n = 7 WHERE a > 1 ORDER BY id LIMIT 3",
		"UPDATE t SET n = 7 ORDER BY b DESC, shop.t.`ID` LIMIT 4",
		"UPDATE t SET n = 7 WHERE a > 1 LIMIT 3",
		"UPDATE t SET n = 7, b = 1 ORDER BY b LIMIT 30",
		"UPDATE t AS x SET x.n = 7 WHERE a > 1 ORDER BY x.id DESC LIMIT 2",
		"UPDATE t PARTITION (p1) SET n = 7 WHERE a IS NOT NULL",
		"UPDATE t PARTITION (p1) AS x JOIN t PARTITION (p0, p1) AS y ON x.a = y.a SET x.n = 7",
		"UPDATE t JOIN u ON t.a = u.a SET t.n = 7 ORDER BY u.v DESC",
		"UPDATE t JOIN (SELECT max(id) AS m FROM t) AS s ON t.id < s.m SET t.n = 1",
		"UPDATE t, (SELECT a FROM u UNION SELECT k FROM v) AS s SET t.n = 1 WHERE t.b = s.a",
		"UPDATE /* a */ t -- b\n JOIN # c\n u SET t . n = 2 /* d */ WHERE t /* e */ . a = u.a /* f */",
		"UPDATE ((t JOIN u ON t.a = u.a) JOIN v ON t.b = v.k) SET shop.t.n = 2",
		"UPDATE t LEFT JOIN u ON t.a = LEFT(u.a, 1) SET t.n = 2 WHERE u.a IS NULL",
		"UPDATE `t` AS `left` JOIN u AS `set` ON `left`.a = `set`.a SET `left`.n = 2 WHERE `set`.v > 1",
		"DELETE FROM t ORDER BY b, id LIMIT 4",
		"DELETE LOW_PRIORITY QUICK FROM shop.t WHERE a IS NULL ORDER BY t.id DESC LIMIT 2",
		"DELETE FROM t ORDER BY b LIMIT 4",
		"DELETE FROM t PARTITION (p0, p1) WHERE b > 1",
		"DELETE FROM t WHERE EXISTS (SELECT 1 FROM t AS z WHERE z.a = t.a AND z.id < t.id)",
		"DELETE x FROM t AS x JOIN t AS y ON x.a = y.a AND x.id > y.id",
		"DELETE x FROM t AS x LEFT JOIN u ON u.a = x.a WHERE u.a IS NULL",
		"DELETE t.* FROM t, u",
		"DELETE shop.t FROM t JOIN shop.v ON v.k = shop.t.b",
		"DELETE QUICK t FROM u JOIN t USE INDEX () ON t.a = u.a, v WHERE v.k <=> u.v",
		"DELETE FROM t WHERE (a, b) IN (SELECT a, v FROM u)",
	};
	struct err e;

	(void)state;
	for (unsigned seed = 1; seed < 20; seed++) {
		make_tables(seed);
		for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
			if (compare(rows[i], &e) != TOLD)
				fail_msg("%s: %s", rows[i], e.text);
	}
}

/* A key of two columns, letters of either case the same; a join that meets rows again and again. */
static void
keys_of_two_columns_are_told(void **state)
{
	static const char *const rows[] = {
		"UPDATE w JOIN u ON w.i <= u.a SET w.n = 7",
		"UPDATE u LEFT JOIN w ON w.i = u.a AND w.k <> 'B' SET w.n = 7",
		"DELETE w FROM w JOIN w AS x ON x.k = w.k AND x.i > w.i",
		"DELETE FROM w USING w LEFT JOIN u ON u.a = w.i WHERE u.a IS NULL OR u.v = 2",
		"DELETE FROM w ORDER BY i, k LIMIT 3",
	};
	static const char *const keys[] = { "k", "i" };
	static const struct sql_settings settings = { .engine = SQL_MARIADB };

	(void)state;
	make_tables(4);
	server_sql("CREATE OR REPLACE TABLE w (k VARCHAR(9) COLLATE utf8mb4_general_ci, i INT, n INT DEFAULT 0, PRIMARY KEY (k, i));"
	    "INSERT INTO w (k, i) VALUES ('a', 1), ('A', 2), ('b', 1), ('B', 3), ('b ', 4), ('c', 0), ('', 2), ('é', 5), ('E', 1)");
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct sql_derive_want want = { .kind = SQL_DERIVE_COUNT, .keys = keys, .nkeys = 2, .limit = 5 };
		uint64_t counted, listed;
		struct buf select;
		MYSQL_RES *res;

		buf_init(&select, 65536);
		assert_int_equal(sql_derive(&settings, rows[i], strlen(rows[i]), &want, &select, NULL), 0);
		res = query(buf_str(&select));
		counted = strtoull(mysql_fetch_row(res)[0], NULL, 10);
		mysql_free_result(res);
		buf_reset(&select);
		want.kind = SQL_DERIVE_KEYS;
		assert_int_equal(sql_derive(&settings, rows[i], strlen(rows[i]), &want, &select, NULL), 0);
		res = query(buf_str(&select));
		listed = mysql_num_rows(res);
		mysql_free_result(res);
		buf_fini(&select);
		run("START TRANSACTION");
		run(rows[i]);
		assert_int_equal(mysql_affected_rows(db), counted);
		assert_int_equal(listed, counted);
		assert_true(counted > 0);
		run("ROLLBACK");
	}
}

static int
start(void **state)
{
	char *got;

	(void)state;
	server = mariadb_server_start(NULL);
	assert_non_null(server);
	got = mariadb_server_sql(server, NULL, "CREATE DATABASE shop");
	assert_string_equal(got, "");
	free(got);
	db = mariadb_server_connect(server, "shop");
	assert_non_null(db);
	return 0;
}

static int
stop(void **state)
{
	(void)state;
	mysql_close(db);
	mariadb_server_stop(server);
	return 0;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_derived_rows_are_those_that_mariadb_touches),
		cmocka_unit_test(odd_statements_are_told_as_well),
		cmocka_unit_test(keys_of_two_columns_are_told),
	};

	return cmocka_run_group_tests_name("sql: derive for MariaDB", tests, start, stop);
}
