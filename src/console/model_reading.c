/* SPDX-License-Identifier: GPL-3.0-or-later */
/* How long the second person reads before he answers, from the events alone. */
#include "config.h"

#include "model_priv.h"

#include <stdlib.h>
#include <string.h>

#include "twokey/base/json.h"
#include "twokey/base/must.h"

static struct model_reader *
reader_of(struct model_entry *e, const char *by)
{
	for (size_t i = 0; i < e->nreaders; i++)
		if (strcmp(e->readers[i].by, by) == 0)
			return &e->readers[i];
	if (e->nreaders == MODEL_READERS_MAX || by[0] == '\0')
		return NULL;
	model_copy_text(by, e->readers[e->nreaders].by, MODEL_NAME_MAX);
	return &e->readers[e->nreaders++];
}

void
model_reading_opened(struct model_entry *e, const json_t *fields, int64_t wall_us)
{
	char by[MODEL_NAME_MAX];
	struct model_reader *r;
	bool last = json_bool(fields, "last");

	model_copy_str(fields, "by", by, sizeof by);
	r = reader_of(e, by);
	if (r == NULL)
		return;
	if (!(last && r->half))	/* the end of what he has open: no new reading */
		r->since_us = wall_us;
	r->half = !last;
}

void
model_reading_answered(struct model_entry *e, enum transcript_event_kind kind, const json_t *fields, int64_t wall_us)
{
	char by[MODEL_NAME_MAX];

	if (e->verdict != 0 || (kind != TRANSCRIPT_EVENT_ALLOWED && kind != TRANSCRIPT_EVENT_DENIED))
		return;
	e->verdict = kind == TRANSCRIPT_EVENT_ALLOWED ? 1 : -1;
	e->read_us = -1;
	model_copy_str(fields, "by", by, sizeof by);
	model_copy_text(by, e->verdict_by, sizeof e->verdict_by);
	for (size_t i = 0; i < e->nreaders; i++)
		if (strcmp(e->readers[i].by, by) == 0)
			e->read_us = wall_us > e->readers[i].since_us ? wall_us - e->readers[i].since_us : 0;
}

static int
by_length(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

	return x < y ? -1 : x > y;
}

void
model_reading_of(const struct model *m, const char *person, struct model_reading *out)
{
	int64_t *v = must_zalloc((m->nslots + 1) * sizeof *v);
	size_t n = 0;

	*out = (struct model_reading){ .median_us = -1 };
	for (size_t i = 0; i < m->nslots; i++) {
		const struct model_entry *e = &m->slots[i]->e;

		if (e->verdict == 0 || strcmp(e->verdict_by, person) != 0)
			continue;
		out->allowed += e->verdict > 0;
		out->denied += e->verdict < 0;
		if (e->read_us >= 0)
			v[n++] = e->read_us;
	}
	if (n > 0) {
		qsort(v, n, sizeof *v, by_length);
		out->median_us = n % 2 == 1 ? v[n / 2] : (v[n / 2 - 1] + v[n / 2]) / 2;
	}
	out->unread = out->allowed + out->denied - (unsigned)n;
	free(v);
}
