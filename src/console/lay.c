/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "lay.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "twokey/base/buf.h"
#include "twokey/base/must.h"
#include "twokey/base/text.h"

enum { LAY_MIN = 16, LAY_ROOM = 1 << 26 };

static size_t
width_of(const struct lay *l)
{
	return l->width < LAY_MIN ? LAY_MIN : (size_t)l->width;
}

static void
emit(struct lay *l, enum screen_look look, const char *s, size_t n)
{
	struct log_text t = { (char *)s, n, look, l->entry };

	l->put(l->ctx, &t);
}

void
lay_safe(struct lay *l, enum screen_look look, const char *s, size_t n)
{
	size_t width = width_of(l);
	struct buf b;

	if (text_width(s, n) <= width) {
		emit(l, look, s, n);
		return;
	}
	buf_init(&b, n + 2);
	buf_put(&b, s, text_fit(s, n, width - 1));
	buf_putc(&b, '>');
	emit(l, look, buf_str(&b), buf_len(&b));
	buf_fini(&b);
}

/* The bytes of s that go on this line. */
static size_t
break_at(const char *s, size_t n, size_t columns, enum lay_break how)
{
	size_t fit = text_fit(s, n, columns), at;

	if (fit == n)
		return n;
	if (fit == 0)
		return text_next(s, n).len;
	for (at = fit; how == LAY_WORDS && at > fit / 2; at--)
		if (s[at] == ' ')
			return at;
	return fit;
}

/* One line of safe text, wrapped. */
static void
put_wrapped(struct lay *l, enum screen_look look, const char *first, const char *rest, const char *s, size_t n,
    enum lay_break how)
{
	size_t width = width_of(l);
	struct buf b;
	bool more = true;

	buf_init(&b, LAY_ROOM);
	for (const char *lead = first; more; lead = rest) {
		size_t used = text_width(lead, strlen(lead)), cut;

		cut = break_at(s, n, used + 4 < width ? width - used : 4, how);
		buf_reset(&b);
		buf_puts(&b, lead);
		buf_put(&b, s, cut);
		lay_safe(l, look, buf_str(&b), buf_len(&b));
		while (how == LAY_WORDS && cut < n && s[cut] == ' ')
			cut++;
		s += cut;
		n -= cut;
		more = n > 0;
	}
	buf_fini(&b);
}

void
lay_text(struct lay *l, enum screen_look look, const char *first, const char *rest, const char *s, size_t n,
    enum lay_break how)
{
	const char *lead = first, *p, *end;
	struct buf safe;

	buf_init(&safe, SIZE_MAX / 2);
	text_safe(&safe, s, n, TEXT_LINES);
	p = buf_data(&safe);
	end = p + buf_len(&safe);
	for (;;) {
		const char *lf = p < end ? memchr(p, '\n', (size_t)(end - p)) : NULL;
		size_t len = p < end ? (size_t)((lf != NULL ? lf : end) - p) : 0;

		put_wrapped(l, look, lead, rest, p, len, how);
		lead = rest;
		if (lf == NULL || lf + 1 == end)
			break;
		p = lf + 1;
	}
	buf_fini(&safe);
}

/* Below the words of "  ok  words" and "      words", else four columns. */
static const char *
hang(const char *s, size_t n)
{
	return n > 6 && s[0] == ' ' && s[1] == ' ' && s[4] == ' ' && s[5] == ' ' && s[6] != ' ' ? "      " : "    ";
}

void
lay_line(struct lay *l, enum screen_look look, const char *fmt, ...)
{
	char small[1024], *text = small;
	struct buf safe;
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(small, sizeof small, fmt, ap);
	va_end(ap);
	must(n >= 0);
	if ((size_t)n >= sizeof small) {
		text = must_alloc((size_t)n + 1);
		va_start(ap, fmt);
		vsnprintf(text, (size_t)n + 1, fmt, ap);
		va_end(ap);
	}
	buf_init(&safe, SIZE_MAX / 2);
	text_safe(&safe, text, (size_t)n, TEXT_ONE_LINE);
	put_wrapped(l, look, "", hang(buf_data(&safe), buf_len(&safe)), buf_data(&safe), buf_len(&safe), LAY_WORDS);
	buf_fini(&safe);
	if (text != small)
		free(text);
}

