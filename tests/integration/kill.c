/* SPDX-License-Identifier: GPL-3.0-or-later */
/* kill -9 of each process at each step: the database is unchanged or the transcript says what is known,
 * nothing hangs, other sessions do not notice. */
#include "config.h"

#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "twokey/base/buf.h"
#include "twokey/base/io.h"
#include "twokey/base/json.h"

#include "lib/beside.h"
#include "lib/broker.h"

static const char change[] = "update orders set note = 'x' where status = 'new'";

/* True when a sealed transcript has an event of that name. */
static bool
recorded(const struct test_broker *b, const char *ev)
{
	char path[700], want[64];
	struct buf text;
	bool found;

	assert_true(test_wait_sealed(b));
	test_transcript(b, path, sizeof path);
	buf_init(&text, 64 * 1024 * 1024);
	assert_int_equal(io_read_file(path, 64 * 1024 * 1024, &text, NULL), 0);
	snprintf(want, sizeof want, "\"ev\":\"%s\"", ev);
	found = strstr(buf_str(&text), want) != NULL;
	buf_fini(&text);
	return found;
}

static int64_t
changed(const struct test_broker *b)
{
	return test_shop_number(b, "select count(*) from orders where note = 'x'");
}

static void
dies_while_a_request_waits(const char *role)
{
	struct test_console *ben, *anna;
	struct test_broker b;
	pid_t pid;

	test_broker_start(&b, NULL);
	test_session(&b, "MFX-1", &ben, &anna);
	test_request(ben, change, NULL);
	pid = test_broker_role(&b, role);
	assert_true(pid > 0);
	kill(pid, SIGKILL);
	test_wait_eof(ben);
	test_wait_eof(anna);
	assert_true(test_wait_sealed(&b));
	assert_false(recorded(&b, "run"));
	assert_int_equal(changed(&b), 0);
	test_console_close(ben);
	test_console_close(anna);
	/* the broker goes on: the next session works */
	test_session(&b, "MFX-2", &ben, &anna);
	test_ok(ben, "{\"do\":\"sql\",\"text\":\"select 1\"}");
	test_end(&b, ben);
	test_console_close(ben);
	test_console_close(anna);
	test_broker_stop(&b);
}

static void
db_dies_while_a_request_waits(void **state)
{
	(void)state;
	dies_while_a_request_waits("db");
}

static void
session_dies_while_a_request_waits(void **state)
{
	(void)state;
	dies_while_a_request_waits("session");
}

static void
recorder_dies_while_a_request_waits(void **state)
{
	(void)state;
	dies_while_a_request_waits("recorder");
}

static void
front_dies_and_the_session_goes_on(void **state)
{
	struct test_console *ben, *anna, *kim;
	struct test_broker b;
	pid_t pid;

	(void)state;
	test_broker_start(&b, NULL);
	test_session(&b, "MFX-1", &ben, &anna);
	pid = test_broker_role(&b, "front");
	kill(pid, SIGKILL);
	test_wait_gone(pid);
	test_event(ben, "done", json_int(test_ok(ben, "{\"do\":\"sql\",\"text\":\"select 1\"}"), "n", 0));
	/* the new front knows the running session */
	kim = test_console(&b, "kim");
	test_ok(kim, "{\"do\":\"join\",\"ticket\":\"MFX-1\"}");
	test_event(kim, "done", 0);
	test_end(&b, ben);
	test_console_close(ben);
	test_console_close(anna);
	test_console_close(kim);
	test_broker_stop(&b);
}

#ifdef TWOKEY_FAULTS
/* Stops a role at a fault point inside a run and kills it there. */
static void
dies_at(const char *point, const char *stopped_role, const char *killed_role, int64_t want_changed,
    const char *want_event)
{
	struct test_broker_options o = { .fault = point };
	struct test_console *ben, *anna;
	struct test_broker b;
	pid_t stopped, killed;
	int64_t n, got;
	json_t *open;

	test_broker_start(&b, &o);
	test_session(&b, "MFX-1", &ben, &anna);
	n = test_request(ben, change, NULL);
	stopped = test_broker_role(&b, stopped_role);
	killed = test_broker_role(&b, killed_role);
	assert_true(json_bool(test_allow(anna, n, "orders 5"), "ok"));
	test_wait_stopped(stopped);
	kill(killed, SIGKILL);
	if (stopped != killed)
		kill(stopped, SIGCONT);
	test_wait_eof(ben);
	test_wait_eof(anna);
	open = test_wait_over(&b);
	got = changed(&b);
	if (open != NULL)
		test_settle(&b, json_str(open, "session", NULL), got > 0 ? "committed" : "aborted");
	json_decref(open);
	if (want_changed >= 0)
		assert_int_equal(got, want_changed);
	else
		assert_true(got == 0 || got == 5);
	if (!recorded(&b, want_event))
		fail_msg("%s killed at %s: no event %s", killed_role, point, want_event);
	/* never called committed when it is not */
	if (got == 0)
		assert_false(recorded(&b, "committed"));
	test_console_close(ben);
	test_console_close(anna);
	test_broker_stop(&b);
}

