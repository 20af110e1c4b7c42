/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The same way on a real PostgreSQL: walls, the write, and what the server says later of a lost outcome. */
#include "config.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <libpq-fe.h>

#include "twokey/base/buf.h"
#include "twokey/base/io.h"
#include "twokey/base/json.h"

#include "lib/beside.h"
#include "lib/broker.h"
#include "lib/pg.h"

static struct pg_server *server;
static char target[400];

static void
sql(const char *text)
{
	char *got = pg_server_sql(server, "postgres", text);

	if (strncmp(got, "error", 5) == 0)
		fail_msg("%s: %s", text, got);
	free(got);
}

static int64_t
number(const char *text)
{
	char *got = pg_server_sql(server, "postgres", text);
	int64_t v = strtoll(got, NULL, 10);

	free(got);
	return v;
}

static int
start(void **state)
{
	(void)state;
	server = pg_server_start();
	assert_non_null(server);
	snprintf(target, sizeof target, "    socket: %s\n    database: postgres\n    user: support\n",
	    pg_server_socket(server));
	sql("CREATE TABLE orders(id int PRIMARY KEY, status text NOT NULL, note text);"
	    "INSERT INTO orders SELECT i, CASE WHEN i % 100 = 7 THEN 'new' ELSE 'paid' END FROM generate_series(1, 500) i;"
	    "CREATE TABLE orders_log(id serial PRIMARY KEY, order_id int, what text);"
	    "CREATE FUNCTION log_order() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN "
	    "INSERT INTO orders_log(order_id, what) VALUES (new.id, new.status); RETURN new; END$$;"
	    "CREATE TRIGGER orders_audit AFTER UPDATE ON orders FOR EACH ROW EXECUTE FUNCTION log_order();"
	    "CREATE FUNCTION upper(varchar) RETURNS text LANGUAGE sql AS 'SELECT $1::text';"
	    "CREATE VIEW new_orders AS SELECT id FROM orders WHERE status = 'new';"
	    "CREATE ROLE support LOGIN; GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO support;"
	    "GRANT USAGE ON ALL SEQUENCES IN SCHEMA public TO support");
	return 0;
}

static int
stop(void **state)
{
	(void)state;
	pg_server_stop(server);
	return 0;
}

static void
broker_on_pg(struct test_broker *b, const char *fault)
{
	struct test_broker_options o = { .engine = "postgres", .target = target, .fault = fault };

	test_broker_start(b, &o);
}

static int64_t
read_rows(struct test_console *ben, const char *text)
{
	json_t *o = json_pack("{s:s, s:s}", "do", "sql", "text", text), *a;
	char *line = json_dumps(o, JSON_COMPACT);
	int64_t n;

	a = test_ok(ben, line);
	n = json_int(a, "n", 0);
	free(line);
	json_decref(o);
	return json_int(test_event(ben, "done", n), "rows", -1);
}

/* A read that the wall stops: it is recorded as a read and failed. */
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
reads_run_and_the_walls_hold(void **state)
{
	struct test_console *ben, *anna;
	struct test_broker b;

	(void)state;
	broker_on_pg(&b, NULL);
	test_session(&b, "PG-1", &ben, &anna);
	assert_int_equal(read_rows(ben, "select id, status from orders where status = 'new'"), 5);
	assert_int_equal(read_rows(ben, "select * from new_orders"), 5);
	assert_int_equal(read_rows(ben, "select count(*), lower('A') from orders"), 1);
	stopped(ben, "select upper(status) from orders");
	stopped(ben, "select pg_terminate_backend(1)");
	stopped(ben, "select * from orders for update");
	stopped(ben, "select nextval('orders_log_id_seq')");
	stopped(ben, "with d as (delete from orders returning *) select * from d");
	stopped(ben, "selec 1");
	assert_int_equal(read_rows(ben, "select 1"), 1);
	assert_int_equal(number("select count(*) from orders"), 500);
	test_end(&b, ben);
	test_console_close(ben);
	test_console_close(anna);
	test_broker_stop(&b);
}

