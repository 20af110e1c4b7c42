/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Private to the db role: one thread works and may block, one listens, one cancels. */
#ifndef TWOKEY_BROKER_DBROLE_H
#define TWOKEY_BROKER_DBROLE_H

#include <jansson.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "twokey/base/digest.h"
#include "twokey/db/driver.h"
#include "twokey/gate/request.h"
#include "twokey/transcript/event.h"

#include "packet.h"

struct err;
struct ticket;

enum { DB_PENDING_MAX = 64, DB_CREDIT = 256 * 1024 };

/* One statement of it, as it was shown. */
struct db_pending_part {
	size_t at, n;		/* its bytes in sql */
	struct digest ground, keys;
	struct db_shown *shown;	/* what ground and keys are made of */
	bool known;		/* how many rows match: so many */
	uint64_t matched;
	bool bounded;
	bool at_most;
	uint64_t rows;
};

/* A request that db has on record: its bytes are kept here and nowhere else. */
struct db_pending {
	uint64_t n;		/* 0: free */
	char by[GATE_NAME_MAX];	/* who asks */
	char *sql;
	size_t sql_len;
	struct digest digest;
	bool has_sheet;
	struct digest bind, keys;
	struct db_pending_part part[GATE_PARTS_MAX];
	size_t nparts;
	bool bounded;		/* every part is; all together: */
	bool at_most;
	uint64_t rows;
	bool unseen;		/* it sets off what this server does not count */
	bool inexact;		/* how many rows it touches is known only once it ran */
	bool hold_always;	/* the ticket asks for it */
	bool rehearsal;		/* it is run and taken back */
	bool allowed;
	bool must_sign;		/* the ticket asks for a signature */
	uint64_t dangers;	/* of the text and of the sheet */
	char turned[GATE_NAME_MAX];	/* who turned the first of two keys; "" nobody */
	int64_t until_us;	/* of the answer: not run after it */
	int64_t run_by_ms;	/* nor after this, however the clock on the wall is set */
	bool spent;
};

/* A packet that waits for the worker. */
struct db_job {
	struct packet p;
	struct db_job *next;
};

struct dbrole {
	/* shared between the threads, under lock */
	pthread_mutex_t lock;
	pthread_cond_t changed;	/* the worker alone waits for it */
	pthread_cond_t wanted;	/* the canceller alone: cancel_wanted */
	struct db_job *first, **last;
	int64_t credit;
	uint64_t synced;	/* request whose commit point is on disk */
	uint64_t working_on;	/* event whose statement runs, 0 when idle */
	uint64_t cancelled;	/* last event that was asked to stop */
	json_t *secret;		/* what a person gave, sealed; NULL: nothing yet */
	bool full;		/* the transcript takes no more rows */
	bool ending;		/* told to end, or the recorder is gone */
	bool gone;		/* the recorder is gone */
	int64_t end_by_ms;	/* the listener's own: when ending has to be done */
	bool cancel_wanted, cancelling;
	struct db_conn *conn;	/* set once by the worker; not closed while cancelling */

	/* the worker's own */
	const struct db_driver *driver;
	struct db_info info;
	struct sql_facts *facts;
	struct db_limits limits;
	int64_t hold_ms;	/* a change is held for so long */
	int64_t hold_waiters_ms;	/* others wait for its locks for so long, then it is taken back */
	int64_t table_limit;	/* bytes: a read of a larger table is weighed first; 0: none is */
	struct db_pending pending[DB_PENDING_MAX];
	const char *tag;	/* the session */
	const json_t *sides;	/* of every person of the broker, by name */
	const json_t *signers;	/* names of the people who sign what they allow */
	struct ticket *ticket;	/* of the digest that the monitor named; NULL: nothing but reads runs */
};

