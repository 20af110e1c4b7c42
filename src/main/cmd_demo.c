/* SPDX-License-Identifier: GPL-3.0-or-later */
/* twokey demo: a private broker, a sample shop (or the person's own PostgreSQL), both consoles. */
#include "config.h"

#include "cmd.h"

#include <getopt.h>
#include <langinfo.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "twokey/base/err.h"
#include "twokey/base/must.h"

#include "demo.h"
#include "programs.h"

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

/* The consoles want UTF-8; a login without a locale gets the one that is always there. */
static void
fix_locale(void)
{
	if (strcmp(nl_langinfo(CODESET), "UTF-8") == 0)
		return;
	unsetenv("LC_ALL");
	setenv("LC_CTYPE", "C.UTF-8", 1);
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
make_shop(const struct demo *d, struct err *e)
{
	char *shop = demo_path(d, "shop.db");
	const char *argv[] = { d->twokeyd, "--make-demo", shop, NULL };
	int status = demo_run(argv, e);

	free(shop);
	if (status > 0)
		return err_set(e, ERR_SYSTEM, "%s could not make the sample shop", d->twokeyd);
	return status;
}

static int
prepare(struct demo *d, const struct options *o, struct err *e)
{
	const struct passwd *pw = getpwuid(getuid());
	int rc;

	if (!pw)
		return err_set(e, ERR_SYSTEM, "user id %lu has no login name; the broker knows people by theirs",
		    (unsigned long)getuid());
	d->login = pw->pw_name;
	d->tmux = !o->no_tmux && have_tmux();
	rc = o->dsn ? prepare_dsn(d, o->dsn, e) : 0;
	if (rc == 0)
		rc = programs_find(&d->twokey, &d->twokeyd, e);
	if (rc == 0)
		rc = demo_folder(d, o->dir, e);
	if (rc == 0 && !d->dsn)
		rc = make_shop(d, e);
	if (rc == 0)
		rc = demo_write_config(d, e);
	if (rc == 0)
		rc = demo_broker_start(d, e);
	if (rc == 0)
		rc = demo_ticket_accept(d, e);
	return rc;
}

static void
print_end(const struct demo *d)
{
	const char *runtime = getenv("XDG_RUNTIME_DIR");
	char *transcript = demo_transcript(d);

	if (transcript) {
		printf("\nThe transcript: %s\n", transcript);
		printf("    %s verify %s\n", d->twokey, transcript);
		printf("    %s replay %s\n", d->twokey, transcript);
		printf("    %s show %s\n", d->twokey, transcript);
	}
	printf("Everything of this demo is in %s\n", d->dir);
	if (runtime && runtime[0] && strncmp(d->dir, runtime, strlen(runtime)) == 0)
		printf("(a folder that goes when you log out)\n");
	free(transcript);
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
	fix_locale();
	demo_signal_watch();
	if (prepare(&d, &o, &e) != 0)
		status = demo_signal() ? CMD_FAILED : cmd_fail(&e);
	else
		status = demo_show(&d);
	demo_broker_stop(&d);
	demo_tidy(&d);
	if (d.dir)
		print_end(&d);
	demo_dsn_free(d.dsn);
	free(d.dir);
	free(d.twokey);
	free(d.twokeyd);
	return status;
}
