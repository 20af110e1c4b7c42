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

/* A read with its rows, as the broker records it. */
static uint64_t
read_event(struct world *w, const char *sql, const char *rows_body)
{
	uint64_t n = world_event(w, TRANSCRIPT_EVENT_READ, json_pack("{s:s, s:s, s:s, s:s, s:[s]}", "by", "ben",
	    "class", "read", "verb", "SELECT", "digest",
	    "0000000000000000000000000000000000000000000000000000000000000000", "tables", "orders"), "sql", sql);

	world_event_bodies(w, TRANSCRIPT_EVENT_ROWS, json_pack("{s:I, s:i, s:i}", "of", (json_int_t)n, "part", 1,
	    "rows", 2), rows_body, NULL);
	world_event(w, TRANSCRIPT_EVENT_DONE, json_pack("{s:I, s:i, s:b, s:f}", "of", (json_int_t)n, "rows", 2,
	    "cut", 0, "took", 0.9), NULL, NULL);
	return n;
}

static const char two_rows[] = "{\"k\":\"rows\",\"cols\":[{\"name\":\"id\",\"type\":\"int\"},{\"name\":\"status\","
    "\"type\":\"text\"}],\"rows\":[[4211,\"new\"],[4212,\"paid\"]]}";

static void
a_read_is_sent_as_it_is_and_its_rows_appear(void **state)
{
	struct world *w = world_begin(SEAT_DRIVER, 24, 80);

	world_sees(w, "shop=>");
	world_sees(w, "demo: the two people are not verified");
	world_keys(w, "select id, status from orders;\r");
	world_expect_str(w, "sql", "text", "select id, status from orders");
	world_answer(w, "{\"re\":\"sql\",\"id\":1,\"ok\":true,\"n\":5}");
	read_event(w, "select id, status from orders", two_rows);
	world_sees(w, "4212");
	world_sees(w, "reads 1");
	world_golden(w, "driver_read_80x24.txt");
	world_end(w);
}

static void
the_wide_screen_has_people_connection_and_events(void **state)
{
	struct world *w = world_begin(SEAT_DRIVER, 40, 140);

	read_event(w, "select id, status from orders", two_rows);
	world_sees(w, "PEOPLE");
	world_sees(w, "no undo: no before-image is kept");
	world_sees(w, "LAST EVENTS");
	world_golden(w, "driver_read_140x40.txt");
	world_end(w);
}

static void
a_write_asks_for_rows_and_reason_before_it_is_sent(void **state)
{
	struct world *w = world_begin(SEAT_DRIVER, 24, 80);
	json_t *o;

	world_keys(w, "update orders set status = 'paid' where id = 17;\r");
	world_expect_nothing(w);
	world_sees(w, "rows you expect");
	world_keys(w, "many\r");
	world_sees(w, "Type = 3");
	world_keys(w, "1\r");
	world_sees(w, "reason");
	world_keys(w, "\r");
	world_sees(w, "Say in a few words");
	world_expect_nothing(w);
	world_keys(w, "webhook lost\r");
	o = world_expect(w, "sql");
	assert_string_equal(json_str(o, "text", NULL), "update orders set status = 'paid' where id = 17");
	assert_string_equal(json_str(o, "rows", NULL), "= 1");
	assert_string_equal(json_str(o, "reason", NULL), "webhook lost");
	json_decref(o);
	world_end(w);
}

static void
rows_may_be_bounded_or_left_to_the_count(void **state)
{
	static const struct {
		const char *typed, *sent;
	} table[] = { { "= 3", "= 3" }, { "<=500", "<= 500" }, { " =  7 ", "= 7" }, { "", NULL } };

	for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
		struct world *w = world_begin(SEAT_DRIVER, 24, 80);
		json_t *o;

		world_keys(w, "delete from orders where id = 1;\r");
		world_keys(w, table[i].typed);
		world_keys(w, "\rwhy\r");
		o = world_expect(w, "sql");
		if (table[i].sent != NULL)
			assert_string_equal(json_str(o, "rows", NULL), table[i].sent);
		else
			assert_null(json_object_get(o, "rows"));
		json_decref(o);
		world_end(w);
	}
}

