/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The consoles of a session. A console's outbox is an offset into the transcript: a slow one is late and
 * nothing more; late join, reconnect and live view are the same code. */
#include "config.h"

#include <event2/event.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "twokey/base/buf.h"
#include "twokey/base/clock.h"
#include "twokey/base/err.h"
#include "twokey/base/io.h"
#include "twokey/base/json.h"
#include "twokey/base/log.h"
#include "twokey/base/must.h"

#include "answer.h"
#include "session.h"

enum {
	LINE_MAX_IN = 1024 * 1024,
	CHUNK = 64 * 1024,
	CHUNKS_PER_TURN = 8,
	ANSWERS_HOLD = 128 * 1024,	/* a console that does not read its answers is not heard */
	OUT_MAX = 8 * 1024 * 1024
};

struct console *
console_find(struct session *s, uint64_t id)
{
	for (struct console *c = s->consoles; c != NULL; c = c->next)
		if (c->id == id)
			return c;
	return NULL;
}

struct console *
console_driver(struct session *s)
{
	for (struct console *c = s->consoles; c != NULL; c = c->next)
		if (c->seat == TICKET_SEAT_DRIVER)
			return c;
	return NULL;
}

static void
send_object(struct console *c, json_t *o)
{
	channel_send_json(c->channel, o, -1);
	if (channel_backlog(c->channel) > ANSWERS_HOLD)
		channel_hold(c->channel, true);
}

void
console_answer(struct console *c, const char *re, const json_t *id, bool ok, json_t *fields)
{
	send_object(c, answer_make(re, id, ok, fields));
}

void
console_refuse(struct console *c, const char *re, const json_t *id, int code, const char *why)
{
	send_object(c, answer_refuse(re, id, code, why));
}

void
console_bye(struct console *c, const char *code, const char *why)
{
	json_t *o = answer_bye(code, why);

	if (c->s->sealed && c->s->head[0] != '\0') {
		json_object_set_new(o, "head", json_string(c->s->head));
		json_object_set_new(o, "events", json_integer((json_int_t)c->s->last));
	}
	if (c->said_bye)
		json_decref(o);
	else
		send_object(c, o);
	c->said_bye = true;
	if (channel_backlog(c->channel) == 0)
		console_leave(c, code);
}

/* Keeps the event lines of a chunk of whole lines. */
static void
drop_bodies(struct buf *b)
{
	struct buf kept;
	const char *line;
	size_t n;

	buf_init(&kept, buf_len(b));
	while (io_line(b, &line, &n)) {
		if (n > 5 && memcmp(line, "{\"s\":", 5) != 0)
			buf_put(&kept, line, n + 1);
		buf_consume(b, n + 1);
	}
	buf_reset(b);
	buf_put(b, buf_data(&kept), buf_len(&kept));
	buf_fini(&kept);
}

/* Reads whole lines of the transcript from *from up to to, at least one if there is one. False on error. */
static bool
read_lines(struct console *c, uint64_t *from, uint64_t to, struct buf *b)
{
	size_t want = CHUNK;

	for (;;) {
		size_t n = to - *from < want ? (size_t)(to - *from) : want;
		char *room = buf_room(b, n);
		const char *last;
		ssize_t r;

		if (room == NULL)
			return false;
		r = pread(c->s->file, room, n, (off_t)*from);
		if (r <= 0)
			return false;
		last = memrchr(room, '\n', (size_t)r);
		if (last != NULL) {
			buf_added(b, (size_t)(last - room) + 1);
			*from += buf_len(b);
			return true;
		}
		if ((uint64_t)r == to - *from)
			return false;	/* recorded bytes always end with a line */
		want *= 2;
	}
}

static bool
pump_range(struct console *c, uint64_t *from, uint64_t to, bool bodies)
{
	struct buf b;
	bool ok;

	buf_init(&b, 2 * TRANSCRIPT_LINE_MAX);
	ok = read_lines(c, from, to, &b);
	if (ok && !bodies)
		drop_bodies(&b);
	if (ok)
		channel_send(c->channel, buf_data(&b), buf_len(&b));
	buf_fini(&b);
	return ok;
}

