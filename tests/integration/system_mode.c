/* SPDX-License-Identifier: GPL-3.0-or-later */
/* System mode: started as root, roles under users of their own, people known by their logins' uids. */
#include "config.h"

#include <dirent.h>
#include <pwd.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "twokey/base/json.h"

#include "lib/broker.h"

static bool
root_or_skip(void)
{
	if (geteuid() == 0)
		return true;
	print_message("# only root can start the broker in system mode\n");
	skip();
	return false;
}

static void
owner_is(pid_t pid, const char *user)
{
	struct passwd *pw = getpwnam(user);
	char path[64], line[256];
	unsigned ids[4] = { 0, 0, 0, 0 };
	FILE *f;

	snprintf(path, sizeof path, "/proc/%d/status", (int)pid);
	f = fopen(path, "r");
	assert_non_null(f);
	while (fgets(line, sizeof line, f) != NULL) {
		if (sscanf(line, "Uid: %u %u %u %u", &ids[0], &ids[1], &ids[2], &ids[3]) == 4)
			for (int i = 0; i < 4; i++)
				assert_int_equal(ids[i], pw->pw_uid);
		if (strncmp(line, "Groups:", 7) == 0)
			assert_true(strspn(line + 7, " \t\n") == strlen(line + 7));
		if (strncmp(line, "NoNewPrivs:", 11) == 0)
			assert_non_null(strchr(line, '1'));
	}
	fclose(f);
}

static void
two_people_with_two_logins_work_and_each_role_has_its_own_user(void **state)
{
	static const struct test_broker_options o = { .system_mode = true };
	struct test_console *ben, *anna, *stranger;
	struct test_broker b;
	struct stat st;
	char path[700];
	int64_t n;
	json_t *a;

	(void)state;
	if (!root_or_skip())
		return;
	test_broker_start(&b, &o);
	test_session(&b, "MFX-1", &ben, &anna);
	owner_is(test_broker_role(&b, "front"), "daemon");
	owner_is(test_broker_role(&b, "session"), "daemon");
	owner_is(test_broker_role(&b, "recorder"), "bin");
	owner_is(test_broker_role(&b, "db"), "sys");
	test_transcript(&b, path, sizeof path);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	assert_int_equal(st.st_uid, getpwnam("bin")->pw_uid);
	/* a login that belongs to nobody gets a sentence, and nobody says who he is by himself */
	stranger = test_console_raw(&b, "stranger");
	test_refused(stranger, "{\"do\":\"hello\",\"v\":1}", "denied");
	test_refused(stranger, "{\"do\":\"hello\",\"v\":1,\"as\":\"anna\"}", "denied");
	test_console_close(stranger);
	n = test_request(ben, "update orders set status = 'paid' where status = 'new'", NULL);
	a = test_allow(anna, n, "orders 5");
	if (!json_bool(a, "ok"))
		fail_msg("allow: %s", json_str(a, "why", NULL));
	assert_int_equal(json_int(test_event(ben, "committed", n), "affected", 0), 5);
	assert_int_equal(test_shop_number(&b, "select count(*) from orders where status = 'new'"), 0);
	assert_int_equal(json_int(test_event(ben, "joined", 0), "uid", -1), getpwnam("lp")->pw_uid);
	test_end(&b, ben);
	test_console_close(ben);
	test_console_close(anna);
	test_broker_stop(&b);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(two_people_with_two_logins_work_and_each_role_has_its_own_user),
	};

	return cmocka_run_group_tests_name("system_mode", tests, NULL, NULL);
}
