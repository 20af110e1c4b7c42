/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include <locale.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "console_world.h"

#include "twokey/base/json.h"

static const char update[] = "UPDATE orders\n   SET status = 'paid'\n WHERE id IN (4211, 4212, 4213);";

#define ZEROS "0000000000000000000000000000000000000000000000000000000000000000"

/* Opens the request and lets the minimum time pass; the "opened" requests are taken away. */
static void
open_and_read(struct world *w)
{
	json_t *o;

	world_keys(w, "\033[15~");
	o = world_expect(w, "opened");
	while (!json_bool(o, "last")) {
		json_decref(o);
		world_keys(w, "\033[6~");
		o = world_expect(w, "opened");
	}
	json_decref(o);
	world_pass(w, 5000);
}

/* Before anything is typed: whether this console may allow it, and that it will be held. Of a screen of 80x24 too. */
static void
what_the_ticket_asks_of_an_answer_stands_on_the_sheet(void **state)
{
	struct world *w = world_begin_asks(SEAT_CONFIRMER, 24, 80);

	(void)state;
	world_request(w, update);
	world_keys(w, "\033[15~");
	json_decref(world_expect(w, "opened"));
	world_sees(w, "it is held: it runs, its real effect is shown");
	world_keys(w, "\033[6~");
	json_decref(world_expect(w, "opened"));
	world_pass(w, 5000);
	world_sees(w, "!!  the ticket takes an answer from another host only");
	world_sees(w, "The ticket takes an answer from another host only: here you can only deny (F7).");
	world_keys(w, "orders 3\r");
	world_expect_nothing(w);
	world_keys(w, "\033");
	world_pass(w, 1000);
	world_event(w, TRANSCRIPT_EVENT_JOINED, json_pack("{s:s, s:s, s:s, s:b}", "by", "anna", "seat", "confirmer", "side", "customer",
	    "remote", 1), NULL, NULL);
	open_and_read(w);
	world_sees(w, "ok  the ticket takes an answer from another host only: this console counts");
	world_sees(w, "To allow it, type");
	world_keys(w, "orders 3\r");
	world_expect_str(w, "allow", "typed", "orders 3");
	world_end(w);
}

static void
a_request_never_takes_the_focus(void **state)
{
	struct world *w = world_begin(SEAT_CONFIRMER, 24, 80);

	world_keys(w, "orders 3");
	assert_int_equal(screen_bells(w->screen), 0);
	world_event(w, TRANSCRIPT_EVENT_REQUEST, json_pack("{s:s, s:s, s:s, s:s, s:[], s:[], s:s, s:i, s:s, s:s}",
	    "by", "ben", "class", "write", "verb", "UPDATE", "digest", ZEROS, "tables", "dangers", "op", "=", "rows", 3,
	    "table", "orders", "until", "2026-06-08T14:05:00.000000Z"), "sql", "update orders set a = 1");
	assert_int_equal(screen_bells(w->screen), 0);
	world_sees_not(w, "press F5");
	world_event(w, TRANSCRIPT_EVENT_WITHDRAWN, json_pack("{s:i, s:s}", "of", 5, "by", "ben"), NULL, NULL);
	world_request(w, update);
	assert_int_equal(screen_bells(w->screen), 1);
	world_sees(w, "WAITING: press F5 (or \\open) to read it");
	world_sees(w, "message (it never runs)> orders 3");
	world_keys(w, "\r");
	world_expect_str(w, "say", "text", "orders 3");
	world_round(w);
	assert_int_equal(screen_bells(w->screen), 1);
	world_golden(w, "confirmer_waiting_80x24.txt");
	world_end(w);
}

