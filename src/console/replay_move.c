/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Where the player goes. */
#include "config.h"

#include "replay_priv.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum { DAY_S = 86400, GAP_MAX_MS = DAY_S * 1000 };

void
replay_go(struct replay *r, uint64_t n, int64_t now_ms)
{
	(void)tape_read(r->tape, n, -1);
	if (n > tape_events(r->tape))
		n = tape_events(r->tape);
	if (n == 0)
		n = 1;
	if (n != r->at) {
		r->up = 0;
		if (r->over == REPLAY_SHEET)
			r->over = REPLAY_LOG;
	}
	r->at = n;
	if (r->found != n)
		r->found = 0;
	r->due_ms = now_ms + replay_gap(r, n);
}

bool
replay_is_end(const struct replay *r)
{
	return tape_is_read(r->tape) && r->at >= tape_events(r->tape);
}

int64_t
replay_gap(const struct replay *r, uint64_t n)
{
	int64_t gap;

	if (n >= tape_events(r->tape))
		return 0;
	gap = n > 0 ? tape_mark(r->tape, n + 1)->ms - tape_mark(r->tape, n)->ms : 0;
	if (gap < 0 || gap > GAP_MAX_MS)
		gap = GAP_MAX_MS;
	if (r->idle_cut && gap > REPLAY_IDLE_MS)
		gap = REPLAY_IDLE_MS;
	return r->speed >= 0 ? gap >> r->speed : gap << -r->speed;
}

static bool
is_trouble(const struct model_entry *e)
{
	return e->kind == MODEL_REFUSED || e->state == TRANSCRIPT_EVENT_FAILED || e->state == TRANSCRIPT_EVENT_DENIED ||
	    e->state == TRANSCRIPT_EVENT_EXPIRED || e->state == TRANSCRIPT_EVENT_VOID ||
	    e->state == TRANSCRIPT_EVENT_ROLLEDBACK || e->state == TRANSCRIPT_EVENT_UNKNOWN ||
	    e->state == TRANSCRIPT_EVENT_OUTCOME || e->state == TRANSCRIPT_EVENT_SETTLED || e->state == TRANSCRIPT_EVENT_LOST ||
	    e->state == TRANSCRIPT_EVENT_RECOVERED;
}

bool
replay_takes(const struct replay *r, const struct model_entry *e)
{
	switch (r->filter) {
	case REPLAY_ALL:
		return true;
	case REPLAY_WRITES:
		return e->kind == MODEL_WRITE || e->kind == MODEL_STAGED;
	case REPLAY_TROUBLE:
		return is_trouble(e);
	case REPLAY_WORDS:
		return e->kind == MODEL_MESSAGE || e->kind == MODEL_NOTE || e->ntalk > 0;
	case REPLAY_FILTERS:
		break;
	}
	return false;
}

/* Entries are visited as they ended: with their outcome on the screen. */
void
replay_go_entry(struct replay *r, bool back, bool write, int64_t now_ms)
{
	const struct model *m;
	uint64_t best = 0;

	(void)tape_read(r->tape, UINT64_MAX, -1);
	m = tape_full(r->tape);
	for (size_t i = 0; i < model_entries(m); i++) {
		const struct model_entry *e = model_entry(m, i);

		if (write ? e->kind != MODEL_WRITE : !replay_takes(r, e))
			continue;
		if (back ? e->last_n < r->at && e->last_n > best :
		    e->last_n > r->at && (best == 0 || e->last_n < best))
			best = e->last_n;
	}
	if (best > 0)
		replay_go(r, best, now_ms);
	else
		snprintf(r->notice, sizeof r->notice, "no %s %s this one", write ? "write" : "event of this filter",
		    back ? "before" : "after");
}

void
replay_go_seconds(struct replay *r, int seconds, int64_t now_ms)
{
	int64_t ms = tape_mark(r->tape, r->at)->ms + seconds * INT64_C(1000);
	uint64_t n;

	/* as far ahead as it takes to know what is there */
	while (!tape_is_read(r->tape) && tape_mark(r->tape, tape_events(r->tape))->ms <= ms)
		(void)tape_read(r->tape, tape_events(r->tape) + 1, -1);
	n = tape_at_ms(r->tape, ms);
	if (seconds > 0 && n <= r->at)
		n = r->at + 1;
	else if (seconds < 0 && n >= r->at)
		n = r->at - 1;
	replay_go(r, n, now_ms);
}

void
replay_search(struct replay *r, bool back, int64_t now_ms)
{
	uint64_t n;

	if (r->find[0] == '\0') {
		snprintf(r->notice, sizeof r->notice, "nothing to find yet: / asks for a text");
		return;
	}
	n = tape_find(r->tape, r->find, r->at, back);
	if (n == 0) {
		snprintf(r->notice, sizeof r->notice, "not found %s event %" PRIu64 ": %.100s", back ? "before" : "after",
		    r->at, r->find);
		return;
	}
	replay_go(r, n, now_ms);
	r->found = n;
}

/* "H:MM:SS", "M:SS" from the start, or "HH:MM[:SS]" on the clock; -1 when it is none. */
static int64_t
parse_seconds(const char *text, bool from_start)
{
	unsigned a, b, c = 0;
	int used = 0, fields = sscanf(text, "%4u:%2u%n", &a, &b, &used);

	if (fields != 2)
		return -1;
	if (text[used] == ':') {
		int more = 0;

		if (sscanf(text + used, ":%2u%n", &c, &more) != 1)
			return -1;
		used += more;
	} else if (from_start) {
		c = b;
		b = a;
		a = 0;
	}
	if (text[used] != '\0' || c > 59 || (b > 59 && !(from_start && a == 0)))
		return -1;
	return (int64_t)a * 3600 + (int64_t)b * 60 + c;
}

void
replay_go_time(struct replay *r, const char *text, int64_t now_ms)
{
	bool from_start = text[0] == '+';
	int64_t seconds = parse_seconds(text + from_start, from_start), begin, day, us;
	uint64_t n = 0, low = 0, high;

	if (seconds < 0) {
		snprintf(r->notice, sizeof r->notice, "a time is 14:05 or 14:05:30 (UTC), or +12:30 from the beginning");
		return;
	}
	(void)tape_read(r->tape, UINT64_MAX, -1);
	begin = tape_mark(r->tape, 1)->wall_us;
	if (from_start) {
		n = tape_at_ms(r->tape, tape_mark(r->tape, 1)->ms + seconds * 1000);
	} else {
		day = begin / 1000000 / DAY_S * DAY_S;
		us = (day + seconds) * 1000000;
		if (us + 59 * INT64_C(1000000) < begin)
			us += DAY_S * INT64_C(1000000);	/* a session that went over midnight */
		for (high = tape_events(r->tape); low < high;) {
			uint64_t mid = low + (high - low) / 2;

			if (tape_mark(r->tape, mid + 1)->wall_us <= us)
				low = mid + 1;
			else
				high = mid;
		}
		n = low;
	}
	replay_go(r, n, now_ms);
}

const struct model_entry *
replay_entry(struct replay *r)
{
	const struct model *m = tape_model(r->tape, r->at);

	return model_entry_of(m, model_last(m));
}
