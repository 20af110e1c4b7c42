/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A password is a type that no formatter accepts; wiped when freed, kept out of core files. */
#ifndef TWOKEY_BASE_SECRET_H
#define TWOKEY_BASE_SECRET_H

#include <stddef.h>

struct err;
struct secret;

/* Copies n bytes. secret_free(NULL) is fine. */
struct secret *secret_create(const void *p, size_t n);
void	secret_free(struct secret *s);
/* Reads a file (mode must have no bits for group or others; a last LF is cut). NULL and *e on failure. */
struct secret *secret_read(const char *path, struct err *e);
/* The bytes, NUL-terminated; only a database driver or a channel to one calls this. */
const char *secret_reveal(const struct secret *s);
size_t	secret_len(const struct secret *s);
/* Wipes n bytes so that the compiler cannot leave it out. */
void	secret_wipe(void *p, size_t n);

#endif
