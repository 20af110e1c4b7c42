/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What was found by attacking the walls and the run on a real MariaDB. */
#include "config.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "twokey/base/clock.h"
#include "twokey/base/must.h"

#include "db_my.h"

static bool
dangerous(const struct bench *b, enum sql_danger d)
{
	return (b->sheet.dangers & SQL_DANGER_BIT(d)) != 0;
}

static void
runs_as(struct my_shop *s, const char *sql, uint64_t rows, bool at_most, enum db_end end, const char *code)
{
	assert_int_equal(bench_run(&s->b, sql, rows, at_most), 0);
	if (s->b.r.end != end || strcmp(s->b.r.code, code) != 0)
		print_error("%s: %d %s %s\n", sql, s->b.r.end, s->b.r.code, buf_str(&s->b.r.text));
	assert_int_equal(s->b.r.end, end);
	assert_string_equal(s->b.r.code, code);
}

/* ANALYZE runs the statement and answers with its plan, so that preparing says "returns rows". */
static void
a_plan_that_writes_a_file_is_stopped(void **state)
{
	static const char *const texts[] = { "ANALYZE SELECT 1 INTO OUTFILE", "analyze format=json select 1 into dumpfile",
		"SET STATEMENT max_statement_time = 9 FOR ANALYZE SELECT 1 INTO OUTFILE" };
	struct my_shop *s = *state;
	char path[128], sql[256];

	snprintf(path, sizeof path, "%s/leak", mariadb_server_folder(my_shop_server_of()));
	bench_close(&s->b);
	s->target.user = "root";
	s->target.password = NULL;
	bench_open(&s->b, &s->target);
	for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
		s->b.blind = true;
		snprintf(sql, sizeof sql, "%s '%s'", texts[i], path);
		assert_int_equal(bench_read(&s->b, sql), ERR_WALL);
		assert_int_not_equal(access(path, F_OK), 0);
	}
}

/* Reading them sets counters of the server to zero. */
static void
a_table_that_is_reset_by_reading_is_no_read(void **state)
{
	static const char *const texts[] = { "SELECT * FROM information_schema.INNODB_CMP_RESET",
		"SELECT 1 FROM INFORMATION_SCHEMA.innodb_cmpmem_reset", "TABLE information_schema.innodb_cmp_per_index_reset",
		"SELECT (SELECT count(*) FROM `information_schema` . `INNODB_CMP_PER_INDEX_RESET`)" };
	struct my_shop *s = *state;

	for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
		assert_int_equal(bench_read(&s->b, texts[i]), ERR_WALL);
		assert_int_not_equal(s->b.facts->class, SQL_CLASS_READ);
	}
	my_shop_sql("CREATE VIEW v AS SELECT * FROM information_schema.INNODB_CMP_RESET");
	assert_int_equal(bench_read(&s->b, "SELECT * FROM v"), ERR_WALL);
}

/* A read may set a variable of the connection; what was shown was shown with the old one. */
static void
a_variable_that_changes_between_sheet_and_run_voids_it(void **state)
{
	static const char sql[] = "UPDATE items SET what = @a WHERE order_id = 11";
	struct my_shop *s = *state;

	assert_int_equal(bench_read(&s->b, "SELECT @a := 1"), 0);
	assert_int_equal(bench_sheet(&s->b, sql), 0);
	assert_int_equal(bench_read(&s->b, "SELECT @a := 999"), 0);
	runs_as(s, sql, 1, false, DB_ROLLEDBACK, "bind");
	assert_int_equal(bench_sheet(&s->b, sql), 0);
	runs_as(s, sql, 1, false, DB_COMMITTED, "");
	assert_string_equal(my_shop_sql("SELECT what FROM items WHERE order_id = 11"), "999");
}

