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

#include "twokey/base/err.h"
#include "twokey/base/text.h"
#include "twokey/console/log.h"
#include "twokey/console/model.h"
#include "twokey/console/show.h"

#include "console_make.h"

enum { SHOP_EVENTS = 30 };

static struct make shop;

static int
make_it(void **state)
{
	make_shop(&shop);
	return 0;
}

static int
drop_it(void **state)
{
	make_end(&shop);
	return 0;
}

static void
dump(const struct log_view *v, int width, struct buf *out)
{
	for (size_t i = 0; i < log_view_lines(v); i++) {
		const struct log_text *t = log_view_line(v, i);

		assert_true(text_width(t->text, t->n) <= (size_t)width);
		buf_put(out, t->text, t->n);
		buf_putc(out, '\n');
	}
}

static void
golden_log(const char *name, int width, uint64_t n, enum log_expanded x, bool ruled)
{
	struct model *m = model_create();
	struct log_view *v = log_view_create();
	struct buf out;

	buf_init(&out, 1 << 20);
	make_feed(shop.path, m, n);
	if (ruled)
		log_view_ruled(v);
	log_view_update(v, m, width, x, 500);
	dump(v, width, &out);
	make_golden(name, buf_data(&out), buf_len(&out));
	buf_fini(&out);
	log_view_free(v);
	model_free(m);
}

static void
the_log_of_a_session_is_laid_out_at_80_columns(void **state)
{
	golden_log("log-80.txt", 80, SHOP_EVENTS, LOG_TABLE, false);
}

static void
the_log_of_a_session_is_laid_out_at_140_columns(void **state)
{
	golden_log("log-140.txt", 140, SHOP_EVENTS, LOG_TABLE, false);
}

static void
the_log_of_a_replay_has_rules_and_expanded_rows(void **state)
{
	golden_log("log-ruled-80.txt", 80, SHOP_EVENTS, LOG_EXPANDED, true);
}

static void
a_request_that_waits_says_what_it_waits_for(void **state)
{
	golden_log("log-waiting-80.txt", 80, 15, LOG_TABLE, false);
}

static void
only_what_changed_is_laid_out_anew_and_the_same_comes_out(void **state)
{
	struct log_view *v = log_view_create();

	for (uint64_t n = 1; n <= SHOP_EVENTS; n++) {
		struct model *m = model_create();
		struct log_view *fresh = log_view_create();
		struct buf a, b;

		buf_init(&a, 1 << 20);
		buf_init(&b, 1 << 20);
		make_feed(shop.path, m, n);
		log_view_update(v, m, 80, LOG_TABLE, 500);
		log_view_update(fresh, m, 80, LOG_TABLE, 500);
		dump(v, 80, &a);
		dump(fresh, 80, &b);
		assert_string_equal(buf_str(&a), buf_str(&b));
		buf_fini(&a);
		buf_fini(&b);
		log_view_free(fresh);
		model_free(m);
	}
	log_view_free(v);
}

static void
a_text_is_found_both_ways_whatever_its_case(void **state)
{
	struct model *m = model_create();
	struct log_view *v = log_view_create();
	long first, last;

	make_feed(shop.path, m, SHOP_EVENTS);
	log_view_update(v, m, 80, LOG_TABLE, 500);
	first = log_view_find(v, "ORDERS", 0, false);
	last = log_view_find(v, "orders", log_view_lines(v), true);
	assert_true(first >= 0 && last > first);
	assert_true(log_view_find(v, "orders", (size_t)first, true) < 0);
	assert_int_equal(log_view_find(v, "orders", (size_t)last, false), last);
	assert_int_equal(log_view_find(v, "nowhere to be found", 0, false), -1);
	assert_int_equal(log_view_find(v, "", 0, false), -1);
	assert_int_equal(log_view_line(v, log_view_line_of(v, 5))->entry, 5);
	log_view_free(v);
	model_free(m);
}

static void
entries_before_a_window_take_no_lines(void **state)
{
	struct model *m = model_create();
	struct log_view *v = log_view_create();

	make_feed(shop.path, m, SHOP_EVENTS);
	log_view_from(v, 6);
	log_view_update(v, m, 80, LOG_TABLE, 500);
	assert_int_equal(log_view_line_of(v, 6), 0);
	assert_int_equal(log_view_line(v, 0)->entry, 6);
	log_view_free(v);
	model_free(m);
}

