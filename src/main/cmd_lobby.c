/* SPDX-License-Identifier: GPL-3.0-or-later */
/* twokey: sessions and tickets that name this person. */
#include "config.h"

#include "cmd.h"

#include "twokey/base/err.h"

#include "seat_args.h"

int
cmd_lobby(int argc, char **argv)
{
	struct seat_args a;
	struct err e;
	int ret = seat_args_parse(&a, SEAT_ARGS_JSON, argc, argv);

	if (ret != 0)
		return ret;
	if (a.words[0] != NULL)
		return cmd_usage("lobby", "the lobby takes no %s", a.words[0]);
	ret = a.json ? seat_lobby_json(&a.wish, &e) : seat_lobby(&a.wish, &e);
	return ret == 0 ? CMD_OK : cmd_fail(&e);
}
