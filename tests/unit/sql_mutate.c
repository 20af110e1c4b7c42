/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Case, blanks and comments do not make a statement milder. */
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

#include "sql/lex.h"
#include "twokey/base/buf.h"
#include "twokey/base/must.h"
#include "twokey/sql/facts.h"

static struct sql_facts *f;
static uint32_t seed = 20240607;

static unsigned
dice(unsigned n)
{
	seed = seed * 1664525 + 1013904223;
	return (seed >> 16) % n;
}

static void
put_blank(struct buf *out)
{
	static const char *const blanks[] = {
		" ", "\n", "\t  ", " /* SELECT 1 */ ", "/* ; */", " /*'*/ ", "\r\n", " /* DELETE FROM t */ ",
	};

	buf_puts(out, blanks[dice(sizeof(blanks) / sizeof(blanks[0]))]);
}

static void
put_word(struct buf *out, const char *p, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		char c = p[i];

		if (((c | 0x20) >= 'a' && (c | 0x20) <= 'z') && dice(2))
			c ^= 0x20;
		buf_putc(out, c);
	}
}

static bool
is_mark(const struct sql_token *t)
{
	return t->tok == TOK_OPEN || t->tok == TOK_CLOSE || t->tok == TOK_COMMA || t->tok == TOK_SEMI;
}

/* Blanks grow, words change their case, comments come between. */
static void
mutate(struct buf *out, const struct sql_settings *set, const char *sql, size_t n)
{
	struct sql_lexer lx;
	struct sql_token t;
	enum sql_tok before = TOK_END;

	lex_init(&lx, set, sql, n);
	for (lex_next(&lx, &t); t.tok != TOK_END; lex_next(&lx, &t)) {
		const char *p = sql + t.off;

		if (is_mark(&t) && before == TOK_WORD && set->engine != SQL_MARIADB && dice(2))
			put_blank(out);
		if (t.tok == TOK_WORD && !(t.flags & TOKF_HIGH)) {
			put_word(out, p, t.len);
		} else if (t.tok == TOK_SPACE && before != TOK_STRING && memchr(p, '\n', t.len) == NULL) {
			put_blank(out);
		} else {
			buf_put(out, p, t.len);
		}
		if (is_mark(&t) && dice(2))
			put_blank(out);
		before = t.tok;
	}
}

static const char *
text_of(const json_t *row, const char *key)
{
	const char *s = json_string_value(json_object_get(row, key));

	return s == NULL ? "" : s;
}

static void
check(const struct sql_settings *set, const char *sql, size_t n)
{
	struct buf out;
	enum sql_class before;

	sql_classify(f, set, sql, n);
	before = f->class;
	buf_init(&out, 64 << 20);
	mutate(&out, set, sql, n);
	sql_classify(f, set, buf_data(&out), buf_len(&out));
	if (f->class < before)
		print_message("# %s became %s:\n%.400s\n%.600s\n", sql_class_name(before), sql_class_name(f->class), sql,
		    buf_str(&out));
	assert_true(f->class >= before);
	buf_fini(&out);
}

static bool
check_file(const char *path, const char *engine)
{
	FILE *in = fopen(path, "r");
	char *line = NULL;
	size_t room = 0;

	if (in == NULL)
		return false;
	while (getline(&line, &room, in) > 0) {
		json_t *row = json_loads(line, JSON_ALLOW_NUL, NULL);
		struct sql_settings set = { 0 };
		const char *mode = text_of(row, "sql_mode");

		assert_non_null(row);
		assert_true(sql_engine_parse(engine ? engine : text_of(row, "engine"), &set.engine));
		set.scs_off = strcmp(text_of(row, "scs"), "off") == 0;
		set.ansi_quotes = strstr(mode, "ANSI_QUOTES") != NULL;
		set.no_backslash_escapes = strstr(mode, "NO_BACKSLASH_ESCAPES") != NULL;
		check(&set, text_of(row, "sql"), json_string_length(json_object_get(row, "sql")));
		json_decref(row);
	}
	free(line);
	fclose(in);
	return true;
}

static void
hostile_texts_never_get_milder(void **state)
{
	char path[4096];

	snprintf(path, sizeof(path), "%s/tests/golden/sql/adversarial.jsonl", getenv("top_srcdir"));
	for (int i = 0; i < 20; i++)
		assert_true(check_file(path, NULL));
}

static void
corpus_texts_never_get_milder(void **state)
{
	static const char *const names[] = { "postgres", "sqlite", "mariadb" };
	char path[4096];

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		snprintf(path, sizeof(path), "%s/../shared/corpus/%s.jsonl", getenv("top_srcdir"), names[i]);
		if (!check_file(path, names[i])) {
			print_message("no corpus beside the source tree: %s\n", path);
			skip();
		}
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(hostile_texts_never_get_milder),
		cmocka_unit_test(corpus_texts_never_get_milder),
	};
	int rc;

	f = must_alloc(sizeof(*f));
	rc = cmocka_run_group_tests_name("sql: mutate", tests, NULL, NULL);
	free(f);
	return rc;
}
