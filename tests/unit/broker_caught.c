/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include <event2/event.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "broker_caught.h"

#include "broker/slice.h"
#include "twokey/base/buf.h"
#include "twokey/base/cap.h"
#include "twokey/base/err.h"
#include "twokey/base/json.h"

struct world *world;

struct submission *__wrap_session_record(struct session *s, enum transcript_event_kind kind, json_t *ev, struct packet_body *b,
	    size_t nb);
void	__wrap_console_answer(struct console *c, const char *re, const json_t *id, bool ok, json_t *fields);
void	__wrap_console_refuse(struct console *c, const char *re, const json_t *id, int code, const char *why);
size_t	__wrap_channel_backlog(const struct channel *c);

size_t
__wrap_channel_backlog(const struct channel *c)
{
	(void)c;
	return 0;
}

struct submission *
__wrap_session_record(struct session *s, enum transcript_event_kind kind, json_t *ev, struct packet_body *b, size_t nb)
{
	struct submission *sub = calloc(1, sizeof *sub);

	assert_non_null(sub);
	assert_non_null(ev);
	strcat(world->events, world->events[0] != '\0' ? " " : "");
	strcat(world->events, transcript_event_rule(kind)->name);
	json_decref(ev);
	packet_bodies_free(b, nb);
	*s->last_sub = sub;
	s->last_sub = &sub->next;
	return sub;
}

void
__wrap_console_answer(struct console *c, const char *re, const json_t *id, bool ok, json_t *fields)
{
	(void)c, (void)re, (void)id;
	json_decref(fields);
	assert_true(ok);
	world->answers++;
}

void
__wrap_console_refuse(struct console *c, const char *re, const json_t *id, int code, const char *why)
{
	(void)c, (void)re, (void)id;
	assert_true(code != 0 && why != NULL && strlen(why) > 8);
	world->refusals++;
}

void
recorded(void)
{
	struct session *s = &world->s;

	while (s->first != NULL) {
		struct submission *sub = s->first;

		s->first = sub->next;
		if (s->first == NULL)
			s->last_sub = &s->first;
		world->n++;
		if (sub->then != NULL)
			sub->then(s, sub, world->n);
		json_decref(sub->id);
		free(sub);
	}
}

void
says(enum ticket_seat seat, const char *fmt, ...)
{
	char line[1024];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(line, sizeof line, fmt, ap);
	va_end(ap);
	world->events[0] = '\0';
	world->answers = world->refusals = 0;
	session_dispatch(world->seat[seat], line, strlen(line));
}

/* --- a session in a state ------------------------------------------------------------------------------------- */

static const char slice[] = "{\"store\":\"\",\"request_seconds\":300,\"away_seconds\":120,\"set_seconds\":300,\"account_names\":[],"
    "\"people\":[{\"name\":\"ben\",\"side\":\"firm\",\"logins\":[\"b\"],\"seats\":7,\"json\":true},"
    "{\"name\":\"anna\",\"side\":\"customer\",\"logins\":[\"a\"],\"seats\":7,\"json\":true},"
    "{\"name\":\"kim\",\"side\":\"firm\",\"logins\":[\"k\"],\"seats\":7,\"json\":true}],"
    "\"targets\":[{\"name\":\"shop\",\"engine\":\"postgres\",\"stage\":\"production\"}]}";
static const char *const people[TICKET_SEATS] = { "ben", "anna", "kim" };

static void
nobody(evutil_socket_t fd, short what, void *arg)
{
	(void)fd, (void)what, (void)arg;
}

static void
sit(enum ticket_seat seat)
{
	struct console *c = calloc(1, sizeof *c);

	assert_non_null(c);
	*c = (struct console){ .id = 1 + (uint64_t)seat, .s = &world->s, .seat = seat, .json = true, .may_answer_json = true,
	    .side = seat == TICKET_SEAT_CONFIRMER ? TICKET_SIDE_CUSTOMER : TICKET_SIDE_FIRM, .loginuid = -1, .audit = -1,
	    .seen_ms = clock_mono_ms(), .talk = SESSION_TALK_BURST, .talk_ms = clock_mono_ms() };
	strcpy(c->person, people[seat]);
	c->next = world->s.consoles;
	world->s.consoles = c;
	world->s.nconsoles++;
	world->seat[seat] = c;
}

void
begin(const struct level *l)
{
	char text[600];
	json_t *config = json_loads(slice, 0, NULL);
	struct err e;

	world = calloc(1, sizeof *world);
	assert_non_null(world);
	snprintf(text, sizeof text, "id: T-1\ntitle: orders\ntarget: shop\naccess: %s\nstage: %s\npeople:\n  - {name: ben, seat: driver}\n"
	    "  - {name: anna, seat: confirmer}\n  - {name: kim, seat: watcher}\napprover: anna\nsecond_key: any\n"
	    "expires: 2036-01-01T00:00:00Z\n", l->access, l->stage);
	if (ticket_parse(text, strlen(text), "ticket", &world->s.ticket, &e) != 0)
		fail_msg("%s", e.text);
	world->s.config = slice_read(config);
	assert_non_null(world->s.config);
	json_decref(config);
	world->s.base = event_base_new();
	world->s.end_timer = evtimer_new(world->s.base, nobody, NULL);
	world->s.facts = calloc(1, sizeof *world->s.facts);
	world->s.last_sub = &world->s.first;
	world->s.ends = calloc(1024, sizeof *world->s.ends);
	world->s.ends_cap = 1024;
	world->s.file = -1;
	world->s.state = SESSION_READY;
	world->s.caps = CAP_BIT(CAPS) - 1;
	world->s.sql.engine = SQL_POSTGRES;
	world->n = 10;
	for (int seat = 0; seat < TICKET_SEATS; seat++)
		sit((enum ticket_seat)seat);
}

