/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The server's own word on what a text is: prepared, a read is one statement that announces columns. COMMIT,
 * BEGIN NOT ATOMIC, SET, KILL, FLUSH, CALL, LOAD, SELECT ... INTO announce none. */
#include "config.h"

#include "my.h"

#include <ctype.h>
#include <mysqld_error.h>
#include <string.h>
#include <strings.h>

#include "twokey/base/clock.h"
#include "twokey/base/err.h"
#include "twokey/base/must.h"

enum { TEXT_MAX = 1024 * 1024 };

int
my_sendable(const struct db_statement *s, const struct sql_facts *f, struct err *e)
{
	if (s->language != DB_SQL || s->n > TEXT_MAX || memchr(s->bytes, '\0', s->n) != NULL)
		return err_set(e, ERR_WALL, "the wall stopped it: not SQL text, over 1 MiB, or with a zero byte in it");
	if (f->dangers & SQL_DANGER_BIT(SQL_DANGER_LIST_CUT))
		return err_set(e, ERR_WALL, "the wall stopped it: it names more than can be looked up");
	return 0;
}

/* Some forms of SHOW cannot be prepared or announce nothing; a text that begins with this word is nothing else. */
static bool
is_show(const struct db_statement *s)
{
	size_t i = 0;

	while (i < s->n && isspace((unsigned char)s->bytes[i]))
		i++;
	return s->n - i > 4 && strncasecmp(s->bytes + i, "SHOW", 4) == 0 && isspace((unsigned char)s->bytes[i + 4]);
}

/* ANALYZE TABLE and its kin announce these columns; they write, and end the transaction. */
static bool
maintains(MYSQL_STMT *st)
{
	MYSQL_RES *meta = mysql_stmt_result_metadata(st);
	const MYSQL_FIELD *f = meta != NULL ? mysql_fetch_fields(meta) : NULL;
	bool is = f != NULL && mysql_num_fields(meta) >= 2 && strcmp(f[0].name, "Table") == 0 && strcmp(f[1].name, "Op") == 0;

	mysql_free_result(meta);
	return is;
}

/* ANALYZE announces the columns of a plan, and runs the SELECT with its INTO. Too much is stopped: a text that only
 * speaks of both. */
static bool
writes_a_file(const struct db_statement *s)
{
	return db_has_word(s, "ANALYZE") && (db_has_word(s, "OUTFILE") || db_has_word(s, "DUMPFILE"));
}

static int
refused(struct db_conn *c, MYSQL_STMT *st, const struct db_statement *s, struct db_result *r, struct err *e)
{
	unsigned number = mysql_stmt_errno(st);

	if (my_is_lost(number))
		return my_lose(c, e, "the connection to the database is lost");
	if (my_is_wall(number))
		return err_set(e, ERR_WALL, "the wall stopped it: %s", mysql_stmt_error(st));
	if (number == ER_UNSUPPORTED_PS)
		return err_set(e, ERR_WALL, "the wall stopped it: the server does not prepare such a statement, so nobody can"
		    " say that it only reads");
	my_failed(number, mysql_stmt_sqlstate(st), mysql_stmt_error(st), s, r);
	return ERR_STATEMENT;
}

int
my_prepare(struct db_conn *c, const struct db_statement *s, struct db_result *r, struct err *e)
{
	MYSQL_STMT *st;
	int ret = 0;

	/* MariaDB binds a write to such variables (my.user-variables), MySQL tells them to few */
	if (!c->maria && db_has_word(s, ":="))
		return err_set(e, ERR_WALL, "the wall stopped it: it sets a variable, which could change what a later statement does");
	if (writes_a_file(s))
		return err_set(e, ERR_WALL, "the wall stopped it: ANALYZE runs the statement, also where it writes a file");
	if (is_show(s))
		return 0;
	st = mysql_stmt_init(c->my);
	must(st != NULL);
	own_ran(&r->own, OWN_MY_PREPARE);
	if (mysql_stmt_prepare(st, s->bytes, s->n) != 0)
		ret = refused(c, st, s, r, e);
	else if (mysql_stmt_field_count(st) == 0)
		ret = err_set(e, ERR_WALL, "the wall stopped it: the server says that it returns no rows, so it is no read");
	else if (maintains(st))
		ret = err_set(e, ERR_WALL, "the wall stopped it: the server says that it maintains tables");
	mysql_stmt_close(st);
	return ret;
}
