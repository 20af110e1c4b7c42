/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A statement and what the accepted ticket names: lines, object, backup, bound, and what the driver is told to have approved. */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "gate/differ.h"
#include "twokey/base/buf.h"
#include "twokey/base/clock.h"
#include "twokey/base/err.h"
#include "twokey/gate/change.h"
#include "twokey/gate/request.h"
#include "twokey/sql/facts.h"

#define HEAD "id: T-1\ntitle: t\ntarget: shop\naccess: write\nstage: production\npeople:\n  - { name: ben, seat: driver }\n" \
	"  - { name: anna, seat: confirmer }\napprover: anna\nexpires: 2036-01-01T00:00:00Z\n"

static const char all[] = "UPDATE orders SET status = 'open'";

static struct ticket *
made(const char *changes)
{
	struct ticket *t;
	struct buf b;
	struct err e;

	buf_init(&b, 1 << 16);
	buf_putf(&b, HEAD "%s", changes);
	if (ticket_parse(buf_data(&b), buf_len(&b), "t", &t, &e) != 0)
		fail_msg("%s", e.text);
	buf_fini(&b);
	return t;
}

static int64_t
at(const char *when)
{
	int64_t us;

	assert_int_equal(clock_parse(when, strlen(when), &us), 0);
	return us;
}

static void
one_byte_more_is_not_named(void **state)
{
	struct ticket *t = made("backup_max_hours: 24\nchanges:\n  - { sql: \"UPDATE orders SET status = 'open'\", object: orders, "
	    "backup: nightly dump, backup_taken: 2026-06-01T00:00:00Z }\n");
	struct digest d = digest_of(all, strlen(all)), more = digest_of("UPDATE orders SET status = 'open';", strlen(all) + 1);
	int64_t now = at("2026-06-01T10:00:00Z");

	assert_int_equal(gate_named_in(NULL, &d, "orders", now), GATE_NAMED_NOT);
	assert_int_equal(gate_named_in(t, &d, "orders", now), GATE_NAMED_WELL);
	assert_int_equal(gate_named_in(t, &more, "orders", now), GATE_NAMED_NOT);
	assert_int_equal(gate_named_in(t, &d, "Orders", now), GATE_NAMED_OTHER_OBJECT);
	assert_int_equal(gate_named_in(t, &d, "public.orders", now), GATE_NAMED_OTHER_OBJECT);
	assert_int_equal(gate_named_in(t, &d, "", now), GATE_NAMED_OTHER_OBJECT);
	assert_int_equal(gate_named_in(t, &d, "orders", at("2026-06-02T00:00:00Z")), GATE_NAMED_WELL);
	assert_int_equal(gate_named_in(t, &d, "orders", at("2026-06-02T00:00:00Z") + 1), GATE_NAMED_OLD_BACKUP);
	assert_int_equal(gate_named_in(t, &d, "orders", at("2026-06-01T00:00:00Z") - 1), GATE_NAMED_OLD_BACKUP);
	ticket_free(t);
	t = made("changes:\n  - { sql: \"UPDATE orders SET status = 'open'\", object: orders }\n");
	assert_int_equal(gate_named_in(t, &d, "orders", now), GATE_NAMED_NO_BACKUP);
	ticket_free(t);
	t = made("changes:\n  - { sql: \"UPDATE orders SET status = 'open'\" }\n");
	assert_int_equal(gate_named_in(t, &d, "orders", now), GATE_NAMED_OTHER_OBJECT);
	ticket_free(t);
}

static void
bound(const struct ticket_change *c, const char *given, const char *becomes)
{
	struct gate_bound b = { 0 }, is = { 0 };
	struct err e;

	if (given != NULL)
		assert_int_equal(gate_bound_parse(given, &b, &e), 0);
	if (becomes == NULL) {
		assert_int_equal(gate_change_bound(c, &b, &e), ERR_DENIED);
		assert_non_null(strstr(e.text, "rows"));
		return;
	}
	assert_int_equal(gate_bound_parse(becomes, &is, &e), 0);
	assert_int_equal(gate_change_bound(c, &b, &e), 0);
	assert_int_equal(b.op, is.op);
	assert_int_equal(b.rows, is.rows);
}

