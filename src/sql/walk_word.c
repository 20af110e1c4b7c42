/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Words: each clause knows its own. */
#include "config.h"
#include "sql/walk.h"

#include <string.h>

static const char *const dml_reason[] = {
	[DML_INSERT] = "it adds rows to %", [DML_UPDATE] = "it changes rows of %",
	[DML_DELETE] = "it deletes rows of %", [DML_MERGE] = "it adds, changes or deletes rows of %"
};

static const char *const dml_verb[] = {
	[DML_SELECT] = "SELECT", [DML_INSERT] = "INSERT", [DML_UPDATE] = "UPDATE",
	[DML_DELETE] = "DELETE", [DML_MERGE] = "MERGE"
};

static void
set_verb(struct walker *w, const char *verb)
{
	if (w->depth == 0 && w->c->verb[0] == '\0')
		memcpy(w->c->verb, verb, strlen(verb) + 1);
}

void
walk_dml(struct walker *w, enum dml dml)
{
	struct ctx *c = w->c;

	set_verb(w, is_kw(cur(c), KW_REPLACE) ? "REPLACE" : dml_verb[dml]);
	w->top->dml = (unsigned char)dml;
	w->top->clause = AT_TARGET;
	if (!c->quiet && !c->dormant)
		ctx_raise(c, SQL_CLASS_WRITE, dml_reason[dml]);
	if (dml == DML_UPDATE)
		walk_update_begin(w);
	ctx_step(c);
}

/* In parentheses these words may be columns too. */
static bool
begins_dml(struct walker *w, enum sql_kw kw, const struct sql_token *next)
{
	if (w->depth == 0)
		return true;
	if (next->tok == TOK_OPEN || next->tok == TOK_COMMA || next->tok == TOK_DOT || next->tok == TOK_OP
	    || next->tok == TOK_CLOSE)
		return false;
	if (w->c->d->at_vars)
		return true;
	switch ((int)kw) {
	case KW_INSERT:
		return is_kw(next, KW_INTO) || is_kw(next, KW_OR);
	case KW_DELETE:
		return is_kw(next, KW_FROM);
	case KW_MERGE: case KW_REPLACE:
		return is_kw(next, KW_INTO);
	default:
		return ctx_is_name(w->c, next);
	}
}

static enum dml
dml_of(struct walker *w, const struct sql_token *t)
{
	if (t->tok != TOK_WORD || !begins_dml(w, t->kw, ctx_ahead(w->c, 1)))
		return DML_NONE;
	switch ((int)t->kw) {
	case KW_INSERT:
		return DML_INSERT;
	case KW_REPLACE:
		return w->c->d->engine == SQL_POSTGRES ? DML_NONE : DML_INSERT;
	case KW_UPDATE:
		return DML_UPDATE;
	case KW_DELETE:
		return DML_DELETE;
	case KW_MERGE:
		return DML_MERGE;
	default:
		return DML_NONE;
	}
}

/* The first word of a text or parenthesis; false: it begins no statement. */
static bool
start(struct walker *w)
{
	struct ctx *c = w->c;
	const struct sql_token *t = cur(c);
	enum dml dml = dml_of(w, t);

	if (dml != DML_NONE) {
		walk_dml(w, dml);
		return true;
	}
	switch (t->tok == TOK_WORD ? (int)t->kw : KW_NO) {
	case KW_SELECT:
	case KW_VALUES:
		set_verb(w, t->kw == KW_SELECT ? "SELECT" : "VALUES");
		w->top->dml = w->top->dml ? w->top->dml : DML_SELECT;
		w->top->clause = AT_EXPR;
		ctx_step(c);
		return true;
	case KW_WITH:
		w->top->clause = AT_WITH;
		ctx_step(c);
		w->top->recursive = ctx_skip_kw(c, KW_RECURSIVE);
		return true;
	case KW_TABLE:
		set_verb(w, "TABLE");
		w->top->dml = DML_SELECT;
		w->top->clause = AT_FROM;
		ctx_step(c);
		return true;
	default:
		return false;
	}
}

/* IS DISTINCT FROM, EXTRACT(x FROM y): no tables come. */
static bool
is_from_clause(struct walker *w)
{
	const struct ctx *c = w->c;

	if (is_kw(&c->prev, KW_DISTINCT) && (is_kw(&c->prev2, KW_IS) || is_kw(&c->prev2, KW_NOT)))
		return false;
	return w->top->dml != DML_NONE || (w->top->kind != FRAME_ARGS && w->top->kind != FRAME_PHRASE);
}

static void
where(struct walker *w)
{
	struct frame *fr = w->top;

	fr->clause = AT_EXPR;
	ctx_step(w->c);
	if (fr->dml != DML_UPDATE && fr->dml != DML_DELETE)
		return;
	fr->has_where = fr->in_where = true;
	if (!w->c->dormant)
		ctx_note_where(w->c, SQL_WHERE_GIVEN);
	walk_side(w);
}

