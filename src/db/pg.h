/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Inside of the PostgreSQL driver: extended protocol only, one transaction per statement. */
#ifndef DB_PG_H
#define DB_PG_H

#include <libpq-fe.h>
#include <pthread.h>
#include <stdatomic.h>

#include "db/driver.h"
#include "db/own.h"
#include "db/shown.h"

struct pg_type {
	Oid oid;
	char *name;
};

struct db_conn {
	PGconn *pg;
	PGcancel *stop;
	char tag[OWN_TAG_MAX];
	char identity[160];
	char system[32];
	char timeline[16];
	bool standby;
	char database[256];
	char role[128];
	struct sql_settings sql;
	struct pg_type *types;		/* by oid */
	size_t ntypes;
	struct buf text;		/* our own statement being sent */
	struct buf cleared;		/* array literal of views and policies that were cleared, without "}" */
	struct sql_facts *facts;	/* of their texts */
	struct pg_sizes *sizes;		/* NULL: not asked yet */
	bool checks_known;		/* cleared has the harmless checks of domains */
	char limits[3][16];		/* what PG_SETUP was given */
	bool kept[OWNS];		/* statements of ours that the server has prepared, under names of this */
	unsigned generation;
	bool guard_types;		/* code stands behind types: the longer guard is asked */
	bool locks_prepared;		/* the statement of pg_locks.c */
	bool waited;			/* something failed because a lock was not to be had in time */
	bool unreplicated;		/* the last commit was not waited for by the standbys */
	bool lost;			/* the connection is gone, or in a state that it must not be in */
	bool ended;			/* the server's last words have come */
	struct db_result *told;		/* where what it says beside its answers goes; NULL: nowhere */
	struct buf *names;		/* of our own statements in the current run, else NULL */
	struct pg_watch *watch;		/* of a held change, else NULL */
	pthread_mutex_t lock;
	bool running;			/* under lock */
	atomic_bool cancelled;
};

/* pg_connect.c, pg_info.c: driver's open and close */
struct db_conn *pg_open(const struct db_target *t, struct db_info *info, struct err *e);
void	pg_close(struct db_conn *c);
/* A connection and nothing more, within ms; NULL and *e, with the next step. check_target has passed. */
PGconn	*pg_dial(const struct db_target *t, unsigned ms, struct err *e);
/* A second connection with what the first one was made of; NULL and why in words. */
PGconn	*pg_dial_again(PGconn *first, unsigned ms, char *words, size_t size);
/* No schema stands before pg_catalog but that of temporary tables. */
bool	pg_path_is_plain(const char *schemas);
int	pg_describe(struct db_conn *c, const struct db_target *t, struct db_info *info, struct err *e);
int	pg_settings(struct db_conn *c, struct buf *names, struct db_ground *g, struct err *e);
const char *pg_type_name(const struct db_conn *c, Oid type);

/* pg_tell.c */
/* Why it was refused, from libpq's verbose words. */
void	pg_tell(struct err *e, const struct db_target *t, const char *message);
/* Nothing came back in time; connected: something took the connection. */
void	pg_tell_late(struct err *e, const struct db_target *t, bool connected, unsigned ms);

/* pg_pooler.c */
/* ERR_CONFIG when the connection is not ours alone from one transaction to the next. */
int	pg_pooler(struct db_conn *c, const struct db_target *t, struct err *e);

/* pg_own.c: between begin and end a cancel stops what runs; end waits for one that is under way */
void	pg_begin(struct db_conn *c);
void	pg_end(struct db_conn *c);
void	pg_cancel(struct db_conn *c);
/* Runs one of our own statements with text parameters. *res (may be NULL) is the caller's to clear, also
 * after ERR_STATEMENT; ERR_DATABASE when the connection is lost. */
int	pg_own(struct db_conn *c, enum own_id id, int n, const char *const *values, struct buf *names,
	    PGresult **res, struct err *e);
/* The server may have been told to forget what it has prepared of ours: it is prepared anew, under other names. */
void	pg_forget_kept(struct db_conn *c);
/* ERR_DATABASE and the connection counts as lost. */
int	pg_lose(struct db_conn *c, struct err *e, const char *why);
/* Ends the transaction by ROLLBACK when one is open; ERR_DATABASE when none may be but is. */
int	pg_leave(struct db_conn *c, struct buf *names, struct err *e);
/* True for the answer of a statement that ended or began a transaction. */
bool	pg_moves_transaction(PGresult *res);
/* Appends an element to an array literal, which begins as "{". */
void	pg_array_add(struct buf *array, const char *s, size_t n);
/* The server's words: message, detail, hint. */
void	pg_words(const PGresult *res, struct buf *out);
const char *pg_state(const PGresult *res);
/* The error that a failed statement of ours is, 55P03 noted in c->waited: ERR_CANCELLED or ERR_STATEMENT. */
enum err_code pg_code(struct db_conn *c, const PGresult *res);
/* r becomes FAILED with the words of the server. */
void	pg_failed(const PGresult *res, const struct db_statement *s, struct db_result *r);