/* Without its bodies a file still tells who did what and when. */
static void
a_copy_without_bodies_says_what_is_not_there(void **state)
{
	struct model *m = model_create();
	struct log_view *v = log_view_create();
	char line[65536];
	FILE *f = fopen(shop.path, "rb");

	assert_non_null(f);
	while (fgets(line, sizeof line, f) != NULL)
		if (strncmp(line, "{\"s\":", 5) != 0)
			assert_true(model_feed(m, line, strlen(line) - 1));
	fclose(f);
	log_view_update(v, m, 80, LOG_TABLE, 0);
	assert_true(log_view_find(v, "the statement is not in this copy", 0, false) >= 0);
	assert_true(log_view_find(v, "rows are missing in this copy", 0, false) >= 0);
	assert_true(log_view_find(v, "the words of the server are not in this copy", 0, false) >= 0);
	assert_true(log_view_find(v, "COMMITTED 13:54:01", 0, false) >= 0);
	assert_int_equal(log_view_find(v, "webhook", 0, false), -1);
	log_view_free(v);
	model_free(m);
}

/* Text that takes no columns is laid out in time that grows with its length only. */
/* Whatever the server says beside a result stands below it, control characters as marks. */
static void
what_the_server_says_beside_a_result_is_shown(void **state)
{
	struct model *m = model_create();
	struct log_view *v = log_view_create();
	struct make k;
	struct buf out;

	(void)state;
	make_begin(&k);
	make_opening(&k);
	make_event(&k, TRANSCRIPT_EVENT_READ, "{'by':'ben','class':'read'}", make_text("sql", "select 1"), NULL);
	make_event(&k, TRANSCRIPT_EVENT_DONE, "{'of':5,'rows':0,'cut':false,'took':1.0}",
	    make_text("notices", "WARNING: careful \033[2J\nNOTICE: done"), NULL);
	make_feed(k.path, m, 6);
	log_view_update(v, m, 80, LOG_TABLE, 500);
	buf_init(&out, 1 << 20);
	dump(v, 80, &out);
	assert_non_null(strstr(buf_str(&out), "the server: WARNING: careful "));
	assert_non_null(strstr(buf_str(&out), "the server: NOTICE: done"));
	assert_null(strchr(buf_str(&out), '\033'));
	buf_fini(&out);
	log_view_free(v);
	model_free(m);
	make_end(&k);
}

/* The events behind a request: "a" allowed, "A" by who asked, "d" denied, "r" run, "c" committed. */
static const struct {
	const char *events;
	const char *says, *not;		/* says it, does not say it */
} told[] = {
	{ "arc", "nobody opened it, anna allowed it 13:50:03 (what was typed is not in this copy)", "!!" },
	{ "rc", "!!  it ran, and here stands no answer that allowed it", "allowed it 1" },
	{ "c", "!!  it ran, and here stands no answer that allowed it", "allowed it 1" },
	{ "ac", "!!  it ran, and here stands no answer that allowed it", "asked for it and" },
	{ "darc", "!!  it ran, and here stands no answer that allowed it", "asked for it and" },
	{ "Arc", "!!  ben asked for it and allowed it", "here stands" },
	{ "d", "DENIED by anna", "!!" },
};

static void
what_ran_without_an_answer_is_marked(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof told / sizeof told[0]; i++) {
		struct model *m = model_create();
		struct log_view *v = log_view_create();
		struct make k;
		struct buf out;

		make_begin(&k);
		make_opening(&k);
		make_event(&k, TRANSCRIPT_EVENT_REQUEST, "{'by':'ben','class':'write','verb':'UPDATE','table':'t'}",
		    make_text("sql", "update t set a = 1"), NULL);
		for (const char *p = told[i].events; *p != '\0'; p++)
			make_event(&k, *p == 'r' ? TRANSCRIPT_EVENT_RUN : *p == 'c' ? TRANSCRIPT_EVENT_COMMITTED : *p == 'd' ?
			    TRANSCRIPT_EVENT_DENIED : TRANSCRIPT_EVENT_ALLOWED, strchr("rc", *p) != NULL ? "{'of':5}" :
			    *p == 'A' ? "{'of':5,'by':'ben'}" : "{'of':5,'by':'anna'}", NULL);
		make_feed(k.path, m, 5 + strlen(told[i].events));
		log_view_update(v, m, 100, LOG_TABLE, 500);
		buf_init(&out, 1 << 20);
		dump(v, 100, &out);
		if (strstr(buf_str(&out), told[i].says) == NULL || strstr(buf_str(&out), told[i].not) != NULL)
			fail_msg("%s: %s", told[i].events, buf_str(&out));
		buf_fini(&out);
		log_view_free(v);
		model_free(m);
		make_end(&k);
	}
}

