/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A non-blocking Unix stream socket in a libevent loop: lines in, bytes and descriptors out. */
#ifndef TWOKEY_BROKER_CHANNEL_H
#define TWOKEY_BROKER_CHANNEL_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

struct buf;
struct channel;
struct event_base;

struct channel_ops {
	/* One line without LF, valid during the call. False: the peer is not to be trusted, close. The handler may
	 * call channel_close on this channel (then it must return true). */
	bool (*line)(void *ctx, struct channel *c, const char *line, size_t n);
	/* The peer is gone or was closed for cause; the channel is freed right after. */
	void (*closed)(void *ctx, struct channel *c);
	/* Everything was sent; may be NULL. */
	void (*drained)(void *ctx, struct channel *c);
};

/* Takes fd. A line longer than max_line, or more than max_out bytes waiting, closes the channel. */
struct channel *channel_open(struct event_base *base, int fd, size_t max_line, size_t max_out,
	    const struct channel_ops *ops, void *ctx);
/* Frees without calling closed; what waits to be sent is tried once. NULL is fine. */
void	channel_close(struct channel *c);

/* Queues n bytes, sent when the peer takes them; nothing once the channel is closing. */
void	channel_send(struct channel *c, const void *p, size_t n);
/* Sends an object, which is taken, as a line; with a descriptor, which is taken too, when fd >= 0. */
void	channel_send_json(struct channel *c, json_t *o, int fd);
/* Sends n bytes (n > 0) with a descriptor, which is taken. */
void	channel_send_fd(struct channel *c, const void *p, size_t n, int fd);
/* The next descriptor that came with the lines so far, -1 when none; the caller owns it. */
int	channel_take_fd(struct channel *c);
/* Puts bytes before what will be received (they were received elsewhere). */
void	channel_preload(struct channel *c, const void *p, size_t n);
/* Gives the descriptor up and frees the channel: unread bytes (without the line that is just being
 * handled) are appended to rest. -1, and nothing changed, while bytes wait to be sent. */
int	channel_detach(struct channel *c, struct buf *rest);
/* Bytes that wait to be sent. */
size_t	channel_backlog(const struct channel *c);
/* Has drained called in a later turn of the loop. */
void	channel_poke(struct channel *c);
/* True when the peer has closed its end; what it sent before may not have been read yet. */
bool	channel_is_gone(const struct channel *c);
/* Stops and starts reading (back pressure). */
void	channel_hold(struct channel *c, bool hold);

#endif