/* pg_guard.c */
struct pg_guard {
	struct buf schemas, tables, functions, operators, text;
	struct buf fields, of_values;	/* names behind a dot; those behind what may be any value, not only a row */
	bool cast;
	bool unfolded;			/* one of them may be folded otherwise by the server */
};
/* The names of s, as the guard's statement takes them; fini frees them. prepare: before the first one is
 * sent, and again when another guard is taken; ERR_DATABASE. */
void	pg_guard_init(struct pg_guard *g, const struct db_statement *s, const struct sql_facts *f);
void	pg_guard_fini(struct pg_guard *g);
int	pg_guard_prepare(struct db_conn *c, struct err *e);
/* Sends the guard's statement as the next one and notes its name; 1 as libpq says. */
int	pg_guard_send(struct db_conn *c, struct pg_guard *g, struct buf *names);
/* What the guard's error says. */
enum pg_verdict { PG_CLEAR, PG_TO_CLEAR, PG_STOPPED, PG_ERROR };
enum pg_verdict pg_guard_verdict(const PGresult *res, struct buf *said);
/* Reads and judges the views and policies that the guard named; ERR_WALL when one cannot be cleared. Changes to
 * the longer guard when this one cannot tell.
 * No transaction may be open. */
int	pg_guard_clear(struct db_conn *c, const char *items, struct buf *names, struct err *e);
/* ERR_WALL for what is not even sent. */
int	pg_sendable(const struct db_statement *s, const struct sql_facts *f, struct err *e);

/* pg_rows.c */
struct pg_rows {
	struct db_conn *c;
	const struct db_sink *sink;
	struct db_count count;
	bool began, cut;
	struct db_cell *cells;
	enum db_cell_type *types;
	unsigned char **raw;		/* bytes decoded for the row in hand */
	int n;
};
/* Takes every result of the current statement; the last one is returned, the caller's to clear. */
PGresult *pg_rows_drain(struct pg_rows *rows);

/* pg_notice.c: from begin to end what the server says goes to r, else nowhere */
void	pg_notices_begin(struct db_conn *c, struct db_result *r);
void	pg_notices_end(struct db_conn *c);

/* pg_read.c: driver's read */
int	pg_read(struct db_conn *c, const struct db_statement *s, const struct sql_facts *f,
	    const struct db_limits *max, const struct db_sink *sink, struct db_result *r, struct err *e);
/* EXPLAIN of a read as JSON, behind the same guard: planning can run functions too. Errors as of a read. */
int	pg_read_plan(struct db_conn *c, const struct db_statement *s, const struct sql_facts *f,
	    const struct db_sink *sink, struct db_result *r, struct err *e);

/* pg_weigh.c, pg_plan.c */
struct pg_sizes;	/* of large relations, and the views over them; kept for a minute */
/* NULL is fine. */
void	pg_sizes_free(struct pg_sizes *sizes);
/* Rows of the largest relation of that name, -1 when it is not among the large ones. */
double	pg_sizes_rows(const struct pg_sizes *sizes, const char *name);
/* How many rows a plan goes through, from the answer of EXPLAIN. ERR_INVALID when it cannot be read. */
int	pg_plan_rows(const char *json, size_t n, const struct pg_sizes *sizes, double *rows);
int	pg_weigh(struct db_conn *c, const struct db_statement *s, const struct sql_facts *f,
	    const struct db_weight_limit *limit, struct db_weight *w, struct err *e);

/* pg_audit.c: driver's audit */
int	pg_audit(struct db_conn *c, struct db_audit *a, struct err *e);

/* pg_describe.c: driver's describe */
int	pg_answer(struct db_conn *c, enum db_subject s, const char *name, const struct db_limits *max,
	    const struct db_sink *sink, struct db_result *r, struct err *e);

