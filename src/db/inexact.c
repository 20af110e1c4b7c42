/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Where the engine's count of rows does not say how many rows change. Words are looked for wherever they stand: one too
 * many holds a change that need not be held, one too few would not hold one that must. */
#include "config.h"

#include "driver.h"

#include <string.h>
#include <strings.h>

static bool
in_word(const struct db_statement *s, size_t i)
{
	unsigned char c = i < s->n ? (unsigned char)s->bytes[i] : ' ';

	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '$' || c >= 0x80;
}

/* The place behind the next one from i on; 0: there is none. */
static size_t
find_word(const struct db_statement *s, const char *word, size_t i)
{
	size_t n = strlen(word);

	for (; i + n <= s->n; i++)
		if (strncasecmp(s->bytes + i, word, n) == 0 && (i == 0 || !in_word(s, i - 1)) && !in_word(s, i + n))
			return i + n;
	return 0;
}

bool
db_has_whole_word(const struct db_statement *s, const char *word)
{
	return find_word(s, word, 0) != 0;
}

/* Not the function, which has a parenthesis behind it. */
static bool
replaces(const struct db_statement *s)
{
	for (size_t i = 0; (i = find_word(s, "REPLACE", i)) != 0;) {
		size_t next = i;

		while (next < s->n && strchr(" \t\r\n\f", s->bytes[next]) != NULL)
			next++;
		if (next >= s->n || s->bytes[next] != '(')
			return true;
	}
	return false;
}

/* A row that is there already is changed instead. */
static bool
upserts(enum sql_engine engine, const struct db_statement *s)
{
	size_t at = find_word(s, engine == SQL_POSTGRES || engine == SQL_SQLITE ? "CONFLICT" : "DUPLICATE", 0);

	return at != 0 && find_word(s, "UPDATE", at) != 0;
}

/* WITH a AS (DELETE ...) UPDATE ...: only the last one is counted. */
static bool
writes_twice(const struct db_statement *s)
{
	static const char *const verbs[] = { "INSERT", "UPDATE", "DELETE", "MERGE" };
	unsigned n = 0;

	if (find_word(s, "WITH", 0) == 0)
		return false;
	for (size_t i = 0; i < sizeof verbs / sizeof *verbs; i++)
		for (size_t at = 0; (at = find_word(s, verbs[i], at)) != 0;)
			n++;
	return n > 1;
}

bool
db_is_inexact(enum sql_engine engine, const struct db_statement *s, const struct sql_facts *f, bool plain)
{
	bool update = strcmp(f->verb, "UPDATE") == 0, insert = db_adds_rows(f);

	if ((f->class != SQL_CLASS_WRITE && f->class != SQL_CLASS_CALL) || strcmp(f->verb, "TRUNCATE") == 0)
		return false;	/* no rows are counted, and nothing could be shown by holding it */
	if (!plain || sql_written_table(f) == NULL || (!update && !insert && strcmp(f->verb, "DELETE") != 0))
		return true;
	if (engine == SQL_SQLITE && replaces(s))
		return true;
	return (insert && upserts(engine, s)) || (engine == SQL_POSTGRES && writes_twice(s));
}
