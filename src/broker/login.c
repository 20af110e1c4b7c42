/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A process is in the cgroup user.slice/user-UID.slice/session-ID.scope from its login on; that scope is root's, so nobody
 * moves himself into one. What a user may make himself lies below user@UID.service or has more of a path, and does not count. */
#include "config.h"

#include "login.h"

#include <arpa/inet.h>
#include <ifaddrs.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "twokey/base/buf.h"
#include "twokey/base/io.h"

enum { FILE_MAX = 16384, PATH_ROOM = 4096, ID_ROOM = 32 };

/* The rest of the one line of text that begins so, into out; false when there is none, or more than one. */
static bool
one_line(struct buf *text, const char *begins, char *out, size_t size)
{
	size_t n = strlen(begins), found = 0;

	for (const char *p = buf_str(text), *end; *p != '\0'; p = *end == '\0' ? end : end + 1) {
		end = p + strcspn(p, "\n");
		if (strncmp(p, begins, n) != 0)
			continue;
		if (++found > 1 || (size_t)(end - p) - n >= size)
			return false;
		memcpy(out, p + n, (size_t)(end - p) - n);
		out[(size_t)(end - p) - n] = '\0';
	}
	return found == 1;
}

static bool
is_line(struct buf *text, const char *begins, const char *wanted)
{
	char is[64];

	return one_line(text, begins, is, sizeof is) && strcmp(is, wanted) == 0;
}

static bool
read_text(struct buf *text, const char *path)
{
	buf_reset(text);
	return io_read_file(path, FILE_MAX - 1, text, NULL) == 0 && memchr(buf_data(text), '\0', buf_len(text)) == NULL;
}

/* The process is that user's, really and effectively. */
static bool
is_of_user(const struct login_roots *roots, pid_t pid, uid_t uid, struct buf *text)
{
	char path[PATH_ROOM], ids[128], wanted[64];

	snprintf(path, sizeof path, "%s/%d/status", roots->proc, (int)pid);
	snprintf(wanted, sizeof wanted, "%" PRIuMAX "\t%" PRIuMAX "\t", (uintmax_t)uid, (uintmax_t)uid);
	return read_text(text, path) && one_line(text, "Uid:\t", ids, sizeof ids) && strncmp(ids, wanted, strlen(wanted)) == 0;
}

/* The id of its session, from its cgroup and nothing else of it. */
static bool
session_of(const struct login_roots *roots, pid_t pid, uid_t uid, struct buf *text, char id[ID_ROOM])
{
	static const char end[] = ".scope", digits[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";
	char path[PATH_ROOM], group[PATH_ROOM], begins[96];
	size_t n;

	snprintf(path, sizeof path, "%s/%d/cgroup", roots->proc, (int)pid);
	if (!read_text(text, path) || !one_line(text, "0::", group, sizeof group))
		return false;
	snprintf(begins, sizeof begins, "/user.slice/user-%" PRIuMAX ".slice/session-", (uintmax_t)uid);
	if (strncmp(group, begins, strlen(begins)) != 0)
		return false;
	n = strspn(group + strlen(begins), digits);
	if (n == 0 || n >= ID_ROOM || strcmp(group + strlen(begins) + n, end) != 0)
		return false;
	memcpy(id, group + strlen(begins), n);
	id[n] = '\0';
	return true;
}

/* logind's own note on it: open, of that user, and from elsewhere. */
static bool
session_is_remote(const struct login_roots *roots, const char *id, uid_t uid, struct buf *text)
{
	char path[PATH_ROOM], scope[ID_ROOM + 16], user[32], host[256];

	snprintf(path, sizeof path, "%s/systemd/sessions/%s", roots->run, id);
	snprintf(scope, sizeof scope, "session-%s.scope", id);
	snprintf(user, sizeof user, "%" PRIuMAX, (uintmax_t)uid);
	return read_text(text, path) && is_line(text, "UID=", user) && is_line(text, "SCOPE=", scope) &&
	    (is_line(text, "STATE=", "active") || is_line(text, "STATE=", "online")) && is_line(text, "REMOTE=", "1") &&
	    one_line(text, "REMOTE_HOST=", host, sizeof host) && login_host_is_other(host);
}

static bool
lives(int pidfd)
{
	struct pollfd p = { .fd = pidfd, .events = POLLIN };

	return poll(&p, 1, 0) == 0;
}

bool
login_is_remote(const struct login_roots *roots, pid_t pid, uid_t uid)
{
	int pidfd = pid > 0 ? (int)syscall(SYS_pidfd_open, pid, 0) : -1;
	char id[ID_ROOM];
	struct buf text;
	bool ok;

	if (pidfd < 0)
		return false;
	buf_init(&text, FILE_MAX);
	ok = is_of_user(roots, pid, uid, &text) && session_of(roots, pid, uid, &text, id) &&
	    session_is_remote(roots, id, uid, &text) && lives(pidfd);
	buf_fini(&text);
	close(pidfd);
	return ok;
}

/* As the 16 bytes of IPv6; one of version 4 is mapped. */
static bool
address(const char *host, struct in6_addr *out)
{
	size_t n = strcspn(host, "%");	/* a zone says through which interface, and no more */
	char plain[INET6_ADDRSTRLEN];

	if (n >= sizeof plain)
		return false;
	memcpy(plain, host, n);
	plain[n] = '\0';
	*out = (struct in6_addr){ .s6_addr = { [10] = 0xff, [11] = 0xff } };
	return inet_pton(AF_INET, plain, out->s6_addr + 12) == 1 || inet_pton(AF_INET6, plain, out) == 1;
}

static bool
is_own(const struct in6_addr *a, const struct ifaddrs *i)
{
	if (i->ifa_addr == NULL)
		return false;
	if (i->ifa_addr->sa_family == AF_INET6)
		return memcmp(a, &((const struct sockaddr_in6 *)(const void *)i->ifa_addr)->sin6_addr, sizeof *a) == 0;
	return i->ifa_addr->sa_family == AF_INET && IN6_IS_ADDR_V4MAPPED(a) &&
	    memcmp(a->s6_addr + 12, &((const struct sockaddr_in *)(const void *)i->ifa_addr)->sin_addr, 4) == 0;
}

bool
login_host_is_other(const char *host)
{
	struct ifaddrs *all;
	struct in6_addr a;
	bool own;

	if (!address(host, &a) || IN6_IS_ADDR_LOOPBACK(&a) || IN6_IS_ADDR_UNSPECIFIED(&a) || IN6_IS_ADDR_V4COMPAT(&a) ||
	    (IN6_IS_ADDR_V4MAPPED(&a) && (a.s6_addr[12] == 127 || a.s6_addr[12] == 0)))
		return false;
	if (getifaddrs(&all) != 0)
		return false;
	own = false;
	for (const struct ifaddrs *i = all; i != NULL; i = i->ifa_next)
		own = own || is_own(&a, i);
	freeifaddrs(all);
	return !own;
}
