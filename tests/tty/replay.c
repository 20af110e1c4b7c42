/* SPDX-License-Identifier: GPL-3.0-or-later */
/* twokey replay on a real terminal. */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "unit/console_make.h"

#include "term.h"

enum { WAIT_MS = 30000 };

static struct make shop;

static int
make_it(void **state)
{
	make_shop(&shop);
	return 0;
}

static int
drop_it(void **state)
{
	make_end(&shop);
	return 0;
}

static struct term *
start(int rows, int cols)
{
	static char program[4096];
	const char *top = getenv("top_builddir");
	const char *argv[] = { program, "replay", shop.path, NULL };
	struct term *t;

	snprintf(program, sizeof program, "%s/twokey", top != NULL ? top : ".");
	t = term_start(rows, cols, argv, NULL);
	assert_true(term_wait(t, "sealed and intact", WAIT_MS));
	return t;
}

static void
it_is_played_and_left(void **state)
{
	struct term *t = start(24, 80);

	term_feed(t, "]");
	assert_true(term_wait(t, "UPDATE 3   COMMITTED 13:54:01", WAIT_MS));
	term_feed(t, ",,,,s");
	assert_true(term_wait(t, "-- STATEMENT: the exact bytes", WAIT_MS));
	term_feed(t, "q");
	assert_true(term_wait_gone(t, "-- STATEMENT", WAIT_MS));
	term_feed(t, "G");
	assert_true(term_wait(t, "END", WAIT_MS));
	term_feed(t, "q");
	assert_int_equal(term_exit(t, WAIT_MS), 0);
	term_free(t);
}

static void
a_pulled_window_is_laid_out_anew(void **state)
{
	struct term *t = start(24, 80);

	term_resize(t, 40, 140);
	assert_true(term_wait(t, "INTEGRITY", WAIT_MS));
	term_resize(t, 20, 70);
	assert_true(term_wait(t, "need 80x24, have 70x20", WAIT_MS));
	term_resize(t, 24, 80);
	assert_true(term_wait(t, "EVENTS", WAIT_MS));
	term_feed(t, "q");
	assert_int_equal(term_exit(t, WAIT_MS), 0);
	term_free(t);
}

static void
escape_sequences_of_the_recording_do_not_reach_the_terminal(void **state)
{
	struct term *t = start(24, 80);
	const char *raw;
	size_t n;

	term_feed(t, "/52;c\r");
	assert_true(term_wait(t, "<1B>]52;c;ZXZpbA==<07>", WAIT_MS));
	term_feed(t, "g/stop\r");
	assert_true(term_wait(t, "<1B>[31mstop<U+202E>", WAIT_MS));
	raw = term_raw(t, &n);
	assert_null(memmem(raw, n, "\033]52", 4));
	assert_null(memmem(raw, n, "\033[31mstop", 9));
	assert_null(memmem(raw, n, "\xe2\x80\xae", 3));
	term_feed(t, "q");
	assert_int_equal(term_exit(t, WAIT_MS), 0);
	term_free(t);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(it_is_played_and_left),
		cmocka_unit_test(a_pulled_window_is_laid_out_anew),
		cmocka_unit_test(escape_sequences_of_the_recording_do_not_reach_the_terminal),
	};

	return cmocka_run_group_tests_name("replay on a terminal", tests, make_it, drop_it);
}
