/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"
#include "twokey/sql/split.h"

#include <string.h>

#include "sql/ctx.h"

static enum sql_open
open_of(const struct ctx *c, const struct sql_token *t)
{
	const char *p = ctx_text(c, t);

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

/* The splitter at work on one piece. */
struct splitter {
	struct ctx c;		/* for its lexer and names only */
	struct ender ender;
	struct seen seen;
	const char *sql;
	size_t n;
	size_t from;
	const struct sql_script *script;
	struct sql_piece *piece;
};

/* A token that is not closed ends the text. */
static void
open_end(struct splitter *s, const struct sql_token *t)
{
	bool comment = t->tok == TOK_COMMENT;

	if (!comment)
		see(&s->seen, t);
	/* SQLite takes a comment for closed at the end of the text */
	if (!comment || s->c.d->engine != SQL_SQLITE || !s->seen.any)
		s->piece->open = open_of(&s->c, t);
}

static bool
client_line(struct splitter *s, const struct sql_token *t)
{
	enum sql_engine engine = s->c.d->engine;
	bool delimiter = s->c.d->at_vars && is_kw(t, KW_DELIMITER);
	size_t end;

	if (s->seen.any || !(delimiter || is_client_line(engine, s->sql + t->off, s->n - t->off)))
		return false;
	end = line_end(s->sql, s->n, t->off);
	s->seen.any = !delimiter;
	s->seen.first = t->off;
	s->seen.last = end > t->off && s->sql[end - 1] == '\n' ? end - 1 : end;
	s->piece->open = SQL_OPEN_NOT;
	finish(s->piece, &s->seen, s->from, end);
	return true;
}

/* The delimiter of the script in or before this token; the token is cut there. */
static bool
cut_at_delimiter(struct splitter *s, struct sql_token *t, size_t *end)
{
	const char *p = s->sql + t->off;
	size_t len = s->script->delimiter_len;

	if (t->tok == TOK_STRING || t->tok == TOK_NAME || t->tok == TOK_VAR)
		return false;
	for (size_t k = 0; k < t->len; k++) {
		if (len > s->n - t->off - k || memcmp(p + k, s->script->delimiter, len) != 0)
			continue;
		t->len = k;
		*end = t->off + k + len;
		return true;
	}
	return false;
}

static bool
ends_here(struct splitter *s, struct sql_token *t, size_t *end)
{
	if (s->script != NULL && s->script->delimiter_len > 0) {
		if (!cut_at_delimiter(s, t, end))
			return false;
		if (t->len > 0)
			see(&s->seen, t);
		return true;
	}
	*end = t->off + t->len;
	if (!ender_feed(&s->ender, t) || t->tok != TOK_SEMI)
		return false;
	if (s->seen.stdin_)
		*end = copy_data(s->sql, s->n, *end);
	return true;
}

static bool
next_piece(struct splitter *s, const struct sql_settings *set)
{
	struct sql_token t;
	size_t end;

	if (s->from >= s->n)
		return false;
	s->c.text = s->sql;
	s->c.d = lex_dialect(set->engine);
	lex_init(&s->c.lx, set, s->sql, s->n);
	s->c.lx.pos = s->from;
	ender_init(&s->ender, set->engine);
	memset(&s->seen, 0, sizeof(s->seen));
	s->piece->open = SQL_OPEN_MORE;
	for (lex_next(&s->c.lx, &t); t.tok != TOK_END; lex_next(&s->c.lx, &t)) {
		if (t.flags & TOKF_OPEN) {
			open_end(s, &t);
			break;
		}
		if (t.tok == TOK_SPACE || t.tok == TOK_COMMENT)
			continue;
		if (client_line(s, &t))
			return true;
		if (ends_here(s, &t, &end)) {
			s->piece->open = SQL_OPEN_NOT;
			finish(s->piece, &s->seen, s->from, end);
			return true;
		}
		see(&s->seen, &t);
	}
	if (!s->seen.any && s->piece->open == SQL_OPEN_MORE)
		s->piece->open = SQL_OPEN_NOT;	/* only blanks and comments are left */
	if (s->piece->open == SQL_OPEN_MORE && s->seen.depth > 0)
		s->piece->open = SQL_OPEN_PAREN;
	finish(s->piece, &s->seen, s->from, s->n);
	return true;
}

bool
sql_split_next(const struct sql_settings *set, const char *sql, size_t n, size_t from,
    struct sql_piece *piece)
{
	struct splitter s;

	s.sql = sql;
	s.n = n;
	s.from = from;
	s.script = NULL;
	s.piece = piece;
	return next_piece(&s, set);
}

void
sql_script_begin(struct sql_script *s)
{
	memset(s, 0, sizeof(*s));
}

/* DELIMITER // in the line at p: what comes after the word; ";" is the usual one. */
static void
take_delimiter(struct sql_script *s, const char *p, size_t n)
{
	size_t from = 0;
	size_t len;

	while (from < n && (p[from] == ' ' || p[from] == '\t' || p[from] == '\n' || p[from] == '\r'))
		from++;
	from += strlen("delimiter");
	while (from < n && (p[from] == ' ' || p[from] == '\t'))
		from++;
	for (len = 0; from + len < n && (unsigned char)p[from + len] > ' '; len++)
		;
	if (len == 0 || len > sizeof(s->delimiter))
		return;
	memcpy(s->delimiter, p + from, len);
	s->delimiter_len = len == 1 && p[from] == ';' ? 0 : len;
}

bool
sql_script_next(struct sql_script *s, const struct sql_settings *set, const char *sql, size_t n,
    struct sql_piece *piece)
{
	struct splitter at;

	at.sql = sql;
	at.n = n;
	at.from = s->from;
	at.script = s;
	at.piece = piece;
	if (!next_piece(&at, set))
		return false;
	s->from = piece->all.off + piece->all.len;
	if (!at.seen.any && at.seen.last > 0)
		take_delimiter(s, sql + at.seen.first, at.seen.last - at.seen.first);
	return true;
}
