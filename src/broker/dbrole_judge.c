/* SPDX-License-Identifier: GPL-3.0-or-later */
/* db judges again by itself: a read gets the wall, anything else needs the allowed event of the same
 * digest, once per request. What session thinks does not count here. */
#include "config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "twokey/base/buf.h"
#include "twokey/base/clock.h"
#include "twokey/base/err.h"
#include "twokey/base/json.h"
#include "twokey/base/must.h"
#include "twokey/base/text.h"

#include "answer.h"
#include "dbrole.h"
#include "fault.h"

enum { EFFECTS_MAX = 32 * 1024, NAMES_MAX = 12 * 1024 };	/* of one list in an event, which has 64 KiB */

/* What a server gave as a code or number; json_pack takes no other bytes than UTF-8. */
static const char *
utf8(const char *s)
{
	return text_is_utf8(s, strlen(s)) ? s : "?";
}

json_t *
dbrole_array_of(const struct buf *b)
{
	json_t *v = NULL;

	/* what ends a statement always fits its line */
	if (buf_len(b) <= NAMES_MAX)
		v = json_loadb(buf_data(b), buf_len(b), JSON_REJECT_DUPLICATES, NULL);
	if (json_is_array(v))
		return v;
	json_decref(v);
	return json_array();
}

/* Never silently none: what is too long for its line is one sum. */
json_t *
dbrole_effects(const char *text, size_t n)
{
	static const char *const keys[] = { "inserted", "updated", "deleted" };
	json_t *v = json_loadb(text, n, JSON_REJECT_DUPLICATES, NULL), *all, *one;
	size_t i;

	if (!json_is_array(v) || n <= EFFECTS_MAX) {
		if (json_is_array(v))
			return v;
		json_decref(v);
		return json_array();
	}
	all = json_pack("{s:s}", "table", "(all tables)");
	for (size_t k = 0; k < sizeof keys / sizeof *keys; k++) {
		json_int_t sum = 0;

		json_array_foreach(v, i, one)
			sum += json_int(one, keys[k], 0);
		must(json_object_set_new(all, keys[k], json_integer(sum)) == 0);
	}
	json_decref(v);
	return json_pack("[o]", all);
}

size_t
dbrole_notices(const struct db_result *r, struct packet_body *b)
{
	if (buf_len(&r->notices) == 0)
		return 0;
	packet_text_body(b, "notices", buf_data(&r->notices), buf_len(&r->notices));
	return 1;
}

void
dbrole_send_end(const char *name, uint64_t of, const char *code, const char *kind, const char *text, size_t n,
    const struct db_result *r)
{
	json_t *ev = json_pack("{s:s, s:I, s:s}", "ev", name, "of", (json_int_t)of, "code", utf8(code));
	struct packet_body b[2];
	size_t nb = 1;

	if (r != NULL) {
		must(json_object_set_new(ev, "took", json_real(r->ms)) == 0);
		must(json_object_set_new(ev, "own", dbrole_array_of(&r->own)) == 0);
		if (r->end == DB_FAILED && r->position > 0)
			must(json_object_set_new(ev, "position", json_integer(r->position)) == 0);
		if (r->end == DB_ROLLEDBACK)
			must(json_object_set_new(ev, "affected", json_integer((json_int_t)r->rows)) == 0);
	}
	packet_text_body(&b[0], kind, text, n < 60000 ? n : 60000);
	if (r != NULL)
		nb += dbrole_notices(r, &b[1]);
	(void)dbrole_send(ev, b, nb);	/* a lost recorder is seen by the listener */
	packet_bodies_free(b, nb);
}

void
dbrole_refuse(uint64_t n, const char *event, const char *kind, const char *why)
{
	dbrole_send_end(event, n, "judged", kind, why, strlen(why), NULL);
}

bool
dbrole_statement_of(const struct packet *p, struct buf *sql, struct digest *digest)
{
	const json_t *ev = json_object_get(p->head, "event");
	json_t *body = packet_body(p, "sql");
	const char *hex;
	struct digest said;
	size_t n;
	bool ok;

	hex = json_str(ev, "digest", &n);
	ok = body != NULL && json_get_bytes(body, "text", sql) == 0 && hex != NULL &&
	    digest_parse(hex, n, &said);
	if (ok) {
		*digest = digest_of(buf_data(sql), buf_len(sql));
		ok = digest_equal(digest, &said);
	}
	json_decref(body);
	return ok;
}

