/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What ran and is not kept yet, and changes that are collected: the key again, or taken back. */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "lib/beside.h"
#include "lib/broker.h"
#include "twokey/base/json.h"

static const char always[] = "access: write\\nstage: production\\nhold: always\\n";
static const char update_1[] = "update orders set note = 'x' where id = 1";
static struct test_broker broker;

static int64_t
changed(void)
{
	return test_shop_number(&broker, "select count(*) from orders where note = 'x'");
}

static struct test_console *
sit(const char *person, const char *id)
{
	struct test_console *c = test_console(&broker, person);
	char line[200];

	snprintf(line, sizeof line, "{\"do\":\"%s\",\"ticket\":\"%s\"}", strcmp(person, "ben") == 0 ? "open" : "join", id);
	test_ok(c, line);
	return c;
}

static void
session_of(const char *id, const char *lines, struct test_console **ben, struct test_console **anna)
{
	test_ticket_with(&broker, id, lines);
	*ben = sit("ben", id);
	test_event(*ben, "account", 0);
	*anna = sit("anna", id);
}

static void
finish(struct test_console *ben, struct test_console *anna)
{
	test_end(&broker, ben);
	test_console_close(ben);
	test_console_close(anna);
}

static const char *
why_of(const json_t *held, size_t i)
{
	return json_string_value(json_array_get(json_object_get(held, "why"), i));
}

/* A request that ran and is held. */
static int64_t
hold_one(struct test_console *ben, struct test_console *anna)
{
	int64_t n = test_request(ben, update_1, NULL);
	json_t *a = test_allow(anna, n, "orders 1");

	if (!json_bool(a, "ok"))
		fail_msg("allow: %s", json_str(a, "why", NULL));
	test_event(anna, "held", n);
	return n;
}

static void
kept_by_the_key_turned_again(void **state)
{
	struct test_console *ben, *anna;
	json_t *held, *a;
	char line[400];
	int64_t n;

	(void)state;
	session_of("H-1", always, &ben, &anna);
	n = hold_one(ben, anna);
	held = test_event(ben, "held", n);
	assert_string_equal(why_of(held, 0), "ticket");
	assert_int_equal(json_int(held, "affected", -1), 1);
	assert_string_equal(json_str(json_array_get(json_object_get(held, "effects"), 0), "table", NULL), "orders");
	assert_non_null(test_body(ben, json_int(held, "n", 0), "note"));
	assert_int_equal(changed(), 0);
	/* the opening, the bind and the words of the first time count no more */
	snprintf(line, sizeof line, "{\"do\":\"allow\",\"of\":%lld,\"digest\":\"%s\",\"bind\":\"%s\",\"typed\":\"keep orders 1\"}",
	    (long long)n, json_str(test_event_n(ben, n), "digest", NULL), json_str(held, "bind", NULL));
	test_refused(anna, line, "denied");
	test_refused(ben, line, "seat");
	snprintf(line, sizeof line, "{\"do\":\"opened\",\"of\":%lld,\"last\":true}", (long long)n);
	test_ok(anna, line);
	assert_false(json_bool(test_allow(anna, n, "keep orders 1"), "ok"));	/* over the sheet's bind */
	assert_false(json_bool(test_keep(anna, n, "orders 1"), "ok"));
	assert_false(json_bool(test_keep(anna, n, "keep orders 2"), "ok"));
	assert_int_equal(changed(), 0);
	test_refused(ben, "{\"do\":\"sql\",\"text\":\"select 1\"}", "state");
	a = test_keep(anna, n, "keep orders 1");
	if (!json_bool(a, "ok"))
		fail_msg("keep: %s", json_str(a, "why", NULL));
	test_event(ben, "kept", n);
	test_event(ben, "committed", n);
	assert_int_equal(changed(), 1);
	test_ok(ben, "{\"do\":\"sql\",\"text\":\"select 1\"}");
	finish(ben, anna);
	test_shop_exec(&broker, "update orders set note = '' where note = 'x'");
}

