/* SPDX-License-Identifier: GPL-3.0-or-later */
/* From where a login came: trees of /proc and /run that the test makes, with its own pid, which lives. */
#include "config.h"

#include <arpa/inet.h>
#include <ifaddrs.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

#include "broker/login.h"
#include "twokey/base/io.h"

enum { USER = 1001 };
static const char cgroup[] = "0::/user.slice/user-1001.slice/session-7.scope\n";
static const char status[] = "Name:\ttwokey\nUmask:\t0022\nUid:\t1001\t1001\t1001\t1001\nGid:\t1001\t1001\t1001\t1001\n";
/* As systemd 252 writes it. */
static const char note[] = "# This is private data. Do not parse.\nUID=1001\nUSER=anna\nACTIVE=1\nIS_DISPLAY=0\nSTATE=active\nREMOTE=1\n"
    "TYPE=tty\nORIGINAL_TYPE=tty\nCLASS=user\nSCOPE=session-7.scope\nFIFO=/run/systemd/sessions/7.ref\nREMOTE_HOST=192.0.2.7\n"
    "SERVICE=sshd\nLEADER=4711\nAUDIT=7\nREALTIME=1700000000000000\nMONOTONIC=1000000\n";

static char dir[64];

static int
setup(void **state)
{
	(void)state;
	snprintf(dir, sizeof dir, "/tmp/twokey-login-XXXXXX");
	assert_non_null(mkdtemp(dir));
	return 0;
}

static int
teardown(void **state)
{
	char cmd[100];

	(void)state;
	snprintf(cmd, sizeof cmd, "rm -rf '%s'", dir);
	return system(cmd);
}

static void
put(const char *path, const char *text)
{
	char whole[256];

	snprintf(whole, sizeof whole, "%s/%s", dir, path);
	for (char *p = whole + strlen(dir) + 1; (p = strchr(p, '/')) != NULL; p++) {
		*p = '\0';
		(void)mkdir(whole, 0700);
		*p = '/';
	}
	(void)unlink(whole);
	if (text != NULL)
		assert_int_equal(io_write_file(whole, 0600, text, strlen(text), NULL), 0);
}

/* What is said of that pid when these are its files; NULL: there is none. */
static bool
says(pid_t pid, const char *group, const char *st, const char *session)
{
	struct login_roots roots;
	char proc[100], run[100], path[100];

	snprintf(path, sizeof path, "proc/%d/cgroup", (int)pid);
	put(path, group);
	snprintf(path, sizeof path, "proc/%d/status", (int)pid);
	put(path, st);
	put("run/systemd/sessions/7", session);
	snprintf(proc, sizeof proc, "%s/proc", dir);
	snprintf(run, sizeof run, "%s/run", dir);
	roots = (struct login_roots){ proc, run };
	return login_is_remote(&roots, pid, USER);
}

static void
a_session_from_another_host_is_remote(void **state)
{
	(void)state;
	assert_true(says(getpid(), cgroup, status, note));
	/* where version 1 is mounted too, the line of version 2 counts */
	assert_true(says(getpid(), "1:name=systemd:/\n0::/user.slice/user-1001.slice/session-7.scope\n", status, note));
}

