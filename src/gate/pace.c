/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "twokey/gate/pace.h"

#include <stdio.h>
#include <string.h>

#define SECOND_US INT64_C(1000000)
#define DAY_US (INT64_C(86400) * SECOND_US)

static const char *const names[] = {
	[GATE_PACE_ASKED] = "asked", [GATE_PACE_ANSWERED] = "answered", [GATE_PACE_ANSWERED_PLAN] = "answered-plan"
};

const char *
gate_pace_what_name(enum gate_pace_what what)
{
	return names[what];
}

bool
gate_pace_what_parse(const char *name, enum gate_pace_what *out)
{
	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
		if (strcmp(names[i], name) == 0) {
			*out = (enum gate_pace_what)i;
			return true;
		}
	}
	return false;
}

struct gate_pace *
gate_pace_of(struct gate_paces *v, const char *by)
{
	for (size_t i = 0; i < v->n; i++)
		if (strcmp(v->v[i].by, by) == 0)
			return &v->v[i];
	if (v->n == GATE_PACES_MAX || by[0] == '\0' || strlen(by) >= GATE_NAME_MAX)
		return NULL;
	v->v[v->n] = (struct gate_pace){ .day = 0 };
	snprintf(v->v[v->n].by, GATE_NAME_MAX, "%s", by);
	return &v->v[v->n++];
}

void
gate_pace_look(struct gate_pace *p, const struct gate_pace_rule *rule, int64_t now_us)
{
	int64_t day = now_us / DAY_US;

	if (p->day != day) {
		p->day = day;
		p->asked = p->answered = 0;
	}
	if (p->last_us > now_us)
		p->last_us = now_us;
	if (p->run > 0 && now_us - p->last_us >= rule->break_s * SECOND_US)
		p->run = 0;
}

void
gate_pace_count(struct gate_pace *p, const struct gate_pace_rule *rule, enum gate_pace_what what, int64_t now_us)
{
	gate_pace_look(p, rule, now_us);
	if (what == GATE_PACE_ASKED) {
		p->asked++;
		return;
	}
	p->answered++;
	if (what == GATE_PACE_ANSWERED) {
		p->run++;
		p->last_us = now_us;
	}
}

bool
gate_pace_tired(struct gate_pace *p, const struct gate_pace_rule *rule, unsigned waiting, int64_t now_us, int64_t *until_us)
{
	gate_pace_look(p, rule, now_us);
	*until_us = (p->run > 0 ? p->last_us : now_us) + rule->break_s * SECOND_US;
	return p->run >= rule->most || waiting >= rule->most - p->run;
}
