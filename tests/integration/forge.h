/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A transcript as who holds the file can write it anew: salts and all lines before stay as they are, and the chain is made
 * whole again. */
#ifndef TESTS_INTEGRATION_FORGE_H
#define TESTS_INTEGRATION_FORGE_H

#include <jansson.h>
#include <stdbool.h>

/* Called for every body of an event ev (fields are the event's), then for the event itself (body NULL); true when it
 * changed something. */
typedef bool forge_fn(const char *ev, json_t *fields, json_t *body);

/* Writes the file again; fails the test unless one event was changed. */
void	forge_transcript(const char *from, const char *to, forge_fn *change);

#endif
