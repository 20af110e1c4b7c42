/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "twokey/base/secret.h"

#include "db_my.h"

static void
a_read_hands_on_columns_and_rows(void **state)
{
	struct my_shop *s = *state;

	assert_string_equal(bench_rows(&s->b, "SELECT id, name, email FROM customers ORDER BY id LIMIT 2"),
	    "1|Ada|a@example.com\n2|Bob|~\n");
	assert_string_equal(buf_str(&s->b.columns), "id int,name varchar,email text,");
	assert_string_equal(buf_str(&s->b.r.own),
	    "[\"my.relation\",\"my.view\",\"my.prepare\",\"my.next-read\"]");
	assert_int_equal(s->b.r.rows, 2);
	/* the second time it needs no trip but its own */
	assert_string_equal(bench_rows(&s->b, "SELECT id, name, email FROM customers ORDER BY id LIMIT 2"),
	    "1|Ada|a@example.com\n2|Bob|~\n");
	assert_string_equal(buf_str(&s->b.r.own), "[\"my.next-read\"]");
}

static void
cells_of_every_kind_arrive_as_they_are(void **state)
{
	struct my_shop *s = *state;

	my_shop_sql("CREATE TABLE kinds (a tinyint(1), b bigint unsigned, c decimal(30,10), d double, e float, f bit(9),"
	    " g binary(3), h varbinary(9), i blob, j json, k enum('x','y'), l set('x','y'), m datetime(6), n time(3), o year,"
	    " p int(5) zerofill, q inet6, r uuid, s point, t varchar(9) CHARACTER SET latin1, u text CHARACTER SET utf8mb4);"
	    "INSERT INTO kinds VALUES (1, 18446744073709551615, 1.5, 0.1, 1e30, b'100000001', x'00ff', x'00ff', x'ff00', '{\"a\":1}',"
	    " 'y', 'x,y', '2026-02-03 04:05:06.070809', '-12:34:56.789', 2026, 7, '::1',"
	    " '123e4567-e89b-12d3-a456-426614174000', point(1, 2), x'e4', 'a\\0b')");
	assert_int_equal(bench_read(&s->b, "SELECT a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p, q, r, t FROM kinds"), 0);
	assert_string_equal(buf_str(&s->b.rows), "1|18446744073709551615|1.5000000000|0.1|1e30|x'0101'|x'00ff00'|x'00ff'|"
	    "x'ff00'|{\"a\":1}|y|x,y|2026-02-03 04:05:06.070809|-12:34:56.789|2026|00007|::1|"
	    "123e4567-e89b-12d3-a456-426614174000|\xc3\xa4\n");
	assert_string_equal(buf_str(&s->b.columns), "a tinyint,b bigint unsigned,c decimal,d double,e float,f bit,g binary,"
	    "h varbinary,i blob,j json,k enum,l set,m datetime,n time,o year,p int unsigned,q inet6,r uuid,t varchar,");
	assert_int_equal(bench_read(&s->b, "SELECT s FROM kinds"), 0);
	assert_int_equal(strncmp(buf_str(&s->b.rows), "x'00000000010100000000", 22), 0);
	assert_int_equal(bench_read(&s->b, "SELECT u FROM kinds"), 0);
	assert_int_equal(buf_len(&s->b.rows), 4);	/* with its zero byte */
	assert_string_equal(bench_rows(&s->b, "SELECT NULL, 1, 1.50, 'a', x'00ff', TRUE, '' AS `a\"b;--`, 1 AS x, 2 AS x"),
	    "~|1|1.50|a|x'00ff'|1||1|2\n");
	assert_non_null(strstr(buf_str(&s->b.columns), "a\"b;-- varchar,x int,x int,"));
	assert_int_equal(bench_read(&s->b, "SELECT repeat('x', 5000000)"), 0);
	assert_int_equal(buf_len(&s->b.rows), 5000001);
	assert_string_equal(bench_rows(&s->b, "VALUES (1), (2)"), "1\n2\n");
	assert_string_equal(bench_rows(&s->b, "SHOW VARIABLES LIKE 'character_set_client'"), "character_set_client|utf8mb4\n");
}

