/* SPDX-License-Identifier: GPL-3.0-or-later */
/* CREATE, ALTER and DROP of MariaDB and MySQL: every one commits what was before it. */
#include "config.h"
#include "sql/verb.h"

#include <string.h>

enum { OBJ_TABLE = 1, OBJ_QUERY = 2, OBJ_ON = 4, OBJ_VIEW = 8 };

struct object {
	enum sql_kw kw;
	enum sql_class class;
	unsigned flags;		/* OBJ_* */
};

static const struct object objects[] = {
	{ KW_TABLE, SQL_CLASS_DDL, OBJ_TABLE | OBJ_QUERY },
	{ KW_VIEW, SQL_CLASS_DDL, OBJ_TABLE | OBJ_QUERY | OBJ_VIEW },
	{ KW_INDEX, SQL_CLASS_DDL, OBJ_ON },
	{ KW_TRIGGER, SQL_CLASS_DDL, OBJ_ON },
	{ KW_SEQUENCE, SQL_CLASS_DDL, OBJ_TABLE },
	{ KW_PROCEDURE, SQL_CLASS_DDL, 0 },
	{ KW_FUNCTION, SQL_CLASS_DDL, 0 },
	{ KW_PACKAGE, SQL_CLASS_DDL, 0 },
	{ KW_EVENT, SQL_CLASS_DDL, 0 },
	{ KW_DATABASE, SQL_CLASS_DDL, 0 },
	{ KW_SCHEMA, SQL_CLASS_DDL, 0 },
	{ KW_SERVER, SQL_CLASS_DDL, 0 },
	{ KW_CATALOG, SQL_CLASS_ADMIN, 0 },
	{ KW_TABLESPACE, SQL_CLASS_ADMIN, 0 },
	{ KW_LOGFILE, SQL_CLASS_ADMIN, 0 },
	{ KW_RESOURCE, SQL_CLASS_ADMIN, 0 },
	{ KW_INSTANCE, SQL_CLASS_ADMIN, 0 },
	{ KW_REFERENCE, SQL_CLASS_DDL, 0 },
	{ KW_USER, SQL_CLASS_DCL, 0 },
	{ KW_ROLE, SQL_CLASS_DCL, 0 },
	{ KW_PREPARE, SQL_CLASS_SESSION, 0 },
};

static const struct object *
find(enum sql_kw kw)
{
	for (size_t i = 0; i < sizeof(objects) / sizeof(objects[0]); i++)
		if (objects[i].kw == kw)
			return &objects[i];
	return NULL;
}

/* DEFINER = a@b, ALGORITHM = MERGE */
static void
skip_assignment(struct ctx *c)
{
	ctx_step(c);
	if (ctx_is_op(c, cur(c), "="))
		ctx_step(c);
	ctx_step(c);
	if (cur(c)->tok == TOK_VAR)
		ctx_step(c);
	if (cur(c)->tok == TOK_OPEN && ctx_ahead(c, 1)->tok == TOK_CLOSE) {
		ctx_step(c);
		ctx_step(c);
	}
}

static bool
skip_adjective(struct ctx *c)
{
	switch (cur(c)->tok == TOK_WORD ? (int)cur(c)->kw : KW_NO) {
	case KW_OR: case KW_REPLACE: case KW_TEMPORARY: case KW_UNIQUE: case KW_FULLTEXT: case KW_SPATIAL:
	case KW_ONLINE: case KW_OFFLINE: case KW_IGNORE: case KW_AGGREGATE: case KW_UNDO:
		break;
	case KW_DEFINER: case KW_ALGORITHM:
		skip_assignment(c);
		return true;
	case KW_SQL:
		ctx_step(c);	/* SECURITY */
		ctx_step(c);	/* DEFINER or INVOKER */
		break;
	default:
		return false;
	}
	if (is_kw(cur(c), KW_TEMPORARY))
		verb_add(c, cur(c));
	ctx_step(c);
	return true;
}

static const struct object *
take_kind(struct ctx *c)
{
	const struct object *o;

	while (cur(c)->tok == TOK_WORD && cur(c)->kw != KW_NO && skip_adjective(c))
		;
	o = cur(c)->tok == TOK_WORD ? find(cur(c)->kw) : NULL;
	if (o == NULL) {
		ctx_danger(c, SQL_DANGER_UNREADABLE);
		ctx_raise(c, SQL_CLASS_UNKNOWN, "twokey does not know this kind of object");
		return NULL;
	}
	verb_add(c, cur(c));
	ctx_step(c);
	ctx_skip_kw(c, KW_BODY);
	return o;
}

static void
on_table(struct ctx *c)
{
	struct name nm;

	while (!at_end(c) && !is_kw(cur(c), KW_ON))
		ctx_step(c);
	if (ctx_skip_kw(c, KW_ON) && ctx_take_name(c, &nm))
		ctx_note_table(c, &nm, SQL_USE_WRITE);
}

static const struct object *
object(struct ctx *c, const char *reason)
{
	const struct object *o = take_kind(c);
	bool temporary = strstr(c->verb, "TEMPORARY") != NULL;

	if (o == NULL)
		return NULL;
	ctx_raise(c, o->class, o->class == SQL_CLASS_DCL ? "it changes users or what they may do"
	    : o->class == SQL_CLASS_ADMIN ? "it changes the server itself" : reason);
	if (o->class != SQL_CLASS_SESSION) {
		if (!temporary)
			ctx_danger(c, SQL_DANGER_IMPLICIT_COMMIT);
		c->may_commit = false;
	}
	stmt_skip_exists(c);
	if (o->flags & OBJ_TABLE)
		stmt_take_tables(c);
	if (o->flags & OBJ_ON) {
		stmt_take_objects(c);
		on_table(c);
	}
	return o;
}

/* CREATE TABLE ... [AS] SELECT */
static void
table_query(struct ctx *c)
{
	unsigned opened = 0;

	for (; !at_end(c); ctx_step(c)) {
		if (is_kw(cur(c), KW_SELECT) || (is_kw(cur(c), KW_WITH) && is_kw(ctx_ahead(c, 2), KW_AS))) {
			c->opened = opened;
			ctx_walk(c, WALK_QUERY);
			return;
		}
		if (cur(c)->tok == TOK_OPEN)
			opened++;
		else if (cur(c)->tok == TOK_CLOSE && opened > 0)
			opened--;
	}
}

void
stmt_create_mysql(struct ctx *c)
{
	const struct object *o = object(c, "it creates or replaces an object");

	if (o == NULL)
		return;
	if (o->kw == KW_FUNCTION) {
		while (!at_end(c) && !is_kw(cur(c), KW_SONAME))
			ctx_step(c);
		if (!at_end(c))
			ctx_raise(c, SQL_CLASS_ADMIN, "it loads code into the server");
	}
	if (o->flags & OBJ_QUERY) {
		c->dormant = (o->flags & OBJ_VIEW) != 0;
		table_query(c);
		c->dormant = false;
	}
}

void
stmt_alter_mysql(struct ctx *c)
{
	const struct object *o = object(c, "it changes the definition of an object");

	if (o == NULL || !(o->flags & OBJ_TABLE))
		return;
	ctx_danger(c, SQL_DANGER_TABLE_LOCK);
	if (o->kw == KW_TABLE)
		stmt_alter_drops(c);
}

void
stmt_drop_mysql(struct ctx *c)
{
	const struct object *o = object(c, "it drops an object");

	if (o != NULL && o->class != SQL_CLASS_SESSION)
		ctx_danger(c, SQL_DANGER_DROP);
}
