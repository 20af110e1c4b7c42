/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "twokey/base/cap.h"
#include "twokey/base/digest.h"
#include "twokey/base/json.h"
#include "twokey/base/text.h"
#include "twokey/console/log.h"
#include "twokey/console/model.h"
#include "twokey/console/sheet.h"
#include "twokey/sql/class.h"

#include "console_make.h"

enum { SHOP_EVENTS = 30, WAY_EVENTS = 30 };

static struct model *
shop(struct make *k, uint64_t n)
{
	struct model *m = model_create();

	make_shop(k);
	make_feed(k->path, m, n);
	return m;
}

static void
the_first_lines_fix_what_the_title_says(void **state)
{
	struct make k;
	struct model *m = shop(&k, 4);
	const struct model_header *h = model_header(m);

	assert_string_equal(h->ticket, "MFX-1234");
	assert_string_equal(h->stage, "production");
	assert_string_equal(h->target, "shop");
	assert_string_equal(h->role, "support");
	assert_true(h->unverified);
	assert_true(h->connected);
	assert_int_equal(h->caps, CAP_BIT(CAP_READ_WALL) | CAP_BIT(CAP_TRANSACTION) | CAP_BIT(CAP_CANCEL) |
	    CAP_BIT(CAP_EXPLAIN));
	assert_int_equal(h->npeople, 2);
	assert_string_equal(h->people[1].name, "anna");
	assert_string_equal(h->people[1].seat, "confirmer");
	assert_true(h->people[1].joined);
	assert_int_equal(h->begin_us, INT64_C(1780926600) * 1000000);
	assert_int_equal(h->last_us - h->begin_us, 3 * 1000000);
	assert_int_equal(model_last(m), 4);
	model_free(m);
	make_end(&k);
}

static void
a_read_gathers_its_rows_and_its_end(void **state)
{
	struct make k;
	struct model *m = shop(&k, 6);
	const struct model_entry *e = model_running(m);

	assert_non_null(e);
	assert_int_equal(e->n, 5);
	assert_int_equal(e->nresults, 1);
	make_feed(k.path, m, 0);
	model_free(m);

	m = model_create();
	make_feed(k.path, m, 10);
	assert_null(model_running(m));
	e = model_entry_of(m, 7);
	assert_int_equal(e->kind, MODEL_READ);
	assert_int_equal(e->rows, 3);
	assert_int_equal(e->nresults, 2);
	assert_int_equal(json_array_size(json_object_get(e->results[0], "rows")), 2);
	assert_float_equal(e->ms_server, 0.9, 1e-9);
	e = model_entry_of(m, 9);
	assert_int_equal(e->state, TRANSCRIPT_EVENT_FAILED);
	assert_string_equal(e->code, "42601");
	assert_int_equal(e->position, 13);
	assert_string_equal(e->answer, "syntax error at or near status");
	model_free(m);
	make_end(&k);
}

static void
a_request_waits_until_it_is_answered(void **state)
{
	static const struct {
		uint64_t n;
		long waiting;
		enum transcript_event_kind is;
	} steps[] = {
		{ 11, 6, TRANSCRIPT_EVENT_REQUEST }, { 12, 6, TRANSCRIPT_EVENT_SHEET }, { 14, 6, TRANSCRIPT_EVENT_OPENED },
		{ 15, 6, TRANSCRIPT_EVENT_ASKED }, { 16, 6, TRANSCRIPT_EVENT_REPLIED },
		{ 17, -1, TRANSCRIPT_EVENT_ALLOWED }, { 20, -1, TRANSCRIPT_EVENT_COMMITTED },
	};
	struct make k;

	model_free(shop(&k, 1));
	for (size_t i = 0; i < sizeof steps / sizeof steps[0]; i++) {
		struct model *m = model_create();
		const struct model_entry *e;

		make_feed(k.path, m, steps[i].n);
		e = model_entry_of(m, 11);
		assert_int_equal(e->state, steps[i].is);
		assert_int_equal(model_waiting(m, -1), steps[i].waiting);
		assert_int_equal(model_waiting(m, 6), -1);
		model_free(m);
	}
	make_end(&k);
}

