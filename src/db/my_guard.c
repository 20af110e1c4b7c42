/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The guard: what the names in a text mean, looked up before it is sent. Views are read and judged like a text of
 * their own, with everything that they name. */
#include "config.h"

#include "my.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "twokey/base/err.h"
#include "twokey/base/must.h"

enum { ITEMS_MAX = 128, LIST_MAX = 128 * 1024 };

/* A table or view that is named. */
struct item {
	char *schema;
	char *name;
	bool inside;		/* named by a view, not by the statement */
	bool written;		/* by the statement */
	char *type;		/* NULL: not there, or not for this account to see */
	char *engine;
	char *definition;	/* of a view */
};

struct guard {
	struct db_conn *c;
	struct buf *names;
	struct item items[ITEMS_MAX];
	size_t n;
	struct buf schemas;	/* lists: where functions without a schema may be found, and their names */
	struct buf functions;
	struct my_found *found;
	struct digest_sum *views;
};

bool
my_keeps_rows(const char *engine)
{
	static const char *const known[] = { "InnoDB", "MyISAM", "Aria", "MEMORY", "ARCHIVE", "CSV", "MRG_MyISAM", "BLACKHOLE",
		"SEQUENCE", "ROCKSDB", "ColumnStore", "PERFORMANCE_SCHEMA", "ndbcluster", "TokuDB" };

	for (size_t i = 0; i < sizeof known / sizeof *known; i++)
		if (strcasecmp(known[i], engine) == 0)
			return true;
	return false;
}

static bool
is_built_in(const char *schema)
{
	return strcasecmp(schema, "information_schema") == 0 || strcasecmp(schema, "performance_schema") == 0;
}

static int
add_item(struct guard *g, char *schema, char *name, bool inside, bool written, struct err *e)
{
	bool known = is_built_in(schema);
	size_t n = strlen(name);

	if (known && n > 6 && strcasecmp(name + n - 6, "_RESET") == 0) {
		free(schema);
		free(name);
		return err_set(e, ERR_WALL, "the wall stopped it: reading that table sets counters of the server to zero");
	}
	for (size_t i = 0; i < g->n && !known; i++)
		known = strcmp(g->items[i].schema, schema) == 0 && strcmp(g->items[i].name, name) == 0;
	if (known || g->n == ITEMS_MAX) {
		free(schema);
		free(name);
		return known ? 0 : err_set(e, ERR_WALL, "the wall stopped it: its views name more tables than are looked up");
	}
	g->items[g->n++] = (struct item){ .schema = schema, .name = name, .inside = inside, .written = written };
	return 0;
}

/* Everything that a text names; schema is where its names without one belong. */
static int
add_facts(struct guard *g, const struct sql_facts *f, const char *schema, bool inside, struct err *e)
{
	int ret = 0;

	for (size_t i = 0; i < f->ntables && ret == 0; i++) {
		const struct sql_table *t = &f->tables[i];

		ret = add_item(g, t->schema.n > 0 ? must_strndup(t->schema.p, t->schema.n) : must_strdup(schema),
		    must_strndup(t->name.p, t->name.n), inside, !inside && (t->use & SQL_USE_WRITE) != 0, e);
	}
	for (size_t i = 0; i < f->nfunctions && ret == 0; i++) {
		const struct sql_function *fn = &f->functions[i];

		if (fn->schema.n == 0) {
			my_list_add(&g->functions, fn->name.p, fn->name.n);
			continue;
		}
		g->found->function = true;	/* no built-in function has a schema */
		ret = err_set(e, ERR_WALL, "the wall stopped it: the stored function %.*s.%.*s could run", (int)fn->schema.n,
		    fn->schema.p, (int)fn->name.n, fn->name.p);
	}
	my_list_add(&g->schemas, schema, strlen(schema));
	return ret;
}

