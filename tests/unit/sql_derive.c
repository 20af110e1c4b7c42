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
	{ SQL_MARIADB, "update t join u on t.id = u.id set t.a = 1", SQL_DERIVE_COUNT,
	    "SELECT count(DISTINCT t.`id`, t.`a\"b`) FROM t join u on t.id = u.id" },
	{ SQL_MARIADB, "update low_priority d.t, u x set d.t.a = 1, t.b := 'x' where t.id = x.id or t.c", SQL_DERIVE_KEYS,
	    "SELECT DISTINCT d.t.`id`, d.t.`a\"b` FROM d.t, u x WHERE (t.id = x.id or t.c) ORDER BY d.t.`id`, d.t.`a\"b`" },
	{ SQL_MARIADB, "update u left join (t as `x y` use index for join (i) join v using (k)) on u.k = v.k set `x y`.a = 'n' "
	    "where u.a = 2", SQL_DERIVE_SAMPLE,
	    "SELECT DISTINCT `x y`.`id`, `x y`.`a\"b`, `x y`.a, ('n') AS `a (new)` FROM u left join (t as `x y` use index for "
	    "join (i) join v using (k)) on u.k = v.k WHERE (u.a = 2) AND `x y`.`id` IS NOT NULL ORDER BY `x y`.`id`, `x y`.`a\"b` "
	    "LIMIT 5" },
	{ SQL_MARIADB, "update t a right join t b on a.x = b.x set a.x = 1", SQL_DERIVE_KEYS,
	    "SELECT DISTINCT a.`id`, a.`a\"b` FROM t a right join t b on a.x = b.x WHERE a.`id` IS NOT NULL ORDER BY a.`id`, "
	    "a.`a\"b`" },
	{ SQL_MARIADB, "update t join u on t.id = u.id set t.a = u.a", SQL_DERIVE_SAMPLE, NULL },
	{ SQL_MARIADB, "update t join u on t.id = u.id set a = 1", SQL_DERIVE_COUNT, NULL },
	{ SQL_MARIADB, "update t join u on t.id = u.id set t.a = 1, u.a = 1", SQL_DERIVE_COUNT, NULL },
	{ SQL_MARIADB, "update t join u on t.id = u.id set v.a = 1", SQL_DERIVE_COUNT, NULL },
	{ SQL_MARIADB, "update d.t join e.t on d.t.id = e.t.id set d.t.a = 1", SQL_DERIVE_COUNT, NULL },
	{ SQL_MARIADB, "update d.t as x join u set d.x.a = 1", SQL_DERIVE_COUNT, NULL },
	{ SQL_MARIADB, "update t as x join (select 1 as id) as d set d.id = 1", SQL_DERIVE_COUNT, NULL },
	{ SQL_MARIADB, "update t join (select k, max(x) m from u group by k) as d on d.k = t.k join json_table(t.j, '$[*]' columns "
	    "(k int path '$')) j set t.a = 1", SQL_DERIVE_COUNT,
	    "SELECT count(DISTINCT t.`id`, t.`a\"b`) FROM t join (select k, max(x) m from u group by k) as d on d.k = t.k join "
	    "json_table(t.j, '$[*]' columns (k int path '$')) j" },
	{ SQL_MARIADB, "update t join u on t.id = u.id set t.a = 1 order by u.x", SQL_DERIVE_COUNT,
	    "SELECT count(DISTINCT t.`id`, t.`a\"b`) FROM t join u on t.id = u.id" },
	{ SQL_MARIADB, "update t join u on t.id = u.id set t.a = 1 order by t.id, t.`a\"b` limit 3", SQL_DERIVE_COUNT, NULL },
	{ SQL_MARIADB, "update t join u for system_time all set t.a = 1", SQL_DERIVE_COUNT, NULL },
	{ SQL_MARIADB, "update t join u on t.id = u.id and t.x = rand() set t.a = 1", SQL_DERIVE_COUNT, NULL },
	{ SQL_MARIADB, "update t join u on (t.id = u.id set t.a = 1", SQL_DERIVE_COUNT, NULL },
	{ SQL_MARIADB, "update (t join u on t.id = u.id set t.a = 1", SQL_DERIVE_COUNT, NULL },
	{ SQL_MARIADB, "update t join u set t.a = 1 where (t.a = (@x := 1))", SQL_DERIVE_COUNT, NULL },
	{ SQL_MARIADB, "update t use index (i) set t.a = t.a + 1 where b = 2", SQL_DERIVE_SAMPLE,
	    "SELECT `id`, `a\"b`, t.a, (t.a + 1) AS `a (new)` FROM t use index (i) WHERE (b = 2) ORDER BY `id`, `a\"b` LIMIT 5" },
	{ SQL_MARIADB, "update t partition (p0, p1) as x set a = 1", SQL_DERIVE_COUNT, "SELECT count(*) FROM t partition (p0, p1) as x" },
	{ SQL_MARIADB, "update t for portion of p from '2020-01-01' to '2021-01-01' set a = 1", SQL_DERIVE_COUNT, NULL },
	{ SQL_MARIADB, "update ignore t set a = 1", SQL_DERIVE_COUNT, NULL },
	{ SQL_MARIADB, "delete t from t join u on t.id = u.id", SQL_DERIVE_COUNT,
	    "SELECT count(DISTINCT t.`id`, t.`a\"b`) FROM t join u on t.id = u.id" },
	{ SQL_MARIADB, "delete from t using t join u on t.id = u.id", SQL_DERIVE_COUNT,
	    "SELECT count(DISTINCT t.`id`, t.`a\"b`) FROM t join u on t.id = u.id" },
	{ SQL_MYSQL, "delete low_priority quick x.* from d.t as x natural left join u where u.id is null", SQL_DERIVE_SAMPLE,
	    "SELECT DISTINCT x.`id`, x.`a\"b`, x.* FROM d.t as x natural left join u WHERE (u.id is null) AND x.`id` IS NOT NULL "
	    "ORDER BY x.`id`, x.`a\"b` LIMIT 5" },
	{ SQL_MARIADB, "delete quick from d.t.* using d.t, (u) where t.a = u.a", SQL_DERIVE_KEYS,
	    "SELECT DISTINCT d.t.`id`, d.t.`a\"b` FROM d.t, (u) WHERE (t.a = u.a) ORDER BY d.t.`id`, d.t.`a\"b`" },
	{ SQL_MARIADB, "delete x from t as x where a = 1", SQL_DERIVE_KEYS,
	    "SELECT `id`, `a\"b` FROM t as x WHERE (a = 1) ORDER BY `id`, `a\"b`" },
	{ SQL_MARIADB, "delete t from t as x join t on x.a = t.b", SQL_DERIVE_COUNT,
	    "SELECT count(DISTINCT t.`id`, t.`a\"b`) FROM t as x join t on x.a = t.b" },
	{ SQL_MARIADB, "delete t, u from t join u on t.id = u.id", SQL_DERIVE_COUNT, NULL },
	{ SQL_MARIADB, "delete from t, u using t join u on t.id = u.id", SQL_DERIVE_COUNT, NULL },
	{ SQL_MARIADB, "delete t from t as x join u", SQL_DERIVE_COUNT, NULL },
	{ SQL_MARIADB, "delete d.x from d.t as x join u", SQL_DERIVE_COUNT, NULL },
	{ SQL_MARIADB, "delete e.t from d.t join u", SQL_DERIVE_COUNT, NULL },
	{ SQL_MARIADB, "delete t from t join u limit 2", SQL_DERIVE_COUNT, NULL },
	{ SQL_MARIADB, "delete ignore from t", SQL_DERIVE_COUNT, NULL },
	{ SQL_MARIADB, "delete history from history", SQL_DERIVE_COUNT, NULL },
	{ SQL_MARIADB, "delete from t where a = 1 returning a", SQL_DERIVE_COUNT, NULL },
	{ SQL_MARIADB, "delete from t for portion of p from '2020-01-01' to '2021-01-01'", SQL_DERIVE_COUNT, NULL },
	{ SQL_MARIADB, "delete quick from t partition (p0) where a = 1", SQL_DERIVE_COUNT,
	    "SELECT count(*) FROM t partition (p0) WHERE (a = 1)" },
	{ SQL_MYSQL, "with c as (select k from u) delete t from t join c on c.k = t.k", SQL_DERIVE_COUNT,
	    "with c as (select k from u) SELECT count(DISTINCT t.`id`, t.`a\"b`) FROM t join c on c.k = t.k" },
	{ SQL_MYSQL, "with t as (select k from u) delete t from t join u on u.k = t.k", SQL_DERIVE_COUNT, NULL },
	{ SQL_MARIADB, "delete t /*!, u */ from t join u", SQL_DERIVE_COUNT, NULL },
	{ SQL_MARIADB, "delete from t where a = @x", SQL_DERIVE_COUNT, NULL },
	{ SQL_MARIADB, "delete from t where a = @@session.sql_mode", SQL_DERIVE_COUNT, NULL },
	{ SQL_MARIADB, "delete from t where a = connection_id()", SQL_DERIVE_COUNT, NULL },
	{ SQL_MARIADB, "delete from t where a = current_role", SQL_DERIVE_COUNT, NULL },
	{ SQL_MARIADB, "delete from t where a = lastval(s)", SQL_DERIVE_COUNT, NULL },
	{ SQL_MARIADB, "delete from t where a = previous value for s", SQL_DERIVE_COUNT, NULL },
	{ SQL_MYSQL, "delete from t where a = ps_current_thread_id()", SQL_DERIVE_COUNT, NULL },
	{ SQL_MARIADB, "update t set a = @x where b = 1", SQL_DERIVE_COUNT, "SELECT count(*) FROM t WHERE (b = 1)" },
	{ SQL_MARIADB, "update t set a = @x where b = 1", SQL_DERIVE_SAMPLE, NULL },
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
	{ SQL_POSTGRES, "insert into t values (1)", SQL_DERIVE_KEYS, NULL },
	{ SQL_POSTGRES, "delete from t where a = 1) or (b = 2", SQL_DERIVE_COUNT, NULL },
	{ SQL_MARIADB, "delete from t where a = 1 order by a limit 1", SQL_DERIVE_COUNT,
	    "SELECT count(*) FROM (SELECT 1 FROM t WHERE (a = 1) LIMIT 1) AS limited" },
	{ SQL_MARIADB, "delete from t where a = 1 order by a limit 1", SQL_DERIVE_KEYS, NULL },
	{ SQL_MARIADB, "delete from t where a = 1 order by a, `A\"B` desc, t.id limit 100", SQL_DERIVE_KEYS,
	    "SELECT `id`, `a\"b` FROM t WHERE (a = 1) ORDER BY a, `A\"B` desc, t.id LIMIT 100" },
	{ SQL_MARIADB, "delete from t order by id, `a\"b` limit 3", SQL_DERIVE_SAMPLE,
	    "SELECT `id`, `a\"b`, t.* FROM t ORDER BY id, `a\"b` LIMIT 3" },
	{ SQL_MARIADB, "update t set a = 1 order by id, `a\"b` limit 3000", SQL_DERIVE_SAMPLE,
	    "SELECT `id`, `a\"b`, a, (1) AS `a (new)` FROM t ORDER BY id, `a\"b` LIMIT 5" },
	{ SQL_MARIADB, "delete from t order by id limit 3", SQL_DERIVE_KEYS, NULL },
	{ SQL_MARIADB, "delete from t order by id, `a\"b` + 1 limit 3", SQL_DERIVE_KEYS, NULL },
	{ SQL_MARIADB, "delete from t order by 1, id, `a\"b` limit 3", SQL_DERIVE_KEYS, NULL },
	{ SQL_MARIADB, "delete from t order by id, (`a\"b`) limit 3", SQL_DERIVE_KEYS, NULL },
	{ SQL_MARIADB, "delete from t limit 1, 2", SQL_DERIVE_COUNT, NULL },
	{ SQL_MARIADB, "delete from t limit ?", SQL_DERIVE_COUNT, NULL },
	{ SQL_MARIADB, "update t set a = 1 order by a desc", SQL_DERIVE_KEYS, "SELECT `id`, `a\"b` FROM t ORDER BY `id`, `a\"b`" },
	{ SQL_SQLITE, "delete from t where a = 1 order by a limit 1", SQL_DERIVE_COUNT,
	    "SELECT count(*) FROM (SELECT 1 FROM t WHERE (a = 1) LIMIT 1) AS limited" },
	{ SQL_SQLITE, "delete from t where a = 1 order by a limit 1", SQL_DERIVE_KEYS, NULL },
	{ SQL_SQLITE, "update t set a = 1 order by ID, \"a\"\"b\" desc limit 9", SQL_DERIVE_KEYS,
	    "SELECT \"id\", \"a\"\"b\" FROM t ORDER BY ID, \"a\"\"b\" desc LIMIT 9" },
	{ SQL_SQLITE, "delete from t returning id, (select 1 from u) order by a limit 1", SQL_DERIVE_COUNT,
	    "SELECT count(*) FROM (SELECT 1 FROM t LIMIT 1) AS limited" },
	{ SQL_SQLITE, "delete from t returning id, a", SQL_DERIVE_COUNT, "SELECT count(*) FROM t" },
	{ SQL_SQLITE, "delete from t order by id limit 1 offset 1", SQL_DERIVE_COUNT, NULL },
	{ SQL_SQLITE, "delete from t returning id limit 1 offset 1", SQL_DERIVE_COUNT, NULL },
	{ SQL_SQLITE, "update t set a = 1 from u order by t.id limit 1", SQL_DERIVE_COUNT, NULL },
	{ SQL_MARIADB, "delete from t where a = (@x := 1)", SQL_DERIVE_COUNT, NULL },
	{ SQL_MARIADB, "delete from t /*! where a = 1 */", SQL_DERIVE_COUNT, NULL },
	{ SQL_SQLITE, "update or replace t set a = 1", SQL_DERIVE_COUNT, NULL },
};

