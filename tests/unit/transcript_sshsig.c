/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Signatures by the real ssh-keygen, keys of every kind, and a security key of software. */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "lib/keys.h"
#include "twokey/base/buf.h"
#include "twokey/base/clock.h"
#include "twokey/base/err.h"
#include "twokey/base/text.h"
#include "twokey/transcript/answer.h"
#include "twokey/transcript/sshsig.h"

enum { KINDS = 5, FIRST_SK = 3, WITHIN_MS = 30000 };
static const char *const kinds[KINDS] = { "ed25519", "ecdsa", "rsa", "ed25519-sk", "ecdsa-sk" };
static const char text[] = "twokey: answer 1\nperson: anna\n";

struct fixture {
	char dir[64];
	char keys[KINDS][128];
	struct buf lines[KINDS];	/* allowed signers: anna with that key */
	struct buf signatures[KINDS];
};

static struct fixture *
setup_all(void)
{
	char dir[] = "/tmp/twokey-keys-XXXXXX";
	struct fixture *f = calloc(1, sizeof *f);

	assert_non_null(f);
	assert_non_null(mkdtemp(dir));
	memcpy(f->dir, dir, sizeof dir);
	for (int i = 0; i < KINDS; i++) {
		snprintf(f->keys[i], sizeof f->keys[i], "%s/%s", dir, kinds[i]);
		test_key(f->keys[i], kinds[i]);
		buf_init(&f->lines[i], 8192);
		buf_init(&f->signatures[i], TRANSCRIPT_SIGNATURE_MAX);
		buf_puts(&f->lines[i], "anna namespaces=\"" TRANSCRIPT_ANSWER_NAMESPACE "\" ");
		test_key_public(f->keys[i], &f->lines[i]);
		buf_puts(&f->lines[i], "\n");
		test_key_sign(f->keys[i], TRANSCRIPT_ANSWER_NAMESPACE, text, sizeof text - 1, 1, &f->signatures[i]);
	}
	return f;
}

static int
setup(void **state)
{
	*state = setup_all();
	return 0;
}

static int
teardown(void **state)
{
	struct fixture *f = *state;
	char cmd[128];

	snprintf(cmd, sizeof cmd, "rm -rf '%s'", f->dir);
	assert_int_equal(system(cmd), 0);
	for (int i = 0; i < KINDS; i++) {
		buf_fini(&f->lines[i]);
		buf_fini(&f->signatures[i]);
	}
	free(f);
	return 0;
}

static int
verify(struct buf *lines, const char *signer, const char *over, struct buf *signature, struct sshsig *out, struct err *e)
{
	struct sshsig_wish w = { .signer = signer, .namespace = TRANSCRIPT_ANSWER_NAMESPACE, .lines = buf_str(lines),
	    .within_ms = WITHIN_MS };

	return sshsig_verify(&w, over, strlen(over), buf_data(signature), buf_len(signature), out, e);
}

static void
a_signature_is_good_for_its_key_text_and_person(void **state)
{
	struct fixture *f = *state;

	for (int i = 0; i < KINDS; i++) {
		struct sshsig s;
		struct sshkey key;
		const char *line = buf_str(&f->lines[i]);
		struct err e = { .text = "" };

		if (verify(&f->lines[i], "anna", text, &f->signatures[i], &s, &e) != 0)
			fail_msg("%s: %s", kinds[i], e.text);
		line = strrchr(line, '"') + 2;
		assert_true(sshkey_parse(line, strlen(line) - 1, &key));
		assert_string_equal(key.fingerprint, s.key.fingerprint);
		assert_string_equal(key.type, s.key.type);
		assert_int_equal(s.hardware, i >= FIRST_SK);
		assert_int_equal(s.touch, i >= FIRST_SK);
		assert_int_equal(s.counter, i >= FIRST_SK ? 7 : 0);
		assert_false(s.pin);
		assert_int_equal(verify(&f->lines[i], "ben", text, &f->signatures[i], NULL, &e), ERR_DENIED);
		assert_int_equal(verify(&f->lines[i], "anna", "twokey: answer 1\nperson: ben\n", &f->signatures[i], NULL, &e), ERR_DENIED);
		assert_int_equal(verify(&f->lines[(i + 1) % KINDS], "anna", text, &f->signatures[i], NULL, &e), ERR_DENIED);
	}
}

