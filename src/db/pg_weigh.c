/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What a read would cost. Which relations are large is asked once a minute at most; a read of none of them is not
 * asked about, any other is planned by the server and the plan is read. */
#include "config.h"

#include "pg.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "twokey/base/clock.h"
#include "twokey/base/err.h"
#include "twokey/base/must.h"

enum { KEEP_MS = 60 * 1000, PLAN_MAX = 8 * 1024 * 1024 };

struct large {
	char *schema, *name;	/* what a statement may name: the relation, or a view over it */
	char *table;		/* the relation, as it is told */
	int64_t bytes;
	double rows;
};

struct pg_sizes {
	struct large *v;
	size_t n;
	int64_t least;		/* bytes; smaller ones were not asked for */
	int64_t read_ms;
};

void
pg_sizes_free(struct pg_sizes *sizes)
{
	if (sizes == NULL)
		return;
	for (size_t i = 0; i < sizes->n; i++) {
		free(sizes->v[i].schema);
		free(sizes->v[i].name);
		free(sizes->v[i].table);
	}
	free(sizes->v);
	free(sizes);
}

double
pg_sizes_rows(const struct pg_sizes *sizes, const char *name)
{
	double rows = -1;

	for (size_t i = 0; i < sizes->n; i++)
		if (strcmp(sizes->v[i].name, name) == 0 && sizes->v[i].rows > rows)
			rows = sizes->v[i].rows;
	return rows;
}

static void
ran(struct db_weight *w, const struct buf *own)
{
	if (buf_len(own) < sizeof w->own) {
		memcpy(w->own, buf_data(own), buf_len(own));
		w->own[buf_len(own)] = '\0';
	}
}

static struct pg_sizes *
sizes_of(const PGresult *res, int64_t least)
{
	struct pg_sizes *s = must_zalloc(sizeof *s);

	s->least = least;
	s->read_ms = clock_mono_ms();
	s->n = (size_t)PQntuples(res);
	s->v = must_zalloc((s->n + 1) * sizeof *s->v);
	for (size_t i = 0; i < s->n; i++) {
		s->v[i].schema = must_strdup(PQgetvalue(res, (int)i, 0));
		s->v[i].name = must_strdup(PQgetvalue(res, (int)i, 1));
		s->v[i].table = must_strdup(PQgetvalue(res, (int)i, 2));
		s->v[i].bytes = strtoll(PQgetvalue(res, (int)i, 3), NULL, 10);
		s->v[i].rows = strtod(PQgetvalue(res, (int)i, 4), NULL);
	}
	return s;
}

/* Tables grow: what is a quarter of the limit now is not forgotten within a minute. */
static int
know_sizes(struct db_conn *c, int64_t limit, struct buf *own, struct err *e)
{
	char least[24];
	const char *values[1] = { least };
	PGresult *res = NULL;
	int ret, left;

	if (c->sizes != NULL && clock_mono_ms() - c->sizes->read_ms < KEEP_MS && c->sizes->least <= limit / 2)
		return 0;
	snprintf(least, sizeof least, "%lld", (long long)(limit / 4));
	pg_begin(c);
	ret = pg_own(c, OWN_PG_BEGIN_READ, 0, NULL, own, NULL, e);
	if (ret == 0)
		ret = pg_own(c, OWN_PG_SIZES, 1, values, own, &res, e);
	if (ret == 0) {
		pg_sizes_free(c->sizes);
		c->sizes = sizes_of(res, limit / 4);
	}
	PQclear(res);
	left = pg_leave(c, own, ret == 0 ? e : NULL);
	pg_end(c);
	return ret != 0 ? ret : left;
}

static bool
same(const struct sql_str *s, const char *name)
{
	return s->n == strlen(name) && memcmp(s->p, name, s->n) == 0;
}

/* The largest relation behind any name of the statement; an unqualified name means that of any schema. */
static const struct large *
largest(const struct pg_sizes *sizes, const struct sql_facts *f)
{
	const struct large *most = NULL;

	for (size_t i = 0; i < f->ntables; i++)
		for (size_t k = 0; k < sizes->n; k++) {
			const struct large *l = &sizes->v[k];

			if (same(&f->tables[i].name, l->name) &&
			    (f->tables[i].schema.n == 0 || same(&f->tables[i].schema, l->schema)) &&
			    (most == NULL || l->bytes > most->bytes))
				most = l;
		}
	return most;
}

static int
no_columns(void *ctx, const struct db_column *cols, size_t n)
{
	(void)ctx, (void)cols, (void)n;
	return 0;
}

static int
take_plan(void *ctx, const struct db_cell *cells, size_t n)
{
	struct buf *plan = ctx;

	if (n == 1)
		buf_put(plan, cells[0].p, cells[0].n);
	return 0;
}

/* A statement with an error in its names is refused as well when it is sent: nobody need be asked about it. */
static bool
will_fail(const struct sql_facts *f, const struct db_result *r)
{
	return r->end == DB_FAILED && strncmp(r->code, "42", 2) == 0 && strcmp(f->verb, "SELECT") == 0;
}

static int
weigh_plan(struct db_conn *c, const struct db_statement *s, const struct sql_facts *f, double limit,
    struct db_weight *w, struct err *e)
{
	struct db_result r;
	struct buf plan;
	struct db_sink sink = { &plan, no_columns, take_plan };
	int ret;

	buf_init(&plan, PLAN_MAX);
	db_result_init(&r);
	ret = pg_read_plan(c, s, f, &sink, &r, e);
	if (ret == 0 && r.end == DB_DONE && pg_plan_rows(buf_data(&plan), buf_len(&plan), c->sizes, &w->rows) == 0)
		w->over = w->rows > limit;
	else if (ret == 0 && atomic_load(&c->cancelled))
		ret = err_set(e, ERR_CANCELLED, "cancelled while its cost was estimated");
	else if (ret == 0)
		w->over = !will_fail(f, &r);	/* an answer that cannot be read */
	ran(w, &r.own);
	db_result_fini(&r);
	buf_fini(&plan);
	return ret;
}

int
pg_weigh(struct db_conn *c, const struct db_statement *s, const struct sql_facts *f, const struct db_weight_limit *limit,
    struct db_weight *w, struct err *e)
{
	const struct large *most;
	struct buf own;
	struct err why;
	int ret;

	*w = (struct db_weight){ 0 };
	if (limit->table_bytes <= 0 || f->ntables == 0 || strcmp(f->verb, "EXPLAIN") == 0)
		return 0;
	if (c->lost)
		return err_set(e, ERR_DATABASE, "the connection to the database is lost; open a new session");
	buf_init(&own, 4096);
	ret = know_sizes(c, limit->table_bytes, &own, &why);
	ran(w, &own);
	buf_fini(&own);
	if (ret == ERR_STATEMENT || (ret == ERR_CANCELLED && !atomic_load(&c->cancelled))) {
		w->over = true;		/* nobody knows how large it is */
		return 0;
	}
	if (ret != 0)
		return err_set(e, (enum err_code)ret, "%s", why.text);
	most = largest(c->sizes, f);
	if (most == NULL || most->bytes < limit->table_bytes)
		return 0;
	snprintf(w->table, sizeof w->table, "%s", most->table);
	w->table_bytes = most->bytes;
	return weigh_plan(c, s, f, limit->rows, w, e);
}
