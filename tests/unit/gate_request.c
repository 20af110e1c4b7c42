/* SPDX-License-Identifier: GPL-3.0-or-later */
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

#include "gate_ready.h"

static void
another_person_allows_what_he_read(void **state)
{
	struct gate_request r = ready();

	assert_int_equal(r.state, GATE_STATE_ASKING);
	assert_int_equal(allow_at(&r, "anna", "orders 3", T0 + 3000), 0);
	/* once */
	assert_int_equal(allow_at(&r, "anna", "orders 3", T0 + 3001), ERR_STATE);
}

/* Every field of the key, every bit of its digests. */
static void
any_other_key_does_not_turn(void **state)
{
	struct digest sql = digest_of_word("sql"), bind = digest_of_word("bind");

	for (int which = 0; which < 2; which++) {
		for (int bit = 0; bit < DIGEST_LEN * 8; bit++) {
			struct digest a = sql, b = bind;
			struct gate_key key = { .by = "anna", .digest = &a, .bind = &b, .typed = "orders 3" };
			struct gate_request r = ready();

			(which ? &b : &a)->b[bit / 8] ^= (uint8_t)(1 << bit % 8);
			assert_int_equal(gate_request_allow(&r, &key, T0 + 4000, NULL), ERR_DENIED);
			assert_int_equal(r.state, GATE_STATE_ASKING);
		}
	}
	for (int field = 0; field < 5; field++) {
		struct gate_key key = { .by = "anna", .digest = &sql, .bind = &bind, .typed = "orders 3" };
		struct gate_request r = ready();

		if (field == 0)
			key.by = NULL;
		else if (field == 1)
			key.digest = NULL;
		else if (field == 2)
			key.bind = NULL;
		else if (field == 3)
			key.typed = NULL;
		else
			key.digest = &bind, key.bind = &sql;
		assert_int_equal(gate_request_allow(&r, &key, T0 + 4000, NULL), ERR_DENIED);
	}
	{
		struct gate_request r = ready();

		assert_int_equal(allow_at(&r, "anna", "orders 3", T0 + 4000), 0);	/* and the right one does */
	}
}

static void
the_driver_never_turns_his_own_key(void **state)
{
	struct gate_request r = ready();

	assert_int_equal(gate_request_opened(&r, "ben", true, T0 + 1000, NULL), ERR_DENIED);
	assert_int_equal(allow_at(&r, "ben", "orders 3", T0 + 4000), ERR_DENIED);
	/* not even if a record says that he opened it */
	snprintf(r.opened[0].by, sizeof r.opened[0].by, "ben");
	assert_int_equal(allow_at(&r, "ben", "orders 3", T0 + 4000), ERR_DENIED);
}

static void
opening_by_another_person_does_not_count(void **state)
{
	static const char *const others[] = { "kim", "", "Anna", "ann", "annaa", "anna " };

	for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
		struct gate_request r = ready();

		assert_int_equal(allow_at(&r, others[i], "orders 3", T0 + 4000), ERR_DENIED);
	}
}

static void
the_last_line_must_have_been_shown(void **state)
{
	struct gate_request r = ready();

	assert_int_equal(gate_request_opened(&r, "kim", false, T0 + 1000, NULL), 0);
	assert_int_equal(allow_at(&r, "kim", "orders 3", T0 + 9000), ERR_DENIED);
	assert_int_equal(gate_request_opened(&r, "kim", true, T0 + 9000, NULL), 0);
	assert_int_equal(allow_at(&r, "kim", "orders 3", T0 + 9000), 0);
}

static void
opening_it_again_begins_anew(void **state)
{
	struct gate_request r = ready();

	assert_int_equal(gate_request_opened(&r, "anna", false, T0 + 5000, NULL), 0);
	assert_int_equal(allow_at(&r, "anna", "orders 3", T0 + 9000), ERR_DENIED);
	assert_int_equal(gate_request_opened(&r, "anna", true, T0 + 5500, NULL), 0);
	assert_int_equal(allow_at(&r, "anna", "orders 3", T0 + 6999), ERR_DENIED);
	assert_int_equal(allow_at(&r, "anna", "orders 3", T0 + 7000), 0);
}

