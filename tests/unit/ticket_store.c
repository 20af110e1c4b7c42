/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

#include "twokey/base/buf.h"
#include "twokey/base/clock.h"
#include "twokey/base/err.h"
#include "twokey/base/io.h"
#include "twokey/ticket/config.h"
#include "twokey/ticket/store.h"

#include "ticket_files.h"

enum { NOW_S = 1796083200 };	/* 2026-12-01 */

struct fixture {
	char folder[64];
	struct config *c;
	char *text;
};

static int64_t
now_us(void)
{
	return (int64_t)NOW_S * 1000000;
}

static void
file_of(const struct fixture *f, const char *name, char out[256])
{
	snprintf(out, 256, "%s/%s", f->folder, name);
}

static void
put_file(const struct fixture *f, const char *name, const char *text)
{
	char path[256];

	file_of(f, name, path);
	assert_int_equal(io_write_file(path, 0600, text, strlen(text), NULL), 0);
}

static char *
get_file(const struct fixture *f, const char *name)
{
	char path[256], *text;
	struct buf b;

	file_of(f, name, path);
	buf_init(&b, 1 << 20);
	assert_int_equal(io_read_file(path, 1 << 20, &b, NULL), 0);
	text = buf_take(&b);
	buf_fini(&b);
	return text;
}

/* Brings the text in and gives its digest. */
static struct digest
bring(const struct fixture *f, const char *text, const char *by)
{
	struct ticket *t;
	struct digest d;
	struct err e = { .text = "" };

	if (ticket_store_new(f->folder, text, strlen(text), by, now_us(), f->c, &t, &e) != 0)
		fail_msg("%s", e.text);
	d = t->digest;
	ticket_free(t);
	return d;
}

static bool
in_force(const struct fixture *f, const char *id)
{
	struct ticket_state s;
	struct ticket *t;
	bool ok = ticket_store_load(f->folder, id, &t, &s, NULL, NULL) == 0 && ticket_in_force(t, &s);

	ticket_free(t);
	return ok;
}

static void
a_ticket_is_brought_accepted_and_loaded(void **state)
{
	struct fixture *f = *state;
	struct digest d = bring(f, f->text, "ben");
	struct ticket_state s;
	struct ticket *t;
	struct buf text;

	buf_init(&text, TICKET_TEXT_MAX);
	assert_int_equal(ticket_store_load(f->folder, "MFX-1234", &t, &s, &text, NULL), 0);
	assert_string_equal(buf_str(&text), f->text);
	assert_string_equal(s.made_by, "ben");
	assert_int_equal(s.made_us, now_us());
	assert_string_equal(s.accepted_by, "");
	assert_false(ticket_in_force(t, &s));
	ticket_free(t);
	buf_fini(&text);
	assert_int_equal(ticket_store_accept(f->folder, "MFX-1234", "anna", &d, now_us() + 5, NULL), 0);
	assert_int_equal(ticket_store_load(f->folder, "MFX-1234", &t, &s, NULL, NULL), 0);
	assert_string_equal(s.accepted_by, "anna");
	assert_int_equal(s.accepted_us, now_us() + 5);
	assert_true(digest_equal(&s.accepted, &d));
	assert_true(ticket_in_force(t, &s));
	ticket_free(t);
}

static void
files_are_the_brokers_alone_and_nothing_is_left_over(void **state)
{
	struct fixture *f = *state;
	struct digest d = bring(f, f->text, "ben");
	struct dirent *de;
	DIR *dir;
	int n = 0;

	assert_int_equal(ticket_store_accept(f->folder, "MFX-1234", "anna", &d, now_us(), NULL), 0);
	dir = opendir(f->folder);
	while ((de = readdir(dir)) != NULL) {
		char path[512];
		struct stat st;

		snprintf(path, sizeof path, "%s/%s", f->folder, de->d_name);
		assert_int_equal(stat(path, &st), 0);
		if (!S_ISREG(st.st_mode))
			continue;
		assert_int_equal(st.st_mode & 0777, 0600);
		n++;
	}
	closedir(dir);
	assert_int_equal(n, 2);
}

