/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The parts of an UPDATE or DELETE that a SELECT is made of. */
#ifndef TWOKEY_SQL_DERIVE_PARTS_H
#define TWOKEY_SQL_DERIVE_PARTS_H

#include "sql/ctx.h"

struct err;

enum { DERIVE_SETS = SQL_COLUMNS_MAX };

struct set_item {
	struct sql_token column;
	struct sql_span value;
};

/* A part that is not there has len 0. */
struct parts {
	bool is_update;
	bool only;
	struct sql_span with;		/* WITH ... up to the verb */
	struct sql_token ctes[CTX_CTES];
	unsigned nctes;
	struct sql_span table;		/* with its alias */
	struct sql_span call;		/* what the table is called in the statement: its alias or name */
	struct sql_span list;		/* the tables of FROM or USING */
	struct set_item sets[DERIVE_SETS];
	size_t nsets;
	const char *no_sample;		/* why new values cannot be told */
	struct sql_span where;
	struct sql_span limit;		/* the number */
};

/* ERR_UNSUPPORTED, with why in a sentence. */
int	derive_refuse(struct err *e, const char *why);
/* Reads the one statement of the text; the cursor is at its first token. ERR_UNSUPPORTED when it has a
 * part that no SELECT repeats faithfully. */
int	derive_take(struct ctx *c, struct parts *p, struct err *e);

#endif
