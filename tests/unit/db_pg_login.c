/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Coming in: TLS, passwords, refusals told apart, and what a replica says of itself. Real servers on loopback. */
#include "config.h"

#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>
#include <cmocka.h>

#include "twokey/base/clock.h"
#include "twokey/base/secret.h"

#include "db_bench.h"
#include "lib/cert.h"
#include "lib/pg.h"
#include "lib/server.h"

enum { DEADLINE_MS = 30 * 1000, DAY = 86400 };
static const char word[] = "right-word-1";

static const char hba[] =
	"local all all trust\n"
	"local replication all trust\n"
	"hostssl all tls_only 127.0.0.1/32 scram-sha-256\n"
	"host all md5er 127.0.0.1/32 md5\n"
	"host all scram,expired,nologin,crowd 127.0.0.1/32 scram-sha-256\n"
	"host all barred 127.0.0.1/32 reject\n";

static const char *const roles[] = {
	"CREATE ROLE scram LOGIN PASSWORD 'right-word-1'", "CREATE ROLE tls_only LOGIN PASSWORD 'right-word-1'",
	"SET password_encryption = 'md5'; CREATE ROLE md5er LOGIN PASSWORD 'right-word-1'",
	"CREATE ROLE barred LOGIN PASSWORD 'right-word-1'", "CREATE ROLE stranger LOGIN PASSWORD 'right-word-1'",
	"CREATE ROLE expired LOGIN PASSWORD 'right-word-1' VALID UNTIL '2020-01-01'",
	"CREATE ROLE nologin PASSWORD 'right-word-1'", "CREATE ROLE crowd LOGIN CONNECTION LIMIT 0 PASSWORD 'right-word-1'",
	"CREATE DATABASE shut", "REVOKE CONNECT ON DATABASE shut FROM PUBLIC",
};

struct world {
	struct pg_server *server;
	struct cert *ca, *other_ca;
	char ca_file[96], other_ca_file[96];
};

static char *
path_of(const struct world *w, const char *name, char out[96])
{
	snprintf(out, 96, "%s/%s", pg_server_socket(w->server), name);
	return out;
}

static void
must_run(const struct world *w, const char *sql)
{
	char *said = pg_server_sql(w->server, "postgres", sql);

	if (strncmp(said, "error:", 6) == 0)
		fail_msg("%s: %s", sql, said);
	free(said);
}

/* The server reads its settings some time after it is asked to. */
static void
set_and_wait(const struct world *w, const char *name, const char *value)
{
	int64_t end = clock_mono_ms() + DEADLINE_MS;
	struct timespec t = { 0, 10 * 1000 * 1000 };
	char sql[300];
	bool same = false;

	snprintf(sql, sizeof sql, "ALTER SYSTEM SET %s = '%s'", name, value);
	must_run(w, sql);
	must_run(w, "SELECT pg_reload_conf()");
	snprintf(sql, sizeof sql, "SHOW %s", name);
	while (!same && clock_mono_ms() < end) {
		char *now = pg_server_sql(w->server, "postgres", sql);

		same = strcmp(now, value) == 0;
		free(now);
		if (!same)
			nanosleep(&t, NULL);
	}
	assert_true(same);
}

static void
use_certificate(const struct world *w, const char *name, const char *host, long from, long to, const struct cert *ca)
{
	struct cert *c = cert_make(host, from, to, ca);
	char path[96], key[96], file[32];
	struct stat st;

	assert_int_equal(stat(pg_server_socket(w->server), &st), 0);
	snprintf(file, sizeof file, "%s.key", name);
	cert_write(c, path_of(w, name, path));
	cert_write_key(c, path_of(w, file, key), st.st_uid);
	cert_free(c);
	must_run(w, "ALTER SYSTEM SET ssl = off");
	set_and_wait(w, "ssl", "off");
	set_and_wait(w, "ssl_key_file", key);
	set_and_wait(w, "ssl_cert_file", path);
	set_and_wait(w, "ssl", "on");
}

