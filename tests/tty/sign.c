/* SPDX-License-Identifier: GPL-3.0-or-later */
/* An answer signed on a real terminal: the screen makes room for ssh-keygen's questions and comes back. */
#include "config.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "lib/beside.h"
#include "lib/broker.h"
#include "lib/keys.h"
#include "term.h"
#include "twokey/base/buf.h"
#include "twokey/base/clock.h"
#include "twokey/base/err.h"
#include "twokey/base/run.h"

enum { PATIENCE_MS = 30000 };

static struct {
	char home[64];
	char file[200], sk[200];	/* a key with a passphrase in ~/.ssh; a security key elsewhere */
	char yaml[4096];
} keys;

static void
set_passphrase(const char *path, const char *phrase)
{
	const char *argv[] = { RUN_SSH_KEYGEN, "-q", "-p", "-P", "", "-N", phrase, "-f", path, NULL };
	struct run r = { .argv = argv, .within_ms = PATIENCE_MS };
	struct err e = { .text = "" };

	if (run_program(&r, &e) != 0 || r.status != 0)
		fail_msg("ssh-keygen -p: %s", e.text);
}

static int
setup(void **state)
{
	char dir[128];
	struct buf b;

	(void)state;
	snprintf(keys.home, sizeof keys.home, "/tmp/twokey-home-XXXXXX");
	assert_non_null(mkdtemp(keys.home));
	snprintf(dir, sizeof dir, "%s/.ssh", keys.home);
	assert_int_equal(mkdir(dir, 0700), 0);
	snprintf(keys.file, sizeof keys.file, "%s/id_ed25519", dir);
	snprintf(keys.sk, sizeof keys.sk, "%s/token", keys.home);
	test_key(keys.file, "ed25519");
	test_key(keys.sk, "ed25519-sk");
	buf_init(&b, 4096);
	buf_puts(&b, ", keys: [\"");
	test_key_public(keys.file, &b);
	buf_puts(&b, "\", \"");
	test_key_public(keys.sk, &b);
	buf_puts(&b, "\"]");
	snprintf(keys.yaml, sizeof keys.yaml, "%s", buf_str(&b));
	buf_fini(&b);
	set_passphrase(keys.file, "open sesame");
	return 0;
}

static int
teardown(void **state)
{
	char cmd[128];

	(void)state;
	snprintf(cmd, sizeof cmd, "rm -rf '%s'", keys.home);
	return system(cmd);
}

/* What the next console gets: an agent's socket, and a home without keys. */
static const char *agent_socket = "", *other_home;

static struct term *
console(const struct test_broker *b, const char *what, const char *person, const char *key)
{
	char agent[200];
	char program[1024], home[100], named[200], provider[1200];
	const char *top = getenv("top_builddir");
	const char *argv[] = { program, what, "SGN-1", "--socket", b->socket, "--as", person, NULL };
	const char *env[] = { home, "NO_COLOR=1", agent, "SSH_ASKPASS=", "TWOKEY_TEST_SK_FLAGS=1", provider, named, NULL };

	snprintf(program, sizeof program, "%s/twokey", top != NULL ? top : ".");
	snprintf(home, sizeof home, "HOME=%s", other_home != NULL ? other_home : keys.home);
	snprintf(agent, sizeof agent, "SSH_AUTH_SOCK=%s", agent_socket);
	snprintf(provider, sizeof provider, "SSH_SK_PROVIDER=%s", test_sk());
	snprintf(named, sizeof named, "TWOKEY_KEY=%s", key != NULL ? key : "");
	return term_start(24, 100, argv, env);
}

struct session {
	struct test_broker broker;
	struct term *ben, *anna;
};

