/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Rehearsals that would leave something behind: numbers counted up, tables without transactions, code that nobody was
 * shown. Each is sent, and where it is asked for, allowed: nothing has changed afterwards. */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "lib/beside.h"
#include "lib/broker.h"
#include "lib/mariadb.h"
#include "lib/pg.h"
#include "strict_world.h"
#include "twokey/base/json.h"

static struct pg_server *pg;
static struct mariadb_server *my;

struct trap {
	const char *sql, *typed;
	const char *query;	/* what must stay as it is */
	bool taken;		/* it is a fair one: it runs, and is taken back */
	bool named;		/* the ticket names it, as the strict path asks for */
};

static char *
look(const char *query, bool maria)
{
	return maria ? mariadb_server_sql(my, "shop", query) : pg_server_sql(pg, "postgres", query);
}

/* Sends it as a rehearsal and allows it where it is asked for; whether it ran. */
static bool
play(const struct trap *t, struct test_console *ben, struct test_console *anna)
{
	json_t *o = json_pack("{s:s, s:s, s:b}", "do", "sql", "text", t->sql, "rehearsal", 1), *a;
	char *line = json_dumps(o, JSON_COMPACT);
	int64_t n;

	test_send(ben, "%s", line);
	free(line);
	json_decref(o);
	a = test_answer(ben, "sql");
	n = json_int(a, "n", 0);
	if (!json_bool(a, "ok"))
		return false;
	if (strcmp(json_str(test_event_any(ben, "sheet failed", n), "ev", NULL), "failed") == 0)
		return false;
	if (!json_bool(test_allow(anna, n, t->typed), "ok")) {
		test_deny(anna, n);
		return false;
	}
	a = test_event_any(ben, "rolledback committed failed", n);
	assert_string_not_equal(json_str(a, "ev", NULL), "committed");
	return test_event_seen(ben, "rehearsed", n) != NULL;
}

static void
play_all(struct test_broker *b, const struct trap *traps, size_t n, const char *more, bool maria)
{
	for (size_t i = 0; i < n; i++) {
		const char *named = traps[i].named ? strstr(strict_change(traps[i].sql, "kept", -1), "changes:") : "";
		struct test_console *ben, *anna;
		char lines[2000], id[32], *before, *after;
		bool ran;

		snprintf(id, sizeof id, "R-%zu", i);
		snprintf(lines, sizeof lines, "access: staging\\nstage: staging\\nrehearsal: yes\\n%s%s", more, named);
		strict_open(b, id, lines, &ben, &anna);
		before = look(traps[i].query, maria);
		ran = play(&traps[i], ben, anna);
		after = look(traps[i].query, maria);
		if (strcmp(before, after) != 0 || ran != traps[i].taken)
			fail_msg("%s: %s, %s before and %s after", traps[i].sql, ran ? "ran" : "did not run", before, after);
		free(before);
		free(after);
		strict_close(b, ben, anna);
	}
}