static void
what_the_security_key_claims_is_read(void **state)
{
	struct fixture *f = *state;

	for (int i = FIRST_SK; i < KINDS; i++)
		for (int flags = 0; flags < 8; flags++) {
			struct sshsig s;
			struct buf signature;
			struct err e = { .text = "" };

			buf_init(&signature, TRANSCRIPT_SIGNATURE_MAX);
			test_key_sign(f->keys[i], TRANSCRIPT_ANSWER_NAMESPACE, text, sizeof text - 1, flags, &signature);
			if (verify(&f->lines[i], "anna", text, &signature, &s, &e) != 0)	/* ssh-keygen does not ask for a touch */
				fail_msg("%s", e.text);
			assert_int_equal(s.touch, (flags & 1) != 0);
			assert_int_equal(s.pin, (flags & 4) != 0);
			assert_int_equal(s.counter, 7);
			buf_fini(&signature);
		}
}

/* Signatures over text, made once by ssh-keygen 9.2 with the software key, counter 7. */
#define ECDSA_SK "AAAAInNrLWVjZHNhLXNoYTItbmlzdHAyNTZAb3BlbnNzaC5jb20AAAAIbmlzdHAyNTYAAABBBDUOiovnCGMXteDPeaS3jOAH/el9xZpQwOoF" \
	"rdhKlG36ObgC8roKxO8PJxfC6uan5TP5hV2kJKLc4uEuSUFvy7kAAAAEc3NoOg=="
#define ED25519_SK "AAAAGnNrLXNzaC1lZDI1NTE5QG9wZW5zc2guY29tAAAAIFTas4teg4pTiqCMJ4gFHhPTtq0J0eVLRrZ49W5jF7VuAAAABHNzaDo="
/* Up to the inner signature, whose length follows. */
#define ECDSA_BEGINS "U1NIU0lHAAAAAQAAAH8AAAAic2stZWNkc2Etc2hhMi1uaXN0cDI1NkBvcGVuc3NoLmNvbQ\n" \
	"AAAAhuaXN0cDI1NgAAAEEENQ6Ki+cIYxe14M95pLeM4Af96X3FmlDA6gWt2EqUbfo5uALy\n" \
	"ugrE7w8nF8Lq5qflM/mFXaQkotzi4S5JQW/LuQAAAARzc2g6AAAADWFuc3dlckB0d29rZX\n"
static const struct golden {
	const char *type, *key, *signature;
	bool touch, pin;
} goldens[] = {
	{ "sk-ecdsa-sha2-nistp256@openssh.com", ECDSA_SK, ECDSA_BEGINS
	    "kAAAAAAAAABnNoYTUxMgAAAHgAAAAic2stZWNkc2Etc2hhMi1uaXN0cDI1NkBvcGVuc3No\n"
	    "LmNvbQAAAEkAAAAhAOt3XArB5hDq9n4YlzlkWgY/GwpGaAsVZJOK6kd531rKAAAAIFmEKt\n"
	    "NYRPjPbznI13YG5gICLIuU7kd7VffvC+qIawYaBQAAAAc=", true, true },
	{ "sk-ecdsa-sha2-nistp256@openssh.com", ECDSA_SK, ECDSA_BEGINS
	    "kAAAAAAAAABnNoYTUxMgAAAHcAAAAic2stZWNkc2Etc2hhMi1uaXN0cDI1NkBvcGVuc3No\n"
	    "LmNvbQAAAEgAAAAgF8EquTGW/3IBTFprUIkTf0Sx+8BfXI25k0yGgxN+PrcAAAAgTTe0IO\n"
	    "o2oxHys4Uhmql2gnlMpQYltiSLlWgU6VaSwdcAAAAABw==", false, false },
	{ "sk-ssh-ed25519@openssh.com", ED25519_SK, "U1NIU0lHAAAAAQAAAEoAAAAac2stc3NoLWVkMjU1MTlAb3BlbnNzaC5jb20AAAAgVNqzi1\n"
	    "6DilOKoIwniAUeE9O2rQnR5UtGtnj1bmMXtW4AAAAEc3NoOgAAAA1hbnN3ZXJAdHdva2V5\n"
	    "AAAAAAAAAAZzaGE1MTIAAABnAAAAGnNrLXNzaC1lZDI1NTE5QG9wZW5zc2guY29tAAAAQP\n"
	    "PpHVU87hidwrRmLOah86iLX+WpCyz42R2jz43n3/2SbtVZQBH4mgzi/tI0BoHgBgr6GYQJ\n"
	    "QGZWzHqoCRSWeAwFAAAABw==", true, true },
};

