/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Whole sessions on a real PostgreSQL behind two real sshds: the way is recorded, checked, and told when it breaks. */
#include "config.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <cmocka.h>

#include "twokey/base/buf.h"
#include "twokey/base/io.h"
#include "twokey/base/json.h"

#include "lib/broker.h"
#include "lib/pg.h"
#include "lib/sshd.h"

static struct pg_server *server;
static struct sshd *outer, *inner;

static int
start(void **state)
{
	char *got;

	(void)state;
	server = pg_server_start();
	outer = sshd_start("");
	inner = sshd_start("");
	assert_true(server != NULL && outer != NULL && inner != NULL);
	got = pg_server_sql(server, "postgres", "CREATE TABLE orders(id int PRIMARY KEY, note text);"
	    "INSERT INTO orders SELECT i FROM generate_series(1, 500) i;"
	    "CREATE ROLE metricfixer_readonly LOGIN; GRANT SELECT, UPDATE ON orders TO metricfixer_readonly");
	assert_string_equal(got, "");
	free(got);
	return 0;
}

static int
stop(void **state)
{
	(void)state;
	sshd_stop(inner);
	sshd_stop(outer);
	pg_server_stop(server);
	return 0;
}

/* A hop in YAML, with the key of that server or another. */
static void
put_hop(struct buf *b, const char *name, const struct sshd *s, const char *host_key)
{
	char *key = sshd_file(s, "id"), path[200];

	/* a copy that belongs to whom the tunnel runs as */
	snprintf(path, sizeof path, "%s/of-the-broker", sshd_folder(s));
	assert_int_equal(io_write_file(path, 0600, key, strlen(key), NULL), 0);
	buf_putf(b, "      - name: %s\n        host: 127.0.0.1\n        port: %d\n        user: %s\n        key: %s\n"
	    "        host_key: \"%s\"\n", name, sshd_port(s), sshd_user(s), path, host_key);
	free(key);
}

static void
target(struct buf *b, const char *inner_key)
{
	char *outer_key = sshd_host_key(outer);

	buf_init(b, 16384);
	buf_puts(b, "    hops:\n");
	put_hop(b, "jump", outer, outer_key);
	put_hop(b, "shop-host", inner, inner_key);
	buf_putf(b, "    socket: %s/.s.PGSQL.5432\n    database: postgres\n    user: metricfixer_readonly\n"
	    "    keepalive: 1\n    dead_after: 3\n", pg_server_socket(server));
	free(outer_key);
}

static void
begin(struct test_broker *b, struct buf *way)
{
	struct test_broker_options o = { .engine = "postgres", .target = buf_str(way),
	    .limits = "max_rows: 100000000\nmax_bytes: 512MiB\n" };

	test_broker_start(b, &o);
	buf_fini(way);
}

static void
wait_done(struct test_console *ben, const char *text)
{
	json_t *a;
	char line[300];

	snprintf(line, sizeof line, "{\"do\":\"sql\",\"text\":\"%s\"}", text);
	a = test_ok(ben, line);
	test_event(ben, "done", json_int(a, "n", 0));
}

/* The state that hop n came to last. */
static const char *
hop_state(struct test_console *c, int64_t hop)
{
	const char *state = "";
	size_t i;
	json_t *ev;

	json_array_foreach(c->events, i, ev)
		if (strcmp(json_str(ev, "ev", NULL), "tunnel") == 0 && json_int(ev, "hop", 0) == hop)
			state = json_str(ev, "state", NULL);
	return state;
}

static void
reads_and_writes_go_through_two_hops(void **state)
{
	struct test_console *ben, *anna;
	char *key = sshd_host_key(inner);
	struct test_broker b;
	struct buf way;
	int64_t n;

	(void)state;
	target(&way, key);
	free(key);
	begin(&b, &way);
	test_session(&b, "WAY-1", &ben, &anna);
	assert_string_equal(hop_state(ben, 1), "open");
	assert_string_equal(hop_state(ben, 2), "open");
	wait_done(ben, "select count(*) from orders");
	n = test_request(ben, "update orders set note = 'w' where id <= 3", "= 3");
	assert_true(json_bool(test_allow(anna, n, "orders 3"), "ok"));
	test_event(ben, "committed", n);
	test_end(&b, ben);
	assert_string_equal(hop_state(ben, 1), "closed");	/* recorded before the seal */
	assert_string_equal(hop_state(ben, 2), "closed");
	test_console_close(ben);
	test_console_close(anna);
	test_broker_stop(&b);
}

