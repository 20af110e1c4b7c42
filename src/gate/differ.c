/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Two texts, line against line; in lines that changed, word against word. Our own and small: what is compared is a statement
 * that a person reads. */
#include "config.h"

#include "gate/differ.h"

#include <stdlib.h>
#include <string.h>

#include "twokey/base/buf.h"
#include "twokey/base/must.h"

enum { ITEMS_MAX = 1000, QUIET_LINES = 3 };

/* A line or a word. */
struct item {
	const char *p;
	size_t n;
	bool kept;	/* stands in the other text too, at the same place */
};

struct items {
	struct item *v;
	size_t n;
};

static bool
is_word(unsigned char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c >= 0x80;
}

/* A name, number or run of blanks; any other byte is one by itself. */
static size_t
word_len(const char *p, size_t n)
{
	size_t i = 1;

	if (is_word((unsigned char)p[0]))
		while (i < n && is_word((unsigned char)p[i]))
			i++;
	else if (p[0] == ' ')
		while (i < n && p[i] == ' ')
			i++;
	return i;
}

static size_t
line_len(const char *p, size_t n)
{
	const char *lf = memchr(p, '\n', n);

	return lf != NULL ? (size_t)(lf - p) : n;
}

/* What is more than ITEMS_MAX is the last item, whole. */
static struct items
split(const char *p, size_t n, bool words)
{
	struct items s = { must_zalloc((ITEMS_MAX + 1) * sizeof *s.v), 0 };

	for (size_t at = 0; at < n || (!words && at == n && (n == 0 || p[n - 1] == '\n'));) {
		size_t len = s.n == ITEMS_MAX ? n - at : words ? word_len(p + at, n - at) : line_len(p + at, n - at);

		s.v[s.n++] = (struct item){ p + at, len, false };
		at += len + !words;
		if (s.n > ITEMS_MAX)
			break;
	}
	return s;
}

static bool
same(const struct item *a, const struct item *b)
{
	return a->n == b->n && memcmp(a->p, b->p, a->n) == 0;
}

/* Marks what both have, in order: the longest common subsequence. */
static void
match(struct items *a, struct items *b)
{
	size_t wide = b->n + 1;
	uint16_t *best = must_zalloc((a->n + 1) * wide * sizeof *best);
	size_t i = 0, k = 0;

	for (size_t x = a->n; x > 0; x--)
		for (size_t y = b->n; y > 0; y--) {
			const uint16_t *here = best + (x - 1) * wide + (y - 1);
			uint16_t down = here[wide], right = here[1];

			best[(x - 1) * wide + (y - 1)] = same(&a->v[x - 1], &b->v[y - 1]) ? (uint16_t)(here[wide + 1] + 1) :
			    down > right ? down : right;
		}
	while (i < a->n && k < b->n) {
		if (same(&a->v[i], &b->v[k]))
			a->v[i++].kept = b->v[k++].kept = true;
		else if (best[(i + 1) * wide + k] >= best[i * wide + k + 1])
			i++;
		else
			k++;
	}
	free(best);
}

/* The words of a line, those that the other one does not have between marks; how many bytes those are. */
static size_t
put_words(struct buf *out, const struct items *s, const char *open, const char *close)
{
	bool inside = false;
	size_t changed = 0;

	for (size_t i = 0; i < s->n; i++) {
		changed += s->v[i].kept ? 0 : s->v[i].n;
		if (out == NULL)
			continue;
		if (s->v[i].kept == inside)
			buf_puts(out, inside ? close : open);
		inside = !s->v[i].kept;
		buf_put(out, s->v[i].p, s->v[i].n);
	}
	if (out != NULL && inside)
		buf_puts(out, close);
	return changed;
}

/* A line that became another one. */
static size_t
put_pair(struct buf *out, const struct item *a, const struct item *b)
{
	struct items x = split(a->p, a->n, true), y = split(b->p, b->n, true);
	size_t changed;

	match(&x, &y);
	if (out != NULL)
		buf_puts(out, "- ");
	changed = put_words(out, &x, "[-", "-]");
	if (out != NULL)
		buf_puts(out, "\n+ ");
	changed += put_words(out, &y, "{+", "+}");
	if (out != NULL)
		buf_putc(out, '\n');
	free(x.v);
	free(y.v);
	return changed;
}

static size_t
put_line(struct buf *out, const char *mark, const struct item *a)
{
	if (out != NULL)
		buf_putf(out, "%s%.*s\n", mark, (int)a->n, a->p);
	return a->n + 1;
}

static size_t
run_of(const struct items *s, size_t from, bool kept)
{
	size_t n = 0;

	while (from + n < s->n && s->v[from + n].kept == kept)
		n++;
	return n;
}

static void
put_same(struct buf *out, const struct item *v, size_t n)
{
	if (out == NULL)
		return;
	if (n > QUIET_LINES)
		buf_putf(out, "  (%zu lines that are the same)\n", n);
	for (size_t i = 0; i < n && n <= QUIET_LINES; i++)
		put_line(out, "  ", &v[i]);
}

size_t
differ(struct buf *out, const char *was, size_t nwas, const char *is, size_t nis)
{
	struct items a = split(was, nwas, false), b = split(is, nis, false);
	size_t i = 0, k = 0, changed = 0;

	match(&a, &b);
	while (i < a.n || k < b.n) {
		size_t gone = run_of(&a, i, false), come = run_of(&b, k, false), pairs = gone < come ? gone : come, kept;

		for (size_t p = 0; p < pairs; p++)
			changed += put_pair(out, &a.v[i + p], &b.v[k + p]);
		for (size_t p = pairs; p < gone; p++)
			changed += put_line(out, "- ", &a.v[i + p]);
		for (size_t p = pairs; p < come; p++)
			changed += put_line(out, "+ ", &b.v[k + p]);
		kept = run_of(&a, i + gone, true);
		/* both stand behind their own lines again, and have as many in common as the shorter run */
		if (run_of(&b, k + come, true) < kept)
			kept = run_of(&b, k + come, true);
		put_same(out, a.v + i + gone, kept);
		i += gone + kept;
		k += come + kept;
	}
	free(a.v);
	free(b.v);
	return changed;
}
