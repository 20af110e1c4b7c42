/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The recorder: the only process that appends to the transcript and the only way into db (law 5). */
#include "config.h"

#include "recorder.h"

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
#include "twokey/transcript/verify.h"
#include "twokey/transcript/writer.h"

#include "fault.h"
#include "role.h"

enum { SYNC_WITHIN_MS = 50, SYNC_OUT_MAX = 16 * 1024 * 1024 };

static struct transcript_when
now(void)
{
	return (struct transcript_when){ clock_wall_us(), clock_mono_ms() };
}

static void
send_packet(struct channel *c, json_t *head, const struct packet_body *b, size_t nb)
{
	struct buf out;

	buf_init(&out, SYNC_OUT_MAX);
	packet_put(&out, head, b, nb);
	if (c != NULL)
		channel_send(c, buf_data(&out), buf_len(&out));
	buf_fini(&out);
	json_decref(head);
}

void
recorder_tell_session(struct recorder *r, json_t *head, const struct packet_body *b, size_t nb)
{
	send_packet(r->session, head, b, nb);
}

void
recorder_tell_db(struct recorder *r, json_t *head, const struct packet_body *b, size_t nb)
{
	send_packet(r->db, head, b, nb);
}

static void
on_sync_due(evutil_socket_t fd, short what, void *arg)
{
	struct recorder *r = arg;
	struct err e;

	(void)fd;
	(void)what;
	r->dirty = false;
	if (transcript_sync(r->file, &e) != 0)
		recorder_broken(r, &e);
}

/* The disk does not take it: nothing may run from here on. */
void
recorder_broken(struct recorder *r, const struct err *e)
{
	log_line(LOG_LEVEL_ERROR, "the transcript cannot be written: %s", err_name(e->code));
	r->broken = true;
	recorder_tell_session(r, json_pack("{s:s, s:s, s:s}", "do", "broken", "code", err_name(e->code),
	    "why", e->text), NULL, 0);
	channel_close(r->db);
	r->db = NULL;
	channel_close(r->bulk);
	r->bulk = NULL;
}

static int
sync_as_ruled(struct recorder *r, const struct transcript_event_rule *rule, struct err *e)
{
	struct timeval soon = { 0, SYNC_WITHIN_MS * 1000 };

	if (rule->sync == TRANSCRIPT_SYNC_NOW) {
		r->dirty = false;
		event_del(r->sync_timer);
		return transcript_sync(r->file, e);
	}
	if (!r->dirty) {
		r->dirty = true;
		event_add(r->sync_timer, &soon);
	}
	return 0;
}

/* Follows what runs, so that a death in between is told as what it is. */
void
recorder_follow(struct recorder *r, enum transcript_event_kind kind, const json_t *ev, uint64_t n)
{
	uint64_t of = (uint64_t)json_int(ev, "of", 0);

	if (kind == TRANSCRIPT_EVENT_BEGIN) {
		json_decref(r->begin);
		r->begin = json_deep_copy(ev);
	}
	recorder_follow_open(r, kind, ev);
	if (kind == TRANSCRIPT_EVENT_RUN) {
		r->running = of;
	} else if (kind == TRANSCRIPT_EVENT_HELD || kind == TRANSCRIPT_EVENT_KEPT) {
		r->held = kind == TRANSCRIPT_EVENT_HELD ? of : 0;
		r->kept = kind == TRANSCRIPT_EVENT_KEPT ? of : 0;
	} else if (kind == TRANSCRIPT_EVENT_COMMITTING && of == r->running) {
		json_decref(r->commit_point);
		r->commit_point = json_deep_copy(ev);
	} else if (of != 0 && of == r->running && (kind == TRANSCRIPT_EVENT_COMMITTED ||
	    kind == TRANSCRIPT_EVENT_ROLLEDBACK || kind == TRANSCRIPT_EVENT_FAILED ||
	    kind == TRANSCRIPT_EVENT_DONE || kind == TRANSCRIPT_EVENT_OUTCOME)) {
		r->running = r->held = r->kept = 0;
		json_decref(r->commit_point);
		r->commit_point = NULL;
	}
	r->last = n;
}

