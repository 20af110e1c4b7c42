/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The commit: first on record, then sent; and what became of one that was never answered. */
#include "config.h"

#include "pg.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "twokey/base/clock.h"
#include "twokey/base/err.h"

#include "allowed.h"

enum { SETTLES_WITHIN_MS = 6000, END_LOST_AFTER_MS = 1000 };

static bool
find_point(struct db_conn *c, struct db_commit_point *p, struct db_result *r)
{
	PGresult *res;
	int ret = pg_own(c, OWN_PG_POINT, 0, NULL, &r->own, &res, NULL);

	if (ret != 0) {
		pg_ended_by(c, res, &(struct db_statement){ .bytes = "" }, r);
	} else {
		snprintf(p->xid, sizeof p->xid, "%s", PQgetvalue(res, 0, 0));
		p->backend = strtoll(PQgetvalue(res, 0, 1), NULL, 10);
		snprintf(p->system, sizeof p->system, "%s", c->system);
		snprintf(p->timeline, sizeof p->timeline, "%s", c->timeline);
		snprintf(p->epoch, sizeof p->epoch, "%s", PQgetvalue(res, 0, 2));
		snprintf(p->log, sizeof p->log, "%s", PQgetvalue(res, 0, 3));
	}
	PQclear(res);
	return ret == 0;
}

static void
send_commit(struct db_conn *c, struct db_result *r)
{
	PGresult *res;

	(void)pg_own(c, OWN_PG_COMMIT, 0, NULL, &r->own, &res, NULL);
	if (PQresultStatus(res) == PGRES_COMMAND_OK && strcmp(PQcmdStatus(res), "COMMIT") == 0) {
		r->end = DB_COMMITTED;
		snprintf(r->code, sizeof r->code, "%s", c->unreplicated ? "not-replicated" : "");
	} else if (PQstatus(c->pg) != CONNECTION_OK) {
		c->lost = true;
		db_end_with(r, DB_UNKNOWN, "lost", "the connection was lost after COMMIT was sent");
	} else if (PQresultStatus(res) == PGRES_COMMAND_OK) {
		db_end_with(r, DB_FAILED, "rollback", "the server answered COMMIT with ROLLBACK");
	} else {
		pg_ended_by(c, res, &(struct db_statement){ .bytes = "" }, r);
	}
	PQclear(res);
}

static void
lost_before(struct db_conn *c, struct db_result *r)
{
	c->lost = true;
	db_end_with(r, DB_FAILED, "lost", "the connection was lost before COMMIT was sent: the server rolls back");
}

/* Asks who holds the change. What may have become of the transaction meanwhile is looked at again: a server that ended it
 * ended the connection too, and its number is still the same. */
static bool
held(struct db_conn *c, const struct db_allowed *a, struct db_commit_point *p, struct db_result *r)
{
	struct db_commit_point before = { .affected = 0 };
	bool kept;

	if (a->holding != NULL && !find_point(c, &before, r))
		return false;
	kept = db_kept(a, r);
	if (a->holding != NULL && !pg_is_there(c))
		return lost_before(c, r), false;
	p->affected = r->rows;
	if (!kept || !find_point(c, p, r))
		return false;
	if (a->holding == NULL || strcmp(p->xid, before.xid) == 0)
		return true;
	db_end_with(r, DB_FAILED, "wall", "the transaction is not the one that was held");
	return false;
}

/* From the first line on a cancel may still roll back; once COMMIT is sent it comes too late. */
void
pg_commit(struct db_conn *c, const struct db_allowed *a, struct db_result *r)
{
	struct db_commit_point p = { .affected = 0 };

	if (!held(c, a, &p, r))
		return;
	if (atomic_load(&c->cancelled)) {
		db_end_with(r, DB_ROLLEDBACK, "cancelled", "cancelled");
		return;
	}
	if (!db_on_record(a, &p, r))
		return;
	if (atomic_load(&c->cancelled)) {
		db_end_with(r, DB_ROLLEDBACK, "cancelled", "cancelled before COMMIT was sent");
		return;
	}
	if (!pg_is_there(c)) {
		lost_before(c, r);
		return;
	}
	send_commit(c, r);
}

/* As the server says it now; "in progress" while its backend lives. "" when it does not know. A number that it has not
 * given out yet is one that a crash took back: nothing of that transaction was on disk. */