static bool
may_set(const struct walker *w)
{
	enum clause at = (enum clause)w->top->clause;

	if (w->top->dml != DML_INSERT && w->top->dml != DML_UPDATE && w->top->dml != DML_MERGE)
		return false;
	return at == AT_TARGET_AFTER || at == AT_FROM_AFTER || at == AT_ON || is_kw(&w->c->prev, KW_UPDATE);
}

/* Names of aliases that some engines let look like clauses. */
static bool
is_alias(struct walker *w)
{
	const struct sql_token *next = ctx_ahead(w->c, 1);

	return w->c->d->engine != SQL_POSTGRES && (next->tok == TOK_COMMA || next->tok == TOK_DOT
	    || is_kw(next, KW_JOIN) || is_kw(next, KW_ON) || is_kw(next, KW_WHERE));
}

static bool
to_expr(struct walker *w)
{
	w->top->clause = AT_EXPR;
	w->top->in_where = false;
	ctx_step(w->c);
	return true;
}

static bool
tail_word(struct walker *w, enum sql_kw kw)
{
	struct ctx *c = w->c;

	switch ((int)kw) {
	case KW_LIMIT:
		if (w->depth == 0)
			c->f->has_limit = true;
		return to_expr(w);
	case KW_FETCH:
		if (is_alias(w) || !(is_kw(ctx_ahead(c, 1), KW_FIRST) || is_kw(ctx_ahead(c, 1), KW_NEXT)))
			return false;
		if (w->depth == 0)
			c->f->has_limit = true;
		return to_expr(w);
	case KW_RETURNING:
		if (is_alias(w))
			return false;
		if (w->depth == 0)
			c->f->returns_rows = true;
		return to_expr(w);
	case KW_OFFSET: case KW_WINDOW:
		return is_alias(w) ? false : to_expr(w);
	case KW_GROUP: case KW_HAVING: case KW_ORDER: case KW_UNION: case KW_EXCEPT: case KW_INTERSECT:
		return to_expr(w);
	default:
		return false;
	}
}

/* MERGE ... THEN INSERT (a, b); INSERT ... ON DUPLICATE KEY UPDATE a = 1. */
static bool
dml_word(struct walker *w, enum sql_kw kw)
{
	struct ctx *c = w->c;

	if (kw == KW_SET && may_set(w)) {
		c->in_targets = false;
		w->top->clause = AT_SET;
		ctx_step(c);
		return true;
	}
	if (kw == KW_UPDATE && w->top->dml == DML_INSERT && is_kw(&c->prev, KW_KEY)) {
		w->top->clause = AT_SET;
		ctx_step(c);
		return true;
	}
	if (kw == KW_INSERT && w->top->dml == DML_MERGE && is_kw(&c->prev, KW_THEN)) {
		ctx_step(c);
		if (cur(c)->tok == TOK_OPEN)
			walk_push(w, FRAME_COLUMNS, AT_START);
		return true;
	}
	return false;
}

/* Words that begin a clause wherever they stand in a query; false: just a word. */
static bool
clause_word(struct walker *w)
{
	struct ctx *c = w->c;
	enum sql_kw kw = cur(c)->kw;

	if (cur(c)->tok != TOK_WORD || kw == KW_NO || c->prev.tok == TOK_DOT)
		return false;
	switch ((int)kw) {
	case KW_SELECT:
	case KW_VALUES:
		if (w->top->kind == FRAME_ARGS || ctx_ahead(c, 1)->tok == TOK_CLOSE)
			return false;
		if (w->top->dml == DML_NONE)
			w->top->dml = DML_SELECT;
		return to_expr(w);
	case KW_TABLE:
		if (!is_kw(&c->prev, KW_UNION) && !is_kw(&c->prev, KW_EXCEPT) && !is_kw(&c->prev, KW_INTERSECT)
		    && !is_kw(&c->prev, KW_ALL) && !is_kw(&c->prev, KW_DISTINCT)
		    && w->top->clause != AT_TARGET_AFTER)
			return false;
		w->top->clause = AT_FROM;
		ctx_step(c);
		return true;
	case KW_FROM:
		if (!is_from_clause(w))
			return false;
		w->top->clause = AT_FROM;
		ctx_step(c);
		return true;
	case KW_WHERE:
		where(w);
		return true;
	case KW_INTO:
		walk_into(w);
		return true;
	case KW_FOR: case KW_LOCK: case KW_PROCEDURE:
		return walk_lock(w);
	case KW_OR:
		ctx_step(c);
		if (w->top->in_where)
			walk_side(w);
		return true;
	case KW_WITH:
		if (w->top->clause != AT_TARGET_AFTER || w->top->dml != DML_INSERT)
			return false;
		return start(w);
	default:
		return tail_word(w, kw) || dml_word(w, kw);
	}
}

/* AS label, AS type(n), AS alias(a, b): the name is never called. */
static void
as_word(struct walker *w)
{
	struct ctx *c = w->c;
	struct name nm;

	ctx_step(c);
	if (cur(c)->tok == TOK_STRING || !ctx_take_name(c, &nm))
		return;
	if (w->top->kind == FRAME_ARGS)
		c->f->has_cast = true;
	if (cur(c)->tok == TOK_OPEN)
		walk_push(w, FRAME_NAMES, AT_START);
}