static int
setup(void **state)
{
	struct world *w = calloc(1, sizeof *w);

	w->server = pg_server_start_with(&(struct pg_server_options){ .tcp = true, .hba = hba });
	if (w->server == NULL)
		return -1;
	for (size_t i = 0; i < sizeof roles / sizeof *roles; i++)
		free(pg_server_sql(w->server, "postgres", roles[i]));
	w->ca = cert_make("authority.example.com", -DAY, DAY, NULL);
	w->other_ca = cert_make("another.example.com", -DAY, DAY, NULL);
	cert_write(w->ca, path_of(w, "ca", w->ca_file));
	cert_write(w->other_ca, path_of(w, "other_ca", w->other_ca_file));
	*state = w;
	return 0;
}

static int
teardown(void **state)
{
	struct world *w = *state;

	pg_server_stop(w->server);
	cert_free(w->ca);
	cert_free(w->other_ca);
	free(w);
	return 0;
}

struct try {
	const char *user, *database, *password;
	enum db_tls tls;
	const char *host, *ca;
	const char *said[2];	/* both stand in the refusal; NULL: it lets us in */
};

/* What the attempt found; "" when it let us in. */
static const char *
come_in(const struct world *w, const struct try *y, struct db_info *info)
{
	static struct err e;
	const struct db_driver *d = db_driver_find(SQL_POSTGRES);
	struct secret *password = secret_create(y->password, strlen(y->password));
	struct db_target t = { .engine = SQL_POSTGRES, .host = y->host, .hostaddr = "127.0.0.1", .port = pg_server_port(w->server),
		.database = y->database, .user = y->user, .password = password, .tls = y->tls, .ca = y->ca,
		.statement_timeout_ms = 10000, .lock_timeout_ms = 300, .tag = "s1" };
	struct db_conn *c;

	e = (struct err){ .text = "" };
	c = d->open(&t, info, &e);
	if (c != NULL)
		d->close(c);
	else
		assert_int_equal(e.code, ERR_UNREACHABLE);
	secret_free(password);
	assert_true(y->password[0] == '\0' || strstr(e.text, y->password) == NULL);
	return e.text;
}

static void
try_all(const struct world *w, const struct try *v, size_t n)
{
	struct db_info info;

	for (size_t i = 0; i < n; i++) {
		const char *said = come_in(w, &v[i], &info);

		if (v[i].said[0] == NULL) {
			assert_string_equal(said, "");
			assert_string_equal(info.source, "127.0.0.1");
			assert_int_equal(info.encrypted, v[i].tls != DB_TLS_OFF);
			continue;
		}
		for (int k = 0; k < 2; k++) {
			if (strstr(said, v[i].said[k]) == NULL)
				print_error("%s, %d: %s\n", v[i].user, v[i].tls, said);
			assert_non_null(strstr(said, v[i].said[k]));
		}
	}
}

static void
refusals_are_told_apart_with_the_next_step(void **state)
{
	static const struct try tries[] = {
		{ "scram", "postgres", word, DB_TLS_OFF, NULL, NULL, { NULL } },
		{ "md5er", "postgres", word, DB_TLS_OFF, NULL, NULL, { NULL } },
		{ "scram", "postgres", "wrong-word-2", DB_TLS_OFF, NULL, NULL, { "password authentication failed", "new password" } },
		{ "md5er", "postgres", "wrong-word-2", DB_TLS_OFF, NULL, NULL, { "password authentication failed", "new password" } },
		{ "scram", "postgres", "", DB_TLS_OFF, NULL, NULL, { "no password supplied", "give the target" } },
		{ "expired", "postgres", word, DB_TLS_OFF, NULL, NULL, { "password authentication failed", "expired" } },
		{ "stranger", "postgres", word, DB_TLS_OFF, NULL, NULL, { "no pg_hba.conf entry", "allow this source address" } },
		{ "barred", "postgres", word, DB_TLS_OFF, NULL, NULL, { "pg_hba.conf rejects", "allow this source address" } },
		{ "tls_only", "postgres", word, DB_TLS_OFF, NULL, NULL, { "no encryption", "with TLS" } },
		{ "nologin", "postgres", word, DB_TLS_OFF, NULL, NULL, { "not permitted to log in", "whether this account may" } },
		{ "scram", "nothere", word, DB_TLS_OFF, NULL, NULL, { "does not exist", "check the target's database" } },
		{ "scram", "shut", word, DB_TLS_OFF, NULL, NULL, { "permission denied", "ask the server's administrator for CONNECT" } },
		{ "crowd", "postgres", word, DB_TLS_OFF, NULL, NULL, { "too many connections", "try again later" } },
		{ "tls_only", "postgres", word, DB_TLS_REQUIRE, NULL, NULL, { "does not support SSL", "the server has no TLS" } },
	};
	const struct world *w = *state;

	try_all(w, tries, sizeof tries / sizeof *tries);
}

