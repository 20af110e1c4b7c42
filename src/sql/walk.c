/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"
#include "sql/walk.h"

#include <string.h>

void
walk_push(struct walker *w, enum frame_kind kind, enum clause clause)
{
	struct ctx *c = w->c;

	if (w->depth + 1 == CTX_FRAMES) {
		ctx_danger(c, SQL_DANGER_DEEP);
		ctx_raise(c, SQL_CLASS_UNKNOWN, "it is nested deeper than twokey follows");
		ctx_skip_rest(c);
		return;
	}
	ctx_step(c);
	w->top = &w->frames[++w->depth];
	memset(w->top, 0, sizeof(*w->top));
	w->top->kind = (unsigned char)kind;
	w->top->clause = (unsigned char)clause;
	w->top->ctes = (uint16_t)c->nctes;
}

/* UPDATE and DELETE that end without WHERE mean every row. */
static void
frame_end(struct walker *w, const struct frame *fr)
{
	if ((fr->dml == DML_UPDATE || fr->dml == DML_DELETE) && !fr->has_where && !w->c->dormant)
		ctx_note_where(w->c, SQL_WHERE_ABSENT);
	w->c->nctes = fr->ctes;
}

static void
pop(struct walker *w)
{
	struct ctx *c = w->c;
	struct frame *fr = w->top;

	frame_end(w, fr);
	if (fr->rewrite && fr->commas != 2 && !c->dormant) {
		ctx_danger(c, SQL_DANGER_EFFECT_FUNCTION);
		ctx_raise(c, SQL_CLASS_CALL, "it calls ts_rewrite(), which runs the SQL in its argument");
	}
	w->top = &w->frames[--w->depth];
	walk_side_end(w, fr);
	if (fr->distinct) {
		ctx_step(c);
		c->prev.tok = TOK_COMMA;	/* what follows begins anew */
		return;
	}
	if (fr->kind == FRAME_CTE) {
		if (c->nctes > 0)
			c->ctes[c->nctes - 1].frame = 0;	/* visible from here on */
		w->top->clause = AT_WITH_AFTER;
	} else if (w->top->clause == AT_START) {
		w->top->clause = w->top->kind == FRAME_FROM ? AT_FROM_AFTER : AT_EXPR;
	} else if (w->top->clause == AT_FROM) {
		w->top->clause = AT_FROM_AFTER;
	} else if (w->top->clause == AT_SET) {
		w->top->clause = AT_SET_VALUE;
	}
	ctx_step(c);
}

/* A list of columns, or a query in parentheses. */
static bool
query_follows(struct ctx *c)
{
	const struct sql_token *t = ctx_ahead(c, 1);

	return is_kw(t, KW_SELECT) || is_kw(t, KW_WITH) || is_kw(t, KW_VALUES) || is_kw(t, KW_TABLE)
	    || t->tok == TOK_OPEN;
}

/* WHERE (, OR (, and a ( behind such a one. */
static bool
side_follows(const struct walker *w)
{
	const struct sql_token *prev = &w->c->prev;

	if (!w->top->in_where || w->top->kind != FRAME_QUERY)
		return false;
	return is_kw(prev, KW_WHERE) || is_kw(prev, KW_OR) || (w->top->side && prev->tok == TOK_OPEN);
}

static void
open_side(struct walker *w)
{
	walk_push(w, FRAME_QUERY, AT_START);
	w->top->side = w->top->in_where = true;
	walk_side(w);
}

