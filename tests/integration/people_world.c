/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "people_world.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <cmocka.h>

#include "twokey/base/clock.h"
#include "twokey/base/json.h"

void
people_ticket(const struct test_broker *b, const char *id, const char *lines)
{
	struct test_console *ben = test_console(b, "ben"), *anna = test_console(b, "anna");
	char expires[CLOCK_TEXT], line[2048];
	json_t *made;

	clock_format(clock_wall_us() + INT64_C(3600000000), expires);
	snprintf(line, sizeof line, "{\"do\":\"ticket-new\",\"text\":\"id: %s\\ntarget: shop\\naccess: write\\nstage: production\\n"
	    "people: [{name: ben, seat: driver}, {name: anna, seat: confirmer}, {name: kim, seat: confirmer}]\\n"
	    "approver: anna\\nexpires: %.19sZ\\n%s\\n\"}", id, expires, lines);
	made = test_ok(ben, line);
	snprintf(line, sizeof line, "{\"do\":\"ticket-accept\",\"ticket\":\"%s\",\"digest\":\"%s\"}", id,
	    json_str(made, "digest", NULL));
	test_ok(anna, line);
	test_console_close(ben);
	test_console_close(anna);
}

struct test_console *
people_join(const struct test_broker *b, const char *person, const char *id)
{
	struct test_console *c = test_console(b, person);
	char line[200];

	snprintf(line, sizeof line, "{\"do\":\"%s\",\"ticket\":\"%s\"}", strcmp(person, "ben") == 0 ? "open" : "join", id);
	test_ok(c, line);
	return c;
}

json_t *
people_event(struct test_console *c, const char *ev, int k)
{
	int64_t until = clock_mono_ms() + TEST_DEADLINE_MS;

	for (;;) {
		int seen = 0;

		for (size_t i = 0; i < json_array_size(c->events); i++) {
			json_t *o = json_array_get(c->events, i);

			if (strcmp(json_str(o, "ev", NULL), ev) == 0 && ++seen == k)
				return o;
		}
		if (clock_mono_ms() > until)
			fail_msg("%s did not come %d times", ev, k);
		nanosleep(&(struct timespec){ 0, 10 * 1000 * 1000 }, NULL);
		test_ok(c, "{\"do\":\"here\"}");
	}
}

json_t *
people_wall(const struct test_broker *b, const char *person, const char *state, int waiting)
{
	int64_t until = clock_mono_ms() + TEST_DEADLINE_MS;
	struct test_console *c = test_console(b, person);

	for (;;) {
		json_t *list = test_ok(c, "{\"do\":\"list\",\"only\":\"sessions\"}");
		json_t *o = json_array_get(json_object_get(list, "sessions"), 0);
		const char *is = json_str(o, "state", NULL);

		assert_int_equal(json_array_size(json_object_get(list, "tickets")), 0);
		if (is != NULL && strcmp(is, state) == 0 && json_int(o, "waiting", -1) == waiting) {
			o = json_deep_copy(o);
			test_console_close(c);
			return o;
		}
		if (clock_mono_ms() > until)
			fail_msg("the wall says %s, %d waiting", is != NULL ? is : "nothing", (int)json_int(o, "waiting", -1));
		nanosleep(&(struct timespec){ 0, 10 * 1000 * 1000 }, NULL);
	}
}
