/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "pg.h"

#include <glob.h>
#include <libpq-fe.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "folder.h"
#include "server.h"
#include "twokey/base/must.h"

static const char superuser[] = "postgres";

enum { SETTINGS_MAX = 16 };
struct pg_server {
	struct server server;
	int port;
	bool tcp;
	char data[96];
	char bin[160];
};

/* The newest server that is installed. */
static int
find_bin(struct pg_server *s)
{
	glob_t g;
	int ret = -1;

	if (glob("/usr/lib/postgresql/*/bin/postgres", 0, NULL, &g) == 0 && g.gl_pathc > 0) {
		snprintf(s->bin, sizeof s->bin, "%.*s", (int)(strlen(g.gl_pathv[g.gl_pathc - 1]) - strlen("/postgres")),
		    g.gl_pathv[g.gl_pathc - 1]);
		ret = 0;
	} else {
		fprintf(stderr, "# no PostgreSQL server in /usr/lib/postgresql: install postgresql\n");
	}
	globfree(&g);
	return ret;
}

static int
initdb(const struct pg_server *s)
{
	char path[192];
	char *argv[] = { path, (char *)"-D", (char *)s->data, (char *)"-U", (char *)superuser, (char *)"-A",
		(char *)"trust", (char *)"-E", (char *)"UTF8", (char *)"--no-sync", (char *)"--no-instructions", NULL };

	snprintf(path, sizeof path, "%s/initdb", s->bin);
	return server_command(&s->server, argv);
}

static PGconn *
connect_to(const struct pg_server *s, const char *database)
{
	const char *keys[] = { "host", "port", "user", "dbname", "passfile", "connect_timeout", NULL };
	char port[8];
	const char *values[] = { s->server.folder, port, superuser, database, "/dev/null/none", "10", NULL };

	snprintf(port, sizeof port, "%d", s->port);
	return PQconnectdbParams(keys, values, 0);
}

static bool
is_ready(const void *ctx)
{
	PGconn *c = connect_to(ctx, "postgres");
	bool ok = PQstatus(c) == CONNECTION_OK;

	PQfinish(c);
	return ok;
}

/* Whole, in place of what initdb made; the superuser always comes in by the socket. */
static int
write_hba(const struct pg_server *s, const char *hba)
{
	char path[128];
	FILE *file;
	int ok;

	if (hba == NULL)
		return 0;
	snprintf(path, sizeof path, "%s/pg_hba.conf", s->data);
	file = fopen(path, "w");
	ok = file != NULL && fprintf(file, "local all %s trust\n%s", superuser, hba) > 0;
	return file != NULL && fclose(file) == 0 && ok ? 0 : -1;
}

static int
run(struct pg_server *s, const char *const *settings)
{
	static const char *const always[] = { "fsync=off", "unix_socket_permissions=0777", "shared_buffers=16MB",
		"max_connections=40", "max_prepared_transactions=4" };
	enum { ALWAYS = sizeof always / sizeof *always };
	char path[192], port[24], listen[32];
	char *argv[8 + 2 * (ALWAYS + SETTINGS_MAX) + 4] = { path, (char *)"-D", s->data, (char *)"-k", s->server.folder,
		(char *)"-c", port, (char *)"-c", listen };
	size_t n = 9;

	snprintf(path, sizeof path, "%s/postgres", s->bin);
	snprintf(port, sizeof port, "port=%d", s->port);
	snprintf(listen, sizeof listen, "listen_addresses=%s", s->tcp ? "127.0.0.1" : "");
	for (size_t i = 0; i < ALWAYS + SETTINGS_MAX; i++) {
		const char *one = i < ALWAYS ? always[i] : settings == NULL ? NULL : settings[i - ALWAYS];

		if (one == NULL)
			break;
		argv[n++] = (char *)"-c";
		argv[n++] = (char *)one;
	}
	s->server.pid = server_spawn(&s->server, argv);
	return s->server.pid > 0 ? server_wait(&s->server, is_ready, s) : -1;
}

static int
place(struct pg_server *s, bool tcp)
{
	if (find_bin(s) != 0 || server_prepare(&s->server) != 0)
		return -1;
	s->tcp = tcp;
	s->port = tcp ? server_free_port() : 5432;
	snprintf(s->data, sizeof s->data, "%s/data", s->server.folder);
	return s->port > 0 ? 0 : -1;
}

static struct pg_server *
failed(struct pg_server *s)
{
	server_failed(&s->server, "PostgreSQL");
	pg_server_stop(s);
	return NULL;
}

struct pg_server *
pg_server_start_with(const struct pg_server_options *o)
{
	struct pg_server *s = must_zalloc(sizeof *s);

	test_folder(s->server.folder, sizeof s->server.folder, "pg");
	return place(s, o->tcp) == 0 && initdb(s) == 0 && write_hba(s, o->hba) == 0 && run(s, o->settings) == 0 ? s : failed(s);
}

struct pg_server *
pg_server_start(void)
{
	return pg_server_start_with(&(struct pg_server_options){ .tcp = false });
}

/* pg_basebackup with -R makes a standby that follows. */
struct pg_server *
pg_server_start_replica(const struct pg_server *of)
{
	struct pg_server *s = must_zalloc(sizeof *s);
	char path[192], port[8];
	char *argv[] = { path, (char *)"-D", s->data, (char *)"-h", (char *)of->server.folder, (char *)"-p", port, (char *)"-U",
		(char *)superuser, (char *)"-R", (char *)"-X", (char *)"stream", (char *)"-c", (char *)"fast", (char *)"--no-sync",
		NULL };

	test_folder(s->server.folder, sizeof s->server.folder, "pg");
	if (place(s, false) != 0)
		return failed(s);
	snprintf(path, sizeof path, "%s/pg_basebackup", s->bin);
	snprintf(port, sizeof port, "%d", of->port);
	return server_command(&s->server, argv) == 0 && run(s, NULL) == 0 ? s : failed(s);
}

void
pg_server_stop(struct pg_server *s)
{
	if (s == NULL)
		return;
	server_stop(&s->server, SIGINT);	/* fast: its clients are let go */
	free(s);
}

const char *
pg_server_socket(const struct pg_server *s)
{
	return s->server.folder;
}

uint16_t
pg_server_port(const struct pg_server *s)
{
	return (uint16_t)s->port;
}

const char *
pg_server_user(const struct pg_server *s)
{
	(void)s;
	return superuser;
}

char *
pg_server_sql(const struct pg_server *s, const char *database, const char *sql)
{
	PGconn *c = connect_to(s, database);
	PGresult *res = PQexec(c, sql);
	char text[2048];

	if (PQresultStatus(res) == PGRES_TUPLES_OK || PQresultStatus(res) == PGRES_COMMAND_OK)
		snprintf(text, sizeof text, "%s", PQntuples(res) > 0 && PQnfields(res) > 0 ? PQgetvalue(res, 0, 0) : "");
	else
		snprintf(text, sizeof text, "error: %s", PQerrorMessage(c));
	PQclear(res);
	PQfinish(c);
	return must_strdup(text);
}
