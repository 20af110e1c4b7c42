/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Rows as a table, aligned or expanded, as psql draws them. */
#ifndef TWOKEY_SRC_CONSOLE_TABLE_H
#define TWOKEY_SRC_CONSOLE_TABLE_H

#include <jansson.h>

#include "lay.h"

struct table;

enum { TABLE_COLUMNS_MAX = 1664 };

/* Without columns; table_free frees it. */
struct table *table_create(void);
void	table_free(struct table *t);
/* The columns of a body: [{"name","type"}]; before the first row. */
void	table_columns(struct table *t, const json_t *cols);
/* A column by its name (foreign text). */
void	table_column(struct table *t, const char *name, size_t n, bool numeric);
/* A row of a body: strings, null, {"base64"}, {"text","cut"}; anything else as its JSON. */
void	table_row(struct table *t, const json_t *row);
/* Cell by cell, already safe text; a row is complete after as many cells as there are columns. */
void	table_cell(struct table *t, const char *safe, size_t n);
size_t	table_rows(const struct table *t);
size_t	table_cols(const struct table *t);
/* The columns the aligned form takes. */
size_t	table_width(const struct table *t);
/* Lays it out; what is too wide is cut at the right in the aligned form, which is told by true. */
bool	table_lay(const struct table *t, struct lay *l, enum log_expanded x);
/* The safe rendering of one cell. */
void	table_cell_text(struct buf *out, const json_t *cell);

#endif
