/* SPDX-License-Identifier: GPL-3.0-or-later */
/* How a text differs from another one, for a person. */
#ifndef GATE_DIFFER_H
#define GATE_DIFFER_H

#include <stddef.h>

struct buf;

/* Appends the lines of both: "- " what was, "+ " what is, "  " what is the same; in a line that became another one the words
 * that differ stand in [-...-] and {+...+}. Returns how many bytes differ; out NULL: only that. */
size_t	differ(struct buf *out, const char *was, size_t nwas, const char *is, size_t nis);

#endif
