/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Attacks on secrets that are asked for, and on the ways to a server. */
#include "config.h"

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

/* True when that is anywhere in the memory that a process writes to. */
static bool
in_memory(pid_t pid, const char *words)
{
	char path[64], *maps = proc(pid, "maps"), *rest, *chunk = malloc(1 << 20);
	size_t n = strlen(words);
	bool found = false;
	int fd;

	snprintf(path, sizeof path, "/proc/%d/mem", (int)pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	assert_true(fd >= 0);
	for (char *line = strtok_r(maps, "\n", &rest); line != NULL && !found; line = strtok_r(NULL, "\n", &rest)) {
		unsigned long from, to;
		char rights[8];

		/* the shadow of a sanitizer has terabytes and no text */
		if (sscanf(line, "%lx-%lx %7s", &from, &to, rights) != 3 || strncmp(rights, "rw", 2) != 0 || to - from > 1ul << 30)
			continue;
		for (unsigned long at = from; at < to && !found;) {
			ssize_t got = pread(fd, chunk, to - at < 1 << 20 ? to - at : 1 << 20, (off_t)at);

			if (got <= 0)
				break;
			found = memmem(chunk, (size_t)got, words, n) != NULL;
			at += at + (unsigned long)got < to && (size_t)got > n ? (unsigned long)got - n : (unsigned long)got;
		}
	}
	close(fd);
	free(maps);
	free(chunk);
	return found;
}

static void
only_db_holds_a_password(void **state)
{
	static const char *const roles[] = { "front", "session", "recorder", "tunnel" };
	struct test_broker_options o = { .engine = "postgres" };
	char way[1400], path[300], log[400];
	struct test_console *ben, *anna;
	struct test_broker b;
	struct buf text;

	(void)state;
	snprintf(path, sizeof path, "%s/seen-by-the-command", pg_server_socket(server));
	snprintf(way, sizeof way, "    command: [/usr/bin/socat, STDIO, \"UNIX-CONNECT:%s/.s.PGSQL.5432\"]\n"
	    "    database: postgres\n    user: asked\n"
	    "    password_command: [/bin/sh, -c, \"(ls -w1 /proc/$$/fd; env; ls -l /proc/$$/fd/0) >%s & wait; printf 'turn '; "
	    "printf 'both '; echo keys; echo more; echo errors >&2\"]\n", pg_server_socket(server), path);
	o.target = way;
	test_broker_start(&b, &o);
	test_session(&b, "A-14", &ben, &anna);
	assert_true(in_memory(test_broker_role(&b, "db"), "turn both keys"));	/* we can see */
	assert_false(in_memory(b.pid, "turn both keys"));
	for (size_t i = 0; i < sizeof roles / sizeof roles[0]; i++)
		assert_false(in_memory(test_broker_role(&b, roles[i]), "turn both keys"));
	buf_init(&text, 1 << 20);
	assert_int_equal(io_read_file(path, 65535, &text, NULL), 0);
	assert_int_equal(strncmp(buf_str(&text), "0\n1\n2\n", 6), 0);
	assert_null(strstr(buf_str(&text), "\n3\n"));
	assert_null(strstr(buf_str(&text), "TWOKEY"));
	assert_null(strstr(buf_str(&text), "HOME"));
	assert_non_null(strstr(buf_str(&text), "/dev/null"));
	buf_reset(&text);
	snprintf(log, sizeof log, "%s/broker.log", b.dir);
	assert_int_equal(io_read_file(log, 1 << 19, &text, NULL), 0);
	assert_null(strstr(buf_str(&text), "both keys"));
	assert_null(strstr(buf_str(&text), "errors"));
	buf_fini(&text);
	test_end(&b, ben);
	test_console_close(ben);
	test_console_close(anna);
	test_broker_stop(&b);
}

/* The TCP port that a process listens at: descriptor 5 of a tunnel. */
static uint16_t
port_of(pid_t pid)
{
	char path[64], to[64] = "", *table, *rest;
	unsigned long inode = 0, is;
	unsigned port = 0;

	snprintf(path, sizeof path, "/proc/%d/fd/5", (int)pid);
	assert_true(readlink(path, to, sizeof to - 1) > 0);
	assert_int_equal(sscanf(to, "socket:[%lu]", &inode), 1);
	table = proc(pid, "net/tcp");
	for (char *line = strtok_r(table, "\n", &rest); line != NULL; line = strtok_r(NULL, "\n", &rest)) {
		unsigned of;

		if (sscanf(line, " %*u: %*8x:%x %*s %*x %*x:%*x %*x:%*x %*x %*d %*d %lu", &of, &is) == 2 && is == inode)
			port = of;
	}
	free(table);
	assert_true(port != 0);
	return (uint16_t)port;
}

/* Another login connects that often; each is closed before a byte came back. */
static void
knock(uint16_t port, int times)
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	pid_t pid = fork();
	int status;

	if (pid == 0) {
		if (setgid(65534) != 0 || setuid(65534) != 0)
			_exit(1);
		for (int i = 0; i < times; i++) {
			int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
			char c;

			if (connect(fd, (struct sockaddr *)&a, sizeof a) != 0 || read(fd, &c, 1) > 0)
				_exit(2);
			close(fd);
		}
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

static void
strangers_at_the_port_fill_no_transcript(void **state)
{
	struct test_broker_options o = { .engine = "postgres" };
	struct test_console *ben;
	struct test_broker b;
	size_t told = 0, i;
	char way[400];
	json_t *ev;

	(void)state;
	if (geteuid() != 0)
		skip();	/* nobody else to be */
	snprintf(way, sizeof way, "    command: [/bin/cat]\n    host: shop.example.com\n    database: x\n    user: u\n"
	    "    tls: verify-full\n    ca: %s/id.pub\n    password_from: anna\n", sshd_folder(outer));
	o.target = way;
	test_broker_start(&b, &o);
	ben = opened(&b, "A-15", WRITE);
	test_event(ben, "wanted", 0);
	knock(port_of(test_broker_role(&b, "tunnel")), 2000);
	test_end(&b, ben);
	json_array_foreach(ben->events, i, ev)
		told += strcmp(json_str(ev, "ev", NULL), "tunnel") == 0;
	assert_in_range(told, 2, 30);
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
		cmocka_unit_test(the_program_of_a_way_has_its_connection_and_nothing_else),
		cmocka_unit_test(only_db_holds_a_password),
		cmocka_unit_test(strangers_at_the_port_fill_no_transcript),
		cmocka_unit_test(a_check_prints_no_foreign_control),
	};

	return cmocka_run_group_tests_name("attack_way", tests, start, stop);
}
