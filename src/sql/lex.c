/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"
#include "sql/lex.h"

#include <string.h>

static const struct sql_dialect dialects[SQL_ENGINES] = {
	[SQL_POSTGRES] = { .engine = SQL_POSTGRES, .comments = COMMENT_NESTED | COMMENT_CR_ENDS,
	    .dollar_quotes = true, .string_prefixes = true, .continued_strings = true,
	    .munch_operators = true, .kwf = KWF_P },
	[SQL_MARIADB] = { .engine = SQL_MARIADB,
	    .comments = COMMENT_HASH | COMMENT_DASH_BLANK | COMMENT_EXEC,
	    .backslash = true, .double_is_string = true, .backtick_names = true, .at_vars = true,
	    .words_begin_with_digits = true, .kwf = KWF_M },
	[SQL_MYSQL] = { .engine = SQL_MYSQL,
	    .comments = COMMENT_HASH | COMMENT_DASH_BLANK | COMMENT_EXEC,
	    .backslash = true, .double_is_string = true, .backtick_names = true, .at_vars = true,
	    .words_begin_with_digits = true, .kwf = KWF_M },
	[SQL_SQLITE] = { .engine = SQL_SQLITE, .comments = COMMENT_OPEN_OK,
	    .backtick_names = true, .bracket_names = true, .kwf = KWF_L },
};

enum byte {
	B_BAD, B_SPACE, B_WORD, B_DIGIT, B_OP, B_OPEN, B_CLOSE, B_LBRACKET, B_RBRACKET, B_COMMA, B_DOT,
	B_SEMI, B_QUOTE, B_DOUBLE, B_BACKTICK, B_DOLLAR, B_AT, B_HASH, B_QUESTION, B_COLON,
	B_BACKSLASH, B_VTAB
};

#define WORDS(a) [a] = B_WORD
static const unsigned char bytes[256] = {
	[' '] = B_SPACE, ['\t'] = B_SPACE, ['\n'] = B_SPACE, ['\r'] = B_SPACE, ['\f'] = B_SPACE,
	['\v'] = B_VTAB,
	['a' ... 'z'] = B_WORD, ['A' ... 'Z'] = B_WORD, ['_'] = B_WORD, [0x80 ... 0xff] = B_WORD,
	['0' ... '9'] = B_DIGIT,
	['+'] = B_OP, ['-'] = B_OP, ['*'] = B_OP, ['/'] = B_OP, ['<'] = B_OP, ['>'] = B_OP,
	['='] = B_OP, ['~'] = B_OP, ['!'] = B_OP, ['%'] = B_OP, ['^'] = B_OP, ['&'] = B_OP,
	['|'] = B_OP, ['`'] = B_BACKTICK, ['@'] = B_AT, ['#'] = B_HASH, ['?'] = B_QUESTION,
	[':'] = B_COLON, ['('] = B_OPEN, [')'] = B_CLOSE, ['['] = B_LBRACKET, [']'] = B_RBRACKET,
	[','] = B_COMMA, ['.'] = B_DOT, [';'] = B_SEMI, ['\''] = B_QUOTE, ['"'] = B_DOUBLE,
	['$'] = B_DOLLAR, ['\\'] = B_BACKSLASH,
	['{'] = B_BAD, ['}'] = B_BAD,
};

const struct sql_dialect *
lex_dialect(enum sql_engine engine)
{
	return &dialects[(unsigned)engine < SQL_ENGINES ? engine : SQL_POSTGRES];
}

void
lex_init(struct sql_lexer *lx, const struct sql_settings *set, const char *text, size_t n)
{
	lx->dialect = lex_dialect(set->engine);
	lx->set = set;
	lx->text = text;
	lx->n = n;
	lx->pos = 0;
	lx->exec = 0;
}

bool
lex_is_word_byte(unsigned char c)
{
	return bytes[c] == B_WORD || bytes[c] == B_DIGIT || c == '$';
}

static char
at(const struct sql_lexer *lx, size_t ahead)
{
	return ahead < lx->n - lx->pos ? lx->text[lx->pos + ahead] : '\0';
}

static void
take(struct sql_lexer *lx, struct sql_token *t, enum sql_tok tok, size_t len)
{
	t->tok = tok;
	lx->pos += len < lx->n - lx->pos ? len : lx->n - lx->pos;
}

static void
lex_space(struct sql_lexer *lx, struct sql_token *t)
{
	t->tok = TOK_SPACE;
	while (lx->pos < lx->n) {
		unsigned char kind = bytes[(unsigned char)lx->text[lx->pos]];

		if (kind != B_SPACE && kind != B_VTAB)
			break;
		if (kind == B_VTAB && lx->dialect->engine == SQL_POSTGRES)
			break;
		lx->pos++;
	}
}

