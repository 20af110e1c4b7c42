/* SPDX-License-Identifier: GPL-3.0-or-later */
/* readline reads nothing and draws nothing: bytes come from our queue, and we draw rl_line_buffer. */
#include "config.h"

#include "editor.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <readline/history.h>
#include <readline/readline.h>

#include "twokey/base/must.h"
#include "twokey/base/text.h"
#include "twokey/console/screen.h"
#include "twokey/sql/split.h"

#include "editor_priv.h"

enum { SEARCH_ENDS = '_' & 0x1f };

/* readline is one per process, so is this */
static struct editor *editor;

static int
get_byte(FILE *in)
{
	int c = EOF;

	if (buf_len(&editor->keys) > 0) {
		c = (unsigned char)buf_data(&editor->keys)[0];
		buf_consume(&editor->keys, 1);
	}
	return c;
}

static int
has_byte(void)
{
	return buf_len(&editor->keys) > 0;
}

static void
draw_nothing(void)
{
}

bool
editor_statement(const struct sql_settings *set, const char *sql, size_t n, struct sql_piece *out)
{
	for (size_t from = 0; sql_split_next(set, sql, n, from, out);) {
		if (out->open != SQL_OPEN_NOT)
			return false;
		if (out->text.len > 0)
			return true;
		from = out->all.off + out->all.len;
	}
	return false;
}

static bool
is_blank(const char *s, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (!isspace((unsigned char)s[i]))
			return false;
	return true;
}

static bool
is_word(const char *s, size_t n)
{
	while (n > 0 && isspace((unsigned char)*s))
		s++, n--;
	return n > 0 && *s == '\\';
}

/* Enter: a complete statement, a \word or an answer is handed over; else a new row begins. */
static int
on_enter(int count, int key)
{
	struct sql_piece piece;
	size_t n = (size_t)rl_end;

	if (editor->mode == EDITOR_ANSWER || is_word(rl_line_buffer, n) ||
	    editor_statement(&editor->set, rl_line_buffer, n, &piece))
		return rl_newline(1, '\n');
	if (is_blank(rl_line_buffer, n))
		rl_replace_line("", 0);
	else
		rl_insert_text("\n");
	return 0;
}

static void
on_line(char *line)
{
	if (line == NULL)
		return;		/* end of file: Ctrl-D is the screen's */
	buf_reset(&editor->text);
	buf_puts(&editor->text, line);
	editor->complete = true;
	free(line);
}

/* Sequences of keys that readline is bound to; of another one it would insert the tail. */
static const struct {
	const char *bytes;
	rl_command_func_t *function;
} bound[] = {
	{ "\033[3~", rl_delete },
	{ "\033[1;5C", rl_forward_word }, { "\033[1;5D", rl_backward_word },
	{ "\033[1;3C", rl_forward_word }, { "\033[1;3D", rl_backward_word },
};

/* The order and the settings that were found to work (readline reads an inputrc in rl_initialize). */
static void
begin_readline(struct editor *ed)
{
	rl_outstream = rl_instream = ed->null;
	rl_catch_signals = 0;
	rl_catch_sigwinch = 0;
	rl_change_environment = 0;
	rl_prep_term_function = NULL;
	rl_deprep_term_function = NULL;
	rl_getc_function = get_byte;
	rl_input_available_hook = has_byte;
	rl_redisplay_function = draw_nothing;
	rl_readline_name = "twokey";
	editor_complete_init(ed);
	rl_initialize();
	rl_variable_bind("bell-style", "none");
	rl_variable_bind("enable-bracketed-paste", "off");
	rl_variable_bind("show-all-if-ambiguous", "on");
	rl_variable_bind("completion-ignore-case", "on");
	/* vi mode reads keys of its own while it handles one: with callbacks that ended in a crash of readline 8.2 */
	rl_variable_bind("editing-mode", "emacs");
	rl_variable_bind("keymap", "emacs");
	rl_variable_bind("isearch-terminators", "\\C-_");
	rl_bind_keyseq("\033\r", on_enter);
	rl_bind_keyseq("\033\n", on_enter);
	rl_bind_key('\r', on_enter);
	rl_bind_key('\n', on_enter);
	rl_bind_key('\t', rl_complete);
	for (size_t i = 0; i < sizeof bound / sizeof bound[0]; i++)
		rl_bind_keyseq(bound[i].bytes, bound[i].function);
	rl_bind_keyseq("\033[H", rl_beg_of_line);
	rl_bind_keyseq("\033[F", rl_end_of_line);
	rl_set_screen_size(24, 32000);	/* we wrap */
	using_history();
	stifle_history(EDITOR_HISTORY_MAX);
	rl_callback_handler_install("", on_line);
}