static void
it_takes_a_minimum_time_that_grows_with_its_lines(void **state)
{
	int64_t before = 0;

	for (size_t lines = 0; lines < 300; lines++) {
		struct gate_request r = ready();
		int64_t wait;

		r.lines = lines;
		wait = gate_wait_ms(&r);
		assert_true(wait >= (int64_t)GATE_SECONDS_MIN * 1000 && wait >= before && wait <= 30000);
		before = wait;
		assert_int_equal(allow_at(&r, "anna", "orders 3", T0 + 1000 + wait - 1), ERR_DENIED);
		assert_int_equal(allow_at(&r, "anna", "orders 3", T0 + 1000 + wait), 0);
	}
	assert_int_equal(before, 30000);
	assert_int_equal(gate_wait_ms(&(struct gate_request){ .lines = SIZE_MAX }), 30000);
}

static void
an_answer_comes_within_ten_minutes_of_opening(void **state)
{
	int64_t limit = (int64_t)GATE_ANSWER_WITHIN_S * 1000;
	struct gate_request r = ready();

	r.until_ms = T0 + 10 * limit;
	assert_int_equal(allow_at(&r, "anna", "orders 3", T0 + 1000 + limit + 1), ERR_DENIED);
	/* a screen that only says "last" again has opened it again */
	assert_int_equal(gate_request_opened(&r, "anna", true, T0 + 1000 + limit + 1, NULL), 0);
	assert_int_equal(allow_at(&r, "anna", "orders 3", T0 + 1000 + limit + 2), ERR_DENIED);
	assert_int_equal(allow_at(&r, "anna", "orders 3", T0 + 1000 + limit + 1 + 2000), 0);
	r = ready();
	r.until_ms = T0 + 10 * limit;
	assert_int_equal(allow_at(&r, "anna", "orders 3", T0 + 1000 + limit), 0);
}

static void
expiry_is_exact_and_is_denial(void **state)
{
	int64_t until = T0 + (int64_t)SECONDS * 1000;
	struct gate_request r = ready();

	assert_int_equal(r.until_ms, until);
	assert_false(gate_request_expired(&r, until - 1));
	assert_true(gate_request_expired(&r, until));
	assert_int_equal(allow_at(&r, "anna", "orders 3", until), ERR_STATE);
	assert_int_equal(allow_at(&r, "anna", "orders 3", until + 1000), ERR_STATE);
	assert_int_equal(gate_request_opened(&r, "anna", true, until, NULL), ERR_STATE);
	assert_int_equal(gate_request_asked(&r, until, SECONDS, NULL), ERR_STATE);
	assert_int_equal(allow_at(&r, "anna", "orders 3", until - 1), 0);
	assert_false(gate_request_expired(&r, until));	/* allowed in time is not expired */
}

static void
a_clock_that_goes_back_helps_nobody(void **state)
{
	struct gate_request r = ready();

	assert_int_equal(allow_at(&r, "anna", "orders 3", T0 + 999), ERR_DENIED);
	assert_int_equal(allow_at(&r, "anna", "orders 3", T0 - 1), ERR_STATE);
	assert_int_equal(allow_at(&r, "anna", "orders 3", INT64_MIN), ERR_STATE);
	assert_int_equal(allow_at(&r, "anna", "orders 3", INT64_MAX), ERR_STATE);
	assert_int_equal(gate_request_opened(&r, "kim", false, T0 + 1000, NULL), 0);
	assert_int_equal(gate_request_opened(&r, "kim", true, T0 + 9000, NULL), 0);
	assert_int_equal(allow_at(&r, "kim", "orders 3", T0 + 8000), ERR_DENIED);
	/* opened "later" than now: reading begins anew */
	assert_int_equal(gate_request_opened(&r, "anna", true, T0 + 500, NULL), 0);
	assert_int_equal(allow_at(&r, "anna", "orders 3", T0 + 2499), ERR_DENIED);
}

