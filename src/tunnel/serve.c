/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "core.h"

enum { IDLE_MS = 3600 * 1000 };	/* the next keepalive comes sooner */

void
serve_accept(struct tunnel *t, int listener)
{
	int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK), one = 1;
	long uid;

	if (fd < 0) {
		if (errno != EAGAIN && errno != EINTR && errno != ECONNABORTED)
			tell_refused(t, TUNNEL_FAULT_SYSTEM, "a connection could not be accepted: %s", strerror(errno));
		return;
	}
	if (!peer_check(t, fd, &uid)) {
		if (uid < 0)
			tell_refused(t, TUNNEL_FAULT_UID, "a connection was refused because its login cannot be told;"
			    " it may have closed at once: connect again");
		else
			tell_refused(t, TUNNEL_FAULT_UID, "a connection of uid %ld was refused: only the session's own login may use"
			    " its tunnel", uid);
		close(fd);
		return;
	}
	(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);	/* fails on a Unix socket */
	forward_create(&t->hop[t->nhops - 1], fd, false);
}

int
tunnel_run(struct tunnel *t, struct err *e)
{
	t->accepting = true;
	while (!t->stopped && loop_turn(t, IDLE_MS) == 0)
		;
	t->accepting = false;
	if (t->fault == TUNNEL_FAULT_NONE)
		return 0;
	if (e != NULL)
		*e = t->err;
	return t->err.code;
}
