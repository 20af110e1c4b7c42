/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The one place where libcrypto seals and opens: X25519, HKDF-SHA256, AES-256-GCM. Bytes in, bytes out. */
#ifndef BASE_SEALED_CRYPT_H
#define BASE_SEALED_CRYPT_H

#include <stdbool.h>
#include <stddef.h>

struct digest;

enum { CRYPT_HALF = 32, CRYPT_TAG = 16 };

/* What one box is sealed with. */
struct crypt_halves {
	const unsigned char *own_private;	/* the fresh one when sealing, the holder's when opening */
	const unsigned char *fresh;		/* public halves */
	const unsigned char *holder;
	const struct digest *context;
};

/* A fresh pair. Aborts when libcrypto cannot make one. */
void	crypt_pair(unsigned char private_half[CRYPT_HALF], unsigned char public_half[CRYPT_HALF]);
/* box begins with nhead bytes that are sealed against change; n sealed bytes and the tag are put behind them. False:
 * the holder's half is none. */
bool	crypt_seal(const struct crypt_halves *h, const unsigned char *plain, size_t n, unsigned char *box, size_t nhead);
/* The other way round: n is without head and tag, plain has room for n + CRYPT_TAG. False: not sealed with these. */
bool	crypt_open(const struct crypt_halves *h, const unsigned char *box, size_t nhead, size_t n, unsigned char *plain);

#endif