static void
open(struct walker *w)
{
	struct frame *fr = w->top;
	struct ctx *c = w->c;
	bool distinct;

	if ((fr->clause == AT_EXPR || fr->clause == AT_START) && side_follows(w)) {
		open_side(w);
		return;
	}
	switch ((enum clause)fr->clause) {
	case AT_FROM:
		walk_push(w, FRAME_FROM, AT_START);
		return;
	case AT_START:
		walk_push(w, fr->kind == FRAME_FROM ? FRAME_FROM
		    : fr->kind == FRAME_NAMES || fr->kind == FRAME_COLUMNS ? FRAME_NAMES : FRAME_QUERY, AT_START);
		return;
	case AT_FROM_AFTER:
		walk_push(w, FRAME_NAMES, AT_START);
		return;
	case AT_TARGET_AFTER:
		if (fr->dml == DML_INSERT && query_follows(c))
			walk_push(w, FRAME_QUERY, AT_START);
		else
			walk_push(w, fr->dml == DML_INSERT && !is_kw(&c->prev, KW_PARTITION)
			    ? FRAME_COLUMNS : FRAME_NAMES, AT_START);
		return;
	case AT_SET:
		walk_push(w, FRAME_COLUMNS, AT_START);
		return;
	case AT_TARGET:
		fr->clause = AT_TARGET_AFTER;
		walk_push(w, FRAME_QUERY, query_follows(c) && ctx_ahead(c, 1)->tok != TOK_OPEN ? AT_START : AT_TARGET);
		return;
	case AT_EXPR: case AT_ON: case AT_SET_VALUE: case AT_WITH: case AT_WITH_AFTER:
	case AT_WITH_TAIL:
		break;
	}
	distinct = is_kw(&c->prev, KW_ON) && is_kw(&c->prev2, KW_DISTINCT);
	walk_push(w, fr->kind == FRAME_NAMES || fr->kind == FRAME_COLUMNS ? FRAME_NAMES
	    : fr->kind == FRAME_PHRASE ? FRAME_PHRASE : FRAME_QUERY, AT_START);
	w->top->distinct = distinct;
}

static void
comma(struct walker *w)
{
	struct frame *fr = w->top;

	if (fr->commas < 255)
		fr->commas++;
	switch ((enum clause)fr->clause) {
	case AT_FROM_AFTER:
	case AT_ON:
		fr->clause = AT_FROM;
		break;
	case AT_SET_VALUE:
		fr->clause = AT_SET;
		break;
	case AT_TARGET_AFTER:
		fr->clause = AT_TARGET;
		break;
	case AT_WITH_AFTER:
		fr->clause = AT_WITH;
		break;
	case AT_WITH_TAIL:
		if (is_kw(ctx_ahead(w->c, 2), KW_AS) || ctx_ahead(w->c, 2)->tok == TOK_OPEN)
			fr->clause = AT_WITH;
		break;
	case AT_START:
		fr->clause = AT_EXPR;
		break;
	case AT_EXPR: case AT_FROM: case AT_TARGET: case AT_SET: case AT_WITH:
		break;
	}
	ctx_step(w->c);
}

/* Words that no engine reserves, yet after which an expression begins. */
static bool
leads(enum sql_kw kw)
{
	return kw == KW_ESCAPE || kw == KW_ZONE || kw == KW_VALUE || kw == KW_REF || kw == KW_PASSING
	    || kw == KW_OPERATOR || kw == KW_FIRST || kw == KW_NEXT || kw == KW_RECURSIVE || kw == KW_PATH;
}

static bool
is_operand(const struct sql_token *t)
{
	switch ((int)t->tok) {
	case TOK_NAME: case TOK_NUMBER: case TOK_STRING: case TOK_CLOSE: case TOK_RBRACKET: case TOK_PARAM:
	case TOK_VAR:
		return true;
	case TOK_WORD:
		return t->kw == KW_NO || (t->kwf == 0 && !leads(t->kw)) || t->kw == KW_NULL || t->kw == KW_TRUE
		    || t->kw == KW_FALSE || t->kw == KW_END;
	default:
		return false;
	}
}

/* An operator when an operand stands before it, perhaps with NOT between; PostgreSQL lets each of these
 * be the name of a function elsewhere. */
static bool
is_infix(const struct walker *w, const struct sql_token *t, const struct sql_token *prev,
    const struct sql_token *prev2)
{
	bool pg = w->c->d->engine == SQL_POSTGRES;

	if (!(t->kwf & KWF_INFIX) || w->c->d->at_vars)
		return false;
	if (pg && t->kw != KW_LIKE && t->kw != KW_ILIKE && t->kw != KW_OVERLAPS)
		return false;
	return is_operand(prev) || (is_kw(prev, KW_NOT) && is_operand(prev2));
}

