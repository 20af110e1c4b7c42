/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Changes of definitions through the whole gate: on production and elsewhere, committed, denied, taken back. */
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

#include "lib/beside.h"
#include "lib/mariadb.h"
#include "lib/pg.h"
#include "strict_world.h"
#include "twokey/base/json.h"

#define OWNER "accept_excess:\\n  - {what: owner, reason: it owns what it changes}\\n  - {what: ddl, reason: so it may}\\n" \
	"  - {what: name, reason: agreed}\\n  - {what: no-expiry, reason: agreed}\\n"

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
	snprintf(target, sizeof target, "    socket: %s\n    database: postgres\n    user: support\n", pg_server_socket(server));
	sql("CREATE ROLE support LOGIN; GRANT CREATE ON SCHEMA public TO support; SET ROLE support;"
	    "CREATE TABLE orders(id int PRIMARY KEY, status text); INSERT INTO orders SELECT i, 'new' FROM generate_series(1, 9) i;"
	    "CREATE TABLE lines(id int PRIMARY KEY, order_id int REFERENCES orders); CREATE VIEW fresh AS SELECT id FROM orders");
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
typed(struct test_console *anna, int64_t n, const char *words, bool ok)
{
	json_t *a = test_allow(anna, n, words);

	if (json_bool(a, "ok") != ok)
		fail_msg("%s: %s", words, json_str(a, "why", NULL));
}

static void
on_production_what_drops_is_strict_and_the_rest_is_asked(void **state)
{
	static const char drop[] = "DROP TABLE orders_log";
	struct test_console *ben, *anna;
	struct test_broker b;
	json_t *sheet;
	int64_t n;

	(void)state;
	test_broker_start(&b, NULL);
	strict_open(&b, "DDL-1", strict_change(drop, "orders_log", 5), &ben, &anna);
	strict_refused(ben, "DROP TABLE orders", "strict", "drops an object");
	strict_refused(ben, "ALTER TABLE orders DROP COLUMN note", "strict", "drops an object");
	strict_refused(ben, "DROP TABLE orders_log;", "strict", "exactly these bytes");
	n = strict_asked(ben, "ALTER TABLE orders ADD COLUMN day TEXT", NULL);
	sheet = test_event(ben, "sheet", n);
	assert_string_equal(json_str(sheet, "how", NULL), "definition");
	assert_string_equal(json_str(test_event_n(ben, n), "act", NULL), "alter");
	assert_int_equal(json_array_size(json_object_get(sheet, "depends")), 1);
	typed(anna, n, "orders 0", false);
	typed(anna, n, "alter orders", true);
	test_event(ben, "committed", n);
	assert_int_equal(test_shop_number(&b, "select count(*) from pragma_table_info('orders') where name = 'day'"), 1);
	n = strict_asked(ben, drop, NULL);
	test_event(ben, "sheet", n);
	typed(anna, n, "orders_log", false);
	typed(anna, n, "drop orders_log", true);
	test_event(ben, "committed", n);
	assert_int_equal(test_shop_number(&b, "select count(*) from sqlite_schema where name = 'orders_log'"), 0);
	strict_refused(ben, "CREATE TABLE a(b); DROP TABLE orders", "multi", "more than one statement");
	test_send(ben, "{\"do\":\"sql\",\"text\":\"CREATE TABLE a(b)\",\"rows\":\"= 3\"}");
	assert_string_equal(json_str(test_answer(ben, "sql"), "code", NULL), "invalid");
	strict_close(&b, ben, anna);
	test_broker_stop(&b);
}

