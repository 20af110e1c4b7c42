/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Which statements an oracle gets, and how it lists files. */
#include "config.h"

#include "oracle.h"

#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <cmocka.h>
#include <jansson.h>

#include "twokey/base/digest.h"
#include "twokey/base/must.h"

static const char *
text_of(const json_t *row, const char *key)
{
	const char *s = json_string_value(json_object_get(row, key));

	return s == NULL ? "" : s;
}

static bool
among(const char *word, const char *const *words, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (strcmp(word, words[i]) == 0)
			return true;
	return false;
}

/* What no driver reads: letters that can end in a backslash, which make another text of it (drivers speak UTF-8),
 * and the grammar of ORACLE (the driver refuses such an account). */
static bool
is_left_out(const json_t *row)
{
	static const char *const sets[] = { "gbk", "big5", "sjis", "cp932", "gb18030" };

	return strstr(text_of(row, "sql_mode"), "ORACLE") != NULL || strstr(text_of(row, "pre"), "ORACLE") != NULL ||
	    among(text_of(row, "charset"), sets, sizeof sets / sizeof *sets) ||
	    strncmp(text_of(row, "pre"), "SET NAMES", 9) == 0;
}

/* What sessions begin with, so that the text reads as it was meant. */
static const char *
modes_of(const json_t *row)
{
	if (strcmp(text_of(row, "scs"), "off") == 0)
		return "scs_off";
	return text_of(row, "sql_mode");
}

static struct sql_settings
settings_of(enum sql_engine engine, const char *modes)
{
	return (struct sql_settings){ .engine = engine, .scs_off = strcmp(modes, "scs_off") == 0,
	    .ansi_quotes = strstr(modes, "ANSI_QUOTES") != NULL,
	    .no_backslash_escapes = strstr(modes, "NO_BACKSLASH_ESCAPES") != NULL,
	    .ignore_space = strstr(modes, "IGNORE_SPACE") != NULL };
}

/* Makes tables that other statements of the same file read; nothing that reaches beyond the world. */
static bool
is_setup(const struct sql_facts *f, const char *sql)
{
	static const char *const verbs[] = { "CREATE TABLE", "CREATE VIEW", "CREATE TYPE", "CREATE DOMAIN", "CREATE SEQUENCE",
	    "CREATE MATERIALIZED VIEW", "CREATE EXTENSION", "INSERT" };
	static const char *const beyond[] = { "mysql", "performance_schema", "sys", "test", "pg_catalog" };

	if (!among(f->verb, verbs, sizeof verbs / sizeof *verbs) || f->statements != 1 || strstr(sql, "DIRECTORY") != NULL)
		return false;
	for (size_t i = 0; i < f->ntables; i++) {
		char schema[32];

		snprintf(schema, sizeof schema, "%.*s", (int)f->tables[i].schema.n, f->tables[i].schema.p);
		if ((f->tables[i].use & SQL_USE_WRITE) && (among(schema, beyond, sizeof beyond / sizeof *beyond) ||
		    (f->tables[i].name.n > 3 && memcmp(f->tables[i].name.p, "pg_", 3) == 0)))
			return false;
	}
	return true;
}

static struct oracle_row *
add(struct oracle *o, const char *sql, size_t n, const char *modes)
{
	struct sql_settings set = settings_of(o->engine->engine, modes);
	struct oracle_row *row;

	if ((o->n & (o->n - 1)) == 0)	/* room for twice as many */
		o->rows = must_realloc(o->rows, (o->n == 0 ? 1 : 2 * o->n) * sizeof *o->rows);
	row = &o->rows[o->n++];
	*row = (struct oracle_row){ .sql = must_alloc(n + 1), .n = n, .modes = must_strdup(modes) };
	memcpy(row->sql, sql, n);
	row->sql[n] = '\0';
	sql_classify(o->facts, &set, row->sql, n);
	row->read = o->facts->class == SQL_CLASS_READ;
	row->setup = is_setup(o->facts, row->sql);
	o->count.rows++;
	return row;
}

