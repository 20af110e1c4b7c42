/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What ran and is not kept yet, and a pasted change set, as both persons see it: two consoles on terminals of their own,
 * a real broker, a real database. */
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
#include "lib/broker.h"
#include "term.h"

enum { PATIENCE_MS = 30000 };

static const char always[] = "access: write\\nstage: production\\nhold: always\\n";
static struct test_broker broker;

struct pair {
	struct term *ben, *anna;
};

static int
start(void **state)
{
	(void)state;
	test_broker_start(&broker, NULL);
	return 0;
}

static int
stop(void **state)
{
	(void)state;
	test_broker_stop(&broker);
	return 0;
}

static struct term *
console(const char *what, const char *ticket, const char *person, int rows, int cols)
{
	char program[1024], home[400];
	const char *top = getenv("top_builddir");
	const char *argv[] = { program, what, ticket, "--socket", broker.socket, "--as", person, NULL };
	const char *env[] = { home, "NO_COLOR=1", NULL };

	snprintf(program, sizeof program, "%s/twokey", top != NULL ? top : ".");
	snprintf(home, sizeof home, "HOME=%s", broker.dir);
	return term_start(rows, cols, argv, env);
}

/* Waits for the text, and shows the other screen too when it does not come. */
static void
see(struct term *t, const char *text)
{
	const char *dump = getenv("TWOKEY_SCREENS");

	if (!term_wait(t, text, PATIENCE_MS))
		fail_msg("no \"%s\"", text);
	if (dump != NULL)
		fprintf(stderr, "== %s\n%s\n", text, term_screen(t));
}

static struct pair
both(const char *ticket, const char *lines, int rows, int cols)
{
	struct pair p;

	test_ticket_with(&broker, ticket, lines);
	p.ben = console("open", ticket, "ben", rows, cols);
	see(p.ben, "connected to ");
	p.anna = console("join", ticket, "anna", rows, cols);
	see(p.anna, "CONFIRMER anna");
	see(p.ben, "anna: PRESENT");
	return p;
}

static void
end(struct pair *p)
{
	term_feed(p->ben, "\\q\r");
	see(p->ben, "head");
	see(p->anna, "head");
	term_feed(p->ben, "q");
	term_feed(p->anna, "q");
	assert_int_equal(term_exit(p->ben, PATIENCE_MS), 0);
	assert_int_equal(term_exit(p->anna, PATIENCE_MS), 0);
	term_free(p->ben);
	term_free(p->anna);
	assert_true(test_wait_sealed(&broker));
}

static void
ask(struct pair *p, const char *sql)
{
	term_feed(p->ben, sql);
	term_feed(p->ben, "\r");
	see(p->ben, "rows you expect");
	term_feed(p->ben, "= 1\r");
	see(p->ben, "reason");
	term_feed(p->ben, "step 3\r");
	see(p->ben, "PENDING");
}

/* Opens what waits, reads it to its end, and types. */
static void
turn(struct pair *p, const char *waits, const char *shows, const char *prompt, const char *typed)
{
	see(p->anna, waits);
	term_feed(p->anna, "\033[15~");	/* F5 */
	see(p->anna, shows);
	for (int i = 0; i < 5; i++)
		term_feed(p->anna, "\033[6~");
	see(p->anna, prompt);
	term_feed(p->anna, typed);
	term_feed(p->anna, "\r");
}

static int64_t
note_of(int id, const char *text)
{
	char sql[200];

	snprintf(sql, sizeof sql, "select count(*) from orders where id = %d and note = '%s'", id, text);
	return test_shop_number(&broker, sql);
}

