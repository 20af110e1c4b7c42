/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The db role's two sockets: control is always read by its own thread, bulk is written by the worker. */
#include "config.h"

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

#include "twokey/base/buf.h"
#include "twokey/base/clock.h"
#include "twokey/base/err.h"
#include "twokey/base/io.h"
#include "twokey/base/json.h"
#include "twokey/base/must.h"

#include "dbrole.h"
#include "role.h"

enum { CANCEL_AGAIN_MS = 250, END_MS = 15 * 1000, GONE_MS = 5 * 1000, SYNCED_WITHIN_MS = 20 * 1000, LATE_MAX = 64 * 1024 };

/* Writes all parts; they are changed on the way. */
static int
write_parts(struct iovec *v, size_t n)
{
	while (n > 0) {
		ssize_t w = writev(DB_FD_BULK, v, (int)n);

		if (w < 0 && errno != EINTR)
			return errno == EPIPE ? ERR_CLOSED : ERR_SYSTEM;
		for (; n > 0 && w >= (ssize_t)v->iov_len; n--)
			w -= (ssize_t)(v++)->iov_len;
		if (n > 0 && w > 0) {
			v->iov_base = (char *)v->iov_base + w;
			v->iov_len -= (size_t)w;
		}
	}
	return 0;
}

/* Bodies go out from where they are: rows are much, and copied often enough elsewhere. What late holds goes first;
 * a small event that may wait ends there. */
static int
send_event(json_t *ev, const struct packet_body *b, size_t nb, bool may_wait)
{
	static char lf[] = "\n";
	static struct buf late = { .max = LATE_MAX };
	struct iovec v[2 + 2 * TRANSCRIPT_BODIES_MAX];
	json_t *head = json_pack("{s:o}", "event", ev);
	struct buf out;
	size_t n = 0, all = 0;
	int ret;

	must(nb <= TRANSCRIPT_BODIES_MAX);
	buf_init(&out, 64 * 1024 * 1024);
	v[n++] = (struct iovec){ (char *)(uintptr_t)buf_data(&late), buf_len(&late) };
	if (nb > 0)
		must(json_object_set_new(head, "b", json_integer((json_int_t)nb)) == 0);
	packet_put(&out, head, NULL, 0);
	json_decref(head);
	v[n++] = (struct iovec){ (char *)(uintptr_t)buf_data(&out), buf_len(&out) };
	for (size_t i = 0; i < nb; i++) {
		v[n++] = (struct iovec){ b[i].p, b[i].n };
		v[n++] = (struct iovec){ lf, 1 };
	}
	for (size_t i = 0; i < n; i++)
		all += v[i].iov_len;
	may_wait = may_wait && all < LATE_MAX;
	for (size_t i = 1; may_wait && i < n; i++)
		buf_put(&late, v[i].iov_base, v[i].iov_len);
	ret = may_wait ? 0 : write_parts(v, n);
	if (!may_wait)
		buf_reset(&late);
	buf_fini(&out);
	return ret;
}

int
dbrole_send(json_t *ev, const struct packet_body *b, size_t nb)
{
	return send_event(ev, b, nb, false);
}

int
dbrole_send_late(json_t *ev, const struct packet_body *b, size_t nb)
{
	return send_event(ev, b, nb, true);
}

void
dbrole_send_unknown(uint64_t of)
{
	char line[64];
	struct iovec v = { line, (size_t)snprintf(line, sizeof line, "{\"unknown\":%" PRIu64 "}\n", of) };

	(void)write_parts(&v, 1);
}

int
dbrole_take_credit(struct dbrole *d, size_t n)
{
	int ret = 0;

	pthread_mutex_lock(&d->lock);
	while (d->credit <= 0 && !d->gone && !d->full && d->cancelled != d->working_on)
		pthread_cond_wait(&d->changed, &d->lock);
	if (d->gone)
		ret = ERR_CLOSED;
	else if (d->full || (d->credit <= 0 && d->cancelled == d->working_on))
		ret = ERR_CANCELLED;
	else
		d->credit -= (int64_t)n;
	pthread_mutex_unlock(&d->lock);
	return ret;
}

