/* SPDX-License-Identifier: GPL-3.0-or-later */
/* twokey verify --signers on what a broker has written, on what somebody made of it, and the same by hand. */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "forge.h"
#include "lib/beside.h"
#include "lib/keys.h"
#include "people_world.h"
#include "signed_world.h"
#include "twokey/base/buf.h"
#include "twokey/base/err.h"
#include "twokey/base/io.h"
#include "twokey/base/json.h"
#include "twokey/base/run.h"

enum { PATIENCE_MS = 60000, TEXT_MAX = 8192 };

/* One sealed session with a signed answer, kept beside the keys. */
static char transcript[128];

static int
setup(void **state)
{
	struct test_broker b;
	struct test_console *ben, *anna;
	char cmd[1200], path[700];
	int64_t of;

	signed_setup(state);
	signed_start(&b, 0);
	signed_open(&b, "access: write\\nstage: production\\nsigned: yes\\n", &ben, &anna);
	of = test_request(ben, signed_update, "<= 5");
	assert_true(json_bool(signed_begin(anna, of, "orders <=5"), "ok"));
	{
		struct transcript_answer a = signed_answer(&b, anna, of, "orders <=5");

		assert_true(json_bool(signed_allow(anna, &a, signed_keys.anna, 0), "ok"));
	}
	test_event(ben, "committed", of);
	test_end(&b, ben);
	test_transcript(&b, path, sizeof path);
	snprintf(transcript, sizeof transcript, "%s/t.jsonl", signed_keys.dir);
	snprintf(cmd, sizeof cmd, "cp '%s' '%s'", path, transcript);
	assert_int_equal(system(cmd), 0);
	test_console_close(ben);
	test_console_close(anna);
	test_broker_stop(&b);
	return 0;
}

/* DIR/signers: anna with that key (options in front), the broker with that one. */
static void
write_signers(const char *options, const char *anna, const char *broker, char *path, size_t size)
{
	struct buf b;

	buf_init(&b, 16384);
	buf_putf(&b, "anna %s ", options);
	test_key_public(anna, &b);
	if (broker != NULL) {
		buf_puts(&b, "\nbroker namespaces=\"seal@twokey\" ");
		test_key_public(broker, &b);
	}
	buf_puts(&b, "\n");
	snprintf(path, size, "%s/signers", signed_keys.dir);
	assert_int_equal(io_write_file(path, 0600, buf_data(&b), buf_len(&b), NULL), 0);
	buf_fini(&b);
}

/* The exit of twokey verify; what it printed has these words. */
static int
verify(const char *file, const char *signers, const char *words)
{
	char program[1024];
	const char *top = getenv("top_builddir");
	const char *argv[] = { program, "verify", "--signers", signers, file, NULL };
	struct buf out;
	struct run r = { .argv = argv, .out = &out, .within_ms = PATIENCE_MS };
	struct err e = { .text = "" };

	snprintf(program, sizeof program, "%s/twokey", top != NULL ? top : ".");
	buf_init(&out, 65536);
	if (run_program(&r, &e) != 0)
		fail_msg("%s", e.text);
	if (strstr(buf_str(&out), words) == NULL)
		fail_msg("\"%s\" is not in: %s", words, buf_str(&out));
	buf_fini(&out);
	return r.status;
}

static const char good_options[] = "namespaces=\"answer@twokey\"";

static void
answer_and_seal_are_good_for_the_right_keys_only(void **state)
{
	char signers[128];

	(void)state;
	write_signers(good_options, signed_keys.anna, signed_keys.seal, signers, sizeof signers);
	assert_int_equal(verify(transcript, signers, "1 of 1 answers signed and good; the seal: good"), 0);
	write_signers(good_options, signed_keys.kim, signed_keys.seal, signers, sizeof signers);
	assert_int_equal(verify(transcript, signers, "is not one of anna"), 1);
	write_signers(good_options, signed_keys.anna, signed_keys.nobody, signers, sizeof signers);
	assert_int_equal(verify(transcript, signers, "the seal: bad"), 1);
	write_signers(good_options, signed_keys.anna, NULL, signers, sizeof signers);
	assert_int_equal(verify(transcript, signers, "the seal: bad"), 1);
	write_signers("namespaces=\"seal@twokey\"", signed_keys.anna, signed_keys.seal, signers, sizeof signers);
	assert_int_equal(verify(transcript, signers, "is not one of anna"), 1);
	assert_int_equal(verify(transcript, "/nonexistent", ""), 2);
}

