/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What texts of the same shape have in common. */
#ifndef TWOKEY_SQL_NORMAL_H
#define TWOKEY_SQL_NORMAL_H

#include <stddef.h>

struct digest;
struct sql_settings;

/* The digest of the text's shape: the same for texts that differ only in blanks, comments, the case of
 * keywords and unquoted names, the values of literals and parameters, and the length of IN lists of
 * literals. MariaDB, MySQL: the case of names that are no keywords counts, tables there may differ in
 * it. For grouping only, never a permission: the values decide what a statement touches. Never fails. */
void	sql_normal_digest(const struct sql_settings *set, const char *sql, size_t n, struct digest *out);

#endif
