/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include <locale.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "twokey/base/buf.h"
#include "twokey/console/link.h"
#include "twokey/console/screen.h"

#include "console/lobby.h"

static json_t *
list(void)
{
	return json_pack("{s:[{s:s, s:s, s:s, s:s, s:s, s:s, s:i}, {s:s, s:s, s:s, s:s, s:s}],"
	    " s:[{s:s, s:s, s:s, s:s}, {s:s, s:s, s:s, s:s}, {s:s, s:s, s:s, s:s}, {s:s, s:s, s:s}]}", "sessions",
	    "session", "s-1", "ticket", "MFX-1", "target", "shop", "stage", "production", "seat", "confirmer",
	    "driver", "ben", "waiting", 1,
	    "session", "s-2", "ticket", "MFX-2", "target", "shop", "seat", "driver", "driver", "anna",
	    "tickets",
	    "ticket", "MFX-3", "seat", "driver", "state", "accepted", "title", "a\033[2Jb",
	    "ticket", "MFX-4", "seat", "driver", "state", "new", "title", "later",
	    "ticket", "MFX-5", "seat", "confirmer", "state", "accepted", "title", "wait",
	    "ticket", "MFX-6", "seat", "driver", "state", "expired");
}

static void
sessions_come_first_and_foreign_text_is_safe(void **state)
{
	struct link_hello me = { .person = "anna", .side = "customer", .broker = "private" };
	struct screen *s = screen_open_headless(24, 80);
	json_t *l = list();
	struct buf out;

	buf_init(&out, 1 << 16);
	lobby_draw(s, &me, l, 0, "why\033[m");
	screen_dump(s, &out);
	assert_non_null(strstr(buf_str(&out), "LOBBY | anna (customer)"));
	assert_non_null(strstr(buf_str(&out), "protects against mistakes, not against this login"));
	assert_non_null(strstr(buf_str(&out), ">1 session  MFX-1"));
	assert_non_null(strstr(buf_str(&out), "confirmer 1 WAITS ben"));
	assert_non_null(strstr(buf_str(&out), "a<1B>[2Jb"));
	assert_null(strchr(buf_str(&out), '\033'));
	buf_fini(&out);
	json_decref(l);
	screen_close(s);
}

/* What ran, what tells, how it is settled: all of it is on the screen, however long. */
static void
an_open_outcome_says_how_it_is_settled(void **state)
{
	struct link_hello me = { .person = "anna", .side = "customer", .broker = "system" };
	struct screen *s = screen_open_headless(24, 80);
	json_t *l = json_pack("{s:[{s:s, s:s, s:s, s:s, s:s, s:s, s:b, s:{s:s, s:s}}], s:[]}", "sessions",
	    "session", "s-20261121-103612-9f3c11a0", "ticket", "MFX-1", "target", "shop", "stage", "production", "seat", "confirmer",
	    "driver", "ben", "ending", 1, "open", "sql", "update orders set note = 'x\033[2J' where id = 3", "how",
	    "ask the server: SELECT pg_xact_status('747'), system_identifier = 7301 AS same_server FROM pg_control_system(); it holds only "
	    "where same_server is true; by hand: compare the rows that are there with the statement of event 17", "tickets");
	static const char *const parts[] = { "UNKNOWN  MFX-1", "update orders set note", "<1B>[2J", "pg_xact_status('747')", "compare the rows",
		"twokey settle", "s-20261121-103612-9f3c11a0", "committed|aborted" };
	struct seat_wish w = { 0 };
	char why[2000];
	struct buf out;

	(void)state;
	assert_false(lobby_choose(l, 0, &w, why, sizeof why));
	buf_init(&out, 1 << 16);
	lobby_draw(s, &me, l, 0, why);
	screen_dump(s, &out);
	for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++)
		if (strstr(buf_str(&out), parts[i]) == NULL)
			fail_msg("%s is not on the screen:\n%s", parts[i], buf_str(&out));
	assert_null(strchr(buf_str(&out), '\033'));
	buf_fini(&out);
	json_decref(l);
	screen_close(s);
}

static void
entering_wishes_for_the_seat_that_is_named(void **state)
{
	static const struct {
		bool can, drive;
		const char *ticket, *session, *why;
	} table[] = {
		{ true, false, NULL, "s-1", "" },
		{ true, true, "MFX-2", NULL, "" },
		{ true, true, "MFX-3", NULL, "" },
		{ false, true, NULL, NULL, "twokey ticket accept MFX-4" },
		{ false, false, NULL, NULL, "its driver opens it" },
		{ false, true, NULL, NULL, "has expired" },
	};
	json_t *l = list();

	assert_int_equal(lobby_count(l), sizeof table / sizeof table[0]);
	for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
		struct seat_wish w = { 0 };
		char why[200] = "";

		assert_int_equal(lobby_choose(l, i, &w, why, sizeof why), table[i].can);
		assert_non_null(strstr(why, table[i].why));
		if (!table[i].can)
			continue;
		assert_int_equal(w.drive, table[i].drive);
		if (table[i].ticket != NULL)
			assert_string_equal(w.ticket, table[i].ticket);
		if (table[i].session != NULL)
			assert_string_equal(w.session, table[i].session);
	}
	json_decref(l);
}

