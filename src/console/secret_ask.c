/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A secret is asked from this person: typed without echo, sealed here for the process that asked, then wiped. It goes
 * past the line editor, so that neither history nor kill ring ever has it. */
#include "config.h"

#include <string.h>

#include "twokey/base/buf.h"
#include "twokey/base/err.h"
#include "twokey/base/json.h"
#include "twokey/base/secret.h"
#include "twokey/base/text.h"

#include "editor.h"
#include "live.h"

enum { NAME_COLS = 60 };

static void
wipe(struct secret_ask *a)
{
	secret_wipe(a->text, sizeof a->text);
	a->len = 0;
	a->declining = false;
}

static void
note_answered(struct secret_ask *a, uint64_t n)
{
	a->answered[a->turn++ % MODEL_WANTED_MAX] = n;
}

static bool
was_answered(const struct secret_ask *a, uint64_t n)
{
	for (size_t i = 0; i < MODEL_WANTED_MAX; i++)
		if (a->answered[i] == n)
			return true;
	return false;
}

/* The first that is asked from this person and was not answered here. */
static const struct model_wanted *
asked_from_me(const struct live *lv)
{
	const struct model_header *h = model_header(lv->model);

	for (size_t i = 0; i < h->nwanted && !lv->lost; i++)
		if (strcmp(h->wanted[i].by, lv->seat.person) == 0 && !was_answered(&lv->secret, h->wanted[i].n))
			return &h->wanted[i];
	return NULL;
}

/* "password of support (only the broker's database process can open it): " */
static void
ask_for(struct live *lv, const struct model_wanted *w)
{
	const struct model_entry *e = model_entry_of(lv->model, w->n);
	bool tunnel = e != NULL && e->state == TRANSCRIPT_EVENT_LOCKED;
	struct buf prompt, name;

	buf_init(&prompt, 4096);
	buf_init(&name, 4096);
	text_safe(&prompt, w->what, strlen(w->what), TEXT_ONE_LINE);
	text_safe(&name, w->of, strlen(w->of), TEXT_ONE_LINE);
	buf_puts(&prompt, tunnel ? " of the key for " : " of ");
	buf_put(&prompt, buf_data(&name), text_fit(buf_data(&name), buf_len(&name), NAME_COLS));
	buf_putf(&prompt, " (only the broker's %s process can open it): ", tunnel ? "tunnel" : "database");
	live_asking(lv, ASK_SECRET, buf_str(&prompt));
	buf_fini(&prompt);
	buf_fini(&name);
}

static void
open_prompt(struct live *lv, const struct model_wanted *w)
{
	struct secret_ask *a = &lv->secret;

	screen_drop_input(lv->screen);	/* what was typed for another screen is no password */
	wipe(a);
	a->n = w->n;
	lv->help = false;
	lv->pane = PANE_NONE;
	ask_for(lv, w);
	live_notice(lv, SCREEN_WARN, "What you type is not shown, not recorded and not kept. Enter gives it; Esc, twice, "
	    "declines, and the session ends.");
	screen_bell(lv->screen);
}

static void
close_prompt(struct live *lv)
{
	wipe(&lv->secret);
	lv->secret.n = 0;
	screen_drop_input(lv->screen);
	live_asking(lv, ASK_NONE, NULL);
	lv->notice[0] = '\0';
}

void
secret_ask_check(struct live *lv)
{
	const struct model_wanted *w = asked_from_me(lv);
	struct secret_ask *a = &lv->secret;

	if (a->n != 0 && (w == NULL || a->n != w->n))
		close_prompt(lv);
	if (w == NULL || a->n != 0)
		return;
	/* a prompt never opens under what a person is typing */
	if (lv->ask == ASK_NONE && editor_is_empty(lv->editor)) {
		open_prompt(lv, w);
	} else if (a->told != w->n) {
		a->told = w->n;
		live_notice(lv, SCREEN_WARN, "The %s of %s is asked from you: send or drop this line first.", w->what, w->of);
	}
}

/* Sealed for the key pair of the process that asks, for this event only. */
static int
seal(struct live *lv, struct buf *box, struct err *e)
{
	const struct secret_ask *a = &lv->secret;
	const struct model_entry *en = model_entry_of(lv->model, a->n);
	const char *key, *what;
	struct buf context;
	size_t n = 0;
	int ret;

	key = en != NULL ? json_str(en->event, "box", &n) : NULL;
	what = en != NULL ? json_str(en->event, "what", NULL) : NULL;
	if (key == NULL || what == NULL)
		return err_set(e, ERR_INVALID, "the broker did not say for which key it is to be sealed");
	buf_init(&context, 4096);
	sealed_context(&context, model_header(lv->model)->session, a->n, what);
	ret = sealed_seal(key, n, buf_data(&context), buf_len(&context), a->text, a->len, box, e);
	buf_fini(&context);
	return ret;
}

