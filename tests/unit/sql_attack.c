/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Texts that were once called milder than the real engines showed them to be, or whose facts were wrong. */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <jansson.h>

#include "twokey/base/buf.h"
#include "twokey/base/err.h"
#include "twokey/base/must.h"
#include "twokey/sql/derive.h"
#include "twokey/sql/facts.h"
#include "twokey/sql/redact.h"

static struct sql_facts *facts;

static const char *
text_of(const json_t *row, const char *key)
{
	return json_string_value(json_object_get(row, key));
}

static bool
is(struct sql_str s, const char *word)
{
	return s.n == strlen(word) && memcmp(s.p, word, s.n) == 0;
}

/* A mild class must be met exactly; what is not mild must not be called so. */
static bool
class_fits(const json_t *row)
{
	const char *expect = text_of(row, "expect");

	if (strcmp(expect, "read") == 0 || strcmp(expect, "session") == 0)
		return strcmp(expect, sql_class_name(facts->class)) == 0;
	return facts->class > SQL_CLASS_TCL;
}

static bool
table_fits(const char *name)
{
	const struct sql_table *t = sql_written_table(facts);

	return name == NULL || (t != NULL && is(t->name, name));
}

static bool
reads_fit(const char *name)
{
	for (size_t i = 0; name != NULL && i < facts->ntables; i++)
		if ((facts->tables[i].use & SQL_USE_READ) && is(facts->tables[i].name, name))
			return true;
	return name == NULL;
}

static bool
operators_fit(const char *name)
{
	for (size_t i = 0; name != NULL && i < facts->noperators; i++)
		if (is(facts->operators[i], name))
			return true;
	return name == NULL;
}

static bool
where_fits(const char *word)
{
	return word == NULL || (strcmp(word, "given") == 0) == (facts->where == SQL_WHERE_GIVEN);
}

static bool
secret_fits(const char *secret, const char *sql, size_t n)
{
	struct buf out;
	bool gone;

	if (secret == NULL)
		return true;
	buf_init(&out, 65536);
	sql_redact(&out, facts, sql, n);
	gone = strstr(buf_str(&out), secret) == NULL;
	buf_fini(&out);
	return gone;
}

static bool
derive_fits(const char *word, const struct sql_settings *set, const char *sql, size_t n)
{
	const struct sql_derive_want want = { .kind = SQL_DERIVE_COUNT };
	struct buf out;
	struct err e = { 0 };
	int rc;

	if (word == NULL)
		return true;
	buf_init(&out, 65536);
	rc = sql_derive(set, sql, n, &want, &out, &e);
	buf_fini(&out);
	return rc == ERR_UNSUPPORTED;
}

static const char *
misfit(const json_t *row, const struct sql_settings *set, const char *sql, size_t n)
{
	if (!class_fits(row))
		return "class";
	if (!table_fits(text_of(row, "table")))
		return "written table";
	if (!reads_fit(text_of(row, "reads")))
		return "read table";
	if (!operators_fit(text_of(row, "operator")))
		return "operators";
	if (!where_fits(text_of(row, "where")))
		return "where";
	if (json_is_true(json_object_get(row, "cast")) && !facts->has_cast)
		return "cast";
	if (!secret_fits(text_of(row, "secret"), sql, n))
		return "secret";
	return derive_fits(text_of(row, "derive"), set, sql, n) ? NULL : "derived SELECT";
}

static void
what_the_engines_showed_is_known(void **state)
{
	const char *top = getenv("top_srcdir");
	char path[4096];
	char *line = NULL;
	size_t room = 0;
	size_t wrong = 0;
	FILE *in;

	(void)state;
	snprintf(path, sizeof(path), "%s/tests/golden/sql/attack.jsonl", top != NULL ? top : ".");
	in = fopen(path, "r");
	assert_non_null(in);
	while (getline(&line, &room, in) > 0) {
		json_t *row = json_loads(line, JSON_ALLOW_NUL, NULL);
		struct sql_settings set = { 0 };
		const char *sql, *what;
		size_t n;

		assert_non_null(row);
		assert_true(sql_engine_parse(text_of(row, "engine"), &set.engine));
		sql = text_of(row, "sql");
		n = json_string_length(json_object_get(row, "sql"));
		sql_classify(facts, &set, sql, n);
		what = misfit(row, &set, sql, n);
		if (what != NULL) {
			print_message("%s: wrong %s, called %s: %s (%s)\n", text_of(row, "engine"), what,
			    sql_class_name(facts->class), sql, text_of(row, "note"));
			wrong++;
		}
		json_decref(row);
	}
	free(line);
	fclose(in);
	assert_int_equal(wrong, 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_the_engines_showed_is_known),
	};
	int rc;

	facts = must_alloc(sizeof(*facts));
	rc = cmocka_run_group_tests_name("sql: attack", tests, NULL, NULL);
	free(facts);
	return rc;
}
