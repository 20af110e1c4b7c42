/* SPDX-License-Identifier: GPL-3.0-or-later */
/* One random change after the other: sheet, truth, somebody else in between, run, and what stands there then. */
#include "config.h"

#include "change.h"

#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

enum { STATEMENTS = 12 };	/* of a world */

/* One change and what is known of it. */
struct round {
	char *sql[CHANGE_PARTS];
	size_t n;
	struct bench_part part[CHANGE_PARTS + 1];
	uint64_t touched;	/* by the plain connection, all parts together */
	bool inexact, counted;
	bool truth_ok;
	char meanwhile[1200];
	struct change_state before, then, truth, after;	/* of the sheet, of the run, as it should be, as it is */
};

static bool
goes_on(void)
{
	return getenv("TWOKEY_CHANGE_GO_ON") != NULL;
}

static void
put_sheet(const struct change_world *w, struct buf *out)
{
	struct db_sheet *s = (struct db_sheet *)(uintptr_t)&w->b.sheet;

	buf_putf(out, "sheet: %s, count %s%" PRIu64 "%s\n  triggers %s cascades %s rules %s policies %s\n  note %s\n  derived %s\n",
	    s->how, s->count_known ? "" : "not known ", s->count, s->inexact ? ", inexact" : "", buf_str(&s->triggers), buf_str(&s->cascades),
	    buf_str(&s->rules), buf_str(&s->policies), buf_str(&s->note), buf_str(&s->derived));
}

static void
found(struct change_world *w, struct round *r, const char *what, const struct change_state *a, const struct change_state *b)
{
	struct buf out;

	buf_init(&out, 1024 * 1024);
	buf_putf(&out, "seed %" PRIu64 ", statement %u: %s\n%s", w->seed, w->nth, what, buf_str(&w->script));
	for (size_t i = 0; i < r->n; i++)
		buf_putf(&out, "-- %s%s;\n", r->part[i].at_most ? "(at most) " : "", r->sql[i]);
	if (r->meanwhile[0] != '\0')
		buf_putf(&out, "-- meanwhile: %s\n", r->meanwhile);
	put_sheet(w, &out);
	buf_putf(&out, "sample: %s\n%s", buf_str(&w->columns), buf_str(&w->rows));
	buf_putf(&out, "run: end %d %s %s, effects %s, held %d\n", w->b.r.end, w->b.r.code, buf_str(&w->b.r.text), buf_str(&w->b.r.effects), w->held);
	if (a != NULL) {
		buf_puts(&out, "difference:\n");
		(void)change_state_same(w, a, b, &out);
	}
	fprintf(stderr, "%s\n", buf_str(&out));	/* cmocka cuts long texts */
	buf_fini(&out);
	w->findings++;
	if (!goes_on())
		fail_msg("%s", what);
}

static bool
hold(struct bench *b)
{
	struct change_world *w = b->ctx;

	w->held = w->must_hold || b->held_moved;
	return !w->held || w->keeps;
}

/* Each part's sheet; false when one is refused. */
static bool
look(struct change_world *w, struct round *r)
{
	r->inexact = false;
	r->counted = true;
	for (size_t i = 0; i < r->n; i++) {
		const struct db_sheet *s = &w->b.sheet;

		if (bench_sheet(&w->b, r->sql[i]) != 0)
			return false;
		if (w->b.facts->class != SQL_CLASS_WRITE)
			return false;
		r->counted = r->counted && s->count_known;
		r->part[i] = (struct bench_part){ r->sql[i], s->count, false };
		if (!s->count_known) {
			r->part[i].rows = 1000;
			r->part[i].at_most = true;
		} else if (change_chance(w, 25)) {
			r->part[i].rows += change_random(w, 3);
			r->part[i].at_most = true;
		}
		r->inexact = r->inexact || s->inexact || !s->count_known;
	}
	buf_reset(&w->columns);
	buf_reset(&w->rows);
	buf_puts(&w->columns, buf_str(&w->b.columns));
	buf_puts(&w->rows, buf_str(&w->b.rows));
	w->shown_rows = w->b.nrows;
	return true;
}

