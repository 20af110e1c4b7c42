/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The sessions that run, as the front knows them: by what they say of themselves. */
#include "config.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "twokey/base/buf.h"
#include "twokey/base/clock.h"
#include "twokey/base/err.h"
#include "twokey/base/json.h"
#include "twokey/base/log.h"
#include "twokey/base/must.h"
#include "twokey/base/text.h"
#include "twokey/ticket/identity.h"
#include "twokey/ticket/store.h"

#include "front.h"
#include "pace.h"

enum { LINE_MAX_IN = 64 * 1024, OUT_MAX = 4 * 1024 * 1024 };

struct lobby *
lobby_find(struct front *f, const char *session)
{
	for (struct lobby *l = f->lobbies; l != NULL; l = l->next)
		if (strcmp(l->session, session) == 0)
			return l;
	return NULL;
}

struct lobby *
lobby_of_ticket(struct front *f, const char *ticket)
{
	for (struct lobby *l = f->lobbies; l != NULL; l = l->next)
		if (strcmp(l->ticket, ticket) == 0 && l->channel != NULL && !l->waits && !json_bool(l->status, "ending"))
			return l;
	return NULL;
}

/* The session has reached its database: from here on it is known under that stage. */
static void
note_identity(const struct lobby *l, const json_t *o)
{
	const char *identity = json_str(o, "identity", NULL), *stage = json_str(o, "stage", NULL);
	enum ticket_stage s;
	struct err e;

	if (identity != NULL && stage != NULL && ticket_stage_parse(stage, &s) &&
	    identity_note(l->f->config->store, identity, s, &e) != 0)
		log_line(LOG_LEVEL_ERROR, "the stage of a database could not be kept: %s", e.text);
}

/* A request was asked or answered there: kept, and every other session hears of it. */
static void
note_pace(const struct lobby *l, json_t *o)
{
	struct gate_pace_rule rule = pace_rule(l->f->config);
	struct err e;

	if (!pace_step(o, &rule, &l->f->paces))
		return;
	if (pace_save(l->f->config->store, &l->f->paces, &e) != 0)
		log_line(LOG_LEVEL_ERROR, "the counts of requests could not be kept: %s", e.text);
	json_object_set_new(o, "do", json_string("pace"));
	for (struct lobby *p = l->f->lobbies; p != NULL; p = p->next)
		if (p != l && p->channel != NULL)
			channel_send_json(p->channel, json_incref(o), -1);
}

static bool
on_line(void *ctx, struct channel *c, const char *line, size_t n)
{
	struct lobby *l = ctx;
	json_t *status = json_line_parse(line, n, NULL);

	(void)c;
	if (status == NULL)
		return false;
	if (l->waits && front_settle_hear(l, status)) {
		json_decref(status);
		return true;
	}
	if (json_object_get(status, "identity") != NULL) {
		note_identity(l, status);
		json_decref(status);
		return true;
	}
	if (json_object_get(status, "pace") != NULL) {
		note_pace(l, status);
		json_decref(status);
		return true;
	}
	json_decref(l->status);
	l->status = status;
	return true;
}

static void
on_closed(void *ctx, struct channel *c)
{
	struct lobby *l = ctx;

	(void)c;
	l->channel = NULL;	/* the monitor says when it is gone */
	front_settle_lost(l);
}

/* Always base64: a stranger's bytes, escaped, could be too long for the line or (NUL) no JSON to its reader,
 * and then the descriptor that goes with the line would be taken for the next person's. */
static void
set_rest(json_t *adopt, const struct buf *rest)
{
	struct buf b;

	buf_init(&b, OUT_MAX / 2);
	text_base64(&b, buf_data(rest), buf_len(rest));
	must(!buf_over(&b) && json_object_set_new(adopt, "rest", json_pack("{s:o}", "base64",
	    json_stringn(buf_data(&b), buf_len(&b)))) == 0);
	buf_fini(&b);
}

void
lobby_hand_over(struct lobby *l, struct visitor *v, json_t *adopt)
{
	struct buf rest;
	int fd;

	buf_init(&rest, 2 * 1024 * 1024);
	fd = channel_detach(v->channel, &rest);
	if (fd < 0) {
		buf_fini(&rest);
		json_decref(adopt);
		channel_hold(v->channel, false);
		front_refuse(v, "open", NULL, ERR_STATE, "read the answers that wait first");
		return;
	}
	if (buf_len(&rest) > 0)
		set_rest(adopt, &rest);
	buf_fini(&rest);
	channel_send_json(l->channel, adopt, fd);
	for (struct visitor **p = &v->f->visitors; *p != NULL; p = &(*p)->next) {
		if (*p == v) {
			*p = v->next;
			break;
		}
	}
	v->f->nvisitors--;
	json_decref(v->adopt);
	free(v);
}

struct sharing {
	const struct front *f;
	const char *target, *ticket;
	char other[TICKET_ID_MAX + 1];
};

