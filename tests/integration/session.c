/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The whole way: driver, second key, one write, transcript; and who may not do what. */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "twokey/base/json.h"
#include "twokey/transcript/verify.h"

#include "lib/beside.h"
#include "lib/broker.h"

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

static void
a_read_runs_at_once_and_its_rows_are_in_the_transcript(void **state)
{
	struct test_console *ben, *anna;
	int64_t n;
	json_t *rows;

	(void)state;
	test_session(&broker, "MFX-1", &ben, &anna);
	n = json_int(test_ok(ben, "{\"do\":\"sql\",\"text\":\"select id, status from orders where status = 'new'\"}"),
	    "n", 0);
	assert_int_equal(json_int(test_event(ben, "done", n), "rows", 0), 5);
	rows = json_object_get(test_body_object(ben, json_int(test_event(ben, "rows", n), "n", 0), "rows"), "rows");
	assert_int_equal(json_array_size(rows), 5);
	assert_string_equal(json_string_value(json_array_get(json_array_get(rows, 0), 0)), "7");
	test_event(anna, "done", n);	/* the second person sees the same */
	test_end(&broker, ben);
	test_console_close(ben);
	test_console_close(anna);
}

static void
a_write_waits_for_the_second_key_and_runs_once(void **state)
{
	struct test_console *ben, *anna;
	json_t *sheet, *a;
	int64_t n;

	(void)state;
	test_session(&broker, "MFX-2", &ben, &anna);
	n = test_request(ben, "update orders set status = 'paid' where status = 'new'", "= 5");
	sheet = test_event(ben, "sheet", n);
	assert_int_equal(json_int(sheet, "count", -1), 5);
	assert_string_equal(json_str(sheet, "how", NULL), "derived");
	assert_non_null(test_body(ben, json_int(sheet, "n", 0), "derived"));
	assert_int_equal(test_shop_number(&broker, "select count(*) from orders where status = 'new'"), 5);
	a = test_allow(anna, n, "y");
	assert_false(json_bool(a, "ok"));
	a = test_allow(anna, n, "orders 4");
	assert_false(json_bool(a, "ok"));
	assert_null(test_event_seen(anna, "allowed", n));
	a = test_allow(anna, n, "orders 5");
	if (!json_bool(a, "ok"))
		fail_msg("allow: %s", json_str(a, "why", NULL));
	assert_int_equal(json_int(test_event(ben, "committed", n), "affected", 0), 5);
	assert_int_equal(test_shop_number(&broker, "select count(*) from orders where status = 'new'"), 0);
	assert_int_equal(test_shop_number(&broker, "select count(*) from orders_log"), 5);
	a = test_allow(anna, n, "orders 5");	/* turned once, gone */
	assert_string_equal(json_str(a, "code", NULL), "not-found");
	test_end(&broker, ben);
	test_shop_exec(&broker, "update orders set status = 'new' where id % 100 = 7");
	test_console_close(ben);
	test_console_close(anna);
}

static void
a_no_is_a_no_and_silence_is_one_too(void **state)
{
	struct test_console *ben, *anna;
	char line[200];
	json_t *a;
	int64_t n;

	(void)state;
	test_session(&broker, "MFX-3", &ben, &anna);
	n = test_request(ben, "delete from orders where id = 3", NULL);
	snprintf(line, sizeof line, "{\"do\":\"deny\",\"of\":%lld,\"reason\":\"not in the plan\"}", (long long)n);
	test_ok(anna, line);
	a = test_event(ben, "denied", n);
	assert_string_equal(test_body(ben, json_int(a, "n", 0), "reason"), "not in the plan");
	a = test_allow(anna, n, "orders 1");
	assert_false(json_bool(a, "ok"));
	n = test_request(ben, "delete from orders where id = 4", NULL);
	snprintf(line, sizeof line, "{\"do\":\"withdraw\",\"of\":%lld}", (long long)n);
	test_ok(ben, line);
	test_event(anna, "withdrawn", n);
	assert_int_equal(test_shop_number(&broker, "select count(*) from orders"), 500);
	test_end(&broker, ben);
	test_console_close(ben);
	test_console_close(anna);
}

