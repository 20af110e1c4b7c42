/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A shop in a real PostgreSQL, one server for a whole test binary. */
#ifndef TESTS_DB_PG_H
#define TESTS_DB_PG_H

#include "lib/pg.h"
#include "twokey/db/driver.h"

#include "db_bench.h"

struct pg_shop {
	struct bench b;
	struct db_target target;
};

/* Group fixtures: the server. */
int	pg_shop_server(void **state);
int	pg_shop_server_end(void **state);
/* A fresh database and a connection as an ordinary role. */
int	pg_shop_setup(void **state);
int	pg_shop_teardown(void **state);
/* By the superuser, in the shop's database: the first cell, borrowed until the next call; must succeed. */
const char *pg_shop_sql(const char *sql);
const struct pg_server *pg_shop_server_of(void);

#endif
