/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "crash_world.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "twokey/base/buf.h"
#include "twokey/base/io.h"
#include "twokey/base/json.h"
#include "twokey/transcript/verify.h"

#include "lib/broker.h"
#include "lib/relay.h"

static const char *const engines[CRASH_ENGINES] = { "sqlite", "postgres", "mariadb" };
static const char *const victims[CRASH_VICTIMS] = { "monitor", "front", "session", "recorder", "db", "driver", "confirmer",
	"tunnel", "link", "server" };
/* The point at which a role stops, and which one; NULL: the case gets there by itself. */
static const struct {
	const char *name, *fault, *stops;
} steps[CRASH_STEPS] = {
	[CRASH_REQUESTED] = { "request recorded", "recorded.request", "recorder" },
	[CRASH_LOOKING] = { "sheet being made", "db.sheet", "db" },
	[CRASH_SHEET] = { "sheet there", NULL, NULL },
	[CRASH_OPENED] = { "opened", NULL, NULL },
	[CRASH_ALLOWED] = { "allowed recorded", "recorded.allowed", "recorder" },
	[CRASH_RUN] = { "run recorded", "recorded.run", "recorder" },
	[CRASH_BEFORE_RUN] = { "about to be sent", "db.before-run", "db" },
	[CRASH_SENT] = { "sent, waits for a lock", NULL, NULL },
	[CRASH_HELD] = { "held", NULL, NULL },
	[CRASH_KEPT] = { "kept recorded", "recorded.kept", "recorder" },
	[CRASH_EXECUTED] = { "executed", "db.before-committing", "db" },
	[CRASH_COMMITTING] = { "committing on disk", "recorded.committing", "recorder" },
	[CRASH_BEFORE_COMMIT] = { "before COMMIT", "db.before-commit", "db" },
	[CRASH_UNANSWERED] = { "COMMIT sent, no answer", "db.before-commit", "db" },
	[CRASH_ANSWERED] = { "answered, not recorded", "db.before-answer", "db" },
	[CRASH_RECORDED] = { "committed recorded", "recorded.committed", "recorder" },
};

struct world {
	const struct crash_case *c;
	struct test_broker b;
	struct relay relay;
	struct test_console *ben, *anna;
	char ticket[24], account[40], target[600], note[16];
	pid_t stopped, killed;
};

const char *
crash_engine_name(enum crash_engine e)
{
	return engines[e];
}

const char *
crash_victim_name(enum crash_victim v)
{
	return victims[v];
}

const char *
crash_step_name(enum crash_step s)
{
	return steps[s].name;
}

/* A file has no server and no link; a way by a program is tried on one engine. */
bool
crash_has(enum crash_engine e, enum crash_victim v)
{
	if (v == CRASH_TUNNEL)
		return e == CRASH_POSTGRES;
	return e != CRASH_SQLITE || (v != CRASH_LINK && v != CRASH_SERVER);
}

/* SQLite runs and commits inside db: there is no moment in which the statement is on its way. */
bool
crash_applies(const struct crash_case *c)
{
	const char *only = getenv("TWOKEY_CRASH_STEP");

	if (only != NULL && strcmp(only, steps[c->step].name) != 0)
		return false;
	return c->engine != CRASH_SQLITE || (c->step != CRASH_SENT && c->step != CRASH_UNANSWERED);
}

bool
crash_wanted(enum crash_engine e, enum crash_victim v)
{
	const char *only = getenv("TWOKEY_CRASH");
	char name[40];

	snprintf(name, sizeof name, "%s %s", engines[e], victims[v]);
	return only == NULL || strcmp(only, name) == 0;
}

static void
describe_target(struct world *w)
{
	const struct crash_case *c = w->c;

	if (c->engine == CRASH_POSTGRES && c->victim == CRASH_TUNNEL)
		snprintf(w->target, sizeof w->target, "    command: [/usr/bin/socat, STDIO, \"UNIX-CONNECT:%s\"]\n"
		    "    database: postgres\n    user: %s\n    lock_timeout: 20\n    hold_seconds: 12\n", w->relay.path, w->account);
	else if (c->engine == CRASH_POSTGRES)
		snprintf(w->target, sizeof w->target, "    socket: %s\n    database: postgres\n    user: %s\n    lock_timeout: 20\n    hold_seconds: 12\n",
		    w->relay.folder, w->account);
	else
		snprintf(w->target, sizeof w->target, "    socket: %s\n    database: shop\n    user: %s\n    lock_timeout: 20\n    hold_seconds: 12\n",
		    w->relay.path, w->account);
}

