/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The state machine of gate.def. */
#include "config.h"

#include "twokey/gate/request.h"

static const struct {
	const char *name;
	bool final;
} states[GATE_STATES] = {
#define GATE_STATE(name, text, final) [GATE_STATE_##name] = { text, final },
#define GATE_INPUT(name, text)
#define GATE_STEP(from, input, to)
#include "twokey/gate/gate.def"
#undef GATE_STATE
#undef GATE_STEP
};

static const struct {
	enum gate_state from;
	enum gate_input input;
	enum gate_state to;
} steps[] = {
#define GATE_STATE(name, text, final)
#define GATE_STEP(from, input, to) { GATE_STATE_##from, GATE_INPUT_##input, GATE_STATE_##to },
#include "twokey/gate/gate.def"
};

const char *
gate_state_name(enum gate_state s)
{
	return (unsigned)s < GATE_STATES ? states[s].name : "?";
}

bool
gate_state_final(enum gate_state s)
{
	return (unsigned)s >= GATE_STATES || states[s].final;
}

bool
gate_step(enum gate_state *s, enum gate_input in)
{
	for (size_t i = 0; i < sizeof steps / sizeof steps[0]; i++) {
		if (steps[i].from == *s && steps[i].input == in) {
			*s = steps[i].to;
			return true;
		}
	}
	return false;
}
