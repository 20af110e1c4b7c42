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

void
session_wanted(struct session *s, enum transcript_event_kind kind, const json_t *ev, uint64_t n)
{
	const char *by = json_str(ev, "by", NULL);

	s->wanted = n;
	s->wanted_by_tunnel = kind == TRANSCRIPT_EVENT_LOCKED;
	snprintf(s->wanted_from, sizeof s->wanted_from, "%s", by != NULL ? by : "");
}

/* On its way once the event that tells of it is on record. */
static void
given(struct session *s, struct submission *sub, uint64_t n)
{
	(void)n;
	(void)sub;
	if (n == 0 || s->sealed_secret == NULL)
		return;
	if (s->recorder != NULL)
		channel_send_json(s->recorder, s->sealed_secret, -1);
	else
		json_decref(s->sealed_secret);
	s->sealed_secret = NULL;
}

void
msg_secret(struct message *m)
{
	struct session *s = m->s;
	uint64_t of = (uint64_t)json_int(m->o, "of", 0);
	const char *box;
	struct submission *sub;
	char why[160];
	size_t n;

	box = json_str(m->o, "sealed", &n);
	if (of == 0 || of != s->wanted || strcmp(m->c->person, s->wanted_from) != 0) {
		console_refuse(m->c, m->name, m->id, ERR_DENIED, "nothing of that number is asked from you");
		return;
	}
	s->wanted = 0;
	if (n == 0 || n > SEALED_BOX_MAX) {
		snprintf(why, sizeof why, "%s did not give what was asked", m->c->person);
		session_end(s, m->c->person, "not-given", why);
		return;
	}
	s->sealed_secret = json_pack("{s:s, s:b, s:I, s:s}", "do", "secret", "tunnel", (int)s->wanted_by_tunnel,
	    "of", (json_int_t)of, "sealed", box);
	sub = session_record(s, TRANSCRIPT_EVENT_GIVEN, json_pack("{s:I, s:s}", "of", (json_int_t)of, "by", m->c->person),
	    NULL, 0);
	sub->console = m->c->id;
	sub->re = msg_name(m->name);
	sub->id = json_incref(m->id);
	sub->then = given;
}
