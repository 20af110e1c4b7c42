/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "twokey/base/text.h"
#include "twokey/console/model.h"
#include "twokey/console/sheet.h"

#include "console_make.h"

static void
dump(const struct sheet_view *v, int width, struct buf *out)
{
	buf_init(out, 1 << 20);
	for (size_t i = 0; i < sheet_view_lines(v); i++) {
		const struct log_text *t = sheet_view_line(v, i);

		assert_true(text_width(t->text, t->n) <= (size_t)width);
		buf_put(out, t->text, t->n);
		buf_putc(out, '\n');
	}
}

static void
golden(const char *name, int width, uint64_t events, uint64_t request)
{
	struct make k;
	struct model *m = model_create();
	struct sheet_view *v = sheet_view_create();
	struct buf out;

	make_shop(&k);
	make_feed(k.path, m, events);
	sheet_view_utc(v);
	sheet_view_update(v, m, model_entry_of(m, request), width);
	dump(v, width, &out);
	make_golden(name, buf_data(&out), buf_len(&out));
	buf_fini(&out);
	sheet_view_free(v);
	model_free(m);
	make_end(&k);
}

static void
the_sheet_is_laid_out_at_80_and_140_columns(void **state)
{
	golden("sheet-80.txt", 80, 16, 11);
	golden("sheet-140.txt", 140, 16, 11);
}

static void
a_request_without_a_sheet_says_that_it_is_being_made(void **state)
{
	golden("sheet-none-80.txt", 80, 21, 21);
}

/* The sheet of one request, with its bodies as given. */
static char *
sheet_with(const char *sql, const char *request, const char *sheet, const char *sample, const char *more)
{
	struct make k;
	struct model *m = model_create();
	struct sheet_view *v = sheet_view_create();
	struct buf out;
	char *text;

	make_begin(&k);
	make_opening(&k);
	make_event(&k, TRANSCRIPT_EVENT_REQUEST, request, make_text("sql", sql), "{'k':'reason','text':'because'}", NULL);
	make_event(&k, TRANSCRIPT_EVENT_SHEET, sheet, "{'k':'derived','text':''}", sample,
	    "{'k':'note','text':'it has a join'}", more, NULL);
	make_feed(k.path, m, 6);
	sheet_view_update(v, m, model_entry_of(m, 5), 80);
	dump(v, 80, &out);
	text = buf_take(&out);
	buf_fini(&out);
	sheet_view_free(v);
	model_free(m);
	make_end(&k);
	return text;
}

static char *
sheet_of(const char *sql, const char *request, const char *sheet, const char *sample)
{
	return sheet_with(sql, request, sheet, sample, NULL);
}

static void
assert_has(const char *text, const char *what)
{
	if (strstr(text, what) == NULL)
		fail_msg("'%s' is not in:\n%s", what, text);
}

/* The sheet of request n at that event. */
static void
held_golden(const char *name, uint64_t events, uint64_t n, bool asked)
{
	struct make k;
	struct model *m = model_create();
	struct sheet_view *v = sheet_view_create();
	struct buf out;

	make_held(&k);
	make_feed(k.path, m, events);
	sheet_view_utc(v);
	sheet_view_asked(v, asked);
	sheet_view_update(v, m, model_entry_of(m, n), 80);
	dump(v, 80, &out);
	make_golden(name, buf_data(&out), buf_len(&out));
	buf_fini(&out);
	sheet_view_free(v);
	model_free(m);
	make_end(&k);
}

static void
a_set_and_what_is_held_have_sheets_of_their_own(void **state)
{
	held_golden("sheet-set-80.txt", 11, MAKE_HELD_SET, false);
	held_golden("sheet-set-80.txt", 11, MAKE_HELD_SET, true);
	held_golden("sheet-held-80.txt", 14, MAKE_HELD_SET, false);
	held_golden("sheet-held-denied-80.txt", MAKE_HELD_EVENTS, MAKE_HELD_DENIED, false);
	held_golden("sheet-hold-80.txt", MAKE_HELD_EVENTS, MAKE_HELD_DENIED, true);
}

static void
hidden_characters_are_counted_and_shown(void **state)
{
	char *s = sheet_of("delete from t\xe2\x80\xae -- \x1b[2J\nwhere id = 1", "{'by':'ben','class':'write','table':'t'}",
	    "{'of':5,'how':'unknown','count':null}", "{'k':'sample','rows':[]}");

	assert_has(s, "   1 | delete from t<U+202E> \n     : -- <1B>[2J\n   2 | where id = 1\n");
	assert_has(s, "  !!  2 control or invisible characters");
	assert_null(strstr(s, "no hidden characters"));
	assert_has(s, "matching rows: not known before it runs");
	assert_has(s, "note: it has a join");
	free(s);
}

