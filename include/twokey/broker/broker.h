/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The broker as its program starts it. */
#ifndef TWOKEY_BROKER_BROKER_H
#define TWOKEY_BROKER_BROKER_H

#include <stdbool.h>
#include <sys/types.h>

struct config;
struct err;

struct broker_options {
	const struct config *config;	/* borrowed */
	bool private_mode;		/* one login; no change of user */
	bool demo;			/* --as is taken; screens and transcript say so */
};

/* Runs the monitor until SIGTERM or SIGINT; prints "ready" on stdout once the socket accepts. 0, or an
 * error before that with a sentence in *e. */
int	broker_run(const struct broker_options *o, struct err *e);

/* Walks the way to a target with the roles of a session and prints what they find: hops, server, source address,
 * account. 0 when the database was reached, else the first failure with a sentence that names where. */
int	broker_check_target(const struct broker_options *o, const char *name, struct err *e);

/* Runs one role (twokeyd --role NAME): the exit status; 2 when there is no such role. uid and gid -1: keep. */
int	broker_role(const char *name, uid_t uid, gid_t gid);

#endif
