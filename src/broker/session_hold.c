/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A change that ran and is not kept yet: it waits for the key again, as long as somebody is there who may turn it. */
#include "config.h"

#include "twokey/base/clock.h"
#include "twokey/base/err.h"
#include "twokey/base/json.h"

#include "session.h"

/* Seconds until a time of the transcript, rounded down: db's own clock ends it. */
static int64_t
seconds_until(const char *until, size_t n)
{
	int64_t us;

	if (until == NULL || clock_parse(until, n, &us) != 0)
		return 0;
	us -= clock_wall_us();
	return us > 0 ? us / 1000000 : 0;
}

void
session_held(struct session *s, const json_t *ev)
{
	struct gate_request *r = session_request(s, (uint64_t)json_int(ev, "of", 0));
	const char *hex, *until;
	struct digest bind;
	struct err e;
	size_t n, len;

	hex = json_str(ev, "bind", &n);
	until = json_str(ev, "until", &len);
	if (r == NULL || hex == NULL || !digest_parse(hex, n, &bind))
		return;
	if (gate_request_held(r, &bind, (uint64_t)json_int(ev, "affected", 0), clock_mono_ms(), seconds_until(until, len), &e) != 0)
		return;
	session_status(s);
	session_hold_look(s);
}

void
session_hold_look(struct session *s)
{
	for (size_t i = 0; i < SESSION_REQUESTS_MAX; i++) {
		struct gate_request *r = s->slots[i].r;

		if (r != NULL && r->state == GATE_STATE_HOLD && !session_key_possible(s, r))
			session_void(s, r, "second-left");
	}
}