static void
a_megabyte_without_width_is_laid_out(void **state)
{
	enum { MARKS = 300000 };
	struct model *m = model_create_unchecked();
	struct log_view *v = log_view_create();
	struct make k;
	struct buf sql;

	buf_init(&sql, 1 << 20);
	buf_puts(&sql, "select ");
	for (int i = 0; i < MARKS; i++)
		buf_puts(&sql, "\xcc\x81");
	buf_puts(&sql, "x");
	for (int i = 0; i < 200; i++)
		buf_puts(&sql, "y\xcc\x81");
	buf_puts(&sql, " z");
	make_begin(&k);
	make_opening(&k);
	make_event(&k, TRANSCRIPT_EVENT_READ, "{'by':'ben','class':'read'}", make_text("sql", buf_str(&sql)), NULL);
	make_event(&k, TRANSCRIPT_EVENT_FAILED, "{'of':5,'code':'x','position':600607}", "{'k':'error','text':'no'}", NULL);
	make_feed(k.path, m, 6);
	log_view_update(v, m, 80, LOG_TABLE, 0);
	assert_true(log_view_find(v, "LINE 1: ...", 0, false) >= 0);
	for (size_t i = 0; i < log_view_lines(v); i++)
		assert_true(text_width(log_view_line(v, i)->text, log_view_line(v, i)->n) <= 80);
	buf_fini(&sql);
	log_view_free(v);
	model_free(m);
	make_end(&k);
}

static void
golden_show(const char *path, const char *name, int width)
{
	struct transcript_report r;
	char *text = NULL;
	size_t n = 0;
	FILE *f = open_memstream(&text, &n);
	struct err e = { 0 };

	if (show_file(path, width, f, &r, &e) != 0)
		fail_msg("%s", e.text);
	fclose(f);
	assert_int_equal(r.verdict, TRANSCRIPT_SEALED);
	{
		/* the head differs at every run: salts are random */
		char head[DIGEST_HEX + 1], *at;

		digest_hex(&r.head, head);
		for (at = text; (at = strstr(at, head)) != NULL;)
			memset(at, 'H', DIGEST_HEX);
	}
	make_golden(name, text, n);
	free(text);
}

static void
show_prints_the_whole_session(void **state)
{
	golden_show(shop.path, "show-100.txt", 100);
	golden_show(shop.path, "show-80.txt", 80);
}

static void
show_tells_the_way_to_the_database(void **state)
{
	struct make k;

	make_way(&k);
	golden_show(k.path, "show-way-100.txt", 100);
	make_end(&k);
	make_held(&k);
	golden_show(k.path, "show-held-100.txt", 100);
	make_end(&k);
}

static void
show_says_what_is_wrong_with_a_file(void **state)
{
	struct transcript_report r;
	struct err e;
	char path[128];
	FILE *f, *null = fopen("/dev/null", "w");

	assert_int_equal(show_file("/nonexistent/t.jsonl", 80, null, &r, &e), ERR_NOT_FOUND);
	snprintf(path, sizeof path, "%s/other", shop.folder);
	f = fopen(path, "w");
	fputs("# not a transcript\n{\"a\":1}\n", f);
	fclose(f);
	assert_int_equal(show_file(path, 80, null, &r, &e), ERR_INVALID);
	remove(path);
	fclose(null);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_log_of_a_session_is_laid_out_at_80_columns),
		cmocka_unit_test(the_log_of_a_session_is_laid_out_at_140_columns),
		cmocka_unit_test(the_log_of_a_replay_has_rules_and_expanded_rows),
		cmocka_unit_test(a_request_that_waits_says_what_it_waits_for),
		cmocka_unit_test(only_what_changed_is_laid_out_anew_and_the_same_comes_out),
		cmocka_unit_test(a_text_is_found_both_ways_whatever_its_case),
		cmocka_unit_test(entries_before_a_window_take_no_lines),
		cmocka_unit_test(a_copy_without_bodies_says_what_is_not_there),
		cmocka_unit_test(what_the_server_says_beside_a_result_is_shown),
		cmocka_unit_test(what_ran_without_an_answer_is_marked),
		cmocka_unit_test(a_megabyte_without_width_is_laid_out),
		cmocka_unit_test(show_prints_the_whole_session),
		cmocka_unit_test(show_tells_the_way_to_the_database),
		cmocka_unit_test(show_says_what_is_wrong_with_a_file),
	};

	return cmocka_run_group_tests_name("console log", tests, make_it, drop_it);
}
