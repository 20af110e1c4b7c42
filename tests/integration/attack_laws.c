/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Laws 3 and 4 against consoles that were modified: answers of the wrong person, at the wrong time, of another request, with
 * other words, again and again. Each leaves the database as it was, and everybody else goes on. */
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

#include "twokey/base/json.h"

#include "lib/beside.h"
#include "lib/broker.h"

enum { LINE = 8192 };

static struct test_broker broker;
static const char update[] = "update orders set note = 'w' where id <= 3";

/* A request that waits, as anna's console knows it. */
struct known {
	int64_t n;
	char digest[80], bind[80];
};

static int
start(void **state)
{
	(void)state;
	test_broker_start(&broker, NULL);
	return 0;
}

static int
stop(void **state)
{
	(void)state;
	test_broker_stop(&broker);
	return 0;
}

static void
unchanged(void)
{
	assert_int_equal(test_shop_number(&broker, "select count(*) from orders where note is not null"), 0);
	assert_int_equal(test_shop_number(&broker, "select count(*) from orders"), 500);
	assert_int_equal(test_shop_number(&broker, "select count(*) from orders_log"), 0);
}

static void
clean(void)
{
	test_shop_exec(&broker, "update orders set note = null; delete from orders_log");
}

/* The others are served as before. */
static void
goes_on(struct test_console *ben, struct test_console *anna)
{
	int64_t n = json_int(test_ok(ben, "{\"do\":\"sql\",\"text\":\"select count(*) from orders\"}"), "n", 0);

	test_event(ben, "done", n);
	test_event(anna, "done", n);
	test_ok(anna, "{\"do\":\"say\",\"text\":\"I am here\"}");
}

static struct known
known(struct test_console *ben, struct test_console *anna, const char *sql)
{
	struct known k = { .n = test_request(ben, sql, NULL) };
	json_t *sheet = test_event(anna, "sheet", k.n), *request = test_event_n(anna, k.n);

	snprintf(k.digest, sizeof k.digest, "%s", json_str(request, "digest", NULL));
	snprintf(k.bind, sizeof k.bind, "%s", json_str(sheet, "bind", NULL));
	return k;
}

/* Opened, its last line shown, and long enough ago: from here on only what is wrong with an answer can refuse it. */
static void
ripe(struct test_console *anna, const struct known *k)
{
	json_t *a = test_allow(anna, k->n, "nothing 0");

	assert_false(json_bool(a, "ok"));
	assert_non_null(strstr(json_str(a, "why", NULL), "type"));
}

static const char *
answer_line(char out[LINE], const struct known *k, const char *typed)
{
	snprintf(out, LINE, "{\"do\":\"allow\",\"of\":%lld,\"digest\":\"%s\",\"bind\":\"%s\",\"typed\":\"%s\"}", (long long)k->n,
	    k->digest, k->bind, typed);
	return out;
}

/* The code of the refusal, which has a sentence: a line that is no JSON is answered as "?". */
static const char *
code_of(struct test_console *c, const char *line, const char *what)
{
	static char code[40];
	json_t *v;
	size_t i, n = 0;

	test_send(c, "%s\n{\"do\":\"here\"}", line);
	(void)test_answer(c, "here");
	json_array_foreach(c->answers, i, v) {
		if (json_bool(v, "ok") || json_str(v, "why", NULL) == NULL)
			fail_msg("%s was not refused: %s", what, line);
		snprintf(code, sizeof code, "%s", json_str(v, "code", NULL));
		n++;
	}
	assert_int_equal(n, 1);
	json_array_clear(c->answers);
	return code;
}

/* Refused for what it is, not for how many there were before. */
static void
is_refused(struct test_console *c, const char *line, const char *what)
{
	while (strcmp(code_of(c, line, what), "too-large") == 0)
		nanosleep(&(struct timespec){ 0, 100 * 1000 * 1000 }, NULL);
}

