/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Recovery takes whatever a crash can leave, keeps every byte of it, and the file can be sealed. */
#include "config.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>
/* cmocka wants those above first */
#include <cmocka.h>

#include "transcript_make.h"
#include "twokey/base/digest.h"
#include "twokey/base/io.h"
#include "twokey/base/json.h"
#include "twokey/base/text.h"
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

static void
session(struct buf *b)
{
	struct transcript_writer *w = make_writer("t", MAKE_QUOTA);

	make_session(w);
	transcript_writer_close(w);
	make_read("t", b);
}

static void
append_base64(const json_t *body, struct buf *torn)
{
	struct buf piece;
	const char *s;
	size_t n;

	buf_init(&piece, MAKE_QUOTA);
	s = json_str(body, "base64", &n);
	assert_non_null(s);
	assert_int_equal(text_unbase64(&piece, s, n), 0);
	buf_put(torn, buf_data(&piece), buf_len(&piece));
	buf_fini(&piece);
}

/* What "recovered" says of the file "t": its torn bytes out of the bodies into torn, their length and digest. */
static void
read_recovered(struct buf *torn, size_t *len, struct digest *sha)
{
	struct buf file;
	const char *line;
	size_t n;

	buf_reset(torn);
	make_read("t", &file);
	while (io_line(&file, &line, &n)) {
		json_t *o = json_line_parse(line, n, NULL);
		const char *k, *hex;

		assert_non_null(o);
		k = json_str(o, "k", NULL);
		if (k != NULL && strcmp(k, "torn") == 0)
			append_base64(o, torn);
		if (json_str(o, "ev", NULL) != NULL && strcmp(json_str(o, "ev", NULL), "recovered") == 0) {
			*len = (size_t)json_int(o, "torn", -1);
			hex = json_str(o, "sha", NULL);
			assert_true(digest_parse(hex, strlen(hex), sha));
		}
		json_decref(o);
		buf_consume(&file, n + 1);
	}
	buf_fini(&file);
}

/* Recovers "t", seals it, and checks that all that was there is there. */
static void
recover_and_seal(const char *before, size_t n, size_t at)
{
	struct err e = { 0 };
	struct transcript_writer *w = transcript_writer_recover(make_path("t"), MAKE_QUOTA, make_when(), &e);
	struct transcript_report r;
	struct digest sha, is;
	struct buf torn, file;
	size_t len = 0;

	if (w == NULL)
		fail_msg("%s", e.text);
	r = make_verify("t");
	assert_int_equal(r.verdict, TRANSCRIPT_OPEN);
	assert_int_equal(r.torn, 0);
	assert_int_equal(r.orphans, 0);
	assert_true(transcript_has_room(w));
	assert_int_equal(make_append(w, "{\"ev\":\"unknown\",\"of\":6}", NULL, &e), 0);
	assert_int_equal(transcript_seal(w, make_when(), &e), 0);
	transcript_writer_close(w);
	r = make_verify("t");
	if (r.verdict != TRANSCRIPT_SEALED)
		fail_msg("%s", r.text);
	assert_int_equal(r.missing, 0);
	buf_init(&torn, MAKE_QUOTA);
	read_recovered(&torn, &len, &sha);
	assert_int_equal(len, n - at);
	assert_int_equal(buf_len(&torn), n - at);
	assert_memory_equal(buf_data(&torn), before + at, n - at);
	is = digest_of(before + at, n - at);
	assert_true(digest_equal(&is, &sha));
	make_read("t", &file);
	assert_memory_equal(buf_data(&file), before, at);
	buf_fini(&file);
	buf_fini(&torn);
}

static size_t
last_line_end(const char *p, size_t n)
{
	const char *lf = n > 0 ? memrchr(p, '\n', n) : NULL;

	return lf != NULL ? (size_t)(lf - p) + 1 : 0;
}

static void
a_file_cut_at_any_byte_is_recovered_and_nothing_is_lost(void **state)
{
	struct buf b;

	session(&b);
	for (size_t n = 0; n <= buf_len(&b); n++) {
		make_write("t", buf_data(&b), n);
		recover_and_seal(buf_data(&b), n, last_line_end(buf_data(&b), n));
	}
	buf_fini(&b);
}

static void
a_recovery_that_crashed_is_recovered_again(void **state)
{
	struct transcript_writer *w;
	struct buf b, c;
	struct err e;

	session(&b);
	make_write("t", buf_data(&b), buf_len(&b) - 9);
	w = transcript_writer_recover(make_path("t"), MAKE_QUOTA, make_when(), &e);
	assert_non_null(w);
	transcript_writer_close(w);
	make_read("t", &c);
	for (size_t n = buf_len(&b) - 9; n <= buf_len(&c); n += 5) {
		make_write("t", buf_data(&c), n);
		w = transcript_writer_recover(make_path("t"), MAKE_QUOTA, make_when(), &e);
		if (w == NULL)
			fail_msg("%zu: %s", n, e.text);
		assert_int_equal(transcript_seal(w, make_when(), &e), 0);
		transcript_writer_close(w);
		assert_int_equal(make_verify("t").verdict, TRANSCRIPT_SEALED);
		assert_int_equal(make_verify("t").missing, 0);
	}
	buf_fini(&b);
	buf_fini(&c);
}

