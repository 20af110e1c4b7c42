/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Key and nonce come from HKDF over what both sides share, salted with both public halves and bound to the context; a
 * pair of key and nonce is used once, since the fresh half is. (Our err.h and OpenSSL's headers both name an
 * ERR_STATE: this file has no sentences.) */
#include "config.h"

#include "base/sealed_crypt.h"

#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/kdf.h>
#include <openssl/params.h>
#include <string.h>

#include "twokey/base/digest.h"
#include "twokey/base/must.h"
#include "twokey/base/secret.h"

enum { KEY_LEN = 32, NONCE_LEN = 12 };

struct material {
	unsigned char key[KEY_LEN];
	unsigned char nonce[NONCE_LEN];
};

void
crypt_pair(unsigned char private_half[CRYPT_HALF], unsigned char public_half[CRYPT_HALF])
{
	EVP_PKEY *k = EVP_PKEY_Q_keygen(NULL, NULL, "X25519");
	size_t n = CRYPT_HALF, m = CRYPT_HALF;

	must(k != NULL && EVP_PKEY_get_raw_private_key(k, private_half, &n) == 1 && n == CRYPT_HALF &&
	    EVP_PKEY_get_raw_public_key(k, public_half, &m) == 1 && m == CRYPT_HALF);
	EVP_PKEY_free(k);
}

/* What both sides share; false for a public half that leads nowhere (libcrypto refuses a shared zero). */
static bool
share(const unsigned char *own, const unsigned char *other, unsigned char shared[CRYPT_HALF])
{
	EVP_PKEY *mine = EVP_PKEY_new_raw_private_key(EVP_PKEY_X25519, NULL, own, CRYPT_HALF);
	EVP_PKEY *theirs = EVP_PKEY_new_raw_public_key(EVP_PKEY_X25519, NULL, other, CRYPT_HALF);
	EVP_PKEY_CTX *c = mine != NULL ? EVP_PKEY_CTX_new(mine, NULL) : NULL;
	size_t n = CRYPT_HALF;
	bool ok;

	must(mine != NULL && theirs != NULL && c != NULL);
	ok = EVP_PKEY_derive_init(c) == 1 && EVP_PKEY_derive_set_peer(c, theirs) == 1 &&
	    EVP_PKEY_derive(c, shared, &n) == 1 && n == CRYPT_HALF;
	EVP_PKEY_CTX_free(c);
	EVP_PKEY_free(mine);
	EVP_PKEY_free(theirs);
	ERR_clear_error();	/* TLS of this thread would take it for its own */
	return ok;
}

/* HKDF-SHA256: salt is fresh half and holder's half, info is our name and the digest of the context. */
static void
expand(const struct crypt_halves *h, unsigned char shared[CRYPT_HALF], struct material *m)
{
	static const char name[] = "twokey sealed box 1";
	static char sha256[] = "SHA256";
	unsigned char salt[2 * CRYPT_HALF], info[sizeof name + DIGEST_LEN];
	EVP_KDF *kdf = EVP_KDF_fetch(NULL, "HKDF", NULL);
	EVP_KDF_CTX *c = EVP_KDF_CTX_new(kdf);
	OSSL_PARAM p[5];

	memcpy(salt, h->fresh, CRYPT_HALF);
	memcpy(salt + CRYPT_HALF, h->holder, CRYPT_HALF);
	memcpy(info, name, sizeof name);
	memcpy(info + sizeof name, h->context->b, DIGEST_LEN);
	p[0] = OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_DIGEST, sha256, 0);
	p[1] = OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_KEY, shared, CRYPT_HALF);
	p[2] = OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_SALT, salt, sizeof salt);
	p[3] = OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_INFO, info, sizeof info);
	p[4] = OSSL_PARAM_construct_end();
	must(c != NULL && EVP_KDF_derive(c, (unsigned char *)m, sizeof *m, p) == 1);
	EVP_KDF_CTX_free(c);
	EVP_KDF_free(kdf);
}

static bool
make_material(const struct crypt_halves *h, const unsigned char *other, struct material *m)
{
	unsigned char shared[CRYPT_HALF];
	bool ok = share(h->own_private, other, shared);

	if (ok)
		expand(h, shared, m);
	secret_wipe(shared, sizeof shared);
	return ok;
}

bool
crypt_seal(const struct crypt_halves *h, const unsigned char *plain, size_t n, unsigned char *box, size_t nhead)
{
	EVP_CIPHER_CTX *c;
	struct material m;
	int len;

	if (!make_material(h, h->holder, &m))
		return false;
	c = EVP_CIPHER_CTX_new();
	must(c != NULL && EVP_EncryptInit_ex2(c, EVP_aes_256_gcm(), m.key, m.nonce, NULL) == 1 &&
	    EVP_EncryptUpdate(c, NULL, &len, box, (int)nhead) == 1 &&
	    EVP_EncryptUpdate(c, box + nhead, &len, plain, (int)n) == 1 && len == (int)n &&
	    EVP_EncryptFinal_ex(c, box + nhead + n, &len) == 1 &&
	    EVP_CIPHER_CTX_ctrl(c, EVP_CTRL_AEAD_GET_TAG, CRYPT_TAG, box + nhead + n) == 1);
	EVP_CIPHER_CTX_free(c);
	secret_wipe(&m, sizeof m);
	return true;
}

bool
crypt_open(const struct crypt_halves *h, const unsigned char *box, size_t nhead, size_t n, unsigned char *plain)
{
	unsigned char tag[CRYPT_TAG];
	EVP_CIPHER_CTX *c;
	struct material m;
	bool ok;
	int len;

	if (!make_material(h, h->fresh, &m))
		return false;
	memcpy(tag, box + nhead + n, sizeof tag);
	c = EVP_CIPHER_CTX_new();
	must(c != NULL && EVP_DecryptInit_ex2(c, EVP_aes_256_gcm(), m.key, m.nonce, NULL) == 1 &&
	    EVP_DecryptUpdate(c, NULL, &len, box, (int)nhead) == 1 &&
	    EVP_DecryptUpdate(c, plain, &len, box + nhead, (int)n) == 1 && len == (int)n &&
	    EVP_CIPHER_CTX_ctrl(c, EVP_CTRL_AEAD_SET_TAG, CRYPT_TAG, tag) == 1);
	ok = EVP_DecryptFinal_ex(c, plain + n, &len) == 1;
	EVP_CIPHER_CTX_free(c);
	secret_wipe(&m, sizeof m);
	ERR_clear_error();
	return ok;
}