/* What is held is kept by a signature of its own, over the real effect; the first one is none for it. */
static void
what_was_kept_is_signed_and_verified_too(void **state)
{
	struct test_broker b;
	struct test_console *ben, *anna;
	struct transcript_answer a, again;
	char signers[128], path[700];
	int64_t of;

	(void)state;
	signed_start(&b, 0);
	signed_open(&b, "access: write\\nstage: production\\nsigned: yes\\nhold: always\\n", &ben, &anna);
	of = test_request(ben, signed_update, "<= 5");
	assert_true(json_bool(signed_begin(anna, of, "orders <=5"), "ok"));
	a = signed_answer(&b, anna, of, "orders <=5");
	assert_true(json_bool(signed_allow(anna, &a, signed_keys.anna, 0), "ok"));
	test_event(anna, "held", of);
	signed_refused(test_keep(anna, of, "keep orders 3"), "has to be signed");
	assert_true(json_bool(signed_begin(anna, of, "keep orders 3"), "ok"));
	again = signed_answer(&b, anna, of, "keep orders 3");
	assert_string_equal(again.answer, "keep");
	again.answer = "allow";
	signed_refused(signed_allow(anna, &again, signed_keys.anna, 0), "the line \"answer\" differs");
	assert_true(json_bool(signed_begin(anna, of, "keep orders 3"), "ok"));
	again = signed_answer(&b, anna, of, "keep orders 3");
	again.bind = a.bind;
	signed_refused(signed_allow(anna, &again, signed_keys.anna, 0), "the line \"bind\" differs");
	assert_true(json_bool(signed_begin(anna, of, "keep orders 3"), "ok"));
	again = signed_answer(&b, anna, of, "keep orders 3");
	assert_true(json_bool(signed_allow(anna, &again, signed_keys.anna, 0), "ok"));
	test_event(ben, "committed", of);
	assert_non_null(json_object_get(test_event(ben, "kept", of), "key"));
	test_end(&b, ben);
	test_transcript(&b, path, sizeof path);
	write_signers(good_options, signed_keys.anna, signed_keys.seal, signers, sizeof signers);
	assert_int_equal(verify(path, signers, "2 of 2 answers signed and good; the seal: good"), 0);
	test_console_close(ben);
	test_console_close(anna);
	test_broker_stop(&b);
}

static void
a_key_counts_as_of_the_event(void **state)
{
	char signers[128];

	(void)state;
	write_signers("valid-before=\"20200101Z\"", signed_keys.anna, signed_keys.seal, signers, sizeof signers);
	assert_int_equal(verify(transcript, signers, "is not one of anna"), 1);
	write_signers("valid-after=\"20200101Z\"", signed_keys.anna, signed_keys.seal, signers, sizeof signers);
	assert_int_equal(verify(transcript, signers, "signed and good"), 0);
}

static bool
set_body(const char *ev, const char *wanted, json_t *body, const char *kind, const char *text)
{
	if (body == NULL || strcmp(ev, wanted) != 0 || strcmp(json_str(body, "k", NULL), kind) != 0)
		return false;
	return json_object_set_new(body, "text", json_string(text)) == 0;
}

static bool
set_field(const char *ev, const char *wanted, json_t *fields, const json_t *body, const char *key, json_t *v)
{
	if (body != NULL || strcmp(ev, wanted) != 0) {
		json_decref(v);
		return false;
	}
	return json_object_set_new(fields, key, v) == 0;
}

