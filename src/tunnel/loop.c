/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The one loop: control, hops, listeners, forwards. Nothing in it blocks but poll. */
#include "config.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>

#include <libssh/server.h>

#include "core.h"
#include "twokey/base/clock.h"

enum { RECEIVE = 4096, PUMP_MAX = 64, RETRY_MS = 50 };

int64_t
loop_us(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000000 + ts.tv_nsec / 1000;
}

int
loop_left(int64_t deadline)
{
	int64_t left = deadline - clock_mono_ms();

	return left < 0 ? 0 : left > 1000 ? 1000 : (int)left;
}

static int
stop(struct tunnel *t)
{
	t->stopped = true;
	if (t->accepting)
		return 0;
	return tell_fault(t, &t->hop[t->nhops > 0 ? t->nhops - 1 : 0], TUNNEL_FAULT_STOPPED, "stopped while the tunnel was being opened");
}

int
loop_wait(struct tunnel *t, int fd, short events, int64_t deadline)
{
	struct pollfd p[2] = { { .fd = t->plan.control_fd, .events = POLLIN }, { .fd = fd, .events = events } };

	(void)poll(p, 2, loop_left(deadline));
	return p[0].revents != 0 ? stop(t) : 0;
}

static void
add(struct tunnel *t, int fd, short events)
{
	struct pollfd p = { .fd = events != 0 ? fd : -1, .events = events };

	buf_put(&t->polls, &p, sizeof p);
}

static short
hop_events(const struct hop *h)
{
	int want;

	if (h->ssh == NULL || h->fd < 0)
		return 0;
	want = ssh_get_poll_flags(h->ssh);
	return (short)(((want & SSH_READ_PENDING) || h->open ? POLLIN : 0) | ((want & SSH_WRITE_PENDING) ? POLLOUT : 0));
}

static bool
clogged(const struct hop *h)
{
	return (ssh_get_status(h->ssh) & SSH_WRITE_PENDING) != 0;
}

/* In this order: control, hops, listeners, forwards. */
static void
collect(struct tunnel *t)
{
	bool full[TUNNEL_HOPS_MAX] = { false };

	buf_reset(&t->polls);
	add(t, t->plan.control_fd, POLLIN);
	for (size_t i = 0; i < t->nhops; i++) {
		add(t, t->hop[i].fd, hop_events(&t->hop[i]));
		full[i] = t->hop[i].open && clogged(&t->hop[i]);
	}
	for (size_t i = 0; t->accepting && i < t->plan.nlisteners; i++)
		add(t, t->plan.listeners[i], t->nforwards < TUNNEL_FORWARDS_MAX ? POLLIN : 0);
	for (const struct forward *f = t->forwards; f != NULL; f = f->next)
		add(t, f->fd, forward_events(f, full[f->hop->index]));
}

int
loop_lost(struct hop *h)
{
	char text[200];

	tell_safe(ssh_get_error(h->ssh), text, sizeof text);
	return tell_fault(h->tunnel, h, TUNNEL_FAULT_LOST, "the connection to %.150s port %u ended (%s); the session ends,"
	    " nothing is retried: look at that server, then open the session again",
	    h->plan->host, (unsigned)h->plan->port, text[0] != '\0' ? text : "closed");
}

/* Receives what is there; one dopoll takes 4096 bytes. */
static int
pump(struct hop *h)
{
	int waiting = 0, rounds;

	(void)ioctl(h->fd, FIONREAD, &waiting);
	rounds = 1 + waiting / RECEIVE;
	if (rounds > PUMP_MAX)
		rounds = PUMP_MAX;
	while (rounds-- > 0) {
		int rc = ssh_event_dopoll(h->event, 0);

		if (rc == SSH_ERROR || !ssh_is_connected(h->ssh))
			return loop_lost(h);
		if (rc == SSH_AGAIN)
			break;
	}
	return 0;
}

static void
hear(struct hop *h, int64_t now)
{
	if (h->wire.in_bytes == h->seen_in)
		return;
	h->seen_in = h->wire.in_bytes;
	h->heard_ms = now;
	if (h->asked_us != 0)
		h->said.ms = (double)(loop_us() - h->asked_us) / 1000;
	h->asked_us = 0;
}

/* The first call takes the reply to the last one, if it is there; the second asks again, unless one is under way. */
static void
ask(struct hop *h)
{
	ssh_send_keepalive(h->ssh);
	ssh_send_keepalive(h->ssh);
	if (h->asked_us == 0)
		h->asked_us = loop_us();
}

