/* SPDX-License-Identifier: GPL-3.0-or-later */
/* An allowed write: look again with the rows locked, run the bytes, compare, commit. */
#include "config.h"

#include "my.h"

#include <inttypes.h>
#include <errmsg.h>
#include <mysqld_error.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "twokey/base/clock.h"
#include "twokey/base/err.h"
#include "twokey/base/must.h"

#include "allowed.h"
#include "effects.h"

void
my_ended_by(struct db_conn *c, unsigned number, const struct db_statement *s, struct db_result *r)
{
	uint64_t rows = r->rows;

	if (my_is_lost(number)) {
		c->lost = true;
		db_end_with(r, DB_FAILED, "lost", "the connection was lost before COMMIT was sent: the server rolls back");
		return;
	}
	my_failed(number, mysql_sqlstate(c->my), mysql_error(c->my), s, r);
	r->rows = rows;
	if (number == ER_LOCK_WAIT_TIMEOUT || number == ER_LOCK_DEADLOCK) {
		r->end = DB_ROLLEDBACK;
		snprintf(r->code, sizeof r->code, "conflict");
	} else if (my_is_cancelled(number)) {
		r->end = DB_ROLLEDBACK;
		snprintf(r->code, sizeof r->code, "cancelled");
	}
}

/* The transaction that may write: the only one, and only this one. */
static int
begin_write(struct db_conn *c, struct buf *names, struct err *e)
{
	int ret = my_own(c, OWN_MY_ROLLBACK, 0, NULL, names, NULL, e);

	if (ret == 0)
		ret = my_own(c, OWN_MY_ISOLATION, 0, NULL, names, NULL, e);
	if (ret == 0)
		ret = my_own(c, OWN_MY_BEGIN_WRITE, 0, NULL, names, NULL, e);
	if (ret == 0 && !my_is_writing(c))
		ret = my_lose(c, e, "no transaction that writes could be begun");
	c->writes_since_ms = clock_mono_ms();
	return ret;
}

static bool
writes(const struct sql_facts *f)
{
	for (size_t i = 0; i < f->ntables; i++)
		if ((f->tables[i].use & SQL_USE_WRITE) != 0)
			return true;
	return false;
}

static void
compare(const struct my_look *l, const struct db_allowed *a, struct db_part *p, struct db_result *r)
{
	char text[200];

	if (!db_as_shown(a, p, l->sheet, r))
		return;
	if (my_is_at_once(p->facts))
		return;		/* nobody takes it for something that could be taken back */
	if (l->stays && p->moved) {	/* nothing of it could be held */
		snprintf(text, sizeof text, "the rows that it matches are not those that were shown: %.120s; ask again", p->differs);
		db_end_with(r, DB_ROLLEDBACK, "keys", text);
	} else if (l->stays && a->at_once && a->nparts == 1) {
		p->stays = true;
	} else if (l->stays) {
		snprintf(text, sizeof text, "a change of %.80s (%.40s) stays at once, or may; twokey runs only what it could take back",
		    l->stays_at, l->engine);
		db_end_with(r, DB_FAILED, "wall", text);
	} else if (!l->guarded && !l->plain && writes(p->facts)) {
		db_end_with(r, DB_FAILED, "wall", "the tables behind it could not be looked up, so it is not known whether it could be"
		    " taken back");
	}
}

static void
refuse(struct db_conn *c, int ret, const char *why, struct db_result *r)
{
	if (c->lost)
		db_end_with(r, DB_FAILED, "lost", "the connection was lost before the statement was sent");
	else if (ret == ERR_CANCELLED)
		db_end_with(r, DB_ROLLEDBACK, "cancelled", why);
	else if (ret == ERR_BOUND)
		db_end_with(r, DB_ROLLEDBACK, "conflict", why);
	else
		db_end_with(r, DB_ROLLEDBACK, "bind", why);
}

/* Looks again at one part in the transaction; true when it is as it was allowed. matched: how many rows, UINT64_MAX when
 * that is not known. */
