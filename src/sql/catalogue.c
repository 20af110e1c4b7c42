/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"
#include "twokey/sql/catalogue.h"

#include <string.h>

#include "sql/ctx.h"

static int
compare(const char *row, struct sql_str name)
{
	size_t len = strlen(row);
	int order = memcmp(row, name.p, len < name.n ? len : name.n);

	return order != 0 ? order : len < name.n ? -1 : len > name.n;
}

static size_t
first(const struct sql_catalogue *cat, struct sql_str name)
{
	size_t low = 0, high = cat->n;

	while (low < high) {
		size_t mid = low + (high - low) / 2;

		if (compare(cat->rows[mid].name, name) < 0)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

/* A name of the tables that does more than read. */
static bool
has_effect(enum fn_effect e)
{
	return e != FN_UNKNOWN && e != FN_HARMLESS && e != FN_VOLATILE && e != FN_LASTID;
}

bool
ctx_is_catalogued(const struct ctx *c, struct sql_str schema, struct sql_str name)
{
	const struct sql_catalogue *cat = c->set->catalogue;
	bool found = false;

	if (cat == NULL || name.n == 0 || has_effect(fn_effect(c->d->engine, name.p, name.n)))
		return false;
	for (size_t i = first(cat, name); i < cat->n && compare(cat->rows[i].name, name) == 0; i++) {
		if (schema.n > 0 && compare(cat->rows[i].schema, schema) != 0)
			continue;
		if (cat->rows[i].volatility != SQL_IMMUTABLE && cat->rows[i].volatility != SQL_STABLE)
			return false;
		found = true;
	}
	return found;
}