static void
armour(struct buf *out, const unsigned char *blob, size_t n)
{
	buf_reset(out);
	buf_puts(out, "-----BEGIN SSH SIGNATURE-----\n");
	text_base64(out, blob, n);
	buf_puts(out, "\n-----END SSH SIGNATURE-----\n");
}

/* The bytes of a golden signature. */
static size_t
blob_of(const struct golden *g, unsigned char *out, size_t size)
{
	struct buf one, blob;
	size_t n;

	buf_init(&one, 4096);
	buf_init(&blob, 4096);
	for (const char *p = g->signature; *p != '\0'; p++)
		if (*p != '\n')
			buf_putc(&one, *p);
	assert_int_equal(text_unbase64(&blob, buf_data(&one), buf_len(&one)), 0);
	n = buf_len(&blob);
	assert_true(n <= size);
	memcpy(out, buf_data(&blob), n);
	buf_fini(&one);
	buf_fini(&blob);
	return n;
}

static void
a_golden_signature_is_read_byte_for_byte(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof goldens / sizeof goldens[0]; i++) {
		const struct golden *g = &goldens[i];
		unsigned char blob[1024];
		size_t n = blob_of(g, blob, sizeof blob);
		struct buf lines, signature;
		struct err e = { .text = "" };
		struct sshsig s;

		buf_init(&lines, 4096);
		buf_init(&signature, TRANSCRIPT_SIGNATURE_MAX);
		buf_putf(&lines, "anna %s %s\n", g->type, g->key);
		armour(&signature, blob, n);
		if (verify(&lines, "anna", text, &signature, &s, &e) != 0)
			fail_msg("%s", e.text);
		assert_string_equal(s.key.type, g->type);
		assert_true(s.hardware);
		assert_int_equal(s.touch, g->touch);
		assert_int_equal(s.pin, g->pin);
		assert_int_equal(s.counter, 7);
		assert_string_equal(s.namespace, TRANSCRIPT_ANSWER_NAMESPACE);
		/* what it claims is signed too: another claim is read, and no good signature any more */
		blob[n - 5] ^= 5;
		blob[n - 4] = 1;
		armour(&signature, blob, n);
		assert_int_equal(sshsig_parse(buf_data(&signature), buf_len(&signature), &s, &e), 0);
		assert_int_equal(s.touch, !g->touch);
		assert_int_equal(s.pin, !g->pin);
		assert_int_equal(s.counter, 0x01000007);
		assert_int_equal(verify(&lines, "anna", text, &signature, NULL, &e), ERR_DENIED);
		buf_fini(&lines);
		buf_fini(&signature);
	}
}

/* Flags and counter are five bytes behind the signature, of that type and no other. */
static void
a_golden_signature_of_another_shape_is_none(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof goldens / sizeof goldens[0]; i++) {
		unsigned char blob[1024], was[1024], *type;
		size_t n = blob_of(&goldens[i], was, sizeof was), inner, len = strlen(goldens[i].type);
		struct buf signature;
		struct sshsig s;
		struct err e;

		type = memmem(was + 20, n - 20, goldens[i].type, len);	/* not the key's, which begins at 18 */
		assert_non_null(type);
		inner = (size_t)(type - was) - 8;	/* length of the inner signature, below 256 */
		buf_init(&signature, TRANSCRIPT_SIGNATURE_MAX);
		for (int by = -6; by <= 1; by++) {
			memset(blob, 0, sizeof blob);
			memcpy(blob, was, n);
			blob[inner + 3] = (unsigned char)(blob[inner + 3] + by);
			armour(&signature, blob, n + (size_t)by);
			assert_int_equal(sshsig_parse(buf_data(&signature), buf_len(&signature), &s, &e), by == 0 ? 0 : ERR_INVALID);
		}
		memcpy(blob, was, n);
		blob[inner + 8] ^= 1;	/* the type of the inner one alone */
		armour(&signature, blob, n);
		assert_int_equal(sshsig_parse(buf_data(&signature), buf_len(&signature), &s, &e), ERR_INVALID);
		buf_fini(&signature);
	}
}

