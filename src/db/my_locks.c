/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Whose locks a write meets: three statements in one trip, of which each account and server answers its own. */
#include "config.h"

#include "my.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "twokey/base/err.h"

#include "locks.h"

/* A place that refuses is not asked again on this connection. */
enum place { TABLE_LOCKS, ROW_LOCKS, SCHEMA_LOCKS, PLACES };

static const enum own_id ids[PLACES] = { OWN_MY_LOCKS_TABLE, OWN_MY_LOCKS_ROWS, OWN_MY_LOCKS_SCHEMA };

enum { ROWS_MAX = 500 };	/* as asked; a server may answer with more */

struct locks {
	struct my_look *l;
	MYSQL_RES *res[PLACES];
	bool any_mode;		/* it wants the table for itself: everybody there is in its way */
	bool hidden;		/* somebody is there of whom nothing is told */
};

enum column { ID, MODE, TYPE, SCHEMA, TABLE, AGE, USER, HOST, COMMAND, STATE, SQL, STATUS };
enum row_column { R_ID, R_ROWS, R_AGE, R_USER, R_HOST, R_COMMAND, R_STATE, R_SQL };

static bool
among(const char *s, const char *const *words)
{
	for (; *words != NULL; words++)
		if (s != NULL && strcasecmp(s, *words) == 0)
			return true;
	return false;
}

static int64_t
number(const char *s)
{
	return s != NULL && s[0] != '\0' ? strtoll(s, NULL, 10) : -1;
}

/* The transaction of a connection, NULL when it has none or nobody tells. */
static MYSQL_ROW
transaction_of(const struct locks *k, const char *id)
{
	MYSQL_ROW row;

	if (k->res[ROW_LOCKS] == NULL || id == NULL)
		return NULL;
	mysql_data_seek(k->res[ROW_LOCKS], 0);
	for (int i = 0; i < ROWS_MAX && (row = mysql_fetch_row(k->res[ROW_LOCKS])) != NULL; i++)
		if (row[R_ID] != NULL && strcmp(row[R_ID], id) == 0)
			return row;
	return NULL;
}

static bool
in_the_way(const struct locks *k, const char *mode, const char *type)
{
	static const char *const table[] = { "Table metadata lock", "TABLE", NULL };
	static const char *const closed[] = { "SHARED_READ_ONLY", "SHARED_NO_WRITE", "SHARED_NO_READ_WRITE", "EXCLUSIVE", NULL };

	return !among(type, table) || k->any_mode || among(mode, closed);
}

static void
put_who(char out[300], const char *user, const char *host)
{
	snprintf(out, 300, "%.128s%s%.128s", user, host != NULL && host[0] != '\0' ? "@" : "", host != NULL ? host : "");
}

/* A table as people here call it. */
static void
put_name(const struct my_look *l, char out[300], const char *schema, const char *name)
{
	if (schema == NULL || strcasecmp(schema, l->c->database) == 0)
		snprintf(out, 300, "%.256s", name);
	else
		snprintf(out, 300, "%.128s.%.128s", schema, name);
}

static void
add(struct locks *k, struct db_holder *h, const char *user, const char *host, const char *command, const char *state)
{
	char who[300];

	if (user != NULL) {
		put_who(who, user, host);
		h->user = who;
	}
	h->state = command != NULL && strcasecmp(command, "Sleep") == 0 ? "idle" : state;
	k->hidden = k->hidden || user == NULL;
	db_holder_add(k->l->sheet, h);
}

