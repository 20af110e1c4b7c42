/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What happens between the open of a session and its first statement: the server and the account against the ticket,
 * a password that a person gives, questions about definitions, reads that cost too much. */
#include "config.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "twokey/base/buf.h"
#include "twokey/base/io.h"
#include "twokey/base/json.h"
#include "twokey/base/sealed.h"

#include "lib/broker.h"
#include "lib/pg.h"

static struct pg_server *server, *replica;
static char target[300], super[300], of_replica[300], asked[400];

static int
start(void **state)
{
	static const struct pg_server_options o = { .hba = "local all asked scram-sha-256\nlocal all all trust\n"
	    "local replication all trust\n" };
	static const char way[] = "    socket: %s\n    database: postgres\n    user: %s\n";
	char *got;

	(void)state;
	server = pg_server_start_with(&o);
	assert_non_null(server);
	got = pg_server_sql(server, "postgres", "CREATE TABLE orders(id int PRIMARY KEY, note text);"
	    "INSERT INTO orders SELECT i, repeat('x', 200) FROM generate_series(1, 20000) i; ANALYZE orders;"
	    "CREATE ROLE metricfixer_readonly LOGIN; CREATE ROLE asked LOGIN PASSWORD 'turn both keys';"
	    "GRANT SELECT ON orders TO metricfixer_readonly, asked");
	assert_string_equal(got, "");
	free(got);
	replica = pg_server_start_replica(server);
	assert_non_null(replica);
	snprintf(target, sizeof target, way, pg_server_socket(server), "metricfixer_readonly");
	snprintf(super, sizeof super, way, pg_server_socket(server), pg_server_user(server));
	snprintf(of_replica, sizeof of_replica, way, pg_server_socket(replica), "metricfixer_readonly");
	snprintf(asked, sizeof asked, "    socket: %s\n    database: postgres\n    user: asked\n    password_from: anna\n",
	    pg_server_socket(server));
	return 0;
}

static int
stop(void **state)
{
	(void)state;
	pg_server_stop(replica);
	pg_server_stop(server);
	return 0;
}

static struct test_console *
opened(const struct test_broker *b, const char *id, const char *lines)
{
	struct test_console *ben;

	test_ticket_with(b, id, lines);
	ben = test_console(b, "ben");
	test_send(ben, "{\"do\":\"open\",\"ticket\":\"%s\"}", id);
	return ben;
}

static void
says(const char *why, const char *words)
{
	if (why == NULL || strstr(why, words) == NULL)
		fail_msg("\"%s\" does not say \"%s\"", why != NULL ? why : "", words);
}

/* The session ends by itself, sealed, with this code and these words. */
static void
ends(const struct test_broker *b, const char *id, const char *lines, const char *code, const char *words)
{
	struct test_console *ben = opened(b, id, lines);
	json_t *ended = test_event(ben, "ended", 0);

	assert_string_equal(json_str(ended, "code", NULL), code);
	says(test_body(ben, json_int(ended, "n", 0), "why"), words);
	test_wait_eof(ben);
	assert_true(test_wait_sealed(b));
	test_console_close(ben);
}

/* It begins; what it said of the account. */
static void
begins(const struct test_broker *b, const char *id, const char *lines, const char *list, const char *kind)
{
	struct test_console *ben = opened(b, id, lines);
	const json_t *account = test_event(ben, "account", 0);
	const json_t *kinds = json_object_get(account, list);
	bool found = kind == NULL;
	size_t i;
	json_t *v;

	json_array_foreach(kinds, i, v)
		found |= kind != NULL && strcmp(json_string_value(v), kind) == 0;
	assert_true(found);
	test_ok(ben, "{\"do\":\"sql\",\"text\":\"select 1\"}");
	test_end(b, ben);
	test_console_close(ben);
}

#define READ_PRODUCTION "access: read\\nstage: production\\n"

