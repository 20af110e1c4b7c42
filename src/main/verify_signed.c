/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The text of each answer is built anew from the events, and must be the one that was signed. */
#include "config.h"

#include "verify_signed.h"

#include <errno.h>
#include <stdarg.h>
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
#include "twokey/transcript/limit.h"
#include "twokey/transcript/line.h"
#include "twokey/transcript/reader.h"
#include "twokey/transcript/sshsig.h"

#include "verify_steps.h"
#include "verify_ticket.h"

enum { WITHIN_MS = 20000 };

/* A request, and what was said of it before it was answered. */
struct request {
	uint64_t n;
	json_t *event, *sheet, *signing, *held;
	json_t *turned;		/* the first of two keys, when all of it is as it should be */
	struct digest head;	/* of the line of signing */
	struct steps steps;
};

struct check {
	struct transcript_reader *file;
	const char *signers;
	struct signed_report *r;
	json_t *begin, *connected;
	json_t *from;		/* people in a seat: true when the event joined says that they came from another host */
	struct ticket_terms terms;
	struct request *requests;
	size_t nrequests;
	/* the event in hand */
	uint64_t n;
	json_t *ev;
	bool kept;		/* it is kept, not allowed */
};

bool
signed_all_good(const struct signed_report *r)
{
	return r->failed == 0 && r->ticket != SIGNED_TICKET_BAD && r->seal == SIGNED_SEAL_GOOD;
}

const char *
signed_seal_name(enum signed_seal s)
{
	static const char *const names[] = { "good", "not signed", "bad", "missing" };

	return names[s];
}

const char *
signed_ticket_name(enum signed_ticket t)
{
	static const char *const names[] = { "missing", "good", "bad" };

	return names[t];
}

