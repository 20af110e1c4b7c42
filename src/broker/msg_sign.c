/* SPDX-License-Identifier: GPL-3.0-or-later */
/* An answer that is signed, in two steps. signing: what was typed is right and in time; the event brings nonce and time,
 * and is the head that goes into the text. allow with text and signature: the text must be the one that is built here from
 * the session's own state; whether the signature is good is found out on the way into the transcript (recorder_prove.c). */
#include "config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "twokey/base/buf.h"
#include "twokey/base/clock.h"
#include "twokey/base/err.h"
#include "twokey/base/json.h"
#include "twokey/base/must.h"
#include "twokey/transcript/answer.h"

#include "session.h"

bool
session_signs(const struct session *s, const char *person)
{
	const struct config_person *p = config_person(s->config, person);

	return s->ticket->signature != TICKET_SIGNED_NO || (p != NULL && p->nkeys > 0);
}

/* The digest of the line of event n, which has no bodies; false when the file does not give it. */
static bool
line_digest(const struct session *s, uint64_t n, struct digest *out)
{
	uint64_t from = n > 0 && n <= s->last ? s->ends[n - 1] : 0;
	size_t len = n > 0 && n <= s->last ? (size_t)(s->ends[n] - from) : 0;
	char *line;
	bool ok;

	if (len < 2 || len > TRANSCRIPT_EVENT_MAX + 1)
		return false;
	line = must_alloc(len);
	ok = pread(s->file, line, len, (off_t)from) == (ssize_t)len && line[len - 1] == '\n';
	if (ok)
		*out = digest_of(line, len - 1);
	free(line);
	return ok;
}

static void
signing_recorded(struct session *s, struct submission *sub, uint64_t n)
{
	struct gate_request *r = session_request(s, sub->of);
	struct signing *g = r != NULL ? &session_slot(s, r)->signing : NULL;

	if (g != NULL && n != 0 && line_digest(s, n, &g->head))
		g->n = n;
}

/* What both steps check of the message; false after an answer. */
static bool
take_key(struct message *m, struct gate_key *key, struct digest *digest, struct digest *bind)
{
	const char *hex;
	size_t n;

	hex = json_str(m->o, "digest", &n);
	if (!digest_parse(hex, n, digest)) {
		console_refuse(m->c, m->name, m->id, ERR_INVALID, "digest is 64 hex digits, from the request");
		return false;
	}
	hex = json_str(m->o, "bind", &n);
	if (!digest_parse(hex, n, bind)) {
		console_refuse(m->c, m->name, m->id, ERR_INVALID, "bind is 64 hex digits, from the sheet");
		return false;
	}
	*key = (struct gate_key){ .by = m->c->person, .side = m->c->side, .digest = digest, .bind = bind, .typed = json_str(m->o, "typed", NULL) };
	return true;
}

void
msg_signing(struct message *m)
{
	struct gate_request *r = msg_request(m);
	struct digest digest, bind;
	struct gate_key key;
	struct submission *sub;
	unsigned char random[16];
	char until[CLOCK_TEXT];
	struct signing *g;
	json_t *ev;
	struct err e;

	if (r == NULL || !msg_words_ok(m, "typed") || !take_key(m, &key, &digest, &bind))
		return;
	if (!session_signs(m->s, m->c->person)) {
		console_refuse(m->c, m->name, m->id, ERR_STATE, "no key of yours is registered with this broker, so nothing is signed; "
		    "send allow");
		return;
	}
	if (msg_may_turn(m, r, &e) != 0 || gate_request_signing(r, &key, clock_mono_ms(), &e) != 0) {
		console_refuse(m->c, m->name, m->id, e.code, e.text);
		return;
	}
	g = &session_slot(m->s, r)->signing;
	g->n = 0;
	random_bytes(random, sizeof random);
	for (size_t i = 0; i < sizeof random; i++)
		snprintf(g->nonce + 2 * i, 3, "%02x", random[i]);
	clock_format(clock_wall_us() + (r->sign_by_ms - clock_mono_ms()) * 1000, until);
	memcpy(g->until, until, sizeof g->until);
	ev = json_pack("{s:I, s:s, s:s, s:s}", "of", (json_int_t)r->n, "by", m->c->person, "nonce", g->nonce, "until", until);
	sub = session_record(m->s, TRANSCRIPT_EVENT_SIGNING, ev, NULL, 0);
	sub->console = m->c->id;
	sub->re = msg_name(m->name);
	sub->id = json_incref(m->id);
	sub->of = r->n;
	sub->then = signing_recorded;
}

/* The text that this person must have signed. */
static void
put_text(struct buf *out, struct session *s, const struct gate_request *r, const struct signing *g, const char *person,
    const char *typed)
{
	struct transcript_answer a = {
		.session = s->id, .ticket = s->ticket->id, .ticket_digest = s->ticket->digest, .request = r->n,
		.answer = r->held ? "keep" : r->rehearsal ? "rehearse" : "allow",
		.person = person, .statement = r->digest, .bind = r->bind, .keys = g->keys,
		.rows = { r->bound.op == GATE_OP_AT_MOST, r->bound.rows }, .typed = typed, .target = s->target,
		.identity = s->identity, .database = s->database, .role = s->role, .until = g->until, .nonce = g->nonce,
		.head = { g->n, g->head }
	};

	transcript_answer_put(out, &a);
}

