/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include <fcntl.h>
#include <locale.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "console/tape.h"
#include "twokey/base/err.h"
#include "twokey/base/io.h"
#include "twokey/console/log.h"
#include "twokey/console/model.h"
#include "twokey/console/replay.h"

#include "console_make.h"

enum { SHOP_EVENTS = 30, LONG_PAIRS = 600 };

struct player {
	struct screen *s;
	struct replay *r;
	int64_t now;
	struct buf out;
};

static struct make shop;

static int
make_it(void **state)
{
	setlocale(LC_ALL, "C.UTF-8");
	make_shop(&shop);
	return 0;
}

static int
drop_it(void **state)
{
	make_end(&shop);
	return 0;
}

static void
player_open(struct player *p, const char *path, int rows, int cols)
{
	struct err e = { 0 };

	memset(p, 0, sizeof *p);
	p->s = screen_open_headless(rows, cols);
	p->r = replay_open(path, p->s, &e);
	if (p->r == NULL)
		fail_msg("%s", e.text);
	p->now = 1000;
	buf_init(&p->out, 1 << 20);
	/* what a loop does before the first key: draw, read on, verify */
	replay_draw(p->r);
	while (replay_wait(p->r, p->now) == 0)
		replay_tick(p->r, p->now);
}

static void
player_close(struct player *p)
{
	replay_close(p->r);
	screen_close(p->s);
	buf_fini(&p->out);
}

static void
keys(struct player *p, const char *bytes)
{
	struct screen_event ev;

	screen_feed(p->s, bytes, strlen(bytes));
	while (screen_next(p->s, p->now, &ev))
		replay_key(p->r, &ev, p->now);
}

static const char *
look(struct player *p)
{
	buf_reset(&p->out);
	replay_draw(p->r);
	screen_dump(p->s, &p->out);
	return buf_str(&p->out);
}

static void
assert_sees(struct player *p, const char *what)
{
	if (strstr(look(p), what) == NULL)
		fail_msg("'%s' is not on the screen:\n%s", what, buf_str(&p->out));
}

static void
golden(struct player *p, const char *name)
{
	char *text = strdup(look(p)), *at;

	/* salts are random, and the head with them */
	if ((at = strstr(text, "head of the transcript:")) != NULL)
		for (int line = 0; line < 2; line++) {
			while (*at != '\n')
				at++;
			for (at++; *at != '\n' && at[0] != '\0';)
				if (strspn(at, "0123456789abcdef") == 32) {
					memset(at, 'h', 32);
					break;
				} else {
					at++;
				}
		}
	make_golden(name, text, strlen(text));
	free(text);
}

static void
the_first_screen_stands_on_the_first_event(void **state)
{
	struct player p;

	player_open(&p, shop.path, 24, 80);
	assert_int_equal(replay_at(p.r), 1);
	assert_sees(&p, "REPLAY | MFX-1234 | PRODUCTION | shop");
	assert_sees(&p, "sealed and intact");
	assert_sees(&p, "demo: the two people are not verified");
	assert_sees(&p, "PAUSED");
	player_close(&p);
}

static void
the_screens_are_whole_at_80x24_and_140x40(void **state)
{
	struct player p;

	player_open(&p, shop.path, 24, 80);
	keys(&p, "]");
	golden(&p, "replay-80x24.txt");
	keys(&p, "s");
	golden(&p, "replay-sheet-80x24.txt");
	keys(&p, "G");
	golden(&p, "replay-end-80x24.txt");
	player_close(&p);
	player_open(&p, shop.path, 40, 140);
	keys(&p, "]");
	golden(&p, "replay-140x40.txt");
	player_close(&p);
}

static void
a_screen_that_is_too_small_says_so(void **state)
{
	struct player p;

	player_open(&p, shop.path, 20, 72);
	assert_sees(&p, "need 80x24, have 72x20");
	player_close(&p);
}

