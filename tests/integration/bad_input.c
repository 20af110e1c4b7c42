/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Rudeness: unknown tickets and seats, malformed and oversized lines, floods, consoles that never read. */
#include "config.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "twokey/base/json.h"

#include "lib/broker.h"

static struct test_broker broker;

static int
start(void **state)
{
	(void)state;
	test_broker_start(&broker, NULL);
	return 0;
}

static int
stop(void **state)
{
	(void)state;
	test_broker_stop(&broker);
	return 0;
}

static void
before_a_session_every_mistake_gets_a_sentence(void **state)
{
	struct test_console *c = test_console_raw(&broker, "ben");

	(void)state;
	test_refused(c, "{\"do\":\"list\"}", "state");
	test_refused(c, "{\"do\":\"hello\",\"v\":2}", "unsupported");
	test_refused(c, "{\"do\":\"hello\",\"v\":1,\"as\":\"mallory\"}", "denied");
	test_refused(c, "{\"do\":\"hello\",\"v\":\"1\"}", "invalid");
	test_ok(c, "{\"do\":\"hello\",\"v\":1,\"as\":\"ben\"}");
	test_refused(c, "{\"do\":\"hello\",\"v\":1}", "state");
	test_refused(c, "{\"do\":\"open\",\"ticket\":\"NO-SUCH\"}", "not-found");
	test_refused(c, "{\"do\":\"open\",\"ticket\":\"../../etc/passwd\"}", "not-found");
	test_refused(c, "{\"do\":\"open\"}", "invalid");
	test_refused(c, "{\"do\":\"open\",\"ticket\":\"A\",\"more\":1}", "invalid");
	test_refused(c, "{\"do\":\"sql\",\"text\":\"select 1\"}", "unsupported");
	test_refused(c, "{\"do\":\"join\",\"session\":\"s-1\",\"ticket\":\"x\"}", "invalid");
	test_refused(c, "{\"do\":\"join\",\"session\":\"s-1\"}", "not-found");
	test_refused(c, "{\"do\":\"ticket-new\",\"text\":\"id: [\"}", "config");
	test_refused(c, "{\"do\":\"ticket-show\",\"ticket\":\"NO-SUCH\"}", "not-found");
	test_console_close(c);
}

static void
a_ticket_that_is_not_accepted_opens_nothing(void **state)
{
	struct test_console *ben = test_console(&broker, "ben"), *anna = test_console(&broker, "anna");
	char line[600];
	json_t *made;

	(void)state;
	made = test_ok(ben, "{\"do\":\"ticket-new\",\"text\":\"id: MFX-20\\ntarget: shop\\naccess: write\\n"
	    "stage: production\\npeople:\\n  - {name: ben, seat: driver}\\n  - {name: anna, seat: confirmer}\\n"
	    "approver: anna\\nexpires: 2099-01-01T00:00:00Z\\n\"}");
	test_refused(ben, "{\"do\":\"open\",\"ticket\":\"MFX-20\"}", "state");
	snprintf(line, sizeof line, "{\"do\":\"ticket-accept\",\"ticket\":\"MFX-20\",\"digest\":\"%s\"}",
	    json_str(made, "digest", NULL));
	test_refused(ben, line, "denied");	/* law 10 */
	snprintf(line, sizeof line, "{\"do\":\"ticket-accept\",\"ticket\":\"MFX-20\",\"digest\":\"%064d\"}", 0);
	test_refused(anna, line, "denied");
	test_refused(ben, "{\"do\":\"open\",\"ticket\":\"MFX-20\"}", "state");
	test_refused(anna, "{\"do\":\"open\",\"ticket\":\"MFX-20\"}", "state");
	test_console_close(ben);
	test_console_close(anna);
}

static void
a_full_store_takes_no_more_tickets(void **state)
{
	struct test_console *ben;
	struct test_broker b;
	char path[400];

	(void)state;
	test_broker_start(&b, NULL);
	for (int i = 0; i < 5000; i++) {
		snprintf(path, sizeof path, "%s/tickets/old-%d.yaml", b.dir, i);
		assert_int_equal(close(open(path, O_WRONLY | O_CREAT, 0600)), 0);
	}
	ben = test_console(&b, "ben");
	test_refused(ben, "{\"do\":\"ticket-new\",\"text\":\"id: MFX-1\\n\"}", "full");
	test_console_close(ben);
	test_broker_stop(&b);
}

