/* SPDX-License-Identifier: GPL-3.0-or-later */
/* An outcome that nobody knows stands in the lobby until somebody who did not drive settles it. */
#include "config.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "twokey/base/buf.h"
#include "twokey/base/io.h"
#include "twokey/base/json.h"
#include "twokey/transcript/verify.h"

#include "lib/beside.h"
#include "lib/broker.h"

#ifdef TWOKEY_FAULTS
static const char change[] = "update orders set note = 'x' where status = 'new'";

/* A session of that ticket whose db dies after COMMIT and before it could say so: the name of the session. */
static void
lose_an_outcome(struct test_broker *b, const char *ticket, char session[80])
{
	struct test_console *ben, *anna;
	json_t *open;
	int64_t n;
	pid_t db;

	test_session(b, ticket, &ben, &anna);
	n = test_request(ben, change, NULL);
	db = test_broker_role(b, "db");
	assert_true(json_bool(test_allow(anna, n, "orders 5"), "ok"));
	test_wait_stopped(db);
	kill(db, SIGKILL);
	assert_string_equal(json_str(test_event(ben, "outcome", n), "is", NULL), "unknown");
	test_wait_eof(ben);
	test_wait_eof(anna);
	test_console_close(ben);
	test_console_close(anna);
	open = test_wait_over(b);
	assert_non_null(open);
	snprintf(session, 80, "%s", json_str(open, "session", NULL));
	json_decref(open);
}

static struct test_broker
broken(char session[80])
{
	static const struct test_broker_options o = { .fault = "db.before-answer" };
	struct test_broker b;

	test_broker_start(&b, &o);
	lose_an_outcome(&b, "MFX-1", session);
	return b;
}

/* How often a text stands in the newest transcript. */
static size_t
count(const struct test_broker *b, const char *text)
{
	char path[700];
	struct buf all;
	size_t n = 0;

	test_transcript(b, path, sizeof path);
	buf_init(&all, 16 * 1024 * 1024);
	assert_int_equal(io_read_file(path, 16 * 1024 * 1024, &all, NULL), 0);
	for (const char *p = buf_str(&all); (p = strstr(p, text)) != NULL; p++)
		n++;
	buf_fini(&all);
	return n;
}

static const char *
settle_line(const char *session, const char *is)
{
	static char line[300];

	snprintf(line, sizeof line, "{\"do\":\"settle\",\"session\":\"%s\",\"is\":\"%s\",\"why\":\"I looked at the rows\"}", session, is);
	return line;
}

static void
the_lobby_shows_what_ran_and_how_to_find_out(void **state)
{
	struct test_console *kim;
	char session[80];
	struct test_broker b = broken(session);
	json_t *open = test_wait_over(&b), *how, *list;

	(void)state;
	assert_string_equal(json_str(open, "ticket", NULL), "MFX-1");
	assert_string_equal(json_str(open, "driver", NULL), "ben");
	how = json_object_get(open, "open");
	assert_string_equal(json_str(how, "sql", NULL), change);
	assert_non_null(strstr(json_str(how, "how", NULL), "compare the rows"));
	json_decref(open);
	/* who watches sees it too, and may not settle */
	kim = test_console(&b, "kim");
	list = test_ok(kim, "{\"do\":\"list\"}");
	assert_int_equal(json_array_size(json_object_get(list, "sessions")), 1);
	test_refused(kim, settle_line(session, "committed"), "seat");
	test_console_close(kim);
	/* it is over: nobody sits in it again, and the ticket is free */
	kim = test_console(&b, "anna");
	test_refused(kim, "{\"do\":\"join\",\"ticket\":\"MFX-1\"}", "not-found");
	test_console_close(kim);
	test_settle(&b, session, "committed");
	test_broker_stop(&b);
}

static void
who_did_not_drive_settles_it_once_and_it_is_sealed(void **state)
{
	struct test_console *ben, *anna;
	struct transcript_report r;
	char session[80], path[700];
	struct test_broker b = broken(session);
	json_t *list;

	(void)state;
	ben = test_console(&b, "ben");
	anna = test_console(&b, "anna");
	test_refused(ben, settle_line(session, "committed"), "seat");
	test_refused(anna, settle_line(session, "perhaps"), "invalid");
	test_refused(anna, settle_line("s-none", "committed"), "not-found");
	assert_int_equal(count(&b, "\"ev\":\"settled\""), 0);
	test_ok(anna, settle_line(session, "committed"));
	assert_true(test_wait_sealed(&b));
	assert_int_equal(count(&b, "\"ev\":\"settled\""), 1);
	assert_int_equal(count(&b, "\"is\":\"committed\""), 1);
	assert_int_equal(count(&b, "I looked at the rows"), 1);
	test_transcript(&b, path, sizeof path);
	assert_int_equal(transcript_verify_file(path, &r, NULL), 0);
	assert_int_equal(r.verdict, TRANSCRIPT_SEALED);
	do	/* its process ends after the seal */
		list = test_ok(anna, "{\"do\":\"list\"}");
	while (json_array_size(json_object_get(list, "sessions")) > 0);
	test_refused(anna, settle_line(session, "aborted"), "not-found");
	test_console_close(ben);
	test_console_close(anna);
	test_broker_stop(&b);
}