static void
an_id_is_never_used_twice(void **state)
{
	struct fixture *f = *state;
	struct digest d = bring(f, f->text, "ben");
	struct ticket *t;
	struct err e;
	char path[256];

	assert_int_equal(ticket_store_new(f->folder, f->text, strlen(f->text), "ben", now_us(), f->c, &t, &e), ERR_EXISTS);
	assert_null(t);
	assert_int_equal(ticket_store_accept(f->folder, "MFX-1234", "anna", &d, now_us(), NULL), 0);
	assert_int_equal(ticket_store_new(f->folder, f->text, strlen(f->text), "ben", now_us(), f->c, &t, &e), ERR_EXISTS);
	/* not even when somebody took the text of an accepted one away */
	file_of(f, "MFX-1234.yaml", path);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(ticket_store_new(f->folder, f->text, strlen(f->text), "ben", now_us(), f->c, &t, &e), ERR_EXISTS);
	assert_int_equal(ticket_store_load(f->folder, "MFX-1234", &t, &(struct ticket_state){ 0 }, NULL, &e), ERR_NOT_FOUND);
}

/* Killed between the two files: the state is there, the text is not. */
static void
a_ticket_that_a_crash_left_half_can_be_brought_again(void **state)
{
	struct fixture *f = *state;
	char path[256];

	bring(f, f->text, "ben");
	file_of(f, "MFX-1234.yaml", path);
	assert_int_equal(unlink(path), 0);
	bring(f, f->text, "kim");
	assert_false(in_force(f, "MFX-1234"));
}

/* Who accepts, what he says, and whether it is taken: law 10. */
static void
nobody_but_the_approver_accepts(void **state)
{
	static const struct {
		const char *by;
		int ret;
	} rows[] = {
		{ "ben", ERR_DENIED },		/* the driver, who brought it */
		{ "kim", ERR_DENIED },		/* a watcher, not the approver */
		{ "eve", ERR_DENIED },
		{ "", ERR_DENIED },
		{ NULL, ERR_DENIED },
		{ "Anna", ERR_DENIED },
		{ "anna ", ERR_DENIED },
		{ "annaannaannaannaannaannaannaannaannaannaannaannaannaannaannaanna", ERR_DENIED },	/* 64: would be cut */
		{ "\xd0\xb0nna", ERR_DENIED },	/* a Cyrillic a */
		{ "anna", 0 },
	};
	struct fixture *f = *state;
	struct digest d = bring(f, f->text, "ben");

	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct err e;

		assert_int_equal(ticket_store_accept(f->folder, "MFX-1234", rows[i].by, &d, now_us(), &e), rows[i].ret);
		assert_int_equal(in_force(f, "MFX-1234"), rows[i].ret == 0);
	}
}

static void
a_driver_is_told_why_he_cannot_accept(void **state)
{
	struct fixture *f = *state;
	char *text = golden_change(f->text, "approver: anna", "approver: kim\n");
	struct digest d = bring(f, text, "kim");
	struct err e;

	assert_int_equal(ticket_store_accept(f->folder, "MFX-1234", "ben", &d, now_us(), &e), ERR_DENIED);
	assert_string_equal(e.text, "ben drives in ticket MFX-1234: a driver cannot give himself power; another person has to "
	    "accept it");
	assert_false(in_force(f, "MFX-1234"));
	/* who brought it and does not drive may accept it */
	assert_int_equal(ticket_store_accept(f->folder, "MFX-1234", "kim", &d, now_us(), &e), 0);
	assert_true(in_force(f, "MFX-1234"));
	free(text);
}

static void
accepting_needs_the_digest_of_what_is_stored(void **state)
{
	struct fixture *f = *state;
	struct digest d = bring(f, f->text, "ben"), other;

	for (int i = 0; i < DIGEST_LEN * 8; i++) {
		other = d;
		other.b[i / 8] ^= (uint8_t)(1 << i % 8);
		assert_int_equal(ticket_store_accept(f->folder, "MFX-1234", "anna", &other, now_us(), NULL), ERR_DENIED);
	}
	assert_int_equal(ticket_store_accept(f->folder, "MFX-1234", "anna", NULL, now_us(), NULL), ERR_DENIED);
	assert_false(in_force(f, "MFX-1234"));
}

static void
a_ticket_is_accepted_once_and_in_time(void **state)
{
	struct fixture *f = *state;
	struct digest d = bring(f, f->text, "ben");
	int64_t end;

	assert_int_equal(clock_parse("2026-12-24T18:00:00Z", 20, &end), 0);
	assert_int_equal(ticket_store_accept(f->folder, "MFX-1234", "anna", &d, end, NULL), ERR_DENIED);
	assert_int_equal(ticket_store_accept(f->folder, "MFX-1234", "anna", &d, end - 1, NULL), 0);
	assert_int_equal(ticket_store_accept(f->folder, "MFX-1234", "anna", &d, end - 1, NULL), ERR_STATE);
}

