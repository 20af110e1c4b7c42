/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Stands in for a subcommand whose file is not there yet. */
#include "config.h"

#include "cmd.h"

#define CMD(function, name, arguments, help) \
	__attribute__((weak)) int \
	cmd_##function(int argc, char **argv) \
	{ \
		(void)argc; \
		(void)argv; \
		fprintf(stderr, "twokey: %s is not there yet\n", name); \
		return CMD_INTERNAL; \
	}
#include "cmd.def"
#undef CMD
