/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "twokey/tunnel/command.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core.h"
#include "twokey/base/clock.h"

enum { PROGRAMS_MAX = 64, WORDS_MAX = 512, END_MS = 2000, LAST_WORDS_MS = 200 };

/* One run of the program: one connection. */
struct program {
	pid_t pid;			/* 0: free */
	int pidfd;
	int words;			/* its standard error; -1: closed */
	char said[WORDS_MAX];		/* the end of it */
	size_t nsaid;
};

struct command {
	const struct command_plan *p;
	struct tunnel t;		/* for peer.c and tell.c */
	struct program programs[PROGRAMS_MAX];
	const char *name;
	struct err err;
};

static void
say(struct command *c, enum tunnel_phase phase, enum tunnel_fault fault)
{
	struct tunnel_state s = { .hop = 0, .name = c->name, .phase = phase, .fault = fault, .ms = -1, .err = c->err };

	if (c->p->watch.state != NULL)
		c->p->watch.state(c->p->watch.ctx, &s);
}

/* In the child: the connection is all that it has. */
static void
become(const struct command *c, int connection, int words)
{
	const struct passwd *pw = getpwuid(getuid());
	char home[512];
	sigset_t none;
	char *env[] = { (char *)"PATH=/usr/local/bin:/usr/bin:/bin", (char *)"LC_ALL=C.UTF-8", home, NULL };

	snprintf(home, sizeof home, "HOME=%s", pw != NULL ? pw->pw_dir : "/");
	setpgid(0, 0);		/* what it starts ends with it */
	(void)prctl(PR_SET_PDEATHSIG, SIGTERM);
	signal(SIGPIPE, SIG_DFL);
	signal(SIGINT, SIG_DFL);
	signal(SIGXFSZ, SIG_DFL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);	/* the broker blocks what ends it */
	if (dup2(connection, 0) < 0 || dup2(connection, 1) < 0 || dup2(words, 2) < 0)
		_exit(126);
	close_range(3, ~0u, 0);
	execve(c->p->argv[0], c->p->argv, env);
	dprintf(2, "%s: %s\n", c->p->argv[0], strerror(errno));
	_exit(127);
}

static void
start(struct command *c, struct program *g, int connection)
{
	int words[2];

	if (pipe2(words, O_CLOEXEC) != 0)
		return;
	*g = (struct program){ .pid = fork(), .pidfd = -1, .words = words[0] };
	if (g->pid == 0)
		become(c, connection, words[1]);
	close(words[1]);
	if (g->pid > 0)
		g->pidfd = pidfd_open(g->pid, 0);
	if (g->pid < 0 || g->pidfd < 0) {
		if (g->pid > 0)
			kill(g->pid, SIGKILL);
		close(words[0]);
		g->pid = 0;
	}
}

static struct program *
free_place(struct command *c)
{
	for (size_t i = 0; i < PROGRAMS_MAX; i++)
		if (c->programs[i].pid == 0)
			return &c->programs[i];
	return NULL;
}

static void
take(struct command *c, int listener)
{
	int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
	struct program *g = free_place(c);
	long uid;

	if (fd < 0)
		return;
	if (!peer_check(&c->t, fd, &uid))
		tell_refused(&c->t, TUNNEL_FAULT_UID, "a connection of uid %ld was refused: only the session's own login may "
		    "use its way", uid);
	else if (g != NULL)
		start(c, g, fd);
	close(fd);
}

/* Only the end of what it says is kept: that is where programs say why. */
static void
hear(struct program *g)
{
	char text[WORDS_MAX];
	ssize_t n = read(g->words, text, sizeof text);

	if (n <= 0) {
		close(g->words);
		g->words = -1;
		return;
	}
	if (g->nsaid + (size_t)n > sizeof g->said) {
		size_t keep = sizeof g->said - (size_t)n;

		keep = keep < g->nsaid ? keep : g->nsaid;
		memmove(g->said, g->said + g->nsaid - keep, keep);
		g->nsaid = keep;
	}
	memcpy(g->said + g->nsaid, text, (size_t)n);
	g->nsaid += (size_t)n;
}

static void
last_line(const struct program *g, char *out, size_t size)
{
	char text[WORDS_MAX + 1];
	size_t n = g->nsaid;
	char *line;

	memcpy(text, g->said, n);
	while (n > 0 && (text[n - 1] == '\n' || text[n - 1] == '\r'))
		n--;
	text[n] = '\0';
	line = strrchr(text, '\n');
	tell_safe(line != NULL ? line + 1 : text, out, size);
}