/* dbrole_io.c */
/* Sends an event with bodies to the recorder (blocking); ERR_CLOSED when it is gone. Takes ev. */
int	dbrole_send(json_t *ev, const struct packet_body *b, size_t nb);
/* The same for one that another follows at once: a small one leaves with that, which wakes the recorder once. */
int	dbrole_send_late(json_t *ev, const struct packet_body *b, size_t nb);
/* Tells the recorder that nobody knows what became of this run, also when it had no commit point. */
void	dbrole_send_unknown(uint64_t of);
/* Waits for byte credit, then takes n of it; ERR_CLOSED or ERR_CANCELLED when that will not come. */
int	dbrole_take_credit(struct dbrole *d, size_t n);
/* The next packet, NULL when the session ends. */
struct db_job *dbrole_next(struct dbrole *d);
void	*dbrole_listen(void *dbrole);
/* The third thread: cancelling may block (a second connection to a server that hangs), listening may not. */
void	*dbrole_cancel(void *dbrole);
/* The connection, which the caller closes, once no cancel uses it. */
struct db_conn *dbrole_take_conn(struct dbrole *d);
/* Marks what runs for cancel; false when it was cancelled before it began or the role is ending. */
bool	dbrole_begin_work(struct dbrole *d, uint64_t n);
void	dbrole_end_work(struct dbrole *d);
/* The next packet with an event about request n, whatever stands before it; NULL at until_ms (monotonic), or when it is
 * to stop. */
struct db_job *dbrole_next_about(struct dbrole *d, uint64_t n, int64_t until_ms);
/* True when somebody asked to stop what request n does, or the role ends. */
bool	dbrole_stopped(struct dbrole *d, uint64_t n);
/* Waits until the commit point of request n is on disk; false when that will not come. */
bool	dbrole_wait_synced(struct dbrole *d, uint64_t n);

/* Waits for what a person was asked for ({"secret","of"}); NULL when the session ends before. The caller drops it. */
json_t	*dbrole_wait_secret(struct dbrole *d);

/* dbrole_connect.c */
/* Opens the connection with what the monitor gave; announce: what was found goes on record (events audit, then
 * connected). False when it was not reached: the recorder has been told why. */
bool	dbrole_connect(struct dbrole *d, const json_t *init, bool announce);

/* dbrole_rows.c: rows into bodies */
struct db_rows;
struct db_rows *dbrole_rows_create(struct dbrole *d, uint64_t of);
void	dbrole_rows_free(struct db_rows *r);
struct db_sink dbrole_rows_sink(struct db_rows *r);
int	dbrole_rows_flush(struct db_rows *r);
/* The same when the end of the statement follows (dbrole_send_late). */
int	dbrole_rows_finish(struct db_rows *r);
/* The same rows as one body of a sheet: {"k":"sample","cols":[...],"rows":[...]}; the caller frees b->p. */
struct db_rows *dbrole_sample_create(void);
void	dbrole_sample_body(struct db_rows *r, struct packet_body *b);

/* dbrole_read.c: the event read n: judged again, weighed, run inside the wall, its end sent */
void	dbrole_read(struct dbrole *d, uint64_t n, const struct packet *p);
/* A read that was over the limit and that the second key allowed; its facts stand in d->facts. */
void	dbrole_read_allowed(struct dbrole *d, uint64_t n, const char *sql, size_t len);
/* The sheet of such a read: what the engine estimates. Errors as the driver's sheet. */
int	dbrole_weigh_sheet(struct dbrole *d, const struct db_statement *s, struct db_sheet *sheet, struct err *e);
void	dbrole_describe(struct dbrole *d, uint64_t n, const struct packet *p);

/* dbrole_judge.c: db judges again by itself */
/* An event that ends a statement, with one body for the words of the server or ours. r may be NULL. */
/* A body with what the server said beside a result; how many that makes: 1, or 0 when it said nothing. */
size_t	dbrole_notices(const struct db_result *r, struct packet_body *b);
void	dbrole_send_end(const char *name, uint64_t of, const char *code, const char *kind, const char *text, size_t n,
	    const struct db_result *r);
/* The same with code "judged": db does not do it. */
void	dbrole_refuse(uint64_t n, const char *event, const char *kind, const char *why);
/* What a driver's error means: a database that is lost or in a state that it must not be in ends the session. */
void	dbrole_after(struct dbrole *d, uint64_t n, int ret, const char *event, const char *kind, const struct err *e);
/* The statement of a packet, its digest compared with the event's; false when they differ. */
bool	dbrole_statement_of(const struct packet *p, struct buf *sql, struct digest *digest);
/* dbrole_sheet.c: size, rollback and locks into the event sheet; who holds them as a body, the caller frees b->p. */
void	dbrole_sheet_more(json_t *ev, const struct db_sheet *s);
void	dbrole_locks_body(const struct db_sheet *s, struct packet_body *b);
/* A list that a driver wrote; an empty one when it is too long for an event. The caller drops it. */
json_t	*dbrole_array_of(const struct buf *b);
/* The effects of a run, as db_result has them; the caller drops it. */
json_t	*dbrole_effects(const char *text, size_t n);
void	dbrole_request(struct dbrole *d, uint64_t n, const struct packet *p);
void	dbrole_allowed(struct dbrole *d, const struct packet *p);
void	dbrole_first_key(struct dbrole *d, const struct packet *p);
/* dbrole_ticket.c: the ticket that came with the beginning, when it is the one whose digest the monitor named. */
void	dbrole_take_ticket(struct dbrole *d, const json_t *init, const struct packet *p);
enum { DBROLE_WHY = 1000 };
/* db's own verdict on a request, by level, stage, class, dangers, capabilities and what the ticket names of these bytes at this
 * moment; d->facts are those of q. NULL when it may be asked for and run, else why not. */
