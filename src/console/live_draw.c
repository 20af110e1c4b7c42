/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The rows that every screen of a session has. */
#include "config.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "twokey/base/text.h"
#include "twokey/console/link.h"

#include "editor.h"
#include "live.h"
#include "panel.h"
#include "reach.h"

enum { RESULT_ROWS_SHOWN = 500, NOTICE_ROWS = 3, NAME_ROOM = 16, NAME_ROOM_WIDE = 32 };

int
live_put(struct live *lv, int row, int col, int width, enum screen_look look, const char *fmt, ...)
{
	struct buf b;
	char text[2048];
	va_list ap;
	int n, used;

	va_start(ap, fmt);
	n = vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	buf_init(&b, sizeof text);
	buf_put(&b, text, n < (int)sizeof text ? (size_t)n : sizeof text - 1);
	used = screen_put(lv->screen, row, col, width, look, buf_data(&b), buf_len(&b));
	buf_fini(&b);
	return used;
}

void
live_span(int64_t seconds, char out[16])
{
	if (seconds < 0)
		seconds = 0;
	if (seconds > 99 * 3600)
		snprintf(out, 16, "%dd", (int)(seconds / 86400));
	else if (seconds >= 3600)
		snprintf(out, 16, "%d:%02d:%02d", (int)(seconds / 3600), (int)(seconds / 60 % 60),
		    (int)(seconds % 60));
	else
		snprintf(out, 16, "%02d:%02d", (int)(seconds / 60), (int)(seconds % 60));
}

/* More is nearer: not here, away, present. */
static int
here(const struct model_person *p)
{
	return p->joined + (p->joined && !p->away);
}

const struct model_person *
live_person(const struct live *lv, const char *seat)
{
	const struct model_header *h = model_header(lv->model);
	const struct model_person *found = NULL;

	for (size_t i = 0; i < h->npeople; i++)
		if (strcmp(h->people[i].seat, seat) == 0 && strcmp(h->people[i].name, lv->seat.person) != 0 &&
		    (found == NULL || here(&h->people[i]) > here(found)))
			found = &h->people[i];
	return found;
}

/* Why it stands still, in the words of row 2; false when it does not, or a person paused it. */
static bool
stopped_words(const struct model_header *h, char *out, size_t max)
{
	const char *what = h->paused ? "PAUSED" : "ONLY READS RUN";

	if (h->ended || (!h->paused && !h->alone) || h->paused_code[0] == '\0')
		return false;
	if (h->paused_who[0] == '\0')
		snprintf(out, max, " %s: no second person resumed yet", what);
	else
		snprintf(out, max, " %s: %s %s; one who is here resumes", what, h->paused_who,
		    strcmp(h->paused_code, "away") == 0 ? "is AWAY" : "left");
	return true;
}

static void
upper(char *out, size_t max, const char *s)
{
	size_t i = 0;

	for (; s[i] != '\0' && i + 1 < max; i++)
		out[i] = (char)toupper((unsigned char)s[i]);
	out[i] = '\0';
}

int
live_log_cols(const struct live *lv)
{
	int rows, cols;

	screen_size(lv->screen, &rows, &cols);
	return cols >= LIVE_PANEL_FROM ? cols - LIVE_PANEL - 1 : cols;
}

static void
draw_first_row(struct live *lv)
{
	static const char *const seats[] = { "", "CONFIRMER ", "WATCHER " };
	const struct model_header *h = model_header(lv->model);
	char stage[16], access[16], rec[60];
	int rows, cols, s, room;

	screen_size(lv->screen, &rows, &cols);
	upper(stage, sizeof stage, h->stage);
	upper(access, sizeof access, h->access);
	room = cols >= LIVE_PANEL_FROM ? NAME_ROOM_WIDE : NAME_ROOM;	/* the stage is never pushed off by a name */
	live_put(lv, 0, 0, cols - 18, SCREEN_PLAIN, " %s%.*s%s%.*s | %s | %s | %s%s", seats[lv->seat.kind],
	    room, lv->seat.kind == SEAT_DRIVER ? "" : lv->seat.person, lv->seat.kind == SEAT_DRIVER ? "" : " | ",
	    room, h->ticket, stage, h->target, access,
	    cols >= LIVE_PANEL_FROM ? ", writes only by a second person" : "");
	s = lv->wall_us > h->begin_us && h->begin_us > 0 ? (int)((lv->wall_us - h->begin_us) / 1000000) : 0;
	snprintf(rec, sizeof rec, " %s %02d:%02d:%02d ", h->ended ? "ENDED" : h->paused ? "PAUSED" : h->alone ? "ALONE" : "REC",
	    s / 3600, s / 60 % 60, s % 60);
	live_put(lv, 0, cols - (int)strlen(rec), 0, SCREEN_PLAIN, "%s", rec);
	screen_row_look(lv->screen, 0, strcmp(h->stage, "production") == 0 ? SCREEN_TITLE_PRODUCTION
	    : SCREEN_TITLE);
}

