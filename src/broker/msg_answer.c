/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The second key: opened, allow, deny, ask, and the driver's withdraw and reply. */
#include "config.h"

#include <stdio.h>
#include <string.h>

#include "twokey/base/clock.h"
#include "twokey/base/err.h"
#include "twokey/base/json.h"
#include "twokey/base/must.h"

#include "session.h"

/* The request that the message names, or an answer that there is none. */
struct gate_request *
msg_request(struct message *m)
{
	struct gate_request *r = session_request(m->s, (uint64_t)json_int(m->o, "of", 0));

	if (r == NULL)
		console_refuse(m->c, m->name, m->id, ERR_NOT_FOUND,
		    "no request with that number waits; it was answered, withdrawn, or never asked");
	return r;
}

enum { WORDS_MAX = 4096 };

/* A reason of a megabyte would eat the room that is kept back for ending; false after an answer. */
bool
msg_words_ok(struct message *m, const char *member)
{
	size_t n = 0;

	(void)json_str(m->o, member, &n);
	if (n <= WORDS_MAX)
		return true;
	console_refuse(m->c, m->name, m->id, ERR_TOO_LARGE, "a reason, question or key has at most 4096 bytes");
	return false;
}

/* Records an event for the message's sender, who gets the answer. */
static void
record(struct message *m, enum transcript_event_kind kind, json_t *ev, const char *body, const char *member)
{
	struct packet_body b;
	struct submission *sub;
	const char *text = NULL;
	size_t n = 0;

	if (body != NULL)
		text = json_str(m->o, member, &n);
	if (text != NULL)
		packet_text_body(&b, body, text, n);
	sub = session_record(m->s, kind, ev, &b, text != NULL);
	sub->console = m->c->id;
	sub->re = msg_name(m->name);
	sub->id = json_incref(m->id);
}

static json_t *
of_by(const struct gate_request *r, const struct console *c)
{
	return json_pack("{s:I, s:s}", "of", (json_int_t)r->n, "by", c->person);
}

void
msg_opened(struct message *m)
{
	struct gate_request *r = msg_request(m);
	bool last = json_bool(m->o, "last");
	json_t *ev;
	struct err e;

	if (r == NULL)
		return;
	if (gate_request_opened(r, m->c->person, last, clock_mono_ms(), &e) != 0) {
		console_refuse(m->c, m->name, m->id, e.code, e.text);
		return;
	}
	ev = of_by(r, m->c);
	json_object_set_new(ev, "last", json_boolean(last));
	record(m, TRANSCRIPT_EVENT_OPENED, ev, NULL, NULL);
}

int
msg_may_turn(const struct message *m, const struct gate_request *r, struct err *e)
{
	const struct config_person *driver = config_person(m->s->config, r->by);
	const char *why = seats_host_refusal(m->s->ticket->answer_from, m->c->remote);

	if (driver == NULL)
		return err_set(e, ERR_DENIED, "the driver of this request is not in the configuration");
	if (m->c->json && !m->c->may_answer_json)
		return err_set(e, ERR_DENIED, "this person may not answer by --json (may_answer: json); "
		    "use the screen");
	if (why != NULL)
		return err_set(e, ERR_DENIED, "%s", why);
	if (gate_second_ok(m->s->ticket, r->by, driver->side, m->c->person, m->c->side, e) != 0)
		return e->code;
	return session_pace_may_answer(m->s, r, m->c->person, e);
}

int
msg_is_next(const struct message *m, const struct gate_request *r, struct err *e)
{
	for (size_t i = 0; i < SESSION_REQUESTS_MAX; i++) {
		const struct gate_request *o = m->s->slots[i].r;

		if (o != NULL && o->n != 0 && o->n < r->n && !gate_state_final(o->state))
			return err_set(e, ERR_STATE, "request %llu was asked before this one and waits; they are answered in order",
			    (unsigned long long)o->n);
	}
	return 0;
}

json_t *
session_allowed_event(const struct session *s, const struct gate_request *r, const char *person)
{
	char digest[DIGEST_HEX + 1], bind[DIGEST_HEX + 1], until[CLOCK_TEXT];
	int64_t until_us = clock_wall_us() + SESSION_RUN_WITHIN_S * INT64_C(1000000);

	digest_hex(&r->digest, digest);
	digest_hex(&r->bind, bind);
	if (until_us > s->ticket->expires_us)
		until_us = s->ticket->expires_us;	/* db does not run it after that either */
	clock_format(until_us, until);
	return json_pack("{s:I, s:s, s:s, s:s, s:s}", "of", (json_int_t)r->n, "by", person, "digest", digest, "bind", bind,
	    "until", until);
}

void
session_run(struct session *s, struct gate_request *r)
{
	char digest[DIGEST_HEX + 1], bind[DIGEST_HEX + 1];

	digest_hex(&r->digest, digest);
	digest_hex(&r->bind, bind);
	must(gate_step(&r->state, GATE_INPUT_EXECUTE));
	session_record(s, TRANSCRIPT_EVENT_RUN, json_pack("{s:I, s:s, s:s}", "of", (json_int_t)r->n,
	    "digest", digest, "bind", bind), NULL, 0);
	s->running = r->n;
	session_status(s);
}

json_t *
session_turned_event(const struct gate_request *r, const struct console *c)
{
	char digest[DIGEST_HEX + 1], bind[DIGEST_HEX + 1];

	digest_hex(&r->digest, digest);
	digest_hex(&r->bind, bind);
	return json_pack("{s:I, s:s, s:s, s:s, s:s}", "of", (json_int_t)r->n, "by", c->person,
	    "side", ticket_side_name(c->side), "digest", digest, "bind", bind);
}

