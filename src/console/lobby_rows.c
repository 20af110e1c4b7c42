/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The lobby's list as rows: what waits for a key first, the oldest on top. */
#include "config.h"

#include <stdio.h>
#include <string.h>

#include "twokey/base/buf.h"
#include "twokey/base/json.h"

#include "live.h"
#include "lobby.h"

static const char *
field(const json_t *o, const char *key)
{
	const char *s = json_str(o, key, NULL);

	return s != NULL ? s : "";
}

size_t
lobby_count(const json_t *list)
{
	return json_array_size(json_object_get(list, "sessions")) +
	    json_array_size(json_object_get(list, "tickets"));
}

bool
lobby_is_session(const json_t *list, size_t i)
{
	return i < json_array_size(json_object_get(list, "sessions"));
}

const json_t *
lobby_item(const json_t *list, size_t i)
{
	size_t sessions = json_array_size(json_object_get(list, "sessions"));

	return i < sessions ? json_array_get(json_object_get(list, "sessions"), i)
	    : json_array_get(json_object_get(list, "tickets"), i - sessions);
}

static const json_t *
first_ask(const json_t *o)
{
	return json_array_get(json_object_get(o, "asks"), 0);
}

/* Seconds that the oldest request of a session waits; -1: none does, or this broker does not tell. */
static int64_t
age_of(const json_t *o)
{
	const json_t *ask = first_ask(o);

	return ask != NULL ? json_int(ask, "age", 0) : -1;
}

/* How a session stands, the most pressing thing first. */
static void
put_standing(const json_t *o, struct buf *out)
{
	size_t waiting = json_array_size(json_object_get(o, "asks"));
	long long told = json_int(o, "waiting", 0);
	const char *state = field(o, "state");
	char age[16];

	if (waiting > 0) {
		live_span(age_of(o), age);
		buf_putf(out, "%s %s", json_bool(first_ask(o), "held") ? "HELD" : "WAITS", age);
		if (waiting > 1)
			buf_putf(out, " +%zu", waiting - 1);
	} else if (told > 0) {
		buf_putf(out, "%lld WAIT%s", told, told == 1 ? "S" : "");
	} else if (strcmp(state, "paused") == 0) {
		buf_putf(out, "PAUSED%s%s", field(o, "why")[0] != '\0' ? " " : "", field(o, "why"));
	} else {
		buf_puts(out, strcmp(state, "alone") == 0 ? "READS ONLY" : state);
	}
}

/* What there is room for on wide screens: the request, whose key is turned, who is here. */
static void
put_more(const json_t *o, struct buf *out)
{
	const json_t *ask = first_ask(o), *v;
	size_t i;

	if (ask != NULL)
		buf_putf(out, "  #%lld %s %s", (long long)json_int(ask, "of", 0), field(ask, "class"), field(ask, "table"));
	if (field(ask, "turned")[0] != '\0')
		buf_putf(out, ", 1 of 2 keys, by %s", field(ask, "turned"));
	json_array_foreach(json_object_get(o, "here"), i, v)
		buf_putf(out, "%s%s%s", i == 0 ? "  here: " : ", ", field(v, "person"), json_bool(v, "away") ? " AWAY" : "");
}

void
lobby_line(const json_t *list, size_t i, struct buf *out)
{
	const json_t *o = lobby_item(list, i);

	if (!lobby_is_session(list, i)) {
		buf_putf(out, "ticket   %-16s %-10s %-10s %-9s %-8s %s", field(o, "ticket"), field(o, "target"),
		    field(o, "stage"), field(o, "seat"), field(o, "state"), field(o, "title"));
		return;
	}
	if (json_object_get(o, "open") != NULL) {
		buf_putf(out, "UNKNOWN  %-16s %-10s %-10s %-9s settle it: Enter  is the change of %s there?  session %s",
		    field(o, "ticket"), field(o, "target"), field(o, "stage"), field(o, "seat"), field(o, "driver"), field(o, "session"));
		return;
	}
	buf_putf(out, "session  %-16s %-10s %-10s %-9s ", field(o, "ticket"), field(o, "target"),
	    field(o, "stage"), field(o, "seat"));
	put_standing(o, out);
	buf_putf(out, " %s", field(o, "driver")[0] != '\0' ? field(o, "driver") : "(no driver)");
	put_more(o, out);
}

