/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The guard: one statement of our own before each of a person's, in the same transaction, that fails when
 * what is named is not what the classifier took it for. */
#include "config.h"

#include "pg.h"

#include <stdlib.h>
#include <string.h>

#include "twokey/base/err.h"
#include "twokey/base/must.h"
#include "twokey/sql/split.h"

enum { ARRAY_MAX = 128 * 1024, TEXT_MAX = 1024 * 1024, DOTTED_MAX = 8 * TEXT_MAX };

/* The guard that the connection asks now. */
static enum own_id
guard_of(const struct db_conn *c)
{
	return c->guard_types ? OWN_PG_GUARD_TYPES : OWN_PG_GUARD;
}

static const char *
prepared(const struct db_conn *c)
{
	return c->guard_types ? "twokey_guard_types" : "twokey_guard";
}

static void
array_begin(struct buf *b, size_t max)
{
	buf_init(b, max);
	buf_putc(b, '{');
}

static bool
is_letter(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || (c & 0x80) != 0;
}

static bool
in_word(char c)
{
	return is_letter(c) || (c >= '0' && c <= '9') || c == '$';
}

static bool
is_blank(char c)
{
	return c == ' ' || (c >= '\t' && c <= '\r');
}

/* The name that begins at p as the server folds it. False: it may be another one than what stands in out. */
static bool
fold_name(const char *p, size_t n, struct buf *out)
{
	bool plain = true;
	size_t i = 0;

	buf_reset(out);
	if (p[0] == '"') {
		for (i = 1; i < n && (p[i] != '"' || (i + 1 < n && p[i + 1] == '"')); i++) {
			buf_putc(out, p[i]);
			if (p[i] == '"')
				i++;
		}
		return true;
	}
	for (; i < n && in_word(p[i]); i++) {
		buf_putc(out, p[i] >= 'A' && p[i] <= 'Z' ? (char)(p[i] + 32) : p[i]);
		plain = plain && (p[i] & 0x80) == 0;
	}
	return plain && !(i == 1 && n > 2 && (p[0] | 0x20) == 'u' && p[1] == '&' && p[2] == '"');
}

/* A function of the server that FROM may name without parentheses: its alias is a value too. */
static bool
is_value(const struct sql_str *name)
{
	static const char *const names[] = { "current_catalog", "current_date", "current_role", "current_schema",
		"current_time", "current_timestamp", "current_user", "localtime", "localtimestamp", "session_user",
		"system_user", "user" };

	for (size_t i = 0; i < sizeof names / sizeof *names; i++)
		if (strlen(names[i]) == name->n && memcmp(names[i], name->p, name->n) == 0)
			return true;
	return false;
}

/* May an alias in FROM be a single value, not a row? */
static bool
may_name_values(const struct sql_facts *f)
{
	bool found = f->from_function;

	for (size_t i = 0; i < f->ntables && !found; i++)
		found = is_value(&f->tables[i].name);
	return found;
}

/* Does the name that ends before the dot begin a chain of names? No comment is in the text. */
static bool
begins_chain(const char *p, size_t dot)
{
	size_t i = dot;

	if (i > 1 && p[i - 1] == '"') {
		for (i--; i > 0 && (p[i - 1] != '"' || (i > 1 && p[i - 2] == '"')); )
			i -= p[i - 1] == '"' ? 2 : 1;
		i -= i > 0 ? 1 : 0;
	} else {
		while (i > 0 && in_word(p[i - 1]))
			i--;
		if (i == dot)
			return false;
	}
	while (i > 0 && is_blank(p[i - 1]))
		i--;
	return i == 0 || p[i - 1] != '.';
}

/* Every name behind a dot, in strings and comments too: (value).name and alias.name call a function when no such
 * column is there. */
static void
add_dotted(struct pg_guard *g, const struct db_statement *s, bool values)
{
	struct buf name;

	values = values || memmem(s->bytes, s->n, "--", 2) != NULL || memmem(s->bytes, s->n, "/*", 2) != NULL;
	buf_init(&name, TEXT_MAX + 1);
	for (size_t dot = 0; dot < s->n; dot++) {
		size_t at = dot + 1;

		if (s->bytes[dot] != '.')
			continue;
		while (at < s->n && is_blank(s->bytes[at]))
			at++;
		if (at < s->n && (s->bytes[at] == '-' || s->bytes[at] == '/'))
			g->unfolded = true;	/* a comment, it seems */
		if (at >= s->n || (s->bytes[at] != '"' && !is_letter(s->bytes[at])))
			continue;
		if (!fold_name(s->bytes + at, s->n - at, &name))
			g->unfolded = true;
		pg_array_add(&g->fields, buf_str(&name), buf_len(&name));
		if (values || !begins_chain(s->bytes, dot))
			pg_array_add(&g->of_values, buf_str(&name), buf_len(&name));
	}
	buf_fini(&name);
}

