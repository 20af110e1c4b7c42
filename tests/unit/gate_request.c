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

enum { T0 = 1000000, SECONDS = 300 };

static struct digest
digest_of_word(const char *word)
{
	return digest_of(word, strlen(word));
}

/* A request of ben that anna could allow with "orders 3" from T0 + 1000 + 2000 on. */
static struct gate_request
ready(void)
{
	struct digest sql = digest_of_word("sql"), bind = digest_of_word("bind");
	struct gate_request r;

	gate_request_init(&r, 12, "ben", &sql, 3, T0, SECONDS);
	snprintf(r.table, sizeof r.table, "orders");
	assert_int_equal(gate_request_sheet(&r, &bind, true, 3, NULL), 0);
	assert_int_equal(gate_request_opened(&r, "anna", false, T0 + 1000, NULL), 0);
	assert_int_equal(gate_request_opened(&r, "anna", true, T0 + 1500, NULL), 0);
	return r;
}

static int
allow_at(struct gate_request *r, const char *by, const char *typed, int64_t now_ms)
{
	struct digest sql = digest_of_word("sql"), bind = digest_of_word("bind");
	struct gate_key key = { .by = by, .digest = &sql, .bind = &bind, .typed = typed };
	struct gate_request before = *r;
	struct err e = { .text = "" };
	int ret = gate_request_allow(r, &key, now_ms, &e);

	if (ret != 0) {		/* a refusal changes nothing and says why */
		assert_memory_equal(r, &before, sizeof before);
		assert_true(ret == ERR_DENIED || ret == ERR_STATE);
		assert_true(strlen(e.text) > 20);
	} else {
		assert_int_equal(r->state, GATE_STATE_ALLOWED);
	}
	return ret;
}

static void
another_person_allows_what_he_read(void **state)
{
	struct gate_request r = ready();

	assert_int_equal(r.state, GATE_STATE_ASKING);
	assert_int_equal(allow_at(&r, "anna", "orders 3", T0 + 3000), 0);
	/* once */
	assert_int_equal(allow_at(&r, "anna", "orders 3", T0 + 3001), ERR_STATE);
}

/* The table, whether all rows are meant, the bound, what is typed, and whether it is taken. */
#define EQ(n) { true, GATE_OP_EQUAL, n }
#define LE(n) { true, GATE_OP_AT_MOST, n }
static const struct typed_row {
	const char *table;
	bool all;
	struct gate_bound bound;
	const char *typed;
	bool ok;
} typed_rows[] = {
	{ "orders", false, EQ(3), "orders 3", true },
	{ "orders", false, EQ(3), "  orders \t  3  ", true },
	{ "orders", false, EQ(3), "", false },
	{ "orders", false, EQ(3), " ", false },
	{ "orders", false, EQ(3), "y", false },
	{ "orders", false, EQ(3), "Y", false },
	{ "orders", false, EQ(3), "yes", false },
	{ "orders", false, EQ(3), "t", false },
	{ "orders", false, EQ(3), "ok", false },
	{ "orders", false, EQ(3), "allow", false },
	{ "orders", false, EQ(3), "orders", false },
	{ "orders", false, EQ(3), "3", false },
	{ "orders", false, EQ(3), "orders3", false },
	{ "orders", false, EQ(3), "3 orders", false },
	{ "orders", false, EQ(3), "Orders 3", false },
	{ "orders", false, EQ(3), "ORDERS 3", false },
	{ "orders", false, EQ(3), "order 3", false },
	{ "orders", false, EQ(3), "orders 2", false },
	{ "orders", false, EQ(3), "orders 33", false },
	{ "orders", false, EQ(3), "orders 03", false },
	{ "orders", false, EQ(3), "orders +3", false },
	{ "orders", false, EQ(3), "orders -3", false },
	{ "orders", false, EQ(3), "orders 3.0", false },
	{ "orders", false, EQ(3), "orders 3;", false },
	{ "orders", false, EQ(3), "orders 3 3", false },
	{ "orders", false, EQ(3), "orders = 3", false },
	{ "orders", false, EQ(3), "orders <=3", false },
	{ "orders", false, EQ(3), "all rows orders 3", false },
	{ "orders", false, EQ(3), "orders 3\n", false },
	{ "orders", false, EQ(3), "orders\n3", false },
	{ "orders", false, EQ(3), "orders\xc2\xa0" "3", false },
	{ "orders", false, EQ(3), "orders \xd9\xa3", false },	/* an Arabic 3 */
	{ "orders", false, EQ(3), "orders \xef\xbc\x93", false },	/* a wide 3 */
	{ "orders", false, EQ(3), "\xd0\xberders 3", false },	/* a Cyrillic o */
	{ "orders", false, EQ(3), "orders 18446744073709551619", false },	/* 3 in 64 bits */
	{ "orders", false, EQ(3), "orders 4294967299", false },	/* 3 in 32 bits */
	{ "orders", false, EQ(0), "orders 0", true },
	{ "orders", false, EQ(0), "orders ", false },
	{ "orders", false, LE(500), "orders <=500", true },
	{ "orders", false, LE(500), "orders <= 500", true },
	{ "orders", false, LE(500), "orders  <=  500 ", true },
	{ "orders", false, LE(500), "orders<=500", false },
	{ "orders", false, LE(500), "orders < = 500", false },
	{ "orders", false, LE(500), "orders =500", false },
	{ "orders", false, LE(500), "orders 500", false },
	{ "orders", false, LE(500), "orders <500", false },
	{ "orders", false, LE(500), "orders <=499", false },
	{ "orders", false, LE(500), "orders <=", false },
	{ "orders", true, EQ(812), "all rows orders 812", true },
	{ "orders", true, EQ(812), "  all   rows   orders   812", true },
	{ "orders", true, EQ(812), "orders 812", false },
	{ "orders", true, EQ(812), "all orders 812", false },
	{ "orders", true, EQ(812), "allrows orders 812", false },
	{ "orders", true, EQ(812), "all rowsorders 812", false },
	{ "orders", true, EQ(812), "All rows orders 812", false },
	{ "orders", true, EQ(812), "all rows 812", false },
	{ "orders", true, LE(900), "all rows orders <= 900", true },
	{ "shop.order items", false, EQ(3), "shop.order items 3", true },
	{ "shop.order items", false, EQ(3), "shop.order  items 3", false },
	{ "shop.order items", false, EQ(3), "shop.order 3", false },
	{ "\xc3\xa4pfel", false, EQ(3), "\xc3\xa4pfel 3", true },
	{ "orders 3", false, EQ(3), "orders 3", false },
	{ "orders 3", false, EQ(3), "orders 3 3", true },
	{ "yes", false, EQ(1), "yes", false },
};

