/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Where a password comes from: files, a credential of systemd, programs good and bad; and what is said of them. */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "broker/credential.h"
#include "twokey/base/clock.h"
#include "twokey/base/err.h"
#include "twokey/base/io.h"
#include "twokey/base/secret.h"
#include "twokey/ticket/config.h"

struct fixture {
	char dir[64];
	char path[128];		/* of the script or file */
	char proof[128];	/* a file that scripts write */
	struct config_target t;
	char *words[4];
};

static void
put(struct fixture *f, mode_t mode, const char *text, size_t n)
{
	struct err e;

	(void)unlink(f->path);
	assert_int_equal(io_write_file(f->path, mode, text, n, &e), 0);
	assert_int_equal(chmod(f->path, mode), 0);
}

/* A shell script is the password_command; its arguments are the proof file and "two words". */
static void
script(struct fixture *f, const char *body)
{
	char text[2048];
	int n = snprintf(text, sizeof text, "#!/bin/sh\n%s\n", body);

	put(f, 0700, text, (size_t)n);
	f->words[0] = f->path;
	f->words[1] = f->proof;
	f->words[2] = (char *)(uintptr_t)"two words";
	f->t.password_command = f->words;
	f->t.npassword_command = 3;
	(void)unlink(f->proof);
}

static void
reap(void)
{
	while (waitpid(-1, NULL, 0) > 0 || errno == EINTR)
		;
}

/* The password, or NULL with the sentence in *e. */
static struct secret *
fetch_within(struct fixture *f, int within_ms, struct err *e)
{
	struct secret *s = NULL;
	int fd, ret;

	*e = (struct err){ .text = "" };
	ret = credential_start(&f->t, within_ms, &fd, e);
	assert_true((ret == 0) == (fd >= 0));
	if (ret != 0)
		return NULL;
	assert_true(fcntl(fd, F_GETFD) & FD_CLOEXEC);
	ret = credential_receive(fd, &s, e);
	assert_true(ret == 0 || (ret == ERR_UNREACHABLE && s == NULL));
	close(fd);
	reap();
	return s;
}

static struct secret *
fetch(struct fixture *f, struct err *e)
{
	return fetch_within(f, CREDENTIAL_WITHIN_MS, e);
}

static void
expect(struct fixture *f, const char *password)
{
	struct err e;
	struct secret *s = fetch(f, &e);

	if (s == NULL)
		fail_msg("%s", e.text);
	assert_string_equal(secret_reveal(s), password);
	assert_int_equal(secret_len(s), strlen(password));
	secret_free(s);
}

/* A "@" in the sentence is the path of the script or file. */
static void
expect_sentence(struct fixture *f, const char *sentence)
{
	int before = (int)strcspn(sentence, "@");
	char wanted[700];
	struct err e;
	struct secret *s = fetch(f, &e);

	assert_null(s);
	snprintf(wanted, sizeof wanted, "%.*s%s%s", before, sentence, sentence[before] == '@' ? f->path : "",
	    sentence + before + (sentence[before] == '@'));
	assert_string_equal(e.text, wanted);
}

static void
a_target_without_a_password_has_none(void **state)
{
	struct fixture *f = *state;
	struct err e;

	assert_null(fetch(f, &e));
	assert_string_equal(e.text, "");
	f->t.password_from = (char *)(uintptr_t)"anna";
	assert_null(fetch(f, &e));
	assert_string_equal(e.text, "");
}

static void
a_file_gives_its_line(void **state)
{
	struct fixture *f = *state;

	f->t.password_file = f->path;
	put(f, 0600, "hunter2\n", 8);
	expect(f, "hunter2");
	put(f, 0400, "hun ter2", 8);
	expect(f, "hun ter2");
	put(f, 0600, "", 0);
	expect(f, "");
}

