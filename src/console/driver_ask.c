/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the driver asks beside statements: definitions, the names for Tab, the second key for a costly read. */
#include "config.h"

#include "driver.h"

#include <string.h>

#include "twokey/base/json.h"
#include "twokey/base/text.h"

enum { ASKED_ROWS = 4 };

static bool
is_names(const struct model_entry *e)
{
	return e->kind == MODEL_DESCRIBE && strcmp(e->verb, "names") == 0;
}

const struct model_entry *
driver_running(const struct live *lv)
{
	const struct model_entry *e = model_running(lv->model);

	return e != NULL && !is_names(e) ? e : NULL;
}

bool
driver_is_naming(const struct live *lv)
{
	const struct driver *d = lv->own;
	const struct model_entry *e = model_running(lv->model);

	return (d->naming && d->naming_on == lv->links) || (e != NULL && is_names(e));
}

/* The answer has come when its event has ended. */
static void
settle_names(struct live *lv)
{
	struct driver *d = lv->own;
	const struct model_entry *e = d->naming_n != 0 ? model_entry_of(lv->model, d->naming_n) : NULL;

	if (d->naming && (d->naming_on != lv->links || model_header(lv->model)->ended || (e != NULL && e->end != NULL)))
		d->naming = false;
}

/* Another driver's console, or an earlier one of this person, may have asked already: the names came with the events. */
static bool
has_names(const struct live *lv)
{
	for (size_t i = 0; i < model_entries(lv->model); i++)
		if (is_names(model_entry(lv->model, i)))
			return true;
	return false;
}

static void
ask_names(struct live *lv)
{
	const struct model_header *h = model_header(lv->model);
	struct driver *d = lv->own;
	json_t *o;

	if (d->names_asked || lv->lost || !h->connected || !h->account_ok || h->paused || h->ended ||
	    model_running(lv->model) != NULL || d->sent)
		return;
	d->names_asked = true;
	if (has_names(lv))
		return;
	o = live_text("subject", "names", 5);
	d->naming = live_send(lv, "describe", o);
	d->naming_on = lv->links;
	d->naming_n = 0;
}

/* What was held back goes now; on another link it goes back into the line. */
static void
let_go(struct live *lv)
{
	struct driver *d = lv->own;
	const char *what = d->held;
	json_t *o = d->held_fields;

	if (what == NULL || lv->lost || driver_is_naming(lv))
		return;
	if (d->held_on != lv->links || model_header(lv->model)->ended) {
		(void)driver_unhold(lv);
		return;
	}
	d->held = NULL;
	d->held_fields = NULL;
	lv->notice[0] = '\0';
	d->sent_on = lv->links;
	d->sent = live_send(lv, what, o);
	if (!d->sent && strcmp(what, "sql") == 0)
		driver_put_back(lv);
}

void
driver_names(struct live *lv)
{
	settle_names(lv);
	ask_names(lv);
	let_go(lv);
}

void
driver_names_answered(struct live *lv, const json_t *re)
{
	struct driver *d = lv->own;

	if (!d->naming || d->naming_n != 0) {
		d->sent = false;
		return;
	}
	d->naming_n = (uint64_t)json_int(re, "n", 0);
	if (!json_bool(re, "ok") || d->naming_n == 0) {
		d->naming = false;	/* Tab lacks names; nobody asked for a word about it */
		lv->notice[0] = '\0';
	}
	driver_names(lv);
}

bool
driver_unhold(struct live *lv)
{
	struct driver *d = lv->own;
	bool sql = d->held != NULL && strcmp(d->held, "sql") == 0;

	if (d->held == NULL)
		return false;
	json_decref(d->held_fields);
	d->held_fields = NULL;
	d->held = NULL;
	lv->notice[0] = '\0';
	if (sql)
		driver_put_back(lv);
	return true;
}

