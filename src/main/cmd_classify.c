/* SPDX-License-Identifier: GPL-3.0-or-later */
/* twokey classify: what could the statements of a script do? Nothing runs, no database is asked. */
#include "config.h"

#include "cmd.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "twokey/base/buf.h"
#include "twokey/base/err.h"
#include "twokey/base/json.h"
#include "twokey/base/must.h"
#include "twokey/base/text.h"
#include "twokey/sql/facts.h"
#include "twokey/sql/split.h"

enum { CLASSIFY_MAX = 1 << 30 };

static const char classes[] = ""
#define CLASS(name, text, help) " " text
#include "twokey/sql/class.def"
#undef CLASS
    ;

struct options {
	enum sql_engine engine;
	bool jsonl;
	bool check;
	enum sql_class limit;
	const char *path;
};

/* One run: the worst class seen decides about --check. */
struct run {
	const struct options *o;
	struct sql_facts *facts;
	enum sql_class worst;
	struct buf line;
};

static json_t *
name_json(struct sql_str s)
{
	json_t *holder;
	json_t *v;

	if (text_is_utf8(s.p, s.n))
		return json_stringn_nocheck(s.p, s.n);
	holder = json_object();
	json_set_bytes(holder, "v", s.p, s.n);
	v = json_incref(json_object_get(holder, "v"));
	json_decref(holder);
	return v;
}

static json_t *
tables_json(const struct sql_facts *f)
{
	json_t *list = json_array();

	for (size_t i = 0; i < f->ntables; i++) {
		const struct sql_table *t = &f->tables[i];
		json_t *o = json_object();

		if (t->schema.n > 0)
			json_object_set_new(o, "schema", name_json(t->schema));
		json_object_set_new(o, "name", name_json(t->name));
		json_object_set_new(o, "use", json_string(t->use == SQL_USE_READ ? "read"
		    : t->use == SQL_USE_WRITE ? "write" : "read, write"));
		json_array_append_new(list, o);
	}
	return list;
}

static json_t *
functions_json(const struct sql_facts *f)
{
	json_t *list = json_array();

	for (size_t i = 0; i < f->nfunctions; i++) {
		const struct sql_function *fn = &f->functions[i];
		char name[SQL_NAMES_MAX];
		struct sql_str whole = { name, 0 };

		if (fn->schema.n + fn->name.n + 1 > sizeof(name))
			continue;
		if (fn->schema.n > 0) {
			memcpy(name, fn->schema.p, fn->schema.n);
			name[fn->schema.n] = '.';
			whole.n = fn->schema.n + 1;
		}
		memcpy(name + whole.n, fn->name.p, fn->name.n);
		whole.n += fn->name.n;
		json_array_append_new(list, name_json(whole));
	}
	return list;
}

static json_t *
dangers_json(const struct sql_facts *f)
{
	json_t *list = json_array();

	for (unsigned d = 0; d < SQL_DANGERS; d++)
		if (f->dangers & SQL_DANGER_BIT(d))
			json_array_append_new(list, json_string(sql_danger_name((enum sql_danger)d)));
	return list;
}

static json_t *
statement_json(const struct sql_facts *f, struct sql_span text)
{
	struct sql_str why = { f->why, strlen(f->why) };
	json_t *o = json_object();

	json_object_set_new(o, "class", json_string(sql_class_name(f->class)));
	json_object_set_new(o, "verb", json_string(f->verb));
	json_object_set_new(o, "tables", tables_json(f));
	json_object_set_new(o, "functions", functions_json(f));
	json_object_set_new(o, "dangers", dangers_json(f));
	json_object_set_new(o, "why", name_json(why));
	json_object_set_new(o, "offset", json_integer((json_int_t)text.off));
	json_object_set_new(o, "length", json_integer((json_int_t)text.len));
	return o;
}

static void
print(struct run *r, json_t *o)
{
	buf_reset(&r->line);
	json_put(&r->line, o);
	buf_putc(&r->line, '\n');
	fwrite(buf_data(&r->line), 1, buf_len(&r->line), stdout);
	json_decref(o);
}

/* The next statement of the text into the facts; false at the end. */
static bool
next(struct run *r, const struct sql_settings *set, const char *sql, size_t n, struct sql_script *at,
    struct sql_span *text)
{
	struct sql_piece piece;

	while (sql_script_next(at, set, sql, n, &piece)) {
		if (piece.text.len == 0)
			continue;
		sql_classify(r->facts, set, sql + piece.text.off, piece.text.len);
		*text = piece.text;
		if (r->facts->class > r->worst)
			r->worst = r->facts->class;
		return true;
	}
	return false;
}

static void
classify_script(struct run *r, const char *sql, size_t n)
{
	struct sql_settings set = { .engine = r->o->engine };
	struct sql_span text;
	struct sql_script at;

	sql_script_begin(&at);
	while (next(r, &set, sql, n, &at, &text)) {
		json_t *o = statement_json(r->facts, text);

		json_object_set_new(o, "assumes", json_string("no user-defined function, operator or cast shadows a "
		    "built-in one"));
		print(r, o);
	}
}

static void
bad_line(struct run *r, const char *why)
{
	json_t *o = json_object();

	r->worst = SQL_CLASS_UNKNOWN;
	json_object_set_new(o, "class", json_string(sql_class_name(SQL_CLASS_UNKNOWN)));
	json_object_set_new(o, "statements", json_array());
	json_object_set_new(o, "error", json_string(why));
	print(r, o);
}

