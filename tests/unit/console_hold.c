/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What has run and is not kept yet, on the screens of both persons. */
#include "config.h"

#include <locale.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "console_world.h"

#include "console/sign.h"
#include "twokey/base/clock.h"
#include "twokey/base/digest.h"
#include "twokey/base/json.h"
#include "twokey/base/must.h"
#include "twokey/transcript/answer.h"

static const char update[] = "UPDATE orders\n   SET status = 'paid'\n WHERE id IN (4211, 4212, 4213)";

static char *signed_text;

static json_t *
of(uint64_t n)
{
	return json_pack("{s:I}", "of", (json_int_t)n);
}

static json_t *
of_by(uint64_t n, const char *by)
{
	return json_pack("{s:I, s:s}", "of", (json_int_t)n, "by", by);
}

/* The second key is turned for the request, it has run, and is held for 20 seconds. */
static uint64_t
hold(struct world *w, uint64_t n, int affected, const char *why)
{
	struct digest d = digest_of("held", 4);
	char hex[DIGEST_HEX + 1], until[CLOCK_TEXT];

	digest_hex(&d, hex);
	world_event(w, TRANSCRIPT_EVENT_ALLOWED, of_by(n, "anna"), "typed", "orders 3");
	world_event(w, TRANSCRIPT_EVENT_RUN, of(n), NULL, NULL);
	clock_format(w->wall_us + 20 * INT64_C(1000000), until);
	return world_event(w, TRANSCRIPT_EVENT_HELD, json_pack("{s:I, s:[s], s:i, s:[i], s:[{s:s, s:i, s:i, s:i}, {s:s, s:i, s:i, s:i}], "
	    "s:s, s:s, s:f}", "of", (json_int_t)n, "why", why, "affected", affected, "counts", affected, "effects", "table", "orders",
	    "inserted", 0, "updated", affected, "deleted", 0, "table", "orders_audit", "inserted", affected, "updated", 0, "deleted", 0,
	    "bind", hex, "until", until, "took", 1.5), "note", strcmp(why, "moved") == 0 ?
	    "other rows matched when it ran\nit matches other rows: 4214 too\nNobody is seen waiting for its locks." : "the ticket asks for it\nNobody is seen waiting for its locks.");
}

static void
take_opened(struct world *w, bool last)
{
	json_t *o = world_expect(w, "opened");

	assert_int_equal(json_bool(o, "last"), last);
	json_decref(o);
}

static void
what_is_held_rings_and_takes_no_focus(void **state)
{
	struct world *w = world_begin(SEAT_CONFIRMER, 24, 80);
	uint64_t n = world_request(w, update);

	assert_int_equal(screen_bells(w->screen), 1);
	world_keys(w, "hel");
	hold(w, n, 3, "ticket");
	assert_int_equal(screen_bells(w->screen), 2);
	world_sees(w, "REQUEST 5 HELD, not kept: F5 shows what it did   20 s left, then rolled back");
	world_sees(w, "message (it never runs)> hel");
	world_keys(w, "lo\r");
	world_expect_str(w, "say", "text", "hello");
	world_pass(w, 3000);
	world_sees(w, "17 s left");
	assert_int_equal(screen_bells(w->screen), 2);
	world_golden(w, "held_waiting_80x24.txt");
	world_end(w);
}

