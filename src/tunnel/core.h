/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The inside of a tunnel: its hops, its forwards and the one loop that turns them.
 *
 * Rules that libssh 0.10 asks for (each was measured):
 * - Any call into a session may read its socket and run callbacks of other channels. So callbacks write to a
 *   descriptor or set a flag, and nothing else; whoever frees or opens does it in the loop.
 * - Connecting sets the socket blocking again: O_NONBLOCK is set after every step of it.
 * - ssh_channel_write takes nothing during a rekey although the window is open: what was not taken is kept.
 * - What a callback leaves in libssh is offered again only with the next packet: it is pulled when there is room.
 * - One dopoll receives 4096 bytes: it is repeated while the socket has more. It restarts by itself after a signal,
 *   so it is never given time to wait: the waiting is done by our own poll.
 * - The receive window is 1.3 MB and fixed, which is slow on a long way: it is made larger by asking to read 8 MB. */
#ifndef TWOKEY_TUNNEL_CORE_H
#define TWOKEY_TUNNEL_CORE_H

#include <libssh/callbacks.h>
#include <libssh/libssh.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "twokey/base/buf.h"
#include "twokey/tunnel/tunnel.h"

enum { CHUNK = 64 * 1024, WINDOW_LARGE = 8 * 1024 * 1024 };

struct hop {
	struct tunnel *tunnel;
	size_t index;
	const struct tunnel_hop *plan;
	ssh_session ssh;
	ssh_event event;		/* of this session alone */
	int fd;				/* the session's, -1: none */
	dev_t device;			/* what fd is, see hop_close */
	ino_t inode;
	bool open;			/* authenticated */
	struct ssh_counter_struct wire;
	uint64_t moved_in;		/* wire.in_bytes when the forwards were last moved: what came later may concern them */
	uint64_t seen_in;		/* wire.in_bytes when silence was last judged */
	int64_t heard_ms;		/* when it grew */
	int64_t asked_us;		/* when a keepalive was sent and nothing was heard since; 0: not waiting */
	struct tunnel_state said;	/* what is known for the watch */
};

/* A connection: a descriptor on one side, a channel of a hop on the other. Its far end is the plan's endpoint,
 * or the next hop. */
struct forward {
	struct forward *next;
	struct hop *hop;
	ssh_channel channel;
	struct ssh_channel_callbacks_struct callbacks;
	bool to_hop;			/* carries the session of the next hop */
	bool opening;
	bool dead;			/* to be freed by the loop */
	int fd;				/* -1 when it was closed already */
	short revents;
	char *up;			/* read from fd, not taken by libssh yet */
	size_t up_off, up_len;
	bool fd_eof, eof_sent;
	struct buf down;		/* pulled from libssh, not written yet */
	bool held;			/* libssh has bytes for us that did not fit */
	bool channel_eof, channel_closed;
	bool fd_shut;			/* EOF was passed on to fd */
	bool large;			/* its window was made large */
	uint64_t since_window;		/* bytes received since that was last asked for */
};

struct tunnel {
	struct tunnel_plan plan;
	struct hop hop[TUNNEL_HOPS_MAX];
	size_t nhops;			/* that have a session */
	struct forward *forwards;
	unsigned nforwards;
	unsigned nlarge;
	bool accepting;
	bool stopped;
	enum tunnel_fault fault;	/* why it ends */
	size_t fault_hop;
	struct err err;
	int proc_tcp[2];		/* /proc/self/net/tcp, tcp6 */
	int64_t tick_ms;		/* when the next keepalive is due */
	char *scratch;			/* WINDOW_LARGE bytes of address space for asking; hardly ever touched */
	struct buf polls;		/* struct pollfd, rebuilt each turn */
};

/* tell.c: what the watch and the error say. */
void	tell(struct hop *h, enum tunnel_phase phase);
/* Notes why the tunnel ends (the first reason stays) and says it; returns the code. The sentence begins with
 * the hop's name. hop may be NULL: the endpoint. */
int	tell_fault(struct tunnel *t, struct hop *h, enum tunnel_fault fault, const char *fmt, ...)
	    __attribute__((format(printf, 4, 5)));
/* The endpoint came to a phase. */
void	tell_endpoint(struct tunnel *t, enum tunnel_phase phase, double ms);
/* One connection was refused, the tunnel goes on. */
int	tell_refused(struct tunnel *t, enum tunnel_fault fault, const char *fmt, ...)
	    __attribute__((format(printf, 3, 4)));
/* Text of a server or of libssh without control characters, cut; for sentences. */
void	tell_safe(const char *s, char *out, size_t n);
int	fault_code(enum tunnel_fault f);

/* dial.c: a TCP connection to the first hop, non-blocking, told when it stands. -1 with the fault noted. */
int	dial(struct hop *h, int64_t deadline);

/* hop.c: opens a hop over a descriptor that it takes over: keys exchanged, host key checked, authenticated. */
int	hop_open(struct hop *h, int fd, int64_t deadline);
void	hop_close(struct hop *h);
/* hostkey.c: judges the key that the server showed. */
int	hostkey_check(struct hop *h);
/* Tells libssh which key types can be checked. */
int	hostkey_want(struct hop *h);
/* auth.c: by key or agent until deadline (monotonic ms); 0, or the fault is told: KEY_REFUSED, KEY_UNREADABLE, AGENT */
int	auth(struct hop *h, int64_t deadline);

/* forward.c */
/* Takes over fd. */
struct forward *forward_create(struct hop *h, int fd, bool to_hop);
/* What is to be polled for it. clogged: its hop has bytes that the socket does not take, so read no more. */
short	forward_events(const struct forward *f, bool clogged);
/* Moves what can be moved now; sets dead at the end. */
void	forward_move(struct forward *f);
/* Frees it. Not while its channel is being opened, unless the session ends: libssh takes the answer to a channel
 * that it does not know any more as the end of the session. */
void	forward_destroy(struct forward *f);
/* Asks a hop for a channel to the next hop or to the endpoint: SSH_OK, SSH_AGAIN or SSH_ERROR. */
int	forward_ask(struct hop *h, ssh_channel channel, bool to_hop);
/* Tells that the endpoint was refused, in the server's words; returns the code. */
int	forward_refused(struct hop *h);

/* loop.c */
/* One turn of at most ms milliseconds. 0, or the code when the tunnel ends (t->fault says why). */
int	loop_turn(struct tunnel *t, int ms);
/* Waits for one descriptor while nothing else is open; 0 also when time is up, a code when asked to stop. */
int	loop_wait(struct tunnel *t, int fd, short events, int64_t deadline);
/* Milliseconds until a deadline, at most a second, at least 0. */
int	loop_left(int64_t deadline);
/* Notes that an open hop is gone; returns the code. */
int	loop_lost(struct hop *h);
/* Microseconds of CLOCK_MONOTONIC. */
int64_t	loop_us(void);

/* peer.c: opens what peer_check reads. */
void	peer_open(struct tunnel *t);
/* True when the connected socket belongs to whom the plan names; *uid (-1: not known) otherwise. */
bool	peer_check(const struct tunnel *t, int fd, long *uid);

/* serve.c: takes a connection from a listener. */
void	serve_accept(struct tunnel *t, int listener);

/* open.c: the walk that tunnel_open and tunnel_check share. */
int	walk(struct tunnel *t);
struct tunnel *tunnel_make(const struct tunnel_plan *p, struct err *e);

#endif
