/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Random changes on MariaDB, all tables InnoDB. */
#include "config.h"

#include "change.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "lib/mariadb.h"
#include "twokey/base/secret.h"

struct fixture {
	struct mariadb_server *server;
	struct secret *password;
	MYSQL *db;
};

static bool
run(struct fixture *f, const char *sql, uint64_t *touched)
{
	MYSQL_RES *res;

	if (mysql_query(f->db, sql) != 0)
		return false;
	res = mysql_store_result(f->db);
	mysql_free_result(res);
	if (touched != NULL)
		*touched = mysql_affected_rows(f->db);
	return true;
}

static void
fresh(void *ctx, struct db_target *t)
{
	struct fixture *f = ctx;

	(void)run(f, "ROLLBACK", NULL);
	(void)run(f, "DROP DATABASE IF EXISTS shop", NULL);
	if (!run(f, "CREATE DATABASE shop", NULL) || !run(f, "USE shop", NULL))
		fail_msg("%s", mysql_error(f->db));
	*t = (struct db_target){ .engine = SQL_MARIADB, .socket = mariadb_server_socket(f->server), .database = "shop", .user = "ben",
	    .password = f->password, .statement_timeout_ms = 30000, .lock_timeout_ms = 1000, .tag = "s1" };
}

static bool
exec(void *ctx, const char *sql, uint64_t *touched, const char **why)
{
	struct fixture *f = ctx;
	bool ok = run(f, sql, touched);

	*why = mysql_error(f->db);
	return ok;
}

static void
rows(void *ctx, const char *sql, change_each *each, void *each_ctx)
{
	struct fixture *f = ctx;
	MYSQL_RES *res;
	MYSQL_ROW row;

	if (mysql_query(f->db, sql) != 0 || (res = mysql_store_result(f->db)) == NULL)
		fail_msg("%s: %s", sql, mysql_error(f->db));
	while ((row = mysql_fetch_row(res)) != NULL)
		each(each_ctx, (const char *const *)row, mysql_num_fields(res));
	mysql_free_result(res);
}

static const struct change_engine engine = { .engine = SQL_MARIADB, .worlds = 20, .fresh = fresh, .exec = exec, .rows = rows };

static int
setup(void **state)
{
	struct fixture *f = calloc(1, sizeof *f);

	f->server = mariadb_server_start(NULL);
	if (f->server == NULL)
		return -1;
	f->db = mysql_init(NULL);
	if (mysql_real_connect(f->db, NULL, "root", NULL, NULL, 0, mariadb_server_socket(f->server), CLIENT_FOUND_ROWS) == NULL)
		return -1;
	f->password = secret_create("sesame-77", 9);
	*state = f;
	return run(f, "CREATE USER ben@localhost IDENTIFIED BY 'sesame-77'", NULL) && run(f, "GRANT ALL ON shop.* TO ben@localhost", NULL) ? 0 : -1;
}

static int
teardown(void **state)
{
	struct fixture *f = *state;

	mysql_close(f->db);
	mariadb_server_stop(f->server);
	secret_free(f->password);
	free(f);
	return 0;
}

int
main(void)
{
	return change_main("random changes: mariadb", &engine, setup, teardown);
}
