/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the sheet of PostgreSQL tells beside the rows: what a write sets off, how large the table is, who stands in its
 * way. */
#include "config.h"

#include <libpq-fe.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "twokey/base/err.h"

#include "db_pg.h"

static bool
dangerous(const struct bench *b, enum sql_danger d)
{
	return (b->sheet.dangers & SQL_DANGER_BIT(d)) != 0;
}

static void
has(struct buf *list, const char *what)
{
	if (strstr(buf_str(list), what) == NULL)
		fail_msg("%s is not in %s", what, buf_str(list));
}

static void
sheet(struct bench *b, const char *sql)
{
	if (bench_sheet(b, sql) != 0)
		fail_msg("%s: %s", sql, b->e.text);
}

static void
policies_are_named_where_they_count(void **state)
{
	struct pg_shop *s = *state;

	pg_shop_sql("CREATE ROLE clerks; CREATE POLICY mine ON orders USING (total < 9); CREATE POLICY adds ON orders FOR INSERT"
	    " WITH CHECK (true); CREATE POLICY sees ON orders FOR SELECT USING (id > 0);"
	    " CREATE POLICY others ON orders TO clerks USING (false)");
	sheet(&s->b, "UPDATE orders SET total = 0");
	assert_int_equal(buf_len(&s->b.sheet.policies), 0);	/* not switched on */
	pg_shop_sql("ALTER TABLE orders ENABLE ROW LEVEL SECURITY");
	sheet(&s->b, "UPDATE orders SET total = 0");
	assert_string_equal(buf_str(&s->b.sheet.policies), "[\"mine\",\"sees\"]");
	assert_int_equal(s->b.sheet.count, 4);	/* as a read sees them: one of them cannot be changed */
	has(&s->b.sheet.note, "a row policy may keep some of them from the change");
	sheet(&s->b, "INSERT INTO orders VALUES (20, 1, 'open', 1)");
	assert_string_equal(buf_str(&s->b.sheet.policies), "[\"adds\",\"mine\"]");
	pg_shop_sql("GRANT clerks TO ben");
	sheet(&s->b, "DELETE FROM orders");
	has(&s->b.sheet.policies, "\"others\"");
	pg_shop_sql("DROP TABLE orders CASCADE; DROP ROLE clerks");
}

static void
a_view_tells_what_stands_behind_it(void **state)
{
	struct pg_shop *s = *state;
	struct digest ground;

	pg_shop_sql("CREATE VIEW open AS SELECT id, total, state FROM orders WHERE state = 'open'; GRANT ALL ON open TO ben;"
	    "CREATE RULE log AS ON DELETE TO orders DO ALSO INSERT INTO audit VALUES ('x')");
	sheet(&s->b, "UPDATE open SET total = 0 WHERE id = 10");
	assert_string_equal(buf_str(&s->b.sheet.triggers), "[\"orders_audit on orders\"]");
	assert_true(dangerous(&s->b, SQL_DANGER_TRIGGER));
	ground = s->b.sheet.ground;
	sheet(&s->b, "DELETE FROM open WHERE id = 10");
	assert_string_equal(buf_str(&s->b.sheet.rules), "[\"log on orders\"]");
	assert_string_equal(buf_str(&s->b.sheet.cascades), "[\"items_order on items\"]");
	/* and it is bound */
	pg_shop_sql("ALTER TABLE orders DISABLE TRIGGER orders_audit");
	sheet(&s->b, "UPDATE open SET total = 0 WHERE id = 10");
	assert_false(digest_equal(&ground, &s->b.sheet.ground));
	assert_int_equal(buf_len(&s->b.sheet.triggers), 0);
}

