/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A security key made of software, for tests: what ssh-sk-helper loads with SSH_SK_PROVIDER (OpenSSH's PROTOCOL.u2f and
 * its middleware interface, version 10). It makes and uses ed25519 keys; the key handle is the private key itself, so it
 * protects nothing. TWOKEY_TEST_SK_FLAGS says what a signature claims: 1 touched, 4 PIN, 5 both, 0 neither. */
#include <openssl/evp.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum { VERSION = 0x000a0000, ED25519 = 1, PRESENT = 1, FAILED = -1, UNSUPPORTED = -2, KEY = 32, SIGNATURE = 64, HASH = 32 };

struct sk_enroll_response {
	uint8_t flags;
	uint8_t *public_key;
	size_t public_key_len;
	uint8_t *key_handle;
	size_t key_handle_len;
	uint8_t *signature;
	size_t signature_len;
	uint8_t *attestation_cert;
	size_t attestation_cert_len;
	uint8_t *authdata;
	size_t authdata_len;
};
struct sk_sign_response {
	uint8_t flags;
	uint32_t counter;
	uint8_t *sig_r;
	size_t sig_r_len;
	uint8_t *sig_s;
	size_t sig_s_len;
};
struct sk_option;
struct sk_resident_key;

uint32_t sk_api_version(void);
int	sk_enroll(uint32_t alg, const uint8_t *challenge, size_t challenge_len, const char *application, uint8_t flags,
	    const char *pin, struct sk_option **options, struct sk_enroll_response **response);
int	sk_sign(uint32_t alg, const uint8_t *data, size_t n, const char *application, const uint8_t *handle, size_t handle_len,
	    uint8_t flags, const char *pin, struct sk_option **options, struct sk_sign_response **response);
int	sk_load_resident_keys(const char *pin, struct sk_option **options, struct sk_resident_key ***keys, size_t *n);

uint32_t
sk_api_version(void)
{
	return VERSION;
}

static uint8_t *
copy(const void *p, size_t n)
{
	uint8_t *out = malloc(n);

	if (out == NULL)
		abort();
	memcpy(out, p, n);
	return out;
}

int
sk_enroll(uint32_t alg, const uint8_t *challenge, size_t challenge_len, const char *application, uint8_t flags,
    const char *pin, struct sk_option **options, struct sk_enroll_response **response)
{
	uint8_t public[KEY], private[KEY];
	size_t n = KEY, m = KEY;
	EVP_PKEY *key;
	struct sk_enroll_response *r;

	(void)challenge, (void)challenge_len, (void)application, (void)pin, (void)options;
	if (alg != ED25519)
		return UNSUPPORTED;
	key = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
	if (key == NULL || EVP_PKEY_get_raw_public_key(key, public, &n) != 1 ||
	    EVP_PKEY_get_raw_private_key(key, private, &m) != 1)
		return FAILED;
	EVP_PKEY_free(key);
	r = calloc(1, sizeof *r);
	if (r == NULL)
		abort();
	r->flags = flags;
	r->public_key = copy(public, KEY);
	r->public_key_len = KEY;
	r->key_handle = copy(private, KEY);
	r->key_handle_len = KEY;
	r->signature = copy("none", 4);
	r->signature_len = 4;
	*response = r;
	return 0;
}

/* What a security key signs: hash of the application, flags, counter, hash of the data. */
static int
sign(const uint8_t *handle, const char *application, const uint8_t *data, size_t n, struct sk_sign_response *r)
{
	uint8_t message[HASH + 1 + 4 + HASH], signature[SIGNATURE];
	size_t len = SIGNATURE;
	EVP_PKEY *key = EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, NULL, handle, KEY);
	EVP_MD_CTX *c = EVP_MD_CTX_new();
	int ok;

	ok = key != NULL && c != NULL &&
	    EVP_Digest(application, strlen(application), message, NULL, EVP_sha256(), NULL) == 1 &&
	    EVP_Digest(data, n, message + HASH + 5, NULL, EVP_sha256(), NULL) == 1;
	message[HASH] = r->flags;
	for (int i = 0; i < 4; i++)
		message[HASH + 1 + i] = (uint8_t)(r->counter >> (24 - 8 * i));
	ok = ok && EVP_DigestSignInit(c, NULL, NULL, NULL, key) == 1 &&
	    EVP_DigestSign(c, signature, &len, message, sizeof message) == 1;
	EVP_MD_CTX_free(c);
	EVP_PKEY_free(key);
	if (!ok)
		return FAILED;
	r->sig_r = copy(signature, SIGNATURE);
	r->sig_r_len = SIGNATURE;
	return 0;
}

int
sk_sign(uint32_t alg, const uint8_t *data, size_t n, const char *application, const uint8_t *handle, size_t handle_len,
    uint8_t flags, const char *pin, struct sk_option **options, struct sk_sign_response **response)
{
	const char *claimed = getenv("TWOKEY_TEST_SK_FLAGS");
	struct sk_sign_response *r;

	(void)pin, (void)options;
	if (alg != ED25519 || handle_len != KEY)
		return UNSUPPORTED;
	r = calloc(1, sizeof *r);
	if (r == NULL)
		abort();
	r->flags = claimed != NULL ? (uint8_t)atoi(claimed) : flags;
	r->counter = 7;
	if (sign(handle, application, data, n, r) != 0) {
		free(r);
		return FAILED;
	}
	*response = r;
	return 0;
}

int
sk_load_resident_keys(const char *pin, struct sk_option **options, struct sk_resident_key ***keys, size_t *n)
{
	(void)pin, (void)options, (void)keys, (void)n;
	return UNSUPPORTED;
}
