/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "broker.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pwd.h>
#include <setjmp.h>
#include <signal.h>
#include <sqlite3.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "folder.h"
#include "twokey/base/clock.h"
#include "twokey/base/io.h"
#include "twokey/transcript/verify.h"

/* Users that every Debian has: roles of the system mode, then the people. */
static const char *const system_users[] = { "daemon", "bin", "sys", "games" };
static const struct {
	const char *person;
	const char *user;
} system_people[] = { { "ben", "lp" }, { "anna", "mail" }, { "kim", "news" } };

static const char shop_sql[] =
    "CREATE TABLE orders(id INTEGER PRIMARY KEY, status TEXT NOT NULL, total REAL, note TEXT);"
    "CREATE TABLE orders_log(id INTEGER PRIMARY KEY, order_id INT, what TEXT);"
    "CREATE TRIGGER orders_audit AFTER UPDATE ON orders BEGIN"
    " INSERT INTO orders_log(order_id, what) VALUES(new.id, old.status || ' -> ' || new.status); END;"
    "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 500)"
    " INSERT INTO orders SELECT i, CASE WHEN i % 100 = 7 THEN 'new' ELSE 'paid' END, i * 1.5, NULL FROM n;";

static const struct timespec tick = { 0, 5 * 1000 * 1000 };

static char *
builddir(const char *name)
{
	static char path[1024];
	const char *top = getenv("top_builddir");

	snprintf(path, sizeof path, "%s/%s", top != NULL ? top : ".", name);
	return path;
}

void
test_shop_exec(const struct test_broker *b, const char *sql)
{
	sqlite3 *db;
	char *msg = NULL;

	assert_int_equal(sqlite3_open(b->db, &db), SQLITE_OK);
	sqlite3_busy_timeout(db, TEST_DEADLINE_MS);
	if (sqlite3_exec(db, sql, NULL, NULL, &msg) != SQLITE_OK)
		fail_msg("shop: %s", msg);
	sqlite3_close(db);
}

int64_t
test_shop_number(const struct test_broker *b, const char *sql)
{
	sqlite3_stmt *st;
	sqlite3 *db;
	int64_t v;

	assert_int_equal(sqlite3_open(b->db, &db), SQLITE_OK);
	sqlite3_busy_timeout(db, TEST_DEADLINE_MS);
	assert_int_equal(sqlite3_prepare_v2(db, sql, -1, &st, NULL), SQLITE_OK);
	assert_int_equal(sqlite3_step(st), SQLITE_ROW);
	v = sqlite3_column_int64(st, 0);
	sqlite3_finalize(st);
	sqlite3_close(db);
	return v;
}

static const char *
login_of(const struct test_broker *b, const char *person)
{
	static char none[64];

	for (size_t i = 0; i < sizeof system_people / sizeof system_people[0]; i++)
		if (b->system_mode && strcmp(system_people[i].person, person) == 0)
			return system_people[i].user;
	snprintf(none, sizeof none, "no-login-%s", person);
	return none;
}

static void
write_config(const struct test_broker *b, const struct test_broker_options *o)
{
	char path[400];
	FILE *f;

	snprintf(path, sizeof path, "%s/twokeyd.yaml", b->dir);
	f = fopen(path, "w");
	assert_non_null(f);
	fprintf(f, "socket: %s\nstore: %s/tickets\ntranscripts: %s/transcripts\nrun: %s/run\n",
	    b->socket, b->dir, b->dir, b->dir);
	fprintf(f, "request_seconds: %u\n%s", o->request_seconds > 0 ? o->request_seconds : 300,
	    o->limits != NULL ? o->limits : "");
	if (o->limits == NULL || strstr(o->limits, "requests_before_break") == NULL)
		fprintf(f, "requests_before_break: 1000\n");	/* scripts answer many, one after the other */
	if (b->system_mode)
		fprintf(f, "users: {front: %s, recorder: %s, db: %s, tunnel: %s}\n", system_users[0],
		    system_users[1], system_users[2], system_users[3]);
	fprintf(f, "people:\n"
	    "  - {name: ben, side: firm, logins: [%s], seats: [driver]}\n", login_of(b, "ben"));
	fprintf(f, "  - {name: anna, side: customer, logins: [%s], seats: [confirmer, watcher], may_answer: json%s}\n",
	    login_of(b, "anna"), o->anna != NULL ? o->anna : "");
	fprintf(f, "  - {name: kim, side: firm, logins: [%s], seats: [confirmer, watcher, driver], may_answer: json%s}\n",
	    login_of(b, "kim"), o->kim != NULL ? o->kim : "");
	fprintf(f, "targets:\n  - name: shop\n    engine: %s\n    stage: %s\n",
	    o->engine != NULL ? o->engine : "sqlite", o->stage != NULL ? o->stage : "production");
	if (o->target != NULL)
		fputs(o->target, f);
	else
		fprintf(f, "    file: %s\n    lock_timeout: 5\n", b->db);
	fclose(f);
}