int
recorder_append(struct recorder *r, enum transcript_event_kind kind, json_t *ev,
    const struct packet_body *b, size_t nb, struct transcript_place *place, struct err *e)
{
	struct transcript_body bodies[TRANSCRIPT_BODIES_MAX];
	const struct transcript_event_rule *rule = transcript_event_rule(kind);
	int ret;

	if (r->broken)
		return err_set(e, ERR_FULL, "the transcript cannot be written, so nothing runs");
	if (r->sealing)
		return err_set(e, ERR_STATE, "the transcript is being sealed");
	for (size_t i = 0; i < nb; i++)
		bodies[i] = (struct transcript_body){ b[i].p, b[i].n };
	ret = transcript_append(r->file, now(), kind, ev, bodies, nb, place, e);
	if (ret != 0)
		return ret;
	ret = sync_as_ruled(r, rule, e);
	if (ret != 0) {
		recorder_broken(r, e);
		return ret;
	}
	fault_recorded(rule->name);
	recorder_follow(r, kind, ev, place->n);
	if (rule->to_db)
		recorder_tell_db(r, json_pack("{s:I, s:O}", "n", (json_int_t)place->n, "event", ev), b, nb);
	return 0;
}

/* Appends and tells session; used for events of db and of the recorder itself. */
int
recorder_append_and_tell(struct recorder *r, enum transcript_event_kind kind, json_t *ev,
    const struct packet_body *b, size_t nb)
{
	struct transcript_place place;
	struct err e;
	int ret = recorder_append(r, kind, ev, b, nb, &place, &e);

	if (ret != 0) {
		log_line(LOG_LEVEL_WARN, "event %s not recorded: %s", transcript_event_rule(kind)->name,
		    err_name(ret));
		if (ret == ERR_SYSTEM)
			recorder_broken(r, &e);
		return ret;
	}
	recorder_tell_session(r, json_pack("{s:s, s:I, s:I, s:O}", "do", "event", "n", (json_int_t)place.n,
	    "end", (json_int_t)place.end, "event", ev), NULL, 0);
	return 0;
}

/* The kind of an event object when that role may write it. */
bool
recorder_kind(const json_t *ev, enum transcript_writer_role role, enum transcript_event_kind *kind)
{
	size_t n;
	const char *name = json_str(ev, "ev", &n);

	return name != NULL && transcript_event_parse(name, n, kind) &&
	    transcript_event_rule(*kind)->writer == role;
}

/* From the key on record on, nobody but the server says what becomes of it. */
static bool
is_too_late(const struct recorder *r, enum transcript_event_kind kind, const json_t *ev)
{
	return r->kept != 0 && r->kept == (uint64_t)json_int(ev, "of", 0) && (kind == TRANSCRIPT_EVENT_DENIED ||
	    kind == TRANSCRIPT_EVENT_WITHDRAWN || kind == TRANSCRIPT_EVENT_VOID);
}

void
recorder_take_event(struct recorder *r, struct packet *p)
{
	json_t *ev = json_object_get(p->head, "event");
	enum transcript_event_kind kind;
	struct transcript_place place;
	struct err e;
	int ret;

	if (!recorder_kind(ev, TRANSCRIPT_BY_SESSION, &kind))
		ret = err_set(&e, ERR_BUG, "the session may not write that event");
	else if (kind == TRANSCRIPT_EVENT_BEGIN && !recorder_is_ticket(r, p))
		ret = err_set(&e, ERR_DENIED, "that is not the ticket which the session was opened for");
	else if (kind == TRANSCRIPT_EVENT_RUN && (r->bulk == NULL || r->resolving))
		ret = err_set(&e, ERR_CLOSED, "the process that holds the database is gone, so it was not run");
	else if (kind == TRANSCRIPT_EVENT_KEPT && (r->held == 0 || r->held != (uint64_t)json_int(ev, "of", 0)))
		ret = err_set(&e, ERR_STATE, "it is held no more, so nothing was kept");
	else if (is_too_late(r, kind, ev))
		ret = err_set(&e, ERR_STATE, "too late: the key that keeps it is turned, and it is being committed");
	else
		ret = recorder_append(r, kind, ev, p->b, p->nb, &place, &e);
	if (ret != 0) {
		recorder_tell_session(r, json_pack("{s:s, s:s, s:s}", "do", "refused", "code", err_name(ret),
		    "why", e.text), NULL, 0);
		return;
	}
	recorder_tell_session(r, json_pack("{s:s, s:I, s:I, s:O}", "do", "recorded", "n",
	    (json_int_t)place.n, "end", (json_int_t)place.end, "event", ev), NULL, 0);
	if (kind == TRANSCRIPT_EVENT_BEGIN) {
		recorder_note_begin(r, ev);
		send_packet(r->tunnel, json_pack("{s:b}", "start", 1), NULL, 0);
		recorder_tell_db(r, json_pack("{s:b}", "start", 1), p->b, p->nb);	/* db judges by the ticket too */
	}
	fault_point("recorder.after-append");
}

