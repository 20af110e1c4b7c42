/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Whole sessions on a real MariaDB: an account for each ticket, walls, the write, what is known after a death, cancel,
 * restart of the server, the replica. */
#include "config.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "twokey/base/buf.h"
#include "twokey/base/clock.h"
#include "twokey/base/io.h"
#include "twokey/base/json.h"

#include "lib/beside.h"
#include "lib/broker.h"
#include "lib/mariadb.h"

#define READ "access: read\\nstage: production\\n"
/* To be told of triggers the account needs TRIGGER, and with it may make them: the ticket accepts that. */
#define WRITE "access: write\\nstage: production\\naccept_excess:\\n  - {what: ddl, reason: to see triggers}\\n"
#define READS "SELECT, SHOW VIEW"
#define WRITES "SELECT, INSERT, UPDATE, DELETE, SHOW VIEW, TRIGGER"

static struct mariadb_server *server, *replica;

static void
sql_on(const struct mariadb_server *s, const char *text)
{
	char *got = mariadb_server_sql(s, "shop", text);

	if (strncmp(got, "error", 5) == 0)
		fail_msg("%s: %s", text, got);
	free(got);
}

static void
sql(const char *text)
{
	sql_on(server, text);
}

static int64_t
number_on(const struct mariadb_server *s, const char *text)
{
	char *got = mariadb_server_sql(s, "shop", text);
	int64_t v = strncmp(got, "error", 5) == 0 ? -1 : strtoll(got, NULL, 10);

	free(got);
	return v;
}

static int64_t
number(const char *text)
{
	return number_on(server, text);
}

static int
start(void **state)
{
	static const char *const more[] = { "--log-bin=bin", "--server-id=1", "--sync-binlog=0", NULL };
	char *got;

	(void)state;
	server = mariadb_server_start(more);
	assert_non_null(server);
	got = mariadb_server_sql(server, NULL, "CREATE DATABASE shop; CREATE USER repl@'127.0.0.1' IDENTIFIED BY 'copy';"
	    "GRANT REPLICATION SLAVE ON *.* TO repl@'127.0.0.1'");
	assert_string_equal(got, "");
	free(got);
	sql("CREATE TABLE orders (id int PRIMARY KEY, status varchar(20) NOT NULL, note text);"
	    "INSERT INTO orders SELECT seq, IF(seq % 100 = 7, 'new', 'paid'), NULL FROM seq_1_to_500;"
	    "CREATE TABLE items (order_id int, line int, PRIMARY KEY (order_id, line),"
	    " CONSTRAINT items_order FOREIGN KEY (order_id) REFERENCES orders (id) ON DELETE CASCADE);"
	    "INSERT INTO items SELECT seq, 1 FROM seq_1_to_500;"
	    "CREATE TABLE orders_log (id int AUTO_INCREMENT PRIMARY KEY, order_id int, what text);"
	    "CREATE TRIGGER orders_audit AFTER UPDATE ON orders FOR EACH ROW"
	    " INSERT INTO orders_log (order_id, what) VALUES (new.id, new.status);"
	    "CREATE FUNCTION says() RETURNS int READS SQL DATA RETURN (SELECT count(*) FROM orders);"
	    "CREATE VIEW new_orders AS SELECT id FROM orders WHERE status = 'new'");
	return 0;
}

static int
stop(void **state)
{
	(void)state;
	mariadb_server_stop(replica);
	mariadb_server_stop(server);
	return 0;
}

/* An account for this ticket, by the rights that its level needs; ends of earlier ones are swept. */
static void
account(const char *name, const char *rights)
{
	char text[600];

	snprintf(text, sizeof text, "DROP USER IF EXISTS %s@localhost; CREATE USER %s@localhost PASSWORD EXPIRE INTERVAL 30 DAY;"
	    "GRANT %s ON shop.* TO %s@localhost; GRANT SLAVE MONITOR ON *.* TO %s@localhost", name, name, rights, name, name);
	sql(text);
}

/* statement_s: how long a statement may run. */
static void
broker_within(struct test_broker *b, const struct mariadb_server *s, const char *user, unsigned statement_s, const char *fault,
    const char *limits)
{
	char target[400];
	struct test_broker_options o = { .engine = "mariadb", .target = target, .fault = fault, .limits = limits };

	snprintf(target, sizeof target, "    socket: %s\n    database: shop\n    user: %s\n    lock_timeout: 5\n"
	    "    statement_timeout: %u\n", mariadb_server_socket(s), user, statement_s);
	test_broker_start(b, &o);
}

static void
broker_with(struct test_broker *b, const struct mariadb_server *s, const char *user, const char *fault, const char *limits)
{
	broker_within(b, s, user, 30, fault, limits);
}

