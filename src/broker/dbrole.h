/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Private to the db role: one thread works and may block, one listens and cancels. */
#ifndef TWOKEY_BROKER_DBROLE_H
#define TWOKEY_BROKER_DBROLE_H

#include <jansson.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "twokey/base/digest.h"
#include "twokey/db/driver.h"
#include "twokey/transcript/event.h"

#include "packet.h"

struct err;

enum { DB_PENDING_MAX = 64, DB_CREDIT = 256 * 1024 };

/* A request that db has on record: its bytes are kept here and nowhere else. */
struct db_pending {
	uint64_t n;		/* 0: free */
	char *sql;
	size_t sql_len;
	struct digest digest;
	bool has_sheet;
	struct digest bind, keys;
	bool count_known;
	bool at_most;
	uint64_t rows;
	bool bounded;
	bool allowed;
	int64_t until_us;	/* of the answer: not run after it */
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
	pthread_cond_t changed;
	struct db_job *first, **last;
	int64_t credit;
	uint64_t synced;	/* request whose commit point is on disk */
	uint64_t working_on;	/* event whose statement runs, 0 when idle */
	uint64_t cancelled;	/* last event that was asked to stop */
	bool full;		/* the transcript takes no more rows */
	bool ending;		/* told to end, or the recorder is gone */
	bool gone;		/* the recorder is gone */
	struct db_conn *conn;	/* set once by the worker; cancel is called under lock */

	/* the worker's own */
	const struct db_driver *driver;
	struct db_info info;
	struct sql_facts *facts;
	struct db_limits limits;
	struct db_pending pending[DB_PENDING_MAX];
	const char *tag;
};

/* dbrole_io.c */
/* Sends an event with bodies to the recorder (blocking); ERR_CLOSED when it is gone. Takes ev. */
int	dbrole_send(json_t *ev, const struct packet_body *b, size_t nb);
/* Waits for byte credit, then takes n of it; ERR_CLOSED or ERR_CANCELLED when that will not come. */
int	dbrole_take_credit(struct dbrole *d, size_t n);
/* The next packet, NULL when the session ends. */
struct db_job *dbrole_next(struct dbrole *d);
void	*dbrole_listen(void *dbrole);
/* Marks what runs for cancel; false when it was cancelled before it began or the role is ending. */
bool	dbrole_begin_work(struct dbrole *d, uint64_t n);
void	dbrole_end_work(struct dbrole *d);
/* Waits until the commit point of request n is on disk; false when that will not come. */
bool	dbrole_wait_synced(struct dbrole *d, uint64_t n);

/* dbrole_rows.c: rows into bodies */
struct db_rows;
struct db_rows *dbrole_rows_create(struct dbrole *d, uint64_t of);
void	dbrole_rows_free(struct db_rows *r);
struct db_sink dbrole_rows_sink(struct db_rows *r);
int	dbrole_rows_flush(struct db_rows *r);
/* The same rows as one body of a sheet: {"k":"sample","cols":[...],"rows":[...]}; the caller frees b->p. */
struct db_rows *dbrole_sample_create(void);
void	dbrole_sample_body(struct db_rows *r, struct packet_body *b);

/* dbrole_judge.c: db judges again by itself */
void	dbrole_read(struct dbrole *d, uint64_t n, const struct packet *p);
void	dbrole_request(struct dbrole *d, uint64_t n, const struct packet *p);
void	dbrole_allowed(struct dbrole *d, const json_t *ev);
void	dbrole_run(struct dbrole *d, const json_t *ev);
void	dbrole_forget(struct dbrole *d, uint64_t n);

#endif
