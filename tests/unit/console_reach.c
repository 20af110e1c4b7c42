/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Screens about the way to the database: hops, server, account. */
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

static void
hop(struct world *w, int n, const char *name, const char *state, double ms)
{
	json_t *o = json_pack("{s:i, s:s, s:s, s:f}", "hop", n, "name", name, "state", state, "took", ms);

	if (strcmp(state, "open") == 0) {
		json_object_set_new(o, "key", json_string("SHA256:Qm3xT1mYw0bUvB8s5cQe2f7kHh4pLr9nZa6dGj0iVuE"));
		json_object_set_new(o, "type", json_string("ssh-ed25519"));
	}
	world_event(w, TRANSCRIPT_EVENT_TUNNEL, o, NULL, NULL);
}

static void
two_hops(struct world *w)
{
	hop(w, 1, "bastion.example", "connected", 4.5);
	hop(w, 1, "bastion.example", "host-key-checked", 5);
	hop(w, 1, "bastion.example", "open", 38);
	hop(w, 2, "inner.example", "connected", 40);
	hop(w, 2, "inner.example", "open", 44.25);
}

static void
reached(struct world *w, const char *standing, json_t *lag, bool encrypted)
{
	world_event(w, TRANSCRIPT_EVENT_CONNECTED, json_pack(
	    "{s:s, s:s, s:s, s:s, s:s, s:s, s:o, s:s, s:b, s:[s, s, s], s:{s:i, s:i, s:i, s:i}}",
	    "engine", "postgres", "version", "PostgreSQL 15.20 on x86_64", "release", "15", "database", "shop",
	    "role", "support", "standing", standing, "lag", lag, "source", "replica 'east' of db1.example",
	    "encrypted", (int)encrypted, "caps", "read-wall", "transaction", "cancel", "limits", "statement_ms", 30000,
	    "lock_ms", 2000, "rows", 10000, "bytes", 16 << 20), NULL, NULL);
}

static void
audited(struct world *w)
{
	world_event_bodies(w, TRANSCRIPT_EVENT_AUDIT, json_pack("{s:[s, s, s]}", "kinds", "owner", "clear-text", "no-expiry"),
	    "{\"k\":\"audit\",\"findings\":[{\"what\":\"owner\",\"object\":\"public.or\\u001b[31mders\",\"detail\":\"table\"},"
	    "{\"what\":\"clear-text\",\"object\":\"db1.example\",\"detail\":\"\"},"
	    "{\"what\":\"no-expiry\",\"object\":\"support\",\"detail\":\"\"}]}", NULL);
}

static void
compared(struct world *w)
{
	world_event(w, TRANSCRIPT_EVENT_ACCOUNT, json_pack("{s:s, s:[s, s], s:[s, s], s:[], s:s}", "role", "support",
	    "shown", "no-expiry", "shared", "accepted", "owner", "clear-text", "refused", "shared", "MFX-77"), NULL, NULL);
}

static void
a_wide_screen_says_how_the_database_is_reached(void **state)
{
	struct world *w = world_begin(SEAT_CONFIRMER, 40, 140);

	(void)state;
	two_hops(w);
	audited(w);
	reached(w, "replica", json_integer(3200), false);
	compared(w);
	world_sees(w, "| replica, 3.2 s behind");
	world_sees(w, "| NOT ENCRYPTED, leaves this host");
	world_sees(w, "| statement 30 s, lock 2 s, 10 000 rows, 16 MiB");
	world_sees(w, "| account: accepted: owner, clear-text");
	world_sees(w, "| 1 bastion.example: open 38.0 ms");
	world_sees(w, "| 2 inner.example: open 44.2 ms");
	world_sees(w, "also used by ticket MFX-77");
	world_golden(w, "reach_140x40.txt");
	world_end(w);
}

static void
a_narrow_screen_says_it_in_one_row(void **state)
{
	struct world *w = world_begin(SEAT_CONFIRMER, 24, 80);

	(void)state;
	two_hops(w);
	reached(w, "primary", json_null(), true);
	world_sees(w, " primary  encrypted  tunnel open 44.2 ms  30 s, lock 2 s, 10 000 rows");
	audited(w);
	compared(w);
	world_sees(w, "accepted: owner, clear-text +2 shown");
	world_golden(w, "reach_80x24.txt");
	hop(w, 1, "bastion.example", "lost", 0);
	world_sees(w, "tunnel bastion.example lost");
	world_end(w);
}

