/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The limits of the format (doc/transcript.txt). */
#ifndef TWOKEY_TRANSCRIPT_LIMIT_H
#define TWOKEY_TRANSCRIPT_LIMIT_H

enum {
	TRANSCRIPT_VERSION = 1,
	TRANSCRIPT_EVENT_MAX = 64 * 1024,	/* an event line without its LF */
	TRANSCRIPT_BODY_MAX = 1024 * 1024,	/* the fields of a body line */
	TRANSCRIPT_LINE_MAX = 1024 * 1024 + 4096, /* any line without its LF */
	TRANSCRIPT_BODIES_MAX = 8,		/* bodies of one event (recovered may have more) */
	TRANSCRIPT_RESERVE = 256 * 1024		/* bytes kept back on disk for ending */
};

#endif
