/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What else a write sets off: triggers of its table, and foreign keys with their whole chain. Rows that a foreign
 * key changes fire no triggers here. */
#include "config.h"

#include "my.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "twokey/base/err.h"
#include "twokey/base/must.h"

enum { EVENT_INSERT = 1, EVENT_UPDATE = 2, EVENT_DELETE = 4 };
enum { HITS_MAX = 256 };

/* An INSERT that may also update, a REPLACE that deletes first; any other verb: all. */
static unsigned
events_of(const struct my_look *l)
{
	const char *verb = l->f->verb;

	if (db_has_word(l->s, "PORTION"))	/* of time: what is left of a row is inserted */
		return EVENT_INSERT | EVENT_UPDATE | EVENT_DELETE;
	if (strcmp(verb, "UPDATE") == 0)
		return EVENT_UPDATE;
	if (strcmp(verb, "DELETE") == 0)
		return EVENT_DELETE;
	if (strcmp(verb, "INSERT") == 0)
		return db_has_word(l->s, "DUPLICATE") ? EVENT_INSERT | EVENT_UPDATE : EVENT_INSERT;
	if (strcmp(verb, "REPLACE") == 0)
		return EVENT_INSERT | EVENT_DELETE;
	return EVENT_INSERT | EVENT_UPDATE | EVENT_DELETE;
}

static unsigned
event_named(const char *name)
{
	return strcasecmp(name, "INSERT") == 0 ? EVENT_INSERT : strcasecmp(name, "UPDATE") == 0 ? EVENT_UPDATE :
	    strcasecmp(name, "DELETE") == 0 ? EVENT_DELETE : EVENT_INSERT | EVENT_UPDATE | EVENT_DELETE;
}

static int
find_triggers(struct my_look *l, unsigned events, struct err *e)
{
	struct my_value v[2] = { my_text(l->schema), my_text(l->name) };
	MYSQL_RES *res;
	MYSQL_ROW row;
	int ret = my_own(l->c, OWN_MY_TRIGGERS, 2, v, &l->sheet->own, &res, e);

	while (ret == 0 && (row = mysql_fetch_row(res)) != NULL) {
		if (row[0] == NULL || row[1] == NULL)
			continue;
		for (int k = 0; k < 6; k++)
			db_ground_text(&l->ground, row[k] != NULL ? row[k] : "");
		db_ground_name(&l->ground, "the trigger %s of %s", row[0], l->name);
		if ((event_named(row[1]) & events) == 0)
			continue;
		own_list_add(&l->sheet->triggers, row[0], strlen(row[0]));
		l->sheet->dangers |= SQL_DANGER_BIT(SQL_DANGER_TRIGGER);
	}
	mysql_free_result(res);
	return ret;
}

/* 'user'@'host' as the lists of rights write an account. */
static void
grantee_of(const struct db_conn *c, char out[300])
{
	const char *at = strrchr(c->role, '@');
	int n = at != NULL ? (int)(at - c->role) : (int)strlen(c->role);

	snprintf(out, 300, "'%.*s'@'%s'", n, c->role, at != NULL ? at + 1 : "");
}

/* Who may not see triggers must not be told that there are none. */
static int
check_sight(struct my_look *l, struct err *e)
{
	char grantee[300];
	struct my_value v[3];
	MYSQL_RES *res;
	MYSQL_ROW row;
	bool sees = false;
	int ret;

	grantee_of(l->c, grantee);
	v[0] = my_text(grantee);
	v[1] = my_text(l->schema);
	v[2] = my_text(l->name);
	ret = my_own(l->c, OWN_MY_SEES_TRIGGERS, 3, v, &l->sheet->own, &res, e);
	if (ret == 0 && (row = mysql_fetch_row(res)) != NULL)
		sees = row[0] != NULL && strcmp(row[0], "0") != 0;
	mysql_free_result(res);
	if (ret == 0 && !sees) {
		l->sheet->dangers |= SQL_DANGER_BIT(SQL_DANGER_TRIGGER);
		db_note(&l->sheet->note, "this account itself has no right TRIGGER on the table: it may have triggers that are"
		    " not shown");
	}
	db_ground_text(&l->ground, sees ? "1" : "0");
	db_ground_name(&l->ground, "the right to see triggers of %s", l->name);
	return ret;
}

