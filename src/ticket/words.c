/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "twokey/ticket/words.h"

#include <stdio.h>
#include <string.h>

#include "ticket/wordlist.h"
#include "twokey/base/excess.h"
#include "twokey/ticket/config.h"
#include "twokey/ticket/ticket.h"

static const char *const access_names[TICKET_ACCESSES] = {
	[TICKET_ACCESS_NONE] = "none", [TICKET_ACCESS_COPY] = "copy", [TICKET_ACCESS_STAGING] = "staging",
	[TICKET_ACCESS_READ] = "read", [TICKET_ACCESS_WRITE] = "write",
};
static const char *const stage_names[TICKET_STAGES] = {
	[TICKET_STAGE_PRODUCTION] = "production", [TICKET_STAGE_STAGING] = "staging",
	[TICKET_STAGE_DEVELOPMENT] = "development", [TICKET_STAGE_REPLICA] = "replica",
	[TICKET_STAGE_EXPORT] = "export",
};
static const char *const seat_names[TICKET_SEATS] = {
	[TICKET_SEAT_DRIVER] = "driver", [TICKET_SEAT_CONFIRMER] = "confirmer",
	[TICKET_SEAT_WATCHER] = "watcher",
};
static const char *const side_names[TICKET_SIDES] = {
	[TICKET_SIDE_FIRM] = "firm", [TICKET_SIDE_CUSTOMER] = "customer",
};
static const char *const second_names[] = {
	[TICKET_SECOND_ANY] = "any", [TICKET_SECOND_OTHER_SIDE] = "other-side",
	[TICKET_SECOND_CUSTOMER] = "customer", [TICKET_SECOND_FIRM] = "firm",
};
static const char *const tls_names[] = {
	[CONFIG_TLS_OFF] = "off", [CONFIG_TLS_REQUIRE] = "require", [CONFIG_TLS_VERIFY_FULL] = "verify-full",
};
static const char *const answer_names[] = { "screen", "json" };
/* the floor sql has engines of its own; a ticket and a target name them by these words */
static const char *const engine_names[] = { "postgres", "mariadb", "mysql", "sqlite" };
static const char *const replica_names[] = {
	[TICKET_REPLICA_ANY] = "any", [TICKET_REPLICA_REQUIRED] = "required",
	[TICKET_REPLICA_PREFERRED] = "preferred", [TICKET_REPLICA_NO] = "no",
};
static const char *const signed_names[] = {
	[TICKET_SIGNED_NO] = "no", [TICKET_SIGNED_YES] = "yes", [TICKET_SIGNED_HARDWARE] = "hardware",
};
static const char *const no_yes[] = { "no", "yes" };
static const char *const needed_always[] = { "needed", "always" };
static const char *const presence_names[TICKET_PRESENCES] = {
	[TICKET_PRESENCE_NO] = "no", [TICKET_PRESENCE_WRITES] = "writes", [TICKET_PRESENCE_ANY] = "any",
};
static const char *const leave_names[] = { [TICKET_LEAVE_PAUSE] = "pause", [TICKET_LEAVE_END] = "end" };
static const char *const quorum_names[] = { [TICKET_QUORUM_ONE] = "1", [TICKET_QUORUM_BOTH_SIDES] = "both_sides" };
static const char *const from_names[] = { [TICKET_FROM_ANYWHERE] = "anywhere", [TICKET_FROM_OTHER_HOST] = "other_host" };
static const char *const excess_names[EXCESSES] = {
#define EXCESS(name, text, help) text,
#include "twokey/base/excess.def"
#undef EXCESS
};

#define LIST(names) { names, sizeof names / sizeof names[0] }
static const struct word_list lists[WORDS_KINDS] = {
	[WORDS_NONE] = { NULL, 0 },
	[WORDS_ACCESS] = LIST(access_names),
	[WORDS_STAGE] = LIST(stage_names),
	[WORDS_SEAT] = LIST(seat_names),
	[WORDS_SIDE] = LIST(side_names),
	[WORDS_SECOND] = LIST(second_names),
	[WORDS_TLS] = LIST(tls_names),
	[WORDS_ANSWER] = LIST(answer_names),
	[WORDS_ENGINE] = LIST(engine_names),
	[WORDS_REPLICA] = LIST(replica_names),
	[WORDS_EXCESS] = LIST(excess_names),
	[WORDS_SIGNED] = LIST(signed_names),
	[WORDS_NO_YES] = LIST(no_yes),
	[WORDS_HOLD] = LIST(needed_always),
	[WORDS_PRESENCE] = LIST(presence_names),
	[WORDS_LEAVE] = LIST(leave_names),
	[WORDS_QUORUM] = LIST(quorum_names),
	[WORDS_FROM] = LIST(from_names),
};

struct word_list
word_list(enum word_kind k)
{
	return lists[k];
}

void
word_list_print(enum word_kind k, char *out, size_t size)
{
	const struct word_list *l = &lists[k];
	size_t len = 0;

	out[0] = '\0';
	for (size_t i = 0; i < l->n && len < size; i++)
		len += (size_t)snprintf(out + len, size - len, "%s%s",
		    i == 0 ? "" : i + 1 == l->n ? " or " : ", ", l->names[i]);
}

bool
word_find(enum word_kind k, const char *name, size_t *i)
{
	const struct word_list *l = &lists[k];

	for (size_t at = 0; name != NULL && at < l->n; at++) {
		if (strcmp(l->names[at], name) == 0) {
			*i = at;
			return true;
		}
	}
	return false;
}

static const char *
name_of(enum word_kind k, unsigned value)
{
	return value < lists[k].n ? lists[k].names[value] : "?";
}

#define NAME(what, words) \
	const char *ticket_##what##_name(enum ticket_##what value) \
	{ \
		return name_of(words, (unsigned)value); \
	}
NAME(access, WORDS_ACCESS)
NAME(stage, WORDS_STAGE)
NAME(seat, WORDS_SEAT)
NAME(replica, WORDS_REPLICA)
NAME(signed, WORDS_SIGNED)
NAME(presence, WORDS_PRESENCE)
NAME(quorum, WORDS_QUORUM)
NAME(second, WORDS_SECOND)
NAME(from, WORDS_FROM)
NAME(side, WORDS_SIDE)
#undef NAME

#define PARSE(what, words) \
	bool ticket_##what##_parse(const char *name, enum ticket_##what *value) \
	{ \
		size_t i; \
\
		if (!word_find(words, name, &i)) \
			return false; \
		*value = (enum ticket_##what)i; \
		return true; \
	}
PARSE(signed, WORDS_SIGNED)
PARSE(quorum, WORDS_QUORUM)
PARSE(access, WORDS_ACCESS)
PARSE(stage, WORDS_STAGE)
PARSE(seat, WORDS_SEAT)
PARSE(side, WORDS_SIDE)
#undef PARSE