static void
a_second_driver_and_the_wrong_seats_are_refused(void **state)
{
	struct test_console *ben, *anna, *again;

	(void)state;
	test_session(&broker, "MFX-21", &ben, &anna);
	again = test_console(&broker, "ben");
	test_refused(again, "{\"do\":\"open\",\"ticket\":\"MFX-21\"}", "seat");
	test_console_close(again);
	again = test_console(&broker, "ben");
	test_refused(again, "{\"do\":\"join\",\"ticket\":\"MFX-21\"}", "seat");
	test_refused(again, "{\"do\":\"join\",\"ticket\":\"MFX-21\",\"watch\":true}", "seat");
	test_console_close(again);
	again = test_console(&broker, "anna");
	test_refused(again, "{\"do\":\"open\",\"ticket\":\"MFX-21\"}", "seat");
	test_console_close(again);
	test_ok(ben, "{\"do\":\"sql\",\"text\":\"select 1\"}");
	test_end(&broker, ben);
	test_console_close(ben);
	test_console_close(anna);
}

static void
malformed_lines_end_only_their_own_console(void **state)
{
	static const char *const lines[] = { "", "null", "[]", "{", "{\"do\":1}", "{\"do\":\"sql\",\"do\":\"sql\"}",
	    "{\"do\":\"say\",\"text\":\"\\ud800\"}", "\xff\xfe" };
	struct test_console *ben, *anna, *kim;

	(void)state;
	test_session(&broker, "MFX-22", &ben, &anna);
	for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++) {
		kim = test_console(&broker, "kim");
		test_ok(kim, "{\"do\":\"join\",\"ticket\":\"MFX-22\"}");
		for (int k = 0; k < 3; k++)
			test_send(kim, "%s", lines[i]);
		test_wait_eof(kim);
		test_console_close(kim);
		kim = test_console_raw(&broker, "kim");
		for (int k = 0; k < 3; k++)
			test_send(kim, "%s", lines[i]);
		test_wait_eof(kim);
		test_console_close(kim);
	}
	test_refused(ben, "{\"do\":\"fly\"}", "unsupported");
	test_refused(ben, "{\"do\":\"sql\"}", "invalid");
	test_refused(ben, "{\"do\":\"sql\",\"text\":7}", "invalid");
	test_refused(ben, "{\"do\":\"sql\",\"text\":\"  -- nothing\"}", "invalid");
	test_refused(anna, "{\"do\":\"deny\",\"of\":99,\"reason\":\"x\"}", "not-found");
	test_refused(anna, "{\"do\":\"deny\",\"of\":-1,\"reason\":\"x\"}", "not-found");
	test_ok(ben, "{\"do\":\"sql\",\"text\":\"select 1\"}");
	test_end(&broker, ben);
	test_console_close(ben);
	test_console_close(anna);
}

static void
an_oversized_line_ends_its_console(void **state)
{
	struct test_console *ben, *anna, *kim;
	char *big = malloc(3 * 1024 * 1024);

	(void)state;
	memset(big, 'x', 3 * 1024 * 1024);
	test_session(&broker, "MFX-23", &ben, &anna);
	kim = test_console(&broker, "kim");
	test_ok(kim, "{\"do\":\"join\",\"ticket\":\"MFX-23\"}");
	test_send_bytes(kim, big, 3 * 1024 * 1024);
	test_wait_eof(kim);
	test_console_close(kim);
	kim = test_console_raw(&broker, "kim");
	test_send_bytes(kim, big, 3 * 1024 * 1024);
	test_wait_eof(kim);
	test_console_close(kim);
	test_ok(ben, "{\"do\":\"sql\",\"text\":\"select 1\"}");
	test_event(anna, "done", 0);
	test_end(&broker, ben);
	test_console_close(ben);
	test_console_close(anna);
	free(big);
}

