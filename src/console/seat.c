/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "twokey/console/seat.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "twokey/base/err.h"
#include "twokey/base/json.h"
#include "twokey/base/text.h"
#include "twokey/console/link.h"
#include "twokey/sql/facts.h"

#include "editor.h"
#include "live.h"

struct link *
seat_connect(const struct seat_wish *w, bool json, struct err *e)
{
	struct link *l = NULL;
	struct buf path;

	buf_init(&path, 4096);
	if (link_path(w->broker, &path, e) == 0)
		l = link_open(buf_str(&path), w->as, json, e);
	buf_fini(&path);
	return l;
}

/* The seat that the broker gave, which may be another than the one wished for. */
static bool
parse_seat(const char *s, enum seat_kind *kind)
{
	static const char *const names[] = { "driver", "confirmer", "watcher" };

	for (int i = 0; s != NULL && i < 3; i++)
		if (strcmp(s, names[i]) == 0) {
			*kind = (enum seat_kind)i;
			return true;
		}
	return false;
}

/* Without a name: the first session that this person has a second seat in. */
static int
first_session(struct link *l, char *out, size_t max, struct err *e)
{
	json_t *re = link_ask(l, "list", NULL, e);
	const json_t *sessions = json_object_get(re, "sessions"), *v;
	const char *best = NULL;
	size_t i;

	if (re == NULL)
		return e->code;
	json_array_foreach(sessions, i, v)
		if (json_str(v, "session", NULL) != NULL && json_str(v, "seat", NULL) != NULL &&
		    strcmp(json_str(v, "seat", NULL), "driver") != 0 &&
		    (best == NULL || json_int(v, "waiting", 0) > 0)) {
			best = json_str(v, "session", NULL);
			if (json_int(v, "waiting", 0) > 0)
				break;
		}
	if (best != NULL)
		snprintf(out, max, "%s", best);
	json_decref(re);
	return best != NULL ? 0 : err_set(e, ERR_NOT_FOUND, "no session waits for %s; the driver opens one "
	    "with: twokey open TICKET", link_hello(l)->person);
}

int
seat_take(struct link *l, const struct seat_wish *w, struct seat *out, struct err *e)
{
	char session[80];
	json_t *o, *re;
	int ret = 0;

	memset(out, 0, sizeof *out);
	if (!w->drive && w->session == NULL && w->ticket == NULL &&
	    (ret = first_session(l, session, sizeof session, e)) != 0)
		return ret;
	o = json_object();
	if (w->session != NULL || w->ticket == NULL)
		json_object_set_new(o, "session", json_string(w->session != NULL ? w->session : session));
	else
		json_object_set_new(o, "ticket", json_string(w->ticket));
	if (!w->drive && w->watch)
		json_object_set_new(o, "watch", json_true());
	json_object_set_new(o, "from", json_integer(1));
	re = link_ask(l, w->drive ? "open" : "join", o, e);
	if (re == NULL)
		return e->code;
	if (json_str(re, "session", NULL) == NULL || !parse_seat(json_str(re, "seat", NULL), &out->kind))
		ret = err_set(e, ERR_INVALID, "the broker named no session and seat; it may be another version");
	else
		snprintf(out->session, sizeof out->session, "%s", json_str(re, "session", NULL));
	snprintf(out->person, sizeof out->person, "%s", link_hello(l)->person);
	out->away_seconds = link_hello(l)->away_seconds;
	json_decref(re);
	return ret;
}

/* Makes the folders of a path, for this login only. */
static void
make_folders(char *path)
{
	for (char *p = path + 1; (p = strchr(p, '/')) != NULL; p++) {
		*p = '\0';
		mkdir(path, 0700);	/* what is missing shows when the file is opened */
		*p = '/';
	}
}

/* $XDG_STATE_HOME/twokey/history-PERSON; false when there is no place or the name cannot be part of a path. */
static bool
history_path(const char *person, char *out, size_t max)
{
	const char *state = getenv("XDG_STATE_HOME"), *home = getenv("HOME");
	int n;

	if (person[0] == '\0' || person[0] == '.')
		return false;
	for (const char *p = person; *p != '\0'; p++)
		if (!isalnum((unsigned char)*p) && strchr("._-", *p) == NULL)
			return false;
	if (state != NULL && state[0] == '/')
		n = snprintf(out, max, "%s/twokey/history-%s", state, person);
	else if (home != NULL && home[0] == '/')
		n = snprintf(out, max, "%s/.local/state/twokey/history-%s", home, person);
	else
		return false;
	if (n < 0 || (size_t)n >= max)
		return false;
	make_folders(out);
	return true;
}

