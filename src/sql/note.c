/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What is noted in the facts: names are folded once, lists hold each thing once. */
#include "config.h"
#include "sql/ctx.h"

#include <string.h>

void
ctx_danger(struct ctx *c, enum sql_danger d)
{
	c->dangers |= SQL_DANGER_BIT(d);
}

void
ctx_raise(struct ctx *c, enum sql_class class, const char *reason)
{
	ctx_raise_name(c, class, reason, (struct sql_str){ NULL, 0 });
}

void
ctx_raise_name(struct ctx *c, enum sql_class class, const char *reason, struct sql_str name)
{
	if (class <= c->class)
		return;
	c->class = class;
	c->reason = reason;
	c->reason_name = name;
}

void
ctx_note_where(struct ctx *c, enum sql_where w)
{
	static const unsigned char rank[] = {
		[SQL_WHERE_NONE_NEEDED] = 0, [SQL_WHERE_GIVEN] = 1, [SQL_WHERE_TRUE] = 2,
		[SQL_WHERE_ABSENT] = 3
	};

	if (w == SQL_WHERE_ABSENT)
		ctx_danger(c, SQL_DANGER_NO_WHERE);
	if (w == SQL_WHERE_TRUE)
		ctx_danger(c, SQL_DANGER_WHERE_TRUE);
	if (rank[w] > rank[c->where])
		c->where = w;
}

static size_t
utf8_put(char *out, unsigned long code)
{
	if (code < 0x80) {
		out[0] = (char)code;
		return 1;
	}
	if (code < 0x800) {
		out[0] = (char)(0xc0 | code >> 6);
		out[1] = (char)(0x80 | (code & 0x3f));
		return 2;
	}
	if (code < 0x10000) {
		out[0] = (char)(0xe0 | code >> 12);
		out[1] = (char)(0x80 | (code >> 6 & 0x3f));
		out[2] = (char)(0x80 | (code & 0x3f));
		return 3;
	}
	out[0] = (char)(0xf0 | (code >> 18 & 7));
	out[1] = (char)(0x80 | (code >> 12 & 0x3f));
	out[2] = (char)(0x80 | (code >> 6 & 0x3f));
	out[3] = (char)(0x80 | (code & 0x3f));
	return 4;
}

static int
hex_value(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if ((c | 0x20) >= 'a' && (c | 0x20) <= 'f')
		return (c | 0x20) - 'a' + 10;
	return -1;
}

/* \XXXX or \+XXXXXX at p; how many bytes it takes, 0 when it is none. */
static size_t
unicode_escape(const char *p, size_t n, unsigned long *code)
{
	size_t from = 1;
	size_t len = 4;

	if (n > 1 && p[1] == '+') {
		from = 2;
		len = 6;
	}
	*code = 0;
	if (n < from + len)
		return 0;
	for (size_t i = from; i < from + len; i++) {
		int v = hex_value(p[i]);

		if (v < 0)
			return 0;
		*code = *code << 4 | (unsigned)v;
	}
	return from + len;
}

/* A quoted name without its marks. */
static size_t
unquote(const struct ctx *c, const struct sql_token *t, char *out, size_t n)
{
	const char *p = ctx_text(c, t);
	size_t len = t->len;
	bool unicode = (t->flags & TOKF_UNICODE) != 0;
	size_t used = 0;
	char close;

	if (unicode) {
		p += 2;
		len -= 2;
	}
	close = p[0] == '[' ? ']' : p[0];
	for (size_t i = 1; i + 1 < len && used + 4 <= n;) {
		unsigned long code;
		size_t esc;

		if (p[i] == close && close != ']') {
			out[used++] = close;
			i += 2;
		} else if (unicode && p[i] == '\\' && i + 1 < len && p[i + 1] == '\\') {
			out[used++] = '\\';
			i += 2;
		} else if (unicode && p[i] == '\\'
		    && (esc = unicode_escape(p + i, len - 1 - i, &code)) > 0) {
			used += utf8_put(out + used, code);
			i += esc;
		} else {
			out[used++] = p[i++];
		}
	}
	return used;
}

static void
lower(char *p, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (p[i] >= 'A' && p[i] <= 'Z')
			p[i] = (char)(p[i] + 32);
}

size_t
ctx_fold_into(const struct ctx *c, const struct sql_token *t, char *out, size_t n, bool function)
{
	size_t used;

	if (t->tok == TOK_WORD) {
		used = t->len < n ? t->len : n;
		memcpy(out, ctx_text(c, t), used);
		if (c->d->engine == SQL_POSTGRES || c->d->engine == SQL_SQLITE || function)
			lower(out, used);
	} else {
		used = unquote(c, t, out, n);
		if (c->d->engine == SQL_SQLITE || (function && c->d->engine != SQL_POSTGRES))
			lower(out, used);
	}
	/* PostgreSQL cuts longer names */
	if (c->d->engine == SQL_POSTGRES && used > 63)
		used = 63;
	return used;
}

struct sql_str
ctx_fold_name(struct ctx *c, const struct sql_token *t, bool function)
{
	struct sql_facts *f = c->f;
	struct sql_str s = { f->names + f->names_len, 0 };
	size_t room = SQL_NAMES_MAX - f->names_len;

	if (t->len + 4 > room) {
		ctx_danger(c, SQL_DANGER_LIST_CUT);
		return s;
	}
	s.n = ctx_fold_into(c, t, f->names + f->names_len, room, function);
	f->names_len += s.n;
	return s;
}