static void
any_other_cgroup_is_none(void **state)
{
	static const char *const rows[] = {
		"", "0::/\n", "0::/user.slice/user-1001.slice/session-7.scope/below\n",
		"0::/user.slice/user-1001.slice/user@1001.service/session-7.scope\n",
		"0::/user.slice/user-1001.slice/user@1001.service/app.slice/session-7.scope\n",
		"0::/user.slice/user-1001.slice/user@1001.service/user.slice/user-1001.slice/session-7.scope\n",
		"0::/user.slice/user-1002.slice/session-7.scope\n", "0::/user.slice/user-10010.slice/session-7.scope\n",
		"0::/../user.slice/user-1001.slice/session-7.scope\n", "0::/user.slice/user-1001.slice/session-7.scope (deleted)\n",
		"0::/user.slice/user-1001.slice/session-7.service\n", "0::/user.slice/user-1001.slice/session-.scope\n",
		"0::/user.slice/user-1001.slice/session-../7.scope\n", "0::/user.slice/user-1001.slice/session-8.scope\n",
		"0::/system.slice/user.slice/user-1001.slice/session-7.scope\n",
		"1:name=systemd:/user.slice/user-1001.slice/session-7.scope\n",
		"0::/user.slice/user-1001.slice/session-7.scope\n0::/user.slice/user-1001.slice/session-7.scope\n",
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
		if (says(getpid(), rows[i], status, note))
			fail_msg("%s", rows[i]);
	assert_false(says(getpid(), NULL, status, note));
}

static void
the_process_is_that_users(void **state)
{
	static const char *const rows[] = {
		"", "Uid:\t1002\t1001\t1001\t1001\n", "Uid:\t1001\t0\t0\t0\n", "Uid:\t10011\t1001\t1001\t1001\n", "Uid:\t1001\n",
		"Uid:\t1001\t1001\t1001\t1001\nUid:\t1001\t1001\t1001\t1001\n",
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
		if (says(getpid(), cgroup, rows[i], note))
			fail_msg("%s", rows[i]);
	assert_false(says(getpid(), cgroup, NULL, note));
}

/* The note with one of its lines changed; wanted: what is said then. */
static void
changed_note(const char *line, const char *to, bool wanted)
{
	char text[2048];
	const char *at = strstr(note, line);

	assert_non_null(at);
	snprintf(text, sizeof text, "%.*s%s%s", (int)(at - note), note, to, at + strlen(line));
	if (says(getpid(), cgroup, status, text) != wanted)
		fail_msg("%s -> %s", line, to);
}

static void
each_line_of_the_note_counts(void **state)
{
	(void)state;
	assert_false(says(getpid(), cgroup, status, NULL));
	assert_false(says(getpid(), cgroup, status, ""));
	changed_note("\nUID=1001\n", "\nUID=1002\n", false);
	changed_note("\nUID=1001\n", "\n", false);
	changed_note("STATE=active\n", "STATE=online\n", true);	/* another of his is in front */
	changed_note("STATE=active\n", "STATE=closing\n", false);	/* logged out; what is left is nobody's */
	changed_note("\nREMOTE=1\n", "\nREMOTE=0\n", false);
	changed_note("\nREMOTE=1\n", "\n", false);
	changed_note("\nREMOTE=1\n", "\nREMOTE=1\nREMOTE=1\n", false);
	changed_note("\nREMOTE=1\n", "\nREMOTE=0\nREMOTE=1\n", false);
	changed_note("SCOPE=session-7.scope\n", "SCOPE=session-8.scope\n", false);
	changed_note("REMOTE_HOST=192.0.2.7\n", "REMOTE_HOST=2001:db8::7\n", true);
	changed_note("REMOTE_HOST=192.0.2.7\n", "REMOTE_HOST=127.0.0.1\n", false);
	changed_note("REMOTE_HOST=192.0.2.7\n", "", false);
	changed_note("REMOTE_HOST=192.0.2.7\n", "REMOTE_HOST=\n", false);
}

static void
a_host_is_an_address_and_none_of_this_one(void **state)
{
	static const char *const none[] = {
		"", "localhost", "example.com", "127.0.0.1", "127.8.9.10", "::1", "::ffff:127.0.0.1", "::ffff:7f00:1", "0.0.0.0", "::", "0", "::127.0.0.1",
		"::ffff:0.0.0.0", "::1%lo", "192.0.2.7 ", "192.0.2", "192.0.2.7:22", ":0", "%", "::ffff:192.0.2.7.1",
	};
	struct ifaddrs *all;

	(void)state;
	for (size_t i = 0; i < sizeof none / sizeof none[0]; i++)
		if (login_host_is_other(none[i]))
			fail_msg("%s", none[i]);
	assert_true(login_host_is_other("192.0.2.7"));
	assert_true(login_host_is_other("::ffff:192.0.2.7"));
	assert_true(login_host_is_other("2001:db8::7"));
	assert_true(login_host_is_other("fe80::1234:5678:9abc:def0%eth0"));
	assert_int_equal(getifaddrs(&all), 0);
	for (const struct ifaddrs *i = all; i != NULL; i = i->ifa_next) {
		char host[INET6_ADDRSTRLEN];
		const void *p = NULL;

		if (i->ifa_addr != NULL && i->ifa_addr->sa_family == AF_INET)
			p = &((const struct sockaddr_in *)(const void *)i->ifa_addr)->sin_addr;
		else if (i->ifa_addr != NULL && i->ifa_addr->sa_family == AF_INET6)
			p = &((const struct sockaddr_in6 *)(const void *)i->ifa_addr)->sin6_addr;
		if (p == NULL)
			continue;
		assert_non_null(inet_ntop(i->ifa_addr->sa_family, p, host, sizeof host));
		if (login_host_is_other(host))
			fail_msg("%s", host);
	}
	freeifaddrs(all);
}

/* The pid of one that has ended says nothing, whatever its files say. */
static void
who_is_gone_is_from_nowhere(void **state)
{
	pid_t pid = fork();

	(void)state;
	assert_true(pid >= 0);
	if (pid == 0)
		_exit(0);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	assert_false(says(pid, cgroup, status, note));
	assert_false(says(0, cgroup, status, note));
	assert_false(says(-1, cgroup, status, note));
	/* and one that is dead and not buried */
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0)
		_exit(0);
	assert_int_equal(waitid(P_PID, (id_t)pid, &(siginfo_t){ 0 }, WEXITED | WNOWAIT), 0);
	assert_false(says(pid, cgroup, status, note));
	assert_int_equal(waitpid(pid, NULL, 0), pid);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_session_from_another_host_is_remote),
		cmocka_unit_test(any_other_cgroup_is_none),
		cmocka_unit_test(the_process_is_that_users),
		cmocka_unit_test(each_line_of_the_note_counts),
		cmocka_unit_test(a_host_is_an_address_and_none_of_this_one),
		cmocka_unit_test(who_is_gone_is_from_nowhere),
	};

	return cmocka_run_group_tests_name("broker_login", tests, setup, teardown);
}
