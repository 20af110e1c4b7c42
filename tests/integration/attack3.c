/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Attacks on what stands between a session and its server: the deaths of the roles that hold it, costly reads. */
#include "config.h"

#include <dirent.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "twokey/base/buf.h"
#include "twokey/base/clock.h"
#include "twokey/base/io.h"
#include "twokey/base/json.h"

#include "lib/beside.h"
#include "lib/broker.h"
#include "lib/pg.h"

static struct pg_server *server;
static char command_way[500];
static const struct timespec tick = { 0, 5 * 1000 * 1000 };

static int
start(void **state)
{
	char *got;

	(void)state;
	server = pg_server_start();
	assert_non_null(server);
	got = pg_server_sql(server, "postgres", "CREATE TABLE orders(id int PRIMARY KEY, note text);"
	    "INSERT INTO orders SELECT i FROM generate_series(1, 500) i;"
	    "CREATE ROLE metricfixer_w LOGIN; GRANT SELECT, UPDATE ON orders TO metricfixer_w");
	assert_string_equal(got, "");
	free(got);
	snprintf(command_way, sizeof command_way, "    command: [/usr/bin/socat, STDIO, \"UNIX-CONNECT:%s/.s.PGSQL.5432\"]\n"
	    "    database: postgres\n    user: metricfixer_w\n", pg_server_socket(server));
	return 0;
}

static int
stop(void **state)
{
	(void)state;
	pg_server_stop(server);
	return 0;
}

static struct test_console *
opened(const struct test_broker *b, const char *id, const char *lines)
{
	struct test_console *ben;
	char line[200];

	test_ticket_with(b, id, lines);
	ben = test_console(b, "ben");
	snprintf(line, sizeof line, "{\"do\":\"open\",\"ticket\":\"%s\"}", id);
	test_ok(ben, line);
	return ben;
}

static void
a_tunnel_that_dies_ends_the_session(void **state)
{
	struct test_broker_options o = { .engine = "postgres", .target = command_way };
	struct test_console *ben, *anna;
	struct test_broker b;
	pid_t tunnel;

	(void)state;
	test_broker_start(&b, &o);
	test_session(&b, "A-3", &ben, &anna);
	tunnel = test_broker_role(&b, "tunnel");
	assert_true(tunnel > 0);
	kill(tunnel, SIGKILL);
	assert_string_equal(json_str(test_event(ben, "lost", 0), "role", NULL), "tunnel");
	test_event(ben, "ended", 0);
	test_wait_eof(ben);
	assert_true(test_wait_sealed(&b));
	test_console_close(ben);
	test_console_close(anna);
	test_broker_stop(&b);
}

/* Nothing of a session is left: no process of these roles, no folder of a way. */
static void
nothing_left(const struct test_broker *b)
{
	static const char *const roles[] = { "session", "recorder", "db", "tunnel" };
	int64_t until = clock_mono_ms() + TEST_DEADLINE_MS;
	const struct dirent *de;
	char path[400];
	DIR *d;

	for (size_t i = 0; i < sizeof roles / sizeof roles[0]; i++)
		while (test_broker_role(b, roles[i]) != 0) {
			if (clock_mono_ms() > until)
				fail_msg("a %s is left", roles[i]);
			nanosleep(&tick, NULL);
		}
	for (bool empty = false; !empty; nanosleep(&tick, NULL)) {
		snprintf(path, sizeof path, "%s/run", b->dir);
		d = opendir(path);
		assert_non_null(d);
		empty = true;
		while ((de = readdir(d)) != NULL) {
			if (de->d_name[0] == '.')
				continue;
			empty = false;
			if (clock_mono_ms() > until)
				fail_msg("%s is left", de->d_name);
		}
		closedir(d);
	}
}

