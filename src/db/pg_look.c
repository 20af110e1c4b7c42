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

enum { BIT_INSERT = 4, BIT_DELETE = 8, BIT_UPDATE = 16, BIT_TRUNCATE = 32 };

struct verb {
	const char *verb;
	int bit;		/* of pg_trigger.tgtype */
	const char *rule;	/* pg_rewrite.ev_type */
};
static const struct verb verbs[] = {
	{ "UPDATE", BIT_UPDATE, "2" }, { "INSERT", BIT_INSERT, "3" }, { "DELETE", BIT_DELETE, "4" },
	{ "TRUNCATE", BIT_TRUNCATE, "0" },
	{ "", BIT_INSERT | BIT_DELETE | BIT_UPDATE | BIT_TRUNCATE, "0" },	/* any other: all of them */
};

static const struct verb *
verb_of(const struct sql_facts *f)
{
	const struct verb *v = verbs;

	while (v->verb[0] != '\0' && strcmp(v->verb, f->verb) != 0)
		v++;
	return v;
}

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

static int
add_definitions(struct pg_look *l, struct buf *oids, struct err *e)
{
	const char *values[1] = { buf_str(oids) };
	PGresult *res;
	int ret = pg_own(l->c, OWN_PG_DEFINITIONS, 1, values, &l->sheet->own, &res, e);

	for (int i = 0; ret == 0 && i < PQntuples(res); i++)
		digest_add_part(l->sum, PQgetvalue(res, i, 0), (size_t)PQgetlength(res, i, 0));
	PQclear(res);
	return ret;
}

static void
put_rules(struct pg_look *l, const char *name)
{
	char text[200];

	l->ruled = true;
	l->sheet->dangers |= SQL_DANGER_BIT(SQL_DANGER_RULE);
	snprintf(text, sizeof text, "the rule %.100s replaces or adds statements", name);
	db_note(&l->sheet->note, text);
}

/* Triggers, cascades and rules by name. */
static int
find_set_off(struct pg_look *l, struct err *e)
{
	const struct verb *v = verb_of(l->f);
	const char *values[4];
	struct buf columns;
	char bit[12];
	PGresult *res;
	int ret;

	if (l->oid[0] == '\0')
		return 0;
	buf_init(&columns, 256 * 1024);
	buf_putc(&columns, '{');
	for (size_t i = 0; i < l->f->ncolumns && v->bit == BIT_UPDATE; i++)
		pg_array_add(&columns, l->f->columns[i].p, l->f->columns[i].n);
	buf_putc(&columns, '}');
	snprintf(bit, sizeof bit, "%d", v->bit);
	values[0] = l->oid;
	values[1] = bit;
	values[2] = buf_str(&columns);
	values[3] = v->rule;
	ret = pg_own(l->c, OWN_PG_SETS_OFF, 4, values, &l->sheet->own, &res, e);
	for (int i = 0; ret == 0 && i < PQntuples(res); i++) {
		const char *kind = PQgetvalue(res, i, 0), *name = PQgetvalue(res, i, 1);

		if (strcmp(kind, "rule") == 0) {
			put_rules(l, name);
			continue;
		}
		own_list_add(kind[0] == 't' ? &l->sheet->triggers : &l->sheet->cascades, name, strlen(name));
		l->sheet->dangers |= SQL_DANGER_BIT(kind[0] == 't' ? SQL_DANGER_TRIGGER : SQL_DANGER_CASCADE);
	}
	PQclear(res);
	buf_fini(&columns);
	return ret;
}

static void
add_place(struct pg_look *l)
{
	db_bind_place(l->sum, l->s, &(struct db_place){ .format = "twokey bind postgres 1", .identity = l->c->identity,
	    .database = l->c->database, .role = l->c->role,
	    .guard = l->guarded ? "guard: clear" : buf_str(&l->sheet->note) });
}

int
pg_look_in(struct pg_look *l, const struct db_sink *sample, struct err *e)
{
	struct digest settings;
	struct buf oids;
	int ret;

	buf_init(&oids, 16 * 1024);
	l->sum = digest_begin();
	add_place(l);
	ret = find_relations(l, &oids, e);
	if (ret == 0)
		ret = pg_settings(l->c, &l->sheet->own, &settings, e);
	if (ret == 0) {
		digest_add_part(l->sum, settings.b, sizeof settings.b);
		ret = add_definitions(l, &oids, e);
	}
	if (ret == 0)
		ret = find_set_off(l, e);
	if (ret == 0)
		ret = pg_look_match(l, sample, e);
	db_bind_end(l->sum, &l->match, l->sheet);
	l->sum = NULL;
	buf_fini(&oids);
	return ret;
}
