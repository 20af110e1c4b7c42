/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A real MariaDB in a folder of its own, run by an ordinary user: by its Unix socket, and by TCP where a test asks. */
#ifndef TESTS_LIB_MARIADB_H
#define TESTS_LIB_MARIADB_H

#include <mysql.h>

struct mariadb_server;

/* Starts one and waits until it answers; prints why and returns NULL when it cannot (that is a failure).
 * more: further options of mariadbd, ended by NULL, or NULL. */
struct mariadb_server *mariadb_server_start(const char *const *more);
/* Stops it and removes its folder. NULL is fine. */
void	mariadb_server_stop(struct mariadb_server *s);
/* Stops it and starts it again on the same files, socket and port; -1 when it does not come. */
int	mariadb_server_restart(struct mariadb_server *s);
/* The path of its socket, its port of 127.0.0.1, its process. User root, no password. */
const char *mariadb_server_socket(const struct mariadb_server *s);
int	mariadb_server_port(const struct mariadb_server *s);
int	mariadb_server_pid(const struct mariadb_server *s);
const char *mariadb_server_folder(const struct mariadb_server *s);
/* A connection as root by the socket, to a database or to none (NULL); the caller closes it. */
MYSQL	*mariadb_server_connect(const struct mariadb_server *s, const char *database);
/* Runs SQL as root (several statements are fine); the first cell of the last result, "" when there is none,
 * "NULL", or "error: ..."; the caller frees it. */
char	*mariadb_server_sql(const struct mariadb_server *s, const char *database, const char *sql);

#endif
