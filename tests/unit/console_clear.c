/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What a person needs first stands on the screen, whole and in words: found by using it. */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "console_world.h"

#include "twokey/base/json.h"

#define ZEROS "0000000000000000000000000000000000000000000000000000000000000000"

static uint64_t
request(struct world *w, const char *sql)
{
	return world_event(w, TRANSCRIPT_EVENT_REQUEST, json_pack("{s:s, s:s, s:s, s:s, s:[], s:[], s:s, s:s}", "by", "ben", "class",
	    "write", "verb", "UPDATE", "digest", ZEROS, "tables", "dangers", "table", "orders", "until",
	    "2026-06-08T14:05:00.000000Z"), "sql", sql);
}

static void
what_the_database_said_of_a_request_that_is_void_is_told(void **state)
{
	struct world *w = world_begin(SEAT_DRIVER, 24, 80);
	uint64_t n = request(w, "update orders set statuss = 'paid' where id = 1");

	(void)state;
	world_event(w, TRANSCRIPT_EVENT_FAILED, json_pack("{s:I, s:s}", "of", (json_int_t)n, "code", "42703"), "error",
	    "column \"statuss\" of relation \"orders\" does not exist");
	world_event(w, TRANSCRIPT_EVENT_VOID, json_pack("{s:I, s:s}", "of", (json_int_t)n, "code", "sheet"), NULL, NULL);
	world_sees(w, "the database could not say what it would touch");
	world_sees(w, "why: column \"statuss\" of relation \"orders\" does not exist");
	world_sees(w, "It did not run.");
	world_end(w);
}

/* The person knows what the number and the reason are for. */
static void
the_statement_stays_in_sight_until_it_is_sent(void **state)
{
	struct world *w = world_begin(SEAT_DRIVER, 24, 80);

	(void)state;
	world_keys(w, "update orders\r set status = 'paid'\r where id = 4211;\r");
	world_sees(w, "rows you expect");
	world_sees(w, " Not sent yet:\n   update orders\n    set status = 'paid'\n    where id = 4211\n");
	world_keys(w, "= 1\r");
	world_sees(w, "reason, for the one who allows it>");
	world_sees(w, " Not sent yet:\n   update orders\n");
	world_keys(w, "\003");
	world_sees_not(w, "Not sent yet");
	world_keys(w, "delete from orders where id in (1,\r2,\r3,\r4,\r5);\r");
	world_sees(w, " Not sent yet, its beginning:\n   delete from orders where id in (1,\n   2,\n   3,\n   4,\n");
	world_keys(w, "\003");
	world_expect_nothing(w);
	world_end(w);
}

static void
a_question_names_its_key_before_its_words(void **state)
{
	struct world *w = world_begin(SEAT_DRIVER, 24, 80);
	uint64_t n = world_request(w, "update orders set a = 1");

	(void)state;
	world_event(w, TRANSCRIPT_EVENT_ASKED, json_pack("{s:I, s:s}", "of", (json_int_t)n, "by", "anna"), "text",
	    "why are these three and not all that are new since yesterday?");
	world_sees(w, "anna asks (F5 replies): why");
	world_end(w);
}

static void
the_answer_to_a_question_is_told_where_it_was_asked(void **state)
{
	struct world *w = world_begin(SEAT_CONFIRMER, 24, 80);
	uint64_t n = world_request(w, "update orders set a = 1");

	(void)state;
	world_keys(w, "\033[15~");
	json_decref(world_expect(w, "opened"));
	world_event(w, TRANSCRIPT_EVENT_ASKED, json_pack("{s:I, s:s}", "of", (json_int_t)n, "by", "anna"), "text", "why?");
	world_sees(w, "ben is asked; the answer is told here. The clock was set anew.");
	world_event(w, TRANSCRIPT_EVENT_REPLIED, json_pack("{s:I, s:s}", "of", (json_int_t)n, "by", "ben"), "text", "because");
	world_sees(w, "ben answers: because");
	world_end(w);
}

static void
a_sheet_that_is_over_says_how_and_offers_no_dead_keys(void **state)
{
	struct world *w = world_begin(SEAT_CONFIRMER, 24, 80);
	uint64_t n = world_request(w, "update orders set a = 1");

	(void)state;
	world_keys(w, "\033[15~");
	json_decref(world_expect(w, "opened"));
	world_sees(w, "F5 ask  F7 deny");
	world_event(w, TRANSCRIPT_EVENT_VOID, json_pack("{s:I, s:s}", "of", (json_int_t)n, "code", "driver-left"), NULL, NULL);
	world_sees(w, "VOID: the driver left, and what waits does not outlive that.\n");
	world_sees_not(w, "F7 deny");
	world_sees_not(w, "F5 ask");
	world_sees(w, "F5 read");
	world_keys(w, "\033[18~");
	world_expect_nothing(w);
	world_end(w);
}