static void
a_select_is_derived_or_refused_with_a_reason(void **state)
{
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct sql_settings set = { .engine = rows[i].engine };
		struct sql_derive_want want = { .kind = rows[i].kind, .keys = keys, .nkeys = 2, .limit = 5 };
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

/* A join may meet a row more than once: without a key nothing tells. */
static void
a_join_cannot_be_counted_without_a_key(void **state)
{
	static const char sql[] = "delete t from t join u on t.a = u.a", one[] = "delete t from t where a = 1";
	struct sql_settings set = { .engine = SQL_MARIADB };
	struct sql_derive_want want = { .kind = SQL_DERIVE_COUNT, .keys = NULL, .nkeys = 0, .limit = 0 };
	struct buf out;
	struct err e;

	buf_init(&out, 4096);
	assert_int_equal(sql_derive(&set, sql, sizeof(sql) - 1, &want, &out, &e), ERR_UNSUPPORTED);
	assert_non_null(strstr(e.text, "key"));
	assert_int_equal(sql_derive(&set, one, sizeof(one) - 1, &want, &out, &e), 0);
	buf_fini(&out);
}

static void
rows_without_a_key_can_only_be_counted(void **state)
{
	struct sql_settings set = { .engine = SQL_POSTGRES };
	struct sql_derive_want want = { .kind = SQL_DERIVE_KEYS, .keys = NULL, .nkeys = 0, .limit = 0 };
	struct buf out;
	struct err e;

	buf_init(&out, 4096);
	assert_int_equal(sql_derive(&set, "delete from t", 13, &want, &out, &e), ERR_UNSUPPORTED);
	want.kind = SQL_DERIVE_COUNT;
	assert_int_equal(sql_derive(&set, "delete from t", 13, &want, &out, &e), 0);
	buf_fini(&out);
}

/* A column could pass for the new value of another. */
static void
a_column_with_the_mark_of_new_values_gives_no_sample(void **state)
{
	static const char *const texts[] = { "update t set a = 5", "update t set `a (new)` = 5", "update t set b = 5" };
	static const char *const marked[] = { "a (new)" }, *const plain[] = { "id" };
	struct sql_settings set = { .engine = SQL_MARIADB };

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		struct sql_derive_want want = { .kind = SQL_DERIVE_SAMPLE, .keys = i == 0 ? marked : plain, .nkeys = 1, .limit = 5 };
		struct buf out;
		struct err e;

		buf_init(&out, 4096);
		assert_int_equal(sql_derive(&set, texts[i], strlen(texts[i]), &want, &out, &e), i < 2 ? ERR_UNSUPPORTED : 0);
		want.kind = SQL_DERIVE_KEYS;
		assert_int_equal(sql_derive(&set, texts[i], strlen(texts[i]), &want, &out, &e), 0);
		buf_fini(&out);
	}
}