static void
an_instead_of_trigger_is_named(void **state)
{
	struct pg_shop *s = *state;

	pg_shop_sql("CREATE FUNCTION no_change() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END';"
	    "CREATE VIEW open AS SELECT id, total FROM orders; GRANT ALL ON open TO ben;"
	    "CREATE TRIGGER swallow INSTEAD OF UPDATE ON open FOR EACH ROW EXECUTE FUNCTION no_change()");
	sheet(&s->b, "UPDATE open SET total = 0 WHERE id = 10");
	assert_string_equal(buf_str(&s->b.sheet.triggers), "[\"swallow\"]");
	assert_false(s->b.sheet.count_known);
	sheet(&s->b, "DELETE FROM open WHERE id = 10");
	assert_int_equal(buf_len(&s->b.sheet.triggers), 0);
	assert_string_equal(buf_str(&s->b.sheet.cascades), "[\"items_order on items\"]");
}

static void
a_write_that_does_several_things_tells_them_all(void **state)
{
	struct pg_shop *s = *state;

	sheet(&s->b, "INSERT INTO orders VALUES (10, 1, 'open', 1)");
	assert_int_equal(buf_len(&s->b.sheet.triggers), 0);
	sheet(&s->b, "INSERT INTO orders VALUES (10, 1, 'open', 1) ON CONFLICT (id) DO UPDATE SET total = 1");
	assert_string_equal(buf_str(&s->b.sheet.triggers), "[\"orders_audit\"]");
	sheet(&s->b, "MERGE INTO orders o USING customers c ON o.customer_id = c.id WHEN MATCHED THEN DELETE");
	assert_string_equal(buf_str(&s->b.sheet.cascades), "[\"items_order on items\"]");
	has(&s->b.sheet.triggers, "orders_audit");
}

/* Another person at the same database. */
static PGconn *
other(const char *user, const char *name)
{
	const char *keys[] = { "host", "dbname", "user", "application_name", NULL };
	const char *values[] = { pg_server_socket(pg_shop_server_of()), "shop", user, name, NULL };
	PGconn *c = PQconnectdbParams(keys, values, 0);

	assert_int_equal(PQstatus(c), CONNECTION_OK);
	return c;
}

static void
run(PGconn *c, const char *sql)
{
	PGresult *res = PQexec(c, sql);

	if (PQresultStatus(res) != PGRES_COMMAND_OK && PQresultStatus(res) != PGRES_TUPLES_OK)
		fail_msg("%s: %s", sql, PQerrorMessage(c));
	PQclear(res);
}

static void
nobody_in_the_way_is_said_of_a_table_of_known_size(void **state)
{
	struct pg_shop *s = *state;
	PGconn *c = other(pg_server_user(pg_shop_server_of()), "reader");

	run(c, "BEGIN; SELECT * FROM orders");
	sheet(&s->b, "UPDATE orders SET total = 0 WHERE id = 10");
	assert_string_equal(s->b.sheet.sight, "all");
	assert_int_equal(s->b.sheet.holders, 0);
	assert_string_equal(buf_str(&s->b.sheet.takes), "[\"ROW EXCLUSIVE on orders\",\"ROW SHARE on customers\"]");
	assert_string_equal(s->b.sheet.rollback, "yes");
	assert_int_equal(s->b.sheet.table_bytes, strtoll(pg_shop_sql("SELECT pg_total_relation_size('orders')"), NULL, 10));
	assert_true(s->b.sheet.table_bytes > 0);
	assert_string_equal(pg_shop_sql("SELECT count(*) FROM pg_stat_activity WHERE usename = 'ben' AND state <> 'idle'"), "0");
	PQfinish(c);
}

