/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What an UPDATE or DELETE that writes one table would touch, as a SELECT made of its own parts. The result is
 * classified again: only a plain read without volatile functions is handed out. */
#include "config.h"
#include "twokey/sql/derive.h"

#include <stdlib.h>
#include <string.h>

#include "twokey/base/buf.h"
#include "twokey/base/err.h"
#include "twokey/base/must.h"

#include "sql/derive_parts.h"

struct work {
	struct ctx c;
	struct sql_facts facts;
	struct parts p;
};

static void
put_span(struct buf *out, const char *sql, struct sql_span s)
{
	buf_put(out, sql + s.off, s.len);
}

static void
put_quoted(struct buf *out, const struct ctx *c, const char *p, size_t n, const char *after)
{
	char mark = c->d->at_vars ? '`' : '"';

	buf_putc(out, mark);
	for (size_t i = 0; i < n; i++) {
		if (p[i] == mark)
			buf_putc(out, mark);
		buf_putc(out, p[i]);
	}
	buf_puts(out, after);
	buf_putc(out, mark);
}

static void
put_keys(struct buf *out, const struct ctx *c, const struct sql_derive_want *want)
{
	for (size_t i = 0; i < want->nkeys; i++) {
		if (i > 0)
			buf_puts(out, ", ");
		put_quoted(out, c, want->keys[i], strlen(want->keys[i]), "");
	}
}

static void
put_sample(struct buf *out, const struct ctx *c, const struct parts *p)
{
	char name[256];

	buf_puts(out, ", ");
	if (!p->is_update) {
		if (c->d->at_vars) {
			put_span(out, c->text, p->call);
			buf_putc(out, '.');
		}
		buf_putc(out, '*');
		return;
	}
	for (size_t i = 0; i < p->nsets; i++) {
		const struct sql_token *t = &p->sets[i].column;
		size_t n = ctx_fold_into(c, t, name, sizeof(name), false);

		if (i > 0)
			buf_puts(out, ", ");
		buf_put(out, ctx_text(c, t), t->len);
		buf_puts(out, ", (");
		put_span(out, c->text, p->sets[i].value);
		buf_puts(out, ") AS ");
		put_quoted(out, c, name, n, " (new)");
	}
}

/* The rows of the one table. Each counts once, however many rows of other tables it is joined with. */
static void
put_from(struct buf *out, const struct ctx *c, const struct parts *p)
{
	buf_puts(out, p->only ? " FROM ONLY " : " FROM ");
	put_span(out, c->text, p->table);
	if (p->list.len > 0) {
		buf_puts(out, " WHERE EXISTS (SELECT 1 FROM ");
		put_span(out, c->text, p->list);
	}
	if (p->where.len > 0) {
		buf_puts(out, " WHERE (");
		put_span(out, c->text, p->where);
		buf_puts(out, ")");
	}
	if (p->list.len > 0)
		buf_puts(out, ")");
}

static void
put_count(struct buf *out, const struct ctx *c, const struct parts *p)
{
	buf_puts(out, "SELECT count(*)");
	if (p->limit.len > 0)
		buf_puts(out, " FROM (SELECT 1");
	put_from(out, c, p);
	if (p->limit.len > 0) {
		buf_puts(out, " LIMIT ");
		put_span(out, c->text, p->limit);
		buf_puts(out, ") AS limited");
	}
}

static void
put_select(struct buf *out, const struct ctx *c, const struct parts *p, const struct sql_derive_want *want)
{
	if (p->with.len > 0) {
		put_span(out, c->text, p->with);
		buf_putc(out, ' ');
	}
	if (want->kind == SQL_DERIVE_COUNT) {
		put_count(out, c, p);
		return;
	}
	buf_puts(out, "SELECT ");
	put_keys(out, c, want);
	if (want->kind == SQL_DERIVE_SAMPLE)
		put_sample(out, c, p);
	put_from(out, c, p);
	buf_puts(out, " ORDER BY ");
	put_keys(out, c, want);
	if (want->kind == SQL_DERIVE_SAMPLE)
		buf_putf(out, " LIMIT %u", want->limit);
}