static bool
is_held(const struct crash_case *c)
{
	return c->step == CRASH_HELD || c->step == CRASH_KEPT;
}

static void
begin(struct world *w, const struct crash_case *c)
{
	struct test_broker_options o = { .engine = engines[c->engine], .fault = steps[c->step].fault };
	char path[400], line[200], lines[200];

	*w = (struct world){ .c = c };
	snprintf(w->ticket, sizeof w->ticket, "C-%u", c->row);
	snprintf(w->account, sizeof w->account, "metricfixer_w%u", (c->row - 1) / CRASH_STEPS);
	snprintf(w->note, sizeof w->note, "c%u", c->row);
	if (c->engine != CRASH_SQLITE) {
		snprintf(path, sizeof path, c->engine == CRASH_POSTGRES ? "%s/.s.PGSQL.5432" : "%s", crash_server_socket());
		relay_start(&w->relay, c->engine == CRASH_POSTGRES ? ".s.PGSQL.5432" : "my.sock", path);
		describe_target(w);
		o.target = w->target;
	}
	test_broker_start(&w->b, &o);
	snprintf(lines, sizeof lines, "access: write\\nstage: production\\n%s%s", is_held(c) ? "hold: always\\n" : "",
	    c->engine == CRASH_MARIADB ? "accept_excess:\\n  - {what: ddl, reason: to see triggers}\\n" : "");
	test_ticket_with(&w->b, w->ticket, lines);
	w->ben = test_console(&w->b, "ben");
	w->anna = test_console(&w->b, "anna");
	snprintf(line, sizeof line, "{\"do\":\"open\",\"ticket\":\"%s\"}", w->ticket);
	test_ok(w->ben, line);
	test_event(w->ben, "account", 0);
	snprintf(line, sizeof line, "{\"do\":\"join\",\"ticket\":\"%s\"}", w->ticket);
	test_ok(w->anna, line);
	test_event(w->anna, "account", 0);
	w->killed = c->victim > CRASH_MONITOR && c->victim <= CRASH_DB ? test_broker_role(&w->b, victims[c->victim]) :
	    c->victim == CRASH_TUNNEL ? test_broker_role(&w->b, "tunnel") : 0;
	if (steps[c->step].stops != NULL)
		w->stopped = test_broker_role(&w->b, steps[c->step].stops);
}

/* Whether the change is in the database, by the row itself: 1 or 0. Waits for who still has it. */
static int64_t
is_there(const struct world *w)
{
	char sql[200];

	if (w->c->engine == CRASH_SQLITE) {
		test_shop_exec(&w->b, "BEGIN IMMEDIATE; COMMIT");
		return test_shop_number(&w->b, "select note is not null from orders where id = 3");
	}
	snprintf(sql, sizeof sql, "SELECT CASE WHEN note = '%s' THEN 1 ELSE 0 END FROM orders WHERE id = %u FOR UPDATE", w->note, w->c->row);
	return crash_server_number(w->c->engine, sql);
}

static void
ask(struct world *w)
{
	test_send(w->ben, "{\"do\":\"sql\",\"text\":\"update orders set note = '%s' where id = %u\",\"reason\":\"step 3\"}", w->note,
	    w->c->engine == CRASH_SQLITE ? 3 : w->c->row);
}

/* COMMIT goes through, its answer does not. */
static void
commit_without_answer(struct world *w)
{
	relay_keep_answer(&w->relay);
	crash_signal(w->stopped, SIGCONT);
	w->stopped = 0;
	relay_wait_commit(&w->relay);
	assert_int_equal(is_there(w), 1);
}

