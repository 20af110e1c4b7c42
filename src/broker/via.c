/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "via.h"

#include <ifaddrs.h>
#include <net/if.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "twokey/base/err.h"

static bool
same(const struct sockaddr *a, const struct sockaddr *b)
{
	if (a->sa_family != b->sa_family)
		return false;
	if (a->sa_family == AF_INET)
		return ((const struct sockaddr_in *)(const void *)a)->sin_addr.s_addr ==
		    ((const struct sockaddr_in *)(const void *)b)->sin_addr.s_addr;
	return a->sa_family == AF_INET6 && memcmp(&((const struct sockaddr_in6 *)(const void *)a)->sin6_addr,
	    &((const struct sockaddr_in6 *)(const void *)b)->sin6_addr, sizeof(struct in6_addr)) == 0;
}

/* The name of the interface that holds the address, "" when none does. */
static void
interface_of(const struct ifaddrs *all, const struct sockaddr *source, char name[IF_NAMESIZE])
{
	name[0] = '\0';
	for (const struct ifaddrs *i = all; i != NULL; i = i->ifa_next)
		if (i->ifa_addr != NULL && same(i->ifa_addr, source))
			snprintf(name, IF_NAMESIZE, "%s", i->ifa_name);
}

static int
check_up(const struct ifaddrs *all, const char *interface, struct err *e)
{
	for (const struct ifaddrs *i = all; i != NULL; i = i->ifa_next) {
		if (strcmp(i->ifa_name, interface) != 0)
			continue;
		if ((i->ifa_flags & IFF_UP) && (i->ifa_flags & IFF_RUNNING))
			return 0;
		return err_set(e, ERR_UNREACHABLE, "the interface %s is down; bring the VPN up on the broker's host, then open the "
		    "session again", interface);
	}
	return err_set(e, ERR_UNREACHABLE, "there is no interface %s on the broker's host; bring the VPN up, then open the "
	    "session again", interface);
}

/* A UDP socket that is connected sends nothing: the kernel only chooses the route and our address. */
static int
check_route(const struct ifaddrs *all, const char *interface, const struct addrinfo *to, const char *host, struct err *e)
{
	struct sockaddr_storage source;
	socklen_t n = sizeof source;
	char name[IF_NAMESIZE];
	int fd = socket(to->ai_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	bool chosen = fd >= 0 && connect(fd, to->ai_addr, to->ai_addrlen) == 0 &&
	    getsockname(fd, (struct sockaddr *)&source, &n) == 0;

	if (fd >= 0)
		close(fd);
	if (!chosen)
		return err_set(e, ERR_UNREACHABLE, "no route leads to %.100s; the VPN of %s does not hold it", host, interface);
	interface_of(all, (struct sockaddr *)&source, name);
	if (strcmp(name, interface) == 0)
		return 0;
	return err_set(e, ERR_UNREACHABLE, "the way to %.100s leads over %s and not over %s; nothing was sent: correct the "
	    "routes of the VPN", host, name[0] != '\0' ? name : "an unknown interface", interface);
}

int
via_check(const char *interface, const char *host, uint16_t port, struct err *e)
{
	struct addrinfo want = { .ai_socktype = SOCK_DGRAM }, *to = NULL;
	struct ifaddrs *all = NULL;
	char service[8];
	int ret;

	snprintf(service, sizeof service, "%u", port);
	if (getifaddrs(&all) != 0)
		return err_sys(e, "listing the interfaces");
	ret = check_up(all, interface, e);
	if (ret == 0 && getaddrinfo(host, service, &want, &to) != 0)
		ret = err_set(e, ERR_UNREACHABLE, "the name %.100s is not known on the broker's host", host);
	/* which of them is used is not ours to say, so all must lead that way */
	for (const struct addrinfo *a = to; a != NULL && ret == 0; a = a->ai_next)
		ret = check_route(all, interface, a, host, e);
	if (to != NULL)
		freeaddrinfo(to);
	freeifaddrs(all);
	return ret;
}
