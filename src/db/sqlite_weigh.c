/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What a read of SQLite would cost: its query plan tells what is scanned and what is searched, ANALYZE or the last
 * rowid how long a table is. A file that is not large itself holds no large table. */
#include "config.h"

#include "sqlite.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "twokey/base/err.h"
#include "twokey/base/must.h"

enum { NODES_MAX = 500, ROW_BYTES = 16, DEPTH_MAX = 100, WORDS = 160 };

/* Where ANALYZE has not run: as the engine itself guesses. */
static const double per_value = 10, per_range = 4;
/* A LIMIT without anything that filters, groups or sorts: its rows come from the front. */
static const double from_the_front = 1000;

struct node {
	int id, parent;
	char what[WORDS];
};

struct weigh {
	struct db_conn *c;
	const struct sql_facts *f;
	struct buf own;
	double file_bytes;
	bool counted;		/* ANALYZE has run */
	bool bad;		/* not the plan that we know how to read */
	struct node *nodes;
	size_t n;
	double rows;
	double longest;		/* rows of the longest table that the statement names */
	char table[WORDS];
};

static bool
begins(const char *s, const char *with)
{
	return strncmp(s, with, strlen(with)) == 0;
}

/* A number of one of our own statements, with a name bound where it asks for one; -1 when there is none. */
static double
number(struct weigh *w, enum own_id id, const char *name)
{
	sqlite3_stmt *st = sqlite_own(w->c, w->c->ro, id, &w->own, NULL);
	double v = -1;

	if (st != NULL && name != NULL)
		sqlite3_bind_text(st, 1, name, -1, SQLITE_STATIC);
	if (st != NULL && sqlite3_step(st) == SQLITE_ROW)
		v = sqlite3_column_double(st, 0);
	sqlite3_finalize(st);
	return v;
}

static const char *
text(sqlite3_stmt *st, int i)
{
	const char *s = (const char *)sqlite3_column_text(st, i);

	return s != NULL ? s : "";
}

/* As ANALYZE left it: rows of a table, or those that one value of an index finds; -1 when it does not say. */
static double
counted_rows(struct weigh *w, const char *table, const char *index)
{
	sqlite3_stmt *st = w->counted ? sqlite_own(w->c, w->c->ro, OWN_SQLITE_STAT, &w->own, NULL) : NULL;
	double rows = -1;

	while (st != NULL && sqlite3_step(st) == SQLITE_ROW) {
		char *end;
		double all = strtod(text(st, 2), &end), found = strtod(end, NULL);

		if (index != NULL && sqlite3_stricmp(text(st, 1), index) == 0)
			rows = found;
		if (index == NULL && sqlite3_stricmp(text(st, 0), table) == 0 && all > rows)
			rows = all;
	}
	sqlite3_finalize(st);
	return rows;
}

/* Found in one step; -1 when it cannot be asked. */
static double
last_rowid(struct weigh *w, const char *table)
{
	struct buf *sql = &w->c->text;
	sqlite3_stmt *st = NULL;
	double v = -1;

	buf_reset(sql);
	buf_putf(sql, "/* twokey %s */ SELECT max(rowid) FROM main.\"", w->c->tag);
	for (const char *s = table; *s != '\0'; s++)
		buf_put(sql, *s == '"' ? "\"\"" : s, *s == '"' ? 2 : 1);
	buf_puts(sql, "\"");
	own_ran(&w->own, OWN_SQLITE_DERIVED_LAST);
	w->c->gate.wall = SQLITE_WALL_OWN;
	w->c->gate.triggers = NULL;
	if (!buf_over(sql) && sqlite3_prepare_v3(w->c->ro, buf_str(sql), -1, 0, &st, NULL) == SQLITE_OK &&
	    sqlite3_step(st) == SQLITE_ROW)
		v = sqlite3_column_double(st, 0);
	sqlite3_finalize(st);
	return v;
}

/* More than fit into the file when nothing better is known. */
static double
rows_of(struct weigh *w, const char *table, double kind)
{
	double rows = counted_rows(w, table, NULL);

	if (rows < 0 && kind == 2)
		rows = last_rowid(w, table);
	return rows >= 0 ? rows : w->file_bytes / ROW_BYTES;
}

static void
find_longest(struct weigh *w)
{
	for (size_t i = 0; i < w->f->ntables; i++) {
		char name[WORDS];
		double rows;

		snprintf(name, sizeof name, "%.*s", (int)w->f->tables[i].name.n, w->f->tables[i].name.p);
		rows = rows_of(w, name, number(w, OWN_SQLITE_KIND, name));
		if (w->table[0] == '\0' || rows > w->longest) {
			w->longest = rows;
			memcpy(w->table, name, sizeof w->table);
		}
	}
}

/* The word behind SCAN or SEARCH, and the name of the index if one is used. */
static void
names_in(const char *what, char table[WORDS], char index[WORDS])
{
	const char *s = strchr(what, ' ') + 1, *at = strstr(s, " INDEX ");

	snprintf(table, WORDS, "%.*s", (int)strcspn(s, " "), s);
	index[0] = '\0';
	if (at != NULL)
		snprintf(index, WORDS, "%.*s", (int)strcspn(at + 7, " "), at + 7);
}

