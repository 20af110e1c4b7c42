/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "twokey/base/buf.h"
#include "twokey/base/err.h"
#include "twokey/sql/derive.h"

static const char *const keys[] = { "id", "a\"b" };

static const struct {
	enum sql_engine engine;
	const char *sql;
	enum sql_derived kind;
	const char *select;	/* NULL: refused */
} rows[] = {
	{ SQL_POSTGRES, "update orders set status = 'x' where id = 7", SQL_DERIVE_COUNT,
	    "SELECT count(*) FROM orders WHERE (id = 7)" },
	{ SQL_POSTGRES, "delete from only s.\"T\" -- all\n;", SQL_DERIVE_COUNT, "SELECT count(*) FROM ONLY s.\"T\"" },
	{ SQL_POSTGRES, "delete from t where a is distinct from 3 returning *", SQL_DERIVE_KEYS,
	    "SELECT \"id\", \"a\"\"b\" FROM t WHERE (a is distinct from 3) ORDER BY \"id\", \"a\"\"b\"" },
	{ SQL_POSTGRES, "update t set a = a + 1, b = (select max(x) from u) where a in (select y from v)", SQL_DERIVE_SAMPLE,
	    "SELECT \"id\", \"a\"\"b\", a, (a + 1) AS \"a (new)\", b, ((select max(x) from u)) AS \"b (new)\" FROM t WHERE "
	    "(a in (select y from v)) ORDER BY \"id\", \"a\"\"b\" LIMIT 5" },
	{ SQL_SQLITE, "delete from t where a = 'x;'", SQL_DERIVE_SAMPLE,
	    "SELECT \"id\", \"a\"\"b\", * FROM t WHERE (a = 'x;') ORDER BY \"id\", \"a\"\"b\" LIMIT 5" },
	{ SQL_MARIADB, "delete from d.t where a = 1", SQL_DERIVE_SAMPLE,
	    "SELECT `id`, `a\"b`, d.t.* FROM d.t WHERE (a = 1) ORDER BY `id`, `a\"b` LIMIT 5" },
	{ SQL_MARIADB, "update t set a = 1, b = a", SQL_DERIVE_SAMPLE, NULL },
	{ SQL_POSTGRES, "update t set a = random()", SQL_DERIVE_COUNT, "SELECT count(*) FROM t" },
	{ SQL_POSTGRES, "update t set a = random()", SQL_DERIVE_SAMPLE, NULL },
	{ SQL_POSTGRES, "update t set a = default", SQL_DERIVE_SAMPLE, NULL },
	{ SQL_POSTGRES, "update t x set a = 1 where x.b = 2", SQL_DERIVE_COUNT, "SELECT count(*) FROM t x WHERE (x.b = 2)" },
	{ SQL_POSTGRES, "delete from only t as \"X\"", SQL_DERIVE_SAMPLE,
	    "SELECT \"id\", \"a\"\"b\", * FROM ONLY t as \"X\" ORDER BY \"id\", \"a\"\"b\" LIMIT 5" },
	{ SQL_MARIADB, "delete from d.t as x where a = 1", SQL_DERIVE_SAMPLE,
	    "SELECT `id`, `a\"b`, x.* FROM d.t as x WHERE (a = 1) ORDER BY `id`, `a\"b` LIMIT 5" },
	{ SQL_SQLITE, "update t as x set a = 1", SQL_DERIVE_COUNT, "SELECT count(*) FROM t as x" },
	{ SQL_SQLITE, "delete from t x", SQL_DERIVE_COUNT, NULL },
	{ SQL_SQLITE, "update t indexed by i set a = 1", SQL_DERIVE_COUNT, NULL },
	{ SQL_POSTGRES, "update t set a = u.a from u join v using (k) where t.id = u.id returning *", SQL_DERIVE_COUNT,
	    "SELECT count(*) FROM t WHERE EXISTS (SELECT 1 FROM u join v using (k) WHERE (t.id = u.id))" },
	{ SQL_POSTGRES, "update t set a = u.a from u", SQL_DERIVE_KEYS,
	    "SELECT \"id\", \"a\"\"b\" FROM t WHERE EXISTS (SELECT 1 FROM u) ORDER BY \"id\", \"a\"\"b\"" },
	{ SQL_POSTGRES, "delete from t a using t b where a.x = b.x and a.id > b.id", SQL_DERIVE_COUNT,
	    "SELECT count(*) FROM t a WHERE EXISTS (SELECT 1 FROM t b WHERE (a.x = b.x and a.id > b.id))" },
	{ SQL_POSTGRES, "update t set a = 'x', b = null from u where u.id = t.id", SQL_DERIVE_SAMPLE,
	    "SELECT \"id\", \"a\"\"b\", a, ('x') AS \"a (new)\", b, (null) AS \"b (new)\" FROM t WHERE EXISTS (SELECT 1 FROM u "
	    "WHERE (u.id = t.id)) ORDER BY \"id\", \"a\"\"b\" LIMIT 5" },
	{ SQL_POSTGRES, "update t set a = u.a from u where u.id = t.id", SQL_DERIVE_SAMPLE, NULL },
	{ SQL_POSTGRES, "delete from t where t.limit = 1 and t.returning", SQL_DERIVE_COUNT,
	    "SELECT count(*) FROM t WHERE (t.limit = 1 and t.returning)" },
	{ SQL_POSTGRES, "delete from t using u group by a", SQL_DERIVE_COUNT, NULL },
	{ SQL_POSTGRES, "delete from t using u) where (a", SQL_DERIVE_COUNT, NULL },
	{ SQL_POSTGRES, "delete from t using", SQL_DERIVE_COUNT, NULL },
	{ SQL_POSTGRES, "delete from t using generate_series(1, random()::int) g", SQL_DERIVE_COUNT, NULL },
	{ SQL_POSTGRES, "delete from t using u tablesample system (1) where u.id = t.id", SQL_DERIVE_COUNT, NULL },
	{ SQL_POSTGRES, "delete from t using (select 1 for update) u", SQL_DERIVE_COUNT, NULL },
	{ SQL_SQLITE, "update t set a = 1 from u where u.id = t.id", SQL_DERIVE_COUNT,
	    "SELECT count(*) FROM t WHERE EXISTS (SELECT 1 FROM u WHERE (u.id = t.id))" },
	{ SQL_SQLITE, "update t set a = 1 from u natural join v", SQL_DERIVE_COUNT, NULL },
	{ SQL_SQLITE, "update t set a = 1 from u join v using (k)", SQL_DERIVE_COUNT, NULL },
	{ SQL_SQLITE, "update t set a = 1 from u full join v on 1", SQL_DERIVE_COUNT, NULL },
	{ SQL_SQLITE, "update t set a = 1 from u where rowid = 4", SQL_DERIVE_COUNT, NULL },
	{ SQL_SQLITE, "update t set a = 1 from u where t.rowid = 4", SQL_DERIVE_COUNT,
	    "SELECT count(*) FROM t WHERE EXISTS (SELECT 1 FROM u WHERE (t.rowid = 4))" },
	{ SQL_SQLITE, "update t set a = 1 from (select \"x\" as y from v) s where s.y = 1", SQL_DERIVE_COUNT, NULL },
	{ SQL_SQLITE, "delete from t using u", SQL_DERIVE_COUNT, NULL },
	{ SQL_MARIADB, "update t set a = 1 from u", SQL_DERIVE_COUNT, NULL },
	{ SQL_MARIADB, "update t join u on t.id = u.id set t.a = 1", SQL_DERIVE_COUNT, NULL },
	{ SQL_MARIADB, "update t, u set t.a = 1", SQL_DERIVE_COUNT, NULL },
	{ SQL_MARIADB, "delete t from t join u on t.id = u.id", SQL_DERIVE_COUNT, NULL },
	{ SQL_MARIADB, "delete from t using t join u on t.id = u.id", SQL_DERIVE_COUNT, NULL },
	{ SQL_MARIADB, "delete from t partition (p0)", SQL_DERIVE_COUNT, NULL },
	{ SQL_POSTGRES, "with x (k) as materialized (select 1), y as (select 2) delete from t where id in (table x)",
	    SQL_DERIVE_COUNT, "with x (k) as materialized (select 1), y as (select 2) SELECT count(*) FROM t WHERE (id in (table x))" },
	{ SQL_SQLITE, "with recursive x as (select 1 union select 2) update t set a = 1 from x", SQL_DERIVE_COUNT,
	    "with recursive x as (select 1 union select 2) SELECT count(*) FROM t WHERE EXISTS (SELECT 1 FROM x)" },
	{ SQL_POSTGRES, "with t as (select 1) delete from t", SQL_DERIVE_COUNT, NULL },
	{ SQL_POSTGRES, "with T as (select 1) delete from \"t\" x", SQL_DERIVE_COUNT, NULL },
	{ SQL_POSTGRES, "with t as (select 1) delete from s.t", SQL_DERIVE_COUNT, "with t as (select 1) SELECT count(*) FROM s.t" },
	{ SQL_POSTGRES, "with x as (delete from u returning id) delete from t where id in (select id from x)", SQL_DERIVE_COUNT, NULL },
	{ SQL_POSTGRES, "with x as (select random() r) delete from t where id in (select r from x)", SQL_DERIVE_COUNT, NULL },
	{ SQL_POSTGRES, "with x as (select 1) search depth first by a set b delete from t", SQL_DERIVE_COUNT, NULL },
	{ SQL_POSTGRES, "delete from t where current of c", SQL_DERIVE_COUNT, NULL },
	{ SQL_POSTGRES, "delete from t where random() < 0.5", SQL_DERIVE_COUNT, NULL },
	{ SQL_POSTGRES, "delete from t where own_check(a)", SQL_DERIVE_COUNT, NULL },
	{ SQL_POSTGRES, "delete from t where a = nextval('s')", SQL_DERIVE_COUNT, NULL },
	{ SQL_POSTGRES, "delete from t; delete from u", SQL_DERIVE_COUNT, NULL },
	{ SQL_POSTGRES, "insert into t values (1)", SQL_DERIVE_COUNT, NULL },
	{ SQL_POSTGRES, "delete from t where a = 1) or (b = 2", SQL_DERIVE_COUNT, NULL },
	{ SQL_MARIADB, "delete from t where a = 1 order by a limit 1", SQL_DERIVE_COUNT,
	    "SELECT count(*) FROM (SELECT 1 FROM t WHERE (a = 1) LIMIT 1) AS limited" },
	{ SQL_MARIADB, "delete from t where a = 1 order by a limit 1", SQL_DERIVE_KEYS, NULL },
	{ SQL_MARIADB, "delete from t limit 1, 2", SQL_DERIVE_COUNT, NULL },
	{ SQL_MARIADB, "update t set a = 1 order by a desc", SQL_DERIVE_KEYS, "SELECT `id`, `a\"b` FROM t ORDER BY `id`, `a\"b`" },
	{ SQL_SQLITE, "delete from t where a = 1 order by a limit 1", SQL_DERIVE_COUNT, NULL },
	{ SQL_MARIADB, "delete from t where a = (@x := 1)", SQL_DERIVE_COUNT, NULL },
	{ SQL_MARIADB, "delete from t /*! where a = 1 */", SQL_DERIVE_COUNT, NULL },
	{ SQL_SQLITE, "update or replace t set a = 1", SQL_DERIVE_COUNT, NULL },
};

