/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The front role: accepts consoles; who they are is the kernel's SO_PEERCRED. */
#include "config.h"

#include "front.h"

#include <errno.h>
#include <event2/event.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "twokey/base/buf.h"
#include "twokey/base/clock.h"
#include "twokey/base/err.h"
#include "twokey/base/io.h"
#include "twokey/base/json.h"
#include "twokey/base/log.h"
#include "twokey/base/must.h"

#include "login.h"
#include "pace.h"
#include "role.h"
#include "slice.h"

enum { LINE_MAX_IN = 1024 * 1024, OUT_MAX = 4 * 1024 * 1024 };

static void
visitor_free(struct visitor *v)
{
	struct visitor **p = &v->f->visitors;

	while (*p != v)
		p = &(*p)->next;
	*p = v->next;
	v->f->nvisitors--;
	json_decref(v->adopt);
	front_settle_forget(v);
	free(v);
}

static bool
is_visitor(const struct front *f, const struct visitor *v)
{
	for (const struct visitor *p = f->visitors; p != NULL; p = p->next)
		if (p == v)
			return true;
	return false;
}

static bool
on_line(void *ctx, struct channel *c, const char *line, size_t n)
{
	struct visitor *v = ctx;
	struct front *f = v->f;

	if (!v->closing)
		front_dispatch(v, line, n);
	/* handed over: gone; bye waits to be sent: on_drained closes */
	if (is_visitor(f, v) && v->closing && channel_backlog(c) == 0) {
		channel_close(c);
		visitor_free(v);
	}
	return true;
}

static void
on_closed(void *ctx, struct channel *c)
{
	(void)c;
	visitor_free(ctx);
}

static void
on_drained(void *ctx, struct channel *c)
{
	struct visitor *v = ctx;

	if (v->closing) {
		channel_close(c);
		visitor_free(v);
	} else {
		channel_hold(c, v->opening[0] != '\0' || v->settling);
	}
}

/* A number that /proc tells of a process: its audit login or session; -1 when not set or not told. */
static int64_t
audit_number(pid_t pid, const char *what)
{
	char path[64];
	struct buf text;
	int64_t v = -1;

	snprintf(path, sizeof path, "/proc/%d/%s", (int)pid, what);
	buf_init(&text, 32);
	if (io_read_file(path, 31, &text, NULL) == 0)
		v = strtoll(buf_str(&text), NULL, 10);
	buf_fini(&text);
	return v == 4294967295 ? -1 : v;
}

static size_t
visitors_of(const struct front *f, uid_t uid)
{
	size_t n = 0;

	for (const struct visitor *v = f->visitors; v != NULL; v = v->next)
		n += v->uid == uid;
	return n;
}

/* Logins that are nobody's, all together: whoever has many of them must not keep the people out. */
static bool
too_many_strangers(const struct front *f, const struct visitor *newcomer)
{
	size_t n = 0;

	if (f->demo || config_person_of_login(f->config, newcomer->login) != NULL)
		return false;
	for (const struct visitor *v = f->visitors; v != NULL; v = v->next)
		n += config_person_of_login(f->config, v->login) == NULL;
	return n > FRONT_STRANGERS_MAX;
}

/* Consoles that came and went in a crowd, before the loop saw that they went, take nobody's place. */
static void
drop_the_gone(struct front *f)
{
	for (struct visitor *v = f->visitors, *next; v != NULL; v = next) {
		next = v->next;
		if (channel_is_gone(v->channel)) {
			channel_close(v->channel);
			visitor_free(v);
		}
	}
}

static bool
is_full(const struct front *f, uid_t uid)
{
	return f->nvisitors >= FRONT_VISITORS_MAX || visitors_of(f, uid) >= FRONT_PER_UID_MAX;
}

