/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the schema cannot say: keys that need or exclude each other, names and logins that are unique. */
#ifndef TICKET_CONFIG_CHECK_H
#define TICKET_CONFIG_CHECK_H

struct config;
struct doc;
struct err;

/* c was read from d. ERR_CONFIG with file:line:key. */
int	config_check(const struct doc *d, const struct config *c, struct err *e);

#endif
