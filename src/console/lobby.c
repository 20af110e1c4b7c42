/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The lobby: every session and ticket that names this person, on one wall that follows them. Without a terminal it is
 * printed once. */
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

#include "live.h"
#include "lobby.h"

enum { REFRESH_MS = 2000, ALL_EVERY = 15, WHY_MAX = 2000 };
#define NOTHING "No session and no ticket names you. twokey ticket new --from FILE brings one."

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

static void
put_title(struct screen *s, const struct link_hello *me, const json_t *list)
{
	int64_t oldest;
	size_t n = lobby_waiting(list, &oldest);
	char age[16];

	live_span(oldest, age);
	if (n == 0)
		put(s, 0, SCREEN_PLAIN, " twokey | LOBBY | %s (%s)", me->person, me->side);
	else
		put(s, 0, SCREEN_PLAIN, " twokey | LOBBY | %s (%s) | %zu request%s WAIT%s, %s", me->person, me->side, n,
		    n == 1 ? "" : "s", n == 1 ? "S" : "", oldest >= 0 ? age : "");
}

void
lobby_draw(struct screen *s, const struct link_hello *me, const json_t *list, size_t chosen, const char *why)
{
	int rows, cols, row = 3;
	size_t n = lobby_count(list), room, from;
	struct buf b;

	screen_erase(s);
	screen_size(s, &rows, &cols);
	put_title(s, me, list);
	screen_row_look(s, 0, SCREEN_TITLE);
	put(s, 1, SCREEN_PLAIN, " %s", me->unverified ? "demo: the two people are not verified"
	    : strcmp(me->broker, "private") == 0
	    ? "private broker: protects against mistakes, not against this login" : "");
	if (n == 0)
		put(s, row, SCREEN_DIM, " " NOTHING);
	room = rows > 8 ? (size_t)rows - 7 : 1;
	from = chosen >= room ? chosen - room + 1 : 0;
	buf_init(&b, 65536);
	for (size_t i = from; i < n && i - from < room; i++, row++) {
		buf_reset(&b);
		buf_puts(&b, i == chosen ? ">" : " ");
		buf_putf(&b, i < 9 ? "%zu " : "  ", i + 1);
		lobby_line(list, i, &b);
		screen_put(s, row, 0, 0, json_int(lobby_item(list, i), "waiting", 0) > 0 ? SCREEN_WARN : SCREEN_PLAIN, buf_data(&b),
		    buf_len(&b));
		if (i == chosen) {
			screen_row_look(s, row, SCREEN_CHOSEN);
			screen_cursor(s, row, 0);
		}
	}
	buf_fini(&b);
	draw_why(s, why, rows, cols);
	put(s, rows - 1, SCREEN_DIM, " Up Down choose   Enter or 1-9 goes in   r reads it again   q leaves");
}

/* One connection for as long as the wall is looked at; tickets are asked for less often than sessions. */
struct wall {
	const struct seat_wish *w;
	struct link *link;
	struct link_hello me;
	json_t *tickets;
	unsigned looks;
};

static json_t *
ask_list(struct wall *l, bool all, struct err *e)
{
	json_t *list, *fields = all ? NULL : json_pack("{s:s}", "only", "sessions");

	if (l->link == NULL)
		l->link = seat_connect(l->w, false, e);
	if (l->link == NULL) {
		json_decref(fields);
		return NULL;
	}
	l->me = *link_hello(l->link);
	list = link_ask(l->link, "list", fields, e);
	if (list == NULL) {
		link_close(l->link);
		l->link = NULL;
	}
	return list;
}

/* The list as it is now; again: somebody asked for it. NULL when the broker is not there. */
static json_t *
fetch(struct wall *l, bool again, struct err *e)
{
	bool all = again || l->tickets == NULL || l->looks++ % ALL_EVERY == 0;
	json_t *list = ask_list(l, all, e);

	if (list == NULL)
		list = ask_list(l, all, e);	/* a broker that was started again */
	if (list == NULL)
		return NULL;
	if (all) {
		json_decref(l->tickets);
		l->tickets = json_incref(json_object_get(list, "tickets"));
	} else {
		json_object_set(list, "tickets", l->tickets);
	}
	lobby_sort(list);
	return list;
}

static void
wall_fini(struct wall *l)
{
	link_close(l->link);
	json_decref(l->tickets);
}

/* What a key does in the lobby. */
enum lobby_did { LOBBY_STAYS, LOBBY_ENTERS, LOBBY_LOOKS, LOBBY_FETCHES, LOBBY_LEAVES };

