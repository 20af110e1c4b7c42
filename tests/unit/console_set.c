/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Changes that are collected and asked for at once, on the screens of both persons. */
#include "config.h"

#include <locale.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "console_world.h"

#include "console/set_parts.h"
#include "twokey/base/clock.h"
#include "twokey/base/digest.h"
#include "twokey/base/json.h"
#include "twokey/base/must.h"
#include "twokey/transcript/answer.h"

static const char first[] = "update orders set status = 'paid' where id in (4211, 4212, 4213)",
    second[] = "update order_items set shipped = 1 where order_id = 4211",
    both[] = "update orders set status = 'paid' where id in (4211, 4212, 4213);\n"
    "update order_items set shipped = 1 where order_id = 4211;\n";

static uint64_t
begun(struct world *w)
{
	char until[CLOCK_TEXT];

	clock_format(w->wall_us + 900 * INT64_C(1000000), until);
	return world_event(w, TRANSCRIPT_EVENT_BEGUN, json_pack("{s:s, s:s}", "by", "ben", "until", until), NULL, NULL);
}

static json_t *
change(const char *sql, const char *table, int rows)
{
	struct digest d = digest_of(sql, strlen(sql));
	char hex[DIGEST_HEX + 1];
	json_t *o;

	digest_hex(&d, hex);
	o = json_pack("{s:s, s:s, s:s, s:s, s:[s], s:[]}", "by", "ben", "class", "write", "verb", "UPDATE", "digest", hex, "tables", table,
	    "dangers");
	if (rows >= 0) {
		json_object_set_new(o, "op", json_string("="));
		json_object_set_new(o, "rows", json_integer(rows));
	}
	return o;
}

static void
staged(struct world *w, uint64_t of, const char *sql, const char *table, int rows, const char *reason)
{
	json_t *o = change(sql, table, rows), *b = json_pack("{s:s, s:s}", "k", "sql", "text", sql);
	json_t *r = json_pack("{s:s, s:s}", "k", "reason", "text", reason);
	char *text = json_dumps(b, JSON_COMPACT), *why = json_dumps(r, JSON_COMPACT);

	json_object_set_new(o, "of", json_integer((json_int_t)of));
	world_event_bodies(w, TRANSCRIPT_EVENT_STAGED, o, text, why, NULL);
	json_decref(b);
	json_decref(r);
	free(text);
	free(why);
}

/* COMMIT made one request of the two; count2 is what the sheet counts of the second one. */
static uint64_t
asked(struct world *w, const char *sql, int count2)
{
	struct digest bind = digest_of("bind", 4);
	char hex[DIGEST_HEX + 1], until[CLOCK_TEXT], *body;
	json_t *o = change(sql, "orders", -1), *b = json_pack("{s:s, s:s}", "k", "sql", "text", sql);
	uint64_t n;

	digest_hex(&bind, hex);
	clock_format(w->wall_us + 300 * INT64_C(1000000), until);
	json_array_append_new(json_object_get(o, "tables"), json_string("order_items"));
	json_object_set_new(o, "bounds", json_pack("[s, s]", "= 3", ""));
	json_object_set_new(o, "table", json_string("orders+order_items"));
	json_object_set_new(o, "until", json_string(until));
	body = json_dumps(b, JSON_COMPACT);
	json_decref(b);
	n = world_event_bodies(w, TRANSCRIPT_EVENT_REQUEST, o, body, "{\"k\":\"reason\",\"text\":\"step 3, webhook lost\"}", NULL);
	free(body);
	o = json_pack("{s:I, s:s, s:[i], s:s, s:s, s:[], s:[], s:[], s:s}", "of", (json_int_t)n, "how", "derived", "counts", 3, "bind", hex,
	    "keys", hex, "dangers", "triggers", "cascades", "undo", "none");
	json_array_append_new(json_object_get(o, "counts"), count2 >= 0 ? json_integer(count2) : json_null());
	json_object_set_new(o, "count", count2 >= 0 ? json_integer(3 + count2) : json_null());
	world_event_bodies(w, TRANSCRIPT_EVENT_SHEET, o, "{\"k\":\"sample\",\"parts\":[{\"cols\":[{\"name\":\"id\",\"type\":\"int\"},"
	    "{\"name\":\"status\",\"type\":\"text\"},{\"name\":\"status (new)\",\"type\":\"text\"}],\"rows\":[[4211,\"new\",\"paid\"],"
	    "[4212,\"new\",\"paid\"],[4213,\"new\",\"paid\"]]},{\"cols\":[{\"name\":\"id\",\"type\":\"int\"},{\"name\":\"shipped\","
	    "\"type\":\"int\"},{\"name\":\"shipped (new)\",\"type\":\"int\"}],\"rows\":[[9,0,1],[10,0,1]]}]}", NULL);
	return n;
}

