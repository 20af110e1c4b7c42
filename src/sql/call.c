/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What a function that is called means for the class. */
#include "config.h"
#include "sql/ctx.h"

#include <string.h>

static const struct fn_row *
find(enum sql_engine engine, const char *name, size_t n)
{
	switch (engine) {
	case SQL_POSTGRES:
		return fn_find_postgres(name, n);
	case SQL_SQLITE:
		return fn_find_sqlite(name, n);
	case SQL_MARIADB:
		return fn_find_mariadb(name, n);
	case SQL_MYSQL:
		return fn_find_mysql(name, n);
	case SQL_ENGINES:
		break;
	}
	return NULL;
}

enum fn_effect
fn_effect(enum sql_engine engine, const char *name, size_t n)
{
	const struct fn_row *row = find(engine, name, n);

	return row == NULL ? FN_UNKNOWN : row->effect;
}

static const struct {
	enum sql_class class;
	const char *reason;
	enum sql_danger danger;		/* SQL_DANGERS: none */
} effects[FN_EFFECTS] = {
	[FN_HARMLESS] = { SQL_CLASS_READ, "", SQL_DANGERS },
	[FN_VOLATILE] = { SQL_CLASS_READ, "", SQL_DANGER_VOLATILE },
	[FN_SESSION] = { SQL_CLASS_SESSION, "it calls %(), which changes this connection",
	    SQL_DANGER_EFFECT_FUNCTION },
	[FN_WRITE] = { SQL_CLASS_WRITE, "it calls %(), which changes what is stored",
	    SQL_DANGER_EFFECT_FUNCTION },
	[FN_CALL] = { SQL_CLASS_CALL, "it calls %(), which runs or reads what its arguments name",
	    SQL_DANGER_EFFECT_FUNCTION },
	[FN_FILE] = { SQL_CLASS_FILE, "it calls %(), which reaches files of the server",
	    SQL_DANGER_EFFECT_FUNCTION },
	[FN_ADMIN] = { SQL_CLASS_ADMIN, "it calls %(), which steers the server or holds other sessions",
	    SQL_DANGER_EFFECT_FUNCTION },
	[FN_SETTING] = { SQL_CLASS_ADMIN, "it calls %(), which changes a setting with power over the gate",
	    SQL_DANGER_EFFECT_FUNCTION },
	[FN_REWRITE] = { SQL_CLASS_CALL, "it calls %(), which runs the SQL in its argument",
	    SQL_DANGER_EFFECT_FUNCTION },
	[FN_LASTID] = { SQL_CLASS_READ, "", SQL_DANGERS },
	[FN_UNKNOWN] = { SQL_CLASS_CALL, "it calls %(), which twokey does not know, so its effect is not known",
	    SQL_DANGER_UNKNOWN_FUNCTION },
};

/* set_config('work_mem', ...): a literal name tells which setting. */
static bool
setting_is_mild(struct ctx *c)
{
	const struct sql_token *t = ctx_ahead(c, 1);

	if (t->tok != TOK_STRING || t->len < 2 || ctx_text(c, t)[0] != '\'' || ctx_ahead(c, 2)->tok != TOK_COMMA)
		return false;
	return setting_class(c->d->engine, ctx_text(c, t) + 1, t->len - 2) == SQL_CLASS_SESSION;
}

static struct sql_str
note_function(struct ctx *c, struct sql_str schema, struct sql_str name, size_t mark)
{
	struct sql_facts *f = c->f;

	for (size_t i = 0; i < f->nfunctions; i++)
		if (ctx_str_same(f->functions[i].name, name) && ctx_str_same(f->functions[i].schema, schema)) {
			f->names_len = mark;
			return f->functions[i].name;
		}
	if (f->nfunctions == SQL_FUNCTIONS_MAX) {
		ctx_danger(c, SQL_DANGER_LIST_CUT);
		return name;
	}
	f->functions[f->nfunctions++] = (struct sql_function){ schema, name };
	return name;
}

/* MariaDB, MySQL: with a blank before the "(" these names mean a stored function. */
static bool
stands_apart(const struct ctx *c, const struct name *nm, struct sql_str name)
{
	static const char *const tight[] = {
		"adddate", "bit_and", "bit_or", "bit_xor", "cast", "count", "curdate", "curtime", "date_add",
		"date_sub", "extract", "group_concat", "json_arrayagg", "json_objectagg", "max", "mid", "min",
		"now", "position", "session_user", "std", "stddev", "stddev_pop", "stddev_samp", "subdate",
		"substr", "substring", "sum", "sysdate", "system_user", "trim", "var_pop", "var_samp", "variance",
	};

	if (c->set->ignore_space || cur(c)->off == nm->end)
		return false;
	for (size_t i = 0; i < sizeof(tight) / sizeof(tight[0]); i++)
		if (strlen(tight[i]) == name.n && memcmp(tight[i], name.p, name.n) == 0)
			return true;
	return false;
}

