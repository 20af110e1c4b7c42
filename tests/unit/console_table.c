/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "console/table.h"
#include "twokey/base/buf.h"
#include "twokey/base/text.h"

static struct table *
table_of(const char *cols, const char *rows)
{
	struct table *t = table_create();
	json_t *c = json_loads(cols, 0, NULL), *r = json_loads(rows, JSON_ALLOW_NUL, NULL), *row;
	size_t i;

	assert_non_null(c);
	assert_non_null(r);
	table_columns(t, c);
	json_array_foreach(r, i, row)
		table_row(t, row);
	json_decref(c);
	json_decref(r);
	return t;
}

static void
keep(void *ctx, const struct log_text *t)
{
	buf_put(ctx, t->text, t->n);
	buf_putc(ctx, '\n');
}

static void
assert_table(const char *cols, const char *rows, int width, enum log_expanded x, const char *want)
{
	struct table *t = table_of(cols, rows);
	struct buf out;
	struct lay l = { width, true, 0, keep, &out };

	buf_init(&out, 1 << 20);
	(void)table_lay(t, &l, x);
	assert_string_equal(buf_str(&out), want);
	buf_fini(&out);
	table_free(t);
}

static void
numbers_stand_right_and_words_left_as_psql_draws_them(void **state)
{
	assert_table("[{\"name\":\"id\",\"type\":\"int4\"},{\"name\":\"status\",\"type\":\"text\"}]",
	    "[[\"4211\",\"new\"],[\"7\",\"paid\"]]", 80, LOG_TABLE,
	    "  id  | status\n"
	    "------+--------\n"
	    " 4211 | new\n"
	    "    7 | paid\n");
}

static void
a_column_without_a_type_is_judged_by_what_it_holds(void **state)
{
	assert_table("[{\"name\":\"a\",\"type\":\"\"},{\"name\":\"b\",\"type\":\"\"},{\"name\":\"zip\",\"type\":\"text\"}]",
	    "[[\"1.5\",\"1\",\"01\"],[null,\"x\",\"5\"]]", 80, LOG_TABLE,
	    "   a    | b | zip\n"
	    "--------+---+-----\n"
	    "    1.5 | 1 | 01\n"
	    " <null> | x | 5\n");
}

static void
wide_characters_take_two_columns(void **state)
{
	assert_table("[{\"name\":\"\\u540d\\u524d\",\"type\":\"text\"},{\"name\":\"n\",\"type\":\"int\"}]",
	    "[[\"\\u6f22\\u5b57\\u304b\\u306a\",\"1\"],[\"e\\u0301\",\"22\"]]", 80, LOG_TABLE,
	    "   名前   | n\n"
	    "----------+----\n"
	    " 漢字かな |  1\n"
	    " e\u0301        | 22\n");
}

static void
hostile_cells_are_marks_and_bytes_are_hex(void **state)
{
	assert_table("[{\"name\":\"\\u001b[2J\",\"type\":\"text\"}]",
	    "[[\"\\u001b]0;x\\u0007\"],[\"a\\nb\\tc\\u0000\"],[{\"base64\":\"AP+A\"}],[{\"base64\":\"?\"}],"
	    "[{\"text\":\"long\",\"cut\":99}],[[1]],[true],[{}]]", 80, LOG_TABLE,
	    "       <1B>[2J\n"
	    "---------------------\n"
	    " <1B>]0;x<07>\n"
	    " a<0A>b<09>c<00>\n"
	    " \\x00ff80\n"
	    " <malformed>\n"
	    " long<cut, 99 bytes>\n"
	    " <malformed>\n"
	    " true\n"
	    " <malformed>\n");
}

static void
rows_that_do_not_fit_their_columns_are_shown_as_they_are(void **state)
{
	assert_table("[{\"name\":\"a\",\"type\":\"text\"},{\"name\":\"b\",\"type\":\"text\"}]",
	    "[[\"1\"],[\"1\",\"2\",\"3\"],7]", 80, LOG_TABLE,
	    "     a     |      b\n"
	    "-----------+-------------\n"
	    " 1         | <missing>\n"
	    " 1         | 2 <extra> 3\n"
	    " <missing> | <missing>\n");
}

static void
what_is_too_wide_is_cut_or_expanded(void **state)
{
	static const char cols[] = "[{\"name\":\"a\",\"type\":\"text\"},{\"name\":\"long name\",\"type\":\"text\"}]";
	static const char rows[] = "[[\"1234567890\",\"abcdefghijklmnopqrstuvwxyz\"]]";

	assert_table(cols, rows, 30, LOG_TABLE,
	    "     a      |         long na>\n"
	    "------------+---------------->\n"
	    " 1234567890 | abcdefghijklmno>\n");
	assert_table(cols, rows, 30, LOG_EXPANDED_AUTO,
	    "-[ RECORD 1 ]----------------\n"
	    "a         | 1234567890\n"
	    "long name | abcdefghijklmnopqr\n"
	    "          : stuvwxyz\n");
}

static void
a_very_long_cell_costs_no_more_than_its_own_length(void **state)
{
	struct table *t = table_create();
	char *cell = malloc(1 << 20);
	struct buf out;
	struct lay l = { 80, true, 0, keep, &out };

	memset(cell, 'x', 1 << 20);
	buf_init(&out, 1 << 22);
	table_column(t, "a", 1, false);
	table_column(t, "b", 1, false);
	table_cell(t, cell, 1 << 20);
	table_cell(t, "1", 1);
	for (int i = 0; i < 20000; i++)
		table_cell(t, "1", 1);
	assert_true(table_lay(t, &l, LOG_TABLE));
	assert_true(buf_len(&out) < 10002 * 84);
	buf_fini(&out);
	table_free(t);
	free(cell);
}

static void
no_columns_and_no_rows_make_no_lines(void **state)
{
	assert_table("[]", "[]", 80, LOG_TABLE, "");
	assert_table("[]", "[]", 80, LOG_EXPANDED, "");
	assert_table("[{\"name\":\"a\",\"type\":\"\"}]", "[]", 80, LOG_TABLE, " a\n---\n");
	assert_table("[]", "[[\"x\"]]", 80, LOG_TABLE, " ?\n---\n x\n");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(numbers_stand_right_and_words_left_as_psql_draws_them),
		cmocka_unit_test(a_column_without_a_type_is_judged_by_what_it_holds),
		cmocka_unit_test(wide_characters_take_two_columns),
		cmocka_unit_test(hostile_cells_are_marks_and_bytes_are_hex),
		cmocka_unit_test(rows_that_do_not_fit_their_columns_are_shown_as_they_are),
		cmocka_unit_test(what_is_too_wide_is_cut_or_expanded),
		cmocka_unit_test(a_very_long_cell_costs_no_more_than_its_own_length),
		cmocka_unit_test(no_columns_and_no_rows_make_no_lines),
	};

	return cmocka_run_group_tests_name("console table", tests, NULL, NULL);
}
