/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "sqlite.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <time.h>

#include "twokey/base/clock.h"
#include "twokey/base/err.h"
#include "twokey/base/must.h"

enum { STEPS_BETWEEN_LOOKS = 1000, WAIT_MS = 2 };

static int
over(void *conn)
{
	struct db_conn *c = conn;

	return atomic_load(&c->cancelled) || (c->deadline_ms != 0 && clock_mono_ms() > c->deadline_ms);
}

/* Waits for a lock, but not past its limit and not past a cancel. */
static int
busy(void *conn, int times)
{
	struct db_conn *c = conn;
	struct timespec t = { 0, WAIT_MS * 1000000L };

	if (over(c) || (unsigned)times >= c->lock_ms / WAIT_MS)
		return 0;
	nanosleep(&t, NULL);
	return 1;
}

static int
harden(struct db_conn *c, sqlite3 *db)
{
	static const struct { int what, value; } wanted[] = {
		{ SQLITE_DBCONFIG_DEFENSIVE, 1 },
		{ SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0 },
		{ SQLITE_DBCONFIG_ENABLE_LOAD_EXTENSION, 0 },
		{ SQLITE_DBCONFIG_ENABLE_FTS3_TOKENIZER, 0 },
		{ SQLITE_DBCONFIG_WRITABLE_SCHEMA, 0 },
		{ SQLITE_DBCONFIG_ENABLE_FKEY, 1 },	/* cascades run, and the sheet shows them */
	};

	for (size_t i = 0; i < sizeof wanted / sizeof *wanted; i++)
		if (sqlite3_db_config(db, wanted[i].what, wanted[i].value, NULL) != SQLITE_OK)
			return ERR_DATABASE;
	sqlite3_limit(db, SQLITE_LIMIT_ATTACHED, 0);
	sqlite3_busy_handler(db, busy, c);
	sqlite3_progress_handler(db, STEPS_BETWEEN_LOOKS, over, c);
	sqlite3_set_authorizer(db, sqlite_authorize, c);
	return 0;
}

int
sqlite_handle(struct db_conn *c, bool write, sqlite3 **out, struct err *e)
{
	int flags = (write ? SQLITE_OPEN_READWRITE : SQLITE_OPEN_READONLY) | SQLITE_OPEN_FULLMUTEX |
	    SQLITE_OPEN_NOFOLLOW | SQLITE_OPEN_PRIVATECACHE;
	sqlite3 *db = NULL;
	int rc = sqlite3_open_v2(c->path, &db, flags, NULL);

	if (rc == SQLITE_OK && harden(c, db) == 0) {
		*out = db;
		return 0;
	}
	err_set(e, ERR_UNREACHABLE, "the database file %s cannot be opened: %s; check its path and rights",
	    c->path, db != NULL ? sqlite3_errmsg(db) : sqlite3_errstr(rc));
	sqlite3_close_v2(db);
	return ERR_UNREACHABLE;
}

int
sqlite_same_file(const struct db_conn *c, sqlite3 *db, struct err *e)
{
	struct stat st;
	int moved = 1;

	if (stat(c->path, &st) == 0 && st.st_dev == c->dev && st.st_ino == c->ino &&
	    sqlite3_file_control(db, "main", SQLITE_FCNTL_HAS_MOVED, &moved) == SQLITE_OK && !moved)
		return 0;
	return err_set(e, ERR_DATABASE, "the database file %s was moved or replaced; the session ends, open a new one",
	    c->path);
}

void
sqlite_begin(struct db_conn *c, sqlite3 *db)
{
	pthread_mutex_lock(&c->lock);
	atomic_store(&c->cancelled, false);
	c->deadline_ms = c->statement_ms > 0 ? clock_mono_ms() + c->statement_ms : 0;
	c->running = db;
	pthread_mutex_unlock(&c->lock);
}

void
sqlite_end(struct db_conn *c)
{
	pthread_mutex_lock(&c->lock);
	c->running = NULL;
	c->deadline_ms = 0;
	atomic_store(&c->cancelled, false);
	pthread_mutex_unlock(&c->lock);
}

void
sqlite_cancel(struct db_conn *c)
{
	pthread_mutex_lock(&c->lock);
	if (c->running != NULL) {
		atomic_store(&c->cancelled, true);
		sqlite3_interrupt(c->running);
	}
	pthread_mutex_unlock(&c->lock);
}

