/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Events become entries: an event begins one or belongs to one. */
#include "config.h"

#include "model_priv.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "twokey/base/json.h"
#include "twokey/base/must.h"

/* What kind of entry an event begins. */
static enum model_kind
kind_of(const struct transcript_line *l)
{
	if (!l->known)
		return MODEL_STATE;
	if (l->kind == TRANSCRIPT_EVENT_READ)
		return MODEL_READ;
	if (l->kind == TRANSCRIPT_EVENT_REQUEST)
		return MODEL_WRITE;
	if (l->kind == TRANSCRIPT_EVENT_STAGED)
		return MODEL_STAGED;
	if (l->kind == TRANSCRIPT_EVENT_DESCRIBE)
		return MODEL_DESCRIBE;
	if (l->kind == TRANSCRIPT_EVENT_REFUSED)
		return MODEL_REFUSED;
	if (l->kind == TRANSCRIPT_EVENT_SAID)
		return MODEL_MESSAGE;
	if (l->kind == TRANSCRIPT_EVENT_NOTED)
		return MODEL_NOTE;
	return MODEL_STATE;
}

static void
grow_map(struct model *m, uint32_t entry)
{
	if (m->nmap == m->cap_map) {
		m->cap_map = m->cap_map < 64 ? 64 : m->cap_map * 2;
		m->map = must_realloc(m->map, m->cap_map * sizeof *m->map);
	}
	m->map[m->nmap++] = entry;
}

static struct model_slot *
append(struct model *m)
{
	if (m->nslots == m->cap_slots) {
		m->cap_slots = m->cap_slots < 64 ? 64 : m->cap_slots * 2;
		m->slots = must_realloc(m->slots, m->cap_slots * sizeof(struct model_slot *));
	}
	m->slots[m->nslots] = model_slot_create();
	return m->slots[m->nslots++];
}

static void
fill_common(struct model_entry *e, const struct transcript_line *l, const json_t *fields, int64_t wall_us)
{
	e->n = e->last_n = l->n;
	e->kind = kind_of(l);
	e->state = l->known ? l->kind : TRANSCRIPT_EVENT_NOTED;
	e->wall_us = wall_us;
	e->ms = l->ms;
	e->event = json_incref((json_t *)fields);
	model_copy_str(fields, "by", e->by, sizeof e->by);
	model_copy_str(fields, "class", e->class, sizeof e->class);
	model_copy_str(fields, l->known ? "verb" : "ev", e->verb, sizeof e->verb);
	model_copy_str(fields, "code", e->code, sizeof e->code);
	model_copy_hex(fields, "digest", e->digest);
	e->dangers = model_dangers(fields);
}

/* How many rows are meant, and why. */
static void
fill_bound(struct model *m, struct model_entry *e, const json_t *fields)
{
	char op[sizeof e->op];

	model_copy_str(fields, "act", e->act, sizeof e->act);
	model_copy_str(fields, "op", op, sizeof op);
	if (strcmp(op, "=") == 0 || strcmp(op, "<=") == 0)
		memcpy(e->op, op, sizeof e->op);
	e->rows_wanted = json_int(fields, "rows", -1);
	e->reason = model_body_text(m, "reason", NULL);
}

static void
fill_request(struct model *m, struct model_entry *e, const json_t *fields)
{
	model_copy_str(fields, "table", e->table, sizeof e->table);
	fill_bound(m, e, fields);
	e->until_us = model_time(fields, "until");
	model_waits(m, m->nslots - 1, true);
}