static void
the_sheet_shows_the_bytes_and_the_broker_is_told(void **state)
{
	struct world *w = world_begin(SEAT_CONFIRMER, 40, 140);
	json_t *o;

	world_request(w, update);
	world_keys(w, "\033[15~");
	world_sees(w, "WHERE id IN (4211, 4212, 4213);");
	o = world_expect(w, "opened");
	assert_int_equal(json_int(o, "of", 0), 5);
	assert_true(json_bool(o, "last"));
	json_decref(o);
	world_sees_not(w, "allow>");
	world_sees(w, "wait 2 s>");
	world_pass(w, 2000);
	world_sees(w, "allow>");
	world_sees(w, "Enter alone does nothing");
	world_golden(w, "confirmer_sheet_140x40.txt");
	world_end(w);
}

/* The broker's clock runs from when it was told: over a slow link the prompt comes no sooner than it may be answered. */
static void
the_wait_is_the_broker_s(void **state)
{
	struct world *w = world_begin(SEAT_CONFIRMER, 40, 140);

	(void)state;
	world_request(w, update);
	world_keys(w, "\033[15~");
	json_decref(world_expect(w, "opened"));
	world_pass(w, 1500);
	world_answer(w, "{\"re\":\"opened\",\"ok\":true}");
	world_pass(w, 1000);
	world_sees_not(w, "allow>");
	world_sees(w, "wait 1 s>");
	world_answer(w, "{\"re\":\"opened\",\"ok\":true}");
	world_pass(w, 1000);
	world_sees(w, "allow>");
	world_end(w);
}

static void
the_sheet_fits_or_scrolls_on_a_small_screen(void **state)
{
	struct world *w = world_begin(SEAT_CONFIRMER, 24, 80);

	world_request(w, update);
	open_and_read(w);
	world_sees(w, "allow>");
	world_golden(w, "confirmer_sheet_80x24.txt");
	world_end(w);
}

static void
allowing_needs_typed_content(void **state)
{
	struct world *w = world_begin(SEAT_CONFIRMER, 24, 80);
	json_t *o;

	world_request(w, update);
	open_and_read(w);
	world_keys(w, "\r\r\r");
	world_expect_nothing(w);
	world_keys(w, "orders 3\r");
	o = world_expect(w, "allow");
	assert_int_equal(json_int(o, "of", 0), 5);
	assert_string_equal(json_str(o, "typed", NULL), "orders 3");
	assert_int_equal(strlen(json_str(o, "digest", NULL)), 64);
	assert_int_equal(strlen(json_str(o, "bind", NULL)), 64);
	json_decref(o);
	world_end(w);
}

static void
what_is_typed_too_early_is_not_kept(void **state)
{
	struct world *w = world_begin(SEAT_CONFIRMER, 24, 80);
	json_t *o;

	world_request(w, update);
	world_keys(w, "\033[15~orders 3\r");
	world_pass(w, 1000);
	world_keys(w, "orders 3\r");
	for (int i = 0; i < 9; i++)
		world_keys(w, "\033[6~");
	world_pass(w, 9000);
	world_keys(w, "\r");
	o = world_expect(w, "opened");
	json_decref(o);
	while (w->in.len > 0) {
		o = world_expect(w, "opened");
		json_decref(o);
	}
	world_sees(w, "allow>");
	world_sees_not(w, "allow> o");
	world_end(w);
}

static void
a_long_statement_is_read_to_its_end_first(void **state)
{
	struct world *w = world_begin(SEAT_CONFIRMER, 24, 80);
	char sql[2000] = "UPDATE orders SET status = 'paid' WHERE id IN (";
	json_t *o;

	for (int i = 0; i < 60; i++)
		snprintf(sql + strlen(sql), sizeof sql - strlen(sql), "%s%d", i > 0 ? ",\n  " : "", 4211 + i);
	strcat(sql, ");");
	world_request(w, sql);
	world_keys(w, "\033[15~");
	o = world_expect(w, "opened");
	assert_false(json_bool(o, "last"));
	json_decref(o);
	world_pass(w, 60000);
	world_sees(w, "read to the last line first (PgDn)>");
	world_sees(w, "not all shown");
	world_keys(w, "orders 3\r");
	world_expect_nothing(w);
	world_keys(w, "\033[6~");
	world_expect_nothing(w);
	for (int i = 0; i < 12; i++)
		world_keys(w, "\033[6~");
	o = world_expect(w, "opened");
	assert_true(json_bool(o, "last"));
	json_decref(o);
	world_sees(w, "allow>");
	world_end(w);
}