static void
only_what_the_sheet_asks_for_is_taken(void **state)
{
	for (size_t i = 0; i < sizeof typed_rows / sizeof typed_rows[0]; i++) {
		struct gate_request r = ready();
		int ret;

		memset(r.table, 0, sizeof r.table);
		snprintf(r.table, sizeof r.table, "%s", typed_rows[i].table);
		r.all_rows = typed_rows[i].all;
		r.bound = typed_rows[i].bound;
		ret = allow_at(&r, "anna", typed_rows[i].typed, T0 + 4000);
		if ((ret == 0) != typed_rows[i].ok)
			fail_msg("row %zu: '%s' gives %d", i, typed_rows[i].typed, ret);
	}
}

static void
what_is_expected_is_what_is_taken(void **state)
{
	static const struct gate_bound bounds[] = { { true, GATE_OP_EQUAL, 3 }, { true, GATE_OP_AT_MOST, 500 } };

	for (int all = 0; all < 2; all++) {
		for (int b = 0; b < 2; b++) {
			struct gate_request r = ready();
			char shown[256];

			r.all_rows = all;
			r.bound = bounds[b];
			gate_request_expected(&r, all, shown, sizeof shown);
			assert_string_equal(shown, all ? b ? "all rows orders <=500" : "all rows orders 3" :
			    b ? "orders <=500" : "orders 3");
			assert_int_equal(allow_at(&r, "anna", shown, T0 + 4000), 0);
		}
	}
}

/* The caller may say it again, but what the request knows is not taken back. */
static void
all_rows_is_expected_when_anybody_says_so(void **state)
{
	struct gate_request r = ready();
	char shown[256];

	gate_request_expected(&r, true, shown, sizeof shown);
	assert_string_equal(shown, "all rows orders 3");
	r.all_rows = true;
	gate_request_expected(&r, false, shown, sizeof shown);
	assert_string_equal(shown, "all rows orders 3");
}

