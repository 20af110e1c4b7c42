/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the sheet said against what came of it. */
#include "config.h"

#include "change.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "twokey/base/must.h"

enum { CELLS = 2 * CHANGE_COLUMNS };

/* A column of the sample: which one of the table, and whether it is what comes to be. */
struct shown {
	size_t column[CELLS];
	bool new[CELLS];
	size_t n;
};

static char finding[400];

static int
table_named(const struct change_world *w, const char *name, size_t n)
{
	for (size_t i = 0; i < w->nt; i++)
		if (strlen(w->t[i].name) == n && strncasecmp(w->t[i].name, name, n) == 0)
			return (int)i;
	return -1;
}

/* The table that the statement writes, that of a view for a view; -1: none. */
static int
target_of(const struct change_world *w)
{
	const struct sql_table *t = sql_written_table(w->b.facts);
	int i = t != NULL ? table_named(w, t->name.p, t->name.n) : -1;

	return i >= 0 && w->t[i].view ? (int)w->t[i].of : i;
}

static bool
lists(const struct buf *list, const char *name)
{
	char quoted[48];
	size_t n = (size_t)snprintf(quoted, sizeof quoted, "\"%s", name);
	const char *p = buf_len(list) > 0 ? buf_data(list) : "", *end = p + buf_len(list);

	for (; p + n < end; p++)
		if (memcmp(p, quoted, n) == 0 && (p[n] == '"' || p[n] == ' '))
			return true;
	return false;
}

static bool
says(const struct buf *note, const char *words)
{
	return buf_len(note) > 0 && memmem(buf_data(note), buf_len(note), words, strlen(words)) != NULL;
}

static bool
has_any(const struct buf *list)
{
	return buf_len(list) > 2;
}

/* Tables that what is named may write, and what that sets off in turn. */
static void
reach(const struct change_world *w, bool *may)
{
	const struct db_sheet *s = &w->b.sheet;
	bool more = true;

	while (more) {
		more = false;
		for (size_t i = 0; i < w->ng; i++) {
			const struct change_trigger *g = &w->g[i];
			bool fires = lists(&s->triggers, g->name) || lists(&s->rules, g->name);

			if (fires && !may[0])
				more = may[0] = true;
			if (fires && g->writes >= 0 && !may[g->writes])
				more = may[g->writes] = true;
		}
		for (size_t i = 0; i < w->nk; i++)
			if (w->k[i].acts && has_any(&s->cascades) && !may[w->k[i].child])
				more = may[w->k[i].child] = true;
		/* code of a trigger is not read by every engine */
		for (size_t i = 0; i < w->ng && has_any(&s->triggers) && w->engine->engine != SQL_SQLITE; i++)
			if (may[w->g[i].on] && w->g[i].writes >= 0 && !may[w->g[i].writes])
				more = may[w->g[i].writes] = true;
		for (size_t i = 0; i < w->nk && has_any(&s->triggers); i++)
			if (w->k[i].acts && may[w->k[i].parent] && !may[w->k[i].child])
				more = may[w->k[i].child] = true;
	}
}

/* True when something named on the sheet may change the same table besides. */
static bool
others_write(const struct change_world *w, int target)
{
	const struct db_sheet *s = &w->b.sheet;
	bool may[CHANGE_TABLES] = { false };

	for (size_t i = 0; i < w->ng; i++)
		if (w->g[i].sets && lists(&s->triggers, w->g[i].name) && says(&s->note, "triggers may make others"))
			return true;
	reach(w, may);
	return may[target] || has_any(&s->rules) || has_any(&s->policies);
}

/* A trigger may keep rows from it: then it is held. */
static bool
keeps_back(const struct change_world *w)
{
	for (size_t i = 0; i < w->ng; i++)
		if (w->g[i].sets && lists(&w->b.sheet.triggers, w->g[i].name))
			return true;
	return false;
}

/* "name type," of each; types may have a comma between parentheses. */
static bool
read_columns(struct change_world *w, const struct change_table *t, struct shown *s)
{
	const char *p = buf_str(&w->columns);

	s->n = 0;
	while (*p != '\0' && s->n < CELLS) {
		size_t n = strcspn(p, " ,"), c = 0;
		int depth = 0;

		while (c < t->n && (strlen(t->c[c].name) != n || strncasecmp(t->c[c].name, p, n) != 0))
			c++;
		if (c == t->n && strncmp(p, "late ", 5) != 0)
			return false;
		s->column[s->n] = c;
		s->new[s->n++] = strncmp(p + n, " (new)", 6) == 0;
		for (p += n; *p != '\0' && (*p != ',' || depth > 0); p++)
			depth += *p == '(' ? 1 : *p == ')' ? -1 : 0;
		p += *p == ',';
	}
	return s->n > 0;
}

