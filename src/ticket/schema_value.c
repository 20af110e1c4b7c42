/* SPDX-License-Identifier: GPL-3.0-or-later */
/* One scalar: is it of its type and range, and where does it go. */
#include "config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ticket/schema.h"
#include "twokey/base/clock.h"
#include "twokey/base/err.h"
#include "twokey/base/must.h"
#include "twokey/base/text.h"
#include "twokey/ticket/ticket.h"

/* The value of one key while it is read. */
struct value {
	const struct doc *d;
	const struct schema_row *row;
	const struct doc_node *node;
	char shown[DOC_SHOWN];
};

static int
expected(const struct value *v, struct err *e, const char *what)
{
	return doc_error(v->d, v->node->line, v->row->key, e, "'%s' is not what is expected: %s", v->shown, what);
}

static void
store_number(const struct value *v, void *base, uint64_t number)
{
	char *p = (char *)base + v->row->offset;
	uint8_t b1 = (uint8_t)number;
	uint16_t b2 = (uint16_t)number;
	uint32_t b4 = (uint32_t)number;

	must(v->row->size == 8 || v->row->size == 4 || v->row->size == 2 || v->row->size == 1);
	if (v->row->size == 8)
		memcpy(p, &number, 8);
	else if (v->row->size == 4)
		memcpy(p, &b4, 4);
	else if (v->row->size == 2)
		memcpy(p, &b2, 2);
	else
		memcpy(p, &b1, 1);
}

/* All characters of s are in the set, and the first is a letter or digit (or as HOST needs, a colon). */
static bool
only(const char *s, bool upper, const char *others)
{
	for (size_t i = 0; s[i] != '\0'; i++) {
		bool letter = (s[i] >= 'a' && s[i] <= 'z') || (upper && s[i] >= 'A' && s[i] <= 'Z') ||
		    (s[i] >= '0' && s[i] <= '9');

		if (!letter && (strchr(others, s[i]) == NULL || (i == 0 && s[i] != ':' && s[i] != '_')))
			return false;
	}
	return s[0] != '\0';
}

bool
ticket_id_ok(const char *id)
{
	return id != NULL && strlen(id) <= TICKET_ID_MAX && id[0] != '_' && only(id, true, "._-");
}

bool
schema_path_ok(const char *s)
{
	if (s[0] != '/' || s[1] == '\0')
		return false;
	for (const char *p = s; p != NULL; p = strchr(p + 1, '/')) {
		size_t n = strcspn(p + 1, "/");

		if ((n == 1 && p[1] == '.') || (n == 2 && p[1] == '.' && p[2] == '.') || (n == 0 && p[1] != '\0'))
			return false;
	}
	return true;
}

/* The text itself, copied. */
static void
keep(const struct value *v, void *base)
{
	char *copy;

	must(v->row->size == sizeof copy);
	copy = must_strdup(v->node->text);
	memcpy((char *)base + v->row->offset, &copy, sizeof copy);
}

static int
store_text(const struct value *v, void *base, struct err *e)
{
	const char *s = v->node->text;
	size_t n = strlen(s);
	char limit[64];

	if (text_marks(s, n) > 0 || strpbrk(s, "\n\t") != NULL)
		return expected(v, e, "one line without tabs, control or invisible characters");
	if (n < (size_t)v->row->min || n > (size_t)v->row->max) {
		snprintf(limit, sizeof limit, "%lld to %lld bytes", (long long)v->row->min, (long long)v->row->max);
		return expected(v, e, limit);
	}
	if (v->row->type == SCHEMA_NAME && (!only(s, false, "._-") || s[0] == '_'))
		return expected(v, e, "a name of a-z, 0-9, '.', '_', '-' that begins with a letter or digit");
	if (v->row->type == SCHEMA_LOGIN && !only(s, true, "._-"))
		return expected(v, e, "a login name of letters, digits, '.', '_', '-'");
	if (v->row->type == SCHEMA_ID && !ticket_id_ok(s))
		return expected(v, e, "a name of letters, digits, '.', '_', '-' that begins with a letter or digit");
	if (v->row->type == SCHEMA_HOST && !only(s, true, ".-:_"))
		return expected(v, e, "one host name or address (a Unix socket goes to the key socket)");
	if (v->row->type == SCHEMA_PATH && !schema_path_ok(s))
		return expected(v, e, "an absolute path without '.', '..' and '//'");
	if (v->row->type == SCHEMA_INTERFACE && (!only(s, true, "._-") || s[0] == '_'))
		return expected(v, e, "the name of a network interface, as wg0");
	keep(v, base);
	return 0;
}

static int
store_choice(const struct value *v, void *base, struct err *e)
{
	char words[SCHEMA_WORDS_ROOM];
	size_t i;

	if (!word_find(v->row->words, v->node->text, &i)) {
		word_list_print(v->row->words, words, sizeof words);
		return expected(v, e, words);
	}
	if (v->row->type == SCHEMA_CHOICE)
		keep(v, base);
	else
		store_number(v, base, i);
	return 0;
}

/* Decimal digits without sign, blanks or needless zeros. */
static bool
digits(const char *s, size_t n, int64_t *out)
{
	int64_t value = 0;

	if (n == 0 || n > 15 || (n > 1 && s[0] == '0'))
		return false;
	for (size_t i = 0; i < n; i++) {
		if (s[i] < '0' || s[i] > '9')
			return false;
		value = value * 10 + (s[i] - '0');
	}
	*out = value;
	return true;
}

