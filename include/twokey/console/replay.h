/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A transcript played on the screen: the session as it was, at any event, both ways. */
#ifndef TWOKEY_CONSOLE_REPLAY_H
#define TWOKEY_CONSOLE_REPLAY_H

#include <stdbool.h>
#include <stdint.h>

#include "twokey/console/screen.h"

struct err;
struct replay;

/* The player of a file, standing on its first event; the screen is borrowed. NULL and *e: ERR_NOT_FOUND, ERR_SYSTEM,
 * ERR_INVALID when the file holds no event. */
struct replay *replay_open(const char *path, struct screen *s, struct err *e);
void	replay_close(struct replay *r);
/* One key. */
void	replay_key(struct replay *r, const struct screen_event *ev, int64_t now_ms);
/* What is due: the next event when it plays; reading on and verifying, a slice at a time. */
void	replay_tick(struct replay *r, int64_t now_ms);
/* Milliseconds until replay_tick has something to do, -1 for never. */
int	replay_wait(const struct replay *r, int64_t now_ms);
void	replay_draw(struct replay *r);
/* The event it stands on, and whether q was pressed. */
uint64_t replay_at(const struct replay *r);
bool	replay_is_done(const struct replay *r);

/* The terminal until q; 0 or an ERR code (ERR_UNSUPPORTED without a terminal). */
int	replay_run(const char *path, struct err *e);

#endif
