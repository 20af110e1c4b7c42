/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Law 10 against drivers who would like to have a ticket: nobody gives himself power. */
#include "config.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "twokey/base/json.h"

#include "lib/broker.h"

enum { LINE = 4096 };

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

/* Law 10: tickets that a driver would like to have. */
static void
what_gives_the_driver_power_is_no_ticket(void **state)
{
	static const struct {
		const char *id, *people, *approver;
	} tickets[] = {
		{ "L10-A", "  - {name: ben, seat: driver}\\n  - {name: anna, seat: confirmer}\\n", "ben" },	/* his own approver */
		{ "L10-B", "  - {name: ben, seat: driver}\\n  - {name: ben, seat: confirmer}\\n", "anna" },	/* both seats */
		{ "L10-C", "  - {name: ben, seat: driver}\\n", "anna" },					/* nobody confirms */
		{ "L10-D", "  - {name: anna, seat: driver}\\n  - {name: kim, seat: confirmer}\\n", "kim" },	/* anna is no driver */
		{ "../L10", "  - {name: ben, seat: driver}\\n  - {name: anna, seat: confirmer}\\n", "anna" },
		{ ".L10", "  - {name: ben, seat: driver}\\n  - {name: anna, seat: confirmer}\\n", "anna" },
		{ "L10-E", "  - {name: ben, seat: driver}\\n  - {name: mallory, seat: confirmer}\\n", "mallory" },
	};
	struct test_console *ben = test_console(&broker, "ben");
	char line[LINE];
	json_t *a;

	(void)state;
	for (size_t i = 0; i < sizeof tickets / sizeof tickets[0]; i++) {
		snprintf(line, sizeof line, "{\"do\":\"ticket-new\",\"text\":\"id: %s\\ntitle: t\\ntarget: shop\\naccess: write\\n"
		    "stage: production\\npeople:\\n%sapprover: %s\\nexpires: 2090-01-01T00:00:00Z\\n\"}", tickets[i].id, tickets[i].people,
		    tickets[i].approver);
		test_send(ben, "%s", line);
		a = test_answer(ben, "ticket-new");
		if (json_bool(a, "ok"))
			fail_msg("%s was taken", line);
	}
	test_console_close(ben);
}

/* Makes a good ticket as ben; its digest. */
static void
good_ticket(struct test_console *ben, const char *id, char digest[80])
{
	char line[LINE];

	snprintf(line, sizeof line, "{\"do\":\"ticket-new\",\"text\":\"id: %s\\ntitle: t\\ntarget: shop\\naccess: write\\n"
	    "stage: production\\npeople:\\n  - {name: ben, seat: driver}\\n  - {name: anna, seat: confirmer}\\n"
	    "  - {name: kim, seat: watcher}\\napprover: anna\\nexpires: 2090-01-01T00:00:00Z\\n\"}", id);
	snprintf(digest, 80, "%s", json_str(test_ok(ben, line), "digest", NULL));
	/* an id is used once */
	test_send(ben, "%s", line);
	assert_false(json_bool(test_answer(ben, "ticket-new"), "ok"));
}

static void
accept_refused(struct test_console *c, const char *id, const char *digest)
{
	char line[LINE];

	snprintf(line, sizeof line, "{\"do\":\"ticket-accept\",\"ticket\":\"%s\",\"digest\":\"%s\"}", id, digest);
	test_refused(c, line, "denied");
}

/* By its driver, by who is not the approver, by the approver for other bytes. */
static void
only_the_approver_accepts_and_only_what_he_read(void **state)
{
	struct test_console *ben = test_console(&broker, "ben"), *kim = test_console(&broker, "kim"), *anna = test_console(&broker, "anna");
	char digest[80];

	(void)state;
	good_ticket(ben, "L10-G", digest);
	accept_refused(ben, "L10-G", digest);
	accept_refused(kim, "L10-G", digest);
	digest[10] = digest[10] == '0' ? '1' : '0';
	accept_refused(anna, "L10-G", digest);
	test_refused(ben, "{\"do\":\"open\",\"ticket\":\"L10-G\"}", "state");
	test_console_close(ben);
	test_console_close(kim);
	test_console_close(anna);
}

/* The file in the store, changed by hand after it was accepted. */
static void
a_file_that_was_changed_has_no_force(void **state)
{
	struct test_console *ben = test_console(&broker, "ben"), *anna = test_console(&broker, "anna");
	char line[LINE], digest[80];
	int fd;

	(void)state;
	good_ticket(ben, "L10-H", digest);
	snprintf(line, sizeof line, "{\"do\":\"ticket-accept\",\"ticket\":\"L10-H\",\"digest\":\"%s\"}", digest);
	test_ok(anna, line);
	snprintf(line, sizeof line, "%s/tickets/L10-H.yaml", broker.dir);
	fd = open(line, O_WRONLY | O_APPEND | O_CLOEXEC);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, "\n", 1), 1);
	close(fd);
	test_send(ben, "{\"do\":\"open\",\"ticket\":\"L10-H\"}");
	assert_false(json_bool(test_answer(ben, "open"), "ok"));
	test_console_close(ben);
	test_console_close(anna);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_gives_the_driver_power_is_no_ticket),
		cmocka_unit_test(only_the_approver_accepts_and_only_what_he_read),
		cmocka_unit_test(a_file_that_was_changed_has_no_force),
	};

	return cmocka_run_group_tests_name("attack_tickets", tests, start, stop);
}
