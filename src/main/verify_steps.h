/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What became of a request, event by event: whether it ran, and was committed, as somebody had allowed. */
#ifndef TWOKEY_MAIN_VERIFY_STEPS_H
#define TWOKEY_MAIN_VERIFY_STEPS_H

#include <stdbool.h>

#include "twokey/transcript/event.h"

/* Zeroed: it waits. */
struct steps {
	bool allowed, held, kept;	/* such an event stands before, good or bad, and of an answer none that ends it */
	bool ran;
	bool odd;			/* told already */
};

/* True for the events that steps_take is to be told. */
bool	steps_matter(enum transcript_event_kind k);
/* The next event of a request, one that matters; s NULL: of none. same: it names the request's statement and its sheet. What
 * is not as it should be, the first time; NULL when all is well. */
const char *steps_take(struct steps *s, enum transcript_event_kind k, bool same);

#endif
