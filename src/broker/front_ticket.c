/* SPDX-License-Identifier: GPL-3.0-or-later */
/* ticket-new, ticket-show, ticket-accept, list. */
#include "config.h"

#include <string.h>


#include "twokey/base/buf.h"
#include "twokey/base/clock.h"
#include "twokey/base/err.h"
#include "twokey/base/json.h"
#include "twokey/ticket/store.h"

#include "front.h"

enum { LIST_MAX = 200, TICKETS_MAX = 5000 };

static void
no(struct request *r, const struct err *e)
{
	front_refuse(r->v, r->name, r->id, e->code, e->text);
}

static bool
count_one(void *ctx, const char *id)
{
	(void)id;
	++*(size_t *)ctx;
	return true;
}

/* The lobby looks at every ticket: a store without a limit would let one person slow everybody's. */
static bool
store_is_full(const char *folder)
{
	size_t tickets = 0;

	ticket_store_list(folder, count_one, &tickets);
	return tickets >= TICKETS_MAX;
}

void
front_ticket_new(struct request *r)
{
	char digest[DIGEST_HEX + 1];
	struct ticket *t = NULL;
	struct err e;
	size_t n;
	const char *text = json_str(r->o, "text", &n);

	if (store_is_full(r->f->config->store)) {
		err_set(&e, ERR_FULL, "the store holds %d tickets, as many as it takes; move old ones away on the "
		    "broker's host", TICKETS_MAX);
		no(r, &e);
		return;
	}
	if (ticket_store_new(r->f->config->store, text, n, r->v->person->name, clock_wall_us(), r->f->config,
	    &t, &e) != 0) {
		no(r, &e);
		return;
	}
	digest_hex(&t->digest, digest);
	front_answer(r->v, r->name, r->id, true, json_pack("{s:s, s:s}", "ticket", t->id, "digest", digest));
	ticket_free(t);
}

void
front_ticket_accept(struct request *r)
{
	const char *id = json_str(r->o, "ticket", NULL);
	struct digest digest;
	struct err e;
	size_t n;
	const char *hex = json_str(r->o, "digest", &n);

	if (!digest_parse(hex, n, &digest)) {
		err_set(&e, ERR_INVALID, "the digest is 64 hex digits, as \"twokey ticket show\" prints it");
		no(r, &e);
	} else if (ticket_store_accept(r->f->config->store, id, r->v->person->name, &digest, clock_wall_us(),
	    &e) != 0) {
		no(r, &e);
	} else {
		front_answer(r->v, r->name, r->id, true, json_pack("{s:s}", "ticket", id));
	}
}

static void
set_time(json_t *o, const char *key, int64_t us)
{
	char text[CLOCK_TEXT];

	if (us <= 0)
		return;
	clock_format(us, text);
	json_object_set_new(o, key, json_string(text));
}

void
front_ticket_show(struct request *r)
{
	const char *id = json_str(r->o, "ticket", NULL);
	struct ticket *t = NULL;
	struct ticket_state state;
	char digest[DIGEST_HEX + 1];
	enum ticket_seat seat;
	struct buf text;
	struct err e;
	json_t *o;

	buf_init(&text, TICKET_TEXT_MAX);
	if (ticket_store_load(r->f->config->store, id, &t, &state, &text, &e) != 0) {
		no(r, &e);
	} else if (!ticket_seat_of(t, r->v->person->name, &seat) && strcmp(t->approver, r->v->person->name) != 0 &&
	    strcmp(state.made_by, r->v->person->name) != 0) {
		err_set(&e, ERR_SEAT, "the ticket does not name you");
		no(r, &e);
	} else {
		digest_hex(&t->digest, digest);
		o = json_pack("{s:s, s:s, s:s, s:s, s:b}", "text", buf_str(&text), "digest", digest,
		    "made_by", state.made_by, "accepted_by", state.accepted_by,
		    "force", ticket_in_force(t, &state));
		set_time(o, "made", state.made_us);
		set_time(o, "accepted", state.accepted_us);
		if (ticket_check(t, r->f->config, clock_wall_us(), &e) != 0)
			json_object_set_new(o, "why", json_string(e.text));
		front_answer(r->v, r->name, r->id, true, o);
	}
	ticket_free(t);
	buf_fini(&text);
}