/* Cancels what runs; milliseconds on record between the cancel and the statement's end. */
static int64_t
cancelled(struct test_console *ben, const char *text, const char *first)
{
	char line[300];
	int64_t n;
	json_t *end;

	snprintf(line, sizeof line, "{\"do\":\"sql\",\"text\":\"%s\"}", text);
	n = json_int(test_ok(ben, line), "n", 0);
	if (first != NULL)
		test_event(ben, first, n);
	test_ok(ben, "{\"do\":\"cancel\"}");
	/* rows that had come already make it done, cut */
	end = test_event_either(ben, "failed", "done", n);
	return json_int(end, "ms", 0) - json_int(test_event(ben, "cancel", n), "ms", 0);
}

static void
cancel_goes_through_and_the_session_goes_on(void **state)
{
	struct test_console *ben, *anna;
	char *key = sshd_host_key(inner);
	struct test_broker b;
	struct buf way;
	int64_t waits, streams;

	(void)state;
	target(&way, key);
	free(key);
	begin(&b, &way);
	test_session(&b, "WAY-7", &ben, &anna);
	waits = cancelled(ben, "select count(*) from generate_series(1, 1000000000)", NULL);
	streams = cancelled(ben, "select generate_series(1, 1000000000), pg_catalog.repeat('x', 200)", "rows");
	print_message("# cancelled through two hops within %lld ms, while rows stream %lld ms\n", (long long)waits,
	    (long long)streams);
	wait_done(ben, "select 1");
	test_end(&b, ben);
	test_console_close(ben);
	test_console_close(anna);
	test_broker_stop(&b);
}

/* Opens a session that must end by itself; why, as the people are told. */
static char *
ends_with(struct test_broker *b, const char *id, const char *code)
{
	struct test_console *ben;
	json_t *ended;
	char *why;

	test_ticket(b, id);
	ben = test_console(b, "ben");
	test_send(ben, "{\"do\":\"open\",\"ticket\":\"%s\"}", id);
	ended = test_event(ben, "ended", 0);
	assert_string_equal(json_str(ended, "code", NULL), code);
	why = strdup(test_body(ben, json_int(ended, "n", 0), "why"));
	test_wait_eof(ben);
	assert_true(test_wait_sealed(b));
	test_console_close(ben);
	return why;
}

static void
says(const char *why, const char *words)
{
	if (strstr(why, words) == NULL)
		fail_msg("\"%s\" does not say \"%s\"", why, words);
}

