/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A real recorder among roles that are not what they should be: this test is its monitor, session, db and tunnel. */
#include "config.h"

#include <fcntl.h>
#include <linux/sockios.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "twokey/base/buf.h"
#include "twokey/base/clock.h"
#include "twokey/base/io.h"
#include "twokey/base/json.h"
#include "twokey/transcript/verify.h"

enum { MONITOR, SESSION, CONTROL, BULK, TUNNEL, ENDS, DEADLINE_MS = 30000 };

struct recorder {
	pid_t pid;
	int fd[ENDS];		/* ours */
	char folder[64], path[128];
	struct buf heard;	/* what the session was told */
};

static void
become(const int theirs[ENDS])
{
	const char *top = getenv("top_builddir");
	char path[1024];
	int at[ENDS];

	snprintf(path, sizeof path, "%s/twokeyd", top != NULL ? top : ".");
	for (int i = 0; i < ENDS; i++)
		at[i] = fcntl(theirs[i], F_DUPFD, 64);
	for (int i = 0; i < ENDS; i++)
		dup2(at[i], 3 + i);
	close_range(3 + ENDS, ~0u, 0);
	execl(path, "twokeyd", "--role", "recorder", "--uid", "-1", "--gid", "-1", (char *)NULL);
	_exit(126);
}

static void
begin(struct recorder *r)
{
	int pair[2], theirs[ENDS];
	json_t *init;
	char *text;

	*r = (struct recorder){ 0 };
	buf_init(&r->heard, 64 * 1024 * 1024);
	strcpy(r->folder, "/tmp/twokey-test-XXXXXX");
	assert_non_null(mkdtemp(r->folder));
	snprintf(r->path, sizeof r->path, "%s/s-1.jsonl", r->folder);
	for (int i = 0; i < ENDS; i++) {
		assert_int_equal(socketpair(AF_UNIX, (i == MONITOR ? SOCK_SEQPACKET : SOCK_STREAM) | SOCK_CLOEXEC, 0, pair), 0);
		r->fd[i] = pair[0];
		theirs[i] = pair[1];
	}
	r->pid = fork();
	if (r->pid == 0)
		become(theirs);
	for (int i = 0; i < ENDS; i++)
		close(theirs[i]);
	init = json_pack("{s:s, s:s, s:I, s:b, s:b}", "session", "s-1", "path", r->path, "quota", (json_int_t)8 * 1024 * 1024,
	    "recover", 0, "tunnel", 1);
	text = json_dumps(init, JSON_COMPACT);
	assert_true(send(r->fd[MONITOR], text, strlen(text), 0) > 0);
	free(text);
	json_decref(init);
}

/* False when the recorder has closed that end. */
static bool
says(const struct recorder *r, int end, const char *text, size_t n)
{
	while (n > 0) {
		ssize_t w = send(r->fd[end], text, n, MSG_NOSIGNAL);

		if (w <= 0)
			return false;
		text += w;
		n -= (size_t)w;
	}
	return true;
}

static bool
line(const struct recorder *r, int end, const char *text)
{
	return says(r, end, text, strlen(text)) && says(r, end, "\n", 1);
}

/* Waits until it has taken everything from that end. */
static void
is_read(const struct recorder *r, int end)
{
	int64_t until = clock_mono_ms() + DEADLINE_MS;
	int left = 1;

	while (ioctl(r->fd[end], SIOCOUTQ, &left) == 0 && left > 0)
		assert_true(clock_mono_ms() < until);
	assert_int_equal(left, 0);
}

/* Waits until the session was told that. */
static void
hears(struct recorder *r, const char *text)
{
	int64_t until = clock_mono_ms() + DEADLINE_MS;

	while (strstr(buf_str(&r->heard), text) == NULL) {
		struct pollfd p = { .fd = r->fd[SESSION], .events = POLLIN };
		ssize_t n;

		if (clock_mono_ms() > until || poll(&p, 1, 1000) < 0)
			fail_msg("the session was not told %s but %.3000s", text, buf_str(&r->heard));
		if (p.revents == 0)
			continue;
		n = recv(r->fd[SESSION], buf_room(&r->heard, 65536), 65536, 0);
		if (n <= 0)
			fail_msg("the recorder is gone, it was not told %s but %.3000s", text, buf_str(&r->heard));
		buf_added(&r->heard, (size_t)n);
	}
}

static const char begins[] = "{\"do\":\"event\",\"event\":{\"ev\":\"begin\",\"v\":1,\"session\":\"s-1\",\"ticket\":\"T-1\","
    "\"digest\":\"00\",\"access\":\"read\",\"stage\":\"production\",\"broker\":\"private\",\"target\":\"shop\","
    "\"engine\":\"sqlite\",\"people\":[],\"results\":\"full\",\"expires\":\"2036-01-01T00:00:00.000000Z\"}}";

/* It takes what the session says, ends in order, and what it wrote is sealed and whole. */
static void
ends_well(struct recorder *r)
{
	struct transcript_report report;
	char command[200];
	int status;

	assert_true(line(r, SESSION, "{\"do\":\"event\",\"event\":{\"ev\":\"said\",\"by\":\"ben\"}}"));
	hears(r, "\"said\"");
	assert_true(line(r, SESSION, "{\"do\":\"event\",\"event\":{\"ev\":\"ended\",\"code\":\"driver\"}}"));
	assert_true(line(r, SESSION, "{\"do\":\"finish\"}"));
	for (int i = CONTROL; i < ENDS; i++)
		close(r->fd[i]);
	hears(r, "\"sealed\"");
	close(r->fd[SESSION]);
	assert_int_equal(waitpid(r->pid, &status, 0), r->pid);
	assert_int_equal(status, 0);
	close(r->fd[MONITOR]);
	assert_int_equal(transcript_verify_file(r->path, &report, NULL), 0);
	if (report.verdict != TRANSCRIPT_SEALED)
		fail_msg("%s", report.text);
	snprintf(command, sizeof command, "rm -rf %s", r->folder);
	(void)!system(command);
	buf_fini(&r->heard);
}

