/* SPDX-License-Identifier: GPL-3.0-or-later */
/* SHA-256 and random bytes, from OpenSSL libcrypto. */
#ifndef TWOKEY_BASE_DIGEST_H
#define TWOKEY_BASE_DIGEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { DIGEST_LEN = 32, DIGEST_HEX = 64 };

struct digest {
	uint8_t b[DIGEST_LEN];
};

/* SHA-256 of n bytes. */
struct digest digest_of(const void *p, size_t n);
/* 64 lower-case hex digits and a NUL. */
void	digest_hex(const struct digest *d, char hex[DIGEST_HEX + 1]);
/* Parses exactly 64 lower-case hex digits; false when they are not. */
bool	digest_parse(const char *s, size_t n, struct digest *out);
bool	digest_equal(const struct digest *a, const struct digest *b);

/* A digest over several parts. */
struct digest_sum;
struct digest_sum *digest_begin(void);
void	digest_add(struct digest_sum *s, const void *p, size_t n);
/* Adds the length as 8 bytes big endian, then the bytes: parts cannot run together. */
void	digest_add_part(struct digest_sum *s, const void *p, size_t n);
/* The digest so far; the sum is freed. */
struct digest digest_end(struct digest_sum *s);

/* n random bytes of the operating system; aborts when there are none. */
void	random_bytes(void *p, size_t n);

#endif