static void
a_file_of_others_is_refused_at_once(void **state)
{
	struct fixture *f = *state;
	char big[5000];
	struct err e;

	f->t.password_file = f->path;
	put(f, 0640, "hunter2\n", 8);
	expect_sentence(f, "@: the password file must be a file of mode 0600");
	put(f, 0604, "hunter2\n", 8);
	expect_sentence(f, "@: the password file must be a file of mode 0600");
	(void)unlink(f->path);
	assert_int_equal(mkfifo(f->path, 0600), 0);
	expect_sentence(f, "@: the password file must be a file of mode 0600");
	(void)unlink(f->path);
	expect_sentence(f, "opening the password file @: No such file or directory");
	memset(big, 'x', sizeof big);
	put(f, 0600, big, 4095);
	secret_free(fetch(f, &e));
	assert_string_equal(e.text, "");
	put(f, 0600, big, 4096);
	expect_sentence(f, "@: more than 4095 bytes");
	if (geteuid() == 0) {
		put(f, 0600, "hunter2\n", 8);
		assert_int_equal(chown(f->path, 65534, 65534), 0);
		expect_sentence(f, "@: the password file belongs to user 65534; it must be of user 0, who reads it, or root");
	}
}

static void
a_credential_of_systemd_is_a_name(void **state)
{
	struct fixture *f = *state;
	char name[] = "script";

	f->t.password_credential = name;
	put(f, 0440, "hunter2\n", 8);	/* as systemd leaves it for a service with a user of its own */
	unsetenv("CREDENTIALS_DIRECTORY");
	expect_sentence(f, "target shop: there is no $CREDENTIALS_DIRECTORY; password_credential needs a broker that systemd "
	    "starts, with LoadCredential=script");
	setenv("CREDENTIALS_DIRECTORY", "relative", 1);
	expect_sentence(f, "target shop: there is no $CREDENTIALS_DIRECTORY; password_credential needs a broker that systemd "
	    "starts, with LoadCredential=script");
	setenv("CREDENTIALS_DIRECTORY", f->dir, 1);
	expect(f, "hunter2");
	put(f, 0444, "hunter2\n", 8);
	expect_sentence(f, "@: the credential must be a file of mode 0600");
	(void)unlink(f->path);
	expect_sentence(f, "opening the credential @: No such file or directory");
	f->t.password_credential = (char *)(uintptr_t)"../script";
	expect_sentence(f, "target shop: password_credential is a name, never a path");
	unsetenv("CREDENTIALS_DIRECTORY");
}

static void
a_command_gives_its_first_line(void **state)
{
	struct fixture *f = *state;

	script(f, "echo hunter2");
	expect(f, "hunter2");
	script(f, "printf 'hunter2'");
	expect(f, "hunter2");
	script(f, "printf 'hun ter2 \\n\\nlogin: anna\\n'");
	expect(f, "hun ter2 ");
	script(f, "echo hunter2; dd if=/dev/zero bs=1000 count=1000 2>/dev/null");
	expect(f, "hunter2");
	script(f, "echo hunter2; echo noise >&2");
	expect(f, "hunter2");
}

static void
a_command_knows_its_words_and_nothing_else(void **state)
{
	struct fixture *f = *state;
	int inherited = dup(STDIN_FILENO);	/* not close-on-exec */

	setenv("TWOKEY_SECRET", "x", 1);
	script(f, "test \"$#\" = 2 && test \"$2\" = 'two words' && echo \"$(pwd)\"");
	expect(f, "/");
	script(f, "env | grep -v '^PWD=\\|^_=\\|^SHLVL=\\|^OLDPWD=' | sort | tr '\\n' ' '");
	expect(f, "LC_ALL=C.UTF-8 PATH=/usr/bin:/bin ");
	script(f, "if read x; then echo more; else echo end; fi");
	expect(f, "end");
	assert_true(inherited >= 3 && inherited < 9);
	script(f, "for i in 3 4 5 6 7 8 9; do test -e /proc/$$/fd/$i && echo $i; done; echo none");
	expect(f, "none");
	close(inherited);
	script(f, "grep '^SigBlk' /proc/self/status | tr -d '\\t'");
	expect(f, "SigBlk:0000000000000000");
	script(f, "ulimit -c");
	expect(f, "0");
	unsetenv("TWOKEY_SECRET");
}

