/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Any bytes: tokens cover the text, pieces concatenate to it. The first byte chooses engine and modes. */
#include "config.h"

#include "fuzz.h"
#include "sql/lex.h"
#include "twokey/base/must.h"
#include "twokey/sql/split.h"

static void
lex_all(const struct sql_settings *set, const char *sql, size_t n)
{
	struct sql_lexer lx;
	struct sql_token t;
	size_t pos = 0;

	lex_init(&lx, set, sql, n);
	for (lex_next(&lx, &t); t.tok != TOK_END; lex_next(&lx, &t)) {
		must(t.off == pos && t.len > 0 && t.len <= n - pos);
		pos += t.len;
	}
	must(pos == n);
}

static void
split_all(const struct sql_settings *set, const char *sql, size_t n)
{
	struct sql_piece piece;
	size_t from = 0;

	while (sql_split_next(set, sql, n, from, &piece)) {
		must(piece.all.off == from && piece.all.len > 0 && piece.all.len <= n - from);
		must(piece.text.off >= from && piece.text.off + piece.text.len <= from + piece.all.len);
		from += piece.all.len;
	}
	must(from == n);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct sql_settings set = { 0 };

	if (n == 0)
		return 0;
	set.engine = (enum sql_engine)(data[0] % SQL_ENGINES);
	set.scs_off = data[0] & 4;
	set.ansi_quotes = data[0] & 8;
	set.no_backslash_escapes = data[0] & 16;
	set.half_letters = data[0] & 32;
	lex_all(&set, (const char *)data + 1, n - 1);
	split_all(&set, (const char *)data + 1, n - 1);
	return 0;
}
