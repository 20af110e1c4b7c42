/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The walk for `twokey target check`: what works, how fast, and where it ends. */
#include "config.h"

#include <stdio.h>
#include <string.h>

#include "core.h"
#include "twokey/base/clock.h"

enum { ASK_MS = 5000 };

struct recorder {
	struct tunnel_report *report;
	struct tunnel_watch next;
	size_t nhops;
	bool done;
};

static void
record(void *ctx, const struct tunnel_state *s)
{
	struct recorder *r = ctx;

	if (!r->done && s->hop < r->nhops) {
		r->report->hop[s->hop] = *s;
		if (s->hop >= r->report->nhops)
			r->report->nhops = s->hop + 1;
	} else if (!r->done) {
		r->report->endpoint = *s;
	}
	if (r->next.state != NULL)
		r->next.state(r->next.ctx, s);
}

/* One connection to the endpoint, closed at once. */
static int
try_endpoint(struct tunnel *t, struct hop *last)
{
	int64_t start = loop_us(), deadline = clock_mono_ms() + (int64_t)t->plan.open_s * 1000;
	ssh_channel channel = ssh_channel_new(last->ssh);
	int rc, ret = 0;

	while (channel != NULL && (rc = forward_ask(last, channel, false)) == SSH_AGAIN) {
		ret = clock_mono_ms() < deadline ? loop_turn(t, loop_left(deadline)) :
		    tell_fault(t, NULL, TUNNEL_FAULT_TIMEOUT, "the endpoint did not answer within %u s, asked through hop %.60s;"
		    " check the address as that hop sees it", t->plan.open_s, last->plan->name);
		if (ret != 0)
			return ret;	/* the channel goes with its session */
	}
	if (channel == NULL)
		return tell_fault(t, NULL, TUNNEL_FAULT_SYSTEM, "the SSH library gives no channel");
	if (rc == SSH_OK)
		tell_endpoint(t, TUNNEL_CONNECTED, (double)(loop_us() - start) / 1000);
	else
		ret = forward_refused(last);
	ssh_channel_free(channel);
	return ret;
}

/* "client port server port": anything else is not believed. */
static bool
is_ssh_connection(const char *s)
{
	int spaces = 0;

	if (strspn(s, "0123456789abcdefABCDEF.:%ghijklmnopqrstuvwxyz ") != strlen(s))
		return false;
	for (const char *p = s; *p != '\0'; p++)
		spaces += *p == ' ';
	return spaces == 3;
}

static void
take_words(struct tunnel *t, ssh_channel channel, int64_t deadline, char *out, size_t room)
{
	size_t n = 0;

	while (clock_mono_ms() < deadline && n + 1 < room) {
		int got = ssh_channel_read_nonblocking(channel, out + n, (uint32_t)(room - 1 - n), 0);

		if (got < 0 || (got == 0 && ssh_channel_is_eof(channel)))
			break;
		n += (size_t)got;
		if (n > 0 && out[n - 1] == '\n')
			break;
		if (got == 0 && loop_turn(t, loop_left(deadline)) != 0)
			break;
	}
	out[n] = '\0';
	out[strcspn(out, "\r\n")] = '\0';
	if (!is_ssh_connection(out))
		out[0] = '\0';
}

static int
request(ssh_channel channel, bool opened)
{
	return opened ? ssh_channel_request_exec(channel, "echo $SSH_CONNECTION") : ssh_channel_open_session(channel);
}

/* Not every server permits a command; then it is not known, which is no fault. */
static void
ask_connection(struct tunnel *t, struct hop *last, char *out, size_t room)
{
	int64_t deadline = clock_mono_ms() + ASK_MS;
	ssh_channel channel = ssh_channel_new(last->ssh);
	int rc = channel != NULL ? SSH_OK : SSH_ERROR;

	for (int step = 0; step < 2 && rc == SSH_OK; step++)
		while ((rc = request(channel, step > 0)) == SSH_AGAIN)
			if (clock_mono_ms() >= deadline || loop_turn(t, loop_left(deadline)) != 0)
				return;		/* the channel goes with its session */
	if (rc == SSH_OK)
		take_words(t, channel, deadline, out, room);
	ssh_channel_free(channel);
}

int
tunnel_check(const struct tunnel_plan *p, struct tunnel_report *r, struct err *e)
{
	struct recorder rec = { r, p->watch, p->nhops, false };
	struct tunnel_plan plan = *p;
	struct tunnel *t;
	struct err own;
	int ret;

	e = e != NULL ? e : &own;
	memset(r, 0, sizeof *r);
	r->endpoint = (struct tunnel_state){ .hop = p->nhops, .name = "endpoint", .ms = -1 };
	plan.watch = (struct tunnel_watch){ &rec, record };
	t = tunnel_make(&plan, e);
	if (t == NULL)
		return e->code;
	ret = walk(t);
	if (ret == 0) {
		ask_connection(t, &t->hop[t->nhops - 1], r->ssh_connection, sizeof r->ssh_connection);
		ret = try_endpoint(t, &t->hop[t->nhops - 1]);
	}
	if (ret != 0)
		*e = t->fault != TUNNEL_FAULT_NONE ? t->err : r->endpoint.err;
	rec.done = true;
	tunnel_close(t);
	return ret;
}
