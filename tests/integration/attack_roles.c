/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A real recorder, then a real session, among roles that are not what they should be: this test is all the others. */
#include "config.h"

#include <fcntl.h>
#include <linux/sockios.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "twokey/base/buf.h"
#include "twokey/base/clock.h"
#include "twokey/base/digest.h"
#include "twokey/base/io.h"
#include "twokey/base/json.h"
#include "twokey/transcript/verify.h"

enum { MONITOR, SESSION, CONTROL, BULK, TUNNEL, ENDS, DEADLINE_MS = 30000 };
enum { RECORDER = 1, FRONT, SESSION_ENDS };

struct role {
	pid_t pid;
	int fd[ENDS];		/* ours */
	char folder[64], path[128];
	struct buf heard;	/* what it said on end 1 */
};

static void
become(const char *role, const int *theirs, int ends)
{
	const char *top = getenv("top_builddir");
	char path[1024];
	int at[ENDS];

	snprintf(path, sizeof path, "%s/twokeyd", top != NULL ? top : ".");
	for (int i = 0; i < ends; i++)
		at[i] = fcntl(theirs[i], F_DUPFD, 64);
	for (int i = 0; i < ends; i++)
		dup2(at[i], 3 + i);
	close_range(3 + (unsigned)ends, ~0u, 0);
	execl(path, "twokeyd", "--role", role, "--uid", "-1", "--gid", "-1", (char *)NULL);
	_exit(126);
}

/* Starts it with its first message, which is freed. */
static void
spawn(struct role *r, const char *role, int ends, json_t *init)
{
	int pair[2], theirs[ENDS];
	char *text = json_dumps(init, JSON_COMPACT);

	buf_init(&r->heard, 64 * 1024 * 1024);
	for (int i = 0; i < ends; i++) {
		assert_int_equal(socketpair(AF_UNIX, (i == MONITOR ? SOCK_SEQPACKET : SOCK_STREAM) | SOCK_CLOEXEC, 0, pair), 0);
		r->fd[i] = pair[0];
		theirs[i] = pair[1];
	}
	r->pid = fork();
	if (r->pid == 0)
		become(role, theirs, ends);
	for (int i = 0; i < ends; i++)
		close(theirs[i]);
	assert_true(send(r->fd[MONITOR], text, strlen(text), 0) > 0);
	free(text);
	json_decref(init);
}

static void
begin(struct role *r)
{
	*r = (struct role){ 0 };
	strcpy(r->folder, "/tmp/twokey-test-XXXXXX");
	assert_non_null(mkdtemp(r->folder));
	snprintf(r->path, sizeof r->path, "%s/s-1.jsonl", r->folder);
	spawn(r, "recorder", ENDS, json_pack("{s:s, s:s, s:I, s:b, s:b}", "session", "s-1", "path", r->path,
	    "quota", (json_int_t)8 * 1024 * 1024, "recover", 0, "tunnel", 1));
}

/* False when it has closed that end. */
static bool
says(const struct role *r, int end, const char *text, size_t n)
{
	while (n > 0) {
		ssize_t w = send(r->fd[end], text, n, MSG_NOSIGNAL);

		if (w <= 0)
			return false;
		text += w;
		n -= (size_t)w;
	}
	return true;
}

static bool
line(const struct role *r, int end, const char *text)
{
	return says(r, end, text, strlen(text)) && says(r, end, "\n", 1);
}

/* Waits until it has taken everything from that end. */
static void
is_read(const struct role *r, int end)
{
	int64_t until = clock_mono_ms() + DEADLINE_MS;
	int left = 1;

	while (ioctl(r->fd[end], SIOCOUTQ, &left) == 0 && left > 0)
		assert_true(clock_mono_ms() < until);
	assert_int_equal(left, 0);
}

