/* SPDX-License-Identifier: GPL-3.0-or-later */
/* An outcome that nobody knows keeps the transcript open: it is shown in the lobby, the server is asked again, and a person
 * who did not drive may say what he found. That is recorded here like everything else; then comes the seal. */
#include "config.h"

#include <event2/event.h>
#include <string.h>
#include <unistd.h>

#include "twokey/base/buf.h"
#include "twokey/base/clock.h"
#include "twokey/base/digest.h"
#include "twokey/base/err.h"
#include "twokey/base/json.h"
#include "twokey/base/log.h"
#include "twokey/transcript/line.h"
#include "twokey/transcript/reader.h"

#include "outcome.h"
#include "recorder.h"
#include "role.h"

enum { ASK_AGAIN_S = 60, ASK_AGAIN_MAX_S = 3600, LINE_IN_MAX = 16 * 1024, LINE_OUT_MAX = 256 * 1024, SQL_SHOWN = 2000 };

static const char *
word(const json_t *o, const char *key)
{
	const char *s = json_str(o, key, NULL);

	return s != NULL ? s : "";
}

void
recorder_follow_open(struct recorder *r, enum transcript_event_kind kind, const json_t *ev)
{
	json_t *point = r->commit_point != NULL ? r->commit_point : r->open;

	if (kind == TRANSCRIPT_EVENT_OUTCOME && strcmp(word(ev, "is"), "unknown") == 0 && point != NULL) {
		json_incref(point);
		json_decref(r->open);
		r->open = point;
		clock_format(clock_wall_us(), r->open_since);
		if (strlen(word(ev, "t")) + 1 == sizeof "2026-06-08T14:03:12.123456Z")
			strcpy(r->open_since, word(ev, "t"));	/* read again after a crash */
	} else if (kind == TRANSCRIPT_EVENT_OUTCOME || kind == TRANSCRIPT_EVENT_SETTLED) {
		json_decref(r->open);
		r->open = NULL;
	}
}

/* A member of a line of event n: its body "sql", or the event itself (k NULL). The caller drops it. */
static json_t *
line_of(const struct recorder *r, uint64_t n, const char *k)
{
	struct transcript_reader *file = transcript_reader_open(r->path, NULL);
	size_t lines = file != NULL ? transcript_event_lines(file, n) : 0, len;
	json_t *found = NULL;

	for (size_t i = 0; i < lines && found == NULL; i++) {
		const char *line = transcript_event_line(file, n, i, &len);

		found = line != NULL ? json_line_parse(line, len, NULL) : NULL;
		if (found != NULL && strcmp(k != NULL ? k : "request", word(found, k != NULL ? "k" : "ev")) != 0) {
			json_decref(found);
			found = NULL;
		}
	}
	if (file != NULL)
		transcript_reader_close(file);
	return found;
}

static void
put_sql(json_t *o, const json_t *body)
{
	size_t n = 0;
	const char *s = json_str(body, "text", &n);

	if (n > SQL_SHOWN)	/* the rest is in the transcript; never cut inside a character */
		for (n = SQL_SHOWN; n > 0 && ((unsigned char)s[n] & 0xc0) == 0x80; n--)
			;
	if (s != NULL)
		json_object_set_new(o, "sql", json_stringn(s, n));
}

static void
tell_front(struct recorder *r)
{
	uint64_t of = (uint64_t)json_int(r->open, "of", 0);
	json_t *sql = line_of(r, of, "sql"), *request = line_of(r, of, NULL), *open;
	struct buf how;

	buf_init(&how, 8192);
	outcome_how(json_str(r->begin, "engine", NULL), r->open, &how);
	open = json_pack("{s:I, s:s, s:s}", "of", (json_int_t)of, "how", buf_str(&how), "since", r->open_since);
	put_sql(open, sql);
	channel_send_json(r->front, json_pack("{s:s, s:s, s:s, s:s, s:i, s:b, s:o}", "ticket", word(r->begin, "ticket"),
	    "target", word(r->begin, "target"), "stage", word(r->begin, "stage"), "driver", word(request, "by"),
	    "waiting", 0, "ending", 1, "open", open), -1);
	buf_fini(&how);
	json_decref(sql);
	json_decref(request);
}

/* Law 3, whatever the front thinks: who drove does not say what became of it. */
static bool
drove(const struct recorder *r, const char *person)
{
	const json_t *v;
	size_t i;

	json_array_foreach(json_object_get(r->begin, "people"), i, v)
		if (strcmp(word(v, "person"), person) == 0 && strcmp(word(v, "seat"), "driver") == 0)
			return true;
	return person[0] == '\0';
}

