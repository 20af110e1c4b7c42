/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Answers that are signed: the real broker, the real ssh-keygen, a security key of software. */
#include "config.h"

#include <pwd.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include <cmocka.h>

#include "lib/beside.h"
#include "lib/keys.h"
#include "signed_world.h"
#include "twokey/base/buf.h"
#include "twokey/base/clock.h"
#include "twokey/base/err.h"
#include "twokey/base/io.h"
#include "twokey/base/json.h"
#include "twokey/base/run.h"

static void
a_registered_key_allows_and_stands_in_the_transcript(void **state)
{
	struct test_broker b;
	struct test_console *ben, *anna;
	const json_t *allowed, *begin;
	int64_t of;

	(void)state;
	signed_start(&b, 0);
	signed_open(&b, "access: write\\nstage: production\\n", &ben, &anna);
	begin = test_event_n(anna, 1);
	assert_string_equal(json_str(begin, "signed", NULL), "no");
	of = test_request(ben, signed_update, "= 3");
	assert_true(json_bool(signed_with(&b, anna, of, signed_keys.anna, 0), "ok"));
	test_event(ben, "committed", of);
	allowed = test_event(ben, "allowed", of);
	assert_string_equal(json_str(allowed, "by", NULL), "anna");
	assert_string_equal(json_str(allowed, "type", NULL), "ssh-ed25519");
	assert_int_equal(strncmp(json_str(allowed, "key", NULL), "SHA256:", 7), 0);
	assert_null(json_object_get(allowed, "touch"));
	assert_non_null(test_body(ben, json_int(allowed, "n", 0), "text"));
	assert_non_null(test_body(ben, json_int(allowed, "n", 0), "signature"));
	assert_int_equal(test_shop_number(&b, "SELECT count(*) FROM orders WHERE status = 'done'"), 3);
	test_end(&b, ben);
	test_console_close(ben);
	test_console_close(anna);
	test_broker_stop(&b);
}

static void
nothing_else_allows_for_a_person_with_keys(void **state)
{
	struct test_broker b;
	struct test_console *ben, *anna;
	struct transcript_answer a;
	struct buf text;
	int64_t of, other;

	(void)state;
	signed_start(&b, 0);
	signed_open(&b, "access: write\\nstage: production\\n", &ben, &anna);
	of = test_request(ben, signed_update, "= 3");
	signed_refused(test_allow(anna, of, "orders 3"), "has to be signed");
	signed_refused(signed_begin(anna, of, "orders 4"), "not what the sheet");
	signed_refused(signed_with(&b, anna, of, signed_keys.kim, 0), "is not one of anna");
	signed_refused(signed_with(&b, anna, of, signed_keys.nobody, 0), "is not one of anna");
	buf_init(&text, TRANSCRIPT_ANSWER_MAX);
	assert_true(json_bool(signed_begin(anna, of, "orders 3"), "ok"));
	a = signed_answer(&b, anna, of, "orders 3");
	transcript_answer_put(&text, &a);
	signed_refused(signed_send(anna, of, "orders 3", buf_str(&text), "-----BEGIN SSH SIGNATURE-----\nAAAA\n"
	    "-----END SSH SIGNATURE-----\n"), "the signature");
	/* it is used up */
	signed_refused(signed_allow(anna, &a, signed_keys.anna, 0), "did not begin to sign");
	signed_not_run(&b, ben, of);
	/* a signature for one request is none for another */
	assert_true(json_bool(signed_begin(anna, of, "orders 3"), "ok"));
	a = signed_answer(&b, anna, of, "orders 3");
	other = test_request(ben, signed_update, "= 3");
	assert_true(json_bool(signed_begin(anna, other, "orders 3"), "ok"));
	buf_reset(&text);
	transcript_answer_put(&text, &a);
	{
		struct buf signature;

		buf_init(&signature, TRANSCRIPT_SIGNATURE_MAX);
		test_key_sign(signed_keys.anna, TRANSCRIPT_ANSWER_NAMESPACE, buf_data(&text), buf_len(&text), 0, &signature);
		signed_refused(signed_send(anna, other, "orders 3", buf_str(&text), buf_str(&signature)), "the line \"request\" differs");
		buf_fini(&signature);
	}
	signed_not_run(&b, ben, other);
	/* and the first one still holds */
	assert_true(json_bool(signed_allow(anna, &a, signed_keys.second, 0), "ok"));
	test_event(ben, "committed", of);
	buf_fini(&text);
	test_end(&b, ben);
	test_console_close(ben);
	test_console_close(anna);
	test_broker_stop(&b);
}

