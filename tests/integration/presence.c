/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A second person has to be there: leaving and going quiet stop what begins, whatever the timing, and nothing goes on by
 * itself. Signed answers included. */
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

#include "lib/beside.h"
#include "lib/keys.h"
#include "people_world.h"
#include "signed_world.h"
#include "twokey/base/buf.h"
#include "twokey/base/clock.h"
#include "twokey/base/json.h"

static const char select_1[] = "{\"do\":\"sql\",\"text\":\"select 1\"}";
static const char update_1[] = "update orders set note = 'x' where id = 1";
static const char ask_update[] = "{\"do\":\"sql\",\"text\":\"update orders set note = 'x' where id = 1\",\"rows\":\"= 1\"}";
static const char resume[] = "{\"do\":\"resume\"}";

/* It runs, to its end: the next one is not in its way. */
static void
reads(struct test_console *ben)
{
	test_event(ben, "done", json_int(test_ok(ben, select_1), "n", 0));
}

static void
paused_for(struct test_console *c, int k, const char *code, const char *who)
{
	json_t *o = people_event(c, "paused", k);

	assert_string_equal(json_str(o, "code", NULL), code);
	assert_null(json_object_get(o, "by"));
	if (who == NULL)
		assert_null(json_object_get(o, "who"));
	else
		assert_string_equal(json_str(o, "who", NULL), who);
}

static void
a_session_that_needs_somebody_for_anything_waits_for_one_who_resumes(void **state)
{
	struct test_console *ben, *anna, *kim;
	struct test_broker b;

	(void)state;
	test_broker_start(&b, NULL);
	people_ticket(&b, "MFX-1", "presence: any");
	ben = people_join(&b, "ben", "MFX-1");
	assert_string_equal(json_str(test_event_n(ben, 1), "presence", NULL), "any");
	assert_string_equal(json_str(test_event_n(ben, 1), "on_leave", NULL), "pause");
	paused_for(ben, 1, "absent", NULL);
	assert_null(json_object_get(people_event(ben, "paused", 1), "only"));
	test_refused(ben, select_1, "state");
	test_refused(ben, "{\"do\":\"describe\",\"subject\":\"tables\"}", "state");
	test_refused(ben, resume, "seat");
	anna = people_join(&b, "anna", "MFX-1");
	test_refused(ben, select_1, "state");	/* she is there and has not resumed */
	test_ok(anna, resume);
	reads(ben);
	kim = people_join(&b, "kim", "MFX-1");
	test_ok(anna, "{\"do\":\"leave\"}");
	test_event(ben, "left", 0);
	reads(ben);			/* kim is there */
	test_console_close(kim);
	paused_for(ben, 2, "left", "kim");
	test_refused(ben, select_1, "state");
	test_refused(ben, ask_update, "state");
	test_console_close(anna);
	kim = test_console(&b, "kim");
	test_ok(kim, "{\"do\":\"join\",\"ticket\":\"MFX-1\",\"watch\":true}");
	test_refused(kim, resume, "seat");
	test_refused(ben, select_1, "state");
	anna = people_join(&b, "anna", "MFX-1");
	test_ok(anna, resume);
	reads(ben);
	test_end(&b, ben);
	test_console_close(ben);
	test_console_close(anna);
	test_console_close(kim);
	test_broker_stop(&b);
}

static void
reads_go_on_where_only_writes_need_somebody(void **state)
{
	struct test_console *ben, *anna;
	struct test_broker b;
	json_t *a;
	int64_t n;

	(void)state;
	test_broker_start(&b, NULL);
	people_ticket(&b, "MFX-1", "presence: writes");
	ben = people_join(&b, "ben", "MFX-1");
	paused_for(ben, 1, "absent", NULL);
	assert_string_equal(json_str(people_event(ben, "paused", 1), "only", NULL), "writes");
	reads(ben);
	assert_non_null(strstr(json_str(test_refused(ben, ask_update, "state"), "why", NULL), "no second person"));
	anna = people_join(&b, "anna", "MFX-1");
	test_refused(ben, ask_update, "state");
	test_ok(anna, resume);
	n = test_request(ben, update_1, "= 1");
	test_console_close(anna);
	paused_for(ben, 2, "left", "anna");
	reads(ben);
	anna = people_join(&b, "anna", "MFX-1");
	a = test_allow(anna, n, "orders 1");
	assert_string_equal(json_str(a, "code", NULL), "state");
	test_ok(anna, resume);
	assert_true(json_bool(test_allow(anna, n, "orders 1"), "ok"));
	test_event(ben, "committed", n);
	test_end(&b, ben);
	test_console_close(ben);
	test_console_close(anna);
	test_broker_stop(&b);
}

