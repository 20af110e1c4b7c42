/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Who gets in and who does not: keys, agent, hops, host keys; and that nothing is sent to a host that is not the right one. */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>
#include <cmocka.h>

#include "tunnel_world.h"
#include "twokey/base/secret.h"

static struct world *w;

static int
one(void **state)
{
	(void)state;
	w = world_create(1, "LogLevel DEBUG1");
	return 0;
}

static int
two(void **state)
{
	(void)state;
	w = world_create(2, "LogLevel DEBUG1");
	return 0;
}

static int
end(void **state)
{
	(void)state;
	world_destroy(w);
	return 0;
}

/* A few bytes there and back. */
static void
ping(size_t listener)
{
	char got[6];
	int fd = world_connect(w, listener);

	assert_int_equal(world_send(fd, "ehello", 6), 0);
	assert_int_equal(world_recv(fd, got, 5), 0);
	assert_memory_equal(got, "hello", 5);
	close(fd);
}

/* At DEBUG1 sshd writes a line about the user as soon as one is named. */
static bool
user_named(const struct sshd *s)
{
	char *log = sshd_file(s, "log");
	bool named = strstr(log, "userauth-request for user") != NULL;

	free(log);
	return named;
}

static void
test_key(void **state)
{
	struct tunnel_state s;

	(void)state;
	world_run(w);
	ping(0);
	ping(1);
	s = world_wait(w, 0, TUNNEL_OPEN);
	assert_string_equal(s.name, "gate");
	assert_string_equal(s.key_type, "ssh-ed25519");
	assert_memory_equal(s.fingerprint, "SHA256:", 7);
	assert_memory_equal(s.banner, "SSH-2.0-OpenSSH", 15);
	assert_true(s.ms >= 0);
	assert_int_equal(world_stop(w), 0);
	assert_true(world_told(w, 0, TUNNEL_CLOSED));
	assert_true(user_named(w->sshd[0]));
}

static void
test_passphrase(void **state)
{
	char *key = sshd_file(w->sshd[0], "id_pass");
	struct secret *pass = secret_create(SSHD_PASSPHRASE, strlen(SSHD_PASSPHRASE)), *wrong = secret_create("x", 1);

	(void)state;
	secret_free(w->key[0]);
	w->key[0] = secret_create(key, strlen(key));
	free(key);
	w->hop[0].key = w->key[0];
	world_refused(w, TUNNEL_FAULT_KEY_UNREADABLE, "passphrase");
	w->hop[0].passphrase = wrong;
	world_refused(w, TUNNEL_FAULT_KEY_UNREADABLE, "passphrase is wrong");
	w->hop[0].passphrase = pass;
	world_run(w);
	ping(0);
	assert_int_equal(world_stop(w), 0);
	secret_free(pass);
	secret_free(wrong);
}

/* The agent is a descriptor; what the environment names is not asked. */
static void
test_agent(void **state)
{
	int fd = sshd_agent(w->sshd[0]), pair[2];

	(void)state;
	assert_true(fd >= 0);
	setenv("SSH_AUTH_SOCK", "/nonexistent/agent", 1);
	w->hop[0].key = NULL;
	w->hop[0].agent_fd = fd;
	world_run(w);
	assert_null(getenv("SSH_AUTH_SOCK"));
	ping(0);
	assert_int_equal(world_stop(w), 0);
	close(fd);
	/* one that has gone */
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
	close(pair[1]);
	(void)!read(w->control[0], (char[1]){ 0 }, 1);
	w->hop[0].agent_fd = pair[0];
	world_refused(w, TUNNEL_FAULT_AGENT, "agent does not answer");
	close(pair[0]);
}

static void
test_two_hops(void **state)
{
	char hex[65], want[65], head[18];
	int fd;

	(void)state;
	world_run(w);
	ping(0);
	fd = world_connect(w, 1);
	snprintf(head, sizeof head, "s%016x", 20 << 20);
	assert_int_equal(world_send(fd, head, 17), 0);
	assert_int_equal(world_drain(fd, hex), 20 << 20);
	world_noise_hex(20 << 20, want);
	assert_string_equal(hex, want);
	close(fd);
	assert_true(world_told(w, 1, TUNNEL_OPEN));
	assert_int_equal(world_stop(w), 0);
}

