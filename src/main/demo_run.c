/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The processes of a demonstration: started, waited for, ended by their pid. */
#include "config.h"

#include "demo.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "twokey/base/buf.h"
#include "twokey/base/clock.h"
#include "twokey/base/err.h"
#include "twokey/base/io.h"
#include "twokey/base/json.h"
#include "twokey/base/must.h"
#include "twokey/base/text.h"
#include "twokey/console/link.h"

enum { READY_MS = 20000, END_MS = 10000, STEP_MS = 20, LOG_SHOWN = 2000 };

static volatile sig_atomic_t told;

static void
on_signal(int number)
{
	told = number;
}

int
demo_signal(void)
{
	return told;
}

void
demo_signal_watch(void)
{
	static const int signals[] = { SIGINT, SIGTERM, SIGHUP };
	struct sigaction act;

	memset(&act, 0, sizeof(act));
	act.sa_handler = on_signal;	/* without SA_RESTART: waits are to end */
	sigemptyset(&act.sa_mask);
	for (size_t i = 0; i < sizeof(signals) / sizeof(signals[0]); i++)
		sigaction(signals[i], &act, NULL);
}

void
demo_pause(int ms)
{
	struct timespec t = { ms / 1000, ms % 1000 * 1000000L };

	nanosleep(&t, NULL);
}

static void
child(const char *const argv[], int out, int log, bool own_group)
{
	if (own_group)
		setpgid(0, 0);
	prctl(PR_SET_PDEATHSIG, SIGTERM);
	if (out >= 0)
		dup2(out, STDOUT_FILENO);
	if (log >= 0)
		dup2(log, STDERR_FILENO);
	execvp(argv[0], (char *const *)argv);
	dprintf(STDERR_FILENO, "%s: %s\n", argv[0], strerror(errno));
	_exit(127);
}

/* In a process group of its own: a Ctrl-C on the terminal is for us to pass on. */
static pid_t
spawn(const char *const argv[], int out, int log, struct err *e)
{
	pid_t pid = fork();

	if (pid < 0)
		return err_sys(e, "fork");
	if (pid == 0)
		child(argv, out, log, true);
	return pid;
}

pid_t
demo_start(const char *const argv[], struct err *e)
{
	pid_t pid = fork();

	if (pid < 0)
		return err_sys(e, "fork");
	if (pid == 0)
		child(argv, -1, -1, false);
	return pid;
}

int
demo_wait(pid_t pid)
{
	bool passed = false;
	int status;

	while (waitpid(pid, &status, 0) < 0) {
		if (errno != EINTR)
			return 127;
		if (told && !passed)
			kill(pid, SIGTERM);
		passed = passed || told;
	}
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

int
demo_run(const char *const argv[], struct err *e)
{
	pid_t pid = demo_start(argv, e);

	return pid < 0 ? (int)pid : demo_wait(pid);
}

/* The end of the broker's log in the error. */
static int
broker_failed(const struct demo *d, const char *what, struct err *e)
{
	char *path = demo_path(d, "broker.log");
	struct buf log, safe;
	size_t n;

	buf_init(&log, 1 << 20);
	buf_init(&safe, 1 << 16);
	if (io_read_file(path, 1 << 20, &log, NULL) == 0) {
		n = buf_len(&log) < LOG_SHOWN ? buf_len(&log) : LOG_SHOWN;
		text_safe(&safe, buf_data(&log) + buf_len(&log) - n, n, TEXT_LINES);
	}
	err_set(e, ERR_UNREACHABLE, "%s; %s says:\n%.500s", what, path, buf_str(&safe));
	buf_fini(&log);
	buf_fini(&safe);
	free(path);
	return ERR_UNREACHABLE;
}

/* Reads until the line "ready". */
static int
wait_ready(struct demo *d, struct err *e)
{
	int64_t until = clock_mono_ms() + READY_MS;
	struct buf b;
	const char *line;
	size_t n;
	int rc = 1;

	buf_init(&b, 4096);
	while (rc == 1 && !told && clock_mono_ms() < until) {
		struct pollfd p = { .fd = d->broker_out, .events = POLLIN };

		if (poll(&p, 1, (int)(until - clock_mono_ms())) <= 0)
			continue;
		if (io_fill(d->broker_out, &b) != IO_GOT_DATA)
			rc = broker_failed(d, "the broker could not start", e);
		while (rc == 1 && io_line(&b, &line, &n)) {
			if (n == 5 && memcmp(line, "ready", 5) == 0)
				rc = 0;
			buf_consume(&b, n + 1);
		}
	}
	buf_fini(&b);
	return rc == 1 ? broker_failed(d, told ? "stopped" : "the broker did not become ready", e) : rc;
}

int
demo_broker_start(struct demo *d, struct err *e)
{
	char *config = demo_path(d, "twokeyd.yaml"), *path = demo_path(d, "broker.log");
	const char *argv[] = { d->twokeyd, "--private", "--demo", "--config", config, NULL };
	int log = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600), out[2] = { -1, -1 }, rc = 0;

	if (log < 0 || pipe2(out, O_CLOEXEC) != 0)
		rc = err_sys(e, "%s", path);
	if (rc == 0) {
		d->broker = spawn(argv, out[1], log, e);
		d->broker_out = out[0];
		rc = d->broker > 0 ? 0 : ERR_SYSTEM;
	}
	if (out[1] >= 0)
		close(out[1]);
	if (log >= 0)
		close(log);
	free(config);
	free(path);
	if (rc != 0)
		d->broker = 0;
	return rc == 0 ? wait_ready(d, e) : rc;
}

void
demo_broker_stop(struct demo *d)
{
	int64_t until = clock_mono_ms() + END_MS;

	if (d->broker <= 0)
		return;
	kill(d->broker, SIGTERM);
	while (waitpid(d->broker, NULL, WNOHANG) == 0) {
		if (clock_mono_ms() > until) {
			kill(d->broker, SIGKILL);
			waitpid(d->broker, NULL, 0);
			break;
		}
		demo_pause(STEP_MS);
	}
	d->broker = 0;
	close(d->broker_out);
}

/* One request of one person; the answer belongs to the caller. */
static json_t *
ask(const struct demo *d, const char *person, const char *what, json_t *fields, struct err *e)
{
	char *path = demo_path(d, "broker.sock");
	struct link *l = link_open(path, person, false, e);
	json_t *answer = NULL;

	free(path);
	if (l)
		answer = link_ask(l, what, fields, e);
	else
		json_decref(fields);
	link_close(l);
	return answer;
}

int
demo_ticket_accept(const struct demo *d, struct err *e)
{
	char *text = demo_ticket(d, clock_wall_us());
	json_t *made = ask(d, "ben", "ticket-new", json_pack("{s:s}", "text", text), e), *accepted = NULL;
	const char *digest = made ? json_str(made, "digest", NULL) : NULL;

	free(text);
	if (made && !digest)
		err_set(e, ERR_BUG, "the broker gave no digest for the ticket");
	if (digest)
		accepted = ask(d, "anna", "ticket-accept", json_pack("{s:s,s:s}", "ticket", demo_ticket_id(d), "digest", digest), e);
	json_decref(made);
	if (!accepted)
		return e->code;
	json_decref(accepted);
	return 0;
}

bool
demo_session_is_there(const struct demo *d)
{
	struct err e;
	json_t *answer = ask(d, "anna", "list", NULL, &e);
	size_t n = answer ? json_array_size(json_object_get(answer, "sessions")) : 0;

	json_decref(answer);
	return n > 0;
}
