/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A request in the log: what is asked, who has looked, what became of it. */
#include "config.h"

#include "log_priv.h"
#include "pace.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "twokey/base/buf.h"
#include "twokey/base/json.h"
#include "twokey/base/text.h"
#include "twokey/sql/class.h"

const char *
log_state_word(const struct model_entry *e)
{
	static const char *const words[TRANSCRIPT_EVENTS] = {
		[TRANSCRIPT_EVENT_READ] = "RUNNING", [TRANSCRIPT_EVENT_DONE] = "DONE",
		[TRANSCRIPT_EVENT_REFUSED] = "REFUSED", [TRANSCRIPT_EVENT_REQUEST] = "PENDING",
		[TRANSCRIPT_EVENT_SHEET] = "PENDING", [TRANSCRIPT_EVENT_OPENED] = "PENDING",
		[TRANSCRIPT_EVENT_ASKED] = "ASKED", [TRANSCRIPT_EVENT_REPLIED] = "PENDING",
		[TRANSCRIPT_EVENT_TURNED] = "PENDING", [TRANSCRIPT_EVENT_ALLOWED] = "ALLOWED", [TRANSCRIPT_EVENT_RUN] = "RUNNING",
		[TRANSCRIPT_EVENT_COMMITTING] = "COMMITTING", [TRANSCRIPT_EVENT_COMMITTED] = "COMMITTED",
		[TRANSCRIPT_EVENT_DENIED] = "DENIED", [TRANSCRIPT_EVENT_WITHDRAWN] = "WITHDRAWN",
		[TRANSCRIPT_EVENT_EXPIRED] = "EXPIRED", [TRANSCRIPT_EVENT_VOID] = "VOID",
		[TRANSCRIPT_EVENT_ROLLEDBACK] = "ROLLED BACK", [TRANSCRIPT_EVENT_FAILED] = "FAILED",
		[TRANSCRIPT_EVENT_HELD] = "HELD", [TRANSCRIPT_EVENT_KEPT] = "KEPT", [TRANSCRIPT_EVENT_STAGED] = "COLLECTED",
		[TRANSCRIPT_EVENT_COSTLY] = "NOT RUN", [TRANSCRIPT_EVENT_UNKNOWN] = "OUTCOME UNKNOWN",
	};

	if (e->state == TRANSCRIPT_EVENT_OUTCOME || e->state == TRANSCRIPT_EVENT_SETTLED) {	/* what was found later */
		const char *is = json_str(e->end, "is", NULL);

		if (is != NULL && strcmp(is, "committed") == 0)
			return "COMMITTED";
		return is != NULL && strcmp(is, "aborted") == 0 ? "ROLLED BACK" : "OUTCOME UNKNOWN";
	}
	return words[e->state] != NULL ? words[e->state] : transcript_event_rule(e->state)->name;
}

static void
lay_asked(struct log_entry *o)
{
	const struct model_entry *e = o->e;
	struct lay *l = &o->lay;
	struct buf b;

	if (model_only_reads(e))
		lay_line(l, SCREEN_PLAIN, "  it only reads; it would go through about %" PRId64 " rows; largest table: %s",
		    e->rows_wanted, e->table);
	else if (model_is_set(e))
		log_bounds(o);
	else if (e->act[0] != '\0')
		lay_line(l, SCREEN_PLAIN, "  object: %s   (no rows to count)", e->table);
	else if (e->op[0] != '\0' && e->rows_wanted >= 0)
		lay_line(l, SCREEN_PLAIN, "  rows expected: %s %" PRId64 "   table: %s", e->op, e->rows_wanted, e->table);
	else
		lay_line(l, SCREEN_PLAIN, "  rows expected: as the sheet counts   table: %s", e->table);
	buf_init(&b, 16384);
	pace_words(e, &b);
	if (buf_len(&b) > 0)
		lay_line(l, SCREEN_DIM, "  %s", buf_str(&b));
	buf_fini(&b);
	if (e->reason != NULL && e->reason[0] != '\0')
		lay_text(l, SCREEN_PLAIN, "  reason: ", "    ", e->reason, strlen(e->reason), LAY_WORDS);
}

static void
lay_talk(struct log_entry *o)
{
	const struct model_entry *e = o->e;

	for (size_t i = 0; i < e->ntalk; i++)
		lay_line(&o->lay, SCREEN_PLAIN, "  %s: %s", e->talk[i].by,
		    e->talk[i].text != NULL ? e->talk[i].text : "(not in this copy)");
}

