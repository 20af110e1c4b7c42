/* SPDX-License-Identifier: GPL-3.0-or-later */
/* BEGIN ... COMMIT as people type it. The changes between are collected, not sent: no lock is held while people think,
 * one request shows all of them, and COMMIT asks for the key once for the set and, once it ran, again for its real
 * counts (hold). Reads go on in the wall and do not see what is collected. */
#include "config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "twokey/base/buf.h"
#include "twokey/base/clock.h"
#include "twokey/base/err.h"
#include "twokey/base/json.h"
#include "twokey/base/must.h"
#include "twokey/gate/verdict.h"
#include "twokey/sql/split.h"

#include "answer.h"
#include "msg_sql.h"

enum { SET_TEXT_MAX = 256 * 1024 };
enum word { WORD_NONE, WORD_BEGIN, WORD_COMMIT, WORD_ROLLBACK };

/* The plain forms alone: what has options (isolation, chain, a savepoint, a prepared one) is refused by the verdict. */
static const struct {
	const char *words;
	enum word is;
} forms[] = {
	{ "begin", WORD_BEGIN }, { "begin work", WORD_BEGIN }, { "begin transaction", WORD_BEGIN },
	{ "start transaction", WORD_BEGIN },
	{ "commit", WORD_COMMIT }, { "commit work", WORD_COMMIT }, { "commit transaction", WORD_COMMIT },
	{ "end", WORD_COMMIT }, { "end work", WORD_COMMIT }, { "end transaction", WORD_COMMIT },
	{ "rollback", WORD_ROLLBACK }, { "rollback work", WORD_ROLLBACK }, { "rollback transaction", WORD_ROLLBACK },
	{ "abort", WORD_ROLLBACK }, { "abort work", WORD_ROLLBACK }, { "abort transaction", WORD_ROLLBACK },
};

static const char blanks[] = " \t\r\n";

/* The words with one blank between, without the delimiter; "" when they are too long for any form. */
static void
plain(const char *sql, size_t n, char *out, size_t size)
{
	size_t len = 0;

	while (n > 0 && strchr(" \t\r\n;", sql[n - 1]) != NULL)
		n--;
	for (size_t i = 0; i < n; i++) {
		bool blank = sql[i] == '\0' || strchr(blanks, sql[i]) != NULL;

		if (blank && (len == 0 || out[len - 1] == ' '))
			continue;
		if (len + 1 >= size) {
			len = 0;
			break;
		}
		out[len++] = blank ? ' ' : sql[i];
	}
	out[len] = '\0';
}

static enum word
word_of(const struct statement *st)
{
	char words[40];

	plain(st->sql, st->n, words, sizeof words);
	for (size_t i = 0; i < sizeof forms / sizeof forms[0]; i++)
		if (strcasecmp(words, forms[i].words) == 0)
			return forms[i].is;
	return WORD_NONE;
}

static void
clear(struct set *set)
{
	for (size_t i = 0; i < set->nv; i++)
		free(set->v[i].sql);
	*set = (struct set){ 0 };
}

void
session_set_drop(struct session *s, const char *by, const char *code)
{
	json_t *ev;

	if (s->set.n == 0)
		return;
	ev = json_pack("{s:I, s:s}", "of", (json_int_t)s->set.n, "code", code);
	if (by != NULL)
		json_object_set_new(ev, "by", json_string(by));
	session_record(s, TRANSCRIPT_EVENT_DROPPED, ev, NULL, 0);
	clear(&s->set);
}

void
session_set_tick(struct session *s, int64_t now)
{
	if (s->set.n != 0 && now >= s->set.until_ms)
		session_set_drop(s, NULL, "age");
}

static void
begun(struct session *s, struct submission *sub, uint64_t n)
{
	(void)sub;
	s->submitting = false;
	s->set.n = n;
	if (n != 0 && (console_driver(s) == NULL || s->state == SESSION_ENDING))
		session_set_drop(s, NULL, "driver-left");
}

static void
staged(struct session *s, struct submission *sub, uint64_t n)
{
	(void)sub;
	(void)n;	/* not recorded: the session ends */
	s->submitting = false;
}

