/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Any bytes as a known_hosts file and as a pin: the answer is in its bounds; a file is never milder with a line
 * that revokes the key, and a key that no line holds is never known. */
#include "config.h"

#include <stdlib.h>
#include <string.h>

#include "fuzz.h"
#include "tunnel/known.h"
#include "twokey/base/buf.h"
#include "twokey/base/must.h"
#include "twokey/base/text.h"

static const unsigned char key[] = "\0\0\0\013ssh-ed25519\0\0\0\040abcdefghijklmnopqrstuvwxyz012345";
static const char host[] = "gate.example.com";

static void
check_answer(const struct known_answer *a)
{
	must((unsigned)a->verdict <= KNOWN_BROKEN);
	must(memchr(a->type, '\0', sizeof a->type) != NULL && memchr(a->fingerprint, '\0', sizeof a->fingerprint) != NULL);
}

/* The key of a line in base64, as it would stand in a file. */
static void
key_text(struct buf *out)
{
	buf_puts(out, "ssh-ed25519 ");
	text_base64(out, key, sizeof key - 1);
	buf_putc(out, '\n');
}

static void
check_file(const char *text, size_t n)
{
	struct known_answer a, b;
	struct buf more;

	buf_init(&more, n + 4096);
	known_check(text, n, host, 22, key, sizeof key - 1, &a);
	check_answer(&a);
	known_algorithms(text, n, host, 22, &more);
	buf_reset(&more);
	buf_put(&more, text, n);
	buf_puts(&more, "\n@revoked * ");
	key_text(&more);
	known_check(buf_data(&more), buf_len(&more), host, 22, key, sizeof key - 1, &b);
	must(b.verdict == KNOWN_REVOKED || b.verdict == KNOWN_BROKEN);
	known_check(text, n, host, 2222, key, sizeof key - 1, &b);
	check_answer(&b);
	buf_fini(&more);
}

static void
check_pin(const char *text, size_t n)
{
	char *pin = must_strndup(text, n);
	struct known_answer a;
	struct buf out;

	known_pin(pin, key, sizeof key - 1, &a);
	check_answer(&a);
	buf_init(&out, 4096);
	known_pin_algorithms(pin, &out);
	buf_fini(&out);
	free(pin);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	check_file((const char *)data, n);
	check_pin((const char *)data, n);
	return 0;
}