static bool
shares(void *ctx, const char *id)
{
	struct sharing *sh = ctx;
	struct ticket *t = NULL;
	struct ticket_state state;

	if (strcmp(id, sh->ticket) == 0 || ticket_store_load(sh->f->config->store, id, &t, &state, NULL, NULL) != 0)
		return true;
	if (strcmp(t->target, sh->target) == 0 && ticket_in_force(t, &state) && t->expires_us > clock_wall_us())
		strncpy(sh->other, id, sizeof sh->other - 1);
	ticket_free(t);
	return sh->other[0] == '\0';
}

/* The session's first line: the ticket, what is known of databases, another ticket that uses the same account. */
static json_t *
begin_make(const struct lobby *l, const struct ticket *t, const char *text, struct err *e)
{
	struct sharing sh = { .f = l->f, .target = t->target, .ticket = t->id };
	json_t *identities = identity_read(l->f->config->store, e), *o;

	if (identities == NULL)
		return NULL;
	ticket_store_list(l->f->config->store, shares, &sh);
	o = json_pack("{s:s, s:s, s:o, s:o}", "do", "begin", "ticket", text, "identities", identities,
	    "paces", pace_make(&l->f->paces));
	if (sh.other[0] != '\0')
		json_object_set_new(o, "shared", json_string(sh.other));
	json_object_set_new(o, "open", lobby_open_on(l->f, t->target));
	return o;
}

/* Sends the ticket to a session that was just started; false when it is no longer what it was. */
static bool
send_ticket(struct lobby *l)
{
	struct ticket *t = NULL;
	struct ticket_state state;
	struct buf text;
	struct err e;
	json_t *begin = NULL;

	buf_init(&text, TICKET_TEXT_MAX);
	if (ticket_store_load(l->f->config->store, l->ticket, &t, &state, &text, &e) == 0 &&
	    ticket_in_force(t, &state) && (begin = begin_make(l, t, buf_str(&text), &e)) == NULL)
		log_line(LOG_LEVEL_ERROR, "no session is opened: %s", e.text);
	if (begin != NULL)
		channel_send_json(l->channel, begin, -1);
	ticket_free(t);
	buf_fini(&text);
	return begin != NULL;
}

static struct lobby *
add(struct front *f, const char *session, const char *ticket, int fd)
{
	static const struct channel_ops ops = { on_line, on_closed, NULL };
	struct lobby *l = must_zalloc(sizeof *l);

	l->f = f;
	strncpy(l->session, session, sizeof l->session - 1);
	strncpy(l->ticket, ticket, sizeof l->ticket - 1);
	clock_format(clock_wall_us(), l->since);
	l->channel = channel_open(f->base, fd, LINE_MAX_IN, OUT_MAX, &ops, l);
	l->next = f->lobbies;
	f->lobbies = l;
	return l;
}

void
lobby_wait(struct front *f, const char *session, const char *ticket, int fd)
{
	lobby_remove(f, session);
	add(f, session, ticket, fd)->waits = true;
}

json_t *
lobby_open_on(const struct front *f, const char *target)
{
	json_t *v = json_array();

	for (const struct lobby *l = f->lobbies; l != NULL; l = l->next) {
		const char *of = json_str(l->status, "target", NULL);

		if (l->waits && of != NULL && strcmp(of, target) == 0)
			json_array_append_new(v, json_string(l->session));
	}
	return v;
}

void
lobby_add(struct front *f, const char *session, const char *ticket, int fd)
{
	struct lobby *l = add(f, session, ticket, fd);
	struct visitor *opener = NULL;

	for (struct visitor *v = f->visitors; v != NULL; v = v->next)
		if (strcmp(v->opening, ticket) == 0)
			opener = v;
	if (opener == NULL)
		return;	/* a session of before this front, or its opener has gone */
	if (!send_ticket(l)) {
		opener->opening[0] = '\0';
		channel_hold(opener->channel, false);
		front_refuse(opener, "open", NULL, ERR_STATE, "the ticket has changed meanwhile");
		channel_close(l->channel);
		l->channel = NULL;
		return;
	}
	front_opened(l, opener);
}

void
lobby_remove(struct front *f, const char *session)
{
	for (struct lobby **p = &f->lobbies; *p != NULL; p = &(*p)->next) {
		struct lobby *l = *p;

		if (strcmp(l->session, session) != 0)
			continue;
		*p = l->next;
		front_settle_lost(l);
		channel_close(l->channel);
		json_decref(l->status);
		free(l);
		return;
	}
}

void
lobby_failed(struct front *f, const char *ticket, const char *why)
{
	for (struct visitor *v = f->visitors; v != NULL; v = v->next) {
		if (strcmp(v->opening, ticket) != 0)
			continue;
		v->opening[0] = '\0';
		json_decref(v->adopt);
		v->adopt = NULL;
		channel_hold(v->channel, false);
		front_refuse(v, "open", NULL, ERR_SYSTEM, why);
	}
}
