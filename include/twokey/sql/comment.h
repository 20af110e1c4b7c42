/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Where the comments of a statement are, so that a screen may dim them. */
#ifndef TWOKEY_SQL_COMMENT_H
#define TWOKEY_SQL_COMMENT_H

#include <stddef.h>

#include "twokey/sql/facts.h"

/* The comments that this engine does not execute, in order, at most max. 0 when a setting of the server that is not known
 * here could decide what is a string and what a comment: nothing that might run is called a comment. Pure, linear. */
size_t	sql_comments(enum sql_engine engine, const char *sql, size_t n, struct sql_span *out, size_t max);

#endif
