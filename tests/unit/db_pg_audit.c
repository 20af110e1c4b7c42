/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What an account may do, found on a real server: one account for each kind of right. */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "db_pg.h"

struct audited {
	const char *grant;	/* by the superuser, to the role acc, which may read every table */
	const char *found;	/* "kind object|detail\n" */
	const char *clean;	/* what goes with DROP OWNED BY need not be said */
};

static const struct audited attributes[] = {
	{ "SELECT 1", "", "" },
	{ "GRANT CONNECT ON DATABASE shop TO acc; GRANT USAGE ON SCHEMA public TO acc", "", "" },	/* doc/accounts.txt */
	{ "ALTER ROLE acc VALID UNTIL 'infinity'", "no-expiry acc|\n", "" },
	{ "ALTER ROLE acc SUPERUSER", "superuser acc|\n", "" },
	{ "ALTER ROLE acc CREATEROLE CREATEDB", "create-role acc|\ncreate-database acc|\n", "" },
	{ "ALTER ROLE acc REPLICATION BYPASSRLS", "replication acc|\nbypass-rls acc|\n", "" },
	{ "GRANT postgres TO acc", "superuser postgres|through role postgres\ncreate-role postgres|through role postgres\n"
	  "create-database postgres|through role postgres\nreplication postgres|through role postgres\n"
	  "bypass-rls postgres|through role postgres\npowerful-role postgres|through role postgres\n", "REVOKE postgres FROM acc" },
};

static const struct audited roles[] = {
	{ "GRANT pg_read_all_data TO acc",
	  "powerful-role pg_read_all_data|reads every table of every schema through role pg_read_all_data\n", "" },
	{ "GRANT pg_write_all_data TO acc",
	  "powerful-role pg_write_all_data|writes every table of every schema through role pg_write_all_data\n"
	  "write |every table of every schema through role pg_write_all_data\n", "" },
	{ "GRANT pg_signal_backend TO app; ALTER ROLE app NOINHERIT; GRANT app TO acc; ALTER ROLE acc NOINHERIT",
	  "powerful-role pg_signal_backend|stops what others run through role pg_signal_backend\n"
	  "process |stops what others run through role pg_signal_backend\n", "REVOKE pg_signal_backend FROM app" },
	{ "GRANT pg_execute_server_program TO acc", "powerful-role pg_execute_server_program|runs programs on the server"
	  " through role pg_execute_server_program\nfile |runs programs through role pg_execute_server_program\n", "" },
	{ "GRANT pg_monitor TO acc", "system-schema |reads every setting, also those with a password in them through role"
	  " pg_read_all_settings\nprocess |sees what others run through role pg_monitor; sees what others run through role"
	  " pg_read_all_stats\n", "" },
	{ "CREATE ROLE rds_superuser; GRANT rds_superuser TO acc", "powerful-role rds_superuser|through role rds_superuser\n",
	  "DROP ROLE rds_superuser" },
	{ "GRANT app TO acc WITH ADMIN OPTION", "grant-option role app|ADMIN OPTION\n", "" },
};