static void
broker(struct test_broker *b, const struct mariadb_server *s, const char *user, const char *fault)
{
	broker_with(b, s, user, fault, NULL);
}

static struct test_console *
opened(const struct test_broker *b, const char *id, const char *lines)
{
	struct test_console *ben;

	test_ticket_with(b, id, lines);
	ben = test_console(b, "ben");
	test_send(ben, "{\"do\":\"open\",\"ticket\":\"%s\"}", id);
	return ben;
}

static void
begin(const struct test_broker *b, const char *id, const char *lines, struct test_console **ben,
    struct test_console **anna)
{
	char line[100];

	*ben = opened(b, id, lines);
	test_event(*ben, "connected", 0);
	*anna = test_console(b, "anna");
	snprintf(line, sizeof line, "{\"do\":\"join\",\"ticket\":\"%s\"}", id);
	test_ok(*anna, line);
	test_event(*anna, "connected", 0);
}

static void
finish(struct test_broker *b, struct test_console *ben, struct test_console *anna)
{
	test_console_close(ben);
	test_console_close(anna);
	test_broker_stop(b);
}

static int64_t
send_sql(struct test_console *ben, const char *text)
{
	json_t *o = json_pack("{s:s, s:s}", "do", "sql", "text", text), *a;
	char *line = json_dumps(o, JSON_COMPACT);

	a = test_ok(ben, line);
	free(line);
	json_decref(o);
	return json_int(a, "n", 0);
}

static int64_t
read_rows(struct test_console *ben, const char *text)
{
	return json_int(test_event(ben, "done", send_sql(ben, text)), "rows", -1);
}

/* Refused, or run as a read and stopped by a wall. */
static void
stopped(struct test_console *ben, const char *text)
{
	json_t *o = json_pack("{s:s, s:s}", "do", "sql", "text", text), *a;
	char *line = json_dumps(o, JSON_COMPACT);

	test_send(ben, "%s", line);
	a = test_answer(ben, "sql");
	if (json_bool(a, "ok"))
		test_event(ben, "failed", json_int(a, "n", 0));
	free(line);
	json_decref(o);
}

static void
says(const char *why, const char *words)
{
	if (why == NULL || strstr(why, words) == NULL)
		fail_msg("\"%s\" does not say \"%s\"", why != NULL ? why : "", words);
}

static void
reads_run_and_the_walls_hold(void **state)
{
	struct test_console *ben, *anna;
	struct test_broker b;
	json_t *found, *connected;

	(void)state;
	account("t_1_readonly", READS);
	broker(&b, server, "t_1_readonly", NULL);
	begin(&b, "MY-1", READ, &ben, &anna);
	connected = test_event(ben, "connected", 0);
	assert_string_equal(json_str(connected, "standing", NULL), "primary");
	found = test_event(ben, "account", 0);
	assert_int_equal(json_array_size(json_object_get(found, "refused")), 0);
	assert_int_equal(json_array_size(json_object_get(found, "accepted")), 0);
	assert_int_equal(read_rows(ben, "select id, status from orders where status = 'new'"), 5);
	assert_int_equal(read_rows(ben, "select * from new_orders"), 5);
	assert_int_equal(read_rows(ben, "select count(*), lower('A') from orders"), 1);
	assert_int_equal(read_rows(ben, "show create view new_orders"), 1);
	stopped(ben, "select says()");
	stopped(ben, "select get_lock('a', 0)");
	stopped(ben, "select * from orders for update");
	stopped(ben, "select 1 into outfile 'x'");
	stopped(ben, "select sleep(1)");
	stopped(ben, "selec 1");
	assert_int_equal(read_rows(ben, "select 1"), 1);
	assert_int_equal(number("select count(*) from orders"), 500);
	test_end(&b, ben);
	finish(&b, ben, anna);
}

static void
definitions_are_told(void **state)
{
	struct test_console *ben, *anna;
	struct test_broker b;
	json_t *a;

	(void)state;
	account("t_2_readonly", READS);
	broker(&b, server, "t_2_readonly", NULL);
	begin(&b, "MY-2", READ, &ben, &anna);
	a = test_ok(ben, "{\"do\":\"describe\",\"subject\":\"table\",\"name\":\"orders\"}");
	assert_true(json_int(test_event(ben, "done", json_int(a, "n", 0)), "rows", 0) > 5);
	a = test_ok(ben, "{\"do\":\"describe\",\"subject\":\"names\",\"name\":\"\"}");
	assert_true(json_int(test_event(ben, "done", json_int(a, "n", 0)), "rows", 0) > 10);
	test_end(&b, ben);
	finish(&b, ben, anna);
}