/* Liveness is judged by bytes that arrive: is_connected stays true for a peer that is frozen. The hop nearest to
 * us is judged first, because the others are silent with it. */
static int
keepalive(struct tunnel *t, int64_t now)
{
	bool due = now >= t->tick_ms;

	for (size_t i = 0; i < t->nhops; i++) {
		struct hop *h = &t->hop[i];

		if (!h->open)
			continue;
		hear(h, now);
		if (now - h->heard_ms >= (int64_t)t->plan.dead_after_s * 1000)
			return tell_fault(t, h, TUNNEL_FAULT_SILENT, "%.150s port %u has not answered for %u s; the session ends, nothing"
			    " is retried: check that server and the network, then open the session again",
			    h->plan->host, (unsigned)h->plan->port, t->plan.dead_after_s);
		if (!due)
			continue;
		tell(h, TUNNEL_ALIVE);
		ask(h);
	}
	if (due)
		t->tick_ms = now + (int64_t)t->plan.keepalive_s * 1000;
	return 0;
}

/* How long poll may wait: not beyond the next keepalive or the end of somebody's silence; not at all when a call
 * for one forward received what concerns another that was moved before; and not long while a forward has bytes
 * that libssh did not take (a rekey ends with a packet, so this is only for safety). */
static int
patience(const struct tunnel *t, int ms, int64_t now)
{
	int64_t left = ms;

	for (size_t i = 0; i < t->nhops; i++) {
		if (t->hop[i].open && t->hop[i].heard_ms + (int64_t)t->plan.dead_after_s * 1000 - now < left)
			left = t->hop[i].heard_ms + (int64_t)t->plan.dead_after_s * 1000 - now;
		if (t->hop[i].open && t->tick_ms - now < left)
			left = t->tick_ms - now;
		if (t->hop[i].open && t->hop[i].wire.in_bytes != t->hop[i].moved_in)
			left = 0;
	}
	for (const struct forward *f = t->forwards; f != NULL; f = f->next)
		if (f->dead || (f->up_len > 0 && left > RETRY_MS))
			left = f->dead ? 0 : RETRY_MS;
	return left < 0 ? 0 : (int)left;
}

static int
move_forwards(struct tunnel *t)
{
	struct forward *f, *next;

	for (f = t->forwards; f != NULL; f = f->next)
		forward_move(f);
	for (f = t->forwards; f != NULL; f = next) {
		next = f->next;
		if (f->dead)
			forward_destroy(f);
	}
	return t->fault != TUNNEL_FAULT_NONE ? t->err.code : 0;
}

/* The first goes to the end: with a socket that is full, each is the first to write in its turn. */
static void
rotate(struct tunnel *t)
{
	struct forward *first = t->forwards, **at = &t->forwards;

	if (first == NULL || first->next == NULL)
		return;
	while (*at != NULL)
		at = &(*at)->next;
	*at = first;
	t->forwards = first->next;
	first->next = NULL;
}

static int
pump_hops(struct tunnel *t, const struct pollfd *p)
{
	for (size_t i = 0; i < t->nhops; i++) {
		int ret = t->hop[i].open && p[i].revents != 0 ? pump(&t->hop[i]) : 0;

		if (ret != 0)
			return ret;
		t->hop[i].moved_in = t->hop[i].wire.in_bytes;
	}
	return 0;
}

int
loop_turn(struct tunnel *t, int ms)
{
	size_t nlisteners = t->accepting ? t->plan.nlisteners : 0, n;
	const struct pollfd *p, *listeners;
	int ret;

	collect(t);
	p = (const void *)buf_data(&t->polls);
	n = buf_len(&t->polls) / sizeof *p;
	listeners = p + 1 + t->nhops;
	if (poll((struct pollfd *)(uintptr_t)p, n, patience(t, ms, clock_mono_ms())) < 0 && errno != EINTR)
		return tell_fault(t, NULL, TUNNEL_FAULT_SYSTEM, "waiting failed: %s", strerror(errno));
	if (p[0].revents != 0)
		return stop(t);
	n = 1 + t->nhops + nlisteners;
	for (struct forward *f = t->forwards; f != NULL; f = f->next)
		f->revents = p[n++].revents;
	ret = pump_hops(t, p + 1);
	if (ret == 0)
		ret = move_forwards(t);
	for (size_t i = 0; ret == 0 && i < nlisteners; i++)
		if (listeners[i].revents != 0)
			serve_accept(t, t->plan.listeners[i]);
	rotate(t);
	return ret != 0 ? ret : keepalive(t, clock_mono_ms());
}
