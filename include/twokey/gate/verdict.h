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
	GATE_STRICT,	/* of the table's rows: asked or refused by what the accepted ticket says of the bytes */
	GATE_REFUSE,
	GATE_VERDICTS
};

/* What the accepted ticket's changes say of exactly these bytes. */
enum gate_named {
	GATE_NAMED_NOT,			/* nothing */
	GATE_NAMED_OTHER_OBJECT,	/* they stand there without their object, or with another one */
	GATE_NAMED_NO_BACKUP,
	GATE_NAMED_OLD_BACKUP,		/* older than the ticket takes, or not taken yet */
	GATE_NAMED_WELL,
	GATE_NAMEDS
};

struct gate_case {
	enum ticket_access access;
	enum ticket_stage stage;
	enum sql_class class;
	uint64_t dangers;	/* SQL_DANGER_BIT set */
	unsigned caps;		/* CAP_BIT set of the driver */
	enum gate_named named;
	bool is_long;		/* more than GATE_LINES_MAX lines as shown (twokey/gate/change.h) */
};

struct gate_answer {
	enum gate_verdict verdict;	/* never GATE_STRICT */
	const char *code;	/* for the event: "level", "class-not-yet", "strict", ... */
	bool strict;		/* it takes the strict path */
	char why[500];		/* one sentence: why, and what to do instead */
};

/* Never milder than the table row; dangers and missing capabilities only make it stricter. An argument
 * out of range is refused (law 2). */
void	gate_judge(const struct gate_case *c, struct gate_answer *out);
const char *gate_verdict_name(enum gate_verdict v);
/* Appends the whole table as text (tests/golden/gate/verdicts.txt). */
void	gate_table_print(struct buf *out);

#endif
