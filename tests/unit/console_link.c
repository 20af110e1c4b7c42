/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

#include "twokey/base/buf.h"
#include "twokey/base/err.h"
#include "twokey/base/io.h"
#include "twokey/base/json.h"
#include "twokey/console/link.h"
#include "twokey/transcript/limit.h"

struct world {
	struct link *link;
	int broker;
};

static struct world
begin(void)
{
	struct world w;
	struct err e;
	int fds[2];

	assert_int_equal(io_pair(fds, &e), 0);
	w.link = link_adopt(fds[0]);
	w.broker = fds[1];
	return w;
}

static void
end(struct world *w)
{
	link_close(w->link);
	if (w->broker >= 0)
		close(w->broker);
}

static void
say(struct world *w, const char *line)
{
	assert_int_equal(io_write_all(w->broker, line, strlen(line), NULL), 0);
}

static void
assert_next(struct world *w, enum link_line kind, const char *want)
{
	const char *line;
	size_t n;

	assert_int_equal(link_next(w->link, &line, &n), kind);
	if (kind != LINK_NOTHING) {
		assert_int_equal(n, strlen(want));
		assert_memory_equal(line, want, n);
	}
}

static void
answers_and_transcript_lines_are_told_apart(void **state)
{
	struct world w = begin();

	say(&w, "{\"s\":\"x\"}\n{\"n\":1}\n{\"re\":\"sql\",\"ok\":true}\n{\"n\":");
	assert_true(link_pump(w.link));
	assert_next(&w, LINK_TRANSCRIPT, "{\"s\":\"x\"}");
	assert_next(&w, LINK_TRANSCRIPT, "{\"n\":1}");
	assert_next(&w, LINK_ANSWER, "{\"re\":\"sql\",\"ok\":true}");
	assert_next(&w, LINK_NOTHING, "");
	say(&w, "2}\n");
	assert_true(link_pump(w.link));
	assert_next(&w, LINK_TRANSCRIPT, "{\"n\":2}");
	assert_next(&w, LINK_NOTHING, "");
	end(&w);
}

static void
requests_carry_what_they_do_and_an_id(void **state)
{
	struct world w = begin();
	char got[200] = "";

	assert_int_equal(link_send(w.link, "pause", NULL), 1);
	assert_int_equal(link_send(w.link, "say", json_pack("{s:s}", "text", "a\nb")), 2);
	assert_true(read(w.broker, got, sizeof got - 1) > 0);
	assert_string_equal(got, "{\"do\":\"pause\",\"id\":1}\n{\"do\":\"say\",\"id\":2,\"text\":\"a\\nb\"}\n");
	end(&w);
}

static void
an_answer_that_is_waited_for_leaves_the_lines_before_it_to_be_read(void **state)
{
	struct world w = begin();
	json_t *re;
	struct err e;

	say(&w, "{\"n\":1}\n{\"re\":\"here\",\"id\":99,\"ok\":true}\n"
	    "{\"re\":\"open\",\"id\":1,\"ok\":true,\"session\":\"s-1\"}\n{\"n\":2}\n");
	re = link_ask(w.link, "open", NULL, &e);
	assert_non_null(re);
	assert_string_equal(json_str(re, "session", NULL), "s-1");
	json_decref(re);
	link_pump(w.link);
	assert_next(&w, LINK_TRANSCRIPT, "{\"n\":1}");
	assert_next(&w, LINK_TRANSCRIPT, "{\"n\":2}");
	assert_next(&w, LINK_NOTHING, "");
	end(&w);
}

static void
a_refusal_is_the_broker_s_code_and_sentence(void **state)
{
	struct world w = begin();
	struct err e;

	say(&w, "{\"re\":\"open\",\"id\":1,\"ok\":false,\"code\":\"seat\",\"why\":\"ben drives it\"}\n");
	assert_null(link_ask(w.link, "open", NULL, &e));
	assert_int_equal(e.code, ERR_SEAT);
	assert_string_equal(e.text, "ben drives it");
	end(&w);
}

static void
a_lost_link_says_what_the_broker_said_last(void **state)
{
	struct world w = begin();
	struct err e;

	say(&w, "{\"n\":7}\n{\"re\":\"bye\",\"code\":\"invalid\",\"why\":\"three bad lines\"}\n");
	close(w.broker);
	w.broker = -1;
	link_pump(w.link);
	assert_next(&w, LINK_TRANSCRIPT, "{\"n\":7}");
	assert_next(&w, LINK_ANSWER, "{\"re\":\"bye\",\"code\":\"invalid\",\"why\":\"three bad lines\"}");
	assert_true(link_is_lost(w.link));
	assert_int_equal(link_send(w.link, "end", NULL), 0);
	assert_null(link_ask(w.link, "end", NULL, &e));
	assert_int_equal(e.code, ERR_CLOSED);
	end(&w);
}

