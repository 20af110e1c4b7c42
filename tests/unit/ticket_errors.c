/* SPDX-License-Identifier: GPL-3.0-or-later */
/* errors.txt: every wrong file and the sentence that answers it. TICKET_ERRORS=FILE writes what the program
 * says now into FILE, to be read and compared. */
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
#include "twokey/base/text.h"
#include "twokey/ticket/config.h"
#include "twokey/ticket/ticket.h"

#include "ticket_files.h"

struct fixture {
	char *base[3];	/* config, ticket, way */
	FILE *print;
	size_t cases, wrong;
};

static int
parse(bool ticket, const char *text, size_t n, struct err *e)
{
	struct config *c = NULL;
	struct ticket *t = NULL;
	int ret = ticket ? ticket_parse(text, n, "t.yaml", &t, e) : config_parse(text, n, "t.yaml", &c, e);

	assert_true((ret == 0) == (c != NULL || t != NULL));
	config_free(c);
	ticket_free(t);
	return ret;
}

/* One case: its head, the line it replaces (or NULL), the new lines and the answer. */
static void
run_case(struct fixture *f, const char *head, const char *old, const char *lines, const char *answer)
{
	bool ticket = strncmp(head, "ticket:", 7) == 0, way = strncmp(head, "way:", 4) == 0;
	char *text = golden_change(f->base[ticket ? 1 : way ? 2 : 0], old, lines);
	struct err e = { .code = ERR_OK };
	int ret = parse(ticket, text, strlen(text), &e);

	f->cases++;
	if (ret != ERR_CONFIG || strcmp(e.text, answer) != 0) {
		f->wrong++;
		print_error("%s\n  wanted %s\n  got    %s\n", head, answer, ret == 0 ? "nothing: it was taken" : e.text);
	}
	if (f->print != NULL)
		fprintf(f->print, "%s\n", ret == 0 ? "TAKEN" : e.text);
	free(text);
}

static void
every_wrong_file_is_answered_by_its_sentence(void **state)
{
	struct fixture *f = *state;
	char *text = golden_text("errors.txt"), *save = NULL, *head = NULL, *old = NULL;
	struct buf lines;

	buf_init(&lines, 1 << 16);
	for (char *s = strtok_r(text, "\n", &save); s != NULL; s = strtok_r(NULL, "\n", &save)) {
		if (strncmp(s, "== ", 3) == 0) {
			head = s + 3;
			old = NULL;
			buf_reset(&lines);
		} else if (s[0] == '-') {
			old = s + 1;
		} else if (s[0] == '+') {
			buf_putf(&lines, "%s\n", s + 1);
		} else if (s[0] == '>') {
			run_case(f, head, old, buf_str(&lines), s[1] == ' ' ? s + 2 : "");
		}
	}
	buf_fini(&lines);
	free(text);
	assert_true(f->cases > 100);
	assert_int_equal(f->wrong, 0);
}

static void
whole_files_that_are_no_mapping_are_refused(void **state)
{
	static const struct {
		const char *text;
		size_t n;
		const char *answer;
	} rows[] = {
		{ "", 0, "t.yaml:1: yaml: the file is empty; lines of the form key: value are expected" },
		{ "# nothing\n", 10, "t.yaml:1: yaml: the file is empty; lines of the form key: value are expected" },
		{ "word\n", 5, "t.yaml:1: yaml: the file is no mapping; lines of the form key: value are expected" },
		{ "- a\n", 4, "t.yaml:1: yaml: the file is no mapping; lines of the form key: value are expected" },
		{ "*a\n", 3, "t.yaml:1: yaml: an alias (*) is not taken here; write the value out" },
		{ "id: a\n# \xff\n", 10, "t.yaml:2: yaml: a byte is no UTF-8; save the file as UTF-8" },
		{ "id: a\n# \xc0\x80\n", 11, "t.yaml:2: yaml: a byte is no UTF-8; save the file as UTF-8" },
		{ "id: a\nt: \0\n", 11, "t.yaml:2: yaml: a control character (00) stands here; take it out" },
		{ "id: a\n# \x1b[2J\n", 13, "t.yaml:2: yaml: a control character (1B) stands here; take it out" },
		{ "id: a\rb: c\n", 11, "t.yaml:1: yaml: a control character (0D) stands here; take it out" },
		{ "# \xe2\x80\xae\n", 6, "t.yaml:1: yaml: an invisible or direction-changing character (U+202E) stands "
		    "here; take it out" },
		{ "\xef\xbb\xbfid: a\n", 9, "t.yaml:1: yaml: an invisible or direction-changing character (U+FEFF) stands "
		    "here; take it out" },
		{ "\xff\xfei\0d\0", 6, "t.yaml:1: yaml: a byte is no UTF-8; save the file as UTF-8" },
	};

	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		for (int ticket = 0; ticket < 2; ticket++) {
			struct err e;

			assert_int_equal(parse(ticket, rows[i].text, rows[i].n, &e), ERR_CONFIG);
			assert_string_equal(e.text, rows[i].answer);
		}
	}
}

