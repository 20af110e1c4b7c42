/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The smallest program on screen and editor: shows its size, hostile text and what was entered. */
#include "config.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "twokey/base/clock.h"
#include "twokey/base/err.h"
#include "twokey/console/screen.h"
#include "twokey/sql/facts.h"

#include "console/editor.h"

struct tiny {
	struct screen *screen;
	struct editor *editor;
	char last[200];
	char key[40];
	int pastes;
};

static const char hostile[] = "a\033]52;c;ZXZpbA==\007b\033[2J\xe2\x80\xae" "c";

static void
put(struct screen *s, int row, const char *text)
{
	screen_put(s, row, 0, 0, row == 0 ? SCREEN_TITLE_PRODUCTION : SCREEN_PLAIN, text, strlen(text));
}

static void
draw(struct tiny *t)
{
	char line[300];
	int rows, cols;

	screen_erase(t->screen);
	screen_size(t->screen, &rows, &cols);
	snprintf(line, sizeof line, "size %dx%d", cols, rows);
	put(t->screen, 0, line);
	screen_row_look(t->screen, 0, SCREEN_TITLE_PRODUCTION);
	put(t->screen, 1, hostile);
	put(t->screen, 2, "wide \xe8\xaa\x9e|");
	snprintf(line, sizeof line, "entered: %s", t->last);
	put(t->screen, 3, line);
	snprintf(line, sizeof line, "key: %s pastes: %d", t->key, t->pastes);
	put(t->screen, 4, line);
	editor_draw(t->editor, t->screen, 5, rows - 5);
	screen_flush(t->screen);
}

static void
take_key(struct tiny *t, const struct screen_event *ev)
{
	size_t n;
	const char *s;

	if (ev->key == SCREEN_KEY_PASTE) {
		s = screen_paste(t->screen, &n);
		t->pastes++;
		editor_paste(t->editor, s, n);
		return;
	}
	if (ev->key >= SCREEN_KEY_F1 && ev->key <= SCREEN_KEY_F10)
		snprintf(t->key, sizeof t->key, "F%d", (int)(ev->key - SCREEN_KEY_F1) + 1);
	else if (ev->key == SCREEN_KEY_ESCAPE)
		snprintf(t->key, sizeof t->key, "Esc");
	else if (ev->key == SCREEN_KEY_CTRL && ev->utf8[0] == 'c')
		snprintf(t->key, sizeof t->key, editor_interrupt(t->editor) ? "dropped" : "nothing to drop");
	else if (editor_key(t->editor, ev)) {
		s = editor_text(t->editor, &n);
		snprintf(t->last, sizeof t->last, "%.*s", (int)n, s);
		editor_remember(t->editor, s, n);
	}
}

int
main(void)
{
	const struct sql_settings set = { .engine = SQL_SQLITE };
	struct tiny t = { 0 };
	struct err e;

	t.screen = screen_open(&e);
	if (t.screen == NULL) {
		fprintf(stderr, "%s\n", e.text);
		return 1;
	}
	t.editor = editor_create(&set, NULL);
	editor_mode(t.editor, EDITOR_ANSWER, "say> ");
	while (strcmp(t.last, "quit") != 0) {
		struct pollfd p[2] = { { .fd = STDIN_FILENO, .events = POLLIN },
			{ .fd = screen_winch_fd(t.screen), .events = POLLIN } };
		struct screen_event ev;

		if (strcmp(t.last, "abort") == 0)
			abort();
		draw(&t);
		poll(p, 2, screen_wait(t.screen, clock_mono_ms()));
		if (!screen_fill(t.screen))
			break;
		while (screen_next(t.screen, clock_mono_ms(), &ev))
			take_key(&t, &ev);
	}
	editor_free(t.editor);
	screen_close(t.screen);
	printf("bye\n");
	return 0;
}
