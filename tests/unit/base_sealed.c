/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Sealed boxes: opened by their holder for their question only, and nothing of the text is left in memory. */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "twokey/base/buf.h"
#include "twokey/base/err.h"
#include "twokey/base/sealed.h"
#include "twokey/base/secret.h"
#include "twokey/base/text.h"

struct fixture {
	struct sealed_pair *pair;
	char public_key[SEALED_PUBLIC + 1];
	struct buf context;
};

/* A box for the fixture's key and context. */
static struct buf
box_of(const struct fixture *f, const void *text, size_t n)
{
	struct err e = { .text = "" };
	struct buf b;

	buf_init(&b, SEALED_BOX_MAX);
	if (sealed_seal(f->public_key, SEALED_PUBLIC, buf_data(&f->context), buf_len(&f->context), text, n, &b, &e) != 0)
		fail_msg("%s", e.text);
	return b;
}

static int
open_box(const struct fixture *f, const char *box, size_t n, struct secret **out)
{
	struct err e = { .text = "" };
	int ret = sealed_open(f->pair, buf_data(&f->context), buf_len(&f->context), box, n, out, &e);

	assert_true((ret == 0) == (*out != NULL) && (ret == 0) == (e.text[0] == '\0'));
	return ret;
}

static void
what_was_sealed_is_opened(void **state)
{
	struct fixture *f = *state;
	char text[SEALED_TEXT_MAX];

	for (size_t i = 0; i < sizeof text; i++)
		text[i] = (char)(i * 7);
	for (size_t n = 0; n <= sizeof text; n += n < 200 ? 1 : 137) {
		struct buf b = box_of(f, text, n);
		struct secret *s;

		assert_int_equal(open_box(f, buf_data(&b), buf_len(&b), &s), 0);
		assert_int_equal(secret_len(s), n);
		assert_memory_equal(secret_reveal(s), text, n);
		assert_int_equal(secret_reveal(s)[n], '\0');
		secret_free(s);
		buf_fini(&b);
	}
}

static void
the_longest_text_fits_and_no_longer(void **state)
{
	struct fixture *f = *state;
	char text[SEALED_TEXT_MAX + 1] = "x";
	struct buf b = box_of(f, text, SEALED_TEXT_MAX);
	struct err e;

	assert_int_equal(buf_len(&b), SEALED_BOX_MAX);
	buf_reset(&b);
	assert_int_equal(sealed_seal(f->public_key, SEALED_PUBLIC, "", 0, text, sizeof text, &b, &e), ERR_TOO_LARGE);
	assert_string_equal(e.text, "1023 bytes are too many to be sealed; at most 1022 are taken");
	buf_fini(&b);
	buf_init(&b, 20);
	assert_int_equal(sealed_seal(f->public_key, SEALED_PUBLIC, "", 0, text, 1, &b, &e), ERR_TOO_LARGE);
	buf_fini(&b);
}

/* Who sees the box sees neither the text nor how long a short one is, nor that two are alike. */
static void
a_box_tells_nothing(void **state)
{
	struct fixture *f = *state;
	struct buf a = box_of(f, "hunter2", 7), b = box_of(f, "hunter2", 7), c = box_of(f, "", 0);

	assert_int_equal(buf_len(&a), buf_len(&b));
	assert_int_equal(buf_len(&a), buf_len(&c));
	assert_string_not_equal(buf_str(&a), buf_str(&b));
	assert_null(strstr(buf_str(&a), "aHVudGVyMg"));
	buf_fini(&a);
	buf_fini(&b);
	buf_fini(&c);
}

/* Every bit of the raw box. */
static void
a_changed_box_does_not_open(void **state)
{
	struct fixture *f = *state;
	struct buf b = box_of(f, "hunter2", 7), raw, changed;

	buf_init(&raw, 2048);
	buf_init(&changed, 2048);
	assert_int_equal(text_unbase64(&raw, buf_data(&b), buf_len(&b)), 0);
	for (size_t bit = 0; bit < buf_len(&raw) * 8; bit++) {
		char *bytes = malloc(buf_len(&raw));
		struct secret *s;
		int ret;

		memcpy(bytes, buf_data(&raw), buf_len(&raw));
		bytes[bit / 8] = (char)(bytes[bit / 8] ^ 1 << bit % 8);
		buf_reset(&changed);
		text_base64(&changed, bytes, buf_len(&raw));
		ret = open_box(f, buf_data(&changed), buf_len(&changed), &s);
		/* the highest bit of an X25519 half is ignored by the curve, not by the salt */
		assert_int_equal(ret, bit < 8 ? ERR_INVALID : ERR_DENIED);
		free(bytes);
	}
	buf_fini(&b);
	buf_fini(&raw);
	buf_fini(&changed);
}

