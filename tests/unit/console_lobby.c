/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include <locale.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "twokey/base/buf.h"
#include "twokey/console/link.h"
#include "twokey/console/screen.h"

#include "console/lobby.h"

static json_t *
list(void)
{
	return json_pack("{s:[{s:s, s:s, s:s, s:s, s:s, s:s, s:i}, {s:s, s:s, s:s, s:s, s:s}],"
	    " s:[{s:s, s:s, s:s, s:s}, {s:s, s:s, s:s, s:s}, {s:s, s:s, s:s, s:s}, {s:s, s:s, s:s}]}", "sessions",
	    "session", "s-1", "ticket", "MFX-1", "target", "shop", "stage", "production", "seat", "confirmer",
	    "driver", "ben", "waiting", 1,
	    "session", "s-2", "ticket", "MFX-2", "target", "shop", "seat", "driver", "driver", "anna",
	    "tickets",
	    "ticket", "MFX-3", "seat", "driver", "state", "accepted", "title", "a\033[2Jb",
	    "ticket", "MFX-4", "seat", "driver", "state", "new", "title", "later",
	    "ticket", "MFX-5", "seat", "confirmer", "state", "accepted", "title", "wait",
	    "ticket", "MFX-6", "seat", "driver", "state", "expired");
}

static void
sessions_come_first_and_foreign_text_is_safe(void **state)
{
	struct link_hello me = { .person = "anna", .side = "customer", .broker = "private" };
	struct screen *s = screen_open_headless(24, 80);
	json_t *l = list();
	struct buf out;

	buf_init(&out, 1 << 16);
	lobby_draw(s, &me, l, 0, "why\033[m");
	screen_dump(s, &out);
	assert_non_null(strstr(buf_str(&out), "LOBBY | anna (customer)"));
	assert_non_null(strstr(buf_str(&out), "protects against mistakes, not against this login"));
	assert_non_null(strstr(buf_str(&out), "> session  MFX-1"));
	assert_non_null(strstr(buf_str(&out), "confirmer 1 WAITS  driver ben"));
	assert_non_null(strstr(buf_str(&out), "a<1B>[2Jb"));
	assert_null(strchr(buf_str(&out), '\033'));
	buf_fini(&out);
	json_decref(l);
	screen_close(s);
}

static void
entering_wishes_for_the_seat_that_is_named(void **state)
{
	static const struct {
		bool can, drive;
		const char *ticket, *session, *why;
	} table[] = {
		{ true, false, NULL, "s-1", "" },
		{ true, true, "MFX-2", NULL, "" },
		{ true, true, "MFX-3", NULL, "" },
		{ false, true, NULL, NULL, "twokey ticket accept MFX-4" },
		{ false, false, NULL, NULL, "its driver opens it" },
		{ false, true, NULL, NULL, "has expired" },
	};
	json_t *l = list();

	assert_int_equal(lobby_count(l), sizeof table / sizeof table[0]);
	for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
		struct seat_wish w = { 0 };
		char why[200] = "";

		assert_int_equal(lobby_choose(l, i, &w, why, sizeof why), table[i].can);
		assert_non_null(strstr(why, table[i].why));
		if (!table[i].can)
			continue;
		assert_int_equal(w.drive, table[i].drive);
		if (table[i].ticket != NULL)
			assert_string_equal(w.ticket, table[i].ticket);
		if (table[i].session != NULL)
			assert_string_equal(w.session, table[i].session);
	}
	json_decref(l);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sessions_come_first_and_foreign_text_is_safe),
		cmocka_unit_test(entering_wishes_for_the_seat_that_is_named),
	};

	setlocale(LC_CTYPE, "C.UTF-8");
	return cmocka_run_group_tests_name("console_lobby", tests, NULL, NULL);
}
