/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What a session makes of every message, from every seat, in every state of a request, for every class and level, against a
 * list written from doc/protocol.txt and the laws alone. The session is the real one; what it would hand to its recorder and
 * say to its consoles is caught. */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "broker_caught.h"

/* --- the list ------------------------------------------------------------------------------------------- */

static const char *const places[PLACES] = { "none", "asked", "shown", "opened", "ripe", "running", "held", "held-ripe", "keeping",
	"undoing", "over" };

/* Who may say it, and what is recorded then, in each place: events in order; "." an answer alone; "-" a refusal, and nothing
 * has changed. ">place": where the request is after it, when it is elsewhere. */
static const struct row {
	const char *message, *seats;
	const char *outcome[PLACES];
} list[] = {
	/*		 none,	    asked,	    shown,	    opened,	    ripe,		running,
	 *		 held,		    held-ripe,		    keeping,	undoing,	over */
	/* law 4: the key turns what was opened, shown to its end and read; it runs at once. What is held is kept so, too */
	{ "allow", "C",	{ "-",	    "-",	    "-",	    "-",	    "allowed run>running", "-",
			  "-",		    "kept>keeping",	    "-",	"-",		"-" } },
	/* nobody here has a key registered: nothing is signed */
	{ "signing", "C", { "-", "-", "-", "-", "-", "-", "-", "-", "-", "-", "-" } },
	/* it is opened when there is something to see, while it waits */
	{ "opened", "C", { "-",	    "-",	    "opened>opened", "opened",	    "opened",		"-",
			  "opened",	    "opened",		    "-",	"-",		"-" } },
	/* a no is possible as long as it waits, be it seen or not; what is held is taken back by it */
	{ "deny", "C",	{ "-",	    "denied>over",  "denied>over",  "denied>over",  "denied>over",	"-",
			  "denied>undoing", "denied>undoing",	    "-",	"-",		"-" } },
	{ "withdraw", "D", { "-",   "withdrawn>over", "withdrawn>over", "withdrawn>over", "withdrawn>over", "-",
			  "withdrawn>undoing", "withdrawn>undoing", "-",	"-",		"-" } },
	/* asking stops the clock of an answer; that of a hold goes on: others wait for what is locked */
	{ "ask", "C",	{ "-",	    "asked",	    "asked",	    "asked",	    "asked",		"-",
			  "-",		    "-",		    "-",	"-",		"-" } },
	/* words about it, as long as it lives */
	{ "reply", "D",	{ "-",	    "replied",	    "replied",	    "replied",	    "replied",		"replied",
			  "replied",	    "replied",		    "replied",	"replied",	"-" } },
	{ "cancel", "D", { "-",	    "-",	    "-",	    "-",	    "-",		"cancel",
			  "cancel",	    "cancel",		    "cancel",	"cancel",	"-" } },
	/* reads go on while a write waits; one statement at a time runs, and while one is held nothing else */
	{ "read", "D",	{ "read",   "read",	    "read",	    "read",	    "read",		"-",
			  "-",		    "-",		    "-",	"-",		"read" } },
	{ "describe", "D", { "describe", "describe", "describe",    "describe",	    "describe",		"-",
			  "-",		    "-",		    "-",	"-",		"describe" } },
	{ "say", "DCW",	{ "said", "said", "said", "said", "said", "said", "said", "said", "said", "said", "said" } },
	{ "note", "DCW", { "noted", "noted", "noted", "noted", "noted", "noted", "noted", "noted", "noted", "noted", "noted" } },
	{ "here", "DCW", { ".", ".", ".", ".", ".", ".", ".", ".", ".", ".", "." } },
	{ "from", "DCW", { ".", ".", ".", ".", ".", ".", ".", ".", ".", ".", "." } },
	{ "pause", "CW", { "paused", "paused", "paused", "paused", "paused", "paused", "paused", "paused", "paused", "paused",
			  "paused" } },
	{ "resume", "C", { "-", "-", "-", "-", "-", "-", "-", "-", "-", "-", "-" } },	/* it is not paused */
	{ "secret", "DCW", { "-", "-", "-", "-", "-", "-", "-", "-", "-", "-", "-" } },	/* nobody is asked */
	/* the end: what waits is void, what runs is stopped, what is held is taken back */
	{ "end", "D",	{ "ended",  "void ended>over", "void ended>over", "void ended>over", "void ended>over", "cancel ended",
			  "void cancel ended>undoing", "void cancel ended>undoing", "cancel ended", "cancel ended", "ended" } },
	{ "stop", "C",	{ "ended",  "void ended>over", "void ended>over", "void ended>over", "void ended>over", "cancel ended",
			  "void cancel ended>undoing", "void cancel ended>undoing", "cancel ended", "cancel ended", "ended" } },
	/* who leaves as the driver takes his requests along; the last second person what is held */
	{ "leave D", "D", { "left", "left void>over", "left void>over", "left void>over", "left void>over", "left cancel",
			  "left void cancel>undoing", "left void cancel>undoing", "left cancel", "left cancel", "left" } },
	{ "leave C", "C", { "left", "left", "left", "left>shown", "left>shown", "left", "left void>undoing", "left void>undoing",
			  "left", "left", "left" } },
	{ "leave W", "W", { "left", "left", "left", "left", "left", "left", "left", "left", "left", "left", "left" } },
};

