/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Bytes of a terminal into keys. A paste is a state of this machine, so a missing end mark cannot hang anything. */
#ifndef TWOKEY_SRC_CONSOLE_FEEDER_H
#define TWOKEY_SRC_CONSOLE_FEEDER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "twokey/console/screen.h"

struct feeder;

enum {
	FEEDER_ESCAPE_MS = 50,		/* a lone Esc is held back this long */
	FEEDER_REST_MS = 500,		/* the rest of a begun sequence or character */
	FEEDER_PASTE_MS = 2000,		/* silence inside a paste: it ends as it stands */
	FEEDER_PASTE_MAX = 1 << 20	/* bytes of one paste; what is over is left out */
};

/* Empty; feeder_free frees it. NULL may be freed. */
struct feeder *feeder_create(void);
void	feeder_free(struct feeder *f);
/* A sequence of this terminal (terminfo) for a key; sequences that do not begin with ESC are not taken. */
void	feeder_bind(struct feeder *f, const char *sequence, enum screen_key key);
/* Bytes as they came from the terminal, whole or not. */
void	feeder_push(struct feeder *f, const char *bytes, size_t n);
/* The next key; false when there is none yet. */
bool	feeder_next(struct feeder *f, int64_t now_ms, struct screen_event *out);
/* Milliseconds until something held back is due, -1 when nothing is. */
int	feeder_wait(const struct feeder *f, int64_t now_ms);
/* Text of the last paste. */
const char *feeder_paste(const struct feeder *f, size_t *n);
/* Forgets what is there, the paste too; nothing short that was typed before is left in memory. */
void	feeder_drop(struct feeder *f);

#endif