/* Less is nearer to the top. */
static int
rank(const json_t *o)
{
	const char *state = field(o, "state");

	if (first_ask(o) != NULL || json_int(o, "waiting", 0) > 0)
		return 0;
	if (json_object_get(o, "open") != NULL)
		return 1;
	return strcmp(state, "paused") == 0 || strcmp(state, "alone") == 0 ? 2 : 3;
}

static bool
goes_before(const json_t *a, const json_t *b)
{
	int ra = rank(a), rb = rank(b);

	return ra != rb ? ra < rb : ra == 0 && age_of(a) > age_of(b);
}

void
lobby_sort(json_t *list)
{
	json_t *sessions = json_object_get(list, "sessions"), *sorted = json_array(), *v;
	size_t i;

	json_array_foreach(sessions, i, v) {
		size_t at = json_array_size(sorted);

		while (at > 0 && goes_before(v, json_array_get(sorted, at - 1)))
			at--;
		json_array_insert(sorted, at, v);
	}
	if (sessions != NULL)
		json_object_set(list, "sessions", sorted);
	json_decref(sorted);
}

size_t
lobby_find_again(const json_t *list, const json_t *was)
{
	const char *session = json_str(was, "session", NULL);

	for (size_t i = 0; was != NULL && i < lobby_count(list); i++) {
		const json_t *o = lobby_item(list, i);
		const char *is = json_str(o, "session", NULL);

		if ((session == NULL) == (is == NULL) &&
		    strcmp(session != NULL ? session : field(was, "ticket"), session != NULL ? is : field(o, "ticket")) == 0)
			return i;
	}
	return 0;
}

size_t
lobby_waiting(const json_t *list, int64_t *oldest)
{
	size_t n = 0, i;
	json_t *v;

	*oldest = -1;
	json_array_foreach(json_object_get(list, "sessions"), i, v) {
		n += (size_t)json_int(v, "waiting", 0);
		if (age_of(v) > *oldest)
			*oldest = age_of(v);
	}
	return n;
}

/* An outcome that is open: what ran, how to find out, how to settle. */
void
lobby_tell_open(const json_t *o, char *why, size_t max)
{
	const json_t *open = json_object_get(o, "open");

	snprintf(why, max, "It is not known whether this is in the database: %.300s  -- %s. Who drove does not settle it: "
	    "twokey settle -m \"how I know\" %s committed|aborted", field(open, "sql"), field(open, "how"), field(o, "session"));
}

bool
lobby_choose(const json_t *list, size_t i, struct seat_wish *w, char *why, size_t max)
{
	const json_t *o = lobby_item(list, i);
	bool drive = strcmp(field(o, "seat"), "driver") == 0;

	w->drive = drive;
	w->watch = strcmp(field(o, "seat"), "watcher") == 0;
	w->ticket = drive ? json_str(o, "ticket", NULL) : NULL;
	w->session = drive ? NULL : json_str(o, "session", NULL);
	if (json_object_get(o, "open") != NULL) {
		lobby_tell_open(o, why, max);
		return false;
	}
	if (lobby_is_session(list, i))
		return w->ticket != NULL || w->session != NULL;
	if (strcmp(field(o, "state"), "new") == 0)
		snprintf(why, max, "%s has no force yet: another person accepts it with: twokey ticket accept %s",
		    field(o, "ticket"), field(o, "ticket"));
	else if (strcmp(field(o, "state"), "expired") == 0)
		snprintf(why, max, "%s has expired.", field(o, "ticket"));
	else if (!drive)
		snprintf(why, max, "%s is not open: its driver opens it, then it stands above.", field(o, "ticket"));
	else
		return true;
	return false;
}