bool
driver_send(struct live *lv, const char *what, json_t *fields)
{
	struct driver *d = lv->own;

	lv->follow = true;
	lv->found = -1;
	if (driver_is_naming(lv)) {
		d->held = what;
		d->held_fields = fields;
		d->held_on = lv->links;
		live_notice(lv, SCREEN_DIM, "It goes as soon as the names for Tab are read; Ctrl-C takes it back.");
		return true;
	}
	d->sent_on = lv->links;
	d->sent = live_send(lv, what, fields);
	return d->sent;
}

/* Cuts blanks and a ";" at the end, which is a habit. */
static size_t
trimmed(const char *s, size_t n)
{
	while (n > 0 && (s[n - 1] == ' ' || s[n - 1] == ';'))
		n--;
	return n;
}

void
driver_describe(struct live *lv, enum key_action a, const char *name, size_t n)
{
	const char *subject = a == KEY_FUNCTIONS ? "functions" : a == KEY_TABLES ? "tables" : "table";
	json_t *o;

	n = trimmed(name, n);
	if (a == KEY_DESCRIBE && n == 0)
		subject = "tables";
	if (lv->lost) {
		live_notice(lv, SCREEN_BAD, "The link is lost: nothing was sent.");
		return;
	}
	if (driver_is_busy(lv))
		return;
	o = live_text("subject", subject, strlen(subject));
	if (n > 0)
		json_set_bytes(o, "name", name, n);
	(void)driver_send(lv, "describe", o);
}

/* The bytes of the next row of a statement, its line feed not among them. */
static size_t
row_of(const char *s, size_t n, size_t cols)
{
	const char *lf = memchr(s, '\n', n);

	return text_fit(s, lf != NULL ? (size_t)(lf - s) : n, cols);
}

int
driver_draw_asked(struct live *lv, int row)
{
	const struct driver *d = lv->own;
	size_t at[ASKED_ROWS + 1] = { 0 }, end[ASKED_ROWS + 1];
	struct buf b;
	int rows, cols, n = 0;

	if ((lv->ask != ASK_ROWS && lv->ask != ASK_REASON) || d->commit)
		return 0;
	screen_size(lv->screen, &rows, &cols);
	buf_init(&b, SIZE_MAX / 2);
	text_safe(&b, buf_data(&d->sql), buf_len(&d->sql), TEXT_LINES);
	for (size_t i = 0; i < buf_len(&b) && n <= ASKED_ROWS; n++) {
		at[n] = i;
		end[n] = i += row_of(buf_data(&b) + i, buf_len(&b) - i, (size_t)cols - 6);
		i += i < buf_len(&b) && buf_data(&b)[i] == '\n';
	}
	if (n > ASKED_ROWS)
		n = ASKED_ROWS;		/* the row after the last says that there is more */
	for (int i = 0; i < n; i++)
		screen_put(lv->screen, row - n + 1 + i, 3, 0, SCREEN_STRONG, buf_data(&b) + at[i], end[i] - at[i]);
	live_put(lv, row - n, 1, 0, SCREEN_WARN, "Not sent yet%s:", end[n - 1] < buf_len(&b) ? ", its beginning" : "");
	buf_fini(&b);
	return n + 1;
}

/* The latest read, when it was not run. */
static const struct model_entry *
too_costly(const struct live *lv)
{
	for (size_t i = model_entries(lv->model); i-- > 0;) {
		const struct model_entry *e = model_entry(lv->model, i);

		if (e->kind == MODEL_READ)
			return e->state == TRANSCRIPT_EVENT_COSTLY ? e : NULL;
	}
	return NULL;
}

void
driver_costly(struct live *lv, const char *reason, size_t n)
{
	const struct model_entry *e = too_costly(lv);
	struct driver *d = lv->own;

	if (e == NULL || e->sql == NULL) {
		live_notice(lv, SCREEN_WARN, "The last read was not too costly; send it first, without \\costly.");
		return;
	}
	if (driver_is_busy(lv))
		return;
	buf_reset(&d->sql);
	buf_put(&d->sql, e->sql, e->sql_len);
	d->rows[0] = '\0';
	d->costly = true;
	d->commit = false;
	if (n > 0)
		driver_send_sql(lv, reason, n);
	else
		driver_ask_reason(lv);
}