/* What a statement of a class comes to where nothing else runs: where the ticket only reads, where it may change production,
 * where it may change another database. What the documents leave to a later version is refused. */
static const struct sample {
	const char *class, *sql;
	const char *reads, *production, *elsewhere;
} samples[] = {
	{ "read", "select 1", "read", "read", "read" },
	{ "write", "update orders set note = 'w' where id = 1", "refused", "request", "request" },
	{ "write", "insert into orders(id) values (1)", "refused", "request", "request" },
	/* the strict path: not in the dialog of production at all, unless the ticket holds it */
	{ "write", "delete from orders", "refused", "refused", "request" },
	{ "ddl", "drop table orders", "refused", "refused", "request" },
	{ "write", "truncate orders", "refused", "refused", "request" },
	{ "ddl", "create table t(a int)", "refused", "request", "request" },
	{ "ddl", "create index concurrently i on orders(id)", "refused", "refused", "refused" },
	/* only as a change set */
	{ "tcl", "begin", "refused", "begun", "begun" },
	{ "tcl", "savepoint a", "refused", "refused", "refused" },
	{ "session", "set work_mem = '1MB'", "refused", "refused", "refused" },
	{ "admin", "set transaction read write", "refused", "refused", "refused" },
	{ "dcl", "grant select on orders to public", "refused", "refused", "refused" },
	{ "call", "call p()", "refused", "refused", "refused" },
	{ "file", "copy orders to '/tmp/x'", "refused", "refused", "refused" },
	{ "admin", "alter system set work_mem = '1MB'", "refused", "refused", "refused" },
	{ "unknown", "frobnicate orders", "refused", "refused", "refused" },
	/* law 7, law 2, law 4 */
	{ "dcl", "alter role ben password 'x'", "refused", "refused", "refused" },
	{ "write", "update orders set note = 'w' where id = 1; select 1", "refused", "refused", "refused" },
	{ "write", "update orders set note = 'w' where note = 'a", "refused", "refused", "refused" },
};

/* Levels on the stages that they are for (doc/config.txt). */
static const struct level levels[] = {
	{ "none", "production", false, false }, { "none", "staging", false, false }, { "read", "production", true, false },
	{ "read", "staging", true, false }, { "read", "development", true, false }, { "read", "replica", true, false },
	{ "read", "export", true, false }, { "write", "production", true, true }, { "staging", "staging", true, true },
	{ "staging", "development", true, true }, { "copy", "export", true, true },
};

/* Where it is, as far as it can be seen: opened and ripe are one, held and held-ripe too. */
static const char *
where(uint64_t n)
{
	const struct gate_request *r = session_request(&world->s, n);

	if (r == NULL)
		return n == 999 ? "none" : "over";
	if (r->state == GATE_STATE_ASKING)
		return !r->sheet ? "asked" : r->nopened > 0 ? "opened" : "shown";
	return r->state == GATE_STATE_EXECUTING ? "running" : r->state == GATE_STATE_HOLD ? "held" : gate_state_name(r->state);
}

static const char *
seen_as(enum place p)
{
	return p == RIPE ? "opened" : p == HELD_RIPE ? "held" : places[p];
}

