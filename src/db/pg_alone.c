/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Whether a change of one table runs nothing that somebody made. */
#include "config.h"

#include "pg.h"

#include <string.h>

#include "twokey/base/err.h"

/* As the server's own parser reads a quoted name. */
static void
put_name(struct buf *out, const struct sql_str *s)
{
	buf_putc(out, '"');
	for (size_t i = 0; i < s->n; i++) {
		if (s->p[i] == '"')
			buf_putc(out, '"');
		buf_putc(out, s->p[i]);
	}
	buf_putc(out, '"');
}

static int
ask(struct db_conn *c, const char *name, bool adds, struct err *e)
{
	const char *values[1] = { name };
	PGresult *res;
	int ret = pg_own(c, OWN_PG_BEHIND, 1, values, NULL, &res, e);

	if (ret == 0 && (PQntuples(res) != 1 || strcmp(PQgetvalue(res, 0, 0), "r") != 0))
		ret = err_set(e, ERR_WALL, "%.200s is no plain table of this database", name);
	else if (ret == 0 && strcmp(PQgetvalue(res, 0, 1), "f") != 0)
		ret = err_set(e, ERR_WALL, "a check, default, index or type of %.200s runs code that somebody made", name);
	else if (ret == 0 && strcmp(PQgetvalue(res, 0, 2), "f") != 0)
		ret = err_set(e, ERR_WALL, "%.200s is a part or a parent of other tables, and what stands behind them runs too", name);
	else if (ret == 0 && strcmp(PQgetvalue(res, 0, 3), "f") != 0)
		ret = err_set(e, ERR_WALL, "a check of %.200s calls a function that may do more than answer", name);
	else if (ret == 0 && adds && strcmp(PQgetvalue(res, 0, 4), "f") != 0)
		ret = err_set(e, ERR_WALL, "a column of %.200s counts up by itself, or its default does more than answer; what is counted"
		    " is not taken back", name);
	PQclear(res);
	return ret;
}

int
pg_alone(struct db_conn *c, const struct sql_facts *f, struct err *e)
{
	const struct sql_table *t = sql_written_table(f);
	struct buf name;
	int ret, left;

	if (c->lost)
		return err_set(e, ERR_DATABASE, "the connection to the database is lost; open a new session");
	if (t == NULL)
		return err_set(e, ERR_WALL, "it does not write one table");
	buf_init(&name, 4096);
	if (t->schema.n > 0) {
		put_name(&name, &t->schema);
		buf_putc(&name, '.');
	}
	put_name(&name, &t->name);
	pg_begin(c);
	ret = pg_own(c, OWN_PG_BEGIN_READ, 0, NULL, NULL, NULL, e);
	if (ret == 0)
		ret = ask(c, buf_str(&name), db_adds_rows(f), e);
	left = pg_leave(c, NULL, ret == 0 ? e : NULL);
	pg_end(c);
	buf_fini(&name);
	return ret != 0 ? ret : left;
}