void
dbrole_after(struct dbrole *d, uint64_t n, int ret, const char *event, const char *kind, const struct err *e)
{
	if (ret == 0)
		return;
	dbrole_send_end(event, n, err_name(ret), kind, e->text, strlen(e->text), NULL);
	if (err_fault_of(ret) != ERR_FAULT_DATABASE || ret == ERR_DATABASE) {
		pthread_mutex_lock(&d->lock);
		d->ending = true;
		pthread_mutex_unlock(&d->lock);
	}
}

static struct db_pending *
pending_of(struct dbrole *d, uint64_t n)
{
	for (size_t i = 0; i < DB_PENDING_MAX; i++)
		if (d->pending[i].n == n)
			return &d->pending[i];
	return NULL;
}

void
dbrole_forget(struct dbrole *d, uint64_t n)
{
	struct db_pending *q = n != 0 ? pending_of(d, n) : NULL;

	if (q == NULL)
		return;
	free(q->sql);
	for (size_t i = 0; i < q->nparts; i++)
		db_shown_free(q->part[i].shown);
	*q = (struct db_pending){ 0 };
}

/* Names that cannot be told are not silently none: the confirmer would see a sheet without triggers. */
static void
set_names(json_t *ev, const char *key, const struct buf *b)
{
	json_t *v = dbrole_array_of(b);

	if (json_array_size(v) == 0 && buf_len(b) > 2)
		must(json_array_append_new(v, json_string("(names that cannot be shown here)")) == 0);
	must(json_object_set_new(ev, key, v) == 0);
}

/* What db itself does not take, before the database is asked and again with what it told; false after an answer. */
static bool
is_judged(struct dbrole *d, struct db_pending *q, uint64_t dangers)
{
	char room[DBROLE_WHY];
	const char *why;

	q->dangers |= dangers;
	why = dbrole_judged(d, q, room);
	if (why != NULL)
		dbrole_refuse(q->n, "failed", "error", why);
	return why == NULL;
}

static void
send_sheet(const struct dbrole *d, const struct db_pending *q, struct db_look *l)
{
	const struct db_sheet *s = &l->sheet;
	char keys[DIGEST_HEX + 1], bind[DIGEST_HEX + 1];
	struct packet_body b[5];
	size_t nb = 3;
	json_t *ev;

	digest_hex(&s->keys, keys);
	digest_hex(&s->bind, bind);
	ev = json_pack("{s:s, s:I, s:s, s:o, s:s, s:s, s:o, s:o, s:f}", "ev", "sheet", "of", (json_int_t)q->n,
	    "how", s->how, "count", s->count_known ? json_integer((json_int_t)s->count) : json_null(),
	    "bind", bind, "keys", keys, "dangers", answer_dangers(s->dangers),
	    "table_rows", s->table_rows >= 0 ? json_integer(s->table_rows) : json_null(), "took", s->ms);
	if (json_array_size(l->counts) > 1)
		must(json_object_set(ev, "counts", l->counts) == 0);
	set_names(ev, "triggers", &s->triggers);
	set_names(ev, "cascades", &s->cascades);
	set_names(ev, "rules", &s->rules);
	set_names(ev, "policies", &s->policies);
	set_names(ev, "takes", &s->takes);
	dbrole_sheet_more(ev, s);
	if (buf_len(&s->depends) > 0)
		set_names(ev, "depends", &s->depends);
	set_names(ev, "own", &s->own);
	must(json_object_set_new(ev, "undo", json_string("none")) == 0);
	packet_text_body(&b[0], "derived", buf_data(&s->derived), buf_len(&s->derived));
	b[1] = l->sample;
	l->sample = (struct packet_body){ NULL, 0 };
	packet_text_body(&b[2], "note", buf_data(&s->note), buf_len(&s->note));
	nb += dbrole_tell_change(d, q, ev, &b[nb]);
	if (buf_len(&s->locks) > 0)
		dbrole_locks_body(s, &b[nb++]);
	(void)dbrole_send(ev, b, nb);
	packet_bodies_free(b, nb);
}