/* A word that is no value by itself: from value i on the text names columns or calls functions. */
static bool
names_something(const struct ctx *c, const struct parts *p, size_t i)
{
	for (; i < p->nsets; i++) {
		struct sql_lexer lx;
		struct sql_token t;

		lex_init(&lx, c->set, c->text, p->sets[i].value.off + p->sets[i].value.len);
		lx.pos = p->sets[i].value.off;
		for (lex_next(&lx, &t); t.tok != TOK_END; lex_next(&lx, &t))
			if (t.tok == TOK_NAME || (t.tok == TOK_WORD && !is_kw(&t, KW_NULL)))
				return true;
	}
	return false;
}

/* Why the new values cannot be told, or NULL. */
static const char *
no_sample(const struct ctx *c, const struct parts *p)
{
	if (!p->is_update || p->no_sample != NULL)
		return p->no_sample;
	/* MariaDB and MySQL set from left to right: a later value sees what was set before it */
	if (c->d->at_vars && names_something(c, p, 1))
		return "a new value may use what was set before it";
	if (p->list.len > 0 && names_something(c, p, 0))
		return "a new value may come from any of several rows of another table";
	return NULL;
}

static bool
has_word(const struct sql_settings *set, const struct buf *text, enum sql_kw kw)
{
	struct sql_lexer lx;
	struct sql_token t;

	lex_init(&lx, set, buf_data(text), buf_len(text));
	for (lex_next(&lx, &t); t.tok != TOK_END; lex_next(&lx, &t))
		if (is_kw(&t, kw))
			return true;
	return false;
}

/* The statement as a whole and what is wanted of it. */
static int
check(struct work *w, const struct sql_settings *set, const char *sql, size_t n,
    const struct sql_derive_want *want, struct err *e)
{
	const uint64_t blocked = SQL_DANGER_BIT(SQL_DANGER_EXEC_COMMENT) | SQL_DANGER_BIT(SQL_DANGER_UNREADABLE)
	    | SQL_DANGER_BIT(SQL_DANGER_DEEP) | SQL_DANGER_BIT(SQL_DANGER_MULTI);

	sql_classify(&w->facts, set, sql, n);
	if (w->facts.statements != 1 || (w->facts.dangers & blocked) || w->facts.class == SQL_CLASS_UNKNOWN)
		return derive_refuse(e, "it is not one statement that can be read");
	if (want->kind != SQL_DERIVE_COUNT && want->nkeys == 0)
		return derive_refuse(e, "the table has no key that tells its rows apart");
	return 0;
}

static int
judge(struct work *w, const struct sql_settings *set, struct buf *made, struct err *e)
{
	sql_classify(&w->facts, set, buf_data(made), buf_len(made));
	if (buf_over(made))
		return derive_refuse(e, "it is too long");
	if (w->facts.dangers & SQL_DANGER_BIT(SQL_DANGER_VOLATILE))
		return derive_refuse(e, "a function in it answers differently each time");
	if (w->facts.dangers & SQL_DANGER_BIT(SQL_DANGER_UNKNOWN_FUNCTION))
		return derive_refuse(e, "a function in it is not known to twokey");
	if (has_word(set, made, KW_TABLESAMPLE))
		return derive_refuse(e, "it takes a sample of a table, another one each time");
	if (w->facts.class != SQL_CLASS_READ || w->facts.statements != 1)
		return derive_refuse(e, "a part of it has an effect of its own");
	return 0;
}

int
sql_derive(const struct sql_settings *set, const char *sql, size_t n,
    const struct sql_derive_want *want, struct buf *out, struct err *e)
{
	struct work *w = must_zalloc(sizeof(*w));
	struct buf made;
	int rc = check(w, set, sql, n, want, e);

	buf_init(&made, out->max);
	if (rc == 0) {
		ctx_begin(&w->c, &w->facts, set, sql, n);
		while (cur(&w->c)->tok == TOK_STOP)
			ctx_step(&w->c);
		rc = derive_take(&w->c, &w->p, e);
	}
	if (rc == 0 && want->kind != SQL_DERIVE_COUNT && w->p.limit.len > 0)
		rc = derive_refuse(e, "LIMIT may take any of them");
	if (rc == 0 && want->kind == SQL_DERIVE_SAMPLE && no_sample(&w->c, &w->p) != NULL)
		rc = derive_refuse(e, no_sample(&w->c, &w->p));
	if (rc == 0) {
		put_select(&made, &w->c, &w->p, want);
		rc = judge(w, set, &made, e);
	}
	if (rc == 0)
		buf_put(out, buf_data(&made), buf_len(&made));
	buf_fini(&made);
	free(w);
	return rc;
}
