/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Whether a second person is there: in a confirmer's seat, with a key pressed a short while ago (rule 26 of the
 * approval), and somebody who may turn the key for that driver. */
#include "config.h"

#include <stdio.h>
#include <string.h>

#include "twokey/base/clock.h"
#include "twokey/base/err.h"

#include "session.h"

bool
console_is_away(const struct console *c)
{
	return clock_mono_ms() - c->seen_ms > (int64_t)c->s->config->away_seconds * 1000;
}

/* driver NULL: nobody drives now, so it is anybody in a confirmer's seat. */
static bool
may_turn_for(const struct session *s, const struct console *c, const char *driver)
{
	const struct config_person *d = driver != NULL ? config_person(s->config, driver) : NULL;

	if (c->seat != TICKET_SEAT_CONFIRMER)
		return false;
	return driver == NULL ||
	    (d != NULL && gate_second_ok(s->ticket, driver, d->side, c->person, c->side, NULL) == 0);
}

bool
session_second_present(const struct session *s, const char *driver)
{
	for (const struct console *c = s->consoles; c != NULL; c = c->next)
		if (may_turn_for(s, c, driver) && !console_is_away(c))
			return true;
	return false;
}

static bool
side_present(const struct session *s, const char *driver, enum ticket_side side)
{
	for (const struct console *c = s->consoles; c != NULL; c = c->next)
		if (c->side == side && may_turn_for(s, c, driver) && !console_is_away(c))
			return true;
	return false;
}

bool
session_key_possible(const struct session *s, const struct gate_request *r)
{
	if (!r->both_sides)
		return session_second_present(s, r->by);
	for (int side = 0; side < TICKET_SIDES; side++)
		if ((r->turned[0] == '\0' || r->turned_side != (enum ticket_side)side) &&
		    !side_present(s, r->by, (enum ticket_side)side))
			return false;
	return true;
}

bool
session_may_resume(const struct console *c)
{
	const struct console *driver = console_driver(c->s);

	return c->s->ticket->presence == TICKET_PRESENCE_NO ||
	    may_turn_for(c->s, c, driver != NULL ? driver->person : NULL);
}

/* Nothing begins any more, or nothing that needs the key, until one who may turn it resumes; what executes goes on. */
static void
stop_for(struct session *s, const char *code, const char *who)
{
	json_t *ev = json_pack("{s:s}", "code", code);

	if (who != NULL)
		json_object_set_new(ev, "who", json_string(who));
	if (s->ticket->presence == TICKET_PRESENCE_WRITES)
		json_object_set_new(ev, "only", json_string("writes"));
	s->state = s->ticket->presence == TICKET_PRESENCE_WRITES ? SESSION_ALONE : SESSION_PAUSED;
	snprintf(s->stopped, sizeof s->stopped, "%s", code);
	session_record(s, TRANSCRIPT_EVENT_PAUSED, ev, NULL, 0);
	session_status(s);
}

void
session_look(struct session *s, const char *code, const char *who)
{
	const struct console *driver = console_driver(s);

	if (s->state == SESSION_READY && s->ticket->presence != TICKET_PRESENCE_NO &&
	    !session_second_present(s, driver != NULL ? driver->person : NULL))
		stop_for(s, code, who);
}

void
session_look_around(struct session *s)
{
	if (s->state == SESSION_ENDING || s->ticket == NULL)
		return;
	for (struct console *c = s->consoles; c != NULL; c = c->next) {
		bool away = console_is_away(c);

		if (c->seat != TICKET_SEAT_CONFIRMER || away == c->away)
			continue;
		c->away = away;
		session_record(s, away ? TRANSCRIPT_EVENT_AWAY : TRANSCRIPT_EVENT_BACK,
		    json_pack("{s:s}", "by", c->person), NULL, 0);
		session_status(s);
		if (away)
			session_look(s, "away", c->person);
	}
	session_hold_look(s);
}

void
session_second_left(struct session *s, const struct console *c)
{
	const struct console *driver = console_driver(s);
	const char *name = driver != NULL ? driver->person : NULL;

	session_hold_look(s);
	if (!may_turn_for(s, c, name))
		return;
	if (s->ticket->presence != TICKET_PRESENCE_NO && s->ticket->on_leave == TICKET_LEAVE_END &&
	    !session_second_present(s, name))
		session_end(s, NULL, "alone", "the last second person left, and the ticket says that this ends the session");
	else
		session_look(s, "left", c->person);
}

bool
session_all_away(const struct session *s, const char *driver)
{
	bool any = false;

	for (const struct console *c = s->consoles; c != NULL; c = c->next)
		any = any || may_turn_for(s, c, driver);
	return any && !session_second_present(s, driver);
}
