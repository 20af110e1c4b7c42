/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A real db on a real file, and a recorder that is this test: what is changed on the way between what a person answered
 * and the database. db judges again by itself, so nothing of it may run (law 4). */
#include "config.h"

#include <fcntl.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <sqlite3.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "twokey/base/buf.h"
#include "twokey/base/clock.h"
#include "twokey/base/digest.h"
#include "twokey/base/json.h"
#include "twokey/transcript/answer.h"

enum { MONITOR, CONTROL, BULK, CREDENTIAL, ALIVE, ENDS, DEADLINE_MS = 30000, TEXT = 4096 };

static const char write_sql[] = "update orders set note = 'w' where id <= 2";
static const char other_sql[] = "update orders set note = 'w' where id <= 3";
static const char ticket_text[] = "id: T-1\ntitle: orders\ntarget: shop\naccess: write\nstage: production\npeople:\n"
    "  - {name: ben, seat: driver}\n  - {name: anna, seat: confirmer}\napprover: anna\nsecond_key: any\n"
    "expires: 2036-01-01T00:00:00Z\n";

struct world {
	pid_t pid;
	int fd[ENDS];
	char folder[64], file[128];
	struct buf heard;
	char digest[DIGEST_HEX + 1], bind[DIGEST_HEX + 1], keys[DIGEST_HEX + 1];
	char identity[200], role[128], database[256];
};

static void
sql(const struct world *w, const char *text)
{
	sqlite3 *db;

	assert_int_equal(sqlite3_open(w->file, &db), SQLITE_OK);
	assert_int_equal(sqlite3_exec(db, text, NULL, NULL, NULL), SQLITE_OK);
	sqlite3_close(db);
}

static int
written(const struct world *w)
{
	sqlite3_stmt *st;
	sqlite3 *db;
	int n;

	assert_int_equal(sqlite3_open(w->file, &db), SQLITE_OK);
	assert_int_equal(sqlite3_prepare_v2(db, "select count(*) from orders where note = 'w'", -1, &st, NULL), SQLITE_OK);
	assert_int_equal(sqlite3_step(st), SQLITE_ROW);
	n = sqlite3_column_int(st, 0);
	sqlite3_finalize(st);
	sqlite3_close(db);
	return n;
}

static void
become(const int *theirs)
{
	const char *top = getenv("top_builddir");
	char path[1024];
	int at[ENDS];

	snprintf(path, sizeof path, "%s/twokeyd", top != NULL ? top : ".");
	for (int i = 0; i < ENDS; i++)
		at[i] = fcntl(theirs[i], F_DUPFD, 64);
	for (int i = 0; i < ENDS; i++)
		dup2(at[i], 3 + i);
	close_range(3 + ENDS, ~0u, 0);
	execl(path, "twokeyd", "--role", "db", "--uid", "-1", "--gid", "-1", (char *)NULL);
	_exit(126);
}

static void
open_ends(struct world *w, int theirs[ENDS])
{
	char path[160];
	int pair[2];

	for (int i = 0; i < ENDS; i++) {
		if (i == ALIVE) {
			snprintf(path, sizeof path, "%s/alive", w->folder);
			w->fd[i] = -1;
			theirs[i] = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
		} else if (i == CREDENTIAL) {
			assert_int_equal(pipe2(pair, O_CLOEXEC), 0);
			w->fd[i] = pair[1];
			theirs[i] = pair[0];
		} else {
			assert_int_equal(socketpair(AF_UNIX, (i == MONITOR ? SOCK_SEQPACKET : SOCK_STREAM) | SOCK_CLOEXEC, 0, pair), 0);
			w->fd[i] = pair[0];
			theirs[i] = pair[1];
		}
		assert_true(theirs[i] >= 0);
	}
}

static void
spawn(struct world *w, const char *signer)
{
	int theirs[ENDS];
	struct digest d = digest_of(ticket_text, strlen(ticket_text));
	char hex[DIGEST_HEX + 1], *text;
	json_t *init;

	digest_hex(&d, hex);
	init = json_pack("{s:s, s:s, s:s, s:{s:s, s:s, s:s}, s:o}", "session", "s-1", "ticket", "T-1", "digest", hex,
	    "target", "engine", "sqlite", "file", w->file, "name", "shop", "signers", json_array());
	json_object_set_new(init, "sides", json_pack("{s:s, s:s, s:s, s:s}", "ben", "firm", "kim", "firm", "anna", "customer",
	    "eve", "customer"));
	if (signer != NULL)
		json_array_append_new(json_object_get(init, "signers"), json_string(signer));
	text = json_dumps(init, JSON_COMPACT);
	open_ends(w, theirs);
	w->pid = fork();
	if (w->pid == 0)
		become(theirs);
	for (int i = 0; i < ENDS; i++)
		close(theirs[i]);
	assert_int_equal(write(w->fd[CREDENTIAL], "N", 1), 1);
	close(w->fd[CREDENTIAL]);
	assert_true(send(w->fd[MONITOR], text, strlen(text), 0) > 0);
	free(text);
	json_decref(init);
}

/* A packet of the recorder; body NULL: without. Takes head. */
static void
tell(struct world *w, json_t *head, const char *k, const char *body)
{
	struct buf out;
	json_t *b = json_pack("{s:s, s:s}", "k", k != NULL ? k : "", "text", body != NULL ? body : "");

	buf_init(&out, 1024 * 1024);
	if (body != NULL)
		json_object_set_new(head, "b", json_integer(1));
	json_put(&out, head);
	buf_putc(&out, '\n');
	if (body != NULL) {
		json_put(&out, b);
		buf_putc(&out, '\n');
	}
	assert_int_equal(send(w->fd[CONTROL], buf_data(&out), buf_len(&out), MSG_NOSIGNAL), (ssize_t)buf_len(&out));
	json_decref(head);
	json_decref(b);
	buf_fini(&out);
}

