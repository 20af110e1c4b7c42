/* SPDX-License-Identifier: GPL-3.0-or-later */
/* An allowed write: look again, run the bytes, compare, commit. */
#include "config.h"

#include "pg.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "twokey/base/clock.h"
#include "twokey/base/err.h"
#include "twokey/base/must.h"

#include "allowed.h"

void
pg_ended_by(struct db_conn *c, const PGresult *res, const struct db_statement *s, struct db_result *r)
{
	const char *state = pg_state(res);
	uint64_t rows = r->rows;

	if (PQstatus(c->pg) != CONNECTION_OK) {
		c->lost = true;
		db_end_with(r, DB_FAILED, "lost", "the connection was lost before COMMIT was sent: the server rolls back");
		return;
	}
	pg_failed(res, s, r);
	r->rows = rows;
	if (strcmp(state, "40001") == 0 || strcmp(state, "40P01") == 0 || strcmp(state, "55P03") == 0) {
		r->end = DB_ROLLEDBACK;
		snprintf(r->code, sizeof r->code, "conflict");
	} else if (strcmp(state, "57014") == 0) {
		r->end = DB_ROLLEDBACK;
		snprintf(r->code, sizeof r->code, "cancelled");
	}
}

/* How a look that failed ends the run. */
void
pg_refuse(struct db_conn *c, int ret, const char *why, struct db_result *r)
{
	if (c->lost)
		db_end_with(r, DB_FAILED, "lost", "the connection was lost before the statement was sent");
	else if (ret == ERR_CANCELLED)
		db_end_with(r, DB_ROLLEDBACK, "cancelled", why);
	else
		db_end_with(r, DB_ROLLEDBACK, ret == ERR_BOUND ? "conflict" : "bind", why);
}

/* Begins the transaction and compares all parts before the first is sent; true when all is as it was allowed. */
static bool
still_as_allowed(struct db_conn *c, const struct db_allowed *a, struct db_result *r)
{
	struct db_sheet *sheets = must_zalloc(a->nparts * sizeof *sheets);
	struct pg_look *l = must_zalloc(a->nparts * sizeof *l);
	bool defines = a->nparts == 1 && sql_is_definition(a->parts[0].facts);
	struct err e = { .text = "" };
	int ret;

	for (size_t i = 0; i < a->nparts; i++) {
		const struct db_part *p = &a->parts[i];

		db_sheet_init(&sheets[i]);
		l[i] = (struct pg_look){ .c = c, .s = &p->statement, .f = p->facts, .table = sql_written_table(p->facts),
		    .sheet = &sheets[i] };
	}
	r->end = DB_DONE;
	ret = pg_look_enter(l, a->nparts, defines ? OWN_PG_BEGIN_DEFINE : OWN_PG_BEGIN_WRITE, &e);
	if (ret == 0 && defines)
		ret = pg_define_lock(&l[0], &e);
	for (size_t i = 0; i < a->nparts && ret == 0 && r->end == DB_DONE; i++) {
		ret = pg_look_in(&l[i], NULL, &e);
		if (ret == 0)
			(void)db_as_shown(a, &a->parts[i], &sheets[i], r);
	}
	if (ret != 0)
		pg_refuse(c, ret, e.text, r);
	for (size_t i = 0; i < a->nparts; i++) {
		own_list_join(&r->own, &sheets[i].own);
		db_sheet_fini(&sheets[i]);
	}
	free(sheets);
	free(l);
	return r->end == DB_DONE;
}

/* Sends the bytes; rows that they return are counted by the server and not kept. */
static bool
execute(struct db_conn *c, struct db_part *p, struct db_result *r)
{
	struct pg_rows rows = { .c = c };
	struct db_waiting others = { .n = 0 };
	PGresult *res = NULL;
	struct buf text;
	bool ok = false;

	buf_init(&text, 1024 * 1024 + 1);
	buf_put(&text, p->statement.bytes, p->statement.n);
	if (PQsendQueryParams(c->pg, buf_str(&text), 0, NULL, NULL, NULL, NULL, 0) == 1) {
		PQsetSingleRowMode(c->pg);
		pg_await(c, &others);
		res = pg_rows_drain(&rows);
	}
	if (PQresultStatus(res) == PGRES_COMMAND_OK || PQresultStatus(res) == PGRES_TUPLES_OK) {
		if (PQtransactionStatus(c->pg) != PQTRANS_INTRANS || pg_moves_transaction(res))
			db_end_with(r, DB_FAILED, "wall", "the statement ended the transaction that it ran in");
		else if (sql_is_definition(p->facts))
			ok = true;	/* there are no rows to count */
		else
			ok = db_bound_kept(p, strtoull(PQcmdTuples(res), NULL, 10), r);
	} else if (PQresultStatus(res) == PGRES_COPY_IN || PQresultStatus(res) == PGRES_COPY_OUT) {
		c->lost = true;
		db_end_with(r, DB_FAILED, "wall", "COPY is not let through");
	} else {
		pg_ended_by(c, res, &p->statement, r);
		db_tell_waited(r, &others);
	}
	PQclear(res);
	buf_fini(&text);
	return ok;
}