static void
a_waiting_write_counts_down_and_reads_go_on(void **state)
{
	struct world *w = world_begin(SEAT_DRIVER, 24, 80);
	uint64_t n = world_request(w, "update orders set status = 'paid' where id in (4211, 4212, 4213)");

	world_sees(w, "PENDING 00:00");
	world_sees(w, "anna has not opened it yet");
	world_event(w, TRANSCRIPT_EVENT_OPENED, json_pack("{s:I, s:s, s:b}", "of", (json_int_t)n, "by", "anna",
	    "last", 0), NULL, NULL);
	world_pass(w, 41000);
	world_sees(w, "PENDING 00:41");
	world_sees(w, "lapses to DENIED in 04:1");
	world_sees(w, "anna has it open");
	world_golden(w, "driver_pending_80x24.txt");
	world_keys(w, "select 1;\r");
	world_expect_str(w, "sql", "text", "select 1");
	world_end(w);
}

static void
ctrl_c_drops_the_line_then_withdraws_then_says_so(void **state)
{
	struct world *w = world_begin(SEAT_DRIVER, 24, 80);
	uint64_t n = world_request(w, "delete from orders where id = 1");
	json_t *o;

	world_keys(w, "select half");
	world_keys(w, "\003");
	world_expect_nothing(w);
	world_keys(w, "\003");
	o = world_expect(w, "withdraw");
	assert_int_equal(json_int(o, "of", 0), n);
	json_decref(o);
	world_event(w, TRANSCRIPT_EVENT_WITHDRAWN, json_pack("{s:I, s:s}", "of", (json_int_t)n, "by", "ben"), NULL, NULL);
	world_keys(w, "\003");
	world_expect_nothing(w);
	world_sees(w, "Nothing runs and nothing waits");
	world_end(w);
}

static void
ctrl_c_cancels_what_runs(void **state)
{
	struct world *w = world_begin(SEAT_DRIVER, 24, 80);
	json_t *o;

	world_event(w, TRANSCRIPT_EVENT_READ, json_pack("{s:s, s:s, s:s, s:s, s:[]}", "by", "ben", "class", "read",
	    "verb", "SELECT", "digest", "0000000000000000000000000000000000000000000000000000000000000000", "tables"),
	    "sql", "select slow()");
	world_sees(w, "RUNNING");
	world_keys(w, "select 2;\r");
	world_expect_nothing(w);
	world_sees(w, "select 2;");
	world_keys(w, "\003\003");
	o = world_expect(w, "cancel");
	json_decref(o);
	world_event(w, TRANSCRIPT_EVENT_ROWS, json_pack("{s:i, s:i, s:i}", "of", 5, "part", 1, "rows", 0), NULL, NULL);
	world_event(w, TRANSCRIPT_EVENT_FAILED, json_pack("{s:i, s:s, s:f, s:[]}", "of", 5, "code", "SQLITE_INTERRUPT",
	    "took", 2.0, "own"), "error", "cancelled");
	world_sees(w, "ERROR:  SQLITE_INTERRUPT: cancelled");
	world_sees_not(w, "running");
	world_sees_not(w, "RUNNING");
	world_end(w);
}

static void
a_refusal_is_said_and_changes_nothing(void **state)
{
	struct world *w = world_begin(SEAT_DRIVER, 24, 80);

	world_keys(w, "select 1;\r");
	world_expect_str(w, "sql", "text", "select 1");
	world_answer(w, "{\"re\":\"sql\",\"id\":1,\"ok\":false,\"code\":\"state\",\"why\":\"paused by anna\"}");
	world_sees(w, "Refused: paused by anna");
	world_sees(w, "shop=> select 1;");
	world_keys(w, "\r");
	world_expect_str(w, "sql", "text", "select 1");
	world_end(w);
}

static void
hostile_rows_and_messages_arrive_as_marks(void **state)
{
	struct world *w = world_begin(SEAT_DRIVER, 24, 80);

	read_event(w, "select 1", "{\"k\":\"rows\",\"cols\":[{\"name\":\"a\\u001b]0;x\\u0007\",\"type\":\"text\"}],"
	    "\"rows\":[[\"\\u001b]52;c;ZXZpbA==\\u0007\"],[\"\\u202etxet\\u200b\"]]}");
	world_event(w, TRANSCRIPT_EVENT_SAID, json_pack("{s:s}", "by", "anna"), "text", "hi\033[2J");
	world_sees(w, "<1B>]52;c;ZXZpbA==<07>");
	world_sees(w, "<U+202E>txet<U+200B>");
	world_sees(w, "hi<1B>[2J");
	assert_null(strchr(world_screen(w), '\033'));
	world_end(w);
}

