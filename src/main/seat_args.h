/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The options that open, join, lobby and ticket share. */
#ifndef TWOKEY_MAIN_SEAT_ARGS_H
#define TWOKEY_MAIN_SEAT_ARGS_H

#include <stdbool.h>

#include "twokey/console/seat.h"

struct seat_args {
	struct seat_wish wish;	/* broker and as are filled */
	bool json;
	bool watch;
	const char *from;	/* ticket new --from */
	const char *digest;	/* ticket accept --digest */
	const char *text;	/* settle -m */
	const char *words[3];	/* what is no option, in order; NULL after the last */
};

/* Which options a command takes besides --broker (or --socket) and --as: a set. */
enum { SEAT_ARGS_JSON = 1, SEAT_ARGS_WATCH = 2, SEAT_ARGS_FROM = 4, SEAT_ARGS_DIGEST = 8, SEAT_ARGS_TEXT = 16 };

/* 0, or the exit of a wrong call, which has been said. argv[0] is the command's name. */
int	seat_args_parse(struct seat_args *a, unsigned takes, int argc, char **argv);

#endif