void
over(void)
{
	struct session *s = &world->s;

	recorded();
	while (s->consoles != NULL) {
		struct console *c = s->consoles;

		s->consoles = c->next;
		free(c);
	}
	for (size_t i = 0; i < SESSION_REQUESTS_MAX; i++)
		free(s->slots[i].r);
	for (size_t i = 0; i < s->set.nv; i++)
		free(s->set.v[i].sql);
	ticket_free(s->ticket);
	config_free(s->config);
	event_free(s->end_timer);
	event_base_free(s->base);
	free(s->facts);
	free(s->ends);
	free(world);
	world = NULL;
}

static const char zeros[] = "0000000000000000000000000000000000000000000000000000000000000000";

static void
db_says(enum transcript_event_kind kind, json_t *ev)
{
	world->n++;
	session_event(&world->s, kind, ev, world->n);
	json_decref(ev);
}

/* Time passes for who has it open. */
static void
read_it(struct gate_request *r)
{
	says(TICKET_SEAT_CONFIRMER, "{\"do\":\"opened\",\"of\":%llu,\"last\":true}", (unsigned long long)r->n);
	assert_string_equal(world->events, "opened");
	recorded();
	for (size_t i = 0; i < r->nopened; i++) {
		r->opened[i].at_ms -= 60000;
		r->opened[i].last_ms -= 60000;
	}
}

static void
allow(const struct gate_request *r, const char *typed)
{
	char digest[DIGEST_HEX + 1], bind[DIGEST_HEX + 1];

	digest_hex(&r->digest, digest);
	digest_hex(&r->bind, bind);
	says(TICKET_SEAT_CONFIRMER, "{\"do\":\"allow\",\"of\":%llu,\"digest\":\"%s\",\"bind\":\"%s\",\"typed\":\"%s\"}",
	    (unsigned long long)r->n, digest, bind, typed);
	recorded();
}

static void
sheet(uint64_t n)
{
	db_says(TRANSCRIPT_EVENT_SHEET, json_pack("{s:I, s:i, s:s, s:s, s:[]}", "of", (json_int_t)n, "count", 1, "bind", zeros,
	    "keys", zeros, "dangers"));
}

static void
hold(uint64_t n)
{
	char until[CLOCK_TEXT];

	clock_format(clock_wall_us() + 60 * INT64_C(1000000), until);
	db_says(TRANSCRIPT_EVENT_HELD, json_pack("{s:I, s:i, s:s, s:s}", "of", (json_int_t)n, "affected", 1, "bind", zeros,
	    "until", until));
}

uint64_t
bring(enum place to, enum transcript_event_kind end)
{
	struct gate_request *r;
	uint64_t n;

	if (to == NONE)
		return 999;
	says(TICKET_SEAT_DRIVER, "{\"do\":\"sql\",\"text\":\"update orders set note = 'w' where id = 1\",\"rows\":\"= 1\"}");
	assert_string_equal(world->events, "request");
	recorded();
	n = world->n;
	r = session_request(&world->s, n);
	assert_non_null(r);
	if (to == ASKED)
		return n;
	sheet(n);
	assert_true(r->sheet);
	if (to == SHOWN)
		return n;
	if (to == OPENED) {
		says(TICKET_SEAT_CONFIRMER, "{\"do\":\"opened\",\"of\":%llu,\"last\":true}", (unsigned long long)n);
		recorded();
		return n;
	}
	read_it(r);
	if (to == RIPE)
		return n;
	allow(r, "orders 1");
	assert_int_equal(r->state, GATE_STATE_EXECUTING);
	if (to == RUNNING)
		return n;
	if (to == OVER) {
		db_says(end, json_pack("{s:I}", "of", (json_int_t)n));
		assert_null(session_request(&world->s, n));
		return n;
	}
	hold(n);
	assert_int_equal(r->state, GATE_STATE_HOLD);
	if (to == HELD)
		return n;
	read_it(r);
	if (to == HELD_RIPE)
		return n;
	if (to == KEEPING) {
		allow(r, "keep orders 1");
		assert_int_equal(r->state, GATE_STATE_KEEPING);
	} else {
		says(TICKET_SEAT_DRIVER, "{\"do\":\"withdraw\",\"of\":%llu}", (unsigned long long)n);
		recorded();
		assert_int_equal(r->state, GATE_STATE_UNDOING);
	}
	return n;
}
