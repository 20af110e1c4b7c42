/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The sheet of PostgreSQL: one read-only transaction, ended by ROLLBACK. */
#include "config.h"

#include "pg.h"

#include <string.h>

#include "twokey/base/clock.h"
#include "twokey/base/err.h"
#include "twokey/base/must.h"

#include "locks.h"

enum { TRIES = 6 };

/* Asks the guard in the open transaction. The verdict's sentence goes to said; what is not clear ends the transaction. */
static int
ask_guard(struct pg_look *l, enum pg_verdict *verdict, struct buf *said, struct err *e)
{
	struct pg_guard g;
	PGresult *res, *more;
	int ret = 0;

	pg_guard_init(&g, l->s, l->f);
	res = pg_guard_send(l->c, &g, &l->sheet->own) ? PQgetResult(l->c->pg) : NULL;
	while (res != NULL && (more = PQgetResult(l->c->pg)) != NULL)
		PQclear(more);
	pg_guard_fini(&g);
	*verdict = pg_guard_verdict(res, said);
	if (PQstatus(l->c->pg) != CONNECTION_OK)
		ret = pg_lose(l->c, e, "the connection to the database is lost");
	else if (*verdict == PG_ERROR)
		ret = err_set(e, pg_code(l->c, res),
		    "the guard failed: %s", PQresultErrorMessage(res));
	PQclear(res);
	if (ret == 0 && *verdict != PG_CLEAR)
		ret = pg_leave(l->c, &l->sheet->own, e);
	return ret;
}

/* *at: the first of n that is not clear; a transaction is open when all are. */
static int
begin_guarded(struct pg_look *l, size_t n, enum own_id begin, enum pg_verdict *verdict, size_t *at, struct buf *said,
    struct err *e)
{
	int ret = pg_own(l->c, begin, 0, NULL, &l->sheet->own, NULL, e);

	*verdict = PG_CLEAR;
	for (*at = 0; ret == 0 && *at < n; ++*at) {
		buf_reset(said);
		ret = ask_guard(&l[*at], verdict, said, e);
		if (*verdict != PG_CLEAR)
			break;
	}
	return ret;
}

int
pg_look_enter(struct pg_look *l, size_t n, enum own_id begin, struct err *e)
{
	enum pg_verdict verdict = PG_TO_CLEAR;
	struct buf said;
	struct err why = { .text = "" };
	int ret = 0, cleared = 0;
	size_t at = 0;

	buf_init(&said, 64 * 1024);
	for (size_t i = 0; i < TRIES * n && ret == 0 && verdict == PG_TO_CLEAR && cleared == 0; i++) {
		ret = begin_guarded(l, n, begin, &verdict, &at, &said, e);
		if (ret == 0 && verdict == PG_TO_CLEAR) {
			cleared = pg_guard_clear(l->c, buf_str(&said), &l->sheet->own, &why);
			if (cleared != 0 && cleared != ERR_WALL)
				ret = err_set(e, (enum err_code)cleared, "%s", why.text);
		}
	}
	for (size_t i = 0; i < n; i++)
		l[i].guarded = ret == 0 && verdict == PG_CLEAR;
	if (ret == 0 && !l->guarded && n > 1) {
		ret = err_set(e, ERR_WALL, "%s", cleared != 0 ? why.text : buf_str(&said));
	} else if (ret == 0 && !l->guarded) {
		buf_reset(&l->sheet->note);
		db_note(&l->sheet->note, cleared != 0 ? why.text : buf_str(&said));
		l->sheet->dangers |= SQL_DANGER_BIT(cleared != 0 || verdict == PG_TO_CLEAR ?
		    SQL_DANGER_UNCLEAR_RELATION : SQL_DANGER_SHADOWED);
		ret = pg_own(l->c, begin, 0, NULL, &l->sheet->own, NULL, e);
	}
	buf_fini(&said);
	return ret;
}