static void
no_more_rows_than_the_ticket_names(void **state)
{
	struct ticket *t = made("changes:\n  - { sql: \"a\", rows: \"= 3\" }\n  - { sql: \"b\", rows: <=500 }\n  - { sql: \"c\" }\n");

	bound(&t->changes[0], NULL, "= 3");
	bound(&t->changes[0], "= 3", "= 3");
	bound(&t->changes[0], "= 4", NULL);
	bound(&t->changes[0], "<= 3", NULL);
	bound(&t->changes[1], NULL, "<= 500");
	bound(&t->changes[1], "<= 500", "<= 500");
	bound(&t->changes[1], "<= 499", "<= 499");
	bound(&t->changes[1], "= 12", "= 12");
	bound(&t->changes[1], "<= 501", NULL);
	bound(&t->changes[2], "<= 501", "<= 501");
	bound(NULL, "= 7", "= 7");
	ticket_free(t);
}

static void
lines_are_counted_as_they_are_shown(void **state)
{
	char wide[200];

	memset(wide, 'x', sizeof wide);
	assert_int_equal(gate_lines("", 0), 0);
	assert_int_equal(gate_lines("a", 1), 1);
	assert_int_equal(gate_lines("a\n", 2), 1);
	assert_int_equal(gate_lines("a\n\nb", 4), 3);
	assert_int_equal(gate_lines(wide, sizeof wide), 3);
}

static void
the_object_is_the_one_table_with_its_schema(void **state)
{
	static const struct {
		const char *sql, *object;
	} rows[] = {
		{ "UPDATE Orders SET a = 1", "orders" }, { "DELETE FROM public.\"Orders\"", "public.Orders" },
		{ "TRUNCATE orders", "orders" }, { "TRUNCATE orders, lines", NULL }, { "DROP TABLE shop.orders", "shop.orders" },
		{ "SELECT 1", NULL },
	};
	struct sql_facts *f = calloc(1, sizeof *f);
	struct sql_settings set = { .engine = SQL_POSTGRES };
	char object[GATE_OBJECT_MAX];

	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		sql_classify(f, &set, rows[i].sql, strlen(rows[i].sql));
		assert_int_equal(gate_object(f, object), rows[i].object != NULL);
		assert_string_equal(object, rows[i].object != NULL ? rows[i].object : "");
	}
	free(f);
}

/* The driver copies it: it must be what a ticket takes, and then name these bytes. */
static void
what_is_wanted_is_what_a_ticket_takes(void **state)
{
	struct digest d = digest_of(all, strlen(all));
	struct ticket *t;
	struct buf b, changes;
	const char *entry;

	buf_init(&b, 4096);
	gate_change_wanted(&b, &d, "orders", true);
	entry = strchr(buf_str(&b), '{');
	assert_non_null(entry);
	buf_init(&changes, 4096);
	buf_putf(&changes, "changes:\n  - %s\n", entry);
	t = made(buf_str(&changes));
	assert_int_equal(gate_named_in(t, &d, "orders", at("2026-01-31T13:00:00Z")), GATE_NAMED_WELL);
	ticket_free(t);
	buf_reset(&b);
	gate_change_wanted(&b, &d, "", false);
	assert_null(strstr(buf_str(&b), "object"));
	assert_null(strstr(buf_str(&b), "backup"));
	buf_fini(&changes);
	buf_fini(&b);
}

static void
differs(const char *was, const char *is, const char *lines, size_t bytes)
{
	struct buf b;

	buf_init(&b, 1 << 20);
	assert_int_equal(differ(&b, was, strlen(was), is, strlen(is)), bytes);
	assert_string_equal(buf_str(&b), lines);
	assert_int_equal(differ(NULL, was, strlen(was), is, strlen(is)), bytes);
	buf_fini(&b);
}

static void
lines_and_words_that_differ_are_marked(void **state)
{
	differs("DELETE FROM a WHERE id = 7", "DELETE FROM a WHERE id = 8",
	    "- DELETE FROM a WHERE id = [-7-]\n+ DELETE FROM a WHERE id = {+8+}\n", 2);
	differs("a", "a", "  a\n", 0);
	differs("a", "a\n", "  a\n+ \n", 1);
	differs("", "x", "- \n+ {+x+}\n", 1);
	differs("x;", "x", "- x[-;-]\n+ x\n", 1);
	differs("a\nb\nc", "a\nc", "  a\n- b\n  c\n", 2);
	differs("a\nb\nc\nd\ne", "a\nb\nc\nd\nf", "  (4 lines that are the same)\n- [-e-]\n+ {+f+}\n", 2);
	differs("1\n2", "2\n1", "- 1\n  2\n+ 1\n", 4);
	differs("SET a = 1,\n b = 2\nWHERE id = 3", "SET a = 1,\n c = 2\nWHERE id IN (3, 4)",
	    "  SET a = 1,\n-  [-b-] = 2\n+  {+c+} = 2\n- WHERE id [-=-] 3\n+ WHERE id {+IN+} {+(+}3{+, 4)+}\n", 10);
}

