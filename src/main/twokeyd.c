/* SPDX-License-Identifier: GPL-3.0-or-later */
/* twokeyd: the broker. Wiring only. */
#include "config.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "twokey/base/buf.h"
#include "twokey/base/err.h"
#include "twokey/base/text.h"
#include "twokey/broker/broker.h"
#include "twokey/ticket/config.h"

#include "demo_shop.h"
#include "twokeyd_ticket.h"

enum { OPT_ROLE = 256, OPT_UID, OPT_GID, OPT_MAKE_DEMO, OPT_CHECK_TARGET, OPT_READ_TICKET };

static const struct option options[] = {
	{ "config", required_argument, NULL, 'c' },
	{ "private", no_argument, NULL, 'p' },
	{ "demo", no_argument, NULL, 'd' },
	{ "check", no_argument, NULL, 'n' },
	{ "check-target", required_argument, NULL, OPT_CHECK_TARGET },
	{ "read-ticket", no_argument, NULL, OPT_READ_TICKET },
	{ "help", no_argument, NULL, 'h' },
	{ "version", no_argument, NULL, 'V' },
	{ "role", required_argument, NULL, OPT_ROLE },
	{ "uid", required_argument, NULL, OPT_UID },
	{ "gid", required_argument, NULL, OPT_GID },
	{ "make-demo", required_argument, NULL, OPT_MAKE_DEMO },
	{ NULL, 0, NULL, 0 }
};

static int
usage(FILE *to, int status)
{
	fputs("usage: twokeyd [--config FILE] [--private [--demo]] [--check | --check-target NAME | --read-ticket]\n"
	    "  --config FILE  the configuration (default /etc/twokey/twokeyd.yaml)\n"
	    "  --private      one login: no users of its own for the roles\n"
	    "  --demo         with --private: consoles may say who they are; nobody is verified\n"
	    "  --check        read the configuration, say what is wrong, end\n"
	    "  --check-target NAME\n"
	    "                 walk the way to a target, say what is found and what failed where, end\n"
	    "  --read-ticket  read a ticket from standard input, print as JSON what it asks of answers, end\n", to);
	return status;
}

static int
wrong(const char *what, const char *why)
{
	struct buf b;

	buf_init(&b, 64 * 1024);
	text_safe(&b, what, strlen(what), TEXT_ONE_LINE);
	fprintf(stderr, "twokeyd: %s %s\n", buf_str(&b), why);
	buf_fini(&b);
	return usage(stderr, 2);
}

/* The words may be a server's (law 9). */
static int
fail(const struct err *e)
{
	struct buf b;

	buf_init(&b, 64 * 1024);
	text_safe(&b, e->text, strlen(e->text), TEXT_LINES);
	fprintf(stderr, "twokeyd: %s\n", buf_str(&b));
	buf_fini(&b);
	if (e->code == ERR_CONFIG || e->code == ERR_NOT_FOUND)
		return 2;
	return err_fault_of(e->code) == ERR_FAULT_BUG ? 5 : 4;
}

static int
run(const char *path, struct broker_options *o, bool check, const char *target)
{
	struct config *c = NULL;
	struct err e;
	int ret = config_read(path, &c, &e);

	if (ret != 0) {
		if (ret == ERR_NOT_FOUND)
			err_set(&e, ERR_NOT_FOUND, "there is no configuration %s; name it with --config FILE", path);
		(void)fail(&e);
		return 2;
	}
	o->config = c;
	if (check)
		printf("%s: %zu people, %zu targets: good\n", path, c->npeople, c->ntargets);
	else if (target != NULL)
		ret = broker_check_target(o, target, &e);
	else
		ret = broker_run(o, &e);
	config_free(c);
	return ret == 0 ? 0 : fail(&e);
}

int
main(int argc, char **argv)
{
	const char *config = "/etc/twokey/twokeyd.yaml", *role = NULL, *make_demo = NULL, *target = NULL;
	struct broker_options o = { 0 };
	uid_t uid = (uid_t)-1;
	gid_t gid = (gid_t)-1;
	bool check = false;
	struct err e;
	int opt;

	umask(077);
	while ((opt = getopt_long(argc, argv, "c:h", options, NULL)) != -1) {
		switch (opt) {
		case 'c': config = optarg; break;
		case 'p': o.private_mode = true; break;
		case 'd': o.demo = true; break;
		case 'n': check = true; break;
		case 'h': return usage(stdout, 0);
		case 'V': puts("twokeyd " PACKAGE_VERSION); return 0;
		case OPT_ROLE: role = optarg; break;
		case OPT_UID: uid = (uid_t)strtol(optarg, NULL, 10); break;
		case OPT_GID: gid = (gid_t)strtol(optarg, NULL, 10); break;
		case OPT_MAKE_DEMO: make_demo = optarg; break;
		case OPT_CHECK_TARGET: target = optarg; break;
		case OPT_READ_TICKET: return twokeyd_read_ticket(&e) == 0 ? 0 : fail(&e);
		default: return usage(stderr, 2);
		}
	}
	if (optind != argc)
		return wrong(argv[optind], "is one argument too many");
	if (o.demo && !o.private_mode)
		return wrong("--demo", "goes with --private only");
	if (role != NULL)
		return broker_role(role, uid, gid);
	if (make_demo != NULL)
		return demo_shop_write(make_demo, &e) == 0 ? 0 : fail(&e);
	return run(config, &o, check, target);
}
