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
policies_are_named_where_they_count(void **state)
{
	struct pg_shop *s = *state;

	pg_shop_sql("CREATE ROLE clerks; CREATE POLICY mine ON orders USING (total < 9); CREATE POLICY adds ON orders FOR INSERT"
	    " WITH CHECK (true); CREATE POLICY sees ON orders FOR SELECT USING (id > 0);"
	    " CREATE POLICY others ON orders TO clerks USING (false)");
	assert_int_equal(bench_sheet(&s->b, "UPDATE orders SET total = 0"), 0);
	assert_int_equal(buf_len(&s->b.sheet.policies), 0);	/* not switched on */
	pg_shop_sql("ALTER TABLE orders ENABLE ROW LEVEL SECURITY");
	assert_int_equal(bench_sheet(&s->b, "UPDATE orders SET total = 0"), 0);
	assert_string_equal(buf_str(&s->b.sheet.policies), "[\"mine\",\"sees\"]");
	assert_int_equal(s->b.sheet.count, 4);	/* as a read sees them: one of them cannot be changed */
	has(&s->b.sheet.note, "a row policy may keep some of them from the change");
	assert_int_equal(bench_sheet(&s->b, "INSERT INTO orders VALUES (20, 1, 'open', 1)"), 0);
	assert_string_equal(buf_str(&s->b.sheet.policies), "[\"adds\",\"mine\"]");
	pg_shop_sql("GRANT clerks TO ben");
	assert_int_equal(bench_sheet(&s->b, "DELETE FROM orders"), 0);
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
	assert_int_equal(bench_sheet(&s->b, "UPDATE open SET total = 0 WHERE id = 10"), 0);
	assert_string_equal(buf_str(&s->b.sheet.triggers), "[\"orders_audit on orders\"]");
	assert_true(dangerous(&s->b, SQL_DANGER_TRIGGER));
	ground = s->b.sheet.ground;
	assert_int_equal(bench_sheet(&s->b, "DELETE FROM open WHERE id = 10"), 0);
	assert_string_equal(buf_str(&s->b.sheet.rules), "[\"log on orders\"]");
	assert_string_equal(buf_str(&s->b.sheet.cascades), "[\"items_order on items\"]");
	/* and it is bound */
	pg_shop_sql("ALTER TABLE orders DISABLE TRIGGER orders_audit");
	assert_int_equal(bench_sheet(&s->b, "UPDATE open SET total = 0 WHERE id = 10"), 0);
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
	assert_int_equal(bench_sheet(&s->b, "UPDATE open SET total = 0 WHERE id = 10"), 0);
	assert_string_equal(buf_str(&s->b.sheet.triggers), "[\"swallow\"]");
	assert_false(s->b.sheet.count_known);
	assert_int_equal(bench_sheet(&s->b, "DELETE FROM open WHERE id = 10"), 0);
	assert_int_equal(buf_len(&s->b.sheet.triggers), 0);
	assert_string_equal(buf_str(&s->b.sheet.cascades), "[\"items_order on items\"]");
}

static void
a_write_that_does_several_things_tells_them_all(void **state)
{
	struct pg_shop *s = *state;

	assert_int_equal(bench_sheet(&s->b, "INSERT INTO orders VALUES (10, 1, 'open', 1)"), 0);
	assert_int_equal(buf_len(&s->b.sheet.triggers), 0);
	assert_int_equal(bench_sheet(&s->b, "INSERT INTO orders VALUES (10, 1, 'open', 1) ON CONFLICT (id) DO UPDATE SET total = 1"), 0);
	assert_string_equal(buf_str(&s->b.sheet.triggers), "[\"orders_audit\"]");
	assert_int_equal(bench_sheet(&s->b, "MERGE INTO orders o USING customers c ON o.customer_id = c.id WHEN MATCHED THEN DELETE"), 0);
	assert_string_equal(buf_str(&s->b.sheet.cascades), "[\"items_order on items\"]");
	has(&s->b.sheet.triggers, "orders_audit");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(policies_are_named_where_they_count, pg_shop_setup, pg_shop_teardown),
		cmocka_unit_test_setup_teardown(a_view_tells_what_stands_behind_it, pg_shop_setup, pg_shop_teardown),
		cmocka_unit_test_setup_teardown(an_instead_of_trigger_is_named, pg_shop_setup, pg_shop_teardown),
		cmocka_unit_test_setup_teardown(a_write_that_does_several_things_tells_them_all, pg_shop_setup, pg_shop_teardown),
	};

	return cmocka_run_group_tests_name("db sheet, PostgreSQL", tests, pg_shop_server, pg_shop_server_end);
}
