/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The subcommands of twokey: one table (cmd.def), one file each (cmd_NAME.c). */
#ifndef TWOKEY_MAIN_CMD_H
#define TWOKEY_MAIN_CMD_H

#include <stddef.h>
#include <stdio.h>

struct err;

/* What a subcommand exits with. */
enum cmd_exit {
	CMD_OK = 0,
	CMD_FAILED = 1,		/* the statement or the verification failed */
	CMD_USAGE = 2,		/* wrong call, or an input file that is none */
	CMD_REFUSED = 3,	/* refused, denied, void or expired */
	CMD_UNREACHABLE = 4,	/* broker, tunnel or database */
	CMD_INTERNAL = 5
};

struct cmd {
	const char *name;
	const char *arguments;
	const char *help;
	int (*run)(int argc, char **argv);	/* argv[0] is the subcommand; returns an enum cmd_exit */
};

/* The row of a subcommand, or NULL. */
const struct cmd *cmd_find(const char *name);
/* Row i, or NULL after the last. */
const struct cmd *cmd_at(size_t i);
/* "usage: twokey NAME ARGUMENTS" and the help to out. */
void	cmd_print(const struct cmd *c, FILE *out);
/* Says what is wrong with the call (a sentence without LF, may be NULL) and the usage, both on stderr; CMD_USAGE. */
int	cmd_usage(const char *name, const char *fmt, ...)
	    __attribute__((format(printf, 2, 3)));
/* The same for an option that the subcommand has not, and for an argument too many. */
int	cmd_no_option(const char *name, const char *option);
int	cmd_too_many(const char *name, const char *argument);
/* Says the error on stderr, rendered safe, and returns the exit that fits its code. */
int	cmd_fail(const struct err *e);
/* The exit that fits an ERR_* code. */
enum cmd_exit cmd_exit_of(int code);

#define CMD(function, name, arguments, help) int cmd_##function(int argc, char **argv);
#include "cmd.def"
#undef CMD

#endif
