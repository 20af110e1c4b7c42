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

	for (int i = 1; i < argc; i++)
		if (argv[i][0] == '-')
			return cmd_no_option("replay", argv[i]);
	if (argc < 2)
		return cmd_usage("replay", "name the file of a transcript");
	if (argc > 2)
		return cmd_too_many("replay", argv[2]);
	return replay_run(argv[1], &e) == 0 ? CMD_OK : cmd_fail(&e);
}
