/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Before and after of the rows that a request matches now. */
#include "config.h"

#include "sheet_priv.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "twokey/base/buf.h"
#include "twokey/base/json.h"
#include "twokey/base/must.h"
#include "twokey/console/model.h"

#include "table.h"

enum { CELL_ROOM = 1 << 25, NO_PAIR = -1, LEFT_OUT = -2 };

struct pairs {
	const json_t *cols;
	int *with;		/* per column: index of its "(new)" column, NO_PAIR, or LEFT_OUT: it stands with another */
	size_t n;
};

/* True when new is name with " (new)" behind it. */
static bool
is_new_of(const json_t *name, const json_t *new)
{
	size_t n, m;
	const char *a = json_str(name, "name", &n), *b = json_str(new, "name", &m);

	return a != NULL && b != NULL && m == n + 6 && memcmp(a, b, n) == 0 && memcmp(b + n, " (new)", 6) == 0;
}

/* Of an UPDATE only: a table may have such a column of its own, and another statement shows all that it has. */
static void
find_pairs(struct pairs *p, const json_t *cols, bool update)
{
	p->cols = cols;
	p->n = json_array_size(cols);
	if (p->n > TABLE_COLUMNS_MAX)
		p->n = TABLE_COLUMNS_MAX;
	p->with = must_alloc((p->n + 1) * sizeof *p->with);
	for (size_t i = 0; i < p->n; i++)
		p->with[i] = NO_PAIR;
	for (size_t i = 0; i < p->n && update; i++)
		for (size_t k = 0; k < p->n && p->with[i] == NO_PAIR; k++)
			if (k != i && p->with[k] == NO_PAIR && is_new_of(json_array_get(cols, i),
			    json_array_get(cols, k))) {
				p->with[i] = (int)k;
				p->with[k] = LEFT_OUT;
			}
}

/* Column k says the same as an earlier one: the key columns of a DELETE, which shows every column after them. */
static bool
is_repeated(const struct pairs *p, const json_t *rows, size_t k)
{
	const json_t *row;
	size_t i, j;

	for (i = 0; i < k; i++) {
		if (!json_equal(json_array_get(p->cols, i), json_array_get(p->cols, k)))
			continue;
		json_array_foreach(rows, j, row)
			if (!json_equal(json_array_get(row, i), json_array_get(row, k)))
				break;
		if (j == json_array_size(rows))
			return true;
	}
	return false;
}

static void
put_columns(struct table *t, const struct pairs *p)
{
	for (size_t i = 0; i < p->n; i++) {
		const json_t *col = json_array_get(p->cols, i);
		struct buf name;

		if (p->with[i] == LEFT_OUT)
			continue;
		buf_init(&name, CELL_ROOM);
		if (json_get_bytes(col, "name", &name) != 0)
			buf_puts(&name, "?");
		if (p->with[i] >= 0)
			buf_puts(&name, ": before -> after");
		table_column(t, buf_data(&name), buf_len(&name), false);
		buf_fini(&name);
	}
}

/* Digits behind the point of a plain number; -1: it is none. */
static int
places(const char *s)
{
	size_t n;

	s += *s == '-';
	n = strspn(s, "0123456789");
	if (n == 0 || (s[n] != '.' && s[n] != '\0'))
		return -1;
	s += n + (s[n] == '.');
	n = strspn(s, "0123456789");
	return s[n] == '\0' && n < 1000 ? (int)n : -1;
}

/* The new value is what the statement says; the column may keep fewer digits of it. */
static bool
is_rounded(const json_t *col, const char *now, const char *new)
{
	static const char *const whole[] = { "int", "bigint", "smallint", "tinyint", "mediumint", "integer" };
	const char *type = json_str(col, "type", NULL);
	int had = places(now), has = places(new);

	if (type == NULL || has <= 0)
		return false;
	for (size_t i = 0; i < sizeof whole / sizeof whole[0]; i++)
		if (strncasecmp(type, whole[i], strlen(whole[i])) == 0 && strncasecmp(type, "interval", 8) != 0)
			return strspn(strchr(new, '.') + 1, "0") < (size_t)has;
	return (strncasecmp(type, "decimal", 7) == 0 || strncasecmp(type, "numeric", 7) == 0) && had >= 0 && has > had;
}

/* The cell holds the value as it is now; the new one behind it. */
static void
put_new(const json_t *col, const json_t *now, const json_t *new, struct buf *cell)
{
	struct buf text;
	bool rounded;

	buf_init(&text, CELL_ROOM);
	if (new == NULL)
		buf_puts(&text, "<missing>");
	else
		table_cell_text(&text, new);
	rounded = is_rounded(col, buf_str(cell), buf_str(&text));
	buf_puts(cell, " -> ");
	buf_put(cell, buf_data(&text), buf_len(&text));
	if (new != NULL && now != NULL && json_equal(now, new))
		buf_puts(cell, "  (same)");
	else if (rounded)
		buf_puts(cell, "  (may be rounded)");
	buf_fini(&text);
}

static void
put_row(struct table *t, const struct pairs *p, const json_t *row)
{
	struct buf cell;

	buf_init(&cell, CELL_ROOM);
	for (size_t i = 0; i < p->n; i++) {
		const json_t *now = json_array_get(row, i);

		if (p->with[i] == LEFT_OUT)
			continue;
		buf_reset(&cell);
		if (now == NULL)
			buf_puts(&cell, "<missing>");
		else
			table_cell_text(&cell, now);
		if (p->with[i] >= 0)
			put_new(json_array_get(p->cols, i), now, json_array_get(row, (size_t)p->with[i]), &cell);
		table_cell(t, buf_data(&cell), buf_len(&cell));
	}
	buf_fini(&cell);
}

void
sheet_sample_rows(struct lay *l, const json_t *sample, int64_t count, bool update)
{
	const json_t *rows = json_object_get(sample, "rows"), *row;
	size_t n = json_array_size(rows), i;
	struct pairs p;
	struct table *t;

	if (n == 0)
		return;
	find_pairs(&p, json_object_get(sample, "cols"), update);
	for (i = 1; i < p.n; i++)
		if (p.with[i] == NO_PAIR && is_repeated(&p, rows, i))
			p.with[i] = LEFT_OUT;
	t = table_create();
	put_columns(t, &p);
	if (table_cols(t) > 0) {
		json_array_foreach(rows, i, row)
			put_row(t, &p, row);
		lay_blank(l);
		(void)table_lay(t, l, LOG_EXPANDED_AUTO);
		if (count >= 0 && (uint64_t)count <= n)
			lay_line(l, SCREEN_DIM, n == 1 ? "(the row is shown)" : "(all %zu rows shown)", n);
		else if (count >= 0)
			lay_line(l, SCREEN_DIM, "(%zu of %" PRId64 " rows shown)", n, count);
		else
			lay_line(l, SCREEN_DIM, "(%zu rows shown)", n);
	}
	table_free(t);
	free(p.with);
}

void
sheet_sample(struct lay *l, const struct model_entry *e)
{
	if (e->sample == NULL)
		lay_line(l, SCREEN_WARN, "  the sample of rows is not in this copy");
	else if (strcmp(e->verb, "INSERT") == 0 && json_array_size(json_object_get(e->sample, "rows")) == 0)
		;	/* the note says why none is shown */
	else if (json_array_size(json_object_get(e->sample, "rows")) == 0 && e->count != 0)
		lay_line(l, SCREEN_WARN, "  before and after: not shown, a read cannot tell them");
	else
		sheet_sample_rows(l, e->sample, e->count, strcasecmp(e->verb, "UPDATE") == 0);
}
