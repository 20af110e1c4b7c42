/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "twokey/console/screen.h"

#include <stdlib.h>
#include <string.h>
#include <wchar.h>

#include "twokey/base/buf.h"
#include "twokey/base/must.h"
#include "twokey/base/text.h"

#include "feeder.h"
#include "screen_grid.h"

enum { CELLS_SIDE_MAX = 2000 };

static int
clamp(int v, int low, int high)
{
	return v < low ? low : v > high ? high : v;
}

void
screen_grid_size(struct screen *s, int rows, int cols)
{
	rows = clamp(rows, 1, CELLS_SIDE_MAX);
	cols = clamp(cols, 1, CELLS_SIDE_MAX);
	free(s->cells);
	s->cells = must_zalloc((size_t)rows * (size_t)cols * sizeof *s->cells);
	s->rows = rows;
	s->cols = cols;
	s->cur_row = -1;
	screen_erase(s);
}

struct screen *
screen_grid_create(int rows, int cols)
{
	struct screen *s = must_zalloc(sizeof *s);

	s->feeder = feeder_create();
	screen_grid_size(s, rows, cols);
	return s;
}

struct screen *
screen_open_headless(int rows, int cols)
{
	return screen_grid_create(rows, cols);
}

void
screen_resize_headless(struct screen *s, int rows, int cols)
{
	must(s->term == NULL);
	screen_grid_size(s, rows, cols);
	s->resized = true;
}

void
screen_size(const struct screen *s, int *rows, int *cols)
{
	*rows = s->rows;
	*cols = s->cols;
}

static struct cell *
cell_at(const struct screen *s, int row, int col)
{
	return &s->cells[(size_t)row * (size_t)s->cols + (size_t)col];
}

static void
cell_blank(struct cell *c)
{
	c->n = 0;
	c->width = 1;
}

void
screen_erase(struct screen *s)
{
	for (size_t i = 0; i < (size_t)s->rows * (size_t)s->cols; i++) {
		cell_blank(&s->cells[i]);
		s->cells[i].look = SCREEN_PLAIN;
	}
	s->cur_row = -1;
}

/* A wide character that loses one half loses the other too. */
static void
cell_clear(struct screen *s, int row, int col)
{
	struct cell *c = cell_at(s, row, col);

	if (c->width == 0 && col > 0)
		cell_blank(cell_at(s, row, col - 1));
	if (c->width == 2 && col + 1 < s->cols)
		cell_blank(cell_at(s, row, col + 1));
	cell_blank(c);
}

/* Puts what combines onto the character before it, as far as there is room. */
static void
cell_combine(struct screen *s, int row, int col, const char *p, size_t n)
{
	struct cell *c = cell_at(s, row, col);

	if (c->width == 0 && col > 0)
		c = cell_at(s, row, col - 1);
	if (c->n == 0)
		c->bytes[c->n++] = ' ';
	if (n <= CELL_BYTES - (size_t)c->n) {
		memcpy(c->bytes + c->n, p, n);
		c->n = (uint8_t)(c->n + n);
	}
}

/* Puts one safe glyph; returns its columns, -1 when it does not fit into room. */
static int
put_glyph(struct screen *s, int row, int col, int room, enum screen_look look, const char *p,
    const struct text_glyph *g)
{
	if (g->width == 0) {
		if (col > 0)
			cell_combine(s, row, col - 1, p, g->len);
		return 0;
	}
	if (g->width > room)
		return -1;
	for (int i = 0; i < g->width; i++) {
		cell_clear(s, row, col + i);
		cell_at(s, row, col + i)->look = (uint8_t)look;
		cell_at(s, row, col + i)->width = 0;
	}
	memcpy(cell_at(s, row, col)->bytes, p, g->len);
	cell_at(s, row, col)->n = (uint8_t)g->len;
	cell_at(s, row, col)->width = (uint8_t)g->width;
	return g->width;
}

/* True when this C library would give the character another width than we do: it is then shown by its number,
 * or the rest of the row would shift. */