/* OPERATOR(schema.+) */
static bool
operator_word(struct walker *w)
{
	struct ctx *c = w->c;
	bool own = true;
	unsigned k = 2;

	if (c->d->engine != SQL_POSTGRES || ctx_ahead(c, 1)->tok != TOK_OPEN)
		return false;
	while (k < 5 && ctx_is_name(c, ctx_ahead(c, k)) && ctx_ahead(c, k + 1)->tok == TOK_DOT) {
		own = own && ctx_tok_is(c, ctx_ahead(c, k), "pg_catalog");
		k += 2;
	}
	if (ctx_ahead(c, k)->tok != TOK_OP || ctx_ahead(c, k + 1)->tok != TOK_CLOSE)
		return false;
	while (cur(c)->tok != TOK_OP)
		ctx_step(c);
	if (!own && !c->dormant) {
		ctx_danger(c, SQL_DANGER_UNKNOWN_FUNCTION);
		ctx_raise(c, SQL_CLASS_CALL, "it uses an operator that twokey does not know, so its effect is not known");
	}
	walk_operator(w);
	ctx_step(c);
	c->prev.tok = TOK_OP;
	return true;
}

/* MariaDB: NEXT VALUE FOR s */
static bool
next_value(struct walker *w)
{
	struct ctx *c = w->c;

	if (!c->d->at_vars || !is_kw(ctx_ahead(c, 1), KW_VALUE) || !is_kw(ctx_ahead(c, 2), KW_FOR))
		return false;
	if (!c->dormant)
		ctx_raise(c, SQL_CLASS_WRITE, "it advances a sequence");
	ctx_step(c);
	ctx_step(c);
	ctx_step(c);
	return true;
}

void
walk_expr_word(struct walker *w)
{
	struct ctx *c = w->c;
	const struct sql_token *t = cur(c);

	if (t->tok == TOK_WORD && c->prev.tok != TOK_DOT) {
		walk_keyword_operator(w, t->kw);
		if (t->kw == KW_AS) {
			as_word(w);
			return;
		}
		if (t->kw == KW_OPERATOR && operator_word(w))
			return;
		if (t->kw == KW_NEXT && next_value(w))
			return;
	}
	/* SQLite: IN 'table' */
	if (t->tok == TOK_STRING && !(c->d->engine == SQL_SQLITE && is_kw(&c->prev, KW_IN))) {
		ctx_step(c);
		return;
	}
	walk_name(w);
}

static void
set_word(struct walker *w)
{
	struct ctx *c = w->c;
	struct name nm;
	unsigned part;

	if (!ctx_take_name(c, &nm)) {
		ctx_step(c);
		return;
	}
	/* PostgreSQL: column.field; the others: table.column */
	if (w->top->dml == DML_UPDATE && c->ntargets > 0)
		walk_update_column(w, &nm);
	part = c->d->engine == SQL_POSTGRES ? 0 : nm.nparts - 1;
	ctx_note_column(c, &nm.part[part]);
	w->top->clause = AT_SET_VALUE;
}

static void
names_word(struct walker *w)
{
	struct ctx *c = w->c;

	if (w->top->clause == AT_START && start(w)) {
		w->top->kind = FRAME_QUERY;
		return;
	}
	if (w->top->kind == FRAME_COLUMNS && (c->prev.tok == TOK_OPEN || c->prev.tok == TOK_COMMA)
	    && ctx_is_name(c, cur(c))) {
		struct name nm;

		if (ctx_take_name(c, &nm))
			ctx_note_column(c, &nm.part[c->d->engine == SQL_POSTGRES ? 0 : nm.nparts - 1]);
		w->top->clause = AT_EXPR;
		return;
	}
	w->top->clause = AT_EXPR;
	walk_name(w);
}

void
walk_word(struct walker *w)
{
	struct frame *fr = w->top;

	if (fr->kind == FRAME_NAMES || fr->kind == FRAME_COLUMNS) {
		names_word(w);
		return;
	}
	if (fr->clause == AT_START) {
		if (start(w))
			return;
		fr->clause = fr->kind == FRAME_FROM ? AT_FROM : AT_EXPR;
	}
	switch ((enum clause)fr->clause) {
	case AT_FROM:
		walk_from(w);
		return;
	case AT_TARGET:
		walk_target(w);
		return;
	case AT_WITH:
		walk_with(w);
		return;
	case AT_SET:
		set_word(w);
		return;
	case AT_WITH_AFTER:
		if (is_kw(cur(w->c), KW_SEARCH) || is_kw(cur(w->c), KW_CYCLE))
			fr->clause = AT_WITH_TAIL;
		else if (start(w))
			return;
		break;
	case AT_WITH_TAIL:
		if (start(w))
			return;
		ctx_step(w->c);
		return;
	case AT_START: case AT_EXPR: case AT_FROM_AFTER: case AT_ON: case AT_TARGET_AFTER: case AT_SET_VALUE:
		break;
	}
	if (clause_word(w))
		return;
	if (fr->clause == AT_FROM_AFTER || fr->clause == AT_TARGET_AFTER || fr->clause == AT_ON)
		walk_from_after(w);
	else
		walk_expr_word(w);
}
