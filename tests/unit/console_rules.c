/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The rules of the approval that a screen keeps (doc/approval.txt names them by number). */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "console_world.h"

#include "console/confirmer.h"
#include "console/pace.h"
#include "twokey/base/json.h"
#include "twokey/gate/change.h"

#define ZEROS "0000000000000000000000000000000000000000000000000000000000000000"

/* Rule 3 */
static void
the_sheet_and_the_log_tell_the_number_of_today(void **state)
{
	struct world *w = world_begin(SEAT_CONFIRMER, 40, 100);
	json_t *ev = json_pack("{s:s, s:s, s:s, s:s, s:[], s:[], s:s, s:i, s:s, s:s, s:i, s:[{s:s, s:i, s:i, s:i}]}",
	    "by", "ben", "class", "write", "verb", "UPDATE", "digest", ZEROS, "tables", "dangers", "op", "=", "rows", 3,
	    "table", "orders", "until", "2026-06-08T14:05:00.000000Z", "today", 12,
	    "pace", "by", "anna", "today", 7, "run", 3, "most", 20);
	uint64_t n = world_event(w, TRANSCRIPT_EVENT_REQUEST, ev, "sql", "update orders set a = 1");

	(void)state;
	world_sees(w, "request 12 of ben today; anna answered 7 today, 3 of 20 without a break");
	world_event(w, TRANSCRIPT_EVENT_SHEET, json_pack("{s:I, s:s, s:i, s:s, s:[]}", "of", (json_int_t)n, "how", "derived", "count", 3,
	    "bind", ZEROS, "dangers"), NULL, NULL);
	world_keys(w, "\033[15~");
	json_decref(world_expect(w, "opened"));
	world_sees(w, "STATEMENT");
	world_sees(w, "request 12 of ben today; anna answered 7 today, 3 of 20 without a break");
	world_end(w);
}

/* Rule 10: the wait that is shown is the one that the broker keeps. */
static void
the_wait_is_as_long_as_the_brokers(void **state)
{
	struct world *w = world_begin(SEAT_CONFIRMER, 60, 140);
	char sql[1500], text[40];
	struct gate_request r = { .lines = 0 };
	json_t *o;

	(void)state;
	/* one line of bytes, eighteen on a screen */
	snprintf(sql, sizeof sql, "update orders set note = '%0*d' where id in (4211, 4212, 4213)", 1380, 0);
	r.lines = gate_lines(sql, strlen(sql));
	assert_int_equal(r.lines, 18);
	world_request(w, sql);
	world_keys(w, "\033[15~");
	o = world_expect(w, "opened");
	assert_true(json_bool(o, "last"));
	json_decref(o);
	snprintf(text, sizeof text, "wait %d s>", (int)((gate_wait_ms(&r) + 999) / 1000));
	world_sees(w, text);
	world_pass(w, gate_wait_ms(&r) - 1000);
	world_sees_not(w, "allow>");
	world_pass(w, 1000);
	world_sees(w, "allow>");
	world_end(w);
}

/* The line of the sheet that begins with these bytes. */
static enum screen_look
look_of(struct world *w, const char *text)
{
	const struct confirmer *c = w->lv.own;

	for (size_t i = 0; i < sheet_view_lines(c->sheet); i++) {
		const struct log_text *t = sheet_view_line(c->sheet, i);

		if (t->n >= strlen(text) && memcmp(t->text, text, strlen(text)) == 0)
			return t->look;
	}
	fail_msg("no line of the sheet begins with: %s\n%s", text, world_screen(w));
	return SCREEN_PLAIN;
}

/* Rule 12 */
static void
comments_are_dimmed_and_stand_there(void **state)
{
	struct world *w = world_begin(SEAT_CONFIRMER, 60, 100);

	(void)state;
	world_request(w, "-- the webhook was lost\nupdate orders /* all? */ set status = 'paid -- no'\n where id = 1 -- one  \n/* a\n   b */ "
	    "and status = 'new'");
	world_keys(w, "\033[15~");
	json_decref(world_expect(w, "opened"));
	assert_int_equal(look_of(w, "   1 | -- the webhook was lost"), SCREEN_DIM);
	assert_int_equal(look_of(w, "   2 | update orders"), SCREEN_STRONG);
	assert_int_equal(look_of(w, "     : /* all? */"), SCREEN_DIM);
	assert_int_equal(look_of(w, "     :  set status = 'paid -- no'"), SCREEN_STRONG);
	assert_int_equal(look_of(w, "   3 |  where id = 1"), SCREEN_STRONG);
	assert_int_equal(look_of(w, "     : -- one"), SCREEN_DIM);
	assert_int_equal(look_of(w, "   4 | /* a"), SCREEN_DIM);
	assert_int_equal(look_of(w, "   5 |    b */"), SCREEN_DIM);
	assert_int_equal(look_of(w, "     :  and status"), SCREEN_STRONG);
	world_end(w);
}