static void
a_paste_stays_in_the_line(void **state)
{
	struct world *w = world_begin(SEAT_DRIVER, 24, 80);

	world_keys(w, "\033[200~delete from orders;\nselect 1;\n\033[201~");
	world_expect_nothing(w);
	world_sees(w, "shop=> delete from orders;");
	world_keys(w, "\003");
	world_expect_nothing(w);
	world_keys(w, "\033[200~\\q\n\033[201~");
	world_expect_nothing(w);
	world_end(w);
}

static void
words_do_what_keys_do_and_unknown_ones_are_told(void **state)
{
	struct world *w = world_begin(SEAT_DRIVER, 24, 80);

	world_keys(w, "\\say look at 4212\r");
	world_expect_str(w, "say", "text", "look at 4212");
	world_keys(w, "\033[12~and this\r");
	world_expect_str(w, "say", "text", "and this");
	world_keys(w, "\\note for later\r");
	world_expect_str(w, "note", "text", "for later");
	world_keys(w, "\\!sh\r");
	world_expect_nothing(w);
	world_sees(w, "There is no \\!sh here. There is:");
	world_keys(w, "\\?\r");
	world_sees(w, "There is no editor and no shell");
	world_keys(w, "x");
	world_sees_not(w, "There is no editor");
	world_end(w);
}

static void
a_statement_with_a_secret_is_not_remembered(void **state)
{
	struct world *w = world_begin(SEAT_DRIVER, 24, 80);

	world_event(w, TRANSCRIPT_EVENT_CONNECTED, json_pack("{s:s, s:s, s:s, s:s, s:[]}", "engine", "postgres",
	    "version", "15", "database", "shop", "role", "r", "caps"), NULL, NULL);
	world_keys(w, "select 7;\r");
	world_expect_str(w, "sql", "text", "select 7");
	world_answer(w, "{\"re\":\"sql\",\"id\":1,\"ok\":false,\"code\":\"state\",\"why\":\"no\"}");
	world_keys(w, "\003alter user ben password 'hunter2';\r");
	world_expect_str(w, "sql", "text", "alter user ben password 'hunter2'");
	world_answer(w, "{\"re\":\"sql\",\"id\":2,\"ok\":false,\"code\":\"denied\",\"why\":\"no\"}");
	world_keys(w, "\003\033[A");
	world_sees(w, "shop=> select 7;");
	world_keys(w, "\033[A");
	world_sees_not(w, "hunter2");
	world_keys(w, "\003");
	world_end(w);
}

static void
leaving_a_prompt_sends_nothing_and_brings_the_line_back(void **state)
{
	struct world *w = world_begin(SEAT_DRIVER, 24, 80);

	world_keys(w, "select 1 +");
	world_keys(w, "\033[17~secret thought");
	world_sees(w, "note> secret thought");
	world_keys(w, "\033");
	world_expect_nothing(w);
	world_sees(w, "shop=> select 1 +");
	world_end(w);
}

static void
ctrl_d_asks_and_quitting_ends_the_session(void **state)
{
	struct world *w = world_begin(SEAT_DRIVER, 24, 80);
	json_t *o;

	world_keys(w, "\004");
	world_sees(w, "type end to end the session");
	world_keys(w, "no\r");
	world_expect_nothing(w);
	world_sees(w, "The session goes on");
	world_keys(w, "\\q\r");
	o = world_expect(w, "end");
	json_decref(o);
	world_end(w);
}

static void
the_head_is_shown_until_a_key_is_pressed(void **state)
{
	struct world *w = world_begin(SEAT_DRIVER, 24, 80);

	screen_feed(w->screen, "typed ahead", 11);
	world_event(w, TRANSCRIPT_EVENT_ENDED, json_pack("{s:s, s:s}", "by", "ben", "code", "end"), NULL, NULL);
	screen_feed(w->screen, "typed ahead", 11);
	close(w->broker);
	w->broker = -1;
	world_round(w);
	world_sees(w, "THE SESSION IS OVER");
	world_sees(w, "head of the transcript");
	world_sees(w, "twokey verify FILE");
	world_sees_not(w, "LINK LOST");
	assert_false(w->lv.done);
	world_keys(w, "x");
	assert_true(w->lv.done);
	world_end(w);
}