static void
nothing_is_expected_while_nothing_can_be_typed(void **state)
{
	struct gate_request r = ready();
	char shown[256], small[8];

	gate_request_expected(&r, false, small, sizeof small);
	assert_string_equal(small, "");	/* cut is nothing */
	r.bound.given = false;
	gate_request_expected(&r, false, shown, sizeof shown);
	assert_string_equal(shown, "");
	assert_int_equal(allow_at(&r, "anna", "", T0 + 4000), ERR_DENIED);
	r = ready();
	r.table[0] = '\0';
	assert_int_equal(allow_at(&r, "anna", " 3", T0 + 4000), ERR_DENIED);
	assert_int_equal(allow_at(&r, "anna", "3", T0 + 4000), ERR_DENIED);
	memset(r.table, 'x', sizeof r.table);	/* no end */
	gate_request_expected(&r, false, shown, sizeof shown);
	assert_string_equal(shown, "");
	assert_int_equal(allow_at(&r, "anna", "x 3", T0 + 4000), ERR_DENIED);
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

static void
bounds_are_parsed_as_they_are_written(void **state)
{
	static const struct {
		const char *s;
		int ret;
		enum gate_op op;
		uint64_t rows;
	} rows[] = {
		{ "= 3", 0, GATE_OP_EQUAL, 3 }, { "=3", 0, GATE_OP_EQUAL, 3 }, { "3", 0, GATE_OP_EQUAL, 3 },
		{ " =  3 ", 0, GATE_OP_EQUAL, 3 }, { "0", 0, GATE_OP_EQUAL, 0 },
		{ "<= 500", 0, GATE_OP_AT_MOST, 500 }, { "<=500", 0, GATE_OP_AT_MOST, 500 },
		{ "999999999999999999", 0, GATE_OP_EQUAL, UINT64_C(999999999999999999) },
		{ "", ERR_INVALID, 0, 0 }, { " ", ERR_INVALID, 0, 0 }, { "=", ERR_INVALID, 0, 0 },
		{ "<=", ERR_INVALID, 0, 0 }, { "< 3", ERR_INVALID, 0, 0 }, { "<3", ERR_INVALID, 0, 0 },
		{ ">= 3", ERR_INVALID, 0, 0 }, { "== 3", ERR_INVALID, 0, 0 }, { "=< 3", ERR_INVALID, 0, 0 },
		{ "-3", ERR_INVALID, 0, 0 }, { "+3", ERR_INVALID, 0, 0 }, { "3.0", ERR_INVALID, 0, 0 },
		{ "3junk", ERR_INVALID, 0, 0 }, { "0x3", ERR_INVALID, 0, 0 }, { "03", ERR_INVALID, 0, 0 },
		{ "3 3", ERR_INVALID, 0, 0 }, { "3\n", ERR_INVALID, 0, 0 }, { "any", ERR_INVALID, 0, 0 },
		{ "1e3", ERR_INVALID, 0, 0 }, { "18446744073709551617", ERR_INVALID, 0, 0 },
		{ "<= = 3", ERR_INVALID, 0, 0 }, { NULL, ERR_INVALID, 0, 0 },
	};

	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct gate_bound b = { .rows = 77 };

		assert_int_equal(gate_bound_parse(rows[i].s, &b, NULL), rows[i].ret);
		assert_int_equal(b.given, rows[i].ret == 0);
		assert_int_equal(b.rows, rows[i].ret == 0 ? rows[i].rows : 77);
		if (rows[i].ret == 0)
			assert_int_equal(b.op, rows[i].op);
	}
}

static void
a_bound_holds_for_its_rows_only(void **state)
{
	const struct gate_bound eq = EQ(3), le = LE(3), none = { 0 }, odd = { true, (enum gate_op)9, 3 };

	for (uint64_t n = 0; n < 6; n++) {
		assert_int_equal(gate_bound_holds(&eq, n), n == 3);
		assert_int_equal(gate_bound_holds(&le, n), n <= 3);
		assert_false(gate_bound_holds(&none, n));
		assert_false(gate_bound_holds(&odd, n));
	}
	assert_false(gate_bound_holds(&le, UINT64_MAX));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(another_person_allows_what_he_read),
		cmocka_unit_test(only_what_the_sheet_asks_for_is_taken),
		cmocka_unit_test(what_is_expected_is_what_is_taken),
		cmocka_unit_test(all_rows_is_expected_when_anybody_says_so),
		cmocka_unit_test(nothing_is_expected_while_nothing_can_be_typed),
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
		cmocka_unit_test(bounds_are_parsed_as_they_are_written),
		cmocka_unit_test(a_bound_holds_for_its_rows_only),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
