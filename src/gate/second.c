/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Law 3: who may turn the second key. */
#include "config.h"

#include <string.h>

#include "twokey/base/err.h"
#include "twokey/gate/request.h"

static bool
side_ok(enum ticket_second second, enum ticket_side driver, enum ticket_side person)
{
	switch (second) {
	case TICKET_SECOND_ANY:
		return true;
	case TICKET_SECOND_OTHER_SIDE:
		return person != driver;
	case TICKET_SECOND_CUSTOMER:
		return person == TICKET_SIDE_CUSTOMER;
	case TICKET_SECOND_FIRM:
		return person == TICKET_SIDE_FIRM;
	}
	return false;
}

static const char *
second_wants(enum ticket_second second)
{
	switch (second) {
	case TICKET_SECOND_ANY:
		return "anybody of the ticket's confirmers";
	case TICKET_SECOND_OTHER_SIDE:
		return "a person of the other side than the driver's";
	case TICKET_SECOND_CUSTOMER:
		return "a person of the customer";
	case TICKET_SECOND_FIRM:
		return "a person of the firm";
	}
	return "somebody this version does not know";
}

/* He is named with this seat and with no other: a name that stands twice has none. */
static bool
has_seat(const struct ticket *t, const char *name, enum ticket_seat seat)
{
	size_t here = 0, times = 0;

	for (size_t i = 0; i < t->npeople; i++) {
		times += strcmp(t->people[i].name, name) == 0;
		here += strcmp(t->people[i].name, name) == 0 && t->people[i].seat == seat;
	}
	return here == 1 && times == 1;
}

int
gate_second_ok(const struct ticket *t, const char *driver, enum ticket_side driver_side,
    const char *person, enum ticket_side person_side, struct err *e)
{
	if (t == NULL || driver == NULL || person == NULL)
		return err_set(e, ERR_DENIED, "the second key needs a ticket, a driver and another person");
	if (strcmp(driver, person) == 0)
		return err_set(e, ERR_DENIED, "%s drives: the second key belongs to another person", person);
	if (!has_seat(t, driver, TICKET_SEAT_DRIVER))
		return err_set(e, ERR_DENIED, "%s is no driver of ticket %s", driver, t->id);
	if (!has_seat(t, person, TICKET_SEAT_CONFIRMER))
		return err_set(e, ERR_DENIED, "%s is no confirmer of ticket %s", person, t->id);
	if ((unsigned)driver_side >= TICKET_SIDES || (unsigned)person_side >= TICKET_SIDES ||
	    !side_ok(t->second_key, driver_side, person_side))
		return err_set(e, ERR_DENIED, "the second key of ticket %s belongs to %s; %s is not", t->id,
		    second_wants(t->second_key), person);
	return 0;
}
