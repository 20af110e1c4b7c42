/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The servers of the crash test: shared by the workers, but where the server itself is killed. */
#include "config.h"

#include <libpq-fe.h>
#include <mysql.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "twokey/base/clock.h"

#include "crash_world.h"
#include "lib/broker.h"
#include "lib/mariadb.h"
#include "lib/pg.h"

enum { ACCOUNTS = 32 };

static const char counters[] = "SELECT (extract(epoch FROM stats_reset) * 1000000)::bigint FROM pg_stat_bgwriter";
static struct pg_server *pg;
static struct mariadb_server *my;
static char socket_path[300], superuser[64];
static PGconn *pg_lock;
static MYSQL *my_lock;

void
crash_signal(pid_t pid, int sig)
{
	assert_true(pid > 1);
	assert_int_equal(kill(pid, sig), 0);
}

static PGconn *
pg_to(void)
{
	const char *key[] = { "host", "dbname", "user", NULL }, *value[] = { socket_path, "postgres", superuser, NULL };
	int64_t until = clock_mono_ms() + TEST_DEADLINE_MS;
	PGconn *c;

	/* who was killed a moment ago comes again */
	while (PQstatus(c = PQconnectdbParams(key, value, 0)) != CONNECTION_OK && clock_mono_ms() < until) {
		PQfinish(c);
		nanosleep(&(struct timespec){ 0, 50000000 }, NULL);
	}
	if (PQstatus(c) != CONNECTION_OK)
		fail_msg("PostgreSQL: %s", PQerrorMessage(c));
	return c;
}

static MYSQL *
my_to(void)
{
	MYSQL *m = mysql_init(NULL);

	if (mysql_real_connect(m, NULL, "root", "", "shop", 0, socket_path, CLIENT_MULTI_STATEMENTS) == NULL)
		fail_msg("MariaDB: %s", mysql_error(m));
	return m;
}

static int64_t
pg_number(PGconn *c, const char *sql)
{
	PGresult *r = PQexec(c, sql);
	int64_t v = -1;

	if (PQresultStatus(r) == PGRES_TUPLES_OK && PQntuples(r) > 0 && !PQgetisnull(r, 0, 0))
		v = strtoll(PQgetvalue(r, 0, 0), NULL, 10);
	else if (PQresultStatus(r) != PGRES_COMMAND_OK && PQresultStatus(r) != PGRES_TUPLES_OK)
		fail_msg("%s: %s", sql, PQerrorMessage(c));
	PQclear(r);
	return v;
}

static int64_t
my_number(MYSQL *m, const char *sql)
{
	int64_t v = -1;
	int more = mysql_query(m, sql);

	while (more == 0) {
		MYSQL_RES *r = mysql_store_result(m);
		MYSQL_ROW row = r != NULL ? mysql_fetch_row(r) : NULL;

		v = row != NULL && row[0] != NULL ? strtoll(row[0], NULL, 10) : -1;
		mysql_free_result(r);
		more = mysql_next_result(m);
	}
	if (more > 0)
		fail_msg("%s: %s", sql, mysql_error(m));
	return v;
}

int64_t
crash_server_number(enum crash_engine e, const char *sql)
{
	int64_t v;

	if (e == CRASH_POSTGRES) {
		PGconn *c = pg_to();

		v = pg_number(c, sql);
		PQfinish(c);
	} else {
		MYSQL *m = my_to();

		v = my_number(m, sql);
		mysql_close(m);
	}
	return v;
}

void
crash_server_exec(enum crash_engine e, const char *sql)
{
	(void)crash_server_number(e, sql);
}

static void
start_pg(void)
{
	/* what is not committed stays in memory, so that a crash forgets it */
	static const char *const settings[] = { "wal_writer_delay=10000", "bgwriter_delay=10000", NULL };
	struct pg_server_options o = { .settings = settings };
	char sql[300];

	pg = pg_server_start_with(&o);
	assert_non_null(pg);
	snprintf(socket_path, sizeof socket_path, "%s", pg_server_socket(pg));
	snprintf(superuser, sizeof superuser, "%s", pg_server_user(pg));
	crash_server_exec(CRASH_POSTGRES, "CREATE TABLE orders(id int PRIMARY KEY, note text);"
	    "INSERT INTO orders SELECT i FROM generate_series(1, 1000) i");
	for (int i = 0; i < ACCOUNTS; i++) {
		snprintf(sql, sizeof sql, "CREATE ROLE metricfixer_w%d LOGIN; GRANT SELECT, INSERT, UPDATE, DELETE ON orders TO "
		    "metricfixer_w%d", i, i);
		crash_server_exec(CRASH_POSTGRES, sql);
	}
}

static void
start_my(void)
{
	static const char *const more[] = { "--innodb-flush-log-at-trx-commit=1", NULL };
	char sql[500], *got;

	my = mariadb_server_start(more);
	assert_non_null(my);
	got = mariadb_server_sql(my, NULL, "CREATE DATABASE shop");
	assert_string_equal(got, "");
	free(got);
	snprintf(socket_path, sizeof socket_path, "%s", mariadb_server_socket(my));
	crash_server_exec(CRASH_MARIADB, "CREATE TABLE orders(id int PRIMARY KEY, note text);"
	    "INSERT INTO orders SELECT seq, NULL FROM seq_1_to_1000");
	for (int i = 0; i < ACCOUNTS; i++) {
		snprintf(sql, sizeof sql, "CREATE USER metricfixer_w%d@localhost PASSWORD EXPIRE INTERVAL 30 DAY;"
		    "GRANT SELECT, INSERT, UPDATE, DELETE, SHOW VIEW, TRIGGER ON shop.* TO metricfixer_w%d@localhost;"
		    "GRANT SLAVE MONITOR ON *.* TO metricfixer_w%d@localhost", i, i, i);
		crash_server_exec(CRASH_MARIADB, sql);
	}
}