/* One wall: how every session stands, seen without taking a seat. */
static void
the_wall_follows_a_session(void **state)
{
	struct test_console *ben, *anna;
	struct test_broker b;
	json_t *o, *ask;
	int64_t n, m;

	(void)state;
	test_broker_start(&b, NULL);
	people_ticket(&b, "MFX-1", "presence: any");
	ben = people_join(&b, "ben", "MFX-1");
	o = people_wall(&b, "kim", "paused", 0);
	assert_string_equal(json_str(o, "why", NULL), "absent");
	assert_string_equal(json_str(o, "seat", NULL), "confirmer");
	json_decref(o);
	anna = people_join(&b, "anna", "MFX-1");
	test_ok(anna, resume);
	n = test_request(ben, update_1, "= 1");
	m = test_request(ben, update_1, "= 1");
	o = people_wall(&b, "kim", "ready", 2);
	ask = json_array_get(json_object_get(o, "asks"), 0);
	assert_int_equal(json_int(ask, "of", 0), n);
	assert_string_equal(json_str(ask, "table", NULL), "orders");
	assert_string_equal(json_str(ask, "class", NULL), "write");
	assert_in_range(json_int(ask, "age", -1), 0, 60);
	assert_int_equal(json_int(json_array_get(json_object_get(o, "asks"), 1), "of", 0), m);
	ask = json_array_get(json_object_get(o, "here"), 0);
	assert_string_equal(json_str(ask, "person", NULL), "anna");
	assert_false(json_bool(ask, "away"));
	json_decref(o);
	test_ok(anna, "{\"do\":\"pause\"}");
	o = people_wall(&b, "kim", "paused", 2);
	assert_null(json_object_get(o, "why"));
	json_decref(o);
	test_end(&b, ben);
	test_console_close(ben);
	test_console_close(anna);
	test_broker_stop(&b);
}

static void
the_last_one_who_leaves_ends_it_where_the_ticket_says_so(void **state)
{
	struct test_console *ben, *anna, *kim;
	struct test_broker b;
	int64_t n;

	(void)state;
	test_broker_start(&b, NULL);
	people_ticket(&b, "MFX-1", "presence: writes\\non_leave: end\\nsecond_key: customer");
	ben = people_join(&b, "ben", "MFX-1");
	test_event(ben, "paused", 0);		/* nobody has come yet: that is no leaving */
	anna = people_join(&b, "anna", "MFX-1");
	test_ok(anna, resume);
	kim = people_join(&b, "kim", "MFX-1");
	test_console_close(kim);		/* who may not turn this key */
	test_event(ben, "left", 0);
	n = test_request(ben, update_1, "= 1");
	test_console_close(anna);
	test_event(ben, "void", n);
	assert_string_equal(json_str(test_event(ben, "ended", 0), "code", NULL), "alone");
	assert_true(test_wait_sealed(&b));
	test_console_close(ben);
	test_broker_stop(&b);
}

static void
who_may_not_turn_the_key_is_no_second_person(void **state)
{
	struct test_console *ben, *anna, *kim;
	struct test_broker b;

	(void)state;
	test_broker_start(&b, NULL);
	people_ticket(&b, "MFX-1", "presence: any\\nsecond_key: customer");
	ben = people_join(&b, "ben", "MFX-1");
	test_event(ben, "paused", 0);
	kim = people_join(&b, "kim", "MFX-1");
	assert_non_null(strstr(json_str(test_refused(kim, resume, "seat"), "why", NULL), "may turn the key"));
	anna = people_join(&b, "anna", "MFX-1");
	test_ok(anna, resume);
	reads(ben);
	test_console_close(anna);
	paused_for(ben, 2, "left", "anna");
	test_refused(ben, select_1, "state");
	test_refused(kim, resume, "seat");
	test_end(&b, ben);
	test_console_close(ben);
	test_console_close(kim);
	test_broker_stop(&b);
}

static void
silence_stops_as_leaving_does(void **state)
{
	static const struct test_broker_options quick = { .limits = "away_seconds: 10\n" };
	struct test_console *ben, *anna;
	struct test_broker b;
	json_t *joined;

	(void)state;
	test_broker_start(&b, &quick);
	people_ticket(&b, "MFX-1", "presence: any\\non_leave: end");
	ben = people_join(&b, "ben", "MFX-1");
	test_event(ben, "paused", 0);
	anna = people_join(&b, "anna", "MFX-1");
	test_ok(anna, resume);
	reads(ben);
	people_event(ben, "away", 1);
	paused_for(ben, 2, "away", "anna");	/* and not the end */
	test_refused(ben, select_1, "state");
	test_send(anna, "{\"do\":\"from\",\"n\":1}");	/* her console does that by itself */
	test_send(anna, "{\"do\":\"body\",\"of\":1}");
	test_ok(anna, "{\"do\":\"here\"}");
	joined = people_event(ben, "back", 1);
	assert_true(json_int(joined, "n", 0) > json_int(people_event(ben, "paused", 2), "n", 0));
	test_refused(ben, select_1, "state");
	test_ok(anna, resume);
	reads(ben);
	/* a console that comes again by itself brings nobody with it */
	test_console_close(anna);
	assert_string_equal(json_str(test_event(ben, "ended", 0), "code", NULL), "alone");
	test_console_close(ben);
	test_broker_stop(&b);
}