static void
a_lost_link_says_that_nothing_runs(void **state)
{
	struct world *w = world_begin(SEAT_DRIVER, 24, 80);

	world_request(w, "delete from orders where id = 1");
	close(w->broker);
	w->broker = -1;
	world_round(w);
	world_sees(w, "LINK LOST, nothing runs");
	world_keys(w, "select 1;\r");
	world_sees(w, "select 1;");
	world_sees(w, "nothing was sent");
	assert_int_equal(w->lv.retry_ms, -1);
	world_end(w);
}

static void
a_small_terminal_says_what_it_needs(void **state)
{
	struct world *w = world_begin(SEAT_DRIVER, 24, 80);

	world_keys(w, "select 1");
	screen_resize_headless(w->screen, 20, 72);
	world_round(w);
	world_sees(w, "need 80x24, have 72x20");
	world_keys(w, ";\r");
	world_expect_nothing(w);
	screen_resize_headless(w->screen, 30, 100);
	world_round(w);
	world_sees(w, "shop=> select 1");
	world_end(w);
}

static void
find_goes_up_through_the_log(void **state)
{
	struct world *w = world_begin(SEAT_DRIVER, 24, 80);

	for (int i = 0; i < 40; i++) {
		char text[40];

		snprintf(text, sizeof text, "message %d", i);
		world_event(w, TRANSCRIPT_EVENT_SAID, json_pack("{s:s}", "by", "anna"), "text", text);
	}
	world_sees_not(w, "message 3\n");
	world_keys(w, "\\find MESSAGE 3\r");
	world_sees(w, "message 39");
	world_keys(w, "\\find message 7\r");
	world_sees(w, "message 7");
	world_sees(w, "SCROLLED BACK");
	world_keys(w, "\033[F");
	world_sees(w, "message 39");
	world_end(w);
}

static void
a_long_refusal_is_read_to_its_end(void **state)
{
	struct world *w = world_begin(SEAT_DRIVER, 24, 80);

	world_keys(w, "select 1;\r");
	json_decref(world_expect(w, "sql"));
	world_answer(w, "{\"re\":\"sql\",\"ok\":false,\"code\":\"denied\",\"why\":\"the text holds a password or key, "
	    "which no transcript may keep; change it without the secret (a later version takes secrets apart from the "
	    "text)\"}");
	world_sees(w, " text)\n");
	world_end(w);
}

static void
a_statement_that_is_no_text_is_kept_and_not_sent(void **state)
{
	struct world *w = world_begin(SEAT_DRIVER, 24, 80);

	world_keys(w, "\033[200~select '\xff';\033[201~\r");
	world_expect_nothing(w);
	world_sees(w, "no text in UTF-8");
	world_sees(w, "shop=> select '<?FF>';");
	world_end(w);
}

static void
rows_that_nobody_can_count_have_to_be_named(void **state)
{
	struct world *w = world_begin(SEAT_DRIVER, 24, 80);

	world_keys(w, "insert into orders(status) values('new') on conflict do nothing;\r");
	world_sees(w, "rows you expect (= N, <= N)>");
	world_keys(w, "\r");
	world_sees(w, "cannot be counted before it runs");
	world_sees(w, "rows you expect (= N, <= N)>");
	world_keys(w, "= 1\r");
	world_sees(w, "reason, for the one who allows it>");
	world_keys(w, "step 3\r");
	world_expect_str(w, "sql", "rows", "= 1");
	world_end(w);
}

/* It has no rows to expect: only the reason is asked for. */
static void
a_change_of_definitions_asks_for_the_reason_alone(void **state)
{
	static const char *const texts[] = { "alter table orders add column day date", "drop table orders", "create index i on orders (id)" };

	for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
		struct world *w = world_begin(SEAT_DRIVER, 24, 80);
		json_t *o;

		world_keys(w, texts[i]);
		world_keys(w, ";\r");
		world_sees(w, "reason, for the one who allows it>");
		world_keys(w, "as agreed\r");
		o = world_expect(w, "sql");
		assert_null(json_object_get(o, "rows"));
		json_decref(o);
		world_end(w);
	}
}

