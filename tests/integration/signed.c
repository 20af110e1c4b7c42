/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Answers that are signed: the real broker, the real ssh-keygen, a security key of software. */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <cmocka.h>

#include "lib/broker.h"
#include "lib/keys.h"
#include "twokey/base/buf.h"
#include "twokey/base/clock.h"
#include "twokey/base/err.h"
#include "twokey/base/io.h"
#include "twokey/base/json.h"
#include "twokey/transcript/answer.h"
#include "twokey/transcript/reader.h"

static const char update[] = "UPDATE orders SET status = 'done' WHERE id IN (107, 207, 307)";

/* Keys of anna (two), kim, nobody; a security key of anna's; the broker's. */
static struct {
	char dir[64];
	char anna[100], second[100], kim[100], nobody[100], sk[100], seal[100];
	char anna_yaml[8192], kim_yaml[4096], limits[512];
} keys;

static void
key(char *path, const char *name, const char *type)
{
	snprintf(path, 100, "%s/%s", keys.dir, name);
	test_key(path, type);
}

static void
put_key(struct buf *out, const char *path)
{
	buf_puts(out, "\"");
	test_key_public(path, out);
	buf_puts(out, "\"");
}

static int
setup(void **state)
{
	struct buf b;

	(void)state;
	snprintf(keys.dir, sizeof keys.dir, "/tmp/twokey-keys-XXXXXX");
	assert_non_null(mkdtemp(keys.dir));
	key(keys.anna, "anna", "ed25519");
	key(keys.second, "second", "ecdsa");
	key(keys.kim, "kim", "ed25519");
	key(keys.nobody, "nobody", "ed25519");
	key(keys.sk, "sk", "ed25519-sk");
	key(keys.seal, "seal", "ed25519");
	buf_init(&b, 8192);
	buf_puts(&b, ", keys: [");
	put_key(&b, keys.anna);
	buf_puts(&b, ", ");
	put_key(&b, keys.second);
	buf_puts(&b, ", ");
	put_key(&b, keys.sk);
	buf_puts(&b, "]");
	snprintf(keys.anna_yaml, sizeof keys.anna_yaml, "%s", buf_str(&b));
	buf_reset(&b);
	buf_puts(&b, ", keys: [");
	put_key(&b, keys.kim);
	buf_puts(&b, "]");
	snprintf(keys.kim_yaml, sizeof keys.kim_yaml, "%s", buf_str(&b));
	buf_fini(&b);
	snprintf(keys.limits, sizeof keys.limits, "seal_key: %s\nanchor: [/bin/sh, -c, \"cat > %s/anchored\"]\n", keys.seal, keys.dir);
	return 0;
}

static int
teardown(void **state)
{
	char cmd[128];

	(void)state;
	snprintf(cmd, sizeof cmd, "rm -rf '%s'", keys.dir);
	return system(cmd);
}

static void
start(struct test_broker *b, unsigned request_seconds)
{
	struct test_broker_options o = { .anna = keys.anna_yaml, .kim = keys.kim_yaml, .limits = keys.limits,
	    .request_seconds = request_seconds };

	test_broker_start(b, &o);
}

/* Driver and confirmer under a ticket with these lines. */
static void
open_with(const struct test_broker *b, const char *lines, struct test_console **ben, struct test_console **anna)
{
	test_ticket_with(b, "MFX-1", lines);
	*ben = test_console(b, "ben");
	*anna = test_console(b, "anna");
	test_ok(*ben, "{\"do\":\"open\",\"ticket\":\"MFX-1\"}");
	test_event(*ben, "connected", 0);
	test_ok(*anna, "{\"do\":\"join\",\"ticket\":\"MFX-1\"}");
	test_event(*anna, "connected", 0);
}

static struct digest
digest_in(const json_t *ev, const char *name)
{
	struct digest d;
	size_t n;
	const char *hex = json_str(ev, name, &n);

	assert_true(hex != NULL && digest_parse(hex, n, &d));
	return d;
}

static struct digest
line_digest(const struct test_broker *b, uint64_t n)
{
	struct transcript_reader *r;
	char path[700];
	struct digest d;
	const char *line;
	size_t lines, len;

	test_transcript(b, path, sizeof path);
	r = transcript_reader_open(path, NULL);
	assert_non_null(r);
	lines = transcript_event_lines(r, n);
	assert_true(lines > 0);
	line = transcript_event_line(r, n, lines - 1, &len);
	d = digest_of(line, len);
	transcript_reader_close(r);
	return d;
}

