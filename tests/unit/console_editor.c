/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include <locale.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "twokey/base/buf.h"
#include "twokey/console/screen.h"
#include "twokey/sql/facts.h"

#include "console/editor.h"

/* readline keeps what an interrupted search, quoted insert or key sequence had allocated; ours is still looked for */
const char *__lsan_default_suppressions(void);

const char *
__lsan_default_suppressions(void)
{
	return "leak:libreadline.so\n";
}

static const struct sql_settings sqlite = { .engine = SQL_SQLITE };

struct world {
	struct screen *screen;
	struct editor *editor;
	int complete;		/* statements or answers so far */
	char last[4096];	/* the last one */
};

static struct world
begin(const char *history, int rows, int cols)
{
	struct world w = { .screen = screen_open_headless(rows, cols) };

	w.editor = editor_create(&sqlite, history);
	editor_mode(w.editor, EDITOR_SQL, "shop");
	return w;
}

static void
end(struct world *w)
{
	editor_free(w->editor);
	screen_close(w->screen);
}

static void
type(struct world *w, const char *bytes)
{
	struct screen_event ev;

	screen_feed(w->screen, bytes, strlen(bytes));
	while (screen_next(w->screen, 0, &ev)) {
		size_t n;
		const char *s;

		if (ev.key == SCREEN_KEY_PASTE) {
			s = screen_paste(w->screen, &n);
			editor_paste(w->editor, s, n);
		} else if (editor_key(w->editor, &ev)) {
			w->complete++;
			s = editor_text(w->editor, &n);
			snprintf(w->last, sizeof w->last, "%.*s", (int)n, s);
		}
	}
}

static void
assert_drawn(struct world *w, const char *want)
{
	struct buf out;
	int rows, cols;
	size_t n;

	screen_erase(w->screen);
	screen_size(w->screen, &rows, &cols);
	editor_draw(w->editor, w->screen, 0, rows);
	buf_init(&out, 1 << 16);
	screen_dump(w->screen, &out);
	for (n = buf_len(&out); n > 1 && buf_str(&out)[n - 2] == '\n'; n--)
		buf_truncate(&out, n - 1);
	assert_string_equal(buf_str(&out), want);
	buf_fini(&out);
}

static void
a_statement_ends_at_its_delimiter_and_not_before(void **state)
{
	struct world w = begin(NULL, 6, 40);

	type(&w, "select id,\r");
	assert_int_equal(w.complete, 0);
	type(&w, "'a;\r");
	assert_drawn(&w, "shop=> select id,\nshop-> 'a;\nshop'>\n");
	type(&w, "b' from t;\r");
	assert_int_equal(w.complete, 1);
	assert_string_equal(w.last, "select id,\n'a;\nb' from t");
	assert_drawn(&w, "shop=>\n");
	end(&w);
}

static void
what_stands_behind_the_delimiter_needs_an_enter_of_its_own(void **state)
{
	struct world w = begin(NULL, 6, 60);

	type(&w, "select 1; delete from t; select 2\r");
	assert_int_equal(w.complete, 1);
	assert_string_equal(w.last, "select 1");
	assert_drawn(&w, "shop=> delete from t; select 2\n");
	type(&w, "\r");
	assert_int_equal(w.complete, 2);
	assert_string_equal(w.last, "delete from t");
	assert_drawn(&w, "shop=> select 2\n");
	end(&w);
}

static void
a_paste_never_runs_by_itself(void **state)
{
	static const char *const pastes[] = {
		"\033[200~delete from t;\n\033[201~",
		"\033[200~delete from t;\r\n\r\n\033[201~",
		"\033[200~delete\tfrom t;\rselect 1;\n\n\n\033[201~",
		"\033[200~\\q\n\033[201~",
		"\033[200~delete from t;\n\003\033[A\033[201~",
	};

	for (size_t i = 0; i < sizeof pastes / sizeof pastes[0]; i++) {
		struct world w = begin(NULL, 12, 60);

		type(&w, pastes[i]);
		assert_int_equal(w.complete, 0);
		assert_false(editor_is_empty(w.editor));
		end(&w);
	}
	struct world w = begin(NULL, 12, 60);

	type(&w, "\033[200~delete\tfrom t\r\nwhere id = 1;\n\033[201~");
	assert_drawn(&w, "shop=> delete  from t\nshop-> where id = 1;\nshop=>\n");
	type(&w, "\r");
	assert_int_equal(w.complete, 1);
	assert_string_equal(w.last, "delete\tfrom t\nwhere id = 1");
	end(&w);
}

