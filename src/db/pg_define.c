/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A change of definitions on PostgreSQL: its object, what depends on it, and what the server itself runs then. */
#include "config.h"

#include "pg.h"

#include <stdio.h>
#include <string.h>

#include "twokey/base/err.h"

/* Event triggers take the place of what a write would set off. */
static int
find_event_triggers(struct pg_look *l, struct err *e)
{
	PGresult *res;
	int ret = pg_own(l->c, OWN_PG_EVENT_TRIGGERS, 0, NULL, &l->sheet->own, &res, e);

	for (int i = 0; ret == 0 && i < PQntuples(res); i++) {
		const char *name = PQgetvalue(res, i, 0);

		own_list_add(&l->sheet->triggers, name, strlen(name));
		l->sheet->dangers |= SQL_DANGER_BIT(SQL_DANGER_TRIGGER);
		db_ground_text(&l->ground, PQgetvalue(res, i, 1));
		db_ground_name(&l->ground, "the %s", name);
	}
	PQclear(res);
	return ret;
}

/* A name that is written with escapes is not looked for: then all are told. */
static bool
may_name(const struct db_statement *s, const char *name)
{
	return db_has_whole_word(s, name) || db_has_word(s, "U&");
}

static int
ask_object(struct pg_look *l, const struct sql_table *t, PGresult **res, struct err *e)
{
	char schema[200], name[200];
	const char *values[2] = { schema, name };

	snprintf(schema, sizeof schema, "%.*s", (int)t->schema.n, t->schema.p);
	snprintf(name, sizeof name, "%.*s", (int)t->name.n, t->name.p);
	return pg_own(l->c, OWN_PG_OBJECT, 2, values, &l->sheet->own, res, e);
}

/* Indexes, checks, defaults and USING run code for every row. */
static int
find_calls(struct pg_look *l, struct err *e)
{
	const struct sql_table *t = sql_definition_object(l->f);
	const char *values[1] = { "0" };
	PGresult *object = NULL, *res = NULL;
	int ret = t != NULL ? ask_object(l, t, &object, e) : 0;

	if (ret == 0 && object != NULL && PQntuples(object) == 1)
		values[0] = PQgetvalue(object, 0, 4);
	if (ret == 0)
		ret = pg_own(l->c, OWN_PG_CALLED, 1, values, &l->sheet->own, &res, e);
	for (int i = 0; ret == 0 && i < PQntuples(res); i++) {
		bool behind = strcmp(PQgetvalue(res, i, 1), "t") == 0;
		char text[160];

		if (!behind && !may_name(l->s, PQgetvalue(res, i, 0)))
			continue;
		snprintf(text, sizeof text, "%.63s(), %s", PQgetvalue(res, i, 0), behind ? "called by a check, default or index" :
		    "a function whose name is in it");
		own_list_add(&l->sheet->triggers, text, strlen(text));
		l->sheet->dangers |= SQL_DANGER_BIT(SQL_DANGER_TRIGGER);
	}
	PQclear(object);
	PQclear(res);
	return ret;
}

static int
find_depends(struct pg_look *l, const char *oid, struct err *e)
{
	const char *values[1] = { oid };
	PGresult *res;
	int ret = pg_own(l->c, OWN_PG_DEPENDS, 1, values, &l->sheet->own, &res, e);

	for (int i = 0; ret == 0 && i < PQntuples(res); i++) {
		const char *name = PQgetvalue(res, i, 0);

		own_list_add(&l->sheet->depends, name, strlen(name));
		db_ground_text(&l->ground, name);
	}
	db_ground_name(&l->ground, "what depends on it");
	PQclear(res);
	return ret;
}

/* The definition of what is read as columns, constraints and the like is bound with the table; here it gets a number that two
 * people can compare. */
