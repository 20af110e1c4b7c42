/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "twokey/base/hmac.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>

#include "twokey/base/must.h"

void
hmac_sha1(const void *key, size_t nkey, const void *p, size_t n, uint8_t out[HMAC_SHA1_LEN])
{
	unsigned len = HMAC_SHA1_LEN;

	must(nkey <= 1024);
	must(HMAC(EVP_sha1(), key, (int)nkey, p, n, out, &len) != NULL && len == HMAC_SHA1_LEN);
}
