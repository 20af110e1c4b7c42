/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Tables: FROM and JOIN, the target of a write, WITH, SELECT INTO, row locks. */
#include "config.h"
#include "sql/walk.h"

#include <string.h>

/* SQLite: pragma_optimize is a table too, and does its work when it is read. */
static void
pragma_table(struct ctx *c, const struct sql_token *t)
{
	char name[64];
	size_t n = ctx_fold_into(c, t, name, sizeof(name), true);

	if (n > 7 && memcmp(name, "pragma_", 7) == 0 && fn_effect(SQL_SQLITE, name, n) == FN_UNKNOWN && !c->quiet)
		ctx_raise(c, SQL_CLASS_CALL, "it reads a pragma that may act");
}

void
walk_read_table(struct ctx *c, const struct name *nm)
{
	if (c->d->engine == SQL_SQLITE)
		pragma_table(c, &nm->part[nm->nparts - 1]);
	ctx_note_table(c, nm, SQL_USE_READ);
}

/* A function that gives rows; SQLite calls its virtual tables so. */
static void
from_call(struct walker *w, const struct name *nm)
{
	struct ctx *c = w->c;
	const struct sql_token *t = &nm->part[nm->nparts - 1];
	char name[64];
	size_t n;

	w->top->clause = AT_FROM_AFTER;
	c->f->from_function = true;
	if (c->d->engine == SQL_SQLITE) {
		n = ctx_fold_into(c, t, name, sizeof(name), true);
		if (fn_effect(SQL_SQLITE, name, n) == FN_UNKNOWN && !(n > 7 && memcmp(name, "pragma_", 7) == 0)) {
			ctx_note_table(c, nm, SQL_USE_READ);
			walk_push(w, FRAME_ARGS, AT_START);
			return;
		}
	}
	if (ctx_note_call(c, nm) == FN_REWRITE)
		ctx_raise(c, SQL_CLASS_CALL, "it calls ts_rewrite(), which runs the SQL in its argument");
	walk_push(w, t->len > 4 && (ctx_text(c, t)[0] | 0x20) == 'x' ? FRAME_PHRASE
	    : t->len > 4 && (ctx_text(c, t)[0] | 0x20) == 'j' ? FRAME_PHRASE : FRAME_ARGS, AT_START);
}

/* Of which statement the list of tables is, also inside the parentheses of a join. */
static enum dml
list_owner(const struct walker *w)
{
	const struct frame *fr = w->top;

	while (fr > w->frames && fr->kind == FRAME_FROM && fr->dml == DML_NONE)
		fr--;
	return (enum dml)fr->dml;
}

/* DELETE a FROM t AS a ...: the table that is written is t. */
static void
resolve_alias(struct walker *w, int table)
{
	struct ctx *c = w->c;
	struct sql_facts *f = c->f;
	const struct sql_token *t = is_kw(cur(c), KW_AS) ? ctx_ahead(c, 1) : cur(c);
	size_t mark = f->names_len;
	struct sql_str alias;

	if (table < 0 || list_owner(w) != DML_DELETE || !ctx_is_name(c, t) || (t->tok == TOK_WORD && t->kw != KW_NO))
		return;
	alias = ctx_fold_name(c, t, false);
	for (size_t i = 0; i < f->ntables; i++) {
		if (f->tables[i].use != SQL_USE_WRITE || f->tables[i].schema.n > 0 || (int)i == table
		    || !ctx_str_same(f->tables[i].name, alias))
			continue;
		f->tables[table].use |= SQL_USE_WRITE;
		if (c->reason_name.n > 0 && ctx_str_same(c->reason_name, alias))
			c->reason_name = f->tables[table].name;
		memmove(&f->tables[i], &f->tables[i + 1], (f->ntables - i - 1) * sizeof(f->tables[0]));
		f->ntables--;
		break;
	}
	f->names_len = mark;
}

