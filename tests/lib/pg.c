/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "pg.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <glob.h>
#include <grp.h>
#include <libpq-fe.h>
#include <pwd.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "twokey/base/clock.h"
#include "twokey/base/must.h"

enum { START_MS = 60 * 1000, STOP_MS = 20 * 1000 };
static const char superuser[] = "postgres";

struct pg_server {
	char folder[64];
	char data[96];
	char bin[160];
	pid_t pid;
	uid_t uid;
	gid_t gid;
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

/* The server refuses to be run by root. */
static int
find_user(struct pg_server *s)
{
	const char *name = getenv("TWOKEY_TEST_USER");
	const struct passwd *pw;

	s->uid = getuid();
	s->gid = getgid();
	if (s->uid != 0)
		return 0;
	pw = getpwnam(name != NULL ? name : "nobody");
	if (pw == NULL)
		return -1;
	s->uid = pw->pw_uid;
	s->gid = pw->pw_gid;
	return chown(s->folder, s->uid, s->gid);
}

static pid_t
spawn(const struct pg_server *s, char *const argv[])
{
	char log[128], home[80];
	pid_t pid = fork();
	int fd;

	if (pid != 0)
		return pid;
	snprintf(log, sizeof log, "%s/log", s->folder);
	snprintf(home, sizeof home, "HOME=%s", s->folder);
	if (getuid() == 0 && (setgroups(0, NULL) != 0 || setgid(s->gid) != 0 || setuid(s->uid) != 0))
		_exit(126);
	(void)prctl(PR_SET_PDEATHSIG, SIGINT);	/* a test that is killed leaves no server */
	fd = open(log, O_WRONLY | O_CREAT | O_APPEND, 0600);
	if (fd < 0 || dup2(fd, 1) < 0 || dup2(fd, 2) < 0 || chdir(s->folder) != 0)
		_exit(126);
	char *env[] = { home, (char *)"LC_ALL=C.UTF-8", (char *)"TZ=UTC", (char *)"PATH=/usr/bin:/bin", NULL };
	execve(argv[0], argv, env);
	_exit(127);
}

static int
initdb(const struct pg_server *s)
{
	char path[192];
	char *argv[] = { path, (char *)"-D", (char *)s->data, (char *)"-U", (char *)superuser, (char *)"-A",
		(char *)"trust", (char *)"-E", (char *)"UTF8", (char *)"--no-sync", (char *)"--no-instructions", NULL };
	int status = -1;
	pid_t pid;

	snprintf(path, sizeof path, "%s/initdb", s->bin);
	pid = spawn(s, argv);
	if (pid < 0 || waitpid(pid, &status, 0) != pid || status != 0)
		return -1;
	return 0;
}

static PGconn *
connect_to(const struct pg_server *s, const char *database)
{
	const char *keys[] = { "host", "port", "user", "dbname", "passfile", "connect_timeout", NULL };
	const char *values[] = { s->folder, "5432", superuser, database, "/dev/null/none", "10", NULL };

	return PQconnectdbParams(keys, values, 0);
}

static int
wait_ready(const struct pg_server *s)
{
	int64_t end = clock_mono_ms() + START_MS;
	int status;

	while (clock_mono_ms() < end) {
		PGconn *c = connect_to(s, "postgres");
		bool ok = PQstatus(c) == CONNECTION_OK;
		struct timespec t = { 0, 20 * 1000 * 1000 };

		PQfinish(c);
		if (ok)
			return 0;
		if (waitpid(s->pid, &status, WNOHANG) == s->pid)
			return -1;
		nanosleep(&t, NULL);
	}
	return -1;
}

static int
start(struct pg_server *s)
{
	char path[192];
	char *argv[] = { path, (char *)"-D", (char *)s->data, (char *)"-k", s->folder,
		(char *)"-c", (char *)"listen_addresses=", (char *)"-c", (char *)"fsync=off",
		(char *)"-c", (char *)"unix_socket_permissions=0777", (char *)"-c", (char *)"shared_buffers=16MB",
		(char *)"-c", (char *)"max_connections=40", (char *)"-c", (char *)"max_prepared_transactions=4", NULL };

	if (mkdtemp(s->folder) == NULL || find_bin(s) != 0 || find_user(s) != 0)
		return -1;
	snprintf(s->data, sizeof s->data, "%s/data", s->folder);
	(void)chmod(s->folder, 0755);
	if (initdb(s) != 0)
		return -1;
	snprintf(path, sizeof path, "%s/postgres", s->bin);
	s->pid = spawn(s, argv);
	return s->pid > 0 ? wait_ready(s) : -1;
}

struct pg_server *
pg_server_start(void)
{
	struct pg_server *s = must_zalloc(sizeof *s);

	strcpy(s->folder, "/tmp/twokey-pg-XXXXXX");
	if (start(s) == 0)
		return s;
	fprintf(stderr, "# PostgreSQL could not be started; its words are in %s/log\n", s->folder);
	if (s->pid > 0) {
		kill(s->pid, SIGKILL);
		waitpid(s->pid, NULL, 0);
	}
	free(s);
	return NULL;
}

static int
remove_one(const char *path, const struct stat *st, int flag, struct FTW *ftw)
{
	(void)st, (void)flag, (void)ftw;
	return remove(path);
}

void
pg_server_stop(struct pg_server *s)
{
	int64_t end = clock_mono_ms() + STOP_MS;
	struct timespec t = { 0, 10 * 1000 * 1000 };

	if (s == NULL)
		return;
	kill(s->pid, SIGINT);	/* fast: its clients are let go */
	while (waitpid(s->pid, NULL, WNOHANG) == 0) {
		if (clock_mono_ms() > end)
			kill(s->pid, SIGQUIT);
		nanosleep(&t, NULL);
	}
	if (getenv("TWOKEY_KEEP") == NULL)
		nftw(s->folder, remove_one, 16, FTW_DEPTH | FTW_PHYS);
	free(s);
}

const char *
pg_server_socket(const struct pg_server *s)
{
	return s->folder;
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
