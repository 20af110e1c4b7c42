/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Statements with the verdict of the real servers: wrong reads must be none, needless asks few. */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <cmocka.h>
#include <jansson.h>

#include "twokey/base/must.h"
#include "twokey/sql/facts.h"

struct tally {
	size_t rows, reads, wrong, needless, unknown;
};

static struct sql_facts *facts;

static const char *
text_of(const json_t *row, const char *key)
{
	const char *s = json_string_value(json_object_get(row, key));

	return s == NULL ? "" : s;
}

static bool
is_mild(enum sql_class c)
{
	return c == SQL_CLASS_READ || c == SQL_CLASS_SESSION || c == SQL_CLASS_TCL;
}

static bool
is_one_of(const char *word, const char *list)
{
	size_t n = strlen(word);

	for (const char *p = list; (p = strstr(p, word)) != NULL; p += n)
		if ((p == list || p[-1] == ' ') && (p[n] == ' ' || p[n] == '\0'))
			return true;
	return false;
}

static void
settings_of(struct sql_settings *set, enum sql_engine engine, const json_t *row)
{
	const char *mode = text_of(row, "sql_mode");
	const char *charset = text_of(row, "charset");

	memset(set, 0, sizeof(*set));
	set->engine = engine;
	set->scs_off = strcmp(text_of(row, "scs"), "off") == 0;
	set->ansi_quotes = strstr(mode, "ANSI_QUOTES") != NULL || strstr(mode, "ORACLE") != NULL;
	set->no_backslash_escapes = strstr(mode, "NO_BACKSLASH_ESCAPES") != NULL;
	set->half_letters = *charset != '\0' && is_one_of(charset, "gbk big5 sjis cp932 gb18030");
	set->ignore_space = strstr(mode, "IGNORE_SPACE") != NULL;
}

/* Statements whose effect no text tells, with the reason; the floor db asks the catalogue about these. */
static const struct {
	const char *sql;
	const char *reason;
} beyond_text[] = {
	{ "SHOW CREATE VIEW v1", "the view reads NEXT VALUE of a sequence" },
	{ "SELECT * FROM v1", "the view reads NEXT VALUE of a sequence" },
	{ "Select * from v1", "the view reads NEXT VALUE of a sequence" },
	{ "select * from v2", "the view calls a function that writes" },
	{ "SELECT * FROM v1_func", "the view calls a function that writes" },
};

static bool
is_beyond_text(const json_t *row)
{
	for (size_t i = 0; i < sizeof(beyond_text) / sizeof(beyond_text[0]); i++)
		if (strcmp(text_of(row, "sql"), beyond_text[i].sql) == 0)
			return true;
	return false;
}

/* The corpus calls these opaque by their verb; their arguments are judged like any expression. */
static bool
is_open_verb(const char *sql)
{
	static const char *const verbs[] = { "do ", "signal ", "resignal ", "get " };

	for (size_t i = 0; i < sizeof(verbs) / sizeof(verbs[0]); i++)
		if (strncasecmp(sql, verbs[i], strlen(verbs[i])) == 0)
			return true;
	return false;
}

/* What the server or the truth says must not be called mild. */
static bool
is_wrong(const json_t *row, enum sql_class c, enum sql_engine engine)
{
	const char *verdict = text_of(row, "verdict");
	const char *class = text_of(row, "class");

	if (strcmp(verdict, "invalid") == 0 || strcmp(verdict, "rejected") == 0)
		return false;
	if (engine == SQL_MARIADB && (is_beyond_text(row)
	    || (strcmp(verdict, "opaque") == 0 && is_open_verb(text_of(row, "sql")))))
		return false;
	/* a plan is only made; SQLite's own answer counts its opcodes */
	if (strcmp(class, "read") == 0 && strcmp(text_of(row, "effect"), "explain") == 0)
		return false;
	if (strcmp(verdict, "write") == 0 || is_one_of(class, "write ddl dcl admin file opaque"))
		return is_mild(c) && !(strcmp(verdict, "read") == 0 && strcmp(class, "read") == 0);
	return false;
}

static void
show(const char *what, const json_t *row, size_t line)
{
	if (getenv("TWOKEY_CORPUS_SHOW") == NULL
	    || (*getenv("TWOKEY_CORPUS_SHOW") != '*' && strcmp(getenv("TWOKEY_CORPUS_SHOW"), what) != 0))
		return;
	print_message("%s line %zu: %s [%s %s %s] %.300s\n    %s\n", what, line, sql_class_name(facts->class),
	    text_of(row, "verdict"), text_of(row, "class"), text_of(row, "effect"), text_of(row, "sql"),
	    facts->why);
}

static void
judge(const json_t *row, size_t line, struct tally *t, enum sql_engine engine)
{
	const char *effect = text_of(row, "effect");

	t->rows++;
	if (is_wrong(row, facts->class, engine)) {
		t->wrong++;
		show("wrong", row, line);
	}
	if (strcmp(text_of(row, "verdict"), "read") != 0 || strcmp(text_of(row, "class"), "read") != 0)
		return;
	t->reads++;
	/* the corpus saw CHECK TABLE outside a transaction only; inside, it commits what was done before */
	if (facts->class == SQL_CLASS_READ || strcmp(facts->verb, "CHECK") == 0)
		return;
	if (facts->dangers & SQL_DANGER_BIT(SQL_DANGER_UNKNOWN_FUNCTION)) {
		t->unknown++;
		show("unknown", row, line);
		return;
	}
	if (strstr(effect, "fn-") != NULL || strstr(effect, "lock") != NULL) {
		show("effect", row, line);
		return;
	}
	t->needless++;
	show("needless", row, line);
}

