/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The log as one list of lines; only entries that changed are laid out anew. */
#include "config.h"

#include "log_priv.h"

#include <stdlib.h>
#include <string.h>

#include "twokey/base/must.h"

struct block {
	uint64_t serial;	/* of the entry as it was laid out, 0 not yet */
	size_t first;		/* its first line */
	struct lay_lines lines;
};

struct log_view {
	struct block *blocks;
	size_t n, cap;
	size_t lines;
	size_t from;		/* entries before are left out */
	int width;
	enum log_expanded x;
	size_t max_rows;
	bool ruled;
};

struct log_view *
log_view_create(void)
{
	return must_zalloc(sizeof(struct log_view));
}

static void
forget(struct log_view *v)
{
	for (size_t i = 0; i < v->n; i++)
		lay_lines_free(&v->blocks[i].lines);
	v->n = v->lines = 0;
}

void
log_view_free(struct log_view *v)
{
	if (v == NULL)
		return;
	forget(v);
	free(v->blocks);
	free(v);
}

void
log_view_ruled(struct log_view *v)
{
	v->ruled = true;
	forget(v);
}

void
log_view_from(struct log_view *v, size_t entry)
{
	v->from = entry;
}

static void
lay_block(struct log_view *v, const struct model *m, size_t i, const struct model_entry *e)
{
	struct block *b = &v->blocks[i];
	struct log_entry o = { m, e, { v->width, v->ruled, i, lay_keep, &b->lines }, v->x, v->max_rows, v->ruled };

	lay_lines_free(&b->lines);
	b->serial = e->serial;
	log_entry_lay(&o);
}

static void
fit_blocks(struct log_view *v, size_t n)
{
	for (; v->n > n; v->n--)
		lay_lines_free(&v->blocks[v->n - 1].lines);
	if (n > v->cap) {
		v->cap = n * 2;
		v->blocks = must_realloc(v->blocks, v->cap * sizeof *v->blocks);
	}
	for (; v->n < n; v->n++)
		memset(&v->blocks[v->n], 0, sizeof v->blocks[v->n]);
}

void
log_view_update(struct log_view *v, const struct model *m, int width, enum log_expanded x, size_t max_rows)
{
	size_t n = model_entries(m);

	if (width != v->width || x != v->x || max_rows != v->max_rows)
		forget(v);
	v->width = width;
	v->x = x;
	v->max_rows = max_rows;
	fit_blocks(v, n);
	v->lines = 0;
	for (size_t i = 0; i < n; i++) {
		struct block *b = &v->blocks[i];
		const struct model_entry *e = model_entry(m, i);

		if (i < v->from && b->serial != 0) {
			lay_lines_free(&b->lines);
			b->serial = 0;
		} else if (i >= v->from && b->serial != e->serial) {
			lay_block(v, m, i, e);
		}
		b->first = v->lines;
		v->lines += b->lines.n;
	}
}

size_t
log_view_lines(const struct log_view *v)
{
	return v->lines;
}

const struct log_text *
log_view_line(const struct log_view *v, size_t i)
{
	size_t low = 0, high = v->n;

	must(i < v->lines);
	while (low + 1 < high) {
		size_t mid = low + (high - low) / 2;

		if (v->blocks[mid].first <= i)
			low = mid;
		else
			high = mid;
	}
	/* blocks without lines share their first line with the next one: the last of them is meant */
	return &v->blocks[low].lines.at[i - v->blocks[low].first];
}

size_t
log_view_line_of(const struct log_view *v, size_t entry)
{
	return entry < v->n ? v->blocks[entry].first : v->lines;
}

static bool
contains(const struct log_text *t, const char *text, size_t n)
{
	for (size_t i = 0; n <= t->n && i + n <= t->n; i++)
		if (strncasecmp(t->text + i, text, n) == 0)
			return true;
	return false;
}

long
log_view_find(const struct log_view *v, const char *text, size_t from, bool back)
{
	size_t n = strlen(text);

	if (n == 0 || v->lines == 0)
		return -1;
	if (back && from >= v->lines)
		from = v->lines;
	for (size_t i = from; back ? i-- > 0 : i < v->lines; i += back ? 0 : 1)
		if (contains(log_view_line(v, i), text, n))
			return (long)i;
	return -1;
}
