/* SPDX-License-Identifier: GPL-3.0-or-later */
/* CREATE, ALTER, DROP: what kind of object, which name, and the query behind AS. */
#include "config.h"
#include "sql/verb.h"

#include <string.h>

enum { OBJ_TABLE = 1, OBJ_QUERY = 2, OBJ_ON = 4, OBJ_VIEW = 8, OBJ_STAYS = 16, OBJ_TO = 32 };

struct object {
	enum sql_kw kw;
	unsigned engines;
	enum sql_class class;
	unsigned flags;		/* OBJ_* */
};

static const struct object objects[] = {
	{ KW_TABLE, ON_P | ON_L, SQL_CLASS_DDL, OBJ_TABLE | OBJ_QUERY },
	{ KW_VIEW, ON_P | ON_L, SQL_CLASS_DDL, OBJ_TABLE | OBJ_QUERY | OBJ_VIEW },
	{ KW_INDEX, ON_P | ON_L, SQL_CLASS_DDL, OBJ_ON },
	{ KW_TRIGGER, ON_P | ON_L, SQL_CLASS_DDL, OBJ_ON },
	{ KW_SEQUENCE, ON_P, SQL_CLASS_DDL, OBJ_TABLE },
	{ KW_SCHEMA, ON_P, SQL_CLASS_DDL, 0 },
	{ KW_FUNCTION, ON_P, SQL_CLASS_DDL, 0 },
	{ KW_PROCEDURE, ON_P, SQL_CLASS_DDL, 0 },
	{ KW_ROUTINE, ON_P, SQL_CLASS_DDL, 0 },
	{ KW_AGGREGATE, ON_P, SQL_CLASS_DDL, 0 },
	{ KW_TYPE, ON_P, SQL_CLASS_DDL, 0 },
	{ KW_DOMAIN, ON_P, SQL_CLASS_DDL, 0 },
	{ KW_CAST, ON_P, SQL_CLASS_DDL, 0 },
	{ KW_COLLATION, ON_P, SQL_CLASS_DDL, 0 },
	{ KW_CONVERSION, ON_P, SQL_CLASS_DDL, 0 },
	{ KW_OPERATOR, ON_P, SQL_CLASS_DDL, 0 },
	{ KW_ACCESS, ON_P, SQL_CLASS_DDL, 0 },
	{ KW_RULE, ON_P, SQL_CLASS_DDL, OBJ_TO },
	{ KW_POLICY, ON_P, SQL_CLASS_DCL, OBJ_ON },
	{ KW_STATISTICS, ON_P, SQL_CLASS_DDL, 0 },
	{ KW_TEXT, ON_P, SQL_CLASS_DDL, 0 },
	{ KW_TRANSFORM, ON_P, SQL_CLASS_DDL, 0 },
	{ KW_EVENT, ON_P, SQL_CLASS_DDL, 0 },
	{ KW_LANGUAGE, ON_P, SQL_CLASS_DDL, 0 },
	{ KW_EXTENSION, ON_P, SQL_CLASS_DDL, 0 },
	{ KW_SERVER, ON_P, SQL_CLASS_DDL, 0 },
	{ KW_WRAPPER, ON_P, SQL_CLASS_DDL, 0 },
	{ KW_MAPPING, ON_P, SQL_CLASS_DCL, 0 },
	{ KW_PUBLICATION, ON_P, SQL_CLASS_DDL, 0 },
	{ KW_SUBSCRIPTION, ON_P, SQL_CLASS_ADMIN, OBJ_STAYS },
	{ KW_DATABASE, ON_P, SQL_CLASS_DDL, OBJ_STAYS },
	{ KW_TABLESPACE, ON_P, SQL_CLASS_ADMIN, OBJ_STAYS },
	{ KW_SYSTEM, ON_P, SQL_CLASS_ADMIN, OBJ_STAYS },
	{ KW_ROLE, ON_P, SQL_CLASS_DCL, 0 },
	{ KW_USER, ON_P, SQL_CLASS_DCL, 0 },
	{ KW_GROUP, ON_P, SQL_CLASS_DCL, 0 },
	{ KW_PRIVILEGES, ON_P, SQL_CLASS_DCL, 0 },
	{ KW_OWNED, ON_P, SQL_CLASS_DCL, 0 },
	{ KW_LARGE, ON_P, SQL_CLASS_DDL, 0 },
};

static const struct object *
find(const struct ctx *c, enum sql_kw kw)
{
	unsigned bit = engine_bit(c->d->engine);

	for (size_t i = 0; i < sizeof(objects) / sizeof(objects[0]); i++)
		if (objects[i].kw == kw && (objects[i].engines & bit))
			return &objects[i];
	return NULL;
}

