/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the tests of signed answers share: keys of everybody, a broker that knows them, and each step of an answer. */
#include "config.h"

#include "signed_world.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <cmocka.h>

#include "lib/keys.h"
#include "twokey/base/buf.h"
#include "twokey/base/json.h"
#include "twokey/transcript/reader.h"

const char signed_update[] = "UPDATE orders SET status = 'done' WHERE id IN (107, 207, 307)";

/* Keys of anna (two), kim, nobody; two security keys of anna's; the broker's. */
struct signed_keys signed_keys;

static void
key(char *path, const char *name, const char *type)
{
	snprintf(path, 100, "%s/%s", signed_keys.dir, name);
	test_key(path, type);
}

static void
put_key(struct buf *out, const char *path)
{
	buf_puts(out, "\"");
	test_key_public(path, out);
	buf_puts(out, "\"");
}

int
signed_setup(void **state)
{
	struct buf b;

	(void)state;
	snprintf(signed_keys.dir, sizeof signed_keys.dir, "/tmp/twokey-keys-XXXXXX");
	assert_non_null(mkdtemp(signed_keys.dir));
	key(signed_keys.anna, "anna", "ed25519");
	key(signed_keys.second, "second", "ecdsa");
	key(signed_keys.kim, "kim", "ed25519");
	key(signed_keys.nobody, "nobody", "ed25519");
	key(signed_keys.sk, "sk", "ed25519-sk");
	key(signed_keys.sk_ecdsa, "sk_ecdsa", "ecdsa-sk");
	key(signed_keys.seal, "seal", "ed25519");
	buf_init(&b, 8192);
	buf_puts(&b, ", keys: [");
	put_key(&b, signed_keys.anna);
	buf_puts(&b, ", ");
	put_key(&b, signed_keys.second);
	buf_puts(&b, ", ");
	put_key(&b, signed_keys.sk);
	buf_puts(&b, ", ");
	put_key(&b, signed_keys.sk_ecdsa);
	buf_puts(&b, "]");
	snprintf(signed_keys.anna_yaml, sizeof signed_keys.anna_yaml, "%s", buf_str(&b));
	buf_reset(&b);
	buf_puts(&b, ", keys: [");
	put_key(&b, signed_keys.kim);
	buf_puts(&b, "]");
	snprintf(signed_keys.kim_yaml, sizeof signed_keys.kim_yaml, "%s", buf_str(&b));
	buf_fini(&b);
	snprintf(signed_keys.limits, sizeof signed_keys.limits, "seal_key: %s\nanchor: [/bin/sh, -c, \"cat > %s/anchored\"]\n", signed_keys.seal, signed_keys.dir);
	return 0;
}

int
signed_teardown(void **state)
{
	char cmd[128];

	(void)state;
	snprintf(cmd, sizeof cmd, "rm -rf '%s'", signed_keys.dir);
	return system(cmd);
}

void
signed_start(struct test_broker *b, unsigned request_seconds)
{
	struct test_broker_options o = { .anna = signed_keys.anna_yaml, .kim = signed_keys.kim_yaml, .limits = signed_keys.limits,
	    .request_seconds = request_seconds };

	test_broker_start(b, &o);
}

/* Driver and confirmer under a ticket with these lines. */
void
signed_open(const struct test_broker *b, const char *lines, struct test_console **ben, struct test_console **anna)
{
	test_ticket_with(b, "MFX-1", lines);
	*ben = test_console(b, "ben");
	*anna = test_console(b, "anna");
	test_ok(*ben, "{\"do\":\"open\",\"ticket\":\"MFX-1\"}");
	test_event(*ben, "connected", 0);
	test_ok(*anna, "{\"do\":\"join\",\"ticket\":\"MFX-1\"}");
	test_event(*anna, "connected", 0);
}

struct digest
signed_digest(const json_t *ev, const char *name)
{
	struct digest d;
	size_t n;
	const char *hex = json_str(ev, name, &n);

	assert_true(hex != NULL && digest_parse(hex, n, &d));
	return d;
}

struct digest
signed_line(const struct test_broker *b, uint64_t n)
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

/* What the answer is about: what is held, else the sheet. */
static const json_t *
shown(struct test_console *c, int64_t of)
{
	const json_t *held = test_event_seen(c, "held", of);

	return held != NULL ? held : test_event(c, "sheet", of);
}

