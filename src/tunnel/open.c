/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The walk along the hops, and the end of it. */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "core.h"
#include "twokey/base/clock.h"
#include "twokey/base/must.h"

enum { OPEN_S = 20, KEEPALIVE_S = 5, DEAD_AFTER_S = 15, SECONDS_MAX = 3600, SOCKET_PATH_MAX = 100, HOST_MAX = 255,
	KNOWN_HOSTS_MAX = 4 * 1024 * 1024 };

static bool
is_text(const char *s, size_t max)
{
	size_t n = s != NULL ? strlen(s) : 0;

	for (size_t i = 0; i < n; i++)
		if ((unsigned char)s[i] <= ' ' || s[i] == 0x7f)
			return false;
	return n > 0 && n <= max;
}

static int
check_hop(const struct tunnel_hop *h, struct err *e)
{
	if (!is_text(h->name, 60))
		return err_set(e, ERR_CONFIG, "a hop has no name, or one with blanks or more than 60 bytes; give each hop a short one");
	if (!is_text(h->host, HOST_MAX) || h->port == 0 || !is_text(h->user, 100))
		return err_set(e, ERR_CONFIG, "hop %s: host, port and user must be there; complete them", h->name);
	if ((h->host_key == NULL) == (h->known_hosts == NULL))
		return err_set(e, ERR_CONFIG, "hop %s: exactly one of host_key and known_hosts must be there; no host is trusted on"
		    " first sight", h->name);
	if (h->known_hosts != NULL && strlen(h->known_hosts) > KNOWN_HOSTS_MAX)
		return err_set(e, ERR_CONFIG, "hop %s: known_hosts has more than %d bytes; give the lines of this host only", h->name,
		    KNOWN_HOSTS_MAX);
	if ((h->key == NULL) == (h->agent_fd < 0))
		return err_set(e, ERR_CONFIG, "hop %s: exactly one of key and agent must be there", h->name);
	return 0;
}

static int
check_listener(int fd, struct err *e)
{
	struct sockaddr_storage ss;
	socklen_t n = sizeof ss;
	int flags = fcntl(fd, F_GETFL);

	if (flags < 0 || getsockname(fd, (struct sockaddr *)&ss, &n) != 0)
		return err_sys(e, "a listener of the tunnel is no socket");
	/* a connection that is gone before accept must not stop the loop */
	if (fcntl(fd, F_SETFL, flags | O_NONBLOCK) != 0)
		return err_sys(e, "a listener of the tunnel");
	return 0;
}

static int
check_plan(const struct tunnel_plan *p, struct err *e)
{
	int ret = 0;

	if (p->nhops < 1 || p->nhops > TUNNEL_HOPS_MAX)
		return err_set(e, ERR_CONFIG, "a tunnel has 1 to %d hops, not %zu", TUNNEL_HOPS_MAX, p->nhops);
	for (size_t i = 0; ret == 0 && i < p->nhops; i++)
		ret = check_hop(&p->hops[i], e);
	if (ret != 0)
		return ret;
	if (p->socket != NULL ? p->socket[0] != '/' || strlen(p->socket) > SOCKET_PATH_MAX : !is_text(p->host, HOST_MAX) || p->port == 0)
		return err_set(e, ERR_CONFIG, "the tunnel's endpoint must be host and port, or the absolute path of a Unix socket");
	if (p->socket != NULL && p->host != NULL)
		return err_set(e, ERR_CONFIG, "the tunnel's endpoint must be a host or a socket, not both");
	if (p->nlisteners > TUNNEL_LISTENERS_MAX)
		return err_set(e, ERR_CONFIG, "a tunnel has at most %d listeners", TUNNEL_LISTENERS_MAX);
	for (size_t i = 0; ret == 0 && i < p->nlisteners; i++)
		ret = check_listener(p->listeners[i], e);
	return ret;
}

static void
set_times(struct tunnel_plan *p)
{
	p->open_s = p->open_s == 0 ? OPEN_S : p->open_s > SECONDS_MAX ? SECONDS_MAX : p->open_s;
	p->keepalive_s = p->keepalive_s == 0 ? KEEPALIVE_S : p->keepalive_s > SECONDS_MAX ? SECONDS_MAX : p->keepalive_s;
	if (p->dead_after_s == 0)
		p->dead_after_s = DEAD_AFTER_S;
	if (p->dead_after_s > 2 * SECONDS_MAX)
		p->dead_after_s = 2 * SECONDS_MAX;
	if (p->dead_after_s < 2 * p->keepalive_s)
		p->dead_after_s = 2 * p->keepalive_s;
}