static int
settle(struct recorder *r, const json_t *o, struct err *e)
{
	const char *is = word(o, "settle"), *why = word(o, "why");
	struct packet_body b;
	json_t *ev;
	int ret;

	if (r->open == NULL || r->sealing || r->sealed)
		return err_set(e, ERR_STATE, "no outcome of that session is open any more");
	if (drove(r, word(o, "by")))
		return err_set(e, ERR_SEAT, "who drove does not settle the outcome; a confirmer or the approver of the ticket does");
	if ((strcmp(is, "committed") != 0 && strcmp(is, "aborted") != 0) || why[0] == '\0')
		return err_set(e, ERR_INVALID, "an outcome is committed or aborted, with a word on how that is known");
	ev = json_pack("{s:s, s:I, s:s, s:s, s:s, s:I}", "ev", "settled", "of", (json_int_t)json_int(r->open, "of", 0), "is", is,
	    "by", word(o, "by"), "login", word(o, "login"), "uid", (json_int_t)json_int(o, "uid", -1));
	if (json_bool(o, "unverified"))
		json_object_set_new(ev, "unverified", json_true());
	packet_text_body(&b, "why", why, strlen(why));
	ret = recorder_append_and_tell(r, TRANSCRIPT_EVENT_SETTLED, ev, &b, 1);
	packet_bodies_free(&b, 1);
	json_decref(ev);
	return ret == 0 ? 0 : err_set(e, ret, "the transcript did not take it, so nothing is settled");
}

static bool
on_line(void *ctx, struct channel *c, const char *line, size_t n)
{
	struct recorder *r = ctx;
	json_t *o = json_line_parse(line, n, NULL);
	struct err e;
	int ret = settle(r, o, &e);

	json_decref(o);
	channel_send_json(c, ret == 0 ? json_pack("{s:b}", "settled", 1) : json_pack("{s:b, s:s, s:s}", "settled", 0,
	    "code", err_name(ret), "why", e.text), -1);
	if (ret == 0)
		recorder_open_again(r);
	return true;
}

static void
on_closed(void *ctx, struct channel *c)
{
	struct recorder *r = ctx;

	(void)c;
	r->front = NULL;	/* the monitor brings the next one */
}

void
recorder_open_front(struct recorder *r, int fd)
{
	static const struct channel_ops ops = { on_line, on_closed, NULL };

	if (fd < 0 || !r->waits || r->open == NULL) {
		if (fd >= 0)
			close(fd);
		return;
	}
	channel_close(r->front);
	r->front = channel_open(r->base, fd, LINE_IN_MAX, LINE_OUT_MAX, &ops, r);
	tell_front(r);
}

void
recorder_open_again(struct recorder *r)
{
	struct timeval tv = { ASK_AGAIN_S, 0 };

	event_del(r->end_timer);
	if (r->open == NULL) {
		recorder_seal(r);
		return;
	}
	/* the others can be asked a hundred times */
	if (strcmp(word(r->begin, "engine"), "postgres") != 0 || word(r->open, "xid")[0] == '\0')
		return;
	for (unsigned i = 0; i < r->asked_again && tv.tv_sec < ASK_AGAIN_MAX_S; i++)
		tv.tv_sec *= 2;
	r->asked_again++;
	event_add(r->end_timer, &tv);
}

void
recorder_wait(struct recorder *r)
{
	struct monitor_msg m = { .op = MONITOR_WAITS };
	struct digest d = transcript_head(r->file);
	char head[DIGEST_HEX + 1];
	struct err e;

	r->waits = true;
	log_line(LOG_LEVEL_WARN, "%s: an outcome is open; its transcript is sealed once that is settled", r->id);
	if (transcript_sync(r->file, &e) != 0) {
		recorder_broken(r, &e);
		recorder_seal(r);
		return;
	}
	digest_hex(&d, head);
	recorder_tell_session(r, json_pack("{s:s, s:s}", "do", "waits", "head", head), NULL, 0);
	if (!r->monitor_gone && monitor_send(ROLE_FD_MONITOR, &m, -1, &e) != 0)
		r->monitor_gone = true;
	if (!r->monitor_gone)
		recorder_open_again(r);
	else if (r->session == NULL)
		event_base_loopbreak(r->base);
}
