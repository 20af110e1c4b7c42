/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "live.h"

#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "twokey/base/clock.h"
#include "twokey/base/err.h"
#include "twokey/base/json.h"
#include "twokey/base/secret.h"
#include "twokey/console/link.h"

#include "editor.h"
#include "sign.h"

void
live_init(struct live *lv, struct screen *s, struct link *l, const struct seat *seat)
{
	memset(lv, 0, sizeof *lv);
	lv->screen = s;
	lv->link = l;
	lv->seat = *seat;
	lv->model = model_create();
	lv->log = log_view_create();
	lv->sign = sign_by_keygen;
	lv->follow = true;
	lv->found = -1;
	lv->farewell_ms = lv->here_ms = lv->retry_ms = lv->wake_ms = -1;
	lv->expanded = LOG_EXPANDED_AUTO;
	lv->dirty = true;
}

void
live_fini(struct live *lv)
{
	log_view_free(lv->log);
	model_free(lv->model);
	link_close(lv->link);
	secret_wipe(&lv->secret, sizeof lv->secret);
}

void
live_notice(struct live *lv, enum screen_look look, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(lv->notice, sizeof lv->notice, fmt, ap);
	va_end(ap);
	lv->notice_look = look;
	lv->dirty = true;
}

json_t *
live_text(const char *key, const char *text, size_t n)
{
	json_t *o = json_object();

	json_set_bytes(o, key, text, n);
	return o;
}

json_t *
live_of(uint64_t n, const char *key, const char *text, size_t len)
{
	json_t *o = key != NULL ? live_text(key, text, len) : json_object();

	json_object_set_new(o, "of", json_integer((json_int_t)n));
	return o;
}

/* Requests are text: what json_set_bytes had to encode is none. */
static bool
is_text(json_t *fields)
{
	const char *key;
	json_t *v;

	json_object_foreach(fields, key, v)
		if (json_is_object(v))
			return false;
	return true;
}

bool
live_send(struct live *lv, const char *what, json_t *fields)
{
	if (!is_text(fields)) {
		json_decref(fields);
		live_notice(lv, SCREEN_BAD, "Some bytes in that are no text in UTF-8 (shown as <?..>): nothing was "
		    "sent. Ctrl-C drops it.");
		return false;
	}
	if (link_send(lv->link, what, fields) != 0)
		return true;
	if (link_is_lost(lv->link))
		live_notice(lv, SCREEN_BAD, "The link is lost: nothing was sent.");
	else
		live_notice(lv, SCREEN_BAD, "That is over 1 MiB, or the broker does not take "
		    "anything now: nothing was sent.");
	return false;
}

static void
take_answer(struct live *lv, const char *line, size_t n)
{
	struct err e;
	json_t *re = json_line_parse(line, n, &e);

	if (re == NULL) {
		live_notice(lv, SCREEN_BAD, "The broker sent an answer that is none: %s", e.text);
		return;
	}
	if (!json_bool(re, "ok")) {
		const char *why = json_str(re, "why", NULL);

		live_notice(lv, SCREEN_BAD, "Refused: %s", why != NULL ? why : "no reason was given");
	}
	if (json_str(re, "re", NULL) != NULL && strcmp(json_str(re, "re", NULL), "secret") == 0)
		secret_ask_answered(lv, json_bool(re, "ok"));
	lv->view->answer(lv, re);
	json_decref(re);
}

/* The names that a part of a result brings: its columns, or what the broker was asked for Tab. */
static void
learn_part(struct live *lv, const struct model_entry *en, const json_t *part, size_t *col)
{
	const json_t *v;
	size_t at, len;

	json_array_foreach(json_object_get(part, "cols"), at, v) {
		const char *name = json_str(v, "name", &len);

		if (name == NULL)
			continue;
		if (en->kind != MODEL_DESCRIBE)
			editor_name(lv->editor, name, len);
		else if (strcmp(name, "name") == 0)
			*col = at;
	}
	if (en->kind != MODEL_DESCRIBE || strcmp(en->verb, "names") != 0)
		return;
	json_array_foreach(json_object_get(part, "rows"), at, v) {
		const json_t *name = json_array_get(v, *col);

		if (json_is_string(name))
			editor_name(lv->editor, json_string_value(name), json_string_length(name));
	}
}

