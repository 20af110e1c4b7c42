/* SPDX-License-Identifier: GPL-3.0-or-later */
/* How many requests there were, how they were answered, and how fast they were read. */
#ifndef TWOKEY_SRC_CONSOLE_PACE_H
#define TWOKEY_SRC_CONSOLE_PACE_H

#include <stdbool.h>

struct buf;
struct model;
struct model_entry;

/* "3 allowed, 1 denied, read in 14.0 s (median)"; nothing before the first answer of that person. full: with what was not opened. */
void	pace_reading(const struct model *m, const char *person, bool full, struct buf *out);

/* "request 12 of ben today; anna answered 7 today, 3 of 20 without a break"; nothing when the event does not say. */
void	pace_words(const struct model_entry *e, struct buf *out);

#endif