/* The account may more than the ticket's level. */
static void
excess_ends_the_session(void **state)
{
	struct test_console *ben;
	struct test_broker b;
	json_t *ended;

	(void)state;
	account("t_3_rw", READS ", DELETE");
	broker(&b, server, "t_3_rw", NULL);
	ben = opened(&b, "MY-3", READ);
	ended = test_event(ben, "ended", 0);
	assert_string_equal(json_str(ended, "code", NULL), "excess");
	says(test_body(ben, json_int(ended, "n", 0), "why"), "may change rows");
	test_wait_eof(ben);
	assert_true(test_wait_sealed(&b));
	test_console_close(ben);
	test_broker_stop(&b);
}

static void
allow(struct test_console *anna, int64_t n, const char *typed)
{
	json_t *a = test_allow(anna, n, typed);

	if (!json_bool(a, "ok"))
		fail_msg("allow: %s", json_str(a, "why", NULL));
}

static const char *
first_of(json_t *sheet, const char *list)
{
	const char *s = json_string_value(json_array_get(json_object_get(sheet, list), 0));

	return s != NULL ? s : "";
}

static void
a_write_shows_what_it_sets_off(void **state)
{
	struct test_console *ben, *anna;
	struct test_broker b;
	json_t *sheet;
	int64_t n;

	(void)state;
	account("t_4_write", WRITES);
	broker(&b, server, "t_4_write", NULL);
	begin(&b, "MY-4", WRITE, &ben, &anna);
	n = test_request(ben, "update orders set note = 'w' where status = 'new'", "= 5");
	sheet = test_event(ben, "sheet", n);
	assert_int_equal(json_int(sheet, "count", -1), 5);
	assert_string_equal(first_of(sheet, "triggers"), "orders_audit");
	assert_int_equal(number("select count(*) from orders where note = 'w'"), 0);
	allow(anna, n, "orders 5");
	assert_int_equal(json_int(test_event(ben, "committed", n), "affected", 0), 5);
	assert_int_equal(number("select count(*) from orders where note = 'w'"), 5);
	assert_int_equal(number("select count(*) from orders_log"), 5);
	n = test_request(ben, "delete from orders where id = 500", "= 1");
	says(first_of(test_event(ben, "sheet", n), "cascades"), "items_order on items");
	allow(anna, n, "orders 1");
	test_event(ben, "committed", n);
	assert_int_equal(number("select count(*) from items where order_id = 500"), 0);
	test_end(&b, ben);
	finish(&b, ben, anna);
}

static void
what_changes_between_sheet_and_key_is_rolled_back(void **state)
{
	struct test_console *ben, *anna;
	struct test_broker b;
	int64_t n;

	(void)state;
	account("t_5_write", WRITES);
	broker(&b, server, "t_5_write", NULL);
	begin(&b, "MY-5", WRITE, &ben, &anna);
	/* rows that come into the WHERE */
	n = test_request(ben, "update orders set note = 'v' where status = 'new'", "<= 10");
	sql("UPDATE orders SET status = 'new' WHERE id = 1");
	allow(anna, n, "orders <=10");
	assert_string_equal(json_string_value(json_array_get(json_object_get(test_event(anna, "held", n), "why"), 0)), "moved");
	/* whoever keeps it is told what the server does not say */
	says(test_body(anna, json_int(test_event(anna, "held", n), "n", 0), "note"), "does not tell what triggers");
	test_deny(anna, n);
	test_event(ben, "rolledback", n);
	/* a trigger that comes in between: the bind is another */
	n = test_request(ben, "update orders set note = 'v' where id = 3", NULL);
	sql("CREATE TRIGGER second AFTER UPDATE ON orders FOR EACH ROW DELETE FROM items");
	allow(anna, n, "orders 1");
	assert_string_equal(json_str(test_event(ben, "rolledback", n), "code", NULL), "bind");
	sql("DROP TRIGGER second; UPDATE orders SET status = 'paid' WHERE id = 1");
	assert_int_equal(number("select count(*) from orders where note = 'v'"), 0);
	assert_int_equal(read_rows(ben, "select 1"), 1);
	test_end(&b, ben);
	finish(&b, ben, anna);
}

static void
transcript_has(const struct test_broker *b, const char *text)
{
	char path[700];
	struct buf all;

	assert_true(test_wait_sealed(b));
	test_transcript(b, path, sizeof path);
	buf_init(&all, 16 * 1024 * 1024);
	assert_int_equal(io_read_file(path, 16 * 1024 * 1024, &all, NULL), 0);
	if (strstr(buf_str(&all), text) == NULL)
		fail_msg("the transcript does not say %s", text);
	buf_fini(&all);
}

