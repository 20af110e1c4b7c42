/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A real pgbouncer in between: session mode works, the other modes are refused before anything is set. */
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
#include "lib/pgbouncer.h"

enum { WARM_MAX = 8 };

static struct db_target
through(const struct pg_shop *s, const struct pgbouncer *b)
{
	struct db_target t = s->target;

	t.socket = pgbouncer_socket(b);
	t.port = PGBOUNCER_PORT;
	t.tag = "s2";
	return t;
}

/* So many backends are idle in the pool afterwards. */
static void
warm(const struct pgbouncer *b, int n)
{
	const char *keys[] = { "host", "port", "user", "dbname", "passfile", NULL };
	const char *values[] = { pgbouncer_socket(b), "6432", "ben", "shop", "/dev/null/none", NULL };
	PGconn *c[WARM_MAX];

	for (int i = 0; i < n; i++) {
		c[i] = PQconnectdbParams(keys, values, 0);
		PQclear(PQexec(c[i], "BEGIN"));
		assert_int_equal(PQtransactionStatus(c[i]), PQTRANS_INTRANS);
	}
	for (int i = 0; i < n; i++) {
		PQclear(PQexec(c[i], "ROLLBACK"));
		PQfinish(c[i]);
	}
}

/* Nobody else gets a backend that we have changed, or a transaction of ours. */
static void
check_left(const struct pgbouncer *b)
{
	const char *keys[] = { "host", "port", "user", "dbname", "passfile", NULL };
	const char *values[] = { pgbouncer_socket(b), "6432", "ben", "shop", "/dev/null/none", NULL };
	PGconn *c = PQconnectdbParams(keys, values, 0);
	PGresult *res = PQexec(c, "SELECT current_setting('default_transaction_read_only')");

	assert_int_equal(PQresultStatus(res), PGRES_TUPLES_OK);
	assert_string_equal(PQgetvalue(res, 0, 0), "off");
	PQclear(res);
	PQfinish(c);
	assert_string_equal(pg_shop_sql("SELECT count(*) FROM pg_stat_activity WHERE usename = 'ben' AND"
	    " (state LIKE '%transaction%' OR query LIKE '%set_config%') AND application_name <> 'twokey s1'"), "0");
}

struct refused {
	const char *settings;
	int idle;	/* backends in the pool */
};

static void
other_modes_are_refused_and_nothing_is_left_behind(void **state)
{
	static const struct refused cases[] = {
		{ "pool_mode = transaction\n", 0 },
		{ "pool_mode = transaction\n", 1 },
		{ "pool_mode = transaction\n", 5 },
		{ "pool_mode = transaction\nserver_round_robin = 1\n", 1 },
		{ "pool_mode = transaction\nserver_round_robin = 1\n", 2 },
		{ "pool_mode = transaction\nserver_round_robin = 1\n", 8 },
		{ "pool_mode = transaction\ndefault_pool_size = 1\n", 0 },
		{ "pool_mode = transaction\ndefault_pool_size = 2\nserver_round_robin = 1\n", 2 },
		{ "pool_mode = statement\n", 1 },
	};
	struct pg_shop *s = *state;

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct pgbouncer *b = pgbouncer_start(pg_shop_server_of(), "ben", cases[i].settings);
		struct db_target t;
		struct db_info info;
		struct err e;

		assert_non_null(b);
		warm(b, strstr(cases[i].settings, "statement") == NULL ? cases[i].idle : 0);
		t = through(s, b);
		assert_null(s->b.d->open(&t, &info, &e));
		if (strstr(e.text, "session mode") == NULL)
			print_error("%s%d: %s\n", cases[i].settings, cases[i].idle, e.text);
		assert_int_equal(e.code, ERR_CONFIG);
		assert_non_null(strstr(e.text, "session mode"));
		assert_non_null(strstr(e.text, "5432"));
		check_left(b);
		pgbouncer_stop(b);
	}
}