static void
keys_move_as_the_help_says(void **state)
{
	static const struct {
		const char *keys;
		uint64_t at;
	} steps[] = {
		{ ".", 2 }, { ".", 3 }, { ",", 2 }, { ",,,", 1 }, { "]", 20 }, { "]", 22 }, { "]", 22 }, { "[", 20 },
		{ "[", 20 }, { "}", 22 }, { "}", 23 }, { "{{", 20 }, { "{", 10 }, { "G", 30 }, { ".", 30 }, { "g", 1 },
		{ "\033[F", 30 }, { "\033[H", 1 }, { "\033[C", 4 }, { "\033[D", 1 }, { "t13:53\r", 10 }, { "t13:53:12\r", 14 },
		{ "t+1:30\r", 8 }, { "t+0:04:00\r", 16 }, { "tnever\r", 16 }, { "t\033", 16 },
	};
	struct player p;

	player_open(&p, shop.path, 24, 80);
	for (size_t i = 0; i < sizeof steps / sizeof steps[0]; i++) {
		keys(&p, steps[i].keys);
		p.now += 100;
		keys(&p, "");	/* a lone Escape is due */
		if (replay_at(p.r) != steps[i].at)
			fail_msg("step %zu (%s): at %d instead of %d", i, steps[i].keys, (int)replay_at(p.r),
			    (int)steps[i].at);
		(void)look(&p);
	}
	player_close(&p);
}

static void
the_filter_decides_where_the_list_goes(void **state)
{
	struct player p;

	player_open(&p, shop.path, 24, 80);
	keys(&p, "ff");
	assert_sees(&p, "filter: errors and refusals");
	keys(&p, "}");
	assert_int_equal(replay_at(p.r), 10);
	keys(&p, "}}");
	assert_int_equal(replay_at(p.r), 23);
	keys(&p, "f}");
	assert_int_equal(replay_at(p.r), 24);
	keys(&p, "f");
	assert_sees(&p, "filter: all");
	player_close(&p);
}

static void
it_plays_with_its_waits_cut_and_stays_on_the_last_event(void **state)
{
	struct player p;
	int rounds = 0;

	player_open(&p, shop.path, 24, 80);
	keys(&p, " ");
	assert_sees(&p, "PLAYING");
	p.now += 900;
	replay_tick(p.r, p.now);
	assert_int_equal(replay_at(p.r), 1);
	p.now += 100;
	replay_tick(p.r, p.now);
	assert_int_equal(replay_at(p.r), 2);
	while (replay_at(p.r) < SHOP_EVENTS && rounds++ < 100) {
		int wait = replay_wait(p.r, p.now);

		assert_true(wait >= 0 && wait <= 2000);
		p.now += wait;
		replay_tick(p.r, p.now);
	}
	assert_int_equal(replay_at(p.r), SHOP_EVENTS);
	assert_sees(&p, "END");
	assert_int_equal(replay_wait(p.r, p.now), -1);
	keys(&p, " ");
	assert_sees(&p, "this is the end");
	player_close(&p);
}

static void
speed_and_idle_cut_change_the_waits(void **state)
{
	struct player p;

	player_open(&p, shop.path, 24, 80);
	keys(&p, "> ");		/* twice as fast */
	assert_sees(&p, "x2");
	p.now += 500;
	replay_tick(p.r, p.now);
	assert_int_equal(replay_at(p.r), 2);
	keys(&p, " \177<");
	assert_sees(&p, "x1/2");
	keys(&p, "\177..");	/* at 4: a minute of silence follows */
	keys(&p, "i ");
	p.now += 59999;
	replay_tick(p.r, p.now);
	assert_int_equal(replay_at(p.r), 4);
	p.now += 1;
	replay_tick(p.r, p.now);
	assert_true(replay_at(p.r) > 4);
	player_close(&p);
}

