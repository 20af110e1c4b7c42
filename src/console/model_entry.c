/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Entries and bodies: memory, copies, and what is taken from fields that nobody vouches for. */
#include "config.h"

#include "model_priv.h"

#include <stdlib.h>
#include <string.h>

#include "twokey/base/buf.h"
#include "twokey/base/clock.h"
#include "twokey/base/json.h"
#include "twokey/base/must.h"
#include "twokey/sql/class.h"

/* Serials are compared by views that outlive a model, so they are never given out twice. */
static uint64_t
next_serial(void)
{
	static uint64_t serial;

	return ++serial;
}

struct model_slot *
model_slot_create(void)
{
	struct model_slot *s = must_zalloc(sizeof *s);

	s->refs = 1;
	s->e.serial = next_serial();
	s->e.rows_wanted = s->e.count = s->e.table_rows = s->e.table_bytes = s->e.rows = -1;
	return s;
}

void
model_slot_release(struct model_slot *s)
{
	struct model_entry *e = &s->e;

	if (--s->refs > 0)
		return;
	free(e->sql);
	free(e->reason);
	free(e->answer);
	free(e->notices);
	free(e->typed);
	free(e->derived);
	free(e->note);
	free(e->change);
	json_decref(e->sheet);
	json_decref(e->event);
	json_decref(e->sample);
	json_decref(e->locks);
	json_decref(e->audit);
	json_decref(e->end);
	model_hold_free(&e->hold);
	for (size_t i = 0; i < e->nresults; i++)
		json_decref(e->results[i]);
	for (size_t i = 0; i < e->ntalk; i++)
		free(e->talk[i].text);
	free(e->results);
	free(e->parts);
	free(e->talk);
	free(s);
}

static char *
copy_bytes(const char *s, size_t n)
{
	char *out;

	if (s == NULL)
		return NULL;
	out = must_alloc(n + 1);
	memcpy(out, s, n);
	out[n] = '\0';
	return out;
}

static char *
copy_string(const char *s)
{
	return s != NULL ? must_strdup(s) : NULL;
}

/* Rows grow by powers of two (model_write.c), so a copy has that room too. */
static size_t
room_for(size_t n)
{
	size_t room = 1;

	while (room < n)
		room *= 2;
	return room;
}

static struct model_slot *
slot_clone(const struct model_slot *old)
{
	struct model_slot *s = must_alloc(sizeof *s);
	struct model_entry *e = &s->e;

	*s = *old;
	s->refs = 1;
	e->sql = copy_bytes(e->sql, e->sql_len);
	e->reason = copy_string(e->reason);
	e->answer = copy_string(e->answer);
	e->notices = copy_string(e->notices);
	e->typed = copy_string(e->typed);
	e->derived = copy_string(e->derived);
	e->note = copy_string(e->note);
	e->change = copy_string(e->change);
	json_incref(e->sheet);
	json_incref(e->event);
	json_incref(e->sample);
	json_incref(e->locks);
	json_incref(e->audit);
	json_incref(e->end);
	model_hold_own(&e->hold);
	if (e->nresults > 0) {
		e->results = must_alloc(room_for(e->nresults) * sizeof *e->results);
		e->parts = must_alloc(room_for(e->nresults) * sizeof *e->parts);
		memcpy(e->parts, old->e.parts, e->nresults * sizeof *e->parts);
		for (size_t i = 0; i < e->nresults; i++)
			e->results[i] = json_incref(old->e.results[i]);
	}
	if (e->ntalk > 0) {
		e->talk = must_alloc(e->ntalk * sizeof *e->talk);
		memcpy(e->talk, old->e.talk, e->ntalk * sizeof *e->talk);
		for (size_t i = 0; i < e->ntalk; i++)
			e->talk[i].text = copy_string(e->talk[i].text);
	}
	return s;
}

struct model_slot *
model_slot_write(struct model *m, size_t i)
{
	struct model_slot *s = m->slots[i];

	if (s->refs > 1) {
		m->slots[i] = slot_clone(s);
		model_slot_release(s);
		s = m->slots[i];
	}
	s->e.serial = next_serial();
	return s;
}

json_t *
model_body_parse(const char *line, size_t n)
{
	/* a NUL in a text is data here; it is shown as a mark */
	json_t *v = json_loadb(line, n, JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, NULL);

	if (json_is_object(v))
		return v;
	json_decref(v);
	return NULL;
}

json_t *
model_body_fields(const struct model *m, const char *k)
{
	for (size_t i = 0; i < m->nbodies; i++)
		if (strcmp(m->bodies[i].b.k, k) == 0)
			return m->bodies[i].b.fields;
	return NULL;
}

char *
model_body_text(const struct model *m, const char *k, size_t *n)
{
	const json_t *fields = model_body_fields(m, k);
	char *out = NULL;
	struct buf b;

	if (n != NULL)
		*n = 0;
	if (fields == NULL)
		return NULL;
	buf_init(&b, TRANSCRIPT_LINE_MAX);
	if (json_get_bytes(fields, "text", &b) == 0) {
		if (n != NULL)
			*n = buf_len(&b);
		out = buf_take(&b);
	}
	buf_fini(&b);
	return out;
}

void
model_bodies_drop(struct model *m)
{
	for (size_t i = 0; i < m->nbodies; i++) {
		free(m->bodies[i].b.k);
		json_decref(m->bodies[i].b.fields);
	}
	m->nbodies = 0;
}

void
model_copy_str(const json_t *fields, const char *key, char *out, size_t size)
{
	model_copy_text(json_str(fields, key, NULL), out, size);
}

void
model_copy_text(const char *s, char *out, size_t size)
{
	size_t n = s != NULL ? strlen(s) : 0;

	out[0] = '\0';
	if (s == NULL)
		return;
	if (n >= size) {
		n = size - 1;
		while (n > 0 && ((unsigned char)s[n] & 0xc0) == 0x80)
			n--;	/* no half character */
	}
	memcpy(out, s, n);
	out[n] = '\0';
}

void
model_copy_hex(const json_t *fields, const char *key, char out[DIGEST_HEX + 1])
{
	size_t n;
	const char *s = json_str(fields, key, &n);
	struct digest d;

	out[0] = '\0';
	if (s != NULL && digest_parse(s, n, &d))
		digest_hex(&d, out);
}

uint64_t
model_dangers(const json_t *fields)
{
	uint64_t set = 0;
	enum sql_danger danger;
	const json_t *v;
	size_t i;

	json_array_foreach(json_object_get(fields, "dangers"), i, v)
		if (json_is_string(v) && sql_danger_parse(json_string_value(v), &danger))
			set |= SQL_DANGER_BIT(danger);
	return set;
}

int64_t
model_time(const json_t *fields, const char *key)
{
	size_t n;
	const char *s = json_str(fields, key, &n);
	int64_t us;

	return s != NULL && clock_parse(s, n, &us) == 0 ? us : 0;
}