static void
a_void_request_says_what_spoiled_it(void **state)
{
	static const char *const codes[][2] = { { "bound", "(bound): another number of rows matches" },
		{ "driver-left", "(driver-left): the driver left" }, { "ended", "(ended): the session ended" },
		{ "bind", "(bind): something that was shown is no longer so" } };

	for (size_t i = 0; i < sizeof codes / sizeof codes[0]; i++) {
		struct world *w = world_begin(SEAT_DRIVER, 24, 80);
		uint64_t n = world_request(w, "delete from orders where id = 1");

		world_event(w, TRANSCRIPT_EVENT_VOID, json_pack("{s:I, s:s}", "of", (json_int_t)n, "code", codes[i][0]),
		    NULL, NULL);
		world_sees(w, codes[i][1]);
		if (i == 0)
			world_sees(w, "matching rows: 3   named: = 3");
		world_end(w);
	}
}

static void
a_confirmer_who_left_has_nothing_open(void **state)
{
	struct world *w = world_begin(SEAT_DRIVER, 24, 80);
	uint64_t n = world_request(w, "delete from orders where id = 1");

	world_event(w, TRANSCRIPT_EVENT_OPENED, json_pack("{s:I, s:s, s:b}", "of", (json_int_t)n, "by", "anna", "last",
	    0), NULL, NULL);
	world_sees(w, "anna has it open");
	world_event(w, TRANSCRIPT_EVENT_LEFT, json_pack("{s:s, s:s, s:s}", "by", "anna", "seat", "confirmer", "code",
	    "leave"), NULL, NULL);
	world_sees_not(w, "anna has it open");
	world_sees(w, "nobody is here to allow it");
	world_end(w);
}

static void
an_end_of_access_that_is_days_away_has_its_date(void **state)
{
	struct world *w = world_begin(SEAT_DRIVER, 24, 80);

	w->wall_us -= INT64_C(3) * 86400 * 1000000;
	world_keys(w, "x");
	world_sees(w, "access ends 2026-06-08 --");
	world_end(w);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_read_is_sent_as_it_is_and_its_rows_appear),
		cmocka_unit_test(the_wide_screen_has_people_connection_and_events),
		cmocka_unit_test(a_write_asks_for_rows_and_reason_before_it_is_sent),
		cmocka_unit_test(rows_may_be_bounded_or_left_to_the_count),
		cmocka_unit_test(a_waiting_write_counts_down_and_reads_go_on),
		cmocka_unit_test(ctrl_c_drops_the_line_then_withdraws_then_says_so),
		cmocka_unit_test(ctrl_c_cancels_what_runs),
		cmocka_unit_test(a_refusal_is_said_and_changes_nothing),
		cmocka_unit_test(hostile_rows_and_messages_arrive_as_marks),
		cmocka_unit_test(a_paste_stays_in_the_line),
		cmocka_unit_test(words_do_what_keys_do_and_unknown_ones_are_told),
		cmocka_unit_test(a_statement_with_a_secret_is_not_remembered),
		cmocka_unit_test(leaving_a_prompt_sends_nothing_and_brings_the_line_back),
		cmocka_unit_test(ctrl_d_asks_and_quitting_ends_the_session),
		cmocka_unit_test(the_head_is_shown_until_a_key_is_pressed),
		cmocka_unit_test(a_lost_link_says_that_nothing_runs),
		cmocka_unit_test(a_small_terminal_says_what_it_needs),
		cmocka_unit_test(find_goes_up_through_the_log),
		cmocka_unit_test(a_long_refusal_is_read_to_its_end),
		cmocka_unit_test(a_statement_that_is_no_text_is_kept_and_not_sent),
		cmocka_unit_test(rows_that_nobody_can_count_have_to_be_named),
		cmocka_unit_test(a_change_of_definitions_asks_for_the_reason_alone),
		cmocka_unit_test(a_void_request_says_what_spoiled_it),
		cmocka_unit_test(a_confirmer_who_left_has_nothing_open),
		cmocka_unit_test(an_end_of_access_that_is_days_away_has_its_date),
	};

	setlocale(LC_CTYPE, "C.UTF-8");
	setenv("INPUTRC", "/dev/null", 1);
	return cmocka_run_group_tests_name("console_driver", tests, NULL, NULL);
}