static bool
still_as_allowed(struct db_conn *c, const struct db_allowed *a, struct db_part *p, uint64_t *matched, struct db_result *r)
{
	struct db_sheet sheet;
	struct my_look l;
	struct err e = { .text = "" };
	int ret;

	db_sheet_init(&sheet);
	my_look_init(&l, c, &p->statement, p->facts, &sheet);
	l.locks = true;
	r->end = DB_DONE;
	ret = my_look_enter(&l, &e);
	if (ret == 0 && l.guarded)
		ret = my_look_hold(&l, &e);
	if (ret == 0 && l.guarded && l.found.nviews > 0) {	/* they could be changed until they were held */
		my_targets_free(&l.found);
		ret = my_look_enter(&l, &e);
	}
	if (ret == 0)
		ret = my_look_in(&l, NULL, &e);
	own_list_join(&r->own, &sheet.own);
	if (ret == 0)
		compare(&l, a, p, r);
	else
		refuse(c, ret, e.text, r);
	*matched = l.match.known ? l.match.count : UINT64_MAX;
	my_look_fini(&l);
	db_sheet_fini(&sheet);
	return r->end == DB_DONE;
}

/* RETURNING has the server tell rows instead of how many it replaced or changed, which may be any number. */
static bool
hides_count(const struct db_part *p)
{
	const char *verb = p->facts->verb;

	return strcmp(verb, "REPLACE") == 0 || (strcmp(verb, "INSERT") == 0 && db_has_word(&p->statement, "DUPLICATE"));
}

/* Sends the bytes; rows that they return are counted and not kept. */
static bool
execute(struct db_conn *c, const struct db_part *p, struct db_result *r)
{
	const struct db_statement *s = &p->statement;
	struct my_rows rows = { .c = c };
	MYSQL *m = c->my;
	unsigned number = 0;

	if (atomic_load(&c->cancelled)) {
		db_end_with(r, DB_ROLLEDBACK, "cancelled", "cancelled");
		return false;
	}
	if (mysql_send_query(m, s->bytes, s->n) == 0)
		my_wait(c);
	if (mysql_read_query_result(m) != 0)
		number = mysql_errno(m);
	else if (mysql_field_count(m) == 0)
		r->rows = mysql_affected_rows(m);
	else if ((number = my_rows_drain(&rows)) == 0)
		r->rows = rows.count.rows;
	c->flagged = c->flagged || number != 0;	/* an error says nothing of what was done before it */
	if (number != 0) {
		my_ended_by(c, number, s, r);
		return false;
	}
	if (!my_is_writing(c) || mysql_more_results(m)) {	/* it committed by itself: what stays is not ours to say */
		c->lost = true;
		db_end_with(r, DB_UNKNOWN, "wall", "the statement ended the transaction that it ran in");
		return false;
	}
	my_watch(c);
	if (mysql_field_count(m) == 0 || !hides_count(p))
		return true;
	db_end_with(r, DB_FAILED, "wall", "what RETURNING answers does not tell how many rows were replaced or changed; ask for"
	    " it without RETURNING");
	return false;
}

/* A value that the server changes on its way is not what was shown. */
static bool
kept_as_written(struct db_conn *c, struct db_result *r)
{
	struct buf text;
	unsigned number;
	struct err e;
	int ret;

	if (mysql_warning_count(c->my) == 0)
		return true;
	buf_init(&text, 64 * 1024);
	ret = my_warned(c, &r->own, "WARNING: ", &text, &number, &e);
	if (ret != 0)
		db_end_with(r, DB_FAILED, c->lost ? "lost" : "warnings", e.text);
	else if (number != 0)
		db_end_with(r, DB_FAILED, "01000", buf_str(&text));
	else if (buf_len(&text) > 0)
		db_notice(r, buf_data(&text), buf_len(&text));
	buf_fini(&text);
	return ret == 0 && number == 0;
}

/* A number of the server's "Rows matched: 3  Changed: 2  Warnings: 0". */
static uint64_t
told(const char *info, const char *what, uint64_t otherwise)
{
	const char *at = info != NULL ? strstr(info, what) : NULL;

	return at != NULL ? strtoull(at + strlen(what), NULL, 10) : otherwise;
}

