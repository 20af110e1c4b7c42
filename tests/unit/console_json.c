/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "twokey/base/buf.h"
#include "twokey/base/clock.h"
#include "twokey/base/err.h"
#include "twokey/base/io.h"
#include "twokey/console/seat.h"

enum { PATIENCE_MS = 30000 };

/* A program that runs --json, its two ends, and the broker's side of its socket. */
struct world {
	char dir[64], path[80];
	pid_t pid;
	int in, out, listener, broker;
	struct buf got, said;
};

static int
listen_at(const char *path)
{
	struct sockaddr_un sa = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	strcpy(sa.sun_path, path);
	assert_int_equal(bind(fd, (struct sockaddr *)&sa, sizeof sa), 0);
	assert_int_equal(listen(fd, 1), 0);
	return fd;
}

static void
run_child(const struct world *w, int in, int out, bool drive)
{
	struct seat_wish wish = { .broker = w->path, .drive = drive, .ticket = drive ? "MFX-1" : NULL };
	struct err e = { 0 };
	int ret;

	dup2(in, STDIN_FILENO);
	dup2(out, STDOUT_FILENO);
	for (int fd = 3; fd < 64; fd++)
		close(fd);
	signal(SIGPIPE, SIG_IGN);
	ret = seat_json(&wish, &e);
	_exit(ret == 0 ? 0 : ret == ERR_CLOSED ? 4 : ret == ERR_SEAT ? 3 : 9);
}

static struct world
begin(bool drive)
{
	struct world w = { .dir = "/tmp/twokey-json-XXXXXX" };
	struct pollfd p;
	int in[2], out[2];

	buf_init(&w.got, 16 << 20);
	buf_init(&w.said, 16 << 20);
	assert_non_null(mkdtemp(w.dir));
	snprintf(w.path, sizeof w.path, "%s/s", w.dir);
	w.listener = listen_at(w.path);
	assert_int_equal(pipe(in), 0);
	assert_int_equal(pipe(out), 0);
	w.pid = fork();
	assert_true(w.pid >= 0);
	if (w.pid == 0)
		run_child(&w, in[0], out[1], drive);
	close(in[0]);
	close(out[1]);
	w.in = in[1];
	w.out = out[0];
	p = (struct pollfd){ .fd = w.listener, .events = POLLIN };
	assert_int_equal(poll(&p, 1, PATIENCE_MS), 1);
	w.broker = accept(w.listener, NULL, NULL);
	assert_true(w.broker >= 0);
	return w;
}

/* The next line from a descriptor into out, without its LF; false at the end of it. */
static bool
next_line(int fd, struct buf *b, char *out, size_t max)
{
	int64_t deadline = clock_mono_ms() + PATIENCE_MS;
	const char *line;
	size_t n;

	while (!io_line(b, &line, &n)) {
		struct pollfd p = { .fd = fd, .events = POLLIN };

		assert_true(clock_mono_ms() < deadline);
		if (poll(&p, 1, 100) > 0 && io_fill(fd, b) == IO_GOT_END)
			return false;
	}
	snprintf(out, max, "%.*s", (int)n, line);
	buf_consume(b, n + 1);
	return true;
}

static void
assert_broker_gets(struct world *w, const char *want)
{
	char line[4096];

	assert_true(next_line(w->broker, &w->got, line, sizeof line));
	assert_string_equal(line, want);
}

static void
assert_prints(struct world *w, const char *want)
{
	char line[4096];

	assert_true(next_line(w->out, &w->said, line, sizeof line));
	assert_string_equal(line, want);
}

static void
say(int fd, const char *s)
{
	assert_int_equal(io_write_all(fd, s, strlen(s), NULL), 0);
}

