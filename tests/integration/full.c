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

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_byte_quota_ends_the_session_in_order),
		cmocka_unit_test(a_full_disk_ends_the_session_in_order),
	};

	return cmocka_run_group_tests_name("full", tests, NULL, NULL);
}
