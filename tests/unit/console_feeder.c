/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "console/feeder.h"

static void
assert_key(struct feeder *f, int64_t now, enum screen_key key, const char *utf8)
{
	struct screen_event ev;

	assert_true(feeder_next(f, now, &ev));
	assert_int_equal(ev.key, key);
	assert_string_equal(ev.utf8, utf8);
}

static void
assert_nothing(struct feeder *f, int64_t now)
{
	struct screen_event ev;

	assert_false(feeder_next(f, now, &ev));
}

static void
sequences_of_terminals_become_keys(void **state)
{
	static const struct {
		const char *bytes;
		enum screen_key key;
	} table[] = {
		{ "\033[A", SCREEN_KEY_UP }, { "\033OB", SCREEN_KEY_DOWN },
		{ "\033[5~", SCREEN_KEY_PGUP }, { "\033[6~", SCREEN_KEY_PGDN },
		{ "\033OP", SCREEN_KEY_F1 }, { "\033[[E", SCREEN_KEY_F5 },
		{ "\033[15~", SCREEN_KEY_F5 }, { "\033[18~", SCREEN_KEY_F7 },
		{ "\033[19~", SCREEN_KEY_F8 }, { "\033[21~", SCREEN_KEY_F10 },
		{ "\033[1;2D", SCREEN_KEY_SHIFT_LEFT }, { "\033[H", SCREEN_KEY_HOME },
		{ "\r", SCREEN_KEY_ENTER }, { "\n", SCREEN_KEY_ENTER }, { "\t", SCREEN_KEY_TAB },
		{ "\177", SCREEN_KEY_BACKSPACE },
		{ "\033[1;5D", SCREEN_KEY_NONE },	/* unknown here: the editor's */
		{ "\033b", SCREEN_KEY_NONE },
		{ "\033[I", SCREEN_KEY_NONE },
	};

	for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
		struct feeder *f = feeder_create();
		struct screen_event ev;

		feeder_push(f, table[i].bytes, strlen(table[i].bytes));
		assert_true(feeder_next(f, 0, &ev));
		assert_int_equal(ev.key, table[i].key);
		assert_int_equal(ev.nbytes, strlen(table[i].bytes));
		assert_memory_equal(ev.bytes, table[i].bytes, ev.nbytes);
		assert_nothing(f, 0);
		feeder_free(f);
	}
}

static void
control_keys_name_their_letter(void **state)
{
	struct feeder *f = feeder_create();

	feeder_push(f, "\003\014x", 3);
	assert_key(f, 0, SCREEN_KEY_CTRL, "c");
	assert_key(f, 0, SCREEN_KEY_CTRL, "l");
	assert_key(f, 0, SCREEN_KEY_TEXT, "x");
	feeder_free(f);
}

static void
a_lone_escape_is_one_after_50_ms(void **state)
{
	struct feeder *f = feeder_create();

	feeder_push(f, "\033", 1);
	assert_nothing(f, 1000);
	assert_int_equal(feeder_wait(f, 1010), 40);
	assert_nothing(f, 1049);
	assert_key(f, 1050, SCREEN_KEY_ESCAPE, "");
	assert_int_equal(feeder_wait(f, 1050), -1);
	feeder_push(f, "b", 1);
	assert_key(f, 1051, SCREEN_KEY_TEXT, "b");
	feeder_free(f);
}

static void
an_escape_with_its_rest_in_time_is_a_sequence(void **state)
{
	struct feeder *f = feeder_create();

	feeder_push(f, "\033", 1);
	assert_nothing(f, 0);
	feeder_push(f, "[", 1);
	assert_nothing(f, 40);
	assert_nothing(f, 300);		/* begun: a slow line has more time than a lone Esc */
	feeder_push(f, "A", 1);
	assert_key(f, 320, SCREEN_KEY_UP, "");
	feeder_free(f);
}

static void
a_torn_sequence_is_dropped_and_never_becomes_text(void **state)
{
	struct feeder *f = feeder_create();
	struct screen_event ev;

	feeder_push(f, "\033[1;", 4);
	assert_nothing(f, 0);
	assert_true(feeder_next(f, 600, &ev));
	assert_int_equal(ev.key, SCREEN_KEY_NONE);
	assert_int_equal(ev.nbytes, 0);
	assert_nothing(f, 600);
	feeder_free(f);
}

