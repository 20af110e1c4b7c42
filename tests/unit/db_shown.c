/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What differs between two looks, in words. */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "db/driver.h"
#include "db/shown.h"

/* A look as text: "name=value" each; a name that begins with "~" is only reached. */
static struct digest
look(struct db_shown *s, const char *text)
{
	struct db_ground g;
	char name[64], value[64];

	db_shown_init(s);
	db_ground_begin(&g, &s->parts);
	while (sscanf(text, " %63[^=]=%63[^;];", name, value) == 2) {
		g.reached = name[0] == '~';
		db_ground_text(&g, value);
		db_ground_name(&g, "%s", name + g.reached);
		text = strchr(text, ';') + 1;
	}
	return db_ground_end(&g);
}

static void
says(const char *then, const char *now, const char *want)
{
	struct db_shown a, b;
	struct digest x = look(&a, then), y = look(&b, now);
	struct buf out;

	buf_init(&out, 4096);
	db_shown_differ(&a, &b, &out);
	assert_string_equal(buf_str(&out), want);
	assert_int_equal(digest_equal(&x, &y), strcmp(then, now) == 0);
	buf_fini(&out);
	db_shown_fini(&a);
	db_shown_fini(&b);
}

static void
what_differs_is_named_in_the_order_of_the_look(void **state)
{
	(void)state;
	says("a=1;b=2;", "a=1;b=2;", "");
	says("z=1;a=2;m=3;", "z=2;a=2;m=4;", "z, m");
	says("a=1;", "a=1;b=2;", "b (new)");
	says("a=1;b=2;", "b=2;", "a (gone)");
	says("a=1;b=2;", "b=3;c=4;", "b, c (new), a (gone)");
	says("", "a=1;", "a (new)");
	says("a=1;a=2;", "a=1;a=3;", "a");
	says("a=1;b=1;c=1;d=1;e=1;f=1;g=1;", "a=2;b=2;c=2;d=2;e=2;f=2;g=2;", "a, b, c, d, e and 2 more");
	says("a\x1b[2J=1;", "a\x1b[2J=2;", "a<1B>[2J");
}

/* With the first trigger comes all that it could set off, which is not new by itself. */
static void
what_is_reached_is_named_only_where_it_was_before(void **state)
{
	(void)state;
	says("t=1;~f=1;", "t=1;~f=2;", "f");
	says("t=1;~f=1;", "t=1;~f=1;~g=1;", "g (new)");
	says("t=1;", "t=1;u=1;~f=1;~g=1;", "u (new)");
	says("t=1;u=1;~f=1;", "t=1;", "u (gone)");
}

static void
keys_are_listed_while_there_is_room(void **state)
{
	struct db_cell two[2] = { { DB_INTEGER, "7", 1 }, { DB_NULL, "", 0 } };
	char number[16], wide[200];
	struct db_shown s;

	(void)state;
	db_shown_init(&s);
	db_key_list(&s.keys, two, 1);
	db_key_list(&s.keys, two, 2);
	assert_string_equal(buf_str(&s.keys), "7, (7, NULL)");
	memset(wide, 'x', sizeof wide);
	db_key_list(&s.keys, &(struct db_cell){ DB_TEXT, wide, sizeof wide }, 1);
	assert_non_null(strstr(buf_str(&s.keys), "xxx..."));
	for (int i = 0; i < 500; i++) {
		snprintf(number, sizeof number, "%d", i);
		db_key_list(&s.keys, &(struct db_cell){ DB_INTEGER, number, strlen(number) }, 1);
	}
	assert_true(buf_len(&s.keys) < 410);
	assert_string_equal(buf_str(&s.keys) + buf_len(&s.keys) - 5, ", ...");
	db_shown_fini(&s);
}

/* Of the parts of a change set the worst stands, wherever it is. */
static void
what_cannot_be_taken_back_stands(void **state)
{
	static const char *const by_badness[] = { "yes", "triggers", "foreign", "unknown", "engine", "statement" };

	(void)state;
	for (size_t a = 0; a < 6; a++)
		for (size_t b = 0; b < 6; b++) {
			struct db_sheet all, one, two;

			db_sheet_init(&all);
			db_sheet_init(&one);
			db_sheet_init(&two);
			one.rollback = by_badness[a];
			two.rollback = by_badness[b];
			db_sheet_add(&all, &one, true);
			db_sheet_add(&all, &two, false);
			assert_string_equal(all.rollback, by_badness[a > b ? a : b]);
			db_sheet_fini(&all);
			db_sheet_fini(&one);
			db_sheet_fini(&two);
		}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_differs_is_named_in_the_order_of_the_look),
		cmocka_unit_test(what_cannot_be_taken_back_stands),
		cmocka_unit_test(what_is_reached_is_named_only_where_it_was_before),
		cmocka_unit_test(keys_are_listed_while_there_is_room),
	};

	return cmocka_run_group_tests_name("db_shown", tests, NULL, NULL);
}
