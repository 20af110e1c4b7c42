/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "twokey/base/err.h"
#include "twokey/base/secret.h"

#include "main/demo.h"

/* NULL in host, socket, ca, password: there is none. */
struct good {
	const char *uri;
	const char *host, *socket;
	unsigned port;
	const char *database, *user, *tls, *ca, *password;
};
static const struct good goods[] = {
	{ "postgresql://kim@db.example.com:5433/shop", "db.example.com", NULL, 5433, "shop", "kim", "require", NULL, NULL },
	{ "postgres://db.example.com", "db.example.com", NULL, 5432, "me", "me", "require", NULL, NULL },
	{ "postgresql://kim@localhost/shop", "localhost", NULL, 5432, "shop", "kim", "off", NULL, NULL },
	{ "postgresql://kim@127.0.0.1/shop", "127.0.0.1", NULL, 5432, "shop", "kim", "off", NULL, NULL },
	{ "postgresql://kim@[::1]:6000/shop", "::1", NULL, 6000, "shop", "kim", "off", NULL, NULL },
	{ "postgresql://[2001:db8::7]/shop", "2001:db8::7", NULL, 5432, "shop", "me", "require", NULL, NULL },
	{ "postgresql://kim:p%40ss%3Aw@db.example.com/shop", "db.example.com", NULL, 5432, "shop", "kim", "require", NULL,
	    "p@ss:w" },
	{ "postgresql://kim:a@b@db.example.com/shop", "db.example.com", NULL, 5432, "shop", "kim", "require", NULL, "a@b" },
	{ "postgresql://kim:@db.example.com/shop", "db.example.com", NULL, 5432, "shop", "kim", "require", NULL, NULL },
	{ "postgresql:///shop?host=/run/pg&port=5555&user=kim", NULL, "/run/pg", 5555, "shop", "kim", "off", NULL, NULL },
	{ "postgresql://%2Frun%2Fpg/shop", NULL, "/run/pg", 5432, "shop", "me", "off", NULL, NULL },
	{ "postgresql://", NULL, "/var/run/postgresql", 5432, "me", "me", "off", NULL, NULL },
	{ "postgresql://kim@db.example.com/sh%6Fp%20two", "db.example.com", NULL, 5432, "shop two", "kim", "require", NULL,
	    NULL },
	{ "postgresql://kim@db.example.com/a?dbname=b&password=x%26y", "db.example.com", NULL, 5432, "b", "kim", "require",
	    NULL, "x&y" },
	{ "postgresql://db.example.com/a?sslrootcert=/etc/ca.pem", "db.example.com", NULL, 5432, "a", "me", "verify-full",
	    "/etc/ca.pem", NULL },
	{ "postgresql://db.example.com/a?sslmode=verify-ca", "db.example.com", NULL, 5432, "a", "me", "verify-full", NULL,
	    NULL },
	{ "postgresql://db.example.com/a?sslmode=disable", "db.example.com", NULL, 5432, "a", "me", "off", NULL, NULL }
};

static void
same(const char *row, const char *got, const char *want)
{
	if ((got == NULL) != (want == NULL) || (got && strcmp(got, want) != 0))
		fail_msg("%s: \"%s\", not \"%s\"", row, got ? got : "(none)", want ? want : "(none)");
}

static void
reads_every_form_of_uri(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(goods) / sizeof(goods[0]); i++) {
		const struct good *g = &goods[i];
		struct demo_dsn *d = NULL;
		struct err e = { .text = "" };

		if (demo_dsn_parse(g->uri, "me", &d, &e) != 0)
			fail_msg("%s: %s", g->uri, e.text);
		same(g->uri, d->host, g->host);
		same(g->uri, d->socket, g->socket);
		same(g->uri, d->database, g->database);
		same(g->uri, d->user, g->user);
		same(g->uri, d->tls, g->tls);
		same(g->uri, d->ca, g->ca);
		same(g->uri, d->password ? secret_reveal(d->password) : NULL, g->password);
		assert_int_equal(d->port, g->port);
		demo_dsn_free(d);
	}
}

static const char *const bads[] = {
	"mysql://db.example.com/shop", "db.example.com", "", "postgresql:/shop", "postgresql://h:0/d", "postgresql://h:65536/d",
	"postgresql://h:99999999999999999999/d", "postgresql://h:12x/d", "postgresql://h/%", "postgresql://h/%4",
	"postgresql://h/%zz", "postgresql://h/a%00b", "postgresql://h/a%0Ab", "postgresql://h/a%1B%5B2J",
	"postgresql://a,b/d", "postgresql://h/d?application_name=x", "postgresql://h/d?user", "postgresql://h/d?sslmode=maybe",
	"postgresql://u:%zzsecret@h/d", "postgresql://h/d?options=-c%20log_statement=all"
};

static void
refuses_what_it_does_not_understand_and_never_shows_a_password(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(bads) / sizeof(bads[0]); i++) {
		struct demo_dsn *d = NULL;
		struct err e = { .text = "" };

		if (demo_dsn_parse(bads[i], "me", &d, &e) != ERR_INVALID)
			fail_msg("taken: %s", bads[i]);
		assert_null(d);
		assert_true(strncmp(e.text, "--dsn: ", 7) == 0);
		assert_null(strstr(e.text, "secret"));
	}
}

static void
refuses_an_endless_uri(void **state)
{
	char *uri = malloc(10001);
	struct demo_dsn *d = NULL;
	struct err e;

	(void)state;
	memset(uri, 'a', 10000);
	uri[10000] = '\0';
	memcpy(uri, "postgresql://", 13);
	assert_int_equal(demo_dsn_parse(uri, "me", &d, &e), ERR_INVALID);
	free(uri);
}

static void
hides_the_password_where_it_stands(void **state)
{
	static const char *const rows[][2] = {
		{ "postgresql://kim:secret@h/d", "postgresql://kim:xxxxxx@h/d" },
		{ "postgresql://kim:a@b@h/d?x=y", "postgresql://kim:xxx@h/d?x=y" },
		{ "postgresql://kim@h/d?password=secret&user=a", "postgresql://kim@h/d?password=xxxxxx&user=a" },
		{ "postgresql://kim@h:5432/d", NULL },
		{ "postgresql://kim:@h/d", NULL },
		{ "nothing", NULL }
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char *uri = strdup(rows[i][0]);

		assert_int_equal(demo_dsn_hide(uri), rows[i][1] != NULL);
		assert_string_equal(uri, rows[i][1] ? rows[i][1] : rows[i][0]);
		free(uri);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_every_form_of_uri),
		cmocka_unit_test(refuses_what_it_does_not_understand_and_never_shows_a_password),
		cmocka_unit_test(refuses_an_endless_uri),
		cmocka_unit_test(hides_the_password_where_it_stands)
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
