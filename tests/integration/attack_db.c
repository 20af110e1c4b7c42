/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A real db on a real file, and a recorder that is this test: what is changed on the way between what a person answered
 * and the database. db judges again by itself, so nothing of it may run (law 4). */
#include "config.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include <cmocka.h>

#include "twokey/base/json.h"
#include "twokey/transcript/answer.h"

#include "attack_db_world.h"

static void
as_it_should_be_it_runs_once(void **state)
{
	struct world w;
	json_t *ev;

	(void)state;
	begin(&w, NULL, "no", NULL);
	send_event(&w, 18, allowed(&w));
	send_event(&w, 19, run(&w));
	ev = hears(&w, "committed", "rolledback");
	assert_string_equal(json_str(ev, "ev", NULL), "committed");
	assert_int_equal(written(&w), 2);
	json_decref(ev);
	sql(&w, "update orders set note = null");
	send_event(&w, 20, run(&w));
	not_run(&w, "a second run");
	send_event(&w, 21, allowed(&w));
	send_event(&w, 22, run(&w));
	not_run(&w, "allowed and run again");
	end(&w);
}

/* One field of the answer or of the run. */
static const struct field {
	const char *event, *key, *value;	/* value NULL: the field is missing; "~": one digit is another */
} fields[] = {
	{ "allowed", "digest", "~" }, { "allowed", "digest", NULL }, { "allowed", "digest", "" },
	{ "allowed", "bind", "~" }, { "allowed", "bind", NULL }, { "allowed", "bind", "x" },
	{ "allowed", "until", NULL }, { "allowed", "until", "2020-01-01T00:00:00.000000Z" }, { "allowed", "until", "soon" },
	{ "allowed", "of", "18" }, { "allowed", "of", "0" }, { "allowed", "of", NULL }, { "allowed", "by", NULL },
	{ "allowed", "by", "ben" },
	{ "run", "digest", "~" }, { "run", "digest", NULL }, { "run", "bind", "~" }, { "run", "bind", NULL },
	{ "run", "of", "18" }, { "run", "of", "0" }, { "run", "of", NULL },
};

static void
change(json_t *ev, const struct field *f)
{
	char text[200];

	if (f->value == NULL) {
		json_object_del(ev, f->key);
	} else if (strcmp(f->key, "of") == 0) {
		json_object_set_new(ev, "of", json_integer(atoi(f->value)));
	} else if (strcmp(f->value, "~") == 0) {
		snprintf(text, sizeof text, "%s", json_str(ev, f->key, NULL));
		text[5] = text[5] == 'a' ? 'b' : 'a';
		json_object_set_new(ev, f->key, json_string(text));
	} else {
		json_object_set_new(ev, f->key, json_string(f->value));
	}
}

static void
a_field_that_is_changed_on_its_way_runs_nothing(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof fields / sizeof fields[0]; i++) {
		bool of_run = strcmp(fields[i].event, "run") == 0;
		char what[100];
		struct world w;
		json_t *a, *r;

		begin(&w, NULL, "no", NULL);
		a = allowed(&w);
		r = run(&w);
		change(of_run ? r : a, &fields[i]);
		snprintf(what, sizeof what, "%s of %s", fields[i].key, fields[i].event);
		send_event(&w, 18, a);
		send_event(&w, 19, r);
		not_run(&w, what);
		end(&w);
	}
}

static void
what_comes_in_another_order_runs_nothing(void **state)
{
	static const char *const ends[] = { "denied", "withdrawn", "expired", "void" };
	struct world w;

	(void)state;
	begin(&w, NULL, "no", NULL);
	send_event(&w, 18, run(&w));
	not_run(&w, "run before allowed");
	send_event(&w, 19, allowed(&w));
	for (size_t i = 0; i < sizeof ends / sizeof ends[0]; i++) {
		send_event(&w, 20, json_pack("{s:s, s:i}", "ev", ends[i], "of", 17));
		send_event(&w, 21, allowed(&w));
		send_event(&w, 22, run(&w));
		not_run(&w, ends[i]);
	}
	end(&w);
}

/* Other bytes under the digest that was allowed, at the request itself. */
static void
other_bytes_get_no_sheet(void **state)
{
	struct world w;
	json_t *ev;

	(void)state;
	begin(&w, NULL, "no", NULL);
	tell(&w, json_pack("{s:i, s:{s:s, s:s, s:s, s:s, s:i, s:s}}", "n", 27, "event", "ev", "request", "by", "ben",
	    "digest", w.digest, "op", "=", "rows", 3, "signed", "no"), "sql", other_sql);
	ev = hears(&w, "failed", "sheet");
	assert_string_equal(json_str(ev, "ev", NULL), "failed");
	json_decref(ev);
	/* and what was allowed for one request is not allowed for another */
	send_event(&w, 28, allowed(&w));
	ev = run(&w);
	json_object_set_new(ev, "of", json_integer(27));
	send_event(&w, 29, ev);
	not_run(&w, "the run of another request");
	end(&w);
}