/* As a broker of now tells it. */
static json_t *
wall(void)
{
	return json_loads("{\"sessions\":["
	    "{\"session\":\"s-1\",\"ticket\":\"MFX-1\",\"target\":\"shop\",\"stage\":\"production\",\"seat\":\"confirmer\","
	    "\"driver\":\"ben\",\"state\":\"ready\",\"waiting\":0,\"asks\":[],\"here\":[]},"
	    "{\"session\":\"s-2\",\"ticket\":\"MFX-2\",\"target\":\"shop\",\"stage\":\"production\",\"seat\":\"confirmer\","
	    "\"driver\":\"\",\"state\":\"paused\",\"why\":\"left\",\"waiting\":0,\"asks\":[],\"here\":[]},"
	    "{\"session\":\"s-3\",\"ticket\":\"MFX-3\",\"target\":\"shop\",\"stage\":\"staging\",\"seat\":\"watcher\","
	    "\"driver\":\"leo\",\"state\":\"ready\",\"waiting\":1,\"asks\":[{\"of\":7,\"by\":\"leo\",\"class\":\"write\","
	    "\"table\":\"orders\",\"age\":31,\"held\":true}],\"here\":[{\"person\":\"kim\",\"away\":true}]},"
	    "{\"session\":\"s-4\",\"ticket\":\"MFX-4\",\"target\":\"crm\",\"stage\":\"production\",\"seat\":\"confirmer\","
	    "\"driver\":\"ben\",\"state\":\"ready\",\"waiting\":2,\"asks\":[{\"of\":12,\"by\":\"ben\",\"class\":\"write\","
	    "\"table\":\"a\\u001b[2Jb\",\"age\":192,\"held\":false,\"turned\":\"kim\"},{\"of\":13,\"by\":\"ben\",\"class\":\"write\","
	    "\"table\":\"orders\",\"age\":20,\"held\":false}],\"here\":[{\"person\":\"kim\",\"away\":false}]},"
	    "{\"session\":\"s-5\",\"ticket\":\"MFX-5\",\"target\":\"shop\",\"stage\":\"production\",\"seat\":\"confirmer\","
	    "\"driver\":\"ben\",\"state\":\"alone\",\"waiting\":0,\"asks\":[],\"here\":[]}],"
	    "\"tickets\":[{\"ticket\":\"MFX-9\",\"seat\":\"driver\",\"state\":\"accepted\",\"title\":\"later\"}]}", 0, NULL);
}

static void
sees(int rows, int cols, const json_t *l, const char *const *lines, size_t n)
{
	struct link_hello me = { .person = "anna", .side = "customer", .broker = "system" };
	struct screen *s = screen_open_headless(rows, cols);
	struct buf out;

	buf_init(&out, 1 << 16);
	lobby_draw(s, &me, l, 0, "");
	screen_dump(s, &out);
	for (size_t i = 0; i < n; i++)
		if (strstr(buf_str(&out), lines[i]) == NULL)
			fail_msg("no \"%s\" on:\n%s", lines[i], buf_str(&out));
	assert_null(strchr(buf_str(&out), '\033'));
	buf_fini(&out);
	screen_close(s);
}

static void
what_waits_stands_on_top_with_its_age(void **state)
{
	static const char *const narrow[] = { " twokey | LOBBY | anna (customer) | 3 requests WAIT, 03:12",
		">1 session  MFX-4            crm        production confirmer WAITS 03:12 +1 ben",
		" 2 session  MFX-3            shop       staging    watcher   HELD 00:31 leo",
		" 3 session  MFX-2            shop       production confirmer PAUSED left (no",
		" 4 session  MFX-5            shop       production confirmer READS ONLY ben",
		" 5 session  MFX-1            shop       production confirmer ready ben",
		" 6 ticket   MFX-9", "Enter or 1-9 goes in" };
	static const char *const wide[] = { "WAITS 03:12 +1 ben  #12 write a<1B>[2Jb, 1 of 2 keys, by kim  here: kim",
		"HELD 00:31 leo  #7 write orders  here: kim AWAY", "PAUSED left (no driver)" };
	json_t *l = wall();

	lobby_sort(l);
	sees(24, 80, l, narrow, sizeof narrow / sizeof narrow[0]);
	sees(40, 140, l, wide, sizeof wide / sizeof wide[0]);
	json_decref(l);
}

/* Rows move while somebody looks; the one that is chosen stays that. */
static void
a_row_is_found_again(void **state)
{
	json_t *before = wall(), *after = wall();

	lobby_sort(after);
	for (size_t i = 0; i < lobby_count(before); i++) {
		const json_t *was = lobby_item(before, i), *is = lobby_item(after, lobby_find_again(after, was));

		assert_true(json_equal(json_object_get(was, "ticket"), json_object_get(is, "ticket")));
	}
	assert_int_equal(lobby_find_again(after, NULL), 0);
	json_array_clear(json_object_get(after, "sessions"));
	assert_int_equal(lobby_find_again(after, lobby_item(before, 2)), 0);
	json_decref(before);
	json_decref(after);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sessions_come_first_and_foreign_text_is_safe),
		cmocka_unit_test(what_waits_stands_on_top_with_its_age),
		cmocka_unit_test(a_row_is_found_again),
		cmocka_unit_test(an_open_outcome_says_how_it_is_settled),
		cmocka_unit_test(entering_wishes_for_the_seat_that_is_named),
	};

	setlocale(LC_CTYPE, "C.UTF-8");
	return cmocka_run_group_tests_name("console_lobby", tests, NULL, NULL);
}