static void
the_query_of_an_insert_is_taken_as_it_stands(void **state)
{
	static const struct {
		enum sql_engine engine;
		const char *sql, *query;	/* NULL: refused */
	} sources[] = {
		{ SQL_MARIADB, "insert into t (a, b) select a, 1 from u where x = 1;", "select a, 1 from u where x = 1" },
		{ SQL_MARIADB, "insert into t select a from u join v on u.id = v.id on duplicate key update a = 1",
		  "select a from u join v on u.id = v.id" },
		{ SQL_MARIADB, "replace into t with q as (select 1) select * from q", "with q as (select 1) select * from q" },
		{ SQL_MARIADB, "insert into t.`select` select a from u returning a", "select a from u" },
		{ SQL_SQLITE, "insert into t select a from u where true on conflict do nothing", "select a from u where true" },
		{ SQL_MARIADB, "insert into t values (1), ((select 2))", NULL },
		{ SQL_MARIADB, "insert into t set a = (select 1)", NULL },
		{ SQL_MARIADB, "update t set a = (select 1)", NULL },
		{ SQL_MARIADB, "insert into t select sleep(1)", NULL },
		{ SQL_MARIADB, "insert into t select a from u for update", NULL },
		{ SQL_MARIADB, "insert into t select a into @x from u", NULL },
		{ SQL_MARIADB, "insert into t select 1; delete from t", NULL },
		{ SQL_MARIADB, "insert into t /*!50000 select 1 */", NULL },
	};

	(void)state;
	for (size_t i = 0; i < sizeof sources / sizeof *sources; i++) {
		struct sql_derive_want want = { .kind = SQL_DERIVE_SOURCE };
		struct sql_settings set = { .engine = sources[i].engine };
		struct buf out;
		struct err e;
		int ret;

		buf_init(&out, 4096);
		ret = sql_derive(&set, sources[i].sql, strlen(sources[i].sql), &want, &out, &e);
		if ((ret == 0) != (sources[i].query != NULL) || strcmp(buf_str(&out), sources[i].query != NULL ? sources[i].query : "") != 0)
			fail_msg("%s: %d %s", sources[i].sql, ret, buf_str(&out));
		buf_fini(&out);
	}
}