static void
answer(struct world *w, uint64_t of, bool allow)
{
	world_event(w, allow ? TRANSCRIPT_EVENT_ALLOWED : TRANSCRIPT_EVENT_DENIED, json_pack("{s:I, s:s}", "of", (json_int_t)of,
	    "by", "anna"), allow ? "typed" : "reason", "x");
	world_event(w, allow ? TRANSCRIPT_EVENT_ROLLEDBACK : TRANSCRIPT_EVENT_NOTED, allow ? json_pack("{s:I, s:s}", "of",
	    (json_int_t)of, "code", "effect") : json_pack("{s:s}", "by", "anna"), NULL, NULL);
}

static void
opened(struct world *w, uint64_t of, bool last)
{
	world_event(w, TRANSCRIPT_EVENT_OPENED, json_pack("{s:I, s:s, s:b}", "of", (json_int_t)of, "by", "anna", "last", (int)last),
	    NULL, NULL);
}

/* Rule 24 */
static void
the_confirmer_sees_his_own_numbers(void **state)
{
	struct world *w = world_begin(SEAT_CONFIRMER, 24, 80);
	struct model_reading r;
	uint64_t n;

	(void)state;
	world_sees(w, "reads 0  writes 0  denied 0");
	n = world_request(w, "update orders set a = 1");
	opened(w, n, false);
	answer(w, n, false);
	n = world_request(w, "update orders set a = 2");
	answer(w, n, false);		/* not opened */
	n = world_request(w, "update orders set a = 3");
	opened(w, n, false);
	opened(w, n, true);
	answer(w, n, true);
	model_reading_of(w->lv.model, "anna", &r);
	assert_int_equal(r.allowed, 1);
	assert_int_equal(r.denied, 2);
	assert_int_equal(r.unread, 1);
	assert_true(r.median_us >= 0);
	world_sees(w, "you: 1 allowed, 2 denied, read in ");
	/* of two keys both are somebody's answer */
	n = world_request(w, "update orders set a = 4");
	world_event(w, TRANSCRIPT_EVENT_OPENED, json_pack("{s:I, s:s, s:b}", "of", (json_int_t)n, "by", "kim", "last", 1), NULL, NULL);
	world_event(w, TRANSCRIPT_EVENT_TURNED, json_pack("{s:I, s:s}", "of", (json_int_t)n, "by", "kim"), "typed", "x");
	opened(w, n, true);
	answer(w, n, true);
	model_reading_of(w->lv.model, "kim", &r);
	assert_int_equal(r.allowed, 1);
	assert_int_equal(r.unread, 0);
	model_reading_of(w->lv.model, "anna", &r);
	assert_int_equal(r.allowed, 2);
	model_reading_of(w->lv.model, "ben", &r);
	assert_int_equal(r.allowed + r.denied, 0);
	assert_int_equal(r.median_us, -1);
	world_end(w);
}

/* Rules 21 and 27 */
static void
the_reason_stands_below_and_the_environment_in_the_dialog(void **state)
{
	struct world *w = world_begin(SEAT_CONFIRMER, 60, 100);
	const char *screen;

	(void)state;
	world_request(w, "update orders set a = 1");
	world_keys(w, "\033[15~");
	json_decref(world_expect(w, "opened"));
	screen = world_screen(w);
	assert_non_null(strstr(screen, "PRODUCTION"));
	assert_true(strstr(screen, "STATEMENT") < strstr(screen, "EFFECT"));
	assert_true(strstr(screen, "EFFECT") < strstr(screen, "CHECKS"));
	assert_true(strstr(screen, "CHECKS") < strstr(screen, "reason: step 3"));
	assert_non_null(strstr(strstr(screen, "WHO ASKS"), "(production)"));
	world_end(w);
}

static void
open_and_wait(struct world *w)
{
	world_keys(w, "\033[15~");
	json_decref(world_expect(w, "opened"));
	world_pass(w, 5000);
	world_sees(w, "allow>");
}

/* Rule 6: what was cut from another line is a paste as well, and names for Tab are no typing. */
static void
nothing_but_typing_fills_the_line_that_allows(void **state)
{
	static const char *const ways[] = { "\x19", "\033\x19", "\033.", "\033_", "\x19\033y", "\033[A", "\x10", "\t", "or\t" };
	struct world *w = world_begin(SEAT_CONFIRMER, 60, 100);

	(void)state;
	world_keys(w, "\033[200~orders 3\033[201~");
	world_sees(w, "> orders 3");
	world_keys(w, "\x15");
	world_keys(w, "orders 3\r");
	world_expect_str(w, "say", "text", "orders 3");
	world_request(w, "update orders set a = 1");
	open_and_wait(w);
	for (size_t i = 0; i < sizeof ways / sizeof ways[0]; i++) {
		world_keys(w, ways[i]);
		world_sees_not(w, "allow> ord");
		world_keys(w, "\x15");
	}
	world_keys(w, "\r");
	world_expect_nothing(w);
	world_end(w);
}