static void
a_search_goes_to_the_event_that_holds_the_text(void **state)
{
	struct player p;

	player_open(&p, shop.path, 24, 80);
	keys(&p, "/NIGHTLY job\r");
	assert_int_equal(replay_at(p.r), 15);
	keys(&p, "/orders\r");
	assert_int_equal(replay_at(p.r), 16);
	keys(&p, "nn");
	assert_int_equal(replay_at(p.r), 21);
	keys(&p, "N");
	assert_int_equal(replay_at(p.r), 17);
	keys(&p, "g/\xe6\xbc\xa2\xe5\xad\x97\r");	/* escaped in the file, and typed as it is */
	assert_int_equal(replay_at(p.r), 7);
	keys(&p, "/no such text\r");
	assert_sees(&p, "not found after event 7: no such text");
	assert_int_equal(replay_at(p.r), 7);
	keys(&p, "g/sample\r");		/* a kind of body is no text */
	assert_int_equal(replay_at(p.r), 1);
	player_close(&p);
}

static void
no_recorded_byte_is_sent_raw(void **state)
{
	struct player p;

	player_open(&p, shop.path, 24, 80);
	for (uint64_t n = 1; n <= SHOP_EVENTS; n++) {
		const char *s = look(&p);

		for (size_t i = 0; s[i] != '\0'; i++)
			assert_true((unsigned char)s[i] >= 0x20 || s[i] == '\n');
		assert_null(strstr(s, "\xe2\x80\xae"));
		keys(&p, ".");
	}
	keys(&p, "/52;c\r");
	assert_sees(&p, "<1B>]52;c;ZXZpbA==<07>");
	player_close(&p);
}

/* What is on the screen of the log at event n, from a model that never saw anything else. */
static void
fresh_text(const char *path, uint64_t n, struct buf *out)
{
	struct model *m = model_create_unchecked();
	struct log_view *v = log_view_create();

	make_feed(path, m, n);
	log_view_update(v, m, 80, LOG_TABLE, 50);
	for (size_t i = 0; i < log_view_lines(v); i++) {
		buf_put(out, log_view_line(v, i)->text, log_view_line(v, i)->n);
		buf_putc(out, '\n');
	}
	buf_putf(out, "%u %u %u %d %zu\n", model_header(m)->reads, model_header(m)->writes, model_header(m)->denied,
	    model_header(m)->ended, (size_t)model_waiting(m, -1));
	log_view_free(v);
	model_free(m);
}

static void
tape_text(struct tape *t, struct log_view *v, uint64_t n, struct buf *out)
{
	const struct model *m = tape_model(t, n);

	log_view_update(v, m, 80, LOG_TABLE, 50);
	for (size_t i = 0; i < log_view_lines(v); i++) {
		buf_put(out, log_view_line(v, i)->text, log_view_line(v, i)->n);
		buf_putc(out, '\n');
	}
	buf_putf(out, "%u %u %u %d %zu\n", model_header(m)->reads, model_header(m)->writes, model_header(m)->denied,
	    model_header(m)->ended, (size_t)model_waiting(m, -1));
}

static void
assert_same_at(const char *path, struct tape *t, struct log_view *v, uint64_t n)
{
	struct buf a, b;

	buf_init(&a, 1 << 24);
	buf_init(&b, 1 << 24);
	fresh_text(path, n, &a);
	tape_text(t, v, n, &b);
	if (strcmp(buf_str(&a), buf_str(&b)) != 0)
		fail_msg("at event %d the tape says:\n%s\ninstead of:\n%s", (int)n, buf_str(&b), buf_str(&a));
	buf_fini(&a);
	buf_fini(&b);
}

static void
step_both_ways(const char *path, uint64_t events)
{
	struct log_view *v = log_view_create();
	struct err e;
	struct tape *t = tape_open(path, &e);

	assert_non_null(t);
	for (uint64_t n = 1; n <= events; n++)
		assert_same_at(path, t, v, n);
	for (uint64_t n = events; n > 0; n--)
		assert_same_at(path, t, v, n);
	log_view_free(v);
	tape_close(t);
}

static void
every_step_both_ways_equals_a_fresh_fold(void **state)
{
	struct make way;

	make_way(&way);
	step_both_ways(shop.path, SHOP_EVENTS);
	step_both_ways(way.path, SHOP_EVENTS);	/* it has as many */
	make_end(&way);
	make_held(&way);
	step_both_ways(way.path, MAKE_HELD_EVENTS);
	make_end(&way);
}