/* A table may have a column that is called like a new value. */
static void
only_an_update_has_new_values(void **state)
{
	static const char *const verbs[] = { "DELETE", "UPDATE" };

	for (size_t i = 0; i < 2; i++) {
		char request[120], *s;

		snprintf(request, sizeof request, "{'by':'ben','class':'write','verb':'%s','table':'t'}", verbs[i]);
		s = sheet_of("delete from t", request, "{'of':5,'how':'derived','count':1}", "{'k':'sample','cols':[{'name':'a'},"
		    "{'name':'a (new)'}],'rows':[['5','99']]}");
		assert_int_equal(strstr(s, "before -> after") != NULL, i == 1);
		assert_int_equal(strstr(s, "5 -> 99") != NULL, i == 1);
		free(s);
	}
}

/* What the statement says is shown, and the column may keep less of it. */
static void
a_number_that_the_column_may_round_is_marked(void **state)
{
	static const struct {
		const char *type, *now, *new;
		bool marked;
	} cells[] = {
		{ "int", "5", "5.5", true }, { "int4", "5", "-5.5", true }, { "int", "5", "5.0", false }, { "int", "5", "6", false },
		{ "decimal", "1.00", "1.005", true }, { "numeric", "1.0", "2.25", true }, { "decimal", "1.00", "2.5", false },
		{ "varchar", "1.0", "2.25", false }, { "interval", "1", "2.25", false }, { "int", "5", "5.5x", false },
		{ "double", "1.0", "2.25", false },
	};

	(void)state;
	for (size_t i = 0; i < sizeof cells / sizeof cells[0]; i++) {
		char sample[300], *s;

		snprintf(sample, sizeof sample, "{'k':'sample','cols':[{'name':'a','type':'%s'},{'name':'a (new)','type':'x'}],'rows':"
		    "[['%s','%s']]}", cells[i].type, cells[i].now, cells[i].new);
		s = sheet_of("update t set a = 1", "{'by':'ben','class':'write','verb':'UPDATE','table':'t'}",
		    "{'of':5,'how':'derived','count':1}", sample);
		assert_int_equal(strstr(s, "  (may be rounded)") != NULL, cells[i].marked);
		free(s);
	}
}

static void
a_count_that_does_not_fit_is_a_danger(void **state)
{
	char *s = sheet_of("delete from t where id < 9", "{'by':'ben','class':'write','table':'t','op':'=','rows':3}",
	    "{'of':5,'how':'derived','count':4,'cascades':['items']}", "{'k':'sample','rows':[]}");

	assert_has(s, "  !!  the count does not fit what ben expects");
	assert_has(s, "  !!  by foreign key, rows of other tables change or go too: items");
	free(s);
}

static void
rules_and_policies_stand_by_name(void **state)
{
	char *s = sheet_of("delete from t where id < 9", "{'by':'ben','class':'write','table':'t'}",
	    "{'of':5,'how':'unknown','count':null,'dangers':['rule'],'rules':['keep\\u001b[2J'],'policies':['mine on t']}",
	    "{'k':'sample','rows':[]}");

	assert_has(s, "  !!  this rule replaces or adds statements: keep<1B>[2J\n");
	assert_has(s, "      row policy that chooses its rows: mine on t\n");
	assert_null(strstr(s, "a rewrite rule"));
	free(s);
}

static void
what_the_ticket_says_stands_under_the_statement(void **state)
{
	static const char request[] = "{'by':'ben','class':'write','table':'t'}", rows[] = "{'k':'sample','rows':[]}";
	char *s = sheet_with("delete from t where id = 8", request, "{'of':5,'how':'unknown','count':null,'change':2}", rows,
	    "{'k':'change','text':'as change 2 of the ticket, byte for byte\\nbackup: dump\\u001b[2J, taken'}");
	const char *ticket = strstr(s, "TICKET"), *effect = strstr(s, "EFFECT");

	assert_true(ticket != NULL && effect != NULL && ticket < effect);
	assert_has(s, "  ok  as change 2 of the ticket, byte for byte\n      backup: dump<1B>[2J, taken\n");
	free(s);
	s = sheet_with("delete from t where id = 8", request, "{'of':5,'how':'unknown','count':null}", rows,
	    "{'k':'change','text':'not in the ticket\\n- a [-7-]\\n+ a {+8+}\\n'}");
	assert_has(s, "  !!  not in the ticket\n      - a [-7-]\n      + a {+8+}\n");
	free(s);
	s = sheet_of("delete from t where id = 8", request, "{'of':5,'how':'unknown','count':null}", rows);
	assert_null(strstr(s, "TICKET"));
	free(s);
}

