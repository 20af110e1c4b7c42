/* SPDX-License-Identifier: GPL-3.0-or-later */
/* How the database is reached: the hops, what the server is, what the account may do, which secret is asked from whom. */
#include "config.h"

#include "model_priv.h"

#include <stdlib.h>
#include <string.h>

#include "twokey/base/cap.h"
#include "twokey/base/excess.h"
#include "twokey/base/json.h"

enum { NUMBER_MAX = 1000000000 };

/* A number of a field, -1 when it is none that can be. */
static int64_t
count_of(const json_t *fields, const char *key)
{
	int64_t n = json_int(fields, key, -1);

	return n >= 0 ? n : -1;
}

static void
fold_caps(struct model_header *h, const json_t *fields)
{
	const json_t *v;
	enum cap cap;
	size_t i;

	h->caps = 0;
	json_array_foreach(json_object_get(fields, "caps"), i, v)
		if (json_is_string(v) && cap_parse(json_string_value(v), &cap))
			h->caps |= CAP_BIT(cap);
}

static void
fold_connected(struct model_header *h, const json_t *fields)
{
	const json_t *limits = json_object_get(fields, "limits");

	model_copy_str(fields, "engine", h->engine, sizeof h->engine);
	model_copy_str(fields, "version", h->version, sizeof h->version);
	model_copy_str(fields, "release", h->release, sizeof h->release);
	model_copy_str(fields, "database", h->database, sizeof h->database);
	model_copy_str(fields, "role", h->role, sizeof h->role);
	model_copy_str(fields, "standing", h->standing, sizeof h->standing);
	model_copy_str(fields, "source", h->source, sizeof h->source);
	h->lag_ms = count_of(fields, "lag");
	h->encrypted = json_bool(fields, "encrypted");
	h->limits = (struct model_limits){ count_of(limits, "statement_ms"), count_of(limits, "lock_ms"),
	    count_of(limits, "rows"), count_of(limits, "bytes") };
	fold_caps(h, fields);
	h->connected = true;
}

/* The kinds of a list as a set; one that this version does not know is told by *other. */
static uint64_t
kinds_of(const json_t *fields, const char *key, bool *other)
{
	const json_t *v;
	uint64_t set = 0;
	enum excess x;
	size_t i;

	json_array_foreach(json_object_get(fields, key), i, v)
		if (json_is_string(v) && excess_parse(json_string_value(v), &x))
			set |= UINT64_C(1) << x;
		else
			*other = true;
	return set;
}

static void
fold_audit(struct model *m, const json_t *fields)
{
	m->h.audited = true;
	m->h.found = kinds_of(fields, "kinds", &m->h.other_excess);
	json_decref(m->audit);
	m->audit = json_incref(model_body_fields(m, "audit"));
}

static void
fold_account(struct model_header *h, const json_t *fields)
{
	const json_t *refused = json_object_get(fields, "refused");

	h->account = true;
	h->shown = kinds_of(fields, "shown", &h->other_excess);
	h->accepted = kinds_of(fields, "accepted", &h->other_excess);
	h->refused = kinds_of(fields, "refused", &h->other_excess);
	h->account_ok = json_is_array(refused) && json_array_size(refused) == 0;
	model_copy_str(fields, "shared", h->shared, sizeof h->shared);
}

bool
model_hop_opens(const json_t *fields)
{
	static const char *const steps[] = { "resolving", "connecting", "connected", "host-key-checked", "authenticated",
		"open" };
	const char *state = json_str(fields, "state", NULL);

	for (size_t i = 0; state != NULL && i < sizeof steps / sizeof steps[0]; i++)
		if (strcmp(state, steps[i]) == 0)
			return true;
	return false;
}

static double
ms_of(const json_t *fields)
{
	const json_t *v = json_object_get(fields, "took");
	double ms = json_is_number(v) ? json_number_value(v) : -1;

	return ms >= 0 && ms < NUMBER_MAX ? ms : -1;
}

/* What an event does not say stays as it was: the key and the latency of a hop that is lost are still worth seeing. */
static void
fold_hop(struct model *m, const json_t *fields)
{
	int64_t n = json_int(fields, "hop", 0);
	struct model_hop *h;
	char *why;

	if (n < 1 || n > MODEL_HOPS_MAX)
		return;
	h = &m->h.hops[n - 1];
	if (h->name[0] == '\0')
		h->ms = h->in = h->out = -1;
	if ((size_t)n > m->h.nhops)
		m->h.nhops = (size_t)n;
	model_copy_str(fields, "name", h->name, sizeof h->name);
	model_copy_str(fields, "state", h->state, sizeof h->state);
	model_copy_str(fields, "code", h->code, sizeof h->code);
	if (json_object_get(fields, "key") != NULL) {
		model_copy_str(fields, "key", h->key, sizeof h->key);
		model_copy_str(fields, "type", h->type, sizeof h->type);
	}
	if (ms_of(fields) >= 0)
		h->ms = ms_of(fields);
	h->in = json_object_get(fields, "bytes_in") != NULL ? count_of(fields, "bytes_in") : h->in;
	h->out = json_object_get(fields, "bytes_out") != NULL ? count_of(fields, "bytes_out") : h->out;
	why = model_body_text(m, "why", NULL);
	model_copy_text(why, h->why, sizeof h->why);
	free(why);
}

static void
fold_wanted(struct model_header *h, uint64_t n, const json_t *fields)
{
	struct model_wanted *w = &h->wanted[h->nwanted];

	if (h->nwanted == MODEL_WANTED_MAX || h->ended)
		return;
	w->n = n;
	model_copy_str(fields, "by", w->by, sizeof w->by);
	model_copy_str(fields, "of_what", w->of, sizeof w->of);
	model_copy_str(fields, "what", w->what, sizeof w->what);
	h->nwanted++;
}

static void
fold_given(struct model_header *h, const json_t *fields)
{
	int64_t of = json_int(fields, "of", 0);
	size_t i = 0;

	while (i < h->nwanted && (int64_t)h->wanted[i].n != of)
		i++;
	if (i == h->nwanted)
		return;
	memmove(h->wanted + i, h->wanted + i + 1, (h->nwanted - i - 1) * sizeof h->wanted[0]);
	h->nwanted--;
}

bool
model_fold_reach(struct model *m, const struct transcript_line *l, const json_t *fields)
{
	struct model_header *h = &m->h;

	if (l->kind == TRANSCRIPT_EVENT_CONNECTED)
		fold_connected(h, fields);
	else if (l->kind == TRANSCRIPT_EVENT_AUDIT)
		fold_audit(m, fields);
	else if (l->kind == TRANSCRIPT_EVENT_ACCOUNT)
		fold_account(h, fields);
	else if (l->kind == TRANSCRIPT_EVENT_TUNNEL)
		fold_hop(m, fields);
	else if (l->kind == TRANSCRIPT_EVENT_WANTED || l->kind == TRANSCRIPT_EVENT_LOCKED)
		fold_wanted(h, l->n, fields);
	else if (l->kind == TRANSCRIPT_EVENT_GIVEN)
		fold_given(h, fields);
	else
		return false;
	return true;
}
