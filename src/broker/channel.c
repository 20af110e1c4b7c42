/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "channel.h"

#include <errno.h>
#include <event2/event.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "twokey/base/buf.h"
#include "twokey/base/err.h"
#include "twokey/base/io.h"
#include "twokey/base/json.h"
#include "twokey/base/must.h"

enum { FDS_MAX = 16, LINES_PER_WAKE = 32 };

/* Lines wait behind the one in hand: what they make leaves together, once, when the turn is over. */
static bool more_lines;

struct sent_fd {
	uint64_t at;	/* goes with this byte of the stream */
	int fd;
};

struct channel {
	int fd;
	struct event *readable, *writable;
	struct buf in, out;
	uint64_t sent;		/* bytes sent so far */
	struct sent_fd fds_out[FDS_MAX];
	size_t nfds_out;
	int fds_in[FDS_MAX];
	size_t nfds_in;
	const struct channel_ops *ops;
	void *ctx;
	bool held;
	bool busy;		/* inside a callback: freeing waits */
	bool dead;		/* closed inside a callback */
	bool failed;		/* closed is due */
};

static void
channel_free(struct channel *c)
{
	event_free(c->readable);
	event_free(c->writable);
	for (size_t i = 0; i < c->nfds_in; i++)
		close(c->fds_in[i]);
	for (size_t i = 0; i < c->nfds_out; i++)
		close(c->fds_out[i].fd);
	close(c->fd);
	buf_fini(&c->in);
	buf_fini(&c->out);
	free(c);
}

/* Ends a turn of callbacks: what was closed or failed inside is freed now. True when c is gone. */
static bool
settle(struct channel *c)
{
	if (!c->dead && c->failed)
		c->ops->closed(c->ctx, c);
	c->busy = false;
	if (!c->dead && !c->failed)
		return false;
	channel_free(c);
	return true;
}

/* One send of bytes up to the next descriptor's place; false when nothing more goes out now. */
static bool
send_some(struct channel *c)
{
	size_t n = buf_len(&c->out);
	struct err e;
	ssize_t w;

	if (n == 0)
		return false;
	if (c->nfds_out > 0 && c->fds_out[0].at == c->sent) {
		if (io_send_fd(c->fd, buf_data(&c->out), 1, c->fds_out[0].fd, &e) != 0) {
			c->failed |= e.sys != EAGAIN;
			return false;
		}
		close(c->fds_out[0].fd);
		c->nfds_out--;
		for (size_t i = 0; i < c->nfds_out; i++)
			c->fds_out[i] = c->fds_out[i + 1];
		w = 1;
	} else {
		if (c->nfds_out > 0 && n > c->fds_out[0].at - c->sent)
			n = (size_t)(c->fds_out[0].at - c->sent);
		w = send(c->fd, buf_data(&c->out), n, MSG_NOSIGNAL | MSG_DONTWAIT);
	}
	if (w < 0) {
		c->failed |= errno != EAGAIN && errno != EINTR;
		return false;
	}
	buf_consume(&c->out, (size_t)w);
	c->sent += (uint64_t)w;
	return true;
}

static void
flush(struct channel *c)
{
	while (send_some(c))
		;
	if (c->failed || buf_len(&c->out) > 0)
		event_add(c->writable, NULL);
	if (c->failed)
		event_active(c->writable, EV_WRITE, 1);
}

static void
on_writable(evutil_socket_t fd, short what, void *arg)
{
	struct channel *c = arg;
	(void)fd;
	(void)what;
	c->busy = true;
	if (!c->failed)
		flush(c);
	if (!c->failed && buf_len(&c->out) == 0 && c->ops->drained != NULL)
		c->ops->drained(c->ctx, c);
	settle(c);
}

/* Receives what is there, descriptors included. False at the end. */
static bool
receive(struct channel *c)
{
	size_t room = c->in.max - buf_len(&c->in);
	char *p;
	struct err e;
	ssize_t r;
	int fd;

	if (room > 65536)
		room = 65536;
	if (room == 0)
		return true;
	p = buf_room(&c->in, room);
	r = io_recv_fd(c->fd, p, room, &fd, &e);
	if (r > 0)
		buf_added(&c->in, (size_t)r);
	if (fd >= 0 && c->nfds_in == FDS_MAX) {
		/* dropping one would give the next line's descriptor to this line */
		close(fd);
		return false;
	}
	if (fd >= 0)
		c->fds_in[c->nfds_in++] = fd;
	return r > 0 || r == ERR_STATE;
}

