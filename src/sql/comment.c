/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "twokey/sql/comment.h"

#include <string.h>

#include "lex.h"

/* Backslashes and double quotes mean different things under sql_mode and standard_conforming_strings. */
static bool
is_certain(enum sql_engine engine, const char *sql, size_t n)
{
	bool mysql = engine == SQL_MARIADB || engine == SQL_MYSQL;

	return memchr(sql, '\\', n) == NULL && !(mysql && memchr(sql, '"', n) != NULL);
}

size_t
sql_comments(enum sql_engine engine, const char *sql, size_t n, struct sql_span *out, size_t max)
{
	struct sql_settings set = { .engine = engine };
	struct sql_lexer lx;
	struct sql_token t;
	size_t found = 0;

	if (n == 0 || !is_certain(engine, sql, n))
		return 0;
	lex_init(&lx, &set, sql, n);
	for (lex_next(&lx, &t); t.tok != TOK_END && found < max; lex_next(&lx, &t))
		if (t.tok == TOK_COMMENT && (t.flags & (TOKF_SKIPPED | TOKF_HINT)) == 0)
			out[found++] = (struct sql_span){ t.off, t.len };
	return found;
}