static void
times_are_kept_within_a_day_and_do_not_wrap(void **state)
{
	struct digest d = digest_of_word("sql");
	struct gate_request r;

	gate_request_init(&r, 1, "ben", &d, 1, T0, INT64_MAX);
	assert_int_equal(r.until_ms, T0 + (int64_t)86400 * 1000);
	gate_request_init(&r, 1, "ben", &d, 1, T0, -5);
	assert_int_equal(r.until_ms, T0);
	gate_request_init(&r, 1, "ben", &d, 1, T0, INT64_MIN);
	assert_true(gate_request_expired(&r, T0));
	gate_request_init(&r, 1, "ben", &d, 1, T0, 0);
	assert_true(gate_request_expired(&r, T0));
	gate_request_init(&r, 1, "ben", &d, 1, INT64_MAX - 5, 300);
	assert_int_equal(r.until_ms, INT64_MAX);
}

static void
a_request_without_a_driver_is_refused(void **state)
{
	char name[GATE_NAME_MAX + 1];
	struct digest d = digest_of_word("sql");
	struct gate_request r;

	memset(name, 'a', sizeof name);
	name[GATE_NAME_MAX] = '\0';
	gate_request_init(&r, 1, name, &d, 1, T0, SECONDS);	/* cut, it could equal another's name */
	assert_int_equal(r.state, GATE_STATE_REFUSED);
	gate_request_init(&r, 1, "", &d, 1, T0, SECONDS);
	assert_int_equal(r.state, GATE_STATE_REFUSED);
	gate_request_init(&r, 1, NULL, &d, 1, T0, SECONDS);
	assert_int_equal(r.state, GATE_STATE_REFUSED);
	name[GATE_NAME_MAX - 1] = '\0';
	gate_request_init(&r, 1, name, &d, 1, T0, SECONDS);
	assert_int_equal(r.state, GATE_STATE_ASKING);
}

static void
without_a_sheet_nothing_can_be_opened_or_allowed(void **state)
{
	struct digest d = digest_of_word("sql");
	struct gate_request r;

	gate_request_init(&r, 1, "ben", &d, 1, T0, SECONDS);
	snprintf(r.table, sizeof r.table, "orders");
	r.bound = (struct gate_bound){ true, GATE_OP_EQUAL, 3 };
	assert_int_equal(gate_request_opened(&r, "anna", true, T0 + 1, NULL), ERR_STATE);
	assert_int_equal(r.nopened, 0);
	assert_int_equal(allow_at(&r, "anna", "orders 3", T0 + 4000), ERR_STATE);
}

static void
the_sheet_comes_once_and_needs_a_bound_that_holds(void **state)
{
	static const struct {
		struct gate_bound bound;
		bool known;
		uint64_t count;
		int ret;
		struct gate_bound after;
	} rows[] = {
		{ { 0 }, true, 3, 0, EQ(3) },
		{ { 0 }, true, 0, 0, EQ(0) },
		{ { 0 }, false, 0, ERR_DENIED, { 0 } },
		{ EQ(3), true, 3, 0, EQ(3) },
		{ EQ(3), true, 4, ERR_DENIED, EQ(3) },
		{ EQ(3), true, 2, ERR_DENIED, EQ(3) },
		{ EQ(3), false, 9, 0, EQ(3) },
		{ LE(500), true, 500, 0, LE(500) },
		{ LE(500), true, 501, ERR_DENIED, LE(500) },
		{ LE(500), true, 0, 0, LE(500) },
		{ LE(500), false, 0, 0, LE(500) },
		{ { true, (enum gate_op)7, 3 }, true, 3, ERR_DENIED, { true, (enum gate_op)7, 3 } },
	};
	struct digest d = digest_of_word("sql"), bind = digest_of_word("bind"), other = digest_of_word("other");

	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct gate_request r;

		gate_request_init(&r, 1, "ben", &d, 1, T0, SECONDS);
		snprintf(r.table, sizeof r.table, "orders");
		r.bound = rows[i].bound;
		assert_int_equal(gate_request_sheet(&r, &bind, rows[i].known, rows[i].count, NULL), rows[i].ret);
		assert_int_equal(r.sheet, rows[i].ret == 0);
		assert_int_equal(r.bound.given, rows[i].after.given);
		assert_int_equal(r.bound.op, rows[i].after.op);
		assert_int_equal(r.bound.rows, rows[i].after.rows);
		if (rows[i].ret == 0) {
			assert_int_equal(gate_request_sheet(&r, &other, true, 3, NULL), ERR_STATE);
			assert_true(digest_equal(&r.bind, &bind));
		}
	}
}