static void
dropped(struct world *w, uint64_t of, const char *code)
{
	world_event(w, TRANSCRIPT_EVENT_DROPPED, json_pack("{s:I, s:s, s:s}", "of", (json_int_t)of, "by", "ben", "code", code), NULL, NULL);
}

static void
the_prompt_and_the_status_say_that_a_set_is_open(void **state)
{
	struct world *w = world_begin(SEAT_DRIVER, 24, 80);
	uint64_t n;

	world_keys(w, "begin;\r");
	world_expect_str(w, "sql", "text", "begin");
	world_answer(w, "{\"re\":\"sql\",\"id\":1,\"ok\":true,\"n\":5}");
	n = begun(w);
	world_sees(w, "shop=*>");
	world_sees(w, "CHANGE SET open 00:00: 0 changes, nothing sent; dropped in 15:00");
	world_sees(w, "-- tx SET, 0 changes");
	staged(w, n, first, "orders", 3, "webhook lost");
	world_pass(w, 41000);
	world_sees(w, "CHANGE SET open 00:41: 1 change, nothing sent; dropped in 14:19");
	world_sees(w, "COMMIT asks for all at once, ROLLBACK drops them; reads do not see them.");
	world_sees(w, "COLLECTED as change 1   rows expected: = 3   not sent");
	world_golden(w, "set_driver_80x24.txt");
	dropped(w, n, "rollback");
	world_sees(w, "(ROLLBACK); 1 change dropped, nothing");
	world_sees(w, "shop=>");
	world_sees_not(w, "shop=*> \n");
	world_sees_not(w, "CHANGE SET open");
	world_sees(w, "-- tx none");
	world_end(w);
}

static void
a_read_says_that_it_does_not_see_the_changes(void **state)
{
	struct world *w = world_begin(SEAT_DRIVER, 40, 140);
	uint64_t n = begun(w), r;

	staged(w, n, first, "orders", 3, "webhook lost");
	staged(w, n, second, "order_items", -1, "");
	r = world_event(w, TRANSCRIPT_EVENT_READ, json_pack("{s:s, s:s, s:s, s:[]}", "by", "ben", "class", "read", "verb", "SELECT", "tables"),
	    "sql", "select status from orders");
	world_event_bodies(w, TRANSCRIPT_EVENT_ROWS, json_pack("{s:I, s:i, s:i}", "of", (json_int_t)r, "part", 1, "rows", 1),
	    "{\"k\":\"rows\",\"cols\":[{\"name\":\"status\",\"type\":\"text\"}],\"rows\":[[\"new\"]]}", NULL);
	world_event(w, TRANSCRIPT_EVENT_DONE, json_pack("{s:I, s:i, s:f}", "of", (json_int_t)r, "rows", 1, "took", 0.5), NULL, NULL);
	world_sees(w, "(it does not see the 2 collected changes: none of them has reached the database)");
	world_sees(w, "CHANGE SET  2, not sent, dropped in 15:00");
	world_sees(w, "1 = 3        update orders set status");
	world_sees(w, "2 as counted update order_items");
	world_golden(w, "set_driver_140x40.txt");
	world_end(w);
}

