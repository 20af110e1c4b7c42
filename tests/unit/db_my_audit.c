/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What an account may do, found on a real MariaDB: one account for each kind of right. And lines of SHOW GRANTS as
 * other servers write them. */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "db/my_grant.h"
#include "db/my_rights.h"
#include "twokey/base/err.h"
#include "twokey/base/secret.h"

#include "db_my.h"

struct audited {
	const char *grant;	/* by root, to acc@localhost, which may read shop.* */
	const char *found;	/* "kind object|detail\n" */
	const char *clean;	/* what does not go with the account */
};


static const struct audited attributes[] = {
	{ "SELECT 1", "", "" },
	{ "GRANT SHOW VIEW, CREATE TEMPORARY TABLES ON shop.* TO acc@localhost", "", "" },	/* doc/accounts.txt */
	{ "GRANT SLAVE MONITOR, SHOW DATABASES ON *.* TO acc@localhost", "", "" },
	{ "ALTER USER acc@localhost PASSWORD EXPIRE NEVER", "no-expiry acc@localhost|\n", "" },
	{ "ALTER USER acc@localhost PASSWORD EXPIRE DEFAULT", "no-expiry acc@localhost|\n", "" },
	{ "SET GLOBAL default_password_lifetime = 30; ALTER USER acc@localhost PASSWORD EXPIRE DEFAULT", "",
	  "SET GLOBAL default_password_lifetime = 0" },
	{ "GRANT ALL ON *.* TO acc@localhost WITH GRANT OPTION", "superuser |ALL PRIVILEGES\ngrant-option |GRANT OPTION\n", "" },
	{ "GRANT SUPER ON *.* TO acc@localhost", "superuser |SUPER\n", "" },
	{ "GRANT CREATE USER ON *.* TO acc@localhost", "create-role |CREATE USER\n", "" },
	{ "GRANT FILE ON *.* TO acc@localhost", "file |FILE\n", "" },
	{ "GRANT PROCESS ON *.* TO acc@localhost", "process |PROCESS\n", "" },
	{ "GRANT REPLICATION SLAVE, BINLOG MONITOR ON *.* TO acc@localhost", "replication |REPLICATION SLAVE, BINLOG MONITOR\n", "" },
	{ "GRANT RELOAD, SHUTDOWN, SET USER, BINLOG ADMIN, READ_ONLY ADMIN ON *.* TO acc@localhost",
	  "admin |RELOAD, SHUTDOWN, SET USER, READ_ONLY ADMIN, BINLOG ADMIN\n", "" },
	{ "GRANT CONNECTION ADMIN ON *.* TO acc@localhost", "process |CONNECTION ADMIN\nadmin |CONNECTION ADMIN\n", "" },
	{ "GRANT PROXY ON root@localhost TO acc@localhost WITH GRANT OPTION",
	  "powerful-role root@localhost|PROXY: acts as that account\ngrant-option |GRANT OPTION\n"
	  "grant-option root@localhost|PROXY\n", "" },
};

static const struct audited writes[] = {
	{ "GRANT INSERT, UPDATE ON shop.* TO acc@localhost", "write shop|INSERT, UPDATE\n", "" },
	{ "GRANT DELETE, LOCK TABLES ON shop.* TO acc@localhost", "write shop|DELETE, LOCK TABLES\n", "" },
	{ "GRANT DELETE ON shop.orders TO acc@localhost", "write shop.orders|DELETE\n", "" },
	{ "GRANT SELECT, UPDATE (state, total), INSERT (id) ON shop.orders TO acc@localhost",
	  "write shop.orders|INSERT (id), UPDATE (state, total)\n", "" },
	{ "CREATE TABLE shop.`a``b, c) ON *.* TO '\"` (a int); GRANT INSERT ON shop.`a``b, c) ON *.* TO '\"` TO acc@localhost",
	  "write shop.a`b, c) ON *.* TO '\"|INSERT\n", "DROP TABLE shop.`a``b, c) ON *.* TO '\"`" },
	{ "GRANT SELECT ON shop.* TO acc@localhost WITH GRANT OPTION", "grant-option shop|GRANT OPTION\n", "" },
	{ "GRANT CREATE, ALTER, DROP, INDEX, TRIGGER, EVENT, CREATE ROUTINE ON shop.* TO acc@localhost",
	  "ddl shop|CREATE, DROP, INDEX, ALTER, CREATE ROUTINE, EVENT, TRIGGER\n", "" },
	{ "GRANT ALL ON shop.* TO acc@localhost",
	  "write shop|ALL PRIVILEGES\nddl shop|ALL PRIVILEGES\ndefiner shop|ALL PRIVILEGES\n", "" },
	{ "CREATE FUNCTION shop.f() RETURNS int RETURN 1; GRANT EXECUTE, ALTER ROUTINE ON FUNCTION shop.f TO acc@localhost",
	  "ddl shop.f|ALTER ROUTINE\ndefiner shop.f|EXECUTE\n", "DROP FUNCTION shop.f" },
	{ "GRANT EXECUTE ON shop.* TO acc@localhost", "definer shop|EXECUTE\n", "" },
	{ "GRANT INSERT ON *.* TO acc@localhost",
	  "write |INSERT\nother-database every other|INSERT\nsystem-schema mysql|INSERT\n", "" },
	{ "GRANT CREATE ON *.* TO acc@localhost", "create-database |CREATE\nddl |CREATE\nother-database every other|CREATE\n"
	  "system-schema mysql|CREATE\n", "" },
};

