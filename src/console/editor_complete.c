/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Completion from names that were seen: it never asks the database. */
#include "config.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <readline/readline.h>

#include "twokey/base/must.h"

#include "editor_priv.h"
#include "keys.h"

static struct editor *completing;
static int completing_from;	/* where in the line the word begins */

static const char *const words[] = {
	"select", "from", "where", "group by", "order by", "limit", "join", "left join", "having",
	"insert into", "values", "update", "set", "delete from", "distinct", "between", "is null",
	"is not null", "exists", "explain", "count(*)",
};

/* The i-th thing that can be completed; NULL after the last. */
static const char *
candidate(size_t i)
{
	size_t nwords = sizeof words / sizeof words[0];

	if (rl_line_buffer[0] == '\\' && completing_from <= 1)
		return key_word(i);
	if (i < completing->nnames)
		return completing->names[i];
	if (rl_line_buffer[0] == '\\')
		return NULL;	/* behind a \word only names */
	i -= completing->nnames;
	return i < nwords ? words[i] : NULL;
}

static char *
next_match(const char *text, int state)
{
	static size_t at;
	size_t n = strlen(text);
	const char *c;

	if (state == 0)
		at = 0;
	while ((c = candidate(at)) != NULL) {
		at++;
		if (strncasecmp(c, text, n) == 0)
			return must_strdup(c);
	}
	return NULL;
}

static char **
complete(const char *text, int start, int end)
{
	completing_from = start;
	rl_attempted_completion_over = 1;	/* never names of files */
	rl_completion_append_character = '\0';
	return completing->mode == EDITOR_SQL ? rl_completion_matches(text, next_match) : NULL;
}

static void
offer(char **matches, int n, int longest)
{
	editor_offers_drop(completing);
	completing->offers = must_zalloc((size_t)n * sizeof *completing->offers);
	for (int i = 1; i <= n; i++)
		completing->offers[completing->noffers++] = must_strdup(matches[i]);
}

void
editor_complete_init(struct editor *ed)
{
	completing = ed;
	rl_attempted_completion_function = complete;
	rl_completion_display_matches_hook = offer;
	rl_completer_word_break_characters = " \t\n\"\\'`@$><=;|&{(),.";
	rl_completer_quote_characters = NULL;
	rl_completion_query_items = -1;
}

void
editor_offers_drop(struct editor *ed)
{
	for (size_t i = 0; i < ed->noffers; i++)
		free(ed->offers[i]);
	free(ed->offers);
	ed->offers = NULL;
	ed->noffers = 0;
}

size_t
editor_offers(const struct editor *ed, const char *const **offers)
{
	*offers = (const char *const *)ed->offers;
	return ed->noffers;
}

/* Only plain names: completing another one would need its quotes. */
static bool
is_plain(const char *s, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (!isalnum((unsigned char)s[i]) && s[i] != '_')
			return false;
	return n > 0 && n < 128 && !isdigit((unsigned char)s[0]);
}

/* Where a name stands or would stand among the sorted ones. */
static size_t
place_of(const struct editor *ed, const char *name, size_t n, bool *there)
{
	size_t low = 0, high = ed->nnames;

	*there = false;
	while (low < high) {
		size_t mid = low + (high - low) / 2;
		int c = strncmp(ed->names[mid], name, n);

		if (c == 0 && ed->names[mid][n] != '\0')
			c = 1;
		if (c == 0) {
			*there = true;
			return mid;
		}
		if (c < 0)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

void
editor_name(struct editor *ed, const char *name, size_t n)
{
	bool there;
	size_t at;

	if (!is_plain(name, n) || ed->nnames == EDITOR_NAMES_MAX)
		return;
	at = place_of(ed, name, n, &there);
	if (there)
		return;
	if (ed->nnames == ed->cap_names) {
		ed->cap_names = ed->cap_names < 64 ? 64 : ed->cap_names * 2;
		ed->names = must_realloc(ed->names, ed->cap_names * sizeof *ed->names);
	}
	memmove(ed->names + at + 1, ed->names + at, (ed->nnames - at) * sizeof *ed->names);
	ed->names[at] = must_strndup(name, n);
	ed->nnames++;
}