/* What no transcript of a broker has. */
static void
lay_odd(struct log_entry *o)
{
	const struct model_entry *e = o->e;

	if (e->unallowed)
		lay_line(&o->lay, SCREEN_BAD, "  !!  it ran, and here stands no answer that allowed it");
	if (e->allowed && strcmp(e->answered_by, e->by) == 0)
		lay_line(&o->lay, SCREEN_BAD, "  !!  %s asked for it and allowed it", e->by);
}

/* "anna opened it 14:03:20, last line shown 14:03:21, typed "orders 3" 14:04:10" */
static void
lay_seen(struct log_entry *o)
{
	const struct model_entry *e = o->e;
	char opened[12], last[12], answered[12];
	struct buf b;

	lay_odd(o);
	if (e->opened_us == 0 && !e->allowed)
		return;
	lay_clock(&o->lay, e->opened_us, opened);
	lay_clock(&o->lay, e->last_shown_us, last);
	lay_clock(&o->lay, e->answered_us, answered);
	buf_init(&b, SIZE_MAX / 2);
	if (e->opened_us != 0)
		buf_putf(&b, "  %s opened it %s", e->opened_by, opened);
	else
		buf_puts(&b, "  nobody opened it");
	if (e->last_shown_us != 0)
		buf_putf(&b, ", last line shown %s", last);
	if (e->typed != NULL)
		buf_putf(&b, ", %s typed \"%s\" %s", e->answered_by, e->typed, answered);
	else if (e->allowed)
		buf_putf(&b, ", %s allowed it %s (what was typed is not in this copy)", e->answered_by, answered);
	lay_line(&o->lay, SCREEN_PLAIN, "%s", buf_str(&b));
	if (e->turned_by[0] != '\0' && e->allowed)
		lay_line(&o->lay, SCREEN_PLAIN, "  2 keys: %s's of the %s, then %s's", e->turned_by, e->turned_side, e->answered_by);
	if (e->key[0] != '\0')
		lay_line(&o->lay, SCREEN_PLAIN, "  signed with %s%s", e->key, e->touched && e->pin ? ", touched, PIN given" :
		    e->touched ? ", touched" : e->pin ? ", PIN given" : "");
	buf_fini(&b);
}

static void
lay_pending(struct log_entry *o)
{
	const struct model_entry *e = o->e;
	char sent[12], until[12], turned[MODEL_NAME_MAX + 60];

	if (model_turned_words(e, turned, sizeof turned))
		lay_line(&o->lay, SCREEN_WARN, "  %s", turned);
	lay_clock(&o->lay, e->wall_us, sent);
	lay_clock(&o->lay, e->until_us, until);
	lay_line(&o->lay, SCREEN_WARN, "  sent %s   PENDING%s   lapses to DENIED at %s", sent,
	    e->sheet == NULL ? ", the sheet is being made" : "", until);
	if (!o->ruled)
		lay_line(&o->lay, SCREEN_DIM, "  Nothing runs before it is allowed.");
}

static void
upper(char *out, size_t max, const char *s)
{
	size_t i;

	for (i = 0; s[i] != '\0' && i + 1 < max; i++)
		out[i] = (char)toupper((unsigned char)s[i]);
	out[i] = '\0';
}

/* MariaDB and MySQL tell of the tables that the statement names alone (src/db/my_run.c). */
static bool
is_told_in_part(const struct log_entry *o)
{
	const char *engine = model_header(o->m)->engine;
	uint64_t more = SQL_DANGER_BIT(SQL_DANGER_TRIGGER) | SQL_DANGER_BIT(SQL_DANGER_CASCADE);

	return (strcmp(engine, "mariadb") == 0 || strcmp(engine, "mysql") == 0) && (o->e->dangers & more) != 0;
}

static void
lay_effects(struct log_entry *o)
{
	const struct model_entry *e = o->e;
	const json_t *v;
	size_t i;

	json_array_foreach(json_object_get(e->end, "effects"), i, v) {
		const char *table = json_str(v, "table", NULL);

		if (table != NULL)
			lay_line(&o->lay, SCREEN_PLAIN, "  %s: %" PRId64 " inserted, %" PRId64 " updated, %" PRId64
			    " deleted", table, json_int(v, "inserted", 0), json_int(v, "updated", 0),
			    json_int(v, "deleted", 0));
	}
	if (is_told_in_part(o))
		lay_line(&o->lay, SCREEN_WARN, "  !!  and what triggers and foreign keys changed besides: this server does not tell it");
}

