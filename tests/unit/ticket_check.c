/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "twokey/base/clock.h"
#include "twokey/base/err.h"
#include "twokey/ticket/config.h"
#include "twokey/ticket/ticket.h"

#include "ticket_files.h"

static const char now_text[] = "2026-12-01T00:00:00Z";

static int64_t
now_us(void)
{
	int64_t us;

	assert_int_equal(clock_parse(now_text, strlen(now_text), &us), 0);
	return us;
}

static void
a_ticket_is_read_into_its_struct(void **state)
{
	struct ticket *t = golden_ticket();
	char *text = golden_text("ticket.yaml"), when[CLOCK_TEXT];
	struct digest d = digest_of(text, strlen(text));
	enum ticket_seat seat;

	assert_string_equal(t->id, "MFX-1234");
	assert_string_equal(t->title, "Orders without a customer");
	assert_string_equal(t->target, "shop");
	assert_int_equal(t->access, TICKET_ACCESS_WRITE);
	assert_int_equal(t->stage, TICKET_STAGE_PRODUCTION);
	assert_int_equal(t->npeople, 3);
	assert_string_equal(t->approver, "anna");
	assert_int_equal(t->second_key, TICKET_SECOND_OTHER_SIDE);
	clock_format(t->expires_us, when);
	assert_string_equal(when, "2026-12-24T18:00:00.000000Z");
	assert_true(digest_equal(&t->digest, &d));
	assert_true(ticket_seat_of(t, "anna", &seat));
	assert_int_equal(seat, TICKET_SEAT_CONFIRMER);
	assert_false(ticket_seat_of(t, "eve", &seat));
	assert_false(ticket_seat_of(t, NULL, &seat));
	free(text);
	ticket_free(t);
}

static void
every_byte_of_the_file_is_in_the_digest(void **state)
{
	char *text = golden_text("ticket.yaml"), *more = golden_change(text, NULL, "# a comment\n");
	struct ticket *a, *b;

	assert_int_equal(ticket_parse(text, strlen(text), "t", &a, NULL), 0);
	assert_int_equal(ticket_parse(more, strlen(more), "t", &b, NULL), 0);
	assert_false(digest_equal(&a->digest, &b->digest));
	ticket_free(a);
	ticket_free(b);
	free(text);
	free(more);
}

static void
a_ticket_without_access_needs_nobody(void **state)
{
	static const char text[] = "id: a\ntarget: shop\naccess: none\nstage: production\n"
	    "approver: anna\nexpires: 2026-12-24T18:00:00Z\n";
	struct ticket *t;

	assert_int_equal(ticket_parse(text, strlen(text), "t", &t, NULL), 0);
	assert_int_equal(t->npeople, 0);
	assert_int_equal(t->second_key, TICKET_SECOND_ANY);
	assert_null(t->title);
	ticket_free(t);
}

static struct ticket *
changed(const char *lines)
{
	char *base = golden_text("ticket.yaml"), *text = golden_change(base, "access: write", lines);
	struct ticket *t;
	struct err e = { .text = "" };

	if (ticket_parse(text, strlen(text), "t", &t, &e) != 0)
		fail_msg("%s", e.text);
	free(base);
	free(text);
	return t;
}

static void
what_a_ticket_asks_of_its_server_is_read(void **state)
{
	struct ticket *t = golden_ticket();

	assert_null(t->engine);
	assert_null(t->version);
	assert_null(t->database);
	assert_null(t->identity);
	assert_int_equal(t->replica, TICKET_REPLICA_ANY);
	assert_int_equal(t->max_rows_read, 1000000);
	assert_int_equal(t->naccept_excess, 0);
	assert_null(ticket_accepts(t, EXCESS_OWNER));
	assert_true(ticket_version_fits(t, ""));
	ticket_free(t);
	t = changed("access: read\nengine: mariadb\nversion: 10.11\ndatabase: shop\nidentity: 7301 timeline 1\n"
	    "replica: required\nmax_rows_read: 50\naccept_excess:\n  - { what: owner, reason: the only one }\n"
	    "  - { what: no-expiry, reason: as agreed }\n");
	assert_string_equal(t->engine, "mariadb");
	assert_string_equal(t->version, "10.11");
	assert_string_equal(t->database, "shop");
	assert_string_equal(t->identity, "7301 timeline 1");
	assert_int_equal(t->replica, TICKET_REPLICA_REQUIRED);
	assert_string_equal(ticket_replica_name(t->replica), "required");
	assert_int_equal(t->max_rows_read, 50);
	assert_int_equal(t->naccept_excess, 2);
	assert_string_equal(ticket_accepts(t, EXCESS_OWNER), "the only one");
	assert_string_equal(ticket_accepts(t, EXCESS_NO_EXPIRY), "as agreed");
	assert_null(ticket_accepts(t, EXCESS_SUPERUSER));
	ticket_free(t);
}

