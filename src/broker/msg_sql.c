/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A statement: classified, judged, then recorded as read, request or refused. Nothing else happens to it here. */
#include "config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "twokey/base/buf.h"
#include "twokey/base/clock.h"
#include "twokey/base/err.h"
#include "twokey/base/json.h"
#include "twokey/base/must.h"
#include "twokey/gate/change.h"
#include "twokey/gate/verdict.h"
#include "twokey/sql/redact.h"

#include "answer.h"
#include "msg_sql.h"

enum { RECORDER_BUSY = 4 * 1024 * 1024 };

void
statement_init(struct statement *st, struct message *m, const char *sql, size_t n)
{
	*st = (struct statement){ .m = m, .sql = sql, .n = n, .sum = digest_of(sql, n) };
	digest_hex(&st->sum, st->digest);
}

void
statement_no(struct message *m, int code, const char *why)
{
	console_refuse(m->c, m->name, m->id, code, why);
}

json_t *
statement_tables(const struct session *s)
{
	const struct sql_facts *f = s->facts;
	json_t *v = json_array();

	for (size_t i = 0; i < f->ntables; i++) {
		struct buf name;

		buf_init(&name, 512);
		if (f->tables[i].schema.n > 0) {
			buf_put(&name, f->tables[i].schema.p, f->tables[i].schema.n);
			buf_putc(&name, '.');
		}
		buf_put(&name, f->tables[i].name.p, f->tables[i].name.n);
		/* a name that is no UTF-8 is in the statement's body; here it is only not listed */
		json_array_append_new(v, json_stringn(buf_data(&name), buf_len(&name)));
		buf_fini(&name);
	}
	return v;
}

struct submission *
statement_submit(struct statement *st, enum transcript_event_kind kind, json_t *ev, struct packet_body *b, size_t nb)
{
	struct message *m = st->m;
	struct submission *sub = session_record(m->s, kind, ev, b, nb);

	sub->console = m->c->id;
	sub->re = "sql";
	sub->id = json_incref(m->id);
	return sub;
}

/* The text as the transcript may keep it: without what looks like a secret. */
static void
kept_sql(struct packet_body *b, const struct sql_facts *f, const struct statement *st)
{
	struct buf text;

	buf_init(&text, 8 * TRANSCRIPT_BODY_MAX);
	sql_redact(&text, f, st->sql, st->n);
	packet_text_body(b, "sql", buf_data(&text), buf_len(&text));
	buf_fini(&text);
}

void
statement_refuse(struct statement *st, const char *code, const char *why)
{
	const struct sql_facts *f = st->m->s->facts;
	struct packet_body b[2];
	struct submission *sub;
	json_t *ev = json_pack("{s:s, s:s, s:s, s:s, s:s, s:o}", "by", st->m->c->person,
	    "class", sql_class_name(f->class), "verb", f->verb, "code", code, "digest", st->digest,
	    "dangers", answer_dangers(f->dangers));

	kept_sql(&b[0], f, st);
	packet_text_body(&b[1], "why", why, strlen(why));
	sub = statement_submit(st, TRANSCRIPT_EVENT_REFUSED, ev, b, 2);
	sub->refusal = true;
	strncpy(sub->why, why, sizeof sub->why - 1);
}

void
session_read_recorded(struct session *s, struct submission *sub, uint64_t n)
{
	(void)sub;
	s->submitting = false;
	s->running = n;
	if (n != 0 && console_driver(s) == NULL && s->state != SESSION_ENDING)
		session_record(s, TRANSCRIPT_EVENT_CANCEL, json_pack("{s:I}", "of", (json_int_t)n), NULL, 0);
}

static void
run_read(struct statement *st)
{
	const struct sql_facts *f = st->m->s->facts;
	struct packet_body b;
	json_t *ev = json_pack("{s:s, s:s, s:s, s:s, s:o, s:I}", "by", st->m->c->person,
	    "class", sql_class_name(f->class), "verb", f->verb, "digest", st->digest, "tables", statement_tables(st->m->s),
	    "limit", (json_int_t)st->m->s->ticket->max_rows_read);

	st->m->s->weighed = st->sum;
	st->m->s->costly_rows = 0;
	packet_text_body(&b, "sql", st->sql, st->n);
	st->m->s->submitting = true;
	statement_submit(st, TRANSCRIPT_EVENT_READ, ev, &b, 1)->then = session_read_recorded;
}

static void
request_recorded(struct session *s, struct submission *sub, uint64_t n)
{
	struct gate_request *r = sub->request;

	s->submitting = false;
	if (n != 0) {
		const struct console *driver = console_driver(s);

		r->n = n;
		session_status(s);
		/* the driver left while it was being recorded */
		if (driver == NULL || strcmp(driver->person, r->by) != 0 || s->state == SESSION_ENDING)
			session_void(s, r, "driver-left");
		return;
	}
	session_slot(s, r)->r = NULL;
	free(r);
}

static struct slot *
free_slot(struct session *s)
{
	for (size_t i = 0; i < SESSION_REQUESTS_MAX; i++)
		if (s->slots[i].r == NULL)
			return &s->slots[i];
	return NULL;
}

