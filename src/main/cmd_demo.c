/* SPDX-License-Identifier: GPL-3.0-or-later */
/* twokey demo: a private broker, a sample shop (or the person's own PostgreSQL), both consoles. */
#include "config.h"

#include "cmd.h"

#include <getopt.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "twokey/base/err.h"
#include "twokey/base/must.h"

#include "demo.h"

struct options {
	char *dsn;
	const char *dir;
	bool no_tmux;
};

static int
parse(int argc, char **argv, struct options *o)
{
	static const struct option options[] = {
		{ "dsn", required_argument, NULL, 'd' },
		{ "dir", required_argument, NULL, 'f' },
		{ "no-tmux", no_argument, NULL, 'n' },
		{ NULL, 0, NULL, 0 }
	};
	int c;

	opterr = 0;
	while ((c = getopt_long(argc, argv, "+:", options, NULL)) != -1) {
		if (c == 'd')
			o->dsn = optarg;
		else if (c == 'f')
			o->dir = optarg;
		else if (c == 'n')
			o->no_tmux = true;
		else
			return cmd_usage("demo", c == ':' ? "%s needs a value" : "%s is no option of demo", argv[optind - 1]);
	}
	return optind == argc ? CMD_OK : cmd_usage("demo", "%s: demo takes no argument", argv[optind]);
}

static bool
have_tmux(void)
{
	const char *path = getenv("PATH");
	char *copy = must_strdup(path ? path : ""), *rest = copy, *folder;
	bool found = false;

	while (!found && (folder = strsep(&rest, ":"))) {
		char program[4096];

		snprintf(program, sizeof(program), "%s/tmux", folder);
		found = folder[0] && access(program, X_OK) == 0;
	}
	free(copy);
	return found;
}

static int
prepare_dsn(struct demo *d, char *uri, struct err *e)
{
	int rc = demo_dsn_parse(uri, d->login, &d->dsn, e);

	if (demo_dsn_hide(uri))
		fprintf(stderr, "twokey: the password stood in this command, where others on this host could read it for a "
		    "moment,\n  and your shell may keep it; leave it out next time and it is asked for\n");
	else if (rc == 0)
		demo_dsn_ask(d->dsn);
	return rc;
}

static int
prepare(struct demo *d, const struct options *o, struct err *e)
{
	int rc = o->dsn ? demo_person(d, e) : 0;

	d->tmux = !o->no_tmux && have_tmux();
	if (rc == 0 && o->dsn)
		rc = prepare_dsn(d, o->dsn, e);
	return rc == 0 ? demo_prepare(d, o->dir, e) : rc;
}

int
cmd_demo(int argc, char **argv)
{
	struct options o = { .dsn = NULL };
	struct demo d = { .broker = 0 };
	struct err e = { .text = "" };
	int status = parse(argc, argv, &o);

	if (status != CMD_OK)
		return status;
	demo_fix_locale();
	demo_signal_watch();
	if (prepare(&d, &o, &e) != 0)
		status = demo_signal() ? CMD_FAILED : cmd_fail(&e);
	else
		status = demo_show(&d);
	demo_broker_stop(&d);
	demo_tidy(&d);
	if (d.dir)
		demo_print_end(&d);
	demo_free(&d);
	return status;
}