static void
a_table_that_cannot_be_typed_is_denied_with_the_sheet(void **state)
{
	static const char *const tables[] = {
		"", " orders", "orders ", "a\nb", "a\tb", "a\x1b[2J", "a\xe2\x80\xaez", "a\xff",
	};
	struct digest d = digest_of_word("sql"), bind = digest_of_word("bind");
	struct gate_request r;

	for (size_t i = 0; i < sizeof tables / sizeof tables[0]; i++) {
		gate_request_init(&r, 1, "ben", &d, 1, T0, SECONDS);
		snprintf(r.table, sizeof r.table, "%s", tables[i]);
		assert_int_equal(gate_request_sheet(&r, &bind, true, 3, NULL), ERR_DENIED);
		assert_false(r.sheet);
	}
	gate_request_init(&r, 1, "ben", &d, 1, T0, SECONDS);
	memset(r.table, 'a', sizeof r.table - 1);	/* perhaps cut */
	assert_int_equal(gate_request_sheet(&r, &bind, true, 3, NULL), ERR_DENIED);
}

static void
it_is_asked_about_three_times_at_most(void **state)
{
	struct gate_request r = ready();
	int64_t now = T0;

	for (int i = 0; i < GATE_QUESTIONS_MAX; i++) {
		now += 200 * 1000;
		assert_int_equal(gate_request_asked(&r, now, SECONDS, NULL), 0);
		assert_int_equal(r.until_ms, now + (int64_t)SECONDS * 1000);
	}
	assert_int_equal(gate_request_asked(&r, now + 1, SECONDS, NULL), ERR_DENIED);
	assert_int_equal(r.until_ms, now + (int64_t)SECONDS * 1000);
	assert_true(gate_request_expired(&r, r.until_ms));
	r.state = GATE_STATE_ALLOWED;
	assert_int_equal(gate_request_asked(&r, now + 1, SECONDS, NULL), ERR_STATE);
}

static void
no_ninth_screen_takes_the_place_of_another(void **state)
{
	struct gate_request r = ready();

	for (int i = 0; i < 7; i++) {
		char name[8];

		snprintf(name, sizeof name, "p%d", i);
		assert_int_equal(gate_request_opened(&r, name, true, T0 + 2000, NULL), 0);
	}
	assert_int_equal(gate_request_opened(&r, "p8", true, T0 + 2000, NULL), ERR_STATE);
	assert_int_equal(allow_at(&r, "p8", "orders 3", T0 + 9000), ERR_DENIED);
	assert_int_equal(allow_at(&r, "anna", "orders 3", T0 + 9000), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(another_person_allows_what_he_read),
		cmocka_unit_test(any_other_key_does_not_turn),
		cmocka_unit_test(the_driver_never_turns_his_own_key),
		cmocka_unit_test(opening_by_another_person_does_not_count),
		cmocka_unit_test(the_last_line_must_have_been_shown),
		cmocka_unit_test(opening_it_again_begins_anew),
		cmocka_unit_test(it_takes_a_minimum_time_that_grows_with_its_lines),
		cmocka_unit_test(an_answer_comes_within_ten_minutes_of_opening),
		cmocka_unit_test(expiry_is_exact_and_is_denial),
		cmocka_unit_test(a_clock_that_goes_back_helps_nobody),
		cmocka_unit_test(times_are_kept_within_a_day_and_do_not_wrap),
		cmocka_unit_test(a_request_without_a_driver_is_refused),
		cmocka_unit_test(without_a_sheet_nothing_can_be_opened_or_allowed),
		cmocka_unit_test(the_sheet_comes_once_and_needs_a_bound_that_holds),
		cmocka_unit_test(a_table_that_cannot_be_typed_is_denied_with_the_sheet),
		cmocka_unit_test(it_is_asked_about_three_times_at_most),
		cmocka_unit_test(no_ninth_screen_takes_the_place_of_another),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
