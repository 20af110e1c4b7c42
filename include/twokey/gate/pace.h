/* SPDX-License-Identifier: GPL-3.0-or-later */
/* How many requests a person has asked and answered today, and how many answered without a break: attention falls with
 * each. Pure: the wall clock is passed in, for the counts outlive a session. */
#ifndef TWOKEY_GATE_PACE_H
#define TWOKEY_GATE_PACE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "twokey/gate/request.h"

/* requests_before_break and break_seconds of the configuration. */
struct gate_pace_rule {
	unsigned most;		/* answers without a break between them */
	int64_t break_s;	/* a break: so long without an answer */
};

struct gate_pace {
	char by[GATE_NAME_MAX];
	int64_t day;		/* since 1970, UTC: the one that asked and answered count */
	unsigned asked, answered;
	unsigned run;		/* answers without a break; what the ticket names does not count */
	int64_t last_us;	/* when the last of them was given */
};

enum { GATE_PACES_MAX = 128 };
struct gate_paces {
	struct gate_pace v[GATE_PACES_MAX];
	size_t n;
};

/* What a person did. */
enum gate_pace_what { GATE_PACE_ASKED, GATE_PACE_ANSWERED, GATE_PACE_ANSWERED_PLAN /* the ticket names it */ };
const char *gate_pace_what_name(enum gate_pace_what what);
bool	gate_pace_what_parse(const char *name, enum gate_pace_what *out);

/* The counts of a person inside v, made when there are none yet; NULL when the list is full or the name too long. */
struct gate_pace *gate_pace_of(struct gate_paces *v, const char *by);
/* Brings the counts to now: another day begins at 0, a break ends the run. A last answer that lies in the future (the
 * clock was set back) counts as given now. */
void	gate_pace_look(struct gate_pace *p, const struct gate_pace_rule *rule, int64_t now_us);
void	gate_pace_count(struct gate_pace *p, const struct gate_pace_rule *rule, enum gate_pace_what what, int64_t now_us);
/* True when he may not answer one more, with waiting others before it; then *until_us is when he may again. */
bool	gate_pace_tired(struct gate_pace *p, const struct gate_pace_rule *rule, unsigned waiting, int64_t now_us,
	    int64_t *until_us);

#endif
