/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A change that db holds, and a recorder that is this test: what is changed on the way between the key that keeps it and
 * the COMMIT. db judges by itself, so nothing of it is kept (law 4). */
#include "config.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "twokey/base/json.h"

#include "attack_db_world.h"
#include "lib/beside.h"

static const char holds[] = "id: T-1\ntitle: orders\ntarget: shop\naccess: write\nstage: production\npeople:\n"
    "  - {name: ben, seat: driver}\n  - {name: anna, seat: confirmer}\n  - {name: kim, seat: watcher}\napprover: anna\n"
    "second_key: any\nhold: always\nexpires: 2036-01-01T00:00:00Z\n";

/* The request ran and is held; the bind of what is held. */
static void
hold(struct world *w, char bind[DIGEST_HEX + 1])
{
	json_t *ev;

	begin(w, holds, "no", NULL);
	send_event(w, 18, allowed(w));
	send_event(w, 19, run(w));
	ev = hears(w, "held", "rolledback");
	assert_string_equal(json_str(ev, "ev", NULL), "held");
	snprintf(bind, DIGEST_HEX + 1, "%s", json_str(ev, "bind", NULL));
	json_decref(ev);
	assert_int_equal(written(w), 0);
}

static json_t *
kept(const struct world *w, const char *bind)
{
	json_t *ev = allowed(w);

	json_object_set_new(ev, "ev", json_string("kept"));
	json_object_set_new(ev, "bind", json_string(bind));
	return ev;
}

/* A no ends it: what was sent before has kept nothing. */
static void
not_kept(struct world *w, const char *what)
{
	send_event(w, 30, json_pack("{s:s, s:i, s:s}", "ev", "denied", "of", 17, "by", "anna"));
	not_run(w, what);
	end(w);
}

static void
as_it_should_be_it_is_kept_once(void **state)
{
	char bind[DIGEST_HEX + 1];
	struct world w;
	json_t *ev;

	(void)state;
	hold(&w, bind);
	send_event(&w, 20, kept(&w, bind));
	ev = hears(&w, "committed", "rolledback");
	assert_string_equal(json_str(ev, "ev", NULL), "committed");
	json_decref(ev);
	assert_int_equal(written(&w), 2);
	/* the same again keeps and runs nothing any more */
	sql(&w, "update orders set note = null");
	send_event(&w, 21, kept(&w, bind));
	send_event(&w, 22, run(&w));
	not_run(&w, "run again after it was kept");
	end(&w);
}

static const struct field {
	const char *key, *value;	/* NULL: it is missing; "~": one digit is another; "sheet": the one that was allowed */
} fields[] = {
	{ "digest", "~" }, { "digest", NULL }, { "bind", "~" }, { "bind", NULL }, { "bind", "sheet" }, { "bind", "" },
	{ "by", "ben" }, { "by", "kim" }, { "by", NULL }, { "by", "" }, { "by", "mallory" }, { "of", "18" }, { "of", NULL },
	{ "until", NULL }, { "until", "2020-01-01T00:00:00.000000Z" }, { "until", "2035-12-31T00:00:00.000000Z" }, { "until", "soon" },
	{ "ev", "keep" }, { "ev", "committed" }, { "ev", "committing" }, { "ev", "turned" },
};

static void
change(json_t *ev, const struct world *w, const struct field *f)
{
	char text[200];

	if (f->value == NULL) {
		json_object_del(ev, f->key);
	} else if (strcmp(f->key, "of") == 0) {
		json_object_set_new(ev, "of", json_integer(atoi(f->value)));
	} else if (strcmp(f->value, "sheet") == 0) {
		json_object_set_new(ev, f->key, json_string(w->bind));
	} else if (strcmp(f->value, "~") == 0) {
		snprintf(text, sizeof text, "%s", json_str(ev, f->key, NULL));
		text[5] = text[5] == 'a' ? 'b' : 'a';
		json_object_set_new(ev, f->key, json_string(text));
	} else {
		json_object_set_new(ev, f->key, json_string(f->value));
	}
}

static void
a_field_that_is_changed_on_its_way_keeps_nothing(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof fields / sizeof fields[0]; i++) {
		char bind[DIGEST_HEX + 1], what[100];
		struct world w;
		json_t *ev;

		hold(&w, bind);
		ev = kept(&w, bind);
		change(ev, &w, &fields[i]);
		snprintf(what, sizeof what, "%s %s", fields[i].key, fields[i].value != NULL ? fields[i].value : "is missing");
		send_event(&w, 20, ev);
		not_kept(&w, what);
	}
}

