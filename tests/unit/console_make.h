/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Transcripts for the tests of the console, written by the real writer. */
#ifndef TWOKEY_TESTS_UNIT_CONSOLE_MAKE_H
#define TWOKEY_TESTS_UNIT_CONSOLE_MAKE_H

#include <stddef.h>
#include <stdint.h>

#include "twokey/base/buf.h"
#include "twokey/transcript/event.h"

struct transcript_writer;
struct model;

/* Clock of the next event; a test may move it. */
struct make_clock {
	int64_t wall_us, mono_ms;
};

struct make {
	char folder[64];
	char path[96];
	struct transcript_writer *w;
	struct make_clock at;
};

/* A new transcript in a folder of its own; time begins at 2026-06-08T13:50:00Z. */
void	make_begin(struct make *k);
/* Lets seconds pass. */
void	make_pass(struct make *k, double seconds);
/* Appends an event: fields and bodies as JSON with ' for ", bodies up to a NULL. Fails the test when it is not taken. */
void	make_event(struct make *k, enum transcript_event_kind kind, const char *fields, ...)
	    __attribute__((sentinel));
/* A body with a text that is not JSON yet: {"k":k,"text":...}; valid until the next but three. */
const char *make_text(const char *k, const char *text);
void	make_seal(struct make *k);
/* Closes the writer and removes the folder. */
void	make_end(struct make *k);

/* begin, connected, joined twice. */
void	make_opening(struct make *k);
/* The session that the golden files show: reads, an error, a committed, a denied and a refused write, words. */
void	make_shop(struct make *k);
/* A session through a hop whose passphrase is asked: names, a definition, a read too costly to run, asked for and allowed. */
void	make_way(struct make *k);
/* A set of two changes that is held and kept, a set that is dropped, a change that is held and taken back: MAKE_HELD_EVENTS. */
enum { MAKE_HELD_EVENTS = 33, MAKE_HELD_SET = 9, MAKE_HELD_DENIED = 23 };
void	make_held(struct make *k);
/* Feeds the first n events (and their bodies) of a file into a model. */
void	make_feed(const char *path, struct model *m, uint64_t n);
/* Compares with tests/golden/console/name; with TWOKEY_GOLDEN=write it is written instead. */
void	make_golden(const char *name, const char *text, size_t n);

#endif
