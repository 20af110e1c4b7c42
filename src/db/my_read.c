/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A read: looked up and prepared the first time, then the statement and ROLLBACK AND CHAIN in one trip. */
#include "config.h"

#include "my.h"

#include <string.h>

#include "twokey/base/clock.h"
#include "twokey/base/err.h"

enum { CLEAR_MS = 10 * 1000 };

/* The place of a text that was prepared before, or a new one. */
static struct my_checked *
find_checked(struct db_conn *c, const struct digest *text)
{
	struct my_checked *k;

	for (size_t i = 0; i < c->nchecked && i < MY_CHECKED; i++)
		if (digest_equal(&c->checked[i].text, text))
			return &c->checked[i];
	k = &c->checked[c->nchecked++ % MY_CHECKED];
	*k = (struct my_checked){ .text = *text };
	return k;
}

/* ERR_STATEMENT with *r filled when looking up failed. */
static int
look_up(struct db_conn *c, const struct sql_facts *f, struct db_result *r, struct my_found *found, struct err *e)
{
	struct err why;
	int ret = my_guard(c, f, &r->own, found, &why);

	if (ret != ERR_STATEMENT && ret != ERR_CANCELLED)
		return ret == 0 ? 0 : err_set(e, (enum err_code)ret, "%s", why.text);
	db_end_with(r, DB_FAILED, ret == ERR_CANCELLED ? "70100" : "guard", why.text);
	return ERR_STATEMENT;
}

/* Names are looked up again after some seconds, views each time; what kind of statement it is cannot change. */
int
my_check(struct db_conn *c, const struct db_statement *s, const struct sql_facts *f, struct db_result *r, struct err *e)
{
	struct digest text = digest_of(s->bytes, s->n);
	struct my_checked *k = find_checked(c, &text);
	int64_t now = clock_mono_ms();
	struct my_found found = { .plain = false };
	int ret = 0;

	if (now >= k->clear_until_ms)
		ret = look_up(c, f, r, &found, e);
	if (ret == 0 && found.plain)
		k->clear_until_ms = now + CLEAR_MS;
	if (ret == 0 && !k->reads) {
		ret = my_prepare(c, s, r, e);
		k->reads = ret == 0;
	}
	if (ret == 0 || ret == ERR_DATABASE)
		return ret;
	return my_leave(c, &r->own, e) != 0 ? ERR_DATABASE : ret;
}

static bool
send_both(struct db_conn *c, const struct db_statement *s, struct db_result *r)
{
	return mysql_send_query(c->my, s->bytes, s->n) == 0 && my_send(c, OWN_MY_NEXT_READ, 0, NULL, &r->own, NULL) == 0;
}

/* 0 with *r filled, ERR_WALL, or ERR_DATABASE. */
static int
judge(struct my_rows *rows, unsigned number, const struct db_statement *s, struct db_result *r, struct err *e)
{
	MYSQL *m = rows->c->my;

	r->rows = rows->count.rows;
	if (my_is_lost(number))
		return my_lose(rows->c, e, "the connection to the database is lost");
	if (my_is_wall(number))
		return err_set(e, ERR_WALL, "the wall stopped it: %s", mysql_error(m));
	if (rows->cut && (number == 0 || my_is_cancelled(number)))
		r->end = DB_CUT;
	else if (number != 0)
		my_failed(number, mysql_sqlstate(m), mysql_error(m), s, r);
	else
		r->end = DB_DONE;
	return 0;
}

static int
take_statement(struct my_rows *rows, const struct db_statement *s, struct db_result *r, struct err *e)
{
	MYSQL *m = rows->c->my;
	unsigned number = 0;
	int ret;

	my_wait(rows->c);
	if (mysql_read_query_result(m) != 0)
		number = mysql_errno(m);
	else if (mysql_field_count(m) > 0)
		number = my_rows_drain(rows);
	ret = judge(rows, number, s, r, e);
	if (ret == ERR_DATABASE)
		return ret;
	if (number == 0 && (mysql_more_results(m) || !my_is_walled(rows->c)))
		return my_lose(rows->c, e, "the statement ended the transaction that walls a read");
	if (number == 0)
		my_watch(rows->c);
	else	/* an error says nothing of what was done before it */
		rows->c->flagged = true;
	return ret;
}

