/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "beside.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

#include "twokey/base/clock.h"

enum { TESTS_MAX = 64, AT_ONCE = 6, WORDS_MAX = 80 };

struct one {
	const struct CMUnitTest *test;
	FILE *said;
	pid_t pid;		/* 0: not started, or ended */
	bool over;
	int status;
	int64_t begun, took;	/* ms */
};

static struct {
	const char *name;
	int (*setup)(void **state);
	int (*teardown)(void **state);
	bool apart;		/* each test has its own */
	void *state;		/* what setup left */
	struct one one[TESTS_MAX];
	size_t n, begun, running;
} group;

static int
give_state(void **state)
{
	*state = group.state;
	return 0;
}

/* The process of one test: its own group of one, with its own words. */
static void
run(const struct one *o)
{
	const struct CMUnitTest *t = o->test;

	prctl(PR_SET_PDEATHSIG, SIGTERM);
	if (dup2(fileno(o->said), STDOUT_FILENO) < 0 || dup2(fileno(o->said), STDERR_FILENO) < 0)
		_exit(126);
	exit(group.apart ? _cmocka_run_group_tests(group.name, t, 1, group.setup, group.teardown) :
	    _cmocka_run_group_tests(group.name, t, 1, give_state, NULL));
}

static void
begin_next(void)
{
	struct one *o = &group.one[group.begun++];

	o->said = tmpfile();
	assert_non_null(o->said);
	fflush(NULL);
	o->begun = clock_mono_ms();
	o->pid = fork();
	assert_true(o->pid >= 0);
	if (o->pid == 0)
		run(o);
	group.running++;
}

static void
fill(void)
{
	while (group.running < AT_ONCE && group.begun < group.n)
		begin_next();
}

/* Until one of them has ended; servers of setup that end meanwhile are nobody's business here. */
static void
reap(void)
{
	int status;
	pid_t pid = waitpid(-1, &status, 0);

	assert_true(pid > 0);
	for (size_t i = 0; i < group.begun; i++)
		if (group.one[i].pid == pid) {
			group.one[i].pid = 0;
			group.one[i].over = true;
			group.one[i].status = status;
			group.one[i].took = clock_mono_ms() - group.one[i].begun;
			group.running--;
		}
	fill();
}

/* Its first words, before a sanitizer lists all that a failed test left; true when one of them is that it was skipped. */
static bool
tell(FILE *said, bool show)
{
	char line[1024];
	bool skipped = false;
	int lines = 0;

	rewind(said);
	while (fgets(line, sizeof line, said) != NULL) {
		skipped = skipped || strncmp(line, "[  SKIPPED ]", 12) == 0 || strncmp(line, "not ok 1 # SKIP", 15) == 0 ||
		    strncmp(line, "ok 1 # SKIP", 11) == 0;
		if (show && lines++ < WORDS_MAX)
			print_message("# %s", line);
	}
	if (lines > WORDS_MAX)
		print_message("# ... and %d lines more\n", lines - WORDS_MAX);
	fclose(said);
	return skipped;
}

/* What stands in the group in the place of a test. */
static void
its_end(void **state)
{
	struct one *o = *state;
	bool good, skipped;

	while (!o->over)
		reap();
	good = WIFEXITED(o->status) && WEXITSTATUS(o->status) == 0;
	skipped = tell(o->said, !good);
	print_message("# it took %lld ms\n", (long long)o->took);
	if (!good && WIFSIGNALED(o->status))
		fail_msg("ended by signal %d", WTERMSIG(o->status));
	if (!good)
		fail_msg("failed: its words are above");
	if (skipped)
		skip();
}

/* cmocka's own state stays empty: it would take the place of every test's. */
static int
begin_all(void **state)
{
	int ret = group.setup != NULL && !group.apart ? group.setup(&group.state) : 0;

	(void)state;
	if (ret == 0)
		fill();
	return ret;
}

static int
end_all(void **state)
{
	(void)state;
	return group.teardown != NULL && !group.apart ? group.teardown(&group.state) : 0;
}

static int
run_all(const char *name, const struct CMUnitTest *tests, size_t n)
{
	struct CMUnitTest shown[TESTS_MAX];

	if (n > TESTS_MAX) {
		fprintf(stderr, "%s: more than %d tests\n", name, TESTS_MAX);
		return 1;
	}
	group.name = name;
	group.n = n;
	for (size_t i = 0; i < n; i++) {
		group.one[i].test = &tests[i];
		shown[i] = (struct CMUnitTest){ tests[i].name, its_end, NULL, NULL, &group.one[i] };
	}
	return _cmocka_run_group_tests(name, shown, n, begin_all, end_all);
}

int
test_run_beside(const char *name, const struct CMUnitTest *tests, size_t n, int (*setup)(void **state),
    int (*teardown)(void **state))
{
	group.setup = setup;
	group.teardown = teardown;
	return run_all(name, tests, n);
}

int
test_run_apart(const char *name, const struct CMUnitTest *tests, size_t n, int (*setup)(void **state),
    int (*teardown)(void **state))
{
	group.setup = setup;
	group.teardown = teardown;
	group.apart = true;
	return run_all(name, tests, n);
}
