/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"
#include "twokey/sql/split.h"

#include <string.h>

#include "sql/ctx.h"

static enum sql_open
open_of(const struct ctx *c, const struct sql_token *t)
{
	const char *p = tok_text(c, t);

	if (t->tok == TOK_COMMENT || (t->len > 1 && p[0] == '/' && p[1] == '*'))
		return SQL_OPEN_COMMENT;
	if (t->flags & TOKF_DOLLAR)
		return SQL_OPEN_DOLLAR;
	return t->tok == TOK_NAME ? SQL_OPEN_NAME : SQL_OPEN_QUOTE;
}

/* A line that is a command of the client, not SQL: \d, .tables */
static bool
is_client_line(enum sql_engine engine, const char *p, size_t n)
{
	if (n == 0)
		return false;
	if (engine == SQL_SQLITE)
		return p[0] == '.' && n > 1 && ((p[1] | 0x20) >= 'a' && (p[1] | 0x20) <= 'z');
	return p[0] == '\\' && engine == SQL_POSTGRES;
}

static size_t
line_end(const char *sql, size_t n, size_t from)
{
	const char *nl = from < n ? memchr(sql + from, '\n', n - from) : NULL;

	return nl == NULL ? n : (size_t)(nl - sql) + 1;
}

/* COPY ... FROM STDIN: the lines up to "\." are data. */
static size_t
copy_data(const char *sql, size_t n, size_t from)
{
	size_t pos = line_end(sql, n, from);

	for (size_t i = from; i < pos; i++)
		if (sql[i] != ' ' && sql[i] != '\t' && sql[i] != '\r' && sql[i] != '\n')
			return from;	/* more SQL on the line */
	while (pos < n) {
		size_t end = line_end(sql, n, pos);
		size_t len = end - pos;

		while (len > 0 && (sql[pos + len - 1] == '\n' || sql[pos + len - 1] == '\r'))
			len--;
		if (len == 2 && sql[pos] == '\\' && sql[pos + 1] == '.')
			return end;
		pos = end;
	}
	return n;
}

/* What the splitter has seen of a piece. */
struct seen {
	size_t first;
	size_t last;		/* end of the last significant token */
	bool any;
	bool copy;		/* begins with COPY */
	bool from;
	bool stdin_;
	unsigned depth;
};

static void
see(struct seen *s, const struct sql_token *t)
{
	if (!s->any) {
		s->first = t->off;
		s->any = true;
		s->copy = is_kw(t, KW_COPY);
	}
	s->last = t->off + t->len;
	if (t->tok == TOK_OPEN)
		s->depth++;
	else if (t->tok == TOK_CLOSE && s->depth > 0)
		s->depth--;
	if (s->copy && s->depth == 0 && is_kw(t, KW_FROM))
		s->from = true;
	if (s->from && is_kw(t, KW_STDIN))
		s->stdin_ = true;
}

static void
finish(struct sql_piece *piece, const struct seen *s, size_t from, size_t end)
{
	piece->all = (struct sql_span){ from, end - from };
	piece->text = s->any ? (struct sql_span){ s->first, s->last - s->first } : (struct sql_span){ from, 0 };
}

bool
sql_split_next(const struct sql_settings *set, const char *sql, size_t n, size_t from,
    struct sql_piece *piece)
{
	struct ctx c;		/* for its lexer and names only */
	struct ender ender;
	struct sql_token t;
	struct seen s = { 0 };

	if (from >= n)
		return false;
	c.text = sql;
	c.d = lex_dialect(set->engine);
	lex_init(&c.lx, set, sql, n);
	c.lx.pos = from;
	ender_init(&ender, set->engine);
	piece->open = SQL_OPEN_MORE;
	for (lex_next(&c.lx, &t); t.tok != TOK_END; lex_next(&c.lx, &t)) {
		if (t.flags & TOKF_OPEN) {
			if (t.tok != TOK_COMMENT)
				see(&s, &t);
			piece->open = t.tok == TOK_COMMENT && set->engine == SQL_SQLITE ? piece->open : open_of(&c, &t);
			if (t.tok == TOK_COMMENT && !s.any)
				piece->open = open_of(&c, &t);
			break;
		}
		if (t.tok == TOK_SPACE || t.tok == TOK_COMMENT)
			continue;
		if (!s.any && is_client_line(set->engine, sql + t.off, n - t.off)) {
			size_t end = line_end(sql, n, t.off);

			s.any = true;
			s.first = t.off;
			s.last = end > t.off && sql[end - 1] == '\n' ? end - 1 : end;
			piece->open = SQL_OPEN_NOT;
			finish(piece, &s, from, end);
			return true;
		}
		if (ender_feed(&ender, &t) && t.tok == TOK_SEMI) {
			size_t end = t.off + t.len;

			piece->open = SQL_OPEN_NOT;
			if (s.stdin_)
				end = copy_data(sql, n, end);
			finish(piece, &s, from, end);
			return true;
		}
		see(&s, &t);
	}
	if (!s.any && piece->open == SQL_OPEN_MORE)
		piece->open = SQL_OPEN_NOT;	/* only blanks and comments are left */
	if (piece->open == SQL_OPEN_MORE && s.depth > 0)
		piece->open = SQL_OPEN_PAREN;
	finish(piece, &s, from, n);
	return true;
}
