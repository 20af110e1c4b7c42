/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The one growable byte buffer: a hard maximum, read-only views. */
#ifndef TWOKEY_BASE_BUF_H
#define TWOKEY_BASE_BUF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* In the caller's memory; every field is private to buf.c. */
struct buf {
	char *bytes;
	size_t off;	/* consumed in front */
	size_t len;	/* bytes from off */
	size_t cap;
	size_t max;	/* len never exceeds this */
	bool over;	/* something did not fit: sticky, see buf_over */
};

/* An empty buffer that never holds more than max bytes. */
void	buf_init(struct buf *b, size_t max);
/* Frees the bytes; the buffer is empty again and may be used again. */
void	buf_fini(struct buf *b);
/* Forgets the content, keeps the memory, clears buf_over. */
void	buf_reset(struct buf *b);

/* Appends; what would go over max is not appended at all and sets buf_over. */
void	buf_put(struct buf *b, const void *p, size_t n);
void	buf_puts(struct buf *b, const char *s);
void	buf_putc(struct buf *b, char c);
void	buf_putf(struct buf *b, const char *fmt, ...)
	    __attribute__((format(printf, 2, 3)));
/* Drops n bytes from the front; n must be <= buf_len. */
void	buf_consume(struct buf *b, size_t n);
/* Cuts the content to its first n bytes and clears buf_over; n must be <= buf_len. */
void	buf_truncate(struct buf *b, size_t n);

/* Room for n more bytes to write into, then told with buf_added(b, n);
 * NULL when that would go over max (and buf_over is set). */
char	*buf_room(struct buf *b, size_t n);
void	buf_added(struct buf *b, size_t n);

/* The content; valid until the buffer is changed. buf_str is NUL-terminated. */
const char *buf_data(const struct buf *b);
const char *buf_str(struct buf *b);
size_t	buf_len(const struct buf *b);
/* True when something was left out since init or reset. */
bool	buf_over(const struct buf *b);
/* The content as a malloc'd, NUL-terminated string that the caller frees; the buffer is empty after. */
char	*buf_take(struct buf *b);

#endif
