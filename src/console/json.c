/* SPDX-License-Identifier: GPL-3.0-or-later */
/* --json: the protocol on standard input and output. Nothing is looked into; only whole lines pass. */
#include "config.h"

#include <errno.h>
#include <poll.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#include "twokey/base/buf.h"
#include "twokey/base/err.h"
#include "twokey/base/io.h"
#include "twokey/base/json.h"
#include "twokey/console/link.h"
#include "twokey/console/seat.h"
#include "twokey/transcript/event.h"

enum { IN_MAX = LINK_REQUEST_MAX + 2, OUT_LOW = 1 << 20, DRAIN_LINES = 4096 };

struct pipe_state {
	struct link *link;
	struct buf in;		/* from standard input */
	struct buf out;		/* to standard output */
	bool drives;
	bool in_ended;
	bool left;		/* "leave" was sent because the input ended */
	bool ending;		/* "end" or "stop" was asked for: the broker closes */
	bool ended;		/* the session did end */
	char ended_code[32];
	bool holds;		/* the session is not ready yet: statements wait here for it */
	bool stopped;		/* it is paused: they wait for one who resumes */
	bool needs_second;	/* the ticket lets nothing go on without a second person */
	unsigned seconds;	/* confirmers that are there */
	unsigned asked;		/* statements whose answer has not come */
	uint64_t last;		/* the last event that came */
	uint64_t awaits;	/* the event of a statement that was answered; it has not come yet, 0 none */
	uint64_t runs;		/* the event of the one that runs, 0 none */
	struct buf end;		/* the line that asks for the end, while it waits for what runs */
};

/* The answer to hello and the seat, so that the caller knows both; then everything is the broker's. */
static void
put_seat(struct buf *out, const struct seat *seat)
{
	static const char *const names[] = { "driver", "confirmer", "watcher" };
	json_t *o = json_object();

	json_object_set_new(o, "re", json_string(seat->kind == SEAT_DRIVER ? "open" : "join"));
	json_object_set_new(o, "ok", json_true());
	json_object_set_new(o, "session", json_string(seat->session));
	json_object_set_new(o, "seat", json_string(names[seat->kind]));
	json_object_set_new(o, "person", json_string(seat->person));
	json_put(out, o);
	buf_putc(out, '\n');
	json_decref(o);
}

/* What a line asks for, as far as this program has to know. */
enum want { WANT_OTHER, WANT_STATEMENT, WANT_CANCEL, WANT_END, WANT_STOP };

static enum want
want_of(const char *line, size_t n)
{
	static const struct {
		const char *what;
		enum want want;
	} wants[] = { { "sql", WANT_STATEMENT }, { "describe", WANT_STATEMENT }, { "cancel", WANT_CANCEL },
		{ "end", WANT_END }, { "stop", WANT_STOP } };
	json_t *o = json_line_parse(line, n, NULL);
	const char *what = json_str(o, "do", NULL);
	enum want want = WANT_OTHER;

	for (size_t i = 0; what != NULL && i < sizeof wants / sizeof wants[0]; i++)
		if (strcmp(what, wants[i].what) == 0)
			want = wants[i].want;
	json_decref(o);
	return want;
}

static bool
begins(const char *line, size_t n, const char *with)
{
	return n >= strlen(with) && memcmp(line, with, strlen(with)) == 0;
}

/* A statement was answered; with a number of a read or request its event follows. */
static void
note_answer(struct pipe_state *p, const char *line, size_t n)
{
	json_t *re;

	if ((begins(line, n, "{\"re\":\"end\"") || begins(line, n, "{\"re\":\"stop\"")) &&
	    memmem(line, n, "\"ok\":false", 10) != NULL)
		p->ending = false;
	if (!begins(line, n, "{\"re\":\"sql\"") && !begins(line, n, "{\"re\":\"describe\""))
		return;
	p->asked -= p->asked > 0;
	re = json_line_parse(line, n, NULL);
	if (json_bool(re, "ok") && json_int(re, "n", 0) > (int64_t)p->last)
		p->awaits = (uint64_t)json_int(re, "n", 0);
	json_decref(re);
}

