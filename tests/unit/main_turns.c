/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Whose answer counts for whose request, to who verifies a transcript. */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <cmocka.h>

#include <jansson.h>

#include "main/verify_ticket.h"

static const char people[] = "{\"people\":[{\"person\":\"ben\",\"side\":\"firm\",\"seat\":\"driver\"},"
	"{\"person\":\"kay\",\"side\":\"customer\",\"seat\":\"driver\"},{\"person\":\"anna\",\"side\":\"customer\",\"seat\":\"confirmer\"},"
	"{\"person\":\"kim\",\"side\":\"firm\",\"seat\":\"confirmer\"},{\"person\":\"wim\",\"side\":\"customer\",\"seat\":\"watcher\"},"
	"{\"person\":\"two\",\"side\":\"firm\",\"seat\":\"driver\"},{\"person\":\"two\",\"side\":\"firm\",\"seat\":\"confirmer\"}]}";

static const struct {
	const char *second, *driver, *person;
	bool turns;
} rows[] = {
	{ "any", "ben", "anna", true }, { "any", "ben", "kim", true }, { "any", "ben", "ben", false }, { "any", "ben", "kay", false },
	{ "any", "ben", "wim", false }, { "any", "ben", "nobody", false }, { "any", "ben", "two", false }, { "any", "two", "anna", false },
	{ "any", "two", "two", false }, { "any", "anna", "kim", false }, { "any", NULL, "anna", false }, { "any", "ben", NULL, false },
	{ "other-side", "ben", "anna", true }, { "other-side", "ben", "kim", false }, { "other-side", "kay", "kim", true },
	{ "customer", "ben", "anna", true }, { "customer", "kay", "anna", true }, { "customer", "ben", "kim", false },
	{ "firm", "ben", "kim", true }, { "firm", "kay", "anna", false }, { "a later word", "ben", "anna", false },
};

static void
another_person_a_confirmer_of_the_right_side(void **state)
{
	json_t *begin = json_loads(people, 0, NULL), *nobody = json_object();

	(void)state;
	assert_non_null(begin);
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct ticket_terms t = { .asks = false };

		snprintf(t.second, sizeof t.second, "%s", rows[i].second);
		if ((ticket_terms_turns(begin, &t, rows[i].driver, rows[i].person) == NULL) != rows[i].turns)
			fail_msg("%s: row %zu", rows[i].second, i);
		assert_non_null(ticket_terms_turns(nobody, &t, rows[i].driver, rows[i].person));
	}
	json_decref(begin);
	json_decref(nobody);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(another_person_a_confirmer_of_the_right_side),
	};

	return cmocka_run_group_tests_name("main: turns", tests, NULL, NULL);
}