/* An answer holds for 30 seconds, whatever the session writes into it; the wall clock is not asked alone. */
static void
an_answer_is_not_kept_for_later(void **state)
{
	struct world w;
	json_t *a;

	(void)state;
	begin(&w, NULL, "no", NULL);
	a = allowed(&w);
	json_object_set_new(a, "until", json_string("2035-12-31T00:00:00.000000Z"));
	send_event(&w, 18, a);
	send_event(&w, 19, run(&w));
	not_run(&w, "an answer for ten years");
	end(&w);
}

/* The signed text of this request, one line of which says something else. */
static struct transcript_answer
text_of(const struct world *w)
{
	struct transcript_answer a = { .session = "s-1", .ticket = "T-1", .request = 17, .answer = "allow", .person = "anna",
	    .rows = { false, 2 }, .typed = "orders 2", .target = "shop", .identity = w->identity, .database = w->database,
	    .role = w->role, .nonce = "n", .until = "u" };

	assert_true(digest_parse(w->digest, DIGEST_HEX, &a.statement));
	assert_true(digest_parse(w->bind, DIGEST_HEX, &a.bind));
	assert_true(digest_parse(w->keys, DIGEST_HEX, &a.keys));
	a.ticket_digest = digest_of(ticket_text, strlen(ticket_text));
	return a;
}

/* The packet with text and signature; key: the recorder's mark that it verified it. */
static void
send_signed(struct world *w, const struct transcript_answer *a, bool key)
{
	json_t *ev = allowed(w), *b[2];
	struct buf text, out;

	if (key)
		json_object_set_new(ev, "key", json_string("SHA256:x"));
	buf_init(&text, TRANSCRIPT_ANSWER_MAX);
	transcript_answer_put(&text, a);
	buf_init(&out, 1024 * 1024);
	ev = json_pack("{s:i, s:o, s:i}", "n", 18, "event", ev, "b", 2);
	b[0] = json_pack("{s:s, s:s}", "k", "text", "text", buf_str(&text));
	b[1] = json_pack("{s:s, s:s}", "k", "signature", "text", "-----BEGIN");
	json_put(&out, ev);
	for (int i = 0; i < 2; i++) {
		buf_putc(&out, '\n');
		json_put(&out, b[i]);
		json_decref(b[i]);
	}
	buf_putc(&out, '\n');
	assert_int_equal(send(w->fd[CONTROL], buf_data(&out), buf_len(&out), MSG_NOSIGNAL), (ssize_t)buf_len(&out));
	json_decref(ev);
	buf_fini(&out);
	buf_fini(&text);
}

enum { GOOD, SESSION, TICKET, TICKET_DIGEST, REQUEST, ANSWER, PERSON, STATEMENT, BIND, KEYS, ROWS, OP, TARGET, IDENTITY, DATABASE,
	ROLE, NO_KEY, UNSIGNED, LINES };

static void
alter(struct transcript_answer *a, int line)
{
	switch (line) {
	case SESSION: a->session = "s-2"; break;
	case TICKET: a->ticket = "T-2"; break;
	case TICKET_DIGEST: a->ticket_digest.b[3] ^= 1; break;
	case REQUEST: a->request = 18; break;
	case ANSWER: a->answer = "deny"; break;
	case PERSON: a->person = "kim"; break;
	case STATEMENT: a->statement.b[3] ^= 1; break;
	case BIND: a->bind.b[3] ^= 1; break;
	case KEYS: a->keys.b[3] ^= 1; break;
	case ROWS: a->rows.rows = 3; break;
	case OP: a->rows.at_most = true; break;
	case TARGET: a->target = "staging"; break;
	case IDENTITY: a->identity = "another"; break;
	case DATABASE: a->database = "another"; break;
	case ROLE: a->role = "another"; break;
	}
}

static void
a_signed_text_holds_for_what_it_says_only(void **state)
{
	(void)state;
	for (int line = GOOD; line < LINES; line++) {
		struct transcript_answer a;
		struct world w;
		char what[40];
		json_t *ev;

		begin(&w, NULL, "yes", "anna");
		a = text_of(&w);
		alter(&a, line);
		if (line == UNSIGNED)
			send_event(&w, 18, allowed(&w));
		else
			send_signed(&w, &a, line != NO_KEY);
		send_event(&w, 19, run(&w));
		snprintf(what, sizeof what, "line %d", line);
		if (line != GOOD) {
			not_run(&w, what);
		} else {
			ev = hears(&w, "committed", "rolledback");
			assert_string_equal(json_str(ev, "ev", NULL), "committed");
			json_decref(ev);
		}
		end(&w);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(as_it_should_be_it_runs_once),
		cmocka_unit_test(a_field_that_is_changed_on_its_way_runs_nothing),
		cmocka_unit_test(what_comes_in_another_order_runs_nothing),
		cmocka_unit_test(other_bytes_get_no_sheet),
		cmocka_unit_test(an_answer_is_not_kept_for_later),
		cmocka_unit_test(a_signed_text_holds_for_what_it_says_only),
	};

	signal(SIGPIPE, SIG_IGN);
	return cmocka_run_group_tests_name("attack_db", tests, NULL, NULL);
}
