/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "cert.h"

#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "twokey/base/must.h"

struct cert {
	EVP_PKEY *key;
	X509 *x;
};

static void
extend(X509 *x, X509 *by, int nid, const char *value)
{
	X509_EXTENSION *e;
	X509V3_CTX ctx;

	X509V3_set_ctx(&ctx, by, x, NULL, NULL, 0);
	e = X509V3_EXT_conf_nid(NULL, &ctx, nid, value);
	must(e != NULL && X509_add_ext(x, e, -1) == 1);
	X509_EXTENSION_free(e);
}

struct cert *
cert_make(const char *host, long from, long to, const struct cert *signer)
{
	static long serial;
	struct cert *c = must_zalloc(sizeof *c);
	const struct cert *by = signer != NULL ? signer : c;
	char alt[256];

	c->key = EVP_EC_gen("P-256");
	c->x = X509_new();
	must(c->key != NULL && c->x != NULL && X509_set_version(c->x, 2) == 1);
	ASN1_INTEGER_set(X509_get_serialNumber(c->x), ++serial);
	must(X509_gmtime_adj(X509_getm_notBefore(c->x), from) != NULL && X509_gmtime_adj(X509_getm_notAfter(c->x), to) != NULL);
	must(X509_NAME_add_entry_by_txt(X509_get_subject_name(c->x), "CN", MBSTRING_ASC, (const unsigned char *)host, -1, -1,
	    0) == 1);
	must(X509_set_issuer_name(c->x, X509_get_subject_name(by->x)) == 1 && X509_set_pubkey(c->x, c->key) == 1);
	extend(c->x, by->x, NID_basic_constraints, signer == NULL ? "critical,CA:TRUE" : "critical,CA:FALSE");
	snprintf(alt, sizeof alt, "DNS:%s", host);
	extend(c->x, by->x, NID_subject_alt_name, alt);
	must(X509_sign(c->x, by->key, EVP_sha256()) > 0);
	return c;
}

void
cert_free(struct cert *c)
{
	if (c == NULL)
		return;
	X509_free(c->x);
	EVP_PKEY_free(c->key);
	free(c);
}

void
cert_write(const struct cert *c, const char *path)
{
	FILE *file = fopen(path, "w");

	must(file != NULL && PEM_write_X509(file, c->x) == 1 && fclose(file) == 0);
	must(chmod(path, 0644) == 0);
}

void
cert_write_key(const struct cert *c, const char *path, unsigned uid)
{
	FILE *file = fopen(path, "w");

	must(file != NULL && PEM_write_PrivateKey(file, c->key, NULL, NULL, 0, NULL, NULL) == 1 && fclose(file) == 0);
	must(chmod(path, 0600) == 0 && (getuid() != 0 || chown(path, uid, (gid_t)-1) == 0));
}
