/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Our own statements on a connection of MariaDB or MySQL, and the state of its transaction. */
#include "config.h"

#include "my.h"

#include <mysqld_error.h>
#include <string.h>

#include "twokey/base/err.h"
#include "twokey/base/must.h"

enum {
	IN_TRANSACTION = 1,		/* SERVER_STATUS_IN_TRANS */
	READ_ONLY = 8192		/* SERVER_STATUS_IN_TRANS_READONLY */
};

struct my_value
my_text(const char *s)
{
	return (struct my_value){ MY_TEXT, s, strlen(s) };
}

struct my_value
my_number(const char *digits)
{
	return (struct my_value){ MY_NUMBER, digits, strlen(digits) };
}

static void
put_hex(struct buf *out, const char *p, size_t n)
{
	static const char digits[] = "0123456789abcdef";

	buf_puts(out, "_utf8mb4 x'");
	for (size_t i = 0; i < n; i++) {
		buf_putc(out, digits[(unsigned char)p[i] >> 4]);
		buf_putc(out, digits[(unsigned char)p[i] & 15]);
	}
	buf_putc(out, '\'');
}

void
my_list_add(struct buf *list, const char *p, size_t n)
{
	if (buf_len(list) > 0)
		buf_puts(list, ", ");
	put_hex(list, p, n);
}

static void
put_value(struct buf *out, const struct my_value *v)
{
	switch (v->kind) {
	case MY_TEXT:
		put_hex(out, v->p, v->n);
		return;
	case MY_NAME:
		buf_putc(out, '`');
		for (size_t i = 0; i < v->n; i++) {
			if (v->p[i] == '`')
				buf_putc(out, '`');
			buf_putc(out, v->p[i]);
		}
		buf_putc(out, '`');
		return;
	case MY_NUMBER:
		must(v->n > 0 && strspn(v->p, "0123456789.") >= v->n);
		/* fall through */
	case MY_LIST:
		buf_put(out, v->p, v->n);
		return;
	}
}

/* The tagged text with its values. */
static void
make(struct buf *out, enum own_id id, const char *tag, int n, const struct my_value *v)
{
	struct buf text;
	const char *p, *mark;
	int i = 0;

	buf_init(&text, 64 * 1024);
	p = own_sql(&text, id, tag);
	buf_reset(out);
	for (; (mark = strchr(p, '?')) != NULL; p = mark + 1) {
		must(i < n);
		buf_put(out, p, (size_t)(mark - p));
		put_value(out, &v[i++]);
	}
	must(i == n);
	buf_puts(out, p);
	buf_fini(&text);
}

int
my_lose(struct db_conn *c, struct err *e, const char *why)
{
	c->lost = true;
	return err_set(e, ERR_DATABASE, "%s; the session ends, open a new one", why);
}

static int
code_of(unsigned number)
{
	if (my_is_wall(number))
		return ERR_WALL;
	return my_is_cancelled(number) ? ERR_CANCELLED : ERR_STATEMENT;
}

/* How many columns an answer has at the least; one that is not named here: one. 0: it may have no rows at all. */
static const struct shape {
	enum own_id id;
	unsigned columns;
} shapes[] = {
	{ OWN_MY_INFO, 7 }, { OWN_MY_WHO, 4 }, { OWN_MY_SETTINGS, 2 }, { OWN_MY_VARIABLES_MARIADB, 2 },
	{ OWN_MY_VARIABLES_MYSQL, 2 }, { OWN_MY_RELATION, 2 }, { OWN_MY_ROUTINES, 2 }, { OWN_MY_LOADED, 2 }, { OWN_MY_TABLE, 6 },
	{ OWN_MY_LOCKS_TABLE, 12 }, { OWN_MY_LOCKS_ROWS, 8 }, { OWN_MY_LOCKS_SCHEMA, 12 },
	{ OWN_MY_DEFINITION, 2 }, { OWN_MY_TRIGGERS, 6 }, { OWN_MY_REFERENCES, 7 }, { OWN_MY_WARNINGS, 3 }, { OWN_MY_USER_VARIABLES, 4 }, { OWN_MY_MADE, 5 }, { OWN_MY_SET_ROLE, 0 },
	{ OWN_MY_SIZES, 4 }, { OWN_MY_WAITING_MARIADB, 3 }, { OWN_MY_WAITING_MYSQL, 3 },
	{ OWN_MY_BLOCKERS_MARIADB, 3 }, { OWN_MY_BLOCKERS_MYSQL, 3 },
};

/* A server that answers with less would have us read past the end of a row. */
static bool
has_shape(enum own_id id, MYSQL_RES *res)
{
	unsigned columns = 1;

	for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++)
		if (shapes[i].id == id)
			columns = shapes[i].columns;
	return columns == 0 || (res != NULL && mysql_num_fields(res) >= columns);
}