static void
what_is_in_no_store_is_not_found(void **state)
{
	static const char *const ids[] = { "none", "../MFX-1234", "MFX-1234/../MFX-1234", "", ".", "..", "MFX-1234.yaml" };
	struct fixture *f = *state;
	struct digest d = bring(f, f->text, "ben");

	for (size_t i = 0; i < sizeof ids / sizeof ids[0]; i++) {
		struct ticket_state s;
		struct ticket *t;
		struct err e;

		assert_int_equal(ticket_store_load(f->folder, ids[i], &t, &s, NULL, &e), ERR_NOT_FOUND);
		assert_null(t);
		assert_int_equal(ticket_store_accept(f->folder, ids[i], "anna", &d, now_us(), &e), ERR_NOT_FOUND);
	}
	assert_int_equal(ticket_store_accept(f->folder, NULL, "anna", &d, now_us(), NULL), ERR_NOT_FOUND);
}

/* A whole ticket beside the store, named by a path: it is not even looked at. */
static void
an_id_never_leads_out_of_the_store(void **state)
{
	struct fixture *f = *state;
	struct digest d = bring(f, f->text, "ben");
	struct ticket_state s;
	struct ticket *t;
	char path[256], inner[256];

	file_of(f, "sub", path);
	assert_int_equal(mkdir(path, 0700), 0);
	assert_int_equal(ticket_store_load(f->folder, "MFX-1234", &t, &s, NULL, NULL), 0);
	ticket_free(t);
	snprintf(inner, sizeof inner, "../%s/MFX-1234", strrchr(f->folder, '/') + 1);
	assert_int_equal(ticket_store_load(path, inner, &t, &s, NULL, NULL), ERR_NOT_FOUND);
	assert_int_equal(ticket_store_load(path, "../MFX-1234", &t, &s, NULL, NULL), ERR_NOT_FOUND);
	assert_int_equal(ticket_store_accept(path, "../MFX-1234", "anna", &d, now_us(), NULL), ERR_NOT_FOUND);
	assert_int_equal(rmdir(path), 0);
}

static void
a_reader_with_too_little_room_is_told(void **state)
{
	struct fixture *f = *state;
	struct ticket_state s;
	struct ticket *t;
	struct buf small;

	bring(f, f->text, "ben");
	buf_init(&small, 10);
	assert_int_equal(ticket_store_load(f->folder, "MFX-1234", &t, &s, &small, NULL), ERR_TOO_LARGE);
	assert_null(t);
	buf_fini(&small);
}

/* Every byte of the stored text and of the state, changed one by one, before and after acceptance. */
static void
a_changed_file_has_no_force(void **state)
{
	static const char *const names[] = { "MFX-1234.yaml", "MFX-1234.state.json" };
	struct fixture *f = *state;
	struct digest d = bring(f, f->text, "ben");

	assert_int_equal(ticket_store_accept(f->folder, "MFX-1234", "anna", &d, now_us(), NULL), 0);
	for (int k = 0; k < 2; k++) {
		char *good = get_file(f, names[k]);

		for (size_t i = 0; i < strlen(good); i++) {
			char *bad = strdup(good);
			struct ticket_state s;
			struct ticket *t;
			int ret;

			bad[i] = bad[i] == '1' ? '2' : '1';
			put_file(f, names[k], bad);
			ret = ticket_store_load(f->folder, "MFX-1234", &t, &s, NULL, NULL);
			/* times and the bringer's name are not bound by the digest: they give nobody force */
			if (ret == 0)
				assert_true(k == 1 && (s.made_us != now_us() || s.accepted_us != now_us() ||
				    strcmp(s.made_by, "ben") != 0 || !ticket_in_force(t, &s)));
			else
				assert_int_equal(ret, ERR_BROKEN);
			ticket_free(t);
			free(bad);
		}
		put_file(f, names[k], good);
		free(good);
	}
	assert_true(in_force(f, "MFX-1234"));
}

