/* SPDX-License-Identifier: GPL-3.0-or-later */
/* One line of a transcript, scanned without a parser: what verify, index and live streams need. */
#ifndef TWOKEY_TRANSCRIPT_LINE_H
#define TWOKEY_TRANSCRIPT_LINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "twokey/base/digest.h"
#include "twokey/transcript/event.h"

enum transcript_line_type { TRANSCRIPT_LINE_BAD, TRANSCRIPT_LINE_EVENT, TRANSCRIPT_LINE_BODY };

struct transcript_line {
	enum transcript_line_type type;
	uint64_t n;			/* event: its number; body: the event it belongs to */
	/* events only */
	bool known;			/* kind is valid; false: an event of a newer version */
	enum transcript_event_kind kind;
	int64_t ms;
	struct digest prev;
	const char *t;			/* 27 bytes inside the line */
	const char *b;			/* the value of "b" inside the line, NULL without bodies */
	size_t b_len;
	/* bodies only */
	const char *k;			/* inside the line */
	size_t k_len;
};

/* Scans a line without its LF. The order of members is part of the format: anything else is BAD. */
void	transcript_line_scan(const char *line, size_t len, struct transcript_line *out);

/* The next digest and kind in a "b" list; *at starts at 0; false at its end or when malformed
 * (then *bad is set). */
struct transcript_body_ref {
	const char *k;
	size_t k_len;
	struct digest sha;
	uint64_t len;
};
bool	transcript_body_next(const struct transcript_line *event, size_t *at,
	    struct transcript_body_ref *ref, bool *bad);

#endif
