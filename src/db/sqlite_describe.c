/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Definitions in a file of SQLite: our own statements in one transaction that reads. */
#include "config.h"

#include "sqlite.h"

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
	struct db_result *r;
};

/* NULL: the engine refuses it now, being locked for instance; d->r says so. */
static sqlite3_stmt *
prepare(struct describe *d, enum own_id id)
{
	sqlite3_stmt *st = sqlite_own(d->c, d->c->ro, id, &d->r->own, NULL);

	if (st == NULL)
		sqlite_failed(d->c, d->c->ro, sqlite3_extended_errcode(d->c->ro), d->r);
	else if (sqlite3_bind_parameter_count(st) > 0)
		sqlite3_bind_text(st, 1, d->name.name, -1, SQLITE_STATIC);
	return st;
}

static void
ask(struct describe *d, enum own_id id)
{
	sqlite3_stmt *st = prepare(d, id);
	bool cut;
	int rc;

	if (st == NULL)
		return;
	rc = sqlite_drain(st, d->sink, &d->count, &cut);
	if (rc == SQLITE_DONE)
		d->r->end = cut ? DB_CUT : DB_DONE;
	else
		sqlite_failed(d->c, d->c->ro, rc, d->r);
	sqlite3_finalize(st);
}

static void
not_found(struct describe *d)
{
	sqlite3_stmt *st = prepare(d, OWN_SQLITE_NEAR);
	struct db_near near = { .n = 0 };

	if (st == NULL)
		return;
	while (sqlite3_step(st) == SQLITE_ROW) {
		const char *name = sqlite_cell(st, 0).p;

		db_near_try(&near, d->name.name, name, name);
	}
	sqlite3_finalize(st);
	db_end_with(d->r, DB_FAILED, "SQLITE_ERROR", "");
	db_near_say(&near, d->typed, &d->r->text);
}

/* The name becomes that of the schema, letter by letter. */
static void
describe_table(struct describe *d)
{
	sqlite3_stmt *st = prepare(d, OWN_SQLITE_FIND);
	bool there;

	if (st == NULL)
		return;
	there = sqlite3_step(st) == SQLITE_ROW &&
	    (d->name.schema[0] == '\0' || sqlite3_stricmp(d->name.schema, "main") == 0);
	if (there) {
		struct db_name found = { .schema = "" };

		snprintf(found.name, sizeof found.name, "%s", sqlite_cell(st, 0).p);
		d->name = found;
	}
	sqlite3_finalize(st);
	if (there)
		ask(d, OWN_SQLITE_DESCRIBE);
	else
		not_found(d);
}

static void
describe_tables(struct describe *d)
{
	sqlite3_stmt *st = prepare(d, OWN_SQLITE_HAS_STAT);
	bool counted = st != NULL && sqlite3_step(st) == SQLITE_ROW;

	sqlite3_finalize(st);
	if (st != NULL)
		ask(d, counted ? OWN_SQLITE_TABLES_STAT : OWN_SQLITE_TABLES);
}

static void
answer(struct describe *d, enum db_subject s)
{
	if (!db_name_parse(d->typed, SQL_SQLITE, &d->name) || (s == DB_SUBJECT_TABLE && d->typed[0] == '\0')) {
		db_end_with(d->r, DB_FAILED, "SQLITE_ERROR", "that is not a name; write table or main.table");
		return;
	}
	switch (s) {
	case DB_SUBJECT_TABLES:
		describe_tables(d);
		return;
	case DB_SUBJECT_TABLE:
		describe_table(d);
		return;
	case DB_SUBJECT_FUNCTIONS:
		ask(d, OWN_SQLITE_FUNCTIONS);
		return;
	case DB_SUBJECT_NAMES:
		ask(d, OWN_SQLITE_NAMES);
		return;
	case DB_SUBJECTS:
		break;
	}
	db_end_with(d->r, DB_FAILED, "SQLITE_ERROR", "there is no such question");
}

int
sqlite_describe(struct db_conn *c, enum db_subject s, const char *name, const struct db_limits *max,
    const struct db_sink *sink, struct db_result *r, struct err *e)
{
	struct describe d = { .c = c, .typed = name, .sink = sink, .count = { .max = max }, .r = r };
	int64_t began = clock_wall_us();
	int ret = sqlite_same_file(c, c->ro, e);

	if (ret != 0)
		return ret;
	sqlite_begin(c, c->ro);
	if (sqlite_own_run(c, c->ro, OWN_SQLITE_BEGIN_READ, &r->own) == 0)
		answer(&d, s);
	else
		sqlite_failed(c, c->ro, sqlite3_extended_errcode(c->ro), r);
	sqlite_end(c);
	if (!sqlite3_get_autocommit(c->ro))
		(void)sqlite_own_run(c, c->ro, OWN_SQLITE_ROLLBACK, &r->own);
	r->rows = d.count.rows;
	r->ms = (double)(clock_wall_us() - began) / 1000.0;
	if (!sqlite3_get_autocommit(c->ro))
		return err_set(e, ERR_DATABASE, "a read left a transaction open; the session ends");
	return ret;
}