static const struct audited owned[] = {
	{ "ALTER TABLE nokey OWNER TO acc", "owner table nokey|\nwrite public.nokey|DELETE, INSERT, TRUNCATE, UPDATE\n"
	  "ddl public.nokey|REFERENCES, TRIGGER\n", "ALTER TABLE nokey OWNER TO postgres; GRANT SELECT ON nokey TO acc" },
	{ "ALTER TABLE nokey OWNER TO app; GRANT app TO acc", "owner table nokey|through role app\n"
	  "write public.nokey|DELETE, INSERT, TRUNCATE, UPDATE through role app\nddl public.nokey|REFERENCES, TRIGGER"
	  " through role app\n", "ALTER TABLE nokey OWNER TO postgres" },
	{ "CREATE SCHEMA s AUTHORIZATION acc", "owner schema s|\nddl s|CREATE\n", "" },
	{ "ALTER DATABASE shop OWNER TO acc", "owner database shop|\nddl public|CREATE through role pg_database_owner\n"
	  "ddl shop|CREATE\n", "ALTER DATABASE shop OWNER TO postgres" },
	{ "ALTER FUNCTION note_change() OWNER TO acc", "owner function note_change()|\n",
	  "ALTER FUNCTION note_change() OWNER TO postgres" },
	{ "GRANT SELECT ON orders TO acc WITH GRANT OPTION", "grant-option public.orders|SELECT\n", "" },
	{ "GRANT USAGE ON SCHEMA public TO acc WITH GRANT OPTION; GRANT SELECT (id) ON orders TO acc WITH GRANT OPTION",
	  "grant-option public|USAGE\ngrant-option public.orders|SELECT (id)\n", "" },
};

static const struct audited writes[] = {
	{ "GRANT INSERT, UPDATE ON orders TO acc", "write public.orders|INSERT, UPDATE\n", "" },
	{ "GRANT TRUNCATE ON orders TO app; GRANT app TO acc", "write public.orders|TRUNCATE through role app\n", "" },
	{ "GRANT UPDATE (state, total), INSERT (id) ON orders TO acc",
	  "write public.orders|INSERT (id), UPDATE (state), UPDATE (total)\n", "" },
	{ "GRANT UPDATE (said) ON notes TO PUBLIC", "write public.notes|UPDATE (said) through PUBLIC\n",
	  "REVOKE UPDATE (said) ON notes FROM PUBLIC" },
	{ "GRANT DELETE ON audit TO PUBLIC; GRANT INSERT ON audit TO acc", "write public.audit|INSERT; DELETE through PUBLIC\n",
	  "REVOKE DELETE ON audit FROM PUBLIC" },
	{ "GRANT UPDATE ON loud TO acc", "write public.loud|UPDATE\n", "" },
	{ "GRANT USAGE ON SEQUENCE numbers TO acc", "write public.numbers|USAGE\n", "" },
	{ "GRANT SELECT ON SEQUENCE numbers TO acc", "", "" },
	{ "ALTER DEFAULT PRIVILEGES GRANT SELECT, DELETE ON TABLES TO acc", "write what postgres will make|DELETE\n", "" },
	{ "SELECT lo_create(4711); GRANT UPDATE ON LARGE OBJECT 4711 TO acc", "write large objects|rights\n",
	  "SELECT lo_unlink(4711)" },
};

static const struct audited makes[] = {
	{ "GRANT CREATE ON SCHEMA public TO acc", "ddl public|CREATE\n", "" },
	{ "GRANT CREATE ON SCHEMA public TO PUBLIC", "ddl public|CREATE through PUBLIC\n",
	  "REVOKE CREATE ON SCHEMA public FROM PUBLIC" },
	{ "GRANT CREATE, TEMPORARY, CONNECT ON DATABASE shop TO acc", "ddl shop|CREATE\n", "" },
	{ "GRANT TEMPORARY ON DATABASE shop TO acc", "", "" },
	{ "GRANT TRIGGER, REFERENCES ON orders TO acc", "ddl public.orders|REFERENCES, TRIGGER\n", "" },
	{ "GRANT CREATE ON TABLESPACE pg_default TO acc", "ddl tablespace pg_default|CREATE\n", "" },
};