/* A field of an event, as a string; with "ev" another event stands there. */
static const struct field {
	const char *ev, *key, *value;
	const char *words;
} fields_changed[] = {
	{ "connected", "database", "production", "not what the events" },
	{ "signing", "until", "2030-01-01T00:00:00.000000Z", "not what the events" },
	{ "allowed", "by", "kim", "not what the events" },
	{ "allowed", "key", "SHA256:another", "the event names another key" },
	{ "allowed", "nonce", "00112233445566778899aabbccddeeff", "no signing of this nonce" },
	{ "begin", "quorum", "both_sides", "the event says quorum: both_sides, and the ticket in it 1" },
	{ "begin", "signed", "no", "the event says signed: no, and the ticket in it yes" },
	{ "allowed", "ev", "noted", "it ran, and no answer that stood then allowed it" },
	{ "opened", "ev", "run", "it ran, and no answer that stood then allowed it" },
	{ "committing", "ev", "run", "it ran, and no answer that stood then allowed it" },
	{ "run", "ev", "denied", "it was committed, and no answer that stood then allowed it" },
	{ "run", "digest", "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff", "what ran is not what was allowed" },
}, *field;

static bool
other_field(const char *ev, json_t *fields, json_t *body)
{
	return set_field(ev, field->ev, fields, body, field->key, json_string(field->value));
}

static bool
other_statement(const char *ev, json_t *fields, json_t *body)
{
	(void)fields;
	return set_body(ev, "request", body, "sql", "DELETE FROM orders");
}

static bool
other_typed(const char *ev, json_t *fields, json_t *body)
{
	(void)fields;
	return set_body(ev, "allowed", body, "typed", "orders 3");
}

static bool
other_bound(const char *ev, json_t *fields, json_t *body)
{
	return set_field(ev, "request", fields, body, "rows", json_integer(500));
}

static bool
other_signature(const char *ev, json_t *fields, json_t *body)
{
	(void)fields;
	return set_body(ev, "allowed", body, "signature", "-----BEGIN SSH SIGNATURE-----");
}

static bool
one_key(const char *ev, json_t *fields, json_t *body)
{
	return set_field(ev, "begin", fields, body, "quorum", json_string("1"));
}

static bool
with_pin(const char *ev, json_t *fields, json_t *body)
{
	json_t *last = body == NULL ? json_incref(json_object_get(fields, "b")) : NULL;

	if (!set_field(ev, "begin", fields, body, "pin", json_true())) {
		json_decref(last);
		return false;
	}
	json_object_del(fields, "b");
	return json_object_set_new(fields, "b", last) == 0;	/* the bodies stand last */
}

static bool
put_from(json_t *fields)
{
	json_t *last = json_incref(json_object_get(fields, "b"));

	json_object_set_new(fields, "answer_from", json_string("other_host"));
	json_object_del(fields, "b");
	return json_object_set_new(fields, "b", last) == 0;
}

static bool
from_elsewhere(const char *ev, json_t *fields, json_t *body)
{
	return body == NULL && strcmp(ev, "begin") == 0 && put_from(fields);
}

/* The ticket asks for it, and the session's fields say the same. */
static bool
stricter_ticket(const char *ev, json_t *fields, json_t *body)
{
	char hex[DIGEST_HEX + 1], text[TEXT_MAX];
	struct digest d;

	if (body == NULL || strcmp(ev, "begin") != 0 || strcmp(json_str(body, "k", NULL), "ticket") != 0)
		return false;
	snprintf(text, sizeof text, "%sanswer_from: other_host\n", json_str(body, "text", NULL));
	json_object_set_new(body, "text", json_string(text));
	d = digest_of(text, strlen(text));
	digest_hex(&d, hex);
	json_object_set_new(fields, "digest", json_string(hex));
	return put_from(fields);
}

static bool
anna_from_elsewhere(const char *ev, json_t *fields, json_t *body)
{
	const char *by = json_str(fields, "by", NULL);

	return by != NULL && strcmp(by, "anna") == 0 && set_field(ev, "joined", fields, body, "remote", json_true());
}

static bool
other_seats(const char *ev, json_t *fields, json_t *body)
{
	json_t *o;
	size_t i;

	if (body != NULL || strcmp(ev, "begin") != 0)
		return false;
	json_array_foreach(json_object_get(fields, "people"), i, o)
		json_object_set_new(o, "seat", json_string("confirmer"));
	return true;
}

