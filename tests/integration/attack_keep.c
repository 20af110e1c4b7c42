/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The signature that keeps what is held, stopped while it is verified: what comes in between, and what is told of it. */
#include "config.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>
#include <sqlite3.h>

#include "lib/keys.h"
#include "signed_world.h"
#include "twokey/base/buf.h"
#include "twokey/base/json.h"

static const char always[] = "access: write\\nstage: production\\nhold: always\\n";
static struct test_broker broker;

/* Signs as signed_with does, and goes on once the verifier stopped at its fault point: its process. */
static pid_t
sign_and_stop(struct test_console *anna, int64_t of, const char *typed, const char *key)
{
	struct transcript_answer a;
	struct buf text, signature;
	const json_t *held = test_event_seen(anna, "held", of), *shown = held != NULL ? held : test_event(anna, "sheet", of);
	json_t *o;
	char *line;
	pid_t verifier;

	assert_true(json_bool(signed_begin(anna, of, typed), "ok"));
	a = signed_answer(&broker, anna, of, typed);
	buf_init(&text, TRANSCRIPT_ANSWER_MAX);
	buf_init(&signature, TRANSCRIPT_SIGNATURE_MAX);
	transcript_answer_put(&text, &a);
	test_key_sign(key, TRANSCRIPT_ANSWER_NAMESPACE, buf_data(&text), buf_len(&text), 0, &signature);
	o = json_pack("{s:s, s:I, s:s, s:s, s:s, s:s, s:s}", "do", "allow", "of", (json_int_t)of, "digest",
	    json_str(test_event_n(anna, of), "digest", NULL), "bind", json_str(shown, "bind", NULL), "typed", typed, "text",
	    buf_str(&text), "signature", buf_str(&signature));
	line = json_dumps(o, JSON_COMPACT);
	test_send(anna, "%s", line);
	free(line);
	json_decref(o);
	buf_fini(&text);
	buf_fini(&signature);
	for (int i = 0; (verifier = test_broker_role(&broker, "verify")) == 0; i++) {
		if (i > 2000)
			fail_msg("the key of request %lld is not verified", (long long)of);
		nanosleep(&(struct timespec){ 0, 5 * 1000 * 1000 }, NULL);
	}
	test_wait_stopped(verifier);
	return verifier;
}

static json_t *
go_on(struct test_console *anna, pid_t verifier)
{
	assert_int_equal(kill(verifier, SIGCONT), 0);
	return test_answer(anna, "allow");
}

/* Three rows are changed and held. */
static int64_t
hold(struct test_console *ben, struct test_console *anna)
{
	int64_t of = test_request(ben, signed_update, "= 3");

	assert_true(json_bool(go_on(anna, sign_and_stop(anna, of, "orders 3", signed_keys.anna)), "ok"));
	test_event(anna, "held", of);
	return of;
}

static void
start(unsigned hold_seconds, struct test_console **ben, struct test_console **anna)
{
	struct test_broker_options o = { .anna = signed_keys.anna_yaml, .fault = "verify.asked" };
	char way[400];

	test_broker_start(&broker, &o);
	if (hold_seconds > 0) {
		snprintf(way, sizeof way, "    file: %s\n    hold_seconds: %u\n", broker.db, hold_seconds);
		o.target = way;
		test_broker_reconfigure(&broker, &o);
	}
	signed_open(&broker, always, ben, anna);
}

static int64_t
done(void)
{
	return test_shop_number(&broker, "SELECT count(*) FROM orders WHERE status = 'done'");
}

static void
finish(struct test_console *ben, struct test_console *anna)
{
	test_end(&broker, ben);
	test_console_close(ben);
	test_console_close(anna);
	test_broker_stop(&broker);
}

/* The session is as alive as before: the next one is asked, and can be allowed. */
static void
the_next_one_runs(struct test_console *ben, struct test_console *anna)
{
	int64_t of = test_request(ben, "DELETE FROM orders_log WHERE order_id = 107", "<= 9");
	json_t *a = go_on(anna, sign_and_stop(anna, of, "orders_log <=9", signed_keys.anna));

	if (!json_bool(a, "ok"))
		fail_msg("the next one: %s", json_str(a, "why", NULL));
	test_event(ben, "held", of);
	test_deny(anna, of);
	test_event(ben, "rolledback", of);
}

/* Nothing that is said after a key that counts is told as if it had counted. */
static void
a_no_while_the_key_is_verified(void **state)
{
	struct test_console *ben, *anna;
	pid_t verifier;
	int64_t of;

	(void)state;
	start(0, &ben, &anna);
	of = hold(ben, anna);
	verifier = sign_and_stop(anna, of, "keep orders 3", signed_keys.anna);
	test_send(anna, "{\"do\":\"deny\",\"of\":%lld,\"reason\":\"no\"}", (long long)of);
	test_send(ben, "{\"do\":\"withdraw\",\"of\":%lld}", (long long)of);
	assert_true(json_bool(go_on(anna, verifier), "ok"));
	test_event(ben, "committed", of);
	assert_int_equal(done(), 3);
	the_next_one_runs(ben, anna);
	finish(ben, anna);
}