/* The first key again, another run, a second request: while it is held nothing of it is taken for the key that keeps it. */
static void
nothing_else_keeps_it(void **state)
{
	char bind[DIGEST_HEX + 1];
	struct world w;

	(void)state;
	hold(&w, bind);
	send_event(&w, 20, allowed(&w));
	not_kept(&w, "the first key again");
	hold(&w, bind);
	send_event(&w, 20, run(&w));
	not_kept(&w, "run again");
	/* before it ran: a key for what is not held yet */
	begin(&w, holds, "no", NULL);
	send_event(&w, 18, kept(&w, w.bind));
	send_event(&w, 19, run(&w));
	not_run(&w, "kept before it was allowed");
	end(&w);
	begin(&w, holds, "no", NULL);
	send_event(&w, 18, allowed(&w));
	send_event(&w, 19, kept(&w, w.bind));
	send_event(&w, 20, run(&w));
	json_decref(hears(&w, "held", "held"));
	not_kept(&w, "kept before it was held");
}

/* The recorder is gone: nobody could tell of a COMMIT. */
static void
who_loses_the_recorder_keeps_nothing(void **state)
{
	char bind[DIGEST_HEX + 1];
	struct world w;

	(void)state;
	hold(&w, bind);
	tell(&w, json_pack("{s:b}", "end", 1), NULL, NULL);
	not_run(&w, "it was told to end");
	end(&w);
}

/* A commit point that never gets to disk: locks are not held for that, and a late answer commits nothing. */
static void
a_commit_that_nobody_records_is_taken_back(void **state)
{
	char bind[DIGEST_HEX + 1];
	struct world w;

	(void)state;
	hold(&w, bind);
	send_event(&w, 20, kept(&w, bind));
	json_decref(hears(&w, "committing", "committed"));
	not_run(&w, "it was not recorded");
	tell(&w, json_pack("{s:i}", "synced", 17), NULL, NULL);
	assert_int_equal(written(&w), 0);
	sql(&w, "update orders set note = 'free' where id = 1");
	end(&w);
}

/* A session that lies about what a change set is: text, bounds of its statements, whether db takes it for one. */
static const struct lie {
	const char *text, *bounds;
	bool is;
} lies[] = {
	{ "update orders set note = 'w' where id = 1;\ndelete from orders where id = 2;\n", "[\"\",\"= 1\"]", true },
	{ "update orders set note = ';--' where id = 1 /* ; */;\ndelete from orders where id = 2", "[\"\",\"\"]", true },
#define ONE "update orders set note = 'w' where id = 1;\n"
	{ ONE "commit;\n", "[\"\",\"\"]", false }, { "begin;\n" ONE, "[\"\",\"\"]", false },
	{ ONE "savepoint a;\n", "[\"\",\"\"]", false }, { ONE "end;\n" ONE, "[\"\",\"\",\"\"]", false },
	{ ONE "create table t(a);\n", "[\"\",\"\"]", false }, { ONE "drop table orders;\n", "[\"\",\"\"]", false },
	{ ONE "attach 'x' as y;\n", "[\"\",\"\"]", false }, { ONE "pragma writable_schema = 1;\n", "[\"\",\"\"]", false },
	{ ONE "select load_extension('x');\n", "[\"\",\"\"]", false }, { ONE "select 1;\n", "[\"\",\"\"]", false },
	{ ONE ".shell id\n", "[\"\",\"\"]", false }, { ".read x\n" ONE, "[\"\",\"\"]", false },
	{ ONE "explain " ONE, "[\"\",\"\"]", false }, { ONE "vacuum;\n", "[\"\",\"\"]", false },
	/* it is divided otherwise than the bounds say */
	{ ONE ONE, "[\"\"]", false }, { ONE, "[\"\",\"\"]", false }, { ONE ONE, "[]", false }, { ONE ";;\n" ONE, "[\"\",\"\"]", false },
	{ ONE ";\n" ONE, "[\"\",\"\",\"\"]", false }, { ONE "-- ;\n", "[\"\",\"\"]", false },
	{ ONE "/* " ONE, "[\"\",\"\"]", false }, { ONE "update orders set note = '", "[\"\",\"\"]", false },
	{ "update orders set note = '" ONE ONE, "[\"\",\"\"]", false }, { "update orders set note = \"" ONE ONE, "[\"\",\"\"]", false },
	/* bounds that are none */
	{ ONE ONE, "[\"\",1]", false }, { ONE ONE, "[\"\",null]", false }, { ONE ONE, "[\"\",\">= 1\"]", false },
	{ ONE ONE, "[\"\",\"<= 99999999999999999999\"]", false }, { ONE ONE, "[\"\",[\"\"]]", false }, { ONE ONE, "{}", false },
	{ ONE ONE, "\"= 1\"", false }, { ONE ONE, "[\"= -1\",\"\"]", false },
	{ ONE ONE ONE ONE ONE ONE ONE ONE ONE ONE ONE ONE ONE ONE ONE ONE ONE,
	    "[\"\",\"\",\"\",\"\",\"\",\"\",\"\",\"\",\"\",\"\",\"\",\"\",\"\",\"\",\"\",\"\",\"\"]", false },
};