static void
put_dashes(struct buf *b, size_t n)
{
	while (n-- > 0)
		buf_putc(b, '-');
}

void
lay_rule(struct lay *l, enum screen_look look, const char *left, const char *right)
{
	size_t width = width_of(l), used, side, n;
	struct buf b, safe, end;

	buf_init(&b, LAY_ROOM);
	buf_init(&safe, LAY_ROOM);
	buf_init(&end, LAY_ROOM);
	text_safe(&safe, left, strlen(left), TEXT_ONE_LINE);
	if (right[0] != '\0')
		buf_puts(&end, " ");
	text_safe(&end, right, strlen(right), TEXT_ONE_LINE);
	buf_puts(&end, right[0] != '\0' ? " --" : "--");
	side = text_width(buf_data(&end), buf_len(&end));
	if (side + 8 > width) {
		buf_reset(&end);
		side = 0;
	}
	n = text_fit(buf_data(&safe), buf_len(&safe), width - side - 5);
	buf_puts(&b, "-- ");
	buf_put(&b, buf_data(&safe), n);
	buf_putc(&b, ' ');
	used = text_width(buf_data(&b), buf_len(&b));
	put_dashes(&b, used + side < width ? width - used - side : 0);
	buf_put(&b, buf_data(&end), buf_len(&end));
	emit(l, look, buf_str(&b), buf_len(&b));
	buf_fini(&b);
	buf_fini(&safe);
	buf_fini(&end);
}

void
lay_sides(struct lay *l, enum screen_look look, const char *left, const char *right)
{
	size_t width = width_of(l), a, z;
	struct buf b, end;

	buf_init(&b, LAY_ROOM);
	buf_init(&end, LAY_ROOM);
	text_safe(&b, left, strlen(left), TEXT_ONE_LINE);
	text_safe(&end, right, strlen(right), TEXT_ONE_LINE);
	a = text_width(buf_data(&b), buf_len(&b));
	z = text_width(buf_data(&end), buf_len(&end));
	if (a + z + 1 > width) {
		put_wrapped(l, look, "", "    ", buf_data(&b), buf_len(&b), LAY_WORDS);
		buf_reset(&b);
		a = 0;
	}
	for (; a + z < width; a++)
		buf_putc(&b, ' ');
	buf_put(&b, buf_data(&end), buf_len(&end));
	lay_safe(l, look, buf_str(&b), buf_len(&b));
	buf_fini(&b);
	buf_fini(&end);
}

void
lay_blank(struct lay *l)
{
	emit(l, SCREEN_PLAIN, "", 0);
}

void
lay_clock(const struct lay *l, int64_t wall_us, char out[12])
{
	time_t t = (time_t)(wall_us / 1000000);
	struct tm tm;

	if (wall_us <= 0 || (l->utc ? gmtime_r(&t, &tm) : localtime_r(&t, &tm)) == NULL ||
	    strftime(out, 12, "%H:%M:%S", &tm) == 0)
		memcpy(out, "--:--:--", 9);
}

void
lay_keep(void *ctx, const struct log_text *t)
{
	struct lay_lines *k = ctx;

	if (k->n == k->cap) {
		k->cap = k->cap < 8 ? 8 : k->cap * 2;
		k->at = must_realloc(k->at, k->cap * sizeof *k->at);
	}
	k->at[k->n] = *t;
	k->at[k->n].text = must_strndup(t->text, t->n);
	k->n++;
}

void
lay_lines_free(struct lay_lines *k)
{
	for (size_t i = 0; i < k->n; i++)
		free(k->at[i].text);
	free(k->at);
	memset(k, 0, sizeof *k);
}
