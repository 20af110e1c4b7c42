/* SPDX-License-Identifier: GPL-3.0-or-later */
/* How a transcript ends: db is told, an unknown outcome is asked for, then the seal. */
#include "config.h"

#include <event2/event.h>
#include <string.h>
#include <unistd.h>

#include "twokey/base/buf.h"
#include "twokey/base/err.h"
#include "twokey/base/json.h"
#include "twokey/base/log.h"
#include "twokey/transcript/line.h"
#include "twokey/transcript/reader.h"

#include "outcome.h"
#include "recorder.h"
#include "role.h"

enum { DB_ENDS_WITHIN_S = 45, RESOLVED_WITHIN_S = 30, TUNNEL_ENDS_WITHIN_S = 5 };

static void
set_timer(struct recorder *r, int seconds)
{
	struct timeval tv = { seconds, 0 };

	event_add(r->end_timer, &tv);
}

/* An outcome that is open keeps the transcript open. */
static void
seal(struct recorder *r)
{
	r->concluding = false;
	if (r->open != NULL && !r->broken)
		recorder_wait(r);
	else
		recorder_seal(r);
}

/* The seal is last: a tunnel still has its end to tell, which the monitor closes once db is gone. */
static void
conclude(struct recorder *r)
{
	if (r->waits) {
		recorder_open_again(r);
		return;
	}
	if (r->tunnel == NULL) {
		seal(r);
		return;
	}
	r->concluding = true;
	set_timer(r, TUNNEL_ENDS_WITHIN_S);
}

void
recorder_tunnel_gone(struct recorder *r)
{
	if (r->sealed)
		return;
	if (r->concluding)
		seal(r);
	else if (!r->finishing && !r->tunnel_told && !r->db_lost)
		recorder_tell_lost(r, "tunnel");	/* an idle db does not notice that its way is gone */
}

/* Asks the monitor for a db that asks the server what became of the commit point. */
static void
resolve(struct recorder *r)
{
	struct monitor_msg m = { .op = MONITOR_RESOLVE };
	struct err e;

	r->resolving = true;
	r->resolver_control = -1;
	if (r->monitor_gone || monitor_send(ROLE_FD_MONITOR, &m, -1, &e) != 0) {
		recorder_on_end_timer(-1, 0, r);
		return;
	}
	set_timer(r, RESOLVED_WITHIN_S);
}

static void
close_db(struct recorder *r)
{
	channel_close(r->bulk);
	r->bulk = NULL;
	channel_close(r->db);
	r->db = NULL;
}

/* Nobody could be asked. While the transcript waits for it, that is nothing new. */
static void
no_outcome(struct recorder *r, const char *why)
{
	struct packet_body b;
	struct buf text;
	json_t *ev;

	if (r->waits) {
		json_decref(r->commit_point);
		r->commit_point = NULL;
		r->running = 0;
		return;
	}
	buf_init(&text, 8192);
	buf_putf(&text, "%s; ", why);
	outcome_how(json_str(r->begin, "engine", NULL), r->commit_point, &text);
	packet_text_body(&b, "why", buf_data(&text), buf_len(&text));
	buf_fini(&text);
	ev = json_pack("{s:s, s:I, s:s}", "ev", "outcome", "of", (json_int_t)r->running, "is", "unknown");
	recorder_append_and_tell(r, TRANSCRIPT_EVENT_OUTCOME, ev, &b, 1);
	json_decref(ev);
	packet_bodies_free(&b, 1);
}

void
recorder_no_outcome(struct recorder *r, const struct packet *p)
{
	json_t *body = packet_body(p, "why");
	const char *why = json_str(body, "text", NULL);

	if (r->commit_point != NULL)
		no_outcome(r, why != NULL ? why : "the database could not be reached");
	json_decref(body);
}

void
recorder_unsure(struct recorder *r, uint64_t of)
{
	if (of != 0 && of == r->running && r->commit_point == NULL && !r->resolving)
		r->commit_point = json_pack("{s:I}", "of", (json_int_t)of);
}

/* What ran when db died: without a commit point nothing can have been kept (law 5: COMMIT is sent
 * only after "committing" is on disk). */
static void
tell_loss(struct recorder *r)
{
	json_t *ev;

	if (r->running == 0)
		return;
	if (r->commit_point == NULL)
		ev = json_pack("{s:s, s:I, s:s}", "ev", "rolledback", "of", (json_int_t)r->running, "code", "lost");
	else
		ev = json_pack("{s:s, s:I}", "ev", "unknown", "of", (json_int_t)r->running);
	recorder_append_and_tell(r, r->commit_point == NULL ? TRANSCRIPT_EVENT_ROLLEDBACK :
	    TRANSCRIPT_EVENT_UNKNOWN, ev, NULL, 0);
	json_decref(ev);
}

