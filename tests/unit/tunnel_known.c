/* SPDX-License-Identifier: GPL-3.0-or-later */
/* known_hosts files as OpenSSH writes them, and the markers that libssh would not honour. */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "tunnel/known.h"
#include "twokey/base/buf.h"
#include "twokey/base/hmac.h"
#include "twokey/base/text.h"

#define HOST "gate.example.com"
/* what ssh-keygen -H made of HOST */
#define HASHED "|1|imi1m5+iXBNOQlDVLmmgbY3Z+p8=|ggBuDg0F16ukOd6CLFQTiBzfuqg="

static const unsigned char key_a[] = "\0\0\0\013ssh-ed25519\0\0\0\040abcdefghijklmnopqrstuvwxyz012345";
static const unsigned char key_b[] = "\0\0\0\013ssh-ed25519\0\0\0\040ABCDEFGHIJKLMNOPQRSTUVWXYZ012345";
static const unsigned char key_r[] = "\0\0\0\007ssh-rsa\0\0\0\003\1\0\1\0\0\0\1\7";
enum { KEY_LEN = sizeof key_a - 1, RSA_LEN = sizeof key_r - 1 };

/* Writes a file from a pattern: A, B and R in braces stand for the keys. */
static const char *
file(const char *pattern)
{
	static struct buf out;

	buf_fini(&out);
	buf_init(&out, 65536);
	for (const char *p = pattern; *p != '\0'; p++) {
		if (p[0] != '{') {
			buf_putc(&out, *p);
			continue;
		}
		buf_puts(&out, p[1] == 'R' ? "ssh-rsa " : "ssh-ed25519 ");
		text_base64(&out, p[1] == 'A' ? key_a : p[1] == 'B' ? key_b : key_r, p[1] == 'R' ? RSA_LEN : KEY_LEN);
		p += 2;
	}
	return buf_str(&out);
}

static struct known_answer
ask(const char *pattern, const char *host, uint16_t port)
{
	const char *text = file(pattern);
	struct known_answer a;

	known_check(text, strlen(text), host, port, key_a, KEY_LEN, &a);
	return a;
}

static const struct {
	const char *text;
	const char *host;
	uint16_t port;
	enum known_verdict verdict;
	size_t line;
} all[] = {
	{ "", HOST, 22, KNOWN_UNKNOWN, 0 },
	{ HOST " {A}\n", HOST, 22, KNOWN_OK, 1 },
	{ HOST " {A} a comment\r\n", HOST, 22, KNOWN_OK, 1 },
	{ "  \t" HOST "\t{A}", HOST, 22, KNOWN_OK, 1 },
	{ "# " HOST " {A}\n", HOST, 22, KNOWN_UNKNOWN, 0 },
	{ "GATE.example.COM {A}\n", "Gate.Example.com", 22, KNOWN_OK, 1 },
	{ "other.example.com {A}\n", HOST, 22, KNOWN_UNKNOWN, 0 },
	{ "x," HOST ",192.0.2.1 {A}\n", "192.0.2.1", 22, KNOWN_OK, 1 },
	{ "*.example.com {A}\n", HOST, 22, KNOWN_OK, 1 },
	{ "g?te.*.com {A}\n", HOST, 22, KNOWN_OK, 1 },
	{ "*.example.com,!gate.* {A}\n", HOST, 22, KNOWN_UNKNOWN, 0 },
	{ "!gate.*,*.example.com {A}\n", HOST, 22, KNOWN_UNKNOWN, 0 },
	{ "!gate.example.com {A}\n", HOST, 22, KNOWN_UNKNOWN, 0 },
	{ HASHED " {A}\n", HOST, 22, KNOWN_OK, 1 },
	{ HASHED " {A}\n", "GATE.example.com", 22, KNOWN_OK, 1 },
	{ HASHED " {A}\n", "other.example.com", 22, KNOWN_UNKNOWN, 0 },
	{ "|1|AAAA|BBBB {A}\n|1|{A}\n|2|x|y {A}\n", HOST, 22, KNOWN_UNKNOWN, 0 },
	/* the port belongs to the name */
	{ "[" HOST "]:2222 {A}\n", HOST, 2222, KNOWN_OK, 1 },
	{ "[" HOST "]:2222 {A}\n", HOST, 22, KNOWN_UNKNOWN, 0 },
	{ HOST " {A}\n", HOST, 2222, KNOWN_UNKNOWN, 0 },
	/* another key */
	{ HOST " {B}\n", HOST, 22, KNOWN_CHANGED, 1 },
	{ HOST " {R}\n", HOST, 22, KNOWN_CHANGED, 1 },
	{ HOST " {R}\n" HOST " {B}\n", HOST, 22, KNOWN_CHANGED, 2 },
	{ HOST " {B}\n" HOST " {R}\n", HOST, 22, KNOWN_CHANGED, 1 },
	{ HOST " {B}\n" HOST " {A}\n", HOST, 22, KNOWN_OK, 2 },
	{ HOST " {A}\n" HOST " {B}\n", HOST, 22, KNOWN_OK, 1 },
	/* a type that is not the key's, and no key at all */
	{ HOST " ssh-rsa AAAAC3NzaC1lZDI1NTE5AAAAIGFiYw==\n", HOST, 22, KNOWN_UNKNOWN, 0 },
	{ HOST "\n" HOST " ssh-ed25519\n" HOST " ssh-ed25519 !!!!\n", HOST, 22, KNOWN_UNKNOWN, 0 },
	/* markers */
	{ "@revoked * {A}\n", HOST, 22, KNOWN_REVOKED, 1 },
	{ HOST " {A}\n@revoked * {A}\n", HOST, 22, KNOWN_REVOKED, 2 },
	{ "@revoked " HOST " {A}\n" HOST " {A}\n", HOST, 22, KNOWN_REVOKED, 1 },
	{ "[" HOST "]:2222 {A}\n@revoked " HOST " {A}\n", HOST, 2222, KNOWN_REVOKED, 2 },
	{ "@revoked " HASHED " {A}\n" HOST " {A}\n", HOST, 22, KNOWN_REVOKED, 1 },
	{ "@revoked other.example.com {A}\n" HOST " {A}\n", HOST, 22, KNOWN_OK, 2 },
	{ "@revoked * {B}\n" HOST " {A}\n", HOST, 22, KNOWN_OK, 2 },
	{ "@revoked * ssh-ed25519 junk!\n" HOST " {A}\n", HOST, 22, KNOWN_BROKEN, 1 },
	{ HOST " {A}\n@revoked\n", HOST, 22, KNOWN_BROKEN, 2 },
	{ "@cert-authority *.example.com {B}\n", HOST, 22, KNOWN_AUTHORITY, 1 },
	{ "@cert-authority *.example.com {A}\n", HOST, 22, KNOWN_AUTHORITY, 1 },
	{ "@cert-authority *.example.com {B}\n" HOST " {A}\n", HOST, 22, KNOWN_OK, 2 },
	{ "@cert-authority *.example.com {B}\n" HOST " {B}\n", HOST, 22, KNOWN_CHANGED, 2 },
	{ "@Revoked * {B}\n" HOST " {A}\n", HOST, 22, KNOWN_BROKEN, 1 },
	{ "@new " HOST " {A}\n", HOST, 22, KNOWN_BROKEN, 1 },
};

