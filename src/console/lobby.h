/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The lobby's list as rows: sessions first, then tickets (the broker's answer to "list"). */
#ifndef TWOKEY_SRC_CONSOLE_LOBBY_H
#define TWOKEY_SRC_CONSOLE_LOBBY_H

#include <stdbool.h>
#include <stddef.h>

#include <jansson.h>

#include "twokey/console/seat.h"

struct buf;
struct link_hello;
struct screen;

size_t	lobby_count(const json_t *list);
bool	lobby_is_session(const json_t *list, size_t i);
const json_t *lobby_item(const json_t *list, size_t i);
/* Row i, as foreign text. */
void	lobby_line(const json_t *list, size_t i, struct buf *out);
/* Fills what entering row i wishes for (strings borrowed from the list); false and why not. */
bool	lobby_choose(const json_t *list, size_t i, struct seat_wish *w, char *why, size_t max);
void	lobby_draw(struct screen *s, const struct link_hello *me, const json_t *list, size_t chosen,
	    const char *why);

#endif