static void
what_asks_about_the_server_is_a_read(void **state)
{
	static const char *const texts[] = { "SHOW TABLES", "SHOW PROCESSLIST", "SHOW CREATE TABLE orders", "SHOW WARNINGS",
		"SHOW INDEX FROM orders", "DESCRIBE orders", "EXPLAIN SELECT * FROM orders", "ANALYZE SELECT * FROM orders",
		"SHOW STATUS LIKE 'Uptime'", "SHOW GRANTS", "SELECT * FROM information_schema.tables WHERE table_schema = 'shop'",
		"SELECT * FROM information_schema.processlist", "WITH x AS (SELECT 1 AS a) SELECT * FROM x", "(SELECT 1)",
		"SELECT * FROM seq_1_to_3", "SHOW FULL COLUMNS FROM orders", "  show databases", "SELECT LASTVAL(numbers)",
		"SELECT * FROM orders o JOIN customers c ON c.id = o.customer_id", "SELECT 1;" };
	struct my_shop *s = *state;

	for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
		int ret = bench_read(&s->b, texts[i]);

		if (ret != 0 || s->b.r.end != DB_DONE)
			print_error("%s: %d %s%s\n", texts[i], ret, s->b.e.text, buf_str(&s->b.r.text));
		assert_int_equal(ret, 0);
		assert_int_equal(s->b.r.end, DB_DONE);
	}
}

/* Everything that a leak could have changed. */
static char *
traces(void)
{
	return strdup(my_shop_sql(
	    "SELECT concat_ws(' ', (SELECT group_concat(concat_ws('/', id, name, email) ORDER BY id) FROM customers),"
	    " (SELECT group_concat(what) FROM audit), (SELECT group_concat(concat_ws('/', id, state, total) ORDER BY id) FROM orders),"
	    " (SELECT group_concat(concat_ws('/', id, a) ORDER BY id) FROM flat),"
	    " (SELECT group_concat(table_name ORDER BY table_name) FROM information_schema.tables WHERE table_schema = 'shop'),"
	    " (SELECT count(*) FROM information_schema.routines), (SELECT next_not_cached_value FROM numbers),"
	    " (SELECT group_concat(user, host ORDER BY user, host) FROM mysql.global_priv), (SELECT count(*) FROM mysql.tables_priv),"
	    " @@global.max_connections, @@global.tx_read_only, @@global.read_only, IS_USED_LOCK('held'))"));
}

