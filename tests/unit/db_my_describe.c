/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Questions about definitions on a real MariaDB. */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "db_my.h"

static const char *
ask(struct my_shop *s, enum db_subject what, const char *name)
{
	int ret = bench_describe(&s->b, what, name);

	if (ret != 0 || s->b.r.end == DB_FAILED)
		print_error("%s: %s%s\n", name, s->b.e.text, buf_str(&s->b.r.text));
	assert_int_equal(ret, 0);
	assert_int_equal(s->b.r.end, DB_DONE);
	return buf_str(&s->b.rows);
}

/* What is said when nothing is found. */
static const char *
refused(struct my_shop *s, const char *name)
{
	assert_int_equal(bench_describe(&s->b, DB_SUBJECT_TABLE, name), 0);
	assert_int_equal(s->b.r.end, DB_FAILED);
	assert_int_equal(s->b.ncolumns, 0);
	return buf_str(&s->b.r.text);
}

static void
has(const char *rows, const char *line)
{
	if (strstr(rows, line) == NULL)
		fail_msg("no \"%s\" in:\n%s", line, rows);
}

static void
a_table_is_told_with_everything_that_hangs_on_it(void **state)
{
	struct my_shop *s = *state;
	const char *rows;

	my_shop_sql("ALTER TABLE orders ADD COLUMN n bigint unsigned NOT NULL AUTO_INCREMENT UNIQUE, ADD COLUMN twice int AS"
	    " (total * 2) STORED, ADD COLUMN at timestamp DEFAULT current_timestamp() NOT NULL,"
	    " ADD COLUMN said varchar(20) COLLATE utf8mb4_bin DEFAULT 'a' COMMENT 'what; was said', COMMENT = 'all of them';"
	    "CREATE INDEX orders_total ON orders (total DESC, said(5)); CREATE FULLTEXT INDEX words ON orders (said);"
	    "CREATE TRIGGER `odd name` BEFORE INSERT ON orders FOR EACH ROW SET new.total = 1");
	rows = ask(s, DB_SUBJECT_TABLE, "orders");
	assert_string_equal(buf_str(&s->b.columns), "what varchar,name varchar,definition varchar,");
	has(rows, "table|shop.orders|engine InnoDB, about 4 rows, 16 kB, indexes ");
	has(rows, "utf8mb4_general_ci, comment: all of them\n");
	has(rows, "column|id|int(11) not null\n");
	has(rows, "column|n|bigint(20) unsigned not null auto_increment\n");
	has(rows, "column|twice|int(11) as (`total` * 2) stored generated\n");
	has(rows, "column|at|timestamp not null default current_timestamp()\n");
	has(rows, "column|said|varchar(20) collate utf8mb4_bin default 'a', comment: what; was said\n");
	has(rows, "primary key|PRIMARY|btree (id)\n");
	has(rows, "unique|n|btree (n)\n");
	has(rows, "index|orders_total|btree (total desc, said(5))\n");
	has(rows, "index|words|fulltext (said)\n");
	has(rows, "foreign key|orders_customer|(customer_id) references shop.customers (id) on delete cascade on update cascade\n");
	has(rows, "referenced by|items_order|shop.items (order_id) on delete cascade on update restrict\n");
	has(rows, "trigger|odd name|before insert, definer root@localhost: SET new.total = 1\n");
	has(rows, "trigger|orders_audit|after update, definer root@localhost: INSERT INTO audit VALUES (new.id)\n");
	has(rows, "as created||CREATE TABLE `orders` (");
	has(rows, "CHECK (`state` <> 'bad')");
	assert_string_equal(buf_str(&s->b.r.own), "[\"my.relation\",\"my.part-table\",\"my.part-columns\",\"my.part-indexes\","
	    "\"my.part-foreign\",\"my.part-referenced\",\"my.part-triggers\",\"my.definition\",\"my.rollback\",\"my.begin-read\"]");
}

static void
views_sequences_and_partitions_are_told(void **state)
{
	struct my_shop *s = *state;

	my_shop_sql("CREATE TABLE events (at date) PARTITION BY RANGE (year(at)) (PARTITION old VALUES LESS THAN (2020),"
	    " PARTITION new VALUES LESS THAN MAXVALUE)");
	has(ask(s, DB_SUBJECT_TABLE, "events"), "PARTITION BY RANGE (year(`at`))");
	has(ask(s, DB_SUBJECT_TABLE, "loud"), "view|shop.loud|definer root@localhost, security definer\n");
	has(buf_str(&s->b.rows), "as created||CREATE ALGORITHM");
	has(ask(s, DB_SUBJECT_TABLE, "numbers"), "sequence|shop.numbers|");
	has(ask(s, DB_SUBJECT_TABLE, "flat"), "engine MyISAM");
}

