/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Rule 3 of the approval: the number of requests is told with each, and the one too many without a break is refused, over
 * sessions and restarts of the front; a plan of the ticket does not count. */
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

#include "strict_world.h"
#include "twokey/base/json.h"
#include "lib/beside.h"

static const struct test_broker_options three = { .limits = "requests_before_break: 3\nbreak_seconds: 3600\n" };
static const char update_1[] = "update orders set note = 'x' where id = 1";

static char *
sql_line(const char *sql)
{
	json_t *o = json_pack("{s:s, s:s, s:s, s:s}", "do", "sql", "text", sql, "rows", "= 1", "reason", "step 3");
	char *line = json_dumps(o, JSON_COMPACT);

	json_decref(o);
	return line;
}

/* Refused as one too many, on record, with words for both. */
static void
too_many(struct test_console *ben, struct test_console *anna, const char *sql)
{
	char *line = sql_line(sql);
	json_t *a = test_refused(ben, line, "denied"), *ev = test_event_n(anna, json_int(a, "n", 0));

	free(line);
	assert_string_equal(json_str(ev, "ev", NULL), "refused");
	assert_string_equal(json_str(ev, "code", NULL), "break");
	assert_non_null(strstr(json_str(a, "why", NULL), "anna has 3 requests"));
	assert_non_null(strstr(json_str(a, "why", NULL), "break"));
	assert_non_null(strstr(json_str(a, "why", NULL), "COMMIT"));
	assert_non_null(strstr(json_str(a, "why", NULL), "changes of the ticket"));
	assert_string_equal(test_body(anna, json_int(a, "n", 0), "why"), json_str(a, "why", NULL));
}

/* A request that is denied: one answer. Its number. */
static int64_t
denied(struct test_console *ben, struct test_console *anna)
{
	int64_t n = test_request(ben, update_1, "= 1");

	test_event(anna, "sheet", n);
	test_deny(anna, n);
	test_event(ben, "denied", n);
	return n;
}

static void
counts(struct test_console *c, int64_t n, int today, int answered, int run)
{
	const json_t *ev = test_event_n(c, n), *pace = json_object_get(ev, "pace"), *anna = json_array_get(pace, 0);

	assert_int_equal(json_int(ev, "today", 0), today);
	assert_int_equal(json_array_size(pace), 1);
	assert_string_equal(json_str(anna, "by", NULL), "anna");
	assert_int_equal(json_int(anna, "today", -1), answered);
	assert_int_equal(json_int(anna, "run", -1), run);
	assert_int_equal(json_int(anna, "most", -1), 3);
}

static void
the_one_too_many_is_refused_in_every_session(void **state)
{
	struct test_console *ben, *anna;
	struct test_broker b;
	pid_t front;
	int64_t n;
	json_t *a;

	(void)state;
	test_broker_start(&b, &three);
	test_session(&b, "MFX-1", &ben, &anna);
	counts(anna, denied(ben, anna), 1, 0, 0);
	n = test_request(ben, update_1, "= 1");
	counts(anna, n, 2, 1, 1);
	a = test_allow(anna, n, "orders 1");
	if (!json_bool(a, "ok"))
		fail_msg("allow: %s", json_str(a, "why", NULL));
	test_event(ben, "committed", n);
	/* what waits will be answered before it */
	n = test_request(ben, update_1, "= 1");
	counts(anna, n, 3, 2, 2);
	too_many(ben, anna, update_1);
	test_deny(anna, n);
	too_many(ben, anna, update_1);
	/* reads go on, and changes are collected */
	test_ok(ben, "{\"do\":\"sql\",\"text\":\"begin\"}");
	test_ok(ben, "{\"do\":\"sql\",\"text\":\"update orders set note = 'y' where id = 2\",\"rows\":\"= 1\"}");
	test_ok(ben, "{\"do\":\"sql\",\"text\":\"select 1\"}");
	test_event(ben, "done", 0);
	too_many(ben, anna, "commit");
	test_end(&b, ben);
	test_console_close(ben);
	test_console_close(anna);

	/* another session, also of another front: the same people */
	front = test_broker_role(&b, "front");
	assert_int_equal(kill(front, SIGKILL), 0);
	test_wait_gone(front);
	test_session(&b, "MFX-2", &ben, &anna);
	too_many(ben, anna, update_1);
	test_end(&b, ben);
	test_console_close(ben);
	test_console_close(anna);
	test_broker_stop(&b);
}

