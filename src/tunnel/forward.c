/* SPDX-License-Identifier: GPL-3.0-or-later */
/* One connection through a channel, both ways, each way with its own end. What one side does not take stays
 * with the other: nothing is lost, and nothing grows beyond the window. */
#include "config.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "core.h"
#include "twokey/base/must.h"

enum {
	UP_ROUNDS = 4,			/* chunks of one forward in a turn, so that the others get theirs */
	WINDOW_FIRST = 256 * 1024,	/* received: a stream that is worth a large window */
	WINDOW_AGAIN = WINDOW_LARGE / 2,
	BREACH = 2 * WINDOW_LARGE,	/* buffered by libssh: more than any window permits */
	LARGE_MAX = 8			/* forwards with a large window at a time: bounds what stalled ones can hold */
};

/* What libssh hands over now; the rest stays in its buffer. Returns the bytes taken. */
static int
on_data(ssh_session ssh, ssh_channel channel, void *data, uint32_t len, int is_stderr, void *user)
{
	struct forward *f = user;
	ssize_t n;

	(void)ssh, (void)channel;
	if (is_stderr || f->dead || f->fd_shut)
		return (int)len;
	if (f->held || buf_len(&f->down) > 0) {
		f->held = true;
		f->dead = len > BREACH;		/* libssh takes more than the window from a server that sends it */
		return 0;
	}
	n = send(f->fd, data, len, MSG_DONTWAIT | MSG_NOSIGNAL);
	if (n < 0 && errno != EAGAIN && errno != EINTR) {
		f->dead = true;
		return (int)len;
	}
	if (n < 0)
		n = 0;
	f->held = (uint32_t)n < len;
	f->since_window += (uint64_t)n;
	return (int)n;
}

static void
on_eof(ssh_session ssh, ssh_channel channel, void *user)
{
	(void)ssh, (void)channel;
	((struct forward *)user)->channel_eof = true;
}

static void
on_close(ssh_session ssh, ssh_channel channel, void *user)
{
	(void)ssh, (void)channel;
	((struct forward *)user)->channel_closed = true;
}

/* What the refused opening of a channel means; text gets the server's words. */
static enum tunnel_fault
refusal(ssh_session ssh, char *text, size_t n)
{
	const char *error = ssh_get_error(ssh), *at = strstr(error, "error (");
	unsigned long reason = 0;

	if (at != NULL)
		reason = strtoul(at + strlen("error ("), NULL, 10);
	at = at != NULL ? strchr(at, ')') : NULL;
	tell_safe(at != NULL ? at + 1 + strspn(at + 1, " ") : error, text, n);
	/* RFC 4254 5.1: 1 administratively prohibited, 2 connect failed, 3 unknown type, 4 resource shortage */
	if (reason == 1 || reason == 3)
		return TUNNEL_FAULT_PROHIBITED;
	if (strstr(text, "refused") != NULL)
		return TUNNEL_FAULT_CONNECTION;
	if (strstr(text, "timed out") != NULL)
		return TUNNEL_FAULT_TIMEOUT;
	if (strstr(text, "nknown host") != NULL || strstr(text, "not known") != NULL || strstr(text, "resolution") != NULL)
		return TUNNEL_FAULT_NAME;
	return strstr(text, "route") != NULL || strstr(text, "unreachable") != NULL ? TUNNEL_FAULT_ROUTE : TUNNEL_FAULT_ENDPOINT;
}

/* The next hop cannot be reached from this one: the tunnel ends. */
static void
next_refused(struct forward *f)
{
	char text[200];
	enum tunnel_fault fault = refusal(f->hop->ssh, text, sizeof text);
	struct hop *next = f->hop + 1;
	const char *host = next->plan->host;
	unsigned port = next->plan->port;

	if (fault == TUNNEL_FAULT_PROHIBITED)
		tell_fault(next->tunnel, next, fault, "hop %.60s does not permit forwarding to %.150s port %u (%s);"
		    " ask its owner for AllowTcpForwarding or PermitOpen", f->hop->plan->name, host, port, text);
	else
		tell_fault(next->tunnel, next, fault == TUNNEL_FAULT_ENDPOINT ? TUNNEL_FAULT_CONNECTION : fault,
		    "%.150s port %u cannot be reached from hop %.60s (%s); check host and port as that hop sees them",
		    host, port, f->hop->plan->name, text);
}