static void
the_rule_is_not_cut_for_numbers(void **state)
{
	struct world *w = world_begin(SEAT_CONFIRMER, 24, 80);
	uint64_t n = world_request(w, "update orders set a = 1");

	(void)state;
	world_event(w, TRANSCRIPT_EVENT_OPENED, json_pack("{s:I, s:s, s:b}", "of", (json_int_t)n, "by", "anna", "last", 1), NULL, NULL);
	world_event(w, TRANSCRIPT_EVENT_DENIED, json_pack("{s:I, s:s}", "of", (json_int_t)n, "by", "anna"), "reason", "no");
	world_sees(w, "you: 0 allowed, 1 denied, read in ");
	world_request(w, "update orders set a = 2");
	world_sees(w, "-- demo: the two people are not verified --");
	world_end(w);
}

static void
lines_are_counted_as_they_are_drawn(void **state)
{
	struct world *w = world_begin(SEAT_CONFIRMER, 24, 80);
	uint64_t n = world_request(w, "update orders set a = 1\n\n\n\n\n\n\nwhere id = 4");

	(void)state;
	world_keys(w, "\033[15~");
	json_decref(world_expect(w, "opened"));
	world_event(w, TRANSCRIPT_EVENT_ASKED, json_pack("{s:I, s:s}", "of", (json_int_t)n, "by", "anna"), "text", "why?");
	world_sees(w, " 28 lines, not all shown.");
	world_sees(w, "of 28, not all shown --");
	world_end(w);
}

static void
a_change_of_definitions_counts_no_rows(void **state)
{
	struct world *w = world_begin(SEAT_DRIVER, 24, 80);
	uint64_t n = world_event(w, TRANSCRIPT_EVENT_REQUEST, json_pack("{s:s, s:s, s:s, s:s, s:[], s:[], s:s, s:s, s:s}", "by", "ben",
	    "class", "ddl", "verb", "ALTER TABLE", "digest", ZEROS, "tables", "dangers", "table", "orders", "act", "alter", "until",
	    "2026-06-08T14:05:00.000000Z"), "sql", "alter table orders add a int");

	(void)state;
	world_event(w, TRANSCRIPT_EVENT_ALLOWED, json_pack("{s:I, s:s}", "of", (json_int_t)n, "by", "anna"), "typed", "alter orders");
	world_event(w, TRANSCRIPT_EVENT_COMMITTED, json_pack("{s:I, s:i, s:f}", "of", (json_int_t)n, "affected", 0, "took", 2.0), NULL,
	    NULL);
	world_sees(w, "ALTER TABLE   COMMITTED");
	world_end(w);
}

static uint64_t
committed(struct world *w, const char *engine)
{
	struct model_header *h = (struct model_header *)(uintptr_t)model_header(w->lv.model);
	uint64_t n;

	snprintf(h->engine, sizeof h->engine, "%s", engine);
	n = request(w, "delete from orders where id = 1");
	world_event(w, TRANSCRIPT_EVENT_SHEET, json_pack("{s:I, s:s, s:i, s:s, s:[s], s:[s]}", "of", (json_int_t)n, "how", "derived",
	    "count", 1, "bind", ZEROS, "dangers", "cascade", "cascades", "items_orders on items"), NULL, NULL);
	world_event(w, TRANSCRIPT_EVENT_ALLOWED, json_pack("{s:I, s:s}", "of", (json_int_t)n, "by", "anna"), "typed", "orders 1");
	world_event(w, TRANSCRIPT_EVENT_COMMITTED, json_pack("{s:I, s:i, s:f, s:[{s:s, s:i}]}", "of", (json_int_t)n, "affected", 1,
	    "took", 2.0, "effects", "table", "orders", "deleted", 1), NULL, NULL);
	return n;
}

