/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Whether a second person is there: in a confirmer's seat, with a key pressed a short while ago (rule 26 of the
 * approval), and somebody who may turn the key for that driver. */
#include "config.h"

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