struct editor *
editor_create(const struct sql_settings *set, const char *history)
{
	struct editor *ed = must_zalloc(sizeof *ed);

	must(editor == NULL);
	editor = ed;
	ed->set = *set;
	ed->mode = EDITOR_ANSWER;
	buf_init(&ed->keys, EDITOR_TEXT_MAX);
	buf_init(&ed->text, EDITOR_TEXT_MAX * 2);
	buf_init(&ed->draft, EDITOR_TEXT_MAX * 2);
	ed->null = fopen("/dev/null", "r+e");
	must(ed->null != NULL);
	ed->history = history != NULL ? must_strdup(history) : NULL;
	begin_readline(ed);
	editor_history_load(ed);
	return ed;
}

void
editor_free(struct editor *ed)
{
	if (ed == NULL)
		return;
	rl_callback_handler_remove();
	clear_history();
	rl_outstream = rl_instream = NULL;
	editor_offers_drop(ed);
	for (size_t i = 0; i < ed->nnames; i++)
		free(ed->names[i]);
	free(ed->names);
	fclose(ed->null);
	buf_fini(&ed->keys);
	buf_fini(&ed->text);
	buf_fini(&ed->draft);
	free(ed->history);
	free(ed);
	editor = NULL;
}

void
editor_settings(struct editor *ed, const struct sql_settings *set)
{
	ed->set = *set;
}

bool
editor_is_busy(const struct editor *ed)
{
	return RL_ISSTATE(RL_STATE_ISEARCH | RL_STATE_NSEARCH | RL_STATE_MOREINPUT |
	    RL_STATE_NUMERICARG | RL_STATE_CHARSEARCH | RL_STATE_MULTIKEY | RL_STATE_METANEXT) != 0;
}

/* An empty line, out of any search, at the end of the history. */
static void
start_over(void)
{
	rl_callback_sigcleanup();
	rl_free_line_state();
	rl_replace_line("", 1);
	using_history();
}

static void
replace(const char *text, size_t n)
{
	char *s = must_strndup(text, n);

	rl_replace_line(s, 1);
	rl_point = rl_end;
	free(s);
}

void
editor_mode(struct editor *ed, enum editor_mode mode, const char *prompt)
{
	bool same = ed->mode == mode;

	snprintf(ed->prompt, sizeof ed->prompt, "%s", prompt);
	ed->mode = mode;
	ed->typed = false;
	if (same && mode == EDITOR_SQL)
		return;
	if (!same && mode == EDITOR_ANSWER) {
		buf_reset(&ed->draft);
		buf_put(&ed->draft, rl_line_buffer, (size_t)rl_end);
	}
	start_over();
	if (mode == EDITOR_SQL)
		replace(buf_data(&ed->draft), buf_len(&ed->draft));
}

void
editor_label(struct editor *ed, const char *prompt)
{
	snprintf(ed->prompt, sizeof ed->prompt, "%s", prompt);
}

/* Gives readline what is in the queue. */
static void
drain(struct editor *ed)
{
	while (buf_len(&ed->keys) > 0)
		rl_callback_read_char();
}

/* Cuts the first statement out of what was entered; what stands behind it goes back into the line. */
static void
cut_statement(struct editor *ed)
{
	const char *s = buf_data(&ed->text);
	size_t n = buf_len(&ed->text), end;
	struct sql_piece piece;
	struct buf rest;

	if (is_word(s, n) || !editor_statement(&ed->set, s, n, &piece))
		return;
	end = piece.all.off + piece.all.len;
	while (end < n && isspace((unsigned char)s[end]))
		end++;
	buf_init(&rest, EDITOR_TEXT_MAX);
	buf_put(&rest, s + end, n - end);
	replace(buf_data(&rest), buf_len(&rest));
	buf_fini(&rest);
	buf_truncate(&ed->text, piece.text.off + piece.text.len);
	buf_consume(&ed->text, piece.text.off);
}

/* The offset of the row above or below in the line, at about the same character; -1 when there is none. */
static long
row_beside(const char *line, size_t point, size_t n, bool up)
{
	size_t begin = point, target, chars = 0;

	while (begin > 0 && line[begin - 1] != '\n')
		begin--;
	for (size_t i = begin; i < point; i += text_next(line + i, n - i).len)
		chars++;
	if (up) {
		if (begin == 0)
			return -1;
		target = begin - 1;
		while (target > 0 && line[target - 1] != '\n')
			target--;
	} else {
		const char *lf = memchr(line + point, '\n', n - point);

		if (lf == NULL)
			return -1;
		target = (size_t)(lf - line) + 1;
	}
	while (chars-- > 0 && target < n && line[target] != '\n')
		target += text_next(line + target, n - target).len;
	return (long)target;
}

/* Up and Down move in a text of several rows before they go to the history. */
static bool
move_row(const struct editor *ed, enum screen_key key)
{
	long at;

	if ((key != SCREEN_KEY_UP && key != SCREEN_KEY_DOWN) || editor_is_busy(ed))
		return false;
	at = row_beside(rl_line_buffer, (size_t)rl_point, (size_t)rl_end, key == SCREEN_KEY_UP);
	if (at >= 0)
		rl_point = (int)at;
	return at >= 0 || ed->mode == EDITOR_ANSWER;	/* an answer has no history */
}

