/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the schema cannot say: keys that need or exclude each other, names and logins that are unique. */
#ifndef TICKET_CONFIG_CHECK_H
#define TICKET_CONFIG_CHECK_H

struct config;
struct config_target;
struct doc;
struct doc_node;
struct err;

/* c was read from d. ERR_CONFIG with file:line:key. */
int	config_check(const struct doc *d, const struct config *c, struct err *e);
/* config_target.c: one target, which was read from node. */
int	config_check_target(const struct doc *d, const struct doc_node *node, const struct config *c,
	    const struct config_target *t, struct err *e);
/* config_way.c: hops, command, via and the sources of the password of a target that is a server. */
int	config_check_way(const struct doc *d, const struct doc_node *node, const struct config *c,
	    const struct config_target *t, struct err *e);

#endif
