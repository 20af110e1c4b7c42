/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The gate over its whole product against lists that were written from the laws and the documents alone, by somebody who
 * had not read gate.def and verdict.def. Where the program is stricter than the documents ask for, the row says why.
 * A row that is added here is argued from a sentence of the documents, never copied from the program. */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "twokey/base/cap.h"
#include "twokey/gate/request.h"
#include "twokey/gate/verdict.h"

/* --- the life of a request ----------------------------------------------------------------------------- */

/* Each state with all that may happen in it; anything else changes nothing. No step: the end. */
static const struct life {
	const char *state;
	const char *steps;	/* "input>next, input>next" */
} lives[] = {
	/* refused, a read, or a wait for the second key; nothing else (the gate's diagram) */
	{ "typed",	"classify>classified" },
	{ "classified",	"refuse>refused, run read>running, ask>asking" },
	{ "refused",	"" },
	/* a read ends with its rows or with an error, be it of a lost connection: it changed nothing (law 6), so there is no
	 * outcome that could be unknown */
	{ "running",	"finish>done, fail>failed" },
	{ "done",	"" },
	/* the second key, or any of the ways to a no; a clock that ran out is a no (rule 23) */
	{ "asking",	"withdraw>withdrawn, deny>denied, expire>expired, spoil>void, allow>allowed" },
	{ "withdrawn",	"" },
	{ "denied",	"" },
	{ "expired",	"" },
	{ "void",	"" },
	/* law 4: it runs as shown and in time; anything else voids it, time too. Nobody is asked a second time */
	{ "allowed",	"execute>executing, spoil>void" },
	/* only the database tells how it ends; a wish to stop it is a cancel and ends as the database says */
	{ "executing",	"hold>hold, commit>committed, roll back>rolled back, fail>failed, lose>unknown, finish>done" },
	/* both see the real effect; commit needs the key again, so none follows from here; no COMMIT was sent, so no outcome
	 * can be unknown; a no, the driver's withdrawal and the loss of a person take it back, which the database tells */
	{ "hold",	"allow>keeping, deny>undoing, withdraw>undoing, spoil>undoing, roll back>rolled back, fail>failed" },
	/* the key was turned again: a COMMIT may fail, be taken back by a cancel before it is sent, or be lost */
	{ "keeping",	"commit>committed, roll back>rolled back, fail>failed, lose>unknown" },
	/* a no while the signature that keeps it is verified: if it is good it is on record first, and it counts */
	{ "undoing",	"allow>keeping, roll back>rolled back, fail>failed" },
	{ "committed",	"" },
	{ "rolled back", "" },
	{ "failed",	"" },
	{ "unknown",	"" },
};

static const char *const inputs[] = {
#define GATE_STATE(name, text, final)
#define GATE_INPUT(name, text) [GATE_INPUT_##name] = text,
#define GATE_STEP(from, input, to)
#include "twokey/gate/gate.def"
#undef GATE_STATE
#undef GATE_INPUT
#undef GATE_STEP
};

static const struct life *
life_of(const char *state)
{
	for (size_t i = 0; i < sizeof lives / sizeof lives[0]; i++)
		if (strcmp(lives[i].state, state) == 0)
			return &lives[i];
	fail_msg("the list has no state %s", state);
	return NULL;
}

/* The next step of a list: input and what it leads to; NULL behind the last. */
static const char *
step(const char *at, char *input, char *next)
{
	if (*at == '\0' || sscanf(at, "%31[^>]>%31[^,]", input, next) != 2)
		return NULL;
	at += strlen(input) + 1 + strlen(next);
	return at + strspn(at, ", ");
}

/* Where the list says that it goes; "nowhere" is an answer. */
static void
next_of(const struct life *l, const char *input, char *out)
{
	char in[32], next[32];

	strcpy(out, "nowhere");
	for (const char *at = l->steps; (at = step(at, in, next)) != NULL;)
		if (strcmp(in, input) == 0)
			strcpy(out, next);
}

