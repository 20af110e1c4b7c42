/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The link to the broker (doc/protocol.txt): requests out, answers and transcript lines in. */
#ifndef TWOKEY_CONSOLE_LINK_H
#define TWOKEY_CONSOLE_LINK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <jansson.h>

struct buf;
struct err;
struct link;

enum { LINK_REQUEST_MAX = 1 << 20, LINK_WAIT_MS = 15000 };

/* What the broker answered to hello. */
struct link_hello {
	char person[64];
	char side[16];
	char broker[16];	/* "private", "system" */
	bool unverified;
	int away_seconds;	/* 0: not said */
};

/* The path of the broker's socket: socket when given ("unix:" in front is fine), else TWOKEY_BROKER, else the user's
 * own broker when it is there, else the system's. ERR_UNSUPPORTED for a broker that is not a path. */
int	link_path(const char *socket, struct buf *out, struct err *e);

/* Connects and says hello; as: the person, for a demo broker (NULL: the login). NULL and *e: ERR_UNREACHABLE or the
 * broker's own refusal. */
struct link *link_open(const char *path, const char *as, bool json, struct err *e);
/* A link over a connected socket, which it owns; no hello is said. */
struct link *link_adopt(int fd);
void	link_close(struct link *l);
const struct link_hello *link_hello(const struct link *l);
int	link_fd(const struct link *l);

/* Sends {"do": what, ...} with an id of its own; fields is taken over (NULL: none). Returns the id, 0 when the link is
 * lost or the line is over LINK_REQUEST_MAX. Never blocks. */
int64_t	link_send(struct link *l, const char *what, json_t *fields);
/* Sends a line as it is (without its LF), for --json. */
bool	link_send_line(struct link *l, const char *line, size_t n);
/* Sends and waits for its answer (deadline LINK_WAIT_MS), which the caller owns; transcript lines that come before it
 * are kept for link_next. NULL and *e when it is refused (the broker's code and sentence) or the link is lost. */
json_t	*link_ask(struct link *l, const char *what, json_t *fields, struct err *e);

/* Poll events to wait for (POLLIN, and POLLOUT while something is unsent). */
short	link_events(const struct link *l);
/* Reads and writes what can be; false once the link is lost (lines that came before are still there). */
bool	link_pump(struct link *l);

enum link_line { LINK_NOTHING, LINK_ANSWER, LINK_TRANSCRIPT };
/* The next line without its LF, valid until the next call. */
enum link_line link_next(struct link *l, const char **line, size_t *n);
/* Why the link was lost: the broker's "bye" or the system's word; "" while it is up. */
const char *link_why(const struct link *l);
bool	link_is_lost(const struct link *l);

#endif