void
my_wait_is_over(struct db_conn *c, unsigned number)
{
	c->waited = c->waited || number == ER_LOCK_WAIT_TIMEOUT;
}

int
my_send(struct db_conn *c, enum own_id id, int n, const struct my_value *v, struct buf *names, struct err *e)
{
	if (c->lost)
		return my_lose(c, e, "the connection to the database is lost");
	make(&c->text, id, c->tag, n, v);
	if (buf_over(&c->text))
		return err_set(e, ERR_STATEMENT, "%s would be too long", own_name(id));
	if (names != NULL)
		own_ran(names, id);
	if (mysql_send_query(c->my, buf_data(&c->text), buf_len(&c->text)) != 0)
		return my_lose(c, e, "the connection to the database is lost");
	return 0;
}

int
my_take(struct db_conn *c, enum own_id id, MYSQL_RES **res, struct err *e)
{
	MYSQL_RES *got = NULL;
	unsigned number = 0;

	if (res != NULL)
		*res = NULL;
	if (mysql_read_query_result(c->my) != 0 ||
	    (mysql_field_count(c->my) > 0 && (got = mysql_store_result(c->my)) == NULL))
		number = mysql_errno(c->my);
	if (number == 0 && got == NULL)	/* rows of ours change nothing, but information_schema raises the flag */
		my_watch(c);
	if (number == 0 && res != NULL && has_shape(id, got)) {
		*res = got;
		return 0;
	}
	mysql_free_result(got);
	if (number == 0)
		return res == NULL ? 0 : my_lose(c, e, "the server's answer has not the form that was asked for");
	if (my_is_lost(number))
		return my_lose(c, e, "the connection to the database is lost");
	my_wait_is_over(c, number);
	return err_set(e, (enum err_code)code_of(number), "%s failed: %s", own_name(id), mysql_error(c->my));
}

int
my_own(struct db_conn *c, enum own_id id, int n, const struct my_value *v, struct buf *names, MYSQL_RES **res,
    struct err *e)
{
	int ret = my_send(c, id, n, v, names, e);

	if (res != NULL)
		*res = NULL;
	return ret != 0 ? ret : my_take(c, id, res, e);
}

int
my_ask(MYSQL *m, enum own_id id, const char *tag, int n, const struct my_value *v, MYSQL_RES **res, struct err *e)
{
	struct buf text;
	int ret = 0;

	buf_init(&text, 64 * 1024);
	make(&text, id, tag, n, v);
	if (res != NULL)
		*res = NULL;
	if (mysql_real_query(m, buf_data(&text), buf_len(&text)) != 0 ||
	    (mysql_field_count(m) > 0 && res != NULL && (*res = mysql_store_result(m)) == NULL))
		ret = err_set(e, ERR_STATEMENT, "%s failed: %s", own_name(id), mysql_error(m));
	else if (res != NULL && !has_shape(id, *res))
		ret = err_set(e, ERR_STATEMENT, "%s failed: the answer has not the form that was asked for", own_name(id));
	if (ret != 0 && res != NULL) {
		mysql_free_result(*res);
		*res = NULL;
	}
	buf_fini(&text);
	return ret;
}

static unsigned
status_of(const struct db_conn *c)
{
	unsigned status = 0;

	(void)mariadb_get_infov(c->my, MARIADB_CONNECTION_SERVER_STATUS, &status);
	return status;
}

bool
my_is_walled(const struct db_conn *c)
{
	return (status_of(c) & (IN_TRANSACTION | READ_ONLY)) == (IN_TRANSACTION | READ_ONLY);
}

bool
my_is_writing(const struct db_conn *c)
{
	return (status_of(c) & (IN_TRANSACTION | READ_ONLY)) == IN_TRANSACTION;
}

int
my_leave(struct db_conn *c, struct buf *names, struct err *e)
{
	struct err why;
	int ret = c->lost ? ERR_DATABASE : ERR_STATEMENT;

	/* a KILL QUERY that comes late may hit these: once more */
	for (int i = 0; i < 3 && ret != 0 && !c->lost; i++) {
		ret = my_own(c, OWN_MY_ROLLBACK, 0, NULL, names, NULL, &why);
		if (ret == 0)
			ret = my_own(c, OWN_MY_BEGIN_READ, 0, NULL, names, NULL, &why);
		if (ret == 0 && !my_is_walled(c))
			ret = ERR_STATEMENT;
	}
	if (ret != 0)
		return my_lose(c, e, "the connection is lost or has no read-only transaction");
	return 0;
}
