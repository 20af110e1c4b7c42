/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The lobby: what names this person, sessions first. Without a terminal it is printed. */
#include "config.h"

#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "twokey/base/buf.h"
#include "twokey/base/clock.h"
#include "twokey/base/err.h"
#include "twokey/base/json.h"
#include "twokey/base/text.h"
#include "twokey/console/link.h"
#include "twokey/console/screen.h"

#include "lobby.h"

enum { REFRESH_MS = 10000, WHY_MAX = 2000 };

static const char *
field(const json_t *o, const char *key)
{
	const char *s = json_str(o, key, NULL);

	return s != NULL ? s : "";
}

size_t
lobby_count(const json_t *list)
{
	return json_array_size(json_object_get(list, "sessions")) +
	    json_array_size(json_object_get(list, "tickets"));
}

bool
lobby_is_session(const json_t *list, size_t i)
{
	return i < json_array_size(json_object_get(list, "sessions"));
}

const json_t *
lobby_item(const json_t *list, size_t i)
{
	size_t sessions = json_array_size(json_object_get(list, "sessions"));

	return i < sessions ? json_array_get(json_object_get(list, "sessions"), i)
	    : json_array_get(json_object_get(list, "tickets"), i - sessions);
}

void
lobby_line(const json_t *list, size_t i, struct buf *out)
{
	const json_t *o = lobby_item(list, i);
	long long waiting = json_int(o, "waiting", 0);

	if (!lobby_is_session(list, i)) {
		buf_putf(out, "ticket   %-16s %-10s %-10s %-9s %-8s %s", field(o, "ticket"), field(o, "target"),
		    field(o, "stage"), field(o, "seat"), field(o, "state"), field(o, "title"));
		return;
	}
	if (json_object_get(o, "open") != NULL) {
		buf_putf(out, "UNKNOWN  %-16s %-10s %-10s %-9s session %s: is the change of %s there? settle it: Enter says how",
		    field(o, "ticket"), field(o, "target"), field(o, "stage"), field(o, "seat"), field(o, "session"), field(o, "driver"));
		return;
	}
	buf_putf(out, "session  %-16s %-10s %-10s %-9s ", field(o, "ticket"), field(o, "target"),
	    field(o, "stage"), field(o, "seat"));
	if (waiting > 0)
		buf_putf(out, "%lld WAIT%s  ", waiting, waiting == 1 ? "S" : "");
	buf_putf(out, "driver %s", field(o, "driver"));
}

/* An outcome that is open: what ran, how to find out, how to settle. */
static void
lobby_tell_open(const json_t *o, char *why, size_t max)
{
	const json_t *open = json_object_get(o, "open");

	snprintf(why, max, "It is not known whether this is in the database: %.300s  -- %s. Who drove does not settle it: "
	    "twokey settle -m \"how I know\" %s committed|aborted", field(open, "sql"), field(open, "how"), field(o, "session"));
}

bool
lobby_choose(const json_t *list, size_t i, struct seat_wish *w, char *why, size_t max)
{
	const json_t *o = lobby_item(list, i);
	bool drive = strcmp(field(o, "seat"), "driver") == 0;

	w->drive = drive;
	w->watch = strcmp(field(o, "seat"), "watcher") == 0;
	w->ticket = drive ? json_str(o, "ticket", NULL) : NULL;
	w->session = drive ? NULL : json_str(o, "session", NULL);
	if (json_object_get(o, "open") != NULL) {
		lobby_tell_open(o, why, max);
		return false;
	}
	if (lobby_is_session(list, i))
		return w->ticket != NULL || w->session != NULL;
	if (strcmp(field(o, "state"), "new") == 0)
		snprintf(why, max, "%s has no force yet: another person accepts it with: twokey ticket accept %s",
		    field(o, "ticket"), field(o, "ticket"));
	else if (strcmp(field(o, "state"), "expired") == 0)
		snprintf(why, max, "%s has expired.", field(o, "ticket"));
	else if (!drive)
		snprintf(why, max, "%s is not open: its driver opens it, then it stands above.", field(o, "ticket"));
	else
		return true;
	return false;
}

/* Sessions with requests that wait come to mind first: the choice begins there. */
static size_t
first_choice(const json_t *list)
{
	for (size_t i = 0; i < lobby_count(list); i++)
		if (json_int(lobby_item(list, i), "waiting", 0) > 0)
			return i;
	return 0;
}

