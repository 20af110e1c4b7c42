/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "name.h"

#include <stdio.h>
#include <string.h>

#include "twokey/base/buf.h"
#include "twokey/base/text.h"

enum { LETTERS_MAX = 64 };	/* longer names are compared by their beginning */

static char
lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c + ('a' - 'A')) : c;
}

/* What ends a name that c begins, 0 when c does not quote. */
static char
closes(char c, enum sql_engine engine)
{
	switch (c) {
	case '"':
		return '"';
	case '`':
		return engine == SQL_POSTGRES ? 0 : '`';
	case '[':
		return engine == SQL_SQLITE ? ']' : 0;
	default:
		return 0;
	}
}

/* One part into out; where it ends, or NULL. */
static const char *
take_part(const char *s, enum sql_engine engine, char out[DB_NAME_MAX])
{
	char close = closes(*s, engine);
	size_t n = 0;

	if (close != 0)
		s++;
	for (; *s != '\0' && n < DB_NAME_MAX - 1; s++) {
		if (close == 0 && *s == '.')
			break;
		if (close != 0 && *s == close && (s[1] != close || close == ']'))
			break;
		if (close != 0 && *s == close)
			s++;
		if (close == 0 && closes(*s, engine) != 0)
			return NULL;
		out[n++] = close == 0 && engine == SQL_POSTGRES ? lower(*s) : *s;
	}
	out[n] = '\0';
	if (n == 0 || n == DB_NAME_MAX - 1 || (close != 0 && *s != close))
		return NULL;
	return close != 0 ? s + 1 : s;
}

bool
db_name_parse(const char *typed, enum sql_engine engine, struct db_name *out)
{
	const char *s = typed;

	*out = (struct db_name){ .schema = "" };
	if (*s == '\0')
		return true;
	s = take_part(s, engine, out->name);
	if (s != NULL && *s == '.') {
		memcpy(out->schema, out->name, sizeof out->schema);
		s = take_part(s + 1, engine, out->name);
	}
	return s != NULL && *s == '\0' && text_is_utf8(typed, strlen(typed));
}

static size_t
least(size_t a, size_t b)
{
	return a < b ? a : b;
}

/* Letters to change, add, drop or swap to come from a to b, whatever their case. */
static size_t
distance(const char *a, const char *b)
{
	size_t na = strnlen(a, LETTERS_MAX), nb = strnlen(b, LETTERS_MAX);
	size_t rows[3][LETTERS_MAX + 1], *above2 = rows[0], *above = rows[1], *row = rows[2], *spare;

	for (size_t j = 0; j <= nb; j++)
		above[j] = j;
	for (size_t i = 1; i <= na; i++) {
		row[0] = i;
		for (size_t j = 1; j <= nb; j++) {
			bool same = lower(a[i - 1]) == lower(b[j - 1]);

			row[j] = least(least(above[j], row[j - 1]) + 1, above[j - 1] + !same);
			if (i > 1 && j > 1 && lower(a[i - 1]) == lower(b[j - 2]) && lower(a[i - 2]) == lower(b[j - 1]))
				row[j] = least(row[j], above2[j - 2] + 1);
		}
		spare = above2;
		above2 = above;
		above = row;
		row = spare;
	}
	return above[nb];
}

void
db_near_try(struct db_near *near, const char *wanted, const char *name, const char *shown)
{
	size_t far = distance(wanted, name), at = near->n;

	/* a beginning counts as near: names grow at their end */
	if (strlen(wanted) >= 3 && strncmp(wanted, name, strlen(wanted)) == 0)
		far = least(far, 2);
	if (far > 1 + strlen(wanted) / 4)
		return;
	while (at > 0 && near->far[at - 1] > far)
		at--;
	if (at == DB_NEAR_MAX)
		return;
	if (near->n < DB_NEAR_MAX)
		near->n++;
	for (size_t i = near->n - 1; i > at; i--) {
		memcpy(near->shown[i], near->shown[i - 1], sizeof near->shown[i]);
		near->far[i] = near->far[i - 1];
	}
	snprintf(near->shown[at], sizeof near->shown[at], "%s", shown);
	near->far[at] = far;
}

void
db_near_say(const struct db_near *near, const char *typed, struct buf *out)
{
	buf_putf(out, "there is no table, view or sequence %.300s", typed);
	if (near->n == 0) {
		buf_puts(out, "; ask for the tables to see what there is");
		return;
	}
	for (size_t i = 0; i < near->n; i++)
		buf_putf(out, "%s%s", i == 0 ? "; is it " : i + 1 < near->n ? ", " : " or ", near->shown[i]);
	buf_putc(out, '?');
}
