/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The part of the configuration that a role may know, as JSON from the monitor: people, limits, and of
 * targets only name, engine and stage. No address, user or password file. */
#ifndef TWOKEY_BROKER_SLICE_H
#define TWOKEY_BROKER_SLICE_H

#include <jansson.h>

struct config;

/* That part of c; the caller drops it. */
json_t	*slice_make(const struct config *c);
/* A configuration with just that; freed with config_free. NULL when v is not of that form. */
struct config *slice_read(const json_t *v);

#endif