static void
exec_broker(const struct test_broker *b, const char *fault, int out)
{
	char config[400], log[400];
	const char *argv[] = { "twokeyd", "--config", config, "--private", "--demo", NULL };
	int fd;

	prctl(PR_SET_PDEATHSIG, SIGTERM);	/* a test that fails leaves no broker behind */
	snprintf(config, sizeof config, "%s/twokeyd.yaml", b->dir);
	snprintf(log, sizeof log, "%s/broker.log", b->dir);
	if (b->system_mode)
		argv[3] = NULL;
	fd = open(log, O_WRONLY | O_CREAT | O_APPEND, 0600);
	dup2(fd, STDERR_FILENO);
	dup2(out, STDOUT_FILENO);
	if (fault != NULL)
		setenv("TWOKEY_FAULT", fault, 1);
	else
		unsetenv("TWOKEY_FAULT");
	execv(builddir("twokeyd"), (char *const *)(uintptr_t)argv);
	_exit(127);
}

static void
spawn(struct test_broker *b, const char *fault)
{
	int64_t until = clock_mono_ms() + TEST_DEADLINE_MS;
	char line[16] = "";
	int fds[2];
	struct pollfd p;

	assert_int_equal(pipe(fds), 0);
	b->pid = fork();
	if (b->pid == 0)
		exec_broker(b, fault, fds[1]);
	close(fds[1]);
	b->out = fds[0];
	p = (struct pollfd){ .fd = b->out, .events = POLLIN };
	if (poll(&p, 1, (int)(until - clock_mono_ms())) != 1 || read(b->out, line, 15) <= 0 ||
	    strncmp(line, "ready", 5) != 0) {
		char cmd[400];

		snprintf(cmd, sizeof cmd, "cat %s/broker.log >&2", b->dir);
		(void)!system(cmd);
		fail_msg("the broker did not become ready");
	}
}

void
test_broker_start(struct test_broker *b, const struct test_broker_options *o)
{
	static const struct test_broker_options defaults;

	if (o == NULL)
		o = &defaults;
	*b = (struct test_broker){ .system_mode = o->system_mode };
	test_folder(b->dir, sizeof b->dir, "test");
	assert_non_null(mkdtemp(b->dir));
	snprintf(b->socket, sizeof b->socket, "%s/broker.sock", b->dir);
	snprintf(b->db, sizeof b->db, "%s/shop.db", b->dir);
	if (b->system_mode) {
		/* the db role's user must write the file and its journal's folder */
		struct passwd *pw = getpwnam(system_users[2]);

		chmod(b->dir, 0755);
		snprintf(b->db, sizeof b->db, "%s/data", b->dir);
		assert_int_equal(mkdir(b->db, 0755), 0);
		assert_int_equal(chown(b->db, pw->pw_uid, pw->pw_gid), 0);
		snprintf(b->db, sizeof b->db, "%s/data/shop.db", b->dir);
		test_shop_exec(b, shop_sql);
		assert_int_equal(chown(b->db, pw->pw_uid, pw->pw_gid), 0);
	} else {
		test_shop_exec(b, shop_sql);
	}
	write_config(b, o);
	spawn(b, o->fault);
}

void
test_broker_reconfigure(struct test_broker *b, const struct test_broker_options *o)
{
	kill(b->pid, SIGTERM);
	assert_int_equal(waitpid(b->pid, NULL, 0), b->pid);
	close(b->out);
	write_config(b, o);
	spawn(b, o->fault);
}

void
test_broker_restart(struct test_broker *b)
{
	close(b->out);
	spawn(b, NULL);
}

static void
wait_pid(pid_t pid)
{
	int64_t until = clock_mono_ms() + 2 * TEST_DEADLINE_MS;

	while (waitpid(pid, NULL, WNOHANG) == 0) {
		if (clock_mono_ms() > until) {
			kill(pid, SIGKILL);
			fail_msg("the broker did not end");
		}
		nanosleep(&tick, NULL);
	}
}

void
test_broker_kill(struct test_broker *b)
{
	kill(b->pid, SIGKILL);
	wait_pid(b->pid);
}

void
test_broker_stop(struct test_broker *b)
{
	char cmd[400];

	kill(b->pid, SIGTERM);
	wait_pid(b->pid);
	close(b->out);
	snprintf(cmd, sizeof cmd, "rm -rf '%s'", b->dir);
	if (getenv("TWOKEY_KEEP") == NULL)
		(void)!system(cmd);
}

/* True for a process of this broker with that role. */
static bool
is_role(const struct test_broker *b, const char *pid, const char *role)
{
	char path[64], text[512];
	int fd;
	ssize_t n;
	long ppid;

	snprintf(path, sizeof path, "/proc/%.20s/stat", pid);
	fd = open(path, O_RDONLY);
	n = fd >= 0 ? read(fd, text, sizeof text - 1) : -1;
	if (fd >= 0)
		close(fd);
	if (n <= 0)
		return false;
	text[n] = '\0';
	if (sscanf(strrchr(text, ')') + 2, "%*c %ld", &ppid) != 1 || ppid != b->pid)
		return false;
	snprintf(path, sizeof path, "/proc/%.20s/cmdline", pid);
	fd = open(path, O_RDONLY);
	n = fd >= 0 ? read(fd, text, sizeof text - 1) : -1;
	if (fd >= 0)
		close(fd);
	return n > 16 && strcmp(text + strlen(text) + 1 + strlen("--role") + 1, role) == 0;
}