/* Waits until it says that on end 1. */
static void
hears(struct role *r, const char *text)
{
	int64_t until = clock_mono_ms() + DEADLINE_MS;

	while (strstr(buf_str(&r->heard), text) == NULL) {
		struct pollfd p = { .fd = r->fd[SESSION], .events = POLLIN };
		ssize_t n;

		if (clock_mono_ms() > until || poll(&p, 1, 1000) < 0)
			fail_msg("it did not say %s but %.3000s", text, buf_str(&r->heard));
		if (p.revents == 0)
			continue;
		n = recv(r->fd[SESSION], buf_room(&r->heard, 65536), 65536, 0);
		if (n <= 0)
			fail_msg("it is gone and did not say %s but %.3000s", text, buf_str(&r->heard));
		buf_added(&r->heard, (size_t)n);
	}
}

static const char begins[] = "{\"do\":\"event\",\"event\":{\"ev\":\"begin\",\"v\":1,\"session\":\"s-1\",\"ticket\":\"T-1\","
    "\"digest\":\"00\",\"access\":\"read\",\"stage\":\"production\",\"broker\":\"private\",\"target\":\"shop\","
    "\"engine\":\"sqlite\",\"people\":[],\"results\":\"full\",\"expires\":\"2036-01-01T00:00:00.000000Z\"}}";

/* It takes what the session says, ends in order, and what it wrote is sealed and whole. */
static void
ends_well(struct role *r)
{
	struct transcript_report report;
	char command[200];
	int status;

	assert_true(line(r, SESSION, "{\"do\":\"event\",\"event\":{\"ev\":\"said\",\"by\":\"ben\"}}"));
	hears(r, "\"said\"");
	assert_true(line(r, SESSION, "{\"do\":\"event\",\"event\":{\"ev\":\"ended\",\"code\":\"driver\"}}"));
	assert_true(line(r, SESSION, "{\"do\":\"finish\"}"));
	for (int i = CONTROL; i < ENDS; i++)
		close(r->fd[i]);
	hears(r, "\"sealed\"");
	close(r->fd[SESSION]);
	assert_int_equal(waitpid(r->pid, &status, 0), r->pid);
	assert_int_equal(status, 0);
	close(r->fd[MONITOR]);
	assert_int_equal(transcript_verify_file(r->path, &report, NULL), 0);
	if (report.verdict != TRANSCRIPT_SEALED)
		fail_msg("%s", report.text);
	snprintf(command, sizeof command, "rm -rf %s", r->folder);
	(void)!system(command);
	buf_fini(&r->heard);
}

static bool
in_file(const struct role *r, const char *text)
{
	struct buf b;
	bool found;

	buf_init(&b, 64 * 1024 * 1024);
	assert_int_equal(io_read_file(r->path, 64 * 1024 * 1024, &b, NULL), 0);
	found = memmem(buf_data(&b), buf_len(&b), text, strlen(text)) != NULL;
	buf_fini(&b);
	return found;
}

static void
a_tunnel_writes_no_event_of_others(void **state)
{
	static const char *const not_its[] = { "committed", "done", "unknown", "outcome", "seal", "recovered", "lost", "allowed",
		"run", "wanted", "connected", "audit", "account", "nonsense", "" };
	struct role r;
	char text[200];

	(void)state;
	begin(&r);
	assert_true(line(&r, SESSION, begins));
	hears(&r, "\"recorded\"");
	for (size_t i = 0; i < sizeof not_its / sizeof not_its[0]; i++) {
		snprintf(text, sizeof text, "{\"event\":{\"ev\":\"%s\",\"of\":1,\"is\":\"committed\"}}", not_its[i]);
		assert_true(line(&r, TUNNEL, text));
	}
	/* its own, with what is not a field of it, what the writer sets, and what is no name */
	assert_true(line(&r, TUNNEL, "{\"event\":{\"ev\":\"tunnel\",\"hop\":1,\"n\":7,\"prev\":\"00\"}}"));
	assert_true(line(&r, TUNNEL, "{\"event\":{\"ev\":\"tunnel\",\"by\":\"anna\"}}"));
	assert_true(line(&r, TUNNEL, "{\"event\":7}"));
	assert_true(line(&r, TUNNEL, "{\"event\":{\"ev\":\"tunnel\",\"hop\":1,\"state\":\"open\",\"name\":\"last\"}}"));
	hears(&r, "\"last\"");
	for (size_t i = 0; i + 1 < sizeof not_its / sizeof not_its[0]; i++) {
		snprintf(text, sizeof text, "\"ev\":\"%s\"", not_its[i]);
		assert_false(in_file(&r, text));
	}
	assert_false(in_file(&r, "anna"));
	ends_well(&r);
}

