/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What recorder and db make of an answer by themselves, whatever session says. */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "broker/dbrole.h"
#include "broker/recorder.h"
#include "twokey/base/buf.h"
#include "twokey/transcript/answer.h"

/* db with one request on record, and the answer that fits it. */
struct world {
	struct dbrole d;
	struct db_pending q;
	struct transcript_answer a;
	json_t *signers;
	struct ticket ticket;
};

static struct world *
a_world(void)
{
	static char id[] = "MFX-1", target[] = "shop";
	struct world *w = calloc(1, sizeof *w);

	assert_non_null(w);
	w->signers = json_pack("[s]", "anna");
	w->d.tag = "s-1";
	w->d.signers = w->signers;
	w->ticket = (struct ticket){ .id = id, .target = target, .digest = digest_of("t", 1) };
	w->d.ticket = &w->ticket;
	strcpy(w->d.info.identity, "7301 timeline 1");
	strcpy(w->d.info.database, "shop");
	strcpy(w->d.info.role, "support");
	w->q = (struct db_pending){ .n = 17, .digest = digest_of("s", 1), .bind = digest_of("b", 1), .keys = digest_of("k", 1),
	    .rows = 3, .bounded = true, .has_sheet = true };
	w->a = (struct transcript_answer){ .session = "s-1", .ticket = "MFX-1", .ticket_digest = w->ticket.digest, .request = 17, .answer = "allow", .person = "anna",
	    .statement = w->q.digest, .bind = w->q.bind, .keys = w->q.keys, .rows = { false, 3 }, .typed = "orders 3",
	    .target = "shop", .identity = "7301 timeline 1", .database = "shop", .role = "support", .nonce = "n", .until = "u" };
	return w;
}

static void
drop(struct world *w)
{
	json_decref(w->signers);
	free(w);
}

/* The packet as db gets it; key NULL: without the recorder's mark; bodies: which of text (1) and signature (2). */
static struct packet
packet_of(const struct transcript_answer *a, const char *by, const char *key, int bodies)
{
	struct packet p = { .head = json_pack("{s:i, s:{s:s, s:s*, s:s*}}", "n", 23, "event", "ev", "allowed", "by", by, "key", key) };
	struct buf text;

	buf_init(&text, TRANSCRIPT_ANSWER_MAX);
	transcript_answer_put(&text, a);
	if (bodies & 1)
		packet_text_body(&p.b[p.nb++], "text", buf_data(&text), buf_len(&text));
	if (bodies & 2)
		packet_text_body(&p.b[p.nb++], "signature", "-----BEGIN", 10);
	buf_fini(&text);
	return p;
}

static bool
taken(const struct world *w, const char *by, const char *key, int bodies)
{
	struct packet p = packet_of(&w->a, by, key, bodies);
	struct db_answer want = { "allow", w->q.bind, w->q.at_most, w->q.rows };
	bool ok = dbrole_signature_ok(&w->d, &w->q, &want, &p);

	packet_clear(&p);
	return ok;
}

static void
db_takes_a_signed_answer_that_the_recorder_found_good(void **state)
{
	struct world *w = a_world();

	(void)state;
	assert_true(taken(w, "anna", "SHA256:x", 3));
	assert_false(taken(w, "anna", NULL, 3));
	assert_false(taken(w, "anna", "SHA256:x", 1));
	assert_false(taken(w, "anna", "SHA256:x", 2));
	assert_false(taken(w, "anna", "SHA256:x", 0));
	assert_false(taken(w, NULL, "SHA256:x", 3));
	/* the text of anna is none of kim's */
	w->q.must_sign = true;
	assert_false(taken(w, "kim", "SHA256:x", 3));
	drop(w);
}

static void
db_asks_for_a_signature_where_person_or_ticket_do(void **state)
{
	struct world *w = a_world();

	(void)state;
	assert_true(taken(w, "kim", NULL, 0));	/* no keys, and the ticket asks for nothing */
	assert_false(taken(w, "anna", NULL, 0));
	w->q.must_sign = true;
	assert_false(taken(w, "kim", NULL, 0));
	drop(w);
}

static void
db_compares_the_text_with_its_own_record(void **state)
{
	struct world *w = a_world();
	struct transcript_answer good = w->a;

	(void)state;
#define OTHER(change) do { \
	w->a = good; \
	change; \
	assert_false(taken(w, "anna", "SHA256:x", 3)); \
} while (0)
	OTHER(w->a.session = "s-2");
	OTHER(w->a.ticket = "MFX-2");
	OTHER(w->a.ticket_digest.b[0] ^= 1);
	OTHER(w->a.target = "staging");
	OTHER(w->a.request = 18);
	OTHER(w->a.answer = "deny");
	OTHER(w->a.person = "kim");
	OTHER(w->a.statement.b[0] ^= 1);
	OTHER(w->a.bind.b[0] ^= 1);
	OTHER(w->a.keys.b[0] ^= 1);
	OTHER(w->a.rows.rows = 4);
	OTHER(w->a.rows.at_most = true);
	OTHER(w->a.identity = "7301 timeline 2");
	OTHER(w->a.database = "shop2");
	OTHER(w->a.role = "postgres");
	w->a = good;
	assert_true(taken(w, "anna", "SHA256:x", 3));
	drop(w);
}

static void
the_recorder_wants_proof_where_person_or_ticket_do(void **state)
{
	static const struct {
		const char *wish, *by;
		int bodies;
		bool wants;
	} rows[] = {
		{ NULL, "kim", 0, true }, { "no", "kim", 1, true }, { "no", "kim", 2, true },
		{ "no", "kim", 0, false }, { "no", "anna", 0, true }, { "yes", "kim", 0, true }, { "hardware", "kim", 0, true },
		{ "what?", "kim", 0, true }, { "yes", NULL, 0, true },
	};
	struct world *w = a_world();

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct recorder r = { .signers = w->signers };
		struct packet p = packet_of(&w->a, rows[i].by, NULL, rows[i].bodies);
		json_t *begin = json_pack("{s:s*}", "signed", rows[i].wish), *later = json_pack("{s:s}", "signed", "no");

		recorder_note_begin(&r, begin);
		recorder_note_begin(&r, later);	/* a second beginning takes nothing back */
		assert_int_equal(recorder_wants_proof(&r, &p), rows[i].wants);
		json_decref(begin);
		json_decref(later);
		packet_clear(&p);
	}
	drop(w);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(db_takes_a_signed_answer_that_the_recorder_found_good),
		cmocka_unit_test(db_asks_for_a_signature_where_person_or_ticket_do),
		cmocka_unit_test(db_compares_the_text_with_its_own_record),
		cmocka_unit_test(the_recorder_wants_proof_where_person_or_ticket_do),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