static void
test_verdicts(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
		struct known_answer a = ask(all[i].text, all[i].host, all[i].port);

		if (a.verdict != all[i].verdict || a.line != all[i].line)
			fail_msg("%zu: %s: verdict %d line %zu", i, all[i].text, (int)a.verdict, a.line);
	}
}

static void
test_expected(void **state)
{
	struct known_answer a = ask(HOST " {B}\n", HOST, 22);
	char seen[64];

	(void)state;
	known_fingerprint(key_b, KEY_LEN, seen);
	assert_string_equal(a.type, "ssh-ed25519");
	assert_string_equal(a.fingerprint, seen);
	assert_int_equal(strlen(seen), 50);
	assert_memory_equal(seen, "SHA256:", 7);
}

static void
test_pin(void **state)
{
	struct known_answer a;
	char seen[64];

	(void)state;
	known_fingerprint(key_a, KEY_LEN, seen);
	known_pin(seen, key_a, KEY_LEN, &a);
	assert_int_equal(a.verdict, KNOWN_OK);
	known_pin(seen, key_b, KEY_LEN, &a);
	assert_int_equal(a.verdict, KNOWN_CHANGED);
	assert_string_equal(a.fingerprint, seen);
	known_pin(file("{A} comment"), key_a, KEY_LEN, &a);
	assert_int_equal(a.verdict, KNOWN_OK);
	known_pin(file("{B}"), key_a, KEY_LEN, &a);
	assert_int_equal(a.verdict, KNOWN_CHANGED);
	known_pin(file("ssh-rsa {B}"), key_a, KEY_LEN, &a);
	assert_int_equal(a.verdict, KNOWN_BROKEN);
	known_pin("SHA256:short", key_a, KEY_LEN, &a);
	assert_int_equal(a.verdict, KNOWN_BROKEN);
	known_pin("SHA256:", key_a, KEY_LEN, &a);
	assert_int_equal(a.verdict, KNOWN_BROKEN);
	known_pin("", key_a, KEY_LEN, &a);
	assert_int_equal(a.verdict, KNOWN_BROKEN);
}

static void
test_algorithms(void **state)
{
	struct buf out;
	const char *text;

	(void)state;
	buf_init(&out, 1024);
	text = file(HOST " {R}\n" HASHED " {A}\nother {A}\n@revoked * {A}\n" HOST " {B}\n");
	known_algorithms(text, strlen(text), HOST, 22, &out);
	assert_string_equal(buf_str(&out), "rsa-sha2-512,rsa-sha2-256,ssh-ed25519");
	buf_reset(&out);
	known_algorithms(text, strlen(text), HOST, 2222, &out);
	assert_int_equal(buf_len(&out), 0);
	known_pin_algorithms("SHA256:x", &out);
	assert_int_equal(buf_len(&out), 0);
	known_pin_algorithms(file("{R}"), &out);
	assert_string_equal(buf_str(&out), "rsa-sha2-512,rsa-sha2-256");
	buf_fini(&out);
}

/* RFC 2202, case 2 */
static void
test_hmac(void **state)
{
	static const uint8_t want[HMAC_SHA1_LEN] = { 0xef, 0xfc, 0xdf, 0x6a, 0xe5, 0xeb, 0x2f, 0xa2, 0xd2, 0x74, 0x16, 0xd5, 0xf1,
		0x84, 0xdf, 0x9c, 0x25, 0x9a, 0x7c, 0x79 };
	uint8_t out[HMAC_SHA1_LEN];

	(void)state;
	hmac_sha1("Jefe", 4, "what do ya want for nothing?", 28, out);
	assert_memory_equal(out, want, sizeof want);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_verdicts),
		cmocka_unit_test(test_expected),
		cmocka_unit_test(test_pin),
		cmocka_unit_test(test_algorithms),
		cmocka_unit_test(test_hmac),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
