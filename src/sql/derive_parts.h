/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The parts of an UPDATE or DELETE that a SELECT is made of. */
#ifndef TWOKEY_SQL_DERIVE_PARTS_H
#define TWOKEY_SQL_DERIVE_PARTS_H

#include "sql/ctx.h"

struct buf;
struct err;
struct sql_derive_want;

enum { DERIVE_SETS = SQL_COLUMNS_MAX, DERIVE_ITEMS = CTX_TARGETS };

/* A token that is not there has len 0. */
struct set_item {
	struct sql_token schema, table;	/* MariaDB, MySQL: d.t.column */
	struct sql_token column;
	struct sql_span name;		/* of the column, with what stands before it */
	struct sql_span value;
};

/* MariaDB, MySQL: one of the tables between which JOIN or a comma stands. */
struct list_item {
	struct sql_token schema, table;	/* table: no len for a query or function */
	struct sql_token alias;
	struct sql_span call;		/* what it is called in the statement */
};

/* A part that is not there has len 0. */
struct parts {
	bool is_update;
	bool only;
	bool joined;			/* table is a list of which call is written */
	bool outer;			/* and in which rows may be made up */
	struct sql_span with;		/* WITH ... up to the verb */
	struct sql_token ctes[CTX_CTES];
	unsigned nctes;
	struct sql_span table;		/* with its alias */
	struct sql_span call;		/* what the table is called in the statement: its alias or name */
	struct sql_token written;	/* joined: the name of the table */
	struct sql_span list;		/* the tables of FROM or USING */
	struct list_item items[DERIVE_ITEMS];
	size_t nitems;
	struct set_item sets[DERIVE_SETS];
	size_t nsets;
	const char *no_sample;		/* why new values cannot be told */
	struct sql_span where;
	struct sql_span order;
	struct sql_span limit;		/* the number */
};

/* ERR_UNSUPPORTED, with why in a sentence. */
int	derive_refuse(struct err *e, const char *why);
/* Reads the one statement of the text; the cursor is at its first token. ERR_UNSUPPORTED when it has a
 * part that no SELECT repeats faithfully. */
int	derive_take(struct ctx *c, struct parts *p, struct err *e);
/* Of derive_take. A word stands here that ends an expression. */
bool	derive_ends_clause(const struct ctx *c);
/* Over "( ... )"; false when none stands here. */
bool	derive_skip_parens(struct ctx *c);
/* Do both tokens name the same, whatever the case of the letters? */
bool	derive_is_same(const struct ctx *c, const struct sql_token *a, const struct sql_token *b);
/* A table that is written is never one of WITH, but in a SELECT it would be. */
bool	derive_is_hidden(const struct ctx *c, const struct parts *p, const struct sql_token *table);
/* The alias of the one table whose name was read. */
int	derive_take_alias(struct ctx *c, struct parts *p, const struct name *nm, struct err *e);
int	derive_take_sets(struct ctx *c, struct parts *p, struct err *e);
/* MariaDB, MySQL: what stands between the verb and WHERE. */
int	derive_take_join(struct ctx *c, struct parts *p, struct err *e);
/* derive.c. The name of a column, quoted, with after behind it in the quotes. */
void	derive_put_column(struct buf *out, const struct ctx *c, const struct sql_token *column, const char *after);
/* The type as which a value of the column is told, NULL: as it is computed. */
const char *derive_stored(const struct ctx *c, const struct sql_token *column, const struct sql_derive_want *want);
/* derive_added.c. Appends what is wanted of the INSERT (REPLACE: SOURCE only) at the cursor. ERR_UNSUPPORTED, with why. */
int	derive_added(struct ctx *c, const struct sql_derive_want *want, struct buf *out, struct err *e);
/* derive_judge.c. Why the new values cannot be told, or NULL. */
const char *derive_no_sample(const struct ctx *c, const struct parts *p, const struct sql_derive_want *want);
/* Its ORDER BY holds every key: LIMIT takes the same rows each time. */
bool	derive_order_is_total(const struct ctx *c, const struct parts *p, const struct sql_derive_want *want);
/* The facts say the same of which table is written. */
bool	derive_agrees(const struct ctx *c, const struct parts *p, const struct sql_facts *f);
/* Classifies what was made into f; ERR_UNSUPPORTED unless it is a plain read that answers the same
 * on another connection. */
int	derive_judge(struct sql_facts *f, const struct sql_settings *set, const struct buf *made, struct err *e);

#endif