static void
a_certificate_is_checked_by_name_authority_and_date(void **state)
{
	const struct world *w = *state;
	const struct try good[] = {
		{ "tls_only", "postgres", word, DB_TLS_VERIFY_FULL, "db.example.com", w->ca_file, { NULL } },
		{ "tls_only", "postgres", word, DB_TLS_REQUIRE, "db.example.com", NULL, { NULL } },
		{ "tls_only", "postgres", "wrong-word-2", DB_TLS_VERIFY_FULL, "db.example.com", w->ca_file,
		  { "password authentication failed", "new password" } },
		{ "tls_only", "postgres", word, DB_TLS_VERIFY_FULL, "other.example.com", w->ca_file,
		  { "does not match host name", "must be the name" } },
		{ "tls_only", "postgres", word, DB_TLS_VERIFY_FULL, "127.0.0.1", w->ca_file, { "127.0.0.1", "must be the name" } },
		{ "tls_only", "postgres", word, DB_TLS_VERIFY_FULL, "db.example.com", w->other_ca_file,
		  { "certificate verify failed", "the target's ca" } },
		{ "tls_only", "postgres", word, DB_TLS_VERIFY_FULL, "db.example.com", "/nowhere/ca",
		  { "root certificate file", "check the target's ca" } },
	};
	const struct try expired[] = {
		{ "tls_only", "postgres", word, DB_TLS_VERIFY_FULL, "db.example.com", w->ca_file,
		  { "certificate verify failed", "has expired" } },
		{ "tls_only", "postgres", word, DB_TLS_REQUIRE, "db.example.com", NULL, { NULL } },
	};

	use_certificate(w, "good", "db.example.com", -DAY, DAY, w->ca);
	try_all(w, good, sizeof good / sizeof *good);
	use_certificate(w, "expired", "db.example.com", -2 * DAY, -DAY, w->ca);
	try_all(w, expired, sizeof expired / sizeof *expired);
}

static const char *
knock(uint16_t port)
{
	static struct err e;
	struct db_target t = { .engine = SQL_POSTGRES, .host = "db.example.com", .hostaddr = "127.0.0.1", .port = port,
		.database = "shop", .user = "scram", .connect_timeout_ms = 300, .tag = "s1" };
	struct db_info info;

	assert_null(db_driver_find(SQL_POSTGRES)->open(&t, &info, &e));
	assert_int_equal(e.code, ERR_UNREACHABLE);
	return e.text;
}

static int
listener(int backlog, struct sockaddr_in *a)
{
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	socklen_t n = sizeof *a;

	*a = (struct sockaddr_in){ .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	assert_int_equal(bind(fd, (struct sockaddr *)a, n), 0);
	assert_int_equal(listen(fd, backlog), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)a, &n), 0);
	return fd;
}

/* Nobody listens; somebody takes the connection and is silent; what comes is dropped (a full queue does that). */
static void
silence_is_told_from_refusal(void **state)
{
	enum { FILL = 4 };
	struct sockaddr_in a;
	int fd, more[FILL];

	(void)state;
	assert_non_null(strstr(knock((uint16_t)server_free_port()), "nothing listens there"));
	fd = listener(5, &a);
	assert_non_null(strstr(knock(ntohs(a.sin_port)), "takes the connection and says nothing"));
	close(fd);
	fd = listener(0, &a);
	for (int i = 0; i < FILL; i++) {
		more[i] = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
		(void)connect(more[i], (struct sockaddr *)&a, sizeof a);
	}
	assert_non_null(strstr(knock(ntohs(a.sin_port)), "no answer at all"));
	for (int i = 0; i < FILL; i++)
		close(more[i]);
	close(fd);
}

/* Opens anew until the lag is as wanted: 0, or more. */
static int64_t
lag_becomes(struct bench *b, const struct db_target *t, bool zero)
{
	int64_t end = clock_mono_ms() + DEADLINE_MS;
	struct timespec pause = { 0, 20 * 1000 * 1000 };

	while (clock_mono_ms() < end) {
		bench_close(b);
		bench_open(b, t);
		assert_int_equal(b->info.standing, DB_REPLICA);
		if (zero ? b->info.lag_ms == 0 : b->info.lag_ms > 0)
			break;
		nanosleep(&pause, NULL);
	}
	return b->info.lag_ms;
}

