/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Events go to the recorder in order and come back recorded in the same order. */
#include "config.h"

#include <stdlib.h>
#include <string.h>

#include "twokey/base/buf.h"
#include "twokey/base/err.h"
#include "twokey/base/json.h"
#include "twokey/base/must.h"

#include "session.h"

enum { PACKET_MAX = 16 * 1024 * 1024 };

struct submission *
session_record(struct session *s, enum transcript_event_kind kind, json_t *ev, struct packet_body *b, size_t nb)
{
	struct submission *sub = must_zalloc(sizeof *sub);
	json_t *head;
	struct buf out;

	must(ev != NULL && json_object_set_new(ev, "ev", json_string(transcript_event_rule(kind)->name)) == 0);
	head = json_pack("{s:s, s:o}", "do", "event", "event", ev);
	buf_init(&out, PACKET_MAX);
	packet_put(&out, head, b, nb);
	if (s->recorder != NULL)
		channel_send(s->recorder, buf_data(&out), buf_len(&out));
	buf_fini(&out);
	json_decref(head);
	packet_bodies_free(b, nb);
	*s->last_sub = sub;
	s->last_sub = &sub->next;
	return sub;
}

/* Remembers where event n ends, for "from" and "body". */
static void
remember(struct session *s, uint64_t n, uint64_t end)
{
	if (n >= s->ends_cap) {
		while (n >= s->ends_cap)
			s->ends_cap = s->ends_cap < 1024 ? 1024 : s->ends_cap * 2;
		s->ends = must_realloc(s->ends, s->ends_cap * sizeof *s->ends);
		s->ends[0] = 0;
	}
	/* the recorder numbers without gaps; events that recovery wrote are not ours */
	while (s->last < n)
		s->ends[++s->last] = end;
	s->end = end;
}

static struct submission *
take_first(struct session *s)
{
	struct submission *sub = s->first;

	if (sub != NULL) {
		s->first = sub->next;
		if (s->first == NULL)
			s->last_sub = &s->first;
	}
	return sub;
}

static void
answer(struct session *s, const struct submission *sub, int code, const char *why, uint64_t n)
{
	struct console *c = sub->console != 0 ? console_find(s, sub->console) : NULL;

	if (c == NULL || sub->re == NULL)
		return;
	if (code != 0)
		console_refuse(c, sub->re, sub->id, code, why);
	else if (sub->refusal)
		console_answer(c, sub->re, sub->id, false, json_pack("{s:s, s:s, s:I}", "code",
		    err_name(ERR_DENIED), "why", sub->why, "n", (json_int_t)n));
	else
		console_answer(c, sub->re, sub->id, true, json_pack("{s:I}", "n", (json_int_t)n));
}

static void
recorded(struct session *s, struct packet *p)
{
	uint64_t n = (uint64_t)json_int(p->head, "n", 0);
	struct submission *sub = take_first(s);

	must(sub != NULL);
	remember(s, n, (uint64_t)json_int(p->head, "end", 0));
	answer(s, sub, 0, NULL, n);
	if (sub->then != NULL)
		sub->then(s, sub, n);
	json_decref(sub->id);
	free(sub);
	console_pump_all(s);
}

static void
refused(struct session *s, struct packet *p)
{
	const char *code = json_str(p->head, "code", NULL), *why = json_str(p->head, "why", NULL);
	struct submission *sub = take_first(s);
	int err = err_from_name(code != NULL ? code : "bug");

	must(sub != NULL);
	answer(s, sub, err, why != NULL ? why : "the transcript did not take it, so it was not done", 0);
	if (sub->then != NULL)
		sub->then(s, sub, 0);	/* 0: not recorded, so it did not happen */
	json_decref(sub->id);
	free(sub);
	/* without a record nothing runs: what is left is to end, from the room kept back */
	if (err == ERR_FULL || err == ERR_SYSTEM)
		session_end(s, NULL, "transcript-full", "the transcript takes no more: nothing runs without a record");
}

static void
happened(struct session *s, struct packet *p)
{
	const json_t *ev = json_object_get(p->head, "event");
	enum transcript_event_kind kind;
	uint64_t n = (uint64_t)json_int(p->head, "n", 0);
	size_t len;
	const char *name = json_str(ev, "ev", &len);

	remember(s, n, (uint64_t)json_int(p->head, "end", 0));
	if (name != NULL && transcript_event_parse(name, len, &kind))
		session_event(s, kind, ev, n);
	console_pump_all(s);
}

static void
down(struct session *s, struct packet *p)
{
	json_t *body = packet_body(p, "why");
	struct buf why;

	buf_init(&why, 2048);
	if (body == NULL || json_get_bytes(body, "text", &why) != 0)
		buf_puts(&why, "the database could not be reached");
	if (json_bool(p->head, "tunnel"))
		session_end(s, NULL, "unreachable", buf_str(&why));
	else
		session_end_soon(s, "unreachable", buf_str(&why));
	buf_fini(&why);
	json_decref(body);
}

void
session_recorder_packet(struct session *s, struct packet *p)
{
	const char *what = json_str(p->head, "do", NULL);

	if (what == NULL) {
		return;
	} else if (strcmp(what, "ready") == 0) {
		s->file = channel_take_fd(s->recorder);
		must(s->file >= 0);
	} else if (strcmp(what, "recorded") == 0) {
		recorded(s, p);
	} else if (strcmp(what, "refused") == 0) {
		refused(s, p);
	} else if (strcmp(what, "event") == 0) {
		happened(s, p);
	} else if (strcmp(what, "down") == 0) {
		down(s, p);
	} else if (strcmp(what, "broken") == 0) {
		session_end(s, NULL, "transcript-broken", "the transcript cannot be written: nothing runs");
	} else if (strcmp(what, "sealed") == 0 || strcmp(what, "unsealed") == 0 || strcmp(what, "waits") == 0) {
		const char *head = json_str(p->head, "head", NULL);

		s->open = strcmp(what, "waits") == 0;
		strncpy(s->head, head != NULL ? head : "", sizeof s->head - 1);
		session_on_sealed(s);
	}
}
