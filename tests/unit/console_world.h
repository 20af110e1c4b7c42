/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A live screen without a terminal, and a broker that says what the test tells it to. */
#ifndef TWOKEY_TESTS_UNIT_CONSOLE_WORLD_H
#define TWOKEY_TESTS_UNIT_CONSOLE_WORLD_H

#include <jansson.h>

#include "console/live.h"
#include "twokey/transcript/event.h"

struct transcript_writer;

struct world {
	struct live lv;
	struct screen *screen;
	int broker;			/* the broker's end of the link, -1 once closed */
	struct transcript_writer *writer;
	int reader;
	bool verified;
	bool signs;			/* anna has a key at the broker */
	bool asks;			/* the ticket has answer_from: other_host and hold: always */
	off_t sent;			/* bytes of the transcript that were sent */
	char dir[64], path[80];
	int64_t wall_us, mono_ms;
	struct buf in;			/* what the console has sent */
	struct buf text;		/* the last world_screen */
};

/* A session of MFX-1234 on the target shop with ben driving and anna confirming has begun, is connected (SQLite), and both
 * have joined. */
struct world *world_begin(enum seat_kind kind, int rows, int cols);
/* The same with a private broker whose people are verified. */
struct world *world_begin_private(enum seat_kind kind, int rows, int cols);
/* The same with a key of anna at the broker. */
struct world *world_begin_signs(enum seat_kind kind, int rows, int cols);
/* The same with a ticket that has answer_from: other_host and hold: always. */
struct world *world_begin_asks(enum seat_kind kind, int rows, int cols);
/* Checks what is left (no request unread but "here") and frees. */
void	world_end(struct world *w);
/* An event with its fields (taken over, may be NULL) and one body of that kind with a text (or NULL); sent to the console,
 * which draws. Returns its number. */
uint64_t world_event(struct world *w, enum transcript_event_kind kind, json_t *fields, const char *body,
	    const char *text);
/* The same with bodies as JSON objects beginning with "k", by NULL. */
uint64_t world_event_bodies(struct world *w, enum transcript_event_kind kind, json_t *fields, ...);
/* A write of ben that waits: request and sheet for that statement on orders, = 3 rows; returns its number. */
uint64_t world_request(struct world *w, const char *sql);
/* Typed bytes, then what follows from them. */
void	world_keys(struct world *w, const char *bytes);
/* Time passes on both clocks. */
void	world_pass(struct world *w, int64_t ms);
/* One round of everything that is there. */
void	world_round(struct world *w);
/* The next request of the console but "here"; must be {"do": what}. The caller owns it. */
json_t	*world_expect(struct world *w, const char *what);
/* The same, with one string member checked. */
void	world_expect_str(struct world *w, const char *what, const char *key, const char *value);
/* Nothing but "here" was sent. */
void	world_expect_nothing(struct world *w);
/* A new link as after a loss: the broker's end is w->broker again; the transcript is sent from its start. */
void	world_relink(struct world *w);
/* An answer line of the broker. */
void	world_answer(struct world *w, const char *line);
/* The screen as text; valid until the next call. */
const char *world_screen(struct world *w);
/* Fails with the screen when it does not hold the text, or does. */
void	world_sees(struct world *w, const char *text);
void	world_sees_not(struct world *w, const char *text);
/* Compares the screen with tests/golden/console/NAME; with TWOKEY_GOLDEN=write it is written instead. */
void	world_golden(struct world *w, const char *name);

#endif
