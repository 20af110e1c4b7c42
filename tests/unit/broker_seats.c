/* SPDX-License-Identifier: GPL-3.0-or-later */
/* One login of the host is one person, whoever comes first, and after he has left: over the whole product. */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "broker/seats.h"

/* The pairs of (loginuid, audit): the kernel sets none, one or both. */
static const int64_t logins[][2] = { { -1, -1 }, { 1000, -1 }, { -1, 7 }, { 1000, 7 }, { 1000, 8 }, { 1001, 7 }, { 1001, 8 } };
enum { LOGINS = sizeof logins / sizeof logins[0] };

static bool
same(int a, int b)
{
	return (logins[a][0] != -1 && logins[a][0] == logins[b][0]) || (logins[a][1] != -1 && logins[a][1] == logins[b][1]);
}

static void
every_pair_of_seats_and_logins_in_both_orders(void **state)
{
	enum { ALL = TICKET_SEATS * TICKET_SEATS * LOGINS * LOGINS * 4 };

	for (int i = 0; i < ALL; i++) {
		int two = i & 1, one_person = i >> 1 & 1, k = i >> 2, a = k % LOGINS, b = k / LOGINS % LOGINS;
		enum ticket_seat first = (enum ticket_seat)(k / LOGINS / LOGINS % TICKET_SEATS);
		enum ticket_seat second = (enum ticket_seat)(k / LOGINS / LOGINS / TICKET_SEATS);
		struct seat_login x = { "ben", first, logins[a][0], logins[a][1], NULL };
		struct seat_login y = { "anna", second, logins[b][0], logins[b][1], NULL }, *had = NULL;
		bool watches = first == TICKET_SEAT_WATCHER || second == TICKET_SEAT_WATCHER;
		bool refused = !watches && !one_person && same(a, b) &&
		    (first != second || (two && first == TICKET_SEAT_CONFIRMER));

		if (one_person)
			strcpy(y.person, "ben");
		seats_note(&had, &x);
		assert_int_equal(seats_refusal(had, &y, two) != NULL, refused);
		seats_free(&had);
	}
}

static void
a_login_is_remembered_when_its_seat_is_left(void **state)
{
	struct seat_login ben = { "ben", TICKET_SEAT_DRIVER, 1000, 7, NULL }, again = { "ben", TICKET_SEAT_DRIVER, 1000, 9, NULL };
	struct seat_login anna = { "anna", TICKET_SEAT_CONFIRMER, 1001, 9, NULL }, *had = NULL;

	seats_note(&had, &ben);
	seats_note(&had, &ben);
	assert_null(had->next);			/* once */
	assert_null(seats_refusal(had, &anna, true));
	seats_note(&had, &again);		/* he came again, from another session, and has left */
	assert_non_null(seats_refusal(had, &anna, false));
	assert_null(seats_refusal(had, &again, true));
	seats_free(&had);
	assert_null(had);
}

static void
two_confirmers_of_one_login_are_one_key(void **state)
{
	struct seat_login anna = { "anna", TICKET_SEAT_CONFIRMER, 1001, 9, NULL }, kim = { "kim", TICKET_SEAT_CONFIRMER, 1001, 10, NULL };
	struct seat_login *had = NULL;

	seats_note(&had, &anna);
	assert_null(seats_refusal(had, &kim, false));
	assert_non_null(strstr(seats_refusal(had, &kim, true), "two keys"));
	kim.loginuid = 1002;
	assert_null(seats_refusal(had, &kim, true));
	seats_free(&had);
}

static void
where_the_ticket_asks_a_console_is_from_another_host(void **state)
{
	(void)state;
	assert_null(seats_host_refusal(TICKET_FROM_ANYWHERE, false));
	assert_null(seats_host_refusal(TICKET_FROM_ANYWHERE, true));
	assert_null(seats_host_refusal(TICKET_FROM_OTHER_HOST, true));
	assert_non_null(strstr(seats_host_refusal(TICKET_FROM_OTHER_HOST, false), "from another host only"));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_pair_of_seats_and_logins_in_both_orders),
		cmocka_unit_test(a_login_is_remembered_when_its_seat_is_left),
		cmocka_unit_test(two_confirmers_of_one_login_are_one_key),
		cmocka_unit_test(where_the_ticket_asks_a_console_is_from_another_host),
	};

	return cmocka_run_group_tests_name("broker_seats", tests, NULL, NULL);
}
