/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Operators: in PostgreSQL each one calls a function. */
#include "config.h"
#include "sql/walk.h"

#include <stdlib.h>
#include <string.h>

/* Every operator of PostgreSQL 9.6 to 18, sorted for bsearch. */
static const char *const builtin[] = {
	"!!", "!~", "!~*", "!~~", "!~~*", "#", "##", "#-", "#=", "#>", "#>>", "%", "&", "&&", "&<", "&<|", "&>",
	"*", "*<", "*<=", "*<>", "*=", "*>", "*>=", "+", "-", "->", "->>", "-|-", "/", "<", "<->", "<<",
	"<<=", "<<|", "<=", "<>", "<@", "<^", "=", ">", ">=", ">>", ">>=", ">^", "?", "?#", "?&", "?-", "?-|",
	"?|", "?||", "@", "@-@", "@>", "@?", "@@", "@@@", "^", "^@", "|", "|&>", "|/", "|>>", "||", "||/",
	"~", "~*", "~<=~", "~<~", "~=", "~>=~", "~>~", "~~", "~~*",
};

static int
compare(const void *a, const void *b)
{
	return strcmp(a, *(const char *const *)b);
}

static bool
is_builtin(const char *p, size_t n)
{
	char op[8];

	if (n == 2 && p[0] == '!' && p[1] == '=')
		return true;
	if (n == 0 || n >= sizeof(op))
		return false;
	memcpy(op, p, n);
	op[n] = '\0';
	return bsearch(op, builtin, sizeof(builtin) / sizeof(builtin[0]), sizeof(builtin[0]), compare) != NULL;
}

static void
use_operator(struct ctx *c, const char *p, size_t n)
{
	ctx_note_operator(c, p, n);
	if (c->d->engine != SQL_POSTGRES || c->dormant || is_builtin(p, n))
		return;
	ctx_danger(c, SQL_DANGER_UNKNOWN_FUNCTION);
	c->may_commit = false;
	ctx_raise(c, SQL_CLASS_CALL, "it uses an operator that twokey does not know, so its effect is not known");
}

/* a::schema.type(n): what follows is a type and no call. */
static void
cast_type(struct walker *w)
{
	struct ctx *c = w->c;
	struct name nm;

	c->f->has_cast = true;
	ctx_step(c);
	if (ctx_take_name(c, &nm) && cur(c)->tok == TOK_OPEN)
		walk_push(w, FRAME_NAMES, AT_START);
}

/* The star of SELECT * and count(*) is no operator. */
static bool
is_star(const struct ctx *c, const struct sql_token *t)
{
	const struct sql_token *prev = &c->prev;

	if (t->len != 1 || *ctx_text(c, t) != '*')
		return false;
	return prev->tok == TOK_OPEN || prev->tok == TOK_COMMA || prev->tok == TOK_DOT
	    || (prev->tok == TOK_WORD && (prev->kwf & KWF_ALL) != 0);
}

void
walk_operator(struct walker *w)
{
	struct ctx *c = w->c;
	const struct sql_token *t = cur(c);
	const char *p = ctx_text(c, t);

	if (w->top->clause == AT_START)
		w->top->clause = AT_EXPR;
	if (t->len == 2 && p[0] == ':' && p[1] == ':') {
		cast_type(w);
		return;
	}
	if (p[0] == ':' && t->len == 2 && c->d->at_vars)
		ctx_danger(c, SQL_DANGER_VOLATILE);	/* a user variable has no power by itself */
	else if (p[0] != ':' && !(t->len == 2 && p[0] == '=' && p[1] == '>') && !is_star(c, t))
		use_operator(c, p, t->len);
	if (w->top->clause == AT_SET)
		w->top->clause = AT_SET_VALUE;
	ctx_step(c);
}

void
walk_keyword_operator(struct walker *w, enum sql_kw kw)
{
	struct ctx *c = w->c;

	if (c->d->engine != SQL_POSTGRES)
		return;
	switch ((int)kw) {
	case KW_LIKE:
		ctx_note_operator(c, "~~", 2);
		ctx_note_operator(c, "!~~", 3);
		break;
	case KW_ILIKE:
		ctx_note_operator(c, "~~*", 3);
		ctx_note_operator(c, "!~~*", 4);
		break;
	case KW_SIMILAR:
		ctx_note_operator(c, "~", 1);
		ctx_note_operator(c, "!~", 2);
		break;
	case KW_BETWEEN:
		ctx_note_operator(c, ">=", 2);
		ctx_note_operator(c, "<=", 2);
		ctx_note_operator(c, ">", 1);
		ctx_note_operator(c, "<", 1);
		break;
	case KW_IN:
		ctx_note_operator(c, "=", 1);
		ctx_note_operator(c, "<>", 2);
		break;
	case KW_CASE: case KW_DISTINCT: case KW_USING:
		ctx_note_operator(c, "=", 1);
		break;
	default:
		break;
	}
}