static const struct audited elsewhere[] = {
	{ "GRANT CONNECT ON DATABASE template1 TO acc", "other-database template1|CONNECT\n",
	  "REVOKE ALL ON DATABASE template1 FROM acc" },
	{ "CREATE SERVER far FOREIGN DATA WRAPPER way; CREATE USER MAPPING FOR acc SERVER far",
	  "other-database foreign server far|a user mapping\n", "DROP SERVER far CASCADE" },
	{ "CREATE SERVER far FOREIGN DATA WRAPPER way; GRANT USAGE ON FOREIGN SERVER far TO acc",
	  "other-database foreign server far|USAGE\n", "DROP SERVER far CASCADE" },
	{ "CREATE SERVER far FOREIGN DATA WRAPPER way; CREATE USER MAPPING FOR PUBLIC SERVER far",
	  "other-database foreign server far|a user mapping through PUBLIC\n", "DROP SERVER far CASCADE" },
	{ "GRANT USAGE ON FOREIGN DATA WRAPPER way TO acc", "other-database foreign-data wrapper way|USAGE\n", "" },
	{ "CREATE EXTENSION dblink", "other-database dblink|EXECUTE through PUBLIC\n", "DROP EXTENSION dblink" },
};

static const struct audited system_rights[] = {
	{ "GRANT SELECT ON pg_authid, pg_shadow TO acc",
	  "system-schema pg_catalog.pg_authid|SELECT\nsystem-schema pg_catalog.pg_shadow|SELECT\n", "" },
	{ "GRANT SELECT (rolname, rolpassword) ON pg_authid TO acc",
	  "system-schema pg_catalog.pg_authid|SELECT (rolname), SELECT (rolpassword)\n", "" },
	{ "GRANT UPDATE ON pg_class TO acc", "system-schema pg_catalog.pg_class|UPDATE\n", "" },
	{ "GRANT SELECT ON pg_class TO acc", "", "" },
	{ "GRANT EXECUTE ON FUNCTION pg_read_file(text), lo_import(text), lo_export(oid, text) TO acc",
	  "file pg_catalog.lo_export|EXECUTE\nfile pg_catalog.lo_import|EXECUTE\nfile pg_catalog.pg_read_file|EXECUTE\n", "" },
	{ "GRANT EXECUTE ON FUNCTION pg_reload_conf() TO PUBLIC", "admin pg_catalog.pg_reload_conf|EXECUTE through PUBLIC\n",
	  "REVOKE EXECUTE ON FUNCTION pg_reload_conf() FROM PUBLIC" },
	{ "CREATE FUNCTION f() RETURNS int LANGUAGE sql SECURITY DEFINER AS 'SELECT 1'",
	  "definer public.f|runs as postgres through PUBLIC\n", "DROP FUNCTION f()" },
	{ "CREATE FUNCTION f() RETURNS int LANGUAGE sql SECURITY DEFINER AS 'SELECT 1';"
	  " REVOKE EXECUTE ON FUNCTION f() FROM PUBLIC", "", "DROP FUNCTION f()" },
	{ "CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS 'BEGIN RETURN new; END'", "",
	  "DROP FUNCTION f()" },
	{ "CREATE SCHEMA shut; CREATE FUNCTION shut.f() RETURNS int LANGUAGE sql SECURITY DEFINER AS 'SELECT 1'", "",
	  "DROP SCHEMA shut CASCADE" },
};

/* Also after a test that failed half-way. */
static int
setup(void **state)
{
	static const char *const steps[] = { "DROP DATABASE shop WITH (FORCE)", "DROP OWNED BY acc", "DROP OWNED BY app",
		"DROP ROLE IF EXISTS acc, app", "CREATE ROLE acc LOGIN VALID UNTIL '2099-01-01'; CREATE ROLE app" };

	for (size_t i = 0; i < sizeof steps / sizeof *steps; i++)
		free(pg_server_sql(pg_shop_server_of(), "postgres", steps[i]));
	return pg_shop_setup(state);
}

static const char *
found(struct bench *b, const struct db_audit *a)
{
	buf_reset(&b->rows);
	for (size_t i = 0; i < a->n; i++)
		buf_putf(&b->rows, "%s %s|%s\n", excess_name(a->v[i].kind), a->v[i].object, a->v[i].detail);
	return buf_str(&b->rows);
}