#ifdef TWOKEY_FAULTS
/* The db role dies at a point around COMMIT; the server keeps nothing that could be asked: it stays unknown. */
static void
dies_at(const char *fault, const char *note, int64_t changed)
{
	struct test_console *ben, *anna;
	struct test_broker b;
	char text[200];
	json_t *open;
	pid_t db;
	int64_t n;

	account("t_6_write", WRITES);
	broker(&b, server, "t_6_write", fault);
	begin(&b, "MY-6", WRITE, &ben, &anna);
	snprintf(text, sizeof text, "update orders set note = '%s' where status = 'new'", note);
	n = test_request(ben, text, "= 5");
	db = test_broker_role(&b, "db");
	allow(anna, n, "orders 5");
	test_wait_stopped(db);
	kill(db, SIGKILL);
	test_wait_eof(ben);
	open = test_wait_over(&b);
	assert_non_null(open);
	assert_non_null(strstr(json_str(json_object_get(open, "open"), "how", NULL), "information_schema.PROCESSLIST"));
	test_settle(&b, json_str(open, "session", NULL), changed > 0 ? "committed" : "aborted");
	json_decref(open);
	transcript_has(&b, "\"ev\":\"unknown\"");
	snprintf(text, sizeof text, "select count(*) from orders where note = '%s'", note);
	assert_int_equal(number(text), changed);
	finish(&b, ben, anna);
}

static void
killed_before_commit_it_is_unknown_and_undone(void **state)
{
	(void)state;
	dies_at("db.before-commit", "k1", 0);
}

static void
killed_after_commit_it_is_unknown_and_kept(void **state)
{
	(void)state;
	dies_at("db.before-answer", "k2", 5);
}
#endif

/* Waits until the server says this number. */
static void
wait_number(const struct mariadb_server *s, const char *text, int64_t want)
{
	int64_t until = clock_mono_ms() + TEST_DEADLINE_MS;
	struct timespec t = { 0, 10 * 1000 * 1000 };

	while (number_on(s, text) != want) {
		if (clock_mono_ms() > until)
			fail_msg("%s is not %lld", text, (long long)want);
		nanosleep(&t, NULL);
	}
}

static void
a_cancel_stops_rows_and_waiting(void **state)
{
	struct test_console *ben, *anna;
	json_t *end;
	struct test_broker b;
	int64_t n;

	(void)state;
	account("t_7_readonly", READS);
	broker_with(&b, server, "t_7_readonly", NULL, "max_rows: 100000000\nmax_bytes: 1TiB\nquota: 1TiB\n");
	begin(&b, "MY-7", READ, &ben, &anna);
	n = send_sql(ben, "select count(*) from orders a, orders b, orders c, orders d where a.id + b.id + c.id + d.id = 7");
	wait_number(server, "select count(*) from information_schema.processlist where user = 't_7_readonly'"
	    " and command = 'Query' and info like '%orders c%'", 1);
	test_ok(ben, "{\"do\":\"cancel\"}");
	assert_string_equal(json_str(test_event(ben, "failed", n), "code", NULL), "70100");
	assert_int_equal(read_rows(ben, "select 1"), 1);
	/* in the middle of rows that come slowly: a console that cannot keep pace would see the end of it late */
	n = send_sql(ben, "select repeat('x', 2000), (select count(*) from orders b, orders c where b.id + c.id = a.id + d.id)"
	    " from orders a, orders d");
	test_event(ben, "rows", n);
	test_ok(ben, "{\"do\":\"cancel\"}");
	/* stopped by the server, or where db waited for room to hand rows on: then they are cut */
	end = test_event_either(ben, "failed", "done", n);
	if (strcmp(json_str(end, "ev", NULL), "failed") == 0)
		assert_string_equal(json_str(end, "code", NULL), "70100");
	else
		assert_true(json_bool(end, "cut"));
	assert_int_equal(read_rows(ben, "select 2"), 1);
	test_end(&b, ben);
	finish(&b, ben, anna);
}

/* A write whose trigger sleeps. While it is in code of another definer the server refuses KILL QUERY to the account ("not
 * owner of thread"): it ends by its time, is rolled back, and the session goes on. */