static void
a_signature_for_another_use_is_none(void **state)
{
	struct fixture *f = *state;
	struct buf signature;
	struct err e;

	buf_init(&signature, TRANSCRIPT_SIGNATURE_MAX);
	test_key_sign(f->keys[0], TRANSCRIPT_SEAL_NAMESPACE, text, sizeof text - 1, 0, &signature);
	assert_int_equal(verify(&f->lines[0], "anna", text, &signature, NULL, &e), ERR_DENIED);
	buf_fini(&signature);
}

static void
a_key_counts_only_in_its_time(void **state)
{
	struct fixture *f = *state;
	struct buf lines;
	static const struct {
		const char *at;
		int ret;
	} rows[] = { { "2026-01-31T23:00:00Z", ERR_DENIED }, { "2026-02-15T12:00:00.5Z", 0 }, { "2026-03-01T01:00:00Z", ERR_DENIED } };

	buf_init(&lines, 8192);
	buf_puts(&lines, "anna valid-after=\"20260201Z\",valid-before=\"20260301Z\" ");
	test_key_public(f->keys[0], &lines);
	buf_puts(&lines, "\n");
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct sshsig_wish w = { .signer = "anna", .namespace = TRANSCRIPT_ANSWER_NAMESPACE, .lines = buf_str(&lines),
		    .within_ms = WITHIN_MS };
		struct err e;

		(void)clock_parse(rows[i].at, strlen(rows[i].at), &w.at_us);
		if (w.at_us == 0)
			(void)clock_parse("2026-02-15T12:00:00Z", 20, &w.at_us);
		assert_int_equal(sshsig_verify(&w, text, sizeof text - 1, buf_data(&f->signatures[0]), buf_len(&f->signatures[0]),
		    NULL, &e), rows[i].ret);
	}
	buf_fini(&lines);
}

/* Every bit of the blob counts: what still parses is not good any more, or says the same. */
static void
a_flipped_bit_never_lifts_a_signature(void **state)
{
	struct fixture *f = *state;

	for (int i = 0; i < KINDS; i++) {
		struct buf *s = &f->signatures[i];
		size_t n = buf_len(s);
		char *copy = malloc(n);
		struct sshsig was, is;
		struct err e;

		assert_non_null(copy);
		assert_int_equal(sshsig_parse(buf_data(s), n, &was, &e), 0);
		for (size_t at = 0; at < n; at++)
			for (int bit = 0; bit < 8; bit++) {
				memcpy(copy, buf_data(s), n);
				copy[at] ^= (char)(1 << bit);
				if (sshsig_parse(copy, n, &is, &e) != 0)
					assert_null(is.key.type);
				else
					assert_int_equal(is.hardware, was.hardware);
			}
		for (size_t cut = 0; cut < n - 1; cut++)
			assert_int_equal(sshsig_parse(buf_data(s), cut, &is, &e), ERR_INVALID);
		free(copy);
	}
}

static void
what_is_no_signature_is_answered_by_a_sentence(void **state)
{
	static const char *const rows[] = { "", "-----BEGIN SSH SIGNATURE-----\n", "-----BEGIN SSH SIGNATURE-----\n-----END SSH SIGNATURE-----",
		"-----BEGIN SSH SIGNATURE-----\nAAAA\n-----END SSH SIGNATURE-----\n", "-----BEGIN PGP SIGNATURE-----\n",
		"-----BEGIN SSH SIGNATURE-----\nU1NIU0lHAAAAAg==\n-----END SSH SIGNATURE-----\n",
		"-----BEGIN SSH SIGNATURE-----\nU1NIU0lHAAAAAQ==\n-----END SSH SIGNATURE-----\n",
		"-----BEGIN SSH SIGNATURE-----\nU1NIU0lHAAAAAf////8=\n-----END SSH SIGNATURE-----\n" };

	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct sshsig s;
		struct err e = { .text = "" };

		assert_int_equal(sshsig_parse(rows[i], strlen(rows[i]), &s, &e), ERR_INVALID);
		assert_non_null(strstr(e.text, "ssh-keygen -Y sign"));
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_signature_is_good_for_its_key_text_and_person),
		cmocka_unit_test(what_the_security_key_claims_is_read),
		cmocka_unit_test(a_golden_signature_is_read_byte_for_byte),
		cmocka_unit_test(a_golden_signature_of_another_shape_is_none),
		cmocka_unit_test(a_signature_for_another_use_is_none),
		cmocka_unit_test(a_key_counts_only_in_its_time),
		cmocka_unit_test(a_flipped_bit_never_lifts_a_signature),
		cmocka_unit_test(what_is_no_signature_is_answered_by_a_sentence),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
