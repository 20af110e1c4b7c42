/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "tape.h"

#include <stdlib.h>
#include <string.h>

#include "twokey/base/clock.h"
#include "twokey/base/err.h"
#include "twokey/base/json.h"
#include "twokey/base/must.h"
#include "twokey/console/model.h"
#include "twokey/transcript/line.h"
#include "twokey/transcript/reader.h"

#include "tape_find.h"

/* A thousand years in milliseconds: sums of such numbers do not overflow. */
#define MS_MAX (INT64_C(1000) * 366 * 86400 * 1000)

enum { SNAPS = 64, STEP_FIRST = 128, CLOCK_EVERY = 32, TIME_TEXT = 27, WEIGHT_BYTES = 8192 };

struct snap {
	uint64_t at;
	struct model *m;
};

struct tape {
	struct transcript_reader *reader;
	struct model *full;
	struct tape_mark *marks;
	uint64_t n, cap;	/* events in full and marks */
	bool read;
	struct model *cur;
	uint64_t cur_at;
	struct snap snaps[SNAPS];
	size_t nsnaps;
	uint64_t weight;	/* of the events in full: what it costs to read them again */
	uint64_t snapped;	/* weight at the last snapshot */
	uint64_t step;		/* weight between snapshots */
};

/* Rows are fetched when they are looked at. */
static json_t *
load_rows(void *ctx, uint64_t n)
{
	const struct tape *t = ctx;
	size_t lines = transcript_event_lines(t->reader, n);

	for (size_t i = 0; i < lines; i++) {
		struct transcript_line l;
		size_t len;
		const char *line = transcript_event_line(t->reader, n, i, &len);

		transcript_line_scan(line, len, &l);
		if (l.type == TRANSCRIPT_LINE_BODY && l.k_len == 4 && memcmp(l.k, "rows", 4) == 0)
			return model_body_parse(line, len);
	}
	return NULL;
}

static struct model *
fresh(struct tape *t)
{
	struct model *m = model_create_unchecked();

	model_defer_rows(m, load_rows, t);
	return m;
}

struct tape *
tape_open(const char *path, struct err *e)
{
	struct transcript_reader *r = transcript_reader_open(path, e);
	struct tape *t;

	if (r == NULL)
		return NULL;
	t = must_zalloc(sizeof *t);
	t->reader = r;
	t->full = fresh(t);
	t->cur = fresh(t);
	t->step = STEP_FIRST;
	return t;
}

void
tape_close(struct tape *t)
{
	if (t == NULL)
		return;
	model_free(t->full);
	model_free(t->cur);
	for (size_t i = 0; i < t->nsnaps; i++)
		model_free(t->snaps[i].m);
	transcript_reader_close(t->reader);
	free(t->marks);
	free(t);
}

static char
letter_of(enum transcript_event_kind k)
{
	if (k == TRANSCRIPT_EVENT_READ)
		return 'r';
	if (k == TRANSCRIPT_EVENT_COMMITTED)
		return 'W';
	if (k == TRANSCRIPT_EVENT_DENIED || k == TRANSCRIPT_EVENT_EXPIRED || k == TRANSCRIPT_EVENT_VOID)
		return 'D';
	if (k == TRANSCRIPT_EVENT_REFUSED || k == TRANSCRIPT_EVENT_FAILED || k == TRANSCRIPT_EVENT_ROLLEDBACK ||
	    k == TRANSCRIPT_EVENT_UNKNOWN || k == TRANSCRIPT_EVENT_LOST)
		return 'E';
	return k == TRANSCRIPT_EVENT_NOTED || k == TRANSCRIPT_EVENT_SAID ? 'N' : ' ';
}

static void
add_mark(struct tape *t, const char *line, size_t len)
{
	struct tape_mark *k, before = { 0, 0, ' ' };
	struct transcript_line l;

	if (t->n > 0)
		before = t->marks[t->n - 1];
	if (t->n == t->cap) {
		t->cap = t->cap < 1024 ? 1024 : t->cap * 2;
		t->marks = must_realloc(t->marks, t->cap * sizeof *t->marks);
	}
	k = &t->marks[t->n++];
	*k = (struct tape_mark){ before.ms, before.wall_us, ' ' };
	transcript_line_scan(line, len, &l);
	if (l.type != TRANSCRIPT_LINE_EVENT)
		return;
	/* time never runs back on the bar, nor for longer than anybody works */
	if (l.ms > before.ms && l.ms - before.ms < MS_MAX && l.ms < MS_MAX)
		k->ms = l.ms;
	if (clock_parse(l.t, TIME_TEXT, &k->wall_us) != 0)
		k->wall_us = before.wall_us;
	k->letter = l.known ? letter_of(l.kind) : ' ';
}

