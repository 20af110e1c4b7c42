/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Two keys, one of each side: every order of people, both ways of answering, and what each refusal leaves. */
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

enum { BEN, KIM, LEO, ANNA, CARL, PEOPLE };
static const char *const who[PEOPLE] = { "ben", "kim", "leo", "anna", "carl" };
static const enum ticket_side side_of[PEOPLE] = { TICKET_SIDE_FIRM, TICKET_SIDE_FIRM, TICKET_SIDE_FIRM, TICKET_SIDE_CUSTOMER,
	TICKET_SIDE_CUSTOMER };

/* ben asked; everybody has read it by T0 + 4000. */
static struct gate_request
read_by_all(bool both)
{
	struct gate_request r = ready();

	r.both_sides = both;
	for (int p = KIM; p < PEOPLE; p++)
		assert_int_equal(gate_request_opened(&r, who[p], true, T0 + 1600, NULL), 0);
	return r;
}

static struct gate_key
key_of(int p)
{
	static struct digest sql, bind;

	sql = digest_of_word("sql");
	bind = digest_of_word("bind");
	return (struct gate_key){ .by = who[p], .side = side_of[p], .digest = &sql, .bind = &bind, .typed = "orders 3" };
}

/* As the session does it, by a screen or by a signature that is found good. */
static int
turn(struct gate_request *r, int p, bool by_signature, int64_t now)
{
	struct gate_key key = key_of(p);
	bool first = gate_request_needs_two(r), done;
	int ret;

	if (!by_signature)
		return gate_request_allow(r, &key, now, NULL);
	ret = gate_request_signing(r, &key, now, NULL);
	if (ret != 0)
		return ret;
	assert_int_equal(gate_request_signed(r, &key, now + 1, NULL), 0);
	done = gate_request_turn(r, who[p], side_of[p]);
	assert_int_equal(done, !first);
	return 0;
}

static void
every_pair_of_people_and_no_other_than_one_of_each_side(void **state)
{
	for (int i = 0; i < PEOPLE * PEOPLE * 4; i++) {
		int p = i / 4 % PEOPLE, q = i / 4 / PEOPLE;
		struct gate_request r = read_by_all(true), before;
		int ret = turn(&r, p, i & 1, T0 + 5000);

		assert_int_equal(ret == 0, p != BEN);
		assert_int_equal(r.state, GATE_STATE_ASKING);
		assert_string_equal(r.turned, p == BEN ? "" : who[p]);
		if (p == BEN)
			continue;
		before = r;
		ret = turn(&r, q, i & 2, T0 + 6000);
		assert_int_equal(ret == 0, q != BEN && side_of[q] != side_of[p]);
		assert_int_equal(r.state, ret == 0 ? GATE_STATE_ALLOWED : GATE_STATE_ASKING);
		assert_string_equal(r.turned, who[p]);
		if (ret != 0)
			assert_memory_equal(&before, &r, sizeof before);
	}
	for (int p = KIM; p < PEOPLE; p++) {		/* and one is enough where the ticket asks for one */
		struct gate_request r = read_by_all(false);

		assert_int_equal(turn(&r, p, p & 1, T0 + 5000), 0);
		assert_int_equal(r.state, GATE_STATE_ALLOWED);
	}
}

static void
a_third_who_is_of_the_side_that_waits_still_may(void **state)
{
	struct gate_request r = read_by_all(true);

	assert_int_equal(turn(&r, KIM, false, T0 + 5000), 0);
	assert_int_equal(turn(&r, LEO, false, T0 + 5100), ERR_DENIED);
	assert_int_equal(turn(&r, KIM, true, T0 + 5200), ERR_DENIED);
	assert_int_equal(r.signings, 0);
	assert_int_equal(turn(&r, CARL, true, T0 + 5300), 0);
	assert_int_equal(r.state, GATE_STATE_ALLOWED);
	assert_false(gate_request_turn(&r, "anna", TICKET_SIDE_CUSTOMER));	/* nobody turns a third one */
	assert_int_equal(r.state, GATE_STATE_ALLOWED);
}

