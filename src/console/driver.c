/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The driver's screen: SQL in, the log above, what waits in between. */
#include "config.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "twokey/base/err.h"
#include "twokey/base/json.h"
#include "twokey/base/must.h"
#include "twokey/base/text.h"
#include "twokey/sql/derive.h"
#include "twokey/sql/facts.h"

#include "coach.h"
#include "driver.h"
#include "editor.h"
#include "hold_draw.h"
#include "live.h"

enum { DAY_MIN = 24 * 60 };

void *
driver_create(struct live *lv)
{
	struct driver *d = must_zalloc(sizeof *d);

	buf_init(&d->sql, 1 << 20);
	d->set.engine = SQL_SQLITE;
	return d;
}

void
driver_free(void *own)
{
	struct driver *d = own;

	if (d == NULL)
		return;
	json_decref(d->held_fields);
	buf_fini(&d->sql);
	free(d);
}

static enum key_where
driver_where(const struct live *lv)
{
	return KEYS_DRIVER;
}

static void
driver_prompt(struct live *lv)
{
	const char *target = model_header(lv->model)->target;
	struct buf b;

	buf_init(&b, 512);
	text_safe(&b, target, strlen(target), TEXT_ONE_LINE);
	editor_mode(lv->editor, EDITOR_SQL, buf_len(&b) > 0 && buf_len(&b) < 30 ? buf_str(&b) : "sql");
	editor_transaction(lv->editor, model_set(lv->model) != NULL);
	buf_fini(&b);
}

/* What was refused for something in the way is no longer so once that is gone. */
static void
drop_stale(struct live *lv)
{
	const struct model_header *h = model_header(lv->model);
	unsigned stands = (h->paused ? 1 : 0) | (h->alone ? 2 : 0) | (model_held(lv->model) >= 0 ? 4 : 0) |
	    (driver_running(lv) != NULL ? 8 : 0);
	struct driver *d = lv->own;

	if (d->stands & ~stands)
		lv->notice[0] = '\0';
	d->stands = stands;
}

static void
driver_changed(struct live *lv)
{
	struct driver *d = lv->own;

	drop_stale(lv);
	sql_engine_parse(model_header(lv->model)->engine, &d->set.engine);
	editor_settings(lv->editor, &d->set);
	driver_names(lv);
	if (lv->ask == ASK_NONE)
		driver_prompt(lv);
}

void
driver_put_back(struct live *lv)
{
	struct driver *d = lv->own;

	buf_putc(&d->sql, ';');
	editor_put_first(lv->editor, buf_data(&d->sql), buf_len(&d->sql));
	buf_truncate(&d->sql, buf_len(&d->sql) - 1);
}

void
driver_send_sql(struct live *lv, const char *reason, size_t n)
{
	struct driver *d = lv->own;
	json_t *o = live_text("text", buf_data(&d->sql), buf_len(&d->sql));

	if (d->rows[0] != '\0')
		json_object_set_new(o, "rows", json_string(d->rows));
	if (d->costly)
		json_object_set_new(o, "costly", json_true());
	if (d->rehearse && d->facts.class == SQL_CLASS_WRITE) {
		json_object_set_new(o, "rehearsal", json_true());
		d->rehearse = false;
	}
	if (n > 0)
		json_set_bytes(o, "reason", reason, n);
	d->costly = false;
	if (!driver_send(lv, "sql", o))
		driver_put_back(lv);
}

bool
driver_is_busy(struct live *lv)
{
	struct driver *d = lv->own;

	if (d->held != NULL)
		live_notice(lv, SCREEN_WARN, "One waits already until the names for Tab are read; Ctrl-C takes it back.");
	else if (model_held(lv->model) >= 0)
		live_notice(lv, SCREEN_WARN, "A change is held and keeps the connection: nothing else runs until it is kept or taken back.");
	else if (driver_running(lv) != NULL || (d->sent && d->sent_on == lv->links))
		live_notice(lv, SCREEN_WARN, "A statement runs already; Ctrl-C stops it.");
	else
		return false;
	return true;
}

