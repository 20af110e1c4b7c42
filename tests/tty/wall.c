/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The wall on a real terminal: it follows two sessions while nobody touches it, and a digit goes in. */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "integration/people_world.h"
#include "lib/beside.h"
#include "term.h"

enum { PATIENCE_MS = 30000 };

static struct term *
wall(const struct test_broker *b, int rows, int cols)
{
	char program[1024];
	const char *top = getenv("top_builddir");
	const char *argv[] = { program, "lobby", "--socket", b->socket, "--as", "kim", NULL };
	const char *env[] = { "NO_COLOR=1", NULL };

	snprintf(program, sizeof program, "%s/twokey", top != NULL ? top : ".");
	return term_start(rows, cols, argv, env);
}

static void
follows(int rows, int cols)
{
	struct test_console *ben, *anna;
	struct test_broker b;
	struct term *t;

	test_broker_start(&b, NULL);
	people_ticket(&b, "MFX-1", "");
	people_ticket(&b, "MFX-2", "presence: any");
	t = wall(&b, rows, cols);
	assert_true(term_wait(t, "ticket   MFX-1", PATIENCE_MS));
	ben = people_join(&b, "ben", "MFX-1");
	assert_true(term_wait(t, "session  MFX-1            shop       production confirmer ready ben", PATIENCE_MS));
	anna = people_join(&b, "anna", "MFX-1");
	test_request(ben, "update orders set note = 'x' where id = 1", "= 1");
	assert_true(term_wait(t, "1 request WAITS", PATIENCE_MS));
	assert_true(term_wait(t, "confirmer WAITS 00:0", PATIENCE_MS));
	if (cols > 80)
		assert_true(term_shows(t, "write orders  here: anna"));
	term_feed(t, "1");
	assert_true(term_wait(t, "CONFIRMER kim | MFX-1", PATIENCE_MS));
	assert_true(term_wait(t, "REQUEST", PATIENCE_MS));
	term_feed(t, "\\q\r");
	assert_true(term_wait(t, "LOBBY", PATIENCE_MS));	/* and back to the wall */
	test_ok(ben, "{\"do\":\"leave\"}");
	assert_true(term_wait(t, "(no driver)", PATIENCE_MS));
	assert_true(term_wait_gone(t, "WAITS", PATIENCE_MS));
	test_console_close(ben);
	ben = people_join(&b, "ben", "MFX-2");
	assert_true(term_wait(t, "PAUSED absent", PATIENCE_MS));
	term_feed(t, "q");
	assert_int_equal(term_exit(t, PATIENCE_MS), 0);
	term_free(t);
	test_console_close(ben);
	test_console_close(anna);
	test_broker_stop(&b);
}

static void
it_follows_all_sessions_and_a_digit_goes_in_at_80x24(void **state)
{
	(void)state;
	follows(24, 80);
}

static void
it_follows_all_sessions_and_a_digit_goes_in_at_140x40(void **state)
{
	(void)state;
	follows(40, 140);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(it_follows_all_sessions_and_a_digit_goes_in_at_80x24),
		cmocka_unit_test(it_follows_all_sessions_and_a_digit_goes_in_at_140x40),
	};

	return test_run_beside("wall", tests, sizeof tests / sizeof *tests, NULL, NULL);
}
