/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The permit table over its whole product: message x seat x state, against a list written by hand. */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "broker/session.h"

/* who may: one string per state in the order starting, ready, paused, alone, ending */
static const struct {
	const char *name;
	const char *who[5];
} expected[] = {
	{ "sql",	{ "", "D", "", "D", "" } },
	{ "describe",	{ "", "D", "", "D", "" } },
	{ "cancel",	{ "", "D", "D", "D", "" } },
	{ "withdraw",	{ "", "D", "D", "D", "" } },
	{ "opened",	{ "", "C", "C", "C", "" } },
	{ "signing",	{ "", "C", "", "", "" } },
	{ "allow",	{ "", "C", "", "", "" } },
	{ "deny",	{ "", "C", "C", "C", "" } },
	{ "ask",	{ "", "C", "C", "C", "" } },
	{ "reply",	{ "", "D", "D", "D", "" } },
	{ "say",	{ "DCW", "DCW", "DCW", "DCW", "" } },
	{ "note",	{ "DCW", "DCW", "DCW", "DCW", "" } },
	{ "here",	{ "DCW", "DCW", "DCW", "DCW", "DCW" } },
	{ "pause",	{ "", "CW", "", "CW", "" } },
	{ "resume",	{ "", "", "C", "C", "" } },
	{ "stop",	{ "C", "C", "C", "C", "" } },
	{ "secret",	{ "DCW", "", "", "", "" } },
	{ "end",	{ "D", "D", "D", "D", "" } },
	{ "leave",	{ "DCW", "DCW", "DCW", "DCW", "DCW" } },
	{ "from",	{ "DCW", "DCW", "DCW", "DCW", "DCW" } },
	{ "body",	{ "DCW", "DCW", "DCW", "DCW", "DCW" } },
};

static const enum session_state states[5] = { SESSION_STARTING, SESSION_READY, SESSION_PAUSED, SESSION_ALONE,
	SESSION_ENDING };

static void
every_message_is_permitted_exactly_where_the_list_says(void **state)
{
	static const char letters[] = "DCW";

	(void)state;
	for (size_t i = 0; i < sizeof expected / sizeof expected[0]; i++)
		for (int seat = 0; seat < TICKET_SEATS; seat++)
			for (int k = 0; k < 5; k++) {
				bool want = strchr(expected[i].who[k], letters[seat]) != NULL;

				if (session_permits(expected[i].name, (enum ticket_seat)seat, states[k]) != want)
					fail_msg("%s seat %c state %d should %sbe permitted", expected[i].name,
					    letters[seat], k, want ? "" : "not ");
			}
}

static void
the_list_and_the_table_name_the_same_messages(void **state)
{
	static const char *const names[] = {
#define MSG(name, seats, states, talk, members, handler) name,
#include "broker/msg.def"
#undef MSG
	};

	(void)state;
	assert_int_equal(sizeof names / sizeof names[0], sizeof expected / sizeof expected[0]);
	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
		assert_string_equal(names[i], expected[i].name);
}

static void
what_is_not_in_the_table_is_refused(void **state)
{
	static const char *const names[] = { "", "SQL", "sql ", "execute", "hello", "list", "allow\n" };

	(void)state;
	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
		for (int seat = -1; seat <= TICKET_SEATS; seat++)
			for (int k = 0; k < 5; k++)
				assert_false(session_permits(names[i], (enum ticket_seat)seat, states[k]));
	assert_false(session_permits("sql", (enum ticket_seat)TICKET_SEATS, SESSION_READY));
	assert_false(session_permits("sql", (enum ticket_seat)-1, SESSION_READY));
	assert_false(session_permits("sql", TICKET_SEAT_DRIVER, (enum session_state)32));
	assert_false(session_permits("sql", TICKET_SEAT_DRIVER, (enum session_state)0));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_message_is_permitted_exactly_where_the_list_says),
		cmocka_unit_test(the_list_and_the_table_name_the_same_messages),
		cmocka_unit_test(what_is_not_in_the_table_is_refused),
	};

	return cmocka_run_group_tests_name("broker_permit", tests, NULL, NULL);
}
