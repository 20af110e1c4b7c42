/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Interfaces and routes in network namespaces made here: the check sends nothing and believes the kernel only. */
#include "config.h"

#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "broker/via.h"
#include "twokey/base/err.h"

/* Runs in a namespace of its own; the exit status: 0 well, 77 not permitted here. */
static int
in_namespace(const char *commands, int (*look)(void))
{
	int status = -1;
	pid_t pid = fork();

	if (pid == 0) {
		if (unshare(CLONE_NEWNET) != 0 && unshare(CLONE_NEWUSER | CLONE_NEWNET) != 0)
			_exit(77);
		if (system(commands) != 0)
			_exit(78);
		_exit(look());
	}
	assert_true(pid > 0 && waitpid(pid, &status, 0) == pid && WIFEXITED(status));
	return WEXITSTATUS(status);
}

static int
says(int ret, const struct err *e, const char *words)
{
	if (ret == ERR_UNREACHABLE && strstr(e->text, words) != NULL)
		return 0;
	fprintf(stderr, "# %d \"%s\" does not say \"%s\"\n", ret, ret != 0 ? e->text : "", words);
	return 1;
}

static int
look_up(void)
{
	struct err e;

	if (via_check("tk0", "10.99.0.2", 5432, &e) != 0) {
		fprintf(stderr, "# %s\n", e.text);
		return 1;
	}
	return says(via_check("tk0", "192.0.2.7", 5432, &e), &e, "no route") ||
	    says(via_check("lo", "10.99.0.2", 5432, &e), &e, "over tk0 and not over lo") ||
	    says(via_check("tk9", "10.99.0.2", 5432, &e), &e, "no interface tk9");
}

static int
look_down(void)
{
	struct err e;

	return says(via_check("tk0", "10.99.0.2", 5432, &e), &e, "is down");
}

static int
look_around(void)
{
	struct err e;

	/* a more specific route takes the host away from the VPN */
	return says(via_check("tk0", "10.99.0.2", 5432, &e), &e, "over tk2 and not over tk0");
}

static void
run(const char *commands, int (*look)(void))
{
	int status = in_namespace(commands, look);

	if (status == 77) {
		print_message("# skipped: this kernel lets nobody make a network namespace here\n");
		skip();
	}
	assert_int_equal(status, 0);
}

#define UP "ip link set lo up && ip link add tk0 type veth peer name tk1 && ip addr add 10.99.0.1/24 dev tk0 && " \
	"ip link set tk0 up && ip link set tk1 up && " \
	"i=0; until ip link show tk0 | grep -q 'state UP' || [ $i -ge 100 ]; do i=$((i + 1)); sleep 0.1; done"

static void
the_interface_that_holds_the_route_is_taken(void **state)
{
	(void)state;
	run(UP, look_up);
}

static void
an_interface_that_is_down_is_refused(void **state)
{
	(void)state;
	run(UP " && ip link set tk0 down", look_down);
}

static void
another_route_is_refused(void **state)
{
	(void)state;
	run(UP " && ip link add tk2 type veth peer name tk3 && ip addr add 10.98.0.1/24 dev tk2 && ip link set tk2 up && "
	    "ip link set tk3 up && ip route add 10.99.0.2/32 via 10.98.0.2", look_around);
}

static void
wireguard_is_an_interface_like_others(void **state)
{
	int status;

	(void)state;
	status = in_namespace("ip link set lo up && ip link add tk0 type wireguard 2>/dev/null && "
	    "ip addr add 10.99.0.1/24 dev tk0 && ip link set tk0 up", look_up);
	if (status == 77 || status == 78) {
		print_message("# skipped: this kernel has no wireguard\n");
		skip();
	}
	assert_int_equal(status, 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_interface_that_holds_the_route_is_taken),
		cmocka_unit_test(an_interface_that_is_down_is_refused),
		cmocka_unit_test(another_route_is_refused),
		cmocka_unit_test(wireguard_is_an_interface_like_others),
	};

	return cmocka_run_group_tests_name("broker_via", tests, NULL, NULL);
}
