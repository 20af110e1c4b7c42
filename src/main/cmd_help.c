/* SPDX-License-Identifier: GPL-3.0-or-later */
/* twokey help: the table of subcommands, as text. */
#include "config.h"

#include "cmd.h"

#include <stdio.h>

static int
list(void)
{
	const struct cmd *c;

	printf("usage: twokey [COMMAND [ARGUMENTS]]\n\n");
	for (size_t i = 0; (c = cmd_at(i)); i++)
		printf("  %-9s %s\n", c->name, c->help);
	printf("\n`twokey help COMMAND` says how to call one; twokey(1) says it all.\n");
	return ferror(stdout) ? CMD_INTERNAL : CMD_OK;
}

int
cmd_help(int argc, char **argv)
{
	const struct cmd *c;

	if (argc < 2)
		return list();
	if (argc > 2)
		return cmd_usage("help", "one command at a time");
	c = cmd_find(argv[1]);
	if (!c)
		return cmd_usage("help", "there is no command \"%s\"; `twokey help` lists them", argv[1]);
	cmd_print(c, stdout);
	return CMD_OK;
}
