/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Laws 1, 2 and 5 to 8 against consoles that were modified: words in the place of others, events of one's own making,
 * secrets, floods, halves, descriptors. Laws 3 and 4: attack_laws.c, law 10: attack_tickets.c. */
#include "config.h"

#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "twokey/base/buf.h"
#include "twokey/base/clock.h"
#include "twokey/base/io.h"
#include "twokey/base/json.h"

#include "lib/broker.h"

enum { LINE = 4096, MIB = 1024 * 1024 };

static struct test_broker broker;

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
	assert_int_equal(test_shop_number(&broker, "select count(*) from orders where note is null"), 500);
	assert_int_equal(test_shop_number(&broker, "select count(*) from orders_log"), 0);
	assert_int_equal(test_shop_number(&broker, "select count(*) from sqlite_schema"), 3);
}

static void
goes_on(struct test_console *ben, struct test_console *anna)
{
	int64_t n = json_int(test_ok(ben, "{\"do\":\"sql\",\"text\":\"select count(*) from orders\"}"), "n", 0);

	test_event(ben, "done", n);
	test_event(anna, "done", n);
	unchanged();
}

static void
close_all(struct test_console *ben, struct test_console *anna)
{
	test_end(&broker, ben);
	test_console_close(ben);
	test_console_close(anna);
}

/* Events but for those that come by themselves. */
static int64_t
happened(const struct test_console *c)
{
	int64_t n = 0;
	json_t *v;
	size_t i;

	json_array_foreach(c->events, i, v) {
		const char *ev = json_str(v, "ev", NULL);

		n += strcmp(ev, "joined") != 0 && strcmp(ev, "account") != 0 && strcmp(ev, "away") != 0 && strcmp(ev, "back") != 0;
	}
	return n;
}

/* How many events there are, once everything sent so far was heard; the other answers stay. */
static int64_t
settled(struct test_console *c)
{
	json_t *others = json_array(), *a;

	test_send(c, "{\"do\":\"here\",\"id\":\"settled\"}");
	while (json_str(a = test_answer(c, "here"), "id", NULL) == NULL)
		json_array_append(others, a);
	json_array_extend(c->answers, others);
	json_decref(others);
	return happened(c);
}

/* Every answer since: none is ok, each has code and sentence. Fails when there is none. */
static void
all_refused(struct test_console *c, const char *line)
{
	json_t *v;
	size_t i;

	assert_true(json_array_size(c->answers) > 0);
	json_array_foreach(c->answers, i, v) {
		if (json_bool(v, "ok") || json_str(v, "code", NULL) == NULL || json_str(v, "why", NULL) == NULL)
			fail_msg("not refused: %s", line);
	}
	json_array_clear(c->answers);
}

static void
refused(struct test_console *c, const char *line)
{
	int64_t until = clock_mono_ms() + TEST_DEADLINE_MS;

	test_send(c, "%s", line);
	do	/* what is recorded first is answered later */
		(void)settled(c);
	while (json_array_size(c->answers) == 0 && clock_mono_ms() < until);
	all_refused(c, line);
}

/* Answered, and what it set going has ended. */
static void
ended(struct test_console *c, const char *re)
{
	json_t *a;

	do	/* not even JSON: "?" */
		(void)settled(c);
	while (json_array_size(c->answers) == 0);
	a = json_array_get(c->answers, 0);
	if (strcmp(json_str(a, "re", NULL), re) == 0 && json_bool(a, "ok") && strcmp(re, "say") != 0 &&
	    strcmp(re, "note") != 0)
		test_event_either(c, "done", "failed", json_int(a, "n", 0));
	json_array_clear(c->answers);
}

