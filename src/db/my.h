/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Inside of the driver of MariaDB and MySQL: text protocol, one statement each, always in a transaction that the
 * server says is read-only, except for the run of an allowed write. */
#ifndef DB_MY_H
#define DB_MY_H

#include <mysql.h>
#include <pthread.h>
#include <stdatomic.h>

#include "db/driver.h"
#include "db/own.h"
#include "db/shown.h"

enum { MY_CHECKED = 128 };

/* A text that the server has prepared and found to be a read, and until when the names in it count as looked up. */
struct my_checked {
	struct digest text;
	bool reads;
	int64_t clear_until_ms;
};

struct db_conn {
	MYSQL *my;
	MYSQL *stop;			/* idle, for KILL QUERY; under lock */
	bool maria;
	unsigned long long id;		/* CONNECTION_ID() of my */
	char tag[OWN_TAG_MAX];
	char identity[160];
	char system[32];
	char database[256];
	char role[128];
	struct sql_settings sql;
	struct buf text;		/* our own statement being sent */
	struct sql_facts *facts;	/* of the definitions of views */
	struct my_checked checked[MY_CHECKED];
	size_t nchecked;		/* counts on; the place is its remainder */
	int64_t wait_ms;		/* for the first byte of an answer, 0: no limit */
	struct my_sizes *sizes;		/* NULL: not asked yet */
	const struct my_large *largest;	/* that the guard met last; in sizes */
	MYSQL_RES *variables;		/* as they were when the session was made */
	bool flagged, moved;		/* the server says that something changed; something is not as it was */
	int64_t writes_since_ms;	/* when the transaction that writes began */
	struct buf *names;		/* of our own statements in the current run, else NULL */
	struct db_waiting others;	/* those that it was seen to wait for, the last time */
	bool others_hidden;		/* this account cannot see them */
	bool waited;			/* something failed because a lock was not to be had in time */
	unsigned blind;			/* my_locks.c: places that did not tell this account */
	bool lost;			/* the connection is gone, or in a state that it must not be in */
	pthread_mutex_t lock;
	bool running;			/* under lock */
	atomic_bool cancelled;
};

/* my_connect.c, my_place.c, my_tell.c, my_info.c */
/* A connection as the target says and nothing else; NULL and *e on failure. */
MYSQL	*my_connect(const struct db_target *t, struct err *e);
/* Before the connection: has it made to t->hostaddr while the certificate is checked for t->host. */
int	my_place(MYSQL *m, const struct db_target *t, struct err *e);
/* Why the connection could not be made, with the next step: ERR_UNREACHABLE. */
int	my_tell(struct err *e, const struct db_target *t, MYSQL *m);
int	my_describe(struct db_conn *c, const struct db_target *t, struct db_info *info, struct err *e);
int	my_settings(struct db_conn *c, struct buf *names, struct db_ground *g, struct err *e);

/* my_alone.c: driver's alone */
int	my_alone(struct db_conn *c, const struct sql_facts *f, struct err *e);

/* my_own.c */
enum my_kind { MY_TEXT, MY_NUMBER, MY_NAME, MY_LIST };
/* What stands for a "?". MY_LIST is made by my_list_add. */
struct my_value {
	enum my_kind kind;
	const char *p;
	size_t n;
};
struct my_value my_text(const char *s);
struct my_value my_number(const char *digits);
void	my_list_add(struct buf *list, const char *p, size_t n);
/* Sends one of our own statements without waiting; several may be on the way. ERR_DATABASE when lost. */
int	my_send(struct db_conn *c, enum own_id id, int n, const struct my_value *v, struct buf *names, struct err *e);
/* The next answer. *res (may be NULL) is the caller's to free, also when NULL is in it. ERR_STATEMENT,
 * ERR_CANCELLED, ERR_WALL, or ERR_DATABASE when the connection is lost. */
int	my_take(struct db_conn *c, enum own_id id, MYSQL_RES **res, struct err *e);
int	my_own(struct db_conn *c, enum own_id id, int n, const struct my_value *v, struct buf *names, MYSQL_RES **res,
	    struct err *e);
/* The same on a connection that is no db_conn yet. */
int	my_ask(MYSQL *m, enum own_id id, const char *tag, int n, const struct my_value *v, MYSQL_RES **res, struct err *e);
/* ERR_DATABASE and the connection counts as lost. */
int	my_lose(struct db_conn *c, struct err *e, const char *why);
/* Notes an error that says that a lock was not to be had in time. */
void	my_wait_is_over(struct db_conn *c, unsigned number);
/* The flags that the server's last words had. */
bool	my_is_walled(const struct db_conn *c);
bool	my_is_writing(const struct db_conn *c);
/* Back into the read-only transaction that waits between statements; ERR_DATABASE when that cannot be had. */
int	my_leave(struct db_conn *c, struct buf *names, struct err *e);