/* What the recorder puts into an answer itself, session may not. */
static void
session_event(struct recorder *r, struct packet *p)
{
	json_t *ev = json_object_get(p->head, "event");
	const char *name = json_str(ev, "ev", NULL);
	static const char *const ours[] = { "key", "type", "touch", "pin" };

	if (name == NULL || (strcmp(name, "allowed") != 0 && strcmp(name, "kept") != 0 && strcmp(name, "turned") != 0)) {
		recorder_take_event(r, p);
		return;
	}
	for (size_t i = 0; i < sizeof ours / sizeof ours[0]; i++)
		json_object_del(ev, ours[i]);
	if (recorder_wants_proof(r, p))
		recorder_prove(r, p);
	else
		recorder_take_event(r, p);
}

/* Sealed for db or the tunnel: it goes past the transcript. */
static void
pass_secret(struct recorder *r, const json_t *head)
{
	json_t *o = json_pack("{s:O?, s:O?}", "secret", json_object_get(head, "sealed"), "of",
	    json_object_get(head, "of"));

	send_packet(json_bool(head, "tunnel") ? r->tunnel : r->db, o, NULL, 0);
}

void
recorder_take_packet(struct recorder *r, struct packet *p)
{
	const char *what = json_str(p->head, "do", NULL);

	if (recorder_waits_behind(r, p))
		return;
	if (what != NULL && strcmp(what, "event") == 0)
		session_event(r, p);
	else if (what != NULL && strcmp(what, "secret") == 0)
		pass_secret(r, p->head);
	else if (what != NULL && strcmp(what, "finish") == 0)
		recorder_finish(r);
}

static bool
on_session_line(void *ctx, struct channel *c, const char *line, size_t n)
{
	struct recorder *r = ctx;

	(void)c;
	switch (packet_feed(&r->from_session, line, n, NULL)) {
	case 0:
		return true;
	case 1:
		break;
	default:
		return false;
	}
	recorder_take_packet(r, &r->from_session);
	packet_clear(&r->from_session);
	return true;
}

static void
on_session_closed(void *ctx, struct channel *c)
{
	struct recorder *r = ctx;

	(void)c;
	r->session = NULL;
	recorder_prove_lost(r);
	if (r->sealed || (r->waits && r->monitor_gone)) {
		event_base_loopbreak(r->base);
		return;
	}
	if (r->waits)
		return;
	/* nobody is watching any more: what runs is stopped, what it did is still recorded */
	log_line(LOG_LEVEL_WARN, "the session process is gone");
	recorder_tell_lost(r, "session");
	recorder_finish(r);
}

static const struct channel_ops session_ops = { on_session_line, on_session_closed, NULL };

static void
on_monitor(evutil_socket_t fd, short what, void *arg)
{
	struct recorder *r = arg;
	struct monitor_msg m;
	struct err e;
	int pass, got;

	(void)what;
	got = monitor_recv(fd, &m, &pass, &e);
	if (got == ERR_STATE)
		return;
	if (got == 1 && m.op == MONITOR_VERIFY) {
		recorder_prove_fd(r, pass);
		return;
	}
	if (got == 1 && m.op == MONITOR_SEAL) {
		recorder_seal_fd(r, pass);
		return;
	}
	if (got == 1 && m.op == MONITOR_FRONT) {
		recorder_open_front(r, pass);
		return;
	}
	if (got == 1 && pass >= 0) {
		recorder_resolver(r, m.op, pass);
		return;
	}
	/* the broker ends; the session ends itself and says so, then finishes */
	event_del(r->monitor);
	r->monitor_gone = true;
	if (r->session == NULL && r->waits)
		event_base_loopbreak(r->base);
	else if (r->session == NULL)
		recorder_finish(r);
}