static const struct audited elsewhere[] = {
	{ "CREATE DATABASE o; GRANT SELECT, INSERT ON o.* TO acc@localhost", "other-database o|SELECT, INSERT\n", "DROP DATABASE o" },
	{ "CREATE DATABASE o; CREATE TABLE o.t (a int); GRANT SELECT ON o.t TO acc@localhost", "other-database o.t|SELECT\n",
	  "DROP DATABASE o" },
	{ "GRANT SELECT ON *.* TO acc@localhost", "other-database every other|SELECT\nsystem-schema mysql|SELECT\n", "" },
	{ "GRANT SELECT, DELETE ON `sho%`.* TO acc@localhost", "write sho%|DELETE\nother-database sho%|SELECT, DELETE\n", "" },
	{ "GRANT DELETE ON `sh\\_p`.* TO acc@localhost", "other-database sh\\_p|DELETE\n", "" },
	{ "GRANT DELETE ON `sh_p`.* TO acc@localhost", "write shop|DELETE\n", "" },
	{ "CREATE DATABASE shup; GRANT DELETE ON `sh_p`.* TO acc@localhost",
	  "write shop|DELETE\nother-database shup|a right fits it\n", "DROP DATABASE shup" },
	{ "GRANT SELECT ON `%`.* TO acc@localhost", "other-database %|SELECT\nsystem-schema %|SELECT\n", "" },
	{ "GRANT SELECT ON mysql.* TO acc@localhost; GRANT SELECT ON sys.* TO acc@localhost",
	  "system-schema mysql|SELECT\nsystem-schema sys|SELECT\n", "" },
	{ "GRANT UPDATE ON mysql.global_priv TO acc@localhost", "system-schema mysql.global_priv|UPDATE\n", "" },
};

static const struct audited roles[] = {
	{ "GRANT app TO acc@localhost; GRANT INSERT ON shop.* TO app", "write shop|INSERT through role app\n", "" },
	{ "GRANT app TO acc@localhost; SET DEFAULT ROLE app FOR acc@localhost; GRANT INSERT ON shop.* TO app;"
	  "GRANT UPDATE ON shop.* TO acc@localhost", "write shop|UPDATE; INSERT through role app\n", "" },
	{ "CREATE ROLE `fa``r`; GRANT `fa``r` TO app; GRANT app TO acc@localhost; GRANT FILE ON *.* TO `fa``r`",
	  "file |FILE through role fa`r\n", "DROP ROLE `fa``r`" },
	{ "CREATE ROLE other; GRANT app TO acc@localhost; GRANT other TO acc@localhost; GRANT DROP ON shop.* TO other; GRANT INDEX ON shop.* TO app",
	  "ddl shop|INDEX through role app; DROP through role other\n", "DROP ROLE other" },
	{ "GRANT app TO acc@localhost WITH ADMIN OPTION", "grant-option role app|ADMIN OPTION\n", "" },
	{ "GRANT DELETE ON shop.audit TO PUBLIC", "write shop.audit|DELETE through PUBLIC\n",
	  "REVOKE DELETE ON shop.audit FROM PUBLIC" },
};