static void __attribute__((format(printf, 4, 5)))
put(struct screen *s, int row, enum screen_look look, const char *fmt, ...)
{
	char text[1024];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	screen_put(s, row, 0, 0, look, text, strlen(text));
}

/* Its last line stands two above the last row of the screen; a long one is broken at blanks. */
static void
draw_why(struct screen *s, const char *why, int rows, int cols)
{
	size_t width = cols > 20 ? (size_t)cols - 2 : 18, at[64], len[64], n = 0;
	char blanks[400];

	memset(blanks, ' ', sizeof blanks - 1);
	blanks[sizeof blanks - 1] = '\0';

	for (size_t i = 0, all = strlen(why); i < all && n < 64; n++) {
		size_t k = all - i <= width ? all - i : width;

		while (k > width / 2 && i + k < all && why[i + k] != ' ')
			k--;
		while (k < all - i && ((unsigned char)why[i + k] & 0xc0) == 0x80)
			k++;
		at[n] = i;
		len[n] = k;
		i += k + (why[i + k] == ' ');
	}
	for (size_t i = 0; i < n; i++) {
		int row = rows - 2 - (int)(n - i);

		if (row >= 3) {
			screen_put(s, row, 0, 0, SCREEN_PLAIN, blanks, strlen(blanks));
			screen_put(s, row, 1, 0, SCREEN_WARN, why + at[i], len[i]);
		}
	}
}

void
lobby_draw(struct screen *s, const struct link_hello *me, const json_t *list, size_t chosen, const char *why)
{
	int rows, cols, row = 3;
	size_t n = lobby_count(list), room, from;
	struct buf b;

	screen_erase(s);
	screen_size(s, &rows, &cols);
	put(s, 0, SCREEN_PLAIN, " twokey | LOBBY | %s (%s)", me->person, me->side);
	screen_row_look(s, 0, SCREEN_TITLE);
	put(s, 1, SCREEN_PLAIN, " %s", me->unverified ? "demo: the two people are not verified"
	    : strcmp(me->broker, "private") == 0
	    ? "private broker: protects against mistakes, not against this login" : "");
	if (n == 0)
		put(s, row, SCREEN_DIM, " No session and no ticket names you. twokey ticket new --from FILE brings one.");
	room = rows > 8 ? (size_t)rows - 7 : 1;
	from = chosen >= room ? chosen - room + 1 : 0;
	buf_init(&b, 65536);
	for (size_t i = from; i < n && i - from < room; i++, row++) {
		buf_reset(&b);
		buf_puts(&b, i == chosen ? "> " : "  ");
		lobby_line(list, i, &b);
		screen_put(s, row, 0, 0, SCREEN_PLAIN, buf_data(&b), buf_len(&b));
		if (i == chosen) {
			screen_row_look(s, row, SCREEN_CHOSEN);
			screen_cursor(s, row, 0);
		}
	}
	buf_fini(&b);
	draw_why(s, why, rows, cols);
	put(s, rows - 1, SCREEN_DIM, " Up Down choose   Enter goes in   r reads it again   q leaves");
}

static json_t *
fetch(const struct seat_wish *w, struct link_hello *me, struct err *e)
{
	struct link *l = seat_connect(w, false, e);
	json_t *list = NULL;

	if (l != NULL) {
		*me = *link_hello(l);
		list = link_ask(l, "list", NULL, e);
	}
	link_close(l);
	return list;
}

/* What a key does in the lobby. */
enum lobby_did { LOBBY_STAYS, LOBBY_ENTERS, LOBBY_FETCHES, LOBBY_LEAVES };

static enum lobby_did
on_key(const struct screen_event *ev, size_t n, size_t *chosen)
{
	if (ev->key == SCREEN_KEY_UP || (ev->key == SCREEN_KEY_TEXT && ev->utf8[0] == 'k'))
		*chosen -= *chosen > 0;
	else if (ev->key == SCREEN_KEY_DOWN || (ev->key == SCREEN_KEY_TEXT && ev->utf8[0] == 'j'))
		*chosen += *chosen + 1 < n;
	else if (ev->key == SCREEN_KEY_ENTER)
		return n > 0 ? LOBBY_ENTERS : LOBBY_STAYS;
	else if (ev->key == SCREEN_KEY_TEXT && ev->utf8[0] == 'r')
		return LOBBY_FETCHES;
	else if (ev->key == SCREEN_KEY_F10 || (ev->key == SCREEN_KEY_TEXT && ev->utf8[0] == 'q') ||
	    (ev->key == SCREEN_KEY_CTRL && (ev->utf8[0] == 'c' || ev->utf8[0] == 'd')))
		return LOBBY_LEAVES;
	return LOBBY_STAYS;
}

