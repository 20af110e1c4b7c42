/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Rows of a result become bodies: encoded once here, never again before a screen. */
#include "config.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "twokey/base/buf.h"
#include "twokey/base/err.h"
#include "twokey/base/json.h"
#include "twokey/base/must.h"
#include "twokey/base/text.h"

#include "dbrole.h"

enum {
	CHUNK = 48 * 1024,		/* a body is sent when it is this full */
	BODY_ROOM = TRANSCRIPT_BODY_MAX - 256,
	CHUNK_MS = 200,			/* or this old */
	CELL_CUT = 16 * 1024		/* kept of a cell that does not fit into a body */
};

struct db_rows {
	struct dbrole *d;	/* NULL: a sample, kept */
	uint64_t of;
	struct buf cols;	/* JSON array, sent with the first part */
	struct buf body;	/* the part so far, up to its last row: sent as it is */
	uint64_t part;
	uint64_t count;		/* rows in this part */
	int64_t since_ms;
};

/* The front of a part; its rows are written straight behind. */
static void
begin_part(struct db_rows *r)
{
	buf_reset(&r->body);
	buf_putf(&r->body, "{\"k\":\"%s\"", r->d != NULL ? "rows" : "sample");
	if (r->part == 1) {
		buf_puts(&r->body, ",\"cols\":");
		buf_put(&r->body, buf_len(&r->cols) > 0 ? buf_data(&r->cols) : "[]",
		    buf_len(&r->cols) > 0 ? buf_len(&r->cols) : 2);
	}
	buf_puts(&r->body, ",\"rows\":[");
	r->count = 0;
}

/* The writer puts its own front before a body, and the part is still to be closed. */
static void
end_part(struct db_rows *r)
{
	r->body.max = TRANSCRIPT_BODY_MAX;
	buf_puts(&r->body, "]}");
	r->body.max = BODY_ROOM;
}

static struct db_rows *
rows_create(struct dbrole *d, uint64_t of)
{
	struct db_rows *r = must_zalloc(sizeof *r);

	r->d = d;
	r->of = of;
	r->part = 1;
	buf_init(&r->cols, BODY_ROOM / 2);
	buf_init(&r->body, BODY_ROOM);
	begin_part(r);
	return r;
}

struct db_rows *
dbrole_rows_create(struct dbrole *d, uint64_t of)
{
	return rows_create(d, of);
}

struct db_rows *
dbrole_sample_create(void)
{
	return rows_create(NULL, 0);
}

void
dbrole_rows_free(struct db_rows *r)
{
	buf_fini(&r->cols);
	buf_fini(&r->body);
	free(r);
}

/* A NUL is no text: readers of JSON refuse it, and one cell must not end their session. */
static bool
is_text(const char *p, size_t n)
{
	return (n == 0 || memchr(p, '\0', n) == NULL) && text_is_utf8(p, n);
}

static void
put_text(struct buf *out, const char *p, size_t n, bool bytes)
{
	if (!bytes && is_text(p, n)) {
		json_put_string(out, p, n);
		return;
	}
	buf_puts(out, "{\"base64\":\"");
	text_base64(out, p, n);
	buf_puts(out, "\"}");
}

static int
on_columns(void *ctx, const struct db_column *cols, size_t n)
{
	struct db_rows *r = ctx;

	buf_reset(&r->cols);
	buf_putc(&r->cols, '[');
	for (size_t i = 0; i < n; i++) {
		buf_puts(&r->cols, i > 0 ? ",{\"name\":" : "{\"name\":");
		put_text(&r->cols, cols[i].name, strlen(cols[i].name), false);
		buf_puts(&r->cols, ",\"type\":");
		put_text(&r->cols, cols[i].type, strlen(cols[i].type), false);
		buf_putc(&r->cols, '}');
	}
	buf_putc(&r->cols, ']');
	if (buf_over(&r->cols)) {
		buf_reset(&r->cols);
		return ERR_TOO_LARGE;
	}
	begin_part(r);	/* they share the first body */
	return 0;
}