static void
a_request_keeps_what_was_shown_and_typed(void **state)
{
	struct make k;
	struct model *m = shop(&k, 20);
	const struct model_entry *e = model_entry_of(m, 20);

	assert_int_equal(e->n, 11);
	assert_int_equal(e->last_n, 20);
	assert_string_equal(e->typed, "orders 3");
	assert_string_equal(e->answered_by, "anna");
	assert_string_equal(e->op, "=");
	assert_int_equal(e->rows_wanted, 3);
	assert_int_equal(e->count, 3);
	assert_int_equal(e->table_rows, 500);
	assert_int_equal(e->rows, 3);
	assert_int_equal(strlen(e->digest), DIGEST_HEX);
	assert_int_equal(strlen(e->bind), DIGEST_HEX);
	assert_int_equal(e->dangers, SQL_DANGER_BIT(SQL_DANGER_TRIGGER));
	assert_int_equal(e->ntalk, 2);
	assert_string_equal(e->talk[1].by, "ben");
	assert_int_equal(e->last_shown_us - e->opened_us, 1000000);
	assert_string_equal(e->reason, "step 3, webhook lost, comment 17");
	model_free(m);
	make_end(&k);
}

static void
a_sealed_session_is_counted_and_verified(void **state)
{
	struct make k;
	struct model *m = shop(&k, SHOP_EVENTS);
	struct transcript_report r;

	model_verdict(m, &r);
	assert_int_equal(r.verdict, TRANSCRIPT_SEALED);
	assert_true(model_header(m)->sealed);
	assert_true(model_header(m)->ended);
	assert_int_equal(model_header(m)->reads, 3);
	assert_int_equal(model_header(m)->writes, 1);
	assert_int_equal(model_header(m)->denied, 1);
	model_free(m);
	make_end(&k);
}

static void
a_late_word_does_not_wake_a_request_that_has_ended(void **state)
{
	struct make k;
	struct model *m = model_create();

	make_begin(&k);
	make_opening(&k);
	make_event(&k, TRANSCRIPT_EVENT_REQUEST, "{'by':'ben','class':'write','table':'t'}",
	    make_text("sql", "delete from t"), "{'k':'reason','text':''}", NULL);
	make_event(&k, TRANSCRIPT_EVENT_EXPIRED, "{'of':5}", NULL);
	make_event(&k, TRANSCRIPT_EVENT_OPENED, "{'of':5,'by':'anna','last':true}", NULL);
	make_event(&k, TRANSCRIPT_EVENT_ALLOWED, "{'of':5,'by':'anna'}", "{'k':'typed','text':'t 1'}", NULL);
	make_event(&k, TRANSCRIPT_EVENT_RUN, "{'of':5}", NULL);
	make_feed(k.path, m, 9);
	assert_int_equal(model_entry_of(m, 5)->state, TRANSCRIPT_EVENT_EXPIRED);
	assert_int_equal(model_waiting(m, -1), -1);
	assert_null(model_running(m));
	model_free(m);
	make_end(&k);
}

static void
a_copy_and_its_original_go_their_own_ways(void **state)
{
	struct make k;
	struct model *m = shop(&k, 12), *c = model_copy(m);
	const struct model_entry *e = model_entry_of(c, 11);
	uint64_t serial = e->serial;

	assert_int_equal(model_entry_of(m, 11)->serial, serial);
	make_feed(k.path, m, 0);
	model_free(m);
	assert_int_equal(e->serial, serial);
	assert_string_equal(e->reason, "step 3, webhook lost, comment 17");
	m = model_copy(c);
	model_free(c);
	assert_int_equal(model_entry_of(m, 11)->count, 3);
	model_free(m);
	make_end(&k);
}

