/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The session role: starts, hears recorder, front and monitor, and ticks. */
#include "config.h"

#include "session.h"

#include <event2/event.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "twokey/base/buf.h"
#include "twokey/base/clock.h"
#include "twokey/base/err.h"
#include "twokey/base/json.h"
#include "twokey/base/log.h"
#include "twokey/base/must.h"
#include "twokey/transcript/limit.h"

#include "pace.h"
#include "role.h"
#include "slice.h"

enum { FRONT_LINE_MAX = 4 * 1024 * 1024 };

/* Of the keys that this person signs with; the configuration's slice has them as "TYPE FINGERPRINT". */
static json_t *
fingerprints_of(const struct config_person *p)
{
	json_t *v = json_array();

	for (size_t i = 0; i < p->nkeys; i++) {
		const char *blank = strchr(p->keys[i], ' ');

		json_array_append_new(v, json_string(blank != NULL ? blank + 1 : ""));
	}
	return v;
}

static json_t *
people_of(const struct session *s)
{
	json_t *v = json_array();

	for (size_t i = 0; i < s->ticket->npeople; i++) {
		const struct ticket_person *p = &s->ticket->people[i];
		const struct config_person *c = config_person(s->config, p->name);

		json_t *o = json_pack("{s:s, s:s, s:s}", "person", p->name,
		    "side", c != NULL ? ticket_side_name(c->side) : "", "seat", ticket_seat_name(p->seat));

		if (c != NULL && c->nkeys > 0)
			json_object_set_new(o, "keys", fingerprints_of(c));
		json_array_append_new(v, o);
	}
	return v;
}

/* Event 1: what this session is about, fixed before anything can happen in it. */
static void
begin(struct session *s)
{
	char digest[DIGEST_HEX + 1], expires[CLOCK_TEXT];
	struct packet_body b;
	json_t *ev;

	digest_hex(&s->ticket->digest, digest);
	clock_format(s->ticket->expires_us, expires);
	ev = json_pack("{s:i, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:o, s:s, s:s}",
	    "v", TRANSCRIPT_VERSION, "session", s->id, "ticket", s->ticket->id, "digest", digest,
	    "access", ticket_access_name(s->ticket->access), "stage", ticket_stage_name(s->ticket->stage),
	    "broker", s->broker, "target", s->target, "engine", s->engine, "people", people_of(s),
	    "results", "full", "expires", expires);
	json_object_set_new(ev, "signed", json_string(ticket_signed_name(s->ticket->signature)));
	json_object_set_new(ev, "quorum", json_string(ticket_quorum_name(s->ticket->quorum)));
	if (s->ticket->answer_from == TICKET_FROM_OTHER_HOST)
		json_object_set_new(ev, "answer_from", json_string(ticket_from_name(s->ticket->answer_from)));
	if (s->ticket->hold_always)
		json_object_set_new(ev, "hold", json_string("always"));
	if (s->ticket->signed_pin)
		json_object_set_new(ev, "pin", json_true());
	if (s->ticket->presence != TICKET_PRESENCE_NO) {
		json_object_set_new(ev, "presence", json_string(ticket_presence_name(s->ticket->presence)));
		json_object_set_new(ev, "on_leave", json_string(s->ticket->on_leave == TICKET_LEAVE_END ? "end" : "pause"));
	}
	if (s->demo)
		json_object_set_new(ev, "unverified", json_true());
	packet_text_body(&b, "ticket", s->ticket_text, strlen(s->ticket_text));
	session_record(s, TRANSCRIPT_EVENT_BEGIN, ev, &b, 1);
}

/* The front's first word: the accepted ticket. */
static bool
take_ticket(struct session *s, const json_t *o)
{
	const char *text = json_str(o, "ticket", NULL), *shared;
	const struct config_target *t;
	struct err e;

	if (text == NULL || s->ticket != NULL)
		return false;
	if (ticket_parse(text, strlen(text), "ticket", &s->ticket, &e) != 0) {
		log_line(LOG_LEVEL_ERROR, "the ticket is not valid");
		return false;
	}
	t = config_target(s->config, s->ticket->target);
	if (t == NULL || strcmp(t->name, s->target) != 0 || !sql_engine_parse(t->engine, &s->sql.engine))
		return false;
	strncpy(s->engine, t->engine, sizeof s->engine - 1);
	s->ticket_text = must_strdup(text);
	s->identities = json_incref(json_object_get(o, "identities"));
	s->open_on_target = json_incref(json_object_get(o, "open"));
	pace_read(json_object_get(o, "paces"), &s->paces);
	shared = json_str(o, "shared", NULL);
	strncpy(s->shared, shared != NULL ? shared : "", sizeof s->shared - 1);
	begin(s);
	return true;
}

static bool
on_front_line(void *ctx, struct channel *c, const char *line, size_t n)
{
	struct session *s = ctx;
	json_t *o = json_line_parse(line, n, NULL);
	const char *what = o != NULL ? json_str(o, "do", NULL) : NULL;
	bool good = true;
	int fd;

	/* its descriptor must not be taken for the next line's: all of them go with the channel */
	if (o == NULL)
		return false;
	if (what != NULL && strcmp(what, "begin") == 0) {
		good = take_ticket(s, o);
	} else if (what != NULL && strcmp(what, "pace") == 0) {
		session_pace_heard(s, o);
	} else if (what != NULL && strcmp(what, "adopt") == 0 && s->ticket != NULL) {
		fd = channel_take_fd(c);
		if (fd >= 0)
			console_adopt(s, o, fd);
	}
	json_decref(o);
	if (!good)
		session_end(s, NULL, "bug", "the front sent no valid ticket");
	return good;
}

