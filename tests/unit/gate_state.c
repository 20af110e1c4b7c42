/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The state machine over its whole product, against a list that was written from the design (doc/protocol.txt has it), not from gate.def. */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "twokey/gate/request.h"

static const struct {
	const char *from;
	enum gate_input in;
	const char *to;
} allowed[] = {
	{ "typed", GATE_INPUT_CLASSIFY, "classified" },
	{ "classified", GATE_INPUT_REFUSE, "refused" },
	{ "classified", GATE_INPUT_RUN_READ, "running" },
	{ "classified", GATE_INPUT_ASK, "asking" },
	{ "running", GATE_INPUT_FINISH, "done" },
	{ "running", GATE_INPUT_FAIL, "failed" },
	{ "asking", GATE_INPUT_WITHDRAW, "withdrawn" },
	{ "asking", GATE_INPUT_DENY, "denied" },
	{ "asking", GATE_INPUT_EXPIRE, "expired" },
	{ "asking", GATE_INPUT_SPOIL, "void" },
	{ "asking", GATE_INPUT_ALLOW, "allowed" },
	{ "allowed", GATE_INPUT_SPOIL, "void" },
	{ "allowed", GATE_INPUT_EXECUTE, "executing" },
	{ "executing", GATE_INPUT_FINISH, "done" },
	{ "executing", GATE_INPUT_HOLD, "hold" },
	{ "executing", GATE_INPUT_COMMIT, "committed" },
	{ "executing", GATE_INPUT_ROLL_BACK, "rolled back" },
	{ "executing", GATE_INPUT_FAIL, "failed" },
	{ "executing", GATE_INPUT_LOSE, "unknown" },
	{ "hold", GATE_INPUT_ALLOW, "keeping" },	/* never committed without the key */
	{ "hold", GATE_INPUT_DENY, "undoing" },
	{ "hold", GATE_INPUT_WITHDRAW, "undoing" },
	{ "hold", GATE_INPUT_SPOIL, "undoing" },
	{ "hold", GATE_INPUT_ROLL_BACK, "rolled back" },
	{ "hold", GATE_INPUT_FAIL, "failed" },
	{ "keeping", GATE_INPUT_COMMIT, "committed" },
	{ "keeping", GATE_INPUT_ROLL_BACK, "rolled back" },
	{ "keeping", GATE_INPUT_FAIL, "failed" },
	{ "keeping", GATE_INPUT_LOSE, "unknown" },
	{ "undoing", GATE_INPUT_ALLOW, "keeping" },	/* a signature that was verified meanwhile is on record first */
	{ "undoing", GATE_INPUT_ROLL_BACK, "rolled back" },
	{ "undoing", GATE_INPUT_FAIL, "failed" },
};
static const char *const final_states[] = {
	"refused", "done", "withdrawn", "denied", "expired", "void", "committed", "rolled back", "failed", "unknown"
};

static const char *
wanted(enum gate_state from, enum gate_input in)
{
	for (size_t i = 0; i < sizeof allowed / sizeof allowed[0]; i++)
		if (strcmp(allowed[i].from, gate_state_name(from)) == 0 && allowed[i].in == in)
			return allowed[i].to;
	return NULL;
}

static bool
is_final(const char *name)
{
	for (size_t i = 0; i < sizeof final_states / sizeof final_states[0]; i++)
		if (strcmp(final_states[i], name) == 0)
			return true;
	return false;
}

static void
every_state_and_input_step_as_the_list_says(void **state)
{
	size_t steps = 0;

	for (int s = -1; s <= GATE_STATES; s++) {
		for (int in = -1; in <= GATE_INPUTS; in++) {
			enum gate_state now = (enum gate_state)s;
			const char *to = s >= 0 && s < GATE_STATES ? wanted(now, (enum gate_input)in) : NULL;
			bool stepped = gate_step(&now, (enum gate_input)in);

			assert_int_equal(stepped, to != NULL);
			if (stepped)
				assert_string_equal(gate_state_name(now), to);
			else
				assert_int_equal((int)now, s);
			steps += stepped;
		}
	}
	assert_int_equal(steps, sizeof allowed / sizeof allowed[0]);
}

static void
final_states_are_the_listed_ones_and_have_no_way_out(void **state)
{
	for (int s = 0; s < GATE_STATES; s++) {
		assert_int_equal(gate_state_final((enum gate_state)s), is_final(gate_state_name((enum gate_state)s)));
		for (int in = 0; gate_state_final((enum gate_state)s) && in < GATE_INPUTS; in++)
			assert_false(gate_step(&(enum gate_state){ (enum gate_state)s }, (enum gate_input)in));
	}
	assert_true(gate_state_final(GATE_STATES));
	assert_true(gate_state_final((enum gate_state)-1));
	assert_string_equal(gate_state_name(GATE_STATES), "?");
}

/* Random walks with a fixed seed over the bare machine. */
static void
executing_is_reached_through_allowed_and_once(void **state)
{
	uint32_t x = 2463534242u;

	for (int walk = 0; walk < 20000; walk++) {
		enum gate_state s = GATE_STATE_TYPED;
		int asked = 0, permitted = 0, executed = 0, committed = 0;

		for (int i = 0; i < 200; i++) {
			enum gate_state before = s;
			enum gate_input in;

			x ^= x << 13;
			x ^= x >> 17;
			x ^= x << 5;
			in = (enum gate_input)(x % GATE_INPUTS);
			if (!gate_step(&s, in)) {
				assert_int_equal(s, before);
				continue;
			}
			assert_false(gate_state_final(before));
			asked += s == GATE_STATE_ASKING;
			permitted += s == GATE_STATE_ALLOWED;
			executed += s == GATE_STATE_EXECUTING;
			committed += s == GATE_STATE_COMMITTED;
			if (s == GATE_STATE_EXECUTING)
				assert_int_equal(before, GATE_STATE_ALLOWED);
			if (s == GATE_STATE_ALLOWED)
				assert_int_equal(before, GATE_STATE_ASKING);
			assert_true(committed <= executed && executed <= permitted && permitted <= asked && asked <= 1);
		}
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_state_and_input_step_as_the_list_says),
		cmocka_unit_test(final_states_are_the_listed_ones_and_have_no_way_out),
		cmocka_unit_test(executing_is_reached_through_allowed_and_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
