/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Everything that a request is bound to, read in the open transaction. */
#include "config.h"

#include "my.h"

#include <ctype.h>
#include <inttypes.h>
#include <mysqld_error.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "twokey/base/err.h"
#include "twokey/base/must.h"

#include "allowed.h"

void
my_look_init(struct my_look *l, struct db_conn *c, const struct db_statement *s, const struct sql_facts *f,
    struct db_sheet *sheet)
{
	*l = (struct my_look){ .c = c, .s = s, .f = f, .table = sql_written_table(f), .sheet = sheet,
		.found.wants_targets = true };
	if (l->table == NULL)
		return;
	l->schema = l->table->schema.n > 0 ? must_strndup(l->table->schema.p, l->table->schema.n) : must_strdup(c->database);
	l->name = must_strndup(l->table->name.p, l->table->name.n);
}

void
my_look_fini(struct my_look *l)
{
	free(l->schema);
	free(l->name);
	my_targets_free(&l->found);
}

int
my_look_enter(struct my_look *l, struct err *e)
{
	struct err why;
	int ret = my_guard(l->c, l->f, &l->sheet->own, &l->found, &why);

	l->guarded = ret == 0;
	if (ret == 0)
		return 0;
	if (ret != ERR_WALL)
		return err_set(e, (enum err_code)ret, "%s", why.text);
	buf_reset(&l->sheet->note);
	db_note(&l->sheet->note, why.text);
	l->sheet->dangers |= SQL_DANGER_BIT(l->found.function ? SQL_DANGER_SHADOWED : SQL_DANGER_UNCLEAR_RELATION);
	return 0;
}

/* Why a change of a base table would not be taken back, if so. FEDERATED says that it has transactions, and hands each
 * statement to a server of which nothing is known. */
static void
find_stays(struct my_look *l, const char *engine, const char *transactions, char *why, size_t n)
{
	const char *name = engine != NULL ? engine : "";

	if (transactions == NULL || strcasecmp(transactions, "YES") != 0) {
		snprintf(why, n, "the engine %.40s of %.80s cannot roll back: a change stays at once", name, l->name);
	} else if (!my_keeps_rows(name)) {
		l->elsewhere = true;
		snprintf(why, n, "the engine %.40s of %.80s hands it to another server: a change may stay at once", name, l->name);
	}
}

/* Which table is written, and whether its engine can take a change back. */
static int
find_table(struct my_look *l, struct err *e)
{
	struct my_value v[2] = { my_text(l->schema), my_text(l->name) };
	MYSQL_RES *res;
	MYSQL_ROW row;
	char why[200] = "";
	int ret = my_own(l->c, OWN_MY_TABLE, 2, v, &l->sheet->own, &res, e);

	if (ret == 0 && (row = mysql_fetch_row(res)) != NULL) {
		bool base = row[0] != NULL && (strcasecmp(row[0], "BASE TABLE") == 0 || strcasecmp(row[0], "SYSTEM VERSIONED") == 0);

		l->plain = base && !l->behind;
		if (!l->stays)
			snprintf(l->engine, sizeof l->engine, "%s", row[1] != NULL ? row[1] : "");
		if (row[0] != NULL && strcasecmp(row[0], "SEQUENCE") == 0)	/* whatever engine keeps it */
			snprintf(why, sizeof why, "%.80s is a sequence, which counts on: a change stays at once", l->name);
		else if (base)
			find_stays(l, row[1], row[3], why, sizeof why);
		if (row[2] != NULL && l->plain)
			l->sheet->table_rows = strtoll(row[2], NULL, 10);
		if (row[5] != NULL && l->plain)
			l->sheet->table_bytes = strtoll(row[5], NULL, 10);
		/* another table under its name was made at another time */
		db_ground_text(&l->ground, row[4] != NULL ? row[4] : "");
		db_ground_name(&l->ground, "the time when %s was made", l->name);
	}
	mysql_free_result(res);
	if (ret == 0 && why[0] != '\0') {
		l->stays = true;
		snprintf(l->stays_at, sizeof l->stays_at, "%s", l->name);
		l->sheet->dangers |= SQL_DANGER_BIT(SQL_DANGER_NO_ROLLBACK);
		db_note(&l->sheet->note, why);
	}
	return ret;
}

