/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "table.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "twokey/base/buf.h"
#include "twokey/base/json.h"
#include "twokey/base/must.h"
#include "twokey/base/text.h"

enum { CELL_ROOM = 1 << 25 };

struct cell_text {
	char *s;
	size_t n;
	size_t width;
};

struct column {
	struct cell_text name;
	size_t width;
	bool typed;		/* its type says what it is */
	bool numeric;
	bool words;		/* holds something that is no number */
};

struct table {
	struct column *cols;
	size_t ncols;
	struct cell_text *cells;	/* ncells, row after row */
	size_t ncells, cap;
};

struct table *
table_create(void)
{
	return must_zalloc(sizeof(struct table));
}

void
table_free(struct table *t)
{
	for (size_t i = 0; i < t->ncols; i++)
		free(t->cols[i].name.s);
	for (size_t i = 0; i < t->ncells; i++)
		free(t->cells[i].s);
	free(t->cols);
	free(t->cells);
	free(t);
}

static struct cell_text
cell_make(const char *s, size_t n)
{
	return (struct cell_text){ must_strndup(n > 0 ? s : "", n), n, text_width(s, n) };
}

static bool
is_numeric_type(const char *type, size_t n)
{
	static const char *const words[] = { "int", "serial", "numeric", "decimal", "real", "double", "float",
		"money", "number", "oid" };

	for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
		size_t len = strlen(words[i]);

		/* "interval" and "point" are none */
		for (size_t k = 0; k + len <= n; k++)
			if (strncasecmp(type + k, words[i], len) == 0)
				return !(n >= 8 && strncasecmp(type, "interval", 8) == 0) &&
				    !(n >= 5 && strncasecmp(type, "point", 5) == 0);
	}
	return false;
}

void
table_column(struct table *t, const char *name, size_t n, bool numeric)
{
	struct column *c;
	struct buf b;

	must(t->ncells == 0);
	if (t->ncols == TABLE_COLUMNS_MAX)
		return;
	t->cols = must_realloc(t->cols, (t->ncols + 1) * sizeof *t->cols);
	c = &t->cols[t->ncols++];
	memset(c, 0, sizeof *c);
	buf_init(&b, CELL_ROOM);
	text_safe(&b, name, n, TEXT_ONE_LINE);
	c->name = cell_make(buf_data(&b), buf_len(&b));
	c->width = c->name.width;
	c->numeric = numeric;
	c->typed = true;
	buf_fini(&b);
}

void
table_columns(struct table *t, const json_t *cols)
{
	const json_t *v;
	size_t i;

	json_array_foreach(cols, i, v) {
		size_t n = 0;
		const char *type = json_str(v, "type", &n);
		struct buf name;

		buf_init(&name, CELL_ROOM);
		if (json_get_bytes(v, "name", &name) != 0)
			buf_puts(&name, "?");
		table_column(t, buf_data(&name), buf_len(&name), is_numeric_type(type != NULL ? type : "", n));
		t->cols[t->ncols - 1].typed = n > 0;
		buf_fini(&name);
	}
}

static bool
is_number(const char *s, size_t n)
{
	size_t i = n > 0 && (s[0] == '-' || s[0] == '+');
	bool digit = false;

	for (; i < n; i++) {
		if (isdigit((unsigned char)s[i]))
			digit = true;
		else if (strchr(".eE+-", s[i]) == NULL || !digit)
			return false;
	}
	return digit;
}

void
table_cell(struct table *t, const char *safe, size_t n)
{
	struct column *c;

	must(t->ncols > 0);
	if (t->ncells == t->cap) {
		t->cap = t->cap < 64 ? 64 : t->cap * 2;
		t->cells = must_realloc(t->cells, t->cap * sizeof *t->cells);
	}
	c = &t->cols[t->ncells % t->ncols];
	t->cells[t->ncells] = cell_make(safe, n);
	if (t->cells[t->ncells].width > c->width)
		c->width = t->cells[t->ncells].width;
	if (!c->words && !is_number(safe, n) && !(n == 6 && memcmp(safe, "<null>", 6) == 0))
		c->words = true;
	t->ncells++;
}