/* Opens the request and says what is typed until the minimum time is over: the answer to "signing". */
static json_t *
begin_signing(struct test_console *anna, int64_t of, const char *typed)
{
	const json_t *sheet = test_event(anna, "sheet", of);
	char line[600];
	json_t *a;

	test_send(anna, "{\"do\":\"opened\",\"of\":%lld,\"last\":true}", (long long)of);
	assert_true(json_bool(test_answer(anna, "opened"), "ok"));
	snprintf(line, sizeof line, "{\"do\":\"signing\",\"of\":%lld,\"digest\":\"%s\",\"bind\":\"%s\",\"typed\":\"%s\"}", (long long)of,
	    json_str(test_event_n(anna, of), "digest", NULL), json_str(sheet, "bind", NULL), typed);
	for (;;) {
		test_send(anna, "%s", line);
		a = test_answer(anna, "signing");
		if (json_bool(a, "ok"))
			(void)test_event_n(anna, json_int(a, "n", 0));
		if (json_bool(a, "ok") || strstr(json_str(a, "why", NULL), "can be allowed") == NULL)
			return a;
		nanosleep(&(struct timespec){ 0, 200 * 1000 * 1000 }, NULL);
	}
}

/* The answer as anna knows it from the events. */
static struct transcript_answer
answer_of(const struct test_broker *b, struct test_console *anna, int64_t of, const char *typed)
{
	const json_t *begin = test_event_n(anna, 1), *request = test_event_n(anna, of), *sheet = test_event(anna, "sheet", of);
	const json_t *connected = test_event(anna, "connected", 0), *signing = NULL;

	for (size_t i = 0; i < json_array_size(anna->events); i++) {
		const json_t *ev = json_array_get(anna->events, i);

		if (strcmp(json_str(ev, "ev", NULL), "signing") == 0 && json_int(ev, "of", 0) == of)
			signing = ev;
	}
	assert_non_null(signing);
	return (struct transcript_answer){
		.session = json_str(begin, "session", NULL), .ticket = json_str(begin, "ticket", NULL),
		.ticket_digest = digest_in(begin, "digest"), .request = (uint64_t)of, .answer = "allow", .person = "anna",
		.statement = digest_in(request, "digest"), .bind = digest_in(sheet, "bind"), .keys = digest_in(sheet, "keys"),
		.rows = { json_str(request, "op", NULL) != NULL && strcmp(json_str(request, "op", NULL), "<=") == 0,
		    (uint64_t)(json_str(request, "op", NULL) != NULL ? json_int(request, "rows", 0) : json_int(sheet, "count", 0)) },
		.typed = typed, .target = json_str(begin, "target", NULL), .identity = json_str(connected, "identity", NULL),
		.database = json_str(connected, "database", NULL), .role = json_str(connected, "role", NULL),
		.until = json_str(signing, "until", NULL), .nonce = json_str(signing, "nonce", NULL),
		.head = { (uint64_t)json_int(signing, "n", 0), line_digest(b, (uint64_t)json_int(signing, "n", 0)) }
	};
}

static json_t *
send_allow(struct test_console *anna, int64_t of, const char *typed, const char *text, const char *signature)
{
	const json_t *sheet = test_event(anna, "sheet", of);
	json_t *o = json_pack("{s:s, s:I, s:s, s:s, s:s, s:s*, s:s*}", "do", "allow", "of", (json_int_t)of, "digest",
	    json_str(test_event_n(anna, of), "digest", NULL), "bind", json_str(sheet, "bind", NULL), "typed", typed, "text", text,
	    "signature", signature);
	char *line = json_dumps(o, JSON_COMPACT);

	test_send_bytes(anna, line, strlen(line));
	test_send_bytes(anna, "\n", 1);
	free(line);
	json_decref(o);
	return test_answer(anna, "allow");
}

/* Signs that text and sends it. */
static json_t *
allow_signed(struct test_console *anna, const struct transcript_answer *a, const char *path, int sk_flags)
{
	struct buf text, signature;
	json_t *re;

	buf_init(&text, TRANSCRIPT_ANSWER_MAX);
	buf_init(&signature, TRANSCRIPT_SIGNATURE_MAX);
	transcript_answer_put(&text, a);
	test_key_sign(path, TRANSCRIPT_ANSWER_NAMESPACE, buf_data(&text), buf_len(&text), sk_flags, &signature);
	re = send_allow(anna, (int64_t)a->request, a->typed, buf_str(&text), buf_str(&signature));
	buf_fini(&text);
	buf_fini(&signature);
	return re;
}

