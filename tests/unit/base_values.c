/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Buffers, errors, clocks, digests, JSON, descriptors, secrets. */
#include "config.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sched.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "twokey/base/buf.h"
#include "twokey/base/cap.h"
#include "twokey/base/clock.h"
#include "twokey/base/digest.h"
#include "twokey/base/err.h"
#include "twokey/base/io.h"
#include "twokey/base/json.h"
#include "twokey/base/secret.h"

static void
a_buffer_never_holds_more_than_its_maximum(void **state)
{
	struct buf b;
	char *taken;

	(void)state;
	buf_init(&b, 10);
	buf_puts(&b, "12345");
	buf_puts(&b, "678901");		/* does not fit: not at all */
	assert_true(buf_over(&b));
	assert_string_equal(buf_str(&b), "12345");
	assert_null(buf_room(&b, 6));
	buf_truncate(&b, 3);
	assert_false(buf_over(&b));
	buf_consume(&b, 2);
	buf_putf(&b, "%d%s", 42, "xyzuvwx");
	assert_string_equal(buf_str(&b), "342xyzuvwx");
	taken = buf_take(&b);
	assert_string_equal(taken, "342xyzuvwx");
	assert_int_equal(buf_len(&b), 0);
	free(taken);
	buf_fini(&b);
}

static void
errors_keep_code_fault_and_context(void **state)
{
	struct err e;
	char longer[900];

	(void)state;
	assert_int_equal(err_set(&e, ERR_CONFIG, "line %d", 3), ERR_CONFIG);
	assert_int_equal(err_prefix(&e, e.code, "file %s", "x"), ERR_CONFIG);
	assert_string_equal(e.text, "file x: line 3");
	memset(longer, 'y', sizeof longer - 1);
	longer[sizeof longer - 1] = '\0';
	err_prefix(&e, e.code, "%s", longer);
	assert_true(strlen(e.text) < sizeof e.text);
	assert_int_equal(err_from_name("too-large"), ERR_TOO_LARGE);
	assert_int_equal(err_from_name("no such code"), ERR_BUG);
	assert_string_equal(err_name(12345), "bug");
	assert_int_equal(err_fault_of(ERR_SEAT), ERR_FAULT_DENIED);
	assert_int_equal(err_set(NULL, ERR_SEAT, "nobody listens"), ERR_SEAT);
}

static void
times_are_written_and_read_exactly(void **state)
{
	static const char *const bad[] = { "2026-02-30T00:00:00Z", "2026-06-08T14:03:60Z", "2026-06-08 14:03:12Z",
	    "2026-06-08T14:03:12", "2026-06-08T14:03:12.12Z", "1969-06-08T14:03:12Z", "2026-13-08T14:03:12Z",
	    "2026-06-08T24:03:12Z", "+026-06-08T14:03:12Z", "" };
	char text[CLOCK_TEXT];
	int64_t us;

	(void)state;
	assert_int_equal(clock_parse("2026-06-08T14:03:12.123456Z", 27, &us), 0);
	clock_format(us, text);
	assert_string_equal(text, "2026-06-08T14:03:12.123456Z");
	assert_int_equal(clock_parse("2024-02-29T23:59:59Z", 20, &us), 0);
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
		if (clock_parse(bad[i], strlen(bad[i]), &us) == 0)
			fail_msg("%s was taken", bad[i]);
}

