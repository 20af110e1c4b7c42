/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Rows of a result become bodies: encoded once here, never again before a screen. */
#include "config.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "twokey/base/buf.h"
#include "twokey/base/clock.h"
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
	struct buf rows;	/* rows so far, separated by commas */
	uint64_t part;
	uint64_t count;		/* rows in this part */
	int64_t since_ms;
};

static struct db_rows *
rows_create(struct dbrole *d, uint64_t of)
{
	struct db_rows *r = must_zalloc(sizeof *r);

	r->d = d;
	r->of = of;
	r->part = 1;
	buf_init(&r->cols, BODY_ROOM / 2);
	buf_init(&r->rows, BODY_ROOM);
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
	buf_fini(&r->rows);
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
	r->rows.max = BODY_ROOM - buf_len(&r->cols);	/* they share the first body */
	return 0;
}

/* The body of what is gathered; the caller frees it. */
static void
take_body(struct db_rows *r, const char *kind, struct packet_body *b)
{
	struct buf out;

	buf_init(&out, TRANSCRIPT_BODY_MAX);
	buf_putf(&out, "{\"k\":\"%s\"", kind);
	if (r->part == 1) {
		buf_puts(&out, ",\"cols\":");
		buf_put(&out, buf_len(&r->cols) > 0 ? buf_data(&r->cols) : "[]",
		    buf_len(&r->cols) > 0 ? buf_len(&r->cols) : 2);
	}
	buf_puts(&out, ",\"rows\":[");
	buf_put(&out, buf_data(&r->rows), buf_len(&r->rows));
	buf_puts(&out, "]}");
	b->n = buf_len(&out);
	b->p = buf_take(&out);
	buf_fini(&out);
	buf_reset(&r->rows);
}

int
dbrole_rows_flush(struct db_rows *r)
{
	struct packet_body b;
	json_t *ev;
	int ret;

	if (r->count == 0 && (r->part > 1 || buf_len(&r->cols) == 0))
		return 0;
	ev = json_pack("{s:s, s:I, s:I, s:I}", "ev", "rows", "of", (json_int_t)r->of,
	    "part", (json_int_t)r->part, "rows", (json_int_t)r->count);
	take_body(r, "rows", &b);
	ret = dbrole_take_credit(r->d, b.n);
	if (ret == 0)
		ret = dbrole_send(ev, &b, 1);
	else
		json_decref(ev);
	free(b.p);
	r->part++;
	r->rows.max = BODY_ROOM;
	r->count = 0;
	return ret;
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

/* Appends one row, with cells longer than most cut; false when it does not fit beside what is there. */
static bool
put_row(struct db_rows *r, const struct db_cell *cells, size_t n, size_t most)
{
	size_t before = buf_len(&r->rows);

	buf_puts(&r->rows, r->count > 0 ? ",[" : "[");
	for (size_t i = 0; i < n; i++) {
		if (i > 0)
			buf_putc(&r->rows, ',');
		if (cells[i].type == DB_NULL)
			buf_puts(&r->rows, "null");
		else if (cells[i].n > most)
			put_cut(&r->rows, &cells[i]);
		else
			put_text(&r->rows, cells[i].p, cells[i].n, cells[i].type == DB_BYTES);
	}
	buf_putc(&r->rows, ']');
	if (!buf_over(&r->rows))
		return true;
	buf_truncate(&r->rows, before);
	return false;
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
		r->since_ms = clock_mono_ms();
	if (r->d != NULL && (buf_len(&r->rows) >= CHUNK || clock_mono_ms() - r->since_ms >= CHUNK_MS))
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
	take_body(r, "sample", b);
}