static void
a_tunnel_is_heard_after_the_beginning_only(void **state)
{
	struct role r;

	(void)state;
	begin(&r);
	assert_true(line(&r, TUNNEL, "{\"event\":{\"ev\":\"tunnel\",\"hop\":1,\"state\":\"open\",\"name\":\"early\"}}"));
	assert_true(line(&r, BULK, "{\"event\":{\"ev\":\"audit\",\"kinds\":[]}}"));
	is_read(&r, TUNNEL);
	is_read(&r, BULK);
	assert_true(line(&r, SESSION, begins));
	hears(&r, "\"recorded\"");
	assert_false(in_file(&r, "\"audit\""));
	assert_false(in_file(&r, "early"));
	ends_well(&r);
}

/* db lost sight of a run before any commit point: nobody may call that rolled back, and it is not sealed. */
static void
what_db_does_not_know_is_not_told_as_rolled_back(void **state)
{
	struct role r;
	char command[200];
	int status;

	(void)state;
	begin(&r);
	assert_true(line(&r, SESSION, begins));
	assert_true(line(&r, SESSION, "{\"do\":\"event\",\"event\":{\"ev\":\"run\",\"of\":1,\"digest\":\"00\",\"bind\":\"00\"}}"));
	hears(&r, "\"run\"");
	close(r.fd[MONITOR]);	/* nobody can be asked either */
	assert_true(line(&r, BULK, "{\"unknown\":1}"));
	for (int i = CONTROL; i < ENDS; i++)
		close(r.fd[i]);
	hears(&r, "\"outcome\"");
	assert_true(line(&r, SESSION, "{\"do\":\"finish\"}"));
	hears(&r, "\"waits\"");
	close(r.fd[SESSION]);
	assert_int_equal(waitpid(r.pid, &status, 0), r.pid);
	assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 1);	/* to be recovered */
	assert_true(in_file(&r, "\"ev\":\"unknown\""));
	assert_true(in_file(&r, "by hand: compare the rows"));
	assert_false(in_file(&r, "rolledback"));
	assert_false(in_file(&r, "\"seal\""));
	snprintf(command, sizeof command, "rm -rf %s", r.folder);
	(void)!system(command);
	buf_fini(&r.heard);
}

/* Sends until the recorder lets the tunnel go; it must. */
static void
lets_go(struct role *r, const char *text, size_t n)
{
	assert_true(line(r, SESSION, begins));
	hears(r, "\"recorded\"");
	for (int i = 0; i < 20000 && says(r, TUNNEL, text, n); i++)
		;
	hears(r, "\"lost\"");
	ends_well(r);
}

static void
what_is_no_tunnel_is_let_go(void **state)
{
	static const char event[] = "{\"event\":{\"ev\":\"tunnel\",\"hop\":1,\"state\":\"open\",\"name\":\"x\"}}\n";
	static const char down[] = "{\"down\":\"unreachable\"}\n";
	static char large[3 * 1024 * 1024], zeros[4096];
	struct role r;

	(void)state;
	memset(large, 'x', sizeof large);
	zeros[sizeof zeros - 1] = '\n';
	begin(&r);
	lets_go(&r, event, sizeof event - 1);	/* a flood */
	begin(&r);
	lets_go(&r, large, sizeof large);	/* a line without end */
	begin(&r);
	lets_go(&r, zeros, sizeof zeros);
	begin(&r);
	lets_go(&r, "{\"b\":9}\n", 8);
	begin(&r);
	assert_true(line(&r, SESSION, begins));
	hears(&r, "\"recorded\"");
	for (int i = 0; i < 20000 && says(&r, TUNNEL, down, sizeof down - 1); i++)
		;
	hears(&r, "\"down\"");
	ends_well(&r);
}

