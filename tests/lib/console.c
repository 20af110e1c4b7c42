/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Scripted consoles: lines out, lines in, waiting by condition with a deadline. */
#include "config.h"

#include <errno.h>
#include <grp.h>
#include <poll.h>
#include <pwd.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "twokey/base/clock.h"
#include "twokey/base/err.h"
#include "twokey/base/io.h"
#include "twokey/base/json.h"
#include "twokey/transcript/verify.h"

#include "broker.h"

enum { IN_MAX = 8 * 1024 * 1024 };

static int
connect_here(const struct test_broker *b)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert_true(strlen(b->socket) < sizeof a.sun_path);
	memcpy(a.sun_path, b->socket, strlen(b->socket));
	return connect(fd, (struct sockaddr *)&a, sizeof a) == 0 ? fd : -1;
}

/* Connects as another user: the kernel notes who called connect, so a child does it and passes the socket. */
static int
connect_as(const struct test_broker *b, const char *user)
{
	struct passwd *pw = getpwnam(user);
	int pair[2], fd = -1;
	char byte;
	pid_t pid;

	assert_non_null(pw);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
	pid = fork();
	if (pid == 0) {
		if (setgroups(0, NULL) != 0 || setgid(pw->pw_gid) != 0 || setuid(pw->pw_uid) != 0)
			_exit(1);
		fd = connect_here(b);
		_exit(fd >= 0 && io_send_fd(pair[1], "x", 1, fd, NULL) == 0 ? 0 : 1);
	}
	close(pair[1]);
	(void)io_recv_fd(pair[0], &byte, 1, &fd, NULL);
	close(pair[0]);
	waitpid(pid, NULL, 0);
	return fd;
}

struct test_console *
test_console_raw(const struct test_broker *b, const char *person)
{
	struct test_console *c = calloc(1, sizeof *c);
	static const char *const people[][2] = { { "ben", "lp" }, { "anna", "mail" }, { "kim", "news" },
	    { "stranger", "uucp" } };

	c->fd = -1;
	for (size_t i = 0; b->system_mode && i < 4; i++)
		if (strcmp(people[i][0], person) == 0)
			c->fd = connect_as(b, people[i][1]);
	if (!b->system_mode)
		c->fd = connect_here(b);
	if (c->fd < 0)
		fail_msg("%s cannot connect: %s", person, strerror(errno));
	c->in = malloc(IN_MAX);
	c->answers = json_array();
	c->events = json_array();
	c->bodies = json_array();
	return c;
}

struct test_console *
test_console(const struct test_broker *b, const char *person)
{
	struct test_console *c = test_console_raw(b, person);
	char line[200];

	if (b->system_mode)
		snprintf(line, sizeof line, "{\"do\":\"hello\",\"v\":1,\"json\":true}");
	else
		snprintf(line, sizeof line, "{\"do\":\"hello\",\"v\":1,\"json\":true,\"as\":\"%s\"}", person);
	assert_string_equal(json_str(test_ok(c, line), "person", NULL), person);
	return c;
}

void
test_console_close(struct test_console *c)
{
	close(c->fd);
	json_decref(c->answers);
	json_decref(c->events);
	json_decref(c->bodies);
	free(c->in);
	free(c);
}

void
test_send_bytes(struct test_console *c, const void *p, size_t n)
{
	(void)!send(c->fd, p, n, MSG_NOSIGNAL);
}

void
test_send(struct test_console *c, const char *fmt, ...)
{
	char *line;
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vasprintf(&line, fmt, ap);
	va_end(ap);
	assert_true(n >= 0);
	line[n] = '\n';	/* in place of the NUL */
	test_send_bytes(c, line, (size_t)n + 1);
	free(line);
}

static void
take_line(struct test_console *c, const char *line, size_t n)
{
	struct err e;
	json_t *o = json_line_parse(line, n, &e);

	if (o == NULL)
		fail_msg("not JSON from the broker: %.*s", (int)(n < 300 ? n : 300), line);
	if (json_object_get(o, "re") != NULL)
		json_array_append_new(c->answers, o);
	else if (json_object_get(o, "n") != NULL)
		json_array_append_new(c->events, o);
	else if (json_object_get(o, "s") != NULL)
		json_array_append_new(c->bodies, o);
	else
		fail_msg("a line of no kind from the broker");
}

