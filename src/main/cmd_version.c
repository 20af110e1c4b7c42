/* SPDX-License-Identifier: GPL-3.0-or-later */
/* twokey version: what this is and how it was built. */
#include "config.h"

#include "cmd.h"

#include <stdio.h>

int
cmd_version(int argc, char **argv)
{
	(void)argv;
	if (argc > 1)
		return cmd_usage("version", "version takes no argument");
	printf("%s\n", PACKAGE_STRING);
#ifdef TWOKEY_FAULTS
	printf("built with fault points: for tests only\n");
#endif
	printf("licence: GPL-3.0-or-later\n");
	return CMD_OK;
}
