/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The event list and the time bar of the player. */
#include "config.h"

#include "replay_priv.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "twokey/base/buf.h"
#include "twokey/base/json.h"
#include "twokey/base/text.h"

#include "log_priv.h"

enum { SQL_SHOWN = 300, NUMBER_COLS = 5 };

const char *
replay_filter_word(enum replay_filter f)
{
	static const char *const words[REPLAY_FILTERS] = { "all", "writes", "errors and refusals", "words" };

	return words[f];
}

static void
clock_text(int64_t wall_us, bool seconds, char out[12])
{
	time_t t = (time_t)(wall_us / 1000000);
	struct tm tm;

	if (gmtime_r(&t, &tm) == NULL || strftime(out, 12, seconds ? "%H:%M:%S" : "%H:%M", &tm) == 0)
		memcpy(out, "--:--", 6);
}

static const char *
kind_word(const struct model_entry *e)
{
	switch (e->kind) {
	case MODEL_READ:
		return e->state == TRANSCRIPT_EVENT_FAILED ? "ERROR" : "READ";
	case MODEL_DESCRIBE:
		return e->state == TRANSCRIPT_EVENT_FAILED ? "ERROR" : "DEFS";
	case MODEL_WRITE:
		return model_only_reads(e) ? "ASKED" : "WRITE";
	case MODEL_STAGED:
		return "STAGED";
	case MODEL_REFUSED:
		return "REFUSE";
	case MODEL_MESSAGE:
		return "SAID";
	case MODEL_NOTE:
		return "NOTE";
	case MODEL_STATE:
		break;
	}
	return "-";
}

/* "jump open": which hop, and what it came to. */
static void
put_hop(struct buf *b, const struct model_entry *e)
{
	static const char *const keys[] = { "name", "state" };

	for (size_t i = 0; e->state == TRANSCRIPT_EVENT_TUNNEL && i < 2; i++) {
		const char *s = json_str(e->event, keys[i], NULL);

		buf_putc(b, ' ');
		if (s != NULL)
			text_safe(b, s, strlen(s), TEXT_ONE_LINE);
	}
}

/* One line of a statement or message, blanks for line ends. */
static void
put_flat(struct buf *b, const struct model_entry *e)
{
	char flat[SQL_SHOWN];
	size_t n = 0;

	if (e->kind == MODEL_STATE) {
		const char *name = e->verb[0] != '\0' ? e->verb : transcript_event_rule(e->state)->name;

		text_safe(b, name, strlen(name), TEXT_ONE_LINE);
		buf_puts(b, e->by[0] != '\0' ? " " : "");
		text_safe(b, e->by, strlen(e->by), TEXT_ONE_LINE);
		put_hop(b, e);
		return;
	}
	if (e->kind == MODEL_DESCRIBE) {
		text_safe(b, e->verb, strlen(e->verb), TEXT_ONE_LINE);
		buf_putc(b, ' ');
	}
	for (size_t i = 0; e->sql != NULL && i < e->sql_len && n < sizeof flat; i++) {
		char c = e->sql[i] == '\n' || e->sql[i] == '\t' ? ' ' : e->sql[i];

		if (c != ' ' || (n > 0 && flat[n - 1] != ' '))
			flat[n++] = c;
	}
	if (e->sql == NULL)
		buf_puts(b, "(not in this copy)");
	/* a character that was cut in two is no mark of the file */
	while (n == sizeof flat && n > 0 && ((unsigned char)flat[n - 1] & 0x80))
		n--;
	text_safe(b, flat, n, TEXT_ONE_LINE);
}

static void
outcome(const struct model_entry *e, char *out, size_t max)
{
	char rows[32] = "";

	if (e->rows >= 0)
		snprintf(rows, sizeof rows, "%" PRId64 " row%s%s", e->rows, e->rows == 1 ? "" : "s",
		    e->kind == MODEL_WRITE ? "  " : "");
	if (e->kind == MODEL_READ || e->kind == MODEL_DESCRIBE)
		snprintf(out, max, "%s", e->state == TRANSCRIPT_EVENT_FAILED ? e->code
		    : e->state == TRANSCRIPT_EVENT_COSTLY ? "NOT RUN" : rows);
	else if (e->kind == MODEL_STAGED)
		snprintf(out, max, "COLLECTED");
	else if (e->kind == MODEL_WRITE)
		snprintf(out, max, "%s%s", rows, log_state_word(e));
	else
		out[0] = '\0';
}

