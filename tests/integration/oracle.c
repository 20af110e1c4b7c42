/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "oracle.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <cmocka.h>

#include "twokey/base/clock.h"
#include "twokey/base/must.h"

enum { LOOK_MAX = 64 * 1024 * 1024, ROWS_MAX = 2000, BYTES_MAX = 1024 * 1024, SETTLE_MS = 1000 };

static int
take_columns(void *ctx, const struct db_column *cols, size_t n)
{
	(void)ctx, (void)cols, (void)n;
	return 0;
}

static int
take_row(void *ctx, const struct db_cell *cells, size_t n)
{
	struct buf *out = ctx;

	for (size_t i = 0; out != NULL && i < n; i++) {
		buf_putc(out, ' ');
		buf_put(out, cells[i].p, cells[i].type == DB_NULL ? 0 : cells[i].n);
	}
	return 0;
}

void
oracle_init(struct oracle *o, const struct oracle_engine *engine, void *ctx)
{
	memset(o, 0, sizeof *o);
	o->engine = engine;
	o->ctx = ctx;
	o->settle_ms = SETTLE_MS;
	o->facts = must_zalloc(sizeof *o->facts);
	buf_init(&o->found, LOOK_MAX);
	buf_init(&o->tried, LOOK_MAX);
}

static void
leave(struct oracle *o)
{
	if (o->conn != NULL)
		o->engine->driver->close(o->conn);
	o->conn = NULL;
}

void
oracle_fini(struct oracle *o)
{
	leave(o);
	for (size_t i = 0; i < o->n; i++) {
		free(o->rows[i].sql);
		free(o->rows[i].source);
		free(o->rows[i].modes);
	}
	free(o->rows);
	free(o->facts);
	buf_fini(&o->found);
	buf_fini(&o->tried);
}

static void
enter(struct oracle *o)
{
	struct db_target t = { .engine = o->engine->engine, .statement_timeout_ms = 1000, .lock_timeout_ms = 100,
	    .tag = "oracle" };
	struct err e;

	leave(o);
	o->engine->target(o->ctx, &t);
	o->conn = o->engine->driver->open(&t, &o->info, &e);
	if (o->conn == NULL)
		fail_msg("%s", e.text);
}

/* The driver's answer to a text; rows go to out, or nowhere. */
static int
read_by_driver(struct oracle *o, const char *sql, size_t n, struct buf *out, struct db_result *r, struct err *e)
{
	struct db_statement s = { DB_SQL, sql, n };
	struct db_limits max = { ROWS_MAX, BYTES_MAX };
	struct db_sink sink = { out, take_columns, take_row };

	*e = (struct err){ .text = "" };
	db_result_init(r);
	sql_classify(o->facts, &o->info.sql, sql, n);
	return o->facts->class == SQL_CLASS_READ ? o->engine->driver->read(o->conn, &s, o->facts, &max, &sink, r, e) :
	    ERR_WALL;
}

/* What the driver's own session says to that. The limit of a statement is short, so on a busy machine it is asked again. */
static void
look_at_session(struct oracle *o, const char *sql, struct buf *out)
{
	enum { TIMES = 10 };
	size_t from = buf_len(out);

	for (int i = 0; i < TIMES; i++) {
		struct db_result r;
		struct err e;
		bool good;

		buf_truncate(out, from);
		buf_putf(out, "session, %s:", sql);
		good = read_by_driver(o, sql, strlen(sql), out, &r, &e) == 0 && r.end == DB_DONE;
		if (!good && i == TIMES - 1)
			fail_msg("%s: %s%s", sql, e.text, buf_str(&r.text));
		db_result_fini(&r);
		if (good)
			break;
	}
	buf_putc(out, '\n');
}

static void
look(struct oracle *o, struct buf *out)
{
	buf_reset(out);
	o->engine->look(o->ctx, out);
	for (const char *const *sql = o->engine->session; *sql != NULL; sql++)
		look_at_session(o, *sql, out);
	assert_false(buf_over(out));
}

/* Appends to out the lines of a that are not in b. */
static void
differ(struct buf *out, const char *sign, const char *a, const char *b)
{
	size_t said = 0;

	for (const char *end; (end = strchr(a, '\n')) != NULL; a = end + 1) {
		char *line = must_strndup(a, (size_t)(end - a) + 1);
		const char *hit = strstr(b, line);

		if ((hit == NULL || (hit != b && hit[-1] != '\n')) && said++ < 5)
			buf_putf(out, "    %s %.*s\n", sign, (int)(strlen(line) > 300 ? 300 : strlen(line) - 1), line);
		free(line);
	}
}

