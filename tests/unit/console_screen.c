/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include <locale.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "twokey/base/buf.h"
#include "twokey/console/screen.h"

static void
assert_screen(const struct screen *s, const char *want)
{
	struct buf out;

	buf_init(&out, 1 << 20);
	screen_dump(s, &out);
	assert_string_equal(buf_str(&out), want);
	buf_fini(&out);
}

static int
put(struct screen *s, int row, int col, int width, const char *text)
{
	return screen_put(s, row, col, width, SCREEN_PLAIN, text, strlen(text));
}

static void
text_stands_where_it_is_put_and_is_clipped(void **state)
{
	struct screen *s = screen_open_headless(3, 10);

	assert_int_equal(put(s, 0, 2, 0, "hello"), 5);
	assert_int_equal(put(s, 1, 8, 0, "clipped"), 2);
	assert_int_equal(put(s, 2, 0, 4, "narrow"), 4);
	assert_int_equal(put(s, 3, 0, 0, "outside"), 0);
	assert_int_equal(put(s, -1, 0, 0, "outside"), 0);
	assert_int_equal(put(s, 0, 10, 0, "outside"), 0);
	assert_screen(s, "  hello\n        cl\nnarr\n");
	screen_close(s);
}

static void
hostile_bytes_arrive_as_marks(void **state)
{
	struct screen *s = screen_open_headless(4, 60);

	put(s, 0, 0, 0, "a\033]52;c;ZXZpbA==\007b");
	put(s, 1, 0, 0, "x\xe2\x80\xaey\xc2\x9bz");
	screen_put(s, 2, 0, 0, SCREEN_PLAIN, "n\0l\n\xff", 5);
	assert_screen(s, "a<1B>]52;c;ZXZpbA==<07>b\nx<U+202E>y<9B>z\nn<00>l<0A><?FF>\n\n");
	screen_close(s);
}

static void
wide_and_combining_characters_keep_their_columns(void **state)
{
	struct screen *s = screen_open_headless(3, 6);

	assert_int_equal(put(s, 0, 0, 0, "\xe8\xaa\x9e\xe8\xaa\x9e\xe8\xaa\x9e\xe8\xaa\x9e"), 6);
	assert_int_equal(put(s, 1, 0, 5, "\xe8\xaa\x9e\xe8\xaa\x9e\xe8\xaa\x9e"), 4);
	assert_int_equal(put(s, 2, 0, 0, "e\xcc\x81x"), 2);
	put(s, 0, 1, 1, "!");		/* half of a wide one takes the other half with it */
	assert_screen(s, " !\xe8\xaa\x9e\xe8\xaa\x9e\n\xe8\xaa\x9e\xe8\xaa\x9e\ne\xcc\x81x\n");
	screen_close(s);
}

static void
a_new_size_is_told_once_and_blanks_the_rows(void **state)
{
	struct screen *s = screen_open_headless(2, 5);
	struct screen_event ev;
	int rows, cols;

	put(s, 0, 0, 0, "old");
	screen_resize_headless(s, 3, 4);
	assert_int_equal(screen_wait(s, 0), 0);
	assert_true(screen_next(s, 0, &ev));
	assert_int_equal(ev.key, SCREEN_KEY_RESIZE);
	assert_false(screen_next(s, 0, &ev));
	screen_size(s, &rows, &cols);
	assert_int_equal(rows, 3);
	assert_int_equal(cols, 4);
	assert_screen(s, "\n\n\n");
	screen_close(s);
}

static void
dropped_input_is_gone(void **state)
{
	struct screen *s = screen_open_headless(2, 5);
	struct screen_event ev;

	screen_feed(s, "orders 3\r", 9);
	screen_drop_input(s);
	assert_false(screen_next(s, 0, &ev));
	screen_close(s);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(text_stands_where_it_is_put_and_is_clipped),
		cmocka_unit_test(hostile_bytes_arrive_as_marks),
		cmocka_unit_test(wide_and_combining_characters_keep_their_columns),
		cmocka_unit_test(a_new_size_is_told_once_and_blanks_the_rows),
		cmocka_unit_test(dropped_input_is_gone),
	};

	setlocale(LC_CTYPE, "C.UTF-8");
	return cmocka_run_group_tests_name("console_screen", tests, NULL, NULL);
}
