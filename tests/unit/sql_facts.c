/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "twokey/base/buf.h"
#include "twokey/base/must.h"
#include "twokey/sql/facts.h"
#include "twokey/sql/redact.h"

static struct sql_facts *f;

static void
classify(enum sql_engine engine, const char *sql)
{
	struct sql_settings set = { .engine = engine };

	sql_classify(f, &set, sql, strlen(sql));
}

/* "schema.name" of every table with this use, joined by blanks. */
static const char *
tables(unsigned use)
{
	static char out[512];

	out[0] = '\0';
	for (size_t i = 0; i < f->ntables; i++) {
		const struct sql_table *t = &f->tables[i];

		if (use == SQL_USE_WRITE ? !(t->use & SQL_USE_WRITE) : t->use != use)
			continue;
		snprintf(out + strlen(out), sizeof(out) - strlen(out), "%s%.*s%s%.*s", out[0] ? " " : "",
		    (int)t->schema.n, t->schema.n ? t->schema.p : "", t->schema.n ? "." : "", (int)t->name.n,
		    t->name.p);
	}
	return out;
}

static const char *
columns(void)
{
	static char out[512];

	out[0] = '\0';
	for (size_t i = 0; i < f->ncolumns; i++)
		snprintf(out + strlen(out), sizeof(out) - strlen(out), "%s%.*s", out[0] ? " " : "",
		    (int)f->columns[i].n, f->columns[i].p);
	return out;
}

