/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Text of others: UTF-8, widths, and the only way foreign text reaches a terminal (law 9). */
#ifndef TWOKEY_BASE_TEXT_H
#define TWOKEY_BASE_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct buf;

/* What text_next found at a position. */
enum text_kind {
	TEXT_PRINT,	/* shown as it is */
	TEXT_NEWLINE,	/* LF */
	TEXT_TAB,
	TEXT_CONTROL,	/* C0, DEL, C1: shown as <1B> */
	TEXT_FORMAT,	/* bidi, zero width, other Cf, line separators, tags, variation selectors: <U+202E> */
	TEXT_BAD	/* a byte that is no UTF-8: shown as <?HH>, one byte at a time */
};

struct text_glyph {
	enum text_kind kind;
	uint32_t point;		/* code point, or the byte of TEXT_BAD */
	size_t len;		/* bytes taken, >= 1 */
	int width;		/* columns as TEXT_PRINT (0 to 2); 0 for the others */
};

/* The glyph at s (n > 0 bytes are there). Never reads past s+n. */
struct text_glyph text_next(const char *s, size_t n);

/* True when all n bytes are valid UTF-8 (overlong, surrogates, > U+10FFFF are not). */
bool	text_is_utf8(const char *s, size_t n);

/* The length of the longest beginning of s that is printable ASCII without the quote and the backslash: what
 * JSON takes as it is. Eight bytes at a time: rows go through it. */
size_t	text_plain(const char *s, size_t n);

/* How line ends and tabs are rendered by text_safe. */
enum text_layout {
	TEXT_ONE_LINE,	/* LF and TAB become marks <0A> <09> */
	TEXT_LINES	/* LF stays, TAB becomes spaces to the next multiple of 8 */
};
/* Appends a rendering without any control, bidi or zero-width character: what would be one
 * appears as a mark. A literal "<" stays "<": marks are for eyes, not for parsing. */
void	text_safe(struct buf *out, const char *s, size_t n, enum text_layout layout);
/* The number of marks that text_safe would make in s. */
size_t	text_marks(const char *s, size_t n);

/* Columns of a text that text_safe made (no control characters inside). */
size_t	text_width(const char *s, size_t n);
/* Lines on a screen of so many columns, by bytes: a long one counts once more for each time it is wider; a last LF is none. */
size_t	text_lines(const char *s, size_t n, size_t columns);
/* The length in bytes of the longest prefix that fits into columns. */
size_t	text_fit(const char *s, size_t n, size_t columns);

/* Appends base64 (RFC 4648, with padding). */
void	text_base64(struct buf *out, const void *p, size_t n);
/* Decodes base64 into out; 0 or ERR_INVALID. */
int	text_unbase64(struct buf *out, const char *s, size_t n);

#endif