/* Rule 11 */
static void
no_single_key_ends_or_leaves(void **state)
{
	struct world *w = world_begin(SEAT_DRIVER, 24, 80);

	(void)state;
	world_keys(w, "\033[21~");
	world_expect_nothing(w);
	world_sees(w, "type end to end the session");
	world_keys(w, "\r");
	world_expect_nothing(w);
	world_keys(w, "\033[21~end\r");
	json_decref(world_expect(w, "end"));
	world_end(w);
	w = world_begin(SEAT_CONFIRMER, 24, 80);
	world_request(w, "update orders set a = 1");
	world_keys(w, "\033[21~");
	world_sees(w, "type leave to leave");
	world_keys(w, "\r");
	world_expect_nothing(w);
	assert_false(w->lv.done);
	world_keys(w, "\033[19~\r");
	world_expect_nothing(w);
	world_keys(w, "\033[21~leave\r");
	json_decref(world_expect(w, "leave"));
	assert_true(w->lv.done);
	world_end(w);
	w = world_begin(SEAT_CONFIRMER, 24, 80);
	world_keys(w, "\\q\r");
	json_decref(world_expect(w, "leave"));
	world_end(w);
	w = world_begin(SEAT_WATCHER, 24, 80);	/* nobody waits for him */
	world_keys(w, "\033[21~");
	json_decref(world_expect(w, "leave"));
	world_end(w);
}

/* Rule 17 */
static void
a_sample_that_cannot_be_read_is_said(void **state)
{
	struct world *w = world_begin(SEAT_CONFIRMER, 60, 100);
	uint64_t n = world_event(w, TRANSCRIPT_EVENT_REQUEST, json_pack("{s:s, s:s, s:s, s:s, s:[], s:[], s:s, s:i, s:s, s:s}",
	    "by", "ben", "class", "write", "verb", "MERGE", "digest", ZEROS, "tables", "dangers", "op", "=", "rows", 1,
	    "table", "orders", "until", "2026-06-08T14:05:00.000000Z"), "sql", "merge into orders ...");

	(void)state;
	world_event_bodies(w, TRANSCRIPT_EVENT_SHEET, json_pack("{s:I, s:s, s:s, s:[]}", "of", (json_int_t)n, "how", "unknown",
	    "bind", ZEROS, "dangers"), "{\"k\":\"sample\",\"cols\":[],\"rows\":[]}", NULL);
	open_and_wait(w);
	world_sees(w, "matching rows: not known before it runs");
	world_sees(w, "before and after: not shown, a read cannot tell");
	world_end(w);
}

/* Rule 22: the count is typed from the sheet, so nobody's words stand there to be copied. */
static void
what_is_to_be_typed_is_told_but_not_spelled(void **state)
{
	struct world *w = world_begin(SEAT_CONFIRMER, 60, 140);

	(void)state;
	world_request(w, "update orders set a = 1");
	open_and_wait(w);
	world_sees(w, "type the table and the row count");
	world_sees(w, "matching rows now: 3");
	world_sees_not(w, "orders 3");
	world_sees_not(w, "orders = 3");
	world_end(w);
}

/* Rule 26 */
static void
who_is_away_stands_in_the_second_row(void **state)
{
	struct world *w = world_begin(SEAT_DRIVER, 24, 80);

	(void)state;
	world_sees(w, "confirmer anna: PRESENT");
	world_event(w, TRANSCRIPT_EVENT_AWAY, json_pack("{s:s}", "by", "anna"), NULL, NULL);
	world_sees(w, "confirmer anna: AWAY");
	world_event(w, TRANSCRIPT_EVENT_BACK, json_pack("{s:s}", "by", "anna"), NULL, NULL);
	world_sees(w, "confirmer anna: PRESENT");
	world_end(w);
}

/* Rule 27, for names as long as they may be */
static void
long_names_leave_room_for_the_environment(void **state)
{
	struct world *w = world_begin(SEAT_CONFIRMER, 60, 80);
	struct model_header *h = (struct model_header *)(uintptr_t)model_header(w->lv.model);

	(void)state;
	memset(h->ticket, 'T', sizeof h->ticket - 1);
	memset(w->lv.seat.person, 'p', sizeof w->lv.seat.person - 1);
	w->lv.dirty = true;
	world_request(w, "update orders set a = 1");
	open_and_wait(w);
	world_sees(w, " | PRODUCTION | ");
	world_end(w);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_sheet_and_the_log_tell_the_number_of_today),
		cmocka_unit_test(the_wait_is_as_long_as_the_brokers),
		cmocka_unit_test(comments_are_dimmed_and_stand_there),
		cmocka_unit_test(the_confirmer_sees_his_own_numbers),
		cmocka_unit_test(nothing_but_typing_fills_the_line_that_allows),
		cmocka_unit_test(no_single_key_ends_or_leaves),
		cmocka_unit_test(a_sample_that_cannot_be_read_is_said),
		cmocka_unit_test(what_is_to_be_typed_is_told_but_not_spelled),
		cmocka_unit_test(who_is_away_stands_in_the_second_row),
		cmocka_unit_test(long_names_leave_room_for_the_environment),
		cmocka_unit_test(the_reason_stands_below_and_the_environment_in_the_dialog),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
