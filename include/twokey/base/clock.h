/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The two clocks: wall for people, monotonic for rules. */
#ifndef TWOKEY_BASE_CLOCK_H
#define TWOKEY_BASE_CLOCK_H

#include <stddef.h>
#include <stdint.h>

enum { CLOCK_TEXT = 28 };	/* "2026-06-08T14:03:12.123456Z" and a NUL */

/* Microseconds since 1970-01-01 UTC. */
int64_t	clock_wall_us(void);
/* Milliseconds of CLOCK_BOOTTIME: never set, and a host that slept was away for so long. */
int64_t	clock_mono_ms(void);
/* RFC 3339 in UTC with six digits. */
void	clock_format(int64_t wall_us, char out[CLOCK_TEXT]);
/* Parses what clock_format writes, also without the fraction; ERR_INVALID otherwise. */
int	clock_parse(const char *s, size_t n, int64_t *wall_us);

#endif
