/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Words for an outcome that nobody knows: where a person finds it out. */
#ifndef TWOKEY_BROKER_OUTCOME_H
#define TWOKEY_BROKER_OUTCOME_H

#include <jansson.h>

struct buf;

/* Appends sentences with the query that tells, or what to compare by hand. engine as event begin names it; point: the event
 * "committing" (with what it has of of, xid, backend, system, timeline). */
void	outcome_how(const char *engine, const json_t *point, struct buf *out);

#endif
