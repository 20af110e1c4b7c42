/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Whether a change of one table leaves nothing behind that a rollback does not take back. No code of users stands behind a
 * table here but triggers, which the sheet tells; a column that counts up keeps the highest number that it was set to. */
#include "config.h"

#include "my.h"

#include <string.h>
#include <strings.h>

#include "twokey/base/err.h"

static bool
sets(const struct sql_facts *f, const char *column)
{
	for (size_t i = 0; i < f->ncolumns; i++)
		if (strlen(column) == f->columns[i].n && strncasecmp(column, f->columns[i].p, f->columns[i].n) == 0)
			return true;
	return f->ncolumns == 0 || (f->dangers & SQL_DANGER_BIT(SQL_DANGER_LIST_CUT)) != 0;
}

/* The kind of the table, and the column of it that counts up; there is one at the most. */
static int
ask(struct db_conn *c, const struct sql_facts *f, const struct sql_table *t, struct err *e)
{
	struct my_value v[2] = { t->schema.n > 0 ? (struct my_value){ MY_TEXT, t->schema.p, t->schema.n } : my_text(c->database),
	    { MY_TEXT, t->name.p, t->name.n } };
	MYSQL_RES *res = NULL;
	MYSQL_ROW row = NULL;
	int ret = my_own(c, OWN_MY_COUNTS_UP, 2, v, NULL, &res, e);

	if (ret == 0)
		row = mysql_fetch_row(res);
	if (ret == 0 && (row == NULL || row[0] == NULL ||
	    (strcasecmp(row[0], "BASE TABLE") != 0 && strcasecmp(row[0], "SYSTEM VERSIONED") != 0)))
		ret = err_set(e, ERR_WALL, "%.*s is no plain table", (int)t->name.n, t->name.p);
	else if (ret == 0 && strcmp(f->verb, "UPDATE") == 0 && row[1] != NULL && sets(f, row[1]))
		ret = err_set(e, ERR_WALL, "it sets %.200s, which counts on from the highest number it ever had, also when that is taken"
		    " back", row[1]);
	else if (ret == 0 && db_adds_rows(f) && (row[1] != NULL || row[2] == NULL || strcmp(row[2], "0") != 0))
		ret = err_set(e, ERR_WALL, "a column of %.*s counts up by itself, or its default does more than answer; what is counted is"
		    " not taken back", (int)t->name.n, t->name.p);
	mysql_free_result(res);
	return ret;
}

int
my_alone(struct db_conn *c, const struct sql_facts *f, struct err *e)
{
	const struct sql_table *t = sql_written_table(f);
	int ret, left;

	if (c->lost)
		return err_set(e, ERR_DATABASE, "the connection to the database is lost; open a new session");
	if (t == NULL)
		return err_set(e, ERR_WALL, "it does not write one table");
	my_begin(c);
	ret = my_is_walled(c) ? 0 : my_leave(c, NULL, e);
	if (ret == 0)
		ret = ask(c, f, t, e);
	left = c->lost ? ERR_DATABASE : my_leave(c, NULL, ret == 0 ? e : NULL);
	my_end(c);
	if (left == 0)
		left = my_settled(c, NULL, ret == 0 ? e : NULL);
	return ret != 0 && !c->lost ? ret : left;
}