static int
status(struct db_conn *c, const struct db_commit_point *p, char *is, size_t size, struct err *e)
{
	const char *values[1] = { p->xid };
	PGresult *res;
	int ret = pg_own(c, OWN_PG_OUTCOME, 1, values, NULL, &res, e);

	if (ret == ERR_STATEMENT && strcmp(pg_state(res), "22023") == 0) {
		snprintf(is, size, "aborted");
		ret = 0;
	} else {
		snprintf(is, size, "%s", ret == 0 && !PQgetisnull(res, 0, 0) ? PQgetvalue(res, 0, 0) : "");
	}
	PQclear(res);
	return ret;
}

static bool
is_true(const PGresult *res, int column)
{
	return strcmp(PQgetvalue(res, 0, column), "t") == 0;
}

/* A server that crashes forgets what was not on disk, the numbers of transactions too, and gives them out again: then
 * "committed" may be another one's. Ours was kept when its log survived the crash. */
static int
if_not_reused(struct db_conn *c, const struct db_commit_point *p, const char **is, struct err *e)
{
	const char *values[2] = { p->epoch, p->log };
	PGresult *res = NULL;
	int ret = p->epoch[0] != '\0' && p->log[0] != '\0' ? pg_own(c, OWN_PG_CRASHED, 2, values, NULL, &res, e) : ERR_UNKNOWN;

	if (ret == 0 && (!is_true(res, 0) || is_true(res, 2)))
		*is = "committed";
	else if (ret == 0 && is_true(res, 1))
		*is = "aborted";
	else
		(void)err_set(e, ERR_UNKNOWN, "the server says committed of transaction %s, but it crashed meanwhile and may have given that "
		    "number to another one", p->xid);
	PQclear(res);
	return 0;
}

/* A backend whose client died notices it at once, one whose way was cut late or never: while it only waits for what nobody
 * can send any more, it is ended. One that is committing is left to it. */
static void
end_lost(struct db_conn *c, const struct db_commit_point *p)
{
	char backend[24];
	const char *values[2] = { backend, p->xid };
	PGresult *res;

	snprintf(backend, sizeof backend, "%lld", (long long)p->backend);
	(void)pg_own(c, OWN_PG_END_LOST, 2, values, NULL, &res, NULL);
	PQclear(res);
}

static int
final_status(struct db_conn *c, const struct db_commit_point *p, char *is, size_t size, struct err *e)
{
	int64_t began = clock_mono_ms();
	struct timespec pause = { 0, 100 * 1000000L };
	int ret;

	while ((ret = status(c, p, is, size, e)) == 0 && strcmp(is, "in progress") == 0 &&
	    clock_mono_ms() - began < SETTLES_WITHIN_MS) {
		if (clock_mono_ms() - began >= END_LOST_AFTER_MS)
			end_lost(c, p);
		nanosleep(&pause, NULL);
	}
	return ret;
}

int
pg_outcome(struct db_conn *c, const struct db_commit_point *p, const char **is, struct err *e)
{
	char now[32];
	int ret;

	*is = "unknown";
	if (c->lost)
		return err_set(e, ERR_DATABASE, "the connection to the database is lost; open a new session");
	if (p->xid[0] == '\0')
		return err_set(e, ERR_UNKNOWN, "no transaction number was assigned");
	if (c->standby)	/* what it has not heard of yet it would call not there */
		return err_set(e, ERR_UNKNOWN, "it is a standby, which may not know of it yet");
	if (c->system[0] == '\0' || strcmp(c->system, p->system) != 0 || strcmp(c->timeline, p->timeline) != 0)
		return err_set(e, ERR_UNKNOWN, "it is another server, or another timeline of it, than the one that was written");
	ret = final_status(c, p, now, sizeof now, e);
	if (ret == 0 && strcmp(now, "committed") == 0)
		return if_not_reused(c, p, is, e);
	if (ret == 0 && strcmp(now, "aborted") == 0)
		*is = "aborted";
	else if (ret == 0)
		(void)err_set(e, ERR_UNKNOWN, "the server says \"%s\" of transaction %s", now[0] != '\0' ? now : "not known", p->xid);
	return ret == ERR_STATEMENT ? 0 : ret;
}