/* The findings of a fresh session of acc. */
static const char *
audit_acc(struct pg_shop *s)
{
	struct db_audit a;

	bench_close(&s->b);
	s->target.user = "acc";
	bench_open(&s->b, &s->target);
	db_audit_init(&a);
	assert_int_equal(s->b.d->audit(s->b.c, &a, &s->b.e), 0);
	found(&s->b, &a);
	db_audit_fini(&a);
	return buf_str(&s->b.rows);
}

static void
check(struct pg_shop *s, const struct audited *v, size_t n)
{
	pg_shop_sql("CREATE FOREIGN DATA WRAPPER way");
	for (size_t i = 0; i < n; i++) {
		pg_shop_sql("GRANT SELECT ON ALL TABLES IN SCHEMA public TO acc");
		pg_shop_sql(v[i].grant);
		if (strcmp(audit_acc(s), v[i].found) != 0)
			print_error("%s:\n%s", v[i].grant, buf_str(&s->b.rows));
		assert_string_equal(buf_str(&s->b.rows), v[i].found);
		if (v[i].clean[0] != '\0')
			pg_shop_sql(v[i].clean);
		pg_shop_sql("DROP OWNED BY acc; DROP OWNED BY app; DROP ROLE acc; DROP ROLE app;"
		    " CREATE ROLE acc LOGIN VALID UNTIL '2099-01-01'; CREATE ROLE app");
	}
}

#define CHECK(name, table) \
static void \
name(void **state) \
{ \
	check(*state, table, sizeof table / sizeof *table); \
}
CHECK(attributes_are_found, attributes)
CHECK(powerful_roles_are_found_however_far, roles)
CHECK(what_is_owned_or_may_be_given_on_is_found, owned)
CHECK(rights_to_write_are_found, writes)
CHECK(rights_to_create_are_found, makes)
CHECK(ways_to_other_databases_are_found, elsewhere)
CHECK(rights_over_the_server_are_found, system_rights)

static void
another_database_is_known_by_what_stands_in_it(void **state)
{
	struct pg_shop *s = *state;

	free(pg_server_sql(pg_shop_server_of(), "postgres", "CREATE TABLE other (a int); GRANT SELECT ON other TO acc"));
	assert_string_equal(audit_acc(s), "other-database postgres|rights on objects\n");
	free(pg_server_sql(pg_shop_server_of(), "postgres", "ALTER TABLE other OWNER TO acc"));
	assert_string_equal(audit_acc(s), "other-database postgres|owns objects\n");
	free(pg_server_sql(pg_shop_server_of(), "postgres", "DROP TABLE other"));
	assert_string_equal(audit_acc(s), "");
}

static void
a_right_over_a_setting_is_found(void **state)
{
	struct pg_shop *s = *state;

	if (s->b.info.sql.version < 150000)
		skip();
	pg_shop_sql("GRANT SET, ALTER SYSTEM ON PARAMETER log_statement TO acc; GRANT SET ON PARAMETER lc_messages TO PUBLIC");
	assert_string_equal(audit_acc(s), "admin setting lc_messages|SET through PUBLIC\n"
	    "admin setting log_statement|ALTER SYSTEM, SET\n");
	pg_shop_sql("REVOKE ALL ON PARAMETER lc_messages FROM PUBLIC");
}

/* Many tables are told by some of them and a number. */
static void
a_big_schema_is_summed_up(void **state)
{
	struct pg_shop *s = *state;
	const char *said;

	pg_shop_sql("CREATE SCHEMA big");
	pg_shop_sql("DO $$ BEGIN FOR i IN 1..600 LOOP EXECUTE 'CREATE TABLE big.t' || i || ' (id int, a text)'; END LOOP; END $$");
	pg_shop_sql("GRANT INSERT ON ALL TABLES IN SCHEMA big TO acc; ALTER TABLE big.t7 OWNER TO acc");
	said = audit_acc(s);
	assert_non_null(strstr(said, "write big.t1|INSERT\n"));
	assert_non_null(strstr(said, "write |and 580 more that are not listed\n"));
	assert_non_null(strstr(said, "owner table big.t7|\n"));
	pg_shop_sql("REVOKE ALL ON ALL TABLES IN SCHEMA big FROM acc; DROP TABLE big.t7;"
	    " GRANT SELECT ON ALL TABLES IN SCHEMA big TO acc");
	assert_string_equal(audit_acc(s), "");
}