static void
greet(struct world *w, bool drive)
{
	assert_broker_gets(w, "{\"do\":\"hello\",\"id\":1,\"v\":1,\"json\":true}");
	say(w->broker, "{\"re\":\"hello\",\"id\":1,\"ok\":true,\"v\":1,\"broker\":\"private\",\"person\":\"ben\","
	    "\"side\":\"firm\"}\n");
	if (!drive)
		return;
	assert_broker_gets(w, "{\"do\":\"open\",\"id\":2,\"ticket\":\"MFX-1\",\"from\":1}");
	say(w->broker, "{\"re\":\"open\",\"id\":2,\"ok\":true,\"session\":\"s-1\",\"seat\":\"driver\"}\n{\"n\":1}\n");
	assert_prints(w, "{\"re\":\"open\",\"ok\":true,\"session\":\"s-1\",\"seat\":\"driver\",\"person\":\"ben\"}");
	assert_prints(w, "{\"n\":1}");
}

static void
connected(struct world *w)
{
	say(w->broker, "{\"n\":2,\"ev\":\"connected\"}\n{\"n\":3,\"ev\":\"account\",\"refused\":[]}\n");
	assert_prints(w, "{\"n\":2,\"ev\":\"connected\"}");
	assert_prints(w, "{\"n\":3,\"ev\":\"account\",\"refused\":[]}");
}

/* The broker's lines, as they arrive on standard output too. */
static void
tell(struct world *w, const char *line)
{
	say(w->broker, line);
	say(w->broker, "\n");
	assert_prints(w, line);
}

