/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "twokey/base/sshkey.h"

#include <stdint.h>
#include <string.h>

#include "twokey/base/buf.h"
#include "twokey/base/digest.h"
#include "twokey/base/text.h"

/* Each key is its type and so many strings more (RFC 4253 6.6, RFC 5656 3.1, RFC 8709 4, OpenSSH's PROTOCOL.u2f). */
static const struct {
	const char *type;
	unsigned strings;
	size_t first;		/* bytes that the first of them has, 0: any */
} types[] = {
	{ "ssh-ed25519", 1, 32 },
	{ "sk-ssh-ed25519@openssh.com", 2, 32 },
	{ "ecdsa-sha2-nistp256", 2, 8 },
	{ "ecdsa-sha2-nistp384", 2, 8 },
	{ "ecdsa-sha2-nistp521", 2, 8 },
	{ "sk-ecdsa-sha2-nistp256@openssh.com", 3, 8 },
	{ "ssh-rsa", 2, 0 },
};
enum { TYPES = sizeof types / sizeof types[0] };

bool
sshkey_string(const unsigned char **p, size_t *n, const unsigned char **s, size_t *len)
{
	uint32_t want;

	if (*n < 4)
		return false;
	want = (uint32_t)(*p)[0] << 24 | (uint32_t)(*p)[1] << 16 | (uint32_t)(*p)[2] << 8 | (*p)[3];
	if (want > *n - 4)
		return false;
	*s = *p + 4;
	*len = want;
	*p += 4 + want;
	*n -= 4 + (size_t)want;
	return true;
}

static void
fingerprint(const void *blob, size_t n, char out[SSHKEY_FINGERPRINT])
{
	struct digest d = digest_of(blob, n);
	struct buf b;

	buf_init(&b, 64);
	buf_puts(&b, "SHA256:");
	text_base64(&b, d.b, sizeof d.b);
	memcpy(out, buf_data(&b), SSHKEY_FINGERPRINT - 1);	/* without the padding, as ssh-keygen prints it */
	out[SSHKEY_FINGERPRINT - 1] = '\0';
	buf_fini(&b);
}

/* The strings behind the type are there, and nothing else. */
static bool
is_whole(const unsigned char *p, size_t n, unsigned strings, size_t first)
{
	const unsigned char *s;
	size_t len;

	for (unsigned i = 0; i < strings; i++)
		if (!sshkey_string(&p, &n, &s, &len) || len == 0 || (i == 0 && first != 0 && len != first))
			return false;
	return n == 0;
}

bool
sshkey_parse_blob(const void *blob, size_t n, struct sshkey *out)
{
	const unsigned char *p = blob, *type;
	size_t left = n, len;

	if (n > SSHKEY_BLOB_MAX || !sshkey_string(&p, &left, &type, &len))
		return false;
	for (size_t i = 0; i < TYPES; i++) {
		if (strlen(types[i].type) != len || memcmp(types[i].type, type, len) != 0 ||
		    !is_whole(p, left, types[i].strings, types[i].first))
			continue;
		*out = (struct sshkey){ .type = types[i].type };
		fingerprint(blob, n, out->fingerprint);
		return true;
	}
	return false;
}

bool
sshkey_parse(const char *line, size_t n, struct sshkey *out)
{
	const char *blank = memchr(line, ' ', n), *end;
	struct buf blob;
	size_t type;
	bool ok;

	if (blank == NULL)
		return false;
	type = (size_t)(blank - line);
	end = memchr(blank + 1, ' ', n - type - 1);
	if (end == NULL)
		end = line + n;
	buf_init(&blob, SSHKEY_BLOB_MAX);
	ok = text_unbase64(&blob, blank + 1, (size_t)(end - blank) - 1) == 0 &&
	    sshkey_parse_blob(buf_data(&blob), buf_len(&blob), out) && strlen(out->type) == type &&
	    memcmp(out->type, line, type) == 0;
	if (ok)
		out->len = (size_t)(end - line);
	buf_fini(&blob);
	return ok;
}

bool
sshkey_is_hardware(const char *type)
{
	return strncmp(type, "sk-", 3) == 0;
}
