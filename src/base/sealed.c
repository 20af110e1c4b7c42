/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A box: format, public half of the fresh pair, sealed text, tag. The sealed text is its length in two bytes, the text,
 * zeros up to a multiple of PAD. */
#include "config.h"

#include "twokey/base/sealed.h"

#include <stdlib.h>
#include <string.h>

#include "base/sealed_crypt.h"
#include "twokey/base/buf.h"
#include "twokey/base/digest.h"
#include "twokey/base/err.h"
#include "twokey/base/must.h"
#include "twokey/base/secret.h"
#include "twokey/base/text.h"

enum {
	FORMAT = 1,
	PAD = 64,
	HEAD = 1 + CRYPT_HALF,
	PLAIN_MAX = 1024,
	RAW_MAX = HEAD + PLAIN_MAX + CRYPT_TAG
};

_Static_assert(SEALED_TEXT_MAX + 2 == PLAIN_MAX && PLAIN_MAX % PAD == 0, "the longest text fills the last step");
_Static_assert(SEALED_BOX_MAX == (RAW_MAX + 2) / 3 * 4, "base64 of the longest box");

struct sealed_pair {
	struct secret *private_half;
	unsigned char public_half[CRYPT_HALF];
};

struct sealed_pair *
sealed_pair_create(void)
{
	struct sealed_pair *p = must_zalloc(sizeof *p);
	unsigned char half[CRYPT_HALF];

	crypt_pair(half, p->public_half);
	p->private_half = secret_create(half, sizeof half);
	secret_wipe(half, sizeof half);
	return p;
}

void
sealed_pair_free(struct sealed_pair *p)
{
	if (p == NULL)
		return;
	secret_free(p->private_half);
	free(p);
}

void
sealed_public(const struct sealed_pair *p, char out[SEALED_PUBLIC + 1])
{
	struct buf b;

	buf_init(&b, SEALED_PUBLIC);
	text_base64(&b, p->public_half, CRYPT_HALF);
	must(buf_len(&b) == SEALED_PUBLIC);
	memcpy(out, buf_str(&b), SEALED_PUBLIC + 1);
	buf_fini(&b);
}

static void
put_number(struct buf *out, uint64_t n)
{
	for (int i = 56; i >= 0; i -= 8)
		buf_putc(out, (char)(n >> i));
}

void
sealed_context(struct buf *out, const char *session, uint64_t event, const char *what)
{
	put_number(out, strlen(session));
	buf_puts(out, session);
	put_number(out, event);
	put_number(out, strlen(what));
	buf_puts(out, what);
}

/* The bytes of base64 text; 0 when it is none or there are more than max. */
static size_t
unbase64(const char *s, size_t n, unsigned char *out, size_t max)
{
	struct buf b;
	size_t got = 0;

	buf_init(&b, max);
	if (text_unbase64(&b, s, n) == 0 && !buf_over(&b)) {
		got = buf_len(&b);
		memcpy(out, buf_data(&b), got);
	}
	buf_fini(&b);
	return got;
}

/* Length, text, zeros: the bytes that are sealed. */
static size_t
pad(const void *text, size_t n, unsigned char plain[PLAIN_MAX])
{
	memset(plain, 0, PLAIN_MAX);
	plain[0] = (unsigned char)(n >> 8);
	plain[1] = (unsigned char)n;
	memcpy(plain + 2, text, n);
	return (n + 2 + PAD - 1) / PAD * PAD;
}

int
sealed_seal(const char *public_key, size_t npublic, const void *context, size_t ncontext, const void *text, size_t n,
    struct buf *out, struct err *e)
{
	unsigned char holder[CRYPT_HALF], half[CRYPT_HALF], raw[RAW_MAX] = { FORMAT }, plain[PLAIN_MAX];
	struct digest d = digest_of(context, ncontext);
	struct crypt_halves h = { .own_private = half, .fresh = raw + 1, .holder = holder, .context = &d };
	size_t padded;
	bool ok;

	if (n > SEALED_TEXT_MAX)
		return err_set(e, ERR_TOO_LARGE, "%zu bytes are too many to be sealed; at most %d are taken", n, SEALED_TEXT_MAX);
	if (npublic != SEALED_PUBLIC || unbase64(public_key, npublic, holder, sizeof holder) != sizeof holder)
		return err_set(e, ERR_INVALID, "what should be a public key is none");
	crypt_pair(half, raw + 1);
	padded = pad(text, n, plain);
	ok = crypt_seal(&h, plain, padded, raw, HEAD);
	secret_wipe(half, sizeof half);
	secret_wipe(plain, sizeof plain);
	if (!ok)
		return err_set(e, ERR_INVALID, "what should be a public key is none");
	text_base64(out, raw, HEAD + padded + CRYPT_TAG);
	return buf_over(out) ? err_set(e, ERR_TOO_LARGE, "the sealed box does not fit") : 0;
}

/* The text out of what was sealed; NULL when its length is none. */
static struct secret *
unpad(const unsigned char *plain, size_t padded)
{
	size_t n = (size_t)plain[0] << 8 | plain[1];

	return n + 2 <= padded ? secret_create(plain + 2, n) : NULL;
}

int
sealed_open(const struct sealed_pair *p, const void *context, size_t ncontext, const char *box, size_t n,
    struct secret **out, struct err *e)
{
	unsigned char raw[RAW_MAX], plain[PLAIN_MAX + CRYPT_TAG];
	struct digest d = digest_of(context, ncontext);
	struct crypt_halves h = { .fresh = raw + 1, .holder = p->public_half, .context = &d };
	size_t got, padded;

	*out = NULL;
	h.own_private = (const unsigned char *)secret_reveal(p->private_half);
	got = n <= SEALED_BOX_MAX ? unbase64(box, n, raw, sizeof raw) : 0;
	padded = got > HEAD + CRYPT_TAG ? got - HEAD - CRYPT_TAG : 0;
	if (padded == 0 || padded % PAD != 0 || raw[0] != FORMAT)
		return err_set(e, ERR_INVALID, "what should be a sealed box is none");
	if (crypt_open(&h, raw, HEAD, padded, plain))
		*out = unpad(plain, padded);
	secret_wipe(plain, sizeof plain);
	return *out != NULL ? 0 : err_set(e, ERR_DENIED,
	    "the sealed box is for another key or question, or was changed; ask again");
}
