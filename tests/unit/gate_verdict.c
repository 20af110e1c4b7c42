/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The verdict table over its whole product, against rules written here from the laws, not from verdict.def. */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "twokey/base/buf.h"
#include "twokey/base/cap.h"
#include "twokey/base/io.h"
#include "twokey/gate/verdict.h"

enum { ALL_CAPS = (1 << CAPS) - 1 };
#define D(name) SQL_DANGER_BIT(SQL_DANGER_##name)

/* Nobody is asked about these: what runs would not be what is shown, or is out of bounds. */
static const uint64_t never = D(MULTI) | D(UNREADABLE) | D(CONTROL_CHAR) | D(HIDDEN_CHAR) | D(LOOKALIKE) | D(BAD_UTF8) |
    D(SECRET) | D(EXEC_COMMENT) | D(UNKNOWN_FUNCTION) | D(LIST_CUT) | D(DEEP) | D(SHADOWED) | D(UNCLEAR_RELATION) | D(RULE) |
    D(OUTSIDE_TICKET);
/* The one thing that a read is asked for; nothing else of it changes. */
static const uint64_t costly = D(COST);
/* No read has these. */
static const uint64_t no_read = D(DROP) | D(TRUNCATE) | D(NO_ROLLBACK) | D(IMPLICIT_COMMIT) | D(ROW_LOCK) |
    D(TABLE_LOCK) | D(EFFECT_FUNCTION);
/* Taken out of the dialog: everywhere, and on production. */
static const uint64_t strict = D(NO_ROLLBACK) | D(IMPLICIT_COMMIT);
static const uint64_t strict_live = D(NO_WHERE) | D(WHERE_TRUE) | D(DROP) | D(TRUNCATE);
/* Shown on the sheet, no more. */
static const uint64_t shown = D(VOLATILE) | D(TRIGGER) | D(CASCADE) | D(COUNT_UNKNOWN) | D(ROW_LOCK) |
    D(TABLE_LOCK) | D(EFFECT_FUNCTION);

static bool
reads(const struct gate_case *c)
{
	switch (c->access) {
	case TICKET_ACCESS_NONE:
		return false;
	case TICKET_ACCESS_COPY:
		return c->stage == TICKET_STAGE_EXPORT;
	case TICKET_ACCESS_STAGING:
		return c->stage == TICKET_STAGE_STAGING || c->stage == TICKET_STAGE_DEVELOPMENT;
	case TICKET_ACCESS_READ:
		return true;
	case TICKET_ACCESS_WRITE:
		return c->stage == TICKET_STAGE_PRODUCTION;
	case TICKET_ACCESSES:
		break;
	}
	return false;
}

static bool
writes(const struct gate_case *c)
{
	return reads(c) && c->access != TICKET_ACCESS_READ;
}

/* Not for the dialog alone: the ticket has to name the bytes. */
static bool
takes_strict_path(const struct gate_case *c)
{
	bool live = c->stage == TICKET_STAGE_PRODUCTION || c->stage == TICKET_STAGE_REPLICA;

	return (c->dangers & strict) || (live && (c->dangers & strict_live)) || !(c->caps & CAP_BIT(CAP_TRANSACTION)) ||
	    (live && !(c->caps & CAP_BIT(CAP_CANCEL)));
}

/* The bytes and their object, and on production a fresh backup. */
static bool
named_for_strict(const struct gate_case *c, bool live)
{
	return c->named == GATE_NAMED_WELL ||
	    (!live && (c->named == GATE_NAMED_NO_BACKUP || c->named == GATE_NAMED_OLD_BACKUP));
}

static enum gate_verdict
wanted(const struct gate_case *c)
{
	bool live = c->stage == TICKET_STAGE_PRODUCTION || c->stage == TICKET_STAGE_REPLICA;
	bool cancel = c->caps & CAP_BIT(CAP_CANCEL);

	if (c->dangers & never)
		return GATE_REFUSE;
	if (c->class == SQL_CLASS_READ) {
		if (!reads(c) || (c->dangers & no_read) || !(c->caps & CAP_BIT(CAP_READ_WALL)) || (live && !cancel))
			return GATE_REFUSE;
		if (!(c->dangers & costly))
			return GATE_RUN;
		return c->is_long && c->named == GATE_NAMED_NOT ? GATE_REFUSE : GATE_ASK;
	}
	if (c->dangers & costly)
		return GATE_REFUSE;
	if ((c->class != SQL_CLASS_WRITE && c->class != SQL_CLASS_DDL) || !writes(c))
		return GATE_REFUSE;
	if (takes_strict_path(c) && !named_for_strict(c, live))
		return GATE_REFUSE;
	return c->is_long && c->named == GATE_NAMED_NOT ? GATE_REFUSE : GATE_ASK;
}