/* Lines that a hostile broker or file could hold; salt, digests and times are well-formed so that they get far. */
#define SALT "{\"s\":\"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\",\"of\":"
#define EVENT_LINE(n, rest) "{\"n\":" n ",\"t\":\"2026-06-08T14:03:12.123456Z\",\"ms\":5,\"prev\":" \
	"\"0000000000000000000000000000000000000000000000000000000000000000\",\"ev\":" rest "}"
static const char *const hostile[] = {
	"", "{", "null", "[]", "{\"n\":1}", "\x01\x02", "{\"s\":1,\"of\":2,\"k\":3}",
	EVENT_LINE("1", "\"begin\",\"session\":7,\"people\":{\"a\":1},\"expires\":\"never\",\"unverified\":\"yes\""),
	EVENT_LINE("1", "\"begin\",\"session\":\"\\u001b[2J\",\"ticket\":\"\\u202e\",\"people\":[1,null,{\"person\":2},"
	    "{\"person\":\"\\u001b]0;x\\u0007\",\"side\":[],\"seat\":{}}]"),
	EVENT_LINE("2", "\"connected\",\"caps\":[1,\"read-wall\",{}],\"version\":null"),
	EVENT_LINE("3", "\"brand-new\",\"of\":3,\"by\":\"x\""),
	EVENT_LINE("18446744073709551615", "\"read\",\"by\":\"ben\""),
	EVENT_LINE("5", "\"request\",\"op\":\"drop everything\",\"rows\":-9223372036854775807,\"table\":5,\"dangers\":[1,\"x\"]"),
	EVENT_LINE("6", "\"sheet\",\"of\":5,\"count\":1e300,\"triggers\":[1,\"\\u001b[31m\"],\"cascades\":\"x\",\"table_rows\":-4"),
	SALT "7,\"k\":\"rows\",\"cols\":7,\"rows\":[1,[2,[3]],{\"a\":1},[{\"base64\":\"!!!!\"},{\"cut\":-1},true,1.5]]}",
	EVENT_LINE("7", "\"rows\",\"of\":5,\"part\":-1"),
	SALT "8,\"k\":\"rows\",\"cols\":[1,{\"name\":5,\"type\":{}},{\"name\":{\"base64\":\"/w==\"}}],\"rows\":[[],[1,2,3,4,5]]}",
	EVENT_LINE("8", "\"rows\",\"of\":5"),
	SALT "9,\"k\":\"sql\",\"text\":{\"base64\":\"not base64\"}}",
	EVENT_LINE("9", "\"read\",\"by\":{},\"class\":[],\"verb\":7"),
	EVENT_LINE("10", "\"failed\",\"of\":9,\"position\":9223372036854775807,\"code\":7,\"took\":\"x\""),
	EVENT_LINE("11", "\"committed\",\"of\":5,\"affected\":\"x\",\"effects\":[1,{\"table\":7},{\"table\":\"\\u001b\"}],\"took\":-1"),
	EVENT_LINE("12", "\"committed\",\"of\":12"), EVENT_LINE("13", "\"done\",\"of\":-1"),
	EVENT_LINE("14", "\"denied\",\"of\":1"), EVENT_LINE("15", "\"seal\",\"count\":\"x\",\"head\":7"),
	EVENT_LINE("16", "\"read\",\"of\":5,\"of\":6"),
	SALT "17,\"k\":\"sample\",\"cols\":[{\"name\":\"a\"},{\"name\":\"a (new)\"}],\"rows\":[[],7,[null],[1,2,3]]}",
	EVENT_LINE("17", "\"sheet\",\"of\":5"), EVENT_LINE("5", "\"recovered\",\"torn\":\"x\""),
	EVENT_LINE("4", "\"asked\",\"of\":5,\"until\":\"x\""), EVENT_LINE("99", "\"outcome\",\"of\":5,\"is\":7"),
};