struct db_job *
dbrole_next(struct dbrole *d)
{
	struct db_job *job;

	pthread_mutex_lock(&d->lock);
	while (d->first == NULL && !d->ending)
		pthread_cond_wait(&d->changed, &d->lock);
	/* what is still queued at the end gets its "cancelled" on record; it is not run (dbrole_begin_work) */
	job = d->gone ? NULL : d->first;
	if (job != NULL) {
		d->first = job->next;
		if (d->first == NULL)
			d->last = &d->first;
	}
	pthread_mutex_unlock(&d->lock);
	return job;
}

/* Taken out of the queue; its link, under the lock. */
static struct db_job *
take_about(struct dbrole *d, uint64_t n)
{
	for (struct db_job **p = &d->first; *p != NULL; p = &(*p)->next) {
		struct db_job *job = *p;

		if ((uint64_t)json_int(json_object_get(job->p.head, "event"), "of", 0) != n)
			continue;
		*p = job->next;
		if (d->last == &job->next)
			d->last = p;
		return job;
	}
	return NULL;
}

/* Until something changed, or so many milliseconds, 100 at the most: a clock that is set does not matter. */
static void
wait_a_moment(struct dbrole *d, int64_t ms)
{
	int64_t us = clock_wall_us() + (ms < 100 ? ms : 100) * 1000;
	struct timespec at = { us / 1000000, us % 1000000 * 1000 };

	pthread_cond_timedwait(&d->changed, &d->lock, &at);
}

struct db_job *
dbrole_next_about(struct dbrole *d, uint64_t n, int64_t until_ms)
{
	struct db_job *job;
	int64_t left;

	pthread_mutex_lock(&d->lock);
	while ((job = take_about(d, n)) == NULL && !d->ending && d->cancelled != n &&
	    (left = until_ms - clock_mono_ms()) > 0)
		wait_a_moment(d, left);
	pthread_mutex_unlock(&d->lock);
	return job;
}

bool
dbrole_stopped(struct dbrole *d, uint64_t n)
{
	bool stopped;

	pthread_mutex_lock(&d->lock);
	stopped = d->ending || d->cancelled == n;
	pthread_mutex_unlock(&d->lock);
	return stopped;
}

bool
dbrole_begin_work(struct dbrole *d, uint64_t n)
{
	bool go;

	pthread_mutex_lock(&d->lock);
	go = !d->ending && d->cancelled != n;
	if (go)
		d->working_on = n;
	d->full = false;
	pthread_mutex_unlock(&d->lock);
	return go;
}

void
dbrole_end_work(struct dbrole *d)
{
	pthread_mutex_lock(&d->lock);
	d->working_on = 0;
	pthread_mutex_unlock(&d->lock);
}

bool
dbrole_wait_synced(struct dbrole *d, uint64_t n)
{
	int64_t until_ms = clock_mono_ms() + SYNCED_WITHIN_MS;	/* locks are held meanwhile, and what was allowed has its time */
	bool ok;

	pthread_mutex_lock(&d->lock);
	while (d->synced != n && !d->gone && !d->full && clock_mono_ms() < until_ms)
		wait_a_moment(d, until_ms - clock_mono_ms());
	ok = d->synced == n && !d->gone;
	pthread_mutex_unlock(&d->lock);
	return ok;
}

json_t *
dbrole_wait_secret(struct dbrole *d)
{
	json_t *v;

	pthread_mutex_lock(&d->lock);
	while (d->secret == NULL && !d->ending)
		pthread_cond_wait(&d->changed, &d->lock);
	v = d->secret;
	d->secret = NULL;
	pthread_mutex_unlock(&d->lock);
	return v;
}

/* Called with the lock held. */
static void
cancel_work(struct dbrole *d)
{
	if (d->conn == NULL || d->working_on == 0)
		return;
	d->cancel_wanted = true;
	pthread_cond_signal(&d->wanted);
}

void *
dbrole_cancel(void *dbrole)
{
	struct dbrole *d = dbrole;

	pthread_mutex_lock(&d->lock);
	for (;;) {
		struct db_conn *conn;

		while (!d->cancel_wanted)
			pthread_cond_wait(&d->wanted, &d->lock);
		d->cancel_wanted = false;
		conn = d->conn;
		if (conn == NULL || d->working_on == 0)
			continue;
		d->cancelling = true;	/* the connection stays until it is done */
		pthread_mutex_unlock(&d->lock);
		d->driver->cancel(conn);
		pthread_mutex_lock(&d->lock);
		d->cancelling = false;
		pthread_cond_signal(&d->changed);
	}
	return NULL;
}