struct tunnel *
tunnel_make(const struct tunnel_plan *p, struct err *e)
{
	struct tunnel *t;

	if (check_plan(p, e) != 0)
		return NULL;
	unsetenv("SSH_AUTH_SOCK");	/* libssh would ask that agent */
	t = must_zalloc(sizeof *t);
	t->plan = *p;
	set_times(&t->plan);
	buf_init(&t->polls, (1 + TUNNEL_HOPS_MAX * 2 + TUNNEL_LISTENERS_MAX + TUNNEL_FORWARDS_MAX) * 16);
	t->scratch = mmap(NULL, WINDOW_LARGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	must(t->scratch != MAP_FAILED);
	peer_open(t);
	for (size_t i = 0; i < p->nhops; i++) {
		struct hop *h = &t->hop[i];

		h->tunnel = t;
		h->index = i;
		h->plan = &t->plan.hops[i];
		h->fd = -1;
		h->said = (struct tunnel_state){ .hop = i, .name = h->plan->name, .ms = -1 };
	}
	return t;
}

/* A channel of the last open hop, spliced to a socket pair; the other end is the next hop's. */
static int
reach(struct hop *last, int64_t deadline)
{
	struct tunnel *t = last->tunnel;
	struct forward *f;
	int pair[2];

	tell(last + 1, TUNNEL_CONNECTING);
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair) != 0) {
		tell_fault(t, last + 1, TUNNEL_FAULT_SYSTEM, "no socket pair: %s", strerror(errno));
		return -1;
	}
	f = forward_create(last, pair[0], true);
	while (f->opening) {
		if (clock_mono_ms() >= deadline)
			tell_fault(t, last + 1, TUNNEL_FAULT_TIMEOUT, "no answer from %.150s port %u within %u s, asked through hop %.60s;"
			    " check the address as that hop sees it", last[1].plan->host, (unsigned)last[1].plan->port,
			    t->plan.open_s, last->plan->name);
		if (t->fault != TUNNEL_FAULT_NONE || loop_turn(t, loop_left(deadline)) != 0)
			break;		/* f may be gone */
	}
	if (t->fault != TUNNEL_FAULT_NONE) {
		close(pair[1]);
		return -1;
	}
	return pair[1];
}

int
walk(struct tunnel *t)
{
	int ret = 0;

	t->tick_ms = clock_mono_ms();
	for (size_t i = 0; ret == 0 && i < t->plan.nhops; i++) {
		int64_t deadline = clock_mono_ms() + (int64_t)t->plan.open_s * 1000;
		int fd = i == 0 ? dial(&t->hop[0], deadline) : reach(&t->hop[i - 1], deadline);

		if (fd < 0)
			return t->err.code;
		t->nhops = i + 1;
		ret = hop_open(&t->hop[i], fd, deadline);
	}
	return ret;
}

int
tunnel_open(const struct tunnel_plan *p, struct tunnel **out, struct err *e)
{
	struct err own;
	struct tunnel *t;
	int ret;

	e = e != NULL ? e : &own;
	t = tunnel_make(p, e);
	if (t == NULL)
		return e->code;
	ret = walk(t);
	if (ret == 0) {
		*out = t;
		return 0;
	}
	*e = t->err;
	tunnel_close(t);
	return ret;
}

void
tunnel_close(struct tunnel *t)
{
	if (t == NULL)
		return;
	while (t->forwards != NULL)
		forward_destroy(t->forwards);
	for (size_t i = t->nhops; i-- > 0;) {
		bool open = t->hop[i].open;

		hop_close(&t->hop[i]);
		if (open && t->hop[i].said.phase != TUNNEL_LOST)
			tell(&t->hop[i], TUNNEL_CLOSED);
	}
	for (size_t i = 0; i < 2; i++)
		if (t->proc_tcp[i] >= 0)
			close(t->proc_tcp[i]);
	munmap(t->scratch, WINDOW_LARGE);
	buf_fini(&t->polls);
	free(t);
}