/* Where nothing may be changed there is nothing to collect; and a set that is too long to be read is not asked for. */
static bool
may_change(struct statement *st, uint64_t dangers)
{
	const struct session *s = st->m->s;
	struct gate_case c = { .access = s->ticket->access, .stage = s->ticket->stage, .class = SQL_CLASS_WRITE, .caps = s->caps,
	    .dangers = dangers, .is_long = gate_lines(st->sql, st->n) > GATE_LINES_MAX };
	struct gate_answer a;

	gate_judge(&c, &a);
	if (a.verdict == GATE_ASK)
		return true;
	statement_refuse(st, a.code, a.why);
	return false;
}

static void
begin(struct statement *st)
{
	struct session *s = st->m->s;
	char until[CLOCK_TEXT];

	if (s->set.n != 0) {
		statement_no(st->m, ERR_STATE, "a change set is open already; COMMIT asks for it, ROLLBACK drops it");
		return;
	}
	if (!may_change(st, 0))
		return;
	s->set.until_ms = clock_mono_ms() + (int64_t)s->config->set_seconds * 1000;
	clock_format(clock_wall_us() + (int64_t)s->config->set_seconds * 1000000, until);
	s->submitting = true;
	statement_submit(st, TRANSCRIPT_EVENT_BEGUN, json_pack("{s:s, s:s}", "by", st->m->c->person, "until", until), NULL, 0)
	    ->then = begun;
}

/* The bytes of a statement as they stand in the set: without blanks around and its delimiter. */
static void
trim(const char **sql, size_t *n)
{
	while (*n > 0 && strchr(blanks, **sql) != NULL)
		++*sql, --*n;
	while (*n > 0 && strchr(" \t\r\n;", (*sql)[*n - 1]) != NULL)
		--*n;
}

/* With a delimiter behind it is one whole statement: a comment at its end would swallow the next one. */
static bool
stands_alone(const struct session *s, const char *sql, size_t n)
{
	struct sql_piece piece;
	struct buf text;
	bool alone;

	buf_init(&text, n + 3);
	buf_put(&text, sql, n);
	buf_puts(&text, ";");
	alone = sql_split_next(&s->sql, buf_data(&text), buf_len(&text), 0, &piece) && piece.open == SQL_OPEN_NOT &&
	    piece.all.off == 0 && piece.all.len == buf_len(&text);
	buf_fini(&text);
	return alone;
}

static size_t
length(const struct set *set)
{
	size_t n = 0;

	for (size_t i = 0; i < set->nv; i++)
		n += set->v[i].n + 2;
	return n;
}

static json_t *
staged_event(const struct statement *st, const struct gate_bound *bound)
{
	const struct session *s = st->m->s;
	json_t *ev = json_pack("{s:I, s:s, s:s, s:s, s:s, s:o, s:o}", "of", (json_int_t)s->set.n, "by", st->m->c->person,
	    "class", sql_class_name(s->facts->class), "verb", s->facts->verb, "digest", st->digest, "tables", statement_tables(s),
	    "dangers", answer_dangers(s->facts->dangers));

	if (bound->given) {
		json_object_set_new(ev, "op", json_string(bound->op == GATE_OP_AT_MOST ? "<=" : "="));
		json_object_set_new(ev, "rows", json_integer((json_int_t)bound->rows));
	}
	return ev;
}

void
set_stage(struct statement *st, const struct gate_bound *bound)
{
	struct session *s = st->m->s;
	struct collected *c = &s->set.v[s->set.nv];
	const char *sql = st->sql, *reason;
	struct packet_body b[2];
	size_t n = st->n, len = 0;

	trim(&sql, &n);
	if (s->set.nv == GATE_PARTS_MAX || length(&s->set) + n + 2 > SET_TEXT_MAX) {
		statement_no(st->m, ERR_TOO_LARGE, "a change set takes no more: COMMIT asks for what is in it, ROLLBACK drops it");
		return;
	}
	if (!stands_alone(s, sql, n)) {
		statement_refuse(st, "comment", "in a change set other statements follow it, and what stands at its end would take the next "
		    "one in: leave the comment at the end out");
		return;
	}
	*c = (struct collected){ .sql = must_strndup(sql, n), .n = n, .bound = *bound, .dangers = s->facts->dangers,
	    .all_rows = s->facts->where == SQL_WHERE_ABSENT || s->facts->where == SQL_WHERE_TRUE };
	snprintf(c->table, sizeof c->table, "%s", st->object);
	s->set.nv++;
	reason = json_str(st->m->o, "reason", &len);
	packet_text_body(&b[0], "sql", st->sql, st->n);
	packet_text_body(&b[1], "reason", reason != NULL ? reason : "", len);
	s->submitting = true;
	statement_submit(st, TRANSCRIPT_EVENT_STAGED, staged_event(st, bound), b, 2)->then = staged;
}

