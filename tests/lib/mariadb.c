/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "mariadb.h"

#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "folder.h"
#include "server.h"
#include "twokey/base/must.h"

enum { ARGS_MAX = 40 };

struct mariadb_server {
	struct server server;
	char socket[96];
	int port;
	char *argv[ARGS_MAX];	/* as it was started */
};

/* A server that starts, also the one of the installation, removes what it takes for its own leftovers in its tmpdir:
 * never a folder of others. */
static int
install(const struct mariadb_server *s)
{
	char data[96], tmp[96];
	char *argv[] = { (char *)"/usr/bin/mariadb-install-db", (char *)"--no-defaults", data, tmp,
		(char *)"--auth-root-authentication-method=normal", (char *)"--skip-test-db", (char *)"--skip-name-resolve",
		(char *)"--innodb-log-file-size=8M", (char *)"--innodb-flush-log-at-trx-commit=0",
		(char *)"--innodb-use-native-aio=OFF", NULL };

	snprintf(data, sizeof data, "--datadir=%s/data", s->server.folder);
	snprintf(tmp, sizeof tmp, "--tmpdir=%s", s->server.folder);
	return server_command(&s->server, argv);
}

MYSQL *
mariadb_server_connect(const struct mariadb_server *s, const char *database)
{
	MYSQL *m = mysql_init(NULL);

	must(m != NULL);
	if (mysql_real_connect(m, "localhost", "root", "", database, 0, s->socket, CLIENT_MULTI_STATEMENTS) != NULL &&
	    mysql_set_character_set(m, "utf8mb4") == 0)
		return m;
	mysql_close(m);
	return NULL;
}

static bool
is_ready(const void *ctx)
{
	MYSQL *m = mariadb_server_connect(ctx, NULL);

	if (m == NULL)
		return false;
	mysql_close(m);
	return true;
}

static int
spawn(struct mariadb_server *s)
{
	s->server.pid = server_spawn(&s->server, s->argv);
	return s->server.pid > 0 ? server_wait(&s->server, is_ready, s) : -1;
}

static int
start(struct mariadb_server *s, const char *const *more)
{
	char data[96], sock[112], port[24], pid[96], tmp[96];
	const char *argv[ARGS_MAX] = { "/usr/sbin/mariadbd", "--no-defaults", data, sock, port, pid, tmp,
		"--bind-address=127.0.0.1", "--skip-log-bin", "--innodb-buffer-pool-size=16M", "--innodb-log-file-size=8M",
		"--innodb-flush-log-at-trx-commit=0", "--performance-schema=OFF", "--skip-name-resolve",
		"--character-set-server=utf8mb4", "--lc-messages-dir=/usr/share/mysql",
		"--innodb-use-native-aio=OFF" };	/* the kernel's room for it is shared by everything that runs here */
	size_t n = 17;

	if (access(argv[0], X_OK) != 0) {
		fprintf(stderr, "# no MariaDB server: install mariadb-server\n");
		return -1;
	}
	if (server_prepare(&s->server) != 0 || install(s) != 0)
		return -1;
	s->port = server_free_port();
	snprintf(data, sizeof data, "--datadir=%s/data", s->server.folder);
	snprintf(s->socket, sizeof s->socket, "%s/sock", s->server.folder);
	snprintf(sock, sizeof sock, "--socket=%s", s->socket);
	snprintf(port, sizeof port, "--port=%d", s->port);
	snprintf(tmp, sizeof tmp, "--tmpdir=%s", s->server.folder);
	snprintf(pid, sizeof pid, "--pid-file=%s/pid", s->server.folder);
	while (more != NULL && *more != NULL && n < ARGS_MAX - 1)
		argv[n++] = *more++;
	for (size_t i = 0; i < n; i++)
		s->argv[i] = must_strdup(argv[i]);
	return spawn(s);
}

struct mariadb_server *
mariadb_server_start(const char *const *more)
{
	struct mariadb_server *s = must_zalloc(sizeof *s);

	test_folder(s->server.folder, sizeof s->server.folder, "my");
	if (start(s, more) == 0)
		return s;
	server_failed(&s->server, "MariaDB");
	mariadb_server_stop(s);
	return NULL;
}

void
mariadb_server_stop(struct mariadb_server *s)
{
	if (s == NULL)
		return;
	server_stop(&s->server, SIGTERM);
	for (size_t i = 0; s->argv[i] != NULL; i++)
		free(s->argv[i]);
	free(s);
}

int
mariadb_server_restart(struct mariadb_server *s)
{
	if (kill(s->server.pid, SIGTERM) != 0 || waitpid(s->server.pid, NULL, 0) != s->server.pid)
		return -1;
	return spawn(s);
}

const char *
mariadb_server_socket(const struct mariadb_server *s)
{
	return s->socket;
}

int
mariadb_server_port(const struct mariadb_server *s)
{
	return s->port;
}

int
mariadb_server_pid(const struct mariadb_server *s)
{
	return (int)s->server.pid;
}

const char *
mariadb_server_folder(const struct mariadb_server *s)
{
	return s->server.folder;
}

static void
first_cell(MYSQL *m, char *text, size_t size)
{
	MYSQL_RES *res = mysql_store_result(m);
	MYSQL_ROW row;

	text[0] = '\0';
	if (mysql_errno(m) != 0)
		snprintf(text, size, "error: %s", mysql_error(m));
	else if (res != NULL && (row = mysql_fetch_row(res)) != NULL)
		snprintf(text, size, "%s", row[0] != NULL ? row[0] : "NULL");
	mysql_free_result(res);
}

char *
mariadb_server_sql(const struct mariadb_server *s, const char *database, const char *sql)
{
	MYSQL *m = mariadb_server_connect(s, database);
	char text[2048] = "error: no connection";

	if (m != NULL && mysql_query(m, sql) != 0) {
		snprintf(text, sizeof text, "error: %s", mysql_error(m));
	} else if (m != NULL) {
		first_cell(m, text, sizeof text);
		while (strncmp(text, "error:", 6) != 0 && mysql_more_results(m)) {
			if (mysql_next_result(m) > 0)
				snprintf(text, sizeof text, "error: %s", mysql_error(m));
			else
				first_cell(m, text, sizeof text);
		}
	}
	mysql_close(m);
	return must_strdup(text);
}