static int
send_round(struct guard *g, size_t from, size_t to, struct err *e)
{
	struct my_value lists[2] = { { MY_LIST, buf_data(&g->schemas), buf_len(&g->schemas) },
		{ MY_LIST, buf_data(&g->functions), buf_len(&g->functions) } };
	int ret = 0;

	for (size_t i = from; i < to && ret == 0; i++) {
		struct my_value v[2] = { my_text(g->items[i].schema), my_text(g->items[i].name) };

		ret = my_send(g->c, OWN_MY_RELATION, 2, v, g->names, e);
		if (ret == 0)
			ret = my_send(g->c, OWN_MY_VIEW, 2, v, g->names, e);
	}
	if (ret == 0 && buf_len(&g->functions) > 0) {
		ret = my_send(g->c, OWN_MY_ROUTINES, 2, lists, g->names, e);
		if (ret == 0)
			ret = my_send(g->c, OWN_MY_LOADED, 1, &lists[1], g->names, e);
	}
	return ret;
}

static char *
copy_cell(const char *cell)
{
	return must_strdup(cell != NULL ? cell : "");
}

/* Of several answers each must be taken; the first error is kept. */
static int
take(struct guard *g, enum own_id id, MYSQL_RES **res, int ret, struct err *e)
{
	struct err now;
	int took = g->c->lost ? ERR_DATABASE : my_take(g->c, id, res, &now);

	if (g->c->lost)
		return took == ERR_DATABASE && ret != ERR_DATABASE ? my_lose(g->c, e, "the connection to the database is lost") : ret;
	if (took != 0 && ret == 0)
		return err_set(e, (enum err_code)took, "%s", now.text);
	return ret;
}

static int
take_item(struct guard *g, struct item *it, int ret, struct err *e)
{
	MYSQL_RES *res = NULL;
	MYSQL_ROW row;

	ret = take(g, OWN_MY_RELATION, &res, ret, e);
	if (res != NULL && (row = mysql_fetch_row(res)) != NULL) {
		it->type = copy_cell(row[0]);
		it->engine = copy_cell(row[1]);
	}
	mysql_free_result(res);
	res = NULL;
	ret = take(g, OWN_MY_VIEW, &res, ret, e);
	if (res != NULL && (row = mysql_fetch_row(res)) != NULL)
		it->definition = copy_cell(row[0]);
	mysql_free_result(res);
	return ret;
}

static int
take_functions(struct guard *g, int ret, struct err *e)
{
	MYSQL_RES *res = NULL;
	struct err ignored;
	MYSQL_ROW row;

	ret = take(g, OWN_MY_ROUTINES, &res, ret, e);
	if (ret == 0 && (g->found->function = (row = mysql_fetch_row(res)) != NULL))
		ret = err_set(e, ERR_WALL, "the wall stopped it: the stored function %s.%s could run", row[0], row[1]);
	mysql_free_result(res);
	res = NULL;
	/* few accounts may look there; a loaded function cannot have the name of a built-in one */
	if (take(g, OWN_MY_LOADED, &res, 0, &ignored) == ERR_DATABASE)
		return my_lose(g->c, e, "the connection to the database is lost");
	if (ret == 0 && res != NULL && (g->found->function = (row = mysql_fetch_row(res)) != NULL))
		ret = err_set(e, ERR_WALL, "the wall stopped it: the loaded function %s of %s could run", row[0], row[1]);
	mysql_free_result(res);
	return ret;
}

static int
take_round(struct guard *g, size_t from, size_t to, struct err *e)
{
	int ret = 0;

	for (size_t i = from; i < to; i++)
		ret = take_item(g, &g->items[i], ret, e);
	if (buf_len(&g->functions) > 0)
		ret = take_functions(g, ret, e);
	buf_reset(&g->functions);
	buf_reset(&g->schemas);
	return ret;
}

/* The server keeps it with back quotes, and escapes as the mode of its maker was: it must be a read either way. */
static int
judge_view(struct guard *g, const struct item *it, struct err *e)
{
	struct sql_settings set = g->c->sql;
	struct sql_facts *f = g->c->facts;

	if (it->definition == NULL || it->definition[0] == '\0')
		return err_set(e, ERR_WALL, "the wall stopped it: this account may not read the definition of the view %s.%s;"
		    " grant it SHOW VIEW and SELECT there", it->schema, it->name);
	g->found->nviews++;
	digest_add_part(g->views, it->schema, strlen(it->schema));
	digest_add_part(g->views, it->name, strlen(it->name));
	digest_add_part(g->views, it->definition, strlen(it->definition));
	set.ansi_quotes = false;
	for (int i = 0; i < 2; i++) {
		set.no_backslash_escapes = i == 0;
		sql_classify(f, &set, it->definition, strlen(it->definition));
		if (f->class != SQL_CLASS_READ || (f->dangers & SQL_DANGER_BIT(SQL_DANGER_LIST_CUT)) != 0)
			return err_set(e, ERR_WALL, "the wall stopped it: the view %s.%s runs code that cannot be cleared: %s",
			    it->schema, it->name, f->why);
	}
	return add_facts(g, f, it->schema, true, e);
}

