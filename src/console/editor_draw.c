/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The line laid out in rows: we count columns per row, since a wide character moves whole to the next one. */
#include "config.h"

#include <string.h>

#include <readline/readline.h>

#include "twokey/base/text.h"
#include "twokey/console/screen.h"
#include "twokey/sql/split.h"

#include "editor_priv.h"

enum { PROMPT_SPLIT_MAX = 16 << 10, TAB_STOP = 8 };

struct layout {
	int cols;
	int row, col;			/* where the next glyph goes */
	int cursor_row, cursor_col;
	struct screen *screen;		/* NULL: only counted */
	int top, skip, rows;		/* first row on the screen, rows above it left out, rows there */
};

static void
put(struct layout *l, enum screen_look look, const char *s, size_t n)
{
	int width = screen_width(s, n);

	if (l->col + width > l->cols) {
		l->row++;
		l->col = 0;
	}
	if (l->screen != NULL && l->row >= l->skip && l->row < l->skip + l->rows)
		screen_put(l->screen, l->top + l->row - l->skip, l->col, 0, look, s, n);
	l->col += width;
}

/* Each glyph by itself: it may have to move to the next row. */
static void
put_all(struct layout *l, enum screen_look look, const char *s, size_t n)
{
	for (size_t i = 0; i < n;) {
		size_t len = text_next(s + i, n - i).len;

		while (i + len < n && text_next(s + i + len, n - i - len).kind == TEXT_PRINT &&
		    text_next(s + i + len, n - i - len).width == 0)
			len += text_next(s + i + len, n - i - len).len;
		put(l, look, s + i, len);
		i += len;
	}
}

/* Why the text up to here is not complete: the mark of the prompt. */
static char
open_mark(const struct editor *ed, const char *line, size_t at)
{
	struct sql_piece piece = { .open = SQL_OPEN_MORE };
	size_t from = 0;

	if (at > PROMPT_SPLIT_MAX)
		return '-';
	while (sql_split_next(&ed->set, line, at, from, &piece))
		from = piece.all.off + piece.all.len;
	return piece.open == SQL_OPEN_NOT ? '=' : (char)piece.open;
}

void
editor_prompt(const struct editor *ed, const char *line, size_t at, struct buf *out)
{
	if (ed->mode == EDITOR_ANSWER)
		buf_puts(out, at == 0 ? ed->prompt : "");
	else
		buf_putf(out, "%s%c%s> ", ed->prompt, at == 0 ? '=' : open_mark(ed, line, at), ed->transaction ? "*" : "");
}

/* The prompt of a row; readline's own while it searches. */
static void
put_prompt(struct layout *l, const struct editor *ed, size_t at)
{
	struct buf b;

	buf_init(&b, 4096);
	if (at == 0 && editor_is_busy(ed) && rl_display_prompt != NULL && rl_display_prompt[0] != '\0') {
		for (const char *p = rl_display_prompt; *p != '\0'; p++)
			if (*p != '\001' && *p != '\002')
				buf_putc(&b, *p);
	} else {
		editor_prompt(ed, rl_line_buffer, at, &b);
	}
	put_all(l, SCREEN_STRONG, buf_data(&b), buf_len(&b));
	buf_fini(&b);
}

static void
note_cursor(struct layout *l)
{
	if (l->col >= l->cols) {
		l->row++;
		l->col = 0;
	}
	l->cursor_row = l->row;
	l->cursor_col = l->col;
}

static void
lay_out(struct layout *l, const struct editor *ed)
{
	const char *line = rl_line_buffer;
	size_t n = (size_t)rl_end, point = (size_t)rl_point;
	int begin;

	put_prompt(l, ed, 0);
	begin = l->col;
	for (size_t i = 0; i < n;) {
		struct text_glyph g = text_next(line + i, n - i);

		if (i == point)
			note_cursor(l);
		if (g.kind == TEXT_NEWLINE) {
			l->row++;
			l->col = 0;
			put_prompt(l, ed, i + 1);
			begin = l->col;
		} else if (g.kind == TEXT_TAB) {
			do
				put(l, SCREEN_PLAIN, " ", 1);
			while ((l->col - begin) % TAB_STOP != 0 && l->col < l->cols);
		} else {
			put(l, SCREEN_PLAIN, line + i, g.len);
		}
		i += g.len;
	}
	if (point >= n)
		note_cursor(l);
}

int
editor_rows(const struct editor *ed, int cols)
{
	struct layout l = { .cols = cols };

	lay_out(&l, ed);
	return l.row + 1;
}

int
editor_draw(const struct editor *ed, struct screen *s, int row, int rows)
{
	struct layout count = { 0 }, l = { .screen = s, .top = row, .rows = rows };
	int all;

	screen_size(s, &all, &l.cols);
	count.cols = l.cols;
	lay_out(&count, ed);
	if (count.cursor_row >= rows)
		l.skip = count.cursor_row - rows + 1;
	lay_out(&l, ed);
	screen_cursor(s, row + l.cursor_row - l.skip, l.cursor_col);
	return l.row + 1 - l.skip < rows ? l.row + 1 - l.skip : rows;
}