static void
a_command_that_fails_is_named_and_never_quoted(void **state)
{
	struct fixture *f = *state;
	char line[5000];

	script(f, "echo hunter2; echo why >&2; exit 3");
	expect_sentence(f, "target shop: @ ended with status 3; run it by hand as the broker's user");
	script(f, "kill -9 $$");
	expect_sentence(f, "target shop: @ was killed by signal 9; run it by hand as the broker's user");
	script(f, "exit 0");
	expect_sentence(f, "target shop: the first line of @ is empty; the password alone is expected there");
	script(f, "echo; echo hunter2");
	expect_sentence(f, "target shop: the first line of @ is empty; the password alone is expected there");
	script(f, "printf 'hun\\000ter2\\n'");
	expect_sentence(f, "target shop: the first line of @ has a NUL byte; the password alone is expected there");
	memset(line, 'x', sizeof line);
	snprintf(line + 4095, sizeof line - 4095, "\n");
	script(f, "dd if=/dev/zero bs=4095 count=1 2>/dev/null | tr '\\0' x; echo");
	line[4095] = '\0';
	expect(f, line);
	script(f, "dd if=/dev/zero bs=4096 count=1 2>/dev/null | tr '\\0' x; echo");
	expect_sentence(f, "target shop: the first line of @ has more than 4095 bytes; the password alone is expected there");
}

static void
what_cannot_be_run_is_said(void **state)
{
	struct fixture *f = *state;

	script(f, "echo hunter2");
	assert_int_equal(chmod(f->path, 0600), 0);
	expect_sentence(f, "target shop: @ cannot be run: Permission denied; correct password_command");
	(void)unlink(f->path);
	expect_sentence(f, "target shop: @ cannot be run: No such file or directory; correct password_command");
	put(f, 0700, "\x7f" "ELF", 4);
	expect_sentence(f, "target shop: @ ended with status 127; run it by hand as the broker's user");
}

/* The number that a script wrote into the proof file. */
static pid_t
proven_pid(const struct fixture *f)
{
	FILE *p = fopen(f->proof, "r");
	int pid = 0;

	if (p != NULL) {
		if (fscanf(p, "%d", &pid) != 1)
			pid = 0;
		fclose(p);
	}
	return pid;
}

/* Who adopts a dead process may not wait for it. */
static bool
lives(pid_t pid)
{
	char path[64], stat[256] = "";
	int fd;
	bool dead;

	snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	dead = fd < 0 || read(fd, stat, sizeof stat - 1) <= 0 || strstr(stat, ") Z ") != NULL;
	if (fd >= 0)
		close(fd);
	return !dead;
}

static void
a_command_that_hangs_is_killed_with_its_children(void **state)
{
	struct fixture *f = *state;
	int64_t until = clock_mono_ms() + 30000;
	pid_t child = 0;
	struct err e;

	script(f, "sleep 600 & echo $! > $1; wait");
	/* a machine that is busy may need longer for a shell to begin */
	for (int within_ms = 500; child == 0 && within_ms < 60000; within_ms *= 4) {
		assert_null(fetch_within(f, within_ms, &e));
		child = proven_pid(f);
	}
	assert_true(child > 0);
	assert_non_null(strstr(e.text, " and was killed; run it by hand as the broker's user"));
	assert_non_null(strstr(e.text, " did not end within "));
	while (lives(child) && clock_mono_ms() < until)
		;
	assert_false(lives(child));
}

