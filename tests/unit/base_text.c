/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The safe renderer: nothing that moves a cursor, hides or turns text gets through (law 9). */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "twokey/base/buf.h"
#include "twokey/base/err.h"
#include "twokey/base/text.h"

static const struct {
	const char *in;
	size_t n;
	const char *out;
} safe[] = {
	{ "plain", 5, "plain" },
	{ "a<b", 3, "a<b" },
	{ "\033]52;c;x\007", 9, "<1B>]52;c;x<07>" },
	{ "a\tb\nc", 5, "a<09>b<0A>c" },
	{ "\x7f", 1, "<7F>" },
	{ "\xc2\x9b" "31m", 5, "<9B>31m" },
	{ "\xe2\x80\xae" "abc", 6, "<U+202E>abc" },
	{ "\xe2\x80\x8b", 3, "<U+200B>" },
	{ "\xef\xbb\xbf", 3, "<U+FEFF>" },
	{ "\xf3\xa0\x81\x81", 4, "<U+E0041>" },
	{ "\xef\xb8\x8f", 3, "<U+FE0F>" },
	{ "\xff" "A", 2, "<?FF>A" },
	{ "\xc0\xaf", 2, "<?C0><?AF>" },
	{ "\xed\xa0\x80", 3, "<?ED><?A0><?80>" },
	{ "\xe8\xaa\x9e", 3, "\xe8\xaa\x9e" },
	{ "\xe8\xaa", 2, "<?E8><?AA>" },
	{ "x\0y", 3, "x<00>y" },
};

static void
what_is_not_plain_text_becomes_a_mark(void **state)
{
	struct buf b;

	(void)state;
	buf_init(&b, 1000);
	for (size_t i = 0; i < sizeof safe / sizeof safe[0]; i++) {
		buf_reset(&b);
		text_safe(&b, safe[i].in, safe[i].n, TEXT_ONE_LINE);
		if (strcmp(buf_str(&b), safe[i].out) != 0)
			fail_msg("row %zu: \"%s\" instead of \"%s\"", i, buf_str(&b), safe[i].out);
	}
	buf_fini(&b);
}

/* True for a byte or sequence that a terminal would act on. */
static int
is_clean(const char *s, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		unsigned char c = (unsigned char)s[i];

		if (c < 0x20 || c == 0x7f)
			return 0;
		if (c == 0xc2 && i + 1 < n && (unsigned char)s[i + 1] < 0xa0)
			return 0;
	}
	return 1;
}

static void
no_bytes_whatever_get_a_control_character_through(void **state)
{
	uint32_t seed = 1;
	char in[64];
	struct buf b;

	(void)state;
	buf_init(&b, 100000);
	for (int round = 0; round < 20000; round++) {
		for (size_t i = 0; i < sizeof in; i++) {
			seed = seed * 1664525 + 1013904223;
			in[i] = (char)(seed >> 24);
		}
		buf_reset(&b);
		text_safe(&b, in, sizeof in, TEXT_ONE_LINE);
		assert_true(text_is_utf8(buf_data(&b), buf_len(&b)));
		assert_true(is_clean(buf_data(&b), buf_len(&b)));
		assert_int_equal(text_marks(buf_data(&b), buf_len(&b)), 0);
	}
	buf_fini(&b);
}

static void
tabs_and_lines_are_laid_out_when_asked(void **state)
{
	struct buf b;

	(void)state;
	buf_init(&b, 1000);
	text_safe(&b, "ab\tc\n\td\r", 8, TEXT_LINES);
	assert_string_equal(buf_str(&b), "ab      c\n        d<0D>");
	buf_fini(&b);
}

static void
widths_count_columns(void **state)
{
	(void)state;
	assert_int_equal(text_width("abc", 3), 3);
	assert_int_equal(text_width("\xe8\xaa\x9e", 3), 2);
	assert_int_equal(text_width("e\xcc\x81", 3), 1);
	assert_int_equal(text_fit("a\xe8\xaa\x9e" "b", 5, 2), 1);
	assert_int_equal(text_fit("a\xe8\xaa\x9e" "b", 5, 3), 4);
}

static void
base64_goes_there_and_back_and_refuses_the_rest(void **state)
{
	static const char *const bad[] = { "A", "AB==C", "=AAA", "AA=A", "AAA!", "AA", "====" };
	struct buf b, back;
	char in[40];

	(void)state;
	buf_init(&b, 1000);
	buf_init(&back, 1000);
	for (size_t n = 0; n < sizeof in; n++) {
		in[n] = (char)(n * 7);
		buf_reset(&b);
		buf_reset(&back);
		text_base64(&b, in, n + 1);
		assert_int_equal(text_unbase64(&back, buf_data(&b), buf_len(&b)), 0);
		assert_int_equal(buf_len(&back), n + 1);
		assert_memory_equal(buf_data(&back), in, n + 1);
	}
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		buf_reset(&back);
		assert_int_equal(text_unbase64(&back, bad[i], strlen(bad[i])), ERR_INVALID);
	}
	buf_fini(&b);
	buf_fini(&back);
}

/* Eight bytes at a time must find what one at a time finds, at every place in the word. */
static void
plain_text_ends_at_the_first_byte_that_json_escapes(void **state)
{
	char in[40];

	(void)state;
	for (unsigned c = 0; c < 256; c++) {
		bool plain = c >= 0x20 && c < 0x7f && c != '"' && c != '\\';

		for (size_t at = 0; at < 20; at++) {
			memset(in, 'a', sizeof in);
			in[at] = (char)c;
			in[30] = '\001';
			assert_int_equal(text_plain(in, sizeof in), plain ? 30 : at);
			assert_int_equal(text_plain(in, at), at);
			assert_int_equal(text_is_utf8(in, sizeof in), c < 0x80);
		}
	}
	memcpy(in, "aaaaaaa\xc3\xa4 aaaaaaaaaa\xff", 21);
	assert_true(text_is_utf8(in, 20));
	assert_false(text_is_utf8(in, 21));
	assert_false(text_is_utf8(in, 8));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(plain_text_ends_at_the_first_byte_that_json_escapes),
		cmocka_unit_test(what_is_not_plain_text_becomes_a_mark),
		cmocka_unit_test(no_bytes_whatever_get_a_control_character_through),
		cmocka_unit_test(tabs_and_lines_are_laid_out_when_asked),
		cmocka_unit_test(widths_count_columns),
		cmocka_unit_test(base64_goes_there_and_back_and_refuses_the_rest),
	};

	return cmocka_run_group_tests_name("base_text", tests, NULL, NULL);
}
