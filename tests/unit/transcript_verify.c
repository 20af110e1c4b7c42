/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the verifier says: of the golden files, of every changed byte, of every cut. */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
/* cmocka wants those above first */
#include <cmocka.h>

#include "transcript_make.h"
#include "twokey/base/io.h"
#include "twokey/transcript/limit.h"

static int
start(void **state)
{
	make_folder();
	return 0;
}

static int
stop(void **state)
{
	make_remove();
	return 0;
}

/* A small sealed file, as bytes. */
static void
sealed(struct buf *b)
{
	struct transcript_writer *w = make_writer("t", MAKE_QUOTA);
	struct err e;

	make_session(w);
	assert_int_equal(transcript_seal(w, make_when(), &e), 0);
	transcript_writer_close(w);
	make_read("t", b);
}

static void
every_golden_file_gets_its_verdict_and_place(void **state)
{
	static const char *const verdicts[] = { "sealed", "open", "broken" };
	const char *top = getenv("top_srcdir");
	char path[4096], line[400], name[64], verdict[16], at[16], missing[16];
	unsigned n, seen = 0;
	FILE *f;

	snprintf(path, sizeof path, "%s/tests/golden/transcript/expect.txt", top != NULL ? top : ".");
	f = fopen(path, "r");
	assert_non_null(f);
	while (fgets(line, sizeof line, f) != NULL) {
		struct transcript_report r;
		struct err e;

		if (line[0] == '#')
			continue;
		assert_int_equal(sscanf(line, "%63s %15s %u %15s %15s", name, verdict, &n, at, missing), 5);
		snprintf(path, sizeof path, "%s/tests/golden/transcript/%s.jsonl", top != NULL ? top : ".", name);
		assert_int_equal(transcript_verify_file(path, &r, &e), 0);
		if (strcmp(verdicts[r.verdict], verdict) != 0 || r.n != n ||
		    (r.verdict == TRANSCRIPT_BROKEN && r.line != strtoull(at, NULL, 10)) ||
		    (r.verdict != TRANSCRIPT_BROKEN && r.missing != strtoull(missing, NULL, 10)))
			fail_msg("%s: %s", name, r.text);
		seen++;
	}
	fclose(f);
	assert_true(seen >= 18);
}

static void
every_flip_of_every_byte_is_found(void **state)
{
	static const unsigned char masks[] = { 0x01, 0x20, 0x80, 0xff };
	struct buf b;
	char *copy;
	size_t n;

	sealed(&b);
	n = buf_len(&b);
	copy = malloc(n);
	memcpy(copy, buf_data(&b), n);
	assert_int_equal(make_verify_bytes(copy, n).verdict, TRANSCRIPT_SEALED);
	for (size_t i = 0; i < n; i++) {
		for (size_t m = 0; m < sizeof masks; m++) {
			copy[i] = (char)(copy[i] ^ masks[m]);
			if (make_verify_bytes(copy, n).verdict == TRANSCRIPT_SEALED)
				fail_msg("byte %zu changed by %02x and still sealed", i, masks[m]);
			copy[i] = buf_data(&b)[i];
		}
		copy[i] = '\n';
		if (buf_data(&b)[i] != '\n')
			assert_int_not_equal(make_verify_bytes(copy, n).verdict, TRANSCRIPT_SEALED);
		copy[i] = buf_data(&b)[i];
	}
	free(copy);
	buf_fini(&b);
}

static void
every_cut_is_not_sealed_and_never_broken(void **state)
{
	struct buf b;

	sealed(&b);
	for (size_t n = 0; n < buf_len(&b); n++) {
		struct transcript_report r = make_verify_bytes(buf_data(&b), n);

		if (r.verdict != TRANSCRIPT_OPEN)
			fail_msg("cut at %zu: %s", n, r.text);
	}
	buf_fini(&b);
}

static void
every_line_taken_out_twice_there_or_moved_is_found(void **state)
{
	const char *lines[32];
	size_t lens[32], n = 0;
	struct buf b, t;

	sealed(&b);
	buf_init(&t, MAKE_QUOTA);
	for (const char *p = buf_data(&b), *end = p + buf_len(&b); p < end; n++) {
		lines[n] = p;
		lens[n] = (size_t)((char *)memchr(p, '\n', (size_t)(end - p)) + 1 - p);
		p += lens[n];
	}
	for (size_t i = 0; i < n; i++)
		for (size_t j = 0; j <= n; j++) {
			struct transcript_report r;
			bool body = lines[i][2] == 's';

			/* line i stands before line j instead; j == i: it is gone */
			buf_reset(&t);
			for (size_t k = 0; k <= n; k++) {
				if (k == j && j != i)
					buf_put(&t, lines[i], lens[i]);
				if (k < n && k != i)
					buf_put(&t, lines[k], lens[k]);
			}
			r = make_verify_bytes(buf_data(&t), buf_len(&t));
			if (j == i + 1 || (j == i && body)) {
				assert_int_equal(r.verdict, TRANSCRIPT_SEALED);
				assert_int_equal(r.missing, j == i);
			} else if (i == n - 1 && j == i) {
				assert_int_equal(r.verdict, TRANSCRIPT_OPEN);
			} else if (r.verdict != TRANSCRIPT_BROKEN) {
				fail_msg("line %zu before %zu: %s", i, j, r.text);
			}
		}
	buf_fini(&t);
	buf_fini(&b);
}

