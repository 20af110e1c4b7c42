/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Starting roles: fork, descriptors in their places, exec of this very program. */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "twokey/base/buf.h"
#include "twokey/base/clock.h"
#include "twokey/base/digest.h"
#include "twokey/base/err.h"
#include "twokey/base/io.h"
#include "twokey/base/json.h"
#include "twokey/base/log.h"
#include "twokey/base/must.h"
#include "twokey/base/secret.h"
#include "twokey/ticket/config.h"

#include "alive.h"
#include "credential.h"
#include "monitor.h"
#include "target.h"
#include "way.h"

/* The environment of the person who started the broker is not the roles' business; a build with fault points
 * keeps what its tests set. */
static void
keep_for_tests(const char **env, size_t n)
{
#ifdef TWOKEY_FAULTS
	static const char *const names[] = { "TWOKEY_FAULT=", "ASAN_OPTIONS=", "UBSAN_OPTIONS=", "LSAN_OPTIONS=" };

	for (char **e = environ; *e != NULL; e++)
		for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
			if (strncmp(*e, names[i], strlen(names[i])) == 0)
				env[n++] = *e;
#else
	(void)env;
	(void)n;
#endif
}

/* A database that is a file, or behind a Unix socket (every tunnel without TLS): db needs no network at all. */
static bool
is_alone(const json_t *init)
{
	const json_t *target = json_object_get(init, "target");

	return json_object_get(target, "host") == NULL && json_object_get(target, "hostaddr") == NULL;
}

/* In the child: the descriptors move to 3, 4, 5 ... and everything else goes away in role_begin. */
static void
become(enum role_kind k, const struct monitor *m, int monitor_fd, const int *fds, size_t nfds, bool alone)
{
	int at[8], user = role_user(k);
	char uid[16], gid[16];
	const char *env[8] = { "PATH=/usr/bin:/bin", "LC_ALL=C.UTF-8", "TZ=UTC" };
	const char *argv[] = { "twokeyd", "--role", role_name(k), "--uid", uid, "--gid", gid, NULL };

	snprintf(uid, sizeof uid, "%d", m->o->private_mode ? -1 : (int)m->uids[user]);
	snprintf(gid, sizeof gid, "%d", m->o->private_mode ? -1 : (int)m->gids[user]);
	/* first above all targets, so that none is overwritten before it has moved */
	at[0] = fcntl(monitor_fd, F_DUPFD, 64);
	for (size_t i = 0; i < nfds; i++)
		at[i + 1] = fcntl(fds[i], F_DUPFD, 64);
	for (size_t i = 0; i <= nfds; i++)
		if (at[i] < 0 || dup2(at[i], (int)(ROLE_FD_MONITOR + i)) < 0)
			_exit(126);
	close_range((unsigned)(ROLE_FD_MONITOR + nfds + 1), ~0u, 0);
	keep_for_tests(env, 3);
	if (alone)
		(void)unshare(CLONE_NEWNET);	/* best effort: who is not root may not, and is told nothing else by it */
	execve("/proc/self/exe", (char *const *)(uintptr_t)argv, (char *const *)(uintptr_t)env);
	_exit(126);
}

/* The first message; its bytes are wiped, since a password may be among them. */
static int
send_init(int fd, const json_t *init, struct err *e)
{
	struct buf text;
	int ret = 0;

	buf_init(&text, ROLE_INIT_MAX);
	must(buf_room(&text, ROLE_INIT_MAX) != NULL);	/* never moved, so nothing is left behind */
	json_put(&text, init);
	if (buf_over(&text))
		ret = err_set(e, ERR_TOO_LARGE, "the configuration is too large for a role's first message");
	else if (send(fd, buf_data(&text), buf_len(&text), MSG_NOSIGNAL) < 0)
		ret = err_sys(e, "sending a role its first message");
	secret_wipe((void *)(uintptr_t)buf_data(&text), buf_len(&text));
	buf_fini(&text);
	return ret;
}