/* my_state.c */
/* Keeps what the session's variables are now; what differs later has moved. */
int	my_state_keep(struct db_conn *c, struct err *e);
/* Behind every answer of the server to a statement that was not ours, and to ours without rows; no error. */
void	my_watch(struct db_conn *c);
/* ERR_DATABASE and the connection counts as lost when the database or a variable of the session is another, or cannot
 * be asked; ERR_CANCELLED when that was cancelled, then it is to be called again. */
int	my_settled(struct db_conn *c, struct buf *names, struct err *e);

/* my_cancel.c: between begin and end a cancel stops what runs; end waits for one that is under way */
void	my_begin(struct db_conn *c);
void	my_end(struct db_conn *c);
void	my_cancel(struct db_conn *c);
/* KILL QUERY for what runs now. */
void	my_stop(struct db_conn *c);
/* Waits for the first byte of an answer; a cancel that came too early is sent again. Nothing of an earlier answer
 * may be unread. */
void	my_wait(struct db_conn *c);

/* my_words.c */
/* True for an error after which there is no connection any more. */
bool	my_is_lost(unsigned number);
/* True when the server refused it because of the read-only transaction. */
bool	my_is_wall(unsigned number);
bool	my_is_cancelled(unsigned number);
/* r becomes FAILED with the words of the server. */
void	my_failed(unsigned number, const char *state, const char *words, const struct db_statement *s, struct db_result *r);

/* my_guard.c, my_prepare.c */
/* ERR_WALL for what is not even sent. */
int	my_sendable(const struct db_statement *s, const struct sql_facts *f, struct err *e);
/* What the names in a text were found to mean. */
struct my_found {
	bool plain;		/* tables and built-in functions only */
	bool function;		/* it was stopped for a function that somebody made */
	bool by_view;		/* it writes through a view */
	bool wants_targets;	/* asked for by the caller: */
	struct my_target *targets;	/* base tables that it writes or reaches so; my_targets_free */
	size_t ntargets;
	size_t nviews;		/* views that it names, or that they name in turn, */
	struct digest views;	/* and what they were found to be */
};
struct my_target {
	char *schema, *name, *engine;
};
/* Looks up the names in a text; ERR_WALL when one of them runs code that cannot be cleared. *found is filled anew. */
int	my_guard(struct db_conn *c, const struct sql_facts *f, struct buf *names, struct my_found *found, struct err *e);
void	my_targets_free(struct my_found *found);
/* False for an engine that may read files or call other servers; the others keep rows themselves and ask nobody else. */
bool	my_keeps_rows(const char *engine);
/* Has the server prepare the text: 0 when it is one statement that returns rows, ERR_WALL when it is not,
 * ERR_STATEMENT with *r filled when the server refuses it. */
int	my_prepare(struct db_conn *c, const struct db_statement *s, struct db_result *r, struct err *e);

/* my_rows.c */
struct my_rows {
	struct db_conn *c;
	const struct db_sink *sink;
	struct db_count count;
	bool cut;
	struct db_cell *cells;
	enum db_cell_type *types;
	unsigned n;
};
/* Takes the rows of the current answer to their end; the error number of the server, 0 when there is none. */
unsigned my_rows_drain(struct my_rows *rows);

/* my_read.c: driver's read */
int	my_read(struct db_conn *c, const struct db_statement *s, const struct sql_facts *f,
	    const struct db_limits *max, const struct db_sink *sink, struct db_result *r, struct err *e);

/* Passes the guard and, the first time, the server's word that it is a read: 0, ERR_STATEMENT with *r filled, ERR_WALL,
 * ERR_DATABASE. */
int	my_check(struct db_conn *c, const struct db_statement *s, const struct sql_facts *f, struct db_result *r, struct err *e);
/* The plan of a read that has passed, as a read of its own. */
int	my_read_plan(struct db_conn *c, const struct db_statement *s, const struct db_sink *sink, struct db_result *r,
	    struct err *e);

/* my_describe.c: driver's describe */
int	my_answer(struct db_conn *c, enum db_subject s, const char *name, const struct db_limits *max,
	    const struct db_sink *sink, struct db_result *r, struct err *e);

/* my_weigh.c, my_plan.c: driver's weigh; sizes of tables, kept for a minute */
int	my_weigh(struct db_conn *c, const struct db_statement *s, const struct sql_facts *f, const struct db_weight_limit *limit,
	    struct db_weight *w, struct err *e);