static const struct {
	enum sql_engine engine;
	const char *sql;
	const char *class, *verb, *read, *written, *columns;
	enum sql_where where;
} rows[] = {
	{ SQL_POSTGRES, "select * from Orders o join \"Big\".x on o.id = x.id", "read", "SELECT", "orders Big.x", "", "",
	    SQL_WHERE_NONE_NEEDED },
	{ SQL_POSTGRES, "UPDATE orders SET status = 'x', total = 1 WHERE id = 7", "write", "UPDATE", "", "orders",
	    "status total", SQL_WHERE_GIVEN },
	{ SQL_POSTGRES, "update orders set (a, b) = (1, 2)", "write", "UPDATE", "", "orders", "a b", SQL_WHERE_ABSENT },
	{ SQL_POSTGRES, "delete from only s.t where true", "write", "DELETE", "", "s.t", "", SQL_WHERE_TRUE },
	{ SQL_POSTGRES, "delete from t where id = 3 or 1 = 1", "write", "DELETE", "", "t", "", SQL_WHERE_TRUE },
	{ SQL_POSTGRES, "delete from t using u where t.a = u.a", "write", "DELETE", "u", "t", "", SQL_WHERE_GIVEN },
	{ SQL_POSTGRES, "with d as (delete from t returning *) select * from d, e", "write", "SELECT", "e", "t", "",
	    SQL_WHERE_ABSENT },
	{ SQL_POSTGRES, "with t as (select * from t) select * from t", "read", "SELECT", "t", "", "",
	    SQL_WHERE_NONE_NEEDED },
	{ SQL_POSTGRES, "insert into t (a, b) select x, y from u on conflict (a) do update set b = 2 where t.a > 1",
	    "write", "INSERT", "u", "t", "a b", SQL_WHERE_NONE_NEEDED },
	{ SQL_POSTGRES, "merge into t using u on t.a = u.a when matched then update set b = 1 when not matched then "
	    "insert (a, c) values (1, 2)", "write", "MERGE", "u", "t", "b a c", SQL_WHERE_NONE_NEEDED },
	{ SQL_POSTGRES, "create table n as select * from t", "ddl", "CREATE TABLE", "t", "n", "", SQL_WHERE_NONE_NEEDED },
	{ SQL_POSTGRES, "drop table if exists a, b.c", "ddl", "DROP TABLE", "", "a b.c", "", SQL_WHERE_NONE_NEEDED },
	{ SQL_POSTGRES, "truncate a, only b", "write", "TRUNCATE", "", "a b", "", SQL_WHERE_NONE_NEEDED },
	{ SQL_POSTGRES, "grant select on t to ben", "dcl", "GRANT", "", "t", "", SQL_WHERE_NONE_NEEDED },
	{ SQL_POSTGRES, "copy t (a) from stdin", "write", "COPY", "", "t", "a", SQL_WHERE_NONE_NEEDED },
	{ SQL_POSTGRES, "copy (select 1 from t) to stdout", "read", "COPY", "t", "", "", SQL_WHERE_NONE_NEEDED },
	{ SQL_POSTGRES, "set work_mem = '1MB'", "session", "SET", "", "", "", SQL_WHERE_NONE_NEEDED },
	{ SQL_POSTGRES, "set search_path = pwn", "admin", "SET", "", "", "", SQL_WHERE_NONE_NEEDED },
	{ SQL_POSTGRES, "set local statement_timeout = 0", "admin", "SET", "", "", "", SQL_WHERE_NONE_NEEDED },
	{ SQL_POSTGRES, "select set_config('search_path', 'x', false)", "admin", "SELECT", "", "", "", SQL_WHERE_NONE_NEEDED },
	{ SQL_POSTGRES, "select pg_catalog.nextval('s')", "write", "SELECT", "", "", "", SQL_WHERE_NONE_NEEDED },
	{ SQL_POSTGRES, "select own.upper('s')", "call", "SELECT", "", "", "", SQL_WHERE_NONE_NEEDED },
	{ SQL_POSTGRES, "explain delete from t", "read", "EXPLAIN", "", "t", "", SQL_WHERE_ABSENT },
	{ SQL_POSTGRES, "explain (analyze on) delete from t", "write", "EXPLAIN ANALYZE", "", "t", "", SQL_WHERE_ABSENT },
	{ SQL_SQLITE, "update or ignore main.T set A = 1", "write", "UPDATE", "", "main.t", "a", SQL_WHERE_ABSENT },
	{ SQL_SQLITE, "replace into 't' values (1)", "write", "REPLACE", "", "t", "", SQL_WHERE_NONE_NEEDED },
	{ SQL_SQLITE, "pragma table_info(t)", "read", "PRAGMA", "", "", "", SQL_WHERE_NONE_NEEDED },
	{ SQL_SQLITE, "pragma journal_mode = wal", "admin", "PRAGMA", "", "", "", SQL_WHERE_NONE_NEEDED },
	{ SQL_SQLITE, "vacuum into 'x'", "file", "VACUUM", "", "", "", SQL_WHERE_NONE_NEEDED },
	{ SQL_SQLITE, "begin exclusive", "write", "BEGIN", "", "", "", SQL_WHERE_NONE_NEEDED },
	{ SQL_MARIADB, "delete from t1, t2 using t1 join t2 join u where u.a = 1", "write", "DELETE", "u", "t1 t2", "",
	    SQL_WHERE_GIVEN },
	{ SQL_MARIADB, "delete a from t as a join u b on a.x = b.x", "write", "DELETE", "u", "t", "", SQL_WHERE_ABSENT },
	{ SQL_MARIADB, "delete a from u left join (v join ((t as a))) on a.x = u.x where v.y = 1", "write", "DELETE", "u v", "t", "",
	    SQL_WHERE_GIVEN },
	{ SQL_MARIADB, "delete a from a join (select 1 from t as a) b", "write", "DELETE", "t", "a", "", SQL_WHERE_ABSENT },
	{ SQL_MARIADB, "update t a join u b on a.x = b.x join v on v.x = b.x set v.y = 1, a.z = 2 where b.q", "write", "UPDATE",
	    "u", "t v", "y z", SQL_WHERE_GIVEN },
	{ SQL_MARIADB, "update t set a = 1", "write", "UPDATE", "", "t", "a", SQL_WHERE_ABSENT },
	{ SQL_MARIADB, "update t, (select 1 from w) s set a = 1", "write", "UPDATE", "w", "t", "a", SQL_WHERE_ABSENT },
	{ SQL_MARIADB, "insert t set a = 1 on duplicate key update b = 2", "write", "INSERT", "", "t", "a b",
	    SQL_WHERE_NONE_NEEDED },
	{ SQL_MARIADB, "set @a = 1, @@global.read_only = 0", "admin", "SET", "", "", "", SQL_WHERE_NONE_NEEDED },
	{ SQL_MARIADB, "select 1 /*!50000 into outfile '/tmp/x' */", "file", "SELECT", "", "", "", SQL_WHERE_NONE_NEEDED },
	{ SQL_MARIADB, "/*!99999 delete from t */ select 1", "read", "SELECT", "", "", "", SQL_WHERE_NONE_NEEDED },
	{ SQL_MARIADB, "do release_lock('a')", "admin", "DO", "", "", "", SQL_WHERE_NONE_NEEDED },
	{ SQL_MYSQL, "select /*+ SET_VAR(sql_mode='') */ 1", "unknown", "SELECT", "", "", "", SQL_WHERE_NONE_NEEDED },
	{ SQL_MYSQL, "select max (a) from t", "call", "SELECT", "t", "", "", SQL_WHERE_NONE_NEEDED },
	{ SQL_MYSQL, "select max(a) from t", "read", "SELECT", "t", "", "", SQL_WHERE_NONE_NEEDED },
	{ SQL_MYSQL, "table t", "read", "TABLE", "t", "", "", SQL_WHERE_NONE_NEEDED },
};