/* The second hop's key is checked as the first one's: libssh's own jumps would not. */
static void
test_two_hops_wrong_key(void **state)
{
	(void)state;
	w->hop[1].host_key = w->host_key[0];
	world_refused(w, TUNNEL_FAULT_HOST_CHANGED, "hop inner: ");
	assert_true(user_named(w->sshd[0]));
	assert_false(user_named(w->sshd[1]));
}

static void
test_host_keys(void **state)
{
	char *other = sshd_file(w->sshd[0], "other.pub"), text[1024], expected[160], seen[64];
	struct tunnel_hop *h = &w->hop[0];
	unsigned port = sshd_port(w->sshd[0]);

	(void)state;
	h->host_key = other;
	world_refused(w, TUNNEL_FAULT_HOST_CHANGED, "somebody may stand in between");
	snprintf(seen, sizeof seen, "%s", w->states[w->nstates - 1].fingerprint);
	snprintf(expected, sizeof expected, "shows the ssh-ed25519 key %s", seen);
	assert_non_null(strstr(w->err.text, expected));
	h->host_key = "SHA256:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
	world_refused(w, TUNNEL_FAULT_HOST_CHANGED, "SHA256:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA");
	h->host_key = "nonsense";
	world_refused(w, TUNNEL_FAULT_PLAN, "host_key");
	h->host_key = NULL;
	h->known_hosts = "";
	world_refused(w, TUNNEL_FAULT_HOST_UNKNOWN, seen);
	h->known_hosts = text;
	snprintf(text, sizeof text, "127.0.0.1 %s\n", w->host_key[0]);	/* another port */
	world_refused(w, TUNNEL_FAULT_HOST_UNKNOWN, "put it into host_key of this hop");
	snprintf(text, sizeof text, "# x\n[127.0.0.1]:%u %s\n", port, other);
	world_refused(w, TUNNEL_FAULT_HOST_CHANGED, "line 2 of known_hosts");
	snprintf(text, sizeof text, "[127.0.0.1]:%u %s\n@revoked * %s\n", port, w->host_key[0], w->host_key[0]);
	world_refused(w, TUNNEL_FAULT_HOST_REVOKED, "line 2 of known_hosts revokes");
	snprintf(text, sizeof text, "@cert-authority * %s\n", w->host_key[0]);
	world_refused(w, TUNNEL_FAULT_HOST_AUTHORITY, "certificates are not supported");
	assert_false(user_named(w->sshd[0]));
	free(other);
}

static void
write_text(const char *path, const char *text)
{
	FILE *f = fopen(path, "we");

	assert_non_null(f);
	assert_true(fputs(text, f) >= 0);
	assert_int_equal(fclose(f), 0);
}

/* A file as it is, then as OpenSSH hashes it. */
static void
test_known_hosts(void **state)
{
	char text[1024], path[96], command[256], hashed[2048] = "";
	FILE *f;

	(void)state;
	snprintf(path, sizeof path, "%s/known_hosts", w->folder);
	snprintf(text, sizeof text, "other.example.com %s\n[127.0.0.1]:%u %s\n", w->host_key[0], (unsigned)sshd_port(w->sshd[0]),
	    w->host_key[0]);
	write_text(path, text);
	w->hop[0].host_key = NULL;
	w->hop[0].known_hosts = text;
	world_run(w);
	ping(0);
	assert_int_equal(world_stop(w), 0);
	(void)!read(w->control[0], (char[1]){ 0 }, 1);
	snprintf(command, sizeof command, "ssh-keygen -q -H -f %s >/dev/null 2>&1 && rm %s.old", path, path);
	assert_int_equal(system(command), 0);
	f = fopen(path, "re");
	assert_non_null(f);
	assert_true(fread(hashed, 1, sizeof hashed - 1, f) > 0);
	fclose(f);
	unlink(path);
	assert_null(strstr(hashed, "127.0.0.1"));
	w->hop[0].known_hosts = hashed;
	world_run(w);
	ping(1);
	assert_int_equal(world_stop(w), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_key, one, end),
		cmocka_unit_test_setup_teardown(test_passphrase, one, end),
		cmocka_unit_test_setup_teardown(test_agent, one, end),
		cmocka_unit_test_setup_teardown(test_two_hops, two, end),
		cmocka_unit_test_setup_teardown(test_two_hops_wrong_key, two, end),
		cmocka_unit_test_setup_teardown(test_host_keys, one, end),
		cmocka_unit_test_setup_teardown(test_known_hosts, one, end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