/* Words between CREATE and the object's kind. */
static bool
is_adjective(const struct ctx *c, const struct sql_token *t)
{
	switch (t->tok == TOK_WORD ? (int)t->kw : KW_NO) {
	case KW_OR: case KW_REPLACE: case KW_TEMP: case KW_TEMPORARY: case KW_GLOBAL: case KW_LOCAL:
	case KW_UNLOGGED: case KW_RECURSIVE: case KW_UNIQUE: case KW_CONSTRAINT: case KW_FOREIGN:
	case KW_DEFAULT: case KW_VIRTUAL: case KW_MATERIALIZED: case KW_TRUSTED: case KW_PROCEDURAL:
		return true;
	case KW_DATA:
		return c->d->engine == SQL_POSTGRES;
	case KW_USER:
		return false;
	default:
		return false;
	}
}

void
stmt_skip_exists(struct ctx *c)
{
	ctx_skip_kw(c, KW_CONCURRENTLY);
	if (is_kw(cur(c), KW_IF) && (is_kw(ctx_ahead(c, 1), KW_NOT) || is_kw(ctx_ahead(c, 1), KW_EXISTS))) {
		ctx_step(c);
		ctx_skip_kw(c, KW_NOT);
		ctx_skip_kw(c, KW_EXISTS);
	}
	ctx_skip_kw(c, KW_ONLY);
}

/* The names behind the kind: a, b.c, ... */
void
stmt_take_tables(struct ctx *c)
{
	struct name nm;
	int i;

	for (;;) {
		ctx_skip_kw(c, KW_ONLY);
		if (!ctx_take_name(c, &nm))
			return;
		i = ctx_note_table(c, &nm, SQL_USE_WRITE);
		if (i >= 0 && c->reason_name.n == 0)
			c->reason_name = c->f->tables[i].name;
		if (ctx_is_op(c, cur(c), "*"))
			ctx_step(c);
		if (cur(c)->tok != TOK_COMMA)
			return;
		ctx_step(c);
	}
}

/* CREATE INDEX [a] ON, DROP INDEX a, b, CREATE TRIGGER a BEFORE ... */
void
stmt_take_objects(struct ctx *c)
{
	struct name nm;

	while (!is_kw(cur(c), KW_ON) && ctx_take_name(c, &nm)) {
		ctx_note_object(c, &nm);
		if (cur(c)->tok != TOK_COMMA)
			return;
		ctx_step(c);
	}
}

/* ALTER TABLE a DROP [COLUMN] b: what is in it goes with it. */
void
stmt_alter_drops(struct ctx *c)
{
	unsigned opened = 0;

	for (; !at_end(c); ctx_step(c)) {
		if (cur(c)->tok == TOK_OPEN)
			opened++;
		if (cur(c)->tok == TOK_CLOSE && opened > 0)
			opened--;
		if (opened == 0 && is_kw(cur(c), KW_DROP) && !is_kw(ctx_ahead(c, 1), KW_DEFAULT) && !is_kw(ctx_ahead(c, 1), KW_NOT))
			ctx_danger(c, SQL_DANGER_DROP);
	}
}

static void
seek(struct ctx *c, enum sql_kw kw)
{
	while (!at_end(c) && !is_kw(cur(c), kw))
		ctx_step(c);
	if (!at_end(c))
		ctx_step(c);
}

void
stmt_as_query(struct ctx *c)
{
	unsigned opened = 0;
	const struct sql_token *t;

	for (; !at_end(c); ctx_step(c)) {
		t = ctx_ahead(c, 1);
		if (cur(c)->tok == TOK_OPEN)
			opened++;
		if (cur(c)->tok == TOK_CLOSE && opened > 0)
			opened--;
		if (opened > 0 || !is_kw(cur(c), KW_AS))
			continue;
		if (is_kw(t, KW_SELECT) || is_kw(t, KW_WITH) || is_kw(t, KW_VALUES) || is_kw(t, KW_TABLE)
		    || t->tok == TOK_OPEN) {
			ctx_step(c);
			ctx_walk(c, WALK_QUERY);
			return;
		}
		if (is_kw(t, KW_EXECUTE) && c->d->engine == SQL_POSTGRES) {
			ctx_raise(c, SQL_CLASS_CALL, "it runs a prepared statement that is not in the text");
			return;
		}
	}
}