/* What a plain connection makes of it, taken back. */
static void
find_truth(struct change_world *w, struct round *r)
{
	const char *why = "";
	uint64_t n = 0;

	r->truth_ok = w->engine->exec(w->ctx, "BEGIN", NULL, &why);
	r->touched = 0;
	for (size_t i = 0; i < r->n && r->truth_ok; i++) {
		r->truth_ok = w->engine->exec(w->ctx, r->sql[i], &n, &why);
		r->touched += n;
	}
	if (r->truth_ok)
		change_state_take(w, &r->truth);
	(void)w->engine->exec(w->ctx, "ROLLBACK", NULL, &why);
}

static void
somebody_else(struct change_world *w, struct round *r)
{
	struct buf sql;
	bool shape;

	buf_init(&sql, sizeof r->meanwhile - 1);
	change_meanwhile(w, &sql, &shape);
	if (!buf_over(&sql)) {	/* also one that fails may leave something: INSERT OR FAIL */
		w->changed_shape = (change_do(w, buf_str(&sql)) && shape) || w->changed_shape;
		snprintf(r->meanwhile, sizeof r->meanwhile, "%s", buf_str(&sql));
		w->between++;
	}
	buf_fini(&sql);
}

static void
run(struct change_world *w, struct round *r)
{
	/* what is not known may be bound by a number that is just right: then it is not held for that */
	bool exact = r->n == 1 && !r->counted && r->truth_ok && change_chance(w, 60);

	if (exact)
		r->part[0] = (struct bench_part){ r->sql[0], r->touched, false };
	w->must_hold = r->n > 1 || w->b.sheet.inexact || (!exact && r->inexact);
	w->keeps = change_chance(w, 70);
	w->b.wants_commit = change_chance(w, 95);	/* else it could not be put on record */
	w->held = false;
	w->b.hold = hold;
	if (r->n == 1)
		(void)bench_run(&w->b, r->sql[0], r->part[0].rows, r->part[0].at_most);
	else
		(void)bench_set_run(&w->b);
}

/* Nobody came in between: what the sheet said is compared with the truth, however the run ended. */
static void
judge_shown(struct change_world *w, struct round *r)
{
	const char *why;

	if (r->n != 1 || !r->truth_ok || r->meanwhile[0] != '\0')
		return;
	w->judged++;
	why = change_judge_sheet(w, &r->before, &r->truth, r->touched);
	if (why != NULL)
		found(w, r, why, &r->before, &r->truth);
}

static void
judge_committed(struct change_world *w, struct round *r)
{
	const char *why = NULL;

	w->committed++;
	w->kept += w->held ? 1 : 0;
	if (!r->truth_ok)
		found(w, r, "it was committed, and a plain connection could not do it", &r->then, &r->after);
	else if (!change_state_same(w, &r->truth, &r->after, NULL))
		found(w, r, "a plain connection would have made something else of it", &r->truth, &r->after);
	if (!w->held && r->n == 1)
		why = change_judge_sheet(w, &r->then, &r->after, r->touched);
	if (why != NULL)
		found(w, r, why, &r->then, &r->after);
	why = !w->held && r->n == 1 ? change_judge_names(w, &r->then, &r->after) : NULL;
	if (why != NULL)
		found(w, r, why, &r->then, &r->after);
	why = change_judge_effects(w, r->n == 1, w->held ? w->b.held_effects : buf_str(&w->b.r.effects), &r->then, &r->after);
	if (why != NULL)
		found(w, r, why, &r->then, &r->after);
}