/* The ticket without what it asks for; the session's fields say the same. */
static bool
laxer_ticket(const char *ev, json_t *fields, json_t *body)
{
	const char *was = json_str(body, "text", NULL);
	char *text, *line;

	if (body == NULL || strcmp(ev, "begin") != 0 || strcmp(json_str(body, "k", NULL), "ticket") != 0)
		return false;
	text = strdup(was);
	line = strstr(text, "signed: yes");
	assert_non_null(line);
	memcpy(line, "signed: no ", 11);
	json_object_set_new(body, "text", json_string(text));
	json_object_set_new(fields, "signed", json_string("no"));
	free(text);
	return true;
}

/* The same, and its digest. */
static bool
laxer_ticket_and_digest(const char *ev, json_t *fields, json_t *body)
{
	char hex[DIGEST_HEX + 1];
	const char *text;
	struct digest d;
	size_t n;

	if (!laxer_ticket(ev, fields, body))
		return false;
	text = json_str(body, "text", &n);
	d = digest_of(text, n);
	digest_hex(&d, hex);
	json_object_set_new(fields, "digest", json_string(hex));
	return true;
}

static bool
no_ticket_at_all(const char *ev, json_t *fields, json_t *body)
{
	(void)fields;
	return set_body(ev, "begin", body, "ticket", "ceci n'est pas un ticket: [");
}

static bool
other_first_key(const char *ev, json_t *fields, json_t *body)
{
	(void)fields;
	return set_body(ev, "turned", body, "signature", "-----BEGIN SSH SIGNATURE-----");
}

static bool
first_of_the_driver(const char *ev, json_t *fields, json_t *body)
{
	return set_field(ev, "turned", fields, body, "by", json_string("ben"));
}

static bool
other_first_statement(const char *ev, json_t *fields, json_t *body)
{
	return set_field(ev, "turned", fields, body, "bind",
	    json_string("00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"));
}

static void
found_out(forge_fn *change, const char *signers, const char *words)
{
	char file[128];

	snprintf(file, sizeof file, "%s/rewritten", signed_keys.dir);
	forge_transcript(transcript, file, change);
	assert_int_equal(verify(file, signers, words), 1);
	assert_int_equal(verify(file, signers, "sealed and intact"), 1);	/* the chain alone does not show it */
	assert_int_equal(verify(file, signers, "the seal: bad"), 1);
}

static void
a_rewritten_transcript_is_found_out(void **state)
{
	static const struct {
		forge_fn *change;
		const char *words;
	} rows[] = {
		{ other_statement, "is not the one that was signed" },
		{ other_bound, "not what the events of this transcript say" }, { other_typed, "not what the events" },
		{ other_signature, "the signature is no armoured text" }, { with_pin, "the event says signed_pin: yes" },
		{ laxer_ticket, "not the one whose digest the event names" }, { no_ticket_at_all, "not the one whose digest" },
		{ laxer_ticket_and_digest, "not what the events of this transcript say" },
		{ from_elsewhere, "the event says answer_from: other_host, and the ticket in it anywhere" },
		{ stricter_ticket, "the ticket asks for an answer from another host, and no event joined says that anna came from one" },
		{ other_seats, "another seat for ben than" },
	};
	char signers[128];

	(void)state;
	write_signers(good_options, signed_keys.anna, signed_keys.seal, signers, sizeof signers);
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
		found_out(rows[i].change, signers, rows[i].words);
	for (size_t i = 0; i < sizeof fields_changed / sizeof fields_changed[0]; i++) {
		field = &fields_changed[i];
		found_out(other_field, signers, field->words);
	}
}

/* What else is wrong with it is that it was written anew: where she came from is not. */
static void
who_came_from_another_host_counts_where_the_ticket_asks(void **state)
{
	char signers[128], file[128], first[128];

	(void)state;
	write_signers(good_options, signed_keys.anna, signed_keys.seal, signers, sizeof signers);
	snprintf(first, sizeof first, "%s/elsewhere-1", signed_keys.dir);
	snprintf(file, sizeof file, "%s/elsewhere-2", signed_keys.dir);
	forge_transcript(transcript, first, stricter_ticket);
	forge_transcript(first, file, anna_from_elsewhere);
	assert_int_equal(verify(file, signers, "the text that was signed is not what the events of this transcript say"), 1);
}