/* What it answers is its plan: one row, however many were deleted. */
static void
a_write_inside_analyze_is_not_run(void **state)
{
	static const char sql[] = "ANALYZE DELETE FROM items";
	struct my_shop *s = *state;

	(void)bench_sheet(&s->b, sql);
	assert_int_equal(bench_run(&s->b, sql, 1, false), ERR_WALL);
	assert_string_equal(my_shop_sql("SELECT count(*) FROM items"), "3");
}

/* Behind a view, or one of several tables: what stays must not be tried. */
static void
what_cannot_be_rolled_back_is_not_run_behind_others(void **state)
{
	static const char *const texts[] = { "UPDATE vflat SET a = 9", "UPDATE wflat SET a = 9",
		"DELETE f, n FROM flat f JOIN nokey n ON 1 = 1", "UPDATE flat f JOIN nokey n ON 1 = 1 SET f.a = 7, n.a = 8",
		"INSERT INTO vflat VALUES (7, 7)", "REPLACE INTO wflat VALUES (1, 7)" };
	struct my_shop *s = *state;

	my_shop_sql("CREATE VIEW vflat AS SELECT * FROM flat; CREATE VIEW wflat AS SELECT * FROM vflat");
	for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
		assert_int_equal(bench_sheet(&s->b, texts[i]), 0);
		assert_true(dangerous(&s->b, SQL_DANGER_NO_ROLLBACK));
		assert_non_null(strstr(buf_str(&s->b.sheet.note), "MyISAM"));
		runs_as(s, texts[i], 1, false, DB_FAILED, "wall");
		assert_string_equal(my_shop_sql("SELECT group_concat(concat_ws('/', id, a) ORDER BY id) FROM flat"), "1/1,2/1");
	}
}

static void
what_a_view_or_several_tables_set_off_is_told(void **state)
{
	static const char sql[] = "DELETE FROM vc WHERE id = 1";
	struct my_shop *s = *state;

	my_shop_sql("CREATE VIEW vorders AS SELECT id AS nr, total FROM orders; CREATE VIEW vc AS SELECT id, name FROM customers");
	assert_int_equal(bench_sheet(&s->b, "UPDATE vorders SET total = 1 WHERE nr = 10"), 0);
	assert_string_equal(buf_str(&s->b.sheet.triggers), "[\"orders_audit\"]");
	assert_int_equal(bench_sheet(&s->b, "UPDATE vorders SET nr = 99 WHERE nr = 10"), 0);
	assert_int_equal(bench_sheet(&s->b, "DELETE c, n FROM customers c JOIN nokey n ON c.id = n.a"), 0);
	assert_true(dangerous(&s->b, SQL_DANGER_CASCADE));
	assert_non_null(strstr(buf_str(&s->b.sheet.cascades), "items_order"));
	assert_int_equal(bench_sheet(&s->b, sql), 0);
	assert_string_equal(buf_str(&s->b.sheet.cascades), "[\"orders_customer on orders\",\"items_order on items\"]");
	my_shop_sql("CREATE TRIGGER late BEFORE DELETE ON customers FOR EACH ROW DELETE FROM nokey");
	runs_as(s, sql, 1, false, DB_ROLLEDBACK, "bind");
	assert_string_equal(my_shop_sql("SELECT count(*) FROM nokey"), "2");
}

/* A portion of time: what is left of the row is inserted, with what that sets off. */
static void
a_portion_of_time_inserts_too(void **state)
{
	struct my_shop *s = *state;

	my_shop_sql("CREATE TABLE per (id int, s date, e date, PERIOD FOR p (s, e)); INSERT INTO per VALUES (1, '2020-01-01',"
	    " '2030-01-01'); CREATE TRIGGER peri AFTER INSERT ON per FOR EACH ROW INSERT INTO audit VALUES ('p')");
	assert_int_equal(bench_sheet(&s->b, "DELETE FROM per FOR PORTION OF p FROM '2022-01-01' TO '2023-01-01'"), 0);
	assert_string_equal(buf_str(&s->b.sheet.triggers), "[\"peri\"]");
}

