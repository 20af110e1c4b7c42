/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A question about definitions: no SQL of a person's, but it runs in the same place in line. */
#include "config.h"

#include <string.h>

#include "twokey/base/err.h"
#include "twokey/base/json.h"
#include "twokey/db/driver.h"
#include "twokey/gate/verdict.h"

#include "session.h"

enum { NAME_MAX_BYTES = 512 };

void
msg_describe(struct message *m)
{
	const char *subject = json_str(m->o, "subject", NULL), *name;
	struct session *s = m->s;
	struct gate_case c = { .access = s->ticket->access, .stage = s->ticket->stage, .class = SQL_CLASS_READ,
	    .caps = s->caps };
	struct submission *sub;
	enum db_subject known;
	struct gate_answer a;
	struct packet_body b;
	size_t n = 0;

	name = json_str(m->o, "name", &n);
	if (!db_subject_parse(subject, &known) || n > NAME_MAX_BYTES) {
		console_refuse(m->c, m->name, m->id, ERR_INVALID, "there is no such subject, or the name is too long; see "
		    "doc/protocol.txt");
		return;
	}
	gate_judge(&c, &a);
	if (a.verdict != GATE_RUN) {	/* who may not read rows may not read what they are rows of */
		console_refuse(m->c, m->name, m->id, ERR_DENIED, a.why);
		return;
	}
	if (s->running != 0 || s->submitting) {
		console_refuse(m->c, m->name, m->id, ERR_STATE, "a statement is running; wait for its end or cancel it");
		return;
	}
	packet_text_body(&b, "name", name != NULL ? name : "", n);
	s->submitting = true;
	sub = session_record(s, TRANSCRIPT_EVENT_DESCRIBE, json_pack("{s:s, s:s}", "by", m->c->person,
	    "subject", db_subject_name(known)), &b, 1);
	sub->console = m->c->id;
	sub->re = msg_name(m->name);
	sub->id = json_incref(m->id);
	sub->then = session_read_recorded;
}
