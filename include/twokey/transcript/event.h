/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Kinds of events and what the recorder does with each (event.def). */
#ifndef TWOKEY_TRANSCRIPT_EVENT_H
#define TWOKEY_TRANSCRIPT_EVENT_H

#include <stdbool.h>
#include <stddef.h>

enum transcript_event_kind {
#define EVENT(name, text, writer, sync, db, room, fields, bodies, help) TRANSCRIPT_EVENT_##name,
#include "twokey/transcript/event.def"
#undef EVENT
	TRANSCRIPT_EVENTS
};

enum transcript_writer_role { TRANSCRIPT_BY_SESSION, TRANSCRIPT_BY_DB, TRANSCRIPT_BY_TUNNEL,
	TRANSCRIPT_BY_RECORDER };
enum transcript_sync { TRANSCRIPT_SYNC_NOW, TRANSCRIPT_SYNC_SOON };

struct transcript_event_rule {
	const char *name;
	enum transcript_writer_role writer;
	enum transcript_sync sync;
	bool to_db;		/* passed on to the db role once recorded */
	bool reserve;		/* may use the room kept back for ending */
	const char *fields;	/* names of its fields, by blanks */
	const char *bodies;	/* kinds of its bodies, by blanks */
	const char *help;
};

/* The rule of a kind; never NULL for a valid kind. */
const struct transcript_event_rule *transcript_event_rule(enum transcript_event_kind kind);
/* The kind with that name; false when there is none. */
bool	transcript_event_parse(const char *name, size_t n, enum transcript_event_kind *kind);

#endif