/* Bytes as psql shows them: \x and hex. */
static void
put_hex(struct buf *out, const char *base64, size_t n)
{
	struct buf raw;

	buf_init(&raw, CELL_ROOM);
	if (text_unbase64(&raw, base64, n) == 0) {
		buf_puts(out, "\\x");
		for (size_t i = 0; i < buf_len(&raw); i++)
			buf_putf(out, "%02x", (unsigned)(unsigned char)buf_data(&raw)[i]);
	} else {
		buf_puts(out, "<malformed>");
	}
	buf_fini(&raw);
}

static void
put_object(struct buf *out, const json_t *cell)
{
	size_t n;
	const char *s = json_str(cell, "base64", &n);

	if (s != NULL) {
		put_hex(out, s, n);
	} else {
		s = json_str(cell, "text", &n);
		if (s == NULL)
			buf_puts(out, "<malformed>");
		else
			text_safe(out, s, n, TEXT_ONE_LINE);
	}
	if (json_int(cell, "cut", -1) >= 0)
		buf_putf(out, "<cut, %lld bytes>", (long long)json_int(cell, "cut", -1));
}

void
table_cell_text(struct buf *out, const json_t *cell)
{
	if (cell == NULL)
		return;
	if (json_is_null(cell)) {
		buf_puts(out, "<null>");
	} else if (json_is_string(cell)) {
		text_safe(out, json_string_value(cell), json_string_length(cell), TEXT_ONE_LINE);
	} else if (json_is_object(cell)) {
		put_object(out, cell);
	} else if (json_is_array(cell)) {
		buf_puts(out, "<malformed>");
	} else {
		struct buf raw;

		buf_init(&raw, CELL_ROOM);
		json_put(&raw, cell);
		text_safe(out, buf_data(&raw), buf_len(&raw), TEXT_ONE_LINE);
		buf_fini(&raw);
	}
}

void
table_row(struct table *t, const json_t *row)
{
	size_t n = json_array_size(row);
	struct buf b;

	if (t->ncols == 0 && t->ncells == 0)
		for (size_t i = 0; i < n && i < TABLE_COLUMNS_MAX; i++) {
			table_column(t, "?", 1, false);
			t->cols[i].typed = false;
		}
	buf_init(&b, CELL_ROOM);
	for (size_t i = 0; i < t->ncols; i++) {
		buf_reset(&b);
		if (i >= n)
			buf_puts(&b, "<missing>");
		else
			table_cell_text(&b, json_array_get(row, i));
		/* what has no column of its own is not hidden */
		for (size_t k = i + 1; i + 1 == t->ncols && k < n; k++) {
			buf_puts(&b, " <extra> ");
			table_cell_text(&b, json_array_get(row, k));
		}
		table_cell(t, buf_data(&b), buf_len(&b));
	}
	buf_fini(&b);
}

size_t
table_cols(const struct table *t)
{
	return t->ncols;
}

size_t
table_rows(const struct table *t)
{
	return t->ncols > 0 ? t->ncells / t->ncols : 0;
}

size_t
table_width(const struct table *t)
{
	size_t w = 0;

	for (size_t i = 0; i < t->ncols; i++)
		w += t->cols[i].width + 2 + (i > 0);
	return w;
}

/* What lies beyond the line's end need not be made: one cell may be as long as a body. */
static bool
is_full(size_t used, const struct lay *l)
{
	return used > (size_t)l->width + 1;
}

static size_t
at_most(size_t n, const struct lay *l)
{
	return n < (size_t)l->width + 2 ? n : (size_t)l->width + 2;
}

static void
put_padded(struct buf *b, const struct cell_text *c, size_t before, size_t after)
{
	while (before-- > 0)
		buf_putc(b, ' ');
	buf_put(b, c->s, c->n);
	while (after-- > 0)
		buf_putc(b, ' ');
}

static void
trim_put(struct lay *l, enum screen_look look, struct buf *b)
{
	size_t n = buf_len(b);

	while (n > 0 && buf_data(b)[n - 1] == ' ')
		n--;
	lay_safe(l, look, buf_data(b), n);
	buf_reset(b);
}

