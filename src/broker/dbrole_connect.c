/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The db role reaches its database: what was found goes on record before anything runs. */
#include "config.h"

#include "dbrole.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "twokey/base/buf.h"
#include "twokey/base/clock.h"
#include "twokey/base/err.h"
#include "twokey/base/json.h"
#include "twokey/base/log.h"
#include "twokey/base/must.h"
#include "twokey/base/secret.h"
#include "twokey/base/text.h"

#include "asked.h"
#include "credential.h"
#include "role.h"
#include "settings.h"
#include "target.h"
#include "via.h"

enum { PATIENCE_MS = 12 * 1000, AGAIN_MS = 200 };

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
	json_t *list = json_array();

	for (size_t i = 0; i < n; i++)
		must(json_array_append_new(list, json_pack("{s:s, s:s}", "name", own[i].name,
		    "sql", own[i].sql)) == 0);
	packet_object_body(b, json_pack("{s:s, s:o}", "k", "own", "statements", list));
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

static json_t *
limits_of(const struct dbrole *d, const struct db_target *t)
{
	return json_pack("{s:I, s:I, s:I, s:I}", "statement_ms", (json_int_t)t->statement_timeout_ms,
	    "lock_ms", (json_int_t)t->lock_timeout_ms, "rows", (json_int_t)d->limits.rows,
	    "bytes", (json_int_t)d->limits.bytes);
}

static void
send_connected(struct dbrole *d, const struct db_target *t, const char *via)
{
	static const char *const standings[] = { [DB_STANDING_UNKNOWN] = "unknown", [DB_PRIMARY] = "primary",
		[DB_REPLICA] = "replica" };
	char settings[DIGEST_HEX + 1];
	struct packet_body b;
	json_t *ev;

	digest_hex(&d->info.settings, settings);
	own_body(d, &b);
	make_utf8(d->info.version);
	make_utf8(d->info.release);
	make_utf8(d->info.database);
	make_utf8(d->info.role);
	make_utf8(d->info.identity);
	make_utf8(d->info.source);
	ev = json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:o, s:s, s:b, s:o, s:s, s:o, s:o}", "ev", "connected",
	    "engine", sql_engine_name(d->driver->engine), "version", d->info.version, "release", d->info.release,
	    "database", d->info.database, "role", d->info.role, "identity", d->info.identity,
	    "lag", d->info.lag_ms >= 0 ? json_integer(d->info.lag_ms) : json_null(),
	    "standing", standings[d->info.standing], "encrypted", (int)d->info.encrypted,
	    "caps", caps_of(d->info.caps), "settings", settings, "text", settings_make(&d->info.sql),
	    "limits", limits_of(d, t));
	must(ev != NULL);
	if (via != NULL)
		json_object_set_new(ev, "via", json_string(via));
	if (d->info.source[0] != '\0')
		json_object_set_new(ev, "source", json_string(d->info.source));
	(void)dbrole_send(ev, &b, 1);
	free(b.p);
}

/* The kinds found, each once, for the event; the findings themselves are a body. */
static json_t *
kinds_of(const struct db_audit *a)
{
	json_t *v = json_array();

	for (int k = 0; k < EXCESSES; k++) {
		size_t i = 0;

		while (i < a->n && a->v[i].kind != (enum excess)k)
			i++;
		if (i < a->n)
			must(json_array_append_new(v, json_string(excess_name((enum excess)k))) == 0);
	}
	return v;
}

static void
findings_body(struct db_audit *a, struct packet_body *b)
{
	json_t *list = json_array();

	for (size_t i = 0; i < a->n; i++) {
		make_utf8(a->v[i].object);
		make_utf8(a->v[i].detail);
		must(json_array_append_new(list, json_pack("{s:s, s:s, s:s}", "what", excess_name(a->v[i].kind),
		    "object", a->v[i].object, "detail", a->v[i].detail)) == 0);
	}
	packet_object_body(b, json_pack("{s:s, s:o}", "k", "audit", "findings", list));
}