/* The code says which wall it was: level, stage ... */
static const char *
wanted_code(const struct gate_case *c)
{
	if (c->access == TICKET_ACCESS_NONE)
		return "no-access";
	if (!reads(c))
		return "stage";
	if (c->class == SQL_CLASS_READ)
		return "read";
	if (c->class == SQL_CLASS_UNKNOWN)
		return "unknown";
	if (c->class == SQL_CLASS_WRITE || c->class == SQL_CLASS_DDL)
		return writes(c) ? "second-key" : "level";
	return NULL;	/* its own "...-not-yet" */
}

static enum gate_verdict
judged(const struct gate_case *c)
{
	struct gate_answer a;

	gate_judge(c, &a);
	if (a.verdict != wanted(c))
		fail_msg("%s on %s, %s, dangers %llx, caps %x: %s (%s), not %s", ticket_access_name(c->access),
		    ticket_stage_name(c->stage), sql_class_name(c->class), (unsigned long long)c->dangers, c->caps,
		    gate_verdict_name(a.verdict), a.code, gate_verdict_name(wanted(c)));
	if (a.code == NULL || a.code[0] == '\0' || strlen(a.why) < 20 || strlen(a.why) > sizeof a.why - 10)
		fail_msg("no sentence: %s: %s", a.code, a.why);
	if (a.verdict == GATE_ASK && c->class != SQL_CLASS_READ)
		assert_int_equal(a.strict, takes_strict_path(c));
	return a.verdict;
}

static void
its_code(struct gate_case *c)
{
	const char *code = wanted_code(c);
	char own[32];
	struct gate_answer a;

	snprintf(own, sizeof own, "%s-not-yet", sql_class_name(c->class));
	gate_judge(c, &a);
	assert_string_equal(a.code, code != NULL ? code : own);
}

typedef void (*each_fn)(struct gate_case *c);

/* Calls for every level, stage and class. */
static void
for_each_place(each_fn fn)
{
	for (int i = 0; i < TICKET_ACCESSES * TICKET_STAGES * SQL_CLASSES; i++) {
		struct gate_case c = {
			.access = (enum ticket_access)(i % TICKET_ACCESSES),
			.stage = (enum ticket_stage)(i / TICKET_ACCESSES % TICKET_STAGES),
			.class = (enum sql_class)(i / TICKET_ACCESSES / TICKET_STAGES),
			.caps = ALL_CAPS,
		};

		fn(&c);
	}
}

static void
single_dangers(struct gate_case *c)
{
	for (int d = -1; d < SQL_DANGERS; d++) {
		c->dangers = d < 0 ? 0 : SQL_DANGER_BIT(d);
		for (c->caps = 0; c->caps <= ALL_CAPS; c->caps++)
			judged(c);
	}
}

/* What the ticket names, and the length, with every danger and each capability that may be missing. */
static void
what_the_ticket_names(struct gate_case *c)
{
	for (int i = 0; i < GATE_NAMEDS * 2 * (SQL_DANGERS + 1) * (CAPS + 1); i++) {
		int d = i / (GATE_NAMEDS * 2) % (SQL_DANGERS + 1), k = i / (GATE_NAMEDS * 2) / (SQL_DANGERS + 1);

		c->named = (enum gate_named)(i % GATE_NAMEDS);
		c->is_long = i / GATE_NAMEDS % 2;
		c->dangers = d == SQL_DANGERS ? 0 : SQL_DANGER_BIT(d);
		c->caps = k == CAPS ? ALL_CAPS : ALL_CAPS & ~CAP_BIT(k);
		judged(c);
	}
}

static void
what_the_ticket_names_is_asked_as_the_rules_say(void **state)
{
	for_each_place(what_the_ticket_names);
}

/* A ticket that says more never makes a verdict harder, and the length never makes it milder. */
static void
names_help(struct gate_case *c)
{
	for (int d = 0; d <= SQL_DANGERS; d++) {
		enum gate_verdict before = GATE_VERDICTS;

		c->dangers = d == SQL_DANGERS ? 0 : SQL_DANGER_BIT(d);
		c->caps = ALL_CAPS;
		for (int n = 0; n < GATE_NAMEDS; n++) {
			enum gate_verdict is;

			c->named = (enum gate_named)n;
			c->is_long = false;
			is = judged(c);
			assert_true(is <= before);
			c->is_long = true;
			assert_true(judged(c) >= is);
			before = is;
		}
	}
}

