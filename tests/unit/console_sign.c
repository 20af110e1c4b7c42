/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The screen of a confirmer who signs: what is typed is recorded first, then signed, then sent. */
#include "config.h"

#include <locale.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "console_world.h"

#include "console/sign.h"
#include "twokey/base/buf.h"
#include "twokey/base/digest.h"
#include "twokey/base/io.h"
#include "twokey/base/json.h"
#include "twokey/base/must.h"
#include "twokey/transcript/answer.h"

static const char update[] = "UPDATE orders SET status = 'paid' WHERE id IN (4211, 4212, 4213)";
static const char until[] = "2026-06-08T14:09:00.000000Z", nonce[] = "00112233445566778899aabbccddeeff";

/* What the person's key was given, and what it does. */
static struct {
	unsigned asked;
	char *text;
	bool fails;
} key;

static bool
fake_sign(struct live *lv, const char *text, size_t n, struct buf *signature, char *why, size_t max)
{
	(void)lv;
	key.asked++;
	free(key.text);
	key.text = must_strndup(text, n);
	if (key.fails)
		snprintf(why, max, "it was stopped");
	else
		buf_puts(signature, "-----BEGIN SSH SIGNATURE-----\n");
	return !key.fails;
}

static struct world *
ready(uint64_t *n)
{
	struct world *w = world_begin_signs(SEAT_CONFIRMER, 40, 140);
	json_t *o;

	free(key.text);
	memset(&key, 0, sizeof key);
	w->lv.sign = fake_sign;
	*n = world_request(w, update);
	world_keys(w, "\033[15~");
	o = world_expect(w, "opened");
	assert_true(json_bool(o, "last"));
	json_decref(o);
	world_pass(w, 5000);
	world_sees(w, "Then your SSH key signs it.");
	return w;
}

/* The last line of the transcript file: the event signing. */
static struct digest
last_line(const struct world *w)
{
	struct digest d;
	struct buf all;
	const char *p;
	size_t n;

	buf_init(&all, 16 << 20);
	assert_int_equal(io_read_file(w->path, 16 << 20, &all, NULL), 0);
	n = buf_len(&all);
	while (n > 0 && buf_data(&all)[n - 1] != '\n')
		n--;	/* room that the writer keeps */
	p = memrchr(buf_data(&all), '\n', n - 1);
	d = digest_of(p + 1, (size_t)(buf_data(&all) + n - 1 - (p + 1)));
	buf_fini(&all);
	return d;
}

static uint64_t
signing(struct world *w, uint64_t of)
{
	return world_event(w, TRANSCRIPT_EVENT_SIGNING, json_pack("{s:I, s:s, s:s, s:s}", "of", (json_int_t)of, "by", "anna",
	    "nonce", nonce, "until", until), NULL, NULL);
}

static void
answer_ok(struct world *w, uint64_t n)
{
	char line[120];

	snprintf(line, sizeof line, "{\"re\":\"signing\",\"ok\":true,\"n\":%llu}", (unsigned long long)n);
	world_answer(w, line);
}

static void
check_text(const struct world *w, uint64_t of, uint64_t n)
{
	struct digest bind = digest_of("bind", 4);
	struct transcript_answer a = { .session = "s-test", .ticket = "MFX-1234", .ticket_digest = digest_of("ticket", 6),
	    .request = of, .answer = "allow", .person = "anna", .statement = digest_of(update, sizeof update - 1), .bind = bind,
	    .keys = bind, .rows = { false, 3 }, .typed = "orders 3", .target = "shop", .identity = "", .database = "/srv/shop.db",
	    .role = "", .until = until, .nonce = nonce, .head = { n, last_line(w) } };
	struct buf want;

	buf_init(&want, TRANSCRIPT_ANSWER_MAX);
	transcript_answer_put(&want, &a);
	assert_non_null(key.text);
	assert_string_equal(key.text, buf_str(&want));
	buf_fini(&want);
}