/* allowed, then run: both in one go, so that nothing can come in between. What is held is kept; the first of two keys only goes on record. */
static void
turn(struct message *m, struct gate_request *r, bool first)
{
	bool held = r->state == GATE_STATE_KEEPING;
	json_t *ev = first ? session_turned_event(r, m->c) : session_allowed_event(m->s, r, m->c->person);
	unsigned char random[16];
	char nonce[33];

	random_bytes(random, sizeof random);
	for (size_t i = 0; i < sizeof random; i++)
		snprintf(nonce + 2 * i, 3, "%02x", random[i]);
	json_object_set_new(ev, "nonce", json_string(nonce));
	record(m, first ? TRANSCRIPT_EVENT_TURNED : held ? TRANSCRIPT_EVENT_KEPT : TRANSCRIPT_EVENT_ALLOWED, ev, "typed", "typed");
	session_pace_answered(m->s, r, m->c->person);
	if (!first && !held)
		session_run(m->s, r);
	else
		session_status(m->s);
}

void
msg_allow(struct message *m)
{
	struct gate_request *r = msg_request(m);
	struct gate_key key = { .by = m->c->person, .side = m->c->side, .typed = json_str(m->o, "typed", NULL) };
	struct digest digest, bind;
	struct gate_request after;
	const char *hex;
	struct err e;
	bool first;
	size_t n;

	if (r == NULL || !msg_words_ok(m, "typed"))
		return;
	hex = json_str(m->o, "digest", &n);
	if (!digest_parse(hex, n, &digest)) {
		console_refuse(m->c, m->name, m->id, ERR_INVALID, "digest is 64 hex digits, from the request");
		return;
	}
	hex = json_str(m->o, "bind", &n);
	if (!digest_parse(hex, n, &bind)) {
		console_refuse(m->c, m->name, m->id, ERR_INVALID, "bind is 64 hex digits, from the sheet");
		return;
	}
	key.digest = &digest;
	key.bind = &bind;
	if ((m->s->running != 0 && m->s->running != r->n) || m->s->submitting) {
		console_refuse(m->c, m->name, m->id, ERR_STATE, "a statement is running; wait for its end");
		return;
	}
	if (msg_may_turn(m, r, &e) == 0 && session_signs(m->s, m->c->person)) {
		session_allow_signed(m, r, &key);
		return;
	}
	first = gate_request_needs_two(r);
	after = *r;
	if (msg_may_turn(m, r, &e) != 0 || gate_request_allow(&after, &key, clock_mono_ms(), &e) != 0 ||
	    msg_is_next(m, r, &e) != 0) {
		console_refuse(m->c, m->name, m->id, e.code, e.text);
		return;
	}
	*r = after;
	turn(m, r, first);
}

/* Why nobody says no to it any more. */
static const char *
too_late(const struct gate_request *r)
{
	if (r->state == GATE_STATE_KEEPING)
		return "too late: the key that keeps it is turned, and it is being committed";
	if (r->state == GATE_STATE_EXECUTING)
		return "too late: the key is turned, and it runs";
	if (r->state == GATE_STATE_UNDOING)
		return "a no, or taking it back, is on its way already";
	return "it does not wait any more";
}

void
msg_deny(struct message *m)
{
	struct gate_request *r = msg_request(m);

	if (r == NULL || !msg_words_ok(m, "reason"))
		return;
	if (!gate_step(&r->state, GATE_INPUT_DENY)) {
		console_refuse(m->c, m->name, m->id, ERR_STATE, too_late(r));
		return;
	}
	record(m, TRANSCRIPT_EVENT_DENIED, of_by(r, m->c), "reason", "reason");
	session_pace_answered(m->s, r, m->c->person);
	session_sweep(m->s);
}

void
msg_withdraw(struct message *m)
{
	struct gate_request *r = msg_request(m);

	if (r == NULL)
		return;
	if (!gate_step(&r->state, GATE_INPUT_WITHDRAW)) {
		console_refuse(m->c, m->name, m->id, ERR_STATE, too_late(r));
		return;
	}
	record(m, TRANSCRIPT_EVENT_WITHDRAWN, of_by(r, m->c), NULL, NULL);
	session_sweep(m->s);
}

/* When the request lapses now, by the wall clock. */
static void
set_until(json_t *ev, const struct gate_request *r)
{
	char until[CLOCK_TEXT];

	clock_format(clock_wall_us() + (r->until_ms - clock_mono_ms()) * 1000, until);
	json_object_set_new(ev, "until", json_string(until));
}

void
msg_ask(struct message *m)
{
	struct gate_request *r = msg_request(m);
	json_t *ev;
	struct err e;

	if (r == NULL || !msg_words_ok(m, "text"))
		return;
	if (gate_request_asked(r, clock_mono_ms(), m->s->config->request_seconds, &e) != 0) {
		console_refuse(m->c, m->name, m->id, e.code, e.text);
		return;
	}
	ev = of_by(r, m->c);
	set_until(ev, r);
	record(m, TRANSCRIPT_EVENT_ASKED, ev, "text", "text");
}

void
msg_reply(struct message *m)
{
	struct gate_request *r = msg_request(m);
	json_t *ev;

	if (r == NULL || !msg_words_ok(m, "text"))
		return;
	ev = of_by(r, m->c);
	if (gate_request_replied(r, clock_mono_ms(), m->s->config->request_seconds))
		set_until(ev, r);
	record(m, TRANSCRIPT_EVENT_REPLIED, ev, "text", "text");
}
