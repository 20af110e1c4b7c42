/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The side panel of wide screens, and the row that says the same in short on narrow ones. */
#include "config.h"

#include "panel.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "twokey/base/buf.h"
#include "twokey/base/cap.h"

#include "live.h"
#include "log_priv.h"
#include "reach.h"

enum { ACCOUNT_COLS = 30, KEY_COLS = 40 };

const char *
panel_presence(const struct model_person *p)
{
	return !p->joined ? "not here" : p->away ? "AWAY" : "PRESENT";
}

static void
upper(char *out, size_t max, const char *s)
{
	size_t i = 0;

	for (; s[i] != '\0' && i + 1 < max; i++)
		out[i] = (char)toupper((unsigned char)s[i]);
	out[i] = '\0';
}

static int __attribute__((format(printf, 5, 6)))
panel_line(struct live *lv, int row, int bottom, enum screen_look look, const char *fmt, ...)
{
	char text[400];
	int rows, cols;
	va_list ap;

	if (row >= bottom)
		return row;
	screen_size(lv->screen, &rows, &cols);
	va_start(ap, fmt);
	vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	screen_put(lv->screen, row, cols - LIVE_PANEL, 0, look, text, strlen(text));
	return row + 1;
}

static int
panel_people(struct live *lv, int row, int bottom)
{
	const struct model_header *h = model_header(lv->model);

	row = panel_line(lv, row, bottom, SCREEN_STRONG, "PEOPLE");
	for (size_t i = 0; i < h->npeople; i++) {
		const struct model_person *p = &h->people[i];

		row = panel_line(lv, row, bottom, SCREEN_PLAIN, "%-10s %-10s %-8s %s", p->name, p->seat,
		    panel_presence(p), p->side);
	}
	return row + 1;
}

/* The changes that are collected, and how long yet. */
static int
panel_set(struct live *lv, int row, int bottom)
{
	const struct model_set *set = model_set(lv->model);
	char left[16];

	if (set == NULL)
		return row;
	live_span((set->until_us - lv->wall_us) / 1000000, left);
	row = panel_line(lv, row, bottom, SCREEN_STRONG, "CHANGE SET  %zu, not sent, dropped in %s", set->changes, left);
	for (size_t i = 0; i < set->changes && i < MODEL_SET_MAX; i++) {
		const struct model_entry *en = model_entry(lv->model, set->at[i]);
		char bound[32] = "as counted";

		if (en->op[0] != '\0')
			snprintf(bound, sizeof bound, "%s %" PRId64, en->op, en->rows_wanted);
		row = panel_line(lv, row, bottom, SCREEN_PLAIN, "%zu %-10s %.*s", i + 1, bound,
		    en->sql != NULL ? (int)strcspn(en->sql, "\n") : 0, en->sql != NULL ? en->sql : "");
	}
	return row + 1;
}

/* Our own words, broken between them; the lines after the first are indented. */
static int
panel_words(struct live *lv, int row, int bottom, enum screen_look look, const char *text)
{
	size_t n = strlen(text), indent = 0;

	while (n > 0) {
		size_t room = LIVE_PANEL - 1 - indent, len = n;

		if (n > room) {
			for (len = room; len > 0 && text[len] != ' ';)
				len--;
			len = len > 0 ? len : room;
		}
		row = panel_line(lv, row, bottom, look, "%*s%.*s", (int)indent, "", (int)len, text);
		for (text += len, n -= len; n > 0 && *text == ' '; text++)
			n--;
		indent = 3;
	}
	return row;
}

/* Which caps there are in one go, what is missing one by one. */
static int
panel_caps(struct live *lv, int row, int bottom)
{
	const struct model_header *h = model_header(lv->model);
	char words[600] = "ok";
	size_t n;

	for (unsigned c = 0; c < CAPS; c++)
		if ((h->caps & CAP_BIT(c)) && (n = strlen(words)) + 40 < sizeof words)
			snprintf(words + n, sizeof words - n, "%s %s", n > 2 ? "," : "", cap_name(c));
	if (h->caps != 0)
		row = panel_words(lv, row, bottom, SCREEN_PLAIN, words);
	for (unsigned c = 0; c < CAPS; c++)
		if (!(h->caps & CAP_BIT(c))) {
			snprintf(words, sizeof words, "no %s: %s", cap_name(c), cap_help(c));
			row = panel_words(lv, row, bottom, SCREEN_WARN, words);
		}
	return row;
}

