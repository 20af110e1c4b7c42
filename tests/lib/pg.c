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

#include "server.h"
#include "twokey/base/must.h"

static const char superuser[] = "postgres";

struct pg_server {
	struct server server;
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
	const char *values[] = { s->server.folder, "5432", superuser, database, "/dev/null/none", "10", NULL };

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

static int
start(struct pg_server *s)
{
	char path[192];
	char *argv[] = { path, (char *)"-D", (char *)s->data, (char *)"-k", s->server.folder,
		(char *)"-c", (char *)"listen_addresses=", (char *)"-c", (char *)"fsync=off",
		(char *)"-c", (char *)"unix_socket_permissions=0777", (char *)"-c", (char *)"shared_buffers=16MB",
		(char *)"-c", (char *)"max_connections=40", (char *)"-c", (char *)"max_prepared_transactions=4", NULL };

	if (find_bin(s) != 0 || server_prepare(&s->server) != 0)
		return -1;
	snprintf(s->data, sizeof s->data, "%s/data", s->server.folder);
	if (initdb(s) != 0)
		return -1;
	snprintf(path, sizeof path, "%s/postgres", s->bin);
	s->server.pid = server_spawn(&s->server, argv);
	return s->server.pid > 0 ? server_wait(&s->server, is_ready, s) : -1;
}

struct pg_server *
pg_server_start(void)
{
	struct pg_server *s = must_zalloc(sizeof *s);

	strcpy(s->server.folder, "/tmp/twokey-pg-XXXXXX");
	if (start(s) == 0)
		return s;
	fprintf(stderr, "# PostgreSQL could not be started; its words are in %s/log\n", s->server.folder);
	setenv("TWOKEY_KEEP", "1", 0);
	pg_server_stop(s);
	return NULL;
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