void
oracle_add(struct oracle *o, const char *sql, bool around)
{
	struct oracle_row *row = add(o, sql, strlen(sql), "");

	row->source = must_strdup("here");
	row->file = "test";
	row->line = o->n;
	row->setup = false;
	row->read = row->read || around;
	row->around = around;
}

static void
add_line(struct oracle *o, const char *text, const char *file, size_t line, bool hostile)
{
	json_t *json = json_loads(text, JSON_ALLOW_NUL, NULL);
	struct oracle_row *row;

	assert_non_null(json);
	if (strcmp(text_of(json, "engine"), sql_engine_name(o->engine->engine)) != 0) {
		json_decref(json);
		return;
	}
	if (is_left_out(json)) {
		o->count.rows++;
		o->count.left_out++;
		json_decref(json);
		return;
	}
	row = add(o, text_of(json, "sql"), json_string_length(json_object_get(json, "sql")), modes_of(json));
	row->source = must_strdup(text_of(json, "source"));
	row->file = file;
	row->line = line;
	row->hostile = hostile;
	row->setup = row->setup && !hostile;
	json_decref(json);
}

static bool
add_file(struct oracle *o, const char *path, const char *file, bool hostile)
{
	FILE *in = fopen(path, "r");
	char *line = NULL;
	size_t room = 0;

	if (in == NULL)
		return false;
	for (size_t number = 1; getline(&line, &room, in) > 0; number++)
		add_line(o, line, file, number, hostile);
	free(line);
	fclose(in);
	return true;
}

static const char *
top(void)
{
	return getenv("top_srcdir") != NULL ? getenv("top_srcdir") : ".";
}

bool
oracle_corpus(struct oracle *o, const char *name)
{
	char path[4096];

	snprintf(path, sizeof path, "%s/../shared/corpus/%s.jsonl", top(), name);
	return add_file(o, path, name, false);
}

void
oracle_golden(struct oracle *o)
{
	static const char *const files[] = { "adversarial.jsonl", "attack.jsonl" };
	char path[4096];

	for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
		snprintf(path, sizeof path, "%s/tests/golden/sql/%s", top(), files[i]);
		assert_true(add_file(o, path, files[i], true));
	}
}

static void
put_content(struct buf *out, const char *path)
{
	struct digest_sum *sum = digest_begin();
	struct digest d;
	char hex[DIGEST_HEX + 1], bytes[16384];
	FILE *in = fopen(path, "r");
	size_t n;

	while (in != NULL && (n = fread(bytes, 1, sizeof bytes, in)) > 0)
		digest_add(sum, bytes, n);
	if (in != NULL)
		fclose(in);
	d = digest_end(sum);
	digest_hex(&d, hex);
	buf_putf(out, " %s", hex);
}

static bool
is_skipped(const char *path, const char *const *skip)
{
	for (; skip != NULL && *skip != NULL; skip++)
		if (strncmp(path, *skip, strlen(*skip)) == 0)
			return true;
	return false;
}

static void
list(struct buf *out, const char *folder, const char *below, bool content, const char *const *skip)
{
	char path[4096], name[2048];
	struct dirent **entries;
	int n;

	snprintf(path, sizeof path, "%s/%s", folder, below);
	n = scandir(path, &entries, NULL, alphasort);
	for (int i = 0; i < n; i++) {
		struct stat st;

		snprintf(name, sizeof name, "%s%s%s", below, *below != '\0' ? "/" : "", entries[i]->d_name);
		snprintf(path, sizeof path, "%s/%s", folder, name);
		if (entries[i]->d_name[0] != '.' || strlen(entries[i]->d_name) > 2) {
			if (!is_skipped(name, skip) && lstat(path, &st) == 0) {
				buf_putf(out, "file %s:", name);
				if (content && S_ISREG(st.st_mode))
					put_content(out, path);
				buf_putc(out, '\n');
				if (S_ISDIR(st.st_mode))
					list(out, folder, name, content, skip);
			}
		}
		free(entries[i]);
	}
	if (n >= 0)
		free(entries);
}

void
oracle_files(struct buf *out, const char *folder, bool content, const char *const *skip)
{
	list(out, folder, "", content, skip);
}
