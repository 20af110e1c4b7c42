/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Authority is a column of msg.def and is checked here, before any handler runs. */
#include "config.h"

#include <stdlib.h>
#include <string.h>

#include "twokey/base/clock.h"
#include "twokey/base/err.h"
#include "twokey/base/json.h"

#include "members.h"
#include "session.h"

enum { MALFORMED_MAX = 3 };

struct permit {
	const char *name;
	const char *seats;
	const char *states;
	bool talk;
	const char *members;
	void (*handler)(struct message *m);
};

static const struct permit permits[] = {
#define MSG(name, seats, states, talk, members, handler) { name, seats, states, talk, members, handler },
#include "msg.def"
#undef MSG
};

static const struct permit *
permit_of(const char *name)
{
	for (size_t i = 0; i < sizeof permits / sizeof permits[0]; i++)
		if (strcmp(permits[i].name, name) == 0)
			return &permits[i];
	return NULL;
}

const char *
msg_name(const char *name)
{
	const struct permit *p = permit_of(name);

	return p != NULL ? p->name : "?";
}

static bool
seat_permitted(const struct permit *p, enum ticket_seat seat)
{
	static const char letters[TICKET_SEATS] = { 'D', 'C', 'W' };

	return (int)seat >= 0 && seat < TICKET_SEATS && strchr(p->seats, letters[seat]) != NULL;
}

static bool
state_permitted(const struct permit *p, enum session_state state)
{
	switch (state) {
	case SESSION_STARTING:
		return strchr(p->states, 'S') != NULL;
	case SESSION_READY:
		return strchr(p->states, 'R') != NULL;
	case SESSION_PAUSED:
		return strchr(p->states, 'P') != NULL;
	case SESSION_ALONE:
		return strchr(p->states, 'A') != NULL;
	case SESSION_ENDING:
		return strchr(p->states, 'E') != NULL;
	}
	return false;
}

bool
session_permits(const char *name, enum ticket_seat seat, enum session_state state)
{
	const struct permit *p = permit_of(name);

	return p != NULL && seat_permitted(p, seat) && state_permitted(p, state);
}

static const char *
state_sentence(enum session_state state)
{
	switch (state) {
	case SESSION_STARTING:
		return "the database is not reached yet; wait for the event \"connected\"";
	case SESSION_READY:
		return "the session is not paused";
	case SESSION_PAUSED:
		return "the session is paused; a confirmer resumes it";
	case SESSION_ALONE:
		return "no second person is here, so only reads run; a confirmer who may turn the key resumes";
	case SESSION_ENDING:
		return "the session is over";
	}
	return "the session is in no known state";
}

static const char *
seat_sentence(enum ticket_seat seat)
{
	switch (seat) {
	case TICKET_SEAT_DRIVER:
		return "the driver may not do that; the second key is another person's";
	case TICKET_SEAT_CONFIRMER:
		return "the confirmer may not do that; the driver types SQL";
	case TICKET_SEAT_WATCHER:
	case TICKET_SEATS:
		break;
	}
	return "a watcher sees everything, may talk and ask to pause, and neither runs, allows nor denies";
}

/* Messages of one console have a rate: a flood must not fill the transcript of the others. */
static bool
talk_allowed(struct console *c)
{
	int64_t now = clock_mono_ms();

	c->talk += (double)(now - c->talk_ms) * SESSION_TALK_PER_S / 1000.0;
	if (c->talk > SESSION_TALK_BURST)
		c->talk = SESSION_TALK_BURST;
	c->talk_ms = now;
	if (c->talk < 1)
		return false;
	c->talk -= 1;
	return true;
}

static void
refuse(struct message *m, int code, const char *why)
{
	console_refuse(m->c, m->name, m->id, code, why);
}

/* A console asks for parts of the transcript by itself; everything else is somebody's doing. */
static bool
proves_presence(const char *name)
{
	return strcmp(name, "from") != 0 && strcmp(name, "body") != 0;
}

static void
dispatch(struct message *m)
{
	const struct permit *p = permit_of(m->name);
	enum session_state state;
	struct err e;

	if (proves_presence(m->name))
		m->c->seen_ms = clock_mono_ms();
	session_look_around(m->s);
	/* a loss was told and only its cause is waited for: nothing begins any more */
	state = m->s->end_why != NULL ? SESSION_ENDING : m->s->state;
	if (p == NULL) {
		refuse(m, ERR_UNSUPPORTED, "there is no such request in a session; see doc/protocol.txt");
		return;
	}
	if (!seat_permitted(p, m->c->seat)) {
		refuse(m, ERR_SEAT, seat_sentence(m->c->seat));
		return;
	}
	if (!state_permitted(p, state)) {
		refuse(m, ERR_STATE, state_sentence(state));
		return;
	}
	if (members_check(m->o, p->members, &e) != 0) {
		refuse(m, e.code, e.text);
		return;
	}
	if (p->talk && !talk_allowed(m->c)) {
		refuse(m, ERR_TOO_LARGE, "too many messages from this console; wait a moment");
		return;
	}
	p->handler(m);
}

void
session_dispatch(struct console *c, const char *line, size_t n)
{
	struct message m = { .c = c, .s = c->s };
	struct err e;

	m.o = json_line_parse(line, n, &e);
	m.name = m.o != NULL ? json_str(m.o, "do", NULL) : NULL;
	m.id = m.o != NULL ? json_object_get(m.o, "id") : NULL;
	if (m.name == NULL || !members_id_ok(m.id)) {
		if (++c->malformed >= MALFORMED_MAX)
			console_bye(c, "invalid", "three malformed lines in a row");
		else
			console_refuse(c, "?", NULL, ERR_INVALID, m.o == NULL ? e.text :
			    "a request has a member \"do\", and \"id\" is an integer or a short string");
	} else {
		c->malformed = 0;
		dispatch(&m);
	}
	json_decref(m.o);
}
