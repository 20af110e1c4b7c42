/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A target's way from the monitor to the db role; the password goes by a pipe of its own (credential.h). */
#ifndef TWOKEY_BROKER_TARGET_H
#define TWOKEY_BROKER_TARGET_H

#include <jansson.h>

#include "twokey/db/driver.h"

struct config_target;

/* For the db role's first message; the caller drops it. */
json_t	*target_make(const struct config_target *t);
/* Fills t (strings borrowed from v). ERR_INVALID. */
int	target_read(const json_t *v, struct db_target *t);

#endif