static void
its_effect_is_read_before_it_is_kept(void **state)
{
	struct world *w = world_begin(SEAT_CONFIRMER, 24, 80);
	uint64_t n = world_request(w, update);
	struct digest d = digest_of("held", 4);
	char hex[DIGEST_HEX + 1];
	json_t *o;

	hold(w, n, 3, "ticket");
	world_keys(w, "\033[15~keep orders 3\r");
	take_opened(w, true);
	world_expect_nothing(w);
	world_sees(w, "orders: 3 updated");
	world_sees(w, "orders_audit: 3 inserted   !!  not named in it");
	world_sees(w, "3 rows; the sheet had said 3");
	world_sees(w, "Nobody is seen waiting");
	world_sees(w, "wait 2 s>");
	world_pass(w, 2000);
	world_sees(w, "keep>");
	world_sees(w, "To keep it, type keep, the table and the rows. Enter alone does nothing.");
	world_golden(w, "held_80x24.txt");
	world_keys(w, "\r\r");
	world_expect_nothing(w);
	world_keys(w, "keep orders 3\r");
	o = world_expect(w, "allow");
	digest_hex(&d, hex);
	assert_int_equal(json_int(o, "of", 0), n);
	assert_string_equal(json_str(o, "typed", NULL), "keep orders 3");
	assert_string_equal(json_str(o, "bind", NULL), hex);
	assert_int_equal(strlen(json_str(o, "digest", NULL)), 64);
	json_decref(o);
	world_event(w, TRANSCRIPT_EVENT_OPENED, json_pack("{s:I, s:s, s:b}", "of", (json_int_t)n, "by", "anna", "last", 1), NULL, NULL);
	world_event(w, TRANSCRIPT_EVENT_KEPT, of_by(n, "anna"), "typed", "keep orders 3");
	world_sees(w, "KEPT");
	world_event(w, TRANSCRIPT_EVENT_COMMITTING, of(n), NULL, NULL);
	world_event(w, TRANSCRIPT_EVENT_COMMITTED, json_pack("{s:I, s:i, s:f}", "of", (json_int_t)n, "affected", 3, "took", 2.0), NULL,
	    NULL);
	world_sees(w, "COMMITTED");
	world_sees(w, "WHAT BECAME OF IT");
	world_sees_not(w, "NOT kept");
	world_keys(w, "\033");
	world_sees(w, "anna typed \"keep");
	world_sees_not(w, "0 inserted");
	world_end(w);
}

static void
a_difference_is_marked(void **state)
{
	struct world *w = world_begin(SEAT_CONFIRMER, 40, 140);

	hold(w, world_request(w, update), 4, "moved");
	world_keys(w, "\033[15~");
	take_opened(w, true);
	world_sees(w, "4 rows; the sheet had said 3   !!  it DIFFERS");
	world_sees(w, "!!  other rows matched when it ran");
	world_sees(w, "!!  it matches other rows: 4214 too");
	world_pass(w, 2000);
	world_golden(w, "held_140x40.txt");
	world_end(w);
}

/* Its own table changed by more than the statement itself touched: nothing of that goes unseen in a sum. */
static void
a_cascade_into_a_named_table_is_marked(void **state)
{
	struct world *w = world_begin(SEAT_CONFIRMER, 24, 80);
	uint64_t n = world_request(w, update);

	world_event(w, TRANSCRIPT_EVENT_ALLOWED, of_by(n, "anna"), "typed", "orders 3");
	world_event(w, TRANSCRIPT_EVENT_RUN, of(n), NULL, NULL);
	world_event(w, TRANSCRIPT_EVENT_HELD, json_pack("{s:I, s:[s], s:i, s:[i], s:[{s:s, s:i, s:i, s:i}], s:s, s:s, s:f}", "of",
	    (json_int_t)n, "why", "ticket", "affected", 3, "counts", 3, "effects", "table", "orders", "inserted", 0, "updated", 3,
	    "deleted", 2, "bind", "", "until", "2026-06-08T14:01:00.000000Z", "took", 1.5), NULL, NULL);
	world_sees(w, "!!  in its own tables 2 more than it touched itself");
	world_end(w);
}