static bool
follows(const struct sql_token *prev, enum sql_kw a, enum sql_kw b, enum sql_kw d)
{
	return prev->tok == TOK_WORD && (prev->kw == a || prev->kw == b || prev->kw == d);
}

/* Words that may stand before "(" by grammar and be the name of a function elsewhere. */
static bool
phrase_word(struct walker *w, const struct sql_token *t, const struct sql_token *prev,
    const struct sql_token *prev2)
{
	switch ((int)t->kw) {
	case KW_OVER:
	case KW_FILTER:
		return prev->tok == TOK_CLOSE || is_kw(prev, KW_NULLS);
	case KW_BY:
		return follows(prev, KW_GROUP, KW_ORDER, KW_PARTITION);
	case KW_SETS:
		return ctx_tok_is(w->c, prev, "grouping");
	case KW_ZONE:
		return ctx_tok_is(w->c, prev, "time");
	case KW_FIRST:
	case KW_NEXT:
		return is_kw(prev, KW_FETCH);
	case KW_OF:
		return ctx_tok_is(w->c, prev, "member");
	case KW_CONFLICT:
		return is_kw(prev, KW_ON) && w->top->dml == DML_INSERT;
	case KW_AGAINST:
		return prev->tok == TOK_CLOSE;
	case KW_ANY:
	case KW_SOME:
		return prev->tok == TOK_OP || follows(prev, KW_LIKE, KW_ILIKE, KW_IN);
	case KW_ESCAPE: case KW_OFFSET: case KW_RETURNING:
		return is_operand(prev);
	case KW_PASSING: case KW_COLUMNS:
		return w->top->kind == FRAME_PHRASE && is_operand(prev);
	case KW_REF:
		return w->top->kind == FRAME_PHRASE && is_kw(prev, KW_BY) && is_kw(prev2, KW_PASSING);
	case KW_SECOND:
		return prev->tok == TOK_STRING || (is_kw(prev, KW_TO) && (ctx_tok_is(w->c, prev2, "day")
		    || ctx_tok_is(w->c, prev2, "hour") || ctx_tok_is(w->c, prev2, "minute")));
	case KW_VARYING:
		return ctx_tok_is(w->c, prev, "character") || ctx_tok_is(w->c, prev, "char")
		    || ctx_tok_is(w->c, prev, "bit") || ctx_tok_is(w->c, prev, "nchar");
	default:
		return false;
	}
}

static bool
is_call(struct walker *w, const struct name *nm, const struct sql_token *prev, const struct sql_token *prev2)
{
	const struct sql_token *t = &nm->part[0];

	if (nm->nparts > 1 || t->tok != TOK_WORD || t->kw == KW_NO)
		return true;
	if (t->kwf & w->c->d->kwf)
		return false;
	return !is_infix(w, t, prev, prev2) && !phrase_word(w, t, prev, prev2);
}

static bool
takes_phrase(const struct ctx *c, const struct name *nm)
{
	const char *p = ctx_text(c, &nm->part[0]);
	size_t n = nm->part[0].len;

	return nm->nparts == 1 && n > 4 && ((p[0] | 0x20) == 'x' || (p[0] | 0x20) == 'j');
}

/* MariaDB in its Oracle mode: s.nextval without parentheses. */
static bool
is_nextval(const struct ctx *c, const struct name *nm)
{
	return c->d->at_vars && nm->nparts > 1 && ctx_tok_is(c, &nm->part[nm->nparts - 1], "nextval");
}