/* Law 1: SQL where no SQL belongs. */
static void
law_1_sql_in_the_place_of_other_words(void **state)
{
	static const char *const words[] = {
		"orders; drop table orders", "orders'; update orders set note = 'w'; --", "orders\\\"; drop table orders; --",
		"*/ update orders set note = 'w'; /*", "main.orders) union select * from orders --", "%' or 1 = 1 --",
		"orders\\u0000; drop table orders", "$1", "?1", "orders\\n;drop table orders",
	};
	static const char *const places[] = {
		"{\"do\":\"describe\",\"subject\":\"table\",\"name\":\"%\"}", "{\"do\":\"describe\",\"subject\":\"tables\",\"name\":\"%\"}",
		"{\"do\":\"describe\",\"subject\":\"names\",\"name\":\"%\"}", "{\"do\":\"describe\",\"subject\":\"%\"}",
		"{\"do\":\"say\",\"text\":\"%\"}", "{\"do\":\"note\",\"text\":\"%\"}",
		"{\"do\":\"sql\",\"text\":\"select 1\",\"reason\":\"%\"}", "{\"do\":\"sql\",\"text\":\"select 1\",\"rows\":\"%\"}",
		"{\"do\":\"sql\",\"text\":\"select 1\",\"id\":\"%\"}",
	};
	struct test_console *ben, *anna;
	char line[LINE];

	(void)state;
	test_session(&broker, "L1-1", &ben, &anna);
	for (size_t p = 0; p < sizeof places / sizeof places[0]; p++)
		for (size_t w = 0; w < sizeof words / sizeof words[0]; w++) {
			snprintf(line, sizeof line, "%.*s%s%s", (int)strcspn(places[p], "%"), places[p], words[w], strchr(places[p], '%') + 1);
			test_send(ben, "%s", line);
			ended(ben, strstr(line, "\"say\"") != NULL ? "say" : strstr(line, "\"note\"") != NULL ? "note" :
			    strstr(line, "\"sql\"") != NULL ? "sql" : "describe");
		}
	assert_null(test_event_seen(ben, "run", 0));
	goes_on(ben, anna);
	close_all(ben, anna);
}

/* The messages of a session as the broker has them. */
static const struct message {
	const char *name, *seats, *members;
} messages[] = {
#define MSG(name, seats, states, talk, members, handler) { name, seats, members },
#include "broker/msg.def"
#undef MSG
};

/* One member of "name:type! name:type": its name and type; the rest of the text, NULL behind the last. */
static const char *
member(const char *at, char name[40], char *type, bool *needed)
{
	size_t n = strcspn(at, ":");

	if (*at == '\0')
		return NULL;
	assert_true(n > 0 && n < 40);
	memcpy(name, at, n);
	name[n] = '\0';
	*type = at[n + 1];
	*needed = at[n + 2] == '!';
	at += n + 2 + *needed;
	return at + strspn(at, " ");
}

/* The message with good members, but for the one of that number (-1: none), which gets value (NULL: it is missing). */
static void
build(char line[LINE], const struct message *m, int wrong, const char *value, const char *more)
{
	const char *at = m->members;
	char name[40], type;
	bool needed;
	size_t n = (size_t)snprintf(line, LINE, "{\"do\":\"%s\"", m->name);

	for (int i = 0; (at = member(at, name, &type, &needed)) != NULL; i++) {
		const char *good = type == 'i' ? "1" : type == 'b' ? "true" : "\"x\"";

		if (i != wrong || value != NULL)
			n += (size_t)snprintf(line + n, LINE - n, ",\"%s\":%s", name, i == wrong ? value : good);
	}
	snprintf(line + n, LINE - n, "%s}", more);
}

/* Sends it as who may send such a message; nothing may be recorded and nobody may leave. */
static void
nothing_happens(struct test_console *c, const char *line)
{
	int64_t before = settled(c);

	json_array_clear(c->answers);
	refused(c, line);
	if (settled(c) != before)
		fail_msg("%s was recorded", line);
}

/* Law 2: each member of each message, of each wrong type, missing, twice; and one member more. */
static void
law_2_members_of_the_wrong_kind(void **state)
{
	static const char *const values[] = { "null", "[]", "{}", "1.5", "true", "7", "\"x\"", "-1e999", NULL };
	struct test_console *ben, *anna, *c;
	char line[LINE], name[40], type, twice[60];
	bool needed;

	(void)state;
	test_session(&broker, "L2-1", &ben, &anna);
	for (size_t m = 0; m < sizeof messages / sizeof messages[0]; m++) {
		const char *at = messages[m].members;

		c = strchr(messages[m].seats, 'D') != NULL ? ben : anna;
		for (int i = 0; (at = member(at, name, &type, &needed)) != NULL; i++) {
			for (size_t v = 0; v < sizeof values / sizeof values[0]; v++) {
				const char *value = values[v];

				if (value == NULL ? !needed : (type == 's' && value[0] == '"') ||
				    (type == 'i' && strcmp(value, "7") == 0) || (type == 'b' && value[0] == 't'))
					continue;
				build(line, &messages[m], i, value, "");
				nothing_happens(c, line);
			}
			snprintf(twice, sizeof twice, ",\"%s\":1", name);
			build(line, &messages[m], -1, NULL, twice);
			nothing_happens(c, line);
		}
		build(line, &messages[m], -1, NULL, ",\"more\":1");
		nothing_happens(c, line);
		build(line, &messages[m], -1, NULL, ",\"id\":{}");
		nothing_happens(c, line);
	}
	goes_on(ben, anna);
	close_all(ben, anna);
}

