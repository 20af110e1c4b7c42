/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Events about the session itself, as one sentence each. */
#include "config.h"

#include "log_priv.h"

#include <inttypes.h>
#include <string.h>

#include "twokey/base/json.h"

static const char *
field(const struct log_entry *o, const char *key)
{
	const char *s = json_str(o->e->event, key, NULL);

	return s != NULL ? s : "?";
}

static void
lay_begin(struct log_entry *o, const char *at)
{
	lay_line(&o->lay, SCREEN_DIM, "-- %s session %s, ticket %s, %s access to %s (%s)%s", at, field(o, "session"),
	    field(o, "ticket"), field(o, "access"), field(o, "target"), field(o, "stage"),
	    json_bool(o->e->event, "unverified") ? ", demo: the two people are not verified" : "");
}

static void
lay_ended(struct log_entry *o, const char *at)
{
	const char *why = o->e->answer;

	lay_line(&o->lay, SCREEN_STRONG, "-- %s the session is over (%s)%s%s", at, field(o, "code"),
	    why != NULL ? ": " : "", why != NULL ? why : "");
}

/* By a person, or because the ticket asks for a second one and none is there. */
static void
lay_paused(struct log_entry *o, const char *at)
{
	const char *code = json_str(o->e->event, "code", NULL), *what = "nothing runs";
	struct lay *l = &o->lay;

	if (json_str(o->e->event, "only", NULL) != NULL)
		what = "only reads run";
	if (code == NULL)
		lay_line(l, SCREEN_WARN, "-- %s PAUSED by %s: nothing runs until it is resumed", at, o->e->by);
	else if (strcmp(code, "left") == 0)
		lay_line(l, SCREEN_WARN, "-- %s PAUSED: %s left, and the ticket asks for a second person; %s until one resumes", at,
		    field(o, "who"), what);
	else if (strcmp(code, "away") == 0)
		lay_line(l, SCREEN_WARN, "-- %s PAUSED: %s is AWAY, and the ticket asks for a second person; %s until one resumes", at,
		    field(o, "who"), what);
	else
		lay_line(l, SCREEN_WARN, "-- %s PAUSED: no second person is here, as the ticket asks; %s until one resumes", at, what);
}

/* An event that speaks of another one that is not here. */
static void
lay_stray(struct log_entry *o, const char *at)
{
	const struct model_entry *e = o->e;
	int64_t of = json_int(e->event, "of", -1);

	if (of >= 0)
		lay_line(&o->lay, SCREEN_WARN, "-- %s #%" PRIu64 " %s, of event %" PRId64 " that is no statement here", at,
		    e->n, transcript_event_rule(e->state)->name, of);
	else
		lay_line(&o->lay, SCREEN_WARN, "-- %s #%" PRIu64 " %s", at, e->n, transcript_event_rule(e->state)->name);
}

void
log_state(struct log_entry *o)
{
	const struct model_entry *e = o->e;
	struct lay *l = &o->lay;
	char at[12];

	lay_clock(l, e->wall_us, at);
	if (e->state == TRANSCRIPT_EVENT_BEGIN)
		lay_begin(o, at);
	else if (log_reach(o, at) || log_set(o, at))
		;
	else if (e->state == TRANSCRIPT_EVENT_JOINED)
		lay_line(l, SCREEN_DIM, "-- %s %s took the %s's seat (%s)", at, e->by, field(o, "seat"), field(o, "side"));
	else if (e->state == TRANSCRIPT_EVENT_LEFT)
		lay_line(l, SCREEN_DIM, "-- %s %s left the %s's seat", at, e->by, field(o, "seat"));
	else if (e->state == TRANSCRIPT_EVENT_AWAY)
		lay_line(l, SCREEN_WARN, "-- %s %s is AWAY: no key was pressed for a while", at, e->by);
	else if (e->state == TRANSCRIPT_EVENT_BACK)
		lay_line(l, SCREEN_DIM, "-- %s %s is back", at, e->by);
	else if (e->state == TRANSCRIPT_EVENT_PAUSED)
		lay_paused(o, at);
	else if (e->state == TRANSCRIPT_EVENT_RESUMED)
		lay_line(l, SCREEN_DIM, "-- %s resumed by %s", at, e->by);
	else if (e->state == TRANSCRIPT_EVENT_ENDED)
		lay_ended(o, at);
	else if (e->state == TRANSCRIPT_EVENT_LOST)
		lay_line(l, SCREEN_BAD, "-- %s a process of the session died: %s", at, field(o, "role"));
	else if (e->state == TRANSCRIPT_EVENT_RECOVERED)
		lay_line(l, SCREEN_WARN, "-- %s recovered after a crash, %" PRId64 " bytes of a torn line kept aside", at,
		    json_int(e->event, "torn", 0));
	else if (e->state == TRANSCRIPT_EVENT_SEAL)
		lay_line(l, SCREEN_STRONG, "-- %s sealed: %" PRId64 " events before the seal", at,
		    json_int(e->event, "count", -1));
	else if (e->state == TRANSCRIPT_EVENT_NOTED && e->verb[0] != '\0')
		lay_line(l, SCREEN_WARN, "-- %s #%" PRIu64 " %s: an event of a newer version", at, e->n, e->verb);
	else
		lay_stray(o, at);
}
