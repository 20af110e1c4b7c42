/* SPDX-License-Identifier: GPL-3.0-or-later */
/* twokey show: a transcript as plain text on standard output. */
#include "config.h"

#include "cmd.h"

#include <stdlib.h>
#include <string.h>

#include "twokey/base/err.h"
#include "twokey/console/show.h"

/* "--width N" or "--width=N" at argv[*i]; false when the value is none. */
static bool
take_width(int argc, char **argv, int *i, int *width)
{
	const char *value = strcmp(argv[*i], "--width") == 0 ? argv[++*i] : argv[*i] + 8;
	char *end;
	long n;

	if (*i >= argc || value == NULL || *value == '\0')
		return false;
	n = strtol(value, &end, 10);
	if (*end != '\0' || n < SHOW_WIDTH_MIN || n > SHOW_WIDTH_MAX)
		return false;
	*width = (int)n;
	return true;
}

int
cmd_show(int argc, char **argv)
{
	const char *path = NULL;
	int width = SHOW_WIDTH;
	struct transcript_report r;
	struct err e;

	for (int i = 1; i < argc; i++) {
		if (strcmp(argv[i], "--width") == 0 || strncmp(argv[i], "--width=", 8) == 0) {
			if (argv[i][7] == '\0' && i + 1 == argc)
				return cmd_usage("show", "--width needs a value");
			if (!take_width(argc, argv, &i, &width))
				return cmd_usage("show", "--width takes a number from %d to %d", SHOW_WIDTH_MIN,
				    SHOW_WIDTH_MAX);
		} else if (argv[i][0] == '-' && argv[i][1] != '\0') {
			return cmd_no_option("show", argv[i]);
		} else if (path != NULL) {
			return cmd_too_many("show", argv[i]);
		} else {
			path = argv[i];
		}
	}
	if (path == NULL)
		return cmd_usage("show", "name the file of a transcript");
	if (show_file(path, width, stdout, &r, &e) != 0)
		return cmd_fail(&e);
	return r.verdict == TRANSCRIPT_BROKEN ? CMD_FAILED : CMD_OK;
}
