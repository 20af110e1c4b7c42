/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Everything that a request is bound to, read in the open transaction. */
#include "config.h"

#include "pg.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "twokey/base/err.h"

#include "allowed.h"

static bool
same(const struct sql_str *s, const PGresult *res, int row, int col)
{
	size_t n = (size_t)PQgetlength(res, row, col);

	return s->n == n && (n == 0 || memcmp(s->p, PQgetvalue(res, row, col), n) == 0);
}

static bool
is_written(const struct pg_look *l, const PGresult *res, int row)
{
	return l->table != NULL && same(&l->table->schema, res, row, 0) && same(&l->table->name, res, row, 1);
}

/* Which relations the names mean; oids becomes an array literal. */
static int
find_relations(struct pg_look *l, struct buf *oids, struct err *e)
{
	struct pg_guard g;
	const char *values[2];
	PGresult *res;
	int ret;

	pg_guard_init(&g, l->s, l->f);
	values[0] = buf_str(&g.schemas);
	values[1] = buf_str(&g.tables);
	ret = pg_own(l->c, OWN_PG_RELATIONS, 2, values, &l->sheet->own, &res, e);
	pg_guard_fini(&g);
	buf_putc(oids, '{');
	for (int i = 0; ret == 0 && i < PQntuples(res); i++) {
		if (PQgetisnull(res, i, 2))
			continue;
		pg_array_add(oids, PQgetvalue(res, i, 2), (size_t)PQgetlength(res, i, 2));
		if (is_written(l, res, i)) {
			double rows = strtod(PQgetvalue(res, i, 4), NULL);

			snprintf(l->oid, sizeof l->oid, "%.15s", PQgetvalue(res, i, 2));
			l->kind = PQgetvalue(res, i, 3)[0];
			l->sheet->table_rows = rows >= 0 ? (int64_t)rows : -1;
		}
	}
	buf_putc(oids, '}');
	PQclear(res);
	return ret;
}

/* Rows of a text and of what it is called. */
static int
add_rows(struct pg_look *l, enum own_id id, int n, const char *const *values, struct err *e)
{
	PGresult *res;
	int ret = pg_own(l->c, id, n, values, &l->sheet->own, &res, e);

	for (int i = 0; ret == 0 && i < PQntuples(res); i++) {
		db_ground_add(&l->ground, PQgetvalue(res, i, 0), (size_t)PQgetlength(res, i, 0));
		db_ground_name(&l->ground, "%s", PQgetvalue(res, i, 1));
	}
	PQclear(res);
	return ret;
}

static void
add_place(struct pg_look *l)
{
	db_bind_place(&l->ground, l->s, &(struct db_place){ .format = "twokey bind postgres 1", .identity = l->c->identity,
	    .database = l->c->database, .role = l->c->role,
	    .guard = l->guarded ? "guard: clear" : buf_str(&l->sheet->note) });
}

int
pg_look_in(struct pg_look *l, const struct db_sink *sample, struct err *e)
{
	struct buf oids;
	int ret;

	buf_init(&oids, 16 * 1024);
	db_ground_begin(&l->ground, &l->sheet->shown.parts);
	add_place(l);
	ret = find_relations(l, &oids, e);
	if (ret == 0)
		ret = pg_settings(l->c, &l->sheet->own, &l->ground, e);
	if (ret == 0)
		ret = add_rows(l, OWN_PG_DEFINITIONS, 1, (const char *const []){ buf_str(&oids) }, e);
	if (ret == 0)
		ret = l->f->class == SQL_CLASS_DDL ? pg_define_sets_off(l, e) : pg_look_sets_off(l, e);
	l->ground.reached = true;
	if (ret == 0 && (buf_len(&l->sheet->triggers) > 0 || l->ruled || !l->guarded))
		ret = add_rows(l, OWN_PG_MADE, 0, NULL, e);
	if (ret == 0 && sql_is_definition(l->f))
		ret = pg_define(l, e);
	else if (ret == 0)
		ret = pg_look_match(l, sample, e);
	db_bind_end(&l->ground, &l->match, l->sheet);
	buf_fini(&oids);
	return ret;
}
