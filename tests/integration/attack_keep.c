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

#include "lib/beside.h"
#include "lib/keys.h"
#include "signed_world.h"
#include "twokey/base/buf.h"
#include "twokey/base/json.h"

static const char always[] = "access: write\\nstage: production\\nhold: always\\n";
static struct test_broker broker;

/* Signs that answer and sends it: what comes back is another's to read. */
static void
send_signed(struct test_console *anna, const struct transcript_answer *a, const char *key)
{
	int64_t of = (int64_t)a->request;
	const json_t *held = test_event_seen(anna, "held", of), *shown = held != NULL ? held : test_event(anna, "sheet", of);
	struct buf text, signature;
	json_t *o;
	char *line;

	buf_init(&text, TRANSCRIPT_ANSWER_MAX);
	buf_init(&signature, TRANSCRIPT_SIGNATURE_MAX);
	transcript_answer_put(&text, a);
	test_key_sign(key, TRANSCRIPT_ANSWER_NAMESPACE, buf_data(&text), buf_len(&text), 0, &signature);
	o = json_pack("{s:s, s:I, s:s, s:s, s:s, s:s, s:s}", "do", "allow", "of", (json_int_t)of, "digest",
	    json_str(test_event_n(anna, of), "digest", NULL), "bind", json_str(shown, "bind", NULL), "typed", a->typed, "text",
	    buf_str(&text), "signature", buf_str(&signature));
	line = json_dumps(o, JSON_COMPACT);
	test_send(anna, "%s", line);
	free(line);
	json_decref(o);
	buf_fini(&text);
	buf_fini(&signature);
}

/* Signs as signed_with does, and goes on once the verifier stopped at its fault point: its process. */
static pid_t
sign_and_stop(struct test_console *anna, int64_t of, const char *typed, const char *key)
{
	struct transcript_answer a;
	pid_t verifier;

	assert_true(json_bool(signed_begin(anna, of, typed), "ok"));
	a = signed_answer(&broker, anna, of, typed);
	send_signed(anna, &a, key);
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

/* The keep of a held change is being verified. */
static pid_t
keeping(struct test_console *anna, int64_t of, const char *key)
{
	pid_t verifier;

	assert_true(json_bool(go_on(anna, sign_and_stop(anna, of, "orders 3", signed_keys.anna)), "ok"));
	test_event(anna, "held", of);
	verifier = sign_and_stop(anna, of, "keep orders 3", key);
	assert_int_equal(done(), 0);
	return verifier;
}

static void
let_go(pid_t verifier)
{
	(void)kill(verifier, SIGCONT);
	test_wait_gone(verifier);
}

/* It does not wait for the verifier, which stands still: the key is refused, the change is taken back, nothing is kept. */
static void
is_taken_back(struct test_console *anna, struct test_console *who, int64_t of, pid_t verifier, const char *code)
{
	if (anna != NULL)
		signed_refused(test_answer(anna, "allow"), "before the signature was verified");
	assert_string_equal(json_str(test_event(who, "rolledback", of), "code", NULL), code);
	let_go(verifier);
	assert_null(test_event_seen(who, "kept", of));
	assert_int_equal(done(), 0);
}

/* All are asked and read at one time, so that the minimum time passes once. */
static void
ask_and_read(struct test_console *ben, struct test_console *anna, int64_t *of, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		of[i] = test_request(ben, signed_update, "= 3");
		test_event(anna, "sheet", of[i]);
		test_send(anna, "{\"do\":\"opened\",\"of\":%lld,\"last\":true}", (long long)of[i]);
		assert_true(json_bool(test_answer(anna, "opened"), "ok"));
	}
}

