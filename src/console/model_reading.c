/* SPDX-License-Identifier: GPL-3.0-or-later */
/* How long the second person reads before he answers, from the events alone. */
#include "config.h"

#include "model_priv.h"

#include <stdlib.h>
#include <string.h>

#include "twokey/base/json.h"
#include "twokey/base/must.h"

const struct model_reader *
model_reader_of(const struct model_entry *e, const char *by)
{
	for (size_t i = 0; i < e->nreaders; i++)
		if (strcmp(e->readers[i].by, by) == 0)
			return &e->readers[i];
	return NULL;
}

static struct model_reader *
reader_of(struct model_entry *e, const char *by)
{
	const struct model_reader *r = model_reader_of(e, by);

	if (r != NULL)
		return &e->readers[r - e->readers];
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
	struct model_reader *r;

	if (kind != TRANSCRIPT_EVENT_ALLOWED && kind != TRANSCRIPT_EVENT_TURNED && kind != TRANSCRIPT_EVENT_DENIED)
		return;
	model_copy_str(fields, "by", by, sizeof by);
	r = reader_of(e, by);
	if (r == NULL || r->verdict != 0)
		return;
	r->verdict = kind == TRANSCRIPT_EVENT_DENIED ? -1 : 1;
	r->read_us = r->since_us == 0 ? -1 : wall_us > r->since_us ? wall_us - r->since_us : 0;
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
		const struct model_reader *r = model_reader_of(&m->slots[i]->e, person);

		if (r == NULL || r->verdict == 0)
			continue;
		out->allowed += r->verdict > 0;
		out->denied += r->verdict < 0;
		if (r->read_us >= 0)
			v[n++] = r->read_us;
	}
	if (n > 0) {
		qsort(v, n, sizeof *v, by_length);
		out->median_us = n % 2 == 1 ? v[n / 2] : (v[n / 2 - 1] + v[n / 2]) / 2;
	}
	out->unread = out->allowed + out->denied - (unsigned)n;
	free(v);
}
