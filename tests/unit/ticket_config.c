/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "ticket/schema.h"
#include "twokey/base/buf.h"
#include "twokey/base/clock.h"
#include "twokey/base/err.h"
#include "twokey/base/io.h"
#include "twokey/ticket/config.h"
#include "twokey/ticket/ticket.h"

#include "ticket_files.h"

static void
a_configuration_is_read_into_its_struct(void **state)
{
	struct config *c = golden_config();

	assert_string_equal(c->socket, "/run/twokey/socket");
	assert_string_equal(c->store, "/var/lib/twokey/tickets");
	assert_string_equal(c->transcripts, "/var/lib/twokey/transcripts");
	assert_string_equal(c->run, "/run/twokey/sessions");
	assert_int_equal(c->quota, 64 << 20);
	assert_int_equal(c->max_rows, 500);
	assert_int_equal(c->npeople, 3);
	assert_int_equal(c->people[0].side, TICKET_SIDE_FIRM);
	assert_int_equal(c->people[0].nlogins, 2);
	assert_string_equal(c->people[0].logins[1], "ben.two");
	assert_int_equal(c->people[0].seats, 1u << TICKET_SEAT_DRIVER | 1u << TICKET_SEAT_WATCHER);
	assert_false(c->people[0].may_answer_json);
	assert_int_equal(c->people[1].side, TICKET_SIDE_CUSTOMER);
	assert_true(c->people[1].may_answer_json);
	assert_int_equal(c->ntargets, 3);
	assert_int_equal(c->targets[0].stage, TICKET_STAGE_PRODUCTION);
	assert_string_equal(c->targets[0].host, "db.example.com");
	assert_int_equal(c->targets[0].port, 5433);
	assert_int_equal(c->targets[0].tls, CONFIG_TLS_VERIFY_FULL);
	assert_int_equal(c->targets[0].statement_timeout_s, 20);
	assert_null(c->targets[0].file);
	assert_string_equal(c->targets[1].file, "/var/lib/twokey/copy.db");
	assert_null(c->targets[2].password_file);
	config_free(c);
}

static void
what_is_left_out_has_its_default(void **state)
{
	struct config *c = golden_config();

	assert_int_equal(c->max_bytes, 16 << 20);
	assert_int_equal(c->request_seconds, 300);
	assert_int_equal(c->away_seconds, 120);
	assert_string_equal(c->users[0], "twokey");
	assert_string_equal(c->users[1], "twokey-rec");
	assert_string_equal(c->users[2], "twokey-db");
	assert_string_equal(c->users[3], "twokey-tun");
	assert_int_equal(c->targets[0].lock_timeout_s, 2);
	assert_int_equal(c->targets[2].statement_timeout_s, 30);
	assert_int_equal(c->targets[2].port, 5432);
	assert_int_equal(c->targets[2].tls, CONFIG_TLS_OFF);
	assert_int_equal(c->targets[2].table_limit, 256 << 20);
	assert_int_equal(c->targets[2].nhops, 0);
	assert_int_equal(c->targets[2].ncommand, 0);
	assert_null(c->targets[2].via);
	assert_int_equal(c->naccount_names, 3);
	assert_string_equal(c->account_names[0], "metricfixer_readonly");
	assert_string_equal(c->account_names[1], "metricfixer_staging");
	assert_string_equal(c->account_names[2], "metricfixer_ticket_*");
	config_free(c);
}

static void
keys_of_people_seal_key_and_anchor_are_read(void **state)
{
	static const char key[] = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIGFiY2RlZmdoaWprbG1ub3BxcnN0dXZ3eHl6MDEyMzQ1 anna@example.com";
	char *base = golden_text("config.yaml"), *text, lines[1024];
	struct config *c;
	struct err e = { .text = "" };

	snprintf(lines, sizeof lines, "    may_answer: json\n    keys: [ \"%s\" ]\n", key);
	text = golden_change(base, "    may_answer: json", lines);
	free(base);
	base = golden_change(text, NULL, "seal_key: /etc/twokey/seal\nanchor: [/usr/bin/logger, head]\n");
	if (config_parse(base, strlen(base), "t", &c, &e) != 0)
		fail_msg("%s", e.text);
	assert_int_equal(c->people[0].nkeys, 0);
	assert_int_equal(c->people[1].nkeys, 1);
	assert_string_equal(c->people[1].keys[0], key);
	assert_string_equal(c->seal_key, "/etc/twokey/seal");
	assert_int_equal(c->nanchor, 2);
	config_free(c);
	free(text);
	free(base);
}

