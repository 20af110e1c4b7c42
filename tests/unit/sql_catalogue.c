/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "twokey/base/buf.h"
#include "twokey/base/err.h"
#include "twokey/sql/catalogue.h"
#include "twokey/sql/derive.h"
#include "twokey/sql/facts.h"

static const struct sql_catalogue_row server[] = {
	{ "Big", "public", SQL_STABLE },
	{ "lower", "own", SQL_VOLATILE },
	{ "mixed", "other", SQL_VOLATILE },
	{ "mixed", "public", SQL_STABLE },
	{ "net", "public", SQL_IMMUTABLE },
	{ "net_of_tax", "public", SQL_STABLE },
	{ "pg_terminate_backend", "public", SQL_STABLE },
	{ "stir", "public", SQL_VOLATILE },
	{ "upper", "own", SQL_STABLE },
};
static const struct sql_catalogue catalogue = { server, sizeof(server) / sizeof(server[0]) };

static const struct {
	const char *sql;
	enum sql_class class;
} rows[] = {
	{ "select net(a) from t", SQL_CLASS_READ },
	{ "select NET_OF_TAX(a) from t", SQL_CLASS_READ },
	{ "select public.net(a) from t", SQL_CLASS_READ },
	{ "select \"Big\"(1)", SQL_CLASS_READ },
	{ "select own.upper('a')", SQL_CLASS_READ },
	{ "select * from net(1)", SQL_CLASS_READ },
	{ "select big(1)", SQL_CLASS_CALL },
	{ "select own.net(a) from t", SQL_CLASS_CALL },
	{ "select public.mixed(1)", SQL_CLASS_READ },
	{ "select mixed(1)", SQL_CLASS_CALL },
	{ "select stir(1)", SQL_CLASS_CALL },
	{ "select own.lower('a')", SQL_CLASS_CALL },
	{ "select ne(1), nets(1)", SQL_CLASS_CALL },
	{ "select net(stir(1))", SQL_CLASS_CALL },
	{ "select d.public.net(1)", SQL_CLASS_CALL },
	{ "select public.pg_terminate_backend(1)", SQL_CLASS_CALL },
	{ "select pg_terminate_backend(1)", SQL_CLASS_ADMIN },
	{ "update t set a = net(a)", SQL_CLASS_WRITE },
};

static void
a_function_that_the_server_calls_stable_is_a_read(void **state)
{
	struct sql_settings set = { .engine = SQL_POSTGRES, .catalogue = &catalogue };
	struct sql_facts *f = malloc(sizeof(*f));

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		sql_classify(f, &set, rows[i].sql, strlen(rows[i].sql));
		if (f->class != rows[i].class)
			print_message("# %s: %s\n", rows[i].sql, f->why);
		assert_int_equal(f->class, rows[i].class);
	}
	set.catalogue = NULL;
	sql_classify(f, &set, "select net(1)", 13);
	assert_int_equal(f->class, SQL_CLASS_CALL);
	free(f);
}

static void
a_select_is_derived_with_a_function_that_the_server_knows(void **state)
{
	struct sql_settings set = { .engine = SQL_POSTGRES, .catalogue = &catalogue };
	struct sql_derive_want want = { .kind = SQL_DERIVE_COUNT };
	struct buf out;
	struct err e;

	buf_init(&out, 4096);
	assert_int_equal(sql_derive(&set, "delete from t where net(a) > 1", 30, &want, &out, &e), 0);
	assert_int_equal(sql_derive(&set, "delete from t where stir(a) > 1", 31, &want, &out, &e), ERR_UNSUPPORTED);
	buf_fini(&out);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_function_that_the_server_calls_stable_is_a_read),
		cmocka_unit_test(a_select_is_derived_with_a_function_that_the_server_knows),
	};

	return cmocka_run_group_tests_name("sql: catalogue", tests, NULL, NULL);
}