/* The key of the first line of a that is another one in b. */
static void
first_difference(struct buf *a, const char *b, size_t n, char *out, size_t size)
{
	const char *s = buf_str(a);
	size_t len = buf_len(a), at = 0, line = 0;

	while (at < len && at < n && s[at] == b[at])
		if (s[at++] == '\n')
			line = at;
	snprintf(out, size, "%.*s", line < len ? (int)strcspn(s + line, ":\n") : 3, line < len ? s + line : "end");
}

/* On record, so the signature was good: it runs, unless something has come in between. */
static void
proven(struct session *s, struct submission *sub, uint64_t n)
{
	struct gate_request *r = session_request(s, sub->of);

	s->submitting = false;
	s->proving = 0;
	if (n == 0 || r == NULL || (r->state != GATE_STATE_ASKING && !r->held))
		return;
	if (r->held) {		/* on record before what has come in between, which the recorder then refuses: it is kept */
		(void)gate_request_turn(r, sub->by, sub->side);
		session_status(s);
		return;
	}
	session_pace_answered(s, r, sub->by);
	session_look_around(s);	/* the last second person may have gone while it was verified */
	if (s->state != SESSION_READY) {
		session_void(s, r, s->state == SESSION_ALONE ? "alone" : "paused");
		return;
	}
	if (gate_request_turn(r, sub->by, sub->side))
		session_run(s, r);
	else
		session_status(s);
}

static void
record_signed(struct message *m, struct gate_request *r, const struct signing *g)
{
	struct packet_body b[3];
	struct submission *sub;
	char head[DIGEST_HEX + 1];
	size_t n;
	const char *p;
	bool first = gate_request_needs_two(r);
	json_t *ev = first ? session_turned_event(r, m->c) : session_allowed_event(m->s, r, m->c->person);

	digest_hex(&g->head, head);
	must(json_object_set_new(ev, "head", json_string(head)) == 0 && json_object_set_new(ev, "nonce", json_string(g->nonce)) == 0);
	p = json_str(m->o, "typed", &n);
	packet_text_body(&b[0], "typed", p, n);
	p = json_str(m->o, "text", &n);
	packet_text_body(&b[1], "text", p, n);
	p = json_str(m->o, "signature", &n);
	packet_text_body(&b[2], "signature", p, n);
	m->s->submitting = true;
	m->s->proving = r->n;
	sub = session_record(m->s, first ? TRANSCRIPT_EVENT_TURNED : r->held ? TRANSCRIPT_EVENT_KEPT : TRANSCRIPT_EVENT_ALLOWED, ev, b, 3);
	snprintf(sub->by, sizeof sub->by, "%s", m->c->person);
	sub->side = m->c->side;
	sub->console = m->c->id;
	sub->re = msg_name(m->name);
	sub->id = json_incref(m->id);
	sub->of = r->n;
	sub->then = proven;
}

void
session_allow_signed(struct message *m, struct gate_request *r, const struct gate_key *key)
{
	const struct signing *g = &session_slot(m->s, r)->signing;
	const char *text, *signature;
	char line[64], why[240];
	struct buf want;
	size_t n, len;
	bool same;
	struct err e;

	text = json_str(m->o, "text", &n);
	signature = json_str(m->o, "signature", &len);
	if (text == NULL || signature == NULL) {
		console_refuse(m->c, m->name, m->id, ERR_DENIED, "this answer has to be signed: send \"signing\" first, then allow with "
		    "text and signature (doc/protocol.txt)");
		return;
	}
	if (n > TRANSCRIPT_ANSWER_MAX || len > TRANSCRIPT_SIGNATURE_MAX) {
		console_refuse(m->c, m->name, m->id, ERR_TOO_LARGE, "text or signature is longer than any of an answer");
		return;
	}
	if (gate_request_signed(r, key, clock_mono_ms(), &e) != 0) {
		console_refuse(m->c, m->name, m->id, e.code, e.text);
		return;
	}
	buf_init(&want, TRANSCRIPT_ANSWER_MAX);
	put_text(&want, m->s, r, g, m->c->person, key->typed);
	same = g->n != 0 && !buf_over(&want) && buf_len(&want) == n && memcmp(buf_data(&want), text, n) == 0;
	first_difference(&want, text, n, line, sizeof line);
	buf_fini(&want);
	if (same && msg_is_next(m, r, &e) != 0) {
		console_refuse(m->c, m->name, m->id, e.code, e.text);
		return;
	}
	if (same) {
		record_signed(m, r, g);
		return;
	}
	snprintf(why, sizeof why, "the text that was signed is not the one of this request: the line \"%s\" differs, so nothing was "
	    "allowed", line);
	console_refuse(m->c, m->name, m->id, ERR_DENIED, why);
}