static void
db_killed_before_the_bytes_are_sent(void **state)
{
	(void)state;
	dies_at("db.before-run", "db", "db", 0, "rolledback");
}

static void
db_killed_before_the_commit_point_is_recorded(void **state)
{
	(void)state;
	dies_at("db.before-committing", "db", "db", 0, "rolledback");
}

static void
db_killed_between_commit_point_and_commit(void **state)
{
	(void)state;
	dies_at("db.before-commit", "db", "db", 0, "unknown");
}

static void
db_killed_after_commit_before_its_answer(void **state)
{
	(void)state;
	dies_at("db.before-answer", "db", "db", 5, "unknown");
}

static void
recorder_killed_with_the_commit_point_in_hand(void **state)
{
	(void)state;
	dies_at("recorder.committing", "recorder", "recorder", 0, "unknown");
}

static void
recorder_killed_before_commit(void **state)
{
	(void)state;
	dies_at("db.before-commit", "db", "recorder", -1, "unknown");
}

static int system_mode;

/* Monitor and recorder die while db stands before COMMIT, and the broker is started at once: it must not ask what became
 * of it while db may still send COMMIT. */
static void
the_next_start_waits_for_a_db_that_still_lives(void **state)
{
	static const char *const roles[] = { "front", "session", "recorder" };
	struct test_broker_options o = { .fault = "db.before-commit", .system_mode = *state != NULL };
	struct test_console *ben, *anna;
	struct test_broker b;
	pid_t db, pids[3];
	int64_t n;

	if (o.system_mode && geteuid() != 0) {
		print_message("# only root can start the broker in system mode\n");
		skip();
	}
	test_broker_start(&b, &o);
	test_session(&b, "MFX-1", &ben, &anna);
	n = test_request(ben, change, NULL);
	db = test_broker_role(&b, "db");
	for (int i = 0; i < 3; i++)
		pids[i] = test_broker_role(&b, roles[i]);
	assert_true(json_bool(test_allow(anna, n, "orders 5"), "ok"));
	test_wait_stopped(db);
	kill(b.pid, SIGSTOP);
	for (int i = 0; i < 3; i++)
		kill(pids[i], SIGKILL);
	test_broker_kill(&b);
	test_broker_restart(&b);
	assert_true(test_wait_sealed(&b));
	kill(db, SIGCONT);
	test_wait_gone(db);
	assert_true(recorded(&b, "outcome"));
	assert_int_equal(changed(&b), 0);
	test_console_close(ben);
	test_console_close(anna);
	test_broker_stop(&b);
}

static void
session_killed_during_the_run(void **state)
{
	(void)state;
	dies_at("db.before-committing", "db", "session", -1, "lost");
}
#endif

static void
the_monitor_dies_and_the_next_start_finds_sealed_files(void **state)
{
	struct test_console *ben, *anna;
	struct test_broker b;

	(void)state;
	test_broker_start(&b, NULL);
	test_session(&b, "MFX-1", &ben, &anna);
	test_request(ben, change, NULL);
	test_broker_kill(&b);
	test_wait_eof(ben);
	test_wait_eof(anna);
	assert_true(test_wait_sealed(&b));	/* the session ends itself when its monitor is gone */
	assert_int_equal(changed(&b), 0);
	test_console_close(ben);
	test_console_close(anna);
	test_broker_restart(&b);
	test_session(&b, "MFX-2", &ben, &anna);
	test_end(&b, ben);
	test_console_close(ben);
	test_console_close(anna);
	test_broker_stop(&b);
}