/* Whoever takes it back before the key is on record has taken it back. */
static void
what_comes_while_the_key_is_verified(void **state)
{
	struct test_console *ben, *anna;
	pid_t verifier;
	int64_t of[5];

	(void)state;
	start(0, &ben, &anna);
	ask_and_read(ben, anna, of, 5);

	verifier = keeping(anna, of[0], signed_keys.anna);
	test_send(anna, "{\"do\":\"deny\",\"of\":%lld,\"reason\":\"no\"}", (long long)of[0]);
	assert_true(json_bool(test_answer(anna, "deny"), "ok"));
	is_taken_back(anna, ben, of[0], verifier, "denied");

	verifier = keeping(anna, of[1], signed_keys.anna);
	test_send(ben, "{\"do\":\"withdraw\",\"of\":%lld}", (long long)of[1]);
	assert_true(json_bool(test_answer(ben, "withdraw"), "ok"));
	is_taken_back(anna, ben, of[1], verifier, "withdrawn");

	verifier = keeping(anna, of[2], signed_keys.anna);
	test_ok(ben, "{\"do\":\"cancel\"}");
	is_taken_back(anna, ben, of[2], verifier, "cancelled");

	/* what is said besides waits in order, and a key that is not good keeps nothing */
	verifier = keeping(anna, of[3], signed_keys.nobody);
	test_send(ben, "{\"do\":\"say\",\"text\":\"wait\"}");
	signed_refused(go_on(anna, verifier), "is not one of anna");
	assert_true(json_bool(test_answer(ben, "say"), "ok"));
	test_deny(anna, of[3]);
	assert_string_equal(json_str(test_event(ben, "rolledback", of[3]), "code", NULL), "denied");

	/* a pause is no no: it stays held, and may be kept when the session goes on */
	verifier = keeping(anna, of[4], signed_keys.anna);
	test_ok(anna, "{\"do\":\"pause\"}");
	signed_refused(test_answer(anna, "allow"), "before the signature was verified");
	let_go(verifier);
	test_ok(anna, "{\"do\":\"resume\"}");
	assert_true(json_bool(go_on(anna, sign_and_stop(anna, of[4], "keep orders 3", signed_keys.anna)), "ok"));
	test_event(ben, "committed", of[4]);
	assert_int_equal(done(), 3);
	finish(ben, anna);
}

/* Nobody keeps it for those who went, and an end of the session ends it. */
static void
who_goes_while_the_key_is_verified(void **state)
{
	struct test_console *ben, *anna;
	pid_t verifier;
	int64_t of;

	(void)state;
	start(0, &ben, &anna);
	ask_and_read(ben, anna, &of, 1);
	verifier = keeping(anna, of, signed_keys.anna);
	test_ok(ben, "{\"do\":\"leave\"}");
	test_console_close(ben);
	is_taken_back(anna, anna, of, verifier, "void");

	ben = test_console(&broker, "ben");
	test_ok(ben, "{\"do\":\"open\",\"ticket\":\"MFX-1\"}");
	test_event(ben, "account", 0);
	ask_and_read(ben, anna, &of, 1);
	verifier = keeping(anna, of, signed_keys.anna);
	test_console_close(anna);
	is_taken_back(NULL, ben, of, verifier, "void");

	anna = test_console(&broker, "anna");
	test_ok(anna, "{\"do\":\"join\",\"ticket\":\"MFX-1\"}");
	ask_and_read(ben, anna, &of, 1);
	verifier = keeping(anna, of, signed_keys.anna);
	test_send(ben, "{\"do\":\"end\"}");
	is_taken_back(anna, ben, of, verifier, "void");
	test_event(ben, "seal", 0);
	test_console_close(ben);
	test_console_close(anna);
	test_broker_stop(&broker);
}

/* The session's process dies: nobody could be told that it was kept. */
static void
the_session_dies_while_the_key_is_verified(void **state)
{
	struct test_console *ben, *anna;
	pid_t verifier;
	int64_t of;

	(void)state;
	start(0, &ben, &anna);
	ask_and_read(ben, anna, &of, 1);
	verifier = keeping(anna, of, signed_keys.anna);
	assert_int_equal(kill(test_broker_role(&broker, "session"), SIGKILL), 0);
	assert_true(test_wait_sealed(&broker));
	let_go(verifier);
	assert_int_equal(done(), 0);
	test_console_close(ben);
	test_console_close(anna);
	test_broker_stop(&broker);
}