static void
rows_that_moved_are_seen_before_they_are_kept(void **state)
{
	struct test_console *ben, *anna;
	int64_t n;

	(void)state;
	session_of("H-2", "access: write\\nstage: production\\n", &ben, &anna);
	n = test_request(ben, "update orders set note = 'x' where status = 'new'", "<= 10");
	test_shop_exec(&broker, "update orders set status = 'new' where id = 1");
	assert_true(json_bool(test_allow(anna, n, "orders <=10"), "ok"));
	assert_string_equal(why_of(test_event(anna, "held", n), 0), "moved");
	assert_int_equal(json_int(test_event(anna, "held", n), "affected", -1), 6);
	assert_true(json_bool(test_keep(anna, n, "keep orders 6"), "ok"));
	test_event(ben, "committed", n);
	assert_int_equal(changed(), 6);
	finish(ben, anna);
	test_shop_exec(&broker, "update orders set note = '' where note = 'x'; update orders set status = 'paid' where id = 1");
}

/* Each way that takes it back, and the code that says so. */
static void
deny(struct test_console *ben, struct test_console *anna, int64_t n)
{
	(void)ben;
	test_deny(anna, n);
}

static void
withdraw(struct test_console *ben, struct test_console *anna, int64_t n)
{
	char line[100];

	(void)anna;
	snprintf(line, sizeof line, "{\"do\":\"withdraw\",\"of\":%lld}", (long long)n);
	test_ok(ben, line);
}

static void
cancel(struct test_console *ben, struct test_console *anna, int64_t n)
{
	(void)anna, (void)n;
	test_ok(ben, "{\"do\":\"cancel\"}");
}

static void
second_leaves(struct test_console *ben, struct test_console *anna, int64_t n)
{
	(void)ben, (void)n;
	test_ok(anna, "{\"do\":\"leave\"}");
}

static void
stop(struct test_console *ben, struct test_console *anna, int64_t n)
{
	(void)ben, (void)n;
	test_ok(anna, "{\"do\":\"stop\",\"reason\":\"no\"}");
}

static void
let_it_lapse(struct test_console *ben, struct test_console *anna, int64_t n)
{
	(void)ben, (void)anna, (void)n;
}

static const struct back {
	const char *what, *code;
	void (*act)(struct test_console *ben, struct test_console *anna, int64_t n);
	unsigned hold_seconds;	/* 0: more than enough */
} backs[] = {
	{ "deny", "denied", deny, 0 },
	{ "withdraw", "withdrawn", withdraw, 0 },
	{ "cancel", "cancelled", cancel, 0 },
	{ "second leaves", "void", second_leaves, 0 },
	{ "stop", "void", stop, 0 },
	{ "its time", "expired", let_it_lapse, 2 },
};

/* One of backs takes back what is held. */
static void
it_is_taken_back(void **state)
{
	const struct back *back = *state;
	struct test_console *ben, *anna;
	struct test_broker_options o = { .target = NULL };
	const char *code;
	char way[400];
	int64_t n;

	if (back->hold_seconds > 0) {
		snprintf(way, sizeof way, "    file: %s\n    hold_seconds: %u\n", broker.db, back->hold_seconds);
		o.target = way;
		test_broker_reconfigure(&broker, &o);
	}
	session_of("H-3", always, &ben, &anna);
	n = hold_one(ben, anna);
	back->act(ben, anna, n);
	code = json_str(test_event(ben, "rolledback", n), "code", NULL);
	/* a session that ends both voids and cancels: whichever is heard first */
	if (strcmp(code, back->code) != 0 && !(back->act == stop && strcmp(code, "cancelled") == 0))
		fail_msg("%s: %s", back->what, code);
	assert_int_equal(changed(), 0);
	if (back->act != stop) {
		finish(ben, anna);
	} else {
		assert_true(test_wait_sealed(&broker));
		test_console_close(ben);
		test_console_close(anna);
	}
}