static void
who_has_the_table_is_told_as_far_as_the_account_sees(void **state)
{
	static const char sql[] = "UPDATE orders SET total = 0 WHERE id = 10";
	struct pg_shop *s = *state;
	struct digest ground;
	PGconn *c;

	sheet(&s->b, sql);
	ground = s->b.sheet.ground;
	c = other(pg_server_user(pg_shop_server_of()), "ni\x1b[2Jghtly\xe2\x80\xae");
	run(c, "BEGIN; LOCK TABLE orders IN SHARE ROW EXCLUSIVE MODE");
	sheet(&s->b, sql);
	assert_string_equal(s->b.sheet.sight, "part");
	assert_int_equal(s->b.sheet.holders, 1);
	assert_int_equal(s->b.sheet.blocking, 1);
	has(&s->b.sheet.locks, "\"blocks\":true");
	has(&s->b.sheet.locks, "\"mode\":\"SHARE ROW EXCLUSIVE\"");
	has(&s->b.sheet.locks, "\"on\":\"orders\"");
	assert_null(strchr(buf_str(&s->b.sheet.locks), '\x1b'));
	assert_null(strstr(buf_str(&s->b.sheet.locks), "\"sql\""));
	assert_null(strstr(buf_str(&s->b.sheet.locks), "\"age\""));
	/* what others do is no part of what is bound */
	assert_true(digest_equal(&ground, &s->b.sheet.ground));
	bench_close(&s->b);
	pg_shop_sql("GRANT pg_read_all_stats TO ben");
	bench_open(&s->b, &s->target);
	sheet(&s->b, sql);
	assert_string_equal(s->b.sheet.sight, "all");
	has(&s->b.sheet.locks, "\"state\":\"idle in transaction\",\"age\":0,\"sql\":\"BEGIN; LOCK TABLE orders");
	pg_shop_sql("REVOKE pg_read_all_stats FROM ben");
	PQfinish(c);
}

static void
who_may_hold_rows_is_told_apart(void **state)
{
	struct pg_shop *s = *state;
	PGconn *c = other("ben", "other");

	run(c, "BEGIN; UPDATE orders SET total = 1 WHERE id = 13");
	sheet(&s->b, "UPDATE orders SET total = 0 WHERE id = 10");
	assert_string_equal(s->b.sheet.sight, "all");
	assert_int_equal(s->b.sheet.holders, 1);
	assert_int_equal(s->b.sheet.blocking, 0);
	has(&s->b.sheet.locks, "\"application\":\"other\",\"on\":\"orders\",\"mode\":\"ROW EXCLUSIVE\"");
	/* the table behind a foreign key is met too */
	sheet(&s->b, "DELETE FROM customers WHERE id = 3");
	assert_int_equal(s->b.sheet.holders, 1);
	has(&s->b.sheet.takes, "ROW EXCLUSIVE on orders");
	sheet(&s->b, "DELETE FROM nokey");
	assert_int_equal(s->b.sheet.holders, 0);
	PQfinish(c);
}

static void
a_closed_table_fails_the_sheet_and_its_holder_is_named(void **state)
{
	struct pg_shop *s = *state;
	const char *super = pg_server_user(pg_shop_server_of());
	PGconn *c = other("ben", "night\x01ly"), *waiter = other(super, "alters");

	run(c, "BEGIN; LOCK TABLE orders IN ACCESS EXCLUSIVE MODE");
	assert_int_equal(bench_sheet(&s->b, "UPDATE orders SET total = 0 WHERE id = 10"), ERR_STATEMENT);
	if (strstr(s->b.e.text, " has ACCESS EXCLUSIVE on orders (ben, night") == NULL)
		fail_msg("%s", s->b.e.text);
	/* who waits for it stands before us in the queue */
	run(c, "ROLLBACK; BEGIN; SELECT * FROM orders");
	assert_int_equal(PQsendQuery(waiter, "ALTER TABLE orders ADD COLUMN z int"), 1);
	while (strcmp(pg_shop_sql("SELECT count(*) FROM pg_locks WHERE NOT granted"), "1") != 0)
		;
	assert_int_equal(bench_sheet(&s->b, "UPDATE orders SET total = 0 WHERE id = 10"), ERR_STATEMENT);
	if (strstr(s->b.e.text, " waits for ACCESS EXCLUSIVE on orders (") == NULL)
		fail_msg("%s", s->b.e.text);
	PQfinish(c);
	for (PGresult *res = PQgetResult(waiter); res != NULL; res = PQgetResult(waiter))
		PQclear(res);
	PQfinish(waiter);
	sheet(&s->b, "UPDATE orders SET total = 0 WHERE id = 10");
}