static void
a_file_that_is_too_large_is_refused(void **state)
{
	struct fixture *f = *state;
	struct buf b;
	struct err e;

	buf_init(&b, 1 << 20);
	buf_puts(&b, f->base[1]);
	while (buf_len(&b) < TICKET_TEXT_MAX)
		buf_putc(&b, '#');
	assert_int_equal(parse(true, buf_data(&b), buf_len(&b), &e), 0);
	buf_putc(&b, '#');
	assert_int_equal(parse(true, buf_data(&b), buf_len(&b), &e), ERR_CONFIG);
	assert_string_equal(e.text, "t.yaml:1: yaml: has 65537 bytes; at most 65536 are taken");
	buf_fini(&b);
}

static void
lists_have_a_limit(void **state)
{
	struct fixture *f = *state;
	struct err e;
	struct buf b;
	char *text;

	buf_init(&b, 1 << 20);
	for (int i = 0; i < TICKET_PEOPLE_MAX; i++)
		buf_putf(&b, "  - { name: p%d, seat: watcher }\n", i);
	buf_puts(&b, "approver: anna\n");
	text = golden_change(f->base[1], "approver: anna", buf_str(&b));
	assert_int_equal(parse(true, text, strlen(text), &e), ERR_CONFIG);
	assert_string_equal(e.text, "t.yaml:8: people: the list has 35 entries; at most 32 are taken");
	free(text);
	buf_fini(&b);
}

/* Each prefix of a good file, and each good file with one byte changed: never more than an answer. */
static void
torn_and_flipped_files_are_answered(void **state)
{
	struct fixture *f = *state;

	for (int base = 0; base < 3; base++) {
		size_t n = strlen(f->base[base]);
		char *text = malloc(n);
		bool ticket = base == 1;
		struct err e;

		for (size_t i = 0; i < n; i++) {
			char *part = malloc(i + 1);

			memcpy(part, f->base[base], i);
			parse(ticket, part, i, &e);
			free(part);
			memcpy(text, f->base[base], n);
			text[i] = (char)(text[i] ^ (1 << i % 8));
			if (parse(ticket, text, n, &e) != 0) {
				assert_memory_equal(e.text, "t.yaml:", 7);
				assert_int_equal(text_marks(e.text, strlen(e.text)), 0);
			}
		}
		free(text);
	}
}

static int
set_up(void **state)
{
	static struct fixture f;
	const char *print = getenv("TICKET_ERRORS");

	f.base[0] = golden_text("config.yaml");
	f.base[1] = golden_text("ticket.yaml");
	f.base[2] = golden_text("way.yaml");
	f.print = print != NULL ? fopen(print, "w") : NULL;
	*state = &f;
	return 0;
}

static int
tear_down(void **state)
{
	struct fixture *f = *state;

	free(f->base[0]);
	free(f->base[1]);
	free(f->base[2]);
	if (f->print != NULL)
		fclose(f->print);
	return 0;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_wrong_file_is_answered_by_its_sentence),
		cmocka_unit_test(whole_files_that_are_no_mapping_are_refused),
		cmocka_unit_test(a_file_that_is_too_large_is_refused),
		cmocka_unit_test(lists_have_a_limit),
		cmocka_unit_test(torn_and_flipped_files_are_answered),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