/* Creates or takes over the file; tells session where to read it. */
static int
open_file(struct recorder *r, const json_t *init, struct err *e)
{
	const char *path = json_str(init, "path", NULL);
	uint64_t quota = (uint64_t)json_int(init, "quota", 0);
	static const char ready[] = "{\"do\":\"ready\"}\n";
	int fd;

	must(path != NULL);
	if (json_bool(init, "recover"))
		r->file = transcript_writer_recover(path, quota, now(), e);
	else
		r->file = transcript_writer_create(path, quota, e);
	if (r->file == NULL)
		return e->code;
	if (r->session == NULL)
		return 0;
	fd = transcript_reader_fd(r->file, e);
	if (fd < 0)
		return e->code;
	channel_send_fd(r->session, ready, sizeof ready - 1, fd);
	return 0;
}

/* Sealed already, or the broker died before the file was made. A file that another process still writes
 * is neither: it is tried again. */
static bool
nothing_to_recover(const char *path, int code)
{
	struct transcript_report report;

	return code == ERR_NOT_FOUND || (code == ERR_STATE &&
	    transcript_verify_file(path, &report, NULL) == 0 && report.verdict == TRANSCRIPT_SEALED);
}

static void
fini(struct recorder *r)
{
	recorder_seal_close(r);
	json_decref(r->commit_point);
	json_decref(r->begin);
	json_decref(r->open);
	channel_close(r->front);
	packet_clear(&r->from_session);
	packet_clear(&r->from_db);
	packet_clear(&r->from_tunnel);
	channel_close(r->tunnel);
	channel_close(r->session);
	channel_close(r->db);
	channel_close(r->bulk);
	transcript_writer_close(r->file);
	event_free(r->sync_timer);
	event_free(r->end_timer);
	event_free(r->monitor);
	event_base_free(r->base);
}

int
recorder_main(json_t *init)
{
	struct recorder r = { .base = event_base_new() };
	struct err e;
	bool recover = json_bool(init, "recover");
	int ret = 0;

	must(r.base != NULL);
	r.id = json_str(init, "session", NULL);
	r.ticket = json_str(init, "digest", NULL);
	r.path = json_str(init, "path", NULL);
	r.signers = json_object_get(init, "signers");
	r.signs = json_bool(init, "signs");
	r.anchors = json_bool(init, "anchors");
	r.sync_timer = evtimer_new(r.base, on_sync_due, &r);
	r.end_timer = evtimer_new(r.base, recorder_on_end_timer, &r);
	r.monitor = event_new(r.base, ROLE_FD_MONITOR, EV_READ | EV_PERSIST, on_monitor, &r);
	event_add(r.monitor, NULL);
	if (recover) {
		close(RECORDER_FD_SESSION);
		close(RECORDER_FD_DB_CONTROL);
		close(RECORDER_FD_DB_BULK);
		close(RECORDER_FD_TUNNEL);
	} else {
		r.session = channel_open(r.base, RECORDER_FD_SESSION, TRANSCRIPT_LINE_MAX * 2, SYNC_OUT_MAX,
		    &session_ops, &r);
		recorder_db_attach(&r, RECORDER_FD_DB_CONTROL, RECORDER_FD_DB_BULK);
		if (json_bool(init, "tunnel"))
			recorder_tunnel_attach(&r, RECORDER_FD_TUNNEL);
		else
			close(RECORDER_FD_TUNNEL);
	}
	if (open_file(&r, init, &e) != 0) {
		log_line(LOG_LEVEL_ERROR, "%s", e.text);
		ret = recover && nothing_to_recover(json_str(init, "path", NULL), e.code) ? 0 :
		    recover && e.code == ERR_STATE ? ROLE_EXIT_BUSY : 1;
	} else {
		if (recover)
			recorder_recover(&r, json_str(init, "path", NULL));
		if (!r.sealed && !(r.waits && r.monitor_gone))	/* a break asked for before the loop would be forgotten */
			event_base_dispatch(r.base);
		ret = r.sealed && !r.unsealed ? 0 : 1;	/* 1: the monitor has it recovered */
	}
	fini(&r);
	json_decref(init);
	return ret;
}
