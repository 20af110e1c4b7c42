/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What no transaction takes, as CREATE INDEX CONCURRENTLY: looked at in one, which is given up, then put on record as if it was
 * done already, then sent. There is no way back, and the end is told as it is. */
#include "config.h"

#include "pg.h"

#include <stdio.h>
#include <string.h>

#include "twokey/base/err.h"
#include "twokey/base/text.h"

#include "allowed.h"

bool
pg_is_outside(const struct sql_facts *f)
{
	return f->class == SQL_CLASS_DDL && (f->dangers & SQL_DANGER_BIT(SQL_DANGER_NO_ROLLBACK)) != 0;
}

/* Compares in a transaction that is rolled back; about: the oid of the table. */
static bool
still_as_allowed(struct db_conn *c, const struct db_allowed *a, char about[16], struct db_result *r)
{
	struct db_part *p = &a->parts[0];
	struct db_sheet sheet;
	struct pg_look l = { .c = c, .s = &p->statement, .f = p->facts, .table = sql_written_table(p->facts), .sheet = &sheet };
	struct err e = { .text = "" };
	int ret;

	db_sheet_init(&sheet);
	r->end = DB_DONE;
	ret = pg_look_enter(&l, 1, OWN_PG_BEGIN_READ, &e);
	if (ret == 0)
		ret = pg_look_in(&l, NULL, &e);
	if (ret == 0)
		(void)db_as_shown(a, p, &sheet, r);
	else
		pg_refuse(c, ret, e.text, r);
	own_list_join(&r->own, &sheet.own);
	memcpy(about, l.about, sizeof l.about);
	db_sheet_fini(&sheet);
	if (!c->lost && pg_leave(c, &r->own, &e) != 0)
		db_end_with(r, DB_FAILED, "lost", e.text);
	return r->end == DB_DONE;
}

/* A build that did not end leaves an index that is kept up and never used. */
static void
tell_left(struct db_conn *c, const char *about, struct db_result *r)
{
	const char *values[1] = { about };
	PGresult *res = NULL;
	struct buf text;

	r->end = DB_FAILED;
	snprintf(r->code, sizeof r->code, "partial");
	if (c->lost || about[0] == '\0' || pg_own(c, OWN_PG_INVALID, 1, values, &r->own, &res, NULL) != 0) {
		db_note(&r->text, "no transaction took it, so what it had done stays; whether it left an invalid index is not known");
		PQclear(res);
		return;
	}
	buf_init(&text, 8192);
	buf_puts(&text, PQntuples(res) > 0 ? "no transaction took it, so what it had done stays; invalid indexes of the table now:" :
	    "no transaction took it; no invalid index of the table is left");
	for (int i = 0; i < PQntuples(res); i++) {
		buf_puts(&text, i > 0 ? ", " : " ");
		text_safe(&text, PQgetvalue(res, i, 0), strlen(PQgetvalue(res, i, 0)), TEXT_ONE_LINE);
	}
	db_note(&r->text, buf_str(&text));
	buf_fini(&text);
	PQclear(res);
}

static void
send(struct db_conn *c, const struct db_part *p, const char *about, struct db_result *r)
{
	struct pg_rows rows = { .c = c };
	PGresult *res = NULL;
	struct buf text;

	buf_init(&text, 1024 * 1024 + 1);
	buf_put(&text, p->statement.bytes, p->statement.n);
	if (PQsendQueryParams(c->pg, buf_str(&text), 0, NULL, NULL, NULL, NULL, 0) == 1)
		res = pg_rows_drain(&rows);
	if (PQresultStatus(res) == PGRES_COMMAND_OK && PQtransactionStatus(c->pg) == PQTRANS_IDLE) {
		r->end = DB_COMMITTED;
		r->code[0] = '\0';
	} else if (PQstatus(c->pg) != CONNECTION_OK) {
		c->lost = true;
		db_end_with(r, DB_UNKNOWN, "lost", "the connection was lost after the statement was sent, which no transaction took");
	} else {
		pg_ended_by(c, res, &p->statement, r);
		tell_left(c, about, r);
	}
	PQclear(res);
	buf_fini(&text);
}

/* The session writes for this one statement; when that cannot be taken back again, the session is over. */
static void
send_outside(struct db_conn *c, const struct db_part *p, const char *about, struct db_result *r)
{
	struct err e;

	if (pg_own(c, OWN_PG_OUTSIDE, 0, NULL, &r->own, NULL, &e) != 0) {
		db_end_with(r, DB_FAILED, c->lost ? "lost" : "wall", "the statement was not sent: the session could not be let write");
		return;
	}
	send(c, p, about, r);
	if (!c->lost && pg_own(c, OWN_PG_INSIDE, 0, NULL, &r->own, NULL, &e) != 0)
		c->lost = true;
}

void
pg_run_outside(struct db_conn *c, const struct db_allowed *a, struct db_result *r)
{
	struct db_commit_point p = { .backend = PQbackendPID(c->pg) };
	char about[16] = "";

	if (a->nparts != 1 || !a->at_once) {
		db_end_with(r, DB_FAILED, "wall", "no transaction takes it, so it runs on the strict path only, alone in its request");
		return;
	}
	snprintf(p.system, sizeof p.system, "%s", c->system);
	snprintf(p.timeline, sizeof p.timeline, "%s", c->timeline);
	if (!still_as_allowed(c, a, about, r))
		return;
	if (atomic_load(&c->cancelled))
		db_end_with(r, DB_ROLLEDBACK, "cancelled", "cancelled");
	else if (db_on_record(a, &p, r)) {
		if (atomic_load(&c->cancelled))
			db_end_with(r, DB_ROLLEDBACK, "cancelled", "cancelled before it was sent");
		else
			send_outside(c, &a->parts[0], about, r);
	}
}
