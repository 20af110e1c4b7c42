/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The strict path: what has to stand in the accepted ticket word for word, and a backup that is fresh enough. */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "strict_world.h"
#include "twokey/base/digest.h"
#include "twokey/base/json.h"
#include "lib/beside.h"

static const char all[] = "UPDATE orders SET note = 'seen'";

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
without_the_ticket_it_is_refused_and_told_what_to_put_there(void **state)
{
	struct digest d = digest_of(all, strlen(all));
	struct test_console *ben, *anna;
	char hex[DIGEST_HEX + 1];
	const char *why;

	(void)state;
	digest_hex(&d, hex);
	strict_open(&broker, "STR-1", "access: write\\nstage: production\\n", &ben, &anna);
	why = strict_refused(ben, all, "strict", "no WHERE");
	assert_non_null(strstr(why, "does not name exactly these bytes"));
	assert_non_null(strstr(why, hex));
	assert_non_null(strstr(why, "object: \"orders\""));
	assert_non_null(strstr(why, "backup"));
	strict_refused(ben, "DELETE FROM orders WHERE 1 = 1", "strict", "always true");
	strict_close(&broker, ben, anna);
	assert_int_equal(test_shop_number(&broker, "select count(*) from orders where note = 'seen'"), 0);
}

static void
named_in_the_ticket_it_is_asked_and_all_rows_is_typed(void **state)
{
	struct test_console *ben, *anna;
	json_t *a;
	int64_t n;

	(void)state;
	strict_open(&broker, "STR-2", strict_change(all, "orders", 30), &ben, &anna);
	n = strict_asked(ben, all, NULL);
	a = test_event(ben, "sheet", n);
	assert_int_equal(json_int(a, "change", 0), 1);
	assert_non_null(strstr(test_body(ben, json_int(a, "n", 0), "change"), "as change 1 of the ticket, byte for byte\nbackup: nightly"));
	a = test_allow(anna, n, "orders 500");
	assert_string_equal(json_str(a, "code", NULL), "denied");
	a = test_allow(anna, n, "all rows orders 500");
	if (!json_bool(a, "ok"))
		fail_msg("%s", json_str(a, "why", NULL));
	assert_int_equal(json_int(test_event(ben, "committed", n), "affected", 0), 500);
	strict_close(&broker, ben, anna);
	assert_int_equal(test_shop_number(&broker, "select count(*) from orders where note = 'seen'"), 500);
	test_shop_exec(&broker, "update orders set note = null");
}

static void
other_bytes_object_or_backup_is_refused(void **state)
{
	struct test_console *ben, *anna;

	(void)state;
	strict_open(&broker, "STR-3", strict_change(all, "orders", 30), &ben, &anna);
	strict_refused(ben, "UPDATE orders SET note = 'seen';", "strict", "exactly these bytes");
	strict_refused(ben, "UPDATE orders SET note = 'seen' ", "strict", "exactly these bytes");
	strict_refused(ben, "update orders set note = 'seen'", "strict", "exactly these bytes");
	strict_close(&broker, ben, anna);
	strict_open(&broker, "STR-4", strict_change(all, "orders", 121), &ben, &anna);
	strict_refused(ben, all, "strict", "older");
	strict_close(&broker, ben, anna);
	strict_open(&broker, "STR-5", strict_change(all, "orders_log", 30), &ben, &anna);
	strict_refused(ben, all, "strict", "not with this object");
	strict_close(&broker, ben, anna);
	strict_open(&broker, "STR-6", strict_change(all, "orders", -1), &ben, &anna);
	strict_refused(ben, all, "strict", "no backup");
	strict_close(&broker, ben, anna);
	assert_int_equal(test_shop_number(&broker, "select count(*) from orders where note = 'seen'"), 0);
}

