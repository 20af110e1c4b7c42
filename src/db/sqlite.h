/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Inside of the SQLite driver: a read-only handle for the session, a writing one per allowed request. */
#ifndef DB_SQLITE_H
#define DB_SQLITE_H

#define SQLITE_ENABLE_PREUPDATE_HOOK 1
#include <sqlite3.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/types.h>

#include "db/driver.h"
#include "db/own.h"
#include "db/shown.h"

/* What the authorizer of a handle lets through. */
enum sqlite_wall {
	SQLITE_WALL_READ,	/* a person's read */
	SQLITE_WALL_EXPLAIN,	/* EXPLAIN of anything: prepared, never stepped unless it is an explanation */
	SQLITE_WALL_WRITE,	/* an allowed write, or one that is only prepared to see its triggers */
	SQLITE_WALL_DEFINE,	/* an allowed change of definitions, or one that is only prepared */
	SQLITE_WALL_OWN		/* our own statements */
};

struct sqlite_gate {
	enum sqlite_wall wall;
	struct buf *triggers;	/* WRITE, DEFINE: names of triggers and views met, or NULL */
	char denied[200];	/* the first thing that was refused */
};

struct db_conn {
	sqlite3 *ro;
	char *path;
	dev_t dev;
	ino_t ino;
	char identity[160];
	char tag[OWN_TAG_MAX];
	unsigned statement_ms;
	unsigned lock_ms;
	struct sql_settings sql;
	struct sqlite_gate gate;
	struct buf text;	/* our own statement being prepared */
	pthread_mutex_t lock;
	sqlite3 *running;	/* under lock: what cancel interrupts */
	atomic_bool cancelled;
	int64_t deadline_ms;	/* of clock_mono_ms, 0: none */
};

/* sqlite_open.c: another handle on the file, for reading or writing, which the caller closes; ERR_DATABASE */
int	sqlite_handle(struct db_conn *c, bool write, sqlite3 **out, struct err *e);
/* ERR_DATABASE when the file under the handle is not the one that was opened. */
int	sqlite_same_file(const struct db_conn *c, sqlite3 *db, struct err *e);
/* Between begin and end a cancel stops what db does. */
void	sqlite_begin(struct db_conn *c, sqlite3 *db);
void	sqlite_end(struct db_conn *c);
struct db_conn *sqlite_open(const struct db_target *t, struct db_info *info, struct err *e);
void	sqlite_close(struct db_conn *c);
void	sqlite_cancel(struct db_conn *c);

/* sqlite_wall.c: the authorizer (sqlite3_set_authorizer): SQLITE_DENY for what is not on the list of the wall */
int	sqlite_authorize(void *conn, int action, const char *a, const char *b, const char *db, const char *by);
/* Prepares the one statement of a text behind a wall. ERR_WALL; ERR_STATEMENT when the engine
 * refuses it (ask sqlite_failed). */
int	sqlite_prepare(struct db_conn *c, sqlite3 *db, enum sqlite_wall wall, const struct db_statement *s,
	    sqlite3_stmt **out, struct err *e);
const char *sqlite_code(int rc);

/* sqlite_own.c: one of our own statements, prepared, which the caller finalizes, its name added; NULL and *e */
sqlite3_stmt *sqlite_own(struct db_conn *c, sqlite3 *db, enum own_id id, struct buf *names, struct err *e);
/* Runs one of our own statements without rows; 0 or a code of SQLite. */
int	sqlite_own_run(struct db_conn *c, sqlite3 *db, enum own_id id, struct buf *names);
struct db_cell sqlite_cell(sqlite3_stmt *st, int i);
int	sqlite_settings(struct db_conn *c, sqlite3 *db, struct buf *names, struct db_ground *g, struct err *e);

/* sqlite_locks.c: what other processes have locked, the size of the table, whether it can be taken back; no error */
/* "process 4711 (sqlite3)": another process that has the lock which a write would meet now; "" nobody is seen. */
void	sqlite_in_the_way(struct db_conn *c, char *out, size_t size);
void	sqlite_locks(struct db_conn *c, const struct sql_facts *f, const struct sql_table *table, struct db_sheet *sheet);
/* sqlite_define.c: the object that a change of definitions is about, and what hangs on it, onto the sheet */
int	sqlite_define(struct db_conn *c, sqlite3 *db, const struct sql_facts *f, struct db_sheet *sheet, struct err *e);
/* The wall behind which such a statement is prepared and run. */
enum sqlite_wall sqlite_wall_of(const struct sql_facts *f);

/* sqlite_sheet.c */
/* Everything that a request is bound to, read in the open transaction of db; sample may be NULL. m: NULL when the rows
 * are not looked for. */
int	sqlite_look(struct db_conn *c, sqlite3 *db, const struct db_statement *s, const struct sql_facts *f,
	    struct db_sheet *sheet, const struct db_sink *sample, struct db_match *m, struct err *e);
int	sqlite_sheet(struct db_conn *c, const struct db_statement *s, const struct sql_facts *f,
	    const struct db_sink *sample, struct db_sheet *sheet, struct err *e);

/* Of the table of functions (db/driver.h). */
int	sqlite_read(struct db_conn *c, const struct db_statement *s, const struct sql_facts *f,
	    const struct db_limits *max, const struct db_sink *sink, struct db_result *r, struct err *e);
/* Hands rows on until the statement ends; an SQLite code, *cut when it was cut. */
int	sqlite_drain(sqlite3_stmt *st, const struct db_sink *sink, struct db_count *n, bool *cut);
/* r becomes FAILED with the words of the engine. */
void	sqlite_failed(const struct db_conn *c, sqlite3 *db, int rc, struct db_result *r);

/* sqlite_describe.c, sqlite_weigh.c: driver's describe and weigh */
int	sqlite_describe(struct db_conn *c, enum db_subject s, const char *name, const struct db_limits *max,
	    const struct db_sink *sink, struct db_result *r, struct err *e);
/* How many rows the plan of a statement goes through, in the open transaction of the reading handle; -1 when it cannot be
 * told. No error. */
double	sqlite_guess(struct db_conn *c, const struct db_statement *s, const struct sql_facts *f, struct buf *own);
int	sqlite_weigh(struct db_conn *c, const struct db_statement *s, const struct sql_facts *f,
	    const struct db_weight_limit *limit, struct db_weight *w, struct err *e);

/* Of the table of functions (db/driver.h). */
int	sqlite_run(struct db_conn *c, const struct db_allowed *a, struct db_result *r, struct err *e);
int	sqlite_waiting(struct db_conn *c, struct db_waiting *w, struct err *e);
int	sqlite_outcome(struct db_conn *c, const struct db_commit_point *p, const char **is, struct err *e);
/* The file's change counter, "" when the journal keeps none (WAL). */
void	sqlite_counter(sqlite3 *db, char out[16]);

#endif
