/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Rule 3 of the approval: requests today, and how many are answered without a break. */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "twokey/gate/pace.h"

#define S INT64_C(1000000)
#define DAY (INT64_C(86400) * S)
static const int64_t noon = 20000 * DAY + DAY / 2;
static const struct gate_pace_rule rule = { .most = 3, .break_s = 900 };

static void
the_next_answer_without_a_break_is_one_too_many(void **state)
{
	struct gate_pace p = { .day = 0 };
	int64_t until, now = noon;

	(void)state;
	for (int i = 0; i < 3; i++, now += 899 * S) {
		assert_false(gate_pace_tired(&p, &rule, 0, now, &until));
		gate_pace_count(&p, &rule, GATE_PACE_ANSWERED, now);
	}
	assert_true(gate_pace_tired(&p, &rule, 0, now, &until));
	assert_int_equal(until, noon + 2 * 899 * S + 900 * S);
	assert_true(gate_pace_tired(&p, &rule, 0, until - 1, &until));
	assert_false(gate_pace_tired(&p, &rule, 0, until, &until));
	assert_int_equal(p.answered, 3);
	assert_int_equal(p.run, 0);
}

static void
what_waits_counts_and_what_the_ticket_names_does_not(void **state)
{
	struct gate_pace p = { .day = 0 };
	int64_t until;

	(void)state;
	gate_pace_count(&p, &rule, GATE_PACE_ANSWERED, noon);
	assert_false(gate_pace_tired(&p, &rule, 1, noon, &until));
	assert_true(gate_pace_tired(&p, &rule, 2, noon, &until));
	assert_true(gate_pace_tired(&p, &rule, 100, noon, &until));
	for (int i = 0; i < 50; i++)
		gate_pace_count(&p, &rule, GATE_PACE_ANSWERED_PLAN, noon);
	assert_false(gate_pace_tired(&p, &rule, 1, noon, &until));
	assert_int_equal(p.answered, 51);
	assert_int_equal(p.run, 1);
}

static void
another_day_begins_at_none_and_ends_no_run(void **state)
{
	struct gate_pace p = { .day = 0 };
	int64_t until, midnight = 20001 * DAY;

	(void)state;
	gate_pace_count(&p, &rule, GATE_PACE_ASKED, midnight - S);
	gate_pace_count(&p, &rule, GATE_PACE_ANSWERED, midnight - S);
	assert_int_equal(p.asked, 1);
	gate_pace_count(&p, &rule, GATE_PACE_ANSWERED, midnight + S);
	assert_int_equal(p.asked, 0);
	assert_int_equal(p.answered, 1);
	gate_pace_count(&p, &rule, GATE_PACE_ANSWERED, midnight + 2 * S);
	assert_true(gate_pace_tired(&p, &rule, 0, midnight + 3 * S, &until));
}

/* Neither a free pass nor a lock for ever. */
static void
a_clock_that_is_set_back_starts_the_break_now(void **state)
{
	struct gate_pace p = { .day = 0 };
	int64_t until;

	(void)state;
	for (int i = 0; i < 3; i++)
		gate_pace_count(&p, &rule, GATE_PACE_ANSWERED, noon);
	assert_true(gate_pace_tired(&p, &rule, 0, noon - 10 * DAY, &until));
	assert_int_equal(until, noon - 10 * DAY + 900 * S);
	assert_false(gate_pace_tired(&p, &rule, 0, until, &until));
}

static void
people_are_counted_one_by_one(void **state)
{
	static struct gate_paces v;
	enum gate_pace_what what;
	char name[GATE_NAME_MAX + 1];

	(void)state;
	gate_pace_count(gate_pace_of(&v, "anna"), &rule, GATE_PACE_ANSWERED, noon);
	gate_pace_count(gate_pace_of(&v, "ben"), &rule, GATE_PACE_ASKED, noon);
	assert_int_equal(v.n, 2);
	assert_int_equal(gate_pace_of(&v, "anna")->answered, 1);
	assert_int_equal(gate_pace_of(&v, "ben")->answered, 0);
	memset(name, 'x', sizeof name);
	name[GATE_NAME_MAX] = '\0';
	assert_null(gate_pace_of(&v, name));
	assert_null(gate_pace_of(&v, ""));
	for (int i = 0; i <= GATE_PACE_ANSWERED_PLAN; i++) {
		assert_true(gate_pace_what_parse(gate_pace_what_name((enum gate_pace_what)i), &what));
		assert_int_equal(what, i);
	}
	assert_false(gate_pace_what_parse("allowed", &what));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_next_answer_without_a_break_is_one_too_many),
		cmocka_unit_test(what_waits_counts_and_what_the_ticket_names_does_not),
		cmocka_unit_test(another_day_begins_at_none_and_ends_no_run),
		cmocka_unit_test(a_clock_that_is_set_back_starts_the_break_now),
		cmocka_unit_test(people_are_counted_one_by_one),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