/* Settings of the server that would hide rows, or that a value was cut, from us. */
static void
settings_of_the_server_hide_nothing(void **state)
{
	static const char cut[] = "UPDATE customers SET name = repeat('x', 99) WHERE id = 1";
	struct my_shop *s = *state;

	my_shop_sql("SET GLOBAL sql_select_limit = 1, max_error_count = 0, sql_mode = ''");
	bench_close(&s->b);
	bench_open(&s->b, &s->target);
	my_shop_sql("SET GLOBAL sql_select_limit = DEFAULT, max_error_count = DEFAULT, sql_mode = DEFAULT");
	assert_int_equal(bench_sheet(&s->b, "UPDATE items SET what = 'x'"), 0);
	assert_int_equal(s->b.sheet.count, 3);
	assert_int_equal(bench_sheet(&s->b, cut), 0);
	runs_as(s, cut, 1, false, DB_FAILED, "01000");
	assert_string_equal(my_shop_sql("SELECT name FROM customers WHERE id = 1"), "Ada");
}

/* More warnings than are read: what was not kept may stand behind them. */
static void
what_was_not_kept_is_seen_behind_many_warnings(void **state)
{
	static const char sql[] = "INSERT IGNORE INTO w SELECT seq, if(seq > 90, 'longer', 'b') FROM seq_1_to_91";
	struct my_shop *s = *state;

	my_shop_sql("CREATE TABLE w (id int PRIMARY KEY, t varchar(3)); INSERT INTO w SELECT seq, 'a' FROM seq_1_to_90");
	assert_int_equal(bench_sheet(&s->b, sql), 0);
	runs_as(s, sql, 1, false, DB_FAILED, "01000");
	assert_string_equal(my_shop_sql("SELECT count(*) FROM w"), "90");
}

/* RETURNING answers with rows, and says nothing of those that made place for them. */
static void
what_returning_hides_is_not_kept(void **state)
{
	static const char *const texts[] = { "REPLACE INTO alike VALUES (1, 2, 3) RETURNING id",
		"INSERT INTO alike VALUES (1, 9, 9) ON DUPLICATE KEY UPDATE a = 7 RETURNING id" };
	struct my_shop *s = *state;

	my_shop_sql("CREATE TABLE alike (id int PRIMARY KEY, a int UNIQUE, b int UNIQUE); INSERT INTO alike VALUES (1, 1, 1), (2, 2, 2),"
	    " (3, 3, 3)");
	s->b.hold = bench_keep;
	for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
		assert_int_equal(bench_sheet(&s->b, texts[i]), 0);
		runs_as(s, texts[i], 1, false, DB_FAILED, "wall");
		assert_int_equal(s->b.nheld, 0);
	}
	assert_string_equal(my_shop_sql("SELECT sum(a * id) FROM alike"), "14");
	assert_int_equal(bench_sheet(&s->b, "INSERT INTO alike VALUES (4, 4, 4) RETURNING id"), 0);
	runs_as(s, "INSERT INTO alike VALUES (4, 4, 4) RETURNING id", 1, false, DB_COMMITTED, "");
	assert_int_equal(bench_sheet(&s->b, "INSERT IGNORE INTO alike VALUES (1, 1, 1), (5, 5, 5)"), 0);
	runs_as(s, "INSERT IGNORE INTO alike VALUES (1, 1, 1), (5, 5, 5)", 1, false, DB_COMMITTED, "");
	assert_string_equal(s->b.held_effects, "[{\"table\":\"alike\",\"inserted\":1,\"updated\":0,\"deleted\":0}]");
}

