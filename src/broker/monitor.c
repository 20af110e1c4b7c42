/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The monitor: a poll loop over fixed-size messages and the deaths of its children. */
#include "config.h"

#include "monitor.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "twokey/base/clock.h"
#include "twokey/base/err.h"
#include "twokey/base/io.h"
#include "twokey/base/log.h"
#include "twokey/base/must.h"
#include "twokey/ticket/config.h"
#include "twokey/ticket/ticket.h"

#include "alive.h"
#include "slice.h"
#include "way.h"

enum { STOP_WITHIN_MS = 75000, RETRY_MS = 1000, FRONT_RETRY_MS = 1000 };

static void
tell_front(struct monitor *m, enum monitor_op op, const char *session, const char *ticket)
{
	struct monitor_msg msg = { .op = op };

	strncpy(msg.session, session, sizeof msg.session - 1);
	strncpy(msg.ticket, ticket, sizeof msg.ticket - 1);
	if (m->front.pid != 0)
		(void)monitor_send(m->front.fd, &msg, -1, NULL);
}

/* The front asks for a session: the names are looked up here, nothing else of it is believed. */
static void
on_spawn(struct monitor *m, const struct monitor_msg *msg)
{
	struct err e;

	if (m->stopping || !ticket_id_ok(msg->ticket) || config_target(m->o->config, msg->target) == NULL) {
		tell_front(m, MONITOR_FAILED, "", msg->ticket);
		return;
	}
	if (monitor_start_session(m, msg, &e) != 0) {
		log_line(LOG_LEVEL_ERROR, "session not started: %s", e.text);
		tell_front(m, MONITOR_FAILED, "", msg->ticket);
	}
}

static void
drop_child(struct child *c)
{
	if (c->fd >= 0)
		close(c->fd);
	c->fd = -1;
}

static void
hear_front(struct monitor *m)
{
	struct monitor_msg msg;
	struct err e;
	int pass, got = monitor_recv(m->front.fd, &msg, &pass, &e);

	if (pass >= 0)
		close(pass);	/* nobody passes descriptors to the monitor */
	if (got == 1 && msg.op == MONITOR_SPAWN)
		on_spawn(m, &msg);
	else if (got != 1 && got != ERR_STATE)
		drop_child(&m->front);
}

/* A db of an earlier monitor, which may still be about to send COMMIT, is ended first; due() tries again. */
static void
start_resolver(struct monitor *m, struct watched *w)
{
	struct err e;

	if (!alive_ended(m, w))
		return;
	w->resolver_wanted = false;
	if (w->recorder.pid != 0 && w->recorder.fd >= 0 && monitor_start_resolver(m, w, &e) != 0)
		log_line(LOG_LEVEL_ERROR, "%s: no db to ask about the outcome: %s", w->session, e.text);
}

/* A channel between a role of that session and the front; op is how the front hears of it. */
static void
introduce(struct monitor *m, const struct watched *w, int role_fd, uint32_t op)
{
	struct monitor_msg msg = { .op = MONITOR_FRONT };
	int pair[2];

	if (io_pair(pair, NULL) != 0)
		return;
	(void)monitor_send(role_fd, &msg, pair[0], NULL);
	msg.op = op;
	memcpy(msg.session, w->session, sizeof msg.session);
	memcpy(msg.ticket, w->ticket, sizeof msg.ticket);
	(void)monitor_send(m->front.fd, &msg, pair[1], NULL);
	close(pair[0]);
	close(pair[1]);
}

/* A front shows what waits: a channel between it and the recorder. */
static void
show_waiting(struct monitor *m, struct watched *w)
{
	if (m->front.pid != 0 && w->recorder.pid != 0 && w->recorder.fd >= 0)
		introduce(m, w, w->recorder.fd, MONITOR_WAITS);
}

static void
on_waits(struct monitor *m, struct watched *w)
{
	w->waits = true;
	w->tries = 0;
	if (m->stopping)
		drop_child(&w->recorder);	/* the next start recovers it: its note stays */
	else
		show_waiting(m, w);
}

static void
hear_recorder(struct monitor *m, struct watched *w)
{
	struct monitor_msg msg;
	struct err e;
	int pass, got = monitor_recv(w->recorder.fd, &msg, &pass, &e);

	if (pass >= 0)
		close(pass);
	if (got == 1 && msg.op == MONITOR_RESOLVE) {
		/* it may still be about to send COMMIT: what is asked before it is gone is not the outcome */
		w->resolver_wanted = true;
		if (w->db.pid != 0)
			kill(w->db.pid, SIGKILL);
		else
			start_resolver(m, w);
	} else if (got == 1 && (msg.op == MONITOR_VERIFY || msg.op == MONITOR_SEAL)) {
		monitor_oneshot(m, w, &msg);
	} else if (got == 1 && msg.op == MONITOR_WAITS) {
		on_waits(m, w);
	} else if (got != 1 && got != ERR_STATE) {
		drop_child(&w->recorder);
	}
}

