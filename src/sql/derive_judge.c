/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What of an UPDATE or DELETE a SELECT may tell, and whether the SELECT that was made may be handed out. */
#include "config.h"
#include "sql/derive_parts.h"

#include <string.h>
#include <strings.h>

#include "twokey/base/buf.h"
#include "twokey/base/err.h"
#include "twokey/sql/derive.h"

/* The next token that means something. */
static void
next(struct sql_lexer *lx, struct sql_token *t)
{
	do
		lex_next(lx, t);
	while (t->tok == TOK_SPACE || t->tok == TOK_COMMENT);
}

static void
begin(struct sql_lexer *lx, const struct ctx *c, struct sql_span s)
{
	lex_init(lx, c->set, c->text, s.off + s.len);
	lx->pos = s.off;
}

/* A word that is no value by itself: from value i on the text names columns or calls functions. */
static bool
names_something(const struct ctx *c, const struct parts *p, size_t i)
{
	for (; i < p->nsets; i++) {
		struct sql_lexer lx;
		struct sql_token t;

		begin(&lx, c, p->sets[i].value);
		for (next(&lx, &t); t.tok != TOK_END; next(&lx, &t))
			if (t.tok == TOK_NAME || (t.tok == TOK_WORD && !is_kw(&t, KW_NULL)))
				return true;
	}
	return false;
}

static bool
is_marked(const char *name, size_t n)
{
	static const char mark[] = " (new)";

	return n >= sizeof(mark) - 1 && memcmp(name + n - (sizeof(mark) - 1), mark, sizeof(mark) - 1) == 0;
}

/* A column of the table that is called like the new value of one: nobody could tell which is which. */
static bool
has_marked(const struct ctx *c, const struct parts *p, const struct sql_derive_want *want)
{
	char name[256];

	for (size_t i = 0; i < want->nkeys; i++)
		if (is_marked(want->keys[i], strlen(want->keys[i])))
			return true;
	for (size_t i = 0; i < p->nsets; i++)
		if (is_marked(name, ctx_fold_into(c, &p->sets[i].column, name, sizeof(name), false)))
			return true;
	return false;
}

const char *
derive_no_sample(const struct ctx *c, const struct parts *p, const struct sql_derive_want *want)
{
	if (!p->is_update || p->no_sample != NULL)
		return p->no_sample;
	if (has_marked(c, p, want))
		return "a column has a name that ends like that of a new value";
	/* MariaDB and MySQL set from left to right: a later value sees what was set before it */
	if (c->d->at_vars && names_something(c, p, 1))
		return "a new value may use what was set before it";
	if ((p->list.len > 0 || p->joined) && names_something(c, p, 0))
		return "a new value may come from any of several rows of another table";
	return NULL;
}

static size_t
find_key(const struct ctx *c, const struct sql_token *column, const struct sql_derive_want *want)
{
	char name[256];
	size_t n = ctx_fold_into(c, column, name, sizeof(name), false);
	size_t i = 0;

	while (i < want->nkeys && (strlen(want->keys[i]) != n || strncasecmp(want->keys[i], name, n) != 0))
		i++;
	return i;
}

/* Columns by name with ASC or DESC, nothing else: a number or expression may mean another thing in a SELECT. */
bool
derive_order_is_total(const struct ctx *c, const struct parts *p, const struct sql_derive_want *want)
{
	struct sql_token t, column;
	struct sql_lexer lx;
	uint64_t found = 0;

	begin(&lx, c, p->order);
	do {
		do {
			next(&lx, &column);
			if (column.tok != TOK_NAME && column.tok != TOK_WORD)
				return false;
			next(&lx, &t);
		} while (t.tok == TOK_DOT);
		if (find_key(c, &column, want) < 64)
			found |= UINT64_C(1) << find_key(c, &column, want);
		if (is_kw(&t, KW_ASC) || is_kw(&t, KW_DESC))
			next(&lx, &t);
	} while (t.tok == TOK_COMMA);
	for (size_t i = 0; i < want->nkeys; i++)
		if (i >= 64 || !(found & UINT64_C(1) << i))
			return false;
	return t.tok == TOK_END;
}

bool
derive_agrees(const struct ctx *c, const struct parts *p, const struct sql_facts *f)
{
	const struct sql_table *t = sql_written_table(f);
	char name[256];
	size_t n = ctx_fold_into(c, &p->written, name, sizeof(name), false);

	return t != NULL && t->name.n == n && memcmp(t->name.p, name, n) == 0;
}