/* The monitor goes on while a command runs, and a helper that dies is not taken for a target without a password. */
static void
nobody_waits_for_a_command(void **state)
{
	struct fixture *f = *state;
	struct pollfd p = { .events = POLLIN };
	struct secret *s;
	struct err e;
	int go;

	script(f, "read x < $1; echo hunter2");
	assert_int_equal(mkfifo(f->proof, 0600), 0);
	assert_int_equal(credential_start(&f->t, CREDENTIAL_WITHIN_MS, &p.fd, &e), 0);
	assert_int_equal(poll(&p, 1, 0), 0);
	go = open(f->proof, O_WRONLY | O_CLOEXEC);
	assert_true(go >= 0 && write(go, "\n", 1) == 1);
	assert_int_equal(credential_receive(p.fd, &s, &e), 0);
	assert_string_equal(secret_reveal(s), "hunter2");
	secret_free(s);
	close(go);
	close(p.fd);
	reap();
}

static void
a_pipe_that_says_nothing_is_no_answer(void **state)
{
	static const char *const messages[] = { "", "X", "NN", "x\nhunter2" };
	struct secret *s;
	struct err e;
	int pair[2];

	for (size_t i = 0; i < sizeof messages / sizeof messages[0]; i++) {
		assert_int_equal(pipe(pair), 0);
		assert_int_equal(write(pair[1], messages[i], strlen(messages[i])), (ssize_t)strlen(messages[i]));
		close(pair[1]);
		assert_int_equal(credential_receive(pair[0], &s, &e), ERR_UNREACHABLE);
		assert_null(s);
		assert_string_equal(e.text, "the process that fetches the password died; open the session again");
		close(pair[0]);
	}
}

static void
a_key_file_is_read_whole_and_must_be_private(void **state)
{
	struct fixture *f = *state;
	char big[16384];
	struct secret *s;
	struct err e;

	memset(big, 'k', sizeof big);
	big[sizeof big - 2] = '\n';
	put(f, 0600, big, sizeof big - 1);
	assert_int_equal(credential_read_key(f->path, &s, &e), 0);
	assert_int_equal(secret_len(s), sizeof big - 1);
	assert_memory_equal(secret_reveal(s), big, sizeof big - 1);
	secret_free(s);
	put(f, 0600, big, sizeof big);
	assert_int_equal(credential_read_key(f->path, &s, &e), ERR_CONFIG);
	assert_null(s);
	put(f, 0640, "key\n", 4);
	assert_int_equal(credential_read_key(f->path, &s, &e), ERR_CONFIG);
	assert_non_null(strstr(e.text, ": the key file must be a file of mode 0600"));
	(void)unlink(f->path);
	assert_int_equal(credential_read_key(f->path, &s, &e), ERR_SYSTEM);
	assert_int_equal(credential_read_key(f->dir, &s, &e), ERR_CONFIG);
}

static int
set_up(void **state)
{
	static struct fixture f;

	f = (struct fixture){ .dir = "/tmp/twokey-cred-XXXXXX", .t = { .name = (char *)(uintptr_t)"shop" } };
	if (mkdtemp(f.dir) == NULL)
		return 1;
	snprintf(f.path, sizeof f.path, "%s/script", f.dir);
	snprintf(f.proof, sizeof f.proof, "%s/proof", f.dir);
	*state = &f;
	return 0;
}

static int
tear_down(void **state)
{
	struct fixture *f = *state;

	(void)unlink(f->path);
	(void)unlink(f->proof);
	return rmdir(f->dir);
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(a_target_without_a_password_has_none),
		TEST(a_file_gives_its_line),
		TEST(a_file_of_others_is_refused_at_once),
		TEST(a_credential_of_systemd_is_a_name),
		TEST(a_command_gives_its_first_line),
		TEST(a_command_knows_its_words_and_nothing_else),
		TEST(a_command_that_fails_is_named_and_never_quoted),
		TEST(what_cannot_be_run_is_said),
		TEST(a_command_that_hangs_is_killed_with_its_children),
		TEST(nobody_waits_for_a_command),
		TEST(a_pipe_that_says_nothing_is_no_answer),
		TEST(a_key_file_is_read_whole_and_must_be_private),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
