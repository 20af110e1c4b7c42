/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A small shop in a file of SQLite. */
#ifndef TESTS_DB_SHOP_H
#define TESTS_DB_SHOP_H

#include "twokey/base/digest.h"
#include "twokey/db/driver.h"

struct shop {
	char folder[64];
	char path[96];
	struct db_target target;
};

void	shop_make(struct shop *s);
/* Writes the tables into s->path. */
void	shop_fill(const struct shop *s);
void	shop_remove(struct shop *s);
/* By another connection; must succeed. */
void	shop_exec(const struct shop *s, const char *sql);
/* Of the file's bytes. */
struct digest shop_digest(const struct shop *s);
/* A process that has changed pages and is killed before it commits. */
void	shop_kill_writer(const struct shop *s, const char *sql);

#endif
