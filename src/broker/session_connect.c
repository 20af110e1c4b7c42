/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What was found at connect against what the ticket says: any difference stops (law 6, third wall). */
#include "config.h"

#include <stdio.h>
#include <string.h>

#include "twokey/base/buf.h"
#include "twokey/base/cap.h"
#include "twokey/base/excess.h"
#include "twokey/base/json.h"
#include "twokey/gate/excess.h"
#include "twokey/ticket/identity.h"

#include "session.h"
#include "settings.h"

enum { WHY_MAX = 800, IDENTITY_MAX = 200 };

static const char *
word(const json_t *ev, const char *key)
{
	const char *s = json_str(ev, key, NULL);

	return s != NULL ? s : "";
}

void
session_audited(struct session *s, const json_t *ev)
{
	const json_t *kinds = json_object_get(ev, "kinds");
	enum excess x;
	size_t i;
	json_t *v;

	if (s->state != SESSION_STARTING) {
		session_end(s, NULL, "bug", "what the account may do was told after it was judged");
		return;
	}
	s->audited = json_is_array(kinds);
	json_array_foreach(kinds, i, v)
		/* a kind that this version does not know is not passed over */
		s->excess |= UINT64_C(1) << (json_is_string(v) && excess_parse(json_string_value(v), &x) ? x :
		    EXCESS_NOT_AUDITED);
}

/* Each returns true and fills why when the server is not what the ticket says. */
static bool
other_version(const struct session *s, const json_t *ev, char *why)
{
	const char *release = word(ev, "release");

	if (ticket_version_fits(s->ticket, release))
		return false;
	snprintf(why, WHY_MAX, "the ticket is for version %s and the server is %s %s: correct the target, or ask for a new "
	    "ticket", s->ticket->version, word(ev, "engine"), release);
	return true;
}

static bool
other_database(const struct session *s, const json_t *ev, char *why)
{
	if (s->ticket->database == NULL || strcmp(s->ticket->database, word(ev, "database")) == 0)
		return false;
	snprintf(why, WHY_MAX, "the ticket is for database %s and the server says %s: correct the target, or ask for a new "
	    "ticket", s->ticket->database, word(ev, "database"));
	return true;
}

static bool
other_identity(const struct session *s, const json_t *ev, char *why)
{
	char asked[IDENTITY_MAX], is[IDENTITY_MAX];

	if (s->ticket->identity == NULL)
		return false;
	identity_key(s->ticket->identity, asked, sizeof asked);
	identity_key(word(ev, "identity"), is, sizeof is);
	if (strcmp(asked, is) == 0)
		return false;
	snprintf(why, WHY_MAX, "this is another server than the ticket names: it says \"%s\"; the ticket says \"%s\"",
	    is, asked);
	return true;
}

static bool
other_standing(const struct session *s, const json_t *ev, char *why)
{
	const char *standing = word(ev, "standing");
	bool replica = strcmp(standing, "replica") == 0;

	if ((s->ticket->replica == TICKET_REPLICA_REQUIRED || s->ticket->stage == TICKET_STAGE_REPLICA) && !replica)
		snprintf(why, WHY_MAX, "the ticket asks for a replica and the server is %s: name the replica in the target",
		    strcmp(standing, "primary") == 0 ? "a primary" : "not known to be one");
	else if (s->ticket->replica == TICKET_REPLICA_NO && replica)
		snprintf(why, WHY_MAX, "the ticket asks for the primary and the server is a replica: name the primary in the "
		    "target");
	else
		return false;
	return true;
}

static bool
other_stage(const struct session *s, const json_t *ev, char *why)
{
	char key[IDENTITY_MAX];
	const char *known;
	enum ticket_stage stage;

	identity_key(word(ev, "identity"), key, sizeof key);
	known = json_str(s->identities, key, NULL);
	if (known == NULL || (ticket_stage_parse(known, &stage) && identity_fits(stage, s->ticket->stage)))
		return false;
	snprintf(why, WHY_MAX, "this very database was opened as %s before, so it is not opened as %s; if it is a copy made "
	    "with the server's files, give it an identity of its own (a dump does)", known,
	    ticket_stage_name(s->ticket->stage));
	return true;
}

/* What the session itself knows of the account. */
static void
look_at_name(struct session *s, const json_t *ev)
{
	if (s->sql.engine == SQL_SQLITE)
		return;		/* a file has no accounts */
	if (!config_account_ok(s->config, word(ev, "role")))
		s->excess |= UINT64_C(1) << EXCESS_NAME;
	if (s->shared[0] != '\0')
		s->excess |= UINT64_C(1) << EXCESS_SHARED;
}