static void
what_is_typed_is_recorded_then_signed_then_sent(void **state)
{
	uint64_t of, n;

	(void)state;
	for (int event_first = 0; event_first < 2; event_first++) {
		struct world *w = ready(&of);
		json_t *o;

		world_keys(w, "orders 3\r");
		o = world_expect(w, "signing");
		assert_string_equal(json_str(o, "typed", NULL), "orders 3");
		assert_int_equal(json_int(o, "of", 0), of);
		json_decref(o);
		world_expect_nothing(w);
		if (event_first) {
			n = signing(w, of);
			assert_int_equal(key.asked, 0);
			answer_ok(w, n);
		} else {
			answer_ok(w, of + 2);
			assert_int_equal(key.asked, 0);
			n = signing(w, of);
			assert_int_equal(n, of + 2);
		}
		assert_int_equal(key.asked, 1);
		check_text(w, of, n);
		o = world_expect(w, "allow");
		assert_string_equal(json_str(o, "text", NULL), key.text);
		assert_string_equal(json_str(o, "signature", NULL), "-----BEGIN SSH SIGNATURE-----\n");
		assert_string_equal(json_str(o, "typed", NULL), "orders 3");
		json_decref(o);
		world_sees(w, "The second key is turned");
		world_end(w);
	}
}

static void
without_a_signature_nothing_is_sent_and_it_still_waits(void **state)
{
	uint64_t of;
	struct world *w = ready(&of);

	(void)state;
	key.fails = true;
	world_keys(w, "orders 3\r");
	json_decref(world_expect(w, "signing"));
	answer_ok(w, signing(w, of));
	assert_int_equal(key.asked, 1);
	world_expect_nothing(w);
	world_sees(w, "Not signed, so nothing was allowed: it was stopped. The request still waits.");
	/* and again */
	key.fails = false;
	world_keys(w, "orders 3\r");
	json_decref(world_expect(w, "signing"));
	answer_ok(w, signing(w, of));
	json_decref(world_expect(w, "allow"));
	world_end(w);
}

static void
what_the_broker_refuses_is_not_signed(void **state)
{
	uint64_t of;
	struct world *w = ready(&of);

	(void)state;
	world_keys(w, "orders 4\r");
	json_decref(world_expect(w, "signing"));
	world_answer(w, "{\"re\":\"signing\",\"ok\":false,\"code\":\"denied\",\"why\":\"that is not what it asks for\"}");
	assert_int_equal(key.asked, 0);
	world_sees(w, "that is not what it asks for");
	world_expect_nothing(w);
	world_end(w);
}

/* A broker that puts another person's signing under the number it answered with gets no signature. */
static void
the_signing_of_another_person_is_not_signed(void **state)
{
	uint64_t of, n;
	struct world *w = ready(&of);

	(void)state;
	world_keys(w, "orders 3\r");
	json_decref(world_expect(w, "signing"));
	n = world_event(w, TRANSCRIPT_EVENT_SIGNING, json_pack("{s:I, s:s, s:s, s:s}", "of", (json_int_t)of, "by", "kim",
	    "nonce", nonce, "until", until), NULL, NULL);
	answer_ok(w, n);
	assert_int_equal(key.asked, 0);
	world_expect_nothing(w);
	world_sees(w, "Not signed");
	world_end(w);
}

static int
teardown(void **state)
{
	(void)state;
	free(key.text);
	return 0;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_typed_is_recorded_then_signed_then_sent),
		cmocka_unit_test(without_a_signature_nothing_is_sent_and_it_still_waits),
		cmocka_unit_test(what_the_broker_refuses_is_not_signed),
		cmocka_unit_test(the_signing_of_another_person_is_not_signed),
	};

	setlocale(LC_CTYPE, "C.UTF-8");
	return cmocka_run_group_tests(tests, NULL, teardown);
}
