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
		bool apart = false;

		at += strlen(word);
		for (const char *p2 = at; p2 < end && (*p2 == ' ' || *p2 == '\t' || *p2 == '\n'); p2++)
			apart = p2 + 1 < end && (p2[1] == '\'' || p2[1] == '"');
		if (apart)	/* SQL in a string: PASSWORD 'x', IDENTIFIED BY 'x' */
			return true;
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
	    || assigns(p, n, "secret") || assigns(p, n, "identified by") || has_userinfo(p, n);
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
	(void)c;
	if (t->tok == TOK_OPEN || t->tok == TOK_OP)
		return true;
	if (t->tok == TOK_WORD && (t->kw == KW_BY || t->kw == KW_AS || t->kw == KW_USING || t->kw == KW_TO
	    || t->kw == KW_PASSWORD || t->kw == KW_WITH || t->kw == KW_VIA || t->kw == KW_FOR
	    || t->kw == KW_IN || t->kw == KW_LIKE || t->kw == KW_NOT))
		return true;
	return identified && (t->tok == TOK_WORD || t->tok == TOK_NAME || t->tok == TOK_VAR);
}

/* INSERT INTO users (name, password) VALUES ('anna', 'x'): the column tells which value. */
struct columns {
	bool insert;		/* INSERT or REPLACE was read */
	bool values;
	unsigned depth;
	unsigned at;		/* the column or value */
	uint64_t secret;	/* bits of the columns that hold one */
};

static void
columns_feed(struct ctx *c, struct columns *k, const struct sql_token *t)
{
	if (is_kw(t, KW_INSERT) || is_kw(t, KW_REPLACE)) {
		*k = (struct columns){ .insert = true };
	} else if (t->tok == TOK_SEMI) {
		*k = (struct columns){ .insert = false };
	} else if (k->insert && k->depth == 0 && (is_kw(t, KW_VALUES) || is_kw(t, KW_SELECT) || is_kw(t, KW_VALUE))) {
		k->values = true;
		k->at = 0;
	} else if (t->tok == TOK_OPEN) {
		if (k->depth++ == 0)
			k->at = 0;
	} else if (t->tok == TOK_CLOSE && k->depth > 0) {
		k->depth--;
	} else if (t->tok == TOK_COMMA && k->depth <= 1) {
		k->at++;
	} else if (k->insert && !k->values && k->depth == 1 && k->at < 64 && names_secret(c, t)) {
		k->secret |= UINT64_C(1) << k->at;
	} else if (k->values && k->at < 64 && (k->secret >> k->at & 1) && t->tok == TOK_STRING) {
		ctx_note_secret(c, t);
	}
}

void
ctx_find_secrets(struct ctx *c, size_t from, size_t to)
{
	struct sql_lexer lx;
	struct sql_token t;
	bool wanted = false;
	bool identified = false;
	bool listed = false;
	bool operator = false;	/* one stood before */
	bool called = false;	/* a function may stand around the secret: MD5( */
	struct columns columns = { .insert = false };

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
		columns_feed(c, &columns, &t);
		if (called && t.tok != TOK_OPEN)
			wanted = identified = false;
		called = wanted && operator && (t.tok == TOK_WORD || t.tok == TOK_NAME);
		operator = t.tok == TOK_OP;
		if (t.tok == TOK_COMMA && listed)
			continue;	/* password IN ('a', 'b') */
		listed = t.tok == TOK_STRING && wanted;
		if (t.tok == TOK_STRING && (wanted || looks_secret(ctx_text(c, &t), t.len))) {
			ctx_note_secret(c, &t);
			continue;
		}
		if (is_kw(&t, KW_IDENTIFIED)) {
			wanted = identified = true;
		} else if ((t.tok == TOK_WORD || t.tok == TOK_NAME || t.tok == TOK_VAR) && names_secret(c, &t)) {
			wanted = true;
		} else if (wanted && is_kw(&t, KW_FOR)) {
			identified = true;	/* SET PASSWORD FOR anna = */
		} else if (wanted && !called && !is_between(c, &t, identified)) {
			wanted = identified = false;
		}
	}
}

/* key, rekey, hexkey, textkey, hexrekey ..., quoted or not. */
static bool
is_key(const struct ctx *c, const struct sql_token *t)
{
	const char *p = ctx_text(c, t);
	size_t n = t->len;

	if (t->tok != TOK_WORD && t->tok != TOK_NAME)
		return false;
	while (n > 0 && strchr("\"`]", p[n - 1]) != NULL)
		n--;
	return n >= 3 && strncasecmp(p + n - 3, "key", 3) == 0;
}

void
ctx_find_keys(struct ctx *c, size_t n)
{
	struct sql_lexer lx;
	struct sql_token t;
	bool inside = false, wanted = false;

	lex_init(&lx, c->set, c->text, n);
	for (lex_next(&lx, &t); t.tok != TOK_END; lex_next(&lx, &t)) {
		if (t.tok == TOK_SPACE || t.tok == TOK_COMMENT)
			continue;
		if (t.tok == TOK_SEMI || t.tok == TOK_STOP) {
			inside = wanted = false;
		} else if (is_kw(&t, KW_PRAGMA) || is_kw(&t, KW_ATTACH)) {
			inside = true;
		} else if (inside && t.tok == TOK_STRING && assigns(ctx_text(c, &t), t.len, "key")) {
			ctx_note_secret(c, &t);		/* 'file:x.db?key=...' */
		} else if (inside && !wanted) {
			wanted = is_key(c, &t);
		} else if (wanted && t.tok != TOK_OP && t.tok != TOK_OPEN && t.tok != TOK_CLOSE && t.tok != TOK_DOT) {
			ctx_note_secret(c, &t);
		}
	}
}
