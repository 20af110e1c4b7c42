/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"
#include "twokey/sql/facts.h"

#include <string.h>
#include <strings.h>

#include "sql/ctx.h"

/* What is true of the whole text so far. */
struct whole {
	enum sql_class class;
	bool decided;		/* a statement has set verb and why */
	const char *reason;
	struct sql_str reason_name;
};

static void
reset(struct sql_facts *f)
{
	f->class = SQL_CLASS_READ;
	f->dangers = 0;
	f->verb[0] = f->why[0] = '\0';
	f->statements = 0;
	f->where = SQL_WHERE_NONE_NEEDED;
	f->has_limit = f->returns_rows = f->has_cast = f->from_function = false;
	f->can_roll_back = true;
	f->ntables = f->ncolumns = f->nfunctions = f->noperators = f->nsecrets = 0;
	f->names_len = 0;
	f->object = (struct sql_table){ .use = 0 };
	f->nobjects = 0;
}

static size_t
put(char *out, size_t room, size_t used, const char *p, size_t n)
{
	if (n > room - used - 1)
		n = room - used - 1;
	memcpy(out + used, p, n);
	return used + n;
}

/* "UPDATE: it changes rows of orders." The name goes where the reason has its "%". */
static void
explain(struct sql_facts *f, const struct whole *w)
{
	const char *reason = w->reason;
	const char *mark;
	size_t used = 0;

	if (reason == NULL)
		reason = f->statements == 0 ? "there is no statement in it"
		    : w->class == SQL_CLASS_READ ? "it only reads, with functions that are known to change nothing"
		    : sql_class_help(w->class);
	if (f->verb[0] != '\0') {
		used = put(f->why, sizeof(f->why), used, f->verb, strlen(f->verb));
		used = put(f->why, sizeof(f->why), used, ": ", 2);
	}
	mark = strchr(reason, '%');
	if (mark == NULL) {
		used = put(f->why, sizeof(f->why), used, reason, strlen(reason));
	} else {
		used = put(f->why, sizeof(f->why), used, reason, (size_t)(mark - reason));
		if (w->reason_name.n > 0)
			used = put(f->why, sizeof(f->why), used, w->reason_name.p,
			    w->reason_name.n < 64 ? w->reason_name.n : 64);
		else
			used = put(f->why, sizeof(f->why), used, "a table", 7);
		used = put(f->why, sizeof(f->why), used, mark + 1, strlen(mark + 1));
	}
	used = put(f->why, sizeof(f->why), used, ".", 1);
	f->why[used] = '\0';
}

static void
note_statement(struct ctx *c, struct whole *w)
{
	static const unsigned char rank[] = {
		[SQL_WHERE_NONE_NEEDED] = 0, [SQL_WHERE_GIVEN] = 1, [SQL_WHERE_TRUE] = 2,
		[SQL_WHERE_ABSENT] = 3
	};
	struct sql_facts *f = c->f;

	f->statements++;
	if (!c->may_commit || c->class == SQL_CLASS_CALL || c->class == SQL_CLASS_UNKNOWN)
		f->can_roll_back = false;
	if (rank[c->where] > rank[f->where])
		f->where = c->where;
	if (w->decided && c->class <= w->class)
		return;
	w->decided = true;
	w->class = c->class;
	w->reason = c->reason;
	w->reason_name = c->reason_name;
	memcpy(f->verb, c->verb, sizeof(f->verb));
}

static bool
is_one_of(const struct sql_str *s, const char *const *names)
{
	for (; *names != NULL; names++)
		if (s->n == strlen(*names) && strncasecmp(s->p, *names, s->n) == 0)
			return true;
	return false;
}

static bool
begins(const struct sql_str *s, const char *word)
{
	return s->n >= strlen(word) && strncasecmp(s->p, word, strlen(word)) == 0;
}

/* A table in which the server keeps accounts, rights, functions, definitions, settings. */
static bool
is_servers_own(enum sql_engine engine, const struct sql_table *t)
{
	static const char *const mysql[] = { "mysql", "sys", "performance_schema", "information_schema", NULL };
	static const char *const postgres[] = { "pg_catalog", "information_schema", "pg_toast", NULL };

	if (engine == SQL_SQLITE)
		return begins(&t->name, "sqlite_");
	if (engine == SQL_POSTGRES)
		return is_one_of(&t->schema, postgres) || (t->schema.n == 0 && begins(&t->name, "pg_"));
	return is_one_of(&t->schema, mysql);
}

/* Rows there are no rows: UPDATE mysql.user is a GRANT. */
static void
look_at_written(const struct sql_facts *f, enum sql_engine engine, struct whole *w)
{
	if (w->class != SQL_CLASS_WRITE && w->class != SQL_CLASS_DDL)
		return;
	for (size_t i = 0; i < f->ntables; i++)
		if ((f->tables[i].use & SQL_USE_WRITE) && is_servers_own(engine, &f->tables[i])) {
			w->class = SQL_CLASS_ADMIN;
			w->reason = "it changes %, one of the server's own tables";
			w->reason_name = f->tables[i].name;
			return;
		}
}

void
sql_classify(struct sql_facts *f, const struct sql_settings *set, const char *sql, size_t n)
{
	struct whole w = { SQL_CLASS_READ, false, NULL, { NULL, 0 } };
	uint64_t odd;
	bool secret;
	struct ctx c;

	reset(f);
	ctx_begin(&c, f, set, sql, n);
	while (cur(&c)->tok != TOK_END) {
		if (cur(&c)->tok == TOK_STOP) {
			ctx_step(&c);
			continue;
		}
		ctx_statement(&c);
		note_statement(&c, &w);
	}
	if (memchr(sql, '\0', n) != NULL) {
		w.class = SQL_CLASS_UNKNOWN;	/* engines end the text there */
		w.reason = "there is a zero byte in it, where some engines end the text";
	}
	look_at_written(f, set->engine, &w);
	odd = chars_dangers(sql, n, &secret);
	if (secret)
		ctx_find_secrets(&c, 0, n);
	if (set->engine == SQL_SQLITE && w.class != SQL_CLASS_READ)
		ctx_find_keys(&c, n);
	f->class = w.class;
	f->dangers = c.dangers | odd;
	if (f->statements > 1)
		f->dangers |= SQL_DANGER_BIT(SQL_DANGER_MULTI);
	if (!f->can_roll_back && f->class > SQL_CLASS_TCL)
		f->dangers |= SQL_DANGER_BIT(SQL_DANGER_NO_ROLLBACK);
	explain(f, &w);
}

const struct sql_table *
sql_written_table(const struct sql_facts *f)
{
	const struct sql_table *found = NULL;

	for (size_t i = 0; i < f->ntables; i++) {
		if (!(f->tables[i].use & SQL_USE_WRITE))
			continue;
		if (found != NULL)
			return NULL;
		found = &f->tables[i];
	}
	return found;
}

bool
sql_is_definition(const struct sql_facts *f)
{
	return f->class == SQL_CLASS_DDL || (f->dangers & SQL_DANGER_BIT(SQL_DANGER_TRUNCATE)) != 0;
}

const struct sql_table *
sql_definition_object(const struct sql_facts *f)
{
	const struct sql_table *t = sql_written_table(f);

	if (t != NULL)
		return t;
	for (size_t i = 0; i < f->ntables; i++)
		if (f->tables[i].use & SQL_USE_WRITE)
			return NULL;
	return f->nobjects == 1 ? &f->object : NULL;
}
