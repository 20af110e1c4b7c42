/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The writer: what it puts on disk, what it refuses, and what a failing disk does. */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>
/* cmocka wants those above first */
#include <cmocka.h>

#include "transcript_make.h"
#include "twokey/base/io.h"
#include "twokey/base/json.h"
#include "twokey/transcript/limit.h"

/* What the wrapped calls do: fail with that errno, or write only so many bytes first. */
static int sync_errno, fallocate_errno, truncate_errno;
static int pwrite_errno;
static size_t pwrite_first = SIZE_MAX;

int	__real_fdatasync(int fd);
int	__wrap_fdatasync(int fd);
ssize_t	__real_pwrite64(int fd, const void *p, size_t n, off_t at);
ssize_t	__wrap_pwrite64(int fd, const void *p, size_t n, off_t at);
ssize_t	__wrap_pwrite(int fd, const void *p, size_t n, off_t at);
int	__real_fallocate64(int fd, int mode, off_t at, off_t n);
int	__wrap_fallocate64(int fd, int mode, off_t at, off_t n);
int	__wrap_fallocate(int fd, int mode, off_t at, off_t n);
int	__real_ftruncate64(int fd, off_t n);
int	__wrap_ftruncate64(int fd, off_t n);
int	__wrap_ftruncate(int fd, off_t n);

static int
failing(int *with)
{
	errno = *with;
	return *with != 0;
}

int
__wrap_fdatasync(int fd)
{
	return failing(&sync_errno) ? -1 : __real_fdatasync(fd);
}

ssize_t
__wrap_pwrite64(int fd, const void *p, size_t n, off_t at)
{
	size_t first = pwrite_first;

	if (pwrite_errno == 0)
		return __real_pwrite64(fd, p, n < first ? n : first, at);
	if (first == 0 || first == SIZE_MAX) {
		errno = pwrite_errno;
		return -1;
	}
	pwrite_first = 0;
	return __real_pwrite64(fd, p, n < first ? n : first, at);
}

ssize_t
__wrap_pwrite(int fd, const void *p, size_t n, off_t at)
{
	return __wrap_pwrite64(fd, p, n, at);
}

int
__wrap_fallocate64(int fd, int mode, off_t at, off_t n)
{
	return failing(&fallocate_errno) ? -1 : __real_fallocate64(fd, mode, at, n);
}

int
__wrap_fallocate(int fd, int mode, off_t at, off_t n)
{
	return __wrap_fallocate64(fd, mode, at, n);
}

int
__wrap_ftruncate64(int fd, off_t n)
{
	return failing(&truncate_errno) ? -1 : __real_ftruncate64(fd, n);
}

int
__wrap_ftruncate(int fd, off_t n)
{
	return __wrap_ftruncate64(fd, n);
}

static int
start(void **state)
{
	sync_errno = fallocate_errno = truncate_errno = pwrite_errno = 0;
	pwrite_first = SIZE_MAX;
	make_folder();
	return 0;
}

static int
stop(void **state)
{
	make_remove();
	return 0;
}

static const char said[] = "{\"ev\":\"said\",\"by\":\"ben\"}";
static const char text[] = "{\"k\":\"text\",\"text\":\"hello\"}";

static void
every_line_is_json_and_the_members_stand_in_their_order(void **state)
{
	struct transcript_writer *w = make_writer("t", MAKE_QUOTA);
	struct err e;
	struct buf b;
	const char *line;
	size_t n, lines = 0;

	make_session(w);
	assert_int_equal(transcript_seal(w, make_when(), &e), 0);
	transcript_writer_close(w);
	make_read("t", &b);
	assert_memory_equal(buf_data(&b), "{\"s\":\"", 6);
	while (io_line(&b, &line, &n)) {
		json_t *o = json_line_parse(line, n, &e);

		if (o == NULL)
			fail_msg("%s: %.*s", e.text, (int)n, line);
		assert_true(json_str(o, "s", NULL) != NULL || json_int(o, "n", 0) > 0);
		json_decref(o);
		buf_consume(&b, n + 1);
		lines++;
	}
	assert_int_equal(buf_len(&b), 0);
	assert_int_equal(lines, 8 + 5);
	buf_fini(&b);
	assert_int_equal(make_verify("t").verdict, TRANSCRIPT_SEALED);
	assert_int_equal(make_verify("t").n, 8);
	assert_int_equal(make_verify("t").bodies, 5);
}

