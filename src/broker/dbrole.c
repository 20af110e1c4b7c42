/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The db role: holds the password and the connection, hears only the recorder. */
#include "config.h"

#include "dbrole.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "twokey/base/buf.h"
#include "twokey/base/err.h"
#include "twokey/base/json.h"
#include "twokey/base/log.h"
#include "twokey/base/must.h"
#include "twokey/base/secret.h"
#include "twokey/base/text.h"

#include "role.h"
#include "target.h"

static json_t *
caps_of(unsigned caps)
{
	json_t *v = json_array();

	for (int i = 0; i < CAPS; i++)
		if (caps & CAP_BIT(i))
			must(json_array_append_new(v, json_string(cap_name((enum cap)i))) == 0);
	return v;
}

/* Law 1: the statements that twokey itself may send stand in the transcript by name. */
static void
own_body(const struct dbrole *d, struct packet_body *b)
{
	size_t n;
	const struct db_own *own = db_own_statements(d->driver->engine, &n);
	json_t *list = json_array(), *o;
	struct buf out;

	for (size_t i = 0; i < n; i++)
		must(json_array_append_new(list, json_pack("{s:s, s:s}", "name", own[i].name,
		    "sql", own[i].sql)) == 0);
	o = json_pack("{s:s, s:o}", "k", "own", "statements", list);
	buf_init(&out, TRANSCRIPT_BODY_MAX);
	json_put(&out, o);
	json_decref(o);
	b->n = buf_len(&out);
	b->p = buf_take(&out);
	buf_fini(&out);
}

/* A name of the server that is no UTF-8, or was cut inside a character. */
static void
make_utf8(char *s)
{
	if (text_is_utf8(s, strlen(s)))
		return;
	for (; *s != '\0'; s++)
		if ((unsigned char)*s >= 0x80)
			*s = '?';
}

static void
send_connected(struct dbrole *d)
{
	char settings[DIGEST_HEX + 1];
	struct packet_body b;
	json_t *ev;

	digest_hex(&d->info.settings, settings);
	own_body(d, &b);
	make_utf8(d->info.version);
	make_utf8(d->info.database);
	make_utf8(d->info.role);
	make_utf8(d->info.identity);
	ev = json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:o, s:s}", "ev", "connected",
	    "engine", sql_engine_name(d->driver->engine), "version", d->info.version,
	    "database", d->info.database, "role", d->info.role, "identity", d->info.identity,
	    "caps", caps_of(d->info.caps), "settings", settings);
	must(ev != NULL);
	(void)dbrole_send(ev, &b, 1);
	free(b.p);
}

static void
send_down(const struct err *e)
{
	json_t *head = json_pack("{s:s}", "down", err_name(e->code));
	struct packet_body b;
	struct buf out;

	packet_text_body(&b, "why", e->text, strlen(e->text));
	buf_init(&out, TRANSCRIPT_BODY_MAX);
	packet_put(&out, head, &b, 1);
	(void)!write(DB_FD_BULK, buf_data(&out), buf_len(&out));
	buf_fini(&out);
	free(b.p);
	json_decref(head);
}

/* Connects with what the monitor gave; the password is wiped from the message at once. */
static bool
connect_target(struct dbrole *d, json_t *init, struct err *e)
{
	struct db_target t;
	struct secret *password = NULL;
	struct db_conn *conn;

	if (target_read(json_object_get(init, "target"), &t, &password) != 0) {
		err_set(e, ERR_CONFIG, "the target's description is not complete");
		return false;
	}
	t.tag = d->tag;
	d->driver = db_driver_find(t.engine);
	if (d->driver == NULL) {
		err_set(e, ERR_UNSUPPORTED, "this version has no driver for %s", sql_engine_name(t.engine));
		secret_free(password);
		return false;
	}
	t.password = password;
	conn = d->driver->open(&t, &d->info, e);
	secret_free(password);
	pthread_mutex_lock(&d->lock);
	d->conn = conn;
	pthread_mutex_unlock(&d->lock);
	return conn != NULL;
}

/* Asks a fresh connection what became of a commit point (recovery). */
static void
answer_outcome(struct dbrole *d, const json_t *ev)
{
	struct db_commit_point c = { .affected = (uint64_t)json_int(ev, "affected", 0),
	    .backend = json_int(ev, "backend", 0) };
	const char *is = "unknown", *s;
	struct packet_body b;
	struct err e = { .text = "" };

	s = json_str(ev, "xid", NULL);
	strncpy(c.xid, s != NULL ? s : "", sizeof c.xid - 1);
	s = json_str(ev, "system", NULL);
	strncpy(c.system, s != NULL ? s : "", sizeof c.system - 1);
	s = json_str(ev, "timeline", NULL);
	strncpy(c.timeline, s != NULL ? s : "", sizeof c.timeline - 1);
	if (d->driver->outcome(d->conn, &c, &is, &e) != 0)
		is = "unknown";
	packet_text_body(&b, "why", e.text, strlen(e.text));
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
	else if (strcmp(name, "request") == 0)
		dbrole_request(d, n, p);
	else if (strcmp(name, "allowed") == 0)
		dbrole_allowed(d, ev);
	else if (strcmp(name, "run") == 0)
		dbrole_run(d, ev);
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
	struct dbrole d = { .lock = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER };
	pthread_t listener;
	struct db_conn *conn;
	struct db_job *job;
	struct err e;

	d.last = &d.first;
	d.credit = DB_CREDIT;
	d.facts = must_zalloc(sizeof *d.facts);
	d.tag = json_str(init, "session", NULL);
	d.limits.rows = (uint64_t)json_int(init, "max_rows", 10000);
	d.limits.bytes = (uint64_t)json_int(init, "max_bytes", 16 * 1024 * 1024);
	must(d.tag != NULL && pthread_create(&listener, NULL, dbrole_listen, &d) == 0);
	job = dbrole_next(&d);	/* start (a session) or resolve (recovery) */
	if (job != NULL) {
		bool resolve = json_object_get(job->p.head, "resolve") != NULL;

		if (!connect_target(&d, init, &e)) {
			log_line(LOG_LEVEL_ERROR, "the database could not be reached: %s", err_name(e.code));
			send_down(&e);
		} else if (resolve) {
			work(&d, &job->p);
		} else {
			send_connected(&d);
			loop(&d);
		}
		packet_clear(&job->p);
		free(job);
	}
	pthread_mutex_lock(&d.lock);
	conn = d.conn;
	d.conn = NULL;
	pthread_mutex_unlock(&d.lock);
	if (conn != NULL)
		d.driver->close(conn);
	/* the listener may still wait in read: the process ends with it */
	json_decref(init);
	_exit(0);
}
