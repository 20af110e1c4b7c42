/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The screens of the player: the session's log with the same layout as live, the list, the bar. */
#include "config.h"

#include "replay_priv.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "twokey/base/buf.h"
#include "twokey/base/clock.h"

const char *const replay_help[] = {
	"Space        play, pause",
	". ,          one recorded event on, back",
	"} { ] [      next, previous entry of the list; next, previous write",
	"             in the bar: r read, W write, D no, E error, N words",
	"g G Home End the beginning, the end",
	"Right Left   5 seconds on, back (with Shift 30)",
	"t            go to a time: 14:05 or 14:05:30 (UTC), +12:30 from the beginning",
	"/ n N        find a text, the next one, the one before",
	"> < Backsp   faster, slower, as it was",
	"i            waits longer than 2 s are cut to 2 s, or not",
	"f            filter of the list: all, writes, errors and refusals, words",
	"s Enter      the sheet that the second person was shown",
	"x            rows as a table, one value per line, or whichever fits",
	"v            is this what was recorded: the verdict and the head",
	"PgUp PgDn    scroll; Up Down by a line",
	"q            leave",
	NULL
};

void
replay_put(struct replay *r, int row, int col, int width, enum screen_look look, const char *fmt, ...)
{
	char text[2048];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	screen_put(r->screen, row, col, width, look, text, strlen(text));
}

void
replay_rule(struct replay *r, int row, int col, int width, const char *left, const char *right)
{
	for (int i = 0; i < width; i++)
		screen_put(r->screen, row, col + i, 1, SCREEN_RULE, "-", 1);
	if (left[0] != '\0')
		replay_put(r, row, col + 2, width - 4, SCREEN_RULE, " %s ", left);
	if (right[0] != '\0')
		replay_put(r, row, col + width - 4 - screen_width(right, strlen(right)), 0, SCREEN_RULE, " %s ", right);
}

static void
verdict_words(const struct replay *r, char *out, size_t max)
{
	if (!r->verified)
		snprintf(out, max, "verifying");
	else if (r->report.verdict == TRANSCRIPT_SEALED && r->report.missing > 0)
		snprintf(out, max, "sealed, %" PRIu64 " bodies out", r->report.missing);
	else if (r->report.verdict == TRANSCRIPT_SEALED)
		snprintf(out, max, "sealed and intact");
	else if (r->report.verdict == TRANSCRIPT_OPEN)
		snprintf(out, max, "NOT SEALED, ends at %" PRIu64, r->report.n);
	else
		snprintf(out, max, "BROKEN at %" PRIu64, r->report.n);
}

static void
upper(char *s)
{
	for (; *s != '\0'; s++)
		*s = (char)toupper((unsigned char)*s);
}

/* Date, span and people, with the names of the seats when there is room; no name is cut, dots stand for those left out. */
static void
span_words(struct replay *r, bool seats, int cols, char *out, size_t max)
{
	const struct model_header *h = model_header(tape_full(r->tape));
	char from[CLOCK_TEXT], to[CLOCK_TEXT];
	size_t used;

	clock_format(h->begin_us, from);
	clock_format(h->last_us, to);
	snprintf(out, max, " %.10s %.5s-%.5s UTC", from, from + 11, to + 11);
	for (size_t i = 0; i < h->npeople && (used = strlen(out)) < max - 160; i++) {
		snprintf(out + used, max - used, "  %s%s%s", seats ? h->people[i].seat : "", seats ? " " : "",
		    h->people[i].name);
		if (!seats && screen_width(out, strlen(out)) > cols - (i + 1 < h->npeople ? 5 : 0)) {
			snprintf(out + used, max - used, "  ...");
			break;
		}
	}
}

static void
second_row(struct replay *r, int cols)
{
	bool unverified = model_header(tape_full(r->tape))->unverified;
	char left[600], right[160], length[60];
	int64_t seconds = (tape_mark(r->tape, tape_events(r->tape))->ms - tape_mark(r->tape, 1)->ms) / 1000;
	int w;

	snprintf(length, sizeof length, "%d:%02d:%02d%s", (int)(seconds / 3600), (int)(seconds / 60 % 60),
	    (int)(seconds % 60), r->idle_cut ? ", idle cut to 2 s" : "");
	snprintf(right, sizeof right, "%s%s%s ", unverified ? "demo: the two people are not verified" : "",
	    unverified && cols >= REPLAY_WIDE ? "   " : "", unverified && cols < REPLAY_WIDE ? "" : length);
	w = (int)strlen(right);
	span_words(r, true, cols - w - 1, left, sizeof left);
	if (screen_width(left, strlen(left)) > cols - w - 1)
		span_words(r, false, cols - w - 1, left, sizeof left);
	replay_put(r, 1, 0, cols - w - 1, SCREEN_PLAIN, "%s", left);
	replay_put(r, 1, cols - w, 0, unverified ? SCREEN_WARN : SCREEN_PLAIN, "%s", right);
}

