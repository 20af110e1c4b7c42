/* SPDX-License-Identifier: GPL-3.0-or-later */
/* How many requests there were, how they were answered, and how fast they were read. */
#ifndef TWOKEY_SRC_CONSOLE_PACE_H
#define TWOKEY_SRC_CONSOLE_PACE_H

struct buf;
struct model_entry;

/* "request 12 of ben today; anna answered 7 today, 3 of 20 without a break"; nothing when the event does not say. */
void	pace_words(const struct model_entry *e, struct buf *out);

#endif