static void
two_sessions_at_one_time_count_together(void **state)
{
	struct test_console *ben, *anna, *ben2, *anna2;
	struct test_broker b;
	int64_t n;
	json_t *a;

	(void)state;
	test_broker_start(&b, &three);
	test_session(&b, "MFX-1", &ben, &anna);
	test_session(&b, "MFX-2", &ben2, &anna2);
	n = test_request(ben2, update_1, "= 1");
	for (int i = 0; i < 3; i++)
		denied(ben, anna);
	/* asked before: the key itself does not turn, and no is always possible */
	a = test_allow(anna2, n, "orders 1");
	assert_false(json_bool(a, "ok"));
	assert_string_equal(json_str(a, "code", NULL), "denied");
	assert_non_null(strstr(json_str(a, "why", NULL), "break"));
	test_deny(anna2, n);
	too_many(ben2, anna2, update_1);
	test_end(&b, ben);
	test_end(&b, ben2);
	test_console_close(ben);
	test_console_close(anna);
	test_console_close(ben2);
	test_console_close(anna2);
	test_broker_stop(&b);
}

static void
a_plan_does_not_count_and_a_break_makes_good(void **state)
{
	static const struct test_broker_options one = { .limits = "requests_before_break: 1\nbreak_seconds: 3\n" };
	struct test_console *ben, *anna;
	struct test_broker b;
	char *line, why[800];
	json_t *a;
	int64_t n;

	(void)state;
	test_broker_start(&b, &one);
	strict_open(&b, "MFX-1", "access: write\\nstage: production\\nchanges:\\n"
	    "  - {sql: \\\"update orders set note = 'x' where id = 1\\\", object: orders}\\n", &ben, &anna);
	for (int i = 0; i < 3; i++)
		denied(ben, anna);
	line = sql_line("update orders set note = 'z' where id = 3");
	n = json_int(test_ok(ben, line), "n", 0);	/* the plan left him rested */
	assert_int_equal(json_int(test_event_n(anna, n), "today", 0), 4);
	test_event(anna, "sheet", n);
	test_deny(anna, n);
	a = test_refused(ben, line, "denied");
	snprintf(why, sizeof why, "%s", json_str(a, "why", NULL));
	assert_non_null(strstr(why, "break"));
	denied(ben, anna);	/* the plan goes on meanwhile */
	for (;;) {		/* the deadline is that of the test's answers: three seconds pass */
		test_send(ben, "%s", line);
		a = test_answer(ben, "sql");
		if (json_bool(a, "ok"))
			break;
		assert_string_equal(json_str(a, "code", NULL), "denied");
		test_ok(ben, "{\"do\":\"here\"}");
	}
	free(line);
	test_end(&b, ben);
	test_console_close(ben);
	test_console_close(anna);
	test_broker_stop(&b);
}

/* Rule 23: nobody answered, so the answer is no. */
static void
silence_is_a_no(void **state)
{
	static const struct test_broker_options quick = { .request_seconds = 10 };
	struct test_console *ben, *anna;
	struct test_broker b;
	int64_t n;
	json_t *a;

	(void)state;
	test_broker_start(&b, &quick);
	test_session(&b, "MFX-1", &ben, &anna);
	n = test_request(ben, update_1, "= 1");
	test_event(anna, "expired", n);
	a = test_allow(anna, n, "orders 1");
	assert_false(json_bool(a, "ok"));
	assert_null(test_event_seen(anna, "allowed", n));
	assert_int_equal(test_shop_number(&b, "select count(*) from orders where note = 'x'"), 0);
	test_end(&b, ben);
	test_console_close(ben);
	test_console_close(anna);
	test_broker_stop(&b);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_one_too_many_is_refused_in_every_session),
		cmocka_unit_test(two_sessions_at_one_time_count_together),
		cmocka_unit_test(silence_is_a_no),
		cmocka_unit_test(a_plan_does_not_count_and_a_break_makes_good),
	};

	return test_run_beside("pace", tests, sizeof tests / sizeof *tests, NULL, NULL);
}