/* Again from the start: the screen is a function of the events, so a new model is a right one. */
static bool
connect_again(struct live *lv)
{
	struct err e;
	struct link *l = seat_connect(&lv->wish, false, &e);
	struct seat seat;

	if (l == NULL || seat_take(l, &lv->wish, &seat, &e) != 0) {
		link_close(l);
		live_notice(lv, SCREEN_BAD, "LINK LOST, nothing runs: %s. \\q leaves.", e.text);
		return false;
	}
	link_close(lv->link);
	lv->link = l;
	lv->seat = seat;
	model_free(lv->model);
	log_view_free(lv->log);
	lv->model = model_create();
	lv->log = log_view_create();
	return true;
}

/* Everything but the terminal, so that tests can put a headless screen here. */
static void
run_live(struct live *lv, const struct seat_wish *w)
{
	const struct sql_settings set = { .engine = SQL_SQLITE };
	const char *coach = getenv("TWOKEY_COACH");
	char history[4096];

	lv->wish = *w;
	lv->wish.session = w->drive ? w->session : lv->seat.session;
	lv->connect = connect_again;
	lv->coach = coach != NULL && strcmp(coach, "1") == 0;
	lv->editor = editor_create(&set, lv->seat.kind == SEAT_DRIVER &&
	    history_path(lv->seat.person, history, sizeof history) ? history : NULL);
	lv->view = lv->seat.kind == SEAT_DRIVER ? &live_driver : &live_confirmer;
	lv->own = lv->seat.kind == SEAT_DRIVER ? driver_create(lv) : confirmer_create(lv);
	lv->view->prompt(lv);
	live_loop(lv);
	if (lv->seat.kind == SEAT_DRIVER)
		driver_free(lv->own);
	else
		confirmer_free(lv->own);
	editor_free(lv->editor);
}

/* The head stays on the terminal when the screen is gone, whoever pressed the key too early. */
static void
print_head(const struct live *lv)
{
	struct transcript_report r;
	char head[DIGEST_HEX + 1];
	struct buf b;

	if (!model_header(lv->model)->ended)
		return;
	buf_init(&b, 4096);
	text_safe(&b, lv->seat.session, strlen(lv->seat.session), TEXT_ONE_LINE);
	model_verdict(lv->model, &r);
	digest_hex(&r.head, head);
	printf("session %s is over: %" PRIu64 " events, %s\nhead %s\n", buf_str(&b), model_last(lv->model),
	    r.verdict == TRANSCRIPT_SEALED ? "sealed and intact" : r.verdict == TRANSCRIPT_OPEN
	    ? "intact, not sealed" : "BROKEN", head);
	buf_fini(&b);
}

int
seat_ended(const char *code, const char *why, struct err *e)
{
	static const struct {
		const char *code;
		int err;
	} ends[] = {
		{ "unreachable", ERR_UNREACHABLE }, { "lost", ERR_UNREACHABLE }, { "target-differs", ERR_DENIED },
		{ "excess", ERR_DENIED }, { "not-given", ERR_DENIED }, { "transcript-full", ERR_FULL },
		{ "transcript-broken", ERR_SYSTEM },
	};

	for (size_t i = 0; i < sizeof ends / sizeof ends[0]; i++)
		if (strcmp(code, ends[i].code) == 0)
			return err_set(e, ends[i].err, "the session ended (%s)%s%s", code, why != NULL ? ": " :
			    "; the last lines of its transcript say why", why != NULL ? why : "");
	return 0;
}

static const char *
ended_why(const struct model *m)
{
	for (size_t i = model_entries(m); i-- > 0;)
		if (model_entry(m, i)->state == TRANSCRIPT_EVENT_ENDED)
			return model_entry(m, i)->answer;
	return NULL;
}

int
seat_run(const struct seat_wish *w, struct err *e)
{
	struct link *l = seat_connect(w, false, e);
	struct screen *s = NULL;
	struct seat seat;
	struct live lv;
	int ret = 0;

	if (l == NULL)
		return e->code;
	/* a terminal that cannot show screens must not take a seat */
	s = screen_open(e);
	if (s == NULL || seat_take(l, w, &seat, e) != 0) {
		screen_close(s);
		link_close(l);
		return e->code;
	}
	live_init(&lv, s, l, &seat);
	run_live(&lv, w);
	screen_close(s);
	print_head(&lv);
	if (lv.lost && !lv.leaving && !model_header(lv.model)->ended)
		ret = err_set(e, ERR_CLOSED, "the link to the broker was lost: %s", link_why(lv.link));
	if (ret == 0 && model_header(lv.model)->ended)
		ret = seat_ended(model_header(lv.model)->ended_code, ended_why(lv.model), e);
	live_fini(&lv);
	return ret;
}
