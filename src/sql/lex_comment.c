/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Comments, and those that MariaDB and MySQL execute. */
#include "config.h"
#include "sql/lex.h"

#include <string.h>
#include <strings.h>

static char
at(const struct sql_lexer *lx, size_t ahead)
{
	return ahead < lx->n - lx->pos ? lx->text[lx->pos + ahead] : '\0';
}

static bool
is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool
dash_begins(const struct sql_lexer *lx)
{
	unsigned char c;

	if (at(lx, 1) != '-')
		return false;
	if (!(lx->dialect->comments & COMMENT_DASH_BLANK))
		return true;
	/* at the end of the text the server sees its own NUL, which is a control byte too */
	c = (unsigned char)at(lx, 2);
	return c <= ' ' || c == 0x7f;
}

bool
lex_is_comment(const struct sql_lexer *lx)
{
	switch (lx->text[lx->pos]) {
	case '-':
		return dash_begins(lx);
	case '/':
		return at(lx, 1) == '*';
	case '#':
		return (lx->dialect->comments & COMMENT_HASH) != 0;
	case '*':
		return lx->exec > 0 && at(lx, 1) == '/';
	default:
		return false;
	}
}

void
lex_line(struct sql_lexer *lx, struct sql_token *t)
{
	bool cr = (lx->dialect->comments & COMMENT_CR_ENDS) != 0;

	t->tok = TOK_COMMENT;
	while (lx->pos < lx->n && lx->text[lx->pos] != '\n' && !(cr && lx->text[lx->pos] == '\r')) {
		if (lx->text[lx->pos] == '\0')
			t->tok = TOK_BAD;
		lx->pos++;
	}
}

/* PostgreSQL: comments nest. */
static void
nested(struct sql_lexer *lx, struct sql_token *t)
{
	size_t depth = 1;

	lx->pos += 2;
	while (lx->pos < lx->n) {
		if (at(lx, 0) == '*' && at(lx, 1) == '/') {
			lx->pos += 2;
			if (--depth == 0)
				return;
		} else if (at(lx, 0) == '/' && at(lx, 1) == '*') {
			lx->pos += 2;
			depth++;
		} else {
			lx->pos++;
		}
	}
	t->flags |= TOKF_OPEN;
	t->tok = TOK_BAD;
}

/* From inside to behind the closing mark; another opening mark inside is told. */
static bool
skip_flat(struct sql_lexer *lx, bool *inner)
{
	while (lx->pos < lx->n) {
		const char *p = memchr(lx->text + lx->pos, '*', lx->n - lx->pos);

		if (p == NULL)
			break;
		lx->pos = (size_t)(p - lx->text);
		if (at(lx, 1) == '/') {
			lx->pos += 2;
			return true;
		}
		if (lx->pos > 0 && p[-1] == '/')
			*inner = true;
		lx->pos++;
	}
	lx->pos = lx->n;
	return false;
}

static bool
has_set_var(const char *p, size_t n)
{
	for (size_t i = 0; i + 7 <= n; i++)
		if ((p[i] | 0x20) == 's' && strncasecmp(p + i, "set_var", 7) == 0)
			return true;
	return false;
}

static void
flat(struct sql_lexer *lx, struct sql_token *t)
{
	bool hint = at(lx, 2) == '+' && (lx->dialect->comments & COMMENT_EXEC);
	bool inner = false;
	size_t from = lx->pos;

	lx->pos += 2;
	if (!skip_flat(lx, &inner)) {
		t->flags |= TOKF_OPEN;
		if (!(lx->dialect->comments & COMMENT_OPEN_OK))
			t->tok = TOK_BAD;
	}
	if (hint && has_set_var(lx->text + from, lx->pos - from))
		t->flags |= TOKF_HINT;
}

/* Does this version of the server run what stands in the comment? */
static bool
executes(const struct sql_lexer *lx, unsigned version, bool maria_only)
{
	unsigned server = lx->set->version;

	if (lx->dialect->engine == SQL_MYSQL)
		return !maria_only && version <= (server ? server : 99999);
	/* MariaDB passes over what MySQL 5.7 and later mean for themselves */
	if (!maria_only && version >= 50700 && version <= 99999)
		return false;
	return version <= (server ? server : 129999);
}

/* The server's version is not known, and some that are in use run it while others do not. */
static bool
unclear(const struct sql_lexer *lx, unsigned version)
{
	if (lx->set->version != 0)
		return false;
	return lx->dialect->engine == SQL_MYSQL ? version > 50700 && version < 99990
	    : version > 100300 && version < 200000;
}

/* At "/" "*" "!" or "/" "*M!": either a mark before SQL or a comment as a whole. */
static void
executable(struct sql_lexer *lx, struct sql_token *t, size_t mark)
{
	bool maria_only = mark == 4;
	unsigned version = 0;
	size_t len = mark;
	bool inner = false;

	while (len < mark + 6 && is_digit(at(lx, len)))
		version = version * 10 + (unsigned)(at(lx, len++) - '0');
	if (len < mark + 5) {
		len = mark;
		version = 0;
	}
	if (len == mark + 6 && lx->dialect->engine == SQL_MYSQL && lx->set->version != 0
	    && lx->set->version < 80000) {
		version /= 10;
		len--;
	}
	if (unclear(lx, version)) {
		lx->pos += 2;
		t->flags |= TOKF_SKIPPED;
		skip_flat(lx, &inner);
		t->tok = TOK_BAD;
		return;
	}
	if (lx->exec == 0 && executes(lx, version, maria_only)) {
		t->tok = TOK_EXEC;
		lx->pos += len;
		lx->exec = 1;
		return;
	}
	lx->pos += 2;
	t->flags |= TOKF_SKIPPED;
	/* how deep a skipped one nests differs by version, so one inside it cannot be read */
	if (!skip_flat(lx, &inner) || inner || lx->exec)
		t->tok = TOK_BAD;
}

void
lex_comment(struct sql_lexer *lx, struct sql_token *t)
{
	t->tok = TOK_COMMENT;
	if (at(lx, 0) == '*') {
		t->tok = TOK_EXEC;
		lx->exec = 0;
		lx->pos += 2;
	} else if (at(lx, 0) != '/') {
		lex_line(lx, t);
	} else if (lx->dialect->comments & COMMENT_NESTED) {
		nested(lx, t);
	} else if ((lx->dialect->comments & COMMENT_EXEC) && at(lx, 2) == '!') {
		executable(lx, t, 3);
	} else if ((lx->dialect->comments & COMMENT_EXEC) && at(lx, 2) == 'M' && at(lx, 3) == '!') {
		executable(lx, t, 4);
	} else {
		flat(lx, t);
	}
}
