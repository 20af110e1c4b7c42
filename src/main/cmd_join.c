/* SPDX-License-Identifier: GPL-3.0-or-later */
/* twokey join [SESSION|TICKET]: the second seat, or a watcher's. */
#include "config.h"

#include "cmd.h"

#include <string.h>

#include "twokey/base/err.h"

#include "seat_args.h"

int
cmd_join(int argc, char **argv)
{
	struct seat_args a;
	struct err e;
	int ret = seat_args_parse(&a, SEAT_ARGS_JSON | SEAT_ARGS_WATCH, argc, argv);

	if (ret != 0)
		return ret;
	if (a.words[1] != NULL)
		return cmd_usage("join", "%s is one argument too many: name one session or ticket", a.words[1]);
	a.wish.watch = a.watch;
	/* the broker names sessions "s-..." */
	if (a.words[0] != NULL && strncmp(a.words[0], "s-", 2) == 0)
		a.wish.session = a.words[0];
	else
		a.wish.ticket = a.words[0];
	ret = a.json ? seat_json(&a.wish, &e) : seat_run(&a.wish, &e);
	return ret == 0 ? CMD_OK : cmd_fail(&e);
}
