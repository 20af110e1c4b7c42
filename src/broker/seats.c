/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "seats.h"

#include <stdlib.h>
#include <string.h>

#include "twokey/base/must.h"

static bool
one_login(const struct seat_login *a, const struct seat_login *b)
{
	return (a->loginuid >= 0 && a->loginuid == b->loginuid) || (a->audit >= 0 && a->audit == b->audit);
}

const char *
seats_refusal(const struct seat_login *had, const struct seat_login *now, bool two_keys)
{
	if (now->seat == TICKET_SEAT_WATCHER)
		return NULL;
	for (; had != NULL; had = had->next) {
		if (had->seat == TICKET_SEAT_WATCHER || strcmp(had->person, now->person) == 0 || !one_login(had, now))
			continue;
		if (had->seat != now->seat)
			return "driver and confirmer come from one login of this host (same loginuid or audit session), "
			    "so they are not two people";
		if (two_keys && now->seat == TICKET_SEAT_CONFIRMER)
			return "the ticket asks for two keys, and both confirmers come from one login of this host (same loginuid "
			    "or audit session), so they are not two people";
	}
	return NULL;
}

const char *
seats_host_refusal(enum ticket_from asked, bool remote)
{
	if (asked != TICKET_FROM_OTHER_HOST || remote)
		return NULL;
	return "the ticket takes an answer that allows from another host only (answer_from), and this console is of no login "
	    "session that came from one; log in to the broker's host over SSH from another one, and join from there";
}

void
seats_note(struct seat_login **had, const struct seat_login *now)
{
	struct seat_login *n;

	for (const struct seat_login *h = *had; h != NULL; h = h->next)
		if (h->seat == now->seat && h->loginuid == now->loginuid && h->audit == now->audit &&
		    strcmp(h->person, now->person) == 0)
			return;
	n = must_zalloc(sizeof *n);
	*n = *now;
	n->next = *had;
	*had = n;
}

void
seats_free(struct seat_login **had)
{
	while (*had != NULL) {
		struct seat_login *n = *had;

		*had = n->next;
		free(n);
	}
}
