/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "twokey/base/buf.h"
#include "twokey/console/screen.h"

#include "console/keys.h"

static const enum key_where all[] = { KEYS_DRIVER, KEYS_WAITING, KEYS_SHEET, KEYS_HELD, KEYS_WATCHER };

static void
the_key_row_of_every_screen_fits_80_columns(void **state)
{
	for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) {
		struct buf b;

		buf_init(&b, 1024);
		key_row(all[i], &b);
		assert_in_range(buf_len(&b), 10, 80);
		buf_fini(&b);
	}
}

static void
the_help_of_every_screen_fits_80x24(void **state)
{
	for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) {
		struct buf b;
		size_t lines = 0;

		buf_init(&b, 1024);
		for (; buf_reset(&b), key_help(all[i], lines, &b); lines++)
			assert_in_range(buf_len(&b), 10, 80);
		assert_in_range(lines, 5, 18);
		buf_fini(&b);
	}
}

static void
no_key_means_two_things_on_one_screen(void **state)
{
	for (size_t i = 0; i < sizeof all / sizeof all[0]; i++)
		for (int key = SCREEN_KEY_ESCAPE; key <= SCREEN_KEY_F10; key++) {
			struct screen_event ev = { .key = (enum screen_key)key };
			enum key_action a = key_of_event(&ev, all[i]);
			char word[40];
			const char *rest;
			bool named = a == KEY_NONE;

			/* and every function key has a word: terminals keep some of them */
			for (size_t w = 0; !named && key_word(w) != NULL; w++) {
				snprintf(word, sizeof word, "\\%s", key_word(w));
				named = key_of_word(word, strlen(word), all[i], &rest) == a;
			}
			assert_true(named);
		}
}

static void
words_are_whole_and_of_their_screen(void **state)
{
	static const struct {
		const char *text;
		enum key_where where;
		enum key_action action;
		const char *rest;
	} table[] = {
		{ "\\q", KEYS_DRIVER, KEY_QUIT, "" },
		{ "\\q;", KEYS_DRIVER, KEY_QUIT, "" },
		{ "\\say  hello you", KEYS_DRIVER, KEY_SAY, "hello you" },
		{ "\\sa", KEYS_DRIVER, KEY_NONE, "" },
		{ "\\sayy", KEYS_DRIVER, KEY_NONE, "" },
		{ "\\deny no", KEYS_DRIVER, KEY_NONE, "no" },
		{ "\\deny no", KEYS_SHEET, KEY_DENY, "no" },
		{ "\\deny no", KEYS_WATCHER, KEY_NONE, "no" },
		{ "\\!", KEYS_DRIVER, KEY_NONE, "" },
		{ "\\e", KEYS_DRIVER, KEY_NONE, "" },
		{ "\\", KEYS_DRIVER, KEY_NONE, "" },
	};

	for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
		const char *rest;

		assert_int_equal(key_of_word(table[i].text, strlen(table[i].text), table[i].where, &rest),
		    table[i].action);
		assert_string_equal(rest, table[i].rest);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_key_row_of_every_screen_fits_80_columns),
		cmocka_unit_test(the_help_of_every_screen_fits_80x24),
		cmocka_unit_test(no_key_means_two_things_on_one_screen),
		cmocka_unit_test(words_are_whole_and_of_their_screen),
	};

	return cmocka_run_group_tests_name("console_keys", tests, NULL, NULL);
}
