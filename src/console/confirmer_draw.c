/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "confirmer.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "twokey/base/buf.h"
#include "twokey/base/json.h"
#include "twokey/base/text.h"
#include "twokey/console/link.h"
#include "twokey/sql/class.h"

#include "coach.h"
#include "editor.h"
#include "pace.h"
#include "hold_draw.h"
#include "log_priv.h"
#include "set_parts.h"
#include "sign.h"

enum { READ_MS = 2000, READ_LINE_MS = 250, READ_FREE_LINES = 4, READ_MAX_MS = 30000 };

/* The wait after opening; the broker has the last word. */
static int64_t
read_ms(const struct model_entry *en)
{
	int64_t lines, ms;

	if (model_is_held(en))
		return READ_MS;		/* the statement was read; what is new is short */
	lines = en->sql != NULL ? (int64_t)text_lines(en->sql, en->sql_len, LIVE_COLS_MIN) : 1;
	ms = READ_MS + (lines > READ_FREE_LINES ? (lines - READ_FREE_LINES) * READ_LINE_MS : 0);
	return ms > READ_MAX_MS ? READ_MAX_MS : ms;
}

static int64_t
wait_left(const struct live *lv, const struct model_entry *en)
{
	const struct confirmer *c = lv->own;

	return c->opened_ms + read_ms(en) - lv->now_ms;
}

/* Of two keys, the one of this person's side is turned: there is nothing to type here. */
static bool
turned_mine(const struct live *lv, const struct model_entry *en)
{
	const struct model_header *h = model_header(lv->model);

	for (size_t i = 0; i < h->npeople; i++)
		if (strcmp(h->people[i].name, lv->seat.person) == 0)
			return strcmp(h->people[i].side, model_turned_side(en)) == 0;
	return false;
}

/* The ticket takes what allows from another host only, and this console is of none. */
static bool
only_denies(const struct live *lv)
{
	return model_header(lv->model)->other_host && !model_is_remote(lv->model, lv->seat.person);
}

bool
confirmer_may_type(const struct live *lv, const struct model_entry *en)
{
	const struct confirmer *c = lv->own;

	return lv->seat.kind == SEAT_CONFIRMER && !lv->lost && c->told_last &&
	    en->sheet != NULL && wait_left(lv, en) <= 0 && confirmer_waits(lv, en) && !turned_mine(lv, en) && !only_denies(lv);
}

static int
waiting_count(const struct live *lv)
{
	int n = 0;

	for (long i = -1; (i = confirmer_ready(lv, i)) >= 0;)
		n++;
	return n;
}

/* Row 2 of the log: what waits for the key. */
static bool
waiting_words(const struct live *lv, char *out, size_t max)
{
	long i = confirmer_next(lv);
	int n = waiting_count(lv);
	char left[16];
	const struct model_entry *en;

	if (i < 0)
		return false;	/* none, or its sheet is not there yet: nothing can be opened */
	en = model_entry(lv->model, (size_t)i);
	if (model_is_held(en)) {
		hold_row(lv, en, false, out, max);
		return true;
	}
	live_span((en->until_us - lv->wall_us) / 1000000, left);
	snprintf(out, max, " REQUEST %" PRIu64 " WAITING%s: press F5 (or \\open) to read it   lapses in %s", en->n,
	    n > 1 ? " (and more)" : "", left);
	return true;
}

