/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef TWOKEY_SRC_CONSOLE_SHEET_PRIV_H
#define TWOKEY_SRC_CONSOLE_SHEET_PRIV_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <jansson.h>

struct lay;
struct model;
struct model_entry;

/* The sample of a sheet: columns "c" and "c (new)" of an UPDATE become one column "c: before -> after". */
void	sheet_sample(struct lay *l, const struct model_entry *e);
/* The same of {"cols":..,"rows":..} of count rows in all (-1 not known). */
void	sheet_sample_rows(struct lay *l, const json_t *sample, int64_t count, bool update);
/* Statements of a set may name the same thing: true where the list has the i-th for the first time. */
bool	sheet_is_first(const json_t *list, size_t i);
/* sheet_locks.c: "   (about 500 rows, 1.2 MiB)", "" when nothing is known. */
void	sheet_size(const struct model_entry *e, char out[96]);
/* Whether it can be rolled back, the locks that it takes, and who is in its way. */
void	sheet_rollback(struct lay *l, const struct model_entry *e);
void	sheet_locks(struct lay *l, const struct model_entry *e);
/* set_lines.c: the effect of a set of changes. */
void	set_effect(struct lay *l, const struct model *m, const struct model_entry *e);
/* hold_lines.c: the sheet of what is held: its real effect, why, what happens if nobody does anything, what ran. */
void	hold_sheet(struct lay *l, const struct model_entry *e);

/* Every line of the statement with its number; what is too long, and what follows a comment, goes on below without one.
 * Comments are dimmed, never hidden. */
void	sheet_numbered(struct lay *l, const char *engine, const struct model_entry *e);

#endif
