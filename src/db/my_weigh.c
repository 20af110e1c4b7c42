/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What a read would cost. Which tables are large is asked once a minute at most; a read of none of them is not asked
 * about, any other is planned by the server and the plan is read. What is behind a view the guard finds. */
#include "config.h"

#include "my.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "twokey/base/clock.h"
#include "twokey/base/err.h"
#include "twokey/base/must.h"

enum { KEEP_MS = 60 * 1000, FROM_THE_FRONT = 10000 };

struct my_large {
	char *schema, *name;
	int64_t bytes;
	bool view;
};

struct my_sizes {
	struct my_large *v;
	size_t n;
	int64_t least;		/* bytes; smaller ones were not asked for */
	int64_t read_ms;
};

void
my_sizes_free(struct my_sizes *sizes)
{
	if (sizes == NULL)
		return;
	for (size_t i = 0; i < sizes->n; i++) {
		free(sizes->v[i].schema);
		free(sizes->v[i].name);
	}
	free(sizes->v);
	free(sizes);
}

static struct my_sizes *
sizes_of(MYSQL_RES *res, int64_t least)
{
	struct my_sizes *s = must_zalloc(sizeof *s);
	MYSQL_ROW row;

	s->least = least;
	s->read_ms = clock_mono_ms();
	s->v = must_zalloc(((size_t)mysql_num_rows(res) + 1) * sizeof *s->v);
	while ((row = mysql_fetch_row(res)) != NULL)
		s->v[s->n++] = (struct my_large){ must_strdup(row[0]), must_strdup(row[1]), strtoll(row[2], NULL, 10),
		    row[3] != NULL && row[3][0] == '1' };
	return s;
}

/* Tables grow: what is a quarter of the limit now is not forgotten within a minute. */
static int
know_sizes(struct db_conn *c, int64_t limit, struct buf *own, struct err *e)
{
	char least[24];
	struct my_value v;
	MYSQL_RES *res = NULL;
	int ret;

	if (c->sizes != NULL && clock_mono_ms() - c->sizes->read_ms < KEEP_MS && c->sizes->least <= limit / 2)
		return 0;
	snprintf(least, sizeof least, "%lld", (long long)(limit / 4));
	v = my_number(least);
	ret = my_is_walled(c) ? 0 : my_leave(c, own, e);
	if (ret == 0)
		ret = my_own(c, OWN_MY_SIZES, 1, &v, own, &res, e);
	if (ret == 0) {
		my_sizes_free(c->sizes);
		c->sizes = sizes_of(res, limit / 4);
	}
	mysql_free_result(res);
	return ret;
}

/* Letters count as the same however they are written: a server may hold them so. */
static const struct my_large *
find(const struct db_conn *c, const char *schema, const char *name)
{
	for (size_t i = 0; c->sizes != NULL && i < c->sizes->n; i++)
		if (strcasecmp(c->sizes->v[i].schema, schema) == 0 && strcasecmp(c->sizes->v[i].name, name) == 0)
			return &c->sizes->v[i];
	return NULL;
}

void
my_sizes_meet(struct db_conn *c, const char *schema, const char *name)
{
	const struct my_large *l = find(c, schema, name);

	if (l != NULL && !l->view && (c->largest == NULL || l->bytes > c->largest->bytes))
		c->largest = l;
}

/* Every name of the statement; true when one of them is a view. */
static bool
meet_all(struct db_conn *c, const struct sql_facts *f)
{
	bool view = false;

	c->largest = NULL;
	for (size_t i = 0; i < f->ntables; i++) {
		const struct sql_table *t = &f->tables[i];
		char *schema = t->schema.n > 0 ? must_strndup(t->schema.p, t->schema.n) : must_strdup(c->database);
		char *name = must_strndup(t->name.p, t->name.n);
		const struct my_large *l = find(c, schema, name);

		view = view || (l != NULL && l->view);
		my_sizes_meet(c, schema, name);
		free(schema);
		free(name);
	}
	return view;
}

static int
take_columns(void *ctx, const struct db_column *cols, size_t n)
{
	my_plan_columns(ctx, cols, n);
	return 0;
}

static int
take_row(void *ctx, const struct db_cell *cells, size_t n)
{
	my_plan_row(ctx, cells, n);
	return 0;
}

/* Something is not there any more: the server says that against the read, too. But a text that can only not be
 * planned (SET STATEMENT ... FOR) is one of unknown cost. */