int
forward_refused(struct hop *h)
{
	const struct tunnel_plan *p = &h->tunnel->plan;
	char text[200], where[200];
	enum tunnel_fault fault = refusal(h->ssh, text, sizeof text);

	if (p->socket != NULL)
		snprintf(where, sizeof where, "the socket %.180s", p->socket);
	else
		snprintf(where, sizeof where, "%.150s port %u", p->host, (unsigned)p->port);
	if (fault == TUNNEL_FAULT_PROHIBITED)
		return tell_refused(h->tunnel, fault, "hop %.60s does not permit forwarding to %s (%s); ask its owner for %s",
		    h->plan->name, where, text, p->socket != NULL ? "AllowStreamLocalForwarding" : "AllowTcpForwarding or PermitOpen");
	return tell_refused(h->tunnel, TUNNEL_FAULT_ENDPOINT, "the endpoint %s cannot be reached from hop %.60s (%s: %s);"
	    " check that the database listens there, and the address as that hop sees it", where, h->plan->name,
	    tunnel_fault_name(fault), text);
}

int
forward_ask(struct hop *h, ssh_channel channel, bool to_hop)
{
	const struct tunnel_plan *p = &h->tunnel->plan;

	if (to_hop)
		return ssh_channel_open_forward(channel, h[1].plan->host, h[1].plan->port, "127.0.0.1", 0);
	if (p->socket != NULL)
		return ssh_channel_open_forward_unix(channel, p->socket, "127.0.0.1", 0);
	return ssh_channel_open_forward(channel, p->host, p->port, "127.0.0.1", 0);
}

static void
step_open(struct forward *f)
{
	int rc = forward_ask(f->hop, f->channel, f->to_hop);

	if (rc == SSH_AGAIN)
		return;
	f->opening = false;
	if (rc == SSH_OK)
		return;
	f->dead = true;
	if (!ssh_is_connected(f->hop->ssh))
		loop_lost(f->hop);
	else if (f->to_hop)
		next_refused(f);
	else
		forward_refused(f->hop);
}

struct forward *
forward_create(struct hop *h, int fd, bool to_hop)
{
	struct forward *f = must_zalloc(sizeof *f);

	f->hop = h;
	f->fd = fd;
	f->to_hop = to_hop;
	f->opening = true;
	f->up = must_alloc(CHUNK);
	buf_init(&f->down, WINDOW_LARGE + CHUNK);
	f->channel = ssh_channel_new(h->ssh);
	must(f->channel != NULL);
	f->callbacks = (struct ssh_channel_callbacks_struct){ .userdata = f, .channel_data_function = on_data,
		.channel_eof_function = on_eof, .channel_close_function = on_close };
	ssh_callbacks_init(&f->callbacks);
	must(ssh_set_channel_callbacks(f->channel, &f->callbacks) == SSH_OK);
	f->next = h->tunnel->forwards;
	h->tunnel->forwards = f;
	h->tunnel->nforwards += !to_hop;
	step_open(f);		/* the request leaves now, not when poll wakes for something else */
	return f;
}

/* Bytes for the descriptor in order: what it does not take now is kept. */
static void
give(struct forward *f, const char *p, size_t n)
{
	ssize_t w = 0;

	if (buf_len(&f->down) == 0) {
		w = send(f->fd, p, n, MSG_DONTWAIT | MSG_NOSIGNAL);
		if (w < 0 && errno != EAGAIN && errno != EINTR) {
			f->dead = true;
			return;
		}
		if (w < 0)
			w = 0;
	}
	f->since_window += n;
	buf_put(&f->down, p + w, n - (size_t)w);
	must(!buf_over(&f->down));
}

/* What was kept, then what libssh holds. */
static void
move_down(struct forward *f)
{
	char *chunk = f->hop->tunnel->scratch;

	while (!f->dead && (buf_len(&f->down) > 0 || f->held)) {
		if (buf_len(&f->down) > 0) {
			ssize_t w = send(f->fd, buf_data(&f->down), buf_len(&f->down), MSG_DONTWAIT | MSG_NOSIGNAL);

			if (w < 0 && errno != EAGAIN && errno != EINTR)
				f->dead = true;
			if (w <= 0)
				return;
			buf_consume(&f->down, (size_t)w);
		} else {
			int n = ssh_channel_read_nonblocking(f->channel, chunk, CHUNK, 0);

			f->held = n > 0;
			if (n > 0)
				give(f, chunk, (size_t)n);
		}
	}
}

