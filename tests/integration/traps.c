/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What is known to slip through the walls of the engines, as far as it concerns changes: each is sent,
 * and where it is asked for, allowed. Whatever the gate makes of it: what must not happen has not happened. */
#include "config.h"

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

#include "lib/beside.h"
#include "lib/broker.h"
#include "lib/mariadb.h"
#include "lib/pg.h"

enum engine { POSTGRES, MARIADB, SQLITE };
enum { LINE = 2048 };

/* ends: how it may end, "refused", or events; then the query gives 0. */
static const struct trap {
	enum engine engine;
	const char *sql, *ends, *query;
} traps[] = {
#define NOTE "select count(*) from orders where note is not null"
	/* stays after ROLLBACK: large objects, sequences, locks of the session, settings */
	{ POSTGRES, "update orders set note = lo_create(0)::text where id = 1", "refused", "select count(*) from pg_largeobject_metadata" },
	{ POSTGRES, "update orders set note = lo_creat(-1)::text where id = 1", "refused", "select count(*) from pg_largeobject_metadata" },
	{ POSTGRES, "update orders set note = setval('counter', 99)::text where id = 1", "refused",
	    "select last_value - 1 from counter" },
	{ POSTGRES, "insert into orders(id, n) select nextval('counter'), 0", "refused", "select last_value - 1 from counter" },
	{ POSTGRES, "update orders set note = pg_advisory_lock(7)::text where id = 1", "refused",
	    "select count(*) from pg_locks where locktype = 'advisory'" },
	{ POSTGRES, "update orders set note = set_config('search_path', 'x', false) where id = 1", "refused", NOTE },
	{ POSTGRES, "update orders set note = pg_notify('a', 'b')::text where id = 1", "refused", NOTE },
	/* others' business, files, other servers */
	{ POSTGRES, "update orders set note = pg_cancel_backend(pg_backend_pid())::text where id = 1", "refused", NOTE },
	{ POSTGRES, "update orders set note = pg_terminate_backend(pg_backend_pid())::text where id = 1", "refused", NOTE },
	{ POSTGRES, "update orders set note = pg_read_file('/etc/passwd') where id = 1", "refused", NOTE },
	{ POSTGRES, "update orders set note = dblink_exec('dbname=postgres', 'delete from orders') where id = 1", "refused", NOTE },
	{ POSTGRES, "copy orders from program 'id'", "refused", NOTE },
	/* a function of a user before a built-in one; it would write through a SECURITY DEFINER */
	{ POSTGRES, "update orders set note = 'w' where upper(vc) = 'A' and id = 1", "refused void failed rolledback",
	    "select count(*) from log_to" },
	/* ends its own transaction, or hides another statement */
	{ POSTGRES, "update orders set note = 'w' where id = 1; commit; update orders set note = 'v'", "refused", NOTE },
	{ POSTGRES, "do $$ begin update orders set note = 'w'; commit; end $$", "refused", NOTE },
	{ POSTGRES, "commit and chain", "refused", NOTE },
	{ POSTGRES, "set transaction read write", "refused", NOTE },
	{ POSTGRES, "prepare p as update orders set note = 'w'", "refused", NOTE },
	{ POSTGRES, "set session authorization default", "refused", NOTE },
	/* a foreign key that is looked at only at COMMIT */
	{ POSTGRES, "delete from orders where id = 2", "failed", "select 6 - count(*) from orders" },
	/* counts that are no effects: a view, a rule, a table without key */
	{ POSTGRES, "update ruled set n = 5 where id = 1", "refused void rolledback held failed", "select count(*) from orders where n = 5" },

	{ MARIADB, "update orders set note = 'w' where id = 1 /*! or 1 = 1 */", "refused", NOTE },
	{ MARIADB, "update orders set note = 'w' /*M! where id = 1 */", "refused", NOTE },
	{ MARIADB, "update orders set note = get_lock('tk', 1) where id = 1", "refused", "select is_used_lock('tk') is not null" },
	{ MARIADB, "update orders set note = load_file('/etc/passwd') where id = 1", "refused", NOTE },
	{ MARIADB, "insert into orders(id, n) select 9, sleep(1)", "refused", "select count(*) from orders where id = 9" },
	{ MARIADB, "load data local infile '/etc/passwd' into table orders", "refused", NOTE },
	{ MARIADB, "select id from orders into outfile '/tmp/twokey-trap'", "refused", NOTE },
	{ MARIADB, "create table copy_of as select * from orders", "refused", "select count(*) from information_schema.tables where table_name = 'copy_of'" },
	{ MARIADB, "set statement tx_read_only = 0 for update orders set note = 'w' where id = 1", "refused", NOTE },
	{ MARIADB, "begin not atomic update orders set note = 'w'; commit; end", "refused", NOTE },
	{ MARIADB, "execute immediate 'update orders set note = 1'", "refused", NOTE },
	{ MARIADB, "xa start 'x'", "refused", NOTE },
	{ MARIADB, "lock tables orders write", "refused", NOTE },
	{ MARIADB, "handler orders open", "refused", NOTE },
	{ MARIADB, "set session tx_read_only = 0", "refused", NOTE },
	{ MARIADB, "update kept set n = 9 where id = 1", "refused void failed rolledback", "select count(*) from kept where n = 9" },
	{ MARIADB, "update mysql.global_priv set Priv = '{}' where User = 'support'", "refused", NOTE },
	/* the trigger writes to a table that keeps it: told as failed or taken back, never as done; the row itself is as before */
	{ MARIADB, "update watched set n = -1 where id = 1", "failed rolledback void refused", "select count(*) from watched where n = -1" },

	{ SQLITE, "update orders set note = load_extension('/tmp/x.so') where id = 1", "refused", NOTE },
	{ SQLITE, "update orders set note = writefile('/tmp/twokey-trap', 'x') where id = 1", "refused", NOTE },
	{ SQLITE, "vacuum into '/tmp/twokey-trap'", "refused", NOTE },
	{ SQLITE, "attach '/tmp/twokey-trap' as t", "refused", NOTE },
	{ SQLITE, "pragma writable_schema = 1", "refused", "pragma writable_schema" },
	{ SQLITE, "pragma query_only = 0", "refused", NOTE },
	{ SQLITE, "pragma journal_mode = wal", "refused", NOTE },
	{ SQLITE, "update sqlite_schema set sql = 'x' where name = 'orders'", "refused", "select count(*) from sqlite_schema where sql = 'x'" },
	{ SQLITE, "insert into orders(id, n) values (77, (select count(*) from pragma_user_version))", "committed refused",
	    "select user_version from pragma_user_version" },
	{ SQLITE, "create temp table orders(id int)", "refused", NOTE },
	{ SQLITE, "savepoint a", "refused", NOTE },
};

