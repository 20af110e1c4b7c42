/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Keys and prompts that mean the same on every screen. */
#include "config.h"

#include <stdio.h>
#include <string.h>

#include "twokey/base/err.h"
#include "twokey/console/link.h"

#include "editor.h"
#include "live.h"

void
live_asking(struct live *lv, enum live_ask ask, const char *prompt)
{
	lv->ask = ask;
	lv->dirty = true;
	if (ask == ASK_NONE)
		lv->view->prompt(lv);
	else
		editor_mode(lv->editor, EDITOR_ANSWER, prompt);
}

static void
find(struct live *lv, const char *text, size_t n)
{
	size_t from = lv->found > 0 ? (size_t)lv->found - 1 : log_view_lines(lv->log);
	long at;

	if (n > 0) {
		snprintf(lv->find, sizeof lv->find, "%.*s", (int)n, text);
		from = log_view_lines(lv->log);
	}
	if (lv->find[0] == '\0' || log_view_lines(lv->log) == 0)
		return;
	if (from >= log_view_lines(lv->log))
		from = log_view_lines(lv->log) - 1;
	at = lv->found == 0 && n == 0 ? -1 : log_view_find(lv->log, lv->find, from, true);
	if (at < 0) {
		live_notice(lv, SCREEN_WARN, "\"%s\" is not %s.", lv->find,
		    lv->found >= 0 && n == 0 ? "above that" : "in the log");
		lv->found = -1;
		return;
	}
	lv->found = at;
	lv->first = (size_t)at;
	lv->follow = false;
	live_notice(lv, SCREEN_DIM, "F3 finds the next one above; End goes back to what happens now.");
}

static bool
take(struct live *lv, enum live_ask ask, const char *text, size_t n)
{
	if (ask != ASK_SAY && ask != ASK_NOTE && ask != ASK_FIND)
		return false;
	if (ask == ASK_FIND)
		find(lv, text, n);
	else if (n > 0)
		live_send(lv, ask == ASK_SAY ? "say" : "note", live_text("text", text, n));
	return true;
}

enum live_ask
live_answered(struct live *lv, const char *text, size_t n)
{
	enum live_ask ask = lv->ask;

	live_asking(lv, ASK_NONE, NULL);
	lv->notice[0] = '\0';
	return take(lv, ask, text, n) ? ASK_NONE : ask;
}

/* Asks for a line, or takes what stands behind the \word. */
static void
ask_or_take(struct live *lv, enum live_ask ask, const char *prompt, const char *rest, size_t n)
{
	if (n > 0)
		(void)take(lv, ask, rest, n);
	else
		live_asking(lv, ask, prompt);
}

static void
turn_expanded(struct live *lv)
{
	static const char *const words[] = { "a table", "one value per line", "a table where it fits" };

	lv->expanded = lv->expanded == LOG_EXPANDED_AUTO ? LOG_TABLE : lv->expanded + 1;
	live_notice(lv, SCREEN_DIM, "Rows are shown as %s.", words[lv->expanded]);
}

bool
live_action(struct live *lv, enum key_action a, const char *rest, size_t n)
{
	if (a == KEY_HELP) {
		lv->help = true;
	} else if (a == KEY_SAY) {
		ask_or_take(lv, ASK_SAY, "message (it never runs)> ", rest, n);
	} else if (a == KEY_NOTE) {
		ask_or_take(lv, ASK_NOTE, "note> ", rest, n);
	} else if (a == KEY_FIND) {
		if (n == 0 && lv->found >= 0)
			find(lv, "", 0);
		else
			ask_or_take(lv, ASK_FIND, "find> ", rest, n);
	} else if (a == KEY_EXPANDED) {
		turn_expanded(lv);
	} else if (a == KEY_ACCOUNT) {
		live_pane_open(lv, PANE_ACCOUNT);
	} else if (a == KEY_TUNNEL) {
		live_pane_open(lv, PANE_TUNNEL);
	} else if (a == KEY_REDRAW) {
		screen_redraw(lv->screen);
	} else {
		return false;
	}
	lv->dirty = true;
	return true;
}

bool
live_scroll(struct live *lv, enum screen_key key)
{
	int rows, cols;
	size_t lines = log_view_lines(lv->log), page;

	screen_size(lv->screen, &rows, &cols);
	page = rows > 12 ? (size_t)rows - 10 : 2;
	if (key == SCREEN_KEY_PGUP) {
		lv->first = lv->first > page ? lv->first - page : 0;
		lv->follow = false;
	} else if (key == SCREEN_KEY_PGDN) {
		lv->first += page;	/* drawing goes no further than the end */
		lv->follow = lv->first + page >= lines;
	} else if (key == SCREEN_KEY_END && !lv->follow) {
		lv->follow = true;
		lv->found = -1;
	} else {
		return false;
	}
	return true;
}

void
live_unknown_word(struct live *lv, enum key_where where, const char *text, size_t n)
{
	struct buf b;

	buf_init(&b, 1024);
	for (size_t i = 0; key_word(i) != NULL; i++) {
		char word[40];
		const char *rest;
		int len = snprintf(word, sizeof word, "\\%s", key_word(i));

		if (key_of_word(word, (size_t)len, where, &rest) != KEY_NONE &&
		    strstr(buf_str(&b), word) == NULL)
			buf_putf(&b, " %s", word);
	}
	live_notice(lv, SCREEN_WARN, "There is no %.*s here. There is:%s", n < 30 ? (int)n : 30, text,
	    buf_str(&b));
	buf_fini(&b);
}

/* Esc and Ctrl-C leave a prompt; nothing is sent then. */
static bool
leave_prompt(struct live *lv, const struct screen_event *ev)
{
	bool cancel = ev->key == SCREEN_KEY_ESCAPE ||
	    (ev->key == SCREEN_KEY_CTRL && (ev->utf8[0] == 'c' || ev->utf8[0] == 'g'));

	if (lv->ask == ASK_NONE || !cancel)
		return false;
	live_asking(lv, ASK_NONE, NULL);
	live_notice(lv, SCREEN_DIM, "Nothing was sent.");
	return true;
}

bool
live_common_key(struct live *lv, const struct screen_event *ev)
{
	enum key_action a;

	if (leave_prompt(lv, ev))
		return true;
	if (editor_is_busy(lv->editor))
		return false;
	if (ev->key == SCREEN_KEY_CTRL && ev->utf8[0] == 'z') {
		live_notice(lv, SCREEN_DIM, "Ctrl-Z does nothing here: who sits here sees what waits. Other work has its own terminal.");
		return true;
	}
	a = key_of_event(ev, lv->view->where(lv));
	if (lv->ask != ASK_NONE && a != KEY_HELP && a != KEY_REDRAW)
		return a != KEY_NONE && ev->key != SCREEN_KEY_CTRL;
	if (a != KEY_NONE && live_action(lv, a, "", 0))
		return true;
	return (lv->view->where(lv) & (KEYS_SHEET | KEYS_HELD | KEYS_OVER)) == 0 && live_scroll(lv, ev->key);
}
