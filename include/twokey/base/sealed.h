/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A sealed box: a short text that only the holder of a key pair can read, and only for what it was given for.
 * X25519 with a fresh key for each box, HKDF-SHA256, AES-256-GCM; the length of the text is hidden in steps of 64. */
#ifndef TWOKEY_BASE_SEALED_H
#define TWOKEY_BASE_SEALED_H

#include <stddef.h>
#include <stdint.h>

struct buf;
struct err;
struct sealed_pair;
struct secret;

enum {
	SEALED_PUBLIC = 44,		/* base64 of 32 bytes */
	SEALED_TEXT_MAX = 1022,		/* of what is sealed */
	SEALED_BOX_MAX = 1432		/* base64 of the longest box */
};

/* A new pair; its private half is kept as a secret is. Aborts when libcrypto cannot make one. */
struct sealed_pair *sealed_pair_create(void);
/* Wipes; NULL is fine. */
void	sealed_pair_free(struct sealed_pair *p);
/* The public half as base64 and a NUL. */
void	sealed_public(const struct sealed_pair *p, char out[SEALED_PUBLIC + 1]);

/* What a box is for: the session, the number of the event that asks, and what is asked ("password", "passphrase
 * gate"). Both sides make it from what is on record; a box opens for the same three only. */
void	sealed_context(struct buf *out, const char *session, uint64_t event, const char *what);

/* Appends the box as base64. ERR_INVALID: the public key is none; ERR_TOO_LARGE: more than SEALED_TEXT_MAX bytes. The
 * caller wipes text. */
int	sealed_seal(const char *public_key, size_t npublic, const void *context, size_t ncontext, const void *text,
	    size_t n, struct buf *out, struct err *e);
/* Opens a box: *out is the caller's. ERR_INVALID: it is no box; ERR_DENIED: for another key or context, or changed
 * (which of them cannot be told). */
int	sealed_open(const struct sealed_pair *p, const void *context, size_t ncontext, const char *box, size_t n,
	    struct secret **out, struct err *e);

#endif