/* Kills a role with an allowed write between its recorded commit point and COMMIT. */
static void
killed_in_commit(const char *role, const char *id)
{
	struct test_broker_options o = { .engine = "postgres", .target = command_way, .fault = "db.before-commit" };
	struct test_console *ben, *anna;
	struct test_broker b;
	int64_t n;
	pid_t db;

	test_broker_start(&b, &o);
	test_session(&b, id, &ben, &anna);
	n = test_request(ben, "update orders set note = 'w' where id <= 3", "= 3");
	assert_true(json_bool(test_allow(anna, n, "orders 3"), "ok"));
	test_event(ben, "committing", n);
	db = test_broker_role(&b, "db");
	test_wait_stopped(db);
	/* the monitor hears of the death and of what the recorder wants at one time */
	kill(b.pid, SIGSTOP);
	test_wait_stopped(b.pid);
	kill(test_broker_role(&b, role), SIGKILL);
	if (strcmp(role, "db") == 0)
		test_event(ben, "unknown", n);
	kill(b.pid, SIGCONT);
	if (strcmp(role, "db") != 0)
		kill(db, SIGCONT);
	if (strcmp(role, "db") == 0)
		test_event(ben, "outcome", n);
	if (strcmp(role, "tunnel") == 0)
		assert_string_equal(json_str(test_event(ben, "lost", 0), "role", NULL), "tunnel");
	test_wait_eof(ben);
	assert_true(test_wait_sealed(&b));
	test_console_close(ben);
	test_console_close(anna);
	nothing_left(&b);
	test_broker_stop(&b);
}

static void
the_death_of_db_in_a_commit_leaves_no_tunnel(void **state)
{
	(void)state;
	killed_in_commit("db", "A-5");
}

static void
the_death_of_the_tunnel_in_a_commit_leaves_no_tunnel(void **state)
{
	(void)state;
	killed_in_commit("tunnel", "A-6");
}

static void
the_death_of_the_recorder_in_a_commit_leaves_no_tunnel(void **state)
{
	(void)state;
	killed_in_commit("recorder", "A-7");
}

static void
the_death_of_the_session_in_a_commit_leaves_no_tunnel(void **state)
{
	(void)state;
	killed_in_commit("session", "A-8");
}

static void
a_monitor_that_dies_leaves_no_way(void **state)
{
	struct test_broker_options o = { .engine = "postgres", .target = command_way };
	struct test_console *ben, *anna;
	struct test_broker b;
	pid_t tunnel;

	(void)state;
	test_broker_start(&b, &o);
	test_session(&b, "A-9", &ben, &anna);
	tunnel = test_broker_role(&b, "tunnel");
	test_broker_kill(&b);
	test_wait_gone(tunnel);
	test_wait_eof(ben);
	test_console_close(ben);
	test_console_close(anna);
	test_broker_restart(&b);
	assert_true(test_wait_sealed(&b));
	nothing_left(&b);
	test_broker_stop(&b);
}

/* A db that the recorder's death caught right before COMMIT may not send it any more once the outcome is told. */
static void
what_is_told_of_a_commit_stays_true(void **state)
{
	struct test_broker_options o = { .fault = "db.before-commit" };
	struct test_console *ben, *anna;
	struct test_broker b;
	char path[700];
	struct buf text;
	bool committed;
	int64_t n;
	pid_t db;

	(void)state;
	test_broker_start(&b, &o);
	test_session(&b, "A-12", &ben, &anna);
	n = test_request(ben, "update orders set note = 'w' where id <= 3", "= 3");
	assert_true(json_bool(test_allow(anna, n, "orders 3"), "ok"));
	test_event(ben, "committing", n);
	db = test_broker_role(&b, "db");
	test_wait_stopped(db);
	kill(test_broker_role(&b, "recorder"), SIGKILL);
	test_wait_eof(ben);
	assert_true(test_wait_sealed(&b));
	kill(db, SIGCONT);	/* had it been slow only, it would go on now */
	test_wait_gone(db);
	test_transcript(&b, path, sizeof path);
	buf_init(&text, 16 * 1024 * 1024);
	assert_int_equal(io_read_file(path, 16 * 1024 * 1024, &text, NULL), 0);
	committed = test_shop_number(&b, "select count(*) from orders where note = 'w'") > 0;
	assert_null(strstr(buf_str(&text), committed ? "\"is\":\"aborted\"" : "\"is\":\"committed\""));
	assert_non_null(strstr(buf_str(&text), "\"ev\":\"outcome\""));
	buf_fini(&text);
	test_console_close(ben);
	test_console_close(anna);
	nothing_left(&b);
	test_broker_stop(&b);
}

/* Level none opens nothing, definitions neither. */
static void
no_access_is_no_definitions(void **state)
{
	struct test_console *ben;
	struct test_broker b;

	(void)state;
	test_broker_start(&b, NULL);
	ben = opened(&b, "A-13", "access: none\\nstage: production\\n");
	test_event(ben, "account", 0);
	test_refused(ben, "{\"do\":\"describe\",\"subject\":\"table\",\"name\":\"orders\"}", "denied");
	test_end(&b, ben);
	test_console_close(ben);
	test_broker_stop(&b);
}