static void
everything_dies_and_the_next_start_recovers(void **state)
{
	static const char *const roles[] = { "session", "recorder", "db", "front" };
	struct test_console *ben, *anna;
	struct test_broker b;
	pid_t pids[4];
	char path[700];
	int fd;

	(void)state;
	test_broker_start(&b, NULL);
	test_session(&b, "MFX-1", &ben, &anna);
	test_request(ben, change, NULL);
	for (int i = 0; i < 4; i++)
		pids[i] = test_broker_role(&b, roles[i]);
	/* all at once: none sees another die and ends in order */
	kill(b.pid, SIGSTOP);
	for (int i = 0; i < 4; i++)
		kill(pids[i], SIGSTOP);
	for (int i = 0; i < 4; i++)
		kill(pids[i], SIGKILL);
	test_broker_kill(&b);
	test_wait_eof(ben);
	test_console_close(ben);
	test_console_close(anna);
	/* a torn last line, as a crash of the machine leaves it */
	test_transcript(&b, path, sizeof path);
	fd = open(path, O_WRONLY | O_APPEND);
	assert_int_equal(write(fd, "{\"n\":99,\"t\":\"20", 15), 15);
	close(fd);
	test_broker_restart(&b);
	assert_true(test_wait_sealed(&b));
	assert_true(recorded(&b, "recovered"));
	assert_int_equal(changed(&b), 0);
	test_session(&b, "MFX-2", &ben, &anna);
	test_end(&b, ben);
	test_console_close(ben);
	test_console_close(anna);
	test_broker_stop(&b);
}

static void
other_sessions_do_not_notice(void **state)
{
	struct test_console *ben, *anna, *kim;
	struct test_broker b;
	char line[1200];
	json_t *made;
	pid_t pid;

	(void)state;
	test_broker_start(&b, NULL);
	test_session(&b, "MFX-1", &ben, &anna);
	pid = test_broker_role(&b, "db");
	/* a second session on the same target, driven by kim */
	kim = test_console(&b, "kim");
	made = test_ok(kim, "{\"do\":\"ticket-new\",\"text\":\"id: MFX-2\\ntarget: shop\\naccess: write\\n"
	    "stage: production\\npeople:\\n  - {name: kim, seat: driver}\\n  - {name: anna, seat: confirmer}\\n"
	    "approver: anna\\nexpires: 2099-01-01T00:00:00Z\\n\"}");
	snprintf(line, sizeof line, "{\"do\":\"ticket-accept\",\"ticket\":\"MFX-2\",\"digest\":\"%s\"}",
	    json_str(made, "digest", NULL));
	{
		struct test_console *accept = test_console(&b, "anna");

		test_ok(accept, line);
		test_console_close(accept);
	}
	test_ok(kim, "{\"do\":\"open\",\"ticket\":\"MFX-2\"}");
	test_event(kim, "connected", 0);
	kill(pid, SIGKILL);
	test_event(ben, "lost", 0);
	test_wait_eof(ben);
	test_event(kim, "done", json_int(test_ok(kim, "{\"do\":\"sql\",\"text\":\"select 1\"}"), "n", 0));
	test_end(&b, kim);
	test_console_close(ben);
	test_console_close(anna);
	test_console_close(kim);
	test_broker_stop(&b);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(db_dies_while_a_request_waits),
		cmocka_unit_test(session_dies_while_a_request_waits),
		cmocka_unit_test(recorder_dies_while_a_request_waits),
		cmocka_unit_test(front_dies_and_the_session_goes_on),
#ifdef TWOKEY_FAULTS
		cmocka_unit_test(db_killed_before_the_bytes_are_sent),
		cmocka_unit_test(db_killed_before_the_commit_point_is_recorded),
		cmocka_unit_test(db_killed_between_commit_point_and_commit),
		cmocka_unit_test(db_killed_after_commit_before_its_answer),
		cmocka_unit_test(recorder_killed_with_the_commit_point_in_hand),
		cmocka_unit_test(recorder_killed_before_commit),
		cmocka_unit_test(the_next_start_waits_for_a_db_that_still_lives),
		cmocka_unit_test_prestate(the_next_start_waits_for_a_db_that_still_lives, &system_mode),
		cmocka_unit_test(session_killed_during_the_run),
#endif
		cmocka_unit_test(the_monitor_dies_and_the_next_start_finds_sealed_files),
		cmocka_unit_test(everything_dies_and_the_next_start_recovers),
		cmocka_unit_test(other_sessions_do_not_notice),
	};

	return test_run_beside("kill", tests, sizeof tests / sizeof *tests, NULL, NULL);
}
