/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Who connected: the kernel says it for a Unix socket; for TCP the table of sockets names the owner of the other
 * end. A line counts only while its socket has an inode: sockets that wait for their end are listed as root's. */
#include "config.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "core.h"

struct address {
	unsigned char ip[16];		/* IPv4 as ::ffff:a.b.c.d */
	unsigned port;
};

void
peer_open(struct tunnel *t)
{
	t->proc_tcp[0] = open("/proc/self/net/tcp", O_RDONLY | O_CLOEXEC);
	t->proc_tcp[1] = open("/proc/self/net/tcp6", O_RDONLY | O_CLOEXEC);
}

static void
from_ipv4(struct address *a, const void *four)
{
	memset(a->ip, 0, 10);
	memset(a->ip + 10, 0xff, 2);
	memcpy(a->ip + 12, four, 4);
}

static bool
from_sockaddr(const struct sockaddr_storage *ss, struct address *a)
{
	const struct sockaddr_in *in = (const void *)ss;
	const struct sockaddr_in6 *in6 = (const void *)ss;

	if (ss->ss_family == AF_INET) {
		from_ipv4(a, &in->sin_addr);
		a->port = ntohs(in->sin_port);
	} else if (ss->ss_family == AF_INET6) {
		memcpy(a->ip, &in6->sin6_addr, 16);
		a->port = ntohs(in6->sin6_port);
	}
	return ss->ss_family == AF_INET || ss->ss_family == AF_INET6;
}

/* "0100007F:1F90", 8 or 32 digits: words in the byte order of the host. */
static bool
from_text(const char *s, struct address *a)
{
	const char *colon = strchr(s, ':');
	size_t n = colon != NULL ? (size_t)(colon - s) : 0;
	uint32_t word[4];

	if (n != 8 && n != 32)
		return false;
	for (size_t i = 0; i < n / 8; i++)
		if (sscanf(s + 8 * i, "%8x", &word[i]) != 1)
			return false;
	if (n == 8)
		from_ipv4(a, word);
	else
		memcpy(a->ip, word, 16);
	a->port = (unsigned)strtoul(colon + 1, NULL, 16);
	return true;
}

static bool
same(const struct address *a, const struct address *b)
{
	return a->port == b->port && memcmp(a->ip, b->ip, sizeof a->ip) == 0;
}

/* sl local remote st tx:rx tr:when retrnsmt uid timeout inode */
static bool
line_uid(const char *line, const struct address *local, const struct address *remote, long *uid)
{
	char from[48], to[48];
	struct address a, b;
	unsigned long inode;

	if (sscanf(line, " %*u: %47s %47s %*x %*x:%*x %*x:%*x %*x %ld %*d %lu", from, to, uid, &inode) != 4)
		return false;
	return inode != 0 && from_text(from, &a) && from_text(to, &b) && same(&a, local) && same(&b, remote);
}

static bool
table_uid(int table, const struct address *local, const struct address *remote, long *uid)
{
	char line[512];
	int fd = table >= 0 ? fcntl(table, F_DUPFD_CLOEXEC, 3) : -1;
	FILE *in = fd >= 0 && lseek(fd, 0, SEEK_SET) == 0 ? fdopen(fd, "r") : NULL;
	bool found = false;

	if (in == NULL && fd >= 0)
		close(fd);
	while (in != NULL && !found && fgets(line, sizeof line, in) != NULL)
		found = line_uid(line, local, remote, uid);
	if (in != NULL)
		fclose(in);
	return found;
}

static bool
tcp_uid(const struct tunnel *t, int fd, const struct sockaddr_storage *ours, long *uid)
{
	struct sockaddr_storage theirs;
	socklen_t n = sizeof theirs;
	struct address local, remote;

	if (getpeername(fd, (struct sockaddr *)&theirs, &n) != 0 ||
	    !from_sockaddr(&theirs, &local) || !from_sockaddr(ours, &remote))
		return false;
	return table_uid(t->proc_tcp[0], &local, &remote, uid) || table_uid(t->proc_tcp[1], &local, &remote, uid);
}

bool
peer_check(const struct tunnel *t, int fd, long *uid)
{
	struct sockaddr_storage ours;
	socklen_t n = sizeof ours;
	struct ucred who;
	socklen_t nwho = sizeof who;
	uid_t want = t->plan.uid == (uid_t)-1 ? getuid() : t->plan.uid;

	*uid = -1;
	if (getsockname(fd, (struct sockaddr *)&ours, &n) != 0)
		return false;
	if (ours.ss_family != AF_UNIX) {
		if (!tcp_uid(t, fd, &ours, uid))
			*uid = -1;
	} else if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &who, &nwho) == 0) {
		*uid = (long)who.uid;
	}
	return *uid >= 0 && (uid_t)*uid == want;
}