void
walk_from(struct walker *w)
{
	struct ctx *c = w->c;
	const struct sql_token *t = cur(c);
	struct name nm;
	int i;

	if (is_kw(t, KW_ONLY) && c->d->engine == SQL_POSTGRES) {
		ctx_step(c);
		return;
	}
	if (is_kw(t, KW_LATERAL) && !at_end(c) && ctx_ahead(c, 1)->tok != TOK_COMMA && ctx_ahead(c, 1)->tok != TOK_DOT) {
		ctx_step(c);
		return;
	}
	if (is_kw(t, KW_ROWS) && is_kw(ctx_ahead(c, 1), KW_FROM) && ctx_ahead(c, 2)->tok == TOK_OPEN) {
		ctx_step(c);
		ctx_step(c);
		return;
	}
	if (is_kw(t, KW_SELECT) || is_kw(t, KW_WITH) || is_kw(t, KW_WHERE)) {
		w->top->clause = AT_EXPR;
		return;
	}
	if (!ctx_take_name(c, &nm)) {
		w->top->clause = AT_FROM_AFTER;
		ctx_step(c);
		return;
	}
	if (cur(c)->tok == TOK_OPEN) {
		from_call(w, &nm);
		return;
	}
	w->top->clause = AT_FROM_AFTER;
	if (c->d->at_vars && nm.nparts == 1 && is_kw(&nm.part[0], KW_DUAL))
		return;
	if (c->d->engine == SQL_SQLITE)
		pragma_table(c, &nm.part[nm.nparts - 1]);
	if (walk_update_lists(w)) {
		walk_update_table(w, &nm);
		return;
	}
	i = ctx_note_table(c, &nm, SQL_USE_READ);
	if (c->d->at_vars)
		resolve_alias(w, i);
}

/* TABLESAMPLE method(n) */
static void
sample(struct walker *w)
{
	struct ctx *c = w->c;
	struct name nm;

	ctx_step(c);
	if (!ctx_take_name(c, &nm) || cur(c)->tok != TOK_OPEN)
		return;
	ctx_note_call(c, &nm);
	walk_push(w, FRAME_ARGS, AT_START);
}

static void
using_word(struct walker *w)
{
	struct ctx *c = w->c;
	bool target = w->top->clause == AT_TARGET_AFTER
	    && (w->top->dml == DML_DELETE || w->top->dml == DML_MERGE);

	walk_keyword_operator(w, KW_USING);
	ctx_step(c);
	if (target || cur(c)->tok != TOK_OPEN)
		w->top->clause = AT_FROM;
	else
		walk_push(w, FRAME_NAMES, AT_START);
}

/* INDEX FOR ORDER BY (i): no clause begins here. */
static void
hint(struct ctx *c)
{
	ctx_step(c);
	if (!c->d->at_vars || !ctx_skip_kw(c, KW_FOR))
		return;
	ctx_step(c);
	ctx_skip_kw(c, KW_BY);
}

/* After a table: alias, sampling, hints, the next table. */
void
walk_from_after(struct walker *w)
{
	struct ctx *c = w->c;
	const struct sql_token *t = cur(c);
	struct name nm;

	switch (t->tok == TOK_WORD ? (int)t->kw : KW_NO) {
	case KW_JOIN: case KW_STRAIGHT_JOIN:
		w->top->clause = w->top->clause == AT_TARGET_AFTER && w->top->dml == DML_UPDATE ? AT_TARGET : AT_FROM;
		ctx_step(c);
		return;
	case KW_ON:
		w->top->clause = is_kw(ctx_ahead(c, 1), KW_CONFLICT) || is_kw(ctx_ahead(c, 1), KW_DUPLICATE) ? AT_EXPR : AT_ON;
		ctx_step(c);
		return;
	case KW_USING:
		using_word(w);
		return;
	case KW_TABLESAMPLE:
		sample(w);
		return;
	case KW_NATURAL:
		walk_keyword_operator(w, KW_USING);
		break;
	case KW_INDEX: case KW_KEY:
		hint(c);
		return;
	case KW_AS:
		if (w->top->clause == AT_ON)
			break;
		ctx_step(c);
		if (cur(c)->tok != TOK_STRING || c->d->engine == SQL_SQLITE)
			ctx_take_name(c, &nm);
		return;
	default:
		break;
	}
	if (w->top->clause == AT_ON)
		walk_expr_word(w);
	else
		ctx_step(c);
}

static bool
is_noise(struct walker *w)
{
	struct ctx *c = w->c;
	const struct sql_token *t = cur(c);
	const struct sql_token *next = ctx_ahead(c, 1);

	if (t->tok != TOK_WORD || next->tok == TOK_DOT || is_kw(next, KW_SET))
		return false;
	/* behind INTO and FROM stands the name, whatever it is */
	if (is_kw(t, KW_ONLY) ? c->d->engine != SQL_POSTGRES
	    : is_kw(&c->prev, KW_INTO) || is_kw(&c->prev, KW_FROM))
		return false;
	switch ((int)t->kw) {
	case KW_HISTORY:
		return c->d->at_vars && w->top->dml == DML_DELETE && is_kw(next, KW_FROM);
	case KW_LOW_PRIORITY: case KW_HIGH_PRIORITY: case KW_DELAYED: case KW_QUICK: case KW_IGNORE:
		if (!c->d->at_vars)
			return is_kw(&c->prev, KW_OR);
		/* fallthrough */
	case KW_INTO: case KW_FROM: case KW_ONLY:
		return next->tok == TOK_WORD || next->tok == TOK_NAME || next->tok == TOK_STRING
		    || next->tok == TOK_OPEN;
	case KW_OR:
		return true;
	case KW_TABLE:
		return c->d->engine == SQL_POSTGRES;
	default:
		return is_kw(&c->prev, KW_OR);
	}
}