/* The ROLLBACK; a late KILL QUERY may have hit it. */
static int
take_next(struct db_conn *c, struct db_result *r, struct err *e)
{
	struct err why;
	int ret = my_take(c, OWN_MY_NEXT_READ, NULL, &why);

	if (ret == ERR_DATABASE)
		return err_set(e, ERR_DATABASE, "%s", why.text);
	return ret == 0 && my_is_walled(c) ? 0 : my_leave(c, &r->own, e);
}

/* Sends what was checked, and takes all of the answer. */
static int
run(struct my_rows *rows, const struct db_statement *s, struct db_result *r, struct err *e)
{
	struct db_conn *c = rows->c;
	bool warned;
	int ret, next;

	if (atomic_load(&c->cancelled)) {
		db_end_with(r, DB_FAILED, "70100", "cancelled");
		return my_leave(c, &r->own, e);
	}
	if (!send_both(c, s, r))
		return my_lose(c, e, "the connection to the database is lost");
	ret = take_statement(rows, s, r, e);
	if (ret == ERR_DATABASE)
		return ret;
	/* a plan has no limit, and notes that nobody wants */
	warned = rows->count.max != NULL && r->end == DB_DONE && mysql_warning_count(c->my) > 0;
	next = take_next(c, r, e);
	if (next == 0 && warned)	/* ROLLBACK leaves the list as it is */
		my_notices(c, r);
	return c->lost ? ERR_DATABASE : next != 0 ? next : ret;
}

static int
once(struct my_rows *rows, const struct db_statement *s, const struct sql_facts *f, struct db_result *r, struct err *e)
{
	int ret = my_is_walled(rows->c) ? 0 : my_leave(rows->c, &r->own, e);

	if (ret == 0)
		ret = my_check(rows->c, s, f, r, e);
	if (ret == ERR_STATEMENT)	/* r says why */
		return 0;
	return ret == 0 ? run(rows, s, r, e) : ret;
}

int
my_read(struct db_conn *c, const struct db_statement *s, const struct sql_facts *f, const struct db_limits *max,
    const struct db_sink *sink, struct db_result *r, struct err *e)
{
	struct my_rows rows = { .c = c, .sink = sink, .count = { .max = max } };
	int64_t began = clock_wall_us();
	int ret = my_sendable(s, f, e);

	if (c->lost)
		return err_set(e, ERR_DATABASE, "the connection to the database is lost; open a new session");
	if (ret != 0)
		return ret;
	if (f->class != SQL_CLASS_READ)	/* a lock by name would outlive the ROLLBACK */
		return err_set(e, ERR_WALL, "the wall stopped it: it is no read: %s", f->why);
	my_begin(c);
	ret = once(&rows, s, f, r, e);
	my_end(c);
	if (!c->lost && my_settled(c, &r->own, e) != 0)	/* no cancel comes in between */
		ret = ERR_DATABASE;
	r->ms = (double)(clock_wall_us() - began) / 1000.0;
	return ret;
}

int
my_read_plan(struct db_conn *c, const struct db_statement *s, const struct db_sink *sink, struct db_result *r,
    struct err *e)
{
	enum own_id id = c->maria ? OWN_MY_EXPLAIN_MARIADB : OWN_MY_EXPLAIN_MYSQL;
	struct my_rows rows = { .c = c, .sink = sink };
	struct db_statement explain;
	struct buf text;
	int ret;

	buf_init(&text, s->n + 1024);
	own_ran(&r->own, id);
	(void)own_sql(&text, id, c->tag);
	buf_put(&text, s->bytes, s->n);
	explain = (struct db_statement){ DB_SQL, buf_data(&text), buf_len(&text) };
	ret = my_is_walled(c) ? 0 : my_leave(c, &r->own, e);
	if (ret == 0)
		ret = run(&rows, &explain, r, e);
	buf_fini(&text);
	return ret;
}