/* Brings the change to that step and leaves it there. */
static void
go_to(struct world *w)
{
	enum crash_step s = w->c->step;
	int64_t n;
	json_t *a;

	ask(w);
	if (s == CRASH_REQUESTED || s == CRASH_LOOKING) {
		test_wait_stopped(w->stopped);
		return;
	}
	n = json_int(test_answer(w->ben, "sql"), "n", 0);
	test_event(w->anna, "sheet", n);
	if (s == CRASH_OPENED) {
		test_send(w->anna, "{\"do\":\"opened\",\"of\":%lld,\"last\":true}", (long long)n);
		test_event(w->ben, "opened", n);
	}
	if (s == CRASH_SHEET || s == CRASH_OPENED)
		return;
	if (s == CRASH_SENT)
		crash_server_lock(w->c->engine, w->c->row);
	if (s == CRASH_KEPT) {
		assert_true(json_bool(test_allow(w->anna, n, "orders 1"), "ok"));
		test_turn_until_stopped(w->anna, n, "held", "keep orders 1", w->stopped);
	} else if (steps[s].stops != NULL) {	/* its recorder may stop before it could say that it was taken */
		test_turn_until_stopped(w->anna, n, "sheet", "orders 1", w->stopped);
	} else {
		a = test_allow(w->anna, n, "orders 1");
		if (!json_bool(a, "ok"))
			fail_msg("allow: %s", json_str(a, "why", NULL));
	}
	if (s == CRASH_SENT)
		crash_server_wait_blocked(w->c->engine, w->account);
	else if (s == CRASH_HELD)
		test_event(w->anna, "held", n);
	else
		test_wait_stopped(w->stopped);
	if (s == CRASH_UNANSWERED)
		commit_without_answer(w);
}

/* The death, and what an operator starts again. */
static void
strike(struct world *w)
{
	switch (w->c->victim) {
	case CRASH_MONITOR:
		test_broker_kill(&w->b);
		test_broker_restart(&w->b);
		break;
	case CRASH_DRIVER:
		test_console_close(w->ben);
		w->ben = NULL;
		break;
	case CRASH_CONFIRMER:
		test_console_close(w->anna);
		w->anna = NULL;
		break;
	case CRASH_LINK:
		relay_cut(&w->relay);
		break;
	case CRASH_SERVER:
		crash_server_kill(w->c->engine, w->account);
		if (w->c->step == CRASH_BEFORE_COMMIT) {	/* and db with it: nobody saw that COMMIT was never sent */
			w->killed = w->stopped;
			crash_signal(w->killed, SIGKILL);
		}
		break;
	case CRASH_FRONT:
	case CRASH_SESSION:
	case CRASH_RECORDER:
	case CRASH_DB:
	case CRASH_TUNNEL:
	case CRASH_VICTIMS:
		crash_signal(w->killed, SIGKILL);
		test_wait_gone(w->killed);
	}
	if (w->stopped > 0 && w->stopped != w->killed)
		crash_signal(w->stopped, SIGCONT);
	if (w->c->step == CRASH_SENT)
		crash_server_unlock(w->c->engine);
	if (w->c->step == CRASH_UNANSWERED && w->c->victim == CRASH_SERVER)
		relay_cut(&w->relay);
	else if (w->c->step == CRASH_UNANSWERED && w->c->victim != CRASH_LINK)
		relay_release(&w->relay);
}

/* A session that goes on is ended by its driver, once what ran has ended. */
static void
end_what_goes_on(struct world *w)
{
	enum crash_victim v = w->c->victim;
	char line[100];
	json_t *request;

	if (w->killed > 0 && v == CRASH_SERVER)
		return;
	if (v != CRASH_FRONT && v != CRASH_DRIVER && v != CRASH_CONFIRMER && v != CRASH_LINK && v != CRASH_SERVER)
		return;
	if (v == CRASH_DRIVER) {
		w->ben = test_console(&w->b, "ben");
		snprintf(line, sizeof line, "{\"do\":\"open\",\"ticket\":\"%s\"}", w->ticket);
		test_ok(w->ben, line);
	}
	request = test_event(w->ben, "request", 0);
	/* what is held with both people there would be held for its whole time */
	if (w->c->step >= CRASH_ALLOWED && !(w->c->step == CRASH_HELD && v == CRASH_FRONT))
		(void)test_event_any(w->ben, "committed rolledback failed unknown void expired denied withdrawn", json_int(request, "n", 0));
	if (!w->ben->eof)
		test_send(w->ben, "{\"do\":\"end\"}");
}

enum claim { CLAIM_NOTHING, CLAIM_NOT_THERE, CLAIM_THERE, CLAIM_UNKNOWN, CLAIM_OPEN };

