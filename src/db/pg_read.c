/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A read is one pipeline with one end: BEGIN READ ONLY, the guard, the statement, ROLLBACK. Sent and answered in one
 * piece each: with two, the second waits at an sshd for the acknowledgement of the first, 40 ms. What fails leaves the
 * ROLLBACK out and a transaction that does nothing any more, which is then ended by itself. */
#include "config.h"

#include "pg.h"

#include <string.h>

#include "twokey/base/clock.h"
#include "twokey/base/err.h"

enum { TRIES = 6 };

struct read {
	struct db_conn *c;
	const struct db_statement *s;
	const char *sql;	/* what is sent: the statement, or ours around it */
	struct pg_guard guard;
	struct pg_rows rows;
	struct db_result *r;
	enum pg_verdict verdict;
	struct buf said;	/* by the guard */
};

static bool
send_all(struct read *d)
{
	PGconn *pg = d->c->pg;
	bool sent;

	if (!PQenterPipelineMode(pg))
		return false;
	own_ran(&d->r->own, OWN_PG_BEGIN_READ);
	sent = PQsendQueryParams(pg, own_sql(&d->c->text, OWN_PG_BEGIN_READ, d->c->tag), 0, NULL, NULL, NULL, NULL, 0) &&
	    pg_guard_send(d->c, &d->guard, &d->r->own) &&
	    PQsendQueryParams(pg, d->sql, 0, NULL, NULL, NULL, NULL, 0) &&
	    PQsendQueryParams(pg, own_sql(&d->c->text, OWN_PG_ROLLBACK, d->c->tag), 0, NULL, NULL, NULL, NULL, 0) &&
	    PQpipelineSync(pg);
	own_ran(&d->r->own, OWN_PG_ROLLBACK);
	return sent;
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

static bool
take_sync(struct db_conn *c)
{
	PGresult *res = PQgetResult(c->pg);
	bool ok = PQresultStatus(res) == PGRES_PIPELINE_SYNC;

	PQclear(res);
	return ok;
}

static int
judge(struct read *d, PGresult *res, struct err *e)
{
	const char *state;

	d->r->rows = d->rows.count.rows;
	if (PQresultStatus(res) == PGRES_TUPLES_OK || PQresultStatus(res) == PGRES_COMMAND_OK ||
	    PQresultStatus(res) == PGRES_EMPTY_QUERY) {
		d->r->end = d->rows.cut ? DB_CUT : DB_DONE;
		return 0;
	}
	state = pg_state(res);
	if (strcmp(state, "25006") == 0 || strcmp(state, "25001") == 0)
		return err_set(e, ERR_WALL, "the wall stopped it: %s", PQresultErrorField(res, PG_DIAG_MESSAGE_PRIMARY));
	if (d->rows.cut && strcmp(state, "57014") == 0)
		d->r->end = DB_CUT;
	else
		pg_failed(res, d->s, d->r);
	return 0;
}

/* The statement's own result: 0, ERR_WALL, or ERR_DATABASE when the connection is lost by it. */
static int
take_statement(struct read *d, struct err *e)
{
	PGresult *res;
	int ret = 0;

	PQsetSingleRowMode(d->c->pg);
	res = pg_rows_drain(&d->rows);
	if (PQresultStatus(res) == PGRES_COPY_IN || PQresultStatus(res) == PGRES_COPY_OUT ||
	    PQresultStatus(res) == PGRES_COPY_BOTH)
		ret = pg_lose(d->c, e, "the statement began to copy");
	else if (pg_moves_transaction(res))
		ret = pg_lose(d->c, e, "the statement ended the transaction that walls a read");
	else if (PQresultStatus(res) != PGRES_PIPELINE_ABORTED)
		ret = judge(d, res, e);
	PQclear(res);
	return ret;
}

static int
take_all(struct read *d, struct err *e)
{
	PGresult *begun = take(d->c), *guarded = take(d->c);
	int ret;

	d->verdict = PQresultStatus(begun) == PGRES_COMMAND_OK ? pg_guard_verdict(guarded, &d->said) : PG_ERROR;
	if (d->verdict == PG_ERROR)
		pg_failed(PQresultStatus(begun) == PGRES_COMMAND_OK ? guarded : begun, d->s, d->r);
	PQclear(begun);
	PQclear(guarded);
	ret = take_statement(d, e);
	if (d->c->lost)
		return ret;
	PQclear(take(d->c));
	if (!take_sync(d->c) || !PQexitPipelineMode(d->c->pg))
		return pg_lose(d->c, e, "the connection to the database is lost");
	return ret;
}

/* Nothing may be open now but what has failed: then the ROLLBACK did not run, or a late cancel hit it. */
static int
check_idle(struct read *d, struct err *e)
{
	if (PQstatus(d->c->pg) == CONNECTION_OK && PQtransactionStatus(d->c->pg) == PQTRANS_IDLE)
		return 0;
	if (PQstatus(d->c->pg) == CONNECTION_OK && PQtransactionStatus(d->c->pg) == PQTRANS_INERROR)
		return pg_leave(d->c, &d->r->own, e);
	return pg_lose(d->c, e, "a read left a transaction open");
}

static int
once(struct read *d, struct err *e)
{
	int ret, idle;

	buf_reset(&d->said);
	if (!send_all(d))
		return pg_lose(d->c, e, "the connection to the database is lost");
	ret = take_all(d, e);
	if (d->c->lost)
		return ERR_DATABASE;
	idle = check_idle(d, e);
	if (idle != 0)
		return idle;
	if (d->verdict == PG_STOPPED)
		return err_set(e, ERR_WALL, "the wall stopped it: %s", buf_str(&d->said));
	if (d->verdict == PG_ERROR && strcmp(d->r->code, "26000") == 0) {	/* somebody deallocated it */
		d->verdict = PG_TO_CLEAR;
		return pg_guard_prepare(d->c, e);
	}
	if (d->verdict == PG_TO_CLEAR && atomic_load(&d->c->cancelled)) {
		db_end_with(d->r, DB_FAILED, "57014", "cancelled");
		d->verdict = PG_ERROR;
	}
	if (d->verdict == PG_TO_CLEAR)
		ret = pg_guard_clear(d->c, buf_str(&d->said), &d->r->own, e);
	return ret;
}

/* around: our own words before the statement, or "". */
static int
read_as(struct db_conn *c, const char *around, const struct db_statement *s, const struct sql_facts *f,
    const struct db_limits *max, const struct db_sink *sink, struct db_result *r, struct err *e)
{
	struct read d = { .c = c, .s = s, .r = r, .rows = { .c = c, .sink = sink, .count = { .max = max } } };
	struct buf sql;
	int ret = 0;

	buf_init(&d.said, 64 * 1024);
	buf_init(&sql, 2 * 1024 * 1024);
	pg_guard_init(&d.guard, s, f);
	buf_puts(&sql, around);
	buf_put(&sql, s->bytes, s->n);
	d.sql = buf_str(&sql);
	pg_begin(c);
	pg_notices_begin(c, r);
	d.verdict = PG_TO_CLEAR;
	for (int i = 0; i < TRIES && ret == 0 && d.verdict == PG_TO_CLEAR; i++)
		ret = once(&d, e);
	pg_notices_end(c);
	pg_end(c);
	if (ret == 0 && d.verdict == PG_TO_CLEAR)
		ret = err_set(e, ERR_WALL, "the wall stopped it: a view or policy that it reads keeps changing");
	pg_guard_fini(&d.guard);
	buf_fini(&sql);
	buf_fini(&d.said);
	return ret;
}

static int
check_read(const struct db_conn *c, const struct db_statement *s, const struct sql_facts *f, struct err *e)
{
	int ret = pg_sendable(s, f, e);

	if (c->lost)
		return err_set(e, ERR_DATABASE, "the connection to the database is lost; open a new session");
	if (ret != 0)
		return ret;
	if (f->class != SQL_CLASS_READ)	/* an advisory lock or PREPARE TRANSACTION would outlive the ROLLBACK */
		return err_set(e, ERR_WALL, "the wall stopped it: it is no read: %s", f->why);
	return 0;
}

int
pg_read(struct db_conn *c, const struct db_statement *s, const struct sql_facts *f, const struct db_limits *max,
    const struct db_sink *sink, struct db_result *r, struct err *e)
{
	int64_t began = clock_wall_us();
	int ret = check_read(c, s, f, e);

	if (ret == 0)
		ret = read_as(c, "", s, f, max, sink, r, e);
	if (!c->lost && (strncmp(f->verb, "DEALLOCATE", strlen("DEALLOCATE")) == 0 ||
	    strncmp(f->verb, "DISCARD", strlen("DISCARD")) == 0)) {
		pg_forget_kept(c);
		(void)pg_guard_prepare(c, NULL);	/* refused when it is still there */
	}
	r->ms = (double)(clock_wall_us() - began) / 1000.0;
	return ret;
}

int
pg_read_plan(struct db_conn *c, const struct db_statement *s, const struct sql_facts *f, const struct db_sink *sink,
    struct db_result *r, struct err *e)
{
	struct buf around;
	int ret = check_read(c, s, f, e);

	if (ret != 0)
		return ret;
	buf_init(&around, 1024);
	own_ran(&r->own, OWN_PG_EXPLAIN);
	(void)own_sql(&around, OWN_PG_EXPLAIN, c->tag);
	ret = read_as(c, buf_str(&around), s, f, NULL, sink, r, e);
	buf_fini(&around);
	return ret;
}