/* Makes the receive window large, and large again when half of it is used. Only for a stream that flows: a
 * stalled one keeps its 1.3 MB. */
static void
widen(struct forward *f)
{
	struct tunnel *t = f->hop->tunnel;
	int n;

	if (f->since_window < (f->large ? WINDOW_AGAIN : WINDOW_FIRST) || f->held || buf_len(&f->down) > 0 ||
	    f->channel_eof || f->channel_closed)
		return;
	if (!f->large && !f->to_hop && t->nlarge >= LARGE_MAX)
		return;
	if (!f->large && !f->to_hop)
		t->nlarge++;
	f->large = true;
	f->since_window = 0;
	n = ssh_channel_read_timeout(f->channel, t->scratch, WINDOW_LARGE, 0, 0);
	if (n > 0)
		give(f, t->scratch, (size_t)n);
}

static bool
read_up(struct forward *f)
{
	ssize_t n = recv(f->fd, f->up, CHUNK, MSG_DONTWAIT);

	if (n > 0) {
		f->up_off = 0;
		f->up_len = (size_t)n;
	} else if (n == 0) {
		f->fd_eof = true;
	} else if (errno != EAGAIN && errno != EINTR) {
		f->dead = true;
	}
	return n > 0;
}

/* During a rekey libssh takes 0 bytes; they stay in f->up. */
static void
write_up(struct forward *f)
{
	int n = ssh_channel_write(f->channel, f->up + f->up_off, (uint32_t)f->up_len);

	if (n < 0) {
		f->up_len = 0;		/* closed by the other side: what it sent is still delivered */
		f->channel_closed = true;
		return;
	}
	f->up_off += (size_t)n;
	f->up_len -= (size_t)n;
}

static void
move_up(struct forward *f)
{
	int rounds = 0;
	bool readable = (f->revents & (POLLIN | POLLHUP | POLLERR)) != 0;

	while (!f->dead && !f->channel_closed && rounds++ < UP_ROUNDS) {
		if (f->up_len > 0)
			write_up(f);
		if (f->up_len > 0 || f->fd_eof || !readable || (ssh_get_status(f->hop->ssh) & SSH_WRITE_PENDING))
			break;
		if (!read_up(f))
			break;
	}
	if (f->fd_eof && !f->eof_sent && f->up_len == 0 && !f->dead && !f->channel_closed) {
		f->eof_sent = true;
		ssh_channel_send_eof(f->channel);
	}
}

/* Passes on the ends. */
static void
finish(struct forward *f)
{
	bool delivered = !f->held && buf_len(&f->down) == 0;

	if (f->dead || !delivered)
		return;
	if (f->channel_eof && !f->fd_shut) {
		f->fd_shut = true;
		shutdown(f->fd, SHUT_WR);
	}
	if (f->channel_closed || (f->channel_eof && f->eof_sent))
		f->dead = true;
}

short
forward_events(const struct forward *f, bool clogged)
{
	short events = 0;

	if (f->dead || f->opening)
		return 0;
	if (f->held || buf_len(&f->down) > 0)
		events |= POLLOUT;
	if (!f->fd_eof && f->up_len == 0 && !clogged && !f->channel_closed)
		events |= POLLIN;
	return events;
}

void
forward_move(struct forward *f)
{
	if (f->opening)
		step_open(f);
	if (f->opening || f->dead)
		return;
	move_down(f);
	widen(f);
	move_up(f);
	finish(f);
	if (f->dead && f->to_hop)
		tell_fault(f->hop->tunnel, f->hop + 1, TUNNEL_FAULT_LOST, "hop %.60s closed the connection to it; the session ends,"
		    " nothing is retried: look at the server of this hop, then open the session again", f->hop->plan->name);
}

void
forward_destroy(struct forward *f)
{
	struct tunnel *t = f->hop->tunnel;
	struct forward **at = &t->forwards;

	while (*at != f)
		at = &(*at)->next;
	*at = f->next;
	t->nforwards -= !f->to_hop;
	t->nlarge -= f->large && !f->to_hop;
	if (f->fd >= 0)
		close(f->fd);
	ssh_remove_channel_callbacks(f->channel, &f->callbacks);
	ssh_channel_free(f->channel);
	buf_fini(&f->down);
	free(f->up);
	free(f);
}