static void
remember(struct live *lv)
{
	struct driver *d = lv->own;
	struct buf b;

	if (d->facts.nsecrets > 0 || (d->facts.dangers & SQL_DANGER_BIT(SQL_DANGER_SECRET)))
		return;
	buf_init(&b, buf_len(&d->sql) + 2);
	buf_put(&b, buf_data(&d->sql), buf_len(&d->sql));
	buf_putc(&b, ';');
	editor_remember(lv->editor, buf_data(&b), buf_len(&b));
	buf_fini(&b);
}

/* Can what it would touch or add be counted by a read? */
static bool
is_countable(const struct driver *d)
{
	static const char *const keys[] = { "id" };	/* whatever it is: a join asks for one */
	static const struct sql_derive_want count = { .kind = SQL_DERIVE_COUNT, .keys = keys, .nkeys = 1 };
	struct buf select;
	struct err e;
	bool can;

	buf_init(&select, SIZE_MAX / 2);
	can = sql_derive(&d->set, buf_data(&d->sql), buf_len(&d->sql), &count, &select, &e) == 0;
	buf_fini(&select);
	return can;
}

static void
ask_rows(struct live *lv)
{
	live_asking(lv, ASK_ROWS, is_countable(lv->own) ? "rows you expect (= N, <= N; Enter: as many as are counted now)> "
	    : "rows you expect (= N, <= N)> ");
}

static void
on_statement(struct live *lv, const char *sql, size_t n)
{
	struct driver *d = lv->own;

	if (d->held != NULL) {
		char *whole = must_alloc(n + 1);

		(void)driver_is_busy(lv);
		memcpy(whole, sql, n);
		whole[n] = ';';
		editor_put_first(lv->editor, whole, n + 1);
		free(whole);
		return;
	}
	buf_reset(&d->sql);
	buf_put(&d->sql, sql, n);
	d->rows[0] = '\0';
	d->costly = d->commit = false;
	d->batch = !editor_is_empty(lv->editor);
	lv->notice[0] = '\0';
	if (lv->lost)
		live_notice(lv, SCREEN_BAD, "The link is lost: nothing was sent, the line is kept. "
		    "Ctrl-C and Enter connect again.");
	if (lv->lost || driver_is_busy(lv)) {
		driver_put_back(lv);
		return;
	}
	sql_classify(&d->facts, &d->set, sql, n);
	remember(lv);
	d->commit = driver_is_commit(lv);
	if (sql_is_definition(&d->facts))
		driver_ask_reason(lv);
	else if (d->facts.class == SQL_CLASS_WRITE)
		ask_rows(lv);
	else if (d->commit)
		driver_ask_reason(lv);
	else
		driver_send_sql(lv, "", 0);
}

/* "3", "=3", "<= 500" or nothing; normalised into out. */
static bool
parse_rows(const char *s, size_t n, char *out, size_t max)
{
	const char *op = "=";
	char digits[20];
	size_t len = 0;

	while (n > 0 && s[n - 1] == ' ')
		n--;
	while (n > 0 && *s == ' ')
		s++, n--;
	out[0] = '\0';
	if (n == 0)
		return true;
	if (n > 2 && memcmp(s, "<=", 2) == 0)
		op = "<=", s += 2, n -= 2;
	else if (*s == '=')
		s++, n--;
	while (n > 0 && *s == ' ')
		s++, n--;
	for (; n > 0 && *s >= '0' && *s <= '9' && len < 18; s++, n--)
		digits[len++] = *s;
	digits[len] = '\0';
	if (n > 0 || len == 0)
		return false;
	snprintf(out, max, "%s %s", op, digits);
	return true;
}

static void
on_rows(struct live *lv, const char *text, size_t n)
{
	struct driver *d = lv->own;

	if (!parse_rows(text, n, d->rows, sizeof d->rows)) {
		live_notice(lv, SCREEN_WARN, "Type = 3 for exactly three rows, <= 500 for at most 500%s.",
		    is_countable(d) ? ", or nothing" : "");
		ask_rows(lv);
		return;
	}
	if (d->rows[0] == '\0' && !is_countable(d)) {
		live_notice(lv, SCREEN_WARN, "Its rows cannot be counted before it runs: type = 1 for exactly one, "
		    "<= 500 for at most 500.");
		ask_rows(lv);
		return;
	}
	driver_ask_reason(lv);
}

