/* SPDX-License-Identifier: GPL-3.0-or-later */
/* From where the login session of a console came, as systemd-logind has it. */
#ifndef TWOKEY_BROKER_LOGIN_H
#define TWOKEY_BROKER_LOGIN_H

#include <stdbool.h>
#include <sys/types.h>

/* Where the kernel and logind tell it: "/proc" and "/run"; others in tests. */
struct login_roots {
	const char *proc, *run;
};

/* True when process pid, of user uid, belongs to a login session of that user that is open and came from an address of
 * another host. False when it did not, when nobody knows, or when there is no logind (or only cgroups of version 1).
 * The pid is the peer's as of connect(): it is followed by its pidfd while all of this is read, so that at most another
 * process of the same user can be taken for it. */
bool	login_is_remote(const struct login_roots *roots, pid_t pid, uid_t uid);
/* An address, and none of this host: not loopback, not of one of its interfaces. A name is none. */
bool	login_host_is_other(const char *host);

#endif
