/* SPDX-License-Identifier: GPL-3.0-or-later */
/* An answer that is signed: typed in time, touched when the person gets to it. */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "twokey/base/err.h"
#include "twokey/gate/request.h"

#include "gate_ready.h"

enum { WAIT = GATE_SIGN_WITHIN_S * 1000 };

typedef int step_fn(struct gate_request *r, const struct gate_key *key, int64_t now_ms, struct err *e);

static int
step(step_fn *what, struct gate_request *r, const char *by, const char *typed, int64_t now_ms)
{
	struct digest sql = digest_of_word("sql"), bind = digest_of_word("bind");
	struct gate_key key = { .by = by, .digest = &sql, .bind = &bind, .typed = typed };
	struct err e = { .text = "" };
	int ret = what(r, &key, now_ms, &e);

	assert_int_equal(ret == 0, e.text[0] == '\0');
	assert_int_equal(r->state, GATE_STATE_ASKING);	/* neither of the two allows by itself */
	return ret;
}

static void
typed_in_time_it_may_be_signed_later(void **state)
{
	int64_t typed = T0 + SECONDS * 1000 - 1;
	struct gate_request r = ready();

	assert_int_equal(step(gate_request_signing, &r, "anna", "orders 3", typed), 0);
	assert_false(gate_request_expired(&r, T0 + SECONDS * 1000));
	assert_int_equal(r.until_ms, typed + WAIT);
	assert_int_equal(step(gate_request_signed, &r, "anna", "orders 3", typed + WAIT - 1), 0);
	assert_true(gate_request_expired(&r, typed + WAIT));
}

static void
the_clock_is_never_set_back(void **state)
{
	struct gate_request r = ready();

	assert_int_equal(step(gate_request_signing, &r, "anna", "orders 3", T0 + 3000), 0);
	assert_int_equal(r.until_ms, T0 + SECONDS * 1000);
}

static void
all_guards_of_the_key_hold_before_it_is_signed(void **state)
{
	struct gate_request r = ready();

	assert_int_equal(step(gate_request_signing, &r, "ben", "orders 3", T0 + 4000), ERR_DENIED);
	assert_int_equal(step(gate_request_signing, &r, "kim", "orders 3", T0 + 4000), ERR_DENIED);
	assert_int_equal(step(gate_request_signing, &r, "anna", "orders 4", T0 + 4000), ERR_DENIED);
	assert_int_equal(step(gate_request_signing, &r, "anna", "orders 3", T0 + 1500), ERR_DENIED);
	assert_int_equal(step(gate_request_signing, &r, "anna", "orders 3", T0 + SECONDS * 1000), ERR_STATE);
	assert_int_equal(step(gate_request_signed, &r, "anna", "orders 3", T0 + 4000), ERR_STATE);
}

static void
a_signature_counts_once_for_him_who_began_it(void **state)
{
	struct gate_request r = ready();

	assert_int_equal(step(gate_request_signing, &r, "anna", "orders 3", T0 + 4000), 0);
	assert_int_equal(step(gate_request_signed, &r, "kim", "orders 3", T0 + 5000), ERR_STATE);
	assert_int_equal(step(gate_request_signed, &r, "anna", "orders 3", T0 + 5000), 0);
	assert_int_equal(step(gate_request_signed, &r, "anna", "orders 3", T0 + 5000), ERR_STATE);
	assert_int_equal(step(gate_request_signing, &r, "anna", "orders 3", T0 + 6000), 0);
	assert_int_equal(step(gate_request_signed, &r, "anna", "orders 4", T0 + 6001), ERR_DENIED);
	assert_int_equal(step(gate_request_signed, &r, "anna", "orders 3", T0 + 6002), ERR_STATE);
}

static void
what_comes_too_late_is_typed_again(void **state)
{
	struct gate_request r = ready();

	assert_int_equal(step(gate_request_signing, &r, "anna", "orders 3", T0 + 4000), 0);
	assert_int_equal(step(gate_request_signed, &r, "anna", "orders 3", T0 + 4000 + WAIT + 1), ERR_STATE);
	assert_int_equal(step(gate_request_signing, &r, "anna", "orders 3", T0 + 4000 + WAIT + 2), 0);
}

static void
nobody_holds_the_clock_for_ever(void **state)
{
	struct gate_request r = ready();
	int64_t now = T0 + 4000;

	for (int i = 0; i < GATE_SIGNINGS_MAX; i++)
		assert_int_equal(step(gate_request_signing, &r, "anna", "orders 3", now++), 0);
	assert_int_equal(step(gate_request_signing, &r, "anna", "orders 3", now), ERR_DENIED);
	assert_int_equal(step(gate_request_signed, &r, "anna", "orders 3", now), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(typed_in_time_it_may_be_signed_later),
		cmocka_unit_test(the_clock_is_never_set_back),
		cmocka_unit_test(all_guards_of_the_key_hold_before_it_is_signed),
		cmocka_unit_test(a_signature_counts_once_for_him_who_began_it),
		cmocka_unit_test(what_comes_too_late_is_typed_again),
		cmocka_unit_test(nobody_holds_the_clock_for_ever),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