/* Every view of every entry, at several widths: nothing raw, nothing too wide, no crash. */
static void
look_at_everything(const struct model *m)
{
	static const int widths[] = { 1, 20, 79, 140 };
	struct sheet_view *s = sheet_view_create();

	for (size_t w = 0; w < sizeof widths / sizeof widths[0]; w++) {
		struct log_view *v = log_view_create();

		log_view_update(v, m, widths[w], (enum log_expanded)(w % 3), w);
		for (size_t i = 0; i < log_view_lines(v); i++) {
			const struct log_text *t = log_view_line(v, i);

			for (size_t b = 0; b < t->n; b++)
				assert_true((unsigned char)t->text[b] >= 0x20 && t->text[b] != 0x7f);
			assert_true(widths[w] < 16 || text_width(t->text, t->n) <= (size_t)widths[w]);
		}
		log_view_free(v);
		for (size_t i = 0; i < model_entries(m); i++) {
			sheet_view_update(s, m, model_entry(m, i), widths[w]);
			for (size_t k = 0; k < sheet_view_lines(s); k++)
				assert_true(widths[w] < 16 ||
				    text_width(sheet_view_line(s, k)->text, sheet_view_line(s, k)->n) <=
				    (size_t)widths[w]);
		}
	}
	sheet_view_free(s);
}

static void
hostile_lines_change_nothing_that_matters_and_never_crash(void **state)
{
	struct model *m = model_create();

	for (int round = 0; round < 2; round++)
		for (size_t i = 0; i < sizeof hostile / sizeof hostile[0]; i++) {
			struct model *c;

			(void)model_feed(m, hostile[i], strlen(hostile[i]));
			c = model_copy(m);
			assert_int_equal(model_entries(c), model_entries(m));
			model_free(c);
		}
	assert_true(model_entries(m) > 10);
	assert_true(model_header(m)->npeople <= MODEL_PEOPLE_MAX);
	look_at_everything(m);
	model_free(m);
}

/* Live, late or replayed: what stands there is what the events so far say. */
static void
the_way_to_the_database_is_a_function_of_the_events(void **state)
{
	struct make k;
	struct model *m = model_create(), *early, *copy;
	const struct model_header *h = model_header(m);

	make_way(&k);
	make_feed(k.path, m, WAY_EVENTS);
	early = model_create();
	make_feed(k.path, early, 3);
	assert_int_equal(model_header(early)->nwanted, 2);
	assert_string_equal(model_header(early)->wanted[0].by, "anna");
	assert_string_equal(model_header(early)->wanted[1].of, "support");
	model_free(early);
	early = model_create();
	make_feed(k.path, early, 6);
	assert_int_equal(model_header(early)->nwanted, 1);
	assert_string_equal(model_header(early)->hops[0].state, "open");
	assert_int_equal(model_entry_of(early, 5)->n, 5);
	assert_int_equal(model_entry_of(early, 6)->n, 5);	/* one entry for the steps of a hop */
	copy = model_copy(early);
	model_free(early);
	assert_string_equal(model_header(copy)->hops[0].name, "jump");
	model_free(copy);
	assert_int_equal(h->nwanted, 0);
	assert_string_equal(h->standing, "replica");
	assert_int_equal(h->lag_ms, 3200);
	assert_int_equal(h->limits.statement_ms, 30000);
	assert_int_equal(h->limits.rows, 10000);
	assert_true(h->account_ok);
	assert_int_equal(json_array_size(json_object_get(model_audit(m), "findings")), 2);
	assert_string_equal(h->hops[0].state, "lost");
	assert_string_equal(h->hops[0].why, "jump does not answer any more");
	assert_int_equal(h->hops[0].out, 70000);
	assert_true(h->hops[0].ms > 38 && h->hops[0].key[0] == 'S');	/* still known */
	look_at_everything(m);
	model_free(m);
	make_end(&k);
}