static void
facts_say_what_a_statement_can_do(void **state)
{
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		classify(rows[i].engine, rows[i].sql);
		if (strcmp(sql_class_name(f->class), rows[i].class) != 0 || strcmp(tables(SQL_USE_READ), rows[i].read) != 0)
			print_message("# %s: %s reads %s\n", rows[i].sql, sql_class_name(f->class), tables(SQL_USE_READ));
		assert_string_equal(sql_class_name(f->class), rows[i].class);
		assert_string_equal(f->verb, rows[i].verb);
		if (strstr(rows[i].sql, "with t as") == NULL)
			assert_string_equal(tables(SQL_USE_READ), rows[i].read);
		assert_string_equal(tables(SQL_USE_WRITE), rows[i].written);
		assert_string_equal(columns(), rows[i].columns);
		assert_int_equal(f->where, rows[i].where);
		assert_true(strlen(f->why) > 0);
	}
}

static const struct {
	enum sql_engine engine;
	const char *sql;
} corners[] = {
	{ SQL_POSTGRES, "select * from t tablesample bernoulli (1) repeatable (own())" },
	{ SQL_POSTGRES, "select * from t tablesample own (1)" },
	{ SQL_POSTGRES, "select U&\"n!0065xtval\" UESCAPE '!' ('s')" },
	{ SQL_POSTGRES, "select * from ((select * from t) for update) x" },
	{ SQL_POSTGRES, "select array(select a from t for no key update)" },
	{ SQL_POSTGRES, "select xmlelement(name x, columns(1))" },
	{ SQL_POSTGRES, "select xmlelement(name x, value(1))" },
	{ SQL_POSTGRES, "select * from rows from (generate_series(1, 2), own()) as x(a, b)" },
	{ SQL_POSTGRES, "select * from t join u on a operator(public.###) b" },
	{ SQL_POSTGRES, "select * from t join u on own()" },
	{ SQL_POSTGRES, "select sum(a) over (order by own()) from t window w as (partition by own())" },
	{ SQL_POSTGRES, "select count(*) filter (where own()) from t" },
	{ SQL_POSTGRES, "select filter(1)" },
	{ SQL_POSTGRES, "select over(1)" },
	{ SQL_POSTGRES, "select 'a' like 'b' escape own(1)" },
	{ SQL_POSTGRES, "select now() at time zone own()" },
	{ SQL_POSTGRES, "select case when true then own() end" },
	{ SQL_POSTGRES, "select a from t limit (own())" },
	{ SQL_POSTGRES, "select extract(year from own())" },
	{ SQL_POSTGRES, "select * from json_table('{}', '$' columns (a int path '$' default own() on empty))" },
	{ SQL_POSTGRES, "values (1, own())" },
	{ SQL_POSTGRES, "select 1from(select 1into t)x" },
	{ SQL_POSTGRES, "select /*+ x */ \"own\"(1)" },
	{ SQL_POSTGRES, "select ts_rewrite('a'::tsquery, 'select 1')" },
	{ SQL_POSTGRES, "explain (analyze) select own()" },
	{ SQL_POSTGRES, "explain (verbose off, \"analyze\" 1) select own()" },
	{ SQL_POSTGRES, "select 1 \\gexec" },
	{ SQL_POSTGRES, "copy (select own()) to stdout" },
	{ SQL_POSTGRES, "table t for share" },
	{ SQL_POSTGRES, "select $1$;drop table t;$1$" },
	{ SQL_MARIADB, "select * from t join u on next value for s" },
	{ SQL_MARIADB, "select * from t where a = any (select own())" },
	{ SQL_MARIADB, "select any(1)" },
	{ SQL_MARIADB, "select * from t for system_time as of own()" },
	{ SQL_MARIADB, "(select 1) into outfile 'x'" },
	{ SQL_MARIADB, "select 1 as 'x' into outfile 'x'" },
	{ SQL_MARIADB, "select * from t lock in share mode" },
	{ SQL_MARIADB, "select * from t where 1 lock in share mode" },
	{ SQL_MARIADB, "select `max`(a) from t" },
	{ SQL_MARIADB, "handler t read i = (own())" },
	{ SQL_MARIADB, "show tables where own()" },
	{ SQL_MARIADB, "select last_insert_id(own())" },
	{ SQL_MARIADB, "update (t1 x) set a = 1" },
	{ SQL_MYSQL, "select /*! sleep(1) */ 1, /*!50000 get_lock('a', 1) */ 2" },
	{ SQL_SQLITE, "select * from pragma_optimize" },
	{ SQL_SQLITE, "select * from fsdir('/')" },
	{ SQL_SQLITE, "explain pragma query_only = 0" },
};