static void
changes_are_read_with_their_bytes(void **state)
{
	static const char one[] = "UPDATE orders SET status = 'paid' WHERE id = 7", two[] = "UPDATE orders\n\nSET note = 'a # b'  ";
	struct ticket *t = golden_ticket();
	struct digest d = digest_of(two, strlen(two)), other = digest_of(two, strlen(two) - 1);
	struct config *c = golden_config();
	struct err e = { .text = "" };

	assert_int_equal(t->nchanges, 0);
	assert_int_equal(t->backup_max_hours, 24);
	assert_null(ticket_change_of(t, &d));
	ticket_free(t);
	t = changed("access: write\nbackup_max_hours: 2\nchanges:\n"
	    "  - { sql: \"UPDATE orders SET status = 'paid' WHERE id = 7\", object: orders, rows: \"= 1\" }\n"
	    "  - sql:\n      - \"UPDATE orders\"\n      - ''\n      - \"SET note = 'a # b'  \"\n    object: orders\n    rows: <=500\n"
	    "    backup: dump orders.sql.gz on backup1\n    backup_taken: 2026-06-01T00:00:00Z\n"
	    "  - digest: 0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef\n");
	assert_int_equal(t->nchanges, 3);
	assert_int_equal(t->backup_max_hours, 2);
	assert_string_equal(t->changes[0].sql, one);
	assert_false(t->changes[0].at_most);
	assert_int_equal(t->changes[0].bound, 1);
	assert_string_equal(t->changes[1].sql, two);
	assert_ptr_equal(ticket_change_of(t, &d), &t->changes[1]);
	assert_null(ticket_change_of(t, &other));
	assert_true(t->changes[1].at_most);
	assert_int_equal(t->changes[1].bound, 500);
	assert_string_equal(t->changes[1].backup, "dump orders.sql.gz on backup1");
	assert_null(t->changes[2].sql);
	assert_int_equal(t->changes[2].digest.b[1], 0x23);
	assert_int_equal(ticket_check(t, c, now_us(), NULL), 0);
	t->changes[1].backup_taken_us = now_us() + 1;
	assert_int_equal(ticket_check(t, c, now_us(), &e), ERR_CONFIG);
	assert_non_null(strstr(e.text, "backup_taken of change 2"));
	ticket_free(t);
	config_free(c);
}

/* anna, who confirms in the ticket, with a key or none. */
static void
check_with_key(const char *signature, const char *key, const char *answer)
{
	struct ticket *t = changed(signature);
	struct config *c = golden_config();
	struct err e = { .text = "" };

	if (key != NULL) {
		c->people[1].keys = calloc(1, sizeof *c->people[1].keys);
		c->people[1].keys[0] = strdup(key);
		c->people[1].nkeys = 1;
	}
	assert_int_equal(ticket_check(t, c, now_us(), &e), answer != NULL ? ERR_CONFIG : 0);
	assert_string_equal(e.text, answer != NULL ? answer : "");
	config_free(c);
	ticket_free(t);
}