/* What must be known about this broker, said on every screen. */
static const char *
broker_note(const struct live *lv)
{
	const struct model_header *h = model_header(lv->model);
	const struct link_hello *hello = link_hello(lv->link);

	if (h->unverified || hello->unverified)
		return "demo: the two people are not verified";
	if (strcmp(h->broker, "private") == 0)
		return "private broker: protects against mistakes, not against this login";
	return "";
}

static void
draw_second_row(struct live *lv)
{
	const struct model_header *h = model_header(lv->model);
	const char *seat = lv->seat.kind == SEAT_DRIVER ? "confirmer" : "driver", *note = broker_note(lv);
	const struct model_person *p = live_person(lv, seat);
	char left[600], right[160];
	struct buf server;
	int rows, cols, w;

	screen_size(lv->screen, &rows, &cols);
	buf_init(&server, 1024);
	reach_server(h, &server);
	if (!h->connected && h->nwanted > 0)
		snprintf(left, sizeof left, " waits for %s to give the %s of %s%s", h->wanted[0].by, h->wanted[0].what,
		    h->wanted[0].of, h->nwanted > 1 ? ", and more" : "");
	else if (!h->connected)
		snprintf(left, sizeof left, " the database is not connected yet");
	else
		snprintf(left, sizeof left, " %s%s%s, %s", h->role, h->role[0] != '\0' ? " on " : "", buf_str(&server),
		    h->database);
	buf_fini(&server);
	if (note[0] != '\0' && cols < LIVE_PANEL_FROM && (h->connected || h->nwanted == 0))
		snprintf(left, sizeof left, " %s", note);
	(void)stopped_words(h, left, sizeof left);
	snprintf(right, sizeof right, "%s %s: %s ", seat, p != NULL ? p->name : "", p != NULL ? panel_presence(p) : "none");
	w = screen_width(right, strlen(right));
	if (screen_width(left, strlen(left)) + w + 1 > cols && p != NULL) {
		snprintf(right, sizeof right, "%s: %s", p->name, panel_presence(p));
		w = screen_width(right, strlen(right));
	}
	live_put(lv, 1, 0, cols - w - 1, SCREEN_PLAIN, "%s%s%s", left,
	    cols >= LIVE_PANEL_FROM && note[0] != '\0' ? "   " : "", cols >= LIVE_PANEL_FROM ? note : "");
	live_put(lv, 1, cols - w, 0, p != NULL && p->joined && !p->away ? SCREEN_GOOD : SCREEN_WARN, "%s", right);
}

void
live_draw_title(struct live *lv, const char *second, enum screen_look look)
{
	draw_first_row(lv);
	if (lv->lost && !model_header(lv->model)->ended)
		live_put(lv, 1, 0, 0, SCREEN_BAD, " LINK LOST, nothing runs");
	else if (second != NULL)
		live_put(lv, 1, 0, 0, look, "%s", second);
	else
		draw_second_row(lv);
}

void
live_draw_log(struct live *lv, int top, int bottom)
{
	int cols = live_log_cols(lv) - 1, height;
	size_t lines;

	top += panel_status(lv, top);
	height = bottom - top;
	panel_draw(lv, top, bottom);
	log_view_update(lv->log, lv->model, cols, lv->expanded, RESULT_ROWS_SHOWN);
	lines = log_view_lines(lv->log);
	if (height <= 0)
		return;
	if (lv->follow || lv->first + (size_t)height > lines)
		lv->first = lines > (size_t)height ? lines - (size_t)height : 0;
	for (int i = 0; i < height && lv->first + (size_t)i < lines; i++) {
		size_t at = lv->first + (size_t)i;
		const struct log_text *t = log_view_line(lv->log, at);

		screen_put(lv->screen, top + i, 0, cols, lv->found == (long)at ? SCREEN_FOUND : t->look,
		    t->text, t->n);
	}
}

