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

enum { ARRAY_MAX = 128 * 1024, TEXT_MAX = 1024 * 1024 };

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
array_begin(struct buf *b)
{
	buf_init(b, ARRAY_MAX);
	buf_putc(b, '{');
}

void
pg_guard_init(struct pg_guard *g, const struct db_statement *s, const struct sql_facts *f)
{
	array_begin(&g->schemas);
	array_begin(&g->tables);
	array_begin(&g->functions);
	array_begin(&g->operators);
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
	for (size_t i = 0; i < f->noperators; i++)
		pg_array_add(&g->operators, f->operators[i].p, f->operators[i].n);
	buf_putc(&g->schemas, '}');
	buf_putc(&g->tables, '}');
	buf_putc(&g->functions, '}');
	buf_putc(&g->operators, '}');
}

void
pg_guard_fini(struct pg_guard *g)
{
	buf_fini(&g->schemas);
	buf_fini(&g->tables);
	buf_fini(&g->functions);
	buf_fini(&g->operators);
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
	const char *values[7], *cleared;
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
	ok = PQsendQueryPrepared(c->pg, prepared(c), 7, values, NULL, NULL, 0);
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
	end = at != NULL ? strrchr(at, '"') : NULL;
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