static void
on_front_closed(void *ctx, struct channel *c)
{
	struct session *s = ctx;

	(void)c;
	s->front = NULL;	/* the monitor brings a new front; whoever is here stays */
}

static void
front_attach(struct session *s, int fd)
{
	static const struct channel_ops ops = { on_front_line, on_front_closed, NULL };

	channel_close(s->front);
	s->front = channel_open(s->base, fd, FRONT_LINE_MAX, FRONT_LINE_MAX, &ops, s);
	session_status(s);
}

static bool
on_recorder_line(void *ctx, struct channel *c, const char *line, size_t n)
{
	struct session *s = ctx;

	(void)c;
	switch (packet_feed(&s->from_recorder, line, n, NULL)) {
	case 0:
		return true;
	case 1:
		session_recorder_packet(s, &s->from_recorder);
		packet_clear(&s->from_recorder);
		return true;
	default:
		return false;
	}
}

/* Without a recorder nothing can be recorded, so nothing can happen: everybody is told and sent away. */
static void
on_recorder_closed(void *ctx, struct channel *c)
{
	struct session *s = ctx;
	struct console *next;

	(void)c;
	s->recorder = NULL;
	s->state = SESSION_ENDING;
	if (s->sealed)
		return;
	log_line(LOG_LEVEL_ERROR, "the recorder is gone");
	for (struct console *k = s->consoles; k != NULL; k = next) {
		next = k->next;
		console_bye(k, "system", "the recorder died, so nothing runs any more; "
		    "the transcript is recovered and sealed by the broker");
	}
	event_base_loopbreak(s->base);
}

static void
on_monitor(evutil_socket_t fd, short what, void *arg)
{
	struct session *s = arg;
	struct monitor_msg m;
	struct err e;
	int pass, got;

	(void)what;
	got = monitor_recv(fd, &m, &pass, &e);
	if (got == ERR_STATE)
		return;
	if (got == 1) {
		if (m.op == MONITOR_FRONT && pass >= 0)
			front_attach(s, pass);
		return;
	}
	event_del(s->monitor);
	session_end(s, NULL, "broker-stopped", "the broker was stopped");
}

static void
on_tick(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	session_tick(arg);
}

static void
on_end_timer(evutil_socket_t fd, short what, void *arg)
{
	struct session *s = arg;

	(void)fd;
	(void)what;
	event_base_loopbreak(s->base);
}

static void
session_fini(struct session *s)
{
	while (s->consoles != NULL)
		console_leave(s->consoles, "end");
	for (size_t i = 0; i < SESSION_REQUESTS_MAX; i++)
		free(s->slots[i].r);
	while (s->first != NULL) {
		struct submission *sub = s->first;

		s->first = sub->next;
		json_decref(sub->id);
		free(sub);
	}
	seats_free(&s->logins);
	channel_close(s->recorder);
	channel_close(s->front);
	packet_clear(&s->from_recorder);
	ticket_free(s->ticket);
	config_free(s->config);
	json_decref(s->identities);
	json_decref(s->open_on_target);
	json_decref(s->wanted[0].sealed);
	json_decref(s->wanted[1].sealed);
	free(s->ticket_text);
	free(s->end_why);
	free(s->facts);
	free(s->ends);
	event_free(s->monitor);
	event_free(s->tick);
	event_free(s->end_timer);
	event_base_free(s->base);
}

int
session_main(json_t *init)
{
	static const struct channel_ops recorder_ops = { on_recorder_line, on_recorder_closed, NULL };
	struct session s = { .base = event_base_new(), .state = SESSION_STARTING, .file = -1 };
	struct timeval second = { 1, 0 };
	const char *id = json_str(init, "session", NULL), *target = json_str(init, "target", NULL);

	s.config = slice_read(json_object_get(init, "config"));
	must(s.base != NULL && s.config != NULL && id != NULL && target != NULL);
	strncpy(s.id, id, sizeof s.id - 1);
	strncpy(s.target, target, sizeof s.target - 1);
	s.broker = json_str(init, "broker", NULL);
	s.demo = json_bool(init, "demo");
	s.facts = must_zalloc(sizeof *s.facts);
	s.last_sub = &s.first;
	s.empty_since_ms = clock_mono_ms();
	s.ends = must_zalloc(1024 * sizeof *s.ends);
	s.ends_cap = 1024;
	s.recorder = channel_open(s.base, SESSION_FD_RECORDER, TRANSCRIPT_LINE_MAX, 64 * 1024 * 1024,
	    &recorder_ops, &s);
	s.monitor = event_new(s.base, ROLE_FD_MONITOR, EV_READ | EV_PERSIST, on_monitor, &s);
	s.tick = event_new(s.base, -1, EV_PERSIST, on_tick, &s);
	s.end_timer = evtimer_new(s.base, on_end_timer, &s);
	event_add(s.monitor, NULL);
	event_add(s.tick, &second);
	front_attach(&s, SESSION_FD_FRONT);
	event_base_dispatch(s.base);
	/* whom the front handed over meanwhile is told that it is over */
	(void)event_base_loop(s.base, EVLOOP_NONBLOCK);
	session_fini(&s);
	json_decref(init);
	return 0;
}