static void
it_stands_there_after_every_death(void **state)
{
	static const char *const roles[] = { "front", "recorder" };
	char session[80];
	struct test_broker b = broken(session);
	pid_t pid;

	(void)state;
	for (int i = 0; i < 2; i++) {
		json_t *open;

		pid = test_broker_role(&b, roles[i]);
		assert_true(pid > 0);
		kill(pid, SIGKILL);
		test_wait_gone(pid);
		open = test_wait_over(&b);
		assert_non_null(open);
		json_decref(open);
	}
	test_broker_kill(&b);
	test_broker_restart(&b);
	json_decref(test_wait_over(&b));
	test_broker_reconfigure(&b, &(struct test_broker_options){ 0 });	/* stopped in order, started again */
	json_decref(test_wait_over(&b));
	assert_true(count(&b, "\"ev\":\"recovered\"") >= 3);
	test_settle(&b, session, "committed");
	test_broker_stop(&b);
}

/* The same target is opened all the same; the people in the session see what is not known about it. */
static void
the_next_session_on_that_target_is_told(void **state)
{
	struct test_console *ben, *anna;
	char session[80];
	struct test_broker b = broken(session);
	const json_t *open;

	(void)state;
	test_session(&b, "MFX-2", &ben, &anna);
	open = json_object_get(test_event(anna, "account", 0), "open");
	assert_int_equal(json_array_size(open), 1);
	assert_string_equal(json_string_value(json_array_get(open, 0)), session);
	test_end(&b, ben);
	test_console_close(ben);
	test_console_close(anna);
	anna = test_console(&b, "anna");
	test_ok(anna, settle_line(session, "aborted"));
	test_console_close(anna);
	test_broker_stop(&b);
}

/* The same with the program itself. */
static void
the_program_lists_and_settles_it(void **state)
{
	char session[80], cmd[2048], path[700];
	struct test_broker b = broken(session);
	const char *top = getenv("top_builddir");
	int n = snprintf(cmd, sizeof cmd, "set -e; T=%s/twokey B='--broker %s --as'; ", top != NULL ? top : ".", b.socket);

	(void)state;
	snprintf(cmd + n, sizeof cmd - (size_t)n, "$T lobby $B anna </dev/null | grep -q 'UNKNOWN.*%s'; "
	    "$T lobby $B anna </dev/null | grep -q 'twokey settle'; "
	    "$T --json $B anna | grep -q '\"how\":'; "
	    "! $T settle $B ben -m x %s committed 2>/dev/null; ! $T settle $B anna %s committed 2>/dev/null; "
	    "$T settle $B anna -m 'looked at it' %s committed", session, session, session, session);
	assert_int_equal(system(cmd), 0);
	assert_true(test_wait_sealed(&b));
	/* who reads it later sees whose word it is */
	test_transcript(&b, path, sizeof path);
	snprintf(cmd, sizeof cmd, "T=%s/twokey; $T show %s | grep -q 'SETTLED .*committed, as anna says: looked at it' && $T verify %s",
	    top != NULL ? top : ".", path, path);
	assert_int_equal(system(cmd), 0);
	test_broker_stop(&b);
}
#else
static void
without_fault_points_nothing_gets_lost_here(void **state)
{
	(void)state;
	skip();
}
#endif

int
main(void)
{
	const struct CMUnitTest tests[] = {
#ifdef TWOKEY_FAULTS
		cmocka_unit_test(the_lobby_shows_what_ran_and_how_to_find_out),
		cmocka_unit_test(who_did_not_drive_settles_it_once_and_it_is_sealed),
		cmocka_unit_test(it_stands_there_after_every_death),
		cmocka_unit_test(the_next_session_on_that_target_is_told),
		cmocka_unit_test(the_program_lists_and_settles_it),
#else
		cmocka_unit_test(without_fault_points_nothing_gets_lost_here),
#endif
	};

	return test_run_beside("settle", tests, sizeof tests / sizeof *tests, NULL, NULL);
}