/* Enter after Enter: each statement waits for the answer to the one before. */
static void
a_pasted_set_goes_statement_by_statement(void **state)
{
	struct world *w = world_begin(SEAT_DRIVER, 24, 80);
	uint64_t n;

	world_keys(w, "\033[200~BEGIN;\nupdate orders set a = 1 where id = 1;\nupdate orders set a = 2 where id = 2;\nCOMMIT;\033[201~");
	world_expect_nothing(w);
	world_keys(w, "\r");
	world_expect_str(w, "sql", "text", "BEGIN");
	world_keys(w, "\r");
	world_expect_nothing(w);
	world_sees(w, "A statement runs already");
	world_sees(w, "shop=> update orders set a = 1 where id = 1;");
	world_sees(w, "shop=> update orders set a = 2 where id = 2;\nshop=> COMMIT;");
	world_answer(w, "{\"re\":\"sql\",\"id\":1,\"ok\":true,\"n\":5}");
	n = begun(w);
	world_keys(w, "\r= 1\r");
	world_sees(w, "reason of this change (Enter: the one that COMMIT asks for)>");
	world_keys(w, "\r");
	world_expect_str(w, "sql", "text", "update orders set a = 1 where id = 1");
	world_answer(w, "{\"re\":\"sql\",\"id\":2,\"ok\":true,\"n\":6}");
	staged(w, n, "update orders set a = 1 where id = 1", "orders", 1, "");
	world_keys(w, "\r= 1\rthe other one\r");
	world_expect_str(w, "sql", "reason", "the other one");
	world_answer(w, "{\"re\":\"sql\",\"id\":3,\"ok\":true,\"n\":7}");
	staged(w, n, "update orders set a = 2 where id = 2", "orders", 1, "the other one");
	world_keys(w, "\r");
	world_sees(w, "reason of all of it, for the one who allows it>");
	world_keys(w, "\r");
	world_sees(w, "Say in a few words why");
	world_expect_nothing(w);
	world_keys(w, "both were paid\r");
	world_expect_str(w, "sql", "reason", "both were paid");
	world_end(w);
}

static void
what_was_refused_stands_before_the_rest_of_a_paste(void **state)
{
	struct world *w = world_begin(SEAT_DRIVER, 24, 80);

	world_keys(w, "\033[200~BEGIN;\nupdate orders set a = 1 where id = 1;\033[201~\r");
	world_expect_str(w, "sql", "text", "BEGIN");
	world_answer(w, "{\"re\":\"sql\",\"id\":1,\"ok\":false,\"code\":\"state\",\"why\":\"a request waits\"}");
	world_sees(w, "shop=> BEGIN;");
	world_keys(w, "\r");
	world_expect_str(w, "sql", "text", "BEGIN");
	world_end(w);
}

static void
commit_takes_the_reasons_that_were_given(void **state)
{
	struct world *w = world_begin(SEAT_DRIVER, 24, 80);
	uint64_t n = begun(w);

	staged(w, n, first, "orders", 3, "webhook lost");
	staged(w, n, second, "order_items", -1, "they were sent");
	world_keys(w, "commit;\r");
	world_sees(w, "reason of all of it (Enter: the reasons of the changes)>");
	world_keys(w, "\r");
	world_expect_str(w, "sql", "reason", "webhook lost; they were sent");
	world_end(w);
}

static void
the_sheet_shows_each_statement_with_its_rows(void **state)
{
	struct world *w = world_begin(SEAT_CONFIRMER, 40, 140);
	uint64_t n = begun(w);
	json_t *o;

	staged(w, n, first, "orders", 3, "webhook lost");
	world_sees(w, "LIVE; ben collects changes: 1 so far");
	staged(w, n, second, "order_items", -1, "");
	asked(w, both, 2);
	dropped(w, n, "asked");
	world_sees(w, "REQUEST 8 WAITING");
	world_keys(w, "\033[15~");
	o = world_expect(w, "opened");
	assert_true(json_bool(o, "last"));
	json_decref(o);
	world_pass(w, 3000);
	world_sees(w, "1 of 2  UPDATE orders   (line 1)");
	world_sees(w, "ben expects 3 rows; matching rows now: 3");
	world_sees(w, "2 of 2  UPDATE order_items   (line 2)");
	world_sees(w, "ben named no count; matching rows now: 2");
	world_sees(w, "all together: 5 rows");
	world_sees(w, "To allow it, type the tables (a+b) and the row count. Enter alone does nothing.");
	world_golden(w, "set_sheet_140x40.txt");
	world_keys(w, "orders+order_items 5\r");
	world_expect_str(w, "allow", "typed", "orders+order_items 5");
	world_end(w);
}

static char *signed_text;

static bool
fake_sign(struct live *lv, const char *text, size_t n, struct buf *signature, char *why, size_t max)
{
	(void)lv;
	(void)why;
	(void)max;
	signed_text = must_strndup(text, n);
	buf_puts(signature, "-----BEGIN SSH SIGNATURE-----\n");
	return true;
}