static void
more_in_the_ticket_is_never_harder(void **state)
{
	for_each_place(names_help);
}

static void
every_place_class_danger_and_set_of_capabilities_is_as_the_rules_say(void **state)
{
	for_each_place(single_dangers);
}

static void
pairs_of_dangers(struct gate_case *c)
{
	for (int pair = 0; pair < SQL_DANGERS * SQL_DANGERS; pair++) {
		c->dangers = SQL_DANGER_BIT(pair / SQL_DANGERS) | SQL_DANGER_BIT(pair % SQL_DANGERS);
		c->caps = ALL_CAPS;
		judged(c);
		for (int k = 0; k < CAPS && pair / SQL_DANGERS < pair % SQL_DANGERS; k++) {
			c->caps = ALL_CAPS & ~CAP_BIT(k);
			judged(c);
		}
	}
}

static void
every_place_and_class_has_the_code_of_its_wall(void **state)
{
	for_each_place(its_code);
}

static void
every_pair_of_dangers_is_as_the_rules_say(void **state)
{
	for_each_place(pairs_of_dangers);
}

/* More dangers and fewer capabilities, on random sets with a fixed seed. */
static void
grows_stricter(struct gate_case *c)
{
	uint64_t x = 88172645463325252u + (uint64_t)c->class * 7919 + (uint64_t)c->access * 104729 + (uint64_t)c->stage;

	for (int i = 0; i < 300; i++) {
		enum gate_verdict v, harder;

		x ^= x << 13;
		x ^= x >> 7;
		x ^= x << 17;
		c->dangers = x & (x >> 9) & (x >> 21) & (SQL_DANGER_BIT(SQL_DANGERS) - 1);
		c->caps = (unsigned)(x >> 40 | x >> 46 | x >> 52) & ALL_CAPS;
		v = judged(c);
		c->dangers |= SQL_DANGER_BIT(x % SQL_DANGERS);
		harder = judged(c);
		assert_true(harder >= v);
		c->caps &= ~CAP_BIT(x % CAPS);
		assert_true(judged(c) >= harder);
	}
}

static void
more_dangers_or_fewer_capabilities_are_never_milder(void **state)
{
	for_each_place(grows_stricter);
}

static void
never_milder_than_the_laws(struct gate_case *c)
{
	for (uint64_t d = 0; d < 64; d++) {
		struct gate_answer a;

		c->dangers = d == 0 ? 0 : d < SQL_DANGERS ? SQL_DANGER_BIT(d) : SQL_DANGER_BIT(0) | SQL_DANGER_BIT(d - SQL_DANGERS);
		c->caps = ALL_CAPS;
		gate_judge(c, &a);
		if (c->class != SQL_CLASS_READ)
			assert_int_not_equal(a.verdict, GATE_RUN);	/* law 4 */
		if (c->class == SQL_CLASS_READ)
			/* rule 1: reads never ask, but for their cost */
			assert_true(a.verdict == GATE_RUN || a.verdict == GATE_REFUSE ||
			    (a.verdict == GATE_ASK && (c->dangers & costly)));
		if (c->class != SQL_CLASS_READ && c->class != SQL_CLASS_WRITE && c->class != SQL_CLASS_DDL)
			assert_int_equal(a.verdict, GATE_REFUSE);
		if (c->access == TICKET_ACCESS_NONE || c->class == SQL_CLASS_UNKNOWN)
			assert_int_equal(a.verdict, GATE_REFUSE);
		c->caps = 0;
		gate_judge(c, &a);
		assert_true(a.verdict >= GATE_ASK);	/* law 6: no wall, no run */
		assert_int_not_equal(a.verdict, GATE_STRICT);
	}
}

static void
nothing_but_a_read_runs_and_no_read_asks(void **state)
{
	for_each_place(never_milder_than_the_laws);
}

