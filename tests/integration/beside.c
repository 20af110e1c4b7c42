/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Tests that run beside each other are told as if they had run one after the other: what fails, dies or is skipped is not
 * lost. */
#include "config.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

#include "lib/beside.h"

static int left_by_setup = 1;

static int
setup(void **state)
{
	*state = &left_by_setup;
	left_by_setup = 7;
	return 0;
}

static void
sees_what_setup_left(void **state)
{
	assert_int_equal(**(int **)state, 7);
	left_by_setup = 8;	/* in its own process */
}

static void
fails(void **state)
{
	(void)state;
	fail_msg("the %s word", "telling");
}

static void
dies(void **state)
{
	(void)state;
	raise(SIGKILL);
}

static void
is_skipped(void **state)
{
	(void)state;
	skip();
}

static int
failing_setup(void **state)
{
	(void)state;
	return -1;
}

typedef int runner(const char *name, const struct CMUnitTest *tests, size_t n, int (*begin)(void **), int (*end)(void **));

/* Runs a group in another process; what it says. Its exit status. */
static int
said_by(runner *run, const struct CMUnitTest *tests, size_t n, int (*begin)(void **state), char *text, size_t size)
{
	FILE *said = tmpfile();
	int status;
	pid_t pid;

	assert_non_null(said);
	fflush(NULL);
	pid = fork();
	if (pid == 0) {
		dup2(fileno(said), STDOUT_FILENO);
		dup2(fileno(said), STDERR_FILENO);
		exit(run("inner", tests, n, begin, NULL));
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	rewind(said);
	text[fread(text, 1, size - 1, said)] = '\0';
	fclose(said);
	return WEXITSTATUS(status);
}

static void
good_ones_are_good(void **state)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(sees_what_setup_left), cmocka_unit_test(sees_what_setup_left) };
	char text[8192];

	(void)state;
	assert_int_equal(said_by(test_run_beside, tests, 2, setup, text, sizeof text), 0);
	assert_int_equal(said_by(test_run_apart, tests, 2, setup, text, sizeof text), 0);
}

static void
what_fails_dies_or_is_skipped_is_told(void **state)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(fails), cmocka_unit_test(sees_what_setup_left),
		cmocka_unit_test(is_skipped), cmocka_unit_test(dies), cmocka_unit_test(fails), cmocka_unit_test(sees_what_setup_left),
		cmocka_unit_test(sees_what_setup_left), cmocka_unit_test(sees_what_setup_left), cmocka_unit_test(sees_what_setup_left) };
	char text[16384];

	(void)state;
	assert_int_equal(said_by(test_run_beside, tests, sizeof tests / sizeof *tests, setup, text, sizeof text), 3);
	assert_non_null(strstr(text, "the telling word"));
	assert_non_null(strstr(text, "ended by signal 9"));
	assert_non_null(strstr(text, "SKIP"));
	assert_non_null(strstr(text, "is_skipped"));
}

static void
a_setup_that_fails_fails_the_group(void **state)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(sees_what_setup_left) };
	char text[8192];

	(void)state;
	assert_int_not_equal(said_by(test_run_beside, tests, 1, failing_setup, text, sizeof text), 0);
	assert_int_not_equal(said_by(test_run_apart, tests, 1, failing_setup, text, sizeof text), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(good_ones_are_good),
		cmocka_unit_test(what_fails_dies_or_is_skipped_is_told),
		cmocka_unit_test(a_setup_that_fails_fails_the_group),
	};

	return cmocka_run_group_tests_name("beside", tests, NULL, NULL);
}