static void
a_paste_is_no_agreement(void **state)
{
	struct world *w = world_begin(SEAT_CONFIRMER, 24, 80);

	world_request(w, update);
	open_and_read(w);
	world_keys(w, "\033[200~orders 3\n\033[201~");
	world_sees(w, "A paste is not taken here");
	world_keys(w, "\r");
	world_expect_nothing(w);
	world_end(w);
}

static void
denying_asks_for_a_reason(void **state)
{
	struct world *w = world_begin(SEAT_CONFIRMER, 24, 80);
	json_t *o;

	world_request(w, update);
	world_keys(w, "\033[18~\r");
	world_sees(w, "Not denied");
	world_expect_nothing(w);
	world_keys(w, "\033[18~not today\r");
	o = world_expect(w, "deny");
	assert_int_equal(json_int(o, "of", 0), 5);
	assert_string_equal(json_str(o, "reason", NULL), "not today");
	json_decref(o);
	world_end(w);
}

static void
asking_goes_to_the_driver(void **state)
{
	struct world *w = world_begin(SEAT_CONFIRMER, 24, 80);

	world_request(w, update);
	open_and_read(w);
	world_keys(w, "\033[15~why not wait?\r");
	world_expect_str(w, "ask", "text", "why not wait?");
	world_sees(w, "allow>");
	world_end(w);
}

static void
no_single_key_stops_the_session(void **state)
{
	struct world *w = world_begin(SEAT_CONFIRMER, 24, 80);

	world_keys(w, "\033[19~");
	world_expect_nothing(w);
	world_keys(w, "\r");
	world_keys(w, "\033[19~\033[200~stop\033[201~\r");
	world_expect_nothing(w);
	world_keys(w, "\033[19~stop\r");
	world_expect_str(w, "stop", "reason", "stopped by the second person");
	world_end(w);
}

static void
an_answer_may_be_typed_while_another_is_on_its_way(void **state)
{
	struct world *w = world_begin(SEAT_CONFIRMER, 24, 80);

	world_request(w, update);
	open_and_read(w);
	world_keys(w, "yes\rorders 3\r");
	world_expect_str(w, "allow", "typed", "yes");
	world_expect_str(w, "allow", "typed", "orders 3");
	world_end(w);
}

static void
the_next_request_is_read_from_a_sheet_that_is_over(void **state)
{
	struct world *w = world_begin(SEAT_CONFIRMER, 24, 80);
	uint64_t n = world_request(w, update), next;

	open_and_read(w);
	world_event(w, TRANSCRIPT_EVENT_WITHDRAWN, json_pack("{s:I, s:s}", "of", (json_int_t)n, "by", "ben"), NULL,
	    NULL);
	next = world_request(w, "delete from orders where id = 9");
	world_sees(w, "WITHDRAWN   REQUEST 8 WAITING: F5 reads it");
	assert_int_equal(next, 8);
	open_and_read(w);
	world_sees(w, "Request 8 from ben");
	world_sees(w, "allow>");
	world_end(w);
}

static void
a_refused_answer_is_said_and_may_be_typed_again(void **state)
{
	struct world *w = world_begin(SEAT_CONFIRMER, 24, 80);

	world_request(w, update);
	open_and_read(w);
	world_keys(w, "orders 4\r");
	world_expect_str(w, "allow", "typed", "orders 4");
	world_answer(w, "{\"re\":\"allow\",\"id\":3,\"ok\":false,\"code\":\"denied\","
	    "\"why\":\"the sheet asks for another count\"}");
	world_sees(w, "Refused: the sheet asks for another count");
	world_keys(w, "orders 3\r");
	world_expect_str(w, "allow", "typed", "orders 3");
	world_end(w);
}

