/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A real pgbouncer before a real PostgreSQL, on a Unix socket of its own (port 6432), run by an ordinary user. */
#ifndef TESTS_LIB_PGBOUNCER_H
#define TESTS_LIB_PGBOUNCER_H

#include "lib/pg.h"

enum { PGBOUNCER_PORT = 6432 };
struct pgbouncer;

/* Lets user in without a password; settings are lines of pgbouncer.ini ("pool_mode = session\n"). NULL when it
 * cannot be started (that is a failure). */
struct pgbouncer *pgbouncer_start(const struct pg_server *to, const char *user, const char *settings);
void	pgbouncer_stop(struct pgbouncer *b);
const char *pgbouncer_socket(const struct pgbouncer *b);

#endif