/* The message in its best form, from that seat. */
static void
send_message(const struct row *row, enum ticket_seat seat, uint64_t n)
{
	const struct gate_request *r = session_request(&world->s, n);
	char digest[DIGEST_HEX + 1], bind[DIGEST_HEX + 1], name[20];
	unsigned long long of = (unsigned long long)n;

	snprintf(name, sizeof name, "%.*s", (int)strcspn(row->message, " "), row->message);
	digest_hex(r != NULL ? &r->digest : &(struct digest){ { 0 } }, digest);
	digest_hex(r != NULL ? &r->bind : &(struct digest){ { 0 } }, bind);
	if (strcmp(name, "allow") == 0 || strcmp(name, "signing") == 0)
		says(seat, "{\"do\":\"%s\",\"of\":%llu,\"digest\":\"%s\",\"bind\":\"%s\",\"typed\":\"%s\"}", name, of, digest, bind,
		    r != NULL && r->held ? "keep orders 1" : "orders 1");
	else if (strcmp(name, "read") == 0)
		says(seat, "{\"do\":\"sql\",\"text\":\"select 1\"}");
	else if (strcmp(name, "describe") == 0)
		says(seat, "{\"do\":\"describe\",\"subject\":\"tables\"}");
	else if (strcmp(name, "opened") == 0)
		says(seat, "{\"do\":\"opened\",\"of\":%llu,\"last\":true}", of);
	else if (strcmp(name, "deny") == 0)
		says(seat, "{\"do\":\"deny\",\"of\":%llu,\"reason\":\"no\"}", of);
	else if (strcmp(name, "stop") == 0)
		says(seat, "{\"do\":\"stop\",\"reason\":\"no\"}");
	else if (strcmp(name, "withdraw") == 0)
		says(seat, "{\"do\":\"withdraw\",\"of\":%llu}", of);
	else if (strcmp(name, "ask") == 0 || strcmp(name, "reply") == 0)
		says(seat, "{\"do\":\"%s\",\"of\":%llu,\"text\":\"why?\"}", name, of);
	else if (strcmp(name, "say") == 0 || strcmp(name, "note") == 0)
		says(seat, "{\"do\":\"%s\",\"text\":\"words\"}", name);
	else if (strcmp(name, "from") == 0)
		says(seat, "{\"do\":\"from\",\"n\":1}");
	else if (strcmp(name, "secret") == 0)
		says(seat, "{\"do\":\"secret\",\"of\":%llu,\"sealed\":\"AAAA\"}", of);
	else
		says(seat, "{\"do\":\"%s\"}", name);
}

/* While it is paused nothing begins; no, taking back, words and the ends are heard. A confirmer resumes. */
static const char *
paused(const struct row *row, enum place place)
{
	static const char *const begin_something[] = { "allow", "signing", "read", "describe", "pause" };

	for (size_t i = 0; i < sizeof begin_something / sizeof begin_something[0]; i++)
		if (strcmp(row->message, begin_something[i]) == 0)
			return "-";
	return strcmp(row->message, "resume") == 0 ? "resumed" : row->outcome[place];
}

/* How many differ from the list (told). */
static int
compare(const struct row *row, enum place place, enum ticket_seat seat, bool stopped)
{
	static const char letters[] = "DCW";
	uint64_t n = bring(place, TRANSCRIPT_EVENT_COMMITTED);
	const char *outcome = strchr(row->seats, letters[seat]) == NULL ? "-" : stopped ? paused(row, place) : row->outcome[place];
	const char *moved = strchr(outcome, '>'), *how = stopped ? "paused" : "ready";
	char want[220], got[220];
	bool nothing;

	if (stopped)
		world->s.state = SESSION_PAUSED;
	send_message(row, seat, n);
	nothing = world->events[0] == '\0';
	snprintf(want, sizeof want, "%.*s>%s", (int)strcspn(outcome, ">"), outcome, moved != NULL ? moved + 1 : seen_as(place));
	recorded();
	snprintf(got, sizeof got, "%s>%s", !nothing ? world->events : world->refusals > 0 ? "-" : ".", where(n));
	if (strcmp(want, got) == 0)
		return 0;
	print_message("%s by %c in %s (%s): %s; the list says %s\n", row->message, letters[seat], places[place], how, got, want);
	return 1;
}

static int
compare_places(const struct row *row, const struct level *l, enum ticket_seat seat)
{
	const char *only = strchr(row->message, ' ');
	int wrong = 0;

	if (only != NULL && only[1] != "DCW"[seat])
		return 0;
	for (int place = 0; place < PLACES; place++)
		for (int stopped = 0; stopped < 2; stopped++) {
			begin(l);
			wrong += compare(row, (enum place)place, seat, stopped);
			over();
		}
	return wrong;
}

static void
every_message_seat_and_state_is_as_the_list_says(void **state)
{
	int wrong = 0;

	(void)state;
	for (size_t l = 0; l < sizeof levels / sizeof levels[0]; l++)
		for (size_t i = 0; i < sizeof list / sizeof list[0] && levels[l].changes; i++)
			for (int seat = 0; seat < TICKET_SEATS; seat++)
				wrong += compare_places(&list[i], &levels[l], (enum ticket_seat)seat);
	assert_int_equal(wrong, 0);
}