static void
a_cut_box_does_not_open(void **state)
{
	struct fixture *f = *state;
	struct buf b = box_of(f, "hunter2", 7);

	for (size_t n = 0; n < buf_len(&b); n++) {
		char *part = malloc(n + 1);
		struct secret *s;

		memcpy(part, buf_data(&b), n);
		assert_int_equal(open_box(f, part, n, &s), ERR_INVALID);
		free(part);
	}
	buf_fini(&b);
}

static void
what_is_no_box_is_refused(void **state)
{
	static const char *const boxes[] = { "", "=", "====", "AAAA", "hunter2", "\xff\xfe", "AQ==" };
	struct fixture *f = *state;
	char *big = calloc(1, 100000);
	struct secret *s;

	for (size_t i = 0; i < sizeof boxes / sizeof boxes[0]; i++)
		assert_int_equal(open_box(f, boxes[i], strlen(boxes[i]), &s), ERR_INVALID);
	memset(big, 'A', 100000);
	assert_int_equal(open_box(f, big, 100000, &s), ERR_INVALID);
	free(big);
}

static void
a_box_is_for_its_question_alone(void **state)
{
	static const struct {
		const char *session;
		uint64_t event;
		const char *what;
	} others[] = {
		{ "s-2", 7, "password" }, { "s-1", 8, "password" }, { "s-1", 7, "passphrase" }, { "s-1", 7, "" },
		{ "s-1\0", 0x70000000000, "password" }, { "s-1p", 7, "assword" }, { "", 7, "password" },
	};
	struct fixture *f = *state;
	struct buf b = box_of(f, "hunter2", 7), other;
	struct secret *s;
	struct err e;

	for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
		buf_init(&other, 200);
		sealed_context(&other, others[i].session, others[i].event, others[i].what);
		assert_int_equal(sealed_open(f->pair, buf_data(&other), buf_len(&other), buf_data(&b), buf_len(&b), &s, &e),
		    ERR_DENIED);
		assert_string_equal(e.text, "the sealed box is for another key or question, or was changed; ask again");
		assert_null(s);
		buf_fini(&other);
	}
	assert_int_equal(sealed_open(f->pair, "", 0, buf_data(&b), buf_len(&b), &s, &e), ERR_DENIED);
	buf_fini(&b);
}

static void
a_box_is_for_its_holder_alone(void **state)
{
	struct fixture *f = *state, other = { .pair = sealed_pair_create(), .context = f->context };
	struct buf b = box_of(f, "hunter2", 7);
	struct secret *s;

	sealed_public(other.pair, other.public_key);
	assert_string_not_equal(other.public_key, f->public_key);
	assert_int_equal(open_box(&other, buf_data(&b), buf_len(&b), &s), ERR_DENIED);
	sealed_pair_free(other.pair);
	sealed_pair_free(NULL);
	buf_fini(&b);
}

/* Points of small order lead every secret to the same place. */
static void
what_is_no_public_key_is_refused(void **state)
{
	static const char *const keys[] = {
		"", "hunter2", "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA!",
		"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=", "AQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=",
		"7P///////////////////////////////////////38=", "4Ot6fDtBuK4WVuP68Z/EatoJjeucMrH9hmIFFl9JuAA=",
	};
	struct buf b;
	struct err e;

	buf_init(&b, SEALED_BOX_MAX);
	for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++) {
		assert_int_equal(sealed_seal(keys[i], strlen(keys[i]), "", 0, "hunter2", 7, &b, &e), ERR_INVALID);
		assert_string_equal(e.text, "what should be a public key is none");
	}
	assert_int_equal(buf_len(&b), 0);
	buf_fini(&b);
}

