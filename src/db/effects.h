/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What a change did to the rows of each table, added up over its parts. */
#ifndef DB_EFFECTS_H
#define DB_EFFECTS_H

#include <stddef.h>
#include <stdint.h>

struct buf;

enum { DB_EFFECTS_MAX = 64 };
struct db_effect {
	char name[272];
	uint64_t inserted, updated, deleted;
};
/* Zero-initialised: nothing yet. */
struct db_effects {
	struct db_effect v[DB_EFFECTS_MAX];
	size_t n;
};
/* Where in all the rows of a table are counted; n bytes of its name. The tables that do not fit share the last place. */
struct db_effect *db_effect_of(struct db_effects *all, const char *name, size_t n);
/* Appends the JSON array of db_result. */
void	db_effects_put(const struct db_effects *all, struct buf *out);

#endif