/* What is allowed in the moment between a death and the end has an outcome on record, too. */
static void
nothing_begins_after_a_loss(void **state)
{
	struct test_broker_options o = { .engine = "postgres", .target = command_way };
	struct test_console *ben, *anna;
	struct test_broker b;
	json_t *sheet, *request = NULL;
	char line[400];
	int64_t n;
	pid_t db;

	(void)state;
	test_broker_start(&b, &o);
	test_session(&b, "A-10", &ben, &anna);
	n = test_request(ben, "update orders set note = 'w' where id <= 3", "= 3");
	assert_false(json_bool(test_allow(anna, n, "orders 4"), "ok"));	/* the minimum time is over, the key is wrong */
	sheet = test_event(anna, "sheet", n);
	for (size_t i = 0; i < json_array_size(anna->events); i++)
		if (json_int(json_array_get(anna->events, i), "n", 0) == n)
			request = json_array_get(anna->events, i);
	db = test_broker_role(&b, "db");
	kill(db, SIGKILL);
	test_event(anna, "lost", 0);
	snprintf(line, sizeof line, "{\"do\":\"allow\",\"of\":%lld,\"digest\":\"%s\",\"bind\":\"%s\",\"typed\":\"orders 3\"}",
	    (long long)n, json_str(request, "digest", NULL), json_str(sheet, "bind", NULL));
	test_refused(anna, line, "state");
	test_refused(ben, "{\"do\":\"sql\",\"text\":\"select 1\"}", "state");
	test_event(ben, "ended", 0);
	test_wait_eof(ben);
	assert_true(test_wait_sealed(&b));
	assert_null(test_event_seen(ben, "run", n));
	test_console_close(ben);
	test_console_close(anna);
	test_broker_stop(&b);
}

/* A name of letters that have several bytes, longer than what is told of it. */
static void
a_costly_table_may_have_any_name(void **state)
{
	struct test_broker_options o = { 0 };
	struct test_console *ben;
	struct test_broker b;
	char way[600], name[400] = "", sql[1200];
	json_t *a;

	(void)state;
	for (int i = 0; i < 120; i++)
		strcat(name, "\xc3\xa4");
	test_broker_start(&b, NULL);
	snprintf(sql, sizeof sql, "CREATE TABLE \"%s\"(id INTEGER PRIMARY KEY, note TEXT);"
	    "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 20000)"
	    " INSERT INTO \"%s\" SELECT i, hex(zeroblob(50)) FROM n", name, name);
	test_shop_exec(&b, sql);
	snprintf(way, sizeof way, "    file: %s\n    table_limit: 1MiB\n", b.db);
	o.target = way;
	test_broker_reconfigure(&b, &o);
	ben = opened(&b, "A-11", "access: read\\nstage: production\\nmax_rows_read: 1000\\n");
	test_event(ben, "connected", 0);
	snprintf(sql, sizeof sql, "{\"do\":\"sql\",\"text\":\"select count(note) from \\\"%s\\\" where note like '%%y%%'\"}", name);
	a = test_ok(ben, sql);
	test_event(ben, "costly", json_int(a, "n", 0));
	snprintf(sql, sizeof sql, "{\"do\":\"sql\",\"costly\":true,\"text\":\"select count(note) from \\\"%s\\\" where note like "
	    "'%%y%%'\"}", name);
	a = test_ok(ben, sql);
	test_event(ben, "sheet", json_int(a, "n", 0));
	test_end(&b, ben);
	test_console_close(ben);
	test_broker_stop(&b);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_tunnel_that_dies_ends_the_session),
		cmocka_unit_test(the_death_of_db_in_a_commit_leaves_no_tunnel),
		cmocka_unit_test(the_death_of_the_tunnel_in_a_commit_leaves_no_tunnel),
		cmocka_unit_test(the_death_of_the_recorder_in_a_commit_leaves_no_tunnel),
		cmocka_unit_test(the_death_of_the_session_in_a_commit_leaves_no_tunnel),
		cmocka_unit_test(a_monitor_that_dies_leaves_no_way),
		cmocka_unit_test(what_is_told_of_a_commit_stays_true),
		cmocka_unit_test(no_access_is_no_definitions),
		cmocka_unit_test(nothing_begins_after_a_loss),
		cmocka_unit_test(a_costly_table_may_have_any_name),
	};

	return test_run_apart("attack3", tests, sizeof tests / sizeof *tests, start, stop);
}
