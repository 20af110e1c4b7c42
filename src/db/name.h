/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Names of tables as a person types them, and those that he may have meant. */
#ifndef DB_NAME_H
#define DB_NAME_H

#include <stdbool.h>
#include <stddef.h>

#include "twokey/sql/class.h"

struct buf;

enum { DB_NAME_MAX = 256, DB_NEAR_MAX = 3 };

struct db_name {
	char schema[DB_NAME_MAX];	/* "" when none was typed */
	char name[DB_NAME_MAX];
};
/* "table" or "schema.table", parts quoted as the engine quotes; what is not quoted is folded as the engine folds.
 * "" gives two empty parts. False when it is no such name. */
bool	db_name_parse(const char *typed, enum sql_engine engine, struct db_name *out);

/* The names closest to one that is not there. Zero-initialised it has none. */
struct db_near {
	char shown[DB_NEAR_MAX][2 * DB_NAME_MAX];
	size_t far[DB_NEAR_MAX];	/* letters that differ */
	size_t n;
};
/* Considers a name; shown is how it is told. */
void	db_near_try(struct db_near *near, const char *wanted, const char *name, const char *shown);
/* "there is no table X" and what was meant perhaps, as a sentence. */
void	db_near_say(const struct db_near *near, const char *typed, struct buf *out);

#endif
