/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What can be wrong with a tunnel, each told apart, each naming its hop; and the walk of a target's check. */
#include "config.h"

#include <pthread.h>
#include <pwd.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <cmocka.h>

#include "lib/beside.h"
#include "lib/server.h"
#include "tunnel_world.h"

static struct world *w;

static int
one(void **state)
{
	(void)state;
	w = world_create(1, "");
	return 0;
}

static int
two(void **state)
{
	(void)state;
	w = world_create(2, "");
	return 0;
}

static int
prohibiting(void **state)
{
	(void)state;
	w = world_create(1, "AllowTcpForwarding no");
	return 0;
}

static int
end(void **state)
{
	(void)state;
	world_destroy(w);
	return 0;
}

static void
test_first_hop(void **state)
{
	int mute = world_listen(NULL);

	(void)state;
	w->hop[0].port = (uint16_t)server_free_port();
	world_refused(w, TUNNEL_FAULT_CONNECTION, "hop gate: 127.0.0.1 port");
	w->hop[0].host = "no-such-host.invalid";
	world_refused(w, TUNNEL_FAULT_NAME, "hop gate: the name no-such-host.invalid");
	w->hop[0].host = "127.0.0.1";
	w->hop[0].port = world_port(mute);	/* accepts and says nothing */
	w->plan.open_s = 1;
	world_refused(w, TUNNEL_FAULT_TIMEOUT, "within 1 s");
	w->hop[0].port = world_port(w->endpoint);	/* no SSH */
	world_refused(w, TUNNEL_FAULT_PROTOCOL, "does not complete an SSH key exchange");
	w->hop[0].port = sshd_port(w->sshd[0]);
	w->hop[0].user = "nosuchlogin";
	world_refused(w, TUNNEL_FAULT_KEY_REFUSED, "permission denied");
	close(mute);
}

static void *
say_nonsense(void *arg)
{
	int fd = accept(*(int *)arg, NULL, NULL);

	if (fd >= 0) {
		(void)world_send(fd, "HTTP/1.1 400 Bad\x1b[31m Request\r\n\r\n", 33);
		close(fd);
	}
	return NULL;
}

static void
test_no_ssh(void **state)
{
	int listener = world_listen(NULL);
	pthread_t thread;

	(void)state;
	assert_int_equal(pthread_create(&thread, NULL, say_nonsense, &listener), 0);
	w->hop[0].port = world_port(listener);
	world_refused(w, TUNNEL_FAULT_PROTOCOL, "hop gate");
	assert_null(strchr(w->err.text, 0x1b));
	pthread_join(thread, NULL);
	close(listener);
}

static void
test_key_refused(void **state)
{
	(void)state;
	w->hop[1].user = "nosuchlogin";
	world_refused(w, TUNNEL_FAULT_KEY_REFUSED, "hop inner: ");
	w->hop[1].port = (uint16_t)server_free_port();
	world_refused(w, TUNNEL_FAULT_CONNECTION, "cannot be reached from hop gate");
	w->hop[1].host = "no-such-host.invalid";
	world_refused(w, TUNNEL_FAULT_NAME, "hop inner: no-such-host.invalid");
}

static void
test_prohibited(void **state)
{
	struct tunnel_report r;
	struct err e;
	char c;
	int fd;

	(void)state;
	world_run(w);
	fd = world_connect(w, 0);
	assert_true(recv(fd, &c, 1, 0) <= 0);
	close(fd);
	assert_int_equal(world_wait(w, 1, TUNNEL_REFUSED).fault, TUNNEL_FAULT_PROHIBITED);
	assert_int_equal(world_stop(w), 0);
	(void)!read(w->control[0], &c, 1);
	assert_int_equal(tunnel_check(&w->plan, &r, &e), ERR_DENIED);
	assert_int_equal(r.endpoint.fault, TUNNEL_FAULT_PROHIBITED);
	assert_non_null(strstr(e.text, "hop gate does not permit forwarding"));
}

static void
test_prohibited_hop(void **state)
{
	struct tunnel_hop hops[2] = { w->hop[0], w->hop[0] };

	(void)state;
	hops[1].name = "second";
	w->plan.hops = hops;
	w->plan.nhops = 2;
	world_refused(w, TUNNEL_FAULT_PROHIBITED, "hop second: hop gate does not permit forwarding");
}