static void
a_confirmer_who_could_not_sign_is_refused(void **state)
{
	static const char yes[] = "access: write\nsigned: yes\n", hardware[] = "access: write\nsigned: hardware\nsigned_pin: yes\n";

	check_with_key("access: write\n", NULL, NULL);
	check_with_key(yes, NULL, "ticket MFX-1234: signed: anna has no SSH key at this broker and could allow nothing; have the "
	    "public key registered there (keys)");
	check_with_key(yes, "ssh-ed25519 SHA256:x", NULL);
	check_with_key(hardware, "ssh-ed25519 SHA256:x", "ticket MFX-1234: signed: anna has no key of a security key (sk-...) at "
	    "this broker and could allow nothing; have the public key registered there (keys)");
	check_with_key(hardware, "sk-ssh-ed25519@openssh.com SHA256:x", NULL);
}

static void
what_a_ticket_asks_of_the_second_person_is_read(void **state)
{
	struct ticket *t = golden_ticket();

	assert_int_equal(t->presence, TICKET_PRESENCE_NO);
	assert_int_equal(t->on_leave, TICKET_LEAVE_PAUSE);
	assert_int_equal(t->quorum, TICKET_QUORUM_ONE);
	assert_int_equal(t->answer_from, TICKET_FROM_ANYWHERE);
	ticket_free(t);
	t = changed("access: write\nanswer_from: other_host\n");
	assert_int_equal(t->answer_from, TICKET_FROM_OTHER_HOST);
	assert_string_equal(ticket_from_name(t->answer_from), "other_host");
	ticket_free(t);
	t = changed("access: write\npresence: writes\non_leave: end\nquorum: 1\n");
	assert_int_equal(t->presence, TICKET_PRESENCE_WRITES);
	assert_int_equal(t->on_leave, TICKET_LEAVE_END);
	assert_int_equal(t->quorum, TICKET_QUORUM_ONE);
	assert_string_equal(ticket_presence_name(t->presence), "writes");
	ticket_free(t);
	t = changed("access: write\npresence: any\n");
	assert_int_equal(t->presence, TICKET_PRESENCE_ANY);
	assert_int_equal(t->on_leave, TICKET_LEAVE_PAUSE);
	ticket_free(t);
}

/* In the golden ticket anna of the customer confirms; kim of the firm may, and watches there. */
static void
a_quorum_that_its_people_cannot_give_is_refused(void **state)
{
	char *base = golden_text("ticket.yaml"), *text = golden_change(base, "second_key: other-side", "quorum: both_sides\n");
	struct config *c = golden_config();
	struct ticket *t = NULL;
	struct err e = { .text = "" };
	size_t kim = 0;

	assert_int_equal(ticket_parse(text, strlen(text), "t", &t, &e), 0);
	free(base);
	free(text);
	assert_int_equal(t->quorum, TICKET_QUORUM_BOTH_SIDES);
	assert_string_equal(ticket_quorum_name(t->quorum), "both_sides");
	assert_int_equal(ticket_check(t, c, now_us(), &e), ERR_CONFIG);
	assert_string_equal(e.text, "ticket MFX-1234: quorum: it takes a confirmer of each side and none is of the firm; name one");
	while (kim < t->npeople && strcmp(t->people[kim].name, "kim") != 0)
		kim++;
	assert_true(kim < t->npeople);
	t->people[kim].seat = TICKET_SEAT_CONFIRMER;
	assert_int_equal(ticket_check(t, c, now_us(), &e), 0);
	for (size_t i = 0; i < c->npeople; i++)
		if (strcmp(c->people[i].name, "anna") == 0)
			c->people[i].side = TICKET_SIDE_FIRM;
	assert_int_equal(ticket_check(t, c, now_us(), &e), ERR_CONFIG);
	assert_string_equal(e.text,
	    "ticket MFX-1234: quorum: it takes a confirmer of each side and none is of the customer; name one");
	config_free(c);
	ticket_free(t);
}

static void
an_unknown_excess_is_answered_by_all_names(void **state)
{
	char *base = golden_text("ticket.yaml"), wanted[640] = "";
	char *text = golden_change(base, NULL, "accept_excess: [{ what: root, reason: because }]\n");
	struct ticket *t;
	struct err e;

	strcat(wanted, "t:17: what: 'root' is not what is expected: ");
	for (int i = 0; i < EXCESSES; i++) {
		strcat(wanted, i == 0 ? "" : i + 1 == EXCESSES ? " or " : ", ");
		strcat(wanted, excess_name((enum excess)i));
	}
	assert_int_equal(ticket_parse(text, strlen(text), "t", &t, &e), ERR_CONFIG);
	assert_string_equal(e.text, wanted);
	free(base);
	free(text);
}

