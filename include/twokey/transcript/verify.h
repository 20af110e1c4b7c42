/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Is this transcript what was recorded? Fed line by line: a file, or a live stream. */
#ifndef TWOKEY_TRANSCRIPT_VERIFY_H
#define TWOKEY_TRANSCRIPT_VERIFY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "twokey/base/digest.h"

struct err;
struct transcript_verifier;

enum transcript_verdict {
	TRANSCRIPT_SEALED,	/* sealed and intact */
	TRANSCRIPT_OPEN,	/* intact, not sealed: ends at n */
	TRANSCRIPT_BROKEN	/* broken at n, and why */
};

struct transcript_report {
	enum transcript_verdict verdict;
	uint64_t n;		/* BROKEN: the event at fault; else the last one */
	uint64_t line;		/* BROKEN: the line of the file, from 1 */
	uint64_t bodies;	/* bodies that are there */
	uint64_t missing;	/* bodies that were taken out (a redacted copy) */
	uint64_t torn;		/* bytes of a torn last line */
	uint64_t orphans;	/* bodies at the end whose event is not there (counted in bodies too) */
	struct digest head;	/* of the last event before the seal */
	char text[400];		/* the verdict as a sentence */
};

/* Before the first line; transcript_verifier_free frees it. NULL may be freed. */
struct transcript_verifier *transcript_verifier_create(void);
void	transcript_verifier_free(struct transcript_verifier *v);
/* One line without its LF. False once it is broken; further lines change nothing. */
bool	transcript_verify_line(struct transcript_verifier *v, const char *line, size_t n);
/* The verdict so far; torn: bytes after the last LF. */
void	transcript_verify_report(const struct transcript_verifier *v, uint64_t torn,
	    struct transcript_report *out);
/* A whole file; ERR_NOT_FOUND, ERR_INVALID (no ordinary file) or ERR_SYSTEM when it cannot be read, else 0 whatever the
 * verdict. */
int	transcript_verify_file(const char *path, struct transcript_report *out, struct err *e);

#endif