static struct pg_server *pg;
static struct mariadb_server *maria;
static struct test_broker broker;

static char *
ask(enum engine engine, const char *sql)
{
	return engine == POSTGRES ? pg_server_sql(pg, "postgres", sql) : mariadb_server_sql(maria, "shop", sql);
}

static int64_t
number(enum engine engine, const char *sql)
{
	char *got;
	int64_t v;

	if (engine == SQLITE)
		return test_shop_number(&broker, sql);
	got = ask(engine, sql);
	if (strncmp(got, "error", 5) == 0)
		fail_msg("%s: %s", sql, got);
	v = strtoll(got, NULL, 10);
	free(got);
	return v;
}

static void
exec(enum engine engine, const char *sql)
{
	char *got = ask(engine, sql);

	if (strncmp(got, "error", 5) == 0)
		fail_msg("%s: %s", sql, got);
	free(got);
}

/* The first of these events about a request. */
static const char *
first_of(struct test_console *c, int64_t n)
{
	static const char *const names[] = { "sheet", "void", "failed", "rolledback", "committed", "held" };
	json_t *v;

	v = test_event_either(c, "sheet", "failed", n);
	if (strcmp(json_str(v, "ev", NULL), "sheet") != 0)
		return json_str(v, "ev", NULL);
	test_send(c, "{\"do\":\"here\"}");
	(void)test_answer(c, "here");
	for (size_t i = 1; i < sizeof names / sizeof names[0]; i++)
		if (test_event_seen(c, names[i], n) != NULL)
			return names[i];
	return "sheet";
}