/* The bound and what the ticket asks for, as the request says them. */
static void
note_wishes(const struct dbrole *d, struct db_pending *q, const json_t *ev)
{
	const char *op = json_str(ev, "op", NULL), *sign = json_str(ev, "signed", NULL), *by = json_str(ev, "by", NULL);

	snprintf(q->by, sizeof q->by, "%s", by != NULL ? by : "");
	q->must_sign = sign == NULL || strcmp(sign, "no") != 0;
	q->hold_always = d->ticket == NULL || d->ticket->hold_always;
	q->rehearsal = json_object_get(ev, "rehearsal") != NULL;
	if (op == NULL)
		return;
	q->part[0].bounded = true;
	q->part[0].at_most = strcmp(op, "<=") == 0;
	q->part[0].rows = (uint64_t)json_int(ev, "rows", 0);
}

static void
sum_bounds(struct db_pending *q)
{
	q->bounded = true;
	for (size_t i = 0; i < q->nparts; i++) {
		q->bounded = q->bounded && q->part[i].bounded;
		q->at_most = q->at_most || q->part[i].at_most;
		q->rows += q->part[i].rows;
	}
}

void
dbrole_request(struct dbrole *d, uint64_t n, const struct packet *p)
{
	const json_t *ev = json_object_get(p->head, "event");
	struct db_pending *q = pending_of(d, 0);
	char room[DBROLE_WHY];
	const char *why;
	struct db_look l;
	struct buf sql;
	struct err e;
	int ret;

	buf_init(&sql, TRANSCRIPT_BODY_MAX);
	dbrole_look_init(&l);
	if (q == NULL || !dbrole_statement_of(p, &sql, &q->digest)) {
		dbrole_refuse(n, "failed", "error", q == NULL ? "too many requests wait" :
		    "the bytes are not those of the event's digest");
		goto out;
	}
	q->n = n;
	q->sql_len = buf_len(&sql);
	q->sql = buf_take(&sql);
	if (!dbrole_parts(d, q, json_object_get(ev, "bounds"))) {
		dbrole_refuse(n, "failed", "error", "the text is not the change set that its event describes");
		dbrole_forget(d, n);
		goto out;
	}
	note_wishes(d, q, ev);
	ret = dbrole_classify(d, q, &e);
	if (ret == 0 && !is_judged(d, q, 0)) {
		dbrole_forget(d, n);
		goto out;
	}
	if (ret == 0)
		ret = dbrole_look(d, q, &l, &e);
	if (ret != 0) {
		dbrole_after(d, n, ret, "failed", "error", &e);
		dbrole_forget(d, n);
		goto out;
	}
	q->has_sheet = true;
	q->bind = l.sheet.bind;
	q->keys = l.sheet.keys;
	sum_bounds(q);
	why = dbrole_no_rehearsal(d, q, &l.sheet, room);
	if (why != NULL)
		dbrole_refuse(n, "failed", "error", why);
	if (why == NULL && is_judged(d, q, l.sheet.dangers))
		send_sheet(d, q, &l);
	else
		dbrole_forget(d, n);
out:
	dbrole_look_fini(&l);
	buf_fini(&sql);
}

static bool
digest_field(const json_t *ev, const char *key, struct digest *out)
{
	size_t n;
	const char *hex = json_str(ev, key, &n);

	return hex != NULL && digest_parse(hex, n, out);
}

void
dbrole_allowed(struct dbrole *d, const struct packet *p)
{
	const json_t *ev = json_object_get(p->head, "event");
	uint64_t of = (uint64_t)json_int(ev, "of", 0);
	struct db_pending *q = of != 0 ? pending_of(d, of) : NULL;
	struct db_answer want;

	if (q == NULL || !q->has_sheet || q->spent)
		return;
	want = (struct db_answer){ q->rehearsal ? "rehearse" : "allow", q->bind, q->at_most, q->rows };
	if (!dbrole_answer_ok(d, q, &want, p, &q->until_us))
		return;
	q->run_by_ms = clock_mono_ms() + GATE_RUN_WITHIN_S * 1000;
	q->allowed = true;
}