int
monitor_start(struct monitor *m, enum role_kind k, int *fds, size_t nfds, const json_t *init,
    struct child *c, struct err *e)
{
	int pair[2], ret = 0;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) != 0) {
		ret = err_sys(e, "making a socket pair");
	} else {
		c->pid = fork();
		if (c->pid == 0)
			become(k, m, pair[1], fds, nfds, k == ROLE_VERIFY || (k == ROLE_DB && is_alone(init)));
		close(pair[1]);
		c->fd = pair[0];
		if (c->pid < 0) {
			c->pid = 0;
			ret = err_sys(e, "starting the %s role", role_name(k));
		} else {
			ret = send_init(c->fd, init, e);
			(void)io_nonblock(c->fd);
		}
		if (ret != 0) {
			close(c->fd);	/* who waits for the first message sees its end */
			c->fd = -1;
		}
	}
	for (size_t i = 0; i < nfds; i++)
		if (fds[i] != m->listener)
			close(fds[i]);
	return ret;
}

/* What front and session may know. */
static json_t *
common_init(const struct monitor *m)
{
	return json_pack("{s:s, s:b, s:O}", "broker", m->o->private_mode ? "private" : "system",
	    "demo", (int)m->o->demo, "config", m->slice);
}

int
monitor_start_front(struct monitor *m, struct err *e)
{
	json_t *init = common_init(m);
	int fds[1] = { m->listener }, ret;

	ret = monitor_start(m, ROLE_FRONT, fds, 1, init, &m->front, e);
	json_decref(init);
	m->front_started_ms = clock_mono_ms();
	return ret;
}

static void
tell_front(struct monitor *m, enum monitor_op op, const struct watched *w, int pass)
{
	struct monitor_msg msg = { .op = op };
	struct err e;

	memcpy(msg.session, w->session, sizeof msg.session);
	memcpy(msg.ticket, w->ticket, sizeof msg.ticket);
	if (m->front.pid != 0 && monitor_send(m->front.fd, &msg, pass, &e) != 0)
		log_line(LOG_LEVEL_WARN, "the front does not take messages");
	if (pass >= 0)
		close(pass);
}

static json_t *
recorder_init(const struct monitor *m, const struct watched *w, bool recover)
{
	char path[4096];

	snprintf(path, sizeof path, "%s/%s.jsonl", m->o->config->transcripts, w->session);
	return json_pack("{s:s, s:s, s:s, s:I, s:b, s:b, s:o, s:b, s:b}", "session", w->session, "digest", w->digest, "path", path,
	    "quota", (json_int_t)m->o->config->quota, "recover", (int)recover, "tunnel", w->tunnel.pid != 0,
	    "signers", monitor_signers(m), "signs", m->o->config->seal_key != NULL, "anchors", m->o->config->nanchor > 0);
}

/* NULL and *e when the configuration has no such target. */
static json_t *
db_init(const struct monitor *m, const struct watched *w, struct err *e)
{
	const struct config_target *t = config_target(m->o->config, w->target);

	if (t == NULL) {
		err_set(e, ERR_CONFIG, "there is no target of that name in the configuration");
		return NULL;
	}
	return json_pack("{s:s, s:s, s:s, s:I, s:I, s:o, s:o, s:o, s:I, s:I, s:I}", "session", w->session, "ticket", w->ticket, "digest", w->digest,
	    "hold_ms", (json_int_t)t->hold_s * 1000, "hold_waiters_ms", (json_int_t)t->hold_waiters_s * 1000,
	    "target", target_make(t), "signers", monitor_signers(m), "sides", monitor_sides(m),
	    "table_limit", (json_int_t)t->table_limit,
	    "max_rows", (json_int_t)m->o->config->max_rows, "max_bytes", (json_int_t)m->o->config->max_bytes);
}

/* What no role has taken is closed: the one that it belongs to was not started. */
static void
close_all(const int *fds, size_t n)
{
	for (size_t i = 0; i < n; i++)
		close(fds[i]);
}

