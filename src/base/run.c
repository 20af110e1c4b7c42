/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "twokey/base/run.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "twokey/base/buf.h"
#include "twokey/base/clock.h"
#include "twokey/base/err.h"

enum { ABOVE = 64, STREAMS = 2 };

/* What runs: its process and what comes out of it. */
struct running {
	pid_t pid;
	int pidfd;
	int out[STREAMS];	/* -1: at its end, or not wanted */
};

int
run_file(const void *p, size_t n, struct err *e)
{
	int fd = memfd_create("twokey", MFD_CLOEXEC);

	if (fd >= 0 && (pwrite(fd, p, n, 0) == (ssize_t)n || n == 0))
		return fd;
	err_sys(e, "making an anonymous file");
	if (fd >= 0)
		close(fd);
	return -1;
}

/* In the child: descriptors into their places, signals as a program expects them. */
static void
become(const struct run *r, int in, int out, int err)
{
	int fds[3 + 4] = { in, out, err }, n = 3;
	sigset_t set;

	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	while (n < 7 && r->fds[n - 3] != 0) {
		fds[n] = r->fds[n - 3];
		n++;
	}
	/* first above all places, so that none is overwritten before it has moved */
	for (int i = 0; i < n; i++)
		if ((fds[i] = fcntl(fds[i], F_DUPFD, ABOVE)) < 0)
			_exit(126);
	for (int i = 0; i < n; i++)
		if (dup2(fds[i], i) < 0)
			_exit(126);
	close_range((unsigned)n, ~0u, 0);
	for (int i = 1; i < 32; i++)
		if (i != SIGKILL && i != SIGSTOP)
			signal(i, SIG_DFL);
	sigemptyset(&set);
	sigprocmask(SIG_SETMASK, &set, NULL);
	if (r->env != NULL)
		execvpe(r->argv[0], (char *const *)(uintptr_t)r->argv, (char *const *)(uintptr_t)r->env);
	else
		execvp(r->argv[0], (char *const *)(uintptr_t)r->argv);
	_exit(127);
}

static int
start(const struct run *r, struct running *p, struct err *e)
{
	int in = run_file(r->in, r->n, e), null, out[STREAMS][2] = { { -1, -1 }, { -1, -1 } };

	if (in < 0)
		return ERR_SYSTEM;
	null = open("/dev/null", O_WRONLY | O_CLOEXEC);
	if (null < 0 || (r->out != NULL && pipe2(out[0], O_CLOEXEC) != 0) || (r->err != NULL && pipe2(out[1], O_CLOEXEC) != 0)) {
		err_sys(e, "making a pipe");
	} else {
		p->pid = fork();
		if (p->pid == 0)
			become(r, in, r->out != NULL ? out[0][1] : null, r->err != NULL ? out[1][1] : null);
		if (p->pid < 0)
			err_sys(e, "starting %s", r->argv[0]);
		else
			p->pidfd = pidfd_open(p->pid, 0);
	}
	close(in);
	if (null >= 0)
		close(null);
	for (int i = 0; i < STREAMS; i++) {
		if (out[i][1] >= 0)
			close(out[i][1]);
		p->out[i] = out[i][0];
	}
	return p->pid > 0 ? 0 : ERR_SYSTEM;
}

/* One read of a stream; what is more than the buffer takes is thrown away. */
static void
take(int *fd, struct buf *to)
{
	char chunk[4096];
	ssize_t n = read(*fd, chunk, sizeof chunk);

	if (n < 0 && errno == EINTR)
		return;
	if (n <= 0) {
		close(*fd);
		*fd = -1;
		return;
	}
	buf_put(to, chunk, (size_t)n);
}

/* Until it has ended and all is read, or its time is over: false then. */
static bool
gather(const struct run *r, struct running *p)
{
	int64_t until = clock_mono_ms() + r->within_ms, left;
	struct buf *to[STREAMS] = { r->out, r->err };

	while ((left = until - clock_mono_ms()) > 0) {
		struct pollfd f[STREAMS + 1] = { { .fd = p->out[0], .events = POLLIN }, { .fd = p->out[1], .events = POLLIN },
		    { .fd = p->pidfd, .events = POLLIN } };

		if (poll(f, STREAMS + 1, (int)left) <= 0)
			continue;
		for (int i = 0; i < STREAMS; i++)
			if (f[i].revents != 0)
				take(&p->out[i], to[i]);
		if (f[0].revents == 0 && f[1].revents == 0 && f[STREAMS].revents != 0)
			return true;
	}
	return false;
}

int
run_program(struct run *r, struct err *e)
{
	struct running p = { .pidfd = -1, .out = { -1, -1 } };
	int status = 0;
	bool ended = false;

	r->status = 127;
	if (start(r, &p, e) != 0)
		return ERR_SYSTEM;
	if (p.pidfd >= 0)
		ended = gather(r, &p);
	if (!ended)
		kill(p.pid, SIGKILL);
	while (waitpid(p.pid, &status, 0) < 0 && errno == EINTR)
		;
	if (p.pidfd >= 0)
		close(p.pidfd);
	for (int i = 0; i < STREAMS; i++)
		if (p.out[i] >= 0)
			close(p.out[i]);
	r->status = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
	if (!ended)
		return err_set(e, ERR_SYSTEM, "%.200s did not end within %d seconds and was killed", r->argv[0],
		    (r->within_ms + 999) / 1000);
	if (r->status == 127)
		return err_set(e, ERR_SYSTEM, "%.200s cannot be run; is it installed?", r->argv[0]);
	return 0;
}