static bool
in_file(const struct recorder *r, const char *text)
{
	struct buf b;
	bool found;

	buf_init(&b, 64 * 1024 * 1024);
	assert_int_equal(io_read_file(r->path, 64 * 1024 * 1024, &b, NULL), 0);
	found = memmem(buf_data(&b), buf_len(&b), text, strlen(text)) != NULL;
	buf_fini(&b);
	return found;
}

static void
a_tunnel_writes_no_event_of_others(void **state)
{
	static const char *const not_its[] = { "committed", "done", "unknown", "outcome", "seal", "recovered", "lost", "allowed",
		"run", "wanted", "connected", "audit", "account", "nonsense", "" };
	struct recorder r;
	char text[200];

	(void)state;
	begin(&r);
	assert_true(line(&r, SESSION, begins));
	hears(&r, "\"recorded\"");
	for (size_t i = 0; i < sizeof not_its / sizeof not_its[0]; i++) {
		snprintf(text, sizeof text, "{\"event\":{\"ev\":\"%s\",\"of\":1,\"is\":\"committed\"}}", not_its[i]);
		assert_true(line(&r, TUNNEL, text));
	}
	/* its own, with what is not a field of it, what the writer sets, and what is no name */
	assert_true(line(&r, TUNNEL, "{\"event\":{\"ev\":\"tunnel\",\"hop\":1,\"n\":7,\"prev\":\"00\"}}"));
	assert_true(line(&r, TUNNEL, "{\"event\":{\"ev\":\"tunnel\",\"by\":\"anna\"}}"));
	assert_true(line(&r, TUNNEL, "{\"event\":7}"));
	assert_true(line(&r, TUNNEL, "{\"event\":{\"ev\":\"tunnel\",\"hop\":1,\"state\":\"open\",\"name\":\"last\"}}"));
	hears(&r, "\"last\"");
	for (size_t i = 0; i + 1 < sizeof not_its / sizeof not_its[0]; i++) {
		snprintf(text, sizeof text, "\"ev\":\"%s\"", not_its[i]);
		assert_false(in_file(&r, text));
	}
	assert_false(in_file(&r, "anna"));
	ends_well(&r);
}

static void
a_tunnel_is_heard_after_the_beginning_only(void **state)
{
	struct recorder r;

	(void)state;
	begin(&r);
	assert_true(line(&r, TUNNEL, "{\"event\":{\"ev\":\"tunnel\",\"hop\":1,\"state\":\"open\",\"name\":\"early\"}}"));
	assert_true(line(&r, BULK, "{\"event\":{\"ev\":\"audit\",\"kinds\":[]}}"));
	is_read(&r, TUNNEL);
	is_read(&r, BULK);
	assert_true(line(&r, SESSION, begins));
	hears(&r, "\"recorded\"");
	assert_false(in_file(&r, "\"audit\""));
	assert_false(in_file(&r, "early"));
	ends_well(&r);
}

/* Sends until the recorder lets the tunnel go; it must. */
static void
lets_go(struct recorder *r, const char *text, size_t n)
{
	assert_true(line(r, SESSION, begins));
	hears(r, "\"recorded\"");
	for (int i = 0; i < 20000 && says(r, TUNNEL, text, n); i++)
		;
	hears(r, "\"lost\"");
	ends_well(r);
}

static void
what_is_no_tunnel_is_let_go(void **state)
{
	static const char event[] = "{\"event\":{\"ev\":\"tunnel\",\"hop\":1,\"state\":\"open\",\"name\":\"x\"}}\n";
	static const char down[] = "{\"down\":\"unreachable\"}\n";
	static char large[3 * 1024 * 1024], zeros[4096];
	struct recorder r;

	(void)state;
	memset(large, 'x', sizeof large);
	zeros[sizeof zeros - 1] = '\n';
	begin(&r);
	lets_go(&r, event, sizeof event - 1);	/* a flood */
	begin(&r);
	lets_go(&r, large, sizeof large);	/* a line without end */
	begin(&r);
	lets_go(&r, zeros, sizeof zeros);
	begin(&r);
	lets_go(&r, "{\"b\":9}\n", 8);
	begin(&r);
	assert_true(line(&r, SESSION, begins));
	hears(&r, "\"recorded\"");
	for (int i = 0; i < 20000 && says(&r, TUNNEL, down, sizeof down - 1); i++)
		;
	hears(&r, "\"down\"");
	ends_well(&r);
}

/* Descriptors that nobody asked for stay few, and end only who sent them. */
static void
descriptors_of_a_tunnel_are_not_kept(void **state)
{
	struct recorder r;
	bool open = true;

	(void)state;
	begin(&r);
	assert_true(line(&r, SESSION, begins));
	hears(&r, "\"recorded\"");
	for (int i = 0; i < 2000 && open; i++)
		open = io_send_fd(r.fd[TUNNEL], "\n", 1, r.fd[MONITOR], NULL) == 0;
	hears(&r, "\"lost\"");
	ends_well(&r);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_tunnel_writes_no_event_of_others),
		cmocka_unit_test(a_tunnel_is_heard_after_the_beginning_only),
		cmocka_unit_test(what_is_no_tunnel_is_let_go),
		cmocka_unit_test(descriptors_of_a_tunnel_are_not_kept),
	};

	signal(SIGPIPE, SIG_IGN);
	return cmocka_run_group_tests_name("attack_roles", tests, NULL, NULL);
}