static void
a_replica_tells_how_far_behind_it_is(void **state)
{
	const struct world *shared = *state;
	struct pg_server *primary = pg_server_start(), *replica;
	struct db_target t = { .engine = SQL_POSTGRES, .port = 5432, .database = "postgres", .user = "scram",
		.statement_timeout_ms = 10000, .lock_timeout_ms = 300, .tag = "s1" };
	struct bench b;

	(void)shared;
	assert_non_null(primary);
	free(pg_server_sql(primary, "postgres", "CREATE ROLE scram LOGIN"));
	replica = pg_server_start_replica(primary);
	assert_non_null(replica);
	free(pg_server_sql(primary, "postgres", "CREATE TABLE t (a int)"));
	t.socket = pg_server_socket(replica);
	bench_open(&b, &t);
	assert_int_equal(lag_becomes(&b, &t, true), 0);
	assert_string_equal(bench_rows(&b, "SELECT 7"), "7\n");
	assert_int_equal(strncmp(b.info.identity, "system ", 7), 0);
	pg_server_stop(primary);
	assert_true(lag_becomes(&b, &t, false) > 0);
	bench_close(&b);
	pg_server_stop(replica);
}

static int watched;
static unsigned long encrypted;

static bool
watch(struct bench *b)
{
	const struct world *w = b->ctx;
	struct db_waiting waiting;
	char *n;

	watched = b->d->waiting(b->c, &waiting, &b->e);
	n = pg_server_sql(w->server, "postgres", "SELECT count(*) FROM pg_stat_ssl s JOIN pg_stat_activity a USING (pid)"
	    " WHERE a.usename = 'tls_only' AND s.ssl");
	encrypted = strtoul(n, NULL, 10);
	free(n);
	return true;
}

/* With the first one's password and TLS, which nobody keeps for it; a password that is another by now is not told. */
static void
the_second_connection_of_a_hold_comes_in_as_the_first_one(void **state)
{
	struct world *w = *state;
	struct secret *password = secret_create(word, strlen(word));
	struct db_target t = { .engine = SQL_POSTGRES, .host = "db.example.com", .hostaddr = "127.0.0.1",
		.port = pg_server_port(w->server), .database = "postgres", .user = "tls_only", .password = password,
		.tls = DB_TLS_VERIFY_FULL, .ca = w->ca_file, .statement_timeout_ms = 10000, .lock_timeout_ms = 300, .tag = "s1" };
	struct bench b;

	use_certificate(w, "of_hold", "db.example.com", -DAY, DAY, w->ca);
	must_run(w, "CREATE TABLE held (a int); GRANT ALL ON held TO tls_only");
	for (int i = 0; i < 2; i++) {
		bench_open(&b, &t);
		secret_free(password);
		password = NULL;
		b.ctx = w;
		b.hold = watch;
		if (i == 1)
			must_run(w, "ALTER ROLE tls_only PASSWORD 'another-word-3'");
		assert_int_equal(bench_do(&b, "INSERT INTO held VALUES (1)", 1), 0);
		assert_int_equal(b.r.end, DB_COMMITTED);
		assert_int_equal(watched, i == 0 ? 0 : ERR_UNSUPPORTED);
		assert_int_equal(encrypted, i == 0 ? 2 : 1);
		if (i == 1)
			assert_non_null(strstr(b.e.text, "password authentication failed"));
		assert_null(strstr(b.e.text, word));
		bench_close(&b);
		t.password = password = secret_create(word, strlen(word));
	}
	secret_free(password);
	must_run(w, "ALTER ROLE tls_only PASSWORD 'right-word-1'");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(refusals_are_told_apart_with_the_next_step),
		cmocka_unit_test(a_certificate_is_checked_by_name_authority_and_date),
		cmocka_unit_test(the_second_connection_of_a_hold_comes_in_as_the_first_one),
		cmocka_unit_test(silence_is_told_from_refusal),
		cmocka_unit_test(a_replica_tells_how_far_behind_it_is),
	};

	return cmocka_run_group_tests_name("db pg login", tests, setup, teardown);
}
