/* SPDX-License-Identifier: GPL-3.0-or-later */
/* OpenSSH's PROTOCOL.sshsig, and PROTOCOL.u2f for what a security key adds. */
#include "config.h"

#include "twokey/transcript/sshsig.h"

#include <string.h>

#include "twokey/base/buf.h"
#include "twokey/base/err.h"
#include "twokey/base/text.h"
#include "twokey/transcript/answer.h"

static const char begins[] = "-----BEGIN SSH SIGNATURE-----\n", ends[] = "-----END SSH SIGNATURE-----";
enum { BEGINS = sizeof begins - 1, ENDS = sizeof ends - 1, TOUCH = 1, PIN = 4, FLAGS_AND_COUNTER = 5 };

static int
none(struct err *e, const char *what)
{
	return err_set(e, ERR_INVALID, "the signature %s; one as ssh-keygen -Y sign writes it is expected", what);
}

/* The base64 between the two lines, as bytes. */
static bool
unarmour(const char *s, size_t n, struct buf *blob)
{
	const char *end = n > BEGINS ? memmem(s + BEGINS, n - BEGINS, ends, ENDS) : NULL;
	struct buf text;
	bool ok;

	if (end == NULL || memcmp(s, begins, BEGINS) != 0)
		return false;
	for (const char *p = end + ENDS; p < s + n; p++)
		if (*p != '\n')
			return false;
	buf_init(&text, TRANSCRIPT_SIGNATURE_MAX);
	for (const char *p = s + BEGINS; p < end; p++)
		if (*p != '\n')
			buf_putc(&text, *p);
	ok = text_unbase64(blob, buf_data(&text), buf_len(&text)) == 0;
	buf_fini(&text);
	return ok;
}

/* The innermost blob: its type is the key's, and of a security key flags and counter stand behind it. */
static bool
take_signature(const unsigned char *p, size_t n, struct sshsig *out)
{
	const unsigned char *type, *value;
	size_t type_len, len;

	if (!sshkey_string(&p, &n, &type, &type_len) || !sshkey_string(&p, &n, &value, &len))
		return false;
	out->hardware = sshkey_is_hardware(out->key.type);
	if (strcmp(out->key.type, "ssh-rsa") == 0)	/* SHA-1 is not taken by ssh-keygen either */
		return n == 0 && type_len == 12 && (memcmp(type, "rsa-sha2-512", 12) == 0 ||
		    memcmp(type, "rsa-sha2-256", 12) == 0);
	if (type_len != strlen(out->key.type) || memcmp(type, out->key.type, type_len) != 0 ||
	    n != (out->hardware ? FLAGS_AND_COUNTER : 0))
		return false;
	out->touch = out->hardware && (p[0] & TOUCH) != 0;
	out->pin = out->hardware && (p[0] & PIN) != 0;
	if (out->hardware)
		out->counter = (uint32_t)p[1] << 24 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 8 | p[4];
	return true;
}

static int
take_blob(const unsigned char *p, size_t n, struct sshsig *out, struct err *e)
{
	static const unsigned char magic[] = { 'S', 'S', 'H', 'S', 'I', 'G', 0, 0, 0, 1 };
	const unsigned char *key, *namespace, *reserved, *hash, *signature;
	size_t key_len, namespace_len, len, signature_len;

	if (n < sizeof magic || memcmp(p, magic, sizeof magic) != 0)
		return none(e, "is of another kind or version");
	p += sizeof magic;
	n -= sizeof magic;
	if (!sshkey_string(&p, &n, &key, &key_len) || !sshkey_string(&p, &n, &namespace, &namespace_len) ||
	    !sshkey_string(&p, &n, &reserved, &len) || !sshkey_string(&p, &n, &hash, &len) ||
	    !sshkey_string(&p, &n, &signature, &signature_len) || n != 0)
		return none(e, "is not whole");
	if (!sshkey_parse_blob(key, key_len, &out->key))
		return none(e, "is of a key that is not taken");
	if (namespace_len == 0 || namespace_len >= sizeof out->namespace || memchr(namespace, '\0', namespace_len) != NULL)
		return none(e, "has no namespace that is taken");
	memcpy(out->namespace, namespace, namespace_len);
	if (!take_signature(signature, signature_len, out))
		return none(e, "does not fit its key");
	return 0;
}

int
sshsig_parse(const char *armoured, size_t n, struct sshsig *out, struct err *e)
{
	struct buf blob;
	int ret;

	*out = (struct sshsig){ 0 };
	if (n > TRANSCRIPT_SIGNATURE_MAX)
		return none(e, "is too long");
	buf_init(&blob, TRANSCRIPT_SIGNATURE_MAX);
	if (unarmour(armoured, n, &blob))
		ret = take_blob((const unsigned char *)buf_data(&blob), buf_len(&blob), out, e);
	else
		ret = none(e, "is no armoured text");
	buf_fini(&blob);
	if (ret != 0)
		*out = (struct sshsig){ 0 };
	return ret;
}