/* One lock of a table, or of the whole server. */
static void
tell_lock(struct locks *k, MYSQL_ROW row)
{
	MYSQL_ROW trx = transaction_of(k, row[ID]);
	int64_t rows = trx != NULL ? number(trx[R_ROWS]) : -1;
	struct db_holder h = { .backend = row[ID], .mode = row[MODE], .sql = row[SQL], .rows = rows,
	    .blocks = in_the_way(k, row[MODE], row[TYPE]), .waits = row[STATUS] != NULL && strcasecmp(row[STATUS], "PENDING") == 0,
	    .age_s = trx != NULL ? number(trx[R_AGE]) : number(row[AGE]) };
	bool may = strcasecmp(row[MODE], "SHARED_WRITE") == 0;
	char on[300];

	/* Of an engine without transactions every one is a lock of the whole table, or was. The server makes its
	 * list of transactions anew only after 0.1 s: one that is not in there yet may have rows. */
	if (!h.blocks && !k->l->stays && (trx != NULL ? rows <= 0 : !may))
		return;
	if (row[TABLE] == NULL || row[TABLE][0] == '\0')
		h.on = "the whole server";
	else {
		put_name(k->l, on, row[SCHEMA], row[TABLE]);
		h.on = on;
	}
	add(k, &h, row[USER], row[HOST], row[COMMAND], row[STATE]);
}

static bool
same(const char *a, const char *b)
{
	return strcmp(a != NULL ? a : "", b != NULL ? b : "") == 0;
}

/* A connection may have one lock several times, for longer and for shorter. */
static bool
told_before(MYSQL_RES *res, my_ulonglong i, MYSQL_ROW row)
{
	bool told = false;
	MYSQL_ROW was;

	mysql_data_seek(res, 0);
	for (my_ulonglong n = 0; n < i && !told && (was = mysql_fetch_row(res)) != NULL; n++)
		told = same(was[ID], row[ID]) && same(was[MODE], row[MODE]) && same(was[SCHEMA], row[SCHEMA]) &&
		    same(was[TABLE], row[TABLE]);
	return told;
}

static void
tell_locks(struct locks *k, MYSQL_RES *res)
{
	for (my_ulonglong i = 0; i < mysql_num_rows(res) && i < ROWS_MAX; i++) {
		MYSQL_ROW row;

		mysql_data_seek(res, i);
		row = mysql_fetch_row(res);
		if (row[ID] != NULL && row[MODE] != NULL && row[TYPE] != NULL && !told_before(res, i, row))
			tell_lock(k, row);
	}
}

/* Nobody says of which tables: all that have locked rows are told. */
static void
tell_transactions(struct locks *k, MYSQL_RES *res)
{
	MYSQL_ROW row;

	mysql_data_seek(res, 0);
	for (int i = 0; i < ROWS_MAX && (row = mysql_fetch_row(res)) != NULL; i++) {
		struct db_holder h = { .backend = row[R_ID], .mode = "rows", .sql = row[R_SQL], .rows = number(row[R_ROWS]),
		    .age_s = number(row[R_AGE]) };

		if (h.rows > 0)
			add(k, &h, row[R_USER], row[R_HOST], row[R_COMMAND], row[R_STATE]);
	}
}

static void
tell(struct locks *k)
{
	struct db_sheet *s = k->l->sheet;
	MYSQL_RES *tables = k->res[TABLE_LOCKS] != NULL ? k->res[TABLE_LOCKS] : k->res[SCHEMA_LOCKS];

	if (tables != NULL)
		tell_locks(k, tables);
	else if (k->res[ROW_LOCKS] != NULL)
		tell_transactions(k, k->res[ROW_LOCKS]);
	if (tables == NULL && k->res[ROW_LOCKS] == NULL)
		db_note(&s->note, k->l->c->maria ? "whose locks it meets is not seen: that takes the right PROCESS, or the plugin"
		    " metadata_lock_info" : "whose locks it meets is not seen: that takes the right PROCESS, or SELECT on"
		    " performance_schema");
	else if (tables == NULL)
		db_note(&s->note, k->l->c->maria ? "on which tables others have locks is not told without the plugin metadata_lock_info" :
		    "on which tables others have locks is not told without SELECT on performance_schema");
	else if (k->res[ROW_LOCKS] == NULL)
		db_note(&s->note, "how many rows others have locked is not told without the right PROCESS");
	s->sight = tables == NULL && k->res[ROW_LOCKS] == NULL ? "none" :
	    tables == NULL || k->res[ROW_LOCKS] == NULL || k->hidden ? "part" : "all";
}