static void
allowed_in_the_end(struct test_console *ben, struct test_console *anna, const struct known *k, const char *typed, int64_t rows)
{
	char line[LINE];

	unchanged();
	test_ok(anna, answer_line(line, k, typed));
	assert_int_equal(json_int(test_event(ben, "committed", k->n), "affected", 0), rows);
	assert_int_equal(test_shop_number(&broker, "select count(*) from orders where note is not null"), rows);
	assert_int_equal(test_shop_number(&broker, "select count(*) from orders_log"), rows);
	clean();
}

static void
close_all(struct test_console *ben, struct test_console *anna, struct test_console *kim)
{
	test_end(&broker, ben);
	test_console_close(ben);
	test_console_close(anna);
	if (kim != NULL)
		test_console_close(kim);
}

/* Law 3: the perfect answer, by everybody but the one who may give it. */
static void
law_3_a_good_answer_of_the_wrong_person(void **state)
{
	struct test_console *ben, *anna, *kim, *outside, *twin;
	char line[LINE];
	struct known k;

	(void)state;
	test_session(&broker, "L3-1", &ben, &anna);
	kim = test_console(&broker, "kim");
	test_ok(kim, "{\"do\":\"join\",\"ticket\":\"L3-1\"}");
	k = known(ben, anna, update);
	ripe(anna, &k);
	answer_line(line, &k, "orders 3");
	test_refused(ben, line, "seat");
	test_refused(kim, line, "seat");
	/* who has said nothing, who has only said hello, who said hello as anna herself and is in no session */
	outside = test_console_raw(&broker, "stranger");
	test_refused(outside, line, "unsupported");
	test_ok(outside, "{\"do\":\"hello\",\"v\":1,\"json\":true,\"as\":\"anna\"}");
	test_refused(outside, line, "unsupported");
	/* a second console of hers takes no seat, not even the watcher's */
	test_refused(outside, "{\"do\":\"join\",\"ticket\":\"L3-1\"}", "seat");
	test_wait_eof(outside);
	test_console_close(outside);
	twin = test_console(&broker, "anna");
	test_refused(twin, "{\"do\":\"join\",\"ticket\":\"L3-1\",\"watch\":true}", "seat");
	test_console_close(twin);
	/* who is in a session may not become somebody else */
	test_refused(ben, "{\"do\":\"hello\",\"v\":1,\"as\":\"anna\"}", "unsupported");
	test_refused(ben, "{\"do\":\"join\",\"ticket\":\"L3-1\"}", "unsupported");
	/* nor does an answer say by whom it is */
	snprintf(line, sizeof line, "{\"do\":\"allow\",\"of\":%lld,\"digest\":\"%s\",\"bind\":\"%s\",\"typed\":\"orders 3\",\"by\":\"anna\"}",
	    (long long)k.n, k.digest, k.bind);
	test_refused(anna, line, "invalid");
	goes_on(ben, anna);
	allowed_in_the_end(ben, anna, &k, "orders 3", 3);
	close_all(ben, anna, kim);
}

/* Accepts a ticket of these people. */
static void
ticket_of(const char *id, const char *people, const char *second)
{
	struct test_console *ben = test_console(&broker, "ben"), *anna = test_console(&broker, "anna");
	char line[LINE];
	json_t *made;

	snprintf(line, sizeof line, "{\"do\":\"ticket-new\",\"text\":\"id: %s\\ntitle: orders\\ntarget: shop\\naccess: write\\n"
	    "stage: production\\npeople:\\n%sapprover: anna\\nsecond_key: %s\\nexpires: 2090-01-01T00:00:00Z\\n\"}", id, people, second);
	made = test_ok(ben, line);
	snprintf(line, sizeof line, "{\"do\":\"ticket-accept\",\"ticket\":\"%s\",\"digest\":\"%s\"}", id, json_str(made, "digest", NULL));
	test_ok(anna, line);
	test_console_close(ben);
	test_console_close(anna);
}

