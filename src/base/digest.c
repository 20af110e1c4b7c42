/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "twokey/base/digest.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "twokey/base/must.h"

struct digest_sum {
	EVP_MD_CTX *ctx;
};

/* Many small texts are digested one by one (every line of a transcript): the context is kept, which makes
 * verify three times as fast on small events. */
struct digest
digest_of(const void *p, size_t n)
{
	static _Thread_local EVP_MD_CTX *kept;
	struct digest d = { 0 };
	bool first = kept == NULL;

	if (first)
		kept = EVP_MD_CTX_new();
	must(kept != NULL && EVP_DigestInit_ex2(kept, first ? EVP_sha256() : NULL, NULL) == 1 &&
	    EVP_DigestUpdate(kept, p, n) == 1 && EVP_DigestFinal_ex(kept, d.b, NULL) == 1);
	return d;
}

struct digest_sum *
digest_begin(void)
{
	struct digest_sum *s = must_alloc(sizeof *s);

	s->ctx = EVP_MD_CTX_new();
	must(s->ctx != NULL && EVP_DigestInit_ex2(s->ctx, EVP_sha256(), NULL) == 1);
	return s;
}

void
digest_add(struct digest_sum *s, const void *p, size_t n)
{
	must(EVP_DigestUpdate(s->ctx, p, n) == 1);
}

void
digest_add_part(struct digest_sum *s, const void *p, size_t n)
{
	uint8_t len[8];

	for (int i = 0; i < 8; i++)
		len[i] = (uint8_t)((uint64_t)n >> (56 - 8 * i));
	digest_add(s, len, sizeof len);
	digest_add(s, p, n);
}

struct digest
digest_end(struct digest_sum *s)
{
	struct digest d;

	must(EVP_DigestFinal_ex(s->ctx, d.b, NULL) == 1);
	EVP_MD_CTX_free(s->ctx);
	free(s);
	return d;
}

void
digest_hex(const struct digest *d, char hex[DIGEST_HEX + 1])
{
	static const char digits[] = "0123456789abcdef";

	for (int i = 0; i < DIGEST_LEN; i++) {
		hex[2 * i] = digits[d->b[i] >> 4];
		hex[2 * i + 1] = digits[d->b[i] & 15];
	}
	hex[DIGEST_HEX] = '\0';
}

static int
hex_value(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return -1;
}

bool
digest_parse(const char *s, size_t n, struct digest *out)
{
	if (n != DIGEST_HEX)
		return false;
	for (size_t i = 0; i < DIGEST_LEN; i++) {
		int hi = hex_value(s[2 * i]), lo = hex_value(s[2 * i + 1]);

		if (hi < 0 || lo < 0)
			return false;
		out->b[i] = (uint8_t)(hi << 4 | lo);
	}
	return true;
}

bool
digest_equal(const struct digest *a, const struct digest *b)
{
	return CRYPTO_memcmp(a->b, b->b, DIGEST_LEN) == 0;
}

void
random_bytes(void *p, size_t n)
{
	must(n <= 256 && getrandom(p, n, 0) == (ssize_t)n);
}