/* The sentence of what is refused: help of the first, the names of all, so that one ticket more is enough. */
static void
say_refused(const struct session *s, enum excess first, const json_t *refused, char *why)
{
	bool more = json_array_size(refused) > 1;
	struct buf names;
	json_t *v;
	size_t i;

	buf_init(&names, WHY_MAX);
	json_array_foreach(refused, i, v)
		buf_putf(&names, "%s%s", i > 0 ? ", " : "", json_string_value(v));
	snprintf(why, WHY_MAX, "%s%s, which is more than the ticket's level (%s) permits: use an account with fewer "
	    "rights, or have a ticket accepted that names %s (accept_excess: %s)", excess_help(first), more ? ", and more" : "",
	    ticket_access_name(s->ticket->access), more ? "each of them" : "it", buf_str(&names));
	buf_fini(&names);
}

/* Records what the account has beyond the level; true, and why, when some of it is refused. */
static bool
judge_account(struct session *s, const json_t *ev, char *why)
{
	json_t *shown = json_array(), *accepted = json_array(), *refused = json_array(), *account;
	enum excess first = EXCESSES;

	for (int i = 0; i < EXCESSES; i++) {
		enum gate_excess is = gate_excess(s->ticket->access, s->ticket->stage, (enum excess)i);
		json_t *to = shown;

		if (!(s->excess & UINT64_C(1) << i) || is == GATE_EXCESS_FINE)
			continue;
		if (is == GATE_EXCESS_REFUSED)
			to = ticket_accepts(s->ticket, (enum excess)i) != NULL ? accepted : refused;
		if (to == refused && first == EXCESSES)
			first = (enum excess)i;
		json_array_append_new(to, json_string(excess_name((enum excess)i)));
	}
	if (first != EXCESSES)
		say_refused(s, first, refused, why);
	account = json_pack("{s:s, s:o, s:o, s:o}", "role", word(ev, "role"), "shown", shown, "accepted", accepted,
	    "refused", refused);
	if (s->shared[0] != '\0')
		json_object_set_new(account, "shared", json_string(s->shared));
	if (json_array_size(s->open_on_target) > 0)
		json_object_set(account, "open", s->open_on_target);
	session_record(s, TRANSCRIPT_EVENT_ACCOUNT, account, NULL, 0);
	return first != EXCESSES;
}

static void
read_caps(struct session *s, const json_t *caps)
{
	enum cap cap;
	size_t i;
	json_t *v;

	json_array_foreach(caps, i, v)
		if (json_is_string(v) && cap_parse(json_string_value(v), &cap))
			s->caps |= CAP_BIT(cap);
}

/* From here on this database is known under the ticket's stage. */
static void
tell_identity(struct session *s, const json_t *ev)
{
	char key[IDENTITY_MAX];

	identity_key(word(ev, "identity"), key, sizeof key);
	if (s->front != NULL)
		channel_send_json(s->front, json_pack("{s:s, s:s}", "identity", key, "stage",
		    ticket_stage_name(s->ticket->stage)), -1);
}

void
session_connected(struct session *s, const json_t *ev)
{
	static bool (*const differs[])(const struct session *s, const json_t *ev, char *why) = {
		other_version, other_database, other_identity, other_standing, other_stage
	};
	char why[WHY_MAX], excess[WHY_MAX];
	bool refused;

	if (s->state != SESSION_STARTING)
		return;
	read_caps(s, json_object_get(ev, "caps"));
	snprintf(s->identity, sizeof s->identity, "%s", word(ev, "identity"));
	snprintf(s->database, sizeof s->database, "%s", word(ev, "database"));
	snprintf(s->role, sizeof s->role, "%s", word(ev, "role"));
	settings_read(json_object_get(ev, "text"), &s->sql);
	if (!s->audited)
		s->excess |= UINT64_C(1) << EXCESS_NOT_AUDITED;
	look_at_name(s, ev);
	refused = judge_account(s, ev, excess);
	for (size_t i = 0; i < sizeof differs / sizeof differs[0]; i++)
		if (differs[i](s, ev, why)) {
			session_end(s, NULL, "target-differs", why);
			return;
		}
	if (refused) {
		session_end(s, NULL, "excess", excess);
		return;
	}
	tell_identity(s, ev);
	s->state = SESSION_READY;
	session_status(s);
	session_look(s, "absent", NULL);
}
