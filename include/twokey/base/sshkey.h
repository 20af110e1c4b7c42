/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Public keys of SSH as people write them: a line of a .pub file. */
#ifndef TWOKEY_BASE_SSHKEY_H
#define TWOKEY_BASE_SSHKEY_H

#include <stdbool.h>
#include <stddef.h>

enum {
	SSHKEY_BLOB_MAX = 4096,
	SSHKEY_FINGERPRINT = 51		/* "SHA256:", 43 characters and a NUL */
};

struct sshkey {
	const char *type;	/* "ssh-ed25519", ...: of the table, never freed */
	size_t len;		/* the line's first bytes, "TYPE BASE64", without a comment */
	char fingerprint[SSHKEY_FINGERPRINT];	/* as ssh-keygen -l prints it */
};

/* Parses "TYPE BASE64 [comment]", without options in front. False when the type is none that signs answers (ed25519,
 * ecdsa, rsa, and the sk- kinds of security keys), or the base64 is not one whole key of that type. */
bool	sshkey_parse(const char *line, size_t n, struct sshkey *out);
/* The same for the key itself, as RFC 4253 encodes it: its type and fingerprint; len is 0. */
bool	sshkey_parse_blob(const void *blob, size_t n, struct sshkey *out);
/* A key that lives in a security key (its type begins with sk-). */
bool	sshkey_is_hardware(const char *type);

/* The next string of an SSH encoding (4 bytes of length, then the bytes): moves *p and *n behind it; false when there
 * is no whole one. */
bool	sshkey_string(const unsigned char **p, size_t *n, const unsigned char **s, size_t *len);

#endif