void
recorder_tell_lost(struct recorder *r, const char *role)
{
	json_t *ev = json_pack("{s:s, s:s}", "ev", "lost", "role", role);

	recorder_append_and_tell(r, TRANSCRIPT_EVENT_LOST, ev, NULL, 0);
	json_decref(ev);
}

void
recorder_db_gone(struct recorder *r)
{
	bool was_resolving = r->resolving;

	channel_close(r->db);
	r->db = NULL;
	r->db_lost = true;
	if (r->sealed || r->broken)
		return;
	if (was_resolving) {
		if (r->commit_point != NULL) {
			recorder_on_end_timer(-1, 0, r);
		} else {
			r->resolving = false;
			if (r->finishing || r->session == NULL)
				conclude(r);
		}
		return;
	}
	if (!r->finishing)
		recorder_tell_lost(r, "db");
	tell_loss(r);
	if (r->commit_point != NULL)
		resolve(r);
	else if (r->finishing)
		conclude(r);
	/* else the session has been told by "lost" and ends */
}

void
recorder_finish(struct recorder *r)
{
	if (r->finishing)
		return;
	r->finishing = true;
	if (r->resolving)
		return;
	if (r->bulk == NULL) {
		conclude(r);
		return;
	}
	recorder_tell_db(r, json_pack("{s:b}", "end", 1), NULL, 0);
	set_timer(r, DB_ENDS_WITHIN_S);
}

void
recorder_on_end_timer(int fd, short what, void *arg)
{
	struct recorder *r = arg;

	(void)fd;
	(void)what;
	if (r->concluding) {
		log_line(LOG_LEVEL_WARN, "the tunnel did not end in time");
		seal(r);
		return;
	}
	if (r->waits && !r->resolving) {
		recorder_ask_open(r);
		return;
	}
	if (r->commit_point != NULL && r->resolving) {
		no_outcome(r, r->monitor_gone ? "the broker was stopped before the database could be asked" :
		    "the database gave no answer in time");
	} else if (r->bulk != NULL) {
		log_line(LOG_LEVEL_WARN, "db did not end in time");
		close_db(r);
		recorder_db_gone(r);	/* it is killed before the server is asked (monitor.c) */
		return;
	}
	close_db(r);
	r->resolving = false;
	if (r->finishing || r->session == NULL)
		conclude(r);
}

void
recorder_resolver(struct recorder *r, uint32_t op, int fd)
{
	if (op == MONITOR_DB_CONTROL && r->resolving && r->resolver_control < 0) {
		r->resolver_control = fd;
		return;
	}
	if (op != MONITOR_DB_BULK || !r->resolving || r->resolver_control < 0) {
		close(fd);
		return;
	}
	recorder_db_attach(r, r->resolver_control, fd);
	r->resolver_control = -1;
	recorder_tell_db(r, json_pack("{s:O}", "resolve", r->commit_point), NULL, 0);
}

/* Which request was running when the file ended: the same rule as live (follow). */
static void
read_open(struct recorder *r, const char *path)
{
	struct transcript_reader *file = transcript_reader_open(path, NULL);

	if (file == NULL)
		return;
	for (uint64_t n = 1; n <= transcript_events(file); n++) {
		size_t lines = transcript_event_lines(file, n), len;
		const char *line = lines > 0 ? transcript_event_line(file, n, lines - 1, &len) : NULL;
		struct transcript_line scan;
		json_t *ev;

		if (line == NULL)
			continue;
		transcript_line_scan(line, len, &scan);
		ev = scan.type == TRANSCRIPT_LINE_EVENT && scan.known ? json_line_parse(line, len, NULL) : NULL;
		if (ev != NULL)
			recorder_follow(r, scan.kind, ev, n);
		json_decref(ev);
	}
	transcript_reader_close(file);
}

void
recorder_recover(struct recorder *r, const char *path)
{
	read_open(r, path);
	tell_loss(r);
	r->finishing = true;
	if (r->commit_point == NULL && r->open != NULL)
		recorder_ask_open(r);
	else if (r->commit_point != NULL)
		resolve(r);
	else
		recorder_seal(r);
}

void
recorder_ask_open(struct recorder *r)
{
	r->commit_point = json_incref(r->open);
	r->running = (uint64_t)json_int(r->open, "of", 0);
	resolve(r);
}