static int
digest_of_definition(struct pg_look *l, const char *oid, const char *text, struct digest *out, struct err *e)
{
	struct digest_sum *sum = digest_begin();
	char array[24];
	PGresult *res;
	int ret;

	snprintf(array, sizeof array, "{%.15s}", oid);
	ret = pg_own(l->c, OWN_PG_DEFINITIONS, 1, (const char *const []){ array }, &l->sheet->own, &res, e);
	digest_add_part(sum, text, strlen(text));
	for (int i = 0; ret == 0 && i < PQntuples(res); i++) {
		digest_add_part(sum, PQgetvalue(res, i, 0), (size_t)PQgetlength(res, i, 0));
		db_ground_add(&l->ground, PQgetvalue(res, i, 0), (size_t)PQgetlength(res, i, 0));
		db_ground_name(&l->ground, "%s", PQgetvalue(res, i, 1));
	}
	*out = digest_end(sum);
	db_ground_text(&l->ground, text);
	db_ground_name(&l->ground, "the definition of the object");
	PQclear(res);
	return ret;
}

static void
note_size(struct pg_look *l, const char *size)
{
	char text[80];

	snprintf(text, sizeof text, "its size, with its indexes: %.40s", size);
	db_note(&l->sheet->note, text);
}

/* The name comes from the server, quoted as it needs to be. */
static int
lock(struct pg_look *l, const char *table, struct err *e)
{
	PGresult *res;
	int ret = 0;

	buf_reset(&l->c->text);
	buf_putf(&l->c->text, "/* twokey %s */ LOCK TABLE %s IN SHARE UPDATE EXCLUSIVE MODE", l->c->tag, table);
	own_ran(&l->sheet->own, OWN_PG_LOCK);
	res = PQexecParams(l->c->pg, buf_str(&l->c->text), 0, NULL, NULL, NULL, NULL, 0);
	if (PQstatus(l->c->pg) != CONNECTION_OK)
		ret = pg_lose(l->c, e, "the connection to the database is lost");
	else if (PQresultStatus(res) != PGRES_COMMAND_OK)
		ret = err_set(e, strcmp(pg_state(res), "57014") == 0 ? ERR_CANCELLED : strcmp(pg_state(res), "55P03") == 0 ||
		    strcmp(pg_state(res), "40P01") == 0 ? ERR_BOUND : ERR_STATEMENT, "the table could not be kept as it is: %s",
		    PQresultErrorField(res, PG_DIAG_MESSAGE_PRIMARY));
	PQclear(res);
	return ret;
}

int
pg_define_lock(struct pg_look *l, struct err *e)
{
	const struct sql_table *t = sql_definition_object(l->f);
	PGresult *res;
	int ret = t != NULL ? ask_object(l, t, &res, e) : 0;

	if (t == NULL)
		return 0;
	if (ret == 0 && PQntuples(res) == 1 && PQgetvalue(res, 0, 5)[0] != '\0')
		ret = lock(l, PQgetvalue(res, 0, 5), e);
	PQclear(res);
	return ret;
}

static int
find_object(struct pg_look *l, const struct sql_table *t, struct err *e)
{
	struct digest definition;
	PGresult *res;
	int ret = ask_object(l, t, &res, e);

	if (ret == 0 && PQntuples(res) == 0) {
		db_note_object(l->sheet, NULL, NULL);
		db_ground_text(&l->ground, "no object");
		db_ground_name(&l->ground, "the object of that name");
	} else if (ret == 0) {
		snprintf(l->about, sizeof l->about, "%.15s", PQgetvalue(res, 0, 4));
		db_ground_text(&l->ground, PQgetvalue(res, 0, 0));
		db_ground_name(&l->ground, "the object of that name");
		ret = digest_of_definition(l, PQgetvalue(res, 0, 4), PQgetvalue(res, 0, 3), &definition, e);
		if (ret == 0)
			ret = find_depends(l, PQgetvalue(res, 0, 0), e);
		if (ret == 0) {
			db_note_object(l->sheet, PQgetvalue(res, 0, 1), &definition);
			note_size(l, PQgetvalue(res, 0, 2));
		}
	}
	PQclear(res);
	return ret;
}

int
pg_define_sets_off(struct pg_look *l, struct err *e)
{
	int ret = find_event_triggers(l, e);

	return ret == 0 ? find_calls(l, e) : ret;
}

int
pg_define(struct pg_look *l, struct err *e)
{
	const struct sql_table *t = sql_definition_object(l->f);

	if (t == NULL)
		return err_set(e, ERR_STATEMENT, "it is not about one table, view, index or sequence");
	l->match.known = true;		/* no rows are matched: what binds is the definitions */
	return find_object(l, t, e);
}