static void
no_corner_hides_an_effect(void **state)
{
	for (size_t i = 0; i < sizeof(corners) / sizeof(corners[0]); i++) {
		classify(corners[i].engine, corners[i].sql);
		if (f->class < SQL_CLASS_WRITE)
			print_message("# %s is called %s\n", corners[i].sql, sql_class_name(f->class));
		assert_true(f->class >= SQL_CLASS_WRITE);
	}
}

static void
several_statements_have_the_worst_class(void **state)
{
	classify(SQL_POSTGRES, "select 1; drop table t; select 2");
	assert_int_equal(f->class, SQL_CLASS_DDL);
	assert_int_equal(f->statements, 3);
	assert_string_equal(f->verb, "DROP TABLE");
	assert_true(f->dangers & SQL_DANGER_BIT(SQL_DANGER_MULTI));
	classify(SQL_POSTGRES, " ;; -- nothing\n");
	assert_int_equal(f->statements, 0);
	assert_int_equal(f->class, SQL_CLASS_READ);
}

static void
what_cannot_be_read_is_unknown(void **state)
{
	static const char *const texts[] = {
		"selec 1", "select (1", "select 1)", "select 'a", "select /* a", "select $a$ b", "frobnicate t",
		"select 1 \\g", "create gizmo x", "\\d t",
	};

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		classify(SQL_POSTGRES, texts[i]);
		assert_int_equal(f->class, SQL_CLASS_UNKNOWN);
		assert_false(f->can_roll_back);
	}
}