static void
lay_committed(struct log_entry *o, const char *at)
{
	const struct model_entry *e = o->e;
	char verb[sizeof e->verb], left[200];

	upper(verb, sizeof verb, e->verb);
	if (e->act[0] != '\0')
		snprintf(left, sizeof left, "%s   COMMITTED %s", verb, at);
	else
		snprintf(left, sizeof left, "%s %" PRId64 "   COMMITTED %s", verb, e->rows, at);
	lay_line(&o->lay, SCREEN_GOOD, "%s   %.1f ms", left, e->ms_server);
	if (json_str(e->end, "code", NULL) != NULL && strcmp(json_str(e->end, "code", NULL), "not-replicated") == 0)
		lay_line(&o->lay, SCREEN_BAD, "  NOT REPLICATED: waiting for a standby to confirm it was broken off; if this server is lost now, "
		    "so may the change be");
	if (e->hold.n == 0)		/* else they stand above: what was held */
		lay_effects(o);
}

/* What stopped it before anybody could answer. */
static const char *
void_words(const struct model_entry *e)
{
	static const char *const reasons[][2] = {
		{ "bound", "another number of rows matches than the driver named; ask again with the right one" },
		{ "strict", "it cannot be rolled back, so it has to be named in the ticket, with its object and a fresh backup" },
		{ "dangers", "the database shows a danger in it that this ticket does not let pass" },
		{ "sheet", "the database could not say what it would touch" },
		{ "driver-left", "the driver left, and what waits does not outlive that" },
		{ "paused", "the session was paused while the signature was verified" },
		{ "alone", "the last second person had gone when the signature was verified" },
		{ "ended", "the session ended before it was answered" },
	};
	const char *why = "something that was shown is no longer so";

	for (size_t i = 0; i < sizeof reasons / sizeof reasons[0]; i++)
		if (strcmp(e->code, reasons[i][0]) == 0)
			why = reasons[i][1];
	if (strcmp(e->code, "bound") == 0 && e->op[0] == '\0' && e->count < 0)
		why = "its rows cannot be counted before it runs; ask again and name how many, as in = 1";
	return why;
}

const char *
log_over_words(const struct model_entry *e)
{
	if (e->answer != NULL)
		return e->answer;
	return e->state == TRANSCRIPT_EVENT_VOID ? void_words(e) : e->state == TRANSCRIPT_EVENT_EXPIRED ?
	    "nobody answered in time, that is a no" : "";
}

static void
lay_void(struct log_entry *o, const char *at)
{
	const struct model_entry *e = o->e;

	lay_line(&o->lay, SCREEN_BAD, "VOID %s (%s): %s", at, e->code, void_words(e));
	if (strcmp(e->code, "sheet") == 0 && e->answer != NULL)		/* of the event "failed" before it */
		lay_text(&o->lay, SCREEN_BAD, "  why: ", "    ", e->answer, strlen(e->answer), LAY_WORDS);
	if (strcmp(e->code, "bound") == 0 && e->count >= 0 && e->op[0] != '\0')
		lay_line(&o->lay, SCREEN_PLAIN, "  matching rows: %" PRId64 "   named: %s %" PRId64, e->count, e->op,
		    e->rows_wanted);
}

/* It was asked later, and nothing can tell: a person has to look. */
static void
lay_unknown(struct log_entry *o, const char *at)
{
	const struct model_entry *e = o->e;

	lay_line(&o->lay, SCREEN_BAD, "OUTCOME UNKNOWN %s, also when it was asked later%s%s", at, e->answer != NULL ? ": " : "",
	    e->answer != NULL ? e->answer : "");
	lay_line(&o->lay, SCREEN_WARN, "  A confirmer or the approver looks, and settles it: twokey settle -m \"how I know\" %s committed|aborted",
	    model_header(o->m)->session);
}

