/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "twokey/base/text.h"

#include <string.h>
#include <utf8proc.h>

#include "twokey/base/buf.h"
#include "twokey/base/err.h"

/* True for what has no shape of its own or moves other text: never sent to a terminal. */
static bool
is_format(int32_t point)
{
	utf8proc_category_t cat = utf8proc_category(point);

	if (cat == UTF8PROC_CATEGORY_CF || cat == UTF8PROC_CATEGORY_ZL ||
	    cat == UTF8PROC_CATEGORY_ZP || cat == UTF8PROC_CATEGORY_CS ||
	    cat == UTF8PROC_CATEGORY_CO || cat == UTF8PROC_CATEGORY_CN)
		return true;
	/* invisible though not Cf: fillers, combining grapheme joiner, variation selectors */
	return point == 0x034f || point == 0x115f || point == 0x1160 || point == 0x17b4 ||
	    point == 0x17b5 || point == 0x3164 || point == 0xffa0 || point == 0x2800 ||
	    (point >= 0x180b && point <= 0x180f) || (point >= 0xfe00 && point <= 0xfe0f) ||
	    (point >= 0xe0100 && point <= 0xe01ef);
}

struct text_glyph
text_next(const char *s, size_t n)
{
	unsigned char c = (unsigned char)s[0];
	struct text_glyph g = { TEXT_PRINT, c, 1, 1 };
	utf8proc_int32_t point;
	utf8proc_ssize_t len;

	if (c >= 0x20 && c < 0x7f)
		return g;
	if (c < 0x80) {
		g.kind = c == '\n' ? TEXT_NEWLINE : c == '\t' ? TEXT_TAB : TEXT_CONTROL;
		g.width = 0;
		return g;
	}
	len = utf8proc_iterate((const utf8proc_uint8_t *)s, (utf8proc_ssize_t)(n < 4 ? n : 4), &point);
	if (len <= 0) {
		g.kind = TEXT_BAD;
		g.width = 0;
		return g;
	}
	g.len = (size_t)len;
	g.point = (uint32_t)point;
	if (point < 0xa0 || is_format(point)) {
		g.kind = point < 0xa0 ? TEXT_CONTROL : TEXT_FORMAT;
		g.width = 0;
		return g;
	}
	g.width = utf8proc_charwidth(point);
	return g;
}

/* One of these in each of eight bytes. */
#define EACH(byte) ((uint64_t)(byte) * UINT64_C(0x0101010101010101))

static uint64_t
eight(const char *s)
{
	uint64_t v;

	memcpy(&v, s, sizeof v);
	return v;
}

/* Not 0 when one of the eight bytes is 0. */
static uint64_t
has_zero(uint64_t v)
{
	return (v - EACH(1)) & ~v & EACH(0x80);
}

size_t
text_plain(const char *s, size_t n)
{
	size_t i = 0;

	for (; n - i >= 8; i += 8) {
		uint64_t v = eight(s + i);

		if (((v | (v - EACH(0x20))) & EACH(0x80)) | has_zero(v ^ EACH('"')) | has_zero(v ^ EACH('\\')) |
		    has_zero(v ^ EACH(0x7f)))
			break;
	}
	while (i < n && (unsigned char)s[i] >= 0x20 && (unsigned char)s[i] < 0x7f && s[i] != '"' && s[i] != '\\')
		i++;
	return i;
}

bool
text_is_utf8(const char *s, size_t n)
{
	for (size_t i = 0; i < n;) {
		utf8proc_int32_t point;
		utf8proc_ssize_t len;

		if (n - i >= 8 && (eight(s + i) & EACH(0x80)) == 0) {
			i += 8;
			continue;
		}
		if ((unsigned char)s[i] < 0x80) {
			i++;
			continue;
		}
		len = utf8proc_iterate((const utf8proc_uint8_t *)s + i,
		    (utf8proc_ssize_t)(n - i < 4 ? n - i : 4), &point);
		if (len <= 0)
			return false;
		i += (size_t)len;
	}
	return true;
}