/* Row 2 of the sheet: who asks, since when, until when, or how it ended. */
static void
sheet_words(const struct live *lv, const struct model_entry *en, char *out, size_t max)
{
	char since[16], left[16], turned[MODEL_NAME_MAX + 60];
	long next;

	next = model_held(lv->model);
	if (next >= 0) {
		en = model_entry(lv->model, (size_t)next);
		hold_row(lv, en, confirmer_waits(lv, en) && confirmer_entry(lv) == en, out, max);
		return;
	}
	live_span((lv->wall_us - en->wall_us) / 1000000, since);
	live_span((en->until_us - lv->wall_us) / 1000000, left);
	if (model_turned_words(en, turned, sizeof turned)) {
		snprintf(out, max, " Request %" PRIu64 ": %s   lapses in %s", en->n, turned, left);
		return;
	}
	if (model_is_waiting(en)) {
		snprintf(out, max, " Request %" PRIu64 " from %s (driver)   waiting %s   lapses to DENIED in %s%s",
		    en->n, en->by, since, left, waiting_count(lv) > 1 ? "   more wait" : "");
		return;
	}
	snprintf(out, max, " Request %" PRIu64 " from %s (driver)   %s", en->n, en->by, log_state_word(en));
	next = confirmer_ready(lv, -1);
	if (next >= 0)
		snprintf(out + strlen(out), max - strlen(out), "   REQUEST %" PRIu64 " WAITING: F5 reads it",
		    model_entry(lv->model, (size_t)next)->n);
}

/* What has to be typed, in words: the values stand on the sheet, not here. */
static void
type_words(const struct model_entry *en, char *out, size_t max)
{
	uint64_t all = SQL_DANGER_BIT(SQL_DANGER_NO_WHERE) | SQL_DANGER_BIT(SQL_DANGER_WHERE_TRUE);
	bool most = strcmp(en->op, "<=") == 0;
	int64_t rows;

	if (en->act[0] != '\0') {
		snprintf(out, max, "To allow it, type the first word of the statement and the name of its object. Enter alone does nothing.");
		return;
	}
	if (model_is_set(en))
		(void)set_total(en, &most, &rows);
	snprintf(out, max, "To allow it, type %sthe table%s and the %s.", json_bool(en->event, "rehearsal") ? "rehearse, " :
	    (en->dangers & all) && !model_only_reads(en) ? "all rows, " : "", strchr(en->table, '+') != NULL ? "s (a+b)" : "",
	    most ? "limit (<=N)" : "row count");
}

/* What else there is to know about typing, where it has room. */
static void
add_manner(const struct live *lv, char *hint, size_t max)
{
	static const char *const words[] = { " Then your SSH key signs it.", " Enter alone does nothing." };
	int rows, cols;

	screen_size(lv->screen, &rows, &cols);
	for (size_t i = sign_wanted(lv->model, lv->seat.person) ? 0 : 1; i < sizeof words / sizeof words[0]; i++)
		if (screen_width(hint, strlen(hint)) + (int)strlen(words[i]) + 1 < cols)
			snprintf(hint + strlen(hint), max - strlen(hint), "%s", words[i]);
}

/* How it ended, with the reason as far as it fits. */
static void
over_words(const struct live *lv, const struct model_entry *en, char *out, size_t max)
{
	static const char back[] = "Esc goes back to the log.";
	const char *word = log_state_word(en), *why = log_over_words(en);
	int rows, cols, room, width;
	struct buf b;

	screen_size(lv->screen, &rows, &cols);
	room = cols - (int)strlen(word) - 5;
	buf_init(&b, 1 << 20);
	text_safe(&b, why, strlen(why), TEXT_ONE_LINE);
	width = screen_width(buf_data(&b), buf_len(&b));
	if (width == 0 || width + (int)sizeof back < room)
		snprintf(out, max, "%s%s%s. %s", word, width > 0 ? ": " : "", buf_str(&b), back);
	else if (width <= room)		/* the row of keys has Esc too */
		snprintf(out, max, "%s: %s.", word, buf_str(&b));
	else
		snprintf(out, max, "%s: %.*s...", word, (int)text_fit(buf_data(&b), buf_len(&b), (size_t)room - 3), buf_str(&b));
	buf_fini(&b);
}