static void
a_select_is_derived_or_refused_with_a_reason(void **state)
{
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct sql_settings set = { .engine = rows[i].engine };
		struct sql_derive_want want = { rows[i].kind, keys, 2, 5 };
		struct buf out;
		struct err e = { 0 };
		int rc;

		buf_init(&out, 65536);
		rc = sql_derive(&set, rows[i].sql, strlen(rows[i].sql), &want, &out, &e);
		if ((rc == 0) != (rows[i].select != NULL))
			print_message("# %s: %s %s\n", rows[i].sql, buf_str(&out), e.text);
		assert_int_equal(rc, rows[i].select ? 0 : ERR_UNSUPPORTED);
		assert_string_equal(buf_str(&out), rows[i].select ? rows[i].select : "");
		if (rows[i].select == NULL)
			assert_true(strlen(e.text) > 0);
		buf_fini(&out);
	}
}

static void
rows_without_a_key_can_only_be_counted(void **state)
{
	struct sql_settings set = { .engine = SQL_POSTGRES };
	struct sql_derive_want want = { SQL_DERIVE_KEYS, NULL, 0, 0 };
	struct buf out;
	struct err e;

	buf_init(&out, 4096);
	assert_int_equal(sql_derive(&set, "delete from t", 13, &want, &out, &e), ERR_UNSUPPORTED);
	want.kind = SQL_DERIVE_COUNT;
	assert_int_equal(sql_derive(&set, "delete from t", 13, &want, &out, &e), 0);
	buf_fini(&out);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_select_is_derived_or_refused_with_a_reason),
		cmocka_unit_test(rows_without_a_key_can_only_be_counted),
	};

	return cmocka_run_group_tests_name("sql: derive", tests, NULL, NULL);
}
