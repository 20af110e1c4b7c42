/* SPDX-License-Identifier: GPL-3.0-or-later */
/* One pipe for one password. What goes through it: 'N' (there is none), 'P' and the password, or 'E' and a sentence;
 * an empty pipe means that the helper died. */
#include "config.h"

#include "credential.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "twokey/base/clock.h"
#include "twokey/base/err.h"
#include "twokey/base/io.h"
#include "twokey/base/secret.h"
#include "twokey/ticket/config.h"

enum { ANSWER_FD = 3, MESSAGE_MAX = 1 + CREDENTIAL_LINE_MAX };

/* The program of a password_command while it runs. */
struct command {
	const struct config_target *t;
	pid_t pid;
	int out, pidfd;
	int within_ms;
	bool ended;
	bool line_ended;	/* the first line is whole; what follows is thrown away */
	bool too_long;
	size_t n;
	char line[CREDENTIAL_LINE_MAX + 1];
};

/* Written in one piece, which a pipe takes without waiting: it is empty and MESSAGE_MAX is far less than it holds. */
static void
tell(int fd, char kind, const char *p, size_t n)
{
	char message[MESSAGE_MAX];

	message[0] = kind;
	memcpy(message + 1, p, n);
	(void)io_write_all(fd, message, n + 1, NULL);
	secret_wipe(message, sizeof message);
}

static void
tell_error(int fd, const struct err *e)
{
	tell(fd, 'E', e->text, strlen(e->text));
}

/* Only what a program of ours is started with: no descriptor, blocked signal or core file of the broker. */
static void
leave_broker(int keep)
{
	struct rlimit none = { 0, 0 };
	sigset_t set;

	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	(void)setrlimit(RLIMIT_CORE, &none);
	close_range((unsigned)keep + 1, ~0u, 0);
	signal(SIGPIPE, SIG_DFL);
	sigemptyset(&set);
	sigprocmask(SIG_SETMASK, &set, NULL);
}

static void
become(const struct command *c, int out)
{
	static const char *const env[] = { "PATH=/usr/bin:/bin", "LC_ALL=C.UTF-8", NULL };

	(void)setsid();	/* its children are killed with it */
	if (dup2(out, STDOUT_FILENO) < 0 || chdir("/") != 0)
		_exit(126);
	leave_broker(STDERR_FILENO);
	execve(c->t->password_command[0], c->t->password_command, (char *const *)(uintptr_t)env);
	_exit(127);
}

static int
start(struct command *c, struct err *e)
{
	int out[2];

	if (access(c->t->password_command[0], X_OK) != 0)
		return err_set(e, ERR_UNREACHABLE, "target %s: %.200s cannot be run: %s; correct password_command", c->t->name,
		    c->t->password_command[0], strerror(errno));
	if (pipe2(out, O_CLOEXEC) != 0)
		return err_sys(e, "making a pipe");
	c->pid = fork();
	if (c->pid == 0)
		become(c, out[1]);
	close(out[1]);
	c->out = out[0];
	c->pidfd = c->pid < 0 ? -1 : pidfd_open(c->pid, 0);
	if (c->pidfd < 0)
		return err_sys(e, "target %s: starting %.200s", c->t->name, c->t->password_command[0]);
	return 0;
}

/* One read of what it prints; the first line is kept. */
static void
take(struct command *c)
{
	char chunk[1024];
	ssize_t r = read(c->out, chunk, sizeof chunk);

	if (r <= 0 && errno != EINTR) {
		close(c->out);
		c->out = -1;
	}
	for (ssize_t i = 0; i < r && !c->line_ended && !c->too_long; i++) {
		c->line_ended = chunk[i] == '\n';
		c->too_long = !c->line_ended && c->n == CREDENTIAL_LINE_MAX;
		if (!c->line_ended && !c->too_long)
			c->line[c->n++] = chunk[i];
	}
	secret_wipe(chunk, sizeof chunk);
}

/* Until it has ended and all that it printed is read, or its time is over. */
static void
gather(struct command *c)
{
	int64_t until = clock_mono_ms() + c->within_ms, left;

	while (!c->ended && (left = until - clock_mono_ms()) > 0) {
		struct pollfd p[2] = { { .fd = c->out, .events = POLLIN }, { .fd = c->pidfd, .events = POLLIN } };

		if (poll(p, 2, (int)left) <= 0)
			continue;
		if (p[0].revents != 0)
			take(c);
		else
			c->ended = p[1].revents != 0;
	}
}

/* What became of it, as a sentence; 0 when its first line is the password. */
static int
judge(const struct command *c, int status, struct err *e)
{
	const char *target = c->t->name, *program = c->t->password_command[0];

	if (!c->ended)
		return err_set(e, ERR_UNREACHABLE, "target %s: %.200s did not end within %d seconds and was killed; run it by hand "
		    "as the broker's user", target, program, (c->within_ms + 999) / 1000);
	if (WIFSIGNALED(status))
		return err_set(e, ERR_UNREACHABLE, "target %s: %.200s was killed by signal %d; run it by hand as the broker's user",
		    target, program, WTERMSIG(status));
	if (WEXITSTATUS(status) != 0)
		return err_set(e, ERR_UNREACHABLE, "target %s: %.200s ended with status %d; run it by hand as the broker's user",
		    target, program, WEXITSTATUS(status));
	if (c->too_long)
		return err_set(e, ERR_UNREACHABLE, "target %s: the first line of %.200s has more than %d bytes; the password alone "
		    "is expected there", target, program, CREDENTIAL_LINE_MAX);
	if (c->n == 0 || memchr(c->line, '\0', c->n) != NULL)
		return err_set(e, ERR_UNREACHABLE, "target %s: the first line of %.200s %s; the password alone is expected there",
		    target, program, c->n == 0 ? "is empty" : "has a NUL byte");
	return 0;
}

