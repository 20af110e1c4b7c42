/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "replay_priv.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "twokey/base/clock.h"
#include "twokey/base/err.h"
#include "twokey/base/must.h"

enum { SLICE_MS = 30, FIRST_EVENTS = 200, TICK_EVENTS = 500 };

struct replay *
replay_open(const char *path, struct screen *s, struct err *e)
{
	struct tape *t = tape_open(path, e);
	struct replay *r;

	if (t == NULL)
		return NULL;
	(void)tape_read(t, FIRST_EVENTS, SLICE_MS);
	(void)tape_read(t, 1, -1);
	if (tape_events(t) == 0) {
		tape_close(t);
		err_set(e, ERR_INVALID, "%s holds no event of a transcript; give a file that a broker wrote", path);
		return NULL;
	}
	r = must_zalloc(sizeof *r);
	r->path = must_strdup(path);
	r->screen = s;
	r->tape = t;
	r->log = log_view_create();
	r->sheet = sheet_view_create();
	log_view_ruled(r->log);
	sheet_view_utc(r->sheet);
	r->at = 1;
	r->idle_cut = true;
	r->expanded = LOG_EXPANDED_AUTO;
	return r;
}

void
replay_close(struct replay *r)
{
	if (r == NULL)
		return;
	sheet_view_free(r->sheet);
	log_view_free(r->log);
	tape_close(r->tape);
	free(r->path);
	free(r);
}

static void
play(struct replay *r, int64_t now_ms)
{
	if (!r->playing && replay_is_end(r)) {
		snprintf(r->notice, sizeof r->notice, "this is the end; g goes back to the beginning");
		return;
	}
	r->playing = !r->playing;
	(void)tape_read(r->tape, r->at + 1, -1);
	r->due_ms = now_ms + replay_gap(r, r->at);
}

static void
set_speed(struct replay *r, int speed, int64_t now_ms)
{
	if (speed < -REPLAY_SPEED_MAX || speed > REPLAY_SPEED_MAX)
		return;
	r->speed = speed;
	r->due_ms = now_ms + replay_gap(r, r->at);
}

static void
scroll(struct replay *r, long lines)
{
	/* overlays count from their top, the log from its end */
	long by = r->over == REPLAY_LOG ? -lines : lines;

	if (by < 0 && (size_t)-by > r->up)
		r->up = 0;
	else
		r->up += (size_t)by;
}

static void
toggle(struct replay *r, enum replay_over o)
{
	r->over = r->over == o ? REPLAY_LOG : o;
	r->up = 0;
}

static void
open_sheet(struct replay *r)
{
	const struct model_entry *e = replay_entry(r);

	if (e != NULL && e->kind == MODEL_WRITE)
		toggle(r, REPLAY_SHEET);
	else
		snprintf(r->notice, sizeof r->notice, "only a request has a sheet; ] goes to the next one");
}

static void
ask(struct replay *r, enum replay_ask what)
{
	r->ask = what;
	r->typed[0] = '\0';
	r->playing = false;
}

static void
answer(struct replay *r, int64_t now_ms)
{
	enum replay_ask what = r->ask;

	r->ask = REPLAY_NOT;
	if (r->typed[0] == '\0')
		return;
	if (what == REPLAY_TIME) {
		replay_go_time(r, r->typed, now_ms);
		return;
	}
	memcpy(r->find, r->typed, sizeof r->find);
	replay_search(r, false, now_ms);
}

static void
typed_key(struct replay *r, const struct screen_event *ev, int64_t now_ms)
{
	size_t n = strlen(r->typed);

	if (ev->key == SCREEN_KEY_ENTER) {
		answer(r, now_ms);
	} else if (ev->key == SCREEN_KEY_ESCAPE || (ev->key == SCREEN_KEY_CTRL && ev->utf8[0] == 'c')) {
		r->ask = REPLAY_NOT;
	} else if (ev->key == SCREEN_KEY_BACKSPACE) {
		while (n > 0 && ((unsigned char)r->typed[n - 1] & 0xc0) == 0x80)
			n--;
		r->typed[n > 0 ? n - 1 : 0] = '\0';
	} else if (ev->key == SCREEN_KEY_TEXT && n + strlen(ev->utf8) < sizeof r->typed &&
	    n < REPLAY_TYPED_MAX) {
		memcpy(r->typed + n, ev->utf8, strlen(ev->utf8) + 1);
	}
}