/* Descriptors that nobody asked for stay few, and end only who sent them. */
static void
descriptors_of_a_tunnel_are_not_kept(void **state)
{
	struct role r;
	bool open = true;

	(void)state;
	begin(&r);
	assert_true(line(&r, SESSION, begins));
	hears(&r, "\"recorded\"");
	for (int i = 0; i < 2000 && open; i++)
		open = io_send_fd(r.fd[TUNNEL], "\n", 1, r.fd[MONITOR], NULL) == 0;
	hears(&r, "\"lost\"");
	ends_well(&r);
}

/* The session believes its recorder: each event that it hands over is on record at once. */
struct world {
	struct role r;
	size_t taken;		/* bytes of heard that were answered */
	int n;			/* the last event */
};

static const char slice[] = "{\"store\":\"\",\"request_seconds\":300,\"away_seconds\":120,\"account_names\":[],"
    "\"people\":[{\"name\":\"ben\",\"side\":\"firm\",\"logins\":[\"b\"],\"seats\":7,\"json\":true},"
    "{\"name\":\"anna\",\"side\":\"customer\",\"logins\":[\"a\"],\"seats\":7,\"json\":true}],"
    "\"targets\":[{\"name\":\"shop\",\"engine\":\"postgres\",\"stage\":\"production\"}]}";
static const char ticket[] = "{\"do\":\"begin\",\"identities\":{},\"ticket\":\"id: T-1\\ntitle: orders\\ntarget: shop\\n"
    "access: read\\nstage: production\\npeople:\\n  - {name: ben, seat: driver}\\n  - {name: anna, seat: confirmer}\\n"
    "approver: anna\\nsecond_key: any\\nexpires: 2036-01-01T00:00:00Z\\n\"}";
#define CONNECTED "{\"ev\":\"connected\",\"engine\":\"postgres\",\"version\":\"15\",\"release\":\"15\",\"database\":\"shop\"," \
	"\"role\":\"ro\",\"identity\":\"system 7\",\"standing\":\"primary\",\"encrypted\":true,\"caps\":[],\"text\":{}}"

/* Answers the events that the session handed over so far. */
static void
answer(struct world *w)
{
	const char *from = buf_str(&w->r.heard) + w->taken, *lf;

	while ((lf = strchr(from, '\n')) != NULL) {
		char text[100];

		if (strncmp(from, "{\"do\":\"event\"", 13) == 0) {
			snprintf(text, sizeof text, "{\"do\":\"recorded\",\"n\":%d,\"end\":%d,\"event\":{}}", w->n + 1, w->n + 1);
			w->n++;
			(void)line(&w->r, RECORDER, text);
		}
		w->taken += (size_t)(lf + 1 - from);
		from = lf + 1;
	}
}

static void
tells(struct world *w, const char *event)
{
	struct buf b;

	buf_init(&b, 1 << 20);
	w->n++;
	buf_putf(&b, "{\"do\":\"event\",\"n\":%d,\"end\":%d,\"event\":%s}", w->n, w->n, event);
	assert_true(line(&w->r, RECORDER, buf_str(&b)));
	buf_fini(&b);
}

static void
session_begin(struct world *w)
{
	*w = (struct world){ .n = 0 };
	spawn(&w->r, "session", SESSION_ENDS, json_pack("{s:s, s:b, s:o, s:s, s:s}", "broker", "private", "demo", 1, "config",
	    json_loads(slice, 0, NULL), "session", "s-1", "target", "shop"));
	assert_true(line(&w->r, FRONT, ticket));
	hears(&w->r, "\"begin\"");
	answer(w);
}

static void
session_over(struct world *w)
{
	int status;

	answer(w);
	assert_true(line(&w->r, RECORDER, "{\"do\":\"sealed\",\"head\":\"00\",\"count\":1}"));
	assert_int_equal(waitpid(w->r.pid, &status, 0), w->r.pid);
	assert_int_equal(status, 0);
	for (int i = 0; i < SESSION_ENDS; i++)
		close(w->r.fd[i]);
	buf_fini(&w->r.heard);
}

/* These events, then the session ends with this code. */
static void
ends_by(const char *const *events, const char *code)
{
	struct world w;

	session_begin(&w);
	for (; *events != NULL; events++)
		tells(&w, *events);
	hears(&w.r, "\"ended\"");
	hears(&w.r, code);
	session_over(&w);
}