static bool
is_bound(const struct screen_event *ev)
{
	for (size_t i = 0; i < sizeof bound / sizeof bound[0]; i++)
		if (strlen(bound[i].bytes) == ev->nbytes && memcmp(bound[i].bytes, ev->bytes, ev->nbytes) == 0)
			return true;
	return ev->nbytes < 2 || (ev->bytes[1] != '[' && ev->bytes[1] != 'O');	/* Alt and a key */
}

void
editor_typed_only(struct editor *ed)
{
	ed->typed = true;
}

/* True for a key that readline is not given: a lone Esc would wait for a second key. */
static bool
is_kept_back(const struct screen_event *ev)
{
	if (ev->key == SCREEN_KEY_ESCAPE)
		return !RL_ISSTATE(RL_STATE_ISEARCH | RL_STATE_NSEARCH);
	if (ev->key == SCREEN_KEY_NONE)
		return !is_bound(ev);
	return ev->key == SCREEN_KEY_PASTE || ev->key == SCREEN_KEY_RESIZE || ev->key == SCREEN_KEY_PGUP ||
	    ev->key == SCREEN_KEY_PGDN || ev->key == SCREEN_KEY_SHIFT_LEFT || ev->key == SCREEN_KEY_SHIFT_RIGHT ||
	    (ev->key >= SCREEN_KEY_F1 && ev->key <= SCREEN_KEY_F10);
}

/* What Ctrl-R understands. Any other key ends the search and then does what it always does: a key that begins a
 * sequence inside a search crashes readline 8.2. */
static bool
is_of_search(const struct screen_event *ev)
{
	return ev->key == SCREEN_KEY_TEXT || ev->key == SCREEN_KEY_BACKSPACE || ev->key == SCREEN_KEY_ESCAPE ||
	    (ev->key == SCREEN_KEY_CTRL && strchr("rsgw", ev->utf8[0]) != NULL);
}

/* Home and End come in several forms; readline is given one. */
static void
push_key(struct editor *ed, const struct screen_event *ev)
{
	if (RL_ISSTATE(RL_STATE_ISEARCH) && !is_of_search(ev)) {
		buf_putc(&ed->keys, SEARCH_ENDS);
		drain(ed);
	}
	if (ev->key == SCREEN_KEY_ESCAPE)
		buf_putc(&ed->keys, 'G' & 0x1f);	/* leaves the search */
	else if (ev->key == SCREEN_KEY_HOME)
		buf_puts(&ed->keys, "\033[H");
	else if (ev->key == SCREEN_KEY_END)
		buf_puts(&ed->keys, "\033[F");
	else
		buf_put(&ed->keys, ev->bytes, ev->nbytes);
}

bool
editor_key(struct editor *ed, const struct screen_event *ev)
{
	struct buf before;

	ed->complete = false;
	editor_offers_drop(ed);
	if (is_kept_back(ev) || ev->nbytes == 0 || move_row(ed, ev->key))
		return false;
	if (rl_end + (int)ev->nbytes >= EDITOR_TEXT_MAX)
		return false;
	editor_typed_begin(ed, &before);
	push_key(ed, ev);
	drain(ed);
	editor_typed_check(ed, ev, &before);
	if (ed->complete && ed->mode == EDITOR_SQL)
		cut_statement(ed);
	return ed->complete;
}

const char *
editor_text(const struct editor *ed, size_t *n)
{
	*n = buf_len(&ed->text);
	return buf_data(&ed->text);
}

void
editor_paste(struct editor *ed, const char *text, size_t n)
{
	struct buf clean;

	if (editor_is_busy(ed))
		rl_callback_sigcleanup();
	editor_offers_drop(ed);
	buf_init(&clean, EDITOR_TEXT_MAX - (size_t)rl_end);
	for (size_t i = 0; i < n; i++) {
		char c = text[i] == '\r' ? '\n' : text[i];

		if (c == '\0' || (c == '\n' && i > 0 && text[i] == '\n' && text[i - 1] == '\r'))
			continue;
		buf_putc(&clean, c == '\n' && ed->mode == EDITOR_ANSWER ? ' ' : c);
	}
	if (buf_len(&clean) > 0)
		rl_insert_text(buf_str(&clean));
	buf_fini(&clean);
}

void
editor_put_first(struct editor *ed, const char *text, size_t n)
{
	bool more = rl_end > 0;

	rl_point = 0;
	editor_paste(ed, text, n);
	if (more)
		rl_insert_text("\n");
	rl_point = rl_end;
}

void
editor_transaction(struct editor *ed, bool open)
{
	ed->transaction = open;
}

bool
editor_interrupt(struct editor *ed)
{
	bool was = rl_end > 0 || editor_is_busy(ed);

	editor_offers_drop(ed);
	start_over();
	return was;
}

bool
editor_is_empty(const struct editor *ed)
{
	return rl_end == 0 && !editor_is_busy(ed);
}

void
editor_remember(struct editor *ed, const char *sql, size_t n)
{
	editor_history_add(ed, sql, n);
}
