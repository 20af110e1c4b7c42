/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "console_world.h"

#include "twokey/base/clock.h"
#include "twokey/base/digest.h"
#include "twokey/base/err.h"
#include "twokey/base/io.h"
#include "twokey/base/json.h"
#include "twokey/base/must.h"
#include "twokey/console/link.h"
#include "twokey/sql/facts.h"
#include "twokey/transcript/writer.h"

#include "console/editor.h"

enum { BODIES_MAX = 4 };

/* 2026-06-08 14:00:00 UTC */
#define BEGIN_US INT64_C(1780927200000000)

static void
send_new_lines(struct world *w)
{
	char bytes[65536];
	ssize_t n;

	while ((n = pread(w->reader, bytes, sizeof bytes, w->sent)) > 0) {
		/* the recorder's reserve is allocated, not written: the file ends where the lines do */
		assert_int_equal(io_write_all(w->broker, bytes, (size_t)n, NULL), 0);
		w->sent += n;
	}
}

static uint64_t
append(struct world *w, enum transcript_event_kind kind, json_t *fields, const struct transcript_body *bodies, size_t n)
{
	struct transcript_when when = { .wall_us = w->wall_us, .mono_ms = w->mono_ms };
	json_t *ev = json_pack("{s:s}", "ev", transcript_event_rule(kind)->name);
	struct transcript_place place;
	struct err e = { 0 };

	if (fields != NULL)
		json_object_update(ev, fields);
	json_decref(fields);
	if (transcript_append(w->writer, when, kind, ev, bodies, n, &place, &e) != 0)
		fail_msg("%s: %s", transcript_event_rule(kind)->name, e.text);
	json_decref(ev);
	send_new_lines(w);
	w->mono_ms += LIVE_FRAME_MS;
	world_round(w);
	return place.n;
}

uint64_t
world_event(struct world *w, enum transcript_event_kind kind, json_t *fields, const char *body, const char *text)
{
	struct transcript_body b = { 0 };
	char *json = NULL;
	json_t *o;
	uint64_t n;

	if (body != NULL) {
		o = json_pack("{s:s}", "k", body);
		json_set_bytes(o, "text", text, strlen(text));
		json = json_dumps(o, JSON_COMPACT);
		json_decref(o);
		b.json = json;
		b.n = strlen(json);
	}
	n = append(w, kind, fields, &b, body != NULL);
	free(json);
	return n;
}

uint64_t
world_event_bodies(struct world *w, enum transcript_event_kind kind, json_t *fields, ...)
{
	struct transcript_body b[BODIES_MAX];
	size_t n = 0;
	va_list ap;

	va_start(ap, fields);
	while ((b[n].json = va_arg(ap, const char *)) != NULL) {
		b[n].n = strlen(b[n].json);
		n++;
	}
	va_end(ap);
	return append(w, kind, fields, b, n);
}

static json_t *
tables(const char *name)
{
	return json_pack("[s]", name);
}

uint64_t
world_request(struct world *w, const char *sql)
{
	struct digest d = digest_of(sql, strlen(sql)), bind = digest_of("bind", 4);
	char hex[DIGEST_HEX + 1], bind_hex[DIGEST_HEX + 1], until[CLOCK_TEXT], *bodies[2];
	json_t *o;
	uint64_t n;

	digest_hex(&d, hex);
	digest_hex(&bind, bind_hex);
	clock_format(w->wall_us + 300 * INT64_C(1000000), until);
	o = json_pack("{s:s, s:s}", "k", "sql", "text", sql);
	bodies[0] = json_dumps(o, JSON_COMPACT);
	json_decref(o);
	n = world_event_bodies(w, TRANSCRIPT_EVENT_REQUEST, json_pack(
	    "{s:s, s:s, s:s, s:s, s:o, s:[], s:s, s:i, s:s, s:s}", "by", "ben", "class", "write", "verb", "UPDATE",
	    "digest", hex, "tables", tables("orders"), "dangers", "op", "=", "rows", 3, "table", "orders",
	    "until", until), bodies[0], "{\"k\":\"reason\",\"text\":\"step 3, webhook lost\"}", NULL);
	free(bodies[0]);
	world_event_bodies(w, TRANSCRIPT_EVENT_SHEET, json_pack(
	    "{s:I, s:s, s:i, s:s, s:s, s:[], s:[], s:[], s:i, s:s}", "of", (json_int_t)n, "how", "derived", "count", 3,
	    "bind", bind_hex, "keys", bind_hex, "dangers", "triggers", "cascades", "table_rows", 500, "undo", "none"),
	    "{\"k\":\"sample\",\"cols\":[{\"name\":\"id\",\"type\":\"int\"},{\"name\":\"status\",\"type\":\"text\"},"
	    "{\"name\":\"status (new)\",\"type\":\"text\"}],\"rows\":[[4211,\"new\",\"paid\"],[4212,\"new\",\"paid\"],"
	    "[4213,\"new\",\"paid\"]]}", NULL);
	return n;
}

