/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Small parts of the broker: packets, members of requests, the slice of the configuration. */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "broker/members.h"
#include "broker/packet.h"
#include "broker/slice.h"
#include "twokey/base/buf.h"
#include "twokey/base/err.h"
#include "twokey/base/json.h"
#include "twokey/ticket/config.h"

static void
a_packet_comes_back_as_it_went(void **state)
{
	struct packet_body b[2];
	struct packet p = { 0 };
	json_t *head = json_pack("{s:s}", "do", "event"), *body;
	struct buf out, text;
	const char *at, *lf;
	int got = 0;

	(void)state;
	packet_text_body(&b[0], "sql", "select 1\n-- two", 15);
	packet_text_body(&b[1], "why", "\xff\0", 2);
	buf_init(&out, 10000);
	packet_put(&out, head, b, 2);
	json_decref(head);
	packet_bodies_free(b, 2);
	at = buf_str(&out);
	for (int i = 0; i < 3; i++, at = lf + 1) {
		lf = strchr(at, '\n');
		assert_non_null(lf);
		got = packet_feed(&p, at, (size_t)(lf - at), NULL);
		assert_int_equal(got, i == 2);
	}
	body = packet_body(&p, "why");
	buf_init(&text, 100);
	assert_int_equal(json_get_bytes(body, "text", &text), 0);
	assert_int_equal(buf_len(&text), 2);
	assert_null(packet_body(&p, "none"));
	json_decref(body);
	packet_clear(&p);
	buf_fini(&out);
	buf_fini(&text);
}

static void
a_head_that_is_wrong_is_refused(void **state)
{
	static const char *const heads[] = { "", "[]", "{\"b\":-1}", "{\"b\":9}", "{\"b\":1e3", "x" };

	(void)state;
	for (size_t i = 0; i < sizeof heads / sizeof heads[0]; i++) {
		struct packet p = { 0 };

		assert_int_equal(packet_feed(&p, heads[i], strlen(heads[i]), NULL), ERR_INVALID);
		packet_clear(&p);
	}
}

static void
members_are_checked_by_name_type_and_need(void **state)
{
	static const struct {
		const char *json;
		const char *list;
		int want;
	} rows[] = {
		{ "{\"do\":\"x\",\"id\":1}", "", 0 },
		{ "{\"do\":\"x\",\"text\":\"a\"}", "text:s! rows:s", 0 },
		{ "{\"do\":\"x\"}", "text:s!", ERR_INVALID },
		{ "{\"do\":\"x\",\"text\":1}", "text:s!", ERR_INVALID },
		{ "{\"do\":\"x\",\"text\":\"a\",\"more\":1}", "text:s!", ERR_INVALID },
		{ "{\"do\":\"x\",\"tex\":\"a\"}", "text:s", ERR_INVALID },
		{ "{\"do\":\"x\",\"of\":1.5}", "of:i!", ERR_INVALID },
		{ "{\"do\":\"x\",\"of\":null}", "of:i", ERR_INVALID },
		{ "{\"do\":\"x\",\"last\":true,\"of\":3}", "of:i! last:b", 0 },
	};
	struct err e;

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		json_t *o = json_loads(rows[i].json, 0, NULL);

		if (members_check(o, rows[i].list, &e) != rows[i].want)
			fail_msg("%s against \"%s\"", rows[i].json, rows[i].list);
		json_decref(o);
	}
}

static void
ids_are_integers_or_short_strings(void **state)
{
	char big[200];
	json_t *v;

	(void)state;
	memset(big, 'x', sizeof big - 1);
	big[sizeof big - 1] = '\0';
	assert_true(members_id_ok(NULL));
	v = json_string(big);
	assert_false(members_id_ok(v));
	json_decref(v);
	v = json_real(1.5);
	assert_false(members_id_ok(v));
	json_decref(v);
}

static void
a_slice_holds_people_and_no_way_to_a_database(void **state)
{
	static const char yaml[] = "socket: /tmp/x/s\nstore: /tmp/x/t\ntranscripts: /tmp/x/r\nrun: /tmp/x/u\n"
	    "people:\n  - {name: ben, side: firm, logins: [ben], seats: [driver]}\n"
	    "targets:\n  - name: shop\n    engine: postgres\n    stage: production\n    host: localhost\n"
	    "    database: hidden_database\n    user: hidden_user\n    password_file: /tmp/x/hidden_password\n";
	struct config *c = NULL, *back;
	json_t *v;
	struct err e;
	char *text;

	(void)state;
	if (config_parse(yaml, sizeof yaml - 1, "t", &c, &e) != 0)
		fail_msg("%s", e.text);
	v = slice_make(c);
	text = json_dumps(v, 0);
	assert_null(strstr(text, "hidden"));
	assert_null(strstr(text, "localhost"));
	back = slice_read(v);
	assert_non_null(back);
	assert_non_null(config_person_of_login(back, "ben"));
	assert_string_equal(config_target(back, "shop")->engine, "postgres");
	free(text);
	json_decref(v);
	config_free(c);
	config_free(back);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_packet_comes_back_as_it_went),
		cmocka_unit_test(a_head_that_is_wrong_is_refused),
		cmocka_unit_test(members_are_checked_by_name_type_and_need),
		cmocka_unit_test(ids_are_integers_or_short_strings),
		cmocka_unit_test(a_slice_holds_people_and_no_way_to_a_database),
	};

	return cmocka_run_group_tests_name("broker_parts", tests, NULL, NULL);
}