static void
every_state_takes_exactly_the_steps_of_the_list(void **state)
{
	int wrong = 0;

	(void)state;
	for (int from = 0; from < GATE_STATES; from++) {
		const struct life *l = life_of(gate_state_name((enum gate_state)from));

		assert_int_equal(gate_state_final((enum gate_state)from), l->steps[0] == '\0');
		for (int in = 0; in < GATE_INPUTS; in++) {
			enum gate_state s = (enum gate_state)from;
			bool went = gate_step(&s, (enum gate_input)in);
			const char *got = went ? gate_state_name(s) : "nowhere";
			char want[32];

			next_of(l, inputs[in], want);
			if (strcmp(got, want) == 0)
				continue;
			print_message("%s, %s: %s; the list says %s\n", l->state, inputs[in], got, want);
			wrong++;
		}
	}
	assert_int_equal(wrong, 0);
}

static bool
is_state(const char *name)
{
	for (int s = 0; s < GATE_STATES; s++)
		if (strcmp(name, gate_state_name((enum gate_state)s)) == 0)
			return true;
	return false;
}

static bool
is_input(const char *name)
{
	for (int in = 0; in < GATE_INPUTS; in++)
		if (strcmp(name, inputs[in]) == 0)
			return true;
	return false;
}

/* No name that the program does not have: such a row would prove nothing. */
static void
the_list_speaks_of_what_is_there(void **state)
{
	char in[32], next[32];

	(void)state;
	for (size_t i = 0; i < sizeof lives / sizeof lives[0]; i++) {
		if (!is_state(lives[i].state))
			fail_msg("there is no state %s", lives[i].state);
		for (const char *at = lives[i].steps; (at = step(at, in, next)) != NULL;)
			if (!is_input(in) || !is_state(next))
				fail_msg("%s: there is no %s>%s", lives[i].state, in, next);
	}
}

/* From each state that is not the end there is a way to one: nothing waits for ever. And every way to "executing" leads
 * through "allowed" (law 4). */
static void
nothing_runs_but_by_the_key_and_everything_ends(void **state)
{
	(void)state;
	for (int from = 0; from < GATE_STATES; from++) {
		bool ends = gate_state_final((enum gate_state)from);

		for (int in = 0; in < GATE_INPUTS; in++) {
			enum gate_state s = (enum gate_state)from;

			if (!gate_step(&s, (enum gate_input)in))
				continue;
			ends = true;
			assert_false(s == GATE_STATE_EXECUTING && from != GATE_STATE_ALLOWED);
			assert_false(s == GATE_STATE_ALLOWED && from != GATE_STATE_ASKING);
			assert_false(s == GATE_STATE_COMMITTED && from < GATE_STATE_EXECUTING);
		}
		assert_true(ends);
	}
}

/* --- may it run ------------------------------------------------------------------------------------------ */

/* R runs at once, A is asked, S only by the strict path, N never; in this order. Two letters: the mildest and the strictest
 * answer that the documents let pass. A class that this version does not run yet may be refused: nobody is harmed by that;
 * reads and changes of rows may not, they are what twokey is for (rule 1: reads never ask). */
static const char order[] = "RASN";

static const struct may {
	const char *class;
	const char *at[TICKET_ACCESSES];	/* none, copy, staging, read, write */
} mays[] = {
	/* level none: no direct access, the customer runs it; read: production, read only. Law 4: before the key only reads */
	{ "read",	{ "NN", "RR", "RR", "RR", "RR" } },
	{ "write",	{ "NN", "AA", "AA", "NN", "AA" } },
	{ "session",	{ "NN", "AN", "AN", "AN", "AN" } },
	{ "tcl",	{ "NN", "AN", "AN", "AN", "AN" } },
	{ "ddl",	{ "NN", "AN", "AN", "NN", "AN" } },
	{ "dcl",	{ "NN", "AN", "AN", "NN", "AN" } },
	{ "call",	{ "NN", "AN", "AN", "NN", "AN" } },
	{ "file",	{ "NN", "SN", "SN", "NN", "SN" } },	/* files cannot be rolled back */
	{ "admin",	{ "NN", "AN", "AN", "NN", "AN" } },
	{ "unknown",	{ "NN", "NN", "NN", "NN", "NN" } },	/* law 2 */
};