static void
the_first_event_is_at_zero_and_time_never_goes_back(void **state)
{
	struct transcript_writer *w = make_writer("t", MAKE_QUOTA);
	json_t *ev = json_pack("{s:s, s:s}", "ev", "away", "by", "ben");
	static const int64_t mono[] = { 900, 950, 940, 1000 };
	static const char *const want[] = { "\"ms\":0,", "\"ms\":50,", "\"ms\":50,", "\"ms\":100," };
	struct buf b;

	for (size_t i = 0; i < 4; i++)
		assert_int_equal(transcript_append(w, (struct transcript_when){ 1, mono[i] }, TRANSCRIPT_EVENT_AWAY, ev, NULL, 0,
		    NULL, NULL), 0);
	make_read("t", &b);
	for (size_t i = 0; i < 4; i++) {
		const char *line;
		size_t n;

		assert_true(io_line(&b, &line, &n));
		assert_non_null(memmem(line, n, want[i], strlen(want[i])));
		buf_consume(&b, n + 1);
	}
	buf_fini(&b);
	json_decref(ev);
	transcript_writer_close(w);
}

static void
a_file_is_created_once_closed_to_others_and_locked(void **state)
{
	struct transcript_writer *w = make_writer("t", MAKE_QUOTA);
	struct stat st;
	struct err e;
	int fd;

	assert_int_equal(stat(make_path("t"), &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	assert_null(transcript_writer_create(make_path("t"), MAKE_QUOTA, &e));
	assert_int_equal(e.code, ERR_EXISTS);
	assert_null(transcript_writer_recover(make_path("t"), MAKE_QUOTA, make_when(), &e));
	assert_int_equal(e.code, ERR_STATE);
	fd = transcript_reader_fd(w, &e);
	assert_true(fd >= 0);
	assert_int_equal(fcntl(fd, F_GETFL) & O_ACCMODE, O_RDONLY);
	assert_int_equal(fcntl(fd, F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
	close(fd);
	transcript_writer_close(w);
	assert_null(transcript_writer_create(make_path("no/t"), MAKE_QUOTA, &e));
	assert_int_equal(e.code, ERR_NOT_FOUND);
	assert_null(transcript_writer_create(make_path("u"), TRANSCRIPT_RESERVE, &e));
	assert_int_equal(e.code, ERR_INVALID);
	assert_int_not_equal(access(make_path("u"), F_OK), 0);
}

static void
what_the_table_does_not_list_is_refused_and_leaves_no_trace(void **state)
{
	static const char *const bad[][2] = {
		{ "{\"ev\":\"said\",\"by\":\"ben\",\"sql\":\"DROP TABLE x\"}", NULL },
		{ "{\"ev\":\"said\",\"by\":\"ben\",\"n\":7}", NULL },
		{ "{\"ev\":\"said\",\"by\":\"ben\",\"b\":[]}", NULL },
		{ "{\"ev\":\"said\",\"by\":\"ben\",\"prev\":\"\"}", NULL },
		{ "{\"ev\":\"said\",\"by\":\"ben\"}", "{\"k\":\"sql\",\"text\":\"x\"}" },
		{ "{\"ev\":\"said\",\"by\":\"ben\"}", "{\"k\":\"text\",\"s\":\"x\"}" },
		{ "{\"ev\":\"said\",\"by\":\"ben\"}", "{\"k\":\"text\",\"of\":1}" },
		{ "{\"ev\":\"said\",\"by\":\"ben\"}", "{\"k\":\"text\"" },
		{ "{\"ev\":\"said\",\"by\":\"ben\"}", "{\"text\":\"x\",\"k\":\"text\"}" },
		{ "{\"ev\":\"seal\"}", NULL },
		{ "{\"ev\":\"recovered\",\"torn\":0}", NULL },
	};
	struct transcript_writer *w = make_writer("t", MAKE_QUOTA);
	struct digest head = transcript_head(w), after;
	struct stat st;
	struct err e;

	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
		if (make_append(w, bad[i][0], bad[i][1], &e) != ERR_INVALID)
			fail_msg("accepted %s %s", bad[i][0], bad[i][1] ? bad[i][1] : "");
	after = transcript_head(w);
	assert_true(digest_equal(&head, &after));
	assert_int_equal(stat(make_path("t"), &st), 0);
	assert_int_equal(st.st_size, 0);
	assert_int_equal(make_append(w, said, text, &e), 0);
	transcript_writer_close(w);
	assert_int_equal(make_verify("t").n, 1);
}

static void
limits_hold_at_the_byte(void **state)
{
	struct transcript_writer *w = make_writer("t", MAKE_QUOTA);
	size_t n = TRANSCRIPT_BODY_MAX + 1;
	char *body = malloc(n);
	struct transcript_body b = { body, n };
	json_t *ev = json_pack("{s:s, s:s}", "ev", "said", "by", "ben"), *big;
	struct err e;

	memset(body, 'x', n);
	memcpy(body, "{\"k\":\"text\",\"text\":\"", 20);
	memcpy(body + n - 2, "\"}", 2);
	assert_int_equal(transcript_append(w, make_when(), TRANSCRIPT_EVENT_SAID, ev, &b, 1, NULL, &e), ERR_TOO_LARGE);
	memcpy(body + n - 3, "\"}", 2);
	b.n = n - 1;
	assert_int_equal(transcript_append(w, make_when(), TRANSCRIPT_EVENT_SAID, ev, &b, 1, NULL, &e), 0);
	body[TRANSCRIPT_EVENT_MAX] = '\0';
	big = json_pack("{s:s, s:s}", "ev", "said", "by", body + 20);
	assert_int_equal(transcript_append(w, make_when(), TRANSCRIPT_EVENT_SAID, big, NULL, 0, NULL, &e), ERR_TOO_LARGE);
	json_decref(big);
	json_decref(ev);
	free(body);
	transcript_writer_close(w);
	assert_int_equal(make_verify("t").verdict, TRANSCRIPT_OPEN);
	assert_int_equal(make_verify("t").n, 1);
}

static void
the_quota_keeps_room_for_the_end(void **state)
{
	struct transcript_writer *w = make_writer("t", TRANSCRIPT_RESERVE + 4096);
	struct err e;
	int ret;

	do
		ret = make_append(w, said, text, &e);
	while (ret == 0);
	assert_int_equal(ret, ERR_FULL);
	assert_true(transcript_has_room(w));
	assert_int_equal(make_append(w, "{\"ev\":\"rolledback\",\"of\":1,\"code\":\"bound\"}", NULL, &e), 0);
	assert_int_equal(make_append(w, "{\"ev\":\"ended\",\"code\":\"transcript-full\"}", NULL, &e), 0);
	assert_int_equal(transcript_seal(w, make_when(), &e), 0);
	assert_int_equal(make_append(w, said, text, &e), ERR_STATE);
	transcript_writer_close(w);
	assert_int_equal(make_verify("t").verdict, TRANSCRIPT_SEALED);
}

static void
reserve_kinds_end_at_the_quota_too(void **state)
{
	struct transcript_writer *w = make_writer("t", TRANSCRIPT_RESERVE + 4096);
	struct stat st;
	struct err e;
	int ret;

	do
		ret = make_append(w, "{\"ev\":\"ended\",\"code\":\"x\"}", "{\"k\":\"why\",\"text\":\"again and again\"}", &e);
	while (ret == 0);
	assert_int_equal(ret, ERR_FULL);
	assert_false(transcript_has_room(w));
	assert_int_equal(stat(make_path("t"), &st), 0);
	assert_true(st.st_size <= TRANSCRIPT_RESERVE + 4096);
	transcript_writer_close(w);
}

static void
a_reserve_is_allocated_behind_the_end_and_given_back_by_the_seal(void **state)
{
	struct transcript_writer *w = make_writer("t", MAKE_QUOTA);
	struct stat st;
	struct err e;

	assert_int_equal(stat(make_path("t"), &st), 0);
	assert_int_equal(st.st_size, 0);
	if (st.st_blocks == 0) {
		transcript_writer_close(w);
		skip();
	}
	assert_true(st.st_blocks * 512 >= TRANSCRIPT_RESERVE);
	make_session(w);
	assert_int_equal(stat(make_path("t"), &st), 0);
	assert_true(st.st_blocks * 512 >= st.st_size + TRANSCRIPT_RESERVE);
	assert_int_equal(transcript_seal(w, make_when(), &e), 0);
	assert_int_equal(stat(make_path("t"), &st), 0);
	assert_true(st.st_blocks * 512 < TRANSCRIPT_RESERVE);
	transcript_writer_close(w);
}

/* A file size limit is a disk that is full at a byte of our choice: at every one the file stays whole. */
static void
a_write_that_does_not_fit_leaves_the_file_as_it_was(void **state)
{
	struct rlimit old, small;
	struct transcript_writer *w = make_writer("t", MAKE_QUOTA);
	struct stat before, after;
	struct err e;

	signal(SIGXFSZ, SIG_IGN);
	make_session(w);
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &old), 0);
	small = old;
	assert_int_equal(stat(make_path("t"), &before), 0);
	for (rlim_t more = 0; more < 300; more += 7) {
		small.rlim_cur = (rlim_t)before.st_size + more;
		assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
		assert_int_equal(make_append(w, said, text, &e), ERR_FULL);
		assert_int_equal(stat(make_path("t"), &after), 0);
		assert_int_equal(after.st_size, before.st_size);
	}
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &old), 0);
	assert_int_equal(make_append(w, said, text, &e), 0);
	assert_int_equal(transcript_seal(w, make_when(), &e), 0);
	transcript_writer_close(w);
	assert_int_equal(make_verify("t").verdict, TRANSCRIPT_SEALED);
	assert_int_equal(make_verify("t").n, 9);
}