static void
a_version_fits_by_whole_parts(void **state)
{
	static const struct {
		const char *asked, *release;
		bool fits;
	} rows[] = {
		{ "15", "15", true }, { "15", "15.20", true }, { "15.20", "15.20", true }, { "15.2", "15.20", false },
		{ "10.1", "10.11", false }, { "10.11", "10.11.6", true }, { "1", "15", false }, { "15", "16", false },
		{ "15.20", "15", false }, { "15", "", false }, { "8.0", "8.0", true }, { "15", "15beta1", false },
	};

	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		char *asked = strdup(rows[i].asked);
		struct ticket t = { .version = asked };

		if (ticket_version_fits(&t, rows[i].release) != rows[i].fits)
			fail_msg("%s of %s", rows[i].asked, rows[i].release);
		free(asked);
	}
}

static void
an_id_is_a_name_and_never_a_path(void **state)
{
	static const char *const good[] = { "a", "MFX-1234", "0", "a.b_c-d", "A..b", "s-1", "azAZ09",
		"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa" };
	static const char *const bad[] = {
		"", ".", "..", "../a", "a/b", "/a", ".a", "-a", "_a", "a b", "a\n", "a\\b", "a:b", "\xc3\xa4", "a\x1b",
		"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", "a%", "a*", "~"
	};

	for (size_t i = 0; i < sizeof good / sizeof good[0]; i++)
		assert_true(ticket_id_ok(good[i]));
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
		assert_false(ticket_id_ok(bad[i]));
	assert_false(ticket_id_ok(NULL));
}

struct row {
	const char *old;
	const char *lines;
	const char *answer;	/* a part of the sentence; NULL: it is taken */
};

static void
a_ticket_is_compared_with_the_configuration(void **state)
{
	static const struct row rows[] = {
		{ NULL, "", NULL },
		{ "target: shop", "target: nowhere\n", "no target 'nowhere'" },
		{ "target: shop", "target: copy\n", "the target copy is export, not production" },
		{ "stage: production", "stage: staging\n", "the target shop is production, not staging" },
		{ "target: shop", "target: shop\nengine: postgres\n", NULL },
		{ "target: shop", "target: shop\nengine: mysql\n",
		    "ticket MFX-1234: engine: the target shop is postgres, not mysql; write down what it is" },
		{ "target: shop", "target: shop\ndatabase: shop\n", NULL },
		{ "target: shop", "target: shop\ndatabase: other\n",
		    "ticket MFX-1234: database: the target shop leads to shop, not other; name another target" },
		{ "access: write", "access: read\n", NULL },
		{ "access: write", "access: none\n", NULL },
		{ "access: write", "access: staging\n", "level staging does not fit stage production" },
		{ "access: write", "access: copy\n", "level copy does not fit stage production" },
		{ "  - name: kim", "  - name: eve\n", "knows no 'eve'" },
		{ "    seat: watcher", "    seat: driver\n", "kim may not be driver" },
		{ "    seat: driver", "    seat: driver\n  - name: kim\n    seat: confirmer\n", "stands here twice" },
		{ "approver: anna", "approver: eve\n", "knows no 'eve'" },
		{ "approver: anna", "", "approver: is missing" },
		{ "approver: anna", "approver: kim\n", NULL },
		{ "second_key: other-side", "second_key: customer\n", NULL },
		{ "second_key: other-side", "second_key: firm\n", "no confirmer is of the side it asks for when ben drives" },
		{ "second_key: other-side", "second_key: any\n", NULL },
		{ "expires: 2026-12-24T18:00:00Z", "expires: 2026-12-01T00:00:01Z\n", NULL },
		{ "expires: 2026-12-24T18:00:00Z", "expires: 2026-12-01T00:00:00Z\n", "it expired at" },
		{ "expires: 2026-12-24T18:00:00Z", "expires: 1970-01-01T00:00:00Z\n", "it expired at" },
	};
	struct config *c = golden_config();
	char *base = golden_text("ticket.yaml");

	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		char *text = golden_change(base, rows[i].old, rows[i].lines);
		struct ticket *t;
		struct err e = { .text = "" };
		int ret = ticket_parse(text, strlen(text), "t", &t, &e);

		if (ret == 0)
			ret = ticket_check(t, c, now_us(), &e);
		if ((ret == 0) != (rows[i].answer == NULL) || (ret != 0 && ret != ERR_CONFIG) ||
		    (ret != 0 && strstr(e.text, rows[i].answer) == NULL))
			fail_msg("row %zu: %d %s", i, ret, e.text);
		ticket_free(t);
		free(text);
	}
	free(base);
	config_free(c);
}