static void
what_was_taken_out_cannot_be_checked(void **state)
{
	static const char *const kinds[] = { "text", "signature", "typed" };
	char signers[128], cmd[600], file[128];

	(void)state;
	write_signers(good_options, signed_keys.anna, signed_keys.seal, signers, sizeof signers);
	snprintf(file, sizeof file, "%s/redacted", signed_keys.dir);
	for (size_t i = 0; i < 3; i++) {
		snprintf(cmd, sizeof cmd, "grep -v '^{\"s\":\"[0-9a-f]*\",\"of\":[0-9]*,\"k\":\"%s\"' '%s' > '%s'", kinds[i], transcript, file);
		assert_int_equal(system(cmd), 0);
		assert_int_equal(verify(file, signers, "cannot be checked"), 1);
	}
	/* what the ticket asks is then the word of the event alone */
	snprintf(cmd, sizeof cmd, "grep -v '^{\"s\":\"[0-9a-f]*\",\"of\":1,\"k\":\"ticket\"' '%s' > '%s'", transcript, file);
	assert_int_equal(system(cmd), 0);
	assert_int_equal(verify(file, signers, "the ticket's text is not in the file"), 0);
	/* rows and the statement itself are not needed */
	snprintf(cmd, sizeof cmd, "grep -v '^{\"s\":\"[0-9a-f]*\",\"of\":[0-9]*,\"k\":\"sql\"' '%s' > '%s'", transcript, file);
	assert_int_equal(system(cmd), 0);
	assert_int_equal(verify(file, signers, "signed and good; the seal: good"), 0);
}

/* Turns the key of that person over the three rows. */
static void
turn(const struct test_broker *b, struct test_console *c, const char *person, const char *key, int64_t of)
{
	struct transcript_answer a;

	assert_true(json_bool(signed_begin(c, of, "orders 3"), "ok"));
	a = signed_answer(b, c, of, "orders 3");
	a.person = person;
	assert_true(json_bool(signed_allow(c, &a, key, 0), "ok"));
}

/* A sealed session with a key of both sides, as DIR/two.jsonl. */
static void
write_two_keys(char *file, size_t size)
{
	struct test_broker b;
	struct test_console *ben, *anna, *kim;
	char cmd[1200], path[700];
	int64_t of;

	signed_start(&b, 0);
	people_ticket(&b, "MFX-1", "quorum: both_sides\\nsigned: yes");
	ben = people_join(&b, "ben", "MFX-1");
	test_event(ben, "account", 0);
	anna = people_join(&b, "anna", "MFX-1");
	kim = people_join(&b, "kim", "MFX-1");
	of = test_request(ben, signed_update, "= 3");
	turn(&b, kim, "kim", signed_keys.kim, of);
	test_event(ben, "turned", of);
	turn(&b, anna, "anna", signed_keys.anna, of);
	test_event(ben, "committed", of);
	test_end(&b, ben);
	test_transcript(&b, path, sizeof path);
	snprintf(file, size, "%s/two.jsonl", signed_keys.dir);
	snprintf(cmd, sizeof cmd, "cp '%s' '%s'", path, file);
	assert_int_equal(system(cmd), 0);
	test_console_close(ben);
	test_console_close(anna);
	test_console_close(kim);
	test_broker_stop(&b);
}

