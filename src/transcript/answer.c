/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "twokey/transcript/answer.h"

#include <inttypes.h>
#include <string.h>

#include "twokey/base/buf.h"
#include "twokey/base/text.h"

static const char answer_begins[] = "twokey: answer 1\nnamespace: " TRANSCRIPT_ANSWER_NAMESPACE "\n";
static const char seal_begins[] = "twokey: seal 1\nnamespace: " TRANSCRIPT_SEAL_NAMESPACE "\n";

/* A value on one line, and no two values alike. */
static void
put_text(struct buf *out, const char *s)
{
	size_t n = s != NULL ? strlen(s) : 0;

	for (size_t at = 0; at < n;) {
		struct text_glyph g = text_next(s + at, n - at);

		if (g.kind == TEXT_PRINT && s[at] != '\\')
			buf_put(out, s + at, g.len);
		else
			for (size_t i = 0; i < g.len; i++)
				buf_putf(out, "\\x%02X", (unsigned char)s[at + i]);
		at += g.len;
	}
}

static void
put_digest(struct buf *out, const struct digest *d)
{
	char hex[DIGEST_HEX + 1];

	digest_hex(d, hex);
	buf_puts(out, hex);
}

static void
put_rows(struct buf *out, const struct transcript_answer_rows *r)
{
	buf_putf(out, "%s %" PRIu64, r->at_most ? "<=" : "=", r->rows);
}

static void
put_head(struct buf *out, const struct transcript_answer_head *h)
{
	buf_putf(out, "%" PRIu64 " ", h->n);
	put_digest(out, &h->digest);
}

void
transcript_answer_put(struct buf *out, const struct transcript_answer *a)
{
	buf_puts(out, answer_begins);
#define PUT_TEXT(v) put_text(out, v)
#define PUT_DIGEST(v) put_digest(out, &(v))
#define PUT_NUMBER(v) buf_putf(out, "%" PRIu64, v)
#define PUT_ROWS(v) put_rows(out, &(v))
#define PUT_HEAD(v) put_head(out, &(v))
#define ANSWER(field, key, type, help) \
	buf_puts(out, key ": "); \
	PUT_##type(a->field); \
	buf_putc(out, '\n');
#include "twokey/transcript/answer.def"
#undef ANSWER
}

static const char *const keys[] = {
#define ANSWER(field, key, type, help) key,
#include "twokey/transcript/answer.def"
#undef ANSWER
};

/* The value of a line "key: value" at *at, which moves behind its LF; NULL when that line is another one. */
static const char *
line_of(const char *text, size_t n, size_t *at, const char *key, size_t *len)
{
	size_t k = strlen(key);
	const char *line = text + *at, *lf = memchr(line, '\n', n - *at);

	if (lf == NULL || (size_t)(lf - line) < k + 2 || memcmp(line, key, k) != 0 || memcmp(line + k, ": ", 2) != 0)
		return NULL;
	*len = (size_t)(lf - line) - k - 2;
	*at += (size_t)(lf - line) + 1;
	return line + k + 2;
}

/* Goes through all lines; the value of the wanted key (may be NULL) into *value. False when a line is not in its place. */
static bool
walk(const char *text, size_t n, const char *wanted, const char **value, size_t *len)
{
	size_t at = sizeof answer_begins - 1;

	if (n < at || memcmp(text, answer_begins, at) != 0)
		return false;
	for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++) {
		size_t l;
		const char *v = line_of(text, n, &at, keys[i], &l);

		if (v == NULL)
			return false;
		if (wanted != NULL && strcmp(wanted, keys[i]) == 0) {
			*value = v;
			*len = l;
		}
	}
	return at == n;
}

bool
transcript_answer_ok(const char *text, size_t n)
{
	return walk(text, n, NULL, NULL, NULL);
}

bool
transcript_answer_says(const char *text, size_t n, const char *key, const char *value)
{
	const char *v = NULL;
	size_t len = 0;
	struct buf want;
	bool same;

	if (!walk(text, n, key, &v, &len) || v == NULL)
		return false;
	buf_init(&want, TRANSCRIPT_ANSWER_MAX);
	put_text(&want, value);
	same = !buf_over(&want) && buf_len(&want) == len && memcmp(buf_data(&want), v, len) == 0;
	buf_fini(&want);
	return same;
}

void
transcript_seal_put(struct buf *out, const char *session, uint64_t events, const struct digest *head)
{
	buf_puts(out, seal_begins);
	buf_puts(out, "session: ");
	put_text(out, session);
	buf_putf(out, "\nevents: %" PRIu64 "\nhead: ", events);
	put_digest(out, head);
	buf_putc(out, '\n');
}