/* Laws 2 and 5: words of the broker's own processes, events and bodies of one's own making. */
static void
law_5_events_are_made_by_nobody_else(void **state)
{
	static const char *const lines[] = {
		"{\"do\":\"event\",\"event\":{\"ev\":\"allowed\",\"of\":7,\"by\":\"anna\"}}", "{\"do\":\"recorded\",\"n\":8,\"end\":8}",
		"{\"do\":\"begin\",\"ticket\":\"x\"}", "{\"do\":\"finish\"}", "{\"do\":\"ready\"}", "{\"do\":\"sealed\",\"head\":\"00\"}",
		"{\"do\":\"broken\"}", "{\"do\":\"down\"}", "{\"do\":\"adopt\",\"person\":\"anna\",\"seat\":\"confirmer\"}",
		"{\"n\":99,\"t\":\"2026-11-21T00:00:00.000000Z\",\"ms\":1,\"prev\":\"00\",\"ev\":\"committed\",\"of\":7}",
		"{\"s\":\"00\",\"of\":7,\"k\":\"sql\",\"text\":\"select 1\"}", "{\"event\":{\"ev\":\"run\",\"of\":7}}", "{\"re\":\"allow\",\"ok\":true}",
		"{\"do\":\"read\",\"text\":\"delete from orders\"}", "{\"do\":\"run\",\"of\":7}", "{\"do\":\"committing\",\"of\":7}",
		"{\"do\":\"execute\"}", "{\"do\":\"open\",\"ticket\":\"L5-1\"}", "{\"do\":\"list\"}", "{\"do\":\"ticket-new\",\"text\":\"id: x\"}",
		"{\"do\":\"SQL\",\"text\":\"select 1\"}", "{\"do\":\"sql\\u0000\",\"text\":\"select 1\"}", "{\"do\":[\"sql\"]}", "{\"do\":null}",
	};
	static const char *const places[] = { "0", "-1", "1", "9223372036854775807", "-9223372036854775808" };
	struct test_console *ben, *anna;
	char line[LINE];
	int64_t before;

	(void)state;
	test_session(&broker, "L5-1", &ben, &anna);
	for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++) {
		nothing_happens(ben, lines[i]);
		nothing_happens(anna, lines[i]);
	}
	/* any place of the transcript may be asked for, and nothing is but what is there */
	before = settled(ben);
	for (size_t i = 0; i < sizeof places / sizeof places[0]; i++) {
		snprintf(line, sizeof line, "{\"do\":\"body\",\"of\":%s,\"k\":\"../../etc/passwd\"}", places[i]);
		test_send(anna, "%s", line);
		snprintf(line, sizeof line, "{\"do\":\"from\",\"n\":%s}", places[i]);
		test_send(anna, "%s", line);
	}
	(void)settled(anna);
	assert_int_equal(settled(ben), before);
	goes_on(ben, anna);
	close_all(ben, anna);
}

/* Law 6: what would change something and wants to be taken for a read. */
static void
law_6_a_change_that_looks_like_a_read(void **state)
{
	static const char *const texts[] = {
		"with x as (select 1) update orders set note = 'w'", "explain update orders set note = 'w' where id = 1",
		"select * from (delete from orders returning id)", "pragma user_version = 7", "pragma main.user_version(7)",
		"pragma journal_mode = off", "attach ':memory:' as m", "select writefile('/tmp/twokey-attack', 'x')",
		"select load_extension('/tmp/x.so')", "vacuum into '/tmp/twokey-attack'", "create temp table t(a)", "reindex", "analyze",
		"select 1 where (select count(*) from pragma_user_version('7')) > 0", "replace into orders(id, status) values (1, 'x')",
		"values (1); update orders set note = 'w'", "/* select */ update orders set note = 'w'", "select 1;;update orders set note='w'",
		"explain query plan delete from orders", "\\ufeffupdate orders set note = 'w'", "select fts3_tokenizer('x', x'00')",
	};
	struct test_console *ben, *anna;

	(void)state;
	test_session(&broker, "L6-1", &ben, &anna);
	for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
		char line[LINE];
		json_t *a;

		for (int costly = 0; costly < 2; costly++) {
			snprintf(line, sizeof line, "{\"do\":\"sql\",\"text\":\"%s\"%s}", texts[i], costly ? ",\"costly\":true" : "");
			test_send(ben, "%s", line);
			a = test_answer(ben, "sql");
			if (json_bool(a, "ok") && test_event_n(ben, json_int(a, "n", 0)) != NULL) {
				int64_t n = json_int(a, "n", 0);

				if (strcmp(json_str(test_event_n(ben, n), "ev", NULL), "read") == 0)
					test_event_either(ben, "done", "failed", n);
			}
		}
	}
	assert_null(test_event_seen(ben, "run", 0));
	assert_int_equal(access("/tmp/twokey-attack", F_OK), -1);
	assert_int_equal(test_shop_number(&broker, "pragma user_version"), 0);
	unchanged();
	close_all(ben, anna);
}