static void
a_request_over_the_limit_is_not_sent(void **state)
{
	struct world w = begin();
	char *big = malloc(LINK_REQUEST_MAX + 1), got[80] = "";

	memset(big, 'x', LINK_REQUEST_MAX);
	big[LINK_REQUEST_MAX] = '\0';
	assert_int_equal(link_send(w.link, "sql", json_pack("{s:s}", "text", big)), 0);
	assert_false(link_is_lost(w.link));
	assert_int_not_equal(link_send(w.link, "here", NULL), 0);
	assert_true(read(w.broker, got, sizeof got - 1) > 0);
	assert_memory_equal(got, "{\"do\":\"here\"", 12);
	free(big);
	end(&w);
}

static void
a_line_over_the_limit_loses_the_link(void **state)
{
	struct world w = begin();
	size_t n = TRANSCRIPT_LINE_MAX + 65536, sent = 0;
	char *big = malloc(n);
	const char *line;
	size_t len;

	memset(big, 'x', n);
	assert_int_equal(io_nonblock(w.broker), 0);
	for (int i = 0; i < 1000 && sent < n; i++) {
		ssize_t r = write(w.broker, big + sent, n - sent);

		sent += r > 0 ? (size_t)r : 0;
		link_pump(w.link);
		if (link_next(w.link, &line, &len) != LINK_NOTHING || link_is_lost(w.link))
			break;
	}
	assert_true(link_is_lost(w.link));
	assert_non_null(strstr(link_why(w.link), "limit"));
	free(big);
	end(&w);
}

static void
a_broker_that_does_not_read_costs_a_bounded_buffer(void **state)
{
	struct world w = begin();
	char *big = malloc(LINK_REQUEST_MAX / 2);
	int sent = 0;

	memset(big, 'x', LINK_REQUEST_MAX / 2 - 1);
	big[LINK_REQUEST_MAX / 2 - 1] = '\0';
	while (sent < 100 && link_send_line(w.link, big, strlen(big)))
		sent++;
	assert_true(sent > 0 && sent < 100);
	assert_false(link_is_lost(w.link));
	free(big);
	end(&w);
}

static void
the_socket_s_path_comes_from_the_option_then_the_environment(void **state)
{
	static const struct {
		const char *option, *env, *want;
		int code;
	} table[] = {
		{ "/a/b.sock", "unix:/c", "/a/b.sock", 0 },
		{ "unix:/a", NULL, "/a", 0 },
		{ NULL, "unix:/c", "/c", 0 },
		{ NULL, "ssh://ben@example.com", "", ERR_INVALID },
		{ NULL, NULL, "/run/twokey/broker.sock", 0 },
	};

	unsetenv("XDG_RUNTIME_DIR");
	for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
		struct buf b;
		struct err e;

		buf_init(&b, 4096);
		unsetenv("TWOKEY_BROKER");
		if (table[i].env != NULL)
			setenv("TWOKEY_BROKER", table[i].env, 1);
		assert_int_equal(link_path(table[i].option, &b, &e), table[i].code);
		assert_string_equal(buf_str(&b), table[i].want);
		buf_fini(&b);
	}
	unsetenv("TWOKEY_BROKER");
}

static void
a_dead_socket_is_said_with_its_path(void **state)
{
	struct err e;

	assert_null(link_open("/nonexistent/twokey.sock", NULL, false, &e));
	assert_int_equal(e.code, ERR_UNREACHABLE);
	assert_non_null(strstr(e.text, "/nonexistent/twokey.sock"));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(answers_and_transcript_lines_are_told_apart),
		cmocka_unit_test(requests_carry_what_they_do_and_an_id),
		cmocka_unit_test(an_answer_that_is_waited_for_leaves_the_lines_before_it_to_be_read),
		cmocka_unit_test(a_refusal_is_the_broker_s_code_and_sentence),
		cmocka_unit_test(a_lost_link_says_what_the_broker_said_last),
		cmocka_unit_test(a_request_over_the_limit_is_not_sent),
		cmocka_unit_test(a_line_over_the_limit_loses_the_link),
		cmocka_unit_test(a_broker_that_does_not_read_costs_a_bounded_buffer),
		cmocka_unit_test(the_socket_s_path_comes_from_the_option_then_the_environment),
		cmocka_unit_test(a_dead_socket_is_said_with_its_path),
	};

	return cmocka_run_group_tests_name("console_link", tests, NULL, NULL);
}
