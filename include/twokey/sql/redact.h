/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A statement's text without the secrets in it. */
#ifndef TWOKEY_SQL_REDACT_H
#define TWOKEY_SQL_REDACT_H

#include <stddef.h>

struct buf;
struct sql_facts;

/* Appends sql with each secret of f replaced by "<secret>". */
void	sql_redact(struct buf *out, const struct sql_facts *f, const char *sql, size_t n);

#endif
