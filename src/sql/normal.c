/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"
#include "twokey/sql/normal.h"

#include <string.h>

#include "twokey/base/digest.h"

#include "sql/fn.h"
#include "sql/lex.h"

/* What a token is for the shape: its letter goes before its text. */
enum shape { SHAPE_EXACT = 'x', SHAPE_FOLDED = 'f', SHAPE_VALUE = 'v', SHAPE_LIST = 'l' };

struct normal {
	struct sql_lexer lx;
	struct digest_sum *sum;
	struct sql_token prev;
	bool told;		/* something was told */
	bool stop;		/* a semicolon is not told yet: at either end it does not count */
};

/* The next token that is neither blank nor comment; what a server may execute of a comment stays. */
static void
next(struct sql_lexer *lx, struct sql_token *t)
{
	do
		lex_next(lx, t);
	while (t->tok == TOK_SPACE || (t->tok == TOK_COMMENT
	    && !(t->flags & (TOKF_SKIPPED | TOKF_HINT | TOKF_OPEN))));
}

static void
tell(struct normal *m, enum shape shape, const char *p, size_t n)
{
	char letter = (char)shape;

	digest_add(m->sum, &letter, 1);
	digest_add_part(m->sum, p, n);
}

static void
tell_folded(struct normal *m, const char *p, size_t n)
{
	char word[256];

	if (n > sizeof(word)) {
		tell(m, SHAPE_EXACT, p, n);
		return;
	}
	for (size_t i = 0; i < n; i++)
		word[i] = p[i] >= 'A' && p[i] <= 'Z' ? (char)(p[i] + 32) : p[i];
	tell(m, SHAPE_FOLDED, word, n);
}

static bool
is_value(const struct sql_token *t)
{
	return !(t->flags & TOKF_OPEN)
	    && (t->tok == TOK_STRING || t->tok == TOK_NUMBER || t->tok == TOK_PARAM);
}

static bool
is_sign(const struct normal *m, const struct sql_token *t)
{
	return t->tok == TOK_OP && t->len == 1 && (m->lx.text[t->off] == '-' || m->lx.text[t->off] == '+');
}

/* A sign that belongs to the number behind it. */
static bool
is_signed(const struct normal *m, const struct sql_token *t)
{
	struct sql_lexer lx = m->lx;
	struct sql_token number;

	if (!is_sign(m, t) || (m->prev.tok != TOK_OP && m->prev.tok != TOK_OPEN && m->prev.tok != TOK_COMMA))
		return false;
	next(&lx, &number);
	return number.tok == TOK_NUMBER;
}

/* Behind IN: ( literal, literal, ... ); the lexer is behind it then. */
static bool
take_list(struct normal *m)
{
	struct sql_lexer lx = m->lx;
	struct sql_token t;

	next(&lx, &t);
	if (t.tok != TOK_OPEN)
		return false;
	do {
		next(&lx, &t);
		if (is_sign(m, &t))
			next(&lx, &t);
		if (!is_value(&t))
			return false;
		next(&lx, &t);
	} while (t.tok == TOK_COMMA);
	if (t.tok != TOK_CLOSE)
		return false;
	m->lx = lx;
	m->prev = t;
	return true;
}

/* Does the case of this word not matter to the engine? */
static bool
folds(const struct normal *m, const struct sql_token *t)
{
	const char *p = m->lx.text + t->off;
	char name[64];

	if (!m->lx.dialect->at_vars)
		return true;
	if (m->prev.tok == TOK_DOT || t->len > sizeof(name))
		return false;
	if (t->kw != KW_NO)
		return true;
	for (size_t i = 0; i < t->len; i++)
		name[i] = p[i] >= 'A' && p[i] <= 'Z' ? (char)(p[i] + 32) : p[i];
	return fn_effect(m->lx.dialect->engine, name, t->len) != FN_UNKNOWN;
}

static void
tell_token(struct normal *m, const struct sql_token *t)
{
	const char *p = m->lx.text + t->off;

	if (m->stop && m->told)
		tell(m, SHAPE_EXACT, ";", 1);
	m->stop = false;
	m->told = true;
	if (is_value(t))
		tell(m, SHAPE_VALUE, "?", 1);
	else if (t->tok == TOK_WORD && folds(m, t))
		tell_folded(m, p, t->len);
	else if (!is_signed(m, t))
		tell(m, SHAPE_EXACT, p, t->len);
	m->prev = *t;
	if (t->tok == TOK_WORD && t->kw == KW_IN && take_list(m))
		tell(m, SHAPE_LIST, "?", 1);
}

void
sql_normal_digest(const struct sql_settings *set, const char *sql, size_t n, struct digest *out)
{
	static const char domain[] = "twokey sql shape 1";
	struct normal m;
	struct sql_token t;

	memset(&m.prev, 0, sizeof(m.prev));
	m.prev.tok = TOK_OPEN;
	m.told = m.stop = false;
	m.sum = digest_begin();
	digest_add_part(m.sum, domain, sizeof(domain) - 1);
	lex_init(&m.lx, set, sql, n);
	for (next(&m.lx, &t); t.tok != TOK_END; next(&m.lx, &t)) {
		if (t.tok == TOK_SEMI)
			m.stop = true;
		else
			tell_token(&m, &t);
	}
	*out = digest_end(m.sum);
}
