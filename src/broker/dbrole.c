/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The db role: holds the password and the connection, hears only the recorder. */
#include "config.h"

#include "dbrole.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "twokey/base/buf.h"
#include "twokey/base/err.h"
#include "twokey/base/json.h"
#include "twokey/base/log.h"
#include "twokey/base/must.h"

#include "alive.h"
#include "outcome.h"
#include "role.h"

/* Asks a fresh connection what became of a commit point (recovery). */
static void
answer_outcome(struct dbrole *d, const json_t *ev)
{
	struct db_commit_point c = { .affected = (uint64_t)json_int(ev, "affected", 0),
	    .backend = json_int(ev, "backend", 0) };
	const char *is = "unknown", *s;
	struct packet_body b;
	struct err e = { .text = "" };
	struct buf why;

	s = json_str(ev, "xid", NULL);
	strncpy(c.xid, s != NULL ? s : "", sizeof c.xid - 1);
	s = json_str(ev, "system", NULL);
	strncpy(c.system, s != NULL ? s : "", sizeof c.system - 1);
	s = json_str(ev, "timeline", NULL);
	strncpy(c.timeline, s != NULL ? s : "", sizeof c.timeline - 1);
	s = json_str(ev, "epoch", NULL);
	strncpy(c.epoch, s != NULL ? s : "", sizeof c.epoch - 1);
	s = json_str(ev, "log", NULL);
	strncpy(c.log, s != NULL ? s : "", sizeof c.log - 1);
	if (d->driver->outcome(d->conn, &c, &is, &e) != 0)
		is = "unknown";
	buf_init(&why, 4096);
	buf_puts(&why, e.text);
	if (strcmp(is, "unknown") == 0) {
		buf_puts(&why, e.text[0] != '\0' ? "; " : "");
		outcome_how(sql_engine_name(d->driver->engine), ev, &why);
	}
	packet_text_body(&b, "why", buf_data(&why), buf_len(&why));
	buf_fini(&why);
	(void)dbrole_send(json_pack("{s:s, s:I, s:s}", "ev", "outcome", "of",
	    (json_int_t)json_int(ev, "of", 0), "is", is), &b, 1);
	free(b.p);
}

static void
work(struct dbrole *d, const struct packet *p)
{
	const json_t *ev = json_object_get(p->head, "event");
	const char *name = json_str(ev, "ev", NULL);
	uint64_t n = (uint64_t)json_int(p->head, "n", 0);
	const json_t *point = json_object_get(p->head, "resolve");

	if (point != NULL)
		answer_outcome(d, point);
	else if (name == NULL || n == 0)
		return;
	else if (strcmp(name, "read") == 0)
		dbrole_read(d, n, p);
	else if (strcmp(name, "describe") == 0)
		dbrole_describe(d, n, p);
	else if (strcmp(name, "request") == 0)
		dbrole_request(d, n, p);
	else if (strcmp(name, "allowed") == 0)
		dbrole_allowed(d, p);
	else if (strcmp(name, "turned") == 0)
		dbrole_first_key(d, p);
	else if (strcmp(name, "run") == 0)
		dbrole_run(d, ev);
	else if (strcmp(name, "kept") == 0)
		return;	/* too late: what it was about is held no more */
	else	/* denied, withdrawn, expired, void: the key can never be turned any more */
		dbrole_forget(d, (uint64_t)json_int(ev, "of", 0));
}

static void
loop(struct dbrole *d)
{
	struct db_job *job;

	while ((job = dbrole_next(d)) != NULL) {
		work(d, &job->p);
		packet_clear(&job->p);
		free(job);
	}
}

int
dbrole_main(json_t *init)
{
	struct dbrole d = { .lock = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER,
		.wanted = PTHREAD_COND_INITIALIZER };
	pthread_t listener, canceller;
	struct db_conn *conn;
	struct db_job *job;

	if (!alive_take(DB_FD_ALIVE)) {
		log_line(LOG_LEVEL_ERROR, "an earlier db of this session still lives");
		_exit(1);
	}
	d.last = &d.first;
	d.credit = DB_CREDIT;
	d.facts = must_zalloc(sizeof *d.facts);
	d.tag = json_str(init, "session", NULL);
	d.sides = json_object_get(init, "sides");
	d.signers = json_object_get(init, "signers");
	d.limits.rows = (uint64_t)json_int(init, "max_rows", 10000);
	d.hold_ms = json_int(init, "hold_ms", 60000);
	d.hold_waiters_ms = json_int(init, "hold_waiters_ms", 5000);
	d.table_limit = json_int(init, "table_limit", 0);
	d.limits.bytes = (uint64_t)json_int(init, "max_bytes", 16 * 1024 * 1024);
	must(d.tag != NULL && pthread_create(&listener, NULL, dbrole_listen, &d) == 0 &&
	    pthread_create(&canceller, NULL, dbrole_cancel, &d) == 0);
	job = dbrole_next(&d);	/* start (a session) or resolve (recovery) */
	if (job != NULL) {
		bool resolve = json_object_get(job->p.head, "resolve") != NULL;

		if (dbrole_connect(&d, init, !resolve)) {
			if (resolve) {
				work(&d, &job->p);
			} else {
				dbrole_take_ticket(&d, init, &job->p);
				loop(&d);
			}
		}
		packet_clear(&job->p);
		free(job);
	}
	conn = dbrole_take_conn(&d);
	if (conn != NULL)
		d.driver->close(conn);
	/* the listener may still wait in read: the process ends with it */
	json_decref(init);
	_exit(0);
}