static void
fresh_account(void)
{
	my_shop_sql("DROP USER IF EXISTS acc@localhost; DROP ROLE IF EXISTS app; CREATE ROLE app; CREATE USER acc@localhost"
	    " IDENTIFIED BY 'sesame-77' PASSWORD EXPIRE INTERVAL 30 DAY; GRANT SELECT ON shop.* TO acc@localhost");
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
audit_acc(struct my_shop *s)
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
check(struct my_shop *s, const struct audited *v, size_t n)
{
	size_t bad = 0;

	for (size_t i = 0; i < n; i++) {
		fresh_account();
		my_shop_sql(v[i].grant);
		if (strcmp(audit_acc(s), v[i].found) != 0) {
			print_error("%s:\n%swanted:\n%s", v[i].grant, buf_str(&s->b.rows), v[i].found);
			bad++;
		}
		if (v[i].clean[0] != '\0')
			my_shop_sql(v[i].clean);
	}
	fresh_account();
	assert_int_equal(bad, 0);
	assert_string_equal(bench_rows(&s->b, "SELECT count(*) FROM customers"), "4\n");
}

#define CHECK(name, table) \
static void \
name(void **state) \
{ \
	check(*state, table, sizeof table / sizeof *table); \
}
CHECK(rights_over_the_server_are_found, attributes)
CHECK(rights_on_the_database_are_found, writes)
CHECK(ways_to_other_databases_are_found, elsewhere)
CHECK(rights_of_roles_are_found_however_far, roles)

/* Names are quoted as the server's settings say, or not at all. */
static void
lines_are_read_however_they_are_quoted(void **state)
{
	static const char *const set[] = { "SET GLOBAL sql_mode = 'ANSI_QUOTES'", "SET GLOBAL sql_quote_show_create = 0" };
	static const char *const back[] = { "SET GLOBAL sql_mode = DEFAULT", "SET GLOBAL sql_quote_show_create = 1" };
	struct my_shop *s = *state;

	for (int i = 0; i < 2; i++) {
		fresh_account();
		my_shop_sql(set[i]);
		my_shop_sql("GRANT UPDATE (state) ON shop.orders TO acc@localhost; GRANT app TO acc@localhost;"
		    "GRANT INSERT ON shop.* TO app");
		audit_acc(s);
		my_shop_sql(back[i]);
		assert_string_equal(buf_str(&s->b.rows), "write shop.orders|UPDATE (state)\nwrite shop|INSERT through role app\n");
	}
}

static void
a_role_that_was_looked_at_is_not_kept(void **state)
{
	struct my_shop *s = *state;

	fresh_account();
	my_shop_sql("GRANT app TO acc@localhost; GRANT SELECT ON shop.* TO app");
	assert_string_equal(audit_acc(s), "");
	assert_string_equal(bench_rows(&s->b, "SELECT CURRENT_ROLE(), @@in_transaction"), "~|1\n");
	assert_string_equal(my_shop_sql("SELECT count(*) FROM information_schema.processlist WHERE user = 'acc'"), "2");
}

static void
many_tables_are_summed_up(void **state)
{
	struct my_shop *s = *state;
	char sql[120];
	const char *said;

	fresh_account();
	my_shop_sql("DROP DATABASE IF EXISTS big; CREATE DATABASE big");
	for (int i = 0; i < 50; i++) {
		snprintf(sql, sizeof sql, "CREATE TABLE big.t%d (a int); GRANT INSERT ON big.t%d TO acc@localhost", i, i);
		my_shop_sql(sql);
	}
	said = audit_acc(s);
	my_shop_sql("DROP DATABASE big");
	assert_non_null(strstr(said, "other-database |and 30 more that are not listed\n"));
}

static void
a_lost_connection_is_an_error(void **state)
{
	struct my_shop *s = *state;
	struct db_audit a;

	db_audit_init(&a);
	my_shop_sql("KILL USER ben@localhost");
	assert_int_equal(s->b.d->audit(s->b.c, &a, &s->b.e), ERR_DATABASE);
	assert_int_equal(s->b.d->audit(s->b.c, &a, &s->b.e), ERR_DATABASE);
	assert_int_equal(a.n, 0);
	db_audit_fini(&a);
}

struct line {
	const char *text, *found;
};

/* As the manuals of MySQL 5.7 and 8 show them, and what nobody wrote. */
static const struct line lines[] = {
	{ "GRANT USAGE ON *.* TO 'jo'@'%'", "" },
	{ "GRANT SELECT, SHOW VIEW ON `shop`.* TO `jo`@`%`", "" },
	{ "GRANT SELECT ON `shop`.* TO `jo`@`%` WITH GRANT OPTION", "grant-option shop|GRANT OPTION\n" },
	{ "GRANT APPLICATION_PASSWORD_ADMIN,AUDIT_ADMIN ON *.* TO `jo`@`%`", "admin |APPLICATION_PASSWORD_ADMIN, AUDIT_ADMIN\n" },
	{ "GRANT BACKUP_ADMIN, ROLE_ADMIN, XA_RECOVER_ADMIN ON *.* TO `jo`@`%`",
	  "create-role |ROLE_ADMIN\nadmin |BACKUP_ADMIN, XA_RECOVER_ADMIN\n" },
	{ "GRANT SOMETHING NEW ON *.* TO `jo`@`%`", "not-audited |a right that is not known: SOMETHING NEW\n" },
	{ "REVOKE SELECT ON `mysql`.* FROM `jo`@`%`", "" },
	{ "GRANT `r1`@`%`,`r2`@`%` TO `jo`@`%`", "" },
	{ "GRANT PROXY ON ''@'' TO 'jo'@'%' WITH GRANT OPTION",
	  "powerful-role @|PROXY: acts as that account\ngrant-option @|PROXY\n" },
	{ "GRANT USAGE ON *.* TO 'jo'@'%' IDENTIFIED BY PASSWORD '*AB WITH GRANT OPTION' REQUIRE SSL", "" },
	{ "GRANT USAGE ON *.* TO 'jo'@'%' REQUIRE SSL WITH GRANT OPTION MAX_USER_CONNECTIONS 3", "grant-option |GRANT OPTION\n" },
	{ "GRANT INSERT (`a ON *.* TO`, `b) TO x`) ON TABLE `shop`.`t` TO `jo`@`%`", "write shop.t|INSERT (a ON *.* TO, b) TO x)\n" },
	{ "GRANT INSERT ON `shop`.`t TO `jo`@`%`", "not-audited |a line of SHOW GRANTS is not understood\n" },
	{ "GRANT INSERT ON `shop` TO `jo`@`%`", "not-audited |a line of SHOW GRANTS is not understood\n" },
	{ "SET DEFAULT ROLE `r1` FOR `jo`@`%`", "" },
	{ "GRANT SELECT, , INSERT ON `shop`.* TO `jo`@`%`", "not-audited |a line of SHOW GRANTS is not understood\n" },
	{ "GRANT INSERT (((((", "not-audited |a line of SHOW GRANTS is not understood\n" },
	{ "GRANT  ON *.* TO `jo`@`%`", "not-audited |a line of SHOW GRANTS is not understood\n" },
	{ "DENY SELECT ON *.* TO `jo`@`%`", "not-audited |a line of SHOW GRANTS is not understood\n" },
	{ "", "not-audited |a line of SHOW GRANTS is not understood\n" },
};

static void
lines_of_other_servers_are_read_or_told(void **state)
{
	struct my_shop *s = *state;

	for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
		struct my_rights *r = my_rights_begin("shop", "jo@%");
		struct db_audit a;

		my_rights_line(r, lines[i].text);
		db_audit_init(&a);
		my_rights_end(r, &a);
		if (strcmp(found(&s->b, &a), lines[i].found) != 0)
			print_error("%s:\n%s", lines[i].text, buf_str(&s->b.rows));
		assert_string_equal(found(&s->b, &a), lines[i].found);
		db_audit_fini(&a);
	}
}