static void
a_pause_says_how_it_goes_on(void **state)
{
	struct world *w = world_begin(SEAT_CONFIRMER, 24, 80);

	world_sees(w, "-- LIVE");
	world_event(w, TRANSCRIPT_EVENT_PAUSED, json_pack("{s:s}", "by", "anna"), NULL, NULL);
	world_sees(w, "PAUSED, nothing runs; \\resume goes on");
	world_event(w, TRANSCRIPT_EVENT_RESUMED, json_pack("{s:s}", "by", "anna"), NULL, NULL);
	world_sees(w, "-- LIVE");
	world_end(w);
}

static void
a_session_that_misses_a_second_person_says_who_and_what_goes_on(void **state)
{
	struct world *w = world_begin(SEAT_CONFIRMER, 24, 80);

	world_event(w, TRANSCRIPT_EVENT_PAUSED, json_pack("{s:s, s:s, s:s}", "code", "left", "who", "kim", "only", "writes"),
	    NULL, NULL);
	world_sees(w, "ALONE, only reads run; \\resume goes on");
	world_sees(w, "ONLY READS RUN: kim left; one who is here resumes");
	world_sees(w, "PAUSED: kim left, and the ticket asks for a second person");
	world_event(w, TRANSCRIPT_EVENT_RESUMED, json_pack("{s:s}", "by", "anna"), NULL, NULL);
	world_sees(w, "-- LIVE");
	world_event(w, TRANSCRIPT_EVENT_PAUSED, json_pack("{s:s, s:s}", "code", "away", "who", "anna"), NULL, NULL);
	world_sees(w, "PAUSED, nothing runs; \\resume goes on");
	world_sees(w, "PAUSED: anna is AWAY; one who is here resumes");
	world_event(w, TRANSCRIPT_EVENT_RESUMED, json_pack("{s:s}", "by", "anna"), NULL, NULL);
	world_event(w, TRANSCRIPT_EVENT_PAUSED, json_pack("{s:s}", "code", "absent"), NULL, NULL);
	world_sees(w, "PAUSED: no second person resumed yet");
	world_end(w);
}

/* Two keys: the one who turned the first has nothing to type any more, the one of the other side has. */
static void
the_first_of_two_keys_is_seen_and_the_other_is_waited_for(void **state)
{
	for (int mine = 0; mine < 2; mine++) {
		struct world *w = world_begin(SEAT_CONFIRMER, 24, 80);	/* anna, of the customer */
		uint64_t n = world_request(w, update);

		open_and_read(w);
		world_sees(w, "allow>");
		world_event(w, TRANSCRIPT_EVENT_TURNED, json_pack("{s:I, s:s, s:s, s:s, s:s}", "of", (json_int_t)n, "by",
		    mine ? "anna" : "kim", "side", mine ? "customer" : "firm", "digest", "", "bind", ""), "typed", "orders 3");
		world_sees(w, mine ? "1 of 2 keys turned, by anna; waits for the firm's" :
		    "1 of 2 keys turned, by kim; waits for the customer's");
		if (mine) {
			world_keys(w, "orders 3\r");
			world_expect_nothing(w);
		} else {
			world_sees(w, "allow>");
			world_keys(w, "orders 3\r");
			world_expect_str(w, "allow", "typed", "orders 3");
		}
		world_keys(w, "\033[18~not this\r");	/* a no is still a no */
		world_expect_str(w, "deny", "reason", "not this");
		world_end(w);
	}
}