static void
the_driver_leaving_takes_it_back(void **state)
{
	struct test_console *ben, *anna;
	int64_t n;

	(void)state;
	session_of("H-4", always, &ben, &anna);
	n = hold_one(ben, anna);
	test_console_close(ben);
	test_event(anna, "rolledback", n);
	assert_int_equal(changed(), 0);
	ben = sit("ben", "H-4");
	finish(ben, anna);
}

static int64_t
number_of(json_t *answer)
{
	return json_int(answer, "n", 0);
}

static void
stage(struct test_console *ben, const char *sql, const char *rows)
{
	json_t *o = json_pack("{s:s, s:s, s:s*}", "do", "sql", "text", sql, "rows", rows);
	char *line = json_dumps(o, JSON_COMPACT);

	assert_string_equal(json_str(test_event_n(ben, number_of(test_ok(ben, line))), "ev", NULL), "staged");
	free(line);
	json_decref(o);
}

static void
a_change_set_is_one_request(void **state)
{
	struct test_console *ben, *anna;
	json_t *o, *counts;
	int64_t n;

	(void)state;
	session_of("H-5", "access: write\\nstage: production\\n", &ben, &anna);
	o = test_event_n(ben, number_of(test_ok(ben, "{\"do\":\"sql\",\"text\":\"BEGIN;\"}")));
	assert_string_equal(json_str(o, "ev", NULL), "begun");
	test_refused(ben, "{\"do\":\"sql\",\"text\":\"begin\"}", "state");
	stage(ben, update_1, NULL);
	test_ok(ben, "{\"do\":\"sql\",\"text\":\"select note from orders where id = 1\"}");	/* a read does not see it */
	test_event(ben, "done", 0);
	stage(ben, "delete from orders_log where id > 0;", "<= 600");
	test_refused(ben, "{\"do\":\"sql\",\"text\":\"update orders set note = 'x' where id = 2 -- and\"}", "denied");
	test_refused(ben, "{\"do\":\"sql\",\"text\":\"create table other (a)\"}", "state");	/* it would not be a part */
	stage(ben, "insert into orders_log(order_id, what) values (1, 'a'), (2, 'b')", "= 2");
	assert_int_equal(changed(), 0);
	n = number_of(test_ok(ben, "{\"do\":\"sql\",\"text\":\"commit\",\"reason\":\"all of it\"}"));
	assert_string_equal(json_str(test_event(ben, "dropped", 0), "code", NULL), "asked");
	o = test_event(ben, "sheet", n);
	counts = json_object_get(o, "counts");
	assert_int_equal(json_array_size(counts), 3);
	assert_int_equal(json_integer_value(json_array_get(counts, 0)), 1);
	assert_int_equal(json_integer_value(json_array_get(counts, 2)), 2);
	assert_int_equal(json_array_size(json_object_get(test_body_object(ben, json_int(o, "n", 0), "sample"), "parts")), 3);
	assert_string_equal(test_body(ben, n, "sql"), "update orders set note = 'x' where id = 1;\ndelete from orders_log where id > 0;\n"
	    "insert into orders_log(order_id, what) values (1, 'a'), (2, 'b');\n");
	o = test_allow(anna, n, "orders+orders_log <=603");
	if (!json_bool(o, "ok"))
		fail_msg("allow: %s", json_str(o, "why", NULL));
	o = test_event(anna, "held", n);
	assert_string_equal(why_of(o, 0), "set");
	assert_int_equal(json_array_size(json_object_get(o, "counts")), 3);
	assert_int_equal(changed(), 0);
	{
		char typed[60];

		snprintf(typed, sizeof typed, "keep orders+orders_log %lld", (long long)json_int(o, "affected", -1));
		o = test_keep(anna, n, typed);
	}
	if (!json_bool(o, "ok"))
		fail_msg("keep: %s", json_str(o, "why", NULL));
	test_event(ben, "committed", n);
	assert_int_equal(changed(), 1);
	assert_int_equal(test_shop_number(&broker, "select count(*) from orders_log where what in ('a', 'b')"), 2);
	finish(ben, anna);
	test_shop_exec(&broker, "update orders set note = '' where note = 'x'");
}