static void
test_endpoint_refused(void **state)
{
	char c;
	int fd;

	(void)state;
	w->plan.port = (uint16_t)server_free_port();
	world_run(w);
	fd = world_connect(w, 0);
	assert_true(recv(fd, &c, 1, 0) <= 0);
	close(fd);
	assert_int_equal(world_wait(w, 1, TUNNEL_REFUSED).fault, TUNNEL_FAULT_ENDPOINT);
	assert_non_null(strstr(world_wait(w, 1, TUNNEL_REFUSED).err.text, "connection-refused"));
	assert_int_equal(world_stop(w), 0);
}

/* A connection that has something under way. */
static int
busy(void)
{
	char piece[4096];
	int fd = world_connect(w, 0);

	assert_int_equal(world_send(fd, "s0000000040000000", 17), 0);
	assert_int_equal(world_recv(fd, piece, sizeof piece), 0);
	return fd;
}

static void
ended(int fd)
{
	char hex[65];

	(void)world_drain(fd, hex);	/* ends, whatever came: nothing is connected again */
	close(fd);
}

static void
test_killed(void **state)
{
	int fd;

	(void)state;
	world_run(w);
	fd = busy();
	sshd_signal_children(w->sshd[0], SIGKILL);
	assert_int_not_equal(world_join(w), 0);
	ended(fd);
	assert_non_null(strstr(w->err.text, "hop gate: "));
	assert_non_null(strstr(w->err.text, "nothing is retried"));
	assert_int_equal(world_wait(w, 0, TUNNEL_LOST).fault, TUNNEL_FAULT_LOST);
}

static void
test_killed_second(void **state)
{
	int fd;

	(void)state;
	world_run(w);
	fd = busy();
	sshd_signal_children(w->sshd[1], SIGKILL);
	assert_int_not_equal(world_join(w), 0);
	ended(fd);
	assert_non_null(strstr(w->err.text, "hop inner: "));
	assert_int_equal(world_wait(w, 1, TUNNEL_LOST).fault, TUNNEL_FAULT_LOST);
}

/* A frozen peer keeps its connection: only silence tells. Our send buffer is full meanwhile, so a blocking send
 * would hang here. */
static void
frozen(size_t which, const char *words)
{
	int fd, more;
	char piece[8192] = { 0 };

	w->plan.keepalive_s = 1;
	w->plan.dead_after_s = 3;
	world_run(w);
	fd = busy();
	more = world_connect(w, 0);
	assert_int_equal(world_send(more, "w", 1), 0);
	sshd_signal_children(w->sshd[which], SIGSTOP);
	for (int i = 0; i < 2000; i++)
		(void)send(more, piece, sizeof piece, MSG_DONTWAIT | MSG_NOSIGNAL);
	assert_int_equal(world_join(w), ERR_UNREACHABLE);
	assert_non_null(strstr(w->err.text, words));
	assert_non_null(strstr(w->err.text, "has not answered for 3 s"));
	assert_int_equal(world_wait(w, which, TUNNEL_LOST).fault, TUNNEL_FAULT_SILENT);
	close(more);
	ended(fd);
}

static void
test_frozen(void **state)
{
	(void)state;
	frozen(0, "hop gate: ");
}

static void
test_frozen_second(void **state)
{
	(void)state;
	frozen(1, "hop inner: ");
	assert_false(world_told(w, 0, TUNNEL_LOST));
}

/* Asked to stop while a server does not answer. */
static void *
stop_soon(void *arg)
{
	(void)arg;
	(void)world_wait(w, 0, TUNNEL_CONNECTING);
	(void)!write(w->control[1], "", 1);
	return NULL;
}

static void
test_stop_while_opening(void **state)
{
	int mute = world_listen(NULL);
	pthread_t thread;

	(void)state;
	w->hop[0].port = world_port(mute);
	assert_int_equal(pthread_create(&thread, NULL, stop_soon, NULL), 0);
	world_refused(w, TUNNEL_FAULT_STOPPED, "stopped");
	pthread_join(thread, NULL);
	close(mute);
}