static void
a_write_that_sleeps_in_anothers_trigger_ends_by_its_time(void **state)
{
	struct test_console *ben, *anna;
	struct test_broker b;
	int64_t n;

	(void)state;
	sql("CREATE TABLE slow (id int PRIMARY KEY, a int); INSERT INTO slow VALUES (1, 1);"
	    "CREATE TRIGGER slow_sleep BEFORE UPDATE ON slow FOR EACH ROW SET new.a = sleep(1000)");
	account("t_8_write", WRITES);
	broker_within(&b, server, "t_8_write", 4, NULL, NULL);
	begin(&b, "MY-8", WRITE, &ben, &anna);
	n = test_request(ben, "update slow set a = 2 where id = 1", "= 1");
	allow(anna, n, "slow 1");
	wait_number(server, "select count(*) from information_schema.processlist where state = 'User sleep'", 1);
	test_ok(ben, "{\"do\":\"cancel\"}");
	test_event(ben, "rolledback", n);
	assert_int_equal(read_rows(ben, "select 1"), 1);
	assert_int_equal(number("select a from slow"), 1);
	test_end(&b, ben);
	finish(&b, ben, anna);
	sql("DROP TABLE slow");
}

static void
a_restart_of_the_server_ends_the_session(void **state)
{
	struct test_console *ben, *anna;
	struct test_broker b;

	(void)state;
	account("t_9_readonly", READS);
	broker(&b, server, "t_9_readonly", NULL);
	begin(&b, "MY-9", READ, &ben, &anna);
	assert_int_equal(read_rows(ben, "select 1"), 1);
	assert_int_equal(mariadb_server_restart(server), 0);
	test_send(ben, "{\"do\":\"sql\",\"text\":\"select 1\"}");
	test_event(ben, "ended", 0);
	test_wait_eof(ben);
	transcript_has(&b, "open a new one");
	test_console_close(ben);
	test_console_close(anna);
	begin(&b, "MY-10", READ, &ben, &anna);
	assert_int_equal(read_rows(ben, "select 1"), 1);
	test_end(&b, ben);
	finish(&b, ben, anna);
}

static void
start_replica(void)
{
	static const char *const more[] = { "--server-id=2", "--read-only=1", NULL };
	char text[400], *got;

	replica = mariadb_server_start(more);
	assert_non_null(replica);
	snprintf(text, sizeof text, "CHANGE MASTER TO MASTER_HOST='127.0.0.1', MASTER_PORT=%d, MASTER_USER='repl',"
	    " MASTER_PASSWORD='copy', MASTER_USE_GTID=slave_pos, MASTER_CONNECT_RETRY=1; START SLAVE", mariadb_server_port(server));
	got = mariadb_server_sql(replica, NULL, text);
	assert_string_equal(got, "");
	free(got);
	wait_number(replica, "select count(*) from mysql.global_priv where user = 't_11_readonly'", 1);
}

static void
a_replica_is_told_with_its_lag(void **state)
{
	struct test_console *ben, *anna;
	struct test_broker b;
	json_t *ended, *connected;

	(void)state;
	account("t_11_readonly", READS);
	start_replica();
	broker(&b, replica, "t_11_readonly", NULL);
	begin(&b, "MY-11", READ "replica: required\\n", &ben, &anna);
	connected = test_event(ben, "connected", 0);
	assert_string_equal(json_str(connected, "standing", NULL), "replica");
	assert_int_equal(json_int(connected, "lag", -1), 0);
	assert_int_equal(read_rows(ben, "select count(*) from orders"), 1);
	test_end(&b, ben);
	test_console_close(ben);
	test_console_close(anna);
	ben = opened(&b, "MY-12", READ "replica: no\\n");
	ended = test_event(ben, "ended", 0);
	assert_string_equal(json_str(ended, "code", NULL), "target-differs");
	says(test_body(ben, json_int(ended, "n", 0), "why"), "the server is a replica");
	test_wait_eof(ben);
	test_console_close(ben);
	test_broker_stop(&b);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_run_and_the_walls_hold),
		cmocka_unit_test(definitions_are_told),
		cmocka_unit_test(excess_ends_the_session),
		cmocka_unit_test(a_write_shows_what_it_sets_off),
		cmocka_unit_test(what_changes_between_sheet_and_key_is_rolled_back),
#ifdef TWOKEY_FAULTS
		cmocka_unit_test(killed_before_commit_it_is_unknown_and_undone),
		cmocka_unit_test(killed_after_commit_it_is_unknown_and_kept),
#endif
		cmocka_unit_test(a_cancel_stops_rows_and_waiting),
		cmocka_unit_test(a_write_that_sleeps_in_anothers_trigger_ends_by_its_time),
		cmocka_unit_test(a_restart_of_the_server_ends_the_session),
		cmocka_unit_test(a_replica_is_told_with_its_lag),
	};

	return test_run_apart("mariadb", tests, sizeof tests / sizeof *tests, start, stop);
}
