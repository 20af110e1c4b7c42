/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The statements of a request, one or those of a change set, each looked at and bound by itself. */
#include "config.h"

#include <stdlib.h>
#include <string.h>

#include "twokey/base/buf.h"
#include "twokey/base/err.h"
#include "twokey/base/json.h"
#include "twokey/base/must.h"
#include "twokey/sql/split.h"

#include "dbrole.h"
#include "fault.h"

/* The bytes of a piece that go to the server: without blanks around and the delimiter at its end. */
static void
trim(const char *sql, struct sql_span span, struct db_pending_part *part)
{
	const char *p = sql + span.off, *end = p + span.len;

	while (p < end && strchr(" \t\r\n", *p) != NULL)
		p++;
	while (end > p && strchr(" \t\r\n;", end[-1]) != NULL)
		end--;
	part->at = (size_t)(p - sql);
	part->n = (size_t)(end - p);
}

static bool
take_bound(const json_t *v, struct db_pending_part *part)
{
	const char *s = json_string_value(v);
	struct gate_bound b;
	struct err e;

	if (s == NULL)
		return false;
	if (s[0] == '\0')
		return true;
	if (gate_bound_parse(s, &b, &e) != 0)
		return false;
	part->bounded = true;
	part->at_most = b.op == GATE_OP_AT_MOST;
	part->rows = b.rows;
	return true;
}

bool
dbrole_parts(const struct dbrole *d, struct db_pending *q, const json_t *bounds)
{
	struct sql_piece piece;
	size_t from = 0;

	if (bounds == NULL) {
		q->nparts = 1;
		q->part[0] = (struct db_pending_part){ .n = q->sql_len };
		return true;
	}
	while (from < q->sql_len && sql_split_next(&d->info.sql, q->sql, q->sql_len, from, &piece)) {
		struct db_pending_part part = { .n = 0 };

		from = piece.all.off + piece.all.len;
		trim(q->sql, piece.all, &part);
		if (part.n == 0 && from >= q->sql_len)
			break;		/* the line break behind the last one */
		if (part.n == 0 || q->nparts == GATE_PARTS_MAX || !take_bound(json_array_get(bounds, q->nparts), &part))
			return false;
		q->part[q->nparts++] = part;
	}
	return q->nparts > 0 && q->nparts == json_array_size(bounds);
}

struct db_statement
dbrole_part_of(const struct db_pending *q, size_t i)
{
	return (struct db_statement){ DB_SQL, q->sql + q->part[i].at, q->part[i].n };
}

static void
classify(struct dbrole *d, const struct db_pending *q, size_t i)
{
	struct db_statement s = dbrole_part_of(q, i);

	sql_classify(d->facts, &d->info.sql, s.bytes, s.n);
}

/* Every part of a set is one change of rows: the whole is taken back or kept. */
int
dbrole_classify(struct dbrole *d, struct db_pending *q, struct err *e)
{
	for (size_t i = 0; i < q->nparts; i++) {
		classify(d, q, i);
		q->dangers |= d->facts->dangers;
		if (q->nparts > 1 && (d->facts->class != SQL_CLASS_WRITE || sql_is_definition(d->facts) || d->facts->statements != 1))
			return err_set(e, ERR_WALL, "statement %zu of the change set is not one change of rows", i + 1);
	}
	return 0;
}

/* What it would touch; for a read that is over the limit, what it would cost. */
static int
look(struct dbrole *d, const struct db_pending *q, size_t i, const struct db_sink *sample, struct db_sheet *sheet, struct err *e)
{
	struct db_statement s = dbrole_part_of(q, i);
	int ret;

	if (!dbrole_begin_work(d, q->n))
		return err_set(e, ERR_CANCELLED, "cancelled before it began");
	classify(d, q, i);
	fault_point("db.sheet");
	ret = d->facts->class == SQL_CLASS_READ ? dbrole_weigh_sheet(d, &s, sheet, e) :
	    d->driver->sheet(d->conn, &s, d->facts, sample, sheet, e);
	dbrole_end_work(d);
	return ret;
}