/* Cells of one line, cut in place. */
static size_t
cut(char *line, const char **cell)
{
	size_t n = 0;

	for (char *save, *p = strtok_r(line, "|", &save); p != NULL && n < CELLS; p = strtok_r(NULL, "|", &save))
		cell[n++] = strcmp(p, "~") == 0 ? NULL : p;
	return n;
}

static bool
same(const char *a, const char *b)
{
	return a == NULL || b == NULL ? a == b : strcmp(a, b) == 0;
}

static struct change_row *
find(struct change_rows *rows, const struct change_table *t, const struct shown *s, const char *const *cell)
{
	for (size_t i = 0; i < rows->n; i++) {
		bool is = !rows->v[i].used;

		for (size_t c = 0; c < s->n && is; c++)
			is = s->new[c] || s->column[c] == t->n || same(rows->v[i].cell[s->column[c]], cell[c]);
		if (is)
			return &rows->v[i];
	}
	return NULL;
}

static void
set_cell(char **to, const char *v)
{
	free(*to);
	*to = v != NULL ? must_strdup(v) : NULL;
}

/* How MariaDB makes a whole number of a fraction depends on where it comes from: the fraction is shown, and marked so. */
static bool
is_rounded(const struct change_world *w, const struct change_column *c, const char *cell)
{
	return w->engine->engine == SQL_MARIADB && !c->text && strchr("nr", c->name[0]) == NULL && cell != NULL && strchr(cell, '.') != NULL;
}

/* Does to the rows what the sheet shows; NULL, or that a row shown is not there. */
static const char *
apply(struct change_world *w, const struct change_table *t, const struct shown *s, struct change_rows *rows, bool deletes)
{
	char *text = must_strdup(buf_str(&w->rows)), *save;
	const char *why = NULL;

	for (size_t i = 0; i < rows->n; i++)
		rows->v[i].used = false;
	for (char *line = strtok_r(text, "\n", &save); line != NULL && why == NULL; line = strtok_r(NULL, "\n", &save)) {
		const char *cell[CELLS];
		struct change_row *row;
		size_t n = cut(line, cell);

		row = n == s->n ? find(rows, t, s, cell) : NULL;
		if (row == NULL) {
			why = "a row of the sample is not there as it is shown before";
			break;
		}
		row->used = true;
		for (size_t c = 0; c < s->n && !deletes; c++)
			if (s->new[c] && is_rounded(w, &t->c[s->column[c]], cell[c]))
				w->rounded = true;
			else if (s->new[c])
				set_cell(&row->cell[s->column[c]], cell[c]);
	}
	free(text);
	return why;
}

/* Rows that are used are gone. */
static void
drop_used(const struct change_table *t, struct change_rows *rows)
{
	struct change_rows kept = { .n = 0 }, gone = { .n = 0 };

	kept.v = must_zalloc((rows->n + 1) * sizeof *kept.v);
	gone.v = must_zalloc((rows->n + 1) * sizeof *gone.v);
	for (size_t i = 0; i < rows->n; i++)
		if (rows->v[i].used)
			gone.v[gone.n++] = rows->v[i];
		else
			kept.v[kept.n++] = rows->v[i];
	free(rows->v);
	change_rows_free(t, &gone);
	*rows = kept;
}

/* All rows are shown: the table is what the sample makes of it. Else: no more differ than were counted. */
static const char *
compare(struct change_world *w, const struct change_table *t, struct change_rows *before, struct change_rows *expected,
    struct change_rows *after)
{
	size_t differ = change_rows_less(t, before, after);

	if (differ > w->b.sheet.count)
		return "more rows differ than the sheet counts";
	if (w->shown_rows == w->b.sheet.count && !change_rows_same(t, expected, after, false))
		return "the table is not what the sample shows";
	return NULL;
}