enum { MARK = 32 };
/* The mark, every byte turned over, so that it stands nowhere but where it was put. */
static const unsigned char turned[MARK] = {
	0x91, 0x8e, 0xb3, 0xd5, 0xa7, 0xc2, 0xe4, 0xf1, 0x8c, 0x93, 0xba, 0xd7, 0xa1, 0xc8, 0xe6, 0xf3,
	0x95, 0x8a, 0xb7, 0xd1, 0xa3, 0xc6, 0xe0, 0xf5, 0x98, 0x97, 0xbe, 0xd3, 0xa5, 0xcc, 0xe2, 0xf7
};

static size_t
marks_in(const unsigned char *p, size_t n)
{
	size_t found = 0, k;

	for (size_t i = 0; i + MARK <= n; i++) {
		for (k = 0; k < MARK && p[i + k] + turned[k] == 0xff; k++)
			;
		found += k == MARK;
	}
	return found;
}

/* How often the mark stands in memory that this process can write. */
static size_t
marks_in_memory(void)
{
	enum { CHUNK = 1 << 16 };
	/* shared, so that it is not looked at itself */
	unsigned char *chunk = mmap(NULL, CHUNK + MARK, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	FILE *maps = fopen("/proc/self/maps", "r");
	int mem = open("/proc/self/mem", O_RDONLY | O_CLOEXEC);
	char line[4096], rights[8];
	unsigned long from, to;
	size_t found = 0;

	assert_true(chunk != MAP_FAILED && maps != NULL && mem >= 0);
	while (fgets(line, sizeof line, maps) != NULL) {
		/* the shadow of a sanitizer is terabytes of nothing */
		if (sscanf(line, "%lx-%lx %7s", &from, &to, rights) != 3 || rights[1] != 'w' || rights[3] != 'p' ||
		    to - from > 1ul << 30)
			continue;
		for (unsigned long at = from; at < to; at += CHUNK) {
			ssize_t r = pread(mem, chunk, CHUNK + MARK - 1, (off_t)at);

			if (r > 0)
				found += marks_in(chunk, (size_t)r < to - at ? (size_t)r : to - at);
		}
	}
	fclose(maps);
	close(mem);
	munmap(chunk, CHUNK + MARK);
	return found;
}

static void
nothing_of_the_text_is_left(void **state)
{
	struct fixture *f = *state;
	char *text = malloc(MARK);
	struct secret *s;
	struct buf b;

	for (int i = 0; i < MARK; i++)
		text[i] = (char)(turned[i] ^ 0xff);
	assert_int_equal(marks_in_memory(), 1);
	b = box_of(f, text, MARK);
	assert_int_equal(marks_in_memory(), 1);
	secret_wipe(text, MARK);
	free(text);
	assert_int_equal(marks_in_memory(), 0);
	assert_int_equal(open_box(f, buf_data(&b), buf_len(&b), &s), 0);
	assert_int_equal(marks_in_memory(), 1);
	secret_free(s);
	assert_int_equal(marks_in_memory(), 0);
	buf_fini(&b);
}

static int
set_up(void **state)
{
	static struct fixture f;

	f.pair = sealed_pair_create();
	sealed_public(f.pair, f.public_key);
	buf_init(&f.context, 200);
	sealed_context(&f.context, "s-1", 7, "password");
	*state = &f;
	return 0;
}

static int
tear_down(void **state)
{
	struct fixture *f = *state;

	sealed_pair_free(f->pair);
	buf_fini(&f->context);
	return 0;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_was_sealed_is_opened),
		cmocka_unit_test(the_longest_text_fits_and_no_longer),
		cmocka_unit_test(a_box_tells_nothing),
		cmocka_unit_test(a_changed_box_does_not_open),
		cmocka_unit_test(a_cut_box_does_not_open),
		cmocka_unit_test(what_is_no_box_is_refused),
		cmocka_unit_test(a_box_is_for_its_question_alone),
		cmocka_unit_test(a_box_is_for_its_holder_alone),
		cmocka_unit_test(what_is_no_public_key_is_refused),
		cmocka_unit_test(nothing_of_the_text_is_left),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