static void
a_write_is_committed_with_its_xid_on_record(void **state)
{
	struct test_console *ben, *anna;
	struct test_broker b;
	json_t *sheet, *a;
	int64_t n;

	(void)state;
	broker_on_pg(&b, NULL);
	test_session(&b, "PG-2", &ben, &anna);
	n = test_request(ben, "update orders set note = 'w' where status = 'new'", "= 5");
	sheet = test_event(ben, "sheet", n);
	assert_int_equal(json_int(sheet, "count", -1), 5);
	assert_string_equal(json_string_value(json_array_get(json_object_get(sheet, "triggers"), 0)), "orders_audit");
	assert_int_equal(number("select count(*) from orders where note = 'w'"), 0);
	a = test_allow(anna, n, "orders 5");
	if (!json_bool(a, "ok"))
		fail_msg("allow: %s", json_str(a, "why", NULL));
	assert_true(strlen(json_str(test_event(ben, "committing", n), "xid", NULL)) > 0);
	assert_int_equal(json_int(test_event(ben, "committed", n), "affected", 0), 5);
	assert_int_equal(number("select count(*) from orders where note = 'w'"), 5);
	/* rows that come into the WHERE between sheet and key, within the bound: held */
	n = test_request(ben, "update orders set note = 'v' where status = 'new'", "<= 10");
	sql("UPDATE orders SET status = 'new' WHERE id = 1");
	a = test_allow(anna, n, "orders <=10");
	if (!json_bool(a, "ok"))
		fail_msg("allow: %s", json_str(a, "why", NULL));
	assert_int_equal(json_int(test_event(anna, "held", n), "affected", 0), 6);
	test_deny(anna, n);
	test_event(ben, "rolledback", n);
	assert_int_equal(number("select count(*) from orders where note = 'v'"), 0);
	/* a trigger that comes in between: the bind is another */
	n = test_request(ben, "update orders set note = 'v' where id = 3", NULL);
	sql("CREATE TRIGGER second AFTER UPDATE ON orders FOR EACH ROW EXECUTE FUNCTION log_order()");
	assert_true(json_bool(test_allow(anna, n, "orders 1"), "ok"));
	assert_string_equal(json_str(test_event(ben, "rolledback", n), "code", NULL), "bind");
	sql("DROP TRIGGER second ON orders; UPDATE orders SET status = 'paid' WHERE id = 1");
	/* what no count of rows tells is held and named */
	sql("CREATE TABLE cache (n int); CREATE FUNCTION forget() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS"
	    " $$BEGIN TRUNCATE cache; RETURN NULL; END$$; CREATE TRIGGER third AFTER UPDATE ON orders EXECUTE FUNCTION forget()");
	n = test_request(ben, "update orders set note = 'v' where id = 3", NULL);
	assert_true(json_bool(test_allow(anna, n, "orders 1"), "ok"));
	sheet = test_event(anna, "held", n);
	assert_string_equal(json_string_value(json_array_get(json_object_get(sheet, "why"), 0)), "count");
	assert_non_null(strstr(test_body(anna, json_int(sheet, "n", 0), "note"), "no count of rows tells: cache"));
	test_deny(anna, n);
	test_event(ben, "rolledback", n);
	sql("DROP TRIGGER third ON orders");
	test_end(&b, ben);
	test_console_close(ben);
	test_console_close(anna);
	test_broker_stop(&b);
}

/* The names of others stand in a body, never in an event line. */
static void
names_stand_in_a_body(const struct test_broker *b, const char *name)
{
	char path[700];
	struct buf all;
	size_t found = 0;

	assert_true(test_wait_sealed(b));
	test_transcript(b, path, sizeof path);
	buf_init(&all, 16 * 1024 * 1024);
	assert_int_equal(io_read_file(path, 16 * 1024 * 1024, &all, NULL), 0);
	for (char *save = NULL, *text = buf_take(&all), *line = strtok_r(text, "\n", &save); ; line = strtok_r(NULL, "\n", &save)) {
		if (line == NULL) {
			free(text);
			break;
		}
		if (strstr(line, name) == NULL)
			continue;
		assert_int_equal(strncmp(line, "{\"s\":", 5), 0);
		found++;
	}
	assert_int_equal(found, 1);
	buf_fini(&all);
}