static void
the_bound_voids_what_would_touch_other_rows(void **state)
{
	struct test_console *ben, *anna;
	json_t *o;
	int64_t n;

	(void)state;
	test_session(&broker, "MFX-4", &ben, &anna);
	n = test_request(ben, "update orders set note = 'x' where status = 'new'", "= 4");
	o = test_event(ben, "void", n);
	assert_string_equal(json_str(o, "code", NULL), "bound");
	/* within a bound, but the rows change between the sheet and the key: it runs and is held, and the real rows are seen */
	n = test_request(ben, "update orders set note = 'x' where status = 'new'", "<= 10");
	test_shop_exec(&broker, "update orders set status = 'new' where id = 1");
	o = test_allow(anna, n, "orders <=10");
	if (!json_bool(o, "ok"))
		fail_msg("allow: %s", json_str(o, "why", NULL));
	assert_string_equal(json_string_value(json_array_get(json_object_get(test_event(anna, "held", n), "why"), 0)), "moved");
	assert_int_equal(test_shop_number(&broker, "select count(*) from orders where note = 'x'"), 0);
	test_deny(anna, n);
	assert_string_equal(json_str(test_event(ben, "rolledback", n), "code", NULL), "denied");
	assert_int_equal(test_shop_number(&broker, "select count(*) from orders where note = 'x'"), 0);
	test_shop_exec(&broker, "update orders set status = 'paid' where id = 1; delete from orders_log");
	test_end(&broker, ben);
	test_console_close(ben);
	test_console_close(anna);
}

static void
what_is_neither_read_nor_write_is_refused_with_a_sentence(void **state)
{
	static const char *const texts[] = {
		"drop table orders", "delete from orders", "attach database '/tmp/x.db' as x", "vacuum into '/tmp/y.db'",
		"pragma writable_schema = 1", "begin immediate", "select load_extension('x')", "select 1; delete from orders where id=1",
		"reindex", "selec 1", "update orders set note = 'x' where 1=1"
	};
	struct test_console *ben, *anna;

	(void)state;
	test_session(&broker, "MFX-5", &ben, &anna);
	for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
		json_t *o = json_pack("{s:s, s:s}", "do", "sql", "text", texts[i]);
		char *line = json_dumps(o, JSON_COMPACT);
		json_t *a = test_refused(ben, line, "denied");

		test_event(anna, "refused", 0);
		assert_true(json_int(a, "n", 0) > 0);
		free(line);
		json_decref(o);
	}
	assert_int_equal(test_shop_number(&broker, "select count(*) from orders"), 500);
	test_end(&broker, ben);
	test_console_close(ben);
	test_console_close(anna);
}

static void
nobody_turns_his_own_key(void **state)
{
	struct test_console *ben, *anna, *kim;
	char line[400];
	int64_t n;

	(void)state;
	test_session(&broker, "MFX-6", &ben, &anna);
	kim = test_console(&broker, "kim");
	test_ok(kim, "{\"do\":\"join\",\"ticket\":\"MFX-6\"}");
	n = test_request(ben, "update orders set note = 'x' where id = 1", NULL);
	snprintf(line, sizeof line, "{\"do\":\"allow\",\"of\":%lld,\"digest\":\"%064d\",\"bind\":\"%064d\","
	    "\"typed\":\"orders 1\"}", (long long)n, 0, 0);
	test_refused(ben, line, "seat");
	test_refused(kim, line, "seat");
	test_refused(anna, line, "denied");	/* not opened */
	snprintf(line, sizeof line, "{\"do\":\"opened\",\"of\":%lld,\"last\":true}", (long long)n);
	test_refused(ben, line, "seat");
	test_refused(kim, line, "seat");
	test_refused(anna, "{\"do\":\"sql\",\"text\":\"select 1\"}", "seat");
	test_refused(kim, "{\"do\":\"sql\",\"text\":\"select 1\"}", "seat");
	test_refused(kim, "{\"do\":\"stop\",\"reason\":\"x\"}", "seat");
	test_ok(kim, "{\"do\":\"say\",\"text\":\"hello\"}");
	test_event(ben, "said", 0);
	test_end(&broker, ben);
	test_console_close(ben);
	test_console_close(anna);
	test_console_close(kim);
}

