/* SPDX-License-Identifier: GPL-3.0-or-later */
/* How the database was reached: hops, connection, account, secrets that were asked for. */
#include "config.h"

#include "log_priv.h"

#include <inttypes.h>
#include <string.h>

#include "twokey/base/buf.h"
#include "twokey/base/json.h"

#include "reach.h"

static const char *
field(const struct log_entry *o, const char *key)
{
	const char *s = json_str(o->e->event, key, NULL);

	return s != NULL ? s : "";
}

/* Adds what put has to say behind what stands there. */
static void
add(struct buf *b, const char *before, const struct model_header *h,
    enum screen_look (*put)(const struct model_header *h, struct buf *out))
{
	struct buf words;

	buf_init(&words, 4096);
	(void)put(h, &words);
	if (buf_len(&words) > 0)
		buf_putf(b, "%s%s", before, buf_str(&words));
	buf_fini(&words);
}

static void
lay_connected(struct log_entry *o, const char *at)
{
	const struct model_header *h = model_header(o->m);
	const char *role = field(o, "role");
	struct buf b, limits;

	buf_init(&b, 8192);
	buf_init(&limits, 1024);
	buf_putf(&b, "-- %s connected to ", at);
	reach_server(h, &b);
	buf_putf(&b, ", %s%s%s", field(o, "database"), role[0] != '\0' ? " as " : "", role);
	add(&b, "; ", h, reach_standing);
	add(&b, "; ", h, reach_encryption);
	lay_line(&o->lay, SCREEN_DIM, "%s", buf_str(&b));
	reach_limits(h, &limits);
	if (buf_len(&limits) > 0)
		lay_line(&o->lay, SCREEN_DIM, "   limits in force: %s", buf_str(&limits));
	if (field(o, "source")[0] != '\0')
		lay_line(&o->lay, SCREEN_DIM, "   it follows: %s", field(o, "source"));
	buf_fini(&b);
	buf_fini(&limits);
}

/* Each finding by itself where nothing else shows them. */
static void
lay_audit(struct log_entry *o, const char *at)
{
	const json_t *findings = json_object_get(o->e->audit, "findings"), *v;
	size_t i, n = json_array_size(findings);

	if (json_array_size(json_object_get(o->e->event, "kinds")) == 0) {
		lay_line(&o->lay, SCREEN_DIM, "-- %s the account was looked at: nothing beyond reading was found", at);
		return;
	}
	lay_line(&o->lay, SCREEN_DIM, "-- %s the account was looked at: %zu finding%s%s", at, n, n == 1 ? "" : "s",
	    o->e->audit == NULL ? " (not in this copy)" : o->ruled ? "" : ", \\account shows them");
	for (i = 0; o->ruled && i < n; i++) {
		const char *what, *object, *detail;

		v = json_array_get(findings, i);
		what = json_str(v, "what", NULL);
		object = json_str(v, "object", NULL);
		detail = json_str(v, "detail", NULL);
		lay_line(&o->lay, SCREEN_DIM, "   %s%s%s%s%s", what != NULL ? what : "?", object != NULL && *object ? " " : "",
		    object != NULL ? object : "", detail != NULL && *detail ? ": " : "", detail != NULL ? detail : "");
	}
}

static void
add_kinds(struct buf *b, const json_t *event, const char *key, const char *word)
{
	const json_t *list = json_object_get(event, key), *v;
	size_t i;

	json_array_foreach(list, i, v)
		if (json_is_string(v))
			buf_putf(b, "%s%s", i == 0 ? word : ", ", json_string_value(v));
}

static void
lay_account(struct log_entry *o, const char *at)
{
	const json_t *ev = o->e->event;
	bool refused = json_array_size(json_object_get(ev, "refused")) > 0;
	struct buf b;

	buf_init(&b, 65536);
	add_kinds(&b, ev, "refused", "; REFUSED: ");
	add_kinds(&b, ev, "accepted", "; accepted by the ticket: ");
	add_kinds(&b, ev, "shown", "; shown: ");
	if (field(o, "shared")[0] != '\0')
		buf_putf(&b, "; also used by ticket %s", field(o, "shared"));
	lay_line(&o->lay, refused ? SCREEN_BAD : buf_len(&b) > 0 ? SCREEN_WARN : SCREEN_DIM, "-- %s %s%s%s", at,
	    field(o, "role")[0] != '\0' ? "account " : "a file, without accounts:", field(o, "role"), buf_len(&b) > 0 ? buf_str(&b) : " fits the ticket's level");
	buf_reset(&b);
	add_kinds(&b, ev, "open", "");
	if (buf_len(&b) > 0)
		lay_line(&o->lay, SCREEN_BAD, "-- %s NOT KNOWN on this target: whether the last change of session %s is there; look at the rows "
		    "before you change them (twokey lists it, twokey settle ends it)", at, buf_str(&b));
	buf_fini(&b);
}

static void
lay_hop(struct log_entry *o, const char *at)
{
	const struct model_entry *e = o->e;
	const char *state = field(o, "state"), *code = field(o, "code"), *why = e->answer != NULL ? e->answer : "";
	const json_t *took = json_object_get(e->event, "took");
	bool gone = strcmp(state, "lost") == 0 || strcmp(state, "failed") == 0;
	struct buf b;

	buf_init(&b, 65536);
	buf_putf(&b, "-- %s tunnel, hop %" PRId64 " %s: %s", at, json_int(e->event, "hop", 0), field(o, "name"), state);
	if (json_is_number(took) && strcmp(state, "open") == 0)
		buf_putf(&b, ", %.1f ms", json_number_value(took));
	if (field(o, "key")[0] != '\0' && !gone)
		buf_putf(&b, ", host key %s", field(o, "key"));
	if (code[0] != '\0')
		buf_putf(&b, " (%s)%s%s", code, why[0] != '\0' ? ": " : "", why);
	lay_line(&o->lay, gone ? SCREEN_BAD : strcmp(state, "refused") == 0 ? SCREEN_WARN : SCREEN_DIM, "%s", buf_str(&b));
	buf_fini(&b);
}

bool
log_reach(struct log_entry *o, const char *at)
{
	const struct model_entry *e = o->e;

	if (e->state == TRANSCRIPT_EVENT_CONNECTED)
		lay_connected(o, at);
	else if (e->state == TRANSCRIPT_EVENT_AUDIT)
		lay_audit(o, at);
	else if (e->state == TRANSCRIPT_EVENT_ACCOUNT)
		lay_account(o, at);
	else if (e->state == TRANSCRIPT_EVENT_TUNNEL)
		lay_hop(o, at);
	else if (e->state == TRANSCRIPT_EVENT_WANTED || e->state == TRANSCRIPT_EVENT_LOCKED)
		lay_line(&o->lay, SCREEN_WARN, "-- %s %s is asked for the %s of %s", at, e->by, field(o, "what"),
		    field(o, "of_what"));
	else if (e->state == TRANSCRIPT_EVENT_GIVEN)
		lay_line(&o->lay, SCREEN_DIM, "-- %s %s gave it; what was typed is not in the transcript", at, e->by);
	else
		return false;
	return true;
}