static void
a_redacted_copy_verifies_and_says_what_is_missing(void **state)
{
	struct transcript_report r;
	const char *line;
	struct buf b, t;
	size_t n;

	sealed(&b);
	buf_init(&t, MAKE_QUOTA);
	while (io_line(&b, &line, &n)) {
		if (line[2] != 's')
			buf_put(&t, line, n + 1);
		buf_consume(&b, n + 1);
	}
	r = make_verify_bytes(buf_data(&t), buf_len(&t));
	assert_int_equal(r.verdict, TRANSCRIPT_SEALED);
	assert_int_equal(r.missing, 5);
	assert_int_equal(r.bodies, 0);
	assert_non_null(strstr(r.text, "5 bodies are missing"));
	buf_fini(&t);
	buf_fini(&b);
}

static void
torn_and_lonely_ends_are_told(void **state)
{
	struct transcript_writer *w = make_writer("t", MAKE_QUOTA);
	static const char tail[] =
	    "{\"s\":\"2e6367251667c6ddf9675d8c95ff3a68b6aa1e189696bced998fa006dbc50cbd\",\"of\":8,\"k\":\"sql\"}\n{\"n\":8,";
	struct transcript_report r;
	struct buf b;

	make_session(w);
	transcript_writer_close(w);
	make_read("t", &b);
	buf_put(&b, tail, sizeof tail - 1);
	r = make_verify_bytes(buf_data(&b), buf_len(&b));
	assert_int_equal(r.verdict, TRANSCRIPT_OPEN);
	assert_int_equal(r.n, 7);
	assert_int_equal(r.torn, 7);
	assert_int_equal(r.orphans, 1);
	assert_non_null(strstr(r.text, "ends at event 7"));
	assert_non_null(strstr(r.text, "torn line of 7 bytes"));
	buf_fini(&b);
}

static void
lines_without_end_and_files_of_zeros_are_harmless(void **state)
{
	size_t n = 3 * TRANSCRIPT_LINE_MAX;
	char *p = malloc(n);

	memset(p, 'x', n);
	make_write("t", p, n);
	assert_int_equal(make_verify("t").verdict, TRANSCRIPT_OPEN);
	assert_int_equal(make_verify("t").torn, n);
	p[n - 1] = '\n';
	make_write("t", p, n);
	assert_int_equal(make_verify("t").verdict, TRANSCRIPT_BROKEN);
	assert_int_equal(make_verify("t").line, 1);
	p[TRANSCRIPT_LINE_MAX - 7] = '\n';
	make_write("t", p, n);
	assert_int_equal(make_verify("t").verdict, TRANSCRIPT_BROKEN);
	memset(p, '\n', n);
	make_write("t", p, n);
	assert_int_equal(make_verify("t").verdict, TRANSCRIPT_BROKEN);
	memset(p, 0, n);
	make_write("t", p, n);
	assert_int_equal(make_verify("t").torn, n);
	free(p);
}

static void
more_bodies_than_an_event_can_name_are_refused(void **state)
{
	static const char body[] =
	    "{\"s\":\"2e6367251667c6ddf9675d8c95ff3a68b6aa1e189696bced998fa006dbc50cbd\",\"of\":1,\"k\":\"sql\"}";
	struct transcript_verifier *v = transcript_verifier_create();
	struct transcript_report r;
	unsigned n = 0;

	while (transcript_verify_line(v, body, sizeof body - 1))
		assert_true(++n <= 1024);
	transcript_verify_report(v, 0, &r);
	assert_int_equal(r.verdict, TRANSCRIPT_BROKEN);
	assert_int_equal(r.n, 1);
	transcript_verifier_free(v);
}

static void
a_format_of_another_version_is_named(void **state)
{
	static const char line[] = "{\"n\":1,\"t\":\"2026-06-08T14:03:12.007000Z\",\"ms\":0,\"prev\":\""
	    "0000000000000000000000000000000000000000000000000000000000000000\",\"ev\":\"begin\",\"v\":2}\n";
	struct transcript_report r = make_verify_bytes(line, sizeof line - 1);

	assert_int_equal(r.verdict, TRANSCRIPT_BROKEN);
	assert_non_null(strstr(r.text, "version 2"));
}

static void
a_file_that_cannot_be_read_is_an_error(void **state)
{
	struct transcript_report r;
	struct err e;

	assert_int_equal(transcript_verify_file(make_path("none"), &r, &e), ERR_NOT_FOUND);
	assert_non_null(strstr(e.text, "none"));
	assert_int_equal(transcript_verify_file(make_path(""), &r, &e), ERR_INVALID);
	assert_int_equal(transcript_verify_file("/dev/zero", &r, &e), ERR_INVALID);
	assert_non_null(strstr(e.text, "/dev/zero is no ordinary file"));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_golden_file_gets_its_verdict_and_place),
		cmocka_unit_test_setup_teardown(every_flip_of_every_byte_is_found, start, stop),
		cmocka_unit_test_setup_teardown(every_cut_is_not_sealed_and_never_broken, start, stop),
		cmocka_unit_test_setup_teardown(every_line_taken_out_twice_there_or_moved_is_found, start, stop),
		cmocka_unit_test_setup_teardown(a_redacted_copy_verifies_and_says_what_is_missing, start, stop),
		cmocka_unit_test_setup_teardown(torn_and_lonely_ends_are_told, start, stop),
		cmocka_unit_test_setup_teardown(lines_without_end_and_files_of_zeros_are_harmless, start, stop),
		cmocka_unit_test(more_bodies_than_an_event_can_name_are_refused),
		cmocka_unit_test(a_format_of_another_version_is_named),
		cmocka_unit_test_setup_teardown(a_file_that_cannot_be_read_is_an_error, start, stop),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
