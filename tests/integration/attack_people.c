/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Modified consoles send anything in any order, leave and come again, under a ticket that asks for somebody who is there
 * and for a key of each side. What went to the database is then judged by a second account of the transcript alone. */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "people_world.h"
#include "twokey/base/clock.h"
#include "twokey/base/json.h"

enum { BEN, ANNA, KIM, PEOPLE, ROUNDS = 6, STEPS = 60, REQUESTS = 512 };
static const char *const names[PEOPLE] = { "ben", "anna", "kim" };

static struct test_broker broker;
static struct test_console *who[PEOPLE];
static uint64_t seed = 88172645463325252u;
static int64_t asked[REQUESTS];		/* numbers of requests */
static size_t nasked;

static unsigned
roll(unsigned n)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return (unsigned)((seed >> 11) % n);
}

/* Some request, the last ones more often; or a number of nothing. */
static int64_t
some_request(void)
{
	if (nasked == 0 || roll(10) == 0)
		return roll(40);
	return asked[nasked - 1 - roll(nasked < 4 ? (unsigned)nasked : 4)];
}

static void
comes_again(int p)
{
	static const char *const asks[] = { "{\"do\":\"open\",\"ticket\":\"MFX-1\"}", "{\"do\":\"join\",\"ticket\":\"MFX-1\"}" };
	int64_t until = clock_mono_ms() + TEST_DEADLINE_MS;

	for (;;) {
		test_console_close(who[p]);
		who[p] = test_console(&broker, names[p]);
		test_send(who[p], "%s", asks[p != BEN]);
		if (json_bool(test_answer(who[p], p == BEN ? "open" : "join"), "ok"))
			return;		/* the session has seen that he went */
		assert_true(clock_mono_ms() < until);
	}
}

/* What was refused is as good as what was done: the account below says whether it should have been. */
static void
say(int p, const char *what, const char *more)
{
	json_t *a;

	test_send(who[p], "{\"do\":\"%s\"%s}", what, more);
	a = test_answer(who[p], what);
	if (json_bool(a, "ok") && strcmp(what, "sql") == 0 && strstr(more, "update") != NULL && nasked < REQUESTS)
		asked[nasked++] = json_int(a, "n", 0);
}

static void
allow(int p, int64_t n)
{
	const json_t *sheet = test_event_seen(who[p], "sheet", n), *request = NULL;
	char more[400];

	for (size_t i = 0; sheet != NULL && i < json_array_size(who[p]->events); i++)
		if (json_int(json_array_get(who[p]->events, i), "n", 0) == n)
			request = json_array_get(who[p]->events, i);
	if (request == NULL)
		return;
	snprintf(more, sizeof more, ",\"of\":%lld,\"digest\":\"%s\",\"bind\":\"%s\",\"typed\":\"orders 1\"", (long long)n,
	    json_str(request, "digest", NULL), json_str(sheet, "bind", NULL));
	say(p, "allow", more);
}

static void
step(void)
{
	static const char *const bare[] = { "cancel", "pause", "resume", "here", };
	int p = (int)roll(PEOPLE);
	char more[200];

	switch (roll(12)) {
	case 0:
	case 1:
		say(roll(4) == 0 ? p : BEN, "sql", ",\"text\":\"select count(*) from orders\"");
		break;
	case 2:
	case 3:
		snprintf(more, sizeof more, ",\"text\":\"update orders set note = 'x' where id = %u\",\"rows\":\"= 1\"", roll(500) + 1);
		say(roll(4) == 0 ? p : BEN, "sql", more);
		break;
	case 4:
	case 5:
		snprintf(more, sizeof more, ",\"of\":%lld,\"last\":%s", (long long)some_request(), roll(3) ? "true" : "false");
		say(p, "opened", more);
		break;
	case 6:
	case 7:
		allow(p, some_request());
		break;
	case 8:
		snprintf(more, sizeof more, ",\"of\":%lld,\"reason\":\"x\"", (long long)some_request());
		say(p, "deny", more);
		break;
	case 9:
		snprintf(more, sizeof more, ",\"of\":%lld,\"text\":\"x\"", (long long)some_request());
		say(p, roll(2) ? "ask" : "reply", more);
		break;
	case 10:
		if (roll(3) == 0)
			comes_again(p);
		else
			say(p, "resume", "");
		break;
	default:
		p = p == BEN ? KIM : p;
		snprintf(more, sizeof more, "%s", bare[roll(4)]);
		say(p, more, "");
		break;
	}
}

static void
some_steps(void)
{
	for (int i = 0; i < 8; i++)
		step();
}

/* Who only waits for others is away soon, on a slow host before they are done. */
static void
all_are_here(void)
{
	for (int p = 0; p < PEOPLE; p++)
		say(p, "here", "");
}

/* So that something is allowed too: both come, resume, read and turn, as long as the driver has not left. */
static void
properly(void (*between)(void))
{
	int64_t n;

	say(ANNA, "resume", "");
	say(BEN, "sql", ",\"text\":\"update orders set note = 'x' where id = 7\",\"rows\":\"= 1\"");
	if (nasked == 0)
		return;
	n = asked[nasked - 1];
	if (test_event_seen(who[BEN], "request", 0) == NULL ||
	    strcmp(json_str(test_event_either(who[BEN], "sheet", "void", n), "ev", NULL), "sheet") != 0)
		return;
	for (size_t i = nasked > 12 ? nasked - 12 : 0; i + 1 < nasked; i++) {	/* those before it are answered first */
		char more[100];

		snprintf(more, sizeof more, ",\"of\":%lld,\"reason\":\"x\"", (long long)asked[i]);
		test_send(who[KIM], "{\"do\":\"deny\"%s}", more);
		(void)test_answer(who[KIM], "deny");
	}
	(void)test_allow(who[roll(2) ? ANNA : KIM], n, "orders 1");
	between();
	(void)test_allow(who[ANNA], n, "orders 1");
	all_are_here();
	(void)test_allow(who[KIM], n, "orders 1");
}