static void
a_console_that_never_reads_holds_up_nobody(void **state)
{
	struct test_console *ben, *anna, *kim;
	int small = 4096;

	(void)state;
	test_session(&broker, "MFX-24", &ben, &anna);
	kim = test_console(&broker, "kim");
	setsockopt(kim->fd, SOL_SOCKET, SO_RCVBUF, &small, sizeof small);
	test_ok(kim, "{\"do\":\"join\",\"ticket\":\"MFX-24\"}");
	/* kim reads nothing from here on; megabytes pass */
	for (int i = 0; i < 5; i++) {
		int64_t n = json_int(test_ok(ben, "{\"do\":\"sql\",\"text\":\"select a.id, b.id, a.total, 'xxxxxxxxxxxxxxxx' "
		    "from orders a, orders b limit 9000\"}"), "n", 0);

		assert_int_equal(json_int(test_event(ben, "done", n), "rows", 0), 9000);
		test_event(anna, "done", n);
	}
	test_ok(kim, "{\"do\":\"say\",\"text\":\"late\"}");	/* late, and nothing more */
	test_event(kim, "said", 0);
	test_end(&broker, ben);
	test_console_close(ben);
	test_console_close(anna);
	test_console_close(kim);
}

static void
a_flood_of_messages_is_held_back(void **state)
{
	struct test_console *ben, *anna, *kim;
	enum { FLOOD = 600 };	/* answers and lines fit into the sockets, so that nothing is read meanwhile */
	size_t said = 0;

	(void)state;
	test_session(&broker, "MFX-25", &ben, &anna);
	kim = test_console(&broker, "kim");
	test_ok(kim, "{\"do\":\"join\",\"ticket\":\"MFX-25\"}");
	for (int i = 0; i < FLOOD; i++)
		test_send(kim, "{\"do\":\"say\",\"text\":\"flood\"}");
	/* the driver is served while the flood is on */
	for (int i = 0; i < 20; i++) {
		int64_t n = json_int(test_ok(ben, "{\"do\":\"sql\",\"text\":\"select 1\"}"), "n", 0);

		test_event(ben, "done", n);
	}
	for (int i = 0; i < FLOOD; i++)
		(void)test_answer(kim, "say");
	test_event(kim, "said", 0);
	for (size_t i = 0; i < json_array_size(kim->events); i++)
		said += strcmp(json_str(json_array_get(kim->events, i), "ev", NULL), "said") == 0;
	assert_true(said >= 1 && said < FLOOD / 2);
	test_end(&broker, ben);
	test_console_close(ben);
	test_console_close(anna);
	test_console_close(kim);
}

static void
cells_of_any_bytes_and_sizes_arrive(void **state)
{
	struct test_console *ben, *anna;
	json_t *rows, *cell;
	int64_t n;

	(void)state;
	test_shop_exec(&broker, "create table odd(id integer primary key, v);"
	    "insert into odd values(1, x'00ff1b5d'), (2, cast(x'1b5d35323b63' as text)), (3, null),"
	    " (4, hex(zeroblob(400000))), (5, cast(x'ff41' as text))");
	test_session(&broker, "MFX-26", &ben, &anna);
	n = json_int(test_ok(ben, "{\"do\":\"sql\",\"text\":\"select v from odd order by id\"}"), "n", 0);
	assert_int_equal(json_int(test_event(ben, "done", n), "rows", 0), 5);
	rows = json_object_get(test_body_object(ben, json_int(test_event(ben, "rows", n), "n", 0), "rows"), "rows");
	cell = json_array_get(json_array_get(rows, 0), 0);
	assert_string_equal(json_str(cell, "base64", NULL), "AP8bXQ==");
	cell = json_array_get(json_array_get(rows, 1), 0);
	assert_string_equal(json_string_value(cell), "\x1b]52;c");
	assert_true(json_is_null(json_array_get(json_array_get(rows, 2), 0)));
	test_end(&broker, ben);
	test_console_close(ben);
	test_console_close(anna);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(before_a_session_every_mistake_gets_a_sentence),
		cmocka_unit_test(a_ticket_that_is_not_accepted_opens_nothing),
		cmocka_unit_test(a_full_store_takes_no_more_tickets),
		cmocka_unit_test(a_second_driver_and_the_wrong_seats_are_refused),
		cmocka_unit_test(malformed_lines_end_only_their_own_console),
		cmocka_unit_test(an_oversized_line_ends_its_console),
		cmocka_unit_test(a_console_that_never_reads_holds_up_nobody),
		cmocka_unit_test(a_flood_of_messages_is_held_back),
		cmocka_unit_test(cells_of_any_bytes_and_sizes_arrive),
	};

	return cmocka_run_group_tests_name("bad_input", tests, start, stop);
}