static void
judge(struct change_world *w, struct round *r)
{
	change_state_take(w, &r->after);
	judge_shown(w, r);
	if (w->b.r.end == DB_COMMITTED) {
		judge_committed(w, r);
		buf_putf(&w->script, "-- %u committed\n", w->nth);
		for (size_t i = 0; i < r->n; i++)
			buf_putf(&w->script, "%s;\n", r->sql[i]);
		return;
	}
	if (!change_state_same(w, &r->then, &r->after, NULL))
		found(w, r, "it was not committed, and something changed", &r->then, &r->after);
	if (w->held)
		w->back++;
	else if (w->b.r.end == DB_FAILED)
		w->failed++;
	else
		w->voided++;
	if (!w->held && r->truth_ok && r->meanwhile[0] == '\0' && r->n == 1 && getenv("TWOKEY_CHANGE_TELL") != NULL)
		print_message("seed %" PRIu64 " %u: %s / %s %s\n", w->seed, w->nth, r->sql[0], w->b.r.code, buf_str(&w->b.r.text));
}

static void
one_round(struct change_world *w, struct round *r)
{
	change_state_take(w, &r->before);
	if (!look(w, r)) {
		w->refused++;
		change_state_take(w, &r->after);
		if (!change_state_same(w, &r->before, &r->after, NULL))
			found(w, r, "the sheet was refused, and something changed", &r->before, &r->after);
		return;
	}
	if (r->n > 1)
		bench_set(&w->b, r->part);
	if (change_chance(w, 33))
		somebody_else(w, r);
	find_truth(w, r);
	change_state_take(w, &r->then);
	run(w, r);
	judge(w, r);
}

static void
next(struct change_world *w)
{
	struct round r = { .n = change_chance(w, 88) ? 1 : 2 + change_random(w, 2) };
	struct buf sql;

	for (size_t i = 0; i < r.n; i++) {
		buf_init(&sql, 16384);
		change_write(w, &sql);
		r.sql[i] = buf_take(&sql);
		buf_fini(&sql);
	}
	w->made++;
	one_round(w, &r);
	for (size_t i = 0; i < r.n; i++)
		free(r.sql[i]);
	change_state_free(w, &r.before);
	change_state_free(w, &r.then);
	change_state_free(w, &r.truth);
	change_state_free(w, &r.after);
}

static void
one_world(struct change_world *w, uint64_t seed)
{
	w->seed = w->random = seed;
	w->nt = w->ng = w->nk = 0;
	w->policed = w->changed_shape = false;
	buf_reset(&w->script);
	w->engine->fresh(w->ctx, &w->target);
	change_make(w);
	if (w->nt < 2)
		return;
	bench_open(&w->b, &w->target);
	w->b.ctx = w;
	for (w->nth = 0; w->nth < STATEMENTS && !w->changed_shape; w->nth++)
		next(w);
	bench_close(&w->b);
}

static uint64_t
number(const char *name, uint64_t otherwise)
{
	const char *s = getenv(name);

	return s != NULL ? strtoull(s, NULL, 10) : otherwise;
}

static const struct change_engine *engine;

static void
what_was_shown_is_what_happened(void **state)
{
	struct change_world *w = calloc(1, sizeof *w);
	uint64_t worlds = number("TWOKEY_CHANGE_WORLDS", engine->worlds), seed = number("TWOKEY_CHANGE_SEED", 1);

	assert_non_null(w);
	w->engine = engine;
	w->ctx = *state;
	buf_init(&w->script, 1024 * 1024);
	buf_init(&w->columns, 64 * 1024);
	buf_init(&w->rows, 1024 * 1024);
	for (uint64_t i = 0; i < worlds; i++)
		one_world(w, seed + i);
	print_message("%lu changes: %lu refused, %lu sheets judged (%lu loosely), %lu committed (%lu of them held), %lu taken back while held, %lu void,"
	    " %lu failed; %lu with others in between; %lu findings\n", w->made, w->refused, w->judged, w->loose, w->committed, w->kept, w->back,
	    w->voided, w->failed, w->between, w->findings);
	assert_int_equal(w->findings, 0);
	assert_true(w->committed * 10 > w->made);
	buf_fini(&w->script);
	buf_fini(&w->columns);
	buf_fini(&w->rows);
	free(w);
}

int
change_main(const char *name, const struct change_engine *of, CMFixtureFunction setup, CMFixtureFunction teardown)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(what_was_shown_is_what_happened, setup, teardown),
	};

	engine = of;
	return _cmocka_run_group_tests(name, tests, 1, NULL, NULL);
}
