/* SPDX-License-Identifier: GPL-3.0-or-later */
/* hello, open, join: who it is and into which session. */
#include "config.h"

#include <stdlib.h>
#include <string.h>

#include "twokey/base/clock.h"
#include "twokey/base/err.h"
#include "twokey/base/json.h"
#include "twokey/base/must.h"
#include "twokey/ticket/store.h"

#include "fault.h"
#include "front.h"
#include "role.h"

static void
no(struct request *r, int code, const char *why)
{
	front_refuse(r->v, r->name, r->id, code, why);
}

void
front_hello(struct request *r)
{
	const char *as = json_str(r->o, "as", NULL);
	const struct config_person *p;
	json_t *fields;

	if (json_int(r->o, "v", 0) != 1) {
		no(r, ERR_UNSUPPORTED, "this broker speaks version 1 of the protocol");
		return;
	}
	if (as != NULL && !r->f->demo) {
		no(r, ERR_DENIED, "this broker is no demo: who you are is your login, \"as\" (--as) is not taken");
		return;
	}
	p = as != NULL ? config_person(r->f->config, as) : config_person_of_login(r->f->config, r->v->login);
	if (p == NULL) {
		no(r, ERR_DENIED, as != NULL ? "the demo has no person of that name" :
		    "your login belongs to no person of this broker's configuration; "
		    "ask its operator to add you under \"people\"");
		return;
	}
	r->v->person = p;
	r->v->json = json_bool(r->o, "json");
	fields = json_pack("{s:i, s:s, s:s, s:s, s:i}", "v", 1, "broker", r->f->broker, "person", p->name,
	    "side", ticket_side_name(p->side), "away_seconds", (int)r->f->config->away_seconds);
	if (r->f->demo)
		json_object_set_new(fields, "unverified", json_true());
	front_answer(r->v, r->name, r->id, true, fields);
}

/* What the session needs to know of this console. */
static json_t *
adopt_make(const struct request *r, enum ticket_seat seat)
{
	const json_t *bodies = json_object_get(r->o, "bodies");
	json_t *a = json_pack("{s:s, s:s, s:s, s:s, s:s, s:I, s:I, s:I, s:b, s:b, s:b, s:I}", "do", "adopt",
	    "re", r->name, "person", r->v->person->name, "seat", ticket_seat_name(seat),
	    "login", r->v->login, "uid", (json_int_t)r->v->uid, "loginuid", (json_int_t)r->v->loginuid,
	    "audit", (json_int_t)r->v->audit, "remote", (int)r->v->remote, "json", (int)r->v->json,
	    "bodies", bodies == NULL || json_is_true(bodies), "from", (json_int_t)json_int(r->o, "from", 1));

	if (r->id != NULL)
		json_object_set(a, "id", r->id);
	return a;
}

/* The ticket in force, checked against the configuration and now; NULL after an answer. */
static struct ticket *
ticket_of(struct request *r, const char *id)
{
	struct ticket *t = NULL;
	struct ticket_state state;
	struct err e;

	if (ticket_store_load(r->f->config->store, id, &t, &state, NULL, &e) != 0) {
		no(r, e.code, e.text);
		return NULL;
	}
	if (!ticket_in_force(t, &state)) {
		no(r, ERR_STATE, "the ticket is not accepted yet; another person than its drivers runs "
		    "\"twokey ticket accept\" first");
		ticket_free(t);
		return NULL;
	}
	if (ticket_check(t, r->f->config, clock_wall_us(), &e) != 0) {
		no(r, ERR_DENIED, e.text);
		ticket_free(t);
		return NULL;
	}
	return t;
}

void
front_opened(struct lobby *l, struct visitor *v)
{
	json_t *adopt = v->adopt;

	v->adopt = NULL;
	v->opening[0] = '\0';
	fault_point("front.before-adopt");
	lobby_hand_over(l, v, adopt);
}

static void
ask_monitor(struct request *r, const struct ticket *t)
{
	struct monitor_msg m = { .op = MONITOR_SPAWN };
	struct err e;

	strncpy(m.ticket, t->id, sizeof m.ticket - 1);
	strncpy(m.target, t->target, sizeof m.target - 1);
	digest_hex(&t->digest, m.digest);
	if (monitor_send(ROLE_FD_MONITOR, &m, -1, &e) != 0) {
		no(r, ERR_SYSTEM, "the broker could not start a session; see its log");
		return;
	}
	strncpy(r->v->opening, t->id, sizeof r->v->opening - 1);
	r->v->adopt = adopt_make(r, TICKET_SEAT_DRIVER);
	channel_hold(r->v->channel, true);	/* what it says next is for the session */
}

static bool
opening_already(const struct front *f, const char *ticket)
{
	for (const struct visitor *v = f->visitors; v != NULL; v = v->next)
		if (strcmp(v->opening, ticket) == 0)
			return true;
	return false;
}

static bool
from_ok(struct request *r)
{
	if (json_int(r->o, "from", 1) >= 1)
		return true;
	no(r, ERR_INVALID, "\"from\" is the number of an event, 1 or more");
	return false;
}

void
front_open(struct request *r)
{
	const char *id = json_str(r->o, "ticket", NULL);
	struct ticket *t = from_ok(r) ? ticket_of(r, id) : NULL;
	enum ticket_seat seat;
	struct lobby *l;

	if (t == NULL)
		return;
	l = lobby_of_ticket(r->f, t->id);
	if (!ticket_seat_of(t, r->v->person->name, &seat))
		no(r, ERR_SEAT, "the ticket does not name you");
	else if (seat != TICKET_SEAT_DRIVER)
		no(r, ERR_SEAT, "the ticket names you, but not as driver; \"twokey join\" is for you");
	else if (l != NULL)
		lobby_hand_over(l, r->v, adopt_make(r, seat));
	else if (opening_already(r->f, t->id))
		no(r, ERR_STATE, "the session for this ticket is being started from another console");
	else
		ask_monitor(r, t);
	ticket_free(t);
}

void
front_join(struct request *r)
{
	const char *session = json_str(r->o, "session", NULL), *id = json_str(r->o, "ticket", NULL);
	bool watch = json_bool(r->o, "watch");
	enum ticket_seat seat;
	struct lobby *l;
	struct ticket *t;

	if (!from_ok(r))
		return;
	if ((session == NULL) == (id == NULL)) {
		no(r, ERR_INVALID, "name either a session or a ticket");
		return;
	}
	l = session != NULL ? lobby_find(r->f, session) : lobby_of_ticket(r->f, id);
	if (l != NULL && l->waits) {
		no(r, ERR_STATE, "that session is over; what became of a change of it is not known yet: twokey settle");
		return;
	}
	if (l == NULL || l->channel == NULL) {
		no(r, ERR_NOT_FOUND, "no such session runs; the driver starts it with \"twokey open TICKET\"");
		return;
	}
	t = ticket_of(r, l->ticket);
	if (t == NULL)
		return;
	if (!ticket_seat_of(t, r->v->person->name, &seat))
		no(r, ERR_SEAT, "the ticket does not name you");
	else if (seat == TICKET_SEAT_DRIVER && !watch)
		no(r, ERR_SEAT, "the ticket names you as driver; the second key is another person's. "
		    "\"twokey open\" takes the driver's seat");
	else if (seat == TICKET_SEAT_DRIVER)
		no(r, ERR_SEAT, "a driver of the ticket does not watch it; \"twokey open\" takes the driver's seat");
	else
		lobby_hand_over(l, r->v, adopt_make(r, watch ? TICKET_SEAT_WATCHER : seat));
	ticket_free(t);
}