/* What a function of reach.h says, when it says something. */
static int
panel_said(struct live *lv, int row, int bottom, enum screen_look (*put)(const struct model_header *h, struct buf *out))
{
	enum screen_look look;
	struct buf b;

	buf_init(&b, 4096);
	look = put(model_header(lv->model), &b);
	if (buf_len(&b) > 0)
		row = panel_words(lv, row, bottom, look, buf_str(&b));
	buf_fini(&b);
	return row;
}

static enum screen_look
server(const struct model_header *h, struct buf *out)
{
	reach_server(h, out);
	return SCREEN_PLAIN;
}

static enum screen_look
limits(const struct model_header *h, struct buf *out)
{
	reach_limits(h, out);
	return SCREEN_PLAIN;
}

static enum screen_look
account(const struct model_header *h, struct buf *out)
{
	enum screen_look look;
	struct buf kinds;

	buf_init(&kinds, 4096);
	look = reach_account(h, &kinds);
	if (buf_len(&kinds) > 0)
		buf_putf(out, "account: %s", buf_str(&kinds));
	else if (h->account)
		buf_puts(out, "account: fits the level");
	buf_fini(&kinds);
	return buf_len(out) > 0 && h->account && (h->refused | h->accepted | h->shown) == 0 ? SCREEN_PLAIN : look;
}

static int
panel_connection(struct live *lv, int row, int bottom)
{
	const struct model_header *h = model_header(lv->model);

	row = panel_line(lv, row, bottom, SCREEN_STRONG, "CONNECTION");
	for (size_t i = 0; !h->connected && i < h->nwanted; i++)
		row = panel_line(lv, row, bottom, SCREEN_WARN, "waits for %s to give the %s", h->wanted[i].by,
		    h->wanted[i].what);
	if (!h->connected)
		return panel_line(lv, row, bottom, SCREEN_PLAIN, "not connected yet") + 1;
	row = panel_said(lv, row, bottom, server);
	row = panel_line(lv, row, bottom, SCREEN_PLAIN, "%s%s%s", h->database, h->role[0] ? " as " : "", h->role);
	row = panel_said(lv, row, bottom, reach_standing);
	row = panel_said(lv, row, bottom, reach_encryption);
	row = panel_said(lv, row, bottom, limits);
	row = panel_said(lv, row, bottom, account);
	return panel_caps(lv, row, bottom) + 1;
}

static int
panel_tunnel(struct live *lv, int row, int bottom)
{
	const struct model_header *h = model_header(lv->model);
	struct buf b;

	if (h->nhops == 0)
		return row;
	row = panel_line(lv, row, bottom, SCREEN_STRONG, "TUNNEL");
	buf_init(&b, 1024);
	for (size_t i = 0; i < h->nhops; i++) {
		const struct model_hop *hop = &h->hops[i];

		if (hop->name[0] == '\0')
			continue;
		buf_reset(&b);
		reach_hop(hop, &b);
		row = panel_line(lv, row, bottom, reach_hop_look(hop), "%zu %s: %s", i + 1, hop->name, buf_str(&b));
		if (strlen(hop->key) > KEY_COLS)
			row = panel_line(lv, row, bottom, SCREEN_DIM, "  %.15s...%s  \\tunnel", hop->key,
			    hop->key + strlen(hop->key) - 6);
		else if (hop->key[0] != '\0')
			row = panel_line(lv, row, bottom, SCREEN_DIM, "  %s", hop->key);
	}
	buf_fini(&b);
	return row + 1;
}

static void
clock_text(int64_t wall_us, char *out, size_t max)
{
	time_t t = (time_t)(wall_us / 1000000);
	struct tm tm;

	out[0] = '\0';
	if (localtime_r(&t, &tm) != NULL)
		strftime(out, max, "%H:%M:%S", &tm);
}