/* SHOW CREATE TABLE ends with options; the next number of AUTO_INCREMENT is no part of the definition. */
static void
add_definition(struct db_ground *g, const char *text)
{
	static const char next[] = " AUTO_INCREMENT=";
	const char *options = NULL, *at;

	for (at = strstr(text, "\n) "); at != NULL; at = strstr(at + 1, "\n) "))
		options = at;
	at = options != NULL ? strstr(options, next) : NULL;
	if (at == NULL) {
		db_ground_text(g, text);
		return;
	}
	db_ground_add(g, text, (size_t)(at - text));
	at += strlen(next);
	db_ground_text(g, at + strspn(at, "0123456789"));
}

/* One table that the text names. Of those only read nothing is told when they are not there: the server will. */
static int
add_one(struct my_look *l, const struct sql_table *t, struct err *e)
{
	struct my_value v[2] = { { MY_NAME, t->schema.p, t->schema.n }, { MY_NAME, t->name.p, t->name.n } };
	MYSQL_RES *res;
	MYSQL_ROW row;
	struct err why;
	int ret;

	if (t->schema.n == 0)
		v[0] = (struct my_value){ MY_NAME, l->c->database, strlen(l->c->database) };
	ret = my_own(l->c, OWN_MY_DEFINITION, 2, v, &l->sheet->own, &res, &why);
	if (ret == ERR_STATEMENT && (t->use & SQL_USE_WRITE) != 0 && !sql_is_definition(l->f)) {
		ret = err_set(e, ERR_STATEMENT, "the database refuses the statement: %s", mysql_error(l->c->my));
	} else if (ret == ERR_STATEMENT) {
		db_ground_text(&l->ground, "not told");
		db_ground_name(&l->ground, "the definition of %.*s", (int)t->name.n, t->name.p);
		ret = 0;
	} else if (ret != 0) {
		err_set(e, (enum err_code)ret, "%s", why.text);
	} else if ((row = mysql_fetch_row(res)) != NULL) {
		db_ground_add(&l->ground, v[0].p, v[0].n);
		db_ground_add(&l->ground, v[1].p, v[1].n);
		add_definition(&l->ground, row[1] != NULL ? row[1] : "");
		db_ground_name(&l->ground, "the definition of %.*s", (int)t->name.n, t->name.p);
	}
	mysql_free_result(res);
	return ret;
}

static void
add_place(struct my_look *l)
{
	db_bind_place(&l->ground, l->s, &(struct db_place){ .format = "twokey bind mariadb 1", .identity = l->c->identity,
	    .database = l->c->database, .role = l->c->role,
	    .guard = l->guarded ? "guard: clear" : buf_str(&l->sheet->note) });
}

static const char *
kind_of(const char *type)
{
	return type == NULL ? "routine" : strcmp(type, "TRIGGER") == 0 ? "trigger" : strcmp(type, "FUNCTION") == 0 ? "function" :
	    "procedure";
}

static int
add_rows(struct my_look *l, enum own_id id, int columns, struct err *e)
{
	MYSQL_RES *res;
	MYSQL_ROW row;
	int ret = my_own(l->c, id, 0, NULL, &l->sheet->own, &res, e);

	while (ret == 0 && (row = mysql_fetch_row(res)) != NULL) {
		for (int k = 0; k < columns; k++)
			db_ground_text(&l->ground, row[k] != NULL ? row[k] : "");
		if (id == OWN_MY_USER_VARIABLES)
			db_ground_name(&l->ground, "the variable @%s", row[0] != NULL ? row[0] : "");
		else
			db_ground_name(&l->ground, "the %s %s.%s", kind_of(row[2]), row[0] != NULL ? row[0] : "", row[1] != NULL ? row[1] : "");
	}
	mysql_free_result(res);
	return ret;
}