/* The second key alone is no quorum: what is wrong with the first one is wrong with the answer. */
static void
both_of_two_keys_have_to_be_good(void **state)
{
	static const struct {
		forge_fn *change;
		const char *words;
	} rows[] = {
		{ one_key, "the event says quorum: 1, and the ticket in it both_sides" }, { other_first_key, "no good one of the other" },
		{ first_of_the_driver, "no good one of the other" }, { other_first_statement, "no good one of the other" },
	};
	char signers[128], file[128], two[128];
	struct buf b;

	(void)state;
	write_two_keys(two, sizeof two);
	buf_init(&b, 16384);
	write_signers(good_options, signed_keys.anna, signed_keys.seal, signers, sizeof signers);
	assert_int_equal(io_read_file(signers, 16384, &b, NULL), 0);
	buf_puts(&b, "kim ");
	test_key_public(signed_keys.kim, &b);
	buf_puts(&b, "\n");
	assert_int_equal(io_write_file(signers, 0600, buf_data(&b), buf_len(&b), NULL), 0);
	buf_fini(&b);
	assert_int_equal(verify(two, signers, "2 of 2 answers signed and good; the seal: good"), 0);
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		snprintf(file, sizeof file, "%s/two-%zu", signed_keys.dir, i);
		forge_transcript(two, file, rows[i].change);
		assert_int_equal(verify(file, signers, rows[i].words), 1);
		assert_int_equal(verify(file, signers, "sealed and intact"), 1);
	}
}

/* The commands of doc/transcript.txt. */
static void
ssh_keygen_alone_says_the_same(void **state)
{
	static const char script[] = "set -e; cd '%s'; T=t.jsonl; N=$(grep '\"ev\":\"allowed\"' $T | jq .n)\n"
	    "grep \"\\\"of\\\":$N,\\\"k\\\":\\\"text\\\"\" $T | jq -j .text > text\n"
	    "grep \"\\\"of\\\":$N,\\\"k\\\":\\\"signature\\\"\" $T | jq -j .text > sig\n"
	    "ssh-keygen -Y verify -f signers -I anna -n answer@twokey -Overify-time=$(date -u +%%Y%%m%%d%%H%%M%%S)Z -s sig < text\n"
	    "! (cat text; echo) | ssh-keygen -Y verify -f signers -I anna -n answer@twokey -s sig 2>/dev/null\n"
	    "tail -n 1 $T | jq -j .sig > sig\n"
	    "(echo 'twokey: seal 1'; echo 'namespace: seal@twokey'; head -n 2 $T | jq -r 'select(.ev==\"begin\")|\"session: \"+.session'\n"
	    " tail -n 1 $T | jq -r '\"events: \\(.count)\\nhead: \\(.head)\"') |\n"
	    "  ssh-keygen -Y verify -f signers -I broker -n seal@twokey -s sig\n";
	char command[2048], signers[128];

	(void)state;
	if (system("command -v jq > /dev/null") != 0) {
		skip();
		return;
	}
	write_signers(good_options, signed_keys.anna, signed_keys.seal, signers, sizeof signers);
	snprintf(command, sizeof command, script, signed_keys.dir);
	assert_int_equal(system(command), 0);
}

static void
it_is_told_as_json_too(void **state)
{
	char signers[128], cmd[2048];

	(void)state;
	write_signers(good_options, signed_keys.anna, signed_keys.seal, signers, sizeof signers);
	snprintf(cmd, sizeof cmd, "'%s/twokey' verify --json --signers '%s' '%s' | grep -q '\"signatures\":{\"answers\":1,\"good\":1,"
	    "\"plain\":0,\"failed\":0,\"seal\":\"good\",\"ticket\":\"good\",\"failures\":\\[\\]}'", getenv("top_builddir"), signers, transcript);
	assert_int_equal(system(cmd), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(answer_and_seal_are_good_for_the_right_keys_only),
		cmocka_unit_test(what_was_kept_is_signed_and_verified_too),
		cmocka_unit_test(a_key_counts_as_of_the_event),
		cmocka_unit_test(a_rewritten_transcript_is_found_out),
		cmocka_unit_test(who_came_from_another_host_counts_where_the_ticket_asks),
		cmocka_unit_test(what_was_taken_out_cannot_be_checked),
		cmocka_unit_test(both_of_two_keys_have_to_be_good),
		cmocka_unit_test(ssh_keygen_alone_says_the_same),
		cmocka_unit_test(it_is_told_as_json_too),
	};

	return test_run_apart("signed_verify", tests, sizeof tests / sizeof *tests, setup, signed_teardown);
}
