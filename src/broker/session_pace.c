/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Rule 3 of the approval: how many requests there were today is told with each, and nobody answers one after the other
 * without a break. A plan needs none: what the ticket names was read when it was accepted. */
#include "config.h"

#include <stdio.h>
#include <string.h>

#include "twokey/base/clock.h"
#include "twokey/base/err.h"
#include "twokey/base/must.h"

#include "pace.h"
#include "session.h"

void
session_pace_count(struct session *s, enum gate_pace_what what, const char *by)
{
	struct gate_pace_rule rule = pace_rule(s->config);
	json_t *step = pace_step_make(what, by, clock_wall_us());

	(void)pace_step(step, &rule, &s->paces);
	if (s->front != NULL)
		channel_send_json(s->front, step, -1);
	else
		json_decref(step);
}

void
session_pace_heard(struct session *s, const json_t *o)
{
	struct gate_pace_rule rule = pace_rule(s->config);

	(void)pace_step(o, &rule, &s->paces);
}

void
session_pace_answered(struct session *s, const struct gate_request *r, const char *by)
{
	if (!r->held)	/* keeping it or taking it back is the same request again */
		session_pace_count(s, session_slot(s, r)->planned ? GATE_PACE_ANSWERED_PLAN : GATE_PACE_ANSWERED, by);
}

/* Requests that will be answered before the next one. */
static unsigned
waiting(const struct session *s)
{
	unsigned n = 0;

	for (size_t i = 0; i < SESSION_REQUESTS_MAX; i++)
		n += s->slots[i].r != NULL && s->slots[i].r->state == GATE_STATE_ASKING && !s->slots[i].planned;
	return n;
}

static bool
is_here(const struct session *s, const char *person)
{
	for (const struct console *c = s->consoles; c != NULL; c = c->next)
		if (c->seat == TICKET_SEAT_CONFIRMER && strcmp(c->person, person) == 0)
			return true;
	return false;
}

/* The next confirmer of the ticket after *i who may turn the key for that driver, or NULL. */
static const char *
next_second(const struct session *s, const char *driver, size_t *i)
{
	const struct config_person *d = config_person(s->config, driver), *p;

	while (d != NULL && *i < s->ticket->npeople) {
		const struct ticket_person *t = &s->ticket->people[(*i)++];

		p = t->seat == TICKET_SEAT_CONFIRMER ? config_person(s->config, t->name) : NULL;
		if (p != NULL && gate_second_ok(s->ticket, driver, d->side, p->name, p->side, NULL) == 0)
			return p->name;
	}
	return NULL;
}

/* All of them are tired (here: of those in their seats; true when there are none); who and until when of the first who
 * may answer again. */
static bool
all_tired(struct session *s, const char *driver, bool here, const char **who, int64_t *until_us)
{
	struct gate_pace_rule rule = pace_rule(s->config);
	const char *name;
	int64_t until;
	size_t i = 0;

	*who = NULL;
	while ((name = next_second(s, driver, &i)) != NULL) {
		struct gate_pace *p = gate_pace_of(&s->paces, name);

		if (here && !is_here(s, name))
			continue;
		if (p == NULL || !gate_pace_tired(p, &rule, waiting(s), clock_wall_us(), &until))
			return false;
		if (*who == NULL || until < *until_us) {
			*who = name;
			*until_us = until;
		}
	}
	return true;
}

bool
session_pace_may_ask(struct session *s, const char *driver, char *why, size_t size)
{
	char until[CLOCK_TEXT];
	int64_t until_us = 0;
	const char *who;

	if (!all_tired(s, driver, true, &who, &until_us))
		return true;
	if (who == NULL && (!all_tired(s, driver, false, &who, &until_us) || who == NULL))
		return true;
	clock_format(until_us, until);
	snprintf(why, size, "%s has %u requests answered or waiting and took no break of %u seconds, and who answers one after the "
	    "other stops reading: a break now, without an answer until %.5s UTC. Meanwhile collect the changes into one set (BEGIN, "
	    "the changes, COMMIT: one request), or have the plan accepted as changes of the ticket: those do not count", who,
	    s->config->requests_before_break, s->config->break_seconds, until + 11);
	return false;
}

int
session_pace_may_answer(struct session *s, const struct gate_request *r, const char *person, struct err *e)
{
	struct gate_pace_rule rule = pace_rule(s->config);
	struct gate_pace *p = gate_pace_of(&s->paces, person);
	char until[CLOCK_TEXT];
	int64_t until_us;

	if (r->held || session_slot(s, r)->planned || p == NULL || !gate_pace_tired(p, &rule, 0, clock_wall_us(), &until_us))
		return 0;
	clock_format(until_us, until);
	return err_set(e, ERR_DENIED, "%s answered %u requests without a break of %u seconds; take one until %.5s UTC, or let another "
	    "confirmer answer (denying is always possible)", person, p->run, s->config->break_seconds, until + 11);
}

void
session_pace_tell(struct session *s, const char *driver, json_t *ev)
{
	struct gate_pace_rule rule = pace_rule(s->config);
	struct gate_pace *p = gate_pace_of(&s->paces, driver);
	json_t *list = json_array();
	const char *name;
	size_t i = 0;

	while ((name = next_second(s, driver, &i)) != NULL) {
		struct gate_pace *c = gate_pace_of(&s->paces, name);

		if (c == NULL)
			continue;
		gate_pace_look(c, &rule, clock_wall_us());
		must(json_array_append_new(list, json_pack("{s:s, s:i, s:i, s:i}", "by", name, "today", (int)c->answered,
		    "run", (int)c->run, "most", (int)rule.most)) == 0);
	}
	must(json_object_set_new(ev, "today", json_integer(p != NULL ? p->asked : 0)) == 0 &&
	    json_object_set_new(ev, "pace", list) == 0);
}