static void
the_sheet_on_the_screen_does_not_turn_into_the_effect(void **state)
{
	struct world *w = world_begin(SEAT_CONFIRMER, 40, 140);
	uint64_t n = world_request(w, update);

	world_keys(w, "\033[15~");
	take_opened(w, true);
	world_pass(w, 5000);
	world_keys(w, "orders 3\r");
	world_expect_str(w, "allow", "typed", "orders 3");
	hold(w, n, 3, "ticket");
	world_sees(w, "HELD, not kept: F5 shows what it did");
	world_sees(w, "WHERE id IN");
	world_sees_not(w, "WHY IT IS HELD");
	world_keys(w, "keep orders 3\r");
	world_pass(w, 5000);
	world_keys(w, "keep orders 3\r");
	world_expect_nothing(w);
	world_keys(w, "\033[15~");
	take_opened(w, true);
	world_sees(w, "WHY IT IS HELD");
	world_pass(w, 2000);
	world_keys(w, "keep orders 3\r");
	world_expect_str(w, "allow", "typed", "keep orders 3");
	world_end(w);
}

/* Two keys: both are turned again for what is held, also the one that was turned first before. */
static void
both_keys_are_asked_for_again(void **state)
{
	struct world *w = world_begin(SEAT_CONFIRMER, 24, 80);
	uint64_t n = world_request(w, update);

	world_event(w, TRANSCRIPT_EVENT_OPENED, json_pack("{s:I, s:s, s:b}", "of", (json_int_t)n, "by", "anna", "last", 1), NULL, NULL);
	world_event(w, TRANSCRIPT_EVENT_TURNED, json_pack("{s:I, s:s, s:s}", "of", (json_int_t)n, "by", "anna", "side", "customer"),
	    "typed", "orders 3");
	hold(w, n, 3, "ticket");
	world_keys(w, "\033[15~");
	take_opened(w, true);
	world_pass(w, 2000);
	world_sees(w, "keep>");
	world_keys(w, "keep orders 3\r");
	world_expect_str(w, "allow", "typed", "keep orders 3");
	world_event(w, TRANSCRIPT_EVENT_TURNED, json_pack("{s:I, s:s, s:s}", "of", (json_int_t)n, "by", "anna", "side", "customer"),
	    "typed", "keep orders 3");
	world_sees(w, "HELD: 1 of 2 keys turned, by anna; waits for the firm's   18 s left");
	world_keys(w, "keep orders 3\r");
	world_expect_nothing(w);
	world_event(w, TRANSCRIPT_EVENT_KEPT, of_by(n, "kim"), "typed", "keep orders 3");
	world_keys(w, "\033");
	world_sees(w, "KEPT by 2 keys: anna's of the customer, then kim's");
	world_sees(w, "2 keys: anna's of the customer, then anna's");
	world_end(w);
}

static void
f5_opens_what_is_held_before_what_only_waits(void **state)
{
	struct world *w = world_begin(SEAT_CONFIRMER, 24, 80);
	uint64_t first = world_request(w, "delete from orders where id = 1"), n = world_request(w, update);
	json_t *o;

	world_keys(w, "\033[15~");
	o = world_expect(w, "opened");
	assert_int_equal(json_int(o, "of", 0), first);
	json_decref(o);
	hold(w, n, 3, "ticket");
	world_sees(w, "REQUEST 7 HELD");
	world_keys(w, "\033[15~");
	o = world_expect(w, "opened");
	assert_int_equal(json_int(o, "of", 0), n);
	json_decref(o);
	world_sees(w, "REQUEST 7 HELD, not kept: its locks are held");
	world_end(w);
}

