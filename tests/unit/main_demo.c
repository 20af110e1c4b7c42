/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the demonstration writes is what the broker reads. */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "twokey/base/buf.h"
#include "twokey/base/clock.h"
#include "twokey/base/err.h"
#include "twokey/base/io.h"
#include "twokey/base/must.h"
#include "twokey/ticket/config.h"
#include "twokey/ticket/ticket.h"

#include "main/demo.h"

static char top[64];

static int
make_top(void **state)
{
	(void)state;
	strcpy(top, "/tmp/tk-demo-XXXXXX");
	return mkdtemp(top) ? 0 : -1;
}

static int
drop_top(void **state)
{
	char command[128];

	(void)state;
	snprintf(command, sizeof(command), "rm -rf '%s'", top);
	return system(command);
}

static void
make(struct demo *d, const char *name)
{
	struct err e = { .text = "" };
	char path[128];

	memset(d, 0, sizeof(*d));
	d->login = "some.login";
	snprintf(path, sizeof(path), "%s/%s", top, name);
	if (demo_folder(d, path, &e) != 0)
		fail_msg("%s", e.text);
}

static struct config *
written(struct demo *d)
{
	char *path = demo_path(d, "twokeyd.yaml");
	struct config *c = NULL;
	struct err e = { .text = "" };

	if (demo_write_config(d, &e) != 0 || config_read(path, &c, &e) != 0)
		fail_msg("%s", e.text);
	free(path);
	return c;
}

static void
check_ticket(struct demo *d, const struct config *c)
{
	char *text = demo_ticket(d, clock_wall_us());
	struct ticket *t = NULL;
	struct err e = { .text = "" };

	if (ticket_parse(text, strlen(text), "ticket", &t, &e) != 0 || ticket_check(t, c, clock_wall_us(), &e) != 0)
		fail_msg("%s\n%s", e.text, text);
	assert_string_equal(t->id, "DEMO-1");
	assert_string_equal(t->approver, "anna");
	ticket_free(t);
	free(text);
}

static void
drop(struct demo *d)
{
	demo_dsn_free(d->dsn);
	free(d->dir);
}

static void
writes_a_configuration_and_a_ticket_for_the_sample_shop(void **state)
{
	struct config *c;
	struct demo d;

	(void)state;
	make(&d, "shop");
	c = written(&d);
	assert_string_equal(config_target(c, "shop")->engine, "sqlite");
	assert_string_equal(config_person_of_login(c, "some.login")->name, "ben");
	assert_int_equal(c->people[1].side, TICKET_SIDE_CUSTOMER);
	check_ticket(&d, c);
	config_free(c);
	drop(&d);
}

/* Names that would be more than a value in careless YAML. */
static const char *const uris[] = {
	"postgresql://kim@localhost/shop", "postgresql://kim@db.example.com/shop", "postgresql:///shop?host=/run/pg",
	"postgresql://k%22im%3A%20x:p%22w@localhost/%7Ba%2C%20b%7D", "postgresql://%23a@localhost/-%20b%3A%20%26c",
	"postgresql://it's@localhost/o'brien", "postgresql://a%5Cb@localhost/%5Cc",
	"postgresql://kim:secret@[::1]:6000/sch%C3%B6n"
};

static void
writes_a_configuration_for_every_database_name_and_keeps_the_password_out_of_it(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(uris) / sizeof(uris[0]); i++) {
		const struct config_target *t;
		struct config *c;
		struct demo d;
		struct err e = { .text = "" };
		char name[16];

		snprintf(name, sizeof(name), "dsn%zu", i);
		make(&d, name);
		if (demo_dsn_parse(uris[i], d.login, &d.dsn, &e) != 0)
			fail_msg("%s", e.text);
		c = written(&d);
		t = config_target(c, "shop");
		assert_string_equal(t->database, d.dsn->database);
		assert_string_equal(t->user, d.dsn->user);
		assert_int_equal(t->password_file != NULL, d.dsn->password != NULL);
		check_ticket(&d, c);
		config_free(c);
		drop(&d);
	}
}

static void
keeps_the_password_in_a_file_of_its_own_until_the_end(void **state)
{
	struct config *c;
	struct demo d;
	struct stat st;
	struct buf b;
	struct err e;
	char *config, *password;

	(void)state;
	make(&d, "secret");
	assert_int_equal(demo_dsn_parse("postgresql://kim:s3cret@localhost/shop", d.login, &d.dsn, &e), 0);
	c = written(&d);
	config = demo_path(&d, "twokeyd.yaml");
	password = demo_path(&d, "password");
	assert_string_equal(c->targets[0].password_file, password);
	assert_int_equal(stat(password, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	buf_init(&b, 1 << 16);
	assert_int_equal(io_read_file(config, 1 << 16, &b, &e), 0);
	assert_null(strstr(buf_str(&b), "s3cret"));
	demo_tidy(&d);
	assert_int_not_equal(stat(password, &st), 0);
	buf_fini(&b);
	free(config);
	free(password);
	config_free(c);
	drop(&d);
}

static void
takes_only_a_new_or_empty_folder_of_ones_own(void **state)
{
	struct demo d;
	struct stat st;
	struct err e;
	char path[128];

	(void)state;
	make(&d, "own");
	assert_int_equal(stat(d.dir, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0700);
	free(d.dir);
	snprintf(path, sizeof(path), "%s/own", top);
	d.dir = NULL;
	assert_int_equal(demo_folder(&d, path, &e), ERR_EXISTS);
	assert_int_equal(demo_folder(&d, "/dev/null", &e), ERR_EXISTS);
	assert_int_equal(demo_folder(&d, "/nowhere/there", &e), ERR_SYSTEM);
	assert_null(d.dir);
}

static void
refuses_a_folder_that_is_too_long_for_a_socket(void **state)
{
	char path[256];
	struct demo d = { .login = "x" };
	struct err e;

	(void)state;
	snprintf(path, sizeof(path), "%s/%0100d", top, 7);
	assert_int_equal(demo_folder(&d, path, &e), ERR_TOO_LARGE);
	free(d.dir);
}

static void
names_the_transcript_that_was_written_last(void **state)
{
	struct demo d;
	char *path, *found;
	struct err e;

	(void)state;
	make(&d, "transcript");
	assert_null(demo_transcript(&d));
	path = demo_path(&d, "transcripts/a.jsonl");
	assert_int_equal(io_write_file(path, 0600, "x", 1, &e), 0);
	found = demo_transcript(&d);
	assert_string_equal(found, path);
	free(found);
	free(path);
	drop(&d);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(writes_a_configuration_and_a_ticket_for_the_sample_shop),
		cmocka_unit_test(writes_a_configuration_for_every_database_name_and_keeps_the_password_out_of_it),
		cmocka_unit_test(keeps_the_password_in_a_file_of_its_own_until_the_end),
		cmocka_unit_test(takes_only_a_new_or_empty_folder_of_ones_own),
		cmocka_unit_test(refuses_a_folder_that_is_too_long_for_a_socket),
		cmocka_unit_test(names_the_transcript_that_was_written_last)
	};

	return cmocka_run_group_tests(tests, make_top, drop_top);
}