/* The exit status of a command of twokey, and what it says. */
static int
twokey(const char *arguments, char *out, size_t size)
{
	const char *top = getenv("top_builddir");
	char command[1400];
	FILE *p;
	size_t n;
	int status;

	snprintf(command, sizeof command, "%s/twokey %s 2>&1", top != NULL ? top : ".", arguments);
	p = popen(command, "re");
	assert_non_null(p);
	n = fread(out, 1, size - 1, p);
	out[n] = '\0';
	status = pclose(p);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static void
another_host_key_stops_before_anything_is_sent(void **state)
{
	char *other = sshd_host_key(outer), *why, arguments[900], out[8192];
	struct test_broker b;
	struct buf way;

	(void)state;
	target(&way, other);	/* the inner host with the outer one's key */
	free(other);
	begin(&b, &way);
	why = ends_with(&b, "WAY-2", "unreachable");
	says(why, "shop-host");
	says(why, "SHA256:");
	free(why);
	/* and programs are told by the exit status */
	snprintf(arguments, sizeof arguments, "%s/never-ends", b.dir);
	assert_int_equal(mkfifo(arguments, 0600), 0);
	snprintf(arguments, sizeof arguments, "open --json --broker %s --as ben WAY-2 0<>%s/never-ends", b.socket, b.dir);
	assert_int_equal(twokey(arguments, out, sizeof out), 4);
	test_broker_stop(&b);
}

static void
a_hop_that_dies_ends_the_session_with_its_name(void **state)
{
	struct test_console *ben, *anna;
	char *key = sshd_host_key(inner);
	struct test_broker b;
	struct buf way;
	json_t *ended;

	(void)state;
	target(&way, key);
	free(key);
	begin(&b, &way);
	test_session(&b, "WAY-3", &ben, &anna);
	test_ok(ben, "{\"do\":\"sql\",\"text\":\"select count(*) from generate_series(1, 1000000000)\"}");
	sshd_signal_children(inner, SIGKILL);
	ended = test_event(ben, "ended", 0);
	says(test_body(ben, json_int(ended, "n", 0), "why"), "shop-host");
	test_wait_eof(ben);
	assert_true(test_wait_sealed(&b));
	test_console_close(ben);
	test_console_close(anna);
	test_broker_stop(&b);
}

static void
a_hop_that_freezes_is_noticed(void **state)
{
	struct test_console *ben, *anna;
	char *key = sshd_host_key(inner);
	struct test_broker b;
	struct buf way;
	json_t *ended;

	(void)state;
	target(&way, key);
	free(key);
	begin(&b, &way);
	test_session(&b, "WAY-4", &ben, &anna);
	sshd_signal_children(outer, SIGSTOP);
	ended = test_event(ben, "ended", 0);
	says(test_body(ben, json_int(ended, "n", 0), "why"), "jump");
	sshd_signal_children(outer, SIGCONT);
	test_wait_eof(ben);
	assert_true(test_wait_sealed(&b));
	test_console_close(ben);
	test_console_close(anna);
	test_broker_stop(&b);
}

/* What "target check" says of the broker's target. */
static int
check(const struct test_broker *b, char *out, size_t size)
{
	char arguments[500];

	snprintf(arguments, sizeof arguments, "target check --private --config %s/twokeyd.yaml shop", b->dir);
	return twokey(arguments, out, size);
}

static void
a_check_walks_the_same_way(void **state)
{
	char *key = sshd_host_key(inner), *other = sshd_host_key(outer), out[8192];
	struct test_broker b;
	struct buf way;

	(void)state;
	target(&way, key);
	begin(&b, &way);
	assert_int_equal(check(&b, out, sizeof out), 0);
	says(out, "jump: open");
	says(out, "shop-host: open");
	says(out, "ssh-ed25519 SHA256:");
	says(out, "PostgreSQL");
	says(out, "primary");
	says(out, "metricfixer_readonly");
	says(out, "sees us come from 127.0.0.1");
	says(out, "write: public.orders");
	test_broker_stop(&b);
	target(&way, other);
	begin(&b, &way);
	assert_int_equal(check(&b, out, sizeof out), 4);
	says(out, "jump: open");
	says(out, "shop-host");
	test_broker_stop(&b);
	free(key);
	free(other);
}

static void
a_program_is_a_way(void **state)
{
	struct test_console *ben, *anna;
	struct test_broker b;
	struct buf way;
	char *why;

	(void)state;
	buf_init(&way, 4096);
	buf_putf(&way, "    command: [/usr/bin/socat, STDIO, \"UNIX-CONNECT:%s/.s.PGSQL.5432\"]\n    database: postgres\n"
	    "    user: metricfixer_readonly\n", pg_server_socket(server));
	begin(&b, &way);
	test_session(&b, "WAY-5", &ben, &anna);
	wait_done(ben, "select count(*) from orders");
	test_end(&b, ben);
	assert_string_equal(hop_state(ben, 1), "closed");
	test_console_close(ben);
	test_console_close(anna);
	test_broker_stop(&b);
	buf_init(&way, 4096);
	buf_puts(&way, "    command: [/usr/bin/socat, STDIO, \"UNIX-CONNECT:/nonexistent/.s.PGSQL.5432\"]\n"
	    "    database: postgres\n    user: metricfixer_readonly\n");
	begin(&b, &way);
	why = ends_with(&b, "WAY-6", "unreachable");
	says(why, "socat ended with status 1");
	free(why);
	test_broker_stop(&b);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_and_writes_go_through_two_hops),
		cmocka_unit_test(cancel_goes_through_and_the_session_goes_on),
		cmocka_unit_test(another_host_key_stops_before_anything_is_sent),
		cmocka_unit_test(a_hop_that_dies_ends_the_session_with_its_name),
		cmocka_unit_test(a_hop_that_freezes_is_noticed),
		cmocka_unit_test(a_check_walks_the_same_way),
		cmocka_unit_test(a_program_is_a_way),
	};

	return cmocka_run_group_tests_name("way", tests, start, stop);
}