static void
names_are_read_as_typed(void **state)
{
	struct my_shop *s = *state;

	my_shop_sql("DROP DATABASE IF EXISTS other; CREATE DATABASE other; CREATE TABLE other.alone (a int);"
	    "GRANT SELECT ON other.* TO ben@localhost; CREATE TABLE `Odd.``Name` (a int)");
	has(ask(s, DB_SUBJECT_TABLE, "`orders`"), "table|shop.orders|");
	has(ask(s, DB_SUBJECT_TABLE, "shop.orders"), "table|shop.orders|");
	has(ask(s, DB_SUBJECT_TABLE, "`Odd.``Name`"), "table|shop.`Odd.``Name`|");
	has(ask(s, DB_SUBJECT_TABLE, "other.alone"), "column|a|int(11)\n");
	has(refused(s, "alone"), "ask for the tables");
	has(refused(s, "ordres"), "is it orders?");
	has(refused(s, "other.alnoe"), "is it other.alone?");
	has(refused(s, ""), "not a name");
	has(refused(s, "a.b.c"), "not a name");
	has(refused(s, "`open"), "not a name");
	has(refused(s, "orders'; DROP TABLE orders; --"), "there is no table");
	has(refused(s, "%"), "there is no table");
	has(ask(s, DB_SUBJECT_TABLE, "orders"), "table|shop.orders|");
}

static void
lists_are_of_the_database(void **state)
{
	struct my_shop *s = *state;
	const char *rows;

	my_shop_sql("CREATE FUNCTION plus(a int, b int) RETURNS int DETERMINISTIC NO SQL RETURN a + b;"
	    "CREATE PROCEDURE tidy(OUT n int) SQL SECURITY INVOKER SET n = 1; CREATE TABLE `two words` (a int)");
	rows = ask(s, DB_SUBJECT_TABLES, "");
	assert_string_equal(buf_str(&s->b.columns), "name varchar,what varchar,rows bigint unsigned,size varchar,engine varchar,");
	has(rows, "orders|table|4|32 kB|InnoDB\n");
	has(rows, "loud|view|~|~|~\n");
	has(rows, "`two words`|table|0|");
	assert_null(strstr(rows, "global_priv"));
	rows = ask(s, DB_SUBJECT_TABLES, "order");
	has(rows, "orders|");
	assert_null(strstr(rows, "customers"));
	rows = ask(s, DB_SUBJECT_FUNCTIONS, "");
	has(rows, "plus|a int(11), b int(11)|int(11)|function, no sql, deterministic, security definer root@localhost\n");
	has(rows, "tidy|out n int(11)||procedure, contains sql, security invoker\n");
	rows = ask(s, DB_SUBJECT_NAMES, "");
	assert_string_equal(buf_str(&s->b.columns), "what varchar,name varchar,place varchar,");
	has(rows, "table|orders|shop\n");
	has(rows, "function|plus|shop\n");
	has(rows, "column|customer_id|shop.orders\n");
	has(rows, "column|a|shop.`two words`\n");
	assert_true(strstr(rows, "column|") > strstr(rows, "table|orders"));
}

static void
an_answer_keeps_its_limits_and_its_wall(void **state)
{
	struct my_shop *s = *state;

	for (uint64_t n = 1; n < 14; n++) {
		s->b.max = (struct db_limits){ n, 0 };
		assert_int_equal(bench_describe(&s->b, DB_SUBJECT_TABLE, "orders"), 0);
		assert_int_equal(s->b.nrows <= n, 1);
		assert_int_equal(s->b.r.rows, s->b.nrows);
		if (n < 8)
			assert_int_equal(s->b.r.end, DB_CUT);
	}
	s->b.max = (struct db_limits){ 0 };
	assert_string_equal(bench_rows(&s->b, "SELECT @@in_transaction, @@tx_read_only"), "1|1\n");
}

/* Lists do not wait for a table that somebody locks. */
static void
a_locked_table_makes_no_list_wait(void **state)
{
	struct my_shop *s = *state;
	MYSQL *other = mariadb_server_connect(my_shop_server_of(), "shop");

	assert_int_equal(mysql_query(other, "LOCK TABLES orders WRITE"), 0);
	has(ask(s, DB_SUBJECT_TABLES, ""), "orders|table|");
	has(ask(s, DB_SUBJECT_NAMES, ""), "table|orders|shop\n");
	has(ask(s, DB_SUBJECT_TABLE, "orders"), "table|shop.orders|");
	mysql_close(other);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
#define ONE(test) cmocka_unit_test_setup_teardown(test, my_shop_setup, my_shop_teardown)
		ONE(a_table_is_told_with_everything_that_hangs_on_it),
		ONE(views_sequences_and_partitions_are_told),
		ONE(names_are_read_as_typed),
		ONE(lists_are_of_the_database),
		ONE(an_answer_keeps_its_limits_and_its_wall),
		ONE(a_locked_table_makes_no_list_wait),
#undef ONE
	};

	return cmocka_run_group_tests_name("db_my_describe", tests, my_shop_server, my_shop_server_end);
}
