/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The demo's coach (TWOKEY_COACH=1): one line that says what to do next, a function of the session so far. */
#ifndef TWOKEY_SRC_CONSOLE_COACH_H
#define TWOKEY_SRC_CONSOLE_COACH_H

#include <stdbool.h>
#include <stddef.h>

struct live;
struct model_entry;

/* False when there is no coach. */
bool	coach_driver(const struct live *lv, char *out, size_t max);
/* open: the request whose sheet is open, or NULL. */
bool	coach_confirmer(const struct live *lv, const struct model_entry *open, char *out, size_t max);

#endif