static void
the_driver_leaving_voids_what_waits(void **state)
{
	struct test_console *ben, *anna;
	int64_t n;

	(void)state;
	test_session(&broker, "MFX-7", &ben, &anna);
	n = test_request(ben, "update orders set note = 'x' where id = 1", NULL);
	test_console_close(ben);
	test_event(anna, "void", n);
	test_event(anna, "left", 0);
	/* and comes back to the same session, from the beginning */
	ben = test_console(&broker, "ben");
	test_ok(ben, "{\"do\":\"open\",\"ticket\":\"MFX-7\"}");
	test_event(ben, "begin", 0);
	test_event(ben, "void", n);
	test_end(&broker, ben);
	test_console_close(ben);
	test_console_close(anna);
}

static void
pause_holds_and_stop_ends(void **state)
{
	struct test_console *ben, *anna;

	(void)state;
	test_session(&broker, "MFX-8", &ben, &anna);
	test_ok(anna, "{\"do\":\"pause\"}");
	test_refused(ben, "{\"do\":\"sql\",\"text\":\"select 1\"}", "state");
	test_ok(anna, "{\"do\":\"resume\"}");
	test_ok(ben, "{\"do\":\"sql\",\"text\":\"select 1\"}");
	test_ok(anna, "{\"do\":\"stop\",\"reason\":\"enough\"}");
	test_event(ben, "seal", 0);
	test_wait_eof(ben);
	assert_true(test_wait_sealed(&broker));
	test_console_close(ben);
	test_console_close(anna);
}

static void
a_late_console_gets_everything_and_from_gets_the_rest(void **state)
{
	struct test_console *ben, *anna, *kim;
	json_t *first;

	(void)state;
	test_session(&broker, "MFX-9", &ben, &anna);
	test_ok(ben, "{\"do\":\"sql\",\"text\":\"select 42 as answer\"}");
	test_event(ben, "done", 0);
	kim = test_console(&broker, "kim");
	test_ok(kim, "{\"do\":\"join\",\"ticket\":\"MFX-9\",\"from\":3,\"bodies\":false}");
	test_event(kim, "done", 0);
	first = json_array_get(kim->events, 0);
	assert_int_equal(json_int(first, "n", 0), 3);
	assert_null(test_event_seen(kim, "begin", 0));
	assert_null(test_body_object(kim, json_int(test_event(kim, "read", 0), "n", 0), "sql"));
	test_send(kim, "{\"do\":\"body\",\"of\":%lld}", (long long)json_int(test_event(kim, "read", 0), "n", 0));
	test_ok(kim, "{\"do\":\"from\",\"n\":1}");
	test_event(kim, "begin", 0);
	assert_string_equal(test_body(kim, json_int(test_event(kim, "read", 0), "n", 0), "sql"), "select 42 as answer");
	test_end(&broker, ben);
	test_console_close(ben);
	test_console_close(anna);
	test_console_close(kim);
}

static void
a_request_lapses_to_a_no(void **state)
{
	static const struct test_broker_options quick = { .request_seconds = 10 };
	struct test_console *ben, *anna;
	struct test_broker b;
	int64_t n;

	(void)state;
	test_broker_start(&b, &quick);
	test_session(&b, "MFX-1", &ben, &anna);
	n = test_request(ben, "update orders set note = 'x' where id = 1", NULL);
	test_event(ben, "expired", n);
	assert_string_equal(json_str(test_allow(anna, n, "orders 1"), "code", NULL), "not-found");
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
		cmocka_unit_test(a_read_runs_at_once_and_its_rows_are_in_the_transcript),
		cmocka_unit_test(a_write_waits_for_the_second_key_and_runs_once),
		cmocka_unit_test(a_no_is_a_no_and_silence_is_one_too),
		cmocka_unit_test(the_bound_voids_what_would_touch_other_rows),
		cmocka_unit_test(what_is_neither_read_nor_write_is_refused_with_a_sentence),
		cmocka_unit_test(nobody_turns_his_own_key),
		cmocka_unit_test(the_driver_leaving_voids_what_waits),
		cmocka_unit_test(pause_holds_and_stop_ends),
		cmocka_unit_test(a_late_console_gets_everything_and_from_gets_the_rest),
		cmocka_unit_test(a_request_lapses_to_a_no),
	};

	return test_run_apart("session", tests, sizeof tests / sizeof *tests, start, stop);
}