static void
a_paste_during_a_search_is_text_too(void **state)
{
	struct world w = begin(NULL, 4, 60);

	editor_remember(w.editor, "select 1;", 9);
	type(&w, "\022sel");
	assert_true(editor_is_busy(w.editor));
	type(&w, "\033[200~drop table t;\n\033[201~");
	assert_int_equal(w.complete, 0);
	assert_false(editor_is_busy(w.editor));
	end(&w);
}

static void
ctrl_r_finds_wide_characters(void **state)
{
	struct world w = begin(NULL, 4, 60);

	editor_remember(w.editor, "select 'zw\xc3\xb6lf \xe8\xaa\x9e';", 21);
	editor_remember(w.editor, "select 2;", 9);
	type(&w, "\022zw\xc3\xb6");
	assert_drawn(&w, "(reverse-i-search)`zw\xc3\xb6': select 'zw\xc3\xb6lf \xe8\xaa\x9e';\n");
	type(&w, "\xe8\xaa\x9e");
	assert_int_equal(w.complete, 0);
	type(&w, "\007");
	assert_false(editor_is_busy(w.editor));
	type(&w, "\022\xe8\xaa\x9e\r");
	assert_int_equal(w.complete, 1);
	assert_string_equal(w.last, "select 'zw\xc3\xb6lf \xe8\xaa\x9e'");
	end(&w);
}

static void
interrupting_drops_the_line_and_the_search(void **state)
{
	struct world w = begin(NULL, 4, 60);

	assert_false(editor_interrupt(w.editor));
	type(&w, "delete from t");
	assert_true(editor_interrupt(w.editor));
	assert_true(editor_is_empty(w.editor));
	type(&w, "\022x");
	assert_true(editor_interrupt(w.editor));
	assert_false(editor_is_busy(w.editor));
	type(&w, "select 3;\r");
	assert_string_equal(w.last, "select 3");
	end(&w);
}

static void
an_answer_leaves_the_begun_statement_alone(void **state)
{
	struct world w = begin(NULL, 4, 60);

	type(&w, "select 1 +");
	editor_mode(w.editor, EDITOR_ANSWER, "reason> ");
	type(&w, "because; of \\this\r");
	assert_int_equal(w.complete, 1);
	assert_string_equal(w.last, "because; of \\this");
	editor_mode(w.editor, EDITOR_SQL, "shop");
	assert_drawn(&w, "shop=> select 1 +\n");
	end(&w);
}

static void
wide_characters_move_whole_to_the_next_row(void **state)
{
	struct world w = begin(NULL, 4, 10);

	/* 7 columns of prompt, 3 left: one wide one, and a blank that no second one fits into */
	type(&w, "\xe8\xaa\x9e\xe8\xaa\x9e" "a");
	assert_drawn(&w, "shop=> \xe8\xaa\x9e\n\xe8\xaa\x9e" "a\n");
	type(&w, "\001\033[3~");
	assert_drawn(&w, "shop=> \xe8\xaa\x9e" "a\n");
	end(&w);
}

static void
hidden_characters_are_typed_as_marks(void **state)
{
	struct world w = begin(NULL, 4, 60);

	type(&w, "\033[200~a\xe2\x80\xae" "b\033[31m\033[201~");
	assert_drawn(&w, "shop=> a<U+202E>b<1B>[31m\n");
	end(&w);
}

static void
history_survives_and_keeps_rows_together(void **state)
{
	char dir[] = "/tmp/twokey-history-XXXXXX", path[100];
	struct stat st;
	struct world w;

	assert_non_null(mkdtemp(dir));
	snprintf(path, sizeof path, "%s/history-ben", dir);
	w = begin(path, 6, 60);
	editor_remember(w.editor, "select 1,\n2;", 12);
	editor_remember(w.editor, "select 3;", 9);
	end(&w);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	w = begin(path, 6, 60);
	type(&w, "\033[A\033[A");
	assert_drawn(&w, "shop=> select 1,\nshop-> 2;\n");
	type(&w, "\r");
	assert_string_equal(w.last, "select 1,\n2");
	end(&w);
	unlink(path);
	rmdir(dir);
}