/* Of the table written only: the server does not tell what triggers and foreign keys changed. */
static void
add_effects(struct db_conn *c, const struct db_part *p, struct db_effects *all, const struct db_result *r)
{
	const struct sql_table *t = sql_written_table(p->facts);
	const char *verb = p->facts->verb, *info = mysql_info(c->my);
	uint64_t records = told(info, "Records: ", 1), again = told(info, "Duplicates: ", r->rows > 0 ? r->rows - 1 : 0);
	uint64_t in = 0, up = 0, del = 0, rest;
	struct db_effect *effect;
	struct buf name;

	if (t == NULL && !writes(p->facts))
		return;
	if (strcmp(verb, "UPDATE") == 0)
		up = told(info, "Changed: ", r->rows);
	else if (strcmp(verb, "DELETE") == 0)
		del = r->rows;
	else if (strcmp(verb, "REPLACE") == 0)
		in = records, del = again;
	else if (!db_has_word(&p->statement, "DUPLICATE"))	/* those that IGNORE passes over are "Duplicates" too */
		in = r->rows;
	else {	/* a row that changes counts twice, one that is there and stays as it is once; with IGNORE at the most */
		in = records > again ? records - again : 0;
		in = in > r->rows ? r->rows : in;	/* with IGNORE a row may neither be added nor changed */
		rest = db_has_word(&p->statement, "IGNORE") ? in : records;
		up = r->rows > rest + records ? records : r->rows > rest ? r->rows - rest : 0;
	}
	buf_init(&name, t != NULL ? t->schema.n + t->name.n + 16 : 64);
	if (t != NULL && t->schema.n > 0 && (t->schema.n != strlen(c->database) || memcmp(t->schema.p, c->database, t->schema.n) != 0)) {
		buf_put(&name, t->schema.p, t->schema.n);
		buf_putc(&name, '.');
	}
	if (t != NULL)
		buf_put(&name, t->name.p, t->name.n);
	else
		buf_puts(&name, "(several tables)");
	effect = db_effect_of(all, buf_data(&name), buf_len(&name));
	effect->inserted += in;
	effect->updated += up;
	effect->deleted += del;
	buf_fini(&name);
}

static bool
within(struct db_part *p, uint64_t matched, struct db_result *r)
{
	if (r->rows > matched) {
		db_end_with(r, DB_ROLLEDBACK, "count", "more rows were touched than it matched a moment before");
		return false;
	}
	return db_bound_kept(p, r->rows, r);
}

/* Rolls back what is still open; what stays all the same (a trigger wrote to a table without transactions) is told. */
static void
roll_back(struct db_conn *c, struct db_result *r)
{
	struct buf text;
	unsigned number = 0;
	struct err e;
	int ret = ERR_CANCELLED;

	buf_init(&text, 64 * 1024);
	for (int i = 0; i < 3 && ret == ERR_CANCELLED; i++)	/* a KILL QUERY of a change that was held hits this one */
		ret = my_own(c, OWN_MY_ROLLBACK, 0, NULL, &r->own, NULL, &e);
	if (ret == 0 && mysql_warning_count(c->my) > 0 &&
	    my_warned(c, &r->own, "WARNING: ", &text, &number, &e) == 0 && number == ER_WARNING_NOT_COMPLETE_ROLLBACK) {
		db_end_with(r, DB_FAILED, "partial", "not all of it could be rolled back: rows in tables without transactions stay"
		    " changed");
		db_note(&r->text, buf_str(&text));
	}
	buf_fini(&text);
}

static bool
settled(struct db_conn *c, struct db_result *r)
{
	struct err e;
	int ret = my_settled(c, &r->own, &e);

	if (ret == 0)
		return true;
	if (ret == ERR_CANCELLED)
		db_end_with(r, DB_ROLLEDBACK, "cancelled", "cancelled");
	else
		db_end_with(r, DB_FAILED, c->moved ? "wall" : "lost", e.text);
	return false;
}

/* What a part rests on after others ran: they could have changed what it calls by a variable. */
static bool
same_ground(struct db_conn *c, struct db_part *p, struct db_result *r)
{
	struct db_sheet sheet;
	struct my_look l;
	struct err e = { .text = "" };
	bool same = false;
	int ret;

	db_sheet_init(&sheet);
	my_look_init(&l, c, &p->statement, p->facts, &sheet);
	l.ground_only = true;
	ret = my_look_enter(&l, &e);
	if (ret == 0)
		ret = my_look_in(&l, NULL, &e);
	if (ret != 0)
		refuse(c, ret, e.text, r);
	else
		same = db_ground_kept(p, &sheet, r);
	own_list_join(&r->own, &sheet.own);
	my_look_fini(&l);
	db_sheet_fini(&sheet);
	return same;
}

