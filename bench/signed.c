/* SPDX-License-Identifier: GPL-3.0-or-later */
/* How long it takes from a signed answer to the statement that goes to the database: allow is sent, the signature is
 * verified in a process of its own, allowed and run are on disk. Without the person's touch, on a private broker. */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <cmocka.h>

#include "integration/signed_world.h"
#include "lib/keys.h"
#include "twokey/base/buf.h"
#include "twokey/base/json.h"

enum { ROUNDS = 40 };

static double
now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1000 + (double)t.tv_nsec / 1e6;
}

static int
by_size(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static double
one(const struct test_broker *b, struct test_console *ben, struct test_console *anna)
{
	int64_t of = test_request(ben, "UPDATE orders SET note = 'x' WHERE id = 7", "= 1");
	struct transcript_answer a;
	struct buf text, signature;
	double from;

	assert_true(json_bool(signed_begin(anna, of, "orders 1"), "ok"));
	a = signed_answer(b, anna, of, "orders 1");
	buf_init(&text, TRANSCRIPT_ANSWER_MAX);
	buf_init(&signature, TRANSCRIPT_SIGNATURE_MAX);
	transcript_answer_put(&text, &a);
	test_key_sign(signed_keys.anna, TRANSCRIPT_ANSWER_NAMESPACE, buf_data(&text), buf_len(&text), 0, &signature);
	from = now_ms();
	assert_true(json_bool(signed_send(anna, of, "orders 1", buf_str(&text), buf_str(&signature)), "ok"));
	test_event(anna, "run", of);
	from = now_ms() - from;
	test_event(anna, "committed", of);
	buf_fini(&text);
	buf_fini(&signature);
	return from;
}

static void
from_answer_to_run(void **state)
{
	struct test_console *ben, *anna;
	struct test_broker b;
	double took[ROUNDS];

	(void)state;
	signed_start(&b, 0);
	signed_open(&b, "access: write\\nstage: production\\n", &ben, &anna);
	for (int i = 0; i < ROUNDS; i++)
		took[i] = one(&b, ben, anna);
	qsort(took, ROUNDS, sizeof took[0], by_size);
	fprintf(stderr, "signed answer to run, %d rounds: median %.1f ms, p95 %.1f ms, largest %.1f ms (must be below 50)\n", ROUNDS,
	    took[ROUNDS / 2], took[ROUNDS * 95 / 100], took[ROUNDS - 1]);
	test_end(&b, ben);
	test_console_close(ben);
	test_console_close(anna);
	test_broker_stop(&b);
}

int
main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(from_answer_to_run) };

	return cmocka_run_group_tests(tests, signed_setup, signed_teardown);
}
