/* SPDX-License-Identifier: GPL-3.0-or-later */
/* An allowed write: on a handle of its own, in one transaction, counted by the preupdate hook. */
#include "config.h"

#include "sqlite.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "twokey/base/clock.h"
#include "twokey/base/err.h"
#include "twokey/base/must.h"

#include "allowed.h"
#include "effects.h"

struct run {
	struct db_conn *c;
	sqlite3 *db;
	const struct db_allowed *a;
	struct db_result *r;
	struct db_effects effects;
};

static void
before_change(void *ctx, sqlite3 *db, int op, const char *schema, const char *table, sqlite3_int64 old,
    sqlite3_int64 new)
{
	struct run *run = ctx;
	struct db_effect *t = db_effect_of(&run->effects, table, strlen(table));

	(void)db, (void)schema, (void)old, (void)new;
	if (op == SQLITE_INSERT)
		t->inserted++;
	else if (op == SQLITE_DELETE)
		t->deleted++;
	else
		t->updated++;
}

void
sqlite_counter(sqlite3 *db, char out[16])
{
	sqlite3_file *file = NULL;
	unsigned char head[28];

	out[0] = '\0';
	/* through the engine's own descriptor: closing another one would drop its locks */
	if (sqlite3_file_control(db, "main", SQLITE_FCNTL_FILE_POINTER, &file) != SQLITE_OK || file == NULL ||
	    file->pMethods == NULL || file->pMethods->xRead(file, head, sizeof head, 0) != SQLITE_OK ||
	    head[18] != 1)
		return;
	snprintf(out, 16, "%u", (unsigned)head[24] << 24 | (unsigned)head[25] << 16 | (unsigned)head[26] << 8 |
	    head[27]);
}

/* What the engine said, as the way a run ends. */
static void
ended_by(struct run *run, int rc)
{
	char who[128], why[240];

	if ((rc & 0xff) == SQLITE_BUSY || (rc & 0xff) == SQLITE_LOCKED) {
		sqlite_in_the_way(run->c, who, sizeof who);
		snprintf(why, sizeof why, "others kept the database locked; nothing was changed; it waited for %s", who[0] != '\0' ? who :
		    "somebody who is not seen any more, or from here");
		db_end_with(run->r, DB_ROLLEDBACK, "conflict", why);
	} else if ((rc & 0xff) == SQLITE_INTERRUPT)
		db_end_with(run->r, DB_ROLLEDBACK, "cancelled", atomic_load(&run->c->cancelled) ? "cancelled" :
		    "it took longer than the time limit");
	else
		sqlite_failed(run->c, run->db, rc, run->r);
}

/* Compares what is there now with what was allowed; false when it is not the same. later: others ran, so the rows may
 * be others. */
static bool
still_as_allowed(struct run *run, struct db_part *p, bool later)
{
	struct db_sheet sheet;
	struct db_match now;
	struct err e;
	bool same = false;
	int ret;

	db_sheet_init(&sheet);
	ret = sqlite_look(run->c, run->db, &p->statement, p->facts, &sheet, NULL, &now, &e);
	own_list_join(&run->r->own, &sheet.own);
	/* a look that was interrupted half-way compares to nothing */
	if (atomic_load(&run->c->cancelled))
		db_end_with(run->r, DB_ROLLEDBACK, "cancelled", "cancelled");
	else if (ret == ERR_CANCELLED)
		db_end_with(run->r, DB_ROLLEDBACK, "cancelled", e.text);
	else if (ret != 0)
		db_end_with(run->r, DB_ROLLEDBACK, "bind", e.text);
	else
		same = later ? db_ground_kept(p, &sheet, run->r) : db_as_shown(run->a, p, &sheet, run->r);
	db_sheet_fini(&sheet);
	return same;
}

/* Runs the bytes; true when they ran to their end. */
static bool
execute(struct run *run, struct db_part *p)
{
	sqlite3_stmt *st;
	struct err e;
	int rc, ret = sqlite_prepare(run->c, run->db, sqlite_wall_of(p->facts), &p->statement, &st, &e);

	if (ret == ERR_WALL) {
		db_end_with(run->r, DB_FAILED, "wall", e.text);
		return false;
	}
	if (ret != 0) {
		ended_by(run, sqlite3_extended_errcode(run->db));
		return false;
	}
	do
		rc = sqlite3_step(st);
	while (rc == SQLITE_ROW);
	if (rc != SQLITE_DONE)
		ended_by(run, sqlite3_extended_errcode(run->db));
	sqlite3_finalize(st);
	if (rc == SQLITE_DONE && sql_is_definition(p->facts))
		return true;	/* there are no rows to count */
	return rc == SQLITE_DONE && db_bound_kept(p, (uint64_t)sqlite3_changes64(run->db), run->r);
}

/* All parts are compared before the first is run. */
static bool
execute_all(struct run *run)
{
	for (size_t i = 0; i < run->a->nparts; i++)
		if (!still_as_allowed(run, &run->a->parts[i], false))
			return false;
	for (size_t i = 0; i < run->a->nparts; i++)
		if ((i > 0 && !still_as_allowed(run, &run->a->parts[i], true)) || !execute(run, &run->a->parts[i]))
			return false;
	return true;
}