/* MariaDB, MySQL: the sheet may be made on another connection than the statement runs on. */
static bool
is_of_connection(const struct sql_settings *set, const struct sql_token *t, const struct sql_token *prev, const char *p)
{
	static const char *const words[] = { "connection_id", "current_role", "lastval", "ps_current_thread_id" };

	if (!lex_dialect(set->engine)->at_vars || prev->tok == TOK_DOT)
		return false;
	for (size_t i = 0; t->tok == TOK_WORD && i < sizeof(words) / sizeof(words[0]); i++)
		if (strlen(words[i]) == t->len && strncasecmp(words[i], p + t->off, t->len) == 0)
			return true;
	return t->tok == TOK_VAR || (is_kw(prev, KW_PREVIOUS) && is_kw(t, KW_VALUE));
}

/* What the facts do not tell, or NULL. */
static const char *
find_odd(const struct sql_settings *set, const struct buf *made)
{
	struct sql_token t, prev = { .tok = TOK_END };
	struct sql_lexer lx;

	lex_init(&lx, set, buf_data(made), buf_len(made));
	for (next(&lx, &t); t.tok != TOK_END; next(&lx, &t)) {
		if (is_kw(&t, KW_TABLESAMPLE))
			return "it takes a sample of a table, another one each time";
		if (is_of_connection(set, &t, &prev, buf_data(made)))
			return "a variable or function in it answers for its own connection";
		prev = t;
	}
	return NULL;
}

static bool
calls(const struct sql_facts *f, const char *name)
{
	for (size_t i = 0; i < f->nfunctions; i++)
		if (f->functions[i].name.n == strlen(name) && strncasecmp(f->functions[i].name.p, name, strlen(name)) == 0)
			return true;
	return false;
}

/* "%f", "%J", "subsec": fractions of a second. */
static bool
is_fine(const struct sql_token *t, const char *p)
{
	for (size_t i = 0; t->tok == TOK_STRING && i + 1 < t->len; i++)
		if ((p[i] == '%' && strchr("fJ", p[i + 1]) != NULL) || (t->len - i >= 6 && strncasecmp(p + i, "subsec", 6) == 0))
			return true;
	return false;
}

static bool
is_strftime(const struct sql_token *t, const char *p)
{
	return (t->tok == TOK_WORD && t->len == 8 && strncasecmp(p, "strftime", 8) == 0) ||
	    (t->tok == TOK_NAME && t->len == 10 && strncasecmp(p + 1, "strftime", 8) == 0);
}

/* SQLite: the time of "now" is that of one statement. A fraction of it is another one for the next; whole seconds are as good as
 * the same. A format that is not written out could be any. */
static bool
splits_seconds(const struct sql_settings *set, const struct sql_facts *f, const struct buf *made)
{
	bool formats = calls(f, "strftime");
	struct sql_token t;
	struct sql_lexer lx;

	if (set->engine != SQL_SQLITE)
		return false;
	if (calls(f, "julianday"))
		return true;
	lex_init(&lx, set, buf_data(made), buf_len(made));
	for (next(&lx, &t); t.tok != TOK_END; next(&lx, &t)) {
		if (is_fine(&t, buf_data(made) + t.off))
			return true;
		if (!formats || !is_strftime(&t, buf_data(made) + t.off))
			continue;
		next(&lx, &t);
		next(&lx, &t);
		if (t.tok != TOK_STRING || is_fine(&t, buf_data(made) + t.off))
			return true;
		next(&lx, &t);
		if (t.tok != TOK_COMMA && t.tok != TOK_CLOSE)
			return true;
	}
	return false;
}

int
derive_judge(struct sql_facts *f, const struct sql_settings *set, const struct buf *made, struct err *e)
{
	const char *odd;

	sql_classify(f, set, buf_data(made), buf_len(made));
	if (buf_over(made))
		return derive_refuse(e, "it is too long");
	if (f->dangers & SQL_DANGER_BIT(SQL_DANGER_VOLATILE))
		return derive_refuse(e, "a function in it answers differently each time");
	if (f->dangers & SQL_DANGER_BIT(SQL_DANGER_UNKNOWN_FUNCTION))
		return derive_refuse(e, "a function in it is not known to twokey");
	odd = find_odd(set, made);
	if (odd != NULL)
		return derive_refuse(e, odd);
	if (splits_seconds(set, f, made))
		return derive_refuse(e, "it asks for the time more finely than in seconds, which is another one for each statement");
	if (f->class != SQL_CLASS_READ || f->statements != 1)
		return derive_refuse(e, "a part of it has an effect of its own");
	return 0;
}
