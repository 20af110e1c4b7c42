/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What comes from db: events with their bodies, each written before anybody sees it. */
#include "config.h"

#include <string.h>

#include "twokey/base/err.h"
#include "twokey/base/json.h"
#include "twokey/base/log.h"

#include "fault.h"
#include "recorder.h"

enum { CREDIT_STEP = 32 * 1024 };	/* far less than db has, DB_CREDIT: it never waits for what is owed */

static const char FULL_WHY[] = "the transcript takes no more: nothing runs without a record";

/* A result that cannot be kept is cut. What else cannot be kept ends the session: for want of room, or
 * because db sends what it may not send. */
static void
not_recorded(struct recorder *r, enum transcript_event_kind kind, int why)
{
	struct packet_body b;

	if (why == ERR_FULL || kind == TRANSCRIPT_EVENT_ROWS)
		recorder_tell_db(r, json_pack("{s:s}", "full", err_name(why)), NULL, 0);
	if (kind == TRANSCRIPT_EVENT_ROWS)
		return;
	if (why == ERR_FULL) {
		packet_text_body(&b, "why", FULL_WHY, sizeof FULL_WHY - 1);
		recorder_tell_session(r, json_pack("{s:s, s:s}", "do", "down", "code", err_name(why)), &b, 1);
		packet_bodies_free(&b, 1);
		return;
	}
	channel_close(r->bulk);
	r->bulk = NULL;
	recorder_db_gone(r);
}

/* Told when there is something to tell: a wake-up of db for each small result would be for nothing. */
static void
give_credit(struct recorder *r, json_int_t bytes)
{
	r->owed += bytes;
	if (r->owed < CREDIT_STEP)
		return;
	recorder_tell_db(r, json_pack("{s:I}", "credit", (json_int_t)r->owed), NULL, 0);
	r->owed = 0;
}

static void
record(struct recorder *r, enum transcript_event_kind kind, json_t *ev, struct packet *p)
{
	json_int_t bytes = 0;
	int ret = recorder_append_and_tell(r, kind, ev, p->b, p->nb);

	for (size_t i = 0; i < p->nb; i++)
		bytes += (json_int_t)p->b[i].n;
	if (ret != 0)
		not_recorded(r, kind, ret);
	/* kept or not, it is in flight no more: the next result must not wait for its room */
	if (kind == TRANSCRIPT_EVENT_ROWS)
		give_credit(r, bytes);
	if (ret != 0)
		return;
	if (kind == TRANSCRIPT_EVENT_COMMITTING) {
		fault_point("recorder.committing");
		recorder_tell_db(r, json_pack("{s:I}", "synced", (json_int_t)json_int(ev, "of", 0)), NULL, 0);
	}
}

static bool
is_outcome(const json_t *ev)
{
	const char *name = json_str(ev, "ev", NULL), *is = json_str(ev, "is", NULL);

	return name != NULL && strcmp(name, "outcome") == 0 && is != NULL && strcmp(is, "unknown") != 0;
}

/* Events that db makes after a session's death pass too: they tell what happened. */
static bool
on_bulk_line(void *ctx, struct channel *c, const char *line, size_t n)
{
	struct recorder *r = ctx;
	enum transcript_event_kind kind;
	json_t *ev;

	(void)c;
	switch (packet_feed(&r->from_db, line, n, NULL)) {
	case 0:
		return true;
	case 1:
		break;
	default:
		return false;
	}
	ev = json_object_get(r->from_db.head, "event");
	if (json_object_get(r->from_db.head, "unknown") != NULL)
		recorder_unsure(r, (uint64_t)json_int(r->from_db.head, "unknown", 0));
	else if (json_str(r->from_db.head, "down", NULL) != NULL && r->resolving)
		recorder_no_outcome(r, &r->from_db);
	else if (r->waits && !is_outcome(ev))
		;	/* who is asked again says the outcome, or nothing that is new */
	else if (json_str(r->from_db.head, "down", NULL) != NULL)	/* the database was not reached */
		recorder_tell_session(r, json_pack("{s:s, s:O}", "do", "down",
		    "code", json_object_get(r->from_db.head, "down")), r->from_db.b, r->from_db.nb);
	else if (r->last > 0 && recorder_kind(ev, TRANSCRIPT_BY_DB, &kind))	/* the beginning is the first */
		record(r, kind, ev, &r->from_db);
	else
		log_line(LOG_LEVEL_ERROR, "db sent an event that it may not write");
	packet_clear(&r->from_db);
	return true;
}

static bool
on_control_line(void *ctx, struct channel *c, const char *line, size_t n)
{
	(void)ctx;
	(void)c;
	(void)line;
	(void)n;
	return false;	/* db says nothing on control */
}

static void
on_control_closed(void *ctx, struct channel *c)
{
	struct recorder *r = ctx;

	(void)c;
	r->db = NULL;
}

static void
on_bulk_closed(void *ctx, struct channel *c)
{
	struct recorder *r = ctx;

	(void)c;
	r->bulk = NULL;
	recorder_db_gone(r);
}

void
recorder_db_attach(struct recorder *r, int control, int bulk)
{
	static const struct channel_ops control_ops = { on_control_line, on_control_closed, NULL };
	static const struct channel_ops bulk_ops = { on_bulk_line, on_bulk_closed, NULL };
	enum { OUT_MAX = 64 * 1024 * 1024 };

	packet_clear(&r->from_db);
	r->owed = 0;
	r->db = channel_open(r->base, control, 4096, OUT_MAX, &control_ops, r);
	r->bulk = channel_open(r->base, bulk, TRANSCRIPT_LINE_MAX, 4096, &bulk_ops, r);
}