static void
elsewhere_it_is_asked_denied_and_taken_back(void **state)
{
	struct test_broker_options o = { .stage = "staging" };
	struct test_console *ben, *anna;
	struct test_broker b;
	char line[120];
	json_t *a;
	int64_t n;

	(void)state;
	test_broker_start(&b, &o);
	strict_open(&b, "DDL-2", "access: staging\\nstage: staging\\n", &ben, &anna);
	strict_refused(ben, "DROP VIEW a, b", "table", "one of them per statement");
	n = strict_asked(ben, "DROP TABLE orders_log", NULL);
	test_event(ben, "sheet", n);
	snprintf(line, sizeof line, "{\"do\":\"deny\",\"of\":%lld,\"reason\":\"not that one\"}", (long long)n);
	test_ok(anna, line);
	test_event(ben, "denied", n);
	n = strict_asked(ben, "DROP TABLE orders_log", NULL);
	test_event(ben, "sheet", n);
	test_shop_exec(&b, "ALTER TABLE orders_log ADD COLUMN more TEXT");
	typed(anna, n, "drop orders_log", true);
	a = test_event(ben, "rolledback", n);
	assert_string_equal(json_str(a, "code", NULL), "bind");
	assert_non_null(strstr(test_body(ben, json_int(a, "n", 0), "why"), "orders_log"));
	assert_int_equal(test_shop_number(&b, "select count(*) from sqlite_schema where name = 'orders_log'"), 1);
	n = strict_allowed(ben, anna, "DROP TABLE orders_log", "drop orders_log");
	test_event(ben, "committed", n);
	strict_close(&b, ben, anna);
	test_broker_stop(&b);
}

/* Where the ticket holds everything, a change of definitions is held too; its rows are none. */
static void
it_is_held_where_the_ticket_holds_all(void **state)
{
	struct test_broker_options o = { .stage = "staging" };
	struct test_console *ben, *anna;
	struct test_broker b;
	json_t *a;
	int64_t n;

	(void)state;
	test_broker_start(&b, &o);
	strict_open(&b, "DDL-7", "access: staging\\nstage: staging\\nhold: always\\n", &ben, &anna);
	n = strict_allowed(ben, anna, "DROP TABLE orders_log", "drop orders_log");
	test_event(anna, "held", n);
	assert_int_equal(test_shop_number(&b, "select count(*) from sqlite_schema where name = 'orders_log'"), 1);
	assert_false(json_bool(test_keep(anna, n, "drop orders_log"), "ok"));
	a = test_keep(anna, n, "keep orders_log 0");
	if (!json_bool(a, "ok"))
		fail_msg("%s", json_str(a, "why", NULL));
	test_event(ben, "committed", n);
	assert_int_equal(test_shop_number(&b, "select count(*) from sqlite_schema where name = 'orders_log'"), 0);
	test_ok(ben, "{\"do\":\"sql\",\"text\":\"begin\"}");
	test_refused(ben, "{\"do\":\"sql\",\"text\":\"drop table orders\"}", "state");
	strict_close(&b, ben, anna);
	test_broker_stop(&b);
}

static const char *
on_pg(const char *statement, const char *object)
{
	static char lines[1200];

	snprintf(lines, sizeof lines, "%s" OWNER, strict_change(statement, object, 5));
	return lines;
}

