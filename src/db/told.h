/* SPDX-License-Identifier: GPL-3.0-or-later */
/* By which columns the rows of a table are told: those of its key, and what becomes of a value in the others. */
#ifndef TWOKEY_DB_TOLD_H
#define TWOKEY_DB_TOLD_H

#include <stddef.h>

#include "twokey/sql/derive.h"

struct buf;
struct db_statement;
struct err;

enum { DB_TOLD_KEYS_MAX = 32, DB_TOLD_STORED_MAX = 256 };

/* Begins as { .nkeys = 0 }. */
struct db_told {
	char *key[DB_TOLD_KEYS_MAX];
	size_t nkeys;
	struct sql_stored stored[DB_TOLD_STORED_MAX];
	size_t nstored;
};

/* Copies the name of a column of the key, or with a type that of one that stores values as that type. What there is no room
 * for is left out. */
void	db_told_add(struct db_told *t, const char *name, const char *type);
void	db_told_fini(struct db_told *t);
/* sql_derive of s, with a sample of DB_SAMPLE_ROWS. */
int	db_told_derive(const struct db_told *t, const struct sql_settings *set, const struct db_statement *s, enum sql_derived kind,
	    struct buf *out, struct err *e);

#endif