static void
up_and_down_move_between_rows_before_history(void **state)
{
	struct world w = begin(NULL, 6, 60);

	editor_remember(w.editor, "select 0;", 9);
	type(&w, "select 1,\r2,\r3\033[A\033[AX");
	assert_drawn(&w, "shop=> sXelect 1,\nshop-> 2,\nshop-> 3\n");
	type(&w, "\033[A");
	assert_drawn(&w, "shop=> select 0;\n");
	end(&w);
}

static void
tab_completes_names_that_were_seen(void **state)
{
	struct world w = begin(NULL, 4, 60);
	const char *const *offers;

	editor_name(w.editor, "orders", 6);
	editor_name(w.editor, "order_items", 11);
	editor_name(w.editor, "bad name", 8);
	type(&w, "select * from ord\t");
	assert_int_equal(editor_offers(w.editor, &offers), 3);	/* and order by */
	assert_drawn(&w, "shop=> select * from order\n");
	type(&w, "s\t");
	assert_int_equal(editor_offers(w.editor, &offers), 0);
	assert_drawn(&w, "shop=> select * from orders\n");
	end(&w);
}

static void
keys_that_are_not_the_editor_s_leave_nothing_in_the_line(void **state)
{
	struct world w = begin(NULL, 4, 60);

	type(&w, "\033[15~\033[24~\033[5~\033[1;2D\033[99;5u\033[I\033OM");
	assert_true(editor_is_empty(w.editor));
	type(&w, "ac\033[Db\033[1~x\033[4~y\033[1;5Dz\033[3~");
	assert_drawn(&w, "shop=> zabcy\n");
	end(&w);
}

static void
no_bytes_bring_it_down(void **state)
{
	unsigned seed = 20260608;

	for (int round = 0; round < 3000; round++) {
		struct world w = begin(NULL, 3 + round % 20, 5 + round % 90);
		char bytes[200];
		int rows, cols;

		editor_remember(w.editor, "select 1,\n2;", 12);
		for (size_t i = 0; i < sizeof bytes - 1; i++) {
			static const char likely[] = "\033[];'\"\r\n\t\022\026\024\031\001\005\033\033";

			seed = seed * 1103515245u + 12345u;
			bytes[i] = seed >> 28 < 6 ? likely[(seed >> 16) % (sizeof likely - 1)]
			    : (char)((seed >> 16) % 255 + 1);
		}
		bytes[sizeof bytes - 1] = '\0';
		type(&w, bytes);
		screen_size(w.screen, &rows, &cols);
		editor_draw(w.editor, w.screen, 0, rows);
		assert_true(editor_rows(w.editor, cols) >= 1);
		editor_interrupt(w.editor);
		end(&w);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_statement_ends_at_its_delimiter_and_not_before),
		cmocka_unit_test(what_stands_behind_the_delimiter_needs_an_enter_of_its_own),
		cmocka_unit_test(a_paste_never_runs_by_itself),
		cmocka_unit_test(a_paste_during_a_search_is_text_too),
		cmocka_unit_test(ctrl_r_finds_wide_characters),
		cmocka_unit_test(interrupting_drops_the_line_and_the_search),
		cmocka_unit_test(an_answer_leaves_the_begun_statement_alone),
		cmocka_unit_test(wide_characters_move_whole_to_the_next_row),
		cmocka_unit_test(hidden_characters_are_typed_as_marks),
		cmocka_unit_test(history_survives_and_keeps_rows_together),
		cmocka_unit_test(up_and_down_move_between_rows_before_history),
		cmocka_unit_test(tab_completes_names_that_were_seen),
		cmocka_unit_test(keys_that_are_not_the_editor_s_leave_nothing_in_the_line),
		cmocka_unit_test(no_bytes_bring_it_down),
	};

	setlocale(LC_CTYPE, "C.UTF-8");
	setenv("INPUTRC", "/dev/null", 1);
	return cmocka_run_group_tests_name("console_editor", tests, NULL, NULL);
}
