/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Two keys, one of each side, against a real broker; unsigned and signed. */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "lib/beside.h"
#include "lib/keys.h"
#include "people_world.h"
#include "signed_world.h"
#include "twokey/base/buf.h"
#include "twokey/base/err.h"
#include "twokey/base/io.h"
#include "twokey/base/json.h"
#include "twokey/base/run.h"
#include "twokey/transcript/reader.h"

static const char update_1[] = "update orders set note = 'x' where id = 1";
static const char changed_1[] = "SELECT count(*) FROM orders WHERE note = 'x'";

struct world {
	struct test_broker b;
	struct test_console *ben, *anna, *kim;
};

static void
begin(struct world *w, const struct test_broker_options *o, const char *lines)
{
	char all[400];

	test_broker_start(&w->b, o);
	snprintf(all, sizeof all, "quorum: both_sides\\n%s", lines);
	people_ticket(&w->b, "MFX-1", all);
	w->ben = people_join(&w->b, "ben", "MFX-1");
	test_event(w->ben, "account", 0);
	w->anna = people_join(&w->b, "anna", "MFX-1");
	w->kim = people_join(&w->b, "kim", "MFX-1");
}

static void
end(struct world *w)
{
	test_end(&w->b, w->ben);
	test_console_close(w->ben);
	test_console_close(w->anna);
	test_console_close(w->kim);
	test_broker_stop(&w->b);
}

static void
both_keys_in_either_order_run_it_once(void **state)
{
	struct world w;
	json_t *o;

	(void)state;
	begin(&w, NULL, "");
	assert_string_equal(json_str(test_event_n(w.ben, 1), "quorum", NULL), "both_sides");
	for (int i = 0; i < 2; i++) {
		struct test_console *first = i ? w.kim : w.anna, *second = i ? w.anna : w.kim;
		int64_t n = test_request(w.ben, update_1, "= 1");

		assert_true(json_bool(test_allow(first, n, "orders 1"), "ok"));
		o = test_event(w.ben, "turned", n);
		assert_string_equal(json_str(o, "by", NULL), i ? "kim" : "anna");
		assert_string_equal(json_str(o, "side", NULL), i ? "firm" : "customer");
		assert_string_equal(test_body(w.ben, json_int(o, "n", 0), "typed"), "orders 1");
		o = people_wall(&w.b, "ben", "ready", 1);
		assert_string_equal(json_str(json_array_get(json_object_get(o, "asks"), 0), "turned", NULL), i ? "kim" : "anna");
		json_decref(o);
		o = test_allow(first, n, "orders 1");
		assert_string_equal(json_str(o, "code", NULL), "denied");
		assert_non_null(strstr(json_str(o, "why", NULL), "1 of 2 keys"));
		assert_false(json_bool(test_allow(second, n, "orders 2"), "ok"));
		assert_int_equal(test_shop_number(&w.b, changed_1), 0);
		assert_null(test_event_seen(w.ben, "allowed", n));
		assert_null(test_event_seen(w.ben, "run", n));
		assert_true(json_bool(test_allow(second, n, "orders 1"), "ok"));
		o = test_event(w.ben, "allowed", n);
		assert_string_equal(json_str(o, "by", NULL), i ? "anna" : "kim");
		test_event(w.ben, "committed", n);
		assert_int_equal(test_shop_number(&w.b, changed_1), 1);
		test_shop_exec(&w.b, "update orders set note = null where id = 1");
	}
	end(&w);
}

static void
a_no_of_either_is_a_no(void **state)
{
	struct test_console *who[3];
	struct world w;
	char line[200];

	(void)state;
	begin(&w, NULL, "");
	who[0] = w.anna;	/* also of the one who turned the first */
	who[1] = w.kim;
	who[2] = w.ben;
	for (int i = 0; i < 3; i++) {
		int64_t n = test_request(w.ben, update_1, "= 1");

		assert_true(json_bool(test_allow(w.anna, n, "orders 1"), "ok"));
		if (i < 2)
			snprintf(line, sizeof line, "{\"do\":\"deny\",\"of\":%lld,\"reason\":\"no\"}", (long long)n);
		else
			snprintf(line, sizeof line, "{\"do\":\"withdraw\",\"of\":%lld}", (long long)n);
		test_ok(who[i], line);
		test_event(w.kim, i < 2 ? "denied" : "withdrawn", n);
		assert_string_equal(json_str(test_allow(w.kim, n, "orders 1"), "code", NULL), "not-found");
	}
	assert_int_equal(test_shop_number(&w.b, changed_1), 0);
	end(&w);
}

