/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What a signature of ssh-keygen -Y says about itself. ssh-keygen does not tell whether a security key was touched, so
 * that is read here; whether the signature is good is ssh-keygen's to say. */
#ifndef TWOKEY_TRANSCRIPT_SSHSIG_H
#define TWOKEY_TRANSCRIPT_SSHSIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "twokey/base/sshkey.h"

struct buf;
struct err;

struct sshsig {
	struct sshkey key;
	bool hardware;		/* of a security key; the flags are valid then */
	bool touch, pin;	/* somebody was present; he was asked for the PIN */
	uint32_t counter;	/* the security key's own, of its signatures; 0: it counts none */
	char namespace[64];
};

/* Parses the armoured form; ERR_INVALID when it is none of a key that sshkey.h knows. */
int	sshsig_parse(const char *armoured, size_t n, struct sshsig *out, struct err *e);

/* What a signature is asked to be. */
struct sshsig_wish {
	const char *signer;	/* principal; a name without blanks and patterns */
	const char *namespace;
	const char *signers;	/* path of a file of allowed signers (ssh-keygen(1)), or */
	const char *lines;	/* its text */
	int64_t at_us;		/* the time that the key must have been good at; 0: now */
	int within_ms;		/* for ssh-keygen */
};
/* Runs ssh-keygen -Y verify over text; 0 when the signature is good, ERR_DENIED when it is not, ERR_INVALID as
 * sshsig_parse, ERR_SYSTEM when ssh-keygen cannot be run or does not end. out (may be NULL): what it says about itself. */
int	sshsig_verify(const struct sshsig_wish *w, const char *text, size_t n, const char *signature, size_t len,
	    struct sshsig *out, struct err *e);

#endif