/* While the request waits the backup grows too old: db looks at its own clock when it runs. */
static void
a_backup_that_grows_old_while_it_waits_is_too_old(void **state)
{
	struct test_console *ben, *anna;
	const char *lines;
	char at[CLOCK_TEXT], text[700], *p;
	int64_t n, end = clock_wall_us() + 4 * 1000000;
	json_t *a;

	(void)state;
	lines = strict_change(all, "orders", 0);
	snprintf(text, sizeof text, "%s", lines);
	clock_format(end - INT64_C(7200) * 1000000, at);
	p = strstr(text, "backup_taken: ");
	assert_non_null(p);
	memcpy(p + strlen("backup_taken: "), at, 19);
	strict_open(&broker, "STR-7", text, &ben, &anna);
	n = strict_asked(ben, all, NULL);
	test_event(ben, "sheet", n);
	while (clock_wall_us() <= end + 1000000)
		nanosleep(&(struct timespec){ 0, 100 * 1000 * 1000 }, NULL);
	a = test_allow(anna, n, "all rows orders 500");
	if (!json_bool(a, "ok"))
		fail_msg("%s", json_str(a, "why", NULL));
	a = test_event(ben, "rolledback", n);
	assert_string_equal(json_str(a, "code", NULL), "judged");
	assert_non_null(strstr(test_body(ben, json_int(a, "n", 0), "why"), "older"));
	strict_close(&broker, ben, anna);
	assert_int_equal(test_shop_number(&broker, "select count(*) from orders where note = 'seen'"), 0);
}

static void
no_more_rows_than_the_ticket_says(void **state)
{
	struct test_console *ben, *anna;
	json_t *a;
	int64_t n;

	(void)state;
	strict_open(&broker, "STR-8", "access: write\\nstage: production\\nchanges:\\n"
	    "  - {sql: \\\"DELETE FROM orders WHERE id < 4\\\", object: orders, rows: <=3}\\n"
	    "  - {sql: \\\"DELETE FROM orders WHERE id < 9\\\", object: orders, rows: '= 3'}\\n", &ben, &anna);
	test_send(ben, "{\"do\":\"sql\",\"text\":\"DELETE FROM orders WHERE id < 4\",\"rows\":\"<= 4\"}");
	a = test_answer(ben, "sql");
	assert_false(json_bool(a, "ok"));
	assert_non_null(strstr(json_str(a, "why", NULL), "<= 3"));
	n = strict_asked(ben, "DELETE FROM orders WHERE id < 4", NULL);
	assert_int_equal(json_int(test_event_n(ben, n), "rows", 0), 3);
	assert_string_equal(json_str(test_event_n(ben, n), "op", NULL), "<=");
	test_event(ben, "sheet", n);
	n = strict_asked(ben, "DELETE FROM orders WHERE id < 5", "<= 9");
	a = test_event(ben, "sheet", n);
	assert_null(json_object_get(a, "change"));
	assert_non_null(strstr(test_body(ben, json_int(a, "n", 0), "change"), "change 1, which differs:\n"
	    "- DELETE FROM orders WHERE id < [-4-]\n+ DELETE FROM orders WHERE id < {+5+}\n"));
	a = test_event(ben, "void", strict_asked(ben, "DELETE FROM orders WHERE id < 9", NULL));
	assert_string_equal(json_str(a, "code", NULL), "bound");
	strict_close(&broker, ben, anna);
}

/* Two screens of SQL are approved with the ticket, or not at all (doc/approval.txt, rule 15). */
static void
a_long_statement_is_approved_with_the_ticket(void **state)
{
	char text[2000] = "UPDATE orders SET note = 'x' WHERE id IN (1", more[2100];
	struct test_console *ben, *anna;
	const char *why;
	int64_t n;

	(void)state;
	for (int i = 0; i < 40; i++)
		strcat(text, "\n, 1");
	strcat(text, ")");
	strict_open(&broker, "STR-9", strict_change(text, "orders", -1), &ben, &anna);
	n = strict_asked(ben, text, NULL);
	assert_int_equal(json_int(test_event(ben, "sheet", n), "count", 0), 1);
	snprintf(more, sizeof more, "%s\n", text);
	why = strict_refused(ben, more, "long", "40 lines");
	assert_non_null(strstr(why, "digest: "));
	assert_null(strstr(why, "backup"));
	strict_close(&broker, ben, anna);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(without_the_ticket_it_is_refused_and_told_what_to_put_there),
		cmocka_unit_test(named_in_the_ticket_it_is_asked_and_all_rows_is_typed),
		cmocka_unit_test(other_bytes_object_or_backup_is_refused),
		cmocka_unit_test(a_backup_that_grows_old_while_it_waits_is_too_old),
		cmocka_unit_test(no_more_rows_than_the_ticket_says),
		cmocka_unit_test(a_long_statement_is_approved_with_the_ticket),
	};

	return test_run_apart("strict", tests, sizeof tests / sizeof *tests, start, stop);
}