static const struct {
	enum sql_engine engine;
	const char *sql, *count, *sample;	/* NULL: refused */
} adds[] = {
	{ SQL_POSTGRES, "insert into t values (1, 'x')", "SELECT 1", NULL },
	{ SQL_POSTGRES, "insert into s.t as x (a, \"B\") overriding system value values (1, (2)), (default, ')') returning a;",
	  "SELECT 2", NULL },
	{ SQL_SQLITE, "insert into t default values", "SELECT 1", NULL },
	{ SQL_MARIADB, "insert low_priority into t partition (p0) (a) value (1), (2), (3)", "SELECT 3", NULL },
	{ SQL_MARIADB, "insert t set a = 1, b = (select 1 from u join v on u.i = v.i)", "SELECT 1", NULL },
	{ SQL_POSTGRES, "insert into t (A, \"B\") select x, count(*) from u group by x returning a",
	  "WITH twokey_added (\"a\", \"B\") AS (select x, count(*) from u group by x) SELECT count(*) FROM twokey_added",
	  "WITH twokey_added (\"a\", \"B\") AS (select x, count(*) from u group by x) SELECT \"a\" AS \"a (new)\", "
	  "\"B\" AS \"B (new)\" FROM twokey_added LIMIT 5" },
	{ SQL_SQLITE, "insert into t with q as (select 1) select * from q", "SELECT count(*) FROM (with q as (select 1) select * from q)"
	  " AS twokey_added", "SELECT * FROM (with q as (select 1) select * from q) AS twokey_added LIMIT 5" },
	{ SQL_MARIADB, "insert into t (a) select a from u", "WITH twokey_added (`a`) AS (select a from u) SELECT count(*) FROM "
	  "twokey_added", "WITH twokey_added (`a`) AS (select a from u) SELECT `a` AS `a (new)` FROM twokey_added LIMIT 5" },
	{ SQL_POSTGRES, "insert into t select a from u limit 3", "SELECT count(*) FROM (select a from u limit 3) AS twokey_added",
	  NULL },
	{ SQL_POSTGRES, "insert into t (a[1], b) select a, b from u", "SELECT count(*) FROM (select a, b from u) AS twokey_added",
	  "SELECT * FROM (select a, b from u) AS twokey_added LIMIT 5" },
	/* two columns of one name are no table there */
	{ SQL_MARIADB, "insert into t select 1, 1", NULL, NULL },
	{ SQL_MARIADB, "insert into t partition (p0) select 1, 1", NULL, NULL },
	/* not every row is one more */
	{ SQL_POSTGRES, "insert into t values (1) on conflict do nothing", NULL, NULL },
	{ SQL_POSTGRES, "insert into t select a from u on conflict (a) do update set b = 1", NULL, NULL },
	{ SQL_SQLITE, "insert or ignore into t values (1)", NULL, NULL },
	{ SQL_SQLITE, "replace into t values (1)", NULL, NULL },
	{ SQL_MARIADB, "insert ignore into t values (1)", NULL, NULL },
	{ SQL_MARIADB, "insert into t values (1) on duplicate key update a = 2", NULL, NULL },
	{ SQL_MARIADB, "insert into t set a = 1 on duplicate key update a = 2", NULL, NULL },
	{ SQL_POSTGRES, "insert into t values (1), (2) limit 1", NULL, NULL },
	{ SQL_POSTGRES, "insert into t values (1) union select a from u", NULL, NULL },
	/* another answer each time, or an effect of its own */
	{ SQL_POSTGRES, "insert into t select a from u where random() < 0.5", NULL, NULL },
	{ SQL_POSTGRES, "insert into t with x as (delete from u returning a) select a from x", NULL, NULL },
	{ SQL_POSTGRES, "insert into t select nextval('s') from u", NULL, NULL },
	{ SQL_POSTGRES, "with x as (select 1) insert into t select * from x", NULL, NULL },
	{ SQL_POSTGRES, "insert into t (select 1)", NULL, NULL },
	{ SQL_POSTGRES, "insert into t select 1) from (select 2", NULL, NULL },
	{ SQL_POSTGRES, "insert into t values (1", NULL, NULL },
	{ SQL_POSTGRES, "insert into t values", NULL, NULL },
	{ SQL_POSTGRES, "insert into t", NULL, NULL },
};

