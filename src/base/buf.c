/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "twokey/base/buf.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "twokey/base/must.h"

void
buf_init(struct buf *b, size_t max)
{
	*b = (struct buf){ .max = max };
}

void
buf_fini(struct buf *b)
{
	free(b->bytes);
	buf_init(b, b->max);
}

void
buf_reset(struct buf *b)
{
	b->off = b->len = 0;
	b->over = false;
}

/* Room for n more and a NUL, moving consumed bytes out of the way first. */
static bool
reserve(struct buf *b, size_t n)
{
	size_t want;

	if (n > b->max - b->len) {
		b->over = true;
		return false;
	}
	if (b->bytes != NULL && b->cap - b->off - b->len > n)
		return true;
	if (b->off > 0) {
		memmove(b->bytes, b->bytes + b->off, b->len);
		b->off = 0;
		if (b->cap - b->len > n && b->len < b->cap / 2)
			return true;
	}
	want = b->len + n + 1;
	if (want < b->cap * 2)
		want = b->cap * 2;
	if (want < 64)
		want = 64;
	b->bytes = must_realloc(b->bytes, want);
	b->cap = want;
	return true;
}

char *
buf_room(struct buf *b, size_t n)
{
	return reserve(b, n) ? b->bytes + b->off + b->len : NULL;
}

void
buf_added(struct buf *b, size_t n)
{
	must(b->bytes != NULL && n < b->cap - b->off - b->len);
	b->len += n;
}

void
buf_put(struct buf *b, const void *p, size_t n)
{
	char *room = buf_room(b, n);

	if (room == NULL || n == 0)
		return;
	memcpy(room, p, n);
	b->len += n;
}

void
buf_puts(struct buf *b, const char *s)
{
	buf_put(b, s, strlen(s));
}

void
buf_putc(struct buf *b, char c)
{
	buf_put(b, &c, 1);
}

void
buf_putf(struct buf *b, const char *fmt, ...)
{
	va_list ap;
	char *room;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(NULL, 0, fmt, ap);
	va_end(ap);
	must(n >= 0);
	room = buf_room(b, (size_t)n);
	if (room == NULL)
		return;
	va_start(ap, fmt);
	vsnprintf(room, (size_t)n + 1, fmt, ap);
	va_end(ap);
	b->len += (size_t)n;
}

void
buf_consume(struct buf *b, size_t n)
{
	must(n <= b->len);
	b->off += n;
	b->len -= n;
	if (b->len == 0)
		b->off = 0;
}

void
buf_truncate(struct buf *b, size_t n)
{
	must(n <= b->len);
	b->len = n;
	b->over = false;
}

const char *
buf_data(const struct buf *b)
{
	return b->bytes != NULL ? b->bytes + b->off : "";
}

const char *
buf_str(struct buf *b)
{
	if (b->bytes == NULL)
		return "";
	/* reserve always leaves a byte for this */
	b->bytes[b->off + b->len] = '\0';
	return b->bytes + b->off;
}

size_t
buf_len(const struct buf *b)
{
	return b->len;
}

bool
buf_over(const struct buf *b)
{
	return b->over;
}

char *
buf_take(struct buf *b)
{
	char *s = must_strndup(buf_data(b), b->len);

	buf_reset(b);
	return s;
}