/* pg_sheet.c, pg_look.c, pg_sets_off.c, pg_match.c */
struct pg_look {
	struct db_conn *c;
	const struct db_statement *s;
	const struct sql_facts *f;
	const struct sql_table *table;	/* the one written, or NULL */
	char oid[16];			/* of it, "" when it is not there */
	char about[16];			/* oid of the table that a change of definitions is about, "" */
	char kind;			/* relkind */
	bool guarded;			/* the guard passed: SELECTs may be derived */
	bool ruled;			/* a rule stands in the way */
	struct db_sheet *sheet;
	struct db_match match;
	struct db_ground ground;
};
/* Begins one transaction for n looks and passes the guard for each; sheet->note tells when a single one did not pass. */
int	pg_look_enter(struct pg_look *l, size_t n, enum own_id begin, struct err *e);
/* Asks the guard again in the transaction that is open; ERR_WALL when it is not clear any more. */
int	pg_look_again(struct pg_look *l, struct err *e);
int	pg_look_in(struct pg_look *l, const struct db_sink *sample, struct err *e);
int	pg_look_sets_off(struct pg_look *l, struct err *e);
/* Bits of pg_trigger.tgtype: what it may do to rows. */
int	pg_look_bits(const struct pg_look *l);
/* pg_locks.c: whose locks it meets, in the open transaction, which fails when they cannot be seen; the sheet says how far
 * they were. 0, or ERR_DATABASE. */
int	pg_locks(struct pg_look *l, struct err *e);
int	pg_look_match(struct pg_look *l, const struct db_sink *sample, struct err *e);
/* pg_define.c: in the place of pg_look_sets_off and pg_look_match, for a change of definitions */
int	pg_define_sets_off(struct pg_look *l, struct err *e);
int	pg_define(struct pg_look *l, struct err *e);
/* In the run, before it is looked again: nobody else changes the definition of its table until the end. ERR_BOUND when that lock
 * is not to be had. */
int	pg_define_lock(struct pg_look *l, struct err *e);
int	pg_sheet(struct db_conn *c, const struct db_statement *s, const struct sql_facts *f,
	    const struct db_sink *sample, struct db_sheet *sheet, struct err *e);

/* pg_run.c, pg_commit.c: driver's run; sends COMMIT once the commit point is on record, r tells how it ended */
int	pg_run(struct db_conn *c, const struct db_allowed *a, struct db_result *r, struct err *e);
void	pg_commit(struct db_conn *c, const struct db_allowed *a, struct db_result *r);
/* pg_settle.c */
/* One of our own statements in a run: false and *r when it fails. *out (may be NULL): the caller's to clear. */
bool	pg_own_step(struct db_conn *c, enum own_id id, struct db_result *r, PGresult **out);
/* All parts ran: does what is put off until COMMIT, and tells the effects since the counts before; false and *r when they cannot
 * be told. defines: it is a change of definitions. */
bool	pg_settle(struct db_conn *c, bool defines, const PGresult *before, struct db_result *r);
/* pg_waiting.c */
/* False once the server has ended the connection; nothing is sent. No answer may be outstanding. */
bool	pg_is_there(struct db_conn *c);
int	pg_waiting(struct db_conn *c, struct db_waiting *w, struct err *e);
/* Waits until the statement that was sent has a result, and looks meanwhile, from the second connection, whom it waits for:
 * the last one seen; n 0: nobody, or it cannot be seen. */
void	pg_await(struct db_conn *c, struct db_waiting *w);
/* Ends the second connection, if there is one. */
void	pg_unwatch(struct db_conn *c);
/* How the server's error ends a run. */
void	pg_ended_by(struct db_conn *c, const PGresult *res, const struct db_statement *s, struct db_result *r);
/* pg_alone.c: driver's alone */
int	pg_alone(struct db_conn *c, const struct sql_facts *f, struct err *e);
/* How a look that failed ends the run. */
void	pg_refuse(struct db_conn *c, int ret, const char *why, struct db_result *r);
/* pg_reset.c */
/* In a run, when code of others has run: false and *r when it prepared statements, under our names perhaps. */
bool	pg_names_are_ours(struct db_conn *c, struct db_result *r);
/* After a run, no transaction is open: the connection becomes what it was at connect, but for temporary tables. When that
 * fails it counts as lost. */
void	pg_reset(struct db_conn *c, struct buf *names);
/* pg_outside.c: for what the server takes in no transaction */
bool	pg_is_outside(const struct sql_facts *f);
void	pg_run_outside(struct db_conn *c, const struct db_allowed *a, struct db_result *r);
int	pg_outcome(struct db_conn *c, const struct db_commit_point *p, const char **is, struct err *e);

#endif