/* The same with who holds locks. */
static char *
sheet_with_locks(const char *sheet, const char *locks)
{
	return sheet_with("delete from t where id < 9", "{'by':'ben','class':'write','table':'t'}", sheet, "{'k':'sample','rows':[]}",
	    locks);
}

static void
who_is_in_the_way_is_told_and_made_harmless(void **state)
{
	char *s = sheet_with_locks("{'of':5,'how':'derived','count':1,'sight':'all','holders':3,'blocking':1,'rollback':'yes',"
	    "'takes':['ROW EXCLUSIVE on t'],'table_bytes':1536}", "{'k':'locks','holders':[{'blocks':true,'backend':'7',"
	    "'user':'k\\u001b[2Jim','application':'a\\u202eb','on':'t','mode':'SHARE','age':7300,'state':'id\\u0007le',"
	    "'sql':'select\\u001b]52;c;x\\u0007'},{'blocks':true,'waits':true,'backend':'8','on':'t','mode':'ACCESS EXCLUSIVE'},"
	    "{'blocks':false,'backend':'9','rows':1}]}");

	assert_null(strchr(s, '\x1b'));
	assert_null(strchr(s, '\x07'));
	assert_has(s, "table t   (1.5 KiB)\n");
	assert_has(s, "  ok  it can be rolled back until it is committed\n");
	assert_has(s, "      takes ROW EXCLUSIVE on t, and every row that it changes\n");
	assert_has(s, "  !!  7 (k<1B>[2Jim, a<U+202E>b) has SHARE on t for 2 h, id<07>le: it would wait\n");
	assert_has(s, "        runs or ran: select<1B>]52;c;x<07>\n");
	assert_has(s, "  !!  8 waits for ACCESS EXCLUSIVE on t: it would wait\n");
	assert_has(s, "  !!  9 has 1 row locked, of which table is not told\n");
	assert_null(strstr(s, "  ok  nobody"));
	free(s);
}

static void
what_is_not_seen_of_locks_is_said(void **state)
{
	char *s = sheet_with_locks("{'of':5,'how':'derived','count':1,'sight':'none','holders':null,'rollback':'engine',"
	    "'dangers':['no-rollback']}", NULL);

	assert_has(s, "  !!  whose locks it meets is not seen by this account\n");
	assert_has(s, "  !!  it cannot be rolled back: the engine of the table keeps a change at once\n");
	assert_null(strstr(s, "the engine cannot roll this back"));
	free(s);
	s = sheet_with_locks("{'of':5,'how':'derived','count':1,'sight':'part','holders':0,'rollback':'later'}", NULL);
	assert_has(s, "  !!  of others and their locks this account sees only a part\n");
	assert_has(s, "  !!  not known whether it can be rolled back\n");
	free(s);
	s = sheet_with_locks("{'of':5,'how':'derived','count':1,'sight':'all','holders':0}", NULL);
	assert_has(s, "  ok  nobody else has a lock that it would meet\n");
	free(s);
	s = sheet_with_locks("{'of':5,'how':'explain','count':null,'estimate':120,'sight':'all','holders':2}", NULL);
	assert_has(s, "  !!  locks of others on it: 2; whose is not in this copy\n");
	assert_has(s, "  matching rows: about 120 as EXPLAIN guesses: an estimate, not a count\n");
	free(s);
	s = sheet_with_locks("{'of':5,'how':'derived','count':1}", NULL);
	assert_null(strstr(s, "lock"));
	free(s);
}

static void
names_of_any_length_wrap(void **state)
{
	struct buf locks;
	char *s;

	buf_init(&locks, 4096);
	buf_puts(&locks, "{'k':'locks','holders':[{'blocks':true,'backend':'7','mode':'SHARE','on':'t','application':'");
	for (int i = 0; i < 300; i++)
		buf_putc(&locks, 'x');
	buf_puts(&locks, "'}]}");
	s = sheet_with_locks("{'of':5,'how':'derived','count':1,'sight':'all','holders':1,'blocking':1}", buf_str(&locks));
	assert_has(s, "xxx");	/* every line fits: dump looks */
	buf_fini(&locks);
	free(s);
}

