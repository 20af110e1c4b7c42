/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A real db role; this test is the recorder, which passes on what a session says that lies about the ticket. */
#include "config.h"

#include <fcntl.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
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
#include <sqlite3.h>

#include "twokey/base/buf.h"
#include "twokey/base/clock.h"
#include "twokey/base/digest.h"
#include "twokey/base/json.h"

enum { MONITOR, CONTROL, BULK, CREDENTIAL, ENDS, DEADLINE_MS = 30000 };

#define HEAD "id: T-1\ntitle: t\ntarget: shop\naccess: write\nstage: production\npeople:\n" \
	"  - { name: ben, seat: driver }\n  - { name: anna, seat: confirmer }\napprover: anna\n" \
	"expires: 2036-01-01T00:00:00Z\n"

static const char all[] = "UPDATE orders SET note = 1";
static const char one[] = "UPDATE orders SET note = 1 WHERE id = 1";

struct role {
	pid_t pid;
	int fd[ENDS];
	char folder[64], file[100], ticket[1200];
	struct buf heard;
};

static void
shop(const struct role *r, const char *sql)
{
	sqlite3 *db;

	assert_int_equal(sqlite3_open(r->file, &db), SQLITE_OK);
	assert_int_equal(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
	sqlite3_close(db);
}

static int
rows(const struct role *r)
{
	sqlite3_stmt *st;
	sqlite3 *db;
	int n;

	assert_int_equal(sqlite3_open(r->file, &db), SQLITE_OK);
	assert_int_equal(sqlite3_prepare_v2(db, "select count(*) from orders where note is null", -1, &st, NULL), SQLITE_OK);
	assert_int_equal(sqlite3_step(st), SQLITE_ROW);
	n = sqlite3_column_int(st, 0);
	sqlite3_finalize(st);
	sqlite3_close(db);
	return n;
}

static void
become(const struct role *r, const int *theirs)
{
	const char *top = getenv("top_builddir");
	char path[1024];
	int at[ENDS + 1];

	snprintf(path, 512, "%s/twokeyd", top != NULL ? top : ".");
	for (int i = 0; i < ENDS; i++)
		at[i] = fcntl(theirs[i], F_DUPFD, 64);
	snprintf(path + 512, 512, "%s/alive", r->folder);
	at[ENDS] = fcntl(open(path + 512, O_RDWR | O_CREAT, 0600), F_DUPFD, 64);	/* it locks this while it lives */
	for (int i = 0; i <= ENDS; i++)
		dup2(at[i], 3 + i);
	close_range(4 + (unsigned)ENDS, ~0u, 0);
	execl(path, "twokeyd", "--role", "db", "--uid", "-1", "--gid", "-1", (char *)NULL);
	_exit(126);
}

static void
says(struct role *r, json_t *head, const char *kind, const char *text)
{
	json_t *body = json_pack("{s:s, s:i, s:s, s:s}", "s", "00", "of", 1, "k", kind, "text", text);
	char *line;

	json_object_set_new(head, "b", json_integer(1));
	line = json_dumps(head, JSON_COMPACT);
	assert_true(send(r->fd[CONTROL], line, strlen(line), MSG_NOSIGNAL) > 0);
	assert_int_equal(send(r->fd[CONTROL], "\n", 1, MSG_NOSIGNAL), 1);
	free(line);
	line = json_dumps(body, JSON_COMPACT);
	assert_true(send(r->fd[CONTROL], line, strlen(line), MSG_NOSIGNAL) > 0);
	assert_int_equal(send(r->fd[CONTROL], "\n", 1, MSG_NOSIGNAL), 1);
	free(line);
	json_decref(body);
	json_decref(head);
}

/* The role with the digest of named as its monitor knows it; the session begins with the ticket told. NULL: none. */
static void
begin(struct role *r, const char *named, const char *told)
{
	struct digest d = named != NULL ? digest_of(named, strlen(named)) : (struct digest){ 0 };
	char hex[DIGEST_HEX + 1], *text;
	int pair[2], theirs[ENDS];
	json_t *init;

	*r = (struct role){ 0 };
	strcpy(r->folder, "/tmp/twokey-test-XXXXXX");
	assert_non_null(mkdtemp(r->folder));
	snprintf(r->file, sizeof r->file, "%s/shop.db", r->folder);
	shop(r, "create table orders(id integer primary key, note int); insert into orders(id) values (1), (2), (3)");
	buf_init(&r->heard, 1 << 24);
	digest_hex(&d, hex);
	init = json_pack("{s:s, s:s, s:{s:s, s:s}, s:[], s:i, s:i}", "session", "s-1", "ticket", "T-1", "target", "engine",
	    "sqlite", "file", r->file, "signers", "max_rows", 10, "max_bytes", 1 << 20);
	json_object_set_new(init, "sides", json_pack("{s:s, s:s, s:s, s:s}", "ben", "firm", "kim", "firm", "leo", "customer",
	    "anna", "customer"));
	if (named != NULL)
		json_object_set_new(init, "digest", json_string(hex));
	for (int i = 0; i < ENDS; i++) {
		assert_int_equal(socketpair(AF_UNIX, (i == MONITOR ? SOCK_SEQPACKET : SOCK_STREAM) | SOCK_CLOEXEC, 0, pair), 0);
		r->fd[i] = pair[0];
		theirs[i] = pair[1];
	}
	r->pid = fork();
	if (r->pid == 0)
		become(r, theirs);
	for (int i = 0; i < ENDS; i++)
		close(theirs[i]);
	text = json_dumps(init, JSON_COMPACT);
	assert_true(send(r->fd[MONITOR], text, strlen(text), 0) > 0);
	free(text);
	json_decref(init);
	assert_int_equal(send(r->fd[CREDENTIAL], "N", 1, 0), 1);
	close(r->fd[CREDENTIAL]);
	says(r, json_pack("{s:b}", "start", 1), "ticket", told != NULL ? told : "");
}

static void
hears(struct role *r, const char *text)
{
	int64_t until = clock_mono_ms() + DEADLINE_MS;

	while (strstr(buf_str(&r->heard), text) == NULL) {
		struct pollfd p = { .fd = r->fd[BULK], .events = POLLIN };
		ssize_t n;

		if (clock_mono_ms() > until || poll(&p, 1, 1000) < 0)
			fail_msg("it did not say %s but %.3000s", text, buf_str(&r->heard) + (buf_len(&r->heard) > 700 ? buf_len(&r->heard) - 700 : 0));
		if (p.revents == 0)
			continue;
		n = recv(r->fd[BULK], buf_room(&r->heard, 65536), 65536, 0);
		if (n <= 0)
			fail_msg("it is gone and did not say %s but %.3000s", text, buf_str(&r->heard));
		buf_added(&r->heard, (size_t)n);
	}
}

static void
over(struct role *r)
{
	char command[120];
	int status;

	close(r->fd[MONITOR]);
	close(r->fd[CONTROL]);
	close(r->fd[BULK]);
	assert_int_equal(waitpid(r->pid, &status, 0), r->pid);
	snprintf(command, sizeof command, "rm -rf %s", r->folder);
	(void)!system(command);
	buf_fini(&r->heard);
}

/* What the lying session puts into its event is all that the recorder looks at. */
static void
requests(struct role *r, const char *sql, int n)
{
	struct digest d = digest_of(sql, strlen(sql));
	char hex[DIGEST_HEX + 1];

	digest_hex(&d, hex);
	says(r, json_pack("{s:i, s:{s:s, s:s, s:s, s:s, s:s, s:i, s:s}}", "n", n, "event", "ev", "request", "by", "ben", "digest",
	    hex, "table", "orders", "op", "=", "rows", 3, "signed", "no"), "sql", sql);
}

/* The value of a member of the last line that has it. */
static void
member(struct role *r, const char *name, char *out, size_t size)
{
	const char *at = buf_str(&r->heard), *last = NULL;
	char key[40];

	snprintf(key, sizeof key, "\"%s\":\"", name);
	while ((at = strstr(at, key)) != NULL)
		last = at += strlen(key);
	assert_non_null(last);
	snprintf(out, size, "%.*s", (int)strcspn(last, "\""), last);
}

/* An answer lives half a minute. */
static const char *
soon(void)
{
	static char text[CLOCK_TEXT];

	clock_format(clock_wall_us() + 20 * INT64_C(1000000), text);
	return text;
}

/* allowed and run, as a session says them that wants it to run at any price. */
static void
forces(struct role *r, const char *sql, int n)
{
	struct digest d = digest_of(sql, strlen(sql));
	char hex[DIGEST_HEX + 1], bind[DIGEST_HEX + 1] = "00", until[CLOCK_TEXT];

	digest_hex(&d, hex);
	clock_format(clock_wall_us() + 20 * 1000000, until);
	if (strstr(buf_str(&r->heard), "\"bind\"") != NULL)
		member(r, "bind", bind, sizeof bind);
	says(r, json_pack("{s:i, s:{s:s, s:i, s:s, s:s, s:s, s:s}}", "n", n + 1, "event", "ev", "allowed", "of", n, "by", "anna",
	    "digest", hex, "bind", bind, "until", until), "typed", "orders");
	says(r, json_pack("{s:i, s:{s:s, s:i, s:s, s:s}}", "n", n + 2, "event", "ev", "run", "of", n, "digest", hex, "bind", bind),
	    "nothing", "");
}

static const char *
ticket_of(struct role *r, const char *sql, const char *object, int minutes)
{
	char taken[CLOCK_TEXT];

	clock_format(clock_wall_us() - (int64_t)minutes * 60 * 1000000, taken);
	snprintf(r->ticket, sizeof r->ticket, HEAD "changes:\n  - { sql: \"%s\", object: %s, backup: nightly dump, "
	    "backup_taken: %.19sZ }\n", sql, object, taken);
	return r->ticket;
}

/* It never runs, and the answer has these words. */
static void
not_run(const char *named, const char *told, const char *sql, const char *words)
{
	struct role r;

	begin(&r, named, told);
	hears(&r, "\"connected\"");
	requests(&r, sql, 5);
	hears(&r, "\"failed\"");
	hears(&r, words);
	forces(&r, sql, 5);
	hears(&r, "\"rolledback\"");
	hears(&r, "db has no such request on record");
	assert_int_equal(rows(&r), 3);
	over(&r);
}

static void
a_strict_statement_that_the_ticket_does_not_name_is_not_run(void **state)
{
	struct role r;

	(void)state;
	not_run(HEAD, HEAD, all, "does not name exactly these bytes");
	not_run(HEAD, ticket_of(&r, all, "orders", 5), all, "no accepted ticket");	/* the session made one up */
	not_run(NULL, ticket_of(&r, all, "orders", 5), all, "no accepted ticket");
	not_run(HEAD, NULL, all, "no accepted ticket");
	not_run(HEAD, "id: T-1\n", one, "no accepted ticket");
	not_run(HEAD, HEAD, "DROP TABLE orders", "drops an object");
	not_run(HEAD, HEAD, "ALTER TABLE orders DROP COLUMN note", "drops an object");
	not_run(HEAD, HEAD, "CREATE TABLE a(b); DELETE FROM orders WHERE id = 1", "more than one statement");
}

static void
another_object_or_an_old_backup_is_seen_by_db_itself(void **state)
{
	struct role r;
	char ticket[1200];

	(void)state;
	snprintf(ticket, sizeof ticket, "%s", ticket_of(&r, all, "orders_log", 5));
	not_run(ticket, ticket, all, "not with this object");
	snprintf(ticket, sizeof ticket, "%s", ticket_of(&r, all, "orders", 25 * 60));
	not_run(ticket, ticket, all, "older");
	snprintf(ticket, sizeof ticket, "%s", ticket_of(&r, "UPDATE orders SET note = 1 ", "orders", 5));
	not_run(ticket, ticket, all, "does not name exactly these bytes");
}

/* Against which the others fail: the same way leads to the commit when the ticket names it. */
static void
what_the_ticket_names_runs(void **state)
{
	struct role r;
	char ticket[1200];

	(void)state;
	snprintf(ticket, sizeof ticket, "%s", ticket_of(&r, all, "orders", 5));
	begin(&r, ticket, ticket);
	hears(&r, "\"connected\"");
	requests(&r, all, 5);
	hears(&r, "\"sheet\"");
	forces(&r, all, 5);
	hears(&r, "\"committing\"");
	assert_int_equal(rows(&r), 3);
	assert_true(send(r.fd[CONTROL], "{\"synced\":5}\n", 13, 0) > 0);
	hears(&r, "\"committed\"");
	assert_int_equal(rows(&r), 0);
	over(&r);
}

#define TWO "id: T-1\ntarget: shop\naccess: write\nstage: production\nquorum: both_sides\npeople:\n" \
	"  - {name: ben, seat: driver}\n  - {name: anna, seat: confirmer}\n  - {name: kim, seat: confirmer}\n" \
	"  - {name: leo, seat: watcher}\napprover: anna\nexpires: 2036-01-01T00:00:00Z\n"

static const char three[] = "UPDATE orders SET note = 1 WHERE id <= 3";

/* A key, as a session says it that lies about who turned it. */
static void
turns(struct role *r, const char *ev, int at, const char *by, const char *bind)
{
	struct digest d = digest_of(three, strlen(three));
	char hex[DIGEST_HEX + 1], is[DIGEST_HEX + 1];

	digest_hex(&d, hex);
	member(r, "bind", is, sizeof is);
	says(r, json_pack("{s:i, s:{s:s, s:i, s:s, s:s, s:s, s:s, s:s}}", "n", at, "event", "ev", ev, "of", 5, "by", by,
	    "side", "customer", "digest", hex, "bind", bind != NULL ? bind : is, "until", soon()),
	    "typed", "orders");
}

/* first and second turn their keys (NULL: nobody), then it is run. */
static void
keys_run(const char *ticket, const char *first, const char *second, const char *bind, bool runs)
{
	char hex[DIGEST_HEX + 1], is[DIGEST_HEX + 1];
	struct digest d = digest_of(three, strlen(three));
	struct role r;

	begin(&r, ticket, ticket);
	hears(&r, "\"connected\"");
	requests(&r, three, 5);
	hears(&r, "\"sheet\"");
	if (first != NULL)
		turns(&r, "turned", 6, first, bind);
	if (second != NULL)
		turns(&r, "allowed", 7, second, NULL);
	digest_hex(&d, hex);
	member(&r, "bind", is, sizeof is);
	says(&r, json_pack("{s:i, s:{s:s, s:i, s:s, s:s}}", "n", 8, "event", "ev", "run", "of", 5, "digest", hex, "bind", is),
	    "nothing", "");
	hears(&r, runs ? "\"committing\"" : "db has no turned key");
	if (runs)
		assert_true(send(r.fd[CONTROL], "{\"synced\":5}\n", 13, 0) > 0);
	hears(&r, runs ? "\"committed\"" : "\"rolledback\"");
	over(&r);
}

static void
db_counts_the_keys_by_itself(void **state)
{
	static const char other[] = "0000000000000000000000000000000000000000000000000000000000000000";

	(void)state;
	keys_run(TWO, "anna", "kim", NULL, true);
	keys_run(TWO, "kim", "anna", NULL, true);
	keys_run(TWO, NULL, "anna", NULL, false);
	keys_run(TWO, "anna", NULL, NULL, false);
	keys_run(TWO, "anna", "anna", NULL, false);
	keys_run(TWO, "anna", "ben", NULL, false);	/* who drives */
	keys_run(TWO, "ben", "anna", NULL, false);
	keys_run(TWO, "leo", "kim", NULL, false);	/* who watches */
	keys_run(TWO, "kim", "leo", NULL, false);
	keys_run(TWO, "kim", "eve", NULL, false);	/* whom nobody knows */
	keys_run(TWO, "anna", "kim", other, false);	/* another sheet */
	keys_run(HEAD, NULL, "anna", NULL, true);
	keys_run(HEAD, NULL, "ben", NULL, false);
	keys_run(HEAD, NULL, "kim", NULL, false);	/* no confirmer of this ticket */
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_strict_statement_that_the_ticket_does_not_name_is_not_run),
		cmocka_unit_test(another_object_or_an_old_backup_is_seen_by_db_itself),
		cmocka_unit_test(what_the_ticket_names_runs),
		cmocka_unit_test(db_counts_the_keys_by_itself),
	};

	signal(SIGPIPE, SIG_IGN);
	return cmocka_run_group_tests_name("strict_db", tests, NULL, NULL);
}