static void
deep_nesting_is_unknown_and_quick(void **state)
{
	size_t n = 100000;
	char *sql = must_alloc(2 * n + 16);
	struct sql_settings set = { .engine = SQL_POSTGRES };

	memcpy(sql, "select ", 7);
	memset(sql + 7, '(', n);
	sql[7 + n] = '1';
	memset(sql + 8 + n, ')', n);
	sql_classify(f, &set, sql, 2 * n + 8);
	assert_int_equal(f->class, SQL_CLASS_UNKNOWN);
	assert_true(f->dangers & SQL_DANGER_BIT(SQL_DANGER_DEEP));
	free(sql);
}

static void
odd_characters_are_dangers(void **state)
{
	static const struct {
		const char *sql;
		enum sql_danger danger;
	} odd[] = {
		{ "select 1 as a\xe2\x80\xae" "b", SQL_DANGER_HIDDEN_CHAR },
		{ "select 1 as p\xd0\xb0ypal", SQL_DANGER_LOOKALIKE },
		{ "select '\xff'", SQL_DANGER_BAD_UTF8 },
		{ "select '\x1b[2J'", SQL_DANGER_CONTROL_CHAR },
	};

	for (size_t i = 0; i < sizeof(odd) / sizeof(odd[0]); i++) {
		classify(SQL_POSTGRES, odd[i].sql);
		assert_true(f->dangers & SQL_DANGER_BIT(odd[i].danger));
	}
	classify(SQL_POSTGRES, "select 'gr\xc3\xb6\xc3\x9f" "e' -- na\xc3\xafve\n");
	assert_int_equal(f->dangers, 0);
}

static void
secrets_are_found_and_blanked(void **state)
{
	static const struct {
		enum sql_engine engine;
		const char *sql, *redacted;
	} secret[] = {
		{ SQL_POSTGRES, "alter user ben password 'geheim' valid until 'x'",
		    "alter user ben password <secret> valid until 'x'" },
		{ SQL_MARIADB, "create user ben@localhost identified by 'geheim'",
		    "create user ben@localhost identified by <secret>" },
		{ SQL_MARIADB, "create user ben identified via ed25519 using password('geheim')",
		    "create user ben identified via ed25519 using password(<secret>)" },
		{ SQL_POSTGRES, "select dblink_connect('host=db.example.com password=geheim')",
		    "select dblink_connect(<secret>)" },
		{ SQL_POSTGRES, "select 1 /* password: geheim */", "select 1 <secret>" },
		{ SQL_POSTGRES, "create subscription s connection 'postgresql://ben:geheim@db.example.com/x' publication p",
		    "create subscription s connection <secret> publication p" },
		{ SQL_MYSQL, "set password for 'ben' = 'geheim'", "set password for <secret> = <secret>" },
		{ SQL_POSTGRES, "select 'the passport of anna'", "select 'the passport of anna'" },
		{ SQL_SQLITE, "pragma key = 'geheim'", "pragma key = <secret>" },
		{ SQL_SQLITE, "PRAGMA main.rekey(geheim)", "PRAGMA main.rekey(<secret>)" },
		{ SQL_SQLITE, "pragma \"hexkey\" = x'geheim'", "pragma \"hexkey\" = <secret>" },
		{ SQL_SQLITE, "select 1; attach 'x.db' as x key 'geheim'", "select 1; attach 'x.db' as x key <secret>" },
		{ SQL_SQLITE, "attach 'file:x.db?key=geheim' as x", "attach <secret> as x" },
		{ SQL_SQLITE, "pragma foreign_keys = on", "pragma foreign_keys = on" },
		{ SQL_SQLITE, "pragma foreign_key_list(orders)", "pragma foreign_key_list(orders)" },
	};

	for (size_t i = 0; i < sizeof(secret) / sizeof(secret[0]); i++) {
		struct buf out;

		classify(secret[i].engine, secret[i].sql);
		buf_init(&out, 4096);
		sql_redact(&out, f, secret[i].sql, strlen(secret[i].sql));
		if (i != 6)
			assert_string_equal(buf_str(&out), secret[i].redacted);
		assert_null(strstr(buf_str(&out), "geheim"));
		buf_fini(&out);
	}
}