/* Every bound field, changed one by one and signed by the right key. The gate lets a signature be begun five times, so
 * several requests are used up. */
static void
a_change_of_any_field_is_refused(void **state)
{
	struct test_broker b;
	struct test_console *ben, *anna;
	int64_t of = 0;
	size_t tries = 0;

	(void)state;
	signed_start(&b, 0);
	signed_open(&b, "access: write\\nstage: production\\n", &ben, &anna);
#define TRY(field, key, change) do { \
	struct transcript_answer a; \
	if (tries++ % 5 == 0) { \
		if (of != 0) { \
			test_send(ben, "{\"do\":\"withdraw\",\"of\":%lld}", (long long)of); \
			assert_true(json_bool(test_answer(ben, "withdraw"), "ok")); \
		} \
		of = test_request(ben, signed_update, "= 3"); \
	} \
	assert_true(json_bool(signed_begin(anna, of, "orders 3"), "ok")); \
	a = signed_answer(&b, anna, of, "orders 3"); \
	change; \
	{ \
		struct buf t, s; \
		buf_init(&t, TRANSCRIPT_ANSWER_MAX); \
		buf_init(&s, TRANSCRIPT_SIGNATURE_MAX); \
		transcript_answer_put(&t, &a); \
		test_key_sign(signed_keys.anna, TRANSCRIPT_ANSWER_NAMESPACE, buf_data(&t), buf_len(&t), 0, &s); \
		signed_refused(signed_send(anna, of, "orders 3", buf_str(&t), buf_str(&s)), "the line \"" key "\" differs"); \
		buf_fini(&t); \
		buf_fini(&s); \
	} \
	signed_not_run(&b, ben, of); \
} while (0)
#define TRY_TEXT(field, key) TRY(field, key, a.field = "another")
#define TRY_DIGEST(field, key) TRY(field, key, a.field.b[7] ^= 1)
#define TRY_NUMBER(field, key) TRY(field, key, a.field++)
#define TRY_ROWS(field, key) TRY(field, key, a.field.rows++); TRY(field, key, a.field.at_most = true)
#define TRY_HEAD(field, key) TRY(field, key, a.field.n--); TRY(field, key, a.field.digest = signed_line(&b, a.field.n - 1))
#define ANSWER(field, key, type, help) TRY_##type(field, key);
#include "twokey/transcript/answer.def"
#undef ANSWER
	assert_int_equal(tries, 20);
	test_end(&b, ben);
	test_console_close(ben);
	test_console_close(anna);
	test_broker_stop(&b);
}