void	my_sizes_free(struct my_sizes *sizes);
/* Notes in c->largest when a table is larger than that. */
void	my_sizes_meet(struct db_conn *c, const char *schema, const char *name);
/* The rows of an EXPLAIN, one after the other, and the sum: what would be gone through. */
struct my_plan {
	int id, kind, table, type, rows, filtered, extra;	/* which column it is, -1: none */
	bool bad;		/* it cannot be read */
	bool only_one;		/* one loop, nothing sorted or sought */
	unsigned n;
	double sum;
	double widest;		/* rows of the selects outside of the current one */
	long select;		/* the current one, and of it: */
	double times, repeats;
};
void	my_plan_columns(struct my_plan *p, const struct db_column *cols, size_t n);
void	my_plan_row(struct my_plan *p, const struct db_cell *cells, size_t n);

/* my_look.c, my_sets_off.c, my_match.c */
struct my_look {
	struct db_conn *c;
	const struct db_statement *s;
	const struct sql_facts *f;
	const struct sql_table *table;	/* the one written, or NULL */
	char *schema, *name;		/* of it; freed by my_look_fini */
	bool guarded;			/* the guard passed: SELECTs may be derived */
	bool locks;			/* in the run: rows that match are locked */
	bool ground_only;		/* rows are not looked for */
	bool plain;			/* it is there, a base table */
	bool stays;			/* what is written there cannot be rolled back, */
	bool elsewhere;			/* or another server has it, and nobody here knows */
	char engine[64];		/* of the table that stays, else of the one that is written */
	char stays_at[256];
	struct my_found found;
	bool behind;			/* name is one of several, or reached through a view */
	struct db_sheet *sheet;
	struct db_match match;
	struct db_ground ground;
};
/* Begins a look at what s writes; everything is borrowed. fini frees what it found out. */
void	my_look_init(struct my_look *l, struct db_conn *c, const struct db_statement *s, const struct sql_facts *f,
	    struct db_sheet *sheet);
void	my_look_fini(struct my_look *l);
/* Passes the guard in the open transaction; sheet->note tells when it did not pass. */
int	my_look_enter(struct my_look *l, struct err *e);
int	my_look_hold(struct my_look *l, struct err *e);
int	my_look_in(struct my_look *l, const struct db_sink *sample, struct err *e);
int	my_look_sets_off(struct my_look *l, struct err *e);
int	my_look_match(struct my_look *l, const struct db_sink *sample, struct err *e);
/* my_locks.c: whose locks it meets; the sheet says how far they were seen. 0, or ERR_DATABASE. */
int	my_locks(struct my_look *l, struct err *e);
/* my_define.c: in the place of the last one, for a change of definitions */
int	my_define(struct my_look *l, struct err *e);
/* my_warned.c */
/* Asks for and appends what the server warned of last, one line each; number (may be NULL) gets the first that
 * says that a value was not kept as written, or that rows stay after ROLLBACK. */
int	my_warned(struct db_conn *c, struct buf *names, const char *before, struct buf *out, unsigned *number,
	    struct err *e);
/* The same as notices of a result. */
void	my_notices(struct db_conn *c, struct db_result *r);

/* my_audit.c: driver's audit */
int	my_audit(struct db_conn *c, struct db_audit *a, struct err *e);

/* my_sheet.c, my_run.c, my_commit.c: of the driver's functions */
int	my_sheet(struct db_conn *c, const struct db_statement *s, const struct sql_facts *f,
	    const struct db_sink *sample, struct db_sheet *sheet, struct err *e);
int	my_run(struct db_conn *c, const struct db_allowed *a, struct db_result *r, struct err *e);
/* my_waiting.c */
/* False once the server has ended the connection; nothing is sent. No answer may be outstanding. */
bool	my_is_there(struct db_conn *c);
/* Looks whom what runs now waits for: c->others. */
void	my_look_at_others(struct db_conn *c);
int	my_waiting(struct db_conn *c, struct db_waiting *w, struct err *e);
/* How the server's error ends a run. */
void	my_ended_by(struct db_conn *c, unsigned number, const struct db_statement *s, struct db_result *r);
/* Begins the transaction that may write and compares the only part in it. */
bool	my_still_as_allowed(struct db_conn *c, const struct db_allowed *a, struct db_result *r);
/* my_at_once.c: for what commits by itself */
bool	my_is_at_once(const struct sql_facts *f);
void	my_run_at_once(struct db_conn *c, const struct db_allowed *a, struct db_result *r);
void	my_commit(struct db_conn *c, const struct db_allowed *a, struct db_result *r);
int	my_outcome(struct db_conn *c, const struct db_commit_point *p, const char **is, struct err *e);

#endif