/* What differs; lines that only moved or came twice are told by the first of them. */
static void
tell_difference(struct buf *out, struct buf *before, struct buf *after)
{
	const char *a = buf_str(before), *b = buf_str(after);
	size_t line = 0;

	buf_reset(out);
	differ(out, "-", a, b);
	differ(out, "+", b, a);
	if (buf_len(out) > 0)
		return;
	for (size_t i = 0; a[i] == b[i] && a[i] != '\0'; i++)
		if (a[i] == '\n')
			line = i + 1;
	buf_putf(out, "    * the number or order of: %.*s\n", (int)strcspn(b + line, "\n"), b + line);
}

static void
note(struct buf *out, const struct oracle_row *row, const char *what)
{
	buf_putf(out, "%s:%zu (%s): %.*s\n    %s\n", row->file, row->line, row->source,
	    (int)(row->n > 2000 ? 2000 : row->n), row->sql, what);
}

static void
found(struct oracle *o, const struct oracle_row *row, const char *what)
{
	note(&o->found, row, what);
	o->nfound++;
}

static void
count_lost(struct oracle *o, const struct oracle_row *row, const char *why)
{
	o->count.lost++;
	found(o, row, why);
}

static void
show(const char *what, const struct oracle_row *row, const char *why)
{
	const char *want = getenv("TWOKEY_ORACLE_SHOW");

	if (want != NULL && (*want == '*' || strcmp(want, what) == 0))
		print_message("%s %s:%zu: %.*s\n    %s\n", what, row->file, row->line, (int)(row->n > 300 ? 300 : row->n),
		    row->sql, why);
}

static void
count_end(struct oracle *o, const struct oracle_row *row, struct db_result *r)
{
	static const char *const slow[] = { "57014", "1969", "70100", "SQLITE_INTERRUPT" };

	o->count.ran += r->end == DB_DONE;
	o->count.cut += r->end == DB_CUT;
	if (r->end != DB_FAILED)
		return;
	for (size_t i = 0; i < sizeof slow / sizeof *slow; i++)
		if (strcmp(r->code, slow[i]) == 0) {
			o->count.slow++;
			show("slow", row, buf_str(&r->text));
			return;
		}
	o->count.refused++;
	show("refused", row, buf_str(&r->text));
}

static void
count_wall(struct oracle *o, const struct oracle_row *row, const char *why)
{
	o->count.wall++;
	show("wall", row, why);
	if (!o->engine->tried(o->facts, why))
		return;
	o->count.tried++;
	note(&o->tried, row, why);
}

static void
run_row(struct oracle *o, const struct oracle_row *row)
{
	struct db_result r;
	struct err e;
	int ret;

	if (row->around) {
		o->engine->make(o->ctx, row->sql, row->n);
		return;
	}
	o->count.reads++;
	ret = read_by_driver(o, row->sql, row->n, NULL, &r, &e);
	if (ret == 0) {
		count_end(o, row, &r);
	} else if (ret == ERR_WALL) {
		count_wall(o, row, e.text);
	} else {
		count_lost(o, row, e.text);
		enter(o);
	}
	db_result_fini(&r);
}

static void
make_world(struct oracle *o, const size_t *which, size_t n)
{
	const struct oracle_row *first = &o->rows[which[0]];

	leave(o);
	o->engine->begin(o->ctx, first->modes, first->hostile);
	for (size_t i = 0; i < n; i++)
		if (o->rows[which[i]].setup)
			o->engine->make(o->ctx, o->rows[which[i]].sql, o->rows[which[i]].n);
	o->engine->finish(o->ctx);
	enter(o);
	o->count.worlds++;
}

/* The same world again, looked at after every single read. */
static void
find(struct oracle *o, const size_t *which, size_t n, struct buf *before, struct buf *after)
{
	struct oracle_count kept = o->count;
	size_t known = o->nfound, tried = buf_len(&o->tried);
	struct buf what;

	buf_init(&what, LOOK_MAX);
	tell_difference(&what, before, after);
	make_world(o, which, n);
	look(o, before);
	for (size_t i = 0; i < n; i++) {
		if (!o->rows[which[i]].read)
			continue;
		run_row(o, &o->rows[which[i]]);
		look(o, after);
		if (strcmp(buf_str(before), buf_str(after)) == 0)
			continue;
		tell_difference(&what, before, after);
		found(o, &o->rows[which[i]], buf_str(&what));
		look(o, before);
	}
	if (o->nfound == known) {
		found(o, &o->rows[which[0]], "something from here on changes the world, but no statement alone:");
		buf_puts(&o->found, buf_str(&what));
	}
	buf_fini(&what);
	kept.worlds = o->count.worlds;
	o->count = kept;
	buf_truncate(&o->tried, tried);
}

