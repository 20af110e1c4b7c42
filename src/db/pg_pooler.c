/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Is this connection ours alone? A pooler in transaction or statement mode gives every transaction another backend:
 * settings, the guard and the walls would be somebody else's. Asked before anything is set. */
#include "config.h"

#include "pg.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>

#include "twokey/base/clock.h"
#include "twokey/base/err.h"

enum { PROBES = 3, WAIT_MS = 2000 };
enum answer { ANSWERED, LATE, REFUSED };

/* The one result of a statement of ours, within WAIT_MS. */
static enum answer
ask(struct db_conn *c, PGconn *pg, enum own_id id, int *value)
{
	int64_t end = clock_mono_ms() + WAIT_MS;
	PGresult *res;
	enum answer is = REFUSED;

	if (!PQsendQueryParams(pg, own_sql(&c->text, id, c->tag), 0, NULL, NULL, NULL, NULL, 0))
		return REFUSED;
	while (PQconsumeInput(pg) && PQisBusy(pg)) {
		struct pollfd p = { .fd = PQsocket(pg), .events = POLLIN };
		int64_t left = end - clock_mono_ms();

		if (left <= 0 || (poll(&p, 1, (int)left) < 0 && errno != EINTR))
			return LATE;
	}
	while ((res = PQgetResult(pg)) != NULL) {
		if (PQresultStatus(res) == PGRES_COMMAND_OK)
			is = ANSWERED;
		if (PQresultStatus(res) == PGRES_TUPLES_OK && PQntuples(res) == 1) {
			*value = atoi(PQgetvalue(res, 0, 0));
			is = ANSWERED;
		}
		PQclear(res);
	}
	return is;
}

/* The backend of one transaction; it stays open. */
static enum answer
begin(struct db_conn *c, PGconn *pg, int *backend)
{
	enum answer is = ask(c, pg, OWN_PG_BEGIN_READ, backend);

	return is == ANSWERED ? ask(c, pg, OWN_PG_BACKEND, backend) : is;
}

static enum answer
whole(struct db_conn *c, PGconn *pg, int *backend)
{
	int none;
	enum answer is = begin(c, pg, backend);

	return is == ANSWERED ? ask(c, pg, OWN_PG_ROLLBACK, &none) : is;
}

static int
refuse(struct err *e)
{
	return err_set(e, ERR_CONFIG, "the target's address leads to a pooler that gives every transaction another connection"
	    " (transaction or statement mode), where no wall would hold; use its session mode or the server itself"
	    " (Supabase: port 5432 of the pooler, or db.PROJECT.supabase.co)");
}

/* One more connection holds a transaction: did it get our backend, and do we still have it? Between transactions a
 * pooler gives away what is idle before it makes something new; so where a probe must wait, ours was not to be had. */
static int
probe(struct db_conn *c, const struct db_target *t, int backend, PGconn **held, bool *more, struct err *e)
{
	int theirs = 0, ours = 0;
	struct err why;

	*held = pg_dial(t, WAIT_MS, &why);
	if (*held == NULL)
		return err_set(e, ERR_UNREACHABLE, "a pooler stands before the server, and without a second connection it cannot"
		    " be told whether it keeps the first one ours; try again later (%.300s)", why.text);
	*more = begin(c, *held, &theirs) == ANSWERED;
	if (*more && theirs == backend)
		return refuse(e);
	return whole(c, c->pg, &ours) == ANSWERED && ours == backend ? 0 : refuse(e);
}

int
pg_pooler(struct db_conn *c, const struct db_target *t, struct err *e)
{
	PGconn *held[PROBES] = { NULL };
	bool more = true;
	int backend = 0, none, ret = 0;

	if (ask(c, c->pg, OWN_PG_BACKEND, &backend) != ANSWERED)
		return err_set(e, ERR_UNREACHABLE, "the database let us in and answers nothing: %.300s", PQerrorMessage(c->pg));
	if (backend == PQbackendPID(c->pg))	/* a pooler makes up the key of cancelling */
		return 0;
	if (whole(c, c->pg, &backend) != ANSWERED)
		return refuse(e);
	for (int i = 0; i < PROBES && ret == 0 && more; i++)
		ret = probe(c, t, backend, &held[i], &more, e);
	for (int i = 0; i < PROBES && held[i] != NULL; i++) {
		if (PQtransactionStatus(held[i]) == PQTRANS_INTRANS)	/* or the pooler throws the backend away */
			(void)ask(c, held[i], OWN_PG_ROLLBACK, &none);
		PQfinish(held[i]);
	}
	return ret;
}
