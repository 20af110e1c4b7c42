/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Screen, feeder and editor on a real terminal: what libvterm shows is what a person would see. */
#include "config.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "term.h"

enum { PATIENCE_MS = 30000 };

static struct term *
start(int rows, int cols, const char *const *env)
{
	static char path[4096];
	const char *const argv[] = { path, NULL };

	snprintf(path, sizeof path, "%s/tests/tty/tiny", getenv("top_builddir"));
	return term_start(rows, cols, argv, env);
}

static void
quit(struct term *t)
{
	term_feed(t, "quit\r");
	assert_int_equal(term_exit(t, PATIENCE_MS), 0);
	term_free(t);
}

static void
hostile_text_arrives_as_marks_and_never_as_bytes(void **state)
{
	struct term *t = start(24, 80, NULL);
	const char *raw;
	size_t n;

	assert_true(term_wait(t, "a<1B>]52;c;ZXZpbA==<07>b<1B>[2J<U+202E>c", PATIENCE_MS));
	assert_true(term_wait(t, "say>", PATIENCE_MS));
	assert_string_equal(term_row(t, 2), "wide \xe8\xaa\x9e|");
	raw = term_raw(t, &n);
	assert_null(memmem(raw, n, "\033]52", 4));
	assert_null(memmem(raw, n, "\xe2\x80\xae", 3));
	quit(t);
}

static void
the_size_follows_the_window(void **state)
{
	struct term *t = start(24, 80, NULL);

	assert_true(term_wait(t, "size 80x24", PATIENCE_MS));
	term_feed(t, "half typed");
	assert_true(term_wait(t, "say> half typed", PATIENCE_MS));
	term_resize(t, 40, 140);
	assert_true(term_wait(t, "size 140x40", PATIENCE_MS));
	assert_true(term_wait(t, "say> half typed", PATIENCE_MS));
	term_resize(t, 12, 30);
	assert_true(term_wait(t, "size 30x12", PATIENCE_MS));
	assert_true(term_wait(t, "say> half typed", PATIENCE_MS));
	term_feed(t, "\003");
	quit(t);
}

static void
keys_come_through_a_real_terminal(void **state)
{
	struct term *t = start(24, 80, NULL);
	int row, col;

	assert_true(term_wait(t, "say>", PATIENCE_MS));
	term_feed(t, "\033[18~");
	assert_true(term_wait(t, "key: F7", PATIENCE_MS));
	term_feed(t, "\033");
	assert_true(term_wait(t, "key: Esc", PATIENCE_MS));
	term_feed(t, "zw\xc3\xb6lf \xe8\xaa\x9e\033b\033bX");
	assert_true(term_wait(t, "say> Xzw\xc3\xb6lf \xe8\xaa\x9e", PATIENCE_MS));
	term_cursor(t, &row, &col);
	assert_int_equal(row, 5);
	assert_int_equal(col, 6);
	term_feed(t, "\003");
	assert_true(term_wait(t, "key: dropped", PATIENCE_MS));
	term_feed(t, "\003");
	assert_true(term_wait(t, "key: nothing to drop", PATIENCE_MS));
	quit(t);
}

static void
ctrl_r_finds_wide_characters_on_a_real_terminal(void **state)
{
	struct term *t = start(24, 80, NULL);

	assert_true(term_wait(t, "say>", PATIENCE_MS));
	term_feed(t, "f\xc3\xbcr \xe8\xaa\x9e\r");
	assert_true(term_wait(t, "entered: f\xc3\xbcr \xe8\xaa\x9e", PATIENCE_MS));
	term_feed(t, "other\r");
	assert_true(term_wait(t, "entered: other", PATIENCE_MS));
	term_feed(t, "\022f\xc3\xbc");
	assert_true(term_wait(t, "(reverse-i-search)`f\xc3\xbc': f\xc3\xbcr \xe8\xaa\x9e", PATIENCE_MS));
	term_feed(t, "\r");
	assert_true(term_wait(t, "entered: f\xc3\xbcr \xe8\xaa\x9e", PATIENCE_MS));
	quit(t);
}

static void
a_paste_with_newlines_waits_for_enter(void **state)
{
	struct term *t = start(24, 80, NULL);

	assert_true(term_wait(t, "say>", PATIENCE_MS));
	term_paste(t, "first\nsecond\n");
	assert_true(term_wait(t, "say> first second", PATIENCE_MS));
	assert_true(term_shows(t, "pastes: 1"));
	assert_false(term_shows(t, "entered: first"));
	term_feed(t, "\r");
	assert_true(term_wait(t, "entered: first second", PATIENCE_MS));
	quit(t);
}

static void
no_color_means_none(void **state)
{
	static const char *const env[] = { "NO_COLOR=1", NULL };
	struct term *t = start(24, 80, env);
	const char *raw;
	size_t n;

	assert_true(term_wait(t, "say>", PATIENCE_MS));
	raw = term_raw(t, &n);
	assert_null(memmem(raw, n, "\033[31m", 5));
	assert_null(memmem(raw, n, "\033[38;", 5));
	quit(t);
	t = start(24, 80, NULL);
	assert_true(term_wait(t, "say>", PATIENCE_MS));
	raw = term_raw(t, &n);
	assert_non_null(memmem(raw, n, "\033[31m", 5));
	quit(t);
}

static void
the_terminal_is_given_back(void **state)
{
	struct term *t = start(24, 80, NULL);
	const char *raw;
	size_t n;

	assert_true(term_wait(t, "say>", PATIENCE_MS));
	kill(term_pid(t), SIGTERM);
	assert_int_equal(term_exit(t, PATIENCE_MS), 0);
	raw = term_raw(t, &n);
	assert_non_null(memmem(raw, n, "\033[?2004l", 8));
	assert_non_null(memmem(raw, n, "\033[?1049l", 8));
	term_free(t);
	t = start(24, 80, NULL);
	assert_true(term_wait(t, "say>", PATIENCE_MS));
	term_feed(t, "abort\r");
	assert_int_equal(term_exit(t, PATIENCE_MS), 128 + SIGABRT);
	raw = term_raw(t, &n);
	assert_non_null(memmem(raw, n, "\033[?2004l", 8));
	term_free(t);
}

static void
without_a_terminal_type_it_says_so(void **state)
{
	static const char *const env[] = { "TERM=no-such-terminal", NULL };
	struct term *t = start(24, 80, env);

	assert_int_equal(term_exit(t, PATIENCE_MS), 1);
	assert_true(term_shows(t, "cannot show screens"));
	term_free(t);
}

static void
a_terminal_whose_cursor_cannot_be_placed_is_told_so(void **state)
{
	static const char *const env[] = { "TERM=dumb", NULL };
	struct term *t = start(24, 80, env);

	assert_int_equal(term_exit(t, PATIENCE_MS), 1);
	assert_true(term_shows(t, "\"dumb\" cannot show screens"));
	term_free(t);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(hostile_text_arrives_as_marks_and_never_as_bytes),
		cmocka_unit_test(the_size_follows_the_window),
		cmocka_unit_test(keys_come_through_a_real_terminal),
		cmocka_unit_test(ctrl_r_finds_wide_characters_on_a_real_terminal),
		cmocka_unit_test(a_paste_with_newlines_waits_for_enter),
		cmocka_unit_test(no_color_means_none),
		cmocka_unit_test(the_terminal_is_given_back),
		cmocka_unit_test(without_a_terminal_type_it_says_so),
		cmocka_unit_test(a_terminal_whose_cursor_cannot_be_placed_is_told_so),
	};

	return cmocka_run_group_tests_name("tty_screen", tests, NULL, NULL);
}