/* What every session begins with. */
static void
open_session(struct world *w)
{
	struct digest d = digest_of("ticket", 6);
	char hex[DIGEST_HEX + 1];
	json_t *begin;

	digest_hex(&d, hex);
	begin = json_pack(
	    "{s:i, s:s, s:s, s:s, s:s, s:s, s:s, s:b, s:s, s:s, s:[{s:s, s:s, s:s}, {s:s, s:s, s:s}], s:s, s:s}",
	    "v", 1, "session", "s-test", "ticket", "MFX-1234", "digest", hex, "access", "write",
	    "stage", "production", "broker", "private", "unverified", !w->verified, "target", "shop", "engine", "sqlite",
	    "people", "person", "ben", "side", "firm", "seat", "driver", "person", "anna", "side", "customer",
	    "seat", "confirmer", "results", "full", "expires", "2026-06-08T16:00:00.000000Z");
	if (w->signs)
		json_object_set_new(json_array_get(json_object_get(begin, "people"), 1), "keys", json_pack("[s]", "SHA256:anna"));
	if (w->asks) {
		json_object_set_new(begin, "answer_from", json_string("other_host"));
		json_object_set_new(begin, "hold", json_string("always"));
	}
	world_event(w, TRANSCRIPT_EVENT_BEGIN, begin, "ticket", "id: MFX-1234");
	world_event(w, TRANSCRIPT_EVENT_CONNECTED, json_pack("{s:s, s:s, s:s, s:s, s:[s, s, s, s]}",
	    "engine", "sqlite", "version", "3.40.1", "database", "/srv/shop.db", "role", "",
	    "caps", "read-wall", "transaction", "rehearsal", "cancel"), NULL, NULL);
	world_event(w, TRANSCRIPT_EVENT_JOINED, json_pack("{s:s, s:s, s:s}", "by", "ben", "seat", "driver",
	    "side", "firm"), NULL, NULL);
	world_event(w, TRANSCRIPT_EVENT_JOINED, json_pack("{s:s, s:s, s:s}", "by", "anna", "seat", "confirmer",
	    "side", "customer"), NULL, NULL);
}

static void
begin_screen(struct world *w, enum seat_kind kind, int rows, int cols)
{
	const struct sql_settings set = { .engine = SQL_SQLITE };
	struct seat seat = { .kind = kind, .session = "s-test" };
	struct err e;
	int fds[2];

	snprintf(seat.person, sizeof seat.person, "%s", kind == SEAT_DRIVER ? "ben"
	    : kind == SEAT_CONFIRMER ? "anna" : "kim");
	assert_int_equal(io_pair(fds, &e), 0);
	w->broker = fds[1];
	io_nonblock(w->broker);
	w->screen = screen_open_headless(rows, cols);
	live_init(&w->lv, w->screen, link_adopt(fds[0]), &seat);
	w->lv.wish.drive = kind == SEAT_DRIVER;
	w->lv.editor = editor_create(&set, NULL);
	w->lv.view = kind == SEAT_DRIVER ? &live_driver : &live_confirmer;
	w->lv.own = kind == SEAT_DRIVER ? driver_create(&w->lv) : confirmer_create(&w->lv);
	w->lv.view->prompt(&w->lv);
}

static struct world *
begin(enum seat_kind kind, int rows, int cols, bool verified, bool signs, bool asks)
{
	struct world *w = must_zalloc(sizeof *w);
	struct err e = { 0 };

	w->verified = verified;
	w->signs = signs;
	w->asks = asks;
	w->wall_us = BEGIN_US;
	w->mono_ms = 1000000;
	buf_init(&w->in, 16 << 20);
	buf_init(&w->text, 1 << 20);
	strcpy(w->dir, "/tmp/twokey-world-XXXXXX");
	assert_non_null(mkdtemp(w->dir));
	snprintf(w->path, sizeof w->path, "%s/t", w->dir);
	w->writer = transcript_writer_create(w->path, 64 << 20, &e);
	if (w->writer == NULL)
		fail_msg("%s", e.text);
	w->reader = transcript_reader_fd(w->writer, &e);
	begin_screen(w, kind, rows, cols);
	open_session(w);
	return w;
}

struct world *
world_begin(enum seat_kind kind, int rows, int cols)
{
	return begin(kind, rows, cols, false, false, false);
}

struct world *
world_begin_private(enum seat_kind kind, int rows, int cols)
{
	return begin(kind, rows, cols, true, false, false);
}

struct world *
world_begin_signs(enum seat_kind kind, int rows, int cols)
{
	return begin(kind, rows, cols, false, true, false);
}