static void
a_read_that_was_not_run_is_none_until_it_is_allowed(void **state)
{
	struct make k;
	struct model *m = model_create();

	make_way(&k);
	make_feed(k.path, m, 20);
	assert_int_equal(model_entry_of(m, 13)->kind, MODEL_DESCRIBE);
	assert_string_equal(model_entry_of(m, 16)->verb, "table");
	assert_int_equal(model_entry_of(m, 19)->state, TRANSCRIPT_EVENT_COSTLY);
	assert_null(model_running(m));
	assert_int_equal(model_header(m)->reads, 0);
	model_free(m);
	m = model_create();
	make_feed(k.path, m, WAY_EVENTS);
	assert_true(model_only_reads(model_entry_of(m, 21)));
	assert_int_equal(model_entry_of(m, 21)->state, TRANSCRIPT_EVENT_DONE);
	assert_int_equal(model_entry_of(m, 21)->rows, 1);
	assert_int_equal(model_header(m)->reads, 1);
	assert_int_equal(model_header(m)->writes, 0);
	model_free(m);
	make_end(&k);
}

static void
what_is_held_waits_again_and_is_ended_by_the_database(void **state)
{
	struct make k;
	struct model *m = model_create();
	const struct model_entry *e;

	make_held(&k);
	make_feed(k.path, m, 7);
	assert_int_equal(model_set(m)->changes, 2);
	assert_int_equal(model_set(m)->n, 5);
	model_free(m);
	m = model_create();
	make_feed(k.path, m, 14);
	e = model_entry_of(m, MAKE_HELD_SET);
	assert_null(model_set(m));
	assert_true(model_is_set(e) && model_is_held(e) && model_is_waiting(e));
	assert_ptr_equal(model_entry(m, (size_t)model_held(m)), e);
	assert_null(model_running(m));
	assert_int_equal(e->hold.affected, 7);
	model_free(m);
	m = model_create();
	make_feed(k.path, m, 16);
	e = model_entry_of(m, MAKE_HELD_SET);
	assert_ptr_equal(model_running(m), e);
	assert_false(model_is_waiting(e));
	assert_string_equal(e->hold.typed, "keep orders+items 7");
	assert_string_equal(e->typed, "orders+items <=11");
	model_free(m);
	m = model_create();
	make_feed(k.path, m, 30);
	e = model_entry_of(m, MAKE_HELD_DENIED);
	assert_null(e->end);	/* the answer is no end: it has run */
	assert_int_equal(model_header(m)->denied, 1);
	model_free(m);
	m = model_create();
	make_feed(k.path, m, MAKE_HELD_EVENTS);
	e = model_entry_of(m, MAKE_HELD_DENIED);
	assert_int_equal(e->state, TRANSCRIPT_EVENT_ROLLEDBACK);
	assert_string_equal(e->hold.reason, "too many");
	assert_int_equal(model_entry_of(m, 21)->staged, 1);
	assert_int_equal(model_held(m), -1);
	look_at_everything(m);
	model_free(m);
	make_end(&k);
}

static uint32_t
next_random(uint32_t *seed)
{
	*seed = *seed * 1664525 + 1013904223;
	return *seed >> 8;
}

/* A session's own lines with bytes changed: what is still JSON is of another type, number or name. */
static void
change_bytes(void (*make)(struct make *k), uint32_t seed)
{
	struct make k;
	struct buf file;

	make(&k);
	buf_init(&file, 1 << 20);
	{
		FILE *f = fopen(k.path, "rb");
		char *room = buf_room(&file, 1 << 18);

		buf_added(&file, fread(room, 1, 1 << 18, f));
		fclose(f);
	}
	for (int round = 0; round < 120; round++) {
		size_t n = buf_len(&file);
		char *copy = malloc(n), *p = copy;
		struct model *m = model_create_unchecked();

		memcpy(copy, buf_data(&file), n);
		for (uint32_t i = 0; i < 40; i++)
			copy[next_random(&seed) % n] = "0919\"{}[],:-ntf\\u a"[next_random(&seed) % 19];
		while (p < copy + n) {
			char *lf = memchr(p, '\n', (size_t)(copy + n - p));

			if (lf == NULL)
				break;
			(void)model_feed(m, p, (size_t)(lf - p));
			p = lf + 1;
		}
		look_at_everything(m);
		model_free(m);
		free(copy);
	}
	buf_fini(&file);
	make_end(&k);
}