/* A session whose ticket asks for a security key, with or without its PIN; sk is one of anna's. */
static void
security_key_allows(const char *sk, const char *type, bool pin)
{
	struct test_broker b;
	struct test_console *ben, *anna;
	const json_t *allowed;
	int64_t of;

	signed_start(&b, 0);
	signed_open(&b, pin ? "access: write\\nstage: production\\nsigned: hardware\\nsigned_pin: yes\\n" :
	    "access: write\\nstage: production\\nsigned: hardware\\n", &ben, &anna);
	assert_string_equal(json_str(test_event_n(anna, 1), "signed", NULL), "hardware");
	of = test_request(ben, signed_update, "= 3");
	signed_refused(signed_with(&b, anna, of, signed_keys.anna, 0), "asks for a security key");
	signed_refused(signed_with(&b, anna, of, sk, 0), "nobody touched it");
	signed_refused(signed_with(&b, anna, of, sk, 4), "nobody touched it");
	if (pin)
		signed_refused(signed_with(&b, anna, of, sk, 1), "PIN");
	signed_not_run(&b, ben, of);
	assert_true(json_bool(signed_with(&b, anna, of, sk, pin ? 5 : 1), "ok"));
	test_event(ben, "committed", of);
	allowed = test_event(ben, "allowed", of);
	assert_string_equal(json_str(allowed, "type", NULL), type);
	assert_true(json_bool(allowed, "touch"));
	assert_int_equal(json_bool(allowed, "pin"), pin);
	test_end(&b, ben);
	test_console_close(ben);
	test_console_close(anna);
	test_broker_stop(&b);
}

static void
a_ticket_may_ask_for_a_security_key_that_was_touched(void **state)
{
	(void)state;
	security_key_allows(signed_keys.sk, "sk-ssh-ed25519@openssh.com", true);
	security_key_allows(signed_keys.sk_ecdsa, "sk-ecdsa-sha2-nistp256@openssh.com", true);
	security_key_allows(signed_keys.sk_ecdsa, "sk-ecdsa-sha2-nistp256@openssh.com", false);
}

/* Where a test runs is where its consoles are from: on a host with logind and over SSH they are remote, else not. */
static void
a_ticket_may_ask_for_an_answer_from_another_host(void **state)
{
	struct test_broker b;
	struct test_console *ben, *anna;
	const json_t *joined;
	bool remote;
	int64_t of;

	(void)state;
	signed_start(&b, 0);
	signed_open(&b, "access: write\\nstage: production\\nanswer_from: other_host\\n", &ben, &anna);
	assert_string_equal(json_str(test_event_n(anna, 1), "answer_from", NULL), "other_host");
	joined = test_event(anna, "joined", 0);
	remote = json_bool(joined, "remote");
	of = test_request(ben, signed_update, "= 3");
	if (remote) {
		assert_true(json_bool(signed_with(&b, anna, of, signed_keys.anna, 0), "ok"));
		test_event(ben, "committed", of);
	} else {
		signed_refused(signed_begin(anna, of, "orders 3"), "from another host only (answer_from)");
		signed_refused(test_allow(anna, of, "orders 3"), "from another host only (answer_from)");
		assert_null(test_event_seen(ben, "signing", of));
		signed_not_run(&b, ben, of);
		test_deny(anna, of);	/* a no comes from anywhere */
		test_event(ben, "denied", of);
	}
	test_end(&b, ben);
	test_console_close(ben);
	test_console_close(anna);
	test_broker_stop(&b);
}

/* Requests live for three seconds here, of which the minimum time takes two. */
static void
the_time_of_a_touch_is_no_expiry(void **state)
{
	struct test_broker b;
	struct test_console *ben, *anna;
	struct transcript_answer a;
	int64_t of, until;

	(void)state;
	signed_start(&b, 5);
	signed_open(&b, "access: write\\nstage: production\\n", &ben, &anna);
	of = test_request(ben, signed_update, "= 3");
	assert_true(json_bool(signed_begin(anna, of, "orders 3"), "ok"));
	a = signed_answer(&b, anna, of, "orders 3");
	/* until the clock of the request itself would have run out */
	assert_int_equal(clock_parse(json_str(test_event_n(anna, of), "until", NULL), strlen(json_str(test_event_n(anna, of), "until", NULL)),
	    &until), 0);
	while (clock_wall_us() < until + 2000000)
		nanosleep(&(struct timespec){ 0, 50 * 1000 * 1000 }, NULL);
	assert_null(test_event_seen(ben, "expired", of));
	assert_true(json_bool(signed_allow(anna, &a, signed_keys.anna, 0), "ok"));
	test_event(ben, "committed", of);
	test_end(&b, ben);
	test_console_close(ben);
	test_console_close(anna);
	test_broker_stop(&b);
}

