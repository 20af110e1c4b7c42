/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What a person needs first stands on the screen, whole and in words: found by using it. */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "console_world.h"

#include "twokey/base/json.h"

#define ZEROS "0000000000000000000000000000000000000000000000000000000000000000"

static uint64_t
request(struct world *w, const char *sql)
{
	return world_event(w, TRANSCRIPT_EVENT_REQUEST, json_pack("{s:s, s:s, s:s, s:s, s:[], s:[], s:s, s:s}", "by", "ben", "class",
	    "write", "verb", "UPDATE", "digest", ZEROS, "tables", "dangers", "table", "orders", "until",
	    "2026-06-08T14:05:00.000000Z"), "sql", sql);
}

static void
what_the_database_said_of_a_request_that_is_void_is_told(void **state)
{
	struct world *w = world_begin(SEAT_DRIVER, 24, 80);
	uint64_t n = request(w, "update orders set statuss = 'paid' where id = 1");

	(void)state;
	world_event(w, TRANSCRIPT_EVENT_FAILED, json_pack("{s:I, s:s}", "of", (json_int_t)n, "code", "42703"), "error",
	    "column \"statuss\" of relation \"orders\" does not exist");
	world_event(w, TRANSCRIPT_EVENT_VOID, json_pack("{s:I, s:s}", "of", (json_int_t)n, "code", "sheet"), NULL, NULL);
	world_sees(w, "the database could not say what it would touch");
	world_sees(w, "why: column \"statuss\" of relation \"orders\" does not exist");
	world_sees(w, "It did not run.");
	world_end(w);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_the_database_said_of_a_request_that_is_void_is_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