static void
on_reason(struct live *lv, const char *text, size_t n)
{
	struct buf all;

	buf_init(&all, 1 << 16);
	if (driver_reason_ok(lv, text, n, &all))
		driver_send_sql(lv, n > 0 ? text : buf_data(&all), n > 0 ? n : buf_len(&all));
	buf_fini(&all);
}

static void
end_session(struct live *lv)
{
	if (lv->lost) {
		lv->done = true;
		return;
	}
	lv->leaving = live_send(lv, "end", NULL);
}

static void
on_quit_answer(struct live *lv, const char *text, size_t n)
{
	if (n == 3 && memcmp(text, "end", 3) == 0) {
		end_session(lv);
	} else if (n == 5 && memcmp(text, "leave", 5) == 0) {
		lv->leaving = true;
		live_send(lv, "leave", NULL);
		lv->done = true;
	} else {
		live_notice(lv, SCREEN_DIM, "The session goes on.");
	}
}

/* asked: by a key, which is easily pressed by accident: no single one ends anything. */
static void
quit(struct live *lv, bool asked)
{
	if (lv->lost)
		lv->done = true;
	else if (asked || model_waiting(lv->model, -1) >= 0 || driver_running(lv) != NULL || model_set(lv->model) != NULL)
		live_asking(lv, ASK_QUIT, model_held(lv->model) >= 0
		    ? "what is held would be taken back. end: end the session, leave: leave it> "
		    : model_waiting(lv->model, -1) >= 0
		    ? "a request waits and would be void. end: end the session, leave: leave it> "
		    : model_set(lv->model) != NULL
		    ? "collected changes would be dropped. end: end the session, leave: leave it> "
		    : "type end to end the session, leave to leave it open> ");
	else
		end_session(lv);
}

/* What was held is committed or taken back: the people have decided. */
static bool
is_answered(const struct model_entry *en)
{
	return en->hold.n > 0 && en->hold.answer != TRANSCRIPT_EVENT_HELD;
}

static void
cancel(struct live *lv)
{
	long waiting = model_waiting(lv->model, -1), held = model_held(lv->model), next;

	if (editor_interrupt(lv->editor) || driver_unhold(lv))
		return;
	if (model_running(lv->model) != NULL && is_answered(model_running(lv->model))) {
		live_notice(lv, SCREEN_WARN, "It is being committed or taken back: there is nothing to stop any more.");
	} else if (model_running(lv->model) != NULL) {
		if (live_send(lv, "cancel", NULL))
			live_notice(lv, SCREEN_WARN, "Asked the database to stop it.");
	} else if (waiting >= 0) {
		while ((next = model_waiting(lv->model, waiting)) >= 0)
			waiting = next;
		waiting = held >= 0 ? held : waiting;	/* its locks are held: that first */
		live_send(lv, "withdraw", live_of(model_entry(lv->model, (size_t)waiting)->n, NULL, NULL, 0));
	} else if (model_set(lv->model) != NULL) {
		live_notice(lv, SCREEN_DIM, "Nothing runs and nothing waits. The change set stays open: ROLLBACK drops it.");
	} else {
		live_notice(lv, SCREEN_DIM, "Nothing runs and nothing waits. \\q ends the session.");
	}
}

static void
reply(struct live *lv, const char *text, size_t n)
{
	long waiting = model_waiting(lv->model, -1);

	if (waiting < 0)
		live_notice(lv, SCREEN_WARN, "No request waits; F2 sends a message.");
	else if (n == 0)
		live_asking(lv, ASK_REPLY, "reply> ");
	else
		live_send(lv, "reply", live_of(model_entry(lv->model, (size_t)waiting)->n, "text", text, n));
}

static void
begin_rehearsal(struct live *lv)
{
	struct driver *d = lv->own;

	d->rehearse = !d->rehearse;
	live_notice(lv, SCREEN_WARN, d->rehearse ? "The next UPDATE or DELETE is a rehearsal: allowed, it runs and is taken back. "
	    "\\rehearse again: it is not." : "No rehearsal: the next change is meant.");
}

