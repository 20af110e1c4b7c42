/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What is asked beside statements: definitions, the second key for a costly read, a secret of a person. */
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

#include "twokey/base/err.h"
#include "twokey/base/json.h"
#include "twokey/base/sealed.h"
#include "twokey/base/secret.h"

#define DIGEST "0000000000000000000000000000000000000000000000000000000000000000"

static void
ready(struct world *w)
{
	world_event(w, TRANSCRIPT_EVENT_ACCOUNT, json_pack("{s:s, s:[], s:[], s:[]}", "role", "", "shown", "accepted",
	    "refused"), NULL, NULL);
}

/* The first question of the driver's console, answered with two names. */
static uint64_t
names_asked(struct world *w)
{
	uint64_t n;

	ready(w);
	world_expect_str(w, "describe", "subject", "names");
	n = world_event(w, TRANSCRIPT_EVENT_DESCRIBE, json_pack("{s:s, s:s}", "by", "ben", "subject", "names"), "name", "");
	world_answer(w, "{\"re\":\"describe\",\"id\":1,\"ok\":true,\"n\":6}");
	return n;
}

static void
names_come(struct world *w, uint64_t n)
{
	world_event_bodies(w, TRANSCRIPT_EVENT_ROWS, json_pack("{s:I, s:i, s:i}", "of", (json_int_t)n, "part", 1, "rows", 2),
	    "{\"k\":\"rows\",\"cols\":[{\"name\":\"what\"},{\"name\":\"name\"},{\"name\":\"place\"}],\"rows\":"
	    "[[\"table\",\"shipments\",\"public\"],[\"column\",\"\\\"bad name\\\"\",\"public.shipments\"]]}", NULL);
	world_event(w, TRANSCRIPT_EVENT_DONE, json_pack("{s:I, s:i, s:b, s:f}", "of", (json_int_t)n, "rows", 2, "cut", 0,
	    "took", 3.0), NULL, NULL);
}

static void
names_are_asked_once_and_only_feed_completion(void **state)
{
	struct world *w = world_begin(SEAT_DRIVER, 24, 80);
	uint64_t n;

	(void)state;
	n = names_asked(w);
	world_sees(w, "the names for Tab are being read");
	names_come(w, n);
	world_sees(w, "names of tables, columns and functions, for Tab: 2");
	world_sees_not(w, "shipments");
	world_keys(w, "select * from ship\t");
	world_sees(w, "select * from shipments");
	world_keys(w, "\003\\d shi\t");
	world_sees(w, "\\d shipments");
	world_expect_nothing(w);	/* from memory */
	world_end(w);
}

static void
a_statement_is_held_back_until_the_names_have_come(void **state)
{
	struct world *w = world_begin(SEAT_DRIVER, 24, 80);
	uint64_t n;

	(void)state;
	n = names_asked(w);
	world_keys(w, "select 1;\r");
	world_expect_nothing(w);
	world_sees(w, "as soon as the names for Tab are read");
	world_keys(w, "select 2;\r");
	world_expect_nothing(w);
	world_sees(w, "One waits already");
	world_sees(w, "shop=> select 2;");
	names_come(w, n);
	world_expect_str(w, "sql", "text", "select 1");
	world_keys(w, "\003");
	world_end(w);
}

static void
what_is_held_back_can_be_taken_back(void **state)
{
	struct world *w = world_begin(SEAT_DRIVER, 24, 80);
	uint64_t n;

	(void)state;
	n = names_asked(w);
	world_keys(w, "select 1;\r\003");
	world_sees(w, "shop=> select 1;");
	names_come(w, n);
	world_expect_nothing(w);
	world_keys(w, "\r");
	world_expect_str(w, "sql", "text", "select 1");
	world_end(w);
}

static void
an_engine_without_names_is_no_trouble(void **state)
{
	struct world *w = world_begin(SEAT_DRIVER, 24, 80);
	uint64_t n;

	(void)state;
	n = names_asked(w);
	world_keys(w, "select 1;\r");
	world_event(w, TRANSCRIPT_EVENT_FAILED, json_pack("{s:I, s:s}", "of", (json_int_t)n, "code", "judged"), "error",
	    "no such question");
	world_sees(w, "the names for Tab could not be read");
	world_expect_str(w, "sql", "text", "select 1");
	world_end(w);
	/* and one that refuses at once */
	w = world_begin(SEAT_DRIVER, 24, 80);
	ready(w);
	world_expect_str(w, "describe", "subject", "names");
	world_keys(w, "select 1;\r");
	world_answer(w, "{\"re\":\"describe\",\"id\":1,\"ok\":false,\"code\":\"unsupported\",\"why\":\"no such request\"}");
	world_sees_not(w, "Refused");
	world_expect_str(w, "sql", "text", "select 1");
	world_end(w);
}