void
pg_guard_init(struct pg_guard *g, const struct db_statement *s, const struct sql_facts *f)
{
	array_begin(&g->schemas, ARRAY_MAX);
	array_begin(&g->tables, ARRAY_MAX);
	array_begin(&g->functions, ARRAY_MAX);
	array_begin(&g->operators, ARRAY_MAX);
	array_begin(&g->of_values, DOTTED_MAX);
	array_begin(&g->fields, DOTTED_MAX);
	buf_init(&g->text, TEXT_MAX + 1);
	buf_put(&g->text, s->bytes, s->n);
	g->cast = f->has_cast;
	for (size_t i = 0; i < f->ntables; i++) {
		pg_array_add(&g->schemas, f->tables[i].schema.p, f->tables[i].schema.n);
		pg_array_add(&g->tables, f->tables[i].name.p, f->tables[i].name.n);
	}
	for (size_t i = 0; i < f->nfunctions; i++)
		if (f->functions[i].schema.n == 0)
			pg_array_add(&g->functions, f->functions[i].name.p, f->functions[i].name.n);
	for (size_t i = 0; i < f->noperators; i++) {
		pg_array_add(&g->operators, f->operators[i].p, f->operators[i].n);
		if (f->operators[i].n == 2 && memcmp(f->operators[i].p, "!=", 2) == 0)
			pg_array_add(&g->operators, "<>", 2);	/* the server's name of it */
	}
	g->unfolded = false;
	add_dotted(g, s, may_name_values(f));
	buf_putc(&g->schemas, '}');
	buf_putc(&g->tables, '}');
	buf_putc(&g->functions, '}');
	buf_putc(&g->operators, '}');
	buf_putc(&g->of_values, '}');
	buf_putc(&g->fields, '}');
}

void
pg_guard_fini(struct pg_guard *g)
{
	buf_fini(&g->schemas);
	buf_fini(&g->tables);
	buf_fini(&g->functions);
	buf_fini(&g->operators);
	buf_fini(&g->of_values);
	buf_fini(&g->fields);
	buf_fini(&g->text);
}

/* The first byte of the statement, or of what stands behind its first word. */
static size_t
begins(const struct db_statement *s, size_t from)
{
	const struct sql_settings set = { .engine = SQL_POSTGRES };
	struct sql_piece piece;

	return sql_split_next(&set, s->bytes, s->n, from, &piece) ? piece.text.off : s->n;
}

static void
put_name(struct buf *out, const struct sql_str *name)
{
	buf_putc(out, '"');
	for (size_t i = 0; i < name->n; i++) {
		if (name->p[i] == '"')
			buf_putc(out, '"');
		buf_putc(out, name->p[i]);
	}
	buf_putc(out, '"');
}

/* COPY speaks a protocol of its own, past the sink of rows: says what to type instead. */
static int
no_copy(const struct db_statement *s, const struct sql_facts *f, struct err *e)
{
	size_t at = begins(s, begins(s, 0) + strlen("COPY"));
	struct buf name;
	int ret;

	if (f->class != SQL_CLASS_READ)
		return err_set(e, ERR_WALL, "the wall stopped it: COPY is not let through; to add rows type INSERT");
	if (f->ntables != 1 || at >= s->n || s->bytes[at] == '(')
		return err_set(e, ERR_WALL, "the wall stopped it: COPY is not let through; type the query that stands in its"
		    " parentheses, without COPY and TO STDOUT");
	buf_init(&name, 512);
	if (f->tables[0].schema.n > 0) {
		put_name(&name, &f->tables[0].schema);
		buf_putc(&name, '.');
	}
	put_name(&name, &f->tables[0].name);
	ret = err_set(e, ERR_WALL, "the wall stopped it: COPY is not let through; type SELECT * FROM %s", buf_str(&name));
	buf_fini(&name);
	return ret;
}

int
pg_sendable(const struct db_statement *s, const struct sql_facts *f, struct err *e)
{
	if (s->language != DB_SQL || s->n > TEXT_MAX || memchr(s->bytes, '\0', s->n) != NULL)
		return err_set(e, ERR_WALL, "the wall stopped it: not SQL text, over 1 MiB, or with a zero byte in it");
	if (f->dangers & SQL_DANGER_BIT(SQL_DANGER_LIST_CUT))
		return err_set(e, ERR_WALL, "the wall stopped it: it names more than can be looked up");
	if (strcmp(f->verb, "COPY") == 0)
		return no_copy(s, f, e);
	return 0;
}