/* Levels and the stages that they are for (doc/config.txt): elsewhere a ticket is none. */
static const char *const fitting[TICKET_ACCESSES] = {
	[TICKET_ACCESS_NONE] = "production staging development replica export",
	[TICKET_ACCESS_COPY] = "export",
	[TICKET_ACCESS_STAGING] = "staging development",
	[TICKET_ACCESS_READ] = "production staging development replica export",
	[TICKET_ACCESS_WRITE] = "production",
};

/* What a danger makes of a statement: of a read, of anything else, of anything else on production. */
static const struct danger {
	const char *name;
	const char *read, *change, *production;
} dangers[] = {
	{ "no-where",		"RR", "AA", "SS" },	/* on production: the strict path */
	{ "where-true",		"RR", "AA", "SS" },	/* the same in other words */
	{ "drop",		"AN", "AN", "SN" },
	{ "truncate",		"AN", "AN", "SN" },
	{ "no-rollback",	"AN", "SN", "SN" },	/* what cannot be rolled back takes the strict path */
	{ "implicit-commit",	"AN", "SN", "SN" },
	{ "row-lock",		"AN", "AN", "AN" },	/* no read: the server's wall would refuse it */
	{ "table-lock",		"AN", "AN", "AN" },
	{ "multi",		"NN", "NN", "NN" },	/* a request is one statement, or a plan */
	{ "unreadable",		"NN", "NN", "NN" },	/* law 2: unknown token */
	{ "control-char",	"RN", "AN", "AN" },	/* rule 12: shown as marks */
	{ "hidden-char",	"RN", "AN", "AN" },
	{ "lookalike",		"RN", "AN", "AN" },
	{ "bad-utf8",		"NN", "NN", "NN" },	/* nobody can be shown these bytes (law 4) */
	{ "exec-comment",	"AN", "AN", "AN" },	/* law 2: what runs there depends on the server */
	{ "secret",		"NN", "NN", "NN" },	/* law 7, and the bytes shown would not be those that run */
	{ "unknown-function",	"AN", "AN", "AN" },	/* what is not known to be harmless is no read */
	{ "effect-function",	"AN", "AN", "AN" },
	{ "volatile",		"RR", "AA", "AA" },
	{ "list-cut",		"NN", "NN", "NN" },	/* the second key would not see all of it */
	{ "deep",		"NN", "NN", "NN" },	/* law 2 */
	{ "shadowed",		"AN", "AN", "AN" },
	{ "unclear-relation",	"AN", "AN", "AN" },
	{ "trigger",		"RR", "AA", "AA" },	/* named on the sheet */
	{ "cascade",		"RR", "AA", "AA" },
	{ "rule",		"RN", "AN", "AN" },	/* the same, and hold */
	{ "count-unknown",	"RR", "AA", "AA" },	/* hold */
	{ "outside-ticket",	"AN", "AN", "AN" },
	{ "cost",		"AA", "AN", "AN" },	/* a costly read takes the key */
};

/* What a driver that lacks something makes of it (base/cap.def says what is missing). */
static const struct danger lacks[] = {
	{ "read-wall",		"AN", "AN", "AN" },	/* law 6: no read without the server's own wall */
	{ "transaction",	"RR", "SN", "SN" },	/* cannot be rolled back */
	{ "rehearsal",		"RR", "AA", "AA" },	/* an option of tickets */
	{ "cancel",		"RN", "AN", "AN" },
	{ "undo",		"RR", "AA", "AA" },	/* "none", with the reason, on the sheet */
	{ "explain",		"RN", "AN", "AN" },
};

struct range {
	char mildest, strictest;
};

static char
stricter(char a, char b)
{
	return strchr(order, a) > strchr(order, b) ? a : b;
}

static void
narrow(struct range *r, const char *pair)
{
	r->mildest = stricter(r->mildest, pair[0]);
	r->strictest = stricter(r->strictest, pair[1]);
}

static void
add(struct range *r, const struct gate_case *c, const struct danger *list, size_t n, const char *name)
{
	for (size_t i = 0; i < n; i++) {
		if (strcmp(list[i].name, name) != 0)
			continue;
		narrow(r, c->class == SQL_CLASS_READ ? list[i].read : c->stage == TICKET_STAGE_PRODUCTION ?
		    list[i].production : list[i].change);
		return;
	}
	fail_msg("the list has no %s", name);
}

