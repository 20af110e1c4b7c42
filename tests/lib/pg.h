/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A real PostgreSQL in a folder of its own, reached by its Unix socket only, run by an ordinary user. */
#ifndef TESTS_LIB_PG_H
#define TESTS_LIB_PG_H

struct pg_server;

/* Starts one and waits until it answers; prints why and returns NULL when it cannot (that is a failure). */
struct pg_server *pg_server_start(void);
/* Stops it and removes its folder. NULL is fine. */
void	pg_server_stop(struct pg_server *s);
/* The folder of its socket (port 5432), and its superuser. */
const char *pg_server_socket(const struct pg_server *s);
const char *pg_server_user(const struct pg_server *s);
/* Runs SQL as the superuser in a database; the first cell of the last result, "" when there is none, or
 * "error: ..." ; the caller frees it. */
char	*pg_server_sql(const struct pg_server *s, const char *database, const char *sql);

#endif
