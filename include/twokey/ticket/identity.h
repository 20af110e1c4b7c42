/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Under which stage a server's database was opened before: what was production once is never staging. */
#ifndef TWOKEY_TICKET_IDENTITY_H
#define TWOKEY_TICKET_IDENTITY_H

#include <jansson.h>
#include <stddef.h>

#include "twokey/ticket/words.h"

struct err;

/* What the store knows: {"<identity>":"<stage>", ...}; the caller drops it. No file: an empty object. NULL and
 * *e when it cannot be read: then nothing may be opened. */
json_t	*identity_read(const char *folder, struct err *e);
/* Keeps the stage of an identity. Production stays production whatever comes later. */
int	identity_note(const char *folder, const char *identity, enum ticket_stage stage, struct err *e);
/* The part of what a server says of itself that stays: without its timeline, which a failover changes;
 * its digest when it is longer than size, which is at least 80. */
void	identity_key(const char *identity, char *out, size_t size);
/* True when a database known under that stage may be opened under this one: production and its replica
 * are one kind, everything else is another. */
bool	identity_fits(enum ticket_stage known, enum ticket_stage now);

#endif
