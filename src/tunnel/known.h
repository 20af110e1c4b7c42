/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Host keys: the known_hosts format of sshd(8) and pinned keys. libssh does not understand the markers
 * (@revoked, @cert-authority), so the file is read here. Pure: bytes in, verdict out. */
#ifndef TWOKEY_TUNNEL_KNOWN_H
#define TWOKEY_TUNNEL_KNOWN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct buf;

enum known_verdict {
	KNOWN_OK,
	KNOWN_UNKNOWN,		/* no line for this host */
	KNOWN_CHANGED,		/* lines for this host, none with this key */
	KNOWN_REVOKED,		/* a @revoked line has this key: outranks every other line */
	KNOWN_AUTHORITY,	/* the host is known by a @cert-authority line only */
	KNOWN_BROKEN		/* a marker that is not understood, or a revoked key that cannot be read: nothing is trusted */
};

struct known_answer {
	enum known_verdict verdict;
	size_t line;		/* which decided, from 1; 0: none */
	char type[40];		/* of CHANGED: the key that was expected */
	char fingerprint[64];
};

enum { KNOWN_BLOB_MAX = 4096 };	/* of a public key */

/* Judges the key blob that host:port showed. */
void	known_check(const char *text, size_t n, const char *host, uint16_t port, const void *blob, size_t nblob,
	    struct known_answer *a);
/* The same against one pinned key, "SHA256:..." or "TYPE BASE64 [comment]"; BROKEN when it is neither. */
void	known_pin(const char *pin, const void *blob, size_t nblob, struct known_answer *a);
/* Appends the signature algorithms of the keys that are known, with commas: what to ask the server for, so that
 * it shows a key that can be checked. Nothing when any will do. */
void	known_algorithms(const char *text, size_t n, const char *host, uint16_t port, struct buf *out);
void	known_pin_algorithms(const char *pin, struct buf *out);

/* Base64 into b, which must be empty; false when it is none or longer than b may be. */
bool	known_decode(const char *text, struct buf *b);
/* "SHA256:..." as ssh-keygen -l prints it. */
void	known_fingerprint(const void *blob, size_t nblob, char out[64]);

#endif
