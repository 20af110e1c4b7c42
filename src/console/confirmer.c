/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The screen of the second key and of the watcher: the log while nothing waits, the sheet once it is opened. A request
 * never takes the focus, and nothing but typed content agrees. */
#include "config.h"

#include "confirmer.h"

#include <stdlib.h>
#include <string.h>

#include "twokey/base/buf.h"
#include "twokey/base/json.h"
#include "twokey/base/must.h"
#include "twokey/transcript/answer.h"

#include "editor.h"
#include "sign.h"

void *
confirmer_create(struct live *lv)
{
	struct confirmer *c = must_zalloc(sizeof *c);

	c->sheet = sheet_view_create();
	return c;
}

void
confirmer_free(void *own)
{
	struct confirmer *c = own;

	if (c == NULL)
		return;
	sheet_view_free(c->sheet);
	free(c);
}

const struct model_entry *
confirmer_entry(const struct live *lv)
{
	const struct confirmer *c = lv->own;

	return c->open_n > 0 ? model_entry_of(lv->model, c->open_n) : NULL;
}

static enum key_where
confirmer_where(const struct live *lv)
{
	const struct confirmer *c = lv->own;
	const struct model_entry *en = confirmer_entry(lv);

	if (en != NULL && model_held(lv->model) < 0 && !confirmer_waits(lv, en))
		return KEYS_OVER;
	if (c->open_n > 0)
		return c->open_held > 0 || model_held(lv->model) >= 0 ? KEYS_HELD : KEYS_SHEET;
	return lv->seat.kind == SEAT_WATCHER ? KEYS_WATCHER : KEYS_WAITING;
}

static void
confirmer_prompt(struct live *lv)
{
	const struct confirmer *c = lv->own;

	editor_mode(lv->editor, EDITOR_ANSWER, c->open_n > 0 ? c->open_held > 0 ? "keep> " : "allow> " : "message (it never runs)> ");
	if (c->open_n > 0)
		editor_typed_only(lv->editor);
}

long
confirmer_ready(const struct live *lv, long i)
{
	while ((i = model_waiting(lv->model, i)) >= 0)
		if (model_entry(lv->model, (size_t)i)->sheet != NULL)
			return i;
	return -1;
}

long
confirmer_next(const struct live *lv)
{
	long held = model_held(lv->model);

	return held >= 0 ? held : confirmer_ready(lv, -1);
}

bool
confirmer_waits(const struct live *lv, const struct model_entry *en)
{
	const struct confirmer *c = lv->own;

	return model_is_waiting(en) && c->open_held == (model_is_held(en) ? en->hold.n : 0);
}

/* Opening throws away what was typed for another screen. */
static void
open_request(struct live *lv)
{
	struct confirmer *c = lv->own;
	const struct model_entry *en;
	long i = confirmer_next(lv);

	if (i < 0) {
		live_notice(lv, SCREEN_DIM, model_waiting(lv->model, -1) < 0 ? "No request waits."
		    : "Its sheet is being made: the database is asked what it would touch.");
		return;
	}
	screen_drop_input(lv->screen);
	en = model_entry(lv->model, (size_t)i);
	c->open_n = en->n;
	c->open_held = model_is_held(en) ? en->hold.n : 0;
	sheet_view_asked(c->sheet, c->open_held == 0);
	sheet_view_seat(c->sheet, lv->seat.kind == SEAT_CONFIRMER ? lv->seat.person : "");
	c->top = 0;
	c->heard = en->ntalk;
	c->told_open = c->heard_open = c->told_last = c->answered = c->signing = false;
	c->opened_ms = lv->now_ms;
	lv->notice[0] = '\0';
	live_asking(lv, ASK_NONE, NULL);
}

static void
close_sheet(struct live *lv)
{
	struct confirmer *c = lv->own;

	c->open_n = c->open_held = 0;
	screen_drop_input(lv->screen);
	lv->notice[0] = '\0';
	live_asking(lv, ASK_NONE, NULL);
}

/* The request that deny means: the open one, else the first that waits. */
static uint64_t
request_meant(const struct live *lv)
{
	const struct confirmer *c = lv->own;
	long held = model_held(lv->model), i = held >= 0 ? held : model_waiting(lv->model, -1);

	return c->open_n > 0 ? c->open_n : i >= 0 ? model_entry(lv->model, (size_t)i)->n : 0;
}