/* Event n into a model; false when there is none. */
static bool
feed(struct tape *t, struct model *m, uint64_t n)
{
	size_t lines = transcript_event_lines(t->reader, n), len;

	for (size_t i = 0; i < lines; i++) {
		const char *line = transcript_event_line(t->reader, n, i, &len);

		(void)model_feed(m, line, len);
		if (m == t->full)
			t->weight += len / WEIGHT_BYTES;
		if (m == t->full && i + 1 == lines)
			add_mark(t, line, len);
	}
	return lines > 0;
}

/* A snapshot whenever it would cost that much to read from the last one; when there are too many, every other one goes. */
static void
take_snap(struct tape *t)
{
	t->weight++;
	if (t->weight - t->snapped < t->step)
		return;
	if (t->nsnaps == SNAPS) {
		for (size_t i = 0; i < SNAPS; i++) {
			if (i % 2 == 0)
				model_free(t->snaps[i].m);
			else
				t->snaps[i / 2] = t->snaps[i];
		}
		t->nsnaps = SNAPS / 2;
		t->step *= 2;
	}
	t->snaps[t->nsnaps++] = (struct snap){ t->n, model_copy(t->full) };
	t->snapped = t->weight;
}

bool
tape_read(struct tape *t, uint64_t n, int64_t ms)
{
	int64_t until = ms >= 0 ? clock_mono_ms() + ms : INT64_MAX;

	while (!t->read && t->n < n) {
		if (!feed(t, t->full, t->n + 1)) {
			t->read = true;
			break;
		}
		take_snap(t);
		if (ms >= 0 && t->n % CLOCK_EVERY == 0 && clock_mono_ms() >= until)
			break;
	}
	return t->read;
}

uint64_t
tape_events(const struct tape *t)
{
	return t->n;
}

bool
tape_is_read(const struct tape *t)
{
	return t->read;
}

const struct tape_mark *
tape_mark(const struct tape *t, uint64_t n)
{
	must(n > 0 && n <= t->n);
	return &t->marks[n - 1];
}

uint64_t
tape_at_ms(const struct tape *t, int64_t ms)
{
	uint64_t low = 0, high = t->n;

	/* the first low events are at or before ms */
	while (low < high) {
		uint64_t mid = low + (high - low) / 2;

		if (t->marks[mid].ms <= ms)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

const struct model *
tape_full(const struct tape *t)
{
	return t->full;
}

/* The nearest snapshot at or before n, if it is nearer than the current model. */
static void
go_back(struct tape *t, uint64_t n)
{
	const struct snap *best = NULL;

	for (size_t i = 0; i < t->nsnaps; i++)
		if (t->snaps[i].at <= n)
			best = &t->snaps[i];
	if (t->cur_at <= n && (best == NULL || best->at <= t->cur_at))
		return;
	model_free(t->cur);
	t->cur = best != NULL ? model_copy(best->m) : fresh(t);
	t->cur_at = best != NULL ? best->at : 0;
}

const struct model *
tape_model(struct tape *t, uint64_t n)
{
	(void)tape_read(t, n, -1);
	if (n > t->n)
		n = t->n;
	go_back(t, n);
	if (n == t->n && t->cur_at + 1 < n) {
		model_free(t->cur);
		t->cur = model_copy(t->full);
		t->cur_at = n;
	}
	while (t->cur_at < n && feed(t, t->cur, t->cur_at + 1))
		t->cur_at++;
	return t->cur;
}

uint64_t
tape_find(struct tape *t, const char *text, uint64_t from, bool back)
{
	struct tape_needle needle;
	uint64_t found = 0;

	if (text[0] == '\0')
		return 0;
	tape_needle_init(&needle, text);
	for (uint64_t n = back ? from - (from > 0) : from + 1; n > 0 && found == 0; n += back ? -UINT64_C(1) : 1) {
		size_t lines = transcript_event_lines(t->reader, n), len;

		if (lines == 0)
			break;
		for (size_t i = 0; i < lines && found == 0; i++) {
			const char *line = transcript_event_line(t->reader, n, i, &len);

			if (tape_needle_in(&needle, line, len))
				found = n;
		}
	}
	tape_needle_fini(&needle);
	return found;
}