static void
on_readable(evutil_socket_t fd, short what, void *arg)
{
	struct channel *c = arg;
	const char *line;
	size_t n;
	int lines = 0;

	(void)fd;
	(void)what;
	c->busy = true;
	/* a line that waits since the last turn goes first */
	if (!io_line(&c->in, &line, &n))
		c->failed |= !receive(c);
	while (!c->dead && !c->held && io_line(&c->in, &line, &n)) {
		if (lines++ == LINES_PER_WAKE) {
			event_active(c->readable, EV_READ, 1);
			break;
		}
		more_lines = memchr(line + n + 1, '\n', buf_len(&c->in) - n - 1) != NULL;
		if (!c->ops->line(c->ctx, c, line, n))
			c->failed = true;
		more_lines = false;
		if (c->dead || c->failed)
			break;
		buf_consume(&c->in, n + 1);
	}
	if (!c->dead && buf_len(&c->in) == c->in.max && !io_line(&c->in, &line, &n))
		c->failed = true;
	settle(c);
}

struct channel *
channel_open(struct event_base *base, int fd, size_t max_line, size_t max_out,
    const struct channel_ops *ops, void *ctx)
{
	struct channel *c = must_zalloc(sizeof *c);

	c->fd = fd;
	c->ops = ops;
	c->ctx = ctx;
	buf_init(&c->in, max_line + 1);
	buf_init(&c->out, max_out);
	must(io_nonblock(fd) == 0 && io_cloexec(fd) == 0);
	c->readable = event_new(base, fd, EV_READ | EV_PERSIST, on_readable, c);
	c->writable = event_new(base, fd, EV_WRITE, on_writable, c);
	must(c->readable != NULL && c->writable != NULL && event_add(c->readable, NULL) == 0);
	return c;
}

void
channel_close(struct channel *c)
{
	if (c == NULL || c->dead)
		return;
	while (!c->failed && send_some(c))
		;
	c->dead = true;
	if (!c->busy)
		channel_free(c);
}

void
channel_send(struct channel *c, const void *p, size_t n)
{
	bool was_empty = buf_len(&c->out) == 0;

	if (c->dead || c->failed)
		return;
	buf_put(&c->out, p, n);
	if (buf_over(&c->out)) {
		c->failed = true;
		event_active(c->writable, EV_WRITE, 1);
	} else if (was_empty && more_lines) {
		event_active(c->writable, EV_WRITE, 1);
	} else if (was_empty) {
		flush(c);
	}
}

void
channel_send_fd(struct channel *c, const void *p, size_t n, int fd)
{
	if (c->dead || c->failed || c->nfds_out == FDS_MAX) {
		close(fd);
		return;
	}
	c->fds_out[c->nfds_out].at = c->sent + buf_len(&c->out);
	c->fds_out[c->nfds_out].fd = fd;
	c->nfds_out++;
	channel_send(c, p, n);
}

void
channel_send_json(struct channel *c, json_t *o, int fd)
{
	struct buf out;

	buf_init(&out, c->out.max);
	json_put(&out, o);
	buf_putc(&out, '\n');
	json_decref(o);
	if (fd >= 0)
		channel_send_fd(c, buf_data(&out), buf_len(&out), fd);
	else
		channel_send(c, buf_data(&out), buf_len(&out));
	buf_fini(&out);
}

int
channel_take_fd(struct channel *c)
{
	int fd;

	if (c->nfds_in == 0)
		return -1;
	fd = c->fds_in[0];
	c->nfds_in--;
	for (size_t i = 0; i < c->nfds_in; i++)
		c->fds_in[i] = c->fds_in[i + 1];
	return fd;
}

void
channel_preload(struct channel *c, const void *p, size_t n)
{
	buf_put(&c->in, p, n);
	event_active(c->readable, EV_READ, 1);
}

int
channel_detach(struct channel *c, struct buf *rest)
{
	const char *line;
	size_t n;
	int fd;

	while (!c->failed && !c->dead && send_some(c))
		;	/* what waits for the end of the turn */
	if (buf_len(&c->out) > 0 || c->failed || c->dead)
		return -1;
	fd = fcntl(c->fd, F_DUPFD_CLOEXEC, 0);
	if (fd < 0)
		return -1;
	if (!c->busy)
		buf_put(rest, buf_data(&c->in), buf_len(&c->in));
	else if (io_line(&c->in, &line, &n))	/* the line in hand is not consumed yet */
		buf_put(rest, line + n + 1, buf_len(&c->in) - n - 1);
	c->dead = true;
	if (!c->busy)
		channel_free(c);
	return fd;
}

void
channel_poke(struct channel *c)
{
	if (!c->dead)
		event_active(c->writable, EV_WRITE, 1);
}

bool
channel_is_gone(const struct channel *c)
{
	struct pollfd p = { .fd = c->fd };

	return poll(&p, 1, 0) == 1 && (p.revents & (POLLHUP | POLLERR)) != 0;
}

size_t
channel_backlog(const struct channel *c)
{
	return buf_len(&c->out);
}

void
channel_hold(struct channel *c, bool hold)
{
	if (c->held == hold)
		return;
	c->held = hold;
	if (hold)
		event_del(c->readable);
	else {
		event_add(c->readable, NULL);
		event_active(c->readable, EV_READ, 1);
	}
}