/* What a part rests on after others ran: they could have made a trigger, or a name mean something else. */
static bool
same_ground(struct db_conn *c, struct db_part *p, struct db_result *r)
{
	struct db_sheet sheet;
	struct pg_look l = { .c = c, .s = &p->statement, .f = p->facts, .table = sql_written_table(p->facts), .sheet = &sheet };
	struct err e = { .text = "" };
	bool same = false;
	int ret;

	db_sheet_init(&sheet);
	ret = pg_look_again(&l, &e);
	if (ret == 0)
		ret = pg_look_in(&l, NULL, &e);
	if (ret != 0)
		pg_refuse(c, ret, e.text, r);
	else
		same = db_ground_kept(p, &sheet, r);
	own_list_join(&r->own, &sheet.own);
	db_sheet_fini(&sheet);
	return same;
}

static bool
execute_all(struct db_conn *c, const struct db_allowed *a, struct db_result *r)
{
	for (size_t i = 0; i < a->nparts; i++)
		if ((i > 0 && !same_ground(c, &a->parts[i], r)) || !execute(c, &a->parts[i], r) || !pg_names_are_ours(c, r))
			return false;
	return true;
}

/* The transaction from its beginning to the commit; what is left open is rolled back by the caller. */
static void
run_inside(struct db_conn *c, const struct db_allowed *a, struct db_result *r)
{
	PGresult *before = NULL;

	if (still_as_allowed(c, a, r) && pg_own_step(c, OWN_PG_TOUCHED, r, &before) && execute_all(c, a, r) &&
	    pg_settle(c, sql_is_definition(a->parts[0].facts), before, r))
		pg_commit(c, a, r);
	PQclear(before);
}

/* A COMMIT among others would keep those before it; a setting of one's own (shop.who) is in no list of the server, and
 * policies and triggers of a later part may read it. Code of others behind a write is compared before each part. */
static int
may_run(const struct db_allowed *a, const struct db_part *p, struct err *e)
{
	static const char *const verbs[] = { "INSERT", "UPDATE", "DELETE", "MERGE" };
	const struct sql_facts *f = p->facts;
	bool writes = f->class == SQL_CLASS_WRITE || f->class == SQL_CLASS_DDL;

	for (size_t i = 0; i < sizeof verbs / sizeof *verbs; i++)
		writes = writes || (f->class == SQL_CLASS_CALL && strcmp(f->verb, verbs[i]) == 0);
	if (a->nparts > 1 && (!writes || f->statements != 1))
		return err_set(e, ERR_WALL, "the wall stopped it: %s cannot be a part of a change of several statements: %s",
		    f->verb[0] != '\0' ? f->verb : "it", f->why);
	return pg_sendable(&p->statement, f, e);
}

static bool
has_outside(const struct db_allowed *a)
{
	for (size_t i = 0; i < a->nparts; i++)
		if (pg_is_outside(a->parts[i].facts))
			return true;
	return false;
}

int
pg_run(struct db_conn *c, const struct db_allowed *a, struct db_result *r, struct err *e)
{
	int64_t began = clock_wall_us();
	int ret = 0;

	if (c->lost)
		return err_set(e, ERR_DATABASE, "the connection to the database is lost; open a new session");
	for (size_t i = 0; i < a->nparts && ret == 0; i++)
		ret = may_run(a, &a->parts[i], e);
	if (ret != 0)
		return ret;
	pg_begin(c);
	pg_notices_begin(c, r);
	c->names = &r->own;
	if (has_outside(a))
		pg_run_outside(c, a, r);
	else
		run_inside(c, a, r);
	c->names = NULL;
	pg_unwatch(c);
	if (!c->lost)
		(void)pg_leave(c, &r->own, NULL);
	pg_notices_end(c);
	pg_end(c);
	if (!c->lost)
		pg_reset(c, &r->own);
	r->ms = (double)(clock_wall_us() - began) / 1000.0;
	return 0;
}