static enum lobby_did
on_key(const struct screen_event *ev, size_t n, size_t *chosen)
{
	if (ev->key == SCREEN_KEY_UP || (ev->key == SCREEN_KEY_TEXT && ev->utf8[0] == 'k'))
		*chosen -= *chosen > 0;
	else if (ev->key == SCREEN_KEY_DOWN || (ev->key == SCREEN_KEY_TEXT && ev->utf8[0] == 'j'))
		*chosen += *chosen + 1 < n;
	else if (ev->key == SCREEN_KEY_ENTER)
		return n > 0 ? LOBBY_ENTERS : LOBBY_STAYS;
	else if (ev->key == SCREEN_KEY_TEXT && ev->utf8[0] >= '1' && ev->utf8[0] <= '9' && (size_t)(ev->utf8[0] - '1') < n) {
		*chosen = (size_t)(ev->utf8[0] - '1');
		return LOBBY_ENTERS;
	} else if (ev->key == SCREEN_KEY_TEXT && ev->utf8[0] == 'r')
		return LOBBY_FETCHES;
	else if (ev->key == SCREEN_KEY_F10 || (ev->key == SCREEN_KEY_TEXT && ev->utf8[0] == 'q') ||
	    (ev->key == SCREEN_KEY_CTRL && (ev->utf8[0] == 'c' || ev->utf8[0] == 'd')))
		return LOBBY_LEAVES;
	return LOBBY_STAYS;
}

/* Keys until something happens; LOBBY_LOOKS after REFRESH_MS. */
static enum lobby_did
wait_key(struct screen *s, size_t n, size_t *chosen)
{
	struct pollfd p[2] = { { .fd = STDIN_FILENO, .events = POLLIN },
		{ .fd = screen_winch_fd(s), .events = POLLIN } };
	struct screen_event ev;
	int wait = screen_wait(s, clock_mono_ms());

	if (poll(p, 2, wait >= 0 ? wait : REFRESH_MS) == 0 && wait < 0)
		return LOBBY_LOOKS;
	if (!screen_fill(s))
		return LOBBY_LEAVES;
	while (screen_next(s, clock_mono_ms(), &ev)) {
		enum lobby_did did = on_key(&ev, n, chosen);

		if (did != LOBBY_STAYS)
			return did;
	}
	return LOBBY_STAYS;
}

/* Draws and hears keys until the list has to be looked at again, or something is chosen or left. */
static enum lobby_did
show(struct screen *s, const struct wall *l, const json_t *list, size_t *chosen, struct seat_wish *out, char *why, size_t max)
{
	enum lobby_did did;

	do {
		lobby_draw(s, &l->me, list, *chosen, why);
		screen_flush(s);
		did = wait_key(s, lobby_count(list), chosen);
	} while (did == LOBBY_STAYS || (did == LOBBY_ENTERS && !lobby_choose(list, *chosen, out, why, max)));
	return did;
}

/* The lobby on a screen of its own until something is chosen. False: the person leaves. */
static bool
choose(const struct seat_wish *w, json_t **list, struct seat_wish *out, char *why, size_t max, struct err *e)
{
	struct screen *s = screen_open(e);
	struct wall l = { .w = w };
	enum lobby_did did = LOBBY_FETCHES;
	size_t chosen = 0, waiting = 0, now;
	int64_t oldest;
	json_t *fresh;

	if (s == NULL)
		return false;
	while ((did == LOBBY_LOOKS || did == LOBBY_FETCHES) && (fresh = fetch(&l, did == LOBBY_FETCHES, e)) != NULL) {
		/* rows move; who is chosen does not */
		chosen = *list != NULL && chosen < lobby_count(*list) ? lobby_find_again(fresh, lobby_item(*list, chosen)) : 0;
		now = lobby_waiting(fresh, &oldest);
		if (now > waiting)
			screen_bell(s);
		waiting = now;
		json_decref(*list);
		*list = fresh;
		did = show(s, &l, *list, &chosen, out, why, max);
		if (did == LOBBY_FETCHES)
			why[0] = '\0';
	}
	wall_fini(&l);
	screen_close(s);
	return did == LOBBY_ENTERS;
}

static int
print_list(const struct seat_wish *w, struct err *e)
{
	struct wall l = { .w = w };
	json_t *list = fetch(&l, true, e);
	char why[WHY_MAX];
	struct buf line, safe;

	wall_fini(&l);
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
	if (lobby_count(list) == 0)
		fputs(NOTHING "\n", stderr);
	fputs(buf_str(&safe), stdout);
	buf_fini(&line);
	buf_fini(&safe);
	json_decref(list);
	return 0;
}

int
seat_lobby_json(const struct seat_wish *w, struct err *e)
{
	struct wall l = { .w = w };
	json_t *list = fetch(&l, true, e);
	char *text = list != NULL ? json_dumps(list, JSON_COMPACT | JSON_ENSURE_ASCII) : NULL;

	wall_fini(&l);
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
