/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Characters that a person cannot see or would take for others. */
#include "config.h"
#include "sql/ctx.h"

#include <string.h>

static bool
is_odd(unsigned char c)
{
	return c >= 0x7f || (c < 0x20 && c != '\n' && c != '\t' && c != '\r');
}

/* The code point at p, its length in *len; -1 when it is no valid UTF-8 (*len is 1 then). */
static long
decode(const unsigned char *p, size_t n, size_t *len)
{
	static const long least[] = { 0, 0, 0x80, 0x800, 0x10000 };
	size_t want = p[0] < 0x80 ? 1 : p[0] >= 0xc2 && p[0] < 0xe0 ? 2 : p[0] >= 0xe0 && p[0] < 0xf0 ? 3
	    : p[0] >= 0xf0 && p[0] < 0xf5 ? 4 : 0;
	long code;

	*len = 1;
	if (want == 0 || want > n)
		return -1;
	code = want == 1 ? p[0] : p[0] & (0x7f >> want);
	for (size_t i = 1; i < want; i++) {
		if ((p[i] & 0xc0) != 0x80)
			return -1;
		code = code << 6 | (p[i] & 0x3f);
	}
	if (code < least[want] || code > 0x10ffff || (code >= 0xd800 && code < 0xe000))
		return -1;
	*len = want;
	return code;
}

struct range {
	long from;
	long to;
};

/* Invisible, blank without being a blank, or direction-changing. */
static const struct range hidden[] = {
	{ 0xa0, 0xa0 }, { 0xad, 0xad }, { 0x34f, 0x34f }, { 0x61c, 0x61c }, { 0x115f, 0x1160 },
	{ 0x1680, 0x1680 }, { 0x17b4, 0x17b5 }, { 0x180b, 0x180e }, { 0x2000, 0x200f }, { 0x2028, 0x202f },
	{ 0x205f, 0x206f }, { 0x2800, 0x2800 }, { 0x3000, 0x3000 }, { 0x3164, 0x3164 }, { 0xfe00, 0xfe0f },
	{ 0xfeff, 0xfeff }, { 0xffa0, 0xffa0 }, { 0xfff9, 0xfffb }, { 0xe0000, 0xe0fff },
};

/* Scripts with letters that look like Latin ones. */
static const struct range lookalike[] = {
	{ 0x370, 0x52f }, { 0x530, 0x58f }, { 0x13a0, 0x13ff }, { 0x1d00, 0x1d7f }, { 0x1f00, 0x1fff },
	{ 0x2100, 0x214f }, { 0x2160, 0x2188 }, { 0x2c60, 0x2c7f }, { 0xa4d0, 0xa4ff }, { 0xff01, 0xff5e },
	{ 0x1d400, 0x1d7ff },
};

static bool
in_ranges(const struct range *r, size_t n, long code)
{
	for (size_t i = 0; i < n; i++)
		if (code >= r[i].from && code <= r[i].to)
			return true;
	return false;
}

/* Latin letters and look-alikes side by side in one word. */
struct word {
	bool latin;
	bool other;
};

static uint64_t
word_ends(struct word *w)
{
	bool mixed = w->latin && w->other;

	w->latin = w->other = false;
	return mixed ? SQL_DANGER_BIT(SQL_DANGER_LOOKALIKE) : 0;
}

static uint64_t
look(const unsigned char *p, size_t n)
{
	uint64_t found = 0;
	struct word w = { false, false };
	size_t len;

	for (size_t i = 0; i < n; i += len) {
		long code = decode(p + i, n - i, &len);

		if (code < 0) {
			found |= SQL_DANGER_BIT(SQL_DANGER_BAD_UTF8);
		} else if (code < 0x80 && !is_odd((unsigned char)code)) {
			if ((code | 0x20) >= 'a' && (code | 0x20) <= 'z')
				w.latin = true;
			else if (!lex_is_word_byte((unsigned char)code))
				found |= word_ends(&w);
		} else if (code < 0xa0) {
			found |= SQL_DANGER_BIT(SQL_DANGER_CONTROL_CHAR);
		} else if (in_ranges(hidden, sizeof(hidden) / sizeof(hidden[0]), code)) {
			found |= SQL_DANGER_BIT(SQL_DANGER_HIDDEN_CHAR);
		} else if (in_ranges(lookalike, sizeof(lookalike) / sizeof(lookalike[0]), code)) {
			w.other = true;
		}
	}
	return found | word_ends(&w);
}

/* Marks per byte: an odd character, or a letter in the middle of a word that announces a secret. */
enum { MARK_ODD = 1, MARK_SECRET = 2 };

static const unsigned char marks[256] = {
	[0 ... 8] = MARK_ODD, [11] = MARK_ODD, [12] = MARK_ODD, [14 ... 31] = MARK_ODD, [127 ... 255] = MARK_ODD,
	['w'] = MARK_SECRET, ['W'] = MARK_SECRET, ['c'] = MARK_SECRET, ['C'] = MARK_SECRET,
	['f'] = MARK_SECRET, ['F'] = MARK_SECRET, [':'] = MARK_SECRET,
};

/* passw, pwd, identif, secr, :// around byte i. */
static bool
announces(const char *p, size_t n, size_t i)
{
	switch (p[i] | 0x20) {
	case 'w':
		return i > 0 && ((p[i - 1] | 0x20) == 's' || (p[i - 1] | 0x20) == 'p');
	case 'c':
		return i > 1 && (p[i - 1] | 0x20) == 'e' && (p[i - 2] | 0x20) == 's' && i + 1 < n
		    && (p[i + 1] | 0x20) == 'r';
	case 'f':
		return i > 1 && (p[i - 1] | 0x20) == 'i' && (p[i - 2] | 0x20) == 't';
	default:
		return p[i] == ':' && i + 1 < n && p[i + 1] == '/';
	}
}

uint64_t
chars_dangers(const char *text, size_t n, bool *secret)
{
	const unsigned char *p = (const unsigned char *)text;
	unsigned seen = 0;
	size_t i = 0;

	*secret = false;
	for (; i + 4 <= n; i += 4) {
		unsigned four = marks[p[i]] | marks[p[i + 1]] | marks[p[i + 2]] | marks[p[i + 3]];

		seen |= four;
		if (four & MARK_SECRET)
			for (size_t k = i; k < i + 4 && !*secret; k++)
				*secret = (marks[p[k]] & MARK_SECRET) && announces(text, n, k);
	}
	for (; i < n; i++) {
		seen |= marks[p[i]];
		if ((marks[p[i]] & MARK_SECRET) && announces(text, n, i))
			*secret = true;
	}
	return seen & MARK_ODD ? look(p, n) : 0;
}