/* What leaks out of MariaDB's READ ONLY. */
static const char *const leaks[] = {
	"INSERT INTO customers VALUES (9, 'x', '')", "UPDATE customers SET name = 'x'", "DELETE FROM customers",
	"REPLACE INTO flat VALUES (1, 9)", "UPDATE flat SET a = 9", "INSERT INTO audit VALUES ('x') RETURNING what",
	"DELETE FROM flat RETURNING id", "TRUNCATE audit", "CREATE TABLE t (a int)", "CREATE TEMPORARY TABLE t (a int)",
	"CREATE TABLE t AS SELECT 1", "DROP TABLE audit", "ALTER TABLE audit ADD COLUMN b int", "RENAME TABLE audit TO b",
	"CREATE INDEX i ON audit (what(3))", "CREATE VIEW v AS SELECT 1", "CREATE PROCEDURE p() DELETE FROM audit",
	"CREATE OR REPLACE FUNCTION f() RETURNS int RETURN 1", "GRANT SELECT ON shop.orders TO ben@localhost",
	"SET PASSWORD = ''", "SELECT NEXTVAL(numbers)", "SELECT SETVAL(numbers, 77)", "SELECT NEXT VALUE FOR numbers",
	"SELECT * FROM customers FOR UPDATE", "SELECT * FROM orders LOCK IN SHARE MODE", "DO GET_LOCK('held', 0)",
	"FLUSH TABLES", "FLUSH TABLES WITH READ LOCK", "FLUSH STATUS", "LOCK TABLES customers WRITE", "UNLOCK TABLES",
	"SET GLOBAL max_connections = 77", "SET GLOBAL tx_read_only = 1", "SET @@global.max_connections = 77",
	"SET STATEMENT tx_read_only = 0 FOR INSERT INTO audit VALUES ('x')",
	"SET STATEMENT tx_read_only = 0 FOR DELETE FROM audit RETURNING what",
	"SELECT 'x' INTO OUTFILE 'leak'", "SELECT 'x' INTO DUMPFILE 'leak'", "SELECT 1 INTO @a",
	"LOAD DATA LOCAL INFILE '/etc/hosts' INTO TABLE audit", "LOAD DATA INFILE '/etc/hosts' INTO TABLE audit",
	"SET SESSION tx_read_only = 0", "SET tx_read_only = 0", "SET SESSION TRANSACTION READ WRITE",
	"SET TRANSACTION READ WRITE", "SET autocommit = 1", "BEGIN", "START TRANSACTION", "START TRANSACTION READ WRITE",
	"START TRANSACTION READ ONLY", "COMMIT", "COMMIT AND CHAIN", "ROLLBACK", "ROLLBACK AND CHAIN", "COMMIT RELEASE",
	"SAVEPOINT a", "XA START 'a'", "ANALYZE TABLE customers", "OPTIMIZE TABLE audit", "CHECK TABLE audit",
	"REPAIR TABLE flat", "CHECKSUM TABLE audit", "ANALYZE DELETE FROM audit", "EXPLAIN DELETE FROM audit",
	"BEGIN NOT ATOMIC COMMIT; SET SESSION tx_read_only = 0; INSERT INTO audit VALUES ('x'); COMMIT; END",
	"IF 1 THEN COMMIT; INSERT INTO audit VALUES ('x'); END IF", "CALL nothere()", "CALL commits()",
	"EXECUTE IMMEDIATE 'INSERT INTO audit VALUES (1)'", "EXECUTE IMMEDIATE 'COMMIT'",
	"PREPARE x FROM 'DELETE FROM audit'", "EXECUTE x", "SELECT 1; INSERT INTO audit VALUES ('x')",
	"SELECT 1; COMMIT; INSERT INTO audit VALUES ('x')", "/*!INSERT INTO audit VALUES ('x')*/",
	"/*!50701 INSERT INTO audit VALUES ('x')*/", "/*M! INSERT INTO audit VALUES ('x')*/",
	"SELECT 1 /*! INTO OUTFILE 'leak' */", "SELECT writes()", "SELECT * FROM writing", "SELECT turns()",
	"SELECT slips()", "SELECT locks()", "SELECT * FROM locking", "SELECT LOAD_FILE('/etc/hosts') INTO @x",
	"HANDLER audit OPEN", "INSTALL SONAME 'x'", "CREATE FUNCTION sys_exec RETURNS int SONAME 'x.so'", "RESET MASTER",
	"PURGE BINARY LOGS BEFORE now()", "SHUTDOWN", "KILL 1", "USE mysql", "SET ROLE NONE", "CREATE USER eve",
	"CHANGE MASTER TO master_host = 'x'", "STOP SLAVE", "CREATE DATABASE d", "DROP DATABASE shop",
	"SET @x := SLEEP(0)", "SET NAMES gbk", "SET sql_mode = 'ANSI_QUOTES'", "CREATE EVENT ev ON SCHEDULE EVERY 1 SECOND"
	" DO DELETE FROM audit",
};

static void
try_leaks(struct my_shop *s)
{
	char *before = traces(), *after;

	for (size_t i = 0; i < sizeof leaks / sizeof *leaks; i++) {
		int ret;

		s->b.blind = true;
		ret = bench_read(&s->b, leaks[i]);
		s->b.blind = false;
		if (ret == ERR_DATABASE) {	/* the session ended: begin another */
			bench_close(&s->b);
			bench_open(&s->b, &s->target);
		}
		after = traces();
		if (strcmp(before, after) != 0)
			print_error("not stopped: %s (%d): %s\n", leaks[i], ret, after);
		assert_string_equal(before, after);
		free(after);
		assert_string_equal(bench_rows(&s->b, "SELECT count(*) FROM customers"), "4\n");
		assert_string_equal(bench_rows(&s->b, "SELECT @@session.tx_read_only, @@in_transaction, DATABASE()"), "1|1|shop\n");
	}
	free(before);
}