/* Law 7: nobody is asked, and what looks like a secret is not kept. */
static void
law_7_no_secret_is_taken_or_kept(void **state)
{
	static const char *const texts[] = { "pragma key = 'hunter2-secret'", "attach 'x.db' as x key 'hunter2-secret'",
		"create user x identified by 'hunter2-secret'", "alter role x password 'hunter2-secret'" };
	struct test_console *ben, *anna;
	char line[LINE], path[700];
	struct buf all;

	(void)state;
	test_session(&broker, "L7-1", &ben, &anna);
	nothing_happens(ben, "{\"do\":\"secret\",\"of\":1,\"sealed\":\"\"}");
	nothing_happens(anna, "{\"do\":\"secret\",\"of\":1,\"sealed\":\"AAAA\"}");
	for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
		snprintf(line, sizeof line, "{\"do\":\"sql\",\"text\":\"%s\"}", texts[i]);
		refused(ben, line);
	}
	goes_on(ben, anna);
	close_all(ben, anna);
	test_transcript(&broker, path, sizeof path);
	buf_init(&all, 16 * MIB);
	assert_int_equal(io_read_file(path, 16 * MIB, &all, NULL), 0);
	assert_null(strstr(buf_str(&all), "hunter2"));
	buf_fini(&all);
}

/* Law 8: halves of lines, lines in single bytes, NULs, the longest line, one byte more. */
static void
law_8_odd_lines_end_nobody_else(void **state)
{
	static const char say[] = "{\"do\":\"say\",\"text\":\"byte by byte\"}\n";
	struct test_console *ben, *anna, *kim;
	char *big = malloc(2 * MIB);
	size_t head;

	(void)state;
	assert_non_null(big);
	test_session(&broker, "L8-1", &ben, &anna);
	/* half an answer, then gone */
	for (int i = 0; i < 3; i++) {
		kim = test_console(&broker, "kim");
		test_ok(kim, "{\"do\":\"join\",\"ticket\":\"L8-1\"}");
		test_send_bytes(kim, "{\"do\":\"say\",\"text\":\"never whole", 30);
		test_console_close(kim);
		test_event(ben, "left", 0);
	}
	kim = test_console(&broker, "kim");
	while (!json_bool((test_send(kim, "{\"do\":\"join\",\"ticket\":\"L8-1\"}"), test_answer(kim, "join")), "ok")) {
		test_console_close(kim);	/* the former one is not seen to be gone yet */
		kim = test_console(&broker, "kim");
	}
	for (size_t i = 0; i < sizeof say - 1; i++)
		test_send_bytes(kim, say + i, 1);
	assert_true(json_bool(test_answer(kim, "say"), "ok"));
	test_send_bytes(kim, "{\"do\":\"say\",\"text\":\"a\0b\"}\n", 27);
	test_send_bytes(kim, "\0\0\0\0\n", 5);
	(void)settled(kim);
	all_refused(kim, "NULs");
	/* a whole line of 1 MiB: it is too long for a message, and answered */
	head = (size_t)sprintf(big, "{\"do\":\"say\",\"text\":\"");
	memset(big + head, 'x', MIB - head - 3);
	memcpy(big + MIB - 3, "\"}\n", 3);
	test_send_bytes(kim, big, MIB);
	assert_string_equal(json_str(test_answer(kim, "say"), "code", NULL), "too-large");
	goes_on(ben, anna);
	/* more than a line may have */
	memset(big, 'x', 2 * MIB);
	test_send_bytes(kim, big, 2 * MIB);
	test_wait_eof(kim);
	test_console_close(kim);
	free(big);
	goes_on(ben, anna);
	close_all(ben, anna);
}

/* One byte with a descriptor. */
static void
send_descriptor(const struct test_console *c, const char *bytes, size_t n, int fd)
{
	(void)!io_send_fd(c->fd, bytes, n, fd, NULL);
}

