/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What is typed to turn the key, and the bound on rows. */
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

/* The table, whether all rows are meant, the bound, what is typed, and whether it is taken. */
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

/* No rows are counted: the act and the object, nothing else. */
static void
a_change_of_definitions_is_typed_by_its_act_and_object(void **state)
{
	static const struct {
		const char *typed;
		bool ok;
	} rows[] = {
		{ "drop orders", true }, { "  drop \t orders  ", true }, { "drop", false }, { "orders", false }, { "drop orders 0", false },
		{ "Drop orders", false }, { "drop Orders", false }, { "drop orders;", false }, { "droporders", false }, { "orders 0", false },
		{ "all rows orders 0", false }, { "drop ordersx", false }, { "", false }, { "alter orders", false },
	};
	char shown[300];
	struct err e;

	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct gate_request r;
		struct digest d = { { 1 } }, bind = { { 2 } };
		struct gate_key key = { .by = "anna", .side = TICKET_SIDE_CUSTOMER, .digest = &d, .bind = &bind, .typed = rows[i].typed };

		gate_request_init(&r, 7, "ben", &d, 1, 0, 300);
		strcpy(r.table, "orders");
		strcpy(r.act, "drop");
		assert_int_equal(gate_request_sheet(&r, &bind, true, 0, &e), 0);
		gate_request_expected(&r, false, shown, sizeof shown);
		assert_string_equal(shown, "drop orders");
		assert_int_equal(gate_request_opened(&r, "anna", true, 10, &e), 0);
		assert_int_equal(gate_request_allow(&r, &key, 60000, &e), rows[i].ok ? 0 : ERR_DENIED);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(only_what_the_sheet_asks_for_is_taken),
		cmocka_unit_test(what_is_expected_is_what_is_taken),
		cmocka_unit_test(all_rows_is_expected_when_anybody_says_so),
		cmocka_unit_test(nothing_is_expected_while_nothing_can_be_typed),
		cmocka_unit_test(bounds_are_parsed_as_they_are_written),
		cmocka_unit_test(a_change_of_definitions_is_typed_by_its_act_and_object),
		cmocka_unit_test(a_bound_holds_for_its_rows_only),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