static void
what_is_said_about_a_sheet_that_was_read_is_seen(void **state)
{
	struct world *w = world_begin(SEAT_CONFIRMER, 24, 80);
	char sql[600] = "update orders set status = 'paid' where id in (1";
	uint64_t n;

	for (int i = 0; i < 40; i++)
		strcat(sql, ",\n 2");
	strcat(sql, ")");
	n = world_request(w, sql);
	world_keys(w, "\033[15~");
	json_decref(world_expect(w, "opened"));
	for (int i = 0; i < 8; i++)
		world_keys(w, "\033[6~");
	json_decref(world_expect(w, "opened"));
	world_event(w, TRANSCRIPT_EVENT_ASKED, json_pack("{s:I, s:s, s:s}", "of", (json_int_t)n, "by", "anna", "until",
	    "2026-06-08T14:30:00.000000Z"), "text", "why not at night?");
	world_sees(w, "anna: why not at night?");
	world_event(w, TRANSCRIPT_EVENT_REPLIED, json_pack("{s:I, s:s}", "of", (json_int_t)n, "by", "ben"), "text",
	    "it must be today");
	world_sees(w, "ben: it must be today");
	world_end(w);
}

static void
a_request_that_waits_no_more_cannot_be_allowed(void **state)
{
	static const enum transcript_event_kind kinds[] = { TRANSCRIPT_EVENT_WITHDRAWN, TRANSCRIPT_EVENT_EXPIRED,
		TRANSCRIPT_EVENT_VOID };

	for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
		struct world *w = world_begin(SEAT_CONFIRMER, 24, 80);
		uint64_t n = world_request(w, update);
		json_t *fields = json_pack("{s:I}", "of", (json_int_t)n);

		open_and_read(w);
		world_keys(w, "orders 3");
		if (kinds[i] == TRANSCRIPT_EVENT_WITHDRAWN)
			json_object_set_new(fields, "by", json_string("ben"));
		if (kinds[i] == TRANSCRIPT_EVENT_VOID)
			json_object_set_new(fields, "code", json_string("state"));
		world_event(w, kinds[i], fields, NULL, NULL);
		world_keys(w, "\r");
		world_expect_nothing(w);
		world_sees_not(w, "allow>");
		world_end(w);
	}
}

static void
a_small_terminal_shows_no_approval(void **state)
{
	struct world *w = world_begin(SEAT_CONFIRMER, 20, 72);

	world_request(w, update);
	world_keys(w, "\033[15~");
	world_sees(w, "need 80x24, have 72x20");
	world_expect_nothing(w);
	screen_resize_headless(w->screen, 24, 80);
	world_round(w);
	open_and_read(w);
	world_keys(w, "orders");
	screen_resize_headless(w->screen, 20, 72);
	world_keys(w, " 3\r");
	world_expect_nothing(w);
	world_end(w);
}

static void
a_watcher_reads_the_sheet_and_answers_nothing(void **state)
{
	struct world *w = world_begin(SEAT_WATCHER, 24, 80);

	world_request(w, update);
	world_keys(w, "\033[15~");
	world_expect_nothing(w);
	world_sees(w, "You watch");
	world_pass(w, 9000);
	world_sees_not(w, "allow>");
	world_keys(w, "orders 3\r\033[18~\033[19~");
	world_expect_nothing(w);
	world_end(w);
}

static void
a_lost_link_allows_nothing(void **state)
{
	struct world *w = world_begin(SEAT_CONFIRMER, 24, 80);

	world_request(w, update);
	open_and_read(w);
	close(w->broker);
	w->broker = -1;
	world_round(w);
	world_sees(w, "LINK LOST, nothing runs");
	world_sees_not(w, "allow>");
	world_end(w);
}

static struct world *relinked;

static bool
connect_in_test(struct live *lv)
{
	world_relink(relinked);
	return true;
}