static void
deny(struct live *lv, const char *reason, size_t n)
{
	struct confirmer *c = lv->own;

	if (n > 0 && c->deny_n > 0)
		live_send(lv, "deny", live_of(c->deny_n, "reason", reason, n));
	else if (n > 0)
		live_notice(lv, SCREEN_DIM, "No request waits.");
	else
		live_notice(lv, SCREEN_WARN, "Not denied: the driver needs a reason. F7 asks for it again.");
}

static void
begin_deny(struct live *lv, const char *rest, size_t n)
{
	struct confirmer *c = lv->own;

	c->deny_n = request_meant(lv);
	if (c->deny_n == 0)
		live_notice(lv, SCREEN_DIM, "No request waits.");
	else if (n > 0)
		deny(lv, rest, n);
	else if (model_is_held(model_entry_of(lv->model, c->deny_n)))
		live_asking(lv, ASK_DENY, "why not kept (the driver reads it)> ");
	else
		live_asking(lv, ASK_DENY, "why not (the driver reads it)> ");
}

static void
question(struct live *lv, const char *text, size_t n)
{
	const struct confirmer *c = lv->own;

	if (n == 0)
		live_asking(lv, ASK_QUESTION, "your question (the clock is set anew)> ");
	else if (c->open_n > 0)
		live_send(lv, "ask", live_of(c->open_n, "text", text, n));
}

static void
on_stop_answer(struct live *lv, const char *text, size_t n)
{
	if (n == 4 && memcmp(text, "stop", 4) == 0)
		live_send(lv, "stop", live_text("reason", "stopped by the second person", 28));
	else
		live_notice(lv, SCREEN_DIM, "The session goes on; only the word stop ends it.");
}

static void
leave(struct live *lv)
{
	lv->leaving = true;
	if (!lv->lost)
		live_send(lv, "leave", NULL);
	lv->done = true;
}

static bool
is_open_held(const struct live *lv)
{
	const struct confirmer *c = lv->own;
	const struct model_entry *en = confirmer_entry(lv);

	return c->open_held > 0 && en != NULL && confirmer_waits(lv, en);
}

/* A word that ends something is typed as well. */
static void
asking_word(struct live *lv, enum live_ask ask, const char *prompt)
{
	live_asking(lv, ask, prompt);
	editor_typed_only(lv->editor);
}

/* By a key it is asked for: the others may have to wait for him, and what is held is taken back. */
static void
quit_by_key(struct live *lv)
{
	if (lv->lost || lv->seat.kind == SEAT_WATCHER)
		leave(lv);
	else
		asking_word(lv, ASK_QUIT, "type leave to leave this seat> ");
}

static bool
act(struct live *lv, enum key_action a, const char *rest, size_t n)
{
	if (live_action(lv, a, rest, n))
		return true;
	if (a == KEY_OPEN && is_open_held(lv))
		;	/* it is on the screen already: opened once more it would have to be waited for anew */
	else if (a == KEY_OPEN)
		open_request(lv);
	else if (a == KEY_BACK)
		close_sheet(lv);
	else if (a == KEY_DENY)
		begin_deny(lv, rest, n);
	else if (a == KEY_ASK)
		question(lv, rest, n);
	else if (a == KEY_STOP)
		asking_word(lv, ASK_STOP, "type stop to end the session now> ");
	else if (a == KEY_PAUSE)
		live_send(lv, "pause", NULL);
	else if (a == KEY_RESUME)
		live_send(lv, "resume", NULL);
	else if (a == KEY_QUIT)
		leave(lv);
	else
		return false;
	return true;
}

static void
on_answer_line(struct live *lv, const char *text, size_t n)
{
	enum live_ask ask = live_answered(lv, text, n);

	if (ask == ASK_DENY)
		deny(lv, text, n);
	else if (ask == ASK_QUESTION && n > 0)
		question(lv, text, n);
	else if (ask == ASK_STOP)
		on_stop_answer(lv, text, n);
	else if (ask == ASK_QUIT && n == 5 && memcmp(text, "leave", 5) == 0)
		leave(lv);
}

static json_t *
answer_fields(const struct model_entry *en, const char *typed, size_t n)
{
	json_t *o = live_of(en->n, "typed", typed, n);

	json_object_set_new(o, "digest", json_string(en->digest));
	json_object_set_new(o, "bind", json_string(model_is_held(en) ? en->hold.bind : en->bind));
	return o;
}