static void
what_is_out_of_range_is_refused(void **state)
{
	const struct gate_case good = { TICKET_ACCESS_WRITE, TICKET_STAGE_PRODUCTION, SQL_CLASS_READ, 0, ALL_CAPS, 0, false };
	struct gate_case bad[9];
	struct gate_answer a;

	gate_judge(&good, &a);
	assert_int_equal(a.verdict, GATE_RUN);
	for (size_t i = 0; i < 9; i++)
		bad[i] = good;
	bad[0].access = TICKET_ACCESSES;
	bad[1].access = (enum ticket_access)-1;
	bad[2].stage = TICKET_STAGES;
	bad[3].stage = (enum ticket_stage)-1;
	bad[4].class = SQL_CLASSES;
	bad[5].class = (enum sql_class)-1;
	bad[6].caps = ALL_CAPS | CAP_BIT(CAPS);
	bad[7].named = GATE_NAMEDS;
	bad[8].named = (enum gate_named)-1;
	for (size_t i = 0; i < 9; i++) {
		gate_judge(&bad[i], &a);
		assert_int_equal(a.verdict, GATE_REFUSE);
		assert_string_equal(a.code, "unknown");
	}
	for (unsigned bit = SQL_DANGERS; bit < 64; bit++) {
		bad[0] = good;
		bad[0].dangers = SQL_DANGER_BIT(bit);
		gate_judge(&bad[0], &a);
		assert_int_equal(a.verdict, GATE_REFUSE);
	}
	assert_string_equal(gate_verdict_name(GATE_VERDICTS), "refuse");
	assert_string_equal(gate_verdict_name((enum gate_verdict)-1), "refuse");
}

/* Why, and what the ticket lacks, for each thing that it may lack. */
static void
the_strict_path_says_what_is_missing(void **state)
{
	static const struct {
		enum gate_named named;
		enum gate_verdict live, other;
		const char *part;
	} rows[] = {
		{ GATE_NAMED_NOT, GATE_REFUSE, GATE_REFUSE, "does not name exactly these bytes" },
		{ GATE_NAMED_OTHER_OBJECT, GATE_REFUSE, GATE_REFUSE, "not with this object" },
		{ GATE_NAMED_NO_BACKUP, GATE_REFUSE, GATE_ASK, "no backup" },
		{ GATE_NAMED_OLD_BACKUP, GATE_REFUSE, GATE_ASK, "older" },
		{ GATE_NAMED_WELL, GATE_ASK, GATE_ASK, "names exactly these bytes" },
	};
	struct gate_case c = { TICKET_ACCESS_WRITE, TICKET_STAGE_PRODUCTION, SQL_CLASS_WRITE, D(NO_ROLLBACK), ALL_CAPS, 0, false };
	struct gate_answer a;

	assert_int_equal(sizeof rows / sizeof rows[0], GATE_NAMEDS);
	for (size_t i = 0; i < GATE_NAMEDS * 2; i++) {
		bool live = i < GATE_NAMEDS;

		c.access = live ? TICKET_ACCESS_WRITE : TICKET_ACCESS_STAGING;
		c.stage = live ? TICKET_STAGE_PRODUCTION : TICKET_STAGE_STAGING;
		c.named = rows[i % GATE_NAMEDS].named;
		gate_judge(&c, &a);
		assert_int_equal(a.verdict, live ? rows[i % GATE_NAMEDS].live : rows[i % GATE_NAMEDS].other);
		assert_string_equal(a.code, "strict");
		assert_true(a.strict);
		assert_non_null(strstr(a.why, "cannot roll it back"));
		assert_non_null(strstr(a.why, rows[i % GATE_NAMEDS].part));
	}
	c.dangers = 0;
	c.named = GATE_NAMED_NOT;
	c.is_long = true;
	gate_judge(&c, &a);
	assert_int_equal(a.verdict, GATE_REFUSE);
	assert_string_equal(a.code, "long");
	assert_non_null(strstr(a.why, "40 lines"));
	c.named = GATE_NAMED_OTHER_OBJECT;
	gate_judge(&c, &a);
	assert_int_equal(a.verdict, GATE_ASK);
}

static void
every_danger_is_in_one_of_the_lists(void **state)
{
	assert_true((never | no_read | strict | strict_live | shown | costly) == SQL_DANGER_BIT(SQL_DANGERS) - 1);
	assert_true(!(never & (no_read | strict | strict_live | shown | costly)));
}