/* Sent as if the classifier took it for a read: the connection alone must hold, also for one who may do all. */
static void
no_leak_of_the_wall_changes_anything(void **state)
{
	struct my_shop *s = *state;

	my_shop_sql("CREATE FUNCTION writes() RETURNS int MODIFIES SQL DATA BEGIN INSERT INTO audit VALUES ('f'); RETURN 1; END;");
	my_shop_sql("CREATE FUNCTION turns() RETURNS int BEGIN SET SESSION tx_read_only = 0; RETURN 1; END");
	my_shop_sql("CREATE FUNCTION slips() RETURNS int MODIFIES SQL DATA BEGIN SET STATEMENT tx_read_only = 0 FOR"
	    " INSERT INTO audit VALUES ('s'); RETURN 1; END");
	my_shop_sql("CREATE FUNCTION locks() RETURNS int RETURN GET_LOCK('held', 0)");
	my_shop_sql("CREATE PROCEDURE commits() BEGIN COMMIT; SET SESSION tx_read_only = 0; INSERT INTO audit VALUES ('p');"
	    " COMMIT; END");
	my_shop_sql("CREATE VIEW writing AS SELECT writes() AS a; CREATE VIEW locking AS SELECT locks() AS a");
	try_leaks(s);
	bench_close(&s->b);
	s->target.user = "root";
	s->target.password = NULL;
	bench_open(&s->b, &s->target);
	try_leaks(s);
}

static void
what_is_no_read_is_not_even_sent(void **state)
{
	static const char *const texts[] = { "SELECT GET_LOCK('held', 0)", "KILL 1", "SELECT nothere()", "COMMIT", "FLUSH TABLES",
		"SELECT SLEEP(0)", "SELECT LOAD_FILE('/etc/hosts')", "SELECT RELEASE_ALL_LOCKS()", "SET @a = 1",
		"SELECT 1 INTO OUTFILE 'x'" };
	struct my_shop *s = *state;

	for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
		int ret = bench_read(&s->b, texts[i]);

		if (ret != ERR_WALL)
			print_error("sent: %s, %s\n", texts[i], sql_class_name(s->b.facts->class));
		assert_int_equal(ret, ERR_WALL);
		assert_int_equal(buf_len(&s->b.r.own), 0);
	}
}

/* Past the look at functions: what a function did to the connection is seen, and the session ends. */
static void
a_function_that_changes_settings_ends_the_session(void **state)
{
	struct my_shop *s = *state;

	my_shop_sql("CREATE FUNCTION turns() RETURNS int BEGIN SET SESSION tx_read_only = 0; RETURN 1; END");
	s->b.blind = true;
	assert_int_equal(bench_read(&s->b, "SELECT shop.turns()"), ERR_WALL);
	assert_non_null(strstr(s->b.e.text, "shop.turns"));
	s->b.nameless = true;
	assert_int_equal(bench_read(&s->b, "SELECT shop.turns()"), ERR_DATABASE);
	assert_non_null(strstr(s->b.e.text, "settings"));
	s->b.blind = false;
	assert_int_equal(bench_read(&s->b, "SELECT 1"), ERR_DATABASE);
}

struct code {
	const char *make;
	const char *sql;
	int ret;
	const char *said;
};

static const struct code codes[] = {
	{ "CREATE FUNCTION f() RETURNS int RETURN 1", "SELECT f()", ERR_WALL, "shop.f" },
	{ "CREATE FUNCTION any_value(a int) RETURNS int RETURN 1", "SELECT any_value(1) FROM customers WHERE id = 9", ERR_WALL,
	  "any_value" },
	{ "CREATE FUNCTION f() RETURNS int RETURN 1; CREATE VIEW v AS SELECT f() AS a", "SELECT * FROM v", ERR_WALL, "f()" },
	{ "CREATE FUNCTION f() RETURNS int RETURN 1; CREATE VIEW v AS SELECT f() AS a; CREATE VIEW w AS SELECT * FROM v",
	  "SELECT * FROM w", ERR_WALL, "shop.v" },
	{ "CREATE VIEW v AS SELECT get_lock('held', 0) AS a", "SELECT * FROM v", ERR_WALL, "get_lock" },
	{ "CREATE VIEW v AS SELECT sleep(0) AS a", "SELECT * FROM v WHERE a = 1", ERR_WALL, "sleep" },
	{ "CREATE VIEW v AS SELECT id FROM customers WHERE id = 9", "SELECT * FROM v", 0, "" },
	{ "SET sql_mode = 'ANSI_QUOTES,NO_BACKSLASH_ESCAPES'; CREATE VIEW v AS SELECT id FROM customers WHERE name = '\\'"
	  " AND \"name\" <> ''", "SELECT * FROM v", 0, "" },
	{ "CREATE VIEW v AS SELECT * FROM mysql.global_priv", "SELECT 1 FROM v WHERE user = 'nobody'", ERR_WALL,
	  "mysql.global_priv" },
	{ "CREATE TABLE m1 (a int) ENGINE=MyISAM; CREATE TABLE mm (a int) ENGINE=MRG_MyISAM UNION=(m1)", "SELECT * FROM mm", 0, "" },
};