/* A view behind the one that is named sends the change to another column. */
static void
a_view_behind_a_view_is_bound(void **state)
{
	static const char *const texts[] = { "UPDATE outer_one SET a = 9 WHERE id = 1",
		"INSERT INTO two SELECT id + 10, a, a FROM outer_one" };
	struct my_shop *s = *state;

	my_shop_sql("CREATE TABLE two (id int PRIMARY KEY, a int, b int); INSERT INTO two VALUES (1, 1, 1);"
	    "CREATE VIEW inner_one AS SELECT id, a FROM two; CREATE VIEW outer_one AS SELECT * FROM inner_one");
	for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
		my_shop_sql("CREATE OR REPLACE VIEW inner_one AS SELECT id, a FROM two");
		assert_int_equal(bench_sheet(&s->b, texts[i]), 0);
		my_shop_sql("CREATE OR REPLACE VIEW inner_one AS SELECT id, b AS a FROM two");
		runs_as(s, texts[i], 1, false, DB_ROLLEDBACK, "bind");
		assert_int_equal(bench_sheet(&s->b, texts[i]), 0);
		runs_as(s, texts[i], 1, false, DB_COMMITTED, "");
	}
}

/* What is a string and what is not depends on the mode of the session. */
static const struct {
	const char *mode, *sql;
	uint64_t rows;		/* of three */
} modes[] = {
	{ "", "UPDATE items SET what = '\\' WHERE order_id = 11 -- '", 3 }, { "", "UPDATE items SET what = \"\\\" WHERE line = 2 -- \"", 3 },
	{ "NO_BACKSLASH_ESCAPES", "UPDATE items SET what = '\\' WHERE order_id = 11 -- '", 1 },
	{ "NO_BACKSLASH_ESCAPES", "UPDATE items SET what = _latin1 'x\\'' WHERE line = 2 -- '", 3 },
	{ "ANSI_QUOTES", "UPDATE \"items\" SET \"what\" = \"order_id\" WHERE \"line\" = 1 --1", 1 },
	{ "", "DELETE FROM items WHERE order_id = 10 AND line = 1 # x\n OR line = 2", 2 },
};

static void
a_text_is_read_in_the_mode_of_the_session(void **state)
{
	struct my_shop *s = *state;
	char sql[120];

	for (size_t i = 0; i < sizeof modes / sizeof modes[0]; i++) {
		bench_close(&s->b);
		snprintf(sql, sizeof sql, "SET GLOBAL sql_mode = '%s'", modes[i].mode);
		my_shop_sql(sql);
		bench_open(&s->b, &s->target);
		my_shop_sql("SET GLOBAL sql_mode = DEFAULT; DELETE FROM items; INSERT INTO items VALUES (10, 1, 'x'), (10, 2, 'y'), (11, 1, 'z')");
		assert_int_equal(bench_sheet(&s->b, modes[i].sql), 0);
		assert_true(s->b.sheet.count_known);
		if (s->b.sheet.count != modes[i].rows)
			fail_msg("%s: %s", modes[i].mode, modes[i].sql);
		runs_as(s, modes[i].sql, modes[i].rows, false, DB_COMMITTED, "");
		assert_int_equal(s->b.r.rows, modes[i].rows);
	}
}

/* Both say of themselves that they have transactions, and keep what a ROLLBACK should take back. */
static void
a_sequence_and_another_servers_table_stay(void **state)
{
	static const char counts[] = "INSERT INTO numbers VALUES (500, 1, 9999, 500, 1, 100, 0, 0)", there[] = "UPDATE fed SET a = 7";
	struct my_shop *s = *state;
	char sql[600];

	assert_int_equal(bench_sheet(&s->b, counts), 0);
	assert_string_equal(s->b.sheet.rollback, "engine");
	assert_true(dangerous(&s->b, SQL_DANGER_NO_ROLLBACK));
	runs_as(s, counts, 1, false, DB_FAILED, "wall");
	assert_string_equal(my_shop_sql("SELECT next_not_cached_value FROM numbers"), "1");
	snprintf(sql, sizeof sql, "INSTALL SONAME 'ha_federatedx'; CREATE OR REPLACE SERVER far FOREIGN DATA WRAPPER mysql OPTIONS"
	    " (USER 'ben', PASSWORD 'sesame-77', SOCKET '%s', DATABASE 'shop'); CREATE TABLE fed (id int PRIMARY KEY, a int)"
	    " ENGINE=FEDERATED CONNECTION='far/flat'", mariadb_server_socket(my_shop_server_of()));
	my_shop_sql(sql);
	s->b.hold = bench_keep;
	assert_int_equal(bench_sheet(&s->b, there), 0);
	assert_string_equal(s->b.sheet.rollback, "foreign");
	assert_true(dangerous(&s->b, SQL_DANGER_NO_ROLLBACK));
	runs_as(s, there, 2, false, DB_FAILED, "wall");
	assert_string_equal(my_shop_sql("SELECT sum(a) FROM flat"), "2");
	my_shop_sql("DROP TABLE fed; UNINSTALL SONAME 'ha_federatedx'");
}