static struct config *
way_config(void)
{
	char *text = golden_text("way.yaml");
	struct config *c;
	struct err e = { .text = "" };

	if (config_parse(text, strlen(text), "way.yaml", &c, &e) != 0)
		fail_msg("%s", e.text);
	free(text);
	return c;
}

static void
hops_are_read_into_their_structs(void **state)
{
	struct config *c = way_config();
	const struct config_target *t = config_target(c, "far");

	assert_string_equal(t->engine, "mariadb");
	assert_int_equal(t->port, 3306);
	assert_string_equal(t->host, "db.internal");
	assert_int_equal(t->tls, CONFIG_TLS_OFF);
	assert_string_equal(t->password_from, "anna");
	assert_int_equal(t->keepalive_s, 5);
	assert_int_equal(t->dead_after_s, 20);
	assert_int_equal(t->table_limit, 1 << 30);
	assert_int_equal(t->nhops, 2);
	assert_string_equal(t->hops[0].name, "gate");
	assert_string_equal(t->hops[0].host, "gate.example.com");
	assert_int_equal(t->hops[0].port, 2222);
	assert_string_equal(t->hops[0].user, "support");
	assert_string_equal(t->hops[0].key, "/etc/twokey/keys/gate");
	assert_string_equal(t->hops[0].passphrase_from, "ben");
	assert_string_equal(t->hops[0].host_key, "SHA256:jI2Zy4nTJVn9VSuGbC1UqLmyHIkNmcSXOjSqzSYb7ag");
	assert_null(t->hops[0].agent);
	assert_string_equal(t->hops[1].name, "inner.example.com");
	assert_int_equal(t->hops[1].port, 22);
	assert_string_equal(t->hops[1].agent, "/run/user/1000/agent");
	assert_string_equal(t->hops[1].known_hosts, "/etc/twokey/known_hosts");
	assert_null(t->hops[1].key);
	t = config_target(c, "deep");
	assert_int_equal(t->keepalive_s, 15);
	assert_int_equal(t->dead_after_s, 45);
	assert_string_equal(t->hops[0].passphrase_file, "/etc/twokey/keys/gate.phrase");
	assert_string_equal(t->socket, "/var/run/postgresql/.s.PGSQL.5432");
	config_free(c);
}

static void
other_ways_and_secrets_are_read_into_their_structs(void **state)
{
	struct config *c = way_config();
	const struct config_target *t = config_target(c, "program");

	assert_int_equal(t->ncommand, 3);
	assert_string_equal(t->command[0], "/usr/local/bin/to-db");
	assert_string_equal(t->command[2], "two words");
	assert_int_equal(t->npassword_command, 2);
	assert_string_equal(t->password_command[1], "shop");
	assert_int_equal(t->port, 5432);
	assert_null(t->host);
	t = config_target(c, "vpn");
	assert_string_equal(t->via, "wg0");
	assert_string_equal(t->password_credential, "shop.password");
	assert_int_equal(t->port, 3307);
	t = config_target(c, "box");
	assert_int_equal(t->port, 3306);
	assert_int_equal(t->tls, CONFIG_TLS_REQUIRE);
	assert_int_equal(strlen(t->tls_fingerprint), 59);
	config_free(c);
}

static void
an_account_is_called_as_the_patterns_ask(void **state)
{
	struct config *c = golden_config();

	assert_true(config_account_ok(c, "metricfixer_readonly"));
	assert_true(config_account_ok(c, "metricfixer_ticket_1234"));
	assert_false(config_account_ok(c, "metricfixer_readonly2"));
	assert_false(config_account_ok(c, "postgres"));
	assert_false(config_account_ok(c, ""));
	config_free(c);
	c = way_config();
	assert_int_equal(c->naccount_names, 2);
	assert_true(config_account_ok(c, "support_ticket_"));
	assert_false(config_account_ok(c, "metricfixer_readonly"));
	config_free(c);
}

static void
people_and_targets_are_found_by_name_and_login(void **state)
{
	struct config *c = golden_config();

	assert_ptr_equal(config_person(c, "anna"), &c->people[1]);
	assert_ptr_equal(config_person_of_login(c, "ben.two"), &c->people[0]);
	assert_ptr_equal(config_target(c, "copy"), &c->targets[1]);
	assert_null(config_person(c, "ann"));
	assert_null(config_person(c, "anna "));
	assert_null(config_person(c, ""));
	assert_null(config_person(c, NULL));
	assert_null(config_person_of_login(c, "Ben"));
	assert_null(config_person_of_login(c, NULL));
	assert_null(config_target(c, "COPY"));
	assert_null(config_target(c, NULL));
	config_free(c);
}