static FILE *
corpus_open(const char *name)
{
	const char *top = getenv("top_srcdir");
	char path[4096];

	snprintf(path, sizeof(path), "%s/../shared/corpus/%s.jsonl", top ? top : ".", name);
	return fopen(path, "r");
}

static void
measure(enum sql_engine engine, const char *name, size_t per_mille_x10)
{
	FILE *in = corpus_open(name);
	struct tally t = { 0 };
	char *line = NULL;
	size_t room = 0;
	size_t number = 0;

	if (in == NULL) {
		print_message("no corpus beside the source tree: ../shared/corpus/%s.jsonl\n", name);
		skip();
	}
	while (getline(&line, &room, in) > 0) {
		json_t *row = json_loads(line, JSON_ALLOW_NUL, NULL);
		struct sql_settings set;

		number++;
		assert_non_null(row);
		settings_of(&set, engine, row);
		sql_classify(facts, &set, text_of(row, "sql"), json_string_length(json_object_get(row, "sql")));
		judge(row, number, &t, engine);
		json_decref(row);
	}
	free(line);
	fclose(in);
	print_message("%s: %zu statements, %zu reads; wrong reads %zu; needless asks %zu; asks for functions "
	    "that are not built in %zu\n", name, t.rows, t.reads, t.wrong, t.needless, t.unknown);
	assert_int_equal(t.wrong, 0);
	assert_true(t.needless * 10000 <= t.reads * per_mille_x10);
}

/* expect and accept of a row of adversarial.jsonl hold this word. */
static bool
row_accepts(const json_t *row, const char *word)
{
	const json_t *accept = json_object_get(row, "accept");
	size_t i;
	json_t *one;

	if (strcmp(text_of(row, "expect"), word) == 0)
		return true;
	json_array_foreach(accept, i, one)
		if (strcmp(json_string_value(one), word) == 0)
			return true;
	return false;
}

/* What the connection was told before. */
static void
settings_before(struct sql_settings *set, const json_t *row)
{
	const char *pre = text_of(row, "pre");

	memset(set, 0, sizeof(*set));
	assert_true(sql_engine_parse(text_of(row, "engine"), &set->engine));
	set->half_letters = strstr(pre, "gbk") || strstr(pre, "big5") || strstr(pre, "sjis");
	set->ansi_quotes = strstr(pre, "ORACLE") != NULL;
}

static void
judge_adversarial(const json_t *row, size_t line, struct tally *t)
{
	enum sql_class c = facts->class;
	const char *name = c == SQL_CLASS_CALL ? "opaque" : sql_class_name(c);

	t->rows++;
	if (is_mild(c) && !row_accepts(row, "read") && !row_accepts(row, "invalid")
	    && (c == SQL_CLASS_READ || (!row_accepts(row, "session") && !row_accepts(row, "tcl")))) {
		t->wrong++;
		show("wrong", row, line);
	}
	if (strcmp(text_of(row, "expect"), "read") != 0)
		return;
	t->reads++;
	/* what a prepared statement, a block or a cursor does cannot be known from the text */
	if (c == SQL_CLASS_READ || c == SQL_CLASS_CALL || row_accepts(row, name) || *text_of(row, "pre"))
		return;
	if (facts->dangers & SQL_DANGER_BIT(SQL_DANGER_UNKNOWN_FUNCTION)) {
		t->unknown++;
		show("unknown", row, line);
		return;
	}
	t->needless++;
	show("needless", row, line);
}

static void
hostile_texts_are_not_taken_for_reads(void **state)
{
	struct tally t = { 0 };
	char path[4096];
	char *line = NULL;
	size_t room = 0;
	FILE *in;

	snprintf(path, sizeof(path), "%s/tests/golden/sql/adversarial.jsonl",
	    getenv("top_srcdir") ? getenv("top_srcdir") : ".");
	in = fopen(path, "r");
	assert_non_null(in);
	for (size_t number = 1; getline(&line, &room, in) > 0; number++) {
		json_t *row = json_loads(line, JSON_ALLOW_NUL, NULL);
		struct sql_settings set;

		assert_non_null(row);
		settings_before(&set, row);
		sql_classify(facts, &set, text_of(row, "sql"), json_string_length(json_object_get(row, "sql")));
		judge_adversarial(row, number, &t);
		json_decref(row);
	}
	free(line);
	fclose(in);
	print_message("adversarial: %zu texts, %zu reads; wrong reads %zu; needless asks %zu; asks for functions "
	    "that are not built in %zu\n", t.rows, t.reads, t.wrong, t.needless, t.unknown);
	assert_int_equal(t.wrong, 0);
	assert_int_equal(t.needless, 0);
}

static void
postgres_corpus_has_no_wrong_read(void **state)
{
	measure(SQL_POSTGRES, "postgres", 20);
}

static void
sqlite_corpus_has_no_wrong_read(void **state)
{
	measure(SQL_SQLITE, "sqlite", 20);
}

static void
mariadb_corpus_has_no_wrong_read(void **state)
{
	measure(SQL_MARIADB, "mariadb", 20);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(hostile_texts_are_not_taken_for_reads),
		cmocka_unit_test(postgres_corpus_has_no_wrong_read),
		cmocka_unit_test(sqlite_corpus_has_no_wrong_read),
		cmocka_unit_test(mariadb_corpus_has_no_wrong_read),
	};
	int rc;

	facts = must_alloc(sizeof(*facts));
	rc = cmocka_run_group_tests_name("sql: corpus", tests, NULL, NULL);
	free(facts);
	return rc;
}