static void
classify_line(struct run *r, const char *line, size_t n)
{
	struct sql_settings set = { .engine = r->o->engine };
	enum sql_class worst = SQL_CLASS_READ;
	json_t *in = json_loadb(line, n, JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, NULL);
	const char *engine = json_string_value(json_object_get(in, "engine"));
	const json_t *sql = json_object_get(in, "sql");
	json_t *out;
	json_t *list;
	struct sql_span text;
	struct sql_script at;

	if (!json_is_string(sql) || (engine != NULL && !sql_engine_parse(engine, &set.engine))) {
		bad_line(r, json_is_string(sql) ? "there is no such engine" : "the line is no object with a string sql");
		json_decref(in);
		return;
	}
	list = json_array();
	sql_script_begin(&at);
	while (next(r, &set, json_string_value(sql), json_string_length(sql), &at, &text)) {
		if (r->facts->class > worst)
			worst = r->facts->class;
		json_array_append_new(list, statement_json(r->facts, text));
	}
	out = json_object();
	json_object_set_new(out, "class", json_string(sql_class_name(worst)));
	json_object_set_new(out, "statements", list);
	print(r, out);
	json_decref(in);
}

static void
classify_lines(struct run *r, FILE *in)
{
	char *line = NULL;
	size_t room = 0;
	ssize_t n;

	while ((n = getline(&line, &room, in)) > 0)
		classify_line(r, line, line[n - 1] == '\n' ? (size_t)n - 1 : (size_t)n);
	free(line);
}

static int
read_all(FILE *in, struct buf *out)
{
	size_t got;

	for (;;) {
		char *room = buf_room(out, 65536);

		if (room == NULL)
			return ERR_TOO_LARGE;
		got = fread(room, 1, 65536, in);
		if (got == 0)
			return ferror(in) ? ERR_SYSTEM : 0;
		buf_added(out, got);
	}
}

/* "-e X", "--engine X", "--check X": the value, or NULL when a is another word. */
static const char *
value_of(int argc, char **argv, int *i, const char *shorter, const char *longer)
{
	size_t n = strlen(longer);

	if (strncmp(argv[*i], longer, n) == 0 && argv[*i][n] == '=')
		return argv[*i] + n + 1;
	if ((strcmp(argv[*i], shorter) == 0 || strcmp(argv[*i], longer) == 0) && *i + 1 < argc)
		return argv[++*i];
	return NULL;
}

static int
take_options(int argc, char **argv, struct options *o)
{
	const char *value;

	for (int i = 1; i < argc; i++) {
		if ((value = value_of(argc, argv, &i, "-e", "--engine")) != NULL) {
			if (!sql_engine_parse(value, &o->engine))
				return cmd_usage("classify", "there is no engine %s: they are postgres, mariadb, mysql and sqlite", value);
		} else if ((value = value_of(argc, argv, &i, "--check", "--check")) != NULL) {
			o->check = true;
			if (!sql_class_parse(value, &o->limit))
				return cmd_usage("classify", "there is no class %s: they are%s", value, classes);
		} else if (strcmp(argv[i], "--jsonl") == 0) {
			o->jsonl = true;
		} else if (strcmp(argv[i], "-e") == 0 || strcmp(argv[i], "--engine") == 0 || strcmp(argv[i], "--check") == 0) {
			return cmd_usage("classify", "%s needs a value", argv[i]);
		} else if (argv[i][0] == '-' && argv[i][1] != '\0') {
			return cmd_no_option("classify", argv[i]);
		} else if (o->path != NULL) {
			return cmd_too_many("classify", argv[i]);
		} else {
			o->path = argv[i];
		}
	}
	return CMD_OK;
}

static int
classify(struct run *r, FILE *in)
{
	struct buf script;
	struct err e;
	int rc = 0;

	if (r->o->jsonl) {
		classify_lines(r, in);
	} else {
		buf_init(&script, CLASSIFY_MAX);
		rc = read_all(in, &script);
		if (rc == 0)
			classify_script(r, buf_data(&script), buf_len(&script));
		buf_fini(&script);
	}
	if (fflush(stdout) != 0 || ferror(stdout))
		return cmd_fail((err_sys(&e, "cannot write the answer"), &e));
	if (rc != 0) {
		err_set(&e, (enum err_code)rc, "%s cannot be read as a whole", r->o->path ? r->o->path : "standard input");
		(void)cmd_fail(&e);
		return CMD_USAGE;
	}
	return r->o->check && r->worst > r->o->limit ? CMD_REFUSED : CMD_OK;
}

int
cmd_classify(int argc, char **argv)
{
	struct options o = { .engine = SQL_POSTGRES };
	struct run r = { .o = &o };
	FILE *in = stdin;
	struct err e;
	int rc = take_options(argc, argv, &o);

	if (rc != CMD_OK)
		return rc;
	if (o.path != NULL && strcmp(o.path, "-") != 0) {
		in = fopen(o.path, "re");
		if (in == NULL) {
			(void)err_sys(&e, "name a file with statements: opening %s", o.path);
			(void)cmd_fail(&e);
			return CMD_USAGE;
		}
	}
	r.facts = must_alloc(sizeof(*r.facts));
	buf_init(&r.line, CLASSIFY_MAX);
	rc = classify(&r, in);
	buf_fini(&r.line);
	free(r.facts);
	if (in != stdin)
		fclose(in);
	return rc;
}