/* A later part may match more rows once those before it ran: of a single one that is a reason to take it back. */
static bool
execute_all(struct db_conn *c, const struct db_allowed *a, uint64_t matched, struct db_effects *all, struct db_result *r)
{
	for (size_t i = 0; i < a->nparts; i++) {
		struct db_part *p = &a->parts[i];

		if ((i > 0 && !same_ground(c, p, r)) || !execute(c, p, r))
			return false;
		add_effects(c, p, all, r);
		if (!kept_as_written(c, r) || !within(p, a->nparts > 1 ? UINT64_MAX : matched, r))
			return false;
	}
	return true;
}

/* All parts are compared before the first is sent. */
/* A table without transactions: on record first, then sent; whatever it does stays, and is told. */
static void
run_kept(struct db_conn *c, const struct db_allowed *a, uint64_t matched, struct db_effects *all, struct db_result *r)
{
	struct db_commit_point point = { .affected = matched != UINT64_MAX ? matched : 0, .backend = (int64_t)c->id };
	struct db_part *p = &a->parts[0];
	struct err e;

	snprintf(point.system, sizeof point.system, "%s", c->system);
	if (!settled(c, r) || !db_on_record(a, &point, r))
		return;
	if (!execute(c, p, r)) {
		if (r->end == DB_ROLLEDBACK && strcmp(r->code, "cancelled") == 0 && r->rows == 0 && atomic_load(&c->cancelled) && !c->flagged)
			return;		/* it was not sent */
		if (c->lost) {
			db_end_with(r, DB_UNKNOWN, "lost", "the connection was lost after the statement was sent, which stays at once");
			return;
		}
		r->end = DB_FAILED;
		snprintf(r->code, sizeof r->code, "partial");
		db_note(&r->text, "the table has no transactions: rows that it had changed before the error stay changed");
		return;
	}
	add_effects(c, p, all, r);
	db_effects_put(all, &r->effects);
	my_notices(c, r);
	if (!db_bound_kept(p, r->rows, r)) {
		r->end = DB_FAILED;
		snprintf(r->code, sizeof r->code, "partial");
		db_note(&r->text, "the table has no transactions: they stay changed");
	} else if (my_own(c, OWN_MY_COMMIT, 0, NULL, &r->own, NULL, &e) == 0) {
		r->end = DB_COMMITTED;
		r->code[0] = '\0';
	} else {
		c->lost = true;
		db_end_with(r, DB_UNKNOWN, "lost", e.text);
	}
}

static bool
run_parts(struct db_conn *c, const struct db_allowed *a, struct db_result *r)
{
	struct db_effects *all;
	uint64_t matched = UINT64_MAX;
	bool ran;

	for (size_t i = 0; i < a->nparts; i++)
		if (!still_as_allowed(c, a, &a->parts[i], &matched, r))
			return false;
	all = must_zalloc(sizeof *all);
	if (a->parts[0].stays) {
		run_kept(c, a, matched, all, r);
		free(all);
		return false;
	}
	ran = execute_all(c, a, matched, all, r);
	if (ran)
		db_effects_put(all, &r->effects);
	free(all);
	return ran;
}

/* Asks who holds the change, and then looks whether the transaction is still there. A cluster may have taken it back:
 * that is told with the next answer. */
static bool
held(struct db_conn *c, const struct db_allowed *a, struct db_result *r)
{
	bool kept = db_kept(a, r);
	MYSQL_RES *res = NULL;
	struct err e;

	if (a->holding == NULL)
		return kept;
	if (!my_is_there(c)) {
		my_ended_by(c, CR_SERVER_LOST, &(struct db_statement){ .bytes = "" }, r);
		return false;
	}
	if (!kept)
		return false;
	kept = my_own(c, OWN_MY_DATABASE, 0, NULL, &r->own, &res, &e) == 0;
	mysql_free_result(res);
	if (!kept) {
		my_ended_by(c, c->lost ? CR_SERVER_LOST : mysql_errno(c->my), &(struct db_statement){ .bytes = "" }, r);
	} else if (!my_is_writing(c)) {
		c->lost = true;
		db_end_with(r, DB_FAILED, "wall", "the transaction is not the one that was held");
		kept = false;
	}
	return kept;
}

