/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Tests that mostly wait, and know nothing of each other, run beside each other. */
#ifndef TESTS_LIB_BESIDE_H
#define TESTS_LIB_BESIDE_H

#include <stddef.h>

struct CMUnitTest;

/* cmocka_run_group_tests_name, but every test is a process of its own that begins with what setup left; several run at a
 * time, and what they say is told in the order of the table. What setup started is theirs together: each test takes
 * folders, tickets and rows of its own, and what it changes in memory only itself sees. */
int	test_run_beside(const char *name, const struct CMUnitTest *tests, size_t n, int (*setup)(void **state),
	    int (*teardown)(void **state));
/* The same, but setup and teardown are those of every test: each has its own of what they start. */
int	test_run_apart(const char *name, const struct CMUnitTest *tests, size_t n, int (*setup)(void **state),
	    int (*teardown)(void **state));

#endif