static struct test_console *
enter(const char *person, const char *what, const char *id)
{
	struct test_console *c = test_console(&broker, person);
	char line[200];

	snprintf(line, sizeof line, "{\"do\":\"%s\",\"ticket\":\"%s\"}", what, id);
	test_ok(c, line);
	test_event(c, "connected", 0);
	return c;
}

#define BEN "  - {name: ben, seat: driver}\\n"
#define ANNA "  - {name: anna, seat: confirmer}\\n"
#define KIM "  - {name: kim, seat: confirmer}\\n"

static void
law_3_a_confirmer_of_the_wrong_side(void **state)
{
	struct test_console *ben, *anna, *kim;
	struct known k;
	json_t *a;

	(void)state;
	ticket_of("L3-2", BEN ANNA KIM, "other-side");
	ben = enter("ben", "open", "L3-2");
	anna = enter("anna", "join", "L3-2");
	kim = enter("kim", "join", "L3-2");
	k = known(ben, anna, update);
	a = test_allow(kim, k.n, "orders 3");	/* of the firm, as ben is */
	assert_false(json_bool(a, "ok"));
	assert_string_equal(json_str(a, "code", NULL), "denied");
	assert_null(test_event_seen(kim, "allowed", k.n));
	ripe(anna, &k);
	goes_on(ben, anna);
	allowed_in_the_end(ben, anna, &k, "orders 3", 3);
	close_all(ben, anna, kim);
}

/* Who took the seat over has seen nothing yet; who comes back neither: the screen is another one. */
static void
law_3_a_seat_that_is_taken_over(void **state)
{
	struct test_console *ben, *anna, *kim;
	char line[LINE];
	struct known k;

	(void)state;
	ticket_of("L3-3", BEN ANNA KIM, "any");
	ben = enter("ben", "open", "L3-3");
	anna = enter("anna", "join", "L3-3");
	k = known(ben, anna, update);
	ripe(anna, &k);
	test_ok(anna, "{\"do\":\"leave\"}");
	test_wait_eof(anna);
	test_console_close(anna);
	kim = enter("kim", "join", "L3-3");
	is_refused(kim, answer_line(line, &k, "orders 3"), "an answer of who has not opened it");
	anna = enter("anna", "join", "L3-3");
	is_refused(anna, answer_line(line, &k, "orders 3"), "an answer on a new screen that has not opened it");
	ripe(anna, &k);
	allowed_in_the_end(ben, anna, &k, "orders 3", 3);
	/* the other driver of a ticket cannot be had by leaving: what waited is void */
	k = known(ben, anna, update);
	ripe(anna, &k);
	test_console_close(ben);
	test_event(anna, "void", k.n);
	ben = enter("ben", "open", "L3-3");
	is_refused(anna, answer_line(line, &k, "orders 3"), "an answer to what was void");
	unchanged();
	close_all(ben, anna, kim);
}

/* Law 4: everything about the answer, wrong in one place. $ stands for the good answer's members. */
static const struct wrong {
	const char *of, *digest, *bind, *typed;	/* NULL: the good one */
} wrongs[] = {
	{ .typed = "" }, { .typed = " " }, { .typed = "y" }, { .typed = "yes" }, { .typed = "orders" }, { .typed = "3" },
	{ .typed = "orders 2" }, { .typed = "orders 4" }, { .typed = "orders 03" }, { .typed = "orders +3" }, { .typed = "orders 3.0" },
	{ .typed = "orders <=3" }, { .typed = "orders  = 3" }, { .typed = "orders 3 orders 3" }, { .typed = "orders_log 3" },
	{ .typed = "orders \\uff13" }, { .typed = "order\\u0455 3" }, { .typed = "orders\\u00003" }, { .typed = "orders 3\\u0000" },
	{ .typed = "orders\\u200b 3" }, { .typed = "all rows orders 3" }, { .typed = "orders 3;" }, { .typed = "\\\"orders\\\" 3" },
	{ .digest = "" }, { .digest = "0000000000000000000000000000000000000000000000000000000000000000" }, { .digest = "^" },
	{ .digest = "<" }, { .digest = ">" }, { .digest = "b" },
	{ .bind = "" }, { .bind = "0000000000000000000000000000000000000000000000000000000000000000" }, { .bind = "^" },
	{ .bind = "<" }, { .bind = ">" }, { .bind = "b" },
	{ .of = "0" }, { .of = "-1" }, { .of = "1" }, { .of = "9223372036854775807" }, { .of = "1e1" }, { .of = "null" },
	{ .of = "\"7\"" }, { .of = "[7]" }, { .of = "18446744073709551616" },
};