static void
characters_come_whole_and_bytes_that_are_none_are_dropped(void **state)
{
	struct feeder *f = feeder_create();

	feeder_push(f, "\xe8", 1);
	assert_nothing(f, 0);
	feeder_push(f, "\xaa\x9e\xff\x80z\xc0\xaf", 7);
	assert_key(f, 1, SCREEN_KEY_TEXT, "\xe8\xaa\x9e");
	assert_key(f, 1, SCREEN_KEY_TEXT, "z");
	assert_nothing(f, 1);
	feeder_free(f);
}

static void
a_paste_is_one_event_wherever_it_is_torn(void **state)
{
	static const char bytes[] = "a\033[200~select 1;\ndrop\033[A;\r\n\033[201~b";
	size_t len = sizeof bytes - 1;

	for (size_t cut = 0; cut <= len; cut++) {
		struct feeder *f = feeder_create();
		struct screen_event ev[8];
		size_t got = 0, n;
		const char *text;

		feeder_push(f, bytes, cut);
		while (feeder_next(f, 0, &ev[got]))
			got++;
		feeder_push(f, bytes + cut, len - cut);
		while (feeder_next(f, 1, &ev[got]))
			got++;
		assert_int_equal(got, 3);
		assert_int_equal(ev[1].key, SCREEN_KEY_PASTE);
		text = feeder_paste(f, &n);
		assert_int_equal(n, 20);
		assert_memory_equal(text, "select 1;\ndrop\033[A;\r\n", n);
		feeder_free(f);
	}
}

static void
a_paste_without_its_end_ends_after_a_silence(void **state)
{
	struct feeder *f = feeder_create();
	size_t n;

	feeder_push(f, "\033[200~x;\n", 9);
	assert_nothing(f, 0);
	feeder_push(f, "y", 1);
	assert_nothing(f, 1500);
	assert_nothing(f, 3000);
	assert_int_equal(feeder_wait(f, 3000), 500);
	assert_key(f, 3500, SCREEN_KEY_PASTE, "");
	assert_memory_equal(feeder_paste(f, &n), "x;\ny", 4);
	feeder_push(f, "k", 1);
	assert_key(f, 3501, SCREEN_KEY_TEXT, "k");
	feeder_free(f);
}

static void
a_paste_over_the_limit_is_cut_and_does_not_grow(void **state)
{
	struct feeder *f = feeder_create();
	char *big = malloc(FEEDER_PASTE_MAX);
	struct screen_event ev;
	size_t n;

	memset(big, 'x', FEEDER_PASTE_MAX);
	feeder_push(f, "\033[200~", 6);
	for (int i = 0; i < 3; i++) {
		feeder_push(f, big, FEEDER_PASTE_MAX);
		assert_false(feeder_next(f, i, &ev));
	}
	feeder_push(f, "\033[201~", 6);
	assert_key(f, 9, SCREEN_KEY_PASTE, "");
	feeder_paste(f, &n);
	assert_int_equal(n, FEEDER_PASTE_MAX);
	free(big);
	feeder_free(f);
}

static void
dropping_forgets_keys_and_a_half_paste(void **state)
{
	struct feeder *f = feeder_create();

	feeder_push(f, "orders 3\r\033[200~x", 16);
	assert_key(f, 0, SCREEN_KEY_TEXT, "o");
	feeder_drop(f);
	assert_nothing(f, 5000);
	feeder_push(f, "k", 1);
	assert_key(f, 5000, SCREEN_KEY_TEXT, "k");
	feeder_free(f);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sequences_of_terminals_become_keys),
		cmocka_unit_test(control_keys_name_their_letter),
		cmocka_unit_test(a_lone_escape_is_one_after_50_ms),
		cmocka_unit_test(an_escape_with_its_rest_in_time_is_a_sequence),
		cmocka_unit_test(a_torn_sequence_is_dropped_and_never_becomes_text),
		cmocka_unit_test(characters_come_whole_and_bytes_that_are_none_are_dropped),
		cmocka_unit_test(a_paste_is_one_event_wherever_it_is_torn),
		cmocka_unit_test(a_paste_without_its_end_ends_after_a_silence),
		cmocka_unit_test(a_paste_over_the_limit_is_cut_and_does_not_grow),
		cmocka_unit_test(dropping_forgets_keys_and_a_half_paste),
	};

	return cmocka_run_group_tests_name("console_feeder", tests, NULL, NULL);
}
