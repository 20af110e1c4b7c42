/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The locks that a write takes, the size of its table, and who stands in the way: one trip, with limits of its own. */
#include "config.h"

#include "pg.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "twokey/base/err.h"

#include "locks.h"

enum { READS = 1, ROW_SHARE = 2, WRITES = 3, VACUUMS = 4, SHARE = 5, SHARE_ROW = 6, ALL = 8 };

/* The lock of the table that a statement is about; of any other it may be the strongest. */
static const struct {
	const char *verb;
	int level;
} levels[] = {
	{ "UPDATE", WRITES }, { "INSERT", WRITES }, { "DELETE", WRITES }, { "MERGE", WRITES }, { "COPY", WRITES },
	{ "SELECT", ROW_SHARE }, { "ANALYZE", VACUUMS }, { "CREATE INDEX", SHARE }, { "CREATE TRIGGER", SHARE_ROW },
	{ "TRUNCATE", ALL },
};

static int
level_of(const struct sql_facts *f, bool *up_to)
{
	for (size_t i = 0; i < sizeof levels / sizeof *levels; i++)
		if (strcmp(levels[i].verb, f->verb) == 0)
			return levels[i].level;
	*up_to = true;
	return ALL;
}

/* Which tables, by name, and how. */
struct ask {
	struct buf schemas, names, levels, columns;
	char bits[12], written[24];
	bool up_to;
};

static void
make(struct ask *a, const struct pg_look *l)
{
	const struct sql_facts *f = l->f;
	bool rows = f->class == SQL_CLASS_WRITE || strcmp(f->verb, "TRUNCATE") == 0;
	int level = level_of(f, &a->up_to);
	struct buf *all[] = { &a->schemas, &a->names, &a->levels, &a->columns };

	for (size_t i = 0; i < 4; i++) {
		buf_init(all[i], 256 * 1024);
		buf_putc(all[i], '{');
	}
	snprintf(a->bits, sizeof a->bits, "%d", rows ? pg_look_bits(l) : 0);
	snprintf(a->written, sizeof a->written, "0");
	for (size_t i = 0; i < f->ntables; i++) {
		const struct sql_table *t = &f->tables[i];

		pg_array_add(&a->schemas, t->schema.p, t->schema.n);
		pg_array_add(&a->names, t->name.p, t->name.n);
		buf_putf(&a->levels, "%s%d", i > 0 ? "," : "", (t->use & SQL_USE_WRITE) != 0 ? level : READS);
		if (t == l->table)
			snprintf(a->written, sizeof a->written, "%zu", i + 1);
	}
	for (size_t i = 0; i < f->ncolumns && strcmp(f->verb, "UPDATE") == 0; i++)
		pg_array_add(&a->columns, f->columns[i].p, f->columns[i].n);
	for (size_t i = 0; i < 4; i++)
		buf_putc(all[i], '}');
}

static void
fini(struct ask *a)
{
	buf_fini(&a->schemas);
	buf_fini(&a->names);
	buf_fini(&a->levels);
	buf_fini(&a->columns);
}

/* Planning it takes longer than running it. */
static const char prepared[] = "twokey_locks";

static bool
send(struct pg_look *l, struct ask *a)
{
	const char *v[6] = { buf_str(&a->schemas), buf_str(&a->names), buf_str(&a->levels), a->bits, buf_str(&a->columns),
	    a->written };
	PGconn *pg = l->c->pg;

	own_ran(&l->sheet->own, OWN_PG_SHORT);
	own_ran(&l->sheet->own, OWN_PG_LOCKS);
	return PQenterPipelineMode(pg) &&
	    PQsendQueryParams(pg, own_sql(&l->c->text, OWN_PG_SHORT, l->c->tag), 0, NULL, NULL, NULL, NULL, 0) &&
	    (l->c->locks_prepared ||
	    PQsendPrepare(pg, prepared, own_sql(&l->c->text, OWN_PG_LOCKS, l->c->tag), 0, NULL)) &&
	    PQsendQueryPrepared(pg, prepared, 6, v, NULL, NULL, 0) && PQpipelineSync(pg);
}

