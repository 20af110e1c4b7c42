/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What a server's own catalogue says of functions that the tables of this floor do not know. */
#ifndef TWOKEY_SQL_CATALOGUE_H
#define TWOKEY_SQL_CATALOGUE_H

#include <stddef.h>

enum sql_volatility { SQL_IMMUTABLE, SQL_STABLE, SQL_VOLATILE };

struct sql_catalogue_row {
	const char *name;	/* as the facts spell functions: folded, quotes removed */
	const char *schema;	/* "" where the engine has none */
	enum sql_volatility volatility;
};

/* Borrowed by the settings that point to it. One row for each overload, sorted by the bytes of name.
 * A function is taken for a read when every row that its name may mean is immutable or stable: one
 * with its schema means the rows of that schema, one without means the rows of all schemas. Names
 * that the tables know for an effect are never milder by it, whatever their schema.
 * The volatility is what the function's owner promised: list only functions whose owner you trust. */
struct sql_catalogue {
	const struct sql_catalogue_row *rows;
	size_t n;
};

#endif