static bool
is_end(enum transcript_event_kind k)
{
	return k == TRANSCRIPT_EVENT_DONE || k == TRANSCRIPT_EVENT_COSTLY || k == TRANSCRIPT_EVENT_FAILED ||
	    k == TRANSCRIPT_EVENT_COMMITTED || k == TRANSCRIPT_EVENT_ROLLEDBACK || k == TRANSCRIPT_EVENT_UNKNOWN;
}

/* The kind of an event line. A string of it cannot look so: its quotes are escaped. */
static bool
kind_of(const char *line, size_t n, enum transcript_event_kind *kind)
{
	static const char member[] = "\"ev\":\"";
	const char *at = memmem(line, n, member, sizeof member - 1), *end;

	if (at == NULL)
		return false;
	at += sizeof member - 1;
	end = memchr(at, '"', n - (size_t)(at - line));
	return end != NULL && transcript_event_parse(at, (size_t)(end - at), kind);
}

/* True for events of which more than the kind matters here. */
static bool
matters(enum transcript_event_kind k)
{
	return k == TRANSCRIPT_EVENT_BEGIN || k == TRANSCRIPT_EVENT_JOINED || k == TRANSCRIPT_EVENT_LEFT ||
	    k == TRANSCRIPT_EVENT_PAUSED || k == TRANSCRIPT_EVENT_RESUMED || k == TRANSCRIPT_EVENT_ACCOUNT ||
	    k == TRANSCRIPT_EVENT_READ || k == TRANSCRIPT_EVENT_DESCRIBE || k == TRANSCRIPT_EVENT_RUN ||
	    k == TRANSCRIPT_EVENT_ENDED || is_end(k);
}

static bool
is_word(const json_t *ev, const char *key, const char *word)
{
	const char *s = json_str(ev, key, NULL);

	return s != NULL && strcmp(s, word) == 0;
}

/* Who is there, and whether the session stands still; false for other events. */
static bool
note_people(struct pipe_state *p, enum transcript_event_kind k, const json_t *ev)
{
	if (k == TRANSCRIPT_EVENT_BEGIN)
		p->needs_second = is_word(ev, "presence", "any");
	else if (k == TRANSCRIPT_EVENT_JOINED)
		p->seconds += is_word(ev, "seat", "confirmer");
	else if (k == TRANSCRIPT_EVENT_LEFT)
		p->seconds -= is_word(ev, "seat", "confirmer") && p->seconds > 0;
	else if (k == TRANSCRIPT_EVENT_PAUSED)
		p->stopped = p->stopped || json_str(ev, "only", NULL) == NULL;
	else if (k == TRANSCRIPT_EVENT_RESUMED)
		p->stopped = false;
	else
		return false;
	return true;
}