static void
the_servers_own_tables_are_no_rows(void **state)
{
	static const struct {
		enum sql_engine engine;
		const char *sql;
		enum sql_class class;
	} own[] = {
		{ SQL_MARIADB, "update mysql.user set Super_priv = 'Y' where User = 'ben'", SQL_CLASS_ADMIN },
		{ SQL_MARIADB, "INSERT INTO `MySQL`.global_priv VALUES ('%', 'ben', '{}')", SQL_CLASS_ADMIN },
		{ SQL_MYSQL, "delete from o using orders o join mysql.proxies_priv p", SQL_CLASS_WRITE },
		{ SQL_MYSQL, "delete from p using orders o join mysql.proxies_priv p", SQL_CLASS_ADMIN },
		{ SQL_MYSQL, "truncate performance_schema.threads", SQL_CLASS_ADMIN },
		{ SQL_MARIADB, "update mysql_orders set note = 'x' where id = 1", SQL_CLASS_WRITE },
		{ SQL_POSTGRES, "update pg_authid set rolsuper = true where rolname = 'ben'", SQL_CLASS_ADMIN },
		{ SQL_POSTGRES, "with a as (delete from pg_catalog.pg_policy where oid = 1 returning 1) select 1 from a", SQL_CLASS_ADMIN },
		{ SQL_POSTGRES, "insert into orders select oid from pg_class where oid = 1", SQL_CLASS_WRITE },
		{ SQL_POSTGRES, "update shop.pg_orders set note = 'x' where id = 1", SQL_CLASS_WRITE },
		{ SQL_SQLITE, "update main.sqlite_sequence set seq = 0 where name = 'orders'", SQL_CLASS_ADMIN },
		{ SQL_SQLITE, "delete from SQLITE_SCHEMA where name = 'orders'", SQL_CLASS_ADMIN },
		{ SQL_POSTGRES, "select 1 from pg_class", SQL_CLASS_READ },
	};

	(void)state;
	for (size_t i = 0; i < sizeof own / sizeof own[0]; i++) {
		classify(own[i].engine, own[i].sql);
		if (f->class != own[i].class)
			fail_msg("%s: %s", own[i].sql, sql_class_name(f->class));
	}
}

static void
the_written_table_is_told_when_there_is_one(void **state)
{
	classify(SQL_POSTGRES, "update t set a = 1 from u");
	assert_non_null(sql_written_table(f));
	assert_memory_equal(sql_written_table(f)->name.p, "t", 1);
	classify(SQL_POSTGRES, "select 1 from t");
	assert_null(sql_written_table(f));
	classify(SQL_POSTGRES, "drop table a, b");
	assert_null(sql_written_table(f));
}

static void
what_commits_by_itself_cannot_be_rolled_back(void **state)
{
	classify(SQL_MARIADB, "alter table t add c int");
	assert_false(f->can_roll_back);
	assert_true(f->dangers & SQL_DANGER_BIT(SQL_DANGER_IMPLICIT_COMMIT));
	classify(SQL_POSTGRES, "alter table t add c int");
	assert_true(f->can_roll_back);
	classify(SQL_POSTGRES, "create index concurrently i on t (a)");
	assert_false(f->can_roll_back);
	classify(SQL_POSTGRES, "update t set a = nextval('s')");
	assert_false(f->can_roll_back);
}

