/* SPDX-License-Identifier: GPL-3.0-or-later */
/* An answer of somebody who signs is recorded only when its signature is good: the recorder is the way into db, so what
 * db hears has been verified (law 4). What the session sends meanwhile waits behind it, and everything stays in order; but
 * what takes the request back ends the wait: the answer is refused then, for nothing was kept or run by it yet. */
#include "config.h"

#include <event2/event.h>
#include <string.h>
#include <unistd.h>

#include "twokey/base/buf.h"
#include "twokey/base/digest.h"
#include "twokey/base/err.h"
#include "twokey/base/json.h"
#include "twokey/base/must.h"
#include "twokey/ticket/words.h"
#include "twokey/transcript/answer.h"

#include "oneshot.h"
#include "recorder.h"
#include "role.h"

enum { WITHIN_S = 10, BEHIND_MAX = 256 };

/* What the session sent behind an answer that waits. */
struct behind {
	struct packet p;
	struct behind *next;
};

/* The answer that waits; at most one. */
struct proof {
	struct recorder *r;
	struct packet p;
	struct channel *role;
	struct event *timer;
	bool asked;		/* a verifier is on its way */
	struct behind *first, **last;
	unsigned nbehind;
};

bool
recorder_is_ticket(const struct recorder *r, const struct packet *p)
{
	const char *hex = json_str(json_object_get(p->head, "event"), "digest", NULL);
	json_t *body = packet_body(p, "ticket");
	char is[DIGEST_HEX + 1] = "";
	struct digest sum;
	const char *text;
	size_t n;

	if (r->ticket == NULL) {	/* db, which is not told either, then takes no change */
		json_decref(body);
		return true;
	}
	text = json_str(body, "text", &n);
	if (text != NULL) {
		sum = digest_of(text, n);
		digest_hex(&sum, is);
	}
	json_decref(body);
	return hex != NULL && strcmp(hex, r->ticket) == 0 && strcmp(is, r->ticket) == 0;
}

void
recorder_note_begin(struct recorder *r, const json_t *ev)
{
	const char *word = json_str(ev, "signed", NULL);
	enum ticket_signed wish = TICKET_SIGNED_HARDWARE;	/* also for a word that is not known, or none */

	if (r->signed_wish != NULL)
		return;		/* what the first line says stays */
	(void)ticket_signed_parse(word, &wish);
	r->signed_wish = ticket_signed_name(wish);
	r->signed_pin = json_bool(ev, "pin");
}

static bool
has_keys(const struct recorder *r, const char *person)
{
	const json_t *v;
	size_t i;

	json_array_foreach(r->signers, i, v)
		if (person != NULL && json_is_string(v) && strcmp(json_string_value(v), person) == 0)
			return true;
	return false;
}

static bool
is_signed(const struct packet *p)
{
	json_t *text = packet_body(p, "text"), *signature = packet_body(p, "signature");
	bool both = text != NULL || signature != NULL;

	json_decref(text);
	json_decref(signature);
	return both;
}

bool
recorder_wants_proof(const struct recorder *r, const struct packet *p)
{
	const json_t *ev = json_object_get(p->head, "event");

	return is_signed(p) || has_keys(r, json_str(ev, "by", NULL)) ||
	    r->signed_wish == NULL || strcmp(r->signed_wish, ticket_signed_name(TICKET_SIGNED_NO)) != 0;
}

/* In order; the next answer that is signed has the rest behind itself. */
static void
take_behind(struct recorder *r, struct behind *b)
{
	while (b != NULL) {
		struct behind *next = b->next;

		recorder_take_packet(r, &b->p);
		packet_clear(&b->p);
		free(b);
		b = next;
	}
}

/* The answer is recorded, or refused, and then what came behind it. What fails here is no failure of the transcript, so
 * the code is never one that says so (session_record.c ends the session then). */
static void
settle(struct recorder *r, const char *why, int code)
{
	struct proof *f = r->proof;
	struct behind *behind = f->first;

	r->proof = NULL;
	r->stale += f->asked;
	if (why != NULL)
		recorder_tell_session(r, json_pack("{s:s, s:s, s:s}", "do", "refused", "code", err_name(code), "why", why), NULL, 0);
	else
		recorder_take_event(r, &f->p);
	packet_clear(&f->p);
	channel_close(f->role);
	event_free(f->timer);
	free(f);
	take_behind(r, behind);
	if (r->session != NULL && (r->proof == NULL || r->proof->nbehind <= BEHIND_MAX))
		channel_hold(r->session, false);
}

/* What says that the request is not to be run or kept; of what is held, also that nothing is now (what is not held yet is
 * run by the session, which knows it). */
static bool
takes_back(const struct proof *f, const struct packet *p)
{
	static const char *const names[] = { "denied", "withdrawn", "void", "expired", "cancel" };
	const json_t *ev = json_object_get(p->head, "event");
	const char *name = json_str(ev, "ev", NULL);

	if (name == NULL)
		return false;
	if (strcmp(name, "paused") == 0)
		return f->r->held != 0;
	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
		if (strcmp(name, names[i]) == 0)
			return json_int(ev, "of", 0) == json_int(json_object_get(f->p.head, "event"), "of", -1);
	return false;
}

