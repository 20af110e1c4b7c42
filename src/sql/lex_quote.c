/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Strings, quoted names, numbers and operators. */
#include "config.h"
#include "sql/lex.h"

#include <string.h>

static bool
is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool
is_hex(char c)
{
	return is_digit(c) || ((c | 0x20) >= 'a' && (c | 0x20) <= 'f');
}

static bool
is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\f' || c == '\n' || c == '\r';
}

/* PostgreSQL: a string goes on after blanks with a line break in them. */
static size_t
continued(const struct sql_lexer *lx, size_t pos)
{
	bool line = false;

	for (; pos < lx->n; pos++) {
		char c = lx->text[pos];

		if (c == '\n' || c == '\r') {
			line = true;
		} else if (c == '-' && pos + 1 < lx->n && lx->text[pos + 1] == '-') {
			while (pos < lx->n && lx->text[pos] != '\n' && lx->text[pos] != '\r')
				pos++;
			pos--;
		} else if (!is_blank(c)) {
			break;
		}
	}
	return line && pos < lx->n && lx->text[pos] == '\'' ? pos : 0;
}

/* gbk, big5, sjis: a backslash or backtick may be the second half of a letter, or stand for itself. */
static bool
half_letter(const struct sql_lexer *lx, size_t pos)
{
	return lx->set->half_letters && pos + 1 < lx->n && (lx->text[pos + 1] == '\\' || lx->text[pos + 1] == '`');
}

/* At the opening quote. A doubled quote stays inside, a backslash hides the next byte. */
void
lex_string(struct sql_lexer *lx, struct sql_token *t, bool backslash)
{
	const char *p = lx->text;
	char quote = p[lx->pos];
	size_t pos = lx->pos + 1;
	bool torn = false;

	t->tok = TOK_STRING;
	while (pos < lx->n && !torn) {
		if (p[pos] == '\\' && backslash) {
			pos += 2;
			continue;
		}
		if (p[pos] != quote) {
			if ((p[pos] & 0x80) && half_letter(lx, pos))
				torn = true;
			pos++;
			continue;
		}
		pos++;
		if (pos < lx->n && p[pos] == quote) {
			pos++;
			continue;
		}
		if (lx->dialect->continued_strings) {
			size_t more = continued(lx, pos);

			if (more > 0) {
				pos = more + 1;
				continue;
			}
		}
		lx->pos = pos;
		return;
	}
	t->flags |= TOKF_OPEN;
	lx->pos = lx->n;
}

/* At the opening mark; "]" cannot stand inside brackets, other marks are doubled. */
void
lex_quoted(struct sql_lexer *lx, struct sql_token *t, char close)
{
	size_t pos = lx->pos + 1;

	t->tok = TOK_NAME;
	for (;;) {
		const char *end = pos < lx->n ? memchr(lx->text + pos, close, lx->n - pos) : NULL;

		if (end == NULL) {
			t->flags |= TOKF_OPEN;
			lx->pos = lx->n;
			return;
		}
		pos = (size_t)(end - lx->text) + 1;
		if (close == ']' || pos >= lx->n || lx->text[pos] != close)
			break;
		pos++;
	}
	lx->pos = pos;
}

/* $tag$...$tag$; false when no dollar quote begins here. */
bool
lex_dollar(struct sql_lexer *lx, struct sql_token *t)
{
	const char *p = lx->text + lx->pos;
	size_t n = lx->n - lx->pos;
	size_t tag = 1;
	size_t pos;

	while (tag < n && p[tag] != '$' && lex_is_word_byte((unsigned char)p[tag]) && !(tag == 1 && is_digit(p[1])))
		tag++;
	if (tag >= n || p[tag] != '$')
		return false;
	tag++;
	t->tok = TOK_STRING;
	t->flags |= TOKF_DOLLAR;
	for (pos = tag; pos < n;) {
		const char *mark = memchr(p + pos, '$', n - pos);

		if (mark == NULL)
			break;
		pos = (size_t)(mark - p);
		if (n - pos >= tag && memcmp(mark, p, tag) == 0) {
			lx->pos += pos + tag;
			return true;
		}
		pos++;
	}
	t->flags |= TOKF_OPEN;
	lx->pos = lx->n;
	return true;
}

static size_t
digits(const char *p, size_t n, size_t len)
{
	while (len < n && (is_digit(p[len]) || (p[len] == '_' && len > 0 && is_digit(p[len - 1])
	    && len + 1 < n && is_digit(p[len + 1]))))
		len++;
	return len;
}

static size_t
exponent(const char *p, size_t n, size_t len)
{
	size_t sign;

	if (len >= n || (p[len] | 0x20) != 'e')
		return len;
	sign = len + 1 < n && (p[len + 1] == '+' || p[len + 1] == '-') ? 2 : 1;
	if (len + sign >= n || !is_digit(p[len + sign]))
		return len;
	return digits(p, n, len + sign);
}