static int
judge(struct guard *g, const struct item *it, struct err *e)
{
	if (it->type == NULL) {
		if (!it->inside)
			return 0;	/* nothing for this account to read: the server will say so */
		return err_set(e, ERR_WALL, "the wall stopped it: a view reads %s.%s, which this account may not look up, so it cannot"
		    " be cleared; grant it SELECT (and SHOW VIEW) there", it->schema, it->name);
	}
	my_sizes_meet(g->c, it->schema, it->name);
	if (strcasecmp(it->type, "VIEW") == 0) {
		g->found->plain = false;
		return judge_view(g, it, e);
	}
	if (strcasecmp(it->type, "SYSTEM VIEW") != 0 && !my_keeps_rows(it->engine))
		return err_set(e, ERR_WALL, "the wall stopped it: the table %s.%s is kept by the engine %s, which may ask elsewhere",
		    it->schema, it->name, it->engine[0] != '\0' ? it->engine : "(not told)");
	return 0;
}

static int
run_rounds(struct guard *g, struct err *e)
{
	size_t from = 0, to = g->n;
	int ret = 0;

	while (ret == 0 && (from < to || buf_len(&g->functions) > 0)) {
		ret = send_round(g, from, to, e);
		if (ret == 0)
			ret = take_round(g, from, to, e);
		for (; ret == 0 && from < to; from++)
			ret = judge(g, &g->items[from], e);
		to = g->n;
	}
	return ret;
}

static bool
is_base_table(const struct item *it)
{
	return it->type != NULL && strcasecmp(it->type, "VIEW") != 0 && strcasecmp(it->type, "SYSTEM VIEW") != 0;
}

/* Of a view that is written it is not worked out which of its tables are: all that are named count. */
static void
find_targets(struct guard *g)
{
	struct my_found *found = g->found;

	for (size_t i = 0; i < g->n; i++)
		if (g->items[i].written && g->items[i].type != NULL && strcasecmp(g->items[i].type, "VIEW") == 0)
			found->by_view = true;
	found->targets = must_zalloc((g->n + 1) * sizeof *found->targets);
	for (size_t i = 0; i < g->n; i++) {
		struct item *it = &g->items[i];

		if (!is_base_table(it) || !(it->written || found->by_view))
			continue;
		found->targets[found->ntargets++] = (struct my_target){ it->schema, it->name, it->engine };
		it->schema = it->name = it->engine = NULL;
	}
}

void
my_targets_free(struct my_found *found)
{
	for (size_t i = 0; i < found->ntargets; i++) {
		free(found->targets[i].schema);
		free(found->targets[i].name);
		free(found->targets[i].engine);
	}
	free(found->targets);
	found->targets = NULL;
	found->ntargets = 0;
}

int
my_guard(struct db_conn *c, const struct sql_facts *f, struct buf *names, struct my_found *found, struct err *e)
{
	struct guard *g = must_zalloc(sizeof *g);
	int ret;

	g->c = c;
	g->names = names;
	g->found = found;
	*found = (struct my_found){ .plain = true, .wants_targets = found->wants_targets };
	g->views = digest_begin();
	buf_init(&g->schemas, LIST_MAX);
	buf_init(&g->functions, LIST_MAX);
	ret = add_facts(g, f, c->database, false, e);
	if (ret == 0)
		ret = run_rounds(g, e);
	if (ret != 0)
		found->plain = false;
	else if (found->wants_targets)
		find_targets(g);
	found->views = digest_end(g->views);
	for (size_t i = 0; i < g->n; i++) {
		free(g->items[i].schema);
		free(g->items[i].name);
		free(g->items[i].type);
		free(g->items[i].engine);
		free(g->items[i].definition);
	}
	buf_fini(&g->schemas);
	buf_fini(&g->functions);
	free(g);
	return ret;
}