/* U&"..." and the like are only names here; strings with a prefix come first. */
static bool
lex_prefixed(struct sql_lexer *lx, struct sql_token *t)
{
	char c = at(lx, 0) | 0x20;
	char next = at(lx, 1);

	if (lx->dialect->string_prefixes) {
		if (c == 'u' && next == '&' && (at(lx, 2) == '\'' || at(lx, 2) == '"')) {
			bool name = at(lx, 2) == '"';

			t->flags |= TOKF_UNICODE;
			lx->pos += 2;
			if (name)
				lex_quoted(lx, t, '"');
			else
				lex_string(lx, t, lx->set->scs_off);
			return true;
		}
		if (next == '\'' && (c == 'e' || c == 'b' || c == 'x' || c == 'n')) {
			lx->pos++;
			lex_string(lx, t, c == 'e' || lx->set->scs_off);
			return true;
		}
		return false;
	}
	if (next == '\'' && (c == 'x' || (c != 'n' ? c == 'b' : true))
	    && (lx->dialect->engine != SQL_SQLITE || c == 'x')) {
		lx->pos++;
		lex_string(lx, t, c == 'n' && lx->dialect->backslash && !lx->set->no_backslash_escapes);
		return true;
	}
	return false;
}

static void
lex_word(struct sql_lexer *lx, struct sql_token *t)
{
	const unsigned char *p = (const unsigned char *)lx->text + lx->pos;
	size_t n = lx->n - lx->pos;
	size_t len = 0;
	unsigned char high = 0;
	const struct kw_row *row;

	if ((p[0] | 0x20) >= 'b' && (p[0] | 0x20) <= 'x' && lex_prefixed(lx, t))
		return;
	for (; len < n && lex_is_word_byte(p[len]); len++)
		high |= p[len];
	t->tok = TOK_WORD;
	lx->pos += len;
	if (high & 0x80) {
		t->flags |= TOKF_HIGH;
		return;
	}
	row = kw_find((const char *)p, len);
	if (row != NULL) {
		t->kw = row->kw;
		t->kwf = row->flags;
	}
}

/* The byte order mark is a blank for SQLite where a token may begin. */
static bool
lex_bom(struct sql_lexer *lx, struct sql_token *t)
{
	if (lx->dialect->engine != SQL_SQLITE || at(lx, 0) != '\xef' || at(lx, 1) != '\xbb'
	    || at(lx, 2) != '\xbf')
		return false;
	take(lx, t, TOK_SPACE, 3);
	return true;
}

static size_t
word_run(const struct sql_lexer *lx, size_t ahead)
{
	size_t len = ahead;

	while (lx->pos + len < lx->n && lex_is_word_byte((unsigned char)lx->text[lx->pos + len]))
		len++;
	return len;
}

/* SQLite: $a::b(c); the suffix in parentheses belongs to the name. */
static void
lex_sqlite_param(struct sql_lexer *lx, struct sql_token *t)
{
	size_t len = word_run(lx, 1);
	bool dollar = at(lx, 0) == '$';

	/* only digits belong to "?": SELECT ?FROM t reads t */
	if (at(lx, 0) == '?')
		for (len = 1; bytes[(unsigned char)at(lx, len)] == B_DIGIT;)
			len++;

	while (dollar && at(lx, len) == ':' && at(lx, len + 1) == ':')
		len = word_run(lx, len + 2);
	if (dollar && len > 1 && at(lx, len) == '(') {
		size_t end = len;

		/* bounded, so that many of them stay linear; a longer one is cut and then unreadable */
		while (end < len + 256 && lx->pos + end < lx->n && at(lx, end) != ')' && bytes[(unsigned char)at(lx, end)] != B_SPACE
		    && at(lx, end) != '\0')
			end++;
		if (at(lx, end) == ')')
			len = end + 1;
	}
	take(lx, t, len == 1 && at(lx, 0) != '?' ? TOK_BAD : TOK_PARAM, len);
}

static void
lex_dollar_sign(struct sql_lexer *lx, struct sql_token *t)
{
	size_t len = 1;

	if (lx->dialect->engine == SQL_SQLITE) {
		lex_sqlite_param(lx, t);
		return;
	}
	if (lx->dialect->at_vars) {
		lex_word(lx, t);
		return;
	}
	if (lex_dollar(lx, t))
		return;
	while (bytes[(unsigned char)at(lx, len)] == B_DIGIT)
		len++;
	/* $1$ or $1a: old servers read two tokens, new ones refuse; nobody needs it */
	take(lx, t, len > 1 && !lex_is_word_byte((unsigned char)at(lx, len)) ? TOK_PARAM : TOK_BAD, len);
}