static void
a_console_that_comes_again_by_itself_brings_nobody(void **state)
{
	static const struct test_broker_options quick = { .limits = "away_seconds: 30\n" };
	struct test_console *ben, *anna;
	struct test_broker b;

	(void)state;
	test_broker_start(&b, &quick);
	people_ticket(&b, "MFX-1", "");
	ben = people_join(&b, "ben", "MFX-1");
	test_event(ben, "account", 0);
	anna = test_console(&b, "anna");
	test_ok(anna, "{\"do\":\"join\",\"ticket\":\"MFX-1\",\"from\":3}");
	people_event(ben, "away", 1);
	assert_non_null(strstr(json_str(test_refused(ben, ask_update, "state"), "why", NULL), "AWAY"));
	reads(ben);
	test_ok(anna, "{\"do\":\"here\"}");
	people_event(ben, "back", 1);
	test_ok(ben, ask_update);
	test_end(&b, ben);
	test_console_close(ben);
	test_console_close(anna);
	test_broker_stop(&b);
}

/* The leave comes in the same bytes as the key: what was allowed goes on, and nothing comes between allowed and run. */
static void
nothing_comes_between_allowed_and_run(void **state)
{
	struct test_console *ben, *anna;
	struct test_broker b;
	json_t *sheet, *request;
	char line[600];
	int64_t n;

	(void)state;
	test_broker_start(&b, NULL);
	people_ticket(&b, "MFX-1", "presence: any");
	ben = people_join(&b, "ben", "MFX-1");
	test_event(ben, "paused", 0);
	anna = people_join(&b, "anna", "MFX-1");
	test_ok(anna, resume);
	n = test_request(ben, update_1, "= 1");
	assert_false(json_bool(test_allow(anna, n, "orders 2"), "ok"));	/* opened, and long enough */
	sheet = test_event(anna, "sheet", n);
	request = test_event_n(anna, n);
	snprintf(line, sizeof line, "{\"do\":\"allow\",\"of\":%lld,\"digest\":\"%s\",\"bind\":\"%s\",\"typed\":\"orders 1\"}\n"
	    "{\"do\":\"leave\"}\n", (long long)n, json_str(request, "digest", NULL), json_str(sheet, "bind", NULL));
	test_send_bytes(anna, line, strlen(line));
	test_event(ben, "committed", n);
	assert_int_equal(json_int(test_event(ben, "run", n), "n", 0), json_int(test_event(ben, "allowed", n), "n", 0) + 1);
	paused_for(ben, 2, "left", "anna");
	test_refused(ben, select_1, "state");
	test_end(&b, ben);
	test_console_close(ben);
	test_console_close(anna);
	test_broker_stop(&b);
}

static void
what_executes_is_not_stopped_by_a_leave(void **state)
{
	static const struct test_broker_options stops = { .fault = "db.before-run" };
	struct test_console *ben, *anna;
	struct test_broker b;
	int64_t n;
	pid_t db;

	(void)state;
	test_broker_start(&b, &stops);
	people_ticket(&b, "MFX-1", "presence: writes");
	ben = people_join(&b, "ben", "MFX-1");
	test_event(ben, "paused", 0);
	anna = people_join(&b, "anna", "MFX-1");
	test_ok(anna, resume);
	n = test_request(ben, update_1, "= 1");
	assert_true(json_bool(test_allow(anna, n, "orders 1"), "ok"));
	db = test_broker_role(&b, "db");
	test_wait_stopped(db);
	test_console_close(anna);
	paused_for(ben, 2, "left", "anna");
	kill(db, SIGCONT);
	test_event(ben, "committed", n);
	assert_null(test_event_seen(ben, "cancel", n));
	test_end(&b, ben);
	test_console_close(ben);
	test_broker_stop(&b);
}