/* Kim is of the firm, as ben: no second key of the other side. */
static void
the_second_key_needs_its_side_for_every_driver(void **state)
{
	struct config *c = golden_config();
	struct ticket *t = golden_ticket();
	struct err e;

	t->people[1].seat = TICKET_SEAT_WATCHER;
	t->people[2].seat = TICKET_SEAT_CONFIRMER;
	assert_int_equal(ticket_check(t, c, now_us(), &e), ERR_CONFIG);
	t->second_key = TICKET_SECOND_CUSTOMER;
	assert_int_equal(ticket_check(t, c, now_us(), &e), ERR_CONFIG);
	t->second_key = TICKET_SECOND_FIRM;
	assert_int_equal(ticket_check(t, c, now_us(), &e), 0);
	t->second_key = TICKET_SECOND_ANY;
	assert_int_equal(ticket_check(t, c, now_us(), &e), 0);
	t->second_key = (enum ticket_second)9;
	assert_int_equal(ticket_check(t, c, now_us(), &e), ERR_CONFIG);
	ticket_free(t);
	config_free(c);
}

/* Which level fits which stage, said again here. */
static void
levels_fit_their_stages_only(void **state)
{
	static const char *const fits[TICKET_ACCESSES] = {
		/* production, staging, development, replica, export */
		[TICKET_ACCESS_NONE] = "yyyyy", [TICKET_ACCESS_COPY] = "nnnny", [TICKET_ACCESS_STAGING] = "nyynn",
		[TICKET_ACCESS_READ] = "yyyyy", [TICKET_ACCESS_WRITE] = "ynnnn",
	};
	struct config *c = golden_config();
	struct ticket *t = golden_ticket();

	for (int a = 0; a < TICKET_ACCESSES + 1; a++) {
		for (int s = 0; s < TICKET_STAGES + 1; s++) {
			bool ok = a < TICKET_ACCESSES && s < TICKET_STAGES && fits[a][s] != 'n';

			t->access = (enum ticket_access)a;
			t->stage = c->targets[0].stage = (enum ticket_stage)s;
			assert_int_equal(ticket_check(t, c, now_us(), NULL), ok ? 0 : ERR_CONFIG);
		}
	}
	ticket_free(t);
	config_free(c);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_ticket_is_read_into_its_struct),
		cmocka_unit_test(every_byte_of_the_file_is_in_the_digest),
		cmocka_unit_test(a_ticket_without_access_needs_nobody),
		cmocka_unit_test(what_a_ticket_asks_of_its_server_is_read),
		cmocka_unit_test(changes_are_read_with_their_bytes),
		cmocka_unit_test(what_a_ticket_asks_of_the_second_person_is_read),
		cmocka_unit_test(a_quorum_that_its_people_cannot_give_is_refused),
		cmocka_unit_test(a_confirmer_who_could_not_sign_is_refused),
		cmocka_unit_test(an_unknown_excess_is_answered_by_all_names),
		cmocka_unit_test(a_version_fits_by_whole_parts),
		cmocka_unit_test(an_id_is_a_name_and_never_a_path),
		cmocka_unit_test(a_ticket_is_compared_with_the_configuration),
		cmocka_unit_test(the_second_key_needs_its_side_for_every_driver),
		cmocka_unit_test(levels_fit_their_stages_only),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