static void
what_runs_code_of_others_is_stopped_before_it_runs(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof codes / sizeof *codes; i++) {
		struct my_shop *s;
		void *own = NULL;
		int ret;

		assert_int_equal(my_shop_setup(&own), 0);
		s = own;
		my_shop_sql(codes[i].make);
		s->b.blind = true;
		ret = bench_read(&s->b, codes[i].sql);
		if (ret != codes[i].ret || (ret == 0 && s->b.r.end != DB_DONE) || strstr(s->b.e.text, codes[i].said) == NULL)
			print_error("%s / %s: %d %s %s\n", codes[i].make, codes[i].sql, ret, s->b.e.text, buf_str(&s->b.r.text));
		assert_int_equal(ret, codes[i].ret);
		assert_non_null(strstr(s->b.e.text, codes[i].said));
		assert_int_equal(s->b.nrows, 0);
		assert_int_not_equal(bench_read(&s->b, "SELECT 1"), ERR_DATABASE);
		my_shop_teardown(&own);
	}
}

static void
a_harmless_view_is_cleared_and_again_when_it_changes(void **state)
{
	struct my_shop *s = *state;

	assert_int_equal(bench_read(&s->b, "SELECT name FROM louder WHERE id = 1"), 0);
	assert_string_equal(buf_str(&s->b.rows), "ADA\n");
	my_shop_sql("CREATE OR REPLACE VIEW loud AS SELECT id, concat(name, get_lock('held', 0)) AS name FROM customers");
	assert_int_equal(bench_read(&s->b, "SELECT name FROM louder WHERE id = 1"), ERR_WALL);
	assert_non_null(strstr(s->b.e.text, "loud"));
	assert_string_equal(my_shop_sql("SELECT IS_USED_LOCK('held')"), "NULL");
}

static void
an_error_tells_its_place_and_code(void **state)
{
	struct my_shop *s = *state;

	assert_int_equal(bench_read(&s->b, "SELECT nothere FROM customers"), 0);
	assert_int_equal(s->b.r.end, DB_FAILED);
	assert_string_equal(s->b.r.code, "42S22");
	assert_non_null(strstr(buf_str(&s->b.r.text), "nothere"));
	assert_string_equal(bench_rows(&s->b, "SELECT 1"), "1\n");
	s->b.blind = true;
	assert_int_equal(bench_read(&s->b, "SELECT 1\nFROM customers\nWHER id = 1"), 0);
	assert_string_equal(s->b.r.code, "42000");
	assert_int_equal(s->b.r.position, 30);
	assert_int_equal(bench_read(&s->b, "SELECT id FROM"), 0);
	assert_int_equal(s->b.r.position, 15);
	assert_int_equal(bench_read(&s->b, "SELECT (SELECT id FROM customers)"), 0);
	assert_string_equal(s->b.r.code, "21000");
	assert_string_equal(bench_rows(&s->b, "SELECT 1"), "1\n");
}

static void
warnings_stand_beside_the_result(void **state)
{
	struct my_shop *s = *state;

	assert_string_equal(bench_rows(&s->b, "SELECT id FROM customers WHERE name = 0 AND id = 1"), "1\n");
	assert_string_equal(buf_str(&s->b.r.notices), "WARNING: Truncated incorrect DECIMAL value: 'Ada'");
	assert_string_equal(bench_rows(&s->b, "SELECT 1"), "1\n");
	assert_int_equal(buf_len(&s->b.r.notices), 0);
}

