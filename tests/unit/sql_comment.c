/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Rule 12 of the approval: what is dimmed is a comment for sure. */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "twokey/sql/comment.h"

static void
are(enum sql_engine engine, const char *sql, const char *want)
{
	struct sql_span v[8];
	size_t n = sql_comments(engine, sql, strlen(sql), v, 8), len = 0;
	char got[200] = "";

	for (size_t i = 0; i < n; i++) {
		memcpy(got + len, sql + v[i].off, v[i].len);
		len += v[i].len;
		got[len++] = '|';
	}
	got[len] = '\0';
	assert_string_equal(got, want);
}

static void
comments_are_found_and_strings_are_none(void **state)
{
	(void)state;
	are(SQL_POSTGRES, "delete from t /* all */ where id = 1 -- end", "/* all */|-- end|");
	are(SQL_POSTGRES, "select '-- no', $$/* no */$$ /* a /* b */ c */", "/* a /* b */ c */|");
	are(SQL_SQLITE, "update t set a = '/*' where b = '*/'", "");
	are(SQL_MARIADB, "update t set a = 1 # x\nwhere b = 2 --y", "# x|");
	are(SQL_MARIADB, "update t set a = 1", "");
	are(SQL_SQLITE, "", "");
}

static void
what_may_run_is_no_comment(void **state)
{
	(void)state;
	are(SQL_MARIADB, "delete from t /*! where id = 1 */", "");
	are(SQL_MARIADB, "delete from t /*!999999 where id = 1 */", "");
	are(SQL_MARIADB, "delete from t /*M! where id = 1 */", "");
	/* under NO_BACKSLASH_ESCAPES the string ends elsewhere, under ANSI_QUOTES and without as well */
	are(SQL_MARIADB, "update t set a = 'x\\' -- ' where b = 1", "");
	are(SQL_MYSQL, "update t set a = \"x' -- \" -- y", "");
	are(SQL_POSTGRES, "update t set a = 'x\\' -- ' where b = 1", "");
}

static void
no_more_than_there_is_room_for(void **state)
{
	struct sql_span v[2];
	static const char text[] = "/*a*/ /*b*/ /*c*/ select 1";

	(void)state;
	assert_int_equal(sql_comments(SQL_POSTGRES, text, strlen(text), v, 2), 2);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(comments_are_found_and_strings_are_none),
		cmocka_unit_test(what_may_run_is_no_comment),
		cmocka_unit_test(no_more_than_there_is_room_for),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