static void
the_sum_of_the_bounds_is_signed(void **state)
{
	struct world *w = world_begin_signs(SEAT_CONFIRMER, 40, 140);
	uint64_t n = asked(w, both, 2), s;
	char line[120];

	w->lv.sign = fake_sign;
	world_keys(w, "\033[15~");
	json_decref(world_expect(w, "opened"));
	world_pass(w, 3000);
	world_sees(w, "Then your SSH key signs it.");
	world_keys(w, "orders+order_items 5\r");
	world_expect_str(w, "signing", "typed", "orders+order_items 5");
	s = world_event(w, TRANSCRIPT_EVENT_SIGNING, json_pack("{s:I, s:s, s:s, s:s}", "of", (json_int_t)n, "by", "anna", "nonce",
	    "00112233445566778899aabbccddeeff", "until", "2026-06-08T14:02:00.000000Z"), NULL, NULL);
	snprintf(line, sizeof line, "{\"re\":\"signing\",\"ok\":true,\"n\":%llu}", (unsigned long long)s);
	world_answer(w, line);
	json_decref(world_expect(w, "allow"));
	assert_non_null(signed_text);
	assert_true(transcript_answer_says(signed_text, strlen(signed_text), "answer", "allow"));
	assert_true(transcript_answer_says(signed_text, strlen(signed_text), "rows", "= 5"));
	free(signed_text);
	world_end(w);
}

static void
what_cannot_be_counted_is_said(void **state)
{
	struct world *w = world_begin(SEAT_WATCHER, 40, 140);

	asked(w, both, -1);
	world_keys(w, "\033[15~");
	world_sees(w, "ben named no count; matching rows: not known before it runs");
	world_sees(w, "all together: not known");
	world_end(w);
}

static void
a_text_that_is_not_what_its_bounds_say_is_marked(void **state)
{
	struct world *w = world_begin(SEAT_WATCHER, 40, 140);

	asked(w, "update orders set a = 1;\ndelete from orders;\ndelete from order_items;\n", 2);
	world_keys(w, "\033[15~");
	world_sees(w, "!!  the text cannot be told apart into its 2 statements here");
	world_sees_not(w, "1 of 2  UPDATE");
	world_end(w);
}

static void
leaving_with_changes_asks_first(void **state)
{
	struct world *w = world_begin(SEAT_DRIVER, 24, 80);
	uint64_t n = begun(w);

	staged(w, n, first, "orders", 3, "webhook lost");
	world_keys(w, "\\q\r");
	world_sees(w, "collected changes would be dropped");
	world_expect_nothing(w);
	world_keys(w, "\r");
	world_keys(w, "\003");
	world_sees(w, "The change set stays open: ROLLBACK drops it.");
	world_end(w);
}

static void
bounds_are_read_as_the_events_write_them(void **state)
{
	static const struct {
		const char *s;
		bool ok, most;
		int64_t rows;
	} table[] = { { "= 3", true, false, 3 }, { "<= 500", true, true, 500 }, { "", false, false, 0 }, { "= ", false, false, 0 },
		{ "= 3x", false, false, 0 }, { "<= 9999999999999999999", false, false, 0 }, { "many", false, false, 0 } };

	for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
		int64_t rows = 0;
		bool most;

		assert_int_equal(set_bound(table[i].s, &most, &rows), table[i].ok);
		assert_true(!table[i].ok || (most == table[i].most && rows == table[i].rows));
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_prompt_and_the_status_say_that_a_set_is_open),
		cmocka_unit_test(a_read_says_that_it_does_not_see_the_changes),
		cmocka_unit_test(a_pasted_set_goes_statement_by_statement),
		cmocka_unit_test(what_was_refused_stands_before_the_rest_of_a_paste),
		cmocka_unit_test(commit_takes_the_reasons_that_were_given),
		cmocka_unit_test(the_sheet_shows_each_statement_with_its_rows),
		cmocka_unit_test(the_sum_of_the_bounds_is_signed),
		cmocka_unit_test(what_cannot_be_counted_is_said),
		cmocka_unit_test(a_text_that_is_not_what_its_bounds_say_is_marked),
		cmocka_unit_test(leaving_with_changes_asks_first),
		cmocka_unit_test(bounds_are_read_as_the_events_write_them),
	};

	setlocale(LC_CTYPE, "C.UTF-8");
	setenv("INPUTRC", "/dev/null", 1);
	return cmocka_run_group_tests_name("console_set", tests, NULL, NULL);
}