static void
a_result_is_cut_at_each_limit(void **state)
{
	struct my_shop *s = *state;

	s->b.max.rows = 10;
	assert_int_equal(bench_read(&s->b, "SELECT * FROM seq_1_to_10000000"), 0);
	assert_int_equal(s->b.r.end, DB_CUT);
	assert_int_equal(s->b.nrows, 10);
	assert_int_equal(s->b.r.rows, 10);
	assert_int_equal(bench_read(&s->b, "SELECT * FROM seq_1_to_10"), 0);
	assert_int_equal(s->b.r.end, DB_DONE);
	s->b.max.rows = 0;
	s->b.max.bytes = 20;
	assert_int_equal(bench_read(&s->b, "SELECT * FROM seq_1_to_10000000"), 0);
	assert_int_equal(s->b.r.end, DB_CUT);
	s->b.max.bytes = 0;
	s->b.stop_after = 3;
	for (int i = 0; i < 20; i++) {
		assert_int_equal(bench_read(&s->b, "SELECT * FROM seq_1_to_100000"), 0);
		assert_int_equal(s->b.r.end, DB_CUT);
		assert_int_equal(s->b.nrows, 3);
	}
	s->b.stop_after = 0;
	assert_string_equal(bench_rows(&s->b, "SELECT count(*) FROM seq_1_to_100000"), "100000\n");
}

static void
a_cancel_stops_what_runs_and_nothing_later(void **state)
{
	static const char forever[] = "SELECT count(*) FROM seq_1_to_100000 a, seq_1_to_100000 b WHERE a.seq + b.seq = 7";
	struct my_shop *s = *state;
	struct canceller *k;

	s->b.d->cancel(s->b.c);
	assert_string_equal(bench_rows(&s->b, "SELECT 1"), "1\n");
	for (int i = 0; i < 5; i++) {
		k = canceller_start(&s->b);
		assert_int_equal(bench_read(&s->b, forever), 0);
		canceller_stop(k);
		assert_int_equal(s->b.r.end, DB_FAILED);
		assert_string_equal(s->b.r.code, "70100");
		assert_string_equal(bench_rows(&s->b, "SELECT 1"), "1\n");
	}
	s->b.stop_after = 0;
	for (int i = 0; i < 5; i++) {	/* in the middle of rows */
		k = canceller_start(&s->b);
		assert_int_equal(bench_read(&s->b, "SELECT * FROM seq_1_to_100000000"), 0);
		canceller_stop(k);
		assert_string_equal(s->b.r.code, "70100");
		assert_string_equal(bench_rows(&s->b, "SELECT @@in_transaction, count(*) FROM customers"), "1|4\n");
	}
}

static void
a_statement_ends_at_its_time_limit(void **state)
{
	struct my_shop *s = *state;

	bench_close(&s->b);
	s->target.statement_timeout_ms = 500;
	bench_open(&s->b, &s->target);
	assert_int_equal(bench_read(&s->b, "SELECT count(*) FROM seq_1_to_100000 a, seq_1_to_100000 b WHERE a.seq + b.seq = 7"), 0);
	assert_string_equal(s->b.r.code, "70100");
	assert_string_equal(bench_rows(&s->b, "SELECT 1"), "1\n");
}

static void
kill_connections(void)
{
	my_shop_sql("KILL USER ben@localhost");
	while (strcmp(my_shop_sql("SELECT count(*) FROM information_schema.processlist WHERE user = 'ben'"), "0") != 0)
		;
}

static void
a_lost_connection_ends_the_session(void **state)
{
	struct my_shop *s = *state;

	kill_connections();
	assert_int_equal(bench_read(&s->b, "SELECT 1"), ERR_DATABASE);
	assert_int_equal(bench_read(&s->b, "SELECT 1"), ERR_DATABASE);
	s->b.d->cancel(s->b.c);
}

