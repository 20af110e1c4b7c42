/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Who waits for a held change. The connection that stops statements asks: a third one would need the password again,
 * which nobody keeps. Nothing is sent on the one that holds the change. */
#include "config.h"

#include "my.h"

#include <inttypes.h>
#include <mysqld_error.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "twokey/base/clock.h"
#include "twokey/base/err.h"
#include "twokey/base/text.h"

enum { WHO_MAX = 200 };

bool
my_is_there(struct db_conn *c)
{
	struct pollfd p = { .fd = mysql_get_socket(c->my), .events = POLLIN };

	return !c->lost && poll(&p, 1, 0) == 0;
}

static int
gone(struct db_conn *c, struct err *e)
{
	return my_lose(c, e, "the connection that holds the change is lost: the server rolls it back");
}

static int
refused(struct db_conn *c, unsigned number, const char *words, struct err *e)
{
	if (my_is_lost(number))
		return err_set(e, ERR_UNSUPPORTED, "who waits is not seen: the second connection is lost");
	if (number == ER_SPECIFIC_ACCESS_DENIED_ERROR || number == ER_TABLEACCESS_DENIED_ERROR || number == ER_DBACCESS_DENIED_ERROR)
		return err_set(e, ERR_UNSUPPORTED, c->maria ?
		    "who waits is not seen: the account would need the right PROCESS (GRANT PROCESS ON *.*)" :
		    "who waits is not seen: the account would need SELECT on performance_schema");
	return err_set(e, ERR_UNSUPPORTED, "who waits is not seen: %.200s", words);
}

/* MariaDB: id, milliseconds, id; MySQL: id, id. No cancel comes through meanwhile: the statement has a short limit. */
static int
ask(struct db_conn *c, MYSQL_RES **res, struct err *e)
{
	char id[24], age[24];
	struct my_value v[3];
	struct err why;
	unsigned number;
	int ret;

	snprintf(id, sizeof id, "%llu", c->id);
	snprintf(age, sizeof age, "%" PRId64, clock_mono_ms() - c->writes_since_ms);
	v[0] = my_number(id);
	v[1] = my_number(c->maria ? age : id);
	v[2] = my_number(id);
	pthread_mutex_lock(&c->lock);
	ret = my_ask(c->stop, c->maria ? OWN_MY_WAITING_MARIADB : OWN_MY_WAITING_MYSQL, c->tag, c->maria ? 3 : 2, v, res, &why);
	number = mysql_errno(c->stop);
	pthread_mutex_unlock(&c->lock);
	if (c->names != NULL)
		own_ran(c->names, c->maria ? OWN_MY_WAITING_MARIADB : OWN_MY_WAITING_MYSQL);
	return ret != 0 ? refused(c, number, why.text, e) : 0;
}

static void
put_safe(struct buf *out, const char *s)
{
	text_safe(out, s != NULL ? s : "", s != NULL ? strnlen(s, WHO_MAX) : 0, TEXT_ONE_LINE);
}

static void
tell(MYSQL_ROW row, struct db_waiting *w)
{
	struct buf who;
	size_t n;

	buf_init(&who, 4096);
	buf_puts(&who, "connection ");
	put_safe(&who, row[0]);
	buf_puts(&who, " of ");
	put_safe(&who, row[1]);
	buf_puts(&who, " (");
	put_safe(&who, row[2]);
	buf_putc(&who, ')');
	n = text_fit(buf_data(&who), buf_len(&who), sizeof w->who / 4);
	memcpy(w->who, buf_data(&who), n);
	buf_fini(&who);
}

/* One row is the connection that holds the change. */
static bool
count(struct db_conn *c, MYSQL_RES *res, struct db_waiting *w)
{
	bool here = false;
	MYSQL_ROW row;

	while ((row = mysql_fetch_row(res)) != NULL) {
		if (row[0] != NULL && strtoull(row[0], NULL, 10) == c->id)
			here = true;
		else if (w->n++ == 0)
			tell(row, w);
	}
	return here;
}

void
my_look_at_others(struct db_conn *c)
{
	enum own_id which = c->maria ? OWN_MY_BLOCKERS_MARIADB : OWN_MY_BLOCKERS_MYSQL;
	MYSQL_RES *res = NULL;
	struct my_value v[1];
	char id[24];
	MYSQL_ROW row;
	unsigned n = 0;

	snprintf(id, sizeof id, "%llu", c->id);
	v[0] = my_number(id);
	pthread_mutex_lock(&c->lock);
	c->others_hidden = my_ask(c->stop, which, c->tag, 1, v, &res, NULL) != 0;
	pthread_mutex_unlock(&c->lock);
	if (c->names != NULL)
		own_ran(c->names, which);
	while (res != NULL && (row = mysql_fetch_row(res)) != NULL) {
		if (n++ == 0)
			tell(row, &c->others);
		c->others.n = n;
	}
	mysql_free_result(res);
}

int
my_waiting(struct db_conn *c, struct db_waiting *w, struct err *e)
{
	MYSQL_RES *res = NULL;
	struct err why = { .text = "" };
	bool here = true;
	int ret = 0;

	*w = (struct db_waiting){ .n = 0 };
	if (my_is_there(c))
		ret = ask(c, &res, &why);
	if (res != NULL)
		here = count(c, res, w);
	mysql_free_result(res);
	if (!here || !my_is_there(c))
		return gone(c, e);
	return ret != 0 ? err_set(e, (enum err_code)ret, "%s", why.text) : 0;
}