static void
another_seat_asks_for_no_names(void **state)
{
	struct world *w = world_begin(SEAT_CONFIRMER, 24, 80);

	(void)state;
	ready(w);
	world_expect_nothing(w);
	world_end(w);
}

static void
definitions_are_asked_by_words(void **state)
{
	static const struct {
		const char *typed, *subject, *name;
	} table[] = {
		{ "\\d\r", "tables", NULL }, { "\\dt\r", "tables", NULL }, { "\\d;\r", "tables", NULL },
		{ "\\d orders\r", "table", "orders" }, { "\\d public.orders ;\r", "table", "public.orders" },
		{ "\\df\r", "functions", NULL }, { "\\df tax\r", "functions", "tax" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
		struct world *w = world_begin(SEAT_DRIVER, 24, 80);
		json_t *o;

		world_keys(w, table[i].typed);
		o = world_expect(w, "describe");
		assert_string_equal(json_str(o, "subject", NULL), table[i].subject);
		if (table[i].name != NULL)
			assert_string_equal(json_str(o, "name", NULL), table[i].name);
		else
			assert_null(json_object_get(o, "name"));
		json_decref(o);
		world_end(w);
	}
}

static void
a_definition_is_shown_as_a_result(void **state)
{
	struct world *w = world_begin(SEAT_DRIVER, 24, 80);
	uint64_t n;

	(void)state;
	world_keys(w, "\\d orders\r");
	world_expect_str(w, "describe", "name", "orders");
	n = world_event(w, TRANSCRIPT_EVENT_DESCRIBE, json_pack("{s:s, s:s}", "by", "ben", "subject", "table"), "name", "orders");
	world_answer(w, "{\"re\":\"describe\",\"id\":1,\"ok\":true,\"n\":5}");
	world_sees(w, "RUNNING");
	world_keys(w, "select 1;\r");
	world_expect_nothing(w);
	world_event_bodies(w, TRANSCRIPT_EVENT_ROWS, json_pack("{s:I, s:i, s:i}", "of", (json_int_t)n, "part", 1, "rows", 2),
	    "{\"k\":\"rows\",\"cols\":[{\"name\":\"what\"},{\"name\":\"name\"},{\"name\":\"definition\"}],\"rows\":"
	    "[[\"column\",\"id\\u001b[2J\",\"integer\"],[\"referenced by\",\"order_items_order_id_fkey\","
	    "\"TABLE order_items FOREIGN KEY (order_id) REFERENCES orders(id) ON DELETE CASCADE\"]]}", NULL);
	world_event(w, TRANSCRIPT_EVENT_DONE, json_pack("{s:I, s:i, s:b, s:f}", "of", (json_int_t)n, "rows", 2, "cut", 0,
	    "took", 3.0), NULL, NULL);
	world_sees(w, "shop=> \\d orders");
	world_sees(w, "id<1B>[2J");
	world_sees(w, "DELETE CASCADE");
	world_sees(w, "reads 0");
	world_keys(w, "\r");
	world_expect_str(w, "sql", "text", "select 1");
	world_end(w);
}

static uint64_t
costly_read(struct world *w)
{
	uint64_t n;

	world_keys(w, "select * from orders;\r");
	world_expect_str(w, "sql", "text", "select * from orders");
	world_answer(w, "{\"re\":\"sql\",\"id\":1,\"ok\":true,\"n\":5}");
	n = world_event(w, TRANSCRIPT_EVENT_READ, json_pack("{s:s, s:s, s:s, s:s, s:[s]}", "by", "ben", "class", "read",
	    "verb", "SELECT", "digest", DIGEST, "tables", "orders"), "sql", "select * from orders");
	world_event(w, TRANSCRIPT_EVENT_COSTLY, json_pack("{s:I, s:I, s:I, s:s, s:I}", "of", (json_int_t)n, "rows",
	    (json_int_t)5000000, "limit", (json_int_t)1000000, "table", "orders", "bytes", (json_int_t)3 << 30), NULL, NULL);
	return n;
}

static void
a_costly_read_is_told_and_can_be_asked_for(void **state)
{
	struct world *w = world_begin(SEAT_DRIVER, 24, 80);
	json_t *o;

	(void)state;
	world_keys(w, "\\costly\r");
	world_expect_nothing(w);
	world_sees(w, "The last read was not too costly");
	costly_read(w);
	world_sees(w, "NOT RUN: it would go through about 5000000 rows; the ticket's limit is 1000000.");
	world_sees(w, "orders (3 GiB)");
	world_sees(w, "\\costly to ask for the second key");
	world_sees(w, "reads 0");
	world_sees_not(w, "RUNNING");
	world_keys(w, "\\costly\r");
	world_sees(w, "reason");
	world_expect_nothing(w);
	world_keys(w, "once a year\r");
	o = world_expect(w, "sql");
	assert_string_equal(json_str(o, "text", NULL), "select * from orders");
	assert_string_equal(json_str(o, "reason", NULL), "once a year");
	assert_true(json_bool(o, "costly"));
	json_decref(o);
	world_end(w);
	/* the next statement is none of it */
	w = world_begin(SEAT_DRIVER, 24, 80);
	costly_read(w);
	world_keys(w, "\\costly\r\003select 1;\r");
	o = world_expect(w, "sql");
	assert_string_equal(json_str(o, "text", NULL), "select 1");
	assert_null(json_object_get(o, "costly"));
	json_decref(o);
	world_end(w);
}

static void
the_sheet_of_a_costly_read_says_that_it_only_reads(void **state)
{
	struct world *w = world_begin(SEAT_CONFIRMER, 24, 80);
	uint64_t n = world_event_bodies(w, TRANSCRIPT_EVENT_REQUEST, json_pack(
	    "{s:s, s:s, s:s, s:s, s:[s], s:[s], s:s, s:i, s:s, s:s}", "by", "ben", "class", "read", "verb", "SELECT", "digest",
	    DIGEST, "tables", "orders", "dangers", "cost", "op", "<=", "rows", 5000000, "table", "orders", "until",
	    "2026-06-08T14:05:00.000000Z"), "{\"k\":\"sql\",\"text\":\"select * from orders\"}",
	    "{\"k\":\"reason\",\"text\":\"once a year\"}", NULL);

	(void)state;
	world_event(w, TRANSCRIPT_EVENT_SHEET, json_pack("{s:I, s:s, s:n, s:s, s:[], s:[], s:[], s:i, s:s}", "of",
	    (json_int_t)n, "how", "explain", "count", "bind", DIGEST, "dangers", "triggers", "cascades", "table_rows", 5000000,
	    "undo", "none"), "note", "It changes nothing. The largest table is orders with 3072 MiB.");
	world_keys(w, "\\open\r");
	world_pass(w, 3000);
	json_decref(world_expect(w, "opened"));
	world_sees(w, "it only reads; it would go through about 5000000 rows");
	world_sees(w, "It changes nothing.");
	world_sees_not(w, "undo");
	world_sees(w, "type the table and the limit (<=N)");
	world_golden(w, "sheet_costly_80x24.txt");
	world_keys(w, "orders <=5000000\r");
	world_expect_str(w, "allow", "typed", "orders <=5000000");
	world_event(w, TRANSCRIPT_EVENT_ALLOWED, json_pack("{s:I, s:s, s:s, s:s}", "of", (json_int_t)n, "by", "anna", "digest",
	    DIGEST, "bind", DIGEST), "typed", "orders <=5000000");
	world_event(w, TRANSCRIPT_EVENT_RUN, json_pack("{s:I}", "of", (json_int_t)n), NULL, NULL);
	world_event_bodies(w, TRANSCRIPT_EVENT_ROWS, json_pack("{s:I, s:i, s:i}", "of", (json_int_t)n, "part", 1, "rows", 1),
	    "{\"k\":\"rows\",\"cols\":[{\"name\":\"id\"}],\"rows\":[[\"4711\"]]}", NULL);
	world_event(w, TRANSCRIPT_EVENT_DONE, json_pack("{s:I, s:i, s:b, s:f}", "of", (json_int_t)n, "rows", 1, "cut", 0,
	    "took", 3.0), NULL, NULL);
	world_keys(w, "\\back\r");
	world_sees(w, "4711");
	world_sees(w, "(1 row)");
	world_sees(w, "you: 1 allowed, 0 denied");
	world_end(w);
}

static void
the_rows_of_a_join_can_be_left_to_the_count(void **state)
{
	struct world *w = world_begin(SEAT_DRIVER, 24, 80);

	(void)state;
	world_event(w, TRANSCRIPT_EVENT_CONNECTED, json_pack("{s:s, s:s, s:s, s:s, s:[]}", "engine", "mariadb",
	    "version", "10.11.6-MariaDB", "database", "shop", "role", "r", "caps"), NULL, NULL);
	world_sees(w, "connected to mariadb 10.11.6-MariaDB, shop as r");
	world_keys(w, "update orders o join items i on i.order_id = o.id set o.status = 'x' where i.sku = 'a';\r");
	world_sees(w, "Enter: as many as are counted now");
	world_keys(w, "\003\003");
	world_end(w);
}

static uint64_t
wanted(struct world *w, const char *by, const struct sealed_pair *pair)
{
	char box[SEALED_PUBLIC + 1];

	sealed_public(pair, box);
	return world_event(w, TRANSCRIPT_EVENT_WANTED, json_pack("{s:s, s:s, s:s, s:s}", "by", by, "what", "password",
	    "of_what", "sup\033[2Jport", "box", box), NULL, NULL);
}

static void
a_secret_is_sealed_and_shown_nowhere(void **state)
{
	struct sealed_pair *pair = sealed_pair_create();
	struct world *w = world_begin(SEAT_DRIVER, 24, 80);
	uint64_t n = wanted(w, "ben", pair);
	struct secret *s = NULL;
	struct buf context;
	const char *box;
	struct err e;
	size_t len;
	json_t *o;

	(void)state;
	world_sees(w, "password of sup<1B>[2Jport (only the broker's database process can open it)");
	world_golden(w, "secret_80x24.txt");
	world_keys(w, "\r");
	world_sees(w, "Nothing was typed");
	world_keys(w, "wrong\025hunter2x\177 \xc3\xa4\xc3\xb6\177");
	world_sees_not(w, "hunter");
	world_keys(w, "\r");
	o = world_expect(w, "secret");
	assert_int_equal(json_int(o, "of", 0), n);
	box = json_str(o, "sealed", &len);
	buf_init(&context, 512);
	sealed_context(&context, "s-test", n, "password");
	assert_int_equal(sealed_open(pair, buf_data(&context), buf_len(&context), box, len, &s, &e), 0);
	assert_string_equal(secret_reveal(s), "hunter2 \xc3\xa4");
	assert_int_equal(w->lv.secret.len, 0);
	for (size_t i = 0; i < sizeof w->lv.secret.text; i++)
		assert_int_equal(w->lv.secret.text[i], 0);
	world_sees(w, "shop=>");
	world_keys(w, "\031\020");	/* Ctrl-Y and Ctrl-P: neither kill ring nor history has it */
	world_sees_not(w, "hunter");
	world_event(w, TRANSCRIPT_EVENT_GIVEN, json_pack("{s:I, s:s}", "of", (json_int_t)n, "by", "ben"), NULL, NULL);
	world_sees(w, "ben gave it; what was typed is not in the transcript");
	buf_fini(&context);
	secret_free(s);
	json_decref(o);
	sealed_pair_free(pair);
	world_end(w);
}

static void
nobody_else_is_asked(void **state)
{
	struct sealed_pair *pair = sealed_pair_create();
	struct world *w = world_begin(SEAT_CONFIRMER, 24, 80);

	(void)state;
	wanted(w, "ben", pair);
	world_sees(w, "ben is asked for the password of sup<1B>[2Jport");
	world_sees_not(w, "can open it");
	world_keys(w, "hello\r");
	world_expect_str(w, "say", "text", "hello");
	sealed_pair_free(pair);
	world_end(w);
}

static void
declining_takes_two_keys(void **state)
{
	struct sealed_pair *pair = sealed_pair_create();
	struct world *w = world_begin(SEAT_CONFIRMER, 24, 80);
	json_t *o;

	(void)state;
	wanted(w, "anna", pair);
	world_keys(w, "abc\033");
	world_pass(w, 100);
	world_expect_nothing(w);
	world_sees(w, "Esc again declines");
	world_keys(w, "d");
	world_sees_not(w, "Esc again declines");
	world_keys(w, "\003\003");
	o = world_expect(w, "secret");
	assert_string_equal(json_str(o, "sealed", NULL), "");
	json_decref(o);
	/* refused: it is asked again */
	world_answer(w, "{\"re\":\"secret\",\"id\":1,\"ok\":false,\"code\":\"denied\",\"why\":\"no\"}");
	world_sees(w, "password of");
	world_event(w, TRANSCRIPT_EVENT_ENDED, json_pack("{s:s}", "code", "not-given"), "why", "anna did not give it");
	world_sees_not(w, "can open it");
	sealed_pair_free(pair);
	world_end(w);
}

static void
who_leaves_declines_nothing(void **state)
{
	struct sealed_pair *pair = sealed_pair_create();
	struct world *w = world_begin(SEAT_CONFIRMER, 24, 80);

	(void)state;
	wanted(w, "anna", pair);
	world_keys(w, "half\033[21~");
	world_keys(w, "leave\r");
	json_decref(world_expect(w, "leave"));
	assert_true(w->lv.done);
	assert_int_equal(w->lv.secret.len, 0);
	sealed_pair_free(pair);
	world_end(w);
}

static void
the_prompt_never_opens_under_what_is_typed(void **state)
{
	struct sealed_pair *pair = sealed_pair_create();
	struct world *w = world_begin(SEAT_DRIVER, 24, 80);

	(void)state;
	world_keys(w, "select half");
	wanted(w, "ben", pair);
	world_sees(w, "is asked from you: send or drop this line");
	world_sees_not(w, "can open it");
	world_keys(w, "\003");
	world_round(w);
	world_sees(w, "can open it");
	/* a pasted password loses its line end; several lines are none */
	world_keys(w, "\033[200~two\nlines\033[201~\r");
	world_expect_nothing(w);
	world_keys(w, "\033[200~hunter2\n\033[201~");
	world_expect_nothing(w);
	world_keys(w, "\r");
	json_decref(world_expect(w, "secret"));
	sealed_pair_free(pair);
	world_end(w);
}

static void
two_secrets_are_asked_one_after_the_other(void **state)
{
	struct sealed_pair *pair = sealed_pair_create();
	struct world *w = world_begin(SEAT_DRIVER, 24, 80);
	uint64_t first = wanted(w, "ben", pair), second;
	json_t *o;

	(void)state;
	world_keys(w, "hun");
	second = wanted(w, "ben", pair);
	world_keys(w, "ter2\r");
	o = world_expect(w, "secret");
	assert_int_equal(json_int(o, "of", 0), first);
	json_decref(o);
	world_round(w);
	world_sees(w, "can open it");
	world_event(w, TRANSCRIPT_EVENT_GIVEN, json_pack("{s:I, s:s}", "of", (json_int_t)first, "by", "ben"), NULL, NULL);
	world_sees(w, "can open it");
	world_keys(w, "x\r");
	o = world_expect(w, "secret");
	assert_int_equal(json_int(o, "of", 0), second);
	json_decref(o);
	world_round(w);
	world_sees_not(w, "can open it");
	sealed_pair_free(pair);
	world_end(w);
}

static void
what_is_too_long_is_not_sent(void **state)
{
	struct sealed_pair *pair = sealed_pair_create();
	struct world *w = world_begin(SEAT_DRIVER, 24, 80);
	char big[SEALED_TEXT_MAX + 2];

	(void)state;
	wanted(w, "ben", pair);
	memset(big, 'x', sizeof big - 1);
	big[sizeof big - 1] = '\0';
	world_keys(w, big);
	world_sees(w, "That is over 1022 bytes");
	world_keys(w, "\r");
	world_expect_nothing(w);
	sealed_pair_free(pair);
	world_end(w);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_are_asked_once_and_only_feed_completion),
		cmocka_unit_test(a_statement_is_held_back_until_the_names_have_come),
		cmocka_unit_test(what_is_held_back_can_be_taken_back),
		cmocka_unit_test(an_engine_without_names_is_no_trouble),
		cmocka_unit_test(another_seat_asks_for_no_names),
		cmocka_unit_test(definitions_are_asked_by_words),
		cmocka_unit_test(a_definition_is_shown_as_a_result),
		cmocka_unit_test(a_costly_read_is_told_and_can_be_asked_for),
		cmocka_unit_test(the_sheet_of_a_costly_read_says_that_it_only_reads),
		cmocka_unit_test(the_rows_of_a_join_can_be_left_to_the_count),
		cmocka_unit_test(a_secret_is_sealed_and_shown_nowhere),
		cmocka_unit_test(nobody_else_is_asked),
		cmocka_unit_test(declining_takes_two_keys),
		cmocka_unit_test(who_leaves_declines_nothing),
		cmocka_unit_test(the_prompt_never_opens_under_what_is_typed),
		cmocka_unit_test(two_secrets_are_asked_one_after_the_other),
		cmocka_unit_test(what_is_too_long_is_not_sent),
	};

	setlocale(LC_ALL, "C.UTF-8");
	setenv("TZ", "UTC", 1);
	return cmocka_run_group_tests_name("console_ask", tests, NULL, NULL);
}