static void
begin_entry(struct model *m, const struct transcript_line *l, const json_t *fields, int64_t wall_us)
{
	struct model_entry *e = &append(m)->e;

	fill_common(e, l, fields, wall_us);
	switch (e->kind) {
	case MODEL_READ:
		e->sql = model_body_text(m, "sql", &e->sql_len);
		m->running = m->nslots;
		break;
	case MODEL_DESCRIBE:
		e->sql = model_body_text(m, "name", &e->sql_len);
		model_copy_str(fields, "subject", e->verb, sizeof e->verb);
		m->running = m->nslots;
		break;
	case MODEL_WRITE:
		e->sql = model_body_text(m, "sql", &e->sql_len);
		fill_request(m, e, fields);
		break;
	case MODEL_STAGED:
		e->sql = model_body_text(m, "sql", &e->sql_len);
		fill_bound(m, e, fields);
		break;
	case MODEL_REFUSED:
		e->sql = model_body_text(m, "sql", &e->sql_len);
		e->answer = model_body_text(m, "why", NULL);
		break;
	case MODEL_MESSAGE:
	case MODEL_NOTE:
		e->sql = model_body_text(m, "text", &e->sql_len);
		break;
	case MODEL_STATE:
		e->answer = model_body_text(m, "why", NULL);
		if (l->known && l->kind == TRANSCRIPT_EVENT_AUDIT)
			e->audit = json_incref(model_body_fields(m, "audit"));
		break;
	}
	model_fold_set(m, l, fields);
	grow_map(m, (uint32_t)(m->nslots - 1));
}

/* The steps of opening a hop are one entry, which says the latest. */
static bool
fold_hop(struct model *m, const struct transcript_line *l, const json_t *fields)
{
	int64_t hop = json_int(fields, "hop", 0);
	struct model_slot *s;
	size_t *at;

	if (!l->known || l->kind != TRANSCRIPT_EVENT_TUNNEL || hop < 1 || hop > MODEL_HOPS_MAX)
		return false;
	at = &m->hop_entry[hop - 1];
	if (*at == 0 || !model_hop_opens(fields)) {
		*at = model_hop_opens(fields) ? m->nslots + 1 : 0;
		return false;
	}
	s = model_slot_write(m, *at - 1);
	json_decref(s->e.event);
	s->e.event = json_incref((json_t *)fields);
	s->e.last_n = l->n;
	grow_map(m, (uint32_t)(*at - 1));
	return true;
}

void
model_fold(struct model *m, const struct transcript_line *l, const json_t *fields, int64_t wall_us)
{
	int64_t of = json_int(fields, "of", 0);
	size_t at;

	/* a request or read never belongs to another one, whatever it says */
	if (l->known && of > 0 && kind_of(l) == MODEL_STATE && model_index_of(m, (uint64_t)of, &at)) {
		enum model_kind kind = m->slots[at]->e.kind;

		if ((kind == MODEL_READ || kind == MODEL_WRITE || kind == MODEL_DESCRIBE) && model_fold_of(m, at, l, fields, wall_us)) {
			grow_map(m, (uint32_t)at);
			return;
		}
	}
	if (!fold_hop(m, l, fields))
		begin_entry(m, l, fields, wall_us);
}

bool
model_only_reads(const struct model_entry *e)
{
	return e->kind == MODEL_WRITE && strcmp(e->class, "read") == 0;
}

bool
model_is_waiting(const struct model_entry *e)
{
	return e->kind == MODEL_WRITE && (e->state == TRANSCRIPT_EVENT_REQUEST ||
	    e->state == TRANSCRIPT_EVENT_SHEET || e->state == TRANSCRIPT_EVENT_OPENED ||
	    e->state == TRANSCRIPT_EVENT_ASKED || e->state == TRANSCRIPT_EVENT_REPLIED || e->state == TRANSCRIPT_EVENT_TURNED ||
	    e->state == TRANSCRIPT_EVENT_HELD);
}

bool
model_turned_words(const struct model_entry *e, char *out, size_t max)
{
	const char *by = e->hold.n > 0 ? e->hold.turned_by : e->turned_by;

	if (by[0] == '\0' || !model_is_waiting(e))
		return false;
	snprintf(out, max, "1 of 2 keys turned, by %s; waits for the %s's", by,
	    strcmp(model_turned_side(e), "firm") == 0 ? "customer" : "firm");
	return true;
}

const char *
model_turned_side(const struct model_entry *e)
{
	return e->hold.n > 0 ? e->hold.turned_side : e->turned_side;
}