/* Allows it as its sheet asks for, and how it ended. */
static const char *
allowed(struct test_console *ben, struct test_console *anna, int64_t n)
{
	json_t *request = test_event_n(ben, n), *sheet = test_event(ben, "sheet", n), *a;
	char typed[200];

	snprintf(typed, sizeof typed, "%s %lld", json_str(request, "table", NULL), (long long)json_int(sheet, "count", 1));
	a = test_allow(anna, n, typed);
	if (!json_bool(a, "ok"))
		fail_msg("%s: %s", typed, json_str(a, "why", NULL));
	for (;;) {
		static const char *const ends[] = { "held", "committed", "rolledback", "failed" };

		for (size_t i = 0; i < 4; i++)
			if (test_event_seen(ben, ends[i], n) != NULL)
				return ends[i];
		test_send(ben, "{\"do\":\"here\"}");
		(void)test_answer(ben, "here");
	}
}

/* How it ended: "refused", or the name of an event. */
static const char *
tried(struct test_console *ben, struct test_console *anna, const struct trap *t)
{
	char line[LINE], deny[100];
	const char *end;
	json_t *a, *ev;
	int64_t n;

	snprintf(line, sizeof line, "{\"do\":\"sql\",\"text\":\"%s\",\"rows\":\"= 1\"}", t->sql);
	test_send(ben, "%s", line);
	a = test_answer(ben, "sql");
	if (!json_bool(a, "ok"))
		return "refused";
	n = json_int(a, "n", 0);
	ev = test_event_n(ben, n);
	if (strcmp(json_str(ev, "ev", NULL), "request") != 0)
		fail_msg("%s: %s", t->sql, json_str(ev, "ev", NULL));
	end = first_of(ben, n);
	if (strcmp(end, "sheet") == 0)
		end = allowed(ben, anna, n);
	if (strcmp(end, "held") == 0) {
		snprintf(deny, sizeof deny, "{\"do\":\"deny\",\"of\":%lld,\"reason\":\"seen\"}", (long long)n);
		test_ok(anna, deny);
		test_event(ben, "rolledback", n);
	}
	return end;
}

static void
every_trap(enum engine engine, const char *id, const char *ticket)
{
	struct test_console *ben, *anna;
	char line[100];

	test_ticket_with(&broker, id, ticket);
	ben = test_console(&broker, "ben");
	anna = test_console(&broker, "anna");
	snprintf(line, sizeof line, "{\"do\":\"open\",\"ticket\":\"%s\"}", id);
	test_ok(ben, line);
	test_event(ben, "connected", 0);
	snprintf(line, sizeof line, "{\"do\":\"join\",\"ticket\":\"%s\"}", id);
	test_ok(anna, line);
	test_event(anna, "connected", 0);
	for (size_t i = 0; i < sizeof traps / sizeof traps[0]; i++) {
		const char *end;

		if (traps[i].engine != engine)
			continue;
		end = tried(ben, anna, &traps[i]);
		if (strstr(traps[i].ends, end) == NULL)
			fail_msg("%s: %s, not %s", traps[i].sql, end, traps[i].ends);
		if (number(engine, traps[i].query) != 0)
			fail_msg("%s: %s, and it did what it must not: %s", traps[i].sql, end, traps[i].query);
	}
	assert_int_equal(access("/tmp/twokey-trap", F_OK), -1);
	test_ok(ben, "{\"do\":\"sql\",\"text\":\"select 1\"}");
	test_end(&broker, ben);
	test_console_close(ben);
	test_console_close(anna);
	test_broker_stop(&broker);
}

