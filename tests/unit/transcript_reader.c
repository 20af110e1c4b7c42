/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The reader: every event by number, in any order, of whole, broken, growing and shrinking files. */
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
#include "twokey/transcript/limit.h"
#include "twokey/transcript/line.h"
#include "twokey/transcript/reader.h"

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

static struct transcript_reader *
reader(void)
{
	struct err e = { 0 };
	struct transcript_reader *r = transcript_reader_open(make_path("t"), &e);

	if (r == NULL)
		fail_msg("%s", e.text);
	return r;
}

/* Event n is there with its bodies in front of it. */
static void
check_event(const struct transcript_reader *r, uint64_t n)
{
	size_t lines = transcript_event_lines(r, n), len;

	assert_true(lines > 0);
	for (size_t i = 0; i < lines; i++) {
		const char *line = transcript_event_line(r, n, i, &len);
		struct transcript_line l;

		assert_non_null(line);
		transcript_line_scan(line, len, &l);
		assert_int_equal(l.type, i + 1 < lines ? TRANSCRIPT_LINE_BODY : TRANSCRIPT_LINE_EVENT);
		assert_int_equal(l.n, n);
	}
	assert_null(transcript_event_line(r, n, lines, &len));
}

/* count events; every third with a body of size bytes. */
static void
write_many(uint64_t count, size_t size)
{
	struct transcript_writer *w = make_writer("t", MAKE_QUOTA);
	char *body = malloc(size + 64);
	struct err e;

	memset(body, 'x', size + 64);
	memcpy(body, "{\"k\":\"text\",\"text\":\"", 20);
	strcpy(body + 20 + size, "\"}");
	for (uint64_t i = 1; i <= count; i++)
		assert_int_equal(make_append(w, "{\"ev\":\"said\",\"by\":\"ben\"}", i % 3 == 0 ? body : NULL, &e), 0);
	free(body);
	transcript_writer_close(w);
}

static void
every_event_is_found_forwards_backwards_and_at_random(void **state)
{
	static const struct {
		uint64_t count;
		size_t size;
	} shapes[] = { { 1, 10 }, { 63, 10 }, { 64, 10 }, { 65, 10 }, { 3000, 300 }, { 200, 90000 }, { 12, TRANSCRIPT_BODY_MAX - 22 } };
	uint64_t x = 1;

	for (size_t s = 0; s < sizeof shapes / sizeof shapes[0]; s++) {
		struct transcript_reader *r;
		uint64_t n = shapes[s].count;

		write_many(n, shapes[s].size);
		r = reader();
		check_event(r, n);	/* the last one first: nothing is indexed yet */
		assert_int_equal(transcript_events(r), n);
		for (uint64_t i = 1; i <= n; i++)
			check_event(r, i);
		for (uint64_t i = n; i >= 1; i--)
			check_event(r, i);
		for (unsigned i = 0; i < 300; i++) {
			x = x * 6364136223846793005u + 1442695040888963407u;
			check_event(r, (x >> 33) % n + 1);
		}
		assert_int_equal(transcript_event_lines(r, 0), 0);
		assert_int_equal(transcript_event_lines(r, n + 1), 0);
		assert_int_equal(transcript_event_lines(r, UINT64_MAX), 0);
		transcript_reader_close(r);
	}
}

static void
lines_stay_valid_while_fifteen_others_are_read(void **state)
{
	struct transcript_reader *r;
	const char *line;
	char copy[1000];
	size_t len;

	write_many(100, 100);
	r = reader();
	line = transcript_event_line(r, 3, 0, &len);
	assert_true(line != NULL && len < sizeof copy);
	memcpy(copy, line, len);
	for (uint64_t n = 50; n < 50 + TRANSCRIPT_READER_KEEPS - 1; n++)
		check_event(r, n);
	assert_memory_equal(line, copy, len);
	transcript_reader_close(r);
}

static void
a_broken_file_opens_as_far_as_it_can_be_read(void **state)
{
	struct transcript_writer *w = make_writer("t", MAKE_QUOTA);
	struct buf b;
	char *p;

	make_session(w);
	transcript_writer_close(w);
	make_read("t", &b);
	p = malloc(buf_len(&b));
	/* cut anywhere, or one byte is another: no crash, whole events only */
	for (size_t n = 0; n <= buf_len(&b); n++) {
		struct transcript_reader *r;
		uint64_t events;

		memcpy(p, buf_data(&b), buf_len(&b));
		if (n % 2 == 0) {
			make_write("t", p, n);
		} else {
			p[n] ^= 4;
			make_write("t", p, buf_len(&b));
		}
		r = reader();
		events = transcript_events(r);
		assert_true(events <= 7);
		for (uint64_t i = 1; i <= events; i++)
			assert_true(transcript_event_lines(r, i) > 0);
		assert_int_equal(transcript_event_lines(r, events + 1), 0);
		transcript_reader_close(r);
	}
	free(p);
	buf_fini(&b);
}

static void
a_file_that_shrinks_or_grows_while_it_is_read_is_harmless(void **state)
{
	struct transcript_reader *r;
	FILE *f;

	write_many(3000, 300);
	r = reader();
	check_event(r, 1);
	assert_int_equal(truncate(make_path("t"), 2000), 0);
	assert_true(transcript_events(r) <= 3000);
	assert_int_equal(transcript_event_lines(r, 2900), 0);
	transcript_reader_close(r);
	write_many(3000, 300);
	r = reader();
	assert_int_equal(transcript_events(r), 3000);
	assert_int_equal(truncate(make_path("t"), 2000), 0);
	assert_int_equal(transcript_event_lines(r, 2900), 0);
	check_event(r, 1);
	f = fopen(make_path("t"), "ab");
	assert_non_null(f);
	for (unsigned i = 0; i < 100000; i++)
		fputs("junk\n", f);
	fclose(f);
	assert_int_equal(transcript_event_lines(r, 2900), 0);
	transcript_reader_close(r);
}

static void
files_that_are_no_transcripts_hold_no_events(void **state)
{
	size_t n = 3 * TRANSCRIPT_LINE_MAX;
	char *p = malloc(n);
	static const char fill[] = { 'x', '\0', '\n', '{' };
	struct err e;

	for (size_t i = 0; i < sizeof fill; i++) {
		struct transcript_reader *r;

		memset(p, fill[i], n);
		make_write("t", p, n);
		r = reader();
		assert_int_equal(transcript_events(r), 0);
		assert_int_equal(transcript_event_lines(r, 1), 0);
		transcript_reader_close(r);
	}
	free(p);
	assert_null(transcript_reader_open(make_path("none"), &e));
	assert_int_equal(e.code, ERR_NOT_FOUND);
	assert_null(transcript_reader_open(make_path(""), &e));
	assert_int_equal(e.code, ERR_INVALID);
	transcript_reader_close(NULL);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(every_event_is_found_forwards_backwards_and_at_random, start, stop),
		cmocka_unit_test_setup_teardown(lines_stay_valid_while_fifteen_others_are_read, start, stop),
		cmocka_unit_test_setup_teardown(a_broken_file_opens_as_far_as_it_can_be_read, start, stop),
		cmocka_unit_test_setup_teardown(a_file_that_shrinks_or_grows_while_it_is_read_is_harmless, start, stop),
		cmocka_unit_test_setup_teardown(files_that_are_no_transcripts_hold_no_events, start, stop),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
