/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Random people do random things to requests (fixed seed); a second, simple account of what happened says
 * whether an answer could have been good. What the guards let through must be so by that account. */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "twokey/base/err.h"
#include "twokey/gate/request.h"

static const char *const who[] = { "ben", "anna", "kim" };
enum { BEN, ANNA, KIM, PEOPLE };

/* What the test itself saw. */
struct account {
	bool sheet, held;
	int64_t opened[PEOPLE];		/* when he began to read; -1: not */
	bool last[PEOPLE];
	int64_t until;
	int questions, allowed, executing, committed, kept;
	int allowed_by;
};

struct walk {
	uint64_t seed;
	int64_t now;
	struct gate_request r;
	struct account a;
	struct digest sql, bind, wrong;
	size_t allows;
};

static uint64_t
roll(struct walk *w, uint64_t n)
{
	w->seed ^= w->seed << 13;
	w->seed ^= w->seed >> 7;
	w->seed ^= w->seed << 17;
	return (w->seed >> 11) % n;
}

static void
do_sheet(struct walk *w)
{
	bool known = roll(w, 4) > 0;
	uint64_t count = roll(w, 5);
	bool asking = w->r.state == GATE_STATE_ASKING && !w->a.sheet;
	int ret = gate_request_sheet(&w->r, &w->bind, known, count, NULL);

	assert_true(ret != 0 || asking);
	w->a.sheet = w->a.sheet || ret == 0;
}

static void
do_opened(struct walk *w)
{
	int p = (int)roll(w, PEOPLE);
	bool last = roll(w, 2);
	int ret = gate_request_opened(&w->r, who[p], last, w->now, NULL);

	if (ret != 0)
		return;
	assert_true(p != BEN && w->a.sheet && w->now < w->a.until &&
	    w->r.state == (w->a.held ? GATE_STATE_HOLD : GATE_STATE_ASKING));
	if (w->a.opened[p] < 0 || !last || w->now - w->a.opened[p] > 600000) {
		w->a.opened[p] = w->now;
		w->a.last[p] = false;
	}
	w->a.last[p] = w->a.last[p] || last;
}

static void
do_asked(struct walk *w)
{
	if (gate_request_asked(&w->r, w->now, 300, NULL) != 0)
		return;
	assert_true(w->now < w->a.until && w->r.state == GATE_STATE_ASKING);
	w->a.until = w->now + 300000;
	assert_true(++w->a.questions <= 3);
}

static void
do_allow(struct walk *w)
{
	static const char *const wrong[] = { "", "y", "yes", "orders", "orders 77", "ORDERS 3", "all rows", "3" };
	int p = (int)roll(w, PEOPLE);
	bool good_sql = roll(w, 8) > 0, good_bind = roll(w, 8) > 0, good_typed = roll(w, 4) > 0, could;
	char typed[256];
	struct gate_key key = { .by = who[p], .digest = good_sql ? &w->sql : &w->wrong,
	    .bind = good_bind ? &w->bind : &w->wrong, .typed = typed };
	struct gate_request before = w->r;
	int ret;

	gate_request_expected(&w->r, w->r.all_rows, typed, sizeof typed);
	if (!good_typed || typed[0] == '\0') {
		good_typed = false;
		snprintf(typed, sizeof typed, "%s", wrong[roll(w, 8)]);
	}
	could = w->r.state == (w->a.held ? GATE_STATE_HOLD : GATE_STATE_ASKING) && p != BEN && w->a.sheet && good_sql && good_bind && good_typed &&
	    w->now < w->a.until && w->a.opened[p] >= 0 && w->a.last[p] && w->now - w->a.opened[p] >= 2000 &&
	    w->now - w->a.opened[p] <= 600000;
	ret = gate_request_allow(&w->r, &key, w->now, NULL);
	assert_int_equal(ret == 0, could);
	if (ret != 0) {
		assert_memory_equal(&before, &w->r, sizeof before);
		return;
	}
	w->a.allowed += !w->a.held;
	w->a.kept += w->a.held;
	w->a.allowed_by = p;
	w->allows++;
}

/* It ran and is held: everything begins anew, over what it did. */
static void
do_held(struct walk *w)
{
	struct digest bind = digest_of("held", 4);
	bool executing = w->r.state == GATE_STATE_EXECUTING;

	if (executing)
		w->bind = bind;
	assert_int_equal(gate_request_held(&w->r, &bind, roll(w, 5), w->now, 60, NULL) == 0, executing);
	if (!executing)
		return;
	w->a.held = true;
	w->a.until = w->now + 60000;
	for (int p = 0; p < PEOPLE; p++)
		w->a.opened[p] = -1;
}

/* What the broker does by itself, and what it must not be able to do: every input but ALLOW, at any time. */
static void
do_step(struct walk *w)
{
	enum gate_input in = (enum gate_input)roll(w, GATE_INPUTS);
	enum gate_state before = w->r.state;

	if (in == GATE_INPUT_ALLOW || in == GATE_INPUT_HOLD || (w->a.held && roll(w, 4) > 0) || (roll(w, 4) > 0 && before == GATE_STATE_ASKING))
		return;		/* leave it open for a while */
	if (!gate_step(&w->r.state, in)) {
		assert_int_equal(before, w->r.state);
		return;
	}
	assert_false(gate_state_final(before));
	w->a.executing += w->r.state == GATE_STATE_EXECUTING;
	w->a.committed += w->r.state == GATE_STATE_COMMITTED;
	assert_true(w->r.state != GATE_STATE_COMMITTED || !w->a.held || w->a.kept == 1);
}

static void
one_walk(struct walk *w)
{
	static void (*const acts[])(struct walk *) = {
		do_sheet, do_opened, do_opened, do_asked, do_allow, do_allow, do_allow, do_step, do_held, do_opened
	};
	enum gate_state final = GATE_STATES;

	w->now = (int64_t)roll(w, 1000000) + 1;
	memset(&w->a, 0, sizeof w->a);
	w->bind = digest_of("bind", 4);
	for (int p = 0; p < PEOPLE; p++)
		w->a.opened[p] = -1;
	gate_request_init(&w->r, 1, "ben", &w->sql, roll(w, 4), w->now, 300);
	w->a.until = w->now + 300000;
	snprintf(w->r.table, sizeof w->r.table, "orders");
	w->r.all_rows = roll(w, 4) == 0;
	if (roll(w, 2))
		w->r.bound = (struct gate_bound){ true, (enum gate_op)roll(w, 2), roll(w, 5) };
	for (int i = 0; i < 60; i++) {
		w->now += (int64_t)(roll(w, 10) == 0 ? roll(w, 700000) : roll(w, 3000));
		acts[roll(w, 10)](w);
		if (final != GATE_STATES)
			assert_int_equal(w->r.state, final);
		if (gate_state_final(w->r.state))
			final = w->r.state;
		assert_true(w->a.kept <= 1 && w->a.committed <= w->a.executing && w->a.executing <= w->a.allowed && w->a.allowed <= 1);
		assert_true(w->a.allowed == 0 || w->a.allowed_by != BEN);
	}
}

static void
nothing_executes_but_what_another_person_allowed(void **state)
{
	struct walk w = { .seed = 88172645463325252u, .sql = digest_of("sql", 3), .bind = digest_of("bind", 4),
	    .wrong = digest_of("wrong", 5) };

	for (int i = 0; i < 40000; i++)
		one_walk(&w);
	assert_true(w.allows > 500);	/* the walks reach what they are about */
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nothing_executes_but_what_another_person_allowed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
