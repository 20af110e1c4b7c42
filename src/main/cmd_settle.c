/* SPDX-License-Identifier: GPL-3.0-or-later */
/* twokey settle SESSION committed|aborted -m WHY: what became of a change whose outcome stayed unknown. */
#include "config.h"

#include "cmd.h"

#include <stdio.h>
#include <string.h>

#include "twokey/base/err.h"
#include "twokey/base/text.h"
#include "twokey/console/link.h"

#include "seat_args.h"

/* What is missing in the call, or NULL. */
static const char *
missing(const struct seat_args *a)
{
	if (a->words[0] == NULL || a->words[1] == NULL)
		return "name the session and what became of its change: committed or aborted";
	if (strcmp(a->words[1], "committed") != 0 && strcmp(a->words[1], "aborted") != 0)
		return "a change is committed or aborted";
	if (a->text == NULL)
		return "say how you know it: -m \"...\"";
	return text_is_utf8(a->text, strlen(a->text)) ? NULL : "what -m says is no text in UTF-8";
}

int
cmd_settle(int argc, char **argv)
{
	struct seat_args a;
	struct err e;
	struct link *l;
	json_t *re;
	int ret = seat_args_parse(&a, SEAT_ARGS_TEXT, argc, argv);

	if (ret != 0)
		return ret;
	if (missing(&a) != NULL)
		return cmd_usage("settle", "%s", missing(&a));
	l = seat_connect(&a.wish, false, &e);
	if (l == NULL)
		return cmd_fail(&e);
	re = link_ask(l, "settle", json_pack("{s:s, s:s, s:s}", "session", a.words[0], "is", a.words[1], "why", a.text), &e);
	link_close(l);
	if (re == NULL)
		return cmd_fail(&e);
	printf("settled: %s; it is on record, and the transcript is being sealed\n", a.words[1]);
	json_decref(re);
	return CMD_OK;
}
