/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Definitions of PostgreSQL: our own statements in one read-only transaction, ended by ROLLBACK. */
#include "config.h"

#include "pg.h"

#include <stdio.h>
#include <string.h>

#include "twokey/base/clock.h"
#include "twokey/base/err.h"

#include "name.h"

struct describe {
	struct db_conn *c;
	const char *typed;
	struct db_name name;
	const struct db_sink *sink;
	struct db_count count;
	bool began, cut;
	struct db_result *r;
};

/* Several statements give one result: their columns are the same. */
static int
columns_once(void *ctx, const struct db_column *cols, size_t n)
{
	struct describe *d = ctx;

	if (d->began)
		return 0;
	d->began = true;
	return d->sink->columns(d->sink->ctx, cols, n);
}

static int
pass_row(void *ctx, const struct db_cell *cells, size_t n)
{
	struct describe *d = ctx;

	return d->sink->row(d->sink->ctx, cells, n);
}

/* One of our own statements, its rows to the sink; what the server says against it ends in d->r. */
static int
ask(struct describe *d, enum own_id id, int n, const char *const *values, struct err *e)
{
	struct db_sink sink = { d, columns_once, pass_row };
	struct pg_rows rows = { .c = d->c, .sink = &sink, .count = d->count };
	PGresult *res;
	int ret = 0;

	own_ran(&d->r->own, id);
	if (PQsendQueryParams(d->c->pg, own_sql(&d->c->text, id, d->c->tag), n, NULL, values, NULL, NULL, 0) != 1 ||
	    PQsetSingleRowMode(d->c->pg) != 1)
		return pg_lose(d->c, e, "the connection to the database is lost");
	res = pg_rows_drain(&rows);
	d->count = rows.count;
	d->cut = rows.cut;
	if (PQstatus(d->c->pg) != CONNECTION_OK)
		ret = pg_lose(d->c, e, "the connection to the database is lost");
	else if (d->cut || PQresultStatus(res) == PGRES_TUPLES_OK)
		d->r->end = d->cut ? DB_CUT : DB_DONE;
	else
		pg_failed(res, &(struct db_statement){ .n = 0 }, d->r);
	PQclear(res);
	return ret;
}

/* Rows that stay here. What the server says against it ends in d->r, then *res is NULL. */
static int
fetch(struct describe *d, enum own_id id, int n, const char *const *values, PGresult **res, struct err *e)
{
	int ret = pg_own(d->c, id, n, values, &d->r->own, res, e);

	if (ret == 0)
		return 0;
	if (!d->c->lost) {
		pg_failed(*res, &(struct db_statement){ .n = 0 }, d->r);
		ret = 0;
	}
	PQclear(*res);
	*res = NULL;
	return ret;
}

static int
not_found(struct describe *d, struct err *e)
{
	const char *values[1] = { d->name.schema };
	struct db_near near = { .n = 0 };
	PGresult *res;
	int ret = fetch(d, OWN_PG_NEAR, 1, values, &res, e);

	if (ret != 0 || res == NULL)
		return ret;
	for (int i = 0; i < PQntuples(res); i++)
		db_near_try(&near, d->name.name, PQgetvalue(res, i, 0), PQgetvalue(res, i, 1));
	PQclear(res);
	db_end_with(d->r, DB_FAILED, "42P01", "");
	db_near_say(&near, d->typed, &d->r->text);
	return 0;
}

static void
say_which(struct describe *d, const PGresult *res)
{
	db_end_with(d->r, DB_FAILED, "42P09", "");
	buf_putf(&d->r->text, "there is more than one %.300s; say which:", d->typed);
	for (int i = 0; i < PQntuples(res); i++)
		buf_putf(&d->r->text, "%s %s", i > 0 ? "," : "", PQgetvalue(res, i, 1));
}

static int
describe_table(struct describe *d, struct err *e)
{
	const char *values[2] = { d->name.schema, d->name.name }, *by_oid[1];
	PGresult *res;
	char oid[16];
	int ret = fetch(d, OWN_PG_FIND, 2, values, &res, e);

	if (ret != 0 || res == NULL)
		return ret;
	if (PQntuples(res) == 0) {
		PQclear(res);
		return not_found(d, e);
	}
	if (PQntuples(res) > 1 && PQgetvalue(res, 0, 2)[0] != 't') {
		say_which(d, res);
		PQclear(res);
		return 0;
	}
	snprintf(oid, sizeof oid, "%.15s", PQgetvalue(res, 0, 0));
	by_oid[0] = oid;
	PQclear(res);
	ret = ask(d, OWN_PG_TABLE, 1, by_oid, e);
	if (ret == 0 && d->r->end == DB_DONE && PQserverVersion(d->c->pg) >= 100000)
		ret = ask(d, OWN_PG_PARTITIONS, 1, by_oid, e);
	return ret;
}

static int
answer(struct describe *d, enum db_subject s, struct err *e)
{
	const char *values[2] = { d->name.schema, d->name.name };

	if (!db_name_parse(d->typed, SQL_POSTGRES, &d->name) || (s == DB_SUBJECT_TABLE && d->typed[0] == '\0')) {
		db_end_with(d->r, DB_FAILED, "42602", "that is not a name; write table or schema.table");
		return 0;
	}
	switch (s) {
	case DB_SUBJECT_TABLES:
		return ask(d, OWN_PG_TABLES, 2, values, e);
	case DB_SUBJECT_TABLE:
		return describe_table(d, e);
	case DB_SUBJECT_FUNCTIONS:
		return ask(d, OWN_PG_FUNCTIONS, 2, values, e);
	case DB_SUBJECT_NAMES:
		return ask(d, OWN_PG_NAMES, 2, values, e);
	case DB_SUBJECTS:
		break;
	}
	return err_set(e, ERR_BUG, "there is no such question");
}

int
pg_answer(struct db_conn *c, enum db_subject s, const char *name, const struct db_limits *max,
    const struct db_sink *sink, struct db_result *r, struct err *e)
{
	struct describe d = { .c = c, .typed = name, .sink = sink, .count = { .max = max }, .r = r };
	int64_t began = clock_wall_us();
	int ret, left;

	if (c->lost)
		return err_set(e, ERR_DATABASE, "the connection to the database is lost; open a new session");
	pg_begin(c);
	ret = pg_own(c, OWN_PG_BEGIN_READ, 0, NULL, &r->own, NULL, e);
	if (ret == 0)
		ret = answer(&d, s, e);
	left = pg_leave(c, &r->own, ret == 0 ? e : NULL);
	pg_end(c);
	r->rows = d.count.rows;
	r->ms = (double)(clock_wall_us() - began) / 1000.0;
	return ret != 0 ? ret : left;
}
