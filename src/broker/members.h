/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The shape of a request: which members, of which type. */
#ifndef TWOKEY_BROKER_MEMBERS_H
#define TWOKEY_BROKER_MEMBERS_H

#include <jansson.h>
#include <stdbool.h>

struct err;

/* Compares o (without "do" and "id") with a list like "text:s! rows:s": 0, or ERR_INVALID naming the member. */
int	members_check(const json_t *o, const char *list, struct err *e);
/* NULL, an integer, or a string of at most 64 bytes. */
bool	members_id_ok(const json_t *id);

#endif