static void
on_postgres_it_runs_in_a_transaction_with_its_xid_on_record(void **state)
{
	struct test_broker_options o = { .engine = "postgres", .target = target };
	struct test_console *ben, *anna;
	struct test_broker b;
	json_t *sheet;
	int64_t n;

	(void)state;
	test_broker_start(&b, &o);
	strict_open(&b, "DDL-3", on_pg("TRUNCATE lines", "lines"), &ben, &anna);
	sql("INSERT INTO lines VALUES (1, 1)");
	strict_refused(ben, "TRUNCATE orders CASCADE", "strict", "empties a whole table");
	strict_refused(ben, "DROP VIEW fresh", "strict", "drops an object");
	strict_refused(ben, "CREATE INDEX CONCURRENTLY i ON orders (status)", "strict", "cannot roll it back");
	strict_refused(ben, "GRANT SELECT ON orders TO public", "dcl-not-yet", "rights");
	n = strict_asked(ben, "ALTER TABLE orders ADD COLUMN day date", NULL);
	sheet = test_event(ben, "sheet", n);
	assert_string_equal(json_string_value(json_array_get(json_object_get(sheet, "depends"), 0)), "constraint lines_order_id_fkey on table lines");
	typed(anna, n, "alter orders", true);
	assert_true(strlen(json_str(test_event(ben, "committing", n), "xid", NULL)) > 0);
	test_event(ben, "committed", n);
	assert_int_equal(number("SELECT count(*) FROM pg_attribute WHERE attrelid = 'orders'::regclass AND attname = 'day'"), 1);
	n = strict_asked(ben, "TRUNCATE lines", NULL);
	test_event(ben, "sheet", n);
	typed(anna, n, "truncate lines", true);
	test_event(ben, "committed", n);
	assert_int_equal(number("SELECT count(*) FROM lines"), 0);
	n = strict_asked(ben, "CREATE TABLE later (id int)", NULL);
	test_event(ben, "sheet", n);
	sql("CREATE TABLE later (id text)");
	typed(anna, n, "create later", true);
	assert_string_equal(json_str(test_event(ben, "rolledback", n), "code", NULL), "bind");
	strict_close(&b, ben, anna);
	test_broker_stop(&b);
}

static void
on_postgres_what_no_transaction_takes_is_strict(void **state)
{
	static const char index[] = "CREATE INDEX CONCURRENTLY lines_of ON lines (order_id)";
	struct test_broker_options o = { .engine = "postgres", .target = target };
	struct test_console *ben, *anna;
	struct test_broker b;
	int64_t n;

	(void)state;
	test_broker_start(&b, &o);
	strict_open(&b, "DDL-4", on_pg(index, "lines"), &ben, &anna);
	n = strict_asked(ben, index, NULL);
	test_event(ben, "sheet", n);
	typed(anna, n, "create lines", true);
	assert_string_equal(json_str(test_event(ben, "committing", n), "xid", NULL), "");
	test_event(ben, "committed", n);
	assert_int_equal(number("SELECT count(*) FROM pg_index WHERE indexrelid = 'lines_of'::regclass AND indisvalid"), 1);
	strict_close(&b, ben, anna);
	test_broker_stop(&b);
}

/* Killed between the record and the statement: nobody can know, and nobody says that it was taken back. */
static void
a_death_before_it_is_sent_leaves_it_unknown(void **state)
{
	static const char index[] = "CREATE INDEX CONCURRENTLY lines_late ON lines (order_id)";
	struct test_broker_options o = { .engine = "postgres", .target = target, .fault = "db.before-commit" };
	struct test_console *ben, *anna;
	struct test_broker b;
	int64_t n;
	pid_t db;

	(void)state;
	test_broker_start(&b, &o);
	strict_open(&b, "DDL-8", on_pg(index, "lines"), &ben, &anna);
	n = strict_asked(ben, index, NULL);
	test_event(ben, "sheet", n);
	typed(anna, n, "create lines", true);
	test_event(ben, "committing", n);
	db = test_broker_role(&b, "db");
	test_wait_stopped(db);
	kill(db, SIGKILL);
	test_event(ben, "unknown", n);
	test_wait_eof(ben);	/* the session ends; what nobody knows stays open until it is settled */
	assert_null(test_event_seen(ben, "rolledback", n));
	assert_int_equal(number("SELECT count(*) FROM pg_class WHERE relname = 'lines_late'"), 0);
	test_console_close(ben);
	test_console_close(anna);
	test_broker_stop(&b);
}

static void
my_sql(struct mariadb_server *my, const char *text)
{
	char *got = mariadb_server_sql(my, "shop", text);

	if (strncmp(got, "error", 5) == 0)
		fail_msg("%s: %s", text, got);
	free(got);
}

static int64_t
my_number(struct mariadb_server *my, const char *text)
{
	char *got = mariadb_server_sql(my, "shop", text);
	int64_t v = strtoll(got, NULL, 10);

	free(got);
	return v;
}

