/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the later events of a statement change in its entry. */
#include "config.h"

#include "model_priv.h"

#include <stdlib.h>
#include <string.h>

#include "twokey/base/buf.h"
#include "twokey/base/json.h"
#include "twokey/base/must.h"

enum { TALK_MAX = 1000, PARTS_MAX = 1 << 20 };

void
model_set_text(const struct model *m, char **place, const char *k)
{
	if (*place == NULL)
		*place = model_body_text(m, k, NULL);
}

static void
add_talk(struct model *m, struct model_entry *e, const json_t *fields, int64_t wall_us)
{
	size_t i = e->ntalk;

	if (i == TALK_MAX)
		return;
	e->talk = must_realloc(e->talk, (i + 1) * sizeof *e->talk);
	model_copy_str(fields, "by", e->talk[i].by, sizeof e->talk[i].by);
	e->talk[i].text = model_body_text(m, "text", NULL);
	e->talk[i].wall_us = wall_us;
	e->ntalk++;
}

static void
add_rows(struct model *m, struct model_slot *s, const struct transcript_line *l)
{
	struct model_entry *e = &s->e;
	size_t i = e->nresults;
	json_t *body = model_body_fields(m, "rows");

	if (i == PARTS_MAX)
		return;
	if ((i & (i - 1)) == 0) {
		size_t room = i == 0 ? 1 : 2 * i;

		e->results = must_realloc(e->results, room * sizeof *e->results);
		e->parts = must_realloc(e->parts, room * sizeof *e->parts);
	}
	e->parts[i] = l->n;
	e->results[i] = m->load == NULL && s->rows_seen < (e->kind == MODEL_DESCRIBE ? MODEL_NAMES_KEPT : MODEL_ROWS_KEPT) ?
	    json_incref(body) : NULL;
	s->rows_seen += json_array_size(json_object_get(body, "rows"));
	e->nresults++;
}

static void
take_sheet(struct model *m, struct model_entry *e, const json_t *fields)
{
	if (e->sheet != NULL)
		return;		/* the sheet that was shown stays */
	e->sheet = json_incref((json_t *)fields);
	e->count = json_int(fields, "count", -1);
	e->table_rows = json_int(fields, "table_rows", -1);
	e->table_bytes = json_int(fields, "table_bytes", -1);
	e->dangers |= model_dangers(fields);
	model_copy_hex(fields, "bind", e->bind);
	e->derived = model_body_text(m, "derived", NULL);
	e->note = model_body_text(m, "note", NULL);
	e->change = model_body_text(m, "change", NULL);
	e->sample = json_incref(model_body_fields(m, "sample"));
	e->locks = json_incref(model_body_fields(m, "locks"));
}

static double
real_of(const json_t *fields, const char *key)
{
	const json_t *v = json_object_get(fields, key);
	double d = json_is_number(v) ? json_number_value(v) : 0;

	return d > 0 && d < 1e12 ? d : 0;
}

static void
take_opened(struct model_entry *e, const json_t *fields, int64_t wall_us)
{
	if (e->opened_us == 0)
		e->opened_us = wall_us;
	if (json_bool(fields, "last") && e->last_shown_us == 0)
		e->last_shown_us = wall_us;
	model_copy_str(fields, "by", e->opened_by, sizeof e->opened_by);
}

static void
take_answer(struct model_entry *e, const json_t *fields, int64_t wall_us)
{
	e->answered_us = wall_us;
	model_copy_str(fields, "by", e->answered_by, sizeof e->answered_by);
}

/* What the text to be signed needs; it still waits. */
static void
take_signing(const struct model *m, struct model_entry *e, const struct transcript_line *l, const json_t *fields)
{
	e->signing.n = l->n;
	e->signing.head = m->line;
	model_copy_str(fields, "by", e->signing.by, sizeof e->signing.by);
	model_copy_str(fields, "nonce", e->signing.nonce, sizeof e->signing.nonce);
	model_copy_str(fields, "until", e->signing.until, sizeof e->signing.until);
	/* while it is held others wait for what is locked: that clock goes on */
	if (e->hold.n == 0 && model_time(fields, "until") > e->until_us)
		e->until_us = model_time(fields, "until");
}

/* The statement is over. */
static void
take_end(struct model *m, struct model_entry *e, const struct transcript_line *l, const json_t *fields,
    int64_t wall_us)
{
	json_decref(e->end);
	e->end = json_incref((json_t *)fields);
	e->end_us = wall_us;
	e->ms_server = real_of(fields, "took");
	e->position = json_int(fields, "position", 0);
	if (l->kind == TRANSCRIPT_EVENT_DONE) {
		e->rows = json_int(fields, "rows", -1);
		e->cut = json_bool(fields, "cut");
	} else {
		e->rows = json_int(fields, "affected", -1);
	}
	model_copy_str(fields, json_str(fields, "state", NULL) != NULL ? "state" : "code", e->code, sizeof e->code);
	if (l->kind == TRANSCRIPT_EVENT_OUTCOME || l->kind == TRANSCRIPT_EVENT_SETTLED) {	/* the last word counts */
		free(e->answer);
		e->answer = NULL;
	}
	model_set_text(m, &e->answer, l->kind == TRANSCRIPT_EVENT_FAILED ? "error" :
	    l->kind == TRANSCRIPT_EVENT_DENIED ? "reason" : "why");
	model_set_text(m, &e->notices, "notices");
}

static void
stop_running(struct model *m, size_t i)
{
	if (m->running == i + 1)
		m->running = 0;
}