static void
refused_with(const json_t *re, const char *words)
{
	assert_false(json_bool(re, "ok"));
	if (strstr(json_str(re, "why", NULL), words) == NULL)
		fail_msg("\"%s\" does not say \"%s\"", json_str(re, "why", NULL), words);
}

/* Begins to sign and gives the answer with that key. */
static json_t *
answer_with(const struct test_broker *b, struct test_console *anna, int64_t of, const char *path, int sk_flags)
{
	struct transcript_answer a;

	assert_true(json_bool(begin_signing(anna, of, "orders 3"), "ok"));
	a = answer_of(b, anna, of, "orders 3");
	return allow_signed(anna, &a, path, sk_flags);
}

static void
not_run(const struct test_broker *b, struct test_console *c, int64_t of)
{
	assert_null(test_event_seen(c, "allowed", of));
	assert_null(test_event_seen(c, "run", of));
	assert_int_equal(test_shop_number(b, "SELECT count(*) FROM orders WHERE status = 'done'"), 0);
}

static void
a_registered_key_allows_and_stands_in_the_transcript(void **state)
{
	struct test_broker b;
	struct test_console *ben, *anna;
	const json_t *allowed, *begin;
	int64_t of;

	(void)state;
	start(&b, 0);
	open_with(&b, "access: write\\nstage: production\\n", &ben, &anna);
	begin = test_event_n(anna, 1);
	assert_string_equal(json_str(begin, "signed", NULL), "no");
	of = test_request(ben, update, "= 3");
	assert_true(json_bool(answer_with(&b, anna, of, keys.anna, 0), "ok"));
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
	start(&b, 0);
	open_with(&b, "access: write\\nstage: production\\n", &ben, &anna);
	of = test_request(ben, update, "= 3");
	refused_with(test_allow(anna, of, "orders 3"), "has to be signed");
	refused_with(begin_signing(anna, of, "orders 4"), "not what the sheet");
	refused_with(answer_with(&b, anna, of, keys.kim, 0), "is not one of anna");
	refused_with(answer_with(&b, anna, of, keys.nobody, 0), "is not one of anna");
	buf_init(&text, TRANSCRIPT_ANSWER_MAX);
	assert_true(json_bool(begin_signing(anna, of, "orders 3"), "ok"));
	a = answer_of(&b, anna, of, "orders 3");
	transcript_answer_put(&text, &a);
	refused_with(send_allow(anna, of, "orders 3", buf_str(&text), "-----BEGIN SSH SIGNATURE-----\nAAAA\n"
	    "-----END SSH SIGNATURE-----\n"), "the signature");
	/* it is used up */
	refused_with(allow_signed(anna, &a, keys.anna, 0), "did not begin to sign");
	not_run(&b, ben, of);
	/* a signature for one request is none for another */
	assert_true(json_bool(begin_signing(anna, of, "orders 3"), "ok"));
	a = answer_of(&b, anna, of, "orders 3");
	other = test_request(ben, update, "= 3");
	assert_true(json_bool(begin_signing(anna, other, "orders 3"), "ok"));
	buf_reset(&text);
	transcript_answer_put(&text, &a);
	{
		struct buf signature;

		buf_init(&signature, TRANSCRIPT_SIGNATURE_MAX);
		test_key_sign(keys.anna, TRANSCRIPT_ANSWER_NAMESPACE, buf_data(&text), buf_len(&text), 0, &signature);
		refused_with(send_allow(anna, other, "orders 3", buf_str(&text), buf_str(&signature)), "the line \"request\" differs");
		buf_fini(&signature);
	}
	not_run(&b, ben, other);
	/* and the first one still holds */
	assert_true(json_bool(allow_signed(anna, &a, keys.second, 0), "ok"));
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
	start(&b, 0);
	open_with(&b, "access: write\\nstage: production\\n", &ben, &anna);
#define TRY(field, key, change) do { \
	struct transcript_answer a; \
	if (tries++ % 5 == 0) { \
		if (of != 0) { \
			test_send(ben, "{\"do\":\"withdraw\",\"of\":%lld}", (long long)of); \
			assert_true(json_bool(test_answer(ben, "withdraw"), "ok")); \
		} \
		of = test_request(ben, update, "= 3"); \
	} \
	assert_true(json_bool(begin_signing(anna, of, "orders 3"), "ok")); \
	a = answer_of(&b, anna, of, "orders 3"); \
	change; \
	{ \
		struct buf t, s; \
		buf_init(&t, TRANSCRIPT_ANSWER_MAX); \
		buf_init(&s, TRANSCRIPT_SIGNATURE_MAX); \
		transcript_answer_put(&t, &a); \
		test_key_sign(keys.anna, TRANSCRIPT_ANSWER_NAMESPACE, buf_data(&t), buf_len(&t), 0, &s); \
		refused_with(send_allow(anna, of, "orders 3", buf_str(&t), buf_str(&s)), "the line \"" key "\" differs"); \
		buf_fini(&t); \
		buf_fini(&s); \
	} \
	not_run(&b, ben, of); \
} while (0)
#define TRY_TEXT(field, key) TRY(field, key, a.field = "another")
#define TRY_DIGEST(field, key) TRY(field, key, a.field.b[7] ^= 1)
#define TRY_NUMBER(field, key) TRY(field, key, a.field++)
#define TRY_ROWS(field, key) TRY(field, key, a.field.rows++); TRY(field, key, a.field.at_most = true)
#define TRY_HEAD(field, key) TRY(field, key, a.field.n--); TRY(field, key, a.field.digest = line_digest(&b, a.field.n - 1))
#define ANSWER(field, key, type, help) TRY_##type(field, key);
#include "twokey/transcript/answer.def"
#undef ANSWER
	assert_int_equal(tries, 20);
	test_end(&b, ben);
	test_console_close(ben);
	test_console_close(anna);
	test_broker_stop(&b);
}