/* She leaves while the sheet is made: it comes, the request waits, and nobody can answer it before one resumes. */
static void
a_sheet_that_is_being_made_comes_and_waits(void **state)
{
	struct test_console *ben, *anna;
	struct test_broker b;
	int64_t n;
	pid_t db;

	(void)state;
	test_broker_start(&b, NULL);
	people_ticket(&b, "MFX-1", "presence: any");
	ben = people_join(&b, "ben", "MFX-1");
	test_event(ben, "paused", 0);
	anna = people_join(&b, "anna", "MFX-1");
	test_ok(anna, resume);
	db = test_broker_role(&b, "db");
	kill(db, SIGSTOP);
	test_wait_stopped(db);
	n = json_int(test_ok(ben, ask_update), "n", 0);
	test_console_close(anna);
	paused_for(ben, 2, "left", "anna");
	kill(db, SIGCONT);
	test_event(ben, "sheet", n);
	anna = people_join(&b, "anna", "MFX-1");
	assert_string_equal(json_str(test_allow(anna, n, "orders 1"), "code", NULL), "state");
	assert_null(test_event_seen(ben, "allowed", n));
	test_ok(anna, resume);
	assert_true(json_bool(test_allow(anna, n, "orders 1"), "ok"));
	test_event(ben, "committed", n);
	test_end(&b, ben);
	test_console_close(ben);
	test_console_close(anna);
	test_broker_stop(&b);
}

/* She leaves while her signature is verified: it was good, and nobody is there any more, so it does not run. */
static void
a_signature_whose_signer_has_left_meanwhile_runs_nothing(void **state)
{
	struct test_console *ben, *anna;
	struct transcript_answer a;
	struct test_broker b;
	json_t *o;
	int64_t n;
	pid_t recorder;
	char *line;
	struct buf text, signature;

	(void)state;
	signed_start(&b, 0);
	people_ticket(&b, "MFX-1", "presence: any\\nsecond_key: customer");
	ben = people_join(&b, "ben", "MFX-1");
	test_event(ben, "paused", 0);
	anna = people_join(&b, "anna", "MFX-1");
	test_ok(anna, resume);
	n = test_request(ben, signed_update, "= 3");
	assert_true(json_bool(signed_begin(anna, n, "orders 3"), "ok"));
	a = signed_answer(&b, anna, n, "orders 3");
	buf_init(&text, TRANSCRIPT_ANSWER_MAX);
	buf_init(&signature, TRANSCRIPT_SIGNATURE_MAX);
	transcript_answer_put(&text, &a);
	test_key_sign(signed_keys.anna, TRANSCRIPT_ANSWER_NAMESPACE, buf_data(&text), buf_len(&text), 0, &signature);
	o = json_pack("{s:s, s:I, s:o, s:o, s:s, s:s, s:s}", "do", "allow", "of", (json_int_t)n,
	    "digest", json_incref(json_object_get(test_event_n(anna, n), "digest")),
	    "bind", json_incref(json_object_get(test_event(anna, "sheet", n), "bind")), "typed", "orders 3",
	    "text", buf_str(&text), "signature", buf_str(&signature));
	line = json_dumps(o, JSON_COMPACT);
	recorder = test_broker_role(&b, "recorder");
	kill(recorder, SIGSTOP);
	test_wait_stopped(recorder);
	test_send(anna, "%s", line);
	test_send(anna, "{\"do\":\"leave\"}");
	assert_true(json_bool(test_answer(anna, "leave"), "ok"));
	kill(recorder, SIGCONT);
	assert_string_equal(json_str(test_event(ben, "void", n), "code", NULL), "paused");
	paused_for(ben, 2, "left", "anna");
	assert_non_null(test_event_seen(ben, "allowed", n));
	assert_null(test_event_seen(ben, "run", n));
	assert_int_equal(test_shop_number(&b, "SELECT count(*) FROM orders WHERE status = 'done'"), 0);
	free(line);
	json_decref(o);
	buf_fini(&text);
	buf_fini(&signature);
	test_end(&b, ben);
	test_console_close(ben);
	test_console_close(anna);
	test_broker_stop(&b);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_session_that_needs_somebody_for_anything_waits_for_one_who_resumes),
		cmocka_unit_test(reads_go_on_where_only_writes_need_somebody),
		cmocka_unit_test(the_wall_follows_a_session),
		cmocka_unit_test(the_last_one_who_leaves_ends_it_where_the_ticket_says_so),
		cmocka_unit_test(who_may_not_turn_the_key_is_no_second_person),
		cmocka_unit_test(silence_stops_as_leaving_does),
		cmocka_unit_test(a_console_that_comes_again_by_itself_brings_nobody),
		cmocka_unit_test(nothing_comes_between_allowed_and_run),
		cmocka_unit_test(what_executes_is_not_stopped_by_a_leave),
		cmocka_unit_test(a_sheet_that_is_being_made_comes_and_waits),
		cmocka_unit_test(a_signature_whose_signer_has_left_meanwhile_runs_nothing),
	};

	return test_run_beside("presence", tests, sizeof tests / sizeof *tests, signed_setup, signed_teardown);
}
