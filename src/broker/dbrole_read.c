/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Reads: weighed first, then run inside the wall; questions about definitions; a read that the second key allowed. */
#include "config.h"

#include <stdlib.h>
#include <string.h>

#include "twokey/base/buf.h"
#include "twokey/base/err.h"
#include "twokey/base/json.h"
#include "twokey/base/must.h"
#include "twokey/base/text.h"

#include "dbrole.h"

/* One result on its way to the recorder. */
struct answer {
	struct dbrole *d;
	uint64_t n;
	struct db_rows *rows;
	struct db_sink sink;
	struct db_result r;
};

static void
answer_init(struct answer *a, struct dbrole *d, uint64_t n)
{
	*a = (struct answer){ .d = d, .n = n, .rows = dbrole_rows_create(d, n) };
	a->sink = dbrole_rows_sink(a->rows);
	db_result_init(&a->r);
}

static void
answer_fini(struct answer *a)
{
	dbrole_rows_free(a->rows);
	db_result_fini(&a->r);
}

static void
end_read(uint64_t n, const struct db_result *r)
{
	struct packet_body b;
	size_t nb;
	json_t *ev;

	if (r->end == DB_FAILED) {
		dbrole_send_end("failed", n, r->code, "error", buf_data(&r->text), buf_len(&r->text), r);
		return;
	}
	ev = json_pack("{s:s, s:I, s:I, s:b, s:f, s:o}", "ev", "done", "of", (json_int_t)n,
	    "rows", (json_int_t)r->rows, "cut", r->end == DB_CUT, "took", r->ms, "own", dbrole_array_of(&r->own));
	nb = dbrole_notices(r, &b);
	(void)dbrole_send(ev, &b, nb);
	packet_bodies_free(&b, nb);
}

/* What the driver said: the rows that still wait go first. */
static void
finish(struct answer *a, int ret, const struct err *e)
{
	if (ret == 0 && dbrole_rows_finish(a->rows) != 0 && a->r.end == DB_DONE)
		a->r.end = DB_CUT;	/* the last rows are not on record */
	dbrole_end_work(a->d);
	if (ret == 0)
		end_read(a->n, &a->r);
	else
		dbrole_after(a->d, a->n, ret, "failed", "error", e);
}

static void
cancelled(uint64_t n)
{
	static const char words[] = "cancelled before it began";

	dbrole_send_end("failed", n, "cancelled", "error", words, sizeof words - 1, NULL);
}

static void
send_costly(uint64_t n, const struct db_weight *w, const struct db_weight_limit *limit)
{
	json_t *own = json_loads(w->own, JSON_REJECT_DUPLICATES, NULL);

	(void)dbrole_send(json_pack("{s:s, s:I, s:I, s:I, s:s, s:I, s:o}", "ev", "costly", "of", (json_int_t)n,
	    "rows", (json_int_t)w->rows, "limit", (json_int_t)limit->rows, "table",
	    text_is_utf8(w->table, strlen(w->table)) ? w->table : "?",
	    "bytes", (json_int_t)w->table_bytes, "own", json_is_array(own) ? own : json_array()), NULL, 0);
}

/* False when it is over the ticket's limit, or could not be weighed: then it has been answered. */
static bool
light_enough(struct dbrole *d, uint64_t n, const struct db_statement *s, const json_t *ev)
{
	struct db_weight_limit limit = { d->table_limit, (double)json_int(ev, "limit", 0) };
	struct db_weight w = { 0 };
	struct err e;
	int ret;

	if (d->driver->weigh == NULL || limit.table_bytes == 0 || limit.rows <= 0)
		return true;
	ret = d->driver->weigh(d->conn, s, d->facts, &limit, &w, &e);
	if (ret == 0 && !w.over)
		return true;
	dbrole_end_work(d);
	if (ret == 0)
		send_costly(n, &w, &limit);
	else
		dbrole_after(d, n, ret, "failed", "error", &e);
	return false;
}

void
dbrole_read(struct dbrole *d, uint64_t n, const struct packet *p)
{
	struct digest digest;
	struct answer a;
	struct buf sql;
	struct err e;

	buf_init(&sql, TRANSCRIPT_BODY_MAX);
	answer_init(&a, d, n);
	if (!dbrole_statement_of(p, &sql, &digest)) {
		dbrole_refuse(n, "failed", "error", "the bytes are not those of the event's digest");
	} else {
		struct db_statement s = { DB_SQL, buf_data(&sql), buf_len(&sql) };

		sql_classify(d->facts, &d->info.sql, s.bytes, s.n);
		if (d->facts->class != SQL_CLASS_READ)
			dbrole_refuse(n, "failed", "error", "db does not take it for a read, so it was not sent");
		else if (!dbrole_begin_work(d, n))
			cancelled(n);
		else if (light_enough(d, n, &s, json_object_get(p->head, "event")))
			finish(&a, d->driver->read(d->conn, &s, d->facts, &d->limits, &a.sink, &a.r, &e), &e);
	}
	answer_fini(&a);
	buf_fini(&sql);
}

int
dbrole_weigh_sheet(struct dbrole *d, const struct db_statement *s, struct db_sheet *sheet, struct err *e)
{
	struct db_weight_limit limit = { d->table_limit, 1 };
	struct db_weight w = { 0 };
	struct buf seen;
	int ret = d->driver->weigh != NULL ? d->driver->weigh(d->conn, s, d->facts, &limit, &w, e) : 0;

	if (ret != 0)
		return ret;
	sheet->how = "explain";
	sheet->table_rows = (int64_t)w.rows;
	buf_putf(&sheet->note, "It changes nothing. The engine estimates that it goes through %.0f rows; the largest table is "
	    "%s with %lld MiB.", w.rows, w.table, (long long)(w.table_bytes >> 20));
	buf_init(&seen, TRANSCRIPT_BODY_MAX + 1024);
	buf_put(&seen, s->bytes, s->n);
	buf_putf(&seen, "%c%s", '\0', w.table);
	sheet->bind = digest_of(buf_data(&seen), buf_len(&seen));
	buf_fini(&seen);
	return 0;
}

void
dbrole_read_allowed(struct dbrole *d, uint64_t n, const char *sql, size_t len)
{
	struct db_statement s = { DB_SQL, sql, len };
	struct answer a;
	struct err e;

	answer_init(&a, d, n);
	if (!dbrole_begin_work(d, n))
		cancelled(n);
	else
		finish(&a, d->driver->read(d->conn, &s, d->facts, &d->limits, &a.sink, &a.r, &e), &e);
	answer_fini(&a);
}

void
dbrole_describe(struct dbrole *d, uint64_t n, const struct packet *p)
{
	const char *word = json_str(json_object_get(p->head, "event"), "subject", NULL);
	json_t *body = packet_body(p, "name");
	enum db_subject subject;
	struct answer a;
	struct buf name;
	struct err e;

	buf_init(&name, 1024);
	answer_init(&a, d, n);
	if (body != NULL)
		(void)json_get_bytes(body, "text", &name);
	if (word == NULL || !db_subject_parse(word, &subject) || d->driver->describe == NULL)
		dbrole_refuse(n, "failed", "error", "this engine's driver does not answer that question");
	else if (!dbrole_begin_work(d, n))
		cancelled(n);
	else
		finish(&a, d->driver->describe(d->conn, subject, buf_str(&name), &d->limits, &a.sink, &a.r, &e), &e);
	json_decref(body);
	answer_fini(&a);
	buf_fini(&name);
}