static void
it_is_taken_back_with_a_reason(void **state)
{
	struct world *w = world_begin(SEAT_CONFIRMER, 24, 80);
	uint64_t n = world_request(w, update);
	json_t *o;

	hold(w, n, 3, "ticket");
	world_keys(w, "\033[18~");
	world_sees(w, "why not kept");
	world_keys(w, "wrong rows\r");
	o = world_expect(w, "deny");
	assert_int_equal(json_int(o, "of", 0), n);
	json_decref(o);
	world_event(w, TRANSCRIPT_EVENT_DENIED, of_by(n, "anna"), "reason", "wrong rows");
	world_sees(w, "NOT KEPT, denied by anna");
	world_sees(w, "IT IS BEING TAKEN BACK");
	world_sees_not(w, "It did not run");
	world_event(w, TRANSCRIPT_EVENT_ROLLEDBACK, json_pack("{s:I, s:s, s:i, s:f}", "of", (json_int_t)n, "code", "denied", "affected", 3,
	    "took", 1.0), "why", "the second person did not keep it");
	world_sees(w, "ROLLED BACK");
	world_sees(w, "The database is as before.");
	world_sees_not(w, "HELD, not kept");
	world_sees(w, "-- LIVE");
	world_end(w);
}

static void
an_effect_that_is_over_cannot_be_kept(void **state)
{
	struct world *w = world_begin(SEAT_CONFIRMER, 24, 80);
	uint64_t n = world_request(w, update);

	hold(w, n, 3, "count");
	world_keys(w, "\033[15~");
	take_opened(w, true);
	world_pass(w, 2000);
	world_event(w, TRANSCRIPT_EVENT_EXPIRED, of(n), NULL, NULL);
	world_event(w, TRANSCRIPT_EVENT_ROLLEDBACK, json_pack("{s:I, s:s}", "of", (json_int_t)n, "code", "expired"), "why",
	    "nobody turned the key again in time");
	world_keys(w, "keep orders 3\r");
	world_expect_nothing(w);
	world_sees(w, "nobody turned the key again in time");
	world_end(w);
}

static void
the_driver_sees_how_it_stands_and_takes_it_back(void **state)
{
	struct world *w = world_begin(SEAT_DRIVER, 24, 80);
	uint64_t n = world_request(w, update), other;
	json_t *o;

	other = world_request(w, "delete from orders where id = 1");
	hold(w, n, 3, "ticket");
	world_sees(w, "#5 HELD, not kept yet: rolled back in 20 s  anna must turn the key");
	world_sees(w, "Ctrl-C takes it back");
	world_sees(w, "orders: 3 updated");
	world_event(w, TRANSCRIPT_EVENT_OPENED, json_pack("{s:I, s:s, s:b}", "of", (json_int_t)n, "by", "anna", "last", 1), NULL, NULL);
	world_pass(w, 5000);
	world_sees(w, "rolled back in 15 s  anna reads what it did");
	world_golden(w, "driver_held_80x24.txt");
	world_keys(w, "select 1;\r");
	world_expect_nothing(w);
	world_sees(w, "A change is held and keeps the connection");
	world_sees(w, "shop=> select 1;");
	world_keys(w, "\003");
	world_expect_nothing(w);
	world_keys(w, "\003");
	o = world_expect(w, "withdraw");
	assert_int_equal(json_int(o, "of", 0), n);
	json_decref(o);
	world_event(w, TRANSCRIPT_EVENT_WITHDRAWN, of_by(n, "ben"), NULL, NULL);
	world_event(w, TRANSCRIPT_EVENT_ROLLEDBACK, json_pack("{s:I, s:s}", "of", (json_int_t)n, "code", "withdrawn"), NULL, NULL);
	world_sees_not(w, "HELD, not kept");
	world_keys(w, "\003");
	o = world_expect(w, "withdraw");
	assert_int_equal(json_int(o, "of", 0), other);
	json_decref(o);
	world_end(w);
}

static void
a_second_person_who_left_is_said(void **state)
{
	struct world *w = world_begin(SEAT_DRIVER, 24, 80);
	uint64_t n = world_request(w, update);

	hold(w, n, 3, "ticket");
	world_event(w, TRANSCRIPT_EVENT_LEFT, json_pack("{s:s, s:s}", "by", "anna", "seat", "confirmer"), NULL, NULL);
	world_sees(w, "nobody is here to keep it");
	world_event(w, TRANSCRIPT_EVENT_VOID, json_pack("{s:I, s:s}", "of", (json_int_t)n, "code", "second-left"), NULL, NULL);
	world_sees(w, "NOT KEPT (second-left): nobody who may keep it is there any more");
	world_end(w);
}

