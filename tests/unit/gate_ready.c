/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "twokey/base/err.h"
#include "twokey/gate/request.h"

#include "gate_ready.h"

struct digest
digest_of_word(const char *word)
{
	return digest_of(word, strlen(word));
}

struct gate_request
ready(void)
{
	struct digest sql = digest_of_word("sql"), bind = digest_of_word("bind");
	struct gate_request r;

	gate_request_init(&r, 12, "ben", &sql, 3, T0, SECONDS);
	snprintf(r.table, sizeof r.table, "orders");
	assert_int_equal(gate_request_sheet(&r, &bind, true, 3, NULL), 0);
	assert_int_equal(gate_request_opened(&r, "anna", false, T0 + 1000, NULL), 0);
	assert_int_equal(gate_request_opened(&r, "anna", true, T0 + 1500, NULL), 0);
	return r;
}

int
allow_at(struct gate_request *r, const char *by, const char *typed, int64_t now_ms)
{
	struct digest sql = digest_of_word("sql"), bind = digest_of_word("bind");
	struct gate_key key = { .by = by, .digest = &sql, .bind = &bind, .typed = typed };
	struct gate_request before = *r;
	struct err e = { .text = "" };
	int ret = gate_request_allow(r, &key, now_ms, &e);

	if (ret != 0) {		/* a refusal changes nothing and says why */
		assert_memory_equal(r, &before, sizeof before);
		assert_true(ret == ERR_DENIED || ret == ERR_STATE);
		assert_true(strlen(e.text) > 20);
	} else {
		assert_int_equal(r->state, GATE_STATE_ALLOWED);
	}
	return ret;
}