/* "^" in capitals, "<" without the last digit, ">" with one more, "b" of the other request. */
static const char *
digest_like(char out[200], const char *good, const char *how, const char *other)
{
	if (how == NULL)
		return good;
	if (strcmp(how, "b") == 0)
		return other;
	snprintf(out, 200, "%s", how[0] == '^' || how[0] == '<' || how[0] == '>' ? good : how);
	if (how[0] == '<')
		out[strlen(out) - 1] = '\0';
	else if (how[0] == '>')
		strcat(out, "0");
	for (char *p = out; how[0] == '^' && *p != '\0'; p++)
		*p = *p >= 'a' && *p <= 'f' ? (char)(*p - 'a' + 'A') : *p;
	return out;
}

static void
wrong_line(char line[LINE], const struct wrong *w, const struct known *k, const struct known *other)
{
	char of[40], digest[200], bind[200];

	snprintf(of, sizeof of, "%lld", (long long)k->n);
	snprintf(line, LINE, "{\"do\":\"allow\",\"of\":%s,\"digest\":\"%s\",\"bind\":\"%s\",\"typed\":\"%s\"}", w->of != NULL ? w->of : of,
	    digest_like(digest, k->digest, w->digest, other->digest), digest_like(bind, k->bind, w->bind, other->bind),
	    w->typed != NULL ? w->typed : "orders 3");
}

static void
law_4_one_thing_about_the_answer_is_wrong(void **state)
{
	struct test_console *ben, *anna;
	struct known k, other;
	char line[LINE];

	(void)state;
	test_session(&broker, "L4-1", &ben, &anna);
	k = known(ben, anna, update);
	other = known(ben, anna, "update orders set note = 'other' where id <= 3");
	ripe(anna, &k);
	ripe(anna, &other);
	for (size_t i = 0; i < sizeof wrongs / sizeof wrongs[0]; i++) {
		wrong_line(line, &wrongs[i], &k, &other);
		is_refused(anna, line, "a wrong answer");
	}
	assert_null(test_event_seen(anna, "run", 0));
	unchanged();
	goes_on(ben, anna);
	allowed_in_the_end(ben, anna, &k, "orders 3", 3);
	close_all(ben, anna, NULL);
}

static void
law_4_an_answer_at_the_wrong_time(void **state)
{
	struct test_console *ben, *anna;
	char line[LINE], all[3 * LINE], text[200];
	struct known k, again;

	(void)state;
	test_session(&broker, "L4-2", &ben, &anna);
	k = known(ben, anna, update);
	answer_line(line, &k, "orders 3");
	is_refused(anna, line, "before it was opened");
	snprintf(text, sizeof text, "{\"do\":\"opened\",\"of\":%lld,\"last\":false}", (long long)k.n);
	test_ok(anna, text);
	is_refused(anna, line, "before its last line was shown");
	/* opened and answered in one write: the same millisecond */
	snprintf(all, sizeof all, "{\"do\":\"opened\",\"of\":%lld,\"last\":true}\n%s\n%s\n", (long long)k.n, line, line);
	test_send_bytes(anna, all, strlen(all));
	assert_true(json_bool(test_answer(anna, "opened"), "ok"));
	assert_false(json_bool(test_answer(anna, "allow"), "ok"));
	assert_false(json_bool(test_answer(anna, "allow"), "ok"));
	ripe(anna, &k);
	/* while it is paused, and after resume as before */
	test_ok(anna, "{\"do\":\"pause\"}");
	test_refused(anna, line, "state");
	test_ok(anna, "{\"do\":\"resume\"}");
	/* withdrawn, denied: the old answer for it, and for the same statement asked anew */
	snprintf(text, sizeof text, "{\"do\":\"withdraw\",\"of\":%lld}", (long long)k.n);
	test_ok(ben, text);
	test_refused(anna, line, "not-found");
	again = known(ben, anna, update);
	test_refused(anna, line, "not-found");
	is_refused(anna, answer_line(line, &again, "orders 3"), "the old bind for a request that nobody opened");
	snprintf(text, sizeof text, "{\"do\":\"deny\",\"of\":%lld,\"reason\":\"no\"}", (long long)again.n);
	test_ok(anna, text);
	test_refused(anna, line, "not-found");
	/* "no" twice is one no */
	test_refused(anna, text, "not-found");
	unchanged();
	goes_on(ben, anna);
	close_all(ben, anna, NULL);
}

