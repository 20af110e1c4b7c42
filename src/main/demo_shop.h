/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The sample shop of `twokey demo`: the same rows every time, every name invented. */
#ifndef TWOKEY_MAIN_DEMO_SHOP_H
#define TWOKEY_MAIN_DEMO_SHOP_H

struct buf;
struct err;

/* Appends the SQL (SQLite) that makes the shop: tables, some thousand rows, indexes, triggers. */
void	demo_shop_sql(struct buf *out);
/* Makes the database file, mode 0600. ERR_EXISTS when there is a file already. */
int	demo_shop_write(const char *path, struct err *e);

#endif
