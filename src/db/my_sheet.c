/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "my.h"

#include "twokey/base/err.h"

int
my_sheet(struct db_conn *c, const struct db_statement *s, const struct sql_facts *f, const struct db_sink *sample,
    struct db_sheet *sheet, struct err *e)
{
	(void)c, (void)s, (void)f, (void)sample, (void)sheet;
	return err_set(e, ERR_UNSUPPORTED, "this version makes no sheets of MariaDB and MySQL");
}

int
my_run(struct db_conn *c, const struct db_allowed *a, struct db_result *r, struct err *e)
{
	(void)c, (void)a, (void)r;
	return err_set(e, ERR_UNSUPPORTED, "this version changes nothing on MariaDB and MySQL");
}

int
my_outcome(struct db_conn *c, const struct db_commit_point *p, const char **is, struct err *e)
{
	(void)c, (void)p;
	*is = "unknown";
	return err_set(e, ERR_UNKNOWN, "this version changes nothing on MariaDB and MySQL");
}
