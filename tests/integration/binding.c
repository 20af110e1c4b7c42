/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Law 4: what a request is bound to, one field after the other, changed by somebody else between sheet and key on real
 * servers. Nothing may be changed then, and the transcript says what differs (binding.def). */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "twokey/base/clock.h"
#include "twokey/base/json.h"

#include "lib/beside.h"
#include "lib/broker.h"
#include "lib/mariadb.h"
#include "lib/pg.h"

enum engine { POSTGRES, MARIADB, SQLITE };

static const struct row {
	enum engine engine;
	const char *before, *statement, *rows, *change, *event, *code, *words;
} rows[] = {
#define BIND(engine, before, statement, rows, change, event, code, words) \
	{ engine, before, statement, rows, change, event, code, words },
#include "integration/binding.def"
#undef BIND
};
enum { ROWS = sizeof rows / sizeof rows[0], TEXT = 2048, WAVE = 8 };

static struct pg_server *pg;
static struct mariadb_server *maria;
static struct test_broker broker;

/* The text with the row's own table in the place of each #. */
static const char *
named(char out[TEXT], const char *text, size_t i)
{
	size_t n = 0;

	for (; *text != '\0'; text++) {
		assert_true(n + 8 < TEXT);
		if (*text == '#')
			n += (size_t)snprintf(out + n, 8, "t%02u", (unsigned)i);
		else
			out[n++] = *text;
	}
	out[n] = '\0';
	return out;
}

static char *
ask(enum engine engine, const char *sql)
{
	return engine == POSTGRES ? pg_server_sql(pg, "postgres", sql) : mariadb_server_sql(maria, "shop", sql);
}

static void
exec(enum engine engine, const char *sql)
{
	char *got;

	if (engine == SQLITE) {
		test_shop_exec(&broker, sql);
		return;
	}
	got = ask(engine, sql);
	if (strncmp(got, "error", 5) == 0)
		fail_msg("%s: %s", sql, got);
	free(got);
}

static int64_t
number(enum engine engine, const char *sql)
{
	char *got;
	int64_t v;

	if (engine == SQLITE)
		return test_shop_number(&broker, sql);
	got = ask(engine, sql);
	if (strncmp(got, "error", 5) == 0)
		fail_msg("%s: %s", sql, got);
	v = strtoll(got, NULL, 10);
	free(got);
	return v;
}

/* The change of the row. A setting of the whole server is there when a new connection has it: the old ones were told first. */
static void
change(const struct row *r, size_t i)
{
	int64_t until = clock_mono_ms() + TEST_DEADLINE_MS;
	char text[TEXT];

	exec(r->engine, named(text, r->change, i));
	if (r->engine != POSTGRES || strncmp(r->change, "ALTER SYSTEM", 12) != 0)
		return;
	exec(POSTGRES, "SELECT pg_reload_conf()");
	while (number(POSTGRES, "SELECT setting FROM pg_settings WHERE name = 'work_mem'") != 5120) {
		assert_true(clock_mono_ms() < until);
		nanosleep(&(struct timespec){ 0, 10 * 1000 * 1000 }, NULL);
	}
}

static void
make_table(size_t i)
{
	static const char *const columns[] = {
		[POSTGRES] = "id int PRIMARY KEY, n int NOT NULL, note text, other text",
		[MARIADB] = "id int AUTO_INCREMENT PRIMARY KEY, n int NOT NULL, note text, other text",
		[SQLITE] = "id INTEGER PRIMARY KEY, n INTEGER NOT NULL, note TEXT, other TEXT",
	};
	char text[TEXT], sql[TEXT];

	snprintf(sql, sizeof sql, "CREATE TABLE #(%s); INSERT INTO #(id, n) VALUES (1, 0), (2, 0), (3, 1), (4, 1), (5, 0), (6, 0)",
	    columns[rows[i].engine]);
	exec(rows[i].engine, named(text, sql, i));
	if (rows[i].before[0] != '\0')
		exec(rows[i].engine, named(text, rows[i].before, i));
	if (rows[i].engine == POSTGRES)
		exec(POSTGRES, named(text, "GRANT SELECT, INSERT, UPDATE, DELETE ON # TO support", i));
}

