/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Looking for a text in body lines: a fast look at the bytes first, the parser only where it may be. */
#ifndef TWOKEY_SRC_CONSOLE_TAPE_FIND_H
#define TWOKEY_SRC_CONSOLE_TAPE_FIND_H

#include <stdbool.h>
#include <stddef.h>

struct tape_needle {
	char *text;		/* lower case */
	size_t n;
	char *raw;		/* as it stands in JSON, lower case */
	size_t raw_n;
};

/* A text to look for, upper and lower case alike; copies it, tape_needle_fini frees the copies. */
void	tape_needle_init(struct tape_needle *d, const char *text);
void	tape_needle_fini(struct tape_needle *d);
/* True when the line is a body and one of its values holds the text. */
bool	tape_needle_in(const struct tape_needle *d, const char *line, size_t n);

#endif