/* The second has all guards of its own: opened, time, words, digests. */
static void
the_first_key_opens_nothing_for_the_second(void **state)
{
	for (int wrong = 0; wrong < 5; wrong++) {
		struct gate_request r = ready();
		struct gate_key key = key_of(KIM);
		struct digest other = digest_of_word("other");

		r.both_sides = true;
		assert_int_equal(turn(&r, ANNA, false, T0 + 4000), 0);
		if (wrong != 0)
			assert_int_equal(gate_request_opened(&r, "kim", wrong != 1, T0 + 4000, NULL), 0);
		if (wrong == 3)
			key.typed = "orders 4";
		if (wrong == 4)
			key.bind = &other;
		assert_int_equal(gate_request_allow(&r, &key, T0 + (wrong == 2 ? 5000 : 7000), NULL), ERR_DENIED);
		assert_int_equal(r.state, GATE_STATE_ASKING);
		assert_string_equal(r.turned, "anna");
	}
}

static void
the_clock_goes_on_and_a_no_is_a_no(void **state)
{
	static const enum gate_input ends[] = { GATE_INPUT_DENY, GATE_INPUT_EXPIRE, GATE_INPUT_WITHDRAW, GATE_INPUT_SPOIL };
	struct gate_request r = read_by_all(true);
	int64_t until = r.until_ms;

	assert_int_equal(turn(&r, ANNA, false, T0 + 5000), 0);
	assert_int_equal(r.until_ms, until);
	assert_true(gate_request_expired(&r, until));
	assert_int_equal(turn(&r, KIM, false, until), ERR_STATE);
	assert_false(gate_request_needs_two(&r));
	for (size_t i = 0; i < sizeof ends / sizeof ends[0]; i++) {
		r = read_by_all(true);
		assert_int_equal(turn(&r, ANNA, false, T0 + 5000), 0);
		assert_true(gate_step(&r.state, ends[i]));
		assert_int_equal(turn(&r, KIM, false, T0 + 5001), ERR_STATE);
		assert_false(gate_request_turn(&r, "kim", TICKET_SIDE_FIRM));
		assert_true(gate_state_final(r.state));
	}
}

static void
somebody_of_no_side_turns_nothing(void **state)
{
	struct gate_request r = read_by_all(true);
	struct gate_key key = key_of(ANNA);

	key.side = TICKET_SIDES;
	assert_int_equal(gate_request_allow(&r, &key, T0 + 5000, NULL), ERR_DENIED);
	key.side = (enum ticket_side)-1;
	assert_int_equal(gate_request_allow(&r, &key, T0 + 5000, NULL), ERR_DENIED);
	assert_false(gate_request_turn(&r, "anna", TICKET_SIDES));
	assert_false(gate_request_turn(&r, "", TICKET_SIDE_CUSTOMER));
	assert_string_equal(r.turned, "");
}

/* The answer to a question gives who asked time to read it, and never more often than was asked. */
static void
a_reply_sets_the_clock_once_per_question(void **state)
{
	struct gate_request r = ready();
	int64_t now = T0 + 10000;

	assert_false(gate_request_replied(&r, now, 300));
	for (int i = 0; i < GATE_QUESTIONS_MAX; i++) {
		assert_int_equal(gate_request_asked(&r, now, 300, NULL), 0);
		assert_int_equal(r.until_ms, now + 300000);
		now += 250000;
		assert_true(gate_request_replied(&r, now, 300));
		assert_int_equal(r.until_ms, now + 300000);
		assert_false(gate_request_replied(&r, now + 5, 300));
		assert_int_equal(r.until_ms, now + 300000);
	}
	assert_int_equal(gate_request_asked(&r, now, 300, NULL), ERR_DENIED);
	assert_false(gate_request_replied(&r, now, 300));
	assert_false(gate_request_replied(&r, r.until_ms, 300));
	r = ready();
	assert_int_equal(gate_request_asked(&r, T0 + 1000, 300, NULL), 0);
	assert_false(gate_request_replied(&r, T0 + 301000, 300));	/* too late: it is over */
	assert_true(gate_request_replied(&r, T0 + 2000, 1));		/* never shorter */
	assert_int_equal(r.until_ms, T0 + 301000);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_pair_of_people_and_no_other_than_one_of_each_side),
		cmocka_unit_test(a_third_who_is_of_the_side_that_waits_still_may),
		cmocka_unit_test(the_first_key_opens_nothing_for_the_second),
		cmocka_unit_test(the_clock_goes_on_and_a_no_is_a_no),
		cmocka_unit_test(somebody_of_no_side_turns_nothing),
		cmocka_unit_test(a_reply_sets_the_clock_once_per_question),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
