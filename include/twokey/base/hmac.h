/* SPDX-License-Identifier: GPL-3.0-or-later */
/* HMAC-SHA1, which hashed host names in known_hosts files use; for nothing else. */
#ifndef TWOKEY_BASE_HMAC_H
#define TWOKEY_BASE_HMAC_H

#include <stddef.h>
#include <stdint.h>

enum { HMAC_SHA1_LEN = 20 };

/* Of n bytes at p under a key of any length. */
void	hmac_sha1(const void *key, size_t nkey, const void *p, size_t n, uint8_t out[HMAC_SHA1_LEN]);

#endif