static void
the_seal_is_signed_and_anchored(void **state)
{
	struct test_broker b;
	struct test_console *ben, *anna;
	const json_t *seal;
	struct buf text, anchored, line;
	struct digest head;
	char path[100];
	struct err e;

	(void)state;
	signed_start(&b, 0);
	signed_open(&b, "access: write\\nstage: production\\n", &ben, &anna);
	test_end(&b, ben);
	seal = test_event(anna, "seal", 0);
	assert_non_null(json_str(seal, "sig", NULL));
	assert_string_equal(json_str(seal, "anchor", NULL), "done");
	head = signed_digest(seal, "head");
	buf_init(&text, 4096);
	buf_init(&anchored, 4096);
	buf_init(&line, 8192);
	transcript_seal_put(&text, json_str(test_event_n(anna, 1), "session", NULL), (uint64_t)json_int(seal, "count", 0), &head);
	snprintf(path, sizeof path, "%s/anchored", signed_keys.dir);
	if (io_read_file(path, 4096, &anchored, &e) != 0)
		fail_msg("%s", e.text);
	assert_string_equal(buf_str(&anchored), buf_str(&text));
	buf_fini(&text);
	buf_fini(&anchored);
	buf_fini(&line);
	test_console_close(ben);
	test_console_close(anna);
	test_broker_stop(&b);
}

static void
an_anchor_or_key_that_fails_stops_nothing(void **state)
{
	static const char *const anchors[] = { "anchor: [/bin/false]\n", "anchor: [/nonexistent]\n" };

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		struct test_broker_options o = { .limits = anchors[i] };
		struct test_broker b;
		struct test_console *ben, *anna;

		test_broker_start(&b, &o);
		signed_open(&b, "access: write\\nstage: production\\n", &ben, &anna);
		test_end(&b, ben);
		assert_string_equal(json_str(test_event(anna, "seal", 0), "anchor", NULL), "failed");
		assert_null(json_object_get(test_event(anna, "seal", 0), "sig"));
		test_console_close(ben);
		test_console_close(anna);
		test_broker_stop(&b);
	}
}

/* Each role and the two that answer once under users of their own; seal_key is the recorder's alone. */
static void
system_mode_signs_and_seals_too(void **state)
{
	struct test_broker_options o = { .anna = signed_keys.anna_yaml, .system_mode = true };
	struct test_broker b;
	struct test_console *ben, *anna;
	char limits[300];
	const struct passwd *pw;
	const json_t *seal;
	int64_t of;

	(void)state;
	if (geteuid() != 0) {
		print_message("# only root can start the broker in system mode\n");
		skip();
		return;
	}
	pw = getpwnam("bin");
	assert_int_equal(chmod(signed_keys.dir, 0755), 0);
	assert_int_equal(chown(signed_keys.seal, pw->pw_uid, pw->pw_gid), 0);
	snprintf(limits, sizeof limits, "seal_key: %s\nanchor: [/bin/true]\n", signed_keys.seal);
	o.limits = limits;
	test_broker_start(&b, &o);
	signed_open(&b, "access: write\\nstage: production\\nsigned: hardware\\n", &ben, &anna);
	of = test_request(ben, signed_update, "= 3");
	signed_refused(signed_with(&b, anna, of, signed_keys.kim, 0), "is not one of anna");
	assert_true(json_bool(signed_with(&b, anna, of, signed_keys.sk, 1), "ok"));
	test_event(ben, "committed", of);
	test_end(&b, ben);
	seal = test_event(anna, "seal", 0);
	assert_non_null(json_str(seal, "sig", NULL));
	assert_string_equal(json_str(seal, "anchor", NULL), "done");
	test_console_close(ben);
	test_console_close(anna);
	test_broker_stop(&b);
	assert_int_equal(chown(signed_keys.seal, geteuid(), getegid()), 0);
}