struct gate_request *
statement_request(const struct statement *st)
{
	struct gate_request *r = must_zalloc(sizeof *r);

	gate_request_init(r, 0, st->m->c->person, &st->sum, gate_lines(st->sql, st->n), clock_mono_ms(),
	    st->m->s->config->request_seconds);
	r->both_sides = st->m->s->ticket->quorum == TICKET_QUORUM_BOTH_SIDES;
	return r;
}

static void
fill_change(struct gate_request *r, const struct statement *st, const struct gate_bound *bound)
{
	const struct session *s = st->m->s;

	r->bound = *bound;
	r->all_rows = s->facts->where == SQL_WHERE_ABSENT || s->facts->where == SQL_WHERE_TRUE;
	snprintf(r->table, sizeof r->table, "%s", st->object);
	gate_act(s->facts, r->act);
}

/* What the key of a costly read names: the largest table, and the estimate as its bound. */
static void
fill_costly(struct gate_request *r, const struct session *s)
{
	r->bound = (struct gate_bound){ true, GATE_OP_AT_MOST, s->costly_rows };
	snprintf(r->table, sizeof r->table, "%s", s->costly_table);
}

json_t *
statement_event(const struct statement *st, const struct gate_request *r)
{
	struct session *s = st->m->s;
	const struct sql_facts *f = s->facts;
	char until[CLOCK_TEXT];
	json_t *ev;

	clock_format(clock_wall_us() + (int64_t)s->config->request_seconds * 1000000, until);
	ev = json_pack("{s:s, s:s, s:s, s:s, s:o, s:o, s:s, s:s}", "by", r->by,
	    "class", sql_class_name(f->class), "verb", f->verb, "digest", st->digest,
	    "tables", statement_tables(st->m->s), "dangers", answer_dangers(f->dangers), "table", r->table, "until", until);
	if (ev != NULL)
		json_object_set_new(ev, "signed", json_string(ticket_signed_name(s->ticket->signature)));
	if (ev != NULL && r->rehearsal)
		json_object_set_new(ev, "rehearsal", json_true());
	if (ev != NULL && r->act[0] != '\0')
		json_object_set_new(ev, "act", json_string(r->act));
	if (ev != NULL && r->bound.given) {
		json_object_set_new(ev, "op", json_string(r->bound.op == GATE_OP_AT_MOST ? "<=" : "="));
		json_object_set_new(ev, "rows", json_integer((json_int_t)r->bound.rows));
	}
	return ev;
}

static bool
is_planned(const struct statement *st)
{
	return ticket_change_of(st->m->s->ticket, &st->sum) != NULL;
}

/* False after a refusal that both people read: one of them needs a break. */
static bool
has_rest(struct statement *st)
{
	char why[700];

	if (is_planned(st) || session_pace_may_ask(st->m->s, st->m->c->person, why, sizeof why))
		return true;
	statement_refuse(st, "break", why);
	return false;
}

bool
statement_may_ask(struct statement *st)
{
	struct session *s = st->m->s;

	if (s->state != SESSION_READY)
		statement_no(st->m, ERR_STATE, "no second person is here, and the ticket asks for one before anything that needs the key; "
		    "one who is here resumes");
	else if (session_all_away(s, st->m->c->person))
		statement_no(st->m, ERR_STATE, "the confirmer is AWAY: no key was pressed for a while; "
		    "call, and send it again when the confirmer is back");
	else if (free_slot(s) == NULL)
		statement_no(st->m, ERR_STATE, "too many requests wait already; withdraw one of them");
	else
		return has_rest(st);
	return false;
}

void
statement_ask(struct statement *st, struct gate_request *r, uint64_t dangers, json_t *ev)
{
	struct session *s = st->m->s;
	struct slot *slot = free_slot(s);
	size_t n = 0;
	const char *reason = json_str(st->m->o, "reason", &n);
	struct packet_body b[2];
	struct submission *sub;

	*slot = (struct slot){ .r = r, .dangers = dangers, .class = s->facts->class, .planned = is_planned(st) };
	session_pace_count(s, GATE_PACE_ASKED, r->by);
	session_pace_tell(s, r->by, ev);
	packet_text_body(&b[0], "sql", st->sql, st->n);
	packet_text_body(&b[1], "reason", reason != NULL ? reason : "", n);
	s->submitting = true;
	sub = statement_submit(st, TRANSCRIPT_EVENT_REQUEST, ev, b, 2);
	sub->then = request_recorded;
	sub->request = r;
}

/* What it would set off is db's to see; here what the ticket and the text say. */
static bool
may_rehearse(struct statement *st)
{
	const struct session *s = st->m->s;

	if (!s->ticket->rehearsal)
		statement_no(st->m, ERR_DENIED, "the ticket has no rehearsal: ask for a ticket with rehearsal: yes (not on production)");
	else if (s->facts->class != SQL_CLASS_WRITE || sql_is_definition(s->facts))
		statement_no(st->m, ERR_INVALID, "only an UPDATE or DELETE of rows is rehearsed");
	else
		return true;
	return false;
}

