/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Both consoles on terminals of their own, against a real broker and a real database. */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "lib/beside.h"
#include "lib/broker.h"
#include "term.h"

enum { PATIENCE_MS = 30000 };

static struct test_broker broker;

static int
start(void **state)
{
	(void)state;
	test_broker_start(&broker, NULL);
	return 0;
}

static int
stop(void **state)
{
	(void)state;
	test_broker_stop(&broker);
	return 0;
}

static struct term *
console(const struct test_broker *b, const char *what, const char *ticket, const char *person, int rows, int cols)
{
	char program[1024], home[400];
	const char *top = getenv("top_builddir");
	const char *argv[] = { program, what, ticket, "--socket", b->socket, "--as", person, NULL };
	const char *env[] = { home, "NO_COLOR=1", NULL };

	snprintf(program, sizeof program, "%s/twokey", top != NULL ? top : ".");
	snprintf(home, sizeof home, "HOME=%s", b->dir);
	return term_start(rows, cols, argv, env);
}

struct pair {
	struct term *ben, *anna;
};

static struct pair
both(const struct test_broker *b, const char *ticket, int rows, int cols)
{
	struct pair p;

	test_ticket(b, ticket);
	p.ben = console(b, "open", ticket, "ben", rows, cols);
	assert_true(term_wait(p.ben, "connected to ", PATIENCE_MS));
	p.anna = console(b, "join", ticket, "anna", rows, cols);
	assert_true(term_wait(p.anna, "CONFIRMER anna", PATIENCE_MS));
	assert_true(term_wait(p.ben, "anna: PRESENT", PATIENCE_MS));
	return p;
}

static void
end(struct pair *p)
{
	term_feed(p->ben, "\\q\r");
	assert_true(term_wait(p->ben, "head", PATIENCE_MS));
	assert_true(term_wait(p->anna, "head", PATIENCE_MS));
	term_feed(p->ben, "q");
	term_feed(p->anna, "q");
	assert_int_equal(term_exit(p->ben, PATIENCE_MS), 0);
	assert_int_equal(term_exit(p->anna, PATIENCE_MS), 0);
	term_free(p->ben);
	term_free(p->anna);
	assert_true(test_wait_sealed(&broker));
}

/* The driver types a write with its bound and reason. */
static void
ask(struct term *ben, const char *sql, const char *rows)
{
	term_feed(ben, sql);
	term_feed(ben, "\r");
	assert_true(term_wait(ben, "rows you expect", PATIENCE_MS));
	term_feed(ben, rows);
	term_feed(ben, "\r");
	assert_true(term_wait(ben, "reason", PATIENCE_MS));
	term_feed(ben, "step 3\r");
	assert_true(term_wait(ben, "PENDING", PATIENCE_MS));
}

/* The confirmer opens what waits and waits for the prompt. */
static void
open_sheet(struct term *anna)
{
	assert_true(term_wait(anna, "WAITING", PATIENCE_MS));
	term_feed(anna, "\033[15~");	/* F5 */
	assert_true(term_wait(anna, "STATEMENT", PATIENCE_MS));
	/* the last line must have been on the screen before anything can be typed */
	for (int i = 0; i < 5; i++)
		term_feed(anna, "\033[6~");
	assert_true(term_wait(anna, "To allow it, type", PATIENCE_MS));
	assert_true(term_wait(anna, "allow>", PATIENCE_MS));
}

static void
the_whole_way(const char *ticket, int rows, int cols)
{
	struct pair p = both(&broker, ticket, rows, cols);

	term_feed(p.ben, "select id, status from orders where id = 107;\r");
	assert_true(term_wait(p.ben, "(1 row)", PATIENCE_MS));
	assert_true(term_wait(p.anna, "(1 row)", PATIENCE_MS));
	ask(p.ben, "update orders set status = 'paid' where id = 107;", "= 1");
	open_sheet(p.anna);
	term_feed(p.anna, "\r");	/* Enter alone agrees to nothing */
	term_feed(p.anna, "yes\r");
	assert_int_equal(test_shop_number(&broker, "select status = 'new' from orders where id = 107"), 1);
	term_feed(p.anna, "orders 1\r");
	assert_true(term_wait(p.ben, "COMMIT", PATIENCE_MS));
	assert_true(term_wait(p.anna, "COMMIT", PATIENCE_MS));
	assert_int_equal(test_shop_number(&broker, "select status = 'paid' from orders where id = 107"), 1);
	test_shop_exec(&broker, "update orders set status = 'new' where id = 107");
	/* and a no */
	ask(p.ben, "delete from orders where id = 108;", "= 1");
	open_sheet(p.anna);
	term_feed(p.anna, "\033[18~");	/* F7 */
	assert_true(term_wait(p.anna, "reason", PATIENCE_MS));
	term_feed(p.anna, "not in the plan\r");
	assert_true(term_wait(p.ben, "not in the plan", PATIENCE_MS));
	assert_int_equal(test_shop_number(&broker, "select count(*) from orders where id = 108"), 1);
	end(&p);
}

