/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Lines of a width, one after the other: everything that is put is rendered safe here (law 9). */
#ifndef TWOKEY_SRC_CONSOLE_LAY_H
#define TWOKEY_SRC_CONSOLE_LAY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "twokey/console/log.h"

struct lay {
	int width;
	bool utc;	/* times in UTC, else in the person's zone */
	size_t entry;
	void (*put)(void *ctx, const struct log_text *t);
	void *ctx;
};

/* How a text that is too long goes on in the next line. */
enum lay_break { LAY_EXACT, LAY_WORDS };

/* A line of safe text, cut at the width with ">" at the end. */
void	lay_safe(struct lay *l, enum screen_look look, const char *s, size_t n);
/* A formatted line: rendered safe, then wrapped at words with four columns of indent. */
void	lay_line(struct lay *l, enum screen_look look, const char *fmt, ...)
	    __attribute__((format(printf, 3, 4)));
/* Foreign text: first stands before its first line, rest before every other, both safe. */
void	lay_text(struct lay *l, enum screen_look look, const char *first, const char *rest, const char *s, size_t n,
	    enum lay_break how);
/* "-- left ------ right --", left may be foreign. */
void	lay_rule(struct lay *l, enum screen_look look, const char *left, const char *right);
/* A line with a word at its right end. */
void	lay_sides(struct lay *l, enum screen_look look, const char *left, const char *right);
void	lay_blank(struct lay *l);
/* "14:03:12", or "--:--:--" for none. */
void	lay_clock(const struct lay *l, int64_t wall_us, char out[12]);

/* Lines that are kept. */
struct lay_lines {
	struct log_text *at;
	size_t n, cap;
};
/* A put for struct lay_lines; copies the text. */
void	lay_keep(void *ctx, const struct log_text *t);
void	lay_lines_free(struct lay_lines *k);

#endif