/* After a power failure a page of the last write may never have reached the disk: zeros. */
static void
pages_that_were_never_written_are_kept_as_torn(void **state)
{
	struct buf b;
	size_t events, lines;
	char *p;

	session(&b);
	/* the last event and its body: [events, lines) is the body, then the event line */
	lines = last_line_end(buf_data(&b), buf_len(&b) - 1);
	events = last_line_end(buf_data(&b), lines - 1);
	p = malloc(buf_len(&b));
	memcpy(p, buf_data(&b), buf_len(&b));
	memset(p + events + 20, 0, 30);
	make_write("t", p, buf_len(&b));
	recover_and_seal(p, buf_len(&b), events);
	memcpy(p, buf_data(&b), buf_len(&b));
	memset(p + lines + 20, 0, 30);
	make_write("t", p, buf_len(&b));
	recover_and_seal(p, buf_len(&b), events);
	free(p);
	buf_fini(&b);
}

static void
the_largest_torn_tail_is_kept(void **state)
{
	size_t n = TRANSCRIPT_LINE_MAX * 8;
	struct buf b;
	size_t whole;
	char *p = malloc(n);

	session(&b);
	whole = buf_len(&b);
	memset(p, '{', n);
	buf_put(&b, p, n);
	make_write("t", buf_data(&b), buf_len(&b));
	recover_and_seal(buf_data(&b), buf_len(&b), whole);
	free(p);
	buf_fini(&b);
}

static void
what_a_crash_does_not_make_is_refused_and_left_alone(void **state)
{
	struct transcript_writer *w;
	struct buf b, after;
	struct err e;
	char *p;

	session(&b);
	p = malloc(buf_len(&b));
	memcpy(p, buf_data(&b), buf_len(&b));
	p[buf_len(&b) / 2] ^= 1;
	make_write("t", p, buf_len(&b));
	assert_null(transcript_writer_recover(make_path("t"), MAKE_QUOTA, make_when(), &e));
	assert_int_equal(e.code, ERR_BROKEN);
	make_read("t", &after);
	assert_int_equal(buf_len(&after), buf_len(&b));
	assert_memory_equal(buf_data(&after), p, buf_len(&b));
	buf_fini(&after);
	w = make_writer("t", MAKE_QUOTA);
	make_session(w);
	assert_int_equal(transcript_seal(w, make_when(), &e), 0);
	transcript_writer_close(w);
	assert_null(transcript_writer_recover(make_path("t"), MAKE_QUOTA, make_when(), &e));
	assert_int_equal(e.code, ERR_STATE);
	assert_int_equal(make_verify("t").verdict, TRANSCRIPT_SEALED);
	assert_null(transcript_writer_recover(make_path("none"), MAKE_QUOTA, make_when(), &e));
	assert_int_equal(e.code, ERR_NOT_FOUND);
	free(p);
	buf_fini(&b);
}

static void
a_quota_that_is_used_up_does_not_stop_recovery(void **state)
{
	struct transcript_writer *w = make_writer("t", TRANSCRIPT_RESERVE + 4096);
	struct err e;
	int ret;

	do
		ret = make_append(w, "{\"ev\":\"ended\",\"code\":\"x\"}", NULL, &e);
	while (ret == 0);
	transcript_writer_close(w);
	w = transcript_writer_recover(make_path("t"), TRANSCRIPT_RESERVE + 4096, make_when(), &e);
	assert_non_null(w);
	assert_int_equal(make_append(w, "{\"ev\":\"unknown\",\"of\":6}", NULL, &e), 0);
	assert_int_equal(transcript_seal(w, make_when(), &e), 0);
	transcript_writer_close(w);
	assert_int_equal(make_verify("t").verdict, TRANSCRIPT_SEALED);
}

/* No room for the torn bytes: their length and digest are kept, and the session can still be ended. */
static void
a_full_disk_does_not_stop_recovery(void **state)
{
	struct rlimit old, small;
	struct transcript_writer *w;
	struct digest sha, is;
	struct buf b, torn;
	struct err e;
	size_t whole, len = 0;

	signal(SIGXFSZ, SIG_IGN);
	session(&b);
	whole = buf_len(&b);
	for (unsigned i = 0; i < 2000; i++)
		buf_putc(&b, 'x');
	make_write("t", buf_data(&b), buf_len(&b));
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &old), 0);
	small = old;
	small.rlim_cur = buf_len(&b) + 100;
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
	w = transcript_writer_recover(make_path("t"), MAKE_QUOTA, make_when(), &e);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &old), 0);
	assert_non_null(w);
	assert_int_equal(transcript_seal(w, make_when(), &e), 0);
	transcript_writer_close(w);
	assert_int_equal(make_verify("t").verdict, TRANSCRIPT_SEALED);
	buf_init(&torn, MAKE_QUOTA);
	read_recovered(&torn, &len, &sha);
	is = digest_of(buf_data(&b) + whole, 2000);
	assert_int_equal(buf_len(&torn), 0);
	assert_int_equal(len, 2000);
	assert_true(digest_equal(&is, &sha));
	buf_fini(&torn);
	buf_fini(&b);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_file_cut_at_any_byte_is_recovered_and_nothing_is_lost, start, stop),
		cmocka_unit_test_setup_teardown(a_recovery_that_crashed_is_recovered_again, start, stop),
		cmocka_unit_test_setup_teardown(pages_that_were_never_written_are_kept_as_torn, start, stop),
		cmocka_unit_test_setup_teardown(the_largest_torn_tail_is_kept, start, stop),
		cmocka_unit_test_setup_teardown(what_a_crash_does_not_make_is_refused_and_left_alone, start, stop),
		cmocka_unit_test_setup_teardown(a_full_disk_does_not_stop_recovery, start, stop),
		cmocka_unit_test_setup_teardown(a_quota_that_is_used_up_does_not_stop_recovery, start, stop),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
