/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Attacks on what stands between a session and its server: secrets that are asked for, ways, costly reads, and the
 * deaths of the roles that hold them. */
#include "config.h"

#include <dirent.h>
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "twokey/base/buf.h"
#include "twokey/base/clock.h"
#include "twokey/base/io.h"
#include "twokey/base/json.h"
#include "twokey/base/sealed.h"

#include "lib/broker.h"
#include "lib/pg.h"
#include "lib/sshd.h"

static struct pg_server *server;
static struct sshd *outer, *inner;
static char command_way[500];
static const struct timespec tick = { 0, 5 * 1000 * 1000 };

static int
start(void **state)
{
	static const struct pg_server_options o = { .hba = "local all asked scram-sha-256\nlocal all all trust\n" };
	char *got;
	int agent;

	(void)state;
	server = pg_server_start_with(&o);
	outer = sshd_start("");
	inner = sshd_start("");
	assert_true(server != NULL && outer != NULL && inner != NULL);
	agent = sshd_agent(outer);
	assert_true(agent >= 0);
	close(agent);
	got = pg_server_sql(server, "postgres", "CREATE TABLE orders(id int PRIMARY KEY, note text);"
	    "INSERT INTO orders SELECT i FROM generate_series(1, 500) i;"
	    "CREATE ROLE metricfixer_w LOGIN; CREATE ROLE asked LOGIN PASSWORD 'turn both keys';"
	    "GRANT SELECT, UPDATE ON orders TO metricfixer_w, asked");
	assert_string_equal(got, "");
	free(got);
	snprintf(command_way, sizeof command_way, "    command: [/usr/bin/socat, STDIO, \"UNIX-CONNECT:%s/.s.PGSQL.5432\"]\n"
	    "    database: postgres\n    user: metricfixer_w\n", pg_server_socket(server));
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

static struct test_console *
opened(const struct test_broker *b, const char *id, const char *lines)
{
	struct test_console *ben;
	char line[200];

	test_ticket_with(b, id, lines);
	ben = test_console(b, "ben");
	snprintf(line, sizeof line, "{\"do\":\"open\",\"ticket\":\"%s\"}", id);
	test_ok(ben, line);
	return ben;
}

static struct test_console *
joined(const struct test_broker *b, const char *id, const char *person)
{
	struct test_console *c = test_console(b, person);
	char line[200];

	snprintf(line, sizeof line, "{\"do\":\"join\",\"ticket\":\"%s\"}", id);
	test_ok(c, line);
	return c;
}

/* Answers the event that asks (wanted, locked) as its console would. */
static void
give(struct test_console *c, const char *event, const char *secret)
{
	json_t *asks = test_event(c, event, 0);
	const char *session = json_str(test_event(c, "begin", 0), "session", NULL), *key;
	struct buf context, box;
	size_t n;

	key = json_str(asks, "box", &n);
	buf_init(&context, 512);
	buf_init(&box, SEALED_BOX_MAX + 1);
	sealed_context(&context, session, (uint64_t)json_int(asks, "n", 0), json_str(asks, "what", NULL));
	assert_int_equal(sealed_seal(key, n, buf_data(&context), buf_len(&context), secret, strlen(secret), &box, NULL), 0);
	test_send(c, "{\"do\":\"secret\",\"of\":%lld,\"sealed\":\"%s\"}", (long long)json_int(asks, "n", 0), buf_str(&box));
	assert_true(json_bool(test_answer(c, "secret"), "ok"));
	buf_fini(&context);
	buf_fini(&box);
}

/* A hop in YAML; how: its key or agent, with what belongs to it. */
static void
put_hop(struct buf *b, const char *name, const struct sshd *s, const char *how)
{
	char *host_key = sshd_host_key(s);

	buf_putf(b, "      - name: %s\n        host: 127.0.0.1\n        port: %d\n        user: %s\n        host_key: \"%s\"\n%s",
	    name, sshd_port(s), sshd_user(s), host_key, how);
	free(host_key);
}

/* A copy of that key that belongs to whom the tunnel runs as; the line for YAML. */
static const char *
key_line(const struct sshd *s, const char *file)
{
	static char line[400];
	char *key = sshd_file(s, file), path[200];

	snprintf(path, sizeof path, "%s/own-%s", sshd_folder(s), file);
	assert_int_equal(io_write_file(path, 0600, key, strlen(key), NULL), 0);
	free(key);
	snprintf(line, sizeof line, "        key: %s\n", path);
	return line;
}

#define WRITE "access: write\\nstage: production\\n"

static void
password_and_passphrase_are_asked_at_one_time(void **state)
{
	struct test_console *ben, *anna;
	struct test_broker b;
	struct test_broker_options o = { .engine = "postgres" };
	struct buf way, how;

	(void)state;
	buf_init(&way, 16384);
	buf_init(&how, 1024);
	buf_putf(&how, "%s        passphrase_from: ben\n", key_line(outer, "id_pass"));
	buf_puts(&way, "    hops:\n");
	put_hop(&way, "jump", outer, buf_str(&how));
	buf_putf(&way, "    socket: %s/.s.PGSQL.5432\n    database: postgres\n    user: asked\n    password_from: anna\n",
	    pg_server_socket(server));
	o.target = buf_str(&way);
	test_broker_start(&b, &o);
	ben = opened(&b, "A-1", WRITE);
	anna = joined(&b, "A-1", "anna");
	test_event(ben, "wanted", 0);
	test_event(anna, "locked", 0);
	give(anna, "wanted", "turn both keys");
	give(ben, "locked", SSHD_PASSPHRASE);
	test_event(ben, "connected", 0);
	test_end(&b, ben);
	test_console_close(ben);
	test_console_close(anna);
	test_broker_stop(&b);
	buf_fini(&way);
	buf_fini(&how);
}

static void
an_agent_and_a_passphrase_go_together(void **state)
{
	struct test_console *ben;
	struct test_broker b;
	struct test_broker_options o = { .engine = "postgres" };
	struct buf way, how;

	(void)state;
	buf_init(&way, 16384);
	buf_init(&how, 1024);
	buf_puts(&way, "    hops:\n");
	buf_putf(&how, "        agent: %s/agent\n", sshd_folder(outer));
	put_hop(&way, "jump", outer, buf_str(&how));
	buf_reset(&how);
	buf_putf(&how, "%s        passphrase_from: ben\n", key_line(inner, "id_pass"));
	put_hop(&way, "shop-host", inner, buf_str(&how));
	buf_putf(&way, "    socket: %s/.s.PGSQL.5432\n    database: postgres\n    user: metricfixer_w\n",
	    pg_server_socket(server));
	o.target = buf_str(&way);
	test_broker_start(&b, &o);
	ben = opened(&b, "A-2", WRITE);
	give(ben, "locked", SSHD_PASSPHRASE);
	test_event(ben, "connected", 0);
	test_end(&b, ben);
	test_console_close(ben);
	test_broker_stop(&b);
	buf_fini(&way);
	buf_fini(&how);
}

static void
a_tunnel_that_dies_ends_the_session(void **state)
{
	struct test_broker_options o = { .engine = "postgres", .target = command_way };
	struct test_console *ben, *anna;
	struct test_broker b;
	pid_t tunnel;

	(void)state;
	test_broker_start(&b, &o);
	test_session(&b, "A-3", &ben, &anna);
	tunnel = test_broker_role(&b, "tunnel");
	assert_true(tunnel > 0);
	kill(tunnel, SIGKILL);
	assert_string_equal(json_str(test_event(ben, "lost", 0), "role", NULL), "tunnel");
	test_event(ben, "ended", 0);
	test_wait_eof(ben);
	assert_true(test_wait_sealed(&b));
	test_console_close(ben);
	test_console_close(anna);
	test_broker_stop(&b);
}

/* A file of /proc as a string; the caller frees. */
static char *
proc(pid_t pid, const char *name)
{
	char path[64];
	struct buf b;
	ssize_t n;
	char *text;
	int fd;

	snprintf(path, sizeof path, "/proc/%d/%s", (int)pid, name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	buf_init(&b, 1 << 20);
	while (fd >= 0 && (n = read(fd, buf_room(&b, 4096), 4096)) > 0)
		buf_added(&b, (size_t)n);
	if (fd >= 0)
		close(fd);
	for (size_t i = 0; i < buf_len(&b); i++)
		if (buf_data(&b)[i] == '\0')
			((char *)(uintptr_t)buf_data(&b))[i] = '\n';
	text = strdup(buf_str(&b));
	buf_fini(&b);
	return text;
}

/* The first child of a process, 0: none. */
static pid_t
child_of(pid_t pid)
{
	char name[64], *text;
	long child = 0;

	snprintf(name, sizeof name, "task/%d/children", (int)pid);
	text = proc(pid, name);
	sscanf(text, "%ld", &child);
	free(text);
	return (pid_t)child;
}

static void
the_program_of_a_way_has_its_connection_and_nothing_else(void **state)
{
	struct test_broker_options o = { .engine = "postgres" };
	struct test_console *ben, *anna;
	struct test_broker b;
	char way[900], path[300], *text, *rest;
	pid_t program;
	struct buf fds;

	(void)state;
	snprintf(path, sizeof path, "%s/fds-of-the-way", pg_server_socket(server));
	snprintf(way, sizeof way, "    command: [/bin/sh, -c, \"ls -w1 /proc/$$/fd >%s & wait; exec socat STDIO "
	    "UNIX-CONNECT:%s/.s.PGSQL.5432\"]\n    database: postgres\n    user: metricfixer_w\n", path, pg_server_socket(server));
	o.target = way;
	test_broker_start(&b, &o);
	test_session(&b, "A-4", &ben, &anna);
	program = child_of(test_broker_role(&b, "tunnel"));
	assert_true(program > 0);
	text = proc(program, "status");
	assert_non_null(strstr(text, "SigBlk:\t0000000000000000"));
	free(text);
	text = proc(program, "environ");
	for (char *line = strtok_r(text, "\n", &rest); line != NULL; line = strtok_r(NULL, "\n", &rest))
		if (strncmp(line, "PATH=", 5) != 0 && strncmp(line, "HOME=", 5) != 0 && strncmp(line, "LC_ALL=", 7) != 0 &&
		    strncmp(line, "PWD=", 4) != 0)	/* the shell's own */
			fail_msg("it has %s", line);
	free(text);
	buf_init(&fds, 4096);
	assert_int_equal(io_read_file(path, 4095, &fds, NULL), 0);
	assert_string_equal(buf_str(&fds), "0\n1\n2\n");
	buf_fini(&fds);
	test_end(&b, ben);
	test_wait_gone(program);
	test_console_close(ben);
	test_console_close(anna);
	test_broker_stop(&b);
}

/* Nothing of a session is left: no process of these roles, no folder of a way. */
static void
nothing_left(const struct test_broker *b)
{
	static const char *const roles[] = { "session", "recorder", "db", "tunnel" };
	int64_t until = clock_mono_ms() + TEST_DEADLINE_MS;
	const struct dirent *de;
	char path[400];
	DIR *d;

	for (size_t i = 0; i < sizeof roles / sizeof roles[0]; i++)
		while (test_broker_role(b, roles[i]) != 0) {
			if (clock_mono_ms() > until)
				fail_msg("a %s is left", roles[i]);
			nanosleep(&tick, NULL);
		}
	for (bool empty = false; !empty; nanosleep(&tick, NULL)) {
		snprintf(path, sizeof path, "%s/run", b->dir);
		d = opendir(path);
		assert_non_null(d);
		empty = true;
		while ((de = readdir(d)) != NULL) {
			if (de->d_name[0] == '.')
				continue;
			empty = false;
			if (clock_mono_ms() > until)
				fail_msg("%s is left", de->d_name);
		}
		closedir(d);
	}
}

/* Kills a role with an allowed write between its recorded commit point and COMMIT. */
static void
killed_in_commit(const char *role, const char *id)
{
	struct test_broker_options o = { .engine = "postgres", .target = command_way, .fault = "db.before-commit" };
	struct test_console *ben, *anna;
	struct test_broker b;
	int64_t n;
	pid_t db;

	test_broker_start(&b, &o);
	test_session(&b, id, &ben, &anna);
	n = test_request(ben, "update orders set note = 'w' where id <= 3", "= 3");
	assert_true(json_bool(test_allow(anna, n, "orders 3"), "ok"));
	test_event(ben, "committing", n);
	db = test_broker_role(&b, "db");
	test_wait_stopped(db);
	/* the monitor hears of the death and of what the recorder wants at one time */
	kill(b.pid, SIGSTOP);
	test_wait_stopped(b.pid);
	kill(test_broker_role(&b, role), SIGKILL);
	if (strcmp(role, "db") == 0)
		test_event(ben, "unknown", n);
	kill(b.pid, SIGCONT);
	if (strcmp(role, "db") != 0)
		kill(db, SIGCONT);
	if (strcmp(role, "db") == 0)
		test_event(ben, "outcome", n);
	if (strcmp(role, "tunnel") == 0)
		assert_string_equal(json_str(test_event(ben, "lost", 0), "role", NULL), "tunnel");
	test_wait_eof(ben);
	assert_true(test_wait_sealed(&b));
	test_console_close(ben);
	test_console_close(anna);
	nothing_left(&b);
	test_broker_stop(&b);
}

static void
a_death_in_a_commit_leaves_no_tunnel(void **state)
{
	(void)state;
	killed_in_commit("db", "A-5");
	killed_in_commit("tunnel", "A-6");
	killed_in_commit("recorder", "A-7");
	killed_in_commit("session", "A-8");
}

static void
a_monitor_that_dies_leaves_no_way(void **state)
{
	struct test_broker_options o = { .engine = "postgres", .target = command_way };
	struct test_console *ben, *anna;
	struct test_broker b;
	pid_t tunnel;

	(void)state;
	test_broker_start(&b, &o);
	test_session(&b, "A-9", &ben, &anna);
	tunnel = test_broker_role(&b, "tunnel");
	test_broker_kill(&b);
	test_wait_gone(tunnel);
	test_wait_eof(ben);
	test_console_close(ben);
	test_console_close(anna);
	test_broker_restart(&b);
	assert_true(test_wait_sealed(&b));
	nothing_left(&b);
	test_broker_stop(&b);
}

/* A db that the recorder's death caught right before COMMIT may not send it any more once the outcome is told. */
static void
what_is_told_of_a_commit_stays_true(void **state)
{
	struct test_broker_options o = { .fault = "db.before-commit" };
	struct test_console *ben, *anna;
	struct test_broker b;
	char path[700];
	struct buf text;
	bool committed;
	int64_t n;
	pid_t db;

	(void)state;
	test_broker_start(&b, &o);
	test_session(&b, "A-12", &ben, &anna);
	n = test_request(ben, "update orders set note = 'w' where id <= 3", "= 3");
	assert_true(json_bool(test_allow(anna, n, "orders 3"), "ok"));
	test_event(ben, "committing", n);
	db = test_broker_role(&b, "db");
	test_wait_stopped(db);
	kill(test_broker_role(&b, "recorder"), SIGKILL);
	test_wait_eof(ben);
	assert_true(test_wait_sealed(&b));
	kill(db, SIGCONT);	/* had it been slow only, it would go on now */
	test_wait_gone(db);
	test_transcript(&b, path, sizeof path);
	buf_init(&text, 16 * 1024 * 1024);
	assert_int_equal(io_read_file(path, 16 * 1024 * 1024, &text, NULL), 0);
	committed = test_shop_number(&b, "select count(*) from orders where note = 'w'") > 0;
	assert_null(strstr(buf_str(&text), committed ? "\"is\":\"aborted\"" : "\"is\":\"committed\""));
	assert_non_null(strstr(buf_str(&text), "\"ev\":\"outcome\""));
	buf_fini(&text);
	test_console_close(ben);
	test_console_close(anna);
	nothing_left(&b);
	test_broker_stop(&b);
}

/* Level none opens nothing, definitions neither. */
static void
no_access_is_no_definitions(void **state)
{
	struct test_console *ben;
	struct test_broker b;

	(void)state;
	test_broker_start(&b, NULL);
	ben = opened(&b, "A-13", "access: none\\nstage: production\\n");
	test_event(ben, "account", 0);
	test_refused(ben, "{\"do\":\"describe\",\"subject\":\"table\",\"name\":\"orders\"}", "denied");
	test_end(&b, ben);
	test_console_close(ben);
	test_broker_stop(&b);
}

/* What is allowed in the moment between a death and the end has an outcome on record, too. */
static void
nothing_begins_after_a_loss(void **state)
{
	struct test_broker_options o = { .engine = "postgres", .target = command_way };
	struct test_console *ben, *anna;
	struct test_broker b;
	json_t *sheet, *request = NULL;
	char line[400];
	int64_t n;
	pid_t db;

	(void)state;
	test_broker_start(&b, &o);
	test_session(&b, "A-10", &ben, &anna);
	n = test_request(ben, "update orders set note = 'w' where id <= 3", "= 3");
	assert_false(json_bool(test_allow(anna, n, "orders 4"), "ok"));	/* the minimum time is over, the key is wrong */
	sheet = test_event(anna, "sheet", n);
	for (size_t i = 0; i < json_array_size(anna->events); i++)
		if (json_int(json_array_get(anna->events, i), "n", 0) == n)
			request = json_array_get(anna->events, i);
	db = test_broker_role(&b, "db");
	kill(db, SIGKILL);
	test_event(anna, "lost", 0);
	snprintf(line, sizeof line, "{\"do\":\"allow\",\"of\":%lld,\"digest\":\"%s\",\"bind\":\"%s\",\"typed\":\"orders 3\"}",
	    (long long)n, json_str(request, "digest", NULL), json_str(sheet, "bind", NULL));
	test_refused(anna, line, "state");
	test_refused(ben, "{\"do\":\"sql\",\"text\":\"select 1\"}", "state");
	test_event(ben, "ended", 0);
	test_wait_eof(ben);
	assert_true(test_wait_sealed(&b));
	assert_null(test_event_seen(ben, "run", n));
	test_console_close(ben);
	test_console_close(anna);
	test_broker_stop(&b);
}

/* A name of letters that have several bytes, longer than what is told of it. */
static void
a_costly_table_may_have_any_name(void **state)
{
	struct test_broker_options o = { 0 };
	struct test_console *ben;
	struct test_broker b;
	char way[600], name[400] = "", sql[1200];
	json_t *a;

	(void)state;
	for (int i = 0; i < 120; i++)
		strcat(name, "\xc3\xa4");
	test_broker_start(&b, NULL);
	snprintf(sql, sizeof sql, "CREATE TABLE \"%s\"(id INTEGER PRIMARY KEY, note TEXT);"
	    "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 20000)"
	    " INSERT INTO \"%s\" SELECT i, hex(zeroblob(50)) FROM n", name, name);
	test_shop_exec(&b, sql);
	snprintf(way, sizeof way, "    file: %s\n    table_limit: 1MiB\n", b.db);
	o.target = way;
	test_broker_reconfigure(&b, &o);
	ben = opened(&b, "A-11", "access: read\\nstage: production\\nmax_rows_read: 1000\\n");
	test_event(ben, "connected", 0);
	snprintf(sql, sizeof sql, "{\"do\":\"sql\",\"text\":\"select count(note) from \\\"%s\\\" where note like '%%y%%'\"}", name);
	a = test_ok(ben, sql);
	test_event(ben, "costly", json_int(a, "n", 0));
	snprintf(sql, sizeof sql, "{\"do\":\"sql\",\"costly\":true,\"text\":\"select count(note) from \\\"%s\\\" where note like "
	    "'%%y%%'\"}", name);
	a = test_ok(ben, sql);
	test_event(ben, "sheet", json_int(a, "n", 0));
	test_end(&b, ben);
	test_console_close(ben);
	test_broker_stop(&b);
}

/* A server that greets everybody with these words; its process. */
static pid_t
rude_server(uint16_t *port)
{
	static const char error[] = "E\0\0\0\x47" "SFATAL\0" "VFATAL\0" "C28000\0" "M\x1b]0;owned\x07 \xe2\x80\xae go away\r\n\x1b[2J\xff\xc2\x9b" "5m\0";
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t n = sizeof a;
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), c;
	char message[256], got[4096];
	pid_t pid;

	assert_int_equal(bind(fd, (struct sockaddr *)&a, sizeof a), 0);
	assert_int_equal(listen(fd, 8), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&a, &n), 0);
	*port = ntohs(a.sin_port);
	memcpy(message, error, sizeof error);	/* its last zero ends the message */
	message[4] = (char)(sizeof error - 1);
	pid = fork();
	for (; pid == 0; close(c)) {
		c = accept(fd, NULL, NULL);
		if (c < 0 || read(c, got, sizeof got) <= 0 || write(c, message, sizeof error) < 0)
			continue;
		shutdown(c, SHUT_WR);
		while (read(c, got, sizeof got) > 0)
			;
	}
	close(fd);
	return pid;
}