static void
one_statement_that_fails_takes_all_back(void **state)
{
	struct test_console *ben, *anna;
	int64_t n;

	(void)state;
	session_of("H-6", "access: write\\nstage: production\\n", &ben, &anna);
	test_ok(ben, "{\"do\":\"sql\",\"text\":\"start transaction\"}");
	stage(ben, update_1, NULL);
	stage(ben, "update orders set id = 3 where id = 2", NULL);
	n = number_of(test_ok(ben, "{\"do\":\"sql\",\"text\":\"COMMIT\"}"));
	assert_true(json_bool(test_allow(anna, n, "orders 2"), "ok"));
	test_event(ben, "failed", n);
	assert_int_equal(changed(), 0);
	finish(ben, anna);
}

/* The first one's trigger makes a row that the second one then meets: nobody was shown it, and it is said which it was. */
static void
the_statement_that_breaks_its_bound_is_named(void **state)
{
	struct test_console *ben, *anna;
	json_t *end;
	int64_t n;

	(void)state;
	test_shop_exec(&broker, "delete from orders_log");
	session_of("H-6b", "access: write\\nstage: production\\n", &ben, &anna);
	test_ok(ben, "{\"do\":\"sql\",\"text\":\"begin\"}");
	stage(ben, update_1, NULL);
	stage(ben, "delete from orders_log where id > 0", NULL);
	n = number_of(test_ok(ben, "{\"do\":\"sql\",\"text\":\"commit\"}"));
	assert_true(json_bool(test_allow(anna, n, "orders+orders_log 1"), "ok"));
	end = test_event(ben, "rolledback", n);
	assert_string_equal(test_body(ben, json_int(end, "n", 0), "why"), "statement 2: 1 row was touched, 0 were allowed");
	assert_int_equal(changed(), 0);
	finish(ben, anna);
}

static void
what_is_collected_is_dropped(void **state)
{
	struct test_console *ben, *anna;
	char way[300];
	struct test_broker_options o = { .limits = "set_seconds: 5\n" };

	(void)state;
	session_of("H-7", "access: write\\nstage: production\\n", &ben, &anna);
	test_refused(ben, "{\"do\":\"sql\",\"text\":\"commit\"}", "state");
	test_ok(ben, "{\"do\":\"sql\",\"text\":\"begin\"}");
	stage(ben, update_1, NULL);
	test_ok(ben, "{\"do\":\"sql\",\"text\":\"rollback\"}");
	assert_string_equal(json_str(test_event(ben, "dropped", 0), "code", NULL), "rollback");
	test_refused(ben, "{\"do\":\"sql\",\"text\":\"commit\"}", "state");
	test_ok(ben, "{\"do\":\"sql\",\"text\":\"begin\"}");
	for (int i = 0; i < 16; i++)
		stage(ben, update_1, NULL);
	snprintf(way, sizeof way, "{\"do\":\"sql\",\"text\":\"%s\"}", update_1);
	test_refused(ben, way, "too-large");
	test_console_close(ben);
	test_event(anna, "left", 0);
	ben = sit("ben", "H-7");
	test_refused(ben, "{\"do\":\"sql\",\"text\":\"commit\"}", "state");
	finish(ben, anna);
	test_broker_reconfigure(&broker, &o);
	session_of("H-8", "access: write\\nstage: production\\n", &ben, &anna);
	test_ok(ben, "{\"do\":\"sql\",\"text\":\"begin\"}");
	stage(ben, update_1, NULL);
	assert_string_equal(json_str(test_event(ben, "dropped", 0), "code", NULL), "age");
	finish(ben, anna);
	assert_int_equal(changed(), 0);
}

