/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Reads the table of an EXPLAIN. Each line is a loop, the loops of one select stand inside each other. */
#include "config.h"

#include "my.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "twokey/base/must.h"

static int
column(const struct db_column *cols, size_t n, const char *name)
{
	for (size_t i = 0; i < n; i++)
		if (strcasecmp(cols[i].name, name) == 0)
			return (int)i;
	return -1;
}

void
my_plan_columns(struct my_plan *p, const struct db_column *cols, size_t n)
{
	*p = (struct my_plan){ .id = column(cols, n, "id"), .kind = column(cols, n, "select_type"),
		.table = column(cols, n, "table"), .type = column(cols, n, "type"), .rows = column(cols, n, "rows"),
		.filtered = column(cols, n, "filtered"), .extra = column(cols, n, "Extra"), .only_one = true, .widest = 1,
		.times = 1, .repeats = 1 };
	p->bad = p->id < 0 || p->kind < 0 || p->table < 0 || p->type < 0 || p->rows < 0 || p->extra < 0;
}

/* NULL: not told. */
static char *
word(const struct db_cell *cells, int i)
{
	return i < 0 || cells[i].type == DB_NULL ? NULL : must_strndup(cells[i].p, cells[i].n);
}

static double
number(const struct db_cell *cells, int i, double otherwise)
{
	char *s = word(cells, i), *end = s;
	double v = s != NULL ? strtod(s, &end) : otherwise;

	if (s != NULL && (end == s || !(v >= 0)))
		v = -1;
	free(s);
	return v;
}

static bool
has(const struct db_cell *cells, int i, const char *what)
{
	char *s = word(cells, i);
	bool is = s != NULL && strstr(s, what) != NULL;

	free(s);
	return is;
}

/* A select that depends on what is outside of it runs for each row there; which one that is, is not told. */
static void
next_select(struct my_plan *p, const struct db_cell *cells, long id)
{
	double outside = p->times * p->repeats;

	if (p->n == 0 || id != p->select) {
		if (outside > p->widest)
			p->widest = outside;
		p->repeats = has(cells, p->kind, "DEPENDENT") || has(cells, p->kind, "UNCACHEABLE") || has(cells, p->kind, "LATERAL") ?
		    p->widest : 1;
		p->times = 1;
		p->select = id;
	}
}

void
my_plan_row(struct my_plan *p, const struct db_cell *cells, size_t n)
{
	bool made = !p->bad && has(cells, p->table, "<"), hashed;
	double rows, passed;

	(void)n;
	if (p->bad)
		return;
	/* what a UNION or a WITH put together: its rows were counted where they came from */
	if (cells[p->table].type == DB_NULL || (made && cells[p->rows].type == DB_NULL)) {
		p->n++;
		return;
	}
	rows = number(cells, p->rows, -1);
	passed = number(cells, p->filtered, 100) / 100;
	p->bad = rows < 0 || passed < 0;
	next_select(p, cells, (long)number(cells, p->id, 0));
	hashed = has(cells, p->type, "hash") || has(cells, p->extra, "hash join");
	if (!made)
		p->sum += p->repeats * (hashed ? 1 : p->times) * rows;
	p->times *= rows * passed > 1 ? rows * passed : 1;
	p->only_one = p->only_one && p->n == 0 && !has(cells, p->extra, "Using where") && !has(cells, p->extra, "filesort") &&
	    !has(cells, p->extra, "temporary");
	p->n++;
}
