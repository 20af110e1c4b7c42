/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The sheet of MariaDB and MySQL, made in the read-only transaction. */
#include "config.h"

#include "my.h"

#include <mysqld_error.h>
#include <string.h>

#include "twokey/base/clock.h"
#include "twokey/base/err.h"
#include "twokey/base/must.h"

#include "locks.h"

/* The server reads the text and refuses it for the transaction, at the latest: what it cannot even read need not
 * wait for a key. */
static int
parse(struct my_look *l, struct err *e)
{
	MYSQL_STMT *st = mysql_stmt_init(l->c->my);
	unsigned number = 0;
	int ret = 0;

	must(st != NULL);
	own_ran(&l->sheet->own, OWN_MY_PREPARE);
	if (mysql_stmt_prepare(st, l->s->bytes, l->s->n) != 0)
		number = mysql_stmt_errno(st);
	my_wait_is_over(l->c, number);
	if (my_is_lost(number))
		ret = my_lose(l->c, e, "the connection to the database is lost");
	else if (number != 0 && !my_is_wall(number) && number != ER_UNSUPPORTED_PS)
		ret = err_set(e, my_is_cancelled(number) ? ERR_CANCELLED : ERR_STATEMENT, "the database refuses the statement: %s",
		    mysql_stmt_error(st));
	mysql_stmt_close(st);
	return ret;
}

static int
make(struct my_look *l, const struct db_sink *sample, struct err *e)
{
	int ret = my_is_walled(l->c) ? 0 : my_leave(l->c, &l->sheet->own, e);

	if (ret == 0)
		ret = my_look_enter(l, e);
	if (ret == 0 && l->guarded)
		ret = parse(l, e);
	if (ret == ERR_STATEMENT && l->c->waited)	/* its lock is not to be had; rows may be told, and who has the table */
		ret = 0;
	l->c->waited = false;
	if (ret == 0)
		ret = my_look_in(l, sample, e);
	if (ret == 0)
		ret = my_locks(l, e);
	else if (l->c->waited && my_locks(l, NULL) == 0)
		db_locks_tell(l->sheet, e);
	return ret;
}

/* Of what is written through a view every table is known; without any, nothing is. */
static const char *
rollback_of(const struct my_look *l)
{
	if (l->stays)
		return l->elsewhere ? "foreign" : "engine";
	if (!l->plain && l->found.ntargets == 0)
		return "unknown";
	return (l->sheet->dangers & SQL_DANGER_BIT(SQL_DANGER_TRIGGER)) != 0 ? "triggers" : "yes";
}

int
my_sheet(struct db_conn *c, const struct db_statement *s, const struct sql_facts *f, const struct db_sink *sample,
    struct db_sheet *sheet, struct err *e)
{
	struct my_look l;
	int64_t began = clock_wall_us();
	int ret, left;

	if (c->lost)
		return err_set(e, ERR_DATABASE, "the connection to the database is lost; open a new session");
	ret = my_sendable(s, f, e);
	if (ret != 0)
		return ret;
	my_look_init(&l, c, s, f, sheet);
	my_begin(c);
	c->waited = false;
	ret = make(&l, sample, e);
	sheet->inexact = db_is_inexact(SQL_MARIADB, s, f, l.plain);
	db_rollback_is(sheet, f, rollback_of(&l));
	left = c->lost ? ERR_DATABASE : my_leave(c, &sheet->own, ret == 0 ? e : NULL);
	my_end(c);
	if (left == 0)
		left = my_settled(c, &sheet->own, ret == 0 ? e : NULL);
	my_look_fini(&l);
	db_note(&sheet->undo, "none: this version keeps no before-images");
	sheet->ms = (double)(clock_wall_us() - began) / 1000.0;
	return ret != 0 && !c->lost ? ret : left;
}
