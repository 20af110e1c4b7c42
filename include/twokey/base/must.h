/* SPDX-License-Identifier: GPL-3.0-or-later */
/* An invariant that stays on in release builds: a broken one aborts.
 * Never for bytes that came from outside. */
#ifndef TWOKEY_BASE_MUST_H
#define TWOKEY_BASE_MUST_H

#include <stddef.h>

/* Prints "file:line: broken: what" to stderr and aborts when ok is false. */
#define must(ok) must_hold((ok), #ok, __FILE__, __LINE__)

/* For must() alone. */
void	must_hold(_Bool ok, const char *what, const char *file, int line);

/* Memory or abort: out of memory is not handled anywhere. */
void	*must_alloc(size_t n) __attribute__((malloc, returns_nonnull, warn_unused_result));
void	*must_zalloc(size_t n) __attribute__((malloc, returns_nonnull, warn_unused_result));
void	*must_realloc(void *p, size_t n) __attribute__((returns_nonnull, warn_unused_result));
char	*must_strdup(const char *s) __attribute__((malloc, returns_nonnull, warn_unused_result));
char	*must_strndup(const char *s, size_t n) __attribute__((malloc, returns_nonnull, warn_unused_result));

#endif