static void
locks_that_cannot_be_seen_fail_nothing_and_are_said(void **state)
{
	struct pg_shop *s = *state;

	pg_shop_sql("REVOKE SELECT ON pg_locks FROM PUBLIC");
	sheet(&s->b, "UPDATE orders SET total = 0 WHERE id = 10");
	assert_string_equal(s->b.sheet.sight, "none");
	assert_true(s->b.sheet.count_known);
	has(&s->b.sheet.note, "locks of others could not be looked at");
	assert_int_equal(bench_do(&s->b, "UPDATE orders SET total = 0 WHERE id = 10", 0), 0);
	assert_int_equal(s->b.r.end, DB_COMMITTED);
}

static void
hostile_names_of_tables_stay_names(void **state)
{
	struct pg_shop *s = *state;

	pg_shop_sql("CREATE TABLE \"or\x1b[2J\xe2\x80\xae'ders\" (id int PRIMARY KEY); GRANT ALL ON ALL TABLES IN SCHEMA public TO ben");
	sheet(&s->b, "DELETE FROM \"or\x1b[2J\xe2\x80\xae'ders\"");
	assert_string_equal(s->b.sheet.sight, "all");
	assert_null(strchr(buf_str(&s->b.sheet.takes), '\x1b'));
	has(&s->b.sheet.takes, "ROW EXCLUSIVE on \\\"or\\u001b[2J");
}

static void
statements_about_whole_tables_tell_their_lock(void **state)
{
	struct pg_shop *s = *state;

	sheet(&s->b, "TRUNCATE items");
	has(&s->b.sheet.takes, "[\"ACCESS EXCLUSIVE on items\"");
	assert_string_equal(s->b.sheet.rollback, "yes");
	sheet(&s->b, "ALTER TABLE items ADD COLUMN x int");
	has(&s->b.sheet.takes, "[\"up to ACCESS EXCLUSIVE on items\"");
	assert_string_equal(s->b.sheet.rollback, "yes");
	sheet(&s->b, "CREATE INDEX CONCURRENTLY i ON items (what)");
	assert_string_equal(s->b.sheet.rollback, "statement");
}

/* Whether a rehearsal would run somebody's code. */
static void
alone(struct bench *b, const char *sql, bool is)
{
	int ret;

	sql_classify(b->facts, &b->info.sql, sql, strlen(sql));
	ret = b->d->alone(b->c, b->facts, &b->e);
	if (ret != (is ? 0 : ERR_WALL))
		fail_msg("%s: %d %s", sql, ret, b->e.text);
}

static void
code_behind_a_table_is_seen(void **state)
{
	struct pg_shop *s = *state;

	pg_shop_sql("CREATE FUNCTION f(int) RETURNS bool LANGUAGE sql IMMUTABLE AS 'SELECT true';"
	    "CREATE TYPE mood AS ENUM ('a', 'b'); CREATE DOMAIN small AS int CHECK (f(value)); CREATE SCHEMA \"S q\"; GRANT USAGE ON SCHEMA \"S q\" TO PUBLIC;"
	    "CREATE TABLE bare (id int PRIMARY KEY CHECK (id > 0), m mood, t text DEFAULT now()::text);"
	    "CREATE TABLE \"S q\".\"a\"\"b\" (id int); CREATE TABLE checked (id int CHECK (f(id)));"
	    "CREATE TABLE indexed (id int); CREATE INDEX ON indexed (f(id)); CREATE TABLE typed (id small);"
	    "CREATE TABLE defaulted (id int, b bool DEFAULT f(1)); CREATE TABLE made (id int, b bool GENERATED ALWAYS AS (f(id)) STORED);"
	    "CREATE VIEW seen AS SELECT * FROM bare; CREATE TABLE parts (id int) PARTITION BY LIST (id)");
	alone(&s->b, "UPDATE bare SET id = 1", true);
	alone(&s->b, "DELETE FROM \"S q\".\"a\"\"b\"", true);
	alone(&s->b, "UPDATE checked SET id = 1", false);
	alone(&s->b, "UPDATE indexed SET id = 1", false);
	alone(&s->b, "UPDATE typed SET id = 1", false);
	alone(&s->b, "UPDATE defaulted SET id = 1", false);
	alone(&s->b, "UPDATE made SET id = 1", false);
	alone(&s->b, "UPDATE seen SET id = 1", false);
	alone(&s->b, "DELETE FROM parts", false);
	alone(&s->b, "DELETE FROM nowhere", false);
}