static void
lay_head(const struct table *t, struct lay *l, struct buf *b)
{
	size_t used = 0;

	for (size_t i = 0; i < t->ncols && !is_full(used, l); used += t->cols[i++].width + 3) {
		const struct column *c = &t->cols[i];
		size_t gap = at_most(c->width - c->name.width, l);

		buf_puts(b, i > 0 ? "| " : " ");
		put_padded(b, &c->name, gap / 2, gap - gap / 2 + 1);
	}
	trim_put(l, SCREEN_STRONG, b);
	used = 0;
	for (size_t i = 0; i < t->ncols && !is_full(used, l); used += t->cols[i++].width + 3) {
		if (i > 0)
			buf_putc(b, '+');
		for (size_t k = 0; k < at_most(t->cols[i].width + 2, l); k++)
			buf_putc(b, '-');
	}
	trim_put(l, SCREEN_PLAIN, b);
}

static bool
lay_aligned(const struct table *t, struct lay *l)
{
	struct buf b;

	buf_init(&b, SIZE_MAX / 2);
	lay_head(t, l, &b);
	for (size_t r = 0; r < table_rows(t); r++) {
		size_t used = 0;

		for (size_t i = 0; i < t->ncols && !is_full(used, l); used += t->cols[i++].width + 3) {
			const struct column *c = &t->cols[i];
			const struct cell_text *cell = &t->cells[r * t->ncols + i];
			bool right = c->typed ? c->numeric : !c->words;
			size_t gap = at_most(c->width - cell->width, l);

			buf_puts(&b, i > 0 ? "| " : " ");
			put_padded(&b, cell, right ? gap : 0, right ? 1 : gap + 1);
		}
		trim_put(l, SCREEN_PLAIN, &b);
	}
	buf_fini(&b);
	return table_width(t) > (size_t)l->width + 1;	/* the last blank is not needed */
}

static void
lay_record(const struct table *t, struct lay *l, size_t r, size_t name)
{
	struct buf first, rest;

	buf_init(&first, CELL_ROOM);
	buf_init(&rest, CELL_ROOM);
	for (size_t k = 0; k < name; k++)
		buf_putc(&rest, ' ');
	buf_puts(&rest, " : ");
	for (size_t i = 0; i < t->ncols; i++) {
		const struct cell_text *cell = &t->cells[r * t->ncols + i];
		size_t fit = text_fit(t->cols[i].name.s, t->cols[i].name.n, name);

		buf_reset(&first);
		buf_put(&first, t->cols[i].name.s, fit);
		for (size_t k = text_width(t->cols[i].name.s, fit); k < name; k++)
			buf_putc(&first, ' ');
		buf_puts(&first, " | ");
		lay_text(l, SCREEN_PLAIN, buf_str(&first), buf_str(&rest), cell->s, cell->n, LAY_EXACT);
	}
	buf_fini(&first);
	buf_fini(&rest);
}

static void
lay_expanded(const struct table *t, struct lay *l)
{
	size_t name = 0, most = l->width > 40 ? (size_t)l->width / 2 : 16;

	for (size_t i = 0; i < t->ncols; i++)
		if (t->cols[i].name.width > name)
			name = t->cols[i].name.width;
	if (name > most)
		name = most;
	for (size_t r = 0; r < table_rows(t); r++) {
		char head[64];
		struct buf b;

		snprintf(head, sizeof head, "-[ RECORD %zu ]-", r + 1);
		buf_init(&b, 4096);
		buf_puts(&b, head);
		while (buf_len(&b) < name + 20 && buf_len(&b) < (size_t)(l->width > 0 ? l->width : 16))
			buf_putc(&b, '-');
		lay_safe(l, SCREEN_STRONG, buf_data(&b), buf_len(&b));
		buf_fini(&b);
		lay_record(t, l, r, name);
	}
}

bool
table_lay(const struct table *t, struct lay *l, enum log_expanded x)
{
	if (t->ncols == 0)
		return false;
	if (x == LOG_EXPANDED || (x == LOG_EXPANDED_AUTO && table_width(t) > (size_t)l->width + 1)) {
		lay_expanded(t, l);
		return false;
	}
	return lay_aligned(t, l);
}
