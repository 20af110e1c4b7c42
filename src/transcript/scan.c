/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "transcript/scan.h"

#include <string.h>

#include "twokey/base/text.h"

enum { INT_DIGITS_MAX = 19, REAL_POWER_MAX = 300 };

static bool
is_digit(const struct scan *sc)
{
	return sc->at < sc->n && sc->s[sc->at] >= '0' && sc->s[sc->at] <= '9';
}

bool
scan_uint(struct scan *sc, uint64_t *v)
{
	size_t from = sc->at;
	uint64_t x = 0;

	for (; is_digit(sc); sc->at++) {
		if (sc->at - from >= INT_DIGITS_MAX)
			return false;
		x = x * 10 + (uint64_t)(sc->s[sc->at] - '0');
	}
	*v = x;
	return sc->at > from && (sc->s[from] != '0' || sc->at - from == 1) && x <= INT64_MAX;
}

/* the value of a digit with bit 4 set, 0 for what is no digit */
static const uint8_t digits[256] = {
	['0'] = 16, ['1'] = 17, ['2'] = 18, ['3'] = 19, ['4'] = 20, ['5'] = 21, ['6'] = 22, ['7'] = 23,
	['8'] = 24, ['9'] = 25, ['a'] = 26, ['b'] = 27, ['c'] = 28, ['d'] = 29, ['e'] = 30, ['f'] = 31,
};

bool
scan_digest(struct scan *sc, struct digest *out)
{
	const uint8_t *p = (const uint8_t *)sc->s + sc->at;
	unsigned ok = 16;

	if (sc->n - sc->at < DIGEST_HEX)
		return false;
	for (size_t i = 0; i < DIGEST_LEN; i++) {
		unsigned hi = digits[p[2 * i]], lo = digits[p[2 * i + 1]];

		ok &= hi & lo;
		out->b[i] = (uint8_t)(hi << 4 | (lo & 15));
	}
	sc->at += DIGEST_HEX;
	return ok == 16;
}

bool
scan_name(struct scan *sc, const char **p, size_t *n)
{
	size_t from = sc->at;

	for (; sc->at < sc->n && sc->at - from <= SCAN_NAME_MAX; sc->at++) {
		char c = sc->s[sc->at];

		if (!((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '.' || c == '_' || c == '-'))
			break;
	}
	*p = sc->s + from;
	*n = sc->at - from;
	return *n > 0 && *n <= SCAN_NAME_MAX;
}

static bool
hex4(struct scan *sc, unsigned *v)
{
	*v = 0;
	for (int i = 0; i < 4; i++, sc->at++) {
		char c;

		if (sc->at >= sc->n)
			return false;
		c = sc->s[sc->at];
		if (c >= '0' && c <= '9')
			*v = *v * 16 + (unsigned)(c - '0');
		else if ((c | 0x20) >= 'a' && (c | 0x20) <= 'f')
			*v = *v * 16 + (unsigned)((c | 0x20) - 'a' + 10);
		else
			return false;
	}
	return true;
}

/* What follows a backslash. */
static bool
escape(struct scan *sc)
{
	unsigned v;

	if (sc->at >= sc->n)
		return false;
	if (sc->s[sc->at] != 'u')
		return sc->s[sc->at] != '\0' && strchr("\"\\/bfnrt", sc->s[sc->at++]) != NULL;
	sc->at++;
	if (!hex4(sc, &v) || v == 0 || (v >= 0xdc00 && v <= 0xdfff))
		return false;
	if (v < 0xd800 || v > 0xdbff)
		return true;
	return SCAN_LIT(sc, "\\u") && hex4(sc, &v) && v >= 0xdc00 && v <= 0xdfff;
}

bool
scan_string(struct scan *sc, const char **p, size_t *n)
{
	if (!SCAN_LIT(sc, "\""))
		return false;
	*p = sc->s + sc->at;
	while (sc->at < sc->n) {
		unsigned char c;

		sc->at += text_plain(sc->s + sc->at, sc->n - sc->at);
		if (sc->at == sc->n)
			break;
		c = (unsigned char)sc->s[sc->at++];
		if (c == '"') {
			*n = (size_t)(sc->s + sc->at - 1 - *p);
			return true;
		}
		if (c < 0x20 || (c == '\\' && !escape(sc)))
			return false;
	}
	return false;
}

/* jansson: integers fit into 64 bits, reals into a double; reals are held well inside that. */
static bool
number(struct scan *sc)
{
	size_t from, count;
	uint64_t power = 0;
	bool real = false;

	if (sc->s[sc->at] == '-')
		sc->at++;
	from = sc->at;
	while (is_digit(sc))
		sc->at++;
	count = sc->at - from;
	if (count == 0 || (sc->s[from] == '0' && count > 1))
		return false;
	if (SCAN_LIT(sc, ".")) {
		real = true;
		if (!is_digit(sc))
			return false;
		while (is_digit(sc))
			sc->at++;
	}
	if (SCAN_LIT(sc, "e") || SCAN_LIT(sc, "E")) {
		bool below = SCAN_LIT(sc, "-");

		real = true;
		if (!below)
			(void)SCAN_LIT(sc, "+");
		while (sc->at + 1 < sc->n && sc->s[sc->at] == '0' && sc->s[sc->at + 1] >= '0' && sc->s[sc->at + 1] <= '9')
			sc->at++;
		if (!scan_uint(sc, &power))
			return false;
		if (below)
			power = 0;
	}
	if (real)
		return power <= REAL_POWER_MAX && count + power <= REAL_POWER_MAX;
	return count < INT_DIGITS_MAX ||
	    (count == INT_DIGITS_MAX && memcmp(sc->s + from, "9223372036854775807", INT_DIGITS_MAX) <= 0);
}

static bool
scalar(struct scan *sc)
{
	const char *p;
	size_t n;

	switch (sc->s[sc->at]) {
	case '"':
		return scan_string(sc, &p, &n);
	case 't':
		return SCAN_LIT(sc, "true");
	case 'f':
		return SCAN_LIT(sc, "false");
	case 'n':
		return SCAN_LIT(sc, "null");
	default:
		return number(sc);
	}
}

static bool
key(struct scan *sc)
{
	const char *p;
	size_t n;

	return scan_string(sc, &p, &n) && SCAN_LIT(sc, ":");
}

/* Behind a value: closes what ends here; true with *depth > 0 when another value follows. */
static bool
close_or_next(struct scan *sc, const bool *object, unsigned *depth)
{
	while (*depth > 0) {
		bool o = object[*depth - 1];

		if (SCAN_LIT(sc, ","))
			return !o || key(sc);
		if (o ? !SCAN_LIT(sc, "}") : !SCAN_LIT(sc, "]"))
			return false;
		--*depth;
	}
	return true;
}

bool
scan_value(struct scan *sc)
{
	bool object[SCAN_DEPTH_MAX];
	unsigned depth = 0;

	do {
		if (sc->at >= sc->n)
			return false;
		if (sc->s[sc->at] == '{' || sc->s[sc->at] == '[') {
			bool o = sc->s[sc->at] == '{';

			if (depth == SCAN_DEPTH_MAX)
				return false;
			if (!SCAN_LIT(sc, "{}") && !SCAN_LIT(sc, "[]")) {
				sc->at++;
				object[depth++] = o;
				if (o && !key(sc))
					return false;
				continue;
			}
		} else if (!scalar(sc)) {
			return false;
		}
		if (!close_or_next(sc, object, &depth))
			return false;
	} while (depth > 0);
	return true;
}
