/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The demo's coach (TWOKEY_COACH=1): one line that says what to do next, a function of the session so far. */
#ifndef TWOKEY_SRC_CONSOLE_COACH_H
#define TWOKEY_SRC_CONSOLE_COACH_H

#include <stdbool.h>
#include <stddef.h>

struct live;

/* The sheet that is open: its request still waits; it was read, so that it can be allowed. */
struct coach_open {
	bool waits;
	bool read;
};

/* False when there is no coach. */
bool	coach_driver(const struct live *lv, char *out, size_t max);
/* open: NULL when no sheet is. */
bool	coach_confirmer(const struct live *lv, const struct coach_open *open, char *out, size_t max);

#endif
