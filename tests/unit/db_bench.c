/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "db_bench.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <cmocka.h>

#include "twokey/base/must.h"

enum { ROOM = 64 * 1024 * 1024 };

static int
on_columns(void *ctx, const struct db_column *cols, size_t n)
{
	struct bench *b = ctx;

	b->ncolumns = n;
	for (size_t i = 0; i < n; i++)
		buf_putf(&b->columns, "%s %s,", cols[i].name, cols[i].type);
	return 0;
}

static int
on_row(void *ctx, const struct db_cell *cells, size_t n)
{
	struct bench *b = ctx;

	for (size_t i = 0; i < n; i++) {
		if (i > 0)
			buf_putc(&b->rows, '|');
		if (cells[i].type == DB_NULL) {
			buf_putc(&b->rows, '~');
		} else if (cells[i].type == DB_BYTES) {
			buf_puts(&b->rows, "x'");
			for (size_t k = 0; k < cells[i].n && k < 64; k++)
				buf_putf(&b->rows, "%02x", (unsigned char)cells[i].p[k]);
			buf_putc(&b->rows, '\'');
		} else {
			buf_put(&b->rows, cells[i].p, cells[i].n);
		}
	}
	buf_putc(&b->rows, '\n');
	b->nrows++;
	return b->stop_after > 0 && b->nrows >= b->stop_after;
}

static int
on_committing(void *ctx, const struct db_commit_point *p)
{
	struct bench *b = ctx;

	b->point = *p;
	b->asked++;
	if (b->meanwhile != NULL)
		b->meanwhile(b);
	return b->wants_commit ? 0 : ERR_FULL;
}

static bool
on_holding(void *ctx, struct db_held *h)
{
	struct bench *b = ctx;

	b->nheld++;
	b->held_moved = h->moved;
	b->held_affected = h->affected;
	snprintf(b->held_effects, sizeof b->held_effects, "%s", h->effects);
	if (b->hold(b))
		return true;
	strcpy(h->code, "denied");
	strcpy(h->text, "not this one");
	return false;
}

void
bench_open(struct bench *b, const struct db_target *t)
{
	memset(b, 0, sizeof *b);
	b->facts = must_zalloc(sizeof *b->facts);
	b->wants_commit = true;
	b->d = db_driver_find(t->engine);
	buf_init(&b->columns, ROOM);
	buf_init(&b->rows, ROOM);
	db_result_init(&b->r);
	db_sheet_init(&b->sheet);
	b->c = b->d->open(t, &b->info, &b->e);
	if (b->c == NULL)
		print_error("%s\n", b->e.text);
	assert_non_null(b->c);
}

static void
forget_set(struct bench *b)
{
	for (size_t i = 0; i < b->nset; i++) {
		free((void *)(uintptr_t)b->set[i].facts);
		db_shown_free((struct db_shown *)(uintptr_t)b->set[i].shown);
	}
	b->nset = 0;
}

void
bench_close(struct bench *b)
{
	db_result_fini(&b->r);
	db_sheet_fini(&b->sheet);
	buf_fini(&b->columns);
	buf_fini(&b->rows);
	free(b->facts);
	forget_set(b);
	if (b->c != NULL)
		b->d->close(b->c);
}

static struct db_statement
begin(struct bench *b, const char *sql)
{
	struct db_statement s = { DB_SQL, sql, strlen(sql) };

	buf_reset(&b->columns);
	buf_reset(&b->rows);
	b->nrows = 0;
	b->ncolumns = 0;
	b->e = (struct err){ .text = "" };
	sql_classify(b->facts, &b->info.sql, sql, s.n);
	if (b->blind)
		b->facts->class = SQL_CLASS_READ;
	if (b->nameless)
		b->facts->nfunctions = b->facts->ntables = 0;
	return s;
}

int
bench_read(struct bench *b, const char *sql)
{
	struct db_statement s = begin(b, sql);
	struct db_sink sink = { b, on_columns, on_row };

	db_result_fini(&b->r);
	db_result_init(&b->r);
	return b->d->read(b->c, &s, b->facts, &b->max, &sink, &b->r, &b->e);
}

int
bench_describe(struct bench *b, enum db_subject s, const char *name)
{
	struct db_sink sink = { b, on_columns, on_row };

	(void)begin(b, "");
	db_result_fini(&b->r);
	db_result_init(&b->r);
	return b->d->describe(b->c, s, name, &b->max, &sink, &b->r, &b->e);
}

int
bench_weigh(struct bench *b, const char *sql, int64_t table_bytes, double rows)
{
	struct db_statement s = begin(b, sql);
	struct db_weight_limit limit = { table_bytes, rows };

	return b->d->weigh(b->c, &s, b->facts, &limit, &b->w, &b->e);
}

