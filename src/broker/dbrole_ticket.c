/* SPDX-License-Identifier: GPL-3.0-or-later */
/* db's own look at the ticket. Its text comes through session and recorder, its digest from the front through the monitor,
 * which no session can speak to: a session that lies about the ticket is not believed. */
#include "config.h"

#include <stdio.h>
#include <string.h>

#include "twokey/base/buf.h"
#include "twokey/base/clock.h"
#include "twokey/base/err.h"
#include "twokey/base/json.h"
#include "twokey/base/log.h"
#include "twokey/base/must.h"
#include "twokey/gate/change.h"
#include "twokey/gate/request.h"

#include "dbrole.h"

void
dbrole_take_ticket(struct dbrole *d, const json_t *init, const struct packet *p)
{
	const char *hex = json_str(init, "digest", NULL), *text;
	json_t *body = packet_body(p, "ticket");
	struct digest said, is;
	struct err e;
	size_t n;

	text = json_str(body, "text", &n);
	if (hex != NULL && text != NULL && digest_parse(hex, strlen(hex), &said)) {
		is = digest_of(text, n);
		if (!digest_equal(&is, &said))
			log_line(LOG_LEVEL_ERROR, "the session began with another ticket than the one it was opened for");
		else if (ticket_parse(text, n, "ticket", &d->ticket, &e) != 0)
			log_line(LOG_LEVEL_ERROR, "the ticket is not valid");
	}
	json_decref(body);
}

/* The ticket's bound on rows holds here too. */
static int
bound_ok(const struct dbrole *d, const struct db_pending *q, struct err *e)
{
	struct gate_bound b = { .given = q->bounded, .op = q->at_most ? GATE_OP_AT_MOST : GATE_OP_EQUAL, .rows = q->rows };

	return q->bounded ? gate_change_bound(ticket_change_of(d->ticket, &q->digest), &b, e) : 0;
}

/* What the sheet found may be the first to ask for the strict path: then the ticket's lines are told here. */
static const char *
refusal(const struct db_pending *q, const struct gate_answer *a, const char *object, char why[DBROLE_WHY])
{
	struct buf text;

	buf_init(&text, DBROLE_WHY);
	if (a->strict) {
		buf_puts(&text, "; ");
		gate_change_wanted(&text, &q->digest, object, true);
	}
	snprintf(why, DBROLE_WHY, "db judges for itself: %.500s%.440s", a->why, buf_over(&text) ? "" : buf_str(&text));
	buf_fini(&text);
	return why;
}

const char *
dbrole_judged(const struct dbrole *d, const struct db_pending *q, char why[DBROLE_WHY])
{
	struct gate_case c = { .class = d->facts->class, .dangers = q->dangers | d->facts->dangers, .caps = d->info.caps,
	    .is_long = gate_lines(q->sql, q->sql_len) > GATE_LINES_MAX };
	char object[GATE_OBJECT_MAX];
	struct gate_answer a;
	struct err e;

	if (d->ticket == NULL)
		return "db has no accepted ticket to judge by, so nothing but reads runs";
	c.access = d->ticket->access;
	c.stage = d->ticket->stage;
	if (c.class == SQL_CLASS_READ)		/* what was asked for is a read that was too costly */
		c.dangers |= SQL_DANGER_BIT(SQL_DANGER_COST);
	(void)gate_object(d->facts, object);
	c.named = gate_named_in(d->ticket, &q->digest, object, clock_wall_us());
	gate_judge(&c, &a);
	if (a.verdict != GATE_ASK)
		return refusal(q, &a, object, why);
	if (bound_ok(d, q, &e) == 0)
		return NULL;
	snprintf(why, DBROLE_WHY, "db judges for itself: %.600s", e.text);
	return why;
}

size_t
dbrole_tell_change(const struct dbrole *d, const struct db_pending *q, json_t *ev, struct packet_body *b)
{
	char object[GATE_OBJECT_MAX];
	struct gate_text s = { q->sql, q->sql_len, &q->digest, object };
	struct buf text;
	size_t number;

	buf_init(&text, TRANSCRIPT_BODY_MAX / 8);
	(void)gate_object(d->facts, object);
	number = gate_change_tell(&text, d->ticket, &s);
	if (number > 0)
		must(json_object_set_new(ev, "change", json_integer((json_int_t)number)) == 0);
	if (buf_len(&text) > 0)
		packet_text_body(b, "change", buf_data(&text), buf_len(&text));
	number = buf_len(&text) > 0;
	buf_fini(&text);
	return number;
}