static void
a_full_disk_stops_ordinary_events_and_not_the_end(void **state)
{
	struct transcript_writer *w = make_writer("t", MAKE_QUOTA);
	struct err e;
	int ret;

	make_session(w);
	fallocate_errno = ENOSPC;
	do	/* what was allocated ahead is used up first, the reserve is not touched */
		ret = make_append(w, said, "{\"k\":\"text\",\"text\":\"a longer text so that this test ends in a while, a longer text "
		    "so that this test ends in a while, a longer text so that this test ends in a while\"}", &e);
	while (ret == 0);
	assert_int_equal(ret, ERR_FULL);
	assert_true(transcript_has_room(w));
	assert_int_equal(make_append(w, "{\"ev\":\"ended\",\"code\":\"transcript-full\"}", NULL, &e), 0);
	assert_int_equal(transcript_seal(w, make_when(), &e), 0);
	transcript_writer_close(w);
	assert_int_equal(make_verify("t").verdict, TRANSCRIPT_SEALED);
	assert_null(transcript_writer_create(make_path("u"), MAKE_QUOTA, &e));
	assert_int_equal(e.code, ERR_FULL);
	assert_int_not_equal(access(make_path("u"), F_OK), 0);
}

static void
a_file_system_without_fallocate_does(void **state)
{
	struct transcript_writer *w;
	struct err e;

	fallocate_errno = EOPNOTSUPP;
	w = make_writer("t", MAKE_QUOTA);
	make_session(w);
	assert_true(transcript_has_room(w));
	assert_int_equal(transcript_seal(w, make_when(), &e), 0);
	transcript_writer_close(w);
	assert_int_equal(make_verify("t").verdict, TRANSCRIPT_SEALED);
}

