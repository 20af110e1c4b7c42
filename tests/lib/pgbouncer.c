/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "pgbouncer.h"

#include <libpq-fe.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "folder.h"
#include "server.h"
#include "twokey/base/must.h"

struct pgbouncer {
	struct server server;
	const char *user;
};

static int
write_file(const char *path, const char *text)
{
	FILE *file = fopen(path, "w");
	bool ok = file != NULL && fputs(text, file) >= 0;

	return file != NULL && fclose(file) == 0 && ok ? 0 : -1;
}

static int
configure(const struct pgbouncer *b, const struct pg_server *to, const char *settings)
{
	const char *folder = b->server.folder;
	char path[96], text[2048];

	snprintf(path, sizeof path, "%s/users", folder);
	snprintf(text, sizeof text, "\"%s\" \"\"\n", b->user);
	if (write_file(path, text) != 0)
		return -1;
	snprintf(text, sizeof text, "[databases]\n* = host=%s port=%d\n[pgbouncer]\nunix_socket_dir = %s\nunix_socket_mode = 0777\n"
	    "listen_port = %d\nauth_type = trust\nauth_file = %s/users\nlogfile = %s/words\n%s", pg_server_socket(to),
	    pg_server_port(to), folder, PGBOUNCER_PORT, folder, folder, settings);
	snprintf(path, sizeof path, "%s/ini", folder);
	return write_file(path, text);
}

static bool
is_ready(const void *ctx)
{
	const struct pgbouncer *b = ctx;
	const char *keys[] = { "host", "port", "user", "dbname", "passfile", "connect_timeout", NULL };
	const char *values[] = { b->server.folder, "6432", b->user, "postgres", "/dev/null/none", "10", NULL };
	PGconn *c = PQconnectdbParams(keys, values, 0);
	bool ok = PQstatus(c) == CONNECTION_OK;

	PQfinish(c);
	return ok;
}

static int
start(struct pgbouncer *b, const struct pg_server *to, const char *settings)
{
	char path[96];
	char *argv[] = { (char *)"/usr/sbin/pgbouncer", (char *)"-q", path, NULL };

	if (access(argv[0], X_OK) != 0) {
		fprintf(stderr, "# no pgbouncer: install pgbouncer\n");
		return -1;
	}
	if (server_prepare(&b->server) != 0 || configure(b, to, settings) != 0)
		return -1;
	snprintf(path, sizeof path, "%s/ini", b->server.folder);
	b->server.pid = server_spawn(&b->server, argv);
	return b->server.pid > 0 ? server_wait(&b->server, is_ready, b) : -1;
}

struct pgbouncer *
pgbouncer_start(const struct pg_server *to, const char *user, const char *settings)
{
	struct pgbouncer *b = must_zalloc(sizeof *b);

	test_folder(b->server.folder, sizeof b->server.folder, "pgb");
	b->user = user;
	if (start(b, to, settings) == 0)
		return b;
	server_failed(&b->server, "pgbouncer");
	pgbouncer_stop(b);
	return NULL;
}

void
pgbouncer_stop(struct pgbouncer *b)
{
	if (b == NULL)
		return;
	server_stop(&b->server, SIGTERM);	/* at once; SIGINT would wait for its clients */
	free(b);
}

const char *
pgbouncer_socket(const struct pgbouncer *b)
{
	return b->server.folder;
}
