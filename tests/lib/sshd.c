/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "sshd.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <netinet/in.h>
#include <pwd.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "folder.h"
#include "server.h"
#include "twokey/base/buf.h"
#include "twokey/base/io.h"
#include "twokey/base/must.h"

static const char sshd_path[] = "/usr/sbin/sshd", keygen_path[] = "/usr/bin/ssh-keygen",
    agent_path[] = "/usr/bin/ssh-agent", add_path[] = "/usr/bin/ssh-add";

struct sshd {
	struct server server;
	struct server agent;		/* in the same folder */
	char user[64];
	char agent_socket[96];
	uint16_t port;
};

/* For root: a login whose shell runs commands, so that the tests can have one run (nobody's says no). */
static void
prefer_shell(void)
{
	const struct passwd *pw = getuid() == 0 ? getpwnam("postgres") : NULL;

	if (pw != NULL && pw->pw_uid != 0 && access(pw->pw_shell, X_OK) == 0 && strstr(pw->pw_shell, "nologin") == NULL)
		(void)setenv("TWOKEY_TEST_USER", "postgres", 0);
}

static int
make_key(const struct sshd *s, const char *name, const char *passphrase)
{
	char path[128];
	char *argv[] = { (char *)keygen_path, (char *)"-q", (char *)"-t", (char *)"ed25519", (char *)"-C", (char *)"", (char *)"-N",
		(char *)passphrase, (char *)"-f", path, NULL };

	snprintf(path, sizeof path, "%s/%s", s->server.folder, name);
	return server_command(&s->server, argv);
}

static int
write_file(const struct sshd *s, const char *name, const char *text)
{
	char path[128];

	snprintf(path, sizeof path, "%s/%s", s->server.folder, name);
	return io_write_file(path, 0644, text, strlen(text), NULL);
}

char *
sshd_file(const struct sshd *s, const char *name)
{
	char path[128];
	struct buf b;
	char *text;

	snprintf(path, sizeof path, "%s/%s", s->server.folder, name);
	buf_init(&b, 64 << 20);
	if (io_read_file(path, 64 << 20, &b, NULL) != 0)
		fprintf(stderr, "# no %s\n", path);
	text = buf_take(&b);
	buf_fini(&b);
	return text;
}

static int
make_files(struct sshd *s, const char *config)
{
	char *id, *id_pass, text[2048];
	int ret;

	if (make_key(s, "host", "") != 0 || make_key(s, "other", "") != 0 || make_key(s, "id", "") != 0 ||
	    make_key(s, "id_pass", SSHD_PASSPHRASE) != 0)
		return -1;
	id = sshd_file(s, "id.pub");
	id_pass = sshd_file(s, "id_pass.pub");
	snprintf(text, sizeof text, "%s%s", id, id_pass);
	free(id);
	free(id_pass);
	if (write_file(s, "authorized_keys", text) != 0)
		return -1;
	ret = snprintf(text, sizeof text, "%s\nPort %u\nListenAddress 127.0.0.1\nHostKey %s/host\nAuthorizedKeysFile %s/authorized_keys\n"
	    "StrictModes no\nUsePAM no\nPasswordAuthentication no\nKbdInteractiveAuthentication no\nPidFile none\n"
	    "MaxStartups 100\nMaxSessions 200\nLogLevel VERBOSE\nPermitUserEnvironment no\n", config, (unsigned)s->port,
	    s->server.folder, s->server.folder);
	return ret < (int)sizeof text ? write_file(s, "config", text) : -1;
}