/* Keys that move or change how it plays. */
static bool
move_key(struct replay *r, char c, int64_t now_ms)
{
	if (c == ' ')
		play(r, now_ms);
	else if (c == '.')
		replay_go(r, r->at + 1, now_ms);
	else if (c == ',')
		replay_go(r, r->at - 1, now_ms);
	else if (c == ']' || c == '[')
		replay_go_entry(r, c == '[', true, now_ms);
	else if (c == '}' || c == '{')
		replay_go_entry(r, c == '{', false, now_ms);
	else if (c == 'g')
		replay_go(r, 1, now_ms);
	else if (c == 'G')
		replay_go(r, UINT64_MAX, now_ms);
	else if (c == '>' || c == '<')
		set_speed(r, r->speed + (c == '>' ? 1 : -1), now_ms);
	else if (c == 'n' || c == 'N')
		replay_search(r, c == 'N', now_ms);
	else
		return false;
	if (strchr(".,][}{nN", c) != NULL)
		r->playing = false;
	return true;
}

static void
text_key(struct replay *r, char c, int64_t now_ms)
{
	if (move_key(r, c, now_ms))
		return;
	if (c == 'i') {
		r->idle_cut = !r->idle_cut;
		set_speed(r, r->speed, now_ms);
	} else if (c == '/') {
		ask(r, REPLAY_SEARCH);
	} else if (c == 't') {
		ask(r, REPLAY_TIME);
	} else if (c == 'f') {
		r->filter = (r->filter + 1) % REPLAY_FILTERS;
	} else if (c == 'v') {
		toggle(r, REPLAY_VERDICT);
	} else if (c == '?' || c == 'h') {
		toggle(r, REPLAY_HELP);
	} else if (c == 's') {
		open_sheet(r);
	} else if (c == 'x') {
		r->expanded = (r->expanded + 1) % (LOG_EXPANDED_AUTO + 1);
	} else if (c == 'q') {
		if (r->over == REPLAY_LOG)
			r->done = true;
		else
			toggle(r, r->over);
	} else {
		snprintf(r->notice, sizeof r->notice, "? shows the keys");
	}
}

static void
other_key(struct replay *r, const struct screen_event *ev, int64_t now_ms)
{
	int rows, cols;

	screen_size(r->screen, &rows, &cols);
	if (ev->key == SCREEN_KEY_HOME)
		replay_go(r, 1, now_ms);
	else if (ev->key == SCREEN_KEY_END)
		replay_go(r, UINT64_MAX, now_ms);
	else if (ev->key == SCREEN_KEY_BACKSPACE)
		set_speed(r, 0, now_ms);
	else if (ev->key == SCREEN_KEY_UP || ev->key == SCREEN_KEY_DOWN)
		scroll(r, ev->key == SCREEN_KEY_UP ? -1 : 1);
	else if (ev->key == SCREEN_KEY_PGUP || ev->key == SCREEN_KEY_PGDN)
		scroll(r, (ev->key == SCREEN_KEY_PGUP ? -1 : 1) * (rows / 2));
	else if (ev->key == SCREEN_KEY_LEFT || ev->key == SCREEN_KEY_RIGHT)
		replay_go_seconds(r, ev->key == SCREEN_KEY_LEFT ? -5 : 5, now_ms);
	else if (ev->key == SCREEN_KEY_SHIFT_LEFT || ev->key == SCREEN_KEY_SHIFT_RIGHT)
		replay_go_seconds(r, ev->key == SCREEN_KEY_SHIFT_LEFT ? -30 : 30, now_ms);
	else if (ev->key == SCREEN_KEY_F1)
		toggle(r, REPLAY_HELP);
	else if (ev->key == SCREEN_KEY_F3)
		ask(r, REPLAY_SEARCH);
	else if (ev->key == SCREEN_KEY_ENTER)
		open_sheet(r);
	else if (ev->key == SCREEN_KEY_ESCAPE && r->over != REPLAY_LOG)
		toggle(r, r->over);
	else if (ev->key == SCREEN_KEY_F10 || (ev->key == SCREEN_KEY_CTRL && ev->utf8[0] == 'c'))
		r->done = true;
	else if (ev->key == SCREEN_KEY_CTRL && ev->utf8[0] == 'l')
		screen_redraw(r->screen);
}