/* How it ended, for what is no commit and no error. */
static void
lay_end(struct log_entry *o, const char *at)
{
	const struct model_entry *e = o->e;
	const char *why = e->answer != NULL ? e->answer : "", *colon = why[0] != '\0' ? ": " : "";
	const char *is = json_str(e->end, "is", NULL);

	if (why[0] == '\0' && e->state == TRANSCRIPT_EVENT_ROLLEDBACK && strcmp(e->code, "waiters") == 0)
		why = "others waited for its locks", colon = ": ";

	if (e->state == TRANSCRIPT_EVENT_DENIED)
		lay_line(&o->lay, SCREEN_BAD, "DENIED by %s %s%s%s", e->answered_by, at, colon, why);
	else if (e->state == TRANSCRIPT_EVENT_WITHDRAWN)
		lay_line(&o->lay, SCREEN_DIM, "WITHDRAWN by %s %s", e->answered_by, at);
	else if (e->state == TRANSCRIPT_EVENT_EXPIRED)
		lay_line(&o->lay, SCREEN_BAD, "EXPIRED %s: nobody answered in time, that is a no", at);
	else if (e->state == TRANSCRIPT_EVENT_VOID)
		lay_void(o, at);
	else if (e->state == TRANSCRIPT_EVENT_ROLLEDBACK)
		lay_line(&o->lay, SCREEN_BAD, "ROLLED BACK %s (%s)%s%s", at, e->code, colon, why);
	else if (e->state == TRANSCRIPT_EVENT_UNKNOWN)
		lay_line(&o->lay, SCREEN_BAD, "OUTCOME UNKNOWN %s: the connection or a process was lost in between",
		    at);
	else if (e->state == TRANSCRIPT_EVENT_SETTLED)
		lay_line(&o->lay, SCREEN_WARN, "SETTLED %s: %s, as %s says%s%s", at, is != NULL ? is : "?",
		    json_str(e->end, "by", NULL) != NULL ? json_str(e->end, "by", NULL) : "?", colon, why);
	else if (e->state == TRANSCRIPT_EVENT_OUTCOME && is != NULL && strcmp(is, "unknown") == 0)
		lay_unknown(o, at);
	else if (e->state == TRANSCRIPT_EVENT_OUTCOME)
		lay_line(&o->lay, SCREEN_WARN, "OUTCOME %s, asked later: %s%s%s", at, is != NULL ? is : "?", colon, why);
	else
		lay_line(&o->lay, SCREEN_WARN, "%s %s%s%s", log_state_word(e), at, colon, why);
	if (e->answered_us == 0 || e->state == TRANSCRIPT_EVENT_DENIED || e->state == TRANSCRIPT_EVENT_WITHDRAWN)
		lay_line(&o->lay, SCREEN_DIM, "  It did not run.");
	else if (e->state == TRANSCRIPT_EVENT_ROLLEDBACK && e->hold.n > 0)
		lay_line(&o->lay, SCREEN_DIM, "  The database is as before.");
}

void
log_write(struct log_entry *o)
{
	const struct model_entry *e = o->e;
	char class[sizeof e->class], at[12];

	log_statement(o);
	upper(class, sizeof class, e->class);
	if (model_is_waiting(e) && !model_is_held(e))
		lay_line(&o->lay, SCREEN_WARN, "%s #%" PRIu64 ": a second person must allow it.", class, e->n);
	lay_asked(o);
	lay_talk(o);
	lay_seen(o);
	if (json_bool(e->event, "rehearsal"))
		hold_rehearsed_log(o);
	if (e->hold.n > 0)
		hold_log(o);
	lay_clock(&o->lay, e->end_us, at);
	if (model_is_held(e))
		;
	else if (model_is_waiting(e))
		lay_pending(o);
	else if (e->end == NULL && e->hold.n > 0)
		lay_line(&o->lay, SCREEN_WARN, "%s", e->hold.answer == TRANSCRIPT_EVENT_KEPT ? "COMMITTING" : "IT IS BEING TAKEN BACK");
	else if (e->end == NULL)
		lay_line(&o->lay, SCREEN_WARN, "%s, allowed by %s", log_state_word(e), e->answered_by);
	else if (e->state == TRANSCRIPT_EVENT_DONE)
		log_rows(o);
	else if (e->state == TRANSCRIPT_EVENT_FAILED && model_only_reads(e))
		log_error(o, "ERROR");
	else if (e->state == TRANSCRIPT_EVENT_COMMITTED)
		lay_committed(o, at);
	else if (e->state == TRANSCRIPT_EVENT_FAILED)
		log_error(o, "FAILED, nothing changed");
	else
		lay_end(o, at);
	log_notices(o);
}