void
replay_draw_title(struct replay *r, int cols)
{
	const struct model_header *h = model_header(tape_full(r->tape));
	char stage[sizeof h->stage], verdict[80];
	bool good = r->report.verdict == TRANSCRIPT_SEALED;
	int w;

	memcpy(stage, h->stage, sizeof stage);
	upper(stage);
	verdict_words(r, verdict, sizeof verdict);
	w = (int)strlen(verdict) + 1;
	replay_put(r, 0, 0, cols - w - 1, SCREEN_PLAIN, " REPLAY | %s | %s | %s", h->ticket, stage, h->target);
	replay_put(r, 0, cols - w, 0, SCREEN_PLAIN, "%s ", verdict);
	screen_row_look(r->screen, 0, r->verified && !good && r->report.verdict == TRANSCRIPT_BROKEN ? SCREEN_BAD :
	    strcmp(h->stage, "production") == 0 ? SCREEN_TITLE_PRODUCTION : SCREEN_TITLE);
	second_row(r, cols);
}

/* The line of the entry that holds what was searched for, or its last one. */
static size_t
line_looked_at(struct replay *r, size_t entry, bool *found)
{
	size_t first = log_view_line_of(r->log, entry), end = log_view_line_of(r->log, entry + 1);
	long at;

	*found = false;
	if (r->found == r->at && r->at != 0) {
		at = log_view_find(r->log, r->find, first, false);
		if (at >= 0 && (size_t)at < end) {
			*found = true;
			return (size_t)at;
		}
	}
	return end > 0 ? end - 1 : 0;
}

/* Lays out the entry that is looked at, and back from it as far as the screen and the scrolling need. */
static size_t
update_log(struct replay *r, const struct model *m, int width, int height)
{
	const struct model_entry *e = replay_entry(r);
	size_t n = model_entries(m), entry = n > 0 ? n - 1 : 0, more = 1;

	while (e != NULL && entry > 0 && model_entry(m, entry) != e)
		entry--;
	r->window = entry;
	for (;;) {
		log_view_from(r->log, r->window);
		log_view_update(r->log, m, width, r->expanded, REPLAY_RESULT_ROWS);
		if (r->window == 0 || log_view_line_of(r->log, entry + 1) >= (size_t)height + r->up)
			return entry;
		r->window = r->window > more ? r->window - more : 0;
		more *= 2;
	}
}

static void
draw_log(struct replay *r, int top, int bottom, int width)
{
	const struct model *m = tape_model(r->tape, r->at);
	size_t height = (size_t)(bottom - top), entry = update_log(r, m, width, bottom - top), line, first, lines;
	bool found;

	line = line_looked_at(r, entry, &found);
	lines = log_view_lines(r->log);
	first = found ? (line > height / 2 ? line - height / 2 : 0) : line + 1 > height ? line + 1 - height : 0;
	if (r->up > first)
		r->up = first;
	first -= r->up;
	for (size_t i = 0; i < height && first + i < lines; i++) {
		const struct log_text *t = log_view_line(r->log, first + i);

		screen_put(r->screen, top + (int)i, 0, width, found && first + i == line ? SCREEN_FOUND : t->look,
		    t->text, t->n);
	}
}

static void
draw_sheet(struct replay *r, int top, int bottom, int width)
{
	const struct model_entry *e = replay_entry(r);
	size_t height = (size_t)(bottom - top), lines;

	if (e == NULL || e->kind != MODEL_WRITE)
		return;
	sheet_view_update(r->sheet, tape_model(r->tape, r->at), e, width);
	lines = sheet_view_lines(r->sheet);
	if (r->up + height > lines)
		r->up = lines > height ? lines - height : 0;
	for (size_t i = 0; i < height && r->up + i < lines; i++) {
		const struct log_text *t = sheet_view_line(r->sheet, r->up + i);

		screen_put(r->screen, top + (int)i, 0, width, t->look, t->text, t->n);
	}
}

/* A sentence over several rows. */
static int
put_sentence(struct replay *r, int row, int col, int width, enum screen_look look, const char *s)
{
	while (*s != '\0') {
		size_t n = strlen(s), cut = n;

		if (n > (size_t)width)
			for (cut = (size_t)width; cut > 1 && s[cut] != ' ';)
				cut--;
		if (cut <= 1)
			cut = n < (size_t)width ? n : (size_t)width;
		screen_put(r->screen, row++, col, width, look, s, cut);
		for (s += cut; *s == ' ';)
			s++;
	}
	return row;
}

static int
draw_verdict(struct replay *r, int row, int col, int width)
{
	char head[DIGEST_HEX + 1];

	if (!r->verified) {
		replay_put(r, row, col, width, SCREEN_PLAIN, "verifying: the file is being read");
		return row + 1;
	}
	digest_hex(&r->report.head, head);
	row = put_sentence(r, row, col, width, r->report.verdict == TRANSCRIPT_SEALED ? SCREEN_GOOD :
	    r->report.verdict == TRANSCRIPT_OPEN ? SCREEN_WARN : SCREEN_BAD, r->report.text);
	replay_put(r, row++, col, width, SCREEN_PLAIN, "events %" PRIu64 "  bodies %" PRIu64 "  missing %" PRIu64,
	    tape_events(r->tape), r->report.bodies, r->report.missing);
	if (r->report.torn > 0)
		replay_put(r, row++, col, width, SCREEN_WARN, "%" PRIu64 " bytes of a torn last line", r->report.torn);
	replay_put(r, row++, col, width, SCREEN_PLAIN, "head of the transcript:");
	if (width >= DIGEST_HEX) {	/* as the consoles show it */
		replay_put(r, row++, col, width, SCREEN_STRONG, "%s", head);
		return row;
	}
	replay_put(r, row++, col, width, SCREEN_STRONG, "%.32s", head);
	replay_put(r, row++, col, width, SCREEN_STRONG, "%.32s", head + 32);
	return row;
}