static void
a_seal_key_that_others_can_read_is_found_at_the_start(void **state)
{
	char program[1024], config[400];
	const char *top = getenv("top_builddir");
	const char *argv[] = { program, "--config", config, "--private", NULL };
	struct run r = { .argv = argv, .within_ms = TEST_DEADLINE_MS };
	struct test_broker b;
	struct buf said;
	struct err e = { .text = "" };

	(void)state;
	signed_start(&b, 0);
	snprintf(program, sizeof program, "%s/twokeyd", top != NULL ? top : ".");
	snprintf(config, sizeof config, "%s/twokeyd.yaml", b.dir);
	buf_init(&said, 4096);
	r.err = &said;
	assert_int_equal(chmod(signed_keys.seal, 0640), 0);
	if (run_program(&r, &e) != 0)
		fail_msg("%s", e.text);
	assert_int_equal(chmod(signed_keys.seal, 0600), 0);
	assert_int_equal(r.status, 2);
	assert_non_null(strstr(buf_str(&said), "seal_key"));
	buf_fini(&said);
	test_broker_stop(&b);
}

/* A process that kills the verifier once it has stopped at its fault point. */
static pid_t
kill_verifier(const struct test_broker *b)
{
	pid_t pid = fork(), verifier;

	if (pid != 0)
		return pid;
	while ((verifier = test_broker_role(b, "verify")) == 0)
		nanosleep(&(struct timespec){ 0, 5 * 1000 * 1000 }, NULL);
	kill(verifier, SIGKILL);
	_exit(0);
}

/* A verifier that says nothing: nobody else waits for it, nothing is allowed, and a denial still counts. */
static void
a_verifier_that_hangs_or_dies_allows_nothing(void **state)
{
	(void)state;
	for (size_t i = 0; i < 2; i++) {
		struct test_broker_options o = { .anna = signed_keys.anna_yaml, .fault = "verify.asked" };
		pid_t killer = 0;
		struct test_broker b;
		struct test_console *ben, *anna;
		int64_t of;

		test_broker_start(&b, &o);
		signed_open(&b, "access: write\\nstage: production\\n", &ben, &anna);
		of = test_request(ben, signed_update, "= 3");
		if (i == 1)
			killer = kill_verifier(&b);
		signed_refused(signed_with(&b, anna, of, signed_keys.anna, 0), i == 1 ? "died, so nothing" : "in time, so nothing");
		if (killer > 0)
			assert_int_equal(waitpid(killer, NULL, 0), killer);
		signed_not_run(&b, ben, of);
		test_send(anna, "{\"do\":\"deny\",\"of\":%lld,\"reason\":\"it cannot be verified\"}", (long long)of);
		assert_true(json_bool(test_answer(anna, "deny"), "ok"));
		test_event(ben, "denied", of);
		test_end(&b, ben);
		test_console_close(ben);
		test_console_close(anna);
		test_broker_stop(&b);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_registered_key_allows_and_stands_in_the_transcript),
		cmocka_unit_test(nothing_else_allows_for_a_person_with_keys),
		cmocka_unit_test(a_change_of_any_field_is_refused),
		cmocka_unit_test(a_ticket_may_ask_for_a_security_key_that_was_touched),
		cmocka_unit_test(a_ticket_may_ask_for_an_answer_from_another_host),
		cmocka_unit_test(the_time_of_a_touch_is_no_expiry),
		cmocka_unit_test(the_seal_is_signed_and_anchored),
		cmocka_unit_test(an_anchor_or_key_that_fails_stops_nothing),
		cmocka_unit_test(system_mode_signs_and_seals_too),
		cmocka_unit_test(a_seal_key_that_others_can_read_is_found_at_the_start),
		cmocka_unit_test(a_verifier_that_hangs_or_dies_allows_nothing),
	};

	return test_run_apart("signed", tests, sizeof tests / sizeof *tests, signed_setup, signed_teardown);
}