static void
patterns_fit_as_the_server_says(void **state)
{
	bool any, one;

	(void)state;
	assert_true(my_grant_fits("shop", "shop", &any, &one) && !any && !one);
	assert_true(my_grant_fits("sh\\_op", "sh_op", &any, &one) && !any && !one);
	assert_false(my_grant_fits("sh\\_op", "shxop", &any, &one));
	assert_true(my_grant_fits("sh_op", "shxop", &any, &one) && !any && one);
	assert_true(my_grant_fits("%a%b", "xaybzb", &any, &one) && any && !one);
	assert_false(my_grant_fits("%a%b", "xaybz", &any, &one));
	assert_true(my_grant_fits("", "", &any, &one));
	assert_true(my_grant_fits("%%", "", &any, &one));
	assert_false(my_grant_fits("%\\%", "ab", &any, &one));
	assert_false(my_grant_fits("%a%a%a%a%a%a%a%a%a%a%a%a%b", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", &any, &one));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, my_shop_setup, my_shop_teardown)
		T(rights_over_the_server_are_found),
		T(rights_on_the_database_are_found),
		T(ways_to_other_databases_are_found),
		T(rights_of_roles_are_found_however_far),
		T(lines_are_read_however_they_are_quoted),
		T(a_role_that_was_looked_at_is_not_kept),
		T(many_tables_are_summed_up),
		T(a_lost_connection_is_an_error),
		T(lines_of_other_servers_are_read_or_told),
		T(patterns_fit_as_the_server_says),
#undef T
	};

	return cmocka_run_group_tests_name("db_my_audit", tests, my_shop_server, my_shop_server_end);
}
