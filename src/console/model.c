/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "model_priv.h"

#include <stdlib.h>
#include <string.h>

#include "twokey/base/clock.h"
#include "twokey/base/json.h"
#include "twokey/base/must.h"

enum { RUNS_MAX = 1024, TIME_TEXT = 27 };

struct model *
model_create_unchecked(void)
{
	return must_zalloc(sizeof(struct model));
}

struct model *
model_create(void)
{
	struct model *m = model_create_unchecked();

	m->verifier = transcript_verifier_create();
	return m;
}

void
model_free(struct model *m)
{
	if (m == NULL)
		return;
	for (size_t i = 0; i < m->nslots; i++)
		model_slot_release(m->slots[i]);
	model_bodies_drop(m);
	json_decref(m->audit);
	if (m->verifier != NULL)
		transcript_verifier_free(m->verifier);
	free(m->slots);
	free(m->map);
	free(m->runs);
	free(m->waiting);
	free(m);
}

/* A copy of n elements with room for one more. */
static void *
copy_array(const void *p, size_t n, size_t size)
{
	void *out = must_alloc((n + 1) * size);

	if (n > 0)
		memcpy(out, p, n * size);
	return out;
}

struct model *
model_copy(const struct model *m)
{
	struct model *c = must_alloc(sizeof *c);

	*c = *m;
	c->verifier = NULL;
	json_incref(c->audit);
	c->nbodies = 0;
	c->slots = copy_array(m->slots, m->nslots, sizeof(struct model_slot *));
	c->map = copy_array(m->map, m->nmap, sizeof *m->map);
	c->runs = copy_array(m->runs, m->nruns, sizeof *m->runs);
	c->waiting = copy_array(m->waiting, m->nwaiting, sizeof *m->waiting);
	c->cap_slots = m->nslots + 1;
	c->cap_map = m->nmap + 1;
	c->cap_waiting = m->nwaiting + 1;
	for (size_t i = 0; i < c->nslots; i++)
		c->slots[i]->refs++;
	return c;
}

void
model_defer_rows(struct model *m, json_t *(*load)(void *ctx, uint64_t n), void *ctx)
{
	m->load = load;
	m->load_ctx = ctx;
}

json_t *
model_result(const struct model *m, const struct model_entry *e, size_t i)
{
	json_t *v;

	if (i >= e->nresults)
		return NULL;
	if (e->results[i] != NULL)
		return json_incref(e->results[i]);
	v = m->load != NULL ? m->load(m->load_ctx, e->parts[i]) : NULL;
	if (v == NULL || json_is_object(v))
		return v;
	json_decref(v);
	return NULL;
}

static void
take_body(struct model *m, const struct transcript_line *l, const char *line, size_t n)
{
	size_t i = m->nbodies;
	bool rows = l->k_len == 4 && memcmp(l->k, "rows", 4) == 0;

	/* bodies without their event are of no use: the next event's bodies come */
	if (i > 0 && m->bodies[0].of != l->n)
		model_bodies_drop(m);
	i = m->nbodies;
	if (i == TRANSCRIPT_BODIES_MAX || (rows && m->load != NULL))
		return;
	m->bodies[i].of = l->n;
	m->bodies[i].b.k = must_strndup(l->k, l->k_len);
	m->bodies[i].b.fields = model_body_parse(line, n);
	m->nbodies++;
}

/* Numbers that go on make a run longer; in a broken file a new one begins. */
static void
take_number(struct model *m, uint64_t n)
{
	if (m->nmap > 0 && n == m->last + 1 && m->last != UINT64_MAX) {
		m->last = n;
		return;
	}
	m->last = n;
	if (m->nruns == RUNS_MAX)
		return;
	m->runs = must_realloc(m->runs, (m->nruns + 1) * sizeof *m->runs);
	m->runs[m->nruns++] = (struct model_run){ n, m->nmap };
}