/* The sample of one statement is the body itself, those of a set stand in its list "parts". */
static void
add_sample(struct db_look *l, struct db_rows *sample, bool set)
{
	static const char front[] = "{\"k\":\"sample\",", none[] = "{\"cols\":[],\"rows\":[]}";
	struct packet_body b;

	dbrole_sample_body(sample, &b);
	if (!set) {
		l->sample = b;
		return;
	}
	buf_puts(&l->samples, buf_len(&l->samples) == 0 ? "{\"k\":\"sample\",\"parts\":[" : ",");
	if (b.n < sizeof front || memcmp(b.p, front, sizeof front - 1) != 0 ||
	    buf_len(&l->samples) + b.n + sizeof none * GATE_PARTS_MAX > l->samples.max) {
		buf_puts(&l->samples, none);
	} else {
		buf_putc(&l->samples, '{');
		buf_put(&l->samples, (const char *)b.p + sizeof front - 1, b.n - (sizeof front - 1));
	}
	free(b.p);
}

/* The effects of these engines are of the tables written only (db/my_run.c). */
static bool
is_unseen(const struct dbrole *d, const struct db_sheet *one)
{
	return (d->driver->engine == SQL_MARIADB || d->driver->engine == SQL_MYSQL) &&
	    (one->dangers & (SQL_DANGER_BIT(SQL_DANGER_TRIGGER) | SQL_DANGER_BIT(SQL_DANGER_CASCADE))) != 0;
}

static void
note_part(struct db_pending *q, size_t i, struct db_sheet *one)
{
	struct db_pending_part *part = &q->part[i];

	part->ground = one->ground;
	part->keys = one->keys;
	part->shown = db_shown_take(&one->shown);
	part->known = one->count_known;
	part->matched = one->count;
	if (!part->bounded && one->count_known) {
		part->bounded = true;
		part->rows = one->count;
	}
	q->inexact = q->inexact || one->inexact || (!one->count_known && part->at_most);
}

/* What binds a set: the binds and the keys of its parts, in order. */
static void
end_set(struct db_look *l, struct db_pending *q, const struct digest *binds)
{
	struct digest_sum *bind = digest_begin(), *keys = digest_begin();

	for (size_t i = 0; i < q->nparts; i++) {
		digest_add_part(bind, binds[i].b, sizeof binds[i].b);
		digest_add_part(keys, q->part[i].keys.b, sizeof q->part[i].keys.b);
	}
	l->sheet.bind = digest_end(bind);
	l->sheet.keys = digest_end(keys);
	buf_puts(&l->samples, "]}");
	l->sample.n = buf_len(&l->samples);
	l->sample.p = buf_take(&l->samples);
}

int
dbrole_look(struct dbrole *d, struct db_pending *q, struct db_look *l, struct err *e)
{
	struct digest binds[GATE_PARTS_MAX];
	int ret = 0;

	for (size_t i = 0; i < q->nparts && ret == 0; i++) {
		struct db_rows *sample = dbrole_sample_create();
		struct db_sink sink = dbrole_rows_sink(sample);
		struct db_sheet one;

		db_sheet_init(&one);
		ret = look(d, q, i, &sink, &one, e);
		if (ret == 0) {
			q->unseen = q->unseen || is_unseen(d, &one);
			note_part(q, i, &one);
			binds[i] = one.bind;
			json_array_append_new(l->counts, one.count_known ? json_integer((json_int_t)one.count) : json_null());
			add_sample(l, sample, q->nparts > 1);
			db_sheet_add(&l->sheet, &one, i == 0);
		}
		db_sheet_fini(&one);
		dbrole_rows_free(sample);
	}
	if (ret == 0 && q->nparts > 1)
		end_set(l, q, binds);
	return ret;
}

void
dbrole_look_init(struct db_look *l)
{
	*l = (struct db_look){ .counts = json_array() };
	db_sheet_init(&l->sheet);
	buf_init(&l->samples, TRANSCRIPT_BODY_MAX - 1024);
}

void
dbrole_look_fini(struct db_look *l)
{
	json_decref(l->counts);
	db_sheet_fini(&l->sheet);
	buf_fini(&l->samples);
	free(l->sample.p);
}