/* A key that is not good keeps nothing, and the no that waited behind it counts. */
static void
a_no_behind_a_key_that_is_not_good(void **state)
{
	struct test_console *ben, *anna;
	pid_t verifier;
	int64_t of;

	(void)state;
	start(0, &ben, &anna);
	of = hold(ben, anna);
	verifier = sign_and_stop(anna, of, "keep orders 3", signed_keys.nobody);
	test_send(anna, "{\"do\":\"deny\",\"of\":%lld,\"reason\":\"no\"}", (long long)of);
	signed_refused(go_on(anna, verifier), "is not one of anna");
	assert_string_equal(json_str(test_event(ben, "rolledback", of), "code", NULL), "denied");
	assert_int_equal(done(), 0);
	the_next_one_runs(ben, anna);
	finish(ben, anna);
}

static void
the_driver_leaves_while_the_key_is_verified(void **state)
{
	struct test_console *ben, *anna;
	pid_t verifier;
	int64_t of;

	(void)state;
	start(0, &ben, &anna);
	of = hold(ben, anna);
	verifier = sign_and_stop(anna, of, "keep orders 3", signed_keys.anna);
	test_ok(ben, "{\"do\":\"leave\"}");
	test_console_close(ben);
	(void)go_on(anna, verifier);
	if (strcmp(json_str(test_event_either(anna, "committed", "rolledback", of), "ev", NULL), "committed") == 0)
		assert_int_equal(done(), 3);
	else
		assert_int_equal(done(), 0);
	ben = test_console(&broker, "ben");
	test_ok(ben, "{\"do\":\"open\",\"ticket\":\"MFX-1\"}");
	test_event(ben, "account", 0);
	the_next_one_runs(ben, anna);
	finish(ben, anna);
}

/* db's own clock ends the hold: a key that was sent in time and verified too late keeps nothing. */
static void
its_time_ends_while_the_key_is_verified(void **state)
{
	struct test_console *ben, *anna;
	pid_t verifier;
	int64_t of;

	(void)state;
	start(5, &ben, &anna);
	of = hold(ben, anna);
	verifier = sign_and_stop(anna, of, "keep orders 3", signed_keys.anna);
	assert_string_equal(json_str(test_event(ben, "rolledback", of), "code", NULL), "expired");
	assert_int_equal(done(), 0);
	/* what is not held any more is not kept on record either */
	signed_refused(go_on(anna, verifier), "held no more");
	assert_null(test_event_seen(anna, "kept", of));
	assert_int_equal(done(), 0);
	the_next_one_runs(ben, anna);
	finish(ben, anna);
}

/* Until somebody else can write. */
static void
wait_until_free(void)
{
	sqlite3 *db;

	assert_int_equal(sqlite3_open(broker.db, &db), SQLITE_OK);
	sqlite3_busy_timeout(db, 15000);
	assert_int_equal(sqlite3_exec(db, "BEGIN IMMEDIATE; ROLLBACK", NULL, NULL, NULL), SQLITE_OK);
	sqlite3_close(db);
}

/* A process that stands still makes no hold longer: db has its own clock. What is told later is what happened. */
static void
nobody_who_stands_still_makes_it_longer(void **state)
{
	static const char *const roles[] = { "session", "recorder", "front" };

	(void)state;
	for (size_t i = 0; i < sizeof roles / sizeof roles[0]; i++) {
		struct test_console *ben, *anna;
		int64_t of;
		pid_t pid;

		start(4, &ben, &anna);
		of = hold(ben, anna);
		pid = test_broker_role(&broker, roles[i]);
		assert_true(pid > 0);
		assert_int_equal(kill(pid, SIGSTOP), 0);
		wait_until_free();
		assert_int_equal(kill(pid, SIGCONT), 0);
		assert_string_equal(json_str(test_event(ben, "rolledback", of), "code", NULL), "expired");
		assert_int_equal(done(), 0);
		the_next_one_runs(ben, anna);
		finish(ben, anna);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_no_while_the_key_is_verified),
		cmocka_unit_test(a_no_behind_a_key_that_is_not_good),
		cmocka_unit_test(the_driver_leaves_while_the_key_is_verified),
		cmocka_unit_test(its_time_ends_while_the_key_is_verified),
		cmocka_unit_test(nobody_who_stands_still_makes_it_longer),
	};

	return cmocka_run_group_tests_name("attack: the key that keeps", tests, signed_setup, signed_teardown);
}
