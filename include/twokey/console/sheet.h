/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The sheet of a request in lines of a width: what the second person reads before the key is turned. The same for the
 * confirmer's screen and for replay. */
#ifndef TWOKEY_CONSOLE_SHEET_H
#define TWOKEY_CONSOLE_SHEET_H

#include <stdbool.h>
#include <stddef.h>

#include "twokey/console/log.h"

struct model;
struct model_entry;
struct sheet_view;

/* Empty; sheet_view_free frees it. NULL may be freed. */
struct sheet_view *sheet_view_create(void);
void	sheet_view_free(struct sheet_view *v);
/* Lays out the request en of m: statement with line numbers, effect with the sample, checks, who asks, the reason last.
 * Does nothing when neither the entry, the width nor the place of the times changed since the last call. */
void	sheet_view_update(struct sheet_view *v, const struct model *m, const struct model_entry *en, int width);
/* Times in UTC (replay) instead of the person's own zone. */
void	sheet_view_utc(struct sheet_view *v);
/* Whose sheet it is: where the ticket takes answers from another host only, it says whether his console counts as one. */
void	sheet_view_seat(struct sheet_view *v, const char *person);
/* The sheet as it was when it was asked for, even of a request that is held: without this that shows its real effect. */
void	sheet_view_asked(struct sheet_view *v, bool asked);
size_t	sheet_view_lines(const struct sheet_view *v);
/* Line i; the last line of the sheet is sheet_view_lines - 1. Every text is safe and at most width columns. */
const struct log_text *sheet_view_line(const struct sheet_view *v, size_t i);
/* The lines [*first, *end) that hold the exact bytes of the statement. */
void	sheet_view_statement(const struct sheet_view *v, size_t *first, size_t *end);

#endif
