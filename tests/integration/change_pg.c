/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Random changes on PostgreSQL, as an ordinary role; row policies and rules are among what hangs on the tables. */
#include "config.h"

#include "change.h"

#include <libpq-fe.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "lib/pg.h"

struct fixture {
	struct pg_server *server;
	PGconn *db;
	char why[400];
};

static bool
run(struct fixture *f, const char *sql, uint64_t *touched)
{
	PGresult *res = PQexec(f->db, sql);
	bool ok = PQresultStatus(res) == PGRES_COMMAND_OK || PQresultStatus(res) == PGRES_TUPLES_OK;

	snprintf(f->why, sizeof f->why, "%s", PQerrorMessage(f->db));
	if (touched != NULL)
		*touched = strtoull(PQcmdTuples(res), NULL, 10);
	PQclear(res);
	return ok;
}

static void
fresh(void *ctx, struct db_target *t)
{
	struct fixture *f = ctx;

	if (!run(f, "RESET ROLE; DROP SCHEMA IF EXISTS public CASCADE; CREATE SCHEMA public; GRANT ALL ON SCHEMA public TO ben", NULL))
		fail_msg("%s", f->why);
	*t = (struct db_target){ .engine = SQL_POSTGRES, .socket = pg_server_socket(f->server), .port = 5432, .database = "postgres",
	    .user = "ben", .statement_timeout_ms = 30000, .lock_timeout_ms = 300, .tag = "s1" };
}

/* What it would be for the role that the driver has; what is put off until COMMIT is part of it. */
static bool
exec(void *ctx, const char *sql, uint64_t *touched, const char **why)
{
	struct fixture *f = ctx;
	bool ok;

	*why = f->why;
	if (strcmp(sql, "BEGIN") == 0)
		return run(f, "BEGIN ISOLATION LEVEL REPEATABLE READ; SET LOCAL ROLE ben", NULL);
	ok = run(f, sql, touched);
	return ok && (touched == NULL || run(f, "SET CONSTRAINTS ALL IMMEDIATE; SET CONSTRAINTS ALL DEFERRED", NULL));
}

static void
rows(void *ctx, const char *sql, change_each *each, void *each_ctx)
{
	struct fixture *f = ctx;
	const char *cell[CHANGE_COLUMNS];
	bool inside = PQtransactionStatus(f->db) == PQTRANS_INTRANS;
	PGresult *res;

	if (inside)
		(void)run(f, "RESET ROLE", NULL);	/* policies hide nothing of the truth */
	res = PQexec(f->db, sql);
	if (PQresultStatus(res) != PGRES_TUPLES_OK)
		fail_msg("%s: %s", sql, PQerrorMessage(f->db));
	for (int i = 0; i < PQntuples(res); i++) {
		for (int c = 0; c < PQnfields(res); c++)
			cell[c] = PQgetisnull(res, i, c) ? NULL : PQgetvalue(res, i, c);
		each(each_ctx, cell, (size_t)PQnfields(res));
	}
	PQclear(res);
}

static const struct change_engine engine = { .engine = SQL_POSTGRES, .worlds = 16, .fresh = fresh, .exec = exec, .rows = rows };

static int
setup(void **state)
{
	struct fixture *f = calloc(1, sizeof *f);
	char where[200];

	f->server = pg_server_start();
	if (f->server == NULL)
		return -1;
	snprintf(where, sizeof where, "host=%s port=5432 dbname=postgres user=%s", pg_server_socket(f->server), pg_server_user(f->server));
	f->db = PQconnectdb(where);
	*state = f;
	return run(f, "CREATE ROLE ben LOGIN; SET client_min_messages = error", NULL) ? 0 : -1;
}

static int
teardown(void **state)
{
	struct fixture *f = *state;

	PQfinish(f->db);
	pg_server_stop(f->server);
	free(f);
	return 0;
}

int
main(void)
{
	return change_main("random changes: postgres", &engine, setup, teardown);
}