static void
draw_over(struct replay *r, int top, int bottom, int width)
{
	if (r->over == REPLAY_SHEET) {
		draw_sheet(r, top, bottom, width);
	} else if (r->over == REPLAY_VERDICT) {
		replay_put(r, top, 1, width, SCREEN_STRONG, "IS THIS WHAT WAS RECORDED (v closes this)");
		(void)draw_verdict(r, top + 1, 1, width - 2);
	} else if (r->over == REPLAY_HELP) {
		for (size_t i = 0; replay_help[i] != NULL && top + (int)i < bottom; i++)
			replay_put(r, top + (int)i, 1, width - 1, SCREEN_PLAIN, "%s", replay_help[i]);
	} else {
		draw_log(r, top, bottom, width);
	}
}

static void
draw_keys(struct replay *r, int row, int cols)
{
	if (r->ask != REPLAY_NOT) {
		replay_put(r, row, 0, 0, SCREEN_STRONG, " %s> %s", r->ask == REPLAY_SEARCH ? "find" :
		    "go to 14:05, 14:05:30 (UTC) or +12:30", r->typed);
		screen_cursor(r->screen, row, screen_width(r->typed, strlen(r->typed)) +
		    (r->ask == REPLAY_SEARCH ? 7 : 40));
	} else if (r->notice[0] != '\0') {
		replay_put(r, row, 1, 0, SCREEN_WARN, "%s", r->notice);
	} else if (cols >= REPLAY_WIDE) {
		replay_put(r, row, 0, 0, SCREEN_DIM, " Space play  , . step  [ ] prev/next write  { } prev/next entry  "
		    "/ n N find  t time  s sheet  g G ends  < > speed  v verdict  ? help  q quit");
	} else {
		replay_put(r, row, 0, 0, SCREEN_DIM,
		    " Space play  , . step  [ ] writes  / find  s sheet  g G ends  ? help  q quit");
	}
}

static void
draw_wide(struct replay *r, int rows, int cols)
{
	int width = cols - REPLAY_PANEL - 1, bottom = rows - 3, split = bottom - 10;
	char left[80];

	draw_over(r, 2, bottom, width - 1);
	for (int row = 2; row < bottom; row++)
		replay_put(r, row, width, 1, SCREEN_RULE, "|");
	snprintf(left, sizeof left, "EVENTS (%" PRIu64 ")  filter: %s (f)", tape_events(r->tape),
	    replay_filter_word(r->filter));
	replay_put(r, 2, width + 2, 0, SCREEN_STRONG, "%s", left);
	replay_draw_list(r, 3, split - 4, width + 1, REPLAY_PANEL);
	replay_rule(r, split, width + 1, REPLAY_PANEL, "INTEGRITY", "");
	(void)draw_verdict(r, split + 1, width + 2, REPLAY_PANEL - 2);
	replay_put(r, bottom - 2, width + 2, 0, SCREEN_DIM, "Control bytes are shown as <1B>, never");
	replay_put(r, bottom - 1, width + 2, 0, SCREEN_DIM, "sent to this terminal.");
	replay_rule(r, rows - 3, 0, cols, "", "");
}

static void
draw_small(struct replay *r, int rows, int cols)
{
	int rule = rows - 3 - REPLAY_LIST;
	char right[80];

	draw_over(r, 2, rule, cols);
	snprintf(right, sizeof right, "filter: %s (f)", replay_filter_word(r->filter));
	replay_rule(r, rule, 0, cols, "EVENTS", right);
	replay_draw_list(r, rule + 1, REPLAY_LIST, 0, cols);
}

void
replay_draw(struct replay *r)
{
	int rows, cols;

	r->drawn = true;
	screen_erase(r->screen);
	screen_size(r->screen, &rows, &cols);
	if (rows < REPLAY_ROWS_MIN || cols < REPLAY_COLS_MIN) {
		replay_put(r, rows / 2, cols > 24 ? (cols - 24) / 2 : 0, 0, SCREEN_STRONG, "need %dx%d, have %dx%d",
		    REPLAY_COLS_MIN, REPLAY_ROWS_MIN, cols, rows);
		return;
	}
	replay_draw_title(r, cols);
	if (cols >= REPLAY_WIDE && rows >= REPLAY_ROWS_MIN + 4)
		draw_wide(r, rows, cols);
	else
		draw_small(r, rows, cols);
	replay_draw_bar(r, rows - 2, cols);
	draw_keys(r, rows - 1, cols);
}