static void
a_state_that_was_written_otherwise_is_broken(void **state)
{
	static const char *const bad[] = {
		"", "{}", "[]", "null", "{\"v\":1}", "{\"v\":2}\n", "{\"v\":1,\"v\":1}\n"
	};
	struct fixture *f = *state;
	struct ticket_state s;
	struct ticket *t;
	char *good, *other;
	size_t n;

	bring(f, f->text, "ben");
	good = get_file(f, "MFX-1234.state.json");
	n = strlen(good);
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		put_file(f, "MFX-1234.state.json", bad[i]);
		assert_int_equal(ticket_store_load(f->folder, "MFX-1234", &t, &s, NULL, NULL), ERR_BROKEN);
	}
	for (size_t i = 0; i < n; i++) {	/* torn at every byte */
		other = strndup(good, i);
		put_file(f, "MFX-1234.state.json", other);
		assert_int_equal(ticket_store_load(f->folder, "MFX-1234", &t, &s, NULL, NULL), ERR_BROKEN);
		free(other);
	}
	other = malloc(8192);	/* larger than any state */
	memset(other, ' ', 8191);
	other[8191] = '\0';
	put_file(f, "MFX-1234.state.json", other);
	assert_int_equal(ticket_store_load(f->folder, "MFX-1234", &t, &s, NULL, NULL), ERR_BROKEN);
	free(other);
	other = malloc(n + 64);
	snprintf(other, n + 64, "%.*s,\"force\":true}\n", (int)n - 2, good);
	put_file(f, "MFX-1234.state.json", other);
	assert_int_equal(ticket_store_load(f->folder, "MFX-1234", &t, &s, NULL, NULL), ERR_BROKEN);
	snprintf(other, n + 64, " %s", good);
	put_file(f, "MFX-1234.state.json", other);
	assert_int_equal(ticket_store_load(f->folder, "MFX-1234", &t, &s, NULL, NULL), ERR_BROKEN);
	free(other);
	free(good);
}

static void
a_ticket_without_its_state_is_broken(void **state)
{
	struct fixture *f = *state;
	struct digest d = bring(f, f->text, "ben");
	struct ticket_state s;
	struct ticket *t;
	char path[256];

	file_of(f, "MFX-1234.state.json", path);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(ticket_store_load(f->folder, "MFX-1234", &t, &s, NULL, NULL), ERR_BROKEN);
	assert_int_equal(ticket_store_accept(f->folder, "MFX-1234", "anna", &d, now_us(), NULL), ERR_BROKEN);
	assert_int_equal(ticket_store_new(f->folder, f->text, strlen(f->text), "ben", now_us(), f->c, &t, NULL), ERR_EXISTS);
}

/* Another ticket's text and state under this id: whole, in force there, and not here. */
static void
a_ticket_under_another_id_is_broken(void **state)
{
	struct fixture *f = *state;
	struct digest d = bring(f, f->text, "ben");
	struct ticket_state s;
	struct ticket *t;
	char *text = get_file(f, "MFX-1234.yaml"), *st;

	assert_int_equal(ticket_store_accept(f->folder, "MFX-1234", "anna", &d, now_us(), NULL), 0);
	st = get_file(f, "MFX-1234.state.json");
	put_file(f, "OTHER.yaml", text);
	put_file(f, "OTHER.state.json", st);
	assert_int_equal(ticket_store_load(f->folder, "OTHER", &t, &s, NULL, NULL), ERR_BROKEN);
	free(text);
	free(st);
}

/* A state in which the driver accepted, however it came to be there. */
static void
force_is_judged_again_from_the_state(void **state)
{
	struct ticket *t = golden_ticket();
	const struct ticket_state good = { .made_by = "ben", .made_us = 1, .accepted_by = "anna", .accepted_us = 2,
	    .accepted = t->digest };
	struct ticket_state s = good;

	assert_true(ticket_in_force(t, &s));
	snprintf(s.accepted_by, sizeof s.accepted_by, "ben");
	assert_false(ticket_in_force(t, &s));
	snprintf(s.accepted_by, sizeof s.accepted_by, "kim");
	assert_false(ticket_in_force(t, &s));
	s.accepted_by[0] = '\0';
	assert_false(ticket_in_force(t, &s));
	s = good;
	s.accepted.b[31] ^= 1;
	assert_false(ticket_in_force(t, &s));
	s = good;
	s.accepted_us = 0;
	assert_false(ticket_in_force(t, &s));
	s = good;
	t->people[1].seat = TICKET_SEAT_DRIVER;	/* anna drives too: she gave herself power */
	assert_false(ticket_in_force(t, &s));
	t->people[1].seat = TICKET_SEAT_CONFIRMER;
	free(t->approver);
	t->approver = NULL;	/* nobody is to accept it: nobody did */
	assert_false(ticket_in_force(t, &s));
	assert_false(ticket_in_force(t, NULL));
	assert_false(ticket_in_force(NULL, &s));
	ticket_free(t);
}