/* Who turned the first may leave: it stays turned. The driver may not, and time does not stand still. */
static void
one_key_waits_no_longer_than_the_request(void **state)
{
	static const struct test_broker_options quick = { .request_seconds = 12 };
	struct world w;
	int64_t n;

	(void)state;
	begin(&w, &quick, "");
	n = test_request(w.ben, update_1, "= 1");
	assert_true(json_bool(test_allow(w.anna, n, "orders 1"), "ok"));
	test_event(w.ben, "expired", n);
	assert_string_equal(json_str(test_allow(w.kim, n, "orders 1"), "code", NULL), "not-found");
	n = test_request(w.ben, update_1, "= 1");
	assert_true(json_bool(test_allow(w.kim, n, "orders 1"), "ok"));
	test_console_close(w.ben);
	test_event(w.anna, "void", n);
	assert_string_equal(json_str(test_allow(w.anna, n, "orders 1"), "code", NULL), "not-found");
	assert_int_equal(test_shop_number(&w.b, changed_1), 0);
	w.ben = people_join(&w.b, "ben", "MFX-1");
	n = test_request(w.ben, update_1, "= 1");
	assert_true(json_bool(test_allow(w.kim, n, "orders 1"), "ok"));
	test_console_close(w.kim);
	test_event(w.ben, "left", 0);
	assert_true(json_bool(test_allow(w.anna, n, "orders 1"), "ok"));
	test_event(w.ben, "committed", n);
	w.kim = people_join(&w.b, "kim", "MFX-1");
	end(&w);
}

/* What is held takes both keys again, over the real effect; one of them keeps nothing. */
static void
what_is_held_takes_both_again(void **state)
{
	struct world w;
	int64_t n;

	(void)state;
	begin(&w, NULL, "hold: always");
	for (int i = 0; i < 2; i++) {
		n = test_request(w.ben, update_1, "= 1");
		assert_true(json_bool(test_allow(w.anna, n, "orders 1"), "ok"));
		assert_true(json_bool(test_allow(w.kim, n, "orders 1"), "ok"));
		test_event(w.ben, "held", n);
		assert_true(json_bool(test_keep(w.kim, n, "keep orders 1"), "ok"));
		assert_string_equal(json_str(people_event(w.ben, "turned", 2 * i + 2), "by", NULL), "kim");
		signed_refused(test_keep(w.kim, n, "keep orders 1"), "1 of 2 keys");
		assert_null(test_event_seen(w.ben, "kept", n));
		assert_int_equal(test_shop_number(&w.b, changed_1), 0);
		if (i == 0) {
			test_deny(w.anna, n);
			test_event(w.ben, "rolledback", n);
		} else {
			assert_true(json_bool(test_keep(w.anna, n, "keep orders 1"), "ok"));
			test_event(w.ben, "committed", n);
		}
		assert_int_equal(test_shop_number(&w.b, changed_1), i);
	}
	end(&w);
}

/* It is taken back as soon as one whose key is still needed is gone, and not when one is who has turned his. */
static void
what_is_held_needs_those_whose_keys_are_missing(void **state)
{
	struct world w;
	int64_t n;

	(void)state;
	begin(&w, NULL, "hold: always");
	for (int i = 0; i < 2; i++) {
		n = test_request(w.ben, update_1, "= 1");
		assert_true(json_bool(test_allow(w.anna, n, "orders 1"), "ok"));
		assert_true(json_bool(test_allow(w.kim, n, "orders 1"), "ok"));
		test_event(w.ben, "held", n);
		if (i == 1)
			assert_true(json_bool(test_keep(w.kim, n, "keep orders 1"), "ok"));
		test_console_close(w.kim);
		if (i == 0) {
			assert_string_equal(json_str(test_event(w.ben, "void", n), "code", NULL), "second-left");
			test_event(w.ben, "rolledback", n);
		} else {
			people_event(w.ben, "left", 2);
			assert_true(json_bool(test_keep(w.anna, n, "keep orders 1"), "ok"));
			test_event(w.ben, "committed", n);
		}
		assert_int_equal(test_shop_number(&w.b, changed_1), i);
		w.kim = people_join(&w.b, "kim", "MFX-1");
	}
	end(&w);
}

