/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Passwords and keys in the text: found by the words before them and by what strings look like. */
#include "config.h"
#include "sql/ctx.h"

#include <string.h>
#include <strings.h>

static const char *
find(const char *p, size_t n, const char *word)
{
	size_t len = strlen(word);

	for (size_t i = 0; i + len <= n; i++)
		if ((p[i] | 0x20) == word[0] && strncasecmp(p + i, word, len) == 0)
			return p + i;
	return NULL;
}

static bool
assigns(const char *p, size_t n, const char *word)
{
	const char *end = p + n;
	const char *at = p;

	while ((at = find(at, (size_t)(end - at), word)) != NULL) {
		at += strlen(word);
		while (at < end && (*at == ' ' || *at == '\t' || *at == '"' || *at == '\''))
			at++;
		if (at < end && (*at == '=' || *at == ':'))
			return true;
	}
	return false;
}

/* scheme://user:password@host */
static bool
has_userinfo(const char *p, size_t n)
{
	const char *end = p + n;
	const char *at = p;

	while ((at = find(at, (size_t)(end - at), "://")) != NULL) {
		bool colon = false;

		for (at += 3; at < end && *at != '/' && *at != ' ' && *at != '\'' && *at != '\n'; at++) {
			if (*at == ':')
				colon = true;
			if (*at == '@' && colon)
				return true;
		}
	}
	return false;
}

static bool
looks_secret(const char *p, size_t n)
{
	return assigns(p, n, "password") || assigns(p, n, "passwd") || assigns(p, n, "pwd")
	    || assigns(p, n, "secret") || has_userinfo(p, n);
}

static bool
names_secret(const struct ctx *c, const struct sql_token *t)
{
	const char *p = ctx_text(c, t);

	return find(p, t->len, "password") || find(p, t->len, "passwd") || find(p, t->len, "secret")
	    || (t->len >= 3 && strncasecmp(p + t->len - 3, "pwd", 3) == 0);
}

/* Between the word and its secret: = ( BY AS USING TO PASSWORD and the name of a plugin. */
static bool
is_between(const struct ctx *c, const struct sql_token *t, bool identified)
{
	if (t->tok == TOK_OPEN || ctx_is_op(c, t, "=") || ctx_is_op(c, t, ":="))
		return true;
	if (t->tok == TOK_WORD && (t->kw == KW_BY || t->kw == KW_AS || t->kw == KW_USING || t->kw == KW_TO
	    || t->kw == KW_PASSWORD || t->kw == KW_WITH || t->kw == KW_VIA || t->kw == KW_FOR))
		return true;
	return identified && (t->tok == TOK_WORD || t->tok == TOK_NAME);
}

void
ctx_find_secrets(struct ctx *c, size_t from, size_t to)
{
	struct sql_lexer lx;
	struct sql_token t;
	bool wanted = false;
	bool identified = false;

	lex_init(&lx, c->set, c->text, to);
	lx.pos = from;
	for (lex_next(&lx, &t); t.tok != TOK_END; lex_next(&lx, &t)) {
		if (t.tok == TOK_SPACE)
			continue;
		if (t.tok == TOK_COMMENT || t.tok == TOK_BAD) {
			if (looks_secret(ctx_text(c, &t), t.len))
				ctx_note_secret(c, &t);
			continue;
		}
		if (t.tok == TOK_STRING && (wanted || looks_secret(ctx_text(c, &t), t.len))) {
			ctx_note_secret(c, &t);
			continue;
		}
		if (is_kw(&t, KW_IDENTIFIED)) {
			wanted = identified = true;
		} else if ((t.tok == TOK_WORD || t.tok == TOK_NAME) && names_secret(c, &t)) {
			wanted = true;
		} else if (wanted && !is_between(c, &t, identified)) {
			wanted = identified = false;
		}
	}
}