static void
short_writes_are_continued_and_errors_cut_back(void **state)
{
	struct transcript_writer *w = make_writer("t", MAKE_QUOTA);
	struct err e;

	pwrite_first = 13;
	make_session(w);
	pwrite_errno = EIO;
	assert_int_equal(make_append(w, said, text, &e), ERR_SYSTEM);
	assert_int_equal(e.sys, EIO);
	pwrite_errno = 0;
	pwrite_first = SIZE_MAX;
	assert_int_equal(make_append(w, said, text, &e), 0);
	transcript_writer_close(w);
	assert_int_equal(make_verify("t").verdict, TRANSCRIPT_OPEN);
	assert_int_equal(make_verify("t").n, 8);
	assert_int_equal(make_verify("t").torn, 0);
}

static void
a_file_that_cannot_be_cut_back_is_not_written_any_more(void **state)
{
	struct transcript_writer *w = make_writer("t", MAKE_QUOTA);
	struct err e;

	make_session(w);
	pwrite_first = 20;
	pwrite_errno = ENOSPC;
	truncate_errno = EIO;
	assert_int_equal(make_append(w, said, text, &e), ERR_FULL);
	pwrite_errno = truncate_errno = 0;
	pwrite_first = SIZE_MAX;
	assert_int_equal(make_append(w, said, text, &e), ERR_SYSTEM);
	assert_int_equal(transcript_sync(w, &e), ERR_SYSTEM);
	assert_int_equal(transcript_seal(w, make_when(), &e), ERR_SYSTEM);
	transcript_writer_close(w);
	assert_int_equal(make_verify("t").verdict, TRANSCRIPT_OPEN);
	assert_int_equal(make_verify("t").torn, 20);
}

