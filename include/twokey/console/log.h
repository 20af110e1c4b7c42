/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The log of a session laid out in lines of a width: the same for live screens, replay and show. */
#ifndef TWOKEY_CONSOLE_LOG_H
#define TWOKEY_CONSOLE_LOG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "twokey/console/screen.h"

struct model;
struct model_entry;

struct log_text {
	char *text;		/* safe (text_safe), at most width columns */
	size_t n;
	enum screen_look look;
	size_t entry;		/* index of the model's entry */
};
struct log_view;

/* How results are shown. */
enum log_expanded { LOG_TABLE, LOG_EXPANDED, LOG_EXPANDED_AUTO };

/* Empty; log_view_free frees it and what it laid out. NULL may be freed. */
struct log_view *log_view_create(void);
void	log_view_free(struct log_view *v);
/* Lays out what changed in the model since the last call; a new width lays out everything anew. max_rows: rows shown of
 * one result (0: all). */
void	log_view_update(struct log_view *v, const struct model *m, int width, enum log_expanded x, size_t max_rows);
size_t	log_view_lines(const struct log_view *v);
const struct log_text *log_view_line(const struct log_view *v, size_t i);
/* For replay and show: a rule before each entry, times in UTC. */
void	log_view_ruled(struct log_view *v);
/* Only entries from this one on are laid out, at the next update (0: all). */
void	log_view_from(struct log_view *v, size_t entry);
/* Calls put for every line of one entry, without a view; ruled as in log_view_ruled. */
void	log_entry_lines(const struct model *m, size_t entry, int width, enum log_expanded x, size_t max_rows,
	    void (*put)(void *ctx, const struct log_text *t), void *ctx);
/* The first line of an entry. */
size_t	log_view_line_of(const struct log_view *v, size_t entry);
/* The next line at or after from (before, when back) that contains the text, ASCII case ignored; -1 when none. */
long	log_view_find(const struct log_view *v, const char *text, size_t from, bool back);

#endif
