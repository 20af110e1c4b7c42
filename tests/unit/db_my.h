/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A shop in a real MariaDB, one server for a whole test binary. */
#ifndef TESTS_DB_MY_H
#define TESTS_DB_MY_H

#include "lib/mariadb.h"
#include "twokey/db/driver.h"

#include "db_bench.h"

struct my_shop {
	struct bench b;
	struct db_target target;
};

/* Group fixtures: the server. */
int	my_shop_server(void **state);
int	my_shop_server_end(void **state);
/* A fresh database and a connection as an ordinary account. */
int	my_shop_setup(void **state);
int	my_shop_teardown(void **state);
/* By root, in the shop's database, several statements are fine: the first cell of the last result, borrowed until
 * the next call; must succeed. */
const char *my_shop_sql(const char *sql);
const struct mariadb_server *my_shop_server_of(void);
/* The folder of certificates: ca.pem, other.pem (another authority), and the server's in hex (SHA-1). */
const char *my_shop_certificates(void);
const char *my_shop_fingerprint(void);

#endif