static void
a_change_of_definitions_has_no_rows(void **state)
{
	char *s = sheet_of("drop table t", "{'by':'ben','class':'ddl','verb':'DROP TABLE','act':'drop','table':'t','dangers':['drop']}",
	    "{'of':5,'how':'definition','count':0,'depends':['view loud']}", "{'k':'sample','rows':[]}");

	assert_has(s, "DDL  DROP TABLE   object t");
	assert_has(s, "to be typed: drop t");
	assert_has(s, "  !!  this depends on it: view loud\n");
	assert_has(s, "  !!  an object is dropped with what is in it\n");
	assert_null(strstr(s, "matching rows"));
	free(s);
}

static void
before_and_after_stand_in_one_column(void **state)
{
	char *s = sheet_of("update t set a = 1", "{'by':'ben','class':'write','verb':'UPDATE','table':'t','op':'<=','rows':9}",
	    "{'of':5,'how':'derived','count':7}", "{'k':'sample','cols':[{'name':'id'},{'name':'a'},{'name':'a (new)'}],"
	    "'rows':[['1','5','1'],['2','1','1'],['3',null,'\\u001b'],['4']]}");

	assert_has(s, " id |   a: before -> after\n");
	assert_has(s, " 1  | 5 -> 1\n 2  | 1 -> 1  (same)\n 3  | <null> -> <1B>\n 4  | <missing> -> <missing>\n");
	assert_has(s, "(4 of 7 rows shown)");
	assert_has(s, "ben expects at most 9 rows");
	free(s);
}

static void
a_column_stands_there_once(void **state)
{
	char *s = sheet_of("delete from t", "{'by':'ben','class':'write','verb':'DELETE','table':'t'}",
	    "{'of':5,'how':'derived','count':2}", "{'k':'sample','cols':[{'name':'id'},{'name':'id'},{'name':'a'},{'name':'a'}],"
	    "'rows':[['1','1','5','5'],['2','2','6','7']]}");

	assert_has(s, " id | a | a\n");
	assert_has(s, " 2  | 6 | 7\n");
	free(s);
}

static void
what_is_inserted_is_added_and_not_matched(void **state)
{
	char *s = sheet_of("insert into t values (1)", "{'by':'ben','class':'write','verb':'INSERT','table':'t','op':'=','rows':1}",
	    "{'of':5,'how':'none','estimate':1}", "{'k':'sample','rows':[]}");

	assert_has(s, "rows that it adds: about 1 as EXPLAIN guesses: an estimate, not a count");
	assert_null(strstr(s, "matching rows"));
	free(s);
}

static void
the_statement_comes_first_and_the_reason_last(void **state)
{
	char *s = sheet_of("update t set a = 1", "{'by':'ben','class':'write','verb':'UPDATE','table':'t'}",
	    "{'of':5,'how':'derived','count':7}", "{'k':'sample','rows':[]}");
	size_t n = strlen(s);
	const char *last = s + n - 1;

	while (last > s && last[-1] != '\n')
		last--;
	assert_int_equal(strncmp(s, "-- STATEMENT: the exact bytes (1 line, 18 bytes)", 48), 0);
	assert_string_equal(last, "  reason: because\n");
	free(s);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_sheet_is_laid_out_at_80_and_140_columns),
		cmocka_unit_test(a_request_without_a_sheet_says_that_it_is_being_made),
		cmocka_unit_test(a_set_and_what_is_held_have_sheets_of_their_own),
		cmocka_unit_test(hidden_characters_are_counted_and_shown),
		cmocka_unit_test(only_an_update_has_new_values),
		cmocka_unit_test(a_number_that_the_column_may_round_is_marked),
		cmocka_unit_test(a_count_that_does_not_fit_is_a_danger),
		cmocka_unit_test(rules_and_policies_stand_by_name),
		cmocka_unit_test(what_the_ticket_says_stands_under_the_statement),
		cmocka_unit_test(who_is_in_the_way_is_told_and_made_harmless),
		cmocka_unit_test(what_is_not_seen_of_locks_is_said),
		cmocka_unit_test(names_of_any_length_wrap),
		cmocka_unit_test(a_change_of_definitions_has_no_rows),
		cmocka_unit_test(before_and_after_stand_in_one_column),
		cmocka_unit_test(a_column_stands_there_once),
		cmocka_unit_test(what_is_inserted_is_added_and_not_matched),
		cmocka_unit_test(the_statement_comes_first_and_the_reason_last),
	};

	return cmocka_run_group_tests_name("console sheet", tests, NULL, NULL);
}