static const char *
judge_rows(struct change_world *w, int target, const struct change_state *before, struct change_state *after)
{
	const struct change_table *t = &w->t[target];
	bool deletes = strcmp(w->b.facts->verb, "DELETE") == 0, loose = others_write(w, target);
	struct change_rows b = before->t[target], expected = change_rows_copy(t, &b);
	struct shown s;
	const char *why = NULL;

	w->rounded = false;
	if (w->shown_rows > 0 && !read_columns(w, t, &s))
		why = "the columns of the sample cannot be read";
	else if (w->shown_rows > 0)
		why = apply(w, t, &s, &expected, deletes);
	loose = loose || w->rounded;
	if (why == NULL && deletes)
		drop_used(t, &expected);
	if (why == NULL && !loose && (w->shown_rows > 0 || w->b.sheet.count == 0))
		why = compare(w, t, &b, &expected, &after->t[target]);
	if (why == NULL && !loose && change_rows_less(t, &b, &after->t[target]) > w->b.sheet.count)
		why = "more rows differ than the sheet counts";
	w->loose += loose ? 1 : 0;
	change_rows_free(t, &expected);
	return why;
}

/* SQLite makes 3.0 of a 3 in a column of type REAL: the same number. */
static bool
same_value(const char *a, const char *b)
{
	char *ea, *eb;

	if (a == NULL || b == NULL || same(a, b))
		return same(a, b);
	return strtod(a, &ea) == strtod(b, &eb) && ea != a && eb != b && *ea == '\0' && *eb == '\0';
}

/* A row that was added and has what the line shows of it. In the place of a NULL SQLite gives a whole key a number. */
static bool
is_added(const struct change_world *w, const struct change_table *t, const struct shown *s, const char *const *cell,
    struct change_rows *rows)
{
	for (size_t i = 0; i < rows->n; i++) {
		bool is = !rows->v[i].used;

		for (size_t c = 0; c < s->n && is; c++)
			is = !s->new[c] || same_value(rows->v[i].cell[s->column[c]], cell[c]) ||
			    is_rounded(w, &t->c[s->column[c]], cell[c]) ||
			    (w->engine->engine == SQL_SQLITE && cell[c] == NULL && s->column[c] < t->nkeys);
		if (is)
			return rows->v[i].used = true;
	}
	return false;
}

/* An INSERT: as many rows as were counted are there besides, and those of the sample are among them. */
static const char *
judge_added(struct change_world *w, int target, struct change_rows *before, struct change_rows *after)
{
	const struct change_table *t = &w->t[target];
	const char *why = NULL;
	struct shown s;

	if (others_write(w, target) || (keeps_back(w) && w->shown_rows < w->b.sheet.count)) {
		w->loose++;
		return NULL;
	}
	if (change_rows_less(t, before, after) > 0)
		return "an INSERT changed or removed rows that were there";
	if (change_rows_less(t, after, before) != w->b.sheet.count)
		return "not as many rows were added as the sheet counts";
	if (w->shown_rows > 0 && read_columns(w, t, &s)) {
		char *text = must_strdup(buf_str(&w->rows)), *save;

		for (char *line = strtok_r(text, "\n", &save); line != NULL && why == NULL; line = strtok_r(NULL, "\n", &save)) {
			const char *cell[CELLS];

			if (cut(line, cell) != s.n || !is_added(w, t, &s, cell, after))
				why = "a row of the sample was not added as it is shown";
		}
		free(text);
	}
	return why;
}

const char *
change_judge_sheet(struct change_world *w, struct change_state *before, struct change_state *after, uint64_t touched)
{
	const struct db_sheet *s = &w->b.sheet;
	int target = target_of(w);

	if (!s->count_known || target < 0 || s->inexact)
		return NULL;
	if (touched != s->count && !has_any(&s->policies) && !others_write(w, target) && !keeps_back(w)) {
		snprintf(finding, sizeof finding, "the sheet counts %llu, and %llu were touched", (unsigned long long)s->count,
		    (unsigned long long)touched);
		return finding;
	}
	return strcmp(w->b.facts->verb, "INSERT") == 0 ? judge_added(w, target, &before->t[target], &after->t[target]) :
	    judge_rows(w, target, before, after);
}

static bool
together(const struct change_world *w, size_t a, size_t b)
{
	return a == b || (w->t[a].part && w->t[a].of == b) || (w->t[b].part && w->t[b].of == a) ||
	    (w->t[a].part && w->t[b].part && w->t[a].of == w->t[b].of);
}