static void
only_changes_of_rows_are_parts_of_a_set(void **state)
{
	struct world w;

	(void)state;
	begin(&w, holds, "no", NULL);
	for (size_t i = 0; i < sizeof lies / sizeof lies[0]; i++) {
		struct digest d = digest_of(lies[i].text, strlen(lies[i].text));
		char hex[DIGEST_HEX + 1];
		json_t *ev;

		digest_hex(&d, hex);
		tell(&w, json_pack("{s:i, s:{s:s, s:s, s:s, s:s, s:o}}", "n", (int)(100 + i), "event", "ev", "request", "by", "ben",
		    "digest", hex, "signed", "no", "bounds", json_loads(lies[i].bounds, JSON_DECODE_ANY, NULL)), "sql", lies[i].text);
		ev = hears(&w, "sheet", "failed");
		if ((strcmp(json_str(ev, "ev", NULL), "sheet") == 0) != lies[i].is)
			fail_msg("%s with %s: %s", lies[i].text, lies[i].bounds, json_str(ev, "ev", NULL));
		json_decref(ev);
	}
	assert_int_equal(written(&w), 0);
	end(&w);
}

static const char two_keys[] = "id: T-1\ntitle: orders\ntarget: shop\naccess: write\nstage: production\npeople:\n"
    "  - {name: ben, seat: driver}\n  - {name: anna, seat: confirmer}\n  - {name: kim, seat: confirmer}\n"
    "  - {name: tom, seat: confirmer}\napprover: anna\nsecond_key: any\nquorum: both_sides\nexpires: 2036-01-01T00:00:00Z\n";

/* Where the ticket asks for a key of each side: who turned the first one, who the second; "" nobody, "!": over other rows.
 * ben drives; ben, kim and tom are of the firm, anna is the customer's. */
static const struct keys {
	const char *first, *second;
	bool runs;
} keys[] = {
	{ "anna", "kim", true }, { "kim", "anna", true },
	{ "", "anna", false }, { "", "kim", false }, { "anna", "", false }, { "anna", "anna", false }, { "kim", "kim", false },
	{ "kim", "tom", false }, { "ben", "anna", false }, { "anna", "ben", false }, { "mallory", "anna", false },
	{ "anna", "mallory", false }, { "!anna", "kim", false }, { "anna", "!kim", false },
};

static void
turn(struct world *w, int n, const char *ev, const char *who)
{
	json_t *o = allowed(w);

	json_object_set_new(o, "ev", json_string(ev));
	json_object_set_new(o, "by", json_string(who + (who[0] == '!')));
	if (who[0] == '!')
		json_object_set_new(o, "bind", json_string(w->keys));
	send_event(w, n, o);
}

static void
two_keys_are_of_two_people_and_sides(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++) {
		char what[100];
		struct world w;
		json_t *ev;

		begin(&w, two_keys, "no", NULL);
		if (keys[i].first[0] != '\0')
			turn(&w, 18, "turned", keys[i].first);
		if (keys[i].second[0] != '\0')
			turn(&w, 19, "allowed", keys[i].second);
		send_event(&w, 20, run(&w));
		snprintf(what, sizeof what, "keys of %s and %s", keys[i].first, keys[i].second);
		if (!keys[i].runs) {
			not_run(&w, what);
		} else {
			ev = hears(&w, "committed", "rolledback");
			if (strcmp(json_str(ev, "ev", NULL), "committed") != 0)
				fail_msg("%s: %s", what, json_str(ev, "ev", NULL));
			json_decref(ev);
		}
		end(&w);
	}
}

/* Law 3: of the side that the ticket says, for db too. */
static void
a_key_of_the_wrong_side_runs_nothing(void **state)
{
	static const char ticket[] = "id: T-1\ntitle: orders\ntarget: shop\naccess: write\nstage: production\npeople:\n"
	    "  - {name: ben, seat: driver}\n  - {name: anna, seat: confirmer}\n  - {name: kim, seat: confirmer}\napprover: anna\n"
	    "second_key: other-side\nexpires: 2036-01-01T00:00:00Z\n";
	struct world w;

	(void)state;
	begin(&w, ticket, "no", NULL);
	turn(&w, 18, "allowed", "kim");
	send_event(&w, 19, run(&w));
	not_run(&w, "a key of the driver's own side");
	turn(&w, 20, "allowed", "anna");
	send_event(&w, 21, run(&w));
	json_decref(hears(&w, "committed", "committed"));
	end(&w);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(as_it_should_be_it_is_kept_once),
		cmocka_unit_test(a_field_that_is_changed_on_its_way_keeps_nothing),
		cmocka_unit_test(nothing_else_keeps_it),
		cmocka_unit_test(who_loses_the_recorder_keeps_nothing),
		cmocka_unit_test(a_commit_that_nobody_records_is_taken_back),
		cmocka_unit_test(only_changes_of_rows_are_parts_of_a_set),
		cmocka_unit_test(two_keys_are_of_two_people_and_sides),
		cmocka_unit_test(a_key_of_the_wrong_side_runs_nothing),
	};

	signal(SIGPIPE, SIG_IGN);
	return test_run_beside("attack_hold", tests, sizeof tests / sizeof *tests, NULL, NULL);
}