static void
a_ticket_whose_people_cannot_give_it_opens_nothing(void **state)
{
	struct test_console *ben;
	struct test_broker b;
	json_t *o;

	(void)state;
	test_broker_start(&b, NULL);
	ben = test_console(&b, "ben");
	o = test_refused(ben, "{\"do\":\"ticket-new\",\"text\":\"id: MFX-2\\ntarget: shop\\naccess: write\\nstage: production\\n"
	    "people: [{name: ben, seat: driver}, {name: anna, seat: confirmer}]\\napprover: anna\\nquorum: both_sides\\n"
	    "expires: 2036-01-01T00:00:00Z\\n\"}", "config");
	assert_non_null(strstr(json_str(o, "why", NULL), "a confirmer of each side"));
	test_console_close(ben);
	test_broker_stop(&b);
}

static json_t *
sign_as(struct world *w, struct test_console *c, const char *person, const char *key, int64_t n)
{
	struct transcript_answer a;

	assert_true(json_bool(signed_begin(c, n, "orders 3"), "ok"));
	a = signed_answer(&w->b, c, n, "orders 3");
	a.person = person;
	return signed_allow(c, &a, key, 0);
}

static int
verify(const char *file, const char *words)
{
	char program[1024], signers[128];
	const char *top = getenv("top_builddir");
	const char *argv[] = { program, "verify", "--signers", signers, file, NULL };
	struct buf out;
	struct run r = { .argv = argv, .out = &out, .within_ms = 60000 };
	struct err e = { .text = "" };

	snprintf(signers, sizeof signers, "%s/signers", signed_keys.dir);
	buf_init(&out, 65536);
	buf_puts(&out, "anna ");
	test_key_public(signed_keys.anna, &out);
	buf_puts(&out, "\nkim ");
	test_key_public(signed_keys.kim, &out);
	buf_puts(&out, "\nbroker ");
	test_key_public(signed_keys.seal, &out);
	buf_puts(&out, "\n");
	assert_int_equal(io_write_file(signers, 0600, buf_data(&out), buf_len(&out), NULL), 0);
	buf_reset(&out);
	snprintf(program, sizeof program, "%s/twokey", top != NULL ? top : ".");
	if (run_program(&r, &e) != 0)
		fail_msg("%s", e.text);
	if (strstr(buf_str(&out), words) == NULL)
		fail_msg("\"%s\" is not in: %s", words, buf_str(&out));
	buf_fini(&out);
	return r.status;
}

static void
both_are_signed_and_verified_each(void **state)
{
	struct test_broker_options o = { .anna = signed_keys.anna_yaml, .kim = signed_keys.kim_yaml, .limits = signed_keys.limits };
	struct world w;
	json_t *turned;
	char path[700];
	int64_t n;

	(void)state;
	begin(&w, &o, "signed: yes");
	n = test_request(w.ben, signed_update, "= 3");
	signed_refused(test_allow(w.kim, n, "orders 3"), "has to be signed");
	signed_refused(sign_as(&w, w.kim, "kim", signed_keys.anna, n), "is not one of kim");
	assert_true(json_bool(sign_as(&w, w.kim, "kim", signed_keys.kim, n), "ok"));
	turned = test_event(w.ben, "turned", n);
	assert_string_equal(json_str(turned, "by", NULL), "kim");
	assert_string_equal(json_str(turned, "type", NULL), "ssh-ed25519");
	assert_non_null(test_body(w.ben, json_int(turned, "n", 0), "signature"));
	signed_refused(signed_begin(w.kim, n, "orders 3"), "1 of 2 keys");
	signed_refused(sign_as(&w, w.anna, "anna", signed_keys.kim, n), "is not one of anna");
	assert_null(test_event_seen(w.ben, "allowed", n));
	assert_true(json_bool(sign_as(&w, w.anna, "anna", signed_keys.anna, n), "ok"));
	test_event(w.ben, "committed", n);
	assert_int_equal(test_shop_number(&w.b, "SELECT count(*) FROM orders WHERE status = 'done'"), 3);
	test_end(&w.b, w.ben);
	test_transcript(&w.b, path, sizeof path);
	assert_int_equal(verify(path, "2 of 2 answers signed and good; the seal: good"), 0);
	test_console_close(w.ben);
	test_console_close(w.anna);
	test_console_close(w.kim);
	test_broker_stop(&w.b);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(both_keys_in_either_order_run_it_once),
		cmocka_unit_test(a_no_of_either_is_a_no),
		cmocka_unit_test(one_key_waits_no_longer_than_the_request),
		cmocka_unit_test(what_is_held_takes_both_again),
		cmocka_unit_test(what_is_held_needs_those_whose_keys_are_missing),
		cmocka_unit_test(a_ticket_whose_people_cannot_give_it_opens_nothing),
		cmocka_unit_test(both_are_signed_and_verified_each),
	};

	return test_run_beside("quorum", tests, sizeof tests / sizeof *tests, signed_setup, signed_teardown);
}
