/* SPDX-License-Identifier: GPL-3.0-or-later */
/* twokey train: practice for the second seat, on a sample database of its own and nothing else. */
#include "config.h"

#include "cmd.h"

#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "twokey/base/err.h"
#include "twokey/base/must.h"

#include "demo.h"
#include "train.h"

struct options {
	const char *dir;
	size_t n;
};

static int
parse(int argc, char **argv, struct options *o)
{
	static const struct option options[] = {
		{ "dir", required_argument, NULL, 'f' },
		{ "requests", required_argument, NULL, 'r' },
		{ NULL, 0, NULL, 0 }
	};
	char *end;
	int c;

	opterr = 0;
	while ((c = getopt_long(argc, argv, "+:", options, NULL)) != -1) {
		if (c == 'f') {
			o->dir = optarg;
		} else if (c == 'r') {
			o->n = strtoul(optarg, &end, 10);
			if (*end != '\0' || o->n < TRAIN_MIN || o->n > TRAIN_MAX)
				return cmd_usage("train", "--requests takes a number from %d to %d", TRAIN_MIN, TRAIN_MAX);
		} else {
			return cmd_usage("train", c == ':' ? "%s needs a value" : "%s is no option of train", argv[optind - 1]);
		}
	}
	return optind == argc ? CMD_OK : cmd_usage("train", "%s: train takes no argument", argv[optind]);
}

/* The console here, or a command for a terminal. The pid, 0: it is started by somebody else. */
static pid_t
start_second(const struct demo *d, struct err *e)
{
	char *socket = demo_path(d, "broker.sock");
	const char *argv[] = { d->twokey, "join", "--broker", socket, "--as", "anna", demo_ticket_id(d), NULL };
	pid_t pid = 0;

	unsetenv("TWOKEY_COACH");
	if (isatty(STDIN_FILENO) && isatty(STDOUT_FILENO)) {
		pid = demo_start(argv, e);
	} else {
		printf("This is no terminal. The second seat, on one:\n    ");
		for (size_t i = 0; argv[i] != NULL; i++)
			printf("%s%c", argv[i], argv[i + 1] != NULL ? ' ' : '\n');
		fflush(stdout);
	}
	free(socket);
	return pid;
}

static const char *
answer_word(const struct train_request *r)
{
	if (r->n == 0)
		return "not asked";
	return r->verdict > 0 ? "allowed" : r->verdict < 0 ? "denied" : "no answer";
}

static int
report(const struct train_request *v, size_t n)
{
	size_t wrong = 0, let = 0, right = 0, denied = 0;

	printf("\nTRAINING, %zu requests:\n", n);
	for (size_t i = 0; i < n; i++) {
		const struct train_request *r = &v[i];
		char took[24] = "-";

		if (r->read_us >= 0)
			snprintf(took, sizeof took, "%.1f s", (double)r->read_us / 1e6);
		printf("  #%-5" PRIu64 " %-9s  read %-8s %s%s\n", r->n, answer_word(r), took, r->wrong != NULL ? "WRONG: " : "right",
		    r->wrong != NULL ? r->wrong : "");
		wrong += r->wrong != NULL && r->n != 0;
		let += r->wrong != NULL && r->verdict > 0;
		right += r->wrong == NULL && r->n != 0;
		denied += r->wrong == NULL && r->verdict < 0;
	}
	printf("wrong ones let through: %zu of %zu; right ones denied: %zu of %zu\n", let, wrong, denied, right);
	return let > 0 ? CMD_FAILED : CMD_OK;
}

int
cmd_train(int argc, char **argv)
{
	struct options o = { .n = TRAIN_DEFAULT };
	struct demo d = { .train = true };
	struct train_request v[TRAIN_MAX];
	struct err e = { .text = "" };
	int status = parse(argc, argv, &o);
	pid_t second = 0;

	if (status != CMD_OK)
		return status;
	demo_fix_locale();
	demo_signal_watch();
	train_script(v, o.n);
	if (demo_prepare(&d, o.dir, &e) != 0)
		status = demo_signal() ? CMD_FAILED : cmd_fail(&e);
	else
		status = train_drive(&d, start_second, &second, v, o.n, &e) == 0 ? CMD_OK : cmd_fail(&e);
	if (second > 0)
		demo_wait(second);
	demo_broker_stop(&d);
	demo_tidy(&d);
	if (status == CMD_OK)
		status = report(v, o.n);
	if (d.dir)
		demo_print_end(&d);
	demo_free(&d);
	return status;
}
