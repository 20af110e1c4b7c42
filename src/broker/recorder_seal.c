/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The last line: the head, signed by the broker's key and handed to the anchor where the configuration has them. Whatever
 * happens to those two, the transcript is sealed. */
#include "config.h"

#include <event2/event.h>
#include <string.h>
#include <unistd.h>

#include "twokey/base/buf.h"
#include "twokey/base/clock.h"
#include "twokey/base/digest.h"
#include "twokey/base/err.h"
#include "twokey/base/json.h"
#include "twokey/base/log.h"
#include "twokey/transcript/answer.h"

#include "oneshot.h"
#include "recorder.h"
#include "role.h"

enum { WITHIN_S = 13, SEAL_TEXT_MAX = 4096 };

/* Seals with what was said about the head, NULL: nothing. */
static void
finish(struct recorder *r, const json_t *said)
{
	struct transcript_when when = { clock_wall_us(), clock_mono_ms() };
	struct transcript_seal_with with = { .signature = json_str(said, "sig", NULL), .anchor = json_str(said, "anchor", NULL) };
	const char *why = json_str(said, "why", NULL);
	struct digest d = transcript_head(r->file);
	char head[DIGEST_HEX + 1];
	struct err e;

	if (r->sealed)
		return;
	r->sealed = true;
	digest_hex(&d, head);
	if (r->anchors && with.anchor == NULL)
		with.anchor = "failed";
	if (r->signs && with.signature == NULL)
		log_line(LOG_LEVEL_ERROR, "the seal is not signed: %s", why != NULL ? why : "the process that signs did not answer");
	if (r->broken || transcript_seal_with(r->file, when, &with, &e) != 0) {
		log_line(LOG_LEVEL_ERROR, "the transcript could not be sealed");
		r->unsealed = true;
		recorder_tell_session(r, json_pack("{s:s}", "do", "unsealed"), NULL, 0);
	} else {
		recorder_tell_session(r, json_pack("{s:s, s:s, s:I}", "do", "sealed", "head", head,
		    "count", (json_int_t)transcript_count(r->file) - 1), NULL, 0);
	}
	if (r->session == NULL)
		event_base_loopbreak(r->base);
}

static bool
on_line(void *ctx, struct channel *c, const char *line, size_t n)
{
	struct recorder *r = ctx;
	json_t *said = json_line_parse(line, n, NULL);

	(void)c;
	finish(r, said);
	json_decref(said);
	return true;
}

static void
on_closed(void *ctx, struct channel *c)
{
	struct recorder *r = ctx;

	(void)c;
	r->sealer = NULL;
	finish(r, NULL);
}

static void
on_timer(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	finish(arg, NULL);
}

void
recorder_seal(struct recorder *r)
{
	struct monitor_msg m = { .op = MONITOR_SEAL };
	struct timeval limit = { WITHIN_S, 0 };
	struct err e;

	if (r->sealed || r->sealing)
		return;
	event_del(r->end_timer);
	r->sealing = true;	/* nothing is appended any more: the head is the one that is signed */
	if ((!r->signs && !r->anchors) || r->broken || r->monitor_gone || monitor_send(ROLE_FD_MONITOR, &m, -1, &e) != 0) {
		finish(r, NULL);
		return;
	}
	r->seal_timer = evtimer_new(r->base, on_timer, r);
	event_add(r->seal_timer, &limit);
}

void
recorder_seal_fd(struct recorder *r, int fd)
{
	static const struct channel_ops ops = { on_line, on_closed, NULL };
	struct digest head = transcript_head(r->file);
	struct buf text;

	if (fd < 0 || !r->sealing || r->sealed || r->sealer != NULL) {
		if (fd >= 0)
			close(fd);
		else if (r->sealing)
			finish(r, NULL);
		return;
	}
	buf_init(&text, SEAL_TEXT_MAX);
	transcript_seal_put(&text, r->id, transcript_count(r->file), &head);
	r->sealer = channel_open(r->base, fd, ONESHOT_LINE_MAX, ONESHOT_LINE_MAX, &ops, r);
	channel_send_json(r->sealer, json_pack("{s:s}", "text", buf_str(&text)), -1);
	buf_fini(&text);
}

void
recorder_seal_close(struct recorder *r)
{
	channel_close(r->sealer);
	if (r->seal_timer != NULL)
		event_free(r->seal_timer);
}