static void
the_server_is_what_the_ticket_says(void **state)
{
	struct test_broker_options o = { .engine = "postgres", .target = target };
	struct test_broker b;

	(void)state;
	test_broker_start(&b, &o);
	begins(&b, "C-1", READ_PRODUCTION, "shown", "no-expiry");
	ends(&b, "C-2", READ_PRODUCTION "version: \\\"9.6\\\"\\n", "target-differs", "for version 9.6 and the server is");
	ends(&b, "C-3", READ_PRODUCTION "database: shop\\n", "target-differs", "for database shop and the server says postgres");
	ends(&b, "C-4", READ_PRODUCTION "identity: system 1 database 5\\n", "target-differs", "another server than the ticket");
	ends(&b, "C-5", READ_PRODUCTION "replica: required\\n", "target-differs", "asks for a replica and the server is a primary");
	o.target = of_replica;
	test_broker_reconfigure(&b, &o);
	begins(&b, "C-6", READ_PRODUCTION "replica: required\\n", "shown", "no-expiry");
	ends(&b, "C-7", READ_PRODUCTION "replica: no\\n", "target-differs", "asks for the primary and the server is a replica");
	test_broker_stop(&b);
}

static void
production_once_is_never_staging(void **state)
{
	struct test_broker_options o = { .engine = "postgres", .target = target };
	struct test_broker b;

	(void)state;
	test_broker_start(&b, &o);
	begins(&b, "S-1", READ_PRODUCTION, "shown", "no-expiry");
	o.stage = "staging";
	test_broker_reconfigure(&b, &o);
	ends(&b, "S-2", "access: read\\nstage: staging\\n", "target-differs", "opened as production before");
	test_broker_stop(&b);
	/* and the other way round: what was staging may become production */
	test_broker_start(&b, &o);
	begins(&b, "S-3", "access: read\\nstage: staging\\n", "shown", "no-expiry");
	o.stage = "production";
	test_broker_reconfigure(&b, &o);
	begins(&b, "S-4", READ_PRODUCTION, "shown", "no-expiry");
	test_broker_stop(&b);
}

#define ACCEPT(what) "  - {what: " what ", reason: the only account}\\n"
#define ALL_OF_A_SUPERUSER "accept_excess:\\n" ACCEPT("superuser") ACCEPT("create-role") ACCEPT("create-database") \
	ACCEPT("replication") ACCEPT("bypass-rls") ACCEPT("powerful-role")

static void
excess_ends_the_session_unless_it_is_accepted(void **state)
{
	struct test_broker_options o = { .engine = "postgres", .target = super };
	struct test_broker b;

	(void)state;
	test_broker_start(&b, &o);
	ends(&b, "E-1", READ_PRODUCTION, "excess", "the account is a superuser");
	ends(&b, "E-2", READ_PRODUCTION "accept_excess:\\n  - {what: superuser, reason: the only account}\\n", "excess",
	    "names each of them (accept_excess: create-role, create-database, ");
	begins(&b, "E-3", READ_PRODUCTION ALL_OF_A_SUPERUSER, "accepted", "superuser");
	/* another ticket in force on the same account is told */
	begins(&b, "E-4", READ_PRODUCTION ALL_OF_A_SUPERUSER, "shown", "shared");
	o.stage = "development";
	test_broker_stop(&b);
	test_broker_start(&b, &o);
	begins(&b, "E-5", "access: staging\\nstage: development\\n", "shown", "superuser");
	test_broker_stop(&b);
}

/* What the asked person's console does. */
static void
give(struct test_console *c, const char *password)
{
	json_t *wanted = test_event(c, "wanted", 0);
	const char *session = json_str(test_event(c, "begin", 0), "session", NULL), *key;
	struct buf context, box;
	size_t n;

	assert_string_equal(json_str(wanted, "by", NULL), "anna");
	key = json_str(wanted, "box", &n);
	buf_init(&context, 512);
	buf_init(&box, SEALED_BOX_MAX + 1);
	sealed_context(&context, session, (uint64_t)json_int(wanted, "n", 0), json_str(wanted, "what", NULL));
	assert_int_equal(sealed_seal(key, n, buf_data(&context), buf_len(&context), password, strlen(password), &box, NULL), 0);
	test_send(c, "{\"do\":\"secret\",\"of\":%lld,\"sealed\":\"%s\"}", (long long)json_int(wanted, "n", 0), buf_str(&box));
	assert_true(json_bool(test_answer(c, "secret"), "ok"));
	buf_fini(&context);
	buf_fini(&box);
}

