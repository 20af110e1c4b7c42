/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A target's way and secret from the monitor to the db role: the only place where both are together. */
#ifndef TWOKEY_BROKER_TARGET_H
#define TWOKEY_BROKER_TARGET_H

#include <jansson.h>

#include "twokey/db/driver.h"

struct config_target;
struct err;
struct secret;

/* For the db role's first message; reads the password file. NULL and *e when that cannot be read. */
json_t	*target_make(const struct config_target *t, struct err *e);
/* Fills t (strings borrowed from v) and takes the password out of v, wiped there. ERR_INVALID. */
int	target_read(json_t *v, struct db_target *t, struct secret **password);

#endif