static void
what_was_found_at_connect_is_told(void **state)
{
	struct my_shop *s = *state;

	assert_int_equal(strncmp(s->b.info.version, "MariaDB 1", 9), 0);
	assert_string_equal(s->b.info.database, "shop");
	assert_string_equal(s->b.info.role, "ben@localhost");
	assert_int_equal(strncmp(s->b.info.identity, "server_uid ", 11), 0);
	assert_true(s->b.info.caps & CAP_BIT(CAP_READ_WALL));
	assert_int_equal(s->b.info.sql.engine, SQL_MARIADB);
	assert_true(s->b.info.sql.version >= 100300);
	assert_false(s->b.info.encrypted);
	assert_int_equal(s->b.info.standing, DB_STANDING_UNKNOWN);	/* ben may not ask */
	assert_string_equal(bench_rows(&s->b, "SELECT @@max_statement_time, @@innodb_lock_wait_timeout, @@local_infile IN (0, 1)"),
	    "30.000000|1|1\n");
	my_shop_sql("GRANT REPLICA MONITOR ON *.* TO ben@localhost");
	bench_close(&s->b);
	bench_open(&s->b, &s->target);
	my_shop_sql("REVOKE REPLICA MONITOR ON *.* FROM ben@localhost");
	assert_int_equal(s->b.info.standing, DB_PRIMARY);
}

static void
the_settings_that_change_how_text_is_read_are_told(void **state)
{
	struct my_shop *s = *state;
	struct digest before = s->b.info.settings;
	struct db_info info;
	struct err e;

	my_shop_sql("SET GLOBAL sql_mode = 'ANSI,NO_BACKSLASH_ESCAPES'");
	bench_close(&s->b);
	bench_open(&s->b, &s->target);
	assert_true(s->b.info.sql.ansi_quotes && s->b.info.sql.no_backslash_escapes && s->b.info.sql.ignore_space);
	assert_false(digest_equal(&before, &s->b.info.settings));
	assert_string_equal(bench_rows(&s->b, "SELECT \"name\" FROM customers WHERE id = 1 AND '\\' <> ''"), "Ada\n");
	my_shop_sql("SET GLOBAL sql_mode = 'ORACLE'");
	assert_null(s->b.d->open(&s->target, &info, &e));
	assert_non_null(strstr(e.text, "ORACLE"));
	my_shop_sql("SET GLOBAL sql_mode = DEFAULT; SET GLOBAL init_connect = 'SET NAMES gbk, tx_read_only = 0'");
	bench_close(&s->b);
	bench_open(&s->b, &s->target);
	my_shop_sql("SET GLOBAL init_connect = ''");
	assert_string_equal(bench_rows(&s->b, "SELECT @@character_set_client, @@tx_read_only"), "utf8mb4|1\n");
}

static void
refused_as(const struct my_shop *s, const struct db_target *t, int code, const char *said)
{
	struct db_info info;
	struct err e = { .text = "" };
	struct db_conn *c = s->b.d->open(t, &info, &e);

	if (c != NULL)
		s->b.d->close(c);
	if (c != NULL || e.code != code || strstr(e.text, said) == NULL)
		print_error("wanted %s: %s\n", said, c != NULL ? "connected" : e.text);
	assert_null(c);
	assert_int_equal(e.code, code);
	assert_non_null(strstr(e.text, said));
}

static void
a_target_that_would_be_unsafe_is_refused(void **state)
{
	struct my_shop *s = *state;
	struct db_target t = s->target;

	t.tls = DB_TLS_REQUIRE;
	refused_as(s, &t, ERR_CONFIG, "trust any server");
	t.tls = DB_TLS_VERIFY_FULL;
	refused_as(s, &t, ERR_CONFIG, "authority");
	t = s->target;
	t.socket = NULL;
	t.host = "localhost,db.example.com";
	refused_as(s, &t, ERR_CONFIG, "one name");
	t.host = "host=localhost";
	refused_as(s, &t, ERR_CONFIG, "one name");
	t.host = "repl://x";
	refused_as(s, &t, ERR_CONFIG, "one name");
	t = s->target;
	t.engine = SQL_MYSQL;
	refused_as(s, &t, ERR_CONFIG, "mariadb");
}

