/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "seat_args.h"

#include <string.h>

#include "twokey/base/text.h"

#include "cmd.h"

/* The value of an option: behind "=", or the next argument. NULL when there is none. */
static const char *
value(int argc, char **argv, int *i, size_t len)
{
	if (argv[*i][len] == '=')
		return argv[*i] + len + 1;
	return *i + 1 < argc ? argv[++*i] : NULL;
}

static bool
is_option(const char *arg, const char *name)
{
	size_t n = strlen(name);

	return strncmp(arg, name, n) == 0 && (arg[n] == '\0' || arg[n] == '=');
}

/* Where the value of this option goes; NULL when the command does not take it. */
static const char **
slot(struct seat_args *a, unsigned takes, const char *arg, size_t *len)
{
	const struct {
		const char *name;
		const char **to;
		bool taken;
	} options[] = {
		{ "--broker", &a->wish.broker, true },
		{ "--socket", &a->wish.broker, true },
		{ "--as", &a->wish.as, true },
		{ "--from", &a->from, (takes & SEAT_ARGS_FROM) != 0 },
		{ "--digest", &a->digest, (takes & SEAT_ARGS_DIGEST) != 0 },
		{ "-m", &a->text, (takes & SEAT_ARGS_TEXT) != 0 },
	};

	for (size_t i = 0; i < sizeof options / sizeof options[0]; i++)
		if (options[i].taken && is_option(arg, options[i].name)) {
			*len = strlen(options[i].name);
			return options[i].to;
		}
	return NULL;
}

/* Names go into JSON lines; a path may be any bytes. */
static bool
is_text(const struct seat_args *a)
{
	const char *const names[] = { a->wish.as, a->digest, a->words[0], a->words[1] };

	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
		if (names[i] != NULL && !text_is_utf8(names[i], strlen(names[i])))
			return false;
	return true;
}

int
seat_args_parse(struct seat_args *a, unsigned takes, int argc, char **argv)
{
	const char *name = argc > 0 && cmd_find(argv[0]) != NULL ? argv[0] : "lobby";
	size_t words = 0, len;

	memset(a, 0, sizeof *a);
	for (int i = 1; i < argc; i++) {
		const char *option = argv[i], **to = slot(a, takes, option, &len);

		if (to != NULL) {
			*to = value(argc, argv, &i, len);
			if (*to == NULL || **to == '\0')
				return cmd_usage(name, "%.*s needs a value", (int)len, option);
		} else if ((takes & SEAT_ARGS_JSON) && strcmp(argv[i], "--json") == 0) {
			a->json = true;
		} else if ((takes & SEAT_ARGS_WATCH) && strcmp(argv[i], "--watch") == 0) {
			a->watch = true;
		} else if (argv[i][0] == '-') {
			return cmd_no_option(name, argv[i]);
		} else if (words < sizeof a->words / sizeof a->words[0] - 1) {
			a->words[words++] = argv[i];
		} else {
			return cmd_too_many(name, argv[i]);
		}
	}
	if (!is_text(a))
		return cmd_usage(name, "a name in this call is no text in UTF-8");
	return 0;
}
