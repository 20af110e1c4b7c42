/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A password is a type that no formatter accepts; wiped when freed, kept out of core files. */
#ifndef TWOKEY_BASE_SECRET_H
#define TWOKEY_BASE_SECRET_H

#include <stddef.h>

struct err;
struct secret;

/* Copies n bytes; secret_free wipes and frees them, NULL is fine. */
struct secret *secret_create(const void *p, size_t n);
void	secret_free(struct secret *s);
/* What a file of a secret is: how long it may be, who may read it, whether a last LF belongs to it. */
enum secret_file {
	SECRET_PASSWORD,	/* up to 4095 bytes, mode 0600 or less; a last LF is cut */
	SECRET_KEY,		/* a private key: up to 16383 bytes, mode 0600 or less, every byte */
	SECRET_CREDENTIAL	/* of systemd, which may let its service in as a group: not for others; a last LF is cut */
};
/* Reads a file that belongs to the caller's user or root. NULL and *e, which never holds what was read. */
struct secret *secret_read_as(enum secret_file kind, const char *path, struct err *e);
/* The same as SECRET_PASSWORD; the caller frees. */
struct secret *secret_read(const char *path, struct err *e);
/* The bytes, NUL-terminated; only a database driver or a channel to one calls this. */
const char *secret_reveal(const struct secret *s);
size_t	secret_len(const struct secret *s);
/* Wipes n bytes so that the compiler cannot leave it out. */
void	secret_wipe(void *p, size_t n);

#endif
