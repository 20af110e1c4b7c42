/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "ticket/schema.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "twokey/base/buf.h"
#include "twokey/base/must.h"
#include "twokey/ticket/config.h"
#include "twokey/ticket/ticket.h"

const char schema_needed[] = "needed";
#define NEEDED schema_needed

#define AT(s, field) offsetof(struct s, field), sizeof ((struct s *)0)->field
static const struct schema_row rows[] = {
#define KEY(map, key, type, min, max, otherwise, words, s, field, help) \
	{ SCHEMA_##map, #key, SCHEMA_##type, min, max, otherwise, WORDS_##words, AT(s, field), 0, SCHEMA_##map, 0, \
	    SCHEMA_##type, 0, help },
#define LIST(map, key, of, min, max, otherwise, s, field, nfield, element, help) \
	{ SCHEMA_##map, #key, SCHEMA_LIST, min, max, otherwise, WORDS_NONE, AT(s, field), \
	    offsetof(struct s, nfield), SCHEMA_##of, sizeof(struct element), SCHEMA_LIST, 0, help },
#define TEXTS(map, key, each, min, max, longest, otherwise, s, field, nfield, help) \
	{ SCHEMA_##map, #key, SCHEMA_TEXTS, min, max, otherwise, WORDS_NONE, AT(s, field), \
	    offsetof(struct s, nfield), SCHEMA_##map, sizeof(char *), SCHEMA_##each, longest, help },
#define PART(map, key, of, help) \
	{ SCHEMA_##map, #key, SCHEMA_PART, 0, 0, NULL, WORDS_NONE, 0, 0, 0, SCHEMA_##of, 0, SCHEMA_PART, 0, help },
#include "ticket/schema.def"
#undef KEY
#undef LIST
#undef TEXTS
#undef PART
};
enum { ROWS = sizeof rows / sizeof rows[0] };

static const struct schema_row *
row_of(enum schema_map map, const char *key)
{
	for (size_t i = 0; i < ROWS; i++)
		if (rows[i].map == map && strcmp(rows[i].key, key) == 0)
			return &rows[i];
	return NULL;
}

static int
unknown_key(const struct doc *d, enum schema_map map, const struct doc_node *child, struct err *e)
{
	char known[SCHEMA_WORDS_ROOM] = "", shown[DOC_SHOWN];
	size_t len = 0;

	for (size_t i = 0; i < ROWS && len < sizeof known; i++)
		if (rows[i].map == map)
			len += (size_t)snprintf(known + len, sizeof known - len, "%s%s", len > 0 ? ", " : "", rows[i].key);
	if (map == SCHEMA_target && strcmp(child->key, "password") == 0)
		return doc_error(d, child->key_line, "password", e,
		    "a password never stands in this file; name a file of mode 0600 with password_file");
	if (map == SCHEMA_hop && strcmp(child->key, "passphrase") == 0)
		return doc_error(d, child->key_line, "passphrase", e,
		    "a passphrase never stands in this file; name a file of mode 0600 with passphrase_file");
	return doc_error(d, child->key_line, doc_shown(child->key, shown), e, "is not known here; known are %s", known);
}

/* The pointer that stands at an offset of a struct: copied, so that its type does not matter. */
static void *
pointer_at(const void *base, size_t offset)
{
	void *p;

	memcpy(&p, (const char *)base + offset, sizeof p);
	return p;
}

static size_t
count_at(const void *base, size_t offset)
{
	size_t n;

	memcpy(&n, (const char *)base + offset, sizeof n);
	return n;
}

static int
wrong_length(const struct doc *d, const struct schema_row *row, const struct doc_node *node, struct err *e)
{
	if (row->min > 0 && node->n < (size_t)row->min)
		return doc_error(d, node->line, row->key, e, "the list has %zu entries; at least %lld is expected: %s",
		    node->n, (long long)row->min, row->help);
	return doc_error(d, node->line, row->key, e, "the list has %zu entries; at most %lld are taken", node->n,
	    (long long)row->max);
}

/* Makes the array of a list and puts it into base, zeroed: schema_free can free it at any time. */
static char *
new_array(const struct schema_row *row, size_t n, void *base)
{
	char *array = must_zalloc(n * row->size_of + 1);

	memcpy((char *)base + row->offset, &array, sizeof array);
	memcpy((char *)base + row->offset_n, &n, sizeof n);
	return array;
}

/* The row of one text of a list. */
static struct schema_row
text_of(const struct schema_row *row)
{
	return (struct schema_row){ .map = row->map, .key = row->key, .type = row->each, .min = 1, .max = row->longest,
	    .size = sizeof(char *), .help = row->each == SCHEMA_LOGIN ? "a login name" : "a text" };
}

static int
read_list(const struct doc *d, const struct schema_row *row, const struct doc_node *node, void *base, struct err *e)
{
	struct schema_row each = text_of(row);
	char *array;
	int ret = 0;

	if (node->kind != DOC_LIST)
		return doc_error(d, node->line, row->key, e, "is no list; a list is expected: %s", row->help);
	if (node->n < (size_t)row->min || node->n > (size_t)row->max)
		return wrong_length(d, row, node, e);
	array = new_array(row, node->n, base);
	for (size_t i = 0; i < node->n && ret == 0; i++) {
		void *element = array + i * row->size_of;

		if (row->type == SCHEMA_TEXTS)
			ret = schema_store(d, &each, node->children[i], element, e);
		else if (node->children[i]->kind != DOC_MAP)
			ret = doc_error(d, node->children[i]->line, row->key, e,
			    "entry %zu is no mapping; key: value pairs are expected", i + 1);
		else
			ret = schema_read(d, row->of, node->children[i], element, e);
	}
	return ret;
}

static int
read_words(const struct doc *d, const struct schema_row *row, const struct doc_node *node, void *base, struct err *e)
{
	char words[SCHEMA_WORDS_ROOM], shown[DOC_SHOWN];
	unsigned set = 0;
	size_t at;

	word_list_print(row->words, words, sizeof words);
	if (node->kind != DOC_LIST)
		return doc_error(d, node->line, row->key, e, "is no list; a list of %s is expected", words);
	if (node->n < (size_t)row->min || node->n > (size_t)row->max)
		return wrong_length(d, row, node, e);
	for (size_t i = 0; i < node->n; i++) {
		const struct doc_node *child = node->children[i];

		if (child->kind != DOC_SCALAR || !word_find(row->words, child->text, &at))
			return doc_error(d, child->line, row->key, e, "'%s' is not expected; %s is",
			    child->kind == DOC_SCALAR ? doc_shown(child->text, shown) : "a list or mapping", words);
		if (set & 1u << at)
			return doc_error(d, child->line, row->key, e, "'%s' stands here twice", child->text);
		set |= 1u << at;
	}
	must(row->size == sizeof set);
	memcpy((char *)base + row->offset, &set, sizeof set);
	return 0;
}

static int
read_value(const struct doc *d, const struct schema_row *row, const struct doc_node *node, void *base, struct err *e)
{
	switch (row->type) {
	case SCHEMA_LIST:
	case SCHEMA_TEXTS:
		return read_list(d, row, node, base, e);
	case SCHEMA_WORDS:
		return read_words(d, row, node, base, e);
	case SCHEMA_PART:
		if (node->kind != DOC_MAP)
			return doc_error(d, node->line, row->key, e, "is no mapping; key: value pairs are expected");
		return schema_read(d, row->of, node, base, e);
	case SCHEMA_LINES:
		return schema_store_lines(d, row, node, base, e);
	case SCHEMA_TEXT:
	case SCHEMA_NAME:
	case SCHEMA_LOGIN:
	case SCHEMA_ID:
	case SCHEMA_HOST:
	case SCHEMA_INTERFACE:
	case SCHEMA_CHOICE:
	case SCHEMA_PATH:
	case SCHEMA_NUMBER:
	case SCHEMA_SIZE:
	case SCHEMA_TIME:
	case SCHEMA_WORD:
		return schema_store(d, row, node, base, e);
	case SCHEMA_TYPES:
		break;
	}
	return doc_error(d, node->line, row->key, e, "has a type that is not known");
}

/* "a, b, c" of the table as a list. */
static int
default_texts(const struct schema_row *row, void *base)
{
	size_t n = 1;
	char *array;

	for (const char *s = row->otherwise; (s = strstr(s, ", ")) != NULL; s += 2)
		n++;
	array = new_array(row, n, base);
	for (const char *s = row->otherwise; n > 0; n--, array += row->size_of) {
		char *copy = must_strndup(s, strcspn(s, ","));

		memcpy(array, &copy, sizeof copy);
		s += strcspn(s, ",") + (n > 1 ? 2 : 0);
	}
	return 0;
}

static int
read_absent(const struct doc *d, const struct schema_row *row, const struct doc_node *map, void *base, struct err *e)
{
	struct doc_node otherwise = { .kind = DOC_SCALAR, .line = map != NULL ? map->line : 1, .plain = true };

	if (row->otherwise == schema_needed)
		return doc_error(d, otherwise.line, row->key, e, "is missing; expected is %s", row->help);
	if (row->type == SCHEMA_PART)
		return schema_read(d, row->of, NULL, base, e);
	if (row->otherwise == NULL)
		return 0;
	if (row->type == SCHEMA_TEXTS)
		return default_texts(row, base);
	otherwise.text = (char *)(uintptr_t)row->otherwise;
	return schema_store(d, row, &otherwise, base, e);
}

int
schema_read(const struct doc *d, enum schema_map map, const struct doc_node *node, void *base, struct err *e)
{
	int ret = 0;

	for (size_t i = 0; node != NULL && i < node->n; i++)
		if (row_of(map, node->children[i]->key) == NULL)
			return unknown_key(d, map, node->children[i], e);
	for (size_t i = 0; i < ROWS && ret == 0; i++) {
		const struct doc_node *value = doc_get(node, rows[i].key);

		if (rows[i].map != map)
			continue;
		ret = value != NULL ? read_value(d, &rows[i], value, base, e) : read_absent(d, &rows[i], node, base, e);
	}
	return ret;
}

static void
free_list(const struct schema_row *row, void *base)
{
	char *array = pointer_at(base, row->offset);
	size_t n = count_at(base, row->offset_n);

	for (size_t i = 0; i < n; i++) {
		if (row->type == SCHEMA_TEXTS)
			free(pointer_at(array + i * row->size_of, 0));
		else
			schema_free(row->of, array + i * row->size_of);
	}
	free(array);
}

void
schema_free(enum schema_map map, void *base)
{
	for (size_t i = 0; i < ROWS; i++) {
		const struct schema_row *row = &rows[i];

		if (row->map != map)
			continue;
		if (row->type == SCHEMA_LIST || row->type == SCHEMA_TEXTS)
			free_list(row, base);
		else if (row->type == SCHEMA_PART)
			schema_free(row->of, base);
		else if (row->type <= SCHEMA_PATH)
			free(pointer_at(base, row->offset));
	}
}

static void
print_words(const struct schema_row *row, char *out, size_t size)
{
	if (row->words == WORDS_EXCESS)
		snprintf(out, size, "a kind of accounts.txt");	/* the one list of them, with what each is */
	else
		word_list_print(row->words, out, size);
}

/* "1 to 65535", "up to 200 characters", "none, copy or read" ... */
static void
print_range(const struct schema_row *row, char *out, size_t size)
{
	switch (row->type) {
	case SCHEMA_TEXT:
		snprintf(out, size, "text, up to %lld bytes", (long long)row->max);
		break;
	case SCHEMA_LINES:
		snprintf(out, size, "text in quotes, or a list of them, one for each line; up to %lld bytes", (long long)row->max);
		break;
	case SCHEMA_NAME:
		snprintf(out, size, "name of a-z 0-9 . _ -, up to %lld", (long long)row->max);
		break;
	case SCHEMA_LOGIN:
		snprintf(out, size, "login name");
		break;
	case SCHEMA_ID:
		snprintf(out, size, "name of A-Z a-z 0-9 . _ -, up to %lld", (long long)row->max);
		break;
	case SCHEMA_HOST:
		snprintf(out, size, "host name or address");
		break;
	case SCHEMA_PATH:
		snprintf(out, size, "absolute path, up to %lld bytes", (long long)row->max);
		break;
	case SCHEMA_INTERFACE:
		snprintf(out, size, "name of an interface, up to %lld", (long long)row->max);
		break;
	case SCHEMA_NUMBER:
		snprintf(out, size, "number, %lld to %lld", (long long)row->min, (long long)row->max);
		break;
	case SCHEMA_SIZE:
		snprintf(out, size, "bytes, or with KiB, MiB, GiB, TiB");
		break;
	case SCHEMA_TIME:
		snprintf(out, size, "time as 2026-06-08T18:00:00Z");
		break;
	case SCHEMA_WORD:
	case SCHEMA_CHOICE:
		print_words(row, out, size);
		break;
	case SCHEMA_WORDS: {
		char words[SCHEMA_WORDS_ROOM];

		word_list_print(row->words, words, sizeof words);
		snprintf(out, size, "list of %s", words);
		break;
	}
	case SCHEMA_TEXTS:
		snprintf(out, size, "list of %lld to %lld %s", (long long)row->min, (long long)row->max,
		    row->each == SCHEMA_LOGIN ? "login names" : "texts");
		break;
	case SCHEMA_LIST:
		snprintf(out, size, "list of up to %lld mappings", (long long)row->max);
		break;
	case SCHEMA_PART:
	case SCHEMA_TYPES:
		snprintf(out, size, "mapping");
		break;
	}
}

/* A text in the second column, as many words to a line as it takes. */
static void
put_folded(struct buf *out, const char *s)
{
	enum { COLUMNS = 98 };
	size_t at = 0;

	for (size_t n; *s != '\0'; s += n) {
		s += *s == ' ';
		n = strcspn(s, " ");
		if (at > 0 && at + 1 + n > COLUMNS) {
			buf_putf(out, "\n  %-20s", "");
			at = 0;
		}
		buf_putf(out, "%s%.*s", at > 0 ? " " : "", (int)n, s);
		at += n + (at > 0);
	}
}

void
schema_print(struct buf *out)
{
	static const char *const title[SCHEMA_MAPS] = {
		[SCHEMA_config] = "twokeyd.yaml", [SCHEMA_users] = "twokeyd.yaml: users",
		[SCHEMA_person] = "twokeyd.yaml: people, each", [SCHEMA_target] = "twokeyd.yaml: targets, each",
		[SCHEMA_hop] = "twokeyd.yaml: targets: hops, each",
		[SCHEMA_ticket] = "a ticket", [SCHEMA_seat] = "a ticket: people, each",
		[SCHEMA_excess] = "a ticket: accept_excess, each", [SCHEMA_change] = "a ticket: changes, each",
	};
	char range[SCHEMA_WORDS_ROOM + 16];

	for (int map = 0; map < SCHEMA_MAPS; map++) {
		buf_putf(out, "%s%s\n", map > 0 ? "\n" : "", title[map]);
		for (size_t i = 0; i < ROWS; i++) {
			const struct schema_row *row = &rows[i];

			if ((int)row->map != map)
				continue;
			print_range(row, range, sizeof range);
			buf_putf(out, "  %-20s", row->key);
			if (strlen(row->key) >= 20)
				buf_putf(out, "\n  %-20s", "");
			put_folded(out, row->help);
			buf_putf(out, "\n  %-20s", "");
			put_folded(out, range);
			if (row->otherwise == schema_needed)
				buf_puts(out, "; needed\n");
			else if (row->otherwise != NULL)
				buf_putf(out, "; default %s\n", row->otherwise);
			else
				buf_puts(out, "\n");
		}
	}
}