/* The next event of that name on the bulk end, as a new object; false when another of the two came. */
static json_t *
hears(struct world *w, const char *one, const char *two)
{
	int64_t until = clock_mono_ms() + DEADLINE_MS;

	for (;;) {
		struct pollfd p = { .fd = w->fd[BULK], .events = POLLIN };
		const char *lf;
		ssize_t n;

		while ((lf = memchr(buf_data(&w->heard), '\n', buf_len(&w->heard))) != NULL) {
			json_t *o = json_loadb(buf_data(&w->heard), (size_t)(lf - buf_data(&w->heard)), 0, NULL);
			json_t *ev = json_incref(json_object_get(o, "event"));
			const char *name = json_str(ev, "ev", NULL);

			json_decref(o);
			buf_consume(&w->heard, (size_t)(lf + 1 - buf_data(&w->heard)));
			if (name != NULL && (strcmp(name, one) == 0 || strcmp(name, two) == 0))
				return ev;
			if (name != NULL && strcmp(name, "committing") == 0)	/* it is on disk */
				tell(w, json_pack("{s:O}", "synced", json_object_get(ev, "of")), NULL, NULL);
			json_decref(ev);
		}
		if (clock_mono_ms() > until || poll(&p, 1, 1000) < 0)
			fail_msg("it did not say %s", one);
		if (p.revents == 0)
			continue;
		n = recv(w->fd[BULK], buf_room(&w->heard, 65536), 65536, 0);
		if (n <= 0)
			fail_msg("it is gone and did not say %s", one);
		buf_added(&w->heard, (size_t)n);
	}
}

static void
keep(const json_t *ev, const char *key, char *out, size_t size)
{
	snprintf(out, size, "%s", json_str(ev, key, NULL) != NULL ? json_str(ev, key, NULL) : "");
}

/* A db that is connected, with one request on record and its sheet made. */
static void
begin(struct world *w, const char *wish, const char *signer)
{
	struct digest d = digest_of(write_sql, strlen(write_sql));
	json_t *ev;

	*w = (struct world){ 0 };
	strcpy(w->folder, "/tmp/twokey-test-XXXXXX");
	assert_non_null(mkdtemp(w->folder));
	snprintf(w->file, sizeof w->file, "%s/shop.db", w->folder);
	buf_init(&w->heard, 8 * 1024 * 1024);
	sql(w, "CREATE TABLE orders(id INTEGER PRIMARY KEY, note TEXT); INSERT INTO orders(id) VALUES (1), (2), (3), (4)");
	spawn(w, signer);
	tell(w, json_pack("{s:b}", "start", 1), "ticket", ticket_text);
	ev = hears(w, "connected", "connected");
	keep(ev, "identity", w->identity, sizeof w->identity);
	keep(ev, "database", w->database, sizeof w->database);
	keep(ev, "role", w->role, sizeof w->role);
	json_decref(ev);
	digest_hex(&d, w->digest);
	tell(w, json_pack("{s:i, s:{s:s, s:s, s:s, s:s, s:i, s:s}}", "n", 17, "event", "ev", "request", "by", "ben",
	    "digest", w->digest, "op", "=", "rows", 2, "signed", wish), "sql", write_sql);
	ev = hears(w, "sheet", "failed");
	if (strcmp(json_str(ev, "ev", NULL), "sheet") != 0)
		fail_msg("no sheet");
	keep(ev, "bind", w->bind, sizeof w->bind);
	keep(ev, "keys", w->keys, sizeof w->keys);
	json_decref(ev);
}

static void
end(struct world *w)
{
	char command[120];
	int status;

	tell(w, json_pack("{s:b}", "end", 1), NULL, NULL);
	for (int i = 0; i < ENDS; i++)
		if (i != CREDENTIAL && w->fd[i] >= 0)
			close(w->fd[i]);
	assert_int_equal(waitpid(w->pid, &status, 0), w->pid);
	snprintf(command, sizeof command, "rm -rf %s", w->folder);
	(void)!system(command);
	buf_fini(&w->heard);
}

static void
at(char out[CLOCK_TEXT], int64_t seconds)
{
	clock_format(clock_wall_us() + seconds * 1000000, out);
}

/* The event allowed, and the event run, as they should be. */
static json_t *
allowed(const struct world *w)
{
	char until[CLOCK_TEXT];

	at(until, 30);
	return json_pack("{s:s, s:i, s:s, s:s, s:s, s:s}", "ev", "allowed", "of", 17, "by", "anna", "digest", w->digest,
	    "bind", w->bind, "until", until);
}

static json_t *
run(const struct world *w)
{
	return json_pack("{s:s, s:i, s:s, s:s}", "ev", "run", "of", 17, "digest", w->digest, "bind", w->bind);
}

static void
send_event(struct world *w, int n, json_t *ev)
{
	tell(w, json_pack("{s:i, s:o}", "n", n, "event", ev), NULL, NULL);
}

/* It is rolled back, with words, and the file is as it was. */
static void
not_run(struct world *w, const char *what)
{
	json_t *ev = hears(w, "rolledback", "committed");

	if (strcmp(json_str(ev, "ev", NULL), "rolledback") != 0 || written(w) != 0)
		fail_msg("%s: it ran", what);
	json_decref(ev);
}

static void
as_it_should_be_it_runs_once(void **state)
{
	struct world w;
	json_t *ev;

	(void)state;
	begin(&w, "no", NULL);
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

		begin(&w, "no", NULL);
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
	begin(&w, "no", NULL);
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
	begin(&w, "no", NULL);
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
	begin(&w, "no", NULL);
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

		begin(&w, "yes", "anna");
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
