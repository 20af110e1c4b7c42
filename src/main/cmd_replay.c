/* SPDX-License-Identifier: GPL-3.0-or-later */
/* twokey replay: a transcript on the screen. */
#include "config.h"

#include "cmd.h"

#include "twokey/base/err.h"
#include "twokey/console/replay.h"

int
cmd_replay(int argc, char **argv)
{
	struct err e;

	if (argc != 2 || argv[1][0] == '-')
		return cmd_usage("replay", argc == 2 ? "replay has no options" : "replay takes the file of a transcript");
	if (replay_run(argv[1], &e) != 0) {
		int code = cmd_fail(&e);

		return e.code == ERR_UNSUPPORTED ? CMD_USAGE : code;
	}
	return CMD_OK;
}