static void
the_steps_of_a_hop_are_one_line_and_its_loss_another(void **state)
{
	struct world *w = world_begin(SEAT_CONFIRMER, 24, 80);

	(void)state;
	hop(w, 1, "bastion.example", "connected", 4.5);
	world_sees(w, "hop 1 bastion.example: connected");
	hop(w, 1, "bastion.example", "open", 38);
	world_sees_not(w, "bastion.example: connected");
	world_sees(w, "hop 1 bastion.example: open, 38.0 ms");
	world_event(w, TRANSCRIPT_EVENT_TUNNEL, json_pack("{s:i, s:s, s:s, s:s, s:I, s:I}", "hop", 1, "name", "bastion.example",
	    "state", "lost", "code", "silent", "bytes_in", (json_int_t)4096, "bytes_out", (json_int_t)70000), "why",
	    "the server does not \033[2Janswer");
	world_sees(w, "bastion.example: open");
	world_sees(w, "bastion.example: lost (silent): the server does not");
	world_sees(w, "<1B>[2Janswer");
	world_end(w);
}

static void
the_tunnel_has_a_pane_at_any_size(void **state)
{
	static const int sizes[][2] = { { 24, 80 }, { 40, 140 } };

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		struct world *w = world_begin(SEAT_DRIVER, sizes[i][0], sizes[i][1]);

		world_keys(w, "\\tunnel\r");
		world_sees(w, "There is none");
		world_keys(w, "x");
		world_sees_not(w, "There is none");
		two_hops(w);
		world_keys(w, "\\tunnel\r");
		world_sees(w, "SHA256:Qm3xT1mYw0bUvB8s5cQe2f7kHh4pLr9nZa6dGj0iVuE");
		world_sees(w, "44.2 ms");
		world_keys(w, "\033[6~\033[5~");
		world_sees(w, "TUNNEL to the database");
		if (i == 1)
			world_golden(w, "pane_tunnel_140x40.txt");
		world_keys(w, "\033");
		world_pass(w, 100);
		world_sees_not(w, "TUNNEL to the database");
		world_expect_nothing(w);
		world_end(w);
	}
}

static void
the_account_has_a_pane_on_every_seat(void **state)
{
	static const enum seat_kind seats[] = { SEAT_DRIVER, SEAT_CONFIRMER, SEAT_WATCHER };

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		struct world *w = world_begin(seats[i], 24, 80);

		world_keys(w, "\\account\r");
		world_sees(w, "It was not looked at yet.");
		world_keys(w, "q");
		audited(w);
		reached(w, "primary", json_null(), true);
		compared(w);
		if (seats[i] == SEAT_DRIVER)
			json_decref(world_expect(w, "describe"));
		world_keys(w, "\\account\r");
		world_sees(w, "public.or<1B>[31mders");
		world_sees(w, "accepted by the ticket");
		world_sees(w, "MFX-77");
		if (i == 0)
			world_golden(w, "pane_account_80x24.txt");
		world_keys(w, "\033[6~");
		world_sees(w, "the connection leaves this host");
		world_keys(w, "q");
		world_sees_not(w, "WHAT THE WORDS MEAN");
		world_end(w);
	}
}

static void
a_refused_account_is_said_in_red_words(void **state)
{
	struct world *w = world_begin(SEAT_DRIVER, 24, 80);

	(void)state;
	reached(w, "unknown", json_null(), true);
	world_event(w, TRANSCRIPT_EVENT_ACCOUNT, json_pack("{s:s, s:[], s:[], s:[s, s]}", "role", "support", "shown", "accepted",
	    "refused", "superuser", "of-the-future"), NULL, NULL);
	world_sees(w, "account support; REFUSED: superuser, of-the-future");
	world_sees(w, "refused: superuser");
	world_sees(w, "primary or replica: not known");
	world_expect_nothing(w);	/* no question for names: the session ends */
	world_end(w);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_wide_screen_says_how_the_database_is_reached),
		cmocka_unit_test(a_narrow_screen_says_it_in_one_row),
		cmocka_unit_test(the_steps_of_a_hop_are_one_line_and_its_loss_another),
		cmocka_unit_test(the_tunnel_has_a_pane_at_any_size),
		cmocka_unit_test(the_account_has_a_pane_on_every_seat),
		cmocka_unit_test(a_refused_account_is_said_in_red_words),
	};

	setlocale(LC_ALL, "C.UTF-8");
	setenv("TZ", "UTC", 1);
	return cmocka_run_group_tests_name("console_reach", tests, NULL, NULL);
}