/* Rows, where there are some, and an object that can be typed; false after an answer. */
static bool
can_be_asked(struct statement *st, struct gate_bound *bound)
{
	const struct session *s = st->m->s;
	const char *rows = json_str(st->m->o, "rows", NULL);
	struct err e;

	if (rows != NULL && rows[0] != '\0' && gate_bound_parse(rows, bound, &e) != 0) {
		statement_no(st->m, e.code, e.text);
	} else if (bound->given && sql_is_definition(s->facts)) {
		statement_no(st->m, ERR_INVALID, "it has no rows that could be counted: leave rows out");
	} else if (gate_change_bound(ticket_change_of(s->ticket, &st->sum), bound, &e) != 0) {
		statement_refuse(st, "rows", e.text);
	} else if (s->facts->class != SQL_CLASS_READ && st->object[0] == '\0') {
		statement_refuse(st, "table", sql_is_definition(s->facts) ? "it is not about one table, view, index or sequence "
		    "that can be named and typed; write one of them per statement" :
		    "it does not write one table that can be named and typed; write one table per statement");
	} else {
		return true;
	}
	return false;
}

static void
ask(struct statement *st)
{
	struct session *s = st->m->s;
	bool rehearsal = json_bool(st->m->o, "rehearsal");
	struct gate_bound bound = { 0 };
	struct gate_request *r;

	if (!can_be_asked(st, &bound))
		return;
	if (s->set.n != 0 && (rehearsal || sql_is_definition(s->facts))) {
		statement_no(st->m, ERR_STATE, "a change set collects changes of rows: COMMIT or ROLLBACK ends it, then send this alone");
		return;
	}
	if (rehearsal && !may_rehearse(st))
		return;
	if (s->set.n != 0 && s->facts->class == SQL_CLASS_WRITE) {
		set_stage(st, &bound);
		return;
	}
	if (!statement_may_ask(st))
		return;
	r = statement_request(st);
	if (s->facts->class == SQL_CLASS_READ)
		fill_costly(r, s);
	else
		fill_change(r, st, &bound);
	r->rehearsal = rehearsal;
	statement_ask(st, r, s->facts->dangers, statement_event(st, r));
}

/* Where a ticket would help, the words that it needs: the driver copies them. */
static void
refuse_judged(struct statement *st, const struct gate_answer *a)
{
	struct buf why;

	buf_init(&why, 2048);
	buf_puts(&why, a->why);
	if (a->strict || strcmp(a->code, "long") == 0) {
		buf_puts(&why, "; ");
		gate_change_wanted(&why, &st->sum, st->object, a->strict);
	}
	statement_refuse(st, a->code, buf_str(&why));
	buf_fini(&why);
}

static void
judge(struct statement *st)
{
	struct session *s = st->m->s;
	struct gate_case c = { .access = s->ticket->access, .stage = s->ticket->stage,
	    .class = s->facts->class, .dangers = s->facts->dangers, .caps = s->caps,
	    .is_long = gate_lines(st->sql, st->n) > GATE_LINES_MAX };
	struct gate_answer a;

	(void)gate_object(s->facts, st->object);
	c.named = gate_named_in(s->ticket, &st->sum, st->object, clock_wall_us());
	gate_judge(&c, &a);
	switch (a.verdict) {
	case GATE_RUN:
		run_read(st);
		return;
	case GATE_ASK:
		if (a.strict && s->set.n != 0) {
			statement_no(st->m, ERR_STATE, "what takes the strict path stands alone: COMMIT or ROLLBACK ends the change set, then send "
			    "this");
			return;
		}
		ask(st);
		return;
	case GATE_STRICT:
	case GATE_REFUSE:
	case GATE_VERDICTS:
		break;
	}
	refuse_judged(st, &a);
}

void
msg_sql(struct message *m)
{
	struct session *s = m->s;
	struct statement st;
	const char *sql;
	size_t n;

	sql = json_str(m->o, "text", &n);
	if (s->running != 0 || s->submitting || channel_backlog(s->recorder) > RECORDER_BUSY) {
		statement_no(m, ERR_STATE, "a statement is running; wait for its end or cancel it");
		return;
	}
	statement_init(&st, m, sql, n);
	sql_classify(s->facts, &s->sql, sql, n);
	if (s->facts->statements == 0) {
		statement_no(m, ERR_INVALID, "there is no statement in the text");
		return;
	}
	if (s->facts->dangers & SQL_DANGER_BIT(SQL_DANGER_SECRET)) {
		/* law 7: no secret in a transcript, and what is not recorded does not run */
		statement_refuse(&st, "secret", "the text holds a password or key, which no transcript may keep; "
		    "change it without the secret (a later version takes secrets apart from the text)");
		return;
	}
	if (json_bool(m->o, "costly") && s->facts->class == SQL_CLASS_READ) {
		if (s->costly_rows == 0 || !digest_equal(&s->weighed, &st.sum)) {
			statement_no(m, ERR_STATE, "a read is asked for in this way only right after it was found too costly; send it "
			    "without \"costly\" first");
			return;
		}
		s->facts->dangers |= SQL_DANGER_BIT(SQL_DANGER_COST);
	}
	if (!set_word(&st))
		judge(&st);
}