/* Once the key is on record a no comes too late, and is told so: it is not on record, and it is committed. */
static void
a_no_behind_the_key_on_record(void **state)
{
	struct test_broker_options o = { .anna = signed_keys.anna_yaml, .fault = "recorded.kept" };
	struct test_console *ben, *anna;
	struct transcript_answer a;
	pid_t recorder;
	int64_t of;
	json_t *re;

	(void)state;
	test_broker_start(&broker, &o);
	signed_open(&broker, always, &ben, &anna);
	ask_and_read(ben, anna, &of, 1);
	assert_true(json_bool(signed_with(&broker, anna, of, signed_keys.anna, 0), "ok"));
	test_event(anna, "held", of);
	assert_true(json_bool(signed_begin(anna, of, "keep orders 3"), "ok"));
	a = signed_answer(&broker, anna, of, "keep orders 3");
	recorder = test_broker_role(&broker, "recorder");
	send_signed(anna, &a, signed_keys.anna);
	test_wait_stopped(recorder);
	test_send(anna, "{\"do\":\"deny\",\"of\":%lld,\"reason\":\"no\"}", (long long)of);
	test_send(ben, "{\"do\":\"withdraw\",\"of\":%lld}", (long long)of);
	signed_refused(test_answer(ben, "withdraw"), "on its way already");
	assert_int_equal(kill(recorder, SIGCONT), 0);
	re = test_answer(anna, "deny");
	signed_refused(re, "too late");
	assert_true(json_bool(test_answer(anna, "allow"), "ok"));
	test_event(ben, "committed", of);
	assert_null(test_event_seen(ben, "denied", of));
	assert_int_equal(done(), 3);
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
	start(8, &ben, &anna);	/* over before the 10 s in which a signature has to be verified are */
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
	sqlite3_busy_timeout(db, TEST_DEADLINE_MS);
	assert_int_equal(sqlite3_exec(db, "BEGIN IMMEDIATE; ROLLBACK", NULL, NULL, NULL), SQLITE_OK);
	sqlite3_close(db);
}

/* A process that stands still makes no hold longer: db has its own clock. What is told later is what happened. */
static void
nobody_who_stands_still_makes_it_longer(void **state)
{
	struct test_console *ben, *anna;
	int64_t of;
	pid_t pid;

	start(8, &ben, &anna);
	of = hold(ben, anna);
	pid = test_broker_role(&broker, *state);
	assert_true(pid > 0);
	assert_int_equal(kill(pid, SIGSTOP), 0);
	wait_until_free();
	assert_int_equal(kill(pid, SIGCONT), 0);
	assert_string_equal(json_str(test_event(ben, "rolledback", of), "code", NULL), "expired");
	assert_int_equal(done(), 0);
	test_event(ben, "done", json_int(test_ok(ben, "{\"do\":\"sql\",\"text\":\"select 1\"}"), "n", 0));
	finish(ben, anna);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_comes_while_the_key_is_verified),
		cmocka_unit_test(who_goes_while_the_key_is_verified),
		cmocka_unit_test(the_session_dies_while_the_key_is_verified),
		cmocka_unit_test(a_no_behind_the_key_on_record),
		cmocka_unit_test(its_time_ends_while_the_key_is_verified),
		cmocka_unit_test_prestate(nobody_who_stands_still_makes_it_longer, (char *)(uintptr_t)"session"),
		cmocka_unit_test_prestate(nobody_who_stands_still_makes_it_longer, (char *)(uintptr_t)"recorder"),
		cmocka_unit_test_prestate(nobody_who_stands_still_makes_it_longer, (char *)(uintptr_t)"front"),
	};

	return test_run_beside("attack: the key that keeps", tests, sizeof tests / sizeof *tests, signed_setup, signed_teardown);
}