void
console_pump(struct console *c)
{
	struct session *s = c->s;
	int chunks = 0;

	while (s->file >= 0 && channel_backlog(c->channel) == 0) {
		bool ok = true;

		/* a reader that keeps up with a long file must not keep the others waiting */
		if (chunks++ == CHUNKS_PER_TURN) {
			channel_poke(c->channel);
			return;
		}
		if (c->body_from < c->body_to)
			ok = pump_range(c, &c->body_from, c->body_to, true);
		else if (c->offset < s->end)
			ok = pump_range(c, &c->offset, s->end, c->bodies);
		else
			break;
		if (!ok) {
			console_bye(c, "system", "the transcript could not be read");
			return;
		}
	}
	if (s->sealed && c->offset >= s->end && channel_backlog(c->channel) == 0)
		console_bye(c, s->open ? "open" : "ended", s->open ? "the session is over, but what became of a change is not known; "
		    "it stands in the lobby until somebody settles it (twokey settle), then the transcript is sealed" :
		    "the session is over");
}

void
console_pump_all(struct session *s)
{
	struct console *next;

	for (struct console *c = s->consoles; c != NULL; c = next) {
		next = c->next;
		console_pump(c);
	}
}

static bool
on_line(void *ctx, struct channel *ch, const char *line, size_t n)
{
	struct console *c = ctx;

	(void)ch;
	session_dispatch(c, line, n);
	return true;
}

/* Takes the console out of the session; the channel is freed by its owner. */
static void
forget(struct console *c, const char *code)
{
	struct session *s = c->s;
	struct console **p = &s->consoles;

	while (*p != c)
		p = &(*p)->next;
	*p = c->next;
	s->nconsoles--;
	s->empty_since_ms = clock_mono_ms();
	for (size_t i = 0; i < SESSION_REQUESTS_MAX; i++)
		if (s->slots[i].r != NULL)
			gate_request_closed(s->slots[i].r, c->person);
	if (s->state != SESSION_ENDING) {
		session_record(s, TRANSCRIPT_EVENT_LEFT, json_pack("{s:s, s:s, s:s}", "by", c->person,
		    "seat", ticket_seat_name(c->seat), "code", code), NULL, 0);
		if (c->seat == TICKET_SEAT_DRIVER) {
			session_set_drop(s, c->person, "driver-left");
			session_void_all(s, "driver-left");
		}
		if (c->seat == TICKET_SEAT_DRIVER && s->running != 0)
			session_record(s, TRANSCRIPT_EVENT_CANCEL, json_pack("{s:I, s:s}", "of",
			    (json_int_t)s->running, "by", c->person), NULL, 0);
		session_second_left(s, c);
	}
	session_status(s);
	free(c);
	if (s->sealed && s->consoles == NULL)
		event_base_loopbreak(s->base);
}

static void
on_closed(void *ctx, struct channel *ch)
{
	(void)ch;
	forget(ctx, "closed");
}

static void
on_drained(void *ctx, struct channel *ch)
{
	struct console *c = ctx;

	channel_hold(ch, false);
	if (c->said_bye)
		console_leave(c, "bye");
	else
		console_pump(c);
}

void
console_leave(struct console *c, const char *code)
{
	channel_close(c->channel);
	forget(c, code);
}

static struct seat_login
login_of(const struct console *c)
{
	struct seat_login l = { .seat = c->seat, .loginuid = c->loginuid, .audit = c->audit };

	memcpy(l.person, c->person, sizeof l.person);
	return l;
}

/* For whom the session was begun: who hears why it ended, also when that was before the front brought him. */
static bool
is_opener(const struct console *c)
{
	return c->id == 1;
}

/* Law 3: one person, one seat; and one login session is one person, also when he comes after another has left. */
static const char *
seat_taken(struct session *s, const struct console *c)
{
	struct seat_login l = login_of(c);
	const char *why;

	for (struct console *o = s->consoles; o != NULL; o = o->next) {
		if (strcmp(o->person, c->person) == 0)
			return "this person is in the session already, on another terminal; leave there first";
		if (c->seat == TICKET_SEAT_DRIVER && o->seat == TICKET_SEAT_DRIVER)
			return "the driver's seat is taken; a session has one driver at a time";
	}
	why = s->demo ? NULL : seats_refusal(s->logins, &l, s->ticket->quorum != TICKET_QUORUM_ONE);
	if (why != NULL)
		return why;
	if (s->nconsoles >= SESSION_CONSOLES_MAX)
		return "the session has as many consoles as it takes";
	if (s->state == SESSION_ENDING && !is_opener(c))
		return "the session is over";
	return NULL;
}

/* The front is believed neither who is at the other end (the kernel told this socket) nor what seat the
 * ticket gives; in a demo one login has all seats. */