/* 0, or the code when the way ends by it. */
static int
ended(struct command *c, struct program *g)
{
	char words[300];
	int status = 0;

	while (g->words >= 0)
		hear(g);
	close(g->pidfd);
	(void)waitpid(g->pid, &status, 0);
	g->pid = 0;
	if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
		return 0;
	last_line(g, words, sizeof words);
	err_set(&c->err, ERR_UNREACHABLE, "%.60s ended with %s %d%s%.250s; run it by hand as the tunnel's user to see why",
	    c->name, WIFEXITED(status) ? "status" : "signal", WIFEXITED(status) ? WEXITSTATUS(status) : WTERMSIG(status),
	    words[0] != '\0' ? ": " : "", words);
	say(c, TUNNEL_FAILED, TUNNEL_FAULT_CONNECTION);
	return c->err.code;
}

enum { PER_PROGRAM = 2, FIXED = 1 + TUNNEL_LISTENERS_MAX };

static void
collect(const struct command *c, struct pollfd *p)
{
	p[0] = (struct pollfd){ .fd = c->p->control_fd, .events = POLLIN };
	for (size_t i = 0; i < TUNNEL_LISTENERS_MAX; i++)
		p[1 + i] = (struct pollfd){ .fd = i < c->p->nlisteners ? c->p->listeners[i] : -1, .events = POLLIN };
	for (size_t i = 0; i < PROGRAMS_MAX; i++) {
		const struct program *g = &c->programs[i];

		p[FIXED + PER_PROGRAM * i] = (struct pollfd){ .fd = g->pid != 0 ? g->pidfd : -1, .events = POLLIN };
		p[FIXED + PER_PROGRAM * i + 1] = (struct pollfd){ .fd = g->pid != 0 ? g->words : -1, .events = POLLIN };
	}
}

/* One turn: 1 when asked to stop, a code when the way ends. */
static int
turn(struct command *c)
{
	struct pollfd p[FIXED + PER_PROGRAM * PROGRAMS_MAX];
	int ret = 0;

	collect(c, p);
	if (poll(p, sizeof p / sizeof p[0], -1) < 0)
		return 0;
	/* programs first: that one failed is often why we are asked to stop */
	for (size_t i = 0; i < PROGRAMS_MAX && ret == 0; i++) {
		if (p[FIXED + PER_PROGRAM * i + 1].revents != 0)
			hear(&c->programs[i]);
		if (p[FIXED + PER_PROGRAM * i].revents != 0)
			ret = ended(c, &c->programs[i]);
	}
	if (ret == 0 && p[0].revents != 0)
		return 1;
	for (size_t i = 0; i < c->p->nlisteners && ret == 0; i++)
		if (p[1 + i].revents != 0)
			take(c, c->p->listeners[i]);
	return ret;
}

/* Asked to stop: a program whose connection is closed ends by itself, and may only now say why. */
static int
last_words(struct command *c)
{
	int64_t until = clock_mono_ms() + LAST_WORDS_MS;
	int ret = 0;

	for (size_t i = 0; i < PROGRAMS_MAX && ret == 0; i++) {
		struct pollfd p = { .fd = c->programs[i].pidfd, .events = POLLIN };

		if (c->programs[i].pid != 0 && poll(&p, 1, loop_left(until)) > 0)
			ret = ended(c, &c->programs[i]);
	}
	return ret;
}

static void
end_all(struct command *c)
{
	int64_t until = clock_mono_ms() + END_MS;

	for (size_t i = 0; i < PROGRAMS_MAX; i++)
		if (c->programs[i].pid != 0)
			kill(-c->programs[i].pid, SIGTERM);
	for (size_t i = 0; i < PROGRAMS_MAX; i++) {
		struct program *g = &c->programs[i];
		struct pollfd p = { .fd = g->pidfd, .events = POLLIN };

		if (g->pid == 0)
			continue;
		if (poll(&p, 1, loop_left(until)) <= 0)
			kill(-g->pid, SIGKILL);
		(void)waitpid(g->pid, NULL, 0);
		close(g->pidfd);
		if (g->words >= 0)
			close(g->words);
		g->pid = 0;
	}
}

int
command_run(const struct command_plan *p, struct err *e)
{
	struct command *c = calloc(1, sizeof *c);
	int ret;

	if (c == NULL)
		return err_set(e, ERR_SYSTEM, "no memory");
	c->p = p;
	c->name = strrchr(p->argv[0], '/') != NULL ? strrchr(p->argv[0], '/') + 1 : p->argv[0];
	c->t.plan.uid = p->uid;
	c->t.plan.watch = p->watch;
	peer_open(&c->t);
	say(c, TUNNEL_OPEN, TUNNEL_FAULT_NONE);
	while ((ret = turn(c)) == 0)
		;
	if (ret == 1)
		ret = last_words(c);
	end_all(c);
	if (ret == 0)
		say(c, TUNNEL_CLOSED, TUNNEL_FAULT_NONE);
	else if (e != NULL)
		*e = c->err;
	for (int i = 0; i < 2; i++)
		if (c->t.proc_tcp[i] >= 0)
			close(c->t.proc_tcp[i]);
	free(c);
	return ret;
}
