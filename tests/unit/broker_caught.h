/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A real session without its recorder and consoles: what it would hand to them is caught. */
#ifndef TESTS_BROKER_CAUGHT_H
#define TESTS_BROKER_CAUGHT_H

#include "broker/session.h"

/* Where a request can be. over: it had any of its ends; ripe: opened, its last line shown, and long enough ago. */
enum place { NONE, ASKED, SHOWN, OPENED, RIPE, RUNNING, HELD, HELD_RIPE, KEEPING, UNDOING, OVER, PLACES };
/* Level, stage, and whether it may change anything (doc/config.txt). */
struct level {
	const char *access, *stage;
	bool reads, changes;
};

struct world {
	struct session s;
	struct console *seat[TICKET_SEATS];
	char events[200];	/* recorded since the message */
	int answers, refusals;
	uint64_t n;
};
extern struct world *world;

/* A session of ben, anna (confirmer) and kim (watcher), ready. */
void	begin(const struct level *l);
void	over(void);
/* A message of that seat. */
void	says(enum ticket_seat seat, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* The recorder takes all that it was given. */
void	recorded(void);
/* Brings a request there by the way that leads there; its number. end: of OVER, how it came there. */
uint64_t bring(enum place to, enum transcript_event_kind end);

#endif