/* Reads what comes until the deadline or something came. */
static void
read_some(struct test_console *c, int64_t until)
{
	struct pollfd p = { .fd = c->fd, .events = POLLIN };
	char *lf;
	ssize_t r;

	if (poll(&p, 1, (int)(until - clock_mono_ms())) <= 0)
		return;
	r = read(c->fd, c->in + c->len, IN_MAX - c->len);
	if (r <= 0) {
		c->eof = true;
		return;
	}
	c->len += (size_t)r;
	while ((lf = memchr(c->in, '\n', c->len)) != NULL) {
		size_t n = (size_t)(lf - c->in);

		take_line(c, c->in, n);
		memmove(c->in, lf + 1, c->len - n - 1);
		c->len -= n + 1;
	}
}

static json_t *
find_answer(struct test_console *c, const char *re)
{
	json_t *v;
	size_t i;

	json_array_foreach(c->answers, i, v) {
		if (strcmp(json_str(v, "re", NULL), re) != 0)
			continue;
		/* taken: moved among the bodies, so that it stays alive */
		json_array_append(c->bodies, v);
		json_array_remove(c->answers, i);
		return v;
	}
	return NULL;
}

json_t *
test_answer(struct test_console *c, const char *re)
{
	int64_t until = clock_mono_ms() + TEST_DEADLINE_MS;
	json_t *v;

	while ((v = find_answer(c, re)) == NULL) {
		if (c->eof || clock_mono_ms() > until)
			fail_msg("no answer to %s%s", re, c->eof ? " (the connection was closed)" : "");
		read_some(c, until);
	}
	return v;
}

static json_t *
ask(struct test_console *c, const char *line)
{
	json_t *o = json_loads(line, 0, NULL), *answer;

	assert_non_null(o);
	test_send(c, "%s", line);
	answer = test_answer(c, json_str(o, "do", NULL));
	json_decref(o);
	return answer;
}

json_t *
test_ok(struct test_console *c, const char *line)
{
	json_t *a = ask(c, line);

	if (!json_bool(a, "ok"))
		fail_msg("%s was refused: %s", line, json_str(a, "why", NULL));
	return a;
}

json_t *
test_refused(struct test_console *c, const char *line, const char *code)
{
	json_t *a = ask(c, line);
	const char *why = json_str(a, "why", NULL);

	if (json_bool(a, "ok"))
		fail_msg("%s was not refused", line);
	assert_string_equal(json_str(a, "code", NULL), code);
	assert_true(why != NULL && strlen(why) > 8);
	return a;
}

json_t *
test_event_seen(struct test_console *c, const char *ev, int64_t of)
{
	json_t *v;
	size_t i;

	json_array_foreach(c->events, i, v)
		if (strcmp(json_str(v, "ev", NULL), ev) == 0 && (of == 0 || json_int(v, "of", 0) == of))
			return v;
	return NULL;
}

/* What happened instead: names, codes, and the words that came with them. */
static void
print_events(const struct test_console *c)
{
	json_t *v;
	size_t i;

	json_array_foreach(c->events, i, v)
		print_message("# %lld %s of %lld %s\n", (long long)json_int(v, "n", 0), json_str(v, "ev", NULL),
		    (long long)json_int(v, "of", 0), json_str(v, "code", NULL) != NULL ? json_str(v, "code", NULL) : "");
	json_array_foreach(c->bodies, i, v)
		if (json_str(v, "k", NULL) != NULL && json_str(v, "text", NULL) != NULL)
			print_message("#   %s of %lld: %.300s\n", json_str(v, "k", NULL), (long long)json_int(v, "of", 0),
			    json_str(v, "text", NULL));
}

json_t *
test_event_either(struct test_console *c, const char *ev, const char *other, int64_t of)
{
	int64_t until = clock_mono_ms() + TEST_DEADLINE_MS;
	json_t *v;

	while ((v = test_event_seen(c, ev, of)) == NULL && (v = test_event_seen(c, other, of)) == NULL) {
		if (c->eof || clock_mono_ms() > until) {
			print_events(c);
			fail_msg("no event %s of %lld%s", ev, (long long)of, c->eof ? " (closed)" : "");
		}
		read_some(c, until);
	}
	return v;
}

json_t *
test_event_any(struct test_console *c, const char *names, int64_t of)
{
	int64_t until = clock_mono_ms() + TEST_DEADLINE_MS;
	json_t *v;
	size_t i;

	for (;;) {
		json_array_foreach(c->events, i, v) {
			const char *at = strstr(names, json_str(v, "ev", NULL));
			size_t n = strlen(json_str(v, "ev", NULL));

			if (json_int(v, "of", 0) == of && at != NULL && (at == names || at[-1] == ' ') && (at[n] == ' ' || at[n] == '\0'))
				return v;
		}
		if (c->eof)
			return NULL;
		if (clock_mono_ms() > until) {
			print_events(c);
			fail_msg("none of %s of %lld", names, (long long)of);
		}
		read_some(c, until);
	}
}