static void
a_person_gives_the_password_and_nobody_keeps_it(void **state)
{
	struct test_broker_options o = { .engine = "postgres", .target = asked };
	struct test_console *ben, *anna;
	struct test_broker b;
	char path[700];
	json_t *wanted;
	struct buf all;

	(void)state;
	test_broker_start(&b, &o);
	ben = opened(&b, "P-1", READ_PRODUCTION);
	wanted = test_event(ben, "wanted", 0);
	test_send(ben, "{\"do\":\"secret\",\"of\":%lld,\"sealed\":\"AAAA\"}", (long long)json_int(wanted, "n", 0));
	assert_false(json_bool(test_answer(ben, "secret"), "ok"));	/* not he is asked */
	anna = test_console(&b, "anna");
	test_ok(anna, "{\"do\":\"join\",\"ticket\":\"P-1\"}");
	give(anna, "turn both keys");
	test_event(ben, "given", 0);
	test_event(ben, "connected", 0);
	test_ok(ben, "{\"do\":\"sql\",\"text\":\"select count(*) from orders\"}");
	test_end(&b, ben);
	test_transcript(&b, path, sizeof path);
	buf_init(&all, 16 * 1024 * 1024);
	assert_int_equal(io_read_file(path, 16 * 1024 * 1024, &all, NULL), 0);
	assert_null(strstr(buf_str(&all), "both keys"));
	assert_null(strstr(buf_str(&all), "sealed"));
	buf_fini(&all);
	test_console_close(anna);
	test_console_close(ben);
	/* no, and the wrong one */
	ben = opened(&b, "P-2", READ_PRODUCTION);
	test_event(ben, "wanted", 0);
	anna = test_console(&b, "anna");
	test_ok(anna, "{\"do\":\"join\",\"ticket\":\"P-2\"}");
	wanted = test_event(anna, "wanted", 0);
	test_send(anna, "{\"do\":\"secret\",\"of\":%lld,\"sealed\":\"\"}", (long long)json_int(wanted, "n", 0));
	assert_string_equal(json_str(test_event(ben, "ended", 0), "code", NULL), "not-given");
	test_console_close(anna);
	test_console_close(ben);
	ben = opened(&b, "P-3", READ_PRODUCTION);
	test_event(ben, "wanted", 0);
	anna = test_console(&b, "anna");
	test_ok(anna, "{\"do\":\"join\",\"ticket\":\"P-3\"}");
	give(anna, "turn one key");
	assert_string_equal(json_str(test_event(ben, "ended", 0), "code", NULL), "unreachable");
	says(test_body(ben, json_int(test_event(ben, "ended", 0), "n", 0), "why"), "password");
	test_console_close(anna);
	test_console_close(ben);
	test_broker_stop(&b);
}