struct hit {
	const char *schema, *table;
	unsigned events;
};
struct chain {
	struct my_look *l;
	MYSQL_ROW *rows;
	bool *told;
	size_t nrows;
	struct hit hits[HITS_MAX];
	size_t nhits;
};

static void
add_hit(struct chain *c, const char *schema, const char *table, unsigned events)
{
	for (size_t i = 0; i < c->nhits; i++)
		if (strcasecmp(c->hits[i].schema, schema) == 0 && strcasecmp(c->hits[i].table, table) == 0 &&
		    (c->hits[i].events & events) == events)
			return;
	if (c->nhits < HITS_MAX)
		c->hits[c->nhits++] = (struct hit){ schema, table, events };
}

/* Does an UPDATE set a column that this foreign key refers to? Yes when it cannot be said. */
static int
sets_key(struct chain *c, MYSQL_ROW row, bool *sets, struct err *e)
{
	struct my_value v[3] = { my_text(row[0]), my_text(row[1]), my_text(row[2]) };
	const struct sql_facts *f = c->l->f;
	MYSQL_RES *res;
	MYSQL_ROW key;
	int ret;

	*sets = f->ncolumns == 0 || c->l->found.by_view || strcmp(f->verb, "UPDATE") != 0;
	if (*sets)
		return 0;
	ret = my_own(c->l->c, OWN_MY_REFERENCED, 3, v, &c->l->sheet->own, &res, e);
	if (ret == 0 && mysql_num_rows(res) == 0)
		*sets = true;
	while (ret == 0 && (key = mysql_fetch_row(res)) != NULL)
		for (size_t i = 0; i < f->ncolumns; i++)
			if (key[0] != NULL && strlen(key[0]) == f->columns[i].n && strncasecmp(key[0], f->columns[i].p, f->columns[i].n) == 0)
				*sets = true;
	mysql_free_result(res);
	return ret;
}

static bool
acts(const char *rule)
{
	return strcasecmp(rule, "RESTRICT") != 0 && strcasecmp(rule, "NO ACTION") != 0;
}

/* What one foreign key does when rows of a hit change: events on its own table, 0 for nothing. */
static int
follow(struct chain *c, const struct hit *h, bool first, MYSQL_ROW row, unsigned *events, struct err *e)
{
	bool sets = true;
	int ret = 0;

	*events = 0;
	if (strcasecmp(h->schema, row[3]) != 0 || strcasecmp(h->table, row[4]) != 0)
		return 0;
	if ((h->events & EVENT_DELETE) != 0 && acts(row[5]))
		*events |= strcasecmp(row[5], "CASCADE") == 0 ? EVENT_DELETE : EVENT_UPDATE;
	if ((h->events & EVENT_UPDATE) != 0 && acts(row[6])) {
		if (first)
			ret = sets_key(c, row, &sets, e);
		if (sets)
			*events |= EVENT_UPDATE;
	}
	return ret;
}

static void
tell(struct chain *c, size_t i)
{
	MYSQL_ROW row = c->rows[i];
	struct db_sheet *sheet = c->l->sheet;
	char text[600];

	if (c->told[i])
		return;
	c->told[i] = true;
	if (strcasecmp(row[0], c->l->c->database) == 0)
		snprintf(text, sizeof text, "%s on %s", row[2], row[1]);
	else
		snprintf(text, sizeof text, "%s on %s.%s", row[2], row[0], row[1]);
	own_list_add(&sheet->cascades, text, strlen(text));
	sheet->dangers |= SQL_DANGER_BIT(SQL_DANGER_CASCADE);
	for (int k = 0; k < 7; k++)
		db_ground_text(&c->l->ground, row[k]);
	db_ground_name(&c->l->ground, "the foreign key %s of %s", row[2], row[1]);
}

static int
follow_all(struct chain *c, struct err *e)
{
	int ret = 0;

	for (size_t h = 0; h < c->nhits && ret == 0; h++)
		for (size_t i = 0; i < c->nrows && ret == 0; i++) {
			struct hit hit = c->hits[h];
			unsigned events;

			ret = follow(c, &hit, h == 0, c->rows[i], &events, e);
			if (ret != 0 || events == 0)
				continue;
			tell(c, i);
			add_hit(c, c->rows[i][0], c->rows[i][1], events);
		}
	if (c->nhits == HITS_MAX)
		db_note(&c->l->sheet->note, "there are more foreign keys than are followed");
	return ret;
}