/* Events that only add to an entry, its state set by the caller. */
static bool
fold_step(struct model *m, struct model_slot *s, const struct transcript_line *l, const json_t *fields,
    int64_t wall_us)
{
	struct model_entry *e = &s->e;

	if (l->kind == TRANSCRIPT_EVENT_SHEET) {
		take_sheet(m, e, fields);
	} else if (l->kind == TRANSCRIPT_EVENT_OPENED) {
		take_opened(e, fields, wall_us);
		model_reading_opened(e, fields, wall_us);
	} else if (l->kind == TRANSCRIPT_EVENT_ALLOWED) {
		take_answer(e, fields, wall_us);
		model_reading_answered(e, l->kind, fields, wall_us);
		model_set_text(m, &e->typed, "typed");
		model_copy_str(fields, "key", e->key, sizeof e->key);
		e->touched = json_bool(fields, "touch");
		e->pin = json_bool(fields, "pin");
	} else if (l->kind == TRANSCRIPT_EVENT_TURNED) {
		if (e->hold.n == 0)
			model_reading_answered(e, l->kind, fields, wall_us);
		model_copy_str(fields, "by", e->hold.n > 0 ? e->hold.turned_by : e->turned_by, sizeof e->turned_by);
		model_copy_str(fields, "side", e->hold.n > 0 ? e->hold.turned_side : e->turned_side, sizeof e->turned_side);
	} else if (l->kind == TRANSCRIPT_EVENT_ASKED || l->kind == TRANSCRIPT_EVENT_REPLIED) {
		add_talk(m, e, fields, wall_us);
		if (model_time(fields, "until") != 0)
			e->until_us = model_time(fields, "until");
	} else {
		return l->kind == TRANSCRIPT_EVENT_RUN || l->kind == TRANSCRIPT_EVENT_COMMITTING;
	}
	return true;
}

static bool
is_end(enum transcript_event_kind k)
{
	return k == TRANSCRIPT_EVENT_DONE || k == TRANSCRIPT_EVENT_COSTLY || k == TRANSCRIPT_EVENT_FAILED || k == TRANSCRIPT_EVENT_COMMITTED ||
	    k == TRANSCRIPT_EVENT_ROLLEDBACK || k == TRANSCRIPT_EVENT_UNKNOWN || k == TRANSCRIPT_EVENT_OUTCOME ||
	    k == TRANSCRIPT_EVENT_SETTLED ||
	    k == TRANSCRIPT_EVENT_DENIED || k == TRANSCRIPT_EVENT_WITHDRAWN || k == TRANSCRIPT_EVENT_EXPIRED ||
	    k == TRANSCRIPT_EVENT_VOID;
}

/* A request that has ended does not wait again, nor one that was answered, whatever comes late. */
static bool
goes_on(const struct model_entry *e, enum transcript_event_kind k)
{
	if (e->end != NULL)
		return false;
	return e->answered_us == 0 || k == TRANSCRIPT_EVENT_ALLOWED || k == TRANSCRIPT_EVENT_RUN ||
	    k == TRANSCRIPT_EVENT_COMMITTING;
}

/* No broker writes what is odd here; who holds a transcript may be shown another one. */
static void
take_step(struct model_entry *e, enum transcript_event_kind k)
{
	if (k == TRANSCRIPT_EVENT_ALLOWED)
		e->allowed = true;
	if (k == TRANSCRIPT_EVENT_RUN)
		e->unallowed = e->unallowed || !e->allowed || e->end != NULL;
	else if (k == TRANSCRIPT_EVENT_HELD || k == TRANSCRIPT_EVENT_COMMITTING || k == TRANSCRIPT_EVENT_COMMITTED)
		e->unallowed = e->unallowed || !e->ran;
	e->ran = e->ran || k == TRANSCRIPT_EVENT_RUN;
}

bool
model_fold_of(struct model *m, size_t i, const struct transcript_line *l, const json_t *fields, int64_t wall_us)
{
	struct model_slot *s = model_slot_write(m, i);
	struct model_entry *e = &s->e;

	if (model_fold_hold(m, i, l, fields, wall_us)) {
		;
	} else if (l->kind == TRANSCRIPT_EVENT_ROWS) {
		add_rows(m, s, l);
	} else if (l->kind == TRANSCRIPT_EVENT_CANCEL) {
		;	/* asked for; what became of it is told by its end */
	} else if (l->kind == TRANSCRIPT_EVENT_SIGNING) {
		take_signing(m, e, l, fields);
	} else if (is_end(l->kind)) {
		if (l->kind == TRANSCRIPT_EVENT_DENIED || l->kind == TRANSCRIPT_EVENT_WITHDRAWN)
			take_answer(e, fields, wall_us);
		model_reading_answered(e, l->kind, fields, wall_us);
		take_end(m, e, l, fields, wall_us);
		e->state = l->kind;
		/* a read that was not run is none */
		m->h.reads -= l->kind == TRANSCRIPT_EVENT_COSTLY && e->kind == MODEL_READ && m->h.reads > 0;
		m->h.reads += l->kind == TRANSCRIPT_EVENT_DONE && e->kind == MODEL_WRITE;
		stop_running(m, i);
	} else if (fold_step(m, s, l, fields, wall_us)) {
		if (goes_on(e, l->kind))
			e->state = l->kind;
	} else {
		return false;
	}
	take_step(e, l->kind);
	if (l->kind == TRANSCRIPT_EVENT_RUN && e->end == NULL)
		m->running = i + 1;
	model_waits(m, i, model_is_waiting(e));
	e->last_n = l->n;
	return true;
}