/* The same good answer many times in one write: it runs once. */
static void
law_4_it_runs_once(void **state)
{
	enum { TIMES = 30 };
	struct test_console *ben, *anna;
	char line[LINE], *all = calloc(TIMES, LINE);
	struct known k;
	int ok = 0;
	size_t runs = 0;

	(void)state;
	assert_non_null(all);
	test_session(&broker, "L4-3", &ben, &anna);
	k = known(ben, anna, update);
	ripe(anna, &k);
	answer_line(line, &k, "orders 3");
	for (int i = 0; i < TIMES; i++) {
		strcat(all, line);
		strcat(all, "\n");
	}
	test_send_bytes(anna, all, strlen(all));
	free(all);
	for (int i = 0; i < TIMES; i++)
		ok += json_bool(test_answer(anna, "allow"), "ok");
	assert_int_equal(ok, 1);
	test_event(ben, "committed", k.n);
	goes_on(ben, anna);
	for (size_t i = 0; i < json_array_size(ben->events); i++)
		runs += strcmp(json_str(json_array_get(ben->events, i), "ev", NULL), "run") == 0;
	assert_int_equal(runs, 1);
	assert_int_equal(test_shop_number(&broker, "select count(*) from orders_log"), 3);
	clean();
	close_all(ben, anna, NULL);
}

/* What was allowed in one session is nothing in another, though statement, digest and bind are the same there. */
static void
law_4_an_answer_of_another_session(void **state)
{
	struct test_console *ben, *anna, *kim, *anna2;
	struct known k, k2;
	char line[LINE];

	(void)state;
	ticket_of("L4-5", "  - {name: kim, seat: driver}\\n" ANNA, "any");
	test_session(&broker, "L4-4", &ben, &anna);
	kim = enter("kim", "open", "L4-5");
	anna2 = enter("anna", "join", "L4-5");
	k = known(ben, anna, update);
	k2 = known(kim, anna2, update);
	ripe(anna, &k);
	assert_string_equal(k.digest, k2.digest);
	/* by the number of this session's request, with all the rest of the other's */
	k.n = k2.n;
	is_refused(anna2, answer_line(line, &k, "orders 3"), "what was opened in another session");
	unchanged();
	goes_on(kim, anna2);
	goes_on(ben, anna);
	test_ok(kim, "{\"do\":\"end\"}");
	test_event(kim, "seal", 0);
	test_console_close(kim);
	test_console_close(anna2);
	close_all(ben, anna, NULL);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(law_3_a_good_answer_of_the_wrong_person),
		cmocka_unit_test(law_3_a_confirmer_of_the_wrong_side),
		cmocka_unit_test(law_3_a_seat_that_is_taken_over),
		cmocka_unit_test(law_4_one_thing_about_the_answer_is_wrong),
		cmocka_unit_test(law_4_an_answer_at_the_wrong_time),
		cmocka_unit_test(law_4_it_runs_once),
		cmocka_unit_test(law_4_an_answer_of_another_session),
	};

	return test_run_apart("attack_laws", tests, sizeof tests / sizeof *tests, start, stop);
}