/* The server keeps whole seconds of when a thing was made. */
static void
next_second(void)
{
	int64_t began = clock_wall_us() / 1000000;

	while (clock_wall_us() / 1000000 <= began)
		;
}

/* Another table under the same name, and made alike: it is not the one that was shown. */
static void
a_table_that_is_swapped_voids_it(void **state)
{
	static const char sql[] = "UPDATE nokey SET a = a + 1";
	struct my_shop *s = *state;

	assert_int_equal(bench_sheet(&s->b, sql), 0);
	next_second();
	my_shop_sql("CREATE TABLE nk2 LIKE nokey; INSERT INTO nk2 VALUES (100), (200); RENAME TABLE nokey TO nk3, nk2 TO nokey");
	runs_as(s, sql, 2, false, DB_ROLLEDBACK, "bind");
}

/* The account sees only foreign keys of tables that it may use. */
static void
foreign_keys_that_may_not_be_seen_are_said(void **state)
{
	struct my_shop *s = *state;

	assert_int_equal(bench_sheet(&s->b, "UPDATE items SET what = 'x' WHERE order_id = 10"), 0);
	assert_null(strstr(buf_str(&s->b.sheet.note), "foreign keys"));	/* none refers to a column without an index */
	assert_int_equal(bench_sheet(&s->b, "DELETE FROM customers WHERE id = 4"), 0);
	assert_non_null(strstr(buf_str(&s->b.sheet.note), "foreign keys"));
	bench_close(&s->b);
	s->target.user = "root";
	s->target.password = NULL;
	bench_open(&s->b, &s->target);
	assert_int_equal(bench_sheet(&s->b, "DELETE FROM customers WHERE id = 4"), 0);
	assert_null(strstr(buf_str(&s->b.sheet.note), "foreign keys"));
}

/* A trigger may call, and write to tables with triggers of their own. */
static void
what_triggers_set_off_in_turn_is_bound(void **state)
{
	static const char *const changes[] = { "CREATE OR REPLACE PROCEDURE pp() DELETE FROM nokey",
		"CREATE TRIGGER deep AFTER INSERT ON audit FOR EACH ROW DELETE FROM nokey" };
	static const char sql[] = "UPDATE orders SET total = 1 WHERE id = 10";
	struct my_shop *s = *state;

	my_shop_sql("CREATE PROCEDURE pp() SET @q = 1; CREATE TRIGGER tp BEFORE UPDATE ON orders FOR EACH ROW CALL pp()");
	for (size_t i = 0; i < sizeof changes / sizeof *changes; i++) {
		assert_int_equal(bench_sheet(&s->b, sql), 0);
		next_second();
		my_shop_sql(changes[i]);
		runs_as(s, sql, 1, false, DB_ROLLEDBACK, "bind");
	}
	assert_string_equal(my_shop_sql("SELECT count(*) FROM nokey"), "2");
}

struct late {
	MYSQL *m;
	pthread_t thread;
};