static int
find_cascades(struct my_look *l, unsigned events, struct err *e)
{
	struct chain *c = must_zalloc(sizeof *c);
	MYSQL_RES *res;
	MYSQL_ROW row;
	int ret = my_own(l->c, OWN_MY_REFERENCES, 0, NULL, &l->sheet->own, &res, e);

	c->l = l;
	c->rows = must_zalloc(((size_t)(ret == 0 ? mysql_num_rows(res) : 0) + 1) * sizeof *c->rows);
	while (ret == 0 && (row = mysql_fetch_row(res)) != NULL) {
		bool whole = true;

		for (int k = 0; k < 7; k++)
			whole = whole && row[k] != NULL;
		if (whole)
			c->rows[c->nrows++] = row;
	}
	c->told = must_zalloc((c->nrows + 1) * sizeof *c->told);
	add_hit(c, l->schema, l->name, events);
	if (ret == 0)
		ret = follow_all(c, e);
	mysql_free_result(res);
	free(c->told);
	free(c->rows);
	free(c);
	return ret;
}

/* Does the statement set a column that a foreign key of another table could refer to? */
static int
sets_index(struct my_look *l, bool *sets, struct err *e)
{
	struct my_value v[2] = { my_text(l->schema), my_text(l->name) };
	const struct sql_facts *f = l->f;
	MYSQL_RES *res;
	MYSQL_ROW row;
	int ret;

	*sets = f->ncolumns == 0 || l->found.by_view || strcmp(f->verb, "UPDATE") != 0;
	if (*sets)
		return 0;
	ret = my_own(l->c, OWN_MY_INDEXED, 2, v, &l->sheet->own, &res, e);
	while (ret == 0 && (row = mysql_fetch_row(res)) != NULL)
		for (size_t i = 0; i < f->ncolumns && row[0] != NULL; i++)
			if (strlen(row[0]) == f->columns[i].n && strncasecmp(row[0], f->columns[i].p, f->columns[i].n) == 0)
				*sets = true;
	mysql_free_result(res);
	return ret;
}

/* Of tables that the account may not use the server does not tell foreign keys, and follows them all the same. */
static int
check_sight_of_keys(struct my_look *l, struct err *e)
{
	static const char hidden[] = "tables that this account may not use are not looked at: by their foreign keys rows there"
		" may change too";
	char grantee[300];
	struct my_value v;
	MYSQL_RES *res;
	MYSQL_ROW row;
	bool sees = false, sets;
	int ret = sets_index(l, &sets, e);

	if (ret != 0 || !sets)
		return ret;
	grantee_of(l->c, grantee);
	v = my_text(grantee);
	ret = my_own(l->c, OWN_MY_SEES_REFERENCES, 1, &v, &l->sheet->own, &res, e);
	if (ret == 0 && (row = mysql_fetch_row(res)) != NULL)
		sees = row[0] != NULL && strcmp(row[0], "0") != 0;
	mysql_free_result(res);
	if (ret == 0 && !sees && strstr(buf_str(&l->sheet->note), hidden) == NULL)
		db_note(&l->sheet->note, hidden);
	return ret;
}

int
my_look_sets_off(struct my_look *l, struct err *e)
{
	unsigned events = events_of(l);
	int ret = find_triggers(l, events, e);

	if ((events & EVENT_INSERT) != 0 && (events & (EVENT_UPDATE | EVENT_DELETE)) != 0)
		db_note(&l->sheet->note, "the server counts a row that it replaces or updates instead of adding it as two");
	if (ret == 0)
		ret = check_sight(l, e);
	if (ret == 0 && (events & (EVENT_UPDATE | EVENT_DELETE)) != 0)
		ret = find_cascades(l, events, e);
	if (ret == 0 && (events & (EVENT_UPDATE | EVENT_DELETE)) != 0)
		ret = check_sight_of_keys(l, e);
	return ret;
}
