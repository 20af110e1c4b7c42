/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Certificates for tests: an authority and what it signs, all made when the test runs. */
#ifndef TESTS_LIB_CERT_H
#define TESTS_LIB_CERT_H

struct cert;

/* signer NULL: an authority. host: the DNS name in it. from, to: seconds from now. Aborts when it cannot. */
struct cert *cert_make(const char *host, long from, long to, const struct cert *signer);
void	cert_free(struct cert *c);
/* Writes PEM; the file of a key is readable by uid only. */
void	cert_write(const struct cert *c, const char *path);
void	cert_write_key(const struct cert *c, const char *path, unsigned uid);

#endif
