/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Requests asked and answered, over all sessions of this broker: the front keeps the counts in the store, and every
 * session has a copy. */
#ifndef TWOKEY_BROKER_PACE_H
#define TWOKEY_BROKER_PACE_H

#include <jansson.h>

#include "twokey/gate/pace.h"

struct config;
struct err;

/* requests_before_break and break_seconds as the gate wants them. */
struct gate_pace_rule pace_rule(const struct config *c);
/* All counts as they travel and lie in the store; the caller drops it. */
json_t	*pace_make(const struct gate_paces *v);
/* Replaces v; what is none of it is left out. */
void	pace_read(const json_t *list, struct gate_paces *v);
/* From and to the file in the store. No file, or one that cannot be read: no counts, which only shows too few. */
void	pace_load(const char *store, struct gate_paces *v);
int	pace_save(const char *store, const struct gate_paces *v, struct err *e);
/* One more: {"pace":"asked","by":"ben","at":1764000000000000}; the caller drops it. */
json_t	*pace_step_make(enum gate_pace_what what, const char *by, int64_t at_us);
/* Counts it; false when it is none. */
bool	pace_step(const json_t *o, const struct gate_pace_rule *rule, struct gate_paces *v);

#endif