static void
nothing_follows_a_sync_that_failed(void **state)
{
	struct transcript_writer *w = make_writer("t", MAKE_QUOTA);
	struct err e;

	make_session(w);
	assert_int_equal(transcript_sync(w, &e), 0);
	sync_errno = EIO;
	assert_int_equal(transcript_sync(w, &e), ERR_SYSTEM);
	sync_errno = 0;
	assert_int_equal(transcript_sync(w, &e), ERR_SYSTEM);
	assert_int_equal(make_append(w, said, text, &e), ERR_SYSTEM);
	assert_int_equal(transcript_seal(w, make_when(), &e), ERR_SYSTEM);
	assert_false(transcript_has_room(w));
	transcript_writer_close(w);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(every_line_is_json_and_the_members_stand_in_their_order, start, stop),
		cmocka_unit_test_setup_teardown(the_first_event_is_at_zero_and_time_never_goes_back, start, stop),
		cmocka_unit_test_setup_teardown(a_file_is_created_once_closed_to_others_and_locked, start, stop),
		cmocka_unit_test_setup_teardown(what_the_table_does_not_list_is_refused_and_leaves_no_trace, start, stop),
		cmocka_unit_test_setup_teardown(limits_hold_at_the_byte, start, stop),
		cmocka_unit_test_setup_teardown(the_quota_keeps_room_for_the_end, start, stop),
		cmocka_unit_test_setup_teardown(reserve_kinds_end_at_the_quota_too, start, stop),
		cmocka_unit_test_setup_teardown(a_reserve_is_allocated_behind_the_end_and_given_back_by_the_seal, start, stop),
		cmocka_unit_test_setup_teardown(a_write_that_does_not_fit_leaves_the_file_as_it_was, start, stop),
		cmocka_unit_test_setup_teardown(a_full_disk_stops_ordinary_events_and_not_the_end, start, stop),
		cmocka_unit_test_setup_teardown(a_file_system_without_fallocate_does, start, stop),
		cmocka_unit_test_setup_teardown(short_writes_are_continued_and_errors_cut_back, start, stop),
		cmocka_unit_test_setup_teardown(a_file_that_cannot_be_cut_back_is_not_written_any_more, start, stop),
		cmocka_unit_test_setup_teardown(nothing_follows_a_sync_that_failed, start, stop),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