static void
rows_that_are_added_are_counted(void **state)
{
	(void)state;
	for (size_t i = 0; i < 3 * (sizeof adds / sizeof *adds); i++) {
		const char *sql = adds[i / 3].sql, *should = i % 3 == 0 ? adds[i / 3].count : i % 3 == 1 ? adds[i / 3].sample : NULL;
		static const enum sql_derived kinds[] = { SQL_DERIVE_COUNT, SQL_DERIVE_SAMPLE, SQL_DERIVE_KEYS };
		struct sql_derive_want want = { .kind = kinds[i % 3], .limit = 5 };
		struct sql_settings set = { .engine = adds[i / 3].engine };
		struct buf out;
		struct err e;
		int ret;

		buf_init(&out, 4096);
		ret = sql_derive(&set, sql, strlen(sql), &want, &out, &e);
		if ((ret == 0) != (should != NULL) || strcmp(buf_str(&out), should != NULL ? should : "") != 0)
			fail_msg("%s: %d %s", sql, ret, ret == 0 ? buf_str(&out) : e.text);
		buf_fini(&out);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rows_that_are_added_are_counted),
		cmocka_unit_test(the_query_of_an_insert_is_taken_as_it_stands),
		cmocka_unit_test(a_select_is_derived_or_refused_with_a_reason),
		cmocka_unit_test(a_column_with_the_mark_of_new_values_gives_no_sample),
		cmocka_unit_test(rows_without_a_key_can_only_be_counted),
		cmocka_unit_test(a_join_cannot_be_counted_without_a_key),
	};

	return cmocka_run_group_tests_name("sql: derive", tests, NULL, NULL);
}