/* The second key. The broker checks everything again. */
static void
allow(struct live *lv, const char *typed, size_t n)
{
	struct confirmer *c = lv->own;
	const struct model_entry *en = confirmer_entry(lv);

	if (n == 0)
		return;		/* Enter alone agrees to nothing */
	if (en == NULL || !confirmer_may_type(lv, en)) {
		live_notice(lv, SCREEN_WARN, "Not sent: it cannot be allowed now.");
		return;
	}
	lv->notice[0] = '\0';
	if (!sign_wanted(lv->model, lv->seat.person)) {
		c->answered = live_send(lv, "allow", answer_fields(en, typed, n));
		return;
	}
	if (n >= sizeof c->typed) {
		live_notice(lv, SCREEN_WARN, "Not sent: that is longer than anything that allows.");
		return;
	}
	memcpy(c->typed, typed, n);
	c->typed[n] = '\0';
	c->sign_n = 0;
	c->answered = c->signing = live_send(lv, "signing", answer_fields(en, typed, n));
}

/* The broker has recorded that it is being signed, and that line is here: the person signs now. */
static void
sign_when_ready(struct live *lv)
{
	struct confirmer *c = lv->own;
	const struct model_entry *en = confirmer_entry(lv);
	struct buf text, signature;
	char why[400] = "an event is missing here; open the request again";

	if (!c->signing || c->sign_n == 0 || en == NULL || en->signing.n < c->sign_n)
		return;
	c->signing = false;
	buf_init(&text, TRANSCRIPT_ANSWER_MAX);
	buf_init(&signature, TRANSCRIPT_SIGNATURE_MAX);
	if (en->signing.n == c->sign_n && sign_text(lv->model, en, lv->seat.person, c->typed, &text) &&
	    lv->sign(lv, buf_data(&text), buf_len(&text), &signature, why, sizeof why)) {
		json_t *o = answer_fields(en, c->typed, strlen(c->typed));

		json_set_bytes(o, "text", buf_data(&text), buf_len(&text));
		json_set_bytes(o, "signature", buf_data(&signature), buf_len(&signature));
		c->answered = live_send(lv, "allow", o);
	} else {
		c->answered = false;
		live_notice(lv, SCREEN_WARN, "Not signed, so nothing was allowed: %s. The request still waits.", why);
	}
	buf_fini(&text);
	buf_fini(&signature);
	lv->dirty = true;
}

static void
on_text(struct live *lv)
{
	const struct confirmer *c = lv->own;
	enum key_where where = confirmer_where(lv);
	enum key_action a;
	const char *rest, *text;
	char *copy;
	size_t n;

	text = editor_text(lv->editor, &n);
	while (n > 0 && *text == ' ')
		text++, n--;
	copy = must_strndup(text, n);
	if (lv->ask != ASK_NONE) {
		on_answer_line(lv, copy, n);
	} else if (n > 0 && copy[0] == '\\') {
		lv->notice[0] = '\0';
		a = key_of_word(copy, n, where, &rest);
		if (a == KEY_NONE || !act(lv, a, rest, n - (size_t)(rest - copy)))
			live_unknown_word(lv, where, copy, n);
	} else if (c->open_n > 0 && lv->seat.kind == SEAT_CONFIRMER) {
		allow(lv, copy, n);
	} else if (c->open_n == 0 && n > 0) {
		live_send(lv, "say", live_text("text", copy, n));
	}
	free(copy);
}

static void
on_paste(struct live *lv)
{
	const struct confirmer *c = lv->own;
	size_t n;
	const char *text = screen_paste(lv->screen, &n);

	if ((c->open_n > 0 && lv->ask == ASK_NONE) || lv->ask == ASK_STOP)
		live_notice(lv, SCREEN_WARN, "A paste is not taken here: what agrees has to be typed.");
	else
		editor_paste(lv->editor, text, n);
}

/* PgUp and PgDn, Up and Down in the sheet. */
static bool
scroll_sheet(struct live *lv, enum screen_key key)
{
	struct confirmer *c = lv->own;
	size_t page = c->height > 2 ? (size_t)c->height - 1 : 1;

	if (c->open_n == 0)
		return false;
	if (key == SCREEN_KEY_PGDN)
		c->top += page;		/* drawing goes no further than the end */
	else if (key == SCREEN_KEY_PGUP)
		c->top = c->top > page ? c->top - page : 0;
	else if (key == SCREEN_KEY_DOWN)
		c->top++;
	else if (key == SCREEN_KEY_UP)
		c->top = c->top > 0 ? c->top - 1 : 0;
	else
		return false;
	return true;
}

