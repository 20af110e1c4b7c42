/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"
#include "twokey/sql/derive.h"
#include "twokey/sql/facts.h"
#include "twokey/sql/split.h"

#include <stdio.h>

#include "twokey/base/err.h"

void
sql_classify(struct sql_facts *f, const struct sql_settings *set, const char *sql, size_t n)
{
	f->class = SQL_CLASS_UNKNOWN;
	f->dangers = SQL_DANGER_BIT(SQL_DANGER_UNREADABLE);
	f->verb[0] = '\0';
	f->statements = 1;
	f->where = SQL_WHERE_NONE_NEEDED;
	f->has_limit = f->returns_rows = f->can_roll_back = f->has_cast = false;
	f->ntables = f->ncolumns = f->nfunctions = f->noperators = f->nsecrets = f->names_len = 0;
	snprintf(f->why, sizeof(f->why), "This build cannot read any statement yet.");
}

const struct sql_table *
sql_written_table(const struct sql_facts *f)
{
	const struct sql_table *found = NULL;

	for (size_t i = 0; i < f->ntables; i++) {
		if (!(f->tables[i].use & SQL_USE_WRITE))
			continue;
		if (found != NULL)
			return NULL;
		found = &f->tables[i];
	}
	return found;
}

bool
sql_split_next(const struct sql_settings *set, const char *sql, size_t n, size_t from,
    struct sql_piece *piece)
{
	size_t end = from;

	if (from >= n)
		return false;
	while (end < n && sql[end] != ';')
		end++;
	piece->text = (struct sql_span){ from, end - from };
	piece->open = end < n ? SQL_OPEN_NOT : SQL_OPEN_MORE;
	piece->all = (struct sql_span){ from, (end < n ? end + 1 : end) - from };
	return true;
}

int
sql_derive(const struct sql_settings *set, const char *sql, size_t n,
    const struct sql_derive_want *want, struct buf *out, struct err *e)
{
	return err_set(e, ERR_UNSUPPORTED, "nothing can be derived yet");
}