static void
changed_bytes_never_crash_it(void **state)
{
	change_bytes(make_shop, 7);
	change_bytes(make_way, 11);
	change_bytes(make_held, 13);
}

static void
events_after_a_gap_still_find_their_entries(void **state)
{
	static const char *const lines[] = {
		EVENT_LINE("1", "\"begin\",\"session\":\"s\""), EVENT_LINE("40", "\"read\",\"by\":\"ben\""),
		EVENT_LINE("41", "\"read\",\"by\":\"ben\""), EVENT_LINE("42", "\"done\",\"of\":40,\"rows\":0"),
		EVENT_LINE("7", "\"done\",\"of\":41,\"rows\":9"), EVENT_LINE("8", "\"done\",\"of\":2000"),
	};
	struct model *m = model_create_unchecked();

	for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++)
		assert_true(model_feed(m, lines[i], strlen(lines[i])));
	assert_int_equal(model_entry_of(m, 40)->rows, 0);
	assert_int_equal(model_entry_of(m, 42)->n, 40);
	assert_int_equal(model_entry_of(m, 7)->n, 41);
	assert_int_equal(model_entry_of(m, 8)->kind, MODEL_STATE);
	assert_null(model_entry_of(m, 39));
	assert_null(model_entry_of(m, 9));
	model_free(m);
}

static void
rows_beyond_what_is_kept_are_left_to_the_transcript(void **state)
{
	struct model *m = model_create_unchecked();
	char line[512];

	assert_true(model_feed(m, EVENT_LINE("1", "\"read\""), strlen(EVENT_LINE("1", "\"read\""))));
	for (int n = 2; n < 1200; n++) {
		snprintf(line, sizeof line, SALT "%d,\"k\":\"rows\",\"rows\":[[\"a\"],[\"b\"],[\"c\"],[\"d\"]]}", n);
		assert_true(model_feed(m, line, strlen(line)));
		snprintf(line, sizeof line, EVENT_LINE("%d", "\"rows\",\"of\":1"), n);
		assert_true(model_feed(m, line, strlen(line)));
	}
	assert_int_equal(model_entry(m, 0)->nresults, 1198);
	assert_non_null(model_entry(m, 0)->results[MODEL_ROWS_KEPT / 4 - 1]);
	assert_null(model_entry(m, 0)->results[MODEL_ROWS_KEPT / 4]);
	look_at_everything(m);
	model_free(m);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_first_lines_fix_what_the_title_says),
		cmocka_unit_test(a_read_gathers_its_rows_and_its_end),
		cmocka_unit_test(a_request_waits_until_it_is_answered),
		cmocka_unit_test(a_request_keeps_what_was_shown_and_typed),
		cmocka_unit_test(a_sealed_session_is_counted_and_verified),
		cmocka_unit_test(a_late_word_does_not_wake_a_request_that_has_ended),
		cmocka_unit_test(a_copy_and_its_original_go_their_own_ways),
		cmocka_unit_test(hostile_lines_change_nothing_that_matters_and_never_crash),
		cmocka_unit_test(the_way_to_the_database_is_a_function_of_the_events),
		cmocka_unit_test(a_read_that_was_not_run_is_none_until_it_is_allowed),
		cmocka_unit_test(what_is_held_waits_again_and_is_ended_by_the_database),
		cmocka_unit_test(changed_bytes_never_crash_it),
		cmocka_unit_test(events_after_a_gap_still_find_their_entries),
		cmocka_unit_test(rows_beyond_what_is_kept_are_left_to_the_transcript),
	};

	return cmocka_run_group_tests_name("console model", tests, NULL, NULL);
}