/* Views say nothing of what the tables behind them set off, and of several tables none is the one: each is looked at. */
static int
add_behind(struct my_look *l, struct err *e)
{
	char *schema = l->schema, *name = l->name;
	int ret = 0;

	l->behind = true;
	for (size_t i = 0; i < l->found.ntargets && ret == 0; i++) {
		const struct my_target *t = &l->found.targets[i];
		struct sql_table table = { { t->schema, strlen(t->schema) }, { t->name, strlen(t->name) }, SQL_USE_READ };

		l->schema = t->schema;
		l->name = t->name;
		ret = add_one(l, &table, e);
		if (ret == 0)
			ret = find_table(l, e);
		if (ret == 0)
			ret = my_look_sets_off(l, e);
	}
	l->schema = schema;
	l->name = name;
	l->behind = false;
	return ret;
}

static int
add_all(struct my_look *l, struct err *e)
{
	int ret = my_settings(l->c, &l->sheet->own, &l->ground, e);

	if (ret == 0 && l->c->maria)
		ret = add_rows(l, OWN_MY_USER_VARIABLES, 4, e);
	for (size_t i = 0; i < l->f->ntables && ret == 0; i++)
		ret = add_one(l, &l->f->tables[i], e);
	/* of a view that is named the definition tells which views it names, not what these are */
	db_ground_add(&l->ground, l->found.views.b, sizeof l->found.views.b);
	db_ground_name(&l->ground, "the definition of a view behind it");
	if (ret == 0 && l->table != NULL)
		ret = find_table(l, e);
	if (ret == 0 && sql_is_definition(l->f))
		;	/* nothing is set off: triggers and actions of keys are about rows */
	else if (ret == 0 && l->plain)
		ret = my_look_sets_off(l, e);
	else if (ret == 0)
		ret = add_behind(l, e);
	/* code of others runs: what it calls, and the triggers of the tables that it writes, may run too */
	l->ground.reached = true;
	if (ret == 0 && (buf_len(&l->sheet->triggers) > 0 || !l->guarded))
		ret = add_rows(l, OWN_MY_MADE, 5, e);
	l->ground.reached = false;
	return ret;
}

/* In the run: nobody changes what is looked at until the transaction ends. Where the account has no SELECT it cannot. */
int
my_look_hold(struct my_look *l, struct err *e)
{
	struct err why;
	int ret = 0;

	for (size_t i = 0; i < l->f->ntables && ret == 0; i++) {
		const struct sql_table *t = &l->f->tables[i];
		struct my_value v[2] = { { MY_NAME, t->schema.p, t->schema.n }, { MY_NAME, t->name.p, t->name.n } };
		MYSQL_RES *res = NULL;

		if (t->schema.n == 0)
			v[0] = (struct my_value){ MY_NAME, l->c->database, strlen(l->c->database) };
		ret = my_own(l->c, OWN_MY_HOLD, 2, v, &l->sheet->own, &res, &why);
		mysql_free_result(res);
		if (ret == ERR_STATEMENT && mysql_errno(l->c->my) != ER_LOCK_WAIT_TIMEOUT)
			ret = 0;
		else if (ret != 0)
			err_set(e, ret == ERR_STATEMENT ? ERR_BOUND : (enum err_code)ret, "%s", why.text);
	}
	return ret;
}

int
my_look_in(struct my_look *l, const struct db_sink *sample, struct err *e)
{
	int ret;

	db_ground_begin(&l->ground, &l->sheet->shown.parts);
	add_place(l);
	ret = add_all(l, e);
	if (ret == 0) {
		db_ground_text(&l->ground, l->engine);
		db_ground_name(&l->ground, "the engine of the table");
	}
	if (ret == 0 && sql_is_definition(l->f))
		ret = my_define(l, e);
	else if (ret == 0 && !l->ground_only)
		ret = my_look_match(l, sample, e);
	db_bind_end(&l->ground, &l->match, l->sheet);
	return ret;
}