/* @a @'a' @@global.b */
static void
lex_at(struct sql_lexer *lx, struct sql_token *t)
{
	size_t len = 1;

	if (lx->dialect->engine == SQL_SQLITE) {
		lex_sqlite_param(lx, t);
		return;
	}
	if (!lx->dialect->at_vars) {
		lex_operator(lx, t);
		return;
	}
	if (at(lx, 1) == '@')
		len = 2;
	if (at(lx, len) == '\'' || at(lx, len) == '"' || at(lx, len) == '`') {
		lx->pos += len;
		if (at(lx, 0) == '`')
			lex_quoted(lx, t, '`');
		else
			lex_string(lx, t, !lx->set->no_backslash_escapes);
		t->tok = TOK_VAR;
		return;
	}
	while (lx->pos + len < lx->n
	    && (lex_is_word_byte((unsigned char)at(lx, len)) || at(lx, len) == '.'))
		len++;
	take(lx, t, TOK_VAR, len);
}

static void
lex_double(struct sql_lexer *lx, struct sql_token *t)
{
	if (lx->dialect->double_is_string && !lx->set->ansi_quotes) {
		lex_string(lx, t, !lx->set->no_backslash_escapes);
		t->flags |= TOKF_DOUBLE;
		return;
	}
	lex_quoted(lx, t, '"');
	t->flags |= TOKF_DOUBLE;
}

static void
lex_mark(struct sql_lexer *lx, struct sql_token *t, unsigned char kind)
{
	const struct sql_dialect *d = lx->dialect;

	if (kind == B_BACKTICK && d->backtick_names)
		lex_quoted(lx, t, '`');
	else if (kind == B_LBRACKET && d->bracket_names)
		lex_quoted(lx, t, ']');
	else if (kind == B_LBRACKET)
		take(lx, t, TOK_LBRACKET, 1);
	else if (kind == B_QUESTION && d->engine == SQL_SQLITE)
		lex_sqlite_param(lx, t);
	else if (kind == B_QUESTION && d->at_vars)
		take(lx, t, TOK_PARAM, 1);
	else if (kind == B_COLON && d->engine == SQL_SQLITE)
		lex_sqlite_param(lx, t);
	else if (kind == B_HASH && !d->munch_operators)
		take(lx, t, TOK_BAD, 1);
	else if (kind == B_BACKSLASH && d->at_vars && at(lx, 1) == 'N')
		take(lx, t, TOK_STRING, 2);
	else if (kind == B_BACKSLASH || kind == B_VTAB)
		take(lx, t, TOK_BAD, 1);
	else
		lex_operator(lx, t);
}

static void
lex_token(struct sql_lexer *lx, struct sql_token *t)
{
	unsigned char kind = bytes[(unsigned char)lx->text[lx->pos]];

	switch (kind) {
	case B_SPACE: lex_space(lx, t); break;
	case B_WORD:
		if (!lex_bom(lx, t))
			lex_word(lx, t);
		break;
	case B_DIGIT: lex_number(lx, t); break;
	case B_OPEN: take(lx, t, TOK_OPEN, 1); break;
	case B_CLOSE: take(lx, t, TOK_CLOSE, 1); break;
	case B_RBRACKET: take(lx, t, TOK_RBRACKET, 1); break;
	case B_COMMA: take(lx, t, TOK_COMMA, 1); break;
	case B_SEMI: take(lx, t, TOK_SEMI, 1); break;
	case B_DOT:
		/* MariaDB, MySQL: t.5a is a column */
		if (bytes[(unsigned char)at(lx, 1)] == B_DIGIT && !(lx->dialect->words_begin_with_digits && lx->pos > 0
		    && lex_is_word_byte((unsigned char)lx->text[lx->pos - 1])))
			lex_number(lx, t);
		else
			take(lx, t, TOK_DOT, 1);
		break;
	case B_QUOTE:
		lex_string(lx, t, lx->dialect->backslash ? !lx->set->no_backslash_escapes
		    : lx->dialect->string_prefixes && lx->set->scs_off);
		break;
	case B_DOUBLE: lex_double(lx, t); break;
	case B_DOLLAR: lex_dollar_sign(lx, t); break;
	case B_AT: lex_at(lx, t); break;
	case B_VTAB:
		if (lx->dialect->at_vars)
			lex_space(lx, t);
		else
			take(lx, t, TOK_BAD, 1);
		break;
	case B_BAD: take(lx, t, TOK_BAD, 1); break;
	case B_OP: lex_operator(lx, t); break;
	default: lex_mark(lx, t, kind); break;
	}
}

void
lex_next(struct sql_lexer *lx, struct sql_token *t)
{
	t->tok = TOK_END;
	t->kw = KW_NO;
	t->flags = t->kwf = 0;
	t->off = lx->pos;
	if (lx->pos < lx->n) {
		unsigned char kind = bytes[(unsigned char)lx->text[lx->pos]];

		if ((kind == B_OP || kind == B_HASH) && lex_is_comment(lx))
			lex_comment(lx, t);
		else
			lex_token(lx, t);
	}
	t->len = lx->pos - t->off;
}