/* Waits until somebody waits for the table, then makes a trigger and lets go. */
static void *
make_late(void *late)
{
	struct late *l = late;
	int64_t end = clock_mono_ms() + 30000;
	bool seen = false;

	while (!seen && clock_mono_ms() < end) {
		char *is = mariadb_server_sql(my_shop_server_of(), NULL, "SELECT count(*) FROM information_schema.processlist"
		    " WHERE user = 'ben' AND state LIKE '%metadata lock%'");

		seen = strcmp(is, "0") != 0;
		free(is);
	}
	(void)mysql_query(l->m, "CREATE TRIGGER late BEFORE UPDATE ON items FOR EACH ROW INSERT INTO nokey VALUES (7)");
	(void)mysql_query(l->m, "UNLOCK TABLES");
	return NULL;
}

/* Between looking and locking. */
static void
a_trigger_made_while_the_run_looks_is_seen(void **state)
{
	static const char sql[] = "UPDATE items SET what = 'x' WHERE order_id = 11";
	struct my_shop *s = *state;
	struct late l;

	bench_close(&s->b);
	s->target.lock_timeout_ms = 20000;
	bench_open(&s->b, &s->target);
	assert_int_equal(bench_sheet(&s->b, sql), 0);
	l.m = mariadb_server_connect(my_shop_server_of(), "shop");
	assert_int_equal(mysql_query(l.m, "LOCK TABLES items WRITE, nokey WRITE"), 0);
	must(pthread_create(&l.thread, NULL, make_late, &l) == 0);
	runs_as(s, sql, 1, false, DB_ROLLEDBACK, "bind");
	pthread_join(l.thread, NULL);
	mysql_close(l.m);
	assert_string_equal(my_shop_sql("SELECT count(*) FROM nokey"), "2");
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_plan_that_writes_a_file_is_stopped, my_shop_setup, my_shop_teardown),
		cmocka_unit_test_setup_teardown(a_table_that_is_reset_by_reading_is_no_read, my_shop_setup, my_shop_teardown),
		cmocka_unit_test_setup_teardown(a_variable_that_changes_between_sheet_and_run_voids_it, my_shop_setup, my_shop_teardown),
		cmocka_unit_test_setup_teardown(a_write_inside_analyze_is_not_run, my_shop_setup, my_shop_teardown),
		cmocka_unit_test_setup_teardown(what_cannot_be_rolled_back_is_not_run_behind_others, my_shop_setup, my_shop_teardown),
		cmocka_unit_test_setup_teardown(what_a_view_or_several_tables_set_off_is_told, my_shop_setup, my_shop_teardown),
		cmocka_unit_test_setup_teardown(a_portion_of_time_inserts_too, my_shop_setup, my_shop_teardown),
		cmocka_unit_test_setup_teardown(settings_of_the_server_hide_nothing, my_shop_setup, my_shop_teardown),
		cmocka_unit_test_setup_teardown(what_was_not_kept_is_seen_behind_many_warnings, my_shop_setup, my_shop_teardown),
		cmocka_unit_test_setup_teardown(what_returning_hides_is_not_kept, my_shop_setup, my_shop_teardown),
		cmocka_unit_test_setup_teardown(a_view_behind_a_view_is_bound, my_shop_setup, my_shop_teardown),
		cmocka_unit_test_setup_teardown(a_text_is_read_in_the_mode_of_the_session, my_shop_setup, my_shop_teardown),
		cmocka_unit_test_setup_teardown(a_sequence_and_another_servers_table_stay, my_shop_setup, my_shop_teardown),
		cmocka_unit_test_setup_teardown(a_table_that_is_swapped_voids_it, my_shop_setup, my_shop_teardown),
		cmocka_unit_test_setup_teardown(foreign_keys_that_may_not_be_seen_are_said, my_shop_setup, my_shop_teardown),
		cmocka_unit_test_setup_teardown(what_triggers_set_off_in_turn_is_bound, my_shop_setup, my_shop_teardown),
		cmocka_unit_test_setup_teardown(a_trigger_made_while_the_run_looks_is_seen, my_shop_setup, my_shop_teardown),
	};

	return cmocka_run_group_tests(tests, my_shop_server, my_shop_server_end);
}
