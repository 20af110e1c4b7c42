/* SPDX-License-Identifier: GPL-3.0-or-later */
/* db's own look at a signed answer. That the signature is good is the recorder's word (the field key, which nobody else
 * can write); what it is over is compared here with what db has on record itself. */
#include "config.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "twokey/base/clock.h"
#include "twokey/base/json.h"
#include "twokey/transcript/answer.h"

#include "dbrole.h"

enum { CLOCK_STEP_S = 5 };	/* the wall clock may be set back between session and db by so much */

static bool
is_signer(const struct dbrole *d, const char *person)
{
	const json_t *v;
	size_t i;

	json_array_foreach(d->signers, i, v)
		if (json_is_string(v) && strcmp(json_string_value(v), person) == 0)
			return true;
	return false;
}

struct text {
	const char *p;
	size_t n;
};

static bool
says_digest(const struct text *t, const char *key, const struct digest *d)
{
	char hex[DIGEST_HEX + 1];

	digest_hex(d, hex);
	return transcript_answer_says(t->p, t->n, key, hex);
}

static bool
says_number(const struct text *t, const char *key, const char *op, uint64_t value)
{
	char number[40];

	snprintf(number, sizeof number, "%s%" PRIu64, op, value);
	return transcript_answer_says(t->p, t->n, key, number);
}

static bool
is_about(const struct dbrole *d, const struct db_pending *q, const struct db_answer *want, const char *person,
    const struct text *t)
{
	return d->ticket != NULL && transcript_answer_says(t->p, t->n, "ticket", d->ticket->id) &&
	    says_digest(t, "ticket-digest", &d->ticket->digest) &&
	    transcript_answer_says(t->p, t->n, "target", d->ticket->target) &&
	    transcript_answer_says(t->p, t->n, "session", d->tag) && says_number(t, "request", "", q->n) &&
	    transcript_answer_says(t->p, t->n, "answer", want->answer) && transcript_answer_says(t->p, t->n, "person", person) &&
	    says_digest(t, "statement", &q->digest) && says_digest(t, "bind", &want->bind) && says_digest(t, "keys", &q->keys) &&
	    says_number(t, "rows", want->at_most ? "<= " : "= ", want->rows) &&
	    transcript_answer_says(t->p, t->n, "identity", d->info.identity) &&
	    transcript_answer_says(t->p, t->n, "database", d->info.database) &&
	    transcript_answer_says(t->p, t->n, "role", d->info.role);
}

bool
dbrole_signature_ok(const struct dbrole *d, const struct db_pending *q, const struct db_answer *want, const struct packet *p)
{
	const json_t *ev = json_object_get(p->head, "event");
	const char *person = json_str(ev, "by", NULL);
	json_t *text, *signature;
	struct text t;
	bool ok;

	if (person == NULL)
		return false;
	if (!q->must_sign && !is_signer(d, person))
		return true;
	text = packet_body(p, "text");
	signature = packet_body(p, "signature");
	t.p = json_str(text, "text", &t.n);
	ok = json_str(ev, "key", NULL) != NULL && json_str(signature, "text", NULL) != NULL && t.p != NULL &&
	    is_about(d, q, want, person, &t);
	json_decref(text);
	json_decref(signature);
	return ok;
}

bool
dbrole_answer_ok(const struct dbrole *d, const struct db_pending *q, const struct db_answer *want, const struct packet *p,
    int64_t *until_us)
{
	const json_t *ev = json_object_get(p->head, "event");
	size_t n;
	const char *until = json_str(ev, "until", &n);

	return dbrole_same(q, &want->bind, ev) && until != NULL &&
	    clock_parse(until, n, until_us) == 0 && dbrole_quorum_ok(d, q, ev) &&
	    *until_us <= clock_wall_us() + (GATE_RUN_WITHIN_S + CLOCK_STEP_S) * INT64_C(1000000) &&
	    dbrole_signature_ok(d, q, want, p);
}