static void
others_that_waited_are_the_reason(void **state)
{
	struct world *w = world_begin(SEAT_DRIVER, 24, 80);
	uint64_t n = world_request(w, update);

	hold(w, n, 3, "ticket");
	world_event(w, TRANSCRIPT_EVENT_ROLLEDBACK, json_pack("{s:I, s:s}", "of", (json_int_t)n, "code", "waiters"), NULL, NULL);
	world_sees(w, "(waiters): others waited for its locks");
	world_sees(w, "-- tx none");
	world_end(w);
}

static bool
fake_sign(struct live *lv, const char *text, size_t n, struct buf *signature, char *why, size_t max)
{
	(void)lv;
	(void)why;
	(void)max;
	free(signed_text);
	signed_text = must_strndup(text, n);
	buf_puts(signature, "-----BEGIN SSH SIGNATURE-----\n");
	return true;
}

static void
what_is_kept_is_signed_as_kept(void **state)
{
	struct world *w = world_begin_signs(SEAT_CONFIRMER, 40, 140);
	uint64_t n = world_request(w, update), s;
	struct digest d = digest_of("held", 4);
	char hex[DIGEST_HEX + 1], line[120];
	size_t len;

	w->lv.sign = fake_sign;
	digest_hex(&d, hex);
	hold(w, n, 4, "ticket");
	world_keys(w, "\033[15~");
	take_opened(w, true);
	world_pass(w, 2000);
	world_keys(w, "keep orders 4\r");
	world_expect_str(w, "signing", "bind", hex);
	s = world_event(w, TRANSCRIPT_EVENT_SIGNING, json_pack("{s:I, s:s, s:s, s:s}", "of", (json_int_t)n, "by", "anna", "nonce",
	    "00112233445566778899aabbccddeeff", "until", "2026-06-08T14:00:22.000000Z"), NULL, NULL);
	snprintf(line, sizeof line, "{\"re\":\"signing\",\"ok\":true,\"n\":%llu}", (unsigned long long)s);
	world_answer(w, line);
	world_expect_str(w, "allow", "bind", hex);
	assert_non_null(signed_text);
	len = strlen(signed_text);
	assert_true(transcript_answer_ok(signed_text, len));
	assert_true(transcript_answer_says(signed_text, len, "answer", "keep"));
	assert_true(transcript_answer_says(signed_text, len, "rows", "= 4"));
	assert_true(transcript_answer_says(signed_text, len, "bind", hex));
	assert_true(transcript_answer_says(signed_text, len, "typed", "keep orders 4"));
	free(signed_text);
	world_end(w);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_held_rings_and_takes_no_focus),
		cmocka_unit_test(its_effect_is_read_before_it_is_kept),
		cmocka_unit_test(a_difference_is_marked),
		cmocka_unit_test(a_cascade_into_a_named_table_is_marked),
		cmocka_unit_test(the_sheet_on_the_screen_does_not_turn_into_the_effect),
		cmocka_unit_test(both_keys_are_asked_for_again),
		cmocka_unit_test(f5_opens_what_is_held_before_what_only_waits),
		cmocka_unit_test(it_is_taken_back_with_a_reason),
		cmocka_unit_test(an_effect_that_is_over_cannot_be_kept),
		cmocka_unit_test(the_driver_sees_how_it_stands_and_takes_it_back),
		cmocka_unit_test(a_second_person_who_left_is_said),
		cmocka_unit_test(others_that_waited_are_the_reason),
		cmocka_unit_test(what_is_kept_is_signed_as_kept),
	};

	setlocale(LC_CTYPE, "C.UTF-8");
	setenv("INPUTRC", "/dev/null", 1);
	return cmocka_run_group_tests_name("console_hold", tests, NULL, NULL);
}
