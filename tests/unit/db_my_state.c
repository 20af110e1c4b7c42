/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A session ends when it is not as it was, and only then: views of other databases and SET STATEMENT leave it. */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "twokey/base/err.h"

#include "db_my.h"

static const char elsewhere[] =
	"DROP DATABASE IF EXISTS o; CREATE DATABASE o; CREATE TABLE o.kept (a int); CREATE VIEW o.v AS SELECT 1 AS a;"
	"CREATE VIEW o.rows_of AS SELECT a FROM o.kept; CREATE VIEW local_v AS SELECT a FROM o.v;"
	"CREATE TABLE o.log (what text); GRANT ALL ON o.* TO ben@localhost; GRANT SELECT, SHOW VIEW ON mysql.* TO ben@localhost";

static void
what_enters_another_database_goes_on(void **state)
{
	static const char *const texts[] = { "SELECT * FROM o.v", "SELECT * FROM local_v", "DESC o.v", "SHOW CREATE VIEW o.v",
		"SHOW COLUMNS FROM local_v", "SELECT * FROM o.v, o.rows_of, local_v", "SELECT user FROM mysql.user",
		"SELECT 1 FROM information_schema.columns LIMIT 3", "EXPLAIN SELECT * FROM o.v", "SHOW TABLE STATUS FROM o",
		"SELECT table_name FROM information_schema.views", "SET STATEMENT sort_buffer_size = 100000 FOR SELECT 1",
		"SET STATEMENT join_buffer_size = 200000, sort_buffer_size = 100000 FOR SELECT * FROM o.v", "SELECT nothing FROM o.v",
		"SET STATEMENT sort_buffer_size = 100000 FOR SELECT nothing FROM o.v" };
	struct my_shop *s = *state;

	my_shop_sql(elsewhere);
	for (size_t i = 0; i < 2 * sizeof texts / sizeof *texts; i++) {
		const char *text = texts[i / 2];
		int ret = bench_read(&s->b, text);

		if (ret != 0 || (s->b.r.end == DB_FAILED && strstr(text, "nothing") == NULL))
			fail_msg("%s: %s%s", text, s->b.e.text, buf_str(&s->b.r.text));
		assert_string_equal(bench_rows(&s->b, "SELECT DATABASE(), @@sort_buffer_size = @@global.sort_buffer_size"),
		    "shop|1\n");
	}
}

static void
a_write_whose_trigger_is_busy_elsewhere_is_kept(void **state)
{
	struct my_shop *s = *state;

	my_shop_sql(elsewhere);
	my_shop_sql("CREATE TRIGGER busy AFTER INSERT ON nokey FOR EACH ROW INSERT INTO o.log SELECT a FROM o.v");
	assert_int_equal(bench_do(&s->b, "INSERT INTO nokey VALUES (7)", 1), 0);
	assert_int_equal(s->b.r.end, DB_COMMITTED);
	assert_int_equal(bench_do(&s->b, "INSERT INTO nokey SELECT a FROM o.v", 1), 0);
	assert_int_equal(s->b.r.end, DB_COMMITTED);
	assert_int_equal(bench_do(&s->b, "INSERT INTO nokey VALUES (8) RETURNING a, (SELECT a FROM o.v)", 1), 0);
	assert_int_equal(s->b.r.end, DB_COMMITTED);
	assert_string_equal(my_shop_sql("SELECT count(*) FROM o.log"), "3");
	assert_string_equal(bench_rows(&s->b, "SELECT DATABASE()"), "shop\n");
}

static void
a_write_whose_trigger_changes_the_session_is_rolled_back(void **state)
{
	static const char *const texts[] = { "INSERT INTO nokey VALUES (7)", "INSERT INTO nokey VALUES (8) RETURNING a" };
	struct my_shop *s = *state;

	my_shop_sql("CREATE TRIGGER turn AFTER INSERT ON nokey FOR EACH ROW SET SESSION sort_buffer_size = 300000");
	for (size_t i = 0; i < 2; i++) {
		assert_int_equal(bench_do(&s->b, texts[i], 1), 0);
		assert_int_equal(s->b.r.end, DB_FAILED);
		assert_string_equal(s->b.r.code, "wall");
		assert_int_equal(bench_read(&s->b, "SELECT 1"), ERR_DATABASE);
		bench_close(&s->b);
		bench_open(&s->b, &s->target);
	}
	assert_string_equal(my_shop_sql("SELECT count(*) FROM nokey"), "2");
}

static void
a_statement_that_fails_after_a_change_ends_the_session(void **state)
{
	struct my_shop *s = *state;

	my_shop_sql("CREATE FUNCTION fails() RETURNS int BEGIN SET SESSION sort_buffer_size = 300000; SIGNAL SQLSTATE '45000'"
	    " SET MESSAGE_TEXT = 'so'; RETURN 1; END;");
	s->b.blind = true;
	s->b.nameless = true;
	assert_int_equal(bench_read(&s->b, "SELECT shop.fails()"), ERR_DATABASE);
	bench_close(&s->b);
	bench_open(&s->b, &s->target);
	my_shop_sql("CREATE TRIGGER turn AFTER INSERT ON nokey FOR EACH ROW BEGIN SET SESSION sort_buffer_size = 300000;"
	    " SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'so'; END");
	assert_int_equal(bench_do(&s->b, "INSERT INTO nokey VALUES (7)", 1), 0);
	assert_int_equal(s->b.r.end, DB_FAILED);
	assert_int_equal(bench_read(&s->b, "SELECT 1"), ERR_DATABASE);
}

/* Put back by the trigger itself: the server says that it changed, and it is as it was. */
static void
what_was_put_back_counts_as_unchanged(void **state)
{
	struct my_shop *s = *state;

	my_shop_sql("CREATE TRIGGER turn AFTER INSERT ON nokey FOR EACH ROW BEGIN SET @n = @@sort_buffer_size;"
	    " SET SESSION sort_buffer_size = 300000; SET SESSION sort_buffer_size = @n; END");
	assert_int_equal(bench_do(&s->b, "INSERT INTO nokey VALUES (7)", 1), 0);
	assert_int_equal(s->b.r.end, DB_COMMITTED);
	assert_string_equal(bench_rows(&s->b, "SELECT DATABASE()"), "shop\n");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
#define T(test) cmocka_unit_test_setup_teardown(test, my_shop_setup, my_shop_teardown)
		T(what_enters_another_database_goes_on),
		T(a_write_whose_trigger_is_busy_elsewhere_is_kept),
		T(a_write_whose_trigger_changes_the_session_is_rolled_back),
		T(a_statement_that_fails_after_a_change_ends_the_session),
		T(what_was_put_back_counts_as_unchanged),
#undef T
	};

	return cmocka_run_group_tests_name("db_my_state", tests, my_shop_server, my_shop_server_end);
}