void
replay_key(struct replay *r, const struct screen_event *ev, int64_t now_ms)
{
	if (ev->key == SCREEN_KEY_NONE || ev->key == SCREEN_KEY_RESIZE)
		return;
	r->notice[0] = '\0';
	if (r->ask != REPLAY_NOT)
		typed_key(r, ev, now_ms);
	else if (ev->key == SCREEN_KEY_TEXT)
		text_key(r, ev->utf8[0], now_ms);
	else
		other_key(r, ev, now_ms);
}

void
replay_tick(struct replay *r, int64_t now_ms)
{
	struct err e;

	for (int i = 0; i < TICK_EVENTS && r->playing && now_ms >= r->due_ms; i++) {
		int64_t due = r->due_ms;

		replay_go(r, r->at + 1, now_ms);
		if (replay_is_end(r)) {
			r->playing = false;
			break;
		}
		(void)tape_read(r->tape, r->at + 1, -1);
		r->due_ms = due + replay_gap(r, r->at);
		if (replay_gap(r, r->at) > 0 && r->due_ms < now_ms)
			r->due_ms = now_ms;	/* a slow machine is late, it does not rush */
	}
	if (!r->drawn)
		return;		/* the first screen before anything that takes long */
	if (!tape_is_read(r->tape)) {
		(void)tape_read(r->tape, UINT64_MAX, SLICE_MS);
	} else if (!r->verified) {
		r->verified = true;
		if (transcript_verify_file(r->path, &r->report, &e) != 0) {
			r->report.verdict = TRANSCRIPT_BROKEN;
			snprintf(r->report.text, sizeof r->report.text, "not verified: %.300s", e.text);
		}
	}
}

int
replay_wait(const struct replay *r, int64_t now_ms)
{
	if (!r->verified)
		return 0;
	if (!r->playing)
		return -1;
	if (r->due_ms <= now_ms)
		return 0;
	return r->due_ms - now_ms < 1000 ? (int)(r->due_ms - now_ms) : 1000;
}

uint64_t
replay_at(const struct replay *r)
{
	return r->at;
}

bool
replay_is_done(const struct replay *r)
{
	return r->done;
}

/* The sooner of two waits, -1 being never. */
static int
sooner(int a, int b)
{
	return a < 0 ? b : b < 0 || a < b ? a : b;
}

static void
loop(struct replay *r, struct screen *s)
{
	bool alive = true;

	while (alive && !r->done) {
		struct pollfd p[2] = { { .fd = 0, .events = POLLIN }, { .fd = screen_winch_fd(s), .events = POLLIN } };
		int64_t now = clock_mono_ms();
		struct screen_event ev;

		while (!r->done && screen_next(s, now, &ev))
			replay_key(r, &ev, now);
		if (r->done)
			break;
		replay_tick(r, now);
		replay_draw(r);
		screen_flush(s);
		now = clock_mono_ms();
		(void)poll(p, 2, sooner(replay_wait(r, now), screen_wait(s, now)));
		alive = screen_fill(s);
	}
}

int
replay_run(const char *path, struct err *e)
{
	struct screen *s;
	struct replay *r;

	if (!isatty(0) || !isatty(1))
		return err_set(e, ERR_INVALID, "replay needs a terminal; without one, twokey show prints the transcript");
	r = replay_open(path, NULL, e);
	if (r == NULL)
		return e->code;
	s = screen_open(e);
	if (s != NULL) {
		r->screen = s;
		loop(r, s);
		screen_close(s);
	}
	replay_close(r);
	return s != NULL ? 0 : e->code;
}