static void
test_plan(void **state)
{
	struct tunnel *t;
	struct err e;

	(void)state;
	w->hop[0].known_hosts = "";
	assert_int_equal(tunnel_open(&w->plan, &t, &e), ERR_CONFIG);
	assert_non_null(strstr(e.text, "exactly one of host_key and known_hosts"));
	w->hop[0].known_hosts = w->hop[0].host_key = NULL;
	assert_int_equal(tunnel_open(&w->plan, &t, &e), ERR_CONFIG);
	w->hop[0].host_key = w->host_key[0];
	w->hop[0].key = NULL;
	assert_int_equal(tunnel_open(&w->plan, &t, &e), ERR_CONFIG);
	w->hop[0].key = w->key[0];
	w->plan.socket = "relative";
	assert_int_equal(tunnel_open(&w->plan, &t, &e), ERR_CONFIG);
	w->plan.socket = NULL;
	w->plan.nhops = TUNNEL_HOPS_MAX + 1;
	assert_int_equal(tunnel_open(&w->plan, &t, &e), ERR_CONFIG);
	w->plan.nhops = 0;
	assert_int_equal(tunnel_open(&w->plan, &t, &e), ERR_CONFIG);
}

/* The login of the tests may be one whose shell says no. */
static bool
runs_commands(void)
{
	const struct passwd *pw = getpwnam(sshd_user(w->sshd[1]));

	return pw != NULL && strstr(pw->pw_shell, "nologin") == NULL && strstr(pw->pw_shell, "false") == NULL;
}

static void
test_check(void **state)
{
	struct tunnel_report r;
	struct err e;

	(void)state;
	if (tunnel_check(&w->plan, &r, &e) != 0)
		fail_msg("%s", e.text);
	assert_int_equal(r.nhops, 2);
	for (size_t i = 0; i < 2; i++) {
		assert_int_equal(r.hop[i].phase, TUNNEL_OPEN);
		assert_true(r.hop[i].ms >= 0);
		assert_memory_equal(r.hop[i].banner, "SSH-2.0-OpenSSH", 15);
		assert_string_equal(r.hop[i].key_type, "ssh-ed25519");
	}
	assert_int_equal(r.endpoint.phase, TUNNEL_CONNECTED);
	assert_true(r.endpoint.ms >= 0);
	if (runs_commands())
		assert_memory_equal(r.ssh_connection, "127.0.0.1 ", 10);
	else
		assert_string_equal(r.ssh_connection, "");
	w->plan.port = (uint16_t)server_free_port();
	assert_int_equal(tunnel_check(&w->plan, &r, &e), ERR_UNREACHABLE);
	assert_int_equal(r.nhops, 2);
	assert_int_equal(r.endpoint.fault, TUNNEL_FAULT_ENDPOINT);
	w->hop[1].host_key = w->host_key[0];
	assert_int_equal(tunnel_check(&w->plan, &r, &e), ERR_DENIED);
	assert_int_equal(r.hop[0].phase, TUNNEL_OPEN);
	assert_int_equal(r.hop[1].fault, TUNNEL_FAULT_HOST_CHANGED);
	assert_int_equal(r.endpoint.phase, TUNNEL_RESOLVING);
	assert_string_equal(r.hop[1].err.text, e.text);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_plan, one, end),
		cmocka_unit_test_setup_teardown(test_first_hop, one, end),
		cmocka_unit_test_setup_teardown(test_no_ssh, one, end),
		cmocka_unit_test_setup_teardown(test_key_refused, two, end),
		cmocka_unit_test_setup_teardown(test_prohibited, prohibiting, end),
		cmocka_unit_test_setup_teardown(test_prohibited_hop, prohibiting, end),
		cmocka_unit_test_setup_teardown(test_endpoint_refused, one, end),
		cmocka_unit_test_setup_teardown(test_killed, one, end),
		cmocka_unit_test_setup_teardown(test_killed_second, two, end),
		cmocka_unit_test_setup_teardown(test_frozen, one, end),
		cmocka_unit_test_setup_teardown(test_frozen_second, two, end),
		cmocka_unit_test_setup_teardown(test_stop_while_opening, one, end),
		cmocka_unit_test_setup_teardown(test_check, two, end),
	};

	return test_run_beside("tunnel_fault", tests, sizeof tests / sizeof *tests, NULL, NULL);
}