struct taken {
	const char *old;
	const char *lines;
};

static void
all_are_taken(const struct taken *rows, size_t n)
{
	char *base = golden_text("config.yaml");

	for (size_t i = 0; i < n; i++) {
		char *text = golden_change(base, rows[i].old, rows[i].lines);
		struct err e = { .text = "" };
		struct config *c;

		if (config_parse(text, strlen(text), "t.yaml", &c, &e) != 0)
			fail_msg("row %zu: %s", i, e.text);
		config_free(c);
		free(text);
	}
	free(base);
}

static void
what_is_allowed_is_taken(void **state)
{
	static const struct taken rows[] = {
		{ "max_rows: 500", "max_rows: 1\n" },
		{ "quota: 64MiB", "quota: 65536\n" },
		{ "quota: 64MiB", "quota: 1 GiB\n" },
		{ NULL, "users: { front: a, recorder: b, db: c, tunnel: d }\n" },
		{ "    may_answer: json", "    may_answer: screen\n" },
		{ "    tls: verify-full", "    tls: require\n" },
		{ "    socket: /run/postgresql", "    host: localhost\n" },
		{ "    socket: /run/postgresql", "    host: 127.3.2.1\n    tls: off\n" },
		{ "    socket: /run/postgresql", "    host: '::1'\n" },
		{ "    socket: /run/postgresql", "    socket: /run/postgresql\n    tls: off\n" },
		{ "run: /run/twokey/sessions", "run: '/run/twokey/a b'\r\n" },
		{ "run: /run/twokey/sessions", "run: \"/run/twokey/\xc3\xa4\"\n" },
		{ "# a whole configuration: the base of errors.txt and of the tests", "--- # begins\n" },
		{ NULL, "...\n" },
		/* the last that is still taken */
		{ "  - name: ben", "  - name: az09.b_c-d\n" },
		{ "  - name: ben", "  - name: bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb\n" },
		{ "    logins: [anna]", "    logins: [aA.zZ_09-x, _a]\n" },
		{ "    logins: [anna]", "    logins: [a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p]\n" },
		{ "    seats: [driver, watcher]", "    seats: [driver, watcher, confirmer]\n" },
		{ "    port: 5433", "    port: 65535\n" },
		{ "    port: 5433", "    port: 1\n" },
		{ "max_rows: 500", "max_rows: 100000000\n" },
		{ "quota: 64MiB", "quota: 1024TiB\n" },
		{ "run: /run/twokey/sessions", "run: /run/..x/x../.y/z./\n" },
		{ "    socket: /run/postgresql", "    host: 'ab-z.AZ09_x'\n    tls: require\n" },
	};

	all_are_taken(rows, sizeof rows / sizeof rows[0]);
}

static void
ways_that_are_allowed_are_taken(void **state)
{
	static const struct taken rows[] = {
		{ NULL, "account_names: []\n" },
		{ NULL, "account_names: [a, b, c, d, e, f, g, 'h[0-9]?*']\n" },
		{ "    socket: /run/postgresql", "    host: db.example.com\n    via: wg0\n    tls: off\n" },
		{ "    socket: /run/postgresql", "    host: db.example.com\n    hops:\n"
		    "      - { host: a, user: b, key: /k, known_hosts: /h, name: one }\n"
		    "      - { host: a, user: b, key: /k, known_hosts: /h, name: two }\n    via: eth0.5\n" },
		{ "    socket: /run/postgresql", "    host: db.example.com\n    command: [/bin/nc, db.example.com, '5432']\n"
		    "    tls: verify-full\n    ca: /ca\n" },
		{ "    socket: /run/postgresql", "    host: db.example.com\n    keepalive: 1\n    dead_after: 2\n    hops:\n"
		    "      - { host: a, user: b, agent: /a, host_key: 'ecdsa-sha2-nistp256 "
		    "AAAAE2VjZHNhLXNoYTItbmlzdHAyNTYA' }\n" },
		{ "    password_file: /etc/twokey/shop.password", "    table_limit: 1024\n" },
		{ "    engine: sqlite", "    engine: mysql\n    stage: export\n    host: localhost\n    database: s\n    user: u\n  - name: copy2\n"
		    "    stage: export\n    engine: sqlite\n    file: /x\n    table_limit: 1TiB\n  - name: copy3\n"
		    "    engine: sqlite\n" },
	};

	all_are_taken(rows, sizeof rows / sizeof rows[0]);
}