/* A server works on its own too (InnoDB counts a table anew and holds its locks meanwhile): what is another after a
 * moment did not come from a read, and what a read left stays. */
static void
look_when_settled(struct oracle *o, const struct buf *before, struct buf *after)
{
	int64_t until = clock_mono_ms() + o->settle_ms;
	struct timespec t = { 0, 50 * 1000 * 1000 };

	look(o, after);
	while (strcmp(buf_str((struct buf *)(uintptr_t)before), buf_str(after)) != 0 && clock_mono_ms() < until) {
		nanosleep(&t, NULL);
		look(o, after);
	}
}

static void
run_batch(struct oracle *o, const size_t *which, size_t n)
{
	struct buf before, after;

	buf_init(&before, LOOK_MAX);
	buf_init(&after, LOOK_MAX);
	make_world(o, which, n);
	look(o, &before);
	for (size_t i = 0; i < n; i++)
		if (o->rows[which[i]].read)
			run_row(o, &o->rows[which[i]]);
	look_when_settled(o, &before, &after);
	if (strcmp(buf_str(&before), buf_str(&after)) != 0)
		find(o, which, n, &before, &after);
	leave(o);
	buf_fini(&before);
	buf_fini(&after);
}

static bool
same_kind(const struct oracle_row *a, const struct oracle_row *b)
{
	return a->hostile == b->hostile && strcmp(a->modes, b->modes) == 0;
}

static bool
same_source(const struct oracle_row *a, const struct oracle_row *b)
{
	size_t n = strcspn(a->source, ":");

	return strncmp(a->source, b->source, n + 1) == 0;
}

/* All rows of the kind of the first one, in batches that end where a file of statements ends. */
static void
run_kind(struct oracle *o, size_t first)
{
	size_t *which = must_alloc(o->n * sizeof *which), n = 0, reads = 0;

	for (size_t i = first; i < o->n; i++) {
		if (!same_kind(&o->rows[i], &o->rows[first]))
			continue;
		if (n > 0 && (reads >= 2 * o->engine->batch ||
		    (reads >= o->engine->batch && !same_source(&o->rows[i], &o->rows[which[n - 1]])))) {
			run_batch(o, which, n);
			n = reads = 0;
		}
		which[n++] = i;
		reads += o->rows[i].read;
	}
	if (reads > 0)
		run_batch(o, which, n);
	free(which);
}

void
oracle_run(struct oracle *o)
{
	for (size_t i = 0; i < o->n; i++) {
		bool seen = false;

		for (size_t k = 0; k < i && !seen; k++)
			seen = same_kind(&o->rows[k], &o->rows[i]);
		if (!seen)
			run_kind(o, i);
	}
}

/* cmocka cuts what it is given at once. */
static void
say(const char *text)
{
	while (*text != '\0') {
		size_t n = strcspn(text, "\n");

		print_message("%.*s\n", (int)(n > 900 ? 900 : n), text);
		text += n + (text[n] != '\0');
	}
}

void
oracle_judge(struct oracle *o, size_t percent)
{
	const struct oracle_count *c = &o->count;

	print_message("%s: %zu statements (%zu left out: letters or a mode that the driver refuses), %zu called read; ran %zu,"
	    " cut %zu, over time %zu, refused by the server %zu, stopped by the wall %zu (%zu because they tried to write),"
	    " session lost %zu; %zu worlds\n",
	    sql_engine_name(o->engine->engine), c->rows, c->left_out, c->reads, c->ran, c->cut, c->slow, c->refused,
	    c->wall, c->tried, c->lost, c->worlds);
	say(buf_str(&o->found));
	say(buf_str(&o->tried));
	if (o->nfound > 0)
		fail_msg("%zu reads changed something, see above", o->nfound);
	if (c->tried > 0)
		fail_msg("%zu reads began to write and only the server stopped them, see above", c->tried);
	if ((c->ran + c->cut) * 100 < c->reads * percent)
		fail_msg("only %zu of %zu reads ran: that proves little", c->ran + c->cut, c->reads);
}

void
oracle_self_check(const struct oracle_engine *engine, void *ctx, const char *const *writes, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		struct oracle o;

		oracle_init(&o, engine, ctx);
		o.settle_ms = 0;	/* what differs here is meant to */
		oracle_add(&o, "SELECT 1", false);
		oracle_add(&o, writes[i], true);
		oracle_add(&o, "SELECT 2", false);
		oracle_run(&o);
		if (o.nfound != 1 || strstr(buf_str(&o.found), writes[i]) == NULL) {
			say(buf_str(&o.found));
			fail_msg("not found as the one that changes something: %s", writes[i]);
		}
		assert_int_equal(o.count.ran, 2);
		oracle_fini(&o);
	}
}
