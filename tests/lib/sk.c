/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A security key made of software, for tests: what ssh-sk-helper loads with SSH_SK_PROVIDER (OpenSSH's PROTOCOL.u2f and
 * its middleware interface, version 10). It makes and uses ed25519 and ecdsa (P-256) keys; the key handle is the private key
 * itself, so it protects nothing. TWOKEY_TEST_SK_FLAGS says what a signature claims: 1 touched, 4 PIN, 5 both, 0 neither. */
#include <openssl/bn.h>
#include <openssl/ecdsa.h>
#include <openssl/evp.h>
#include <openssl/x509.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum { VERSION = 0x000a0000, ECDSA = 0, ED25519 = 1, FAILED = -1, UNSUPPORTED = -2, KEY = 32, POINT = 65, SIGNATURE = 64,
	NUMBER = 32, DER_MAX = 256, HASH = 32, MESSAGE = HASH + 1 + 4 + HASH };

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

/* Its two halves; the public one of ecdsa is the uncompressed point, the private one DER. */
static int
halves(uint32_t alg, EVP_PKEY *key, struct sk_enroll_response *r)
{
	uint8_t public[POINT], private[DER_MAX], *p = private;
	size_t n = sizeof public, m = KEY;
	int len;

	if (alg == ED25519) {
		if (EVP_PKEY_get_raw_public_key(key, public, &n) != 1 || EVP_PKEY_get_raw_private_key(key, private, &m) != 1)
			return FAILED;
	} else {
		len = i2d_PrivateKey(key, NULL);
		if (len <= 0 || len > DER_MAX || i2d_PrivateKey(key, &p) != len ||
		    EVP_PKEY_get_octet_string_param(key, "pub", public, sizeof public, &n) != 1 || n != POINT)
			return FAILED;
		m = (size_t)len;
	}
	r->public_key = copy(public, n);
	r->public_key_len = n;
	r->key_handle = copy(private, m);
	r->key_handle_len = m;
	return 0;
}

int
sk_enroll(uint32_t alg, const uint8_t *challenge, size_t challenge_len, const char *application, uint8_t flags,
    const char *pin, struct sk_option **options, struct sk_enroll_response **response)
{
	EVP_PKEY *key;
	struct sk_enroll_response *r;
	int ret;

	(void)challenge, (void)challenge_len, (void)application, (void)pin, (void)options;
	if (alg != ED25519 && alg != ECDSA)
		return UNSUPPORTED;
	key = alg == ED25519 ? EVP_PKEY_Q_keygen(NULL, NULL, "ED25519") : EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-256");
	r = calloc(1, sizeof *r);
	if (r == NULL)
		abort();
	ret = key != NULL ? halves(alg, key, r) : FAILED;
	EVP_PKEY_free(key);
	if (ret != 0) {
		free(r);
		return ret;
	}
	r->flags = flags;
	r->signature = copy("none", 4);
	r->signature_len = 4;
	*response = r;
	return 0;
}

/* What a security key signs: hash of the application, flags, counter, hash of the data. */
static int
put_message(uint8_t message[MESSAGE], const char *application, const uint8_t *data, size_t n, const struct sk_sign_response *r)
{
	message[HASH] = r->flags;
	for (int i = 0; i < 4; i++)
		message[HASH + 1 + i] = (uint8_t)(r->counter >> (24 - 8 * i));
	return EVP_Digest(application, strlen(application), message, NULL, EVP_sha256(), NULL) == 1 &&
	    EVP_Digest(data, n, message + HASH + 5, NULL, EVP_sha256(), NULL) == 1;
}

/* Both numbers of an ecdsa signature, from its DER. */
static int
take_numbers(const uint8_t *der, size_t n, struct sk_sign_response *r)
{
	ECDSA_SIG *sig = d2i_ECDSA_SIG(NULL, &der, (long)n);
	uint8_t number[NUMBER];

	if (sig == NULL)
		return FAILED;
	(void)BN_bn2binpad(ECDSA_SIG_get0_r(sig), number, NUMBER);
	r->sig_r = copy(number, NUMBER);
	(void)BN_bn2binpad(ECDSA_SIG_get0_s(sig), number, NUMBER);
	r->sig_s = copy(number, NUMBER);
	r->sig_r_len = r->sig_s_len = NUMBER;
	ECDSA_SIG_free(sig);
	return 0;
}

static int
sign(uint32_t alg, EVP_PKEY *key, const uint8_t message[MESSAGE], struct sk_sign_response *r)
{
	uint8_t signature[DER_MAX];
	size_t len = sizeof signature;
	EVP_MD_CTX *c = EVP_MD_CTX_new();
	int ok = c != NULL && EVP_DigestSignInit(c, NULL, alg == ED25519 ? NULL : EVP_sha256(), NULL, key) == 1 &&
	    EVP_DigestSign(c, signature, &len, message, MESSAGE) == 1;

	EVP_MD_CTX_free(c);
	if (!ok)
		return FAILED;
	if (alg == ECDSA)
		return take_numbers(signature, len, r);
	r->sig_r = copy(signature, SIGNATURE);
	r->sig_r_len = SIGNATURE;
	return 0;
}

int
sk_sign(uint32_t alg, const uint8_t *data, size_t n, const char *application, const uint8_t *handle, size_t handle_len,
    uint8_t flags, const char *pin, struct sk_option **options, struct sk_sign_response **response)
{
	const char *claimed = getenv("TWOKEY_TEST_SK_FLAGS");
	uint8_t message[MESSAGE];
	struct sk_sign_response *r;
	EVP_PKEY *key = NULL;

	(void)pin, (void)options;
	if (alg == ED25519 && handle_len == KEY)
		key = EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, NULL, handle, KEY);
	else if (alg == ECDSA)
		key = d2i_PrivateKey(EVP_PKEY_EC, NULL, &handle, (long)handle_len);
	if (key == NULL)
		return UNSUPPORTED;
	r = calloc(1, sizeof *r);
	if (r == NULL)
		abort();
	r->flags = claimed != NULL ? (uint8_t)atoi(claimed) : flags;
	r->counter = 7;
	if (!put_message(message, application, data, n, r) || sign(alg, key, message, r) != 0) {
		EVP_PKEY_free(key);
		free(r);
		return FAILED;
	}
	EVP_PKEY_free(key);
	*response = r;
	return 0;
}

int
sk_load_resident_keys(const char *pin, struct sk_option **options, struct sk_resident_key ***keys, size_t *n)
{
	(void)pin, (void)options, (void)keys, (void)n;
	return UNSUPPORTED;
}