struct db_conn *
dbrole_take_conn(struct dbrole *d)
{
	struct db_conn *conn;

	pthread_mutex_lock(&d->lock);
	while (d->cancelling)
		pthread_cond_wait(&d->changed, &d->lock);
	conn = d->conn;
	d->conn = NULL;
	pthread_mutex_unlock(&d->lock);
	return conn;
}

static void
enqueue(struct dbrole *d, struct packet *p)
{
	struct db_job *job = must_zalloc(sizeof *job);

	job->p = *p;
	*p = (struct packet){ 0 };
	*d->last = job;
	d->last = &job->next;
}

/* One packet of the recorder, under the lock. True when the worker may have waited for it. */
static bool
hear(struct dbrole *d, struct packet *p)
{
	const json_t *ev = json_object_get(p->head, "event");
	const char *name = json_str(ev, "ev", NULL);
	bool waits = true;

	if (name != NULL && strcmp(name, "cancel") == 0) {
		d->cancelled = (uint64_t)json_int(ev, "of", 0);
		if (d->cancelled == d->working_on)
			cancel_work(d);
	} else if (ev != NULL || json_object_get(p->head, "start") != NULL ||
	    json_object_get(p->head, "resolve") != NULL) {
		enqueue(d, p);
	} else if (json_object_get(p->head, "secret") != NULL) {
		json_decref(d->secret);
		d->secret = json_incref(p->head);
	} else if (json_object_get(p->head, "credit") != NULL) {
		waits = d->credit <= 0;
		d->credit += json_int(p->head, "credit", 0);
	} else if (json_object_get(p->head, "synced") != NULL) {
		d->synced = (uint64_t)json_int(p->head, "synced", 0);
	} else if (json_object_get(p->head, "full") != NULL) {
		d->full = true;	/* the rows' sink sees it and ends the statement: cut, not failed */
	} else if (json_object_get(p->head, "end") != NULL) {
		d->ending = true;
		d->end_by_ms = clock_mono_ms() + END_MS;
		cancel_work(d);
	}
	return waits;
}

/* Waits for bytes of the recorder. A cancel that came a moment before its statement began at the server is
 * said again; only this thread sets cancelled and ending, so without them there is nothing to wake for. */
static void
wait_control(struct dbrole *d)
{
	struct pollfd p = { .fd = DB_FD_CONTROL, .events = POLLIN };

	while (poll(&p, 1, d->cancelled != 0 || d->ending ? CANCEL_AGAIN_MS : -1) == 0) {
		pthread_mutex_lock(&d->lock);
		if (d->working_on != 0 && (d->ending || d->cancelled == d->working_on))
			cancel_work(d);
		pthread_mutex_unlock(&d->lock);
		if (d->ending && clock_mono_ms() > d->end_by_ms)
			_exit(1);	/* told to end, and the server does not even answer a cancel: the recorder tells the loss */
	}
}

void *
dbrole_listen(void *dbrole)
{
	struct dbrole *d = dbrole;
	struct packet p = { 0 };
	const char *line;
	struct buf in;
	bool ok = true;
	size_t n;

	buf_init(&in, 64 * 1024 * 1024);
	while (ok && (wait_control(d), io_fill(DB_FD_CONTROL, &in)) == IO_GOT_DATA) {
		while (ok && io_line(&in, &line, &n)) {
			int got = packet_feed(&p, line, n, NULL);

			if (got == 1) {
				bool waits;

				pthread_mutex_lock(&d->lock);
				waits = hear(d, &p);
				pthread_mutex_unlock(&d->lock);
				if (waits)
					pthread_cond_signal(&d->changed);
				packet_clear(&p);
			}
			ok = got >= 0;
			buf_consume(&in, n + 1);
		}
	}
	pthread_mutex_lock(&d->lock);
	d->gone = d->ending = true;
	cancel_work(d);
	pthread_cond_signal(&d->changed);
	pthread_mutex_unlock(&d->lock);
	packet_clear(&p);
	buf_fini(&in);
	(void)poll(NULL, 0, GONE_MS);
	_exit(1);	/* the worker has ended the process long before, or its server does not answer any more */
}
