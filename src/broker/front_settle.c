/* SPDX-License-Identifier: GPL-3.0-or-later */
/* settle: a person says what became of a change whose outcome stayed unknown. Who may is judged here; the recorder of that
 * session records it, and seals. */
#include "config.h"

#include <string.h>

#include "twokey/base/err.h"
#include "twokey/base/json.h"
#include "twokey/ticket/store.h"

#include "front.h"

enum { WHY_MAX = 4096 };

static void
no(struct request *r, int code, const char *why)
{
	front_refuse(r->v, r->name, r->id, code, why);
}

/* The approver, or a confirmer; a driver of the ticket never, whatever else he is. */
static bool
may_settle(const struct ticket *t, const char *person)
{
	bool confirms = strcmp(t->approver, person) == 0;

	for (size_t i = 0; i < t->npeople; i++) {
		if (strcmp(t->people[i].name, person) != 0)
			continue;
		if (t->people[i].seat == TICKET_SEAT_DRIVER)
			return false;
		confirms = confirms || t->people[i].seat == TICKET_SEAT_CONFIRMER;
	}
	return confirms;
}

static bool
known(const struct front *f, const char *ticket, const char *person, struct err *e)
{
	struct ticket *t = NULL;
	struct ticket_state state;
	bool may = ticket_store_load(f->config->store, ticket, &t, &state, NULL, e) == 0;

	if (may && !may_settle(t, person)) {
		err_set(e, ERR_SEAT, "a confirmer or the approver of the ticket settles it, and nobody who drives in it");
		may = false;
	}
	ticket_free(t);
	return may;
}

void
front_settle(struct request *r)
{
	const char *session = json_str(r->o, "session", NULL), *is = json_str(r->o, "is", NULL);
	size_t n;
	const char *why = json_str(r->o, "why", &n);
	struct lobby *l = lobby_find(r->f, session);
	json_t *o;
	struct err e;

	if (l == NULL || !l->waits || l->channel == NULL) {
		no(r, ERR_NOT_FOUND, "no outcome of that session is open; `twokey` lists those that are");
	} else if (strcmp(is, "committed") != 0 && strcmp(is, "aborted") != 0) {
		no(r, ERR_INVALID, "\"is\" says what became of the change: committed or aborted");
	} else if (n == 0 || n > WHY_MAX) {
		no(r, ERR_INVALID, "\"why\" says how that is known, in at most 4096 bytes");
	} else if (!known(r->f, l->ticket, r->v->person->name, &e)) {
		no(r, e.code, e.text);
	} else if (l->settler != NULL) {
		no(r, ERR_STATE, "somebody settles it at this moment; look at the list again");
	} else {
		o = json_pack("{s:s, s:s, s:s, s:I, s:s}", "settle", is, "by", r->v->person->name, "login", r->v->login,
		    "uid", (json_int_t)r->v->uid, "why", why);
		if (r->f->demo)
			json_object_set_new(o, "unverified", json_true());
		l->settler = r->v;
		l->settle_id = json_incref(r->id);
		r->v->settling = true;
		channel_hold(r->v->channel, true);
		channel_send_json(l->channel, o, -1);
	}
}

/* The answer goes to who asked, if he is still there. */
static void
answer(struct lobby *l, int code, const char *why)
{
	struct visitor *v = l->settler;
	json_t *id = l->settle_id;

	l->settler = NULL;
	l->settle_id = NULL;
	if (v != NULL) {
		v->settling = false;
		channel_hold(v->channel, false);
		if (code == 0)
			front_answer(v, "settle", id, true, json_pack("{s:s}", "session", l->session));
		else
			front_refuse(v, "settle", id, code, why);
	}
	json_decref(id);
}

bool
front_settle_hear(struct lobby *l, const json_t *o)
{
	const char *code = json_str(o, "code", NULL), *why = json_str(o, "why", NULL);

	if (json_object_get(o, "settled") == NULL)
		return false;
	answer(l, json_bool(o, "settled") ? 0 : err_from_name(code != NULL ? code : "bug"), why != NULL ? why : "it was not recorded");
	return true;
}

void
front_settle_forget(struct visitor *v)
{
	for (struct lobby *l = v->f->lobbies; l != NULL; l = l->next)
		if (l->settler == v) {
			l->settler = NULL;
			json_decref(l->settle_id);
			l->settle_id = NULL;
		}
}

void
front_settle_lost(struct lobby *l)
{
	if (l->settler != NULL)
		answer(l, ERR_STATE, "the process that keeps that transcript died; look at the list again");
}