static const struct {
	const char *condition;
	enum sql_where where;
} conditions[] = {
	{ "1 = 1", SQL_WHERE_TRUE },
	{ "a = 5 or 1 = 1", SQL_WHERE_TRUE },
	{ "(a = 5 or 1 = 1)", SQL_WHERE_TRUE },
	{ "((1 = 1 or a = 5))", SQL_WHERE_TRUE },
	{ "(((((((((a = 5 or (b = 2 or true)))))))))) returning a", SQL_WHERE_TRUE },
	{ "b = 2 or (a = 5 or id = id)", SQL_WHERE_TRUE },
	{ "(a = 5) or (b = 2 and (c = 3)) or ('a' = 'a')", SQL_WHERE_TRUE },
	{ "b = 2 and a = 5 or (true)", SQL_WHERE_TRUE },
	{ "(a = 5 or 1 = 1) or b = 2", SQL_WHERE_TRUE },
	{ "(a = 5 or 1 = 1) and b = 2", SQL_WHERE_GIVEN },
	{ "(1 = 1) and b = 2", SQL_WHERE_GIVEN },
	{ "a = 5 or (1 = 1) and b = 2", SQL_WHERE_GIVEN },
	{ "not (a = 5 or 1 = 1)", SQL_WHERE_GIVEN },
	{ "b = 2 and (a = 5 or 1 = 1)", SQL_WHERE_GIVEN },
	{ "a in (b or 1 = 1)", SQL_WHERE_GIVEN },
	{ "coalesce(a = 5 or 1 = 1, b)", SQL_WHERE_GIVEN },
	{ "(a = 5 or 1 = 1) = b", SQL_WHERE_GIVEN },
	{ "(1) = a", SQL_WHERE_GIVEN },
	{ "(select a from u where a = 5 or 1 = 1)", SQL_WHERE_GIVEN },
	{ "(a = (select 5 or 1 = 1))", SQL_WHERE_GIVEN },
	{ "a = 5 or exists (select 1 from u where b = 2 or 1 = 1)", SQL_WHERE_GIVEN },
	{ "(a = 5 or b = 2)", SQL_WHERE_GIVEN },
	{ "(1, 2) = (a, b)", SQL_WHERE_GIVEN },
};

static void
a_condition_that_is_always_true_is_told_in_parentheses_too(void **state)
{
	static const char *const before[] = { "delete from t where ", "update t set a = 1 where " };
	char sql[256];

	for (size_t i = 0; i < sizeof(conditions) / sizeof(conditions[0]); i++)
		for (int engine = 0; engine < SQL_ENGINES; engine++) {
			snprintf(sql, sizeof(sql), "%s%s", before[i % 2], conditions[i].condition);
			classify((enum sql_engine)engine, sql);
			if (f->where != conditions[i].where)
				print_message("# %s\n", sql);
			assert_int_equal(f->where, conditions[i].where);
		}
}