struct world *
world_begin_asks(enum seat_kind kind, int rows, int cols)
{
	return begin(kind, rows, cols, false, false, true);
}

void
world_relink(struct world *w)
{
	struct err e;
	int fds[2];

	assert_int_equal(io_pair(fds, &e), 0);
	link_close(w->lv.link);
	w->lv.link = link_adopt(fds[0]);
	w->broker = fds[1];
	io_nonblock(w->broker);
	model_free(w->lv.model);
	log_view_free(w->lv.log);
	w->lv.model = model_create();
	w->lv.log = log_view_create();
	w->sent = 0;
	send_new_lines(w);
}

void
world_end(struct world *w)
{
	if (w->broker >= 0) {
		world_expect_nothing(w);
		close(w->broker);
	}
	if (w->lv.seat.kind == SEAT_DRIVER)
		driver_free(w->lv.own);
	else
		confirmer_free(w->lv.own);
	editor_free(w->lv.editor);
	live_fini(&w->lv);
	screen_close(w->screen);
	transcript_writer_close(w->writer);
	close(w->reader);
	unlink(w->path);
	rmdir(w->dir);
	buf_fini(&w->in);
	buf_fini(&w->text);
	free(w);
}

void
world_round(struct world *w)
{
	live_round(&w->lv, w->mono_ms, w->wall_us);
	if (w->broker >= 0)
		while (io_fill(w->broker, &w->in) == IO_GOT_DATA)
			continue;
}

void
world_keys(struct world *w, const char *bytes)
{
	screen_feed(w->screen, bytes, strlen(bytes));
	world_round(w);
	world_pass(w, 60);	/* a lone Esc is one then */
}

void
world_pass(struct world *w, int64_t ms)
{
	w->mono_ms += ms;
	w->wall_us += ms * 1000;
	w->lv.dirty = true;
	world_round(w);
}

/* The next request but "here", or NULL. */
static json_t *
next_request(struct world *w)
{
	const char *line;
	size_t n;

	while (io_line(&w->in, &line, &n)) {
		struct err e = { 0 };
		json_t *o = json_line_parse(line, n, &e);

		if (o == NULL)
			fail_msg("the console sent no JSON: %s", e.text);
		buf_consume(&w->in, n + 1);
		if (strcmp(json_str(o, "do", NULL), "here") != 0)
			return o;
		json_decref(o);
	}
	return NULL;
}

json_t *
world_expect(struct world *w, const char *what)
{
	json_t *o = next_request(w);

	if (o == NULL)
		fail_msg("no \"%s\" was sent; screen:\n%s", what, world_screen(w));
	assert_string_equal(json_str(o, "do", NULL), what);
	return o;
}

void
world_expect_str(struct world *w, const char *what, const char *key, const char *value)
{
	json_t *o = world_expect(w, what);

	assert_non_null(json_str(o, key, NULL));
	assert_string_equal(json_str(o, key, NULL), value);
	json_decref(o);
}

void
world_expect_nothing(struct world *w)
{
	json_t *o = next_request(w);

	if (o != NULL)
		fail_msg("unasked: %s", json_dumps(o, JSON_COMPACT));
}

void
world_answer(struct world *w, const char *line)
{
	assert_int_equal(io_write_all(w->broker, line, strlen(line), NULL), 0);
	assert_int_equal(io_write_all(w->broker, "\n", 1, NULL), 0);
	world_round(w);
}

const char *
world_screen(struct world *w)
{
	buf_reset(&w->text);
	screen_dump(w->screen, &w->text);
	return buf_str(&w->text);
}

void
world_sees(struct world *w, const char *text)
{
	if (strstr(world_screen(w), text) == NULL)
		fail_msg("no \"%s\" on:\n%s", text, world_screen(w));
}

void
world_sees_not(struct world *w, const char *text)
{
	if (strstr(world_screen(w), text) != NULL)
		fail_msg("\"%s\" on:\n%s", text, world_screen(w));
}

void
world_golden(struct world *w, const char *name)
{
	const char *dir = getenv("top_srcdir"), *write = getenv("TWOKEY_GOLDEN"), *screen = world_screen(w);
	struct err e = { 0 };
	struct buf want;
	char path[4096];

	snprintf(path, sizeof path, "%s/tests/golden/console/%s", dir != NULL ? dir : ".", name);
	if (write != NULL && strcmp(write, "write") == 0) {
		assert_int_equal(io_write_file(path, 0644, screen, strlen(screen), &e), 0);
		return;
	}
	buf_init(&want, 1 << 20);
	if (io_read_file(path, 1 << 20, &want, &e) != 0)
		fail_msg("%s", e.text);
	assert_string_equal(screen, buf_str(&want));
	buf_fini(&want);
}
