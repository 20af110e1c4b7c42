/* SPDX-License-Identifier: GPL-3.0-or-later */
/* SELECTs derived from an UPDATE or DELETE: what it would touch, before it runs. */
#ifndef TWOKEY_SQL_DERIVE_H
#define TWOKEY_SQL_DERIVE_H

#include <stddef.h>

#include "twokey/sql/facts.h"

struct buf;
struct err;

enum sql_derived {
	SQL_DERIVE_COUNT,	/* SELECT count(*) FROM t WHERE ...; of t WHERE EXISTS (SELECT 1 FROM others WHERE ...)
				 * when t is joined with others: a row that is touched counts once */
	SQL_DERIVE_KEYS,	/* SELECT key columns FROM t WHERE ... ORDER BY key columns */
	SQL_DERIVE_SAMPLE	/* key columns, then of an UPDATE "c" and the new value of each column set
				 * (aliased "c (new)"), of a DELETE every column; ORDER BY keys LIMIT limit */
};

struct sql_derive_want {
	enum sql_derived kind;
	const char *const *keys;	/* names of the key columns, unquoted; none: COUNT only */
	size_t nkeys;
	unsigned limit;			/* SAMPLE */
};

/* Appends the derived SELECT to out. What it is made of: an UPDATE or DELETE that writes one table, with
 * its alias, its WITH, FROM (PostgreSQL, SQLite), USING (PostgreSQL), ORDER BY and for COUNT its LIMIT
 * (MariaDB, MySQL). Where the server refuses the statement, say for a column name that two tables
 * have, the SELECT may run all the same. ERR_UNSUPPORTED with the reason in *e when it cannot be
 * derived faithfully; nothing is appended then. The result is itself classified read. */
int	sql_derive(const struct sql_settings *set, const char *sql, size_t n,
	    const struct sql_derive_want *want, struct buf *out, struct err *e);

#endif