/* What an event means for what waits here. Those of rows are many and mean nothing. */
static void
note_event(struct pipe_state *p, const char *line, size_t n)
{
	enum transcript_event_kind k;
	json_t *ev;

	p->last = 0;
	for (size_t i = strlen("{\"n\":"); i < n && line[i] >= '0' && line[i] <= '9'; i++)
		p->last = p->last * 10 + (uint64_t)(line[i] - '0');
	if (p->last >= p->awaits)
		p->awaits = 0;
	if (!kind_of(line, n, &k))
		return;
	if (k == TRANSCRIPT_EVENT_ENDED) {
		p->ended = true;
		p->holds = p->stopped = false;
		p->runs = p->awaits = 0;
	}
	if (!matters(k))
		return;
	ev = json_line_parse(line, n, NULL);
	if (note_people(p, k, ev)) {
		;
	} else if (k == TRANSCRIPT_EVENT_ENDED) {
		const char *code = json_str(ev, "code", NULL);

		snprintf(p->ended_code, sizeof p->ended_code, "%s", code != NULL ? code : "");
	} else if (k == TRANSCRIPT_EVENT_ACCOUNT) {
		const json_t *refused = json_object_get(ev, "refused");

		/* with anything in it the session ends */
		p->holds = p->holds && !(json_is_array(refused) && json_array_size(refused) == 0);
		p->stopped = p->stopped || (p->needs_second && p->seconds == 0);	/* as the next event will say */
	} else if (k == TRANSCRIPT_EVENT_READ || k == TRANSCRIPT_EVENT_DESCRIBE) {
		p->runs = (uint64_t)json_int(ev, "n", 0);
	} else if (k == TRANSCRIPT_EVENT_RUN) {
		p->runs = (uint64_t)json_int(ev, "of", 0);
	} else if (json_int(ev, "of", 0) == (int64_t)p->runs) {
		p->runs = 0;
	}
	json_decref(ev);
}

static void
note_line(struct pipe_state *p, const char *line, size_t n)
{
	if (begins(line, n, "{\"n\":"))
		note_event(p, line, n);
	else if (begins(line, n, "{\"re\":"))
		note_answer(p, line, n);
}

/* Statements of this driver wait here, for the database or for a second person. */
static bool
is_held(const struct pipe_state *p)
{
	return p->holds || (p->drives && p->stopped);
}

/* Something of this driver runs, or may do so at any moment. */
static bool
is_busy(const struct pipe_state *p)
{
	return p->drives && !p->ended && !link_is_lost(p->link) && (p->asked > 0 || p->awaits != 0 || p->runs != 0);
}

static bool
send_in(struct pipe_state *p, const char *line, size_t n)
{
	enum want want;

	if (n == 0)
		return true;
	want = want_of(line, n);
	/* a script need not wait for the database by itself; nothing runs after "end" */
	if (want == WANT_STATEMENT && (is_held(p) || buf_len(&p->end) > 0))
		return false;
	if (want == WANT_END && is_busy(p)) {
		/* it would cancel what runs, which a script does not mean: it goes after that, and "cancel" before it */
		buf_reset(&p->end);
		buf_put(&p->end, line, n);
		return true;
	}
	if (!link_send_line(p->link, line, n))
		return false;
	p->asked += want == WANT_STATEMENT;
	/* after these the broker has the last word: no "leave" cuts it short */
	p->ending = p->ending || want == WANT_END || want == WANT_STOP;
	return true;
}

/* "end" that waited for the end of what ran. */
static void
send_end(struct pipe_state *p)
{
	if (buf_len(&p->end) == 0 || is_busy(p) || !link_send_line(p->link, buf_data(&p->end), buf_len(&p->end)))
		return;
	buf_reset(&p->end);
	p->ending = true;
}

/* Requests of standard input; a last line without LF counts too. */
static int
pass_in(struct pipe_state *p, struct err *e)
{
	const char *line;
	size_t n;

	send_end(p);
	while (io_line(&p->in, &line, &n)) {
		if (!send_in(p, line, n))
			return 0;	/* the link takes no more now: the line stays */
		buf_consume(&p->in, n + 1);
	}
	if (buf_len(&p->in) > LINK_REQUEST_MAX)
		return err_set(e, ERR_TOO_LARGE, "a line on standard input is over %d bytes", LINK_REQUEST_MAX);
	if (!p->in_ended || p->left)
		return 0;
	if (!send_in(p, buf_data(&p->in), buf_len(&p->in)) && is_held(p))
		return 0;
	buf_reset(&p->in);
	if (p->ending || is_busy(p) || buf_len(&p->end) > 0)
		return 0;
	link_send(p->link, "leave", NULL);
	p->left = true;
	return 0;
}

