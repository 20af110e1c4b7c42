/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Private to the monitor: the place where the db role meets the tunnel, made by the monitor so that neither has
 * to be told by the other. */
#ifndef TWOKEY_BROKER_WAY_H
#define TWOKEY_BROKER_WAY_H

#include <jansson.h>
#include <stdbool.h>

struct config_target;
struct err;
struct monitor;
struct watched;

/* True when a target is reached through a tunnel role. */
bool	way_has_tunnel(const struct config_target *t);
/* A listening socket that only the db role may use: a Unix socket in a folder of its own, or, where TLS checks
 * the server's name, a port of 127.0.0.1. Turns target (db's) towards it. The descriptor, or -1 and *e. */
int	way_listen(const struct monitor *m, const struct watched *w, const struct config_target *t, json_t *target,
	    struct err *e);
/* The tunnel role's first message; the caller drops it. */
json_t	*way_init(const struct monitor *m, const struct watched *w, const struct config_target *t);
/* Connects to the agents that hops name and hands them to the tunnel role. */
int	way_send_agents(const struct watched *w, const struct config_target *t, struct err *e);
/* Removes what way_listen made. */
void	way_remove(const struct monitor *m, const struct watched *w);
/* At the start: what a broker that died left of its ways. */
void	way_remove_all(const struct monitor *m);

#endif