static void
on_postgres(void **state)
{
#define COUNTER "select last_value::text || is_called::text from counter"
	static const struct trap traps[] = {
		{ "update plain set a = a + 1 where id = 1", "rehearse plain 1", "select sum(a) from plain", true, false },
		{ "update plain set a = default where id = 1", "rehearse plain 1", COUNTER, false, false },
		{ "update serials set id = DEFAULT where id = 1", "rehearse serials 1", "select last_value from serials_id_seq", false, false },
		{ "update idents set (id) = row (/**/Default) where id = 1", "rehearse idents 1", "select last_value from idents_id_seq", false,
		    false },
		{ "update checked set a = 9 where id = 1", "rehearse checked 1", COUNTER, false, false },
		{ "update upper_one set a = 9 where id = 1", "rehearse upper_one 2", COUNTER, false, false },
		{ "update parent set a = 9 where id = 1", "rehearse parent 1", "select sum(a) from child", false, false },
		{ "delete from parent where id = 1", "rehearse parent 1", "select count(*) from child", false, false },
		{ "insert into parent values (7, 7), (8, 8)", "rehearse parent 2", "select count(*) from parent", true, false },
		{ "insert into stamped (id) select id + 10 from parent", "rehearse stamped 1", "select count(*) from stamped", true, false },
		{ "insert into plain (id) values (7)", "rehearse plain 1", COUNTER, false, false },
		{ "insert into plain values (7, 7)", "rehearse plain 1", COUNTER, false, false },	/* no matter that none is used */
		{ "insert into idents (a) values (7)", "rehearse idents 1", "select last_value from idents_id_seq", false, false },
		{ "insert into stamped (id) select nextval('counter')", "rehearse stamped 1", COUNTER, false, false },
		{ "insert into stamped (id) select n from loud", "rehearse stamped 1", COUNTER, false, false },
		{ "insert into stamped (id) values (1) on conflict (id) do nothing", "rehearse stamped 1", "select count(*) from stamped",
		    false, false },
		{ "insert into part_1 values (1, 7)", "rehearse part_1 1", COUNTER, false, false },
		{ "update part_1 set a = a + 1 where id = 1", "rehearse part_1 1", COUNTER, false, false },
	};
	struct test_broker b;
	char target[400];
	struct test_broker_options o = { .engine = "postgres", .target = target, .stage = "staging" };
	char *got;

	(void)state;
	got = look("CREATE SEQUENCE counter; CREATE TABLE plain (id int PRIMARY KEY, a int DEFAULT nextval('counter'),"
	    " EXCLUDE USING btree (id WITH =)); INSERT INTO plain VALUES (1, 1), (2, 2);"
	    "CREATE TABLE serials (id serial PRIMARY KEY, a int); INSERT INTO serials (a) VALUES (1), (2);"
	    "CREATE TABLE idents (id int GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY, a int); INSERT INTO idents (a) VALUES (1), (2);"
	    "CREATE TABLE checked (id int PRIMARY KEY, a int CHECK (a < nextval('counter') + 100)); INSERT INTO checked VALUES (1, 1);"
	    "CREATE FUNCTION counts(int) RETURNS bool LANGUAGE sql AS 'SELECT nextval(''counter'') > 0';"
	    "CREATE TABLE upper_one (id int, a int); CREATE TABLE under (CHECK (counts(a))) INHERITS (upper_one);"
	    "INSERT INTO upper_one VALUES (1, 1); INSERT INTO under VALUES (1, 1);"
	    "CREATE TABLE parent (id int PRIMARY KEY, a int, UNIQUE (id, a)); CREATE TABLE child (id int, a int,"
	    " FOREIGN KEY (id, a) REFERENCES parent (id, a) ON UPDATE CASCADE ON DELETE CASCADE);"
	    "INSERT INTO parent VALUES (1, 1); INSERT INTO child VALUES (1, 1);"
	    "CREATE TABLE stamped (id int PRIMARY KEY, u uuid DEFAULT gen_random_uuid(), at timestamptz DEFAULT now(), s text DEFAULT 'x');"
	    "CREATE VIEW loud AS SELECT nextval('counter')::int AS n;"
	    "CREATE FUNCTION one(int) RETURNS int IMMUTABLE LANGUAGE plpgsql AS 'BEGIN PERFORM nextval(''counter''); RETURN 1; END';"
	    "CREATE TABLE parted (id int, a int) PARTITION BY LIST (one(id)); CREATE TABLE part_1 PARTITION OF parted FOR VALUES IN (1);"
	    "INSERT INTO part_1 VALUES (1, 1);"
	    "CREATE ROLE support LOGIN; GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO support;"
	    "GRANT USAGE ON ALL SEQUENCES IN SCHEMA public TO support", false);
	assert_string_equal(got, "");
	free(got);
	snprintf(target, sizeof target, "    socket: %s\n    database: postgres\n    user: support\n", pg_server_socket(pg));
	test_broker_start(&b, &o);
	play_all(&b, traps, sizeof traps / sizeof traps[0], "", false);
	test_broker_stop(&b);
}

#define NEXT(t) "select AUTO_INCREMENT from information_schema.TABLES where TABLE_SCHEMA = 'shop' and TABLE_NAME = '" t "'"
static const struct trap maria_traps[] = {
	{ "update plain set a = a + 1 where id = 1", "rehearse plain 1", "select sum(a) from plain", true, false },
	{ "update versioned set a = a + 1 where id = 1", "rehearse versioned 1", "select count(*) from versioned for system_time all",
	    true, false },
	{ "update kept set a = 9 where id = 1", "rehearse kept 1", "select sum(a) from kept", false, true },
	{ "delete from kept where id = 1", "rehearse kept 1", "select sum(a) from kept", false, true },
	{ "update counted set id = 1000 where id = 2", "rehearse counted 1", NEXT("counted"), false, false },
	{ "update counted set a = 2, `ID` = 1000 where id = 2", "rehearse counted 1", NEXT("counted"), false, false },
	{ "update booked for portion of p from '2001-01-01' to '2002-01-01' set a = 9 where a = 1", "rehearse booked 1", NEXT("booked"),
	    false, false },
	{ "update counted_too set n = 1000 where n = 2", "rehearse counted_too 1", NEXT("counted"), false, false },
	{ "update counted set a = 1 where id = 2", "rehearse counted 1", NEXT("counted"), true, false },
	{ "update sequenced set a = default where id = 1", "rehearse sequenced 1", "select next_not_cached_value from counter", false,
	    false },
	{ "update watched set a = 9 where id = 1", "rehearse watched 1", "select count(*) from watched_log", false, false },
	{ "insert into plain values (7, 7), (8, 8)", "rehearse plain 2", "select count(*) from plain", true, false },
	{ "insert into stamped (id) select a from plain", "rehearse stamped 2", "select count(*) from stamped", true, false },
	{ "insert into stamped set id = 7", "rehearse stamped 1", "select count(*) from stamped", true, false },
	{ "insert into counted (a) values (7)", "rehearse counted 1", NEXT("counted"), false, false },
	{ "insert into counted (id, a) values (1000, 7)", "rehearse counted 1", NEXT("counted"), false, false },
	{ "insert into sequenced (id) values (7)", "rehearse sequenced 1", "select next_not_cached_value from counter", false, false },
	{ "insert into kept values (7, 7)", "rehearse kept 1", "select count(*) from kept", false, true },
	{ "insert into plain values (1, 7) on duplicate key update a = 7", "rehearse plain 1", "select sum(a) from plain", false,
	    false },
};