bool
recorder_waits_behind(struct recorder *r, struct packet *p)
{
	struct behind *b;

	if (r->proof != NULL && takes_back(r->proof, p))
		settle(r, "it was taken back, or the session paused, before the signature was verified, so this answer does not count",
		    ERR_STATE);
	if (r->proof == NULL)
		return false;
	b = must_zalloc(sizeof *b);
	b->p = *p;
	*p = (struct packet){ 0 };
	*r->proof->last = b;
	r->proof->last = &b->next;
	if (++r->proof->nbehind > BEHIND_MAX && r->session != NULL)
		channel_hold(r->session, true);
	return true;
}

void
recorder_prove_lost(struct recorder *r)
{
	while (r->proof != NULL)
		settle(r, "the session is gone", ERR_CLOSED);
}

/* What the verifier found stands in the event; session cannot write these fields (recorder.c). */
static bool
take_proof(struct proof *f, const json_t *said)
{
	static const char *const fields[] = { "key", "type", "touch", "pin" };
	json_t *ev = json_object_get(f->p.head, "event");

	if (!json_bool(said, "ok") || json_str(said, "key", NULL) == NULL)
		return false;
	for (size_t i = 0; i < sizeof fields / sizeof fields[0]; i++)
		if (json_object_get(said, fields[i]) != NULL)
			must(json_object_set(ev, fields[i], json_object_get(said, fields[i])) == 0);
	return true;
}

static bool
on_line(void *ctx, struct channel *c, const char *line, size_t n)
{
	struct proof *f = ctx;
	json_t *said = json_line_parse(line, n, NULL);
	const char *why = json_str(said, "why", NULL), *code = json_str(said, "code", NULL);
	char text[320];

	(void)c;
	strncpy(text, why != NULL ? why : "the signature could not be verified", sizeof text - 1);
	text[sizeof text - 1] = '\0';
	if (take_proof(f, said))
		settle(f->r, NULL, 0);
	else
		settle(f->r, text, code != NULL && strcmp(code, err_name(ERR_INVALID)) == 0 ? ERR_INVALID : ERR_DENIED);
	json_decref(said);
	return true;
}

static void
on_closed(void *ctx, struct channel *c)
{
	struct proof *f = ctx;

	(void)c;
	f->role = NULL;
	settle(f->r, "the process that verifies signatures died, so nothing was allowed; try again", ERR_STATE);
}

static void
on_timer(evutil_socket_t fd, short what, void *arg)
{
	struct proof *f = arg;

	(void)fd;
	(void)what;
	settle(f->r, "the signature was not verified in time, so nothing was allowed; try again", ERR_STATE);
}

void
recorder_prove(struct recorder *r, struct packet *p)
{
	struct monitor_msg m = { .op = MONITOR_VERIFY };
	const char *by = json_str(json_object_get(p->head, "event"), "by", NULL);
	struct timeval limit = { WITHIN_S, 0 };
	struct err e;

	must(r->proof == NULL);
	r->proof = must_zalloc(sizeof *r->proof);
	r->proof->r = r;
	r->proof->p = *p;
	*p = (struct packet){ 0 };
	r->proof->timer = evtimer_new(r->base, on_timer, r->proof);
	r->proof->last = &r->proof->first;
	event_add(r->proof->timer, &limit);
	strncpy(m.person, by != NULL ? by : "", sizeof m.person - 1);
	if (!is_signed(&r->proof->p))
		settle(r, "an answer that allows is signed by who gives it: the person has keys, or the ticket asks for it", ERR_DENIED);
	else if (monitor_send(ROLE_FD_MONITOR, &m, -1, &e) != 0)
		settle(r, "the broker starts no process to verify the signature, so nothing was allowed", ERR_STATE);
	else
		r->proof->asked = true;
}

/* Text and signature of the answer as the verifier's question; NULL when a body is none. */
static json_t *
question(const struct recorder *r)
{
	json_t *text = packet_body(&r->proof->p, "text"), *signature = packet_body(&r->proof->p, "signature"), *q = NULL;

	if (json_str(text, "text", NULL) != NULL && json_str(signature, "text", NULL) != NULL)
		q = json_pack("{s:O, s:O, s:s, s:b}", "text", json_object_get(text, "text"), "signature",
		    json_object_get(signature, "text"), "signed", r->signed_wish != NULL ? r->signed_wish :
		    ticket_signed_name(TICKET_SIGNED_HARDWARE), "pin", (int)r->signed_pin);
	json_decref(text);
	json_decref(signature);
	return q;
}

void
recorder_prove_fd(struct recorder *r, int fd)
{
	static const struct channel_ops ops = { on_line, on_closed, NULL };
	json_t *q = NULL;

	if (r->stale > 0) {	/* it knows the keys of whoever was asked for then: not necessarily of this one */
		r->stale--;
		if (fd >= 0)
			close(fd);
		return;
	}
	if (r->proof != NULL && r->proof->role == NULL) {
		r->proof->asked = false;
		q = question(r);
	}
	if (q == NULL || fd < 0) {
		if (fd >= 0)
			close(fd);
		json_decref(q);
		if (r->proof != NULL && r->proof->role == NULL)
			settle(r, "the signature could not be verified: this broker knows no key of that person", ERR_DENIED);
		return;
	}
	r->proof->role = channel_open(r->base, fd, ONESHOT_LINE_MAX, 2 * TRANSCRIPT_LINE_MAX, &ops, r->proof);
	channel_send_json(r->proof->role, q, -1);
}