int
pg_look_again(struct pg_look *l, struct err *e)
{
	enum pg_verdict verdict;
	struct buf said;
	int ret;

	buf_init(&said, 64 * 1024);
	ret = ask_guard(l, &verdict, &said, e);
	l->guarded = ret == 0 && verdict == PG_CLEAR;
	if (ret == 0 && !l->guarded)
		ret = err_set(e, ERR_WALL, "after the parts before it ran: %s", buf_str(&said));
	buf_fini(&said);
	return ret;
}

/* The server parses the statement and forgets it: what it would refuse anyway need not wait for a key. */
static int
parse(struct pg_look *l, struct err *e)
{
	struct buf text;
	PGresult *res;
	int ret = 0;

	buf_init(&text, 1024 * 1024 + 1);
	buf_put(&text, l->s->bytes, l->s->n);
	own_ran(&l->sheet->own, OWN_PG_PARSE);
	res = PQprepare(l->c->pg, "", buf_str(&text), 0, NULL);
	if (PQstatus(l->c->pg) != CONNECTION_OK)
		ret = pg_lose(l->c, e, "the connection to the database is lost");
	else if (PQresultStatus(res) != PGRES_COMMAND_OK)
		ret = err_set(e, pg_code(l->c, res), "the database refuses the statement: %s",
		    PQresultErrorField(res, PG_DIAG_MESSAGE_PRIMARY));
	PQclear(res);
	buf_fini(&text);
	return ret;
}

/* Parsing takes the lock of a write. Without it the rows may be told all the same, and who has the table. */
static int
go_on(struct pg_look *l, struct err *e)
{
	int ret = pg_leave(l->c, &l->sheet->own, e);

	l->c->waited = false;
	return ret == 0 ? pg_look_enter(l, 1, OWN_PG_BEGIN_READ, e) : ret;
}

/* The table stayed closed: who has it is worth a look, in a transaction that has not failed. */
static void
tell_who(struct pg_look *l, struct err *e)
{
	struct err why;

	if (pg_leave(l->c, &l->sheet->own, &why) == 0 &&
	    pg_own(l->c, OWN_PG_BEGIN_READ, 0, NULL, &l->sheet->own, NULL, &why) == 0 && pg_locks(l, &why) == 0)
		db_locks_tell(l->sheet, e);
}

static const char *
rollback_of(const struct pg_look *l)
{
	return l->kind == 'f' ? "foreign" : "yes";
}

int
pg_sheet(struct db_conn *c, const struct db_statement *s, const struct sql_facts *f, const struct db_sink *sample,
    struct db_sheet *sheet, struct err *e)
{
	struct pg_look l = { .c = c, .s = s, .f = f, .table = sql_written_table(f), .sheet = sheet };
	int64_t began = clock_wall_us();
	int ret, left;

	if (c->lost)
		return err_set(e, ERR_DATABASE, "the connection to the database is lost; open a new session");
	ret = pg_sendable(s, f, e);
	if (ret != 0)
		return ret;
	pg_begin(c);
	c->waited = false;
	ret = pg_look_enter(&l, 1, OWN_PG_BEGIN_READ, e);
	if (ret == 0 && l.guarded)
		ret = parse(&l, e);
	if (ret == ERR_STATEMENT && c->waited)
		ret = go_on(&l, e);
	if (ret == 0)
		ret = pg_look_in(&l, sample, e);
	if (ret == 0)
		ret = pg_locks(&l, e);
	else if (c->waited)
		tell_who(&l, e);
	db_rollback_is(sheet, f, rollback_of(&l));
	sheet->inexact = db_is_inexact(SQL_POSTGRES, s, f, l.oid[0] != '\0' && (l.kind == 'r' || l.kind == 'p') && !l.ruled);
	left = pg_leave(c, &sheet->own, ret == 0 ? e : NULL);
	pg_end(c);
	db_note(&sheet->undo, "none: this version keeps no before-images");
	sheet->ms = (double)(clock_wall_us() - began) / 1000.0;
	return ret != 0 && !c->lost ? ret : left;
}
