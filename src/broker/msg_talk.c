/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Talk, presence, and asking for parts of the transcript again. */
#include "config.h"

#include <string.h>

#include "twokey/base/err.h"
#include "twokey/base/json.h"

#include "session.h"

static void
ok(struct message *m)
{
	console_answer(m->c, m->name, m->id, true, NULL);
}

static void
text_event(struct message *m, enum transcript_event_kind kind)
{
	struct packet_body b;
	struct submission *sub;
	size_t n;
	const char *text = json_str(m->o, "text", &n);

	if (n == 0 || n > 4096) {
		console_refuse(m->c, m->name, m->id, ERR_TOO_LARGE, "a message has 1 to 4096 bytes");
		return;
	}
	packet_text_body(&b, "text", text, n);
	sub = session_record(m->s, kind, json_pack("{s:s}", "by", m->c->person), &b, 1);
	sub->console = m->c->id;
	sub->re = msg_name(m->name);
	sub->id = json_incref(m->id);
}

void
msg_say(struct message *m)
{
	text_event(m, TRANSCRIPT_EVENT_SAID);
}

void
msg_note(struct message *m)
{
	text_event(m, TRANSCRIPT_EVENT_NOTED);
}

void
msg_here(struct message *m)
{
	ok(m);	/* the dispatcher has noted the time */
}

void
msg_from(struct message *m)
{
	int64_t n = json_int(m->o, "n", 1);

	if (n < 1 || (uint64_t)n > m->s->last + 1) {
		console_refuse(m->c, m->name, m->id, ERR_NOT_FOUND, "there is no event with that number yet");
		return;
	}
	ok(m);
	m->c->offset = m->s->ends[n - 1];
	console_pump(m->c);
}

/* The body lines of an event stand between the event before it and its own line: the stream brings the
 * event line along, which a console knows already. */
void
msg_body(struct message *m)
{
	int64_t of = json_int(m->o, "of", 0);

	if (of < 1 || (uint64_t)of > m->s->last) {
		console_refuse(m->c, m->name, m->id, ERR_NOT_FOUND, "there is no event with that number");
		return;
	}
	ok(m);
	m->c->body_from = m->s->ends[of - 1];
	m->c->body_to = m->s->ends[of];
	console_pump(m->c);
}
