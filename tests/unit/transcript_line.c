/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Lines and bodies: what is taken is what jansson takes, the table of events is the one of the document. */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
/* cmocka wants those above first */
#include <cmocka.h>

#include "twokey/base/buf.h"
#include "twokey/base/err.h"
#include "twokey/base/io.h"
#include "twokey/base/json.h"
#include "twokey/transcript/event.h"
#include "twokey/transcript/limit.h"
#include "twokey/transcript/line.h"
#include "twokey/transcript/writer.h"

#define SALT "2e6367251667c6ddf9675d8c95ff3a68b6aa1e189696bced998fa006dbc50cbd"
#define FRONT "{\"n\":12,\"t\":\"2026-06-08T14:03:12.123456Z\",\"ms\":782113,\"prev\":\"" SALT "\",\"ev\":\"request\""
#define REF "{\"k\":\"sql\",\"sha\":\"" SALT "\",\"len\":61}"

static void
an_event_line_gives_its_fixed_members(void **state)
{
	static const char line[] = FRONT ",\"by\":\"ben\",\"b\":[" REF "," REF "]}";
	struct transcript_body_ref ref;
	struct transcript_line l;
	size_t at = 0;
	bool bad;

	transcript_line_scan(line, sizeof line - 1, &l);
	assert_int_equal(l.type, TRANSCRIPT_LINE_EVENT);
	assert_int_equal(l.n, 12);
	assert_int_equal(l.ms, 782113);
	assert_true(l.known);
	assert_int_equal(l.kind, TRANSCRIPT_EVENT_REQUEST);
	assert_memory_equal(l.t, "2026-06-08T14:03:12.123456Z", 27);
	assert_int_equal(l.prev.b[0], 0x2e);
	for (int i = 0; i < 2; i++) {
		assert_true(transcript_body_next(&l, &at, &ref, &bad));
		assert_int_equal(ref.len, 61);
		assert_memory_equal(ref.k, "sql", 3);
	}
	assert_false(transcript_body_next(&l, &at, &ref, &bad));
	assert_false(bad);
}

static void
a_body_line_gives_its_event_and_kind(void **state)
{
	static const char line[] = "{\"s\":\"" SALT "\",\"of\":7,\"k\":\"rows\",\"rows\":[]}";
	struct transcript_line l;

	transcript_line_scan(line, sizeof line - 1, &l);
	assert_int_equal(l.type, TRANSCRIPT_LINE_BODY);
	assert_int_equal(l.n, 7);
	assert_int_equal(l.k_len, 4);
	assert_memory_equal(l.k, "rows", 4);
}

static void
events_of_a_newer_writer_are_events(void **state)
{
	static const char line[] = "{\"n\":1,\"t\":\"2026-06-08T14:03:12.123456Z\",\"ms\":0,\"prev\":\"" SALT
	    "\",\"ev\":\"telepathy\",\"x\":{\"b\":[1,{}]}}";
	struct transcript_line l;

	transcript_line_scan(line, sizeof line - 1, &l);
	assert_int_equal(l.type, TRANSCRIPT_LINE_EVENT);
	assert_false(l.known);
	assert_null(l.b);
}

static void
anything_else_is_bad(void **state)
{
	static const char *const bad[] = {
		"", "{", "{}", "[]", "{\"n\":1}", " " FRONT "}", FRONT "} ", FRONT, FRONT ",}", FRONT ",\"x\":}", FRONT ",\"x\":1,}",
		FRONT ",\"n\":1}", FRONT ",\"ms\":1}", FRONT ",\"prev\":1}", FRONT ",\"ev\":\"x\"}", FRONT ",\"t\":1}",
		FRONT ",\"b\":[" REF "],\"x\":1}", FRONT ",\"b\":{}}", FRONT ",\"b\":1}", FRONT ",\"x\":01}", FRONT ",\"x\":+1}",
		FRONT ",\"x\":1.}", FRONT ",\"x\":.5}", FRONT ",\"x\":1e}", FRONT ",\"x\":nul}", FRONT ",\"x\":\"\\x\"}",
		FRONT ",\"x\":\"\\ud800\"}", FRONT ",\"x\":\"\\u0000\"}", FRONT ",\"x\": 1}", FRONT ",\"x\":[1,]}", FRONT ",\"x\":{1:2}}",
		"{\"n\":0,\"t\":\"2026-06-08T14:03:12.123456Z\",\"ms\":0,\"prev\":\"" SALT "\",\"ev\":\"x\"}",
		"{\"n\":01,\"t\":\"2026-06-08T14:03:12.123456Z\",\"ms\":0,\"prev\":\"" SALT "\",\"ev\":\"x\"}",
		"{\"n\":1,\"t\":\"2026-06-08 14:03:12.123456Z\",\"ms\":0,\"prev\":\"" SALT "\",\"ev\":\"x\"}",
		"{\"n\":1,\"t\":\"2026-06-08T14:03:12.123456Z\",\"ms\":-1,\"prev\":\"" SALT "\",\"ev\":\"x\"}",
		"{\"n\":9223372036854775808,\"t\":\"2026-06-08T14:03:12.123456Z\",\"ms\":0,\"prev\":\"" SALT "\",\"ev\":\"x\"}",
		"{\"n\":1,\"t\":\"2026-06-08T14:03:12.123456Z\",\"ms\":0,\"prev\":\"2E" "\",\"ev\":\"x\"}",
		"{\"s\":\"" SALT "\",\"of\":0,\"k\":\"rows\"}", "{\"s\":\"" SALT "\",\"of\":1}", "{\"s\":\"" SALT "\",\"of\":1,\"k\":\"\"}",
		"{\"s\":\"" SALT "\",\"of\":1,\"k\":\"rows\"", "{\"s\":\"" SALT "\",\"of\":1,\"k\":\"rows\"}x", "{\"s\":\"\",\"of\":1,\"k\":\"rows\"}",
		"{\"s\":\"" SALT "\",\"of\":1,\"k\":\"Rows\"}",
	};

	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		char *exact = malloc(strlen(bad[i]) + 1);
		struct transcript_line l;

		memcpy(exact, bad[i], strlen(bad[i]));
		transcript_line_scan(exact, strlen(bad[i]), &l);
		if (l.type != TRANSCRIPT_LINE_BAD)
			fail_msg("taken: %s", bad[i]);
		free(exact);
	}
}

