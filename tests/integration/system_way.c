/* SPDX-License-Identifier: GPL-3.0-or-later */
/* System mode with a real PostgreSQL behind two real sshds: who runs as whom, who may touch the way and its keys, where
 * passwords and passphrases come from, and that nothing is left when a session or a process of it ends. */
#include "config.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <netinet/in.h>
#include <pwd.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "twokey/base/buf.h"
#include "twokey/base/clock.h"
#include "twokey/base/io.h"
#include "twokey/base/json.h"
#include "twokey/base/sealed.h"

#include "lib/beside.h"
#include "lib/sshd.h"
#include "system_world.h"

#define USER_OTHER "uucp"
static const char *const users_without_way[] = { WORLD_USER_FRONT, WORLD_USER_RECORDER, WORLD_USER_TUNNEL, USER_OTHER,
	"nobody" };

/* The event of a tunnel that came to this state; reads are made until it is there. */
static json_t *
tunnel_state(struct test_console *ben, const char *want)
{
	int64_t until = clock_mono_ms() + TEST_DEADLINE_MS;

	while (clock_mono_ms() < until) {
		size_t i;
		json_t *ev;

		json_array_foreach(ben->events, i, ev)
			if (strcmp(json_str(ev, "ev", NULL), "tunnel") == 0 && strcmp(json_str(ev, "state", NULL), want) == 0)
				return ev;
		world_read(ben);
	}
	fail_msg("no tunnel came to the state %s", want);
	return NULL;
}

/* Every uid of a process: real, effective, saved, of files. */
static void
runs_as(pid_t pid, const char *user)
{
	char path[64], line[256];
	unsigned ids[4];
	int seen = 0;
	FILE *f;

	assert_true(pid > 0);
	snprintf(path, sizeof path, "/proc/%d/status", (int)pid);
	f = fopen(path, "r");
	assert_non_null(f);
	while (fgets(line, sizeof line, f) != NULL)
		if (sscanf(line, "Uid: %u %u %u %u", &ids[0], &ids[1], &ids[2], &ids[3]) == 4)
			for (seen = 0; seen < 4; seen++)
				assert_int_equal(ids[seen], world_uid(user));
	assert_int_equal(seen, 4);
	fclose(f);
}

/* Does something in a child of that uid; what it returned, 0 to 255. */
static int
as_user(const char *user, int (*what)(const void *arg), const void *arg)
{
	const struct passwd *pw = getpwnam(user);
	int status = -1;
	pid_t pid;

	assert_non_null(pw);
	pid = fork();
	if (pid == 0) {
		if (setgroups(0, NULL) != 0 || setgid(pw->pw_gid) != 0 || setuid(pw->pw_uid) != 0)
			_exit(255);
		_exit(what(arg));
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

static int
open_file(const void *path)
{
	return open(path, O_RDONLY | O_CLOEXEC) >= 0 ? 0 : errno;
}

static int
connect_unix(const void *path)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	snprintf(a.sun_path, sizeof a.sun_path, "%s", (const char *)path);
	return connect(fd, (struct sockaddr *)&a, sizeof a) == 0 ? 0 : errno;
}

/* 0 when somebody speaks there; 1 when the connection is closed without a byte. A request for TLS is answered by a
 * server with one byte. */
static int
connect_tcp(const void *port)
{
	static const unsigned char tls[8] = { 0, 0, 0, 8, 0x04, 0xd2, 0x16, 0x2f };
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
		.sin_port = htons(*(const uint16_t *)port) };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	char byte;

	alarm(TEST_DEADLINE_MS / 1000);
	if (connect(fd, (struct sockaddr *)&a, sizeof a) != 0)
		return 2;
	(void)!send(fd, tls, sizeof tls, MSG_NOSIGNAL);
	return recv(fd, &byte, 1, 0) == 1 ? 0 : 1;
}

/* Where the tunnel listens on 127.0.0.1: its descriptor 5 in the kernel's table. */
static uint16_t
tunnel_port(pid_t tunnel)
{
	char path[64], link[64] = "", line[512];
	unsigned long inode = 0, of;
	unsigned port = 0, p;
	FILE *f;

	snprintf(path, sizeof path, "/proc/%d/fd/5", (int)tunnel);
	assert_true(readlink(path, link, sizeof link - 1) > 0);
	assert_int_equal(sscanf(link, "socket:[%lu]", &inode), 1);
	f = fopen("/proc/net/tcp", "r");
	assert_non_null(f);
	while (fgets(line, sizeof line, f) != NULL)
		if (sscanf(line, " %*u: 0100007F:%x %*s 0A %*s %*s %*s %*u %*u %lu", &p, &of) == 2 && of == inode)
			port = p;
	fclose(f);
	assert_true(port > 0);
	return (uint16_t)port;
}

