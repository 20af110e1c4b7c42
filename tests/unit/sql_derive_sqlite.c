/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Does SQLite touch the rows that the derived SELECT names? */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <sqlite3.h>

#include "twokey/base/buf.h"
#include "twokey/base/err.h"
#include "twokey/sql/derive.h"

#include "tests/lib/derive_cases.h"

enum { SEEDS = 6 };

static void
run(sqlite3 *db, const char *sql)
{
	char *words = NULL;

	if (sqlite3_exec(db, sql, NULL, NULL, &words) != SQLITE_OK)
		fail_msg("%s: %s", sql, words);
}

/* Rows as a set of bits of their id. */
static void
touched(void *ctx, int op, const char *base, const char *table, sqlite3_int64 id)
{
	(void)op, (void)base, (void)table;
	*(uint64_t *)ctx |= UINT64_C(1) << id;
}

/* What the derived SELECT says: a count, or the set of keys; false: refused. */
static bool
ask(sqlite3 *db, const char *sql, enum sql_derived kind, uint64_t *set, int *count)
{
	static const char *const keys[] = { "id" };
	struct sql_settings settings = { .engine = SQL_SQLITE };
	struct sql_derive_want want = { .kind = kind, .keys = keys, .nkeys = 1, .limit = 5 };
	struct sqlite3_stmt *st;
	struct buf out;
	struct err e;
	int rc;

	buf_init(&out, 65536);
	rc = sql_derive(&settings, sql, strlen(sql), &want, &out, &e);
	if (rc == 0) {
		if (sqlite3_prepare_v2(db, buf_str(&out), -1, &st, NULL) != SQLITE_OK)
			fail_msg("%s: %s", buf_str(&out), sqlite3_errmsg(db));
		*set = 0;
		*count = 0;
		while (sqlite3_step(st) == SQLITE_ROW) {
			*set |= UINT64_C(1) << sqlite3_column_int(st, 0);
			*count = kind == SQL_DERIVE_COUNT ? sqlite3_column_int(st, 0) : *count + 1;
		}
		sqlite3_finalize(st);
	}
	buf_fini(&out);
	return rc == 0;
}

/* The rows of one statement, before and when it runs; false: it was refused, or SQLite refuses it. */
static bool
compare(sqlite3 *db, const char *sql)
{
	uint64_t keys = 0, none = 0, real = 0;
	int ncount, nkeys, nreal;
	bool told;

	run(db, "SAVEPOINT s");
	told = ask(db, sql, SQL_DERIVE_COUNT, &none, &ncount) && ask(db, sql, SQL_DERIVE_KEYS, &keys, &nkeys);
	sqlite3_update_hook(db, touched, &real);
	if (told && sqlite3_exec(db, sql, NULL, NULL, NULL) == SQLITE_OK) {
		nreal = sqlite3_changes(db);
		if (strstr(sql, "DELETE") != NULL && strstr(sql, "WHERE") == NULL)
			real = keys;	/* a table that is emptied at once: no row is told */
		if (keys != real || nkeys != nreal || ncount != nreal)
			print_message("# %s\n", sql);
		assert_int_equal(ncount, nreal);
		assert_int_equal(nkeys, nreal);
		assert_true(keys == real);
	} else {
		told = false;
	}
	sqlite3_update_hook(db, NULL, NULL);
	run(db, "ROLLBACK TO s; RELEASE s");
	return told;
}

static void
the_derived_rows_are_those_that_sqlite_touches(void **state)
{
	char text[8192];
	size_t told = 0;

	for (unsigned seed = 0; seed < SEEDS; seed++) {
		sqlite3 *db;

		assert_int_equal(sqlite3_open(":memory:", &db), SQLITE_OK);
		run(db, "CREATE TABLE t (id INTEGER PRIMARY KEY, a, b); CREATE TABLE u (k, v); CREATE TABLE v (k, w)");
		if (seed > 0) {		/* the first time u and v are empty */
			derive_rows(seed, text, sizeof(text));
			run(db, text);
		} else {
			run(db, "INSERT INTO t VALUES (0, 1, 2), (1, NULL, 3)");
		}
		for (size_t i = 0; i < DERIVE_CASES; i++)
			if (derive_case(i, false, text, sizeof(text)))
				told += compare(db, text);
		sqlite3_close(db);
	}
	print_message("# %zu statements compared\n", told);
	assert_true(told > 300 * SEEDS);
}