static void fail(struct check *c, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
static void
fail(struct check *c, const char *fmt, ...)
{
	struct signed_report *r = c->r;
	va_list ap;

	if (r->nfailures == SIGNED_FAILURES_MAX)
		return;
	va_start(ap, fmt);
	vsnprintf(r->failures[r->nfailures].why, sizeof r->failures[0].why, fmt, ap);
	va_end(ap);
	r->failures[r->nfailures++].n = c->n;
}

static void
set(json_t **place, json_t *v)
{
	json_decref(*place);
	*place = json_incref(v);
}

static struct request *
request_of(struct check *c)
{
	uint64_t of = (uint64_t)json_int(c->ev, "of", 0);

	for (size_t i = 0; i < c->nrequests; i++)
		if (c->requests[i].n == of)
			return &c->requests[i];
	return NULL;
}

/* The body of that kind of event n, NULL when it is not in the file. */
static json_t *
body_of(const struct check *c, uint64_t n, const char *kind)
{
	size_t lines = transcript_event_lines(c->file, n), len, k = strlen(kind);
	struct transcript_line scan;

	for (size_t i = 0; i + 1 < lines; i++) {
		const char *line = transcript_event_line(c->file, n, i, &len);

		if (line == NULL)
			continue;
		transcript_line_scan(line, len, &scan);
		if (scan.type == TRANSCRIPT_LINE_BODY && scan.k_len == k && memcmp(scan.k, kind, k) == 0)
			return json_line_parse(line, len, NULL);
	}
	return NULL;
}

/* Its text as bytes; false when it is not there. */
static bool
text_of(const struct check *c, uint64_t n, const char *kind, struct buf *out)
{
	json_t *body = body_of(c, n, kind);
	bool ok = body != NULL && json_get_bytes(body, "text", out) == 0;

	json_decref(body);
	return ok;
}

/* The event says that it has such a body. */
static bool
names_body(const struct check *c, const char *kind)
{
	const json_t *v;
	size_t i;

	json_array_foreach(json_object_get(c->ev, "b"), i, v) {
		const char *k = json_str(v, "k", NULL);

		if (k != NULL && strcmp(k, kind) == 0)
			return true;
	}
	return false;
}

static bool
is_asked(const struct check *c, const char *person)
{
	const json_t *v;
	size_t i;

	if (c->terms.asks)
		return true;
	json_array_foreach(json_object_get(c->begin, "people"), i, v) {
		const char *name = json_str(v, "person", NULL);

		if (name != NULL && strcmp(name, person) == 0 && json_array_size(json_object_get(v, "keys")) > 0)
			return true;
	}
	return false;
}

static bool
digest_field(const json_t *o, const char *key, struct digest *out)
{
	size_t n;
	const char *hex = json_str(o, key, &n);

	return hex != NULL && digest_parse(hex, n, out);
}

/* A change set is bound part by part: what was given, else what was counted; all together. */
static bool
set_rows(const struct request *q, const json_t *bounds, struct transcript_answer_rows *out)
{
	const json_t *v;
	size_t i;

	json_array_foreach(bounds, i, v) {
		const json_t *count = json_array_get(json_object_get(q->sheet, "counts"), i);
		const char *s = json_string_value(v);	/* "= 3", "<= 500" or "" */

		if (s == NULL || (s[0] == '\0' && !json_is_integer(count)))
			return false;
		out->at_most = out->at_most || s[0] == '<';
		out->rows += s[0] != '\0' ? strtoull(s + strcspn(s, "0123456789"), NULL, 10) :
		    (uint64_t)json_integer_value(count);
	}
	return true;
}

/* How many rows the answer is about. */
static bool
rows_of(const struct check *c, const struct request *q, struct transcript_answer_rows *out)
{
	const json_t *bounds = json_object_get(q->event, "bounds");
	const char *op = json_str(q->event, "op", NULL);
	int64_t rows = op != NULL ? json_int(q->event, "rows", -1) : json_int(q->sheet, "count", -1);

	*out = (struct transcript_answer_rows){ false, 0 };
	if (!c->kept && bounds != NULL)
		return set_rows(q, bounds, out);
	out->at_most = !c->kept && op != NULL && strcmp(op, "<=") == 0;
	if (c->kept)
		rows = json_int(q->held, "affected", -1);
	out->rows = (uint64_t)rows;
	return rows >= 0;
}

/* The text as the events say it. */
static bool
put_expected(const struct check *c, const struct request *q, const char *typed, struct buf *out)
{
	struct transcript_answer a = { .session = json_str(c->begin, "session", NULL), .ticket = json_str(c->begin, "ticket", NULL),
	    .request = q->n, .answer = c->kept ? "keep" : json_bool(q->event, "rehearsal") ? "rehearse" : "allow", .person = json_str(c->ev, "by", NULL),
	    .typed = typed,
	    .target = json_str(c->begin, "target", NULL), .identity = json_str(c->connected, "identity", NULL),
	    .database = json_str(c->connected, "database", NULL), .role = json_str(c->connected, "role", NULL),
	    .until = json_str(q->signing, "until", NULL), .nonce = json_str(q->signing, "nonce", NULL),
	    .head = { (uint64_t)json_int(q->signing, "n", 0), q->head } };

	if (!rows_of(c, q, &a.rows) || c->connected == NULL || !digest_field(c->begin, "digest", &a.ticket_digest) ||
	    !digest_field(q->event, "digest", &a.statement) || !digest_field(c->kept ? q->held : q->sheet, "bind", &a.bind) ||
	    !digest_field(q->sheet, "keys", &a.keys))
		return false;
	transcript_answer_put(out, &a);
	return !buf_over(out);
}

/* The bytes that the digest speaks of are those of the transcript. */
static bool
statement_ok(struct check *c, const struct request *q)
{
	struct digest is, said;
	struct buf sql;
	bool ok = true;

	buf_init(&sql, TRANSCRIPT_LINE_MAX);
	if (text_of(c, q->n, "sql", &sql)) {
		is = digest_of(buf_data(&sql), buf_len(&sql));
		ok = digest_field(q->event, "digest", &said) && digest_equal(&is, &said);
	}
	buf_fini(&sql);
	if (!ok)
		fail(c, "the statement of request %llu is not the one that was signed", (unsigned long long)q->n);
	return ok;
}

static bool
text_ok(struct check *c, const struct request *q, struct buf *text)
{
	struct buf want, typed;
	bool ok = false;

	buf_init(&want, TRANSCRIPT_ANSWER_MAX);
	buf_init(&typed, TRANSCRIPT_ANSWER_MAX);
	if (!text_of(c, c->n, "typed", &typed))
		fail(c, "what was typed is not in the file, so the answer cannot be checked");
	else if (!put_expected(c, q, buf_str(&typed), &want))
		fail(c, "the events before it do not say all that an answer is made of");
	else if (buf_len(&want) != buf_len(text) || memcmp(buf_data(&want), buf_data(text), buf_len(text)) != 0)
		fail(c, "the text that was signed is not what the events of this transcript say");
	else
		ok = true;
	buf_fini(&want);
	buf_fini(&typed);
	return ok;
}

static int64_t
time_of(const json_t *ev)
{
	int64_t us = 0;
	size_t n;
	const char *t = json_str(ev, "t", &n);

	return t != NULL && clock_parse(t, n, &us) == 0 ? us : 1;
}

static bool
signature_ok(struct check *c, struct buf *text, struct buf *signature)
{
	struct sshsig_wish w = { .signer = json_str(c->ev, "by", NULL), .namespace = TRANSCRIPT_ANSWER_NAMESPACE,
	    .signers = c->signers, .at_us = time_of(c->ev), .within_ms = WITHIN_MS };
	const char *key = json_str(c->ev, "key", NULL);
	struct sshsig s;
	struct err e;

	if (sshsig_verify(&w, buf_data(text), buf_len(text), buf_data(signature), buf_len(signature), &s, &e) != 0)
		fail(c, "%s", e.text);
	else if (key == NULL || strcmp(key, s.key.fingerprint) != 0)
		fail(c, "it was signed by %s, and the event names another key", s.key.fingerprint);
	else if (c->terms.hardware && (!s.hardware || !s.touch || (c->terms.pin && !s.pin)))
		fail(c, "the ticket asks for a security key that was touched%s, and the signature does not say so",
		    c->terms.pin ? " and asked for its PIN" : "");
	else
		return true;
	return false;
}

static bool
answer_ok(struct check *c)
{
	const struct request *q = request_of(c);
	const char *nonce = json_str(c->ev, "nonce", NULL), *made = q != NULL ? json_str(q->signing, "nonce", NULL) : NULL;
	struct buf text, signature;
	bool ok = false;

	buf_init(&text, TRANSCRIPT_LINE_MAX);
	buf_init(&signature, TRANSCRIPT_LINE_MAX);
	if (!text_of(c, c->n, "text", &text) || !text_of(c, c->n, "signature", &signature))
		fail(c, "text and signature are not both in the file (a redacted copy?), so the answer cannot be checked");
	else if (q == NULL || q->sheet == NULL || nonce == NULL || made == NULL || strcmp(nonce, made) != 0)
		fail(c, "no request and no signing of this nonce stand before it");
	else
		ok = statement_ok(c, q) && text_ok(c, q, &text) && signature_ok(c, &text, &signature);
	buf_fini(&text);
	buf_fini(&signature);
	return ok;
}

static const char *
side_of(const struct check *c, const char *person)
{
	const json_t *v;
	size_t i;

	json_array_foreach(json_object_get(c->begin, "people"), i, v) {
		const char *name = json_str(v, "person", NULL);

		if (name != NULL && person != NULL && strcmp(name, person) == 0)
			return json_str(v, "side", NULL);
	}
	return NULL;
}

/* Where the ticket asks for two keys, one of the other side was turned before, over the same bytes and sheet, and is good;
 * neither is the driver's. */
static bool
has_both(const struct check *c, const struct request *q)
{
	const char *by = json_str(c->ev, "by", NULL), *first = q != NULL ? json_str(q->turned, "by", NULL) : NULL;
	const char *side = side_of(c, by), *other = side_of(c, first), *driver = q != NULL ? json_str(q->event, "by", NULL) : NULL;

	if (!c->terms.two_keys)
		return true;
	return side != NULL && other != NULL && strcmp(side, other) != 0 && driver != NULL && strcmp(driver, by) != 0 &&
	    strcmp(driver, first) != 0 &&
	    json_equal(json_object_get(q->turned, "digest"), json_object_get(c->ev, "digest")) &&
	    json_equal(json_object_get(q->turned, "bind"), json_object_get(c->ev, "bind"));
}

static void
take_joined(struct check *c)
{
	const char *by = json_str(c->ev, "by", NULL);

	if (by != NULL)
		must(json_object_set_new(c->from, by, json_boolean(json_bool(c->ev, "remote"))) == 0);
}

static void
take_left(struct check *c)
{
	const char *by = json_str(c->ev, "by", NULL);

	if (by != NULL)
		(void)json_object_del(c->from, by);
}

/* Signed as it should be, or not asked to be. */
static bool
is_signed(struct check *c, const char *person, bool *plain)
{
	*plain = !names_body(c, "text") && !names_body(c, "signature");
	if (!*plain)
		return person != NULL && answer_ok(c);
	if (person != NULL && !is_asked(c, person))
		return true;
	fail(c, "it is not signed, and had to be");
	return false;
}

/* allowed, or the first of two keys: each is an answer of its own. True when it is as it should be. */
static bool
take_answer(struct check *c, bool allows)
{
	const char *person = json_str(c->ev, "by", NULL), *why;
	const struct request *q = request_of(c);
	bool plain, ok;

	c->r->answers++;
	if (allows && !has_both(c, q)) {
		c->r->failed++;
		fail(c, "the ticket asks for a key of each side, and no good one of the other was turned before");
		return false;
	}
	if (c->terms.other_host && (person == NULL || !json_bool(c->from, person))) {
		c->r->failed++;
		fail(c, "the ticket asks for an answer from another host, and no event joined says that %.64s came from one",
		    person != NULL ? person : "somebody");
		return false;
	}
	ok = is_signed(c, person, &plain);
	why = ok ? ticket_terms_turns(c->begin, &c->terms, q != NULL ? json_str(q->event, "by", NULL) : NULL, person) : NULL;
	if (why != NULL)
		fail(c, "%s", why);
	if (ok && why == NULL) {
		(*(plain ? &c->r->plain : &c->r->good))++;
		return true;
	}
	c->r->failed++;
	return false;
}

static void
take_step(struct check *c, enum transcript_event_kind kind, struct request *q)
{
	bool same = q != NULL && json_equal(json_object_get(c->ev, "digest"), json_object_get(q->event, "digest")) &&
	    json_equal(json_object_get(c->ev, "bind"), json_object_get(q->sheet, "bind"));
	const char *why = steps_take(q != NULL ? &q->steps : NULL, kind, same);

	if (why == NULL)
		return;
	c->r->failed++;
	fail(c, "%s", why);
}

/* What the ticket asks for: its own text says it. begin is the session's word, and all there is in a redacted copy. */
static void
take_begin(struct check *c)
{
	struct buf text;
	struct err e;

	set(&c->begin, c->ev);
	ticket_terms_said(c->begin, &c->terms);
	buf_init(&text, TRANSCRIPT_LINE_MAX);
	if (!names_body(c, "ticket")) {
		c->r->ticket = SIGNED_TICKET_BAD;
		fail(c, "the event has no ticket");
	} else if (text_of(c, c->n, "ticket", &text)) {
		c->r->ticket = ticket_terms_read(c->begin, buf_data(&text), buf_len(&text), &c->terms, &e) == 0 ?
		    SIGNED_TICKET_GOOD : SIGNED_TICKET_BAD;
		if (c->r->ticket == SIGNED_TICKET_BAD)
			fail(c, "%s", e.text);
	}
	buf_fini(&text);
}

static void
take_seal(struct check *c)
{
	struct sshsig_wish w = { .signer = TRANSCRIPT_SEAL_SIGNER, .namespace = TRANSCRIPT_SEAL_NAMESPACE, .signers = c->signers,
	    .at_us = time_of(c->ev), .within_ms = WITHIN_MS };
	const char *session = json_str(c->begin, "session", NULL), *sig;
	struct digest head;
	struct buf text;
	struct err e;
	size_t n;

	sig = json_str(c->ev, "sig", &n);
	c->r->seal = sig == NULL ? SIGNED_SEAL_UNSIGNED : SIGNED_SEAL_BAD;
	if (sig == NULL)
		return;
	buf_init(&text, 4096);
	if (session == NULL || !digest_field(c->ev, "head", &head))
		fail(c, "the seal says nothing that could be signed");
	else {
		transcript_seal_put(&text, session, (uint64_t)json_int(c->ev, "count", 0), &head);
		if (sshsig_verify(&w, buf_data(&text), buf_len(&text), sig, n, NULL, &e) == 0)
			c->r->seal = SIGNED_SEAL_GOOD;
		else
			fail(c, "%s", e.text);
	}
	buf_fini(&text);
}

static void
take_request(struct check *c)
{
	c->requests = must_realloc(c->requests, (c->nrequests + 1) * sizeof *c->requests);
	c->requests[c->nrequests++] = (struct request){ .n = c->n, .event = json_incref(c->ev) };
}

/* The event in hand, whose line is at p. */
static void
take(struct check *c, enum transcript_event_kind kind, const char *p, size_t n)
{
	struct request *q = request_of(c);

	if (kind == TRANSCRIPT_EVENT_BEGIN && c->begin == NULL) {
		take_begin(c);
	} else if (kind == TRANSCRIPT_EVENT_CONNECTED && c->connected == NULL) {
		set(&c->connected, c->ev);
	} else if (kind == TRANSCRIPT_EVENT_JOINED) {
		take_joined(c);
	} else if (kind == TRANSCRIPT_EVENT_LEFT) {
		take_left(c);
	} else if (kind == TRANSCRIPT_EVENT_REQUEST) {
		take_request(c);
	} else if (kind == TRANSCRIPT_EVENT_SHEET && q != NULL && q->sheet == NULL) {
		set(&q->sheet, c->ev);
	} else if (kind == TRANSCRIPT_EVENT_SIGNING && q != NULL) {
		set(&q->signing, c->ev);
		q->head = digest_of(p, n);
	} else if (kind == TRANSCRIPT_EVENT_HELD && q != NULL) {
		set(&q->held, c->ev);
	} else if (kind == TRANSCRIPT_EVENT_ALLOWED || kind == TRANSCRIPT_EVENT_KEPT) {
		c->kept = kind == TRANSCRIPT_EVENT_KEPT;
		(void)take_answer(c, true);
	} else if (kind == TRANSCRIPT_EVENT_TURNED) {
		c->kept = q != NULL && q->held != NULL;
		if (take_answer(c, false) && q != NULL)
			set(&q->turned, c->ev);
	} else if (kind == TRANSCRIPT_EVENT_SEAL) {
		take_seal(c);
	}
	if (steps_matter(kind))
		take_step(c, kind, request_of(c));
}

static bool
matters(enum transcript_event_kind k)
{
	return k == TRANSCRIPT_EVENT_BEGIN || k == TRANSCRIPT_EVENT_CONNECTED || k == TRANSCRIPT_EVENT_REQUEST ||
	    k == TRANSCRIPT_EVENT_SHEET || k == TRANSCRIPT_EVENT_SIGNING || k == TRANSCRIPT_EVENT_ALLOWED || k == TRANSCRIPT_EVENT_HELD ||
	    k == TRANSCRIPT_EVENT_KEPT || k == TRANSCRIPT_EVENT_TURNED || k == TRANSCRIPT_EVENT_JOINED ||
	    k == TRANSCRIPT_EVENT_LEFT || k == TRANSCRIPT_EVENT_SEAL || steps_matter(k);
}

static void
walk(struct check *c)
{
	uint64_t events = transcript_events(c->file);

	for (c->n = 1; c->n <= events; c->n++) {
		size_t lines = transcript_event_lines(c->file, c->n), n;
		const char *p = lines > 0 ? transcript_event_line(c->file, c->n, lines - 1, &n) : NULL;
		struct transcript_line scan;
		struct buf line;

		if (p == NULL)
			continue;
		transcript_line_scan(p, n, &scan);
		if (scan.type != TRANSCRIPT_LINE_EVENT || !scan.known || !matters(scan.kind))
			continue;
		/* other lines are read while this one is judged */
		buf_init(&line, TRANSCRIPT_LINE_MAX);
		buf_put(&line, p, n);
		c->ev = json_line_parse(buf_data(&line), buf_len(&line), NULL);
		if (c->ev != NULL)
			take(c, scan.kind, buf_data(&line), buf_len(&line));
		json_decref(c->ev);
		c->ev = NULL;
		buf_fini(&line);
	}
}

int
signed_check(const char *transcript, const char *signers, struct signed_report *out, struct err *e)
{
	struct check c = { .signers = signers, .r = out };

	*out = (struct signed_report){ .seal = SIGNED_SEAL_MISSING };
	if (access(signers, R_OK) != 0)
		return err_set(e, ERR_INVALID, "%.300s cannot be read: %s; name a file of allowed signers (ssh-keygen(1))", signers,
		    strerror(errno));
	c.file = transcript_reader_open(transcript, e);
	if (c.file == NULL)
		return e->code;
	c.from = json_object();
	walk(&c);
	for (size_t i = 0; i < c.nrequests; i++) {
		json_decref(c.requests[i].event);
		json_decref(c.requests[i].sheet);
		json_decref(c.requests[i].signing);
		json_decref(c.requests[i].held);
		json_decref(c.requests[i].turned);
	}
	free(c.requests);
	json_decref(c.begin);
	json_decref(c.connected);
	json_decref(c.from);
	transcript_reader_close(c.file);
	return 0;
}