/* Rows that one pass of a loop goes through. What is told by its alias may be any of the tables. */
static double
rows_of_loop(struct weigh *w, const char *what)
{
	char table[WORDS], index[WORDS];
	double kind, all, found;

	if (strstr(what, "CONSTANT ROW") != NULL)
		return 1;
	names_in(what, table, index);
	kind = number(w, OWN_SQLITE_KIND, table);
	all = kind > 0 ? rows_of(w, table, kind) : w->longest;
	if (begins(what, "SCAN ") || strstr(what, " USING ") == NULL)	/* max() "searches" a whole table */
		return all;
	if (strstr(what, "(rowid=?)") != NULL || begins(index, "sqlite_autoindex_"))
		return 1;
	found = index[0] != '\0' ? counted_rows(w, table, index) : -1;
	if (strchr(what, '=') == NULL)
		return all / per_range;
	return found >= 0 ? found : all / per_value;
}

/* Loops that stand beside each other run inside each other, the first one outside. */
static void
walk(struct weigh *w, int parent, double times, int depth)
{
	double outside = times;

	if (depth > DEPTH_MAX) {
		w->bad = true;
		return;
	}
	for (size_t i = 0; i < w->n && !w->bad; i++) {
		const struct node *n = &w->nodes[i];
		double rows;

		if (n->parent != parent)
			continue;
		if (!begins(n->what, "SCAN ") && !begins(n->what, "SEARCH ")) {
			walk(w, n->id, begins(n->what, "CORRELATED ") ? times : outside, depth + 1);
			continue;
		}
		rows = rows_of_loop(w, n->what);
		w->rows += times * rows;
		times *= rows > 1 ? rows : 1;
	}
}

/* 0 with the nodes filled; errors as sqlite_prepare. */
static int
read_plan(struct weigh *w, const struct db_statement *s, struct err *e)
{
	struct buf sql;
	sqlite3_stmt *st;
	int rc = SQLITE_DONE, ret;

	buf_init(&sql, 2 * 1024 * 1024);
	own_ran(&w->own, OWN_SQLITE_PLAN);
	(void)own_sql(&sql, OWN_SQLITE_PLAN, w->c->tag);
	buf_put(&sql, s->bytes, s->n);
	ret = sqlite_prepare(w->c, w->c->ro, SQLITE_WALL_EXPLAIN,
	    &(struct db_statement){ DB_SQL, buf_data(&sql), buf_len(&sql) }, &st, e);
	while (ret == 0 && w->n < NODES_MAX && (rc = sqlite3_step(st)) == SQLITE_ROW) {
		struct node *n = &w->nodes[w->n++];

		n->id = sqlite3_column_int(st, 0);
		n->parent = sqlite3_column_int(st, 1);
		snprintf(n->what, sizeof n->what, "%s", text(st, 3));
	}
	w->bad = ret == 0 && rc != SQLITE_DONE;
	if (ret == 0)
		sqlite3_finalize(st);
	buf_fini(&sql);
	return ret;
}

static bool
sorts(const struct weigh *w)
{
	for (size_t i = 0; i < w->n; i++)
		if (strstr(w->nodes[i].what, "TEMP B-TREE") != NULL)
			return true;
	return false;
}

static int
weigh(struct weigh *w, const struct db_statement *s, double limit, struct db_weight *out, struct err *e)
{
	const struct sql_facts *f = w->f;
	int ret;

	w->counted = number(w, OWN_SQLITE_HAS_STAT, NULL) > 0;
	find_longest(w);
	ret = read_plan(w, s, e);
	if (ret == ERR_STATEMENT)
		return 0;	/* the engine refuses the read as well */
	if (ret != 0)
		return ret;
	walk(w, 0, 1, 0);
	if (f->has_limit && f->nfunctions == 0 && f->noperators == 0 && w->n == 1 && !sorts(w) && w->rows > from_the_front)
		w->rows = from_the_front;
	out->rows = w->rows;
	out->over = w->bad || w->rows > limit;
	out->table_bytes = (int64_t)w->file_bytes;
	snprintf(out->table, sizeof out->table, "%s", w->table);
	return 0;
}

double
sqlite_guess(struct db_conn *c, const struct db_statement *s, const struct sql_facts *f, struct buf *own)
{
	struct weigh x = { .c = c, .f = f };
	struct db_weight w = { 0 };
	double rows = -1;

	if (f->ntables == 0)
		return -1;
	buf_init(&x.own, 4096);
	x.nodes = must_zalloc((NODES_MAX + 1) * sizeof *x.nodes);
	x.file_bytes = number(&x, OWN_SQLITE_SIZE, NULL);
	if (x.file_bytes >= 0 && weigh(&x, s, 0, &w, NULL) == 0 && !x.bad && x.n > 0)
		rows = w.rows;
	own_list_join(own, &x.own);
	free(x.nodes);
	buf_fini(&x.own);
	return rows;
}

int
sqlite_weigh(struct db_conn *c, const struct db_statement *s, const struct sql_facts *f, const struct db_weight_limit *limit,
    struct db_weight *w, struct err *e)
{
	struct weigh x = { .c = c, .f = f };
	int ret = sqlite_same_file(c, c->ro, e);

	*w = (struct db_weight){ 0 };
	if (ret != 0 || limit->table_bytes <= 0 || f->ntables == 0 || strcmp(f->verb, "EXPLAIN") == 0)
		return ret;
	buf_init(&x.own, 4096);
	sqlite_begin(c, c->ro);
	x.file_bytes = number(&x, OWN_SQLITE_SIZE, NULL);
	if (x.file_bytes < 0) {
		w->over = true;
	} else if (x.file_bytes >= (double)limit->table_bytes) {
		x.nodes = must_zalloc((NODES_MAX + 1) * sizeof *x.nodes);
		ret = weigh(&x, s, limit->rows, w, e);
		free(x.nodes);
	}
	sqlite_end(c);
	if (buf_len(&x.own) < sizeof w->own)
		snprintf(w->own, sizeof w->own, "%s", buf_str(&x.own));
	buf_fini(&x.own);
	return ret;
}
