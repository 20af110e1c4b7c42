/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What a request is bound to, part by part: the digest decides, the parts say what differs. */
#ifndef DB_SHOWN_H
#define DB_SHOWN_H

#include "driver.h"

/* The ground of a bind digest, being made. */
struct db_ground {
	struct digest_sum *sum;
	struct buf *parts;	/* NULL: nobody will ask what differs */
	uint64_t hash;		/* of what has no name yet */
	bool reached;		/* from here on: what may be set off in turn, where anything is set off at all */
};
void	db_ground_begin(struct db_ground *g, struct buf *parts);
void	db_ground_add(struct db_ground *g, const void *p, size_t n);
void	db_ground_text(struct db_ground *g, const char *s);
/* What was added since the last name is called so, in words that stand in a sentence: "the trigger x of orders". */
void	db_ground_name(struct db_ground *g, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
struct digest db_ground_end(struct db_ground *g);

/* One row of keys for the eye: "3, 4" while there is room. */
void	db_key_list(struct buf *list, const struct db_cell *cells, size_t n);

/* Appends the names of what differs, "" when no name is known. */
void	db_shown_differ(const struct db_shown *shown, const struct db_shown *now, struct buf *out);

#endif