static void
a_write_goes_the_whole_way_at_80x24(void **state)
{
	(void)state;
	the_whole_way("TTY-1", 24, 80);
}

static void
a_write_goes_the_whole_way_at_140x40(void **state)
{
	(void)state;
	the_whole_way("TTY-2", 40, 140);
}

static void
hostile_cells_arrive_as_marks_on_both_screens(void **state)
{
	struct pair p;
	const char *raw;
	size_t n;

	(void)state;
	test_shop_exec(&broker, "update orders set note = 'a' || char(27) || ']52;c;ZXZpbA==' || char(7) || char(27) || '[2J'"
	    " || char(8238) || 'b' || char(8203) where id = 9");
	p = both(&broker, "TTY-3", 24, 80);
	term_feed(p.ben, "select note from orders where id = 9;\r");
	assert_true(term_wait(p.ben, "a<1B>]52;c;ZXZpbA==<07><1B>[2J<U+202E>b<U+200B>", PATIENCE_MS));
	assert_true(term_wait(p.anna, "<1B>]52;c;", PATIENCE_MS));
	raw = term_raw(p.ben, &n);
	assert_null(memmem(raw, n, "\033]52", 4));
	assert_null(memmem(raw, n, "\xe2\x80\xae", 3));
	raw = term_raw(p.anna, &n);
	assert_null(memmem(raw, n, "\033]52", 4));
	end(&p);
}

static void
a_resize_loses_nothing_and_a_small_screen_approves_nothing(void **state)
{
	struct pair p;

	(void)state;
	p = both(&broker, "TTY-4", 24, 80);
	term_feed(p.ben, "select 'half");
	assert_true(term_wait(p.ben, "select 'half", PATIENCE_MS));
	term_resize(p.ben, 40, 140);
	assert_true(term_wait(p.ben, "PEOPLE", PATIENCE_MS));
	assert_true(term_shows(p.ben, "select 'half"));
	term_feed(p.ben, " typed';\r");
	assert_true(term_wait(p.ben, "half typed", PATIENCE_MS));
	assert_true(term_wait(p.ben, "(1 row)", PATIENCE_MS));
	ask(p.ben, "update orders set note = 'z' where id = 3;", "= 1");
	assert_true(term_wait(p.anna, "WAITING", PATIENCE_MS));
	term_resize(p.anna, 20, 72);
	assert_true(term_wait(p.anna, "need 80x24", PATIENCE_MS));
	term_feed(p.anna, "\033[15~orders 1\r");
	assert_false(term_shows(p.anna, "allow>"));
	term_resize(p.anna, 24, 80);
	assert_true(term_wait_gone(p.anna, "need 80x24", PATIENCE_MS));
	assert_int_equal(test_shop_number(&broker, "select count(*) from orders where note = 'z'"), 0);
	term_feed(p.ben, "\003");	/* Ctrl-C withdraws */
	assert_true(term_wait(p.ben, "WITHDRAWN", PATIENCE_MS));
	end(&p);
}

static void
a_request_nobody_answers_lapses_on_the_screen(void **state)
{
	static const struct test_broker_options quick = { .request_seconds = 10 };
	struct test_broker b;
	struct pair p;

	(void)state;
	test_broker_start(&b, &quick);
	p = both(&b, "TTY-5", 24, 80);
	ask(p.ben, "update orders set note = 'z' where id = 3;", "= 1");
	assert_true(term_wait(p.ben, "EXPIRED", PATIENCE_MS));
	assert_int_equal(test_shop_number(&b, "select count(*) from orders where note = 'z'"), 0);
	term_free(p.ben);
	term_free(p.anna);
	test_broker_stop(&b);
}

static void
a_dead_broker_is_said_on_the_screen(void **state)
{
	struct test_broker b;
	struct pair p;
	pid_t session;

	(void)state;
	test_broker_start(&b, NULL);
	p = both(&b, "TTY-6", 24, 80);
	session = test_broker_role(&b, "session");
	kill(session, 9);
	assert_true(term_wait(p.ben, "LINK LOST", PATIENCE_MS));
	assert_true(term_wait(p.anna, "LINK LOST", PATIENCE_MS));
	term_free(p.ben);
	term_free(p.anna);
	test_broker_stop(&b);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_write_goes_the_whole_way_at_80x24),
		cmocka_unit_test(a_write_goes_the_whole_way_at_140x40),
		cmocka_unit_test(hostile_cells_arrive_as_marks_on_both_screens),
		cmocka_unit_test(a_resize_loses_nothing_and_a_small_screen_approves_nothing),
		cmocka_unit_test(a_request_nobody_answers_lapses_on_the_screen),
		cmocka_unit_test(a_dead_broker_is_said_on_the_screen),
	};

	return test_run_apart("live", tests, sizeof tests / sizeof *tests, start, stop);
}