static struct range
expected(const struct gate_case *c)
{
	struct range r = { 'R', 'R' };

	if (strstr(fitting[c->access], ticket_stage_name(c->stage)) == NULL)
		return (struct range){ 'N', 'N' };
	for (size_t i = 0; i < sizeof mays / sizeof mays[0]; i++)
		if (strcmp(mays[i].class, sql_class_name(c->class)) == 0)
			r = (struct range){ mays[i].at[c->access][0], mays[i].at[c->access][1] };
	for (int d = 0; d < SQL_DANGERS; d++)
		if (c->dangers & SQL_DANGER_BIT(d))
			add(&r, c, dangers, sizeof dangers / sizeof dangers[0], sql_danger_name((enum sql_danger)d));
	for (int k = 0; k < CAPS; k++)
		if (!(c->caps & CAP_BIT(k)))
			add(&r, c, lacks, sizeof lacks / sizeof lacks[0], cap_name((enum cap)k));
	return r;
}

static int
check(const struct gate_case *c)
{
	static const char letters[GATE_VERDICTS + 1] = { 'R', 'A', 'N', 'N' };
	struct range r = expected(c);
	struct gate_answer a;
	char got;

	gate_judge(c, &a);
	got = a.strict ? 'S' : (unsigned)a.verdict < GATE_VERDICTS ? letters[a.verdict] : 'N';
	/* "their digest stands in the accepted ticket": asked with it, refused without */
	if (got == 'S')
		assert_int_equal(a.verdict, c->named == GATE_NAMED_WELL ? GATE_ASK : GATE_REFUSE);
	assert_true(a.code != NULL && strlen(a.why) > 8);
	if (strchr(order, got) >= strchr(order, r.mildest) && strchr(order, got) <= strchr(order, r.strictest))
		return 0;
	print_message("level %s, stage %s, class %s, dangers %llx, caps %x: %c (%s); the list says %c to %c\n",
	    ticket_access_name(c->access), ticket_stage_name(c->stage), sql_class_name(c->class),
	    (unsigned long long)c->dangers, c->caps, got, a.code, r.mildest, r.strictest);
	return 1;
}

/* No danger, each alone, each pair, all; nothing lacking, each thing lacking, all. */
static int
check_dangers(struct gate_case c)
{
	static const unsigned whole = CAP_BIT(CAPS) - 1;
	int wrong = 0;

	for (int k = -1; k <= CAPS && wrong < 8; k++) {
		c.caps = k < 0 ? whole : k == CAPS ? 0 : whole & ~CAP_BIT(k);
		c.dangers = 0;
		c.named = k % 2 == 0 ? GATE_NAMED_WELL : GATE_NAMED_NOT;
		wrong += check(&c);
		c.dangers = SQL_DANGER_BIT(SQL_DANGERS) - 1;
		wrong += check(&c);
		for (int d = 0; d < SQL_DANGERS; d++)
			for (int e = d; e < SQL_DANGERS; e++) {
				c.dangers = SQL_DANGER_BIT(d) | SQL_DANGER_BIT(e);
				c.named = c.named == GATE_NAMED_NOT ? GATE_NAMED_WELL : GATE_NAMED_NOT;
				wrong += check(&c);
			}
	}
	return wrong;
}

static void
every_verdict_lies_within_what_the_documents_say(void **state)
{
	int wrong = 0;

	(void)state;
	for (int a = 0; a < TICKET_ACCESSES && wrong < 8; a++)
		for (int s = 0; s < TICKET_STAGES; s++)
			for (int k = 0; k < SQL_CLASSES && wrong < 8; k++)
				wrong += check_dangers((struct gate_case){ .access = (enum ticket_access)a,
				    .stage = (enum ticket_stage)s, .class = (enum sql_class)k });
	assert_int_equal(wrong, 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_state_takes_exactly_the_steps_of_the_list),
		cmocka_unit_test(the_list_speaks_of_what_is_there),
		cmocka_unit_test(nothing_runs_but_by_the_key_and_everything_ends),
		cmocka_unit_test(every_verdict_lies_within_what_the_documents_say),
	};

	return cmocka_run_group_tests_name("gate_independent", tests, NULL, NULL);
}
