/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the server warned of in its last answer. */
#include "config.h"

#include "my.h"

#include <mysqld_error.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "twokey/base/text.h"

enum { SHOWN_MAX = 20 };

/* Codes of values that were not kept as written, and of rows that ROLLBACK leaves. */
static bool
is_serious(unsigned number)
{
	switch (number) {
	case ER_BAD_NULL_ERROR: case ER_WARN_DATA_OUT_OF_RANGE: case WARN_DATA_TRUNCATED: case ER_TRUNCATED_WRONG_VALUE_FOR_FIELD:
	case ER_NO_DEFAULT_FOR_FIELD: case ER_DATA_TOO_LONG: case ER_TRUNCATED_WRONG_VALUE: case ER_DIVISION_BY_ZERO:
	case ER_WARNING_NOT_COMPLETE_ROLLBACK:
		return true;
	default:
		return false;
	}
}

int
my_warned(struct db_conn *c, struct buf *names, const char *before, struct buf *out, unsigned *number, struct err *e)
{
	unsigned told = mysql_warning_count(c->my), listed = 0;
	MYSQL_RES *res;
	MYSQL_ROW row;
	int ret;

	if (number != NULL)
		*number = 0;
	ret = my_own(c, OWN_MY_WARNINGS, 0, NULL, names, &res, e);
	while (ret == 0 && (row = mysql_fetch_row(res)) != NULL) {
		unsigned code = row[1] != NULL ? (unsigned)strtoul(row[1], NULL, 10) : 0;
		struct buf text;

		listed++;
		if (row[0] != NULL && strcasecmp(row[0], "Note") == 0)
			continue;
		if (number != NULL && *number == 0 && is_serious(code))
			*number = code;
		else if (listed > SHOWN_MAX)
			continue;
		buf_init(&text, 8 * 1024);
		buf_puts(&text, before);
		if (row[2] != NULL)
			text_safe(&text, row[2], strnlen(row[2], 500), TEXT_ONE_LINE);
		db_note(out, buf_str(&text));
		buf_fini(&text);
	}
	mysql_free_result(res);
	if (ret == 0 && number != NULL && *number == 0 && told > listed) {	/* max_error_count cuts the list */
		db_note(out, "there were more warnings than the server keeps, so it is not known whether all was kept as written");
		*number = WARN_DATA_TRUNCATED;
	}
	return ret;
}

void
my_notices(struct db_conn *c, struct db_result *r)
{
	struct buf text;

	buf_init(&text, DB_NOTICES_MAX);
	if (my_warned(c, &r->own, "WARNING: ", &text, NULL, NULL) == 0 && buf_len(&text) > 0)
		db_notice(r, buf_data(&text), buf_len(&text));
	buf_fini(&text);
}