/* The triggers wrote down that they fired: each is named, or stands at a table that something named may write. */
static const char *
judge_fired(struct change_world *w, struct change_state *before, struct change_state *after, const bool *may)
{
	(void)change_rows_less(&w->t[0], &after->t[0], &before->t[0]);
	for (size_t i = 0; i < after->t[0].n; i++) {
		const char *who = after->t[0].v[i].cell[0];

		for (size_t g = 0; g < w->ng && !after->t[0].v[i].used; g++) {
			const struct db_sheet *s = &w->b.sheet;

			if (strcmp(who, w->g[g].name) != 0 || lists(&s->triggers, who) || lists(&s->rules, who) ||
			    (w->engine->engine != SQL_SQLITE && has_any(&s->triggers) && may[w->g[g].on]))
				continue;
			snprintf(finding, sizeof finding, "the trigger %s fired, and is not named on the sheet", who);
			return finding;
		}
	}
	return NULL;
}

const char *
change_judge_names(struct change_world *w, struct change_state *before, struct change_state *after)
{
	bool may[CHANGE_TABLES] = { false };
	int target = target_of(w);

	if (target >= 0)
		may[target] = true;
	reach(w, may);
	for (size_t i = 0; i < w->nt; i++) {
		bool told = may[i];

		for (size_t k = 0; k < w->nt; k++)
			told = told || (may[k] && together(w, i, k));
		if (!told && !change_rows_same(&w->t[i], &before->t[i], &after->t[i], true)) {
			snprintf(finding, sizeof finding, "%s changed, and nothing on the sheet says so", w->t[i].name);
			return finding;
		}
	}
	return judge_fired(w, before, after, may);
}

static const char *
judge_effect(struct change_world *w, size_t i, bool exact, const json_t *effects, struct change_state *before, struct change_state *after)
{
	json_int_t ins = 0, upd = 0, del = 0, less, more;
	const json_t *one;
	size_t k;

	json_array_foreach(effects, k, one) {
		const char *name = json_string_value(json_object_get(one, "table"));
		int at = name != NULL ? table_named(w, name, strlen(name)) : -1;

		if (at < 0 && w->engine->engine == SQL_MARIADB)
			return NULL;	/* "(several tables)" */
		if (at >= 0 && w->t[at].view)
			at = (int)w->t[at].of;
		if (at < 0 || (at != (int)i && !(w->t[at].part && w->t[at].of == i)))
			continue;
		ins += json_integer_value(json_object_get(one, "inserted"));
		upd += json_integer_value(json_object_get(one, "updated"));
		del += json_integer_value(json_object_get(one, "deleted"));
	}
	less = (json_int_t)change_rows_less(&w->t[i], &before->t[i], &after->t[i]);
	more = (json_int_t)change_rows_less(&w->t[i], &after->t[i], &before->t[i]);
	if (exact && ins + upd + del > (json_int_t)w->b.r.rows) {
		snprintf(finding, sizeof finding, "of %s the effects say +%d ~%d -%d, and %d were touched", w->t[i].name, (int)ins, (int)upd,
		    (int)del, (int)w->b.r.rows);
		return finding;
	}
	if (ins - del == (json_int_t)after->t[i].n - (json_int_t)before->t[i].n && less <= upd + del && more <= upd + ins)
		return NULL;
	snprintf(finding, sizeof finding, "of %s the effects say +%d ~%d -%d, and it has %d rows that were not there, %d are not there any more",
	    w->t[i].name, (int)ins, (int)upd, (int)del, (int)more, (int)less);
	return finding;
}

const char *
change_judge_effects(struct change_world *w, bool alone, const char *effects, struct change_state *before, struct change_state *after)
{
	json_t *v = json_loads(effects, 0, NULL);
	const char *why = v == NULL ? "the effects cannot be read" : NULL;
	bool all = w->engine->engine != SQL_MARIADB || (alone && !has_any(&w->b.sheet.triggers) && !has_any(&w->b.sheet.cascades));
	bool exact = alone && !w->b.sheet.inexact && !has_any(&w->b.sheet.triggers) && !has_any(&w->b.sheet.cascades);

	/* of MariaDB only what is written is told, and the hold says so */
	for (size_t i = 0; i < w->nt && why == NULL && all; i++)
		if (!w->t[i].view)
			why = judge_effect(w, i, exact, v, before, after);
	json_decref(v);
	return why;
}