static void
the_way_and_what_was_not_run_are_in_the_list(void **state)
{
	struct player p;
	struct make way;

	make_way(&way);
	player_open(&p, way.path, 40, 140);
	keys(&p, "G");
	assert_sees(&p, "tunnel jump lost");
	assert_sees(&p, "NOT RUN");
	assert_sees(&p, "DEFS   table orders");
	keys(&p, "[");
	keys(&p, "s");
	assert_sees(&p, "it only reads; it would go through about 200000 rows");
	player_close(&p);
	make_end(&way);
}

/* Many statements, with requests that stay open over many events. */
static void
make_long(struct make *k)
{
	char fields[200];

	make_begin(k);
	make_opening(k);
	for (int i = 0; i < LONG_PAIRS; i++) {
		make_pass(k, 0.5);
		snprintf(fields, sizeof fields, i % 3 == 0 ? "{'by':'ben','class':'write','table':'t%d'}" :
		    "{'by':'ben','class':'read','tables':['t%d']}", i);
		if (i % 3 == 0)
			make_event(k, TRANSCRIPT_EVENT_REQUEST, fields, make_text("sql", "update t set a = 1"),
			    "{'k':'reason','text':'r'}", NULL);
		else
			make_event(k, TRANSCRIPT_EVENT_READ, fields, make_text("sql", "select 1"), NULL);
		/* requests end a hundred events after they began */
		snprintf(fields, sizeof fields, "{'of':%d}", i % 3 == 0 && i > 50 ? 5 + 2 * (i - 51) : 5 + 2 * i);
		make_event(k, i % 3 == 0 ? TRANSCRIPT_EVENT_EXPIRED : TRANSCRIPT_EVENT_DONE, fields, NULL);
	}
}

static void
jumps_in_a_long_file_equal_a_fresh_fold(void **state)
{
	struct log_view *v = log_view_create();
	uint64_t n = 1, all = 4 + 2 * LONG_PAIRS;
	struct make k;
	struct err e;
	struct tape *t;

	make_long(&k);
	t = tape_open(k.path, &e);
	assert_non_null(t);
	for (int i = 0; i < 60; i++) {
		n = (n * 7919 + 104729) % all + 1;
		assert_same_at(k.path, t, v, n);
		assert_same_at(k.path, t, v, n > 1 ? n - 1 : 1);
	}
	assert_true(tape_read(t, UINT64_MAX, -1));
	assert_int_equal(tape_events(t), all);
	for (int i = 0; i < 60; i++) {
		n = (n * 7919 + 104729) % all + 1;
		assert_same_at(k.path, t, v, n);
	}
	log_view_free(v);
	tape_close(t);
	make_end(&k);
}

/* The shop's file with one byte of its middle changed, cut short, and with a torn end. */
static void
write_damaged(const char *path, int how)
{
	struct buf b;
	struct err e;
	size_t n;
	char *copy;
	FILE *f;

	buf_init(&b, 1 << 20);
	assert_int_equal(io_read_file(shop.path, 1 << 20, &b, &e), 0);
	n = buf_len(&b);
	copy = buf_take(&b);
	if (how == 0)
		*strstr(copy, "webhook") = 'W';
	else
		n = how == 1 ? (size_t)(strstr(copy, "\"ev\":\"denied\"") - copy) : n;
	f = fopen(path, "wb");
	assert_int_equal(fwrite(copy, 1, n, f), n);
	if (how == 2)
		fputs("{\"n\":31,\"t\":\"20", f);
	fclose(f);
	free(copy);
	buf_fini(&b);
}

static void
a_damaged_file_is_played_as_far_as_it_can_be_read(void **state)
{
	static const char *const verdicts[] = { "BROKEN at 11", "NOT SEALED, ends at 21", "BROKEN at 31" };
	static const uint64_t ends[] = { SHOP_EVENTS, 21, SHOP_EVENTS };
	char path[128];

	snprintf(path, sizeof path, "%s/damaged", shop.folder);
	for (int how = 0; how < 3; how++) {
		struct player p;

		write_damaged(path, how);
		player_open(&p, path, 24, 80);
		assert_sees(&p, verdicts[how]);
		keys(&p, "G");
		assert_int_equal(replay_at(p.r), ends[how]);
		keys(&p, "v");
		assert_sees(&p, "IS THIS WHAT WAS RECORDED");
		player_close(&p);
	}
	unlink(path);
}