/* Says that it is open, so that the minimum time passes for all of a wave at once. */
static void
opened(struct test_console *anna, int64_t n)
{
	test_event(anna, "sheet", n);
	test_send(anna, "{\"do\":\"opened\",\"of\":%lld,\"last\":true}", (long long)n);
	assert_true(json_bool(test_answer(anna, "opened"), "ok"));
}

/* What is held is not there for anybody else, and is taken back by a no. */
static void
deny_held(struct test_console *ben, struct test_console *anna, size_t i, int64_t n)
{
	char text[TEXT], line[100];

	json_t *held = test_event_either(ben, "held", "rolledback", n);
	const char *note = test_body(ben, json_int(held, "n", 0), "note");

	assert_string_equal(json_string_value(json_array_get(json_object_get(held, "why"), 0)), rows[i].code);
	if (note == NULL || strstr(note, rows[i].words) == NULL)
		fail_msg("%s", note != NULL ? note : "no note");
	snprintf(line, sizeof line, "{\"do\":\"deny\",\"of\":%lld,\"reason\":\"other rows\"}", (long long)n);
	test_ok(anna, line);
	test_event(ben, "rolledback", n);
	assert_int_equal(number(rows[i].engine, named(text, "select count(*) from # where note = 'w'", i)), 0);
}

static void
check(struct test_console *ben, size_t i, int64_t n)
{
	const struct row *r = &rows[i];
	bool committed = strcmp(r->event, "committed") == 0;
	char text[TEXT], words[TEXT];
	json_t *end = test_event_either(ben, r->event, committed ? "rolledback" : "committed", n);
	const char *code = json_str(end, "code", NULL), *why;

	why = test_body(ben, json_int(end, "n", 0), "why");
	if (strcmp(json_str(end, "ev", NULL), r->event) != 0)
		fail_msg("%s: %s %s", named(text, r->change, i), json_str(end, "ev", NULL), why != NULL ? why : "");
	assert_int_equal(number(r->engine, named(text, "select count(*) from # where note = 'w'", i)), committed ? 2 : 0);
	if (committed)
		return;
	if (code == NULL || strcmp(code, r->code) != 0 || why == NULL || strstr(why, named(words, r->words, i)) == NULL)
		fail_msg("%s: %s: %s; not %s: %s", named(text, r->change, i), code, why, r->code, words);
	if (strcmp(r->code, "bind") == 0)
		assert_int_equal(number(r->engine, named(text, "select count(*) from # where id = 1", i)), 1);
}

static void
wave(struct test_console *ben, struct test_console *anna, const size_t *which, size_t count)
{
	int64_t n[WAVE];
	char text[TEXT];

	for (size_t k = 0; k < count; k++)
		make_table(which[k]);
	for (size_t k = 0; k < count; k++) {
		n[k] = test_request(ben, named(text, rows[which[k]].statement, which[k]), rows[which[k]].rows);
		opened(anna, n[k]);
	}
	for (size_t k = 0; k < count; k++) {
		json_t *a;

		change(&rows[which[k]], which[k]);
		a = test_allow(anna, n[k], named(text, rows[which[k]].rows[0] == '<' ? "# <=2" : "# 2", which[k]));
		if (!json_bool(a, "ok"))
			fail_msg("%s: %s", named(text, rows[which[k]].change, which[k]), json_str(a, "why", NULL));
		if (strcmp(rows[which[k]].event, "held") == 0)
			deny_held(ben, anna, which[k], n[k]);
		else
			check(ben, which[k], n[k]);
	}
}