/* Keys until something happens; LOBBY_FETCHES after REFRESH_MS. */
static enum lobby_did
wait_key(struct screen *s, size_t n, size_t *chosen)
{
	struct pollfd p[2] = { { .fd = STDIN_FILENO, .events = POLLIN },
		{ .fd = screen_winch_fd(s), .events = POLLIN } };
	struct screen_event ev;
	int wait = screen_wait(s, clock_mono_ms());

	if (poll(p, 2, wait >= 0 ? wait : REFRESH_MS) == 0 && wait < 0)
		return LOBBY_FETCHES;
	if (!screen_fill(s))
		return LOBBY_LEAVES;
	while (screen_next(s, clock_mono_ms(), &ev)) {
		enum lobby_did did = on_key(&ev, n, chosen);

		if (did != LOBBY_STAYS)
			return did;
	}
	return LOBBY_STAYS;
}

/* The lobby on a screen of its own until something is chosen. False: the person leaves. */
static bool
choose(const struct seat_wish *w, json_t **list, struct seat_wish *out, char *why, size_t max, struct err *e)
{
	struct screen *s = screen_open(e);
	struct link_hello me = { 0 };
	size_t chosen;
	bool found = false;
	json_t *fresh;

	if (s == NULL)
		return false;
	fresh = fetch(w, &me, e);
	chosen = first_choice(fresh);
	while (fresh != NULL) {
		enum lobby_did did;

		json_decref(*list);
		*list = fresh;
		if (chosen >= lobby_count(*list))
			chosen = 0;
		do {
			lobby_draw(s, &me, *list, chosen, why);
			screen_flush(s);
			did = wait_key(s, lobby_count(*list), &chosen);
		} while (did == LOBBY_STAYS || (did == LOBBY_ENTERS && !lobby_choose(*list, chosen, out, why, max)));
		found = did == LOBBY_ENTERS;
		if (did != LOBBY_FETCHES)
			break;
		why[0] = '\0';
		fresh = fetch(w, &me, e);
	}
	screen_close(s);
	return found;
}

static int
print_list(const struct seat_wish *w, struct err *e)
{
	struct link_hello me;
	json_t *list = fetch(w, &me, e);
	char why[WHY_MAX];
	struct buf line, safe;

	if (list == NULL)
		return e->code;
	buf_init(&line, 65536);
	buf_init(&safe, 1 << 20);
	for (size_t i = 0; i < lobby_count(list); i++) {
		buf_reset(&line);
		lobby_line(list, i, &line);
		text_safe(&safe, buf_data(&line), buf_len(&line), TEXT_ONE_LINE);
		buf_putc(&safe, '\n');
		if (json_object_get(lobby_item(list, i), "open") != NULL) {
			lobby_tell_open(lobby_item(list, i), why, sizeof why);
			buf_puts(&safe, "         ");
			text_safe(&safe, why, strlen(why), TEXT_ONE_LINE);
			buf_putc(&safe, '\n');
		}
	}
	fputs(buf_str(&safe), stdout);
	buf_fini(&line);
	buf_fini(&safe);
	json_decref(list);
	return 0;
}

int
seat_lobby_json(const struct seat_wish *w, struct err *e)
{
	struct link_hello me;
	json_t *list = fetch(w, &me, e);
	char *text = list != NULL ? json_dumps(list, JSON_COMPACT | JSON_ENSURE_ASCII) : NULL;

	if (list == NULL)
		return e->code;
	if (text != NULL)
		puts(text);
	free(text);
	json_decref(list);
	return 0;
}

int
seat_lobby(const struct seat_wish *w, struct err *e)
{
	struct seat_wish wish = *w;
	char why[WHY_MAX] = "";
	json_t *list = NULL;

	memset(e, 0, sizeof *e);
	if (!isatty(STDIN_FILENO) || !isatty(STDOUT_FILENO))
		return print_list(w, e);
	while (choose(w, &list, &wish, why, sizeof why, e)) {
		why[0] = '\0';
		wish.broker = w->broker;
		wish.as = w->as;
		if (seat_run(&wish, e) != 0)
			snprintf(why, sizeof why, "%s", e->text);
		memset(e, 0, sizeof *e);
	}
	json_decref(list);
	return e->code;
}
