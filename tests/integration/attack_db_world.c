/* SPDX-License-Identifier: GPL-3.0-or-later */
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

#include "twokey/base/json.h"

#include "attack_db_world.h"

const char write_sql[] = "update orders set note = 'w' where id <= 2";
const char other_sql[] = "update orders set note = 'w' where id <= 3";
const char ticket_text[] = "id: T-1\ntitle: orders\ntarget: shop\naccess: write\nstage: production\npeople:\n"
    "  - {name: ben, seat: driver}\n  - {name: anna, seat: confirmer}\napprover: anna\nsecond_key: any\n"
    "expires: 2036-01-01T00:00:00Z\n";

void
sql(const struct world *w, const char *text)
{
	sqlite3 *db;

	assert_int_equal(sqlite3_open(w->file, &db), SQLITE_OK);
	assert_int_equal(sqlite3_exec(db, text, NULL, NULL, NULL), SQLITE_OK);
	sqlite3_close(db);
}

int
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
	struct digest d = digest_of(w->ticket, strlen(w->ticket));
	char hex[DIGEST_HEX + 1], *text;
	json_t *init;

	digest_hex(&d, hex);
	init = json_pack("{s:s, s:s, s:s, s:{s:s, s:s, s:s}, s:o}", "session", "s-1", "ticket", "T-1", "digest", hex,
	    "target", "engine", "sqlite", "file", w->file, "name", "shop", "signers", json_array());
	json_object_set_new(init, "sides", json_pack("{s:s, s:s, s:s, s:s}", "ben", "firm", "kim", "firm", "anna", "customer",
	    "eve", "customer"));
	json_object_set_new(init, "sides", json_pack("{s:s, s:s, s:s, s:s}", "ben", "firm", "anna", "customer", "kim", "firm", "tom", "firm"));
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
void
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
json_t *
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
void
begin(struct world *w, const char *ticket, const char *wish, const char *signer)
{
	struct digest d = digest_of(write_sql, strlen(write_sql));
	json_t *ev;

	*w = (struct world){ .ticket = ticket != NULL ? ticket : ticket_text };
	strcpy(w->folder, "/tmp/twokey-test-XXXXXX");
	assert_non_null(mkdtemp(w->folder));
	snprintf(w->file, sizeof w->file, "%s/shop.db", w->folder);
	buf_init(&w->heard, 8 * 1024 * 1024);
	sql(w, "CREATE TABLE orders(id INTEGER PRIMARY KEY, note TEXT); INSERT INTO orders(id) VALUES (1), (2), (3), (4)");
	spawn(w, signer);
	tell(w, json_pack("{s:b}", "start", 1), "ticket", w->ticket);
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

void
end(struct world *w)
{
	static const char enough[] = "{\"end\":true}\n";
	char command[120];
	int status;

	(void)!send(w->fd[CONTROL], enough, sizeof enough - 1, MSG_NOSIGNAL);	/* it may be gone already */
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
json_t *
allowed(const struct world *w)
{
	char until[CLOCK_TEXT];

	at(until, 30);
	return json_pack("{s:s, s:i, s:s, s:s, s:s, s:s}", "ev", "allowed", "of", 17, "by", "anna", "digest", w->digest,
	    "bind", w->bind, "until", until);
}

json_t *
run(const struct world *w)
{
	return json_pack("{s:s, s:i, s:s, s:s}", "ev", "run", "of", 17, "digest", w->digest, "bind", w->bind);
}

void
send_event(struct world *w, int n, json_t *ev)
{
	tell(w, json_pack("{s:i, s:o}", "n", n, "event", ev), NULL, NULL);
}

/* It is rolled back, with words, and the file is as it was. */
void
not_run(struct world *w, const char *what)
{
	json_t *ev = hears(w, "rolledback", "committed");

	if (strcmp(json_str(ev, "ev", NULL), "rolledback") != 0 || written(w) != 0)
		fail_msg("%s: it ran", what);
	json_decref(ev);
}