json_t *
test_event(struct test_console *c, const char *ev, int64_t of)
{
	return test_event_either(c, ev, ev, of);
}

json_t *
test_event_n(struct test_console *c, int64_t n)
{
	int64_t until = clock_mono_ms() + TEST_DEADLINE_MS;
	json_t *v;
	size_t i;

	for (;;) {
		json_array_foreach(c->events, i, v)
			if (json_int(v, "n", 0) == n)
				return v;
		if (c->eof || clock_mono_ms() > until)
			fail_msg("event %lld has not come", (long long)n);
		read_some(c, until);
	}
}

json_t *
test_body_object(struct test_console *c, int64_t of, const char *k)
{
	json_t *v;
	size_t i;

	json_array_foreach(c->bodies, i, v) {
		const char *kind = json_str(v, "k", NULL);

		if (kind != NULL && json_int(v, "of", 0) == of && strcmp(kind, k) == 0)
			return v;
	}
	return NULL;
}

const char *
test_body(struct test_console *c, int64_t of, const char *k)
{
	return json_str(test_body_object(c, of, k), "text", NULL);
}

void
test_wait_eof(struct test_console *c)
{
	int64_t until = clock_mono_ms() + 2 * TEST_DEADLINE_MS;

	while (!c->eof) {
		if (clock_mono_ms() > until)
			fail_msg("the connection was not closed");
		read_some(c, until);
	}
}

void
test_ticket(const struct test_broker *b, const char *id)
{
	test_ticket_with(b, id, "access: write\\nstage: production\\n");
}

void
test_ticket_with(const struct test_broker *b, const char *id, const char *lines)
{
	struct test_console *ben = test_console(b, "ben"), *anna = test_console(b, "anna");
	char expires[CLOCK_TEXT], line[2048];
	json_t *made;

	clock_format(clock_wall_us() + INT64_C(3600000000), expires);
	snprintf(line, sizeof line, "{\"do\":\"ticket-new\",\"text\":\"id: %s\\ntitle: orders missing\\n"
	    "target: shop\\n%speople:\\n  - {name: ben, seat: driver}\\n"
	    "  - {name: anna, seat: confirmer}\\n  - {name: kim, seat: watcher}\\napprover: anna\\n"
	    "second_key: customer\\nexpires: %.19sZ\\n\"}", id, lines, expires);
	made = test_ok(ben, line);
	snprintf(line, sizeof line, "{\"do\":\"ticket-accept\",\"ticket\":\"%s\",\"digest\":\"%s\"}", id,
	    json_str(made, "digest", NULL));
	test_ok(anna, line);
	test_console_close(ben);
	test_console_close(anna);
}

void
test_session(const struct test_broker *b, const char *id, struct test_console **ben, struct test_console **anna)
{
	char line[200];

	test_ticket(b, id);
	*ben = test_console(b, "ben");
	*anna = test_console(b, "anna");
	snprintf(line, sizeof line, "{\"do\":\"open\",\"ticket\":\"%s\"}", id);
	test_ok(*ben, line);
	test_event(*ben, "connected", 0);
	snprintf(line, sizeof line, "{\"do\":\"join\",\"ticket\":\"%s\"}", id);
	test_ok(*anna, line);
	test_event(*anna, "connected", 0);
}

int64_t
test_request(struct test_console *ben, const char *sql, const char *rows)
{
	json_t *o = json_pack("{s:s, s:s, s:s}", "do", "sql", "text", sql, "reason", "step 3"), *a;
	char *line;
	int64_t n;

	if (rows != NULL)
		json_object_set_new(o, "rows", json_string(rows));
	line = json_dumps(o, JSON_COMPACT);
	a = test_ok(ben, line);
	n = json_int(a, "n", 0);
	test_event(ben, "sheet", n);
	free(line);
	json_decref(o);
	return n;
}