/* Each table once, in order: "orders+order_items". False when it is too long to be typed. */
static bool
put_tables(const struct set *set, char *out, size_t size)
{
	size_t len = 0;

	for (size_t i = 0; i < set->nv; i++) {
		bool seen = false;
		int n;

		for (size_t k = 0; k < i; k++)
			seen = seen || strcmp(set->v[k].table, set->v[i].table) == 0;
		if (seen)
			continue;
		n = snprintf(out + len, size - len, "%s%s", len > 0 ? "+" : "", set->v[i].table);
		if (n < 0 || (size_t)n >= size - len)
			return false;
		len += (size_t)n;
	}
	return len > 0;
}

/* The request of the set, and the bounds of its statements for its event. */
static struct gate_request *
request_of(const struct statement *st, json_t *bounds)
{
	const struct set *set = &st->m->s->set;
	struct gate_request *r = statement_request(st);

	(void)put_tables(set, r->table, sizeof r->table);
	r->nparts = set->nv;
	for (size_t i = 0; i < set->nv; i++) {
		const struct gate_bound *b = &set->v[i].bound;
		char text[40] = "";

		r->parts[i] = *b;
		r->all_rows = r->all_rows || set->v[i].all_rows;
		if (b->given)
			snprintf(text, sizeof text, "%s %llu", b->op == GATE_OP_AT_MOST ? "<=" : "=", (unsigned long long)b->rows);
		json_array_append_new(bounds, json_string(text));
	}
	return r;
}

/* Asks for the set whose text is sql. */
static void
ask_for(struct message *m, const char *sql, size_t n)
{
	struct session *s = m->s;
	json_t *bounds, *ev;
	struct gate_request *r;
	struct statement st;
	uint64_t dangers = 0;

	statement_init(&st, m, sql, n);
	sql_classify(s->facts, &s->sql, sql, n);
	for (size_t i = 0; i < s->set.nv; i++)
		dangers |= s->set.v[i].dangers;
	if (!may_change(&st, dangers))
		return;
	bounds = json_array();
	r = request_of(&st, bounds);
	ev = statement_event(&st, r);
	json_object_set_new(ev, "verb", json_string("COMMIT"));
	json_object_set_new(ev, "dangers", answer_dangers(dangers));
	json_object_set_new(ev, "bounds", bounds);
	session_set_drop(s, m->c->person, "asked");
	statement_ask(&st, r, dangers, ev);
}

static void
commit(struct statement *st)
{
	struct session *s = st->m->s;
	char table[sizeof s->set.v[0].table];
	struct buf text;

	if (s->set.nv == 0) {
		session_set_drop(s, st->m->c->person, "empty");
		console_answer(st->m->c, st->m->name, st->m->id, true, NULL);
		return;
	}
	if (!put_tables(&s->set, table, sizeof table)) {
		statement_no(st->m, ERR_TOO_LARGE, "the names of its tables are too long to be typed together: ROLLBACK, and make two sets");
		return;
	}
	if (!statement_may_ask(st))
		return;
	buf_init(&text, SET_TEXT_MAX + 1);
	for (size_t i = 0; i < s->set.nv; i++) {
		buf_put(&text, s->set.v[i].sql, s->set.v[i].n);
		buf_puts(&text, ";\n");
	}
	ask_for(st->m, buf_data(&text), buf_len(&text));
	buf_fini(&text);
}

bool
set_word(struct statement *st)
{
	struct session *s = st->m->s;
	enum word w = word_of(st);

	if (w == WORD_NONE)
		return false;
	if (w == WORD_BEGIN) {
		begin(st);
	} else if (s->set.n == 0) {
		statement_no(st->m, ERR_STATE, "no change set is open; BEGIN opens one");
	} else if (w == WORD_COMMIT) {
		commit(st);
	} else {
		session_set_drop(s, st->m->c->person, "rollback");
		console_answer(st->m->c, st->m->name, st->m->id, true, NULL);
	}
	return true;
}
