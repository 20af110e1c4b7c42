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
#include "twokey/base/json.h"
#include "twokey/base/text.h"

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

/* Begins the transaction and compares; true when all is as it was allowed. */
static bool
still_as_allowed(struct db_conn *c, const struct db_allowed *a, struct db_result *r)
{
	struct db_sheet sheet;
	struct pg_look l = { .c = c, .s = &a->statement, .f = a->facts, .table = sql_written_table(a->facts),
	    .sheet = &sheet };
	struct err e = { .text = "" };
	int ret;

	db_sheet_init(&sheet);
	r->end = DB_DONE;
	ret = pg_look_enter(&l, OWN_PG_BEGIN_WRITE, &e);
	if (ret == 0)
		ret = pg_look_in(&l, NULL, &e);
	if (buf_len(&sheet.own) > 0)
		buf_put(&r->own, buf_data(&sheet.own), buf_len(&sheet.own));
	if (c->lost)
		db_end_with(r, DB_FAILED, "lost", "the connection was lost before the statement was sent");
	else if (ret == ERR_CANCELLED)
		db_end_with(r, DB_ROLLEDBACK, "cancelled", e.text);
	else if (ret != 0)
		db_end_with(r, DB_ROLLEDBACK, "bind", e.text);
	else
		(void)db_as_shown(a, &l.match, &l.bind, r);
	db_sheet_fini(&sheet);
	return r->end == DB_DONE;
}

/* Sends the bytes; rows that they return are counted by the server and not kept. */
static bool
execute(struct db_conn *c, const struct db_allowed *a, struct db_result *r)
{
	struct pg_rows rows = { .c = c };
	PGresult *res = NULL;
	struct buf text;
	bool ok = false;

	buf_init(&text, 1024 * 1024 + 1);
	buf_put(&text, a->statement.bytes, a->statement.n);
	if (PQsendQueryParams(c->pg, buf_str(&text), 0, NULL, NULL, NULL, NULL, 0) == 1) {
		PQsetSingleRowMode(c->pg);
		res = pg_rows_drain(&rows);
	}
	if (PQresultStatus(res) == PGRES_COMMAND_OK || PQresultStatus(res) == PGRES_TUPLES_OK) {
		r->rows = strtoull(PQcmdTuples(res), NULL, 10);
		ok = PQtransactionStatus(c->pg) == PQTRANS_INTRANS && !pg_moves_transaction(res);
		if (!ok)
			db_end_with(r, DB_FAILED, "wall", "the statement ended the transaction that it ran in");
	} else if (PQresultStatus(res) == PGRES_COPY_IN || PQresultStatus(res) == PGRES_COPY_OUT) {
		c->lost = true;
		db_end_with(r, DB_FAILED, "wall", "COPY is not let through");
	} else {
		pg_ended_by(c, res, &a->statement, r);
	}
	PQclear(res);
	buf_fini(&text);
	return ok;
}

static bool
own_step(struct db_conn *c, const struct db_allowed *a, enum own_id id, struct db_result *r, PGresult **out)
{
	PGresult *res;
	int ret = pg_own(c, id, 0, NULL, &r->own, &res, NULL);

	if (ret != 0)
		pg_ended_by(c, res, &a->statement, r);
	if (out != NULL && ret == 0)
		*out = res;
	else
		PQclear(res);
	if (ret != 0)
		r->position = 0;
	return ret == 0;
}

/* What the same table had before the statement: counts of earlier transactions may still be in there. */
static uint64_t
counted_before(const PGresult *before, const PGresult *after, int row, int col)
{
	for (int i = 0; i < PQntuples(before); i++)
		if (strcmp(PQgetvalue(before, i, 0), PQgetvalue(after, row, 0)) == 0 &&
		    strcmp(PQgetvalue(before, i, 1), PQgetvalue(after, row, 1)) == 0)
			return strtoull(PQgetvalue(before, i, col), NULL, 10);
	return 0;
}

static void
put_name(struct buf *out, const PGresult *res, int row)
{
	struct buf name;

	buf_init(&name, 4096);
	if (strcmp(PQgetvalue(res, row, 0), "public") != 0) {
		text_safe(&name, PQgetvalue(res, row, 0), strlen(PQgetvalue(res, row, 0)), TEXT_ONE_LINE);
		buf_putc(&name, '.');
	}
	text_safe(&name, PQgetvalue(res, row, 1), strlen(PQgetvalue(res, row, 1)), TEXT_ONE_LINE);
	json_put_string(out, buf_data(&name), buf_len(&name));
	buf_fini(&name);
}

static void
tell_effects(const PGresult *before, const PGresult *after, struct buf *out)
{
	buf_putc(out, '[');
	for (int i = 0; i < PQntuples(after); i++) {
		uint64_t n[3];

		for (int k = 0; k < 3; k++)
			n[k] = strtoull(PQgetvalue(after, i, k + 2), NULL, 10) - counted_before(before, after, i, k + 2);
		if (n[0] + n[1] + n[2] == 0)
			continue;
		buf_puts(out, buf_len(out) > 1 ? ",{\"table\":" : "{\"table\":");
		put_name(out, after, i);
		buf_putf(out, ",\"inserted\":%" PRIu64 ",\"updated\":%" PRIu64 ",\"deleted\":%" PRIu64 "}", n[0], n[1], n[2]);
	}
	buf_putc(out, ']');
}

/* The transaction from its beginning to the commit; what is left open is rolled back by the caller. */
static void
run_inside(struct db_conn *c, const struct db_allowed *a, struct db_result *r)
{
	PGresult *before = NULL, *after = NULL;

	if (still_as_allowed(c, a, r) && own_step(c, a, OWN_PG_TOUCHED, r, &before) && execute(c, a, r) &&
	    db_bound_kept(a, r) && own_step(c, a, OWN_PG_CONSTRAINTS, r, NULL) && own_step(c, a, OWN_PG_TOUCHED, r, &after)) {
		tell_effects(before, after, &r->effects);
		pg_commit(c, a, r);
	}
	PQclear(before);
	PQclear(after);
}

int
pg_run(struct db_conn *c, const struct db_allowed *a, struct db_result *r, struct err *e)
{
	int64_t began = clock_wall_us();
	int ret = pg_sendable(&a->statement, a->facts, e);

	if (c->lost)
		return err_set(e, ERR_DATABASE, "the connection to the database is lost; open a new session");
	if (ret != 0)
		return ret;
	pg_begin(c);
	pg_notices_begin(c, r);
	run_inside(c, a, r);
	if (!c->lost)
		(void)pg_leave(c, &r->own, NULL);
	pg_notices_end(c);
	pg_end(c);
	r->ms = (double)(clock_wall_us() - began) / 1000.0;
	return 0;
}