/* shown: the event whose bind is answered. */
static json_t *
turn_key(struct test_console *anna, int64_t of, const char *shown, const char *typed)
{
	int64_t until = clock_mono_ms() + TEST_DEADLINE_MS;
	char line[400];
	json_t *request, *sheet, *a;

	sheet = test_event(anna, shown, of);	/* then the request itself has come too */
	request = NULL;
	for (size_t i = 0; i < json_array_size(anna->events); i++)
		if (json_int(json_array_get(anna->events, i), "n", 0) == of)
			request = json_array_get(anna->events, i);
	assert_non_null(request);
	test_send(anna, "{\"do\":\"opened\",\"of\":%lld,\"last\":true}", (long long)of);
	a = test_answer(anna, "opened");
	if (!json_bool(a, "ok"))
		return a;
	snprintf(line, sizeof line, "{\"do\":\"allow\",\"of\":%lld,\"digest\":\"%s\",\"bind\":\"%s\",\"typed\":\"%s\"}",
	    (long long)of, json_str(request, "digest", NULL), json_str(sheet, "bind", NULL), typed);
	/* the minimum time is the broker's: asked again until it is over or something else is said */
	for (;;) {
		const char *why;

		a = ask(anna, line);
		why = json_str(a, "why", NULL);
		if (json_bool(a, "ok") || strstr(why, "can be allowed") == NULL || clock_mono_ms() > until)
			return a;
		nanosleep(&(struct timespec){ 0, 200 * 1000 * 1000 }, NULL);
	}
}

json_t *
test_allow(struct test_console *anna, int64_t of, const char *typed)
{
	return turn_key(anna, of, "sheet", typed);
}

json_t *
test_keep(struct test_console *anna, int64_t of, const char *typed)
{
	return turn_key(anna, of, "held", typed);
}

void
test_deny(struct test_console *c, int64_t of)
{
	char line[100];

	snprintf(line, sizeof line, "{\"do\":\"deny\",\"of\":%lld,\"reason\":\"not these rows\"}", (long long)of);
	test_ok(c, line);
}

/* The first session of anna's list with an open outcome. */
static json_t *
open_outcome(const struct test_broker *b)
{
	struct test_console *anna = test_console(b, "anna");
	json_t *list = test_ok(anna, "{\"do\":\"list\"}"), *v, *found = NULL;
	size_t i;

	json_array_foreach(json_object_get(list, "sessions"), i, v)
		if (found == NULL && json_object_get(v, "open") != NULL)
			found = json_deep_copy(v);
	test_console_close(anna);
	return found;
}

json_t *
test_wait_over(const struct test_broker *b)
{
	int64_t until = clock_mono_ms() + 2 * TEST_DEADLINE_MS;
	struct transcript_report r;
	char path[700];
	json_t *found;

	for (;;) {
		test_transcript(b, path, sizeof path);
		if (transcript_verify_file(path, &r, NULL) == 0 && r.verdict == TRANSCRIPT_SEALED)
			return NULL;
		found = open_outcome(b);
		if (found != NULL)
			return found;
		if (clock_mono_ms() > until)
			fail_msg("neither sealed nor open: %s", r.text);
		nanosleep(&(struct timespec){ 0, 20 * 1000 * 1000 }, NULL);
	}
}

void
test_settle(const struct test_broker *b, const char *session, const char *is)
{
	struct test_console *anna = test_console(b, "anna");
	char line[300];

	snprintf(line, sizeof line, "{\"do\":\"settle\",\"session\":\"%s\",\"is\":\"%s\",\"why\":\"the rows say so\"}", session, is);
	test_ok(anna, line);
	test_console_close(anna);
	assert_true(test_wait_sealed(b));
}

void
test_turn_until_stopped(struct test_console *anna, int64_t of, const char *shown_by, const char *typed, pid_t pid)
{
	int64_t until = clock_mono_ms() + TEST_DEADLINE_MS;
	json_t *shown = test_event(anna, shown_by, of), *request = test_event_n(anna, of);

	test_send(anna, "{\"do\":\"opened\",\"of\":%lld,\"last\":true}", (long long)of);
	while (!test_is_stopped(pid)) {
		if (clock_mono_ms() > until)
			fail_msg("the process does not stop");
		test_send(anna, "{\"do\":\"allow\",\"of\":%lld,\"digest\":\"%s\",\"bind\":\"%s\",\"typed\":\"%s\"}", (long long)of,
		    json_str(request, "digest", NULL), json_str(shown, "bind", NULL), typed);
		nanosleep(&(struct timespec){ 0, 200 * 1000 * 1000 }, NULL);
	}
}

void
test_end(const struct test_broker *b, struct test_console *ben)
{
	const json_t *begin;

	test_ok(ben, "{\"do\":\"end\"}");
	test_event(ben, "seal", 0);
	begin = test_event_seen(ben, "begin", 0);
	assert_non_null(begin);
	assert_true(test_wait_sealed_of(b, json_str(begin, "session", NULL)));	/* others may go on beside it */
}