static void
definitions_are_asked_for_and_costly_reads_need_the_key(void **state)
{
	static char small[400];
	struct test_broker_options o = { .engine = "postgres", .target = small };
	static const char text[] = "select count(note) from orders where note like '%y%'";
	struct test_console *ben, *anna;
	struct test_broker b;
	char line[300];
	json_t *costly, *a;
	int64_t n;

	(void)state;
	snprintf(small, sizeof small, "%s    table_limit: 1MiB\n", target);
	test_broker_start(&b, &o);
	ben = opened(&b, "D-1", READ_PRODUCTION "max_rows_read: 10000\\n");
	test_event(ben, "account", 0);
	anna = test_console(&b, "anna");
	test_ok(anna, "{\"do\":\"join\",\"ticket\":\"D-1\"}");
	n = json_int(test_ok(ben, "{\"do\":\"describe\",\"subject\":\"table\",\"name\":\"orders\"}"), "n", 0);
	assert_true(json_int(test_event(ben, "done", n), "rows", 0) >= 3);	/* two columns and a key */
	test_refused(anna, "{\"do\":\"describe\",\"subject\":\"tables\"}", "seat");
	test_refused(ben, "{\"do\":\"describe\",\"subject\":\"everything\"}", "invalid");
	n = json_int(test_ok(ben, "{\"do\":\"sql\",\"text\":\"select note from orders where id = 7\"}"), "n", 0);
	assert_int_equal(json_int(test_event(ben, "done", n), "rows", 0), 1);
	snprintf(line, sizeof line, "{\"do\":\"sql\",\"text\":\"%s\",\"costly\":true}", text);
	test_refused(ben, line, "state");	/* nothing was found too costly yet */
	snprintf(line, sizeof line, "{\"do\":\"sql\",\"text\":\"%s\"}", text);
	n = json_int(test_ok(ben, line), "n", 0);
	costly = test_event(ben, "costly", n);
	assert_int_equal(json_int(costly, "rows", 0), 20000);
	assert_int_equal(json_int(costly, "limit", 0), 10000);
	snprintf(line, sizeof line, "{\"do\":\"sql\",\"text\":\"%s\",\"costly\":true,\"reason\":\"it must be\"}", text);
	n = json_int(test_ok(ben, line), "n", 0);
	assert_string_equal(json_str(test_event(ben, "sheet", n), "how", NULL), "explain");
	snprintf(line, sizeof line, "%s <=20000", json_str(costly, "table", NULL));
	a = test_allow(anna, n, line);
	if (!json_bool(a, "ok"))
		fail_msg("allow: %s", json_str(a, "why", NULL));
	assert_int_equal(json_int(test_event(ben, "done", n), "rows", 0), 1);
	/* it has ended: a later death of db takes nothing back */
	kill(test_broker_role(&b, "db"), SIGKILL);
	test_event(ben, "ended", 0);
	assert_null(test_event_seen(ben, "rolledback", n));
	assert_true(test_wait_sealed(&b));
	test_console_close(anna);
	test_console_close(ben);
	test_broker_stop(&b);
}

#ifdef TWOKEY_FAULTS
/* Law 8: who opens it hears why it ended, also when it was over before he was in it. */
static void
an_end_before_the_opener_came_is_told(void **state)
{
	struct test_broker_options o = { .target = "    file: /nowhere/shop.db\n", .fault = "front.before-adopt" };
	struct test_console *ben;
	struct test_broker b;
	json_t *ended;
	pid_t front;

	(void)state;
	test_broker_start(&b, &o);
	test_ticket(&b, "LATE-1");
	front = test_broker_role(&b, "front");
	ben = test_console(&b, "ben");
	test_send(ben, "{\"do\":\"open\",\"ticket\":\"LATE-1\"}");
	test_wait_stopped(front);
	assert_true(test_wait_sealed(&b));
	assert_int_equal(kill(front, SIGCONT), 0);
	assert_true(json_bool(test_answer(ben, "open"), "ok"));
	ended = test_event(ben, "ended", 0);
	assert_string_equal(json_str(ended, "code", NULL), "unreachable");
	says(test_body(ben, json_int(ended, "n", 0), "why"), "/nowhere/shop.db");
	test_wait_eof(ben);
	test_console_close(ben);
	test_broker_stop(&b);
}
#endif

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_server_is_what_the_ticket_says),
		cmocka_unit_test(production_once_is_never_staging),
		cmocka_unit_test(excess_ends_the_session_unless_it_is_accepted),
		cmocka_unit_test(a_person_gives_the_password_and_nobody_keeps_it),
		cmocka_unit_test(definitions_are_asked_for_and_costly_reads_need_the_key),
#ifdef TWOKEY_FAULTS
		cmocka_unit_test(an_end_before_the_opener_came_is_told),
#endif
	};

	return cmocka_run_group_tests_name("connect", tests, start, stop);
}