static void
law_8_descriptors_are_not_kept_by_a_session(void **state)
{
	struct test_console *ben, *anna, *kim;
	int null = open("/dev/null", O_RDONLY | O_CLOEXEC);
	pid_t session;
	size_t before;

	(void)state;
	assert_true(null >= 0);
	test_session(&broker, "L8-2", &ben, &anna);
	session = test_broker_role(&broker, "session");
	before = test_open_files(session);
	for (int k = 0; k < 3; k++) {
		kim = test_console(&broker, "kim");
		test_send(kim, "{\"do\":\"join\",\"ticket\":\"L8-2\"}");
		for (int i = 0; i < 100; i++)
			send_descriptor(kim, "\n", 1, null);
		test_wait_eof(kim);
		test_console_close(kim);
		goes_on(ben, anna);
	}
	assert_true(test_open_files(session) <= before + 1);
	close(null);
	close_all(ben, anna);
}

/* Connections that say nothing, joins without end: others are served, and the session takes new people after it. */
static void
law_8_crowds_keep_nobody_out(void **state)
{
	enum { CROWD = 300 };
	struct test_console *ben, *anna, *kim, **crowd = calloc(CROWD, sizeof *crowd);

	(void)state;
	assert_non_null(crowd);
	test_session(&broker, "L8-3", &ben, &anna);
	for (int i = 0; i < CROWD; i++)
		crowd[i] = test_console_raw(&broker, "kim");
	goes_on(ben, anna);
	for (int i = 0; i < CROWD; i++)
		test_console_close(crowd[i]);
	free(crowd);
	for (int i = 0; i < 60; i++) {
		kim = test_console(&broker, "kim");
		test_send(kim, "{\"do\":\"join\",\"ticket\":\"L8-3\"}\n{\"do\":\"leave\"}");
		test_wait_eof(kim);
		test_console_close(kim);
	}
	kim = test_console(&broker, "kim");
	test_ok(kim, "{\"do\":\"join\",\"ticket\":\"L8-3\"}");
	goes_on(ben, anna);
	test_console_close(kim);
	close_all(ben, anna);
}

/* More consoles than may wait came and went before the front looked: who comes now is let in. */
static void
law_8_the_gone_keep_nobody_out(void **state)
{
	enum { GONE = 100 };
	pid_t front = test_broker_role(&broker, "front");
	struct test_console *kim;

	(void)state;
	assert_true(front > 1);
	assert_int_equal(kill(front, SIGSTOP), 0);
	for (int i = 0; i < GONE; i++)
		test_console_close(test_console_raw(&broker, "kim"));
	kim = test_console_raw(&broker, "kim");
	test_send(kim, "{\"do\":\"hello\",\"v\":1,\"json\":true,\"as\":\"kim\"}");
	assert_int_equal(kill(front, SIGCONT), 0);
	test_answer(kim, "hello");
	test_console_close(kim);
}

/* Who comes while it ends is in it to its end, or is told no, or is let go; the transcript is sealed and whole all the same. */
static void
law_8_joins_while_it_ends(void **state)
{
	(void)state;
	for (int round = 0; round < 5; round++) {
		struct test_console *ben, *anna, *late[6];
		char id[20], line[100];

		snprintf(id, sizeof id, "L8-E%d", round);
		test_session(&broker, id, &ben, &anna);
		for (int i = 0; i < 6; i++)
			late[i] = test_console(&broker, "kim");
		snprintf(line, sizeof line, "{\"do\":\"join\",\"ticket\":\"%s\"}", id);
		for (int i = 0; i < 6; i++) {
			if (i == 3 - round / 2)
				test_send(ben, "{\"do\":\"end\"}");
			test_send(late[i], "%s", line);
		}
		test_wait_eof(ben);
		test_wait_eof(anna);
		for (int i = 0; i < 6; i++) {
			shutdown(late[i]->fd, SHUT_WR);	/* a refusal alone leaves it open */
			test_wait_eof(late[i]);
			test_console_close(late[i]);
		}
		assert_true(test_wait_sealed(&broker));
		test_console_close(ben);
		test_console_close(anna);
	}
	unchanged();
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(law_1_sql_in_the_place_of_other_words),
		cmocka_unit_test(law_2_members_of_the_wrong_kind),
		cmocka_unit_test(law_5_events_are_made_by_nobody_else),
		cmocka_unit_test(law_6_a_change_that_looks_like_a_read),
		cmocka_unit_test(law_7_no_secret_is_taken_or_kept),
		cmocka_unit_test(law_8_odd_lines_end_nobody_else),
		cmocka_unit_test(law_8_descriptors_are_not_kept_by_a_session),
		cmocka_unit_test(law_8_crowds_keep_nobody_out),
		cmocka_unit_test(law_8_the_gone_keep_nobody_out),
		cmocka_unit_test(law_8_joins_while_it_ends),
	};

	return cmocka_run_group_tests_name("attack_laws2", tests, start, stop);
}