bool
ctx_str_same(struct sql_str a, struct sql_str b)
{
	return a.n == b.n && (a.n == 0 || memcmp(a.p, b.p, a.n) == 0);
}

/* Common table expressions hide tables of their name. */
static bool
is_cte(const struct ctx *c, struct sql_str name)
{
	for (unsigned i = c->nctes; i-- > 0;)
		if (c->ctes[i].frame == 0 && ctx_str_same(c->ctes[i].name, name))
			return true;
	return false;
}

/* MariaDB and MySQL: reading information_schema.INNODB_CMP_RESET and its kin sets counters to zero. */
static void
reset_table(struct ctx *c, const struct name *nm)
{
	static const char *const tables[] = { "innodb_cmp_reset", "innodb_cmpmem_reset", "innodb_cmp_per_index_reset" };
	char name[64];
	size_t n = ctx_fold_into(c, &nm->part[nm->nparts - 1], name, sizeof(name), true);

	for (size_t i = 0; i < sizeof(tables) / sizeof(*tables) && !c->quiet; i++)
		if (strlen(tables[i]) == n && memcmp(tables[i], name, n) == 0)
			ctx_raise(c, SQL_CLASS_ADMIN, "reading that table sets counters of the server to zero");
}

int
ctx_note_table(struct ctx *c, const struct name *nm, unsigned use)
{
	struct sql_facts *f = c->f;
	size_t mark = f->names_len;
	struct sql_str schema = { NULL, 0 };
	struct sql_str name;

	if (nm->too_long)
		ctx_danger(c, SQL_DANGER_UNREADABLE);
	if (c->d->engine == SQL_MARIADB || c->d->engine == SQL_MYSQL)
		reset_table(c, nm);
	if (nm->nparts > 1)
		schema = ctx_fold_name(c, &nm->part[nm->nparts - 2], false);
	name = ctx_fold_name(c, &nm->part[nm->nparts - 1], false);
	if (nm->nparts == 1 && !(use & SQL_USE_WRITE) && is_cte(c, name)) {
		f->names_len = mark;
		return -1;
	}
	for (size_t i = 0; i < f->ntables; i++) {
		if (ctx_str_same(f->tables[i].name, name) && ctx_str_same(f->tables[i].schema, schema)) {
			f->tables[i].use |= use;
			f->names_len = mark;
			return (int)i;
		}
	}
	if (f->ntables == SQL_TABLES_MAX) {
		ctx_danger(c, SQL_DANGER_LIST_CUT);
		f->names_len = mark;
		return -1;
	}
	f->tables[f->ntables] = (struct sql_table){ schema, name, use };
	return (int)f->ntables++;
}

void
ctx_note_object(struct ctx *c, const struct name *nm)
{
	struct sql_facts *f = c->f;

	if (nm->too_long)
		ctx_danger(c, SQL_DANGER_UNREADABLE);
	if (f->nobjects++ > 0)
		return;
	if (nm->nparts > 1)
		f->object.schema = ctx_fold_name(c, &nm->part[nm->nparts - 2], false);
	f->object.name = ctx_fold_name(c, &nm->part[nm->nparts - 1], false);
}

void
ctx_note_column(struct ctx *c, const struct sql_token *t)
{
	struct sql_facts *f = c->f;
	size_t mark = f->names_len;
	struct sql_str name = ctx_fold_name(c, t, false);

	for (size_t i = 0; i < f->ncolumns; i++)
		if (ctx_str_same(f->columns[i], name)) {
			f->names_len = mark;
			return;
		}
	if (f->ncolumns == SQL_COLUMNS_MAX) {
		ctx_danger(c, SQL_DANGER_LIST_CUT);
		f->names_len = mark;
		return;
	}
	f->columns[f->ncolumns++] = name;
}

void
ctx_note_operator(struct ctx *c, const char *p, size_t n)
{
	struct sql_facts *f = c->f;
	struct sql_str s = { f->names + f->names_len, n };

	for (size_t i = 0; i < f->noperators; i++)
		if (f->operators[i].n == n && memcmp(f->operators[i].p, p, n) == 0)
			return;
	if (f->noperators == SQL_OPERATORS_MAX || n > SQL_NAMES_MAX - f->names_len) {
		ctx_danger(c, SQL_DANGER_LIST_CUT);
		return;
	}
	memcpy(f->names + f->names_len, p, n);
	f->names_len += n;
	f->operators[f->noperators++] = s;
}

void
ctx_note_secret(struct ctx *c, const struct sql_token *t)
{
	struct sql_facts *f = c->f;
	size_t at;

	ctx_danger(c, SQL_DANGER_SECRET);
	for (size_t i = 0; i < f->nsecrets; i++)
		if (f->secrets[i].off == t->off)
			return;
	if (f->nsecrets == SQL_SECRETS_MAX) {
		/* the last span grows over all that follow: nothing stays readable */
		struct sql_span *last = &f->secrets[SQL_SECRETS_MAX - 1];

		if (t->off + t->len > last->off + last->len)
			last->len = t->off + t->len - last->off;
		ctx_danger(c, SQL_DANGER_LIST_CUT);
		return;
	}
	for (at = f->nsecrets; at > 0 && f->secrets[at - 1].off > t->off; at--)
		f->secrets[at] = f->secrets[at - 1];
	f->secrets[at] = (struct sql_span){ t->off, t->len };
	f->nsecrets++;
}