static void
welcome(struct front *f, int fd)
{
	static const struct channel_ops ops = { on_line, on_closed, on_drained };
	static const struct login_roots roots = { "/proc", "/run" };
	struct ucred cred;
	socklen_t len = sizeof cred;
	struct visitor *v;
	struct passwd *pw;

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &len) != 0) {
		close(fd);
		return;
	}
	if (is_full(f, cred.uid))
		drop_the_gone(f);
	if (is_full(f, cred.uid)) {
		static const char full[] = "{\"re\":\"bye\",\"code\":\"full\",\"why\":\"too many consoles wait "
		    "at the broker; try again\"}\n";

		(void)!send(fd, full, sizeof full - 1, MSG_NOSIGNAL | MSG_DONTWAIT);
		close(fd);
		return;
	}
	v = must_zalloc(sizeof *v);
	v->f = f;
	v->uid = cred.uid;
	pw = getpwuid(cred.uid);
	snprintf(v->login, sizeof v->login, "%s", pw != NULL ? pw->pw_name : "");
	v->loginuid = audit_number(cred.pid, "loginuid");
	v->audit = audit_number(cred.pid, "sessionid");
	v->remote = login_is_remote(&roots, cred.pid, cred.uid);
	v->since_ms = clock_mono_ms();
	v->next = f->visitors;
	f->visitors = v;
	f->nvisitors++;
	v->channel = channel_open(f->base, fd, LINE_MAX_IN, OUT_MAX, &ops, v);
	if (too_many_strangers(f, v)) {
		channel_close(v->channel);
		visitor_free(v);
	}
}

static void
on_accept(evutil_socket_t fd, short what, void *arg)
{
	int c;

	(void)what;
	while ((c = accept4(fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK)) >= 0)
		welcome(arg, c);
	if (errno == EMFILE || errno == ENFILE)
		log_line(LOG_LEVEL_ERROR, "no descriptor left for a console");
}

static void
on_monitor(evutil_socket_t fd, short what, void *arg)
{
	struct front *f = arg;
	struct monitor_msg m;
	struct err e;
	int pass, got;

	(void)what;
	got = monitor_recv(fd, &m, &pass, &e);
	if (got == ERR_STATE)
		return;
	if (got != 1) {
		event_base_loopbreak(f->base);
		return;
	}
	if (m.op == MONITOR_SESSION && pass >= 0)
		lobby_add(f, m.session, m.ticket, pass);
	else if (m.op == MONITOR_WAITS && pass >= 0)
		lobby_wait(f, m.session, m.ticket, pass);
	else if (m.op == MONITOR_GONE)
		lobby_remove(f, m.session);
	else if (m.op == MONITOR_FAILED)
		lobby_failed(f, m.ticket, "the broker could not start the session; see its log");
}

/* Who says nothing is sent away. */
static void
on_tick(evutil_socket_t fd, short what, void *arg)
{
	struct front *f = arg;
	int64_t now = clock_mono_ms();

	(void)fd;
	(void)what;
	for (struct visitor *v = f->visitors, *next; v != NULL; v = next) {
		next = v->next;
		if (v->person != NULL || now - v->since_ms < FRONT_HELLO_WITHIN_S * 1000)
			continue;
		channel_close(v->channel);
		visitor_free(v);
	}
}

int
front_main(json_t *init)
{
	struct front f = { .base = event_base_new() };
	struct timeval tick = { 5, 0 };

	f.config = slice_read(json_object_get(init, "config"));
	must(f.base != NULL && f.config != NULL && io_nonblock(FRONT_FD_LISTEN) == 0);
	pace_load(f.config->store, &f.paces);
	f.broker = json_str(init, "broker", NULL);
	f.demo = json_bool(init, "demo");
	f.listener = event_new(f.base, FRONT_FD_LISTEN, EV_READ | EV_PERSIST, on_accept, &f);
	f.monitor = event_new(f.base, ROLE_FD_MONITOR, EV_READ | EV_PERSIST, on_monitor, &f);
	f.tick = event_new(f.base, -1, EV_PERSIST, on_tick, &f);
	event_add(f.listener, NULL);
	event_add(f.monitor, NULL);
	event_add(f.tick, &tick);
	event_base_dispatch(f.base);
	while (f.visitors != NULL) {
		channel_close(f.visitors->channel);
		visitor_free(f.visitors);
	}
	while (f.lobbies != NULL)
		lobby_remove(&f, f.lobbies->session);
	config_free(f.config);
	event_free(f.listener);
	event_free(f.monitor);
	event_free(f.tick);
	event_base_free(f.base);
	json_decref(init);
	return 0;
}
