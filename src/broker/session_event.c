/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What an event of db or of the recorder does to the gate. */
#include "config.h"

#include <stdio.h>
#include <string.h>

#include "twokey/base/cap.h"
#include "twokey/base/clock.h"
#include "twokey/base/err.h"
#include "twokey/base/json.h"
#include "twokey/base/must.h"
#include "twokey/gate/change.h"
#include "twokey/gate/verdict.h"

#include "session.h"

struct gate_request *
session_request(struct session *s, uint64_t n)
{
	for (size_t i = 0; i < SESSION_REQUESTS_MAX; i++)
		if (s->slots[i].r != NULL && s->slots[i].r->n == n && n != 0)
			return s->slots[i].r;
	return NULL;
}

struct slot *
session_slot(struct session *s, const struct gate_request *r)
{
	size_t i = 0;

	while (i < SESSION_REQUESTS_MAX && s->slots[i].r != r)
		i++;
	must(i < SESSION_REQUESTS_MAX);
	return &s->slots[i];
}

void
session_sweep(struct session *s)
{
	for (size_t i = 0; i < SESSION_REQUESTS_MAX; i++) {
		if (s->slots[i].r == NULL || !gate_state_final(s->slots[i].r->state))
			continue;
		free(s->slots[i].r);
		s->slots[i].r = NULL;
	}
	session_status(s);
}

/* Dangers that the catalogue shows are judged like those of the text. NULL, or why it is asked no more. */
static const char *
not_asked(const struct session *s, const struct slot *slot, const json_t *ev)
{
	struct gate_case c = { .access = s->ticket->access, .stage = s->ticket->stage,
	    .class = slot->class, .dangers = slot->dangers, .caps = s->caps, .is_long = slot->r->lines > GATE_LINES_MAX };
	struct gate_answer a;
	enum sql_danger danger;
	size_t i;
	json_t *v;

	json_array_foreach(json_object_get(ev, "dangers"), i, v) {
		if (!json_is_string(v) || !sql_danger_parse(json_string_value(v), &danger))
			return "dangers";
		c.dangers |= SQL_DANGER_BIT(danger);
	}
	c.named = gate_named_in(s->ticket, &slot->r->digest, slot->r->table, clock_wall_us());
	gate_judge(&c, &a);
	return a.verdict == GATE_ASK ? NULL : a.strict ? "strict" : "dangers";
}

static bool
read_keys(const json_t *ev, struct digest *out)
{
	size_t n;
	const char *hex = json_str(ev, "keys", &n);

	return hex != NULL && digest_parse(hex, n, out);
}

static bool
take_counts(struct gate_request *r, const struct digest *bind, const json_t *counts)
{
	int64_t v[GATE_PARTS_MAX];
	size_t n = json_array_size(counts);
	struct err e;

	for (size_t i = 0; i < n && i < GATE_PARTS_MAX; i++) {
		const json_t *count = json_array_get(counts, i);

		v[i] = json_is_integer(count) ? json_integer_value(count) : -1;
	}
	return n <= GATE_PARTS_MAX && gate_request_sheets(r, bind, v, n, &e) == 0;
}

static void
sheet(struct session *s, const json_t *ev)
{
	struct gate_request *r = session_request(s, (uint64_t)json_int(ev, "of", 0));
	const json_t *count = json_object_get(ev, "count");
	struct digest bind;
	const char *hex, *why;
	struct err e;
	size_t n;

	if (r == NULL || r->state != GATE_STATE_ASKING)
		return;
	hex = json_str(ev, "bind", &n);
	if (hex == NULL || !digest_parse(hex, n, &bind))
		session_void(s, r, "bind");
	else if ((why = not_asked(s, session_slot(s, r), ev)) != NULL)
		session_void(s, r, why);
	else if (!read_keys(ev, &session_slot(s, r)->signing.keys))
		session_void(s, r, "keys");
	else if (r->nparts > 0 ? !take_counts(r, &bind, json_object_get(ev, "counts")) :
	    gate_request_sheet(r, &bind, json_is_integer(count),
	    json_is_integer(count) ? (uint64_t)json_integer_value(count) : 0, &e) != 0)
		session_void(s, r, "bound");
}

/* The end of a request that db or the recorder tells. */
static void
request_end(struct session *s, struct gate_request *r, enum gate_input in)
{
	if (r->state == GATE_STATE_ASKING) {
		session_void(s, r, "sheet");	/* it could not even be looked at */
		return;
	}
	(void)gate_step(&r->state, in);
	session_sweep(s);
}

void
session_event(struct session *s, enum transcript_event_kind kind, const json_t *ev, uint64_t n)
{
	uint64_t of = (uint64_t)json_int(ev, "of", 0);
	struct gate_request *r = session_request(s, of);
	enum gate_input in = GATE_INPUT_FAIL;

	if (kind == TRANSCRIPT_EVENT_CONNECTED) {
		session_connected(s, ev);
	} else if (kind == TRANSCRIPT_EVENT_AUDIT) {
		session_audited(s, ev);
	} else if (kind == TRANSCRIPT_EVENT_WANTED || kind == TRANSCRIPT_EVENT_LOCKED) {
		session_wanted(s, kind, ev, n);
	} else if (kind == TRANSCRIPT_EVENT_SHEET) {
		sheet(s, ev);
	} else if (kind == TRANSCRIPT_EVENT_HELD) {
		session_held(s, ev);
	} else if (kind == TRANSCRIPT_EVENT_TUNNEL) {
		s->tunneled = true;
	} else if (kind == TRANSCRIPT_EVENT_LOST) {
		const char *role = json_str(ev, "role", NULL);

		if (role != NULL && strcmp(role, "tunnel") == 0)
			session_end(s, NULL, "lost", "the process of the way to the database died");
		else
			session_end_soon(s, "lost", "a process of this session died; see the events before this one");
	} else if (kind == TRANSCRIPT_EVENT_COSTLY) {
		const char *table = json_str(ev, "table", NULL);

		s->costly_rows = (uint64_t)json_int(ev, "rows", 0);
		snprintf(s->costly_table, sizeof s->costly_table, "%s", table != NULL ? table : "");
		if (of == s->running)
			s->running = 0;
	} else if (kind == TRANSCRIPT_EVENT_DONE || kind == TRANSCRIPT_EVENT_FAILED ||
	    kind == TRANSCRIPT_EVENT_COMMITTED || kind == TRANSCRIPT_EVENT_ROLLEDBACK ||
	    kind == TRANSCRIPT_EVENT_UNKNOWN) {
		if (kind == TRANSCRIPT_EVENT_COMMITTED)
			in = GATE_INPUT_COMMIT;
		else if (kind == TRANSCRIPT_EVENT_DONE)
			in = GATE_INPUT_FINISH;
		else if (kind == TRANSCRIPT_EVENT_ROLLEDBACK)
			in = GATE_INPUT_ROLL_BACK;
		else if (kind == TRANSCRIPT_EVENT_UNKNOWN)
			in = GATE_INPUT_LOSE;
		if (of == s->running)
			s->running = 0;
		if (r != NULL)
			request_end(s, r, in);
	}
}
