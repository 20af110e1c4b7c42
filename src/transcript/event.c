/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "twokey/transcript/event.h"

#include <string.h>

#include "twokey/base/must.h"

#define BY_SESSION TRANSCRIPT_BY_SESSION
#define BY_DB TRANSCRIPT_BY_DB
#define BY_TUNNEL TRANSCRIPT_BY_TUNNEL
#define BY_RECORDER TRANSCRIPT_BY_RECORDER
#define DB_TO_DB true
#define DB_STAYS false
#define ROOM_RESERVE true
#define ROOM_ORDINARY false

static const struct transcript_event_rule rules[] = {
#define EVENT(name, text, writer, sync, db, room, fields, bodies, help) \
	{ text, BY_##writer, TRANSCRIPT_SYNC_##sync, DB_##db, ROOM_##room, fields, bodies, help },
#include "twokey/transcript/event.def"
#undef EVENT
};

const struct transcript_event_rule *
transcript_event_rule(enum transcript_event_kind kind)
{
	must((unsigned)kind < TRANSCRIPT_EVENTS);
	return &rules[kind];
}

bool
transcript_event_parse(const char *name, size_t n, enum transcript_event_kind *kind)
{
	for (size_t i = 0; i < TRANSCRIPT_EVENTS; i++)
		if (n > 0 && rules[i].name[0] == name[0] && strncmp(rules[i].name, name, n) == 0 && rules[i].name[n] == '\0') {
			*kind = (enum transcript_event_kind)i;
			return true;
		}
	return false;
}