static bool
will_fail(const struct db_result *r)
{
	return r->end == DB_FAILED && (strcmp(r->code, "42S02") == 0 || strcmp(r->code, "42S22") == 0);
}

static void
ran(struct db_weight *w, const struct buf *own)
{
	if (buf_len(own) < sizeof w->own) {
		memcpy(w->own, buf_data(own), buf_len(own));
		w->own[buf_len(own)] = '\0';
	}
}

/* The guard first, then the plan. */
static int
weigh_plan(struct db_conn *c, const struct db_statement *s, const struct sql_facts *f,
    const struct db_weight_limit *limit, struct db_result *r, struct db_weight *w, struct err *e)
{
	struct my_plan plan = { .bad = true };
	struct db_sink sink = { &plan, take_columns, take_row };
	int ret = my_check(c, s, f, r, e);

	if (ret != 0)	/* ERR_STATEMENT: it is refused as well when it is sent */
		return ret == ERR_STATEMENT ? 0 : ret;
	if (c->largest == NULL || c->largest->bytes < limit->table_bytes)
		return 0;
	snprintf(w->table, sizeof w->table, "%.90s.%.90s", c->largest->schema, c->largest->name);
	w->table_bytes = c->largest->bytes;
	ret = my_read_plan(c, s, &sink, r, e);
	if (ret != 0)
		return ret;
	if (r->end == DB_FAILED || plan.bad) {
		w->over = !will_fail(r);
		return 0;
	}
	w->rows = plan.sum;
	if (f->has_limit && f->nfunctions == 0 && f->noperators == 0 && plan.only_one && w->rows > FROM_THE_FRONT)
		w->rows = FROM_THE_FRONT;
	w->over = w->rows > limit->rows;
	return 0;
}

static bool
only_asks(const char *verb)
{
	return strcmp(verb, "EXPLAIN") == 0 || strncmp(verb, "DESC", 4) == 0 || strncmp(verb, "SHOW", 4) == 0;
}

static int
weigh(struct db_conn *c, const struct db_statement *s, const struct sql_facts *f, const struct db_weight_limit *limit,
    struct db_result *r, struct db_weight *w, struct err *e)
{
	struct err why = { .text = "" };
	int ret = know_sizes(c, limit->table_bytes, &r->own, &why);
	bool view;

	if (ret == ERR_STATEMENT || (ret == ERR_CANCELLED && !atomic_load(&c->cancelled))) {
		w->over = true;		/* nobody knows how large it is */
		return 0;
	}
	if (ret != 0)
		return err_set(e, (enum err_code)ret, "%s", why.text);
	view = meet_all(c, f);
	if (!view && (c->largest == NULL || c->largest->bytes < limit->table_bytes))
		return 0;
	return weigh_plan(c, s, f, limit, r, w, e);
}

/* What was looked at is let go, in one trip. */
static int
leave(struct db_conn *c, struct buf *own, struct err *e)
{
	struct err why;

	if (c->lost)
		return ERR_DATABASE;
	if (buf_len(own) == 0)
		return 0;
	if (my_own(c, OWN_MY_NEXT_READ, 0, NULL, own, NULL, &why) == 0 && my_is_walled(c))
		return 0;
	return my_leave(c, own, e);
}

int
my_weigh(struct db_conn *c, const struct db_statement *s, const struct sql_facts *f, const struct db_weight_limit *limit,
    struct db_weight *w, struct err *e)
{
	struct db_result r;
	int ret, left;

	*w = (struct db_weight){ 0 };
	if (limit->table_bytes <= 0 || f->ntables == 0 || only_asks(f->verb))
		return 0;
	if (c->lost)
		return err_set(e, ERR_DATABASE, "the connection to the database is lost; open a new session");
	ret = my_sendable(s, f, e);
	if (ret != 0)
		return ret;
	db_result_init(&r);
	my_begin(c);
	ret = weigh(c, s, f, limit, &r, w, e);
	if (ret == 0 && atomic_load(&c->cancelled))
		ret = err_set(e, ERR_CANCELLED, "cancelled while its cost was estimated");
	left = leave(c, &r.own, ret == 0 ? e : NULL);
	my_end(c);
	if (left == 0)
		left = my_settled(c, &r.own, ret == 0 ? e : NULL);
	ran(w, &r.own);
	db_result_fini(&r);
	return ret != 0 ? ret : left;
}