static void
who_is_in_the_way_is_on_record(void **state)
{
	const char *keys[] = { "host", "dbname", "user", "application_name", NULL };
	const char *values[] = { pg_server_socket(server), "postgres", pg_server_user(server), "nightly-job-77", NULL };
	struct test_console *ben, *anna;
	struct test_broker b;
	PGconn *other = PQconnectdbParams(keys, values, 0);
	json_t *sheet;
	int64_t n;

	(void)state;
	PQclear(PQexec(other, "BEGIN; LOCK TABLE orders IN SHARE MODE"));
	assert_int_equal(PQtransactionStatus(other), PQTRANS_INTRANS);
	broker_on_pg(&b, NULL);
	test_session(&b, "PG-9", &ben, &anna);
	n = test_request(ben, "update orders set note = 'l' where id = 9", "= 1");
	sheet = test_event(anna, "sheet", n);
	assert_int_equal(json_int(sheet, "count", -1), 1);
	assert_int_equal(json_int(sheet, "blocking", -1), 1);
	assert_string_equal(json_str(sheet, "sight", NULL), "part");
	assert_string_equal(json_str(sheet, "rollback", NULL), "yes");
	assert_true(json_int(sheet, "table_bytes", -1) > 0);
	assert_string_equal(json_string_value(json_array_get(json_object_get(sheet, "takes"), 0)), "ROW EXCLUSIVE on orders");
	test_deny(anna, n);
	PQfinish(other);
	n = test_request(ben, "update orders set note = 'l' where id = 9", "= 1");
	sheet = test_event(anna, "sheet", n);
	assert_int_equal(json_int(sheet, "holders", -1), 0);
	assert_string_equal(json_str(sheet, "sight", NULL), "all");
	test_deny(anna, n);
	test_end(&b, ben);
	names_stand_in_a_body(&b, "nightly-job-77");
	test_console_close(ben);
	test_console_close(anna);
	test_broker_stop(&b);
}

#ifdef TWOKEY_FAULTS
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

/* The db role dies at a point around COMMIT; the server is asked what became of it. */
static void
the_server_is_asked(const char *fault, const char *note, const char *answer, int64_t changed)
{
	struct test_console *ben, *anna;
	struct test_broker b;
	char text[200];
	pid_t db;
	int64_t n;

	broker_on_pg(&b, fault);
	test_session(&b, "PG-3", &ben, &anna);
	snprintf(text, sizeof text, "update orders set note = '%s' where status = 'new'", note);
	n = test_request(ben, text, "= 5");
	db = test_broker_role(&b, "db");
	assert_true(json_bool(test_allow(anna, n, "orders 5"), "ok"));
	test_wait_stopped(db);
	kill(db, SIGKILL);
	test_wait_eof(ben);
	transcript_has(&b, "\"ev\":\"unknown\"");
	transcript_has(&b, answer);
	snprintf(text, sizeof text, "select count(*) from orders where note = '%s'", note);
	assert_int_equal(number(text), changed);
	test_console_close(ben);
	test_console_close(anna);
	test_broker_stop(&b);
}

static void
killed_before_commit_the_server_says_aborted(void **state)
{
	(void)state;
	the_server_is_asked("db.before-commit", "k1", "\"is\":\"aborted\"", 0);
}

static void
killed_after_commit_the_server_says_committed(void **state)
{
	(void)state;
	the_server_is_asked("db.before-answer", "k2", "\"is\":\"committed\"", 5);
}

/* A server that cannot be reached leaves it open; the next start of the broker asks again, and nobody has to settle it. */
static void
a_server_that_comes_back_is_asked_again(void **state)
{
	struct test_console *ben, *anna;
	struct test_broker b;
	char here[300], away[320];
	json_t *open;
	int64_t n;
	pid_t db;

	(void)state;
	broker_on_pg(&b, "db.before-answer");
	test_session(&b, "PG-6", &ben, &anna);
	n = test_request(ben, "update orders set note = 'k3' where status = 'new'", "= 5");
	db = test_broker_role(&b, "db");
	assert_true(json_bool(test_allow(anna, n, "orders 5"), "ok"));
	test_wait_stopped(db);
	snprintf(here, sizeof here, "%s/.s.PGSQL.5432", pg_server_socket(server));
	snprintf(away, sizeof away, "%s.away", here);
	assert_int_equal(rename(here, away), 0);
	kill(db, SIGKILL);
	test_wait_eof(ben);
	open = test_wait_over(&b);
	assert_non_null(open);
	assert_non_null(strstr(json_str(json_object_get(open, "open"), "how", NULL), "SELECT pg_xact_status('"));
	json_decref(open);
	assert_int_equal(rename(away, here), 0);
	test_broker_kill(&b);
	test_broker_restart(&b);
	assert_true(test_wait_sealed(&b));
	transcript_has(&b, "\"is\":\"unknown\"");
	transcript_has(&b, "\"is\":\"committed\"");
	transcript_has(&b, "pg_xact_status('");
	test_console_close(ben);
	test_console_close(anna);
	test_broker_stop(&b);
}
#endif