/* The line above the prompt, and the prompt's own label. */
static void
answer_words(struct live *lv, const struct model_entry *en, char *hint, char *label, size_t max)
{
	const struct confirmer *c = lv->own;
	int64_t left = wait_left(lv, en);

	snprintf(label, max, "> ");
	hint[0] = '\0';
	if (model_held(lv->model) >= 0 && !confirmer_waits(lv, en)) {
		snprintf(hint, max, "It has run and is held: F5 shows what it did. What is typed here does nothing.");
	} else if (!confirmer_waits(lv, en)) {
		over_words(lv, en, hint, max);
	} else if (lv->seat.kind != SEAT_CONFIRMER) {
		snprintf(hint, max, "You watch: the confirmer answers. Esc goes back to the log.");
	} else if (lv->lost) {
		snprintf(hint, max, "The link is lost: nothing can be allowed and nothing runs.");
	} else if (c->signing) {
		snprintf(hint, max, "What you typed is recorded; it is signed now.");
	} else if (turned_mine(lv, en) && model_turned_words(en, hint, max)) {
		;
	} else if (only_denies(lv)) {
		snprintf(hint, max, "The ticket takes an answer from another host only: here you can only deny (F7).");
	} else if (c->answered) {
		snprintf(hint, max, "The second key is turned; the broker checks it.");
	} else if (en->sheet == NULL) {
		snprintf(hint, max, "The sheet is being made: the database is asked what it would touch.");
	} else if (!c->told_last) {
		snprintf(label, max, "read to the last line first (PgDn)> ");
		snprintf(hint, max, "%zu lines, not all shown. F7 denies at any time.",
		    sheet_view_lines(c->sheet));
	} else if (left > 0) {
		snprintf(label, max, "wait %d s> ", (int)((left + 999) / 1000));
		snprintf(hint, max, c->open_held > 0 ? "Read it first: it can be kept in a moment. F7 takes it back at any time."
		    : "Read it first: it can be allowed in a moment. F7 denies at any time.");
		lv->wake_ms = lv->now_ms + (left > 1000 ? 1000 : left);
	} else if (c->open_held > 0) {
		snprintf(label, max, "keep> ");
		hold_type_words(en, hint, max);
		add_manner(lv, hint, max);
	} else {
		snprintf(label, max, "allow> ");
		type_words(en, hint, max);
		add_manner(lv, hint, max);
	}
}

/* What the broker has to know: the sheet is on the screen, and once its last line is. */
static void
tell_opened(struct live *lv, const struct model_entry *en, bool last)
{
	struct confirmer *c = lv->own;
	json_t *o;

	if (lv->seat.kind != SEAT_CONFIRMER || en->sheet == NULL || lv->lost ||
	    (c->told_open && (c->told_last || !last)) || !confirmer_waits(lv, en))
		return;
	if (!c->told_open)
		c->opened_ms = lv->now_ms;
	o = live_of(en->n, NULL, NULL, 0);
	json_object_set_new(o, "last", json_boolean(last));
	if (!live_send(lv, "opened", o))
		return;
	c->told_open = true;
	c->told_last = last;
}

/* The sheet's lines in rows 2..bottom-1; the words at the right of the rule below say what is not shown. */
static void
draw_sheet(struct live *lv, const struct model_entry *en, int bottom, char *where, size_t max)
{
	struct confirmer *c = lv->own;
	size_t lines = sheet_view_lines(c->sheet), height = bottom > 2 ? (size_t)bottom - 2 : 0;

	if (c->told_last && lines > c->lines && c->top + (size_t)c->height >= c->lines)
		c->top = lines;		/* read to its end: what is said about it now is seen */
	c->lines = lines;
	c->height = (int)height;
	if (c->top + height > lines)
		c->top = lines > height ? lines - height : 0;
	for (size_t i = 0; i < height && c->top + i < lines; i++) {
		const struct log_text *t = sheet_view_line(c->sheet, c->top + i);

		screen_put(lv->screen, 2 + (int)i, 0, 0, t->look, t->text, t->n);
	}
	tell_opened(lv, en, c->top + height >= lines);
	if (lines > height)
		snprintf(where, max, "lines %zu-%zu of %zu%s", c->top + 1, c->top + height, lines,
		    c->told_last ? "" : ", not all shown");
	else
		snprintf(where, max, "all shown");
}

static const char *
note(const struct live *lv)
{
	const struct model_header *h = model_header(lv->model);

	return h->unverified || link_hello(lv->link)->unverified ? "demo: the two people are not verified"
	    : strcmp(h->broker, "private") == 0 ? "private broker: no protection against this login" : "";
}