static void
a_ticket_that_does_not_fit_the_broker_is_not_stored(void **state)
{
	struct fixture *f = *state;
	char *text = golden_change(f->text, "target: shop", "target: nowhere\n");
	struct ticket *t;
	struct err e;
	char path[256];

	assert_int_equal(ticket_store_new(f->folder, text, strlen(text), "ben", now_us(), f->c, &t, &e), ERR_CONFIG);
	assert_null(t);
	assert_int_equal(ticket_store_new(f->folder, f->text, strlen(f->text), "", now_us(), f->c, &t, &e), ERR_DENIED);
	assert_int_equal(ticket_store_new(f->folder, f->text, strlen(f->text), "a b", now_us(), f->c, &t, &e), ERR_DENIED);
	assert_int_equal(ticket_store_new(f->folder, f->text, strlen(f->text),
	    "annaannaannaannaannaannaannaannaannaannaannaannaannaannaannaanna", now_us(), f->c, &t, &e), ERR_DENIED);
	file_of(f, "MFX-1234.yaml", path);
	assert_int_equal(access(path, F_OK), -1);
	file_of(f, "no-such-folder", path);
	assert_int_equal(ticket_store_new(path, f->text, strlen(f->text), "ben", now_us(), f->c, &t, &e), ERR_SYSTEM);
	free(text);
}

/* Many at once: one wins, the others are told that it was accepted already. */
static void
of_many_who_accept_at_once_one_does(void **state)
{
	enum { MANY = 8, ROUNDS = 5 };
	struct fixture *f = *state;

	for (int round = 0; round < ROUNDS; round++) {
		char line[32], id[16], *text;
		int won = 0, late = 0;
		struct digest d;

		snprintf(id, sizeof id, "T-%d", round);
		snprintf(line, sizeof line, "id: %s\n", id);
		text = golden_change(f->text, "id: MFX-1234", line);
		d = bring(f, text, "ben");
		free(text);
		for (int i = 0; i < MANY; i++) {
			if (fork() == 0) {
				int ret = ticket_store_accept(f->folder, id, "anna", &d, now_us() + i, NULL);

				_exit(ret == 0 ? 0 : ret == ERR_STATE ? 1 : 2);
			}
		}
		for (int i = 0; i < MANY; i++) {
			int status;

			assert_true(wait(&status) > 0 && WIFEXITED(status));
			won += WEXITSTATUS(status) == 0;
			late += WEXITSTATUS(status) == 1;
		}
		assert_int_equal(won, 1);
		assert_int_equal(late, MANY - 1);
		assert_true(in_force(f, id));
	}
}

static int
set_up(void **state)
{
	struct fixture *f = calloc(1, sizeof *f);

	snprintf(f->folder, sizeof f->folder, "/tmp/twokey-store.XXXXXX");
	if (mkdtemp(f->folder) == NULL)
		return -1;
	f->c = golden_config();
	f->text = golden_text("ticket.yaml");
	*state = f;
	return 0;
}

static int
tear_down(void **state)
{
	struct fixture *f = *state;
	DIR *dir = opendir(f->folder);
	struct dirent *de;

	while ((de = readdir(dir)) != NULL)
		unlinkat(dirfd(dir), de->d_name, 0);
	closedir(dir);
	rmdir(f->folder);
	config_free(f->c);
	free(f->text);
	free(f);
	return 0;
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_ticket_is_brought_accepted_and_loaded),
		TEST(files_are_the_brokers_alone_and_nothing_is_left_over),
		TEST(an_id_is_never_used_twice),
		TEST(a_ticket_that_a_crash_left_half_can_be_brought_again),
		TEST(nobody_but_the_approver_accepts),
		TEST(a_driver_is_told_why_he_cannot_accept),
		TEST(accepting_needs_the_digest_of_what_is_stored),
		TEST(a_ticket_is_accepted_once_and_in_time),
		TEST(what_is_in_no_store_is_not_found),
		TEST(an_id_never_leads_out_of_the_store),
		TEST(a_reader_with_too_little_room_is_told),
		TEST(a_changed_file_has_no_force),
		TEST(a_state_that_was_written_otherwise_is_broken),
		TEST(a_ticket_without_its_state_is_broken),
		TEST(a_ticket_under_another_id_is_broken),
		cmocka_unit_test(force_is_judged_again_from_the_state),
		TEST(a_ticket_that_does_not_fit_the_broker_is_not_stored),
		TEST(of_many_who_accept_at_once_one_does),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
