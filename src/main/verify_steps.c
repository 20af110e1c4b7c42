/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "verify_steps.h"

#include <stddef.h>

static bool
ends(enum transcript_event_kind k)
{
	return k == TRANSCRIPT_EVENT_DENIED || k == TRANSCRIPT_EVENT_WITHDRAWN || k == TRANSCRIPT_EVENT_EXPIRED ||
	    k == TRANSCRIPT_EVENT_VOID;
}

static bool
commits(enum transcript_event_kind k)
{
	return k == TRANSCRIPT_EVENT_COMMITTING || k == TRANSCRIPT_EVENT_COMMITTED;
}

bool
steps_matter(enum transcript_event_kind k)
{
	return k == TRANSCRIPT_EVENT_ALLOWED || k == TRANSCRIPT_EVENT_RUN || k == TRANSCRIPT_EVENT_HELD || k == TRANSCRIPT_EVENT_KEPT ||
	    commits(k) || ends(k);
}

/* What runs was allowed before, once and over the same; what is committed ran, and was kept if it was held. */
static const char *
look(const struct steps *s, enum transcript_event_kind k, bool same)
{
	if (k == TRANSCRIPT_EVENT_RUN && (!s->allowed || s->ran))
		return "it ran, and no answer that stood then allowed it";
	if (k == TRANSCRIPT_EVENT_RUN && !same)
		return "what ran is not what was allowed";
	if (commits(k) && (!s->ran || (s->held && !s->kept)))
		return "it was committed, and no answer that stood then allowed it";
	return NULL;
}

const char *
steps_take(struct steps *s, enum transcript_event_kind k, bool same)
{
	struct steps none = { false, false, false, false, false };
	const char *why;

	if (s == NULL)
		s = &none;
	why = look(s, k, same);
	s->allowed = (s->allowed || k == TRANSCRIPT_EVENT_ALLOWED) && !ends(k);
	s->held = s->held || k == TRANSCRIPT_EVENT_HELD;
	s->kept = (s->kept || k == TRANSCRIPT_EVENT_KEPT) && !ends(k);
	s->ran = s->ran || k == TRANSCRIPT_EVENT_RUN;
	if (why == NULL || s->odd)
		return NULL;
	s->odd = true;
	return why;
}