static void
draw_open(struct live *lv, const struct model_entry *en)
{
	const struct confirmer *c = lv->own;
	char second[200], hint[400], label[400], coach[200], where[80];
	struct coach_open open = { .waits = confirmer_waits(lv, en), .read = confirmer_may_type(lv, en) };
	bool own_prompt = lv->ask != ASK_NONE;
	int rule, rows, cols;

	screen_size(lv->screen, &rows, &cols);
	sheet_view_update(c->sheet, lv->model, en, cols);
	answer_words(lv, en, hint, label, sizeof hint);
	if (!own_prompt)
		editor_label(lv->editor, label);
	sheet_words(lv, en, second, sizeof second);
	live_draw_title(lv, second, SCREEN_WARN);
	rule = live_draw_foot(lv, lv->view->where(lv), coach_confirmer(lv, &open, coach, sizeof coach) ? coach : NULL);
	live_put(lv, rule, 1, 0, SCREEN_STRONG, "%s", own_prompt ? "Esc goes back without sending anything." : hint);
	draw_sheet(lv, en, live_above_rows(lv, rule - 1), where, sizeof where);
	live_draw_rule(lv, rule - 1, note(lv), where);
	live_draw_above(lv, rule - 1);
}

static const char *
standing(const struct model_header *h, bool watcher)
{
	if (h->alone)
		return watcher ? "ALONE, only reads run" : "ALONE, only reads run; \\resume goes on";
	if (h->paused)
		return watcher ? "PAUSED, nothing runs" : "PAUSED, nothing runs; \\resume goes on";
	return "LIVE";
}

/* Once he has answered something his own numbers stand there, for who sees them reads better; beside what left says, with the
 * counts of the session where there is room. */
static void
right_words(const struct live *lv, const char *left, char *out, size_t max)
{
	const struct model_header *h = model_header(lv->model);
	int rows, cols, n;
	struct buf b;

	screen_size(lv->screen, &rows, &cols);
	snprintf(out, max, "reads %u  writes %u  denied %u", h->reads, h->writes, h->denied);
	buf_init(&b, 200);
	if (lv->seat.kind == SEAT_CONFIRMER)
		pace_reading(lv->model, lv->seat.person, false, &b);
	if (buf_len(&b) > 0) {
		n = snprintf(out, max, "reads %u  writes %u  you: %s", h->reads, h->writes, buf_str(&b));
		if (n + (int)strlen(left) + 9 > cols)
			n = snprintf(out, max, "you: %s", buf_str(&b));
	} else {
		n = (int)strlen(out);
	}
	if (n + (int)strlen(left) + 9 > cols)
		out[0] = '\0';		/* what stands at the left is not cut for it */
	buf_fini(&b);
}

static void
draw_waiting(struct live *lv)
{
	const struct model_header *h = model_header(lv->model);
	bool watcher = lv->seat.kind == SEAT_WATCHER;
	char second[200], coach[200], right[160], live[120] = "";
	const char *left;
	bool waits = waiting_words(lv, second, sizeof second);
	int rule;

	live_draw_title(lv, waits ? second : NULL, SCREEN_WARN);
	rule = live_draw_foot(lv, watcher ? KEYS_WATCHER : KEYS_WAITING,
	    coach_confirmer(lv, NULL, coach, sizeof coach) ? coach : NULL);
	if (model_set(lv->model) != NULL)
		snprintf(live, sizeof live, "LIVE; %s collects changes: %zu so far", model_set(lv->model)->by, model_set(lv->model)->changes);
	left = !lv->follow ? "SCROLLED BACK, End goes on" : waits ? note(lv)
	    : live[0] != '\0' && !h->paused && !h->alone ? live : standing(h, watcher);
	right_words(lv, left, right, sizeof right);
	live_draw_rule(lv, rule, left, right);
	live_draw_log(lv, 2, live_draw_above(lv, rule));
}

void
confirmer_draw(struct live *lv)
{
	const struct model_entry *en = confirmer_entry(lv);

	hold_wake(lv);
	if (en != NULL)
		draw_open(lv, en);
	else
		draw_waiting(lv);
}
