/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Whether the session is still as it was made. The server flags more than that: entering the database of a view and
 * coming back, a variable that SET STATEMENT has put back. So what it tracks is compared with what it was. */
#include "config.h"

#include "my.h"

#include <string.h>

#include "twokey/base/err.h"

enum { CHANGED = 1 << 14 };	/* SERVER_SESSION_STATE_CHANGED */

struct told {
	const char *p;
	size_t n;
};

static bool
is_text(const struct told *t, const char *s)
{
	return t->n == strlen(s) && memcmp(t->p, s, t->n) == 0;
}

/* The first (or the next) thing of a type that the last answer carried. */
static bool
told(MYSQL *m, enum enum_session_state_type type, bool first, struct told *t)
{
	*t = (struct told){ "", 0 };
	return (first ? mysql_session_track_get_first(m, type, &t->p, &t->n) :
	    mysql_session_track_get_next(m, type, &t->p, &t->n)) == 0;
}

static bool
same_variable(struct db_conn *c, const struct told *name, const struct told *value)
{
	MYSQL_ROW row;

	mysql_data_seek(c->variables, 0);
	while ((row = mysql_fetch_row(c->variables)) != NULL)
		if (is_text(name, row[0]))
			return is_text(value, row[1] != NULL ? row[1] : "");
	return false;
}

static bool
same_variables(struct db_conn *c, unsigned *found)
{
	struct told name, value;

	for (bool first = true; told(c->my, SESSION_TRACK_SYSTEM_VARIABLES, first, &name); first = false) {
		(*found)++;
		if (!told(c->my, SESSION_TRACK_SYSTEM_VARIABLES, false, &value))
			return false;
		/* the number of the last transaction in the log, set by every COMMIT */
		if (!is_text(&name, "last_gtid") && !same_variable(c, &name, &value))
			return false;
	}
	return true;
}

static bool
same_database(struct db_conn *c, unsigned *found)
{
	struct told name;

	for (bool first = true; told(c->my, SESSION_TRACK_SCHEMA, first, &name); first = false) {
		(*found)++;
		if (!is_text(&name, c->database))
			return false;
	}
	return true;
}

/* What is no part of the session: positions in the log, the state of the transaction. */
static unsigned
others(struct db_conn *c)
{
	unsigned n = 0;
	struct told t;

	for (int type = SESSION_TRACK_STATE_CHANGE; type <= SESSION_TRACK_END; type++)
		n += told(c->my, (enum enum_session_state_type)type, true, &t);
	return n;
}

void
my_watch(struct db_conn *c)
{
	unsigned status = 0, found = 0;

	(void)mariadb_get_infov(c->my, MARIADB_CONNECTION_SERVER_STATUS, &status);
	if ((status & CHANGED) == 0 || c->variables == NULL)
		return;
	/* the end of rows carries the flag and no word of what it was */
	if (mysql_field_count(c->my) > 0)
		c->flagged = true;
	else if (!same_variables(c, &found) || !same_database(c, &found) || found + others(c) == 0)
		c->moved = true;
}

/* Once more, because a KILL QUERY that comes late may hit one of these. */
static int
ask(struct db_conn *c, enum own_id id, struct buf *names, MYSQL_RES **res, struct err *e)
{
	int ret = ERR_CANCELLED;

	for (int i = 0; i < 3 && ret == ERR_CANCELLED; i++)
		ret = my_own(c, id, 0, NULL, names, res, e);
	return ret;
}

static enum own_id
variables_of(const struct db_conn *c)
{
	return c->maria ? OWN_MY_VARIABLES_MARIADB : OWN_MY_VARIABLES_MYSQL;
}

static bool
same_rows(MYSQL_RES *a, MYSQL_RES *b)
{
	MYSQL_ROW x, y;

	mysql_data_seek(a, 0);
	do {
		x = mysql_fetch_row(a);
		y = mysql_fetch_row(b);
		if ((x == NULL) != (y == NULL))
			return false;
		for (int i = 0; i < 2 && x != NULL; i++)
			if (strcmp(x[i] != NULL ? x[i] : "", y[i] != NULL ? y[i] : "") != 0)
				return false;
	} while (x != NULL);
	return true;
}

/* Asks for all of it; what cannot be asked counts as moved. */
static int
look(struct db_conn *c, struct buf *names, struct err *e)
{
	MYSQL_RES *res;
	MYSQL_ROW row = NULL;
	int ret = ask(c, OWN_MY_DATABASE, names, &res, e);

	if (ret == 0)
		row = mysql_fetch_row(res);
	if (ret == 0 && (row == NULL || row[0] == NULL || strcmp(row[0], c->database) != 0))
		c->moved = true;
	mysql_free_result(res);
	if (ret != 0)
		return ret;
	ret = ask(c, variables_of(c), names, &res, e);
	if (ret == 0 && !same_rows(c->variables, res))
		c->moved = true;
	mysql_free_result(res);
	return ret;
}

int
my_settled(struct db_conn *c, struct buf *names, struct err *e)
{
	int ret = 0;

	if (c->lost)
		return my_lose(c, e, "the connection to the database is lost");
	if (c->flagged && !c->moved)
		ret = look(c, names, e);
	if (ret == ERR_CANCELLED)
		return ret;
	c->flagged = false;
	if (ret != 0 || c->moved)
		ret = my_lose(c, e, c->lost ? "the connection to the database is lost" :
		    "the statement changed settings of the connection");
	return ret;
}

int
my_state_keep(struct db_conn *c, struct err *e)
{
	return my_own(c, variables_of(c), 0, NULL, NULL, &c->variables, e);
}