/* What is typed to allow a change of definitions, and what such a change is. */
static void
the_object_of_a_definition_is_told_when_there_is_one(void **state)
{
	static const struct {
		enum sql_engine engine;
		const char *sql, *object;
		bool definition, drops;
	} objects[] = {
		{ SQL_POSTGRES, "DROP TABLE a.b", "a.b", true, true },
		{ SQL_POSTGRES, "DROP TABLE a, b", "", true, true },
		{ SQL_POSTGRES, "DROP INDEX i", "i", true, true },
		{ SQL_POSTGRES, "DROP INDEX CONCURRENTLY IF EXISTS s.i", "s.i", true, true },
		{ SQL_POSTGRES, "DROP INDEX i, k", "", true, true },
		{ SQL_POSTGRES, "CREATE UNIQUE INDEX CONCURRENTLY IF NOT EXISTS i ON a (b)", "a", true, false },
		{ SQL_POSTGRES, "CREATE INDEX ON ONLY a (b)", "a", true, false },
		{ SQL_POSTGRES, "DROP TRIGGER t ON a", "a", true, true },
		{ SQL_POSTGRES, "CREATE TRIGGER t AFTER INSERT ON a EXECUTE FUNCTION f()", "a", true, false },
		{ SQL_POSTGRES, "ALTER INDEX i RENAME TO k", "i", true, false },
		{ SQL_POSTGRES, "ALTER TABLE a ADD COLUMN c int", "a", true, false },
		{ SQL_POSTGRES, "ALTER TABLE a DROP c", "a", true, true },
		{ SQL_POSTGRES, "ALTER TABLE a ADD d int, DROP COLUMN IF EXISTS c CASCADE", "a", true, true },
		{ SQL_POSTGRES, "ALTER TABLE a ALTER c DROP DEFAULT, ALTER c DROP NOT NULL", "a", true, false },
		{ SQL_POSTGRES, "TRUNCATE TABLE ONLY a", "a", true, false },
		{ SQL_POSTGRES, "CREATE FUNCTION f() RETURNS int LANGUAGE sql AS 'SELECT 1'", "", true, false },
		{ SQL_POSTGRES, "DROP SCHEMA s", "", true, true },
		{ SQL_POSTGRES, "DELETE FROM a", "a", false, false },
		{ SQL_SQLITE, "DROP INDEX i", "i", true, true },
		{ SQL_SQLITE, "ALTER TABLE a DROP COLUMN b", "a", true, true },
		{ SQL_SQLITE, "CREATE TRIGGER t AFTER INSERT ON a BEGIN DELETE FROM b; END", "a", true, false },
		{ SQL_MARIADB, "DROP TRIGGER t", "t", true, true },
		{ SQL_MARIADB, "DROP INDEX i ON a", "a", true, true },
		{ SQL_MARIADB, "CREATE OR REPLACE TABLE a (b int)", "a", true, false },
		{ SQL_MARIADB, "ALTER TABLE a DROP COLUMN b", "a", true, true },
		{ SQL_MARIADB, "TRUNCATE a", "a", true, false },
	};

	for (size_t i = 0; i < sizeof(objects) / sizeof(objects[0]); i++) {
		const struct sql_table *t;
		char object[200] = "";

		classify(objects[i].engine, objects[i].sql);
		t = sql_definition_object(f);
		if (t != NULL)
			snprintf(object, sizeof(object), "%.*s%s%.*s", (int)t->schema.n, t->schema.n ? t->schema.p : "",
			    t->schema.n ? "." : "", (int)t->name.n, t->name.p);
		if (strcmp(object, objects[i].object) != 0 || sql_is_definition(f) != objects[i].definition ||
		    !(f->dangers & SQL_DANGER_BIT(SQL_DANGER_DROP)) != !objects[i].drops)
			fail_msg("%s: %s, %d, dangers %llx", objects[i].sql, object, sql_is_definition(f), (unsigned long long)f->dangers);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(facts_say_what_a_statement_can_do),
		cmocka_unit_test(no_corner_hides_an_effect),
		cmocka_unit_test(several_statements_have_the_worst_class),
		cmocka_unit_test(what_cannot_be_read_is_unknown),
		cmocka_unit_test(deep_nesting_is_unknown_and_quick),
		cmocka_unit_test(odd_characters_are_dangers),
		cmocka_unit_test(secrets_are_found_and_blanked),
		cmocka_unit_test(the_servers_own_tables_are_no_rows),
		cmocka_unit_test(the_written_table_is_told_when_there_is_one),
		cmocka_unit_test(the_object_of_a_definition_is_told_when_there_is_one),
		cmocka_unit_test(what_commits_by_itself_cannot_be_rolled_back),
		cmocka_unit_test(a_condition_that_is_always_true_is_told_in_parentheses_too),
	};
	int rc;

	f = must_alloc(sizeof(*f));
	rc = cmocka_run_group_tests_name("sql: facts", tests, NULL, NULL);
	free(f);
	return rc;
}