/* A deferred foreign key that is still broken would fail at COMMIT: say it before. */
static bool
keys_hold(struct run *run)
{
	int broken = 0, high = 0;

	if (sqlite3_db_status(run->db, SQLITE_DBSTATUS_DEFERRED_FKS, &broken, &high, 0) == SQLITE_OK && broken == 0)
		return true;
	db_end_with(run->r, DB_FAILED, "SQLITE_CONSTRAINT", "FOREIGN KEY constraint failed");
	return false;
}

/* Asks who holds the change; what may have become of the file meanwhile is looked at again. */
static bool
held(struct run *run)
{
	struct err e;

	/* nobody can be asked meanwhile what others wait for: a waiter may only see that the file is locked */
	run->c->deadline_ms = 0;
	if (!db_kept(run->a, run->r))
		return false;
	if (run->a->holding == NULL)
		return true;
	if (sqlite_same_file(run->c, run->db, &e) != 0)
		db_end_with(run->r, DB_FAILED, "lost", e.text);
	else if (sqlite3_get_autocommit(run->db))
		db_end_with(run->r, DB_FAILED, "wall", "the transaction is not the one that was held");
	else
		return true;
	return false;
}

/* The engine shows nobody who waits for a lock of a file. */
int
sqlite_waiting(struct db_conn *c, struct db_waiting *w, struct err *e)
{
	*w = (struct db_waiting){ .n = 0 };
	if (sqlite_same_file(c, c->ro, e) != 0)
		return ERR_DATABASE;
	return err_set(e, ERR_UNSUPPORTED, "who waits is not seen: SQLite does not tell who waits for a database file");
}

static bool
may_commit(struct run *run)
{
	struct db_commit_point p = { .backend = getpid() };

	if (!keys_hold(run) || !held(run))
		return false;
	p.affected = run->r->rows;
	if (atomic_load(&run->c->cancelled)) {
		db_end_with(run->r, DB_ROLLEDBACK, "cancelled", "cancelled");
		return false;
	}
	snprintf(p.system, sizeof p.system, "%.31s", run->c->identity);
	sqlite_counter(run->db, p.timeline);
	return db_on_record(run->a, &p, run->r);
}

/* From here on a cancel comes too late. */
static void
commit(struct run *run)
{
	int rc;

	if (atomic_load(&run->c->cancelled)) {
		db_end_with(run->r, DB_ROLLEDBACK, "cancelled", "cancelled before COMMIT");
		return;
	}
	run->c->deadline_ms = 0;
	atomic_store(&run->c->cancelled, false);
	rc = sqlite_own_run(run->c, run->db, OWN_SQLITE_COMMIT, &run->r->own);
	if (rc == SQLITE_OK)
		run->r->end = DB_COMMITTED;
	else if ((rc & 0xff) == SQLITE_IOERR && sqlite3_get_autocommit(run->db))
		db_end_with(run->r, DB_UNKNOWN, sqlite_code(rc), sqlite3_errmsg(run->db));
	else
		ended_by(run, rc);
}

static void
run_inside(struct run *run)
{
	int rc = sqlite_own_run(run->c, run->db, OWN_SQLITE_BEGIN_WRITE, &run->r->own);

	if (rc != SQLITE_OK) {
		ended_by(run, rc);
		return;
	}
	sqlite3_preupdate_hook(run->db, before_change, run);
	if (execute_all(run)) {
		db_effects_put(&run->effects, &run->r->effects);
		if (may_commit(run))
			commit(run);
	}
	sqlite3_preupdate_hook(run->db, NULL, NULL);
	if (!sqlite3_get_autocommit(run->db)) {
		atomic_store(&run->c->cancelled, false);
		run->c->deadline_ms = 0;
		(void)sqlite_own_run(run->c, run->db, OWN_SQLITE_ROLLBACK, &run->r->own);
	}
}

int
sqlite_run(struct db_conn *c, const struct db_allowed *a, struct db_result *r, struct err *e)
{
	struct run *run = must_zalloc(sizeof *run);
	int64_t began = clock_wall_us();
	struct err why;
	int ret;

	run->c = c;
	run->a = a;
	run->r = r;
	ret = sqlite_same_file(c, c->ro, e);
	if (ret == 0 && sqlite_handle(c, true, &run->db, &why) != 0) {
		db_end_with(r, DB_FAILED, "SQLITE_CANTOPEN", why.text);
	} else if (ret == 0 && (ret = sqlite_same_file(c, run->db, e)) == 0) {
		sqlite_begin(c, run->db);
		run_inside(run);
		sqlite_end(c);
		r->ms = (double)(clock_wall_us() - began) / 1000.0;
	}
	/* closing rolls back whatever is still open */
	sqlite3_close_v2(run->db);
	free(run);
	return ret;
}

int
sqlite_outcome(struct db_conn *c, const struct db_commit_point *p, const char **is, struct err *e)
{
	char now[16];

	*is = "unknown";
	if (strncmp(p->system, c->identity, sizeof p->system - 1) != 0)
		return err_set(e, ERR_UNKNOWN, "it is another database file than the one that was written");
	sqlite_counter(c->ro, now);
	/* equal: nobody has committed since. Not equal: it was this one or another, the file does not say */
	if (p->timeline[0] != '\0' && strcmp(now, p->timeline) == 0)
		*is = "aborted";
	else
		(void)err_set(e, ERR_UNKNOWN, p->timeline[0] != '\0' ? "something was committed since: this change or another one" :
		    "the file has a write-ahead log");
	return 0;
}
