/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Consoles that mean harm: to another person's seat, to the broker's descriptors, to the record. */
#include "config.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "twokey/base/json.h"

#include "lib/broker.h"

static struct test_broker broker;

static int
start(void **state)
{
	(void)state;
	test_broker_start(&broker, NULL);
	return 0;
}

static int
stop(void **state)
{
	(void)state;
	test_broker_stop(&broker);
	return 0;
}

/* The line and a tail in one write, so that the tail travels with the connection. */
static void
send_with_tail(struct test_console *c, const char *line, const char *tail, size_t n)
{
	size_t len = strlen(line);
	char *all = malloc(len + n);

	assert_non_null(all);
	memcpy(all, line, len);
	memcpy(all + len, tail, n);
	test_send_bytes(c, all, len + n);
	free(all);
}

static void
what_is_said_early_gives_nobody_anothers_seat(void **state)
{
	static const char join[] = "{\"do\":\"join\",\"ticket\":\"MFX-1\",\"watch\":true}\n";
	struct test_console *ben, *kim, *anna;
	json_t *a;

	(void)state;
	test_ticket(&broker, "MFX-1");
	ben = test_console(&broker, "ben");
	test_ok(ben, "{\"do\":\"open\",\"ticket\":\"MFX-1\"}");
	test_event(ben, "connected", 0);
	kim = test_console(&broker, "kim");
	send_with_tail(kim, join, "\0\n", 2);
	anna = test_console(&broker, "anna");
	a = test_ok(anna, "{\"do\":\"join\",\"ticket\":\"MFX-1\"}");
	assert_string_equal(json_str(a, "seat", NULL), "confirmer");
	/* each is who he is */
	assert_string_equal(json_str(test_answer(kim, "join"), "seat", NULL), "watcher");
	test_refused(kim, "{\"do\":\"resume\"}", "seat");
	test_ok(anna, "{\"do\":\"pause\"}");
	test_ok(anna, "{\"do\":\"resume\"}");
	test_end(&broker, ben);
	test_console_close(ben);
	test_console_close(kim);
	test_console_close(anna);
}

static void
a_long_early_word_closes_no_session(void **state)
{
	enum { N = 800 * 1024 };
	static const char join[] = "{\"do\":\"join\",\"ticket\":\"MFX-2\",\"watch\":true}\n";
	struct test_console *ben, *anna, *kim;
	char *tail = malloc(N);

	(void)state;
	assert_non_null(tail);
	test_session(&broker, "MFX-2", &ben, &anna);
	memset(tail, 1, N);
	kim = test_console(&broker, "kim");
	send_with_tail(kim, join, tail, N);
	free(tail);
	test_answer(kim, "join");
	test_console_close(kim);
	kim = test_console(&broker, "kim");
	/* the seat is free again once the first connection was seen to close */
	test_event(ben, "left", 0);
	test_ok(kim, "{\"do\":\"join\",\"ticket\":\"MFX-2\",\"watch\":true}");
	test_end(&broker, ben);
	test_console_close(ben);
	test_console_close(anna);
	test_console_close(kim);
}

/* One byte with two descriptors. */
static void
send_two(int sock, int fd)
{
	union {
		struct cmsghdr align;
		char bytes[CMSG_SPACE(2 * sizeof(int))];
	} control = { .bytes = { 0 } };
	int fds[2] = { fd, fd };
	char blank = ' ';
	struct iovec iov = { .iov_base = &blank, .iov_len = 1 };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1, .msg_control = control.bytes,
	    .msg_controllen = sizeof control.bytes };
	struct cmsghdr *c = CMSG_FIRSTHDR(&msg);

	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	c->cmsg_len = CMSG_LEN(sizeof fds);
	memcpy(CMSG_DATA(c), fds, sizeof fds);
	(void)!sendmsg(sock, &msg, MSG_NOSIGNAL);
}

static void
descriptors_that_nobody_asked_for_are_closed(void **state)
{
	pid_t front = test_broker_role(&broker, "front");
	struct test_console *ben = test_console(&broker, "ben"), *c;
	size_t before;
	int null = open("/dev/null", O_RDONLY | O_CLOEXEC);

	(void)state;
	assert_true(null >= 0);
	test_ok(ben, "{\"do\":\"list\"}");
	before = test_open_files(front);
	for (int k = 0; k < 4; k++) {
		c = test_console_raw(&broker, "kim");
		for (int i = 0; i < 100; i++)
			send_two(c->fd, null);
		test_wait_eof(c);	/* more than any peer of ours sends */
		test_console_close(c);
	}
	test_ok(ben, "{\"do\":\"list\"}");
	assert_true(test_open_files(front) <= before + 1);
	close(null);
	test_console_close(ben);
}

static void
long_reasons_do_not_eat_the_room_for_ending(void **state)
{
	enum { N = 600 * 1024 };
	struct test_console *ben, *anna;
	char *line = malloc(N + 100);
	int64_t n;
	int at;

	(void)state;
	assert_non_null(line);
	test_session(&broker, "MFX-4", &ben, &anna);
	n = test_request(ben, "update orders set note = 'x' where id = 1", NULL);
	at = snprintf(line, 100, "{\"do\":\"deny\",\"of\":%lld,\"reason\":\"", (long long)n);
	memset(line + at, 'x', N);
	strcpy(line + at + N, "\"}");
	test_refused(anna, line, "too-large");
	at = snprintf(line, 100, "{\"do\":\"stop\",\"reason\":\"");
	memset(line + at, 'x', N);
	strcpy(line + at + N, "\"}");
	test_refused(anna, line, "too-large");
	free(line);
	test_end(&broker, ben);
	test_console_close(ben);
	test_console_close(anna);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_said_early_gives_nobody_anothers_seat),
		cmocka_unit_test(a_long_early_word_closes_no_session),
		cmocka_unit_test(long_reasons_do_not_eat_the_room_for_ending),
		cmocka_unit_test(descriptors_that_nobody_asked_for_are_closed),
	};

	return cmocka_run_group_tests_name("attack", tests, start, stop);
}