/* The front told the broker which ticket the session is opened for; the session's own first line is not believed. */
static void
a_session_begins_with_its_own_ticket_only(void **state)
{
	static const char text[] = "id: T-1\n";
	struct digest d = digest_of(text, strlen(text));
	struct role r = { 0 };
	char hex[DIGEST_HEX + 1], event[1000];

	(void)state;
	digest_hex(&d, hex);
	strcpy(r.folder, "/tmp/twokey-test-XXXXXX");
	assert_non_null(mkdtemp(r.folder));
	snprintf(r.path, sizeof r.path, "%s/s-1.jsonl", r.folder);
	spawn(&r, "recorder", ENDS, json_pack("{s:s, s:s, s:s, s:I, s:b, s:b}", "session", "s-1", "digest", hex, "path", r.path,
	    "quota", (json_int_t)8 * 1024 * 1024, "recover", 0, "tunnel", 0));
	assert_true(line(&r, SESSION, begins));		/* another digest, no text */
	hears(&r, "not the ticket which the session was opened for");
	for (int i = 0; i < 2; i++) {	/* the digest of the one with the text of another; then the right one */
		snprintf(event, sizeof event, "{\"do\":\"event\",\"b\":1,\"event\":{\"ev\":\"begin\",\"v\":1,\"session\":\"s-1\",\"ticket\":\"T-1\","
		    "\"digest\":\"%s\",\"access\":\"write\",\"stage\":\"production\"}}\n{\"k\":\"ticket\",\"text\":\"id: T-%d\\n\"}", hex, 2 - i);
		buf_reset(&r.heard);
		assert_true(line(&r, SESSION, event));
		hears(&r, i == 0 ? "not the ticket which the session was opened for" : "\"recorded\"");
	}
	assert_false(in_file(&r, "T-2"));
	ends_well(&r);
}

static void
an_account_is_judged_by_what_was_told_of_it(void **state)
{
	static const char *const none[] = { CONNECTED, NULL };
	static const char *const no_kinds[] = { "{\"ev\":\"audit\"}", CONNECTED, NULL };
	static const char *const odd_kinds[] = { "{\"ev\":\"audit\",\"kinds\":{\"write\":1}}", CONNECTED, NULL };
	static const char *const unknown[] = { "{\"ev\":\"audit\",\"kinds\":[\"flies\"]}", CONNECTED, NULL };
	static const char *const number[] = { "{\"ev\":\"audit\",\"kinds\":[7]}", CONNECTED, NULL };
	static const char *const late[] = { "{\"ev\":\"audit\",\"kinds\":[]}", CONNECTED,
		"{\"ev\":\"audit\",\"kinds\":[\"superuser\"]}", NULL };

	(void)state;
	ends_by(none, "accept_excess: not-audited");
	ends_by(no_kinds, "accept_excess: not-audited");
	ends_by(odd_kinds, "accept_excess: not-audited");
	ends_by(unknown, "accept_excess: not-audited");
	ends_by(number, "accept_excess: not-audited");
	ends_by(late, "after it was judged");
}

static void
a_process_asks_for_its_own_secret_only(void **state)
{
	static const char *const phish[] = { "{\"ev\":\"locked\",\"by\":\"ben\",\"what\":\"password\",\"of_what\":\"x\","
	    "\"box\":\"AAAA\"}", NULL };
	static const char *const other[] = { "{\"ev\":\"wanted\",\"by\":\"ben\",\"what\":\"passphrase\",\"of_what\":\"x\","
	    "\"box\":\"AAAA\"}", NULL };
	static const char *const late[] = { "{\"ev\":\"audit\",\"kinds\":[]}", CONNECTED,
		"{\"ev\":\"locked\",\"by\":\"ben\",\"what\":\"passphrase\",\"of_what\":\"x\",\"box\":\"AAAA\"}", NULL };

	(void)state;
	ends_by(phish, "not its own");
	ends_by(other, "not its own");
	ends_by(late, "not its own");
}