/* Names that events bring, for completion: it never asks the broker while a person types. */
static void
learn_names(struct live *lv)
{
	size_t n = model_entries(lv->model), i = lv->named > 4 ? lv->named - 4 : 0, at;
	const json_t *v;

	for (; lv->editor != NULL && i < n; i++) {
		const struct model_entry *en = model_entry(lv->model, i);
		size_t col = 1, parts = en->kind == MODEL_DESCRIBE ? en->nresults : en->nresults > 0;

		editor_name(lv->editor, en->table, strlen(en->table));
		json_array_foreach(json_object_get(en->event, "tables"), at, v)
			if (json_is_string(v))
				editor_name(lv->editor, json_string_value(v), json_string_length(v));
		for (size_t p = 0; p < parts; p++)
			if (en->results[p] != NULL)
				learn_part(lv, en, en->results[p], &col);
	}
	lv->named = n;
}

static void
take_lines(struct live *lv)
{
	enum link_line kind;
	const char *line;
	bool changed = false;
	size_t n;

	link_pump(lv->link);
	while ((kind = link_next(lv->link, &line, &n)) != LINK_NOTHING) {
		if (kind == LINK_ANSWER) {
			lv->dirty = true;
			take_answer(lv, line, n);
			continue;
		}
		if (!model_feed(lv->model, line, n))
			live_notice(lv, SCREEN_BAD, "The broker sent a line that belongs to no "
			    "transcript; do not rely on this screen.");
		changed = true;
	}
	if (!changed)
		return;
	lv->stale = true;
	learn_names(lv);
	lv->view->changed(lv);
}

/* Nothing that could still run hangs on this link. */
static bool
is_calm(const struct live *lv)
{
	return model_waiting(lv->model, -1) < 0 && model_running(lv->model) == NULL;
}

static void
note_loss(struct live *lv)
{
	lv->lost = lv->dirty = true;
	if (lv->leaving || model_header(lv->model)->ended)
		return;
	lv->retries = 0;
	lv->retry_ms = lv->connect != NULL && is_calm(lv) && !lv->wish.drive
	    ? lv->now_ms + LIVE_RETRY_MS : -1;
	live_notice(lv, SCREEN_BAD, "LINK LOST, nothing runs: %s. %s", link_why(lv->link),
	    lv->retry_ms >= 0 ? "Connecting again; \\q leaves." : "Enter connects again, \\q leaves.");
}

/* After the last event: the head is shown until a key is pressed. */
static void
check_end(struct live *lv)
{
	const struct model_header *h = model_header(lv->model);

	if (lv->farewell_ms >= 0 || !h->ended || !(h->sealed || lv->lost)) {
		if (lv->leaving && lv->lost && lv->farewell_ms < 0)
			lv->done = true;
		return;
	}
	screen_drop_input(lv->screen);
	lv->farewell_ms = lv->now_ms;
	lv->dirty = true;
}

static void
reconnect(struct live *lv)
{
	lv->dirty = true;
	lv->retry_ms = -1;
	if (lv->connect == NULL || !lv->connect(lv)) {
		bool again = !lv->wish.drive && ++lv->retries < LIVE_RETRIES;

		lv->retry_ms = again ? lv->now_ms + LIVE_RETRY_MS : -1;
		return;
	}
	lv->links++;
	lv->lost = false;
	lv->named = 0;
	secret_ask_again(lv);
	lv->follow = true;
	lv->found = -1;
	live_notice(lv, SCREEN_GOOD, "Connected again.");
}