static void
a_list_of_bodies_that_is_none_is_told(void **state)
{
	static const char *const lists[] = { "[]", "[" REF ",]", "[" REF REF "]", "[1]", "[{}]", "[" REF ",{\"k\":\"x\"}]",
		"[{\"k\":\"sql\",\"sha\":\"00\",\"len\":1}]" };

	for (size_t i = 0; i < sizeof lists / sizeof lists[0]; i++) {
		struct transcript_body_ref ref;
		struct transcript_line l;
		char line[1000];
		size_t at = 0;
		bool bad = false;

		snprintf(line, sizeof line, FRONT ",\"b\":%s}", lists[i]);
		transcript_line_scan(line, strlen(line), &l);
		if (l.type == TRANSCRIPT_LINE_BAD)
			continue;
		while (transcript_body_next(&l, &at, &ref, &bad))
			;
		if (!bad)
			fail_msg("taken: %s", lists[i]);
	}
}

/* Both ways: what the check takes jansson takes; and what it refuses is refused for a reason. */
static void
a_body_that_is_taken_is_one_that_every_reader_takes(void **state)
{
	static const struct {
		const char *json;
		int ret;
	} rows[] = {
		{ "{\"k\":\"rows\"}", 0 },
		{ "{\"k\":\"rows\",\"rows\":[[1,-2.5e+10,true,false,null,\"x\\n\\u00e9\\ud83d\\ude00\"],[]],\"x\":{}}", 0 },
		{ "{\"k\":\"a.b-c_9\",\"x\":9223372036854775807}", 0 },
		{ "{\"k\":\"rows\",\"x\":9223372036854775808}", ERR_INVALID },
		{ "{\"k\":\"rows\",\"x\":123456789012345678901234567890}", ERR_INVALID },
		{ "{\"k\":\"rows\",\"x\":1e999}", ERR_INVALID },
		{ "{\"k\":\"rows\",\"x\":1e-999}", 0 },
		{ "{\"k\":\"rows\",\"x\":\"\\u0000\"}", ERR_INVALID },
		{ "{\"k\":\"rows\",\"x\":\"\\udc00\"}", ERR_INVALID },
		{ "{\"k\":\"rows\",\"x\":\"\x80\"}", ERR_INVALID },
		{ "{\"k\":\"rows\",\"x\":\"\xc0\x80\"}", ERR_INVALID },
		{ "{\"k\":\"rows\",\"x\":\"\n\"}", ERR_INVALID },
		{ "{\"k\":\"rows\"\n}", ERR_INVALID },
		{ "{\"k\":\"rows\"}\n", ERR_INVALID },
		{ "{\"k\":\"rows\",\"s\":1}", ERR_INVALID },
		{ "{\"k\":\"rows\",\"of\":1}", ERR_INVALID },
		{ "{\"k\":\"rows\",\"k\":1}", ERR_INVALID },
		{ "{\"k\":\"rows\",\"\\u0073\":1}", ERR_INVALID },
		{ "{\"x\":1,\"k\":\"rows\"}", ERR_INVALID },
		{ "{\"k\":1}", ERR_INVALID },
		{ "{\"k\":\"rows\"", ERR_INVALID },
		{ "{\"k\":\"rows\"}}", ERR_INVALID },
		{ "{\"k\":\"rows\",\"x\":[}", ERR_INVALID },
		{ "{\"k\":\"rows\",\"x\":[1 2]}", ERR_INVALID },
		{ "{\"k\":\"rows\",\"x\":-}", ERR_INVALID },
		{ "{\"k\":\"rows\",\"x\":tru}", ERR_INVALID },
		{ "", ERR_INVALID },
	};

	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		size_t n = strlen(rows[i].json);
		json_t *o = json_line_parse(rows[i].json, n, NULL);

		if (transcript_body_check(rows[i].json, n) != rows[i].ret)
			fail_msg("%s: not as expected", rows[i].json);
		if (rows[i].ret == 0)
			assert_non_null(o);
		json_decref(o);
	}
}