void
dbrole_first_key(struct dbrole *d, const struct packet *p)
{
	uint64_t of = (uint64_t)json_int(json_object_get(p->head, "event"), "of", 0);
	struct db_pending *q = of != 0 ? pending_of(d, of) : NULL;
	struct db_answer want;

	if (q == NULL || !q->has_sheet || q->spent)
		return;
	want = (struct db_answer){ q->rehearsal ? "rehearse" : "allow", q->bind, q->at_most, q->rows };
	dbrole_turned(d, q, &want, p);
}

struct run_ctx {
	struct dbrole *d;
	struct db_pending *q;
	int64_t held_ms;	/* people were waited for so long: that is no time of the database */
};

static bool
on_holding(void *ctx, struct db_held *h)
{
	struct run_ctx *run = ctx;

	int64_t began = clock_mono_ms();
	bool kept = run->q->rehearsal ? dbrole_rehearsed(run->q, h) : dbrole_hold(run->d, run->q, h);

	run->held_ms = clock_mono_ms() - began;
	return kept;
}

/* The commit point goes on disk before COMMIT goes to the server. */
static int
on_committing(void *ctx, const struct db_commit_point *c)
{
	struct run_ctx *x = ctx;
	json_t *ev = json_pack("{s:s, s:I, s:I, s:s, s:I, s:s, s:s}", "ev", "committing",
	    "of", (json_int_t)x->q->n, "affected", (json_int_t)c->affected, "xid", utf8(c->xid),
	    "backend", (json_int_t)c->backend, "system", utf8(c->system), "timeline", utf8(c->timeline));

	if (c->epoch[0] != '\0') {
		must(json_object_set_new(ev, "epoch", json_string(utf8(c->epoch))) == 0);
		must(json_object_set_new(ev, "log", json_string(utf8(c->log))) == 0);
	}
	fault_point("db.before-committing");
	if (dbrole_send(ev, NULL, 0) != 0 || !dbrole_wait_synced(x->d, x->q->n))
		return ERR_FULL;
	fault_point("db.before-commit");
	return 0;
}

static void
send_run_end(uint64_t of, const struct db_result *r)
{
	struct packet_body b;
	size_t nb;
	json_t *ev;

	fault_point("db.before-answer");
	switch (r->end) {
	case DB_COMMITTED:
		ev = json_pack("{s:s, s:I, s:I, s:f, s:o, s:o}", "ev", "committed", "of", (json_int_t)of,
		    "affected", (json_int_t)r->rows, "took", r->ms, "effects", dbrole_effects(buf_data(&r->effects), buf_len(&r->effects)),
		    "own", dbrole_array_of(&r->own));
		if (r->code[0] != '\0')
			must(json_object_set_new(ev, "code", json_string(utf8(r->code))) == 0);
		nb = dbrole_notices(r, &b);
		(void)dbrole_send(ev, &b, nb);
		packet_bodies_free(&b, nb);
		return;
	case DB_FAILED:
		dbrole_send_end("failed", of, r->code, "error", buf_data(&r->text), buf_len(&r->text), r);
		return;
	case DB_UNKNOWN:	/* the role ends; the recorder tells "unknown" and has it asked */
		dbrole_send_unknown(of);
		return;
	case DB_ROLLEDBACK:
	case DB_DONE:
	case DB_CUT:
		dbrole_send_end("rolledback", of, r->code, "why", buf_data(&r->text), buf_len(&r->text), r);
		return;
	}
}

/* Why this run may not be: NULL when it may. */
static const char *
forbidden(const struct db_pending *q, const json_t *ev)
{
	struct digest digest, bind;

	if (q == NULL)
		return "db has no such request on record";
	if (q->spent)
		return "it has run already; an allowed request runs once";
	if (!q->allowed)
		return "db has no turned key for these bytes on record";
	if (!digest_field(ev, "digest", &digest) || !digest_equal(&digest, &q->digest) ||
	    !digest_field(ev, "bind", &bind) || !digest_equal(&bind, &q->bind))
		return "it is not what was allowed";
	if (clock_wall_us() > q->until_us || clock_mono_ms() > q->run_by_ms)
		return "its time is over";
	if (!q->bounded)
		return "no bound on rows was given and none could be counted";
	return NULL;
}