/* The driver's role may not look everywhere: that is told, and the session goes on. */
static void
what_cannot_be_read_is_told(void **state)
{
	struct pg_shop *s = *state;

	pg_shop_sql("GRANT SELECT ON customers TO acc");
	pg_shop_sql("REVOKE SELECT ON pg_shdepend FROM PUBLIC");
	assert_int_equal(strncmp(audit_acc(s), "not-audited |pg.audit failed: permission denied", 47), 0);
	assert_string_equal(bench_rows(&s->b, "SELECT count(*) FROM customers"), "4\n");
	pg_shop_sql("GRANT SELECT ON pg_shdepend TO PUBLIC");
}

/* Operators that would fit better than the server's own, were they asked for. */
static void
operators_of_others_have_no_part_in_it(void **state)
{
	struct pg_shop *s = *state;

	pg_shop_sql("GRANT INSERT ON orders TO acc");
	pg_shop_sql("CREATE FUNCTION trap(aclitem[], aclitem[]) RETURNS bool LANGUAGE sql AS 'SELECT false';"
	    "CREATE OPERATOR = (LEFTARG = aclitem[], RIGHTARG = aclitem[], FUNCTION = trap);"
	    "CREATE FUNCTION trap(oid, int) RETURNS bool LANGUAGE sql AS 'SELECT false';"
	    "CREATE OPERATOR = (LEFTARG = oid, RIGHTARG = int, FUNCTION = trap);"
	    "CREATE OPERATOR >= (LEFTARG = oid, RIGHTARG = int, FUNCTION = trap);"
	    "CREATE FUNCTION trap(name, name) RETURNS text LANGUAGE sql AS 'SELECT ''x''';"
	    "CREATE OPERATOR || (LEFTARG = name, RIGHTARG = name, FUNCTION = trap);"
	    "CREATE FUNCTION trap(bigint, bigint) RETURNS bool LANGUAGE sql AS 'SELECT false';"
	    "CREATE OPERATOR public.<= (LEFTARG = bigint, RIGHTARG = bigint, FUNCTION = trap)");
	assert_string_equal(audit_acc(s), "write public.orders|INSERT\n");
}

static void
a_lost_connection_is_an_error(void **state)
{
	struct pg_shop *s = *state;
	struct db_audit a;

	db_audit_init(&a);
	pg_shop_sql("SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE usename = 'ben'");
	assert_int_equal(s->b.d->audit(s->b.c, &a, &s->b.e), ERR_DATABASE);
	assert_int_equal(s->b.d->audit(s->b.c, &a, &s->b.e), ERR_DATABASE);
	assert_int_equal(a.n, 0);
	db_audit_fini(&a);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, setup, pg_shop_teardown)
		T(attributes_are_found),
		T(powerful_roles_are_found_however_far),
		T(what_is_owned_or_may_be_given_on_is_found),
		T(rights_to_write_are_found),
		T(rights_to_create_are_found),
		T(ways_to_other_databases_are_found),
		T(rights_over_the_server_are_found),
		T(another_database_is_known_by_what_stands_in_it),
		T(a_right_over_a_setting_is_found),
		T(a_big_schema_is_summed_up),
		T(what_cannot_be_read_is_told),
		T(operators_of_others_have_no_part_in_it),
		T(a_lost_connection_is_an_error),
	};

	return cmocka_run_group_tests_name("db pg audit", tests, pg_shop_server, pg_shop_server_end);
}