/* The third wall of law 6: what the account may do, before the session may begin. */
static int
send_audit(struct dbrole *d, const struct db_target *t, struct err *e)
{
	struct packet_body b;
	struct db_audit a;
	int ret = 0;

	db_audit_init(&a);
	if (d->driver->audit != NULL)
		ret = d->driver->audit(d->conn, &a, e);
	if (ret == 0 && t->clear_text && !d->info.encrypted)
		db_audit_add(&a, EXCESS_CLEAR_TEXT, t->host != NULL ? t->host : "", "");
	if (ret == 0) {
		findings_body(&a, &b);
		(void)dbrole_send(json_pack("{s:s, s:o}", "ev", "audit", "kinds", kinds_of(&a)), &b, 1);
		free(b.p);
	}
	db_audit_fini(&a);
	return ret;
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

/* A person gives the password: sealed at his console for the key pair made here, which is gone after this. */
static int
ask_password(struct dbrole *d, const json_t *target, const char *person, struct secret **password, struct err *e)
{
	struct asked a;

	asked_begin(&a);
	(void)dbrole_send(json_pack("{s:s, s:s, s:s, s:s*, s:s}", "ev", "wanted", "by", person, "what", "password",
	    "of_what", json_str(target, "user", NULL), "box", a.box), NULL, 0);
	return asked_open(&a, d->tag, dbrole_wait_secret(d), "password", password, e);
}

static int
take_password(struct dbrole *d, const json_t *target, struct secret **password, struct err *e)
{
	const char *person = json_str(target, "password_from", NULL);
	int ret = credential_receive(DB_FD_CREDENTIAL, password, e);

	close(DB_FD_CREDENTIAL);
	return ret == 0 && person != NULL ? ask_password(d, target, person, password, e) : ret;
}

/* A server that was killed needs a moment until it answers again: who asks for an outcome has time for that. */
static struct db_conn *
open_patiently(struct dbrole *d, const struct db_target *t, bool patient, struct err *e)
{
	int64_t until = clock_mono_ms() + (patient ? PATIENCE_MS : 0);
	struct timespec pause = { 0, AGAIN_MS * 1000000L };
	struct db_conn *conn;

	while ((conn = d->driver->open(t, &d->info, e)) == NULL && clock_mono_ms() < until)
		nanosleep(&pause, NULL);
	return conn;
}

static int
open_target(struct dbrole *d, const json_t *init, struct db_target *t, bool patient, struct err *e)
{
	const json_t *target = json_object_get(init, "target");
	struct secret *password = NULL;
	struct db_conn *conn;
	int ret = 0;

	if (target_read(target, t) != 0)
		return err_set(e, ERR_CONFIG, "the target's description is not complete");
	t->tag = d->tag;
	t->ticket = json_str(init, "ticket", NULL);
	d->driver = db_driver_find(t->engine);
	if (d->driver == NULL)
		return err_set(e, ERR_UNSUPPORTED, "this version has no driver for %s", sql_engine_name(t->engine));
	/* through a tunnel it is the tunnel's first hop that goes this way */
	if (json_str(target, "via", NULL) != NULL && t->host != NULL && t->hostaddr == NULL)
		ret = via_check(json_str(target, "via", NULL), t->host, t->port, e);
	if (ret == 0)
		ret = take_password(d, target, &password, e);
	if (ret != 0)
		return ret;
	t->password = password;
	conn = open_patiently(d, t, patient, e);
	secret_free(password);
	t->password = NULL;
	pthread_mutex_lock(&d->lock);
	d->conn = conn;
	pthread_mutex_unlock(&d->lock);
	return conn != NULL ? 0 : e->code;
}

bool
dbrole_connect(struct dbrole *d, const json_t *init, bool announce)
{
	struct db_target t;
	struct err e;

	if (open_target(d, init, &t, !announce, &e) == 0 && (!announce || send_audit(d, &t, &e) == 0)) {
		if (announce)
			send_connected(d, &t, json_str(json_object_get(init, "target"), "via", NULL));
		return true;
	}
	log_line(LOG_LEVEL_ERROR, "the database could not be reached: %s", err_name(e.code));
	send_down(&e);
	return false;
}