const char *dbrole_judged(const struct dbrole *d, const struct db_pending *q, char why[DBROLE_WHY]);
/* What the sheet says of q and the ticket's changes: the field change, and a body of that kind when there is something to say;
 * how many bodies that makes. */
size_t	dbrole_tell_change(const struct dbrole *d, const struct db_pending *q, json_t *ev, struct packet_body *b);
/* dbrole_signed.c: where the person or the ticket asks for it, the answer carries a signature that the recorder found good,
 * over a text that speaks of this session, request, person, statement, sheet, rows and server as db itself knows them. */
struct db_answer {
	const char *answer;	/* "allow", "keep" */
	struct digest bind;
	bool at_most;
	uint64_t rows;
};
bool	dbrole_signature_ok(const struct dbrole *d, const struct db_pending *q, const struct db_answer *want,
	    const struct packet *p);
/* An event allowed or kept is an answer to just that: by those whose key it is (dbrole_quorum_ok), over these bytes and
 * this bind, for a short time, signed where it has to be. */
bool	dbrole_answer_ok(const struct dbrole *d, const struct db_pending *q, const struct db_answer *want,
	    const struct packet *p, int64_t *until_us);

/* dbrole_part.c */
/* Finds the statements of a request; bounds: of a change set, one for each, else NULL. False when they do not fit. */
bool	dbrole_parts(const struct dbrole *d, struct db_pending *q, const json_t *bounds);
struct db_statement dbrole_part_of(const struct db_pending *q, size_t i);
/* What a request would touch, all parts together. */
struct db_look {
	struct db_sheet sheet;
	json_t *counts;		/* of each part, null: not known */
	struct packet_body sample;
	struct buf samples;	/* being made */
};
void	dbrole_look_init(struct db_look *l);
void	dbrole_look_fini(struct db_look *l);
/* Classifies every part: q->dangers are those of all, d->facts are those of the last. ERR_WALL when a part of a set is no
 * change of rows. */
int	dbrole_classify(struct dbrole *d, struct db_pending *q, struct err *e);
/* Errors as the driver's sheet. What was shown of each part is kept in q. */
int	dbrole_look(struct dbrole *d, struct db_pending *q, struct db_look *l, struct err *e);

/* dbrole_rehearse.c: why this request is not rehearsed, NULL when it is no rehearsal or may be; d->facts are those of q. */
const char *dbrole_no_rehearsal(struct dbrole *d, const struct db_pending *q, const struct db_sheet *sheet, char why[DBROLE_WHY]);
/* Tells what it did; false: it is taken back. */
bool	dbrole_rehearsed(const struct db_pending *q, struct db_held *h);

/* dbrole_hold.c: true when the change is to be kept; false: h says why it is taken back. Waits. */
bool	dbrole_hold(struct dbrole *d, struct db_pending *q, struct db_held *h);
/* dbrole_quorum.c: whose keys and how many, by the ticket that db has. */
/* The answer is about the bytes that db has, and about that sheet or effect. */
bool	dbrole_same(const struct db_pending *q, const struct digest *bind, const json_t *ev);
/* The first of two keys: noted when it is as good as the one that follows has to be. */
void	dbrole_turned(const struct dbrole *d, struct db_pending *q, const struct db_answer *want, const struct packet *p);
/* True when this person's key counts: a confirmer of the ticket for that driver, and where two are asked for, one of the
 * other side has turned his. */
bool	dbrole_quorum_ok(const struct dbrole *d, const struct db_pending *q, const json_t *ev);
void	dbrole_run(struct dbrole *d, const json_t *ev);
void	dbrole_forget(struct dbrole *d, uint64_t n);

#endif
