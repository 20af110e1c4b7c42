/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Panes that take the whole screen until a key closes them: account and tunnel. */
#include "config.h"

#include "lay.h"
#include "live.h"
#include "reach.h"

void
live_pane_open(struct live *lv, enum live_pane pane)
{
	lv->pane = pane;
	lv->pane_top = 0;
	lv->notice[0] = '\0';
	lv->dirty = true;
}

/* Rows for its lines: below the title, above the rule and the keys. */
static size_t
height_of(const struct live *lv)
{
	int rows, cols;

	screen_size(lv->screen, &rows, &cols);
	return rows > 5 ? (size_t)rows - 5 : 1;
}

void
live_pane_key(struct live *lv, const struct screen_event *ev)
{
	size_t page = height_of(lv) > 1 ? height_of(lv) - 1 : 1;

	if (ev->key == SCREEN_KEY_PGDN)
		lv->pane_top += page;	/* drawing goes no further than the end */
	else if (ev->key == SCREEN_KEY_PGUP)
		lv->pane_top = lv->pane_top > page ? lv->pane_top - page : 0;
	else if (ev->key == SCREEN_KEY_DOWN)
		lv->pane_top++;
	else if (ev->key == SCREEN_KEY_UP)
		lv->pane_top = lv->pane_top > 0 ? lv->pane_top - 1 : 0;
	else if (ev->key == SCREEN_KEY_HOME)
		lv->pane_top = 0;
	else if (ev->key == SCREEN_KEY_CTRL && ev->utf8[0] == 'l')
		screen_redraw(lv->screen);
	else
		lv->pane = PANE_NONE;
}

void
live_pane_draw(struct live *lv)
{
	struct lay_lines lines = { 0 };
	size_t height = height_of(lv);
	int rows, cols;
	struct lay l = { .put = lay_keep, .ctx = &lines };

	screen_size(lv->screen, &rows, &cols);
	l.width = cols - 2;
	if (lv->pane == PANE_ACCOUNT)
		reach_lay_account(lv->model, &l);
	else
		reach_lay_tunnel(lv->model, &l);
	if (lv->pane_top + height > lines.n)
		lv->pane_top = lines.n > height ? lines.n - height : 0;
	for (size_t i = 0; i < height && lv->pane_top + i < lines.n; i++) {
		const struct log_text *t = &lines.at[lv->pane_top + i];

		screen_put(lv->screen, 3 + (int)i, 1, 0, t->look, t->text, t->n);
	}
	live_draw_rule(lv, rows - 2, lines.n > lv->pane_top + height ? "PgDn shows more" : "all shown",
	    lv->pane_top > 0 ? "PgUp goes back" : "");
	live_put(lv, rows - 1, 1, 0, SCREEN_DIM, "PgUp PgDn Up Down Home scroll   any other key closes this");
	screen_cursor(lv->screen, rows - 1, 1);
	lay_lines_free(&lines);
}
