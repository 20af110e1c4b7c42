/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "twokey/base/err.h"

#include "main/cmd.h"

/* The table wants the functions; they are not called here. */
#define CMD(function, name, arguments, help) \
	int \
	cmd_##function(int argc, char **argv) \
	{ \
		(void)argc; \
		(void)argv; \
		return CMD_OK; \
	}
#include "main/cmd.def"
#undef CMD

static void
finds_every_row_by_its_name_and_nothing_else(void **state)
{
	const struct cmd *c;
	size_t i;

	(void)state;
	for (i = 0; (c = cmd_at(i)); i++)
		assert_ptr_equal(cmd_find(c->name), c);
	assert_true(i > 5);
	assert_null(cmd_find(""));
	assert_null(cmd_find("ope"));
	assert_null(cmd_find("openx"));
}

struct row {
	int code;
	enum cmd_exit want;
};

static void
exits_as_the_manual_says_for_every_error(void **state)
{
	static const struct row rows[] = {
		{ ERR_OK, CMD_OK }, { ERR_STATEMENT, CMD_FAILED }, { ERR_BROKEN, CMD_FAILED }, { ERR_CONFIG, CMD_USAGE },
		{ ERR_INVALID, CMD_USAGE }, { ERR_DENIED, CMD_REFUSED }, { ERR_SEAT, CMD_REFUSED },
		{ ERR_BOUND, CMD_REFUSED }, { ERR_UNREACHABLE, CMD_UNREACHABLE }, { ERR_CLOSED, CMD_UNREACHABLE },
		{ ERR_BUG, CMD_INTERNAL }, { ERR_FULL, CMD_INTERNAL }, { -1, CMD_INTERNAL }
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (cmd_exit_of(rows[i].code) != rows[i].want)
			fail_msg("%s: exit %d", err_name(rows[i].code), (int)cmd_exit_of(rows[i].code));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(finds_every_row_by_its_name_and_nothing_else),
		cmocka_unit_test(exits_as_the_manual_says_for_every_error)
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