static void
a_file_that_is_no_transcript_is_refused(void **state)
{
	struct screen *s = screen_open_headless(24, 80);
	char path[128];
	struct err e;
	FILE *f;

	assert_null(replay_open("/nonexistent/t.jsonl", s, &e));
	assert_int_equal(e.code, ERR_NOT_FOUND);
	snprintf(path, sizeof path, "%s/other", shop.folder);
	f = fopen(path, "w");
	fputs("\033]0;x\007 not a transcript\n", f);
	fclose(f);
	assert_null(replay_open(path, s, &e));
	assert_int_equal(e.code, ERR_INVALID);
	unlink(path);
	screen_close(s);
}

static void
without_a_terminal_it_names_what_to_use_instead(void **state)
{
	int in = dup(0), null = open("/dev/null", O_RDONLY);
	struct err e;

	assert_int_equal(dup2(null, 0), 0);
	assert_int_equal(replay_run(shop.path, &e), ERR_INVALID);
	assert_non_null(strstr(e.text, "twokey show"));
	assert_int_equal(dup2(in, 0), 0);
	close(in);
	close(null);
}

static void
every_key_on_every_screen_is_harmless(void **state)
{
	static const int sizes[][2] = { { 24, 80 }, { 40, 140 }, { 24, 300 }, { 100, 80 }, { 5, 10 } };

	for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
		struct player p;

		player_open(&p, shop.path, sizes[i][0], sizes[i][1]);
		for (uint32_t n = 0, seed = 3; n < 600; n++) {
			static const char some[] = ".,][}{gGnN<>ifvxs? /t\r\177oah1:0+";
			char key[8] = { some[((seed = seed * 1664525 + 1013904223) >> 8) % (sizeof some - 1)], '\0' };

			if (n % 17 == 0)
				strcpy(key, n % 2 ? "\033[5~" : "\033[6~");
			keys(&p, key);
			p.now += 700;
			replay_tick(p.r, p.now);
			(void)look(&p);
			assert_true(replay_at(p.r) >= 1 && replay_at(p.r) <= SHOP_EVENTS);
		}
		assert_false(replay_is_done(p.r));
		p.now += 100;
		keys(&p, "\033");
		p.now += 100;
		keys(&p, "");
		keys(&p, "qq");
		player_close(&p);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_first_screen_stands_on_the_first_event),
		cmocka_unit_test(the_screens_are_whole_at_80x24_and_140x40),
		cmocka_unit_test(a_screen_that_is_too_small_says_so),
		cmocka_unit_test(keys_move_as_the_help_says),
		cmocka_unit_test(the_filter_decides_where_the_list_goes),
		cmocka_unit_test(it_plays_with_its_waits_cut_and_stays_on_the_last_event),
		cmocka_unit_test(speed_and_idle_cut_change_the_waits),
		cmocka_unit_test(a_search_goes_to_the_event_that_holds_the_text),
		cmocka_unit_test(no_recorded_byte_is_sent_raw),
		cmocka_unit_test(every_step_both_ways_equals_a_fresh_fold),
		cmocka_unit_test(the_way_and_what_was_not_run_are_in_the_list),
		cmocka_unit_test(jumps_in_a_long_file_equal_a_fresh_fold),
		cmocka_unit_test(a_damaged_file_is_played_as_far_as_it_can_be_read),
		cmocka_unit_test(a_file_that_is_no_transcript_is_refused),
		cmocka_unit_test(without_a_terminal_it_names_what_to_use_instead),
		cmocka_unit_test(every_key_on_every_screen_is_harmless),
	};

	return cmocka_run_group_tests_name("console replay", tests, make_it, drop_it);
}