/* There every change of definitions commits by itself, and some tables have no transactions: all of it is strict. */
static void
on_mariadb_what_commits_by_itself_is_strict(void **state)
{
	static const char alter[] = "ALTER TABLE orders ADD COLUMN day date", flat[] = "UPDATE flat SET a = a + 1 WHERE id < 3";
	struct mariadb_server *my = mariadb_server_start(NULL);
	struct test_broker_options o = { .engine = "mariadb", .target = target };
	struct test_console *ben, *anna;
	struct test_broker b;
	json_t *a;
	int64_t n;

	(void)state;
	assert_non_null(my);
	free(mariadb_server_sql(my, NULL, "CREATE DATABASE shop"));
	my_sql(my, "CREATE TABLE orders (id int PRIMARY KEY, status text); INSERT INTO orders VALUES (1, 'new'), (2, 'new');"
	    "CREATE TABLE flat (id int PRIMARY KEY, a int) ENGINE=MyISAM; INSERT INTO flat VALUES (1, 1), (2, 1), (3, 1);"
	    "CREATE USER support@localhost PASSWORD EXPIRE INTERVAL 30 DAY;"
	    "GRANT SELECT, INSERT, UPDATE, DELETE, CREATE, ALTER, DROP, INDEX, SHOW VIEW, TRIGGER ON shop.* TO support@localhost;"
	    "GRANT SLAVE MONITOR ON *.* TO support@localhost");
	snprintf(target, sizeof target, "    socket: %s\n    database: shop\n    user: support\n", mariadb_server_socket(my));
	test_broker_start(&b, &o);
	strict_open(&b, "DDL-5", on_pg(alter, "orders"), &ben, &anna);
	strict_refused(ben, "ALTER TABLE orders ADD COLUMN more date", "strict", "cannot roll it back");
	strict_refused(ben, "TRUNCATE orders", "strict", "exactly these bytes");
	n = strict_asked(ben, alter, NULL);
	test_event(ben, "sheet", n);
	typed(anna, n, "alter orders", true);
	assert_string_equal(json_str(test_event(ben, "committing", n), "xid", NULL), "");
	test_event(ben, "committed", n);
	assert_int_equal(my_number(my, "SELECT count(*) FROM information_schema.COLUMNS WHERE COLUMN_NAME = 'day'"), 1);
	/* that its table has no transactions is seen by the sheet */
	a = test_event(ben, "failed", strict_asked(ben, flat, NULL));
	assert_string_equal(json_str(a, "code", NULL), "judged");
	assert_non_null(strstr(test_body(ben, json_int(a, "n", 0), "error"), "exactly these bytes; have a ticket accepted"));
	strict_close(&b, ben, anna);
	strict_open(&b, "DDL-6", on_pg(flat, "flat"), &ben, &anna);
	n = strict_asked(ben, flat, NULL);
	test_event(ben, "sheet", n);
	typed(anna, n, "flat 2", true);
	assert_int_equal(json_int(test_event(ben, "committed", n), "affected", 0), 2);
	assert_int_equal(my_number(my, "SELECT sum(a) FROM flat"), 5);
	strict_close(&b, ben, anna);
	test_broker_stop(&b);
	mariadb_server_stop(my);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(on_production_what_drops_is_strict_and_the_rest_is_asked),
		cmocka_unit_test(elsewhere_it_is_asked_denied_and_taken_back),
		cmocka_unit_test(it_is_held_where_the_ticket_holds_all),
		cmocka_unit_test(on_postgres_it_runs_in_a_transaction_with_its_xid_on_record),
		cmocka_unit_test(on_postgres_what_no_transaction_takes_is_strict),
		cmocka_unit_test(a_death_before_it_is_sent_leaves_it_unknown),
		cmocka_unit_test(on_mariadb_what_commits_by_itself_is_strict),
	};

	return test_run_apart("ddl", tests, sizeof tests / sizeof *tests, start, stop);
}
