/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A transcript file as a session at any event: read as far as it is needed, stepped both ways by snapshots. */
#ifndef TWOKEY_SRC_CONSOLE_TAPE_H
#define TWOKEY_SRC_CONSOLE_TAPE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct err;
struct model;
struct tape;

/* One event as the time bar sees it. */
struct tape_mark {
	int64_t ms;
	int64_t wall_us;
	char letter;	/* r read, W committed, D no, E error, N note, or a blank */
};

/* Opens a transcript and reads nothing yet; NULL and *e as transcript_reader_open. tape_close frees it, NULL
 * is fine. */
struct tape *tape_open(const char *path, struct err *e);
void	tape_close(struct tape *t);
/* Reads on up to event n (all: UINT64_MAX), at most for ms milliseconds (negative: without a limit). True when there is
 * nothing more to read. */
bool	tape_read(struct tape *t, uint64_t n, int64_t ms);
/* Events read so far, and whether these are all. */
uint64_t tape_events(const struct tape *t);
bool	tape_is_read(const struct tape *t);
/* Event n of those read so far, from 1. */
const struct tape_mark *tape_mark(const struct tape *t, uint64_t n);
/* The last event of those read so far at or before ms; 0 when all are later. */
uint64_t tape_at_ms(const struct tape *t, int64_t ms);
/* The session as it is known so far, to its end when tape_is_read. */
const struct model *tape_full(const struct tape *t);
/* The session after event n (0: nothing yet; more than there are: the end). Valid until the next tape_model. */
const struct model *tape_model(struct tape *t, uint64_t n);
/* The next event after from (before, when back) with the text in one of its bodies, ASCII case ignored; 0 none. */
uint64_t tape_find(struct tape *t, const char *text, uint64_t from, bool back);

#endif