static void
the_way_belongs_to_db_alone(void **state)
{
	struct test_console *ben, *anna;
	struct test_broker b;
	char path[700], folder[600];
	struct stat st;
	int64_t n;

	(void)state;
	if (!world_root_or_skip())
		return;
	world_begin(&b, &(struct world_way){ NULL });
	test_session(&b, "SYS-1", &ben, &anna);
	runs_as(test_broker_role(&b, "tunnel"), WORLD_USER_TUNNEL);
	runs_as(test_broker_role(&b, "db"), WORLD_USER_DB);
	snprintf(folder, sizeof folder, "%s/run/%s.way", b.dir, json_str(test_event(ben, "begin", 0), "session", NULL));
	assert_int_equal(stat(folder, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0700);
	assert_int_equal(st.st_uid, world_uid(WORLD_USER_DB));
	snprintf(path, sizeof path, "%s/.s.PGSQL.5432", folder);
	assert_int_equal(stat(path, &st), 0);
	assert_true(S_ISSOCK(st.st_mode));
	assert_int_equal(st.st_mode & 07777, 0600);
	assert_int_equal(st.st_uid, world_uid(WORLD_USER_DB));
	for (size_t i = 0; i < sizeof users_without_way / sizeof *users_without_way; i++)
		assert_int_equal(as_user(users_without_way[i], connect_unix, path), EACCES);
	/* a key of a hop is the tunnel's alone, not even db's */
	assert_int_equal(as_user(WORLD_USER_TUNNEL, open_file, world_path("outer")), 0);
	assert_int_equal(as_user(WORLD_USER_DB, open_file, world_path("outer")), EACCES);
	n = test_request(ben, "update orders set note = 'w' where id <= 3", "= 3");
	assert_true(json_bool(test_allow(anna, n, "orders 3"), "ok"));
	test_event(ben, "committed", n);
	world_done(&b, ben, anna);
	test_broker_stop(&b);
}

static size_t
refusals(const struct test_console *c)
{
	size_t i, n = 0;
	json_t *ev;

	json_array_foreach(c->events, i, ev)
		n += strcmp(json_str(ev, "ev", NULL), "tunnel") == 0 && strcmp(json_str(ev, "state", NULL), "refused") == 0;
	return n;
}

static void
nobody_else_may_use_the_port(void **state)
{
	char end[300];
	struct world_way w = { .end = end };
	struct test_console *ben, *anna;
	struct test_broker b;
	uint16_t port;
	json_t *refused;

	(void)state;
	if (!world_root_or_skip())
		return;
	snprintf(end, sizeof end, "host: localhost\n    port: %u\n    tls: verify-full\n    ca: %s", world_port(),
	    world_path("ca"));
	world_begin(&b, &w);
	test_session(&b, "PORT-1", &ben, &anna);
	assert_true(json_bool(test_event(ben, "connected", 0), "encrypted"));
	port = tunnel_port(test_broker_role(&b, "tunnel"));
	assert_int_equal(as_user(USER_OTHER, connect_tcp, &port), 1);
	refused = tunnel_state(ben, "refused");
	assert_string_equal(json_str(refused, "code", NULL), "uid");
	world_says(test_body(ben, json_int(refused, "n", 0), "why"), "only the session's own login");
	assert_int_equal(as_user(WORLD_USER_TUNNEL, connect_tcp, &port), 1);
	for (int i = 0; i < 40; i++)
		assert_int_equal(as_user(USER_OTHER, connect_tcp, &port), 1);
	assert_int_equal(as_user(WORLD_USER_DB, connect_tcp, &port), 0);	/* the way itself is open */
	world_read(ben);
	test_end(&b, ben);
	assert_int_equal(refusals(ben), 16);	/* the transcript is not theirs to fill */
	test_console_close(ben);
	test_console_close(anna);
	world_nothing_left(&b);
	test_broker_stop(&b);
	/* another name than the certificate's, though it is the same server */
	snprintf(end, sizeof end, "host: 127.0.0.1\n    port: %u\n    tls: verify-full\n    ca: %s", world_port(),
	    world_path("ca"));
	world_begin(&b, &w);
	world_ends(&b, "PORT-2", "unreachable", "certificate");
	test_broker_stop(&b);
}

static void
keys_that_others_may_read_are_refused(void **state)
{
	char key[200];
	struct world_way w = { .inner_key = key };
	struct test_broker b;

	(void)state;
	if (!world_root_or_skip())
		return;
	world_copy_key(world_inner(), "id", "open");
	assert_int_equal(chmod(world_path("open"), 0644), 0);
	snprintf(key, sizeof key, "key: %s", world_path("open"));
	world_begin(&b, &w);
	world_ends(&b, "KEY-1", "unreachable", "mode 0600");
	test_broker_stop(&b);
	/* and what the tunnel's user cannot read */
	world_put("of-root", "nobody's key\n", "root");
	snprintf(key, sizeof key, "key: %s", world_path("of-root"));
	world_begin(&b, &w);
	world_ends(&b, "KEY-2", "unreachable", "of-root");
	test_broker_stop(&b);
}

static void
passwords_come_from_file_command_and_credential(void **state)
{
	char source[300];
	struct world_way w = { .password = source };
	struct test_console *ben, *anna;
	struct test_broker b;
	const char *sources[3];
	char file[160], command[200];

	(void)state;
	if (!world_root_or_skip())
		return;
	snprintf(file, sizeof file, "password_file: %s", world_path("password"));
	snprintf(command, sizeof command, "password_command: [/bin/cat, \"%s\"]", world_path("password"));
	sources[0] = file;
	sources[1] = command;
	sources[2] = "password_credential: password";
	assert_int_equal(setenv("CREDENTIALS_DIRECTORY", world_path("."), 1), 0);
	for (size_t i = 0; i < 3; i++) {
		snprintf(source, sizeof source, "%s", sources[i]);
		world_begin(&b, &w);
		test_session(&b, "PASS-1", &ben, &anna);
		world_read(ben);
		world_done(&b, ben, anna);
		test_broker_stop(&b);
	}
	unsetenv("CREDENTIALS_DIRECTORY");
	snprintf(source, sizeof source, "password_file: %s", world_path("wrong"));
	world_begin(&b, &w);
	world_ends(&b, "PASS-2", "unreachable", "password");
	test_broker_stop(&b);
	snprintf(source, sizeof source, "password_command: [/bin/false]");
	world_begin(&b, &w);
	world_ends(&b, "PASS-3", "unreachable", "/bin/false ended with status 1");
	test_broker_stop(&b);
}

/* An agent of root's with the inner hop's key, in a folder that only root enters. */
static pid_t
start_agent(const char *socket)
{
	int64_t until = clock_mono_ms() + TEST_DEADLINE_MS;
	char command[400];
	pid_t pid = fork();

	if (pid == 0) {
		(void)prctl(PR_SET_PDEATHSIG, SIGTERM);
		(void)!freopen("/dev/null", "w", stdout);
		execl("/usr/bin/ssh-agent", "ssh-agent", "-D", "-a", socket, (char *)NULL);
		_exit(127);
	}
	while (connect_unix(socket) != 0 && clock_mono_ms() < until)
		nanosleep(&(struct timespec){ 0, 10 * 1000 * 1000 }, NULL);
	snprintf(command, sizeof command, "SSH_AUTH_SOCK=%s exec ssh-add -q %s", socket, world_path("agent.key"));
	assert_int_equal(system(command), 0);
	return pid;
}

/* True when the words stand in a file of /proc. */
static bool
has_words(pid_t pid, const char *name, const char *words)
{
	char path[64], text[16384];
	ssize_t n;
	int fd;

	snprintf(path, sizeof path, "/proc/%d/%s", (int)pid, name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	assert_true(fd >= 0);
	n = read(fd, text, sizeof text);
	assert_true(n >= 0);
	close(fd);
	return memmem(text, (size_t)n, words, strlen(words)) != NULL;
}

static void
an_agent_comes_as_a_descriptor(void **state)
{
	char folder[128], socket[160], hop[200];
	struct world_way w = { .inner_key = hop };
	struct test_console *ben, *anna;
	struct test_broker b;
	pid_t agent, tunnel;
	char *key;

	(void)state;
	if (!world_root_or_skip())
		return;
	snprintf(folder, sizeof folder, "%s", world_path("agent"));
	assert_int_equal(mkdir(folder, 0700), 0);
	key = sshd_file(world_inner(), "id");
	world_put("agent.key", key, "root");
	free(key);
	snprintf(socket, sizeof socket, "%s/socket", folder);
	agent = start_agent(socket);
	snprintf(hop, sizeof hop, "agent: %s", socket);
	assert_int_equal(setenv("SSH_AUTH_SOCK", socket, 1), 0);	/* the broker's own is nobody's business */
	world_begin(&b, &w);
	unsetenv("SSH_AUTH_SOCK");
	test_session(&b, "AGENT-1", &ben, &anna);
	world_read(ben);
	tunnel = test_broker_role(&b, "tunnel");
	runs_as(tunnel, WORLD_USER_TUNNEL);
	assert_false(has_words(tunnel, "environ", "SSH_AUTH_SOCK"));
	assert_false(has_words(tunnel, "environ", folder));
	assert_false(has_words(tunnel, "cmdline", folder));
	assert_int_equal(as_user(WORLD_USER_TUNNEL, connect_unix, socket), EACCES);
	world_done(&b, ben, anna);
	kill(agent, SIGTERM);
	assert_int_equal(waitpid(agent, NULL, 0), agent);
	/* without an agent nothing begins, and nothing is left of what was begun */
	ben = world_open(&b, "AGENT-2");
	assert_false(json_bool(test_answer(ben, "open"), "ok"));
	test_console_close(ben);
	world_nothing_left(&b);
	test_broker_stop(&b);
}

/* What the console of the asked person does: n of the event, and the answer sealed for who asked. */
static void
give(struct test_console *c, const char *passphrase)
{
	const json_t *locked = test_event(c, "locked", 0);
	const char *session = json_str(test_event(c, "begin", 0), "session", NULL), *key;
	struct buf context, box;
	size_t n;

	assert_string_equal(json_str(locked, "by", NULL), "anna");
	assert_string_equal(json_str(locked, "of_what", NULL), "shop-host");
	key = json_str(locked, "box", &n);
	buf_init(&context, 512);
	buf_init(&box, SEALED_BOX_MAX + 1);
	sealed_context(&context, session, (uint64_t)json_int(locked, "n", 0), json_str(locked, "what", NULL));
	assert_int_equal(sealed_seal(key, n, buf_data(&context), buf_len(&context), passphrase, strlen(passphrase), &box, NULL),
	    0);
	test_send(c, "{\"do\":\"secret\",\"of\":%lld,\"sealed\":\"%s\"}", (long long)json_int(locked, "n", 0), buf_str(&box));
	assert_true(json_bool(test_answer(c, "secret"), "ok"));
	buf_fini(&context);
	buf_fini(&box);
}

static void
a_person_unlocks_the_key_of_a_hop(void **state)
{
	char hop[260];
	struct world_way w = { .inner_key = hop };
	struct test_console *ben, *anna;
	struct test_broker b;
	json_t *ended;

	(void)state;
	if (!world_root_or_skip())
		return;
	snprintf(hop, sizeof hop, "key: %s\n        passphrase_from: anna", world_path("inner.locked"));
	world_begin(&b, &w);
	ben = world_open(&b, "PHRASE-1");
	test_event(ben, "locked", 0);
	anna = test_console(&b, "anna");
	test_ok(anna, "{\"do\":\"join\",\"ticket\":\"PHRASE-1\"}");
	give(anna, SSHD_PASSPHRASE);
	test_event(ben, "connected", 0);
	world_read(ben);
	world_done(&b, ben, anna);
	/* the wrong one */
	ben = world_open(&b, "PHRASE-2");
	test_event(ben, "locked", 0);
	anna = test_console(&b, "anna");
	test_ok(anna, "{\"do\":\"join\",\"ticket\":\"PHRASE-2\"}");
	give(anna, "close sesame");
	ended = test_event(ben, "ended", 0);
	assert_string_equal(json_str(ended, "code", NULL), "unreachable");
	world_says(test_body(ben, json_int(ended, "n", 0), "why"), "shop-host");
	test_console_close(anna);
	test_console_close(ben);
	world_nothing_left(&b);
	/* nobody comes: the session can still be ended */
	ben = world_open(&b, "PHRASE-3");
	test_event(ben, "locked", 0);
	world_done(&b, ben, NULL);
	test_broker_stop(&b);
}

/* Killed while nothing runs, and while a statement does: it ends, is sealed, leaves nothing; the next one works. */
static void
dies(const char *role, const char *statement)
{
	struct test_console *ben, *anna;
	struct test_broker b;
	pid_t pid;

	world_begin(&b, &(struct world_way){ NULL });
	test_session(&b, "DIES-1", &ben, &anna);
	if (statement != NULL)
		test_ok(ben, statement);
	pid = test_broker_role(&b, role);
	assert_true(pid > 0);
	kill(pid, SIGKILL);
	test_wait_eof(ben);
	test_wait_eof(anna);
	assert_true(test_wait_sealed(&b));
	test_console_close(ben);
	test_console_close(anna);
	world_nothing_left(&b);
	test_session(&b, "DIES-2", &ben, &anna);
	world_read(ben);
	world_done(&b, ben, anna);
	test_broker_stop(&b);
}

static void
any_process_may_die(void **state)
{
	static const char *const roles[] = { "tunnel", "db", "session", "recorder" };

	(void)state;
	if (!world_root_or_skip())
		return;
	for (size_t i = 0; i < sizeof roles / sizeof *roles; i++) {
		print_message("# %s\n", roles[i]);
		dies(roles[i], NULL);
		dies(roles[i], "{\"do\":\"sql\",\"text\":\"select count(*) from generate_series(1, 1000000000)\"}");
	}
}

static void
a_broker_that_died_leaves_nothing_after_its_next_start(void **state)
{
	struct test_console *ben, *anna;
	struct test_broker b;

	(void)state;
	if (!world_root_or_skip())
		return;
	world_begin(&b, &(struct world_way){ NULL });
	test_session(&b, "AGAIN-1", &ben, &anna);
	test_broker_kill(&b);
	test_wait_eof(ben);
	test_wait_eof(anna);
	test_console_close(ben);
	test_console_close(anna);
	test_broker_restart(&b);
	assert_true(test_wait_sealed(&b));
	world_nothing_left(&b);
	test_session(&b, "AGAIN-2", &ben, &anna);
	world_done(&b, ben, anna);
	test_broker_stop(&b);
}

#ifdef TWOKEY_FAULTS
/* Who dies at the commit; what became of it is asked through a way of its own. */
static void
asked_through_another_way(const char *point, const char *killed)
{
	const struct world_way w = { .fault = point };
	struct test_console *ben, *anna;
	struct test_broker b;
	char path[700];
	struct buf text;
	pid_t db;
	int64_t n;

	world_begin(&b, &w);
	test_session(&b, "ASK-1", &ben, &anna);
	n = test_request(ben, "update orders set note = 'asked' where id <= 3", "= 3");
	db = test_broker_role(&b, "db");
	assert_true(json_bool(test_allow(anna, n, "orders 3"), "ok"));
	test_wait_stopped(db);
	kill(test_broker_role(&b, killed), SIGKILL);
	kill(db, SIGCONT);
	test_wait_eof(ben);
	test_wait_eof(anna);
	assert_true(test_wait_sealed(&b));
	test_transcript(&b, path, sizeof path);
	buf_init(&text, 16 << 20);
	assert_int_equal(io_read_file(path, 16 << 20, &text, NULL), 0);
	world_says(buf_str(&text), "\"is\":\"committed\"");
	buf_fini(&text);
	test_console_close(ben);
	test_console_close(anna);
	world_nothing_left(&b);
	test_broker_stop(&b);
}

static void
an_unknown_outcome_is_asked_through_a_way_of_its_own(void **state)
{
	(void)state;
	if (!world_root_or_skip())
		return;
	asked_through_another_way("db.before-answer", "db");
	asked_through_another_way("db.before-answer", "recorder");
}
#endif

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_way_belongs_to_db_alone),
		cmocka_unit_test(nobody_else_may_use_the_port),
		cmocka_unit_test(keys_that_others_may_read_are_refused),
		cmocka_unit_test(passwords_come_from_file_command_and_credential),
		cmocka_unit_test(an_agent_comes_as_a_descriptor),
		cmocka_unit_test(a_person_unlocks_the_key_of_a_hop),
		cmocka_unit_test(any_process_may_die),
		cmocka_unit_test(a_broker_that_died_leaves_nothing_after_its_next_start),
#ifdef TWOKEY_FAULTS
		cmocka_unit_test(an_unknown_outcome_is_asked_through_a_way_of_its_own),
#endif
	};

	return test_run_apart("system_way", tests, sizeof tests / sizeof *tests, world_start, world_stop);
}
