/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A secret that a person was asked for: sealed at his console for the process that asked, so that neither this role
 * nor the recorder nor the transcript ever holds it (law 7). */
#include "config.h"

#include <stdio.h>
#include <string.h>

#include "twokey/base/err.h"
#include "twokey/base/json.h"
#include "twokey/base/sealed.h"

#include "session.h"

enum { BY_DB, BY_TUNNEL };

void
session_wanted(struct session *s, enum transcript_event_kind kind, const json_t *ev, uint64_t n)
{
	bool tunnel = kind == TRANSCRIPT_EVENT_LOCKED;
	struct wanted *w = &s->wanted[tunnel ? BY_TUNNEL : BY_DB];
	const char *by = json_str(ev, "by", NULL), *what = json_str(ev, "what", NULL);

	/* a tunnel that wants the database's password is none of ours any more */
	if (what == NULL || strcmp(what, tunnel ? "passphrase" : "password") != 0 || s->state != SESSION_STARTING) {
		session_end(s, NULL, "bug", "a process asked for a secret that is not its own to ask for");
		return;
	}
	w->n = n;
	snprintf(w->from, sizeof w->from, "%s", by != NULL ? by : "");
}

/* On its way once the event that tells of it is on record. */
static void
given(struct session *s, struct submission *sub, uint64_t n)
{
	struct wanted *w = sub->wanted;

	if (n != 0 && s->recorder != NULL)
		channel_send_json(s->recorder, json_incref(w->sealed), -1);
	json_decref(w->sealed);
	w->sealed = NULL;
}

/* What is asked from that person under that number; NULL: nothing is. */
static struct wanted *
wanted_of(struct message *m, uint64_t of)
{
	for (int i = BY_DB; i <= BY_TUNNEL; i++) {
		struct wanted *w = &m->s->wanted[i];

		if (of != 0 && w->n == of && w->sealed == NULL && strcmp(m->c->person, w->from) == 0)
			return w;
	}
	return NULL;
}

void
msg_secret(struct message *m)
{
	struct session *s = m->s;
	uint64_t of = (uint64_t)json_int(m->o, "of", 0);
	struct wanted *w = wanted_of(m, of);
	struct submission *sub;
	const char *box;
	char why[160];
	size_t n;

	box = json_str(m->o, "sealed", &n);
	if (w == NULL) {
		console_refuse(m->c, m->name, m->id, ERR_DENIED, "nothing of that number is asked from you");
		return;
	}
	w->n = 0;
	if (n == 0 || n > SEALED_BOX_MAX) {
		snprintf(why, sizeof why, "%s did not give what was asked", m->c->person);
		session_end(s, m->c->person, "not-given", why);
		return;
	}
	w->sealed = json_pack("{s:s, s:b, s:I, s:s}", "do", "secret", "tunnel", (int)(w == &s->wanted[BY_TUNNEL]),
	    "of", (json_int_t)of, "sealed", box);
	sub = session_record(s, TRANSCRIPT_EVENT_GIVEN, json_pack("{s:I, s:s}", "of", (json_int_t)of, "by", m->c->person),
	    NULL, 0);
	sub->console = m->c->id;
	sub->re = msg_name(m->name);
	sub->id = json_incref(m->id);
	sub->wanted = w;
	sub->then = given;
}