int
pg_guard_prepare(struct db_conn *c, struct err *e)
{
	PGresult *res = PQprepare(c->pg, prepared(c), own_sql(&c->text, guard_of(c), c->tag), 0, NULL);
	int ret = PQresultStatus(res) == PGRES_COMMAND_OK ? 0 : err_set(e, ERR_DATABASE,
	    "the guard of reads cannot be prepared: %s", PQresultErrorMessage(res));

	PQclear(res);
	return ret;
}

int
pg_guard_send(struct db_conn *c, struct pg_guard *g, struct buf *names)
{
	const char *values[10], *cleared;
	int ok;

	own_ran(names, guard_of(c));
	buf_putc(&c->cleared, '}');
	cleared = buf_str(&c->cleared);
	values[0] = buf_str(&g->schemas);
	values[1] = buf_str(&g->tables);
	values[2] = buf_str(&g->functions);
	values[3] = buf_str(&g->operators);
	values[4] = g->cast ? "t" : "f";
	values[5] = cleared;
	values[6] = buf_str(&g->text);
	values[7] = buf_str(&g->fields);
	values[8] = buf_str(&g->of_values);
	values[9] = g->unfolded ? "t" : "f";
	ok = PQsendQueryPrepared(c->pg, prepared(c), 10, values, NULL, NULL, 0);
	buf_truncate(&c->cleared, buf_len(&c->cleared) - 1);
	return ok;
}

enum pg_verdict
pg_guard_verdict(const PGresult *res, struct buf *said)
{
	const char *words, *at, *end;

	if (PQresultStatus(res) == PGRES_TUPLES_OK)
		return PG_CLEAR;
	words = PQresultErrorField(res, PG_DIAG_MESSAGE_PRIMARY);
	at = words != NULL && strcmp(pg_state(res), "22P02") == 0 ? strstr(words, "twokey:") : NULL;
	end = at != NULL ? strrchr(at, '\1') : NULL;
	if (end == NULL || (at[7] != 'S' && at[7] != 'I'))
		return PG_ERROR;
	buf_reset(said);
	buf_put(said, at + 8, (size_t)(end - at - 8));
	return at[7] == 'S' ? PG_STOPPED : PG_TO_CLEAR;
}

static void
remember(struct db_conn *c, const char *item, size_t n)
{
	if (buf_len(&c->cleared) > 512 * 1024)
		buf_truncate(&c->cleared, 1);
	pg_array_add(&c->cleared, item, n);
}

/* One "V<oid>:<xmin>" of a view or "P<oid>:<xmin>" of a policy. */
static int
clear_one(struct db_conn *c, const char *item, size_t n, struct buf *names, struct err *e)
{
	char *copy = must_strndup(item, n), *colon = strchr(copy, ':');
	const char *values[2] = { copy + 1, colon != NULL ? colon + 1 : "" };
	PGresult *res = NULL;
	int ret = 0;

	if (colon != NULL) {
		*colon = '\0';
		ret = pg_own(c, item[0] == 'V' ? OWN_PG_VIEW : OWN_PG_POLICY, 2, values, names, &res, e);
	}
	if (ret == 0 && PQntuples(res) == 1) {	/* else it has just changed: the guard asks again */
		sql_classify(c->facts, &c->sql, PQgetvalue(res, 0, 0), (size_t)PQgetlength(res, 0, 0));
		if (c->facts->class != SQL_CLASS_READ)
			ret = err_set(e, ERR_WALL, "the wall stopped it: the %s %s runs code that cannot be cleared: %s",
			    item[0] == 'V' ? "view" : "row policy", PQgetvalue(res, 0, 1), c->facts->why);
		else
			remember(c, item, n);
	}
	PQclear(res);
	free(copy);
	return ret;
}

/* Something is hidden behind types. Checks of domains that are harmless are learned once; when that was not all,
 * the longer guard tells what can run, from now on. */
static int
look_behind_types(struct db_conn *c, struct buf *names, struct err *e)
{
	PGresult *res;
	int ret;

	if (c->checks_known) {
		c->guard_types = true;
		return pg_guard_prepare(c, e);
	}
	ret = pg_own(c, OWN_PG_CHECKS, 0, NULL, names, &res, e);
	for (int i = 0; ret == 0 && i < PQntuples(res); i++)
		remember(c, PQgetvalue(res, i, 0), (size_t)PQgetlength(res, i, 0));
	c->checks_known = true;
	PQclear(res);
	return ret;
}

int
pg_guard_clear(struct db_conn *c, const char *items, struct buf *names, struct err *e)
{
	int ret = 0;

	while (*items != '\0' && ret == 0) {
		size_t n = strcspn(items, ",");

		ret = *items == 'H' ? look_behind_types(c, names, e) : clear_one(c, items, n, names, e);
		items += n;
		if (*items == ',')
			items++;
	}
	return ret;
}
