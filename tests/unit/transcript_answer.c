/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "twokey/base/buf.h"
#include "twokey/base/err.h"
#include "twokey/base/io.h"
#include "twokey/transcript/answer.h"

static struct transcript_answer
an_answer(void)
{
	return (struct transcript_answer){
		.session = "s-20261121-103612-9f3c11a0", .ticket = "MFX-1234", .ticket_digest = digest_of("t", 1),
		.request = 17, .answer = "allow", .person = "anna", .statement = digest_of("s", 1), .bind = digest_of("b", 1),
		.keys = digest_of("k", 1), .rows = { .at_most = true, .rows = 500 }, .typed = "orders <=500",
		.target = "shop", .identity = "postgres 7301 timeline 1", .database = "shop", .role = "metricfixer_ticket_1",
		.until = "2026-11-21T10:40:12.000000Z", .nonce = "00112233445566778899aabbccddeeff",
		.head = { 21, digest_of("h", 1) }
	};
}

static char *
text_of(const struct transcript_answer *a)
{
	struct buf b;
	char *text;

	buf_init(&b, TRANSCRIPT_ANSWER_MAX);
	transcript_answer_put(&b, a);
	assert_false(buf_over(&b));
	text = buf_take(&b);
	buf_fini(&b);
	return text;
}

static void
equals_golden(const char *name, const char *text)
{
	char path[4096];
	struct buf golden;
	struct err e;

	snprintf(path, sizeof path, "%s/tests/golden/answer/%s", getenv("top_srcdir"), name);
	if (getenv("UPDATE_GOLDEN") != NULL)
		assert_int_equal(io_write_file(path, 0644, text, strlen(text), NULL), 0);
	buf_init(&golden, 65536);
	if (io_read_file(path, 65536, &golden, &e) != 0)
		fail_msg("%s", e.text);
	assert_string_equal(buf_str(&golden), text);
	buf_fini(&golden);
}

static void
the_text_is_as_it_is_written_down(void **state)
{
	struct transcript_answer a = an_answer();
	struct digest head = digest_of("h", 1);
	char *text = text_of(&a);
	struct buf b;

	equals_golden("answer.txt", text);
	free(text);
	buf_init(&b, 4096);
	transcript_seal_put(&b, "s-20261121-103612-9f3c11a0", 41, &head);
	equals_golden("seal.txt", buf_str(&b));
	buf_fini(&b);
}

/* Whatever field differs, the text differs. */
static void
every_field_is_in_the_text(void **state)
{
	struct transcript_answer a = an_answer(), b;
	char *one = text_of(&a), *other;
	size_t fields = 0;

#define DIFFERS(change) do { \
	b = a; \
	change; \
	other = text_of(&b); \
	assert_string_not_equal(one, other); \
	free(other); \
} while (0)
#define OTHER_TEXT(field) DIFFERS(b.field = "another")
#define OTHER_DIGEST(field) DIFFERS(b.field.b[31] ^= 1)
#define OTHER_NUMBER(field) DIFFERS(b.field++)
#define OTHER_ROWS(field) DIFFERS(b.field.rows++); DIFFERS(b.field.at_most = false)
#define OTHER_HEAD(field) DIFFERS(b.field.n++); DIFFERS(b.field.digest.b[0] ^= 128)
#define ANSWER(field, key, type, help) OTHER_##type(field); fields++;
#include "twokey/transcript/answer.def"
#undef ANSWER
	assert_int_equal(fields, 18);
	free(one);
}

static void
a_value_keeps_to_its_line(void **state)
{
	static const char *const values[] = { "a\nperson: ben", "a\\x0Aperson: ben", "a\r\n", "\xe2\x80\xa8", "\xe2\x80\xae", "\xff",
		"\\", "\x1b[2J", "", " ", "\xc3\xa4", "\t" };
	enum { N = sizeof values / sizeof values[0] };
	char *texts[N];

	for (size_t i = 0; i < N; i++) {
		struct transcript_answer a = an_answer();

		a.database = values[i];
		texts[i] = text_of(&a);
		assert_true(transcript_answer_ok(texts[i], strlen(texts[i])));
		assert_true(transcript_answer_says(texts[i], strlen(texts[i]), "database", values[i]));
		assert_true(transcript_answer_says(texts[i], strlen(texts[i]), "person", "anna"));
		assert_false(transcript_answer_says(texts[i], strlen(texts[i]), "person", "ben"));
		for (size_t k = 0; k < i; k++)
			assert_string_not_equal(texts[i], texts[k]);
	}
	for (size_t i = 0; i < N; i++)
		free(texts[i]);
}

static void
only_the_lines_of_the_table_are_an_answer(void **state)
{
	struct transcript_answer a = an_answer();
	char *text = text_of(&a), *other;
	size_t n = strlen(text);

	assert_true(transcript_answer_ok(text, n));
	assert_false(transcript_answer_ok(text, n - 1));
	assert_false(transcript_answer_ok("", 0));
	for (size_t cut = 0; cut < n; cut++)
		assert_false(transcript_answer_ok(text, cut));
	other = malloc(n + 32);
	assert_non_null(other);
	memcpy(other, text, n);
	memcpy(other + n, "note: x\n", 8);
	assert_false(transcript_answer_ok(other, n + 8));
	assert_false(transcript_answer_says(other, n + 8, "person", "anna"));
	memcpy(other, text, n);
	memcpy(strstr(other, "person: "), "Person", 6);
	assert_false(transcript_answer_ok(other, n));
	assert_false(transcript_answer_says(text, n, "nobody", ""));
	free(other);
	free(text);
}

static void
a_text_that_is_too_long_is_told(void **state)
{
	struct transcript_answer a = an_answer();
	char *typed = malloc(TRANSCRIPT_ANSWER_MAX);
	struct buf b;

	assert_non_null(typed);
	memset(typed, '\n', TRANSCRIPT_ANSWER_MAX - 1);
	typed[TRANSCRIPT_ANSWER_MAX - 1] = '\0';
	a.typed = typed;
	buf_init(&b, TRANSCRIPT_ANSWER_MAX);
	transcript_answer_put(&b, &a);
	assert_true(buf_over(&b));
	buf_fini(&b);
	free(typed);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_text_is_as_it_is_written_down),
		cmocka_unit_test(every_field_is_in_the_text),
		cmocka_unit_test(a_value_keeps_to_its_line),
		cmocka_unit_test(only_the_lines_of_the_table_are_an_answer),
		cmocka_unit_test(a_text_that_is_too_long_is_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
