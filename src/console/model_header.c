/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the title rows know: ticket, target, people, and how the session stands. */
#include "config.h"

#include "model_priv.h"

#include <string.h>

#include "twokey/base/json.h"

static struct model_person *
person(struct model_header *h, const char *name)
{
	struct model_person *p;

	for (size_t i = 0; i < h->npeople; i++)
		if (strcmp(h->people[i].name, name) == 0)
			return &h->people[i];
	if (h->npeople == MODEL_PEOPLE_MAX || name[0] == '\0')
		return NULL;
	p = &h->people[h->npeople++];
	memset(p, 0, sizeof *p);
	strncpy(p->name, name, sizeof p->name - 1);
	return p;
}

static void
fold_people(struct model_header *h, const json_t *fields)
{
	const json_t *v;
	size_t i;

	json_array_foreach(json_object_get(fields, "people"), i, v) {
		char name[MODEL_NAME_MAX];
		struct model_person *p;

		model_copy_str(v, "person", name, sizeof name);
		p = person(h, name);
		if (p == NULL)
			continue;
		model_copy_str(v, "side", p->side, sizeof p->side);
		model_copy_str(v, "seat", p->seat, sizeof p->seat);
	}
}

static void
fold_begin(struct model_header *h, const json_t *fields, int64_t wall_us)
{
	if (h->session[0] != '\0')
		return;		/* what the first line fixed stays */
	model_copy_str(fields, "session", h->session, sizeof h->session);
	model_copy_str(fields, "ticket", h->ticket, sizeof h->ticket);
	model_copy_str(fields, "access", h->access, sizeof h->access);
	model_copy_str(fields, "stage", h->stage, sizeof h->stage);
	model_copy_str(fields, "broker", h->broker, sizeof h->broker);
	model_copy_str(fields, "target", h->target, sizeof h->target);
	model_copy_str(fields, "engine", h->engine, sizeof h->engine);
	h->unverified = json_bool(fields, "unverified");
	h->other_host = json_object_get(fields, "answer_from") != NULL;
	h->hold_always = json_object_get(fields, "hold") != NULL;
	h->expires_us = model_time(fields, "expires");
	h->begin_us = wall_us;
	fold_people(h, fields);
}

static void
fold_person(struct model_header *h, enum transcript_event_kind kind, const json_t *fields)
{
	char name[MODEL_NAME_MAX];
	struct model_person *p;

	model_copy_str(fields, "by", name, sizeof name);
	p = person(h, name);
	if (p == NULL)
		return;
	if (kind == TRANSCRIPT_EVENT_JOINED) {
		model_copy_str(fields, "seat", p->seat, sizeof p->seat);
		model_copy_str(fields, "side", p->side, sizeof p->side);
		p->joined = true;
		p->remote = json_bool(fields, "remote");
		p->away = false;
		h->unverified = h->unverified || json_bool(fields, "unverified");
	} else if (kind == TRANSCRIPT_EVENT_LEFT) {
		p->joined = p->away = false;
	} else {
		p->away = kind == TRANSCRIPT_EVENT_AWAY;
	}
}

bool
model_is_remote(const struct model *m, const char *person)
{
	for (size_t i = 0; i < m->h.npeople; i++)
		if (strcmp(m->h.people[i].name, person) == 0)
			return m->h.people[i].remote;
	return false;
}

static void
fold_paused(struct model_header *h, enum transcript_event_kind kind, const json_t *fields)
{
	bool stops = kind == TRANSCRIPT_EVENT_PAUSED, writes = json_str(fields, "only", NULL) != NULL;

	h->paused = stops && !writes;
	h->alone = stops && writes;
	h->paused_code[0] = h->paused_who[0] = '\0';
	if (!stops)
		return;
	model_copy_str(fields, "code", h->paused_code, sizeof h->paused_code);
	model_copy_str(fields, "who", h->paused_who, sizeof h->paused_who);
}

void
model_fold_header(struct model *m, const struct transcript_line *l, const json_t *fields, int64_t wall_us)
{
	struct model_header *h = &m->h;

	if (h->begin_us == 0)
		h->begin_us = wall_us;
	h->last_us = wall_us;
	h->last_ms = l->ms;
	if (!l->known)
		return;
	if (l->kind == TRANSCRIPT_EVENT_BEGIN) {
		fold_begin(h, fields, wall_us);
	} else if (model_fold_reach(m, l, fields)) {
		;
	} else if (l->kind == TRANSCRIPT_EVENT_JOINED || l->kind == TRANSCRIPT_EVENT_LEFT ||
	    l->kind == TRANSCRIPT_EVENT_AWAY || l->kind == TRANSCRIPT_EVENT_BACK) {
		fold_person(h, l->kind, fields);
	} else if (l->kind == TRANSCRIPT_EVENT_PAUSED || l->kind == TRANSCRIPT_EVENT_RESUMED) {
		fold_paused(h, l->kind, fields);
	} else if (l->kind == TRANSCRIPT_EVENT_ENDED) {
		h->ended = true;
		h->nwanted = 0;
		model_copy_str(fields, "code", h->ended_code, sizeof h->ended_code);
	} else if (l->kind == TRANSCRIPT_EVENT_SEAL) {
		h->sealed = h->ended = true;
	} else if (l->kind == TRANSCRIPT_EVENT_READ) {
		h->reads++;
	} else if (l->kind == TRANSCRIPT_EVENT_COMMITTED) {
		h->writes++;
	} else if (l->kind == TRANSCRIPT_EVENT_DENIED) {
		h->denied++;
	}
}