static bool
act(struct live *lv, enum key_action a, const char *rest, size_t n)
{
	if (live_action(lv, a, rest, n))
		return true;
	if (a == KEY_REPLY)
		reply(lv, rest, n);
	else if (a == KEY_DESCRIBE || a == KEY_TABLES || a == KEY_FUNCTIONS)
		driver_describe(lv, a, rest, n);
	else if (a == KEY_REHEARSE)
		begin_rehearsal(lv);
	else if (a == KEY_COSTLY)
		driver_costly(lv, rest, n);
	else if (a == KEY_CANCEL)
		cancel(lv);
	else if (a == KEY_QUIT)
		quit(lv, false);
	else
		return false;
	return true;
}

static void
on_answer_line(struct live *lv, const char *text, size_t n)
{
	enum live_ask ask = live_answered(lv, text, n);

	if (ask == ASK_ROWS)
		on_rows(lv, text, n);
	else if (ask == ASK_REASON)
		on_reason(lv, text, n);
	else if (ask == ASK_REPLY && n > 0)
		reply(lv, text, n);
	else if (ask == ASK_QUIT)
		on_quit_answer(lv, text, n);
}

static void
on_text(struct live *lv)
{
	size_t n;
	const char *text = editor_text(lv->editor, &n), *rest;
	char *copy;
	enum key_action a;

	while (n > 0 && *text == ' ')
		text++, n--;
	copy = must_strndup(text, n);
	if (lv->ask != ASK_NONE) {
		on_answer_line(lv, copy, n);
	} else if (n > 0 && copy[0] == '\\') {
		lv->notice[0] = '\0';
		a = key_of_word(copy, n, KEYS_DRIVER, &rest);
		if (a == KEY_NONE || !act(lv, a, rest, n - (size_t)(rest - copy)))
			live_unknown_word(lv, KEYS_DRIVER, copy, n);
	} else {
		on_statement(lv, copy, n);
	}
	free(copy);
}

static void
driver_key(struct live *lv, const struct screen_event *ev)
{
	bool interrupt = ev->key == SCREEN_KEY_CTRL && ev->utf8[0] == 'c';

	if (ev->key == SCREEN_KEY_PASTE) {
		size_t n;
		const char *text = screen_paste(lv->screen, &n);

		editor_paste(lv->editor, text, n);
		return;
	}
	if (interrupt && lv->ask == ASK_NONE) {
		cancel(lv);
		return;
	}
	if (live_common_key(lv, ev))
		return;
	if (ev->key == SCREEN_KEY_F10 || (ev->key == SCREEN_KEY_CTRL && ev->utf8[0] == 'd' && editor_is_empty(lv->editor))) {
		if (lv->ask == ASK_NONE)
			quit(lv, true);
		return;
	}
	if (lv->ask == ASK_NONE && !editor_is_busy(lv->editor) &&
	    act(lv, key_of_event(ev, KEYS_DRIVER), "", 0))
		return;
	if (editor_key(lv->editor, ev))
		on_text(lv);
}

static void
driver_answer(struct live *lv, const json_t *re)
{
	struct driver *d = lv->own;
	const char *what = json_str(re, "re", NULL);

	if (what != NULL && strcmp(what, "sql") == 0) {
		d->sent = false;
		/* refused and not recorded: it can be sent again with Enter */
		if (!json_bool(re, "ok") && json_int(re, "n", 0) == 0 && lv->ask == ASK_NONE &&
		    (editor_is_empty(lv->editor) || d->batch))
			driver_put_back(lv);
	}
	if (what != NULL && strcmp(what, "describe") == 0)
		driver_names_answered(lv, re);
	if (what != NULL && strcmp(what, "end") == 0 && !json_bool(re, "ok"))
		lv->leaving = false;
}

