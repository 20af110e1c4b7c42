/* SPDX-License-Identifier: GPL-3.0-or-later */
/* SELECTs derived from an UPDATE, DELETE or INSERT: what it would touch or add, before it runs. */
#ifndef TWOKEY_SQL_DERIVE_H
#define TWOKEY_SQL_DERIVE_H

#include <stddef.h>

#include "twokey/sql/facts.h"

struct buf;
struct err;

enum sql_derived {
	SQL_DERIVE_COUNT,	/* SELECT count(*) FROM t WHERE ...; of t WHERE EXISTS (SELECT 1 FROM others WHERE ...)
				 * when t is joined with others: a row that is touched counts once. MariaDB, MySQL:
				 * SELECT count(DISTINCT t.keys) FROM the list of tables as it stands WHERE ... */
	SQL_DERIVE_KEYS,	/* SELECT key columns FROM t WHERE ... ORDER BY key columns; MariaDB, MySQL, of a join:
				 * DISTINCT, and without the rows that an outer join makes up */
	SQL_DERIVE_SAMPLE,	/* key columns, then of an UPDATE "c" and the new value of each column set
				 * (aliased "c (new)"), of a DELETE every column; ORDER BY keys LIMIT limit. Of the query of
				 * an INSERT: each column that is listed, aliased "c (new)", else every one; LIMIT limit */
	SQL_DERIVE_SOURCE	/* the query whose rows an INSERT or REPLACE adds, as it stands there: how many rows it
				 * gives is about how many are added */
};

/* What becomes of a value where it is stored: the type of a column as CAST reads it, "numeric(8,2)". */
struct sql_stored {
	const char *column;
	const char *type;
};

struct sql_derive_want {
	enum sql_derived kind;
	const char *const *keys;	/* names of the key columns, unquoted, none of them NULL in any row; none:
					 * COUNT only, and on MariaDB, MySQL not of a join; of an INSERT: not asked for */
	size_t nkeys;
	unsigned limit;			/* SAMPLE */
	const struct sql_stored *stored;	/* SAMPLE: a new value of these columns is told as it is stored, of others as it is
					 * computed; may be NULL */
	size_t nstored;
};

/* Appends the derived SELECT to out. What it is made of: an UPDATE or DELETE that writes one table, with
 * its alias, its WITH, FROM (PostgreSQL, SQLite), USING (PostgreSQL), the list of tables in all three
 * forms that MariaDB and MySQL have, PARTITION, index hints, LOW_PRIORITY and QUICK, ORDER BY and LIMIT
 * (MariaDB, MySQL, SQLite). LIMIT is told of one table: by COUNT; by KEYS and SAMPLE when ORDER BY names
 * every key, and then their rows come in that order. Where the server refuses the statement, say for a
 * column name that two tables have, the SELECT may run all the same. MariaDB, MySQL: the SELECT answers the
 * same on another connection of the same account, so what a variable or connection_id() decides is refused.
 * Or of an INSERT that adds every row it has, whatever is there: COUNT is SELECT and the number of rows that VALUES or SET
 * name, else of the rows of its query (MariaDB, MySQL: only when it lists its columns); there are no KEYS.
 * ERR_UNSUPPORTED with the reason in *e when it cannot be derived faithfully; nothing is appended then. The
 * result is itself classified read. */
int	sql_derive(const struct sql_settings *set, const char *sql, size_t n,
	    const struct sql_derive_want *want, struct buf *out, struct err *e);

#endif