static void
a_check_prints_no_foreign_control(void **state)
{
	const char *top = getenv("top_builddir");
	struct test_broker_options o = { .engine = "postgres" };
	char way[200], command[700], out[8192];
	struct test_broker b;
	uint16_t port;
	pid_t rude = rude_server(&port);
	FILE *p;
	size_t n;

	(void)state;
	snprintf(way, sizeof way, "    host: 127.0.0.1\n    port: %u\n    database: x\n    user: u\n", port);
	o.target = way;
	test_broker_start(&b, &o);
	snprintf(command, sizeof command, "%s/twokey target check --private --config %s/twokeyd.yaml shop 2>&1",
	    top != NULL ? top : ".", b.dir);
	p = popen(command, "re");
	assert_non_null(p);
	n = fread(out, 1, sizeof out - 1, p);
	out[n] = '\0';
	pclose(p);
	if (strstr(out, "go away") == NULL)
		fail_msg("%s", out);
	assert_null(strchr(out, '\x1b'));
	assert_null(strchr(out, '\x07'));
	assert_null(strchr(out, '\r'));
	assert_null(strstr(out, "\xe2\x80\xae"));
	assert_null(strstr(out, "\xc2\x9b"));
	kill(rude, SIGKILL);
	waitpid(rude, NULL, 0);
	test_broker_stop(&b);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(password_and_passphrase_are_asked_at_one_time),
		cmocka_unit_test(an_agent_and_a_passphrase_go_together),
		cmocka_unit_test(a_tunnel_that_dies_ends_the_session),
		cmocka_unit_test(the_program_of_a_way_has_its_connection_and_nothing_else),
		cmocka_unit_test(a_death_in_a_commit_leaves_no_tunnel),
		cmocka_unit_test(a_monitor_that_dies_leaves_no_way),
		cmocka_unit_test(what_is_told_of_a_commit_stays_true),
		cmocka_unit_test(no_access_is_no_definitions),
		cmocka_unit_test(nothing_begins_after_a_loss),
		cmocka_unit_test(a_costly_table_may_have_any_name),
		cmocka_unit_test(a_check_prints_no_foreign_control),
	};

	return cmocka_run_group_tests_name("attack3", tests, start, stop);
}