/* What the confirmer did with a request so far. */
static void
waiting_words(const struct live *lv, const struct model_entry *en, char *out, size_t max)
{
	const struct model_person *p = live_person(lv, "confirmer");

	if (en->state == TRANSCRIPT_EVENT_ASKED && en->ntalk > 0)
		snprintf(out, max, "%s asks (F5 replies): %s", en->talk[en->ntalk - 1].by,
		    en->talk[en->ntalk - 1].text);
	else if (model_turned_words(en, out, max))
		;
	else if (en->sheet == NULL)
		snprintf(out, max, "the sheet is being made");
	else if (p == NULL || !p->joined)
		snprintf(out, max, "nobody is here to allow it");
	else if (en->opened_us > 0)
		snprintf(out, max, "%s has it open", en->opened_by);
	else
		snprintf(out, max, "%s has not opened it yet", p->name);
}

/* One row for each request that waits, above row; returns how many. */
static int
draw_waiting(struct live *lv, int row)
{
	int used = 0;

	for (long i = -1; (i = model_waiting(lv->model, i)) >= 0 && used < 3; used++) {
		const struct model_entry *en = model_entry(lv->model, (size_t)i);
		char since[16], left[16], words[300];

		if (model_is_held(en)) {
			hold_driver_row(lv, en, words, sizeof words);
			live_put(lv, row - used, 1, 0, SCREEN_BAD, "%s", words);
			continue;
		}
		live_span((lv->wall_us - en->wall_us) / 1000000, since);
		live_span((en->until_us - lv->wall_us) / 1000000, left);
		waiting_words(lv, en, words, sizeof words);
		live_put(lv, row - used, 1, 0, SCREEN_WARN, "#%" PRIu64 " PENDING %s  lapses to DENIED in %s  %s",
		    en->n, since, left, words);
	}
	if (used > 0)
		live_put(lv, row - used, 1, 0, SCREEN_DIM, model_held(lv->model) >= 0
		    ? "Ctrl-C takes it back: it has run, and its locks are held." : model_header(lv->model)->paused
		    ? "Ctrl-C withdraws it; PAUSED: nothing runs." : "Ctrl-C withdraws it; reads go on.");
	return used > 0 ? used + 1 : 0;
}

static void
draw_rule(struct live *lv, int row)
{
	const struct model_header *h = model_header(lv->model);
	char left[80], right[160], until[16];
	int64_t left_min;
	time_t t = (time_t)(h->expires_us / 1000000);
	struct tm tm;

	driver_tx_words(lv, left, sizeof left);
	if (!lv->follow)
		snprintf(left, sizeof left, "SCROLLED BACK, End goes on");
	else if (driver_running(lv) != NULL)
		snprintf(left, sizeof left, "%s", is_answered(driver_running(lv)) ? "HELD, answered" : "RUNNING, ^C stops");
	else if (driver_is_naming(lv))
		snprintf(left, sizeof left, "reading names for Tab");
	snprintf(right, sizeof right, "reads %u  writes %u  denied %u", h->reads, h->writes, h->denied);
	if (h->expires_us > 0 && localtime_r(&t, &tm) != NULL) {
		size_t n = strlen(right);

		left_min = (h->expires_us - lv->wall_us) / 60000000;
		left_min = left_min > 0 ? left_min : 0;
		strftime(until, sizeof until, left_min < DAY_MIN ? "%H:%M" : "%Y-%m-%d", &tm);
		if (left_min < DAY_MIN)
			snprintf(right + n, sizeof right - n, "  access ends %s (%d:%02d)", until,
			    (int)(left_min / 60), (int)(left_min % 60));
		else
			snprintf(right + n, sizeof right - n, "  access ends %s", until);
	}
	live_draw_rule(lv, row, left, right);
}

static void
driver_draw(struct live *lv)
{
	char coach[200];
	int rule, top;

	live_draw_title(lv, NULL, SCREEN_PLAIN);
	rule = live_draw_foot(lv, KEYS_DRIVER, coach_driver(lv, coach, sizeof coach) ? coach : NULL);
	draw_rule(lv, rule);
	top = live_draw_above(lv, rule);
	top -= driver_draw_asked(lv, top - 1);
	top -= draw_waiting(lv, top - 1);
	top -= driver_draw_set(lv, top - 1);
	hold_wake(lv);
	live_draw_log(lv, 2, top);
}

const struct live_view live_driver = {
	driver_draw, driver_key, driver_answer, driver_changed, driver_prompt, driver_where
};