pid_t
test_broker_role(const struct test_broker *b, const char *role)
{
	DIR *d = opendir("/proc");
	struct dirent *de;
	pid_t found = 0;

	while (found == 0 && (de = readdir(d)) != NULL)
		if (de->d_name[0] >= '1' && de->d_name[0] <= '9' && is_role(b, de->d_name, role))
			found = (pid_t)strtol(de->d_name, NULL, 10);
	closedir(d);
	return found;
}

size_t
test_open_files(pid_t pid)
{
	char path[64];
	size_t n = 0;
	DIR *d;

	snprintf(path, sizeof path, "/proc/%d/fd", (int)pid);
	d = opendir(path);
	assert_non_null(d);
	while (readdir(d) != NULL)
		n++;
	closedir(d);
	return n;
}

static char
state_of(pid_t pid)
{
	char path[64], text[512];
	int fd;
	ssize_t n;

	snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
	fd = open(path, O_RDONLY);
	n = fd >= 0 ? read(fd, text, sizeof text - 1) : -1;
	if (fd >= 0)
		close(fd);
	if (n <= 0)
		return 0;
	text[n] = '\0';
	return strrchr(text, ')')[2];
}

static void
wait_state(pid_t pid, const char *states, const char *what)
{
	int64_t until = clock_mono_ms() + TEST_DEADLINE_MS;

	while (strchr(states, state_of(pid) != 0 ? state_of(pid) : 'X') == NULL) {
		if (clock_mono_ms() > until)
			fail_msg("the process is not %s", what);
		nanosleep(&tick, NULL);
	}
}

void
test_wait_gone(pid_t pid)
{
	wait_state(pid, "XZ", "gone");
}

bool
test_is_stopped(pid_t pid)
{
	return state_of(pid) == 'T';
}

void
test_wait_stopped(pid_t pid)
{
	wait_state(pid, "T", "stopped");
}

/* By the second in its name, s-20261121-103612-..., and within one by who was written last. */
static bool
is_newer(const char *dir, const char *name, const char *newest)
{
	enum { STAMP = 17 };
	int order = strncmp(name, newest, STAMP);
	struct stat a, b;
	char path[700];

	if (order != 0 || newest[0] == '\0')
		return order > 0;
	snprintf(path, sizeof path, "%s/%s", dir, name);
	if (stat(path, &a) != 0)
		return false;
	snprintf(path, sizeof path, "%s/%s", dir, newest);
	return stat(path, &b) != 0 || a.st_mtim.tv_sec > b.st_mtim.tv_sec ||
	    (a.st_mtim.tv_sec == b.st_mtim.tv_sec && a.st_mtim.tv_nsec > b.st_mtim.tv_nsec);
}

/* False while there is none. */
static bool
find_transcript(const struct test_broker *b, char *path, size_t size)
{
	char dir[400], newest[256] = "";
	struct dirent *de;
	DIR *d;

	snprintf(dir, sizeof dir, "%s/transcripts", b->dir);
	d = opendir(dir);
	assert_non_null(d);
	while ((de = readdir(d)) != NULL)
		if (de->d_name[0] == 's' && is_newer(dir, de->d_name, newest))
			snprintf(newest, sizeof newest, "%s", de->d_name);
	closedir(d);
	snprintf(path, size, "%s/%s", dir, newest);
	return newest[0] != '\0';
}

void
test_transcript(const struct test_broker *b, char *path, size_t size)
{
	assert_true(find_transcript(b, path, size));
}

/* Of that session, or the newest. */
static bool
wait_sealed(const struct test_broker *b, const char *session)
{
	int64_t until = clock_mono_ms() + 2 * TEST_DEADLINE_MS;
	struct transcript_report r = { .text = "" };
	char path[700];

	do {
		bool there = true;

		if (session != NULL)
			snprintf(path, sizeof path, "%s/transcripts/%s.jsonl", b->dir, session);
		else
			there = find_transcript(b, path, sizeof path);
		if (there && transcript_verify_file(path, &r, NULL) == 0 && r.verdict == TRANSCRIPT_SEALED)
			return true;
		nanosleep(&tick, NULL);
	} while (clock_mono_ms() < until);
	fprintf(stderr, "# not sealed: %s\n", r.text);
	return false;
}

bool
test_wait_sealed(const struct test_broker *b)
{
	return wait_sealed(b, NULL);
}

bool
test_wait_sealed_of(const struct test_broker *b, const char *session)
{
	return wait_sealed(b, session);
}
