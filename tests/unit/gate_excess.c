/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The third wall over its whole product, against rules written here from the law, not from excess.def. */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "twokey/base/buf.h"
#include "twokey/base/io.h"
#include "twokey/gate/excess.h"

static bool
only_told(enum excess k)
{
	return k == EXCESS_NO_EXPIRY || k == EXCESS_NAME || k == EXCESS_SHARED;
}

static enum gate_excess
expected(enum ticket_access a, enum ticket_stage s, enum excess k)
{
	bool live = s == TICKET_STAGE_PRODUCTION || s == TICKET_STAGE_REPLICA;
	bool changes = a != TICKET_ACCESS_READ && s != TICKET_STAGE_REPLICA;

	if (a == TICKET_ACCESS_NONE)
		return GATE_EXCESS_REFUSED;	/* nobody connects at all */
	if (only_told(k))
		return GATE_EXCESS_SHOWN;
	if (k == EXCESS_WRITE && changes)
		return GATE_EXCESS_FINE;	/* what the level is for */
	return live ? GATE_EXCESS_REFUSED : GATE_EXCESS_SHOWN;
}

static void
whole_product(void **state)
{
	(void)state;
	for (int a = 0; a < TICKET_ACCESSES; a++)
		for (int s = 0; s < TICKET_STAGES; s++)
			for (int k = 0; k < EXCESSES; k++)
				assert_int_equal(gate_excess((enum ticket_access)a, (enum ticket_stage)s, (enum excess)k),
				    expected((enum ticket_access)a, (enum ticket_stage)s, (enum excess)k));
}

static void
unknown_is_refused(void **state)
{
	(void)state;
	assert_int_equal(gate_excess(TICKET_ACCESSES, TICKET_STAGE_STAGING, EXCESS_NAME), GATE_EXCESS_REFUSED);
	assert_int_equal(gate_excess(TICKET_ACCESS_READ, TICKET_STAGES, EXCESS_NAME), GATE_EXCESS_REFUSED);
	assert_int_equal(gate_excess(TICKET_ACCESS_READ, TICKET_STAGE_STAGING, EXCESSES), GATE_EXCESS_REFUSED);
}

static void
names_come_back(void **state)
{
	enum excess k;

	(void)state;
	for (int i = 0; i < EXCESSES; i++) {
		assert_true(excess_parse(excess_name((enum excess)i), &k));
		assert_int_equal(k, i);
		assert_true(excess_help((enum excess)i)[0] != '\0');
	}
	assert_false(excess_parse("root", &k));
}

/* doc/accounts.txt holds the table as it is printed. */
static void
the_document_agrees(void **state)
{
	const char *top = getenv("top_srcdir");
	struct buf want, doc;
	char path[4096];

	(void)state;
	snprintf(path, sizeof path, "%s/doc/accounts.txt", top != NULL ? top : ".");
	buf_init(&want, 65536);
	buf_init(&doc, 65536);
	gate_excess_print(&want);
	if (getenv("UPDATE_DOC") != NULL)
		fputs(buf_str(&want), stdout);
	assert_int_equal(io_read_file(path, 65536, &doc, NULL), 0);
	assert_non_null(strstr(buf_str(&doc), buf_str(&want)));
	buf_fini(&want);
	buf_fini(&doc);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(whole_product), cmocka_unit_test(unknown_is_refused), cmocka_unit_test(names_come_back),
		cmocka_unit_test(the_document_agrees),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
