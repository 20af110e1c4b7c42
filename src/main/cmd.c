/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "cmd.h"

#include <stdarg.h>
#include <string.h>

#include "twokey/base/buf.h"
#include "twokey/base/err.h"
#include "twokey/base/text.h"

static const struct cmd cmds[] = {
#define CMD(function, name, arguments, help) { name, arguments, help, cmd_##function },
#include "cmd.def"
#undef CMD
};
enum { NCMDS = sizeof(cmds) / sizeof(cmds[0]) };

const struct cmd *
cmd_at(size_t i)
{
	return i < NCMDS ? &cmds[i] : NULL;
}

const struct cmd *
cmd_find(const char *name)
{
	for (size_t i = 0; i < NCMDS; i++)
		if (strcmp(cmds[i].name, name) == 0)
			return &cmds[i];
	return NULL;
}

void
cmd_print(const struct cmd *c, FILE *out)
{
	fprintf(out, "usage: twokey %s%s%s\n", c->name, c->arguments[0] ? " " : "", c->arguments);
	fprintf(out, "  %s\n", c->help);
}

/* Arguments and errors may hold bytes of others (law 9). */
static void
say(const char *text)
{
	struct buf b;

	buf_init(&b, 8192);
	text_safe(&b, text, strlen(text), TEXT_LINES);
	fprintf(stderr, "twokey: %s\n", buf_str(&b));
	buf_fini(&b);
}

int
cmd_usage(const char *name, const char *fmt, ...)
{
	const struct cmd *c = cmd_find(name);

	if (fmt) {
		char text[1024];
		va_list ap;

		va_start(ap, fmt);
		vsnprintf(text, sizeof(text), fmt, ap);
		va_end(ap);
		say(text);
	}
	if (c)
		cmd_print(c, stderr);
	return CMD_USAGE;
}

int
cmd_no_option(const char *name, const char *option)
{
	return cmd_usage(name, "there is no option %s here", option);
}

int
cmd_too_many(const char *name, const char *argument)
{
	return cmd_usage(name, "%s is one argument too many", argument);
}

int
cmd_fail(const struct err *e)
{
	say(e->text);
	return cmd_exit_of(e->code);
}

enum cmd_exit
cmd_exit_of(int code)
{
	switch ((enum err_code)code) {
	case ERR_OK:
		return CMD_OK;
	case ERR_STATEMENT:
	case ERR_CANCELLED:
	case ERR_WALL:
	case ERR_UNKNOWN:
	case ERR_BROKEN:
		return CMD_FAILED;
	case ERR_INVALID:
	case ERR_TOO_LARGE:
	case ERR_NOT_FOUND:
	case ERR_EXISTS:
	case ERR_CONFIG:
		return CMD_USAGE;
	case ERR_SEAT:
	case ERR_STATE:
	case ERR_DENIED:
	case ERR_BOUND:
	case ERR_UNSUPPORTED:
		return CMD_REFUSED;
	case ERR_DATABASE:
	case ERR_UNREACHABLE:
	case ERR_CLOSED:
		return CMD_UNREACHABLE;
	case ERR_SYSTEM:
	case ERR_FULL:
	case ERR_BUG:
	case ERR_FIRST_UNUSED_:
	case ERR_LAST_UNUSED_:
		break;
	}
	return CMD_INTERNAL;
}