/* What comes to be in a column is what its type makes of the value: a number of cents, a whole one, a day. */
static void
a_new_value_is_told_as_it_is_stored(void **state)
{
	static const char sql[] = "UPDATE priced SET price = price * 1.155, whole = 2.5, day = '2026-02-03 22:00:00'::timestamp, long = wide"
	    " WHERE id = 1";
	struct pg_shop *s = *state;

	pg_shop_sql("CREATE TABLE priced (id int PRIMARY KEY, price numeric(8,2), whole int, day date, wide char(4), long text);"
	    "INSERT INTO priced VALUES (1, 10.30, 1, '2026-01-01', 'ab', NULL); GRANT ALL ON priced TO ben");
	assert_int_equal(bench_do(&s->b, sql, 0), 0);
	assert_int_equal(s->b.r.end, DB_COMMITTED);
	assert_int_equal(bench_sheet(&s->b, sql), 0);
	assert_string_equal(buf_str(&s->b.rows), "1|11.90|13.74|3|3|2026-02-03|2026-02-03|ab|ab\n");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_new_value_is_told_as_it_is_stored, pg_shop_setup, pg_shop_teardown),
		cmocka_unit_test_setup_teardown(nobody_in_the_way_is_said_of_a_table_of_known_size, pg_shop_setup, pg_shop_teardown),
		cmocka_unit_test_setup_teardown(who_has_the_table_is_told_as_far_as_the_account_sees, pg_shop_setup, pg_shop_teardown),
		cmocka_unit_test_setup_teardown(who_may_hold_rows_is_told_apart, pg_shop_setup, pg_shop_teardown),
		cmocka_unit_test_setup_teardown(a_closed_table_fails_the_sheet_and_its_holder_is_named, pg_shop_setup, pg_shop_teardown),
		cmocka_unit_test_setup_teardown(locks_that_cannot_be_seen_fail_nothing_and_are_said, pg_shop_setup, pg_shop_teardown),
		cmocka_unit_test_setup_teardown(hostile_names_of_tables_stay_names, pg_shop_setup, pg_shop_teardown),
		cmocka_unit_test_setup_teardown(statements_about_whole_tables_tell_their_lock, pg_shop_setup, pg_shop_teardown),
		cmocka_unit_test_setup_teardown(policies_are_named_where_they_count, pg_shop_setup, pg_shop_teardown),
		cmocka_unit_test_setup_teardown(code_behind_a_table_is_seen, pg_shop_setup, pg_shop_teardown),
		cmocka_unit_test_setup_teardown(a_view_tells_what_stands_behind_it, pg_shop_setup, pg_shop_teardown),
		cmocka_unit_test_setup_teardown(an_instead_of_trigger_is_named, pg_shop_setup, pg_shop_teardown),
		cmocka_unit_test_setup_teardown(a_write_that_does_several_things_tells_them_all, pg_shop_setup, pg_shop_teardown),
	};

	return cmocka_run_group_tests_name("db sheet, PostgreSQL", tests, pg_shop_server, pg_shop_server_end);
}