static void
kept_or_taken_back(const char *ticket, int rows, int cols)
{
	struct pair p = both(ticket, always, rows, cols);

	ask(&p, "update orders set note = 'kept' where id = 11;");
	turn(&p, "WAITING", "STATEMENT", "allow>", "orders 1");
	see(p.ben, "HELD, not kept yet");
	assert_int_equal(note_of(11, "kept"), 0);
	turn(&p, "HELD, not kept: F5", "WHY IT IS HELD", "keep>", "keep orders 1");
	see(p.ben, "COMMITTED");
	see(p.anna, "COMMITTED");
	assert_int_equal(note_of(11, "kept"), 1);
	test_shop_exec(&broker, "update orders set note = null where id = 11");
	term_feed(p.anna, "\033");
	see(p.anna, "LIVE");

	ask(&p, "update orders set note = 'denied' where id = 12;");
	turn(&p, "WAITING", "STATEMENT", "allow>", "orders 1");
	see(p.anna, "HELD, not kept: F5");
	term_feed(p.anna, "\033[18~");	/* F7 */
	see(p.anna, "why not kept");
	term_feed(p.anna, "the wrong one\r");
	see(p.ben, "NOT KEPT, denied by anna");
	see(p.ben, "ROLLED BACK");
	see(p.ben, "the wrong one");
	see(p.anna, "ROLLED BACK");
	term_feed(p.anna, "\033");
	see(p.anna, "LIVE");

	ask(&p, "update orders set note = 'back' where id = 13;");
	turn(&p, "WAITING", "STATEMENT", "allow>", "orders 1");
	see(p.ben, "HELD, not kept yet");
	term_feed(p.ben, "\003");
	see(p.ben, "NOT KEPT, taken back by ben");
	see(p.ben, "-- tx none");
	assert_int_equal(note_of(12, "denied") + note_of(13, "back"), 0);
	end(&p);
}

static void
what_ran_is_kept_or_taken_back_at_80x24(void **state)
{
	(void)state;
	kept_or_taken_back("HOLD-1", 24, 80);
}

static void
what_ran_is_kept_or_taken_back_at_140x40(void **state)
{
	(void)state;
	kept_or_taken_back("HOLD-2", 40, 140);
}

static void
set_of_two(const char *ticket, int rows, int cols)
{
	struct pair p = both(ticket, "access: write\\nstage: production\\n", rows, cols);

	term_paste(p.ben, "BEGIN;\nupdate orders set note = 'set' where id in (21, 22);\nupdate orders set note = 'set' where id = 23;\n"
	    "COMMIT;");
	see(p.ben, "COMMIT;");
	term_feed(p.ben, "\r");
	see(p.ben, "CHANGE SET open");
	see(p.ben, "=*> update orders set note = 'set' where id in (21, 22);");
	term_feed(p.ben, "\r");
	see(p.ben, "rows you expect");
	term_feed(p.ben, "= 2\r");
	see(p.ben, "reason of this change");
	term_feed(p.ben, "\r");
	see(p.ben, "1 change, nothing sent");
	term_feed(p.ben, "\r");
	see(p.ben, "rows you expect");
	term_feed(p.ben, "\r");
	see(p.ben, "reason of this change");
	term_feed(p.ben, "\r");
	see(p.ben, "2 changes, nothing sent");
	assert_int_equal(test_shop_number(&broker, "select count(*) from orders where note = 'set'"), 0);
	term_feed(p.ben, "\r");
	see(p.ben, "reason of all of it");
	term_feed(p.ben, "three orders\r");
	see(p.ben, "PENDING");
	turn(&p, "WAITING", "STATEMENT", "allow>", "orders 3");
	see(p.ben, "HELD, not kept yet");
	turn(&p, "HELD, not kept: F5", "statement 2 of 2: 1 row; the sheet had said 1", "keep>", "keep orders 3");
	see(p.ben, "COMMITTED");
	assert_int_equal(test_shop_number(&broker, "select count(*) from orders where note = 'set'"), 3);
	test_shop_exec(&broker, "update orders set note = null where note = 'set'");

	/* and one that is dropped */
	term_feed(p.ben, "begin;\r");
	see(p.ben, "CHANGE SET open");
	term_feed(p.ben, "\\q\r");
	see(p.ben, "collected changes would be dropped");
	term_feed(p.ben, "\r");
	see(p.ben, "The session goes on.");
	term_feed(p.ben, "rollback;\r");
	see(p.ben, "(ROLLBACK)");
	see(p.ben, "-- tx none");
	end(&p);
}

static void
a_pasted_set_is_asked_for_as_one_at_80x24(void **state)
{
	(void)state;
	set_of_two("SET-1", 24, 80);
}

static void
a_pasted_set_is_asked_for_as_one_at_140x40(void **state)
{
	(void)state;
	set_of_two("SET-2", 40, 140);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_ran_is_kept_or_taken_back_at_80x24),
		cmocka_unit_test(what_ran_is_kept_or_taken_back_at_140x40),
		cmocka_unit_test(a_pasted_set_is_asked_for_as_one_at_80x24),
		cmocka_unit_test(a_pasted_set_is_asked_for_as_one_at_140x40),
	};

	return test_run_apart("tty_hold", tests, sizeof tests / sizeof *tests, start, stop);
}