static int
flush(struct db_rows *r, int (*send)(json_t *ev, const struct packet_body *b, size_t nb))
{
	struct packet_body b;
	json_t *ev;
	int ret;

	if (r->count == 0 && (r->part > 1 || buf_len(&r->cols) == 0))
		return 0;
	ev = json_pack("{s:s, s:I, s:I, s:I}", "ev", "rows", "of", (json_int_t)r->of,
	    "part", (json_int_t)r->part, "rows", (json_int_t)r->count);
	end_part(r);
	b.p = (char *)(uintptr_t)buf_data(&r->body);
	b.n = buf_len(&r->body);
	ret = dbrole_take_credit(r->d, b.n);
	if (ret == 0)
		ret = send(ev, &b, 1);
	else
		json_decref(ev);
	r->part++;
	begin_part(r);
	return ret;
}

int
dbrole_rows_flush(struct db_rows *r)
{
	return flush(r, dbrole_send);
}

int
dbrole_rows_finish(struct db_rows *r)
{
	return flush(r, dbrole_send_late);
}

/* A cell that is cut says so: {"text" or "base64": its beginning, "cut": its whole length}. */
static void
put_cut(struct buf *out, const struct db_cell *c)
{
	size_t n = CELL_CUT;

	while (n > CELL_CUT - 4 && c->type != DB_BYTES && ((unsigned char)c->p[n] & 0xc0) == 0x80)
		n--;
	if (c->type != DB_BYTES && is_text(c->p, n)) {
		buf_puts(out, "{\"text\":");
		json_put_string(out, c->p, n);
	} else {
		buf_puts(out, "{\"base64\":\"");
		text_base64(out, c->p, n);
		buf_putc(out, '"');
	}
	buf_putf(out, ",\"cut\":%zu}", c->n);
}

/* Almost every cell: printable ASCII, looked at and copied once. False for any other. */
static bool
put_plain(struct buf *out, const struct db_cell *c)
{
	char *room;

	if (c->type == DB_BYTES || text_plain(c->p, c->n) != c->n)
		return false;
	room = buf_room(out, c->n + 2);
	if (room == NULL)
		return true;	/* the buffer says that it is over */
	room[0] = '"';
	memcpy(room + 1, c->p, c->n);
	room[c->n + 1] = '"';
	buf_added(out, c->n + 2);
	return true;
}

/* Appends one row, with cells longer than most cut; false when it does not fit beside what is there. */
static bool
put_row(struct db_rows *r, const struct db_cell *cells, size_t n, size_t most)
{
	size_t before = buf_len(&r->body);

	buf_puts(&r->body, r->count > 0 ? ",[" : "[");
	for (size_t i = 0; i < n; i++) {
		if (i > 0)
			buf_putc(&r->body, ',');
		if (cells[i].type == DB_NULL)
			buf_put(&r->body, "null", 4);
		else if (cells[i].n > most)
			put_cut(&r->body, &cells[i]);
		else if (!put_plain(&r->body, &cells[i]))
			put_text(&r->body, cells[i].p, cells[i].n, cells[i].type == DB_BYTES);
	}
	buf_putc(&r->body, ']');
	if (!buf_over(&r->body))
		return true;
	buf_truncate(&r->body, before);
	return false;
}

/* To a few milliseconds and cheap: it is asked for every row. */
static int64_t
about_now_ms(void)
{
	struct timespec t;

	must(clock_gettime(CLOCK_MONOTONIC_COARSE, &t) == 0);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static int
on_row(void *ctx, const struct db_cell *cells, size_t n)
{
	struct db_rows *r = ctx;
	int ret;

	if (!put_row(r, cells, n, SIZE_MAX)) {
		/* no room beside the others: alone, and if that is too large too, with long cells cut */
		ret = r->d != NULL && r->count > 0 ? dbrole_rows_flush(r) : 0;
		if (ret != 0)
			return ret;
		if (!put_row(r, cells, n, SIZE_MAX) && !put_row(r, cells, n, CELL_CUT))
			return ERR_TOO_LARGE;
	}
	if (r->count++ == 0)
		r->since_ms = about_now_ms();
	if (r->d != NULL && (buf_len(&r->body) >= CHUNK || about_now_ms() - r->since_ms >= CHUNK_MS))
		return dbrole_rows_flush(r);
	return 0;
}

struct db_sink
dbrole_rows_sink(struct db_rows *r)
{
	return (struct db_sink){ r, on_columns, on_row };
}

void
dbrole_sample_body(struct db_rows *r, struct packet_body *b)
{
	end_part(r);
	b->n = buf_len(&r->body);
	b->p = buf_take(&r->body);
	begin_part(r);
}
