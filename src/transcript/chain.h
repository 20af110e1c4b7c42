/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The inside of a verifier: what recovery has to know of it. */
#ifndef TWOKEY_SRC_TRANSCRIPT_CHAIN_H
#define TWOKEY_SRC_TRANSCRIPT_CHAIN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "transcript/scan.h"
#include "twokey/base/digest.h"

struct err;
struct transcript_verifier;

enum { CHAIN_PENDING_MAX = 1024 };	/* more bodies than an event line can name */

/* A body that waits for its event. */
struct chain_body {
	struct digest sha;
	uint64_t len;
	uint64_t line;
	char k[SCAN_NAME_MAX + 1];
};

struct chain_state {
	uint64_t n;			/* last event, 0 before the first */
	int64_t ms;			/* its ms */
	struct digest head;		/* of the last event line, also the seal */
	bool sealed;
	bool broken;
	const struct chain_body *pending;
	size_t npending;
};
/* Where the chain stands; pending is borrowed until the next line. */
void	chain_state(const struct transcript_verifier *v, struct chain_state *out);
/* Bodies that wait for their event. */
size_t	chain_pending(const struct transcript_verifier *v);

/* Where things stand in a file that was fed to a verifier. */
struct chain_extent {
	uint64_t size;
	uint64_t event_end;	/* behind the LF of the last good event */
	uint64_t lines_end;	/* behind the LF of the last good line */
	bool zeros;		/* a zero byte stands behind lines_end: a page that was never written */
};
/* Feeds everything that can be read from fd (from its start); 0 or ERR_SYSTEM. path is for errors. */
int	chain_feed(int fd, const char *path, struct transcript_verifier *v, struct chain_extent *x,
	    struct err *e);

#endif