static void
on_mariadb(void **state)
{
	struct test_broker b;
	char target[400];
	struct test_broker_options o = { .engine = "mariadb", .target = target, .stage = "staging" };
	char *got;

	(void)state;
	got = look("CREATE TABLE plain (id int PRIMARY KEY, a int); INSERT INTO plain VALUES (1, 1), (2, 2);"
	    "CREATE TABLE versioned (id int PRIMARY KEY, a int) WITH SYSTEM VERSIONING; INSERT INTO versioned VALUES (1, 1);"
	    "CREATE TABLE kept (id int PRIMARY KEY, a int) ENGINE=MyISAM; INSERT INTO kept VALUES (1, 1), (2, 2);"
	    "CREATE TABLE counted (id int AUTO_INCREMENT PRIMARY KEY, a int); INSERT INTO counted (a) VALUES (1), (2);"
	    "CREATE VIEW counted_too AS SELECT id AS n, a FROM counted;"
	    "CREATE TABLE booked (id int AUTO_INCREMENT PRIMARY KEY, a int, s date, e date, PERIOD FOR p (s, e));"
	    "INSERT INTO booked (a, s, e) VALUES (1, '2000-01-01', '2010-01-01');"
	    "CREATE SEQUENCE counter NOCACHE; CREATE TABLE sequenced (id int PRIMARY KEY, a int DEFAULT nextval(counter));"
	    "INSERT INTO sequenced VALUES (1, 1);"
	    "CREATE TABLE stamped (id int PRIMARY KEY, at datetime DEFAULT current_timestamp(), s varchar(9) DEFAULT 'x');"
	    "CREATE TABLE watched (id int PRIMARY KEY, a int); INSERT INTO watched VALUES (1, 1);"
	    "CREATE TABLE watched_log (id int) ENGINE=MyISAM;"
	    "CREATE TRIGGER watching AFTER UPDATE ON watched FOR EACH ROW INSERT INTO watched_log VALUES (new.id);"
	    "CREATE USER support@localhost PASSWORD EXPIRE INTERVAL 30 DAY;"
	    "GRANT SELECT, INSERT, UPDATE, DELETE, SHOW VIEW ON shop.* TO support@localhost;"
	    "GRANT TRIGGER ON shop.plain TO support@localhost; GRANT TRIGGER ON shop.counted TO support@localhost;"
	    "GRANT TRIGGER ON shop.booked TO support@localhost; GRANT TRIGGER ON shop.counted_too TO support@localhost;"
	    "GRANT TRIGGER ON shop.kept TO support@localhost; GRANT TRIGGER ON shop.sequenced TO support@localhost;"
	    "GRANT TRIGGER ON shop.stamped TO support@localhost;"
	    "GRANT TRIGGER ON shop.versioned TO support@localhost;"
	    "GRANT SLAVE MONITOR ON *.* TO support@localhost", true);
	if (got[0] != '\0')
		fail_msg("%s", got);
	free(got);
	snprintf(target, sizeof target, "    socket: %s\n    database: shop\n    user: support\n", mariadb_server_socket(my));
	test_broker_start(&b, &o);
	play_all(&b, maria_traps, sizeof maria_traps / sizeof maria_traps[0], "accept_excess:\\n  - {what: ddl, reason: to see triggers}\\n", true);
	test_broker_stop(&b);
}

static int
start(void **state)
{
	char *got;

	(void)state;
	pg = pg_server_start();
	my = mariadb_server_start(NULL);
	assert_true(pg != NULL && my != NULL);
	got = mariadb_server_sql(my, NULL, "CREATE DATABASE shop");
	assert_string_equal(got, "");
	free(got);
	return 0;
}

static int
stop(void **state)
{
	(void)state;
	pg_server_stop(pg);
	mariadb_server_stop(my);
	return 0;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(on_postgres),
		cmocka_unit_test(on_mariadb),
	};

	return test_run_beside("attack: rehearsal", tests, sizeof tests / sizeof *tests, start, stop);
}
