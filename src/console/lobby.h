/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The lobby's list as rows: sessions first, then tickets (the broker's answer to "list"). */
#ifndef TWOKEY_SRC_CONSOLE_LOBBY_H
#define TWOKEY_SRC_CONSOLE_LOBBY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <jansson.h>

#include "twokey/console/seat.h"

struct buf;
struct link_hello;
struct screen;

/* The answer to "list", sessions first, then tickets, as one list of rows; lobby_item borrows. */
size_t	lobby_count(const json_t *list);
bool	lobby_is_session(const json_t *list, size_t i);
const json_t *lobby_item(const json_t *list, size_t i);
/* Sessions with requests first, the oldest on top, then open outcomes, then what stands still. */
void	lobby_sort(json_t *list);
/* Where that row of an earlier list is now; 0 when it is gone. */
size_t	lobby_find_again(const json_t *list, const json_t *was);
/* Requests that wait in all sessions; *oldest: seconds that the oldest waits, -1 none. */
size_t	lobby_waiting(const json_t *list, int64_t *oldest);
/* An outcome that is open: what ran, how to find out, how to settle. */
void	lobby_tell_open(const json_t *o, char *why, size_t max);
/* Row i, as foreign text. */
void	lobby_line(const json_t *list, size_t i, struct buf *out);
/* Fills what entering row i wishes for (strings borrowed from the list); false and why not. */
bool	lobby_choose(const json_t *list, size_t i, struct seat_wish *w, char *why, size_t max);
void	lobby_draw(struct screen *s, const struct link_hello *me, const json_t *list, size_t chosen,
	    const char *why);

#endif