static void
pass_out(struct pipe_state *p)
{
	const char *line;
	size_t n;

	while (buf_len(&p->out) < OUT_LOW && link_next(p->link, &line, &n) != LINK_NOTHING) {
		note_line(p, line, n);
		buf_put(&p->out, line, n);
		buf_putc(&p->out, '\n');
	}
}

/* Writes what standard output takes; false when nobody reads it any more. */
static bool
write_out(struct pipe_state *p)
{
	while (buf_len(&p->out) > 0) {
		struct pollfd f = { .fd = STDOUT_FILENO, .events = POLLOUT };
		size_t n = buf_len(&p->out) < 4096 ? buf_len(&p->out) : 4096;
		ssize_t w;

		if (poll(&f, 1, 0) <= 0)
			return true;
		/* at most PIPE_BUF, so that a blocking pipe that polls writable does not block */
		w = write(STDOUT_FILENO, buf_data(&p->out), n);
		if (w < 0 && (errno == EINTR || errno == EAGAIN))
			continue;
		if (w < 0)
			return false;
		buf_consume(&p->out, (size_t)w);
	}
	return true;
}

static void
wait_for_any(const struct pipe_state *p)
{
	bool more = buf_len(&p->out) < OUT_LOW;
	struct pollfd f[3] = {
		{ .fd = p->in_ended || buf_len(&p->in) > LINK_REQUEST_MAX ? -1 : STDIN_FILENO, .events = POLLIN },
		{ .fd = link_fd(p->link), .events = (short)(link_events(p->link) & (more ? ~0 : ~POLLIN)) },
		{ .fd = buf_len(&p->out) > 0 ? STDOUT_FILENO : -1, .events = POLLOUT },
	};

	if (link_is_lost(p->link))
		f[1].fd = -1;
	poll(f, 3, -1);
}

static void
read_in(struct pipe_state *p)
{
	struct pollfd f = { .fd = STDIN_FILENO, .events = POLLIN };
	enum io_got got;

	if (p->in_ended || buf_len(&p->in) >= IN_MAX || poll(&f, 1, 0) <= 0)
		return;
	got = io_fill(STDIN_FILENO, &p->in);
	p->in_ended = got == IO_GOT_END || got == IO_GOT_ERROR;
}

static int
run_pipe(struct pipe_state *p, struct err *e)
{
	bool waited;
	int ret = 0;

	while (ret == 0) {
		waited = is_held(p) || is_busy(p);
		read_in(p);
		ret = pass_in(p, e);
		if (buf_len(&p->out) < OUT_LOW)
			link_pump(p->link);
		pass_out(p);
		if (waited && !is_held(p) && !is_busy(p))
			continue;	/* what waited here can go now */
		if (!write_out(p))
			return err_set(e, ERR_CLOSED, "nobody reads standard output any more");
		if (link_is_lost(p->link) && buf_len(&p->out) == 0) {
			pass_out(p);
			if (buf_len(&p->out) > 0)
				continue;
			return p->left || p->ended ? 0 : err_set(e, ERR_CLOSED,
			    "the link to the broker was lost: %s", link_why(p->link));
		}
		wait_for_any(p);
	}
	return ret;
}

int
seat_json(const struct seat_wish *w, struct err *e)
{
	struct pipe_state p = { .link = seat_connect(w, true, e) };
	struct seat seat;
	int ret;

	if (p.link == NULL)
		return e->code;
	ret = seat_take(p.link, w, &seat, e);
	buf_init(&p.in, IN_MAX);
	buf_init(&p.end, IN_MAX);
	buf_init(&p.out, SIZE_MAX / 2);
	if (ret == 0) {
		put_seat(&p.out, &seat);
		p.holds = p.drives = seat.kind == SEAT_DRIVER;
		ret = run_pipe(&p, e);
		if (ret == 0)
			ret = seat_ended(p.ended_code, NULL, e);
	}
	buf_fini(&p.in);
	buf_fini(&p.end);
	buf_fini(&p.out);
	link_close(p.link);
	return ret;
}
