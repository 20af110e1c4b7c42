/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef TWOKEY_SRC_TRANSCRIPT_BODY_H
#define TWOKEY_SRC_TRANSCRIPT_BODY_H

#include <stdbool.h>
#include <stddef.h>

/* The kind of a body, by its front alone; false when it does not begin as a body does. */
bool	body_kind(const char *json, size_t n, const char **k, size_t *k_len);

#endif