static void
begin(struct session *s, const char *key)
{
	struct test_broker_options o = { .anna = keys.yaml };

	test_broker_start(&s->broker, &o);
	test_ticket(&s->broker, "SGN-1");
	s->ben = console(&s->broker, "open", "ben", NULL);
	assert_true(term_wait(s->ben, "connected to ", PATIENCE_MS));
	s->anna = console(&s->broker, "join", "anna", key);
	assert_true(term_wait(s->anna, "CONFIRMER anna", PATIENCE_MS));
	term_feed(s->ben, "update orders set status = 'paid' where id = 107;\r");
	assert_true(term_wait(s->ben, "rows you expect", PATIENCE_MS));
	term_feed(s->ben, "= 1\r");
	assert_true(term_wait(s->ben, "reason", PATIENCE_MS));
	term_feed(s->ben, "step 3\r");
	assert_true(term_wait(s->anna, "WAITING", PATIENCE_MS));
	term_feed(s->anna, "\033[15~");
	assert_true(term_wait(s->anna, "STATEMENT", PATIENCE_MS));
	for (int i = 0; i < 5; i++)
		term_feed(s->anna, "\033[6~");
	assert_true(term_wait(s->anna, "To allow it, type", PATIENCE_MS));
	assert_true(term_wait(s->anna, "allow>", PATIENCE_MS));
}

static void
end(struct session *s)
{
	term_feed(s->ben, "\\q\r");
	assert_true(term_wait(s->ben, "head", PATIENCE_MS));
	assert_true(term_wait(s->anna, "head", PATIENCE_MS));
	term_feed(s->ben, "q");
	term_feed(s->anna, "q");
	assert_int_equal(term_exit(s->ben, PATIENCE_MS), 0);
	assert_int_equal(term_exit(s->anna, PATIENCE_MS), 0);
	term_free(s->ben);
	term_free(s->anna);
	test_broker_stop(&s->broker);
}

static void
a_passphrase_is_asked_on_the_terminal_and_nothing_else_sees_it(void **state)
{
	struct session s;
	const char *raw;
	size_t n;

	(void)state;
	begin(&s, NULL);
	term_feed(s.anna, "orders 1\r");
	assert_true(term_wait(s.anna, "Enter passphrase", PATIENCE_MS));
	assert_true(term_shows(s.anna, "your answer is signed with"));
	term_feed(s.anna, "open sesame\r");
	assert_true(term_wait(s.anna, "COMMIT", PATIENCE_MS));
	assert_true(term_wait(s.ben, "COMMIT", PATIENCE_MS));
	assert_int_equal(test_shop_number(&s.broker, "select status = 'paid' from orders where id = 107"), 1);
	raw = term_raw(s.anna, &n);
	assert_null(memmem(raw, n, "sesame", 6));
	end(&s);
}

static void
a_signature_that_is_stopped_leaves_the_request_open(void **state)
{
	struct session s;

	(void)state;
	begin(&s, NULL);
	term_feed(s.anna, "orders 1\r");
	assert_true(term_wait(s.anna, "Enter passphrase", PATIENCE_MS));
	term_feed(s.anna, "\003");	/* Ctrl-C is ssh-keygen's now */
	assert_true(term_wait(s.anna, "nothing was allowed", PATIENCE_MS));
	assert_true(term_wait(s.anna, "allow>", PATIENCE_MS));
	assert_int_equal(test_shop_number(&s.broker, "select status = 'new' from orders where id = 107"), 1);
	term_feed(s.anna, "orders 1\r");
	/* the first one stands on the screen again, before ssh-keygen throws away what was typed before its own */
	assert_true(term_wait_written(s.anna, "Enter passphrase", 2, PATIENCE_MS));
	term_feed(s.anna, "open sesame\r");
	assert_true(term_wait(s.ben, "COMMIT", PATIENCE_MS));
	end(&s);
}