/* What a person reads: the codes and what to do, for cases that come up daily. */
static void
refusals_say_what_to_do(void **state)
{
	static const struct {
		struct gate_case c;
		const char *code;
		const char *part;
	} rows[] = {
		{ { TICKET_ACCESS_READ, TICKET_STAGE_PRODUCTION, SQL_CLASS_WRITE, 0, ALL_CAPS, 0, false }, "level", "level is read" },
		{ { TICKET_ACCESS_NONE, TICKET_STAGE_PRODUCTION, SQL_CLASS_READ, 0, ALL_CAPS, 0, false }, "no-access", "customer" },
		{ { TICKET_ACCESS_WRITE, TICKET_STAGE_REPLICA, SQL_CLASS_WRITE, 0, ALL_CAPS, 0, false }, "stage", "fits" },
		{ { TICKET_ACCESS_WRITE, TICKET_STAGE_STAGING, SQL_CLASS_READ, 0, ALL_CAPS, 0, false }, "stage", "fits" },
		{ { TICKET_ACCESS_WRITE, TICKET_STAGE_PRODUCTION, SQL_CLASS_WRITE, 0, ALL_CAPS, 0, false }, "second-key", "another person" },
		{ { TICKET_ACCESS_WRITE, TICKET_STAGE_PRODUCTION, SQL_CLASS_WRITE, D(NO_WHERE), ALL_CAPS, 0, false }, "strict", "WHERE" },
		{ { TICKET_ACCESS_WRITE, TICKET_STAGE_PRODUCTION, SQL_CLASS_DDL, D(DROP), ALL_CAPS, 0, false }, "strict", "drops an object" },
		{ { TICKET_ACCESS_WRITE, TICKET_STAGE_PRODUCTION, SQL_CLASS_SESSION, 0, ALL_CAPS, 0, false }, "session-not-yet", "later" },
		{ { TICKET_ACCESS_WRITE, TICKET_STAGE_PRODUCTION, SQL_CLASS_TCL, 0, ALL_CAPS, 0, false }, "tcl-not-yet", "BEGIN" },
		{ { TICKET_ACCESS_WRITE, TICKET_STAGE_PRODUCTION, SQL_CLASS_READ, D(MULTI), ALL_CAPS, 0, false }, "multi", "one statement" },
		{ { TICKET_ACCESS_READ, TICKET_STAGE_EXPORT, SQL_CLASS_READ, 0, ALL_CAPS & ~CAP_BIT(CAP_READ_WALL), 0, false },
		    "no-read-wall", "would not stop a read that writes" },
	};

	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct gate_answer a;

		gate_judge(&rows[i].c, &a);
		assert_string_equal(a.code, rows[i].code);
		assert_non_null(strstr(a.why, rows[i].part));
	}
}

/* verdicts.txt is what people read and agree on: a changed row shows there. GATE_TABLE=FILE writes it. */
static void
the_printed_table_is_the_reviewed_one(void **state)
{
	struct buf b, golden;
	char path[4096];

	buf_init(&b, 1 << 20);
	buf_init(&golden, 1 << 20);
	gate_table_print(&b);
	assert_false(buf_over(&b));
	for (int d = 0; d < SQL_DANGERS; d++)
		assert_non_null(strstr(buf_str(&b), sql_danger_name((enum sql_danger)d)));
	for (int k = 0; k < CAPS; k++)
		assert_non_null(strstr(buf_str(&b), cap_name((enum cap)k)));
	assert_null(strstr(buf_str(&b), "no rule"));	/* every cell has exactly one */
	if (getenv("GATE_TABLE") != NULL)
		assert_int_equal(io_write_file(getenv("GATE_TABLE"), 0644, buf_data(&b), buf_len(&b), NULL), 0);
	snprintf(path, sizeof path, "%s/tests/golden/gate/verdicts.txt", getenv("top_srcdir"));
	assert_int_equal(io_read_file(path, 1 << 20, &golden, NULL), 0);
	assert_string_equal(buf_str(&b), buf_str(&golden));
	buf_fini(&b);
	buf_fini(&golden);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_place_class_danger_and_set_of_capabilities_is_as_the_rules_say),
		cmocka_unit_test(every_place_and_class_has_the_code_of_its_wall),
		cmocka_unit_test(every_pair_of_dangers_is_as_the_rules_say),
		cmocka_unit_test(what_the_ticket_names_is_asked_as_the_rules_say),
		cmocka_unit_test(more_in_the_ticket_is_never_harder),
		cmocka_unit_test(the_strict_path_says_what_is_missing),
		cmocka_unit_test(more_dangers_or_fewer_capabilities_are_never_milder),
		cmocka_unit_test(nothing_but_a_read_runs_and_no_read_asks),
		cmocka_unit_test(what_is_out_of_range_is_refused),
		cmocka_unit_test(every_danger_is_in_one_of_the_lists),
		cmocka_unit_test(refusals_say_what_to_do),
		cmocka_unit_test(the_printed_table_is_the_reviewed_one),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