/* Everything that needs one backend for a whole session. */
static void
session_mode_is_like_the_server_itself(void **state)
{
	struct pg_shop *s = *state;
	struct pgbouncer *b = pgbouncer_start(pg_shop_server_of(), "ben", "pool_mode = session\n");
	struct db_target t;
	struct db_audit a;

	assert_non_null(b);
	warm(b, 3);
	t = through(s, b);
	for (int i = 0; i < 2; i++) {	/* the second one gets a backend that the first one had */
		bench_close(&s->b);
		bench_open(&s->b, &t);
		assert_string_equal(bench_rows(&s->b, "SELECT name FROM customers WHERE id = 1"), "Ada\n");
		assert_string_equal(bench_rows(&s->b, "SELECT name FROM loud WHERE id = 2"), "BOB\n");
		assert_string_equal(bench_rows(&s->b, "SHOW statement_timeout"), "30s\n");
		assert_int_equal(bench_do(&s->b, i == 0 ? "UPDATE orders SET total = 6 WHERE id = 10" :
		    "DELETE FROM items WHERE line = 2", 1), 0);
		assert_int_equal(s->b.r.end, DB_COMMITTED);
	}
	assert_string_equal(pg_shop_sql("SELECT total FROM orders WHERE id = 10"), "6");
	db_audit_init(&a);
	assert_int_equal(s->b.d->audit(s->b.c, &a, &s->b.e), 0);
	assert_true(a.n > 0);
	db_audit_fini(&a);
	bench_close(&s->b);
	bench_open(&s->b, &s->target);
	pgbouncer_stop(b);
}

static void
a_cancel_reaches_the_backend_behind_a_pooler(void **state)
{
	struct pg_shop *s = *state;
	struct pgbouncer *b = pgbouncer_start(pg_shop_server_of(), "ben", "pool_mode = session\n");
	struct db_target t;
	struct canceller *k;

	assert_non_null(b);
	t = through(s, b);
	bench_close(&s->b);
	bench_open(&s->b, &t);
	k = canceller_start(&s->b);
	assert_int_equal(bench_read(&s->b, "SELECT count(*) FROM generate_series(1, 100000000000)"), 0);
	canceller_stop(k);
	assert_int_equal(s->b.r.end, DB_FAILED);
	assert_string_equal(s->b.r.code, "57014");
	assert_string_equal(bench_rows(&s->b, "SELECT 7"), "7\n");
	bench_close(&s->b);
	bench_open(&s->b, &s->target);
	pgbouncer_stop(b);
}

/* A pool with one backend that is ours: nobody else can get one, which is proof enough. */
static void
a_session_pool_of_one_is_ours(void **state)
{
	struct pg_shop *s = *state;
	struct pgbouncer *b = pgbouncer_start(pg_shop_server_of(), "ben", "pool_mode = session\ndefault_pool_size = 1\n");
	struct db_target t;

	assert_non_null(b);
	t = through(s, b);
	bench_close(&s->b);
	bench_open(&s->b, &t);
	assert_string_equal(bench_rows(&s->b, "SELECT 7"), "7\n");
	bench_close(&s->b);
	bench_open(&s->b, &s->target);
	pgbouncer_stop(b);
}

static void
a_pooler_that_lets_only_one_in_is_not_trusted(void **state)
{
	struct pg_shop *s = *state;
	struct pgbouncer *b = pgbouncer_start(pg_shop_server_of(), "ben", "pool_mode = transaction\nmax_client_conn = 1\n");
	struct db_target t;
	struct db_info info;
	struct err e;

	assert_non_null(b);
	t = through(s, b);
	assert_null(s->b.d->open(&t, &info, &e));
	assert_int_equal(e.code, ERR_UNREACHABLE);
	assert_non_null(strstr(e.text, "second connection"));
	pgbouncer_stop(b);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, pg_shop_setup, pg_shop_teardown)
		T(other_modes_are_refused_and_nothing_is_left_behind),
		T(session_mode_is_like_the_server_itself),
		T(a_cancel_reaches_the_backend_behind_a_pooler),
		T(a_session_pool_of_one_is_ours),
		T(a_pooler_that_lets_only_one_in_is_not_trusted),
	};

	return cmocka_run_group_tests_name("db pg pooler", tests, pg_shop_server, pg_shop_server_end);
}