/* The table that a write means. */
void
walk_target(struct walker *w)
{
	struct ctx *c = w->c;
	struct name nm;
	int i;

	if (is_noise(w)) {
		if (w->top->dml == DML_DELETE && is_kw(cur(c), KW_FROM) && w->top->multi)
			w->top->clause = AT_FROM;
		ctx_step(c);
		return;
	}
	if (!ctx_take_name(c, &nm)) {
		w->top->clause = AT_TARGET_AFTER;
		return;
	}
	w->top->clause = AT_TARGET_AFTER;
	if (walk_update_lists(w)) {
		walk_update_table(w, &nm);
		return;
	}
	i = ctx_note_table(c, &nm, SQL_USE_WRITE);
	if (i >= 0 && c->reason_name.n == 0 && c->class == SQL_CLASS_WRITE)
		c->reason_name = c->f->tables[i].name;
	w->top->clause = AT_TARGET_AFTER;
}

/* name [(columns)] AS [NOT] [MATERIALIZED] ( ... */
void
walk_with(struct walker *w)
{
	struct ctx *c = w->c;
	struct sql_token name = *cur(c);

	ctx_step(c);
	if (cur(c)->tok == TOK_OPEN) {
		while (!at_end(c) && cur(c)->tok != TOK_CLOSE)
			ctx_step(c);
		if (!at_end(c))
			ctx_step(c);
	}
	if (!ctx_skip_kw(c, KW_AS)) {
		ctx_raise(c, SQL_CLASS_UNKNOWN, "its WITH cannot be read");
		w->top->clause = AT_EXPR;
		return;
	}
	ctx_skip_kw(c, KW_NOT);
	ctx_skip_kw(c, KW_MATERIALIZED);
	if (cur(c)->tok != TOK_OPEN) {
		ctx_raise(c, SQL_CLASS_UNKNOWN, "its WITH cannot be read");
		w->top->clause = AT_EXPR;
		return;
	}
	if (c->nctes == CTX_CTES) {
		ctx_danger(c, SQL_DANGER_LIST_CUT);
		walk_push(w, FRAME_CTE, AT_START);
		return;
	}
	c->ctes[c->nctes].name = ctx_fold_name(c, &name, false);
	c->ctes[c->nctes++].frame = w->top->recursive || c->d->engine == SQL_SQLITE ? 0 : 1;
	walk_push(w, FRAME_CTE, AT_START);
}

static void
into_postgres(struct walker *w)
{
	struct ctx *c = w->c;
	struct name nm;
	int i = -1;

	while (is_kw(cur(c), KW_TEMP) || is_kw(cur(c), KW_TEMPORARY) || is_kw(cur(c), KW_UNLOGGED)
	    || is_kw(cur(c), KW_TABLE) || is_kw(cur(c), KW_LOCAL) || is_kw(cur(c), KW_GLOBAL)) {
		if (ctx_ahead(c, 1)->tok != TOK_WORD && ctx_ahead(c, 1)->tok != TOK_NAME)
			break;
		ctx_step(c);
	}
	if (ctx_take_name(c, &nm))
		i = ctx_note_table(c, &nm, SQL_USE_WRITE);
	if (c->quiet || c->dormant)
		return;
	ctx_raise_name(c, SQL_CLASS_DDL, "SELECT INTO creates the table %",
	    i >= 0 ? c->f->tables[i].name : (struct sql_str){ NULL, 0 });
}

void
walk_into(struct walker *w)
{
	struct ctx *c = w->c;

	ctx_step(c);
	w->top->clause = AT_EXPR;
	if (c->d->engine == SQL_POSTGRES) {
		into_postgres(w);
		return;
	}
	if (w->top->dml == DML_INSERT || c->d->engine == SQL_SQLITE) {
		ctx_raise(c, SQL_CLASS_UNKNOWN, "INTO stands where it cannot be read");
		return;
	}
	if (is_kw(cur(c), KW_OUTFILE) || is_kw(cur(c), KW_DUMPFILE)) {
		c->may_commit = false;
		ctx_raise(c, SQL_CLASS_FILE, "it writes its result to a file of the server");
	} else if (cur(c)->tok == TOK_VAR) {
		ctx_danger(c, SQL_DANGER_VOLATILE);	/* a user variable has no power by itself */
	} else {
		ctx_raise(c, SQL_CLASS_CALL, "it keeps its result in a place that is not known");
	}
}