/* The kind of object, from the word at the cursor on; NULL: not known. */
static const struct object *
take_kind(struct ctx *c)
{
	const struct object *o;

	while (is_adjective(c, cur(c))) {
		if (!is_kw(cur(c), KW_OR) && !is_kw(cur(c), KW_REPLACE))
			verb_add(c, cur(c));
		ctx_step(c);
	}
	if (is_kw(cur(c), KW_USER) && is_kw(ctx_ahead(c, 1), KW_MAPPING)) {
		verb_add(c, cur(c));
		ctx_step(c);
	}
	o = cur(c)->tok == TOK_WORD ? find(c, cur(c)->kw) : NULL;
	if (o == NULL) {
		ctx_raise(c, SQL_CLASS_UNKNOWN, "twokey does not know this kind of object");
		ctx_danger(c, SQL_DANGER_UNREADABLE);
		return NULL;
	}
	verb_add(c, cur(c));
	ctx_step(c);
	/* EVENT TRIGGER, OPERATOR CLASS, TEXT SEARCH ..., ACCESS METHOD */
	if (o->kw == KW_EVENT || o->kw == KW_TEXT || o->kw == KW_ACCESS || o->kw == KW_LARGE) {
		verb_add(c, cur(c));
		ctx_step(c);
	}
	return o;
}

static void
object(struct ctx *c, const struct object *o)
{
	struct name nm;
	bool concurrent = is_kw(cur(c), KW_CONCURRENTLY);

	if (o->class > SQL_CLASS_DDL)
		ctx_raise(c, o->class, o->class == SQL_CLASS_DCL ? "it changes users or what they may do"
		    : "it changes the server itself");
	if ((o->flags & OBJ_STAYS) || concurrent) {
		c->may_commit = false;
		ctx_danger(c, SQL_DANGER_NO_ROLLBACK);
	}
	stmt_skip_exists(c);
	if (o->flags & OBJ_TABLE)
		stmt_take_tables(c);
	if (o->flags & OBJ_ON)
		stmt_take_objects(c);
	if (o->flags & (OBJ_ON | OBJ_TO)) {
		seek(c, o->flags & OBJ_ON ? KW_ON : KW_TO);
		ctx_skip_kw(c, KW_ONLY);
		if (ctx_take_name(c, &nm))
			ctx_note_table(c, &nm, SQL_USE_WRITE);
	}
}

void
stmt_create(struct ctx *c)
{
	const struct object *o = take_kind(c);

	if (o == NULL)
		return;
	object(c, o);
	if (o->flags & OBJ_QUERY) {
		c->dormant = (o->flags & OBJ_VIEW) && strstr(c->verb, "MATERIALIZED") == NULL;
		stmt_as_query(c);
		c->dormant = false;
	}
	if (o->kw == KW_SCHEMA) {
		seek(c, KW_GRANT);
		if (!at_end(c))
			ctx_raise(c, SQL_CLASS_DCL, "it changes what users may do");
	}
}

void
stmt_alter(struct ctx *c)
{
	const struct object *o = take_kind(c);

	if (o == NULL)
		return;
	object(c, o);
	if (o->flags & OBJ_TABLE)
		ctx_danger(c, SQL_DANGER_TABLE_LOCK);
	if (o->kw == KW_TABLE || o->kw == KW_FOREIGN)
		stmt_alter_drops(c);
}

void
stmt_drop(struct ctx *c)
{
	const struct object *o = take_kind(c);

	if (o != NULL)
		object(c, o);
}

void
stmt_truncate(struct ctx *c)
{
	ctx_skip_kw(c, KW_TABLE);
	stmt_take_tables(c);
}

void
stmt_lock(struct ctx *c)
{
	ctx_skip_kw(c, KW_TABLE);
	stmt_take_tables(c);
}

/* REFRESH MATERIALIZED VIEW [CONCURRENTLY] a */
void
stmt_tables(struct ctx *c)
{
	while (cur(c)->tok == TOK_WORD && (is_kw(cur(c), KW_MATERIALIZED) || is_kw(cur(c), KW_VIEW)
	    || is_kw(cur(c), KW_CONCURRENTLY))) {
		verb_add(c, cur(c));
		ctx_step(c);
	}
	stmt_take_tables(c);
}

/* GRANT ... ON [TABLE] a, b TO ... */
void
stmt_grant(struct ctx *c)
{
	seek(c, KW_ON);
	if (at_end(c))
		return;
	if (is_kw(cur(c), KW_TABLE))
		ctx_step(c);
	else if (cur(c)->tok == TOK_WORD && ctx_is_name(c, ctx_ahead(c, 1)) && !is_kw(ctx_ahead(c, 1), KW_TO)
	    && !is_kw(ctx_ahead(c, 1), KW_FROM))
		return;		/* ON SCHEMA x and the like */
	stmt_take_tables(c);
}