static bool
answers(const void *ctx)
{
	const struct sshd *s = ctx;
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_port = htons(s->port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	bool ok = fd >= 0 && connect(fd, (struct sockaddr *)&a, sizeof a) == 0;

	close(fd);
	return ok;
}

static int
start(struct sshd *s, const char *config)
{
	char path[128];
	char *argv[] = { (char *)sshd_path, (char *)"-D", (char *)"-e", (char *)"-f", path, NULL };
	const struct passwd *pw;

	prefer_shell();
	if (access(sshd_path, X_OK) != 0) {
		fprintf(stderr, "# no %s: install openssh-server\n", sshd_path);
		return -1;
	}
	if (server_prepare(&s->server) != 0)
		return -1;
	pw = getpwuid(s->server.uid);
	if (pw == NULL)
		return -1;
	snprintf(s->user, sizeof s->user, "%s", pw->pw_name);
	s->port = (uint16_t)server_free_port();
	if (make_files(s, config) != 0)
		return -1;
	snprintf(path, sizeof path, "%s/config", s->server.folder);
	s->server.pid = server_spawn(&s->server, argv);
	return s->server.pid > 0 ? server_wait(&s->server, answers, s) : -1;
}

struct sshd *
sshd_start(const char *config)
{
	struct sshd *s = must_zalloc(sizeof *s);

	test_folder(s->server.folder, sizeof s->server.folder, "sshd");
	if (start(s, config) == 0)
		return s;
	server_failed(&s->server, "sshd");
	server_stop(&s->server, SIGKILL);
	free(s);
	return NULL;
}

static pid_t
parent_of(pid_t pid)
{
	char path[64], text[512], *end;
	FILE *in;
	int parent = 0;

	snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
	in = fopen(path, "re");
	if (in == NULL)
		return 0;
	end = fgets(text, sizeof text, in) != NULL ? strrchr(text, ')') : NULL;
	if (end == NULL || sscanf(end + 1, " %*c %d", &parent) != 1)
		parent = 0;
	fclose(in);
	return parent;
}

/* Its processes make sessions of their own, so the tree is followed by parents. */
static bool
descends(pid_t pid, pid_t from)
{
	for (int depth = 0; pid > 1 && depth < 8; depth++) {
		pid = parent_of(pid);
		if (pid == from)
			return true;
	}
	return false;
}

/* All are found before the first is signalled: an orphan has another parent. */
void
sshd_signal_children(const struct sshd *s, int sig)
{
	DIR *d = opendir("/proc");
	const struct dirent *e;
	pid_t found[256];
	size_t n = 0;

	while (d != NULL && (e = readdir(d)) != NULL && n < sizeof found / sizeof *found) {
		pid_t pid = (pid_t)atoi(e->d_name);

		if (pid > 1 && descends(pid, s->server.pid))
			found[n++] = pid;
	}
	if (d != NULL)
		closedir(d);
	for (size_t i = 0; i < n; i++)
		kill(found[i], sig);
}

void
sshd_signal(const struct sshd *s, int sig)
{
	kill(s->server.pid, sig);
	sshd_signal_children(s, sig);
}

void
sshd_stop(struct sshd *s)
{
	if (s == NULL)
		return;
	sshd_signal(s, SIGCONT);
	sshd_signal_children(s, SIGKILL);
	if (s->agent.pid > 0) {
		kill(s->agent.pid, SIGTERM);
		waitpid(s->agent.pid, NULL, 0);
	}
	server_stop(&s->server, SIGTERM);
	free(s);
}

uint16_t
sshd_port(const struct sshd *s)
{
	return s->port;
}

const char *
sshd_user(const struct sshd *s)
{
	return s->user;
}

const char *
sshd_folder(const struct sshd *s)
{
	return s->server.folder;
}

char *
sshd_host_key(const struct sshd *s)
{
	char *line = sshd_file(s, "host.pub"), *blank = strchr(line, ' ');

	if (blank != NULL)
		blank[1 + strcspn(blank + 1, " \n")] = '\0';
	return line;
}

void
sshd_allow(const struct sshd *s, const struct sshd *other)
{
	char *own = sshd_file(s, "authorized_keys"), *more = sshd_file(other, "id.pub");
	struct buf b;

	buf_init(&b, 1 << 20);
	buf_puts(&b, own);
	buf_puts(&b, more);
	must(write_file(s, "authorized_keys", buf_str(&b)) == 0);
	buf_fini(&b);
	free(own);
	free(more);
}

static int
agent_connect(const struct sshd *s)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	snprintf(a.sun_path, sizeof a.sun_path, "%s", s->agent_socket);
	if (fd >= 0 && connect(fd, (struct sockaddr *)&a, sizeof a) == 0)
		return fd;
	close(fd);
	return -1;
}

static bool
agent_answers(const void *ctx)
{
	int fd = agent_connect(ctx);

	if (fd >= 0)
		close(fd);
	return fd >= 0;
}

int
sshd_agent(struct sshd *s)
{
	char command[512];
	char *argv[] = { (char *)agent_path, (char *)"-D", (char *)"-a", s->agent_socket, NULL };
	char *add[] = { (char *)"/bin/sh", (char *)"-c", command, NULL };

	snprintf(s->agent_socket, sizeof s->agent_socket, "%s/agent", s->server.folder);
	s->agent = s->server;
	s->agent.pid = server_spawn(&s->agent, argv);
	if (s->agent.pid <= 0 || server_wait(&s->agent, agent_answers, s) != 0)
		return -1;
	snprintf(command, sizeof command, "SSH_AUTH_SOCK=%s exec %s -q %s/id", s->agent_socket, add_path, s->server.folder);
	return server_command(&s->server, add) == 0 ? agent_connect(s) : -1;
}
