/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "twokey/base/digest.h"
#include "twokey/sql/facts.h"
#include "twokey/sql/normal.h"

static const struct {
	enum sql_engine engine;
	bool same;
	const char *a;
	const char *b;
} rows[] = {
	{ SQL_POSTGRES, true, "SELECT a FROM t WHERE b = 1", "select  A\n from T -- x\n where b=2 /* y */;" },
	{ SQL_POSTGRES, true, "select 'a', $1, 1.5e3, E'x', $$a$$", "select 1, 2, 'x', $2, 'c'" },
	{ SQL_POSTGRES, true, "select 1 where a in (1, 2, 3)", "select 1 where a IN ('x')" },
	{ SQL_POSTGRES, true, "select 1 where a in (1, -2, $3)", "select 1 where a in (7)" },
	{ SQL_POSTGRES, true, "select 1 where a = -5", "select 1 where a = 5" },
	{ SQL_POSTGRES, true, ";select 1;;", "select 2" },
	{ SQL_POSTGRES, true, "", " -- nothing" },
	{ SQL_POSTGRES, false, "select a - 5", "select a 5" },
	{ SQL_POSTGRES, false, "select 1 where a in (1, 2)", "select 1 where a in (1, b)" },
	{ SQL_POSTGRES, false, "select 1 where a in (1, 2)", "select 1 where a in (1, null)" },
	{ SQL_POSTGRES, false, "select 1 where a in (1, 2)", "select 1 where a in (1, 2) or b" },
	{ SQL_POSTGRES, false, "select f(1, 2)", "select f(1)" },
	{ SQL_POSTGRES, false, "select \"A\"", "select a" },
	{ SQL_POSTGRES, false, "select a", "select 'a'" },
	{ SQL_POSTGRES, false, "select ab", "select a b" },
	{ SQL_POSTGRES, false, "select 1; select 1", "select 1 select 1" },
	{ SQL_POSTGRES, true, "select 1; select 1", "select 1;; select 1" },
	{ SQL_POSTGRES, false, "select 'a", "select 'b" },
	{ SQL_POSTGRES, false, "delete from t", "delete from t where a = 1" },
	{ SQL_SQLITE, true, "select \"a\" from T where x = ?1", "SELECT \"a\" from t where x = :name" },
	{ SQL_SQLITE, false, "select \"a\"", "select \"b\"" },
	{ SQL_MARIADB, true, "select \"a\", COUNT(*) FROM t # x", "SELECT 'b', count(*) from t" },
	{ SQL_MARIADB, false, "select 1 from T", "select 1 from t" },
	{ SQL_MARIADB, false, "select 1 from d.T", "select 1 from d.t" },
	{ SQL_MARIADB, false, "select 1 from t", "select 1 /*! from t */" },
	{ SQL_MARIADB, false, "delete from t /*!99999 where a */", "delete from t" },
	{ SQL_MYSQL, true, "select 0x41, X'41', 'a' from t where `a` IN (1,2)", "select 1, 'b', 'c' from t where `a` in (3)" },
};

static void
texts_of_one_shape_have_one_digest(void **state)
{
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct sql_settings set = { .engine = rows[i].engine };
		struct digest a, b;

		sql_normal_digest(&set, rows[i].a, strlen(rows[i].a), &a);
		sql_normal_digest(&set, rows[i].b, strlen(rows[i].b), &b);
		if (digest_equal(&a, &b) != rows[i].same)
			print_message("# %s | %s\n", rows[i].a, rows[i].b);
		assert_int_equal(digest_equal(&a, &b), rows[i].same);
	}
}

static void
a_long_word_and_a_long_list_are_no_trouble(void **state)
{
	struct sql_settings set = { .engine = SQL_POSTGRES };
	static char word[4096], list[8192];
	struct digest a, b;
	size_t n;

	memset(word, 'w', sizeof(word));
	sql_normal_digest(&set, word, sizeof(word), &a);
	sql_normal_digest(&set, word, sizeof(word) - 1, &b);
	assert_false(digest_equal(&a, &b));
	n = strlen(strcpy(list, "x in (1"));
	while (n + 3 < sizeof(list)) {
		list[n++] = ',';
		list[n++] = '2';
	}
	list[n++] = ')';
	sql_normal_digest(&set, list, n, &a);
	sql_normal_digest(&set, "x in (9)", 8, &b);
	assert_true(digest_equal(&a, &b));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(texts_of_one_shape_have_one_digest),
		cmocka_unit_test(a_long_word_and_a_long_list_are_no_trouble),
	};

	return cmocka_run_group_tests_name("sql: normal", tests, NULL, NULL);
}