/* Reads something, so that a file that is no database, locked or half written is found now. */
static int
look(struct db_conn *c)
{
	sqlite3_stmt *st = sqlite_own(c, c->ro, OWN_SQLITE_LOOK, NULL, NULL);
	int rc = st != NULL ? sqlite3_step(st) : sqlite3_errcode(c->ro);

	sqlite3_finalize(st);
	return rc == SQLITE_ROW ? SQLITE_OK : sqlite3_extended_errcode(c->ro);
}

/* A journal that a killed writer left can only be rolled back by a handle that may write: the engine does it. */
static int
recover(struct db_conn *c, struct err *e)
{
	sqlite3 *rw, *ro = c->ro;
	int rc = look(c);

	if (rc == SQLITE_OK)
		return 0;
	if (((rc & 0xff) == SQLITE_READONLY || (rc & 0xff) == SQLITE_CANTOPEN || (rc & 0xff) == SQLITE_IOERR) &&
	    sqlite_handle(c, true, &rw, NULL) == 0) {
		c->ro = rw;
		(void)look(c);
		c->ro = ro;
		sqlite3_close_v2(rw);
		rc = look(c);
	}
	if (rc == SQLITE_OK)
		return 0;
	return err_set(e, ERR_UNREACHABLE, "the database file %s cannot be read: %s", c->path, sqlite3_errmsg(c->ro));
}

static int
resolve(struct db_conn *c, const char *file, struct err *e)
{
	struct stat st;

	c->path = file != NULL ? realpath(file, NULL) : NULL;
	if (c->path == NULL || stat(c->path, &st) != 0 || !S_ISREG(st.st_mode))
		return err_set(e, ERR_UNREACHABLE, "there is no database file %s; check the target's path",
		    file != NULL ? file : "(none)");
	c->dev = st.st_dev;
	c->ino = st.st_ino;
	snprintf(c->identity, sizeof c->identity, "dev %u:%u inode %ju", major(c->dev), minor(c->dev),
	    (uintmax_t)c->ino);
	return 0;
}

static int
describe(struct db_conn *c, struct db_info *info, struct err *e)
{
	int v = sqlite3_libversion_number(), ret;
	struct db_ground g;

	*info = (struct db_info){ .standing = DB_PRIMARY, .lag_ms = -1 };
	snprintf(info->version, sizeof info->version, "SQLite %s", sqlite3_libversion());
	snprintf(info->release, sizeof info->release, "%d.%d", v / 1000000, v / 1000 % 1000);
	snprintf(info->database, sizeof info->database, "%s", c->path);
	snprintf(info->identity, sizeof info->identity, "%s", c->identity);
	info->caps = CAP_BIT(CAP_READ_WALL) | CAP_BIT(CAP_TRANSACTION) | CAP_BIT(CAP_REHEARSAL) | CAP_BIT(CAP_CANCEL);
	info->sql = c->sql;
	db_ground_begin(&g, NULL);
	ret = sqlite_settings(c, c->ro, NULL, &g, e);
	info->settings = db_ground_end(&g);
	return ret;
}

struct db_conn *
sqlite_open(const struct db_target *t, struct db_info *info, struct err *e)
{
	struct db_conn *c = must_zalloc(sizeof *c);

	buf_init(&c->text, 64 * 1024);
	must(pthread_mutex_init(&c->lock, NULL) == 0);
	own_tag(c->tag, t->tag);
	c->statement_ms = t->statement_timeout_ms;
	c->lock_ms = t->lock_timeout_ms;
	c->sql = (struct sql_settings){ .engine = SQL_SQLITE, .version = (unsigned)sqlite3_libversion_number() };
	if (resolve(c, t->file, e) == 0 && sqlite_handle(c, false, &c->ro, e) == 0 && recover(c, e) == 0 &&
	    sqlite_same_file(c, c->ro, e) == 0 && describe(c, info, e) == 0)
		return c;
	sqlite_close(c);
	return NULL;
}

void
sqlite_close(struct db_conn *c)
{
	sqlite3_close_v2(c->ro);
	pthread_mutex_destroy(&c->lock);
	buf_fini(&c->text);
	free(c->path);
	free(c);
}

const struct db_driver sqlite_driver = {
	.engine = SQL_SQLITE,
	.open = sqlite_open,
	.close = sqlite_close,
	.read = sqlite_read,
	.sheet = sqlite_sheet,
	.run = sqlite_run,
	.waiting = sqlite_waiting,
	.outcome = sqlite_outcome,
	.describe = sqlite_describe,
	.weigh = sqlite_weigh,
	.cancel = sqlite_cancel
};