/* All ends are the same to every message: nothing waits under that number any more. */
static void
after_every_end_nothing_is_left(void **state)
{
	static const enum transcript_event_kind ends[] = { TRANSCRIPT_EVENT_COMMITTED, TRANSCRIPT_EVENT_ROLLEDBACK,
		TRANSCRIPT_EVENT_FAILED, TRANSCRIPT_EVENT_UNKNOWN };
	static const char *const named[] = { "allow", "signing", "opened", "deny", "withdraw", "ask", "reply" };

	(void)state;
	for (size_t e = 0; e < sizeof ends / sizeof ends[0]; e++)
		for (size_t m = 0; m < sizeof named / sizeof named[0]; m++)
			for (int seat = 0; seat < TICKET_SEATS; seat++) {
				struct row row = { .message = named[m] };
				uint64_t n;

				begin(&levels[7]);
				n = bring(OVER, ends[e]);
				send_message(&row, (enum ticket_seat)seat, n);
				assert_string_equal(world->events, "");
				assert_int_equal(world->refusals, 1);
				over();
			}
}

/* What becomes of a statement, by its class, in every place, level and seat. */
static int
compare_sql(const struct sample *x, const struct level *l, enum place place, enum ticket_seat seat)
{
	const char *want = seat != TICKET_SEAT_DRIVER ? "-" : !l->reads ? "refused" : !l->changes ? x->reads :
	    strcmp(l->stage, "production") == 0 ? x->production : x->elsewhere;
	char got[220];

	/* one statement at a time; what is refused anyway may be told at once */
	if (place >= RUNNING && place <= UNDOING)
		want = "-";
	(void)bring(place, TRANSCRIPT_EVENT_COMMITTED);
	says(seat, "{\"do\":\"sql\",\"text\":\"%s\"}", x->sql);
	snprintf(got, sizeof got, "%s", world->events[0] != '\0' ? world->events : world->refusals > 0 ? "-" : ".");
	if (strcmp(want, got) == 0)
		return 0;
	print_message("%s of seat %d in %s at %s/%s: %s; the list says %s\n", x->sql, (int)seat, places[place], l->access, l->stage,
	    got, want);
	return 1;
}

static void
every_class_level_seat_and_state_is_as_the_list_says(void **state)
{
	int wrong = 0;

	(void)state;
	for (size_t i = 0; i < sizeof samples / sizeof samples[0]; i++)
		for (size_t l = 0; l < sizeof levels / sizeof levels[0]; l++)
			for (int place = 0; place < PLACES; place++)
				for (int seat = 0; seat < TICKET_SEATS; seat++) {
					if (place != NONE && !levels[l].changes)
						continue;	/* no request gets there */
					begin(&levels[l]);
					wrong += compare_sql(&samples[i], &levels[l], (enum place)place, (enum ticket_seat)seat);
					over();
				}
	assert_int_equal(wrong, 0);
}

/* A class that the sample is not would prove nothing. */
static void
the_samples_are_of_their_classes(void **state)
{
	struct sql_settings set = { .engine = SQL_POSTGRES };
	struct sql_facts *f = calloc(1, sizeof *f);
	unsigned classes = 0;

	(void)state;
	assert_non_null(f);
	for (size_t i = 0; i < sizeof samples / sizeof samples[0]; i++) {
		sql_classify(f, &set, samples[i].sql, strlen(samples[i].sql));
		if (strchr(samples[i].sql, ';') == NULL && strstr(samples[i].sql, "'a") == NULL)
			assert_string_equal(sql_class_name(f->class), samples[i].class);
		classes |= 1u << f->class;
	}
	assert_int_equal(classes, (1u << SQL_CLASSES) - 1);
	free(f);
}

static void
the_list_has_every_message(void **state)
{
	static const char *const names[] = {
#define MSG(name, seats, states, talk, members, handler) name,
#include "broker/msg.def"
#undef MSG
	};

	(void)state;
	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
		const char *name = strcmp(names[i], "sql") == 0 ? "read" : strcmp(names[i], "body") == 0 ? "from" : names[i];
		size_t n = strlen(name);
		bool found = false;

		for (size_t k = 0; k < sizeof list / sizeof list[0]; k++)
			found = found || (strncmp(list[k].message, name, n) == 0 && (list[k].message[n] == '\0' || list[k].message[n] == ' '));
		if (!found)
			fail_msg("the list has no %s", name);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_samples_are_of_their_classes),
		cmocka_unit_test(the_list_has_every_message),
		cmocka_unit_test(every_message_seat_and_state_is_as_the_list_says),
		cmocka_unit_test(after_every_end_nothing_is_left),
		cmocka_unit_test(every_class_level_seat_and_state_is_as_the_list_says),
	};

	return cmocka_run_group_tests_name("broker_independent", tests, NULL, NULL);
}