/* The tables that it writes, as two lists. */
static void
list_tables(const struct my_look *l, struct buf *schemas, struct buf *names)
{
	buf_init(schemas, 128 * 1024);
	buf_init(names, 128 * 1024);
	if (l->schema != NULL) {
		my_list_add(schemas, l->schema, strlen(l->schema));
		my_list_add(names, l->name, strlen(l->name));
	}
	for (size_t i = 0; i < l->found.ntargets && i < 64; i++) {
		my_list_add(schemas, l->found.targets[i].schema, strlen(l->found.targets[i].schema));
		my_list_add(names, l->found.targets[i].name, strlen(l->found.targets[i].name));
	}
	if (buf_len(schemas) == 0) {
		my_list_add(schemas, "", 0);
		my_list_add(names, "", 0);
	}
}

static int
ask(struct locks *k, struct err *e)
{
	struct db_conn *c = k->l->c;
	struct buf schemas, names;
	bool sent[PLACES] = { false };
	int ret = 0;

	list_tables(k->l, &schemas, &names);
	for (int i = 0; i < PLACES && ret == 0; i++) {
		struct my_value v[2] = { { MY_LIST, buf_data(&schemas), buf_len(&schemas) },
		    { MY_LIST, buf_data(&names), buf_len(&names) } };

		if ((c->blind & 1U << i) != 0 || (i == TABLE_LOCKS && !c->maria))
			continue;
		ret = my_send(c, ids[i], i == ROW_LOCKS ? 0 : 2, v, &k->l->sheet->own, e);
		sent[i] = ret == 0;
	}
	for (int i = 0; i < PLACES && ret != ERR_DATABASE; i++) {
		if (!sent[i])
			continue;
		ret = my_take(c, ids[i], &k->res[i], e);
		if (ret == ERR_STATEMENT)
			c->blind |= 1U << i;
	}
	/* it is off when even the row that says so is not there */
	if (k->res[SCHEMA_LOCKS] != NULL && mysql_num_rows(k->res[SCHEMA_LOCKS]) == 0) {
		mysql_free_result(k->res[SCHEMA_LOCKS]);
		k->res[SCHEMA_LOCKS] = NULL;
	}
	if (k->res[TABLE_LOCKS] != NULL)
		c->blind |= 1U << SCHEMA_LOCKS;
	buf_fini(&schemas);
	buf_fini(&names);
	return ret == ERR_DATABASE ? ret : 0;
}

static void
tell_takes(struct my_look *l, bool whole)
{
	char name[300];

	if (l->name != NULL) {
		put_name(l, name, l->schema, l->name);
		db_takes_add(l->sheet, whole ? "EXCLUSIVE" : "SHARED_WRITE", name, whole);
		if (l->stays && !whole && l->plain)
			db_takes_add(l->sheet, "WRITE, the whole table,", name, false);
	}
	for (size_t i = 0; i < l->found.ntargets && i < 12 && !l->plain && !whole; i++) {
		put_name(l, name, l->found.targets[i].schema, l->found.targets[i].name);
		db_takes_add(l->sheet, "SHARED_WRITE", name, false);
	}
}

int
my_locks(struct my_look *l, struct err *e)
{
	struct locks k = { .l = l, .any_mode = l->f->class != SQL_CLASS_WRITE || strcmp(l->f->verb, "TRUNCATE") == 0 };
	struct err why;
	int ret = ask(&k, &why);

	if (ret == 0) {
		tell_takes(l, k.any_mode);
		tell(&k);
	} else {
		err_set(e, ERR_DATABASE, "%s", why.text);
	}
	for (int i = 0; i < PLACES; i++)
		mysql_free_result(k.res[i]);
	return ret;
}