void
monitor_stop_tunnel(struct watched *w)
{
	if (w->tunnel.fd >= 0)
		close(w->tunnel.fd);
	w->tunnel.fd = -1;
}

/* Before db: a target behind a tunnel gets the tunnel's process, and db's target is turned towards its listener.
 * recorder_fd is taken. */
static int
start_way(struct monitor *m, struct watched *w, json_t *db, int recorder_fd, struct err *e)
{
	const struct config_target *t = config_target(m->o->config, w->target);
	int fds[2] = { recorder_fd, -1 }, ret;
	json_t *init;

	if (!way_has_tunnel(t)) {
		close(recorder_fd);
		return 0;
	}
	fds[1] = way_listen(m, w, t, json_object_get(db, "target"), e);
	if (fds[1] < 0) {
		close(recorder_fd);
		return e->code;
	}
	init = way_init(m, w, t);
	ret = monitor_start(m, ROLE_TUNNEL, fds, 2, init, &w->tunnel, e);
	json_decref(init);
	if (ret == 0)
		ret = way_send_agents(w, t, e);
	if (ret != 0)
		monitor_stop_tunnel(w);
	return ret;
}

int
monitor_start_db(struct monitor *m, struct watched *w, int control, int bulk, int tunnel, struct err *e)
{
	int fds[4] = { control, bulk, -1, -1 }, ret;
	json_t *init = db_init(m, w, e);

	if (init == NULL) {
		close(tunnel);
		close_all(fds, 2);
		return e->code;
	}
	ret = start_way(m, w, init, tunnel, e);
	if (ret == 0)
		ret = credential_start(config_target(m->o->config, w->target), CREDENTIAL_WITHIN_MS, &fds[2], e);
	if (ret == 0) {
		fds[3] = alive_open(m, w, e);
		ret = fds[3] >= 0 ? monitor_start(m, ROLE_DB, fds, 4, init, &w->db, e) : e->code;
	}
	if (ret != 0 && fds[3] < 0)
		close_all(fds, fds[2] >= 0 ? 3 : 2);
	json_decref(init);
	if (ret != 0)
		monitor_stop_tunnel(w);
	return ret;
}

int
monitor_start_resolver(struct monitor *m, struct watched *w, struct err *e)
{
	struct monitor_msg msg = { .op = MONITOR_DB_CONTROL };
	int control[2], bulk[2], ret;

	if (io_pair(control, e) != 0 || io_pair(bulk, e) != 0)
		return e->code;
	monitor_stop_tunnel(w);	/* of the db that died, which may still be on its way to its end */
	way_remove(m, w);
	/* nobody listens to this tunnel: the transcript has its last word already */
	ret = monitor_start_db(m, w, control[1], bulk[1], open("/dev/null", O_RDWR | O_CLOEXEC), e);
	if (ret == 0)
		ret = monitor_send(w->recorder.fd, &msg, control[0], e);
	msg.op = MONITOR_DB_BULK;
	if (ret == 0)
		ret = monitor_send(w->recorder.fd, &msg, bulk[0], e);
	close(control[0]);
	close(bulk[0]);
	return ret;
}

int
monitor_start_recovery(struct monitor *m, struct watched *w, struct err *e)
{
	json_t *init = recorder_init(m, w, true);
	int fds[4] = { -1, -1, -1, -1 }, ret;

	/* a recovering recorder closes these at once; they only fill the places */
	for (int i = 0; i < 4; i++)
		fds[i] = open("/dev/null", O_RDWR | O_CLOEXEC);
	ret = monitor_start(m, ROLE_RECORDER, fds, 4, init, &w->recorder, e);
	json_decref(init);
	return ret;
}

static struct watched *
free_slot(struct monitor *m)
{
	for (size_t i = 0; i < MONITOR_SESSIONS_MAX; i++)
		if (!m->sessions[i].used)
			return &m->sessions[i];
	return NULL;
}

