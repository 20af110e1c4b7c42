/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A transcript that takes no more: nothing unrecorded runs, the end is still written, others go on. */
#include "config.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "twokey/base/json.h"

#include "lib/broker.h"

static const char big_read[] = "{\"do\":\"sql\",\"text\":\"select a.id, b.id, 'xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx' "
    "from orders a, orders b limit 10000\"}";

/* Reads until the transcript says that it is full. */
static void
fill(const struct test_broker *b, struct test_console *ben)
{
	(void)b;
	/* where no part of a result fits any more, a read that is cut leaves a kilobyte */
	for (int i = 0; i < 400 && test_event_seen(ben, "ended", 0) == NULL; i++) {
		json_t *a;

		test_send(ben, "%s", big_read);
		a = test_answer(ben, "sql");
		if (!json_bool(a, "ok"))
			break;
		/* a result that cannot be kept is cut, and its end is told */
		test_event(ben, "done", json_int(a, "n", 0));
	}
	test_event(ben, "ended", 0);
}

static void
ends_with_a_seal_and_no_write(struct test_broker *b)
{
	struct test_console *ben, *anna;
	int64_t n;

	test_session(b, "MFX-1", &ben, &anna);
	n = test_request(ben, "update orders set note = 'x' where id = 1", NULL);
	fill(b, ben);
	test_event(anna, "void", n);
	test_event(ben, "seal", 0);
	test_wait_eof(ben);
	assert_true(test_wait_sealed(b));
	assert_int_equal(test_shop_number(b, "select count(*) from orders where note = 'x'"), 0);
	test_console_close(ben);
	test_console_close(anna);
}

/* A change ran and waits for the key again. */
static int64_t
hold(struct test_broker *b, struct test_console **ben, struct test_console **anna)
{
	int64_t of;

	test_ticket_with(b, "MFX-1", "access: write\\nstage: production\\nhold: always\\n");
	*ben = test_console(b, "ben");
	*anna = test_console(b, "anna");
	test_ok(*ben, "{\"do\":\"open\",\"ticket\":\"MFX-1\"}");
	test_event(*ben, "connected", 0);
	test_ok(*anna, "{\"do\":\"join\",\"ticket\":\"MFX-1\"}");
	of = test_request(*ben, "update orders set note = 'x' where id = 107", NULL);
	assert_true(json_bool(test_allow(*anna, of, "orders 1"), "ok"));
	test_event(*anna, "held", of);
	return of;
}

/* It is taken back at once, not at the end of its time, the transcript says so and ends, and the locks are gone. */
static void
is_taken_back(struct test_broker *b, struct test_console *ben, struct test_console *anna, int64_t of)
{
	test_event(ben, "rolledback", of);
	test_event(ben, "seal", 0);
	assert_true(test_wait_sealed(b));
	assert_null(test_event_seen(ben, "kept", of));
	assert_int_equal(test_shop_number(b, "select count(*) from orders where note = 'x'"), 0);
	test_shop_exec(b, "update orders set note = 'y' where id = 107");
	test_console_close(ben);
	test_console_close(anna);
}

/* Until the transcript takes no more. */
static void
talk(struct test_console *anna)
{
	char text[4000];

	memset(text, 'x', sizeof text - 1);
	text[sizeof text - 1] = '\0';
	for (int i = 0; i < 30 && test_event_seen(anna, "ended", 0) == NULL; i++) {
		test_send(anna, "{\"do\":\"say\",\"text\":\"%s\"}", text);
		if (!json_bool(test_answer(anna, "say"), "ok"))
			break;
	}
}

static void
a_byte_quota_takes_back_what_is_held(void **state)
{
	static const struct test_broker_options small = { .limits = "quota: 300000\n" };
	struct test_console *ben, *anna;
	struct test_broker b;
	int64_t of;

	(void)state;
	test_broker_start(&b, &small);
	of = hold(&b, &ben, &anna);
	talk(anna);
	is_taken_back(&b, ben, anna, of);
	test_broker_stop(&b);
}

static void
a_byte_quota_ends_the_session_in_order(void **state)
{
	static const struct test_broker_options small = { .limits = "quota: 1048576\n" };
	struct test_console *ben, *anna;
	struct test_broker b;

	(void)state;
	test_broker_start(&b, &small);
	ends_with_a_seal_and_no_write(&b);
	test_session(&b, "MFX-2", &ben, &anna);	/* the quota is one session's */
	test_ok(ben, "{\"do\":\"sql\",\"text\":\"select 1\"}");
	test_end(&b, ben);
	test_console_close(ben);
	test_console_close(anna);
	test_broker_stop(&b);
}

static void
a_full_disk_ends_the_session_in_order(void **state)
{
	struct test_broker b;
	char dir[400];

	(void)state;
	test_broker_start(&b, NULL);
	snprintf(dir, sizeof dir, "%s/transcripts", b.dir);
	if (geteuid() != 0 || mount("tmpfs", dir, "tmpfs", 0, "size=1536k,mode=0700") != 0) {
		print_message("# only root can make a small disk\n");
		test_broker_stop(&b);
		skip();
	}
	ends_with_a_seal_and_no_write(&b);
	assert_int_equal(umount2(dir, MNT_DETACH), 0);
	test_broker_stop(&b);
}

static void
a_full_disk_takes_back_what_is_held(void **state)
{
	struct test_console *ben, *anna;
	struct test_broker b;
	char dir[400];
	int64_t of;

	(void)state;
	test_broker_start(&b, NULL);
	snprintf(dir, sizeof dir, "%s/transcripts", b.dir);
	if (geteuid() != 0 || mount("tmpfs", dir, "tmpfs", 0, "size=340k,mode=0700") != 0) {
		print_message("# only root can make a small disk\n");
		test_broker_stop(&b);
		skip();
	}
	of = hold(&b, &ben, &anna);
	talk(anna);
	is_taken_back(&b, ben, anna, of);
	assert_int_equal(umount2(dir, MNT_DETACH), 0);
	test_broker_stop(&b);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_byte_quota_ends_the_session_in_order),
		cmocka_unit_test(a_full_disk_ends_the_session_in_order),
		cmocka_unit_test(a_byte_quota_takes_back_what_is_held),
		cmocka_unit_test(a_full_disk_takes_back_what_is_held),
	};

	return cmocka_run_group_tests_name("full", tests, NULL, NULL);
}