static bool
is_disputed(const struct text_glyph *g)
{
	return g->point >= 0x80 && g->width > 0 && wcwidth((wchar_t)g->point) != g->width;
}

static void
put_disputed(struct buf *out, const char *s, size_t n)
{
	for (size_t i = 0; i < n;) {
		struct text_glyph g = text_next(s + i, n - i);

		if (is_disputed(&g))
			buf_putf(out, "<U+%04X>", (unsigned)g.point);
		else
			buf_put(out, s + i, g.len);
		i += g.len;
	}
}

int
screen_width(const char *text, size_t n)
{
	struct buf safe, out;
	int width;

	buf_init(&safe, SIZE_MAX / 2);
	buf_init(&out, SIZE_MAX / 2);
	text_safe(&safe, text, n, TEXT_ONE_LINE);
	put_disputed(&out, buf_data(&safe), buf_len(&safe));
	width = (int)text_width(buf_data(&out), buf_len(&out));
	buf_fini(&safe);
	buf_fini(&out);
	return width;
}

int
screen_put(struct screen *s, int row, int col, int width, enum screen_look look, const char *text,
    size_t n)
{
	struct buf safe, out;
	int used = 0, room;

	if (row < 0 || row >= s->rows || col < 0 || col >= s->cols)
		return 0;
	room = s->cols - col;
	if (width > 0 && width < room)
		room = width;
	buf_init(&safe, SIZE_MAX / 2);
	buf_init(&out, SIZE_MAX / 2);
	if (n > (size_t)s->cols * CELL_BYTES)
		n = (size_t)s->cols * CELL_BYTES;	/* more cannot be seen */
	text_safe(&safe, text, n, TEXT_ONE_LINE);
	put_disputed(&out, buf_data(&safe), buf_len(&safe));
	for (size_t i = 0; i < buf_len(&out);) {
		struct text_glyph g = text_next(buf_data(&out) + i, buf_len(&out) - i);
		int w = put_glyph(s, row, col + used, room - used, look, buf_data(&out) + i, &g);

		if (w < 0)
			break;
		used += w;
		i += g.len;
	}
	buf_fini(&safe);
	buf_fini(&out);
	return used;
}

void
screen_row_look(struct screen *s, int row, enum screen_look look)
{
	if (row < 0 || row >= s->rows)
		return;
	for (int col = 0; col < s->cols; col++)
		cell_at(s, row, col)->look = (uint8_t)look;
}

void
screen_cursor(struct screen *s, int row, int col)
{
	s->cur_row = row >= s->rows ? -1 : row;
	s->cur_col = clamp(col, 0, s->cols - 1);
}

void
screen_feed(struct screen *s, const char *bytes, size_t n)
{
	feeder_push(s->feeder, bytes, n);
}

bool
screen_next(struct screen *s, int64_t now_ms, struct screen_event *out)
{
	if (s->resized) {
		memset(out, 0, sizeof *out);
		out->key = SCREEN_KEY_RESIZE;
		s->resized = false;
		return true;
	}
	return feeder_next(s->feeder, now_ms, out);
}

int
screen_wait(const struct screen *s, int64_t now_ms)
{
	return s->resized ? 0 : feeder_wait(s->feeder, now_ms);
}

const char *
screen_paste(const struct screen *s, size_t *n)
{
	return feeder_paste(s->feeder, n);
}

unsigned
screen_bells(const struct screen *s)
{
	return s->bells;
}

void
screen_dump(const struct screen *s, struct buf *out)
{
	for (int row = 0; row < s->rows; row++) {
		size_t blanks = 0;

		for (int col = 0; col < s->cols; col++) {
			const struct cell *c = cell_at(s, row, col);

			if (c->width == 0)
				continue;
			if (c->n == 0 || (c->n == 1 && c->bytes[0] == ' ')) {
				blanks++;
				continue;
			}
			for (; blanks > 0; blanks--)
				buf_putc(out, ' ');
			buf_put(out, c->bytes, c->n);
		}
		buf_putc(out, '\n');
	}
}
