/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "sql/lex.h"
#include "twokey/sql/split.h"

enum { PIECES = 6 };

static const struct {
	enum sql_engine engine;
	const char *sql;
	const char *text[PIECES];
	enum sql_open open;	/* of the last piece */
} rows[] = {
	{ SQL_POSTGRES, "select 1; select 2 ;", { "select 1", "select 2" }, SQL_OPEN_NOT },
	{ SQL_POSTGRES, "select ';' -- ;\n; x", { "select ';'", "x" }, SQL_OPEN_MORE },
	{ SQL_POSTGRES, "select $a$ ; $$ ; $a$; y;", { "select $a$ ; $$ ; $a$", "y" }, SQL_OPEN_NOT },
	{ SQL_POSTGRES, "select 1 /* ; /* ; */ ; */; y;", { "select 1", "y" }, SQL_OPEN_NOT },
	{ SQL_POSTGRES, "create rule r as on insert to t do also (delete from a; delete from b); z",
	    { "create rule r as on insert to t do also (delete from a; delete from b)", "z" }, SQL_OPEN_MORE },
	{ SQL_POSTGRES, "create or replace function f() returns int begin atomic select case when true then 1 end; "
	    "select 2; end; z;", { "create or replace function f() returns int begin atomic select case when true then 1 "
	    "end; select 2; end", "z" }, SQL_OPEN_NOT },
	{ SQL_POSTGRES, "copy t from stdin;\n1\ta;b\n\\.\nselect 1;", { "copy t from stdin", "select 1" }, SQL_OPEN_NOT },
	{ SQL_POSTGRES, "\\d t\nselect 1;", { "\\d t", "select 1" }, SQL_OPEN_NOT },
	{ SQL_POSTGRES, "select E'a\\';' ; b", { "select E'a\\';'", "b" }, SQL_OPEN_MORE },
	{ SQL_POSTGRES, "select 'a\\'; b", { "select 'a\\'", "b" }, SQL_OPEN_MORE },
	{ SQL_POSTGRES, "select 'abc", { "select 'abc" }, SQL_OPEN_QUOTE },
	{ SQL_POSTGRES, "select \"abc", { "select \"abc" }, SQL_OPEN_NAME },
	{ SQL_POSTGRES, "select $x$ a", { "select $x$ a" }, SQL_OPEN_DOLLAR },
	{ SQL_POSTGRES, "select (1;", { "select (1;" }, SQL_OPEN_PAREN },
	{ SQL_POSTGRES, "select 1 /* a", { "select 1 /* a" }, SQL_OPEN_COMMENT },
	{ SQL_SQLITE, "create trigger a after insert on t begin select 1; delete from u; end; select 2;",
	    { "create trigger a after insert on t begin select 1; delete from u; end", "select 2" }, SQL_OPEN_NOT },
	{ SQL_SQLITE, "create temp trigger a after insert on t begin select case when 1 then 2 end; end; b;",
	    { "create temp trigger a after insert on t begin select case when 1 then 2 end; end", "b" }, SQL_OPEN_NOT },
	{ SQL_SQLITE, ".tables\nselect [;];", { ".tables", "select [;]" }, SQL_OPEN_NOT },
	{ SQL_SQLITE, "select 'a\\'; b;", { "select 'a\\'", "b" }, SQL_OPEN_NOT },
	{ SQL_MARIADB, "select 'a\\'; b'; select `;`; # x;\nselect 5--1;", { "select 'a\\'; b'", "select `;`",
	    "select 5--1" }, SQL_OPEN_NOT },
	{ SQL_MARIADB, "create procedure p() begin if 1 then select 1; end if; select 2; end; select 3;",
	    { "create procedure p() begin if 1 then select 1; end if; select 2; end", "select 3" }, SQL_OPEN_NOT },
	{ SQL_MARIADB, "create table event (begin int); drop user x", { "create table event (begin int)", "drop user x" },
	    SQL_OPEN_MORE },
	{ SQL_MARIADB, "begin; delete from t; commit;", { "begin", "delete from t", "commit" }, SQL_OPEN_NOT },
	{ SQL_MARIADB, "begin not atomic select 1; end; select 3", { "begin not atomic select 1; end", "select 3" },
	    SQL_OPEN_MORE },
};

static void
a_text_is_split_as_its_engine_does(void **state)
{
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct sql_settings set = { .engine = rows[i].engine };
		struct sql_piece piece = { .open = SQL_OPEN_NOT };
		size_t n = strlen(rows[i].sql);
		size_t from = 0;
		size_t found = 0;

		while (sql_split_next(&set, rows[i].sql, n, from, &piece)) {
			assert_int_equal(piece.all.off, from);
			from += piece.all.len;
			if (piece.text.len == 0)
				continue;
			assert_true(found < PIECES && rows[i].text[found] != NULL);
			if (piece.text.len != strlen(rows[i].text[found]))
				print_message("# %s: got %.*s\n", rows[i].sql, (int)piece.text.len, rows[i].sql + piece.text.off);
			assert_int_equal(piece.text.len, strlen(rows[i].text[found]));
			assert_memory_equal(rows[i].sql + piece.text.off, rows[i].text[found], piece.text.len);
			found++;
		}
		assert_int_equal(from, n);
		assert_true(found == PIECES || rows[i].text[found] == NULL);
		assert_int_equal(piece.open, rows[i].open);
	}
}

static void
the_delimiter_of_a_script_may_change(void **state)
{
	static const char sql[] = "DELIMITER $$\ncreate procedure p() begin select ';'; select 2; end$$\n"
	    "select '$$' $$\ndelimiter ;\nselect 3; select 4";
	static const char *const texts[] = { "create procedure p() begin select ';'; select 2; end", "select '$$'",
	    "select 3", "select 4" };
	struct sql_settings set = { .engine = SQL_MARIADB };
	struct sql_script script;
	struct sql_piece piece;
	size_t found = 0;
	size_t pos = 0;

	sql_script_begin(&script);
	while (sql_script_next(&script, &set, sql, sizeof(sql) - 1, &piece)) {
		assert_int_equal(piece.all.off, pos);
		pos += piece.all.len;
		if (piece.text.len == 0)
			continue;
		assert_true(found < 4);
		assert_int_equal(piece.text.len, strlen(texts[found]));
		assert_memory_equal(sql + piece.text.off, texts[found], piece.text.len);
		found++;
	}
	assert_int_equal(found, 4);
	assert_int_equal(pos, sizeof(sql) - 1);
}

static void
every_byte_belongs_to_one_token(void **state)
{
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct sql_settings set = { .engine = rows[i].engine };
		struct sql_lexer lx;
		struct sql_token t;
		size_t pos = 0;

		lex_init(&lx, &set, rows[i].sql, strlen(rows[i].sql));
		for (lex_next(&lx, &t); t.tok != TOK_END; lex_next(&lx, &t)) {
			assert_int_equal(t.off, pos);
			assert_true(t.len > 0);
			pos += t.len;
		}
		assert_int_equal(pos, strlen(rows[i].sql));
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_text_is_split_as_its_engine_does),
		cmocka_unit_test(the_delimiter_of_a_script_may_change),
		cmocka_unit_test(every_byte_belongs_to_one_token),
	};

	return cmocka_run_group_tests_name("sql: split", tests, NULL, NULL);
}