static bool
size_of(const char *s, int64_t *out)
{
	static const char units[][4] = { "", "KiB", "MiB", "GiB", "TiB" };
	size_t n = strspn(s, "0123456789"), blank = s[n] == ' ';

	for (unsigned i = 0; i < sizeof units / sizeof units[0]; i++) {
		if (strcmp(s + n + (i > 0 ? blank : 0), units[i]) != 0 || !digits(s, n, out))
			continue;
		if (*out > INT64_MAX >> (10 * i))
			return false;
		*out <<= 10 * i;
		return true;
	}
	return false;
}

static int
store_count(const struct value *v, void *base, struct err *e)
{
	bool size = v->row->type == SCHEMA_SIZE;
	int64_t number;
	char range[96];

	snprintf(range, sizeof range, "a number from %lld to %lld%s", (long long)v->row->min, (long long)v->row->max,
	    size ? ", or with KiB, MiB, GiB, TiB" : "");
	if (!v->node->plain ||
	    !(size ? size_of(v->node->text, &number) : digits(v->node->text, strlen(v->node->text), &number)) ||
	    number < v->row->min || number > v->row->max)
		return expected(v, e, range);
	store_number(v, base, (uint64_t)number);
	return 0;
}

static int
store_time(const struct value *v, void *base, struct err *e)
{
	const char *s = v->node->text;
	int64_t us;

	if (clock_parse(s, strlen(s), &us) != 0)
		return expected(v, e, "a day and time that exist, in UTC as 2026-06-08T18:00:00Z");
	store_number(v, base, (uint64_t)us);
	return 0;
}

int
schema_store(const struct doc *d, const struct schema_row *row, const struct doc_node *node, void *base, struct err *e)
{
	struct value v = { .d = d, .row = row, .node = node };

	if (node->kind != DOC_SCALAR)
		return doc_error(d, node->line, row->key, e, "is a list or mapping; one value is expected: %s", row->help);
	if (node->plain && (node->text[0] == '\0' || strcmp(node->text, "~") == 0 || strcmp(node->text, "null") == 0))
		return doc_error(d, node->line, row->key, e, "has no value; expected is %s", row->help);
	doc_shown(node->text, v.shown);
	switch (row->type) {
	case SCHEMA_NUMBER:
	case SCHEMA_SIZE:
		return store_count(&v, base, e);
	case SCHEMA_TIME:
		return store_time(&v, base, e);
	case SCHEMA_WORD:
	case SCHEMA_CHOICE:
		return store_choice(&v, base, e);
	case SCHEMA_TEXT:
	case SCHEMA_NAME:
	case SCHEMA_LOGIN:
	case SCHEMA_ID:
	case SCHEMA_HOST:
	case SCHEMA_INTERFACE:
	case SCHEMA_PATH:
		return store_text(&v, base, e);
	case SCHEMA_LINES:
	case SCHEMA_WORDS:
	case SCHEMA_TEXTS:
	case SCHEMA_LIST:
	case SCHEMA_PART:
	case SCHEMA_TYPES:
		break;
	}
	return expected(&v, e, row->help);
}

/* One line of an exact text. A bare value would end at a '#', and blanks around it would be lost: what the person who accepts
 * reads has to be what the digest is of. */
static int
check_line(const struct doc *d, const struct schema_row *row, const struct doc_node *node, struct err *e)
{
	if (node->kind != DOC_SCALAR)
		return doc_error(d, node->line, row->key, e, "is a list or mapping; a line in quotes is expected: %s", row->help);
	if (node->plain)
		return doc_error(d, node->line, row->key, e, "stands without quotes, where a '#' or a blank at an end would get lost; "
		    "put it into quotes");
	if (text_marks(node->text, strlen(node->text)) > 0 || strpbrk(node->text, "\n\t") != NULL)
		return doc_error(d, node->line, row->key, e, "holds a tab or a control or invisible character; name the text by its "
		    "digest instead");
	return 0;
}

int
schema_store_lines(const struct doc *d, const struct schema_row *row, const struct doc_node *node, void *base, struct err *e)
{
	size_t n = node->kind == DOC_LIST ? node->n : 1, len = 0;
	char *text = must_zalloc((size_t)row->max + 1);
	int ret = 0;

	for (size_t i = 0; i < n && ret == 0; i++) {
		const struct doc_node *line = node->kind == DOC_LIST ? node->children[i] : node;

		ret = check_line(d, row, line, e);
		if (ret == 0 && len + strlen(line->text) + 1 > (size_t)row->max)
			ret = doc_error(d, line->line, row->key, e, "has more than %lld bytes; name it by its digest",
			    (long long)row->max);
		if (ret == 0)
			len += (size_t)snprintf(text + len, (size_t)row->max + 1 - len, "%s%s", i > 0 ? "\n" : "", line->text);
	}
	if (ret == 0 && len < (size_t)row->min)
		ret = doc_error(d, node->line, row->key, e, "is empty; the exact text is expected");
	if (ret == 0)
		memcpy((char *)base + row->offset, &text, sizeof text);
	else
		free(text);
	return ret;
}