/* What one event says of the request. */
static enum claim
claim_of(const json_t *ev, enum claim before, bool *committing)
{
	const char *name = json_str(ev, "ev", NULL), *is = json_str(ev, "is", NULL);

	*committing = *committing || strcmp(name, "committing") == 0;
	if (strcmp(name, "run") == 0)
		return CLAIM_OPEN;
	if (strcmp(name, "committed") == 0)
		return CLAIM_THERE;
	if (strcmp(name, "rolledback") == 0 || strcmp(name, "failed") == 0)
		return CLAIM_NOT_THERE;
	if (strcmp(name, "unknown") == 0)
		return CLAIM_UNKNOWN;
	if (strcmp(name, "outcome") == 0)
		return strcmp(is, "committed") == 0 ? CLAIM_THERE : strcmp(is, "aborted") == 0 ? CLAIM_NOT_THERE : CLAIM_UNKNOWN;
	return before;
}

/* What the transcript says in the end; *committing: whether its commit point was recorded. */
static enum claim
what_is_told(const struct world *w, bool *committing, bool *says_how)
{
	enum claim claim = CLAIM_NOTHING;
	char path[700];
	struct buf text;
	const char *line;
	int64_t request = 0;
	size_t n;

	*committing = *says_how = false;
	test_transcript(&w->b, path, sizeof path);
	buf_init(&text, 16 * 1024 * 1024);
	assert_int_equal(io_read_file(path, 16 * 1024 * 1024, &text, NULL), 0);
	while (io_line(&text, &line, &n)) {
		json_t *o = json_line_parse(line, n, NULL);
		const char *k = json_str(o, "k", NULL), *ev = json_str(o, "ev", NULL), *words = json_str(o, "text", NULL);

		if (ev != NULL && strcmp(ev, "request") == 0)
			request = json_int(o, "n", 0);
		else if (ev != NULL && request != 0 && json_int(o, "of", 0) == request)
			claim = claim_of(o, claim, committing);
		else if (k != NULL && strcmp(k, "why") == 0 && words != NULL)
			*says_how = *says_how || strstr(words, "by hand: compare the rows") != NULL;
		json_decref(o);
		buf_consume(&text, n + 1);
	}
	buf_fini(&text);
	return claim;
}

/* PostgreSQL always knows, MariaDB never; a file only that nobody has committed since. */
static bool
may_be_unknown(const struct crash_case *c, bool committing, int64_t there)
{
	return committing && (c->engine == CRASH_MARIADB || (c->engine == CRASH_SQLITE && there == 1));
}

static void
judge(struct world *w)
{
	json_t *open = test_wait_over(&w->b);
	struct transcript_report r;
	bool committing, says_how;
	enum claim claim = what_is_told(w, &committing, &says_how);
	int64_t there = is_there(w);
	char path[700];

	if (w->c->step == CRASH_HELD && claim != CLAIM_NOT_THERE)
		fail_msg("what is held does not outlive a death: it is rolled back, and the transcript says so");
	if (claim == CLAIM_OPEN)
		fail_msg("a run has no end in the transcript");
	if ((claim == CLAIM_THERE) != (there == 1) && claim != CLAIM_UNKNOWN)
		fail_msg("the transcript says %s, the row says %s", claim == CLAIM_THERE ? "committed" : "not committed",
		    there == 1 ? "committed" : "not committed");
	if (claim == CLAIM_UNKNOWN && !may_be_unknown(w->c, committing, there))
		fail_msg("unknown, and it could be known: the row says %s", there == 1 ? "committed" : "not committed");
	if ((claim == CLAIM_UNKNOWN) != (open != NULL))
		fail_msg("unknown and settled do not fit: %s in the lobby", open != NULL ? "open" : "nothing");
	if (open != NULL) {
		assert_true(says_how);
		test_settle(&w->b, json_str(open, "session", NULL), there == 1 ? "committed" : "aborted");
	}
	json_decref(open);
	test_transcript(&w->b, path, sizeof path);
	assert_int_equal(transcript_verify_file(path, &r, NULL), 0);
	assert_int_equal(r.verdict, TRANSCRIPT_SEALED);
	assert_int_equal(is_there(w), there);
}

void
crash_run(void **state)
{
	struct world w;

	begin(&w, *state);
	go_to(&w);
	strike(&w);
	end_what_goes_on(&w);
	judge(&w);
	if (w.ben != NULL)
		test_console_close(w.ben);
	if (w.anna != NULL)
		test_console_close(w.anna);
	test_broker_stop(&w.b);
	if (w.c->engine != CRASH_SQLITE)
		relay_stop(&w.relay);
}