static void
on_postgres_nothing_slips_through(void **state)
{
	struct test_broker_options o = { .engine = "postgres" };
	char target[400];

	(void)state;
	pg = pg_server_start();
	assert_non_null(pg);
	exec(POSTGRES, "CREATE ROLE support LOGIN; CREATE SEQUENCE counter; CREATE TABLE log_to(id int);"
	    "CREATE TABLE orders(id int PRIMARY KEY, n int NOT NULL, vc varchar, note text);"
	    "INSERT INTO orders(id, n) SELECT i, 0 FROM generate_series(1, 6) i;"
	    "CREATE TABLE items(id int REFERENCES orders(id) DEFERRABLE INITIALLY DEFERRED); INSERT INTO items VALUES (2);"
	    "CREATE TABLE ruled(id int PRIMARY KEY, n int); INSERT INTO ruled VALUES (1, 0);"
	    "CREATE RULE r AS ON UPDATE TO ruled DO ALSO UPDATE orders SET n = 5;"
	    "CREATE FUNCTION upper(varchar) RETURNS text SECURITY DEFINER LANGUAGE plpgsql AS"
	    " 'BEGIN INSERT INTO public.log_to VALUES (1); RETURN $1; END';"
	    "GRANT SELECT, INSERT, UPDATE, DELETE ON orders, items, ruled TO support; GRANT ALL ON SEQUENCE counter TO support");
	snprintf(target, sizeof target, "    socket: %s\n    database: postgres\n    user: support\n", pg_server_socket(pg));
	o.target = target;
	test_broker_start(&broker, &o);
	/* functions that act with the rights of others are there; that is what the test is about */
	every_trap(POSTGRES, "TRAP-P", "access: write\\nstage: production\\naccept_excess:\\n  - {what: definer, reason: the trap}\\n");
	pg_server_stop(pg);
}

static void
on_mariadb_nothing_slips_through(void **state)
{
	struct test_broker_options o = { .engine = "mariadb" };
	char target[400], *got;

	(void)state;
	maria = mariadb_server_start(NULL);
	assert_non_null(maria);
	got = mariadb_server_sql(maria, NULL, "CREATE DATABASE shop; CREATE USER support@localhost PASSWORD EXPIRE INTERVAL 30 DAY;"
	    "GRANT SELECT, INSERT, UPDATE, DELETE, SHOW VIEW, TRIGGER ON shop.* TO support@localhost");
	assert_string_equal(got, "");
	free(got);
	exec(MARIADB, "CREATE TABLE orders(id int PRIMARY KEY, n int NOT NULL, note text);"
	    "INSERT INTO orders(id, n) VALUES (1, 0), (2, 0), (3, 0);"
	    "CREATE TABLE kept(id int PRIMARY KEY, n int) ENGINE=MyISAM; INSERT INTO kept VALUES (1, 0);"
	    "CREATE TABLE watched(id int PRIMARY KEY, n int, CHECK (n >= 0)); INSERT INTO watched VALUES (1, 0);"
	    "CREATE TABLE log_to(id int) ENGINE=MyISAM;"
	    "CREATE TRIGGER t BEFORE UPDATE ON watched FOR EACH ROW INSERT INTO log_to VALUES (1)");
	snprintf(target, sizeof target, "    socket: %s\n    database: shop\n    user: support\n", mariadb_server_socket(maria));
	o.target = target;
	test_broker_start(&broker, &o);
	every_trap(MARIADB, "TRAP-M", "access: write\\nstage: production\\naccept_excess:\\n  - {what: ddl, reason: to see triggers}\\n");
	mariadb_server_stop(maria);
}

static void
on_sqlite_nothing_slips_through(void **state)
{
	(void)state;
	test_broker_start(&broker, NULL);
	test_shop_exec(&broker, "drop table orders; create table orders(id integer primary key, n integer, note text)");
	every_trap(SQLITE, "TRAP-S", "access: write\\nstage: production\\n");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(on_postgres_nothing_slips_through),
		cmocka_unit_test(on_mariadb_nothing_slips_through),
		cmocka_unit_test(on_sqlite_nothing_slips_through),
	};

	return test_run_beside("traps", tests, sizeof tests / sizeof *tests, NULL, NULL);
}