/* Each row has a table of its own, so those of a wave do not disturb each other; what changes all tables stands alone. */
static void
every_row(enum engine engine, const char *id, const char *ticket)
{
	struct test_console *ben, *anna;
	size_t which[WAVE], count = 0;
	char line[100];

	test_ticket_with(&broker, id, ticket);
	ben = test_console(&broker, "ben");
	anna = test_console(&broker, "anna");
	snprintf(line, sizeof line, "{\"do\":\"open\",\"ticket\":\"%s\"}", id);
	test_ok(ben, line);
	test_event(ben, "connected", 0);
	snprintf(line, sizeof line, "{\"do\":\"join\",\"ticket\":\"%s\"}", id);
	test_ok(anna, line);
	test_event(anna, "connected", 0);
	for (size_t i = 0; i < ROWS; i++) {
		if (rows[i].engine == engine)
			which[count++] = i;
		if (count == (engine == SQLITE ? 1 : WAVE) || (i == ROWS - 1 && count > 0)) {
			wave(ben, anna, which, count);
			count = 0;
		}
	}
	test_end(&broker, ben);
	test_console_close(ben);
	test_console_close(anna);
	test_broker_stop(&broker);
}

static void
on_postgres_what_differs_is_rolled_back_and_named(void **state)
{
	struct test_broker_options o = { .engine = "postgres" };
	char target[400];

	(void)state;
	pg = pg_server_start();
	assert_non_null(pg);
	exec(POSTGRES, "CREATE ROLE support LOGIN; CREATE TABLE log_to(id int);"
	    "CREATE FUNCTION log_it() RETURNS trigger SECURITY DEFINER LANGUAGE plpgsql AS"
	    " 'BEGIN INSERT INTO public.log_to VALUES (1); RETURN new; END'");
	snprintf(target, sizeof target, "    socket: %s\n    database: postgres\n    user: support\n", pg_server_socket(pg));
	o.target = target;
	test_broker_start(&broker, &o);
	every_row(POSTGRES, "BIND-P", "access: write\\nstage: production\\n");
	assert_int_equal(number(POSTGRES, "select count(*) from log_to"), 0);
	pg_server_stop(pg);
}

static void
on_mariadb_what_differs_is_rolled_back_and_named(void **state)
{
	struct test_broker_options o = { .engine = "mariadb" };
	char target[400], *got;

	(void)state;
	maria = mariadb_server_start(NULL);
	assert_non_null(maria);
	got = mariadb_server_sql(maria, NULL, "CREATE DATABASE shop; CREATE USER support@localhost PASSWORD EXPIRE INTERVAL 30 DAY;"
	    "GRANT SELECT, INSERT, UPDATE, DELETE, SHOW VIEW, TRIGGER ON shop.* TO support@localhost");
	assert_string_equal(got, "");
	free(got);
	exec(MARIADB, "CREATE TABLE log_it(id int)");
	snprintf(target, sizeof target, "    socket: %s\n    database: shop\n    user: support\n", mariadb_server_socket(maria));
	o.target = target;
	test_broker_start(&broker, &o);
	every_row(MARIADB, "BIND-M", "access: write\\nstage: production\\naccept_excess:\\n  - {what: ddl, reason: to see triggers}\\n");
	assert_int_equal(number(MARIADB, "select count(*) from log_it"), 0);
	mariadb_server_stop(maria);
}

static void
on_sqlite_what_differs_is_rolled_back_and_named(void **state)
{
	(void)state;
	test_broker_start(&broker, NULL);
	every_row(SQLITE, "BIND-S", "access: write\\nstage: production\\n");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(on_postgres_what_differs_is_rolled_back_and_named),
		cmocka_unit_test(on_mariadb_what_differs_is_rolled_back_and_named),
		cmocka_unit_test(on_sqlite_what_differs_is_rolled_back_and_named),
	};

	return test_run_beside("binding", tests, sizeof tests / sizeof *tests, NULL, NULL);
}
