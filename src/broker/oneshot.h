/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Between the recorder and the two roles that answer once: one JSON line there, one back.
 * verify: {"text","signature","signed","pin"} -> {"ok","key","type","touch","pin"} or {"ok","code","why"}
 * seal:   {"text"} -> {"sig" or "why", "anchor"} */
#ifndef TWOKEY_BROKER_ONESHOT_H
#define TWOKEY_BROKER_ONESHOT_H

enum {
	ONESHOT_FD = 4,
	ONESHOT_WITHIN_MS = 5000,	/* for one program */
	ONESHOT_WORDS_MAX = 32,
	ONESHOT_LINE_MAX = 64 * 1024
};

#endif
