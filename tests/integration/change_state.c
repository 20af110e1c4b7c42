/* SPDX-License-Identifier: GPL-3.0-or-later */
/* All rows of all tables at one moment, and how two moments differ. */
#include "config.h"

#include "change.h"

#include <stdlib.h>
#include <string.h>

#include "twokey/base/must.h"

static void
add_row(void *ctx, const char *const *cells, size_t n)
{
	struct change_rows *r = ctx;
	struct change_row *row;

	r->v = must_realloc(r->v, (r->n + 1) * sizeof *r->v);
	row = &r->v[r->n++];
	*row = (struct change_row){ .cell = must_zalloc(n * sizeof *row->cell) };
	for (size_t i = 0; i < n; i++)
		row->cell[i] = cells[i] != NULL ? must_strdup(cells[i]) : NULL;
}

void
change_rows_free(const struct change_table *t, struct change_rows *r)
{
	for (size_t i = 0; i < r->n; i++) {
		for (size_t c = 0; c < t->n; c++)
			free(r->v[i].cell[c]);
		free(r->v[i].cell);
	}
	free(r->v);
	*r = (struct change_rows){ .n = 0 };
}

struct change_rows
change_rows_copy(const struct change_table *t, const struct change_rows *r)
{
	struct change_rows copy = { .n = 0 };

	for (size_t i = 0; i < r->n; i++)
		add_row(&copy, (const char *const *)r->v[i].cell, t->n);
	return copy;
}

void
change_state_take(struct change_world *w, struct change_state *s)
{
	struct buf sql;

	*s = (struct change_state){ .t = { { .n = 0 } } };
	for (size_t i = 0; i < w->nt; i++) {
		if (w->t[i].view)
			continue;
		buf_init(&sql, 1024);
		for (size_t c = 0; c < w->t[i].n; c++)
			buf_putf(&sql, "%s%s", c == 0 ? "SELECT " : ", ", w->t[i].c[c].name);
		buf_putf(&sql, " FROM %s", w->t[i].name);
		w->engine->rows(w->ctx, buf_str(&sql), add_row, &s->t[i]);
		buf_fini(&sql);
	}
}

void
change_state_free(const struct change_world *w, struct change_state *s)
{
	for (size_t i = 0; i < w->nt; i++)
		change_rows_free(&w->t[i], &s->t[i]);
}

/* SQLite keeps 3.0 and '007' as 3 and 7 where the column is one of numbers: the same number, written otherwise. */
static bool
same_cell(const char *a, const char *b)
{
	char *x, *y;

	if (a == NULL || b == NULL || strcmp(a, b) == 0)
		return a == b || (a != NULL && b != NULL);
	return strtod(a, &x) == strtod(b, &y) && *a != '\0' && *b != '\0' && *x == '\0' && *y == '\0';
}

static bool
same_row(const struct change_table *t, const struct change_row *a, const struct change_row *b, bool computed)
{
	for (size_t c = 0; c < t->n; c++)
		if ((computed || !t->c[c].computed) && !same_cell(a->cell[c], b->cell[c]))
			return false;
	return true;
}

/* Marks in both what stands in both, each once; how many rows of a are left. */
static size_t
match(const struct change_table *t, struct change_rows *a, struct change_rows *b, bool computed)
{
	size_t left = 0;

	for (size_t i = 0; i < b->n; i++)
		b->v[i].used = false;
	for (size_t i = 0; i < a->n; i++) {
		a->v[i].used = false;
		for (size_t k = 0; k < b->n && !a->v[i].used; k++)
			if (!b->v[k].used && same_row(t, &a->v[i], &b->v[k], computed))
				a->v[i].used = b->v[k].used = true;
		left += a->v[i].used ? 0 : 1;
	}
	return left;
}

size_t
change_rows_less(const struct change_table *t, struct change_rows *a, struct change_rows *b)
{
	return match(t, a, b, false);
}

bool
change_rows_same(const struct change_table *t, struct change_rows *a, struct change_rows *b, bool computed)
{
	return a->n == b->n && match(t, a, b, computed) == 0;
}

static void
put_unused(const struct change_table *t, const struct change_rows *r, char mark, struct buf *out)
{
	for (size_t i = 0; i < r->n; i++) {
		if (r->v[i].used)
			continue;
		buf_putf(out, "  %c %s", mark, t->name);
		for (size_t c = 0; c < t->n; c++)
			buf_putf(out, " %s=%s", t->c[c].name, r->v[i].cell[c] != NULL ? r->v[i].cell[c] : "~");
		buf_putc(out, '\n');
	}
}

bool
change_state_same(const struct change_world *w, const struct change_state *a, const struct change_state *b, struct buf *how)
{
	bool same = true;

	for (size_t i = 0; i < w->nt; i++) {
		struct change_rows x = a->t[i], y = b->t[i];

		if (change_rows_same(&w->t[i], &x, &y, true))
			continue;
		same = false;
		(void)match(&w->t[i], &x, &y, true);
		if (how != NULL) {
			put_unused(&w->t[i], &x, '-', how);
			put_unused(&w->t[i], &y, '+', how);
		}
	}
	return same;
}
