/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The chain, line by line: each line is hashed once. */
#include "config.h"

#include "twokey/transcript/verify.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "transcript/chain.h"
#include "transcript/scan.h"
#include "twokey/base/must.h"
#include "twokey/transcript/limit.h"
#include "twokey/transcript/line.h"

/* ,"sum":"<hex>"} at the end of a seal */
enum { SUM_TAIL = 8 + DIGEST_HEX + 2 };

struct transcript_verifier {
	uint64_t n, line, bodies, missing;
	int64_t ms;
	bool sealed, broken;
	bool foreign;		/* its very first line is none of a transcript */
	struct digest head;	/* of the last event */
	struct digest before;	/* once sealed: of the event before the seal */
	uint64_t bad_n;
	char why[200];
	struct chain_body *pending;
	size_t npending, cap;
};

struct transcript_verifier *
transcript_verifier_create(void)
{
	return must_zalloc(sizeof(struct transcript_verifier));
}

void
transcript_verifier_free(struct transcript_verifier *v)
{
	if (v == NULL)
		return;
	free(v->pending);
	free(v);
}

static bool broken(struct transcript_verifier *v, uint64_t line, uint64_t n, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));

/* Always false, as the verdict on a line. */
static bool
broken(struct transcript_verifier *v, uint64_t line, uint64_t n, const char *fmt, ...)
{
	va_list ap;

	v->broken = true;
	v->line = line;
	v->bad_n = n;
	va_start(ap, fmt);
	vsnprintf(v->why, sizeof v->why, fmt, ap);
	va_end(ap);
	return false;
}

static bool
take_body(struct transcript_verifier *v, const char *line, size_t n, const struct transcript_line *scan)
{
	struct chain_body *b;

	if (scan->n != v->n + 1)
		return broken(v, v->line, v->n + 1, "a body of event %llu stands before event %llu",
		    (unsigned long long)scan->n, (unsigned long long)v->n + 1);
	if (v->npending == CHAIN_PENDING_MAX)
		return broken(v, v->line, v->n + 1, "more bodies than an event can name");
	if (v->npending == v->cap) {
		v->cap = v->cap * 2 + 8;
		v->pending = must_realloc(v->pending, v->cap * sizeof *v->pending);
	}
	b = &v->pending[v->npending++];
	b->sha = digest_of(line, n);
	b->len = n;
	b->line = v->line;
	memset(b->k, 0, sizeof b->k);
	memcpy(b->k, scan->k, scan->k_len);
	v->bodies++;
	return true;
}

/* The bodies before the event are those that it names, in its order; some may have been taken out. */
static bool
match_bodies(struct transcript_verifier *v, const struct transcript_line *event)
{
	struct transcript_body_ref ref;
	size_t at = 0, i = 0;
	bool bad = false;

	while (event->b != NULL && transcript_body_next(event, &at, &ref, &bad)) {
		const struct chain_body *b = i < v->npending ? &v->pending[i] : NULL;

		if (b != NULL && memcmp(b->sha.b, ref.sha.b, DIGEST_LEN) == 0 && b->len == ref.len &&
		    b->k[ref.k_len] == '\0' && memcmp(b->k, ref.k, ref.k_len) == 0)
			i++;
		else
			v->missing++;
	}
	if (bad)
		return broken(v, v->line, event->n, "its list of bodies is not one");
	if (i < v->npending)
		return broken(v, v->pending[i].line, event->n, "a body (%s) is not one that the event names: it was changed, "
		    "moved or added", v->pending[i].k);
	v->npending = 0;
	return true;
}

/* The seal is the one event that no later one binds: it binds itself by "sum". */
static bool
check_seal(struct transcript_verifier *v, const char *line, size_t n, const struct transcript_line *event)
{
	struct scan sc = { line, n, 0 };
	struct digest head, sum, is;
	uint64_t count;
	const char *at = memmem(line, n, "\"ev\":\"seal\"", 11);

	must(at != NULL);
	sc.at = (size_t)(at - line) + 11;
	if (!SCAN_LIT(&sc, ",\"head\":\"") || !scan_digest(&sc, &head))
		return broken(v, v->line, event->n, "the seal names no head");
	if (!SCAN_LIT(&sc, "\",\"count\":") || !scan_uint(&sc, &count))
		return broken(v, v->line, event->n, "the seal names no count");
	if (n - sc.at < SUM_TAIL || memcmp(line + n - SUM_TAIL, ",\"sum\":\"", 8) != 0 || line[n - 2] != '"' ||
	    !digest_parse(line + n - SUM_TAIL + 8, DIGEST_HEX, &sum))
		return broken(v, v->line, event->n, "the seal has no sum");
	is = digest_of(line, n - SUM_TAIL);
	if (!digest_equal(&sum, &is))
		return broken(v, v->line, event->n, "the seal was changed: its sum does not match");
	if (!digest_equal(&head, &event->prev) || count != event->n - 1)
		return broken(v, v->line, event->n, "the seal speaks of another chain");
	v->sealed = true;
	v->before = event->prev;
	return true;
}

/* begin says which version of the format this is. */
static bool
check_version(struct transcript_verifier *v, const char *line, size_t n)
{
	const char *at = memmem(line, n, ",\"v\":", 5);
	struct scan sc = { line, n, at != NULL ? (size_t)(at - line) + 5 : n };
	uint64_t version;

	if (at == NULL || !scan_uint(&sc, &version) || version == TRANSCRIPT_VERSION)
		return true;
	return broken(v, v->line, 1, "it is of format version %llu and this program reads version %d; use a newer twokey",
	    (unsigned long long)version, TRANSCRIPT_VERSION);
}