void
walk_name(struct walker *w)
{
	struct ctx *c = w->c;
	struct sql_token prev = c->prev;
	struct sql_token prev2 = c->prev2;
	struct name nm;
	bool rewrite;

	if (!ctx_take_name(c, &nm)) {
		ctx_step(c);
		return;
	}
	if (cur(c)->tok != TOK_OPEN || nm.wildcard) {
		if (is_nextval(c, &nm))
			ctx_raise(c, SQL_CLASS_WRITE, "it advances a sequence");
		if (c->d->engine == SQL_POSTGRES)
			ctx_note_fields(c, &nm, prev.tok == TOK_DOT ? 0 : 1);
		if (c->d->engine == SQL_SQLITE && is_kw(&prev, KW_IN))
			walk_read_table(c, &nm);
		/* type 'text' */
		if (cur(c)->tok == TOK_STRING && !(nm.part[0].kwf & KWF_P))
			c->f->has_cast = true;
		return;
	}
	if (c->d->at_vars && is_kw(&nm.part[0], KW_DEFAULT) && nm.nparts == 1 && !c->dormant) {
		ctx_danger(c, SQL_DANGER_UNKNOWN_FUNCTION);
		ctx_raise(c, SQL_CLASS_CALL, "the default of a column may be a function or advance a sequence");
	}
	if (!is_call(w, &nm, &prev, &prev2))
		return;
	if (ctx_tok_is(c, &nm.part[0], "cast"))
		c->f->has_cast = true;
	rewrite = ctx_note_call(c, &nm) == FN_REWRITE;
	walk_push(w, takes_phrase(c, &nm) ? FRAME_PHRASE : FRAME_ARGS, AT_START);
	w->top->rewrite = rewrite;
}

static void
finish(struct walker *w)
{
	if (w->depth > 0)
		ctx_raise(w->c, SQL_CLASS_UNKNOWN, "a parenthesis is not closed");
	for (;; w->depth--) {
		frame_end(w, &w->frames[w->depth]);
		if (w->depth == 0)
			break;
	}
	if (w->c->ntargets > 0)
		walk_update_end(w->c);
}

static void
other(struct walker *w)
{
	if (w->top->clause == AT_START)
		w->top->clause = AT_EXPR;
	ctx_step(w->c);
}

void
ctx_walk(struct ctx *c, enum walk_start start)
{
	struct walker w;

	w.c = c;
	w.depth = 0;
	w.top = &w.frames[0];
	memset(w.top, 0, sizeof(*w.top));
	w.top->clause = start == WALK_QUERY ? AT_START : start == WALK_FROM ? AT_FROM : AT_EXPR;
	w.top->ctes = (uint16_t)c->nctes;
	while (!at_end(c)) {
		const struct sql_token *t = cur(c);
		size_t off = t->off;
		unsigned clause = w.top->clause;

		if (c->in_copy && w.depth == 0 && is_kw(t, KW_TO))
			break;

		switch (t->tok) {
		case TOK_OPEN:
			open(&w);
			break;
		case TOK_CLOSE:
			if (w.depth == 0 && c->opened > 0) {
				c->opened--;
				ctx_step(c);
			} else if (w.depth == 0) {
				ctx_raise(c, SQL_CLASS_UNKNOWN, "a parenthesis is closed that was not opened");
				ctx_step(c);
			} else {
				pop(&w);
			}
			break;
		case TOK_COMMA:
			comma(&w);
			break;
		case TOK_WORD: case TOK_NAME: case TOK_STRING:
			walk_word(&w);
			break;
		case TOK_OP:
			walk_operator(&w);
			break;
		case TOK_SEMI:
			ctx_raise(c, SQL_CLASS_UNKNOWN, "a semicolon stands where none may stand");
			ctx_step(c);
			break;
		case TOK_END: case TOK_SPACE: case TOK_COMMENT: case TOK_EXEC: case TOK_NUMBER: case TOK_PARAM:
		case TOK_VAR: case TOK_LBRACKET: case TOK_RBRACKET: case TOK_DOT: case TOK_STOP: case TOK_BAD:
			other(&w);
			break;
		}
		/* whatever happens, the walk goes on */
		if (!at_end(c) && cur(c)->off == off && w.top->clause == clause)
			ctx_step(c);
	}
	finish(&w);
}