static void
draw_entry(struct replay *r, const struct model_entry *e, bool here, int row, int col, int width)
{
	enum screen_look look = here ? SCREEN_CHOSEN : e->n > r->at ? SCREEN_DIM : SCREEN_PLAIN;
	char at[12], end[64];
	struct buf b;
	int room;

	clock_text(e->wall_us, true, at);
	outcome(e, end, sizeof end);
	room = width - screen_width(end, strlen(end)) - 2;
	buf_init(&b, SIZE_MAX / 2);
	buf_putf(&b, "%c%*" PRIu64 " %s %-6s ", here ? '>' : ' ', NUMBER_COLS - 1, e->n, at, kind_word(e));
	put_flat(&b, e);
	buf_truncate(&b, text_fit(buf_data(&b), buf_len(&b), (size_t)(room > 0 ? room : 0)));
	for (size_t w = text_width(buf_data(&b), buf_len(&b)); w + 2 < (size_t)width - strlen(end); w++)
		buf_putc(&b, ' ');
	buf_puts(&b, "  ");
	text_safe(&b, end, strlen(end), TEXT_ONE_LINE);
	screen_put(r->screen, row, col, width, look, buf_data(&b), buf_len(&b));
	buf_fini(&b);
}

/* The index of the entry it stands on among all. */
static size_t
here_index(struct replay *r)
{
	const struct model *m = tape_model(r->tape, r->at), *full = tape_full(r->tape);
	const struct model_entry *e = replay_entry(r);
	size_t low = 0, high = model_entries(full);

	if (e == NULL)
		return model_entries(m) > 0 ? model_entries(m) - 1 : 0;
	/* entries stand in the order of their first events; in a broken file the guess is near enough */
	while (low < high) {
		size_t mid = low + (high - low) / 2;

		if (model_entry(full, mid)->n < e->n)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

void
replay_draw_list(struct replay *r, int row, int rows, int col, int width)
{
	const struct model *full = tape_full(r->tape);
	size_t here = here_index(r), n = model_entries(full), first = here + 1, above = 0;
	int used = 0;

	/* a third above the one it stands on */
	while (first > 0 && above < (size_t)(rows / 3 + 1)) {
		first--;
		if (first < n && replay_takes(r, model_entry(full, first)))
			above++;
	}
	for (size_t i = first; i < n && used < rows; i++)
		if (replay_takes(r, model_entry(full, i)))
			draw_entry(r, model_entry(full, i), i == here, row + used++, col, width);
	if (used == 0)
		replay_put(r, row, col, width, SCREEN_DIM, " nothing of this filter; f goes on to the next");
}

/* Where event n lies on a bar of that many cells. */
static size_t
bar_cell(const struct replay *r, uint64_t n, size_t cells)
{
	int64_t from = tape_mark(r->tape, 1)->ms, to = tape_mark(r->tape, tape_events(r->tape))->ms;
	double part = to > from ? (double)(tape_mark(r->tape, n)->ms - from) / (double)(to - from) :
	    (double)(n - 1) / (double)(tape_events(r->tape) > 1 ? tape_events(r->tape) - 1 : 1);
	size_t at = (size_t)(part * (double)(cells - 1));

	return at < cells ? at : cells - 1;
}

static void
fill_bar(const struct replay *r, char *bar, size_t cells)
{
	static const char rank[] = " rNEDW";
	size_t at = bar_cell(r, r->at, cells);

	for (size_t i = 0; i < cells; i++)
		bar[i] = i < at ? '=' : '-';
	for (uint64_t n = 1; n <= tape_events(r->tape); n++) {
		char c = tape_mark(r->tape, n)->letter;
		size_t cell;
		const char *old;

		if (c == ' ')
			continue;
		cell = bar_cell(r, n, cells);
		old = strchr(rank, bar[cell]);
		if (old == NULL || strchr(rank, c) > old)
			bar[cell] = c;
	}
	if (bar[at] == '=' || bar[at] == '-' || bar[at] == 'r')
		bar[at] = '|';
	bar[cells] = '\0';
}

void
replay_draw_bar(struct replay *r, int row, int cols)
{
	char bar[1024], from[12], to[12], at[12], tail[120], speed[16];
	uint64_t n = tape_events(r->tape);
	size_t cells;
	int percent;

	clock_text(tape_mark(r->tape, 1)->wall_us, false, from);
	clock_text(tape_mark(r->tape, n)->wall_us, false, to);
	clock_text(tape_mark(r->tape, r->at)->wall_us, true, at);
	snprintf(speed, sizeof speed, r->speed >= 0 ? "x%d" : "x1/%d", 1 << (r->speed >= 0 ? r->speed : -r->speed));
	percent = (int)(100.0 * (double)r->at / (double)(n > 0 ? n : 1));
	snprintf(tail, sizeof tail, "] %s  %s  %d%%%s  %s  %s", to, at, percent, tape_is_read(r->tape) ? "" : "+", speed,
	    replay_is_end(r) ? "END" : r->playing ? "PLAYING" : "PAUSED");
	cells = (size_t)cols > strlen(tail) + 18 ? (size_t)cols - strlen(tail) - 10 : 8;
	if (cells >= sizeof bar)
		cells = sizeof bar - 1;
	fill_bar(r, bar, cells);
	replay_put(r, row, 0, 0, SCREEN_PLAIN, " %s [%s%s", from, bar, tail);
}