static void
a_ticket_may_ask_for_a_security_key_that_was_touched(void **state)
{
	struct test_broker b;
	struct test_console *ben, *anna;
	const json_t *allowed;
	int64_t of;

	(void)state;
	start(&b, 0);
	open_with(&b, "access: write\\nstage: production\\nsigned: hardware\\nsigned_pin: yes\\n", &ben, &anna);
	assert_string_equal(json_str(test_event_n(anna, 1), "signed", NULL), "hardware");
	of = test_request(ben, update, "= 3");
	refused_with(answer_with(&b, anna, of, keys.anna, 0), "asks for a security key");
	refused_with(answer_with(&b, anna, of, keys.sk, 0), "nobody touched it");
	refused_with(answer_with(&b, anna, of, keys.sk, 4), "nobody touched it");
	refused_with(answer_with(&b, anna, of, keys.sk, 1), "PIN");
	not_run(&b, ben, of);
	assert_true(json_bool(answer_with(&b, anna, of, keys.sk, 5), "ok"));
	test_event(ben, "committed", of);
	allowed = test_event(ben, "allowed", of);
	assert_string_equal(json_str(allowed, "type", NULL), "sk-ssh-ed25519@openssh.com");
	assert_true(json_bool(allowed, "touch"));
	assert_true(json_bool(allowed, "pin"));
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
	start(&b, 5);
	open_with(&b, "access: write\\nstage: production\\n", &ben, &anna);
	of = test_request(ben, update, "= 3");
	assert_true(json_bool(begin_signing(anna, of, "orders 3"), "ok"));
	a = answer_of(&b, anna, of, "orders 3");
	/* until the clock of the request itself would have run out */
	assert_int_equal(clock_parse(json_str(test_event_n(anna, of), "until", NULL), strlen(json_str(test_event_n(anna, of), "until", NULL)),
	    &until), 0);
	while (clock_wall_us() < until + 2000000)
		nanosleep(&(struct timespec){ 0, 50 * 1000 * 1000 }, NULL);
	assert_null(test_event_seen(ben, "expired", of));
	assert_true(json_bool(allow_signed(anna, &a, keys.anna, 0), "ok"));
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
	start(&b, 0);
	open_with(&b, "access: write\\nstage: production\\n", &ben, &anna);
	test_end(&b, ben);
	seal = test_event(anna, "seal", 0);
	assert_non_null(json_str(seal, "sig", NULL));
	assert_string_equal(json_str(seal, "anchor", NULL), "done");
	head = digest_in(seal, "head");
	buf_init(&text, 4096);
	buf_init(&anchored, 4096);
	buf_init(&line, 8192);
	transcript_seal_put(&text, json_str(test_event_n(anna, 1), "session", NULL), (uint64_t)json_int(seal, "count", 0), &head);
	snprintf(path, sizeof path, "%s/anchored", keys.dir);
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
		open_with(&b, "access: write\\nstage: production\\n", &ben, &anna);
		test_end(&b, ben);
		assert_string_equal(json_str(test_event(anna, "seal", 0), "anchor", NULL), "failed");
		assert_null(json_object_get(test_event(anna, "seal", 0), "sig"));
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
		cmocka_unit_test(the_time_of_a_touch_is_no_expiry),
		cmocka_unit_test(the_seal_is_signed_and_anchored),
		cmocka_unit_test(an_anchor_or_key_that_fails_stops_nothing),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
