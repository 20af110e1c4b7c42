/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A cursor over compact JSON: checks the form without building anything. */
#ifndef TWOKEY_SRC_TRANSCRIPT_SCAN_H
#define TWOKEY_SRC_TRANSCRIPT_SCAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "twokey/base/digest.h"

enum { SCAN_DEPTH_MAX = 64, SCAN_NAME_MAX = 32 };

struct scan {
	const char *s;
	size_t n;
	size_t at;	/* never over n */
};

/* Each takes what it names and moves on; false leaves the cursor anywhere (scan_lit: where it was). */
static inline bool
scan_lit(struct scan *sc, const char *lit, size_t n)
{
	if (n > sc->n - sc->at || memcmp(sc->s + sc->at, lit, n) != 0)
		return false;
	sc->at += n;
	return true;
}
#define SCAN_LIT(sc, lit) scan_lit((sc), (lit), sizeof(lit) - 1)
/* A decimal number without leading zeros that fits into 63 bits. */
bool	scan_uint(struct scan *sc, uint64_t *v);
/* 64 lower-case hex digits. digest_parse is three times slower, and verify does little else. */
bool	scan_digest(struct scan *sc, struct digest *out);
/* 1 to SCAN_NAME_MAX of a-z 0-9 . _ - (no quotes). */
bool	scan_name(struct scan *sc, const char **p, size_t *n);
/* A string with its quotes; *p and *n are what stands between them, escapes as they are. */
bool	scan_string(struct scan *sc, const char **p, size_t *n);
/* Any value, no blank outside strings, nesting up to SCAN_DEPTH_MAX. Only what jansson reads:
 * no \u0000, no half surrogate, no number out of its range. UTF-8 is not checked here. */
bool	scan_value(struct scan *sc);

#endif