static void
panel_events(struct live *lv, int row, int bottom)
{
	size_t n = model_entries(lv->model), room, i;

	row = panel_line(lv, row, bottom, SCREEN_STRONG, "LAST EVENTS");
	room = bottom > row ? (size_t)(bottom - row) : 0;
	for (i = n > room ? n - room : 0; i < n; i++) {
		const struct model_entry *en = model_entry(lv->model, i);
		char at[16], word[24];

		clock_text(en->wall_us, at, sizeof at);
		upper(word, sizeof word, transcript_event_rule(en->state)->name);
		if (en->kind == MODEL_WRITE || en->kind == MODEL_STAGED || en->kind == MODEL_REFUSED)
			row = panel_line(lv, row, bottom, SCREEN_PLAIN, "%s #%" PRIu64 " %s by %s: %s", at, en->n, en->verb, en->by,
			    log_state_word(en));
		else if (en->kind == MODEL_READ || en->kind == MODEL_DESCRIBE)
			row = panel_line(lv, row, bottom, SCREEN_PLAIN, "%s #%" PRIu64 " %s by %s: %s", at, en->n,
			    en->kind == MODEL_READ ? "READ" : "DEFINITIONS", en->by, log_state_word(en));
		else
			row = panel_line(lv, row, bottom, SCREEN_PLAIN, "%s #%" PRIu64 " %s %s", at, en->n, en->by, word);
	}
}

void
panel_draw(struct live *lv, int top, int bottom)
{
	int rows, cols;

	screen_size(lv->screen, &rows, &cols);
	if (cols < LIVE_PANEL_FROM)
		return;
	for (int row = top; row < bottom; row++)
		live_put(lv, row, cols - LIVE_PANEL - 2, 0, SCREEN_RULE, "|");
	top = panel_people(lv, top, bottom);
	top = panel_set(lv, top, bottom);
	top = panel_connection(lv, top, bottom);
	top = panel_tunnel(lv, top, bottom);
	panel_events(lv, top, bottom);
}

/* One part of the status row; what does not fit is told by ">". */
static int
put_part(struct live *lv, int row, int col, enum screen_look look, const char *text)
{
	int rows, cols, n = screen_width(text, strlen(text));

	screen_size(lv->screen, &rows, &cols);
	if (n == 0 || col >= cols)
		return col;
	if (col + n + 1 > cols) {
		live_put(lv, row, cols - 1, 1, SCREEN_WARN, ">");
		return cols;
	}
	return col + live_put(lv, row, col, 0, look, "%s", text) + 2;
}

static int
put_said(struct live *lv, int row, int col, enum screen_look (*put)(const struct model_header *h, struct buf *out))
{
	enum screen_look look;
	struct buf b;

	buf_init(&b, 4096);
	look = put(model_header(lv->model), &b);
	if (buf_len(&b) > 0)
		col = put_part(lv, row, col, look, buf_str(&b));
	buf_fini(&b);
	return col;
}

static int
count(uint64_t set)
{
	int n = 0;

	for (; set != 0; set &= set - 1)
		n++;
	return n;
}

/* By name what the level does not permit, the rest by number; all by number where that is too much. */
static enum screen_look
account_short(const struct model_header *h, struct buf *out)
{
	uint64_t beyond = h->refused | h->accepted;

	if (beyond != 0) {
		buf_puts(out, h->refused != 0 ? "refused: " : "accepted: ");
		reach_kinds(h->refused != 0 ? h->refused : h->accepted, out);
	}
	if (buf_len(out) > ACCOUNT_COLS) {
		buf_reset(out);
		buf_putf(out, "%d findings", count(beyond | h->shown));
	} else if (h->shown != 0) {
		buf_putf(out, "%s%d shown", buf_len(out) > 0 ? " +" : "account: ", count(h->shown));
	}
	return h->refused != 0 ? SCREEN_BAD : SCREEN_WARN;
}

int
panel_status(struct live *lv, int row)
{
	const struct model_header *h = model_header(lv->model);
	int rows, cols, col = 1;
	bool broken = false;

	screen_size(lv->screen, &rows, &cols);
	if (cols >= LIVE_PANEL_FROM)
		return 0;
	for (size_t i = 0; i < h->nhops; i++)
		broken = broken || reach_hop_look(&h->hops[i]) == SCREEN_BAD;
	if (broken)
		col = put_said(lv, row, col, reach_tunnel);
	if (h->connected) {
		col = put_said(lv, row, col, reach_standing);
		col = put_said(lv, row, col, reach_encryption);
		col = put_said(lv, row, col, account_short);
	}
	if (!broken)
		col = put_said(lv, row, col, reach_tunnel);
	col = put_said(lv, row, col, reach_limits_short);
	return col > 1;
}
