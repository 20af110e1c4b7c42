/* SPDX-License-Identifier: GPL-3.0-or-later */
/* twokey open TICKET: the driver's seat. */
#include "config.h"

#include "cmd.h"

#include "twokey/base/err.h"

#include "seat_args.h"

int
cmd_open(int argc, char **argv)
{
	struct seat_args a;
	struct err e;
	int ret = seat_args_parse(&a, SEAT_ARGS_JSON, argc, argv);

	if (ret != 0)
		return ret;
	if (a.words[0] == NULL)
		return cmd_usage("open", "name one ticket (its id in the broker's store, not a file)");
	if (a.words[1] != NULL)
		return cmd_usage("open", "%s is one argument too many: name one ticket", a.words[1]);
	a.wish.drive = true;
	a.wish.ticket = a.words[0];
	ret = a.json ? seat_json(&a.wish, &e) : seat_run(&a.wish, &e);
	return ret == 0 ? CMD_OK : cmd_fail(&e);
}