static void
a_second_connected_changes_nothing(void **state)
{
	struct world w;

	(void)state;
	session_begin(&w);
	tells(&w, "{\"ev\":\"audit\",\"kinds\":[]}");
	tells(&w, CONNECTED);
	hears(&w.r, "\"account\"");
	answer(&w);
	tells(&w, "{\"ev\":\"connected\",\"role\":\"other\",\"identity\":\"system 8\"}");
	tells(&w, "{\"ev\":\"lost\",\"role\":\"db\"}");
	hears(&w.r, "\"ended\"");
	assert_null(strstr(buf_str(&w.r.heard), "other"));
	session_over(&w);
}

/* What a server says of itself may be any text of any length. */
static void
names_of_a_server_may_be_anything(void **state)
{
	struct world w;
	struct buf b;

	(void)state;
	for (int odd = 0; odd < 2; odd++) {
		session_begin(&w);
		tells(&w, "{\"ev\":\"audit\",\"kinds\":[]}");
		buf_init(&b, 1 << 20);
		buf_puts(&b, "{\"ev\":\"connected\",\"engine\":\"postgres\",\"role\":\"\\\"'\\u001b]0;x\\u202e\",\"standing\":\"primary\","
		    "\"identity\":\"");
		buf_puts(&b, odd ? "x" : "");
		for (int i = 0; i < 8000; i++)
			buf_puts(&b, "\xc3\xa4");
		buf_puts(&b, "\"}");
		tells(&w, buf_str(&b));
		hears(&w.r, "\"account\"");
		answer(&w);
		tells(&w, "{\"ev\":\"lost\",\"role\":\"db\"}");
		hears(&w.r, "\"ended\"");
		session_over(&w);
		buf_fini(&b);
	}
}

/* The front hands somebody over while the seal comes: he is told that it is over, not just cut off. */
static void
who_comes_with_the_seal_gets_a_word(void **state)
{
	static const char adopt[] = "{\"do\":\"adopt\",\"re\":\"join\",\"person\":\"anna\",\"seat\":\"confirmer\",\"login\":\"a\","
	    "\"uid\":1,\"json\":true,\"bodies\":true,\"from\":1}\n";
	char said[4096] = "";
	struct world w;
	int pair[2], status;
	size_t n = 0;
	ssize_t got;

	(void)state;
	session_begin(&w);
	tells(&w, "{\"ev\":\"lost\",\"role\":\"db\"}");
	hears(&w.r, "\"ended\"");
	answer(&w);
	is_read(&w.r, RECORDER);
	kill(w.r.pid, SIGSTOP);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
	assert_true(line(&w.r, RECORDER, "{\"do\":\"sealed\",\"head\":\"00\",\"count\":1}"));
	assert_int_equal(io_send_fd(w.r.fd[FRONT], adopt, sizeof adopt - 1, pair[1], NULL), 0);
	close(pair[1]);
	kill(w.r.pid, SIGCONT);
	while ((got = recv(pair[0], said + n, sizeof said - 1 - n, 0)) > 0)
		n += (size_t)got;
	if (strstr(said, "\"re\":") == NULL)
		fail_msg("it was cut off without a word");
	close(pair[0]);
	assert_int_equal(waitpid(w.r.pid, &status, 0), w.r.pid);
	for (int i = 0; i < SESSION_ENDS; i++)
		close(w.r.fd[i]);
	buf_fini(&w.r.heard);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_tunnel_writes_no_event_of_others),
		cmocka_unit_test(a_tunnel_is_heard_after_the_beginning_only),
		cmocka_unit_test(what_is_no_tunnel_is_let_go),
		cmocka_unit_test(what_db_does_not_know_is_not_told_as_rolled_back),
		cmocka_unit_test(descriptors_of_a_tunnel_are_not_kept),
		cmocka_unit_test(a_session_begins_with_its_own_ticket_only),
		cmocka_unit_test(an_account_is_judged_by_what_was_told_of_it),
		cmocka_unit_test(a_process_asks_for_its_own_secret_only),
		cmocka_unit_test(a_second_connected_changes_nothing),
		cmocka_unit_test(names_of_a_server_may_be_anything),
		cmocka_unit_test(who_comes_with_the_seal_gets_a_word),
	};

	signal(SIGPIPE, SIG_IGN);
	return cmocka_run_group_tests_name("attack_roles", tests, NULL, NULL);
}