/* How long each request waits, in seconds: a console's clock may be another one. */
static json_t *
aged(const json_t *asks)
{
	json_t *v = json_deep_copy(asks), *ask;
	int64_t now = clock_wall_us(), asked;
	size_t i, n;

	json_array_foreach(v, i, ask) {
		const char *t = json_str(ask, "asked", &n);

		if (t != NULL && clock_parse(t, n, &asked) == 0)
			json_object_set_new(ask, "age", json_integer(now > asked ? (json_int_t)((now - asked) / 1000000) : 0));
	}
	return v;
}

static void
list_session(struct request *r, const struct lobby *l, json_t *list)
{
	struct ticket *t = NULL;
	struct ticket_state state;
	enum ticket_seat seat;
	json_t *o;

	if (l->channel == NULL || l->status == NULL ||
	    ticket_store_load(r->f->config->store, l->ticket, &t, &state, NULL, NULL) != 0)
		return;
	if (ticket_seat_of(t, r->v->person->name, &seat) || (l->waits && strcmp(t->approver, r->v->person->name) == 0)) {
		o = json_copy(l->status);
		/* what a session says of itself is believed in nothing that the front knows */
		json_object_set_new(o, "session", json_string(l->session));
		json_object_set_new(o, "ticket", json_string(l->ticket));
		json_object_set_new(o, "since", json_string(l->since));
		if (json_is_array(json_object_get(o, "asks")))
			json_object_set_new(o, "asks", aged(json_object_get(o, "asks")));
		json_object_set_new(o, "seat", json_string(ticket_seat_of(t, r->v->person->name, &seat) ?
		    ticket_seat_name(seat) : "approver"));
		json_array_append_new(list, o);
	}
	ticket_free(t);
}

struct ticket_list {
	struct request *r;
	json_t *v;
};

static bool
list_ticket(void *ctx, const char *id)
{
	struct ticket_list *list = ctx;
	struct request *r = list->r;
	struct ticket *t = NULL;
	struct ticket_state state;
	enum ticket_seat seat;
	json_t *o;

	if (ticket_store_load(r->f->config->store, id, &t, &state, NULL, NULL) != 0)
		return true;
	if (ticket_seat_of(t, r->v->person->name, &seat) || strcmp(t->approver, r->v->person->name) == 0) {
		o = json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:s}", "ticket", t->id,
		    "title", t->title != NULL ? t->title : "", "target", t->target,
		    "access", ticket_access_name(t->access), "stage", ticket_stage_name(t->stage),
		    "seat", ticket_seat_of(t, r->v->person->name, &seat) ? ticket_seat_name(seat) : "approver",
		    "state", t->expires_us < clock_wall_us() ? "expired" :
		    ticket_in_force(t, &state) ? "accepted" : "new");
		set_time(o, "expires", t->expires_us);
		json_array_append_new(list->v, o);
	}
	ticket_free(t);
	return json_array_size(list->v) < LIST_MAX;
}

void
front_list(struct request *r)
{
	json_t *sessions = json_array();
	struct ticket_list list = { r, json_array() };
	const char *only = json_str(r->o, "only", NULL);

	for (const struct lobby *l = r->f->lobbies; l != NULL; l = l->next)
		list_session(r, l, sessions);
	/* the store is walked when somebody comes or asks, not each time that the wall is looked at again */
	if (only == NULL || strcmp(only, "sessions") != 0)
		ticket_store_list(r->f->config->store, list_ticket, &list);
	front_answer(r->v, r->name, r->id, true, json_pack("{s:o, s:o}", "sessions", sessions,
	    "tickets", list.v));
}