static enum fn_effect
judge(struct ctx *c, const struct name *nm, struct sql_str schema, struct sql_str name)
{
	enum fn_effect e = FN_UNKNOWN;
	bool own = c->d->engine == SQL_POSTGRES && schema.n == 10 && memcmp(schema.p, "pg_catalog", 10) == 0;

	if ((nm->nparts == 1 && !(c->d->at_vars && nm->part[0].tok == TOK_NAME)) || (nm->nparts == 2 && own))
		e = fn_effect(c->d->engine, name.p, name.n);
	if (e == FN_SETTING && setting_is_mild(c))
		e = FN_SESSION;
	if (e == FN_LASTID)
		e = ctx_ahead(c, 1)->tok != TOK_CLOSE ? FN_SESSION : FN_VOLATILE;
	if (c->d->at_vars && e != FN_UNKNOWN && stands_apart(c, nm, name))
		e = FN_UNKNOWN;
	if (e == FN_UNKNOWN && nm->nparts <= 2 && !nm->too_long && ctx_is_catalogued(c, schema, name))
		e = FN_HARMLESS;
	return e;
}

/* What a function of PostgreSQL uses beside itself: casts to json, types of columns, equality. */
static void
note_hidden(struct ctx *c, struct sql_str name)
{
	static const char *const typed[] = { "json", "xml", "to_json", "row_to_json", "array_to_json" };

	if (c->d->engine != SQL_POSTGRES)
		return;
	for (size_t i = 0; i < sizeof(typed) / sizeof(typed[0]); i++)
		if (name.n >= strlen(typed[i]) && memcmp(name.p, typed[i], strlen(typed[i])) == 0)
			c->f->has_cast = true;
	if (name.n == 6 && memcmp(name.p, "nullif", 6) == 0)
		ctx_note_operator(c, "=", 1);
}

enum fn_effect
ctx_note_call(struct ctx *c, const struct name *nm)
{
	size_t mark = c->f->names_len;
	struct sql_str schema = { NULL, 0 };
	struct sql_str name;
	enum fn_effect e;

	if (nm->nparts > 1)
		schema = ctx_fold_name(c, &nm->part[nm->nparts - 2], false);
	name = ctx_fold_name(c, &nm->part[nm->nparts - 1], true);
	e = judge(c, nm, schema, name);
	name = note_function(c, schema, name, mark);
	note_hidden(c, name);
	if (c->dormant || e == FN_REWRITE)
		return e;
	if (effects[e].danger != SQL_DANGERS)
		ctx_danger(c, effects[e].danger);
	/* a plan is made (by MariaDB and MySQL not quite) without running what is known to change something */
	if (c->quiet && !c->d->at_vars && e != FN_UNKNOWN && e != FN_CALL)
		return e;
	if (e == FN_WRITE || e == FN_CALL || e == FN_UNKNOWN || e == FN_FILE || e == FN_ADMIN)
		c->may_commit = false;
	ctx_raise_name(c, effects[e].class, effects[e].reason, name);
	return e;
}

/* Names that stand behind a dot: each may be a function of what is before it. */
void
ctx_note_fields(struct ctx *c, const struct name *nm, unsigned first)
{
	if (nm->too_long && !c->dormant)
		ctx_raise(c, SQL_CLASS_UNKNOWN, "a name has more parts than twokey follows");
	for (unsigned i = first; i < nm->nparts && !c->dormant; i++) {
		size_t mark = c->f->names_len;
		struct sql_str name = ctx_fold_name(c, &nm->part[i], true);
		enum fn_effect e = fn_effect(c->d->engine, name.p, name.n);

		if (e == FN_HARMLESS || e == FN_VOLATILE || e == FN_UNKNOWN || (c->quiet && e != FN_CALL)) {
			c->f->names_len = mark;
			continue;
		}
		ctx_danger(c, effects[e].danger);
		c->may_commit = c->may_commit && (e == FN_SESSION || e == FN_SETTING || e == FN_REWRITE);
		ctx_raise_name(c, effects[e].class, effects[e].reason, name);
	}
}
