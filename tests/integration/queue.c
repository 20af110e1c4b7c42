/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Requests that wait: in order, beside reads, with questions that move the clock, each answered once. */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "people_world.h"
#include "twokey/base/clock.h"
#include "twokey/base/json.h"
#include "lib/beside.h"

static struct test_broker broker;
static struct test_console *ben, *anna, *kim;

static int
start(void **state)
{
	static const struct test_broker_options o = { .request_seconds = 100 };

	(void)state;
	test_broker_start(&broker, &o);
	people_ticket(&broker, "MFX-1", "");
	ben = people_join(&broker, "ben", "MFX-1");
	test_event(ben, "account", 0);
	anna = people_join(&broker, "anna", "MFX-1");
	kim = people_join(&broker, "kim", "MFX-1");
	return 0;
}

static int
stop(void **state)
{
	(void)state;
	test_end(&broker, ben);
	test_console_close(ben);
	test_console_close(anna);
	test_console_close(kim);
	test_broker_stop(&broker);
	return 0;
}

static json_t *
say(struct test_console *c, const char *what, int64_t of, const char *more)
{
	test_send(c, "{\"do\":\"%s\",\"of\":%lld%s}", what, (long long)of, more);
	return test_answer(c, what);
}

static int64_t
until_of(const json_t *ev)
{
	int64_t us = 0;
	size_t n;
	const char *t = json_str(ev, "until", &n);

	assert_true(t != NULL && clock_parse(t, n, &us) == 0);
	return us;
}

static void
requests_are_answered_in_order_and_refused_in_any(void **state)
{
	int64_t n[3];
	json_t *o;

	(void)state;
	for (int i = 0; i < 3; i++)
		n[i] = test_request(ben, "update orders set note = 'q' where id = 2", "= 1");
	o = test_allow(anna, n[1], "orders 1");
	assert_string_equal(json_str(o, "code", NULL), "state");
	assert_non_null(strstr(json_str(o, "why", NULL), "in order"));
	assert_true(json_bool(say(anna, "deny", n[1], ",\"reason\":\"the other one\""), "ok"));
	assert_string_equal(json_str(test_allow(kim, n[2], "orders 1"), "code", NULL), "state");
	assert_true(json_bool(say(ben, "withdraw", n[0], ""), "ok"));
	assert_true(json_bool(test_allow(kim, n[2], "orders 1"), "ok"));
	test_event(ben, "committed", n[2]);
	assert_null(test_event_seen(ben, "run", n[0]));
	assert_null(test_event_seen(ben, "run", n[1]));
}

static void
reads_go_on_while_a_write_waits(void **state)
{
	int64_t n = test_request(ben, "update orders set note = 'r' where id = 3", "= 1"), r;

	(void)state;
	for (int i = 0; i < 3; i++) {
		r = json_int(test_ok(ben, "{\"do\":\"sql\",\"text\":\"select count(*) from orders where note = 'r'\"}"), "n", 0);
		assert_int_equal(json_int(test_event(ben, "done", r), "rows", 0), 1);
	}
	assert_true(json_bool(test_allow(anna, n, "orders 1"), "ok"));
	test_event(ben, "committed", n);
}

static void
one_answer_for_one_request(void **state)
{
	static const char reason[] = ",\"reason\":\"x\"";
	int64_t n = test_request(ben, "update orders set note = 's' where id = 4", "= 1");

	(void)state;
	assert_true(json_bool(say(anna, "deny", n, reason), "ok"));
	assert_string_equal(json_str(test_allow(kim, n, "orders 1"), "code", NULL), "not-found");
	assert_string_equal(json_str(say(kim, "deny", n, reason), "code", NULL), "not-found");
	assert_string_equal(json_str(say(ben, "withdraw", n, ""), "code", NULL), "not-found");
	assert_string_equal(json_str(say(anna, "ask", n, ",\"text\":\"?\""), "code", NULL), "not-found");
	n = test_request(ben, "update orders set note = 's' where id = 4", "= 1");
	assert_true(json_bool(test_allow(kim, n, "orders 1"), "ok"));
	assert_false(json_bool(say(anna, "deny", n, reason), "ok"));
	assert_false(json_bool(say(ben, "withdraw", n, ""), "ok"));
	test_event(ben, "committed", n);
	assert_null(test_event_seen(ben, "denied", n));
}

/* Each question and its answer set the clock anew for a stated time; three times, and not by the driver alone. */
static void
a_question_and_its_answer_move_the_clock(void **state)
{
	static const char text[] = ",\"text\":\"why?\"";
	int64_t n = test_request(ben, "update orders set note = 't' where id = 5", "= 1");
	int64_t until = until_of(test_event_n(ben, n)), now;

	(void)state;
	assert_true(json_bool(say(ben, "reply", n, text), "ok"));	/* to nothing */
	assert_null(json_object_get(people_event(anna, "replied", 1), "until"));
	for (int i = 1; i <= 3; i++) {
		now = clock_wall_us();
		assert_true(json_bool(say(i == 2 ? kim : anna, "ask", n, text), "ok"));
		assert_true(until_of(people_event(ben, "asked", i)) >= until);
		until = until_of(people_event(ben, "asked", i));
		assert_true(until >= now + 99 * 1000000 && until <= clock_wall_us() + 101 * 1000000);
		assert_true(json_bool(say(ben, "reply", n, text), "ok"));
		assert_true(until_of(people_event(anna, "replied", 2 * i)) >= until);
		until = until_of(people_event(anna, "replied", 2 * i));
		assert_true(json_bool(say(ben, "reply", n, text), "ok"));	/* once per question */
		assert_null(json_object_get(people_event(anna, "replied", 2 * i + 1), "until"));
	}
	assert_string_equal(json_str(say(kim, "ask", n, text), "code", NULL), "denied");
	assert_string_equal(json_str(say(ben, "ask", n, text), "code", NULL), "seat");
	assert_string_equal(json_str(say(anna, "reply", n, text), "code", NULL), "seat");
	assert_true(json_bool(test_allow(anna, n, "orders 1"), "ok"));
	test_event(ben, "committed", n);
}

/* Ten wait at most eight; all of them end with the driver's seat. */
static void
more_than_eight_do_not_wait(void **state)
{
	int64_t n[8];

	(void)state;
	for (int i = 0; i < 8; i++)
		n[i] = test_request(ben, "update orders set note = 'u' where id = 6", "= 1");
	test_refused(ben, "{\"do\":\"sql\",\"text\":\"update orders set note = 'u' where id = 6\"}", "state");
	test_console_close(ben);
	for (int i = 0; i < 8; i++)
		test_event(anna, "void", n[i]);
	ben = people_join(&broker, "ben", "MFX-1");
	assert_int_equal(test_shop_number(&broker, "select count(*) from orders where note = 'u'"), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(requests_are_answered_in_order_and_refused_in_any),
		cmocka_unit_test(reads_go_on_while_a_write_waits),
		cmocka_unit_test(one_answer_for_one_request),
		cmocka_unit_test(a_question_and_its_answer_move_the_clock),
		cmocka_unit_test(more_than_eight_do_not_wait),
	};

	return test_run_apart("queue", tests, sizeof tests / sizeof *tests, start, stop);
}
