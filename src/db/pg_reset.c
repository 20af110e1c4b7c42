/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What code behind a change may do to the connection and neither ROLLBACK nor COMMIT takes back: statements prepared under
 * our names, settings, another role or encoding, locks of the session. */
#include "config.h"

#include "pg.h"

#include <stdio.h>
#include <string.h>

#include "twokey/base/err.h"

#include "allowed.h"

enum { TRIES = 3 };	/* a cancel that comes late may hit one */

/* Words of the protocol's own making name nothing: no operator or function of others can come in between. */
static const enum own_id steps[] = { OWN_PG_RESET_LOGIN, OWN_PG_RESET_ROLE, OWN_PG_RESET_ALL, OWN_PG_SETUP, OWN_PG_CLOSE_ALL,
	OWN_PG_UNLISTEN, OWN_PG_UNLOCK, OWN_PG_PREPARED };

static bool
is_true(const PGresult *res)
{
	return PQntuples(res) == 1 && strcmp(PQgetvalue(res, 0, 0), "t") == 0;
}

bool
pg_names_are_ours(struct db_conn *c, struct db_result *r)
{
	PGresult *res;
	int ret = pg_own(c, OWN_PG_PREPARED, 0, NULL, &r->own, &res, NULL);
	bool ours = ret == 0 && !is_true(res);

	if (ret != 0)
		pg_ended_by(c, res, &(struct db_statement){ .bytes = "" }, r);
	else if (!ours)
		db_end_with(r, DB_FAILED, "wall", "code behind it prepares statements, which could stand in the place of twokey's own");
	PQclear(res);
	return ours;
}

static bool
send_all(struct db_conn *c, struct buf *names)
{
	const char *values[3] = { c->limits[0], c->limits[1], c->limits[2] };
	bool sent = PQenterPipelineMode(c->pg) == 1;

	for (size_t i = 0; i < sizeof steps / sizeof *steps && sent; i++) {
		own_ran(names, steps[i]);
		sent = PQsendQueryParams(c->pg, own_sql(&c->text, steps[i], c->tag), steps[i] == OWN_PG_SETUP ? 3 : 0, NULL, values, NULL,
		    NULL, 0) == 1;
	}
	return sent && PQpipelineSync(c->pg) == 1;
}

/* Every answer is taken; false when one of them is no success. *foreign: of the last one. */
static bool
take_all(struct db_conn *c, bool *foreign)
{
	bool ok = true;
	PGresult *res;

	for (size_t i = 0; i < sizeof steps / sizeof *steps; i++) {
		while ((res = PQgetResult(c->pg)) != NULL && PQstatus(c->pg) == CONNECTION_OK) {
			ok = ok && (PQresultStatus(res) == PGRES_COMMAND_OK || PQresultStatus(res) == PGRES_TUPLES_OK);
			*foreign = is_true(res);
			PQclear(res);
		}
		PQclear(res);
	}
	res = PQgetResult(c->pg);
	ok = ok && PQresultStatus(res) == PGRES_PIPELINE_SYNC;
	PQclear(res);
	return ok && PQstatus(c->pg) == CONNECTION_OK;
}

void
pg_reset(struct db_conn *c, struct buf *names)
{
	bool done = false, foreign = false;
	struct err e;

	for (int i = 0; i < TRIES && !done && PQstatus(c->pg) == CONNECTION_OK; i++) {
		done = send_all(c, names) && take_all(c, &foreign);
		if (PQexitPipelineMode(c->pg) != 1)
			break;
	}
	if (done && foreign) {
		done = pg_own(c, OWN_PG_DEALLOCATE, 0, NULL, names, NULL, NULL) == 0;
		pg_forget_kept(c);
		c->locks_prepared = false;
		done = done && pg_guard_prepare(c, &e) == 0;
	}
	if (!done)
		c->lost = true;
}