static void
run(struct command *c, int answer)
{
	int status = 0, ret;
	struct err e;

	ret = start(c, &e);
	if (ret == 0)
		gather(c);
	if (c->pid > 0) {
		/* before it is waited for: until then nobody else can have its number */
		(void)kill(-c->pid, SIGKILL);
		(void)kill(c->pid, SIGKILL);
		while (waitpid(c->pid, &status, 0) < 0 && errno == EINTR)
			;
	}
	if (ret == 0)
		ret = judge(c, status, &e);
	if (ret == 0)
		tell(answer, 'P', c->line, c->n);
	else
		tell_error(answer, &e);
	secret_wipe(c->line, sizeof c->line);
}

/* The helper: a copy of the monitor that keeps nothing of it but the pipe. */
static void
help(const struct config_target *t, int within_ms, int answer, pid_t monitor)
{
	struct command c = { .t = t, .within_ms = within_ms, .out = -1, .pidfd = -1 };
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);

	if (null < 0 || (answer != ANSWER_FD && dup2(answer, ANSWER_FD) < 0) || dup2(null, 0) < 0 || dup2(null, 1) < 0 ||
	    dup2(null, 2) < 0 || io_cloexec(ANSWER_FD) != 0)
		_exit(1);
	leave_broker(ANSWER_FD);
	signal(SIGPIPE, SIG_IGN);
	(void)prctl(PR_SET_DUMPABLE, 0);
	if (getppid() == monitor)
		run(&c, ANSWER_FD);
	_exit(0);
}

static int
start_helper(const struct config_target *t, int within_ms, int answer, struct err *e)
{
	pid_t monitor = getpid(), pid = fork();

	if (pid == 0)
		help(t, within_ms, answer, monitor);
	return pid > 0 ? 0 : err_sys(e, "starting a process for the password of %s", t->name);
}

/* $CREDENTIALS_DIRECTORY/NAME; the configuration has seen that the name is no path. */
static struct secret *
read_credential(const struct config_target *t, struct err *e)
{
	const char *folder = getenv("CREDENTIALS_DIRECTORY");
	char path[PATH_MAX];

	if (folder == NULL || folder[0] != '/') {
		err_set(e, ERR_CONFIG, "target %s: there is no $CREDENTIALS_DIRECTORY; password_credential needs a broker that systemd "
		    "starts, with LoadCredential=%s", t->name, t->password_credential);
		return NULL;
	}
	if (strchr(t->password_credential, '/') != NULL ||
	    snprintf(path, sizeof path, "%s/%s", folder, t->password_credential) >= (int)sizeof path) {
		err_set(e, ERR_CONFIG, "target %s: password_credential is a name, never a path", t->name);
		return NULL;
	}
	return secret_read_as(SECRET_CREDENTIAL, path, e);
}

static int
fill(const struct config_target *t, int within_ms, int answer, struct err *e)
{
	struct secret *s = NULL;

	if (t->npassword_command > 0)
		return start_helper(t, within_ms, answer, e);
	if (t->password_file != NULL || t->password_credential != NULL) {
		s = t->password_file != NULL ? secret_read(t->password_file, e) : read_credential(t, e);
		if (s == NULL)
			return e->code;
		tell(answer, 'P', secret_reveal(s), secret_len(s));
		secret_free(s);
		return 0;
	}
	tell(answer, 'N', "", 0);
	return 0;
}

int
credential_start(const struct config_target *t, int within_ms, int *fd, struct err *e)
{
	int pair[2], ret;

	*fd = -1;
	if (pipe2(pair, O_CLOEXEC) != 0)
		return err_sys(e, "making a pipe for the password of %s", t->name);
	ret = fill(t, within_ms, pair[1], e);
	close(pair[1]);
	if (ret == 0)
		*fd = pair[0];
	else
		close(pair[0]);
	return ret;
}

int
credential_receive(int fd, struct secret **password, struct err *e)
{
	char message[MESSAGE_MAX + 1];
	size_t n = 0;
	ssize_t r;
	int ret = 0;

	*password = NULL;
	while (n < MESSAGE_MAX && (r = read(fd, message + n, MESSAGE_MAX - n)) != 0) {
		if (r < 0 && errno != EINTR)
			break;
		n += r > 0 ? (size_t)r : 0;
	}
	message[n] = '\0';
	if (n > 0 && message[0] == 'P')
		*password = secret_create(message + 1, n - 1);
	else if (n > 0 && message[0] == 'E')
		ret = err_set(e, ERR_UNREACHABLE, "%s", message + 1);
	else if (n != 1 || message[0] != 'N')
		ret = err_set(e, ERR_UNREACHABLE, "the process that fetches the password died; open the session again");
	secret_wipe(message, sizeof message);
	return ret;
}

int
credential_read_key(const char *path, struct secret **key, struct err *e)
{
	*key = secret_read_as(SECRET_KEY, path, e);
	return *key != NULL ? 0 : e->code;
}