/* 0x1f 0b1 0o7; 0 when it is none. */
static size_t
based(const char *p, size_t n)
{
	size_t len = 2;

	if (n < 3 || p[0] != '0')
		return 0;
	if ((p[1] | 0x20) == 'x') {
		while (len < n && (is_hex(p[len]) || (p[len] == '_' && len + 1 < n && is_hex(p[len + 1]))))
			len++;
	} else if ((p[1] | 0x20) == 'b' || (p[1] | 0x20) == 'o') {
		while (len < n && is_digit(p[len]))
			len++;
	}
	return len > 2 ? len : 0;
}

/* MariaDB, MySQL: 1a, 1_0, 0X1 and what follows a dot are names, 0x1f is a number when it ends there, and 1e5
 * is a number whatever follows: SELECT 1e5INTO OUTFILE ... writes a file. */
static bool
word_with_digits(const struct sql_lexer *lx, const char *p, size_t n, size_t *len)
{
	size_t run = 0;
	size_t number = 0;

	if (!lx->dialect->words_begin_with_digits || p[0] == '.')
		return false;
	while (run < n && lex_is_word_byte((unsigned char)p[run]))
		run++;
	*len = run;
	if (lx->pos > 0 && p[-1] == '.')
		return true;
	if (run > 2 && p[0] == '0' && (p[1] == 'x' || p[1] == 'b')) {
		for (number = 2; number < run && (p[1] == 'x' ? is_hex(p[number]) : p[number] == '0' || p[number] == '1');)
			number++;
		return number < run;
	}
	while (number < run && is_digit(p[number]))
		number++;
	return number < run && exponent(p, n, number) == number;
}

void
lex_number(struct sql_lexer *lx, struct sql_token *t)
{
	const char *p = lx->text + lx->pos;
	size_t n = lx->n - lx->pos;
	size_t len;

	if (word_with_digits(lx, p, n, &len)) {
		t->tok = TOK_WORD;
		lx->pos += len;
		return;
	}
	t->tok = TOK_NUMBER;
	len = based(p, n);
	if (lx->dialect->words_begin_with_digits && p[0] == '0' && n > 1 && p[1] != 'x' && p[1] != 'b')
		len = 0;
	if (len == 0) {
		len = digits(p, n, 0);
		/* "1..2" is a range, not a fraction */
		if (len < n && p[len] == '.' && !(len + 1 < n && p[len + 1] == '.'))
			len = digits(p, n, len + 1);
		len = exponent(p, n, len);
	}
	lx->pos += len;
	if (lx->dialect->engine == SQL_SQLITE && len < n && lex_is_word_byte((unsigned char)p[len])) {
		t->tok = TOK_BAD;
		while (lx->pos < lx->n && lex_is_word_byte((unsigned char)lx->text[lx->pos]))
			lx->pos++;
	}
}

static bool
is_op(char c)
{
	return c != '\0' && strchr("+-*/<>=~!@#%^&|`?", c) != NULL;
}

/* PostgreSQL: the longest run, cut before a comment; no + or - at the end of a plain one. */
static size_t
munch(const char *p, size_t n)
{
	bool special = false;
	size_t len = 0;

	for (; len < n && is_op(p[len]); len++) {
		if (len + 1 < n && ((p[len] == '-' && p[len + 1] == '-') || (p[len] == '/' && p[len + 1] == '*')))
			break;
		if (strchr("~!@#%^&|`?", p[len]) != NULL)
			special = true;
	}
	while (len > 1 && !special && (p[len - 1] == '+' || p[len - 1] == '-'))
		len--;
	return len;
}

static size_t
known_operator(const char *p, size_t n)
{
	static const char *const ops[] = {
		"<=>", "->>", "<<", ">>", "<=", ">=", "<>", "!=", "==", ":=", "||", "&&", "->"
	};

	for (size_t i = 0; i < sizeof(ops) / sizeof(ops[0]); i++) {
		size_t len = strlen(ops[i]);

		if (len <= n && memcmp(ops[i], p, len) == 0)
			return len;
	}
	return 1;
}

void
lex_operator(struct sql_lexer *lx, struct sql_token *t)
{
	const char *p = lx->text + lx->pos;
	size_t n = lx->n - lx->pos;
	size_t len;

	t->tok = TOK_OP;
	if (!lx->dialect->munch_operators)
		len = known_operator(p, n);
	else if (p[0] == ':')
		len = n > 1 && (p[1] == ':' || p[1] == '=') ? 2 : 1;
	else
		len = munch(p, n);
	lx->pos += len > 0 ? len : 1;
}
