/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Law 3: who may turn the second key, over the whole product of people, seats, sides and rules. */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "twokey/base/err.h"
#include "twokey/gate/request.h"

static char id[] = "MFX-1", ben[] = "ben", anna[] = "anna", kim[] = "kim";

static const char *const names[] = { "ben", "anna", "kim", "eve", "" };

/* Every pair of people under one ticket and one pair of sides. */
static void
every_pair(const struct ticket *t, int driver_side, int person_side)
{
	int second = (int)t->second_key;
	bool sides = driver_side < TICKET_SIDES && person_side < TICKET_SIDES && (second == 0 ||
	    (second == 1 && driver_side != person_side) || (second == 2 && person_side == TICKET_SIDE_CUSTOMER) ||
	    (second == 3 && person_side == TICKET_SIDE_FIRM));

	for (int pair = 0; pair < 25; pair++) {
		int d = pair / 5, p = pair % 5;
		bool ok = sides && d != p && d < 3 && p < 3 && t->people[d].seat == TICKET_SEAT_DRIVER &&
		    t->people[p].seat == TICKET_SEAT_CONFIRMER;
		struct err e = { .text = "" };
		int ret = gate_second_ok(t, names[d], (enum ticket_side)driver_side, names[p],
		    (enum ticket_side)person_side, &e);

		assert_int_equal(ret, ok ? 0 : ERR_DENIED);
		assert_true(ok || strlen(e.text) > 10);
	}
}

static void
it_is_another_person_with_the_seat_and_the_side(void **state)
{
	enum { SIDES = TICKET_SIDES + 1, SECONDS = TICKET_SECOND_FIRM + 2 };

	for (int seats = 0; seats < 27; seats++) {
		struct ticket_person people[] = {
			{ ben, (enum ticket_seat)(seats % 3) }, { anna, (enum ticket_seat)(seats / 3 % 3) },
			{ kim, (enum ticket_seat)(seats / 9) },
		};
		struct ticket t = { .id = id, .people = people, .npeople = 3 };

		for (int i = 0; i < SIDES * SIDES * SECONDS; i++) {
			t.second_key = (enum ticket_second)(i / (SIDES * SIDES));
			every_pair(&t, i % SIDES, i / SIDES % SIDES);
		}
	}
}

static void
nobody_is_nobody(void **state)
{
	struct ticket_person people[] = { { ben, TICKET_SEAT_DRIVER }, { anna, TICKET_SEAT_CONFIRMER } };
	struct ticket t = { .id = id, .people = people, .npeople = 2 };

	assert_int_equal(gate_second_ok(&t, "ben", TICKET_SIDE_FIRM, "anna", TICKET_SIDE_FIRM, NULL), 0);
	assert_int_equal(gate_second_ok(NULL, "ben", TICKET_SIDE_FIRM, "anna", TICKET_SIDE_FIRM, NULL), ERR_DENIED);
	assert_int_equal(gate_second_ok(&t, NULL, TICKET_SIDE_FIRM, "anna", TICKET_SIDE_FIRM, NULL), ERR_DENIED);
	assert_int_equal(gate_second_ok(&t, "ben", TICKET_SIDE_FIRM, NULL, TICKET_SIDE_FIRM, NULL), ERR_DENIED);
	assert_int_equal(gate_second_ok(&t, NULL, TICKET_SIDE_FIRM, NULL, TICKET_SIDE_FIRM, NULL), ERR_DENIED);
}

/* A ticket that a broken parser let through: ben in both seats, whichever comes first. */
static void
a_driver_who_is_named_confirmer_too_is_refused(void **state)
{
	struct ticket_person people[] = {
		{ ben, TICKET_SEAT_DRIVER }, { ben, TICKET_SEAT_CONFIRMER }, { anna, TICKET_SEAT_CONFIRMER },
		{ anna, TICKET_SEAT_DRIVER },
	};
	struct ticket t = { .id = id, .people = people, .npeople = 4 };

	assert_int_equal(gate_second_ok(&t, "ben", TICKET_SIDE_FIRM, "ben", TICKET_SIDE_FIRM, NULL), ERR_DENIED);
	/* anna drives too in this ticket: two who each drive do not confirm each other */
	assert_int_equal(gate_second_ok(&t, "ben", TICKET_SIDE_FIRM, "anna", TICKET_SIDE_FIRM, NULL), ERR_DENIED);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(it_is_another_person_with_the_seat_and_the_side),
		cmocka_unit_test(nobody_is_nobody),
		cmocka_unit_test(a_driver_who_is_named_confirmer_too_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