/* Joins with itself, recursion, functions that give rows. */
static void
odd_joins_are_told_as_well(void **state)
{
	static const char *const rows[] = {
		"UPDATE w SET b = 1 FROM u WHERE w.id = u.k",
		"UPDATE w AS x SET b = 1 FROM w AS y WHERE x.id < y.id",
		"UPDATE main.w SET b = 1 FROM main.u AS y WHERE w.id <> y.k OR y.k IS NULL",
		"UPDATE w SET b = (SELECT max(v) FROM u) WHERE EXISTS (SELECT 1 FROM u WHERE u.k = w.id)",
		"WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 4) UPDATE w SET b = 0 FROM n WHERE n.i = w.id",
		"UPDATE w SET b = 0 FROM json_each('[1,2,2,null]') AS j WHERE j.value = w.id",
		"UPDATE w SET b = 0 FROM json_each(w.b) AS j WHERE j.value = 2",
	};
	sqlite3 *db;

	assert_int_equal(sqlite3_open(":memory:", &db), SQLITE_OK);
	run(db, "CREATE TABLE w (id INTEGER PRIMARY KEY, b); CREATE TABLE u (k, v);"
	    "INSERT INTO w VALUES (1, '[2,2]'), (2, '[3]'), (3, NULL); INSERT INTO u VALUES (1, 1), (1, 2), (NULL, 3), (3, NULL)");
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (!compare(db, rows[i]))
			fail_msg("not told: %s", rows[i]);
	sqlite3_close(db);
}

static int
count_run(sqlite3 *db, const char *sql)
{
	int n;

	run(db, "SAVEPOINT s");
	run(db, sql);
	n = sqlite3_changes(db);
	run(db, "ROLLBACK TO s; RELEASE s");
	return n;
}

/* Which rows LIMIT takes is told when ORDER BY holds the key, else how many. */
static void
the_rows_of_a_limit_are_told(void **state)
{
	static const struct {
		const char *sql;
		bool keys;
	} rows[] = {
		{ "UPDATE w SET b = 1 WHERE b > 1 ORDER BY id LIMIT 2", true },
		{ "DELETE FROM w WHERE b > 0 ORDER BY b DESC, w.id DESC LIMIT 3", true },
		{ "DELETE FROM w WHERE b > 0 ORDER BY b, id LIMIT 100", true },
		{ "DELETE FROM w WHERE b > 0 ORDER BY b, id LIMIT 0", true },
		{ "DELETE FROM w WHERE b > 0 RETURNING id, (SELECT max(k) FROM u) ORDER BY b, id LIMIT 3", true },
		{ "UPDATE w SET b = 1 RETURNING id ORDER BY b, \"id\" ASC LIMIT 1", true },
		{ "DELETE FROM w WHERE b > 0 RETURNING id ORDER BY b LIMIT 2", false },
		{ "DELETE FROM w WHERE b > 0 ORDER BY b LIMIT 2", false },
		{ "DELETE FROM w WHERE b > 0 LIMIT 2", false },
		{ "UPDATE w SET b = 1 RETURNING id LIMIT 30", false },
	};
	uint64_t set;
	sqlite3 *db;
	int count;

	if (!sqlite3_compileoption_used("ENABLE_UPDATE_DELETE_LIMIT"))
		skip();
	assert_int_equal(sqlite3_open(":memory:", &db), SQLITE_OK);
	run(db, "CREATE TABLE w (id INTEGER PRIMARY KEY, b); CREATE TABLE u (k, v);"
	    "INSERT INTO w VALUES (1, 2), (2, 1), (3, NULL), (4, 2), (5, 3), (6, 1), (7, 2)");
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		if (!ask(db, rows[i].sql, SQL_DERIVE_COUNT, &set, &count))
			fail_msg("not told: %s", rows[i].sql);
		assert_int_equal(count, count_run(db, rows[i].sql));
		assert_int_equal(ask(db, rows[i].sql, SQL_DERIVE_KEYS, &set, &count), rows[i].keys);
		if (rows[i].keys && !compare(db, rows[i].sql))
			fail_msg("not told: %s", rows[i].sql);
	}
	sqlite3_close(db);
}

/* The next statement has another time: it could show one row and change another. */
static void
fractions_of_a_second_are_not_told(void **state)
{
	static const char *const no[] = { "julianday('now')", "\"julianday\"()", "strftime('%f', 'now')", "strftime('%s%J')",
		"strftime('%' || 'f', 'now')", "\"strftime\"(char(37, 102), 'now')", "unixepoch('now', 'SubSec')", "[strftime](b, 'now')" };
	static const char *const yes[] = { "strftime('%s', 'now')", "date('now', '-30 days')", "CURRENT_TIMESTAMP", "unixepoch()" };
	struct sql_settings settings = { .engine = SQL_SQLITE };
	struct sql_derive_want want = { .kind = SQL_DERIVE_COUNT };
	struct buf out;
	struct err e;
	char sql[200];

	for (size_t i = 0; i < sizeof no / sizeof *no + sizeof yes / sizeof *yes; i++) {
		size_t k = i < sizeof no / sizeof *no ? 0 : sizeof no / sizeof *no;

		snprintf(sql, sizeof sql, "DELETE FROM t WHERE id = 1 + %s", k == 0 ? no[i] : yes[i - k]);
		buf_init(&out, 4096);
		if ((sql_derive(&settings, sql, strlen(sql), &want, &out, &e) == 0) != (k != 0))
			fail_msg("%s", sql);
		buf_fini(&out);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_derived_rows_are_those_that_sqlite_touches),
		cmocka_unit_test(fractions_of_a_second_are_not_told),
		cmocka_unit_test(odd_joins_are_told_as_well),
		cmocka_unit_test(the_rows_of_a_limit_are_told),
	};

	return cmocka_run_group_tests_name("sql: derive for SQLite", tests, NULL, NULL);
}
