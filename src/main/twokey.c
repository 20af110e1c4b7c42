/* SPDX-License-Identifier: GPL-3.0-or-later */
/* twokey: finds the subcommand and calls it. */
#include "config.h"

#include <locale.h>
#include <stdio.h>
#include <string.h>

#include "twokey/base/err.h"

#include "cmd.h"

static int
unknown(const char *name)
{
	struct err e;

	err_set(&e, ERR_INVALID, "there is no command \"%s\"; `twokey help` lists them", name);
	cmd_fail(&e);
	return CMD_USAGE;
}

int
main(int argc, char **argv)
{
	const struct cmd *c;

	setlocale(LC_ALL, "");
	if (argc < 2)
		return cmd_lobby(argc, argv);
	if (strcmp(argv[1], "--version") == 0)
		return cmd_version(argc - 1, argv + 1);
	if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0)
		return cmd_help(argc - 1, argv + 1);
	if (argv[1][0] == '-')
		return cmd_lobby(argc, argv);
	c = cmd_find(argv[1]);
	if (!c)
		return unknown(argv[1]);
	for (int i = 2; i < argc; i++)
		if (strcmp(argv[i], "--help") == 0 || (i == 2 && strcmp(argv[i], "-h") == 0)) {
			cmd_print(c, stdout);
			return CMD_OK;
		}
	return c->run(argc - 1, argv + 1);
}
