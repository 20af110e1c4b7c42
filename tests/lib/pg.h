/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A real PostgreSQL in a folder of its own, reached by its Unix socket (and 127.0.0.1 when asked), run by an ordinary user. */
#ifndef TESTS_LIB_PG_H
#define TESTS_LIB_PG_H

#include <stdbool.h>
#include <stdint.h>

struct pg_server;

struct pg_server_options {
	bool tcp;			/* it listens on 127.0.0.1 as well, on a port of its own */
	const char *hba;		/* pg_hba.conf, behind a line for the superuser; NULL: everybody is trusted */
	const char *const *settings;	/* "name=value", at most 16, NULL at the end; may be NULL */
};

/* Starts one and waits until it answers; prints why and returns NULL when it cannot (that is a failure). */
struct pg_server *pg_server_start(void);
struct pg_server *pg_server_start_with(const struct pg_server_options *o);
/* A standby that follows another one, reached by its socket. */
struct pg_server *pg_server_start_replica(const struct pg_server *of);
/* Stops it and removes its folder. NULL is fine. */
void	pg_server_stop(struct pg_server *s);
/* The folder of its socket, its port (5432 unless it listens on TCP), and its superuser. */
const char *pg_server_socket(const struct pg_server *s);
uint16_t pg_server_port(const struct pg_server *s);
const char *pg_server_user(const struct pg_server *s);
/* Runs SQL as the superuser in a database; the first cell of the last result, "" when there is none, or
 * "error: ..." ; the caller frees it. */
char	*pg_server_sql(const struct pg_server *s, const char *database, const char *sql);

#endif