static void
say_here(struct live *lv)
{
	if (lv->here_ms >= 0 && lv->now_ms - lv->here_ms < LIVE_HERE_MS)
		return;
	lv->here_ms = lv->now_ms;
	if (!lv->lost)
		link_send(lv->link, "here", NULL);
}

static bool
is_too_small(const struct live *lv)
{
	int rows, cols;

	screen_size(lv->screen, &rows, &cols);
	return rows < LIVE_ROWS_MIN || cols < LIVE_COLS_MIN;
}

static void
take_key(struct live *lv, const struct screen_event *ev)
{
	lv->dirty = true;
	if (ev->key == SCREEN_KEY_RESIZE)
		return;
	if (lv->farewell_ms >= 0) {
		lv->done = true;
		return;
	}
	say_here(lv);
	if (is_too_small(lv))
		return;
	if (secret_ask_key(lv, ev))
		return;
	if (lv->help) {
		lv->help = false;
		return;
	}
	if (lv->pane != PANE_NONE) {
		live_pane_key(lv, ev);
		return;
	}
	if (lv->lost && lv->ask == ASK_NONE && ev->key == SCREEN_KEY_ENTER &&
	    editor_is_empty(lv->editor)) {
		reconnect(lv);
		return;
	}
	lv->view->key(lv, ev);
}

static int
tick_ms(const struct live *lv)
{
	return is_calm(lv) && model_set(lv->model) == NULL ? LIVE_IDLE_TICK_MS : LIVE_TICK_MS;
}

/* Lines that stream in draw ten times a second, whatever their number. */
static bool
is_drawn_now(const struct live *lv)
{
	int64_t since = lv->now_ms - lv->drawn_ms;

	return lv->dirty || (lv->stale && since >= LIVE_FRAME_MS) || since >= tick_ms(lv) ||
	    (lv->wake_ms >= 0 && lv->now_ms >= lv->wake_ms);
}

bool
live_round(struct live *lv, int64_t now_ms, int64_t wall_us)
{
	struct screen_event ev;

	lv->now_ms = now_ms;
	lv->wall_us = wall_us;
	if (!lv->lost)
		take_lines(lv);
	if (!lv->lost && link_is_lost(lv->link))
		note_loss(lv);
	check_end(lv);
	secret_ask_check(lv);
	if (lv->retry_ms >= 0 && now_ms >= lv->retry_ms)
		reconnect(lv);
	while (!lv->done && screen_next(lv->screen, now_ms, &ev))
		take_key(lv, &ev);
	secret_wipe(&ev, sizeof ev);
	if (is_drawn_now(lv)) {
		lv->wake_ms = -1;
		live_draw(lv);
		screen_flush(lv->screen);
		lv->drawn_ms = now_ms;
		lv->dirty = lv->stale = false;
	}
	return !lv->done;
}

int
live_wait(const struct live *lv, int64_t now_ms)
{
	int64_t wait = (lv->stale ? LIVE_FRAME_MS : tick_ms(lv)) - (now_ms - lv->drawn_ms);
	int key = screen_wait(lv->screen, now_ms);

	if (key >= 0 && key < wait)
		wait = key;
	if (lv->retry_ms >= 0 && lv->retry_ms - now_ms < wait)
		wait = lv->retry_ms - now_ms;
	if (lv->wake_ms >= 0 && lv->wake_ms - now_ms < wait)
		wait = lv->wake_ms - now_ms;
	return wait < 0 ? 0 : (int)wait;
}

void
live_loop(struct live *lv)
{
	while (live_round(lv, clock_mono_ms(), clock_wall_us())) {
		struct pollfd p[3] = {
			{ .fd = STDIN_FILENO, .events = POLLIN },
			{ .fd = screen_winch_fd(lv->screen), .events = POLLIN },
			{ .fd = lv->lost ? -1 : link_fd(lv->link), .events = link_events(lv->link) },
		};

		poll(p, 3, live_wait(lv, clock_mono_ms()));
		if ((p[0].revents != 0 || p[1].revents != 0) && !screen_fill(lv->screen))
			break;
	}
}
