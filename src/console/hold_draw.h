/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What is held, in the rows of both persons' screens: seconds run while somebody reads them. */
#ifndef TWOKEY_SRC_CONSOLE_HOLD_DRAW_H
#define TWOKEY_SRC_CONSOLE_HOLD_DRAW_H

#include <stdbool.h>
#include <stddef.h>

struct live;
struct model_entry;

/* Row two of the second person: that it is held and how long yet; open: its effect is on the screen. */
void	hold_row(const struct live *lv, const struct model_entry *en, bool open, char *out, size_t max);
/* What has to be typed to keep it, in words. */
void	hold_type_words(const struct model_entry *en, char *out, size_t max);
/* The driver's row about it. */
void	hold_driver_row(const struct live *lv, const struct model_entry *en, char *out, size_t max);
/* Asks for the next drawing within a second while something is held. */
void	hold_wake(struct live *lv);

#endif
