/* SPDX-License-Identifier: GPL-3.0-or-later */
/* SSH keys that a test makes, and signatures by them, all by the real ssh-keygen. Security keys are software (sk.c). */
#ifndef TESTS_LIB_KEYS_H
#define TESTS_LIB_KEYS_H

#include <stddef.h>

struct buf;

/* Makes path and path.pub: "ed25519", "ecdsa", "rsa", "ed25519-sk", "ecdsa-sk". Fails the test when it cannot. */
void	test_key(const char *path, const char *type);
/* "TYPE BASE64" of path.pub into out. */
void	test_key_public(const char *path, struct buf *out);
/* Signs n bytes; the armoured signature into out. sk_flags: what a security key claims (1 touched, 4 PIN). */
void	test_key_sign(const char *path, const char *namespace, const void *text, size_t n, int sk_flags, struct buf *out);
/* The path of the software security key. */
const char *test_sk(void);

#endif