static void
send_box(struct live *lv, const char *box)
{
	json_t *o = live_of(lv->secret.n, "sealed", box, strlen(box));
	uint64_t n = lv->secret.n;

	if (!live_send(lv, "secret", o)) {
		wipe(&lv->secret);
		return;
	}
	note_answered(&lv->secret, n);
	close_prompt(lv);
}

static void
give(struct live *lv)
{
	struct buf box;
	struct err e;

	if (lv->secret.len == 0) {
		live_notice(lv, SCREEN_WARN, "Nothing was typed. Enter gives it; Esc declines, and the session ends.");
		return;
	}
	buf_init(&box, SEALED_BOX_MAX);
	if (seal(lv, &box, &e) != 0) {
		wipe(&lv->secret);
		live_notice(lv, SCREEN_BAD, "Not sent: %s", e.text);
	} else {
		send_box(lv, buf_str(&box));
	}
	buf_fini(&box);
}

static void
add(struct live *lv, const char *s, size_t n)
{
	struct secret_ask *a = &lv->secret;

	if (n > sizeof a->text - a->len) {
		wipe(a);
		live_notice(lv, SCREEN_BAD, "That is over %d bytes; type it anew.", SEALED_TEXT_MAX);
		return;
	}
	memcpy(a->text + a->len, s, n);
	a->len += n;
}

/* The line end that comes with a copied password is none of it; one inside is not taken. */
static void
paste(struct live *lv)
{
	size_t n;
	const char *s = screen_paste(lv->screen, &n);

	while (n > 0 && (s[n - 1] == '\n' || s[n - 1] == '\r'))
		n--;
	if (memchr(s, '\n', n) != NULL || memchr(s, '\r', n) != NULL)
		live_notice(lv, SCREEN_WARN, "That paste has several lines; it was not taken.");
	else
		add(lv, s, n);
}

static void
drop_last(struct secret_ask *a)
{
	while (a->len > 0 && ((unsigned char)a->text[a->len - 1] & 0xc0) == 0x80)
		a->text[--a->len] = '\0';
	if (a->len > 0)
		a->text[--a->len] = '\0';
}

/* No single key ends a session: Esc says what it does, the next Esc does it. */
static void
decline(struct live *lv)
{
	if (lv->secret.declining) {
		send_box(lv, "");
		return;
	}
	wipe(&lv->secret);
	lv->secret.declining = true;
	live_notice(lv, SCREEN_WARN, "Esc again declines and ends the session; any other key goes on.");
}

bool
secret_ask_key(struct live *lv, const struct screen_event *ev)
{
	struct secret_ask *a = &lv->secret;
	bool cancel = ev->key == SCREEN_KEY_ESCAPE || (ev->key == SCREEN_KEY_CTRL && ev->utf8[0] == 'c');

	if (a->n == 0)
		return false;
	if (cancel) {
		decline(lv);
		return true;
	}
	if (ev->key == SCREEN_KEY_F10) {	/* who leaves declines nothing */
		note_answered(a, a->n);
		close_prompt(lv);
		return false;
	}
	if (a->declining)
		live_notice(lv, SCREEN_DIM, "Not declined.");
	a->declining = false;
	if (ev->key == SCREEN_KEY_ENTER)
		give(lv);
	else if (ev->key == SCREEN_KEY_TEXT)
		add(lv, ev->utf8, strlen(ev->utf8));
	else if (ev->key == SCREEN_KEY_PASTE)
		paste(lv);
	else if (ev->key == SCREEN_KEY_BACKSPACE)
		drop_last(a);
	else if (ev->key == SCREEN_KEY_CTRL && ev->utf8[0] == 'u')
		wipe(a);
	else if (ev->key == SCREEN_KEY_CTRL && ev->utf8[0] == 'l')
		screen_redraw(lv->screen);
	return true;
}

void
secret_ask_answered(struct live *lv, bool ok)
{
	if (!ok)
		secret_ask_again(lv);	/* what is still asked opens its prompt again */
}

void
secret_ask_again(struct live *lv)
{
	memset(lv->secret.answered, 0, sizeof lv->secret.answered);
	lv->secret.told = 0;
}
