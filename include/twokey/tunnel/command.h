/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A way that a program makes: each connection is the standard input and output of one run of it (docker exec, kubectl,
 * a proxy of a cloud). It belongs into a process of its own, like a tunnel. */
#ifndef TWOKEY_TUNNEL_COMMAND_H
#define TWOKEY_TUNNEL_COMMAND_H

#include "twokey/tunnel/tunnel.h"

struct command_plan {
	char *const *argv;		/* ended by NULL; argv[0] absolute; no shell */
	int listeners[TUNNEL_LISTENERS_MAX]; /* as in struct tunnel_plan */
	size_t nlisteners;
	uid_t uid;			/* who may connect; (uid_t)-1: only our own uid */
	int control_fd;			/* readable or at its end: stop */
	struct tunnel_watch watch;	/* hop 0 is the program, by its file's name */
};

/* Serves the listeners until control_fd says stop (0): every program is ended and waited for. Programs get PATH, HOME and
 * LC_ALL and nothing else of the environment. A program that cannot be started, or that ends with another status
 * than 0, ends the way: the code of *e, and one sentence with the last line that it said. */
int	command_run(const struct command_plan *p, struct err *e);

#endif