static bool
take_event(struct transcript_verifier *v, const char *line, size_t n, const struct transcript_line *event)
{
	bool seal = event->known && event->kind == TRANSCRIPT_EVENT_SEAL;

	if (event->n != v->n + 1)
		return broken(v, v->line, v->n + 1, "event %llu stands where event %llu is expected: lines were taken out, "
		    "added or moved", (unsigned long long)event->n, (unsigned long long)v->n + 1);
	/* no secret: a plain comparison is enough, here and below */
	if (memcmp(event->prev.b, v->head.b, DIGEST_LEN) != 0)
		return broken(v, v->line, event->n, event->n == 1 ? "the first event names an event before it" :
		    "it does not follow from event %llu: one of the two was changed", (unsigned long long)v->n);
	if (v->n == 0 && event->known && event->kind == TRANSCRIPT_EVENT_BEGIN && !check_version(v, line, n))
		return false;
	if (!match_bodies(v, event) || (seal && !check_seal(v, line, n, event)))
		return false;
	v->head = digest_of(line, n);
	v->n = event->n;
	v->ms = event->ms;
	return true;
}

bool
transcript_verify_line(struct transcript_verifier *v, const char *line, size_t n)
{
	struct transcript_line scan;

	if (v->broken)
		return false;
	v->line++;
	if (v->sealed)
		return broken(v, v->line, v->n + 1, "something stands behind the seal");
	transcript_line_scan(line, n, &scan);
	switch (scan.type) {
	case TRANSCRIPT_LINE_EVENT:
		return take_event(v, line, n, &scan);
	case TRANSCRIPT_LINE_BODY:
		return take_body(v, line, n, &scan);
	case TRANSCRIPT_LINE_BAD:
		break;
	}
	v->foreign = v->line == 1;
	return broken(v, v->line, v->n + 1, n > TRANSCRIPT_LINE_MAX ? "the line is longer than any line of a transcript" :
	    memchr(line, '\0', n) != NULL ? "the line holds zero bytes, as after a power failure" :
	    "this is no line of a transcript");
}

size_t
chain_pending(const struct transcript_verifier *v)
{
	return v->npending;
}

void
chain_state(const struct transcript_verifier *v, struct chain_state *out)
{
	*out = (struct chain_state){ .n = v->n, .ms = v->ms, .head = v->head, .sealed = v->sealed,
	    .broken = v->broken, .pending = v->pending, .npending = v->npending };
}

/* Appends to the sentence of a report. */
static void say(struct transcript_report *r, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));
static void
say(struct transcript_report *r, const char *fmt, ...)
{
	size_t n = strlen(r->text);
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(r->text + n, sizeof r->text - n, fmt, ap);
	va_end(ap);
}

static const char *
plural(uint64_t n)
{
	return n == 1 ? "" : "s";
}

static void
say_missing(struct transcript_report *r)
{
	if (r->missing > 0)
		say(r, "; %llu bod%s missing (a redacted copy; ask for the whole one if you need the texts)",
		    (unsigned long long)r->missing, r->missing == 1 ? "y is" : "ies are");
}

static void
say_open(struct transcript_report *r)
{
	if (r->n == 0)
		say(r, "intact, not sealed: it holds no event");
	else
		say(r, "intact, not sealed: ends at event %llu", (unsigned long long)r->n);
	if (r->torn > 0)
		say(r, ", then a torn line of %llu byte%s", (unsigned long long)r->torn, plural(r->torn));
	if (r->orphans > 0)
		say(r, ", %llu bod%s without event at the end", (unsigned long long)r->orphans, r->orphans == 1 ? "y" : "ies");
	say_missing(r);
	say(r, ". A session that still runs, a crash and a cut look alike: compare the number of events and the head with "
	    "what the consoles and the ticket show.");
}

void
transcript_verify_report(const struct transcript_verifier *v, uint64_t torn, struct transcript_report *out)
{
	*out = (struct transcript_report){ .n = v->n, .bodies = v->bodies, .missing = v->missing,
	    .torn = torn, .head = v->sealed ? v->before : v->head };
	if (v->broken || (v->sealed && torn > 0)) {
		out->verdict = TRANSCRIPT_BROKEN;
		out->n = v->broken ? v->bad_n : v->n + 1;
		out->line = v->broken ? v->line : v->line + 1;
		if (v->foreign) {
			say(out, "this is no transcript: its first line is none of one (%s). Give a file that a broker wrote; if it "
			    "is one, its beginning was changed.", v->why);
			return;
		}
		say(out, "broken at event %llu (line %llu): %s. What stands before it is intact; do not rely on the rest, and get "
		    "the file again from where it was recorded.", (unsigned long long)out->n, (unsigned long long)out->line,
		    v->broken ? v->why : "something stands behind the seal");
		return;
	}
	if (v->sealed) {
		out->verdict = TRANSCRIPT_SEALED;
		say(out, "sealed and intact: %llu event%s, %llu bod%s", (unsigned long long)v->n, plural(v->n),
		    (unsigned long long)v->bodies, v->bodies == 1 ? "y" : "ies");
		say_missing(out);
		say(out, ". Compare the head with the one on the consoles and in the ticket.");
		return;
	}
	out->verdict = TRANSCRIPT_OPEN;
	out->orphans = v->npending;
	say_open(out);
}
