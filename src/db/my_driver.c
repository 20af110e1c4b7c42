/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The drivers of MariaDB and MySQL: one code, told apart by what the server says it is. */
#include "config.h"

#include "my.h"

#include <stdlib.h>

#include "twokey/base/must.h"

static void
my_close(struct db_conn *c)
{
	if (c->my != NULL)
		mysql_close(c->my);
	if (c->stop != NULL)
		mysql_close(c->stop);
	my_sizes_free(c->sizes);
	mysql_free_result(c->variables);
	buf_fini(&c->text);
	free(c->facts);
	pthread_mutex_destroy(&c->lock);
	free(c);
}

static struct db_conn *
my_open(const struct db_target *t, struct db_info *info, struct err *e)
{
	struct db_conn *c = must_zalloc(sizeof *c);

	buf_init(&c->text, 4 * 1024 * 1024);
	c->facts = must_zalloc(sizeof *c->facts);
	must(pthread_mutex_init(&c->lock, NULL) == 0);
	own_tag(c->tag, t->tag);
	c->my = my_connect(t, e);
	if (c->my != NULL)	/* while the password is there; it is never asked for again */
		c->stop = my_connect(t, e);
	if (c->stop != NULL && my_describe(c, t, info, e) == 0)
		return c;
	my_close(c);
	return NULL;
}

const struct db_driver mariadb_driver = {
	.engine = SQL_MARIADB,
	.open = my_open,
	.close = my_close,
	.read = my_read,
	.sheet = my_sheet,
	.run = my_run,
	.alone = my_alone,
	.waiting = my_waiting,
	.outcome = my_outcome,
	.audit = my_audit,
	.describe = my_answer,
	.weigh = my_weigh,
	.cancel = my_cancel
};

const struct db_driver mysql_driver = {
	.engine = SQL_MYSQL,
	.open = my_open,
	.close = my_close,
	.read = my_read,
	.sheet = my_sheet,
	.run = my_run,
	.alone = my_alone,
	.waiting = my_waiting,
	.outcome = my_outcome,
	.audit = my_audit,
	.describe = my_answer,
	.weigh = my_weigh,
	.cancel = my_cancel
};