static int
end(struct world *w)
{
	int64_t deadline = clock_mono_ms() + PATIENCE_MS;
	int status = 0;

	if (w->in >= 0)
		close(w->in);
	close(w->out);
	if (w->broker >= 0)
		close(w->broker);
	close(w->listener);
	while (waitpid(w->pid, &status, WNOHANG) == 0) {
		assert_true(clock_mono_ms() < deadline);
		poll(NULL, 0, 5);
	}
	unlink(w->path);
	rmdir(w->dir);
	buf_fini(&w->got);
	buf_fini(&w->said);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

static void
lines_pass_both_ways_as_they_are(void **state)
{
	struct world w = begin(true);

	greet(&w, true);
	connected(&w);
	say(w.in, "{\"do\":\"sql\",\"text\":\"select 1\",\"id\":\"a\"}\n{\"do\":");
	assert_broker_gets(&w, "{\"do\":\"sql\",\"text\":\"select 1\",\"id\":\"a\"}");
	say(w.in, "\"here\"}\n");
	assert_broker_gets(&w, "{\"do\":\"here\"}");
	say(w.broker, "{\"s\":\"x\"}\n{\"re\":\"sql\",\"id\":\"a\",\"ok\":true,\"n\":2}\n");
	assert_prints(&w, "{\"s\":\"x\"}");
	assert_prints(&w, "{\"re\":\"sql\",\"id\":\"a\",\"ok\":true,\"n\":2}");
	say(w.in, "{\"do\":\"end\"}\n");
	assert_broker_gets(&w, "{\"do\":\"end\"}");
	close(w.in);
	w.in = -1;
	say(w.broker, "{\"n\":3,\"t\":\"\",\"ev\":\"ended\"}\n{\"n\":4}\n");
	close(w.broker);
	w.broker = -1;
	assert_prints(&w, "{\"n\":3,\"t\":\"\",\"ev\":\"ended\"}");
	assert_prints(&w, "{\"n\":4}");
	assert_int_equal(end(&w), 0);
}

static void
a_statement_waits_for_the_database(void **state)
{
	struct world w = begin(true);

	greet(&w, true);
	say(w.in, "{\"do\":\"here\"}\n{\"do\":\"sql\",\"text\":\"select 1\"}\n{\"do\":\"sql\",\"text\":\"select 2\"}");
	close(w.in);
	w.in = -1;
	assert_broker_gets(&w, "{\"do\":\"here\"}");
	say(w.broker, "{\"s\":\"x\"}\n");
	assert_prints(&w, "{\"s\":\"x\"}");
	assert_int_equal(buf_len(&w.got), 0);
	connected(&w);
	assert_broker_gets(&w, "{\"do\":\"sql\",\"text\":\"select 1\"}");
	assert_broker_gets(&w, "{\"do\":\"sql\",\"text\":\"select 2\"}");
	tell(&w, "{\"re\":\"sql\",\"ok\":true,\"n\":4}");
	tell(&w, "{\"re\":\"sql\",\"ok\":false,\"code\":\"state\"}");
	tell(&w, "{\"n\":4,\"ev\":\"request\"}");
	assert_broker_gets(&w, "{\"do\":\"leave\",\"id\":3}");
	close(w.broker);
	w.broker = -1;
	assert_int_equal(end(&w), 0);
}

/* A script at a ticket that asks for somebody who is there waits for one who resumes, at the beginning and later. */
static void
a_statement_waits_for_a_second_person(void **state)
{
	struct world w = begin(true);

	greet(&w, true);
	say(w.in, "{\"do\":\"sql\",\"text\":\"select 1\"}\n");
	tell(&w, "{\"n\":1,\"ev\":\"begin\",\"presence\":\"any\"}");
	connected(&w);
	tell(&w, "{\"n\":4,\"ev\":\"paused\",\"code\":\"absent\"}");
	tell(&w, "{\"n\":5,\"ev\":\"joined\",\"by\":\"anna\",\"seat\":\"confirmer\"}");
	assert_int_equal(buf_len(&w.got), 0);
	tell(&w, "{\"n\":6,\"ev\":\"resumed\",\"by\":\"anna\"}");
	assert_broker_gets(&w, "{\"do\":\"sql\",\"text\":\"select 1\"}");
	tell(&w, "{\"re\":\"sql\",\"ok\":true,\"n\":7}");
	tell(&w, "{\"n\":7,\"ev\":\"read\"}");
	tell(&w, "{\"n\":8,\"ev\":\"done\",\"of\":7}");
	tell(&w, "{\"n\":9,\"ev\":\"paused\",\"code\":\"left\",\"who\":\"anna\",\"only\":\"writes\"}");
	say(w.in, "{\"do\":\"sql\",\"text\":\"select 2\"}\n");	/* reads go on there */
	assert_broker_gets(&w, "{\"do\":\"sql\",\"text\":\"select 2\"}");
	tell(&w, "{\"n\":10,\"ev\":\"paused\",\"by\":\"kim\"}");
	say(w.in, "{\"do\":\"here\"}\n{\"do\":\"sql\",\"text\":\"select 3\"}\n");
	assert_broker_gets(&w, "{\"do\":\"here\"}");
	assert_int_equal(buf_len(&w.got), 0);
	tell(&w, "{\"n\":11,\"ev\":\"ended\",\"code\":\"alone\"}");
	assert_broker_gets(&w, "{\"do\":\"sql\",\"text\":\"select 3\"}");	/* which the broker refuses */
	close(w.broker);
	w.broker = -1;
	(void)end(&w);
}

static void
nothing_runs_before_the_account_was_compared(void **state)
{
	struct world w = begin(true);

	greet(&w, true);
	say(w.in, "{\"do\":\"describe\",\"subject\":\"tables\"}\n");
	tell(&w, "{\"n\":2,\"ev\":\"connected\"}");
	tell(&w, "{\"n\":3,\"ev\":\"account\",\"refused\":[\"superuser\"]}");
	assert_int_equal(buf_len(&w.got), 0);
	tell(&w, "{\"n\":4,\"ev\":\"ended\"}");
	assert_broker_gets(&w, "{\"do\":\"describe\",\"subject\":\"tables\"}");
	close(w.broker);
	w.broker = -1;
	assert_int_equal(end(&w), 0);
}

static void
the_end_waits_for_what_runs_and_cancel_does_not(void **state)
{
	struct world w = begin(true);

	greet(&w, true);
	connected(&w);
	say(w.in, "{\"do\":\"sql\",\"text\":\"select 1\"}\n{\"do\":\"end\"}\n{\"do\":\"cancel\"}\n"
	    "{\"do\":\"sql\",\"text\":\"select 2\"}\n");
	close(w.in);
	w.in = -1;
	assert_broker_gets(&w, "{\"do\":\"sql\",\"text\":\"select 1\"}");
	assert_broker_gets(&w, "{\"do\":\"cancel\"}");
	tell(&w, "{\"n\":4,\"ev\":\"read\"}");
	tell(&w, "{\"re\":\"sql\",\"ok\":true,\"n\":4}");
	tell(&w, "{\"n\":5,\"ev\":\"rows\",\"of\":4}");
	assert_int_equal(buf_len(&w.got), 0);
	tell(&w, "{\"n\":6,\"ev\":\"done\",\"of\":4}");
	assert_broker_gets(&w, "{\"do\":\"end\"}");
	tell(&w, "{\"re\":\"end\",\"ok\":true}");
	tell(&w, "{\"n\":7,\"ev\":\"ended\"}");
	close(w.broker);
	w.broker = -1;
	assert_int_equal(end(&w), 0);
}

/* The answer is often there before the event: nothing is sent in between that would stop what was just begun. */
static void
the_end_waits_when_the_answer_comes_first(void **state)
{
	struct world w = begin(true);
	struct pollfd p = { .fd = w.broker, .events = POLLIN };

	greet(&w, true);
	connected(&w);
	say(w.in, "{\"do\":\"sql\",\"text\":\"select 1\"}\n{\"do\":\"end\"}\n");
	close(w.in);
	w.in = -1;
	assert_broker_gets(&w, "{\"do\":\"sql\",\"text\":\"select 1\"}");
	tell(&w, "{\"re\":\"sql\",\"ok\":true,\"n\":4}");	/* printed after what it sends on it */
	assert_int_equal(poll(&p, 1, 0), 0);
	tell(&w, "{\"n\":4,\"ev\":\"read\"}");
	assert_int_equal(poll(&p, 1, 0), 0);
	tell(&w, "{\"n\":5,\"ev\":\"done\",\"of\":4}");
	assert_broker_gets(&w, "{\"do\":\"end\"}");
	close(w.broker);
	w.broker = -1;
	(void)end(&w);
}

static void
a_seat_that_does_not_drive_leaves_while_something_runs(void **state)
{
	struct world w = begin(false);

	greet(&w, false);
	assert_broker_gets(&w, "{\"do\":\"list\",\"id\":2}");
	say(w.broker, "{\"re\":\"list\",\"id\":2,\"ok\":true,\"sessions\":[{\"session\":\"s-2\",\"seat\":\"confirmer\"}]}\n");
	assert_broker_gets(&w, "{\"do\":\"join\",\"id\":3,\"session\":\"s-2\",\"from\":1}");
	say(w.broker, "{\"re\":\"join\",\"id\":3,\"ok\":true,\"session\":\"s-2\",\"seat\":\"confirmer\"}\n");
	assert_prints(&w, "{\"re\":\"join\",\"ok\":true,\"session\":\"s-2\",\"seat\":\"confirmer\",\"person\":\"ben\"}");
	tell(&w, "{\"n\":4,\"ev\":\"read\"}");
	close(w.in);
	w.in = -1;
	assert_broker_gets(&w, "{\"do\":\"leave\",\"id\":4}");
	close(w.broker);
	w.broker = -1;
	assert_int_equal(end(&w), 0);
}

static void
the_end_of_the_input_leaves_the_seat(void **state)
{
	struct world w = begin(true);

	greet(&w, true);
	say(w.in, "{\"do\":\"say\",\"text\":\"no newline at the end\"}");
	close(w.in);
	w.in = -1;
	assert_broker_gets(&w, "{\"do\":\"say\",\"text\":\"no newline at the end\"}");
	assert_broker_gets(&w, "{\"do\":\"leave\",\"id\":3}");
	close(w.broker);
	w.broker = -1;
	assert_int_equal(end(&w), 0);
}

static void
a_lost_link_is_an_error(void **state)
{
	struct world w = begin(true);
	char line[100];

	greet(&w, true);
	close(w.broker);
	w.broker = -1;
	assert_false(next_line(w.out, &w.said, line, sizeof line));
	assert_int_equal(end(&w), 4);
}

static void
a_refused_seat_prints_nothing(void **state)
{
	struct world w = begin(true);
	char line[100];

	assert_broker_gets(&w, "{\"do\":\"hello\",\"id\":1,\"v\":1,\"json\":true}");
	say(w.broker, "{\"re\":\"hello\",\"id\":1,\"ok\":true,\"v\":1,\"broker\":\"private\",\"person\":\"ben\"}\n");
	assert_broker_gets(&w, "{\"do\":\"open\",\"id\":2,\"ticket\":\"MFX-1\",\"from\":1}");
	say(w.broker, "{\"re\":\"open\",\"id\":2,\"ok\":false,\"code\":\"seat\",\"why\":\"kim drives it\"}\n");
	assert_false(next_line(w.out, &w.said, line, sizeof line));
	assert_int_equal(end(&w), 3);
}

static void
without_a_name_the_session_that_waits_is_joined(void **state)
{
	struct world w = begin(false);

	greet(&w, false);
	assert_broker_gets(&w, "{\"do\":\"list\",\"id\":2}");
	say(w.broker, "{\"re\":\"list\",\"id\":2,\"ok\":true,\"sessions\":["
	    "{\"session\":\"s-1\",\"seat\":\"driver\"},{\"session\":\"s-2\",\"seat\":\"confirmer\",\"waiting\":0},"
	    "{\"session\":\"s-3\",\"seat\":\"confirmer\",\"waiting\":1}],\"tickets\":[]}\n");
	assert_broker_gets(&w, "{\"do\":\"join\",\"id\":3,\"session\":\"s-3\",\"from\":1}");
	assert_true(end(&w) != 0);
}

static void
a_program_that_does_not_read_loses_no_line(void **state)
{
	struct world w = begin(true);
	char line[4096], big[2100];

	greet(&w, true);
	memset(big, 'x', 2000);
	memcpy(big, "{\"n\":", 5);
	strcpy(big + 2000, "}\n");
	/* more than pipe and buffers hold: the child must go on answering its input meanwhile */
	for (int i = 0; i < 100; i++)
		say(w.broker, big);
	say(w.in, "{\"do\":\"cancel\"}\n");
	assert_broker_gets(&w, "{\"do\":\"cancel\"}");
	for (int i = 0; i < 100; i++) {
		assert_true(next_line(w.out, &w.said, line, sizeof line));
		assert_int_equal(strlen(line), 2001);
	}
	close(w.in);
	w.in = -1;
	assert_broker_gets(&w, "{\"do\":\"leave\",\"id\":3}");
	close(w.broker);
	w.broker = -1;
	assert_int_equal(end(&w), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lines_pass_both_ways_as_they_are),
		cmocka_unit_test(a_statement_waits_for_the_database),
		cmocka_unit_test(a_statement_waits_for_a_second_person),
		cmocka_unit_test(nothing_runs_before_the_account_was_compared),
		cmocka_unit_test(the_end_waits_for_what_runs_and_cancel_does_not),
		cmocka_unit_test(the_end_waits_when_the_answer_comes_first),
		cmocka_unit_test(a_seat_that_does_not_drive_leaves_while_something_runs),
		cmocka_unit_test(the_end_of_the_input_leaves_the_seat),
		cmocka_unit_test(a_lost_link_is_an_error),
		cmocka_unit_test(a_refused_seat_prints_nothing),
		cmocka_unit_test(without_a_name_the_session_that_waits_is_joined),
		cmocka_unit_test(a_program_that_does_not_read_loses_no_line),
	};

	signal(SIGPIPE, SIG_IGN);
	return cmocka_run_group_tests_name("console_json", tests, NULL, NULL);
}
