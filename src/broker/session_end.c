/* SPDX-License-Identifier: GPL-3.0-or-later */
/* How requests die and how a session ends. */
#include "config.h"

#include <event2/event.h>
#include <string.h>
#include <sys/stat.h>

#include "twokey/base/buf.h"
#include "twokey/base/clock.h"
#include "twokey/base/must.h"

#include "session.h"

enum { DRAIN_S = 10, NO_TICKET_S = 20, CAUSE_WITHIN_MS = 500 };

void
session_void(struct session *s, struct gate_request *r, const char *code)
{
	if (!gate_step(&r->state, GATE_INPUT_SPOIL))
		return;
	session_record(s, TRANSCRIPT_EVENT_VOID, json_pack("{s:I, s:s}", "of", (json_int_t)r->n, "code", code),
	    NULL, 0);
	session_sweep(s);
}

void
session_void_all(struct session *s, const char *code)
{
	for (size_t i = 0; i < SESSION_REQUESTS_MAX; i++)
		if (s->slots[i].r != NULL && s->slots[i].r->n != 0)
			session_void(s, s->slots[i].r, code);
}

void
session_end(struct session *s, const char *by, const char *code, const char *why)
{
	static const char finish[] = "{\"do\":\"finish\"}\n";
	struct timeval limit = { 75, 0 };
	struct packet_body b;
	json_t *ev;

	if (s->state == SESSION_ENDING)
		return;
	session_set_drop(s, NULL, "ended");
	session_void_all(s, "ended");
	s->state = SESSION_ENDING;
	if (s->running != 0)
		session_record(s, TRANSCRIPT_EVENT_CANCEL, json_pack("{s:I}", "of", (json_int_t)s->running), NULL, 0);
	ev = json_pack("{s:s}", "code", code);
	if (by != NULL)
		json_object_set_new(ev, "by", json_string(by));
	packet_text_body(&b, "why", why, strlen(why));
	session_record(s, TRANSCRIPT_EVENT_ENDED, ev, &b, 1);
	if (s->recorder != NULL)
		channel_send(s->recorder, finish, sizeof finish - 1);
	event_add(s->end_timer, &limit);	/* the recorder seals long before this, or is broken */
	session_status(s);
}

/* The seal is on disk: everybody gets the rest, the head, and goodbye. */
void
session_on_sealed(struct session *s)
{
	struct timeval limit = { DRAIN_S, 0 };
	struct stat st;

	s->state = SESSION_ENDING;
	s->sealed = true;
	if (s->file >= 0 && fstat(s->file, &st) == 0)
		s->end = (uint64_t)st.st_size;
	session_status(s);
	event_add(s->end_timer, &limit);
	console_pump_all(s);
	/* whoever opened it may still be on his way here */
	if (s->consoles == NULL && s->next_console > 0)
		event_base_loopbreak(s->base);
}

static void
tick_requests(struct session *s, int64_t now)
{
	for (size_t i = 0; i < SESSION_REQUESTS_MAX; i++) {
		struct gate_request *r = s->slots[i].r;

		/* a signature that came in time is being verified */
		if (r == NULL || r->n == 0 || r->n == s->proving || !gate_request_expired(r, now))
			continue;
		if (!gate_step(&r->state, GATE_INPUT_EXPIRE))
			continue;
		session_record(s, TRANSCRIPT_EVENT_EXPIRED, json_pack("{s:I}", "of", (json_int_t)r->n), NULL, 0);
	}
	session_sweep(s);
}

void
session_end_soon(struct session *s, const char *code, const char *why)
{
	if (!s->tunneled) {
		session_end(s, NULL, code, why);
	} else if (s->end_why == NULL) {
		s->end_code = code;
		s->end_at_ms = clock_mono_ms() + CAUSE_WITHIN_MS;
		s->end_why = must_strdup(why);
	}
}

void
session_tick(struct session *s)
{
	int64_t now = clock_mono_ms();

	if (s->state == SESSION_ENDING)
		return;
	if (s->ticket == NULL) {
		/* its front died before it brought the ticket: there is nothing to record */
		if (now - s->empty_since_ms > NO_TICKET_S * 1000)
			event_base_loopbreak(s->base);
		return;
	}
	session_look_around(s);
	tick_requests(s, now);
	session_set_tick(s, now);
	if (s->end_why != NULL && now >= s->end_at_ms)
		session_end(s, NULL, s->end_code, s->end_why);
	if (clock_wall_us() > s->ticket->expires_us)
		session_end(s, NULL, "ticket-expired", "the ticket's time is over");
	if (s->consoles != NULL)
		s->empty_since_ms = now;
	else if (now - s->empty_since_ms > SESSION_EMPTY_S * 1000)
		session_end(s, NULL, "empty", "nobody was in the session any more");
}