static void
take_event(struct model *m, const struct transcript_line *l, const char *line, size_t n)
{
	json_t *fields = json_loadb(line, n, JSON_REJECT_DUPLICATES, NULL);
	int64_t wall_us = 0;

	if (!json_is_object(fields)) {
		json_decref(fields);
		fields = json_object();
	}
	if (m->nbodies > 0 && m->bodies[0].of != l->n)
		model_bodies_drop(m);
	if (clock_parse(l->t, TIME_TEXT, &wall_us) != 0)
		wall_us = m->h.last_us;
	take_number(m, l->n);
	if (l->known && l->kind == TRANSCRIPT_EVENT_SIGNING)
		m->line = digest_of(line, n);
	model_fold_header(m, l, fields, wall_us);
	model_fold(m, l, fields, wall_us);
	model_bodies_drop(m);
	json_decref(fields);
}

bool
model_feed(struct model *m, const char *line, size_t n)
{
	struct transcript_line l;

	transcript_line_scan(line, n, &l);
	if (l.type == TRANSCRIPT_LINE_BAD)
		return false;
	if (m->verifier != NULL)
		(void)transcript_verify_line(m->verifier, line, n);
	if (l.type == TRANSCRIPT_LINE_BODY)
		take_body(m, &l, line, n);
	else
		take_event(m, &l, line, n);
	return true;
}

uint64_t
model_last(const struct model *m)
{
	return m->last;
}

const json_t *
model_audit(const struct model *m)
{
	return m->audit;
}

const struct model_header *
model_header(const struct model *m)
{
	return &m->h;
}

size_t
model_entries(const struct model *m)
{
	return m->nslots;
}

const struct model_entry *
model_entry(const struct model *m, size_t i)
{
	return i < m->nslots ? &m->slots[i]->e : NULL;
}

bool
model_index_of(const struct model *m, uint64_t n, size_t *i)
{
	/* the latest run first: in a broken file a number may come twice */
	for (size_t r = m->nruns; r-- > 0;) {
		size_t end = r + 1 < m->nruns ? m->runs[r + 1].at : m->nmap;

		if (n >= m->runs[r].n && n - m->runs[r].n < end - m->runs[r].at)
			return *i = m->map[m->runs[r].at + (size_t)(n - m->runs[r].n)], true;
	}
	return false;
}

const struct model_entry *
model_entry_of(const struct model *m, uint64_t n)
{
	size_t i;

	return model_index_of(m, n, &i) ? model_entry(m, i) : NULL;
}

long
model_waiting(const struct model *m, long i)
{
	for (size_t k = 0; k < m->nwaiting; k++)
		if ((long)m->waiting[k] > i)
			return (long)m->waiting[k];
	return -1;
}

void
model_waits(struct model *m, size_t i, bool waits)
{
	size_t k = 0;

	while (k < m->nwaiting && m->waiting[k] < i)
		k++;
	if (waits == (k < m->nwaiting && m->waiting[k] == i))
		return;
	if (!waits) {
		memmove(m->waiting + k, m->waiting + k + 1, (m->nwaiting - k - 1) * sizeof *m->waiting);
		m->nwaiting--;
		return;
	}
	if (m->nwaiting == m->cap_waiting) {
		m->cap_waiting = m->cap_waiting < 16 ? 16 : m->cap_waiting * 2;
		m->waiting = must_realloc(m->waiting, m->cap_waiting * sizeof *m->waiting);
	}
	memmove(m->waiting + k + 1, m->waiting + k, (m->nwaiting - k) * sizeof *m->waiting);
	m->waiting[k] = i;
	m->nwaiting++;
}

const struct model_entry *
model_running(const struct model *m)
{
	return m->running > 0 ? &m->slots[m->running - 1]->e : NULL;
}

void
model_verdict(const struct model *m, struct transcript_report *out)
{
	if (m->verifier != NULL) {
		transcript_verify_report(m->verifier, 0, out);
		return;
	}
	memset(out, 0, sizeof *out);
	out->verdict = TRANSCRIPT_OPEN;
	out->n = m->last;
}
