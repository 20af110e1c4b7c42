/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The statements of a request that is a set of changes, one by one: what they are, how many rows each means and matches. */
#ifndef TWOKEY_SRC_CONSOLE_SET_PARTS_H
#define TWOKEY_SRC_CONSOLE_SET_PARTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "twokey/sql/split.h"

struct model;
struct model_entry;

struct set_part {
	struct sql_span text;		/* in the request's sql; len 0 when it cannot be told apart */
	size_t line;			/* on which it begins, from 1 */
	bool most;			/* "<=" */
	int64_t wanted;			/* rows that the driver named, -1 none */
	int64_t count;			/* rows that match now, -1 not known */
};

/* Statements of a set, as its bounds say. */
size_t	set_size(const struct model_entry *e);
/* Their texts are told apart: there are as many as bounds. */
bool	set_is_told_apart(const struct model *m, const struct model_entry *e);
/* Statement i, from 0. */
void	set_part(const struct model *m, const struct model_entry *e, size_t i, struct set_part *out);
/* How many rows all of them may touch, which is what is typed: each bound, or its count where none was named. False
 * while that is not known; *most: one of them has an upper bound only. */
bool	set_total(const struct model_entry *e, bool *most, int64_t *rows);
/* "= 3" or "<= 500" as the events write it; false when it is none. */
bool	set_bound(const char *s, bool *most, int64_t *rows);

#endif