static bool
any_wanted(enum crash_engine e)
{
	for (int v = 0; v < CRASH_SERVER; v++)
		if (crash_has(e, (enum crash_victim)v) && crash_wanted(e, (enum crash_victim)v))
			return true;
	return false;
}

int
crash_servers_start(void **state)
{
	(void)state;
	if (any_wanted(CRASH_POSTGRES)) {
		start_pg();
		setenv("CRASH_PG", socket_path, 1);
		setenv("CRASH_PG_USER", superuser, 1);
	}
	if (any_wanted(CRASH_MARIADB)) {
		start_my();
		setenv("CRASH_MY", socket_path, 1);
	}
	return 0;
}

int
crash_servers_stop(void **state)
{
	(void)state;
	crash_server_end();
	return 0;
}

void
crash_server_begin(enum crash_engine e, enum crash_victim v)
{
	const char *path = getenv(e == CRASH_POSTGRES ? "CRASH_PG" : "CRASH_MY"), *user = getenv("CRASH_PG_USER");

	if (e == CRASH_SQLITE)
		return;
	if (v == CRASH_SERVER && e == CRASH_POSTGRES) {
		start_pg();
	} else if (v == CRASH_SERVER) {
		start_my();
	} else {
		snprintf(socket_path, sizeof socket_path, "%s", path != NULL ? path : "");
		snprintf(superuser, sizeof superuser, "%s", user != NULL ? user : "");
	}
}

void
crash_server_end(void)
{
	pg_server_stop(pg);
	mariadb_server_stop(my);
	pg = NULL;
	my = NULL;
}

const char *
crash_server_socket(void)
{
	return socket_path;
}

void
crash_server_lock(enum crash_engine e, unsigned row)
{
	char sql[100];

	snprintf(sql, sizeof sql, "SELECT id FROM orders WHERE id = %u FOR UPDATE", row);
	if (e == CRASH_POSTGRES) {
		pg_lock = pg_to();
		(void)pg_number(pg_lock, "BEGIN");
		assert_int_equal(pg_number(pg_lock, sql), row);
	} else {
		my_lock = my_to();
		(void)my_number(my_lock, "BEGIN");
		assert_int_equal(my_number(my_lock, sql), row);
	}
}

void
crash_server_unlock(enum crash_engine e)
{
	if (e == CRASH_POSTGRES)
		PQfinish(pg_lock);
	else
		mysql_close(my_lock);
}

void
crash_server_wait_blocked(enum crash_engine e, const char *account)
{
	int64_t until = clock_mono_ms() + TEST_DEADLINE_MS;
	char sql[300];

	if (e == CRASH_POSTGRES)
		snprintf(sql, sizeof sql, "SELECT count(*) FROM pg_stat_activity WHERE usename = '%s' AND wait_event_type = 'Lock'", account);
	else
		/* INNODB_TRX is only made anew when nobody has read it for 100 ms */
		snprintf(sql, sizeof sql, "SELECT count(*) FROM information_schema.PROCESSLIST WHERE user = '%s' AND command = 'Query'"
		    " AND time_ms > 300", account);
	while (crash_server_number(e, sql) == 0) {
		if (clock_mono_ms() > until)
			fail_msg("the statement of %s does not wait", account);
		nanosleep(&(struct timespec){ 0, 50000000 }, NULL);
	}
}

/* The server ends all its processes when one was killed, and recovers: its counters begin anew. */
static void
wait_recovered(int64_t before)
{
	int64_t until = clock_mono_ms() + TEST_DEADLINE_MS, now = before;

	while (now == before && clock_mono_ms() < until) {
		PGconn *c = pg_to();
		PGresult *r = PQexec(c, counters);

		if (PQresultStatus(r) == PGRES_TUPLES_OK)
			now = strtoll(PQgetvalue(r, 0, 0), NULL, 10);
		PQclear(r);
		PQfinish(c);
		nanosleep(&(struct timespec){ 0, 20000000 }, NULL);
	}
	assert_true(now != before);
}

void
crash_server_kill(enum crash_engine e, const char *account)
{
	char sql[200];

	if (e == CRASH_POSTGRES) {
		int64_t before = crash_server_number(e, counters);

		snprintf(sql, sizeof sql, "SELECT pid FROM pg_stat_activity WHERE usename = '%s' ORDER BY backend_start LIMIT 1", account);
		crash_signal((pid_t)crash_server_number(e, sql), SIGKILL);
		wait_recovered(before);
		/* what was not on disk is forgotten, its transaction's number too: others get it, and commit */
		for (int i = 0; i < 20; i++)
			crash_server_exec(e, "SELECT pg_current_xact_id()");
	} else {
		crash_signal(mariadb_server_pid(my), SIGKILL);
		assert_int_equal(mariadb_server_restart(my), 0);
	}
}
