/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the front tells those who look at all sessions: how this one stands, who is here, what waits for the key. */
#include "config.h"

#include "twokey/base/clock.h"
#include "twokey/base/must.h"
#include "twokey/sql/class.h"

#include "session.h"

static const char *
state_word(const struct session *s)
{
	switch (s->state) {
	case SESSION_STARTING:
		return "starting";
	case SESSION_READY:
		return "ready";
	case SESSION_PAUSED:
		return "paused";
	case SESSION_ALONE:
		return "alone";
	case SESSION_ENDING:
		break;
	}
	return "ending";
}

static void
set(json_t *o, const char *key, json_t *v)
{
	must(json_object_set_new(o, key, v) == 0);
}

static bool
is_open(const struct gate_request *r)
{
	return r != NULL && r->n != 0 && (r->state == GATE_STATE_ASKING || r->state == GATE_STATE_HOLD);
}

/* asked: by the wall clock, so that the front can say how old it is. */
static json_t *
ask_of(const struct slot *slot)
{
	const struct gate_request *r = slot->r;
	char asked[CLOCK_TEXT];
	json_t *o;

	clock_format(clock_wall_us() - (clock_mono_ms() - r->asked_ms) * 1000, asked);
	o = json_pack("{s:I, s:s, s:s, s:s, s:b}", "of", (json_int_t)r->n, "by", r->by, "class",
	    sql_class_name(slot->class), "asked", asked, "held", r->state == GATE_STATE_HOLD);
	/* a table's name that is no UTF-8 is not told */
	(void)json_object_set_new(o, "table", json_string(r->table));
	if (r->turned[0] != '\0')
		set(o, "turned", json_string(r->turned));
	return o;
}

/* What waits, oldest first. */
static json_t *
asks_of(const struct session *s)
{
	json_t *v = json_array();
	uint64_t last = 0;

	for (;;) {
		const struct slot *next = NULL;

		for (const struct slot *t = s->slots; t < s->slots + SESSION_REQUESTS_MAX; t++)
			if (is_open(t->r) && t->r->n > last && (next == NULL || t->r->n < next->r->n))
				next = t;
		if (next == NULL)
			return v;
		last = next->r->n;
		must(json_array_append_new(v, ask_of(next)) == 0);
	}
}

static json_t *
here_of(const struct session *s)
{
	json_t *v = json_array();

	for (const struct console *c = s->consoles; c != NULL; c = c->next)
		if (c->seat == TICKET_SEAT_CONFIRMER)
			must(json_array_append_new(v, json_pack("{s:s, s:b}", "person", c->person, "away", c->away)) == 0);
	return v;
}

void
session_status(struct session *s)
{
	struct console *driver = console_driver(s);
	json_t *o, *asks;

	if (s->ticket == NULL || s->front == NULL)
		return;
	asks = asks_of(s);
	o = json_pack("{s:s, s:s, s:s, s:s, s:s, s:i, s:b, s:o, s:o}", "ticket", s->ticket->id, "target", s->target,
	    "stage", ticket_stage_name(s->ticket->stage), "state", state_word(s),
	    "driver", driver != NULL ? driver->person : "", "waiting", (int)json_array_size(asks),
	    "ending", s->state == SESSION_ENDING, "asks", asks, "here", here_of(s));
	if (s->state == SESSION_PAUSED && s->stopped[0] != '\0')
		set(o, "why", json_string(s->stopped));
	channel_send_json(s->front, o, -1);
}