static void
put_mark(struct buf *out, const struct text_glyph *g)
{
	if (g->kind == TEXT_BAD)
		buf_putf(out, "<?%02X>", (unsigned)g->point);
	else if (g->kind == TEXT_FORMAT)
		buf_putf(out, "<U+%04X>", (unsigned)g->point);
	else
		buf_putf(out, "<%02X>", (unsigned)g->point);
}

void
text_safe(struct buf *out, const char *s, size_t n, enum text_layout layout)
{
	size_t column = 0;

	for (size_t i = 0; i < n;) {
		struct text_glyph g = text_next(s + i, n - i);
		size_t before = buf_len(out);

		if (g.kind == TEXT_PRINT) {
			buf_put(out, s + i, g.len);
			column += (size_t)g.width;
		} else if (layout == TEXT_LINES && g.kind == TEXT_NEWLINE) {
			buf_putc(out, '\n');
			column = 0;
		} else if (layout == TEXT_LINES && g.kind == TEXT_TAB) {
			do
				buf_putc(out, ' ');
			while (++column % 8 != 0);
		} else {
			put_mark(out, &g);
			column += buf_len(out) - before;
		}
		i += g.len;
	}
}

size_t
text_marks(const char *s, size_t n)
{
	size_t marks = 0;

	for (size_t i = 0; i < n;) {
		struct text_glyph g = text_next(s + i, n - i);

		if (g.kind != TEXT_PRINT && g.kind != TEXT_NEWLINE && g.kind != TEXT_TAB)
			marks++;
		i += g.len;
	}
	return marks;
}

size_t
text_lines(const char *s, size_t n, size_t columns)
{
	size_t lines = 0, at = 0;

	while (at < n) {
		const char *lf = memchr(s + at, '\n', n - at);
		size_t len = lf != NULL ? (size_t)(lf - s) - at : n - at;

		lines += 1 + len / columns;
		at += len + 1;
	}
	return lines;
}

size_t
text_width(const char *s, size_t n)
{
	size_t width = 0;

	for (size_t i = 0; i < n;) {
		struct text_glyph g = text_next(s + i, n - i);

		width += (size_t)g.width;
		i += g.len;
	}
	return width;
}

size_t
text_fit(const char *s, size_t n, size_t columns)
{
	size_t width = 0, i = 0;

	while (i < n) {
		struct text_glyph g = text_next(s + i, n - i);

		if (width + (size_t)g.width > columns)
			break;
		width += (size_t)g.width;
		i += g.len;
	}
	return i;
}

static const char base64_digits[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

void
text_base64(struct buf *out, const void *p, size_t n)
{
	const unsigned char *b = p;

	for (size_t i = 0; i < n; i += 3) {
		uint32_t v = (uint32_t)b[i] << 16;
		char q[4];

		if (i + 1 < n)
			v |= (uint32_t)b[i + 1] << 8;
		if (i + 2 < n)
			v |= b[i + 2];
		q[0] = base64_digits[v >> 18];
		q[1] = base64_digits[v >> 12 & 63];
		q[2] = i + 1 < n ? base64_digits[v >> 6 & 63] : '=';
		q[3] = i + 2 < n ? base64_digits[v & 63] : '=';
		buf_put(out, q, 4);
	}
}

int
text_unbase64(struct buf *out, const char *s, size_t n)
{
	if (n % 4 != 0)
		return ERR_INVALID;
	for (size_t i = 0; i < n; i += 4) {
		uint32_t v = 0;
		size_t pad = 0;
		char b[3];

		for (size_t k = 0; k < 4; k++) {
			const char *at = memchr(base64_digits, s[i + k], 64);

			v <<= 6;
			if (s[i + k] == '=' && i + 4 == n && k >= 2)
				pad++;
			else if (at == NULL || pad > 0)
				return ERR_INVALID;
			else
				v |= (uint32_t)(at - base64_digits);
		}
		b[0] = (char)(v >> 16);
		b[1] = (char)(v >> 8);
		b[2] = (char)v;
		buf_put(out, b, 3 - pad);
	}
	return buf_over(out) ? ERR_TOO_LARGE : 0;
}
