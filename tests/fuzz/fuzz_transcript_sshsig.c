/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Any bytes as an armoured signature, as a signature's blob and as the line of a key: what is taken is whole, and only a
 * security key has flags. */
#include "config.h"

#include <string.h>

#include "fuzz.h"
#include "twokey/base/buf.h"
#include "twokey/base/err.h"
#include "twokey/base/must.h"
#include "twokey/base/text.h"
#include "twokey/transcript/answer.h"
#include "twokey/transcript/sshsig.h"

static void
check(const char *p, size_t n)
{
	struct sshsig s;
	struct err e;

	if (sshsig_parse(p, n, &s, &e) != 0) {
		must(s.key.type == NULL && !s.touch && !s.pin);
		return;
	}
	must(strlen(s.key.fingerprint) == SSHKEY_FINGERPRINT - 1 && s.namespace[0] != '\0');
	must(s.hardware == sshkey_is_hardware(s.key.type) && (s.hardware || (!s.touch && !s.pin)));
}

static void
check_key(const char *p, size_t n)
{
	struct sshkey key, again;

	if (!sshkey_parse(p, n, &key))
		return;
	must(key.len <= n && sshkey_parse(p, key.len, &again));
	must(strcmp(key.fingerprint, again.fingerprint) == 0 && key.len == again.len);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct buf armoured;

	check((const char *)data, n);
	check_key((const char *)data, n);
	buf_init(&armoured, 2 * n + 128);
	buf_puts(&armoured, "-----BEGIN SSH SIGNATURE-----\n");
	text_base64(&armoured, data, n);
	buf_puts(&armoured, "\n-----END SSH SIGNATURE-----\n");
	check(buf_data(&armoured), buf_len(&armoured));
	buf_fini(&armoured);
	return 0;
}
