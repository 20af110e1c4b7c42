/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the tunnel tells of its hops: recorded like everything else, before anybody sees it. */
#include "config.h"

#include "twokey/base/json.h"
#include "twokey/base/log.h"
#include "twokey/transcript/limit.h"

#include "recorder.h"

enum { LINES_MAX = 1000 };	/* a way has few hops, and each of them few states */

/* False when it is no tunnel of ours any more: it has to go, and its session with it. */
static bool
hear(struct recorder *r, struct packet *p)
{
	json_t *ev = json_object_get(p->head, "event");
	enum transcript_event_kind kind;

	if (r->tunnel_told || r->tunnel_lines++ >= LINES_MAX)
		return false;
	if (json_str(p->head, "down", NULL) != NULL) {
		r->tunnel_told = true;
		recorder_tell_session(r, json_pack("{s:s, s:O, s:b}", "do", "down", "code",
		    json_object_get(p->head, "down"), "tunnel", 1), p->b, p->nb);
	} else if (r->last > 0 && recorder_kind(ev, TRANSCRIPT_BY_TUNNEL, &kind)) {
		(void)recorder_append_and_tell(r, kind, ev, p->b, p->nb);
	} else {
		log_line(LOG_LEVEL_ERROR, "the tunnel sent an event that it may not write");
	}
	return true;
}

static bool
on_line(void *ctx, struct channel *c, const char *line, size_t n)
{
	struct recorder *r = ctx;
	bool good;

	(void)c;
	switch (packet_feed(&r->from_tunnel, line, n, NULL)) {
	case 0:
		return true;
	case 1:
		good = hear(r, &r->from_tunnel);
		packet_clear(&r->from_tunnel);
		return good;
	default:
		return false;
	}
}

static void
on_closed(void *ctx, struct channel *c)
{
	struct recorder *r = ctx;

	(void)c;
	r->tunnel = NULL;
	recorder_tunnel_gone(r);
}

void
recorder_tunnel_attach(struct recorder *r, int fd)
{
	static const struct channel_ops ops = { on_line, on_closed, NULL };

	r->tunnel = channel_open(r->base, fd, TRANSCRIPT_LINE_MAX, 4096, &ops, r);
}
