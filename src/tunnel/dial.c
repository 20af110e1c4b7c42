/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The connection to the first hop is made here and handed to libssh: that gives the cause of a failure, one
 * deadline, and the options of the socket before the first byte. */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "core.h"
#include "twokey/base/clock.h"

static void
set_options(const struct tunnel *t, int fd)
{
	int one = 1;
	unsigned ms = t->plan.dead_after_s * 1000u;

	(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
	(void)setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &one, sizeof one);
	(void)setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &ms, sizeof ms);
}

/* Waits in the tunnel's own loop, so that a stop is seen. 0 or an errno. */
static int
wait_connected(struct hop *h, int fd, int64_t deadline)
{
	socklen_t n = sizeof(int);
	int failed = 0;

	for (;;) {
		struct sockaddr_storage a;
		socklen_t na = sizeof a;

		if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &failed, &n) != 0 || failed != 0)
			return failed != 0 ? failed : errno;
		if (getpeername(fd, (struct sockaddr *)&a, &na) == 0)
			return 0;
		if (clock_mono_ms() >= deadline)
			return ETIMEDOUT;
		if (loop_wait(h->tunnel, fd, POLLOUT, deadline) != 0)
			return ECANCELED;
	}
}

static int
try_address(struct hop *h, const struct addrinfo *ai, int64_t deadline, int *cause)
{
	int fd = socket(ai->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (fd < 0) {
		*cause = errno;
		return -1;
	}
	set_options(h->tunnel, fd);
	*cause = connect(fd, ai->ai_addr, ai->ai_addrlen) == 0 ? 0 : errno;
	if (*cause == EINPROGRESS)
		*cause = wait_connected(h, fd, deadline);
	if (*cause == 0)
		return fd;
	close(fd);
	return -1;
}

static void
fail(struct hop *h, int cause)
{
	const char *host = h->plan->host;
	unsigned port = h->plan->port;

	if (cause == ECONNREFUSED)
		tell_fault(h->tunnel, h, TUNNEL_FAULT_CONNECTION, "%.200s port %u refused the connection;"
		    " check the port and that the SSH server runs", host, port);
	else if (cause == ETIMEDOUT)
		tell_fault(h->tunnel, h, TUNNEL_FAULT_TIMEOUT, "no answer from %.200s port %u within %u s;"
		    " check the address and the firewalls on the way", host, port, h->tunnel->plan.open_s);
	else if (cause == EHOSTUNREACH || cause == ENETUNREACH || cause == EADDRNOTAVAIL)
		tell_fault(h->tunnel, h, TUNNEL_FAULT_ROUTE, "no way to %.200s (%s); check the network of this host",
		    host, strerror(cause));
	else
		tell_fault(h->tunnel, h, TUNNEL_FAULT_SYSTEM, "connecting to %.200s port %u: %s", host, port, strerror(cause));
}

/* The lookup blocks as long as the resolver of the host lets it: nothing else is open at that time. */
int
dial(struct hop *h, int64_t deadline)
{
	const struct addrinfo hints = { .ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICSERV };
	struct addrinfo *all = NULL;
	char port[8];
	int fd = -1, cause = 0, rc;

	tell(h, TUNNEL_RESOLVING);
	snprintf(port, sizeof port, "%u", (unsigned)h->plan->port);
	rc = getaddrinfo(h->plan->host, port, &hints, &all);
	if (rc != 0) {
		tell_fault(h->tunnel, h, TUNNEL_FAULT_NAME, "the name %.200s cannot be looked up (%s);"
		    " check the host of this hop", h->plan->host, gai_strerror(rc));
		return -1;
	}
	tell(h, TUNNEL_CONNECTING);
	for (const struct addrinfo *ai = all; ai != NULL && fd < 0 && cause != ECANCELED; ai = ai->ai_next)
		fd = try_address(h, ai, deadline, &cause);
	freeaddrinfo(all);
	if (fd < 0)
		fail(h, cause);		/* after a stop the first reason stays */
	return fd;
}