/* Keys that change the line are not taken before the content may be typed. */
static bool
is_too_early(struct live *lv, const struct screen_event *ev)
{
	const struct confirmer *c = lv->own;
	const struct model_entry *en = confirmer_entry(lv);

	if (c->open_n == 0 || lv->ask != ASK_NONE || en == NULL || ev->key == SCREEN_KEY_BACKSPACE)
		return false;
	if (ev->key == SCREEN_KEY_TEXT && ev->utf8[0] == '\\' && editor_is_empty(lv->editor))
		return false;	/* a \word */
	return editor_is_empty(lv->editor) && !confirmer_may_type(lv, en);
}

static void
confirmer_key(struct live *lv, const struct screen_event *ev)
{
	if (ev->key == SCREEN_KEY_PASTE) {
		on_paste(lv);
		return;
	}
	if (live_common_key(lv, ev))
		return;
	if (ev->key == SCREEN_KEY_F10 && lv->ask == ASK_NONE) {
		quit_by_key(lv);
		return;
	}
	if (lv->ask == ASK_NONE && !editor_is_busy(lv->editor)) {
		if (scroll_sheet(lv, ev->key) || act(lv, key_of_event(ev, confirmer_where(lv)), "", 0))
			return;
		if (ev->key == SCREEN_KEY_CTRL && ev->utf8[0] == 'c') {
			editor_interrupt(lv->editor);
			return;
		}
	}
	if (ev->key == SCREEN_KEY_CTRL && (ev->utf8[0] == 'r' || ev->utf8[0] == 's' ||
	    (ev->utf8[0] == 'd' && editor_is_empty(lv->editor))))
		return;		/* no history of answers, and no end by accident */
	if (is_too_early(lv, ev))
		return;
	if (editor_key(lv->editor, ev))
		on_text(lv);
}

static void
confirmer_answer(struct live *lv, const json_t *re)
{
	struct confirmer *c = lv->own;
	const char *what = json_str(re, "re", NULL);

	if (what != NULL && strcmp(what, "opened") == 0 && json_bool(re, "ok") && !c->heard_open) {
		c->heard_open = true;
		c->opened_ms = lv->now_ms;	/* the broker's clock runs since it was told, not since it was sent */
	}
	if (what == NULL || (strcmp(what, "allow") != 0 && strcmp(what, "signing") != 0))
		return;
	if (!json_bool(re, "ok")) {
		c->answered = c->signing = false;
	} else if (strcmp(what, "signing") == 0) {
		c->sign_n = (uint64_t)json_int(re, "n", 0);
		sign_when_ready(lv);
	}
}

/* A question about the sheet on the screen, or its answer, stands far below: it is told. */
static void
tell_talk(struct live *lv)
{
	struct confirmer *c = lv->own;
	const struct model_entry *en = confirmer_entry(lv);

	if (en == NULL || en->ntalk <= c->heard || !confirmer_waits(lv, en))
		return;
	c->heard = en->ntalk;
	if (en->state == TRANSCRIPT_EVENT_ASKED)
		live_notice(lv, SCREEN_DIM, "%s is asked; the answer is told here. The clock was set anew.", en->by);
	else
		live_notice(lv, SCREEN_WARN, "%s answers: %s", en->talk[en->ntalk - 1].by,
		    en->talk[en->ntalk - 1].text != NULL ? en->talk[en->ntalk - 1].text : "(not in this copy)");
}

/* One bell for each request and for each that is held, nothing else moves. */
static void
confirmer_changed(struct live *lv)
{
	long held = model_held(lv->model);

	if (held >= 0 && model_entry(lv->model, (size_t)held)->hold.n > lv->bell_held) {
		lv->bell_held = model_entry(lv->model, (size_t)held)->hold.n;
		screen_bell(lv->screen);
		lv->notice[0] = '\0';
	}
	for (long i = -1; (i = confirmer_ready(lv, i)) >= 0;) {
		const struct model_entry *en = model_entry(lv->model, (size_t)i);

		if (en->n <= lv->bell_n)
			continue;
		lv->bell_n = en->n;
		screen_bell(lv->screen);
		if (confirmer_entry(lv) == NULL)
			lv->notice[0] = '\0';	/* what it said may no longer be so */
	}
	tell_talk(lv);
	sign_when_ready(lv);
}

const struct live_view live_confirmer = {
	confirmer_draw, confirmer_key, confirmer_answer, confirmer_changed, confirmer_prompt, confirmer_where
};