/* Opens the request and says what is typed until the minimum time is over: the answer to "signing". */
json_t *
signed_begin(struct test_console *anna, int64_t of, const char *typed)
{
	const json_t *sheet = shown(anna, of);
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
struct transcript_answer
signed_answer(const struct test_broker *b, struct test_console *anna, int64_t of, const char *typed)
{
	const json_t *begin = test_event_n(anna, 1), *request = test_event_n(anna, of), *sheet = test_event(anna, "sheet", of);
	const json_t *connected = test_event(anna, "connected", 0), *held = test_event_seen(anna, "held", of), *signing = NULL;
	struct transcript_answer a;

	for (size_t i = 0; i < json_array_size(anna->events); i++) {
		const json_t *ev = json_array_get(anna->events, i);

		if (strcmp(json_str(ev, "ev", NULL), "signing") == 0 && json_int(ev, "of", 0) == of)
			signing = ev;
	}
	assert_non_null(signing);
	a = (struct transcript_answer){
		.session = json_str(begin, "session", NULL), .ticket = json_str(begin, "ticket", NULL),
		.ticket_digest = signed_digest(begin, "digest"), .request = (uint64_t)of, .answer = "allow", .person = "anna",
		.statement = signed_digest(request, "digest"), .bind = signed_digest(sheet, "bind"), .keys = signed_digest(sheet, "keys"),
		.rows = { json_str(request, "op", NULL) != NULL && strcmp(json_str(request, "op", NULL), "<=") == 0,
		    (uint64_t)(json_str(request, "op", NULL) != NULL ? json_int(request, "rows", 0) : json_int(sheet, "count", 0)) },
		.typed = typed, .target = json_str(begin, "target", NULL), .identity = json_str(connected, "identity", NULL),
		.database = json_str(connected, "database", NULL), .role = json_str(connected, "role", NULL),
		.until = json_str(signing, "until", NULL), .nonce = json_str(signing, "nonce", NULL),
		.head = { (uint64_t)json_int(signing, "n", 0), signed_line(b, (uint64_t)json_int(signing, "n", 0)) }
	};
	if (held != NULL) {
		a.answer = "keep";
		a.bind = signed_digest(held, "bind");
		a.rows = (struct transcript_answer_rows){ false, (uint64_t)json_int(held, "affected", 0) };
	}
	return a;
}

json_t *
signed_send(struct test_console *anna, int64_t of, const char *typed, const char *text, const char *signature)
{
	const json_t *sheet = shown(anna, of);
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
json_t *
signed_allow(struct test_console *anna, const struct transcript_answer *a, const char *path, int sk_flags)
{
	struct buf text, signature;
	json_t *re;

	buf_init(&text, TRANSCRIPT_ANSWER_MAX);
	buf_init(&signature, TRANSCRIPT_SIGNATURE_MAX);
	transcript_answer_put(&text, a);
	test_key_sign(path, TRANSCRIPT_ANSWER_NAMESPACE, buf_data(&text), buf_len(&text), sk_flags, &signature);
	re = signed_send(anna, (int64_t)a->request, a->typed, buf_str(&text), buf_str(&signature));
	buf_fini(&text);
	buf_fini(&signature);
	return re;
}

void
signed_refused(const json_t *re, const char *words)
{
	assert_false(json_bool(re, "ok"));
	if (strstr(json_str(re, "why", NULL), words) == NULL)
		fail_msg("\"%s\" does not say \"%s\"", json_str(re, "why", NULL), words);
}

/* Begins to sign and gives the answer with that key. */
json_t *
signed_with(const struct test_broker *b, struct test_console *anna, int64_t of, const char *path, int sk_flags)
{
	struct transcript_answer a;

	assert_true(json_bool(signed_begin(anna, of, "orders 3"), "ok"));
	a = signed_answer(b, anna, of, "orders 3");
	return signed_allow(anna, &a, path, sk_flags);
}

void
signed_not_run(const struct test_broker *b, struct test_console *c, int64_t of)
{
	assert_null(test_event_seen(c, "allowed", of));
	assert_null(test_event_seen(c, "run", of));
	assert_int_equal(test_shop_number(b, "SELECT count(*) FROM orders WHERE status = 'done'"), 0);
}