static void
digests_are_sha256_and_parts_do_not_run_together(void **state)
{
	struct digest_sum *s = digest_begin(), *t = digest_begin();
	struct digest d = digest_of("abc", 3), a, b;
	char hex[DIGEST_HEX + 1];

	(void)state;
	digest_hex(&d, hex);
	assert_string_equal(hex, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
	assert_true(digest_parse(hex, 64, &a) && digest_equal(&a, &d));
	assert_false(digest_parse(hex, 63, &a));
	hex[5] = 'G';
	assert_false(digest_parse(hex, 64, &a));
	digest_add_part(s, "ab", 2);
	digest_add_part(s, "c", 1);
	digest_add_part(t, "a", 1);
	digest_add_part(t, "bc", 2);
	a = digest_end(s);
	b = digest_end(t);
	assert_false(digest_equal(&a, &b));
}

static void
json_is_strict_and_bytes_survive(void **state)
{
	static const char *const bad[] = { "", "[]", "1", "{\"a\":1,\"a\":2}", "{\"a\":1} x", "{\"a\":\"\xff\"}", "{" };
	json_t *o = json_object();
	struct buf b;
	struct err e;

	(void)state;
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
		assert_null(json_line_parse(bad[i], strlen(bad[i]), &e));
	buf_init(&b, 1000);
	json_set_bytes(o, "x", "a\0\xff", 3);
	assert_int_equal(json_get_bytes(o, "x", &b), 0);
	assert_int_equal(buf_len(&b), 3);
	assert_memory_equal(buf_data(&b), "a\0\xff", 3);
	assert_int_equal(json_get_bytes(o, "y", &b), ERR_INVALID);
	buf_reset(&b);
	json_put_string(&b, "q\"\\\n\x01\x7f\xc3\xa4", 8);
	assert_string_equal(buf_str(&b), "\"q\\\"\\\\\\n\\u0001\\u007f\xc3\xa4\"");
	buf_fini(&b);
	json_decref(o);
}

static void
a_descriptor_passes_and_only_one_is_kept(void **state)
{
	int pair[2], pass, got;
	char byte;
	struct err e;
	struct stat a, b;

	(void)state;
	assert_int_equal(io_pair(pair, &e), 0);
	pass = open("/dev/null", O_RDONLY);
	assert_int_equal(io_send_fd(pair[0], "x", 1, pass, &e), 0);
	assert_int_equal(io_recv_fd(pair[1], &byte, 1, &got, &e), 1);
	assert_true(got >= 0 && got != pass);
	assert_true((fcntl(got, F_GETFD) & FD_CLOEXEC) != 0);
	assert_int_equal(fstat(pass, &a), 0);
	assert_int_equal(fstat(got, &b), 0);
	assert_true(a.st_ino == b.st_ino);
	close(got);
	close(pass);
	close(pair[0]);
	assert_int_equal(io_recv_fd(pair[1], &byte, 1, &got, &e), 0);
	assert_int_equal(got, -1);
	close(pair[1]);
}

static void
files_are_written_whole_and_secrets_must_be_private(void **state)
{
	char dir[] = "/tmp/twokey-base-XXXXXX", path[100];
	struct secret *s;
	struct buf b;
	struct err e;

	(void)state;
	assert_non_null(mkdtemp(dir));
	snprintf(path, sizeof path, "%s/file", dir);
	assert_int_equal(io_write_file(path, 0600, "word\n", 5, &e), 0);
	buf_init(&b, 100);
	assert_int_equal(io_read_file(path, 4, &b, &e), ERR_TOO_LARGE);
	buf_reset(&b);
	assert_int_equal(io_read_file(path, 100, &b, &e), 0);
	assert_string_equal(buf_str(&b), "word\n");
	s = secret_read(path, &e);
	assert_non_null(s);
	assert_string_equal(secret_reveal(s), "word");
	secret_free(s);
	assert_int_equal(chmod(path, 0640), 0);
	assert_null(secret_read(path, &e));
	assert_int_equal(e.code, ERR_CONFIG);
	unlink(path);
	assert_null(secret_read(path, &e));
	assert_int_equal(io_read_file(path, 100, &b, &e), ERR_NOT_FOUND);
	rmdir(dir);
	buf_fini(&b);
}

static void
capabilities_have_one_name_each(void **state)
{
	enum cap c;

	(void)state;
	for (int i = 0; i < CAPS; i++) {
		assert_true(cap_parse(cap_name((enum cap)i), &c) && (int)c == i);
		assert_true(strlen(cap_help((enum cap)i)) > 10);
	}
	assert_false(cap_parse("fly", &c));
}

enum { SLEPT = 77 };	/* the child's "cannot be tried here" */

/* A child for whom the host has slept for an hour: only CLOCK_BOOTTIME knows of it. */
static void
an_hour_later(int64_t before)
{
	static const char offset[] = "boottime 3600 0\n";
	pid_t pid;
	int fd, status;

	if (unshare(CLONE_NEWUSER | CLONE_NEWTIME) != 0)
		_exit(SLEPT);
	fd = open("/proc/self/timens_offsets", O_WRONLY | O_CLOEXEC);
	if (fd < 0 || write(fd, offset, sizeof offset - 1) != sizeof offset - 1)
		_exit(SLEPT);
	close(fd);
	pid = fork();
	if (pid == 0)
		_exit(clock_mono_ms() - before >= 3600 * 1000 ? 0 : 1);
	_exit(pid > 0 && waitpid(pid, &status, 0) == pid && WIFEXITED(status) ? WEXITSTATUS(status) : SLEPT);
}

static void
the_clock_of_rules_goes_on_while_the_host_sleeps(void **state)
{
	int64_t before = clock_mono_ms();
	int status;
	pid_t pid = fork();

	(void)state;
	if (pid == 0)
		an_hour_later(before);
	assert_true(pid > 0);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	if (WEXITSTATUS(status) == SLEPT)
		skip();
	assert_int_equal(WEXITSTATUS(status), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_buffer_never_holds_more_than_its_maximum),
		cmocka_unit_test(errors_keep_code_fault_and_context),
		cmocka_unit_test(times_are_written_and_read_exactly),
		cmocka_unit_test(the_clock_of_rules_goes_on_while_the_host_sleeps),
		cmocka_unit_test(digests_are_sha256_and_parts_do_not_run_together),
		cmocka_unit_test(json_is_strict_and_bytes_survive),
		cmocka_unit_test(a_descriptor_passes_and_only_one_is_kept),
		cmocka_unit_test(files_are_written_whole_and_secrets_must_be_private),
		cmocka_unit_test(capabilities_have_one_name_each),
	};

	return cmocka_run_group_tests_name("base_values", tests, NULL, NULL);
}
