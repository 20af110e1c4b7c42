/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Stopping things: cancel, pause, resume, stop, end, leave. */
#include "config.h"

#include <string.h>

#include "twokey/base/err.h"
#include "twokey/base/json.h"

#include "session.h"

static void
record_by(struct message *m, enum transcript_event_kind kind, json_t *ev)
{
	struct submission *sub = session_record(m->s, kind, ev, NULL, 0);

	sub->console = m->c->id;
	sub->re = msg_name(m->name);
	sub->id = json_incref(m->id);
}

void
msg_cancel(struct message *m)
{
	if (m->s->running == 0) {
		console_refuse(m->c, m->name, m->id, ERR_STATE, "nothing runs");
		return;
	}
	record_by(m, TRANSCRIPT_EVENT_CANCEL, json_pack("{s:I, s:s}", "of", (json_int_t)m->s->running,
	    "by", m->c->person));
}

void
msg_pause(struct message *m)
{
	m->s->state = SESSION_PAUSED;
	m->s->stopped[0] = '\0';
	record_by(m, TRANSCRIPT_EVENT_PAUSED, json_pack("{s:s}", "by", m->c->person));
	session_status(m->s);
}

void
msg_resume(struct message *m)
{
	if (!session_may_resume(m->c)) {
		console_refuse(m->c, m->name, m->id, ERR_SEAT, "the ticket asks for a second person who may turn the key for this "
		    "driver; one of those resumes");
		return;
	}
	m->s->state = SESSION_READY;
	record_by(m, TRANSCRIPT_EVENT_RESUMED, json_pack("{s:s}", "by", m->c->person));
	session_status(m->s);
}

void
msg_stop(struct message *m)
{
	size_t n = 0;
	const char *reason = json_str(m->o, "reason", &n);

	if (n > 4096) {
		console_refuse(m->c, m->name, m->id, ERR_TOO_LARGE, "a reason has at most 4096 bytes");
		return;
	}
	console_answer(m->c, m->name, m->id, true, NULL);
	session_end(m->s, m->c->person, "stopped", reason);
}

void
msg_end(struct message *m)
{
	console_answer(m->c, m->name, m->id, true, NULL);
	session_end(m->s, m->c->person, "ended", "the driver ended the session");
}

void
msg_leave(struct message *m)
{
	console_answer(m->c, m->name, m->id, true, NULL);
	console_leave(m->c, "left");
}
