/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Definitions of MariaDB and MySQL: our own statements in the read-only transaction that waits between reads. A name
 * without a database is one of the session's. */
#include "config.h"

#include "my.h"

#include <stdio.h>
#include <string.h>

#include "twokey/base/clock.h"
#include "twokey/base/err.h"

#include "name.h"

struct describe {
	struct db_conn *c;
	const char *typed;
	struct db_name name;
	struct my_value values[2];	/* the database, and the name or a part of it */
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
ask(struct describe *d, enum own_id id, struct err *e)
{
	struct db_sink sink = { d, columns_once, pass_row };
	struct my_rows rows = { .c = d->c, .sink = &sink, .count = d->count };
	unsigned number;

	if (my_send(d->c, id, 2, d->values, &d->r->own, e) != 0)
		return ERR_DATABASE;
	my_wait(d->c);
	number = mysql_read_query_result(d->c->my) != 0 ? mysql_errno(d->c->my) : my_rows_drain(&rows);
	if (my_is_lost(number))
		return my_lose(d->c, e, "the connection to the database is lost");
	d->count = rows.count;
	d->cut = rows.cut;
	if (number == 0 || (rows.cut && my_is_cancelled(number)))
		d->r->end = d->cut ? DB_CUT : DB_DONE;
	else
		my_failed(number, mysql_sqlstate(d->c->my), mysql_error(d->c->my), &(struct db_statement){ .bytes = "" }, d->r);
	return 0;
}

/* Until one says no more. */
static int
ask_all(struct describe *d, const enum own_id *ids, size_t n, struct err *e)
{
	int ret = 0;

	for (size_t i = 0; i < n && ret == 0 && d->r->end == DB_DONE; i++)
		ret = ask(d, ids[i], e);
	return ret;
}

static int
not_found(struct describe *d, struct err *e)
{
	struct db_near near = { .n = 0 };
	char shown[2 * DB_NAME_MAX];
	MYSQL_RES *res;
	MYSQL_ROW row;
	int ret = my_own(d->c, OWN_MY_NEAR, 1, d->values, &d->r->own, &res, e);

	while (ret == 0 && (row = mysql_fetch_row(res)) != NULL) {
		snprintf(shown, sizeof shown, "%s%s%s", d->name.schema, d->name.schema[0] != '\0' ? "." : "", row[0]);
		db_near_try(&near, d->name.name, row[0], shown);
	}
	mysql_free_result(res);
	if (d->c->lost)
		return ret;
	db_end_with(d->r, DB_FAILED, "42S02", "");
	db_near_say(&near, d->typed, &d->r->text);
	return 0;
}

/* As the server would make it again: checks and partitions are told there alone. */
static int
as_created(struct describe *d, struct err *e)
{
	struct my_value v[2] = { { MY_NAME, d->values[0].p, d->values[0].n }, { MY_NAME, d->values[1].p, d->values[1].n } };
	struct db_cell cells[3] = { { DB_TEXT, "as created", 10 }, { DB_TEXT, "", 0 }, { DB_TEXT, "", 0 } };
	MYSQL_RES *res;
	MYSQL_ROW row = NULL;
	struct err why = { .text = "" };
	int ret = my_own(d->c, OWN_MY_DEFINITION, 2, v, &d->r->own, &res, &why);

	if (ret == 0)
		row = mysql_fetch_row(res);
	cells[2].p = row != NULL && row[1] != NULL ? row[1] : why.text;
	cells[2].n = strlen(cells[2].p);
	if (!d->c->lost && (!db_count_row(&d->count, cells[2].n + 12) || d->sink->row(d->sink->ctx, cells, 3) != 0))
		d->r->end = DB_CUT;
	mysql_free_result(res);
	return d->c->lost ? my_lose(d->c, e, "the connection to the database is lost") : 0;
}

static int
describe_table(struct describe *d, struct err *e)
{
	static const enum own_id parts[] = { OWN_MY_PART_TABLE, OWN_MY_PART_COLUMNS, OWN_MY_PART_INDEXES, OWN_MY_PART_FOREIGN, OWN_MY_PART_REFERENCED,
		OWN_MY_PART_TRIGGERS };
	MYSQL_RES *res;
	bool there;
	int ret = my_own(d->c, OWN_MY_RELATION, 2, d->values, &d->r->own, &res, e);

	there = ret == 0 && mysql_num_rows(res) > 0;
	mysql_free_result(res);
	if (ret == 0 && !there)
		return not_found(d, e);
	if (ret == 0)
		ret = ask_all(d, parts, sizeof parts / sizeof *parts, e);
	return ret == 0 && d->r->end == DB_DONE ? as_created(d, e) : ret;
}

static int
answer(struct describe *d, enum db_subject s, struct err *e)
{
	static const enum own_id names[] = { OWN_MY_NAMES_TABLES, OWN_MY_NAMES_FUNCTIONS, OWN_MY_NAMES_COLUMNS };

	if (!db_name_parse(d->typed, SQL_MARIADB, &d->name) || (s == DB_SUBJECT_TABLE && d->typed[0] == '\0')) {
		db_end_with(d->r, DB_FAILED, "42000", "that is not a name; write table or database.table");
		return 0;
	}
	d->values[0] = my_text(d->name.schema[0] != '\0' ? d->name.schema : d->c->database);
	d->values[1] = my_text(d->name.name);
	switch (s) {
	case DB_SUBJECT_TABLES:
		return ask(d, OWN_MY_TABLES, e);
	case DB_SUBJECT_TABLE:
		return describe_table(d, e);
	case DB_SUBJECT_FUNCTIONS:
		return ask(d, OWN_MY_FUNCTIONS, e);
	case DB_SUBJECT_NAMES:
		return ask_all(d, names, sizeof names / sizeof *names, e);
	case DB_SUBJECTS:
		break;
	}
	return err_set(e, ERR_BUG, "there is no such question");
}

int
my_answer(struct db_conn *c, enum db_subject s, const char *name, const struct db_limits *max, const struct db_sink *sink,
    struct db_result *r, struct err *e)
{
	struct describe d = { .c = c, .typed = name, .sink = sink, .count = { .max = max }, .r = r };
	int64_t began = clock_wall_us();
	int ret, left;

	if (c->lost)
		return err_set(e, ERR_DATABASE, "the connection to the database is lost; open a new session");
	my_begin(c);
	r->end = DB_DONE;
	ret = my_is_walled(c) ? 0 : my_leave(c, &r->own, e);
	if (ret == 0)
		ret = answer(&d, s, e);
	left = c->lost ? ERR_DATABASE : my_leave(c, &r->own, ret == 0 ? e : NULL);
	my_end(c);
	r->rows = d.count.rows;
	r->ms = (double)(clock_wall_us() - began) / 1000.0;
	return ret != 0 ? ret : left;
}