/* The one result of a statement of ours in the pipeline. */
static PGresult *
take(struct db_conn *c)
{
	PGresult *first = PQgetResult(c->pg), *more;

	while (first != NULL && PQstatus(c->pg) == CONNECTION_OK && (more = PQgetResult(c->pg)) != NULL)
		PQclear(more);
	return first;
}

enum column { KIND, ON, MODE, BLOCKS, GRANTED, BACKEND, USER, APPLICATION, NUMBER, STATE, SQL, COUNT, COLUMNS };

static const char *
cell(const PGresult *res, int row, enum column col)
{
	return PQgetisnull(res, row, (int)col) ? NULL : PQgetvalue(res, row, (int)col);
}

static int64_t
number(const PGresult *res, int row, enum column col)
{
	return PQgetisnull(res, row, (int)col) ? -1 : strtoll(PQgetvalue(res, row, (int)col), NULL, 10);
}

static bool
is(const PGresult *res, int row, enum column col, const char *what)
{
	return strcmp(PQgetvalue(res, row, (int)col), what) == 0;
}

static void
tell_holder(struct db_sheet *s, const PGresult *res, int row, bool *hidden)
{
	const char *sql = cell(res, row, SQL), *state = cell(res, row, STATE);
	struct db_holder h = { .backend = cell(res, row, BACKEND), .user = cell(res, row, USER),
	    .application = cell(res, row, APPLICATION), .on = cell(res, row, ON), .mode = cell(res, row, MODE), .state = state,
	    .sql = sql, .age_s = number(res, row, NUMBER), .rows = -1, .blocks = is(res, row, BLOCKS, "t"),
	    .waits = is(res, row, GRANTED, "f") };

	if (h.backend == NULL)
		h.state = "prepared transaction";
	else if (state == NULL)
		h.sql = NULL;	/* only words that it may not be seen */
	*hidden = *hidden || h.age_s < 0;
	db_holder_add(s, &h);
}

static void
tell(struct pg_look *l, const struct ask *a, const PGresult *res)
{
	struct db_sheet *s = l->sheet;
	bool hidden = false;
	unsigned all = 0;

	for (int i = 0; i < PQntuples(res); i++) {
		if (is(res, i, KIND, "size")) {
			s->table_bytes = number(res, i, NUMBER);
		} else if (is(res, i, KIND, "takes")) {
			db_takes_add(s, PQgetvalue(res, i, MODE), PQgetvalue(res, i, ON), a->up_to && is(res, i, MODE, "ACCESS EXCLUSIVE"));
		} else {
			tell_holder(s, res, i, &hidden);
			all = (unsigned)number(res, i, COUNT);
		}
	}
	if (all > s->holders)
		s->holders = all;
	s->sight = hidden ? "part" : "all";
	if (hidden)
		db_note(&s->note, "since when others have their locks, and what they run, is told to members of pg_read_all_stats");
}

int
pg_locks(struct pg_look *l, struct err *e)
{
	struct ask a = { .up_to = false };
	PGresult *res = NULL;
	bool sent, done = false;

	make(&a, l);
	sent = send(l, &a);
	if (sent) {
		PQclear(take(l->c));
		if (!l->c->locks_prepared) {
			res = take(l->c);
			l->c->locks_prepared = PQresultStatus(res) == PGRES_COMMAND_OK;
			PQclear(res);
		}
		res = take(l->c);
		PQclear(PQgetResult(l->c->pg));
		done = PQexitPipelineMode(l->c->pg) == 1;
	}
	if (done && PQresultStatus(res) == PGRES_TUPLES_OK && PQnfields(res) == COLUMNS)
		tell(l, &a, res);
	else if (done)
		db_note(&l->sheet->note, PQresultErrorField(res, PG_DIAG_MESSAGE_PRIMARY) != NULL ?
		    "locks of others could not be looked at in time" : "locks of others could not be looked at");
	if (done && strcmp(pg_state(res), "26000") == 0)	/* code of others has deallocated it: the next time it is there */
		l->c->locks_prepared = false;
	PQclear(res);
	fini(&a);
	if (!done || PQstatus(l->c->pg) != CONNECTION_OK)
		return pg_lose(l->c, e, "the connection to the database is lost");
	return 0;
}