int
bench_sheet(struct bench *b, const char *sql)
{
	struct db_statement s = begin(b, sql);
	struct db_sink sink = { b, on_columns, on_row };

	db_sheet_fini(&b->sheet);
	db_sheet_init(&b->sheet);
	return b->d->sheet(b->c, &s, b->facts, &sink, &b->sheet, &b->e);
}

static int
run(struct bench *b, struct db_part *parts, size_t n)
{
	struct db_allowed a = { .parts = parts, .nparts = n, .ctx = b, .holding = b->hold != NULL ? on_holding : NULL,
	    .committing = on_committing, .at_once = b->at_once };

	b->asked = b->nheld = 0;
	b->e = (struct err){ .text = "" };
	db_result_fini(&b->r);
	db_result_init(&b->r);
	return b->d->run(b->c, &a, &b->r, &b->e);
}

int
bench_run(struct bench *b, const char *sql, uint64_t rows, bool at_most)
{
	struct db_part p = { .statement = begin(b, sql), .facts = b->facts, .ground = b->sheet.ground,
	    .keys = b->sheet.keys, .keys_known = b->sheet.count_known, .matched = b->sheet.count, .at_most = at_most, .rows = rows };

	return run(b, &p, 1);
}

void
bench_set(struct bench *b, const struct bench_part *parts)
{
	forget_set(b);
	for (; parts->sql != NULL; parts++) {
		struct sql_facts *facts = must_zalloc(sizeof *facts);

		if (bench_sheet(b, parts->sql) != 0)
			fail_msg("%s: %s", parts->sql, b->e.text);
		sql_classify(facts, &b->info.sql, parts->sql, strlen(parts->sql));
		b->set[b->nset++] = (struct db_part){ .statement = { DB_SQL, parts->sql, strlen(parts->sql) }, .facts = facts,
		    .ground = b->sheet.ground, .keys = b->sheet.keys, .keys_known = b->sheet.count_known, .matched = b->sheet.count,
		    .shown = db_shown_take(&b->sheet.shown), .at_most = parts->at_most, .rows = parts->rows == UINT64_MAX ? b->sheet.count : parts->rows };
	}
}

int
bench_set_run(struct bench *b)
{
	return run(b, b->set, b->nset);
}

bool
bench_keep(struct bench *b)
{
	(void)b;
	return true;
}

bool
bench_take_back(struct bench *b)
{
	(void)b;
	return false;
}

void
bench_adds(struct bench *b, const char *sql, uint64_t n, const char *columns, const char *rows)
{
	if (bench_sheet(b, sql) != 0)
		fail_msg("%s: %s", sql, b->e.text);
	assert_string_equal(b->sheet.how, "derived");
	assert_true(b->sheet.count_known);
	assert_int_equal(b->sheet.count, n);
	if (strncmp(buf_str(&b->columns), columns, strlen(columns)) != 0 || strcmp(buf_str(&b->rows), rows) != 0)
		fail_msg("%s: %s: %s", sql, buf_str(&b->columns), buf_str(&b->rows));
	assert_int_equal(bench_run(b, sql, n, false), 0);
	assert_int_equal(b->r.end, DB_COMMITTED);
	assert_int_equal(b->r.rows, n);
}

int
bench_do(struct bench *b, const char *sql, uint64_t rows)
{
	int ret = bench_sheet(b, sql);

	if (ret != 0)
		print_error("%s\n", b->e.text);
	assert_int_equal(ret, 0);
	return bench_run(b, sql, b->sheet.count_known ? b->sheet.count : rows, false);
}

const char *
bench_rows(struct bench *b, const char *sql)
{
	int ret = bench_read(b, sql);

	if (ret != 0 || b->r.end != DB_DONE)
		print_error("%s: %s%s\n", sql, b->e.text, buf_str(&b->r.text));
	assert_int_equal(ret, 0);
	assert_int_equal(b->r.end, DB_DONE);
	return buf_str(&b->rows);
}

struct canceller {
	struct bench *b;
	pthread_t thread;
	atomic_bool stop;
};

static void *
cancel_on(void *canceller)
{
	struct canceller *k = canceller;
	struct timespec t = { 0, 2 * 1000 * 1000 };

	while (!atomic_load(&k->stop)) {
		k->b->d->cancel(k->b->c);
		nanosleep(&t, NULL);
	}
	return NULL;
}

struct canceller *
canceller_start(struct bench *b)
{
	struct canceller *k = must_zalloc(sizeof *k);

	k->b = b;
	must(pthread_create(&k->thread, NULL, cancel_on, k) == 0);
	return k;
}

void
canceller_stop(struct canceller *k)
{
	atomic_store(&k->stop, true);
	pthread_join(k->thread, NULL);
	free(k);
}
