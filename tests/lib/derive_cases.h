/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Writes of the table t(id, a, b) joined with u(k, v) and v(k, w): every verb with every list of
 * tables and every condition. PostgreSQL and SQLite both read them. */
#ifndef TWOKEY_TESTS_DERIVE_CASES_H
#define TWOKEY_TESTS_DERIVE_CASES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

static const struct {
	const char *text;	/* "@" where a FROM or USING goes */
	const char *call;	/* the written table in conditions */
	bool is_delete;
} derive_verbs[] = {
	{ "UPDATE t SET b = 9 @", "t", false },
	{ "UPDATE t AS x SET b = x.a, a = NULL @", "x", false },
	{ "WITH c AS (SELECT k, v FROM u UNION ALL SELECT k, w FROM v) UPDATE t SET b = 9 @", "t", false },
	{ "DELETE FROM t @", "t", true },
	{ "DELETE FROM t AS x @", "x", true },
	{ "WITH c AS (SELECT k, v FROM u UNION ALL SELECT k, w FROM v) DELETE FROM t AS x @", "x", true },
};

static const struct {
	const char *text;
	const char *k;		/* a column of it */
	bool wants_c, wants_alias;
} derive_lists[] = {
	{ "", "3", false, false },
	{ "u", "u.k", false, false },
	{ "u AS y, v", "v.k", false, false },
	{ "u JOIN v ON u.k = v.k", "u.k", false, false },
	{ "u LEFT JOIN v ON u.k = v.k AND v.w > 2", "v.k", false, false },
	{ "(SELECT DISTINCT k FROM u WHERE v IS NOT NULL) AS d", "d.k", false, false },
	{ "(SELECT k, count(*) AS n FROM u GROUP BY k) AS d", "d.n", false, false },
	{ "t AS other", "other.a", false, false },
	{ "t", "t.b", false, true },
	{ "c", "c.k", true, false },
	{ "c JOIN u ON u.v = c.v", "c.k", true, false },
};

/* "@": a column of the written table, "#": one of the list */
static const char *const derive_conditions[] = {
	"", "@.a = #", "@.a < #", "NOT (@.a = #)", "# IS NULL", "@.a IS NULL AND # IS NULL", "@.a IS NOT DISTINCT FROM #",
	"@.a = # OR @.b = 1", "@.a IN (SELECT k FROM v)", "@.a NOT IN (SELECT k FROM v WHERE k IS NOT NULL)",
	"EXISTS (SELECT 1 FROM v WHERE v.k = @.a AND v.w = #)", "@.id > 3 AND # > 0",
	"@.a = (SELECT max(k) FROM u WHERE u.k <= #)", "b = # -- the end",
};

enum {
	DERIVE_VERBS = sizeof(derive_verbs) / sizeof(derive_verbs[0]),
	DERIVE_LISTS = sizeof(derive_lists) / sizeof(derive_lists[0]),
	DERIVE_CONDITIONS = sizeof(derive_conditions) / sizeof(derive_conditions[0]),
	DERIVE_CASES = DERIVE_VERBS * DERIVE_LISTS * DERIVE_CONDITIONS
};

static void
derive_add(char *out, size_t n, const char *text, const char *at, const char *hash)
{
	size_t used = strlen(out);

	for (; *text != '\0'; text++) {
		if (*text == '@')
			used += (size_t)snprintf(out + used, n - used, "%s", at);
		else if (*text == '#')
			used += (size_t)snprintf(out + used, n - used, "%s", hash);
		else
			used += (size_t)snprintf(out + used, n - used, "%c", *text);
	}
}

/* The i-th statement; false when there is none of that kind. */
__attribute__((unused)) static bool
derive_case(size_t i, bool delete_joins, char *out, size_t n)
{
	size_t verb = i % DERIVE_VERBS, list = i / DERIVE_VERBS % DERIVE_LISTS;
	const char *condition = derive_conditions[i / DERIVE_VERBS / DERIVE_LISTS];
	char from[256] = "";

	if ((derive_lists[list].wants_c && strncmp(derive_verbs[verb].text, "WITH", 4) != 0)
	    || (derive_lists[list].wants_alias && derive_verbs[verb].call[0] != 'x')
	    || (list > 0 && derive_verbs[verb].is_delete && !delete_joins))
		return false;
	if (list > 0)
		snprintf(from, sizeof(from), "%s %s", derive_verbs[verb].is_delete ? "USING" : "FROM", derive_lists[list].text);
	out[0] = '\0';
	derive_add(out, n, derive_verbs[verb].text, from, "");
	if (condition[0] != '\0')
		derive_add(out, n, " WHERE ", "", "");
	derive_add(out, n, condition, derive_verbs[verb].call, derive_lists[list].k);
	return true;
}

/* The same rows for every engine, with duplicates and NULLs; the seed makes them others. */
static void
derive_rows(unsigned seed, char *out, size_t n)
{
	static const struct { const char *table; int rows; } tables[] = { { "t", 12 }, { "u", 9 }, { "v", 7 } };

	out[0] = '\0';
	for (size_t t = 0; t < 3; t++)
		for (int i = 0; i < tables[t].rows; i++) {
			char value[2][8];

			for (int k = 0; k < 2; k++) {
				seed = seed * 1103515245 + 12345;
				if (seed >> 16 & 3)
					snprintf(value[k], sizeof(value[k]), "%u", (seed >> 18) % 6);
				else
					strcpy(value[k], "NULL");
			}
			if (t == 0)
				snprintf(out + strlen(out), n - strlen(out), "INSERT INTO t VALUES (%d, %s, %s);", i, value[0], value[1]);
			else
				snprintf(out + strlen(out), n - strlen(out), "INSERT INTO %s VALUES (%s, %s);", tables[t].table,
				    value[0], value[1]);
		}
}

#endif