/* A real agent with the key; its pid. */
static pid_t
start_agent(const char *socket, const char *key)
{
	const char *add[] = { "/usr/bin/ssh-add", "-q", key, NULL };
	char auth[200];
	const char *env[] = { "PATH=/usr/bin:/bin", auth, NULL };
	struct run r = { .argv = add, .env = env, .within_ms = PATIENCE_MS, .status = 2 };
	int64_t until = clock_mono_ms() + PATIENCE_MS;
	pid_t pid = fork();

	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGTERM);
		(void)!freopen("/dev/null", "w", stdout);
		execl("/usr/bin/ssh-agent", "ssh-agent", "-D", "-a", socket, (char *)NULL);
		_exit(127);
	}
	snprintf(auth, sizeof auth, "SSH_AUTH_SOCK=%s", socket);
	/* its socket has a name before it listens there: 2 is that there is no agent */
	while ((access(socket, F_OK) != 0 || run_program(&r, NULL) != 0 || r.status == 2) && clock_mono_ms() < until)
		nanosleep(&(struct timespec){ 0, 5 * 1000 * 1000 }, NULL);
	assert_int_equal(r.status, 0);
	return pid;
}

static void
a_key_that_only_the_agent_has_signs_without_a_question(void **state)
{
	char empty[128], socket[128], key[200];
	struct session s;
	pid_t agent;

	(void)state;
	snprintf(empty, sizeof empty, "%s/empty", keys.home);
	snprintf(socket, sizeof socket, "%s/agent", keys.home);
	snprintf(key, sizeof key, "%s/agent-key", keys.home);
	assert_int_equal(mkdir(empty, 0700), 0);
	test_key(key, "ed25519");
	{
		struct buf b;

		buf_init(&b, 4096);
		buf_puts(&b, ", keys: [\"");
		test_key_public(key, &b);
		buf_puts(&b, "\"]");
		snprintf(keys.yaml, sizeof keys.yaml, "%s", buf_str(&b));
		buf_fini(&b);
	}
	agent = start_agent(socket, key);
	assert_int_equal(unlink(key), 0);
	agent_socket = socket;
	other_home = empty;
	begin(&s, NULL);
	term_feed(s.anna, "orders 1\r");
	assert_true(term_wait(s.anna, "COMMIT", PATIENCE_MS));
	end(&s);
	agent_socket = "";
	other_home = NULL;
	kill(agent, SIGTERM);
	assert_int_equal(waitpid(agent, NULL, 0), agent);
}

static void
a_key_that_is_nowhere_is_said(void **state)
{
	char empty[128];
	struct session s;

	(void)state;
	snprintf(empty, sizeof empty, "%s/empty", keys.home);
	assert_int_equal(mkdir(empty, 0700), 0);
	other_home = empty;
	begin(&s, NULL);
	term_feed(s.anna, "orders 1\r");
	assert_true(term_wait(s.anna, "Not signed, so nothing was allowed: no key that the broker knows", PATIENCE_MS));
	assert_true(term_wait(s.anna, "allow>", PATIENCE_MS));
	term_feed(s.anna, "\033[18~");	/* F7: no is easier than yes, and needs no key */
	assert_true(term_wait(s.anna, "why not", PATIENCE_MS));
	term_feed(s.anna, "my key is at home\r");
	assert_true(term_wait(s.ben, "my key is at home", PATIENCE_MS));
	end(&s);
	other_home = NULL;
}

static void
a_security_key_is_used_when_it_is_named(void **state)
{
	struct session s;

	(void)state;
	begin(&s, keys.sk);
	term_feed(s.anna, "orders 1\r");
	assert_true(term_wait(s.anna, "COMMIT", PATIENCE_MS));
	assert_true(term_wait(s.ben, "touched", PATIENCE_MS));
	end(&s);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_passphrase_is_asked_on_the_terminal_and_nothing_else_sees_it),
		cmocka_unit_test(a_signature_that_is_stopped_leaves_the_request_open),
		cmocka_unit_test(a_security_key_is_used_when_it_is_named),
		cmocka_unit_test(a_key_that_only_the_agent_has_signs_without_a_question),
		cmocka_unit_test(a_key_that_is_nowhere_is_said),
	};

	return test_run_apart("tty_sign", tests, sizeof tests / sizeof *tests, setup, teardown);
}