/* The place is free when nothing of the session runs any more and nothing is left to do. */
static void
free_place(struct watched *w)
{
	if (w->session_role.pid == 0 && w->recorder.pid == 0 && w->db.pid == 0 && w->tunnel.pid == 0 &&
	    w->try_at_ms == 0)
		w->used = false;
}

/* All processes of a session are gone: recovered when its recorder did not end well. */
static void
settle(struct monitor *m, struct watched *w, bool recorder_ended_well)
{
	if (w->session_role.pid != 0 || w->recorder.pid != 0)
		return;
	tell_front(m, MONITOR_GONE, w->session, w->ticket);
	if (recorder_ended_well) {
		note_remove(m, w);
		free_place(w);
		return;
	}
	if (m->stopping && (w->waits || w->busy)) {
		free_place(w);	/* the note stays */
		return;
	}
	w->recovering = true;
	w->waits = false;
	/* a recorder of before is waited for as long as it takes: it may end in order, or with an outcome that is open */
	w->try_at_ms = clock_mono_ms() + (w->busy || w->tries > 0 ? RETRY_MS : 0);
	w->tries += !w->busy;
	if (w->tries > MONITOR_RECOVER_TRIES) {
		log_line(LOG_LEVEL_ERROR, "%s: its transcript could not be recovered; see above", w->session);
		w->try_at_ms = 0;
		w->used = false;	/* the note stays for the next start */
	}
}

static void
front_died(struct monitor *m)
{
	m->front.pid = 0;
	drop_child(&m->front);
	if (!m->stopping)
		log_line(LOG_LEVEL_ERROR, "the front died; it is started again, sessions go on");
}

static void
db_died(struct monitor *m, struct watched *w)
{
	w->db.pid = 0;
	drop_child(&w->db);
	monitor_stop_tunnel(w);
	way_remove(m, w);
	if (w->resolver_wanted)
		start_resolver(m, w);
	free_place(w);
}

static bool
of_session(struct monitor *m, struct watched *w, pid_t pid, int status)
{
	bool well = WIFEXITED(status) && WEXITSTATUS(status) == 0;

	if (pid == w->db.pid) {
		db_died(m, w);
	} else if (pid == w->tunnel.pid) {
		w->tunnel.pid = 0;
		drop_child(&w->tunnel);
		free_place(w);
	} else if (pid == w->session_role.pid) {
		w->session_role.pid = 0;
		drop_child(&w->session_role);
		if (w->recorder.pid == 0)
			settle(m, w, w->tries == UINT32_MAX);
	} else if (pid == w->recorder.pid) {
		w->recorder.pid = 0;
		w->busy = WIFEXITED(status) && WEXITSTATUS(status) == ROLE_EXIT_BUSY;
		drop_child(&w->recorder);
		if (well)
			w->tries = UINT32_MAX;	/* sealed */
		settle(m, w, well);
	} else {
		return false;
	}
	return true;
}

static void
child_died(struct monitor *m, pid_t pid, int status)
{
	if (pid == m->front.pid) {
		front_died(m);
		return;
	}
	for (size_t i = 0; i < MONITOR_SESSIONS_MAX; i++)
		if (m->sessions[i].used && of_session(m, &m->sessions[i], pid, status))
			return;
}

static void
reap(struct monitor *m)
{
	int status;
	pid_t pid;

	while ((pid = waitpid(-1, &status, WNOHANG)) > 0)
		child_died(m, pid, status);
}

/* A new front gets a channel to every session that runs. */
static void
reconnect_sessions(struct monitor *m)
{
	for (size_t i = 0; i < MONITOR_SESSIONS_MAX; i++) {
		struct watched *w = &m->sessions[i];

		if (w->used && w->waits)
			show_waiting(m, w);
		else if (w->used && w->session_role.pid != 0)
			introduce(m, w, w->session_role.fd, MONITOR_SESSION);
	}
}

/* What is due by time: a front to start again, transcripts to recover. */
static void
due(struct monitor *m)
{
	int64_t now = clock_mono_ms();
	struct err e;

	if (m->front.pid == 0 && !m->stopping && now - m->front_started_ms >= FRONT_RETRY_MS) {
		if (monitor_start_front(m, &e) == 0)
			reconnect_sessions(m);
		else
			log_line(LOG_LEVEL_ERROR, "%s", e.text);
	}
	for (size_t i = 0; i < MONITOR_SESSIONS_MAX; i++) {
		struct watched *w = &m->sessions[i];

		if (w->used && w->resolver_wanted && w->db.pid == 0)
			start_resolver(m, w);
		if (!w->used || w->try_at_ms == 0 || now < w->try_at_ms)
			continue;
		w->try_at_ms = 0;
		if (monitor_start_recovery(m, w, &e) != 0) {
			log_line(LOG_LEVEL_ERROR, "%s", e.text);
			settle(m, w, false);	/* again later, or given up */
		}
	}
}