static void
nesting_is_bounded_and_needs_no_stack(void **state)
{
	enum { N = 200000 };
	char *p = malloc(N + 32);

	for (unsigned depth = 60; depth < N; depth = depth < 70 ? depth + 1 : depth * 9) {
		int len = sprintf(p, "{\"k\":\"rows\",\"x\":");

		memset(p + len, '[', depth);
		if (depth * 2 + 32 < N) {
			memset(p + len + depth, ']', depth);
			p[len + 2 * depth] = '}';
			assert_int_equal(transcript_body_check(p, (size_t)len + 2 * depth + 1), depth <= 64 ? 0 : ERR_INVALID);
		} else {
			assert_int_equal(transcript_body_check(p, (size_t)len + depth), ERR_INVALID);
		}
	}
	free(p);
}

static bool
is_word(const char *list, const char *word)
{
	size_t n = strlen(word);

	for (const char *p = list; (p = strstr(p, word)) != NULL; p += n)
		if ((p == list || p[-1] == ' ') && (p[n] == ' ' || p[n] == '\0'))
			return true;
	return false;
}

static void
no_event_has_a_field_of_a_fixed_name(void **state)
{
	static const char *const fixed[] = { "n", "t", "ms", "prev", "ev", "b" };

	for (int k = 0; k < TRANSCRIPT_EVENTS; k++) {
		const struct transcript_event_rule *r = transcript_event_rule((enum transcript_event_kind)k);
		enum transcript_event_kind is;

		for (size_t i = 0; i < sizeof fixed / sizeof fixed[0]; i++)
			if (is_word(r->fields, fixed[i]))
				fail_msg("%s has a field %s", r->name, fixed[i]);
		assert_true(transcript_event_parse(r->name, strlen(r->name), &is));
		assert_int_equal(is, k);
		assert_false(transcript_event_parse(r->name, strlen(r->name) - 1, &is));
		assert_true(strlen(r->help) > 0);
		/* what ends a session may use the reserve; nothing that starts something does */
		assert_false(r->reserve && (k == TRANSCRIPT_EVENT_RUN || k == TRANSCRIPT_EVENT_ALLOWED ||
		    k == TRANSCRIPT_EVENT_READ || k == TRANSCRIPT_EVENT_REQUEST || k == TRANSCRIPT_EVENT_BEGIN));
	}
}

/* doc/transcript.txt has one paragraph per event; with UPDATE_DOC=1 the table is printed instead. */
static void
the_document_lists_every_event_as_the_table_does(void **state)
{
	const char *top = getenv("top_srcdir");
	struct buf doc, want;
	char path[4096];
	struct err e;

	snprintf(path, sizeof path, "%s/doc/transcript.txt", top != NULL ? top : ".");
	buf_init(&doc, 1024 * 1024);
	buf_init(&want, 65536);
	assert_int_equal(io_read_file(path, 1024 * 1024, &doc, &e), 0);
	for (int k = 0; k < TRANSCRIPT_EVENTS; k++) {
		const struct transcript_event_rule *r = transcript_event_rule((enum transcript_event_kind)k);
		static const char *const by[] = { "session", "db", "tunnel", "recorder" };

		buf_reset(&want);
		buf_putf(&want, "  %s (%s, synced %s%s): %s\n      fields: %s\n%s%s%s", r->name, by[r->writer],
		    r->sync == TRANSCRIPT_SYNC_NOW ? "at once" : "soon", r->reserve ? ", may use the reserve" : "", r->help,
		    r->fields[0] != '\0' ? r->fields : "none", r->bodies[0] != '\0' ? "      bodies: " : "", r->bodies,
		    r->bodies[0] != '\0' ? "\n" : "");
		if (getenv("UPDATE_DOC") != NULL)
			fprintf(stderr, "%s", buf_str(&want));
		else if (strstr(buf_str(&doc), buf_str(&want)) == NULL)
			fail_msg("doc/transcript.txt lacks:\n%s", buf_str(&want));
	}
	buf_fini(&want);
	buf_fini(&doc);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_event_line_gives_its_fixed_members),
		cmocka_unit_test(a_body_line_gives_its_event_and_kind),
		cmocka_unit_test(events_of_a_newer_writer_are_events),
		cmocka_unit_test(anything_else_is_bad),
		cmocka_unit_test(a_list_of_bodies_that_is_none_is_told),
		cmocka_unit_test(a_body_that_is_taken_is_one_that_every_reader_takes),
		cmocka_unit_test(nesting_is_bounded_and_needs_no_stack),
		cmocka_unit_test(no_event_has_a_field_of_a_fixed_name),
		cmocka_unit_test(the_document_lists_every_event_as_the_table_does),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
