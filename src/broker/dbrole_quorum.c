/* SPDX-License-Identifier: GPL-3.0-or-later */
/* db counts the keys by itself: what session thinks does not count. Whose keys and how many comes from the ticket whose
 * digest the monitor named, of which side a person is from the broker's configuration. */
#include "config.h"

#include <stdio.h>
#include <string.h>

#include "twokey/base/json.h"
#include "twokey/gate/request.h"
#include "twokey/ticket/ticket.h"

#include "dbrole.h"

static bool
side_of(const struct dbrole *d, const char *person, enum ticket_side *side)
{
	const char *word = person != NULL ? json_str(d->sides, person, NULL) : NULL;

	return word != NULL && ticket_side_parse(word, side);
}

/* Law 3 by db's own look. */
static bool
may_turn(const struct dbrole *d, const struct db_pending *q, const char *person)
{
	enum ticket_side driver, side;

	return d->ticket != NULL && person != NULL && strlen(person) < sizeof q->turned && side_of(d, q->by, &driver) &&
	    side_of(d, person, &side) && gate_second_ok(d->ticket, q->by, driver, person, side, NULL) == 0;
}

bool
dbrole_quorum_ok(const struct dbrole *d, const struct db_pending *q, const json_t *ev)
{
	const char *person = json_str(ev, "by", NULL);
	enum ticket_side first, second;

	if (!may_turn(d, q, person))
		return false;
	if (d->ticket->quorum == TICKET_QUORUM_ONE)
		return true;
	return strcmp(q->turned, person) != 0 && side_of(d, q->turned, &first) && side_of(d, person, &second) && first != second;
}

bool
dbrole_same(const struct db_pending *q, const struct digest *bind, const json_t *ev)
{
	struct digest is;
	size_t n;
	const char *hex = json_str(ev, "digest", &n);

	if (hex == NULL || !digest_parse(hex, n, &is) || !digest_equal(&is, &q->digest))
		return false;
	hex = json_str(ev, "bind", &n);
	return hex != NULL && digest_parse(hex, n, &is) && digest_equal(&is, bind);
}

void
dbrole_turned(const struct dbrole *d, struct db_pending *q, const struct db_answer *want, const struct packet *p)
{
	const json_t *ev = json_object_get(p->head, "event");
	const char *person = json_str(ev, "by", NULL);

	if (q->turned[0] == '\0' && may_turn(d, q, person) && dbrole_same(q, &want->bind, ev) &&
	    dbrole_signature_ok(d, q, want, p))
		snprintf(q->turned, sizeof q->turned, "%s", person);
}