/* Through a tunnel the server is at 127.0.0.1, and its certificate names db.example.com. */
static void
tls_checks_the_name_although_the_address_is_another(void **state)
{
	struct my_shop *s = *state;
	struct db_target t = s->target;
	char ca[96], other[96];

	snprintf(ca, sizeof ca, "%s/ca.pem", my_shop_certificates());
	snprintf(other, sizeof other, "%s/other.pem", my_shop_certificates());
	t.socket = NULL;
	t.host = "db.example.com";
	t.hostaddr = "127.0.0.1";
	t.port = (uint16_t)mariadb_server_port(my_shop_server_of());
	t.tls = DB_TLS_VERIFY_FULL;
	t.ca = ca;
	bench_close(&s->b);
	bench_open(&s->b, &t);
	assert_true(s->b.info.encrypted);
	assert_string_equal(s->b.info.source, "127.0.0.1");
	assert_int_equal(bench_read(&s->b, "SHOW STATUS LIKE 'Ssl_version'"), 0);
	assert_non_null(strstr(buf_str(&s->b.rows), "TLSv1."));
	t.host = "db2.example.com";
	refused_as(s, &t, ERR_UNREACHABLE, "");
	t.host = "db.example.com";
	t.ca = other;
	refused_as(s, &t, ERR_UNREACHABLE, "");
	t.tls = DB_TLS_REQUIRE;		/* the chain, but no name */
	refused_as(s, &t, ERR_UNREACHABLE, "");
	t.ca = ca;
	t.host = "127.0.0.1";
	t.hostaddr = NULL;
	bench_close(&s->b);
	bench_open(&s->b, &t);
	assert_true(s->b.info.encrypted);
	t.tls = DB_TLS_VERIFY_FULL;
	refused_as(s, &t, ERR_UNREACHABLE, "");
}

static void
a_fingerprint_pins_the_certificate(void **state)
{
	struct my_shop *s = *state;
	struct db_target t = s->target;

	t.tls = DB_TLS_REQUIRE;
	t.tls_fingerprint = my_shop_fingerprint();
	bench_close(&s->b);
	bench_open(&s->b, &t);	/* also by the Unix socket */
	assert_true(s->b.info.encrypted);
	t.tls_fingerprint = "00112233445566778899aabbccddeeff00112233";
	refused_as(s, &t, ERR_UNREACHABLE, "");
}

static void
no_environment_and_no_secret_shows(void **state)
{
	static const char word[] = "hunter-word-4711";
	struct my_shop *s = *state;
	struct db_target t = s->target;
	struct secret *password = secret_create(word, strlen(word));
	char path[120];
	FILE *f;

	snprintf(path, sizeof path, "%s/.my.cnf", my_shop_certificates());
	f = fopen(path, "w");
	assert_non_null(f);
	fputs("[client]\nuser=nobody-there\nlocal-infile=1\n", f);
	fclose(f);
	setenv("HOME", my_shop_certificates(), 1);
	setenv("MYSQL_PWD", "sesame-77", 1);
	setenv("MYSQL_TCP_PORT", "1", 1);
	setenv("MYSQL_UNIX_PORT", "/nowhere", 1);
	setenv("LIBMYSQL_PLUGINS", "nosuch", 1);
	bench_close(&s->b);
	bench_open(&s->b, &s->target);
	t.password = NULL;	/* not taken from the environment */
	refused_as(s, &t, ERR_UNREACHABLE, "denied");
	t.password = password;
	refused_as(s, &t, ERR_UNREACHABLE, "denied");
	t.user = word;	/* the server will quote it */
	refused_as(s, &t, ERR_UNREACHABLE, "****");
	secret_free(password);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, my_shop_setup, my_shop_teardown)
		T(a_read_hands_on_columns_and_rows),
		T(cells_of_every_kind_arrive_as_they_are),
		T(what_asks_about_the_server_is_a_read),
		T(no_leak_of_the_wall_changes_anything),
		T(what_is_no_read_is_not_even_sent),
		T(a_function_that_changes_settings_ends_the_session),
		cmocka_unit_test(what_runs_code_of_others_is_stopped_before_it_runs),
		T(a_harmless_view_is_cleared_and_again_when_it_changes),
		T(an_error_tells_its_place_and_code),
		T(warnings_stand_beside_the_result),
		T(a_result_is_cut_at_each_limit),
		T(a_cancel_stops_what_runs_and_nothing_later),
		T(a_statement_ends_at_its_time_limit),
		T(a_lost_connection_ends_the_session),
		T(what_was_found_at_connect_is_told),
		T(the_settings_that_change_how_text_is_read_are_told),
		T(a_target_that_would_be_unsafe_is_refused),
		T(tls_checks_the_name_although_the_address_is_another),
		T(a_fingerprint_pins_the_certificate),
		T(no_environment_and_no_secret_shows),
	};

	return cmocka_run_group_tests_name("db my read", tests, my_shop_server, my_shop_server_end);
}