/* Any two texts: nothing is lost, and the same is the same. */
static void
what_differs_can_be_put_together_again(void **state)
{
	uint64_t x = 88172645463325252u;

	for (int i = 0; i < 300; i++) {
		char text[2][60];
		struct buf b;
		size_t n[2];

		for (int k = 0; k < 2; k++) {
			n[k] = 0;
			for (x ^= x << 13, x ^= x >> 7, x ^= x << 17; n[k] < x % 40; n[k]++)
				text[k][n[k]] = "ab \n;"[(x >> (n[k] % 50)) % 5];
		}
		buf_init(&b, 1 << 20);
		(void)differ(&b, text[0], n[0], text[1], n[1]);
		for (int k = 0; k < 2; k++) {
			char again[400] = "", *to = again;
			const char *skip = k == 0 ? "+ " : "- ";

			for (const char *p = buf_str(&b); *p != '\0'; p += strcspn(p, "\n") + 1) {
				if (strncmp(p, skip, 2) == 0)
					continue;
				if (strncmp(p, "  (", 3) == 0)
					goto next;	/* what is quiet cannot be put together */
				for (const char *q = p + 2; *q != '\n'; q++)
					if (strchr("[]{}+-", *q) == NULL)
						*to++ = *q;
				*to++ = '\n';
			}
			assert_int_equal(to - again, n[k] + 1);
			assert_memory_equal(again, text[k], n[k]);
		}
next:
		buf_fini(&b);
	}
}

static void
the_sheet_tells_which_change_it_is_or_how_it_differs(void **state)
{
	struct ticket *t = made("changes:\n  - { sql: \"UPDATE lines SET a = 1\", object: lines }\n"
	    "  - { sql: \"UPDATE orders SET status = 'open'\", object: orders, rows: <=20, backup: nightly dump, "
	    "backup_taken: 2026-06-01T00:00:00Z }\n"
	    "  - { sql: \"DELETE FROM orders WHERE id = 7\", object: orders }\n");
	static const struct {
		const char *sql, *object;
		size_t number;
		const char *text;
	} rows[] = {
		{ all, "orders", 2, "as change 2 of the ticket, byte for byte\nrows: <= 20\nbackup: nightly dump, taken 2026-06-01T00:00:00Z\n" },
		{ "DELETE FROM orders WHERE id = 8", "orders", 0, "not in the ticket; the nearest change of orders there is change 3, which "
		    "differs:\n- DELETE FROM orders WHERE id = [-7-]\n+ DELETE FROM orders WHERE id = {+8+}\n" },
		{ "DELETE FROM items", "items", 0, "not in the ticket, whose changes have none of items in words\n" },
	};
	struct ticket *none = made("");

	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct digest d = digest_of(rows[i].sql, strlen(rows[i].sql));
		struct gate_text s = { rows[i].sql, strlen(rows[i].sql), &d, rows[i].object };
		struct buf b;

		buf_init(&b, 1 << 16);
		assert_int_equal(gate_change_tell(&b, t, &s), rows[i].number);
		assert_string_equal(buf_str(&b), rows[i].text);
		buf_reset(&b);
		assert_int_equal(gate_change_tell(&b, none, &s), 0);
		assert_int_equal(buf_len(&b), 0);
		buf_fini(&b);
	}
	ticket_free(t);
	ticket_free(none);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_byte_more_is_not_named),
		cmocka_unit_test(no_more_rows_than_the_ticket_names),
		cmocka_unit_test(lines_are_counted_as_they_are_shown),
		cmocka_unit_test(the_object_is_the_one_table_with_its_schema),
		cmocka_unit_test(lines_and_words_that_differ_are_marked),
		cmocka_unit_test(what_differs_can_be_put_together_again),
		cmocka_unit_test(the_sheet_tells_which_change_it_is_or_how_it_differs),
		cmocka_unit_test(what_is_wanted_is_what_a_ticket_takes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