bool
my_still_as_allowed(struct db_conn *c, const struct db_allowed *a, struct db_result *r)
{
	uint64_t matched;
	struct err e = { .text = "" };
	int ret = begin_write(c, &r->own, &e);

	if (ret != 0)
		refuse(c, ret, e.text, r);
	return ret == 0 && still_as_allowed(c, a, &a->parts[0], &matched, r);
}

static void
run_inside(struct db_conn *c, const struct db_allowed *a, struct db_result *r)
{
	struct err e = { .text = "" };
	int ret = begin_write(c, &r->own, &e);

	if (ret != 0)
		refuse(c, ret, e.text, r);
	else if (run_parts(c, a, r) && settled(c, r) && held(c, a, r) && settled(c, r))
		my_commit(c, a, r);
	if (!c->lost && r->end != DB_COMMITTED && !a->parts[0].stays)	/* which has told its end */
		roll_back(c, r);
}

/* What a ROLLBACK would not take back runs on the strict path only. */
static int
may_run(const struct db_allowed *a, const struct db_part *p, struct err *e)
{
	uint64_t never = SQL_DANGER_BIT(SQL_DANGER_IMPLICIT_COMMIT) | SQL_DANGER_BIT(SQL_DANGER_NO_ROLLBACK) |
	    SQL_DANGER_BIT(SQL_DANGER_MULTI);

	static const char *const verbs[] = { "INSERT", "REPLACE", "UPDATE", "DELETE", "SELECT" };
	bool known = false;

	if (a->at_once && my_is_at_once(p->facts) && p->facts->statements == 1)
		return my_sendable(&p->statement, p->facts, e);
	for (size_t i = 0; i < sizeof verbs / sizeof *verbs; i++)
		known = known || strcmp(p->facts->verb, verbs[i]) == 0;
	if (!known)	/* ANALYZE DELETE answers with one row, however many it deletes */
		return err_set(e, ERR_WALL, "the wall stopped it: what %s changes cannot be counted; this version does not run it",
		    p->facts->verb[0] != '\0' ? p->facts->verb : "it");
	if (p->facts->class != SQL_CLASS_WRITE || !p->facts->can_roll_back || p->facts->statements != 1 ||
	    (p->facts->dangers & never) != 0)
		return err_set(e, ERR_WALL, "the wall stopped it: %s commits by itself or cannot be rolled back on this engine;"
		    " it runs on the strict path only", p->facts->verb[0] != '\0' ? p->facts->verb : "it");
	return my_sendable(&p->statement, p->facts, e);
}

static bool
has_at_once(const struct db_allowed *a)
{
	for (size_t i = 0; i < a->nparts; i++)
		if (my_is_at_once(a->parts[i].facts))
			return true;
	return false;
}

int
my_run(struct db_conn *c, const struct db_allowed *a, struct db_result *r, struct err *e)
{
	int64_t began = clock_wall_us();
	int ret = 0;

	if (c->lost)
		return err_set(e, ERR_DATABASE, "the connection to the database is lost; open a new session");
	for (size_t i = 0; i < a->nparts && ret == 0; i++)
		ret = may_run(a, &a->parts[i], e);
	if (ret != 0)
		return ret;
	my_begin(c);
	c->names = &r->own;
	c->others = (struct db_waiting){ .n = 0 };
	c->others_hidden = false;
	if (has_at_once(a))
		my_run_at_once(c, a, r);
	else
		run_inside(c, a, r);
	c->names = NULL;
	db_tell_waited(r, &c->others);
	if (!c->lost)
		(void)my_leave(c, &r->own, NULL);
	my_end(c);
	if (!c->lost)
		(void)my_settled(c, &r->own, NULL);
	r->ms = (double)(clock_wall_us() - began) / 1000.0;
	return 0;
}