static bool
is_person(const struct session *s, int fd, const struct config_person *p, enum ticket_seat seat)
{
	enum ticket_seat named;
	struct ucred cred;
	socklen_t len = sizeof cred;
	const struct passwd *pw;

	if (!ticket_seat_of(s->ticket, p->name, &named) || (seat != named && seat != TICKET_SEAT_WATCHER))
		return false;
	if (s->demo)
		return true;
	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &len) != 0)
		return false;
	pw = getpwuid(cred.uid);
	return pw != NULL && config_person_of_login(s->config, pw->pw_name) == p;
}

/* False when the front may not bring this console. */
static bool
read_how(struct console *c, const json_t *how, int fd)
{
	const char *person = json_str(how, "person", NULL), *seat = json_str(how, "seat", NULL);
	const struct config_person *p = person != NULL ? config_person(c->s->config, person) : NULL;

	if (p == NULL || seat == NULL || !ticket_seat_parse(seat, &c->seat) ||
	    json_str(how, "re", NULL) == NULL || json_str(how, "login", NULL) == NULL ||
	    !is_person(c->s, fd, p, c->seat))
		return false;
	strncpy(c->person, person, sizeof c->person - 1);
	c->side = p->side;
	c->may_answer_json = p->may_answer_json;
	c->json = json_bool(how, "json");
	c->bodies = json_bool(how, "bodies");
	c->loginuid = json_int(how, "loginuid", -1);
	c->audit = json_int(how, "audit", -1);
	c->remote = json_bool(how, "remote");
	c->seen_ms = c->talk_ms = clock_mono_ms();
	if (json_int(how, "from", 1) > 1)	/* a console comes again by itself: that is nobody's key */
		c->seen_ms -= ((int64_t)c->s->config->away_seconds + 1) * 1000;
	c->talk = SESSION_TALK_BURST;
	return true;
}

static void
welcome(struct console *c, const json_t *how)
{
	struct session *s = c->s;
	struct seat_login l = login_of(c);
	int64_t from = json_int(how, "from", 1);
	json_t *ev;

	if (from > 1)
		c->offset = (uint64_t)from - 1 <= s->last ? s->ends[from - 1] : s->end;
	console_answer(c, json_str(how, "re", NULL), json_object_get(how, "id"), true, json_pack("{s:s, s:s}",
	    "session", s->id, "seat", ticket_seat_name(c->seat)));
	if (s->state == SESSION_ENDING) {
		console_pump(c);	/* nobody joins what has ended */
		return;
	}
	ev = json_pack("{s:s, s:s, s:s, s:s, s:I}", "by", c->person, "seat", ticket_seat_name(c->seat),
	    "side", ticket_side_name(c->side), "login", json_str(how, "login", NULL),
	    "uid", (json_int_t)json_int(how, "uid", -1));
	if (s->demo)
		json_object_set_new(ev, "unverified", json_true());
	if (c->remote)
		json_object_set_new(ev, "remote", json_true());
	seats_note(&s->logins, &l);
	session_record(s, TRANSCRIPT_EVENT_JOINED, ev, NULL, 0);
	session_look(s, "absent", NULL);	/* a driver for whom those who are here may not turn the key */
	session_status(s);
	console_pump(c);
}

void
console_adopt(struct session *s, const json_t *how, int fd)
{
	static const struct channel_ops ops = { on_line, on_closed, on_drained };
	struct console *c = must_zalloc(sizeof *c);
	const char *why;
	struct buf rest;

	c->s = s;
	c->id = ++s->next_console;
	if (!read_how(c, how, fd)) {
		log_line(LOG_LEVEL_ERROR, "the front brought a console that is not the person it names");
		close(fd);
		free(c);
		return;
	}
	why = seat_taken(s, c);
	c->channel = channel_open(s->base, fd, LINE_MAX_IN, OUT_MAX, &ops, c);
	c->next = s->consoles;
	s->consoles = c;
	s->nconsoles++;
	if (why != NULL) {
		/* it never was in a seat, so it never left one: answered and closed */
		console_refuse(c, json_str(how, "re", NULL), json_object_get(how, "id"), ERR_SEAT, why);
		channel_close(c->channel);
		s->consoles = c->next;
		s->nconsoles--;
		free(c);
		return;
	}
	buf_init(&rest, LINE_MAX_IN);
	if (json_get_bytes(how, "rest", &rest) == 0 && buf_len(&rest) > 0)
		channel_preload(c->channel, buf_data(&rest), buf_len(&rest));
	buf_fini(&rest);
	welcome(c, how);
}
