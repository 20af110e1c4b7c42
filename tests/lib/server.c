/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "server.h"

#include <fcntl.h>
#include <ftw.h>
#include <grp.h>
#include <netinet/in.h>
#include <pwd.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "twokey/base/clock.h"

enum { START_MS = 120 * 1000, STOP_MS = 20 * 1000 };

/* Servers refuse to be run by root. */
static int
find_user(struct server *s)
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

int
server_prepare(struct server *s)
{
	if (mkdtemp(s->folder) == NULL || chmod(s->folder, 0755) != 0)
		return -1;
	return find_user(s);
}

pid_t
server_spawn(const struct server *s, char *const argv[])
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
	(void)prctl(PR_SET_PDEATHSIG, SIGQUIT);	/* a test that is killed leaves no server; MariaDB ignores SIGINT */
	fd = open(log, O_WRONLY | O_CREAT | O_APPEND, 0600);
	if (fd < 0 || dup2(fd, 1) < 0 || dup2(fd, 2) < 0 || chdir(s->folder) != 0)
		_exit(126);
	char *env[] = { home, (char *)"LC_ALL=C.UTF-8", (char *)"TZ=UTC", (char *)"PATH=/usr/bin:/bin:/usr/sbin:/sbin",
		NULL };
	execve(argv[0], argv, env);
	_exit(127);
}

int
server_command(const struct server *s, char *const argv[])
{
	int status = -1;
	pid_t pid = server_spawn(s, argv);

	return pid > 0 && waitpid(pid, &status, 0) == pid && status == 0 ? 0 : -1;
}

int
server_wait(struct server *s, bool (*ready)(const void *ctx), const void *ctx)
{
	int64_t end = clock_mono_ms() + START_MS;
	struct timespec t = { 0, 20 * 1000 * 1000 };

	while (clock_mono_ms() < end) {
		if (ready(ctx))
			return 0;
		if (waitpid(s->pid, NULL, WNOHANG) == s->pid) {
			s->pid = 0;
			return -1;
		}
		nanosleep(&t, NULL);
	}
	return -1;
}

static int
remove_one(const char *path, const struct stat *st, int flag, struct FTW *ftw)
{
	(void)st, (void)flag, (void)ftw;
	return remove(path);
}

void
server_stop(struct server *s, int sig)
{
	int64_t end = clock_mono_ms() + STOP_MS;
	struct timespec t = { 0, 10 * 1000 * 1000 };

	if (s->pid > 0) {
		kill(s->pid, sig);
		while (waitpid(s->pid, NULL, WNOHANG) == 0) {
			if (clock_mono_ms() > end)
				kill(s->pid, SIGKILL);
			nanosleep(&t, NULL);
		}
	}
	s->pid = 0;
	if (getenv("TWOKEY_KEEP") == NULL)
		nftw(s->folder, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

/* Its last words, where a run that nobody watched shows them. */
void
server_failed(const struct server *s, const char *name)
{
	enum { LINES = 30 };
	char path[128], line[400], last[LINES][400];
	size_t n = 0;
	FILE *log;

	snprintf(path, sizeof path, "%s/log", s->folder);
	fprintf(stderr, "# %s could not be started; the last words of %s:\n", name, path);
	log = fopen(path, "re");
	while (log != NULL && fgets(line, sizeof line, log) != NULL)
		snprintf(last[n++ % LINES], sizeof last[0], "%s", line);
	for (size_t i = n > LINES ? n - LINES : 0; i < n; i++)
		fprintf(stderr, "#   %.*s\n", (int)strcspn(last[i % LINES], "\n"), last[i % LINES]);
	if (log != NULL)
		fclose(log);
}

/* Below the ports that the kernel gives to whoever asks (32768 and up), and for every process at another place: between
 * this look and the server's own bind nobody comes who also looks for one. */
int
server_free_port(void)
{
	enum { FIRST = 10000, PORTS = 20000, OF_ONE = 16 };
	static unsigned next;
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };

	for (unsigned i = 0; i < PORTS; i++) {
		unsigned port = FIRST + ((unsigned)getpid() * OF_ONE + next++) % PORTS;
		int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
		bool is_free;

		a.sin_port = htons((uint16_t)port);
		is_free = fd >= 0 && bind(fd, (struct sockaddr *)&a, sizeof a) == 0;
		if (fd >= 0)
			close(fd);
		if (is_free)
			return (int)port;
	}
	return -1;
}