/* One statement, or the parts of a set, each one change of rows; false when db does not take it for that. */
static bool
fill_parts(struct dbrole *d, const struct db_pending *q, struct db_part *part)
{
	bool ok = true;

	for (size_t i = 0; i < q->nparts; i++) {
		const struct db_pending_part *shown = &q->part[i];
		struct sql_facts *f = must_zalloc(sizeof *f);
		struct db_statement s = dbrole_part_of(q, i);

		sql_classify(f, &d->info.sql, s.bytes, s.n);
		ok = ok && (f->class == SQL_CLASS_WRITE || (f->class == SQL_CLASS_DDL && q->nparts == 1)) && f->statements == 1;
		part[i] = (struct db_part){ .nth = q->nparts > 1 ? (unsigned)i + 1 : 0, .statement = s, .facts = f,
		    .ground = shown->ground, .keys = shown->keys, .keys_known = shown->known, .matched = shown->matched,
		    .shown = shown->shown, .at_most = shown->at_most, .rows = shown->rows };
	}
	return ok;
}

static void
run_change(struct dbrole *d, struct db_pending *q)
{
	struct db_part part[GATE_PARTS_MAX];
	struct run_ctx ctx = { .d = d, .q = q };
	struct db_allowed a = { .parts = part, .nparts = q->nparts, .ctx = &ctx, .holding = on_holding, .committing = on_committing,
		/* judged a moment ago: the accepted ticket names it; what stays at once is never a rehearsal */
		.at_once = !q->rehearsal && (q->dangers & (SQL_DANGER_BIT(SQL_DANGER_NO_ROLLBACK) | SQL_DANGER_BIT(SQL_DANGER_IMPLICIT_COMMIT))) != 0 };
	struct db_result r;
	struct err e;
	int ret;

	db_result_init(&r);
	if (!fill_parts(d, q, part)) {
		dbrole_refuse(q->n, "rolledback", "why", "db does not take it for one change of rows or definitions, so it was not sent");
	} else if (!dbrole_begin_work(d, q->n)) {
		dbrole_send_end("rolledback", q->n, "cancelled", "why", "cancelled before it began", 25, NULL);
	} else {
		ret = d->driver->run(d->conn, &a, &r, &e);
		r.ms = r.ms > (double)ctx.held_ms ? r.ms - (double)ctx.held_ms : 0;
		dbrole_end_work(d);
		if (ret == 0)
			send_run_end(q->n, &r);
		else
			dbrole_after(d, q->n, ret, "rolledback", "why", &e);
		if (ret == 0 && r.end == DB_UNKNOWN) {
			pthread_mutex_lock(&d->lock);
			d->ending = d->gone = true;
			pthread_mutex_unlock(&d->lock);
		}
	}
	for (size_t i = 0; i < q->nparts; i++)
		free((void *)(uintptr_t)part[i].facts);
	db_result_fini(&r);
}

void
dbrole_run(struct dbrole *d, const json_t *ev)
{
	uint64_t of = (uint64_t)json_int(ev, "of", 0);
	struct db_pending *q = of != 0 ? pending_of(d, of) : NULL;
	const char *why = forbidden(q, ev);
	char room[DBROLE_WHY];

	if (why != NULL) {
		dbrole_refuse(of, "rolledback", "why", why);
		return;
	}
	q->spent = true;
	(void)dbrole_classify(d, q, NULL);	/* others were classified meanwhile */
	why = dbrole_judged(d, q, room);	/* at this moment: a backup grows old */
	if (why != NULL) {
		dbrole_refuse(of, "rolledback", "why", why);
		dbrole_forget(d, of);
		return;
	}
	fault_point("db.before-run");
	if (d->facts->class == SQL_CLASS_READ)	/* it was asked for because of its cost; the wall is the same */
		dbrole_read_allowed(d, of, q->sql, q->sql_len);
	else
		run_change(d, q);
	dbrole_forget(d, of);
}