/* The effects of MariaDB are of the tables written: they do not pass for all. */
static void
effects_that_are_not_all_do_not_pass_for_all(void **state)
{
	static const struct { const char *engine; bool all; } of[] = { { "mariadb", false }, { "mysql", false }, { "sqlite", true } };

	(void)state;
	for (size_t i = 0; i < sizeof of / sizeof of[0]; i++) {
		struct world *w = world_begin(SEAT_DRIVER, 24, 80);

		committed(w, of[i].engine);
		world_sees(w, "  orders: 0 inserted, 0 updated, 1 deleted\n");
		(of[i].all ? world_sees_not : world_sees)(w, "what triggers and foreign keys changed besides");
		world_end(w);
	}
}

static void
an_outcome_that_nobody_knows_says_who_settles_it(void **state)
{
	struct world *w = world_begin(SEAT_DRIVER, 24, 80);
	uint64_t n = request(w, "update orders set a = 1");

	(void)state;
	world_event(w, TRANSCRIPT_EVENT_ALLOWED, json_pack("{s:I, s:s}", "of", (json_int_t)n, "by", "anna"), "typed", "orders 1");
	world_event(w, TRANSCRIPT_EVENT_OUTCOME, json_pack("{s:I, s:s}", "of", (json_int_t)n, "is", "unknown"), "why", "no server tells");
	world_sees(w, "OUTCOME UNKNOWN ");
	world_sees(w, ", also when it was asked later: no server tells");
	world_sees(w, "A confirmer or the approver looks, and settles it: twokey settle");
	world_end(w);
}

/* It is raw here, so nothing is put aside: a key that is known from elsewhere says so. */
static void
ctrl_z_says_that_it_does_nothing(void **state)
{
	static const enum seat_kind seats[] = { SEAT_DRIVER, SEAT_CONFIRMER, SEAT_WATCHER };

	(void)state;
	for (size_t i = 0; i < sizeof seats / sizeof seats[0]; i++) {
		struct world *w = world_begin(seats[i], 24, 80);

		world_keys(w, "\032");
		world_sees(w, "Ctrl-Z does nothing here");
		world_expect_nothing(w);
		world_end(w);
	}
}

static void
nothing_goes_on_while_it_is_paused(void **state)
{
	struct world *w = world_begin(SEAT_DRIVER, 24, 80);

	(void)state;
	world_request(w, "update orders set a = 1");
	world_sees(w, "Ctrl-C withdraws it; reads go on.");
	world_event(w, TRANSCRIPT_EVENT_PAUSED, json_pack("{s:s, s:s}", "by", "anna", "code", "person"), NULL, NULL);
	world_sees(w, "Ctrl-C withdraws it; PAUSED: nothing runs.");
	world_end(w);
}

static void
a_refusal_goes_with_what_it_was_for(void **state)
{
	struct world *w = world_begin(SEAT_DRIVER, 24, 80);

	(void)state;
	world_event(w, TRANSCRIPT_EVENT_PAUSED, json_pack("{s:s, s:s}", "by", "anna", "code", "person"), NULL, NULL);
	world_keys(w, "select 1;\r");
	json_decref(world_expect(w, "sql"));
	world_answer(w, "{\"re\":\"sql\",\"id\":1,\"ok\":false,\"why\":\"the session is paused; a confirmer resumes it\"}");
	world_sees(w, "Refused: the session is paused");
	world_event(w, TRANSCRIPT_EVENT_RESUMED, json_pack("{s:s}", "by", "anna"), NULL, NULL);
	world_sees_not(w, "Refused: the session is paused");
	world_end(w);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_the_database_said_of_a_request_that_is_void_is_told),
		cmocka_unit_test(the_statement_stays_in_sight_until_it_is_sent),
		cmocka_unit_test(a_question_names_its_key_before_its_words),
		cmocka_unit_test(the_answer_to_a_question_is_told_where_it_was_asked),
		cmocka_unit_test(a_sheet_that_is_over_says_how_and_offers_no_dead_keys),
		cmocka_unit_test(the_rule_is_not_cut_for_numbers),
		cmocka_unit_test(lines_are_counted_as_they_are_drawn),
		cmocka_unit_test(a_change_of_definitions_counts_no_rows),
		cmocka_unit_test(effects_that_are_not_all_do_not_pass_for_all),
		cmocka_unit_test(a_refusal_goes_with_what_it_was_for),
		cmocka_unit_test(nothing_goes_on_while_it_is_paused),
		cmocka_unit_test(ctrl_z_says_that_it_does_nothing),
		cmocka_unit_test(an_outcome_that_nobody_knows_says_who_settles_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