static pid_t hung[2];	/* the server and the backend of the session */

/* Neither answers nor closes. */
static void
stop_server(void)
{
	char path[300];
	struct buf text;

	snprintf(path, sizeof path, "%s/data/postmaster.pid", pg_server_socket(server));
	buf_init(&text, 4096);
	assert_int_equal(io_read_file(path, 4096, &text, NULL), 0);
	hung[0] = (pid_t)strtol(buf_str(&text), NULL, 10);
	hung[1] = (pid_t)number("select pid from pg_stat_activity where application_name like 'twokey%'");
	buf_fini(&text);
	for (int i = 1; i >= 0; i--)
		assert_true(hung[i] > 1 && kill(hung[i], SIGSTOP) == 0);
}

static void
resume_server(void)
{
	for (int i = 0; i < 2; i++)
		kill(hung[i], SIGCONT);
}

static void
a_server_that_hangs_does_not_keep_the_session(void **state)
{
	struct test_console *ben, *anna;
	struct test_broker b;
	pid_t db;

	(void)state;
	broker_on_pg(&b, NULL);
	test_session(&b, "PG-5", &ben, &anna);
	test_ok(ben, "{\"do\":\"sql\",\"text\":\"select count(*) from generate_series(1, 1000000000)\"}");
	db = test_broker_role(&b, "db");
	stop_server();
	test_ok(ben, "{\"do\":\"cancel\"}");
	test_ok(ben, "{\"do\":\"say\",\"text\":\"still here\"}");	/* nobody waits for the server but db */
	test_ok(ben, "{\"do\":\"end\"}");
	test_event(ben, "ended", 0);
	assert_true(test_wait_sealed(&b));
	test_wait_gone(db);
	resume_server();
	test_console_close(ben);
	test_console_close(anna);
	test_broker_stop(&b);
}

static void
a_server_that_is_not_there_is_said(void **state)
{
	static const struct test_broker_options o = { .engine = "postgres",
	    .target = "    socket: /nonexistent\n    database: postgres\n    user: support\n" };
	struct test_console *ben;
	struct test_broker b;
	json_t *ended;

	(void)state;
	test_broker_start(&b, &o);
	test_ticket(&b, "PG-4");
	ben = test_console(&b, "ben");
	test_ok(ben, "{\"do\":\"open\",\"ticket\":\"PG-4\"}");
	ended = test_event(ben, "ended", 0);
	assert_string_equal(json_str(ended, "code", NULL), "unreachable");
	assert_true(strlen(test_body(ben, json_int(ended, "n", 0), "why")) > 10);
	test_wait_eof(ben);
	test_console_close(ben);
	test_broker_stop(&b);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_run_and_the_walls_hold),
		cmocka_unit_test(who_is_in_the_way_is_on_record),
		cmocka_unit_test(a_write_is_committed_with_its_xid_on_record),
#ifdef TWOKEY_FAULTS
		cmocka_unit_test(killed_before_commit_the_server_says_aborted),
		cmocka_unit_test(killed_after_commit_the_server_says_committed),
		cmocka_unit_test(a_server_that_comes_back_is_asked_again),
#endif
		cmocka_unit_test(a_server_that_hangs_does_not_keep_the_session),
		cmocka_unit_test(a_server_that_is_not_there_is_said),
	};

	return test_run_apart("postgres", tests, sizeof tests / sizeof *tests, start, stop);
}
