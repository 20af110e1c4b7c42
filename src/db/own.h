/* SPDX-License-Identifier: GPL-3.0-or-later */
/* twokey's own statements by number (law 1), tagged with the session. */
#ifndef DB_OWN_H
#define DB_OWN_H

#include "twokey/db/driver.h"

enum own_id {
#define OWN(engine, name, text, sql) OWN_##name,
#include "db/own.def"
#undef OWN
	OWNS
};

/* Enough for any session's id; what is longer is cut. */
enum { OWN_TAG_MAX = 96 };

/* Copies what may stand in a comment of a session's id: letters, digits, "-._:". */
void	own_tag(char out[OWN_TAG_MAX], const char *session);
/* Puts the tagged text into out (reset first) and returns it. */
const char *own_sql(struct buf *out, enum own_id id, const char *tag);
const char *own_name(enum own_id id);
/* Notes in a JSON array of names that it ran; each name once. */
void	own_ran(struct buf *names, enum own_id id);
/* Appends a string to a JSON array of strings; not UTF-8 bytes become marks. */
void	own_list_add(struct buf *list, const char *s, size_t n);
/* Adds the names of our own statements that only more has. */
void	own_list_join(struct buf *names, struct buf *more);

#endif