static json_t *
rehearse(struct test_console *ben, const char *sql)
{
	json_t *o = json_pack("{s:s, s:s, s:b}", "do", "sql", "text", sql, "rehearsal", 1), *a;
	char *line = json_dumps(o, JSON_COMPACT);

	test_send_bytes(ben, line, strlen(line));
	test_send_bytes(ben, "\n", 1);
	a = test_answer(ben, "sql");
	free(line);
	json_decref(o);
	return a;
}

static void
a_rehearsal_runs_and_is_taken_back(void **state)
{
	struct test_broker_options o = { .stage = "staging" };
	struct test_console *ben, *anna;
	json_t *a;
	int64_t n;

	(void)state;
	/* another database: what was opened as production is never staging */
	test_broker_stop(&broker);
	test_broker_start(&broker, &o);
	test_shop_exec(&broker, "create table plain (id integer primary key, a integer); insert into plain values (1, 1), (2, 2)");
	session_of("H-9", "access: staging\\nstage: staging\\n", &ben, &anna);
	assert_false(json_bool(rehearse(ben, "update plain set a = 7 where id = 1"), "ok"));
	finish(ben, anna);
	session_of("H-10", "access: staging\\nstage: staging\\nrehearsal: yes\\n", &ben, &anna);
	/* what sets off a trigger, and what cannot be counted, is not rehearsed */
	n = json_int(rehearse(ben, "update orders set note = 'x' where id = 1"), "n", 0);
	test_event(ben, "failed", n);
	n = json_int(rehearse(ben, "insert into plain values (3, 3) on conflict do nothing"), "n", 0);
	test_event(ben, "failed", n);
	n = json_int(rehearse(ben, "update plain set a = 7 where id = 1"), "n", 0);
	test_event(ben, "sheet", n);
	assert_false(json_bool(test_allow(anna, n, "plain 1"), "ok"));
	a = test_allow(anna, n, "rehearse plain 1");
	if (!json_bool(a, "ok"))
		fail_msg("rehearse: %s", json_str(a, "why", NULL));
	assert_int_equal(json_int(test_event(anna, "rehearsed", n), "affected", 0), 1);
	assert_string_equal(json_str(test_event(anna, "rolledback", n), "code", NULL), "rehearsed");
	assert_int_equal(test_shop_number(&broker, "select a from plain where id = 1"), 1);
	finish(ben, anna);
}

static int
start(void **state)
{
	(void)state;
	test_broker_start(&broker, NULL);
	return 0;
}

static int
end(void **state)
{
	(void)state;
	test_broker_stop(&broker);
	return 0;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(kept_by_the_key_turned_again),
		cmocka_unit_test(rows_that_moved_are_seen_before_they_are_kept),
		cmocka_unit_test_prestate(it_is_taken_back, (void *)(uintptr_t)&backs[0]),	/* by: deny */
		cmocka_unit_test_prestate(it_is_taken_back, (void *)(uintptr_t)&backs[1]),	/* by: withdraw */
		cmocka_unit_test_prestate(it_is_taken_back, (void *)(uintptr_t)&backs[2]),	/* by: cancel */
		cmocka_unit_test_prestate(it_is_taken_back, (void *)(uintptr_t)&backs[3]),	/* by: second leaves */
		cmocka_unit_test_prestate(it_is_taken_back, (void *)(uintptr_t)&backs[4]),	/* by: stop */
		cmocka_unit_test_prestate(it_is_taken_back, (void *)(uintptr_t)&backs[5]),	/* by: its time */
		cmocka_unit_test(the_driver_leaving_takes_it_back),
		cmocka_unit_test(a_change_set_is_one_request),
		cmocka_unit_test(one_statement_that_fails_takes_all_back),
		cmocka_unit_test(the_statement_that_breaks_its_bound_is_named),
		cmocka_unit_test(what_is_collected_is_dropped),
		cmocka_unit_test(a_rehearsal_runs_and_is_taken_back),
	};

	return test_run_apart("hold", tests, sizeof tests / sizeof *tests, start, end);
}