static void
a_file_is_read_and_a_missing_one_is_named(void **state)
{
	char path[4096];
	struct config *c;
	struct err e;

	snprintf(path, sizeof path, "%s/tests/golden/ticket/config.yaml", getenv("top_srcdir"));
	assert_int_equal(config_read(path, &c, &e), 0);
	config_free(c);
	assert_int_equal(config_read("/nonexistent/twokeyd.yaml", &c, &e), ERR_NOT_FOUND);
	assert_null(c);
	assert_non_null(strstr(e.text, "/nonexistent/twokeyd.yaml"));
	snprintf(path, sizeof path, "%s/tests/golden/ticket/ticket.yaml", getenv("top_srcdir"));
	assert_int_equal(config_read(path, &c, &e), ERR_CONFIG);
	assert_non_null(strstr(e.text, "ticket.yaml:2: id: is not known here"));
}

static void
every_word_is_parsed_as_it_is_named(void **state)
{
	for (int i = 0; i < TICKET_ACCESSES; i++) {
		enum ticket_access a;

		assert_true(ticket_access_parse(ticket_access_name((enum ticket_access)i), &a));
		assert_int_equal(a, i);
	}
	for (int i = 0; i < TICKET_STAGES; i++) {
		enum ticket_stage s;

		assert_true(ticket_stage_parse(ticket_stage_name((enum ticket_stage)i), &s));
		assert_int_equal(s, i);
	}
	for (int i = 0; i < TICKET_SEATS; i++) {
		enum ticket_seat s;

		assert_true(ticket_seat_parse(ticket_seat_name((enum ticket_seat)i), &s));
		assert_int_equal(s, i);
	}
	for (int i = 0; i < TICKET_SIDES; i++) {
		enum ticket_side s;

		assert_true(ticket_side_parse(ticket_side_name((enum ticket_side)i), &s));
		assert_int_equal(s, i);
	}
}

static void
a_word_that_is_none_changes_nothing(void **state)
{
	enum ticket_access a = TICKET_ACCESS_COPY;
	enum ticket_seat s = TICKET_SEAT_WATCHER;

	assert_false(ticket_access_parse("Write", &a));
	assert_false(ticket_access_parse("", &a));
	assert_false(ticket_access_parse(NULL, &a));
	assert_int_equal(a, TICKET_ACCESS_COPY);
	assert_false(ticket_seat_parse("driver ", &s));
	assert_int_equal(s, TICKET_SEAT_WATCHER);
	assert_string_equal(ticket_access_name(TICKET_ACCESSES), "?");
	assert_string_equal(ticket_stage_name((enum ticket_stage)-1), "?");
}

/* doc/config.txt holds the table that the schema prints; TICKET_TABLE=FILE writes it there. */
static void
the_manual_has_the_schemas_table(void **state)
{
	char path[4096];
	struct buf table, doc;
	struct err e;

	buf_init(&table, 1 << 20);
	buf_init(&doc, 1 << 20);
	schema_print(&table);
	snprintf(path, sizeof path, "%s/doc/config.txt", getenv("top_srcdir"));
	assert_int_equal(io_read_file(path, 1 << 20, &doc, &e), 0);
	if (getenv("TICKET_TABLE") != NULL)
		assert_int_equal(io_write_file(getenv("TICKET_TABLE"), 0644, buf_data(&table), buf_len(&table), NULL), 0);
	assert_false(buf_over(&table));
	assert_non_null(strstr(buf_str(&doc), buf_str(&table)));
	buf_fini(&table);
	buf_fini(&doc);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_configuration_is_read_into_its_struct),
		cmocka_unit_test(what_is_left_out_has_its_default),
		cmocka_unit_test(keys_of_people_seal_key_and_anchor_are_read),
		cmocka_unit_test(hops_are_read_into_their_structs),
		cmocka_unit_test(other_ways_and_secrets_are_read_into_their_structs),
		cmocka_unit_test(an_account_is_called_as_the_patterns_ask),
		cmocka_unit_test(people_and_targets_are_found_by_name_and_login),
		cmocka_unit_test(what_is_allowed_is_taken),
		cmocka_unit_test(ways_that_are_allowed_are_taken),
		cmocka_unit_test(a_file_is_read_and_a_missing_one_is_named),
		cmocka_unit_test(every_word_is_parsed_as_it_is_named),
		cmocka_unit_test(a_word_that_is_none_changes_nothing),
		cmocka_unit_test(the_manual_has_the_schemas_table),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
