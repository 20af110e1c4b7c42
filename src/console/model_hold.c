/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What has run and is not kept yet, and changes that are collected. */
#include "config.h"

#include "model_priv.h"

#include <stdlib.h>
#include <string.h>

#include "twokey/base/json.h"
#include "twokey/base/must.h"

void
model_hold_free(struct model_hold *h)
{
	json_decref(h->event);
	free(h->note);
	free(h->typed);
	free(h->reason);
}

void
model_hold_own(struct model_hold *h)
{
	json_incref(h->event);
	h->note = h->note != NULL ? must_strdup(h->note) : NULL;
	h->typed = h->typed != NULL ? must_strdup(h->typed) : NULL;
	h->reason = h->reason != NULL ? must_strdup(h->reason) : NULL;
}

static void
take_held(struct model *m, size_t i, const struct transcript_line *l, const json_t *fields, int64_t wall_us)
{
	struct model_entry *e = &m->slots[i]->e;
	struct model_hold *h = &e->hold;

	h->n = l->n;
	h->event = json_incref((json_t *)fields);
	h->note = model_body_text(m, "note", NULL);
	model_copy_hex(fields, "bind", h->bind);
	h->affected = json_int(fields, "affected", -1);
	h->wall_us = wall_us;
	h->until_us = model_time(fields, "until");
	h->answer = e->state = TRANSCRIPT_EVENT_HELD;
	if (m->running == i + 1)
		m->running = 0;		/* nothing runs: it waits for people */
}

static void
take_opened(struct model_hold *h, const json_t *fields, int64_t wall_us)
{
	if (h->opened_us == 0)
		h->opened_us = wall_us;
	if (json_bool(fields, "last") && h->last_shown_us == 0)
		h->last_shown_us = wall_us;
	model_copy_str(fields, "by", h->opened_by, sizeof h->opened_by);
}

static void
take_answer(struct model *m, size_t i, const struct transcript_line *l, const json_t *fields, int64_t wall_us)
{
	struct model_entry *e = &m->slots[i]->e;
	struct model_hold *h = &e->hold;

	if (h->answer != TRANSCRIPT_EVENT_HELD)
		return;
	h->answer = e->state = l->kind;
	h->answered_us = wall_us;
	model_copy_str(fields, "by", h->by, sizeof h->by);
	model_copy_str(fields, "code", h->code, sizeof h->code);
	model_set_text(m, &h->typed, "typed");
	model_set_text(m, &h->reason, "reason");
	model_copy_str(fields, "key", h->key, sizeof h->key);
	h->touched = json_bool(fields, "touch");
	h->pin = json_bool(fields, "pin");
	m->running = i + 1;	/* it is committed or taken back now */
}

bool
model_fold_hold(struct model *m, size_t i, const struct transcript_line *l, const json_t *fields, int64_t wall_us)
{
	struct model_entry *e = &m->slots[i]->e;

	if (e->kind == MODEL_WRITE && e->hold.n == 0 && e->hold.event == NULL && l->kind == TRANSCRIPT_EVENT_REHEARSED) {
		e->hold.event = json_incref((json_t *)fields);
		e->hold.affected = json_int(fields, "affected", -1);
		return true;
	}
	if (e->kind != MODEL_WRITE || (e->hold.n == 0 && l->kind != TRANSCRIPT_EVENT_HELD))
		return false;
	if (l->kind == TRANSCRIPT_EVENT_HELD) {
		if (e->hold.n == 0 && e->end == NULL)
			take_held(m, i, l, fields, wall_us);
		return true;
	}
	if (l->kind == TRANSCRIPT_EVENT_OPENED) {
		take_opened(&e->hold, fields, wall_us);
		return true;
	}
	if (l->kind != TRANSCRIPT_EVENT_KEPT && l->kind != TRANSCRIPT_EVENT_DENIED && l->kind != TRANSCRIPT_EVENT_WITHDRAWN &&
	    l->kind != TRANSCRIPT_EVENT_EXPIRED && l->kind != TRANSCRIPT_EVENT_VOID)
		return false;
	/* what ends it is told by the database, not by these */
	if (e->end == NULL)
		take_answer(m, i, l, fields, wall_us);
	return true;
}

static void
close_set(struct model *m, struct model_entry *e)
{
	e->staged = m->set.changes;
	memset(&m->set, 0, sizeof m->set);
}

void
model_fold_set(struct model *m, const struct transcript_line *l, const json_t *fields)
{
	struct model_entry *e = &m->slots[m->nslots - 1]->e;

	if (e->kind == MODEL_READ) {
		e->staged = m->set.changes;
	} else if (e->kind == MODEL_STAGED) {
		if (m->set.changes < MODEL_SET_MAX)
			m->set.at[m->set.changes] = m->nslots - 1;
		e->staged = ++m->set.changes;
	} else if (!l->known) {
		;
	} else if (l->kind == TRANSCRIPT_EVENT_BEGUN) {
		e->until_us = model_time(fields, "until");
		m->set = (struct model_set){ .n = l->n, .begun_us = e->wall_us, .until_us = e->until_us };
		memcpy(m->set.by, e->by, sizeof m->set.by);
	} else if (l->kind == TRANSCRIPT_EVENT_DROPPED || l->kind == TRANSCRIPT_EVENT_ENDED || l->kind == TRANSCRIPT_EVENT_SEAL) {
		close_set(m, e);
	}
}

bool
model_is_held(const struct model_entry *e)
{
	return e->kind == MODEL_WRITE && e->state == TRANSCRIPT_EVENT_HELD;
}

long
model_held(const struct model *m)
{
	long i = -1;

	while ((i = model_waiting(m, i)) >= 0)
		if (model_is_held(model_entry(m, (size_t)i)))
			return i;
	return -1;
}

const struct model_set *
model_set(const struct model *m)
{
	return m->set.n > 0 ? &m->set : NULL;
}

bool
model_is_set(const struct model_entry *e)
{
	return e->kind == MODEL_WRITE && json_array_size(json_object_get(e->event, "bounds")) > 0;
}
