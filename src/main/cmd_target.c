/* SPDX-License-Identifier: GPL-3.0-or-later */
/* twokey target check NAME: for the operator of the broker's host. The walk is twokeyd's, which alone links tunnels and
 * databases; this program only finds it. */
#include "config.h"

#include "cmd.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "programs.h"
#include "twokey/base/err.h"

int
cmd_target(int argc, char **argv)
{
	const char *config = "/etc/twokey/twokeyd.yaml", *name = NULL;
	char *twokey = NULL, *twokeyd = NULL;
	bool private_mode = geteuid() != 0;
	struct err e;

	if (argc < 2)
		return cmd_usage(argv[0], "say what to do with a target: check");
	if (strcmp(argv[1], "check") != 0)
		return cmd_usage(argv[0], "a target can be checked; there is no \"%s\"", argv[1]);
	for (int i = 2; i < argc; i++) {
		if (strcmp(argv[i], "--config") == 0 && i + 1 < argc)
			config = argv[++i];
		else if (strcmp(argv[i], "--private") == 0)
			private_mode = true;
		else if (strcmp(argv[i], "--config") == 0)
			return cmd_usage(argv[0], "--config needs a value");
		else if (argv[i][0] == '-')
			return cmd_no_option(argv[0], argv[i]);
		else if (name != NULL)
			return cmd_too_many(argv[0], argv[i]);
		else
			name = argv[i];
	}
	if (name == NULL)
		return cmd_usage(argv[0], "name the target, as the configuration does");
	if (programs_find(&twokey, &twokeyd, &e) != 0)
		return cmd_fail(&e);
	execlp(twokeyd, "twokeyd", "--config", config, "--check-target", name, private_mode ? "--private" : (char *)NULL,
	    (char *)NULL);
	err_sys(&e, "starting %s", twokeyd);
	free(twokey);
	free(twokeyd);
	return cmd_fail(&e);
}