void
live_draw_rule(struct live *lv, int row, const char *left, const char *right)
{
	int rows, cols;

	screen_size(lv->screen, &rows, &cols);
	for (int i = 0; i < cols; i++)
		screen_put(lv->screen, row, i, 1, SCREEN_RULE, "-", 1);
	if (left[0] != '\0')
		live_put(lv, row, 2, cols - 4, SCREEN_RULE, " %s ", left);
	if (right[0] != '\0')
		live_put(lv, row, cols - 4 - screen_width(right, strlen(right)), 0, SCREEN_RULE, " %s ", right);
}

/* What Tab offers, in as many columns as fit on one row. */
static int
draw_offers(struct live *lv, int row)
{
	const char *const *offers;
	size_t n = editor_offers(lv->editor, &offers);
	int rows, cols, col = 1;

	screen_size(lv->screen, &rows, &cols);
	if (n == 0)
		return 0;
	for (size_t i = 0; i < n && col < cols - 8; i++)
		col += live_put(lv, row, col, cols - col - 6, SCREEN_DIM, "%s  ", offers[i]);
	if (col >= cols - 8)
		live_put(lv, row, cols - 6, 0, SCREEN_DIM, "(%zu)", n);
	return 1;
}

/* Where the notice is cut into two rows: the bytes of the first. */
static size_t
notice_cut(const struct live *lv, const char *s, size_t n)
{
	int rows, cols;
	size_t cut, at;

	screen_size(lv->screen, &rows, &cols);
	at = cut = text_fit(s, n, (size_t)cols - 2);
	if (cut == n)
		return n;
	while (at > cut / 2 && s[at - 1] != ' ')
		at--;
	return at > cut / 2 ? at : cut;
}

/* The last row of a notice that is longer ends with dots: the whole of it is in the log. */
static void
put_notice_row(struct live *lv, int row, const char *s, size_t n)
{
	size_t cut;
	int rows, cols;

	screen_size(lv->screen, &rows, &cols);
	if (screen_width(s, n) <= cols - 2) {
		screen_put(lv->screen, row, 1, 0, lv->notice_look, s, n);
		return;
	}
	cut = text_fit(s, n, (size_t)cols - 5);
	screen_put(lv->screen, row, 1 + screen_put(lv->screen, row, 1, 0, lv->notice_look, s, cut), 0, lv->notice_look, "...", 3);
}

/* The notice in a few rows, the last of them row; counted only when draw is not set. */
static int
put_notice(struct live *lv, int row, bool draw)
{
	size_t ends[NOTICE_ROWS], at = 0;
	struct buf b;
	int need = 0;

	if (lv->notice[0] == '\0')
		return 0;
	buf_init(&b, 8 * sizeof lv->notice);
	text_safe(&b, lv->notice, strlen(lv->notice), TEXT_ONE_LINE);
	do {
		at += need == NOTICE_ROWS - 1 ? buf_len(&b) - at
		    : notice_cut(lv, buf_data(&b) + at, buf_len(&b) - at);
		ends[need++] = at;
	} while (at < buf_len(&b) && need < NOTICE_ROWS);
	for (int i = 0; draw && i < need; i++) {
		at = i > 0 ? ends[i - 1] : 0;
		put_notice_row(lv, row - need + 1 + i, buf_data(&b) + at, ends[i] - at);
	}
	buf_fini(&b);
	return need;
}

static void
draw_keys(struct live *lv, int row, enum key_where where)
{
	struct buf b;

	buf_init(&b, 1024);
	key_row(where, &b);
	screen_put(lv->screen, row, 0, 0, SCREEN_DIM, buf_data(&b), buf_len(&b));
	buf_fini(&b);
}

int
live_draw_foot(struct live *lv, enum key_where where, const char *coach)
{
	int rows, cols, row, need, most;

	screen_size(lv->screen, &rows, &cols);
	row = rows - 1;
	if (lv->ask == ASK_SECRET)
		live_put(lv, row--, 1, 0, SCREEN_DIM, "Enter gives it   ^U types it anew   Esc Esc declines   F10 \\q");
	else
		draw_keys(lv, row--, where);
	if (coach != NULL)
		live_put(lv, row--, 1, 0, SCREEN_DIM, "%s", coach);
	most = rows / 3;
	need = editor_rows(lv->editor, cols);
	need = need > most ? most : need;
	if (rows >= 36 && need < 3)
		need = 3;
	row -= need;
	editor_draw(lv->editor, lv->screen, row + 1, need);
	return row;
}

