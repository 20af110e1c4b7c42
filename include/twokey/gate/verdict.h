/* SPDX-License-Identifier: GPL-3.0-or-later */
/* May it run, must somebody turn the second key, or is it refused: one table. Pure. */
#ifndef TWOKEY_GATE_VERDICT_H
#define TWOKEY_GATE_VERDICT_H

#include <stdbool.h>
#include <stdint.h>

#include "twokey/sql/class.h"
#include "twokey/ticket/words.h"

struct buf;

enum gate_verdict {
	GATE_RUN,	/* runs at once, inside the read wall */
	GATE_ASK,	/* waits for the second key */
	GATE_STRICT,	/* only when its digest stands in the accepted ticket (a later step): refused now */
	GATE_REFUSE,
	GATE_VERDICTS
};

struct gate_case {
	enum ticket_access access;
	enum ticket_stage stage;
	enum sql_class class;
	uint64_t dangers;	/* SQL_DANGER_BIT set */
	unsigned caps;		/* CAP_BIT set of the driver */
};

struct gate_answer {
	enum gate_verdict verdict;
	const char *code;	/* for the event: "level", "class-not-yet", "strict", ... */
	char why[300];		/* one sentence: why, and what to do instead */
};

/* Never milder than the table row; dangers and missing capabilities only make it stricter. An argument
 * out of range is refused (law 2). */
void	gate_judge(const struct gate_case *c, struct gate_answer *out);
const char *gate_verdict_name(enum gate_verdict v);
/* Appends the whole table as text, for "twokey policy" and the manual. */
void	gate_table_print(struct buf *out);

#endif