/* At the end, however slow this host is: both keys, until one request ran. */
static void
until_one_runs(void)
{
	int64_t until = clock_mono_ms() + 2 * TEST_DEADLINE_MS;

	do {
		assert_true(clock_mono_ms() < until);
		seed++;
		all_are_here();
		say(KIM, "resume", "");
		properly(all_are_here);
	} while (test_event_seen(who[BEN], "run", asked[nasked - 1]) == NULL);
}

/* The second account: nothing but the events, in their order. */
struct judged {
	int64_t n;
	int turned, allowed;
	bool over, ran;
	int64_t allowed_at;
};
struct account {
	bool here[PEOPLE], away[PEOPLE], stopped;
	size_t runs, reads, pauses;
	struct judged r[REQUESTS];
	size_t nr;
};

static int
person(const char *name)
{
	for (int p = 0; p < PEOPLE; p++)
		if (name != NULL && strcmp(names[p], name) == 0)
			return p;
	return -1;
}

static void
judge(struct account *a, const json_t *ev)
{
	const char *is = json_str(ev, "ev", NULL);
	int by = person(json_str(ev, "by", NULL));
	int64_t n = json_int(ev, "n", 0), of = json_int(ev, "of", 0);
	bool second = (a->here[ANNA] && !a->away[ANNA]) || (a->here[KIM] && !a->away[KIM]);
	size_t i = 0;

	while (i < a->nr && a->r[i].n != of)
		i++;
	if (strcmp(is, "joined") == 0) {
		a->here[by] = true;
		a->away[by] = false;
	} else if (strcmp(is, "left") == 0) {
		a->here[by] = false;
	} else if (strcmp(is, "away") == 0 || strcmp(is, "back") == 0) {
		a->away[by] = strcmp(is, "away") == 0;
	} else if (strcmp(is, "paused") == 0 || strcmp(is, "resumed") == 0) {
		a->stopped = strcmp(is, "paused") == 0;
		a->pauses += a->stopped;
		assert_true(a->stopped || (by != BEN && second));	/* resumed by one who is there */
	} else if (strcmp(is, "read") == 0 || strcmp(is, "describe") == 0 || strcmp(is, "request") == 0) {
		assert_int_equal(by, BEN);
		assert_true(a->here[BEN] && second && !a->stopped);
		a->reads++;
		if (strcmp(is, "request") == 0 && a->nr < REQUESTS)
			a->r[a->nr++] = (struct judged){ .n = n, .turned = -1, .allowed = -1 };
	} else if (i == a->nr) {
		;
	} else if (strcmp(is, "turned") == 0) {
		assert_true(by != BEN && a->here[by] && !a->r[i].over && a->r[i].turned < 0 && !a->stopped);
		a->r[i].turned = by;
	} else if (strcmp(is, "allowed") == 0) {
		assert_true(by != BEN && a->here[by] && !a->r[i].over && a->r[i].turned >= 0 && a->r[i].turned != by && !a->stopped);
		a->r[i].allowed = by;
		a->r[i].allowed_at = n;
		for (size_t k = 0; k < i; k++)
			assert_true(a->r[k].over || a->r[k].ran);	/* in order */
	} else if (strcmp(is, "run") == 0) {
		assert_true(a->r[i].allowed >= 0 && !a->r[i].over && !a->r[i].ran && n == a->r[i].allowed_at + 1);
		a->r[i].ran = true;
		a->runs++;
	} else if (strcmp(is, "denied") == 0 || strcmp(is, "withdrawn") == 0 || strcmp(is, "expired") == 0 || strcmp(is, "void") == 0) {
		assert_false(a->r[i].ran);
		a->r[i].over = true;
	}
}

static void
anything_in_any_order_changes_nothing_without_both_keys_and_somebody_there(void **state)
{
	static const struct test_broker_options o = { .limits = "away_seconds: 4\n" };
	static struct account a;
	struct test_console *late;

	(void)state;
	test_broker_start(&broker, &o);
	people_ticket(&broker, "MFX-1", "quorum: both_sides\\npresence: any");
	for (int p = BEN; p < PEOPLE; p++) {
		who[p] = people_join(&broker, names[p], "MFX-1");
		test_event(who[BEN], "account", 0);
	}
	for (int round = 0; round < ROUNDS; round++) {
		for (int i = 0; i < STEPS; i++)
			step();
		properly(some_steps);
	}
	until_one_runs();
	comes_again(KIM);
	late = who[KIM];	/* all of it from the beginning */
	test_ok(who[BEN], "{\"do\":\"end\"}");
	test_event(late, "seal", 0);
	for (size_t i = 0; i < json_array_size(late->events); i++)
		judge(&a, json_array_get(late->events, i));
	print_message("# %zu reads and requests, %zu runs, %zu pauses\n", a.reads, a.runs, a.pauses);
	assert_true(a.reads > 10 && a.runs > 0 && a.pauses > 0);	/* it reached what it is about */
	test_console_close(late);
	test_console_close(who[BEN]);
	test_console_close(who[ANNA]);
	test_broker_stop(&broker);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(anything_in_any_order_changes_nothing_without_both_keys_and_somebody_there),
	};

	return cmocka_run_group_tests_name("attack_people", tests, NULL, NULL);
}