int
live_above_rows(struct live *lv, int rule)
{
	const char *const *offers;

	rule -= editor_offers(lv->editor, &offers) > 0;
	return rule - put_notice(lv, rule - 1, false);
}

int
live_draw_above(struct live *lv, int rule)
{
	rule -= draw_offers(lv, rule - 1);
	return rule - put_notice(lv, rule - 1, true);
}

void
live_draw_help(struct live *lv, enum key_where where)
{
	struct buf b;
	int row = 2;

	buf_init(&b, 1024);
	live_put(lv, row++, 1, 0, SCREEN_STRONG, "KEYS, and the words that do the same");
	for (size_t i = 0; buf_reset(&b), key_help(where, i, &b); i++)
		screen_put(lv->screen, row++, 0, 0, SCREEN_PLAIN, buf_data(&b), buf_len(&b));
	row++;
	live_put(lv, row++, 1, 0, SCREEN_DIM, "%s scroll. There is no editor and no shell in here.",
	    where & (KEYS_SHEET | KEYS_HELD | KEYS_OVER) ? "PgUp PgDn Up Down" : "PgUp PgDn End");
	live_put(lv, row, 1, 0, SCREEN_DIM, "Any key closes this.");
	screen_cursor(lv->screen, row, 1);
	buf_fini(&b);
}

/* The session is over: what it takes to check its transcript. */
static void
draw_farewell(struct live *lv)
{
	const struct model_header *h = model_header(lv->model);
	struct transcript_report r;
	char head[DIGEST_HEX + 1];
	int rows, cols, row;

	screen_size(lv->screen, &rows, &cols);
	model_verdict(lv->model, &r);
	digest_hex(&r.head, head);
	row = rows - 9;
	live_draw_rule(lv, row++, "THE SESSION IS OVER", h->ended_code);
	live_put(lv, row++, 1, 0, r.verdict == TRANSCRIPT_BROKEN ? SCREEN_BAD : SCREEN_STRONG, "%" PRIu64 " events, %s",
	    model_last(lv->model), r.verdict == TRANSCRIPT_SEALED ? "sealed and intact"
	    : r.verdict == TRANSCRIPT_OPEN ? "intact, not sealed" : r.text);
	live_put(lv, row++, 1, 0, SCREEN_PLAIN, "head of the transcript, the same on both consoles:");
	live_put(lv, row++, 1, 0, SCREEN_STRONG, "%s", head);
	live_put(lv, row++, 1, 0, SCREEN_PLAIN, "the broker keeps the transcript of %s; with its file:", h->session);
	live_put(lv, row++, 1, 0, SCREEN_PLAIN, "  twokey verify FILE    says whether it is whole and has this head");
	live_put(lv, row++, 1, 0, SCREEN_PLAIN, "  twokey replay FILE    plays it");
	live_put(lv, row, 1, 0, SCREEN_STRONG, "Press a key to close.");
	screen_cursor(lv->screen, row, 22);
}

void
live_draw(struct live *lv)
{
	int rows, cols;

	screen_erase(lv->screen);
	screen_size(lv->screen, &rows, &cols);
	if (rows < LIVE_ROWS_MIN || cols < LIVE_COLS_MIN) {
		live_put(lv, rows / 2, cols > 26 ? (cols - 26) / 2 : 0, 0, SCREEN_STRONG,
		    "need %dx%d, have %dx%d", LIVE_COLS_MIN, LIVE_ROWS_MIN, cols, rows);
		return;
	}
	if (lv->farewell_ms < 0 && lv->pane != PANE_NONE) {
		live_draw_title(lv, NULL, SCREEN_PLAIN);
		live_pane_draw(lv);
	} else if (lv->farewell_ms >= 0) {
		live_draw_title(lv, NULL, SCREEN_PLAIN);
		live_draw_log(lv, 2, rows - 9);
		draw_farewell(lv);
	} else if (lv->help) {
		live_draw_title(lv, NULL, SCREEN_PLAIN);
		live_draw_help(lv, lv->view->where(lv));
	} else {
		lv->view->draw(lv);
	}
}