static void
a_calm_link_comes_back_by_itself_and_one_with_a_write_does_not(void **state)
{
	for (int waits = 0; waits < 2; waits++) {
		struct world *w = world_begin(SEAT_CONFIRMER, 24, 80);

		relinked = w;
		w->lv.connect = connect_in_test;
		if (waits)
			world_request(w, update);
		close(w->broker);
		w->broker = -1;
		world_round(w);
		world_sees(w, "LINK LOST, nothing runs");
		world_pass(w, 4000);
		if (waits) {
			world_sees(w, "LINK LOST, nothing runs");
			world_keys(w, "\r");
		}
		world_pass(w, 100);
		world_sees(w, "Connected again");
		world_sees_not(w, "LINK LOST");
		world_sees(w, "anna took the confirmer's seat");
		world_end(w);
	}
}

static void
a_private_broker_says_what_it_does_not_protect_against(void **state)
{
	struct world *w = world_begin_private(SEAT_CONFIRMER, 24, 80);

	world_sees(w, "private broker: protects against mistakes, not against this login");
	world_sees(w, "ben: PRESENT");
	world_end(w);
	w = world_begin_private(SEAT_DRIVER, 40, 140);
	world_sees(w, "private broker: protects against mistakes, not against this login");
	world_sees(w, "confirmer anna: PRESENT");
	world_end(w);
}

static void
keys_prove_presence_at_most_every_20_seconds(void **state)
{
	struct world *w = world_begin(SEAT_CONFIRMER, 24, 80);
	int here = 0;
	const char *s;

	for (int i = 0; i < 45; i++) {
		screen_feed(w->screen, "x", 1);
		world_pass(w, 1000);
	}
	for (s = buf_str(&w->in); (s = strstr(s, "\"do\":\"here\"")) != NULL; s++)
		here++;
	assert_int_equal(here, 3);
	world_end(w);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_the_ticket_asks_of_an_answer_stands_on_the_sheet),
		cmocka_unit_test(a_request_never_takes_the_focus),
		cmocka_unit_test(the_sheet_shows_the_bytes_and_the_broker_is_told),
		cmocka_unit_test(the_wait_is_the_broker_s),
		cmocka_unit_test(the_sheet_fits_or_scrolls_on_a_small_screen),
		cmocka_unit_test(allowing_needs_typed_content),
		cmocka_unit_test(what_is_typed_too_early_is_not_kept),
		cmocka_unit_test(a_long_statement_is_read_to_its_end_first),
		cmocka_unit_test(a_paste_is_no_agreement),
		cmocka_unit_test(denying_asks_for_a_reason),
		cmocka_unit_test(asking_goes_to_the_driver),
		cmocka_unit_test(no_single_key_stops_the_session),
		cmocka_unit_test(an_answer_may_be_typed_while_another_is_on_its_way),
		cmocka_unit_test(the_next_request_is_read_from_a_sheet_that_is_over),
		cmocka_unit_test(a_refused_answer_is_said_and_may_be_typed_again),
		cmocka_unit_test(a_request_that_waits_no_more_cannot_be_allowed),
		cmocka_unit_test(a_pause_says_how_it_goes_on),
		cmocka_unit_test(the_first_of_two_keys_is_seen_and_the_other_is_waited_for),
		cmocka_unit_test(a_session_that_misses_a_second_person_says_who_and_what_goes_on),
		cmocka_unit_test(what_is_said_about_a_sheet_that_was_read_is_seen),
		cmocka_unit_test(a_small_terminal_shows_no_approval),
		cmocka_unit_test(a_watcher_reads_the_sheet_and_answers_nothing),
		cmocka_unit_test(a_lost_link_allows_nothing),
		cmocka_unit_test(a_calm_link_comes_back_by_itself_and_one_with_a_write_does_not),
		cmocka_unit_test(a_private_broker_says_what_it_does_not_protect_against),
		cmocka_unit_test(keys_prove_presence_at_most_every_20_seconds),
	};

	setlocale(LC_CTYPE, "C.UTF-8");
	setenv("INPUTRC", "/dev/null", 1);
	return cmocka_run_group_tests_name("console_confirmer", tests, NULL, NULL);
}