static void
row_lock(struct walker *w)
{
	struct ctx *c = w->c;

	w->top->clause = AT_EXPR;
	if (c->quiet || c->dormant)
		return;
	ctx_danger(c, SQL_DANGER_ROW_LOCK);
	ctx_raise(c, SQL_CLASS_WRITE, "it locks the rows it reads for others");
}

/* FOR UPDATE and its kin; LOCK IN SHARE MODE; PROCEDURE ANALYSE(). */
bool
walk_lock(struct walker *w)
{
	struct ctx *c = w->c;
	enum sql_kw kw = cur(c)->kw;
	const struct sql_token *next = ctx_ahead(c, 1);

	/* substring(a FOR b) */
	if ((w->top->kind == FRAME_ARGS || w->top->kind == FRAME_PHRASE) && w->top->dml == DML_NONE)
		return false;
	if (kw == KW_FOR && (is_kw(next, KW_UPDATE) || is_kw(next, KW_SHARE)
	    || (c->d->engine == SQL_POSTGRES && (ctx_tok_is(c, next, "no") || is_kw(next, KW_KEY))))) {
		ctx_step(c);
		ctx_step(c);
		row_lock(w);
		return true;
	}
	if (kw == KW_FOR && c->d->at_vars && is_kw(next, KW_SYSTEM_TIME)) {
		ctx_step(c);
		ctx_step(c);
		w->top->clause = AT_ON;
		return true;
	}
	if (kw == KW_LOCK && c->d->at_vars && is_kw(next, KW_IN)) {
		ctx_step(c);
		row_lock(w);
		return true;
	}
	if (kw == KW_PROCEDURE && c->d->at_vars) {
		ctx_step(c);
		if (!is_kw(cur(c), KW_ANALYSE) || ctx_ahead(c, 1)->tok != TOK_OPEN)
			ctx_raise(c, SQL_CLASS_CALL, "it passes its rows to a procedure");
		ctx_step(c);
		return true;
	}
	return false;
}

static bool
literal(const struct sql_token *t)
{
	return t->tok == TOK_NUMBER || t->tok == TOK_STRING;
}

static bool
ends_condition(const struct sql_token *t)
{
	return t->tok == TOK_STOP || t->tok == TOK_END || t->tok == TOK_CLOSE || is_kw(t, KW_OR)
	    || is_kw(t, KW_RETURNING) || is_kw(t, KW_ORDER) || is_kw(t, KW_LIMIT);
}

static bool
is_zero(const struct ctx *c, const struct sql_token *t)
{
	for (size_t i = 0; i < t->len; i++)
		if (ctx_text(c, t)[i] != '0' && ctx_text(c, t)[i] != '.')
			return false;
	return true;
}

/* TRUE, 1, 1 = 1, 'a' = 'a', id = id, before the condition ends. */
bool
walk_true(struct ctx *c)
{
	const struct sql_token *a = ctx_ahead(c, 0);
	const struct sql_token *b;
	bool same;

	if (is_kw(a, KW_TRUE) || (a->tok == TOK_NUMBER && !is_zero(c, a))) {
		if (ends_condition(ctx_ahead(c, 1)))
			return true;
	}
	b = ctx_ahead(c, 2);
	if (ctx_ahead(c, 1)->tok != TOK_OP || !ends_condition(ctx_ahead(c, 3)))
		return false;
	same = a->tok == b->tok && a->len == b->len && memcmp(ctx_text(c, a), ctx_text(c, b), a->len) == 0;
	if (same && (ctx_is_op(c, ctx_ahead(c, 1), "=") || ctx_is_op(c, ctx_ahead(c, 1), "==")
	    || ctx_is_op(c, ctx_ahead(c, 1), "<=") || ctx_is_op(c, ctx_ahead(c, 1), ">=")))
		return true;
	return !same && literal(a) && literal(b) && !ctx_is_op(c, ctx_ahead(c, 1), "=");
}

void
walk_side(struct walker *w)
{
	if (!walk_true(w->c))
		return;
	if (w->top->side)
		w->top->is_true = true;
	else if (!w->c->dormant)
		ctx_note_where(w->c, SQL_WHERE_TRUE);
}

void
walk_side_end(struct walker *w, const struct frame *fr)
{
	if (!fr->side || !fr->is_true || fr->dml != DML_NONE || !ends_condition(ctx_ahead(w->c, 1)))
		return;
	if (w->top->side)
		w->top->is_true = true;
	else if (!w->c->dormant)
		ctx_note_where(w->c, SQL_WHERE_TRUE);
}