static bool
anything_runs(const struct monitor *m)
{
	for (size_t i = 0; i < MONITOR_SESSIONS_MAX; i++)
		if (m->sessions[i].used && (m->sessions[i].session_role.pid != 0 ||
		    m->sessions[i].recorder.pid != 0 || m->sessions[i].db.pid != 0 ||
		    m->sessions[i].tunnel.pid != 0 || m->sessions[i].try_at_ms != 0))
			return true;
	return m->front.pid != 0;
}

static void
poll_once(struct monitor *m, int signals)
{
	struct pollfd p[2 + MONITOR_SESSIONS_MAX];
	struct watched *who[2 + MONITOR_SESSIONS_MAX];
	nfds_t n = 2;
	int timeout = m->front.pid == 0 || m->stopping ? 100 : -1;

	p[0] = (struct pollfd){ .fd = signals, .events = POLLIN };
	p[1] = (struct pollfd){ .fd = m->front.pid != 0 ? m->front.fd : -1, .events = POLLIN };
	for (size_t i = 0; i < MONITOR_SESSIONS_MAX; i++) {
		struct watched *w = &m->sessions[i];

		if (w->used && (w->try_at_ms != 0 || w->resolver_wanted))
			timeout = 100;
		if (!w->used || w->recorder.fd < 0)
			continue;
		who[n] = w;
		p[n++] = (struct pollfd){ .fd = w->recorder.fd, .events = POLLIN };
	}
	if (poll(p, n, timeout) < 0)
		return;
	if (p[0].revents != 0) {
		struct signalfd_siginfo si;

		while (read(signals, &si, sizeof si) == sizeof si)
			m->stopping |= si.ssi_signo != SIGCHLD;
	}
	if (p[1].revents != 0)
		hear_front(m);
	for (nfds_t i = 2; i < n; i++)
		if (p[i].revents != 0)
			hear_recorder(m, who[i]);
	reap(m);
	due(m);
}

/* Every role sees its monitor go and ends in order; what does not is killed. */
static void
stop_all(struct monitor *m, int signals)
{
	int64_t until = clock_mono_ms() + STOP_WITHIN_MS;

	drop_child(&m->front);
	for (size_t i = 0; i < MONITOR_SESSIONS_MAX; i++) {
		drop_child(&m->sessions[i].session_role);
		if (m->sessions[i].waits)
			drop_child(&m->sessions[i].recorder);
	}
	while (anything_runs(m) && clock_mono_ms() < until)
		poll_once(m, signals);
	for (size_t i = 0; i < MONITOR_SESSIONS_MAX; i++) {
		struct watched *w = &m->sessions[i];

		if (w->used && w->session_role.pid != 0)
			kill(w->session_role.pid, SIGKILL);
		if (w->used && w->recorder.pid != 0)
			kill(w->recorder.pid, SIGKILL);
		if (w->used && w->db.pid != 0)
			kill(w->db.pid, SIGKILL);
		if (w->used && w->tunnel.pid != 0)
			kill(w->tunnel.pid, SIGKILL);
	}
	if (m->front.pid != 0)
		kill(m->front.pid, SIGKILL);
}

static int
watch_signals(struct err *e)
{
	sigset_t set;
	int fd;

	sigemptyset(&set);
	sigaddset(&set, SIGCHLD);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGHUP);
	sigprocmask(SIG_BLOCK, &set, NULL);
	signal(SIGPIPE, SIG_IGN);
	fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	if (fd < 0)
		err_sys(e, "watching signals");
	return fd;
}

int
broker_run(const struct broker_options *o, struct err *e)
{
	struct monitor *m = must_zalloc(sizeof *m);
	int ret, signals;

	m->o = o;
	m->front.fd = m->listener = -1;
	for (size_t i = 0; i < MONITOR_SESSIONS_MAX; i++)
		m->sessions[i].session_role.fd = m->sessions[i].recorder.fd = m->sessions[i].db.fd =
		    m->sessions[i].tunnel.fd = -1;
	log_init("monitor", LOG_LEVEL_INFO);
	m->slice = slice_make(o->config);
	signals = watch_signals(e);
	ret = signals < 0 ? e->code : monitor_setup(m, e);
	if (ret == 0) {
		way_remove_all(m);
		note_read_all(m);
		ret = monitor_start_front(m, e);
	}
	if (ret == 0) {
		puts("ready");
		fflush(stdout);
		while (!m->stopping)
			poll_once(m, signals);
		stop_all(m, signals);
	}
	if (ret != ERR_EXISTS)
		monitor_teardown(m);
	json_decref(m->slice);
	if (signals >= 0)
		close(signals);
	free(m);
	return ret;
}

int
broker_role(const char *name, uid_t uid, gid_t gid)
{
	enum role_kind k;

	if (role_parse(name, &k) != 0) {
		fprintf(stderr, "twokeyd: there is no role \"%s\"\n", name);
		return 2;
	}
	return role_run(k, uid, gid);
}