/* s-20261121-103612-9f3c11a0: sorts by time, cannot be guessed, is a file name. */
static void
make_session_id(char *out, size_t size)
{
	char when[CLOCK_TEXT];
	unsigned char r[4];

	clock_format(clock_wall_us(), when);
	random_bytes(r, sizeof r);
	snprintf(out, size, "s-%.4s%.2s%.2s-%.2s%.2s%.2s-%02x%02x%02x%02x", when, when + 5, when + 8,
	    when + 11, when + 14, when + 17, r[0], r[1], r[2], r[3]);
}

enum pair { PAIR_RECORDER, PAIR_CONTROL, PAIR_BULK, PAIR_TUNNEL, PAIR_FRONT, PAIRS };

static int
make_pairs(int pairs[PAIRS][2], struct err *e)
{
	for (int i = 0; i < PAIRS; i++)
		pairs[i][0] = pairs[i][1] = -1;
	for (int i = 0; i < PAIRS; i++)
		if (io_pair(pairs[i], e) != 0)
			return e->code;
	return 0;
}

static int
start_three(struct monitor *m, struct watched *w, int pairs[PAIRS][2], struct err *e)
{
	int session_fds[2] = { pairs[PAIR_RECORDER][0], pairs[PAIR_FRONT][0] };
	int recorder_fds[4] = { pairs[PAIR_RECORDER][1], pairs[PAIR_CONTROL][0], pairs[PAIR_BULK][0],
		pairs[PAIR_TUNNEL][0] };
	json_t *init;
	int ret = monitor_start_db(m, w, pairs[PAIR_CONTROL][1], pairs[PAIR_BULK][1], pairs[PAIR_TUNNEL][1], e);

	if (ret != 0) {
		close_all(recorder_fds, 4);
		close_all(session_fds, 2);
		return ret;
	}
	init = recorder_init(m, w, false);
	ret = monitor_start(m, ROLE_RECORDER, recorder_fds, 4, init, &w->recorder, e);
	json_decref(init);
	if (ret != 0) {
		close_all(session_fds, 2);
		return ret;
	}
	init = common_init(m);
	json_object_set_new(init, "session", json_string(w->session));
	json_object_set_new(init, "target", json_string(w->target));
	ret = monitor_start(m, ROLE_SESSION, session_fds, 2, init, &w->session_role, e);
	json_decref(init);
	return ret;
}

int
monitor_start_session(struct monitor *m, const struct monitor_msg *spawn, struct err *e)
{
	struct watched *w = free_slot(m);
	int pairs[PAIRS][2], ret;

	if (w == NULL)
		return err_set(e, ERR_FULL, "as many sessions run as this broker takes");
	*w = (struct watched){ .used = true };
	w->session_role.fd = w->recorder.fd = w->db.fd = w->tunnel.fd = -1;
	make_session_id(w->session, sizeof w->session);
	memcpy(w->ticket, spawn->ticket, sizeof w->ticket);
	memcpy(w->target, spawn->target, sizeof w->target);
	memcpy(w->digest, spawn->digest, sizeof w->digest);
	ret = make_pairs(pairs, e);
	if (ret == 0)
		ret = note_write(m, w, e);
	if (ret != 0) {
		w->used = false;
		for (int i = 0; i < PAIRS * 2; i++)
			if (pairs[i / 2][i % 2] >= 0)
				close(pairs[i / 2][i % 2]);
		return ret;
	}
	ret = start_three(m, w, pairs, e);
	if (ret == 0) {
		tell_front(m, MONITOR_SESSION, w, pairs[PAIR_FRONT][1]);
		return 0;
	}
	close(pairs[PAIR_FRONT][1]);	/* what was started sees its sockets close and ends */
	if (w->recorder.pid == 0 && w->session_role.pid == 0) {
		/* no transcript can have been begun; db's death frees the place, if it was started */
		note_remove(m, w);
		way_remove(m, w);
		w->used = w->db.pid != 0 || w->tunnel.pid != 0;
	}
	return ret;
}
